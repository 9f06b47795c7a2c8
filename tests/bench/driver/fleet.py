"""A journal in PostgreSQL, beside one in a file: one program, which starts its own servers."""

import json
import os
import subprocess
import sys
import tempfile

from . import build, measure
from .report import Section

PROGRAM = str(build.TARGET / "release" / "ovo-bench-fleet")
PLACES = ("direct", "1.2 ms away", "synchronous standby", "1.2 ms away, synchronous standby")


def _built():
    if os.environ.get("OVO_BENCH_FLEET"):
        return os.environ["OVO_BENCH_FLEET"]
    cargo = [os.environ.get("CARGO", "cargo"), "build", "--quiet", "--release"]
    subprocess.run([*cargo, "--package", "ovo-bench-fleet"], cwd=build.ROOT, check=True)
    return PROGRAM


def _lines(*arguments):
    # Both engines sync to the disk of the directory for temporary files: the server has a user of its own, who may
    # not come to the build's.
    folder = tempfile.gettempdir()
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True)
    if kind.stdout.strip() in ("tmpfs", "ramfs"):
        sys.exit(f"{folder} is in memory: syncs would cost nothing; set TMPDIR to a disk")
    said = measure.run([_built(), *arguments])
    return [json.loads(line) for line in said.stdout.splitlines()]


def _ms(value):
    return f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def _cell(found):
    return f"{found['per_second']:,.0f} ({_ms(found['p50'])}/{_ms(found['p99'])})"


def trips(_sandbox, _quick):
    (said,) = _lines("trips")
    return Section(
        "Statements of one approved payment, journal in PostgreSQL",
        ["Call: function of the schema", "statements"],
        [[kind, f"{each:.2f}"] for kind, each in said["statements"].items()],
        notes=["Each is one round trip. What a node's own thread asks (its beat, what is due) is not in it."],
        aims=[("Round trips of an approval: at most 4", f"{said['all']:.2f}", said["all"] <= 4)],
    )


def commits(_sandbox, quick):
    found = {}
    for line in _lines("commits", "1" if quick else "3"):
        about = line["about"]
        found[about["engine"], about["what"], about["threads"], about["way"]] = line["found"]
    rows, aims = [], []
    for what in ("Intent", "update"):
        rows.append(["a file", what, *(_cell(found["sqlite", what, n, "file"]) for n in (1, 8, 32))])
        for way in PLACES:
            for engine, name in (("grouped", "PostgreSQL"), ("pool", "a connection a thread")):
                cells = (_cell(found[engine, what, n, way]) for n in (1, 8, 32))
                rows.append([f"{name}, {way}", what, *cells])
            ours, bare = (found[engine, what, 32, way] for engine in ("grouped", "pool"))
            more, tail = ours["per_second"] / bare["per_second"], ours["p99"] / bare["p99"]
            aims += [
                (f"32 threads, {what}s, {way}: at least 1.5 times a connection a thread",
                 f"{more:.2f}", more >= 1.5),
                (f"32 threads, {what}s, {way}: p99 below a third of its", f"{tail:.2f}", tail < 1 / 3),
            ]
    return Section(
        "Commits a second on both engines (p50/p99 in ms)",
        ["How", "What", "1 thread", "8 threads", "32 threads"],
        rows,
        notes=[
            "A connection a thread: as many handles of the same journal as threads, which send the same "
            "statements, each its own; by turns with the one handle that groups. Not encrypted. The standby "
            "is on the same disk and the same cores."
        ],
        aims=aims,
    )


def claims(_sandbox, quick):
    rows, aims = [], []
    for said in _lines("claims", "960" if quick else "3200"):
        waste = said["lost"] / said["won"]
        rows.append([said["nodes"], said["won"], said["lost"], f"{said['per_second']:,.0f}", f"{waste:.0%}"])
        aims.append((f"Waste of {said['nodes']} nodes' claims: below 100 %", f"{waste:.0%}", waste < 1))
    return Section(
        "A dead node's payments, claimed by others at once",
        ["Nodes", "claims", "another was first", "claims/s", "waste"],
        rows,
        notes=["A thread a node, 64 rows at a time, all due at the same moment: the worst case."],
        aims=aims,
    )


def payments(_sandbox, quick):
    return Section(
        "Whole payments over TLS on both engines, 32 threads",
        ["Journal", "payments/s", "rounds"],
        [
            [said["how"], f"{measure.median(said['rates']):,.0f}",
             f"{min(said['rates']):,.0f} to {max(said['rates']):,.0f}"]
            for said in _lines("payments", "2" if quick else "4")
        ],
        notes=["Four nodes are four clients of one process, 8 threads each; OVO's side and the server run "
               "on the same cores."],
    )


def memory(_sandbox, quick):
    said = _lines("memory", "300" if quick else "1000")
    file, server = (line["kilobytes"] for line in said)
    return Section(
        "Memory of a waiting payment on both engines",
        ["Journal", "waiting", "KB each"],
        [[line["how"], line["waiting"], f"{line['kilobytes']:.1f}"] for line in said],
        notes=["Growth of the client's resident set from one finished payment to all waiting, divided."],
        aims=[("A waiting payment costs no more memory on PostgreSQL (5 %)",
               f"{server:.1f} against {file:.1f} KB", server <= file * 1.05)],
    )
