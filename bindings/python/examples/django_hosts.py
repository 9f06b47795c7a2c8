"""A Django shop on two hosts: one dies in a payment, the other finishes it.

    python django_hosts.py

Each host runs `django_shop.py runserver` and `django_shop.py ovo_worker`, as a single one does; the
shop's own tables and the journal are in PostgreSQL (`SHOP_DB_HOST`, `OVO_JOURNAL`). Nothing else is
different: both workers may start one order, and the journal pushes it once.

Needs Django, psycopg and PostgreSQL's programs on this machine; server, sandbox and both hosts are
started here, and end with it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovo_ptp import journal as journals
from ovo_ptp.sandbox import Sandbox
from two_nodes import address, postgresql, programs

if TYPE_CHECKING:
    from collections.abc import Callable

SHOP = str(Path(__file__).with_name("django_shop.py"))
#: Of the sandbox: looks at the prompt for 50 of OVO's seconds, and approves.
SLOW = "081200000150"
#: Approves at once.
QUICK = "081300000001"


def demo() -> dict[str, str]:
    """The sandbox's merchant, who is public."""
    command = [sys.executable, "-m", "ovo_ptp", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sandbox:
        assert sandbox.stdout is not None
        said = json.loads(sandbox.stdout.readline())
        sandbox.terminate()
    return dict(said["demo"])


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        if time.monotonic() > deadline:
            sys.exit("waited in vain")
        time.sleep(0.1)


class Host:
    """A web process and a worker, which know nothing of the other host's."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.at = f"127.0.0.1:{free.getsockname()[1]}"
        self.processes = [
            subprocess.Popen(
                [sys.executable, SHOP, *command],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for command in (["runserver", "--noreload", "--skip-checks", self.at], ["ovo_worker"])
        ]
        until(self.answers)

    def answers(self) -> bool:
        if any(process.poll() is not None for process in self.processes):
            sys.exit("a process of a host ended by itself")
        try:
            self.status("NOBODYS")
        except urllib.error.HTTPError:
            return True  # "no such payment"
        except urllib.error.URLError:
            return False
        return True

    def pay(self, invoice: str, amount: int, phone: str) -> None:
        wish = urllib.parse.urlencode({"invoice": invoice, "amount": amount, "phone": phone})
        urllib.request.urlopen(f"http://{self.at}/pay/", wish.encode(), timeout=30).close()

    def status(self, invoice: str) -> str:
        with urllib.request.urlopen(f"http://{self.at}/pay/{invoice}/", timeout=30) as answer:
            return str(json.load(answer)["status"])

    def dies(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def main() -> None:
    with postgresql() as server, Sandbox(time_scale=0.2) as ovo:
        # Once, by the person who owns the database: the journal, and a role for Django's tables.
        journals.migrate(address(server, "shop_owner"), app_role="shop_till")
        for statement in ("CREATE ROLE shop_web LOGIN", "CREATE SCHEMA AUTHORIZATION shop_web"):
            psql = [programs() / "psql", "-q", "-h", server, "-U", "postgres", "-d", "shop"]
            subprocess.run([*psql, "-c", statement], check=True, cwd="/")
        environment = {
            **os.environ,
            **{f"OVO_{name.upper()}": value for name, value in demo().items()},
            "OVO_ENVIRONMENT": ovo.base_url,
            "OVO_CA_FILE": str(ovo.ca_file),
            "OVO_TIME_SCALE": str(ovo.time_scale),
            "OVO_JOURNAL": address(server, "shop_till"),
            "SHOP_DB_HOST": str(server),
            "SHOP_DB_USER": "shop_web",
        }
        subprocess.run([sys.executable, SHOP, "migrate"], env=environment, check=True)

        hosts = [Host(environment)]
        try:
            hosts[0].pay("ORDER-1-1", 12_500, SLOW)
            until(ovo.ledger)
            hosts.append(Host(environment))
            hosts[0].dies()
            print("host 1: killed, while its customer looks at the prompt", flush=True)
            until(lambda: hosts[1].status("ORDER-1-1") == "paid")
            print("host 2: ORDER-1-1 is paid")
            hosts.append(Host(environment))
            hosts[1].pay("ORDER-2-1", 700, QUICK)
            until(lambda: hosts[2].status("ORDER-2-1") == "paid")
            hosts[2].pay("ORDER-3-1", 700, QUICK)
            until(lambda: hosts[1].status("ORDER-3-1") == "paid")
            pushes = [entry["invoice"] for entry in ovo.ledger()]
            print(f"OVO: {len(pushes)} pushes of {len(set(pushes))} orders")
        finally:
            for host in hosts:
                host.dies()


if __name__ == "__main__":
    main()
