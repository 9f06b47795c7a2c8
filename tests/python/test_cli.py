"""The program `ovo-ptp`, as a merchant runs it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import (
    CANCELS,
    IGNORES,
    PAYS,
    PAYS_AFTER_20,
    PAYS_AFTER_50,
    SCALE,
    eventually,
)

PROGRAM = str(Path(sys.executable).parent / "ovo-ptp")


class Till:
    """The program with the options of one shop."""

    def __init__(self, ovo: Sandbox, folder: Path) -> None:
        self.folder = folder
        self.shop = [
            "-e",
            ovo.base_url,
            "--ca-file",
            ovo.ca_file,
            "--sandbox-credentials",
        ]
        self.shop += ["--time-scale", str(SCALE)]

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, command, *self.shop, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, command: str, *arguments: str) -> tuple[int, Any]:
        done = self.run(command, "--json", *arguments)
        assert len(done.stdout.splitlines()) == 1, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def till(ovo: Sandbox, tmp_path: Path) -> Till:
    return Till(ovo, tmp_path)


def test_the_main_job(till: Till, ovo: Sandbox) -> None:
    assert till.run("doctor").stdout.endswith("all is well\n")
    assert till.run("inquire", PAYS).stdout == "0812****7890 has an OVO account\n"
    paid = till.run("pay", "INV-1", "12500", PAYS)
    assert paid.returncode == 0
    assert paid.stdout.startswith("PAID Rp12.500 (approval code ")
    assert paid.stderr == ""
    assert ovo.net("INV-1") == 12_500
    listed = till.run("payments")
    assert "INV-1" in listed.stdout
    assert "Rp12.500" in listed.stdout
    assert till.run("void", "INV-1").stdout == "voided\n"
    assert ovo.net("INV-1") == 0


def test_each_outcome_has_its_exit_code(till: Till, ovo: Sandbox) -> None:
    assert till.json("pay", "INV-1", "5", PAYS)[0] == 0
    code, outcome = till.json("pay", "INV-2", "5", CANCELS)
    assert (code, outcome["outcome"], outcome["code"]) == (3, "declined", "17")
    code, outcome = till.json("pay", "INV-3", "5", IGNORES)
    assert (code, outcome["outcome"]) == (4, "not completed")
    ovo.connection_faults({"fault": "reset_at_accept", "times": 1})
    assert till.json("pay", "INV-4", "5", PAYS)[0] == 5
    code, settled = till.json("settle", "--until-settled")
    assert (code, settled["unsettled"]) == (0, 0)
    code, listed = till.json("payments")
    assert [row["invoice"] for row in listed] == ["INV-1", "INV-2", "INV-3", "INV-4"]
    assert all(row["acknowledged"] for row in listed)
    assert listed[0]["outcome"]["outcome"] == "paid"
    assert listed[0]["begun"].endswith("+07:00")
    code, answer = till.json("void", "INV-2")
    assert (code, answer["error"]) == (1, "refused")


def test_a_check_is_for_old_payments(till: Till) -> None:
    till.run("pay", "INV-1", "5", PAYS)
    early = till.run("check", "INV-1")
    assert early.returncode == 1
    assert early.stderr.startswith("ovo-ptp: invoice INV-1: a check is meaningful from")
    time.sleep(60 * SCALE)
    code, status = till.json("check", "INV-1")
    assert (code, status["at_ovo"]) == (0, "paid")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "the following arguments are required"),
        (["sell"], 2, "invalid choice"),
        (["pay", "INV-1"], 2, "the following arguments are required"),
        (["pay", "INV-1", "12.5", PAYS], 1, "amount: must be whole rupiah"),
        (["pay", "INV-1", "0", PAYS], 1, "amount: must be at least 1 rupiah"),
        (["pay", "INV 1", "5", PAYS], 1, "invoice: only letters"),
        (["pay", "INV-1", "5", "1234"], 1, "phone: "),
        (["codes", "ZZ"], 1, "no such code"),
        (["payments", "--limit", "0"], 1, "limit: must be 1 to"),
    ],
)
def test_wrong_use_is_told_in_one_line(
    till: Till, arguments: list[str], code: int, says: str
) -> None:
    shop = till.shop if arguments[:1] in (["pay"], ["payments"]) else []
    done = subprocess.run(
        [PROGRAM, *arguments, *shop],
        cwd=till.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_credentials_come_from_the_environment_or_a_file(till: Till, ovo: Sandbox) -> None:
    till.shop.remove("--sandbox-credentials")
    without = {name: value for name, value in os.environ.items() if not name.startswith("OVO_")}
    command = [PROGRAM, "inquire", PAYS, *till.shop]
    missing = subprocess.run(
        command,
        cwd=till.folder,
        capture_output=True,
        text=True,
        env=without,
        check=False,
    )
    assert missing.returncode == 1
    assert "OVO_MERCHANT_ID" in missing.stderr
    demo = json.loads(_announcement())["demo"]
    environment = {f"OVO_{name.upper()}": value for name, value in demo.items()}
    given = subprocess.run(
        command,
        cwd=till.folder,
        capture_output=True,
        text=True,
        env=without | environment,
        check=False,
    )
    assert given.returncode == 0, given.stderr
    file = till.folder / "ovo.json"
    file.write_text(json.dumps(demo))
    file.chmod(0o600)
    assert till.run("inquire", PAYS, "--credentials", str(file)).returncode == 0


def _announcement() -> str:
    with _running_sandbox() as line:
        return line


@contextlib.contextmanager
def _running_sandbox(*options: str) -> Iterator[str]:
    with subprocess.Popen(
        [PROGRAM, "sandbox", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == 0


def test_the_sandbox_runs_without_rust(tmp_path: Path) -> None:
    with _running_sandbox("--time-scale", "0.02", "--quiet") as line:
        said = json.loads(line)
        assert said["base_url"].startswith("https://")
        credentials = ovo_ptp.Credentials(**said["demo"])
        with ovo_ptp.Client(
            said["base_url"],
            credentials,
            journal=tmp_path / "a.db",
            ca_file=said["ca_file"],
            time_scale=0.02,
        ) as shop:
            assert shop.pay("INV-1", amount=5, phone=PAYS).is_paid
    phones = subprocess.run(
        [PROGRAM, "sandbox", "--phones"], capture_output=True, text=True, check=True
    )
    assert "0812000090NN" in phones.stdout
    wrong = subprocess.run(
        [PROGRAM, "sandbox", "--colour"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "--colour" in wrong.stderr


def test_a_terminal_shows_a_countdown(till: Till) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "pay", "INV-1", "5", PAYS_AFTER_20, *till.shop],
        cwd=till.folder,
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    with process:
        while select.select([leader], [], [], 30)[0]:
            try:
                shown += os.read(leader, 4_096)
            except OSError:
                break
    os.close(leader)
    assert process.returncode == 0
    assert b"waiting for the customer" in shown
    assert b"[####" in shown
    assert b" 54 s" in shown or b" 53 s" in shown or b" 52 s" in shown


def test_f9_ctrl_c_leaves_the_payment_safe(till: Till, ovo: Sandbox) -> None:
    command = [PROGRAM, "pay", "INV-1", "5", PAYS_AFTER_50, *till.shop]
    with subprocess.Popen(
        command,
        cwd=till.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        eventually(ovo.ledger)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "ask again with the same invoice" in err
    assert till.json("pay", "INV-1", "5", PAYS_AFTER_50)[0] == 0
    assert len(ovo.ledger()) == 1


def test_ctrl_c_ends_the_sandbox_without_a_word() -> None:
    with subprocess.Popen(
        [PROGRAM, "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_watched_demo_asks_whoever_looks(tmp_path: Path) -> None:
    # No browser is opened here: the customer decides as the page would.
    with subprocess.Popen(
        [PROGRAM, "demo", "--page"],
        cwd=tmp_path,
        env={**os.environ, "BROWSER": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        page = next(line for line in lines if line.startswith("The page: ")).split()[-1]

        def confirmed() -> bool:
            said = json.dumps({"invoice": "TEH-0008", "decision": "pay"}).encode()
            try:
                with urllib.request.urlopen(page + "decide", said, timeout=30) as answer:
                    return bool(answer.status == 200)
            except urllib.error.HTTPError as early:
                early.close()
                return False

        eventually(confirmed, 120)
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    assert "Every rupiah agrees" in rest
    row = next(line for line in rest.splitlines() if line.startswith("TEH-0008"))
    assert row.split()[-2:] == ["18000", "18000"]


def test_the_demo_ends_with_agreeing_books(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "demo", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    books = json.loads(done.stdout)
    assert books["agree"]
    assert {row["outcome"] for row in books["books"]} == {
        "paid",
        "declined",
        "not completed",
        "paid, voided",
    }


def test_codes_are_listed() -> None:
    done = subprocess.run([PROGRAM, "codes"], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1 + len(ovo_ptp.response_codes())
    module = [sys.executable, "-m", "ovo_ptp", "codes", "17", "--json"]
    done = subprocess.run(module, capture_output=True, text=True, check=True)
    [row] = json.loads(done.stdout)
    assert row["decline_class"] == "declined"
