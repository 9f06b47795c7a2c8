"""A program of somebody who has the wheel: one payment at a sandbox of another process."""

import os
import sys

import ovo_ptp

with ovo_ptp.Client(
    os.environ["SANDBOX_URL"],
    ovo_ptp.Credentials.from_environment(),
    journal=sys.argv[1],
    ca_file=os.environ["SANDBOX_CA"],
    time_scale=float(os.environ["SANDBOX_TIME_SCALE"]),
) as client:
    outcome = client.pay("INV-WHEEL-1", amount=12_500, phone="081200000000")
    if not outcome.is_paid:
        sys.exit(f"not paid: {outcome!r}")
    client.acknowledge("INV-WHEEL-1")
    print("paid, approval code", outcome.approval_code)
