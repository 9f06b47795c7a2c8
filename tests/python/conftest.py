"""A shop and an OVO for each test: real sockets, real TLS, times run fifty times faster."""

from __future__ import annotations

import faulthandler
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

# A test that hangs shows where instead of only being killed.
faulthandler.dump_traceback_later(300, exit=True)


_processes: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    while _processes:
        with _processes.pop() as process:
            process.kill()


@pytest.fixture
def ovo() -> Iterator[Sandbox]:
    with Sandbox(time_scale=SCALE) as sandbox:
        yield sandbox


@pytest.fixture
def shop(ovo: Sandbox, tmp_path: Path) -> Iterator[ovo_ptp.Client]:
    with ovo.client(journal=tmp_path / "shop.db", settle_rate=50, timers=PATIENT) as client:
        yield client


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
