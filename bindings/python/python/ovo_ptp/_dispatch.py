"""The one Python thread of a client: it takes events and answers from the native mailbox.

Native threads never call into Python; they put what happens into the mailbox. This thread hands it
on: events to `logging` and to the caller's function, answers to the event loops that wait for them.
It holds no lock of the library while it calls anybody, so a logging handler may block or call the
client as it likes.
"""

from __future__ import annotations

import itertools
import logging
import threading
import traceback
from typing import TYPE_CHECKING, Any

from ovo_ptp import _make, errors
from ovo_ptp._native import Mailbox
from ovo_ptp._waiting import LEFT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ovo_ptp.reports import Event, Progress

logger = logging.getLogger("ovo_ptp")

#: More than any level: no event is kept.
_SILENCE = 1_000


class Dispatcher:
    """Hands events and answers on. Does not know the client, so that nothing keeps it alive."""

    def __init__(self, *, log: bool, on_event: Callable[[Event], object] | None) -> None:
        self.mailbox = Mailbox()
        self._log = log
        self._on_event = on_event
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]] = {}
        self._watching: dict[str, tuple[Callable[[Progress], object], ...]] = {}
        self._lock = threading.Lock()
        self.listen()
        self._thread = threading.Thread(target=self._run, name="ovo-ptp-events", daemon=True)
        self._thread.start()

    def listen(self) -> None:
        """Tells the native side which events anybody wants: the logger's level may change."""
        wanted = 0 if self._on_event else logger.getEffectiveLevel() if self._log else _SILENCE
        self.mailbox.listen(wanted)

    def stop(self) -> None:
        """Hands on what is there, then ends the thread."""
        self.mailbox.stop()
        if self._thread is not threading.current_thread():
            # A handler of the caller's that never returns must not keep the process from ending.
            self._thread.join(timeout=5)

    def future(self, loop: asyncio.AbstractEventLoop) -> tuple[int, asyncio.Future[Any]]:
        """A number for the native side and the future that its answer resolves."""
        number, future = next(self._numbers), loop.create_future()
        self._waiting[number] = loop, future
        return number, future

    def forget(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        self._waiting.pop(number, None)

    def watch(self, invoice: str, told: Callable[[Progress], object]) -> None:
        """Has `told` called with each countdown of a payment, on this thread."""
        with self._lock:
            self._watching[invoice] = (*self._watching.get(invoice, ()), told)
        self.mailbox.post_countdown(invoice, True)

    def unwatch(self, invoice: str, told: Callable[[Progress], object]) -> None:
        """Takes `watch` back."""
        self.mailbox.post_countdown(invoice, False)
        with self._lock:
            left = tuple(other for other in self._watching.pop(invoice, ()) if other is not told)
            if left:
                self._watching[invoice] = left

    def _run(self) -> None:
        while True:
            going_on = self.mailbox.wait()
            self.listen()
            events, answers = self.mailbox.take()
            # Countdowns come before the outcome, and no outcome waits for a log handler.
            for fields in events:
                if fields["kind"] == "progress":
                    self._count_down(_make.progress(fields))
            for number, code, value in answers:
                self._answer(number, code, value)
            for fields in events:
                if fields["kind"] != "progress":
                    self._tell(fields)
            if not going_on:
                break
        for number in list(self._waiting):
            self._answer(number, None, LEFT)

    def _answer(self, number: int, code: str | None, value: Any) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return  # cancelled
        loop, future = waiting

        def resolve() -> None:
            if future.done():
                return
            if code is None:
                future.set_result(value)
            else:
                future.set_exception(errors.BY_CODE[code](value))

        try:
            loop.call_soon_threadsafe(resolve)
        except RuntimeError:
            pass  # the loop was closed before its payments were over; they are in the journal

    def _count_down(self, progress: Progress) -> None:
        for told in self._watching.get(progress.invoice, ()):
            told(progress)

    def _tell(self, fields: dict[str, Any]) -> None:
        level, message = fields["level"], fields["message"]
        if self._log:
            about = ("kind", "invoice", "batch", "reference")
            _log(level, message, extra={f"ovo_{name}": fields[name] for name in about})
        if self._on_event is not None:
            try:
                self._on_event(_make.event(fields))
            except Exception:
                _log(logging.ERROR, "the client's on_event failed", exc_info=True)


def _log(level: int, message: str, **more: Any) -> None:
    """Logs; a handler or a filter of the caller's that raises must not end the thread: answers that
    event loops wait for come through it."""
    try:
        logger.log(level, "%s", message, **more)
    except Exception:
        # As `logging.Handler.handleError` does: to stderr, unless the program wants silence.
        if logging.raiseExceptions:
            traceback.print_exc()
