"""The command line on a journal in PostgreSQL, with a server of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ovo_ptp
import pytest
from ovo_ptp import journal as journals

from conftest import PAYS, ROOT

if TYPE_CHECKING:
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


def _told(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ovo_ptp", *command],
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
