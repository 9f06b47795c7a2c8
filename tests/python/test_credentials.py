"""`ovo-ptp credentials`, on files made in the way that OVO's page describes."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import ovo_ptp
import pytest
from ovo_ptp.cli import credentials as handed_over

PROGRAM = str(Path(sys.executable).parent / "ovo-ptp")
VALUES = {
    "merchant_id": "100001",
    "store_code": "STORE01",
    "tid": "00000001",
    "mid": "000000000000001",
    "app_id": "yourapp",
    "app_key": "5a" * 32,
}
#: Layouts that such a file may have; OVO does not publish its own.
LAYOUTS = {
    "camel case lines": (
        "merchantId: 100001\nstoreCode: STORE01\ntid: 00000001\nmid: 000000000000001\n"
        f"appid: yourapp\nappkey: {'5a' * 32}\n"
    ),
    "titles": (
        "PRODUCTION CREDENTIALS\r\n\r\nMerchant ID = 100001\r\nStore Code = STORE01\r\n"
        "TID = 00000001\r\nMID = 000000000000001\r\nApp ID = yourapp\r\n"
        f"App Key = {'5a' * 32}\r\n"
    ),
    "json": json.dumps({"ovo": {**VALUES, "note": ["keep it"]}}),
    "columns": "\n".join(f"{name}   {value}" for name, value in VALUES.items()),
}

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "credentials", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def sent_by_ovo(folder: Path, text: str, phrase: bytes = b"cGFzcyBwaHJhc2U=\n") -> None:
    """OVO's half of the procedure, with OVO's own commands."""
    (folder / "key.bin").write_bytes(phrase)
    (folder / "cred_file.txt").write_text(text, encoding="utf-8", newline="")
    public = ("-pubin", "-inkey", "ovo_public.pem")
    openssl(folder, "pkeyutl", "-encrypt", *public, "-in", "key.bin", "-out", "key.bin.enc")
    cipher = ("-aes-256-cbc", "-md", "sha256", "-salt")
    files = ("-in", "cred_file.txt", "-out", "cred_file.enc", "-pass", "file:key.bin")
    openssl(folder, "enc", *cipher, *files)
    (folder / "key.bin").unlink()
    (folder / "cred_file.txt").unlink()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_key_pair_to_credentials_file(tmp_path: Path, layout: str) -> None:
    (tmp_path / "phrase").write_text("a long one\n")
    made = run(tmp_path, "new", "--passphrase-file", "phrase")
    assert made.returncode == 0, made.stderr
    assert "ovo_public.pem: send this one to OVO" in made.stdout
    private, public = tmp_path / "ovo_private.pem", tmp_path / "ovo_public.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "ENCRYPTED" in private.read_text()
    assert public.read_text().startswith("-----BEGIN PUBLIC KEY-----")
    sent_by_ovo(tmp_path, LAYOUTS[layout])
    files = ("key.bin.enc", "cred_file.enc", "--out", "shop.toml", "--passphrase-file", "phrase")
    opened = run(tmp_path, "open", *files)
    assert opened.returncode == 0, opened.stderr
    assert "5a5a" not in opened.stdout + opened.stderr
    assert stat.S_IMODE((tmp_path / "shop.toml").stat().st_mode) == 0o600
    credentials = ovo_ptp.Credentials.from_file(tmp_path / "shop.toml")
    assert (credentials.merchant_id, credentials.tid) == ("100001", "00000001")
    assert VALUES["app_key"] in (tmp_path / "shop.toml").read_text()
    # Nothing else of it is on the disk, and nothing is overwritten.
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {"phrase", "ovo_private.pem", "ovo_public.pem", *files[:2], "shop.toml"}
    again = run(tmp_path, "open", *files)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert run(tmp_path, "new", "--passphrase-file", "phrase").returncode == 1


def test_a_pass_phrase_of_any_bytes_is_read_as_openssl_reads_it(tmp_path: Path) -> None:
    assert run(tmp_path, "new", "--no-passphrase").returncode == 0
    sent_by_ovo(tmp_path, LAYOUTS["json"], phrase=bytes(range(1, 10)) + b"\xff\xfe\n\x00rest")
    assert run(tmp_path, "open", "key.bin.enc", "cred_file.enc").returncode == 0
    assert ovo_ptp.Credentials.from_file(tmp_path / "ovo.toml").app_id == "yourapp"


def test_an_unknown_layout_is_kept_for_the_owner_to_read(tmp_path: Path) -> None:
    assert run(tmp_path, "new", "--no-passphrase").returncode == 0
    sent_by_ovo(tmp_path, f"tid: 00000001\nthe rest by phone, key {'5a' * 32}\n")
    done = run(tmp_path, "open", "key.bin.enc", "cred_file.enc")
    assert done.returncode == 1
    assert "no merchant_id, store_code, mid, app_id, app_key found" in done.stderr
    assert "5a5a" not in done.stderr
    kept = tmp_path / "ovo.toml.txt"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "the rest by phone" in kept.read_text()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # Two tills: one of them would count the other one's numbers.
        (
            LAYOUTS["titles"] + "TID = 00000002\r\nMID = 000000000000002\r\n",
            "tid, mid",
        ),
        # Production, and staging below it with a key of its own.
        (
            json.dumps({"a": VALUES, "b": {**VALUES, "merchantId": 200002, "app_key": "6b" * 32}}),
            "merchant_id, app_key",
        ),
        # A JSON reader would keep the last.
        (json.dumps(VALUES)[:-1] + ', "tid": "00000002"}', "tid"),
        (f"Key: 12345\n{LAYOUTS['columns']}", "app_key"),
    ],
)
def test_a_second_value_for_a_name_is_nobodys_to_choose(
    tmp_path: Path, text: str, names: str
) -> None:
    assert run(tmp_path, "new", "--no-passphrase").returncode == 0
    sent_by_ovo(tmp_path, text)
    done = run(tmp_path, "open", "key.bin.enc", "cred_file.enc")
    assert done.returncode == 1, done.stdout
    assert f"decrypted, but more than one {names} found in it; it is in " in done.stderr
    for secret in ("5a5a", "6b6b", "12345"):
        assert secret not in done.stdout + done.stderr
    assert not (tmp_path / "ovo.toml").exists()
    kept = tmp_path / "ovo.toml.txt"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_bytes().decode() == text


def test_what_cannot_be_decrypted_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "phrase").write_text("a long one\n")
    (tmp_path / "wrong").write_text("another\n")
    assert run(tmp_path, "new", "--passphrase-file", "phrase").returncode == 0
    sent_by_ovo(tmp_path, LAYOUTS["json"])
    before = {file.name for file in tmp_path.iterdir()}
    files = ("key.bin.enc", "cred_file.enc")
    assert run(tmp_path, "open", *files, "--passphrase-file", "wrong").returncode == 1
    assert run(tmp_path, "open", *files[::-1], "--passphrase-file", "phrase").returncode == 1
    missing = run(tmp_path, "open", "none", "none", "--passphrase-file", "phrase")
    assert missing.returncode == 1
    assert missing.stderr.startswith("ovo-ptp: credentials: openssl pkeyutl failed")
    assert {file.name for file in tmp_path.iterdir()} == before


def test_values_are_found_by_their_names_and_not_by_their_place() -> None:
    once = {name: [value] for name, value in VALUES.items()}
    for text in LAYOUTS.values():
        assert handed_over.read(text) == once
    # The same value a second time is one value.
    assert handed_over.read(LAYOUTS["titles"] + LAYOUTS["columns"]) == once
    assert handed_over.read(json.dumps([VALUES, {"ovo": VALUES}])) == once
    assert handed_over.read("") == {}
    assert handed_over.read('{"tid": ""}') == {}
