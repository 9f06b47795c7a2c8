"""The merchant side of OVO Push To Pay.

A customer is debited exactly when the merchant was told Paid.

```text
with ovo_ptp.Client("staging", credentials, journal="ovo.db") as client:
    match client.pay("INV-2026-0001", amount=12_500, phone="081234567890"):
        case ovo_ptp.Paid(approval_code=code): ...
        case ovo_ptp.Declined(customer_text=text): ...
```
"""

from __future__ import annotations

from ovo_ptp import _native
from ovo_ptp._hidden import Hidden, Phone
from ovo_ptp._native import Credentials
from ovo_ptp.client import Client
from ovo_ptp.errors import (
    ClosedError,
    ConfigurationError,
    ForkError,
    InternalError,
    InvalidInputError,
    InvalidTypeError,
    InvoiceReusedError,
    JournalError,
    JournalLockedError,
    NoAnswerError,
    NotFoundError,
    OutsideWindowError,
    OvoError,
    RefusedError,
    UnsettledCustomerError,
)
from ovo_ptp.explanation import Explanation, Moment
from ovo_ptp.outcomes import (
    AnyOutcome,
    Declined,
    Interrupted,
    NeedsOperator,
    NotCompleted,
    NotSent,
    Outcome,
    Paid,
    Wallet,
)
from ovo_ptp.reader import JournalReader
from ovo_ptp.reports import (
    Archived,
    Diagnosis,
    Event,
    Inquiry,
    Metrics,
    PaymentReport,
    Probe,
    Progress,
    ResponseCode,
    Status,
    Terminal,
    VoidOutcome,
)
from ovo_ptp.settlement import (
    Reconciled,
    Reconciliation,
    SettlementLine,
)
from ovo_ptp.settlement_report import read_settlement_report
from ovo_ptp.started import StartedPayment

__version__: str = _native.VERSION
"""The version of the library."""

__all__ = [
    "AnyOutcome",
    "Archived",
    "Client",
    "ClosedError",
    "ConfigurationError",
    "Credentials",
    "Declined",
    "Diagnosis",
    "Event",
    "Explanation",
    "ForkError",
    "Inquiry",
    "InternalError",
    "Interrupted",
    "InvalidInputError",
    "InvalidTypeError",
    "InvoiceReusedError",
    "JournalError",
    "JournalLockedError",
    "JournalReader",
    "Metrics",
    "Moment",
    "NeedsOperator",
    "NoAnswerError",
    "NotCompleted",
    "NotFoundError",
    "NotSent",
    "Outcome",
    "OutsideWindowError",
    "OvoError",
    "Paid",
    "PaymentReport",
    "Phone",
    "Probe",
    "Progress",
    "Reconciled",
    "Reconciliation",
    "RefusedError",
    "ResponseCode",
    "SettlementLine",
    "StartedPayment",
    "Status",
    "Terminal",
    "UnsettledCustomerError",
    "VoidOutcome",
    "Wallet",
    "__version__",
    "format_rupiah",
    "mask_phone",
    "normalise_phone",
    "read_settlement_report",
    "response_codes",
    "validate_invoice",
]


def normalise_phone(typed: str) -> str:
    """A phone number as OVO wants it, from what people type.

    >>> normalise_phone("+62 812-3456-7890")
    '081234567890'
    """
    hidden = Hidden(typed)
    del typed
    return Phone(hidden.value).digits


def mask_phone(typed: str) -> str:
    """A phone number as it may be logged.

    >>> mask_phone("+62 812-3456-7890")
    '0812****7890'
    """
    hidden = Hidden(typed)
    del typed
    return str(Phone(hidden.value))


def validate_invoice(invoice: str) -> str:
    """Returns the invoice if a payment can have it, else raises `InvalidInputError`.

    >>> validate_invoice("ORDER-77-1")
    'ORDER-77-1'
    """
    from ovo_ptp import _make

    _native.check_invoice(_make.text("invoice", invoice))
    return invoice


def format_rupiah(amount: int) -> str:
    """An amount as Indonesians write it.

    >>> format_rupiah(12_500)
    'Rp12.500'
    """
    from ovo_ptp import _make

    return _native.check_amount(_make.rupiah(amount))


def response_codes() -> tuple[ResponseCode, ...]:
    """OVO's response codes, as the library understands them.

    >>> next(row.meaning for row in response_codes() if row.code == "17")
    'customer declined in the app'
    """
    rows = _native.response_codes()
    return tuple(ResponseCode(**{**row, "operations": tuple(row["operations"])}) for row in rows)
