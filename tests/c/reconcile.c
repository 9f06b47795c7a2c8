/* The day after: OVO's settlement report is held against the journal, line by line, and every exchange
 * of the day before was written down for OVO's review. */
#include "till.h"
#include <time.h>

/* In the shop this is a file; its columns are what OVO's contact says they are. */
static const char *const report[] = {
    "INV-REC-1,10000,PAID", "INV-REC-2,5000,PAID", "INV-REC-4,3500,PAID",
    "INV-REC-1,10000,PAID", "INV-REC-1,10000,REFUNDED", "ANOTHER-TILL/9,1000,PAID",
    "INV-REC-5,2000,FAILED", "INV-REC-6,4000,PAID", "INV-REC-6,4000,REFUNDED",
};

static void sell(ovo_client *client, const char *invoice, int64_t amount, const char *phone)
{
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    charge.invoice = invoice;
    charge.amount = amount;
    charge.phone = phone;
    must(ovo_pay(client, &charge, &outcome), invoice);
    must(ovo_acknowledge(client, invoice), "acknowledging");
}

/* Reads a line of the report as far as it can; 0 if it is none. */
static int parse(const char *text, char invoice[64], ovo_settlement_line *line)
{
    char status[16];
    long amount;
    if (sscanf(text, "%63[^,],%ld,%15s", invoice, &amount, status) != 3)
        return 0;
    line->invoice = invoice;
    line->amount = amount;
    line->says = strcmp(status, "REFUNDED") == 0 ? OVO_LISTED_REFUNDED
                 : strcmp(status, "FAILED") == 0 ? OVO_LISTED_NOTHING
                                                 : OVO_LISTED_PAID;
    return 1;
}

int main(int argc, char **argv)
{
    ovo_config *config;
    ovo_client *client;
    ovo_reconciliation *books;
    ovo_settlement_line line = OVO_SETTLEMENT_LINE_INIT;
    ovo_reconciled found = OVO_RECONCILED_INIT;
    ovo_record reported = OVO_RECORD_INIT;
    char invoice[64], evidence[4096];
    int64_t now = (int64_t)time(NULL) * 1000, day = 86400000, lines, rupiah;
    int32_t finding, differ = 0;
    size_t i;

    if (argc < 2) {
        fprintf(stderr, "reconcile JOURNAL\n");
        return 2;
    }
    config = sandbox_config(argv[1]);
    snprintf(evidence, sizeof evidence, "%s.jsonl", argv[1]);
    must(ovo_config_set_record(config, evidence), "recording");
    client = open_and_free(config);
    sell(client, "INV-REC-1", 10000, "081200000000");
    sell(client, "INV-REC-2", 5000, "081200001700");
    sell(client, "INV-REC-3", 7000, "081234567891");
    sell(client, "INV-REC-4", 3000, "081234567892");
    sell(client, "INV-REC-5", 2000, "081234567893");
    sell(client, "INV-REC-6", 4000, "081200001701");

    /* This process has the journal open, so its client is asked. */
    must(ovo_reconcile_new(NULL, &books), "books");
    for (i = 0; i < sizeof report / sizeof *report; i++) {
        if (!parse(report[i], invoice, &line))
            return 1;
        must(ovo_reconcile_line(books, client, &line, OVO_ENGLISH, &found), "line");
        /* That no money moved comes to something at the end: another line may say otherwise. */
        if (found.finding == OVO_FINDING_NONE)
            continue;
        printf("%s: %s\n", found.invoice, ovo_finding_name(found.finding));
        differ += found.is_difference;
    }
    /* OVO has this customer's money, and the cashier was told otherwise: it goes back. Not before the
     * report's end, whose last line may be the refund. */
    for (;;) {
        must(ovo_reconcile_extra_debit(books, client, OVO_ENGLISH, &found), "extra debits");
        if (found.finding == OVO_FINDING_NONE)
            break;
        printf("%s goes back\n", found.invoice);
        must(ovo_report_paid(client, found.invoice, &reported), "reporting");
    }
    /* What only the report's end shows: what it should have had and had not. */
    for (;;) {
        must(ovo_reconcile_missing(books, client, now - day, now + day, OVO_ENGLISH, &found), "missing");
        if (found.finding == OVO_FINDING_NONE)
            break;
        printf("%s: %s of %ld: %s\n", found.invoice, ovo_finding_name(found.finding),
               (long)found.amount, found.text);
        differ += found.is_difference;
    }
    for (finding = OVO_FINDING_MATCHED; finding <= OVO_FINDING_OTHER_DAY; finding++) {
        must(ovo_reconcile_count(books, finding, &lines, &rupiah), "count");
        if (lines > 0)
            printf("%ld %s, %ld rupiah\n", (long)lines, ovo_finding_name(finding), (long)rupiah);
    }
    must(ovo_reconcile_free(books), "freeing");
    printf("no line: %d\n", ovo_reconcile_line(books, client, &line, OVO_ENGLISH, &found) == OVO_ERR_BAD_HANDLE);
    printf("own journal: %d\n", ovo_reconcile_new(argv[1], &books) == OVO_ERR_JOURNAL_LOCKED && books == NULL);
    must(ovo_client_close(client), "closing");

    /* Another program reads the journal's file, and names no client. Of another merchant it is refused. */
    printf("another merchant's: %d\n",
           ovo_reconcile_new_for(argv[1], "999001", &books) == OVO_ERR_JOURNAL && books == NULL &&
               strstr(ovo_last_error(), "about merchant 999001") != NULL);
    must(ovo_reconcile_new_for(argv[1], setting("OVO_MERCHANT_ID"), &books), "books");
    parse(report[0], invoice, &line);
    must(ovo_reconcile_line(books, NULL, &line, OVO_INDONESIAN, &found), "line");
    printf("%s beside: %s\n", found.invoice, ovo_finding_name(found.finding));
    printf("a client too: %d\n",
           ovo_reconcile_line(books, client, &line, OVO_ENGLISH, &found) == OVO_ERR_INVALID_INPUT);
    /* A column whose days and months were taken for each other matches, and means other days. */
    line.says = OVO_LISTED_ELSEWHERE;
    line.day_ms = now - 90 * day;
    must(ovo_reconcile_line(books, NULL, &line, OVO_ENGLISH, &found), "another till's line");
    printf("of another till: %d\n", found.finding == OVO_FINDING_NONE);
    parse(report[2], invoice, &line);
    line.amount = 3000;
    must(ovo_reconcile_line(books, NULL, &line, OVO_ENGLISH, &found), "line");
    must(ovo_reconcile_missing(books, NULL, 0, 0, OVO_ENGLISH, &found), "end");
    printf("%s %s: %s\n", found.invoice, ovo_finding_name(found.finding), found.text);
    line.says = 0;
    printf("says nothing: %d\n",
           ovo_reconcile_line(books, NULL, &line, OVO_ENGLISH, &found) == OVO_ERR_INVALID_INPUT);
    line.says = OVO_LISTED_PAID;
    line.amount = 0;
    printf("no amount: %d\n",
           ovo_reconcile_line(books, NULL, &line, OVO_ENGLISH, &found) == OVO_ERR_INVALID_INPUT &&
               found.finding == OVO_FINDING_NONE);
    must(ovo_reconcile_count(books, OVO_FINDING_MATCHED, &lines, NULL), "count");
    printf("counted: %ld\n", (long)lines);
    must(ovo_reconcile_free(books), "freeing");
    return differ == 8 ? 0 : 1;
}
