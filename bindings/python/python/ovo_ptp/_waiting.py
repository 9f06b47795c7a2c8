"""On which thread a call may block."""

from __future__ import annotations

import threading

#: The native side's numbers: the calling thread blocks, or it looks for signals while it waits.
HERE, WATCHFUL = -1, -2

#: The answer to a call that was still under way when its client closed.
LEFT = object()


def is_main_thread() -> bool:
    """Whether signals, and with them Ctrl-C, come to this thread."""
    return threading.current_thread() is threading.main_thread()


def way_of_waiting() -> int:
    """How a blocking call of this thread waits."""
    return WATCHFUL if is_main_thread() else HERE
