"""An exception means that nothing was started.

Every call that moves money, and every failure behind its first byte: the client closed, the journal
gone, a panic, Ctrl-C. What the caller is told is held against OVO's books, then and after recovery.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import PATIENT, PAYS, PAYS_AFTER_50, ROOT, ended, eventually, script, settled

FAULTY = Path(os.environ.get("OVO_PTP_FAULTY", ROOT / "target" / "python" / "faulty"))
CHARGE: dict[str, Any] = {"amount": 5, "phone": PAYS_AFTER_50}


async def _pay_async(client: ovo_ptp.Client) -> ovo_ptp.AnyOutcome:
    return await client.pay_async("INV-1", **CHARGE)


async def _start_async(client: ovo_ptp.Client) -> ovo_ptp.AnyOutcome:
    return await (await client.start_async("INV-1", **CHARGE)).outcome_async()


def _in_a_thread(client: ovo_ptp.Client) -> ovo_ptp.AnyOutcome:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(client.pay, "INV-1", **CHARGE).result()


#: Every way to pay; each returns the outcome.
PAYING: dict[str, Callable[[ovo_ptp.Client], ovo_ptp.AnyOutcome]] = {
    "pay": lambda client: client.pay("INV-1", **CHARGE),
    "pay in a thread": _in_a_thread,
    "pay with progress": lambda client: client.pay("INV-1", **CHARGE, progress=lambda _: None),
    "pay_async": lambda client: asyncio.run(_pay_async(client)),
    "start": lambda client: client.start("INV-1", **CHARGE).outcome(),
    "start_async": lambda client: asyncio.run(_start_async(client)),
}

#: Every way to void.
VOIDING: dict[str, Callable[[ovo_ptp.Client], ovo_ptp.VoidOutcome]] = {
    "void": lambda client: client.void("INV-1"),
    "void_async": lambda client: asyncio.run(client.void_async("INV-1")),
}


def behind(happened: Callable[[], Any], fault: Callable[[], Any]) -> threading.Thread:
    """A thread that brings the fault once it happened."""

    def strike() -> None:
        eventually(happened)
        fault()

    thread = threading.Thread(target=strike)
    thread.start()
    return thread


#: Every way to give a payment up that is under way: the call, and the same for a faulty library.
CANCELLING: dict[str, Callable[[ovo_ptp.Client, ovo_ptp.StartedPayment], ovo_ptp.AnyOutcome]] = {
    "client.cancel('INV-1')": lambda client, _: client.cancel("INV-1"),
    "asyncio.run(client.cancel_async('INV-1'))": lambda client, _: asyncio.run(
        client.cancel_async("INV-1")
    ),
    "payment.cancel()": lambda _, payment: payment.cancel(),
    "asyncio.run(payment.cancel_async())": lambda _, payment: asyncio.run(payment.cancel_async()),
}


def heard(ovo: Sandbox, operation: str) -> bool:
    return any(request["operation"] == operation for request in ovo.requests())


def reopened_and_settled(ovo: Sandbox, journal: Path, told: ovo_ptp.AnyOutcome) -> None:
    """Recovery: what was told stays true, nothing is pushed twice, every rupiah agrees."""
    assert len(ovo.ledger()) == 1
    with ovo.client(journal=journal, settle_rate=50, timers=PATIENT) as client:
        if isinstance(told, ovo_ptp.Interrupted):
            told = client.pay("INV-1", **CHARGE)
        settled(client, ovo)
        report = client.payment("INV-1")
        assert report is not None
        assert type(report.outcome) is type(told)
    assert len(ovo.ledger()) == 1


@pytest.mark.parametrize("how", PAYING)
def test_c18_a_client_closed_behind_the_push_answers_interrupted(
    how: str, ovo: Sandbox, tmp_path: Path
) -> None:
    client = ovo.client(journal=tmp_path / "a.db", timers=PATIENT)
    closing = behind(ovo.ledger, client.close)
    told = PAYING[how](client)
    closing.join()
    assert isinstance(told, ovo_ptp.Interrupted)
    reopened_and_settled(ovo, tmp_path / "a.db", told)


@pytest.mark.parametrize("how", PAYING)
def test_c18_a_journal_lost_behind_the_push_is_an_outcome(
    how: str, ovo: Sandbox, tmp_path: Path
) -> None:
    journal, aside = tmp_path / "a.db", tmp_path / "aside.db"
    with ovo.client(journal=journal, timers=PATIENT) as client:
        losing = behind(ovo.ledger, lambda: journal.rename(aside))
        told = PAYING[how](client)
        losing.join()
    assert isinstance(told, ovo_ptp.Interrupted)
    aside.rename(journal)
    reopened_and_settled(ovo, journal, told)


def faulty(code: str, ovo: Sandbox, journal: Path) -> str:
    """What a program says whose library panics when its work is done."""
    if not FAULTY.exists():
        pytest.skip("tests/python/run builds the extension that panics")
    environment = {**os.environ, "PYTHONPATH": str(FAULTY), "OVO_PTP_FAULT": "1"}
    preamble = f"""
import asyncio, threading, ovo_ptp
from concurrent.futures import ThreadPoolExecutor
from ovo_ptp import _native
client = ovo_ptp.Client({ovo.base_url!r}, _native.Sandbox.credentials(), journal={str(journal)!r},
    ca_file={ovo.ca_file!r}, time_scale={ovo.time_scale}, timers={PATIENT!r})
charge = {{"amount": 5, "phone": {PAYS!r}}}
"""
    done = subprocess.run(
        [sys.executable, "-c", preamble + code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "a fault that a test asked for" in done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


FAULTY_PAYS = {
    "pay": "print(client.pay('INV-1', **charge).name)",
    "pay in a thread": "print(ThreadPoolExecutor(1).submit(client.pay, 'INV-1', **charge).result().name)",
    "pay with progress": "print(client.pay('INV-1', **charge, progress=lambda it: None).name)",
    "pay_async": "print(asyncio.run(client.pay_async('INV-1', **charge)).name)",
    "start": "print(client.start('INV-1', **charge).outcome().name)",
    "start, polled": "print(client.start('INV-1', **charge).poll().name)",
    "start, counted down": "print(list(client.start('INV-1', **charge)) or 'interrupted')",
    "start_async": """
async def main():
    payment = await client.start_async('INV-1', **charge)
    assert [it async for it in payment] == []
    return await payment.outcome_async()
print(asyncio.run(main()).name)""",
}


@pytest.mark.parametrize("how", FAULTY_PAYS)
def test_c18_a_panic_behind_the_push_is_interrupted(how: str, ovo: Sandbox, tmp_path: Path) -> None:
    code = FAULTY_PAYS[how] + "\nimport time; time.sleep(0.5)"
    assert faulty(code, ovo, tmp_path / "a.db") == "interrupted"
    assert ovo.net("INV-1") == 5
    with ovo.client(journal=tmp_path / "a.db") as client:
        assert client.pay("INV-1", amount=5, phone=PAYS).is_paid
        settled(client, ovo)
    assert len(ovo.ledger()) == 1


@pytest.mark.parametrize(
    "call", ["client.void('INV-1')", "asyncio.run(client.void_async('INV-1'))"]
)
def test_c18_a_panic_behind_a_void_is_a_pending_void(
    call: str, ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "a.db") as client:
        assert client.pay("INV-1", amount=5, phone=PAYS).is_paid
    assert faulty(f"print({call}.state)", ovo, tmp_path / "a.db") == "pending"
    assert ovo.net("INV-1") == 0
    with ovo.client(journal=tmp_path / "a.db") as client:
        assert client.check_void("INV-1").state == "voided"
        settled(client, ovo)


@pytest.mark.parametrize("how", CANCELLING)
@pytest.mark.parametrize("fault", ["closed", "journal lost"])
def test_c17_c18_what_fails_while_a_payment_is_given_up_leaves_it_given_up_or_open(
    how: str, fault: str, ovo: Sandbox, tmp_path: Path
) -> None:
    journal, aside = tmp_path / "a.db", tmp_path / "aside.db"
    client = ovo.client(journal=journal, timers=PATIENT)
    payment = client.start("INV-1", **CHARGE)
    eventually(ovo.ledger)
    if fault == "closed":
        client.close()
    else:
        journal.rename(aside)
    try:
        told = CANCELLING[how](client, payment)
    except (ovo_ptp.ClosedError, ovo_ptp.JournalError):
        # It is not known to be cancelled, and goes on.
        told = payment.poll() or payment.outcome()
    client.close()
    assert isinstance(told, ovo_ptp.Interrupted)
    if fault != "closed":
        aside.rename(journal)
    reopened_and_settled(ovo, journal, told)


@pytest.mark.parametrize("how", CANCELLING)
def test_c17_c18_a_panic_behind_a_cancel_is_interrupted(
    how: str, ovo: Sandbox, tmp_path: Path
) -> None:
    code = f"""
import os
del os.environ["OVO_PTP_FAULT"]
payment = client.start("INV-1", amount=5, phone={PAYS_AFTER_50!r})
import time; time.sleep(0.3)
os.environ["OVO_PTP_FAULT"] = "1"
print({how}.name)
"""
    assert faulty(code, ovo, tmp_path / "a.db") == "interrupted"
    with ovo.client(journal=tmp_path / "a.db", settle_rate=50, timers=PATIENT) as client:
        # The cancel is durable, and that is what is told from now on.
        told = client.pay("INV-1", **CHARGE)
        assert isinstance(told, ovo_ptp.NotCompleted)
        assert told.is_cancelled
        settled(client, ovo)
    assert ovo.net("INV-1") == 0


QUESTIONS = [
    f"client.inquire({PAYS!r})",
    "client.settle()",
    "client.doctor()",
    "client.check('INV-1')",
    "client.report_paid('INV-1')",
    "client.acknowledge('INV-1')",
    "client.payments()",
    "client.unacknowledged()",
    f"asyncio.run(client.inquire_async({PAYS!r}))",
    "asyncio.run(client.settle_async())",
    "asyncio.run(client.doctor_async())",
]


def test_c18_a_panic_in_a_question_is_an_error_that_moved_no_money(
    ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "a.db") as client:
        assert client.pay("INV-1", amount=5, phone=PAYS).is_paid
        books = ovo.ledger()
    calls = "\n".join(
        f"""
try:
    {call}
except ovo_ptp.OvoError as error:
    print(error.code)"""
        for call in QUESTIONS
    )
    codes = faulty("import time; time.sleep(1.3)" + calls, ovo, tmp_path / "a.db").split()
    assert codes == ["internal"] * len(QUESTIONS)
    assert ovo.ledger() == books
    with ovo.client(journal=tmp_path / "a.db") as client:
        settled(client, ovo)


@pytest.mark.parametrize("how", VOIDING)
def test_c18_a_client_closed_behind_a_void_says_how_it_stands(
    how: str, ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "a.db") as client:
        assert client.pay("INV-1", amount=5, phone=PAYS).is_paid
        ovo.script({"on": "void", "deliver": "hang"})
        closing = behind(lambda: heard(ovo, "void"), client.close)
        told = VOIDING[how](client)
        closing.join()
    assert told.state in ("pending", "voided")
    assert ovo.net("INV-1") == 0
    with ovo.client(journal=tmp_path / "a.db") as client:
        settled(client, ovo)
        assert client.check_void("INV-1").state == "voided"


INTERRUPTED = {
    "pay": "client.pay('INV-1', **charge)",
    "pay with progress": "client.pay('INV-1', **charge, progress=lambda it: None)",
    "start": "client.start('INV-1', **charge).outcome()",
    "pay_async": "asyncio.run(client.pay_async('INV-1', **charge))",
    "start_async": "asyncio.run(start())",
}


@pytest.mark.parametrize("how", INTERRUPTED)
def test_c18_ctrl_c_behind_the_push_gives_up_waiting_and_not_the_payment(
    how: str, ovo: Sandbox, tmp_path: Path
) -> None:
    process = script(
        f"""
import asyncio
charge = {CHARGE!r}
async def start():
    return await (await client.start_async('INV-1', **charge)).outcome_async()
client = open_client()
try:
    {INTERRUPTED[how]}
except KeyboardInterrupt:
    say("given up")
import time
while not client.unacknowledged():
    time.sleep(0.01)
""",
        ovo,
        tmp_path / "a.db",
    )
    eventually(ovo.ledger)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "given up\n"
    code, _, err = ended(process)
    assert code == 0, err
    with ovo.client(journal=tmp_path / "a.db") as client:
        # Its answer came while the program still ran: Paid, and nobody has heard it yet.
        [report] = client.unacknowledged()
        assert isinstance(report.outcome, ovo_ptp.Paid)
        settled(client, ovo)
    assert len(ovo.ledger()) == 1
