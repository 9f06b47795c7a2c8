/* A terminal that shows a countdown: once on a thread of the library's own, which is waited for
 * second by second, and once from the progress function while ovo_pay waits. */
#include "till.h"

static int seconds_shown;

static void progress(void *userdata, const char *invoice, int32_t phase, uint32_t remaining_ms)
{
    (void)userdata;
    (void)remaining_ms;
    if (phase == OVO_PHASE_WAITING && invoice[0] != '\0')
        seconds_shown++;
}

int main(int argc, char **argv)
{
    ovo_config *config;
    ovo_client *client;
    ovo_payment *payment = NULL;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    int waits = 0;

    if (argc < 2) {
        fprintf(stderr, "countdown JOURNAL\n");
        return 2;
    }
    config = sandbox_config(argv[1]);
    must(ovo_config_set_threads(config, 1), "threads");
    must(ovo_config_set_progress(config, progress, NULL), "progress");
    client = open_and_free(config);

    charge.invoice = "INV-COUNT-1";
    charge.amount = 25000;
    charge.phone = "081200000130"; /* approves after 30 seconds */
    must(ovo_start(client, &charge, &payment), "starting");
    do {
        must(ovo_wait(payment, 100, &outcome), "waiting");
        waits++;
    } while (outcome.kind == OVO_PENDING);
    show(&outcome);
    must(ovo_payment_free(payment), "freeing");
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");

    charge.invoice = "INV-COUNT-2";
    charge.phone = "081200000131";
    must(ovo_pay(client, &charge, &outcome), "paying");
    show(&outcome);
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");
    must(ovo_client_close(client), "closing");
    printf("waited %s, counted %s\n", waits > 1 ? "by turns" : "once",
           seconds_shown > 0 ? "down" : "nothing");
    return waits > 1 && seconds_shown > 0 ? 0 : 1;
}
