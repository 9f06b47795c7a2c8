"""What type checkers must know: run by nobody, read by mypy and pyright."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ovo_ptp

if TYPE_CHECKING:
    from typing_extensions import assert_type


def pay(client: ovo_ptp.Client) -> str:
    outcome = client.pay("INV-1", amount=5, phone="081234567890")
    assert_type(outcome, ovo_ptp.AnyOutcome)
    assert_type(outcome.invoice, str)
    match outcome:
        case ovo_ptp.Paid(invoice, approval_code=code, amount=amount):
            assert_type(code, "str | None")
            assert_type(amount, int)
            return invoice
        case ovo_ptp.Declined(customer_text=text, new_attempt_makes_sense=again):
            assert_type(again, bool)
            return text
        case ovo_ptp.NotCompleted() | ovo_ptp.NotSent() | ovo_ptp.NeedsOperator():
            return outcome.name
        case ovo_ptp.Interrupted():
            return outcome.customer_text_en
        # Nothing is left: a checker says so if an outcome is added or forgotten.


def phases(progress: ovo_ptp.Progress) -> int:
    match progress.phase:
        case "sending":
            return 1
        case "waiting_for_customer":
            return 2
        case "checking":
            return 3


async def wait(client: ovo_ptp.Client) -> None:
    payment = await client.start_async("INV-1", amount=5, phone="081234567890")
    assert_type(payment, ovo_ptp.StartedPayment)
    async for progress in payment:
        assert_type(progress, ovo_ptp.Progress)
    assert_type(await payment.outcome_async(), ovo_ptp.AnyOutcome)
    assert_type(client.payment("INV-1"), "ovo_ptp.PaymentReport | None")
    assert_type(client.void("INV-1"), ovo_ptp.VoidOutcome)
