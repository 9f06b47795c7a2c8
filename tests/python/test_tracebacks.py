"""A traceback with locals is what error trackers store: our own frames show no phone in it."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ovo_ptp
import ovo_ptp.journal
import pytest
from ovo_ptp._hidden import Charge, Hidden
from ovo_ptp.cli import options
from ovo_ptp.cli import shop as shop_of
from ovo_ptp.sandbox import Sandbox

PHONE = Hidden("081355577799")
OTHER = Hidden("081355577798")
#: What is refused on the way in; each has the customer's digits in it.
WRONG = {
    "too long": Hidden("0813555777990000000"),
    "letters": Hidden("+6281355577799xyz"),
    "a number": Hidden(6281355577799),
    "half a character": Hidden("081355577799\ud800"),
    "bytes": Hidden(b"081355577799"),
}
DIGITS = "55577"


def shown(error: BaseException) -> str:
    """Everything that is told of an error and of those behind it, locals included."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def calls(client: ovo_ptp.Client, phone: Hidden, amount: int) -> dict[str, Callable[[], Any]]:
    """Every public call that takes a phone. The lambdas' own frames hold it hidden."""
    charge: dict[str, Any] = {"amount": amount}
    return {
        "pay": lambda: client.pay("INV-1", **charge, phone=phone.value),
        "pay_progress": lambda: client.pay(
            "INV-1", **charge, phone=phone.value, progress=lambda _: None
        ),
        "pay_async": lambda: asyncio.run(client.pay_async("INV-1", **charge, phone=phone.value)),
        "start": lambda: client.start("INV-1", **charge, phone=phone.value),
        "start_async": lambda: asyncio.run(
            client.start_async("INV-1", **charge, phone=phone.value)
        ),
        "inquire": lambda: client.inquire(phone.value),
        "inquire_async": lambda: asyncio.run(client.inquire_async(phone.value)),
        "check": lambda: client.check("INV-1", phone=phone.value),
        "check_async": lambda: asyncio.run(client.check_async("INV-1", phone=phone.value)),
    }


def fails_discreetly(call: Callable[[], Any], error: type[BaseException]) -> None:
    with pytest.raises(error) as caught:
        call()
    text = shown(caught.value)
    assert "/ovo_ptp/" in text, "a frame of ours"
    assert DIGITS not in text


@pytest.mark.parametrize("wrong", WRONG)
def test_j31_a_refused_phone_is_in_no_frame_of_ours(shop: ovo_ptp.Client, wrong: str) -> None:
    for call in calls(shop, WRONG[wrong], 5).values():
        fails_discreetly(call, ovo_ptp.InvalidInputError)
    for function in (ovo_ptp.normalise_phone, ovo_ptp.mask_phone, ovo_ptp.Phone):
        fails_discreetly(lambda it=function: it(WRONG[wrong].value), ovo_ptp.InvalidInputError)  # type: ignore[misc]


def test_j31_a_refused_payment_shows_no_phone(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    assert shop.pay("INV-1", amount=5, phone=PHONE.value).is_paid
    for phone, amount in ((PHONE, 6), (OTHER, 5), (PHONE, 0)):
        every = calls(shop, phone, amount)
        for name in ("pay", "pay_progress", "pay_async", "start", "start_async"):
            fails_discreetly(every[name], ovo_ptp.OvoError)
    ovo.script({"on": "any", "times": 0, "deliver": "reset"})
    for name in ("inquire", "inquire_async"):
        fails_discreetly(calls(shop, PHONE, 5)[name], ovo_ptp.NoAnswerError)
    shop.close()
    for call in calls(shop, PHONE, 5).values():
        fails_discreetly(call, ovo_ptp.ClosedError)


def test_j31_every_call_that_takes_a_phone_is_tried(shop: ovo_ptp.Client) -> None:
    takers = {
        name
        for name, method in inspect.getmembers(ovo_ptp.Client, inspect.isfunction)
        if "phone" in inspect.signature(method).parameters
    }
    assert takers == {name for name in calls(shop, PHONE, 5) if name != "pay_progress"}


def test_j31_what_carries_a_phone_prints_masked() -> None:
    phone = ovo_ptp.Phone("+62 813-555-777-99")
    assert (repr(phone), str(phone)) == ("Phone('0813****7799')", "0813****7799")
    assert phone.digits == PHONE.value
    assert phone == ovo_ptp.Phone(PHONE.value) == ovo_ptp.Phone(phone)
    assert len({phone, ovo_ptp.Phone(PHONE.value), ovo_ptp.Phone(OTHER.value)}) == 2
    with pytest.raises(TypeError, match="personal data"):
        phone.__reduce__()
    charge = Charge("INV-1", 5, Hidden(phone), None, False)
    assert DIGITS not in repr(charge) + repr(charge.phone) + repr(Hidden(PHONE.value))
    assert "INV-1" in repr(charge)


def test_a_phone_object_is_taken_where_a_text_is(shop: ovo_ptp.Client) -> None:
    phone = ovo_ptp.Phone(PHONE.value)
    assert shop.pay("INV-1", amount=5, phone=phone).is_paid
    assert shop.pay("INV-1", amount=5, phone=PHONE.value).is_paid
    assert shop.inquire(phone) is ovo_ptp.Inquiry.REGISTERED
    assert ovo_ptp.mask_phone(phone.digits) == str(phone)


WAY_OUT = Hidden("http://till:s3cret-word@127.0.0.1:3128")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ca_file": "/nonexistent.pem"},
        {"journal": "/nonexistent/shop.db"},
        {"client_certificate": "/nonexistent.pem"},
        {"settle_rate": "x"},
        {"proxy": Hidden("htttp://till:s3cret-word@127.0.0.1")},
        {"proxy": Hidden(b"http://till:s3cret-word@127.0.0.1")},
    ],
)
def test_b7_a_client_that_cannot_be_opened_shows_no_password_of_its_proxy(
    ovo: Sandbox, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"journal": tmp_path / "shop.db", "proxy": WAY_OUT, **wrong}

    def opens() -> None:
        hidden = given.pop("proxy")
        ovo_ptp.Client(ovo.base_url, ovo.credentials, proxy=hidden.value, **given)

    with pytest.raises(ovo_ptp.OvoError) as caught:
        opens()
    text = shown(caught.value)
    assert "/ovo_ptp/" in text, "a frame of ours"
    assert "s3cret-word" not in text
    assert "<exception" not in text, "each object can say what it is"


#: Where a password does not belong, and may be written all the same.
ADDRESSES = (
    Hidden("https://till:s3cret-word@127.0.0.1/pos"),
    Hidden("http://till:s3cret-word@127.0.0.1:1"),
    Hidden("htp://till:s3cret-word@127.0.0.1"),
    Hidden(b"https://till:s3cret-word@127.0.0.1"),
)
JOURNALS = (
    Hidden("postgresql://till:s3cret-word@127.0.0.1:1/shop"),
    Hidden("postgresql://till:s3cret-word@127.0.0.1:1/shop?none=of-these"),
    Hidden("postgres//till:s3cret-word@127.0.0.1/shop"),
)


@pytest.mark.parametrize("number", range(len(ADDRESSES)))
def test_b7_an_address_of_ovo_with_a_password_is_in_no_frame_of_ours(
    ovo: Sandbox, tmp_path: Path, number: int
) -> None:
    def opens() -> None:
        ovo_ptp.Client(ADDRESSES[number].value, ovo.credentials, journal=tmp_path / "shop.db")

    with pytest.raises(ovo_ptp.OvoError) as caught:
        opens()
    text = shown(caught.value)
    assert "/ovo_ptp/" in text, "a frame of ours"
    assert "s3cret-word" not in text
    assert "<exception" not in text, "each object can say what it is"


@pytest.mark.parametrize("number", range(len(JOURNALS)))
def test_b7_a_databases_password_is_in_no_frame_of_ours(
    ovo: Sandbox, tmp_path: Path, number: int
) -> None:
    hidden = JOURNALS[number]
    for opens in (
        lambda: ovo_ptp.Client(ovo.base_url, ovo.credentials, journal=hidden.value),
        lambda: ovo_ptp.JournalReader(hidden.value),
        lambda: ovo_ptp.journal.move(tmp_path / "none.db", hidden.value),
        lambda: ovo_ptp.journal.migrate(hidden.value, app_role="till"),
    ):
        with pytest.raises(ovo_ptp.OvoError) as caught:
            opens()
        text = shown(caught.value)
        assert "/ovo_ptp/" in text, "a frame of ours"
        assert "s3cret-word" not in text


def discreet(text: str) -> None:
    """An assertion leaves what it compared in its own frame, so this one has one of its own."""
    assert "s3cret-word" not in text


def test_b7_no_frame_of_the_program_shows_the_password_of_its_proxy(tmp_path: Path) -> None:
    file = tmp_path / "proxy"
    file.write_text(WAY_OUT.value)
    file.chmod(0o600)
    for how in (["--proxy", WAY_OUT.value], ["--proxy-file", str(file)]):
        line = ["pay", "I", "1000", "081355577799", "--sandbox-credentials", "-e", "http://x"]
        given = options.parser().parse_args([*line, *how])
        del how, line
        discreet(repr(given))
        hidden = shop_of.proxy(given)
        assert hidden is not None
        same = hidden.value == WAY_OUT.value  # an assertion would keep both beside this frame
        assert same
        with pytest.raises(ovo_ptp.OvoError) as caught:
            shop_of.client(given, tmp_path / "shop.db")
        discreet(shown(caught.value))
