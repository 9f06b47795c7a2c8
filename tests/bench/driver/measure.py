"""One run of one program, and what it cost."""

import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from . import build

LIMIT = 600  # seconds; a million rows are made in one minute, on a busy machine in some


def _checked(process, command):
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nfailed:\n{process.stdout}{process.stderr}")
    return process


def run(command, **options):
    return _checked(
        subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, **options), command
    )


def answer(command):
    """The JSON object that the program prints."""
    return json.loads(run(command).stdout)


def answer_and_cpu(command):
    """The JSON object that the program prints, and its user and system time in seconds, all
    threads, without its caller's."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed:\n{output}")
    return json.loads(output or "null"), usage.ru_utime + usage.ru_stime


def cpu_seconds(command):
    return answer_and_cpu(command)[1]


def _perf_counts():
    try:
        probe = ["perf", "stat", "-x,", "-e", "instructions:u", "true"]
        text = subprocess.run(probe, capture_output=True, text=True).stderr
    except FileNotFoundError:
        return False
    return text.split(",")[0].strip().isdigit()


class Instructions:
    """Counts user instructions with the processor's counter, else with callgrind."""

    def __init__(self):
        self.perf = _perf_counts()
        self.how = "perf stat -e instructions:u" if self.perf else "valgrind --tool=callgrind"

    def __call__(self, command):
        if self.perf:
            counted = run(["perf", "stat", "-x,", "-e", "instructions:u", *command])
            return int(counted.stderr.split(",")[0])
        options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"]
        counted = run(["valgrind", *options, *command])
        return int(re.search(r"Collected : (\d+)", counted.stderr).group(1))


def syncs(command):
    """Calls of fsync and fdatasync, all threads; and how many of them are the checkpoints': each
    syncs the write-ahead log, then the database file (which nothing else syncs), and lets the log
    begin again with a header that is synced for itself."""
    log = build.DATA / "strace"
    options = ["-f", "-y", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync"]
    run(["strace", *options, "-o", log, *command])
    synced = re.findall(r"f(?:data)?sync\(\d+<([^>]*)>", log.read_text())
    checkpoints = sum(path.endswith((".ovo", ".db")) for path in synced)
    return len(synced), 3 * checkpoints


def slope(measured, few, many):
    """Cost of one payment: start-up and end cancel out."""
    return (measured[many] - measured[few]) / (many - few)


def resident_kb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def used_cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drop_from_cache(path):
    """What the next reader wants of this file comes from the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


median = statistics.median
