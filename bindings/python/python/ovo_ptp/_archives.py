"""Payments of some days that left a journal for its archives."""

from __future__ import annotations

from ovo_ptp import _make
from ovo_ptp._record import Record
from ovo_ptp.errors import OvoError

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    from datetime import datetime

    from ovo_ptp.reader import JournalReader


class InArchive(Record):
    """What an archive has of the days that were asked for."""

    __slots__ = ("file", "machine", "payments", "archived")
    #: Where the archive was made.
    file: str
    #: On which machine, by its host name, if several share the journal and it is known.
    machine: str | None
    #: Payments of these days in it that were paid; `None` if it cannot be read there.
    payments: int | None
    #: All that left the journal for it.
    archived: int

    def text(self) -> str:
        """For people."""
        place = self.file
        if self.machine is not None:
            place = f"{self.file} on machine {self.machine}"
        if self.payments is None:
            where = "there" if self.machine is None else "from here"
            return (
                f"{self.archived} payments were archived into {place}, which cannot be read "
                f"{where}: those of these days, if any, are not in this"
            )
        return f"{self.payments} paid payments of these days were archived into {place}"


def in_archives(
    journal: JournalReader, since: datetime | None, until: datetime | None
) -> list[InArchive]:
    """Archives that have paid payments of these days, or of which nobody can say."""
    found = []
    first, end = _make.unix_millis("since", since), _make.unix_millis("until", until)
    for file, machine, name, archived, begins, ends in journal._native.archives():
        if first is not None and ends is not None and ends < first:
            continue
        if end is not None and begins is not None and begins >= end:
            continue
        there = _paid(file, name, since, until)
        if there != 0:
            found.append(InArchive(file=file, machine=machine, payments=there, archived=archived))
    return found


def _paid(file: str, name: str, since: datetime | None, until: datetime | None) -> int | None:
    from ovo_ptp.reader import JournalReader

    try:
        archive = JournalReader(file)
        if archive._native.archive_name() != name:
            # Another till's or merchant's was put there: this journal has nothing in that one.
            return None
        those = archive.each_payment(since=since, until=until)
        return sum(it.outcome is not None and it.outcome.name == "paid" for it in those)
    except OvoError:
        return None
