"""One payment after another: CPU, instructions, syncs."""

import itertools
import sqlite3

from . import build, measure
from .report import Section

EXCHANGE, PAYMENT = "the exchange alone", "a whole payment"
# Programs of earlier revisions by the name that they have in the tables (`--beside`).
earlier = {}
_files = itertools.count()


def programs(sandbox):
    """Name, what it does, and its command for so many payments. Ours first."""

    def store(suffix):
        return str(build.DATA / f"single-{next(_files)}{suffix}")

    ours = [build.OURS, "pay", sandbox.url, sandbox.ca]
    alone = [build.OURS, "exchange", sandbox.url, sandbox.ca]
    c = [build.PLAIN_C, "pay", sandbox.url, sandbox.ca]
    c_new = [build.PLAIN_C, "pay-new-handle", sandbox.url, sandbox.ca]
    python = [build.PYTHON, build.PLAIN_PY, "pay", sandbox.url, sandbox.ca]
    then = {}
    for name, program in earlier.items():
        then[name, EXCHANGE] = lambda n, it=program: [it, *alone[1:], "7", str(n)]
        then[name, PAYMENT] = lambda n, it=program: [
            it, *ours[1:], store(".ovo"), str(n), "background"
        ]
    return {
        ("ovo-ptp", EXCHANGE): lambda n: [*alone, "7", str(n)],
        ("libcurl, one handle", EXCHANGE): lambda n: [*c, "-", "000007", str(n)],
        ("libcurl, a handle each", EXCHANGE): lambda n: [*c_new, "-", "000007", str(n)],
        ("requests", EXCHANGE): lambda n: [*python, "-", "000007", str(n)],
        ("ovo-ptp", PAYMENT): lambda n: [*ours, store(".ovo"), str(n), "background"],
        ("ovo-ptp, settling off", PAYMENT): lambda n: [*ours, store(".ovo"), str(n), "foreground"],
        ("libcurl + SQLite", PAYMENT): lambda n: [*c, store(".db"), "000007", str(n)],
        ("requests + sqlite3", PAYMENT): lambda n: [*python, store(".db"), "000007", str(n)],
        **then,
    }


def _slopes(sandbox, counts, rounds, cost):
    """The median cost of one payment for each program, the programs alternating."""
    few, many = counts
    found = {name: [] for name in programs(sandbox)}
    for _ in range(rounds):
        for name, command in programs(sandbox).items():
            measured = {}
            for count in counts:
                sandbox.forget()
                measured[count] = cost(name, command(count))
            found[name].append(measure.slope(measured, few, many))
    return {name: (measure.median(values), values) for name, values in found.items()}


def _rows(found, text):
    rows = []
    for (name, what), (middle, values) in found.items():
        reference = found[("ovo-ptp", what)][0]
        spread = f"{text(min(values))} to {text(max(values))}"
        rows.append([what, name, text(middle), spread, f"{middle / reference:.2f}"])
    return rows


def cpu(sandbox, quick):
    found = _slopes(
        sandbox, (25, 125) if quick else (50, 250), 3 if quick else 9,
        lambda _, command: measure.cpu_seconds(command) * 1e6,
    )
    ours, python = found[("ovo-ptp", PAYMENT)][0], found[("requests + sqlite3", PAYMENT)][0]
    libcurl = found[("libcurl + SQLite", PAYMENT)][0]
    return Section(
        "CPU of one approved payment (user + system)",
        ["What", "Program", "us", "rounds", "ovo-ptp = 1"],
        _rows(found, lambda value: f"{value:,.0f}"),
        notes=[
            "ovo-ptp's whole payment makes three durable commits (Intent, verdict, acknowledgement) "
            "and the checks between them; the other two make one."
        ],
        aims=[
            (
                "CPU of a payment: a fifth of the Python script's",
                f"{ours / python:.2f} ({ours:,.0f} against {python:,.0f} us; "
                f"libcurl + SQLite {libcurl:,.0f} us)",
                ours <= python / 5,
            )
        ],
    )


def instructions(sandbox, quick):
    count = measure.Instructions()
    found = _slopes(
        sandbox, (3, 13), 1 if quick else 2, lambda _, command: count(command) / 1e6
    )
    alone = found["ovo-ptp", EXCHANGE][0]
    aims = [("Instructions of the exchange: at most 1.30 M", f"{alone:.2f} M", alone <= 1.30)]
    for what, plain in ((EXCHANGE, "libcurl, one handle"), (PAYMENT, "libcurl + SQLite")):
        ours, theirs = found[("ovo-ptp", what)][0], found[(plain, what)][0]
        aims.append(
            (
                f"Instructions of {what}: half the libcurl program's",
                f"{ours / theirs:.2f} ({ours:.2f} against {theirs:.2f} M)",
                ours <= theirs / 2,
            )
        )
    return Section(
        "User instructions of one approved payment",
        ["What", "Program", "M", "rounds", "ovo-ptp = 1"],
        _rows(found, lambda value: f"{value:.2f}"),
        notes=[f"Counted by `{count.how}`."],
        aims=aims,
    )


def history(sandbox, quick):
    """What the history of a payment adds to its instructions: it rides in commits that are made anyway."""
    count = measure.Instructions()

    def store(name):
        return str(build.DATA / f"history-{next(_files)}-{name}.ovo")

    real = store("real")
    pay = [build.OURS, "pay", sandbox.url, sandbox.ca]
    sandbox.forget()
    measure.run([*pay, real, "1", "foreground"])
    commands = {
        "a whole payment": lambda n: [*pay, store("pay"), str(n), "foreground"],
        "its commits, history kept": lambda n: [
            build.OURS, "history", real, store("kept"), str(n), "kept"
        ],
        "its commits, no history": lambda n: [
            build.OURS, "history", real, store("none"), str(n), "none"
        ],
        "its begin alone": lambda n: [
            build.OURS, "history", real, store("begun"), str(n), "begun"
        ],
    }
    found = {}
    for what, command in commands.items():
        values = []
        for _ in range(1 if quick else 3):
            measured = {}
            for number in (3, 13):
                sandbox.forget()
                measured[number] = count(command(number)) / 1e6
            values.append(measure.slope(measured, 3, 13))
        found[what] = measure.median(values), values
    whole, kept, none, _ = (middle for middle, _ in found.values())
    share = (kept - none) / (whole - (kept - none))
    return Section(
        "User instructions of a payment's begin and of its history",
        ["What", "M", "rounds"],
        [
            [what, f"{middle:.3f}", f"{min(values):.3f} to {max(values):.3f}"]
            for what, (middle, values) in found.items()
        ],
        notes=[
            f"Counted by `{count.how}`. The history is that of a real approved payment, replayed into the "
            "same three commits."
        ],
        aims=[
            (
                "History: at most 8 % more instructions a payment",
                f"{share:.1%} ({kept - none:.3f} M beside {whole - (kept - none):.2f} M)",
                share <= 0.08,
            )
        ],
    )


def syncs(sandbox, quick):
    counts = (10, 60) if quick else (20, 220)
    rows, syncs, journal = [], {}, None
    for (name, what), command in programs(sandbox).items():
        if what != PAYMENT:
            continue
        found = {}
        for count in counts:
            sandbox.forget()
            this = command(count)
            found[count] = measure.syncs(this)
        totals, moved = (dict(zip(counts, row)) for row in zip(*(found[count] for count in counts)))
        syncs[name] = measure.slope(totals, *counts), measure.slope(moved, *counts)
        total, checkpoints = syncs[name]
        rows.append([name, f"{total:.2f}", f"{total - checkpoints:.2f}", f"{checkpoints:.2f}"])
        journal = this[4] if name == "ovo-ptp" else journal
    # A row counts its own commits, the Intent included.
    with sqlite3.connect(journal) as opened:
        (commits,) = opened.execute("SELECT avg(version) FROM payment").fetchone()
    total, checkpoints = syncs["ovo-ptp"]
    return Section(
        "Syncs of one approved payment (fsync and fdatasync)",
        ["Program", "syncs", "of commits", "of checkpoints"],
        rows,
        notes=[
            f"Counted by `strace -f` between {counts[0]} and {counts[1]} payments: opening and "
            "closing cancel out. A checkpoint moves the write-ahead log into the database file, "
            "every so many commits, behind the commit; the other programs leave it to SQLite's "
            "1,000 pages."
        ],
        aims=[
            (
                "A plain approval: 3 commits and 3 syncs",
                f"{commits:.2f} commits, {total - checkpoints:.2f} syncs for them, and "
                f"{checkpoints:.2f} for checkpoints",
                commits <= 3.005 and total <= 3.05,
            )
        ],
    )
