"""What a client says when it is asked: payments, checks, voids, health, events, counts."""

from __future__ import annotations

import enum

from ovo_ptp._record import Record

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` costs more than we do
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, ClassVar, Literal

    from ovo_ptp.outcomes import AnyOutcome

__all__ = [
    "Diagnosis",
    "Event",
    "Inquiry",
    "Metrics",
    "PaymentReport",
    "Probe",
    "Progress",
    "ResponseCode",
    "Status",
    "Terminal",
    "VoidOutcome",
]


class Inquiry(enum.Enum):
    """Whether a phone number has an OVO account."""

    #: It has: the push can follow.
    REGISTERED = "registered"
    #: It has not: let the customer correct it.
    NOT_REGISTERED = "not registered"


class Terminal(Record):
    """A terminal as OVO knows it. `mid` is the id in the card sense, not the merchant number."""

    __slots__ = ("tid", "mid", "store_code")
    tid: str
    mid: str
    store_code: str


class PaymentReport(Record):
    """A payment as the journal knows it. Holds nothing about the person who paid."""

    __slots__ = (
        "id",
        "invoice",
        "amount",
        "batch",
        "reference",
        "terminal",
        "begun",
        "outcome",
        "acknowledged",
        "settled",
        "needs_operator",
        "settlement",
    )
    #: The journal's number of the payment, for paging.
    id: int
    #: The invoice.
    invoice: str
    #: The amount, in rupiah.
    amount: int
    #: The batch number.
    batch: int
    #: The reference number.
    reference: int
    #: The terminal.
    terminal: Terminal
    #: When it was begun, by the wall clock of that time; an aware datetime in WIB.
    begun: datetime
    #: The outcome; `None` while there is none.
    outcome: AnyOutcome | None
    #: Whether the caller has acknowledged the outcome.
    acknowledged: bool
    #: Whether nothing is left to do at OVO.
    settled: bool
    #: Whether an operator must decide.
    needs_operator: bool
    #: Where settlement stands, in English.
    settlement: str


class Status(Record):
    """The answer to a manual check."""

    __slots__ = ("at_ovo", "payment", "ask_again")
    _defaults: ClassVar[dict[str, Any]] = {"ask_again": None}
    #: What OVO says.
    at_ovo: Literal[
        "paid",
        "foreign_sale",
        "doubtful",
        "not_found",
        "reversed",
        "too_old",
        "unavailable",
        "no_answer",
    ]
    #: The payment, after what OVO said was taken into account.
    payment: PaymentReport
    #: What OVO says contradicts what was told, and was asked too early to count, because its record
    #: may lag by a minute: ask again in so many seconds. `None` of everything else.
    ask_again: float | None


class VoidOutcome(Record):
    """How a void stands.

    `voided`: the customer has the money back. `rejected`: OVO refused with `code`; the payment
    stays paid. `not_sent`: not one byte left; try again. `pending`: not known yet; it is asked for
    in the background or with `settle`. `needs_operator`: could not be known within the day, or
    OVO's record contradicts its acknowledgement.
    """

    __slots__ = ("state", "code")
    #: See above.
    state: Literal["voided", "rejected", "not_sent", "pending", "needs_operator"]
    #: OVO's code, if it refused.
    code: str | None


class Probe(Record):
    """How the host answered an inquiry that was signed in one way."""

    __slots__ = ("state", "code", "how")
    #: See the class.
    state: Literal["accepted", "refused", "no_answer"]
    #: OVO's code, if there was an answer.
    code: str | None
    #: How it ended without one.
    how: str | None


class Diagnosis(Record):
    """What `Client.doctor` found. `str()` is the whole of it for people."""

    __slots__ = (
        "signing",
        "without_body",
        "with_body",
        "wrong_signature",
        "clock_ahead_seconds",
        "proxy",
        "tls",
        "http",
        "host_certificate_days",
        "client_certificate_days",
        "payments",
        "unsettled",
        "problems",
        "text",
    )
    #: The signing mode that the client uses: `without_body` or `with_body`.
    signing: str
    #: How one signed without it was answered.
    without_body: Probe
    #: How an inquiry signed with the body was answered.
    with_body: Probe
    #: How one with a wrong signature was answered; `None` if none was sent, see
    #: `Client.probe_signature`.
    wrong_signature: Probe | None
    #: How far this machine's clock is ahead of the host's; `None` if the host told no time.
    clock_ahead_seconds: int | None
    #: The proxy on the way, without user and password.
    proxy: str | None
    #: `TLS 1.3` or `TLS 1.2`; `None` without TLS, or if the host cannot be reached.
    tls: str | None
    #: `HTTP/1.1`; `None` if the host cannot be reached.
    http: str | None
    #: Whole days that the host's certificate is still good; fewer than 14 are a problem.
    host_certificate_days: int | None
    #: The same of this client's own certificate; `None` if it has none.
    client_certificate_days: int | None
    #: Payments in the journal; `None` if it cannot be read.
    payments: int | None
    #: Payments that are not settled.
    unsettled: int | None
    #: What must be mended, one line each; empty if all is well.
    problems: tuple[str, ...]
    #: All of it for people.
    text: str

    @property
    def is_well(self) -> bool:
        """Whether nothing must be mended."""
        return not self.problems

    def __str__(self) -> str:
        return self.text


class Progress(Record):
    """Where a payment stands while somebody waits: for a countdown, about once a second."""

    __slots__ = ("invoice", "phase", "remaining")
    #: The payment.
    invoice: str
    #: Where it stands.
    phase: Literal["sending", "waiting_for_customer", "checking"]
    #: Seconds left for the customer (while waiting for the customer), else until the outcome.
    remaining: float


class Event(Record):
    """Something that happened. The message holds no secret and no personal data."""

    __slots__ = ("kind", "level", "message", "invoice", "batch", "reference")
    #: `exchanged`, `decided`, `settled`, `alert`, `ruled`, `journal_found` or `journal_failed`.
    kind: str
    #: The level of `logging` that it is logged with; 50 wakes somebody.
    level: int
    #: One line.
    message: str
    #: The payment's invoice, where known.
    invoice: str | None
    #: The payment's batch number, where known.
    batch: int | None
    #: The payment's reference number, where known.
    reference: int | None


class Archived(Record):
    """What came of archiving."""

    __slots__ = ("payments", "moved", "left")
    #: Payments that the archive has; 0 if none was over, and then no file was made.
    payments: int
    #: How many of them this call took out of the journal.
    moved: int
    #: Payments that were changed meanwhile and stay in the journal.
    left: int


class Metrics(Record):
    """Counts since the client was opened."""

    __slots__ = (
        "outcomes",
        "requests",
        "unanswered",
        "settled",
        "alerts",
        "critical_alerts",
        "journal_failures",
        "dropped_events",
        "under_way",
    )
    __hash__: ClassVar[None]  # type: ignore[assignment]  # it holds dictionaries
    #: Decided payments, by the outcome's name.
    outcomes: dict[str, int]
    #: Requests, by operation.
    requests: dict[str, int]
    #: Requests without an HTTP answer.
    unanswered: int
    #: Payments of which nothing is left to do.
    settled: int
    #: Alerts, the critical ones included.
    alerts: int
    #: Alerts for which somebody should be woken.
    critical_alerts: int
    #: Failures of the journal.
    journal_failures: int
    #: Events that nobody took in time.
    dropped_events: int
    #: Payments that are worked on now.
    under_way: int


Metrics.__hash__ = None


class ResponseCode(Record):
    """A row of OVO's response codes."""

    __slots__ = (
        "code",
        "meaning",
        "operations",
        "decline_class",
        "customer_text",
        "customer_text_en",
        "shown",
        "new_attempt_makes_sense",
        "action",
    )
    #: The code.
    code: str
    #: What OVO means by it.
    meaning: str
    #: The operations that answer with it; `("any",)` for all.
    operations: tuple[str, ...]
    #: Its class as the answer to a push.
    decline_class: str
    #: What the customer is shown, in Bahasa Indonesia.
    customer_text: str
    #: The same in English.
    customer_text_en: str
    #: Whether the code has a text of its own.
    shown: bool
    #: Whether a new attempt (with a new invoice) can succeed.
    new_attempt_makes_sense: bool
    #: What the merchant does.
    action: str


def diagnosis(found: dict[str, Any]) -> Diagnosis:
    """From what the native side found."""
    for mode in ("with_body", "without_body", "wrong_signature"):
        if found[mode] is None:
            continue
        state, code, how = found[mode]
        found[mode] = Probe(state=state, code=code, how=how)
    return Diagnosis(**{**found, "problems": tuple(found["problems"])})
