"""Amounts and dates as people write them."""

from __future__ import annotations

import datetime as dt
import re

from ovo_ptp._wib import WIB
from ovo_ptp.errors import InvalidInputError

#: 12500, 12.500, 12,500, 12 500; behind it sen that are none: ,00 or .00 or ,- but never with the
#: sign that the thousands have.
_AMOUNT = re.compile(
    r"(?:rp|idr)?\.?\s*(?:[0-9]+(?:[.,]00|,-)?|[1-9][0-9]{0,2}([.,_ ])[0-9]{3}(?:\1[0-9]{3})*"
    r"(?:(?!\1)[.,]00|(?!\1),-)?)",
    re.IGNORECASE,
)
#: A day alone: 2026-11-26, 20261126, 2026-W48-4.
_DAY = re.compile(r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}(?:-?[0-9])?)")
#: Letters of an amount; Python reads no number of thousands of digits.
_LONGEST = 100
_SEN = re.compile(r"(?:[.,]00|,-)$")


def rupiah(typed: str) -> int:
    """The amount, or an error: OVO has no decimals, and a guess would be somebody's money."""
    if len(typed) <= _LONGEST and _AMOUNT.fullmatch(typed.strip()):
        return int(re.sub(r"[^0-9]", "", _SEN.sub("", typed.strip())))
    raise InvalidInputError(
        "amount: must be whole rupiah, as 12500, 12.500 or Rp12.500", field="amount"
    )


def moment(field: str, typed: str, *, end_of_day: bool = False) -> dt.datetime:
    """A time in WIB: `2026-11-26`, `2026-11-26 14:30`, `today`, `yesterday`.

    A day alone is its beginning, or with `end_of_day` its end.
    """
    today = dt.datetime.now(WIB).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"today": today, "yesterday": today - dt.timedelta(days=1)}
    found = words.get(typed.strip().lower())
    if found is None:
        try:
            found = dt.datetime.fromisoformat(typed.strip())
        except ValueError:
            raise InvalidInputError(
                f"{field}: must be a day or a time, as 2026-11-26, 2026-11-26T14:30 or today",
                field=field,
            ) from None
        if found.tzinfo is None:
            found = found.replace(tzinfo=WIB)
        if not _DAY.fullmatch(typed.strip()):
            return found
    try:
        return found + dt.timedelta(days=1) if end_of_day else found
    except OverflowError:
        raise InvalidInputError(f"{field}: there is no day behind it", field=field) from None
