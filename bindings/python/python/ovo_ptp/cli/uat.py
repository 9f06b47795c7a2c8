"""`ovo-ptp uat`: the scenarios of OVO's review, played and written down."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from typing import TYPE_CHECKING, Any

import ovo_ptp
from ovo_ptp._wib import WIB
from ovo_ptp.cli import output, shop
from ovo_ptp.cli.options import path
from ovo_ptp.uat.folder import Folder
from ovo_ptp.uat.page import page, raw
from ovo_ptp.uat.scenarios import SCENARIOS, Scenario
from ovo_ptp.uat.stage import MissedError, NotYetError, Stage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ovo_ptp.sandbox import Sandbox

PASSED, NOT_ALL = 0, 3
#: Real time over OVO's in a sandbox of our own.
SCALE = 0.05


def uat(options: argparse.Namespace) -> int:
    """Plays what was not passed yet (or what is asked for), then writes the page."""
    wanted = _wanted(options)
    folder = Folder(path(options.folder))
    with _sandbox(options) as ovo:
        merchant = shop.credentials(options).merchant_id
        options.environment = shop.environment(options)
        environment = "the sandbox on this machine" if ovo else options.environment
        chosen = [it for it in SCENARIOS if it.number in wanted]
        if not options.only and not options.page:
            chosen = [it for it in chosen if folder.seen(it.number).get("state") != "passed"]
        if options.page:
            chosen = []
        _refuse_without_phones(options, ovo, chosen)
        folder.belong_to(environment, merchant, plays=bool(chosen))
        opened = dt.datetime.now(WIB)
        try:
            for it in chosen:
                _play(it, folder, options, ovo, opened)
        except KeyboardInterrupt:
            shop.say_aside("broken off: the same command goes on from here")
    (folder.path / "report.html").write_text(
        page(folder, merchant=merchant, environment=environment), encoding="utf-8"
    )
    (folder.path / "exchanges.json").write_text(raw(folder), encoding="utf-8")
    states = {it.number: folder.seen(it.number).get("state", "not played") for it in SCENARIOS}
    passed = sum(state == "passed" for state in states.values())
    if options.json:
        output.as_json(
            {"passed": passed, "scenarios": states, "page": str(folder.path / "report.html")}
        )
    else:
        output.say(f"{passed} of {len(SCENARIOS)} passed; the page: {folder.path / 'report.html'}")
    return PASSED if passed == len(SCENARIOS) else NOT_ALL


def _wanted(options: argparse.Namespace) -> set[int]:
    numbers = {it.number for it in SCENARIOS}
    if options.only is None:
        return numbers
    typed = [number.strip() for number in options.only.split(",")]
    if not all(number.isdecimal() and int(number) in numbers for number in typed):
        raise ovo_ptp.InvalidInputError(
            f"only: must be numbers from 1 to {len(SCENARIOS)}, as 7 or 7,8", field="only"
        )
    return {int(number) for number in typed}


@contextlib.contextmanager
def _sandbox(options: argparse.Namespace) -> Iterator[Sandbox | None]:
    """A sandbox of our own, if that is wished; the options then lead to it."""
    if not options.sandbox:
        yield None
        return
    from ovo_ptp.sandbox import Sandbox

    with Sandbox(time_scale=SCALE) as ovo:
        options.environment, options.ca_file = ovo.base_url, ovo.ca_file
        options.time_scale, options.sandbox_credentials = SCALE, True
        yield ovo


def _refuse_without_phones(
    options: argparse.Namespace, ovo: Sandbox | None, chosen: list[Scenario]
) -> None:
    if ovo is None and chosen:
        for name in ("customer", "unregistered"):
            if getattr(options, name) is None:
                what = "with an OVO account" if name == "customer" else "without one"
                raise ovo_ptp.InvalidInputError(
                    f"{name}: the phone number of a tester {what} is needed (--{name}); with "
                    "--sandbox everything is played by itself",
                    field=name,
                )
        if ovo_ptp.normalise_phone(options.customer) == ovo_ptp.normalise_phone(
            options.unregistered
        ):
            raise ovo_ptp.InvalidInputError(
                "unregistered: is the customer's own number, which has an OVO account",
                field="unregistered",
            )


def _play(
    it: Scenario,
    folder: Folder,
    options: argparse.Namespace,
    ovo: Sandbox | None,
    opened: dt.datetime,
) -> None:
    before = folder.seen(it.number).get("state")
    if before != "waiting":
        # What was seen before belongs to a record that is gone. What waits for another day goes on,
        # with what it has.
        folder.note(it.number, state="broken off", seen="it was begun again", at=_now())
        folder.begin_again(it.number)
    if not options.json:
        output.say(f"{it.number:>2}  {it.title}\n      expected: {it.expect}")
        sys.stdout.flush()
    stage = Stage(
        folder,
        it.number,
        lambda **more: shop.client(options, more.pop("journal"), **more),
        ovo=ovo,
        phones={
            name: str(ovo_ptp.normalise_phone(getattr(options, name) or "081234567890"))
            for name in ("customer", "unregistered")
        },
        scale=options.time_scale,
        separate=_separate(options, folder),
        opened=opened,
        report=None if options.report is None else path(options.report),
    )
    try:
        if before == "broken off":
            stage.settle_what_was_broken_off()
        state, seen = "passed", it.play(stage)
    except NotYetError as later:
        state, seen = "waiting", str(later)
    except MissedError as missed:
        state, seen = "failed", str(missed)
    except ovo_ptp.OvoError as error:
        state, seen = "failed", f"{type(error).__name__}: {error.message}"
    shown = len(folder.exchanges(it.number))
    folder.note(it.number, state=state, seen=seen, at=_now(), exchanges=shown)
    if not options.json:
        output.say(f"      {state}: {seen}")


def _now() -> str:
    return dt.datetime.now(WIB).strftime("%Y-%m-%d %H:%M:%S")


def _separate(options: argparse.Namespace, folder: Folder) -> dict[str, Any]:
    """The shop for a process of its own: all that leads to it from here."""

    def named(file: str | None) -> str | None:
        return None if file is None else str(path(file))

    return {
        "environment": options.environment,
        "credentials": "sandbox" if options.sandbox_credentials else options.credentials,
        "journal": str(folder.journal),
        "ca_file": named(options.ca_file),
        "proxy": shop.proxy(options),
        "proxy_ca_file": named(options.proxy_ca_file),
        "client_certificate": named(options.client_certificate),
        "client_key": named(options.client_key),
        "signing": "with_body" if options.with_body else "without_body",
        "time_scale": options.time_scale,
    }
