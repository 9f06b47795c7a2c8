"""`ovo-ptp sandbox --open`: a real program is asked to show the page, and the page is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import browser
from browser import Browser
from conftest import eventually
from test_cli import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator


def program(folder: Path, name: str, then: str) -> Path:
    """A program on the path that notes what it was asked, and then does what is said."""
    noted = folder / f"{name}.asked"
    file = folder / name
    # The note gets its name whole: whoever sees it can read it.
    note = f'printf "%s\\n" "$@" > "{noted}.part" && mv "{noted}.part" "{noted}"'
    file.write_text(f"#!/bin/sh\n{note}\n{then}\n", encoding="utf-8")
    file.chmod(0o755)
    return noted


@contextmanager
def opening(folder: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sandbox, and the address of its page; ended as by Ctrl-C."""
    desktop = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP", "DESKTOP_SESSION")
    inherited = {name: value for name, value in os.environ.items() if name not in desktop}
    with subprocess.Popen(
        [PROGRAM, "sandbox", "--open", "--quiet"],
        env={**inherited, "PATH": f"{folder}:{os.environ['PATH']}", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())["page_url"]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def asked(noted: Path) -> list[str]:
    assert eventually(noted.exists), f"nobody asked {noted.stem}"
    return noted.read_text(encoding="utf-8").splitlines()


def test_the_users_browser_is_asked_for_the_page(tmp_path: Path) -> None:
    noted = program(tmp_path, "shows-pages", "exit 0")
    with opening(tmp_path, BROWSER="not-installed:shows-pages --new-window") as (process, url):
        assert asked(noted) == ["--new-window", url]
        if browser.DRIVER and browser.CHROMIUM:
            with Browser() as window:
                window.open(asked(noted)[-1])
                window.sees("#connection", "live")
                window.sees("#screen", "No payment request.")
                assert not window.log()
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_the_desktops_opener_is_asked_where_the_user_chose_none(tmp_path: Path) -> None:
    noted = program(tmp_path, "open" if os.uname().sysname == "Darwin" else "xdg-open", "exit 0")
    with opening(tmp_path) as (_, url):
        assert asked(noted) == [url]


def test_a_browser_that_stays_open_keeps_no_sandbox(tmp_path: Path) -> None:
    noted = program(tmp_path, "stays", f'echo $$ > "{tmp_path}/pid"\nexec sleep 60')
    with opening(tmp_path, BROWSER="stays") as (process, url):
        assert asked(noted) == [url]
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - begun < 20
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)


@pytest.mark.parametrize("chosen", ["", "refuses"])
def test_where_no_browser_is_the_address_is_said(tmp_path: Path, chosen: str) -> None:
    for name in ("refuses", "xdg-open", "open"):
        program(tmp_path, name, "exit 3")
    with opening(tmp_path, BROWSER=chosen) as (process, url):
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said == f"ovo-sandbox: no browser was found: open {url} yourself\n"
        assert process.poll() is None, "it serves all the same"
