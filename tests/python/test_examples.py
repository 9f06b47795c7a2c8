"""The examples of `bindings/python/examples`, run against the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ovo_ptp import _native
from ovo_ptp.sandbox import Sandbox

from conftest import CANCELS, PAYS, PAYS_AFTER_20, PAYS_AFTER_50, ROOT, eventually, serving

EXAMPLES = ROOT / "bindings" / "python" / "examples"


class Programs:
    """Example programs with the sandbox in their environment."""

    def __init__(self, ovo: Sandbox, folder: Path) -> None:
        demo = json.loads(_demo())
        self.folder = folder
        self.environment = {
            **os.environ,
            **{f"OVO_{name.upper()}": value for name, value in demo.items()},
            "OVO_ENVIRONMENT": ovo.base_url,
            "OVO_CA_FILE": ovo.ca_file,
            "OVO_TIME_SCALE": str(ovo.time_scale),
            "OVO_JOURNAL": str(folder / "ovo.db"),
            "SHOP_DB": str(folder / "shop.db"),
            "PYTHONPATH": str(EXAMPLES),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.running: list[subprocess.Popen[str]] = []

    def run(self, *command: str, within: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process


def _demo() -> str:
    program = Path(sys.executable).parent / "ovo-ptp"
    with serving(str(program), "sandbox") as line:
        said = json.loads(line)
    assert said["demo"]["merchant_id"] == _native.Sandbox.credentials().merchant_id
    return json.dumps(said["demo"])


@pytest.fixture
def ovo() -> Iterator[Sandbox]:
    """Slow enough for a program to start again while a customer decides."""
    with Sandbox(time_scale=0.1) as sandbox:
        yield sandbox


@pytest.fixture
def programs(ovo: Sandbox, tmp_path: Path) -> Iterator[Programs]:
    programs = Programs(ovo, tmp_path)
    yield programs
    for process in programs.running:
        with process:
            process.kill()


def port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def serve(programs: Programs, at: int, *command: str) -> subprocess.Popen[str]:
    process = programs.start(*command)
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{at}/nothing")
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return process


def test_the_plain_script_pays_once_and_recovers(programs: Programs, ovo: Sandbox) -> None:
    plain = str(EXAMPLES / "plain.py")
    first = programs.run(plain, "ORDER-1-1", "12500", PAYS)
    assert first.returncode == 0, first.stderr
    assert "ORDER-1-1: paid Rp12.500" in first.stdout
    again = programs.run(plain, "ORDER-1-1", "12500", PAYS)
    assert again.stdout == first.stdout
    assert programs.run(plain, "ORDER-2-1", "5", CANCELS).returncode == 1
    doomed = programs.start(plain, "ORDER-3-1", "700", PAYS_AFTER_50)
    eventually(lambda: len(ovo.ledger()) == 3)
    doomed.kill()
    doomed.wait()
    recovered = programs.run(plain, "ORDER-3-1", "700", PAYS_AFTER_50)
    assert "ORDER-3-1: paid Rp700" in recovered.stdout
    assert len(ovo.ledger()) == 3


def events(answer: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_the_fastapi_shop_streams_the_countdown(programs: Programs, ovo: Sandbox) -> None:
    at = port()
    command = ["-m", "uvicorn", "fastapi_shop:app", "--port", str(at), "--log-level", "error"]
    server = serve(programs, at, *command)
    with httpx.Client(base_url=f"http://127.0.0.1:{at}", timeout=30) as browser:
        wish = {"attempt": 1, "amount": 12_500, "phone": PAYS_AFTER_20}
        first = browser.post("/orders/ORDER-1/payment", json=wish)
        assert first.status_code == 202
        assert browser.post("/orders/ORDER-1/payment", json=wish).json() == first.json()
        stream = events(browser.get(first.json()["events"]))
        assert [name for name, _ in stream][-1] == "outcome"
        assert stream[-1][1]["outcome"] == "paid"
        assert stream[-1][1]["amount"] == 12_500
        report = browser.get("/payments/ORDER-1-1").json()
        assert (report["invoice"], report["outcome"]["outcome"]) == ("ORDER-1-1", "paid")
        assert "wallet" not in report["outcome"]
        assert browser.get("/payments/ORDER-9-1").status_code == 404
        assert ("progress", "waiting_for_customer") in [(n, d.get("phase")) for n, d in stream]
        eventually(lambda: browser.get("/orders/ORDER-1").json()["status"] == "paid")
        assert len(ovo.ledger()) == 1
        wrong = browser.post("/orders/ORDER-1/payment", json={**wish, "amount": 5})
        assert wrong.status_code == 409
        wrong = browser.post("/orders/ORDER-2/payment", json={**wish, "phone": "1"})
        assert (wrong.status_code, wrong.json()["detail"][:6]) == (422, "phone:")
        # A crash while the customer decides: the next start books what became of it.
        crash = {"attempt": 1, "amount": 700, "phone": PAYS}
        ovo.script({"on": "push_to_pay", "behave": {"approve": {"after_ms": 50_000}}})
        browser.post("/orders/ORDER-3/payment", json=crash)
        eventually(lambda: len(ovo.ledger()) == 2)
        server.kill()
        server.wait()
        serve(programs, at, *command)
        again = browser.post("/orders/ORDER-3/payment", json=crash)
        assert events(browser.get(again.json()["events"]))[-1][1]["outcome"] == "paid"
        assert len(ovo.ledger()) == 2


def test_the_django_shop_pays_through_its_worker(programs: Programs, ovo: Sandbox) -> None:
    shop, at = str(EXAMPLES / "django_shop.py"), port()
    migrated = programs.run(shop, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    serve(programs, at, shop, "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{at}")
    worker = programs.start(shop, "ovo_worker")
    with httpx.Client(base_url=f"http://127.0.0.1:{at}", timeout=30) as browser:

        def status(invoice: str) -> Any:
            return browser.get(f"/pay/{invoice}/").json()["status"]

        wish = {"invoice": "ORDER-1-1", "amount": "12500", "phone": PAYS}
        assert browser.post("/pay/", data=wish).status_code == 202
        assert browser.post("/pay/", data=wish).status_code == 200
        eventually(lambda: status("ORDER-1-1") == "paid")
        assert browser.post("/pay/", data={**wish, "amount": "5"}).status_code == 409
        assert browser.post("/pay/", data={**wish, "invoice": "?"}).status_code == 422
        browser.post("/pay/", data={"invoice": "ORDER-2-1", "amount": "5", "phone": CANCELS})
        eventually(lambda: status("ORDER-2-1") == "declined")
        # The worker is killed while a customer decides; the next one goes on.
        last = {"invoice": "ORDER-3-1", "amount": "700", "phone": PAYS_AFTER_50}
        browser.post("/pay/", data=last)
        eventually(lambda: len(ovo.ledger()) == 3)
        worker.kill()
        worker.wait()
        programs.start(shop, "ovo_worker")
        eventually(lambda: status("ORDER-3-1") == "paid")
        assert len(ovo.ledger()) == 3


@pytest.mark.skipif(
    not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="needs PostgreSQL"
)
def test_mp2_c4_one_node_finishes_the_payment_of_another_that_died(programs: Programs) -> None:
    done = programs.run(str(EXAMPLES / "two_nodes.py"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "the schema is made; nodes connect as shop_till",
        "node 1: killed, while the customer looks at the prompt",
        "node 2: TABLE-7 is paid",
        "OVO: 1 push",
        "books: ['TABLE-7 paid']",
    ]


@pytest.mark.skipif(
    not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="needs PostgreSQL"
)
def test_mp2_c4_a_django_shop_on_two_hosts_loses_one(programs: Programs) -> None:
    done = programs.run(str(EXAMPLES / "django_hosts.py"), within=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "host 1: killed, while its customer looks at the prompt",
        "host 2: ORDER-1-1 is paid",
        "OVO: 3 pushes of 3 orders",
    ]
