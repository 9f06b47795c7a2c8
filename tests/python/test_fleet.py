"""The command line on a journal in PostgreSQL, with a server of its own."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ovo_ptp
import pytest
from ovo_ptp import journal as journals

from conftest import CANCELS, IGNORES, PATIENT, PAYS, ROOT, PatientSandbox, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from ovo_ptp.sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="needs PostgreSQL"
)


def _example() -> Any:
    path = ROOT / "bindings" / "python" / "examples" / "two_nodes.py"
    spec = importlib.util.spec_from_file_location("two_nodes", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _told(*command: str, merchant: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ovo_ptp", *command],
        env={**os.environ, "OVO_MERCHANT_ID": merchant},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_op7_books_of_a_fleet_are_kept_without_credentials(ovo: Sandbox, tmp_path: Path) -> None:
    two_nodes = _example()
    with two_nodes.postgresql() as socket:
        owner = two_nodes.address(socket, "shop_owner")
        journal = two_nodes.address(socket, "shop_till")
        journals.migrate(owner, app_role="shop_till")
        with ovo_ptp.Client(
            ovo.base_url,
            ovo.credentials,
            journal=journal,
            ca_file=ovo.ca_file,
            time_scale=ovo.time_scale,
        ) as node:
            for invoice in ("TABLE-1", "TABLE-2"):
                assert node.pay(invoice, amount=12_500, phone=PAYS).name == "paid"
            # Beside the node.
            listed = json.loads(_told("payments", "-j", journal, "--json").stdout)
            assert [it["invoice"] for it in listed] == ["TABLE-2", "TABLE-1"]
        shown = _told("show", "TABLE-1", "-j", journal)
        assert "TABLE-1" in shown.stdout, shown.stderr
        assert "ovo_ptp_journal_readable 1" in _told("metrics", "-j", journal).stdout
        report = tmp_path / "report.csv"
        report.write_text(
            "MerchantInvoice,Amount,Status\nTABLE-1,12500,PAID\nTABLE-2,12500,PAID\n",
            encoding="utf-8",
        )
        days = ["--since", "today", "--until", "today"]
        agreed = _told("reconcile", str(report), "-j", journal, *days)
        assert agreed.returncode == 0, agreed.stdout + agreed.stderr
        # The owner could write past the guards: no node and no book-keeper connects as it.
        refused = _told("payments", "-j", owner)
        assert refused.returncode == 1
        assert "connect as the app role" in refused.stderr
        # Behind a restore, which this was not.
        restored = _told("journal", "migrate", owner, "--app-role", "shop_till", "--restored")
        assert restored.returncode == 0, restored.stderr


def _sql(socket: Path, user: str, statement: str) -> subprocess.CompletedProcess[str]:
    psql = [_example().programs() / "psql", "-qAtX", "-h", socket, "-U", user, "-d", "shop"]
    return subprocess.run(
        [*psql, "-c", statement], capture_output=True, text=True, check=False, cwd="/"
    )


def _history(socket: Path, invoice: str) -> bytes:
    """What a node may read of it, by the names of its columns."""
    told = _sql(
        socket,
        "shop_till",
        f"SELECT encode(history, 'hex'), repeated IS NULL FROM ovo.payment "
        f"WHERE invoice = '{invoice}'",
    )
    assert told.returncode == 0, told.stderr
    return bytes.fromhex(told.stdout.strip().partition("|")[0])


def _steps(story: ovo_ptp.Explanation | None) -> list[tuple[object, ...]]:
    assert story is not None
    named = ("rule", "operation", "attempt", "http_status", "code", "alert", "reason")
    return [(it.what, *(it.details.get(name) for name in named)) for it in story.story]


def test_a_fleets_history_stands_in_its_columns_and_tells_what_a_file_tells(
    ovo: Sandbox, tmp_path: Path
) -> None:
    def told(
        host: Sandbox, journal: str, each: Callable[[str], None]
    ) -> list[list[tuple[object, ...]]]:
        with host.client(journal=journal, settle_rate=50) as node:
            for invoice, phone in (("PAID", PAYS), ("CANCELLED", CANCELS), ("IGNORED", IGNORES)):
                node.pay(invoice, amount=12_500, phone=phone)
                each(invoice)
                assert eventually(lambda: not node.payments(unsettled=True))
                node.acknowledge(invoice)
                each(invoice)
        reader = ovo_ptp.JournalReader(journal)
        return [_steps(reader.explain(it)) for it in ("PAID", "CANCELLED", "IGNORED")]

    two_nodes = _example()
    with two_nodes.postgresql() as socket:
        owner = two_nodes.address(socket, "shop_owner")
        journals.migrate(owner, app_role="shop_till")
        before: dict[str, bytes] = {}

        def grows(invoice: str) -> None:
            now = _history(socket, invoice)
            assert now.startswith(before.get(invoice, b"")), "what was written stays"
            assert now
            before[invoice] = now

        fleet = told(ovo, two_nodes.address(socket, "shop_till"), grows)
        rules = {step[1] for step in fleet[2]}
        assert {"3", "13", "14", "15"} <= rules, fleet[2]
        # The same payments on a file, at another OVO's: the same story. How often the last one is looked
        # after depends on the machine.
        with PatientSandbox(time_scale=ovo.time_scale) as other:
            till = told(other, str(tmp_path / "till.db"), lambda _: None)
        assert fleet[:2] == till[:2]
        for looked_after in (fleet[2], till[2]):
            assert {"push to pay", "check payment", "reversal"} <= {it[2] for it in looked_after}
        assert fleet[2][:2] == till[2][:2]
        # Nothing personal, and nobody writes it anew.
        everything = _sql(socket, "shop_till", "SELECT history, repeated FROM ovo.payment")
        for number in (PAYS, CANCELS, IGNORES):
            assert number.lstrip("0").encode().hex() not in everything.stdout
        changed = (
            "UPDATE ovo.payment SET version = version + 1, history = {} WHERE invoice = 'PAID'"
        )
        for wrong in ("NULL", "substr(history, 2)", "'\\x00'"):
            refused = _sql(socket, "shop_owner", changed.format(wrong))
            assert "a history only grows" in refused.stderr, refused
            refused = _sql(socket, "shop_till", changed.format(wrong))
            assert "permission denied" in refused.stderr, refused
        assert _history(socket, "PAID") == before["PAID"]


def _is_over(node: ovo_ptp.Client) -> bool:
    node.settle()
    return node.next_settlement() is None


def test_op7_payments_of_a_fleet_that_are_over_move_into_a_file_whenever_it_is_killed(
    ovo: Sandbox, tmp_path: Path
) -> None:
    two_nodes = _example()
    with two_nodes.postgresql() as socket:
        journals.migrate(two_nodes.address(socket, "shop_owner"), app_role="shop_till")
        journal = two_nodes.address(socket, "shop_till")
        to = tmp_path / "archive.db"

        def node() -> ovo_ptp.Client:
            # Phones are forgotten at once instead of after two days.
            timers = {**PATIENT, "keep_phone": 0.001}
            return ovo.client(journal=journal, background=False, timers=timers, log=False)

        invoices = [f"TABLE-{number}" for number in range(1, 6)]
        with node() as till:
            for invoice in invoices:
                till.pay(invoice, amount=12_500, phone=PAYS)
                if invoice != "TABLE-5":
                    till.acknowledge(invoice)
            assert eventually(lambda: _is_over(till))
        shop = ["-e", ovo.base_url, "--ca-file", ovo.ca_file, "--sandbox-credentials"]
        shop += ["--time-scale", str(ovo.time_scale), "-j", journal]
        day = dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")
        command = ["journal", "archive", *shop, "--before", day, str(to)]
        # Killed at some moments, before it begins and in the middle.
        for pause in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
            with subprocess.Popen(
                [sys.executable, "-m", "ovo_ptp", *command], stderr=subprocess.DEVNULL
            ) as killed:
                time.sleep(pause)
                killed.kill()
            left = {it.invoice for it in ovo_ptp.JournalReader(journal).payments()}
            # An unfinished archive tells nothing: what it has alone is finished by the same command.
            assert "TABLE-5" in left
            assert len(left) == 5 or to.exists()
        told = _told(*command)
        assert told.returncode == 0, told.stderr
        archive = ovo_ptp.JournalReader(to)
        assert {it.invoice for it in archive.payments()} == set(invoices[:4])
        assert archive.merchant == ovo.credentials.merchant_id
        assert [it.invoice for it in ovo_ptp.JournalReader(journal).payments()] == ["TABLE-5"]
        story = archive.explain("TABLE-1")
        assert story is not None
        assert _told("explain", "TABLE-1", "-j", str(to)).returncode == 0
        gone = _told("explain", "TABLE-1", "-j", journal)
        assert "archived into" in gone.stderr
        totals = _told("payments", "--totals", "-j", journal)
        machine = platform.node()
        said = f"4 paid payments of these days were archived into {to} on machine {machine}"
        assert said in totals.stderr
        # Where nothing is, or somebody else's file is, it says on which machine it is.
        kept = to.rename(tmp_path / "kept.db")
        for _ in range(2):
            totals = _told("payments", "--totals", "-j", journal)
            said = f"archived into {to} on machine {machine}, which cannot be read from here"
            assert said in totals.stderr
            to.write_bytes(b"another machine's")
        to.unlink()
        kept.rename(to)
        with node() as till:
            with pytest.raises(ovo_ptp.InvoiceReusedError, match=r"archived into .*archive\.db"):
                till.pay("TABLE-1", amount=12_500, phone=PAYS)
            with pytest.raises(ovo_ptp.NotFoundError, match="archived into"):
                till.payment("TABLE-2")
            # Any node may: said once more it changes nothing.
            when = dt.datetime.fromisoformat(day)
            assert till.archive(when, to) == ovo_ptp.Archived(payments=4, moved=0, left=0)
            assert till.pay("TABLE-6", amount=12_500, phone=PAYS).is_paid
        assert ovo.net("TABLE-1") == 12_500
        # Another merchant's books are not told.
        for books in (journal, str(to)):
            refused = _told("payments", "-j", books, merchant="999001")
            assert (refused.returncode, refused.stdout) == (1, "")
            assert "belongs to merchant" in refused.stderr
            assert _told("payments", "-j", books, merchant=ovo.credentials.merchant_id).stdout


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg2://till:geheim@127.0.0.1/shop",
        " postgresql://till:geheim@127.0.0.1/shop",
        "POSTGRESQL://till:geheim@127.0.0.1/shop",
        "postgres//till:geheim@127.0.0.1/shop",
        "postgresql:/till:geheim@127.0.0.1/shop",
        "postgresql://till:geheim@127.0.0.1:1/shop?sslmode=disable",
    ],
)
def test_b13_an_address_that_is_wrong_never_shows_its_password(address: str) -> None:
    for command in (["payments"], ["show", "X"], ["journal", "set-aside"], ["journal", "migrate"]):
        arguments = [*command, "-j", address]
        if command[-1] == "migrate":
            arguments = [*command, address, "--app-role", "till"]
        told = _told(*arguments)
        assert told.returncode != 0, command
        assert "geheim" not in told.stdout + told.stderr, command
    with pytest.raises(ovo_ptp.OvoError) as refused:
        ovo_ptp.JournalReader(address)
    assert "geheim" not in str(refused.value)


def test_j21_a_journal_in_a_file_is_moved_into_the_fleets(ovo: Sandbox, tmp_path: Path) -> None:
    two_nodes = _example()
    file = tmp_path / "till.db"
    with two_nodes.postgresql() as socket:
        owner = two_nodes.address(socket, "shop_owner")
        fleet = two_nodes.address(socket, "shop_till")
        with ovo.client(journal=file) as till:
            assert till.pay("TABLE-1", amount=12_500, phone=PAYS).name == "paid"
            held = _told("journal", "move", str(file), owner)
            assert held.returncode == 1
            assert "migrate" in held.stderr or "open" in held.stderr, held.stderr
        unmade = _told("journal", "move", str(file), owner)
        assert unmade.returncode == 1
        assert "ovo-ptp journal migrate" in unmade.stderr, unmade.stderr
        journals.migrate(owner, app_role="shop_till")
        refused = _told("journal", "move", str(file), fleet)
        assert refused.returncode == 1
        assert "owns the schema" in refused.stderr, refused.stderr
        secret = owner.replace("postgresql:///", "postgresql://nobody:geheim@/")
        shown = _told("journal", "move", str(file), secret)
        assert shown.returncode != 0
        assert "geheim" not in shown.stderr + shown.stdout
        steps: list[str] = []
        moved = journals.move(file, owner, on_progress=lambda step, _done, _of: steps.append(step))
        assert moved is not None
        assert (moved.payments, moved.archived, moved.was_there) == (1, 0, False)
        assert steps == ["Copying", "Copied", "HandedOver", "Committed", "Arrived"]
        again = _told("journal", "move", str(file), owner)
        assert again.returncode == 0, again.stderr
        assert "nothing was left to do" in again.stdout
        with pytest.raises(ovo_ptp.JournalError, match="was moved to postgresql://"):
            ovo.client(journal=file)
        with ovo.client(journal=fleet) as node:
            report = node.payment("TABLE-1")
            assert report is not None
            assert node.pay("TABLE-1", amount=12_500, phone=PAYS).name == "paid"
            assert node.pay("TABLE-2", amount=12_500, phone=PAYS).name == "paid"
        assert ovo.net("TABLE-1") == 12_500


def test_a_password_that_expires_is_asked_for_at_every_connection(ovo: Sandbox) -> None:
    two_nodes = _example()
    with two_nodes.postgresql() as socket:
        journals.migrate(two_nodes.address(socket, "shop_owner"), app_role="shop_till")

        def rolls(password: str) -> None:
            """From here on the server asks for this one, and every node must come again."""
            told = _sql(
                socket,
                "postgres",
                f"ALTER ROLE shop_till PASSWORD '{password}'; SELECT pg_reload_conf(), "
                "count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'shop_till'",
            )
            assert told.returncode == 0, told.stderr

        access = Path(_sql(socket, "postgres", "SHOW hba_file").stdout.strip())
        access.write_text(
            "local all shop_till scram-sha-256\nlocal all all trust\n", encoding="ascii"
        )
        rolls("hunter2-a")
        tells: list[Any] = ["hunter2-a"]
        asked: list[tuple[str, int, str]] = []

        def token(host: str, port: int, user: str) -> str:
            asked.append((host, port, user))
            if isinstance(tells[0], BaseException):
                raise tells[0]
            told: str = tells[0]
            return told

        address = two_nodes.address(socket, "shop_till")

        def pays(node: ovo_ptp.Client, invoice: str) -> bool:
            try:
                return node.pay(invoice, amount=12_500, phone=PAYS).name == "paid"
            except ovo_ptp.JournalError:
                return False

        with ovo.client(journal=address, journal_password=token) as node:
            assert eventually(lambda: pays(node, "FIRST"))
            assert set(asked) == {(str(socket), 5432, "shop_till")}
            before = len(asked)
            rolls("hunter2-b")
            tells[0] = "hunter2-b"
            assert eventually(lambda: pays(node, "SECOND"))
            assert len(asked) > before
            rolls("hunter2-c")
            for fails, said in (
                ("hunter2-b", "password authentication failed"),
                (ValueError("hunter2-b is no token"), "journal_password raised ValueError"),
                (SystemExit("hunter2-b"), "journal_password raised SystemExit"),
                (b"hunter2-b", "must be text (str), not bytes"),
                ("", "returned nothing"),
            ):
                tells[0] = fails
                with pytest.raises(ovo_ptp.JournalError) as refused:
                    node.pay("REFUSED", amount=12_500, phone=PAYS)
                assert said in str(refused.value)
                assert "hunter2" not in str(refused.value)
            tells[0] = "hunter2-c"
            assert eventually(lambda: pays(node, "THIRD"))
        pushed = [entry["invoice"] for entry in ovo.ledger()]
        assert sorted(pushed) == ["FIRST", "SECOND", "THIRD"]
        with pytest.raises(ovo_ptp.InvalidTypeError) as wrong:
            ovo.client(journal=address, journal_password="hunter2")
        assert "hunter2" not in str(wrong.value)


def test_a_password_callable_is_for_an_address_without_one(ovo: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ovo_ptp.InvalidInputError, match="is for a journal in PostgreSQL"):
        ovo.client(journal=tmp_path / "a.db", journal_password=lambda *_: "hunter2")
    assert not (tmp_path / "a.db").exists()
    with pytest.raises(ovo_ptp.ConfigurationError, match="not both"):
        ovo.client(
            journal="postgresql://shop_till:hunter2@localhost/shop",
            journal_password=lambda *_: "hunter2",
        )
