"""The program `ovo-ptp`.

Exit codes: 0 done (for `pay`: paid; for `void`: voided), 1 an error: nothing was started, 2 wrong
use, 3 declined, 4 not completed or not known yet, 5 not sent, 6 an operator is needed, 7
interrupted, 130 Ctrl-C. What `pay`, `cancel` and `void` say by it is true whatever else fails.
Of a payment that is known it says how that stands now: 4 also if it was paid and voided since.
Secrets come from the environment or a file, never from the command line, which other users can see.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code."""
    _have_standard_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["sandbox"]:
        # Its options are those of the program `ovo-sandbox`, which reads them itself.
        from ovo_ptp.sandbox import _main

        return 0 if _main(given[1:]) else 1
    from ovo_ptp.cli.commands import run

    return run(given)


def _have_standard_streams() -> None:
    """Those that were closed lead nowhere, so that no file of the journal is taken for one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It gets the lowest number that is free, which is this one.
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        # Old systems' terminals and services without a language: no arrow ends a command.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
