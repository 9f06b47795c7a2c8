"""Cancelling: before, during and behind the answer; from threads, tasks, processes and the till."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import (
    IGNORES,
    PATIENT,
    PAYS,
    PAYS_AFTER_20,
    PAYS_AFTER_50,
    SCALE,
    ended,
    eventually,
    script,
    settled,
)
from test_cli import PROGRAM


def cancelled(outcome: ovo_ptp.AnyOutcome | None) -> bool:
    return isinstance(outcome, ovo_ptp.NotCompleted) and outcome.is_cancelled


def test_c17_a_payment_is_given_up_while_the_customer_decides(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    with shop.start("INV-1", amount=5, phone=IGNORES) as payment:
        eventually(ovo.ledger)
        outcome = payment.cancel()
        assert isinstance(outcome, ovo_ptp.NotCompleted)
        assert outcome.is_cancelled
        assert "Do not confirm in OVO" in outcome.customer_text_en
        assert cancelled(payment.poll())
        assert cancelled(payment.outcome())
    assert cancelled(shop.cancel("INV-1"))
    assert cancelled(shop.pay("INV-1", amount=5, phone=IGNORES))
    with pytest.raises(ovo_ptp.UnsettledCustomerError) as caught:
        shop.pay("INV-2", amount=5, phone=IGNORES)
    assert caught.value.invoice == "INV-1"
    settled(shop, ovo)
    assert ovo.net("INV-1") == 0


@pytest.mark.parametrize("how", ["pay", "pay with progress", "start"])
def test_c17_from_another_thread_whoever_waits_hears_it(
    shop: ovo_ptp.Client, ovo: Sandbox, how: str
) -> None:
    def wait() -> ovo_ptp.AnyOutcome:
        if how == "start":
            return shop.start("INV-1", amount=5, phone=PAYS_AFTER_50).outcome()
        progress = None if how == "pay" else lambda _: None
        return shop.pay("INV-1", amount=5, phone=PAYS_AFTER_50, progress=progress)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        eventually(ovo.ledger)
        assert cancelled(shop.cancel("INV-1"))
        assert cancelled(waiting.result(20))
    settled(shop, ovo)
    assert ovo.net("INV-1") == 0


def test_c17_a_late_00_behind_a_cancel_is_returned(ovo: Sandbox, tmp_path: Path) -> None:
    events: list[ovo_ptp.Event] = []
    with ovo.client(
        journal=tmp_path / "a.db", settle_rate=50, timers=PATIENT, on_event=events.append
    ) as shop:
        payment = shop.start("INV-1", amount=5, phone=PAYS_AFTER_20)
        eventually(ovo.ledger)
        assert cancelled(payment.cancel())
        eventually(lambda: ovo.ledger()[0]["debits"] == 1)
        settled(shop, ovo)
        assert ovo.net("INV-1") == 0
        report = shop.payment("INV-1")
        assert report is not None
        assert isinstance(report.outcome, ovo_ptp.NotCompleted)
        assert report.outcome.is_cancelled
        assert report.outcome.was_debited
        assert report.outcome.is_refund_settled
        eventually(lambda: [event for event in events if event.kind == "alert"])


def test_c17_behind_the_answer_a_cancel_tells_what_was_first(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    paid = shop.start("INV-1", amount=5, phone=PAYS)
    assert paid.outcome().is_paid
    assert paid.cancel().is_paid
    assert shop.cancel("INV-1").is_paid
    assert ovo.net("INV-1") == 5
    with pytest.raises(ovo_ptp.NotFoundError):
        shop.cancel("INV-9")
    paid.release()
    with pytest.raises(ovo_ptp.ClosedError):
        paid.cancel()
    settled(shop, ovo)


def test_c17_before_the_first_byte_nothing_was_sent(ovo: Sandbox, tmp_path: Path) -> None:
    ovo.connection_faults({"fault": "stall", "times": 1})
    timers = {**PATIENT, "send_check": 20, "send_budget": 20}
    with ovo.client(journal=tmp_path / "a.db", timers=timers) as shop:
        with shop.start("INV-1", amount=5, phone=PAYS) as payment:
            eventually(lambda: ovo.connections()["accepted"])
            outcome = payment.cancel()
            assert isinstance(outcome, ovo_ptp.NotSent)
            assert outcome.reason == "cancelled"
        ovo.cut()
        assert ovo.ledger() == []
        assert shop.pay("INV-2", amount=5, phone=PAYS).is_paid
        settled(shop, ovo)


def test_c17_cancel_and_answer_race_to_one_outcome(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    """At every moment around the answer there is one outcome, for all, and the money follows it."""
    for number in range(12):
        invoice = f"INV-{number}"
        told: list[ovo_ptp.AnyOutcome] = []
        # Pays that many seconds behind the prompt.
        payment = shop.start(invoice, amount=5, phone=f"0812000001{number:02}")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(payment.outcome)
            time.sleep(number * SCALE)
            told.append(shop.cancel(invoice))
            told.append(waiting.result(20))
        assert {outcome.name for outcome in told} in ({"paid"}, {"not completed"}, {"not sent"})
    settled(shop, ovo)


def test_c17_from_asyncio(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    async def main() -> None:
        paying = asyncio.ensure_future(shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_50))
        while not ovo.ledger():
            await asyncio.sleep(0.01)
        assert cancelled(await shop.cancel_async("INV-1"))
        assert cancelled(await asyncio.wait_for(paying, 10))
        with pytest.raises(ovo_ptp.NotFoundError):
            await shop.cancel_async("INV-9")

    asyncio.run(main())
    settled(shop, ovo)


def test_c17_from_another_process(ovo: Sandbox, tmp_path: Path) -> None:
    process = script(
        f"""
client = open_client(shared=True)
say(client.pay("INV-1", amount=5, phone={PAYS_AFTER_50!r}).name)
sys.stdin.readline()
""",
        ovo,
        tmp_path / "ovo.db",
    )
    eventually(ovo.ledger)
    shop = ["-e", ovo.base_url, "--ca-file", ovo.ca_file, "--sandbox-credentials", "--shared"]
    done = subprocess.run(
        [PROGRAM, "cancel", "INV-1", *shop, "--time-scale", str(SCALE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith("CANCELLED, hand over nothing")
    assert process.stdout is not None
    assert process.stdout.readline() == "not completed\n"
    assert ended(process, say="\n")[0] == 0
    with ovo.client(journal=tmp_path / "ovo.db", settle_rate=50) as client:
        settled(client, ovo)
        assert ovo.net("INV-1") == 0


@pytest.mark.parametrize("what", ["payment.cancel()", "client.cancel('INV-1')"])
def test_f9_ctrl_c_ends_the_waiting_for_a_busy_journal(
    ovo: Sandbox, tmp_path: Path, what: str
) -> None:
    process = script(
        f"""
client = open_client(shared=True, time_scale=1)
payment = client.start("INV-1", amount=5, phone={IGNORES!r})
say("started")
sys.stdin.readline()
import time
try:
    say("cancelling")
    {what}
except KeyboardInterrupt:
    say("given up")
client.close()
""",
        ovo,
        tmp_path / "ovo.db",
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "started\n"
    eventually(ovo.ledger)
    with closing(sqlite3.connect(tmp_path / "ovo.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "cancelling\n"
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "given up\n"
        # A busy journal is waited for 5 s.
        assert time.monotonic() - began < 3
        other.execute("ROLLBACK")
    code, _, err = ended(process)
    assert code == 0, err


def test_c17_a_started_payment_is_given_up_from_asyncio_and_the_loop_goes_on(
    ovo: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "a.db"

    async def main(shop: ovo_ptp.Client) -> None:
        payment = await shop.start_async("INV-1", amount=5, phone=PAYS_AFTER_50)
        while not ovo.ledger():
            await asyncio.sleep(0.01)
        # Of another process: locks of one's own process hold up nobody in it.
        busy = script(
            f"""
import sqlite3
other = sqlite3.connect({str(journal)!r}, isolation_level=None)
other.execute("BEGIN IMMEDIATE")
say("busy")
sys.stdin.readline()
other.execute("ROLLBACK")
other.close()
""",
            ovo,
            journal,
        )
        assert busy.stdout is not None
        assert busy.stdout.readline() == "busy\n"
        cancelling = asyncio.ensure_future(payment.cancel_async())
        began = time.monotonic()
        await asyncio.sleep(0.2)
        assert time.monotonic() - began < 2
        assert not cancelling.done()
        assert ended(busy, say="\n")[0] == 0
        assert cancelled(await asyncio.wait_for(cancelling, 20))
        assert cancelled(await payment.outcome_async())

    with ovo.client(journal=journal, shared=True, timers=PATIENT, time_scale=0.2) as shop:
        asyncio.run(main(shop))


@pytest.mark.parametrize("how", ["pay in a thread", "start"])
def test_c17_without_check_payment_only_a_started_payment_can_be_given_up(
    ovo: Sandbox, tmp_path: Path, how: str
) -> None:
    charge: dict[str, Any] = {"amount": 5, "phone": PAYS_AFTER_50}
    options: dict[str, Any] = {"check_payment": False, "timers": PATIENT, "settle_rate": 50}
    with ovo.client(journal=tmp_path / "a.db", **options) as shop, ThreadPoolExecutor(1) as pool:
        if how == "start":
            payment = shop.start("INV-1", **charge)
            eventually(ovo.ledger)
            assert cancelled(payment.cancel())
        else:
            waiting = pool.submit(shop.pay, "INV-1", **charge)
            eventually(ovo.ledger)
            with pytest.raises(ovo_ptp.RefusedError, match="no Check Payment and nobody goes on"):
                shop.cancel("INV-1")
            assert waiting.result(20).is_paid
        settled(shop, ovo)


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [(b"c\n", 4, b"CANCELLED"), (b"\n", 0, b"PAID"), (None, 130, b"")],
)
def test_ctrl_c_at_a_till_asks_what_is_meant(
    ovo: Sandbox, tmp_path: Path, typed: bytes | None, code: int, says: bytes
) -> None:
    leader, follower = pty.openpty()
    shop = ["-e", ovo.base_url, "--ca-file", ovo.ca_file, "--sandbox-credentials"]
    process = subprocess.Popen(
        [PROGRAM, "pay", "INV-1", "5", PAYS_AFTER_50, *shop, "--time-scale", str(SCALE * 5)],
        cwd=tmp_path,
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    with process:
        eventually(ovo.ledger)
        process.send_signal(signal.SIGINT)
        shown = b""
        while b"to leave it:" not in shown:
            assert select.select([leader], [], [], 20)[0]
            shown += os.read(leader, 4_096)
        if typed is None:
            process.send_signal(signal.SIGINT)
        else:
            os.write(leader, typed)
        assert process.stdout is not None
        told = process.stdout.read()
        process.wait(30)
    os.close(leader)
    assert process.returncode == code
    assert told.startswith(says)
