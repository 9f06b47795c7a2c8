"""What a scenario plays on: a shop, and a customer with a phone, or the sandbox's."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import time
from typing import TYPE_CHECKING, Any

import ovo_ptp
from ovo_ptp._wib import WIB
from ovo_ptp.cli import output
from ovo_ptp.uat.folder import invoice_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ovo_ptp.sandbox import Sandbox
    from ovo_ptp.uat.folder import Folder

#: Small, because on staging it is a person's balance.
AMOUNT = 10_000
#: The sandbox's customers, by what they do.
CUSTOMERS = {
    "approves": "081234567890",
    "approves late": "081200000120",
    "cancels": "081200001703",
    "ignores": "081200009000",
    "logged out": "081200002601",
    "unregistered": "081200001401",
    "pays unheard": "081200009250",
}


class MissedError(Exception):
    """Something else came than the scenario expects."""


class NotYetError(Exception):
    """The scenario goes on later: on another day, or with something that is not here."""


class Stage:
    """A shop for one scenario. With `ovo` the sandbox plays OVO and the customer, and knows nothing
    from before `opened`; without it a person is told what to do on a real phone."""

    def __init__(
        self,
        folder: Folder,
        number: int,
        shop: Callable[..., ovo_ptp.Client],
        *,
        ovo: Sandbox | None,
        phones: dict[str, str],
        scale: float,
        separate: dict[str, Any],
        opened: dt.datetime,
        report: Any = None,
    ) -> None:
        self.folder, self.number, self.ovo, self.scale = folder, number, ovo, scale
        self.report, self._separate = report, separate
        self._shop, self._phones = shop, phones
        # To the millisecond: what is repeated at once is another payment.
        self._begun = dt.datetime.now(WIB).strftime("%m%d%H%M%S%f")[:-3]
        self._invoices = 0
        self.opened = opened

    @contextlib.contextmanager
    def client(self, **options: Any) -> Iterator[ovo_ptp.Client]:
        """The shop on the folder's journal, with every exchange written down."""
        options.setdefault("journal", self.folder.journal)
        with self._shop(record=self.folder.record(self.number), **options) as client:
            yield client

    def separate_process(self, **payment: Any) -> dict[str, Any]:
        """What another process needs to open the same shop."""
        return {**self._separate, "record": str(self.folder.record(self.number)), **payment}

    def invoice(self) -> str:
        """A new one, also when a scenario is repeated."""
        self._invoices += 1
        return f"{invoice_prefix(self.number)}{self._begun}-{self._invoices}"

    def phone(self, who: str) -> str:
        """The phone of a customer who does that. A person is told to be this customer."""
        if self.ovo is not None:
            return CUSTOMERS[who]
        if who == "unregistered":
            return self._phones["unregistered"]
        return self._phones["customer"]

    def tell(self, text: str) -> None:
        """What the person with the phone does now; the sandbox needs no telling."""
        if self.ovo is None:
            output.say(f"      > {text}")

    def pay(
        self, client: ovo_ptp.Client, who: str, text: str, **options: Any
    ) -> ovo_ptp.AnyOutcome:
        """Pushes to that customer, and counts down at a terminal."""
        self.tell(text)
        countdown = output.Countdown(sys.stderr, scale=self.scale)
        options.setdefault("invoice", self.invoice())
        try:
            return client.pay(
                options.pop("invoice"),
                amount=options.pop("amount", AMOUNT),
                phone=self.phone(who),
                progress=countdown.show,
                **options,
            )
        finally:
            countdown.clear()

    def settled(self, client: ovo_ptp.Client, invoice: str) -> ovo_ptp.PaymentReport:
        """Waits until nothing is left to do at OVO: minutes, with OVO's own times."""
        self.tell("waiting until OVO has confirmed everything (about three minutes)")
        end = time.monotonic() + 600 * max(self.scale, 0.1)
        while True:
            report = client.payment(invoice)
            if report is None:
                raise MissedError(f"the journal does not know {invoice}")
            if report.settled or report.needs_operator:
                return report
            if time.monotonic() > end:
                raise MissedError(f"{invoice} is not settled: {report.settlement}")
            time.sleep(max(0.02, self.scale))

    def settle_what_was_broken_off(self) -> None:
        """One payment of the tester's phone at a time. What an earlier attempt left is in no
        record."""
        with self._shop(journal=self.folder.journal) as client:
            for report in client.payments(unsettled=True):
                self.settled(client, report.invoice)

    def need(self, holds: bool, otherwise: str) -> None:
        """The scenario's expectation."""
        if not holds:
            raise MissedError(otherwise)

    def outcome(self, outcome: ovo_ptp.AnyOutcome, *names: str) -> None:
        """One of these outcomes is expected."""
        self.need(outcome.name in names, f"the outcome was {output.outcome_name(outcome)}")

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """The recorded exchanges of an operation."""
        return [
            exchange
            for exchange in self.folder.exchanges(self.number)
            if exchange["operation"] == operation and exchange["ended"] != "not sent"
        ]

    def code(self, exchange: dict[str, Any]) -> str | None:
        """OVO's response code, if it sent one."""
        response = exchange["response"]
        found = response.get("responseCode") if isinstance(response, dict) else None
        return found if isinstance(found, str) else None
