/* Whether a payment was begun here or known before, told at once and with its outcome.
 *
 *   known JOURNAL INVOICE PHONE          starts it and waits, on a journal that others may share
 *   known JOURNAL INVOICE PHONE pay      the same in one call
 */
#include "till.h"

static void say(const ovo_outcome *outcome)
{
    printf("%s: %s, %s\n", outcome->invoice, ovo_outcome_name(outcome->kind),
           outcome->was_known ? "known" : "begun here");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    ovo_config *config;
    ovo_client *client;
    ovo_payment *payment;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;

    if (argc < 4) {
        fprintf(stderr, "known JOURNAL INVOICE PHONE [pay]\n");
        return 2;
    }
    config = sandbox_config(argv[1]);
    must(ovo_config_set_journal_shared(config, 1), "sharing");
    must(ovo_config_set_threads(config, 1), "threads");
    client = open_and_free(config);
    charge.invoice = argv[2];
    charge.amount = 12500;
    charge.phone = argv[3];

    if (argc > 4) {
        must(ovo_pay(client, &charge, &outcome), "payment");
    } else {
        must(ovo_start(client, &charge, &payment), "start");
        must(ovo_poll(payment, &outcome), "polling");
        say(&outcome);
        must(ovo_wait(payment, -1, &outcome), "waiting");
        must(ovo_payment_free(payment), "freeing");
    }
    say(&outcome);
    /* Whoever looks it up is told from the journal. */
    must(ovo_find(client, charge.invoice, &record, &outcome), "looking up");
    if (!outcome.was_known)
        return 1;
    must(ovo_client_close(client), "closing");
    return 0;
}
