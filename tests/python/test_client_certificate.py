"""A host that wants to know who its merchants are: mutual TLS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import PAYS, SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).parent / "ovo-ptp")


@pytest.fixture
def strict() -> Iterator[Sandbox]:
    """OVO behind an acquirer that terminates mutual TLS."""
    with Sandbox(client_certificate=True) as sandbox:
        yield sandbox


def test_n27_a_payment_is_made_with_the_certificate(strict: Sandbox, tmp_path: Path) -> None:
    with strict.client(journal=tmp_path / "shop.db") as client:
        assert isinstance(client.pay("INV-1", amount=10_000, phone=PAYS), ovo_ptp.Paid)
        diagnosis = client.doctor()
    assert strict.net("INV-1") == 10_000
    assert diagnosis.is_well, str(diagnosis)
    assert (diagnosis.tls, diagnosis.http, diagnosis.proxy) == ("TLS 1.3", "HTTP/1.1", None)
    assert diagnosis.host_certificate_days is not None
    assert diagnosis.client_certificate_days is not None
    assert diagnosis.client_certificate_days > 3000


def test_n27_without_it_or_with_a_foreign_one_nothing_is_sent(
    strict: Sandbox, tmp_path: Path
) -> None:
    with Sandbox(client_certificate=True) as another:
        for invoice, shown in (("INV-1", None), ("INV-2", another.client_file)):
            journal = tmp_path / f"{invoice}.db"
            with strict.client(journal=journal, client_certificate=shown) as client:
                told = client.pay(invoice, amount=10_000, phone=PAYS)
                assert isinstance(told, ovo_ptp.NotSent)
                assert told.reason == "not trusted"
                assert not client.doctor().is_well
            assert strict.net(invoice) == 0


def test_n27_the_command_line_takes_both_files(strict: Sandbox, tmp_path: Path) -> None:
    assert strict.client_file is not None
    pair = Path(strict.client_file).read_text(encoding="ascii")
    certificate, _, key = pair.partition("-----BEGIN PRIVATE KEY-----")
    (tmp_path / "till.pem").write_text(certificate, encoding="ascii")
    (tmp_path / "till.key").write_text(f"-----BEGIN PRIVATE KEY-----{key}", encoding="ascii")
    (tmp_path / "till.key").chmod(0o600)
    shop = ["-e", strict.base_url, "--ca-file", strict.ca_file, "--sandbox-credentials"]
    shop += ["--time-scale", str(SCALE), "--client-certificate", "till.pem"]

    def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, command, *shop, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    paid = run("pay", "INV-1", "12500", PAYS, "--client-key", "till.key")
    assert paid.returncode == 0, paid.stderr
    assert strict.net("INV-1") == 12_500
    told = run("doctor", "--client-key", "till.key")
    assert "client's certificate: ends on " in told.stdout, told.stdout
    assert "protocol:             TLS 1.3, HTTP/1.1" in told.stdout
    without = run("pay", "INV-2", "12500", PAYS)
    assert without.returncode == 1
    assert "client_key: till.pem: " in without.stderr, without.stderr
    assert "chmod 600" in without.stderr


def test_b13_a_pair_that_cannot_be_used_is_refused_by_name(strict: Sandbox, tmp_path: Path) -> None:
    ours = strict.client_file
    assert ours is not None
    no_key = tmp_path / "no.key"
    no_key.touch(mode=0o600)
    with pytest.raises(ovo_ptp.ConfigurationError, match="client_key: holds no private key"):
        strict.client(journal=tmp_path / "a.db", client_key=no_key)
    with pytest.raises(ovo_ptp.ConfigurationError, match=r"client_certificate: .*cannot be opened"):
        strict.client(journal=tmp_path / "a.db", client_certificate=tmp_path / "none.pem")
    with pytest.raises(ovo_ptp.ConfigurationError, match=r"client_key: needs client_certificate"):
        strict.client(journal=tmp_path / "a.db", client_certificate=None, client_key=ours)
    with pytest.raises(ovo_ptp.InvalidTypeError, match="client_certificate: must be a path"):
        strict.client(journal=tmp_path / "a.db", client_certificate=7)
    assert not (tmp_path / "a.db").exists()
