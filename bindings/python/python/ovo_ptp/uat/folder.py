"""The folder of a review: what was seen of each scenario, and the exchanges that show it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovo_ptp.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


class Folder:
    """`state.json`, a journal, and a folder for each scenario with its exchanges and pictures."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path / "state.json"
        self.state: dict[str, Any] = {"scenarios": {}}
        if self._file.exists():
            try:
                self.state = json.loads(self._file.read_text(encoding="utf-8"))
                self.state["scenarios"].items()
            except (ValueError, KeyError, TypeError, AttributeError):
                raise InvalidInputError(
                    f"folder: {self._file} is not what this program wrote; take another folder",
                    field="folder",
                ) from None

    def belong_to(self, environment: str, merchant: str, *, plays: bool) -> None:
        """One folder is the evidence of one merchant on one environment. `plays`: from now on it
        is this one's; what was played is never shown as another's."""
        wanted = {"environment": environment, "merchant": merchant}
        known = self.state.get("played on")
        if known is None and not self.state["scenarios"]:
            if plays:
                self.remember("played on", wanted)
        elif known != wanted:
            was = known if isinstance(known, dict) else {}
            raise InvalidInputError(
                f"folder: it was played on {was.get('environment', '?')} by merchant "
                f"{was.get('merchant', '?')}, and not on {environment} by {merchant}; take another "
                "folder",
                field="folder",
            )

    @property
    def journal(self) -> Path:
        """One journal for all scenarios: no number is used twice."""
        return self.path / "journal.db"

    def of(self, number: int) -> Path:
        """A scenario's own folder."""
        own = self.path / f"{number:02}"
        own.mkdir(exist_ok=True)
        return own

    def record(self, number: int) -> Path:
        """Where a scenario's exchanges are appended."""
        return self.of(number) / "exchanges.jsonl"

    def begin_again(self, number: int) -> None:
        """A scenario that is repeated begins with nothing recorded; its pictures stay."""
        self.record(number).unlink(missing_ok=True)

    def exchanges(self, number: int) -> list[dict[str, Any]]:
        """What went over the wire for it. The client settles other scenarios' payments meanwhile;
        these are no evidence of this one."""
        record = self.record(number)
        if not record.exists():
            return []
        # Not as text: JSON has U+2028 and U+0085 as they are, which end no line of it, and a
        # machine that died may have left half a character.
        lines = (_exchange(line) for line in record.read_bytes().split(b"\n"))
        return [it for it in lines if it is not None and _is_of(number, it)]

    def pictures(self, number: int) -> Iterator[Path]:
        """Screenshots that somebody has put into the scenario's folder."""
        own = self.path / f"{number:02}"
        if own.is_dir():
            yield from sorted(
                file for file in own.iterdir() if file.suffix.lower() in PICTURES and file.is_file()
            )

    def seen(self, number: int) -> dict[str, Any]:
        """What was noted of a scenario; empty if it was not played. One whose exchanges are no
        longer there has shown nothing."""
        noted: dict[str, Any] = self.state["scenarios"].get(str(number), {})
        if noted.get("state") != "passed":
            return noted
        shown, there = noted.get("exchanges", 0), len(self.exchanges(number))
        if there >= shown:
            return noted
        gone = f"{shown} exchanges showed it, and {there} of them are in {self.record(number)}"
        return {**noted, "state": "evidence gone", "seen": f"{gone}: play it again"}

    def note(self, number: int, **what: Any) -> None:
        """Notes it, durably, before the next scenario begins."""
        self.state["scenarios"][str(number)] = what
        self._write()

    def remember(self, key: str, value: Any) -> None:
        """Something that a later day needs."""
        self.state[key] = value
        self._write()

    def _write(self) -> None:
        draft = self._file.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as text:
            json.dump(self.state, text, indent=1, ensure_ascii=False)
            text.flush()
            os.fsync(text.fileno())
        draft.replace(self._file)


def invoice_prefix(number: int) -> str:
    """What the invoices of a scenario begin with."""
    return f"UAT-{number:02}-"


#: What the recorder writes of each exchange.
PARTS = ("at", "operation", "ended", "http_status", "took_ms", "request", "response")


def _exchange(line: bytes) -> dict[str, Any] | None:
    """A line of the record; none if the machine died while it was written, or it is no record."""
    try:
        exchange = json.loads(line)
    except ValueError:
        return None
    is_one = isinstance(exchange, dict) and all(part in exchange for part in PARTS)
    return exchange if is_one else None


def _is_of(number: int, exchange: dict[str, Any]) -> bool:
    request = exchange.get("request")
    data = request.get("transactionRequestData") if isinstance(request, dict) else None
    invoice = data.get("merchantInvoice") if isinstance(data, dict) else None
    return not isinstance(invoice, str) or invoice.startswith(invoice_prefix(number))
