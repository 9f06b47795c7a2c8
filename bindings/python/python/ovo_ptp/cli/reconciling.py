"""`ovo-ptp reconcile`: OVO's settlement report beside the journal."""

from __future__ import annotations

import csv
import json
import sys
from itertools import chain
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp._typed import moment
from ovo_ptp.cli import output, shop
from ovo_ptp.cli.options import path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

AGREES, ERROR, DIFFERS = 0, 1, 3
#: Lines between two words to somebody who waits at a terminal.
PROGRESS = 50_000
BROKEN_OFF = "the report was not read to its end"
COLUMNS = ("invoice", "finding", "listed", "amount", "money", "text", "text_en")


def reconcile(options: argparse.Namespace) -> int:
    """Compares, beside whoever has the journal open; changes something with `--apply` alone."""
    columns = _pairs(
        "map", options.map, "name=column pairs, as invoice=MerchantInvoice,amount=Amount"
    )
    statuses = _pairs(
        "statuses", options.statuses, "status=meaning pairs, as TUNTAS=paid,BATAL=nothing"
    )
    only = _pairs("only", options.only, "column=value pairs, as TID=00000001,MID=000000000000001")
    reports = [
        ovo_ptp.read_settlement_report(path(it), columns, statuses, only=only)
        for it in options.report
    ]
    journal = shop.reading(options)
    books = ovo_ptp.Reconciliation(
        journal,
        _told(chain.from_iterable(reports)),
        since=None if options.since is None else moment("since", options.since),
        until=None if options.until is None else moment("until", options.until, end_of_day=True),
        matched=options.all,
    )
    try:
        extra = _written(books, options)
        sys.stdout.flush()
    except (OSError, ovo_ptp.OvoError) as error:
        why = BROKEN_OFF
        if isinstance(error, OSError):
            why = (
                "whoever read the list left before its end"
                if isinstance(error, BrokenPipeError)
                else "the list could not be written to its end"
            )
        _say_not_applied(why, options)
        raise
    for line in books.unread:
        shop.say_aside(line)
    for it in books.archived:
        shop.say_aside(f"{it.text()}; it was not compared with that (-j)")
    if extra is None:
        _say_not_applied(BROKEN_OFF, options)
        return ERROR
    if not books.looked_for_missing:
        shop.say_aside(
            "payments that the report has not were not looked for: it names no days, or has no "
            "line (--since and --until)"
        )
    if "perhaps next day" in books.counts:
        shop.say_aside(
            "what may stand in the next day's report is held against it with both: "
            "ovo-ptp reconcile DAY.csv NEXT.csv"
        )
    if extra and journal._native.is_archive():
        shop.say_aside(
            f"{len(extra)} extra debits of archived payments: nothing returns them from here, "
            "--apply neither; return them by hand, as each says"
        )
    elif extra and options.apply:
        _apply(extra, options)
    elif extra:
        by_hand = [invoice for invoice in extra if _is_closed(journal.payment(invoice))]
        if len(extra) > len(by_hand):
            shop.say_aside(
                f"{len(extra) - len(by_hand)} extra debits: --apply reports them, and the money "
                "goes back"
            )
        if by_hand:
            shop.say_aside(
                f"{len(by_hand)} extra debits that an operator closed: nothing returns them by "
                "itself; --apply notes the report, and you return them by hand"
            )
    return AGREES if books.agrees else DIFFERS


def _pairs(field: str, pairs: str | None, form: str) -> dict[str, str]:
    """`invoice=MerchantInvoice,amount=Amount` as a mapping."""
    named = [pair.partition("=") for pair in (pairs or "").split(",") if pair]
    # `status=`: there is no such column; `=paid`: what an empty status means.
    if not all(sign and (name or value) for name, sign, value in named):
        raise ovo_ptp.InvalidInputError(f"{field}: must be {form}", field=field)
    return {name.strip(): value.strip() for name, _, value in named}


def _told(lines: Iterator[ovo_ptp.SettlementLine]) -> Iterator[ovo_ptp.SettlementLine]:
    """The lines, and how far they are, where somebody waits for them."""
    waits = sys.stderr.isatty()
    for number, line in enumerate(lines, 1):
        if waits and number % PROGRESS == 0:
            sys.stderr.write(f"\r{number:,} lines")
            sys.stderr.flush()
        yield line
    if waits:
        sys.stderr.write("\r" + " " * 20 + "\r")


def _written(books: ovo_ptp.Reconciliation, options: argparse.Namespace) -> list[str] | None:
    """Prints what was found as it comes, then the summary; returns the extra debits' invoices, or
    `None` if a line is wrong and was said to be."""
    if options.csv:
        written = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
        written.writeheader()
        written.writerows(
            {name: output.cell(value) for name, value in it.to_dict().items()} for it in books
        )
    elif options.json:
        if not _as_json(iter(books), books):
            return None
    else:
        for it in books:
            amount = it.listed if it.listed is not None else it.amount
            money = "" if amount is None else ovo_ptp.format_rupiah(amount)
            invoice = output.printable(it.invoice)
            output.say(f"{invoice}  {money}  {it.finding.upper()}: {it.text_en}")
        rows = [
            (name, str(count), ovo_ptp.format_rupiah(rupiah) if rupiah else "Rp0")
            for name, (count, rupiah) in books.counts.items()
        ]
        output.table([("FINDING", "PAYMENTS", "AMOUNT"), *rows])
        output.say(_verdict(books))
    return books.extra_debits


def _verdict(books: ovo_ptp.Reconciliation) -> str:
    if books.agrees:
        return "the books agree"
    if books._differs():
        return "the books differ"
    if books.looked_for_missing and not books.unread:
        return "the books are not known to agree: payments of these days are in an archive"
    if books.looked_for_missing:
        return "the books are not known to agree: not all journals of this place could be read"
    return "the books are not known to agree: what the report has not was not looked for"


def _as_json(found: Iterator[ovo_ptp.Reconciled], books: ovo_ptp.Reconciliation) -> bool:
    """One value, written as it comes: a report may have a million lines. False if one is wrong."""
    sys.stdout.write('{"payments": [')
    failed: ovo_ptp.OvoError | None = None
    try:
        for number, it in enumerate(found):
            written = json.dumps(it.to_dict(), ensure_ascii=False)
            sys.stdout.write((", " if number else "") + written)
    except ovo_ptp.OvoError as error:
        failed = error
    counts = {
        name: {"payments": count, "rupiah": rupiah}
        for name, (count, rupiah) in books.counts.items()
    }
    summary: dict[str, object] = {
        "agrees": books.agrees,
        "looked_for_missing": books.looked_for_missing,
        "unread": list(books.unread),
        "archived": [it.to_dict() for it in books.archived],
        "counts": counts,
    }
    if failed is not None:
        summary |= {"agrees": False, "error": failed.code, "message": failed.message}
    output.say(f"], {json.dumps(summary)[1:]}")
    if failed is not None:
        shop.say_aside(str(failed))
    return failed is None


def _say_not_applied(why: str, options: argparse.Namespace) -> None:
    if options.apply:
        shop.say_aside(f"nothing was applied: {why}")


def _is_closed(report: ovo_ptp.PaymentReport | None) -> bool:
    """Whether an operator closed it: behind a ruling nothing is sent any more."""
    return report is not None and report.settlement == "closed by an operator"


def _apply(invoices: list[str], options: argparse.Namespace) -> None:
    """Gives each to the policy, which asks OVO and returns the money; but not behind a ruling."""
    goes_on = False
    with shop.opened(options) as client:
        for invoice in invoices:
            report = client.report_paid(invoice)
            by_hand = "; return it by hand unless that was done" if _is_closed(report) else ""
            goes_on = goes_on or not by_hand
            shop.say_aside(f"{invoice}: reported as paid; {report.settlement}{by_hand}")
    if goes_on:
        shop.say_aside("the running shop goes on with them, or `ovo-ptp settle --until-settled`")
