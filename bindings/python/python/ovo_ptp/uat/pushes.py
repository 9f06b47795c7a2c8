"""Scenarios of inquiries and pushes: what OVO answers, and which numbers they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.uat.stage import AMOUNT, MissedError

if TYPE_CHECKING:
    from ovo_ptp.uat.stage import Stage


def registered(stage: Stage) -> str:
    """Scenario 1."""
    stage.tell("nothing to do: the customer's number has an OVO account")
    with stage.client() as client:
        found = client.inquire(stage.phone("approves"))
    stage.need(found is ovo_ptp.Inquiry.REGISTERED, "OVO does not know the number")
    return "00: registered; the push may follow"


def not_registered(stage: Stage) -> str:
    """Scenario 2."""
    with stage.client() as client:
        found = client.inquire(stage.phone("unregistered"))
    stage.need(found is ovo_ptp.Inquiry.NOT_REGISTERED, "OVO knows the number")
    stage.need(not stage.sent("push to pay"), "a push was sent")
    return "14: not registered; no push"


def approved(stage: Stage) -> str:
    """Scenario 3."""
    with stage.client() as client:
        outcome = stage.pay(client, "approves", "pay on the phone")
    stage.outcome(outcome, "paid")
    return f"00: {outcome.customer_text_en}"


def _declined(stage: Stage, who: str, text: str, code: str) -> str:
    with stage.client() as client:
        outcome = stage.pay(client, who, text)
        stage.outcome(outcome, "declined")
        seen = getattr(outcome, "code", None)
        stage.need(seen == code, f"the code was {seen}")
    return f"{code}: {outcome.customer_text_en}"


def cancelled_in_the_app(stage: Stage) -> str:
    """Scenario 4."""
    return _declined(stage, "cancels", "press cancel in the OVO app", "17")


def push_to_nobody(stage: Stage) -> str:
    """Scenario 5."""
    return _declined(stage, "unregistered", "nothing to do: the number has no account", "14")


def logged_out(stage: Stage) -> str:
    """Scenario 6."""
    return _declined(stage, "logged out", "log out of the OVO app first, and stay so", "26")


def three_pushes(stage: Stage) -> str:
    """Scenario 15."""
    with stage.client() as client:
        numbers = []
        for who, text, comes in (
            ("approves", "pay on the phone", "paid"),
            ("cancels", "press cancel in the OVO app", "declined"),
            ("approves", "pay on the phone", "paid"),
        ):
            outcome = stage.pay(client, who, text)
            stage.outcome(outcome, comes)
            report = client.payment(outcome.invoice)
            if report is None:
                raise MissedError("the journal does not know the payment")
            numbers.append((report.batch, report.reference))
    (batch, first), *rest = numbers
    expected = [(batch, first + step) for step in range(1, 3)]
    stage.need(rest == expected, f"the numbers are {numbers}")
    return f"batch {batch:06}, references {first:06} to {first + 2:06}, the failed one included"


def numbers_by_method(stage: Stage) -> str:
    """Scenario 16."""
    seen = []
    for method in ("continuous", "daily"):
        with stage.client(batch_method=method) as client:
            outcome = stage.pay(client, "approves", f"pay on the phone ({method})")
            stage.outcome(outcome, "paid")
            report = client.payment(outcome.invoice)
            if report is None:
                raise MissedError("the journal does not know the payment")
            seen.append((report.batch, report.reference))
    stage.need(seen[1] > seen[0], f"the numbers are {seen}")
    (batch, reference), (daily, of_the_day) = seen
    return (
        f"continuous: {batch:06}/{reference:06}; daily: {daily:06}/{of_the_day:06}. Behind 999999, "
        "or at midnight WIB with `daily`, the next batch begins with 000001"
    )


def wrong_terminal(stage: Stage) -> str:
    """Scenario 19."""
    stage.tell("nothing to do: no prompt comes")
    with stage.client() as client:
        terminal = ovo_ptp.Terminal(tid="99999999", mid="999999999999999", store_code="NONE")
        outcome = client.pay(
            stage.invoice(), amount=AMOUNT, phone=stage.phone("approves"), terminal=terminal
        )
    stage.need(not outcome.is_paid, "it was paid")
    codes = [stage.code(exchange) for exchange in stage.sent("push to pay")]
    stage.need(codes == ["EB"], f"the code was {codes}")
    return (
        f"EB: a critical alert, and the customer reads only: "
        f"{outcome.customer_text_en} (A wrong key is not tried here: it may lock the app id out; "
        "`ovo-ptp doctor` reports 63)"
    )
