"""What was found, as Markdown."""

import datetime
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Section:
    title: str
    heads: list
    rows: list
    notes: list = field(default_factory=list)
    aims: list = field(default_factory=list)  # (text, what was found, met)

    def markdown(self):
        lines = [f"## {self.title}", "", _row(self.heads), _row(["---"] * len(self.heads))]
        lines += [_row(row) for row in self.rows]
        lines += [line for note in self.notes for line in ("", note)]
        return "\n".join(lines) + "\n"


def _row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def machine():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    kind = " of a virtual machine" if " hypervisor" in cpuinfo else ""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.release().split("-")[0]
    return f"{os.cpu_count()} {platform.machine()} cores{kind}, {memory:.0f} GB, Linux {system}"


def busy():
    """What else ran on the machine before: costs rise with it, ratios less."""
    load = os.getloadavg()[0] / os.cpu_count()
    return f"load before the run {load:.1f} a core"


def whole(sections, command, versions, load):
    aims = [aim for section in sections for aim in section.aims]
    lines = [
        "# Measurements",
        "",
        f"Written by `{command}` on {datetime.date.today().isoformat()}; {machine()}, "
        f"{load}; {versions}.",
        "The sandbox runs on the same cores in a process of its own, over TLS on loopback; its work "
        "is not counted in CPU and instructions. Programs alternate in rounds and medians are shown: "
        "**compare within a table, not with another machine.** What is measured and how: "
        "[README.md](README.md).",
        "",
        "## Aims",
        "",
        _row(["Aim", "Found", "Met"]),
        _row(["---"] * 3),
        *[_row([text, found, "yes" if met else "**no**"]) for text, found, met in aims],
        "",
    ]
    return "\n".join(lines) + "\n" + "\n".join(section.markdown() for section in sections)
