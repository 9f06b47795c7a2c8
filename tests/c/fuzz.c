/* Calls the library at random: functions, order, arguments, closed and made-up handles. Nothing may
 * crash, hang or leak; run under the address sanitizer. The same seed makes the same calls.
 *
 *   fuzz JOURNAL SECONDS SEED
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <time.h>
#include <unistd.h>

#define KEPT 8

static uint64_t state;

static uint32_t any(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

static ovo_config *configs[KEPT];
static ovo_client *clients[KEPT];
static ovo_payment *payments[KEPT];
static ovo_list *lists[KEPT];
static char noise[8192];
static long calls_made;

/* One of the kept handles, dead or alive, or something that never was one. */
#define HANDLE(type, kept)                                                                         \
    (any(12) == 0 ? (type *)(void *)(noise + any(64)) : any(12) == 0 ? NULL : (kept)[any(KEPT)])

static const char *text(void)
{
    static const char *const texts[] = {"INV-1", "INV-2", "INV-3", "081200000000", "081200001700",
                                        "+62 812 0000 9000", "", "\xff\xfe", "00", "17", "Z9",
                                        "staging", "A B", "reason", "/nonexistent/x.toml"};
    uint32_t choice = any(20);
    if (choice == 0)
        return NULL;
    if (choice == 1)
        return noise; /* long, and ended at its end */
    return texts[any(sizeof texts / sizeof texts[0])];
}

static int32_t number(void)
{
    static const int32_t numbers[] = {0, 1, 2, 3, 4, -1, 100, 65536, INT32_MAX, INT32_MIN};
    return numbers[any(10)];
}

/* A transport that answers with whatever it likes. */
static int32_t carry(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    char body[512];
    uint32_t wait;
    int length;
    (void)userdata;
    if (any(6) == 0)
        return OVO_EXCHANGE_NOT_SENT;
    if (any(12) != 0)
        ovo_exchange_begin(exchange);
    if (any(12) != 0)
        ovo_exchange_sent(exchange);
    while (any(3) == 0)
        ovo_exchange_wait(exchange, &wait);
    if (any(8) == 0)
        ovo_settle(clients[any(KEPT)], NULL);
    if (any(8) == 0)
        ovo_exchange_headers(exchange, (int64_t)number(), any(100));
    if (any(8) == 0)
        ovo_exchange_explain(exchange, text());
    length = snprintf(body, sizeof body, "{\"responseCode\":\"%02u\",\"type\":\"0210\"%s",
                      (unsigned)any(100), any(4) == 0 ? "" : "}");
    if (request->operation == OVO_OP_INQUIRY)
        length = snprintf(body, sizeof body, "{\"responseCode\":\"00\"}");
    ovo_exchange_answer(exchange, 200 + (int)any(400), (const uint8_t *)body, (size_t)length);
    return (int32_t)any(4);
}

static void logged(void *userdata, int32_t level, const char *invoice, const char *message)
{
    (void)userdata;
    (void)level;
    (void)invoice;
    if (message == NULL)
        abort();
    if (any(16) == 0)
        ovo_client_close(clients[any(KEPT)]);
}

static void open_one(const char *journal)
{
    uint32_t place = any(KEPT);
    char path[4096];
    ovo_config *config = NULL;
    snprintf(path, sizeof path, "%s.%u", journal, (unsigned)any(KEPT));
    must(ovo_config_new(OVO_VERSION_NUMBER, &config), "configuration");
    must(ovo_config_set_environment(config, "http://127.0.0.1:9"), "environment");
    must(ovo_config_set_credentials_from_environment(config), "credentials");
    must(ovo_config_set_journal(config, path), "journal");
    must(ovo_config_set_time_scale(config, 0.0005), "scale");
    must(ovo_config_set_settle_rate(config, 100000), "rate");
    must(ovo_config_set_transport(config, carry, NULL), "transport");
    must(ovo_config_set_log(config, logged, NULL), "log");
    must(ovo_config_set_threads(config, 0), "threads");
    ovo_client_close(clients[place]);
    ovo_config_free(configs[place]);
    configs[place] = config;
    ovo_client_open(config, &clients[place]);
}

static void call_one(const char *journal)
{
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_filter filter = OVO_FILTER_INIT;
    ovo_void_result result = OVO_VOID_RESULT_INIT;
    ovo_diagnosis diagnosis = OVO_DIAGNOSIS_INIT;
    ovo_response_code code = OVO_RESPONSE_CODE_INIT;
    char buffer[32], invoice[32];
    int32_t small = 0;
    int64_t large = 0;
    size_t length = 0;
    uint32_t place = any(KEPT);

    snprintf(invoice, sizeof invoice, "INV-%u", (unsigned)any(400));
    charge.invoice = any(4) == 0 ? text() : invoice;
    charge.amount = any(4) == 0 ? number() : 1000;
    snprintf(buffer, sizeof buffer, "0812000%05u", (unsigned)any(100000));
    charge.phone = any(4) == 0 ? text() : buffer;
    charge.allow_second_push = (int32_t)any(3);
    if (any(16) == 0)
        charge.tid = text();
    if (any(16) == 0)
        charge.size = any(5000);
    if (any(16) == 0)
        outcome.size = any(700); /* never more than there is */
    filter.unsettled = (int32_t)any(3);
    filter.limit = any(20);
    filter.newest_first = (int32_t)any(3);
    calls_made++;
    switch (any(42)) {
    case 0: open_one(journal); break;
    case 1: ovo_config_free(HANDLE(ovo_config, configs)); break;
    case 2: ovo_client_close(HANDLE(ovo_client, clients)); break;
    case 3: ovo_payment_free(HANDLE(ovo_payment, payments)); break;
    case 4: case 5: ovo_list_free(HANDLE(ovo_list, lists)); break;
    case 6: case 7: case 8:
        if (charge.size <= sizeof charge)
            ovo_pay(HANDLE(ovo_client, clients), &charge, &outcome);
        break;
    case 9:
        if (charge.size <= sizeof charge)
            ovo_start(HANDLE(ovo_client, clients), &charge, &payments[place]);
        break;
    case 10: ovo_poll(HANDLE(ovo_payment, payments), &outcome); break;
    case 11: ovo_wait(HANDLE(ovo_payment, payments), (int32_t)any(5), &outcome); break;
    case 12: case 13:
        ovo_list_free(lists[place]);
        ovo_settle(HANDLE(ovo_client, clients), any(2) ? &lists[place] : NULL);
        break;
    case 14:
        ovo_list_free(lists[place]);
        ovo_unacknowledged(HANDLE(ovo_client, clients), &lists[place]);
        break;
    case 15:
        ovo_list_free(lists[place]);
        ovo_list_payments(HANDLE(ovo_client, clients), any(3) ? &filter : NULL, &lists[place]);
        break;
    case 16: ovo_list_length(HANDLE(ovo_list, lists), &length); break;
    case 17: ovo_list_get(HANDLE(ovo_list, lists), any(5), &record, &outcome); break;
    case 18: ovo_acknowledge(HANDLE(ovo_client, clients), charge.invoice); break;
    case 19: ovo_find(HANDLE(ovo_client, clients), charge.invoice, &record, &outcome); break;
    case 20: ovo_check(HANDLE(ovo_client, clients), charge.invoice, text(), &small, &record); break;
    case 21: ovo_void(HANDLE(ovo_client, clients), charge.invoice, &result); break;
    case 22: ovo_check_void(HANDLE(ovo_client, clients), charge.invoice, &result); break;
    case 23: ovo_rule(HANDLE(ovo_client, clients), charge.invoice, number(), text(), &record); break;
    case 24: ovo_report_paid(HANDLE(ovo_client, clients), charge.invoice, &record); break;
    case 25: ovo_next_settlement(HANDLE(ovo_client, clients), &large); break;
    case 26: ovo_doctor(HANDLE(ovo_client, clients), &diagnosis, buffer, any(32), &length); break;
    case 27: ovo_inquire(HANDLE(ovo_client, clients), text(), &small); break;
    case 28: ovo_config_set_trust_pem(HANDLE(ovo_config, configs), (uint8_t *)noise, any(8192)); break;
    case 29: ovo_config_set_environment(HANDLE(ovo_config, configs), text()); break;
    case 30: ovo_config_set_late_success(HANDLE(ovo_config, configs), number()); break;
    case 31: ovo_response_code_lookup(text(), &code); break;
    case 39: ovo_probe_signature(HANDLE(ovo_client, clients), &small, buffer, any(32), &length); break;
    case 32: ovo_phone_normalise(text(), buffer, any(32), &length); break;
    case 33:
        ovo_config_set_client_certificate_pem(HANDLE(ovo_config, configs), (uint8_t *)noise, any(8192),
                                              (uint8_t *)noise, any(8192));
        break;
    case 34: ovo_config_set_client_certificate_file(HANDLE(ovo_config, configs), text(), text()); break;
    case 35: ovo_vouch(HANDLE(ovo_client, clients), text(), &small); break;
    case 41: {
        int64_t counts[3] = {0, 0, 0};
        ovo_archive(HANDLE(ovo_client, clients), number(), text(), &counts[0],
                    any(2) ? &counts[1] : NULL, &counts[2]);
        break;
    }
    case 36: ovo_config_set_previous_app_keys(HANDLE(ovo_config, configs), text()); break;
    case 37:
        ovo_explain(HANDLE(ovo_client, clients), text(), number(), number(), buffer, any(32), &length);
        break;
    case 38: ovo_metrics_text(HANDLE(ovo_client, clients), buffer, any(32), &length); break;
    case 40: {
        ovo_reconciliation *books = NULL;
        ovo_settlement_line line = OVO_SETTLEMENT_LINE_INIT;
        ovo_reconciled found = OVO_RECONCILED_INIT;
        line.invoice = charge.invoice;
        line.amount = number();
        line.says = (int32_t)any(6);
        line.day_ms = any(2) == 0 ? 0 : number();
        if (any(4) == 0)
            ovo_reconcile_new_for(text(), text(), &books);
        else
            ovo_reconcile_new(any(4) == 0 ? text() : NULL, &books);
        ovo_reconcile_line(books, HANDLE(ovo_client, clients), &line, number(), &found);
        ovo_reconcile_missing(books, HANDLE(ovo_client, clients), number(), number(), number(), &found);
        ovo_reconcile_extra_debit(books, HANDLE(ovo_client, clients), number(), &found);
        ovo_reconcile_count(books, number(), &large, any(2) == 0 ? &large : NULL);
        ovo_reconcile_free(books);
        break;
    }
    default:
        if (ovo_strerror(number()) == NULL || ovo_client_error(HANDLE(ovo_client, clients)) == NULL ||
            ovo_customer_text(&outcome, number()) == NULL || ovo_outcome_name(number()) == NULL)
            abort();
    }
}

int main(int argc, char **argv)
{
    time_t end;
    size_t i;
    if (argc != 4) {
        fprintf(stderr, "fuzz JOURNAL SECONDS SEED\n");
        return 2;
    }
    end = time(NULL) + atoi(argv[2]);
    state = strtoull(argv[3], NULL, 10) * 2654435761u + 1;
    memset(noise, 'N', sizeof noise - 1);
    while (time(NULL) < end) {
        if (calls_made % 50 == 0)
            open_one(argv[1]);
        alarm(60); /* a call that hangs ends the program */
        call_one(argv[1]);
    }
    for (i = 0; i < KEPT; i++) {
        ovo_client_close(clients[i]);
        ovo_config_free(configs[i]);
        ovo_payment_free(payments[i]);
        ovo_list_free(lists[i]);
    }
    printf("%ld calls\n", calls_made);
    return 0;
}
