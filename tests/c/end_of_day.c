/* The end of the day: a customer brings the goods back, the payment is voided, the day is listed. */
#include "till.h"

int main(int argc, char **argv)
{
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_void_result voided = OVO_VOID_RESULT_INIT, refused = OVO_VOID_RESULT_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_list *list = NULL;
    char *page;
    size_t length = 0, needed = 0, i;
    int64_t total = 0;
    int32_t code;

    if (argc < 2) {
        fprintf(stderr, "end_of_day JOURNAL\n");
        return 2;
    }
    client = open_and_free(sandbox_config(argv[1]));
    charge.invoice = "INV-DAY-1";
    charge.amount = 10000;
    charge.phone = "081200000000";
    must(ovo_pay(client, &charge, &outcome), "first payment");
    charge.invoice = "INV-DAY-2";
    charge.amount = 32000;
    must(ovo_pay(client, &charge, &outcome), "second payment");
    show(&outcome);

    must(ovo_void(client, "INV-DAY-1", &voided), "void");
    /* If the answer was lost, its check tells; settlement would ask as well. */
    while (voided.state == OVO_VOID_PENDING)
        must(ovo_check_void(client, "INV-DAY-1", &voided), "check of the void");
    printf("INV-DAY-1: %s\n", voided.state == OVO_VOIDED ? "voided" : "not voided");

    /* A void of what is not paid is refused before anything is sent, and its result is empty. */
    code = ovo_void(client, "INV-DAY-9", &refused);
    printf("INV-DAY-9: %s\n", ovo_strerror(code));

    /* "What happened to my payment?": asked for its size first, then for the page for support. */
    must(ovo_explain(client, "INV-DAY-1", OVO_EXPLAIN_HTML, OVO_ENGLISH, NULL, 0, &needed), "size");
    page = malloc(needed);
    must(ovo_explain(client, "INV-DAY-1", OVO_EXPLAIN_HTML, OVO_ENGLISH, page, needed, &needed), "page");
    printf("a page of %s\n", strstr(page, "voided: the customer has the money back") ? "a void" : "what?");
    code = ovo_explain(client, "INV-DAY-1", OVO_EXPLAIN_JSON, OVO_INDONESIAN, page, 5, &needed);
    printf("too small: %s, %s\n", code == OVO_ERR_BUFFER_TOO_SMALL ? "yes" : "no", *page ? "half" : "empty");
    printf("INV-DAY-9: %s\n",
           ovo_strerror(ovo_explain(client, "INV-DAY-9", OVO_EXPLAIN_TEXT, OVO_ENGLISH, page, 5, NULL)));
    printf("no such form: %d\n",
           ovo_explain(client, "INV-DAY-1", 9, OVO_ENGLISH, page, 5, NULL) == OVO_ERR_INVALID_INPUT);

    /* For Prometheus: what this program counted, and how the journal stands. */
    must(ovo_metrics_text(client, NULL, 0, &needed), "size");
    page = realloc(page, needed += 256);
    must(ovo_metrics_text(client, page, needed, &needed), "metrics");
    printf("paid: %s\n", strstr(page, "decided_total{outcome=\"paid\"} 2\n") ? "counted" : "what?");
    code = ovo_metrics_text(client, page, 5, &needed);
    printf("too small: %s, %s\n", code == OVO_ERR_BUFFER_TOO_SMALL ? "yes" : "no", *page ? "half" : "empty");
    free(page);

    must(ovo_list_payments(client, NULL, &list), "listing");
    must(ovo_list_length(list, &length), "length");
    for (i = 0; i < length; i++) {
        must(ovo_list_get(list, i, &record, &outcome), "payment");
        printf("%06u/%06u %s %s\n", (unsigned)record.batch, (unsigned)record.reference,
               record.invoice, record.settlement);
        if (outcome.kind == OVO_PAID && !outcome.voided)
            total += outcome.amount;
        must(ovo_acknowledge(client, record.invoice), "acknowledging");
    }
    must(ovo_list_free(list), "freeing");
    printf("total %ld\n", (long)total);
    must(ovo_client_close(client), "closing");
    return voided.state == OVO_VOIDED && refused.state == 0 && total == 32000 ? 0 : 1;
}
