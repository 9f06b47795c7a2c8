"""What became of one payment: where the money is, why, what comes next, and what to do."""

from __future__ import annotations

import json

from ovo_ptp._record import Record

TYPE_CHECKING = False  # see outcomes
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Literal

__all__ = ["Explanation", "Moment"]


class Moment(Record):
    """One moment of a payment."""

    __slots__ = ("at", "since", "what", "text", "text_en", "details")
    #: When, by the wall clock of that moment; an aware datetime in WIB.
    at: datetime
    #: Seconds since the payment was begun, by the clock that cannot be set.
    since: float
    #: What happened, in a word: `begun`, `sent`, `exchange`, `time`, `cancelled`, `ruled`, ...
    what: str
    #: The same in a line of Bahasa Indonesia.
    text: str
    #: The same in English.
    text_en: str
    #: What else is known: `rule`, `operation`, `http_status`, `code`, `took_ms`, `alert`, ...
    details: dict[str, Any]


class Explanation(Record):
    """What became of one payment. Holds nothing about the person who paid."""

    __slots__ = (
        "invoice",
        "amount",
        "batch",
        "reference",
        "begun",
        "asked",
        "outcome",
        "acknowledged",
        "settled",
        "needs_operator",
        "money",
        "next_step",
        "next_at",
        "story",
        "left_out",
        "says",
        "_drawn",
    )
    #: The invoice.
    invoice: str
    #: The amount, in rupiah.
    amount: int
    #: The batch number.
    batch: int
    #: The reference number.
    reference: int
    #: When it was begun; an aware datetime in WIB.
    begun: datetime
    #: When this was asked for.
    asked: datetime
    #: What the cashier was told, by its name; `None` while there is no outcome.
    outcome: str | None
    #: Whether the caller has acknowledged the outcome.
    acknowledged: bool
    #: Whether nothing is left to do at OVO.
    settled: bool
    #: Whether an operator must decide.
    needs_operator: bool
    #: Where the money is.
    money: Literal[
        "waiting",
        "merchant",
        "not debited",
        "returned",
        "said not debited",
        "unsettled",
        "being returned",
        "voiding",
        "voided",
        "unclear",
        "by hand",
    ]
    #: What comes next by itself; `None` if nothing does.
    next_step: (
        Literal["check", "decision", "reversal", "closing check", "look behind", "void check"]
        | None
    )
    #: When, at the latest, while a client has the journal open.
    next_at: datetime | None
    #: What happened, oldest first; of a payment of release 0.1.0 its beginning alone.
    story: tuple[Moment, ...]
    #: Steps that found no room in the history.
    left_out: int
    #: Sentences for people, by what they are about (`money`, `why`, `next`, `cashier`, `operator`,
    #: `outcome`), in Indonesian under `id` and in English under `en`.
    says: dict[str, dict[str, str]]
    if TYPE_CHECKING:
        _drawn: dict[str, tuple[str, str]]

    def text(self, language: Literal["id", "en"] = "id") -> str:
        """All of it as plain text: some ten lines and the timeline."""
        return self._in(language)[0]

    def html(self, language: Literal["id", "en"] = "id") -> str:
        """All of it as one page that can be sent to support: self-contained, without scripts."""
        return self._in(language)[1]

    def _in(self, language: str) -> tuple[str, str]:
        if language not in self._drawn:
            from ovo_ptp.errors import InvalidInputError

            raise InvalidInputError('language: must be "id" or "en"', field="language")
        return self._drawn[language]

    def to_dict(self) -> dict[str, Any]:
        """The facts in JSON's types, without the drawn texts."""
        fields = super().to_dict()
        del fields["_drawn"]
        return fields

    def __repr__(self) -> str:
        return (
            f"Explanation(invoice={self.invoice!r}, outcome={self.outcome!r}, money={self.money!r})"
        )

    def __hash__(self) -> int:
        return hash((self.invoice, self.begun, self.asked))


def made(drawn: dict[str, Any] | None) -> Explanation | None:
    """From the native side's texts."""
    if drawn is None:
        return None
    import datetime as dt

    facts = json.loads(drawn["json"])
    next_step = facts.pop("next") or {"step": None, "at": None}
    for name in ("begun", "asked"):
        facts[name] = dt.datetime.fromisoformat(facts[name])
    next_at = next_step["at"]
    return Explanation(
        **{**facts, "story": tuple(_moment(moment) for moment in facts["story"])},
        next_step=next_step["step"],
        next_at=None if next_at is None else dt.datetime.fromisoformat(next_at),
        _drawn={language: tuple(drawn[language]) for language in ("id", "en")},
    )


def _moment(facts: dict[str, Any]) -> Moment:
    import datetime as dt

    texts = facts.pop("text")
    return Moment(
        at=dt.datetime.fromisoformat(facts.pop("at")),
        since=facts.pop("since_ms") / 1000,
        what=facts.pop("what"),
        text=texts["id"],
        text_en=texts["en"],
        details=facts,
    )
