/* A first payment: ask for the phone, push, show the outcome, acknowledge it. */
#include "till.h"

int main(int argc, char **argv)
{
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    char phone[16];
    int32_t registered = 0, code;

    if (argc < 2) {
        fprintf(stderr, "first_payment JOURNAL\n");
        return 2;
    }
    client = open_and_free(sandbox_config(argv[1]));

    /* What the cashier typed: checked before anything is sent. */
    code = ovo_phone_normalise("+62 812-0000-0000", phone, sizeof phone, NULL);
    must(code, "phone");
    must(ovo_inquire(client, phone, &registered), "inquiry");
    if (!registered) {
        printf("no OVO account\n");
        return 1;
    }

    charge.invoice = "INV-FIRST-1";
    charge.amount = 12500;
    charge.phone = phone;
    must(ovo_pay(client, &charge, &outcome), "payment");
    show(&outcome);
    if (outcome.kind == OVO_PAID && outcome.has_wallet)
        printf("paid with %s rupiah of OVO Cash\n", outcome.wallet.cash_used);

    /* The same invoice never pushes again. */
    must(ovo_pay(client, &charge, &outcome), "payment again");
    /* Stored on the receipt printer: now the library may forget about it. */
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");

    /* A customer who says no. */
    charge.invoice = "INV-FIRST-2";
    charge.phone = "081200001701";
    must(ovo_pay(client, &charge, &outcome), "second payment");
    show(&outcome);
    printf("%s, %s\n", outcome.response_code, outcome.reason);
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");

    /* What is wrong is said before anything is sent. */
    charge.invoice = "INV-FIRST-3";
    charge.phone = "021 5551234";
    code = ovo_pay(client, &charge, &outcome);
    printf("%s: %s\n", ovo_code_name(code), ovo_client_error(client));

    must(ovo_client_close(client), "closing");
    return 0;
}
