"""OVO's settlement report beside the journal: the sandbox's own, and reports that are wrong."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import subprocess
import urllib.request
from pathlib import Path

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import CANCELS, IGNORES, PAYS, eventually, settled
from test_cli import Till

WIB = dt.timezone(dt.timedelta(hours=7))


@pytest.fixture
def till(ovo: Sandbox, tmp_path: Path) -> Till:
    return Till(ovo, tmp_path)


#: Of a report that has no status.
BARE = ["--map", "status="]


class Report:
    """OVO's report, a file with the sandbox's columns; its lines are of today unless a test says
    otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lists(
        self,
        *lines: str,
        columns: str = "MerchantInvoice,Amount,Status",
        day: str | None = "today",
    ) -> Report:
        if day == "today":
            day = dt.datetime.now(WIB).strftime("%Y-%m-%d")
        end = ["", *(f"{line},{day}" for line in lines)] if day else ["", *lines]
        self.path.write_text(columns + (",TransactionDate" if day else "") + "\n".join(end) + "\n")
        return self

    def __str__(self) -> str:
        return str(self.path)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return Report(tmp_path / "report.csv")


def settlement(ovo: Sandbox) -> str:
    """What the sandbox pays out."""
    with urllib.request.urlopen(f"{ovo.control_url}/settlement.csv") as answer:
        text: str = answer.read().decode()
    return text


def found(journal: Path, report: Report, **options: object) -> dict[str, str]:
    books = ovo_ptp.Reconciliation(
        ovo_ptp.JournalReader(journal),
        ovo_ptp.read_settlement_report(report.path),
        **options,  # type: ignore[arg-type]
    )
    return {it.invoice: it.finding for it in books}


def test_a_days_report_agrees_with_the_journal_of_that_day(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
        client.pay("INV-2", amount=700, phone=CANCELS)
        client.pay("INV-3", amount=700, phone=IGNORES)
        client.pay("INV-4", amount=9_000, phone=PAYS)
        assert client.void("INV-4").state == "voided"
        settled(client, ovo)
        # Beside the running shop.
        report.path.write_text(settlement(ovo))
        code, told = till.json("reconcile", "--all", str(report))
    assert code == 0, told
    assert told["agrees"] is True
    assert {it["invoice"]: it["finding"] for it in told["payments"]} == {
        "INV-1": "matched",
        "INV-4": "refunded",
    }
    assert told["counts"]["matched"] == {"payments": 1, "rupiah": 12_500}


def test_everything_that_differs_is_named_once(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        for number in range(1, 6):
            client.pay(f"INV-{number}", amount=1_000 * number, phone=PAYS)
    today = dt.datetime.now(WIB).strftime("%d/%m/%Y")
    # Another till's sale, an amount that is not ours, a refund nobody here knows of, a line twice.
    report.path.write_text(
        "\ufeffOrder;Gross;Tanggal\r\n"
        f"INV-1;1.000,00;{today}\r\n"
        f"INV-2;2.500;{today}\r\n"
        f"INV-3;-3000;{today}\r\n"
        f"INV-4;4000;{today}\r\n"
        f"INV-4;4000;{today}\r\n"
        f"another shop's/#7;99000;{today}\r\n",
        encoding="utf-8",
    )
    columns = "invoice=Order,amount=Gross,date=Tanggal,status="
    # The last seconds of a day may be in the next day's report: ours is over by then.
    until = (dt.datetime.now(WIB) + dt.timedelta(days=1)).strftime("%Y-%m-%d")
    since = (dt.datetime.now(WIB) - dt.timedelta(days=1)).strftime("%Y-%m-%d")
    done = till.run(
        "reconcile", "--csv", "--map", columns, "--since", since, "--until", until, str(report)
    )
    assert done.returncode == 3, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["invoice"], row["finding"]) for row in rows] == [
        ("INV-2", "other amount"),
        ("INV-3", "refunded there"),
        ("INV-4", "twice"),
        ("another shop's/#7", "missing here"),
        ("INV-5", "missing at OVO"),
    ]
    shown = till.run("reconcile", "--map", columns, "--since", since, "--until", until, str(report))
    assert shown.returncode == 3
    assert "the books differ" in shown.stdout
    assert "INV-5  Rp5.000  MISSING AT OVO: paid here, and not in the report" in shown.stdout


def test_an_extra_debit_is_reported_returned_and_read_a_second_time_changes_nothing(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    # OVO says that it was declined, and takes the money hours later than anybody looks.
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=CANCELS)
        settled(client, ovo)
        assert client.payment("INV-1").settled  # type: ignore[union-attr]
    report.lists("INV-1,12500,PAID")
    before = found(tmp_path / "ovo.db", report)
    assert before == {"INV-1": "extra debit"}
    # Read without --apply: nothing changes.
    assert till.run("reconcile", str(report)).returncode == 3
    assert found(tmp_path / "ovo.db", report) == before

    done = till.run("reconcile", "--apply", str(report))
    assert done.returncode == 3
    assert "INV-1: reported as paid" in done.stderr
    # OVO says that there is none. A report is not believed against OVO's checks, nor are these against
    # the report: an operator's case.
    assert till.run("settle", "--until-settled").returncode == 6
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        assert eventually(lambda: not client.payments(unsettled=True))
        once = client.payment("INV-1")
        assert once is not None
        assert once.needs_operator
    again = till.run("reconcile", "--apply", str(report))
    assert "reported as paid" not in again.stderr, again.stderr
    assert found(tmp_path / "ovo.db", report) == {"INV-1": "with operator"}
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        assert client.payment("INV-1") == once
    assert ovo.net("INV-1") == 0


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("A,B\n1,2\n", [], "map: the report has no column Amount (amount); it has A, B"),
        ("", [], "it has none"),
        (
            "MerchantInvoice,Amount,Status Transaksi\nINV-1,5,GAGAL\n",
            [],
            "map: the report has no column Status (status); it has",
        ),
        ("MerchantInvoice,Amount\nINV-1,x\n", BARE, "line 2: the amount must be whole rupiah"),
        ("MerchantInvoice,Amount\nINV-1,0\n", BARE, "line 2: the amount must be whole rupiah"),
        (
            f"MerchantInvoice,Amount\nINV-1,{2**63}\n",
            BARE,
            "line 2: the amount must be whole rupiah",
        ),
        ("MerchantInvoice,Amount\n\nINV-1\n", BARE, "line 3 is cut short"),
        (
            "MerchantInvoice,Amount,TransactionDate\nINV-1,5,yesterday\n",
            BARE,
            "line 2: the date must be as 2026-11-26",
        ),
        ("MerchantInvoice,Amount\nINV-1,5\n", ["--map", "amount"], "map: must be name=column"),
        ("MerchantInvoice,Amount\nINV-1,5\n", ["--map", "sum=Amount"], "map: sum is none of"),
        ("MerchantInvoice,Amount\nINV-1,5\n", ["--since", "today"], "until: needed"),
        ("MerchantInvoice,Amount\nINV-1,5\n", ["--map", "date=Day"], "no column Day (date)"),
        (
            "MerchantInvoice,Amount\nINV-1,5\n",
            ["--since", "2026-11-27", "--until", "2026-11-25"],
            "until: must be behind since",
        ),
        (
            "MerchantInvoice,Amount,Status\nINV-1,5,\n",
            [],
            "line 2: nobody said whether its status means paid, refunded, nothing",
        ),
        (
            "MerchantInvoice,Amount,Status\nINV-1,5,REFUND FAILED\n",
            [],
            "line 2: nobody said whether its status means paid, refunded, nothing",
        ),
        ("MerchantInvoice,Amount\nINV-1,5\n", ["--statuses", "X=yes"], "statuses: a status means"),
        # Of the transaction and of the settlement.
        (
            "MerchantInvoice,Amount,Status,TransactionDate,Status\n"
            "INV-1,5,PAID,2026-11-26,FAILED\n",
            [],
            "map: the report has more than one column Status (status); rename the others in the "
            "file, or name one that stands once (--map status=...)",
        ),
        (
            "MerchantInvoice,Gross,Gross\nINV-1,5,6\n",
            ["--map", "status=,amount=Gross"],
            "map: the report has more than one column Gross (amount)",
        ),
        # The date, which a report need not have.
        (
            "MerchantInvoice,Amount,TransactionDate,TransactionDate\nINV-1,5,2026-11-26,2026-11-27\n",
            BARE,
            "map: the report has more than one column TransactionDate (date)",
        ),
        (
            "MerchantInvoice,Amount,TID,TID\nINV-1,5,1,2\n",
            [*BARE, "--only", "TID=1"],
            "only: the report has more than one column TID; rename the others in the file",
        ),
        (
            "MerchantInvoice,Amount,TransactionDate\nINV-1,5,9999-12-31\n",
            BARE,
            "line 2: the date must be as 2026-11-26",
        ),
        (
            f"MerchantInvoice,Amount\nINV-1,{'9' * 4_400}\n",
            BARE,
            "line 2: the amount must be whole rupiah",
        ),
        ("MerchantInvoice,Amount\nINV-1,5,6\n", BARE, "line 2 has more cells than its heading"),
        (
            "MerchantInvoice,Amount\nINV-1,5\n",
            ["--since", "2026-01-01", "--until", "9999-12-31"],
            "until: there is no day behind it",
        ),
        (
            "MerchantInvoice,Amount,Status\nINV-1,5,REFUND REVERSED\n",
            [],
            "line 2: nobody said whether its status means paid, refunded, nothing",
        ),
        (
            "MerchantInvoice,Amount,Status\nINV-1,-5,Void_Reversed\n",
            [],
            "line 2: nobody said whether its status means paid, refunded, nothing",
        ),
    ],
)
def test_a_report_that_is_none_is_refused_by_line_and_rule(
    till: Till,
    tmp_path: Path,
    report: Report,
    ovo: Sandbox,
    text: str,
    options: list[str],
    says: str,
) -> None:
    ovo.client(journal=tmp_path / "ovo.db").close()
    report.path.write_text(text)
    done = till.run("reconcile", *options, "report.csv")
    assert done.returncode == 1
    assert says in done.stderr


def test_a_status_is_read_and_never_guessed(report: Report) -> None:
    statuses = ("PAID", "success", "", "Void Success", "REFUNDED", "FAILED", "PENDING", "TUNTAS")
    lines = [f"INV-{number},5,{status}" for number, status in enumerate(statuses)]
    report.lists(*lines, day=None)
    told = {
        it.invoice: it.refunded
        for it in ovo_ptp.read_settlement_report(
            report.path, statuses={"Tuntas": "paid", "": "paid"}
        )
        if not it.nothing
    }
    paid, refunded = ("INV-0", "INV-1", "INV-2", "INV-7"), ("INV-3", "INV-4")
    assert told == {**dict.fromkeys(paid, False), **dict.fromkeys(refunded, True)}


def test_no_report_and_no_journal_are_told_apart(
    till: Till, tmp_path: Path, report: Report, ovo: Sandbox
) -> None:
    report.lists(day=None)
    none = till.run("reconcile", "report.csv")
    assert none.returncode == 1
    assert "there is none at ovo.db" in none.stderr
    ovo.client(journal=tmp_path / "ovo.db").close()
    done = till.run("reconcile", "nowhere.csv")
    assert done.returncode == 1
    assert "report: cannot be read (No such file or directory)" in done.stderr
    done = till.run("reconcile", "report.csv")
    assert "were not looked for" in done.stderr


@pytest.mark.parametrize(("lines", "day"), [([], "today"), (["INV-1,12500,PAID"], None)])
def test_a_report_that_lacks_every_sale_agrees_with_nothing(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report, lines: list[str], day: str | None
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
        client.pay("INV-2", amount=700, phone="081234567891")
    report.lists(*lines, day=day)
    code, told = till.json("reconcile", "report.csv")
    assert (code, told["agrees"], told["looked_for_missing"]) == (3, False, False)
    shown = till.run("reconcile", "report.csv")
    assert shown.returncode == 3
    assert "the books agree" not in shown.stdout
    # With its days it says what is missing.
    code, told = till.json(
        "reconcile", "report.csv", "--since", "yesterday", "--until", "2099-01-01"
    )
    assert (code, told["looked_for_missing"]) == (3, True)
    assert {it["finding"] for it in told["payments"]} == {"missing at OVO"}


@pytest.mark.parametrize("sale_first", [True, False])
def test_a_sale_and_its_void_on_two_lines_of_a_report_agree(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report, sale_first: bool
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=9_000, phone=PAYS)
        assert client.void("INV-1").state == "voided"
    lines = ["INV-1,9000,PAID", "INV-1,-9000,VOIDED"]
    report.lists(*(lines if sale_first else reversed(lines)))
    code, told = till.json("reconcile", str(report))
    assert (code, told["agrees"]) == (0, True), told
    assert "returned here" not in told["counts"]
    # Without its refund's line a later report must show it.
    report.lists(lines[0])
    code, told = till.json("reconcile", str(report))
    assert (code, list(told["counts"])) == (3, ["returned here"])


def test_a_sale_at_the_end_of_a_day_is_held_against_the_next_days_report_too(
    ovo: Sandbox, till: Till, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=25_000, phone=PAYS)
    head = "MerchantInvoice,Amount,Status,TransactionDate\n"
    # The sale was begun in the last seconds of the first report's time.
    end = (dt.datetime.now(WIB) + dt.timedelta(seconds=30)).isoformat()
    days = ("--since", "yesterday", "--until", end)
    (tmp_path / "day.csv").write_text(head)
    done = till.run("reconcile", "day.csv", *days)
    assert (done.returncode, "PERHAPS NEXT DAY" in done.stdout) == (0, True), done.stderr
    assert "reconcile DAY.csv NEXT.csv" in done.stderr
    # The next one has it, or has not.
    tomorrow = (dt.datetime.now(WIB) + dt.timedelta(days=2)).strftime("%Y-%m-%d")
    both = ("day.csv", "next.csv", "--since", "yesterday", "--until", tomorrow)
    (tmp_path / "next.csv").write_text(head + f"INV-1,25000,PAID,{tomorrow}\n")
    assert till.run("reconcile", *both).returncode == 0
    (tmp_path / "next.csv").write_text(head)
    code, told = till.json("reconcile", *both)
    assert (code, [it["finding"] for it in told["payments"]]) == (3, ["missing at OVO"])


def test_an_invoice_of_a_report_writes_no_line_of_its_own(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    ovo.client(journal=tmp_path / "ovo.db").close()
    report.lists('"X\nthe books agree\x1b[2J",5,PAID', day=None)
    done = till.run("reconcile", "report.csv")
    assert done.returncode == 3
    assert "the books agree" not in done.stdout.splitlines()
    assert "\x1b" not in done.stdout


def test_a_time_of_a_day_is_not_taken_for_the_day() -> None:
    from ovo_ptp._typed import moment

    for typed in ("2026-11-27T06", "2026-11-27 06", "2026-11-27 06:00"):
        assert moment("until", typed, end_of_day=True) == dt.datetime(2026, 11, 27, 6, tzinfo=WIB)
    whole = moment("until", "2026-11-27", end_of_day=True)
    assert whole == dt.datetime(2026, 11, 28, tzinfo=WIB)


def test_a_report_of_several_tills_is_held_against_each_tills_own_journal(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
    [first] = csv.DictReader(io.StringIO(settlement(ovo)))
    with report.path.open("w", newline="") as text:
        written = csv.DictWriter(text, list(first))
        written.writeheader()
        # As a spreadsheet leaves the number of a terminal.
        written.writerow({**first, "TID": "1"})
        written.writerow({**first, "TID": "2", "MerchantInvoice": "OTHER-1"})
    code, told = till.json("reconcile", str(report))
    assert (code, told["counts"]["missing here"]["payments"]) == (3, 1)
    code, told = till.json("reconcile", "--only", "TID=00000001", str(report))
    assert (code, told["counts"]["matched"]["payments"]) == (0, 1)
    # A till that the report has no line of sold nothing on its days, says the report.
    code, told = till.json("reconcile", "--only", "TID=00000003", str(report))
    assert (code, told["agrees"], told["looked_for_missing"]) == (3, False, True)
    assert [it["finding"] for it in told["payments"]] == ["missing at OVO"]
    wrong = till.run("reconcile", "--only", "TERMINAL=1", str(report))
    assert wrong.returncode == 1
    assert "only: the report has no column TERMINAL; it has TransactionDate" in wrong.stderr


def test_a_wrong_line_is_told_behind_what_was_found_before_it(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
    report.lists("INV-1,12000", "TOTAL,", columns="MerchantInvoice,Amount", day=None)
    done = till.run("reconcile", *BARE, "--json", str(report))
    told = json.loads(done.stdout)
    assert (done.returncode, told["agrees"], told["error"]) == (1, False, "invalid_input")
    assert [row["finding"] for row in told["payments"]] == ["other amount"]
    assert "line 3" in told["message"]
    assert "line 3" in done.stderr
    done = till.run("reconcile", *BARE, str(report))
    assert (done.returncode, "OTHER AMOUNT" in done.stdout) == (1, True)


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_behind_a_wrong_line_nothing_is_applied_and_that_is_said(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report, form: list[str]
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=CANCELS)
        settled(client, ovo)
    for wrong, applied in ((["TOTAL,"], False), ([], True)):
        report.lists("INV-1,12500", *wrong, columns="MerchantInvoice,Amount", day=None)
        done = till.run("reconcile", *BARE, *form, "--apply", str(report))
        assert "extra debit" in done.stdout.lower()
        assert (done.returncode, "line 3" in done.stderr) == ((3, False) if applied else (1, True))
        assert ("nothing was applied" in done.stderr) is not applied, done.stderr
        assert ("reported as paid" in done.stderr) is applied, done.stderr


def test_a_list_that_nobody_reads_to_its_end_applies_nothing_and_says_so(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    ovo.client(journal=tmp_path / "ovo.db").close()
    lines = [f"INV-{number},700" for number in range(5_000)]
    report.lists(*lines, columns="MerchantInvoice,Amount", day=None)
    command = till.command("reconcile", *BARE, "--apply", str(report))
    with subprocess.Popen(
        command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 1
    assert "nothing was applied" in said


def test_a_terminal_that_knows_only_ascii_ends_no_command(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
    report.path.write_text(
        "MerchantInvoice,Amount\nKOPI-\N{LATIN SMALL LETTER E WITH ACUTE},700\n", "utf-8"
    )
    done = till.run("reconcile", *BARE, str(report), environment={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, "KOPI-\\xe9" in done.stdout) == (3, True), done.stderr


def test_a_report_that_calls_a_paid_payment_failed_differs(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
        client.pay("INV-2", amount=700, phone=CANCELS)
        client.pay("INV-3", amount=900, phone=PAYS)
        settled(client, ovo)
    failed = ("INV-1,12500,FAILED", "INV-2,700,FAILED", "INV-3,900,PENDING")
    report.lists(*failed)
    with report.path.open("a") as text:
        text.write("another till's/#1,,FAILED,\n")
    code, told = till.json("reconcile", str(report))
    assert (code, told["looked_for_missing"]) == (3, True)
    assert [(it["invoice"], it["finding"], it["listed"]) for it in told["payments"]] == [
        ("INV-1", "failed there", 12_500),
        ("INV-3", "failed there", 900),
    ]
    assert told["counts"] == {"failed there": {"payments": 2, "rupiah": 13_400}}
    # The day's report called it pending, and the next one paid: in either order they agree.
    Report(tmp_path / "next.csv").lists("INV-1,12500,PAID", "INV-3,900,PAID")
    for files in (("report.csv", "next.csv"), ("next.csv", "report.csv")):
        code, told = till.json("reconcile", *files)
        assert (code, told["agrees"], list(told["counts"])) == (0, True, ["matched"])
    # Of another day's report, too, in whose days nobody looks for it.
    report.lists("INV-1,12500,FAILED", day="2026-01-02")
    code, told = till.json("reconcile", str(report))
    assert (code, list(told["counts"])) == (3, ["failed there"])
    assert (
        "FAILED THERE: the report says that no money moved"
        in till.run("reconcile", str(report)).stdout
    )


def test_books_that_lack_a_journal_of_their_place_agree_with_nothing(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("OLD-1", amount=12_500, phone=PAYS)
    assert till.journal("set-aside", "ovo.db").returncode == 0
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("NEW-1", amount=700, phone=PAYS)
    report.lists("NEW-1,700,PAID")
    (tmp_path / "ovo.db.aside-1").write_bytes(b"7" * 4096)
    for said in ("cannot be opened", "is gone"):
        code, told = till.json("reconcile", "report.csv")
        assert (code, told["agrees"], len(told["unread"])) == (3, False, 1)
        shown = till.run("reconcile", "report.csv")
        assert (shown.returncode, said in shown.stderr) == (3, True), shown.stderr
        assert "the books agree" not in shown.stdout
        assert "not all journals of this place could be read" in shown.stdout
        for options in ([], ["--totals"], ["--csv"], ["--json"], ["--totals", "--json"]):
            shown = till.run("payments", *options)
            assert (shown.returncode, said in shown.stderr) == (0, True), options
        assert "received: Rp700, without" in till.run("payments", "--totals").stdout
        measured = till.run("metrics")
        assert (measured.returncode, said in measured.stderr) == (1, True)
        assert "ovo_ptp_" in measured.stdout
        for file in tmp_path.glob("ovo.db.aside-1*"):
            file.unlink()


def test_lines_of_other_days_than_their_payments_agree_with_nothing(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        for number in range(1, 4):
            client.pay(f"INV-{number}", amount=12_500, phone=PAYS)
    today = dt.datetime.now(WIB).date()
    # As a report does whose months are taken for days.
    report.lists("INV-1,12500,PAID", "INV-2,12500,PAID", day="11/12/2025")
    code, told = till.json("reconcile", str(report))
    assert (code, told["agrees"]) == (3, False)
    assert [(it["invoice"], it["finding"]) for it in told["payments"]] == [("INV-1", "other day")]
    assert told["counts"]["other day"] == {"payments": 2, "rupiah": 25_000}
    assert (
        f"on 2025-12-11, and it was begun on {today} (2 payments)"
        in till.run("reconcile", str(report)).stdout
    )
    # With its days it says what is missing.
    code, told = till.json(
        "reconcile", str(report), "--since", "yesterday", "--until", "2099-01-01"
    )
    assert [it["finding"] for it in told["payments"]] == ["missing at OVO"]


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("2026-11-19T18:30:00Z", 20),
        ("2026-11-19T16:59:59.999Z", 19),
        ("2026-11-20 01:30:00+07:00", 20),
        ("2026-11-20 01:30 WIB", 20),
        ("20/11/2026 01:30:00 +0900", 19),
        ("20261119T183000Z", 20),
        ("2026-11-19 18:30:00", 19),
        ("2026-11-19 11:30 PM", 19),
    ],
)
def test_a_time_with_a_zone_is_of_its_day_in_wib(report: Report, date: str, day: int) -> None:
    report.lists("INV-1,5,PAID", day=date)
    [line] = ovo_ptp.read_settlement_report(report.path)
    assert line.day == dt.datetime(2026, 11, day, tzinfo=WIB)


def test_a_table_for_a_spreadsheet_has_no_formula_of_somebody_else(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    ovo.client(journal=tmp_path / "ovo.db").close()
    names = ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1", "a=\x1b[2Jb", "INV-1"]
    with report.path.open("w", newline="", encoding="utf-8") as text:
        rows = csv.writer(text, quoting=csv.QUOTE_ALL)
        rows.writerow(["MerchantInvoice", "Amount"])
        rows.writerows([name, "700"] for name in names)
    done = till.run("reconcile", *BARE, "--csv", "report.csv")
    told = [row["invoice"] for row in csv.DictReader(io.StringIO(done.stdout))]
    # Blanks at a cell's ends are no part of an invoice.
    assert told[:4] == ["'=1+1", "'+1", "'-1", "'@A1"]
    assert told[4:] == ["'=1", "'=1", "'=1", "a=\ufffd[2Jb", "INV-1"]


def test_an_approval_code_is_no_formula_of_a_spreadsheet() -> None:
    from ovo_ptp.cli.output import cell

    assert [cell(it) for it in ("=A", "\t1", "\r1", "\n1", "x\ty", -5, None, "")] == [
        "'=A", "'\ufffd1", "'\ufffd1", "'\ufffd1", "x\ufffdy", -5, None, "",
    ]  # fmt: skip


@pytest.mark.parametrize("sale_first", [True, False])
def test_a_debit_that_nobody_knew_of_and_its_refund_are_not_returned_again(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report, sale_first: bool
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=CANCELS)
        settled(client, ovo)
    lines = ["INV-1,12500,PAID", "INV-1,12500,REFUNDED"]
    report.lists(*(lines if sale_first else reversed(lines)))
    code, told = till.json("reconcile", "--apply", str(report))
    assert (code, told["agrees"], list(told["counts"])) == (0, True, ["refunded"]), told
    assert "report" not in till.run("reconcile", "--apply", str(report)).stderr
    # Without its refund's line it is one.
    report.lists(lines[0])
    assert found(tmp_path / "ovo.db", report) == {"INV-1": "extra debit"}


def test_what_an_operator_closed_is_not_said_to_go_back_by_itself(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    ovo.script(
        {"on": "reversal", "times": 0, "answer": {"empty": 503}},
        {"on": "check_payment", "times": 0, "answer": {"empty": 503}},
    )
    with ovo.client(journal=tmp_path / "ovo.db", log=False) as client:
        client.pay("INV-1", amount=12_500, phone=IGNORES)

        def closed() -> bool:
            try:
                return client.rule("INV-1", "close", reason="looked up: not debited").settled
            except ovo_ptp.OvoError:
                return False

        assert eventually(closed)
    report.lists("INV-1,12500,PAID")
    before = till.run("reconcile", str(report)).stderr
    assert "1 extra debits that an operator closed" in before
    assert "the money goes back" not in before
    applied = till.run("reconcile", "--apply", str(report)).stderr
    assert "INV-1: reported as paid; closed by an operator; return it by hand" in applied
    assert "the running shop goes on" not in applied
    assert found(tmp_path / "ovo.db", report) == {"INV-1": "contradicted"}


def test_zeros_are_no_empty_cell(report: Report) -> None:
    columns = "MerchantInvoice,Amount,Status,TID"
    report.lists("A,5,PAID,", "B,5,PAID,0", columns=columns, day=None)
    told = {
        only: [
            it.invoice
            for it in ovo_ptp.read_settlement_report(report.path, only={"TID": only})
            if not it.elsewhere
        ]
        for only in ("0000", "")
    }
    assert told == {"0000": ["B"], "": ["A"]}


def test_a_list_for_which_there_is_no_room_applies_nothing_and_is_told(
    ovo: Sandbox, till: Till, tmp_path: Path, report: Report
) -> None:
    ovo.client(journal=tmp_path / "ovo.db").close()
    report.lists("INV-1,700", columns="MerchantInvoice,Amount", day=None)
    for options in (["--apply"], ["--apply", "--json"], ["--apply", "--csv"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                till.command("reconcile", *BARE, *options, "report.csv"),
                cwd=tmp_path,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 1
        assert "nothing was applied: the list could not be written" in done.stderr
        assert "not all was written: No space left" in done.stderr
        assert "Traceback" not in done.stderr
