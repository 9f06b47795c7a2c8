"""The same with ovo_ptp, at its default settings: journal, checks, acknowledgement.

    ours.py pay   ENVIRONMENT CA JOURNAL N    N approved payments on the main thread
    ours.py wait-threads|wait-start|wait-async  ENVIRONMENT CA JOURNAL N    N at once, until killed
"""

from __future__ import annotations

import sys
import threading

import ovo_ptp
from ovo_ptp._native import Sandbox


def pay(client, count):
    for number in range(1, count + 1):
        invoice = f"INV-{number:06d}"
        outcome = client.pay(invoice, amount=12_500, phone="081200000000")
        if not outcome.is_paid:
            sys.exit(f"not paid: {outcome}")
        client.acknowledge(invoice)


def wait(client, how, count):
    def charge(number):
        return {"amount": 12_500, "phone": f"0813{number:08d}"}

    def ready():
        client.pay("INV-FIRST", amount=12_500, phone="081200000000")
        print("ready", flush=True)
        sys.stdin.readline()

    if how == "wait-async":
        import asyncio

        async def main():
            ready()
            await asyncio.gather(
                *(client.pay_async(f"INV-{it}", **charge(it)) for it in range(1, count + 1))
            )

        asyncio.run(main())
    elif how == "wait-start":
        ready()
        started = [client.start(f"INV-{it}", **charge(it)) for it in range(1, count + 1)]
        started[-1].outcome()
    else:
        ready()
        threading.stack_size(256 * 1024)
        for it in range(1, count + 1):
            arguments = {"kwargs": charge(it), "args": (f"INV-{it}",), "daemon": True}
            threading.Thread(target=client.pay, **arguments).start()
        threading.Event().wait()


def main():
    what, environment, ca, journal, count = sys.argv[1:]
    with ovo_ptp.Client(environment, Sandbox.credentials(), journal=journal, ca_file=ca) as client:
        if what == "pay":
            pay(client, int(count))
        else:
            wait(client, what, int(count))


if __name__ == "__main__":
    main()
