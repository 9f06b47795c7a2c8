"""OVO's zone. Loaded by those who meet a time: an import of the package should cost little."""

import datetime as dt

WIB = dt.timezone(dt.timedelta(hours=7), "WIB")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def at(unix_millis: int) -> dt.datetime:
    """A point in time."""
    return (EPOCH + dt.timedelta(milliseconds=unix_millis)).astimezone(WIB)
