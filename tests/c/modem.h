/* A modem of the terminal's own, for own_transport.c: carries one request and its answer.
 *
 * It is a TCP socket and speaks plain HTTP, as towards a sandbox on the same machine; a real one does
 * TLS, with a verified certificate, before ovo_exchange_begin.
 *
 * Define _POSIX_C_SOURCE as 200809L before the first include.
 */
#ifndef MODEM_H
#define MODEM_H

#include "till.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

/* What an answer with its head may have. */
#define ANSWER 70000

struct modem {
    int port;
    int exchanges;
    int checks;
    /* Hears of each request whose last byte is written, for a lamp or a test; NULL for nobody. */
    void (*written)(int32_t operation);
};

static inline int dial(int port)
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

static inline int write_all(int line, const void *bytes, size_t length)
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
static inline int read_answer(int line, ovo_exchange *exchange, char *answer, size_t capacity, size_t *length)
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

/* Writes the whole request. */
static inline int write_request(int line, const struct modem *modem, const ovo_request *request)
{
    char head[1024];
    int headed = snprintf(head, sizeof head,
                          "POST /pos HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
                          "Content-Type: application/json\r\nContent-Length: %lu\r\n"
                          "app-id: %s\r\nrandom: %s\r\nhmac: %s\r\n\r\n",
                          modem->port, (unsigned long)request->body_length, request->app_id,
                          request->random, request->hmac);
    if (headed <= 0 || (size_t)headed >= sizeof head || write_all(line, head, (size_t)headed) != 0)
        return -1;
    return write_all(line, request->body, request->body_length);
}

/* Hands over what was read. */
static inline int32_t hand_over(ovo_exchange *exchange, char *answer, size_t length)
{
    int status = 0;
    char *body;
    answer[length] = '\0';
    body = strstr(answer, "\r\n\r\n");
    if (body == NULL || sscanf(answer, "HTTP/1.1 %d", &status) != 1 ||
        ovo_exchange_answer(exchange, status, (const uint8_t *)body + 4,
                            length - (size_t)(body + 4 - answer)) != OVO_OK)
        return OVO_EXCHANGE_NO_ANSWER;
    return OVO_EXCHANGE_ANSWERED;
}

static inline int32_t carry(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{
    struct modem *modem = userdata;
    char *answer = malloc(ANSWER);
    size_t length = 0;
    int line = answer == NULL ? -1 : dial(modem->port);
    int32_t end = OVO_EXCHANGE_NOT_SENT;

    modem->exchanges++;
    if (request->operation == OVO_OP_CHECK_PAYMENT)
        modem->checks++;
    if (line < 0)
        ovo_exchange_explain(exchange, "no carrier");
    /* Asked once, immediately before the first byte. */
    else if (ovo_exchange_begin(exchange) == OVO_OK) {
        end = OVO_EXCHANGE_NO_ANSWER;
        if (write_request(line, modem, request) == 0) {
            ovo_exchange_sent(exchange);
            if (modem->written != NULL)
                modem->written(request->operation);
            if (read_answer(line, exchange, answer, ANSWER - 1, &length) == 0)
                end = hand_over(exchange, answer, length);
        }
    }
    free(answer);
    if (line >= 0)
        close(line);
    return end;
}

#endif
