/* What the example programs share: where OVO is, and a client for it.
 *
 * They run against the sandbox:  SANDBOX_URL, SANDBOX_CA (its certificate file) and, if its clock
 * runs faster, SANDBOX_TIME_SCALE; SANDBOX_PROXY is a proxy in front of it, SANDBOX_CLIENT the
 * certificate with its key that it wants to see. The six credentials come from OVO_MERCHANT_ID and
 * so on.
 */
#ifndef TILL_H
#define TILL_H

#include <ovo_ptp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program if a call failed, with both texts: what the code means, and what happened. */
static inline void must(int32_t code, const char *what)
{
    if (code != OVO_OK) {
        fprintf(stderr, "%s: %s (%s)\n", what, ovo_strerror(code), ovo_last_error());
        exit(2);
    }
}

static inline const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set; run this program through make test-c\n", name);
        exit(2);
    }
    return value;
}

/* A configuration for the sandbox, with the journal at this path. */
static inline ovo_config *sandbox_config(const char *journal)
{
    ovo_config *config = NULL;
    const char *scale = getenv("SANDBOX_TIME_SCALE");
    must(ovo_config_new(OVO_VERSION_NUMBER, &config), "configuration");
    must(ovo_config_set_environment(config, setting("SANDBOX_URL")), "environment");
    must(ovo_config_set_credentials_from_environment(config), "credentials");
    must(ovo_config_set_journal(config, journal), "journal");
    must(ovo_config_set_trust_file(config, setting("SANDBOX_CA")), "trust");
    /* The shop's way out, if it has one. */
    must(ovo_config_set_proxy(config, getenv("SANDBOX_PROXY")), "proxy");
    /* What the host wants to see of the shop, if anything: certificate and key in one file. */
    must(ovo_config_set_client_certificate_file(config, getenv("SANDBOX_CLIENT"), NULL), "certificate");
    if (scale != NULL)
        must(ovo_config_set_time_scale(config, atof(scale)), "time scale");
    return config;
}

static inline ovo_client *open_and_free(ovo_config *config)
{
    ovo_client *client = NULL;
    must(ovo_client_open(config, &client), "opening");
    must(ovo_config_free(config), "freeing");
    return client;
}

/* What the cashier sees. */
static inline void show(const ovo_outcome *outcome)
{
    char amount[32] = "";
    if (outcome->kind == OVO_PAID) {
        must(ovo_rupiah_print(outcome->amount, amount, sizeof amount, NULL), "amount");
        printf("%s: paid %s, approval code %s\n", outcome->invoice, amount, outcome->approval_code);
    } else {
        printf("%s: %s: %s\n", outcome->invoice, ovo_outcome_name(outcome->kind),
               ovo_customer_text(outcome, OVO_ENGLISH));
    }
}

#endif
