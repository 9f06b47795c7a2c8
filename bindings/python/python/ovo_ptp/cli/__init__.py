"""The program `ovo-ptp`.

Exit codes: 0 done (for `pay`: paid; for `void`: voided), 1 an error, 2 wrong use, 3 declined,
4 not completed or not known yet, 5 not sent, 6 an operator is needed, 7 interrupted, 130 Ctrl-C.
Secrets come from the environment or a file, never from the command line, which other users can see.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["sandbox"]:
        # Its options are those of the program `ovo-sandbox`, which reads them itself.
        from ovo_ptp.sandbox import _main

        return 0 if _main(given[1:]) else 1
    from ovo_ptp.cli.commands import run

    return run(given)
