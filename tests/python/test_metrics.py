"""Metrics: Prometheus' own parser reads them, and they agree with OVO's ledger and the lists."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from conftest import CANCELS, IGNORES, PAYS, ROOT, eventually
from test_cli import Till


@pytest.fixture
def till(ovo: Sandbox, tmp_path: Path) -> Till:
    return Till(ovo, tmp_path)


def parsed(text: str) -> dict[str, Metric]:
    families: dict[str, Metric] = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in families, "a family comes once"
        families[family.name] = family
    return families


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    for family in families.values():
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    raise AssertionError(f"no {name}{labels}")


def test_metrics_are_prometheus_text_and_agree_with_the_ledger(
    ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
        client.pay("INV-2", amount=700, phone=CANCELS)
        client.pay("INV-3", amount=700, phone=IGNORES)
        client.acknowledge("INV-1")
        text = client.metrics_text()
        families = parsed(text)
        assert families == parsed(text)
        decided = "ovo_ptp_payments_decided_total"
        assert value(families, decided, outcome="paid") == 1
        assert value(families, decided, outcome="declined") == 1
        assert value(families, decided, outcome="not_completed") == 1
        assert value(families, "ovo_ptp_paid_rupiah_total") == ovo.net("INV-1") == 12_500
        pushes = {"operation": "push_to_pay"}
        assert value(families, "ovo_ptp_exchange_duration_seconds_count", **pushes) == 3
        assert value(families, "ovo_ptp_responses_total", **pushes, code="00") == 1
        waiting = len(client.unacknowledged())
        listed = value(families, "ovo_ptp_listed_payments", list="unacknowledged")
        assert listed == waiting == 2
        assert value(families, "ovo_ptp_journal_free_bytes") > 0
        assert asyncio.run(client.metrics_text_async()).startswith("# HELP ovo_ptp_info")
    with pytest.raises(ovo_ptp.ClosedError):
        client.metrics_text()


def test_each_metric_has_help_a_unit_of_its_name_and_few_labels(shop: ovo_ptp.Client) -> None:
    shop.pay("INV-1", amount=5, phone=PAYS)
    families = parsed(shop.metrics_text())
    for name, family in families.items():
        assert name.startswith("ovo_ptp_")
        assert family.documentation.endswith("."), name
        assert family.type in ("counter", "gauge", "histogram"), name
        assert len(family.samples) <= 100, f"{name}: labels must have few values"
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total")
            assert "INV-1" not in str(sample)
            assert PAYS[1:] not in str(sample)
    buckets = families["ovo_ptp_exchange_duration_seconds"].samples
    pushed = [it for it in buckets if it.labels["operation"] == "push_to_pay"]
    counts = [it.value for it in pushed if it.name.endswith("_bucket")]
    assert counts == sorted(counts), "buckets are cumulative"
    assert counts[-1] == 1


def test_the_manual_says_what_each_metric_means(shop: ovo_ptp.Client) -> None:
    shop.pay("INV-1", amount=5, phone=PAYS)
    manual = (ROOT / "core/src/manual/operations.md").read_text(encoding="utf-8")
    rows = manual.split("# 7 Metrics")[1].split("\n# 8 ")[0]
    for family in parsed(shop.metrics_text()).values():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"`{name.removeprefix('ovo_ptp_')}" in rows, name


def test_the_command_line_tells_the_journals_metrics_beside_a_running_shop(
    till: Till, ovo: Sandbox
) -> None:
    with ovo.client(journal=till.folder / "ovo.db") as client:
        client.pay("INV-1", amount=5, phone=PAYS)
        done = till.run("metrics")
        assert done.returncode == 0, done.stderr
        families = parsed(done.stdout)
        assert value(families, "ovo_ptp_listed_payments", list="unacknowledged") == 1
        assert value(families, "ovo_ptp_journal_payments_total") == 1
        assert "ovo_ptp_payments_decided" not in families, "no process counted for it"
        own = parsed(client.metrics_text())
        for name, family in families.items():
            assert own[name].documentation == family.documentation
    assert parsed(json.loads(till.run("metrics", "--json").stdout))


def test_the_command_line_replaces_a_file_for_a_collector_as_a_whole(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=till.folder / "ovo.db") as client:
        client.pay("INV-1", amount=5, phone=PAYS)
    folder = tmp_path / "collector"
    folder.mkdir()
    file = folder / "ovo.prom"
    for _ in range(2):
        done = till.run("metrics", "--to", str(file))
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert parsed(file.read_text(encoding="utf-8"))
        assert [it.name for it in folder.iterdir()] == ["ovo.prom"]
    refused = till.run("metrics", "--to", str(tmp_path / "nowhere/ovo.prom"))
    assert refused.returncode == 1
    assert "to: cannot be written" in refused.stderr
    for name in ("ovo.db", "ovo.db.mark", "ovo.db.lock"):
        before = (tmp_path / name).read_bytes()
        refused = till.run("metrics", "--to", str(tmp_path / name))
        assert refused.returncode == 1
        assert "is the journal, or a file of its own" in refused.stderr
        assert (tmp_path / name).read_bytes() == before


def test_j30_the_journal_of_another_till_is_no_file_for_metrics(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    for name in ("ovo.db", "till2.db"):
        with ovo.client(journal=till.folder / name) as client:
            client.pay(f"INV-{name}", amount=5, phone=PAYS)
    before = (tmp_path / "till2.db").read_bytes()
    refused = till.run("metrics", "--to", str(tmp_path / "till2.db"))
    assert refused.returncode == 1
    assert "is there and holds no metrics" in refused.stderr
    assert (tmp_path / "till2.db").read_bytes() == before
    # A page of one's own journal's name would be one of its files.
    refused = till.run("explain", "INV-ovo.db", "--html", str(tmp_path / "ovo.db.aside-1"))
    assert refused.returncode == 1
    assert "is the journal, or a file of its own" in refused.stderr
    assert not (tmp_path / "ovo.db.aside-1").exists()


def test_a_journal_that_cannot_be_read_replaces_yesterdays_figures(
    till: Till, ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=till.folder / "ovo.db") as client:
        client.pay("INV-1", amount=5, phone=PAYS)
    file = tmp_path / "ovo.prom"
    assert till.run("metrics", "--to", str(file)).returncode == 0
    good = parsed(file.read_text(encoding="utf-8"))
    assert value(good, "ovo_ptp_journal_readable") == 1
    journal = till.folder / "ovo.db"
    journal.write_bytes(b"x" * 200 + journal.read_bytes()[200:])
    done = till.run("metrics", "--to", str(file))
    assert done.returncode == 1
    bad = parsed(file.read_text(encoding="utf-8"))
    assert value(bad, "ovo_ptp_journal_readable") == 0
    help_text = bad["ovo_ptp_journal_readable"].documentation
    assert help_text == good["ovo_ptp_journal_readable"].documentation
    assert len(bad) == 1
    # And one that is gone, too.
    assert till.run("metrics", "--to", str(file), "-j", str(tmp_path / "no.db")).returncode == 1
    assert value(parsed(file.read_text(encoding="utf-8")), "ovo_ptp_journal_readable") == 0


def test_what_was_found_of_the_journal_at_opening_is_in_the_metrics(
    ovo: Sandbox, tmp_path: Path
) -> None:
    with ovo.client(journal=tmp_path / "ovo.db") as client:
        client.pay("INV-1", amount=12_500, phone=PAYS)
        found = {"alert": "JournalFound", "critical": "true"}
        assert value(parsed(client.metrics_text()), "ovo_ptp_alerts_total", **found) == 0
    # Its mark says that there was one.
    for name in ("ovo.db", "ovo.db-wal", "ovo.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    events: list[ovo_ptp.Event] = []
    with ovo.client(journal=tmp_path / "ovo.db", on_event=events.append) as client:
        # It was told before anybody could scrape: the counter has it at the first time.
        assert value(parsed(client.metrics_text()), "ovo_ptp_alerts_total", **found) == 1
        told = eventually(lambda: [it.level for it in events if it.kind == "journal_found"])
        assert told == [logging.CRITICAL]
