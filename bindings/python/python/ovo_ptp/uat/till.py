"""Scenarios of the till itself: pressed twice, killed, what is typed there and shown there, and the
report of its day."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.uat.stage import AMOUNT, MissedError, NotYetError

if TYPE_CHECKING:
    from ovo_ptp.uat.stage import Stage

#: The `date` of a request, in WIB: the milliseconds have exactly three digits.
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")


def pressed_twice(stage: Stage) -> str:
    """Scenario 17."""
    invoice = stage.invoice()
    second: list[ovo_ptp.AnyOutcome] = []
    with stage.client() as client:

        def again() -> None:
            second.append(client.pay(invoice, amount=AMOUNT, phone=stage.phone("approves late")))

        button = threading.Thread(target=again)
        button.start()
        outcome = stage.pay(
            client, "approves late", "pay on the phone: one prompt", invoice=invoice
        )
        button.join()
    stage.outcome(outcome, "paid")
    stage.need([it.name for it in second] == ["paid"], "the second press heard something else")
    pushes = stage.sent("push to pay")
    stage.need(len(pushes) == 1, f"{len(pushes)} pushes were sent")
    return "one push, and both presses heard: paid"


#: A till that is killed while the customer decides. What it needs comes by standard input, which no
#: other user can see.
DOOMED = """
import json, sys
from ovo_ptp import Client, Credentials
from ovo_ptp._native import Sandbox
given = json.load(sys.stdin)
kind = given.pop("credentials")
credentials = (
    Sandbox.credentials() if kind == "sandbox"
    else Credentials.from_environment() if kind is None
    else Credentials.from_file(kind)
)
invoice, amount, phone = given.pop("invoice"), given.pop("amount"), given.pop("phone")
client = Client(given.pop("environment"), credentials, **given)
payment = client.start(invoice, amount=amount, phone=phone)
for progress in payment:
    if progress.phase == "waiting_for_customer":
        break
print("pushed", flush=True)
payment.outcome()
"""


def killed(stage: Stage) -> str:
    """Scenario 18."""
    invoice, phone = stage.invoice(), stage.phone("approves late")
    given = stage.separate_process(invoice=invoice, amount=AMOUNT, phone=phone)
    stage.tell("pay on the phone, while the till is killed and started again")
    till = subprocess.Popen(  # noqa: S603 (this interpreter, and a program of ours)
        [sys.executable, "-c", DOOMED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with till:
        if till.stdin is None or till.stdout is None:
            raise MissedError("the till has no pipes")
        till.stdin.write(json.dumps(given, default=lambda hidden: hidden.value))
        till.stdin.close()
        begun = till.stdout.readline()
        till.kill()
    stage.need(begun.strip() == "pushed", "the till did not start")
    # The line of an exchange is written at its end: the killed till's push has one only if OVO's
    # answer came first.
    pushed = len(stage.sent("push to pay"))
    with stage.client() as client:
        outcome = client.pay(invoice, amount=AMOUNT, phone=phone)
        stage.outcome(outcome, "paid", "not completed")
        stage.settled(client, invoice)
    stage.need(len(stage.sent("push to pay")) == pushed, "a second push was sent")
    if stage.ovo is not None:
        net = stage.ovo.net(invoice)
        wanted = AMOUNT if outcome.is_paid else 0
        stage.need(net == wanted, f"OVO's books say {net}")
    return f"after the restart, same invoice: {outcome.name}; no second push; the books agree"


def foreign_number(stage: Stage) -> str:
    """Scenario 20."""
    refused = []
    with stage.client() as client:
        for typed in ("+1 202 555 0100", "+65 9123 4567", "021 555 1234"):
            try:
                client.pay(stage.invoice(), amount=AMOUNT, phone=typed)
            except ovo_ptp.InvalidInputError as error:
                refused.append(error.message)
    stage.need(len(refused) == 3, f"{len(refused)} of 3 were refused")
    stage.need(not stage.folder.exchanges(stage.number), "something was sent")
    return f"refused here, nothing was sent: {refused[0]}. The field is never pre-filled"


def decimals(stage: Stage) -> str:
    """Scenario 21."""
    from ovo_ptp._typed import rupiah

    refused = []
    for typed in ("12500,50", "12.500,5", "0.5"):
        try:
            rupiah(typed)
        except ovo_ptp.InvalidInputError as error:
            refused.append(error.message)
    stage.need(len(refused) == 3, f"{len(refused)} of 3 were refused")
    with stage.client() as client:
        outcome = stage.pay(client, "approves", "pay on the phone")
        stage.outcome(outcome, "paid")
    sent = stage.sent("push to pay")[0]
    date = sent["request"].get("date", "")
    stage.need(bool(DATE.fullmatch(date)), "the date is not yyyy-MM-dd HH:mm:ss.SSS")
    stage.need(isinstance(sent["request"].get("amount"), int), "the amount is no whole number")
    return f"refused: {refused[0]}; the request's date is {date} (WIB)"


def waiting_screen(stage: Stage) -> str:
    """Scenario 22."""
    phases: list[str] = []
    stage.tell("capture the till's waiting screen, then pay on the phone")
    with stage.client() as client:
        outcome = client.pay(
            stage.invoice(),
            amount=AMOUNT,
            phone=stage.phone("approves late"),
            progress=lambda progress: phases.append(progress.phase),
        )
    stage.outcome(outcome, "paid")
    stage.need("waiting_for_customer" in phases, "no countdown was shown")
    return "the till says to open OVO and counts 55 s down (capture it here)"


def report_of_the_day(stage: Stage) -> str:
    """Scenario 23."""
    days: dict[str, dt.datetime] = {}
    if stage.ovo is not None:
        with stage.client() as client:
            stage.outcome(stage.pay(client, "approves", ""), "paid")
        stage.report = stage.folder.of(stage.number) / "settlement.csv"
        stage.report.write_text(stage.ovo.settlement_report(), encoding="utf-8")
        # The folder's journal may know of other days' sandboxes.
        days = {"since": stage.opened, "until": stage.opened + dt.timedelta(days=1)}
    if stage.report is None:
        raise NotYetError("OVO's report comes tomorrow: `--only 23 --report FILE`")
    books = ovo_ptp.Reconciliation(
        ovo_ptp.JournalReader(stage.folder.journal),
        ovo_ptp.read_settlement_report(stage.report),
        since=days.get("since"),
        until=days.get("until"),
    )
    differing = [it for it in books if it.is_difference]
    stage.need(not differing, "; ".join(f"{it.invoice}: {it.text_en}" for it in differing[:5]))
    # What was sold may be in these, and the report may lack it.
    stage.need(not books.unread, "; ".join(books.unread))
    stage.need(not books.archived, "; ".join(it.text() for it in books.archived))
    stage.need(
        books.looked_for_missing,
        "the report names no days (a column TransactionDate): nobody can say which paid invoices "
        "it lacks",
    )
    matched, rupiah = books.counts.get("matched", (0, 0))
    stage.need(matched > 0, "the report has none of these payments")
    total = ovo_ptp.format_rupiah(rupiah)
    return f"{matched} paid invoices, {total}, each once; unpaid ones absent"
