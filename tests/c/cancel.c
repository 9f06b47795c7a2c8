/* The merchant gives a payment up: from another thread, from the countdown of a till without threads,
 * before the first byte and behind the answer. Then settlement returns what was deducted. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <time.h>

static void pause_ms(long milliseconds)
{
    struct timespec pause;
    pause.tv_sec = milliseconds / 1000;
    pause.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

static ovo_charge charge_of(const char *invoice, const char *phone)
{
    ovo_charge charge = OVO_CHARGE_INIT;
    charge.invoice = invoice;
    charge.amount = 45000;
    charge.phone = phone;
    return charge;
}

static int wrong;

static void expect(const char *what, const ovo_outcome *outcome, int32_t kind)
{
    show(outcome);
    if (outcome->kind != kind) {
        fprintf(stderr, "%s: %s\n", what, ovo_outcome_name(outcome->kind));
        wrong++;
    }
}

/* The cashier's key: pressed in this phase; before that, numbers that cancel nothing. */
struct key {
    int32_t phase;
    int calls;
};

static int32_t countdown(void *userdata, int32_t phase, uint32_t remaining_ms)
{
    struct key *key = userdata;
    (void)remaining_ms;
    key->calls++;
    return phase == key->phase ? OVO_CANCEL : key->calls;
}

/* Where the payment stands that another thread works on. */
static volatile int32_t reached = -1;

/* The countdown of the client: cancelling is for other places. */
static void hears(void *userdata, const char *invoice, int32_t phase, uint32_t remaining_ms)
{
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_client **client = userdata;
    (void)remaining_ms;
    reached = phase;
    if (ovo_cancel(*client, invoice, &outcome) != OVO_ERR_REENTRANT)
        wrong++;
}

int main(int argc, char **argv)
{
    ovo_config *config;
    ovo_client *client = NULL;
    ovo_payment *payment = NULL;
    ovo_charge charge;
    ovo_outcome outcome = OVO_OUTCOME_INIT, waited = OVO_OUTCOME_INIT;
    struct key key = {OVO_PHASE_SENDING, 0};
    int rounds = 0;

    if (argc < 2) {
        fprintf(stderr, "cancel JOURNAL\n");
        return 2;
    }
    config = sandbox_config(argv[1]);
    must(ovo_config_set_threads(config, 1), "threads");
    must(ovo_config_set_progress(config, hears, &client), "progress");
    must(ovo_client_open(config, &client), "opening");
    must(ovo_config_free(config), "freeing");

    /* From another thread than the payment's, while the customer looks at the prompt; the customer
     * confirms all the same, later. */
    charge = charge_of("INV-CANCEL-1", "081200000130");
    must(ovo_start(client, &charge, &payment), "starting");
    while (reached != OVO_PHASE_WAITING)
        pause_ms(1);
    must(ovo_payment_cancel(payment, &outcome), "cancelling");
    expect("from another thread", &outcome, OVO_NOT_COMPLETED);
    must(ovo_wait(payment, -1, &waited), "waiting");
    expect("whoever waits hears the same", &waited, OVO_NOT_COMPLETED);
    wrong += !outcome.cancelled + !waited.cancelled;
    must(ovo_payment_free(payment), "freeing");
    /* Once more: it is as it is. */
    must(ovo_cancel(client, charge.invoice, &outcome), "cancelling again");
    wrong += outcome.kind != OVO_NOT_COMPLETED;

    /* Before the first byte: nothing was sent, and the reason is told. */
    charge = charge_of("INV-CANCEL-2", "081200000031");
    must(ovo_pay_with(client, &charge, countdown, &key, &outcome), "paying");
    expect("before the first byte", &outcome, OVO_NOT_SENT);
    wrong += outcome.not_sent_reason != OVO_NOT_SENT_CANCELLED;

    /* From the countdown, on the caller's own thread. Only the one number cancels. */
    key.phase = OVO_PHASE_WAITING;
    charge = charge_of("INV-CANCEL-3", "081200000132");
    must(ovo_pay_with(client, &charge, countdown, &key, &outcome), "paying");
    expect("from the countdown", &outcome, OVO_NOT_COMPLETED);
    wrong += !outcome.cancelled;

    /* Behind the answer: what came first stays. */
    charge = charge_of("INV-CANCEL-4", "081200000000");
    must(ovo_pay_with(client, &charge, NULL, NULL, &outcome), "paying without a say");
    must(ovo_cancel(client, charge.invoice, &outcome), "cancelling");
    expect("behind the answer", &outcome, OVO_PAID);

    wrong += ovo_cancel(client, "INV-CANCEL-9", &outcome) != OVO_ERR_NOT_FOUND;
    wrong += outcome.kind != 0;

    /* What was given up is settled. */
    do {
        pause_ms(20);
        must(ovo_settle(client, NULL), "settling");
        must(ovo_find(client, "INV-CANCEL-1", NULL, &outcome), "finding");
        must(ovo_find(client, "INV-CANCEL-3", NULL, &waited), "finding");
    } while (!(outcome.refund_settled && waited.refund_settled) && rounds++ < 3000);
    printf("debited after all, and returned: %s\n", outcome.was_debited ? "yes" : "no");
    must(ovo_client_close(client), "closing");
    return wrong;
}
