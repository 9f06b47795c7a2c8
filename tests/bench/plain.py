"""The unsafe minimum in Python: push, read the code, store the result. requests + sqlite3.

What a merchant's backend usually does: `requests.post` without a session, one INSERT, one commit.
Nothing is durable before the push, there is no status check, no reversal, and no check that the
answer is about this payment.

    plain.py pay  URL CA DB BATCH N     N approved payments, one after another; DB "-" stores nothing
    plain.py wait URL CA -  BATCH N     N payments at once, a thread each
"""

import datetime
import hashlib
import hmac
import json
import sqlite3
import sys
import threading
import time

import requests

# The sandbox's demo merchant: public, worthless elsewhere.
APP_ID = "sandbox"
APP_KEY = b"5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c"
WIB = datetime.timezone(datetime.timedelta(hours=7))


def push(url, ca, batch, number, phone, invoice):
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
            "merchantInvoice": invoice,
            "phone": phone,
        },
    }
    random = str(int(time.time()))
    signature = hmac.new(APP_KEY, (APP_ID + random).encode(), hashlib.sha256).hexdigest()
    headers = {"app-id": APP_ID, "random": random, "hmac": signature}
    return requests.post(url, json=body, headers=headers, verify=ca, timeout=70).json()


def open_store(path):
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute(
        "CREATE TABLE IF NOT EXISTS payment (invoice TEXT PRIMARY KEY, amount INTEGER,"
        " batch TEXT, reference INTEGER, code TEXT, approval_code TEXT, body TEXT)"
    )
    store.commit()
    return store


def pay(url, ca, path, batch, count):
    store = None if path == "-" else open_store(path)
    for number in range(1, count + 1):
        invoice = f"PLAIN-PY-{batch}-{number:06d}"
        answer = push(url, ca, batch, number, "081200000000", invoice)
        if answer["responseCode"] != "00":
            sys.exit(f"plain.py: not approved: {answer}")
        if store is not None:
            row = (invoice, 12500, batch, number, "00", answer["approvalCode"], json.dumps(answer))
            with store:
                store.execute("INSERT INTO payment VALUES (?,?,?,?,?,?,?)", row)
    if store is not None:
        store.close()


def wait_many(url, ca, batch, count):
    """One payment first, then "ready", a line from the driver, N threads, "started"."""
    push(url, ca, batch, count + 1, "081200000000", "PLAIN-PY-FIRST")
    threading.stack_size(256 * 1024)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(1, count + 1):
        arguments = (url, ca, batch, number, f"0813{number:08d}", f"PLAIN-PY-{batch}-{number:06d}")
        threading.Thread(target=push, args=arguments, daemon=True).start()
    print("started", flush=True)
    threading.Event().wait()


def main():
    what, url, ca, path, batch, count = sys.argv[1:]
    if what == "wait":
        wait_many(url, ca, batch, int(count))
    else:
        pay(url, ca, path, batch, int(count))


if __name__ == "__main__":
    main()
