"""Why a call started nothing.

Every error of this library means that no payment was started by the call that raised it. Once a
push may have left, the answer is an outcome (`ovo_ptp.outcomes`), never an exception.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` costs more than we do
if TYPE_CHECKING:
    from typing import ClassVar

__all__ = [
    "BY_CODE",
    "ClosedError",
    "ConfigurationError",
    "ForkError",
    "InternalError",
    "InvalidInputError",
    "InvalidTypeError",
    "InvoiceReusedError",
    "JournalError",
    "JournalLockedError",
    "NoAnswerError",
    "NotFoundError",
    "OutsideWindowError",
    "OvoError",
    "RefusedError",
    "UnsettledCustomerError",
]


class OvoError(Exception):
    """The base of all errors of this library. One line, without secrets or personal data.

    >>> import ovo_ptp
    >>> try:
    ...     ovo_ptp.normalise_phone("021 555 1234")
    ... except ovo_ptp.OvoError as error:
    ...     print(error.code, error.field, error.is_retryable)
    invalid_input phone False
    """

    #: The kind of error, for programs. The same names in Rust, C and Python.
    code: ClassVar[str] = "internal"
    #: Whether the same call may succeed later without a change of input or set-up.
    is_retryable: ClassVar[bool] = False
    #: Whether the state of something at OVO is unknown after this error. Never a debit.
    is_outcome_unknown: ClassVar[bool] = False

    #: The value that breaks a rule, or differs from what the journal holds: `amount`, `phone`, ...
    field: str | None
    #: The payment that the error is about. For `UnsettledCustomerError` that is the one in the way.
    invoice: str | None
    #: Seconds after which the same call is worth another try, as far as that is known.
    retry_after: float | None
    #: What kind of failure the journal had: `locked`, `full`, `read_only`, `corrupt`, ...
    journal_kind: str | None

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        invoice: str | None = None,
        retry_after: float | None = None,
        journal_kind: str | None = None,
    ) -> None:
        super().__init__(message)
        self.field = field
        self.invoice = invoice
        self.retry_after = retry_after
        self.journal_kind = journal_kind

    @property
    def message(self) -> str:
        """The message, as `str(error)`."""
        return str(self)


class InvalidInputError(OvoError, ValueError):
    """A value breaks a rule; the message names the field and the rule, never the value."""

    code = "invalid_input"


class InvalidTypeError(InvalidInputError, TypeError):
    """A value has the wrong type, for example a float where whole rupiah are wanted."""


class ConfigurationError(OvoError):
    """The client, its credentials or its files are set up wrongly, or OVO refuses the set-up."""

    code = "configuration"


class JournalError(OvoError):
    """The journal cannot be used (disk full, read-only, damaged, wrong version, deleted)."""

    code = "journal"


class JournalLockedError(JournalError):
    """Another process has the journal open. See `shared` for several processes on one host."""

    code = "journal_locked"
    is_retryable = True


class InvoiceReusedError(OvoError):
    """The invoice is already in the journal with another amount, phone or terminal."""

    code = "invoice_reused"


class UnsettledCustomerError(OvoError):
    """The same customer has a payment that is not settled yet; a second push could debit twice.

    `invoice` names that payment, `retry_after` says when its next step is due.
    """

    code = "unsettled_customer"
    is_retryable = True


class NotFoundError(OvoError, LookupError):
    """No payment with this invoice is in the journal."""

    code = "not_found"


class RefusedError(OvoError):
    """The operation is refused by a rule of the payment's present state; the message says which."""

    code = "refused"


class OutsideWindowError(OvoError):
    """A check was asked too early or too late: 60 seconds to 7 days after the push, and from 85
    seconds after the payment's beginning on as long as the journal does not know when the push left
    (`Client.check`); of a void, as long as the journal has the phone."""

    code = "outside_window"


class NoAnswerError(OvoError):
    """The host gave no usable answer to a request that moves no money (inquiry, check)."""

    code = "no_answer"
    is_retryable = True
    is_outcome_unknown = True


class ClosedError(OvoError):
    """The client is closed."""

    code = "closed"


class ForkError(OvoError):
    """The process forked after the client was opened; the child must open its own."""

    code = "forked"


class InternalError(OvoError):
    """A defect in this library."""

    code = "internal"


#: The class that is raised for each code.
BY_CODE: dict[str, type[OvoError]] = {
    error.code: error
    for error in (
        InvalidInputError,
        ConfigurationError,
        JournalError,
        JournalLockedError,
        InvoiceReusedError,
        UnsettledCustomerError,
        NotFoundError,
        RefusedError,
        OutsideWindowError,
        NoAnswerError,
        ClosedError,
        ForkError,
        InternalError,
    )
}
