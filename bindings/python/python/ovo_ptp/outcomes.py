"""How a payment ended, as far as its caller is concerned.

```text
match client.pay("INV-1", amount=12_500, phone="081234567890"):
    case Paid(approval_code=code): ...        # hand over the goods
    case Declined(customer_text=text): ...    # show the text
    case NotCompleted(): ...                  # any deduction is returned
    case NotSent(): ...                       # try again at once, with a new invoice
    case NeedsOperator(): ...                 # call support
    case Interrupted(): ...                   # ask again with the same invoice
```
"""

from __future__ import annotations

from ovo_ptp._record import Record

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` costs more than we do
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeAlias

__all__ = [
    "AnyOutcome",
    "Declined",
    "Interrupted",
    "NeedsOperator",
    "NotCompleted",
    "NotSent",
    "Outcome",
    "Paid",
    "Wallet",
]


class Wallet(Record):
    """What OVO says of the customer's wallet on a success: personal data.

    Handed over once, in the outcome of the paying call itself; never stored, printed, compared or
    pickled with the outcome.
    """

    __slots__ = (
        "ovo_id",
        "full_name",
        "cash_used",
        "cash_balance",
        "points_used",
        "points_balance",
        "points_earned",
        "payment_type",
    )
    ovo_id: str | None
    full_name: str | None
    cash_used: str | None
    cash_balance: str | None
    points_used: str | None
    points_balance: str | None
    points_earned: str | None
    payment_type: str | None

    def __repr__(self) -> str:
        return "Wallet(...)"

    def to_dict(self) -> dict[str, Any]:
        """All of it, in JSON's types: you asked for it by name. Not for logs."""
        return super().to_dict()

    def __reduce__(self) -> Any:
        raise TypeError("Wallet holds personal data and cannot be pickled")


class Outcome(Record):
    """How a payment ended; always one of the six classes of this module.

    Each has `was_known`: whether the payment was in the journal before the call that returned
    this, so that **the call pushed nothing**. False only in what `pay`, or a payment of `start`,
    tells of a payment that it began itself; whoever joined, took up or looked up one was told from
    the journal. Outcomes that differ in nothing else are equal.
    """

    _beside = frozenset({"was_known"})
    __slots__ = ("invoice", "customer_text", "customer_text_en")
    #: The outcome in one or two words, as Rust and C name it.
    name: ClassVar[str] = ""
    #: Whether the customer is debited and the goods may be handed over.
    is_paid: ClassVar[bool] = False

    #: The payment's invoice.
    invoice: str
    #: What the till shows the customer, in Bahasa Indonesia.
    customer_text: str
    #: The same in English.
    customer_text_en: str

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types: the outcome's name under `outcome`, and its fields but the wallet."""
        return {"outcome": self.name, **super().to_dict()}


class Paid(Outcome):
    """The customer is debited, and stays debited. Hand over the goods.

    Unless `is_voided`, or `void_doubt` says why nobody knows whether the money went back.
    """

    __slots__ = (
        "amount",
        "approval_code",
        "batch",
        "reference",
        "trace_number",
        "host_date",
        "host_time",
        "is_late",
        "is_voided",
        "void_doubt",
        "cash_used",
        "points_used",
        "points_earned",
        "wallet",
        "was_known",
    )
    _private = frozenset({"wallet"})
    _defaults: ClassVar[dict[str, Any]] = {
        "void_doubt": None,
        "wallet": None,
        "cash_used": None,
        "points_used": None,
        "points_earned": None,
        "was_known": False,
    }
    name = "paid"
    is_paid = True

    #: The amount debited, in rupiah.
    amount: int
    #: OVO's approval code; `None` where its answer told none that can be read.
    approval_code: str | None
    #: The batch number, 1 to 999999.
    batch: int
    #: The reference number, 1 to 999999.
    reference: int
    #: OVO's trace number.
    trace_number: str | None
    #: OVO's date of the payment, `MMdd`.
    host_date: str | None
    #: OVO's time of the payment, `HHmmss` WIB.
    host_time: str | None
    #: Whether the success came from a status check instead of the push's own answer.
    is_late: bool
    #: Whether the payment has been voided since, as OVO acknowledged. It stays so where OVO's
    #: record shows it as paid all the same: see `void_doubt`.
    is_voided: bool
    if TYPE_CHECKING:  # a slot cannot have a value in the class
        #: Why it is not known from here, in English, whether a void returned the money: it is under
        #: way, was left to an operator, was closed by one, or OVO's record shows none of one that
        #: it acknowledged. **Hand over nothing then**: somebody asked for its void. `None` where
        #: none was asked for, and as long as nothing speaks against how it ended.
        void_doubt: str | None = None
        #: OVO Cash used, rupiah as text; kept with the payment, for a reprint of its receipt.
        cash_used: str | None = None
        #: OVO Points used, as text; kept likewise.
        points_used: str | None = None
        #: OVO Points earned, as text; kept likewise.
        points_earned: str | None = None
        #: The customer's wallet: only in the outcome that the paying call itself returns.
        wallet: Wallet | None = None
        #: Whether the payment was known before: see `Outcome`.
        was_known: bool = False


class Declined(Outcome):
    """OVO refused. Show the text."""

    __slots__ = ("code", "decline_class", "meaning", "new_attempt_makes_sense", "was_known")
    _defaults: ClassVar[dict[str, Any]] = {"was_known": False}
    name = "declined"

    #: OVO's two-character code; `None` if the numbers turned out to belong to another sale.
    code: str | None
    #: `declined`, `misconfigured` or `duplicate`.
    decline_class: str
    #: What the code means, in English, for logs.
    meaning: str
    #: Whether a new attempt, with a new invoice, can succeed.
    new_attempt_makes_sense: bool
    if TYPE_CHECKING:  # a slot cannot have a value in the class
        #: Whether the payment was known before: see `Outcome`.
        was_known: bool = False


class NotCompleted(Outcome):
    """No usable answer in time. Tell the customer that any deduction is returned.

    The reversal goes on by itself until OVO's own record is settled, unless `reason` says
    otherwise.
    """

    __slots__ = ("is_refund_settled", "was_debited", "is_cancelled", "reason", "was_known")
    _defaults: ClassVar[dict[str, Any]] = {
        "is_cancelled": False,
        "reason": None,
        "was_known": False,
    }
    name = "not completed"

    #: Whether OVO's record is settled: reversed, and verified not to be debited.
    is_refund_settled: bool
    #: Whether there is evidence that the customer had been debited.
    was_debited: bool
    if TYPE_CHECKING:  # a slot cannot have a value in the class
        #: Whether the merchant gave the payment up, before its time was over.
        is_cancelled: bool = False
        #: None; or that it waits for an operator, that one closed it, or that the journal cannot
        #: vouch for itself and OVO is asked first: nothing goes back by itself any more, and the
        #: customer's text promises nothing.
        reason: str | None = None
        #: Whether the payment was known before: see `Outcome`.
        was_known: bool = False


class NotSent(Outcome):
    """Not one byte of the push left. Try again at once, with a new invoice."""

    __slots__ = ("reason", "detail", "was_known")
    _defaults: ClassVar[dict[str, Any]] = {"reason": None, "detail": None, "was_known": False}
    name = "not sent"

    if TYPE_CHECKING:  # a slot cannot have a value in the class
        #: Why: `unknown host`, `no connection`, `not trusted`, `too slow`, `cancelled`, `closed` or
        #: `stopped`. Only in the outcome that the paying call itself returns: it is not stored.
        reason: str | None = None
        #: The same in one line of English, for logs and whoever mends the connection.
        detail: str | None = None
        #: Whether the payment was known before: see `Outcome`.
        was_known: bool = False


class NeedsOperator(Outcome):
    """The evidence contradicts itself. No money is moved automatically; call support."""

    __slots__ = ("batch", "reference", "reason", "was_known")
    _defaults: ClassVar[dict[str, Any]] = {"was_known": False}
    name = "needs operator"

    #: Batch number, which OVO's support will ask for.
    batch: int
    #: Reference number, which OVO's support will ask for.
    reference: int
    #: Why, in English.
    reason: str
    if TYPE_CHECKING:  # a slot cannot have a value in the class
        #: Whether the payment was known before: see `Outcome`.
        was_known: bool = False


class Interrupted(Outcome):
    """The client was closed while the payment was under way, or its journal took no answer in time.

    Nothing is decided and nothing is lost: ask again with the same invoice, after a close from a
    client on the same journal. There is nothing to acknowledge.
    """

    __slots__ = ("was_known",)
    _defaults: ClassVar[dict[str, Any]] = {"was_known": False}
    name = "interrupted"

    if TYPE_CHECKING:  # a slot cannot have a value in the class
        #: Whether the payment was known before: see `Outcome`.
        was_known: bool = False


#: What calls return: with it a type checker sees whether a `match` forgets an outcome.
AnyOutcome: TypeAlias = Paid | Declined | NotCompleted | NotSent | NeedsOperator | Interrupted

BY_NAME: dict[str, type[AnyOutcome]] = {
    outcome.name: outcome
    for outcome in (Paid, Declined, NotCompleted, NotSent, NeedsOperator, Interrupted)
}
