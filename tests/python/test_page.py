"""The sandbox's page in a browser, with a shop of this package at the other end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

import browser
from browser import Browser
from conftest import PATIENT, PAYS
from picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not (browser.DRIVER and browser.CHROMIUM),
    reason="chromium-driver is not installed (make test-tools installs it)",
)

#: The number that is decided on the page.
YOU = "081200000200"

#: The page's own colours, by day.
ACCENT = (0x5A, 0x2A, 0x9C)
GOOD = (0xDF, 0xF4, 0xE7)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with Browser() as window:
        yield window


class Street:
    """A shop, OVO, and the page on which a test is the customer."""

    def __init__(self, chromium: Browser, folder: Path, time_scale: float) -> None:
        self.ovo = Sandbox(time_scale=time_scale)
        self.shop = self.ovo.client(journal=folder / "shop.db", settle_rate=50, timers=PATIENT)
        self.threads = ThreadPoolExecutor()
        self.page = chromium
        self.page.size(1400, 1000)
        self.page.open(self.ovo.page_url)
        self.page.sees("#connection", "live")
        self.page.sees("#screen", "No payment request.")

    def pays(self, invoice: str, amount: int, phone: str = YOU) -> Future[ovo_ptp.Outcome]:
        """The shop begins to wait."""
        return self.threads.submit(self.shop.pay, invoice, amount=amount, phone=phone)

    def __enter__(self) -> Street:
        return self

    def __exit__(self, *_: object) -> None:
        # Nothing on the page may have gone wrong without a word.
        errors = self.page.log()
        self.page.open("about:blank")
        self.shop.close()
        self.ovo.close()
        self.threads.shutdown()
        assert not errors


def test_a_customer_pays_on_the_page_while_the_shop_waits(
    chromium: Browser, tmp_path: Path
) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        idle = Picture(page.screenshot("#screen"))
        waiting = street.pays("KOPI-1", 32_500)
        page.sees("#screen", "Rp 32.500")
        page.sees("#screen", "KOPI-1")
        page.sees("#story-body", "The customer has not decided yet.")
        button = page.find("#screen .pay")
        assert (button.role, button.label) == ("button", "Pay")
        assert 0 < int(page.find("#screen .left").text) <= 55
        # What is seen, not only what the document says: the request is drawn over the empty screen,
        # and its button is there, in its colour, with its word on it.
        page.eventually(
            lambda: Picture(page.screenshot("#screen .pay")).share(ACCENT) > 0.7, 20, "the button"
        )
        painted = Picture(page.screenshot("#screen .pay"))
        assert 0.005 < painted.share((255, 255, 255), 60) < 0.2, "the word Pay"
        assert Picture(page.screenshot("#screen")).difference(idle) > 0.1
        assert not waiting.done()
        button.click()
        outcome = waiting.result(60)
        assert isinstance(outcome, ovo_ptp.Paid)
        page.sees("#screen", "Paid")
        page.sees("#screen", f"Approval code {outcome.approval_code}")
        assert Picture(page.screenshot("#screen .sign")).share(GOOD) > 0.4
        page.sees("#story-body", "Both sides agree.")
        page.sees("#rows", "debited")
        page.sees("#sum", "1 payments, Rp 32.500 taken")
        assert street.ovo.net("KOPI-1") == 32_500


def test_a_customer_cancels_by_keyboard_in_indonesian(chromium: Browser, tmp_path: Path) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        page.find("#lang-id").click()
        waiting = street.pays("NASI-2", 45_000)
        page.sees("#screen", "meminta pembayaran")
        page.sees("#announcer", "Rp 45.000")
        assert page.run("return document.documentElement.lang") == "id"
        page.run("document.querySelector('#customer').focus()")
        focused = "return document.activeElement.className"
        for _ in range(10):
            page.keys("\ue004")
            if page.run(focused) == "cancel":
                break
        assert page.run(focused) == "cancel", "Tab leads to the button"
        page.keys("\ue007")
        outcome = waiting.result(60)
        assert isinstance(outcome, ovo_ptp.Declined)
        assert outcome.code == "17"
        page.sees("#screen", "Dibatalkan")
        assert page.run("return document.activeElement.textContent") == "Dibatalkan"
        page.sees("#story-body", "membatalkan")
        assert street.ovo.net("NASI-2") == 0


def test_a_lost_answer_is_seen_to_be_found(chromium: Browser, tmp_path: Path) -> None:
    with Street(chromium, tmp_path, time_scale=0.05) as street:
        page = street.page
        page.find("#manner").choose("approve")
        page.sees("#manner option:checked", "Pays")
        page.eventually(
            lambda: "approve" in page.run(f"return JSON.stringify(model.customers.get('{YOU}'))"),
            30,
            "the switch",
        )
        page.find("[data-fault=f_lose]").click()
        page.sees("#armed", "push to pay: hang")
        outcome = street.pays("BAKSO-3", 28_000).result(120)
        assert isinstance(outcome, ovo_ptp.Paid)
        assert outcome.is_late
        page.sees("#story-body", "lost on the way (hang)")
        page.sees("#story-body", "payment check")
        page.sees("#story-body", "Both sides agree.")
        page.sees("#exchanges", "00 lost")
        page.find("#exchanges summary").click()
        page.sees("#exchanges details[open] .bodies", '"processingCode": "040000"')
        assert "hmac" not in page.text()
        page.eventually(
            lambda: not page.run("return document.querySelector('#armed').textContent"),
            30,
            "the fault is used up",
        )


def test_an_answer_that_is_late_by_a_button_is_waited_for(
    chromium: Browser, tmp_path: Path
) -> None:
    with Street(chromium, tmp_path, time_scale=0.5) as street:
        page = street.page
        page.find("[data-fault=f_delay]").click()
        page.sees("#armed", "push to pay: answer changed")
        begun = time.monotonic()
        waiting = street.pays("SOTO-5", 21_000, PAYS)
        page.sees("#rows", "debited")
        assert not waiting.done(), "the money is taken, and the answer is on its way"
        outcome = waiting.result(60)
        assert time.monotonic() - begun >= 10 * 0.5
        assert isinstance(outcome, ovo_ptp.Paid)
        assert not outcome.is_late, "it was the push's own answer"
        page.sees("#story-body", "Both sides agree.")
        took = page.run("return document.querySelector('#exchanges .took').textContent")
        assert 10 <= float(took.strip("+ s").replace(",", ".")) < 55, took
        page.eventually(
            lambda: not page.run("return document.querySelector('#armed').textContent"),
            30,
            "the fault is used up",
        )
        assert [it["operation"] for it in street.ovo.requests()] == ["push_to_pay"]
        # The next answer is not late: a button is good for one.
        begun = time.monotonic()
        assert street.pays("SOTO-6", 21_000, PAYS).result(60).is_paid
        assert time.monotonic() - begun < 10 * 0.5


def test_a_push_that_a_button_delivers_twice_asks_once_and_takes_once(
    chromium: Browser, tmp_path: Path
) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        page.find("[data-fault=f_duplicate]").click()
        page.sees("#armed", "push to pay: duplicate")
        waiting = street.pays("SATE-7", 36_000)
        page.sees("#exchanges", "push to pay, heard a second time")
        page.sees("#story-body", "push to pay, heard a second time")
        page.eventually(
            lambda: street.ovo.requests()[1]["code"] == "94", 30, "the second hearing, refused"
        )
        assert len(page.all("#screen .pay")) == 1, "the customer is asked once"
        assert not waiting.done(), "the answer to the second one is nobody's"
        page.find("#screen .pay").click()
        outcome = waiting.result(60)
        assert isinstance(outcome, ovo_ptp.Paid)
        assert not outcome.is_late
        page.sees("#story-body", "Both sides agree.")
        page.sees("#sum", "1 payments, Rp 36.000 taken")
        first, second = street.ovo.requests()
        assert second["copy_of"] == first["seq"]
        assert (first["code"], second["code"]) == ("00", "94")
        assert (street.ovo.net("SATE-7"), len(street.ovo.ledger())) == (36_000, 1)


@pytest.mark.parametrize(
    ("button", "armed", "told"),
    [
        ("f_cut", "reset", "paid"),
        ("f_gateway", "answer changed", "paid"),
        ("f_unheard", "unheard", "not completed"),
        ("f_error", "pretend, answer changed", "not completed"),
    ],
)
def test_every_other_button_leaves_both_sides_agreed(
    chromium: Browser, tmp_path: Path, button: str, armed: str, told: str
) -> None:
    with Street(chromium, tmp_path, time_scale=0.05) as street:
        page = street.page
        page.find(f"[data-fault={button}]").click()
        page.sees("#armed", f"push to pay: {armed}")
        outcome = street.pays("GADO-8", 19_000, PAYS).result(120)
        assert outcome.name.replace("_", " ") == told, outcome
        assert street.ovo.net("GADO-8") == (19_000 if outcome.is_paid else 0)
        assert outcome.is_paid is (told == "paid")


def test_a_debit_that_a_reversal_left_is_no_agreement(chromium: Browser, tmp_path: Path) -> None:
    with Street(chromium, tmp_path, time_scale=0.05) as street:
        page = street.page
        street.ovo.configure(reversals_ignored=True)
        # Nothing is answered at 60 s, and the debit comes at 70 s.
        outcome = street.pays("BAKSO-4", 28_000, "081200009510").result(120)
        assert isinstance(outcome, ovo_ptp.NotCompleted)
        page.sees("#story-body", "Debited, and the shop was told that it went back.")
        assert "Both sides agree." not in page.text()
        assert street.ovo.net("BAKSO-4") == 28_000


def test_a_void_that_the_void_check_found_is_undone_and_told(
    chromium: Browser, tmp_path: Path
) -> None:
    with Street(chromium, tmp_path, time_scale=0.05) as street:
        page = street.page
        assert street.pays("SATE-5", 28_000, PAYS).result(120).is_paid
        page.sees("#story-body", "Both sides agree.")
        # Heard and carried out, and its answer is lost.
        street.ovo.script({"on": "void", "deliver": "drop"})
        street.shop.void("SATE-5")
        page.sees("#story-body", "00 to void check")
        page.sees("#story-body", "Taken and given back: the shop must not count it as paid.")
        assert street.ovo.net("SATE-5") == 0
        # As long as that check has not arrived nothing is debited, either.
        before = page.run(
            "model.requests.forEach((request, seq) => {"
            "  if (request.operation === 'check_void') model.requests.delete(seq); });"
            "return verdictOf(newestFirst(model.payments)[0]);"
        )
        assert before == [
            "warn",
            "Taken and given back, and the shop does not know yet. It must ask.",
        ]


def test_faults_are_switches_and_a_customer_is_switched_back(
    chromium: Browser, tmp_path: Path
) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        page.find("#down").click()
        page.sees("#armed", "reset_at_accept")
        assert isinstance(street.pays("A-1", 1_000, PAYS).result(60), ovo_ptp.NotSent)
        page.find("#down").click()
        page.eventually(lambda: not page.run("return byId('down').checked"), 30, "OVO is back")
        assert street.pays("A-2", 1_000, PAYS).result(60).is_paid
        page.find("#number").type("+62 812-3456-7890")
        page.find("#add button").click()
        page.sees("#customer option:checked", "0812 3456 7890")
        page.find("#by-hand").click()
        page.eventually(lambda: page.run("return model.host.by_hand"), 30, "everybody by hand")
        waiting = street.pays("A-3", 1_500, PAYS)
        page.sees("#screen", "Rp 1.500")
        page.find("#screen .ignore").click()
        page.sees("#screen", "Ignored. It runs out in")
        page.find("#screen .notice button").click()
        page.find("#screen .pay").click()
        assert waiting.result(60).is_paid
        page.find("#number").type("0212345678")
        page.find("#add button").click()
        page.sees("#number-wrong", "A number is 08")
        page.find(".more summary").click()
        page.find("#sloppy-how").choose("masked")
        page.find("#sloppy-form button").click()
        page.sees("#armed", "everything: merchantInvoice masked")
        page.find("#armed .habit").click()
        page.eventually(lambda: not page.all("#armed .habit"), 30, "the habit is taken back")


def test_the_page_fits_a_phone_and_speaks_to_a_screen_reader(
    chromium: Browser, tmp_path: Path
) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        assert street.pays(
            "A-VERY-LONG-INVOICE-OF-FIFTY-CHARACTERS-0123456789", 1_000, PAYS
        ).result(60)
        street.pays("OPEN-1", 999_999_999)
        page.sees("#screen", "Rp 999.999.999")
        page.run("document.querySelectorAll('details').forEach((it) => { it.open = true; });")
        keys = page.run("return [Object.keys(TEXTS.en), Object.keys(TEXTS.id)]")
        assert keys[0] == keys[1], "both languages say the same"
        assert page.run(
            "return Object.values(TEXTS).every((it) => Object.values(it).every(Boolean))"
        )
        for name in ("id", "en"):
            page.find(f"#lang-{name}").click()
            for width in (360, 800, 1400):
                page.size(width, 900)
                wide = page.run("return document.documentElement.scrollWidth")
                assert wide <= width, f"{name}: {wide} of {width} pixels"
            kinds = ("button", "input", "select", "summary", "a[href]", "[role=timer]")
            for control in page.all(", ".join(f"{kind}:not([hidden] *)" for kind in kinds)):
                assert control.label.strip(), page.run("return arguments[0].outerHTML", control)
        # Nothing is loaded from anywhere else.
        loaded = page.run("return performance.getEntriesByType('resource').map((it) => it.name)")
        assert all(it.startswith(street.ovo.control_url) for it in loaded), loaded
        street.ovo.decide("OPEN-1", "cancel")


def test_what_a_merchant_writes_is_text_and_never_markup(chromium: Browser, tmp_path: Path) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        invoice = "<img src=x onerror=hurt()>"
        street.ovo.customers({"phone": YOU, "name": "<b>B</b>", "cash": 1_000, "points": 0})
        page.run(
            "return ask('POST', 'sales', {merchant_id: '1', tid: 't', mid: 'm', batch: 1,"
            " reference: 1, invoice: arguments[0], amount: 1, phone: '081234567890'})",
            invoice,
        )
        page.sees("#rows", invoice)
        assert not page.all("#rows img, #customer b")


def test_the_page_says_when_the_sandbox_has_gone(chromium: Browser, tmp_path: Path) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        street.ovo.close()
        street.page.sees("#connection", "the sandbox does not answer")
        # The browser itself complains of a connection that was refused: that is no fault of the page.
        street.page.log()


def test_a_button_whose_request_is_not_answered_says_so(chromium: Browser, tmp_path: Path) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        # As five more windows of this page: a browser opens six connections to an address.
        page.run("window.held = [1, 2, 3, 4, 5].map(() => new EventSource('feed'))")
        page.eventually(
            lambda: page.run("return held.every((it) => it.readyState === 1)"), 30, "the windows"
        )
        page.find("[data-fault=f_delay]").click()
        page.sees("#unanswered", "No answer in 5 s", within=15)
        page.find("#lang-id").click()
        page.sees("#unanswered", "Tidak ada jawaban dalam 5 detik")
        page.find("#lang-en").click()
        page.run("held.forEach((it) => it.close())")
        page.find("[data-fault=f_delay]").click()
        page.sees("#armed", "push to pay: answer changed")
        page.eventually(lambda: page.run("return byId('unanswered').hidden"), 30, "it is over")


def test_a_tab_that_nobody_sees_keeps_no_connection(chromium: Browser, tmp_path: Path) -> None:
    with Street(chromium, tmp_path, time_scale=1) as street:
        page = street.page
        first = page.ask("GET", "/window")
        # A tab that gets no connection stays blank.
        page.ask("POST", "/timeouts", {"pageLoad": 15_000})
        others = []
        try:
            for _ in range(7):
                others.append(page.ask("POST", "/window/new", {"type": "tab"})["handle"])
                page.ask("POST", "/window", {"handle": others[-1]})
                page.open(street.ovo.page_url)
                page.sees("#connection", "live", within=15)
            waiting = street.pays("KOPI-10", 9_000)
            page.find("#screen .pay").click()
            assert waiting.result(30).is_paid
            page.ask("POST", "/window", {"handle": first})
            page.sees("#connection", "live", within=15)
            page.sees("#rows", "KOPI-10")
        finally:
            for other in others:
                page.ask("POST", "/window", {"handle": other})
                page.ask("DELETE", "/window")
            page.ask("POST", "/window", {"handle": first})
            page.ask("POST", "/timeouts", {"pageLoad": 300_000})
