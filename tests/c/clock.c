/* A terminal whose only clock is a tick of 32 bits, which wraps in the middle of a payment.
 *
 * The customer ignores the prompt. With a wrong idea of time the terminal would wait for 49 days, or
 * refund at once; with the right one the payment ends and settles as always.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <time.h>

/* So many milliseconds after the start the tick wraps. */
#define WRAPS_AFTER 3000u

static int64_t milliseconds(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What the hardware has. `userdata` is when the program started. */
static uint64_t tick(void *userdata)
{
    const int64_t *start = userdata;
    return (uint32_t)(milliseconds(CLOCK_MONOTONIC) - *start) - WRAPS_AFTER;
}

static int64_t wall(void *userdata)
{
    (void)userdata;
    return milliseconds(CLOCK_REALTIME);
}

static void rest(void *userdata, uint32_t time)
{
    struct timespec wanted;
    (void)userdata;
    wanted.tv_sec = (time_t)(time / 1000);
    wanted.tv_nsec = (long)(time % 1000) * 1000000;
    nanosleep(&wanted, NULL);
}

int main(int argc, char **argv)
{
    int64_t start = milliseconds(CLOCK_MONOTONIC);
    ovo_config *config;
    ovo_client *client;
    ovo_clock clock = OVO_CLOCK_INIT;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    uint64_t before;

    if (argc < 2) {
        fprintf(stderr, "clock JOURNAL\n");
        return 2;
    }
    clock.userdata = &start;
    clock.boottime_ms = tick;
    clock.wall_ms = wall;
    clock.sleep_ms = rest;
    clock.boot_id = "started once";
    config = sandbox_config(argv[1]);
    must(ovo_config_set_clock(config, &clock), "clock");
    client = open_and_free(config);

    charge.invoice = "INV-TICK-1";
    charge.amount = 20000;
    charge.phone = "081200009000"; /* ignores the prompt */
    before = tick(&start);
    must(ovo_pay(client, &charge, &outcome), "paying");
    show(&outcome);
    printf("the tick went from %lu to %lu\n", (unsigned long)before, (unsigned long)tick(&start));
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");
    must(ovo_client_close(client), "closing");
    return outcome.kind == OVO_NOT_COMPLETED && tick(&start) < before ? 0 : 1;
}
