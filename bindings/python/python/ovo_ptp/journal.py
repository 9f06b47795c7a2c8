"""What people do with a journal that no program has open: set it aside, move it, back it up."""

from __future__ import annotations

import os
from pathlib import Path

from ovo_ptp import _make, _native
from ovo_ptp.reader import JournalReader

__all__ = ["backup", "move", "set_aside"]


def set_aside(path: str | os.PathLike[str]) -> Path:
    """Takes a journal out of the way, all of its files as one, and returns where it is then.

    The next journal at `path` begins above its numbers, knows its invoices, and settles what it
    owes, as long as it lies there.

    Raises:
        JournalLockedError: A process has it open.
        JournalError: Nothing is there, or the disk refuses.

    >>> from ovo_ptp import journal
    >>> with ovo_ptp.Client(sandbox.base_url, sandbox.credentials, journal=folder / "s.db",
    ...                     ca_file=sandbox.ca_file, time_scale=sandbox.time_scale) as shop:
    ...     _ = shop.pay("INV-S-1", amount=12_500, phone="081234567890")
    >>> journal.set_aside(folder / "s.db").name
    's.db.aside-1'
    """
    return Path(_native.set_aside(_make.path("path", path)))


def move(from_path: str | os.PathLike[str], to_path: str | os.PathLike[str]) -> None:
    """Moves a journal to another directory, disk or name, with all that belongs to it.

    Copied by hand it would be doubted. Broken off, it is called again.

    Raises:
        JournalLockedError: A process has it open.
        JournalError: Nothing is at `from_path`, something is at `to_path`, or the disk refuses.
    """
    _native.move_journal(_make.path("from_path", from_path), _make.path("to_path", to_path))


def backup(path: str | os.PathLike[str], to_path: str | os.PathLike[str]) -> None:
    """Writes a copy of a journal, beside whoever has it open (not this process: `Client.backup`).

    Whoever opens the copy as a journal is told that it is one, and it is doubted then.

    Raises:
        JournalError: There is none, there is a file at `to_path`, or the disk refuses.
    """
    JournalReader(path).backup(to_path)
