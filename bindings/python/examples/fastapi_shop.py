"""A FastAPI shop: an endpoint that pays, and a live countdown for the customer's browser.

    uvicorn fastapi_shop:app

* `POST /orders/{order}/payment` starts the attempt and answers at once. The invoice is made of the
  order and the attempt, so pressing the button twice is one payment.
* `GET /payments/{invoice}/events` is a stream (server-sent events) of the countdown, then of the
  outcome. A browser that goes away gives up watching, not the payment.
* The order is changed in one place, `book`, which also runs at start-up for outcomes that a crash
  swallowed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import ovo_ptp
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from plain import open_client
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

#: Your database: order -> status. `book` may run twice for an outcome, so it only sets values.
orders: dict[str, str] = {}
#: Payments of this process that somebody may want to watch.
started: dict[str, ovo_ptp.StartedPayment] = {}
#: asyncio keeps only weak references to tasks.
finishing: set[asyncio.Task[None]] = set()


def book(outcome: ovo_ptp.AnyOutcome) -> None:
    """What each outcome means for the order. Durable in your database, then acknowledged."""
    order = outcome.invoice.rsplit("-", 1)[0]
    match outcome:
        case ovo_ptp.Paid():
            orders[order] = "paid"
        case ovo_ptp.Declined() | ovo_ptp.NotSent() | ovo_ptp.NotCompleted():
            orders[order] = "open"  # the customer may try again: a new attempt, a new invoice
        case ovo_ptp.NeedsOperator():
            orders[order] = "on hold"
        case ovo_ptp.Interrupted():
            pass  # not decided; the next start decides


async def recover(client: ovo_ptp.Client) -> None:
    """At start-up, and every minute: outcomes that nobody has booked."""
    while True:
        async for report in client.each_payment_async(unacknowledged=True):
            if report.outcome is not None:
                book(report.outcome)
                await client.acknowledge_async(report.invoice)
        await asyncio.sleep(60)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with open_client() as client:
        app.state.ovo = client
        recovery = asyncio.create_task(recover(client))
        yield
        recovery.cancel()


app = FastAPI(lifespan=lifespan)


class Payment(BaseModel):
    attempt: int
    amount: int
    phone: str


@app.post("/orders/{order}/payment", status_code=202)
async def pay(order: str, wanted: Payment) -> dict[str, str]:
    client: ovo_ptp.Client = app.state.ovo
    invoice = f"{order}-{wanted.attempt}"
    try:
        payment = await client.start_async(invoice, amount=wanted.amount, phone=wanted.phone)
    except ovo_ptp.InvalidInputError as error:
        raise HTTPException(422, str(error)) from None
    except (ovo_ptp.InvoiceReusedError, ovo_ptp.UnsettledCustomerError) as error:
        raise HTTPException(409, str(error)) from None
    if invoice not in started:
        started[invoice] = payment
        orders.setdefault(order, "paying")
        task = asyncio.create_task(finish(client, payment))
        finishing.add(task)
        task.add_done_callback(finishing.discard)
    return {"invoice": invoice, "events": f"/payments/{invoice}/events"}


async def finish(client: ovo_ptp.Client, payment: ovo_ptp.StartedPayment) -> None:
    """Books the outcome, whether or not a browser still watches."""
    outcome = await payment.outcome_async()
    book(outcome)
    if not isinstance(outcome, ovo_ptp.Interrupted):
        await client.acknowledge_async(payment.invoice)


@app.get("/payments/{invoice}/events")
async def events(invoice: str) -> StreamingResponse:
    payment = started.get(invoice)
    if payment is None:
        raise HTTPException(404, "no such payment in this process")

    async def stream() -> AsyncIterator[str]:
        async for progress in payment:
            yield sent("progress", phase=progress.phase, remaining=round(progress.remaining))
        outcome = await payment.outcome_async()
        yield sent("outcome", **outcome.to_dict())

    return StreamingResponse(stream(), media_type="text/event-stream")


def sent(event: str, **data: Any) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"


@app.get("/payments/{invoice}")
async def payment(invoice: str) -> dict[str, Any]:
    client: ovo_ptp.Client = app.state.ovo
    report = await client.payment_async(invoice)
    if report is None:
        raise HTTPException(404, "no such payment")
    return report.to_dict()  # an outcome or a report itself is not JSON


@app.get("/orders/{order}")
async def order_status(order: str) -> dict[str, str]:
    return {"order": order, "status": orders.get(order, "unknown")}
