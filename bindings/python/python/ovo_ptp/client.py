"""The client: takes OVO payments for one merchant and answers for every one of them."""

from __future__ import annotations

import atexit
import os
import sys
import weakref

from ovo_ptp import _make, _native, explanation, reports
from ovo_ptp._hidden import Charge, Hidden, Phone
from ovo_ptp._waiting import HERE, LEFT, is_main_thread, way_of_waiting
from ovo_ptp.errors import ClosedError, ConfigurationError, InvalidTypeError
from ovo_ptp.outcomes import AnyOutcome
from ovo_ptp.started import StartedPayment, _on_loop

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from datetime import datetime, timedelta
    from types import TracebackType
    from typing import Any, Literal

    from ovo_ptp._dispatch import Dispatcher
    from ovo_ptp._native import Credentials
    from ovo_ptp.reports import Event, Progress, Terminal

__all__ = ["Client"]

#: In the place of a journal's path: a client for questions to OVO only, as the command line needs.
_NO_JOURNAL: Any = object()

#: Payments that a walk through the journal holds at a time.
_PAGE = 200

#: Clients that are open, for the end of the interpreter.
_open: weakref.WeakSet[Client] = weakref.WeakSet()


if hasattr(os, "register_at_fork"):
    # A child that opens a client of its own must not find SQLite locked by a parent's thread.
    os.register_at_fork(
        before=_native.before_fork,
        after_in_parent=_native.after_fork,
        after_in_child=_native.after_fork,
    )


@atexit.register
def _close_all() -> None:
    """Before the interpreter goes: threads that wait in a payment come back in time."""
    for client in list(_open):
        client.close()


class Client:
    """Takes OVO payments for one merchant.

    One client per process and journal; many threads and event loops may use it at once. It is a
    context manager, and closing it loses nothing: what is under way is in the journal.

    A call that raises `OvoError` has started nothing. Once a push may have left, the answer is an
    outcome. What a signal handler raises in the middle of a wait (Ctrl-C, a soft time limit of a
    task queue) ends the wait and not the payment: ask again with the same invoice.

    Args:
        environment: `staging`, `staging-old`, `production`, `production-old`, or the address of a
            sandbox. (`-old` are OVO's hosts of before 2025, which some merchants still use.)
        credentials: What OVO issued; without it, from the environment variables `OVO_MERCHANT_ID`,
            `OVO_STORE_CODE`, `OVO_TID`, `OVO_MID`, `OVO_APP_ID` and `OVO_APP_KEY`.
        journal: The journal's file, on a local disk; made if it is not there. One journal for each
            tid and mid. Or the address of one for several nodes, which `ovo_ptp.journal.migrate`
            made: ``postgresql://user@host1,host2/database?schema=ovo``, with the password in
            ``PGPASSWORD`` or a password file, or from ``journal_password``.
        journal_password: Called with host, port and role before every connection to a journal in
            PostgreSQL, and returns the password as text: a token that expires. On a thread of its
            own; it must answer within 3 s, best from memory, and must not call this client. What it
            raises is told by its name only. Together with a password in the address, or for a
            journal in a file, it is refused.
        shared: Several processes of this host use the journal. Default: one, which shuts all others
            out.
        first_batch: The batch of a new journal's first push; without it, one that was never used.
        set_aside_unusable: Whether a journal that is damaged, or missing beside its log, is set
            aside and a new one begun, which is a critical alert. Default: it is refused.
        environment_class: What kind of environment an address of your own is, for example
            `production` for a gateway in front of OVO. A journal belongs to one kind. Of OVO's own
            hosts no other kind can be said.
        record: A file to which every request and its answer are appended, a line of JSON each, with
            phone, name, OVO id and balances masked: the evidence that OVO asks for before
            production. Towards staging and a sandbox only.
        ca_file: PEM file of the only certificate authorities to be trusted. Default: the system's.
        proxy: A proxy to go through, `http://[user:password@]host[:port]`, `https://` or `socks5://`,
            reserved characters percent-encoded. Default: none, whatever the environment says.
        proxy_ca_file: PEM file of the only certificate authorities that may vouch for an `https://`
            proxy, and for nothing else: with one in `ca_file` the proxy could answer in OVO's
            place. Default: the system's.
        client_certificate: PEM file of the certificate to show to a host that asks for one (an
            acquirer that terminates mutual TLS; OVO's own hosts do not), with its intermediates.
        client_key: PEM file of its private key, not encrypted, mode 0600. Default: it is in the
            certificate's file.
        late_success: `accept` or `reverse` a success that only the status check reported.
        check_payment: Whether the contract has Check Payment.
        verify_declines: Whether every decline is verified by a late check.
        batch_method: `continuous`, or `daily` for a new batch each day.
        signing: `without_body` or `with_body`; `doctor` tells which one the host accepts.
        phone_in_reversal: Whether reversals carry the phone.
        background: Whether refunds and checks run by themselves. Without it, call `settle` often.
        settle_rate: At most so many settlement requests a second.
        time_scale: Towards a sandbox on this machine only: all of OVO's times multiplied by this.
        timers: Single times in seconds by the core's names, for example `{"delay_bound": 300}`.
        log: Whether events go to the logger `ovo_ptp`.
        on_event: Called with each `Event`, on a thread of the client. Its exceptions are logged.

    >>> with ovo_ptp.Client(sandbox.base_url, sandbox.credentials, journal=folder / "a.db",
    ...                     ca_file=sandbox.ca_file, time_scale=sandbox.time_scale) as client:
    ...     outcome = client.pay("INV-2026-0001", amount=12_500, phone="081234567890")
    ...     outcome.name
    'paid'
    """

    def __init__(
        self,
        environment: str,
        credentials: Credentials | None = None,
        *,
        journal: str | os.PathLike[str],
        journal_password: Callable[[str, int, str], str] | None = None,
        shared: bool = False,
        first_batch: int | None = None,
        set_aside_unusable: bool = False,
        environment_class: str | None = None,
        record: str | os.PathLike[str] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        proxy_ca_file: str | os.PathLike[str] | None = None,
        client_certificate: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        late_success: Literal["accept", "reverse"] = "accept",
        check_payment: bool = True,
        verify_declines: bool = True,
        batch_method: Literal["continuous", "daily"] = "continuous",
        signing: Literal["without_body", "with_body"] = "without_body",
        phone_in_reversal: bool = False,
        background: bool = True,
        settle_rate: int = 10,
        time_scale: float = 1.0,
        timers: Mapping[str, float | timedelta] | None = None,
        log: bool = True,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        # Each of these may be an address with a password in it.
        where, kept_in = Hidden(environment), Hidden(journal)
        way_out = None if proxy is None else Hidden(proxy)
        del environment, journal, proxy
        self._dispatcher: Dispatcher | None = None
        _refuse_green_threads()
        if credentials is None:
            credentials = _native.Credentials.from_environment()
        elif not isinstance(credentials, _native.Credentials):
            kind = type(credentials).__name__
            rule = f"credentials: must be ovo_ptp.Credentials, not {kind}"
            raise InvalidTypeError(rule, field="credentials")
        if on_event is not None and not callable(on_event):
            raise InvalidTypeError("on_event: must be callable", field="on_event")
        if journal_password is not None and not callable(journal_password):
            rule = "journal_password: must be callable"  # and never shown: it may be the password
            raise InvalidTypeError(rule, field="journal_password")
        batch = None if first_batch is None else _make.whole("first_batch", first_batch, 1, 999_999)
        options = {
            "journal": None
            if kept_in.value is _NO_JOURNAL
            else _make.hidden_as_path("journal", kept_in),
            "journal_password": journal_password is not None,
            "shared": _make.flag("shared", shared),
            "first_batch": batch,
            "set_aside_unusable": _make.flag("set_aside_unusable", set_aside_unusable),
            "environment_class": None
            if environment_class is None
            else _make.text("environment_class", environment_class),
            "record": None if record is None else _make.path("record", record),
            "ca_file": None if ca_file is None else _make.path("ca_file", ca_file),
            "proxy": None if way_out is None else _make.hidden_as_text("proxy", way_out),
            "proxy_ca_file": None
            if proxy_ca_file is None
            else _make.path("proxy_ca_file", proxy_ca_file),
            "client_certificate": None
            if client_certificate is None
            else _make.path("client_certificate", client_certificate),
            "client_key": None if client_key is None else _make.path("client_key", client_key),
            "late_success": _make.text("late_success", late_success),
            "check_payment": _make.flag("check_payment", check_payment),
            "verify_declines": _make.flag("verify_declines", verify_declines),
            "batch_method": _make.text("batch_method", batch_method),
            "signing": _make.text("signing", signing),
            "phone_in_reversal": _make.flag("phone_in_reversal", phone_in_reversal),
            "background": _make.flag("background", background),
            "settle_rate": _make.whole("settle_rate", settle_rate, 1, 1_000_000),
            "time_scale": _make.scale("time_scale", time_scale),
            "timers": _make.timers(timers or {}),
        }
        where = _make.hidden_as_text("environment", where)
        from ovo_ptp._dispatch import Dispatcher  # brings logging, which a client needs first

        dispatcher = Dispatcher(
            log=_make.flag("log", log), on_event=on_event, journal_password=journal_password
        )
        try:
            self._native = _native.Client(where.value, credentials, options, dispatcher.mailbox)
        except BaseException:
            dispatcher.stop()
            raise
        self._process = os.getpid()
        self._dispatcher = dispatcher
        _open.add(self)

    # -- payments

    def pay(
        self,
        invoice: str,
        *,
        amount: int,
        phone: str | Phone,
        terminal: Terminal | None = None,
        allow_second_push: bool = False,
        progress: Callable[[Progress], object] | None = None,
    ) -> AnyOutcome:
        """Pushes a payment to the customer's phone and waits for its outcome.

        That comes within 65 s behind the push, and 90 s behind the call: the way to OVO may take
        25 s.

        The invoice is the idempotency key: asked again with the same invoice, amount and phone, it
        never pushes again; it waits for, resumes, or returns the payment that is there, and the
        outcome's `was_known` says so. Ctrl-C ends the waiting within a quarter of a second, not the
        payment.

        Args:
            invoice: Your own name for this attempt: 1 to 50 of `A-Z a-z 0-9 - _ . /`, never used
                before.
            amount: Whole rupiah, as int.
            phone: The customer's phone, as people type it, or a `Phone`.
            terminal: Another terminal than the credentials'.
            allow_second_push: Push even if this customer has an unsettled payment.
            progress: Called about once a second on this thread while it waits. Its exceptions are
                logged, `SystemExit` with them: they cannot be allowed to hide the outcome.

        Raises:
            InvalidInputError: A value breaks a rule.
            InvoiceReusedError: The invoice is known with other details.
            UnsettledCustomerError: The customer has an unsettled payment.
            JournalError: Nothing can be written, so nothing was sent.
            ClosedError, ForkError: Not with this client.
        """
        hidden = Hidden(phone)
        del phone
        charge = Charge(invoice, amount, hidden, terminal, allow_second_push)
        if progress is None and not is_main_thread():
            self._listen()
            return _make.outcome(self._native.pay(charge))
        with self._start(charge) as payment:
            if progress is not None:
                for countdown in payment:
                    _tell(progress, countdown)
            return payment.outcome()

    async def pay_async(
        self,
        invoice: str,
        *,
        amount: int,
        phone: str | Phone,
        terminal: Terminal | None = None,
        allow_second_push: bool = False,
        progress: Callable[[Progress], object] | None = None,
    ) -> AnyOutcome:
        """Like `pay`, for asyncio: the event loop never waits, and `progress` is called on it.

        Cancelling the task ends the waiting, not the payment: it goes on in the background. If
        OVO's own answer says Paid it is Paid, and `unacknowledged` lists it; a success that only a
        status check finds is returned to the customer, since nobody waits for it.
        """
        hidden = Hidden(phone)
        del phone
        charge = Charge(invoice, amount, hidden, terminal, allow_second_push)
        with await self._start_async(charge) as payment:
            if progress is None:
                return await payment.outcome_async()
            import asyncio

            def told(countdown: Progress) -> None:
                _tell(progress, countdown)

            dispatcher = self._dispatch()
            hand_over = _on_loop(asyncio.get_running_loop(), told)
            dispatcher.watch(charge.invoice, hand_over)
            try:
                return await payment.outcome_async()
            finally:
                dispatcher.unwatch(charge.invoice, hand_over)

    def start(
        self,
        invoice: str,
        *,
        amount: int,
        phone: str | Phone,
        terminal: Terminal | None = None,
        allow_second_push: bool = False,
    ) -> StartedPayment:
        """Like `pay`, but returns as soon as the payment is durably in the journal.

        Ctrl-C meanwhile ends the waiting, not the payment that may have begun: ask again with the
        same invoice.
        """
        hidden = Hidden(phone)
        del phone
        return self._start(Charge(invoice, amount, hidden, terminal, allow_second_push))

    async def start_async(
        self,
        invoice: str,
        *,
        amount: int,
        phone: str | Phone,
        terminal: Terminal | None = None,
        allow_second_push: bool = False,
    ) -> StartedPayment:
        """Like `start`, for asyncio.

        If the client is closed meanwhile, the payment may have begun: its outcome is `Interrupted`.
        """
        hidden = Hidden(phone)
        del phone
        charge = Charge(invoice, amount, hidden, terminal, allow_second_push)
        return await self._start_async(charge)

    def cancel(self, invoice: str) -> AnyOutcome:
        """Gives up a payment that has no outcome yet, from any thread or process.

        Returns the outcome that is durable now: `NotSent` if not one byte of the push had left,
        else `NotCompleted` with `is_cancelled`, or whatever came first, perhaps `Paid`. Whoever
        waits for the payment hears the same, at once or within about a second.

        The prompt on the customer's phone cannot be taken back: OVO may show the payment as paid
        for some minutes. Hand over nothing; whatever is deducted is returned. A second push to that
        customer is refused until OVO has acknowledged the reversal, or, where none could be sent,
        shows that nobody was debited.

        Raises:
            RefusedError: The payment could not be returned by itself: OVO called its numbers
                duplicate; or the contract has no Check Payment (`check_payment=False`), and then
                somebody must go on listening for OVO's answer and the journal vouch for the
                numbers. A `pay` without `progress` in a thread other than the main one listens for
                itself only, and is refused always; `start`, `pay_async` and the other ways to pay
                have a native thread that listens on. Go on waiting.
            NotFoundError: The journal does not know the invoice.
            JournalError: It is not known to be cancelled; ask again.
        """
        self._listen()
        return _make.outcome(self._native.cancel(_make.text("invoice", invoice), way_of_waiting()))

    async def cancel_async(self, invoice: str) -> AnyOutcome:
        """Like `cancel`, for asyncio."""
        return _make.outcome(await self._ask(self._native.cancel, _make.text("invoice", invoice)))

    # -- questions and corrections

    def inquire(self, phone: str | Phone) -> reports.Inquiry:
        """Asks whether a phone number has an OVO account. OVO recommends it before a push."""
        hidden = Hidden(phone)
        del phone
        self._listen()
        return _make.inquiry(self._native.inquire(_make.phone(hidden), way_of_waiting()))

    async def inquire_async(self, phone: str | Phone) -> reports.Inquiry:
        """Like `inquire`, for asyncio."""
        hidden = Hidden(phone)
        del phone
        return _make.inquiry(await self._ask(self._native.inquire, _make.phone(hidden)))

    def check(self, invoice: str, *, phone: str | Phone | None = None) -> reports.Status:
        """Asks OVO for a payment's status now: for an operator, 60 s to 7 days after the push.

        The answer takes part in the payment's settlement. The phone is wanted only for a payment so
        old that the journal has forgotten it.

        As long as the journal was not told when the push left (until the payment's own check at
        60.5 s, a cancel or an outcome; for good, if the process that pushed it died before), it is
        refused until 85 s after the payment's beginning, from every process; behind a restart of
        the machine, for 60 s from the restart on, or from the moment at which settlement took the
        payment up.

        Raises: `OutsideWindowError`, whose `retry_after` says how long it is too early still;
        `NoAnswerError` (ask again); `RefusedError` if the push never left; `NotFoundError`.
        """
        hidden = Hidden(phone)
        del phone
        self._listen()
        return _make.status(self._native.check(*_named(invoice, hidden), way_of_waiting()))

    async def check_async(
        self, invoice: str, *, phone: str | Phone | None = None
    ) -> reports.Status:
        """Like `check`, for asyncio."""
        hidden = Hidden(phone)
        del phone
        return _make.status(await self._ask(self._native.check, *_named(invoice, hidden)))

    def void(self, invoice: str) -> reports.VoidOutcome:
        """Returns the whole amount of a Paid payment, on the WIB day of the payment."""
        self._listen()
        return _make.void(self._native.void(_make.text("invoice", invoice), way_of_waiting()))

    async def void_async(self, invoice: str) -> reports.VoidOutcome:
        """Like `void`, for asyncio. Cancelling ends the waiting, not the void."""
        return await self._ask_void(self._native.void, invoice)

    def check_void(self, invoice: str) -> reports.VoidOutcome:
        """Asks what became of a void whose answer was lost, now instead of on schedule.

        Of one that was left to an operator before, too: of that `needs_operator` says that OVO was
        asked just now and shows none.

        Raises: `RefusedError` if no void was asked for. Of a void that was left to an operator
        before, who may have to refund by hand: `NoAnswerError` if OVO gave no usable answer (ask
        again first), and `OutsideWindowError` if it can tell nothing any more, or the journal has
        forgotten the phone (look the void up at OVO first).
        """
        self._listen()
        return _make.void(self._native.check_void(_make.text("invoice", invoice), way_of_waiting()))

    async def check_void_async(self, invoice: str) -> reports.VoidOutcome:
        """Like `check_void`, for asyncio."""
        return await self._ask_void(self._native.check_void, invoice)

    def settle(self) -> list[reports.PaymentReport]:
        """Runs every reversal, check and void that is due, and returns what changed.

        A client with `background` does this by itself.
        """
        self._listen()
        return _make.report_list(self._native.settle(way_of_waiting()))

    async def settle_async(self) -> list[reports.PaymentReport]:
        """Like `settle`, for asyncio."""
        return _make.report_list(await self._ask(self._native.settle))

    def next_settlement(self) -> float | None:
        """Seconds until `settle` has something to do: 0 if now, `None` if never."""
        wait: float | None = self._native.next_settlement(HERE)
        return wait

    def doctor(self) -> reports.Diagnosis:
        """Looks whether everything is set up right, with two harmless inquiries.

        >>> client.doctor().is_well
        True
        """
        self._listen()
        return reports.diagnosis(self._native.doctor(way_of_waiting()))

    async def doctor_async(self) -> reports.Diagnosis:
        """Like `doctor`, for asyncio."""
        return reports.diagnosis(await self._ask(self._native.doctor))

    def probe_signature(self) -> reports.Diagnosis:
        """Like `doctor`, and then signs one more harmless inquiry wrongly.

        A host that accepts that checks no signature, and its "accepted" says nothing about your
        app key. **A wrong signature may lock an app id out**: at most one is sent in 24 hours,
        which the journal remembers, and none if the right one is not accepted.

        Raises:
            RefusedError: One was sent within 24 hours; `retry_after` is the time to wait.

        >>> client.probe_signature().wrong_signature.state
        'refused'
        """
        self._listen()
        return reports.diagnosis(self._native.probe_signature(way_of_waiting()))

    async def probe_signature_async(self) -> reports.Diagnosis:
        """Like `probe_signature`, for asyncio."""
        return reports.diagnosis(await self._ask(self._native.probe_signature))

    # -- the journal

    def unacknowledged(self) -> list[reports.PaymentReport]:
        """Payments whose outcome was not confirmed with `acknowledge`: the 1,000 oldest at most.

        After a restart, here is what the crash swallowed. More come when these are acknowledged;
        `each_payment(unacknowledged=True)` walks through all of them.
        """
        return _make.report_list(self._native.unacknowledged(HERE))

    async def unacknowledged_async(self) -> list[reports.PaymentReport]:
        """Like `unacknowledged`, for asyncio."""
        return _make.report_list(await self._ask(self._native.unacknowledged))

    def acknowledge(self, invoice: str) -> None:
        """Confirms that you have stored the outcome. Never done by time.

        `Interrupted` is no outcome: there is nothing to acknowledge, and another process may bring
        the outcome this very moment. Of a payment that an operator ruled paid, the outcome told
        before was another one: it is confirmed only once this client has shown the new one, in a
        list, a report or an outcome. So it is where one told as paid waits for an operator since,
        because OVO's record contradicts it or its void: what is told of it now, a list or a report
        has.
        """
        self._native.acknowledge(_make.text("invoice", invoice), way_of_waiting())

    async def acknowledge_async(self, invoice: str) -> None:
        """Like `acknowledge`, for asyncio."""
        await self._ask(self._native.acknowledge, _make.text("invoice", invoice))

    def payments(
        self,
        *,
        unacknowledged: bool = False,
        unsettled: bool = False,
        needs_operator: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        tid: str | None = None,
        mid: str | None = None,
        newest_first: bool = False,
        after: int | None = None,
        limit: int = 1_000,
    ) -> list[reports.PaymentReport]:
        """Lists payments: one page of them.

        Args:
            unacknowledged: Only those whose outcome was not confirmed.
            unsettled: Only those that are not settled.
            needs_operator: Only those that wait for an operator.
            since: Only those begun at or after this time (an aware datetime).
            until: Only those begun before this time.
            tid: Only those of this terminal.
            mid: Only those of this merchant id.
            newest_first: For people; else in the order in which they were begun.
            after: Only those behind this one, in the order of the list: the `id` of the last
                payment of the page before.
            limit: At most so many.
        """
        chosen = _make.chosen(
            unacknowledged=unacknowledged,
            unsettled=unsettled,
            needs_operator=needs_operator,
            since=since,
            until=until,
            tid=tid,
            mid=mid,
            newest_first=newest_first,
            after=after,
            limit=limit,
        )
        return _make.report_list(self._native.payments(chosen, HERE))

    async def payments_async(
        self,
        *,
        unacknowledged: bool = False,
        unsettled: bool = False,
        needs_operator: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        tid: str | None = None,
        mid: str | None = None,
        newest_first: bool = False,
        after: int | None = None,
        limit: int = 1_000,
    ) -> list[reports.PaymentReport]:
        """Like `payments`, for asyncio."""
        chosen = _make.chosen(
            unacknowledged=unacknowledged,
            unsettled=unsettled,
            needs_operator=needs_operator,
            since=since,
            until=until,
            tid=tid,
            mid=mid,
            newest_first=newest_first,
            after=after,
            limit=limit,
        )
        return _make.report_list(await self._ask(self._native.payments, chosen))

    def each_payment(
        self,
        *,
        unacknowledged: bool = False,
        unsettled: bool = False,
        needs_operator: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        tid: str | None = None,
        mid: str | None = None,
        newest_first: bool = False,
    ) -> Iterator[reports.PaymentReport]:
        """Walks through all payments of a choice, page by page: bounded memory.

        The arguments are those of `payments`. Payments may be acknowledged on the way.

        >>> sum(1 for report in client.each_payment(unsettled=True))
        0
        """
        chosen = _make.chosen(
            unacknowledged=unacknowledged,
            unsettled=unsettled,
            needs_operator=needs_operator,
            since=since,
            until=until,
            tid=tid,
            mid=mid,
            newest_first=newest_first,
            after=None,
            limit=_PAGE,
        )
        return self._each(chosen)

    def _each(self, chosen: dict[str, Any]) -> Iterator[reports.PaymentReport]:
        while page := _make.report_list(self._native.payments(chosen, HERE)):
            yield from page
            chosen["after"] = page[-1].id

    async def each_payment_async(
        self,
        *,
        unacknowledged: bool = False,
        unsettled: bool = False,
        needs_operator: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        tid: str | None = None,
        mid: str | None = None,
        newest_first: bool = False,
    ) -> AsyncIterator[reports.PaymentReport]:
        """Like `each_payment`, for asyncio: `async for`."""
        chosen = _make.chosen(
            unacknowledged=unacknowledged,
            unsettled=unsettled,
            needs_operator=needs_operator,
            since=since,
            until=until,
            tid=tid,
            mid=mid,
            newest_first=newest_first,
            after=None,
            limit=_PAGE,
        )
        while page := _make.report_list(await self._ask(self._native.payments, chosen)):
            for report in page:
                yield report
            chosen["after"] = page[-1].id

    def payment(self, invoice: str) -> reports.PaymentReport | None:
        """One payment; `None` if the journal does not know the invoice."""
        return _make.maybe_report(self._native.payment(_make.text("invoice", invoice), HERE))

    async def payment_async(self, invoice: str) -> reports.PaymentReport | None:
        """Like `payment`, for asyncio."""
        return _make.maybe_report(
            await self._ask(self._native.payment, _make.text("invoice", invoice))
        )

    def explain(self, invoice: str) -> explanation.Explanation | None:
        """What became of a payment; `None` if the journal does not know the invoice.

        Where the money is, why, what comes next and when, and what cashier and operator should do:
        structured, and as text and as a page in Indonesian and English. It asks OVO nothing.

        >>> client.explain("NEVER-PUSHED-1") is None
        True
        """
        return explanation.made(self._native.explain(_make.text("invoice", invoice), HERE))

    async def explain_async(self, invoice: str) -> explanation.Explanation | None:
        """Like `explain`, for asyncio."""
        return explanation.made(
            await self._ask(self._native.explain, _make.text("invoice", invoice))
        )

    def rule(
        self, invoice: str, ruling: Literal["paid", "refund", "close"], *, reason: str
    ) -> reports.PaymentReport:
        """An operator's decision about a payment that waits for one.

        Args:
            invoice: The payment.
            ruling: It is `paid` and ours; it is ours and to be returned (`refund`); it is dealt
                with elsewhere (`close`). An unpaid payment can be closed from 180 s after its
                push on; until then the customer can still be debited.
            reason: 1 to 200 characters, kept in the journal. No personal data.
        """
        return _make.report(
            self._native.rule(
                _make.text("invoice", invoice),
                _make.text("ruling", ruling),
                _make.text("reason", reason),
                HERE,
            )
        )

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Writes a copy of the journal while payments go on. Other ways can copy half of it.

        Whoever opens the copy as a journal is told that it is one, and it is doubted then, because
        it does not know what came after it. Journals that were set aside are copied beside it; one
        that cannot be read is left out, and told as a critical event ``journal_found``.

        Raises:
            JournalError: There is a file already, or the disk refuses.

        >>> client.backup(folder / "backup.db")
        """
        self._native.backup(_make.path("path", path), HERE)

    def archive(self, before: datetime, path: str | os.PathLike[str]) -> reports.Archived:
        """Moves payments that are over into a file of the same schema, while payments go on.

        Those that are settled and acknowledged, of which no look behind is due and whose phone is
        forgotten (two days behind its end). `JournalReader` and every reading command
        take the file as they take a journal. In this one their numbers and invoices stay known, and
        are never given again.

        At every moment each payment is in the journal, in the archive, or in both. Whatever breaks
        this off, the same call finishes it; called once more it changes nothing.

        Args:
            before: Payments that were begun before this. Aware, and not in the future.
            path: The archive's file: a new one, or the one that was begun.

        Raises:
            InvalidInputError: A time in the future.
            JournalError: Another file is at `path`, another archive is not finished, the journal is
                doubted, one that was set aside beside it is in use, or the disk refuses.
            JournalLockedError: Somebody archives it already.

        >>> import datetime as dt
        >>> client.archive(dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), folder / "2025.db")
        Archived(payments=0, moved=0, left=0)
        """
        to = _make.path("path", path)
        return _make.archived(self._native.archive(_make.before(before), to, HERE))

    async def archive_async(
        self, before: datetime, path: str | os.PathLike[str]
    ) -> reports.Archived:
        """Like `archive`, for asyncio."""
        to = _make.path("path", path)
        return _make.archived(await self._ask(self._native.archive, _make.before(before), to))

    def vouch(self, who_and_why: str) -> bool:
        """Ends the doubt about a journal that was found to be a copy, or to have lost something.

        Whoever calls this has seen that no other copy is in use, and has compared the books with
        OVO's settlement file. Who and why (1 to 200 characters) is kept in the journal. `False` if
        there was no doubt.
        """
        return bool(self._native.vouch(_make.text("who_and_why", who_and_why), HERE))

    def report_paid(self, invoice: str) -> reports.PaymentReport:
        """Tells that OVO's settlement file shows a payment as paid.

        If the journal has it as not paid and closed, the money goes back to the customer.
        """
        return _make.report(self._native.report_paid(_make.text("invoice", invoice), HERE))

    def metrics(self) -> reports.Metrics:
        """Counts since the client was opened, for gauges and counters."""
        under_way = self._native.under_way()
        return reports.Metrics(**self._dispatch().mailbox.counts(), under_way=under_way)

    def metrics_text(self) -> str:
        """What a dashboard shows and an alarm watches, as text in Prometheus' format (0.0.4).

        The body of an answer to `GET /metrics`, of the type `text/plain; version=0.0.4`. Counters
        begin at 0 with each client, so every worker process is a target of its own; what the
        journal knows is the same in all that share it. No payment waits for it, it asks OVO
        nothing, and nothing of a person and no invoice is in it.

        >>> "ovo_ptp_journal_readable 1" in client.metrics_text().splitlines()
        True
        """
        return str(self._native.metrics_text(HERE))

    async def metrics_text_async(self) -> str:
        """Like `metrics_text`, for asyncio."""
        return str(await self._ask(self._native.metrics_text))

    # -- its own life

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._native.is_closed

    def close(self, grace: float | timedelta = 0) -> None:
        """Closes. Payments under way return `Interrupted` within about a second.

        They stay in the journal and are taken up by whoever opens it next. Closing twice is
        harmless; in a forked child it does nothing.

        Args:
            grace: Seconds in which payments that are waited for may still end, so that a deployment
                at lunch turns no sale into a refund; 80 are enough for all of them. New payments
                are refused at once, other calls go on meanwhile. Ctrl-C ends the grace.
        """
        dispatcher = self._dispatcher
        if dispatcher is None or os.getpid() != self._process:
            return
        seconds = _make.seconds("grace", grace)
        _open.discard(self)
        try:
            if seconds > 0 and not self._native.is_closed:
                self._native.end_within(seconds, way_of_waiting())
        finally:
            self._native.close()
            dispatcher.stop()

    async def close_async(self, grace: float | timedelta = 0) -> None:
        """Like `close`, for asyncio: tasks that wait for payments go on meanwhile."""
        import asyncio
        from concurrent.futures import Future
        from threading import Thread

        # A thread of its own: those of the loop may all be waiting for what only this ends.
        closed: Future[None] = Future()

        def close() -> None:
            closed.set_running_or_notify_cancel()  # no task takes it back
            try:
                self.close(grace)
            except BaseException as error:  # raised where it is awaited
                closed.set_exception(error)
            else:
                closed.set_result(None)

        try:
            Thread(target=close, name="ovo-ptp-close", daemon=True).start()
        except RuntimeError:  # no room for a thread: closed all the same
            close()
        await asyncio.wrap_future(closed)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close_async()

    def __del__(
        self,
        ending: Callable[[], bool] = sys.is_finalizing,
        process: Callable[[], int] = os.getpid,
    ) -> None:
        # Defaults: at the interpreter's end `os` and this module may be emptied already. Then it
        # was closed by `_close_all`.
        if ending() or getattr(self, "_dispatcher", None) is None or process() != self._process:
            return
        if not self._native.is_closed:
            import warnings

            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self.close()

    def __repr__(self) -> str:
        if self._dispatcher is None:  # a traceback may print what was never finished
            return "<ovo_ptp.Client not open>"
        return f"<ovo_ptp.Client {'closed' if self._native.is_closed else 'open'}>"

    def __reduce__(self) -> Any:
        raise TypeError("a client belongs to its process and cannot be pickled")

    # -- inside

    def _dispatch(self) -> Dispatcher:
        assert self._dispatcher is not None  # noqa: S101 - set by __init__ or there is no object
        return self._dispatcher

    def _listen(self) -> None:
        self._dispatch().listen()

    def _start(self, charge: Charge) -> StartedPayment:
        self._listen()
        return StartedPayment(self._native.start(charge, way_of_waiting()), self._dispatch())

    async def _start_async(self, charge: Charge) -> StartedPayment:
        payment = await self._post(self._native.start, charge)
        dispatcher = self._dispatch()
        if payment is LEFT:  # it may have begun
            payment = _native.Payment(charge.invoice, dispatcher.mailbox)
        return StartedPayment(payment, dispatcher)

    async def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Has a native thread do a call and awaits its answer."""
        answer = await self._post(call, *arguments)
        if answer is LEFT:
            raise ClosedError("client: closed while the call was under way")
        return answer

    async def _ask_void(self, call: Callable[..., Any], invoice: str) -> reports.VoidOutcome:
        answer = await self._post(call, _make.text("invoice", invoice))
        # An exception would mean that no void left.
        return _make.void({"state": "pending", "code": None} if answer is LEFT else answer)

    async def _post(self, call: Callable[..., Any], *arguments: Any) -> Any:
        import asyncio

        dispatcher = self._dispatch()
        dispatcher.listen()
        number, future = dispatcher.future(asyncio.get_running_loop())
        try:
            call(*arguments, number)
            return await future
        finally:
            dispatcher.forget(number)


def _refuse_green_threads() -> None:
    """With threads that are not threads a native wait stops the whole process, for ever."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("threading"):
        patched = "gevent"
    elif eventlet is not None and eventlet.is_monkey_patched("thread"):
        patched = "eventlet"
    else:
        return
    raise ConfigurationError(
        f"client: {patched} has patched this process's threads, and one native wait would stop "
        "them all; let a process of its own, which patches nothing, take the payments"
    )


def _tell(told: Callable[[Progress], object], countdown: Progress) -> None:
    try:
        told(countdown)
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit, too: the push has left, and the answer is an outcome
        from ovo_ptp._dispatch import log_error

        log_error("a progress function failed; the payment goes on")


def _named(invoice: str, phone: Hidden) -> tuple[str, Hidden | None]:
    return _make.text("invoice", invoice), None if phone.value is None else _make.phone(phone)
