"""OVO's settlement report beside the journal: which line is whose, and what differs.

The report comes the day after. OVO publishes no format for Push To Pay, so its columns are the
caller's to name.
"""

from __future__ import annotations

from ovo_ptp import _make, _native
from ovo_ptp._record import Record
from ovo_ptp.errors import InvalidInputError, NotFoundError

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date, datetime, timedelta
    from typing import Any, ClassVar

    from ovo_ptp._archives import InArchive
    from ovo_ptp.reader import JournalReader

__all__ = ["Reconciled", "Reconciliation", "SettlementLine", "read_settlement_report"]

#: The columns of the sandbox's report. That OVO's other reports have `MerchantInvoice` is known.
COLUMNS = {
    "invoice": "MerchantInvoice",
    "amount": "Amount",
    "status": "Status",
    "date": "TransactionDate",
}
#: What the words of a status mean: the customer paid, has the money back, or no money moved.
MEANINGS = ("paid", "refunded", "nothing")
STATUSES = {
    **dict.fromkeys(("PAID", "SUCCESS", "SUCCESSFUL", "SETTLED", "COMPLETED", "APPROVED"), "paid"),
    **dict.fromkeys(("SALE", "PAYMENT", "SUKSES", "BERHASIL", "LUNAS"), "paid"),
    **dict.fromkeys(("VOIDED", "VOID", "REFUNDED", "REFUND", "REVERSED", "REVERSAL"), "refunded"),
    **dict.fromkeys(("FAILED", "FAILURE", "DECLINED", "REJECTED", "CANCELLED"), "nothing"),
    **dict.fromkeys(("CANCELED", "EXPIRED", "PENDING", "UNPAID", "GAGAL", "DITOLAK"), "nothing"),
}
#: The largest amount that there is.
MOST = 2**63 - 1
#: Lines that are handed to the native side at a time.
_PAGE = 500
#: Findings that lines beside each other show, which the native side does not see.
_OWN = ("failed there", "other day")
#: What a line is of a debit that the journal does not know of.
_UNKNOWN_DEBIT = ("extra debit", "contradicted")
#: `Reconciled.money` of a refund whose debit it does not know of.
_NEVER_DEBITED = ("not debited", "said not debited", "unsettled", "by hand")
#: A push may be paid for so long behind its beginning, as the core has it: on the next day.
_PAID_WITHIN = 70
_FAILED = {
    "id": "menurut laporan tidak ada dana berpindah, tetapi di sini lunas: tanyakan kepada OVO",
    "en": "the report says that no money moved, and it is paid here: ask OVO",
}


class SettlementLine(Record):
    """A line of the report."""

    __slots__ = ("invoice", "amount", "refunded", "day", "nothing", "elsewhere")
    _defaults: ClassVar[dict[str, Any]] = {
        "refunded": False,
        "day": None,
        "nothing": False,
        "elsewhere": False,
    }
    #: The merchant's invoice, as the report has it.
    invoice: str
    #: The amount of the payment in rupiah, before fees; 0 where it does not count and is none.
    amount: int
    #: Whether the line says that the customer has the money back.
    refunded: bool
    #: The day of the transaction, at midnight; `None` if the report does not tell.
    day: datetime | None
    #: Whether the line says that no money moved (FAILED): it differs from a payment told as paid.
    nothing: bool
    #: Whether it is another till's (`only`): of it nothing but the day counts.
    elsewhere: bool


class Reconciled(Record):
    """What a line of the report comes to, or a payment that has none."""

    __slots__ = (
        "finding",
        "is_difference",
        "invoice",
        "listed",
        "amount",
        "money",
        "text",
        "text_en",
    )
    #: `matched`, `refunded`, `open`, `by hand`, `perhaps next day`, `extra debit`, `returned here`,
    #: `refunded there`, `other amount`, `twice`, `missing here`, `missing at OVO`,
    #: `with operator`, `contradicted`, `failed there` or `other day`: the first of those that the
    #: report has on the one day and the journal on the other.
    finding: str
    #: Whether somebody must look: the two books differ. The refund's own line takes a
    #: `returned here` or an `extra debit` out of the counts again.
    is_difference: bool
    #: The invoice.
    invoice: str
    #: The report's amount; `None` if no line has this payment.
    listed: int | None
    #: The journal's amount; `None` if it does not know the invoice, or the two agree.
    amount: int | None
    #: Where the money is, as `Explanation.money`; `None` as above.
    money: str | None
    #: What it means and what to do, in Bahasa Indonesia.
    text: str
    #: The same in English.
    text_en: str


class Reconciliation:
    """A settlement report beside a journal: iterate over it, then read `counts` and `agrees`.

    Memory is bounded, whatever the length of the report: bits of each payment that was seen. It
    changes nothing; `extra_debits` are for `Client.report_paid`, which returns the money.

    >>> with ovo_ptp.Client(sandbox.base_url, sandbox.credentials, journal=folder / "s.db",
    ...                     ca_file=sandbox.ca_file, time_scale=sandbox.time_scale) as shop:
    ...     _ = shop.pay("INV-S-1", amount=12_500, phone="081234567890")
    >>> lines = [ovo_ptp.SettlementLine("INV-S-1", 12_000), ovo_ptp.SettlementLine("INV-X", 700)]
    >>> books = ovo_ptp.Reconciliation(ovo_ptp.JournalReader(folder / "s.db"), lines)
    >>> [(it.invoice, it.finding) for it in books]
    [('INV-S-1', 'other amount'), ('INV-X', 'missing here')]

    Args:
        journal: The journal.
        lines: The report.
        since: The beginning of the report's time, an aware datetime.
        until: Its end. Payments that were begun in between, are paid here and have had no line are
            `missing at OVO`. Where neither is given, the days of the lines decide, also of those
            that say that no money moved or are another till's; where the lines
            have none, nothing is looked for, `looked_for_missing` is false and `agrees`, too.
        matched: Whether lines that agree are handed out, too; they are counted in any case.

    Raises:
        InvalidInputError: `since` or `until` alone, or not one behind the other; or an amount that
            is none (by the iteration).
        JournalError: The journal cannot be read (by the iteration).
    """

    def __init__(
        self,
        journal: JournalReader,
        lines: Iterable[SettlementLine],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        matched: bool = False,
    ) -> None:
        if (since is None) != (until is None):
            missing = "since" if since is None else "until"
            raise InvalidInputError(f"{missing}: needed beside the other one", field=missing)
        self._journal = journal
        self._lines = lines
        self._since, self._until = (
            _make.unix_millis("since", since),
            _make.unix_millis("until", until),
        )
        if self._since is not None and self._until is not None and self._until <= self._since:
            raise InvalidInputError("until: must be behind since", field="until")
        self._matched = _make.flag("matched", matched)
        self._native = _native.Reconciliation()
        #: What is counted otherwise than the native side does, which sees one line at a time.
        self._moved: dict[str, list[int]] = {}
        #: Payments told as paid of which a line says that no money moved, and its amount.
        self._failed: dict[str, int] = {}
        #: By the report's day and the journal's, the first payment, how many, and their rupiah.
        self._other_days: dict[tuple[date, date], tuple[Reconciled, int, int]] = {}
        #: Debits that were not known here, by invoice, and refunds of such.
        self._debits: dict[str, Reconciled] = {}
        self._refunds: dict[str, Reconciled] = {}
        self.looked_for_missing = False
        #: Journals of this place that are gone or cannot be read, one line each; known at the end.
        #: As long as there is one, nothing is known to agree: what was sold may be in it.
        self.unread: tuple[str, ...] = ()
        #: What was archived of the report's days, and was not compared; known at the end.
        self.archived: tuple[InArchive, ...] = ()

    def __iter__(self) -> Iterator[Reconciled]:
        first: datetime | None = None
        last: datetime | None = None
        page: list[SettlementLine] = []
        try:
            for line in self._lines:
                if line.day is not None:
                    first = line.day if first is None else min(first, line.day)
                    last = line.day if last is None else max(last, line.day)
                if line.elsewhere:
                    continue
                if line.nothing:
                    self._note_failed(line)
                    continue
                _make.whole("amount", line.amount, 1, MOST)
                page.append(line)
                if len(page) == _PAGE:
                    yield from self._compared(page)
                    page = []
        except InvalidInputError:
            # The lines before the one that is wrong are known.
            yield from self._compared(page)
            raise
        yield from self._compared(page)
        self.unread = tuple(self._journal._unread())
        since, until = self._since, self._until
        if since is None and first is not None and last is not None:
            import datetime as dt

            since = _make.unix_millis("since", first)
            try:
                until = _make.unix_millis("until", last + dt.timedelta(days=1))
            except OverflowError:
                raise InvalidInputError("day: there is none behind it", field="day") from None
        yield from self._failed_there()
        yield from self._on_other_days(since, until)
        if since is not None and until is not None:
            yield from self._missing(since, until)
            from ovo_ptp._archives import in_archives
            from ovo_ptp._wib import at

            self.archived = tuple(in_archives(self._journal, at(since), at(until)))

    def _compared(self, page: list[SettlementLine]) -> Iterator[Reconciled]:
        lines = [(line.invoice, line.amount, line.refunded) for line in page]
        found = self._native.lines(self._journal._native, lines, True)
        for line, fields in zip(page, found, strict=True):
            it = self._beside_its_refund(Reconciled(**fields))
            if it.finding == "matched":
                self._note_other_day(line, it)
            if self._matched or it.finding != "matched":
                yield it

    def _beside_its_refund(self, it: Reconciled) -> Reconciled:
        """A debit that nobody knew of here and its refund, on two lines in either order: the
        customer has the money, and a reversal would be one too many."""
        if it.finding in _UNKNOWN_DEBIT:
            refund = self._refunds.get(it.invoice)
            if refund is None:
                self._debits[it.invoice] = it
                return it
            self._uncounted(it.to_dict())
            self._count("refunded", 1, it.listed)
            told = {"finding": "refunded", "is_difference": False}
            return Reconciled(
                **{**it.to_dict(), **told, "text": refund.text, "text_en": refund.text_en}
            )
        if it.finding == "refunded" and it.money in _NEVER_DEBITED:
            debit = self._debits.pop(it.invoice, None)
            self._refunds[it.invoice] = it
            if debit is not None:
                self._uncounted(debit.to_dict())
        return it

    @property
    def extra_debits(self) -> list[str]:
        """The invoices of the extra debits so far that no refund's line took out again."""
        return [invoice for invoice, it in self._debits.items() if it.finding == "extra debit"]

    def _note_other_day(self, line: SettlementLine, it: Reconciled) -> None:
        """Remembers a payment that was begun on another day than its line has: months and days
        that are taken for each other match, and what is missing is looked for elsewhere."""
        if line.day is None:
            return
        import datetime as dt

        from ovo_ptp._wib import WIB

        report = self._journal.payment(line.invoice)
        if report is None:
            return
        day = line.day.astimezone(WIB).date()
        paid_by = report.begun + dt.timedelta(seconds=_PAID_WITHIN)
        if report.begun.date() <= day <= paid_by.date():
            return
        days = (day, report.begun.date())
        first, payments, rupiah = self._other_days.get(days, (it, 0, 0))
        self._other_days[days] = (first, payments + 1, rupiah + line.amount)

    def _on_other_days(self, since: int | None, until: int | None) -> Iterator[Reconciled]:
        """Those that were begun outside of the days in which the missing ones are looked for."""
        import datetime as dt

        from ovo_ptp._wib import WIB

        for (listed, begun), (first, payments, rupiah) in self._other_days.items():
            midnight = dt.datetime(begun.year, begun.month, begun.day, tzinfo=WIB)
            begins = _make.unix_millis("begun", midnight)
            ends = _make.unix_millis("begun", midnight + dt.timedelta(days=1))
            if since is None or until is None or begins is None or ends is None:
                continue
            if begins < until and since < ends:
                continue
            self._count("other day", payments, rupiah)
            why = (
                f"laporan menyebut {listed}, di sini dimulai {begun} ({payments} pembayaran): "
                "periksa kolom tanggal, atau beri harinya (--since, --until)",
                f"the report has it on {listed}, and it was begun on {begun} ({payments} "
                "payments): look at its column of dates, or name the days (--since, --until)",
            )
            told = {"is_difference": True, "text": why[0], "text_en": why[1]}
            yield Reconciled(**{**first.to_dict(), "finding": "other day", **told})

    def _missing(self, since: int, until: int) -> Iterator[Reconciled]:
        self.looked_for_missing = True
        after = None
        while True:
            found, after = self._native.missing(self._journal._native, since, until, after)
            for fields in found:
                if fields["invoice"] in self._failed:
                    self._uncounted(fields)
                else:
                    yield Reconciled(**fields)
            if after is None:
                return

    def _note_failed(self, line: SettlementLine) -> None:
        """Remembers the line if the payment was told as paid. Whether another line has it as paid
        is known at the end: it may stand in the next file."""
        try:
            report = self._journal.payment(line.invoice)
        except (InvalidInputError, NotFoundError):  # no invoice of ours, or an archived one
            return
        if report is not None and report.outcome is not None and report.outcome.name == "paid":
            self._failed[line.invoice] = line.amount

    def _failed_there(self) -> Iterator[Reconciled]:
        """Of those that no line has as paid or refunded, what counts as the shop's money."""
        for invoice, listed in list(self._failed.items()):
            report = self._journal.payment(invoice)
            begun = None if report is None else _make.unix_millis("begun", report.begun)
            fields = None
            if begun is not None:
                beside, _ = self._native.missing(self._journal._native, begun, begun + 1, None)
                for it in beside:
                    self._uncounted(it)
                    fields = it if it["invoice"] == invoice else fields
            if fields is None or fields["finding"] not in ("missing at OVO", "perhaps next day"):
                del self._failed[invoice]
                continue
            self._count("failed there", 1, fields["amount"])
            story = self._journal.explain(invoice)
            why = {} if story is None else story.says["why"]
            yield Reconciled(
                **{
                    **fields,
                    "finding": "failed there",
                    "is_difference": True,
                    "listed": listed or None,
                    "text": f"{_FAILED['id']}. {why.get('id', '')}",
                    "text_en": f"{_FAILED['en']}. {why.get('en', '')}",
                }
            )

    def _count(self, finding: str, payments: int, rupiah: int | None) -> None:
        count = self._moved.setdefault(finding, [0, 0])
        count[0] += payments
        count[1] += rupiah or 0

    def _uncounted(self, fields: dict[str, Any]) -> None:
        """It was counted by the native side, and is told as something else, or again."""
        listed = fields["listed"]
        amount = fields["amount"] if listed is None else listed
        self._count(fields["finding"], -1, -(amount or 0))

    def _counted(self) -> list[tuple[str, int, int, bool]]:
        counts = [*self._native.counts(), *((name, 0, 0, True) for name in _OWN)]
        moved = self._moved
        return [
            (name, payments + more[0], rupiah + more[1], differs)
            for name, payments, rupiah, differs in counts
            for more in (moved.get(name, (0, 0)),)
        ]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """By finding, how many there are so far and their rupiah; those that there are none of
        left out."""
        return {
            name: (payments, rupiah) for name, payments, rupiah, _ in self._counted() if payments
        }

    @property
    def agrees(self) -> bool:
        """Whether nobody has to look: no line differs, and of what is paid here none is missing. As
        long as nobody looked for what is missing, a journal of this place is unread, or paid
        payments of these days are in an archive, nothing is known to agree."""
        apart = self.unread or any(it.payments for it in self.archived)
        return self.looked_for_missing and not apart and not self._differs()

    def _differs(self) -> bool:
        return any(payments for _, payments, _, differs in self._counted() if differs)

    def __repr__(self) -> str:
        return f"<ovo_ptp.Reconciliation {self.counts}>"


def read_settlement_report(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    statuses: Mapping[str, str] | None = None,
    *,
    only: Mapping[str, str] | None = None,
) -> Iterator[SettlementLine]:
    """Reads a report in CSV, line by line: commas, semicolons or tabs, UTF-8 with or without a BOM.

    Args:
        path: The file.
        columns: What the columns are called that the report names otherwise than the sandbox's:
            `invoice`, `amount` and `status` must be there; `date` (2026-11-26, 26/11/2026 or
            26-11-2026, with or without a time) may be. A report without a status is one only if
            somebody says so, with an empty name for `status`: then each line was paid.
        statuses: What statuses mean that are not in `STATUSES`: `paid`, `refunded` or `nothing`, by
            the whole status in capitals. A line is a refund if its status says so (VOIDED, REFUND
            SUCCESS) or if its amount is negative; one that says that no money moved (FAILED,
            PENDING) is `nothing`. An empty status means what is said of `""`, and else nothing.
        only: Columns of the report and the value that a line must have there, as
            `{"TID": "00000001"}`: one report lists every till of a merchant, and each till's
            journal knows its own. Zeros before a number do not count: spreadsheets drop them. The
            other lines are `elsewhere`: the days of the report are theirs, too.

    Raises:
        InvalidInputError: The file cannot be read, has no such column, a value is none, or nobody
            said what a status means; the message says which line, and nothing of it.
    """
    named = {**COLUMNS, **(columns or {})}
    unknown = set(named) - set(COLUMNS)
    if unknown:
        raise InvalidInputError(
            f"map: {', '.join(sorted(unknown))} is none of {', '.join(COLUMNS)}", field="map"
        )
    without_status = not named["status"]
    meant = {status.strip().upper(): meaning for status, meaning in (statuses or {}).items()}
    if not set(meant.values()) <= set(MEANINGS):
        raise InvalidInputError(
            f"statuses: a status means {', '.join(MEANINGS)} and nothing else", field="statuses"
        )
    required = {"invoice", "amount", "status", *(columns or {})}
    if without_status:
        del named["status"]
        required.remove("status")
    wanted = {column: _bare(value) for column, value in (only or {}).items()}
    return _read(_make.path("path", path), named, meant, required=required, wanted=wanted)


def _bare(value: str) -> str:
    value = value.strip()
    # 0000 is 0, and not what an empty cell has.
    return (value.lstrip("0") or "0") if value.isdigit() else value


def _read(
    file: str,
    named: dict[str, str],
    meant: dict[str, str],
    *,
    required: set[str],
    wanted: dict[str, str],
) -> Iterator[SettlementLine]:
    import csv

    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            head = text.readline()
            delimiter = max(",;\t", key=head.count)
            heads = [cell.strip() for cell in next(csv.reader([head], delimiter=delimiter), [])]
            at = {name: heads.index(column) for name, column in named.items() if column in heads}
            for name in sorted(required - set(at)):
                # Nobody guesses which were paid: a failure that is read as paid returns money.
                none = (
                    "; status= if it has none, and each line was paid" if name == "status" else ""
                )
                raise InvalidInputError(
                    f"map: the report has no column {named[name]} ({name}); it has "
                    f"{', '.join(heads) or 'none'}{none}",
                    field="map",
                )
            for column in sorted(set(wanted) - set(heads)):
                raise InvalidInputError(
                    f"only: the report has no column {column}; it has {', '.join(heads) or 'none'}",
                    field="only",
                )
            places = [(heads.index(column), value) for column, value in wanted.items()]
            last = max([*at.values(), *(place for place, _ in places)])
            rows = csv.reader(text, delimiter=delimiter, strict=True)
            for row in rows:
                if not any(cell.strip() for cell in row):
                    continue
                where = f"line {rows.line_num + 1}"
                if len(row) <= last:
                    raise InvalidInputError(f"report: {where} is cut short", field="report")
                if any(cell.strip() for cell in row[len(heads) :]):
                    # A comma in a name without quotes, and each cell behind it is another column's.
                    raise InvalidInputError(
                        f"report: {where} has more cells than its heading", field="report"
                    )
                elsewhere = any(_bare(row[place]) != value for place, value in places)
                yield _others(row, at) if elsewhere else _line(row, at, meant, where)
    except OSError as error:
        raise InvalidInputError(
            f"report: cannot be read ({error.strerror})", field="report"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"no CSV ({error})"
        raise InvalidInputError(f"report: {what}", field="report") from None


def _others(row: list[str], at: dict[str, int]) -> SettlementLine:
    """Another till's line, or a sum: nothing of it is checked."""
    try:
        day = _day(row[at["date"]].strip(), "") if "date" in at else None
    except InvalidInputError:
        day = None
    return SettlementLine(
        invoice=row[at["invoice"]].strip(),
        amount=0,
        refunded=False,
        day=day,
        nothing=False,
        elsewhere=True,
    )


def _line(row: list[str], at: dict[str, int], meant: dict[str, str], where: str) -> SettlementLine:
    cells = {name: row[index].strip() for name, index in at.items()}
    amount = cells["amount"]
    negative = amount.startswith("-")
    meaning = _meaning(cells["status"].upper(), meant, where) if "status" in cells else "paid"
    if meaning == "nothing":
        # What did not happen may have no day and no amount.
        dated = "date" in cells and cells["date"]
        try:
            listed = _rupiah(amount.removeprefix("-"), where)
        except InvalidInputError:
            listed = 0
        return SettlementLine(
            invoice=cells["invoice"],
            amount=listed,
            day=_day(cells["date"], where) if dated else None,
            refunded=False,
            nothing=True,
            elsewhere=False,
        )
    return SettlementLine(
        invoice=cells["invoice"],
        amount=_rupiah(amount.removeprefix("-"), where),
        refunded=negative or meaning == "refunded",
        day=_day(cells["date"], where) if "date" in cells else None,
        nothing=False,
        elsewhere=False,
    )


def _meaning(status: str, meant: dict[str, str], where: str) -> str:
    """What a status means. Nobody guesses: a failure that is read as paid returns money."""
    if status in meant:
        return meant[status]
    words = status.replace("_", " ").replace("-", " ").split()
    said = {STATUSES.get(word, "?") for word in words}
    if sum(STATUSES.get(word) == "refunded" for word in words) > 1:
        said = {"?"}  # REFUND REVERSED: the refund was taken back, and the customer has paid
    if said == {"paid"}:
        return "paid"
    if said and said <= {"paid", "refunded"}:
        return "refunded"
    if said == {"nothing"}:
        return "nothing"
    raise InvalidInputError(
        f"report: {where}: nobody said whether its status means {', '.join(MEANINGS)} (statuses)",
        field="statuses",
    )


def _rupiah(text: str, where: str) -> int:
    from ovo_ptp._typed import rupiah  # as people write amounts; loaded by those who read one

    try:
        amount = rupiah(text)
    except InvalidInputError:
        amount = 0
    if not 1 <= amount <= MOST:
        raise InvalidInputError(
            f"report: {where}: the amount must be whole rupiah, as 12500 or 12.500,00",
            field="report",
        )
    return amount


#: A time behind the day, and its zone; without one it is OVO's own, WIB.
_TIME = r"[T ]?\s*([0-9]{1,2})[:.]?([0-9]{2})(?:[:.]?[0-9]{2}(?:[.,][0-9]+)?)?\s*"
_ZONE = r"(Z|UTC|GMT|WIB|[+-][0-9]{2}:?(?:[0-9]{2})?)"


def _day(text: str, where: str) -> datetime:
    """The day in WIB, at midnight."""
    import datetime as dt
    import re

    from ovo_ptp._wib import WIB

    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d"):
        length = 8 if pattern == "%Y%m%d" else 10
        try:
            day = dt.datetime.strptime(text[:length], pattern).replace(tzinfo=WIB)
        except ValueError:
            continue
        if not 2000 <= day.year < 3000:
            break  # 9999-12-31 stands for no day, and none is behind it
        rest = text[length:].strip().upper()
        if re.search(_ZONE + "$", rest):
            zoned = re.fullmatch(_TIME + _ZONE, rest)
            if zoned is None or int(zoned[1]) > 23 or int(zoned[2]) > 59:
                break
            ahead = _ahead(zoned[3])
            moment = day + dt.timedelta(hours=int(zoned[1]) + 7, minutes=int(zoned[2])) - ahead
            day = moment.replace(hour=0, minute=0)
        return day
    raise InvalidInputError(
        f"report: {where}: the date must be as 2026-11-26 or 26/11/2026", field="report"
    )


def _ahead(zone: str) -> timedelta:
    """How far a zone is ahead of UTC."""
    import datetime as dt

    if zone == "WIB":
        return dt.timedelta(hours=7)
    if zone[0] not in "+-":
        return dt.timedelta()
    ahead = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
    return -ahead if zone[0] == "-" else ahead
