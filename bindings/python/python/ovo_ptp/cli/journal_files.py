"""What people do with a journal's files, as the library does it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp import journal
from ovo_ptp.cli import archiving, output, shop
from ovo_ptp.cli.options import address, is_address, path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


#: How the library says what it tells for the first time.
FOUND_ONLY_NOW = ("the journal is doubted: ", "(found at this opening)")
KEEPS_A_KEY = ("app key", "cannot be opened", "is left alone")


def run(options: argparse.Namespace) -> int:
    """`ovo-ptp journal ACTION`."""
    return ACTIONS[options.action](options)


def _set_aside(options: argparse.Namespace) -> int:
    # The file may be what is missing; a lock says that a journal was there.
    _refuse_what_never_was(options.file)
    aside = journal.set_aside(path(options.file))
    output.say(f"set aside as {aside}; the next journal begins above its numbers and settles it")
    return 0


def _move(options: argparse.Namespace) -> int:
    _refuse_what_never_was(options.from_file)
    if is_address(options.to_file):
        return _move_into_a_database(options)
    journal.move(path(options.from_file), path(options.to_file))
    output.say(f"moved to {options.to_file}")
    return 0


def _move_into_a_database(options: argparse.Namespace) -> int:
    told = time.monotonic()

    def tell(step: str, done: int, of: int) -> None:
        nonlocal told
        patience = archiving.PATIENCE if sys.stderr.isatty() else archiving.LOG_PATIENCE
        if step == "Copying" and time.monotonic() - told >= patience:
            told = time.monotonic()
            shop.say_aside(f"{done} of {of} payments are written; nothing has changed yet")

    done = journal.move(path(options.from_file), address(options.to_file), on_progress=tell)
    if done is None:
        raise ovo_ptp.ConfigurationError("journal: address: must begin with postgresql://")
    parts = [f"{done.payments} payments, of which {done.unsettled} go on there"]
    if done.archived:
        parts.append(f"{done.archived} that were archived, whose invoices stay refused")
    told_before = " (before; nothing was left to do)" if done.was_there else ""
    output.say(f"moved into the database{told_before}: {'; '.join(parts)}")
    output.say(f"{options.from_file} is refused from now on; keep it, and start the nodes")
    return 0


def _backup(options: argparse.Namespace) -> int:
    _refuse_what_never_was(options.file)
    found = ovo_ptp.JournalReader(path(options.file))
    found.backup(path(options.to_file))
    try:
        left_out = shop.unread(found)
    except ovo_ptp.JournalError as moved:
        if moved.journal_kind != "misplaced":
            raise
        # A copy of what was handed over, and lost where it went: it says itself what it lacks.
        shop.say_aside(f"this is a copy of what was handed over ({moved})")
        left_out = []
    for line in left_out:
        shop.say_aside(line)
    but = ", without what is named above" if left_out else ""
    output.say(f"written to {options.to_file}{but}; opened as a journal it will be doubted")
    return 1 if left_out else 0


def _vouch(options: argparse.Namespace) -> int:
    found: list[str] = []

    def hear(event: ovo_ptp.Event) -> None:
        # What was known before is told with the time of its beginning.
        if event.kind == "journal_found" and any(new in event.message for new in FOUND_ONLY_NOW):
            found.append(event.message)

    options.environment = shop.environment(options)
    with shop.opened(options, log=False, on_event=hear):
        pass
    if found:
        # Nobody can have answered for what nobody had heard of.
        sys.stderr.write(
            f"ovo-ptp: {found[0]}\n"
            "ovo-ptp: that was found only now; see to it, and say this again\n"
        )
        return 1
    with shop.opened(options) as client:
        ended = client.vouch(options.who_and_why)
    output.say("the doubt is over" if ended else "there was no doubt about this journal")
    return 0


def _rekey(options: argparse.Namespace) -> int:
    unknown: list[str] = []

    def hear(event: ovo_ptp.Event) -> None:
        # What could not be opened, or is another merchant's, may still need the key before.
        if event.kind == "journal_found" and any(word in event.message for word in KEEPS_A_KEY):
            unknown.append(event.message)

    with shop.opened(options, on_event=hear):
        pass
    if unknown:
        sys.stderr.write(f"ovo-ptp: {unknown[0]}\n")
        return 1
    output.say("the journal knows this app key; the one before can be left out from now on")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    if not is_address(options.address):
        raise ovo_ptp.ConfigurationError("journal: address: must begin with postgresql://")
    done = journal.migrate(
        address(options.address),
        app_role=options.app_role,
        print_only=options.print,
        loss_possible=options.loss_possible,
        restored=options.restored,
        on_wait=shop.say_aside,
    )
    if options.print:
        output.say(done.rstrip())
    else:
        output.say(f"the schema is made; nodes connect as {options.app_role}")
    return 0


def _refuse_what_never_was(file: str) -> None:
    if not any(path(f"{file}{suffix}").exists() for suffix in ("", "-wal", ".lock")):
        raise shop.no_journal(file)


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "set-aside": _set_aside,
    "move": _move,
    "backup": _backup,
    "archive": archiving.archive,
    "vouch": _vouch,
    "rekey": _rekey,
    "migrate": _migrate,
}
