"""The native half: the core's client over plain values. Not a public interface.

`wait` says who waits for an answer: -1 the calling thread, -2 the main thread in slices that notice
Ctrl-C, a number from 0 on nobody (the answer goes to the mailbox under that number, and the call
returns `None`).
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, final

from ovo_ptp._hidden import Charge, Hidden

__all__ = [
    "VERSION",
    "Client",
    "Credentials",
    "JournalReader",
    "Mailbox",
    "Payment",
    "Reconciliation",
    "Sandbox",
    "after_fork",
    "before_fork",
    "check_amount",
    "check_invoice",
    "customer_texts",
    "error_kinds",
    "is_address",
    "is_the_journals",
    "migrate_journal",
    "move_journal",
    "move_journal_to_postgres",
    "normalise_phone",
    "response_codes",
    "sandbox_program",
    "set_aside",
    "sign",
    "starting_batch",
    "wib_text",
]

VERSION: str

@final
class Credentials:
    """What OVO issues for one environment. The app key goes in and never comes out.

    >>> credentials = ovo_ptp.Credentials(
    ...     merchant_id="100001", store_code="STORE01", tid="00000001", mid="000000000000001",
    ...     app_id="yourapp", app_key="5a" * 32)
    >>> "5a5a" in repr(credentials)
    False
    """

    def __new__(
        cls,
        *,
        merchant_id: str,
        store_code: str,
        tid: str,
        mid: str,
        app_id: str,
        app_key: str,
        previous_app_keys: list[str] = ...,
    ) -> Credentials:
        """From values of your program. `app_key` is 64 hexadecimal digits, as OVO wrote them.

        When OVO changes the app key, give the ones before in `previous_app_keys`: a journal needs a
        former key once, to read the phones of older payments, and from then on holds what it needs.

        Raises:
            InvalidInputError: A value breaks its rule.
        """

    @staticmethod
    def from_environment() -> Credentials:
        """From `OVO_MERCHANT_ID`, `OVO_STORE_CODE`, `OVO_TID`, `OVO_MID`, `OVO_APP_ID` and
        `OVO_APP_KEY`; and `OVO_PREVIOUS_APP_KEYS`, parted by commas, if it is set.

        Raises:
            ConfigurationError: One is missing.
            InvalidInputError: One breaks its rule.
        """

    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> Credentials:
        """From a TOML or JSON file with exactly the six names, that other users cannot read.

        A list `previous_app_keys` may be beside them.

        Raises:
            ConfigurationError: It cannot be read, others can read it, or it has other names.
            InvalidInputError: A value breaks its rule.
        """

    @property
    def merchant_id(self) -> str:
        """The merchant number."""
    @property
    def store_code(self) -> str:
        """The store code."""
    @property
    def tid(self) -> str:
        """The terminal's id."""
    @property
    def mid(self) -> str:
        """The merchant's id in the card sense."""
    @property
    def app_id(self) -> str:
        """The app id."""
    def __reduce__(self) -> Any:
        """Raises `TypeError`: a pickle is no place for a key."""

@final
class Mailbox:
    """Events and answers of one client, for the Python thread that empties it."""

    def __new__(cls) -> Mailbox:
        """An empty one."""
    def wait_events(self) -> bool:
        """Waits until there are events to take; `False` once it is stopped."""
    def wait_answers(self) -> bool:
        """Waits until there are countdowns or answers to take; `False` once it is stopped."""
    def take_events(self) -> list[dict[str, Any]]:
        """Takes the events."""
    def take_answers(
        self,
    ) -> tuple[list[dict[str, Any]], list[tuple[int, Any, BaseException | None]]]:
        """Takes the countdowns, and the answers as (number, value, exception)."""
    def listen(self, level: int) -> None:
        """Keeps events of this level and above."""
    def post_countdown(self, invoice: str, posted: bool) -> None:
        """Whether a watched payment's countdown is put among the events."""
    def stop(self) -> None:
        """Ends all waiting for good."""
    def wait_question(self) -> tuple[str, int, str] | None:
        """Waits until the journal asks for its password: host, port, role. `None` once stopped."""
    def answer_question(self, password: Hidden | None, why: str) -> None:
        """Tells the password, or why there is none."""
    def counts(self) -> dict[str, Any]:
        """What has happened since the client was opened."""

@final
class Payment:
    """A started payment."""

    def __new__(cls, invoice: str, mailbox: Mailbox) -> Payment:
        """One that may have begun before its client was closed: `Interrupted`."""
    @property
    def invoice(self) -> str:
        """The payment's invoice."""
    @property
    def was_known(self) -> bool:
        """Whether the payment was in the journal before the call that made this."""
    def poll(self) -> dict[str, Any] | None:
        """The outcome, if there is one."""
    def wait(self, timeout: float | None, wait: int) -> dict[str, Any] | None:
        """Waits for the outcome, at most `timeout` seconds."""
    def countdown(self, seen: int) -> tuple[int, Any, float] | None:
        """Waits for another countdown than number `seen`; `None` once there is an outcome."""
    def post_outcome(self, number: int) -> None:
        """Posts the outcome into the mailbox under this number when it is known."""
    def cancel(self, wait: int) -> Any:
        """Gives the payment up: the outcome that is durable then."""
    def release(self) -> None:
        """Nobody waits for the outcome any more. The payment goes on."""

@final
class Client:
    """The core's client."""

    def __new__(
        cls, environment: str, credentials: Credentials, options: dict[str, Any], mailbox: Mailbox
    ) -> Client:
        """Opens the journal and begins to settle what an earlier run left."""
    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
    def pay(self, wanted: Charge) -> Any:
        """Pays on the calling thread."""
    def start(self, wanted: Charge, wait: int) -> Any:
        """Starts a payment on a thread of its own."""
    def cancel(self, invoice: str, wait: int) -> Any:
        """Gives a payment up."""
    def inquire(self, phone: Hidden, wait: int) -> Any:
        """Whether a phone has an account."""
    def check(self, invoice: str, phone: Hidden | None, wait: int) -> Any:
        """A payment's status at OVO."""
    def void(self, invoice: str, wait: int) -> Any:
        """Returns a paid payment's amount."""
    def check_void(self, invoice: str, wait: int) -> Any:
        """What became of a void."""
    def settle(self, wait: int) -> Any:
        """Runs what is due."""
    def next_settlement(self, wait: int) -> Any:
        """Seconds until something is due."""
    def unacknowledged(self, wait: int) -> Any:
        """Payments whose outcome was not confirmed."""
    def acknowledge(self, invoice: str, wait: int) -> Any:
        """Confirms an outcome."""
    def payments(self, chosen: dict[str, Any], wait: int) -> Any:
        """Lists payments."""
    def payment(self, invoice: str, wait: int) -> Any:
        """One payment."""
    def rule(self, invoice: str, ruling: str, reason: str, wait: int) -> Any:
        """An operator's decision."""
    def explain(self, invoice: str, wait: int) -> Any:
        """What became of a payment."""
    def report_paid(self, invoice: str, wait: int) -> Any:
        """OVO's settlement file shows it as paid."""
    def backup(self, to: str, wait: int) -> Any:
        """Copies the journal."""
    def archive(self, before: int, to: str, wait: int) -> Any:
        """Moves payments that are over into an archive."""
    def archived_so_far(self) -> tuple[int, int]:
        """Payments that left the journal, of those that the archive has so far."""
    def vouch(self, who_and_why: str, wait: int) -> Any:
        """Ends a doubt about the journal."""
    def doctor(self, wait: int) -> Any:
        """Whether everything is set up right."""
    def probe_signature(self, wait: int) -> Any:
        """The same, and how a wrong signature was answered."""
    def metrics_text(self, wait: int) -> Any:
        """Metrics in Prometheus' format."""
    def under_way(self) -> int:
        """How many payments are worked on."""
    def end_within(self, grace: float, wait: int) -> Any:
        """Lets payments that are waited for end, at most so many seconds."""
    def close(self) -> None:
        """Closes."""

def set_aside(path: str) -> str:
    """Sets a journal aside, and returns where it is then."""

def is_address(place: str) -> bool:
    """Whether a journal's place is, or was meant to be, a database's address and no path."""

def is_the_journals(journal: str, file: str) -> bool:
    """Whether a file is the journal, or lies beside it as a part of it."""

def migrate_journal(
    address: str,
    app_role: str,
    print_only: bool,
    loss_possible: bool,
    restored: bool,
    waits: Callable[[str], object] | None,
) -> str:
    """Makes the schema of a journal in PostgreSQL, or brings it up to date."""

def move_journal(from_path: str, to_path: str) -> None:
    """Moves a journal."""

def move_journal_to_postgres(
    from_path: str, address: str, progress: Callable[[str, int, int], object] | None
) -> tuple[int, int, int, bool]:
    """Moves a journal into a database: payments, those that go on, archived ones, done before."""

@final
class JournalReader:
    """A journal as it was when this was opened."""

    def __new__(cls, path: str, merchant: str | None = ...) -> JournalReader:
        """Copies the journal for reading, of a merchant if one is named."""
    def merchant(self) -> str | None:
        """Whose it is."""
    def is_archive(self) -> bool:
        """Whether it is an archive, with which nothing is done any more."""
    def archives(self) -> list[tuple[str, str | None, str, int, int | None, int | None]]:
        """Its archives: where, on which machine, name, how many payments, begun between when."""
    def archive_name(self) -> str | None:
        """The name that its journal knows this archive by."""
    def payments(self, chosen: dict[str, Any]) -> Any:
        """Lists payments."""
    def payment(self, invoice: str) -> Any:
        """One payment."""
    def explain(self, invoice: str) -> Any:
        """What became of a payment."""
    def backup(self, to: str) -> None:
        """Writes a backup."""
    def metrics_text(self) -> str:
        """The journal's part of the metrics."""
    def health(self) -> tuple[int, int, list[str]]:
        """Payments, those that are not settled, and what is damaged."""

@final
class Reconciliation:
    """A settlement report beside a journal."""

    def __new__(cls) -> Reconciliation:
        """Nothing read yet."""
    def lines(
        self,
        reader: JournalReader,
        lines: list[tuple[str, int, str, int | None]],
        matched: bool,
    ) -> list[dict[str, Any]]:
        """What lines come to: invoice, amount, what it says, a moment of its day."""
    def missing(self, reader: JournalReader, days: tuple[int, int] | None) -> list[dict[str, Any]]:
        """The next ones of what the end of the report shows; empty behind the last."""
    def days(self) -> tuple[int, int] | None:
        """The days of the lines."""
    def extra_debits(self, reader: JournalReader) -> list[str]:
        """The invoices of those that no refund's line took out again."""
    def counts(self) -> list[tuple[str, int, int]]:
        """Of each finding."""
    def standing(self) -> tuple[bool, bool]:
        """Whether a finding is a difference, and whether the missing ones were looked for."""

@final
class Sandbox:
    """OVO's side, in this process. Structured values travel as JSON text."""

    def __new__(
        cls, time_scale: float, https: bool, client_certificate: bool, host: str
    ) -> Sandbox:
        """Opens its sockets."""
    @property
    def base_url(self) -> str:
        """Where merchants call."""
    @property
    def control_url(self) -> str:
        """The control endpoints."""
    @property
    def page_url(self) -> str:
        """The page."""
    @property
    def ca_file(self) -> str:
        """The authority's certificate."""
    @property
    def client_file(self) -> str | None:
        """What merchants must show."""
    def decide(self, invoice: str, decision: str) -> None:
        """Decides on a prompt."""
    def configure(self, patch: str) -> None:
        """Changes the engine's configuration."""
    def script(self, steps: str) -> None:
        """Adds steps."""
    def customers(self, customers: str) -> None:
        """Puts customers."""
    def ledger(self) -> str:
        """The books."""
    def requests(self) -> str:
        """The request log."""
    def connections(self) -> str:
        """Counts of connections."""
    def net(self, invoice: str) -> int:
        """Rupiah finally taken."""
    def cut(self) -> None:
        """Resets every connection."""
    def close(self) -> None:
        """Closes everything."""
    @staticmethod
    def credentials() -> Credentials:
        """The demo merchant's."""

def before_fork() -> None:
    """To be called before a fork: waits until no journal is at work."""

def after_fork() -> None:
    """To be called after a fork, in the parent and in the child."""

def sandbox_program(arguments: Sequence[str]) -> bool:
    """The program `ovo-sandbox`; whether it ended well."""

def normalise_phone(typed: Hidden) -> tuple[str, str]:
    """A phone as OVO wants it and as it prints."""

def check_invoice(invoice: str) -> None:
    """Raises unless an invoice can be used."""

def check_amount(rupiah: int) -> str:
    """An amount as it prints."""

def error_kinds() -> list[str]:
    """The codes of the core's kinds of error."""

def response_codes() -> list[dict[str, Any]]:
    """The table of response codes."""

def customer_texts() -> list[tuple[str, str, str]]:
    """The texts that customers see: name, Indonesian, English."""

def sign(app_id: str, app_key: str, random: str, body: bytes, with_body: bool) -> str:
    """The hmac of a request."""

def starting_batch() -> int | None:
    """The batch with which a journal begins that is made now; `None` where the clock is no use."""

def wib_text(unix_millis: int) -> tuple[str, int, int]:
    """A Unix time as OVO's date field, its WIB day, and milliseconds since WIB midnight."""
