"""`ovo-ptp` leaves with 1 only if nothing was started; else its code is the outcome's, whatever fails.

A script goes by that code: one that takes a Paid for an error pushes again, with another invoice.
"""

from __future__ import annotations

import json
import os
import pty
import resource
import select
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.cli import main, output
from ovo_ptp.cli.telling import OUTCOMES
from ovo_ptp.sandbox import Sandbox

from conftest import IGNORES, PAYS, PAYS_AFTER_20, PAYS_AFTER_50, SCALE, eventually
from test_cli import PROGRAM

#: Slow enough that the tests are quicker than the customer.
SLOW = 0.3


class Shop:
    """One shop's command line and its journal, which others may write to as well."""

    def __init__(self, ovo: Sandbox, folder: Path) -> None:
        self.ovo, self.folder, self.journal = ovo, folder, folder / "ovo.db"

    def line(self, command: str, *more: str, scale: float = SLOW) -> list[str]:
        shop = ["-e", self.ovo.base_url, "--ca-file", self.ovo.ca_file, "--sandbox-credentials"]
        return [PROGRAM, command, *shop, "--shared", "--time-scale", str(scale), *more]

    def begins(self, *line: str, **streams: Any) -> subprocess.Popen[bytes]:
        streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, **streams}
        return subprocess.Popen(line, cwd=self.folder, **streams)

    def unacknowledged(self) -> list[str]:
        reader = ovo_ptp.JournalReader(self.journal)
        return [report.invoice for report in reader.each_payment(unacknowledged=True)]

    def has_an_outcome(self) -> bool:
        if not self.journal.exists():
            return False
        report = ovo_ptp.JournalReader(self.journal).payment("INV-1")
        return report is not None and report.outcome is not None


@pytest.fixture
def shop(ovo: Sandbox, tmp_path: Path) -> Shop:
    return Shop(ovo, tmp_path)


@contextmanager
def busy(shop: Shop, _process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Another program writes to the journal, for longer than anybody waits."""
    with closing(sqlite3.connect(shop.journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(_shop: Shop, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """No file can grow any more."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    if process.poll() is None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


FAILING_JOURNALS = pytest.mark.parametrize("fails", [busy, full])


@FAILING_JOURNALS
def test_c18_a_paid_that_the_journal_cannot_take_as_acknowledged_is_paid(
    shop: Shop, fails: Callable[..., Any]
) -> None:
    reads, writes = os.pipe()
    # The program waits at its own answer until somebody reads.
    os.set_blocking(writes, False)
    filled = 0
    while True:
        try:
            filled += os.write(writes, b" " * 4_096)
        except BlockingIOError:
            break
    os.set_blocking(writes, True)
    with shop.begins(*shop.line("pay", "--json", "INV-1", "5", PAYS), stdout=writes) as process:
        os.close(writes)
        eventually(shop.has_an_outcome)
        with fails(shop, process):
            with os.fdopen(reads, "rb") as answer:
                told = answer.read()
            _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert json.loads(told)["outcome"] == "paid", "one JSON value"
    assert len(told) > filled
    assert b"not acknowledged: `ovo-ptp acknowledge INV-1`" in said
    assert shop.unacknowledged() == ["INV-1"]
    assert shop.ovo.net("INV-1") == 5


@FAILING_JOURNALS
def test_c17_a_cancel_that_the_journal_does_not_take_leaves_the_payment_waited_for(
    shop: Shop, fails: Callable[..., Any]
) -> None:
    leader, follower = pty.openpty()
    line = shop.line("pay", "--json", "INV-1", "5", IGNORES)
    process = shop.begins(*line, stdin=follower, stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)

    def shown_until(wanted: bytes) -> None:
        shown = b""
        while wanted not in shown:
            assert select.select([leader], [], [], 30)[0], shown
            shown += os.read(leader, 4_096)

    def cancels() -> None:
        process.send_signal(signal.SIGINT)
        shown_until(b"to leave it:")
        os.write(leader, b"c\n")

    with process:
        eventually(shop.ovo.ledger)
        with fails(shop, process):
            cancels()
            shown_until(b"still waiting")
            shown_until(b" s  ")
        cancels()
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
        process.wait(30)
    os.close(leader)
    assert process.returncode == OUTCOMES[told["outcome"]]
    # A file system that fails may have taken the journal from this process altogether.
    assert told["outcome"] in ("not completed", "interrupted")
    assert told["outcome"] == "interrupted" or told["is_cancelled"]
    assert fails is full or told["outcome"] == "not completed"


def closed_pipe() -> int:
    reads, writes = os.pipe()
    os.close(reads)
    return writes


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


NOBODY_READS = pytest.mark.parametrize("stream", [closed_pipe, full_disk])


@NOBODY_READS
@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_paid_that_nobody_reads_is_paid(
    shop: Shop, stream: Callable[[], int], how: list[str]
) -> None:
    writes = stream()
    with shop.begins(*shop.line("pay", *how, "INV-1", "5", PAYS), stdout=writes) as process:
        os.close(writes)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert b"INV-1: paid; standard output does not take it" in said
    assert b"Traceback" not in said
    # Nobody was told: it stays listed.
    assert shop.unacknowledged() == ["INV-1"]
    assert shop.ovo.net("INV-1") == 5


@NOBODY_READS
def test_a_cancel_and_a_void_that_nobody_reads_are_what_they_are(
    shop: Shop, stream: Callable[[], int]
) -> None:
    writes = stream()
    with shop.ovo.client(journal=shop.journal, shared=True) as client:
        assert client.pay("INV-1", amount=5, phone=PAYS).is_paid
        with shop.begins(*shop.line("void", "INV-1"), stdout=writes) as voids:
            _, said = voids.communicate(timeout=60)
        assert (voids.returncode, shop.ovo.net("INV-1")) == (0, 0), said
        assert b"INV-1: voided; standard output" in said
        with client.start("INV-2", amount=5, phone=PAYS_AFTER_50) as payment:
            with shop.begins(*shop.line("cancel", "INV-2"), stdout=writes) as cancels:
                _, said = cancels.communicate(timeout=60)
            assert isinstance(payment.outcome(), ovo_ptp.NotCompleted)
        assert cancels.returncode == 4, said
        assert b"INV-2: not completed; standard output" in said
    os.close(writes)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_standard_stream_that_was_closed_hides_no_outcome(shop: Shop, number: int) -> None:
    shell = ["sh", "-c", f'exec "$@" {number}>&-', "sh"]
    line = shop.line("pay", "--json", "INV-1", "5", PAYS, scale=SCALE)
    with shop.begins(*shell, *line, stdout=subprocess.PIPE) as process:
        told, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert (number == 1) == (told == b"")
    # Nobody was told: it is said in short beside, and stays listed.
    assert (number == 1) == (b"INV-1: paid; standard output is closed" in said)
    assert shop.unacknowledged() == ["INV-1"] * (number == 1)
    assert b"Traceback" not in said
    assert shop.ovo.net("INV-1") == 5


@NOBODY_READS
def test_what_is_said_beside_the_answer_and_nobody_reads_hides_no_outcome(
    shop: Shop, stream: Callable[[], int]
) -> None:
    writes = stream()
    line = shop.line("pay", "--json", "INV-1", "5", PAYS)
    with shop.begins(*line, stdout=subprocess.PIPE, stderr=writes) as process:
        os.close(writes)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(told)["outcome"] == "paid"
    assert shop.unacknowledged() == []


@pytest.mark.parametrize("number", [0, 2])
def test_ctrl_c_of_a_program_without_a_terminal_leaves_the_payment_to_go_on(
    shop: Shop, number: int
) -> None:
    shell = ["sh", "-c", f'exec "$@" {number}>&-', "sh"]
    line = shop.line("pay", "INV-1", "5", PAYS_AFTER_50)
    with shop.begins(*shell, *line, stdout=subprocess.PIPE) as process:
        eventually(shop.ovo.ledger)
        process.send_signal(signal.SIGINT)
        told, said = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, b""), said
    assert b"Traceback" not in said


def test_a_terminal_that_goes_away_behind_the_push_hides_no_outcome(shop: Shop) -> None:
    leader, follower = pty.openpty()
    line = shop.line("pay", "--json", "INV-1", "5", PAYS_AFTER_20)
    with shop.begins(*line, stdout=subprocess.PIPE, stderr=follower) as process:
        os.close(follower)
        eventually(shop.ovo.ledger)
        os.close(leader)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(told)["outcome"] == "paid"


def test_a_defect_of_the_program_behind_the_push_is_interrupted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        eventually(shop.ovo.ledger)
        raise ZeroDivisionError

    monkeypatch.chdir(shop.folder)
    monkeypatch.setattr(output.Countdown, "show", broken)
    code = main(shop.line("pay", "--json", "INV-1", "5", PAYS_AFTER_20)[1:])
    told, said = capsys.readouterr()
    assert code == 7
    assert json.loads(told)["outcome"] == "interrupted"
    assert "ZeroDivisionError" in said


def test_what_was_never_started_is_an_error(shop: Shop) -> None:
    for line in (
        shop.line("pay", "INV-1", "5", "0812"),
        shop.line("pay", "INV-1", "5", PAYS, "-j", "/nowhere/ovo.db"),
    ):
        with shop.begins(*line, stdout=subprocess.PIPE) as process:
            _, said = process.communicate(timeout=60)
        assert process.returncode == 1
        assert len(said.splitlines()) <= 2, said
    assert shop.ovo.ledger() == []
