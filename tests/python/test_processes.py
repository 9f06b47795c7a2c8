"""What becomes of a payment when its Python process is interrupted, forked, ended or killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import IGNORES, PAYS, PAYS_AFTER_50, ended, eventually, script, settled

FORKING = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def started(program: Path) -> subprocess.Popen[str]:
    """A program in a file of its own, where `multiprocessing` and `os.fork` find it."""
    return subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def reopened(ovo: Sandbox, journal: Path) -> ovo_ptp.Client:
    return ovo.client(journal=journal, settle_rate=50)


def test_recovery_after_sigkill_of_the_python_process(ovo: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "a.db"
    process = script(
        f"""
client = open_client()
paid = client.pay("INV-1", amount=5, phone={PAYS!r})
payment = client.start("INV-2", amount=7, phone={PAYS_AFTER_50!r})
say("waiting")
payment.outcome()
""",
        ovo,
        journal,
    )
    assert line(process) == "waiting"
    eventually(lambda: len(ovo.ledger()) == 2)
    process.kill()
    ended(process)
    with reopened(ovo, journal) as shop:
        # The receipt of the first was never confirmed; the second goes on under its invoice.
        [report] = shop.unacknowledged()
        assert report.invoice == "INV-1"
        assert report.outcome is not None
        assert report.outcome.is_paid
        assert shop.pay("INV-2", amount=7, phone=PAYS_AFTER_50).is_paid
        assert len(ovo.ledger()) == 2
        settled(shop, ovo)


def test_j26_another_process_is_told_that_it_waits_for_a_payment_that_was_known(
    ovo: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "a.db"
    process = script(
        f"""
client = open_client(shared=True)
payment = client.start("INV-1", amount=7, phone={PAYS_AFTER_50!r})
say(repr(payment.was_known))
say(repr(payment.outcome()))
""",
        ovo,
        journal,
    )
    assert line(process) == "False"
    with ovo.client(journal=journal, shared=True) as desk:
        with desk.start("INV-1", amount=7, phone=PAYS_AFTER_50) as payment:
            assert payment.poll() is None
            assert payment.was_known
            outcome = payment.outcome()
        assert (outcome.name, outcome.was_known) == ("paid", True)
        assert payment.was_known, "also when nobody waits any more"
    told = line(process)
    assert told.startswith("Paid(")
    assert "was_known=False" in told
    ended(process)
    assert len(ovo.ledger()) == 1


def test_a_killed_payment_that_nobody_asks_for_is_returned(ovo: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "a.db"
    process = script(
        f"""
client = open_client(); client.start("INV-1", amount=7, phone={PAYS_AFTER_50!r}); say("waiting")
import time; time.sleep(60)
""",
        ovo,
        journal,
    )
    assert line(process) == "waiting"
    eventually(lambda: len(ovo.ledger()) == 1)
    process.kill()
    ended(process)
    with reopened(ovo, journal) as shop:
        settled(shop, ovo)
        assert ovo.net("INV-1") == 0


WAITS = {
    "pay": "client.pay('INV-1', amount=5, phone=arguments[0])",
    "outcome": "client.start('INV-1', amount=5, phone=arguments[0]).outcome()",
    "wait": "client.start('INV-1', amount=5, phone=arguments[0]).wait(60)",
    "countdown": "list(client.start('INV-1', amount=5, phone=arguments[0]))",
    "progress": "client.pay('INV-1', amount=5, phone=arguments[0], progress=lambda it: None)",
    "asyncio": "asyncio.run(client.pay_async('INV-1', amount=5, phone=arguments[0]))",
}


@pytest.mark.parametrize("how", WAITS)
def test_f9_ctrl_c_ends_the_wait_within_250_ms_and_the_payment_is_safe(
    how: str, tmp_path: Path
) -> None:
    """In real time: the wait is the whole minute."""
    journal = tmp_path / "a.db"
    with Sandbox(time_scale=1) as ovo:
        process = script(
            f"""
import asyncio, time, threading
client = open_client(time_scale=1)
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic()); time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
say("waiting")
try:
    {WAITS[how]}
except KeyboardInterrupt:
    say(repr(time.monotonic()))
    # The interpreter's lock was free all the time: another thread ran.
    say(repr(max(b - a for a, b in zip(ticks, ticks[1:]))))
client.close()
say("closed")
""",
            ovo,
            journal,
            IGNORES,
        )
        assert line(process) == "waiting"
        eventually(lambda: len(ovo.ledger()) == 1)
        time.sleep(0.5)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        noticed = float(line(process)) - pressed
        longest_pause = float(line(process))
        assert line(process) == "closed"
        code, _, err = ended(process)
        assert code == 0, err
        assert noticed < 0.25
        assert longest_pause < 0.25
        with ovo.client(journal=journal, background=False, time_scale=1) as shop:
            report = shop.payment("INV-1")
            assert report is not None
            assert report.outcome is None
            assert report.settlement == "waiting for the answer"


def test_f9_ctrl_c_ends_a_slow_question_too(ovo: Sandbox, tmp_path: Path) -> None:
    ovo.script({"on": "inquiry", "times": 0, "deliver": "hang"})
    process = script(
        f"""
import time
client = open_client(timers={{"exchange_budget": 15}})
say("waiting")
try:
    client.inquire({PAYS!r})
except KeyboardInterrupt:
    say(repr(time.monotonic()))
""",
        ovo,
        tmp_path / "a.db",
    )
    assert line(process) == "waiting"
    eventually(ovo.requests)
    time.sleep(0.2)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert float(line(process)) - pressed < 0.25
    code, _, err = ended(process)
    assert code == 0, err


def test_f9_ctrl_c_ends_a_start_that_waits_for_a_settlement(ovo: Sandbox, tmp_path: Path) -> None:
    """A payment of a killed process, whose check hangs when the cashier asks for it again."""
    journal = tmp_path / "a.db"
    doomed = script(
        f"""
client = open_client(); client.start("INV-1", amount=7, phone={IGNORES!r}); say("waiting")
sys.stdin.readline()
""",
        ovo,
        journal,
    )
    assert line(doomed) == "waiting"
    eventually(ovo.ledger)
    doomed.kill()
    ended(doomed)
    ovo.script({"on": "check_payment", "times": 0, "deliver": "hang"})
    process = script(
        f"""
import time
client = open_client(timers={{"exchange_budget": 30, "check_budget": 30}})
say("waiting")
sys.stdin.readline()
try:
    client.start("INV-1", amount=7, phone={IGNORES!r})
    say("started")
except KeyboardInterrupt:
    say(repr(time.monotonic()))
""",
        ovo,
        journal,
    )
    assert line(process) == "waiting"
    eventually(lambda: any(it["operation"] == "check_payment" for it in ovo.requests()))
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    time.sleep(0.5)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert float(line(process)) - pressed < 0.25
    ovo.cut()
    code, _, err = ended(process)
    assert code == 0, err


@pytest.mark.parametrize("daemon", [True, False])
def test_f10_the_interpreter_ends_while_threads_pay(
    ovo: Sandbox, tmp_path: Path, daemon: bool
) -> None:
    journal = tmp_path / "a.db"
    ovo.script({"on": "push_to_pay", "times": 0, "behave": {"approve": {"after_ms": 30_000}}})
    process = script(
        f"""
import os, threading
client = open_client()
def pay(number):
    outcome = client.pay(f"INV-{{number}}", amount=5, phone=f"08130000000{{number}}")
    os.write(1, outcome.name.encode() + b"\\n")  # one call, so that threads do not mix
for number in range(8):
    threading.Thread(target=pay, args=(number,), daemon={daemon}).start()
sys.stdin.readline()
""",
        ovo,
        journal,
    )
    eventually(lambda: len(ovo.ledger()) == 8)
    code, out, err = ended(process, say="end\n")
    assert (code, err) == (0, "")
    # Threads that are no daemons are waited for, as everywhere in Python.
    assert set(out.split()) <= ({"interrupted"} if daemon else {"paid"})
    with reopened(ovo, journal) as shop:
        eventually(lambda: len(shop.unacknowledged()) == 8)
        settled(shop, ovo)


def test_f10_the_interpreter_ends_with_started_and_awaited_payments(
    ovo: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "a.db"
    ovo.script({"on": "push_to_pay", "times": 0, "behave": {"approve": {"after_ms": 30_000}}})
    process = script(
        """
import asyncio
client = open_client()
kept = client.start("INV-1", amount=5, phone="081300000001")
client.start("INV-2", amount=5, phone="081300000002")
async def main():
    task = asyncio.ensure_future(client.pay_async("INV-3", amount=5, phone="081300000003"))
    await asyncio.sleep(0.2)
asyncio.run(main())
say("ending")
""",
        ovo,
        journal,
    )
    assert line(process) == "ending"
    code, _, err = ended(process)
    assert (code, err) == (0, "")
    with reopened(ovo, journal) as shop:
        assert len(shop.payments()) == 3
        settled(shop, ovo)


def test_f10_an_exception_at_the_top_ends_the_process_in_time(ovo: Sandbox, tmp_path: Path) -> None:
    process = script(
        """
client = open_client()
payment = client.start("INV-1", amount=5, phone="081200009000")
raise SystemExit(3)
""",
        ovo,
        tmp_path / "a.db",
    )
    begun = time.monotonic()
    code, _, err = ended(process)
    assert (code, err) == (3, "")
    assert time.monotonic() - begun < 10


@FORKING
def test_mp11_a_forked_child_is_refused_and_the_parent_goes_on(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    payment = shop.start("INV-1", amount=5, phone=PAYS_AFTER_50)
    calls: list[Callable[[], object]] = [
        lambda: shop.pay("INV-2", amount=5, phone=PAYS),
        lambda: shop.start("INV-2", amount=5, phone=PAYS),
        lambda: shop.inquire(PAYS),
        lambda: shop.payments(),
        lambda: shop.metrics(),
        lambda: payment.poll(),
        lambda: payment.outcome(),
        lambda: list(payment),
    ]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"?"
        try:
            refused = 0
            for call in calls:
                try:
                    call()
                except ovo_ptp.ForkError as error:
                    refused += "open a client of its own" in str(error)
            payment.release()
            shop.close()
            with shop:
                pass
            repr(shop)
            answer = b"%d" % refused
        finally:
            os.write(writing, answer)
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert int(pipe.read()) == len(calls)
    assert os.waitpid(child, 0)[1] == 0
    assert payment.outcome().is_paid
    settled(shop, ovo)


@FORKING
def test_mp11_many_forks_while_threads_pay_end_in_time(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    """Locks may be held by threads that are not in the child; nothing there may wait for them."""
    stop = threading.Event()
    outcomes: list[ovo_ptp.Outcome] = []

    def pay(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            phone = f"08125{number:03}{turn:04}"
            outcomes.append(shop.pay(f"INV-{number}-{turn}", amount=5, phone=phone))

    threads = [threading.Thread(target=pay, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    try:
                        shop.pay("INV-X", amount=5, phone=PAYS)
                    except ovo_ptp.ForkError:
                        code = 0
                    shop.close()
                    del shop
                finally:
                    os._exit(code)
            deadline = time.monotonic() + 20
            while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
                if time.monotonic() > deadline:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    raise AssertionError("a forked child hangs")
                time.sleep(0.005)
            assert ended[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert any(outcome.is_paid for outcome in outcomes)
    # On a busy machine the scaled time to send may be over before a push could leave.
    assert all(outcome.is_paid or isinstance(outcome, ovo_ptp.NotSent) for outcome in outcomes)
    settled(shop, ovo)


@FORKING
def test_mp11_a_child_opens_its_own_journal_whatever_the_parent_is_doing(
    ovo: Sandbox, tmp_path: Path
) -> None:
    """SQLite's own locks may be held at the fork by a thread that the child does not have."""
    stop = threading.Event()

    def opens_and_closes() -> None:
        while not stop.is_set():
            ovo.client(journal=tmp_path / "other.db").close()

    busy = threading.Thread(target=opens_and_closes)
    busy.start()
    try:
        for number in range(20):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    signal.alarm(30)
                    with ovo.client(journal=tmp_path / f"{number}.db", background=False) as own:
                        code = len(own.payments())
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        busy.join()


@FORKING
@pytest.mark.parametrize("where", ["after_in_child", "after_in_parent"])
def test_mp11_what_a_program_does_around_its_forks_hangs_nobody(
    where: str, ovo: Sandbox, tmp_path: Path
) -> None:
    """Hooks from before the import run while the library still keeps all others out."""
    program = tmp_path / "hooks.py"
    program.write_text(
        f"""
import os
client = None

def open_client(name):
    from ovo_ptp import _native
    return ovo_ptp.Client({ovo.base_url!r}, _native.Sandbox.credentials(),
                          journal={str(tmp_path)!r} + name, ca_file={ovo.ca_file!r}, time_scale=0.02)

def hook():
    global client
    if {where!r} == "after_in_parent":
        print(len(client.payments()), flush=True)
    else:
        client = open_client("/child.db")

os.register_at_fork({where}=hook)
import ovo_ptp

client = parents = open_client("/parent.db")
waiting = parents.start("INV-1", amount=5, phone="081200000120")
child = os.fork()
if child == 0:
    if {where!r} == "after_in_child":
        print(len(client.payments()), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(waiting.outcome().name, flush=True)
parents.close()
""",
        encoding="utf-8",
    )
    code, out, err = ended(started(program))
    first = "1" if where == "after_in_parent" else "0"
    assert (code, out.split()) == (0, [first, "paid"]), err


def test_mp11_multiprocessing_by_fork_is_refused_and_by_spawn_shares_the_journal(
    ovo: Sandbox, tmp_path: Path
) -> None:
    program = tmp_path / "workers.py"
    program.write_text(
        f"""
import multiprocessing, sys, warnings
import ovo_ptp
from ovo_ptp.sandbox import Sandbox
warnings.simplefilter("ignore", DeprecationWarning)

def open_client():
    return ovo_ptp.Client({ovo.base_url!r}, credentials(), journal={str(tmp_path / "a.db")!r},
                          shared=True, ca_file={ovo.ca_file!r}, time_scale=0.02)

def credentials():
    from ovo_ptp import _native
    return _native.Sandbox.credentials()

def forked(number):
    try:
        client.pay(f"INV-F{{number}}", amount=5, phone="081234567890")
    except ovo_ptp.ForkError:
        return "refused"

def spawned(number):
    with open_client() as mine:
        return mine.pay(f"INV-S{{number}}", amount=5, phone=f"08123456789{{number}}").name

if __name__ == "__main__":
    client = open_client()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(forked, range(4)), flush=True)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(spawned, range(4)), flush=True)
    print(client.pay("INV-P", amount=5, phone="081234567880").name)
    client.close()
""",
        encoding="utf-8",
    )
    code, out, err = ended(started(program))
    assert code == 0, err
    assert out.splitlines() == [repr(["refused"] * 4), repr(["paid"] * 4), "paid"]


def test_mp1_two_processes_cannot_open_an_exclusive_journal(
    ovo: Sandbox, tmp_path: Path, shop: ovo_ptp.Client
) -> None:
    process = script(
        """
try:
    open_client()
except ovo_ptp.JournalLockedError as error:
    say(error.code)
""",
        ovo,
        tmp_path / "shop.db",
    )
    assert line(process) == "journal_locked"
    assert ended(process)[0] == 0


def test_a_closed_client_frees_its_journal_and_refuses(ovo: Sandbox, tmp_path: Path) -> None:
    for turn in range(3):
        shop = ovo.client(journal=tmp_path / "a.db")
        assert shop.pay(f"INV-{turn}", amount=5, phone=PAYS).is_paid
        shop.close()
        shop.close()
        assert shop.is_closed
        assert repr(shop) == "<ovo_ptp.Client closed>"
        with pytest.raises(ovo_ptp.ClosedError):
            shop.pay("INV-9", amount=5, phone=PAYS)
        with pytest.raises(ovo_ptp.ClosedError):
            shop.payments()


def test_closing_while_a_thread_waits_interrupts_it(ovo: Sandbox, tmp_path: Path) -> None:
    outcomes: list[ovo_ptp.Outcome] = []
    shop = ovo.client(journal=tmp_path / "a.db")
    payment = shop.start("INV-2", amount=5, phone="081200009001")

    def pay() -> None:
        outcomes.append(shop.pay("INV-1", amount=5, phone=IGNORES))

    thread = threading.Thread(target=pay)
    thread.start()
    eventually(lambda: len(ovo.ledger()) == 2)
    begun = time.monotonic()
    shop.close()
    thread.join(5)
    assert time.monotonic() - begun < 2
    assert [type(outcome) for outcome in outcomes] == [ovo_ptp.Interrupted]
    assert isinstance(payment.outcome(), ovo_ptp.Interrupted)


def test_an_unclosed_client_warns_and_is_closed(ovo: Sandbox, tmp_path: Path) -> None:
    with pytest.warns(ResourceWarning, match="unclosed <ovo_ptp.Client open>"):
        ovo.client(journal=tmp_path / "a.db")
    with reopened(ovo, tmp_path / "a.db") as shop:
        assert shop.payments() == []


def test_a_client_that_outlives_the_modules_ends_without_a_word(
    ovo: Sandbox, tmp_path: Path
) -> None:
    # `codecs` was imported before `os` and is emptied behind it.
    code = "import codecs; codecs.kept = open_client(); say('open')"
    assert ended(script(code, ovo, tmp_path / "a.db")) == (0, "open\n", "")


def test_f11_a_sub_interpreter_is_refused_cleanly() -> None:
    code = """
import sys
try:
    import _interpreters as sub
except ImportError:
    import _xxsubinterpreters as sub
import ovo_ptp
inner = sub.create()
text = '''
try:
    import ovo_ptp
except ImportError as error:
    print("ImportError", "subinterpreters" in str(error), flush=True)
'''
sub.run_string(inner, text) if hasattr(sub, "run_string") else sub.exec(inner, text)
"""
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == "ImportError True"


def test_f20_a_process_with_patched_threads_is_refused_and_not_stopped(
    ovo: Sandbox, tmp_path: Path
) -> None:
    """In gevent's hub a native wait of one greenlet would be everybody's, for ever."""
    code = f"""
from gevent import monkey
monkey.patch_all()
import ovo_ptp
from ovo_ptp import _native
try:
    ovo_ptp.Client({ovo.base_url!r}, _native.Sandbox.credentials(), journal="a.db")
except ovo_ptp.ConfigurationError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "gevent has patched this process's threads" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_f20_a_client_is_closed_from_the_loop_that_waits_for_it(
    ovo: Sandbox, tmp_path: Path
) -> None:
    async def main() -> ovo_ptp.Outcome:
        shop = ovo.client(journal=tmp_path / "a.db")
        paying = asyncio.ensure_future(shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_50))
        while not ovo.ledger():
            await asyncio.sleep(0.01)
        shop.close()  # on the loop's own thread, which the answer comes back to
        return await asyncio.wait_for(paying, 5)

    assert isinstance(asyncio.run(main()), ovo_ptp.Interrupted)
    with reopened(ovo, tmp_path / "a.db") as shop:
        settled(shop, ovo)


def test_f20_a_started_payment_is_handed_from_thread_to_thread(
    ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "a.db") as shop:
        payment = shop.start("INV-1", amount=5, phone=PAYS_AFTER_50)
        told: list[ovo_ptp.Outcome | None] = []
        waiting = [
            threading.Thread(target=lambda: told.append(payment.outcome())),
            threading.Thread(target=lambda: told.append(payment.wait(60))),
            threading.Thread(target=lambda: told.append(asyncio.run(payment.outcome_async()))),
        ]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()
        assert [outcome is not None and outcome.is_paid for outcome in told] == [True] * 3
        settled(shop, ovo)
