/* A terminal with a modem of its own: the library gives a request, this program carries it.
 *
 * The "modem" is a TCP socket and speaks plain HTTP, as towards a sandbox on the same machine; a
 * real one does TLS, with a verified certificate, before ovo_exchange_begin.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "till.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

struct modem {
    int port;
    int exchanges;
    int checks;
};

static int dial(int port)
{
    struct sockaddr_in address;
    int line = socket(AF_INET, SOCK_STREAM, 0);
    if (line < 0)
        return -1;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(line, (struct sockaddr *)&address, sizeof address) != 0) {
        close(line);
        return -1;
    }
    return line;
}

static int write_all(int line, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = write(line, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        at += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Reads the answer until the host closes the line, as the request asked it to. 0 if it is whole. */
static int read_answer(int line, ovo_exchange *exchange, char *answer, size_t capacity, size_t *length)
{
    for (;;) {
        struct pollfd ready;
        uint32_t patience = 0;
        ssize_t got;
        /* Runs the countdown, and the status check when its time has come. */
        if (ovo_exchange_wait(exchange, &patience) != OVO_OK)
            return -1;
        ready.fd = line;
        ready.events = POLLIN;
        if (poll(&ready, 1, (int)patience) <= 0)
            continue;
        got = read(line, answer + *length, capacity - *length);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            *length += (size_t)got;
        if (*length == capacity)
            return -1;
    }
}

static int32_t carry(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    struct modem *modem = userdata;
    char head[1024], *answer, *body;
    size_t length = 0;
    int line, status = 0, headed;
    int32_t end = OVO_EXCHANGE_NO_ANSWER;

    modem->exchanges++;
    if (request->operation == OVO_OP_CHECK_PAYMENT)
        modem->checks++;
    headed = snprintf(head, sizeof head,
                      "POST /pos HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
                      "Content-Type: application/json\r\nContent-Length: %lu\r\n"
                      "app-id: %s\r\nrandom: %s\r\nhmac: %s\r\n\r\n",
                      modem->port, (unsigned long)request->body_length, request->app_id,
                      request->random, request->hmac);
    if (headed <= 0 || (size_t)headed >= sizeof head)
        return OVO_EXCHANGE_NOT_SENT;
    line = dial(modem->port);
    if (line < 0) {
        ovo_exchange_explain(exchange, "no carrier");
        return OVO_EXCHANGE_NOT_SENT;
    }
    /* Asked once, immediately before the first byte. */
    if (ovo_exchange_begin(exchange) != OVO_OK) {
        close(line);
        return OVO_EXCHANGE_NOT_SENT;
    }
    answer = malloc(70000);
    if (answer != NULL && write_all(line, head, (size_t)headed) == 0 &&
        write_all(line, request->body, request->body_length) == 0) {
        ovo_exchange_sent(exchange);
        if (read_answer(line, exchange, answer, 69999, &length) == 0) {
            answer[length] = '\0';
            body = strstr(answer, "\r\n\r\n");
            if (body != NULL && sscanf(answer, "HTTP/1.1 %d", &status) == 1 &&
                ovo_exchange_answer(exchange, status, (const uint8_t *)body + 4,
                                    length - (size_t)(body + 4 - answer)) == OVO_OK)
                end = OVO_EXCHANGE_ANSWERED;
        }
    }
    free(answer);
    close(line);
    return end;
}

int main(int argc, char **argv)
{
    struct modem modem = {0, 0, 0};
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
