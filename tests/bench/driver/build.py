"""Everything that must stand before the first measurement."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BUILT = TARGET / "bench"
DATA = BUILT / "data"

OURS = str(TARGET / "release" / "ovo-bench")
SANDBOX = str(TARGET / "release" / "ovo-sandbox")
PLAIN_C = str(BUILT / "plain")
NOSYNC = str(BUILT / "nosync.so")
PYTHON = str(BUILT / "venv" / "bin" / "python")
PLAIN_PY = str(BENCH / "plain.py")

# What must be there, and the Debian package that brings it.
HEADERS = {
    "curl/curl.h": "libcurl4-openssl-dev",
    "sqlite3.h": "libsqlite3-dev",
    "openssl/hmac.h": "libssl-dev",
}
PROGRAMS = {"gcc": "gcc", "valgrind": "valgrind", "strace": "strace"}


def _has_header(name):
    probe = subprocess.run(
        ["gcc", "-E", "-"], input=f"#include <{name}>\n", text=True, capture_output=True
    )
    return probe.returncode == 0


def _install_what_is_missing():
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if "gcc" not in missing:
        missing += [package for header, package in HEADERS.items() if not _has_header(header)]
    if not missing:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        sys.exit(f"missing, please install: {' '.join(missing)}")
    print(f"installing {' '.join(missing)} with apt-get", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        subprocess.run(
            ["apt-get", "-qq", *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
        )


def _python_with_requests():
    wanted = (BENCH / "requirements.txt").read_text()
    stamp = BUILT / "venv" / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", BUILT / "venv"], check=True)
    install = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--requirement", BENCH / "requirements.txt"], check=True)
    stamp.write_text(wanted)


def beside(revision):
    """The library's side of the measurements as it was at `revision`, built from a tree of its own;
    kept for the next run."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "--verify", f"{revision}^{{commit}}"],
        cwd=ROOT, capture_output=True, text=True,
    )
    if commit.returncode != 0:
        sys.exit(f"--beside {revision}: no such revision in this repository")
    tree = BUILT / "beside" / commit.stdout.strip()
    program = tree / "target" / "release" / "ovo-bench"
    if not program.exists():
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        archive = subprocess.run(
            ["git", "archive", commit.stdout.strip()], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "x", "-C", tree], input=archive.stdout, check=True)
        cargo = [os.environ.get("CARGO", "cargo"), "build", "--quiet", "--release"]
        environment = {**os.environ, "CARGO_TARGET_DIR": str(tree / "target")}
        subprocess.run([*cargo, "--package", "ovo-bench"], cwd=tree, check=True, env=environment)
    return str(program)


def everything():
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)
    kind = subprocess.run(["stat", "-f", "-c", "%T", DATA], capture_output=True, text=True)
    if kind.stdout.strip() in ("tmpfs", "ramfs"):
        sys.exit(f"{DATA} is in memory: syncs would cost nothing; set CARGO_TARGET_DIR to a disk")
    _install_what_is_missing()
    cargo = os.environ.get("CARGO", "cargo")
    packages = ["--package", "ovo-bench", "--package", "ovo-sandbox"]
    subprocess.run([cargo, "build", "--quiet", "--release", *packages], cwd=ROOT, check=True)
    warnings = ["-Wall", "-Wextra"]
    libraries = ["-lcurl", "-lsqlite3", "-lcrypto", "-lpthread"]
    source = BENCH / "plain.c"
    subprocess.run(["gcc", "-O2", *warnings, "-o", PLAIN_C, source, *libraries], check=True)
    source = BENCH / "nosync.c"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", NOSYNC, source], check=True)
    _python_with_requests()


def versions():
    """What was measured, in one line."""

    def first_line(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip().split("\n")[0]

    script = "import platform, requests, ssl, sqlite3; print(platform.python_version(), "
    script += "requests.__version__, ssl.OPENSSL_VERSION.split()[1], sqlite3.sqlite_version)"
    python, requests, openssl, sqlite = first_line(PYTHON, "-c", script).split()
    curl = first_line("curl-config", "--version").removeprefix("libcurl ")
    rustc = first_line("rustc", "--version").split()[1]
    return (
        f"rustc {rustc} (release profile), libcurl {curl} with OpenSSL (gcc -O2), "
        f"Python {python} with requests {requests}, OpenSSL {openssl}, SQLite {sqlite}"
    )
