/* A terminal with a modem of its own: the library gives a request, modem.h carries it. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "modem.h"

int main(int argc, char **argv)
{
    struct modem modem = {0, 0, 0, NULL};
    const char *url = setting("SANDBOX_HTTP_URL");
    ovo_config *config;
    ovo_client *client;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    const char *scale = getenv("SANDBOX_TIME_SCALE");

    if (argc < 2 || sscanf(url, "http://127.0.0.1:%d", &modem.port) != 1) {
        fprintf(stderr, "own_transport JOURNAL\n");
        return 2;
    }
    must(ovo_config_new(OVO_VERSION_NUMBER, &config), "configuration");
    must(ovo_config_set_environment(config, url), "environment");
    must(ovo_config_set_credentials_from_environment(config), "credentials");
    must(ovo_config_set_journal(config, argv[1]), "journal");
    must(ovo_config_set_transport(config, carry, &modem), "transport");
    if (scale != NULL)
        must(ovo_config_set_time_scale(config, atof(scale)), "time scale");
    client = open_and_free(config);

    charge.invoice = "INV-MODEM-1";
    charge.amount = 15000;
    charge.phone = "081200000103"; /* approves after three seconds */
    must(ovo_pay(client, &charge, &outcome), "paying");
    show(&outcome);
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");

    charge.invoice = "INV-MODEM-2";
    charge.phone = "081200009210"; /* debited after ten seconds, and no answer ever comes */
    must(ovo_pay(client, &charge, &outcome), "paying");
    show(&outcome);
    printf("found by the status check: %s\n", outcome.late ? "yes" : "no");
    must(ovo_acknowledge(client, charge.invoice), "acknowledging");
    must(ovo_client_close(client), "closing");
    printf("%d exchanges, %d of them checks\n", modem.exchanges, modem.checks);
    return outcome.kind == OVO_PAID && outcome.late && modem.checks == 1 ? 0 : 1;
}
