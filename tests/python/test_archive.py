"""Archiving: payments that are over leave the journal for a file that everything reads."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import ovo_ptp
import pytest
from ovo_ptp._wib import WIB
from ovo_ptp.sandbox import Sandbox

from conftest import CANCELS, PATIENT, PAYS, SCALE, ended, eventually, script

PROGRAM = str(Path(sys.executable).parent / "ovo-ptp")


def opened(ovo: Sandbox, journal: Path) -> ovo_ptp.Client:
    """A shop that forgets phones at once instead of after two days."""
    return ovo.client(
        journal=journal, background=False, timers={**PATIENT, "keep_phone": 0.001}, log=False
    )


@pytest.fixture
def journal(ovo: Sandbox, tmp_path: Path) -> Path:
    """Of four payments: three are over, and the last one's outcome is in nobody's books."""
    path = tmp_path / "ovo.db"
    with opened(ovo, path) as client:
        for number in range(1, 5):
            client.pay(f"INV-{number}", amount=12_500, phone=PAYS)
            if number < 4:
                client.acknowledge(f"INV-{number}")
        eventually(lambda: _nothing_is_due(client))
    return path


def _nothing_is_due(client: ovo_ptp.Client) -> bool:
    client.settle()
    return client.next_settlement() is None


def now() -> dt.datetime:
    return dt.datetime.now(WIB)


def invoices(journal: Path) -> list[str]:
    return [report.invoice for report in ovo_ptp.JournalReader(journal).payments()]


def test_payments_that_are_over_move_and_their_invoices_stay_refused(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "archive.db"
    with opened(ovo, journal) as client:
        before = client.payment("INV-2")
        assert client._native.archived_so_far() == (0, 0)
        assert client.archive(now(), archive) == ovo_ptp.Archived(payments=3, moved=3, left=0)
        assert client._native.archived_so_far() == (3, 3)
        assert client.archive(dt.datetime(2020, 1, 1, tzinfo=WIB), tmp_path / "no.db").payments == 0
        assert not (tmp_path / "no.db").exists()
        for ask in (client.payment, client.explain, client.void, client.check, client.acknowledge):
            with pytest.raises(ovo_ptp.NotFoundError, match="archived into .*archive.db"):
                ask("INV-2")
        with pytest.raises(ovo_ptp.InvoiceReusedError, match="archived into"):
            client.pay("INV-2", amount=12_500, phone=PAYS)
        assert client.payment("INV-9") is None
        assert [report.invoice for report in client.payments()] == ["INV-4"]
    reader = ovo_ptp.JournalReader(archive)
    assert reader.payment("INV-2") == before
    assert reader.problems() == []
    story = reader.explain("INV-2")
    assert story is not None
    with pytest.raises(ovo_ptp.NotFoundError, match="archived into"):
        ovo_ptp.JournalReader(journal).explain("INV-2")
    assert ovo.net("INV-2") == 12_500


def test_an_event_loop_archives_beside_its_payments(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    async def both() -> tuple[ovo_ptp.Archived, ovo_ptp.Outcome]:
        async with opened(ovo, journal) as client:
            return await asyncio.gather(
                client.archive_async(now(), tmp_path / "archive.db"),
                client.pay_async("INV-5", amount=12_500, phone=CANCELS),
            )

    done, outcome = asyncio.run(both())
    assert (done.payments, outcome.name) == (3, "declined")
    assert invoices(journal) == ["INV-4", "INV-5"]


def test_a_wrong_day_or_place_is_refused_and_changes_nothing(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("Dear auditor", encoding="utf-8")
    with opened(ovo, journal) as client:
        with pytest.raises(ovo_ptp.InvalidInputError, match="future") as refused:
            client.archive(now() + dt.timedelta(days=1), tmp_path / "archive.db")
        assert refused.value.field == "before"
        for no_time in (dt.datetime(2026, 1, 1), None, "today"):
            with pytest.raises((ovo_ptp.InvalidInputError, ovo_ptp.InvalidTypeError)):
                client.archive(no_time, tmp_path / "archive.db")  # type: ignore[arg-type]
        for taken in ("letter.txt", "ovo.db-wal", "nowhere/archive.db"):
            with pytest.raises(ovo_ptp.JournalError):
                client.archive(now(), tmp_path / taken)
        with pytest.raises(ovo_ptp.JournalLockedError):
            client.archive(now(), journal)
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "Dear auditor"
    assert not (tmp_path / "archive.db").exists()
    assert len(invoices(journal)) == 4


def run(ovo: Sandbox, folder: Path, *what: str) -> subprocess.CompletedProcess[str]:
    """`ovo-ptp ARGUMENTS`, the ones that a shop needs put in behind the command."""
    words = 2 if what[0] == "journal" else 1
    shop = ["-e", ovo.base_url, "--ca-file", str(ovo.ca_file), "--sandbox-credentials"]
    shop += ["--time-scale", str(SCALE)]
    return subprocess.run(
        [PROGRAM, *what[:words], *shop, *what[words:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_op7_the_command_moves_them_says_so_and_is_done_once(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    day = now().isoformat(timespec="milliseconds")

    def archive(*what: str) -> subprocess.CompletedProcess[str]:
        return run(ovo, tmp_path, "journal", "archive", *what)

    for wrong, says in (
        ("26/11/2026", "before: must be a day"),
        ("2999-01-01", "before: must not be in the future"),
    ):
        refused = archive("--before", wrong, "archive.db")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert says in refused.stderr
    none = archive("--before", "yesterday", "archive.db")
    assert (none.returncode, "nothing was written" in none.stdout) == (0, True), none.stderr
    assert not (tmp_path / "archive.db").exists()
    done = archive("--before", day, "archive.db")
    assert done.returncode == 0, done.stderr
    assert "3 payments are in archive.db now" in done.stdout
    again = archive("--json", "--before", day, "archive.db")
    assert json.loads(again.stdout) == {
        "payments": 3,
        "moved": 0,
        "left": 0,
        "file": "archive.db",
    }
    other_day = archive("--before", "today", "archive.db")
    assert (other_day.returncode, "exists already" in other_day.stderr) == (1, True)
    assert archive("--before", day, "-j", "mistyped.db", "new.db").returncode == 1
    assert not (tmp_path / "mistyped.db").exists()


def test_every_reading_command_takes_the_archive_and_none_that_sells(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    with opened(ovo, journal) as client:
        client.archive(now(), tmp_path / "archive.db")
    in_archive = ["-j", "archive.db"]
    rows = json.loads(run(ovo, tmp_path, "payments", "--json", *in_archive).stdout)
    assert [row["invoice"] for row in rows] == ["INV-3", "INV-2", "INV-1"]
    for command in (["show", "INV-1"], ["explain", "INV-1"], ["metrics"]):
        read = run(ovo, tmp_path, *command, *in_archive)
        assert read.returncode == 0, read.stderr
    gone = run(ovo, tmp_path, "explain", "INV-1", "-j", "ovo.db")
    assert (gone.returncode, "archived into" in gone.stderr) == (1, True), gone.stderr
    before = sorted(path.name for path in tmp_path.iterdir())
    for command in (["pay", "INV-8", "12500", PAYS], ["acknowledge", "INV-1"], ["settle"]):
        refused = run(ovo, tmp_path, *command, *in_archive)
        assert refused.returncode == 1, command
        assert "is an archive of a journal" in refused.stderr, command
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_mp1_beside_a_shop_that_has_the_journal_for_itself_nothing_is_archived(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    process = script("client = open_client()\nsay('open')\ninput()\nclient.close()", ovo, journal)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    day = now().isoformat(timespec="milliseconds")
    refused = run(ovo, tmp_path, "journal", "archive", "--before", day, "archive.db")
    assert (refused.returncode, "Ask that program" in refused.stderr) == (1, True)
    assert not (tmp_path / "archive.db").exists()
    assert ended(process, say="\n")[0] == 0


def test_beside_processes_that_share_the_journal_it_is_archived(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    process = script(
        "client = open_client(shared=True)\nsay('open')\ninput()\n"
        "say(client.pay('INV-1', amount=12500, phone='081234567890'))",
        ovo,
        journal,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    day = now().isoformat(timespec="milliseconds")
    done = run(ovo, tmp_path, "journal", "archive", "--shared", "--before", day, "archive.db")
    assert done.returncode == 0, done.stderr
    code, _, error = ended(process, say="\n")
    assert code == 1
    assert "archived into" in error, "the other process knows its invoices, too"
    assert invoices(journal) == ["INV-4"]


def test_a_debit_that_ovo_reports_of_an_archived_payment_is_returned_by_hand_and_no_command_fails(
    ovo: Sandbox, tmp_path: Path
) -> None:
    path, archive, report = tmp_path / "ovo.db", tmp_path / "archive.db", tmp_path / "report.csv"
    # Every look behind its end is soon over, too.
    timers = {"keep_phone": 0.001, "first_sweep": 0.2, "second_sweep": 0.4, "delay_bound": 0.05}
    shop = ovo.client(journal=path, background=False, timers={**PATIENT, **timers}, log=False)
    with shop as client:
        client.pay("INV-1", amount=12_500, phone=CANCELS)
        client.acknowledge("INV-1")
        assert eventually(lambda: _nothing_is_due(client))
        assert client.archive(now(), archive).payments == 1
    today = now().strftime("%Y-%m-%d")
    report.write_text(f"MerchantInvoice,Amount,Status,TransactionDate\nINV-1,12500,PAID,{today}\n")
    for applying in ([], ["--apply"]):
        done = run(ovo, tmp_path, "reconcile", "-j", str(archive), *applying, str(report))
        assert done.returncode == 3, done
        assert "EXTRA DEBIT" in done.stdout
        assert "return it by hand, or ask OVO with batch " in done.stdout
        assert "nothing returns them from here" in done.stderr
        assert "the money goes back" not in done.stdout + done.stderr
    held = run(ovo, tmp_path, "reconcile", str(report))
    assert held.returncode == 3
    assert f"MISSING HERE: its payment was archived into {archive}" in held.stdout


def test_books_and_totals_of_archived_days_say_what_they_lack(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    with opened(ovo, journal) as client:
        client.archive(now(), tmp_path / "archive.db")
    report = tmp_path / "report.csv"
    head = "MerchantInvoice,Amount,Status,TransactionDate\n"
    report.write_text(head + f"INV-4,12500,PAID,{now():%Y-%m-%d}\n")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        line = [PROGRAM, *words, "-j", str(journal)]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    done = run("reconcile", str(report))
    told = f"3 paid payments of these days were archived into {tmp_path / 'archive.db'}"
    assert (done.returncode, told in done.stderr) == (3, True), done.stderr
    assert "the books agree" not in done.stdout
    assert json.loads(run("reconcile", "--json", str(report)).stdout)["agrees"] is False
    assert told in run("payments", "--totals").stderr
    assert told not in run("payments", "--totals", "--until", "2026-01-01").stderr
    # On a shelf: nobody knows of which days it is, and it is said.
    (tmp_path / "archive.db").rename(tmp_path / "shelf.db")
    done = run("reconcile", str(report))
    assert (done.returncode, "3 payments were archived into" in done.stderr) == (0, True)


def test_an_archive_of_another_merchant_is_refused_by_name_and_nothing_is_changed(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    archive, report = tmp_path / "archive.db", tmp_path / "report.csv"
    with opened(ovo, journal) as client:
        client.archive(now(), archive)
    theirs = ovo.credentials.merchant_id
    ours = tmp_path / "ours.toml"
    given = {"merchant_id": "999001", "store_code": "S1", "tid": "1", "mid": "2"}
    given |= {"app_id": "other", "app_key": "6b" * 32}
    ours.write_text("".join(f'{name} = "{value}"\n' for name, value in given.items()))
    ours.chmod(0o600)
    head = "MerchantInvoice,Amount,Status,TransactionDate\n"
    report.write_text(head + f"INV-1,12500,PAID,{now():%Y-%m-%d}\n")
    before = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    commands: list[list[str]] = [
        ["explain", "INV-1", "--html", "page.html"],
        ["explain", "INV-1", "--json"],
        ["show", "INV-1"],
        ["payments"],
        ["payments", "--csv"],
        ["payments", "--totals", "--json"],
        ["metrics"],
        ["reconcile", "report.csv"],
        ["reconcile", "--json", "report.csv"],
        ["reconcile", "--apply", "report.csv"],
    ]

    def read(command: list[str], *more: str, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [PROGRAM, *command, "-j", "archive.db", *more],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    for command in commands:
        for more, environment in (
            (["--credentials", str(ours)], {}),
            ([], {"OVO_MERCHANT_ID": "999001"}),
        ):
            code, told, why = read(command, *more, **environment)
            assert code == 1, command
            if "--json" in command:
                assert list(json.loads(told)) == ["error", "message"]
                why += told
            else:
                assert told == "", command
            assert "the archive at " in why, why
            assert f"archive.db belongs to merchant {theirs}, and what is asked is about" in why
            assert "merchant 999001" in why
    assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before
    for file in (archive, journal):
        with pytest.raises(ovo_ptp.JournalError, match="belongs to merchant") as refused:
            ovo_ptp.JournalReader(file, merchant="999001")
        assert refused.value.journal_kind == "foreign"
    # Who names no merchant, or the right one, reads it.
    assert read(["show", "INV-1"])[0] == 0
    assert read(["show", "INV-1"], "--sandbox-credentials")[0] == 0
    assert read(["show", "INV-1"], OVO_MERCHANT_ID=theirs)[0] == 0
    reader = ovo_ptp.JournalReader(archive, merchant=theirs)
    assert (reader.merchant, reader.counts()) == (theirs, (3, 0))
    for wrong in ("", 5):
        with pytest.raises(
            (ovo_ptp.InvalidInputError, ovo_ptp.InvalidTypeError, ovo_ptp.JournalError)
        ):
            ovo_ptp.JournalReader(archive, merchant=wrong)  # type: ignore[arg-type]


def test_another_merchants_archive_in_the_place_of_ones_own_counts_nowhere(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    archive, report = tmp_path / "archive.db", tmp_path / "report.csv"
    with opened(ovo, journal) as client:
        client.archive(now(), archive)
    whose = ovo_ptp.Credentials(
        merchant_id="100002",
        store_code="OTHER",
        tid="00000009",
        mid="000000000000009",
        app_id="other",
        app_key="6b" * 32,
    )
    till = {"tid": whose.tid, "mid": whose.mid, "store_code": whose.store_code}
    known = {"merchant_id": whose.merchant_id, "app_id": "other", "app_key": "6b" * 32}
    ovo.configure(merchants=[{**known, "terminals": [till]}])
    with ovo_ptp.Client(
        ovo.base_url,
        whose,
        journal=tmp_path / "theirs.db",
        ca_file=ovo.ca_file,
        time_scale=SCALE,
        timers={**PATIENT, "keep_phone": 0.001},
        background=False,
    ) as theirs:
        for number in (1, 2):
            assert theirs.pay(f"THEIR-{number}", amount=99_000, phone=PAYS).is_paid
            theirs.acknowledge(f"THEIR-{number}")
        assert eventually(lambda: _nothing_is_due(theirs))
        assert theirs.archive(now(), tmp_path / "their-archive.db").payments == 2
    (tmp_path / "their-archive.db").replace(archive)
    assert _is_counted_nowhere(journal, report)


def test_another_tills_archive_in_the_place_of_ones_own_counts_nowhere(
    ovo: Sandbox, journal: Path, tmp_path: Path
) -> None:
    archive, other = tmp_path / "archive.db", tmp_path / "other" / "ovo.db"
    other.parent.mkdir()
    with opened(ovo, journal) as client:
        client.archive(now(), archive)
    # Numbers count from the same quarter of an hour: each has a host of its own.
    with Sandbox(time_scale=SCALE) as elsewhere, opened(elsewhere, other) as theirs:
        for number in (1, 2):
            assert theirs.pay(f"THEIR-{number}", amount=99_000, phone=PAYS).is_paid
            theirs.acknowledge(f"THEIR-{number}")
        assert eventually(lambda: _nothing_is_due(theirs))
        assert theirs.archive(now(), tmp_path / "their-archive.db").payments == 2
    (tmp_path / "their-archive.db").replace(archive)
    assert _is_counted_nowhere(journal, tmp_path / "report.csv")


def _is_counted_nowhere(journal: Path, report: Path) -> bool:
    report.write_text(
        f"MerchantInvoice,Amount,Status,TransactionDate\nINV-4,12500,PAID,{now():%Y-%m-%d}\n"
    )
    for command in (["payments", "--totals"], ["reconcile", str(report)]):
        done = subprocess.run(
            [PROGRAM, *command, "-j", str(journal)], capture_output=True, text=True, check=False
        )
        assert "3 payments were archived into" in done.stderr, done
        assert "2 paid payments" not in done.stderr, "they are another journal's"
        assert "THEIR" not in done.stdout + done.stderr
    return True
