"""OVO's settlement report beside the journal: which line is whose, and what differs.

The report comes the day after. What its lines come to is the core's to say; how it is read is
`settlement_report`'s.
"""

from __future__ import annotations

from ovo_ptp import _make, _native
from ovo_ptp._record import Record
from ovo_ptp.errors import InvalidInputError

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import Any, ClassVar

    from ovo_ptp._archives import InArchive
    from ovo_ptp.reader import JournalReader

__all__ = ["Reconciled", "Reconciliation", "SettlementLine"]

#: The largest amount that there is.
MOST = 2**63 - 1
#: Lines that are handed to the native side at a time.
_PAGE = 500


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
        first, end = _make.unix_millis("since", since), _make.unix_millis("until", until)
        #: Without them those of the lines decide.
        self._days = None if first is None or end is None else (first, end)
        if self._days is not None and self._days[1] <= self._days[0]:
            raise InvalidInputError("until: must be behind since", field="until")
        self._matched = _make.flag("matched", matched)
        self._native = _native.Reconciliation()
        #: Journals of this place that are gone or cannot be read, one line each; known at the end.
        #: As long as there is one, nothing is known to agree: what was sold may be in it.
        self.unread: tuple[str, ...] = ()
        #: What was archived of the report's days, and was not compared; known at the end.
        self.archived: tuple[InArchive, ...] = ()

    def __iter__(self) -> Iterator[Reconciled]:
        page: list[tuple[str, int, str, int | None]] = []
        try:
            for line in self._lines:
                page.append(_plain(line))
                if len(page) == _PAGE:
                    yield from self._compared(page)
                    page = []
        except InvalidInputError:
            # The lines before the one that is wrong are known.
            yield from self._compared(page)
            raise
        yield from self._compared(page)
        self.unread = tuple(self._journal._unread())
        days = self._days or self._native.days()
        while found := self._native.missing(self._journal._native, days):
            yield from (Reconciled(**fields) for fields in found)
        if days is not None:
            from ovo_ptp._archives import in_archives
            from ovo_ptp._wib import at

            self.archived = tuple(in_archives(self._journal, at(days[0]), at(days[1])))

    def _compared(self, page: list[tuple[str, int, str, int | None]]) -> Iterator[Reconciled]:
        found = self._native.lines(self._journal._native, page, self._matched)
        return (Reconciled(**fields) for fields in found)

    @property
    def extra_debits(self) -> list[str]:
        """The invoices of the extra debits so far that no refund's line took out again."""
        return self._native.extra_debits(self._journal._native)

    @property
    def looked_for_missing(self) -> bool:
        """Whether what the report has not was looked for: its days are known, and it was read to
        its end."""
        return self._native.standing()[1]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """By finding, how many there are so far and their rupiah; those that there are none of
        left out."""
        return {name: (count, rupiah) for name, count, rupiah in self._native.counts() if count}

    @property
    def agrees(self) -> bool:
        """Whether nobody has to look: no line differs, and of what is paid here none is missing. As
        long as nobody looked for what is missing, a journal of this place is unread, or paid
        payments of these days are in an archive, nothing is known to agree."""
        apart = self.unread or any(it.payments for it in self.archived)
        return self.looked_for_missing and not apart and not self._differs()

    def _differs(self) -> bool:
        return self._native.standing()[0]

    def __repr__(self) -> str:
        return f"<ovo_ptp.Reconciliation {self.counts}>"


def _plain(line: SettlementLine) -> tuple[str, int, str, int | None]:
    """As the native side takes it."""
    day = _make.unix_millis("day", line.day)
    if line.elsewhere or line.nothing:
        # What did not happen may have any amount, or none.
        amount = line.amount if 1 <= line.amount <= MOST else 0
        return line.invoice, amount, "elsewhere" if line.elsewhere else "nothing", day
    amount = _make.whole("amount", line.amount, 1, MOST)
    return line.invoice, amount, "refunded" if line.refunded else "paid", day
