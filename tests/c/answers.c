/* What a call says when something fails behind its first byte, or fails altogether: a code means that
 * nothing was started. ffi/tests/answers.rs runs the cases and holds OVO's ledger beside them.
 *
 *   answers JOURNAL prepare FUNCTION       brings about what the function needs
 *   answers JOURNAL act FUNCTION FAILURE   calls it, with this failure behind its first byte
 *   answers JOURNAL recover                settles what is left, and acknowledges what is decided
 *   answers JOURNAL forgetful N            pays through a transport that forgets what to tell
 *   answers JOURNAL cleared                fails every call that has results, with old ones in them
 *
 * The failure is brought about by the modem when it has written the last byte of the function's own
 * request; of a cancel, which sends nothing, that is the push.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "modem.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

static const char *journal, *function, *failure = "nothing";
static struct modem modem;
static ovo_client *client;
static pthread_t caller, closer;
static int armed, left, closing;
/* The failure stands; what comes next meets it. */
static volatile int failed;
static volatile sig_atomic_t signals;

static int is(const char *text, const char *other)
{
    return strcmp(text, other) == 0;
}

/* Whether it gives the payment up. */
static int gives_up(void)
{
    return is(function, "pay_with") || is(function, "cancel") || is(function, "payment_cancel");
}

static void pause_ms(long milliseconds)
{
    struct timespec pause;
    pause.tv_sec = milliseconds / 1000;
    pause.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

/* ------------------------------------------------------------------------------- the failures -- */

/* Memory that is used up: the library's allocations come here, too. */
static volatile int no_memory;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *malloc(size_t size)
{
    return no_memory ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return no_memory ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return no_memory ? NULL : __libc_realloc(at, size);
}

static void counts(int signal)
{
    (void)signal;
    signals++;
}

static void *closes(void *unused)
{
    (void)unused;
    must(ovo_client_close(client), "closing");
    return NULL;
}

/* Every handle that there is; some functions have taken theirs before. */
static void fill_the_table(void)
{
    ovo_config *one = NULL;
    int32_t code;
    do
        code = ovo_config_new(OVO_VERSION_NUMBER, &one);
    while (code == OVO_OK);
    if (code != OVO_ERR_TOO_MANY_HANDLES)
        must(code, "filling the table");
}

static void *fills(void *unused)
{
    (void)unused;
    fill_the_table();
    return NULL;
}

static void fails(void)
{
    if (is(failure, "journal")) {
        /* Not a byte goes into a file any more. */
        struct rlimit none = {0, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &none);
    } else if (is(failure, "table") && gives_up()) {
        /* Not on this thread, which is inside a callback. */
        pthread_t filler;
        if (pthread_create(&filler, NULL, fills, NULL) != 0)
            exit(2);
        pthread_join(filler, NULL);
    } else if (is(failure, "close")) {
        closing = 1;
        if (pthread_create(&closer, NULL, closes, NULL) != 0)
            exit(2);
        pause_ms(20);
    } else if (is(failure, "signal")) {
        struct sigaction action;
        struct itimerval every;
        memset(&action, 0, sizeof action);
        action.sa_handler = counts;
        sigaction(SIGALRM, &action, NULL);
        memset(&every, 0, sizeof every);
        every.it_interval.tv_usec = every.it_value.tv_usec = 1000;
        setitimer(ITIMER_REAL, &every, NULL);
    } else if (is(failure, "cancel")) {
        pthread_cancel(caller);
    } else if (is(failure, "memory")) {
        no_memory = 1;
    }
}

static void written(int32_t operation)
{
    int32_t own = is(function, "void") ? OVO_OP_VOID
                  : is(function, "check_void") ? OVO_OP_CHECK_VOID
                  : is(function, "settle") ? OVO_OP_REVERSAL
                                           : OVO_OP_PUSH_TO_PAY;
    if (armed && operation == own) {
        armed = 0;
        left = 1;
        fails();
        failed = 1;
    }
}

/* -------------------------------------------------------------------------------- the library -- */

static ovo_client *opened(ovo_transport_fn transport)
{
    ovo_config *config = NULL;
    const char *url = setting("SANDBOX_HTTP_URL");
    if (sscanf(url, "http://127.0.0.1:%d", &modem.port) != 1)
        exit(2);
    must(ovo_config_new(OVO_VERSION_NUMBER, &config), "configuration");
    must(ovo_config_set_environment(config, url), "environment");
    must(ovo_config_set_credentials_from_environment(config), "credentials");
    must(ovo_config_set_journal(config, journal), "journal");
    must(ovo_config_set_transport(config, transport, &modem), "transport");
    must(ovo_config_set_time_scale(config, atof(setting("SANDBOX_TIME_SCALE"))), "time scale");
    must(ovo_config_set_settle_rate(config, 1000), "rate");
    must(ovo_config_set_threads(config, 1), "threads");
    return open_and_free(config);
}

static ovo_charge charge_of(const char *invoice, const char *phone)
{
    ovo_charge charge = OVO_CHARGE_INIT;
    charge.invoice = invoice;
    charge.amount = 1000;
    charge.phone = phone;
    return charge;
}

#define APPROVES_AFTER_10_S "081200000110"
#define DEBITED_AND_NO_ANSWER "081200009530"
/* Behind the status check: no answer comes before the cancel, however slow the machine is. */
#define DEBITED_LATE "081200009503"

static ovo_charge own_charge(void)
{
    return charge_of("INV-A", gives_up() ? DEBITED_LATE : APPROVES_AFTER_10_S);
}

static int prepare(void)
{
    ovo_charge charge = charge_of("INV-A", APPROVES_AFTER_10_S);
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_void_result result = OVO_VOID_RESULT_INIT;

    client = opened(carry);
    if (is(function, "settle"))
        charge.phone = DEBITED_AND_NO_ANSWER;
    if (!is(function, "pay") && !is(function, "start") && !gives_up())
        must(ovo_pay(client, &charge, &outcome), "paying");
    if (is(function, "check_void")) {
        must(ovo_void(client, charge.invoice, &result), "voiding");
        if (result.state != OVO_VOID_PENDING)
            return 1;
    }
    must(ovo_client_close(client), "closing");
    return 0;
}

static int32_t countdown(void *userdata, int32_t phase, uint32_t remaining_ms)
{
    (void)userdata;
    (void)phase;
    (void)remaining_ms;
    return failed ? OVO_CANCEL : OVO_GO_ON;
}

/* Gives a payment up that is under way on a thread of its own, by its handle or by its invoice. */
static int32_t starts_and_cancels(const ovo_charge *charge, ovo_outcome *outcome)
{
    ovo_payment *payment = NULL;
    int state;
    /* The waiting has cancellation points; the call shall meet it. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    must(ovo_start(client, charge, &payment), "starting");
    while (!failed)
        pause_ms(1);
    pthread_setcancelstate(state, NULL);
    if (is(function, "cancel"))
        return ovo_cancel(client, charge->invoice, outcome);
    return ovo_payment_cancel(payment, outcome);
}

/* The call, on a thread that can be cancelled. */
static void *calls(void *unused)
{
    ovo_charge charge = own_charge();
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_void_result result = OVO_VOID_RESULT_INIT;
    ovo_payment *payment = NULL;
    ovo_list *changed = NULL;
    int32_t code;

    (void)unused;
    caller = pthread_self();
    armed = 1;
    if (is(failure, "table") && !gives_up())
        fill_the_table();
    if (is(function, "pay")) {
        code = ovo_pay(client, &charge, &outcome);
    } else if (is(function, "pay_with")) {
        code = ovo_pay_with(client, &charge, countdown, NULL, &outcome);
    } else if (gives_up()) {
        code = starts_and_cancels(&charge, &outcome);
    } else if (is(function, "start")) {
        code = ovo_start(client, &charge, &payment);
        if (code == OVO_OK)
            code = ovo_wait(payment, -1, &outcome);
    } else if (is(function, "void")) {
        code = ovo_void(client, charge.invoice, &result);
    } else if (is(function, "check_void")) {
        code = ovo_check_void(client, charge.invoice, &result);
    } else {
        /* Until the reversal has left. */
        do {
            int64_t next = 0;
            code = ovo_next_settlement(client, &next);
            /* Below 0 nothing is owed: what was prepared was not what this is for. */
            if (code != OVO_OK || next < 0)
                break;
            pause_ms(next > 20 ? 20 : (long)next);
            code = ovo_settle(client, &changed);
            if (code == OVO_OK)
                ovo_list_free(changed);
        } while (code == OVO_OK && !left);
    }
    no_memory = 0;
    /* What follows are cancellation points. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    printf("%s outcome %d void %d left %d\n", ovo_code_name(code), (int)outcome.kind,
           (int)result.state, left);
    fflush(stdout);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    return NULL;
}

static int act(void)
{
    pthread_t thread;
    struct itimerval never;
    void *ended = NULL;

    modem.written = written;
    client = opened(carry);
    if (pthread_create(&thread, NULL, calls, NULL) != 0)
        return 2;
    pthread_join(thread, &ended);
    memset(&never, 0, sizeof never);
    setitimer(ITIMER_REAL, &never, NULL);
    if (closing)
        pthread_join(closer, NULL);
    else
        ovo_client_close(client);
    if (ended == PTHREAD_CANCELED)
        printf("cancelled behind the call\n");
    return 0;
}

/* What a till does after a restart, until nothing is left to settle. */
static int recover(void)
{
    ovo_charge charge = own_charge();
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_list *changed = NULL;
    int rounds = 0;

    client = opened(carry);
    if (ovo_find(client, charge.invoice, &record, &outcome) == OVO_ERR_NOT_FOUND) {
        printf("recovered nothing\n");
        return 0;
    }
    if (outcome.kind == OVO_PENDING) {
        must(ovo_pay(client, &charge, &outcome), "taking up");
    }
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");
    do {
        pause_ms(10);
        must(ovo_settle(client, &changed), "settling");
        must(ovo_list_free(changed), "freeing");
        must(ovo_find(client, charge.invoice, &record, &outcome), "finding");
    } while (!record.settled && !record.needs_operator && rounds++ < 3000);
    printf("recovered %s%s\n", ovo_outcome_name(outcome.kind), outcome.voided ? " voided" : "");
    must(ovo_client_close(client), "closing");
    return 0;
}

/* ------------------------------------------------------------------ transports that forget (F16) */

static int variant;

/* Writes the request, reads the answer, and tells of it what the variant says. */
static int32_t forgetful(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    struct modem *own = userdata;
    char *answer = malloc(ANSWER);
    size_t length = 0;
    int line = dial(own->port);
    int32_t end;

    if (request->operation != OVO_OP_PUSH_TO_PAY || variant == 0) {
        if (line >= 0)
            close(line);
        free(answer);
        /* 0: begins, tells of nothing, and nothing went wrong. */
        if (request->operation == OVO_OP_PUSH_TO_PAY)
            ovo_exchange_begin(exchange);
        return request->operation == OVO_OP_PUSH_TO_PAY ? 0 : OVO_EXCHANGE_NO_ANSWER;
    }
    if (variant != 2)
        ovo_exchange_begin(exchange);
    if (line < 0 || write_request(line, own, request) != 0)
        exit(2);
    for (;;) {
        ssize_t got = read(line, answer + length, ANSWER - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    close(line);
    end = hand_over(exchange, answer, length);
    free(answer);
    switch (variant) {
    case 1: /* forgets ovo_exchange_sent, and returns 0 because nothing went wrong */
        return 0;
    case 2: /* forgets ovo_exchange_begin as well */
        return 0;
    case 3: /* says that nothing left, behind an answer */
        return OVO_EXCHANGE_NOT_SENT;
    case 4: /* says that nothing left, behind the permission to write */
        return OVO_EXCHANGE_NOT_SENT;
    default:
        return end;
    }
}

static int forgets(const char *which)
{
    ovo_charge charge = charge_of("INV-A", "081200000000");
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    variant = atoi(which);
    client = opened(forgetful);
    must(ovo_pay(client, &charge, &outcome), "paying");
    printf("%s\n", ovo_outcome_name(outcome.kind));
    must(ovo_client_close(client), "closing");
    return 0;
}

/* --------------------------------------------------------------- results of a failed call (F15) */

static int stale;

/* All bytes of a result but its size. */
static void is_clear(const char *what, const void *place, size_t from, size_t size)
{
    const unsigned char *bytes = place;
    for (; from < size; from++)
        if (bytes[from] != 0) {
            fprintf(stderr, "%s: byte %lu is left\n", what, (unsigned long)from);
            stale++;
            return;
        }
}

#define FILL(place) memset((char *)&(place) + sizeof(uint32_t), '1', sizeof(place) - sizeof(uint32_t))
#define CLEAR(what, place) is_clear(what, &(place), sizeof(uint32_t), sizeof(place))

static int cleared(void)
{
    ovo_charge charge = charge_of("INV-1", "081200000000");
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_void_result result = OVO_VOID_RESULT_INIT;
    ovo_response_code looked_up = OVO_RESPONSE_CODE_INIT;
    ovo_diagnosis diagnosis = OVO_DIAGNOSIS_INIT;
    ovo_payment *payment;
    ovo_list *list;
    ovo_client *another;
    ovo_config *config;
    int64_t next;
    int32_t number;
    size_t size;
    char text[16];

    client = opened(carry);
    must(ovo_pay(client, &charge, &outcome), "paying");
    if (outcome.kind != OVO_PAID)
        return 1;
    /* The last outcome is in the struct; the next call fails. */
    charge = charge_of("INV-2", "0215551234");
    if (ovo_pay(client, &charge, &outcome) != OVO_ERR_INVALID_INPUT)
        return 1;
    CLEAR("ovo_pay", outcome);

    FILL(result), number = ovo_void(client, "NOPE", &result);
    if (number != OVO_ERR_NOT_FOUND)
        return 1;
    CLEAR("ovo_void", result);
    FILL(result), ovo_check_void(client, "NOPE", &result);
    CLEAR("ovo_check_void", result);
    number = 1, FILL(record), ovo_check(client, "NOPE", NULL, &number, &record);
    is_clear("ovo_check", &number, 0, sizeof number);
    CLEAR("ovo_check", record);
    FILL(record), FILL(outcome), ovo_find(client, "NOPE", &record, &outcome);
    CLEAR("ovo_find", record);
    CLEAR("ovo_find", outcome);
    FILL(record), ovo_rule(client, "INV-1", OVO_RULE_PAID, "no reason", &record);
    CLEAR("ovo_rule", record);
    FILL(record), ovo_report_paid(client, "NOPE", &record);
    CLEAR("ovo_report_paid", record);
    FILL(looked_up), ovo_response_code_lookup("not a code", &looked_up);
    CLEAR("ovo_response_code_lookup", looked_up);
    FILL(looked_up), ovo_response_code_at(100000, &looked_up);
    CLEAR("ovo_response_code_at", looked_up);
    memset(text, '1', sizeof text), size = 1, ovo_phone_normalise("x", text, sizeof text, &size);
    is_clear("ovo_phone_normalise", text, 0, 1);
    is_clear("ovo_phone_normalise", &size, 0, sizeof size);
    memset(text, '1', sizeof text), ovo_rupiah_print(0, text, sizeof text, &size);
    is_clear("ovo_rupiah_print", text, 0, 1);

    must(ovo_unacknowledged(client, &list), "listing");
    FILL(record), FILL(outcome), ovo_list_get(list, 99, &record, &outcome);
    CLEAR("ovo_list_get", record);
    CLEAR("ovo_list_get", outcome);
    must(ovo_list_free(list), "freeing");
    size = 1, ovo_list_length(list, &size);
    is_clear("ovo_list_length", &size, 0, sizeof size);

    /* An argument may stand in the very struct that gets the result. */
    must(ovo_find(client, "INV-1", &record, NULL), "finding");
    must(ovo_find(client, record.invoice, &record, &outcome), "finding again");
    if (outcome.kind != OVO_PAID || !is(outcome.invoice, "INV-1"))
        return 1;
    memset(text, 0, sizeof text), strcpy(text, "+62812000000");
    must(ovo_phone_normalise(text, text, sizeof text, NULL), "in place");

    /* A client that is closed fails everything. */
    must(ovo_client_close(client), "closing");
    charge = charge_of("INV-3", "081200000000");
    FILL(outcome), ovo_pay(client, &charge, &outcome);
    CLEAR("ovo_pay", outcome);
    payment = (ovo_payment *)(void *)text, ovo_start(client, &charge, &payment);
    is_clear("ovo_start", &payment, 0, sizeof payment);
    FILL(outcome), ovo_poll(payment, &outcome);
    CLEAR("ovo_poll", outcome);
    FILL(outcome), ovo_wait(payment, 0, &outcome);
    CLEAR("ovo_wait", outcome);
    list = (ovo_list *)(void *)text, ovo_settle(client, &list);
    is_clear("ovo_settle", &list, 0, sizeof list);
    list = (ovo_list *)(void *)text, ovo_list_payments(client, NULL, &list);
    is_clear("ovo_list_payments", &list, 0, sizeof list);
    list = (ovo_list *)(void *)text, ovo_unacknowledged(client, &list);
    is_clear("ovo_unacknowledged", &list, 0, sizeof list);
    next = 1, ovo_next_settlement(client, &next);
    is_clear("ovo_next_settlement", &next, 0, sizeof next);
    number = 1, ovo_inquire(client, "081200000000", &number);
    is_clear("ovo_inquire", &number, 0, sizeof number);
    FILL(diagnosis), ovo_doctor(client, &diagnosis, NULL, 0, NULL);
    CLEAR("ovo_doctor", diagnosis);
    another = (ovo_client *)(void *)text, ovo_client_open(NULL, &another);
    is_clear("ovo_client_open", &another, 0, sizeof another);
    config = (ovo_config *)(void *)text, ovo_config_new(-1, &config);
    is_clear("ovo_config_new", &config, 0, sizeof config);
    return stale;
}

int main(int argc, char **argv)
{
    if (argc >= 3) {
        journal = argv[1];
        function = argc > 3 ? argv[3] : "";
        if (is(argv[2], "prepare"))
            return prepare();
        if (is(argv[2], "act") && argc == 5) {
            failure = argv[4];
            return act();
        }
        if (is(argv[2], "recover"))
            return recover();
        if (is(argv[2], "forgetful"))
            return forgets(function);
        if (is(argv[2], "cleared"))
            return cleared();
    }
    fprintf(stderr, "answers JOURNAL CASE...\n");
    return 2;
}
