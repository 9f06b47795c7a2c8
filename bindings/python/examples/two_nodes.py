"""Two nodes on one journal in PostgreSQL: one dies in a payment, the other finishes it.

    python two_nodes.py

Needs PostgreSQL's programs on this machine (Debian: apt-get install postgresql); it starts a
server of its own and ends it. The sandbox plays OVO. As root the server runs as `postgres`.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import ovo_ptp
from ovo_ptp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

INVOICE = "TABLE-7"
#: Of the sandbox: looks at the prompt for 20 of OVO's seconds, and approves.
CUSTOMER = "081200000120"


def programs() -> pathlib.Path:
    """Where PostgreSQL's programs are; Debian has a directory for each version."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = str(found[-1]) if found else shutil.which("initdb")
    if path is None:
        sys.exit("PostgreSQL is not installed")
    return pathlib.Path(path).parent


@contextmanager
def postgresql() -> Iterator[pathlib.Path]:
    """A server that listens on a socket only. Yields the socket's directory."""
    bin_ = programs()
    as_nobody = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    user = as_nobody if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="two-nodes-") as folder:
        if user:
            shutil.chown(folder, "postgres", "postgres")
        data = pathlib.Path(folder) / "data"
        subprocess.run(
            [*user, bin_ / "initdb", "-U", "postgres", "--auth=trust", "--no-sync", "-D", data],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        # If this program is killed, the kernel ends the server.
        keeper = ["setpriv", *user[1:], "--pdeathsig", "QUIT", "--"]
        server = subprocess.Popen(
            [*keeper, bin_ / "postgres", "-D", data, "-h", "", "-k", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        try:
            ready = [bin_ / "pg_isready", "-q", "-h", folder]
            while subprocess.run(ready, check=False, cwd="/").returncode != 0:
                if server.poll() is not None:
                    sys.exit("the server does not start")
                time.sleep(0.1)
            for statement in (
                "CREATE ROLE shop_owner LOGIN",
                "CREATE ROLE shop_till LOGIN",
                "CREATE DATABASE shop OWNER shop_owner",
            ):
                psql = [bin_ / "psql", "-q", "-h", folder, "-U", "postgres", "-c", statement]
                subprocess.run(psql, check=True, cwd="/")
            yield pathlib.Path(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()


def address(socket: pathlib.Path, user: str) -> str:
    """The journal's address. Over a network, encrypted: postgresql://user@host1,host2/shop."""
    return f"postgresql:///shop?host={socket}&user={user}&schema=ovo&sslmode=disable"


def main() -> None:
    with postgresql() as socket, Sandbox(time_scale=0.2) as ovo:
        # Once, by the person who owns the database.
        program = [sys.executable, "-m", "ovo_ptp"]
        owner, journal = address(socket, "shop_owner"), address(socket, "shop_till")
        migrate = ["journal", "migrate", owner, "--app-role", "shop_till"]
        subprocess.run([*program, *migrate], check=True)

        shop = ["-j", journal, "-e", ovo.base_url, "--ca-file", ovo.ca_file]
        shop += ["--sandbox-credentials", "--time-scale", str(ovo.time_scale)]
        pay = ["pay", INVOICE, "12500", CUSTOMER, *shop]
        first = subprocess.Popen(
            [*program, *pay], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not any(entry["invoice"] == INVOICE for entry in ovo.ledger()):
            if first.poll() is not None:
                sys.exit("node 1 ended by itself")
            time.sleep(0.05)
        first.kill()
        first.wait()
        print("node 1: killed, while the customer looks at the prompt")

        with ovo_ptp.Client(
            ovo.base_url,
            ovo.credentials,
            journal=journal,
            ca_file=ovo.ca_file,
            time_scale=ovo.time_scale,
        ) as second:
            # The same invoice is the same payment: nothing is pushed again.
            outcome = second.pay(INVOICE, amount=12_500, phone=CUSTOMER)
            print(f"node 2: {INVOICE} is {outcome.name}")
            second.acknowledge(INVOICE)
        pushes = [entry for entry in ovo.ledger() if entry["invoice"] == INVOICE]
        print(f"OVO: {len(pushes)} push")
        # Whoever keeps the books needs no credentials of OVO's.
        books = ovo_ptp.JournalReader(journal)
        print(f"books: {[f'{it.invoice} {it.outcome.name}' for it in books.each_payment()]}")


if __name__ == "__main__":
    main()
