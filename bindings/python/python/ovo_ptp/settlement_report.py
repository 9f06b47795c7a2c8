"""OVO's settlement report as a file: CSV, with columns that the caller names."""

from __future__ import annotations

from ovo_ptp import _make
from ovo_ptp.errors import InvalidInputError
from ovo_ptp.settlement import MOST, SettlementLine

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

__all__ = ["read_settlement_report"]

#: The columns of the sandbox's report. That OVO's other reports have `MerchantInvoice` is known.
COLUMNS = {
    "invoice": "MerchantInvoice",
    "amount": "Amount",
    "status": "Status",
    "date": "TransactionDate",
}
#: What the words of a status mean: the customer paid, has the money back, or no money moved.
MEANINGS = ("paid", "refunded", "nothing")
STATUSES = {
    **dict.fromkeys(("PAID", "SUCCESS", "SUCCESSFUL", "SETTLED", "COMPLETED", "APPROVED"), "paid"),
    **dict.fromkeys(("SALE", "PAYMENT", "SUKSES", "BERHASIL", "LUNAS"), "paid"),
    **dict.fromkeys(("VOIDED", "VOID", "REFUNDED", "REFUND", "REVERSED", "REVERSAL"), "refunded"),
    **dict.fromkeys(("FAILED", "FAILURE", "DECLINED", "REJECTED", "CANCELLED"), "nothing"),
    **dict.fromkeys(("CANCELED", "EXPIRED", "PENDING", "UNPAID", "GAGAL", "DITOLAK"), "nothing"),
}


def read_settlement_report(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    statuses: Mapping[str, str] | None = None,
    *,
    only: Mapping[str, str] | None = None,
) -> Iterator[SettlementLine]:
    """Reads a report in CSV, line by line: commas, semicolons or tabs, UTF-8 with or without a BOM.

    Args:
        path: The file.
        columns: What the columns are called that the report names otherwise than the sandbox's:
            `invoice`, `amount` and `status` must be there; `date` (2026-11-26, 26/11/2026 or
            26-11-2026, with or without a time) may be. A report without a status is one only if
            somebody says so, with an empty name for `status`: then each line was paid.
        statuses: What statuses mean that are not in `STATUSES`: `paid`, `refunded` or `nothing`, by
            the whole status in capitals. A line is a refund if its status says so (VOIDED, REFUND
            SUCCESS) or if its amount is negative; one that says that no money moved (FAILED,
            PENDING) is `nothing`. An empty status means what is said of `""`, and else nothing.
        only: Columns of the report and the value that a line must have there, as
            `{"TID": "00000001"}`: one report lists every till of a merchant, and each till's
            journal knows its own. Zeros before a number do not count: spreadsheets drop them. The
            other lines are `elsewhere`: the days of the report are theirs, too.

    Raises:
        InvalidInputError: The file cannot be read, has no such column or several of it, a value
            is none, or nobody said what a status means; the message says which line, and nothing of
            it.
    """
    named = {**COLUMNS, **(columns or {})}
    unknown = set(named) - set(COLUMNS)
    if unknown:
        raise InvalidInputError(
            f"map: {', '.join(sorted(unknown))} is none of {', '.join(COLUMNS)}", field="map"
        )
    without_status = not named["status"]
    meant = {status.strip().upper(): meaning for status, meaning in (statuses or {}).items()}
    if not set(meant.values()) <= set(MEANINGS):
        raise InvalidInputError(
            f"statuses: a status means {', '.join(MEANINGS)} and nothing else", field="statuses"
        )
    required = {"invoice", "amount", "status", *(columns or {})}
    if without_status:
        del named["status"]
        required.remove("status")
    wanted = {column: _bare(value) for column, value in (only or {}).items()}
    return _read(_make.path("path", path), named, meant, required=required, wanted=wanted)


def _bare(value: str) -> str:
    value = value.strip()
    # 0000 is 0, and not what an empty cell has.
    return (value.lstrip("0") or "0") if value.isdigit() else value


def _read(
    file: str,
    named: dict[str, str],
    meant: dict[str, str],
    *,
    required: set[str],
    wanted: dict[str, str],
) -> Iterator[SettlementLine]:
    import csv

    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            head = text.readline()
            delimiter = max(",;\t", key=head.count)
            heads = [cell.strip() for cell in next(csv.reader([head], delimiter=delimiter), [])]
            at = {name: heads.index(column) for name, column in named.items() if column in heads}
            for name in sorted(required - set(at)):
                # Nobody guesses which were paid: a failure that is read as paid returns money.
                none = (
                    "; status= if it has none, and each line was paid" if name == "status" else ""
                )
                raise InvalidInputError(
                    f"map: the report has no column {named[name]} ({name}); it has "
                    f"{', '.join(heads) or 'none'}{none}",
                    field="map",
                )
            for column in sorted(set(wanted) - set(heads)):
                raise InvalidInputError(
                    f"only: the report has no column {column}; it has {', '.join(heads) or 'none'}",
                    field="only",
                )
            for name, column in [*named.items(), *(("", column) for column in wanted)]:
                # The status of the transaction, or of the settlement: nobody guesses.
                if heads.count(column) > 1:
                    field = "map" if name else "only"
                    other = f", or name one that stands once (--map {name}=...)" if name else ""
                    raise InvalidInputError(
                        f"{field}: the report has more than one column {column}"
                        f"{f' ({name})' if name else ''}; rename the others in the file{other}",
                        field=field,
                    )
            places = [(heads.index(column), value) for column, value in wanted.items()]
            last = max([*at.values(), *(place for place, _ in places)])
            rows = csv.reader(text, delimiter=delimiter, strict=True)
            for row in rows:
                if not any(cell.strip() for cell in row):
                    continue
                where = f"line {rows.line_num + 1}"
                if len(row) <= last:
                    raise InvalidInputError(f"report: {where} is cut short", field="report")
                if any(cell.strip() for cell in row[len(heads) :]):
                    # A comma in a name without quotes, and each cell behind it is another column's.
                    raise InvalidInputError(
                        f"report: {where} has more cells than its heading", field="report"
                    )
                elsewhere = any(_bare(row[place]) != value for place, value in places)
                yield _others(row, at) if elsewhere else _line(row, at, meant, where)
    except OSError as error:
        raise InvalidInputError(
            f"report: cannot be read ({error.strerror})", field="report"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"no CSV ({error})"
        raise InvalidInputError(f"report: {what}", field="report") from None


def _others(row: list[str], at: dict[str, int]) -> SettlementLine:
    """Another till's line, or a sum: nothing of it is checked."""
    try:
        day = _day(row[at["date"]].strip(), "") if "date" in at else None
    except InvalidInputError:
        day = None
    return SettlementLine(
        invoice=row[at["invoice"]].strip(),
        amount=0,
        refunded=False,
        day=day,
        nothing=False,
        elsewhere=True,
    )


def _line(row: list[str], at: dict[str, int], meant: dict[str, str], where: str) -> SettlementLine:
    cells = {name: row[index].strip() for name, index in at.items()}
    amount = cells["amount"]
    negative = amount.startswith("-")
    meaning = _meaning(cells["status"].upper(), meant, where) if "status" in cells else "paid"
    if meaning == "nothing":
        # What did not happen may have no day and no amount.
        dated = "date" in cells and cells["date"]
        try:
            listed = _rupiah(amount.removeprefix("-"), where)
        except InvalidInputError:
            listed = 0
        return SettlementLine(
            invoice=cells["invoice"],
            amount=listed,
            day=_day(cells["date"], where) if dated else None,
            refunded=False,
            nothing=True,
            elsewhere=False,
        )
    return SettlementLine(
        invoice=cells["invoice"],
        amount=_rupiah(amount.removeprefix("-"), where),
        refunded=negative or meaning == "refunded",
        day=_day(cells["date"], where) if "date" in cells else None,
        nothing=False,
        elsewhere=False,
    )


def _meaning(status: str, meant: dict[str, str], where: str) -> str:
    """What a status means. Nobody guesses: a failure that is read as paid returns money."""
    if status in meant:
        return meant[status]
    words = status.replace("_", " ").replace("-", " ").split()
    said = {STATUSES.get(word, "?") for word in words}
    if sum(STATUSES.get(word) == "refunded" for word in words) > 1:
        said = {"?"}  # REFUND REVERSED: the refund was taken back, and the customer has paid
    if said == {"paid"}:
        return "paid"
    if said and said <= {"paid", "refunded"}:
        return "refunded"
    if said == {"nothing"}:
        return "nothing"
    raise InvalidInputError(
        f"report: {where}: nobody said whether its status means {', '.join(MEANINGS)} (statuses)",
        field="statuses",
    )


def _rupiah(text: str, where: str) -> int:
    from ovo_ptp._typed import rupiah  # as people write amounts; loaded by those who read one

    try:
        amount = rupiah(text)
    except InvalidInputError:
        amount = 0
    if not 1 <= amount <= MOST:
        raise InvalidInputError(
            f"report: {where}: the amount must be whole rupiah, as 12500 or 12.500,00",
            field="report",
        )
    return amount


#: A time behind the day, and its zone; without one it is OVO's own, WIB.
_TIME = r"[T ]?\s*([0-9]{1,2})[:.]?([0-9]{2})(?:[:.]?[0-9]{2}(?:[.,][0-9]+)?)?\s*"
_ZONE = r"(Z|UTC|GMT|WIB|[+-][0-9]{2}:?(?:[0-9]{2})?)"


def _day(text: str, where: str) -> datetime:
    """The day in WIB, at midnight."""
    import datetime as dt
    import re

    from ovo_ptp._wib import WIB

    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d"):
        length = 8 if pattern == "%Y%m%d" else 10
        try:
            day = dt.datetime.strptime(text[:length], pattern).replace(tzinfo=WIB)
        except ValueError:
            continue
        if not 2000 <= day.year < 3000:
            break  # 9999-12-31 stands for no day, and none is behind it
        rest = text[length:].strip().upper()
        if re.search(_ZONE + "$", rest):
            zoned = re.fullmatch(_TIME + _ZONE, rest)
            if zoned is None or int(zoned[1]) > 23 or int(zoned[2]) > 59:
                break
            ahead = _ahead(zoned[3])
            moment = day + dt.timedelta(hours=int(zoned[1]) + 7, minutes=int(zoned[2])) - ahead
            day = moment.replace(hour=0, minute=0)
        return day
    raise InvalidInputError(
        f"report: {where}: the date must be as 2026-11-26 or 26/11/2026", field="report"
    )


def _ahead(zone: str) -> timedelta:
    """How far a zone is ahead of UTC."""
    import datetime as dt

    if zone == "WIB":
        return dt.timedelta(hours=7)
    if zone[0] not in "+-":
        return dt.timedelta()
    ahead = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
    return -ahead if zone[0] == "-" else ahead
