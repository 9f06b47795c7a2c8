"""A shop and an OVO for each test: real sockets, real TLS, times run fifty times faster."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ovo_ptp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import ovo_ptp

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

#: Real time over OVO's: 65 s take 1.3 s.
SCALE = 0.02

#: To connect and to write a push takes what it takes, however fast OVO's clock runs: a busy machine
#: is no slow network.
PATIENT = {"send_check": 5, "send_budget": 5, "exchange_budget": 5}

#: Customers by phone; the sandbox's README has the table.
PAYS = "081234567890"
PAYS_AFTER_20 = "081200000120"
PAYS_AFTER_50 = "081200000150"
CANCELS = "081200001700"
IGNORES = "081200009000"
PAYS_MUTELY = "081200009205"

# A shell that runs the tests in the background has them ignore Ctrl-C, and whatever they start
# inherits that; the tests of Ctrl-C must not depend on it.
signal.signal(signal.SIGINT, signal.default_int_handler)


#: OVO voids a payment on its own day only, until 23:58 WIB (UTC+7), and the sandbox's clock is the machine's.
DAY = 24 * 60 * 60
WIB = 7 * 60 * 60
LAST_BEGINNING = DAY - 3 * 60


@pytest.fixture(autouse=True, scope="session")
def _starts_on_a_day_that_lasts() -> None:
    """For what a module's or a session's fixtures pay."""
    wait_for_the_day()


@pytest.fixture(autouse=True)
def _is_on_one_day() -> None:
    wait_for_the_day()


def wait_for_the_day() -> None:
    of_day = (time.time() + WIB) % DAY
    if of_day >= LAST_BEGINNING:
        time.sleep(DAY + 1 - of_day)


_processes: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    while _processes:
        with _processes.pop() as process:
            process.kill()


class PatientSandbox(Sandbox):
    """A sandbox whose clients are patient, unless a test asks for something else."""

    def client(self, *, journal: str | os.PathLike[str], **options: Any) -> ovo_ptp.Client:
        timers = options.pop("timers", {})
        if isinstance(timers, dict):
            timers = {**PATIENT, **timers}
        return super().client(journal=journal, timers=timers, **options)


@pytest.fixture
def ovo() -> Iterator[Sandbox]:
    with PatientSandbox(time_scale=SCALE) as sandbox:
        yield sandbox


@pytest.fixture
def shop(ovo: Sandbox, tmp_path: Path) -> Iterator[ovo_ptp.Client]:
    with ovo.client(journal=tmp_path / "shop.db", settle_rate=50, timers=PATIENT) as client:
        yield client


def _running() -> Path | None:
    """Where this process, one of several that test, notes what it is at."""
    notes = os.environ.get("OVO_PTP_RUNNING")
    return Path(notes) / os.environ.get("PYTEST_XDIST_WORKER", "alone") if notes else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves a note for `tests/python/run`: who kills this process at its limit shows only stacks."""
    if note := _running():
        note.write_text(item.nodeid, encoding="utf-8")


def pytest_sessionfinish() -> None:
    if note := _running():
        note.unlink(missing_ok=True)


@contextlib.contextmanager
def serving(*command: str, cwd: Path | None = None, stop: int = signal.SIGTERM) -> Iterator[str]:
    """A program that serves until it is told to stop, and ends well; gives the first line it says.

    Whatever fails in between, it ends, and nobody waits for it."""
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
            process.send_signal(stop)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "")


def eventually(true: Callable[[], Any], within: float = 20) -> Any:
    """Waits until something is true, and returns it."""
    deadline = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return found


def settled(client: ovo_ptp.Client, ovo: Sandbox) -> None:
    """Waits until nothing is left to do, then holds OVO's books against the journal."""
    import ovo_ptp

    eventually(lambda: not client.payments(unsettled=True))
    told = {}
    for report in client.payments():
        paid = isinstance(report.outcome, ovo_ptp.Paid) and not report.outcome.is_voided
        told[report.invoice] = report.amount if paid else 0
    taken: dict[str, int] = {}
    for entry in ovo.ledger():
        taken.setdefault(entry["invoice"], 0)
        taken[entry["invoice"]] = ovo.net(entry["invoice"])
    assert {invoice: told[invoice] for invoice in taken} == taken
    assert not any(told[invoice] for invoice in told.keys() - taken.keys())


def script(code: str, ovo: Sandbox, journal: Path, *more: str) -> subprocess.Popen[str]:
    """A Python process of its own, with `ovo_ptp`, `open_client` and `arguments` at hand."""
    preamble = f"""
import sys, ovo_ptp
from ovo_ptp.sandbox import Sandbox
arguments = {list(more)!r}
def open_client(**options):
    options = {{"ca_file": {ovo.ca_file!r}, "time_scale": {SCALE}, "timers": {PATIENT}, **options}}
    journal = options.pop("journal", {str(journal)!r})
    return ovo_ptp.Client({ovo.base_url!r}, Sandbox_credentials(), journal=journal, **options)
def Sandbox_credentials():
    from ovo_ptp import _native
    return _native.Sandbox.credentials()
def say(text):
    print(text, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", preamble + code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _processes.append(process)
    return process


def ended(
    process: subprocess.Popen[str], within: float = 60, say: str | None = None
) -> tuple[int, str, str]:
    """Its exit code and what it said, after it was told something."""
    try:
        out, err = process.communicate(say, timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"did not end\n{out}\n{err}") from None
    return process.returncode, out, err
