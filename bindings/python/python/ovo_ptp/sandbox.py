"""OVO's side of Push To Pay, in this process: for your own tests.

Customers are chosen by phone number (`ovo-ptp sandbox --phones` prints the table): `081234567890`
pays at once, `081200001700` cancels, `081200009000` ignores the prompt.
"""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any, Literal

from ovo_ptp import _native
from ovo_ptp.client import Client
from ovo_ptp.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from types import TracebackType

__all__ = ["Sandbox"]


class Sandbox:
    """A running OVO on the loopback interface, with customers, faults and a ledger.

    Args:
        time_scale: How long one second of OVO's takes: with 0.02, 55 s take 1.1 s.
        https: Serve TLS, with a certificate from an authority of its own (`ca_file`).
        client_certificate: Ask merchants for a certificate, as acquirers do that terminate mutual
            TLS (`client_file`).
        host: Fields of the engine's configuration, as JSON values.

    >>> from ovo_ptp.sandbox import Sandbox
    >>> with Sandbox() as ovo, ovo.client(journal=folder / "b.db") as shop:
    ...     shop.pay("INV-1", amount=12_500, phone="081234567890").is_paid
    ...     ovo.net("INV-1")
    True
    12500
    """

    def __init__(
        self,
        *,
        time_scale: float = 0.02,
        https: bool = True,
        client_certificate: bool = False,
        host: Mapping[str, Any] | None = None,
    ) -> None:
        self.time_scale = float(time_scale)
        self._native = _native.Sandbox(
            self.time_scale, https, client_certificate, json.dumps(dict(host or {}))
        )

    @property
    def base_url(self) -> str:
        """The environment to give to a `Client`."""
        return self._native.base_url

    @property
    def control_url(self) -> str:
        """The control endpoints, for other processes."""
        return self._native.control_url

    @property
    def page_url(self) -> str:
        """The page on which you are the customer, for a browser."""
        return self._native.page_url

    @property
    def ca_file(self) -> str:
        """The authority's certificate, a PEM file."""
        return self._native.ca_file

    @property
    def client_file(self) -> str | None:
        """What merchants must show, a PEM file with certificate and key; `None` if nothing."""
        return self._native.client_file

    @property
    def credentials(self) -> _native.Credentials:
        """The demo merchant: public, the same in every copy, worth nothing elsewhere."""
        return _native.Sandbox.credentials()

    def client(self, *, journal: str | os.PathLike[str], **options: Any) -> Client:
        """A client of the demo merchant, at the sandbox's speed."""
        defaults: dict[str, Any] = {
            "ca_file": self.ca_file,
            "client_certificate": self.client_file,
            "time_scale": min(self.time_scale, 1),
        }
        return Client(self.base_url, self.credentials, journal=journal, **{**defaults, **options})

    def configure(self, **fields: Any) -> None:
        """Changes the engine's configuration for requests to come.

        For example `sloppy=[{"operation": "check_payment", "field": "tid", "how": "absent"}]` or
        `reversals_ignored=True`; all fields are in the sandbox's README.
        """
        self._native.configure(json.dumps(fields))

    def script(self, *steps: Mapping[str, Any]) -> None:
        """What goes wrong, in order.

        For example `{"on": "push_to_pay", "deliver": "hang"}`; all fields are in the sandbox's
        README.
        """
        self._native.script(json.dumps(list(steps)))

    def connection_faults(self, *faults: Mapping[str, Any]) -> None:
        """Faults of the next connections, for example `{"fault": "expired_certificate"}`."""
        self._native.script(json.dumps({"steps": [], "connections": list(faults)}))

    def customers(self, *customers: Mapping[str, Any]) -> None:
        """Gives customers money or manners, by phone."""
        self._native.customers(json.dumps(list(customers)))

    def decide(self, invoice: str, decision: Literal["pay", "cancel"]) -> None:
        """Confirms or cancels the prompt of a payment, whatever its customer was going to do.

        Raises:
            ValueError: There is no such payment, or its prompt is no longer shown.
        """
        self._native.decide(invoice, decision)

    def ledger(self) -> list[dict[str, Any]]:
        """What happened to the customers' money, one entry for each push that OVO heard."""
        return list(json.loads(self._native.ledger()))

    def requests(self) -> list[dict[str, Any]]:
        """Every request, oldest first."""
        return list(json.loads(self._native.requests()))

    def connections(self) -> dict[str, int]:
        """Connections accepted, established, failed in the handshake, and open."""
        return dict(json.loads(self._native.connections()))

    def net(self, invoice: str) -> int:
        """Rupiah finally taken from customers under an invoice, as it stands now."""
        return self._native.net(invoice)

    def settlement_report(self, day: str | None = None) -> str:
        """The report of the day after as CSV, of `day` (`2026-01-31`) or of all days."""
        return self._control("GET", "/settlement.csv" + (f"?date={day}" if day else ""))

    def set_clock(self, ahead: timedelta) -> None:
        """Sets OVO's wall clock ahead of this machine's; sessions do not notice."""
        offset = {"offset_ms": round(ahead.total_seconds() * 1000)}
        self._control("POST", "/clock", json.dumps(offset))

    def _control(self, method: str, target: str, body: str | None = None) -> str:
        """Asks the control address, which listens on the loopback interface."""
        from http.client import HTTPConnection

        connection = HTTPConnection(self.control_url.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, target, body)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise InvalidInputError(f"sandbox: {text.strip()}", field="sandbox")
            return text
        finally:
            connection.close()

    def cut(self) -> None:
        """Resets every merchant's connection."""
        self._native.cut()

    def close(self) -> None:
        """Closes everything. Harmless a second time."""
        self._native.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ovo_ptp.sandbox.Sandbox at {self.base_url}>"


def _main(arguments: Sequence[str]) -> bool:
    """The program `ovo-ptp sandbox`."""
    # Ctrl-C is the program's own: Python's handler would answer it with a traceback at the end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _native.sandbox_program(list(arguments))
