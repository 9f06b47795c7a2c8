/* One case of tests/vectors: a request of a payment whose numbers and moments are given, and the
 * host's answer to it. It prints the request as it leaves and what the library makes of the answer.
 *
 *   vector JOURNAL NAME=VALUE...
 *
 *   pushed     when the push is made, in milliseconds since 1970 UTC
 *   batch      of a fresh journal; `used`: how many of its numbers to use up before
 *   operation  the ovo_operation that the case is about; without one only numbers are used up
 *   at         the moment of its request; `voided_at`: of the void that a check void asks about
 *   signing, phone_in_reversal, invoice, amount, phone
 *   answer     a file with the host's answer; without one there is none
 *   approval   a file with the host's answer to the push, if the case is about a later request
 *   found      a file with the host's answer to the look before a reversal, or to the question behind a
 *              void that it refused
 *   forgotten  1: so late that the journal has forgotten the phone
 *
 * The terminal's modem and its clocks are this program; its time passes as fast as the library
 * waits, and its calendar is set as a case wants it.
 */
#include "till.h"

#define NO_OPERATION -1
#define OTHERS -2
#define LONG_AGO ((uint64_t)3 * 24 * 3600 * 1000)

struct text {
    char *bytes;
    size_t length;
};

struct bench {
    uint64_t passed;
    int64_t start;
    int32_t operation;
    int asked;
    struct text answer;
    struct text approval;
    struct text found;
};

static uint64_t boottime(void *userdata)
{
    struct bench *bench = userdata;
    return 1000000 + bench->passed;
}

static int64_t wall(void *userdata)
{
    struct bench *bench = userdata;
    return bench->start + (int64_t)bench->passed;
}

static void rest(void *userdata, uint32_t milliseconds)
{
    struct bench *bench = userdata;
    bench->passed += milliseconds;
}

static void set_calendar(struct bench *bench, const char *milliseconds)
{
    bench->start = strtoll(milliseconds, NULL, 10) - (int64_t)bench->passed;
}

static void logged(void *userdata, int32_t level, const char *invoice, const char *message)
{
    (void)userdata;
    (void)invoice;
    if (level >= OVO_LEVEL_ALERT)
        printf("heard %s\n", message);
}

static int32_t answered(ovo_exchange *exchange, const struct text *answer)
{
    if (ovo_exchange_begin(exchange) != OVO_OK)
        return OVO_EXCHANGE_NOT_SENT;
    ovo_exchange_sent(exchange);
    if (answer->bytes == NULL || ovo_exchange_answer(exchange, 200, (const uint8_t *)answer->bytes,
                                                     answer->length) != OVO_OK)
        return OVO_EXCHANGE_NO_ANSWER;
    return OVO_EXCHANGE_ANSWERED;
}

static int32_t carry(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    static const struct text none = {NULL, 0};
    struct bench *bench = userdata;

    if (bench->operation == NO_OPERATION)
        return OVO_EXCHANGE_NOT_SENT;
    if (request->operation == bench->operation && !bench->asked) {
        bench->asked = 1;
        printf("request %s %s %s\n", request->random, request->hmac, (const char *)request->body);
        return answered(exchange, &bench->answer);
    }
    if (request->operation == OVO_OP_PUSH_TO_PAY)
        return answered(exchange, &bench->approval);
    if (request->operation == OVO_OP_CHECK_PAYMENT && bench->found.bytes != NULL && !bench->asked)
        return answered(exchange, &bench->found);
    if (request->operation == OVO_OP_CHECK_VOID && bench->found.bytes != NULL && bench->asked)
        return answered(exchange, &bench->found);
    if (bench->asked)
        printf("then %d\n", (int)request->operation);
    else if (request->operation == OVO_OP_VOID)
        return answered(exchange, &none);
    return OVO_EXCHANGE_NOT_SENT;
}

static struct text contents(const char *path)
{
    const size_t most = 8u << 20;
    struct text text = {NULL, 0};
    FILE *file;
    if (path == NULL)
        return text;
    file = fopen(path, "rb");
    text.bytes = malloc(most);
    if (file == NULL || text.bytes == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    text.length = fread(text.bytes, 1, most, file);
    fclose(file);
    return text;
}

static const char *value(char **arguments, const char *name)
{
    size_t length = strlen(name);
    for (; *arguments != NULL; arguments++)
        if (strncmp(*arguments, name, length) == 0 && (*arguments)[length] == '=')
            return *arguments + length + 1;
    return NULL;
}

static const char *needed(char **arguments, const char *name)
{
    const char *found = value(arguments, name);
    if (found == NULL) {
        fprintf(stderr, "%s=... is missing\n", name);
        exit(2);
    }
    return found;
}

static ovo_client *opened(const char *journal, char **arguments, struct bench *bench)
{
    ovo_config *config = NULL;
    ovo_clock clock = OVO_CLOCK_INIT;
    clock.userdata = bench;
    clock.boottime_ms = boottime;
    clock.wall_ms = wall;
    clock.sleep_ms = rest;
    clock.boot_id = "bench";
    must(ovo_config_new(OVO_VERSION_NUMBER, &config), "configuration");
    must(ovo_config_set_environment(config, "http://127.0.0.1:9"), "environment");
    must(ovo_config_set_credentials_from_environment(config), "credentials");
    must(ovo_config_set_journal(config, journal), "journal");
    must(ovo_config_set_first_batch(config, (uint32_t)atoi(needed(arguments, "batch"))), "batch");
    if (value(arguments, "signing") != NULL)
        must(ovo_config_set_signing(config, atoi(value(arguments, "signing"))), "signing");
    if (value(arguments, "phone_in_reversal") != NULL)
        must(ovo_config_set_phone_in_reversal(config, 1), "phone in reversal");
    /* The look before a reversal does not delay it: the case says when it leaves. */
    must(ovo_config_set_settle_rate(config, 1000000), "settle rate");
    must(ovo_config_set_clock(config, &clock), "clock");
    must(ovo_config_set_transport(config, carry, bench), "transport");
    must(ovo_config_set_log(config, logged, NULL), "log");
    return open_and_free(config);
}

static void use_up_numbers(ovo_client *client, int count)
{
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    char invoice[16];
    int n;
    for (n = 0; n < count; n++) {
        sprintf(invoice, "USED-%d", n);
        charge.invoice = invoice;
        charge.amount = 1;
        charge.phone = "081200000000";
        must(ovo_pay(client, &charge, &outcome), "using up a number");
    }
}

static void inquire(ovo_client *client, const char *phone)
{
    int32_t registered = -1;
    int32_t code = ovo_inquire(client, phone, &registered);
    printf("inquiry %s %d\n", ovo_code_name(code), (int)registered);
}

/* When a payment is long settled, its phone is forgotten. The calendar does not notice. */
static void forget_the_phone(ovo_client *client, struct bench *bench)
{
    bench->passed += LONG_AGO;
    bench->start -= (int64_t)LONG_AGO;
    must(ovo_settle(client, NULL), "forgetting");
}

static void check(ovo_client *client, const char *invoice)
{
    int32_t at_ovo = -1;
    int32_t code = ovo_check(client, invoice, NULL, &at_ovo, NULL);
    printf("check %s %d %s\n", ovo_code_name(code), (int)at_ovo,
           code == OVO_OK ? "" : ovo_client_error(client));
}

/* Lets settlement's next request fall due, without the calendar noticing. */
static void wait_for_settlement(ovo_client *client, struct bench *bench)
{
    int64_t until = 0;
    must(ovo_next_settlement(client, &until), "what is next");
    if (until > 0) {
        bench->passed += (uint64_t)until;
        bench->start -= until;
    }
}

/* Whether a reversal was acknowledged shows in what settlement asks for next. */
static void reverse(ovo_client *client, struct bench *bench, const char *invoice)
{
    ovo_record record = OVO_RECORD_INIT;
    int looks = 0;
    while (!bench->asked && looks++ < 3) {
        wait_for_settlement(client, bench);
        must(ovo_settle(client, NULL), "reversing");
    }
    must(ovo_find(client, invoice, &record, NULL), "finding");
    printf("reversal: %s\n", record.settlement);
    wait_for_settlement(client, bench);
    must(ovo_settle(client, NULL), "settling");
}

static void print_void(int32_t code, const ovo_void_result *result)
{
    must(code, "voiding");
    printf("void %d [%s]\n", (int)result->state, result->response_code);
}

int main(int argc, char **argv)
{
    struct bench bench = {0, 0, NO_OPERATION, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_void_result voided = OVO_VOID_RESULT_INIT;
    int32_t operation;

    if (argc < 3) {
        fprintf(stderr, "vector JOURNAL NAME=VALUE...\n");
        return 2;
    }
    set_calendar(&bench, needed(argv, "pushed"));
    client = opened(argv[1], argv, &bench);
    if (value(argv, "operation") == NULL) {
        use_up_numbers(client, atoi(needed(argv, "used")));
        must(ovo_client_close(client), "closing");
        return 0;
    }
    operation = atoi(value(argv, "operation"));
    bench.answer = contents(value(argv, "answer"));
    bench.approval = contents(value(argv, "approval"));
    charge.phone = needed(argv, "phone");
    /* Until then nothing is the request in question: a payment asks for more than one check. */
    bench.operation =
        operation == OVO_OP_PUSH_TO_PAY || operation == OVO_OP_INQUIRY ? operation : OTHERS;
    if (operation == OVO_OP_INQUIRY) {
        inquire(client, charge.phone);
    } else {
        charge.invoice = needed(argv, "invoice");
        charge.amount = strtoll(needed(argv, "amount"), NULL, 10);
        must(ovo_pay(client, &charge, &outcome), "paying");
        bench.found = contents(value(argv, "found"));
        printf("outcome %s [%s]\n", ovo_outcome_name(outcome.kind), outcome.response_code);
        if (value(argv, "forgotten") != NULL)
            forget_the_phone(client, &bench);
        if (operation == OVO_OP_CHECK_VOID) {
            set_calendar(&bench, needed(argv, "voided_at"));
            must(ovo_void(client, charge.invoice, &voided), "voiding");
        }
        if (operation != OVO_OP_PUSH_TO_PAY)
            set_calendar(&bench, needed(argv, "at"));
        bench.operation = operation;
        if (operation == OVO_OP_CHECK_PAYMENT)
            check(client, charge.invoice);
        else if (operation == OVO_OP_REVERSAL)
            reverse(client, &bench, charge.invoice);
        else if (operation == OVO_OP_VOID)
            print_void(ovo_void(client, charge.invoice, &voided), &voided);
        else if (operation == OVO_OP_CHECK_VOID)
            print_void(ovo_check_void(client, charge.invoice, &voided), &voided);
    }
    must(ovo_client_close(client), "closing");
    free(bench.answer.bytes);
    free(bench.approval.bytes);
    free(bench.found.bytes);
    return 0;
}
