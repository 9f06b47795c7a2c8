"""The Python threads of a client: they take events and answers from the native mailbox.

Native threads never call into Python; they put what happens into the mailbox. One thread hands
answers and countdowns to the event loops that wait for them, and calls nothing of the caller's. The
other hands events to `logging` and to the caller's function, which may block, call the client or
fail as they like: no answer waits for them. Neither holds a lock of the library meanwhile. A third,
where it is wished, asks the caller's function for the journal's password.
"""

from __future__ import annotations

import itertools
import logging
import threading
import traceback
from typing import TYPE_CHECKING, Any

from ovo_ptp import _make
from ovo_ptp._hidden import Hidden
from ovo_ptp._native import Mailbox
from ovo_ptp._waiting import LEFT
from ovo_ptp.errors import InvalidInputError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ovo_ptp.reports import Event, Progress

logger = logging.getLogger("ovo_ptp")

#: More than any level: no event is kept.
_SILENCE = 1_000


class Dispatcher:
    """Hands events and answers on. Does not know the client, so that nothing keeps it alive."""

    def __init__(
        self,
        *,
        log: bool,
        on_event: Callable[[Event], object] | None,
        journal_password: Callable[[str, int, str], str] | None = None,
    ) -> None:
        self.mailbox = Mailbox()
        self._journal_password = journal_password
        self._log = log
        self._on_event = on_event
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]] = {}
        self._watching: dict[str, tuple[Callable[[Progress], object], ...]] = {}
        self._lock = threading.Lock()
        self._over = False
        self.listen()
        runs = {"ovo-ptp-answers": self._hand_on_answers}
        if log or on_event is not None:
            runs["ovo-ptp-events"] = self._hand_on_events
        if journal_password is not None:
            runs["ovo-ptp-password"] = self._answer_questions
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True) for name, run in runs.items()
        ]
        for thread in self._threads:
            thread.start()

    def listen(self) -> None:
        """Tells the native side which events anybody wants: the logger's level may change."""
        wanted = 0 if self._on_event else logger.getEffectiveLevel() if self._log else _SILENCE
        self.mailbox.listen(wanted)

    def stop(self) -> None:
        """Hands on what is there, then ends the threads."""
        self.mailbox.stop()
        for thread in self._threads:
            if thread is not threading.current_thread():
                # A handler of the caller's that never returns must not keep the process alive.
                thread.join(timeout=5)

    def future(self, loop: asyncio.AbstractEventLoop) -> tuple[int, asyncio.Future[Any]]:
        """A number for the native side and the future that its answer resolves.

        Behind `stop` there is no answer any more: the future is resolved already, with `LEFT`.
        """
        number, future = next(self._numbers), loop.create_future()
        self._waiting[number] = loop, future
        # In this order: whoever ends the answers looks for those who wait behind setting this.
        if self._over and number in self._waiting:
            future.set_result(LEFT)
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

    def _hand_on_answers(self) -> None:
        going_on = True
        while going_on:
            going_on = self.mailbox.wait_answers()
            countdowns, answers = self.mailbox.take_answers()
            for fields in countdowns:
                self._count_down(_make.progress(fields))
            answers.reverse()
            while answers:
                self._answer(*answers.pop())
            # Nothing of it is held while this thread waits: a payment that nobody waits for is
            # returned to its customer, and each handle counts as somebody who waits.
            del countdowns, answers
        self._over = True
        for number in list(self._waiting):
            self._answer(number, LEFT, None)

    def _hand_on_events(self) -> None:
        going_on = True
        while going_on:
            going_on = self.mailbox.wait_events()
            self.listen()
            for fields in self.mailbox.take_events():
                self._tell(fields)

    def _answer_questions(self) -> None:
        ask = self._journal_password
        while ask is not None and (asked := self.mailbox.wait_question()) is not None:
            self.mailbox.answer_question(*_password(ask, *asked))

    def _answer(self, number: int, value: Any, error: BaseException | None) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return  # cancelled
        loop, future = waiting

        def resolve() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

        try:
            loop.call_soon_threadsafe(resolve)
        except RuntimeError:
            pass  # the loop was closed before its payments were over; they are in the journal
        except BaseException:  # as with countdowns
            log_error("an answer could not be handed on")

    def _count_down(self, progress: Progress) -> None:
        for told in self._watching.get(progress.invoice, ()):
            try:
                told(progress)
            except BaseException:  # whatever an event loop makes of it: answers go on
                log_error("a countdown could not be handed on")

    def _tell(self, fields: dict[str, Any]) -> None:
        level, message = fields["level"], fields["message"]
        if self._log:
            about = ("kind", "invoice", "batch", "reference")
            _log(level, message, extra={f"ovo_{name}": fields[name] for name in about})
        if self._on_event is not None:
            try:
                self._on_event(_make.event(fields))
            except BaseException:  # SystemExit too: it would end the events for good
                log_error("the client's on_event failed")


def _password(
    ask: Callable[[str, int, str], str], host: str, port: int, user: str
) -> tuple[Hidden | None, str]:
    """The password, or why there is none: never an error's own text, which may show it."""
    try:
        told = Hidden(ask(host, port, user))
    except BaseException as error:  # SystemExit too: nobody would answer any more
        return None, f"journal_password raised {type(error).__name__}"
    try:
        return _make.hidden_as_text("what journal_password returns", told), ""
    except InvalidInputError as error:
        return None, str(error)


def log_error(message: str) -> None:
    """Logs the exception that is being handled."""
    _log(logging.ERROR, message, exc_info=True)


def _log(level: int, message: str, **more: Any) -> None:
    """Logs; a handler or filter that raises hides no outcome and ends no thread."""
    try:
        logger.log(level, "%s", message, **more)
    except BaseException:  # as above
        # As `logging.Handler.handleError` does: to stderr, unless the program wants silence.
        if logging.raiseExceptions:
            traceback.print_exc()
