"""`ovo-ptp explain`: what became of one payment, for whoever is asked."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.cli import output, shop
from ovo_ptp.cli.options import output_file

if TYPE_CHECKING:
    import argparse
    from typing import Literal

BOLD, DIM, RED, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"
LABELS = {
    "id": ("hasil", "uang", "sebab", "berikut", "kasir", "operator"),
    "en": ("outcome", "money", "why", "next", "cashier", "operator"),
}


def explain(options: argparse.Namespace) -> int:
    """One payment, beside whoever has the journal open."""
    journal = shop.reading(options)
    found = journal.explain(options.invoice)
    if found is None:
        shop.say_what_is_unread(journal)
        raise ovo_ptp.NotFoundError(
            f"invoice {options.invoice}: no such payment in the journal", invoice=options.invoice
        )
    language = _language(options.lang)
    if options.html is not None:
        file = output_file("html", options.html, options.journal)
        try:
            with file.open("x", encoding="utf-8") as page:
                page.write(found.html(language))
        except OSError as error:
            # A page that is there may be the one of yesterday, which somebody still needs.
            raise ovo_ptp.InvalidInputError(
                f"html: cannot be written to {file} ({error.strerror})", field="html"
            ) from None
        shop.say_aside(f"written to {file}")
    if options.json:
        output.as_json(found)
    elif options.html is None:
        live = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        output.say(_drawn(found, language) if live else found.text(language).rstrip("\n"))
    return 0


def _language(chosen: Literal["id", "en"] | None) -> Literal["id", "en"]:
    if chosen is not None:
        return chosen
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG")
    return "id" if (spoken or "").lower().startswith("id") else "en"


def _drawn(found: ovo_ptp.Explanation, language: Literal["id", "en"]) -> str:
    """The timeline as a line with its moments, for a terminal."""
    width = _width()
    lines = [
        f"{BOLD}{found.invoice}{PLAIN}  {ovo_ptp.format_rupiah(found.amount)}  "
        f"{DIM}{found.batch:06}/{found.reference:06}{PLAIN}",
        "",
    ]
    about = ("outcome", "money", "why", "next", "cashier", "operator")
    for label, name in zip(LABELS[language], about, strict=True):
        says = found.says[name][language]
        says = f"{BOLD}{says}{PLAIN}" if name in ("outcome", "money") else says
        lines += _hung(f"{DIM}{label:<9}{PLAIN} ", " " * 10, says, width)
    lines.append("")
    for moment in found.story:
        alert, decides = "alert" in moment.details, "verdict" in moment.details
        mark = (
            f"{RED}!{PLAIN}"
            if alert
            else f"{BOLD}\N{BLACK CIRCLE}{PLAIN}"
            if decides
            else "\N{WHITE CIRCLE}"
        )
        colour = RED if alert else BOLD if decides else ""
        text = moment.text if language == "id" else moment.text_en
        when = f"{moment.at:%H:%M:%S}  {DIM}{_since(moment.since):>8}{PLAIN}  {mark} "
        bar = " " * 20 + "\N{BOX DRAWINGS LIGHT VERTICAL} "
        lines += _hung(when + colour, bar + colour, text + (PLAIN if colour else ""), width)
    if found.left_out:
        lines.append(" " * 20 + f"+ {found.left_out}")
    return "\n".join(lines)


def _since(seconds: float) -> str:
    if seconds < 120:
        return f"+{seconds:.2f} s"
    for unit, size in (("min", 60), ("h", 3_600)):
        if seconds < size * 120:
            return f"+{seconds / size:.0f} {unit}"
    return f"+{seconds / 86_400:.0f} d"


def _width() -> int:
    import shutil

    return max(60, shutil.get_terminal_size().columns)


def _hung(first: str, rest: str, text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width - 24) or [""]
    return [first + lines[0], *(rest + line for line in lines[1:])]
