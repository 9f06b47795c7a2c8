"""What `ovo-ptp` prints: for people, or one JSON value."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from ovo_ptp import Outcome, Paid, Progress, format_rupiah
from ovo_ptp._record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ovo_ptp import PaymentReport

WIDTH = 40
#: The prompt stays for so long.
CUSTOMER_SECONDS = 55


def say(text: str = "") -> None:
    """One line for people."""
    sys.stdout.write(text + "\n")


def printable(text: str) -> str:
    """Somebody else's text on one line: it moves no cursor and begins no line of its own."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def cell(value: object) -> object:
    """Of a table for a spreadsheet: somebody else's text is never taken for a formula."""
    if not isinstance(value, str):
        return value
    # Before the letters that move cursors are replaced: a tab begins a formula, too.
    formula = value.lstrip(" ")[:1] in tuple("=+-@\t\r\n")
    return "'" * formula + printable(value)


def drop(stream: TextIO) -> None:
    """Sends nowhere what a stream did not take.

    Else the interpreter writes it out at its end, and its failure is another exit code.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def plain(value: Any) -> Any:
    """A value in JSON's types."""
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def as_json(value: object) -> None:
    """One JSON value on one line."""
    say(json.dumps(plain(value), ensure_ascii=False))


def table(rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def payments(reports: Iterable[PaymentReport]) -> None:
    """A list of payments."""
    rows = [
        (
            report.invoice,
            report.begun.strftime("%Y-%m-%d %H:%M:%S"),
            format_rupiah(report.amount),
            f"{report.batch:06}/{report.reference:06}",
            "-" if report.outcome is None else outcome_name(report.outcome),
            report.settlement,
        )
        for report in reports
    ]
    if rows:
        table([("INVOICE", "BEGUN (WIB)", "AMOUNT", "BATCH/REF", "OUTCOME", "SETTLEMENT"), *rows])
    else:
        say("no payments")


def payment(report: PaymentReport) -> None:
    """One payment, a line for each thing that is known of it."""
    outcome = report.outcome
    lines = [
        ("invoice", report.invoice),
        ("amount", format_rupiah(report.amount)),
        ("begun", report.begun.strftime("%Y-%m-%d %H:%M:%S WIB")),
        ("batch, reference", f"{report.batch:06}, {report.reference:06}"),
        ("terminal", f"tid {report.terminal.tid}, mid {report.terminal.mid}"),
        ("outcome", "none yet" if outcome is None else outcome_name(outcome)),
    ]
    details = {} if outcome is None else outcome.to_dict()
    for name in ("approval_code", "is_late", "code", "meaning", "reason", "was_debited"):
        if details.get(name) not in (None, False):
            lines.append((name.replace("_", " ").removeprefix("is "), str(details[name])))
    lines += [
        ("settlement", report.settlement),
        ("acknowledged", "yes" if report.acknowledged else "no"),
    ]
    if report.needs_operator:
        lines.append(("waits for", f"an operator: ovo-ptp rule {report.invoice} ..."))
    for name, value in lines:
        say(f"{name + ':':<18}{value}")


def outcome_name(outcome: Outcome) -> str:
    """The outcome in a word or two."""
    if isinstance(outcome, Paid) and outcome.is_voided:
        return "paid, voided"
    return outcome.name


class Countdown:
    """A bar that runs down while the customer decides; nothing if nobody looks at a terminal."""

    def __init__(self, stream: TextIO, *, scale: float) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._scale = scale

    def show(self, progress: Progress) -> None:
        """Draws the bar again."""
        if not self._live:
            return
        left = progress.remaining / self._scale
        full = CUSTOMER_SECONDS if progress.phase == "waiting_for_customer" else 65
        filled = max(0, min(WIDTH, round(WIDTH * left / full)))
        text = {
            "sending": "sending",
            "waiting_for_customer": "waiting for the customer",
            "checking": "asking OVO",
        }[progress.phase]
        bar = "#" * filled + "." * (WIDTH - filled)
        self._draw(f"\r[{bar}] {left:3.0f} s  {text:<25}")

    def clear(self) -> None:
        """Takes it away."""
        if self._live:
            self._draw("\r" + " " * (WIDTH + 40) + "\r")

    def _draw(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the terminal has gone; the payment goes on
            drop(self._stream)
            self._live = False
