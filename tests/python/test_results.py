"""Outcomes, reports and errors as values: frozen, comparable, picklable, matchable, discreet."""

from __future__ import annotations

import copy
import datetime as dt
import inspect
import json
import pickle
import typing
from typing import Any, get_type_hints

import ovo_ptp
import pytest
from ovo_ptp import _native, errors, outcomes, reports
from ovo_ptp._record import Record
from ovo_ptp.sandbox import Sandbox

TEXTS: dict[str, Any] = {"customer_text": "a", "customer_text_en": "b"}
PAID = outcomes.Paid(
    invoice="INV-1",
    amount=5,
    approval_code="100201",
    batch=1,
    reference=2,
    trace_number="1",
    host_date="0131",
    host_time="120000",
    is_late=False,
    is_voided=False,
    **TEXTS,
)
WALLET = outcomes.Wallet(
    ovo_id="xxxxxx7890",
    full_name="Siti Rahayu",
    cash_used="5",
    cash_balance="995",
    points_used="0",
    points_balance="0",
    points_earned="0",
    payment_type="PUSH TO PAY",
)
ALL = [
    PAID,
    outcomes.Declined(
        invoice="INV-1",
        code="17",
        decline_class="declined",
        meaning="m",
        new_attempt_makes_sense=True,
        **TEXTS,
    ),
    outcomes.NotCompleted(invoice="INV-1", is_refund_settled=False, was_debited=False, **TEXTS),
    outcomes.NotSent(invoice="INV-1", reason="too slow", detail="connecting", **TEXTS),
    outcomes.NeedsOperator(invoice="INV-1", batch=1, reference=2, reason="r", **TEXTS),
    outcomes.Interrupted(invoice="INV-1", **TEXTS),
]


def records() -> list[type[Record]]:
    found = []
    for module in (outcomes, reports):
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, Record) and cls not in (Record, outcomes.Outcome):
                found.append(cls)
    return found


@pytest.mark.parametrize("cls", records(), ids=lambda cls: cls.__name__)
def test_every_field_has_a_slot_and_a_type(cls: type[Record]) -> None:
    from datetime import datetime

    names: dict[str, Any] = {"datetime": datetime, "AnyOutcome": outcomes.AnyOutcome}
    names |= {name: getattr(typing, name) for name in ("Any", "ClassVar", "Literal")}
    hints = get_type_hints(cls, localns=names)
    about_the_class = {"name", "is_paid"}
    fields = [name for name in hints if not name.startswith("_") and name not in about_the_class]
    if issubclass(cls, outcomes.Outcome):  # hints come with the class's own first
        own = [name for name in fields if name not in outcomes.Outcome.__slots__]
        fields = [*outcomes.Outcome.__slots__, *own]
    if cls is outcomes.Paid:
        # Typed for checkers only.
        fields += ["void_doubt", "cash_used", "points_used", "points_earned", "wallet"]
    if cls is outcomes.NotSent:
        fields += ["reason", "detail"]
    if cls is outcomes.NotCompleted:
        fields += ["is_cancelled", "reason"]
    if issubclass(cls, outcomes.Outcome):
        fields.append("was_known")
    assert tuple(fields) == cls.__match_args__
    assert not hasattr(cls.__new__(cls), "__dict__")


@pytest.mark.parametrize("outcome", ALL, ids=lambda outcome: outcome.name)
def test_outcomes_are_values(outcome: ovo_ptp.Outcome) -> None:
    same = pickle.loads(pickle.dumps(outcome))
    assert same == outcome
    assert hash(same) == hash(outcome)
    assert type(same) is type(outcome)
    assert copy.copy(outcome) is outcome
    assert copy.deepcopy(outcome) is outcome
    assert outcome.is_paid is isinstance(outcome, ovo_ptp.Paid)
    assert outcomes.BY_NAME[outcome.name] is type(outcome)
    assert repr(outcome).startswith(f"{type(outcome).__name__}(invoice='INV-1'")
    for other in ALL:
        assert (outcome == other) is (outcome is other)
    with pytest.raises(AttributeError, match="cannot be changed"):
        outcome.invoice = "INV-2"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del outcome.invoice
    with pytest.raises(AttributeError):
        outcome.anything = 1


def test_a_record_wants_all_its_fields_and_no_others() -> None:
    with pytest.raises(TypeError, match="needs customer_text"):
        outcomes.NotSent(invoice="INV-1")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes 4 values"):
        outcomes.Interrupted("INV-1", "a", "b", True, "c")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="got invoice twice"):
        outcomes.NotSent("INV-1", invoice="INV-1", **TEXTS)  # type: ignore[misc]
    assert outcomes.NotSent("INV-1", "a", "b") == outcomes.NotSent(invoice="INV-1", **TEXTS)
    with pytest.raises(TypeError, match="has no colour"):
        outcomes.NotSent(invoice="INV-1", colour="red", **TEXTS)  # type: ignore[call-arg]


def test_outcomes_match_by_name_and_by_place() -> None:
    match PAID:
        case ovo_ptp.Paid("INV-1", amount=amount, approval_code=code):
            assert (amount, code) == (5, "100201")
        case _:
            raise AssertionError


@pytest.mark.parametrize("outcome", ALL, ids=lambda outcome: outcome.name)
def test_j26_who_began_a_payment_makes_no_difference_between_outcomes(
    outcome: ovo_ptp.AnyOutcome,
) -> None:
    fields = {name: getattr(outcome, name) for name in outcome.__match_args__}
    known = type(outcome)(**{**fields, "was_known": True})
    assert (outcome.was_known, known.was_known) == (False, True)
    assert known == outcome
    assert hash(known) == hash(outcome)
    assert "was_known=True" in repr(known)
    assert pickle.loads(pickle.dumps(known)).was_known
    assert json.loads(json.dumps(known.to_dict()))["was_known"]


def test_b7_the_wallet_is_never_printed_pickled_or_compared() -> None:
    fields = {name: getattr(PAID, name) for name in PAID.__match_args__}
    rich = outcomes.Paid(**{**fields, "wallet": WALLET})
    assert rich == PAID
    assert "Siti" not in repr(rich)
    assert repr(WALLET) == "Wallet(...)"
    assert b"Siti" not in pickle.dumps(rich)
    assert pickle.loads(pickle.dumps(rich)).wallet is None
    with pytest.raises(TypeError, match="personal data"):
        pickle.dumps(WALLET)


def test_b7_credentials_never_show_their_key() -> None:
    credentials = Sandbox(https=False)
    try:
        secret = credentials.credentials
    finally:
        credentials.close()
    assert "app_key=..." in repr(secret)
    assert not [name for name in dir(secret) if "key" in name.lower()]
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


def test_metrics_are_not_hashable_and_reports_are() -> None:
    assert reports.Metrics.__hash__ is None
    terminal = reports.Terminal(tid="1", mid="2", store_code="3")
    counts: dict[reports.Terminal, int] = {terminal: 1}
    assert counts[reports.Terminal(tid="1", mid="2", store_code="3")] == 1


@pytest.mark.parametrize("outcome", ALL, ids=lambda outcome: outcome.name)
def test_outcomes_become_json(outcome: ovo_ptp.Outcome) -> None:
    fields = json.loads(json.dumps(outcome.to_dict()))
    assert fields.pop("outcome") == outcome.name
    fields = {name: value for name, value in fields.items() if name not in outcome._private}
    assert type(outcome)(**fields) == outcome


def test_reports_become_json_without_personal_data() -> None:
    paid = outcomes.Paid(
        **{name: getattr(PAID, name) for name in PAID.__match_args__ if name != "wallet"},
        wallet=WALLET,
    )
    assert "wallet" not in paid.to_dict()
    assert WALLET.to_dict()["full_name"] == "Siti Rahayu"
    wib = dt.timezone(dt.timedelta(hours=7))
    report = reports.PaymentReport(
        id=1,
        invoice="INV-1",
        amount=5,
        batch=1,
        reference=2,
        terminal=reports.Terminal(tid="1", mid="2", store_code="3"),
        begun=dt.datetime(2026, 1, 31, 12, 0, 0, 250_000, wib),
        outcome=paid,
        acknowledged=False,
        settled=True,
        needs_operator=False,
        settlement="settled",
    )
    fields = json.loads(json.dumps(report.to_dict()))
    assert fields["begun"] == "2026-01-31T12:00:00.250+07:00"
    assert fields["terminal"] == {"tid": "1", "mid": "2", "store_code": "3"}
    assert fields["outcome"]["outcome"] == "paid"
    assert "Siti" not in json.dumps(fields)
    status = reports.Status(at_ovo="paid", payment=report, ask_again=None)
    said = {"at_ovo": "paid", "payment": report.to_dict(), "ask_again": None}
    assert status.to_dict() == said


def test_every_kind_of_error_has_its_class() -> None:
    assert set(errors.BY_CODE) == set(_native.error_kinds())
    for code, cls in errors.BY_CODE.items():
        assert issubclass(cls, ovo_ptp.OvoError)
        assert cls.code == code
        error = cls("field: rule")
        assert error.message == "field: rule"
        same = pickle.loads(pickle.dumps(error))
        assert type(same) is cls
        assert same.args == error.args
        assert (error.field, error.invoice, error.retry_after, error.journal_kind) == (None,) * 4
        rich = cls("field: rule", field="amount", invoice="INV-1", retry_after=2.5)
        assert vars(pickle.loads(pickle.dumps(rich))) == vars(rich)
    named = {getattr(errors, name) for name in errors.__all__ if name != "BY_CODE"}
    assert named - set(errors.BY_CODE.values()) == {
        errors.OvoError,
        errors.InvalidTypeError,
    }
    assert issubclass(errors.InvalidInputError, ValueError)
    assert issubclass(errors.InvalidTypeError, TypeError)
    assert issubclass(errors.NotFoundError, LookupError)


def test_everything_public_is_exported() -> None:
    assert set(typing.get_args(outcomes.AnyOutcome)) == set(outcomes.BY_NAME.values())
    assert sorted(ovo_ptp.__all__, key=str.lower) == sorted(set(ovo_ptp.__all__), key=str.lower)
    for name in ovo_ptp.__all__:
        assert getattr(ovo_ptp, name).__doc__ or name == "__version__", name
    for module in (errors, outcomes, reports):
        for name in module.__all__:
            assert name == "BY_CODE" or name in ovo_ptp.__all__, name
