"""Payments of some days that left a journal for its archives."""

from __future__ import annotations

from ovo_ptp._record import Record
from ovo_ptp.errors import OvoError

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    from datetime import datetime

    from ovo_ptp.reader import JournalReader


class InArchive(Record):
    """What an archive has of the days that were asked for."""

    __slots__ = ("file", "payments", "archived")
    #: Where the archive was made.
    file: str
    #: Payments of these days in it that were paid; `None` if it cannot be read there.
    payments: int | None
    #: All that left the journal for it.
    archived: int

    def text(self) -> str:
        """For people."""
        if self.payments is None:
            return (
                f"{self.archived} payments were archived into {self.file}, which cannot be read "
                "there: those of these days, if any, are not in this"
            )
        return f"{self.payments} paid payments of these days were archived into {self.file}"


def in_archives(
    journal: JournalReader, since: datetime | None, until: datetime | None
) -> list[InArchive]:
    """Archives that have paid payments of these days, or of which nobody can say."""
    if journal._native.is_archive():
        return []
    newest = journal.payments(newest_first=True, limit=1)
    if newest and newest[0].id <= journal.counts()[0]:
        return []  # no number is missing
    found = []
    for file, archived, last in _archives(journal):
        if since is not None:
            # Numbers rise with time: one from before these days, and behind all of the archive's.
            before = journal.payments(until=since, newest_first=True, limit=1)
            if before and before[0].id > last:
                continue
        there = _paid(file, since, until)
        if there != 0:
            found.append(InArchive(file=file, payments=there, archived=archived))
    return found


def _paid(file: str, since: datetime | None, until: datetime | None) -> int | None:
    from ovo_ptp.reader import JournalReader

    try:
        those = JournalReader(file).each_payment(since=since, until=until)
        return sum(it.outcome is not None and it.outcome.name == "paid" for it in those)
    except OvoError:
        return None


def _archives(journal: JournalReader) -> list[tuple[str, int, int]]:
    """Each one's file, how many payments left for it, and the highest number of these."""
    import sqlite3
    import tempfile
    from contextlib import closing
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="ovo-ptp-") as own:
        # Never the journal itself: closing a file gives up the locks of its process.
        copy = Path(own) / "copy.db"
        journal.backup(copy)
        with closing(sqlite3.connect(copy)) as kept:
            parts = kept.execute("SELECT part, count(*), max(id) FROM archived GROUP BY part")
            found = []
            for part, archived, last in parts.fetchall():
                row = kept.execute("SELECT v FROM meta WHERE k = ?", (f"archive {part}",))
                text = row.fetchone()
                file = "" if text is None else str(text[0]).split(" ", 2)[-1]
                found.append((file, archived, last))
            return found
