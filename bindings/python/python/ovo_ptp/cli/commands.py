"""What each command of `ovo-ptp` does."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import ovo_ptp
from ovo_ptp import journal
from ovo_ptp.cli import output
from ovo_ptp.cli.options import parser, path, whole_rupiah

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


def _open(options: argparse.Namespace, **more: Any) -> ovo_ptp.Client:
    if options.sandbox_credentials:
        from ovo_ptp._native import Sandbox

        credentials = Sandbox.credentials()
    elif options.credentials:
        credentials = ovo_ptp.Credentials.from_file(path(options.credentials))
    else:
        credentials = ovo_ptp.Credentials.from_environment()
    return ovo_ptp.Client(
        options.environment,
        credentials,
        journal=path(options.journal),
        shared=options.shared,
        ca_file=None if options.ca_file is None else path(options.ca_file),
        signing="with_body" if options.with_body else "without_body",
        time_scale=options.time_scale,
        **more,
    )


def _doctor(options: argparse.Namespace) -> int:
    with _open(options, background=False) as client:
        diagnosis = client.doctor()
    output.as_json(diagnosis) if options.json else output.say(str(diagnosis))
    return DONE if diagnosis.is_well else ERROR


def _inquire(options: argparse.Namespace) -> int:
    with _open(options, background=False) as client:
        inquiry = client.inquire(options.phone)
    masked = ovo_ptp.mask_phone(options.phone)
    registered = inquiry is ovo_ptp.Inquiry.REGISTERED
    if options.json:
        output.as_json({"phone": masked, "registered": registered})
    else:
        output.say(f"{masked} has {'an' if registered else 'no'} OVO account")
    return DONE if registered else 3


def _pay(options: argparse.Namespace) -> int:
    countdown = output.Countdown(sys.stderr, scale=options.time_scale)
    with _open(options) as client:
        try:
            outcome = client.pay(
                options.invoice,
                # A text that is no whole number is refused with the library's own words.
                amount=whole_rupiah(options.amount),  # type: ignore[arg-type]
                phone=options.phone,
                allow_second_push=options.allow_second_push,
                progress=countdown.show,
            )
        finally:
            countdown.clear()
        # Before it is confirmed: a crash in between must leave it in the list.
        if options.json:
            output.as_json(outcome)
        else:
            _say_outcome(outcome)
        sys.stdout.flush()
        if not isinstance(outcome, ovo_ptp.Interrupted):
            client.acknowledge(options.invoice)
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
            output.say(
                "NOT COMPLETED: whatever was deducted is returned; `ovo-ptp settle "
                "--until-settled` sees to it"
            )
        case ovo_ptp.NotSent():
            output.say("NOT SENT: try again at once, with a new invoice")
        case ovo_ptp.NeedsOperator():
            output.say(
                f"NEEDS OPERATOR: {outcome.reason} (batch {outcome.batch:06}, reference "
                f"{outcome.reference:06})"
            )
        case _:
            output.say("INTERRUPTED: ask again with the same invoice")
    output.say(f"the customer is shown: {outcome.customer_text}")


def _check(options: argparse.Namespace) -> int:
    with _open(options, background=False) as client:
        status = client.check(options.invoice)
    if options.json:
        output.as_json(status)
    else:
        output.say(f"OVO says: {status.at_ovo.replace('_', ' ')}")
        output.payments([status.payment])
    return DONE


def _void(options: argparse.Namespace) -> int:
    with _open(options, background=False) as client:
        void = client.void(options.invoice)
    if options.json:
        output.as_json(void)
    else:
        code = f" (code {void.code})" if void.code else ""
        output.say(f"{void.state.replace('_', ' ')}{code}")
    return VOIDS[void.state]


def _payments(options: argparse.Namespace) -> int:
    with _open(options, background=False) as client:
        reports = client.payments(
            unsettled=options.unsettled,
            unacknowledged=options.unacknowledged,
            needs_operator=options.needs_operator,
            limit=options.limit,
        )
    output.as_json(reports) if options.json else output.payments(reports)
    return DONE


def _settle(options: argparse.Namespace) -> int:
    changed: dict[str, ovo_ptp.PaymentReport] = {}
    with _open(options, background=False) as client:
        while True:
            changed.update((report.invoice, report) for report in client.settle())
            left = client.payments(unsettled=True)
            waiting = [report for report in left if not report.needs_operator]
            if not (options.until_settled and waiting):
                break
            pause = client.next_settlement()
            time.sleep(min(1.0, max(0.01, 1.0 if pause is None else pause)))
    if options.json:
        output.as_json({"changed": list(changed.values()), "unsettled": len(left)})
    else:
        if changed:
            output.payments(changed.values())
        output.say(f"{len(changed)} changed, {len(left)} not settled")
    if any(report.needs_operator for report in left):
        return OUTCOMES["needs operator"]
    return OUTCOMES["not completed"] if left else DONE


def _set_aside(options: argparse.Namespace) -> int:
    aside = journal.set_aside(path(options.file))
    output.say(f"set aside as {aside}; the next journal begins above its numbers and settles it")
    return DONE


def _move(options: argparse.Namespace) -> int:
    journal.move(path(options.from_file), path(options.to_file))
    output.say(f"moved to {options.to_file}")
    return DONE


def _backup(options: argparse.Namespace) -> int:
    journal.backup(path(options.file), path(options.to_file))
    output.say(f"written to {options.to_file}; opened as a journal it will be doubted")
    return DONE


def _vouch(options: argparse.Namespace) -> int:
    _refuse_a_missing(options)
    with _open(options, background=False) as client:
        ended = client.vouch(options.who_and_why)
    output.say("the doubt is over" if ended else "there was no doubt about this journal")
    return DONE


def _rekey(options: argparse.Namespace) -> int:
    _refuse_a_missing(options)
    unknown: list[str] = []

    def hear(event: ovo_ptp.Event) -> None:
        if event.kind == "journal_found" and "app key" in event.message:
            unknown.append(event.message)

    with _open(options, background=False, on_event=hear):
        pass
    if unknown:
        sys.stderr.write(f"ovo-ptp: {unknown[0]}\n")
        return ERROR
    output.say("the journal knows this app key; the one before can be left out from now on")
    return DONE


def _refuse_a_missing(options: argparse.Namespace) -> None:
    """Only `pay` makes a journal; a mistyped path must not."""
    if not path(options.journal).exists():
        raise ovo_ptp.JournalError(f"journal: there is none at {options.journal}")


def _journal(options: argparse.Namespace) -> int:
    return JOURNAL[options.action](options)


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


JOURNAL: dict[str, Callable[[argparse.Namespace], int]] = {
    "set-aside": _set_aside,
    "move": _move,
    "backup": _backup,
    "vouch": _vouch,
    "rekey": _rekey,
}
COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "demo": _demo,
    "doctor": _doctor,
    "inquire": _inquire,
    "pay": _pay,
    "check": _check,
    "void": _void,
    "payments": _payments,
    "settle": _settle,
    "journal": _journal,
    "codes": _codes,
}
