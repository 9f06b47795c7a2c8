"""How payments end, told by the public interface and held against OVO's books."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import threading
import time
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import (
    CANCELS,
    IGNORES,
    PATIENT,
    PAYS,
    PAYS_AFTER_20,
    PAYS_AFTER_50,
    PAYS_MUTELY,
    eventually,
    settled,
)


def test_a_customer_who_confirms_has_paid(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    match shop.pay("INV-1", amount=12_500, phone=PAYS):
        case ovo_ptp.Paid(amount=12_500, approval_code=str(code), is_late=False) as paid:
            assert code
        case other:
            raise AssertionError(other)
    assert paid.is_paid
    assert paid.customer_text == "Pembayaran berhasil."
    assert paid.wallet is not None
    assert paid.wallet.full_name
    assert ovo.net("INV-1") == 12_500
    settled(shop, ovo)


def test_j26_what_comes_from_the_journal_says_so(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    def pay_async() -> ovo_ptp.AnyOutcome:
        return asyncio.run(shop.pay_async("INV-1", amount=5, phone=PAYS))

    for phone in (PAYS, CANCELS, IGNORES):
        invoice = f"INV-{phone}"
        first = shop.pay(invoice, amount=5, phone=phone)
        again = shop.pay(invoice, amount=5, phone=phone)
        assert (first.was_known, again.was_known) == (False, True)
        if phone != IGNORES:  # whose money may be back meanwhile
            assert first == again, "all are told the same"
        found = shop.payment(invoice)
        assert found is not None
        assert found.outcome is not None
        assert found.outcome.was_known
    assert not pay_async().was_known
    assert pay_async().was_known
    with shop.start("INV-1", amount=5, phone=PAYS) as payment:
        assert payment.was_known
    assert len(ovo.ledger()) == 4


def test_a_customer_who_cancels_has_declined(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    match shop.pay("INV-1", amount=1, phone=CANCELS):
        case ovo_ptp.Declined(code="17", customer_text=text, new_attempt_makes_sense=True):
            assert "dibatalkan" in text
        case other:
            raise AssertionError(other)
    settled(shop, ovo)


def test_a_customer_who_ignores_the_prompt_has_not_completed(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    outcome = shop.pay("INV-1", amount=1, phone=IGNORES)
    assert isinstance(outcome, ovo_ptp.NotCompleted)
    assert not outcome.was_debited
    settled(shop, ovo)
    again = shop.pay("INV-1", amount=1, phone=IGNORES)
    assert isinstance(again, ovo_ptp.NotCompleted)
    assert again.is_refund_settled


def test_a_lost_answer_is_found_by_the_check(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    outcome = shop.pay("INV-1", amount=700, phone=PAYS_MUTELY)
    assert isinstance(outcome, ovo_ptp.Paid)
    assert outcome.is_late
    settled(shop, ovo)


def test_a_late_success_can_be_reversed_instead(ovo: Sandbox, tmp_path: Path) -> None:
    with ovo.client(journal=tmp_path / "a.db", late_success="reverse") as shop:
        outcome = shop.pay("INV-1", amount=700, phone=PAYS_MUTELY)
        assert isinstance(outcome, ovo_ptp.NotCompleted)
        settled(shop, ovo)
        assert ovo.net("INV-1") == 0


def test_a_sandbox_is_configured_while_it_runs(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    ovo.configure(default_balance=100, sloppy=[{"field": "hostDate", "how": "other_type"}])
    outcome = shop.pay("INV-1", amount=12_500, phone=PAYS)
    assert isinstance(outcome, ovo_ptp.Declined)
    assert outcome.code == "51"
    with pytest.raises(ValueError, match="unknown field"):
        ovo.configure(balance=1)


def test_nothing_is_sent_without_a_connection(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    ovo.connection_faults({"fault": "reset_at_accept", "times": 1})
    outcome = shop.pay("INV-1", amount=1, phone=PAYS)
    assert isinstance(outcome, ovo_ptp.NotSent)
    assert outcome.reason in ("no connection", "not trusted")
    assert outcome.detail
    stored = shop.pay("INV-1", amount=1, phone=PAYS)
    assert isinstance(stored, ovo_ptp.NotSent)
    assert stored.reason is None
    assert shop.pay("INV-2", amount=1, phone=PAYS).is_paid
    settled(shop, ovo)


def test_b4_a_wrong_certificate_means_that_nothing_was_sent(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    for number, fault in enumerate(
        ("expired_certificate", "wrong_host_certificate", "unknown_authority")
    ):
        ovo.connection_faults({"fault": fault, "times": 1})
        outcome = shop.pay(f"INV-{number}", amount=1, phone=PAYS)
        assert isinstance(outcome, ovo_ptp.NotSent), fault
        assert outcome.reason == "not trusted"
    assert ovo.ledger() == []


def test_contradicting_evidence_needs_an_operator_who_rules(ovo: Sandbox, tmp_path: Path) -> None:
    with ovo.client(journal=tmp_path / "a.db", check_payment=False) as shop:
        outcome = shop.pay("INV-1", amount=1, phone="081200009400")
        assert isinstance(outcome, ovo_ptp.NeedsOperator)
        assert outcome.batch > 0
        assert outcome.reference == 1
        assert [report.invoice for report in shop.payments(needs_operator=True)] == ["INV-1"]
        with pytest.raises(ovo_ptp.InvalidInputError, match=r"^reason: "):
            shop.rule("INV-1", "close", reason=" ")

        def is_closed() -> bool:
            # Refused for as long as the customer could still be debited.
            with contextlib.suppress(ovo_ptp.RefusedError):
                report = shop.rule("INV-1", "close", reason="looked it up in the portal")
                return not report.needs_operator
            return False

        eventually(is_closed)


def test_the_invoice_is_the_idempotency_key(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    first = shop.pay("INV-1", amount=5, phone=PAYS)
    assert shop.pay("INV-1", amount=5, phone="+62 812-3456-7890") == first
    assert len(ovo.ledger()) == 1
    with pytest.raises(ovo_ptp.InvoiceReusedError, match="another amount") as caught:
        shop.pay("INV-1", amount=6, phone=PAYS)
    assert (caught.value.field, caught.value.invoice) == ("amount", "INV-1")
    with pytest.raises(ovo_ptp.InvoiceReusedError, match="another phone"):
        shop.start("INV-1", amount=5, phone="081234567891")


def test_a_known_outcome_waits_for_no_settlement(ovo: Sandbox, tmp_path: Path) -> None:
    """Its reversal may hang for as long as a silent host keeps a connection."""
    ovo.script({"on": "reversal", "deliver": "hang", "times": 0})
    timers = {**PATIENT, "exchange_budget": 30}
    with ovo.client(journal=tmp_path / "a.db", timers=timers) as shop:
        outcome = shop.pay("INV-1", amount=5, phone=IGNORES)
        assert isinstance(outcome, ovo_ptp.NotCompleted)
        eventually(lambda: any(it["operation"] == "reversal" for it in ovo.requests()))
        begun = time.monotonic()
        assert shop.start("INV-1", amount=5, phone=IGNORES).poll() == outcome
        assert shop.pay("INV-1", amount=5, phone=IGNORES) == outcome
        with pytest.raises(ovo_ptp.InvoiceReusedError):
            shop.start("INV-1", amount=6, phone=IGNORES)
        assert time.monotonic() - begun < 10
        ovo.cut()


def test_a_customer_with_an_unsettled_payment_is_not_pushed_again(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    with shop.start("INV-1", amount=5, phone=PAYS_AFTER_50) as first:
        with pytest.raises(ovo_ptp.UnsettledCustomerError) as caught:
            shop.pay("INV-2", amount=5, phone=PAYS_AFTER_50)
        assert caught.value.is_retryable
        assert caught.value.invoice == "INV-1"
        assert caught.value.retry_after is not None
        assert caught.value.retry_after > 0
        second = shop.start("INV-3", amount=5, phone=PAYS_AFTER_50, allow_second_push=True)
        assert first.outcome().is_paid
        assert second.outcome().is_paid
    settled(shop, ovo)


def test_a_refused_void_is_pending_until_ovo_has_said_twice_that_there_is_none(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    shop.pay("INV-1", amount=5, phone=PAYS)
    ovo.script({"on": "void", "act": {"unheard": True}, "answer": {"code": "17"}})
    assert shop.void("INV-1") == ovo_ptp.VoidOutcome(state="pending", code=None)
    while (told := shop.check_void("INV-1")).state == "pending":
        time.sleep(0.05)
    assert told == ovo_ptp.VoidOutcome(state="rejected", code="17")
    assert ovo.net("INV-1") == 5


def test_who_asks_again_for_a_sale_whose_void_is_under_way_is_told_so(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    first = shop.pay("INV-1", amount=5, phone=PAYS)
    assert isinstance(first, ovo_ptp.Paid)
    assert first.void_doubt is None
    ovo.script(
        {"on": "void", "act": {"unheard": True}},
        {"on": "check_void", "times": 0, "act": {"unheard": True}},
    )
    assert shop.void("INV-1").state == "pending"
    again = shop.pay("INV-1", amount=5, phone=PAYS)
    assert isinstance(again, ovo_ptp.Paid)
    assert again.void_doubt is not None
    assert "under way" in again.void_doubt
    assert again.customer_text_en == "The payment is being checked. Do not pay again; please wait."


def test_a_paid_payment_can_be_voided_once(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    shop.pay("INV-1", amount=5, phone=PAYS)
    shop.pay("INV-2", amount=5, phone=CANCELS)
    assert shop.void("INV-1") == ovo_ptp.VoidOutcome(state="voided", code=None)
    assert shop.void("INV-1").state == "voided"
    assert shop.check_void("INV-1").state == "voided"
    with pytest.raises(ovo_ptp.RefusedError, match="only a paid payment"):
        shop.void("INV-2")
    with pytest.raises(ovo_ptp.NotFoundError):
        shop.void("INV-3")
    assert ovo.net("INV-1") == 0
    report = shop.payment("INV-1")
    assert report is not None
    assert isinstance(report.outcome, ovo_ptp.Paid)
    assert report.outcome.is_voided


def test_a_manual_check_has_its_window(shop: ovo_ptp.Client) -> None:
    shop.pay("INV-1", amount=5, phone=PAYS)
    with pytest.raises(ovo_ptp.OutsideWindowError):
        shop.check("INV-1")
    time.sleep(60 * 0.02)
    status = shop.check("INV-1")
    assert status.at_ovo == "paid"
    assert status.payment.invoice == "INV-1"
    with pytest.raises(ovo_ptp.NotFoundError):
        shop.check("INV-2")


def test_an_inquiry_knows_who_has_an_account(shop: ovo_ptp.Client) -> None:
    assert shop.inquire(PAYS) is ovo_ptp.Inquiry.REGISTERED
    assert shop.inquire("081200001400") is ovo_ptp.Inquiry.NOT_REGISTERED


def test_a_host_that_does_not_answer_an_inquiry_is_an_error(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    ovo.script({"on": "inquiry", "deliver": "drop"})
    with pytest.raises(ovo_ptp.NoAnswerError) as caught:
        shop.inquire(PAYS)
    assert caught.value.is_outcome_unknown


def test_a_started_payment_is_polled_waited_for_and_counted_down(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    payment = shop.start("INV-1", amount=5, phone=PAYS_AFTER_20)
    assert payment.invoice == "INV-1"
    assert payment.poll() is None
    assert payment.wait(0) is None
    assert payment.wait(dt.timedelta(milliseconds=20)) is None
    countdowns = list(payment)
    assert {countdown.phase for countdown in countdowns} >= {"waiting_for_customer"}
    remaining = [countdown.remaining for countdown in countdowns]
    assert remaining == sorted(remaining, reverse=True)
    assert payment.outcome().is_paid
    assert payment.poll() == payment.outcome()
    assert list(payment) == []
    payment.release()
    with pytest.raises(ovo_ptp.ClosedError):
        payment.poll()


def test_progress_is_told_on_the_calling_thread_and_cannot_lose_the_payment(
    shop: ovo_ptp.Client, caplog: pytest.LogCaptureFixture
) -> None:
    threads = set()

    def told(progress: ovo_ptp.Progress) -> None:
        threads.add(threading.get_ident())
        raise RuntimeError("the display is broken")

    assert shop.pay("INV-1", amount=5, phone=PAYS_AFTER_20, progress=told).is_paid
    assert threads == {threading.get_ident()}
    assert "the payment goes on" in caplog.text


@pytest.mark.parametrize("thrown", [KeyError, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("way", ["pay", "pay_async"])
def test_c18_nothing_that_a_progress_function_and_the_log_throw_hides_an_outcome(
    shop: ovo_ptp.Client, thrown: type[BaseException], way: str
) -> None:
    class Shipper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ConnectionError("the log server is away")

    told = []

    def progress(countdown: ovo_ptp.Progress) -> None:
        told.append(countdown)
        raise thrown("the display is broken")

    charge: dict[str, Any] = {"amount": 5, "phone": PAYS_AFTER_20, "progress": progress}
    shipper = Shipper()
    logging.getLogger("ovo_ptp").addHandler(shipper)
    try:
        if way == "pay":
            outcome = shop.pay("INV-1", **charge)
        else:
            outcome = asyncio.run(shop.pay_async("INV-1", **charge))
    finally:
        logging.getLogger("ovo_ptp").removeHandler(shipper)
    assert told
    assert outcome.is_paid


@pytest.mark.parametrize("way", ["pay", "pay_async"])
def test_c18_what_a_text_s_own_type_makes_of_comparing_fails_nothing_behind_a_push(
    shop: ovo_ptp.Client, way: str
) -> None:
    class Number(str):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise ArithmeticError("numbers are not compared")

    class Rupiah(int):
        def __lt__(self, other: object) -> bool:
            raise ArithmeticError("amounts are not compared")

        __le__ = __gt__ = __ge__ = __lt__

    charge: dict[str, Any] = {
        "amount": Rupiah(5),
        "phone": Number(PAYS_AFTER_20),
        "progress": lambda _: None,
    }
    if way == "pay":
        outcome = shop.pay(Number("INV-1"), **charge)
    else:
        outcome = asyncio.run(shop.pay_async(Number("INV-1"), **charge))
    assert outcome.is_paid
    report = shop.payment("INV-1")
    assert report is not None
    assert type(report.invoice) is str


def test_outcomes_wait_to_be_acknowledged(shop: ovo_ptp.Client) -> None:
    shop.pay("INV-1", amount=5, phone=PAYS)
    shop.pay("INV-2", amount=5, phone=CANCELS)
    assert [report.invoice for report in shop.unacknowledged()] == ["INV-1", "INV-2"]
    shop.acknowledge("INV-1")
    shop.acknowledge("INV-1")
    assert [report.invoice for report in shop.unacknowledged()] == ["INV-2"]
    with shop.start("INV-3", amount=5, phone=PAYS_AFTER_50):
        with pytest.raises(ovo_ptp.RefusedError, match="no outcome yet"):
            shop.acknowledge("INV-3")
    report = shop.payment("INV-1")
    assert report is not None
    assert report.acknowledged


def test_payments_are_listed_by_time_state_and_page(shop: ovo_ptp.Client) -> None:
    begun = dt.datetime.now(dt.timezone.utc)
    for number in range(5):
        shop.pay(f"INV-{number}", amount=5, phone=f"0812345678{number}0")
    reports = shop.payments()
    assert [report.id for report in reports] == [1, 2, 3, 4, 5]
    assert all(report.begun.utcoffset() == dt.timedelta(hours=7) for report in reports)
    page = shop.payments(after=2, limit=2)
    assert [report.invoice for report in page] == ["INV-2", "INV-3"]
    page = shop.payments(newest_first=True, limit=2)
    assert [report.invoice for report in page] == ["INV-4", "INV-3"]
    page = shop.payments(newest_first=True, after=page[-1].id)
    assert [report.invoice for report in page] == ["INV-2", "INV-1", "INV-0"]
    terminal = reports[0].terminal
    assert len(shop.payments(tid=terminal.tid, mid=terminal.mid)) == 5
    assert shop.payments(tid="99999999") == []
    assert list(shop.each_payment(mid="elsewhere")) == []
    assert shop.payments(until=begun) == []
    assert len(shop.payments(since=begun - dt.timedelta(seconds=1))) == 5
    assert shop.payment("INV-9") is None
    with pytest.raises(ovo_ptp.InvalidInputError, match="since: must be an aware datetime"):
        shop.payments(since=dt.datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ovo_ptp.InvalidTypeError, match="until: must be a datetime"):
        shop.payments(until="today")  # type: ignore[arg-type]


def test_j29_a_long_list_is_walked_through_page_by_page(
    shop: ovo_ptp.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ovo_ptp.client._PAGE", 3)
    for number in range(8):
        shop.pay(f"INV-{number}", amount=5, phone=f"0812345678{number}0")
    invoices = [f"INV-{number}" for number in range(8)]
    assert [report.invoice for report in shop.each_payment()] == invoices
    newest = shop.each_payment(unacknowledged=True, newest_first=True)
    assert [report.invoice for report in newest] == invoices[::-1]

    async def walk() -> list[str]:
        found = []
        async for report in shop.each_payment_async(unacknowledged=True):
            await shop.acknowledge_async(report.invoice)
            found.append(report.invoice)
        assert await shop.payments_async(unacknowledged=True) == []
        assert len(await shop.payments_async(limit=2)) == 2
        return found

    assert asyncio.run(walk()) == invoices
    assert list(shop.each_payment(unacknowledged=True)) == []
    with pytest.raises(ovo_ptp.InvalidTypeError, match="unsettled: must be True or False"):
        shop.each_payment(unsettled=1)  # type: ignore[arg-type]


def test_without_a_background_the_caller_settles(ovo: Sandbox, tmp_path: Path) -> None:
    with ovo.client(journal=tmp_path / "a.db", background=False) as shop:
        shop.pay("INV-1", amount=5, phone=IGNORES)
        due = shop.next_settlement()
        assert due is not None
        changed = eventually(shop.settle)
        assert [report.invoice for report in changed] == ["INV-1"]
        eventually(lambda: shop.settle() is not None and not shop.payments(unsettled=True))


def test_doctor_tells_what_is_wrong(ovo: Sandbox, tmp_path: Path, shop: ovo_ptp.Client) -> None:
    diagnosis = shop.doctor()
    assert diagnosis.is_well
    assert diagnosis.without_body == ovo_ptp.Probe(state="accepted", code="00", how=None)
    assert str(diagnosis).endswith("all is well")
    with Sandbox(time_scale=0.02, host={"signing": "with_body"}) as strict:
        with strict.client(journal=tmp_path / "b.db") as other:
            diagnosis = other.doctor()
            assert not diagnosis.is_well
            assert any("change the signing mode" in line for line in diagnosis.problems)
        with strict.client(journal=tmp_path / "c.db", signing="with_body") as other:
            assert other.doctor().is_well


def test_metrics_count_what_happened(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    shop.pay("INV-1", amount=5, phone=PAYS)
    shop.pay("INV-2", amount=5, phone=CANCELS)
    with shop.start("INV-3", amount=5, phone=PAYS_AFTER_20) as payment:
        assert shop.metrics().under_way >= 1
        payment.outcome()
    metrics = shop.metrics()
    assert metrics.outcomes == {"paid": 2, "declined": 1}
    assert metrics.requests["push to pay"] == 3
    assert metrics.dropped_events == 0


def test_reported_as_paid_reopens_a_closed_payment(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    shop.pay("INV-1", amount=5, phone=IGNORES)
    settled(shop, ovo)
    assert not shop.report_paid("INV-1").settled
    settled(shop, ovo)


def test_a_client_closes_with_a_grace_for_those_who_wait(ovo: Sandbox, tmp_path: Path) -> None:
    shop = ovo.client(journal=tmp_path / "a.db", timers=PATIENT)
    payment = shop.start("INV-1", amount=5, phone=PAYS_AFTER_20)
    eventually(ovo.ledger)
    closing = threading.Thread(target=shop.close, args=(60,))
    closing.start()

    def refused() -> bool:
        with contextlib.suppress(ovo_ptp.UnsettledCustomerError):
            try:
                shop.start("INV-2", amount=5, phone=PAYS_AFTER_20)
            except ovo_ptp.ClosedError:
                return True
        return False

    eventually(refused)
    assert payment.outcome().is_paid
    closing.join(20)
    assert shop.is_closed
    shop.close(5)
    with pytest.raises(ovo_ptp.InvalidTypeError, match="grace"):
        shop.close("soon")  # type: ignore[arg-type]
    with ovo.client(journal=tmp_path / "a.db") as again:
        settled(again, ovo)


def test_a_grace_ends_and_what_is_left_is_interrupted(ovo: Sandbox, tmp_path: Path) -> None:
    async def main() -> ovo_ptp.Outcome:
        shop = ovo.client(journal=tmp_path / "a.db", timers=PATIENT)
        paying = asyncio.ensure_future(shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_50))
        while not ovo.ledger():
            await asyncio.sleep(0.01)
        await shop.close_async(grace=dt.timedelta(milliseconds=200))
        return await paying

    assert isinstance(asyncio.run(main()), ovo_ptp.Interrupted)
    with ovo.client(journal=tmp_path / "a.db") as shop:
        settled(shop, ovo)


def test_sixty_four_threads_pay_at_once(shop: ovo_ptp.Client, ovo: Sandbox) -> None:
    outcomes: dict[int, ovo_ptp.Outcome] = {}
    together = threading.Barrier(64)

    def pay(number: int) -> None:
        together.wait()
        phone = f"08123456{number:04}"
        outcomes[number] = shop.pay(f"INV-{number}", amount=1_000 + number, phone=phone)

    ovo.script({"on": "push_to_pay", "times": 0, "behave": {"approve": {"after_ms": 20_000}}})
    threads = [threading.Thread(target=pay, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 64
    numbers = set()
    for number, outcome in outcomes.items():
        assert isinstance(outcome, ovo_ptp.Paid)
        assert outcome.amount == 1_000 + number
        numbers.add((outcome.batch, outcome.reference))
    assert len(numbers) == 64
    settled(shop, ovo)


def test_ov22_a_probed_host_says_whether_it_checks_signatures_once_a_day(
    ovo: Sandbox, shop: ovo_ptp.Client, tmp_path: Path
) -> None:
    assert shop.doctor().wrong_signature is None
    diagnosis = shop.probe_signature()
    assert diagnosis.wrong_signature == ovo_ptp.Probe(state="refused", code="63", how=None)
    assert diagnosis.is_well
    for again in (shop.probe_signature, lambda: asyncio.run(shop.probe_signature_async())):
        with pytest.raises(ovo_ptp.RefusedError, match="WIB") as refused:
            again()
        assert refused.value.retry_after is not None
        assert 0 < refused.value.retry_after <= 24 * 3_600
    wrong = [request for request in ovo.requests() if request["signature"] == "wrong"]
    assert len(wrong) == 1
    ovo.configure(signing="unchecked")
    with ovo.client(journal=tmp_path / "b.db") as careless:
        assert careless.doctor().is_well
        diagnosis = careless.probe_signature()
        assert diagnosis.wrong_signature is not None
        assert diagnosis.wrong_signature.state == "accepted"
        assert any("checks none" in line for line in diagnosis.problems)
