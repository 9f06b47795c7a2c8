"""Events: to `logging` and to the caller's function, masked, and without a deadlock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from pathlib import Path

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import CANCELS, IGNORES, PAYS, PAYS_AFTER_20, eventually, settled


def test_events_are_logged_with_their_payment(
    ovo: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ovo_ptp")
    with ovo.client(journal=tmp_path / "a.db") as shop:
        shop.pay("INV-1", amount=5, phone=PAYS)
    messages = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert (logging.INFO, "INV-1: paid") in messages
    exchanged = [record for record in caplog.records if "push to pay" in record.getMessage()]
    assert [record.ovo_reference for record in exchanged] == [1]  # type: ignore[attr-defined]


def test_nothing_is_logged_below_the_level_or_when_told_not_to(
    ovo: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ovo.client(journal=tmp_path / "a.db") as shop:
        shop.pay("INV-1", amount=5, phone=PAYS)
    caplog.set_level(logging.DEBUG, "ovo_ptp")
    with ovo.client(journal=tmp_path / "a.db", log=False) as shop:
        shop.pay("INV-2", amount=5, phone=PAYS)
    assert caplog.records == []


def test_b7_no_event_log_error_or_repr_holds_a_secret_or_a_person(
    ovo: Sandbox,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(0)
    events: list[ovo_ptp.Event] = []
    phones = ["081298765432", "081200009007", "081200001709"]
    ovo.customers(
        *({"phone": phone, "cash": 100_000, "name": "Ratna Sarumpaet"} for phone in phones[:1])
    )
    said: list[str] = []
    with ovo.client(journal=tmp_path / "a.db", on_event=events.append) as shop:
        for number, phone in enumerate(phones):
            outcome = shop.pay(f"INV-{number}", amount=5, phone=phone)
            said.append(repr(outcome))
        for call in (
            lambda: shop.pay("INV-0", amount=6, phone=phones[0]),
            lambda: shop.pay("INV-0", amount=5, phone=phones[1]),
            lambda: shop.check("INV-0", phone=phones[1]),
        ):
            with pytest.raises(ovo_ptp.OvoError) as caught:
                call()
            said.append(repr(caught.value))
        settled(shop, ovo)
        said += [
            repr(shop),
            repr(shop.payments()),
            repr(shop.metrics()),
            str(shop.doctor()),
        ]
    said += [repr(event) for event in events]
    said += [record.getMessage() + repr(record.__dict__) for record in caplog.records]
    said += list(capfd.readouterr())
    said += [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir() if path.is_file()]
    assert len(events) > 5
    from ovo_ptp import _native

    key = ovo.requests()  # the sandbox's own log is masked too
    said.append(repr(key))
    everything = "\n".join(said)
    for secret in (*phones, "Ratna", "Sarumpaet"):
        assert secret not in everything
        assert secret.removeprefix("0") not in everything
    assert _native.Sandbox.credentials().app_id


def test_a_log_handler_may_block_and_call_the_client(ovo: Sandbox, tmp_path: Path) -> None:
    """A handler with a lock of its own that a paying thread holds: the classic deadlock."""
    lock = threading.Lock()
    seen = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # What is told while the client closes comes to a client that refuses the question.
            with lock, contextlib.suppress(ovo_ptp.ClosedError):
                shop.payments()
                seen.set()

    handler, logger = Handler(), logging.getLogger("ovo_ptp")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        with ovo.client(journal=tmp_path / "a.db") as shop:
            with lock:
                assert shop.pay("INV-1", amount=5, phone=PAYS_AFTER_20).is_paid
                assert shop.pay("INV-2", amount=5, phone=CANCELS).name == "declined"
            assert seen.wait(5)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def test_a_log_handler_that_raises_ends_nothing(
    ovo: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is called on the thread through which event loops get their answers."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("the log is on a full disk")

    async def checkout() -> list[str]:
        with ovo.client(journal=tmp_path / "a.db") as shop:
            names = ("INV-1", "INV-2", "INV-3")
            return [(await shop.pay_async(name, amount=5, phone=PAYS)).name for name in names]

    handler, logger = Handler(), logging.getLogger("ovo_ptp")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        assert asyncio.run(asyncio.wait_for(checkout(), 30)) == ["paid"] * 3
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert "the log is on a full disk" in capsys.readouterr().err


def test_a_failing_function_ends_nothing(
    ovo: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: ovo_ptp.Event) -> None:
        raise RuntimeError("the pager is broken")

    with ovo.client(journal=tmp_path / "a.db", on_event=broken) as shop:
        assert shop.pay("INV-1", amount=5, phone=PAYS).is_paid
        assert shop.pay("INV-2", amount=5, phone=PAYS).is_paid
        eventually(lambda: "on_event failed" in caplog.text)


def test_f19_a_slow_function_delays_no_answer(ovo: Sandbox, tmp_path: Path) -> None:
    slept: list[str] = []

    def slow(event: ovo_ptp.Event) -> None:
        time.sleep(0.5)
        slept.append(event.kind)

    async def checkout() -> float:
        with ovo.client(journal=tmp_path / "a.db", on_event=slow) as shop:
            begun = time.monotonic()
            for number in range(10):
                assert await shop.inquire_async(PAYS) is ovo_ptp.Inquiry.REGISTERED
                assert (await shop.pay_async(f"INV-{number}", amount=5, phone=PAYS)).is_paid
            return time.monotonic() - begun

    # Ten payments are some forty events, 20 s of sleep.
    assert asyncio.run(checkout()) < 10
    assert slept


def test_f19_a_function_that_exits_ends_nothing(
    ovo: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []

    def leaves(event: ovo_ptp.Event) -> None:
        events.append(event.kind)
        raise SystemExit(1)

    async def checkout() -> None:
        with ovo.client(journal=tmp_path / "a.db", on_event=leaves) as shop:
            for number in range(3):
                assert (await shop.pay_async(f"INV-{number}", amount=5, phone=PAYS)).is_paid
            eventually(lambda: events.count("decided") == 3)

    asyncio.run(asyncio.wait_for(checkout(), 30))
    assert "on_event failed" in caplog.text


def test_an_alert_reaches_the_caller(ovo: Sandbox, tmp_path: Path) -> None:
    events: list[ovo_ptp.Event] = []
    with ovo.client(journal=tmp_path / "a.db", on_event=events.append) as shop:
        assert not shop.pay("INV-1", amount=5, phone="081200009600").is_paid
        settled(shop, ovo)
        alert = eventually(lambda: [event for event in events if event.kind == "alert"])[0]
        assert alert.level >= logging.WARNING
        assert alert.invoice == "INV-1"
        assert shop.metrics().critical_alerts >= 1


def test_a_handler_that_closes_the_client_does_not_hang(ovo: Sandbox, tmp_path: Path) -> None:
    closed = threading.Event()

    def close(event: ovo_ptp.Event) -> None:
        if event.kind == "decided":
            shop.close()
            closed.set()

    shop = ovo.client(journal=tmp_path / "a.db", on_event=close)
    shop.start("INV-1", amount=5, phone=IGNORES)
    assert closed.wait(20)
    assert shop.is_closed
