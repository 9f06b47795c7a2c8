"""Scenarios of what is asked about a payment behind its verdict: voids and status checks, each
within the time in which OVO takes it."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp._wib import WIB
from ovo_ptp.uat.stage import AMOUNT, MissedError, NotYetError

if TYPE_CHECKING:
    from ovo_ptp.uat.stage import Stage


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
