"""asyncio: the loop never waits, cancelling never gives up a payment."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import time
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import (
    CANCELS,
    PATIENT,
    PAYS,
    PAYS_AFTER_20,
    PAYS_AFTER_50,
    PAYS_MUTELY,
    eventually,
    settled,
)


def test_every_call_can_be_awaited(shop: ovo_ptp.Client) -> None:
    async def main() -> None:
        assert (await shop.pay_async("INV-1", amount=5, phone=PAYS)).is_paid
        assert not (await shop.pay_async("INV-2", amount=5, phone=CANCELS)).is_paid
        assert await shop.inquire_async(PAYS) is ovo_ptp.Inquiry.REGISTERED
        assert (await shop.doctor_async()).is_well
        assert len(await shop.unacknowledged_async()) == 2
        await shop.acknowledge_async("INV-1")
        report = await shop.payment_async("INV-1")
        assert report is not None
        assert report.acknowledged
        assert (await shop.void_async("INV-1")).state == "voided"
        assert (await shop.check_void_async("INV-1")).state == "voided"
        await asyncio.sleep(60 * 0.02)
        with pytest.raises(ovo_ptp.NotFoundError):
            await shop.check_async("INV-3")
        assert (await shop.check_async("INV-2")).payment.invoice == "INV-2"
        assert isinstance(await shop.settle_async(), list)
        with pytest.raises(ovo_ptp.InvalidTypeError, match=r"^amount: "):
            await shop.pay_async("INV-4", amount=1.5, phone=PAYS)  # type: ignore[arg-type]
        with pytest.raises(ovo_ptp.InvoiceReusedError):
            await shop.pay_async("INV-1", amount=6, phone=PAYS)

    asyncio.run(main())


def test_a_started_payment_is_awaited_and_counted_down(shop: ovo_ptp.Client) -> None:
    async def main() -> None:
        payment = await shop.start_async("INV-1", amount=5, phone=PAYS_AFTER_20)
        phases = [progress.phase async for progress in payment]
        assert "waiting_for_customer" in phases
        first, second = await asyncio.gather(payment.outcome_async(), payment.outcome_async())
        assert first.is_paid
        assert first == second
        assert [progress async for progress in payment] == []

    asyncio.run(main())


def test_progress_is_told_on_the_loop_before_the_outcome(shop: ovo_ptp.Client) -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        told: list[str] = []

        def progress(countdown: ovo_ptp.Progress) -> None:
            assert asyncio.get_running_loop() is loop
            told.append(countdown.phase)

        outcome = await shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_20, progress=progress)
        told.append(outcome.name)
        await asyncio.sleep(0.3)
        return told

    told = asyncio.run(main())
    assert told[-1] == "paid"
    assert len(told) > 3


def test_the_loop_never_waits_for_a_payment(shop: ovo_ptp.Client) -> None:
    async def main() -> None:
        longest, last = 0.0, time.monotonic()
        paying = asyncio.ensure_future(shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_50))
        while not paying.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert paying.result().is_paid
        assert longest < 0.25

    asyncio.run(main())


def test_f12_a_cancelled_task_gives_up_waiting_and_not_the_payment(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    async def main() -> None:
        paying = asyncio.ensure_future(shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_20))
        while not ovo.ledger():
            await asyncio.sleep(0.01)
        paying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await paying
        # Another task joins the payment that goes on.
        assert (await shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_20)).is_paid

    asyncio.run(main())
    assert len(ovo.ledger()) == 1
    settled(shop, ovo)


def test_f12_a_payment_whose_loop_is_gone_is_found_unacknowledged(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_20), 0.1)

    asyncio.run(main())
    [report] = eventually(shop.unacknowledged)
    assert isinstance(report.outcome, ovo_ptp.Paid)
    settled(shop, ovo)


def test_f12_a_late_success_that_nobody_waits_for_is_returned(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(shop.pay_async("INV-1", amount=5, phone=PAYS_MUTELY), 0.3)

    asyncio.run(main())
    [report] = eventually(shop.unacknowledged)
    assert isinstance(report.outcome, ovo_ptp.NotCompleted)
    settled(shop, ovo)
    assert ovo.net("INV-1") == 0


def test_f12_who_is_cancelled_while_the_payment_begins_waits_no_more(
    shop: ovo_ptp.Client, ovo: Sandbox
) -> None:
    async def main() -> None:
        paying = asyncio.ensure_future(shop.pay_async("INV-1", amount=5, phone=PAYS_MUTELY))
        await asyncio.sleep(0)
        paying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await paying

    asyncio.run(main())
    [report] = eventually(shop.unacknowledged)
    assert isinstance(report.outcome, ovo_ptp.NotCompleted)
    settled(shop, ovo)
    assert ovo.net("INV-1") == 0


def test_f12_closing_while_tasks_wait_interrupts_them(ovo: Sandbox, tmp_path: Path) -> None:
    async def main() -> None:
        async with ovo.client(journal=tmp_path / "a.db") as shop:
            paying = [
                asyncio.ensure_future(
                    shop.pay_async(f"INV-{number}", amount=5, phone=f"0813000000{number:02}")
                )
                for number in range(10)
            ]
            while len(ovo.ledger()) < 10:
                await asyncio.sleep(0.01)
        outcomes = await asyncio.wait_for(asyncio.gather(*paying), 5)
        assert {type(outcome) for outcome in outcomes} == {ovo_ptp.Interrupted}
        with pytest.raises(ovo_ptp.ClosedError):
            await shop.pay_async("INV-99", amount=5, phone=PAYS)

    ovo.script({"on": "push_to_pay", "times": 0, "behave": {"approve": {"after_ms": 50_000}}})
    asyncio.run(main())
    with ovo.client(journal=tmp_path / "a.db") as shop:
        eventually(lambda: len(shop.unacknowledged()) == 10)
        settled(shop, ovo)


def test_f19_a_payment_of_a_closed_client_is_interrupted_and_not_awaited_for_ever(
    ovo: Sandbox, tmp_path: Path
) -> None:
    async def main() -> None:
        async with ovo.client(journal=tmp_path / "a.db", timers=PATIENT) as shop:
            paid = await shop.start_async("INV-1", amount=5, phone=PAYS)
            waiting = await shop.start_async("INV-2", amount=5, phone=PAYS_AFTER_50)
            given_up = await shop.start_async("INV-3", amount=5, phone=PAYS_AFTER_20)
            assert (await paid.outcome_async()).is_paid
            while len(ovo.ledger()) < 3:
                await asyncio.sleep(0.01)
        assert (await paid.outcome_async()).is_paid
        assert isinstance(await waiting.outcome_async(), ovo_ptp.Interrupted)
        assert [progress async for progress in waiting] == []
        given_up.release()
        with pytest.raises(ovo_ptp.ClosedError):
            await given_up.outcome_async()
        with pytest.raises(ovo_ptp.ClosedError):
            [progress async for progress in given_up]

    asyncio.run(asyncio.wait_for(main(), 20))
    with ovo.client(journal=tmp_path / "a.db") as shop:
        settled(shop, ovo)


def test_f19_closing_at_any_moment_leaves_no_task_waiting(ovo: Sandbox, tmp_path: Path) -> None:
    """From another thread, while tasks start payments and await them."""

    async def one(shop: ovo_ptp.Client, number: int) -> str:
        try:
            payment = await shop.start_async(f"INV-{number}", amount=5, phone=f"0813000{number:05}")
            async for _ in payment:
                pass
            return (await payment.outcome_async()).name
        except ovo_ptp.ClosedError:
            return "nothing started"

    async def main(moment: int) -> list[str]:
        shop = ovo.client(journal=tmp_path / f"{moment}.db", timers=PATIENT)
        tasks = [asyncio.ensure_future(one(shop, 100 * moment + number)) for number in range(20)]
        await asyncio.sleep(moment * 0.02)
        await asyncio.to_thread(shop.close)
        return await asyncio.gather(*tasks)

    ovo.script({"on": "push_to_pay", "times": 0, "behave": {"approve": {"after_ms": 20_000}}})
    for moment in range(8):
        names = asyncio.run(asyncio.wait_for(main(moment), 30))
        assert set(names) <= {"interrupted", "paid", "not sent", "nothing started"}
        pushed = {entry["invoice"] for entry in ovo.ledger()}
        for number, name in enumerate(names):
            if name in ("not sent", "nothing started"):
                assert f"INV-{100 * moment + number}" not in pushed


def test_a_thousand_payments_wait_at_once(tmp_path: Path) -> None:
    """Each is a native thread with a small stack; Python's own threads stay as they were."""
    import threading

    before = threading.active_count()
    slow = {
        "on": "push_to_pay",
        "times": 0,
        "behave": {"approve": {"after_ms": 40_000}},
    }
    # Slower than the other tests: a thousand handshakes take a second or two of both cores.
    with (
        Sandbox(time_scale=0.25) as ovo,
        ovo.client(journal=tmp_path / "a.db", log=False, timers=PATIENT) as shop,
    ):
        ovo.script(slow)

        async def main() -> list[ovo_ptp.Outcome]:
            paying = [
                asyncio.ensure_future(
                    shop.pay_async(f"INV-{number}", amount=1 + number, phone=f"0813{number:08}")
                )
                for number in range(1_000)
            ]
            while ovo.connections()["open"] < 1_000 and not any(task.done() for task in paying):
                await asyncio.sleep(0.02)
            assert threading.active_count() <= before + 2
            return await asyncio.gather(*paying)

        outcomes = asyncio.run(main())
        assert {type(outcome) for outcome in outcomes} == {ovo_ptp.Paid}
        assert sorted(o.amount for o in outcomes if isinstance(o, ovo_ptp.Paid)) == list(
            range(1, 1_001)
        )
        taken = sum(entry["debits"] * entry["amount"] for entry in ovo.ledger())
        assert taken == sum(range(1, 1_001))
    gc.collect()


def test_f19_closing_waits_for_no_thread_of_the_loop_s(shop: ovo_ptp.Client) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
        busy = threading.Event()
        held = loop.run_in_executor(None, busy.wait)
        try:
            # A bound that only a hang reaches.
            await asyncio.wait_for(shop.close_async(), 60)
        finally:
            busy.set()
            await held

    asyncio.run(main())
    with pytest.raises(ovo_ptp.ClosedError):
        shop.pay("INV-1", amount=5, phone=PAYS_AFTER_20)


def test_f19_a_loop_that_takes_no_answer_ends_no_other_one_s(shop: ovo_ptp.Client) -> None:
    class Deaf(asyncio.SelectorEventLoop):
        deaf = False

        def call_soon_threadsafe(  # type: ignore[override]
            self, *arguments: Any, **more: Any
        ) -> asyncio.Handle:
            if self.deaf:
                raise ArithmeticError("no calls from other threads")
            return super().call_soon_threadsafe(*arguments, **more)

    deaf = Deaf()

    async def told_nothing() -> None:
        task = asyncio.ensure_future(shop.pay_async("INV-1", amount=5, phone=PAYS_AFTER_20))
        while shop.payment("INV-1") is None:
            await asyncio.sleep(0.01)
        deaf.deaf = True
        while (report := shop.payment("INV-1")) is None or report.outcome is None:
            await asyncio.sleep(0.01)
        deaf.deaf = False
        task.cancel()

    deaf.run_until_complete(told_nothing())
    deaf.close()
    outcome = asyncio.run(
        asyncio.wait_for(shop.pay_async("INV-2", amount=5, phone=PAYS_AFTER_50), 60)
    )
    assert outcome.is_paid
