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
        """What went over the wire."""
        record = self.record(number)
        if not record.exists():
            return []
        return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]

    def pictures(self, number: int) -> Iterator[Path]:
        """Screenshots that somebody has put into the scenario's folder."""
        own = self.path / f"{number:02}"
        if own.is_dir():
            yield from sorted(file for file in own.iterdir() if file.suffix.lower() in PICTURES)

    def seen(self, number: int) -> dict[str, Any]:
        """What was noted of a scenario; empty if it was not played."""
        noted: dict[str, Any] = self.state["scenarios"].get(str(number), {})
        return noted

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
