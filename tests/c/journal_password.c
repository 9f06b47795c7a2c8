/* A journal in PostgreSQL whose password expires: the library asks for it before every connection.
 *
 *     journal_password postgresql://shop_till@localhost/shop TOKEN_FILE
 *
 * Pays an invoice for each line of standard input and says what became of it. The token is read anew
 * whenever the library asks. */
#include <ctype.h>

#include "till.h"

struct token {
    const char *file;
    ovo_config *config;
    int is_there; /* only until the client is closed */
    int32_t reentered;
};

static int32_t token(void *userdata, const char *host, uint32_t port, const char *user, char *password,
                     size_t capacity)
{
    struct token *known = userdata;
    FILE *file;
    size_t length;
    if (!known->is_there || *host == '\0' || port == 0 || strcmp(user, "shop_till") != 0)
        abort();
    /* What works on a handle is refused in here. */
    known->reentered = ovo_config_set_threads(known->config, 1);
    file = fopen(known->file, "r");
    if (file == NULL)
        return 7;
    length = fread(password, 1, capacity - 1, file);
    fclose(file);
    while (length > 0 && isspace((unsigned char)password[length - 1]))
        length--;
    password[length] = '\0';
    return 0;
}

/* No NUL anywhere. */
static int32_t endless(void *userdata, const char *host, uint32_t port, const char *user, char *password,
                       size_t capacity)
{
    (void)userdata, (void)host, (void)port, (void)user;
    memset(password, 'x', capacity);
    return 0;
}

/* On a busy machine a server that is there may not answer in time. */
static int32_t opens(ovo_config *config, ovo_client **client, const char *until)
{
    int32_t code = OVO_OK;
    int tries;
    for (tries = 0; tries < 20; tries++) {
        code = ovo_client_open(config, client);
        if (code != OVO_ERR_JOURNAL || (until != NULL && strstr(ovo_last_error(), until) != NULL))
            break;
    }
    return code;
}

int main(int argc, char **argv)
{
    ovo_client *client = NULL;
    ovo_config *config;
    struct token known = {NULL, NULL, 1, 0};
    char invoice[64];
    int32_t code;

    if (argc < 3) {
        fprintf(stderr, "journal_password ADDRESS TOKEN_FILE\n");
        return 2;
    }
    known.file = argv[2];
    known.config = config = sandbox_config(argv[1]);
    must(ovo_config_set_journal_password(config, endless, NULL), "a function");
    code = opens(config, &client, "NUL");
    printf("%s: %s\n", ovo_code_name(code), ovo_last_error());
    must(ovo_config_set_journal_password(config, token, &known), "another function");
    must(opens(config, &client, NULL), "opening");
    printf("open, inside: %s\n", ovo_code_name(known.reentered));
    fflush(stdout);
    while (scanf("%63s", invoice) == 1) {
        ovo_charge charge = OVO_CHARGE_INIT;
        ovo_outcome outcome = OVO_OUTCOME_INIT;
        charge.invoice = invoice;
        charge.amount = 12500;
        charge.phone = "081234567890";
        code = ovo_pay(client, &charge, &outcome);
        if (code == OVO_OK)
            printf("%s: %s\n", invoice, ovo_outcome_name(outcome.kind));
        else
            printf("%s: %s: %s\n", invoice, ovo_code_name(code), ovo_client_error(client));
        fflush(stdout);
    }
    must(ovo_client_close(client), "closing");
    /* From here on nobody asks. */
    known.is_there = 0;
    must(ovo_config_free(config), "freeing");
    printf("closed\n");
    return 0;
}
