/* A firmware without threads: payments are taken in the main loop, and while nobody pays the loop
 * settles what is left of earlier ones. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <time.h>

static void logged(void *userdata, int32_t level, const char *invoice, const char *message)
{
    FILE *out = userdata;
    fprintf(out, "%s%s %s\n", level == OVO_LEVEL_CRITICAL ? "CRITICAL " : "",
            invoice == NULL ? "-" : invoice, message);
}

int main(int argc, char **argv)
{
    ovo_config *config;
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_list *changed = NULL;
    size_t length = 0;
    int64_t pause = 0;
    int rounds = 0;

    if (argc < 2) {
        fprintf(stderr, "idle_loop JOURNAL\n");
        return 2;
    }
    config = sandbox_config(argv[1]);
    must(ovo_config_set_log(config, logged, stderr), "log");
    must(ovo_config_set_settle_rate(config, 100), "rate");
    client = open_and_free(config);

    /* The customer has paid and the answer is lost; nobody knows at 65 seconds. */
    charge.invoice = "INV-IDLE-1";
    charge.amount = 55000;
    charge.phone = "081200009530"; /* debited half a minute after OVO's session is over */
    must(ovo_pay(client, &charge, &outcome), "paying");
    show(&outcome);

    /* The idle loop: a look at the clock, and what is due. A real one also reads its keys here. */
    while (outcome.kind == OVO_NOT_COMPLETED && !outcome.refund_settled) {
        struct timespec sleep;
        must(ovo_next_settlement(client, &pause), "next");
        if (pause < 0 || pause > 50)
            pause = 50;
        sleep.tv_sec = 0;
        sleep.tv_nsec = (long)pause * 1000000;
        nanosleep(&sleep, NULL);
        must(ovo_settle(client, &changed), "settling");
        must(ovo_list_length(changed, &length), "length");
        must(ovo_list_free(changed), "freeing");
        must(ovo_find(client, charge.invoice, &record, &outcome), "looking up");
        rounds++;
    }
    printf("settled: %s, %s\n", record.settlement,
           outcome.was_debited ? "it had been debited" : "never debited");
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");
    must(ovo_client_close(client), "closing");
    return rounds > 0 ? 0 : 1;
}
