"""The requests and answers of `tests/vectors`, between a client and a host that speaks plain HTTP.

Python has no transport and no calendar of its own to give to a client. So the host is on this machine,
a request's date is the moment's, and its signature is held against Python's own `hmac`. Not run here, and
run by Rust: the last reference of a batch (a client gets there with its millionth payment), a push without
a phone, and what depends on how far the host's time of the sale is from the push (`same_time` behind a
duplicate).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import json
import re
import shutil
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ovo_ptp
import pytest

from conftest import ROOT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Case = dict[str, Any]

#: OVO's minute in 0.3 s for a push that nothing usable answers: it ends by the clock. One whose answer
#: counts must have it in time, also on a busy machine.
BRIEF = 0.005
PATIENT = 0.02
OPERATIONS = {
    ("0200", "040000"): "push to pay",
    ("0400", "040000"): "reversal",
    ("0200", "020040"): "void",
    ("0100", "040000"): "check payment",
    ("0100", "020040"): "check void",
    ("0100", "050000"): "inquiry",
}
KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
WIB = timezone(timedelta(hours=7))
#: Codes by which OVO refuses the merchant's set-up and not the customer.
SET_UP = [row.code for row in ovo_ptp.response_codes() if row.decline_class == "misconfigured"]
#: The documented answers, for what comes before the request that a case is about.
PAID = "success_as_documented"
FOUND = "check_payment_00_no_duplicate_time_unknown"


def read(file: str) -> Case:
    vectors = json.loads((ROOT / "tests" / "vectors" / f"{file}.json").read_text(encoding="utf-8"))
    return cast("Case", vectors)


REQUESTS = read("requests")["cases"]
RESPONSES = read("responses")
BODIES = {case["name"]: case.get("body") for case in RESPONSES["cases"]}


def body_of(case: Case) -> bytes:
    if "body" in case:
        return str(case["body"]).encode()
    if "body_hex" in case:
        return bytes.fromhex(case["body_hex"])
    return b"".join(part["text"].encode() * part["times"] for part in case["body_parts"])


class Host(http.server.ThreadingHTTPServer):
    """Answers an operation with what it was told to; without an answer it hangs up."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.answers: dict[str, bytes] = {}
        self.heard: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def last(self, operation: str) -> tuple[dict[str, str], bytes]:
        found = [request for request in self.heard if request[0] == operation]
        assert found, f"no {operation} among {[request[0] for request in self.heard]}"
        return found[-1][1:]

    @staticmethod
    @contextlib.contextmanager
    def open() -> Iterator[Host]:
        with Host() as host:
            thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield host
            finally:
                host.shutdown()
                thread.join()


class Exchange(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        host = cast("Host", self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        operation = OPERATIONS[asked["type"], asked["processingCode"]]
        host.heard.append((operation, {k.lower(): v for k, v in self.headers.items()}, body))
        answer = host.answers.get(operation)
        self.close_connection = True
        if answer is None:
            return
        # No Date: the client would take it for OVO's clock.
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        # The client stops reading a body that is too long.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Bench:
    """Journals with a batch's first numbers used up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.one_at_a_time = threading.Lock()

    def use_up(self, folder: Path, payment: Case) -> None:
        """A journal belongs to a merchant and a key."""
        batch, used = numbers(payment)
        folder.mkdir()
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            with ovo_ptp.Client(
                url, who(payment), journal=folder / "a.db", first_batch=batch, background=False
            ) as client:
                for number in range(used):
                    outcome = client.pay(f"USED-{number}", amount=1, phone="081200000000")
                    assert isinstance(outcome, ovo_ptp.NotSent)

    def journal(self, payment: Case, name: str) -> Path:
        batch, used = numbers(payment)
        copy = self.folder / name / "a.db"
        if used == 0:
            copy.parent.mkdir()
            return copy
        key = hashlib.sha256(payment.get("app_key", KEY).encode()).hexdigest()[:8]
        made = self.folder / f"{batch}-{used}-{payment['merchant_id']}-{key}"
        with self.one_at_a_time:
            if not made.exists():
                self.use_up(made, payment)
        shutil.copytree(made, copy.parent)
        # A copy is noticed, and its numbers jump. This one forgets which file it was.
        with contextlib.closing(sqlite3.connect(copy)) as journal, journal:
            journal.execute("UPDATE meta SET v = 0 WHERE k IN ('inode', 'born')")
        return copy


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("journals"))


def numbers(payment: Case) -> tuple[int, int]:
    return payment.get("batch", 1), payment.get("reference", 1) - 1


def who(payment: Case) -> ovo_ptp.Credentials:
    return ovo_ptp.Credentials(
        merchant_id=payment["merchant_id"],
        store_code=payment["store_code"],
        tid=payment["tid"],
        mid=payment["mid"],
        app_id=payment.get("app_id", "demo-app"),
        app_key=payment.get("app_key", KEY),
    )


class Told:
    """What the client made of the request that a case is about."""

    def __init__(self) -> None:
        self.outcome: ovo_ptp.AnyOutcome | None = None
        self.result: Any = None
        self.error: ovo_ptp.OvoError | None = None
        self.events: list[ovo_ptp.Event] = []

    @property
    def alerts(self) -> list[str]:
        return [event.message for event in self.events if event.kind == "alert"]


def play(
    bench: Bench,
    name: str,
    host: Host,
    payment: Case,
    operation: str,
    answer: bytes | None,
    *,
    hopeless: bool = False,
    refused: bool = False,
    **options: Any,
) -> Told:
    """Brings the request about, with everything that must be before it; then gives the answer."""
    told = Told()
    forgotten = payment["phone"] is None and operation != "reversal"
    pushed = operation == "push to pay" and not hopeless
    scale = PATIENT if pushed or forgotten or "void" in operation else BRIEF
    timers: dict[str, float] = {"send_check": 5, "send_budget": 5, "exchange_budget": 5}
    if forgotten:
        timers["keep_phone"] = 0.001
    if operation == "reversal":
        # However slow the machine: no check of the reversal belongs to the case.
        timers["delay_bound"] = 600
    with ovo_ptp.Client(
        host.url,
        who(payment),
        journal=bench.journal(payment, name),
        first_batch=numbers(payment)[0],
        background=False,
        time_scale=scale,
        timers=timers,
        verify_declines=False,
        settle_rate=1_000_000,
        log=False,
        on_event=told.events.append,
        **options,
    ) as client:
        phone = payment["phone"] or "081200000000"

        def arm() -> None:
            host.answers.pop(operation, None)
            if answer is not None:
                host.answers[operation] = answer

        def ask(call: Callable[[], Any]) -> None:
            try:
                told.result = call()
            except ovo_ptp.OvoError as error:
                told.error = error

        if operation == "inquiry":
            arm()
            ask(lambda: client.inquire(phone))
            return told
        invoice = payment["invoice"]
        if operation == "push to pay":
            arm()
        elif "void" in operation or forgotten:
            host.answers["push to pay"] = BODIES[PAID].encode()
        told.outcome = client.pay(invoice, amount=payment["amount"], phone=phone)
        if forgotten:
            time.sleep(0.01)
            client.settle()
        if operation == "check payment":
            # OVO is asked from a minute after the push on.
            time.sleep(61 * scale)
            arm()
            ask(lambda: client.check(invoice))
        elif operation == "reversal":
            # The library looks first whose the numbers are.
            host.answers["check payment"] = BODIES[FOUND].encode()
            arm()

            def reversed_once() -> bool:
                client.settle()
                return any(heard[0] == "reversal" for heard in host.heard)

            eventually(reversed_once)
            told.result = client.payment(invoice)
        elif operation == "void":
            if refused:
                # A refusal counts once OVO says that there is none.
                host.answers["check void"] = b'{"responseCode":"25"}'
            arm()
            ask(lambda: client.void(invoice))
        elif operation == "check void":
            client.void(invoice)
            arm()
            ask(lambda: client.check_void(invoice))
    return told


def moment(date: str) -> float:
    return datetime.strptime(date, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=WIB).timestamp()


@pytest.mark.parametrize("signing", ["without_body", "with_body"])
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["name"]) for case in REQUESTS if numbers(case)[1] < 1_000],
)
def test_requests_leave_byte_for_byte(bench: Bench, case: Case, signing: Any) -> None:
    operation = case["operation"]
    carried = operation == "reversal" and case["phone"] is not None
    before = int(time.time() * 1000) / 1000
    with Host.open() as host:
        play(
            bench,
            f"{case['name']}-{signing}",
            host,
            case,
            operation,
            None,
            hopeless=True,
            signing=signing,
            phone_in_reversal=carried,
        )
        headers, body = host.last(operation)
        earlier = {"check payment": "push to pay", "check void": "void"}.get(operation)
        dated = json.loads(host.last(earlier)[1])["date"] if earlier else None
    after = time.time()
    date = json.loads(body)["date"]
    assert body.decode() == case["body"].replace(case["date"], date)
    assert date == (dated or date)
    assert before <= moment(date) <= after
    assert int(before) <= int(headers["random"]) <= int(after)
    assert headers["app-id"] == case["app_id"]
    message = (case["app_id"] + headers["random"]).encode() + (
        body if signing == "with_body" else b""
    )
    expected = hmac.new(case["app_key"].encode(), message, hashlib.sha256).hexdigest()
    assert headers["hmac"] == expected


def told_as(case: Case, told: Told) -> str | None:
    """What is wrong with what the client was told, if anything."""
    operation, answer, alerts = case["operation"], case.get("answer", ""), []
    if match := re.fullmatch("wrong echo (.+)", answer):
        alerts.append(f"the answer repeats another {match[1]}")
    if match := re.fullmatch("duplicate (.+)", answer):
        alerts.append(f"OVO says the numbers were used before (code {match[1]})")
    if answer.startswith("misconfigured") and operation != "inquiry":
        alerts.append(f"OVO refuses the set-up (code {case['code']})")
    if operation == "push to pay" and answer in {f"declined {code}" for code in SET_UP}:
        alerts.append(f"OVO refuses the set-up (code {case['code']})")
    if operation == "check void" and answer in ("doubtful", "too old"):
        alerts.append("the void's end is unknown; an operator refunds")
    expected: Any
    found: Any
    if operation == "push to pay":
        expected = {"approved": "paid", "declined": "declined"}.get(
            answer.split()[0], "not completed"
        )
        found = told.outcome.name if told.outcome else None
        if isinstance(told.outcome, ovo_ptp.Declined):
            expected, found = answer, f"declined {told.outcome.code}"
    elif operation == "check payment":
        failed = {"no answer": "gave no usable answer", "misconfigured": "refuses the set-up"}
        if answer in failed:
            expected, found = True, failed[answer] in str(told.error)
        else:
            expected, found = answer.replace(" ", "_"), told.result and told.result.at_ovo
    elif operation == "reversal":
        expected = "reversed, to be verified" if answer == "acknowledged" else "reversal under way"
        found = told.result.settlement
    elif operation in ("void", "check void"):
        state, code = {
            "voided": ("voided", None),
            "paid": ("voided", None),
            # A refusal counts once OVO has said twice that there is none: not at once.
            "rejected": ("pending", None),
            "doubtful": ("needs_operator", None),
            "too old": ("needs_operator", None),
        }.get(answer.split(" ")[0] if answer.startswith("rejected") else answer, ("pending", None))
        expected, found = (state, code), told.result and (told.result.state, told.result.code)
    else:
        expected = {"00": ovo_ptp.Inquiry.REGISTERED, "14": ovo_ptp.Inquiry.NOT_REGISTERED}.get(
            case.get("code", "")
        )
        found = told.result
        if expected is None:
            expected = "configuration" if case.get("code") in ("63", "EB", "BR") else "no_answer"
            found = told.error and told.error.code
    if found != expected:
        return f"told {found!r}, not {expected!r} ({told.error})"
    missing = [alert for alert in alerts if not any(heard.endswith(alert) for heard in told.alerts)]
    if missing:
        return f"no alert {missing[0]!r} in {told.alerts}"
    # How OVO repeats what it was sent is the identities' business, in the core's tests.
    alerts.append("in another form, or not at all; it is accepted")
    extra = [heard for heard in told.alerts if not any(heard.endswith(alert) for alert in alerts)]
    # A check tells what it found by itself.
    return f"alerts {extra}" if extra and operation != "check payment" else None


@pytest.mark.parametrize(
    ("operation", "floor"),
    [
        ("push to pay", 410),
        ("reversal", 55),
        ("void", 50),
        ("check payment", 70),
        ("check void", 35),
        ("inquiry", 8),
    ],
)
def test_answers_mean_what_the_file_says(bench: Bench, operation: str, floor: int) -> None:
    cases = []
    for case in RESPONSES["cases"]:
        payment = RESPONSES["payments"][case.get("payment", "demo")]
        possible = numbers(payment)[1] < 1_000 and not case.get("duplicate_hint")
        pushes = operation != "push to pay" or payment["phone"] is not None
        if case["operation"] == operation and possible and pushes:
            cases.append((case, payment))

    def run(case: Case, payment: Case) -> str | None:
        with Host.open() as host:
            hopeless = operation == "push to pay" and case["answer"] == "unknown"
            name, answer = case["name"], body_of(case)
            refused = case.get("answer", "").startswith("rejected")
            told = play(
                bench, name, host, payment, operation, answer, hopeless=hopeless, refused=refused
            )
        deviation = told_as(case, told)
        return deviation and f"{case['name']}: {deviation}"

    with ThreadPoolExecutor(16) as pool:
        found = [deviation for deviation in pool.map(lambda both: run(*both), cases) if deviation]
    assert not found, "\n".join(found)
    assert len(cases) >= floor
