"""The program `ovo-ptp`, as a merchant runs it."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp import _native
from ovo_ptp import _typed as typed_in
from ovo_ptp.sandbox import Sandbox

from conftest import (
    CANCELS,
    IGNORES,
    PATIENT,
    PAYS,
    PAYS_AFTER_20,
    PAYS_AFTER_50,
    PAYS_MUTELY,
    SCALE,
    ended,
    eventually,
    script,
    serving,
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

    def command(self, command: str, *arguments: str) -> list[str]:
        return [PROGRAM, command, *self.shop, *arguments]

    def run(
        self, command: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(command, *arguments),
            cwd=self.folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def journal(self, *what: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, "journal", *what],
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


def test_a_journal_is_set_aside_moved_and_backed_up(till: Till, ovo: Sandbox) -> None:
    def journal(action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, "journal", action, *arguments],
            cwd=till.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def with_shop(action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return journal(action, *till.shop, *arguments)

    assert till.run("pay", "INV-1", "12500", PAYS).returncode == 0
    # A backup, known for one when it is opened, until somebody vouches for it.
    assert journal("backup", "ovo.db", "copy.db").returncode == 0
    again = journal("backup", "ovo.db", "copy.db")
    assert again.returncode == 1
    assert "exists already" in again.stderr
    # Nobody vouches for what is found only while vouching.
    early = with_shop("vouch", "-j", "copy.db", "--who-and-why", "Sari: the old till is gone")
    assert early.returncode == 1
    assert "it is a backup" in early.stderr
    doubted = till.run("doctor", "-j", "copy.db")
    assert "it is a backup" in doubted.stdout
    assert "journal vouch" in doubted.stdout
    vouched = with_shop("vouch", "-j", "copy.db", "--who-and-why", "Sari: the old till is gone")
    assert vouched.stdout == "the doubt is over\n"
    assert till.run("doctor", "-j", "copy.db").stdout.endswith("all is well\n")
    # Moved, it is the journal: the invoice is known, and nothing is doubted.
    assert journal("move", "ovo.db", "till.db").returncode == 0
    assert not (till.folder / "ovo.db").exists()
    assert till.run("doctor", "-j", "till.db").stdout.endswith("all is well\n")
    # Set aside, the next one knows its invoices.
    aside = journal("set-aside", "till.db")
    assert "till.db.aside-1" in aside.stdout
    # There it stays: no journal looks for it under one more such name.
    twice = journal("set-aside", "till.db.aside-1")
    assert twice.returncode == 1
    assert "leave it there" in twice.stderr
    known = till.run("pay", "INV-1", "12500", PAYS, "-j", "till.db")
    assert known.stdout.startswith("PAID")
    assert ovo.net("INV-1") == 12_500
    assert with_shop("rekey", "-j", "till.db").returncode == 0
    # A mistyped path makes nothing.
    for nothing in (
        journal("set-aside", "tlil.db"),
        journal("move", "tlil.db", "new.db"),
        journal("backup", "tlil.db", "new.db"),
        with_shop("vouch", "-j", "tlil.db", "--who-and-why", "me"),
        with_shop("rekey", "-j", "tlil.db"),
    ):
        assert nothing.returncode == 1, nothing.stdout
        assert len(nothing.stderr.splitlines()) == 1
    assert not (till.folder / "tlil.db").exists()
    assert not (till.folder / "new.db").exists()


def test_what_was_set_aside_and_is_gone_is_told_and_vouched_for_only_when_known(till: Till) -> None:
    assert till.run("pay", "INV-1", "12500", IGNORES).returncode == 4
    assert till.journal("set-aside", "ovo.db").returncode == 0
    assert till.run("pay", "INV-2", "12500", PAYS).returncode == 0
    aside = till.folder / "ovo.db.aside-1"
    whole = aside.read_bytes()
    # One that cannot be read: nobody may think that all is in the backup, or drop the key before.
    aside.write_bytes(b"7" * 4096)
    kept = till.journal("backup", "ovo.db", "kept.db")
    assert kept.returncode == 1
    assert "cannot be opened" in kept.stderr
    assert "written to kept.db, without" in kept.stdout
    rekeyed = till.journal("rekey", "-j", "ovo.db", *till.shop)
    assert rekeyed.returncode == 1
    assert "cannot be opened" in rekeyed.stderr
    aside.write_bytes(whole)
    assert till.run("doctor").returncode == 0
    aside.unlink()
    vouch = ["vouch", "-j", "ovo.db", "--who-and-why", "Sari: compared", *till.shop]
    early = till.journal(*vouch)
    assert early.returncode == 1
    assert "is gone" in early.stderr
    unknown = till.run("show", "INV-1")
    assert unknown.returncode == 1
    assert "ovo.db.aside-1" in unknown.stderr
    assert till.journal(*vouch).stdout == "the doubt is over\n"
    assert till.run("show", "INV-1").stderr.count("aside-1") == 0


def test_the_main_job(till: Till, ovo: Sandbox) -> None:
    assert till.run("doctor").stdout.endswith("all is well\n")
    assert till.run("inquire", PAYS).stdout == "0812****7890 has an OVO account\n"
    paid = till.run("pay", "INV-1", "12500", PAYS)
    assert paid.returncode == 0
    assert paid.stdout.startswith("PAID Rp12.500 (approval code ")
    said = paid.stderr.splitlines()
    assert said[-1] == f"ovo-ptp: Rp12.500 to 0812****7890, {ovo.base_url}"
    assert "a new journal is begun at" in said[0]
    assert len(said) == 2
    assert ovo.net("INV-1") == 12_500
    listed = till.run("payments")
    assert "INV-1" in listed.stdout
    assert "Rp12.500" in listed.stdout
    assert till.run("void", "INV-1").stdout == "voided\n"
    # Whoever asks again hands over nothing.
    again = till.run("pay", "INV-1", "12500", PAYS)
    assert again.returncode == 4
    assert again.stdout.startswith("VOIDED")
    assert "Pembayaran berhasil" not in again.stdout
    assert ovo.net("INV-1") == 0


def test_how_a_void_ended_that_ovo_did_not_answer_can_be_asked(till: Till, ovo: Sandbox) -> None:
    assert till.json("pay", "INV-1", "5", PAYS)[0] == 0
    assert till.json("check-void", "INV-1")[0] == 1, "nothing was voided yet"
    ovo.script({"on": "void", "act": {"unheard": True}, "answer": {"code": "17"}})
    assert till.json("void", "INV-1") == (4, {"state": "pending", "code": None})
    code, told = eventually(lambda: (told := till.json("check-void", "INV-1"))[0] != 4 and told)
    assert (code, told) == (3, {"state": "rejected", "code": "17"})
    assert ovo.net("INV-1") == 5
    assert till.json("void", "INV-1")[0] == 0
    assert till.run("check-void", "INV-1").stdout == "voided\n"
    assert ovo.net("INV-1") == 0


def test_each_outcome_has_its_exit_code(till: Till, ovo: Sandbox) -> None:
    assert till.json("pay", "INV-1", "5", PAYS)[0] == 0
    # While nothing is to be settled, whose request would meet the fault instead.
    ovo.connection_faults({"fault": "reset_at_accept", "times": 1})
    code, outcome = till.json("pay", "INV-2", "5", PAYS)
    assert (code, outcome["outcome"]) == (5, "not sent")
    assert outcome["reason"] in ("no connection", "not trusted")
    code, outcome = till.json("pay", "INV-3", "5", CANCELS)
    assert (code, outcome["outcome"], outcome["code"]) == (3, "declined", "17")
    code, outcome = till.json("pay", "INV-4", "5", IGNORES)
    assert (code, outcome["outcome"]) == (4, "not completed")
    code, settled = till.json("settle", "--until-settled")
    assert (code, settled["unsettled"]) == (0, 0)
    code, listed = till.json("payments", "--oldest-first")
    assert [row["invoice"] for row in listed] == ["INV-1", "INV-2", "INV-3", "INV-4"]
    code, newest = till.json("payments", "--limit", "2")
    assert [row["invoice"] for row in newest] == ["INV-4", "INV-3"]
    assert all(row["acknowledged"] for row in listed)
    assert listed[0]["outcome"]["outcome"] == "paid"
    assert listed[0]["begun"].endswith("+07:00")
    code, answer = till.json("void", "INV-3")
    assert (code, answer["error"]) == (1, "refused")


@pytest.mark.parametrize(
    ("typed", "rupiah"),
    [
        ("12500", 12_500),
        ("12.500", 12_500),
        ("Rp12.500", 12_500),
        ("rp 12.500", 12_500),
        ("Rp. 1.250.000,-", 1_250_000),
        ("Rp12.500,00", 12_500),
        ("IDR 12,500.00", 12_500),
        ("12,500", 12_500),
        ("12_500", 12_500),
        ("12 500", 12_500),
        ("500,00", 500),
        ("1", 1),
    ],
)
def test_amounts_are_read_as_people_write_them(typed: str, rupiah: int) -> None:
    assert typed_in.rupiah(typed) == rupiah


@pytest.mark.parametrize(
    "typed",
    ["", "Rp", "12.5", "12,5", "1.2500", "12.500,5", "1.250,000", "12k", "-5", "0,5", "1e3", "٣"],
)
def test_an_amount_that_could_mean_another_is_refused(typed: str) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError, match="amount: must be whole rupiah") as caught:
        typed_in.rupiah(typed)
    assert caught.value.field == "amount"


def test_days_are_wib_days() -> None:
    wib = dt.timezone(dt.timedelta(hours=7))
    day = dt.datetime(2026, 11, 26, tzinfo=wib)
    assert typed_in.moment("since", "2026-11-26") == day
    assert typed_in.moment("until", "2026-11-26", end_of_day=True) == day + dt.timedelta(days=1)
    at = typed_in.moment("until", "2026-11-26T14:30", end_of_day=True)
    assert at == day + dt.timedelta(hours=14, minutes=30)
    assert typed_in.moment("since", "today") - typed_in.moment(
        "since", "yesterday"
    ) == dt.timedelta(1)
    with pytest.raises(ovo_ptp.InvalidInputError, match="since: must be a day"):
        typed_in.moment("since", "last week")


def test_amounts_and_phones_are_read_as_people_write_them(till: Till, ovo: Sandbox) -> None:
    paid = till.run("pay", "INV-1", "Rp12.500", "+62", "812", "3456", "7890")
    assert paid.returncode == 0, paid.stderr
    assert ovo.net("INV-1") == 12_500
    assert till.run("inquire", "(0812)", "3456-7890").returncode == 0


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("shared", [False, True])
def test_j30_reading_commands_work_beside_a_shop_and_change_nothing(
    till: Till, ovo: Sandbox, tmp_path: Path, shared: bool
) -> None:
    process = script(
        f"""
client = open_client(background=False, shared={shared})
client.pay("INV-1", amount=12_500, phone={PAYS!r})
client.pay("INV-2", amount=700, phone={CANCELS!r})
say("open")
sys.stdin.readline()
""",
        ovo,
        tmp_path / "ovo.db",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    before = files(tmp_path)
    assert [row["invoice"] for row in till.json("payments")[1]] == ["INV-2", "INV-1"]
    assert till.json("show", "INV-1")[1]["outcome"]["outcome"] == "paid"
    assert till.json("payments", "--totals")[1]["received"] == 12_500
    assert till.run("inquire", PAYS).returncode == 0
    assert files(tmp_path) == before
    doctor = till.run("doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert "2 payments" in doctor.stdout
    locked = till.run("acknowledge", "INV-1")
    if shared:
        assert locked.returncode == 0, locked.stderr
    else:
        assert files(tmp_path) == before
        assert locked.returncode == 1
        assert f"{process.pid}" in locked.stderr
        assert "work beside it" in locked.stderr
        assert f"{process.pid}" in doctor.stdout
    backup = till.folder / "backup.db"
    assert till.journal("backup", "ovo.db", str(backup)).returncode == 0
    assert [report.invoice for report in ovo_ptp.JournalReader(backup).payments()] == [
        "INV-1",
        "INV-2",
    ]
    ended(process, say="\n")


def test_j30_only_pay_makes_a_journal(till: Till, tmp_path: Path) -> None:
    for command in (
        ["payments"],
        ["show", "INV-1"],
        ["settle"],
        ["check", "INV-1"],
        ["void", "INV-1"],
        ["rule", "INV-1", "paid", "--reason", "r"],
        ["report-paid", "INV-1"],
        ["acknowledge", "INV-1"],
    ):
        done = till.run(command[0], *command[1:], "--journal", "mistyped.db")
        assert done.returncode == 1, command
        assert "there is none at mistyped.db" in done.stderr
    for what in (["set-aside"], ["backup", "b.db"], ["move", "to.db"]):
        done = till.journal(what[0], "mistyped.db", *what[1:])
        assert done.returncode == 1, what
        assert "there is none at mistyped.db" in done.stderr
    doctor = till.run("doctor", "--journal", "mistyped.db")
    assert doctor.returncode == 0
    assert "there is none at mistyped.db" in doctor.stdout
    assert till.run("inquire", PAYS, "--journal", "mistyped.db").returncode == 0
    assert [name for name in files(tmp_path) if "mistyped" in name or name == "to.db"] == []


def test_pay_says_what_it_found_and_acknowledges_what_it_began(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as shop:
        assert shop.pay("INV-1", amount=5, phone=PAYS).is_paid
    again = till.run("pay", "INV-1", "5", PAYS)
    assert again.returncode == 0
    since = r"INV-1 is in the journal since 20\d\d-\d\d-\d\d \d\d:\d\d WIB: nothing is pushed again"
    assert re.search(since, again.stderr)
    assert "not acknowledged: `ovo-ptp acknowledge INV-1`" in again.stderr
    assert till.json("pay", "INV-1", "5", PAYS)[1]["was_known"]
    assert not till.json("pay", "INV-2", "5", PAYS)[1]["was_known"]
    listed = {row["invoice"]: row["acknowledged"] for row in till.json("payments")[1]}
    assert listed == {"INV-1": False, "INV-2": True}
    assert till.run("acknowledge", "INV-1").stdout == "INV-1: acknowledged\n"
    assert till.json("payments", "--unacknowledged")[1] == []
    assert len(ovo.ledger()) == 2


def test_j26_the_journal_of_a_gateway_is_opened_by_every_command_that_says_its_class(
    till: Till, ovo: Sandbox
) -> None:
    with ovo.client(journal=till.folder / "ovo.db", environment_class="gateway") as shop:
        assert shop.pay("INV-1", amount=5, phone=PAYS).is_paid
    refused = till.run("check", "INV-1")
    assert refused.returncode == 1
    assert "--environment-class" in refused.stderr
    assert till.run("settle", "--environment-class", "gateway").returncode == 0
    assert till.json("doctor", "--environment-class", "gateway")[0] == 0


def test_j28_a_journal_that_the_command_line_begins_takes_no_numbers_of_another_new_one(
    till: Till, ovo: Sandbox
) -> None:
    quarter = _native.starting_batch()
    assert quarter is not None
    with ovo.client(journal=till.folder / "shop.db") as shop:
        first = shop.pay("INV-1", amount=5, phone=PAYS)
        assert isinstance(first, ovo_ptp.Paid)
    # Mistyped: it knows of nothing, and OVO is asked under numbers of its own.
    till.run("pay", "INV-1", "5", PAYS, "-j", "shpo.db")
    mistyped = till.json("show", "INV-1", "-j", "shpo.db")[1]
    assert first.batch < mistyped["batch"] <= quarter + 34


def test_j30_a_new_journal_is_said_with_its_place(till: Till) -> None:
    first = till.run("pay", "INV-1", "5", PAYS)
    assert f"a new journal is begun at {till.folder / 'ovo.db'}" in first.stderr
    assert "a new journal" not in till.run("pay", "INV-2", "5", PAYS).stderr
    mistyped = till.run("pay", "INV-1", "5", PAYS, "-j", "vov.db")
    assert f"a new journal is begun at {till.folder / 'vov.db'}" in mistyped.stderr


SUCCESSFUL = "Pembayaran berhasil"


def asked_again(till: Till, invoice: str, code: int, phone: str = PAYS) -> str:
    """What `pay` says of an invoice that is known, to people; never that it was just paid."""
    told = till.run("pay", invoice, "12500", phone)
    assert told.returncode == code, told.stderr
    assert not told.stdout.startswith("PAID")
    assert SUCCESSFUL not in told.stdout
    assert "nothing is pushed again" in told.stderr
    return told.stdout


def rules(till: Till, invoice: str, ruling: str) -> None:
    """As an operator does, as soon as the customer can no longer be debited."""
    line = ["rule", invoice, ruling, "--reason", "seen in the portal"]
    eventually(lambda: till.run(*line).returncode == 0)


def test_a_payment_that_was_voided_is_told_to_nobody_as_a_sale(till: Till, ovo: Sandbox) -> None:
    fresh = till.run("pay", "INV-1", "12500", PAYS)
    assert (fresh.returncode, SUCCESSFUL in fresh.stdout) == (0, True)
    again = till.run("pay", "INV-1", "12500", PAYS)
    assert (again.returncode, again.stdout) == (0, fresh.stdout), "a sale that stands"
    assert till.json("pay", "INV-1", "12500", PAYS)[1]["money"] == "merchant"
    assert till.run("void", "INV-1").returncode == 0
    told = asked_again(till, "INV-1", 4)
    assert told.startswith("VOIDED Rp12.500 (it was: paid; batch ")
    assert "the customer has the money back" in told
    code, fields = till.json("pay", "INV-1", "12500", PAYS)
    assert (code, fields["outcome"], fields["money"]) == (4, "paid", "voided")
    code, fields = till.json("cancel", "INV-1")
    assert (code, fields["outcome"], fields["money"]) == (4, "paid", "voided")
    assert ovo.net("INV-1") == 0


def test_a_payment_whose_void_is_not_known_yet_is_told_to_nobody_as_a_sale(
    till: Till, ovo: Sandbox
) -> None:
    assert till.run("pay", "INV-1", "12500", PAYS).returncode == 0
    ovo.script(
        {"on": "void", "times": 0, "deliver": "hang"},
        {"on": "check_void", "times": 0, "answer": {"empty": 503}},
    )
    assert till.run("void", "INV-1").stdout == "pending\n"
    told = asked_again(till, "INV-1", 4)
    assert told.startswith("VOID UNDER WAY Rp12.500")
    assert "its end is not known yet" in told


def test_a_payment_whose_void_contradicts_itself_is_told_to_nobody_as_a_sale(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    ovo.script({"on": "void", "times": 0, "act": {"pretend": True}, "answer": {"code": "25"}})
    with ovo.client(journal=tmp_path / "ovo.db") as shop:
        assert shop.pay("INV-1", amount=12_500, phone=PAYS).is_paid
        shop.void("INV-1")
        eventually(lambda: shop.payments(needs_operator=True))
    told = asked_again(till, "INV-1", 6)
    assert told.startswith("NEEDS OPERATOR Rp12.500 (it was: paid;")
    assert "An operator must find out" in told
    assert "The goods are the customer's" not in told
    assert "Hand over nothing" in told
    assert till.run("rule", "INV-1", "close", "--reason", "refunded by hand").returncode == 0
    assert asked_again(till, "INV-1", 4).startswith("CLOSED BY AN OPERATOR")


def test_what_waits_for_an_operator_is_not_promised_to_settle_by_itself(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    ovo.script(
        {"on": "check_payment", "deliver": "hang"},
        {"on": "check_payment", "times": 0, "answer": {"set": {"amount": 12_505}}},
    )
    with ovo.client(journal=tmp_path / "ovo.db") as shop:
        assert shop.pay("INV-1", amount=12_500, phone=PAYS_MUTELY).name == "not completed"
        eventually(lambda: shop.payments(needs_operator=True))
    assert ovo.net("INV-1") == 12_500
    for told in (asked_again(till, "INV-1", 6, PAYS_MUTELY), till.run("cancel", "INV-1").stdout):
        assert told.startswith("NEEDS OPERATOR Rp12.500 (it was: not completed;")
        assert "do not charge again" in told
        assert "returned" not in told
        assert "dikembalikan" not in told
    rules(till, "INV-1", "close")
    told = asked_again(till, "INV-1", 4, PAYS_MUTELY)
    assert told.startswith("CLOSED BY AN OPERATOR")
    assert "settle" not in told
    assert "dikembalikan" not in told


def test_what_an_operator_ruled_is_not_found_by_a_check(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db", check_payment=False) as shop:
        for invoice, phone in (("INV-1", "081200009400"), ("INV-2", "081200009401")):
            assert shop.pay(invoice, amount=12_500, phone=phone).name == "needs operator"
    for invoice, ruling in (("INV-1", "paid"), ("INV-2", "close")):
        rules(till, invoice, ruling)
    told = till.run("pay", "INV-1", "12500", "081200009400")
    assert (told.returncode, told.stdout[:4]) == (0, "PAID")
    assert "by an operator's ruling" in told.stdout
    assert "status check" not in told.stdout
    told_of_other = asked_again(till, "INV-2", 4, "081200009401")
    assert told_of_other.startswith("CLOSED BY AN OPERATOR")


def test_an_environment_that_nobody_chose_is_said(till: Till) -> None:
    shop = ["--sandbox-credentials", "--ca-file", str(till.folder / "none.pem")]
    done = subprocess.run(
        [PROGRAM, "inquire", PAYS, *shop],
        cwd=till.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "environment: staging" in done.stderr
    assert done.returncode == 1


def test_operators_rule_report_and_look(till: Till, ovo: Sandbox, tmp_path: Path) -> None:
    # Without Check Payment a duplicate is for an operator.
    with ovo.client(journal=tmp_path / "ovo.db", check_payment=False) as shop:
        assert shop.pay("INV-1", amount=12_500, phone="081200009400").name == "needs operator"
        assert not shop.pay("INV-2", amount=700, phone=IGNORES).is_paid
    shown = till.run("show", "INV-1")
    assert shown.returncode == 0
    assert "needs operator" in shown.stdout
    assert "waits for:" in shown.stdout
    assert [row["invoice"] for row in till.json("payments", "--needs-operator")[1]] == ["INV-1"]
    code, ruled = till.json("rule", "INV-1", "paid", "--reason", "seen in the portal")
    assert (code, ruled["outcome"]["outcome"]) == (0, "paid")
    code, again = till.json("rule", "INV-1", "paid", "--reason", "again")
    assert (code, again["error"]) == (1, "refused")
    assert till.run("report-paid", "INV-2").returncode == 0
    assert till.run("show", "INV-9").returncode == 1
    assert "INV-9" in till.run("report-paid", "INV-9").stderr


def test_what_an_operator_closed_of_a_paid_payment_is_not_counted_as_received(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    # It happens, and OVO says that there is nothing to void.
    ovo.script({"on": "void", "times": 0, "act": {"pretend": True}, "answer": {"code": "25"}})
    with ovo.client(journal=tmp_path / "ovo.db") as shop:
        shop.pay("INV-1", amount=10_000, phone=PAYS)
        shop.pay("INV-2", amount=7_000, phone="081234567891")
        shop.void("INV-2")

        def is_listed() -> bool:
            report = shop.payment("INV-2")
            return report is not None and report.needs_operator

        assert eventually(is_listed)
        report = shop.rule("INV-2", "close", reason="refunded by hand")
        assert report.settlement == "closed by an operator"
        explained = shop.explain("INV-2")
        assert explained is not None
        assert explained.money == "by hand"
    totals = till.run("payments", "--totals")
    assert "received: Rp10.000" in totals.stdout
    assert re.search(r"paid, closed by an operator +1 +Rp7.000", totals.stdout)


def test_j30_questions_that_need_no_journal_write_no_record_into_one(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    ovo.client(journal=tmp_path / "ovo.db").close()
    before = files(tmp_path)
    for name in ("ovo.db", "ovo.db.mark"):
        refused = till.run("inquire", PAYS, "--record", name)
        assert refused.returncode == 1
        assert "record: " in refused.stderr
    assert files(tmp_path) == before


def test_payments_are_totalled_and_exported(till: Till, ovo: Sandbox, tmp_path: Path) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as shop:
        for number in range(3):
            shop.pay(f"INV-{number}", amount=10_000, phone=f"0812345678{number}0")
        shop.pay("INV-3", amount=700, phone=CANCELS)
        shop.void("INV-2")
    totals = till.run("payments", "--totals")
    assert "received: Rp20.000" in totals.stdout
    assert re.search(r"paid, voided +1 +Rp10.000", totals.stdout)
    assert till.json("payments", "--totals")[1]["outcomes"]["declined"] == {
        "payments": 1,
        "rupiah": 700,
    }
    table = list(
        csv.DictReader(till.run("payments", "--csv", "--oldest-first").stdout.splitlines())
    )
    assert [(row["invoice"], row["amount"], row["outcome"]) for row in table] == [
        ("INV-0", "10000", "paid"),
        ("INV-1", "10000", "paid"),
        ("INV-2", "10000", "paid"),
        ("INV-3", "700", "declined"),
    ]
    assert [row["is_voided"] for row in table] == ["False", "False", "True", ""]
    assert table[0]["approval_code"]
    assert table[3]["code"] == "17"
    assert len(till.json("payments", "--since", "today")[1]) == 4
    assert till.json("payments", "--until", "yesterday")[1] == []
    assert till.json("payments", "--since", "2099-01-01")[1] == []
    people = till.run("payments", "--limit", "2")
    assert "these are the first 2, and there are more" in people.stderr


def test_of_what_was_handed_over_and_lost_a_copy_is_made_and_said_to_be(till: Till) -> None:
    assert till.run("pay", "INV-1", "12500", PAYS).returncode == 0
    database = sqlite3.connect(till.folder / "ovo.db")
    database.execute("INSERT OR REPLACE INTO meta VALUES ('moved to', '/mnt/usb/new.db')")
    database.commit()
    database.close()
    copied = till.journal("backup", "ovo.db", "new.db")
    assert copied.returncode == 0, copied.stderr
    assert copied.stdout.startswith("written to new.db")
    assert "was moved to /mnt/usb/new.db" in copied.stderr
    assert till.json("payments", "--journal", "new.db")[1][0]["invoice"] == "INV-1"


def test_a_journal_is_moved_and_set_aside(till: Till, ovo: Sandbox, tmp_path: Path) -> None:
    assert till.json("pay", "INV-1", "5", PAYS)[0] == 0
    assert till.journal("move", "ovo.db", "moved.db").returncode == 0
    assert not (tmp_path / "ovo.db").exists()
    assert till.json("payments", "--journal", "moved.db")[1][0]["invoice"] == "INV-1"
    aside = till.journal("set-aside", "moved.db")
    assert aside.returncode == 0, aside.stderr
    assert "moved.db.aside-1" in aside.stdout
    assert till.json("pay", "INV-2", "5", PAYS, "--journal", "moved.db")[0] == 0
    vouch = ["vouch", "--who-and-why", "looked", "--journal", "moved.db", *till.shop]
    vouched = till.journal(*vouch)
    assert vouched.stdout == "there was no doubt about this journal\n", vouched.stderr


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
        (["pay", "INV-1", "12.50", PAYS], 1, "amount: must be whole rupiah"),
        (["pay", "INV-1", "12.500.00", PAYS], 1, "amount: must be whole rupiah"),
        (["pay", "INV-1", "0.500", PAYS], 1, "amount: must be whole rupiah"),
        (["pay", "INV-1", "0", PAYS], 1, "amount: must be at least 1 rupiah"),
        (["pay", "INV 1", "5", PAYS], 1, "invoice: only letters"),
        (["pay", "INV-1", "5", "1234"], 1, "phone: "),
        (["codes", "ZZ"], 1, "no such code"),
        (["payments", "--limit", "0"], 1, "limit: must be 1 or more"),
        (["rule", "INV-1", "paid"], 2, "--reason"),
        (["journal"], 2, "the following arguments are required"),
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
    with serving(PROGRAM, "sandbox") as line:
        return line


def test_the_sandbox_runs_without_rust(tmp_path: Path) -> None:
    with serving(PROGRAM, "sandbox", "--time-scale", "0.02", "--quiet") as line:
        said = json.loads(line)
        assert said["base_url"].startswith("https://")
        credentials = ovo_ptp.Credentials(**said["demo"])
        with ovo_ptp.Client(
            said["base_url"],
            credentials,
            journal=tmp_path / "a.db",
            ca_file=said["ca_file"],
            time_scale=0.02,
            timers=PATIENT,
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
    with serving(PROGRAM, "sandbox", stop=signal.SIGINT) as line:
        assert json.loads(line)


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


def test_ov22_doctor_probes_the_signature_when_asked_once_a_day(till: Till, ovo: Sandbox) -> None:
    # The journal has to remember the day, and only `pay` makes one.
    assert till.run("doctor", "--probe-signature").returncode == 1
    assert till.run("pay", "INV-1", "5", PAYS).returncode == 0
    assert till.json("doctor")[1]["wrong_signature"] is None
    done = till.run("doctor", "--probe-signature")
    assert done.returncode == 0, done.stderr
    assert "the host checks signatures" in done.stdout
    code, said = till.json("doctor", "--probe-signature")
    assert (code, said["error"]) == (1, "refused")
    wrong = [request for request in ovo.requests() if request["signature"] == "wrong"]
    assert len(wrong) == 1


def test_ov22_doctor_says_what_it_means_that_a_wrong_signature_is_accepted(
    till: Till, ovo: Sandbox
) -> None:
    ovo.configure(signing="unchecked")
    assert till.run("pay", "INV-1", "5", PAYS).returncode == 0
    code, said = till.json("doctor", "--probe-signature")
    assert (code, said["wrong_signature"]["state"]) == (1, "accepted")
    assert "so it checks none" in said["problems"][0]


def test_totals_count_as_received_nothing_that_may_go_back(till: Till, ovo: Sandbox) -> None:
    with ovo.client(journal=till.folder / "ovo.db", background=False) as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
        client.pay("INV-2", amount=700, phone=PAYS)
        # OVO voids it, and nobody hears so.
        ovo.script(
            {"on": "void", "times": 0, "deliver": "hang"},
            {"on": "check_void", "times": 0, "answer": {"empty": 503}},
        )
        client.void("INV-1")
        report = client.payment("INV-1")
        assert report is not None
        assert report.settlement == "void under way"
    totals = till.json("payments", "--totals")[1]
    assert totals["received"] == 700
    assert totals["outcomes"]["paid, void under way"] == {"payments": 1, "rupiah": 12_500}


def test_days_in_the_wrong_order_and_a_pipe_for_figures_are_refused(
    till: Till, ovo: Sandbox
) -> None:
    ovo.client(journal=till.folder / "ovo.db").close()
    done = till.run("payments", "--since", "2026-11-27", "--until", "2026-11-25")
    assert (done.returncode, "until: must be behind since" in done.stderr) == (1, True)
    os.mkfifo(till.folder / "pipe")
    done = till.run("metrics", "--to", "pipe")
    assert (done.returncode, "it is not replaced" in done.stderr) == (1, True)
