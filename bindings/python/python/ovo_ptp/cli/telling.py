"""How an outcome is told at the command line, and with which exit code.

An outcome says how a payment ended, and stays what it was when the payment is voided behind it or
waits for an operator. Who asks again must hear where the money is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.cli import output

if TYPE_CHECKING:
    from typing import Any

OUTCOMES = {
    "paid": 0,
    "declined": 3,
    "not completed": 4,
    "not sent": 5,
    "needs operator": 6,
    "interrupted": 7,
}
#: By `Explanation.money`: where an outcome is not all that counts any more.
SINCE = {
    "voided": "VOIDED",
    "voiding": "VOID UNDER WAY",
    "by hand": "CLOSED BY AN OPERATOR",
}
NEEDS_OPERATOR = "NEEDS OPERATOR"


def code(outcome: ovo_ptp.AnyOutcome, now: ovo_ptp.Explanation | None) -> int:
    """The exit code: that of the outcome, unless something else counts by now."""
    since = what_counts(outcome, now)
    if since is None:
        return OUTCOMES[outcome.name]
    if now is not None and now.needs_operator:
        return OUTCOMES["needs operator"]
    if isinstance(outcome, (ovo_ptp.Paid, ovo_ptp.NeedsOperator)):
        # Nobody takes it for a sale, and nobody waits for an operator who has ruled.
        return OUTCOMES["not completed"]
    return OUTCOMES[outcome.name]


def what_counts(outcome: ovo_ptp.AnyOutcome, now: ovo_ptp.Explanation | None) -> str | None:
    """What counts instead of the outcome's name; `None` if that is still all."""
    if isinstance(outcome, ovo_ptp.Interrupted):
        return None
    if now is None:
        return SINCE["voided"] if isinstance(outcome, ovo_ptp.Paid) and outcome.is_voided else None
    if now.money in SINCE:
        return SINCE[now.money]
    if isinstance(outcome, ovo_ptp.NeedsOperator):
        return None  # it says so itself
    return NEEDS_OPERATOR if now.needs_operator else None


def in_short(outcome: ovo_ptp.AnyOutcome, now: ovo_ptp.Explanation | None) -> str:
    """For one line on standard error."""
    since = what_counts(outcome, now)
    return outcome.name if since is None else f"{outcome.name}, {since.lower()}"


def as_fields(outcome: ovo_ptp.AnyOutcome, now: ovo_ptp.Explanation | None) -> dict[str, Any]:
    """For programs: the outcome, and where the money is, as `Explanation.money`."""
    return {**outcome.to_dict(), "money": None if now is None else now.money}


def say(outcome: ovo_ptp.AnyOutcome, now: ovo_ptp.Explanation | None = None) -> None:
    """For people. `now` is what is known of a payment that was not begun by this very call."""
    since = what_counts(outcome, now)
    if since is None:
        output.say(_line(outcome, now))
        output.say(f"the customer is shown: {outcome.customer_text}")
        return
    # Its text for the customer may promise what is not so any more.
    if now is None:
        output.say(f"{since}: `ovo-ptp explain {outcome.invoice}` says where the money is")
        return
    output.say(
        f"{since} {ovo_ptp.format_rupiah(now.amount)} (it was: {outcome.name}; batch "
        f"{now.batch:06}, reference {now.reference:06})"
    )
    says = {about: now.says[about]["en"] for about in ("money", "cashier", "operator")}
    if isinstance(outcome, ovo_ptp.Paid) and now.money in ("unclear", "by hand"):
        # The explanation is about goods that were handed over when it was told as paid.
        says["cashier"] = "Hand over nothing because of this answer."
    for about, text in says.items():
        output.say(f"{about}: {text}")


def _line(outcome: ovo_ptp.AnyOutcome, now: ovo_ptp.Explanation | None) -> str:
    match outcome:
        case ovo_ptp.Paid():
            return (
                f"PAID {ovo_ptp.format_rupiah(outcome.amount)} (approval code "
                f"{outcome.approval_code or '-'}, batch {outcome.batch:06}, reference "
                f"{outcome.reference:06}{_source(outcome, now)})"
            )
        case ovo_ptp.Declined():
            return f"DECLINED {outcome.code or ''}: {outcome.meaning}"
        case ovo_ptp.NotCompleted():
            cancelled = "CANCELLED, hand over nothing" if outcome.is_cancelled else "NOT COMPLETED"
            return (
                f"{cancelled}: whatever was deducted is returned; `ovo-ptp settle "
                "--until-settled` sees to it"
            )
        case ovo_ptp.NotSent():
            why = f" ({outcome.detail or outcome.reason})" if outcome.reason else ""
            return f"NOT SENT{why}: try again at once, with a new invoice"
        case ovo_ptp.NeedsOperator():
            return (
                f"{NEEDS_OPERATOR}: {outcome.reason} (batch {outcome.batch:06}, reference "
                f"{outcome.reference:06})"
            )
        case _:
            return "INTERRUPTED: ask again with the same invoice"


def _source(paid: ovo_ptp.Paid, now: ovo_ptp.Explanation | None) -> str:
    if not paid.is_late:
        return ""
    story = () if now is None else now.story
    if any(moment.details.get("ruling") == "paid" for moment in story):
        return ", by an operator's ruling"
    return ", found by the status check"
