"""A plain script: one payment, and everything that a script owes to it.

    python plain.py ORDER-77-1 12500 081234567890

Settings come from the environment: OVO_ENVIRONMENT, OVO_JOURNAL, OVO_CA_FILE, OVO_TIME_SCALE (the
last two for a sandbox), and the credentials OVO_MERCHANT_ID ... OVO_APP_KEY.
"""

from __future__ import annotations

import os
import sys

import ovo_ptp


def open_client() -> ovo_ptp.Client:
    return ovo_ptp.Client(
        os.environ.get("OVO_ENVIRONMENT", "staging"),
        journal=os.environ.get("OVO_JOURNAL", "ovo.db"),
        ca_file=os.environ.get("OVO_CA_FILE"),
        time_scale=float(os.environ.get("OVO_TIME_SCALE", "1")),
    )


def book(outcome: ovo_ptp.AnyOutcome) -> None:
    """Where your own books are: must be durable before the outcome is acknowledged."""
    match outcome:
        case ovo_ptp.Paid(amount=amount, approval_code=code):
            print(f"{outcome.invoice}: paid {ovo_ptp.format_rupiah(amount)}, approval code {code}")
        case ovo_ptp.Declined(code=code, meaning=meaning):
            print(f"{outcome.invoice}: declined ({code}: {meaning})")
        case ovo_ptp.NotCompleted():
            print(f"{outcome.invoice}: not completed; any deduction is returned")
        case ovo_ptp.NotSent():
            print(f"{outcome.invoice}: not sent; try again with a new invoice")
        case ovo_ptp.NeedsOperator(reason=reason):
            print(f"{outcome.invoice}: needs an operator: {reason}")
        case ovo_ptp.Interrupted():
            print(f"{outcome.invoice}: interrupted; run this again with the same invoice")


def main(invoice: str, amount: str, phone: str) -> int:
    with open_client() as client:
        # Recovery at start-up: outcomes that a crash kept from the books.
        for report in client.each_payment(unacknowledged=True):
            if report.outcome is not None and report.invoice != invoice:
                book(report.outcome)
                client.acknowledge(report.invoice)
        # The same invoice again is the same payment: running this twice debits once.
        outcome = client.pay(
            invoice,
            amount=int(amount),
            phone=phone,
            progress=lambda it: print(f"{it.phase}: {it.remaining:.0f} s left", file=sys.stderr),
        )
        book(outcome)
        if not isinstance(outcome, ovo_ptp.Interrupted):
            client.acknowledge(invoice)
        print(outcome.customer_text)
        return 0 if outcome.is_paid else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
