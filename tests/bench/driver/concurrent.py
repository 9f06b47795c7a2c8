"""Many payments at once: commits, whole payments, memory."""

import subprocess
import time

from . import build, measure, single
from .report import Section

THREADS = 32


def commits(_sandbox, quick):
    kinds = {
        ("journal", THREADS): "ovo-ptp's journal, one writer, grouped",
        ("raw", THREADS): "raw append + fdatasync, grouped the same way",
        ("own", THREADS): "SQLite, a connection for each thread",
        ("journal", 1): "ovo-ptp's journal, one thread",
        ("raw", 1): "raw append + fdatasync, one thread",
    }
    found = {kind: [] for kind in kinds}
    cpu = {kind: [] for kind in kinds}
    longest = {kind: 0 for kind in kinds}
    for turn in range(3 if quick else 5):
        for kind in kinds:
            what, threads = kind
            file = str(build.DATA / f"commits-{what}-{threads}-{turn}")
            seconds = "1" if threads == 1 else "1.5"
            command = [build.OURS, "commits", what, file, str(threads), seconds]
            said, used = measure.answer_and_cpu(command)
            cpu[kind].append(used / said["commits"] * 1e6)
            found[kind].append(said["commits_per_second"])
            longest[kind] = max(longest[kind], said["longest_turn_ms"])
    middle = {kind: measure.median(values) for kind, values in found.items()}
    # Ratios within a round: the disk's mood changes from one to the next.
    ratios = [ours / raw for ours, raw in zip(found[("journal", THREADS)], found[("raw", THREADS)])]
    ratio = measure.median(ratios)
    rows = [
        [text, threads, f"{middle[what, threads]:,.0f}",
         f"{min(found[what, threads]):,.0f} to {max(found[what, threads]):,.0f}",
         f"{measure.median(cpu[what, threads]):,.0f}", f"{longest[what, threads]:,.0f}"]
        for (what, threads), text in kinds.items()
    ]
    return Section(
        "Durable commits on one file",
        ["How", "Threads", "commits/s", "rounds", "CPU us each", "longest turn, ms"],
        rows,
        notes=["A turn is one commit; for ovo-ptp's journal it is a payment's three."],
        aims=[
            (
                "Grouped journal: 60 % or more of a raw grouped fdatasync append",
                f"{ratio:.0%} ({middle['journal', THREADS]:,.0f} against "
                f"{middle['raw', THREADS]:,.0f} commits/s; connections of their own "
                f"{middle['own', THREADS]:,.0f})",
                ratio >= 0.6,
            )
        ],
    )


def payments(sandbox, quick):
    found = {1: [], THREADS: []}
    for turn in range(2 if quick else 3):
        for threads, rates in found.items():
            sandbox.forget()
            journal = str(build.DATA / f"many-{threads}-{turn}.ovo")
            command = [build.OURS, "many", sandbox.url, sandbox.ca, journal, str(threads), "2.5"]
            rates.append(measure.answer(command)["payments_per_second"])
    return Section(
        "Whole payments over TLS through one client",
        ["Threads", "payments/s", "rounds"],
        [
            [threads, f"{measure.median(rates):,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}"]
            for threads, rates in found.items()
        ],
        notes=["The sandbox's side of every handshake runs on the same cores: a lower bound."],
    )


def _wait_until_connected(sandbox, before, count):
    patience = time.monotonic() + 40
    while sandbox.control("/connections")["established"] < before + count:
        if time.monotonic() > patience:
            raise SystemExit(f"{count} payments were not all under way within 40 s")
        time.sleep(0.2)
    time.sleep(2)


def _waiting(sandbox, command, count):
    """KB for each waiting payment, and the CPU that all of them use meanwhile, in percent."""
    sandbox.forget()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{command[0]} did not get ready")
        before = sandbox.control("/connections")["established"]
        alone = measure.resident_kb(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        _wait_until_connected(sandbox, before, count)
        used = measure.used_cpu_seconds(process.pid)
        time.sleep(3)
        used = (measure.used_cpu_seconds(process.pid) - used) / 3
        # Those that ended, in an error perhaps, do not count as waiting.
        waiting = sandbox.control("/connections")["open"]
        if waiting < count:
            raise SystemExit(f"only {waiting} of {count} payments wait")
        return (measure.resident_kb(process.pid) - alone) / count, used * 100
    finally:
        process.kill()
        process.wait()
        sandbox.control("/cut", post=True)
        time.sleep(0.5)


def memory(sandbox, quick):
    def ours(count, program=build.OURS):
        journal = str(build.DATA / f"wait-{count}-{time.monotonic_ns()}.ovo")
        return [program, "wait", sandbox.url, sandbox.ca, journal, str(count)]

    def earlier(program):
        return lambda count: ours(count, program)

    def c(count):
        return [build.PLAIN_C, "wait", sandbox.url, sandbox.ca, "-", "000007", str(count)]

    def python(count):
        python_script = [build.PYTHON, build.PLAIN_PY]
        return [*python_script, "wait", sandbox.url, sandbox.ca, "-", "000007", str(count)]

    cases = [
        ("ovo-ptp", ours, 1_000),
        ("libcurl, a thread and a handle each", c, 1_000),
        ("requests, a thread each", python, 1_000),
        ("ovo-ptp", ours, 5_000),
        *((name, earlier(program), 1_000) for name, program in single.earlier.items()),
    ]
    if quick:
        cases = cases[:1]
    rows, aims = [], []
    for name, command, count in cases:
        kb, cpu = _waiting(sandbox, command(count), count)
        rows.append([name, f"{count:,}", f"{kb:.1f}", f"{cpu:.1f}"])
        if name == "ovo-ptp":
            aims.append(
                (f"At most 62 KB a waiting payment, {count:,} waiting", f"{kb:.1f} KB", kb <= 62)
            )
    return Section(
        "Memory of a waiting payment, over TLS",
        ["Program", "waiting", "KB each", "CPU meanwhile, % of a core"],
        rows,
        notes=["Growth of the resident set from one finished payment to all waiting, divided."],
        aims=aims,
    )
