"""From the native side's plain values to the package's classes, and from arguments to plain values.

Arguments are checked here because only here their types are known; the rules about values are the
core's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ovo_ptp import outcomes, reports
from ovo_ptp._hidden import Hidden, Phone
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


def report(fields: dict[str, Any]) -> reports.PaymentReport:
    """A payment's report."""
    tid, mid, store_code = fields["terminal"]
    fields["terminal"] = reports.Terminal(tid=tid, mid=mid, store_code=store_code)
    import datetime as dt

    from ovo_ptp._wib import EPOCH, WIB

    fields["begun"] = (EPOCH + dt.timedelta(milliseconds=fields["begun"])).astimezone(WIB)
    if fields["outcome"] is not None:
        fields["outcome"] = outcome(fields["outcome"])
    return reports.PaymentReport(**fields)


def maybe_report(fields: dict[str, Any] | None) -> reports.PaymentReport | None:
    """A payment's report, if there is one."""
    return None if fields is None else report(fields)


def report_list(rows: Sequence[dict[str, Any]]) -> list[reports.PaymentReport]:
    """Reports of several payments."""
    return [report(fields) for fields in rows]


def chosen(**wanted: Any) -> dict[str, Any]:
    """Which payments to list."""
    after, limit = wanted["after"], wanted["limit"]
    for name in ("unacknowledged", "unsettled", "needs_operator", "newest_first"):
        flag(name, wanted[name])
    return {
        **wanted,
        "since": unix_millis("since", wanted["since"]),
        "until": unix_millis("until", wanted["until"]),
        "tid": None if wanted["tid"] is None else text("tid", wanted["tid"]),
        "mid": None if wanted["mid"] is None else text("mid", wanted["mid"]),
        "after": None if after is None else whole("after", after, 0, 2**63 - 1),
        "limit": whole("limit", limit, 1, 2**63 - 1),
    }


def status(fields: dict[str, Any]) -> reports.Status:
    """The answer to a check."""
    return reports.Status(
        at_ovo=fields["at_ovo"],
        payment=report(fields["payment"]),
        ask_again=fields["ask_again"],
    )


def void(fields: dict[str, Any]) -> reports.VoidOutcome:
    """How a void stands."""
    return reports.VoidOutcome(**fields)


def before(value: object) -> int:
    """Until when payments are archived."""
    found = unix_millis("before", value)
    if found is None:
        raise _is_no("before", "a datetime", value)
    return found


def archived(fields: dict[str, Any]) -> reports.Archived:
    """What came of archiving."""
    return reports.Archived(**fields)


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
    """A text argument. Its errors never repeat the value."""
    hidden = Hidden(value)
    del value
    return hidden_text(field, hidden)


def _breaks(field: str, rule: str) -> InvalidInputError:
    """An error about one argument, whose name programs get apart."""
    return InvalidInputError(f"{field}: {rule}", field=_name(field))


def _is_no(field: str, wanted: str, value: object) -> InvalidTypeError:
    kind = type(value).__name__
    return InvalidTypeError(f"{field}: must be {wanted}, not {kind}", field=_name(field))


def _name(field: str) -> str:
    return field.partition(":")[0].replace(" ", "_")


def hidden_text(field: str, hidden: Hidden) -> str:
    """A text argument that may be somebody's: no frame of ours shows it when it is refused."""
    if not isinstance(hidden.value, str):
        kind = type(hidden.value).__name__
        raise InvalidTypeError(f"{field}: must be text (str), not {kind}", field=_name(field))
    # The characters alone: what a subclass makes of comparing and hashing could fail behind a push.
    plain = Hidden(str.__str__(hidden.value))
    # Half of a surrogate pair cannot be sent, and Python's own error for it would carry the text.
    if not plain.value.isascii() and any("\ud800" <= it <= "\udfff" for it in plain.value):
        raise _breaks(field, "must be whole Unicode text")
    text: str = plain.value
    return text


def hidden_as_text(field: str, hidden: Hidden) -> Hidden:
    """A text argument, still hidden."""
    return Hidden(hidden_text(field, hidden))


def phone(hidden: Hidden) -> Hidden:
    """A phone as text, still hidden."""
    if isinstance(hidden.value, Phone):
        return Hidden(hidden.value.digits)
    return hidden_as_text("phone", hidden)


def rupiah(value: object) -> int:
    """An amount. A float has already lost what was meant, and `True` is no money."""
    if isinstance(value, bool) or not isinstance(value, int):
        kind = type(value).__name__
        rule = f"must be whole rupiah as int, not {kind}; OVO has no decimals"
        raise InvalidTypeError(f"amount: {rule}", field="amount")
    plain = int.__int__(value)  # as with texts
    if not -(2**63) <= plain < 2**63:
        raise _breaks("amount", "must be below 2**63 rupiah")
    return plain


def terminal(value: object) -> tuple[str, str, str] | None:
    """Another terminal than the default."""
    if value is None:
        return None
    if not isinstance(value, reports.Terminal):
        raise _is_no("terminal", "a Terminal", value)
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
        raise _is_no(field, "a datetime", value)
    if value.utcoffset() is None:
        raise _breaks(field, "must be an aware datetime (with tzinfo)")
    from ovo_ptp._wib import EPOCH

    return (value - EPOCH) // dt.timedelta(milliseconds=1)


def whole(field: str, value: object, lowest: int, highest: int) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _is_no(field, "an int", value)
    if not lowest <= value <= highest:
        raise _breaks(field, f"must be {lowest} to {highest}")
    return value


def seconds(field: str, value: object) -> float:
    """A length of time: a number of seconds or a timedelta."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        import datetime as dt

        if isinstance(value, dt.timedelta):
            return value.total_seconds()
        raise _is_no(field, "seconds or a timedelta", value)
    if value != value:
        raise _breaks(field, "must be a number")
    return float(value)


def scale(field: str, value: object) -> float:
    """How much faster than OVO a sandbox runs."""
    factor = seconds(field, value)
    if not 0 < factor <= 1:
        raise _breaks(field, "must be above 0 and at most 1")
    return factor


def timers(value: object) -> list[tuple[str, float]]:
    """Single times by name."""
    if not isinstance(value, Mapping):
        raise _is_no("timers", "a mapping of names to times", value)
    return [(text("timers", name), seconds(f"timers: {name}", it)) for name, it in value.items()]


def path(field: str, value: str | os.PathLike[str]) -> str:
    """A path."""
    try:
        return os.fsdecode(value)
    except TypeError:
        raise _is_no(field, "a path", value) from None


def hidden_as_path(field: str, hidden: Hidden) -> Hidden:
    """A path or a database's address, which may hold a password; still hidden."""
    try:
        return Hidden(os.fsdecode(hidden.value))
    except TypeError:
        raise _is_no(field, "a path", hidden.value) from None


def flag(field: str, value: object) -> bool:
    """Yes or no, and nothing that is only true enough."""
    if not isinstance(value, bool):
        raise _is_no(field, "True or False", value)
    return value
