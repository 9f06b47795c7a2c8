"""The command line of `ovo-ptp`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ovo_ptp import ConfigurationError, InvalidInputError, __version__, _native
from ovo_ptp._hidden import Hidden

ENVIRONMENTS = "staging, staging-old, production, production-old, or the address of a sandbox"

EXIT_CODES = """\
exit codes:
  0  done; paid; voided          4  not completed, or not known yet
  1  an error: nothing was       5  not sent: try again with a new invoice
     started (one line on        6  an operator is needed
     standard error)             7  interrupted: ask again with the same invoice
  2  wrong use
  3  declined; void refused      130  Ctrl-C; the payment goes on with the next start
                                      (at a terminal, pay asks first: cancel, wait, leave)

pay and cancel of a known invoice go by how it stands now: 4 if a paid one was voided, is being
voided or was closed by an operator, 6 if it waits for one.

Credentials come from --credentials FILE (TOML or JSON, mode 0600) or the environment variables
OVO_MERCHANT_ID, OVO_STORE_CODE, OVO_TID, OVO_MID, OVO_APP_ID, OVO_APP_KEY and, if the key was
changed, OVO_PREVIOUS_APP_KEYS; never from an argument.
"""


def _shop() -> argparse.ArgumentParser:
    shop = argparse.ArgumentParser(add_help=False)
    group = shop.add_argument_group("the shop")
    group.add_argument(
        "--journal",
        "-j",
        default="ovo.db",
        metavar="FILE",
        help="default: ovo.db; or the address of one for several nodes, without its password: "
        "postgresql://user@host/database (PGPASSWORD, PGPASSFILE)",
    )
    group.add_argument("--environment", "-e", metavar="E", help=ENVIRONMENTS)
    group.add_argument(
        "--environment-class",
        metavar="KIND",
        help="what a host of your own stands for: production, staging, or a name of your own",
    )
    group.add_argument("--shared", action="store_true", help="other processes use the journal too")
    group.add_argument("--credentials", metavar="FILE", help="TOML or JSON, mode 0600")
    group.add_argument(
        "--sandbox-credentials",
        action="store_true",
        help="the sandbox's demo merchant, which is public",
    )
    group.add_argument("--ca-file", metavar="PEM", help="trust only these authorities")
    # Hidden: tracebacks and error trackers print options, and a URL may carry a password.
    group.add_argument(
        "--proxy", type=Hidden, metavar="URL", help="http://, https:// or socks5://host:port"
    )
    group.add_argument(
        "--proxy-file",
        metavar="FILE",
        help="the same from a file of mode 0600: with a password, which others see in an argument",
    )
    group.add_argument(
        "--proxy-ca-file", metavar="PEM", help="trust only these with an https:// proxy's own"
    )
    group.add_argument(
        "--client-certificate", metavar="PEM", help="shown to a host that asks for one"
    )
    group.add_argument(
        "--client-key", metavar="PEM", help="its key, mode 0600; default: in the same file"
    )
    group.add_argument(
        "--record", metavar="FILE", help="append requests and answers, masked: OVO's evidence (UAT)"
    )
    group.add_argument("--with-body", action="store_true", help="sign the body too")
    group.add_argument("--time-scale", type=float, default=1.0, metavar="X", help="sandbox only")
    shop.add_argument("--json", action="store_true", help="one JSON value on standard output")
    return shop


def _files(commands: Any, shop: argparse.ArgumentParser) -> None:
    """What people do with a journal's files."""
    journal = commands.add_parser(
        "journal", help="set aside, move, back up, archive, vouch for, rekey, migrate"
    )
    actions = journal.add_subparsers(dest="action", required=True, metavar="ACTION")
    aside = actions.add_parser("set-aside", help="out of the way, as one; the next one settles it")
    aside.add_argument("file")
    move = actions.add_parser(
        "move",
        help="to another directory, disk or name, or into a database, without a doubt",
        description="Moves a journal with every payment that is not settled. Close its clients "
        "first. TO is a file's name, or the address of an empty, migrated journal in PostgreSQL "
        "on which no node runs, as the role that owns the schema; its password is in PGPASSWORD "
        "or a password file (PGPASSFILE). Broken off, the same command finishes it.",
    )
    move.add_argument("from_file", metavar="from")
    move.add_argument(
        "to_file", metavar="to", help="a file, or postgresql://owner@host/database?schema=ovo"
    )
    backup = actions.add_parser("backup", help="a copy, beside a running shop too")
    backup.add_argument("file")
    backup.add_argument("to_file", metavar="to")
    archive = actions.add_parser(
        "archive",
        parents=[shop],
        help="move payments that are over into a file of its own, which -j reads",
        description="Moves payments that are settled and acknowledged, of which no look behind is "
        "due, into a file of the same schema. Their numbers and invoices stay refused. Broken off, "
        "the same command finishes it.",
    )
    archive.add_argument(
        "--before",
        required=True,
        metavar="DAY",
        help="begun before this day: 2026-11-26, today (WIB); not in the future",
    )
    archive.add_argument("to_file", metavar="to", help="a new file, or the one that was begun")
    vouch = actions.add_parser(
        "vouch",
        parents=[shop],
        help="no other copy is in use, and the books were compared with OVO's",
    )
    vouch.add_argument("--who-and-why", required=True, metavar="TEXT", help="kept in the journal")
    actions.add_parser(
        "rekey",
        parents=[shop],
        help="take up a new app key; the one before comes with the credentials (previous_app_keys)",
    )
    migrate = actions.add_parser(
        "migrate",
        help="make or upgrade the schema of a journal in PostgreSQL, for several nodes",
        description="Makes the schema, or brings it up to date, in one transaction. Connects as "
        "the role that owns it. The password is in PGPASSWORD or a password file (PGPASSFILE), "
        "never in the address. See the manual's page 'Running a fleet'.",
    )
    migrate.add_argument("address", metavar="postgresql://owner@host/database?schema=ovo")
    migrate.add_argument(
        "--app-role",
        required=True,
        metavar="ROLE",
        help="whom the nodes connect as: may read and call functions, nothing else",
    )
    migrate.add_argument("--print", action="store_true", help="change nothing, show the statements")
    migrate.add_argument(
        "--loss-possible",
        action="store_true",
        help="replicas are asynchronous: a failover may lose payments, and they are doubted then",
    )
    migrate.add_argument(
        "--restored",
        action="store_true",
        help="the journal was put back from a copy: numbers jump, open payments are doubted",
    )


def _credentials(commands: Any) -> None:
    """OVO's procedure for handing over credentials."""
    credentials = commands.add_parser(
        "credentials", help="a key pair for OVO, and what OVO encrypts for it (needs openssl)"
    )
    actions = credentials.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser("new", help="make the key pair; the public key goes to OVO")
    opened = actions.add_parser("open", help="decrypt OVO's answer into a file of mode 0600")
    opened.add_argument("key", metavar="key.bin.enc")
    opened.add_argument("file", metavar="cred_file.enc")
    opened.add_argument("--out", default="ovo.toml", metavar="FILE", help="default: ovo.toml")
    new.add_argument("--public", default="ovo_public.pem", metavar="FILE")
    new.add_argument(
        "--no-passphrase", action="store_true", help="whoever has the file has the key"
    )
    for action in (new, opened):
        action.add_argument("--private", default="ovo_private.pem", metavar="FILE")
        action.add_argument(
            "--passphrase-file", metavar="FILE", help="else openssl asks on the terminal"
        )


#: Of `--csv`.
TABLE = "a table for a spreadsheet; before what it would take for a formula stands '"


def parser() -> argparse.ArgumentParser:
    """All commands."""
    top = argparse.ArgumentParser(
        prog="ovo-ptp",
        description="The merchant side of OVO Push To Pay.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"ovo-ptp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Reading commands take a shop's options too, so that a line can be changed by its first word.
    shop = _shop()

    commands.add_parser("sandbox", help="OVO's side on this machine (see: ovo-ptp sandbox --help)")
    demo = commands.add_parser("demo", help="a shop's morning against the sandbox, in seconds")
    how = demo.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON value on standard output")
    how.add_argument("--page", action="store_true", help="slower, with a page: you are a customer")

    doctor = commands.add_parser("doctor", parents=[shop], help="is everything set up right?")
    doctor.add_argument(
        "--probe-signature",
        action="store_true",
        help="sign one harmless request wrongly, to see whether the host checks signatures at all; "
        "a wrong signature may lock the app id out, so at most once in 24 hours",
    )

    inquire = commands.add_parser("inquire", parents=[shop], help="has a phone an OVO account?")
    inquire.add_argument("phone", nargs="+", help="as people write it: 0812-3456-7890")

    pay = commands.add_parser(
        "pay",
        parents=[shop],
        help="push a payment and wait for its outcome",
        epilog="of a known invoice: what is known, also that it was voided since (exit code 4) or "
        "waits for an operator (6); nothing is pushed again",
    )
    pay.add_argument("invoice", help="your own name for this attempt")
    pay.add_argument("amount", help="whole rupiah: 12500, 12.500 or Rp12.500")
    pay.add_argument("phone", nargs="+", help="the customer's: 0812-3456-7890, +62 812 3456 7890")
    pay.add_argument(
        "--allow-second-push", action="store_true", help="although one is not settled yet"
    )

    for name, text in (
        ("cancel", "give up a payment that has no outcome yet; any deduction is returned"),
        ("check", "ask OVO for a payment's status, 60 s to 7 days after its push"),
        ("void", "return a paid payment's amount, on the day of the payment"),
        ("check-void", "ask OVO how a void ended, also one that was left to an operator"),
    ):
        command = commands.add_parser(name, parents=[shop], help=text)
        command.add_argument("invoice")

    for name, text in (
        ("rule", "an operator's decision about a payment that waits for one"),
        ("report-paid", "OVO's settlement file shows a payment as paid"),
    ):
        command = commands.add_parser(name, parents=[shop], help=text)
        command.add_argument("invoice")
        if name == "rule":
            command.add_argument("ruling", choices=("paid", "refund", "close"))
            command.add_argument("--reason", required=True, help="kept in the journal")

    acknowledge = commands.add_parser(
        "acknowledge", parents=[shop], help="these outcomes are in your own books"
    )
    acknowledge.add_argument("invoices", nargs="+", metavar="invoice")

    show = commands.add_parser(
        "show", parents=[shop], help="all that the journal knows of a payment"
    )
    show.add_argument("invoice")

    explain = commands.add_parser(
        "explain",
        parents=[shop],
        help="what became of a payment, step by step, and what to do",
    )
    explain.add_argument("invoice")
    explain.add_argument("--lang", choices=("id", "en"), help="default: the terminal's, else en")
    explain.add_argument("--html", metavar="FILE", help="one page that can be sent to support")

    metrics = commands.add_parser(
        "metrics",
        parents=[shop],
        help="how the journal stands, in Prometheus' format, beside whoever has it open",
    )
    metrics.add_argument(
        "--to", metavar="FILE", help="replace FILE as a whole, for a collector that reads files"
    )

    payments = commands.add_parser(
        "payments",
        parents=[shop],
        help="list the journal, newest first, beside whoever has it open",
    )
    payments.add_argument("--unsettled", action="store_true", help="only those")
    payments.add_argument("--unacknowledged", action="store_true", help="only those")
    payments.add_argument("--needs-operator", action="store_true", help="only those")
    payments.add_argument(
        "--since", metavar="DAY", help="2026-11-26, 2026-11-26T14:30, today (WIB)"
    )
    payments.add_argument("--until", metavar="DAY", help="up to the end of this day")
    payments.add_argument("--tid", help="only those of this terminal")
    payments.add_argument("--mid", help="only those of this merchant id")
    payments.add_argument("--oldest-first", action="store_true")
    payments.add_argument("--limit", type=int, help="at most so many (people are shown 50)")
    payments.add_argument(
        "--totals",
        action="store_true",
        help="payments and rupiah by outcome, and what of it is the shop's for certain",
    )
    payments.add_argument("--csv", action="store_true", help=TABLE)

    reconcile = commands.add_parser(
        "reconcile",
        parents=[shop],
        help="OVO's settlement report (CSV) beside the journal: what differs, and whose it is",
        epilog="exit codes: 0 the books agree, 3 they differ or nobody looked for what is missing "
        "(also in an archive, or a journal that cannot be read), 1 an error (nothing was changed)",
    )
    reconcile.add_argument(
        "report",
        metavar="report.csv",
        nargs="+",
        help="of one day, or of several: what one has not may stand in the next",
    )
    reconcile.add_argument(
        "--map",
        metavar="NAME=COLUMN,...",
        help="invoice=MerchantInvoice,amount=Amount,status=Status,date=TransactionDate if the "
        "report calls them otherwise; status= if it has none, and each line was paid",
    )
    reconcile.add_argument(
        "--statuses",
        metavar="STATUS=MEANING,...",
        help="what statuses mean that are not known: paid, refunded or nothing (no money moved)",
    )
    reconcile.add_argument(
        "--only",
        metavar="COLUMN=VALUE,...",
        help="only lines of this till, as TID=00000001, where a report lists several: each "
        "till's journal knows its own",
    )
    reconcile.add_argument("--since", metavar="DAY", help="the report's days, if it names none")
    reconcile.add_argument("--until", metavar="DAY", help="up to the end of this day")
    reconcile.add_argument("--all", action="store_true", help="those that agree, too")
    reconcile.add_argument("--csv", action="store_true", help=TABLE)
    reconcile.add_argument(
        "--apply",
        action="store_true",
        help="report extra debits as paid: the money goes back, but of what an operator closed",
    )

    uat = commands.add_parser(
        "uat",
        parents=[shop],
        help="OVO's acceptance test: 24 scenarios, played, written down, and one page to send",
        description="Plays the scenarios that OVO asks for before production, on staging with a "
        "tester's phone, or with --sandbox all by itself. Broken off, the same command goes on. "
        "Writes report.html (to print), exchanges.json and a folder for each scenario; a "
        "screenshot put there as till.png or phone.png comes onto the page.",
        epilog="exit codes: 0 all passed, 3 not all yet, 1 an error",
    )
    uat.add_argument("folder", help="where it is written; made if it is not there")
    uat.add_argument("--sandbox", action="store_true", help="a sandbox plays OVO and the customer")
    uat.add_argument("--customer", metavar="PHONE", help="of the tester who has an OVO account")
    uat.add_argument("--unregistered", metavar="PHONE", help="a number without an OVO account")
    uat.add_argument("--only", metavar="N,N", help="these, once more: 7 or 7,8")
    uat.add_argument("--report", metavar="CSV", help="OVO's settlement report, for scenario 23")
    uat.add_argument("--page", action="store_true", help="play nothing, write the page again")

    settle = commands.add_parser(
        "settle", parents=[shop], help="run what is due, and say what changed"
    )
    settle.add_argument(
        "--until-settled", action="store_true", help="go on until nothing is left to do"
    )

    _files(commands, shop)
    _credentials(commands)

    codes = commands.add_parser("codes", help="OVO's response codes")
    codes.add_argument("code", nargs="?", help="only this one")
    codes.add_argument("--json", action="store_true", help="one JSON value on standard output")
    return top


def path(text: str) -> Path:
    """A path with `~` resolved."""
    return Path(text).expanduser()


def is_address(journal: str) -> bool:
    """Whether a journal is in a database and no file, or was meant to be."""
    return _native.is_address(journal)


def address(journal: str) -> str:
    """The address of a journal in a database, from an argument.

    Raises:
        ConfigurationError: It has a password: other users of the machine see arguments.
    """
    login, at, _ = journal.partition("?")[0].rpartition("@")
    if at and ":" in login.removeprefix("postgresql://").removeprefix("postgres://"):
        raise ConfigurationError(
            "journal: other users of this machine see a password in an argument; put it into "
            "PGPASSWORD or a password file (PGPASSFILE)"
        )
    return journal


def output_file(field: str, text: str, journal: str) -> Path:
    """A path that may be written: the journal is not, nor what lies beside it as a part of it."""
    file, kept = path(text), path(journal)
    for name in {kept.absolute(), kept.resolve()}:
        for written in {file.absolute(), file.resolve()}:
            if _native.is_the_journals(str(name), str(written)):
                raise InvalidInputError(
                    f"{field}: {file} is the journal, or a file of its own", field=field
                )
    return file
