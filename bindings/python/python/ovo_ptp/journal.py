"""What people do with a journal: set it aside, move it, back it up, make it in PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

from ovo_ptp import _make, _native
from ovo_ptp.reader import JournalReader

__all__ = ["backup", "migrate", "move", "set_aside"]


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


def migrate(
    address: str,
    *,
    app_role: str,
    print_only: bool = False,
    loss_possible: bool = False,
    restored: bool = False,
) -> str:
    """Makes the schema of a journal in PostgreSQL, or brings it up to date, in one transaction.

    Opening a client never does that. It connects as the role that owns the schema; the nodes
    connect as another one, which may then read tables and call functions, and nothing else.

    Args:
        address: ``postgresql://owner@host/database?schema=ovo``; the password is better in
            ``PGPASSWORD`` or a password file.
        app_role: The role that the nodes connect as. It must exist, and be no superuser and not
            the owner.
        print_only: Change nothing; only return the statements.
        loss_possible: A failover may lose what was committed: replicas are asynchronous. Kept by
            a schema from its beginning.
        restored: The journal was put back from a copy, and what came behind that is lost: numbers
            jump, and payments without an outcome are asked about and never reversed unseen.

    Returns:
        The statements.

    Raises:
        ConfigurationError: The address is wrong.
        JournalError: The server cannot be reached, is older than PostgreSQL 14 or tells no
            timeline; the role is missing or could take the guards away; the schema is a newer
            library's, or something else's.
    """
    return _native.migrate_journal(
        _make.text("address", address),
        _make.text("app_role", app_role),
        _make.flag("print_only", print_only),
        _make.flag("loss_possible", loss_possible),
        _make.flag("restored", restored),
    )
