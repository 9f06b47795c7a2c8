"""`ovo-ptp journal archive`: payments that are over, into a file of their own."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from ovo_ptp import _typed
from ovo_ptp.cli import output, shop
from ovo_ptp.cli.options import path

if TYPE_CHECKING:
    import argparse
    from datetime import datetime
    from pathlib import Path

    import ovo_ptp

#: Seconds after which somebody at a terminal wants to hear how far it is, and between two lines.
PATIENCE = 2.0
#: The same for those who read a log.
LOG_PATIENCE = 30.0


def archive(options: argparse.Namespace) -> int:
    """Moves payments into an archive, and says how many."""
    # A day that is none, before anything is opened.
    before = _typed.moment("before", options.before)
    to = path(options.to_file)
    with shop.opened(options) as client:
        done = _run(client, before, to)
    if options.json:
        output.as_json({**done.to_dict(), "file": str(to)})
        return 0
    if done.payments == 0:
        output.say("no payment from before that day is over; nothing was written")
    elif done.moved == 0:
        output.say(f"{to} has {done.payments} payments; none was left to move")
    else:
        output.say(
            f"{done.payments} payments are in {to} now, and no more in {options.journal}; "
            f"read them with -j {to}"
        )
    if done.left:
        output.say(f"{done.left} changed meanwhile, and stay in {options.journal}")
    return 0


def _run(client: ovo_ptp.Client, before: datetime, to: Path) -> ovo_ptp.Archived:
    """Archives on another thread, so that this one can say how far it is and hear Ctrl-C."""
    answers: list[ovo_ptp.Archived | BaseException] = []

    def work() -> None:
        try:
            answers.append(client.archive(before, to))
        except BaseException as error:  # told by the thread that waits
            answers.append(error)

    worker = threading.Thread(target=work, name="ovo-ptp-archive")
    worker.start()
    try:
        while worker.is_alive():
            worker.join(PATIENCE if sys.stderr.isatty() else LOG_PATIENCE)
            moved, payments = client._native.archived_so_far()
            if worker.is_alive() and payments:
                shop.say_aside(f"{moved} of {payments} payments are moved")
    except KeyboardInterrupt:
        client.close()
        worker.join()
        shop.say_aside("broken off; the same command goes on where it was")
        raise
    answer = answers[0]
    if isinstance(answer, BaseException):
        raise answer
    return answer
