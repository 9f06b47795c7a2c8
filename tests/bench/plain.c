/*
 * The unsafe minimum in C: push, read the code, store the result. libcurl + OpenSSL + SQLite.
 *
 * What most field code does, written carefully enough to be fast: one easy handle for the whole
 * process (so TLS sessions are resumed), one prepared INSERT, one buffer. What it leaves out is what
 * makes it unsafe: nothing is durable before the push, no status check, no reversal, no check that
 * the answer is about this payment.
 *
 *   plain pay  URL CA DB BATCH N        N approved payments, one after another; DB "-" stores nothing
 *   plain pay-new-handle ...            the same with a new easy handle for each payment
 *   plain wait URL CA -  BATCH N        N payments at once, a thread and a handle each
 */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The sandbox's demo merchant: public, worthless elsewhere. */
static const char app_id[] = "sandbox";
static const char app_key[] = "5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c";

struct answer {
    size_t length;
    char text[16 * 1024];
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "plain: %s: %s\n", what, why);
    exit(1);
}

static size_t keep(char *bytes, size_t size, size_t count, void *to)
{
    struct answer *answer = to;
    size_t length = size * count;
    if (length >= sizeof answer->text - answer->length)
        return 0;
    memcpy(answer->text + answer->length, bytes, length);
    answer->length += length;
    answer->text[answer->length] = 0;
    return length;
}

/* Copies the text after "name":" up to the next quote. */
static int field(const char *json, const char *name, char *to, size_t size)
{
    const char *from = strstr(json, name);
    size_t length;
    if (from == NULL)
        return 0;
    from += strlen(name);
    length = strcspn(from, "\"");
    if (length >= size)
        return 0;
    memcpy(to, from, length);
    to[length] = 0;
    return 1;
}

static void sign(const char *random, char hex[65])
{
    char data[64];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    int data_length = snprintf(data, sizeof data, "%s%s", app_id, random);
    HMAC(EVP_sha256(), app_key, sizeof app_key - 1, (unsigned char *)data, (size_t)data_length, mac,
         &length);
    for (unsigned int i = 0; i < length; i++)
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
}

static CURL *new_handle(const char *url, const char *ca)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        fail("curl", "no handle");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 70L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    return curl;
}

static void push(CURL *curl, const char *batch, int number, const char *phone, const char *invoice,
                 struct answer *answer)
{
    struct curl_slist *headers = NULL;
    struct timespec now;
    struct tm wib;
    time_t seconds;
    char body[1024], date[32], random[24], hmac[65], header[128];
    CURLcode code;

    clock_gettime(CLOCK_REALTIME, &now);
    seconds = now.tv_sec + 7 * 3600;
    gmtime_r(&seconds, &wib);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &wib);
    snprintf(body, sizeof body,
             "{\"type\":\"0200\",\"processingCode\":\"040000\",\"amount\":12500,\"date\":\"%s.%03ld\","
             "\"referenceNumber\":\"%06d\",\"tid\":\"00000001\",\"mid\":\"000000000000001\","
             "\"merchantId\":\"100001\",\"storeCode\":\"DEMO01\",\"appSource\":\"POS\","
             "\"transactionRequestData\":{\"batchNo\":\"%s\",\"merchantInvoice\":\"%s\","
             "\"phone\":\"%s\"}}",
             date, now.tv_nsec / 1000000, number, batch, invoice, phone);
    snprintf(random, sizeof random, "%ld", (long)now.tv_sec);
    sign(random, hmac);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    snprintf(header, sizeof header, "app-id: %s", app_id);
    headers = curl_slist_append(headers, header);
    snprintf(header, sizeof header, "random: %s", random);
    headers = curl_slist_append(headers, header);
    snprintf(header, sizeof header, "hmac: %s", hmac);
    headers = curl_slist_append(headers, header);
    answer->length = 0;
    answer->text[0] = 0;
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        fail("push", curl_easy_strerror(code));
}

static sqlite3_stmt *open_store(const char *path, sqlite3 **db)
{
    sqlite3_stmt *insert = NULL;
    if (sqlite3_open(path, db) != SQLITE_OK ||
        sqlite3_exec(*db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "CREATE TABLE IF NOT EXISTS payment (invoice TEXT PRIMARY KEY, amount INTEGER,"
                     " batch TEXT, reference INTEGER, code TEXT, approval_code TEXT, body TEXT)",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(*db, "INSERT INTO payment VALUES (?,?,?,?,?,?,?)", -1, &insert, NULL) !=
            SQLITE_OK)
        fail("store", sqlite3_errmsg(*db));
    return insert;
}

static void pay(const char *url, const char *ca, const char *path, const char *batch, int count,
                int new_each)
{
    static struct answer answer;
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = strcmp(path, "-") == 0 ? NULL : open_store(path, &db);
    CURL *curl = new_each ? NULL : new_handle(url, ca);

    for (int number = 1; number <= count; number++) {
        char invoice[64], code[8] = "", approval[16] = "";
        if (new_each)
            curl = new_handle(url, ca);
        snprintf(invoice, sizeof invoice, "PLAIN-C-%s-%06d", batch, number);
        push(curl, batch, number, "081200000000", invoice, &answer);
        field(answer.text, "\"responseCode\":\"", code, sizeof code);
        field(answer.text, "\"approvalCode\":\"", approval, sizeof approval);
        if (strcmp(code, "00") != 0)
            fail("not approved", answer.text);
        if (insert != NULL) {
            sqlite3_bind_text(insert, 1, invoice, -1, SQLITE_STATIC);
            sqlite3_bind_int(insert, 2, 12500);
            sqlite3_bind_text(insert, 3, batch, -1, SQLITE_STATIC);
            sqlite3_bind_int(insert, 4, number);
            sqlite3_bind_text(insert, 5, code, -1, SQLITE_STATIC);
            sqlite3_bind_text(insert, 6, approval, -1, SQLITE_STATIC);
            sqlite3_bind_text(insert, 7, answer.text, -1, SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE)
                fail("store", sqlite3_errmsg(db));
            sqlite3_reset(insert);
        }
        if (new_each)
            curl_easy_cleanup(curl);
    }
    if (!new_each)
        curl_easy_cleanup(curl);
    sqlite3_finalize(insert);
    sqlite3_close(db);
}

struct waiting {
    const char *url, *ca, *batch;
    int number;
};

static void *wait_for_customer(void *argument)
{
    struct waiting *waiting = argument;
    struct answer *answer = malloc(sizeof *answer);
    CURL *curl = new_handle(waiting->url, waiting->ca);
    char invoice[64], phone[32];
    snprintf(invoice, sizeof invoice, "PLAIN-C-%s-%06d", waiting->batch, waiting->number);
    snprintf(phone, sizeof phone, "0813%08d", waiting->number);
    push(curl, waiting->batch, waiting->number, phone, invoice, answer);
    curl_easy_cleanup(curl);
    free(answer);
    return NULL;
}

/* One payment first, so that what is loaded once is in memory; then "ready", a line from the driver,
 * N threads, "started"; then until the driver ends it. */
static void wait_many(const char *url, const char *ca, const char *batch, int count)
{
    static struct answer answer;
    struct rlimit files;
    pthread_attr_t attributes;
    CURL *curl = new_handle(url, ca);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    push(curl, batch, count + 1, "081200000000", "PLAIN-C-FIRST", &answer);
    curl_easy_cleanup(curl);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    puts("ready");
    fflush(stdout);
    getchar();
    for (int number = 1; number <= count; number++) {
        pthread_t thread;
        struct waiting *waiting = malloc(sizeof *waiting);
        *waiting = (struct waiting){url, ca, batch, number};
        if (pthread_create(&thread, &attributes, wait_for_customer, waiting) != 0)
            fail("thread", "cannot be started");
    }
    puts("started");
    fflush(stdout);
    pause();
}

int main(int argc, char **argv)
{
    if (argc != 7)
        fail("usage", "plain pay|pay-new-handle|wait URL CA DB BATCH N");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (strcmp(argv[1], "wait") == 0)
        wait_many(argv[2], argv[3], argv[5], atoi(argv[6]));
    else
        pay(argv[2], argv[3], argv[4], argv[5], atoi(argv[6]),
            strcmp(argv[1], "pay-new-handle") == 0);
    curl_global_cleanup();
    return 0;
}
