"""What an operator asks and decides: the journal's payments, and rulings about them."""

from __future__ import annotations

import csv
import os
import stat
import sys
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp._archives import in_archives
from ovo_ptp._typed import moment
from ovo_ptp.cli import output, shop
from ovo_ptp.cli.options import output_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

#: `PaymentReport.settlement` of a paid payment whose money may not be the shop's: its operator
#: dealt with it by hand or has to, or it is on its way back.
NOT_RECEIVED = ("closed by an operator", "waits for an operator", "void under way")
#: What a collector reads of a journal that cannot be read, as a client tells it.
UNREADABLE = """\
# HELP ovo_ptp_journal_readable 0 if the journal cannot be read; its figures are missing then.
# TYPE ovo_ptp_journal_readable gauge
ovo_ptp_journal_readable 0
"""
#: What a file of metrics begins with.
BEGINS = b"# HELP ovo_ptp_"
#: What a list for people shows if nobody says how many.
SCREEN = 50


def payments(options: argparse.Namespace) -> int:
    """Lists the journal, beside whoever has it open: newest first; for a machine all of it."""
    limit = options.limit
    if limit is not None and limit < 1:
        raise ovo_ptp.InvalidInputError("limit: must be 1 or more", field="limit")
    journal = shop.reading(options)
    found = _chosen(options, journal)
    # A total or a list that lacks a journal looks like one that is whole.
    unread = shop.unread(journal)
    for line in unread:
        shop.say_aside(line)
    if options.totals:
        _say_what_is_archived(options, journal)
        return _totals(found, unread, as_json=options.json)
    if options.csv:
        _as_csv(_first(found, limit))
    elif options.json:
        output.as_json(list(_first(found, limit)))
    else:
        shown = list(_first(found, SCREEN if limit is None else limit))
        output.payments(shown)
        if next(found, None) is not None:
            shop.say_aside(
                f"these are the first {len(shown)}, and there are more: --limit, --since, --until"
            )
    return 0


def metrics(options: argparse.Namespace) -> int:
    """How the journal stands, for Prometheus. A file is replaced as a whole: nobody reads half."""
    try:
        journal = shop.reading(options)
        text = journal.metrics_text()
    except ovo_ptp.JournalError:
        # A collector goes on reading the file: it must not go on with the last good figures.
        if options.to is not None:
            _replaced(options, UNREADABLE)
        raise
    if options.to is not None:
        _replaced(options, text)
    elif options.json:
        output.as_json(text)
    else:
        output.say(text.rstrip("\n"))
    unread = shop.unread(journal)
    for line in unread:
        shop.say_aside(line)
    return 1 if unread else 0


def _days(options: argparse.Namespace) -> tuple[datetime | None, datetime | None]:
    since = None if options.since is None else moment("since", options.since)
    until = None if options.until is None else moment("until", options.until, end_of_day=True)
    if since is not None and until is not None and until <= since:
        raise ovo_ptp.InvalidInputError("until: must be behind since", field="until")
    return since, until


def _chosen(
    options: argparse.Namespace, journal: ovo_ptp.JournalReader
) -> Iterator[ovo_ptp.PaymentReport]:
    since, until = _days(options)
    return journal.each_payment(
        unsettled=options.unsettled,
        unacknowledged=options.unacknowledged,
        needs_operator=options.needs_operator,
        since=since,
        until=until,
        tid=options.tid,
        mid=options.mid,
        newest_first=not options.oldest_first,
    )


def _say_what_is_archived(options: argparse.Namespace, journal: ovo_ptp.JournalReader) -> None:
    """A total of days whose payments have left looks like one of days without sales."""
    since, until = _days(options)
    for it in in_archives(journal, since, until):
        shop.say_aside(f"{it.text()}; they are not in these totals (-j)")


def _first(
    found: Iterator[ovo_ptp.PaymentReport], limit: int | None
) -> Iterator[ovo_ptp.PaymentReport]:
    while limit is None or limit > 0:
        report = next(found, None)
        if report is None:
            return
        yield report
        limit = None if limit is None else limit - 1


COLUMNS = (
    "invoice",
    "begun",
    "amount",
    "outcome",
    "approval_code",
    "is_late",
    "is_voided",
    "code",
    "settled",
    "needs_operator",
    "settlement",
    "acknowledged",
    "batch",
    "reference",
    "tid",
    "mid",
    "store_code",
)


def _as_csv(found: Iterable[ovo_ptp.PaymentReport]) -> None:
    """One line a payment; values that a payment has not are empty."""
    written = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
    written.writeheader()
    for report in found:
        fields = report.to_dict()
        row = {**(fields["outcome"] or {}), **fields["terminal"], **_flat(fields)}
        written.writerow({name: output.cell(value) for name, value in row.items()})


def _flat(fields: dict[str, object]) -> dict[str, object]:
    outcome = fields["outcome"]
    return {**fields, "outcome": outcome["outcome"] if isinstance(outcome, dict) else ""}


def _replaced(options: argparse.Namespace, text: str) -> None:
    file = output_file("to", options.to, options.journal)
    if not _is_ours(file):
        # Another till's journal, for one: of a name with one wrong letter.
        raise ovo_ptp.InvalidInputError(
            f"to: {file} is there and holds no metrics; it is not replaced", field="to"
        )
    written = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        written.write_text(text, encoding="utf-8")
        written.replace(file)
    except OSError as error:
        written.unlink(missing_ok=True)
        raise ovo_ptp.InvalidInputError(
            f"to: cannot be written to {file} ({error.strerror})", field="to"
        ) from None


def _is_ours(file: Path) -> bool:
    """Whether the file may be replaced: it is not there, is empty, or was written by this."""
    try:
        # A pipe would wait for somebody who writes into it, and a device is nobody's to replace.
        if not stat.S_ISREG(file.stat().st_mode):
            return False
        with file.open("rb") as there:
            begins = there.read(len(BEGINS))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return begins in (b"", BEGINS)


def _totals(found: Iterable[ovo_ptp.PaymentReport], unread: list[str], *, as_json: bool) -> int:
    """Payments and rupiah by outcome. What the shop keeps is what was paid, is not voided or about
    to be, and waits for no operator; what one dealt with by hand, their own books tell."""
    count: dict[str, int] = {}
    rupiah: dict[str, int] = {}
    for report in found:
        name = "no outcome yet" if report.outcome is None else output.outcome_name(report.outcome)
        if name.startswith("paid") and report.settlement in NOT_RECEIVED:
            name = f"paid, {report.settlement}"
        count[name] = count.get(name, 0) + 1
        rupiah[name] = rupiah.get(name, 0) + report.amount
    received = rupiah.get("paid", 0)
    if as_json:
        by_outcome = {name: {"payments": count[name], "rupiah": rupiah[name]} for name in count}
        output.as_json({"outcomes": by_outcome, "received": received, "unread": unread})
        return 0
    rows = [(name, str(count[name]), _money(rupiah[name])) for name in sorted(count)]
    output.table([("OUTCOME", "PAYMENTS", "AMOUNT"), *rows])
    but = ", without what is named above" if unread else ""
    output.say(f"received: {_money(received)}{but}")
    return 0


def _money(rupiah: int) -> str:
    return ovo_ptp.format_rupiah(rupiah) if rupiah else "Rp0"


def show(options: argparse.Namespace) -> int:
    """All that the journal knows about one payment, beside whoever has it open."""
    journal = shop.reading(options)
    report = journal.payment(options.invoice)
    if report is None:
        shop.say_what_is_unread(journal)
        raise ovo_ptp.NotFoundError(
            f"invoice {options.invoice}: no such payment in the journal", invoice=options.invoice
        )
    output.as_json(report) if options.json else output.payment(report)
    return 0


def rule(options: argparse.Namespace) -> int:
    """An operator's decision."""
    with shop.opened(options) as client:
        report = client.rule(options.invoice, options.ruling, reason=options.reason)
    return _decided(report, options)


def report_paid(options: argparse.Namespace) -> int:
    """OVO's settlement file shows the payment as paid."""
    with shop.opened(options) as client:
        report = client.report_paid(options.invoice)
    return _decided(report, options)


def _decided(report: ovo_ptp.PaymentReport, options: argparse.Namespace) -> int:
    output.as_json(report) if options.json else output.payment(report)
    if report.needs_operator:
        shop.say_aside(
            "it waits for an operator: `ovo-ptp explain` says what to do, `ovo-ptp rule` ends it"
        )
    elif not report.settled:
        shop.say_aside("not settled yet: the running shop goes on with it, or `ovo-ptp settle`")
    return 0


def acknowledge(options: argparse.Namespace) -> int:
    """The outcomes are in the merchant's own books."""
    with shop.opened(options) as client:
        for invoice in options.invoices:
            # Whoever types it has seen how it ended: of a ruling, in a list of another process.
            client.payment(invoice)
            client.acknowledge(invoice)
            if not options.json:
                output.say(f"{invoice}: acknowledged")
    if options.json:
        output.as_json({"acknowledged": options.invoices})
    return 0
