"""OVO's acceptance test: played against the sandbox, by itself and by a person at its page."""

from __future__ import annotations

import datetime as dt
import json
import re
import signal
import subprocess
import threading
import time
from html.parser import HTMLParser
from pathlib import Path

from ovo_ptp.sandbox import Sandbox

from test_cli import PROGRAM, Till

#: The smallest picture that there is.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c626001000000050001a5f645400000000049454e44ae426082"
)


def played(folder: Path, *more: str) -> tuple[int, dict[str, str], str]:
    done = subprocess.run(
        [PROGRAM, "uat", "--sandbox", "--json", *more, "uat"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["scenarios"], done.stderr


class Page(HTMLParser):
    """What a reader of the page finds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        #: The list's lines: whether each has an empty box, and what it says.
        self.tasks: list[tuple[bool, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "li":
            self.tasks.append((False, ""))
        self.loaded += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["li"] and not self.tasks[-1][1]:
            box, _, text = data.partition("\N{BALLOT BOX} ")
            self.tasks[-1] = (not box and bool(text), text)


def test_all_scenarios_are_played_against_the_sandbox_and_stand_on_one_page(
    tmp_path: Path,
) -> None:
    code, states, said = played(tmp_path)
    seen = json.loads((tmp_path / "uat" / "state.json").read_text())["scenarios"]
    failed = {number: seen[number]["seen"] for number in states if states[number] != "passed"}
    assert not failed, f"{failed}\n{said}"
    assert code == 0
    assert len(states) == 24

    text = (tmp_path / "uat" / "report.html").read_text()
    raw = (tmp_path / "uat" / "exchanges.json").read_text()
    page = Page(text)
    assert page.tags.count("section") == 25
    assert "script" not in page.tags
    assert all(it.startswith("data:image/") for it in page.loaded), page.loaded
    assert "24 of 24" in text
    assert page.tasks == [
        (True, f"{who}: {what}")
        for who, what in (
            ("OVO", "staging credentials (merchant id, store code, tid, mid, app id, app key)"),
            ("Merchant", "public key sent to OVO (`ovo-ptp credentials new`)"),
            ("Merchant", "public addresses of the tills' way out sent to OVO, to be admitted"),
            ("OVO", "Check Payment in the contract, and how a void is asked about"),
            ("OVO", "this review approved"),
            (
                "OVO",
                "production credentials, encrypted with the public key "
                "(`ovo-ptp credentials open`)",
            ),
            (
                "Merchant",
                "`ovo-ptp doctor --environment production`; a first payment, and its void",
            ),
            ("OVO", "who is called at night, and by which numbers (batch, reference) they look"),
        )
    ], "in the order in which it is needed, each with a box to tick"
    # What the list names can be done: each command is one.
    for command in set(re.findall("`ovo-ptp ([^`]*)`", " ".join(it for _, it in page.tasks))):
        asked = [word for word in command.split() if word != "production"]
        known = subprocess.run(
            [PROGRAM, *[it for it in asked if not it.startswith("--")], "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert all(it in known for it in asked if it.startswith("--")), command
    # The person and the key are on no page.
    for secret in ("081234567890", "81234567890", "hmac", "app-id"):
        assert secret not in text
        assert secret not in raw
    scenarios = json.loads(raw)
    assert [it["operation"] for it in scenarios["1"]["exchanges"]] == ["inquiry"]
    assert scenarios["7"]["exchanges"][-1]["operation"] in ("check payment", "reversal")
    assert scenarios["20"]["exchanges"] == []

    # A picture that somebody drops there takes its slot, without anything being played again.
    assert text.count('class="slot"') == text.count("screenshot of the")
    (tmp_path / "uat" / "03" / "phone.png").write_bytes(PNG)
    before = json.loads((tmp_path / "uat" / "state.json").read_text())
    code, again, _ = played(tmp_path, "--page")
    assert (code, again) == (0, states)
    assert json.loads((tmp_path / "uat" / "state.json").read_text()) == before
    pictured = (tmp_path / "uat" / "report.html").read_text()
    assert pictured.count("<figure>") == 1
    assert pictured.count('class="slot"') == text.count('class="slot"') - 1


def test_a_scenario_is_repeated_alone_and_what_passed_is_not_played_again(tmp_path: Path) -> None:
    code, states, _ = played(tmp_path, "--only", "1,20")
    assert code == 3
    assert {number for number, state in states.items() if state == "passed"} == {"1", "20"}
    state = tmp_path / "uat" / "state.json"
    first = json.loads(state.read_text())["scenarios"]["1"]
    time.sleep(1.1)  # the time of a result has whole seconds
    played(tmp_path, "--only", "2")
    assert json.loads(state.read_text())["scenarios"]["1"] == first
    played(tmp_path, "--only", "1")
    assert json.loads(state.read_text())["scenarios"]["1"]["at"] > first["at"]
    assert len((tmp_path / "uat" / "01" / "exchanges.jsonl").read_text().splitlines()) == 1


def test_what_the_sandbox_played_is_no_evidence_for_another_merchant_or_environment(
    ovo: Sandbox, tmp_path: Path
) -> None:
    played(tmp_path, "--only", "1,20")
    till = Till(ovo, tmp_path)
    phones = ("--customer", "081234567890", "--unregistered", "081200001401")
    before = {file: file.read_bytes() for file in (tmp_path / "uat").rglob("*.*") if file.is_file()}
    for more in (phones, ("--page",), ("--page", "-e", "production", "--time-scale", "1")):
        done = till.run("uat", "uat", *more)
        assert done.returncode == 1
        assert "folder: it was played on the sandbox on this machine by merchant" in done.stderr
        assert "take another folder" in done.stderr
    assert before == {
        file: file.read_bytes() for file in (tmp_path / "uat").rglob("*.*") if file.is_file()
    }


def test_a_scenario_that_is_broken_off_is_not_passed_by_what_was_seen_before(
    tmp_path: Path,
) -> None:
    played(tmp_path, "--only", "20,7")
    again = subprocess.Popen(
        [PROGRAM, "uat", "--sandbox", "--only", "7", "uat"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    with again:
        assert again.stdout is not None
        assert "expected" in again.stdout.readline() + again.stdout.readline()
        time.sleep(0.3)
        again.send_signal(signal.SIGINT)
    code, states, _ = played(tmp_path, "--page")
    assert (code, states["7"], states["20"]) == (3, "broken off", "passed")
    # The same command goes on with it. A line that was never written whole is none.
    with (tmp_path / "uat" / "20" / "exchanges.jsonl").open("a") as record:
        record.write('{"at": "2026')
    assert played(tmp_path, "--page")[1]["20"] == "passed"
    assert played(tmp_path, "--only", "7")[1]["7"] == "passed"


def test_another_scenarios_settlement_is_no_evidence_of_this_one(tmp_path: Path) -> None:
    played(tmp_path, "--only", "4")
    # A decline is checked three minutes later: while another scenario is played.
    played(tmp_path, "--only", "7")
    shown = json.loads((tmp_path / "uat" / "exchanges.json").read_text())["7"]["exchanges"]
    invoices = {it["request"]["transactionRequestData"]["merchantInvoice"] for it in shown}
    assert shown
    assert all(it.startswith("UAT-07-") for it in invoices)


def test_a_sandbox_that_is_begun_again_holds_its_report_against_its_own_payments(
    tmp_path: Path,
) -> None:
    assert played(tmp_path, "--only", "3")[1]["3"] == "passed"
    assert played(tmp_path, "--only", "23")[1]["23"] == "passed"


def test_a_void_that_waits_for_tomorrow_is_not_tried_today(ovo: Sandbox, tmp_path: Path) -> None:
    till = Till(ovo, tmp_path)
    phones = ("--customer", "081234567890", "--unregistered", "081200001401")
    for _ in range(3):
        done = till.run("uat", "uat", "--only", "12", *phones)
        assert "waiting: paid today; say `--only 12` again tomorrow" in done.stdout, done.stdout
    # The day's push stays on the page; nothing else was sent.
    sent = [
        json.loads(line)["operation"]
        for line in (tmp_path / "uat" / "12" / "exchanges.jsonl").read_text().splitlines()
    ]
    assert sent == ["push to pay"]
    assert len(ovo.ledger()) == 1


def test_a_report_without_days_does_not_prove_that_every_paid_invoice_is_in_it(
    ovo: Sandbox, tmp_path: Path
) -> None:
    till = Till(ovo, tmp_path)
    phones = ("--customer", "081234567890", "--unregistered", "081200001401")
    till.run("uat", "uat", "--only", "3,16", *phones)
    paid = next(it["invoice"] for it in ovo.ledger())
    report = tmp_path / "report.csv"
    report.write_text(f"MerchantInvoice,Amount,Status\n{paid},10000,PAID\n")
    done = till.run("uat", "uat", "--only", "23", "--report", str(report), *phones)
    assert "failed: the report names no days" in done.stdout, done.stdout


def test_a_report_beside_a_journal_that_nobody_can_read_proves_nothing(
    ovo: Sandbox, tmp_path: Path
) -> None:
    till = Till(ovo, tmp_path)
    phones = ("--customer", "081234567890", "--unregistered", "081200001401")
    till.run("uat", "uat", "--only", "3", *phones)
    [journal] = (tmp_path / "uat").rglob("*.db")
    assert till.journal("set-aside", str(journal)).returncode == 0
    till.run("uat", "uat", "--only", "3", *phones)
    paid = ovo.ledger()[-1]["invoice"]
    journal.with_name(f"{journal.name}.aside-1").write_bytes(b"7" * 4096)
    report = tmp_path / "report.csv"
    day = dt.datetime.now(dt.timezone(dt.timedelta(hours=7))).strftime("%Y-%m-%d")
    report.write_text(f"MerchantInvoice,Amount,Status,TransactionDate\n{paid},10000,PAID,{day}\n")
    for _ in ("cannot be opened", "is gone"):
        done = till.run("uat", "uat", "--only", "23", "--report", str(report), *phones)
        assert "failed: " in done.stdout, done.stdout
        assert ".aside-1" in done.stdout, done.stdout
        for file in journal.parent.glob(f"{journal.name}.aside-1*"):
            file.unlink()


def test_a_scenario_whose_fault_never_came_has_not_passed(ovo: Sandbox, tmp_path: Path) -> None:
    # Nobody took the till off the network; the customer simply pays, or does nothing.
    till = Till(ovo, tmp_path)
    others = ("--unregistered", "081200001401")
    for number, customer, says in (
        ("8", "081234567890", "failed: the answer came"),
        ("10", "081200009000", "failed: each reversal was answered"),
        ("24", "081200009001", "failed: OVO showed no debit"),
    ):
        done = till.run("uat", "uat", "--only", number, "--customer", customer, *others)
        assert says in done.stdout, done.stdout + done.stderr


def test_a_person_with_a_phone_is_told_what_to_do(ovo: Sandbox, tmp_path: Path) -> None:
    till = Till(ovo, tmp_path)
    needed = till.run("uat", "uat", "--only", "3")
    assert needed.returncode == 1
    assert "customer: the phone number of a tester with an OVO account" in needed.stderr

    # The tester's phone is one that decides by hand; somebody presses pay on it.
    def tester() -> None:
        while True:
            waiting = [it for it in ovo.ledger() if it["state"] == "open"]
            if waiting:
                ovo.decide(waiting[0]["invoice"], "pay")
                return
            time.sleep(0.02)

    person = threading.Thread(target=tester)
    person.start()
    done = till.run(
        "uat",
        "uat",
        "--only",
        "3",
        "--customer",
        "0812-0000-0200",
        "--unregistered",
        "081200001401",
    )
    person.join()
    assert "> pay on the phone" in done.stdout, done.stderr
    assert "passed: 00" in done.stdout
    assert "1 of 24 passed" in done.stdout
    # What waits for another day says so, and is no failure.
    later = till.run(
        "uat", "uat", "--only", "23", "--customer", "081200000200", "--unregistered", "081200001401"
    )
    assert "waiting: OVO's report comes tomorrow" in later.stdout


def test_production_and_a_folder_of_somebody_elses_are_refused(
    ovo: Sandbox, tmp_path: Path
) -> None:
    till = Till(ovo, tmp_path)
    phones = ("--customer", "081200000200", "--unregistered", "081200001401")
    done = till.run("uat", "uat", "--only", "3", *phones, "-e", "production", "--time-scale", "1")
    assert done.returncode == 3
    assert "record: only towards staging" in done.stdout
    (tmp_path / "uat" / "state.json").write_text("[]")
    done = till.run("uat", "uat", "--page")
    assert done.returncode == 1
    assert "is not what this program wrote" in done.stderr
    done = till.run("uat", "other", "--only", "25", *phones)
    assert done.returncode == 1
    assert "only: must be numbers from 1 to 24" in done.stderr


def test_a_till_that_is_killed_comes_back_towards_a_host_that_wants_a_certificate(
    tmp_path: Path,
) -> None:
    with Sandbox(time_scale=0.1, client_certificate=True) as ovo:
        done = subprocess.run(
            [
                *(PROGRAM, "uat", "uat", "-e", ovo.base_url, "--ca-file", ovo.ca_file),
                *("--sandbox-credentials", "--time-scale", "0.1", "--only", "18", "--json"),
                *("--customer", "081200000105", "--unregistered", "081200001400"),
                *("--client-certificate", str(ovo.client_file)),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    assert json.loads(done.stdout.splitlines()[-1])["scenarios"]["18"] == "passed", (
        done.stdout + done.stderr
    )


def test_a_separator_of_unicode_in_an_answer_loses_no_exchange(tmp_path: Path) -> None:
    from ovo_ptp.uat.folder import Folder

    folder = Folder(tmp_path / "uat")
    names = ["a\u2028b", "a\u0085b", "a\u2029b"]
    folder.record(3).write_text(
        "".join(json.dumps(exchange(name), ensure_ascii=False) + "\n" for name in names),
        encoding="utf-8",
    )
    assert [it["operation"] for it in folder.exchanges(3)] == names


def exchange(operation: str) -> dict[str, object]:
    return {
        "at": "2026-11-27 08:00:00",
        "operation": operation,
        "ended": "answered",
        "http_status": 200,
        "took_ms": 1,
        "request": {},
        "response": {},
    }


def test_half_a_line_and_what_somebody_else_wrote_are_no_exchange(tmp_path: Path) -> None:
    from ovo_ptp.uat.folder import Folder

    folder = Folder(tmp_path / "uat")
    whole = json.dumps(exchange("push")).encode()
    folder.record(3).write_bytes(
        b"\n".join((whole, b"{}", b'{"at": "\xe2\x80', b"[1]", whole, b"\xff"))
    )
    assert [it["operation"] for it in folder.exchanges(3)] == ["push", "push"]


def test_a_scenario_whose_exchanges_are_gone_has_not_passed_any_more(tmp_path: Path) -> None:
    _, states, _ = played(tmp_path, "--only", "3")
    assert states["3"] == "passed"
    record = tmp_path / "uat" / "03" / "exchanges.jsonl"
    whole = record.read_bytes()
    record.write_bytes(whole.split(b"\n")[0][:-10])
    _, states, _ = played(tmp_path, "--page")
    assert states["3"] == "evidence gone"
    page = (tmp_path / "uat" / "report.html").read_text()
    assert "evidence gone" in page
    assert "0 of 24" in page
    assert "play it again" in page
    _, states, _ = played(tmp_path, "--only", "3")
    assert states["3"] == "passed"


def test_one_number_is_not_both_testers(ovo: Sandbox, tmp_path: Path) -> None:
    numbers = ("--customer", "081234567890", "--unregistered", "+6281234567890")
    done = Till(ovo, tmp_path).run("uat", "evidence", *numbers)
    assert (done.returncode, "unregistered: is the customer's own" in done.stderr) == (1, True)
