"""The shop that a command is about: its client, or its journal alone."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import ovo_ptp
from ovo_ptp import _native
from ovo_ptp._hidden import Hidden
from ovo_ptp.cli import output
from ovo_ptp.cli.options import address, is_address, output_file, path
from ovo_ptp.client import _NO_JOURNAL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


def say_aside(text: str) -> None:
    """What the user should know beside the answer; never part of it."""
    try:
        sys.stderr.write(f"ovo-ptp: {text}\n")
        sys.stderr.flush()
    except OSError:  # nobody reads it, and that is no reason to stop
        output.drop(sys.stderr)


def environment(options: argparse.Namespace) -> str:
    """Where the command goes. If nobody chose, it is said."""
    if options.environment is None:
        say_aside("environment: staging (choose another with --environment)")
        return "staging"
    chosen: str = options.environment
    return chosen


def opened(
    options: argparse.Namespace, *, makes_journal: bool = False, **more: Any
) -> ovo_ptp.Client:
    """A client on the shop's journal, which is made by those only who may.

    Raises:
        JournalError: There is none.
        JournalLockedError: Another process has it for itself.
    """
    if is_address(options.journal):
        there = address(options.journal)
        return _maker(options, there, background=makes_journal, **more)(False)
    journal = path(options.journal)
    if not makes_journal and not journal.exists():
        raise no_journal(options.journal)
    is_new = not journal.exists()
    if is_new:
        more["first_batch"] = _apart()
    make = _maker(options, journal, background=makes_journal, **more)
    try:
        made = make(options.shared)
        if is_new:
            # A mistyped path must not pass for the shop's, whose payments this one does not know.
            place = journal.absolute()
            say_aside(f"a new journal is begun at {place}: it knows of no earlier payment")
        return made
    except ovo_ptp.JournalLockedError as locked:
        if not options.shared and path(f"{options.journal}.turn").exists():
            try:
                # It has been shared: whoever has it may let others in who share it too.
                return make(True)
            except ovo_ptp.JournalLockedError:
                pass
        raise ovo_ptp.JournalLockedError(
            f"{locked}. Ask that program, or stop it first; `payments`, `explain`, `show` and "
            "`journal backup` work beside it",
            journal_kind=locked.journal_kind,
        ) from None


#: A new journal begins up to so many batches above the quarter of an hour's, by chance.
_SPREAD = 32


def _apart() -> int | None:
    """The first batch of a journal that is begun here.

    Where the path was mistyped the shop's own journal may have begun in this quarter of an hour,
    too: with the same first numbers one's payment would answer for the other's.
    """
    quarter = _native.starting_batch()
    return None if quarter is None else min(quarter + 1 + os.urandom(1)[0] % _SPREAD, 999_999)


#: Longest file with a proxy's URL, in bytes.
_LONGEST_URL = 4096


def proxy(options: argparse.Namespace) -> Hidden | None:
    """The proxy's URL, which may hold a password: from the arguments, or a file of one's own."""
    if options.proxy_file is None:
        typed: Hidden | None = options.proxy
        return typed
    if options.proxy is not None:
        raise ovo_ptp.ConfigurationError("proxy: comes from --proxy or --proxy-file, not from both")
    refused = None
    # A named pipe would block the opening for ever.
    try:
        with open(path(options.proxy_file), "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                refused = "is not a file"
            elif status.st_mode & 0o006:
                refused = "other users of this machine can read or write it; run chmod 600 on it"
            else:
                content = Hidden(file.read(_LONGEST_URL + 1))
                if len(content.value) <= _LONGEST_URL:
                    return Hidden(content.value.decode("utf-8", "replace").strip())
                refused = f"is longer than {_LONGEST_URL} bytes"
    except OSError as error:
        refused = f"cannot be opened ({error.strerror})"
    raise ovo_ptp.ConfigurationError(f"proxy_file: {options.proxy_file}: {refused}")


def _without_waiting(file: str, flags: int) -> int:
    return os.open(file, flags | os.O_NONBLOCK)


def client(options: argparse.Namespace, journal: Path, **more: Any) -> ovo_ptp.Client:
    """A client on another journal than the shop's, which is made if it is not there."""
    return _maker(options, journal, background=True, **more)(False)


def asking(options: argparse.Namespace) -> ovo_ptp.Client:
    """A client for questions to OVO that touch no journal."""
    return _maker(options, _NO_JOURNAL, background=False)(False)


def reading(options: argparse.Namespace) -> ovo_ptp.JournalReader:
    """The journal, to be read beside whoever has it: in a file, or in a database.

    Whoever says who they are is told of no other merchant's payments.
    """
    if is_address(options.journal):
        return ovo_ptp.JournalReader(address(options.journal), merchant=_merchant(options))
    if not path(options.journal).exists():
        raise no_journal(options.journal)
    return ovo_ptp.JournalReader(path(options.journal), merchant=_merchant(options))


def _merchant(options: argparse.Namespace) -> str | None:
    """Whom the command line or the environment names; reading needs no credentials."""
    if options.sandbox_credentials or options.credentials:
        return credentials(options).merchant_id
    return os.environ.get("OVO_MERCHANT_ID") or None


def unread(journal: ovo_ptp.JournalReader) -> list[str]:
    """Journals of the place that are gone or cannot be read: what is not found may be in them."""
    return journal._unread()


def say_what_is_unread(journal: ovo_ptp.JournalReader) -> None:
    """Beside an answer that found nothing, or that counts what it found."""
    for line in unread(journal):
        say_aside(line)


def no_journal(file: str) -> ovo_ptp.JournalError:
    """Nothing is at the path; a mistyped one must not become a journal."""
    return ovo_ptp.JournalError(
        f"journal: there is none at {file}; `ovo-ptp pay` makes one, nothing else does",
        journal_kind="misplaced",
    )


def _maker(
    options: argparse.Namespace, journal: Any, *, background: bool, **more: Any
) -> Callable[[bool], ovo_ptp.Client]:
    secret = credentials(options)
    way_out = proxy(options)
    chosen = environment(options)
    if options.record is not None:
        # Asked here, too: a client that has no journal cannot know that this is one.
        more.setdefault("record", output_file("record", options.record, options.journal))

    def make(shared: bool) -> ovo_ptp.Client:
        return ovo_ptp.Client(
            chosen,
            secret,
            journal=journal,
            shared=shared,
            background=background,
            environment_class=options.environment_class,
            **more,
            ca_file=None if options.ca_file is None else path(options.ca_file),
            proxy=None if way_out is None else way_out.value,
            proxy_ca_file=None if options.proxy_ca_file is None else path(options.proxy_ca_file),
            client_certificate=None
            if options.client_certificate is None
            else path(options.client_certificate),
            client_key=None if options.client_key is None else path(options.client_key),
            signing="with_body" if options.with_body else "without_body",
            time_scale=options.time_scale,
        )

    return make


def credentials(options: argparse.Namespace) -> ovo_ptp.Credentials:
    """The shop's, from where the command line says."""
    if options.sandbox_credentials:
        from ovo_ptp._native import Sandbox

        return Sandbox.credentials()
    if options.credentials:
        return ovo_ptp.Credentials.from_file(path(options.credentials))
    return ovo_ptp.Credentials.from_environment()
