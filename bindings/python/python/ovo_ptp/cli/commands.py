"""What each command of `ovo-ptp` does."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.cli import credentials, explaining, journal_files, operating, output, shop
from ovo_ptp.cli.options import parser, path
from ovo_ptp.cli.typed import rupiah

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

DONE, ERROR, WRONG_USE, CTRL_C = 0, 1, 2, 130
OUTCOMES = {
    "paid": 0,
    "declined": 3,
    "not completed": 4,
    "not sent": 5,
    "needs operator": 6,
    "interrupted": 7,
}
VOIDS = {"voided": 0, "rejected": 3, "pending": 4, "not_sent": 5, "needs_operator": 6}


def run(arguments: Sequence[str]) -> int:
    """Reads the command line, does it, and returns the exit code."""
    try:
        options = parser().parse_args(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else WRONG_USE
    try:
        return COMMANDS[options.command](options)
    except ovo_ptp.OvoError as error:
        if getattr(options, "json", False):
            output.as_json({"error": error.code, "message": error.message})
        sys.stderr.write(f"ovo-ptp: {error}\n")
        return ERROR
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has enough
        return ERROR
    except KeyboardInterrupt:
        sys.stderr.write(
            "\novo-ptp: interrupted; nothing is lost, ask again with the same invoice\n"
        )
        return CTRL_C


def _doctor(options: argparse.Namespace) -> int:
    beside = None
    try:
        client = shop.opened(options)
    except ovo_ptp.JournalLockedError as locked:
        # What OVO says can be asked all the same, and the journal be read.
        beside, client = str(locked), shop.asking(options)
    except ovo_ptp.JournalError as error:
        if path(options.journal).exists():
            raise
        beside, client = str(error), shop.asking(options)
    with client:
        diagnosis = client.doctor()
    problems = list(diagnosis.problems)
    lines = str(diagnosis).splitlines()
    if beside is not None:
        note = beside.removeprefix("journal: ")
        if path(options.journal).exists():
            journal = shop.reading(options)
            payments, unsettled = journal.counts()
            problems += journal.problems()
            note = f"{payments} payments, {unsettled} not settled; {note}"
        lines = [line for line in lines if not line.startswith(("journal:", "all is", "to mend:"))]
        lines.append(f"{'journal:':<22}{note}")
        lines.append("to mend: " + "; ".join(problems) if problems else "all is well")
    if options.json:
        output.as_json({**diagnosis.to_dict(), "problems": problems, "text": "\n".join(lines)})
    else:
        output.say("\n".join(lines))
    return ERROR if problems else DONE


def _inquire(options: argparse.Namespace) -> int:
    phone = ovo_ptp.Phone(" ".join(options.phone))
    with shop.asking(options) as client:
        registered = client.inquire(phone) is ovo_ptp.Inquiry.REGISTERED
    if options.json:
        output.as_json({"phone": str(phone), "registered": registered})
    else:
        output.say(f"{phone} has {'an' if registered else 'no'} OVO account")
    return DONE if registered else 3


def _pay(options: argparse.Namespace) -> int:
    phone, amount = ovo_ptp.Phone(" ".join(options.phone)), rupiah(options.amount)
    countdown = output.Countdown(sys.stderr, scale=options.time_scale)
    with shop.opened(options, makes_journal=True) as client:
        found = client.payment(options.invoice)
        if found is None:
            where = options.environment or "staging"
            shop.say_aside(f"{ovo_ptp.format_rupiah(amount)} to {phone}, {where}")
        else:
            shop.say_aside(
                f"{options.invoice} is in the journal since {found.begun:%Y-%m-%d %H:%M} WIB: "
                "nothing is pushed again"
            )
        try:
            with client.start(
                options.invoice,
                amount=amount,
                phone=phone,
                allow_second_push=options.allow_second_push,
            ) as payment:
                outcome = _seen_through(payment, countdown)
        finally:
            countdown.clear()
        # Before it is confirmed: a crash in between must leave it in the list.
        if options.json:
            output.as_json({**outcome.to_dict(), "was_known": found is not None})
        else:
            _say_outcome(outcome)
        sys.stdout.flush()
        if found is None and not isinstance(outcome, ovo_ptp.Interrupted):
            client.acknowledge(options.invoice)
        elif found is not None and not found.acknowledged:
            # Whoever began it may not have heard of its outcome.
            shop.say_aside(f"not acknowledged: `ovo-ptp acknowledge {options.invoice}`")
    return OUTCOMES[outcome.name]


def _seen_through(
    payment: ovo_ptp.StartedPayment, countdown: output.Countdown
) -> ovo_ptp.AnyOutcome:
    """Waits for the outcome. Ctrl-C asks whoever sits at a terminal what is meant by it."""
    while True:
        try:
            for progress in payment:
                countdown.show(progress)
            return payment.outcome()
        except KeyboardInterrupt:
            countdown.clear()
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise
        try:
            if _wants_to_cancel(payment.invoice):
                return payment.cancel()
        except ovo_ptp.RefusedError as error:
            shop.say_aside(f"{error}; still waiting")


def _wants_to_cancel(invoice: str) -> bool:
    """A second Ctrl-C leaves: the payment goes on, and this invoice asked again tells its end."""
    sys.stderr.write(
        f"\n{invoice} goes on. Type c and Enter to cancel it (the customer is not to confirm it, "
        "and gets\nback what is deducted), only Enter to go on waiting, Ctrl-C again to leave it: "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("c", "cancel")


def _cancel(options: argparse.Namespace) -> int:
    with shop.opened(options) as client:
        outcome = client.cancel(options.invoice)
    output.as_json(outcome) if options.json else _say_outcome(outcome)
    return OUTCOMES[outcome.name]


def _say_outcome(outcome: ovo_ptp.Outcome) -> None:
    match outcome:
        case ovo_ptp.Paid():
            late = ", found by the status check" if outcome.is_late else ""
            output.say(
                f"PAID {ovo_ptp.format_rupiah(outcome.amount)} (approval code "
                f"{outcome.approval_code or '-'}, batch {outcome.batch:06}, reference "
                f"{outcome.reference:06}{late})"
            )
        case ovo_ptp.Declined():
            output.say(f"DECLINED {outcome.code or ''}: {outcome.meaning}")
        case ovo_ptp.NotCompleted():
            cancelled = "CANCELLED, hand over nothing" if outcome.is_cancelled else "NOT COMPLETED"
            output.say(
                f"{cancelled}: whatever was deducted is returned; `ovo-ptp settle "
                "--until-settled` sees to it"
            )
        case ovo_ptp.NotSent():
            why = f" ({outcome.detail or outcome.reason})" if outcome.reason else ""
            output.say(f"NOT SENT{why}: try again at once, with a new invoice")
        case ovo_ptp.NeedsOperator():
            output.say(
                f"NEEDS OPERATOR: {outcome.reason} (batch {outcome.batch:06}, reference "
                f"{outcome.reference:06})"
            )
        case _:
            output.say("INTERRUPTED: ask again with the same invoice")
    output.say(f"the customer is shown: {outcome.customer_text}")


def _check(options: argparse.Namespace) -> int:
    with shop.opened(options) as client:
        status = client.check(options.invoice)
    if options.json:
        output.as_json(status)
    else:
        output.say(f"OVO says: {status.at_ovo.replace('_', ' ')}")
        output.payments([status.payment])
    return DONE


def _void(options: argparse.Namespace) -> int:
    with shop.opened(options) as client:
        void = client.void(options.invoice)
    if options.json:
        output.as_json(void)
    else:
        code = f" (code {void.code})" if void.code else ""
        output.say(f"{void.state.replace('_', ' ')}{code}")
    return VOIDS[void.state]


def _settle(options: argparse.Namespace) -> int:
    changed: dict[str, ovo_ptp.PaymentReport] = {}
    with shop.opened(options) as client:
        while True:
            changed.update((report.invoice, report) for report in client.settle())
            left = operators = 0
            for report in client.each_payment(unsettled=True):
                left += 1
                operators += report.needs_operator
            if not (options.until_settled and left > operators):
                break
            pause = client.next_settlement()
            time.sleep(min(1.0, max(0.01, 1.0 if pause is None else pause)))
    if options.json:
        output.as_json({"changed": list(changed.values()), "unsettled": left})
    else:
        if changed:
            output.payments(changed.values())
        output.say(f"{len(changed)} changed, {left} not settled")
    if operators:
        return OUTCOMES["needs operator"]
    return OUTCOMES["not completed"] if left else DONE


def _codes(options: argparse.Namespace) -> int:
    rows = [row for row in ovo_ptp.response_codes() if options.code in (None, row.code)]
    if not rows:
        sys.stderr.write("ovo-ptp: no such code in the table; the library treats it as unknown\n")
        return ERROR
    if options.json:
        output.as_json(rows)
    else:
        lines = [(row.code, row.decline_class, row.meaning, row.action) for row in rows]
        output.table([("CODE", "CLASS", "MEANING", "WHAT TO DO"), *lines])
    return DONE


def _demo(options: argparse.Namespace) -> int:
    from ovo_ptp.cli.demo import morning

    return DONE if morning(as_json=options.json, page=options.page) else ERROR


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "demo": _demo,
    "doctor": _doctor,
    "inquire": _inquire,
    "pay": _pay,
    "cancel": _cancel,
    "check": _check,
    "void": _void,
    "payments": operating.payments,
    "show": operating.show,
    "explain": explaining.explain,
    "rule": operating.rule,
    "report-paid": operating.report_paid,
    "acknowledge": operating.acknowledge,
    "journal": journal_files.run,
    "credentials": credentials.run,
    "settle": _settle,
    "codes": _codes,
}
