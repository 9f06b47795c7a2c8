"""Scenarios in which no answer comes, or nobody waits for it: checked, reversed, and never both
paid and reversed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.uat.stage import AMOUNT

if TYPE_CHECKING:
    from ovo_ptp.uat.stage import Stage


def ignored(stage: Stage) -> str:
    """Scenario 7."""
    with stage.client() as client:
        outcome = stage.pay(client, "ignores", "do not touch the prompt for 70 seconds")
        stage.outcome(outcome, "not completed")
        stage.settled(client, outcome.invoice)
    codes = [stage.code(exchange) for exchange in stage.sent("reversal")]
    stage.need("00" in codes, f"the reversals were answered {codes}")
    return f"no code within 60 s; reversal at 65 s answered 00: {outcome.customer_text_en}"


def answer_dropped(stage: Stage) -> str:
    """Scenario 8."""
    text = "at 45 s take the till off the network, pay at 50 s, connect it again at 58 s"
    with stage.client() as client:
        outcome = stage.pay(client, "pays unheard", text)
        stage.outcome(outcome, "paid", "not completed")
        report = stage.settled(client, outcome.invoice)
    reversals = stage.sent("reversal")
    if isinstance(outcome, ovo_ptp.Paid):
        stage.need(outcome.is_late, "the answer came: it was not dropped, and no check was needed")
        stage.need(not reversals, "paid, and reversed as well")
        return "the check behind 60 s found it: late paid, and no reversal"
    stage.need(bool(reversals), "neither paid nor reversed")
    return f"not completed; {report.settlement}"


def without_checks(stage: Stage) -> str:
    """Scenario 9."""
    text = "at 45 s take the till off the network, pay at 50 s, connect it again at 58 s"
    with stage.client(check_payment=False) as client:
        outcome = stage.pay(client, "pays unheard", text)
        stage.outcome(outcome, "not completed")
        stage.settled(client, outcome.invoice)
    codes = [stage.code(exchange) for exchange in stage.sent("reversal")]
    stage.need("00" in codes, f"the reversals were answered {codes}")
    if stage.ovo is not None:
        net = stage.ovo.net(outcome.invoice)
        stage.need(net == 0, f"OVO keeps {net}")
    stage.tell("capture the app's history: the balance is back")
    return "reversal answered 00; the balance is back"


def reversal_unanswered(stage: Stage) -> str:
    """Scenario 10."""
    if stage.ovo is not None:
        stage.ovo.script({"on": "reversal", "times": 2, "act": {"unheard": True}})
    text = "do not touch the prompt; take the till off the network from 62 s to 90 s"
    with stage.client() as client:
        outcome = stage.pay(client, "ignores", text)
        stage.outcome(outcome, "not completed")
        stage.settled(client, outcome.invoice)
    reversals = stage.sent("reversal")
    stage.need(bool(reversals), "no reversal was sent")
    numbers = {
        (sent["request"].get("batchNo"), sent["request"].get("referenceNumber"))
        for sent in reversals
    }
    stage.need(len(numbers) == 1, "the reversals carry different numbers")
    stage.need(stage.code(reversals[-1]) == "00", "the last one was not answered 00")
    unanswered = [
        it
        for it in stage.folder.exchanges(stage.number)
        if it["operation"] == "reversal" and it["ended"] != "answered"
    ]
    stage.need(bool(unanswered), "each reversal was answered: the till was not off the network")
    if stage.ovo is not None:
        stage.need(len(reversals) >= 3, f"only {len(reversals)} reversals")
    return f"{len(reversals)} reversals with the same numbers, the last one answered 00"


def cancelled_at_the_till(stage: Stage) -> str:
    """Scenario 24."""
    stage.tell(
        "pay on the phone about 20 seconds after the prompt, although the till has cancelled"
    )
    with stage.client() as client:
        invoice = stage.invoice()
        with client.start(invoice, amount=AMOUNT, phone=stage.phone("approves late")) as payment:
            for progress in payment:
                if progress.phase == "waiting_for_customer":
                    break
            outcome = payment.cancel()
        stage.outcome(outcome, "not completed")
        report = stage.settled(client, invoice)
    debited = isinstance(report.outcome, ovo_ptp.NotCompleted) and report.outcome.was_debited
    stage.need(debited, "OVO showed no debit: the customer did not confirm all the same")
    if stage.ovo is not None:
        net = stage.ovo.net(invoice)
        stage.need(net == 0, f"OVO keeps {net}")
    return (
        f"{outcome.name} at once: {outcome.customer_text_en}; then: {report.settlement}. To "
        "ask OVO: is a delivered 00 to be voided instead?"
    )
