"""What a merchant writes by hand, over one of three HTTP clients: push, read the code, store the row.

Nothing is durable before the push, and nothing is checked, reversed or recovered: the unsafe minimum.

    theirs.py CLIENT pay  URL CA DB N    N approved payments, one after another
    theirs.py CLIENT wait URL CA -  N    N payments at once, until killed

CLIENT: requests, requests-session, urllib3, urllib3-fresh, httpx (pay: kept; wait: asyncio).
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import sqlite3
import sys
import threading
import time
import uuid

# The sandbox's demo merchant: public, worthless elsewhere.
APP_ID = "sandbox"
APP_KEY = b"5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c"
WIB = datetime.timezone(datetime.timedelta(hours=7))
TIMEOUT = 75


def request(batch, number, phone):
    """The body's bytes and the headers."""
    now = datetime.datetime.now(WIB)
    body = {
        "type": "0200",
        "processingCode": "040000",
        "amount": 12500,
        "date": now.strftime("%Y-%m-%d %H:%M:%S.") + f"{now.microsecond // 1000:03d}",
        "referenceNumber": f"{number:06d}",
        "tid": "00000001",
        "mid": "000000000000001",
        "merchantId": "100001",
        "storeCode": "DEMO01",
        "appSource": "POS",
        "transactionRequestData": {
            "batchNo": batch,
            "merchantInvoice": f"{batch}-{number:06d}-{uuid.uuid4().hex[:8]}",
            "phone": phone,
        },
    }
    random = str(int(time.time()))
    signature = hmac.new(APP_KEY, (APP_ID + random).encode(), hashlib.sha256).hexdigest()
    headers = {
        "app-id": APP_ID,
        "random": random,
        "hmac": signature,
        "Content-Type": "application/json",
    }
    return json.dumps(body).encode(), headers


def sender(client, url, ca):
    """A function from body and headers to the answer's bytes."""
    if client == "requests":
        import requests

        def post(body, headers):
            return requests.post(url, data=body, headers=headers, verify=ca, timeout=TIMEOUT).content

    elif client == "requests-session":
        import requests

        session = requests.Session()

        def post(body, headers):
            # Not session.verify: a variable of the environment would win over it.
            return session.post(url, data=body, headers=headers, verify=ca, timeout=TIMEOUT).content

    elif client in ("urllib3", "urllib3-fresh"):
        import urllib3

        pool = urllib3.PoolManager(ca_certs=ca, retries=False, maxsize=1)

        def post(body, headers):
            if client == "urllib3-fresh":
                headers = {**headers, "Connection": "close"}
            return pool.request("POST", url, body=body, headers=headers, timeout=TIMEOUT).data

    else:
        import ssl

        import httpx

        kept = httpx.Client(verify=ssl.create_default_context(cafile=ca), timeout=TIMEOUT)

        def post(body, headers):
            return kept.post(url, content=body, headers=headers).content

    return post


def pay(client, url, ca, path, count):
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE IF NOT EXISTS payment (number INTEGER, code TEXT, body TEXT)")
    store.commit()
    post, batch = sender(client, url, ca), f"{int(time.time()) % 900_000 + 1:06d}"
    for number in range(1, count + 1):
        answer = json.loads(post(*request(batch, number, "081200000000")))
        if answer["responseCode"] != "00":
            sys.exit(f"not approved: {answer}")
        with store:
            row = (number, answer["responseCode"], json.dumps(answer))
            store.execute("INSERT INTO payment VALUES (?,?,?)", row)
    store.close()


def wait(client, url, ca, count):
    post = sender("requests" if client == "requests" else "urllib3-fresh", url, ca)
    batch = f"{int(time.time()) % 900_000 + 1:06d}"
    if client == "httpx":
        return wait_in_asyncio(url, ca, batch, count)
    post(*request(batch, count + 1, "081200000000"))
    threading.stack_size(256 * 1024)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(1, count + 1):
        threading.Thread(
            target=lambda it: post(*request(batch, it, f"0813{it:08d}")), args=(number,), daemon=True
        ).start()
    threading.Event().wait()
    return None


def wait_in_asyncio(url, ca, batch, count):
    import asyncio
    import ssl

    import httpx

    async def main():
        limits = httpx.Limits(max_connections=None)
        context = ssl.create_default_context(cafile=ca)
        async with httpx.AsyncClient(verify=context, timeout=TIMEOUT, limits=limits) as client:

            async def push(number, phone, **more):
                body, headers = request(batch, number, phone)
                headers |= more
                return await client.post(url, content=body, headers=headers)

            await push(count + 1, "081200000000", Connection="close")
            print("ready", flush=True)
            sys.stdin.readline()
            await asyncio.gather(*(push(it, f"0813{it:08d}") for it in range(1, count + 1)))

    asyncio.run(main())


def main():
    client, what, url, ca, path, count = sys.argv[1:]
    if what == "wait":
        wait(client, url, ca, int(count))
    else:
        pay(client, url, ca, path, int(count))


if __name__ == "__main__":
    main()
