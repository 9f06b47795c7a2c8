"""What each command of `ovo-ptp` does."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.cli import (
    credentials,
    explaining,
    journal_files,
    operating,
    output,
    paying,
    reconciling,
    shop,
    uat,
)
from ovo_ptp.cli.options import is_address, parser, path
from ovo_ptp.cli.telling import OUTCOMES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

DONE, ERROR, WRONG_USE, CTRL_C = 0, 1, 2, 130


def run(arguments: Sequence[str]) -> int:
    """Reads the command line, does it, and returns the exit code."""
    try:
        options = parser().parse_args(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else WRONG_USE
    try:
        code = COMMANDS[options.command](options)
        sys.stdout.flush()
    except ovo_ptp.OvoError as error:
        if getattr(options, "json", False):
            output.as_json({"error": error.code, "message": error.message})
        shop.say_aside(str(error))
        return ERROR
    except BrokenPipeError:
        output.drop(sys.stdout)  # whoever read has enough
        return ERROR
    except OSError as error:
        # What may not be untrue whatever standard output takes (`pay`) sees to that itself.
        output.drop(sys.stdout)
        shop.say_aside(f"not all was written: {error.strerror}")
        return ERROR
    except KeyboardInterrupt:
        shop.say_aside("interrupted; nothing is lost, ask again with the same invoice")
        return CTRL_C
    return code


def _doctor(options: argparse.Namespace) -> int:
    if options.probe_signature:
        # With the shop's own journal only: it remembers the day.
        with shop.opened(options) as client:
            return _say_diagnosis(options, client.probe_signature(), None)
    beside = None
    try:
        client = shop.opened(options)
    except ovo_ptp.JournalLockedError as locked:
        # What OVO says can be asked all the same, and the journal be read.
        beside, client = str(locked), shop.asking(options)
    except ovo_ptp.JournalError as error:
        if is_address(options.journal) or path(options.journal).exists():
            raise
        beside, client = str(error), shop.asking(options)
    with client:
        diagnosis = client.doctor()
    return _say_diagnosis(options, diagnosis, beside)


def _say_diagnosis(
    options: argparse.Namespace, diagnosis: ovo_ptp.Diagnosis, beside: str | None
) -> int:
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


def _check(options: argparse.Namespace) -> int:
    with shop.opened(options) as client:
        status = client.check(options.invoice)
    if options.json:
        output.as_json(status)
    else:
        output.say(f"OVO says: {status.at_ovo.replace('_', ' ')}")
        if status.ask_again is not None:
            output.say(
                "that contradicts what was told, and does not count yet: OVO's record may lag; ask "
                f"again in {math.ceil(status.ask_again)} s"
            )
        output.payments([status.payment])
    return OUTCOMES["needs operator"] if status.payment.needs_operator else DONE


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
    "pay": paying.pay,
    "cancel": paying.cancel,
    "check": _check,
    "void": paying.void,
    "check-void": paying.check_void,
    "payments": operating.payments,
    "show": operating.show,
    "explain": explaining.explain,
    "metrics": operating.metrics,
    "rule": operating.rule,
    "report-paid": operating.report_paid,
    "acknowledge": operating.acknowledge,
    "journal": journal_files.run,
    "credentials": credentials.run,
    "reconcile": reconciling.reconcile,
    "uat": uat.uat,
    "settle": _settle,
    "codes": _codes,
}
