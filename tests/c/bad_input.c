/* Values that break rules, and hosts that are not OVO; ffi/tests/faults.rs runs the cases. */
#include "till.h"

static void logged(void *userdata, int32_t level, const char *invoice, const char *message)
{
    (void)userdata;
    (void)level;
    printf("%s %s\n", invoice == NULL ? "-" : invoice, message);
}

static int values(const char *journal)
{
    static const char *const phones[] = {"",          "021 5551234",        "+1 555 0100",
                                         "08120000000x", "0812-0000", "081200000010.0",
                                         "081200000010081200000010081200000010081200000010",
                                         "\xe2\x80\x8f" "081200000010"};
    static const char *const invoices[] = {"", "A B", "INV\r\nX: 1", "INV\"", "\xc3\xa4",
                                           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    static const int64_t amounts[] = {0, -1, INT64_MIN};
    static const char *const keys[] = {
        "", "5a4e0b0c", "5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c\n",
        "5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0x"};
    ovo_config *config = sandbox_config(journal);
    ovo_client *client;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    size_t i;
    int accepted = 0;

    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int32_t code = ovo_config_set_credentials(config, "100001", "DEMO01", "00000001",
                                                  "000000000000001", "sandbox", keys[i]);
        printf("%s\n", ovo_last_error());
        accepted += code != OVO_ERR_INVALID_INPUT;
    }
    accepted += ovo_config_set_credentials(config, "100001", "DEMO01", "0001\r\nX: y",
                                           "000000000000001", "sandbox", keys[3]) == OVO_OK;
    accepted += ovo_config_set_credentials(config, "100001", "DEMO01", "00000001",
                                           "000000000000001", "sand\nbox", keys[3]) == OVO_OK;
    accepted += ovo_config_set_time_scale(config, 0.0) == OVO_OK;
    accepted += ovo_config_set_late_success(config, 7) == OVO_OK;
    accepted += ovo_config_set_threads(config, 2) == OVO_OK;
    accepted += ovo_config_set_environment(config, "ftp://ovo.id") == OVO_OK;
    accepted += ovo_config_set_first_batch(config, 1000000) == OVO_OK;
    must(ovo_config_free(config), "freeing");
    client = open_and_free(sandbox_config(journal));
    for (i = 0; i < sizeof phones / sizeof phones[0]; i++) {
        ovo_charge charge = OVO_CHARGE_INIT;
        charge.invoice = "INV-B2";
        charge.amount = 1000;
        charge.phone = phones[i];
        accepted += ovo_pay(client, &charge, &outcome) != OVO_ERR_INVALID_INPUT;
        printf("%s\n", ovo_client_error(client));
    }
    for (i = 0; i < sizeof invoices / sizeof invoices[0]; i++) {
        ovo_charge charge = OVO_CHARGE_INIT;
        charge.invoice = invoices[i];
        charge.amount = 1000;
        charge.phone = "081200000010";
        accepted += ovo_pay(client, &charge, &outcome) != OVO_ERR_INVALID_INPUT;
        printf("%s\n", ovo_client_error(client));
    }
    for (i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        ovo_charge charge = OVO_CHARGE_INIT;
        charge.invoice = "INV-B3";
        charge.amount = amounts[i];
        charge.phone = "081200000010";
        accepted += ovo_pay(client, &charge, &outcome) != OVO_ERR_INVALID_INPUT;
        printf("%s\n", ovo_client_error(client));
    }
    must(ovo_client_close(client), "closing");
    return accepted == 0 ? 0 : 1;
}

static int pay(const char *journal, int32_t wanted)
{
    ovo_config *config = sandbox_config(journal);
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    must(ovo_config_set_log(config, logged, NULL), "log");
    client = open_and_free(config);
    charge.invoice = "INV-B";
    charge.amount = 1000;
    charge.phone = "081200000010";
    must(ovo_pay(client, &charge, &outcome), "paying");
    printf("%s\n", ovo_outcome_name(outcome.kind));
    must(ovo_client_close(client), "closing");
    /* A host that is not OVO's says so: nobody looks for the fault in the till. */
    if (wanted == OVO_NOT_SENT && outcome.not_sent_reason != OVO_NOT_SENT_NOT_TRUSTED)
        return 1;
    return wanted < 0 || outcome.kind == wanted ? 0 : 1;
}

/* One forged success after another, then a perfect one; then OVO itself is asked. */
static int forgeries(const char *journal)
{
    static const char *const forged[] = {"INV-AMOUNT", "INV-INVOICE", "INV-REFERENCE", "INV-TID",
                                         "INV-PHONE", "INV-TYPE"};
    ovo_config *config = sandbox_config(journal);
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    char phone[16];
    size_t i;
    int believed = 0;
    int32_t code, at_ovo = -1;

    must(ovo_config_set_log(config, logged, NULL), "log");
    client = open_and_free(config);
    charge.amount = 1000;
    charge.phone = phone;
    for (i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        charge.invoice = forged[i];
        sprintf(phone, "0812000000%02d", (int)i);
        must(ovo_pay(client, &charge, &outcome), "paying");
        believed += outcome.kind != OVO_NOT_COMPLETED;
    }
    charge.invoice = "INV-PERFECT";
    sprintf(phone, "081200000050");
    must(ovo_pay(client, &charge, &outcome), "paying");
    printf("the perfect forgery: %s\n", ovo_outcome_name(outcome.kind));
    do {
        code = ovo_check(client, charge.invoice, NULL, &at_ovo, NULL);
    } while (code == OVO_ERR_OUTSIDE_WINDOW);
    must(code, "checking");
    printf("at OVO: %s\n", at_ovo == OVO_STATUS_NOT_FOUND ? "not found" : "something else");
    must(ovo_client_close(client), "closing");
    return believed == 0 && outcome.kind == OVO_PAID && at_ovo == OVO_STATUS_NOT_FOUND ? 0 : 1;
}

/* Two payments under way or done, and the process is gone: what is in the files, a thief has. */
static int stolen(const char *journal)
{
    ovo_client *client = open_and_free(sandbox_config(journal));
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    charge.amount = 1000;
    charge.invoice = "INV-B8-PAID";
    charge.phone = "081200000010";
    must(ovo_pay(client, &charge, &outcome), "paying");
    charge.invoice = "INV-B8-OPEN";
    charge.phone = "081200009110"; /* no answer ever comes: the phone is needed for the refund */
    must(ovo_pay(client, &charge, &outcome), "paying");
    exit(outcome.kind == OVO_NOT_COMPLETED ? 0 : 1);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[2], "values") == 0)
        return values(argv[1]);
    if (argc == 3 && strcmp(argv[2], "paid") == 0)
        return pay(argv[1], OVO_PAID);
    if (argc == 3 && strcmp(argv[2], "not_sent") == 0)
        return pay(argv[1], OVO_NOT_SENT);
    if (argc == 3 && strcmp(argv[2], "any_outcome") == 0)
        return pay(argv[1], -1);
    if (argc == 3 && strcmp(argv[2], "forgeries") == 0)
        return forgeries(argv[1]);
    if (argc == 3 && strcmp(argv[2], "stolen") == 0)
        return stolen(argv[1]);
    fprintf(stderr, "bad_input JOURNAL CASE\n");
    return 2;
}
