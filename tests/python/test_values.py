"""What goes in: one rule for each value, and no error that repeats one."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import os
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ovo_ptp.sandbox import Sandbox

from conftest import PAYS

relaxed = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Price(enum.IntEnum):
    COFFEE = 25_000


@pytest.mark.parametrize(
    "amount",
    [
        12_500.0,
        1.5,
        float("nan"),
        True,
        False,
        "12500",
        None,
        decimal.Decimal(5),
        b"5",
        1j,
        [5],
    ],
    ids=repr,
)
def test_b3_an_amount_that_is_no_int_is_refused(shop: ovo_ptp.Client, amount: Any) -> None:
    with pytest.raises(ovo_ptp.InvalidTypeError) as caught:
        shop.pay("INV-1", amount=amount, phone=PAYS)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)
    message = str(caught.value)
    assert message.startswith("amount: must be whole rupiah as int")
    assert type(amount).__name__ in message
    assert shop.payments() == []


@pytest.mark.parametrize("amount", [0, -1, 2**63, -(2**63), 10**30], ids=str)
def test_b3_an_amount_out_of_range_is_refused(shop: ovo_ptp.Client, amount: int) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError, match=r"^amount: must be"):
        shop.pay("INV-1", amount=amount, phone=PAYS)
    assert shop.payments() == []


def test_an_int_of_any_kind_is_an_amount(shop: ovo_ptp.Client) -> None:
    outcome = shop.pay("INV-1", amount=Price.COFFEE, phone=PAYS)
    assert isinstance(outcome, ovo_ptp.Paid)
    assert outcome.amount == 25_000


@relaxed
@given(st.integers())
def test_b3_every_int_is_an_amount_or_refused(amount: int) -> None:
    if 0 < amount < 2**63:
        assert ovo_ptp.format_rupiah(amount) == f"Rp{amount:,}".replace(",", ".")
    else:
        with pytest.raises(ovo_ptp.InvalidInputError, match=r"^amount: "):
            ovo_ptp.format_rupiah(amount)


@relaxed
@given(st.text())
def test_b1_every_text_is_an_invoice_or_refused(text: str) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./")
    if 1 <= len(text) <= 50 and set(text) <= allowed:
        assert ovo_ptp.validate_invoice(text) == text
    else:
        with pytest.raises(ovo_ptp.InvalidInputError, match=r"^invoice: ") as caught:
            ovo_ptp.validate_invoice(text)
        assert len(text) < 8 or text not in str(caught.value)


@relaxed
@given(st.one_of(st.text(), st.from_regex(r"(\+?62|0)?[ -]?8[0-9 .()-]{6,16}", fullmatch=True)))
def test_b2_every_text_is_a_phone_or_refused_without_repeating_it(typed: str) -> None:
    try:
        digits = ovo_ptp.normalise_phone(typed)
    except ovo_ptp.InvalidInputError as error:
        assert str(error).startswith("phone: ")
        only = "".join(filter(str.isdigit, typed))
        assert len(only) < 5 or only not in str(error)
        return
    assert digits.startswith("08")
    assert digits.isdecimal()
    assert digits.isascii()
    assert 10 <= len(digits) <= 13
    assert ovo_ptp.normalise_phone(digits) == digits
    assert digits not in ovo_ptp.mask_phone(typed)


@pytest.mark.parametrize("phone", [81234567890, None, b"081234567890", 8.1e10, ["0812"]])
def test_b2_a_phone_that_is_no_text_is_refused_without_repeating_it(
    shop: ovo_ptp.Client, phone: Any
) -> None:
    with pytest.raises(ovo_ptp.InvalidTypeError, match="^phone: must be text") as caught:
        shop.pay("INV-1", amount=5, phone=phone)
    assert "812" not in str(caught.value)


def test_b2_half_a_surrogate_pair_is_no_text(shop: ovo_ptp.Client) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError, match="^phone: ") as caught:
        shop.pay("INV-1", amount=5, phone="08123456789\ud800")
    assert caught.value.__cause__ is None
    assert "0812" not in repr(caught.value)


def test_options_are_by_keyword_only(shop: ovo_ptp.Client) -> None:
    with pytest.raises(TypeError):
        shop.pay("INV-1", 5, PAYS)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        ovo_ptp.Client("staging", None, "a.db")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("shared", 1, "must be True or False"),
        ("first_batch", 0, "must be 1 to 999999"),
        ("first_batch", 1_000_000, "must be 1 to 999999"),
        ("first_batch", True, "must be an int"),
        ("settle_rate", 0, "must be 1 to"),
        ("settle_rate", 1.5, "must be an int"),
        ("late_success", "maybe", 'must be "accept" or "reverse"'),
        ("batch_method", "weekly", 'must be "continuous" or "daily"'),
        ("signing", True, "must be text"),
        ("signing", "", 'must be "without_body" or "with_body"'),
        ("time_scale", 0, "must be above 0"),
        ("time_scale", float("nan"), "must be a number"),
        ("time_scale", 2, "must be above 0 and at most 1"),
        ("timers", {"windows": 5}, "there is none called"),
        ("timers", {"retry": -1}, "must be a length of time"),
        ("timers", [5], "must be a mapping"),
        ("journal", 5, "must be a path"),
        ("ca_file", object(), "must be a path"),
        ("on_event", 5, "must be callable"),
    ],
)
def test_an_option_is_refused_by_its_name(
    ovo: Sandbox, tmp_path: Path, option: str, value: Any, rule: str
) -> None:
    options = {"journal": tmp_path / "a.db", option: value}
    with pytest.raises(ovo_ptp.OvoError, match=f"^{option}: .*{rule}"):
        ovo.client(**options)
    assert not (tmp_path / "a.db").exists()


def test_short_times_are_for_this_machine_only(ovo: Sandbox, tmp_path: Path) -> None:
    for environment in ("staging", "production", "https://example.invalid"):
        with pytest.raises(ovo_ptp.ConfigurationError, match="shorter than OVO's rules allow"):
            ovo_ptp.Client(environment, ovo.credentials, journal=tmp_path / "a.db", time_scale=0.5)
    with pytest.raises(ovo_ptp.ConfigurationError, match="^environment: "):
        ovo_ptp.Client("sandbox", ovo.credentials, journal=tmp_path / "a.db")
    with pytest.raises(ovo_ptp.OvoError):
        ovo_ptp.Client("http://example.com", ovo.credentials, journal=tmp_path / "a.db")


def test_timers_take_seconds_and_timedeltas(ovo: Sandbox, tmp_path: Path) -> None:
    timers = {"delay_bound": 3, "retry": dt.timedelta(seconds=1)}
    with ovo.client(journal=tmp_path / "a.db", timers=timers) as shop:
        assert shop.pay("INV-1", amount=5, phone=PAYS).is_paid


CREDENTIALS: dict[str, Any] = {
    "merchant_id": "100001",
    "store_code": "STORE01",
    "tid": "00000001",
    "mid": "000000000000001",
    "app_id": "yourapp",
    "app_key": "5a" * 32,
}


def test_credentials_come_from_arguments_environment_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_arguments = ovo_ptp.Credentials(**CREDENTIALS)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(f"OVO_{name.upper()}", value)
    by_environment = ovo_ptp.Credentials.from_environment()
    file = tmp_path / "ovo.toml"
    file.write_text("".join(f'{name} = "{value}"\n' for name, value in CREDENTIALS.items()))
    file.chmod(0o600)
    by_file = ovo_ptp.Credentials.from_file(file)
    assert repr(by_arguments) == repr(by_environment) == repr(by_file)
    for name in ("merchant_id", "store_code", "tid", "mid", "app_id"):
        assert getattr(by_file, name) == CREDENTIALS[name]
    # Without an argument: from the environment.
    ovo_ptp.Client("staging", journal=tmp_path / "a.db", background=False).close()
    monkeypatch.delenv("OVO_APP_KEY")
    with pytest.raises(ovo_ptp.ConfigurationError, match="OVO_APP_KEY"):
        ovo_ptp.Client("staging", journal=tmp_path / "a.db")
    file.chmod(0o644)
    with pytest.raises(ovo_ptp.ConfigurationError, match="chmod 600"):
        ovo_ptp.Credentials.from_file(file)


@pytest.mark.parametrize("name", CREDENTIALS)
@pytest.mark.parametrize("value", ["", "a\r\nb", "a\0b", "x" * 200, 5, None])
def test_b1_credentials_that_break_a_rule_are_refused_without_repeating_them(
    name: str, value: Any
) -> None:
    with pytest.raises((ovo_ptp.InvalidInputError, TypeError)) as caught:
        ovo_ptp.Credentials(**{**CREDENTIALS, name: value})
    assert "x" * 200 not in str(caught.value)
    assert "5a5a" not in str(caught.value)


@pytest.mark.parametrize("key", ["5a" * 32 + "\n", "5a" * 31, "zz" * 32, " " + "5a" * 32])
def test_b10_a_key_that_was_cut_or_pasted_with_a_newline_is_refused(key: str) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError, match="^app key: ") as caught:
        ovo_ptp.Credentials(**{**CREDENTIALS, "app_key": key})
    assert "5a5a" not in str(caught.value)


def test_credentials_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ovo_ptp.InvalidTypeError, match="^credentials: "):
        ovo_ptp.Client("staging", CREDENTIALS, journal=tmp_path / "a.db")  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []


def test_another_terminal_can_be_charged(tmp_path: Path) -> None:
    other = ovo_ptp.Terminal(tid="00000002", mid="000000000000002", store_code="DEMO02")
    with Sandbox(time_scale=0.02) as ovo, ovo.client(journal=tmp_path / "a.db") as shop:
        outcome = shop.pay("INV-1", amount=5, phone=PAYS, terminal=other)
        assert outcome.name in (
            "paid",
            "declined",
        )  # whether OVO knows it is OVO's to say
        report = shop.payment("INV-1")
        assert report is not None
        assert report.terminal == other
        with pytest.raises(ovo_ptp.InvalidTypeError, match="^terminal: "):
            shop.pay("INV-2", amount=5, phone=PAYS, terminal="1")  # type: ignore[arg-type]
