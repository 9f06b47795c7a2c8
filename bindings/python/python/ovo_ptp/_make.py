"""From the native side's plain values to the package's classes, and from arguments to plain values.

Arguments are checked here because only here their types are known; the rules about values are the
core's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ovo_ptp import _native, outcomes, reports
from ovo_ptp.errors import InvalidInputError, InvalidTypeError

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# `datetime` is loaded by those who meet one: an import should cost little.


def outcome(fields: dict[str, Any]) -> outcomes.AnyOutcome:
    """An outcome of its class."""
    made = outcomes.BY_NAME[fields.pop("kind")]
    wallet = fields.get("wallet")
    if wallet is not None:
        fields["wallet"] = outcomes.Wallet(**wallet)
    return made(**fields)


def interrupted(invoice: str) -> outcomes.Interrupted:
    """A payment of which nothing is known but that it may have begun."""
    texts = {name: pair for name, *pair in _native.customer_texts()}
    indonesian, english = texts["generic"]
    return outcomes.Interrupted(invoice, indonesian, english)


def report(fields: dict[str, Any]) -> reports.PaymentReport:
    """A payment's report."""
    tid, mid, store_code = fields["terminal"]
    fields["terminal"] = reports.Terminal(tid=tid, mid=mid, store_code=store_code)
    import datetime as dt

    wib = dt.timezone(dt.timedelta(hours=7), "WIB")
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    fields["begun"] = (epoch + dt.timedelta(milliseconds=fields["begun"])).astimezone(wib)
    if fields["outcome"] is not None:
        fields["outcome"] = outcome(fields["outcome"])
    return reports.PaymentReport(**fields)


def maybe_report(fields: dict[str, Any] | None) -> reports.PaymentReport | None:
    """A payment's report, if there is one."""
    return None if fields is None else report(fields)


def report_list(rows: Sequence[dict[str, Any]]) -> list[reports.PaymentReport]:
    """Reports of several payments."""
    return [report(fields) for fields in rows]


def status(fields: dict[str, Any]) -> reports.Status:
    """The answer to a check."""
    return reports.Status(at_ovo=fields["at_ovo"], payment=report(fields["payment"]))


def void(fields: dict[str, Any]) -> reports.VoidOutcome:
    """How a void stands."""
    return reports.VoidOutcome(**fields)


def inquiry(registered: bool) -> reports.Inquiry:
    """The answer to an inquiry."""
    return reports.Inquiry.REGISTERED if registered else reports.Inquiry.NOT_REGISTERED


def event(fields: dict[str, Any]) -> reports.Event:
    """Something that happened."""
    return reports.Event(**fields)


def progress(fields: dict[str, Any]) -> reports.Progress:
    """A countdown."""
    return reports.Progress(
        invoice=fields["invoice"], phase=fields["phase"], remaining=fields["remaining"]
    )


def text(field: str, value: object) -> str:
    """A text argument. Its errors never repeat the value, which may be somebody's phone."""
    if not isinstance(value, str):
        raise InvalidTypeError(f"{field}: must be text (str), not {type(value).__name__}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidInputError(f"{field}: must be whole Unicode text") from None
    return value


def rupiah(value: object) -> int:
    """An amount. A float has already lost what was meant, and `True` is no money."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(
            f"amount: must be whole rupiah as int, not {type(value).__name__}; OVO has no decimals"
        )
    if not -(2**63) <= value < 2**63:
        raise InvalidInputError("amount: must be below 2**63 rupiah")
    return value


def terminal(value: object) -> tuple[str, str, str] | None:
    """Another terminal than the default."""
    if value is None:
        return None
    if not isinstance(value, reports.Terminal):
        raise InvalidTypeError(f"terminal: must be a Terminal, not {type(value).__name__}")
    return (
        text("tid", value.tid),
        text("mid", value.mid),
        text("store code", value.store_code),
    )


def unix_millis(field: str, value: object) -> int | None:
    """A point in time. A naive datetime could mean any zone."""
    if value is None:
        return None
    import datetime as dt

    if not isinstance(value, dt.datetime):
        raise InvalidTypeError(f"{field}: must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise InvalidInputError(f"{field}: must be an aware datetime (with tzinfo)")
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    return (value - epoch) // dt.timedelta(milliseconds=1)


def whole(field: str, value: object, lowest: int, highest: int) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(f"{field}: must be an int, not {type(value).__name__}")
    if not lowest <= value <= highest:
        raise InvalidInputError(f"{field}: must be {lowest} to {highest}")
    return value


def seconds(field: str, value: object) -> float:
    """A length of time: a number of seconds or a timedelta."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        import datetime as dt

        if isinstance(value, dt.timedelta):
            return value.total_seconds()
        raise InvalidTypeError(
            f"{field}: must be seconds or a timedelta, not {type(value).__name__}"
        )
    if value != value:
        raise InvalidInputError(f"{field}: must be a number")
    return float(value)


def scale(field: str, value: object) -> float:
    """How much faster than OVO a sandbox runs."""
    factor = seconds(field, value)
    if not 0 < factor <= 1:
        raise InvalidInputError(f"{field}: must be above 0 and at most 1")
    return factor


def timers(value: object) -> list[tuple[str, float]]:
    """Single times by name."""
    if not isinstance(value, Mapping):
        kind = type(value).__name__
        raise InvalidTypeError(f"timers: must be a mapping of names to times, not {kind}")
    return [(text("timers", name), seconds(f"timers: {name}", it)) for name, it in value.items()]


def path(field: str, value: str | os.PathLike[str]) -> str:
    """A path."""
    try:
        return os.fsdecode(value)
    except TypeError:
        raise InvalidTypeError(f"{field}: must be a path, not {type(value).__name__}") from None


def flag(field: str, value: object) -> bool:
    """Yes or no, and nothing that is only true enough."""
    if not isinstance(value, bool):
        raise InvalidTypeError(f"{field}: must be True or False, not {type(value).__name__}")
    return value
