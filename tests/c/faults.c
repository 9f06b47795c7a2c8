/* What happens when the library is used wrongly or disturbed. Each case is a name on the command
 * line; ffi/tests/faults.rs runs them, plainly and under the sanitizers.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "till.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPECT(what, wanted)                                                                       \
    do {                                                                                           \
        long expect_got = (long)(what), expect_wanted = (long)(wanted);                            \
        if (expect_got != expect_wanted) {                                                         \
            fprintf(stderr, "line %d: %s is %ld, not %ld (%s)\n", __LINE__, #what, expect_got,     \
                    expect_wanted, ovo_last_error());                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static const char *journal;

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
    charge.amount = 1000;
    charge.phone = phone;
    return charge;
}

/* Every handle, used after its end, ended twice, and taken for another kind. */
static int dead_handles(void)
{
    ovo_config *config = sandbox_config(journal);
    ovo_client *client = NULL;
    ovo_payment *payment = NULL;
    ovo_list *list = NULL;
    ovo_charge charge = charge_of("INV-F2", "081200000000");
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    size_t length = 0;
    int on_the_stack = 0;
    void *on_the_heap = malloc(64);

    must(ovo_config_set_threads(config, 1), "threads");
    must(ovo_client_open(config, &client), "opening");
    must(ovo_start(client, &charge, &payment), "starting");
    must(ovo_wait(payment, -1, &outcome), "waiting");
    EXPECT(outcome.kind, OVO_PAID);
    must(ovo_unacknowledged(client, &list), "listing");

    EXPECT(ovo_list_length((ovo_list *)(void *)client, &length), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_client_close((ovo_client *)(void *)payment), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_settle((ovo_client *)(void *)&on_the_stack, NULL), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_settle((ovo_client *)on_the_heap, NULL), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_settle((ovo_client *)((char *)on_the_heap + 1), NULL), OVO_ERR_BAD_HANDLE);
    free(on_the_heap);

    must(ovo_list_free(list), "freeing");
    EXPECT(ovo_list_free(list), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_list_length(list, &length), OVO_ERR_BAD_HANDLE);
    must(ovo_payment_free(payment), "freeing");
    EXPECT(ovo_payment_free(payment), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_poll(payment, &outcome), OVO_ERR_BAD_HANDLE);
    must(ovo_client_close(client), "closing");
    EXPECT(ovo_client_close(client), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_pay(client, &charge, &outcome), OVO_ERR_BAD_HANDLE);
    must(ovo_client_open(config, &client), "the journal can be opened at once");
    must(ovo_client_close(client), "closing");
    must(ovo_config_free(config), "freeing");
    EXPECT(ovo_config_free(config), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_client_open(config, &client), OVO_ERR_BAD_HANDLE);
    /* NULL is nothing to free. */
    must(ovo_config_free(NULL), "NULL");
    must(ovo_client_close(NULL), "NULL");
    must(ovo_payment_free(NULL), "NULL");
    must(ovo_list_free(NULL), "NULL");
    return 0;
}

/* Texts: no UTF-8, no NUL at the end of the very block, a megabyte. */
static int broken_texts(void)
{
    char *unterminated = malloc(65); /* what an invoice may have, and one byte */
    char *huge = malloc(1 << 20);
    char small[8];
    size_t needed = 0;

    memset(unterminated, 'A', 65);
    memset(huge, '8', 1 << 20);
    EXPECT(ovo_invoice_check(unterminated), OVO_ERR_TOO_LONG);
    EXPECT(ovo_phone_normalise(huge, small, sizeof small, NULL), OVO_ERR_TOO_LONG);
    EXPECT(ovo_invoice_check("INV-\xff\xfe"), OVO_ERR_NOT_UTF8);
    EXPECT(ovo_invoice_check("INV-\xc3"), OVO_ERR_NOT_UTF8);
    EXPECT(ovo_invoice_check(""), OVO_ERR_INVALID_INPUT);
    EXPECT(ovo_invoice_check("INV\r\nX"), OVO_ERR_INVALID_INPUT);

    /* Too small a buffer holds nothing of the number. */
    memset(small, '#', sizeof small);
    EXPECT(ovo_phone_normalise("081234567890", small, sizeof small, &needed),
           OVO_ERR_BUFFER_TOO_SMALL);
    EXPECT(needed, 13);
    EXPECT(small[0], 0);
    EXPECT(small[1], '#');
    EXPECT(ovo_phone_normalise("081234567890", small, 0, &needed), OVO_ERR_BUFFER_TOO_SMALL);
    EXPECT(needed, 13);
    EXPECT(ovo_phone_normalise("081234567890", NULL, 0, &needed), OVO_ERR_NULL);
    EXPECT(needed, 0);
    free(unterminated);
    free(huge);
    return 0;
}

/* Headers and libraries of other versions. */
static int other_versions(void)
{
    struct {
        ovo_outcome known;
        char later[4096];
    } newer;
    union {
        ovo_charge known;
        char bytes[256];
    } charge;
    ovo_config *config = NULL;
    ovo_client *client;
    ovo_charge plain = charge_of("INV-F14", "081200000000");
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    uint32_t size;
    size_t at;

    EXPECT(ovo_config_new(OVO_VERSION_NUMBER + 1000, &config), OVO_ERR_VERSION);
    EXPECT(ovo_config_new(OVO_VERSION_NUMBER + 1000000, &config), OVO_ERR_VERSION);
    EXPECT(ovo_config_new(OVO_VERSION_NUMBER + 1, &config), OVO_OK);
    must(ovo_config_free(config), "freeing");
    EXPECT(ovo_config_new(-1, &config), OVO_ERR_VERSION);
    EXPECT(ovo_version_number(), OVO_VERSION_NUMBER);
    EXPECT(strcmp(ovo_version(), OVO_VERSION), 0);

    client = open_and_free(sandbox_config(journal));
    /* A newer program's larger struct: its library is not this one. Nothing is written into it. */
    memset(&charge, 0, sizeof charge);
    charge.known = plain;
    charge.known.size = sizeof charge;
    EXPECT(ovo_pay(client, &charge.known, &outcome), OVO_ERR_STRUCT_SIZE);
    memset(&newer, '#', sizeof newer);
    newer.known.size = sizeof newer;
    EXPECT(ovo_pay(client, &plain, &newer.known), OVO_ERR_STRUCT_SIZE);
    EXPECT(newer.known.size, sizeof newer);
    EXPECT(newer.known.kind, 0x23232323);
    for (at = 0; at < sizeof newer.later; at++)
        EXPECT(newer.later[at], '#');
    /* A struct that was never begun: whatever stands where its size should be. */
    for (size = 0; size <= 4096; size++) {
        memset(&newer, '#', sizeof newer);
        newer.known.size = size;
        if (size != sizeof outcome)
            EXPECT(ovo_find(client, "INV-F14", NULL, &newer.known), OVO_ERR_STRUCT_SIZE);
        for (at = 0; at < sizeof newer.later; at++)
            EXPECT(newer.later[at], '#');
    }
    outcome.size = 0xffffffffu;
    EXPECT(ovo_pay(client, &plain, &outcome), OVO_ERR_STRUCT_SIZE);
    outcome.size = sizeof outcome;
    EXPECT(ovo_find(client, "INV-F14", NULL, &outcome), OVO_ERR_NOT_FOUND);
    must(ovo_client_close(client), "closing");
    return 0;
}

/* Callbacks that call back. */
struct within {
    ovo_client *client;
    ovo_config *config;
    /* Freed inside. */
    ovo_config *spare;
    ovo_payment *payment;
    int heard;
};

static void calls_back(void *userdata, int32_t level, const char *invoice, const char *message)
{
    struct within *within = userdata;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_charge charge = charge_of("INV-F6-INNER", "081200000002");
    ovo_client *other = NULL;
    (void)level;
    (void)invoice;
    (void)message;
    EXPECT(ovo_settle(within->client, NULL), OVO_ERR_REENTRANT);
    EXPECT(ovo_pay(within->client, &charge, &outcome), OVO_ERR_REENTRANT);
    EXPECT(ovo_client_close(within->client), OVO_ERR_REENTRANT);
    EXPECT(ovo_client_open(within->config, &other), OVO_ERR_REENTRANT);
    EXPECT(ovo_config_set_threads(within->config, 1), OVO_ERR_REENTRANT);
    /* What holds nobody's lock may be freed: an object of C++ that ends here has no second chance. */
    if (within->payment != NULL) {
        EXPECT(ovo_payment_free(within->payment), OVO_OK);
        EXPECT(ovo_payment_free(within->payment), OVO_ERR_BAD_HANDLE);
        EXPECT(ovo_config_free(within->spare), OVO_OK);
        EXPECT(ovo_config_free(within->spare), OVO_ERR_BAD_HANDLE);
        within->payment = NULL;
    }
    /* What needs no handle works. */
    EXPECT(ovo_invoice_check("INV-1"), OVO_OK);
    EXPECT(strcmp(ovo_outcome_name(OVO_PAID), "paid"), 0);
    within->heard++;
}

static int reentry(void)
{
    struct within within = {NULL, NULL, NULL, NULL, 0};
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_charge charge = charge_of("INV-F6", "081200000000");
    ovo_charge other = charge_of("INV-F6-FREED", "081200000001");
    ovo_payment *payment = NULL;

    within.config = sandbox_config(journal);
    must(ovo_config_set_log(within.config, calls_back, &within), "log");
    must(ovo_config_set_threads(within.config, 1), "threads");
    must(ovo_client_open(within.config, &within.client), "opening");
    must(ovo_start(within.client, &other, &payment), "starting");
    must(ovo_wait(payment, -1, &outcome), "waiting");
    within.spare = sandbox_config(journal);
    within.payment = payment;
    must(ovo_pay(within.client, &charge, &outcome), "paying");
    EXPECT(outcome.kind, OVO_PAID);
    EXPECT(within.heard > 0, 1);
    EXPECT(within.payment == NULL, 1);
    must(ovo_settle(within.client, NULL), "outside again");
    must(ovo_client_close(within.client), "closing");
    must(ovo_config_free(within.config), "freeing");
    /* No function at all is fine, too. */
    within.config = sandbox_config(journal);
    must(ovo_config_set_log(within.config, NULL, NULL), "no log");
    must(ovo_config_set_progress(within.config, NULL, NULL), "no progress");
    must(ovo_config_set_transport(within.config, NULL, NULL), "no transport");
    must(ovo_client_close(open_and_free(within.config)), "closing");
    return 0;
}

/* A transport that contradicts itself, keeps its exchange, and hands it to another thread. */
static ovo_exchange *kept;
static int32_t trick;

static void *other_thread(void *exchange)
{
    uint32_t milliseconds;
    EXPECT(ovo_exchange_begin(exchange), OVO_ERR_WRONG_THREAD);
    EXPECT(ovo_exchange_wait(exchange, &milliseconds), OVO_ERR_WRONG_THREAD);
    EXPECT(ovo_exchange_answer(exchange, 200, NULL, 0), OVO_ERR_WRONG_THREAD);
    return NULL;
}

static void *another_dials(void *exchange)
{
    EXPECT(ovo_exchange_connecting(exchange), OVO_ERR_WRONG_THREAD);
    return NULL;
}

static int32_t tricky(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    static const uint8_t answer[] = "{\"responseCode\":\"00\"}";
    static uint8_t too_much[65537];
    pthread_t thread;
    (void)userdata;
    kept = exchange;
    if (request->operation != OVO_OP_PUSH_TO_PAY)
        return OVO_EXCHANGE_NOT_SENT;
    EXPECT(ovo_exchange_answer(exchange, 0, answer, sizeof answer - 1), OVO_ERR_INVALID_INPUT);
    EXPECT(ovo_exchange_answer(exchange, 200, too_much, sizeof too_much), OVO_ERR_TOO_LONG);
    EXPECT(ovo_exchange_answer(exchange, 200, NULL, 1), OVO_ERR_NULL);
    EXPECT(pthread_create(&thread, NULL, other_thread, exchange), 0);
    pthread_join(thread, NULL);
    switch (trick) {
    case 0: /* answered without having begun */
        must(ovo_exchange_answer(exchange, 200, answer, sizeof answer - 1), "answer");
        return OVO_EXCHANGE_ANSWERED;
    case 1: /* not sent, after all was sent */
        must(ovo_exchange_begin(exchange), "begin");
        must(ovo_exchange_connecting(exchange), "too late to ask");
        must(ovo_exchange_sent(exchange), "sent");
        return OVO_EXCHANGE_NOT_SENT;
    case 2: /* answered with nothing */
        must(ovo_exchange_begin(exchange), "begin");
        return OVO_EXCHANGE_ANSWERED;
    case 3: /* a number that is none */
        must(ovo_exchange_begin(exchange), "begin");
        return 12345;
    default: /* the truth */
        must(ovo_exchange_explain(exchange, "no carrier\r\n"), "explaining");
        return OVO_EXCHANGE_NOT_SENT;
    }
}

static int transports(void)
{
    ovo_config *config = sandbox_config(journal);
    ovo_client *client;
    uint32_t milliseconds;
    char invoice[32];

    must(ovo_config_set_transport(config, tricky, NULL), "transport");
    client = open_and_free(config);
    for (trick = 0; trick < 5; trick++) {
        char phone[32];
        ovo_charge charge;
        ovo_outcome outcome = OVO_OUTCOME_INIT;
        snprintf(invoice, sizeof invoice, "INV-T-%d", (int)trick);
        snprintf(phone, sizeof phone, "08120000000%d", (int)trick);
        charge = charge_of(invoice, phone);
        must(ovo_pay(client, &charge, &outcome), "paying");
        EXPECT(outcome.kind, trick == 4 ? OVO_NOT_SENT : OVO_NOT_COMPLETED);
        EXPECT(outcome.not_sent_reason, trick == 4 ? OVO_NOT_SENT_NO_CONNECTION : 0);
        if (trick == 4)
            EXPECT(strncmp(outcome.reason, "no carrier", 10), 0);
    }
    /* An exchange ends with its function. */
    EXPECT(ovo_exchange_begin(kept), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_exchange_connecting(kept), OVO_ERR_BAD_HANDLE);
    EXPECT(ovo_exchange_wait(kept, &milliseconds), OVO_ERR_BAD_HANDLE);
    must(ovo_client_close(client), "closing");
    return 0;
}

/* A transport that connects for seven seconds, by a wall clock of the test's own. */
static int64_t wall_ms = 1772420400000;

static int64_t shown_wall(void *userdata)
{
    (void)userdata;
    return wall_ms;
}

static uint64_t real_tick(void *userdata)
{
    struct timespec now;
    (void)userdata;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void real_rest(void *userdata, uint32_t milliseconds)
{
    (void)userdata;
    pause_ms((long)milliseconds);
}

static int connected;

static int32_t connects_slowly(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    const char *random = request->random, *hmac = request->hmac;
    char wanted[24], early[24];
    (void)userdata;
    snprintf(early, sizeof early, "%ld", (long)(wall_ms / 1000));
    EXPECT(strcmp(random, early), 0);
    EXPECT(strlen(hmac), 64);
    wall_ms += 7000;
    must(ovo_exchange_begin(exchange), "begin");
    snprintf(wanted, sizeof wanted, "%ld", (long)(wall_ms / 1000));
    EXPECT(strcmp(request->random, wanted), 0);
    EXPECT(strlen(request->hmac), 64);
    EXPECT(strcmp(request->hmac, hmac) != 0, 1);
    /* Whoever wrote the head before sends the other pair. */
    EXPECT(strcmp(random, early), 0);
    connected++;
    return OVO_EXCHANGE_NO_ANSWER;
}

static int signed_behind_connecting(void)
{
    ovo_config *config = sandbox_config(journal);
    ovo_clock clock = OVO_CLOCK_INIT;
    ovo_client *client;
    int32_t known = 0;

    clock.boottime_ms = real_tick;
    clock.wall_ms = shown_wall;
    clock.sleep_ms = real_rest;
    clock.boot_id = "started once";
    must(ovo_config_set_clock(config, &clock), "clock");
    must(ovo_config_set_transport(config, connects_slowly, NULL), "transport");
    client = open_and_free(config);
    EXPECT(ovo_inquire(client, "081200000000", &known), OVO_ERR_NO_ANSWER);
    EXPECT(connected, 1);
    must(ovo_client_close(client), "closing");
    return 0;
}

/* A modem that dials until somebody tells it to stop: the cashier, or a client that closes. */
static volatile int dialling, given_up;

static int32_t dials(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    int turns;
    pthread_t thread;
    (void)userdata;
    (void)request;
    EXPECT(pthread_create(&thread, NULL, another_dials, exchange), 0);
    pthread_join(thread, NULL);
    dialling++;
    for (turns = 0; turns < 500; turns++) {
        if (ovo_exchange_connecting(exchange) == OVO_ERR_STOPPED) {
            given_up++;
            return OVO_EXCHANGE_NOT_SENT;
        }
        pause_ms(20);
    }
    return OVO_EXCHANGE_NOT_SENT;
}

static int given_up_while_dialling(void)
{
    ovo_config *config = sandbox_config(journal);
    ovo_charge charge = charge_of("INV-DIAL-1", "081200000000");
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_payment *payment = NULL;
    ovo_client *client;

    must(ovo_config_set_background(config, 1), "background");
    must(ovo_config_set_transport(config, dials, NULL), "transport");
    client = open_and_free(config);
    must(ovo_start(client, &charge, &payment), "starting");
    while (dialling < 1)
        pause_ms(1);
    must(ovo_cancel(client, "INV-DIAL-1", &outcome), "cancelling");
    EXPECT(outcome.kind, OVO_NOT_SENT);
    must(ovo_payment_free(payment), "freeing");
    /* Long before the ten seconds of the modem are over. */
    pause_ms(3000);
    EXPECT(given_up, 1);

    charge = charge_of("INV-DIAL-2", "081200000001");
    must(ovo_start(client, &charge, &payment), "starting");
    while (dialling < 2)
        pause_ms(1);
    must(ovo_client_close(client), "closing");
    EXPECT(given_up, 2);
    must(ovo_wait(payment, 0, &outcome), "waiting");
    EXPECT(outcome.kind, OVO_NOT_SENT);
    must(ovo_payment_free(payment), "freeing");
    return 0;
}

/* Closing while another thread waits, and threads that use a client while it is closed. */
struct waiter {
    ovo_client *client;
    ovo_payment *payment;
    int32_t code, kind;
};

static void *waits(void *data)
{
    struct waiter *waiter = data;
    ovo_charge charge = charge_of("INV-F7", "081200009101"); /* no answer ever comes */
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    waiter->code = waiter->payment != NULL ? ovo_wait(waiter->payment, -1, &outcome)
                                           : ovo_pay(waiter->client, &charge, &outcome);
    waiter->kind = outcome.kind;
    return NULL;
}

static int close_while_waiting(void)
{
    struct waiter pays = {NULL, NULL, 0, 0}, waited = {NULL, NULL, 0, 0};
    ovo_config *config = sandbox_config(journal);
    ovo_charge charge = charge_of("INV-F7-STARTED", "081200009102");
    pthread_t one, two;

    must(ovo_config_set_background(config, 1), "background");
    pays.client = open_and_free(config);
    must(ovo_start(pays.client, &charge, &waited.payment), "starting");
    EXPECT(pthread_create(&one, NULL, waits, &pays), 0);
    EXPECT(pthread_create(&two, NULL, waits, &waited), 0);
    pause_ms(150);
    /* Freed and closed under their feet. */
    must(ovo_payment_free(waited.payment), "freeing");
    must(ovo_client_close(pays.client), "closing");
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    EXPECT(pays.code, OVO_OK);
    EXPECT(pays.kind, OVO_INTERRUPTED);
    EXPECT(waited.code, OVO_OK);
    EXPECT(waited.kind, OVO_INTERRUPTED);
    /* Nothing is lost: whoever opens the journal next finds both. */
    pays.client = open_and_free(sandbox_config(journal));
    {
        ovo_filter filter = OVO_FILTER_INIT;
        ovo_list *list = NULL;
        size_t length = 0;
        filter.unsettled = 1;
        must(ovo_list_payments(pays.client, &filter, &list), "listing");
        must(ovo_list_length(list, &length), "length");
        EXPECT(length, 2);
        must(ovo_list_free(list), "freeing");
    }
    must(ovo_client_close(pays.client), "closing");
    return 0;
}

/* A payment that somebody waits for ends within the grace; a new one does not begin. */
static void *sells(void *data)
{
    struct waiter *waiter = data;
    ovo_charge charge = charge_of("INV-F7-LUNCH", "081200000110"); /* approves after 10 seconds */
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    waiter->code = ovo_pay(waiter->client, &charge, &outcome);
    waiter->kind = outcome.kind;
    return NULL;
}

static void *closes_within(void *data)
{
    struct waiter *waiter = data;
    waiter->code = ovo_client_close_within(waiter->client, 80000);
    return NULL;
}

static int close_with_a_grace(void)
{
    struct waiter pays = {NULL, NULL, 0, 0}, closes = {NULL, NULL, 0, 0};
    ovo_charge late = charge_of("INV-F7-LATE", "081200000000");
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_record record = OVO_RECORD_INIT;
    pthread_t seller, closer;
    int32_t code;

    pays.client = closes.client = open_and_free(sandbox_config(journal));
    EXPECT(pthread_create(&seller, NULL, sells, &pays), 0);
    while (ovo_find(pays.client, "INV-F7-LUNCH", NULL, NULL) != OVO_OK)
        pause_ms(1);
    EXPECT(pthread_create(&closer, NULL, closes_within, &closes), 0);
    /* As soon as the client is closing, no payment begins any more. */
    do {
        pause_ms(1);
        code = ovo_pay(pays.client, &late, &outcome);
        late.invoice = "INV-F7-LATER";
    } while (code == OVO_OK);
    EXPECT(code == OVO_ERR_CLOSED || code == OVO_ERR_BAD_HANDLE, 1);
    pthread_join(seller, NULL);
    pthread_join(closer, NULL);
    EXPECT(pays.code, OVO_OK);
    EXPECT(pays.kind, OVO_PAID);
    EXPECT(closes.code, OVO_OK);
    EXPECT(ovo_client_close_within(pays.client, 0), OVO_ERR_BAD_HANDLE);
    must(ovo_client_close_within(NULL, 0), "NULL");
    pays.client = open_and_free(sandbox_config(journal));
    must(ovo_find(pays.client, "INV-F7-LUNCH", &record, &outcome), "finding");
    EXPECT(outcome.kind, OVO_PAID);
    must(ovo_client_close(pays.client), "closing");
    return 0;
}

static ovo_client *contested;

static void *uses(void *count)
{
    int *refused = count;
    for (;;) {
        ovo_list *list = NULL;
        int64_t next;
        int32_t code = ovo_unacknowledged(contested, &list);
        if (code == OVO_OK) {
            size_t length;
            must(ovo_list_length(list, &length), "length");
            must(ovo_list_free(list), "freeing");
            code = ovo_next_settlement(contested, &next);
        }
        if (code == OVO_ERR_BAD_HANDLE || code == OVO_ERR_CLOSED) {
            ++*refused;
            return NULL;
        }
        EXPECT(code, OVO_OK);
    }
}

static int close_under_load(void)
{
    int round, i;
    for (round = 0; round < 20; round++) {
        pthread_t threads[4];
        int refused[4] = {0, 0, 0, 0};
        contested = open_and_free(sandbox_config(journal));
        for (i = 0; i < 4; i++)
            EXPECT(pthread_create(&threads[i], NULL, uses, &refused[i]), 0);
        pause_ms(5);
        must(ovo_client_close(contested), "closing");
        for (i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            EXPECT(refused[i], 1);
        }
    }
    return 0;
}

/* A signal every millisecond, with system calls that are not restarted. */
static volatile sig_atomic_t signals;

static void counts(int signal)
{
    (void)signal;
    signals++;
}

static int signal_storm(void)
{
    ovo_client *client = open_and_free(sandbox_config(journal));
    ovo_charge charge = charge_of("INV-F8", "081200000140"); /* approves after 40 seconds */
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    struct sigaction action;
    struct itimerval every, never;
    struct rusage before, after;
    long busy_ms;

    memset(&action, 0, sizeof action);
    action.sa_handler = counts;
    sigaction(SIGALRM, &action, NULL);
    memset(&every, 0, sizeof every);
    memset(&never, 0, sizeof never);
    every.it_interval.tv_usec = every.it_value.tv_usec = 1000;
    getrusage(RUSAGE_SELF, &before);
    setitimer(ITIMER_REAL, &every, NULL);
    must(ovo_pay(client, &charge, &outcome), "paying");
    setitimer(ITIMER_REAL, &never, NULL);
    getrusage(RUSAGE_SELF, &after);
    EXPECT(outcome.kind, OVO_PAID);
    EXPECT(signals > 100, 1);
    busy_ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
              (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000;
    printf("%ld signals, %ld ms of CPU\n", (long)signals, busy_ms);
    must(ovo_client_close(client), "closing");
    return 0;
}

static volatile sig_atomic_t ends;

/* Opening and closing a journal takes the locks that all of SQLite's connections share. */
static void *opens_and_closes(void *config)
{
    ovo_client *client = NULL;
    while (!ends) {
        must(ovo_client_open(config, &client), "opening another one");
        must(ovo_client_close(client), "closing it");
    }
    return NULL;
}

/* A child has the parent's memory and none of its threads. */
static void fork_once(ovo_config *config, ovo_client *client, ovo_list *list)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        char own[4096];
        ovo_config *mine;
        size_t length;
        alarm(30); /* A lock that nobody releases ends the test, and does not last for ever. */
        EXPECT(ovo_settle(client, NULL), OVO_ERR_FORKED);
        EXPECT(ovo_client_close(client), OVO_ERR_FORKED);
        EXPECT(ovo_list_length(list, &length), OVO_ERR_FORKED);
        EXPECT(ovo_config_free(config), OVO_ERR_FORKED);
        /* A client of its own, with a journal of its own. */
        snprintf(own, sizeof own, "%s.%d", journal, (int)getpid());
        mine = sandbox_config(own);
        client = open_and_free(mine);
        must(ovo_settle(client, NULL), "settling in the child");
        must(ovo_client_close(client), "closing in the child");
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0), child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, 1);
    must(ovo_settle(client, NULL), "the parent is not affected");
}

static int forked(void)
{
    ovo_config *config = sandbox_config(journal);
    ovo_client *client = NULL;
    ovo_list *list = NULL;
    ovo_config *others;
    char name[4096];
    pthread_t busy;
    int turn;

    must(ovo_config_set_background(config, 1), "background");
    must(ovo_client_open(config, &client), "opening");
    must(ovo_unacknowledged(client, &list), "listing");
    /* What that thread holds at a fork, the child has as it is. */
    snprintf(name, sizeof name, "%s.other", journal);
    others = sandbox_config(name);
    EXPECT(pthread_create(&busy, NULL, opens_and_closes, others), 0);
    for (turn = 0; turn < 50; turn++)
        fork_once(config, client, list);
    ends = 1;
    EXPECT(pthread_join(busy, NULL), 0);
    must(ovo_config_free(others), "freeing");
    must(ovo_list_free(list), "freeing");
    must(ovo_client_close(client), "closing");
    must(ovo_config_free(config), "freeing");
    return 0;
}

/* What a failure was about: the field, the payment in the way, the time to wait. */
static int facts_of_failures(void)
{
    ovo_client *client = open_and_free(sandbox_config(journal));
    ovo_charge charge = charge_of("INV-FACTS", "081200009103"); /* no answer ever comes */
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_error_facts facts = OVO_ERROR_FACTS_INIT;

    must(ovo_last_error_facts(&facts), "before any failure");
    EXPECT(facts.code, OVO_OK);
    must(ovo_pay(client, &charge, &outcome), "paying");
    EXPECT(outcome.kind, OVO_NOT_COMPLETED);

    charge.invoice = "INV-FACTS-2";
    EXPECT(ovo_pay(client, &charge, &outcome), OVO_ERR_UNSETTLED_CUSTOMER);
    must(ovo_last_error_facts(&facts), "facts");
    EXPECT(facts.code, OVO_ERR_UNSETTLED_CUSTOMER);
    EXPECT(strcmp(facts.invoice, "INV-FACTS"), 0);
    EXPECT(facts.retry_after_ms > 0, 1);
    EXPECT(strstr(ovo_client_error(client), "second push") == NULL, 1);

    charge.amount = 0;
    EXPECT(ovo_pay(client, &charge, &outcome), OVO_ERR_INVALID_INPUT);
    must(ovo_last_error_facts(&facts), "facts");
    EXPECT(strcmp(facts.field, "amount"), 0);
    EXPECT(facts.invoice[0], 0);
    EXPECT(facts.retry_after_ms, 0);

    EXPECT(ovo_acknowledge(client, "INV-NONE"), OVO_ERR_NOT_FOUND);
    must(ovo_last_error_facts(&facts), "facts");
    EXPECT(strcmp(facts.invoice, "INV-NONE"), 0);
    EXPECT(ovo_acknowledge(client, NULL), OVO_ERR_NULL);
    must(ovo_last_error_facts(&facts), "facts");
    EXPECT(strcmp(facts.field, "invoice"), 0);
    must(ovo_client_close(client), "closing");
    return 0;
}

/* A setting that failed is told again by opening, until it is made well. */
static int failed_settings(void)
{
    ovo_config *config = sandbox_config(journal);
    ovo_client *client = NULL;
    char detail[512];

    EXPECT(ovo_config_set_credentials_from_file(config, "/nonexistent.toml"), OVO_ERR_CONFIGURATION);
    snprintf(detail, sizeof detail, "%s", ovo_last_error());
    EXPECT(ovo_config_set_late_success(config, 0), OVO_ERR_INVALID_INPUT);
    EXPECT(ovo_client_open(config, &client), OVO_ERR_CONFIGURATION);
    EXPECT(client == NULL, 1);
    EXPECT(strcmp(ovo_last_error(), detail), 0);
    must(ovo_config_set_credentials_from_environment(config), "the same setting, made well");
    EXPECT(ovo_client_open(config, &client), OVO_ERR_INVALID_INPUT);
    must(ovo_config_set_late_success(config, OVO_LATE_ACCEPT), "the other one");
    must(ovo_client_close(open_and_free(config)), "closing");
    return 0;
}

/* Without threads. */
static int no_threads(void)
{
    ovo_client *client = open_and_free(sandbox_config(journal));
    ovo_charge charge = charge_of("INV-NT", "081200000000");
    ovo_payment *payment = NULL;
    ovo_record record = OVO_RECORD_INIT;
    EXPECT(ovo_start(client, &charge, &payment), OVO_ERR_NO_THREADS);
    EXPECT(payment == NULL, 1);
    EXPECT(ovo_find(client, "INV-NT", &record, NULL), OVO_ERR_NOT_FOUND);
    must(ovo_client_close(client), "closing");
    return 0;
}

/* A wrong signature, which this host accepts or refuses: once in 24 hours. */
static int probes(int32_t expected, const char *meaning)
{
    ovo_client *client = open_and_free(sandbox_config(journal));
    ovo_error_facts facts = OVO_ERROR_FACTS_INIT;
    int32_t wrong = 0;
    char report[2048];
    size_t needed = 0;

    must(ovo_probe_signature(client, &wrong, report, sizeof report, &needed), "probing");
    EXPECT(wrong, expected);
    EXPECT(strstr(report, meaning) != NULL, 1);
    EXPECT(needed, strlen(report) + 1);
    EXPECT(ovo_probe_signature(client, &wrong, NULL, 0, NULL), OVO_ERR_REFUSED);
    EXPECT(wrong, 0);
    must(ovo_last_error_facts(&facts), "facts");
    EXPECT(facts.retry_after_ms > 0, 1);
    must(ovo_client_close(client), "closing");
    /* The journal remembers it. */
    client = open_and_free(sandbox_config(journal));
    EXPECT(ovo_probe_signature(client, &wrong, NULL, 0, NULL), OVO_ERR_REFUSED);
    must(ovo_client_close(client), "closing");
    return 0;
}

static int probes_a_careful_host(void)
{
    return probes(OVO_PROBE_REFUSED, "the host checks signatures");
}

static int probes_a_careless_host(void)
{
    return probes(OVO_PROBE_ACCEPTED, "the host checks no signature");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } cases[] = {
        {"dead_handles", dead_handles},
        {"broken_texts", broken_texts},
        {"other_versions", other_versions},
        {"reentry", reentry},
        {"transports", transports},
        {"signed_behind_connecting", signed_behind_connecting},
        {"given_up_while_dialling", given_up_while_dialling},
        {"close_while_waiting", close_while_waiting},
        {"close_with_a_grace", close_with_a_grace},
        {"close_under_load", close_under_load},
        {"signal_storm", signal_storm},
        {"forked", forked},
        {"facts_of_failures", facts_of_failures},
        {"failed_settings", failed_settings},
        {"no_threads", no_threads},
        {"probes_a_careful_host", probes_a_careful_host},
        {"probes_a_careless_host", probes_a_careless_host},
    };
    size_t i;
    if (argc == 3) {
        journal = argv[1];
        for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
            if (strcmp(cases[i].name, argv[2]) == 0)
                return cases[i].run();
    }
    fprintf(stderr, "faults JOURNAL CASE\n");
    return 2;
}
