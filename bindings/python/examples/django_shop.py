"""A Django shop: a view that only writes a wish, and a worker that pays.

    python django_shop.py migrate
    python django_shop.py runserver
    python django_shop.py ovo_worker

Web workers come and go, fork and time out; a payment takes a minute. So one worker process owns
the client and its journal, and the web workers talk to it through the database (on several hosts:
one each, on one journal in PostgreSQL, see `django_hosts.py`):

* `POST /pay/` stores a `Payment` with status `wanted`; its invoice is unique, so pressing the
  button twice is one payment. It answers at once, and `GET /pay/<invoice>/` tells how it stands.
* The worker starts what is wanted, each payment on a native thread of the library, books outcomes,
  and at start-up the ones that a crash swallowed.

In one file, so that it can be read at a sitting.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import django
import ovo_ptp
from django.conf import settings

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={
            # One host: a file. Several: PostgreSQL, where the journal is, too.
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": os.environ["SHOP_DB_HOST"],
                "NAME": "shop",
                "USER": os.environ.get("SHOP_DB_USER", ""),
                "PASSWORD": os.environ.get("SHOP_DB_PASSWORD", ""),
            }
            if "SHOP_DB_HOST" in os.environ
            else {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.environ.get("SHOP_DB", str(Path(__file__).parent / "shop.db")),
            }
        },
        DEBUG=False,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=[],
        ROOT_URLCONF=__name__,
        SECRET_KEY="an example has no secret",  # noqa: S106
        USE_TZ=True,
    )
    django.setup()

from django.db import connection, models
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


class Payment(models.Model):
    """One attempt to have an order paid."""

    invoice: Any = models.CharField(max_length=50, unique=True)
    amount: Any = models.BigIntegerField()
    #: Deleted with the outcome: a shop needs no phone of a payment that is over.
    phone: Any = models.CharField(max_length=20)
    status: Any = models.CharField(max_length=20, default="wanted", db_index=True)
    text: Any = models.CharField(max_length=200, default="")
    approval_code: Any = models.CharField(max_length=20, null=True)

    class Meta:
        app_label = "shop"


@csrf_exempt
def pay(request: HttpRequest) -> JsonResponse:
    invoice, phone = request.POST.get("invoice", ""), request.POST.get("phone", "")
    try:
        ovo_ptp.validate_invoice(invoice)
        phone = ovo_ptp.normalise_phone(phone)
        amount = int(request.POST.get("amount", "0"))
        ovo_ptp.format_rupiah(amount)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=422)
    payment, made = Payment.objects.get_or_create(
        invoice=invoice, defaults={"amount": amount, "phone": phone}
    )
    if payment.amount != amount:
        return JsonResponse({"error": "this invoice has another amount"}, status=409)
    return JsonResponse({"invoice": invoice, "status": payment.status}, status=202 if made else 200)


def status(_request: HttpRequest, invoice: str) -> JsonResponse:
    payment = Payment.objects.filter(invoice=invoice).first()
    if payment is None:
        return JsonResponse({"error": "no such payment"}, status=404)
    return JsonResponse({"invoice": invoice, "status": payment.status, "text": payment.text})


urlpatterns = [path("pay/", pay), path("pay/<str:invoice>/", status)]


class Worker:
    """The one process of a host that owns the client."""

    def __init__(self, client: ovo_ptp.Client) -> None:
        self.client = client
        self.under_way: dict[str, ovo_ptp.StartedPayment] = {}

    def turn(self) -> None:
        """One look at what is wanted and what is over."""
        for payment in Payment.objects.filter(status__in=["wanted", "paying"]):
            if payment.invoice not in self.under_way:
                # `paying` without a thread is one that a crash interrupted: the same invoice again
                # resumes it, and never pushes twice.
                self.begin(payment)
        for invoice, started in list(self.under_way.items()):
            outcome = started.poll()
            if outcome is not None:
                del self.under_way[invoice]
                self.book(outcome)
        for report in self.client.unacknowledged():
            if report.outcome is not None and report.invoice not in self.under_way:
                self.book(report.outcome)

    def begin(self, payment: Payment) -> None:
        try:
            started = self.client.start(payment.invoice, amount=payment.amount, phone=payment.phone)
        except ovo_ptp.UnsettledCustomerError:
            return  # the customer's last payment is not settled yet: next turn
        except (ovo_ptp.InvalidInputError, ovo_ptp.InvoiceReusedError) as error:
            self.still_open(payment).update(status="refused", text=str(error))
            return
        self.still_open(payment).update(status="paying")
        self.under_way[payment.invoice] = started

    def still_open(self, payment: Payment) -> Any:
        """It, unless another host's worker has booked its outcome since it was read."""
        return Payment.objects.filter(pk=payment.pk, status__in=["wanted", "paying"])

    def book(self, outcome: ovo_ptp.AnyOutcome) -> None:
        """What each outcome means for the order: durable here, then acknowledged."""
        names = {
            ovo_ptp.Paid: "paid",
            ovo_ptp.Declined: "declined",
            ovo_ptp.NotCompleted: "not completed",
            ovo_ptp.NotSent: "not sent",
            ovo_ptp.NeedsOperator: "on hold",
        }
        if isinstance(outcome, ovo_ptp.Interrupted):
            return  # not decided; the next start goes on with it
        Payment.objects.filter(invoice=outcome.invoice).update(
            status=names[type(outcome)],
            text=outcome.customer_text,
            approval_code=outcome.approval_code if isinstance(outcome, ovo_ptp.Paid) else None,
            phone="",
        )
        self.client.acknowledge(outcome.invoice)


def migrate() -> None:
    """The example's table; a real project has migrations."""
    with connection.schema_editor() as editor:
        if Payment._meta.db_table not in connection.introspection.table_names():
            editor.create_model(Payment)


def worker() -> None:
    from plain import open_client

    with open_client() as client:
        tireless = Worker(client)
        while True:
            tireless.turn()
            time.sleep(0.2)


if __name__ == "__main__":
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "migrate":
        migrate()
    elif command == "ovo_worker":
        try:
            worker()
        except KeyboardInterrupt:
            sys.exit(0)
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
