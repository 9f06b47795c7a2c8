"""A started payment: waited for, polled, counted down, or awaited."""

from __future__ import annotations

from ovo_ptp import _make, _native
from ovo_ptp._waiting import LEFT, way_of_waiting
from ovo_ptp.reports import Progress

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import timedelta
    from types import TracebackType
    from typing import Any

    from ovo_ptp._dispatch import Dispatcher
    from ovo_ptp._native import Payment
    from ovo_ptp.outcomes import AnyOutcome

__all__ = ["StartedPayment"]


class StartedPayment:
    """A payment under way on a native thread of its own, from `Client.start`.

    As long as it lives, somebody cares for the outcome: a success that only the status check
    reports is then accepted. Giving up waiting never gives up the payment: after `release` (or when
    the object goes away) it is brought to its end all the same, and a Paid that nobody waited for
    is found by `Client.unacknowledged`.

    Iterating yields the countdown until there is an outcome:

    >>> payment = client.start("DOC-STARTED", amount=12_500, phone="081200000101")
    >>> for progress in payment:
    ...     assert progress.phase in ("sending", "waiting_for_customer", "checking")
    >>> payment.outcome().name
    'paid'
    """

    def __init__(self, payment: Payment, dispatcher: Dispatcher) -> None:
        self._payment = payment
        self._dispatcher = dispatcher

    @property
    def invoice(self) -> str:
        """The payment's invoice."""
        return self._payment.invoice

    @property
    def was_known(self) -> bool:
        """Whether the payment was in the journal before `start`: it pushed nothing.

        Known at once, while the outcome is not; the outcome says the same.
        """
        return self._payment.was_known

    def poll(self) -> AnyOutcome | None:
        """The outcome, if there is one. Does not wait."""
        return self._told(self._payment.poll())

    def wait(self, timeout: float | timedelta) -> AnyOutcome | None:
        """Waits for the outcome, at most `timeout` seconds; `None` if it is not known by then."""
        limit = _make.seconds("timeout", timeout)
        return self._told(self._payment.wait(limit, way_of_waiting()))

    def outcome(self) -> AnyOutcome:
        """Waits for the outcome, however long it takes (90 seconds at the most)."""
        fields = self._payment.wait(None, way_of_waiting())
        assert fields is not None  # noqa: S101 - without a limit it waits for the outcome
        return _make.outcome(fields)

    def __iter__(self) -> Iterator[Progress]:
        """Each countdown, about once a second, until there is an outcome."""
        number = 0
        while (told := self._payment.countdown(number)) is not None:
            number, phase, remaining = told
            yield Progress(invoice=self.invoice, phase=phase, remaining=remaining)

    async def outcome_async(self) -> AnyOutcome:
        """Awaits the outcome. Cancelling ends the waiting, not the payment.

        Of a client that is closed meanwhile, or was closed before, it is `Interrupted` if there was
        no other yet.
        """
        import asyncio

        outcome = self.poll()
        if outcome is not None:
            return outcome
        number, future = self._dispatcher.future(asyncio.get_running_loop())
        try:
            self._payment.post_outcome(number)
            fields = await future
        finally:
            self._dispatcher.forget(number)
        if fields is not LEFT:
            return _make.outcome(fields)
        # Closing brings every payment to an outcome before it ends the answers.
        return self.poll() or self._told_of_one_that_is_lost()

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """Each countdown, until there is an outcome."""
        import asyncio

        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Progress | None] = asyncio.Queue()
        over = asyncio.ensure_future(self.outcome_async())
        over.add_done_callback(lambda _: queue.put_nowait(None))
        told = _on_loop(loop, queue.put_nowait)
        self._dispatcher.watch(self.invoice, told)
        try:
            while (progress := await queue.get()) is not None:
                yield progress
            await over  # which tells if this object cannot be asked any more
        finally:
            self._dispatcher.unwatch(self.invoice, told)
            over.cancel()

    def cancel(self) -> AnyOutcome:
        """Gives the payment up, as `Client.cancel` does, and returns the outcome that is durable.

        The connection is listened to until OVO's time is over: a decline that still comes spares
        the reversal, and a debit is recorded, alerted and returned. So it is not refused without
        Check Payment either, as long as the journal vouches for the payment's numbers. Better
        leave the client open for that time (65 s behind the push).

        While the journal is busy Ctrl-C ends the waiting, and perhaps not the cancel: ask again.
        """
        return _make.outcome(self._payment.cancel(way_of_waiting()))

    async def cancel_async(self) -> AnyOutcome:
        """Like `cancel`, for asyncio: the event loop does not wait for a busy journal."""
        import asyncio

        number, future = self._dispatcher.future(asyncio.get_running_loop())
        try:
            self._payment.cancel(number)
            fields = await future
        finally:
            self._dispatcher.forget(number)
        if fields is LEFT:  # the client was closed meanwhile
            return self.poll() or self._told_of_one_that_is_lost()
        return _make.outcome(fields)

    def release(self) -> None:
        """Says that nobody waits for the outcome any more. The payment goes on.

        A success that comes by the push's own answer is still Paid, one that only a status check
        reports is returned to the customer. Asking this object afterwards is a `ClosedError`.
        """
        self._payment.release()

    def __enter__(self) -> StartedPayment:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"StartedPayment(invoice={self.invoice!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a started payment belongs to its process and cannot be pickled")

    def _told_of_one_that_is_lost(self) -> AnyOutcome:
        fields = _native.Payment(self.invoice, self._dispatcher.mailbox).poll()
        assert fields is not None  # noqa: S101 - its outcome is that it was interrupted
        return _make.outcome(fields)

    @staticmethod
    def _told(fields: dict[str, Any] | None) -> AnyOutcome | None:
        return None if fields is None else _make.outcome(fields)


def _on_loop(
    loop: asyncio.AbstractEventLoop, told: Callable[[Progress], object]
) -> Callable[[Progress], None]:
    """`told`, called on a loop's own thread as long as the loop is open."""

    def hand_over(progress: Progress) -> None:
        try:
            loop.call_soon_threadsafe(told, progress)
        except RuntimeError:
            pass  # the loop is closed

    return hand_over
