/* A till that loses its power in the middle of a payment, and what it does when it is back.
 *
 *   recovery JOURNAL crash      pushes a payment and dies without a word
 *   recovery JOURNAL recover    finds it, settles it, and tells what became of it
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <time.h>
#include <unistd.h>

static void pause_ms(long milliseconds)
{
    struct timespec pause;
    pause.tv_sec = milliseconds / 1000;
    pause.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

static void heard(void *userdata, const char *invoice, int32_t phase, uint32_t remaining_ms)
{
    (void)userdata;
    (void)invoice;
    (void)remaining_ms;
    /* The prompt is on the customer's phone: pull the plug. Nothing is flushed or closed. */
    if (phase == OVO_PHASE_WAITING)
        _exit(9);
}

static int crash(const char *journal)
{
    ovo_config *config = sandbox_config(journal);
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;

    must(ovo_config_set_progress(config, heard, NULL), "progress");
    client = open_and_free(config);
    charge.invoice = "INV-CRASH-1";
    charge.amount = 40000;
    charge.phone = "081200000120"; /* approves after 20 seconds: nobody is there to hear it */
    must(ovo_pay(client, &charge, &outcome), "paying");
    return 1;
}

static int recover(const char *journal)
{
    ovo_client *client = open_and_free(sandbox_config(journal));
    ovo_filter filter = OVO_FILTER_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_list *list = NULL;
    size_t length = 0, i;
    int64_t pause;

    /* What was under way when the power went? */
    filter.unsettled = 1;
    must(ovo_list_payments(client, &filter, &list), "listing");
    must(ovo_list_length(list, &length), "length");
    printf("%lu payment under way\n", (unsigned long)length);
    must(ovo_list_free(list), "freeing");

    /* Settle it: checks, the reversal, the check behind the reversal. */
    do {
        must(ovo_settle(client, NULL), "settling");
        must(ovo_find(client, "INV-CRASH-1", &record, &outcome), "looking up");
        must(ovo_next_settlement(client, &pause), "next");
        if (!record.settled)
            pause_ms(pause < 0 || pause > 100 ? 100 : (long)pause);
    } while (!record.settled);
    printf("settled: %s\n", record.settlement);

    /* Every outcome that nobody has heard. */
    must(ovo_unacknowledged(client, &list), "unacknowledged");
    must(ovo_list_length(list, &length), "length");
    for (i = 0; i < length; i++) {
        must(ovo_list_get(list, i, &record, &outcome), "payment");
        show(&outcome);
        must(ovo_acknowledge(client, record.invoice), "acknowledging");
    }
    must(ovo_list_free(list), "freeing");
    must(ovo_client_close(client), "closing");
    return length == 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[2], "crash") == 0)
        return crash(argv[1]);
    if (argc == 3 && strcmp(argv[2], "recover") == 0)
        return recover(argv[1]);
    fprintf(stderr, "recovery JOURNAL crash|recover\n");
    return 2;
}
