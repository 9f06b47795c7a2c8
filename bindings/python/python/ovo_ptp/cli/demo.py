"""`ovo-ptp demo`: a shop's morning against the sandbox, over TLS, and the books at the end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
import webbrowser
from pathlib import Path

import ovo_ptp
from ovo_ptp.cli import output, telling
from ovo_ptp.sandbox import Sandbox

#: Real time over OVO's.
SCALE = 0.04

#: The same for a morning that is watched: 55 s take 14, enough to see and to decide.
WATCHED_SCALE = 0.25

#: The customer who decides on the page.
YOU = "081200000200"

#: The life of the process that is killed while its customer decides.
DOOMED = """
import sys
from ovo_ptp import Client
from ovo_ptp._native import Sandbox
url, ca_file, journal, scale = sys.argv[1:]
shop = {"journal": journal, "ca_file": ca_file, "time_scale": float(scale)}
client = Client(url, Sandbox.credentials(), **shop)
payment = client.start("SATE-0005", amount=45_000, phone="081200000110")
print("pushed", flush=True)
payment.outcome()
"""


class _Morning:
    """Says what happens, unless a machine listens."""

    def __init__(self, ovo: Sandbox, journal: Path, *, quiet: bool, page: bool) -> None:
        self.ovo, self.journal, self.quiet, self.page = ovo, journal, quiet, page

    def title(self, text: str) -> None:
        if not self.quiet:
            output.say(f"\n{text}")

    def tell(self, outcome: ovo_ptp.AnyOutcome) -> None:
        if not self.quiet:
            telling.say(outcome)

    def say(self, text: str) -> None:
        if not self.quiet:
            output.say(text)

    def run(self) -> None:
        with self.ovo.client(journal=self.journal, settle_rate=50) as shop:
            self.title("08:00  Is everything set up?")
            self.say(str(shop.doctor()))
            self.title("08:10  Kopi susu: the customer confirms after 5 seconds")
            self.tell(shop.pay("KOPI-0001", amount=25_000, phone="081200000105"))
            self.title("08:15  The cashier presses again: same invoice, no second push")
            self.tell(shop.pay("KOPI-0001", amount=25_000, phone="081200000105"))
            self.say(f"pushes that OVO saw so far: {len(self.ovo.ledger())}")
            self.title("08:20  Nasi goreng: the customer presses cancel")
            self.tell(shop.pay("NASI-0002", amount=32_000, phone="081200001703"))
            self.title("08:30  Wrong item: paid, then voided")
            self.tell(shop.pay("ROTI-0004", amount=15_500, phone="081234567804"))
            self.say(f"void: {shop.void('ROTI-0004').state}")
            if self.page:
                self.title("08:35  Es teh: this customer is you. Pay or cancel on the page")
                self.tell(shop.pay("TEH-0008", amount=18_000, phone=YOU))
        self.title("08:40  Power cut: the shop's process is killed while a customer pays")
        self.power_cut()
        with self.ovo.client(journal=self.journal, settle_rate=50) as shop:
            self.say("power is back: the same journal, the same invoice, no second push")
            self.tell(shop.pay("SATE-0005", amount=45_000, phone="081200000110"))
            self.title("08:50  Nobody answers: one customer ignores the prompt, one answer is lost")
            ignored = shop.start("ES-0006", amount=12_000, phone="081200009000")
            lost = shop.start("BAKSO-0007", amount=28_000, phone="081200009207")
            self.tell(ignored.outcome())
            self.tell(lost.outcome())
            self.title("09:00  In the background: check, reverse, verify, close")
            while shop.payments(unsettled=True):
                time.sleep(0.05)
            self.say("all payments are settled")
            for report in shop.unacknowledged():
                shop.acknowledge(report.invoice)

    def power_cut(self) -> None:
        scale = str(self.ovo.time_scale)
        arguments = [self.ovo.base_url, self.ovo.ca_file, str(self.journal), scale]
        command = [sys.executable, "-c", DOOMED, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as till:  # noqa: S603 - our own
            assert till.stdout is not None  # noqa: S101 - asked for above
            till.stdout.readline()
            time.sleep(0.1)
            till.kill()
        while not self.ovo.net("SATE-0005"):
            time.sleep(0.01)
        self.say("the customer has confirmed at the till that went dark: debited, nobody knows")

    def books(self) -> list[dict[str, object]]:
        """OVO's ledger against the shop's journal, one row a payment."""
        rows: list[dict[str, object]] = []
        with self.ovo.client(journal=self.journal, background=False) as shop:
            for report in shop.payments():
                outcome = report.outcome
                kept = isinstance(outcome, ovo_ptp.Paid) and not outcome.is_voided
                rows.append(
                    {
                        "invoice": report.invoice,
                        "outcome": "-" if outcome is None else output.outcome_name(outcome),
                        "shop": report.amount if kept else 0,
                        "ovo": self.ovo.net(report.invoice),
                    }
                )
        return rows


def _show(url: str) -> None:
    """Opens the page, if there is a browser; its address is said in any case."""
    output.say(f"The page: {url}")
    webbrowser.open(url)


def _linger() -> None:
    """The page shows a sandbox: it stays as long as somebody looks."""
    if sys.stdin.isatty():
        output.say("\nThe page stays until you press Enter.")
        with contextlib.suppress(KeyboardInterrupt, EOFError):
            input()


def morning(*, as_json: bool, page: bool = False) -> bool:
    """The whole of it; true if every rupiah agrees. On the page, one customer is whoever looks."""
    begun = time.monotonic()
    scale = WATCHED_SCALE if page else SCALE
    with tempfile.TemporaryDirectory() as folder, Sandbox(time_scale=scale) as ovo:
        shop = _Morning(ovo, Path(folder) / "ovo.db", quiet=as_json, page=page)
        shop.say(f"OVO sandbox at {ovo.base_url} (TLS); time runs {1 / scale:.0f} x faster")
        if page:
            _show(ovo.page_url)
        shop.run()
        agree = _told(shop, shop.books(), begun, as_json=as_json)
        if page:
            _linger()
        return agree


def _told(shop: _Morning, books: list[dict[str, object]], begun: float, *, as_json: bool) -> bool:
    """Says the books; true if every rupiah agrees."""
    agree = all(row["shop"] == row["ovo"] for row in books)
    if as_json:
        output.as_json({"agree": agree, "books": books})
        return agree
    shop.title("The books: OVO's ledger against the shop's journal")
    cells = [[str(cell) for cell in row.values()] for row in books]
    output.table([["INVOICE", "THE SHOP SAYS", "SHOP HAS", "OVO TOOK"], *cells])
    verdict = "Every rupiah agrees" if agree else "NOT every rupiah agrees"
    output.say(f"\n{verdict}, in {time.monotonic() - begun:.1f} s.")
    return agree
