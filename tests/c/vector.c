/* One case of tests/vectors: a payment whose moment, numbers and answer are given. It prints the
 * requests as they leave, and the outcome. The terminal's modem and its clock are this program; its
 * time passes as fast as the library waits.
 */
#include "till.h"

struct bench {
    uint64_t passed;
    int64_t start;
    int uses_up_numbers;
    const char *answer;
    size_t length;
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

static int32_t carry(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    struct bench *bench = userdata;
    if (bench->uses_up_numbers)
        return OVO_EXCHANGE_NOT_SENT;
    printf("request %d %s %s %s\n", (int)request->operation, request->random, request->hmac,
           (const char *)request->body);
    if (request->operation != OVO_OP_PUSH_TO_PAY || ovo_exchange_begin(exchange) != OVO_OK)
        return OVO_EXCHANGE_NOT_SENT;
    ovo_exchange_sent(exchange);
    if (bench->answer == NULL)
        return OVO_EXCHANGE_NO_ANSWER;
    if (ovo_exchange_answer(exchange, 200, (const uint8_t *)bench->answer, bench->length) != OVO_OK)
        return OVO_EXCHANGE_NO_ANSWER;
    return OVO_EXCHANGE_ANSWERED;
}

static const char *contents(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    const size_t most = 8u << 20;
    char *bytes = malloc(most);
    if (file == NULL || bytes == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    *length = fread(bytes, 1, most, file);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    struct bench bench = {0, 0, 0, NULL, 0};
    ovo_config *config = NULL;
    ovo_client *client;
    ovo_clock clock = OVO_CLOCK_INIT;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    char invoice[16];
    int used, n;
    int32_t code, registered = 0;

    if (argc < 9) {
        fprintf(stderr, "vector JOURNAL MILLISECONDS BATCH USED SIGNING INVOICE AMOUNT PHONE [ANSWER]\n");
        return 2;
    }
    bench.start = strtoll(argv[2], NULL, 10);
    used = atoi(argv[4]);
    if (argc > 9)
        bench.answer = contents(argv[9], &bench.length);
    clock.userdata = &bench;
    clock.boottime_ms = boottime;
    clock.wall_ms = wall;
    clock.sleep_ms = rest;
    clock.boot_id = "bench";
    must(ovo_config_new(OVO_VERSION_NUMBER, &config), "configuration");
    must(ovo_config_set_environment(config, "http://127.0.0.1:9"), "environment");
    must(ovo_config_set_credentials_from_environment(config), "credentials");
    must(ovo_config_set_journal(config, argv[1]), "journal");
    must(ovo_config_set_first_batch(config, (uint32_t)atoi(argv[3])), "batch");
    must(ovo_config_set_signing(config, atoi(argv[5])), "signing");
    must(ovo_config_set_clock(config, &clock), "clock");
    must(ovo_config_set_transport(config, carry, &bench), "transport");
    client = open_and_free(config);

    bench.uses_up_numbers = 1;
    for (n = 0; n < used; n++) {
        sprintf(invoice, "USED-%d", n);
        charge.invoice = invoice;
        charge.amount = 1;
        charge.phone = "081200000000";
        must(ovo_pay(client, &charge, &outcome), "using up a number");
    }
    bench.uses_up_numbers = 0;
    charge.phone = argv[8];
    charge.amount = strtoll(argv[7], NULL, 10);
    if (charge.amount == 0) {
        code = ovo_inquire(client, charge.phone, &registered);
        printf("inquiry %d\n", (int)code);
    } else if (strcmp(argv[6], "-") != 0) {
        charge.invoice = argv[6];
        must(ovo_pay(client, &charge, &outcome), "paying");
        printf("outcome %s [%s] [%s]\n", ovo_outcome_name(outcome.kind), outcome.response_code,
               outcome.approval_code);
    }
    must(ovo_client_close(client), "closing");
    return 0;
}
