"""Reports about a journal, beside whoever has it open."""

from __future__ import annotations

from ovo_ptp import _make, _native, explanation
from ovo_ptp._hidden import Hidden

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from ovo_ptp import reports

__all__ = ["JournalReader"]

#: Payments that a walk through the journal holds at a time.
_PAGE = 200
#: What the library says of journals that belong to this one and that it cannot ask.
_UNREAD = (" is gone", "cannot be opened", "which was set aside, and may hold")


class JournalReader:
    """What a journal knows, without a client: for reports, exports and people.

    Works beside a running shop, whatever its mode, and needs no credentials. It sends nothing,
    writes nothing, and makes no journal where there is none. It shows the journal as it was when
    this was made; underneath is a private copy in the directory for temporary files.

    A journal in PostgreSQL is read where it is, as it is at each call, by a role that may read its
    tables: the nodes' own, or another one.

    Args:
        path: The journal's file, an archive of one, or the address of one for several nodes.
        merchant: Whose it must be, as `Credentials.merchant_id`; without one, anybody's.

    Raises:
        JournalError: There is none, it cannot be read, or (`journal_kind` "foreign") it is another
            merchant's.
        JournalLockedError: This process has it open (ask its client), or it is never at rest.

    >>> with ovo_ptp.Client(sandbox.base_url, sandbox.credentials, journal=folder / "r.db",
    ...                     ca_file=sandbox.ca_file, time_scale=sandbox.time_scale) as shop:
    ...     _ = shop.pay("INV-R-1", amount=12_500, phone="081234567890")
    >>> [report.outcome.name for report in ovo_ptp.JournalReader(folder / "r.db").payments()]
    ['paid']
    """

    def __init__(self, path: str | os.PathLike[str], *, merchant: str | None = None) -> None:
        hidden = Hidden(path)  # an address may hold a password
        del path
        whose = None if merchant is None else _make.text("merchant", merchant)
        self._native = _native.JournalReader(_make.hidden_as_path("path", hidden).value, whose)

    @property
    def merchant(self) -> str | None:
        """The number of the merchant whose payments these are; `None` if there never was one."""
        return self._native.merchant()

    def payments(
        self,
        *,
        unacknowledged: bool = False,
        unsettled: bool = False,
        needs_operator: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        tid: str | None = None,
        mid: str | None = None,
        newest_first: bool = False,
        after: int | None = None,
        limit: int = 1_000,
    ) -> list[reports.PaymentReport]:
        """One page of payments, as `Client.payments`."""
        chosen = _make.chosen(
            unacknowledged=unacknowledged,
            unsettled=unsettled,
            needs_operator=needs_operator,
            since=since,
            until=until,
            tid=tid,
            mid=mid,
            newest_first=newest_first,
            after=after,
            limit=limit,
        )
        return _make.report_list(self._native.payments(chosen))

    def each_payment(
        self,
        *,
        unacknowledged: bool = False,
        unsettled: bool = False,
        needs_operator: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        tid: str | None = None,
        mid: str | None = None,
        newest_first: bool = False,
    ) -> Iterator[reports.PaymentReport]:
        """All payments of a choice, page by page, as `Client.each_payment`."""
        chosen = _make.chosen(
            unacknowledged=unacknowledged,
            unsettled=unsettled,
            needs_operator=needs_operator,
            since=since,
            until=until,
            tid=tid,
            mid=mid,
            newest_first=newest_first,
            after=None,
            limit=_PAGE,
        )
        return self._each(chosen)

    def _each(self, chosen: dict[str, Any]) -> Iterator[reports.PaymentReport]:
        while page := _make.report_list(self._native.payments(chosen)):
            yield from page
            chosen["after"] = page[-1].id

    def payment(self, invoice: str) -> reports.PaymentReport | None:
        """One payment; `None` if the journal does not know the invoice."""
        return _make.maybe_report(self._native.payment(_make.text("invoice", invoice)))

    def explain(self, invoice: str) -> explanation.Explanation | None:
        """What became of a payment, as `Client.explain`."""
        return explanation.made(self._native.explain(_make.text("invoice", invoice)))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Writes a backup of the journal; whoever opens it as a journal is told that it is one.

        Raises:
            JournalError: There is a file already, or the disk refuses.
        """
        self._native.backup(_make.path("path", path))

    def metrics_text(self) -> str:
        """How the journal stands, in Prometheus' format: the part of `Client.metrics_text` that
        no process counts.
        """
        return self._native.metrics_text()

    def counts(self) -> tuple[int, int]:
        """How many payments there are, and how many of them are not settled."""
        payments, unsettled, _ = self._native.health()
        return payments, unsettled

    def problems(self) -> list[str]:
        """What is damaged, one line each; empty if nothing is."""
        return self._native.health()[2]

    def _unread(self) -> list[str]:
        """Journals of the place that are gone or cannot be read: what is not found may be there."""
        return [line for line in self.problems() if any(word in line for word in _UNREAD)]

    def __repr__(self) -> str:
        return "<ovo_ptp.JournalReader>"

    def __reduce__(self) -> Any:
        raise TypeError("a journal reader belongs to its process and cannot be pickled")
