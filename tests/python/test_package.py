"""What is published: file names, tags, contents, and what the types promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import ovo_ptp
import pytest

from conftest import HERE, ROOT

DIST = Path(os.environ.get("OVO_PTP_DIST", ROOT / "target" / "python" / "dist"))
PACKAGE = Path(ovo_ptp.__file__).parent


def version() -> str:
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'\[workspace\.package\]\nversion = "([^"]+)"', manifest)
    assert found
    return found.group(1)


def one(pattern: str) -> Path:
    [found] = DIST.glob(pattern)
    return found


def tool(*command: str, cwd: Path = HERE) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_version_for_the_whole_project() -> None:
    from importlib.metadata import version as installed

    assert ovo_ptp.__version__ == installed("ovo-ptp") == version()


def test_the_tests_run_against_the_installed_wheel() -> None:
    assert PACKAGE.parent.name == "site-packages"
    assert (PACKAGE / "py.typed").exists()
    assert (PACKAGE / "_native.pyi").exists()


def test_b7_what_is_published_can_write_no_log_of_its_own() -> None:
    """The HTTP engine would tell a log more than a shop should keep. The module whose records show
    requests and answers is named in an extension that can write them, as the tests' own can."""
    module = b"ureq_proto::util"
    assert module not in (PACKAGE / "_native.abi3.so").read_bytes()
    for_tests = Path(os.environ["OVO_PTP_FAULTY"]) / "ovo_ptp" / "_native.abi3.so"
    assert module in for_tests.read_bytes()


def test_the_wheel_is_for_every_python_from_3_10_and_every_glibc_from_2_17() -> None:
    wheel = one("*.whl")
    machine = os.uname().machine
    name, tags = wheel.stem.rsplit("-", 1)
    assert name == f"ovo_ptp-{version()}-cp310-abi3"
    assert set(tags.split(".")) == {f"manylinux2014_{machine}", f"manylinux_2_17_{machine}"}
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        assert "ovo_ptp/_native.abi3.so" in names
        assert not [name for name in names if name.endswith((".pyc", ".rs", ".db"))]
        [metadata] = [name for name in names if name.endswith("/METADATA")]
        text = content.read(metadata).decode()
        assert "Requires-Python: >=3.10" in text
        assert "Requires-Dist" not in text
        assert "# ovo-ptp" in text
        [entries] = [name for name in names if name.endswith("/entry_points.txt")]
        assert "ovo-ptp=ovo_ptp.cli:main" in content.read(entries).decode().replace(" ", "")
    assert wheel.stat().st_size < 6_000_000
    tool("abi3audit", "--strict", str(wheel))


def test_the_sdist_holds_what_it_is_built_from_and_no_more() -> None:
    with tarfile.open(one("*.tar.gz")) as content:
        names = {name.split("/", 1)[1] for name in content.getnames()}
    for wanted in (
        "pyproject.toml",
        "PKG-INFO",
        "Cargo.lock",
        "core/Cargo.toml",
        "core/src/payment/step.rs",
        "tests/sandbox/src/lib.rs",
        "bindings/python/src/lib.rs",
    ):
        assert wanted in names, wanted
    assert not [name for name in names if name.startswith(("target/", ".git/", "tests/bench"))]


def test_the_readme_links_to_nothing_that_a_package_index_does_not_have() -> None:
    text = (ROOT / "bindings" / "python" / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    with tarfile.open(one("*.tar.gz")) as content:
        names = {name.split("/", 1)[1] for name in content.getnames()}
    for named in ("tests/sandbox/README.md", *re.findall(r"examples/\w+\.py", text)):
        assert named in text
        assert named in names or f"bindings/python/{named}" in names, named


def test_it_works_in_every_python_that_is_here(tmp_path: Path) -> None:
    """The stable interface is a promise about interpreters that were not there at the build."""
    tried = set()
    candidates = [
        *Path("/usr/bin").glob("python3.1?"),
        *Path.home().glob(".pyenv/versions/3.1*/bin/python"),
    ]
    code = (
        "import pathlib, sys, ovo_ptp\n"
        "from ovo_ptp.sandbox import Sandbox\n"
        f"journal = pathlib.Path({str(tmp_path)!r}) / ('%d.%d' % sys.version_info[:2])\n"
        "with Sandbox() as ovo, ovo.client(journal=journal) as shop:\n"
        "    assert shop.pay('INV-1', amount=5, phone='081234567890').is_paid\n"
        "print('%d.%d' % sys.version_info[:2])"
    )
    bare = tmp_path / "package"
    with zipfile.ZipFile(one("*.whl")) as wheel:
        wheel.extractall(bare)
    for python in candidates:
        done = subprocess.run(
            [str(python), "-c", "import sys; print(sys.version_info[:2] >= (3, 10))"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.stdout.strip() != "True":
            continue
        done = subprocess.run(
            [str(python), "-W", "error", "-c", code],
            env={"PYTHONPATH": str(bare), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{python}: {done.stderr}"
        tried.add(done.stdout.strip())
    if not tried:
        pytest.skip("no other interpreter is here")


def test_the_stubs_say_what_the_module_is() -> None:
    tool("mypy.stubtest", "ovo_ptp", "--allowlist", "stubtest-allowlist.txt")


def test_tests_and_examples_are_typed_strictly_for_mypy() -> None:
    tool("mypy", "--config-file", "mypy.ini", ".")


def test_examples_are_typed_strictly_for_pyright() -> None:
    tool("pyright", "--project", "pyrightconfig.json", "--pythonpath", sys.executable)


def test_importing_is_cheap_and_quiet() -> None:
    """What an import costs every process is time; frameworks' heavy modules are not ours to load."""
    code = (
        "import sys; before = set(sys.modules); import ovo_ptp\n"
        "heavy = {'asyncio', 'dataclasses', 'inspect', 'typing', 'logging', 'ssl', 'subprocess'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
