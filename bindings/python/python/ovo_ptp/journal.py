"""What people do with a journal: set it aside, move it, back it up, make it in PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

from ovo_ptp import _make, _native
from ovo_ptp._hidden import Hidden
from ovo_ptp._record import Record
from ovo_ptp.reader import JournalReader

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Moved", "backup", "migrate", "move", "set_aside"]


class Moved(Record):
    """What was moved from a file into a database."""

    __slots__ = ("payments", "unsettled", "archived", "was_there")
    #: Payments.
    payments: int
    #: Those of them that are not settled, and go on in the database.
    unsettled: int
    #: Payments that were archived before: their invoices and numbers stay refused.
    archived: int
    #: All of it had been moved before; nothing was left to do.
    was_there: bool


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


def move(
    from_path: str | os.PathLike[str],
    to_path: str | os.PathLike[str],
    *,
    on_progress: Callable[[str, int, int], object] | None = None,
) -> Moved | None:
    """Moves a journal to another directory, disk or name, or into a database in PostgreSQL.

    All that belongs to a file goes with it; copied by hand it would be doubted. Broken off, it is
    called again.

    Into a database (``postgresql://owner@host/database?schema=ovo``), which was made by `migrate`
    and is empty, go the payments, those that are not settled with them, the numbers and what the
    journal knows of itself; it connects as the role that owns the schema. From the moment that the
    file hands over it is refused, and says where its journal is.

    Args:
        from_path: The file.
        to_path: Its new name, or a database's address.
        on_progress: Of a move into a database: hears the step (``"Copying"``, ``"Copied"``,
            ``"HandedOver"``, ``"Committed"``, ``"Arrived"``), and how many payments of how many are
            written.

    Returns:
        What was moved into a database; `None` for a move to another file.

    Raises:
        JournalLockedError: A process has the file open, or nodes run on the database.
        ConfigurationError: The address is wrong.
        JournalError: Nothing is at `from_path`, something is at `to_path`, or the disk or the
            database refuses; the message says what to do.
    """
    to = Hidden(to_path)  # an address may hold a password
    del to_path
    old = _make.path("from_path", from_path)
    to = _make.hidden_as_path("to_path", to)
    if not _native.is_address(to.value):
        _native.move_journal(old, to.value)
        return None
    return Moved(*_native.move_journal_to_postgres(old, to.value, on_progress))


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
    on_wait: Callable[[str], object] | None = None,
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
        loss_possible: A failover may lose what was committed: replicas are asynchronous. The
            schema keeps it from then on, also where it is said of one that is there.
        restored: The journal was put back from a copy, and what came behind that is lost: numbers
            jump, and payments without an outcome are asked about and never reversed unseen.
        on_wait: Hears a line that says who has the tables, whenever it gives way to somebody.

    Returns:
        The statements.

    Raises:
        ConfigurationError: The address is wrong.
        JournalError: Others had the tables for 30 s; the server cannot be reached, is older than
            PostgreSQL 14 or tells no timeline; the role is missing or could take the guards away;
            the schema is a newer library's, or something else's.
    """
    to = Hidden(address)  # it may hold a password
    del address
    return _native.migrate_journal(
        _make.hidden_as_text("address", to).value,
        _make.text("app_role", app_role),
        _make.flag("print_only", print_only),
        _make.flag("loss_possible", loss_possible),
        _make.flag("restored", restored),
        on_wait,
    )
