"""A payment through the merchant's own way out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import ovo_ptp
import pytest

from conftest import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ovo_ptp.sandbox import Sandbox

PASSWORD = "s3cret-word"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Somebody else's proxy: its address without user and password, and its log."""
    program = shutil.which("tinyproxy")
    if program is None:
        pytest.skip("tinyproxy is not installed")
    port = _free_port()
    settings, log = tmp_path / "proxy.conf", tmp_path / "proxy.log"
    settings.write_text(
        f"Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth till {PASSWORD}\n"
        f'LogFile "{log}"\nLogLevel Connect\n',
        encoding="utf-8",
    )
    with subprocess.Popen([program, "-d", "-c", str(settings)]) as running:
        try:
            eventually(lambda: _listens(port))
            yield f"127.0.0.1:{port}", log
        finally:
            running.kill()


def test_n25_a_payment_goes_through_a_real_proxy(
    ovo: Sandbox, tmp_path: Path, proxy: tuple[str, Path]
) -> None:
    at, log = proxy
    with ovo.client(journal=tmp_path / "shop.db", proxy=f"http://till:{PASSWORD}@{at}") as client:
        assert isinstance(client.pay("INV-1", amount=10_000, phone="081234567890"), ovo_ptp.Paid)
    assert ovo.net("INV-1") == 10_000
    assert "CONNECT" in log.read_text(encoding="utf-8")


def test_n25_a_payment_goes_through_a_real_socks_server(ovo: Sandbox, tmp_path: Path) -> None:
    program = shutil.which("microsocks")
    if program is None:
        pytest.skip("microsocks is not installed")
    port = _free_port()
    command = [program, "-i", "127.0.0.1", "-p", str(port), "-u", "till", "-P", PASSWORD]
    with subprocess.Popen(command) as running:
        try:
            eventually(lambda: _listens(port))
            way = f"socks5://till:{PASSWORD}@127.0.0.1:{port}"
            with ovo.client(journal=tmp_path / "shop.db", proxy=way) as client:
                told = client.pay("INV-1", amount=10_000, phone="081234567890")
                assert isinstance(told, ovo_ptp.Paid)
            # Without it nothing leads to OVO: the way was through it.
            running.kill()
            running.wait()
            with ovo.client(journal=tmp_path / "shop.db", proxy=way) as client:
                told = client.pay("INV-2", amount=10_000, phone="081234567891")
                assert isinstance(told, ovo_ptp.NotSent)
        finally:
            running.kill()
    assert (ovo.net("INV-1"), ovo.net("INV-2")) == (10_000, 0)


def test_n25_a_proxy_that_refuses_sends_nothing(
    ovo: Sandbox, tmp_path: Path, proxy: tuple[str, Path]
) -> None:
    at, _ = proxy
    with ovo.client(journal=tmp_path / "shop.db", proxy=f"http://till:wrong@{at}") as client:
        told = client.pay("INV-1", amount=10_000, phone="081234567890")
        assert isinstance(told, ovo_ptp.NotSent)
    assert ovo.net("INV-1") == 0


def test_b13_a_proxy_that_cannot_be_read_is_refused_without_its_password(
    ovo: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(ovo_ptp.ConfigurationError) as refused:
        ovo.client(journal=tmp_path / "shop.db", proxy=f"ftp://till:{PASSWORD}@proxy:21")
    assert str(refused.value).startswith("proxy ")
    assert PASSWORD not in str(refused.value)
    assert refused.value.field == "proxy"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"ca_file": "/nonexistent.pem"}, "ca_file"),
        ({"ca_file": "/dev/zero"}, "ca_file"),
        ({"ca_file": os.devnull}, "ca_file"),
        ({"proxy": "https://proxy", "proxy_ca_file": "/nonexistent.pem"}, "proxy_ca_file"),
        ({"client_certificate": "/nonexistent.pem"}, "client_certificate"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_field(
    ovo: Sandbox, tmp_path: Path, wrong: dict[str, str], field: str
) -> None:
    with pytest.raises(ovo_ptp.ConfigurationError) as refused:
        ovo.client(journal=tmp_path / "shop.db", **wrong)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


def test_a_trust_file_that_never_ends_or_never_begins_is_refused_at_once(
    ovo: Sandbox, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file in ("/dev/zero", pipe):
        with pytest.raises(ovo_ptp.ConfigurationError, match="is not a file"):
            ovo.client(journal=tmp_path / "shop.db", ca_file=file)


def test_the_program_takes_its_proxy_from_a_file_that_only_its_owner_can_read(
    ovo: Sandbox, tmp_path: Path, proxy: tuple[str, Path]
) -> None:
    at, log = proxy
    file = tmp_path / "way-out"
    file.write_text(f"http://till:{PASSWORD}@{at}\n", encoding="utf-8")
    command = [sys.executable, "-m", "ovo_ptp", "pay", "INV-1", "10000", "081234567890"]
    command += ["--sandbox-credentials", "-e", ovo.base_url, "--ca-file", ovo.ca_file]
    command += ["--time-scale", str(ovo.time_scale), "-j", str(tmp_path / "shop.db")]
    command += ["--proxy-file", str(file)]
    for mode, code in ((0o644, 1), (0o600, 0)):
        file.chmod(mode)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    assert ovo.net("INV-1") == 10_000
    assert "CONNECT" in log.read_text(encoding="utf-8")
