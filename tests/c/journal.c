/* What people do with a journal: list it newest first, back it up, open the backup, move it, set it
 * aside, archive what is over, change the app key. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <time.h>

static int wrong;

static void expect(int right, const char *what)
{
    printf("%s: %s\n", what, right ? "yes" : "NO");
    wrong += !right;
}

/* The latest critical line of the log. */
static char critical[512];

static void hears(void *userdata, int32_t level, const char *invoice, const char *message)
{
    (void)userdata;
    (void)invoice;
    if (level == OVO_LEVEL_CRITICAL) {
        strncpy(critical, message, sizeof critical - 1);
        fprintf(stderr, "%s\n", message);
    }
}

static ovo_config *config_for(const char *journal)
{
    ovo_config *config = sandbox_config(journal);
    must(ovo_config_set_log(config, hears, NULL), "log");
    must(ovo_config_set_environment_class(config, "showroom"), "class");
    critical[0] = 0;
    return config;
}

static void sells(ovo_client *client, const char *invoice, int32_t kind)
{
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    charge.invoice = invoice;
    charge.amount = 15000;
    charge.phone = "081200000000";
    must(ovo_pay(client, &charge, &outcome), "paying");
    show(&outcome);
    wrong += outcome.kind != kind;
}

/* Pages of two, newest first: every payment once. */
static void lists_newest_first(ovo_client *client)
{
    ovo_filter filter = OVO_FILTER_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_list *list = NULL;
    char seen[128] = "";
    size_t length = 0, i;

    filter.newest_first = 1;
    filter.limit = 2;
    do {
        must(ovo_list_payments(client, &filter, &list), "listing");
        must(ovo_list_length(list, &length), "length");
        for (i = 0; i < length; i++) {
            must(ovo_list_get(list, i, &record, NULL), "payment");
            strncat(seen, record.invoice, sizeof seen - strlen(seen) - 2);
            strcat(seen, " ");
            filter.after = record.id;
        }
        must(ovo_list_free(list), "freeing");
    } while (length > 0);
    printf("newest first: %s\n", seen);
    expect(strcmp(seen, "INV-FILE-3 INV-FILE-2 INV-FILE-1 ") == 0, "paged newest first");
    filter.mid = "no-such-outlet";
    filter.after = 0;
    must(ovo_list_payments(client, &filter, &list), "listing an outlet's");
    must(ovo_list_length(list, &length), "length");
    expect(length == 0, "only one outlet's");
    must(ovo_list_free(list), "freeing");
    filter.newest_first = 2;
    expect(ovo_list_payments(client, &filter, &list) == OVO_ERR_INVALID_INPUT, "neither 1 nor 0");
}

/* A backup knows that it is one; a person answers for it. */
static void opens_the_backup(const char *backup)
{
    ovo_client *client = open_and_free(config_for(backup));
    int32_t ended = 7;

    expect(strstr(critical, "backup") != NULL, "a backup is doubted, and said");
    expect(ovo_vouch(client, "", &ended) == OVO_ERR_INVALID_INPUT && ended == 0, "not without why");
    must(ovo_vouch(client, "shop 7: the old disk is scrapped", &ended), "vouching");
    expect(ended == 1, "the doubt is over");
    must(ovo_vouch(client, "shop 7: again", &ended), "vouching");
    expect(ended == 0, "there is none any more");
    must(ovo_vouch(client, "shop 7: whoever does not listen", NULL), "vouching");
    must(ovo_client_close(client), "closing");
}

/* As issued to the merchant before: a key of the present length that OVO knows no longer. */
#define FORMER_KEY "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void changes_the_key(const char *journal)
{
    ovo_config *config = config_for(journal);
    ovo_client *client;

    must(ovo_config_set_credentials(config, setting("OVO_MERCHANT_ID"), setting("OVO_STORE_CODE"),
                                    setting("OVO_TID"), setting("OVO_MID"), setting("OVO_APP_ID"),
                                    FORMER_KEY),
         "former credentials");
    client = open_and_free(config);
    sells(client, "INV-KEY-1", OVO_DECLINED);
    must(ovo_client_close(client), "closing");

    client = open_and_free(config_for(journal));
    expect(strstr(critical, "app key") != NULL, "an unknown key is said");
    must(ovo_client_close(client), "closing");

    config = config_for(journal);
    expect(ovo_config_set_previous_app_keys(config, FORMER_KEY ",short") == OVO_ERR_INVALID_INPUT,
           "every former key is a key");
    expect(ovo_client_open(config, &client) == OVO_ERR_INVALID_INPUT, "and is asked for");
    must(ovo_config_set_previous_app_keys(config, FORMER_KEY), "former key");
    client = open_and_free(config);
    expect(critical[0] == 0, "the former key is known");
    must(ovo_client_close(client), "closing");

    client = open_and_free(config_for(journal));
    expect(critical[0] == 0, "and can be left out from then on");
    must(ovo_client_close(client), "closing");
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What never left is over once it is acknowledged, and not before. */
static void archives(const char *journal, const char *archive)
{
    ovo_config *config = config_for(journal);
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    int64_t payments = 7, moved = 7, left = 7;

    must(ovo_config_set_proxy(config, "http://127.0.0.1:9"), "a way that leads nowhere");
    client = open_and_free(config);
    sells(client, "INV-OVER-1", OVO_NOT_SENT);
    sells(client, "INV-OVER-2", OVO_NOT_SENT);
    must(ovo_acknowledge(client, "INV-OVER-1"), "acknowledging");
    expect(ovo_archive(client, now_ms() + 60000, archive, &payments, &moved, &left) ==
                   OVO_ERR_INVALID_INPUT && payments == 0 && moved == 0 && left == 0,
           "not into the future");
    must(ovo_archive(client, 0, archive, &payments, NULL, NULL), "archiving nothing");
    expect(payments == 0, "nothing was over then");
    expect(ovo_archive(client, now_ms(), journal, NULL, NULL, NULL) == OVO_ERR_JOURNAL_LOCKED,
           "never into the journal itself");
    must(ovo_archive(client, now_ms(), archive, &payments, &moved, &left), "archiving");
    expect(payments == 1 && moved == 1 && left == 0, "what is over moves");
    expect(ovo_find(client, "INV-OVER-1", NULL, &outcome) == OVO_ERR_NOT_FOUND, "it is here no more");
    must(ovo_find(client, "INV-OVER-2", NULL, &outcome), "the other one is");
    charge.invoice = "INV-OVER-1";
    charge.amount = 15000;
    charge.phone = "081200000000";
    expect(ovo_pay(client, &charge, &outcome) == OVO_ERR_INVOICE_REUSED, "and is never pushed again");
    must(ovo_client_close(client), "closing");
    config = config_for(archive);
    expect(ovo_client_open(config, &client) == OVO_ERR_JOURNAL, "an archive takes no payment");
    must(ovo_config_free(config), "freeing");
}

/* Missing beside its log: a till without a person at a shell sets it aside and sells on. */
static void loses_its_database(const char *journal)
{
    char log[1040];
    FILE *file;
    ovo_config *config = config_for(journal);
    ovo_client *client = NULL;

    snprintf(log, sizeof log, "%s-wal", journal);
    file = fopen(log, "w");
    if (file == NULL || fputs("payments", file) < 0 || fclose(file) != 0)
        exit(2);
    expect(ovo_client_open(config, &client) == OVO_ERR_JOURNAL && client == NULL, "refused");
    must(ovo_config_set_journal_set_aside_unusable(config, 1), "without a person");
    client = open_and_free(config);
    expect(strstr(critical, "aside") != NULL, "set aside, and said");
    must(ovo_client_close(client), "closing");
}

static const char *beside(const char *journal, const char *suffix, char *room, size_t size)
{
    snprintf(room, size, "%s.%s", journal, suffix);
    return room;
}

int main(int argc, char **argv)
{
    char names[7][1024];
    const char *backup, *kept, *moved;
    ovo_config *config;
    ovo_client *client;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    int32_t number = 7;

    if (argc < 2) {
        fprintf(stderr, "journal JOURNAL\n");
        return 2;
    }
    backup = beside(argv[1], "backup", names[0], sizeof names[0]);
    kept = beside(argv[1], "kept", names[1], sizeof names[1]);
    moved = beside(argv[1], "elsewhere", names[2], sizeof names[2]);

    client = open_and_free(config_for(argv[1]));
    sells(client, "INV-FILE-1", OVO_PAID);
    sells(client, "INV-FILE-2", OVO_PAID);
    sells(client, "INV-FILE-3", OVO_PAID);
    lists_newest_first(client);
    must(ovo_backup(client, backup), "backing up");
    expect(ovo_backup(client, backup) == OVO_ERR_JOURNAL, "never over another file");
    expect(ovo_journal_backup(argv[1], kept) == OVO_ERR_JOURNAL_LOCKED, "open here: ask the client");
    expect(ovo_journal_move(argv[1], moved) == OVO_ERR_JOURNAL_LOCKED, "not moved while it is open");
    expect(ovo_journal_set_aside(argv[1], &number) == OVO_ERR_JOURNAL_LOCKED && number == 0,
           "not set aside while it is open");
    must(ovo_client_close(client), "closing");

    config = config_for(argv[1]);
    expect(ovo_config_set_environment_class(config, "") == OVO_ERR_INVALID_INPUT, "a class of none");
    must(ovo_config_set_environment_class(config, NULL), "the class of the host");
    expect(ovo_client_open(config, &client) == OVO_ERR_JOURNAL, "another kind is refused");
    must(ovo_config_free(config), "freeing");

    must(ovo_journal_backup(argv[1], kept), "backing up what nobody has open");
    opens_the_backup(backup);
    opens_the_backup(kept);

    must(ovo_journal_move(argv[1], moved), "moving");
    must(ovo_journal_move(argv[1], moved), "moving again what is there");
    expect(ovo_journal_move(argv[1], backup) == OVO_ERR_JOURNAL, "nothing is left to move");
    client = open_and_free(config_for(moved));
    expect(critical[0] == 0, "moved without a doubt");
    must(ovo_find(client, "INV-FILE-2", NULL, &outcome), "finding");
    expect(outcome.kind == OVO_PAID, "with its payments");
    must(ovo_client_close(client), "closing");

    must(ovo_journal_set_aside(moved, &number), "setting aside");
    expect(number == 1, "as the first");
    expect(ovo_journal_set_aside(moved, NULL) == OVO_ERR_JOURNAL, "there is none any more");
    client = open_and_free(config_for(moved));
    sells(client, "INV-FILE-3", OVO_PAID); /* known there: not pushed again */
    sells(client, "INV-FILE-4", OVO_PAID);
    must(ovo_client_close(client), "closing");
    must(ovo_journal_set_aside(moved, &number), "setting the next one aside");
    expect(number == 2, "as the second");

    changes_the_key(beside(argv[1], "key", names[3], sizeof names[3]));
    archives(beside(argv[1], "sold", names[5], sizeof names[5]),
             beside(argv[1], "archive", names[6], sizeof names[6]));
    loses_its_database(beside(argv[1], "lost", names[4], sizeof names[4]));
    return wrong;
}
