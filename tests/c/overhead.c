/* What the boundary itself costs: calls that do next to nothing behind it, so that all of their time
 * is the guard, the handle's look-up and the copy of the result. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <time.h>

#define CALLS 200000

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* whatever else this machine does */
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    ovo_client *client;
    ovo_list *list = NULL;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_record record = OVO_RECORD_INIT;
    double lookup = 1e12, copy = 1e12, begun;
    size_t length = 0;
    int round, i;

    if (argc < 2)
        return 2;
    client = open_and_free(sandbox_config(argv[1]));
    charge.invoice = "INV-BENCH";
    charge.amount = 1000;
    charge.phone = "081200000000";
    must(ovo_pay(client, &charge, &outcome), "paying");
    must(ovo_list_payments(client, NULL, &list), "listing");
    for (round = 0; round < 5; round++) {
        begun = now_ns();
        for (i = 0; i < CALLS; i++)
            ovo_list_length(list, &length);
        if ((now_ns() - begun) / CALLS < lookup)
            lookup = (now_ns() - begun) / CALLS;
        begun = now_ns();
        for (i = 0; i < CALLS; i++)
            ovo_list_get(list, 0, &record, &outcome);
        if ((now_ns() - begun) / CALLS < copy)
            copy = (now_ns() - begun) / CALLS;
    }
    must(ovo_list_free(list), "freeing");
    must(ovo_client_close(client), "closing");
    printf("%.0f ns a call with a handle, %.0f ns with a record and an outcome copied out\n", lookup,
           copy);
    return 0;
}
