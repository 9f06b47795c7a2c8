"""What became of a payment: the same in every form, and the same as OVO's ledger has it."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import pty
import subprocess
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import CANCELS, IGNORES, PAYS, eventually
from test_cli import PROGRAM, Till


@pytest.fixture
def till(ovo: Sandbox, tmp_path: Path) -> Till:
    return Till(ovo, tmp_path)


def explained(client: ovo_ptp.Client, invoice: str) -> ovo_ptp.Explanation:
    found = client.explain(invoice)
    assert found is not None
    return found


def test_every_outcome_is_explained_and_agrees_with_the_ledger(
    ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        assert client.explain("INV-9") is None
        client.pay("INV-1", amount=12_500, phone=PAYS)
        paid = explained(client, "INV-1")
        assert (paid.outcome, paid.money, paid.settled) == ("paid", "merchant", True)
        assert (paid.amount, paid.next_step, paid.next_at) == (12_500, None, None)
        assert ovo.net("INV-1") == 12_500
        assert [moment.what for moment in paid.story] == ["begun", "sent", "exchange"]
        answer = paid.story[-1]
        assert answer.details["code"] == "00"
        assert answer.details["rule"] == "5"
        assert answer.at >= paid.begun
        assert answer.at.utcoffset() is not None

        client.pay("INV-2", amount=700, phone=CANCELS)
        declined = explained(client, "INV-2")
        assert (declined.outcome, declined.money) == ("declined", "said not debited")
        assert declined.next_step == "closing check"
        assert declined.next_at is not None
        assert eventually(lambda: explained(client, "INV-2").money == "not debited")

        client.pay("INV-3", amount=700, phone=IGNORES)
        open_yet = explained(client, "INV-3")
        assert (open_yet.outcome, open_yet.settled) == ("not completed", False)
        assert eventually(lambda: explained(client, "INV-3").settled)
        settled = explained(client, "INV-3")
        assert settled.money == "not debited"
        assert ovo.net("INV-3") == 0
        rules = [moment.details.get("rule") for moment in settled.story]
        assert {"3", "13", "14", "15"} <= set(rules)


def test_an_explanation_is_a_value_in_two_languages(ovo: Sandbox, tmp_path: Path) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        outcome = client.pay("INV-1", amount=12_500, phone=PAYS)
        it = explained(client, "INV-1")
        again = asyncio.run(client.explain_async("INV-1"))
        assert again is not None
        assert again.story == it.story
    assert isinstance(outcome, ovo_ptp.Paid)
    assert outcome.cash_used is not None
    assert "Barang milik pelanggan" in it.text()
    assert "The goods are the customer's" in it.text("en")
    assert it.says["money"]["id"] in it.text("id")
    page = it.html("en")
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    with pytest.raises(ovo_ptp.InvalidInputError) as refused:
        it.text("fr")  # type: ignore[arg-type]
    assert refused.value.field == "language"
    assert pickle.loads(pickle.dumps(it)) == it
    assert it in {it}
    fields = json.loads(json.dumps(it.to_dict()))
    assert fields["money"] == "merchant"
    assert len(fields["story"]) == 3
    assert len(repr(it)) < 200
    for said in (it.text("id"), it.text("en"), page, repr(it), json.dumps(fields)):
        assert PAYS not in said
    kept = ovo_ptp.JournalReader(tmp_path / "ovo.db")
    found, report = kept.explain("INV-1"), kept.payment("INV-1")
    assert found is not None
    assert found.story == it.story
    assert report is not None
    assert isinstance(report.outcome, ovo_ptp.Paid)
    assert report.outcome.cash_used == outcome.cash_used
    assert kept.explain("INV-9") is None


def test_the_program_explains_beside_a_running_shop(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    assert till.run("pay", "INV-1", "12.500", PAYS).returncode == 0
    english = till.run("explain", "INV-1", "--lang", "en")
    assert english.returncode == 0, english.stderr
    assert english.stdout.startswith("invoice    INV-1, Rp12.500, ")
    assert "push to pay: answered after" in english.stdout
    assert "\x1b" not in english.stdout
    indonesian = till.run("explain", "INV-1", "--lang", "id")
    assert "uang       Saldo pelanggan terpotong" in indonesian.stdout
    code, fields = till.json("explain", "INV-1")
    assert (code, fields["money"], fields["outcome"]) == (0, "merchant", "paid")
    page = tmp_path / "inv-1.html"
    written = till.run("explain", "INV-1", "--html", str(page), "--lang", "en")
    assert written.returncode == 0, written.stderr
    assert written.stdout == ""
    assert "The goods are the customer&#39;s" in page.read_text("utf-8")
    refused = till.run("explain", "INV-1", "--html", str(page))
    assert refused.returncode == 1
    assert "html: cannot be written" in refused.stderr
    unknown = till.run("explain", "INV-9")
    assert unknown.returncode == 1
    assert "INV-9: no such payment" in unknown.stderr


def test_a_terminal_shows_the_timeline(till: Till) -> None:
    assert till.run("pay", "INV-1", "12.500", PAYS).returncode == 0
    shown = on_a_terminal(till, "explain", "INV-1", "--lang", "en")
    assert "\x1b[1mPAID\x1b[0m" in shown
    assert "\N{BLACK CIRCLE}" in shown
    assert "+0.00 s" in shown
    plain = on_a_terminal(till, "explain", "INV-1", "--lang", "en", NO_COLOR="1")
    assert "\x1b" not in plain
    assert "outcome    PAID" in plain


def on_a_terminal(till: Till, command: str, *arguments: str, **environment: str) -> str:
    leader, follower = pty.openpty()
    process: subprocess.Popen[Any]
    with subprocess.Popen(
        [PROGRAM, command, *till.shop, *arguments],
        cwd=till.folder,
        stdout=follower,
        env={**os.environ, **environment},
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                chunk = os.read(leader, 4_096)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
    os.close(leader)
    assert process.returncode == 0
    return shown.decode()
