"""The case files of `tests/vectors`, which Rust and C run as well.

`test_exchanges.py` runs `requests.json` and `responses.json`. Not run here: `numbers.json`, which is about
counters that no Python caller ever holds; the core's own run covers it.
"""

from __future__ import annotations

import json
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp import _native

from conftest import ROOT


def cases(file: str, section: str, floor: int) -> list[Any]:
    vectors = json.loads((ROOT / "tests" / "vectors" / f"{file}.json").read_text(encoding="utf-8"))
    found = vectors[section]
    assert len(found) >= floor, f"{file}: {section} was cut"
    return [pytest.param(case, id=str(case.get("name", case.get("code")))) for case in found]


@pytest.mark.parametrize("case", cases("phones", "accepted", 15))
def test_phones_are_accepted(case: dict[str, Any]) -> None:
    assert ovo_ptp.normalise_phone(case["typed"]) == case["normalised"]
    assert ovo_ptp.mask_phone(case["typed"]) == case["masked"]


@pytest.mark.parametrize("case", cases("phones", "refused", 20))
def test_b2_phones_are_refused_by_rule(case: dict[str, Any]) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError) as caught:
        ovo_ptp.normalise_phone(case["typed"])
    assert str(caught.value).startswith("phone: ")
    assert case["rule"] in str(caught.value)


@pytest.mark.parametrize("case", cases("invoices", "accepted", 10))
def test_invoices_are_accepted(case: dict[str, Any]) -> None:
    assert ovo_ptp.validate_invoice(case["text"]) == case["text"]


@pytest.mark.parametrize("case", cases("invoices", "refused", 10))
def test_b1_invoices_are_refused_by_rule(case: dict[str, Any]) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError) as caught:
        ovo_ptp.validate_invoice(case["text"])
    assert str(caught.value).startswith("invoice: ")
    assert case["rule"] in str(caught.value)


@pytest.mark.parametrize("case", cases("amounts", "accepted", 5))
def test_amounts_are_accepted(case: dict[str, Any]) -> None:
    assert ovo_ptp.format_rupiah(int(case["rupiah"])) == case["printed"]


@pytest.mark.parametrize("case", cases("amounts", "refused", 4))
def test_b3_amounts_are_refused(case: dict[str, Any]) -> None:
    text = case["rupiah"]
    try:
        amount: Any = int(text)
    except ValueError:
        amount = text
    with pytest.raises(ovo_ptp.InvalidInputError, match=r"^amount: "):
        ovo_ptp.format_rupiah(amount)


@pytest.mark.parametrize("case", cases("amounts", "not_integers", 4))
def test_b3_what_is_no_integer_is_refused(case: dict[str, Any]) -> None:
    [value] = [case[key] for key in case if key not in ("name", "covers")]
    with pytest.raises(ovo_ptp.InvalidTypeError, match=r"^amount: "):
        ovo_ptp.format_rupiah(value)


@pytest.mark.parametrize("case", cases("signatures", "cases", 12))
def test_signatures(case: dict[str, Any]) -> None:
    hmac = _native.sign(
        case["app_id"],
        case["app_key"],
        case["random"],
        case["body"].encode(),
        case["mode"] == "with body",
    )
    assert hmac == case["hmac"]


@pytest.mark.parametrize("case", cases("dates", "cases", 10))
def test_dates(case: dict[str, Any]) -> None:
    found = _native.wib_text(case["unix_millis"])
    assert found == (case["wib"], case["wib_day"], case["millis_of_day"])


def test_response_codes() -> None:
    vectors = json.loads((ROOT / "tests/vectors/response_codes.json").read_text(encoding="utf-8"))
    texts = {name: (both["id"], both["en"]) for name, both in vectors["texts"].items()}
    assert {name: (first, second) for name, first, second in _native.customer_texts()} == texts
    rows = {row.code: row for row in ovo_ptp.response_codes()}
    [table] = [vectors[key] for key in ("codes", "table", "cases") if key in vectors]
    assert {case["code"] for case in table} == set(rows)
    for case in table:
        row = rows[case["code"]]
        assert row.decline_class == case["class"]
        assert row.new_attempt_makes_sense == case["new_attempt"]
        assert row.shown == case["shown"]
        assert (row.customer_text, row.customer_text_en) == texts[case["text"]]
