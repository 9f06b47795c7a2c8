/* Loads the shared library by hand, starts a payment on a thread of it, and unloads it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <ovo_ptp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ISO C has no conversion from an object pointer to a function pointer; POSIX has. */
#define LOAD(function)                                                                             \
    do {                                                                                           \
        void *symbol = dlsym(library, #function);                                                  \
        if (symbol == NULL)                                                                        \
            return 3;                                                                              \
        memcpy(&my_##function, &symbol, sizeof symbol);                                            \
    } while (0)
#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != OVO_OK) {                                                                    \
            fprintf(stderr, "%s: %s\n", #call, my_ovo_last_error());                               \
            return 2;                                                                              \
        }                                                                                          \
    } while (0)

int main(int argc, char **argv)
{
    const char *path = getenv("LIBRARY");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int32_t (*my_ovo_config_new)(int32_t, ovo_config **);
    int32_t (*my_ovo_config_set_environment)(ovo_config *, const char *);
    int32_t (*my_ovo_config_set_credentials_from_environment)(ovo_config *);
    int32_t (*my_ovo_config_set_journal)(ovo_config *, const char *);
    int32_t (*my_ovo_config_set_trust_file)(ovo_config *, const char *);
    int32_t (*my_ovo_config_set_time_scale)(ovo_config *, double);
    int32_t (*my_ovo_config_set_background)(ovo_config *, int32_t);
    int32_t (*my_ovo_client_open)(const ovo_config *, ovo_client **);
    int32_t (*my_ovo_start)(ovo_client *, const ovo_charge *, ovo_payment **);
    int32_t (*my_ovo_wait)(ovo_payment *, int32_t, ovo_outcome *);
    const char *(*my_ovo_last_error)(void);
    ovo_config *config = NULL;
    ovo_client *client = NULL;
    ovo_payment *payment = NULL;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;

    if (argc < 2 || library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    LOAD(ovo_config_new);
    LOAD(ovo_config_set_environment);
    LOAD(ovo_config_set_credentials_from_environment);
    LOAD(ovo_config_set_journal);
    LOAD(ovo_config_set_trust_file);
    LOAD(ovo_config_set_time_scale);
    LOAD(ovo_config_set_background);
    LOAD(ovo_client_open);
    LOAD(ovo_start);
    LOAD(ovo_wait);
    LOAD(ovo_last_error);
    MUST(my_ovo_config_new(OVO_VERSION_NUMBER, &config));
    MUST(my_ovo_config_set_environment(config, getenv("SANDBOX_URL")));
    MUST(my_ovo_config_set_credentials_from_environment(config));
    MUST(my_ovo_config_set_journal(config, argv[1]));
    MUST(my_ovo_config_set_trust_file(config, getenv("SANDBOX_CA")));
    MUST(my_ovo_config_set_time_scale(config, atof(getenv("SANDBOX_TIME_SCALE"))));
    MUST(my_ovo_config_set_background(config, 1));
    MUST(my_ovo_client_open(config, &client));
    charge.invoice = "INV-F13";
    charge.amount = 1000;
    charge.phone = "081200000110"; /* approves after ten seconds */
    MUST(my_ovo_start(client, &charge, &payment));

    dlclose(library);
    library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (library == NULL)
        return 1;
    printf("still loaded\n");
    MUST(my_ovo_wait(payment, -1, &outcome));
    return outcome.kind == OVO_PAID ? 0 : 1;
}
