"""The twenty-four scenarios: what is done, what must come, and how it is played.

OVO publishes no sheet for Push To Pay. "OVO" are those that its FAQ, its high-level and its
guidance pages state; "ours" are those that a careful reviewer would ask for besides.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import ovo_ptp
from ovo_ptp._wib import WIB
from ovo_ptp.uat.stage import AMOUNT, MissedError, NotYetError, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

#: The `date` of a request, in WIB: the milliseconds have exactly three digits.
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")


class Scenario(NamedTuple):
    """One line of the sheet."""

    number: int
    source: str
    title: str
    expect: str
    captures: tuple[str, ...]
    play: Callable[[Stage], str]


def registered(stage: Stage) -> str:
    """Scenario 1."""
    stage.tell("nothing to do: the customer's number has an OVO account")
    with stage.client() as client:
        found = client.inquire(stage.phone("approves"))
    stage.need(found is ovo_ptp.Inquiry.REGISTERED, "OVO does not know the number")
    return "00: registered; the push may follow"


def not_registered(stage: Stage) -> str:
    """Scenario 2."""
    with stage.client() as client:
        found = client.inquire(stage.phone("unregistered"))
    stage.need(found is ovo_ptp.Inquiry.NOT_REGISTERED, "OVO knows the number")
    stage.need(not stage.sent("push to pay"), "a push was sent")
    return "14: not registered; no push"


def approved(stage: Stage) -> str:
    """Scenario 3."""
    with stage.client() as client:
        outcome = stage.pay(client, "approves", "pay on the phone")
    stage.outcome(outcome, "paid")
    return f"00: {outcome.customer_text_en}"


def _declined(stage: Stage, who: str, text: str, code: str) -> str:
    with stage.client() as client:
        outcome = stage.pay(client, who, text)
        stage.outcome(outcome, "declined")
        seen = getattr(outcome, "code", None)
        stage.need(seen == code, f"the code was {seen}")
    return f"{code}: {outcome.customer_text_en}"


def cancelled_in_the_app(stage: Stage) -> str:
    """Scenario 4."""
    return _declined(stage, "cancels", "press cancel in the OVO app", "17")


def push_to_nobody(stage: Stage) -> str:
    """Scenario 5."""
    return _declined(stage, "unregistered", "nothing to do: the number has no account", "14")


def logged_out(stage: Stage) -> str:
    """Scenario 6."""
    return _declined(stage, "logged out", "log out of the OVO app first, and stay so", "26")


def ignored(stage: Stage) -> str:
    """Scenario 7."""
    with stage.client() as client:
        outcome = stage.pay(client, "ignores", "do not touch the prompt for 70 seconds")
        stage.outcome(outcome, "not completed")
        stage.settled(client, outcome.invoice)
    codes = [stage.code(exchange) for exchange in stage.sent("reversal")]
    stage.need("00" in codes, f"the reversals were answered {codes}")
    return f"no code within 60 s; reversal at 65 s answered 00: {outcome.customer_text_en}"


def answer_dropped(stage: Stage) -> str:
    """Scenario 8."""
    text = "at 45 s take the till off the network, pay at 50 s, connect it again at 58 s"
    with stage.client() as client:
        outcome = stage.pay(client, "pays unheard", text)
        stage.outcome(outcome, "paid", "not completed")
        report = stage.settled(client, outcome.invoice)
    reversals = stage.sent("reversal")
    if isinstance(outcome, ovo_ptp.Paid):
        stage.need(outcome.is_late, "the answer came: it was not dropped, and no check was needed")
        stage.need(not reversals, "paid, and reversed as well")
        return "the check behind 60 s found it: late paid, and no reversal"
    stage.need(bool(reversals), "neither paid nor reversed")
    return f"not completed; {report.settlement}"


def without_checks(stage: Stage) -> str:
    """Scenario 9."""
    text = "at 45 s take the till off the network, pay at 50 s, connect it again at 58 s"
    with stage.client(check_payment=False) as client:
        outcome = stage.pay(client, "pays unheard", text)
        stage.outcome(outcome, "not completed")
        stage.settled(client, outcome.invoice)
    codes = [stage.code(exchange) for exchange in stage.sent("reversal")]
    stage.need("00" in codes, f"the reversals were answered {codes}")
    if stage.ovo is not None:
        net = stage.ovo.net(outcome.invoice)
        stage.need(net == 0, f"OVO keeps {net}")
    stage.tell("capture the app's history: the balance is back")
    return "reversal answered 00; the balance is back"


def reversal_unanswered(stage: Stage) -> str:
    """Scenario 10."""
    if stage.ovo is not None:
        stage.ovo.script({"on": "reversal", "times": 2, "act": {"unheard": True}})
    text = "do not touch the prompt; take the till off the network from 62 s to 90 s"
    with stage.client() as client:
        outcome = stage.pay(client, "ignores", text)
        stage.outcome(outcome, "not completed")
        stage.settled(client, outcome.invoice)
    reversals = stage.sent("reversal")
    stage.need(bool(reversals), "no reversal was sent")
    numbers = {
        (sent["request"].get("batchNo"), sent["request"].get("referenceNumber"))
        for sent in reversals
    }
    stage.need(len(numbers) == 1, "the reversals carry different numbers")
    stage.need(stage.code(reversals[-1]) == "00", "the last one was not answered 00")
    unanswered = [
        it
        for it in stage.folder.exchanges(stage.number)
        if it["operation"] == "reversal" and it["ended"] != "answered"
    ]
    stage.need(bool(unanswered), "each reversal was answered: the till was not off the network")
    if stage.ovo is not None:
        stage.need(len(reversals) >= 3, f"only {len(reversals)} reversals")
    return f"{len(reversals)} reversals with the same numbers, the last one answered 00"


def void_today(stage: Stage) -> str:
    """Scenario 11."""
    with stage.client() as client:
        outcome = stage.pay(client, "approves", "pay on the phone; it is returned at once")
        stage.outcome(outcome, "paid")
        void = client.void(outcome.invoice)
        while void.state == "pending":
            void = client.check_void(outcome.invoice)
    stage.need(void.state == "voided", f"the void is {void.state}")
    return "00: the whole amount went back on the same day"


def void_tomorrow(stage: Stage) -> str:
    """Scenario 12."""
    later = "paid today; say `--only 12` again tomorrow"
    with stage.client() as client:
        known = None if stage.ovo is not None else _waits_for_a_void(stage, client)
        if known is None:
            outcome = stage.pay(client, "approves", "pay on the phone; it is voided tomorrow")
            stage.outcome(outcome, "paid")
            known = outcome.invoice
            if stage.ovo is None:
                stage.folder.remember("void tomorrow", known)
                raise NotYetError(later)
        elif _is_of_today(client, known):
            # Voided today it would go through, and prove nothing.
            raise NotYetError(later)
        try:
            if stage.ovo is not None:
                # It is tomorrow at OVO. It refuses what this machine signs today, and its answer
                # tells the till the date.
                stage.ovo.set_clock(dt.timedelta(days=1))
                with contextlib.suppress(ovo_ptp.ConfigurationError):
                    client.inquire(stage.phone("approves"))
            client.void(known)
        except ovo_ptp.RefusedError as refused:
            stage.need(not stage.sent("void"), "a void was sent")
            stage.folder.remember("void tomorrow", None)
            return f"refused here, nothing was sent: {refused.message}. Parts cannot be voided"
        finally:
            if stage.ovo is not None:
                stage.ovo.set_clock(dt.timedelta())
    raise MissedError("the void was let through: is it still the day of the payment?")


def _waits_for_a_void(stage: Stage, client: ovo_ptp.Client) -> str | None:
    """The payment of another day; none if there is none, or if it is no longer to be voided."""
    known = stage.folder.state.get("void tomorrow")
    report = client.payment(known) if isinstance(known, str) else None
    if report is None or not isinstance(report.outcome, ovo_ptp.Paid) or report.outcome.is_voided:
        return None
    return report.invoice


def _is_of_today(client: ovo_ptp.Client, invoice: str) -> bool:
    report = client.payment(invoice)
    return report is not None and report.begun.date() == dt.datetime.now(WIB).date()


def checked_by_hand(stage: Stage) -> str:
    """Scenario 13."""
    with stage.client() as client:
        outcome = stage.pay(client, "ignores", "do not touch the prompt for 70 seconds")
        stage.outcome(outcome, "not completed")
        stage.settled(client, outcome.invoice)
        before = len(stage.sent("check payment"))
        status = client.check(outcome.invoice)
    asked = stage.sent("check payment")[before:]
    stage.need(len(asked) == 1, f"{len(asked)} checks were sent")
    pushed = stage.sent("push to pay")[0]["request"].get("date")
    checked = asked[0]["request"].get("date")
    stage.need(checked == pushed, "the check does not carry the push's date")
    stage.need(status.at_ovo in ("not_found", "reversed"), f"OVO says {status.at_ovo}")
    return f"{stage.code(asked[0])}: {status.at_ovo}; the original push's date, {pushed}"


def checked_too_early(stage: Stage) -> str:
    """Scenario 14."""
    stage.tell("pay on the phone")
    with stage.client() as client:
        invoice = stage.invoice()
        with client.start(invoice, amount=AMOUNT, phone=stage.phone("approves")) as payment:
            try:
                client.check(invoice)
            except ovo_ptp.OutsideWindowError as refused:
                early = refused.message
            else:
                raise MissedError("a check before 60 s was let through")
            stage.outcome(payment.outcome(), "paid")
    stage.need(not stage.sent("check payment"), "a check was sent")
    return f"refused here, nothing was sent: {early}"


def three_pushes(stage: Stage) -> str:
    """Scenario 15."""
    with stage.client() as client:
        numbers = []
        for who, text, comes in (
            ("approves", "pay on the phone", "paid"),
            ("cancels", "press cancel in the OVO app", "declined"),
            ("approves", "pay on the phone", "paid"),
        ):
            outcome = stage.pay(client, who, text)
            stage.outcome(outcome, comes)
            report = client.payment(outcome.invoice)
            if report is None:
                raise MissedError("the journal does not know the payment")
            numbers.append((report.batch, report.reference))
    (batch, first), *rest = numbers
    expected = [(batch, first + step) for step in range(1, 3)]
    stage.need(rest == expected, f"the numbers are {numbers}")
    return f"batch {batch:06}, references {first:06} to {first + 2:06}, the failed one included"


def numbers_by_method(stage: Stage) -> str:
    """Scenario 16."""
    seen = []
    for method in ("continuous", "daily"):
        with stage.client(batch_method=method) as client:
            outcome = stage.pay(client, "approves", f"pay on the phone ({method})")
            stage.outcome(outcome, "paid")
            report = client.payment(outcome.invoice)
            if report is None:
                raise MissedError("the journal does not know the payment")
            seen.append((report.batch, report.reference))
    stage.need(seen[1] > seen[0], f"the numbers are {seen}")
    (batch, reference), (daily, of_the_day) = seen
    return (
        f"continuous: {batch:06}/{reference:06}; daily: {daily:06}/{of_the_day:06}. Behind 999999, "
        "or at midnight WIB with `daily`, the next batch begins with 000001"
    )


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


def wrong_terminal(stage: Stage) -> str:
    """Scenario 19."""
    stage.tell("nothing to do: no prompt comes")
    with stage.client() as client:
        terminal = ovo_ptp.Terminal(tid="99999999", mid="999999999999999", store_code="NONE")
        outcome = client.pay(
            stage.invoice(), amount=AMOUNT, phone=stage.phone("approves"), terminal=terminal
        )
    stage.need(not outcome.is_paid, "it was paid")
    codes = [stage.code(exchange) for exchange in stage.sent("push to pay")]
    stage.need(codes == ["EB"], f"the code was {codes}")
    return (
        f"EB: a critical alert, and the customer reads only: "
        f"{outcome.customer_text_en} (A wrong key is not tried here: it may lock the app id out; "
        "`ovo-ptp doctor` reports 63)"
    )


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


def cancelled_at_the_till(stage: Stage) -> str:
    """Scenario 24."""
    stage.tell(
        "pay on the phone about 20 seconds after the prompt, although the till has cancelled"
    )
    with stage.client() as client:
        invoice = stage.invoice()
        with client.start(invoice, amount=AMOUNT, phone=stage.phone("approves late")) as payment:
            for progress in payment:
                if progress.phase == "waiting_for_customer":
                    break
            outcome = payment.cancel()
        stage.outcome(outcome, "not completed")
        report = stage.settled(client, invoice)
    debited = isinstance(report.outcome, ovo_ptp.NotCompleted) and report.outcome.was_debited
    stage.need(debited, "OVO showed no debit: the customer did not confirm all the same")
    if stage.ovo is not None:
        net = stage.ovo.net(invoice)
        stage.need(net == 0, f"OVO keeps {net}")
    return (
        f"{outcome.name} at once: {outcome.customer_text_en}; then: {report.settlement}. To "
        "ask OVO: is a delivered 00 to be voided instead?"
    )


OVO, OURS = "OVO", "ours"
TILL, PHONE = "till", "phone"


def _all() -> tuple[Scenario, ...]:
    rows: list[tuple[str, str, str, tuple[str, ...], Any]] = [
        (OVO, "Inquiry of a registered number", "00; the push may follow", (TILL,), registered),
        (
            OVO,
            "Inquiry of an unregistered number",
            "14; a message on the till; no push",
            (TILL,),
            not_registered,
        ),
        (
            OVO,
            "The customer approves",
            "00; order paid; success page",
            (TILL, PHONE),
            approved,
        ),
        (
            OVO,
            "The customer cancels in the app",
            '17; "cancelled" is shown',
            (TILL, PHONE),
            cancelled_in_the_app,
        ),
        (OVO, "Push to an unregistered number", "14; a message", (TILL,), push_to_nobody),
        (OVO, "The customer is logged out", '26; "log in first"', (TILL, PHONE), logged_out),
        (
            OVO,
            "The prompt is ignored for 55 s",
            "no code, or an empty 404; reversal at 65 s answered 00; expiry shown",
            (TILL, PHONE),
            ignored,
        ),
        (
            OVO,
            "Confirmed near 50 s, the answer is dropped, check behind 60 s",
            "00: late paid or reversed, never both",
            (TILL, PHONE),
            answer_dropped,
        ),
        (
            OVO,
            "The same without status checks",
            "reversal 00; balance back",
            (TILL, PHONE),
            without_checks,
        ),
        (
            OURS,
            "The reversal gets no answer",
            "repeated with the same numbers until 00",
            (),
            reversal_unanswered,
        ),
        (OVO, "Void on the same day", "00; full refund", (TILL, PHONE), void_today),
        (OVO, "Void on the next day, or partial", "refused; nothing sent", (TILL,), void_tomorrow),
        (
            OVO,
            "Manual check of an unpaid push",
            "25; the original push's date",
            (TILL,),
            checked_by_hand,
        ),
        (OVO, "Check before 60 s", "refused here", (TILL,), checked_too_early),
        (
            OVO,
            "Three pushes, one of them failing",
            "references follow each other",
            (),
            three_pushes,
        ),
        (OVO, "Midnight, or reference 999999", "batch by the chosen method", (), numbers_by_method),
        (OURS, "The button is pressed twice", "one push", (TILL,), pressed_twice),
        (
            OURS,
            "The till is killed in the middle",
            "one outcome after the restart; the books agree",
            (),
            killed,
        ),
        (OURS, "Wrong tid", "EB; generic text; alert", (TILL,), wrong_terminal),
        (OVO, "Foreign number, landline", "refused; nothing sent", (TILL,), foreign_number),
        (
            OVO,
            "Decimal amount; the date field",
            "refused; WIB, three digits of milliseconds",
            (TILL,),
            decimals,
        ),
        (
            OVO,
            "The waiting screen",
            "where to look in the app, the time limit",
            (TILL,),
            waiting_screen,
        ),
        (
            OURS,
            "The report of the next day",
            "every paid invoice once; unpaid ones absent",
            (),
            report_of_the_day,
        ),
        (
            OURS,
            "The cashier cancels while the prompt is open; the customer confirms all the same",
            "not completed at once; reversal at 65 s, balance back",
            (TILL, PHONE),
            cancelled_at_the_till,
        ),
    ]
    return tuple(Scenario(number, *row) for number, row in enumerate(rows, 1))


SCENARIOS = _all()
