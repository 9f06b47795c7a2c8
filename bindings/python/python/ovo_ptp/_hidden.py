"""Personal data on its way through our own frames.

A traceback with locals (Sentry, cgitb, pytest) prints what each frame holds. So a phone is put away
as the first thing that a public function does, and from there on travels in objects whose `repr`
shows nothing of it.
"""

from __future__ import annotations

from ovo_ptp import _native

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` costs more than we do
if TYPE_CHECKING:
    from typing import Any

    from ovo_ptp.reports import Terminal

__all__ = ["Charge", "Hidden", "Phone"]


class Hidden:
    """Anything, not shown. Making one never raises: what is wrong with it is found later."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<hidden>"


class Phone:
    """A phone number that prints masked, for your own frames, logs and objects.

    Everything that wants a phone takes one, or a str.

    >>> import ovo_ptp
    >>> phone = ovo_ptp.Phone("+62 812-3456-7890")
    >>> phone
    Phone('0812****7890')
    >>> phone.digits
    '081234567890'
    """

    __slots__ = ("_digits", "_masked")

    def __init__(self, typed: str | Phone) -> None:
        from ovo_ptp import _make

        hidden = Hidden(typed)
        del typed
        # First: a traceback may print what was never finished.
        self._digits, self._masked = Hidden(""), "..."
        self._digits.value, self._masked = _native.normalise_phone(_make.phone(hidden))

    @property
    def digits(self) -> str:
        """The whole number as OVO wants it. Not for logs."""
        digits: str = self._digits.value
        return digits

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Phone):
            return NotImplemented
        return self.digits == other.digits

    def __hash__(self) -> int:
        return hash(("ovo_ptp.Phone", self.digits))

    def __str__(self) -> str:
        return self._masked

    def __repr__(self) -> str:
        return f"Phone({self._masked!r})"

    def __reduce__(self) -> Any:
        raise TypeError("Phone holds personal data and cannot be pickled; its digits can")


class Charge:
    """A payment that is wanted, on its way to the native side."""

    __slots__ = ("allow_second_push", "amount", "invoice", "phone", "terminal")

    def __init__(
        self,
        invoice: str,
        amount: int,
        phone: Hidden,
        terminal: Terminal | None,
        allow_second_push: bool,
    ) -> None:
        from ovo_ptp import _make

        self.invoice = _make.text("invoice", invoice)
        self.amount = _make.rupiah(amount)
        self.phone = _make.phone(phone)
        self.terminal = _make.terminal(terminal)
        self.allow_second_push = _make.flag("allow_second_push", allow_second_push)

    def __repr__(self) -> str:
        invoice = getattr(self, "invoice", None)  # a traceback may print what was never finished
        return f"Charge(invoice={invoice!r}, ...)"
