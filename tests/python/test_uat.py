"""OVO's acceptance test: played against the sandbox, by itself and by a person at its page."""

from __future__ import annotations

import json
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
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href") and value]


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
