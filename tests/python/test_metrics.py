"""Metrics: Prometheus' own parser reads them, and they agree with OVO's ledger and the lists."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from conftest import CANCELS, IGNORES, PAYS, ROOT
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
