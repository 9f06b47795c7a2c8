"""What moves money at the command line: `pay`, `cancel`, `void`, and `check-void`.

An exit code of 1 says that nothing was started. Once something may have been, the code is the
outcome's, whatever fails beside it: a busy journal, a full disk, a reader that has gone.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp._typed import rupiah
from ovo_ptp.cli import output, shop, telling

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

VOIDS = {"voided": 0, "rejected": 3, "pending": 4, "not_sent": 5, "needs_operator": 6}


def pay(options: argparse.Namespace) -> int:
    """Pushes a payment and waits for its outcome."""
    phone, amount = ovo_ptp.Phone(" ".join(options.phone)), rupiah(options.amount)
    countdown = output.Countdown(sys.stderr, scale=options.time_scale)
    with shop.opened(options, makes_journal=True) as client:
        where = options.environment or "staging"
        with client.start(
            options.invoice,
            amount=amount,
            phone=phone,
            allow_second_push=options.allow_second_push,
        ) as payment:
            found = _stands(client, options.invoice) if payment.was_known else None
            if payment.was_known:
                since = "" if found is None else f" since {found.begun:%Y-%m-%d %H:%M} WIB"
                shop.say_aside(
                    f"{options.invoice} is in the journal{since}: nothing is pushed again"
                )
            else:
                shop.say_aside(f"{ovo_ptp.format_rupiah(amount)} to {phone}, {where}")
            outcome = _seen_through(payment, countdown)
        now = _stands(client, options.invoice, found) if payment.was_known else None
        # Before it is confirmed: a crash in between must leave it in the list.
        told = _told(outcome, now, as_json=options.json)
        if isinstance(outcome, ovo_ptp.Interrupted):
            pass  # there is nothing to acknowledge yet
        elif payment.was_known:
            # Whoever began it may not have heard of its outcome.
            if not _is_acknowledged(client, options.invoice):
                _say_not_acknowledged(options.invoice)
        elif told:
            _acknowledge(client, options.invoice)
        else:
            _say_not_acknowledged(options.invoice)
    return telling.code(outcome, now)


def _stands(
    client: ovo_ptp.Client, invoice: str, before: ovo_ptp.Explanation | None = None
) -> ovo_ptp.Explanation | None:
    """Where a payment stands by now; as it stood before if the journal does not tell."""
    try:
        return client.explain(invoice) or before
    except ovo_ptp.OvoError as error:
        shop.say_aside(str(error))
        return before


def _is_acknowledged(client: ovo_ptp.Client, invoice: str) -> bool:
    try:
        found = client.payment(invoice)
    except ovo_ptp.OvoError:
        return False
    return found is not None and found.acknowledged


def _seen_through(
    payment: ovo_ptp.StartedPayment, countdown: output.Countdown
) -> ovo_ptp.AnyOutcome:
    """Waits for the outcome. Ctrl-C asks whoever sits at a terminal what is meant by it."""
    while True:
        try:
            for progress in payment:
                countdown.show(progress)
            return payment.outcome()
        except KeyboardInterrupt:
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise
        except Exception:
            # A defect of this program. The customer is asked all the same.
            shop.say_aside(traceback.format_exc())
            return payment._told_of_one_that_is_lost()
        finally:
            countdown.clear()
        try:
            if _wants_to_cancel(payment.invoice):
                return payment.cancel()
        except ovo_ptp.RefusedError as error:
            shop.say_aside(f"{error}; still waiting")
        except ovo_ptp.OvoError as error:
            # Should it be durable all the same, then that is the outcome that is waited for.
            shop.say_aside(f"{error}; not known to be cancelled, still waiting")


def _wants_to_cancel(invoice: str) -> bool:
    """A second Ctrl-C leaves: the payment goes on, and this invoice asked again tells its end."""
    try:
        sys.stderr.write(
            f"\n{invoice} goes on. Type c and Enter to cancel it (the customer is not to confirm "
            "it, and gets\nback what is deducted), only Enter to go on waiting, Ctrl-C again to "
            "leave it: "
        )
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("c", "cancel")
    except OSError:
        return False  # the terminal has gone


def cancel(options: argparse.Namespace) -> int:
    """Gives a payment up that has no outcome yet."""
    with shop.opened(options) as client:
        outcome = client.cancel(options.invoice)
        now = _stands(client, options.invoice)
    _told(outcome, now, as_json=options.json)
    return telling.code(outcome, now)


def void(options: argparse.Namespace) -> int:
    """Returns a paid amount."""
    with shop.opened(options) as client:
        return _say_void(options, client.void(options.invoice))


def check_void(options: argparse.Namespace) -> int:
    """Asks OVO how a void ended."""
    with shop.opened(options) as client:
        return _say_void(options, client.check_void(options.invoice))


def _say_void(options: argparse.Namespace, void: ovo_ptp.VoidOutcome) -> int:
    def tell() -> None:
        if options.json:
            output.as_json(void)
        else:
            code = f" (code {void.code})" if void.code else ""
            output.say(f"{void.state.replace('_', ' ')}{code}")

    _printed(f"{options.invoice}: {void.state.replace('_', ' ')}", tell)
    return VOIDS[void.state]


def _told(outcome: ovo_ptp.AnyOutcome, now: ovo_ptp.Explanation | None, *, as_json: bool) -> bool:
    def tell() -> None:
        if as_json:
            output.as_json(telling.as_fields(outcome, now))
        else:
            telling.say(outcome, now)

    return _printed(f"{outcome.invoice}: {telling.in_short(outcome, now)}", tell)


def _printed(what: str, tell: Callable[[], None]) -> bool:
    """Whether somebody can have read it. If not, standard error has it in short."""
    if getattr(sys.stdout, "name", None) == os.devnull:
        # It was closed, see `_have_standard_streams`: what a shell redirects has another name.
        shop.say_aside(f"{what}; standard output is closed")
        return False
    try:
        tell()
        sys.stdout.flush()
    except (OSError, ValueError) as error:  # gone, full, or of an encoding that cannot say it
        output.drop(sys.stdout)
        shop.say_aside(f"{what}; standard output does not take it ({error})")
        return False
    return True


def _acknowledge(client: ovo_ptp.Client, invoice: str) -> None:
    try:
        client.acknowledge(invoice)
    except KeyboardInterrupt:
        _say_not_acknowledged(invoice)
    except ovo_ptp.OvoError as error:
        shop.say_aside(str(error))
        _say_not_acknowledged(invoice)


def _say_not_acknowledged(invoice: str) -> None:
    shop.say_aside(f"not acknowledged: `ovo-ptp acknowledge {invoice}`")
