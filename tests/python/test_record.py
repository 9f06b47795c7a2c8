"""The recorder: OVO's evidence, without the person and without the key."""

from __future__ import annotations

import json
import resource
import stat
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import IGNORES, PAYS, eventually
from test_cli import Till


def test_every_exchange_is_a_line_without_the_person_and_without_the_key(
    ovo: Sandbox, tmp_path: Path
) -> None:
    record = tmp_path / "uat.jsonl"
    with ovo.client(journal=tmp_path / "ovo.db", record=record) as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
        client.pay("INV-2", amount=700, phone=IGNORES)
        client.void("INV-1")
        # Settlement asks and reverses behind the decision, in its own time.
        eventually(lambda: '"reversal"' in record.read_text())
    text = record.read_text()
    for secret in (PAYS, PAYS[1:], IGNORES[1:], "hmac", "app-id", "random"):
        assert secret not in text
    lines = [json.loads(line) for line in text.splitlines()]
    push, void = lines[0], next(line for line in lines if line["operation"] == "void")
    assert (push["operation"], push["ended"], push["http_status"]) == (
        "push to pay",
        "answered",
        200,
    )
    assert push["request"]["transactionRequestData"]["phone"] == f"{PAYS[:4]}****{PAYS[-4:]}"
    assert push["response"]["responseCode"] == "00"
    assert push["response"]["transactionResponseData"]["fullName"] == "***"
    assert push["at"].startswith(f"{push['request']['date'][:10]} ")
    assert void["response"]["responseCode"] == "00"
    assert {line["operation"] for line in lines} >= {"push to pay", "check payment", "reversal"}
    # What the sandbox saw is what was written.
    assert len(ovo.requests()) == len(lines)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_towards_production_nothing_is_recorded(ovo: Sandbox, tmp_path: Path) -> None:
    gateway = {"environment_class": "production", "ca_file": ovo.ca_file}
    towards: list[tuple[str, dict[str, Any]]] = [("production", {}), (ovo.base_url, gateway)]
    for environment, options in towards:
        with pytest.raises(ovo_ptp.ConfigurationError, match="record: only towards staging"):
            ovo_ptp.Client(
                environment,
                ovo.credentials,
                journal=tmp_path / "ovo.db",
                record=tmp_path / "uat.jsonl",
                **options,
            )
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_written_is_said_before_anything_is_sent(
    ovo: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError, match="record: cannot be written") as refused:
        ovo.client(journal=tmp_path / "ovo.db", record=tmp_path / "nowhere" / "uat.jsonl")
    assert refused.value.field == "record"
    assert not (tmp_path / "ovo.db").exists()


def test_a_full_disk_loses_lines_and_no_payment(ovo: Sandbox, tmp_path: Path) -> None:
    # No file of this process may grow beyond this, and the record is longer.
    most = 64 << 20
    record = tmp_path / "record.jsonl"
    with record.open("w") as text:
        text.write('{"at":')
        text.truncate(most + 1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with ovo.client(journal=tmp_path / "ovo.db", record=record) as client:
            assert client.pay("INV-1", amount=12_500, phone=PAYS).is_paid
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ovo.net("INV-1") == 12_500
    assert record.stat().st_size == most + 1


def test_the_program_records_a_payment(ovo: Sandbox, tmp_path: Path) -> None:
    till = Till(ovo, tmp_path)
    done = till.run("pay", "--record", "uat.jsonl", "INV-1", "12.500", PAYS)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "uat.jsonl").read_text().splitlines()[0])["http_status"] == 200
