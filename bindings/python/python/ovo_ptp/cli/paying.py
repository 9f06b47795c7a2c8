"""What moves money at the command line: `pay`, `cancel`, `void`, and `check-void`.

An exit code of 1 says that nothing was started. Once something may have been, the code is the
outcome's, whatever fails beside it: a busy journal, a full disk, a reader that has gone.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp._typed import rupiah
from ovo_ptp.cli import output, shop

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

OUTCOMES = {
    "paid": 0,
    "declined": 3,
    "not completed": 4,
    "not sent": 5,
    "needs operator": 6,
    "interrupted": 7,
}
VOIDS = {"voided": 0, "rejected": 3, "pending": 4, "not_sent": 5, "needs_operator": 6}


def pay(options: argparse.Namespace) -> int:
    """Pushes a payment and waits for its outcome."""
    phone, amount = ovo_ptp.Phone(" ".join(options.phone)), rupiah(options.amount)
    countdown = output.Countdown(sys.stderr, scale=options.time_scale)
    with shop.opened(options, makes_journal=True) as client:
        found = client.payment(options.invoice)
        if found is None:
            where = options.environment or "staging"
            shop.say_aside(f"{ovo_ptp.format_rupiah(amount)} to {phone}, {where}")
        else:
            shop.say_aside(
                f"{options.invoice} is in the journal since {found.begun:%Y-%m-%d %H:%M} WIB: "
                "nothing is pushed again"
            )
        with client.start(
            options.invoice,
            amount=amount,
            phone=phone,
            allow_second_push=options.allow_second_push,
        ) as payment:
            outcome = _seen_through(payment, countdown)
        # Before it is confirmed: a crash in between must leave it in the list.
        told = _told(
            outcome,
            as_json=options.json,
            was_known=found is not None,
            settlement=found.settlement if found is not None else "",
        )
        if isinstance(outcome, ovo_ptp.Interrupted):
            pass  # there is nothing to acknowledge yet
        elif found is None and told:
            _acknowledge(client, options.invoice)
        elif found is None or not found.acknowledged:
            # Whoever began it may not have heard of its outcome.
            _say_not_acknowledged(options.invoice)
    return _exit_code(outcome)


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
        found = client.payment(options.invoice)
    _told(outcome, as_json=options.json, settlement=found.settlement if found is not None else "")
    return _exit_code(outcome)


def _exit_code(outcome: ovo_ptp.AnyOutcome) -> int:
    """0 hands over the goods: not for a sale that was voided since."""
    if isinstance(outcome, ovo_ptp.Paid) and outcome.is_voided:
        return OUTCOMES["not completed"]
    return OUTCOMES[outcome.name]


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


def _told(
    outcome: ovo_ptp.AnyOutcome,
    *,
    as_json: bool,
    was_known: bool | None = None,
    settlement: str = "",
) -> bool:
    def tell() -> None:
        if not as_json:
            say_outcome(outcome, settlement)
        elif was_known is None:
            output.as_json(outcome)
        else:
            output.as_json({**outcome.to_dict(), "was_known": was_known})

    return _printed(f"{outcome.invoice}: {outcome.name}", tell)


def _printed(what: str, tell: Callable[[], None]) -> bool:
    """Whether somebody can have read it. If not, standard error has it in short."""
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


def say_outcome(outcome: ovo_ptp.Outcome, settlement: str = "") -> None:
    """An outcome for people, with where the settlement of a payment stands that was known."""
    by_hand = settlement in {"waits for an operator", "closed by an operator"}
    match outcome:
        case ovo_ptp.Paid():
            late = ", found by a status check or an operator" if outcome.is_late else ""
            # Whoever asks again what became of it must not hand over goods for what went back.
            if outcome.is_voided:
                what = "VOIDED, hand over nothing: the customer has the money back:"
            elif settlement == "void under way" or by_hand:
                what = f"PAID, {settlement} (`explain` says more), hand over nothing:"
            else:
                what = "PAID"
            output.say(
                f"{what} {ovo_ptp.format_rupiah(outcome.amount)} (approval code "
                f"{outcome.approval_code or '-'}, batch {outcome.batch:06}, reference "
                f"{outcome.reference:06}{late})"
            )
        case ovo_ptp.Declined():
            output.say(f"DECLINED {outcome.code or ''}: {outcome.meaning}")
        case ovo_ptp.NotCompleted() if by_hand:
            # Nothing goes back by itself any more, and the usual text says that it does.
            output.say(
                f"NOT COMPLETED, {settlement}: hand over nothing; what was deducted is returned "
                f"by hand or by a ruling (`ovo-ptp explain {outcome.invoice}`)"
            )
            return
        case ovo_ptp.NotCompleted():
            cancelled = "CANCELLED, hand over nothing" if outcome.is_cancelled else "NOT COMPLETED"
            output.say(
                f"{cancelled}: whatever was deducted is returned; `ovo-ptp settle "
                "--until-settled` sees to it"
            )
        case ovo_ptp.NotSent():
            why = f" ({outcome.detail or outcome.reason})" if outcome.reason else ""
            output.say(f"NOT SENT{why}: try again at once, with a new invoice")
        case ovo_ptp.NeedsOperator():
            output.say(
                f"NEEDS OPERATOR: {outcome.reason} (batch {outcome.batch:06}, reference "
                f"{outcome.reference:06})"
            )
        case _:
            output.say("INTERRUPTED: ask again with the same invoice")
    output.say(f"the customer is shown: {outcome.customer_text}")
