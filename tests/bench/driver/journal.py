"""A journal that has grown for years: opening it, and a report of OVO's beside it."""

import os
import shutil

from . import build, measure
from .report import Section

FEW, MANY = 1_000, 1_000_000


def _filled(count):
    path = build.DATA / f"rows-{count}.ovo"
    # Unsynced: only the filling is, which is not measured.
    environment = {**os.environ, "LD_PRELOAD": build.NOSYNC}
    measure.run([build.OURS, "fill", str(path), str(count)], env=environment)
    return path


def opening(_sandbox, quick):
    counts = (FEW, MANY // 10 if quick else MANY)
    files = {count: _filled(count) for count in counts}
    found = {(count, cold): [] for count in counts for cold in (True, False)}
    for _ in range(3 if quick else 7):
        for (count, cold), answers in found.items():
            if cold:
                measure.drop_from_cache(files[count])
            answers.append(measure.answer([build.OURS, "open", str(files[count])]))

    def middle(case, name):
        return measure.median([answer[name] for answer in found[case]])

    rows = [
        [
            f"{count:,}",
            f"{files[count].stat().st_size / 2**20:,.1f}",
            "cold" if cold else "warm",
            f"{middle((count, cold), 'open_ms'):.1f}",
            f"{middle((count, cold), 'first_due_ms'):.1f}",
            f"{middle((count, cold), 'peak_kb'):,.0f}",
        ]
        for count, cold in found
    ]
    many = counts[1]
    slowest = middle((many, True), "first_due_ms")
    few_kb, many_kb = middle((FEW, True), "peak_kb"), middle((many, True), "peak_kb")
    section = Section(
        "Opening a journal and finding the first due payment",
        ["Rows", "file, MB", "page cache", "open, ms", "first due row, ms", "peak memory, KB"],
        rows,
        notes=["Cold: the file is dropped from the page cache before the program starts."],
        aims=[
            (
                f"Open with {many:,} rows under 50 ms",
                f"{slowest:.1f} ms cold, {middle((many, False), 'first_due_ms'):.1f} ms warm",
                slowest < 50,
            ),
            (
                "Its memory is flat",
                f"{many_kb:,.0f} KB against {few_kb:,.0f} KB with {FEW:,} rows",
                many_kb <= few_kb * 1.1,
            ),
        ],
    )
    shutil.rmtree(build.DATA, ignore_errors=True)
    build.DATA.mkdir()
    return section


def reconciling(_sandbox, quick):
    counts = (FEW * 10, MANY // 10 if quick else MANY)
    found = {}
    for count in counts:
        file = _filled(count)
        command = [build.OURS, "reconcile", str(file), str(count)]
        found[count] = measure.answer(command)
        file.unlink()
    rows = [
        [
            f"{count:,}",
            *(f"{it[name]:.1f}" for name in ("open_s", "lines_s", "end_s")),
            f"{it['lines_s'] * 1e6 / count:.0f}",
            f"{it['peak_kb']:,}",
        ]
        for count, it in found.items()
    ]
    few, many = (found[count] for count in counts)
    return Section(
        "A settlement report beside a journal, a line for each payment",
        ["Lines", "copying, s", "lines, s", "end, s", "us a line", "peak memory, KB"],
        rows,
        notes=["The end looks for what the report has not. No file is parsed: that is Python's share."],
        aims=[
            (
                f"{counts[1]:,} lines in bounded memory",
                f"{many['peak_kb']:,} KB against {few['peak_kb']:,} KB with {counts[0]:,}",
                many["peak_kb"] <= few["peak_kb"] + 8 * 1024,
            )
        ],
    )
