/*
 * ovo_ptp.h: the merchant side of OVO Push To Pay.
 *
 * A customer is debited exactly when the merchant was told Paid: across time-outs, crashes, power
 * cuts and restarts. ovo_pay() pushes a payment to the customer's phone and returns its outcome;
 * what happens when no answer comes (check after 60 seconds, reverse after 65, keep reversing,
 * verify) is done by the library, from a journal on disk.
 *
 * LINKING
 *
 *   shared            cc till.c $(pkg-config --cflags --libs ovo_ptp)
 *                     cc till.c -lovo_ptp
 *   static            cc till.c $(pkg-config --cflags --libs ovo_ptp-static)
 *                     cc till.c -l:libovo_ptp.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
 *   fully static      cc -static till.c $(pkg-config --cflags --libs --static ovo_ptp)
 *                     cc -static till.c -lovo_ptp -lm -ldl -lpthread
 *   CMake             find_package(ovo_ptp CONFIG REQUIRED)
 *                     target_link_libraries(till PRIVATE ovo_ptp::ovo_ptp)   (or ovo_ptp::static)
 *
 * "static" has the library inside the program and takes the system's own libraries from the
 * system; "fully static" takes nothing. Where a shared and a static library lie side by side, a
 * linker takes the shared one for -lovo_ptp, whatever pkg-config --static says: hence the names.
 *
 * Two static libraries that are written in Rust clash in one program; then link the shared one. The
 * shared library stays loaded after dlclose().
 *
 * A FIRST PROGRAM
 *
 *   ovo_config *config = NULL;
 *   ovo_client *client = NULL;
 *   ovo_charge charge = OVO_CHARGE_INIT;
 *   ovo_outcome outcome = OVO_OUTCOME_INIT;
 *   int32_t code;
 *
 *   ovo_config_new(OVO_VERSION_NUMBER, &config);
 *   ovo_config_set_environment(config, "staging");
 *   ovo_config_set_credentials_from_file(config, "/etc/till/ovo.toml");
 *   ovo_config_set_journal(config, "/var/lib/till/ovo.db");
 *   code = ovo_client_open(config, &client);        // tells what a setting above has failed at
 *   ovo_config_free(config);
 *   if (code != OVO_OK) {
 *     fprintf(stderr, "%s: %s\n", ovo_strerror(code), ovo_last_error());
 *     return 1;
 *   }
 *
 *   charge.invoice = "INV-2026-0001";
 *   charge.amount = 12500;
 *   charge.phone = "0812-3456-7890";
 *   code = ovo_pay(client, &charge, &outcome);
 *   if (code != OVO_OK) {                                    // nothing was started
 *     fprintf(stderr, "%s: %s\n", ovo_strerror(code), ovo_client_error(client));
 *   } else {
 *     if (outcome.kind == OVO_PAID)
 *       printf("paid, approval code %s\n", outcome.approval_code);
 *     else
 *       printf("%s\n", ovo_customer_text(&outcome, OVO_INDONESIAN));
 *     if (outcome.kind != OVO_INTERRUPTED)                   // decided, and printed
 *       ovo_acknowledge(client, charge.invoice);
 *   }
 *   ovo_client_close(client);
 *
 * Whole programs for every task are in tests/c of the sources. Settlement (refunds, late checks)
 * runs in ovo_settle(), called from an idle loop, or on a thread of its own after
 * ovo_config_set_background(config, 1). One of the two is needed.
 *
 * ERRORS
 *
 * Functions return 0 (OVO_OK) or a code. A code means that the call started nothing: once a byte of
 * a push may have left, the answer is OVO_OK and an outcome, and once a byte of a void may have
 * left, OVO_OK and a result, whatever else fails (the journal, the caller, this library).
 * ovo_strerror() describes the code, ovo_client_error() the case, and ovo_last_error_facts() has the
 * field, the payment and the time to wait for programs.
 *
 * Results are told on OVO_OK. After a code they are cleared: zeroes, NULL, an empty text. A zero says
 * nothing about money; the enumerations that do begin at 1. (After OVO_ERR_BUFFER_TOO_SMALL the
 * needed size is there, and what else fitted. A struct whose size was not set is left alone.)
 * Common codes, which every function with such a parameter may return:
 *
 *   OVO_ERR_NULL         a pointer that must not be NULL is
 *   OVO_ERR_BAD_HANDLE   a handle that is closed, freed, of another kind, or made up
 *   OVO_ERR_STRUCT_SIZE  a struct that did not begin with its INIT macro, or a newer header's
 *   OVO_ERR_TOO_LONG, OVO_ERR_NOT_UTF8      a text that cannot be a value of its field
 *   OVO_ERR_REENTRANT    called from inside a callback
 *   OVO_ERR_FORKED       the handle is the parent's
 *   OVO_ERR_CLOSED       another thread closed the client meanwhile
 *   OVO_ERR_TOO_MANY_HANDLES                too much was opened and not freed
 *   OVO_ERR_INTERNAL     a defect in the library; close the handle, and report it
 *
 * HANDLES, TEXTS AND STRUCTS
 *
 * Handles (ovo_config, ovo_client, ovo_payment, ovo_list, ovo_exchange, ovo_reconciliation) look like
 * pointers and are not: never dereference one. A handle that was closed stays dead for ever, so closing twice or
 * using it afterwards is a code and never undefined.
 *
 * Texts are UTF-8 and end with NUL. What goes in is copied or used during the call only, and no
 * more than its field's longest value and one byte is ever read. What comes out is a copy inside
 * the caller's struct, or a constant that is never freed, or says how long it is valid. Yes and no
 * are 1 and 0. Enumerations travel as int32_t: a newer library may return numbers that this header
 * does not name.
 *
 * Structs begin with their size, which their INIT macro sets. Newer versions grow at the end, and a
 * newer library takes the sizes of all older headers of its series (0.2.x; from 1.0 on 1.x), whose
 * shared library has the same name. A library of another series has another one.
 *
 * THREADS, FORKS, SIGNALS
 *
 * Any function may be called from any thread. The library starts no thread unless asked
 * (ovo_config_set_threads, ovo_config_set_background), installs no signal handler, changes no
 * locale, writes to no stream (except one line when it finds a defect in itself), and is not
 * disturbed by signals. A thread that calls ovo_pay() or ovo_settle() needs 128 KB of stack. Do not
 * call it from a signal handler, nor leave a call or a callback by longjmp() or siglongjmp(): locks
 * would stay taken and a payment without its thread, and the library cannot notice. pthread_exit()
 * in a callback ends the process.
 *
 * pthread_cancel() of a thread inside a call takes effect when the call has returned (on Linux;
 * elsewhere the caller must disable cancellation), callbacks included. The thread must not have the
 * asynchronous type of cancellation.
 *
 * The library keeps one process-wide table, that of its handles, and has one pthread_atfork() entry
 * from the first client on.
 *
 * After fork() the child gets OVO_ERR_FORKED for the parent's handles and can make its own; it
 * cannot open a journal that the parent has open. fork() waits for a commit that is under way, so
 * that the child finds no lock held by a thread that it does not have.
 */
#ifndef OVO_PTP_H
#define OVO_PTP_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header; ovo_version() is the library's. */
#define OVO_VERSION "0.2.0"
#define OVO_VERSION_MAJOR 0
#define OVO_VERSION_MINOR 2
#define OVO_VERSION_PATCH 0
#define OVO_VERSION_NUMBER 2000

// What every function that can fail returns. 0 is success. Numbers are explicit and never change
// their meaning; new ones are added, retired ones stay as comments.
//
// An error means that the call started nothing: no payment, no void. Settlement is never in doubt
// either: what was due stays due.
enum ovo_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Done. Results are written; after any other code they are cleared.
  OVO_OK = 0,
  // A pointer that must not be NULL is. Mend the program.
  OVO_ERR_NULL = 100,
  // Not an open handle of this kind: closed, freed, or never one. Mend the program.
  OVO_ERR_BAD_HANDLE = 101,
  // A value breaks a rule; the detail names the field and the rule. Let the user correct it.
  OVO_ERR_INVALID_INPUT = 102,
  // A text is not UTF-8. Let the user correct it, or mend the program.
  OVO_ERR_NOT_UTF8 = 103,
  // A text is longer than its field allows, or has no terminating NUL. Mend the program.
  OVO_ERR_TOO_LONG = 104,
  // A struct's `size` is none that this library knows: it was not set by its INIT macro, or the
  // header is newer than the library.
  OVO_ERR_STRUCT_SIZE = 105,
  // The header is of another series than the library. Install the library of the header.
  OVO_ERR_VERSION = 106,
  // Called from inside a callback of this library. Return from it first.
  OVO_ERR_REENTRANT = 107,
  // The handle was made before a fork. Open a client of its own in the child.
  OVO_ERR_FORKED = 108,
  // The client was opened without threads. Ask for them with `ovo_config_set_threads`.
  OVO_ERR_NO_THREADS = 109,
  // The buffer is too small; the needed size was told. Call again with a larger one.
  OVO_ERR_BUFFER_TOO_SMALL = 110,
  // No element has this index. Ask for the length first.
  OVO_ERR_OUT_OF_RANGE = 111,
  // Another thread than the one that runs the exchange. Mend the transport.
  OVO_ERR_WRONG_THREAD = 112,
  // Too many handles are open. Free some.
  OVO_ERR_TOO_MANY_HANDLES = 113,
  // The client, its credentials or its files are set up wrongly; the detail says how.
  OVO_ERR_CONFIGURATION = 200,
  // This build of the library has no such part (see the feature table).
  OVO_ERR_UNSUPPORTED = 201,
  // The journal cannot be used (disk full, read-only, damaged, deleted). Call an operator.
  OVO_ERR_JOURNAL = 300,
  // Another process has the journal open. Wait for it, then call again.
  OVO_ERR_JOURNAL_LOCKED = 301,
  // The invoice was used before with another amount, phone or terminal. Take a new invoice.
  OVO_ERR_INVOICE_REUSED = 400,
  // The customer has a payment that is not settled yet. Wait for it, then call again.
  OVO_ERR_UNSETTLED_CUSTOMER = 401,
  // No payment with this invoice is in the journal.
  OVO_ERR_NOT_FOUND = 402,
  // A rule of the payment's present state refuses the operation; the detail names it.
  OVO_ERR_REFUSED = 403,
  // A check was asked too early or too late (see `ovo_check`); the detail says for how long.
  OVO_ERR_OUTSIDE_WINDOW = 404,
  // The host gave no usable answer to a request that moves no money. Call again.
  OVO_ERR_NO_ANSWER = 500,
  // The exchange must end now. Return from the transport function.
  OVO_ERR_STOPPED = 501,
  // The client was closed by another thread while this call was under way.
  OVO_ERR_CLOSED = 600,
  // A defect in this library; the handle refuses everything but being closed. Report it.
  OVO_ERR_INTERNAL = 900,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_code ovo_code;
#else
typedef int32_t ovo_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a payment ended.
enum ovo_outcome_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // There is no outcome yet.
  OVO_PENDING = 0,
  // The customer is debited and stays debited. Hand over the goods.
  OVO_PAID = 1,
  // OVO refused. Show the customer's text.
  OVO_DECLINED = 2,
  // No usable answer in time. Tell the customer that any deduction is returned; settlement
  // sees to it.
  OVO_NOT_COMPLETED = 3,
  // Not one byte of the push left; `not_sent_reason` says why. Try again, with a new invoice.
  OVO_NOT_SENT = 4,
  // The evidence contradicts itself. Call support; `ovo_rule` ends it.
  OVO_NEEDS_OPERATOR = 5,
  // The client was closed, or failed, meanwhile. Nothing is decided and nothing lost: open it again
  // and ask with the same invoice. Do not take another payment for the same goods.
  OVO_INTERRUPTED = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_outcome_kind ovo_outcome_kind;
#else
typedef int32_t ovo_outcome_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why not one byte of a push left.
enum ovo_not_sent_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Not told. Only the paying call itself tells it: it is not stored.
  OVO_NOT_SENT_UNTOLD = 0,
  // The host's name is not known: no network, or a wrong address.
  OVO_NOT_SENT_UNKNOWN_HOST = 1,
  // No connection to the host, or to the proxy before it.
  OVO_NOT_SENT_NO_CONNECTION = 2,
  // The host could not prove who it is, does not take this client's certificate, or speaks no TLS:
  // a certificate, a trust store, a clock.
  OVO_NOT_SENT_NOT_TRUSTED = 3,
  // Connecting took too long.
  OVO_NOT_SENT_TOO_SLOW = 4,
  // The merchant cancelled before anything was sent.
  OVO_NOT_SENT_CANCELLED = 5,
  // The client was closed before anything was sent.
  OVO_NOT_SENT_CLOSED = 6,
  // This process stood still too long, or another one took the payment over.
  OVO_NOT_SENT_STOPPED = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_not_sent_reason ovo_not_sent_reason;
#else
typedef int32_t ovo_not_sent_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a response code means for the payment that it answers.
enum ovo_class
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Says nothing certain: checked, then reversed. Also every code that is not in the table.
  OVO_CLASS_UNKNOWN = 0,
  // Paid, if the rest of the answer matches.
  OVO_CLASS_APPROVED = 1,
  // Definitely refused.
  OVO_CLASS_DECLINED = 2,
  // Definitely refused because the merchant's set-up is wrong.
  OVO_CLASS_MISCONFIGURED = 3,
  // The numbers or the invoice were used before.
  OVO_CLASS_DUPLICATE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_class ovo_class;
#else
typedef int32_t ovo_class;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A language for customer texts.
enum ovo_language
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Bahasa Indonesia.
  OVO_INDONESIAN = 0,
  // English.
  OVO_ENGLISH = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_language ovo_language;
#else
typedef int32_t ovo_language;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The form of an explanation.
enum ovo_explanation
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Plain text, some ten lines and the timeline.
  OVO_EXPLAIN_TEXT = 1,
  // One JSON object on one line, both languages in it. Keys are only ever added.
  OVO_EXPLAIN_JSON = 2,
  // One self-contained HTML page, without scripts, that can be sent to support.
  OVO_EXPLAIN_HTML = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_explanation ovo_explanation;
#else
typedef int32_t ovo_explanation;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Where a payment stands while its caller waits.
enum ovo_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The payment is in the journal; the connection is being made.
  OVO_PHASE_SENDING = 0,
  // The prompt is on its way to the customer, or on the customer's phone.
  OVO_PHASE_WAITING = 1,
  // The customer's time is over; OVO's record is checked.
  OVO_PHASE_CHECKING = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_phase ovo_phase;
#else
typedef int32_t ovo_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a watching function says.
enum ovo_watch_answer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Go on.
  OVO_GO_ON = 0,
  // Give the payment up. A number that no function returns by accident.
  OVO_CANCEL = 1128353347,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_watch_answer ovo_watch_answer;
#else
typedef int32_t ovo_watch_answer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How much a log line matters.
enum ovo_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // For the log.
  OVO_LEVEL_INFO = 0,
  // An operator should know.
  OVO_LEVEL_ALERT = 1,
  // Somebody should be woken.
  OVO_LEVEL_CRITICAL = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_level ovo_level;
#else
typedef int32_t ovo_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a request asks of OVO.
enum ovo_operation
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Push a payment to the customer's phone.
  OVO_OP_PUSH_TO_PAY = 1,
  // Return whatever an unanswered push may have taken.
  OVO_OP_REVERSAL = 2,
  // Return a paid payment.
  OVO_OP_VOID = 3,
  // Ask what became of a push.
  OVO_OP_CHECK_PAYMENT = 4,
  // Ask what became of a void.
  OVO_OP_CHECK_VOID = 5,
  // Ask whether a phone has an OVO account.
  OVO_OP_INQUIRY = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_operation ovo_operation;
#else
typedef int32_t ovo_operation;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a transport's exchange ended: the three phases that money cares about.
enum ovo_exchange_end
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Something may have left, and no whole answer came. Also what a transport says that returns 0
  // because nothing went wrong.
  OVO_EXCHANGE_NO_ANSWER = 0,
  // The answer was handed over with `ovo_exchange_answer`.
  OVO_EXCHANGE_ANSWERED = 1,
  // Proven: not one byte of the request left this device. Counts only as long as
  // `ovo_exchange_begin` has not said that the request may be written.
  OVO_EXCHANGE_NOT_SENT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_exchange_end ovo_exchange_end;
#else
typedef int32_t ovo_exchange_end;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What OVO says about a payment that was checked.
enum ovo_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Paid.
  OVO_STATUS_PAID = 1,
  // OVO has no such payment.
  OVO_STATUS_NOT_FOUND = 2,
  // It was reversed.
  OVO_STATUS_REVERSED = 3,
  // The numbers belong to another sale.
  OVO_STATUS_FOREIGN_SALE = 4,
  // Whose payment it is cannot be told.
  OVO_STATUS_DOUBTFUL = 5,
  // Older than seven days.
  OVO_STATUS_TOO_OLD = 6,
  // The contract has no status check.
  OVO_STATUS_UNAVAILABLE = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_status ovo_status;
#else
typedef int32_t ovo_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a void stands.
enum ovo_void_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The customer has the money back.
  OVO_VOIDED = 1,
  // OVO refused; the payment stays paid. The response code tells why.
  OVO_VOID_REJECTED = 2,
  // Not one byte left. Try again.
  OVO_VOID_NOT_SENT = 3,
  // Not known yet; settlement asks for it.
  OVO_VOID_PENDING = 4,
  // Could not be known within the day. An operator refunds.
  OVO_VOID_NEEDS_OPERATOR = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_void_state ovo_void_state;
#else
typedef int32_t ovo_void_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// An operator's decision about a payment that waits for one.
enum ovo_ruling
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is paid, and by this customer.
  OVO_RULE_PAID = 1,
  // It is this customer's and must be returned.
  OVO_RULE_REFUND = 2,
  // It is dealt with outside this library. Of a payment that was not paid this is refused until
  // 180 s (60 s + D) after its push: until then the customer can still be debited.
  OVO_RULE_CLOSE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_ruling ovo_ruling;
#else
typedef int32_t ovo_ruling;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What to do with a success that only the status check reported, while somebody still waits.
enum ovo_late_success
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Tell it as paid, marked late. The default: the customer has paid and still stands there.
  OVO_LATE_ACCEPT = 1,
  // Return the money, for merchants whose order is gone after a minute.
  OVO_LATE_REVERSE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_late_success ovo_late_success;
#else
typedef int32_t ovo_late_success;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// When a new batch begins.
enum ovo_batch_method
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Behind reference 999999 only. The default: it depends on no clock.
  OVO_BATCH_CONTINUOUS = 0,
  // With the first push of each day (WIB).
  OVO_BATCH_DAILY = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_batch_method ovo_batch_method;
#else
typedef int32_t ovo_batch_method;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What the signature of a request covers.
enum ovo_signing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // App id and random. The default, and OVO's published example.
  OVO_SIGN_WITHOUT_BODY = 0,
  // App id, random and the body. `ovo_doctor` tells which one the host accepts.
  OVO_SIGN_WITH_BODY = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_signing ovo_signing;
#else
typedef int32_t ovo_signing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How the host answered an inquiry that was signed in one way.
enum ovo_probe
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // No readable answer.
  OVO_PROBE_NO_ANSWER = 0,
  // The signature was accepted.
  OVO_PROBE_ACCEPTED = 1,
  // The host refused the set-up; the response code tells why.
  OVO_PROBE_REFUSED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_probe ovo_probe;
#else
typedef int32_t ovo_probe;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a line of the report, or a payment that has none, comes to. Up to `OVO_FINDING_PERHAPS_NEXT_DAY`
// the books agree, from `OVO_FINDING_EXTRA_DEBIT` on somebody must look.
enum ovo_finding
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing is left.
  OVO_FINDING_NONE = 0,
  // Paid there and here.
  OVO_FINDING_MATCHED = 1,
  // Refunded there, and not the shop's money here.
  OVO_FINDING_REFUNDED = 2,
  // Paid there; here there is no outcome yet, or a void is under way.
  OVO_FINDING_OPEN = 3,
  // Paid there; here an operator closed it, having dealt with it by hand.
  OVO_FINDING_BY_HAND = 4,
  // Paid here at the end of the day: it may stand in the next day's report.
  OVO_FINDING_PERHAPS_NEXT_DAY = 5,
  // Paid there, and the cashier was told otherwise, or nobody knew: behind the last line
  // (`ovo_reconcile_extra_debit`) give it to `ovo_report_paid`, which returns the money. The refund's own
  // line takes it out of the counts again.
  OVO_FINDING_EXTRA_DEBIT = 6,
  // Paid there; here the money went back, or is on its way. A later line or report must show it.
  OVO_FINDING_RETURNED_HERE = 7,
  // Refunded there, and paid here: ask OVO.
  OVO_FINDING_REFUNDED_THERE = 8,
  // The same invoice with another amount: ask OVO.
  OVO_FINDING_OTHER_AMOUNT = 9,
  // A second line for the same invoice: ask OVO.
  OVO_FINDING_TWICE = 10,
  // The journal does not know the invoice.
  OVO_FINDING_MISSING_HERE = 11,
  // Paid here, and not in the report of its day: ask OVO.
  OVO_FINDING_MISSING_AT_OVO = 12,
  // Here its evidence contradicts itself: an operator rules (`ovo_rule`), and this line is evidence.
  OVO_FINDING_WITH_OPERATOR = 13,
  // Paid there, reported before, and OVO's status checks know of no debit: ask OVO.
  OVO_FINDING_CONTRADICTED = 14,
  // No money moved, says the report, no line has it as paid, and it is paid here: ask OVO. From
  // `ovo_reconcile_missing`.
  OVO_FINDING_FAILED_THERE = 15,
  // Paid there and here, and begun on another day than the line's, outside of those in which the
  // missing ones are looked for: look at the report's column of dates. From `ovo_reconcile_missing`, the
  // first payment for all of the same two days; the text says how many.
  OVO_FINDING_OTHER_DAY = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_finding ovo_finding;
#else
typedef int32_t ovo_finding;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a line of a report says of the customer's money.
enum ovo_listed
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The customer paid.
  OVO_LISTED_PAID = 1,
  // The customer has the money back.
  OVO_LISTED_REFUNDED = 2,
  // No money moved (FAILED, PENDING).
  OVO_LISTED_NOTHING = 3,
  // It is another till's, or a sum: of it nothing but the day counts.
  OVO_LISTED_ELSEWHERE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ovo_listed ovo_listed;
#else
typedef int32_t ovo_listed;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A client: one merchant's journal and connection to OVO. Any thread may use it, several at once.
typedef struct ovo_client ovo_client;

// What a client shall be. One thread at a time should fill it.
typedef struct ovo_config ovo_config;

// One exchange under way: valid until the transport function returns, on its thread alone.
typedef struct ovo_exchange ovo_exchange;

// A list of payments, as they were when it was made. Any thread may read it, several at once.
typedef struct ovo_list ovo_list;

// A payment under way on a thread of its own. Any thread may use it, several at once.
typedef struct ovo_payment ovo_payment;

// A settlement report beside a journal. One thread at a time works with it; others wait.
typedef struct ovo_reconciliation ovo_reconciliation;

// Hears the client's log: exchanges, verdicts, alerts, journal failures. No secret and no personal
// data is in it.
//
// Called on the thread where it happens: the caller's own, or, in a client with threads, one of
// the library's, several at once. Must return soon, must not throw or `longjmp`, and must not call
// the library except for functions without a handle.
//
// Parameters:
// - `userdata`: what was given with the function.
// - `level`: an `ovo_level`.
// - `invoice`: the payment, NULL if it is about none; the library's, good until the return.
// - `message`: one line of English in UTF-8; the library's, good until the return.
typedef void (*ovo_log_fn)(void *userdata, int32_t level, const char *invoice, const char *message);

// Hears about once a second where a payment stands, for a countdown.
//
// Threads and duties as for `ovo_log_fn`.
//
// Parameters:
// - `userdata`: what was given with the function.
// - `invoice`: the payment; the library's, good until the return.
// - `phase`: an `ovo_phase`.
// - `remaining_ms`: time left for the customer while waiting for the customer, else until the
//   outcome.
typedef void (*ovo_progress_fn)(void *userdata,
                                const char *invoice,
                                int32_t phase,
                                uint32_t remaining_ms);

// Tells the password for a connection to a journal in PostgreSQL, as of now: a token that expires. A
// connection that is open goes on; the next one takes what this tells then.
//
// Called before every connection and for each host of the address, on a thread of the library's also if
// the client has none, never twice at once for one client. Should answer from memory: behind 3 s the
// connection is given up, and tried again like one to a server that is away. Must not throw or
// `longjmp`. Must return before `ovo_client_open` (if that fails) and `ovo_client_close` do, which wait
// for it, and must not call the library except for functions without a handle.
//
// Parameters:
// - `userdata`: what was given with the function.
// - `host`: the host's name or address, or the directory of its socket; the library's, good until the
//   return.
// - `port`: its port.
// - `user`: the role; the library's, good until the return.
// - `password`: a place for the password, UTF-8 with its NUL; the library's, wiped behind the call.
// - `capacity`: bytes at `password`, 8192 in this version.
//
// Returns 0 if the password is there. Any other number: there is none; the number is told in the error
// (`OVO_ERR_JOURNAL`), and nothing of what was written.
typedef int32_t (*ovo_journal_password_fn)(void *userdata,
                                           const char *host,
                                           uint32_t port,
                                           const char *user,
                                           char *password,
                                           size_t capacity);

// One request to carry. The library's, all of it good until the transport function returns.
//
// Send it as `POST` to `url` with the headers `app-id`, `random` and `hmac` from the fields of
// these names and `Content-Type: application/json`, once, over TLS with a verified certificate, on
// a connection that serves nothing else. Never resend, never follow a redirect.
//
// **Read `random` and `hmac` behind `ovo_exchange_begin`**, which signs with the connection ready:
// connecting may take long, and OVO may refuse a `random` that is old. What stands there before is
// a pair made at the call, for transports that write the head before they connect; both pairs stay
// good until the function returns.
typedef struct ovo_request {
  // Size of this struct in bytes: a newer library may have more fields at the end.
  uint32_t size;
  // An `ovo_operation`.
  int32_t operation;
  // Longest time for dialling, connecting, TLS and writing together, in milliseconds.
  uint32_t send_budget_ms;
  // Longest time from the call to the end of the answer, in milliseconds.
  uint32_t total_budget_ms;
  // The address, for example `https://apigw.ovo.id/pos`.
  const char *url;
  // The `app-id` header.
  const char *app_id;
  // The `random` header: the time of the signature.
  const char *random;
  // The `hmac` header.
  const char *hmac;
  // The JSON body, to be sent byte for byte. It ends with a NUL that is not part of it.
  const uint8_t *body;
  // Length of the body in bytes.
  size_t body_length;
} ovo_request;

// Carries one request and its answer.
//
// The order of calls:
// - connect, with TLS to its end; nothing of the request is needed for that but its `url`. Meanwhile ask
//   `ovo_exchange_connecting` about five times a second; if it is not `OVO_OK`, hang up and return
//   `OVO_EXCHANGE_NOT_SENT`;
// - `ovo_exchange_begin`, immediately before the first byte; if it is not `OVO_OK`, write nothing
//   and return `OVO_EXCHANGE_NOT_SENT`; from `OVO_OK` on that cannot be said any more;
// - write the request; `ovo_exchange_sent` when its last byte is out;
// - `ovo_exchange_wait` again and again while waiting for the answer; if it is not `OVO_OK`, stop
//   and return `OVO_EXCHANGE_NO_ANSWER`;
// - `ovo_exchange_answer` with the whole answer; return `OVO_EXCHANGE_ANSWERED`.
//
// Called on the thread of the call that needs it, in a client with threads on several threads at
// once; and **`ovo_exchange_wait` may call it again** from inside, for the status check at 60
// seconds, while the first request is still open. A modem with one connection at a time must
// answer that second call with `OVO_EXCHANGE_NOT_SENT`. Must not throw or `longjmp`.
//
// Parameters:
// - `userdata`: what was given with the function.
// - `request`: what to send.
// - `exchange`: for the functions above.
//
// Returns an `ovo_exchange_end`; 0 and any number that is none count as `OVO_EXCHANGE_NO_ANSWER`.
// When in doubt whether a byte left, say `OVO_EXCHANGE_NO_ANSWER`: a wrong `OVO_EXCHANGE_NOT_SENT`
// can cost a customer money. What contradicts the calls made (not sent, although
// `ovo_exchange_begin` was `OVO_OK` or an answer was handed over; answered without a begin or an
// answer) counts as `OVO_EXCHANGE_NO_ANSWER`, too.
typedef int32_t (*ovo_transport_fn)(void *userdata,
                                    const ovo_request *request,
                                    ovo_exchange *exchange);

// A clock of the caller's, for tests and for systems whose clocks the library does not know.
// Begin with `OVO_CLOCK_INIT`. Its functions are called often, on the threads of
// `ovo_log_fn`, with the same duties.
typedef struct ovo_clock {
  // Size of this struct in bytes, set by `OVO_CLOCK_INIT`.
  uint32_t size;
  // Always 0.
  int32_t reserved;
  // Handed back to the functions.
  void *userdata;
  // Milliseconds since the device started. Must count while it sleeps, must never be set. A tick
  // of 32 bits may wrap (every 49.7 days) while a client is open; before a client is opened
  // again after a wrap, `boot_id` must change.
  uint64_t (*boottime_ms)(void *userdata);
  // Milliseconds since 1970-01-01 UTC.
  int64_t (*wall_ms)(void *userdata);
  // Waits. May return early.
  void (*sleep_ms)(void *userdata, uint32_t milliseconds);
  // A text that is the same as long as `boottime_ms` goes on and another one after a restart.
  // Copied by `ovo_config_set_clock`.
  const char *boot_id;
} ovo_clock;

// What the doctor found. Begin with `OVO_DIAGNOSIS_INIT`.
typedef struct ovo_diagnosis {
  // Size of this struct in bytes, set by `OVO_DIAGNOSIS_INIT`.
  uint32_t size;
  // How many things must be mended; 0 if all is well.
  uint32_t problems;
  // The `ovo_signing` that the client uses.
  int32_t signing;
  // The `ovo_probe` of an inquiry signed without the body.
  int32_t without_body;
  // The `ovo_probe` of an inquiry signed with the body.
  int32_t with_body;
  // 1 if the host told its time over TLS.
  int32_t clock_known;
  // How many seconds this machine's clock is ahead of the host's; below 0: behind.
  int64_t clock_ahead_seconds;
  // Payments in the journal.
  uint64_t payments;
  // Payments that are not settled.
  uint64_t unsettled;
  // The host's code to the inquiry signed without the body, or empty.
  char without_body_code[8];
  // The host's code to the inquiry signed with the body, or empty.
  char with_body_code[8];
  // 1 if it is known how long the host's certificate is good.
  int32_t host_certificate_known;
  // How many whole days it still is; below 0: it has ended. Fewer than 14 are a problem.
  int32_t host_certificate_days;
  // 1 if this client has a certificate of its own.
  int32_t client_certificate_known;
  // How many whole days it is still good.
  int32_t client_certificate_days;
} ovo_diagnosis;

// What the latest failed call of a thread was about. Begin with `OVO_ERROR_FACTS_INIT`.
typedef struct ovo_error_facts {
  // Size of this struct in bytes, set by `OVO_ERROR_FACTS_INIT`.
  uint32_t size;
  // The code of that call; `OVO_OK` if no call of this thread has failed.
  int32_t code;
  // How long to wait before the same call is worth another try, in milliseconds; 0 if that is not
  // known. For an unsettled customer it may be refused again then.
  int64_t retry_after_ms;
  // The field or argument that is wrong, for example `amount` or `store_code`; else empty.
  char field[32];
  // The payment that the failure is about, or empty. For an unsettled customer that is the
  // payment which the new one has to wait for.
  char invoice[56];
} ovo_error_facts;

// Which payments to list. Begin with `OVO_FILTER_INIT`, which lists all of them.
typedef struct ovo_filter {
  // Size of this struct in bytes, set by `OVO_FILTER_INIT`.
  uint32_t size;
  // 1: only payments whose outcome has not been acknowledged.
  int32_t unacknowledged;
  // 1: only payments that are not settled.
  int32_t unsettled;
  // 1: only payments that wait for an operator.
  int32_t needs_operator;
  // Only payments begun at or after this time, in milliseconds since 1970 UTC; 0 for all.
  int64_t since_ms;
  // Only payments begun before this time; 0 for all.
  int64_t until_ms;
  // Only payments behind this one, the last of the page before, in the order of the list: its `id`.
  // 0 for all.
  int64_t after;
  // At most so many; 0 means 1,000.
  uint32_t limit;
  // 1: newest first, for people; else in the order in which they were begun.
  int32_t newest_first;
  // Only payments of this terminal (`tid`); NULL for all. Stays the caller's, as `mid` does.
  const char *tid;
  // Only payments of this merchant id (`mid`); NULL for all.
  const char *mid;
} ovo_filter;

// A payment as the journal knows it. Begin with `OVO_RECORD_INIT`. Holds nothing about the person
// who paid, and no pointer.
typedef struct ovo_record {
  // Size of this struct in bytes, set by `OVO_RECORD_INIT`.
  uint32_t size;
  // An `ovo_outcome_kind`; `OVO_PENDING` while there is no outcome.
  int32_t outcome;
  // The journal's number of the payment, for paging with `ovo_filter.after`.
  int64_t id;
  // The amount in rupiah.
  int64_t amount;
  // When it was begun, in milliseconds since 1970-01-01 UTC by the wall clock of that time.
  int64_t begun_ms;
  // The batch.
  uint32_t batch;
  // The reference.
  uint32_t reference;
  // 1 if the caller has acknowledged the outcome.
  int32_t acknowledged;
  // 1 if nothing is left to do at OVO.
  int32_t settled;
  // 1 if an operator must decide.
  int32_t needs_operator;
  // Always 0.
  int32_t reserved;
  // The invoice.
  char invoice[56];
  // Where settlement stands, in English.
  char settlement[40];
  // Terminal id.
  char tid[24];
  // Merchant id in the card sense.
  char mid[32];
  // Store code.
  char store_code[24];
} ovo_record;

// The customer's wallet as OVO reported it. Personal data: it is in the outcome of the paying
// call alone, and never stored or logged. Texts longer than their field are cut at a whole
// character. This struct never grows.
typedef struct ovo_wallet {
  // Masked OVO id.
  char ovo_id[64];
  // The customer's name.
  char full_name[128];
  // OVO Cash used, rupiah as text.
  char cash_used[24];
  // OVO Cash left, rupiah as text.
  char cash_balance[24];
  // OVO Points used, as text.
  char points_used[24];
  // OVO Points left, as text.
  char points_balance[24];
  // OVO Points earned, as text.
  char points_earned[24];
  // For example `PUSH TO PAY`.
  char payment_type[40];
} ovo_wallet;

// How a payment ended. Begin with `OVO_OUTCOME_INIT`. Holds no pointer: copy it as you like,
// there is nothing to free.
typedef struct ovo_outcome {
  // Size of this struct in bytes, set by `OVO_OUTCOME_INIT`.
  uint32_t size;
  // An `ovo_outcome_kind`. `OVO_PENDING` as long as there is no outcome.
  int32_t kind;
  // The amount in rupiah; of a paid payment, else 0.
  int64_t amount;
  // The batch, 1 to 999999; of a paid one or one that needs an operator, else 0.
  uint32_t batch;
  // The reference, 1 to 999999; as for the batch.
  uint32_t reference;
  // Paid: 1 if a status check or an operator reported the success instead of the push's answer.
  int32_t late;
  // Paid: 1 if the payment has been voided since. It stays so where `reason` says that OVO's record
  // shows something else.
  int32_t voided;
  // Declined: the code's `ovo_class`.
  int32_t response_class;
  // Declined: 1 if a new attempt, with a new invoice, can succeed.
  int32_t new_attempt;
  // Not completed: 1 if OVO's record is settled, so that the customer is certainly not debited.
  int32_t refund_settled;
  // Not completed: 1 if there is evidence that the customer had been debited.
  int32_t was_debited;
  // Paid: 1 if `wallet` is filled.
  int32_t has_wallet;
  // Not sent: an `ovo_not_sent_reason`.
  int32_t not_sent_reason;
  // Not completed: 1 if the merchant gave the payment up, before its time was over.
  int32_t cancelled;
  // 1 if the payment was in the journal before the call that told this, so that **the call pushed
  // nothing**: of whatever was joined, taken up, looked up or listed. 0 only of `ovo_pay` and
  // `ovo_pay_with` that began the payment themselves, and of the handle of such an `ovo_start`, also
  // while it is `OVO_PENDING`.
  int32_t was_known;
  // The invoice.
  char invoice[56];
  // Declined: OVO's code, empty if the numbers turned out to belong to another sale.
  char response_code[8];
  // Paid: OVO's approval code, empty where its answer told none that can be read.
  char approval_code[40];
  // Paid: OVO's trace number, or empty.
  char trace_number[40];
  // Paid: OVO's date of the payment, `MMdd`, or empty.
  char host_date[40];
  // Paid: OVO's time of the payment, `HHmmss` WIB, or empty.
  char host_time[40];
  // Declined, not sent and needs operator: what happened, in English, for the log. Not completed: empty,
  // or that nothing goes back by itself any more, because it waits for an operator, one closed it, or OVO
  // is asked first in a journal that cannot vouch for itself.
  // Paid: empty, or why it is not known whether a void returned the money: under way, left to an
  // operator, closed by one, or acknowledged and not shown by OVO's record. Hand over nothing then.
  char reason[128];
  // Paid: the customer's wallet, if `has_wallet`. What a receipt shows again (cash and points used,
  // points earned) is kept with the payment and stands here without that, too.
  ovo_wallet wallet;
} ovo_outcome;

// What is known about a response code. Begin with `OVO_RESPONSE_CODE_INIT`.
typedef struct ovo_response_code {
  // Size of this struct in bytes, set by `OVO_RESPONSE_CODE_INIT`.
  uint32_t size;
  // The `ovo_class` of the code as the answer to a push.
  int32_t class_of_push;
  // 1 if the code is shown to the customer with a text of its own.
  int32_t shown;
  // 1 if a new attempt, with a new invoice, can succeed.
  int32_t new_attempt;
  // 1 if the code is in the table.
  int32_t known;
  // Always 0.
  int32_t reserved;
  // The code.
  char code[8];
  // What OVO means by it, in English.
  char meaning[128];
  // What the merchant does, in English.
  char action[128];
} ovo_response_code;

// How a void stands. Begin with `OVO_VOID_RESULT_INIT`.
typedef struct ovo_void_result {
  // Size of this struct in bytes, set by `OVO_VOID_RESULT_INIT`.
  uint32_t size;
  // An `ovo_void_state`.
  int32_t state;
  // OVO's code if it refused, else empty.
  char response_code[8];
} ovo_void_result;

// One payment to push to a customer's phone. Begin with `OVO_CHARGE_INIT`.
typedef struct ovo_charge {
  // Size of this struct in bytes, set by `OVO_CHARGE_INIT`.
  uint32_t size;
  // 1: push even if this customer has a payment that is not settled. Both could be debited.
  int32_t allow_second_push;
  // Whole rupiah, at least 1.
  int64_t amount;
  // Your own name of this attempt, never used before: 1 to 50 characters out of
  // `A-Z a-z 0-9 - _ . /`. The key of the payment: the same invoice never pushes twice.
  const char *invoice;
  // The customer's phone as typed.
  const char *phone;
  // Another terminal than that of the credentials: all of these three, or NULL.
  const char *tid;
  // See `tid`.
  const char *mid;
  // See `tid`.
  const char *store_code;
} ovo_charge;

// Hears where the payment of `ovo_pay_with` stands, about once a second, and may give it up.
//
// Called on the thread of that call. Duties as for `ovo_log_fn`.
//
// Parameters:
// - `userdata`: what was given with the function.
// - `phase`: an `ovo_phase`.
// - `remaining_ms`: as for `ovo_progress_fn`.
//
// Returns `OVO_CANCEL` to give the payment up as `ovo_cancel` does. Any other number lets it go on.
typedef int32_t (*ovo_watch_fn)(void *userdata, int32_t phase, uint32_t remaining_ms);

// A line of OVO's settlement report, as your program reads it: OVO publishes no format for Push To Pay.
// Begin with `OVO_SETTLEMENT_LINE_INIT`.
typedef struct ovo_settlement_line {
  // Size of this struct in bytes, set by `OVO_SETTLEMENT_LINE_INIT`.
  uint32_t size;
  // An `ovo_listed`: what it says.
  int32_t says;
  // The amount of the payment in rupiah, before fees; above 0, also of a refund. 0 if a line that says
  // that no money moved has none.
  int64_t amount;
  // A moment of the transaction's day (in WIB), in milliseconds since 1970 UTC; 0 if the report does not
  // tell.
  int64_t day_ms;
  // The merchant's invoice as the report has it, up to 255 bytes. One that could not be an invoice of
  // this library is missing here, and no error.
  const char *invoice;
} ovo_settlement_line;

// What a line, or a payment without one, comes to. Begin with `OVO_RECONCILED_INIT`.
typedef struct ovo_reconciled {
  // Size of this struct in bytes, set by `OVO_RECONCILED_INIT`.
  uint32_t size;
  // An `ovo_finding`.
  int32_t finding;
  // 1 if the two books differ, so that somebody must look.
  int32_t is_difference;
  // Always 0.
  int32_t reserved;
  // The report's amount in rupiah; 0 if no line has this payment.
  int64_t listed;
  // The journal's amount in rupiah; 0 if the journal does not know the invoice.
  int64_t amount;
  // The invoice, as the report or the journal has it; cut if it is longer than any of this library's.
  char invoice[56];
  // What it means, what to do, and why the payment stands as it does: one line of UTF-8.
  char text[512];
} ovo_reconciled;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Opens a client: reads the trusted certificates, opens the journal, and connects to nothing yet.
//
// Afterwards ask `ovo_unacknowledged` for what an earlier run left, and let the client settle
// (`ovo_config_set_background`, or `ovo_settle` from the idle loop).
//
// Parameters:
// - `config`: what the client shall be; stays the caller's, can be used again or freed at once.
// - `client`: gets the client.
//
// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: something is missing or does not fit, the detail
// says what; the code of a setting that has failed and was not made again: its detail is told
// again; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS, give it a transport;
// `OVO_ERR_JOURNAL`: the file cannot be used, call an operator and keep it;
// `OVO_ERR_JOURNAL_LOCKED`: another process has it, try later; or a common code.
//
// Memory: on success the caller closes `*client` with `ovo_client_close`; else it is NULL.
int32_t ovo_client_open(const ovo_config *config, ovo_client **client);

// Closes a client. Waiting calls of other threads return `OVO_INTERRUPTED` within about a second
// (a terminal's own transport that connects may take longer to give up); their payments stay in the journal
// and are taken up by whoever opens it next. Returns when no call is left in the client, so that
// the journal can be opened again and callbacks' data freed.
//
// Parameters:
// - `client`: a client, the library's from now on. NULL is fine; a second time is a code.
//
// Returns: `OVO_OK`; `OVO_ERR_BAD_HANDLE` for what is not a client any more;
// `OVO_ERR_REENTRANT` in a callback: close it afterwards; `OVO_ERR_FORKED` in a child: it is the
// parent's to close.
//
// Memory: everything of the client is freed; payments started with it and lists stay good and are
// freed by themselves.
int32_t ovo_client_close(ovo_client *client);

// Closes a client with a grace: new payments are refused at once (`OVO_ERR_CLOSED`), payments that
// somebody waits for may end within it, and then it closes like `ovo_client_close`: a restart at noon
// does not turn sales into refunds. Acknowledge their outcomes with the client that is opened next.
//
// Parameters:
// - `client`: a client, the library's when the grace is over. NULL is fine; a second time is a
//   code.
// - `grace_ms`: how long at most; 90000 are enough for all payments. It returns as soon as nobody
//   waits any more.
//
// Returns: as `ovo_client_close`.
//
// Memory: as `ovo_client_close`.
int32_t ovo_client_close_within(ovo_client *client,
                                uint32_t grace_ms);

// Asks whether a phone number has an OVO account. OVO recommends it before a push.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `phone`: the number as typed; stays the caller's.
// - `registered`: gets 1 if it has an account, 0 if not.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: let the customer correct the number;
// `OVO_ERR_NO_ANSWER`: ask again, or push all the same; `OVO_ERR_CONFIGURATION`: OVO refuses the
// set-up, run `ovo_doctor`; or a common code.
//
// Memory: nothing is kept.
int32_t ovo_inquire(ovo_client *client, const char *phone, int32_t *registered);

// Begins a configuration. Environment, credentials and journal must be set; everything else has a
// safe default.
//
// Parameters:
// - `header`: `OVO_VERSION_NUMBER`, so that a program compiled with a newer header is found out.
// - `config`: gets the configuration.
//
// Returns: `OVO_OK`; `OVO_ERR_VERSION`: install the library of the header; or a common code.
//
// Memory: on success the caller frees `*config` with `ovo_config_free`; else it is NULL.
int32_t ovo_config_new(int32_t header, ovo_config **config);

// Frees a configuration. The app key in it is wiped.
//
// Parameters:
// - `config`: a configuration, the library's from now on. NULL is fine; a second time is a code.
//
// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not a configuration any more. In a callback, too.
//
// Memory: clients opened with it stay good.
int32_t ovo_config_free(ovo_config *config);

// Says where OVO is. Required.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `environment`: `staging`, `staging-old`, `production`, `production-old` (OVO's new and old
//   hosts), or a URL: `https://...`, or `http://` to this machine only, for a sandbox. Stays the
//   caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: no such environment; or a common code.
//
// Memory: the text is copied.
int32_t ovo_config_set_environment(ovo_config *config, const char *environment);

// Gives the six values that OVO issued. Required, unless they are read from the environment or a
// file.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `merchant_id`, `store_code`, `tid`, `mid`, `app_id`: as issued; stay the caller's.
// - `app_key`: exactly 64 hexadecimal digits; stays the caller's, who should wipe it.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: the detail names the field and its rule, never the
// value; or a common code.
//
// Memory: the texts are copied; the app key's copy is wiped when it is freed.
int32_t ovo_config_set_credentials(ovo_config *config,
                                   const char *merchant_id,
                                   const char *store_code,
                                   const char *tid,
                                   const char *mid,
                                   const char *app_id,
                                   const char *app_key);

// Reads the credentials from the environment variables `OVO_MERCHANT_ID`, `OVO_STORE_CODE`,
// `OVO_TID`, `OVO_MID`, `OVO_APP_ID` and `OVO_APP_KEY`.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: one is missing; `OVO_ERR_INVALID_INPUT`: one breaks
// its rule; or a common code.
//
// Memory: the values are copied.
int32_t ovo_config_set_credentials_from_environment(ovo_config *config);

// Reads the credentials from a file: TOML if its name ends in `.toml`, JSON if in `.json`, with
// the keys `merchant_id`, `store_code`, `tid`, `mid`, `app_id` and `app_key`, all text.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `path`: the file, which other users of the machine must not be able to read; stays the
//   caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: the file cannot be used; `OVO_ERR_INVALID_INPUT`: a
// value breaks its rule; or a common code.
//
// Memory: the values are copied.
int32_t ovo_config_set_credentials_from_file(ovo_config *config, const char *path);

// Gives the app keys that the merchant had before the present one, beside those that the credentials'
// file or environment names. A journal needs a former key once, when it is first opened with the next
// one: it then keeps what it needs of it, sealed with the new one, and the former key can be left out.
// Without it the journal opens with a critical line of the log, and requests about older payments
// leave the phone out.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `app_keys`: each exactly 64 hexadecimal digits, parted by commas; stays the caller's, who should
//   wipe it. NULL for none, which is the default.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: one is no key; or a common code.
//
// Memory: the text is copied; the copy is wiped when it is freed.
int32_t ovo_config_set_previous_app_keys(ovo_config *config,
                                         const char *app_keys);

// Says what kind of environment a host of one's own is, for example `production` for a gateway in
// front of OVO's. A journal belongs to one kind and is refused by clients of another. Default:
// `production` and `staging` for OVO's hosts, `loopback` for this machine, else the host itself.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `environment_class`: the kind, 1 to 255 bytes; stays the caller's. NULL for the default. Beside one
//   of OVO's own hosts `ovo_client_open` refuses another kind than theirs.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: an empty one; or a common code.
//
// Memory: the text is copied.
int32_t ovo_config_set_environment_class(ovo_config *config,
                                         const char *environment_class);

// Names the journal's file. Required. It is made if it does not exist, with mode 0600; its
// directory must exist, on a local disk that keeps what it was told to sync. A library that was built with
// the feature `postgres` also takes the address of a journal for several nodes:
// `postgresql://user@host1,host2/database?schema=ovo`, with the password in `PGPASSWORD` or a password file.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `path`: the file or the address; stays the caller's. One journal serves one tid and mid.
//
// Returns: `OVO_OK` or a common code; the file is looked at by `ovo_client_open`.
//
// Memory: the text is copied.
int32_t ovo_config_set_journal(ovo_config *config,
                               const char *path);

// Lets several processes of this host use the journal at once. Default: one, which shuts all
// others out.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `shared`: 1 or 0.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_journal_shared(ovo_config *config, int32_t shared);

// Lets `ovo_client_open` set a journal aside that cannot be used (it is damaged, or missing beside its
// log) and begin a new one, which is a critical line of the log: for tills without a person at a shell.
// See `ovo_journal_set_aside`. Default: it is refused, with the reason.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `on`: 1 or 0.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_journal_set_aside_unusable(ovo_config *config,
                                                  int32_t on);

// Chooses the batch of a fresh journal's first push. Default: one that no earlier journal of this
// terminal can have used, taken from the wall clock, which must be right for that.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `batch`: 1 to 999999; 0 for the default.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no batch; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_first_batch(ovo_config *config, uint32_t batch);

// Trusts the certificate authorities of a PEM file and no others. Default: those of the operating
// system. Verification cannot be switched off.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `path`: the file, read by `ovo_client_open`; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a common code.
//
// Memory: the text is copied.
int32_t ovo_config_set_trust_file(ovo_config *config, const char *path);

// Trusts the certificate authorities of a PEM text in memory and no others, for a terminal without
// files.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `pem`: the text, at most 1 MiB; stays the caller's.
// - `length`: its length in bytes.
//
// Returns: `OVO_OK`; `OVO_ERR_TOO_LONG`; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a
// common code.
//
// Memory: the text is copied.
int32_t ovo_config_set_trust_pem(ovo_config *config, const uint8_t *pem, size_t length);

// Goes through a proxy: the merchant's own way out, whose address OVO admits. Default: none, whatever
// the environment says. OVO's name is resolved by the proxy, and its certificate verified behind it.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `url`: `http://[user:password@]host[:port]`, `https://` (TLS to the proxy, see
//   `ovo_config_set_proxy_trust_file`) or `socks5://`, with reserved characters of user and password percent-encoded; stays the caller's. NULL for none.
//
// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: no such URL; `OVO_ERR_UNSUPPORTED`: this build has no
// HTTPS; or a common code. No error shows the password.
//
// Memory: the text is copied; what is copied is cleared with the configuration and the client.
int32_t ovo_config_set_proxy(ovo_config *config,
                             const char *url);

// Trusts the certificate authorities of a PEM file, and no others, with an `https://` proxy's own
// certificate, and with nothing else: an authority of the merchant's own network that vouched for OVO,
// too, would let the proxy answer in its place. Default: those of the operating system, whatever
// `ovo_config_set_trust_file` says.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `path`: the file, read by `ovo_client_open`; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a common code.
//
// Memory: the text is copied.
int32_t ovo_config_set_proxy_trust_file(ovo_config *config,
                                        const char *path);

// The same from a PEM text in memory.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `pem`: the text, at most 1 MiB; stays the caller's.
// - `length`: its length in bytes.
//
// Returns: as `ovo_config_set_proxy_trust_file`, and `OVO_ERR_TOO_LONG`.
//
// Memory: the text is copied.
int32_t ovo_config_set_proxy_trust_pem(ovo_config *config, const uint8_t *pem, size_t length);

// Shows a certificate to a host that asks for one: an acquirer in front of OVO that terminates mutual
// TLS. OVO's own hosts ask for none. Read now, once.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `certificate`: the path of a PEM file, the certificate first and then its intermediates; stays
//   the caller's. NULL for none.
// - `key`: the path of a PEM file with its private key, not encrypted and of mode 0600; stays the
//   caller's. NULL: it is in the certificate's file.
//
// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: a file cannot be read, or the key does not belong to the
// certificate; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a common code. No error shows content.
//
// Memory: what was read is wiped; the key lives as long as the configuration and its clients.
int32_t ovo_config_set_client_certificate_file(ovo_config *config,
                                               const char *certificate,
                                               const char *key);

// The same from PEM texts in memory, for a terminal that keeps its key in a secure element's store.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `certificate`: the text, at most 1 MiB; stays the caller's.
// - `certificate_length`: its length in bytes.
// - `key`: the key's text, which may be the same; stays the caller's, who wipes it.
// - `key_length`: its length in bytes.
//
// Returns: as `ovo_config_set_client_certificate_file`, and `OVO_ERR_TOO_LONG`.
//
// Memory: what is copied is wiped; the key lives as long as the configuration and its clients.
int32_t ovo_config_set_client_certificate_pem(ovo_config *config,
                                              const uint8_t *certificate,
                                              size_t certificate_length,
                                              const uint8_t *key,
                                              size_t key_length);

// Lets payments have threads of their own (`ovo_start`), and host names be looked up on one.
// Default: the library starts no thread. Without threads a look-up takes as long as the system's
// resolver takes; an address instead of a name needs none.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `threads`: 1 or 0.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_threads(ovo_config *config, int32_t threads);

// Lets the client settle by itself, on one thread of its own; implies `ovo_config_set_threads`.
// Default: it does not, and refunds wait for `ovo_settle` from the idle loop.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `background`: 1 or 0.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_background(ovo_config *config, int32_t background);

// Chooses what becomes of a success that only the status check reported.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `late_success`: an `ovo_late_success`; default `OVO_LATE_ACCEPT`.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_late_success(ovo_config *config, int32_t late_success);

// Says whether the contract with OVO has Check Payment. Default: it has.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `contracted`: 1 or 0. Without it doubtful payments need an operator.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_check_payment(ovo_config *config, int32_t contracted);

// Says whether every decline is verified by a late check. Default: it is; a decline can hide a
// debit.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `verify`: 1 or 0.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_verify_declines(ovo_config *config, int32_t verify);

// Chooses when a new batch begins.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `method`: an `ovo_batch_method`; default `OVO_BATCH_CONTINUOUS`.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_batch_method(ovo_config *config, int32_t method);

// Chooses what the signature covers. `ovo_doctor` tells which one the host accepts.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `signing`: an `ovo_signing`; default `OVO_SIGN_WITHOUT_BODY`.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_signing(ovo_config *config, int32_t signing);

// Says whether reversals carry the phone. Default: they do not, as in OVO's newer documents.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `carry`: 1 or 0.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_phone_in_reversal(ovo_config *config, int32_t carry);

// Bounds the requests of settlement, so that a backlog does not crowd out new payments.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `per_second`: at least 1; default 10.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: 0; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_settle_rate(ovo_config *config, uint32_t per_second);

// Scales all of OVO's waiting times, for a sandbox on this machine whose clock runs faster by the
// same factor. Towards any other host `ovo_client_open` refuses it.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `factor`: above 0 and at most 1, for example 0.02.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such factor; or a common code.
//
// Memory: nothing.
int32_t ovo_config_set_time_scale(ovo_config *config, double factor);

// Gives the client a log. Default: none; the library never writes anywhere else.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `log`: the function; NULL for none.
// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
//
// Returns: `OVO_OK` or a common code.
//
// Memory: nothing behind `userdata` is looked at.
int32_t ovo_config_set_log(ovo_config *config, ovo_log_fn log, void *userdata);

// Appends every request and its answer to a file, a line of JSON each: the evidence that OVO asks for
// before production. Bodies only, with phone, name, OVO id and balances masked; no header, so no
// signature and no key. For staging and for a sandbox on this machine: towards anything else
// `ovo_client_open` refuses it. A line that finds no room is left out (the next one says how many were),
// and stops nothing. Default: none.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `path`: the file, made for its owner alone if it is not there; stays the caller's. NULL for none.
//
// Returns: `OVO_OK` or a common code; that it cannot be written, or not towards this environment, is
// told by `ovo_client_open` (`OVO_ERR_CONFIGURATION`).
//
// Memory: the text is copied.
int32_t ovo_config_set_record(ovo_config *config,
                              const char *path);

// Gives the client a countdown.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `progress`: the function; NULL for none.
// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
//
// Returns: `OVO_OK` or a common code.
//
// Memory: nothing behind `userdata` is looked at.
int32_t ovo_config_set_progress(ovo_config *config,
                                ovo_progress_fn progress,
                                void *userdata);

// Has the password of a journal in PostgreSQL asked of a function before every connection to it: a token
// that expires. Default: the address's, `PGPASSWORD`, or a password file. An address with a password
// beside the function, or a journal in a file, is refused by `ovo_client_open`.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `password`: the function; NULL for none.
// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_open` has failed or
//   `ovo_client_close` has returned.
//
// Returns: `OVO_OK`; `OVO_ERR_UNSUPPORTED`: this build has no PostgreSQL; or a common code.
//
// Memory: nothing behind `userdata` is looked at.
int32_t ovo_config_set_journal_password(ovo_config *config,
                                        ovo_journal_password_fn password,
                                        void *userdata);

// Gives the client a transport of the caller's: a modem, another TLS stack. Trust is then that
// transport's business.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `transport`: the function; NULL for the library's own.
// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
//
// Returns: `OVO_OK` or a common code.
//
// Memory: nothing behind `userdata` is looked at.
int32_t ovo_config_set_transport(ovo_config *config,
                                 ovo_transport_fn transport,
                                 void *userdata);

// Gives the client a clock of the caller's.
//
// Parameters:
// - `config`: a configuration; stays the caller's.
// - `clock`: the clock, all of its functions set; stays the caller's. NULL for the system's.
//
// Returns: `OVO_OK`; `OVO_ERR_NULL`: a function or the boot id is missing; or a common code.
//
// Memory: the struct and its boot id are copied; its `userdata` must live until
// `ovo_client_close` has returned.
int32_t ovo_config_set_clock(ovo_config *config, const ovo_clock *clock);

// Examines the set-up with two harmless inquiries: which signing the host accepts, how far this
// machine's clock is off, which way leads to the host and how long the certificates on it are good,
// whether the journal is sound. For installers and service menus.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `diagnosis`: gets what was found.
// - `report`: gets the same in English, several lines; NULL if it is not wanted. 2048 bytes are
//   enough for a sound installation.
// - `capacity`: size of the report's buffer.
// - `needed`: gets the size that the report needs, NUL included; NULL if it is not wanted.
//
// Returns: `OVO_OK`, also if something must be mended (see `problems`);
// `OVO_ERR_BUFFER_TOO_SMALL`: the diagnosis is there and the report is not; or a common code.
//
// Memory: nothing is kept; the results are copies.
int32_t ovo_doctor(ovo_client *client,
                   ovo_diagnosis *diagnosis,
                   char *report,
                   size_t capacity,
                   size_t *needed);

// Examines the set-up like `ovo_doctor`, and then signs one more harmless inquiry wrongly: a host that
// accepts that checks no signature, and its `OVO_PROBE_ACCEPTED` says nothing about the app key.
//
// **A wrong signature may lock an app id out.** At most one is sent in 24 hours, which the journal
// remembers, and none if the right one is not accepted.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `wrong_signature`: gets the `ovo_probe` of it; `OVO_PROBE_NO_ANSWER` also if none was sent, because
//   the right one is not accepted (the report says which).
// - `report`, `capacity`, `needed`: as for `ovo_doctor`; NULL if they are not wanted.
//
// Returns: as `ovo_doctor`; `OVO_ERR_REFUSED`: one was sent within 24 hours, and
// `ovo_last_error_facts` has the time to wait; `OVO_ERR_JOURNAL`: it cannot be remembered.
//
// Memory: nothing is kept; the results are copies.
int32_t ovo_probe_signature(ovo_client *client,
                            int32_t *wrong_signature,
                            char *report,
                            size_t capacity,
                            size_t *needed);

// Describes a code in one line of English.
//
// Parameters:
// - `code`: what a function returned; any number is fine.
//
// Returns: the text; `unknown code` for a number that is none.
//
// Memory: the text is constant and never freed.
const char *ovo_strerror(int32_t code);

// Names a code as the header does, for example `OVO_ERR_JOURNAL`.
//
// Parameters:
// - `code`: what a function returned; any number is fine.
//
// Returns: the name; an empty text for a number that is none.
//
// Memory: the text is constant and never freed.
const char *ovo_code_name(int32_t code);

// Whether the same call may succeed later without a change of input or set-up.
//
// Parameters:
// - `code`: what a function returned; any number is fine.
//
// Returns: 1 or 0.
//
// Memory: nothing.
int32_t ovo_is_retryable(int32_t code);

// Whether the state of something at OVO is unknown after this code. No code leaves a *debit* in
// doubt: that is what outcomes are for.
//
// Parameters:
// - `code`: what a function returned; any number is fine.
//
// Returns: 1 or 0.
//
// Memory: nothing.
int32_t ovo_is_outcome_unknown(int32_t code);

// One line about the latest call of this thread that failed, whatever it was about: which field
// breaks which rule, which file cannot be opened. Without secrets and personal data. A call that
// succeeds does not erase it.
//
// Returns: the text in UTF-8; an empty text if no call of this thread has failed.
//
// Memory: valid on this thread until its next failing call of this library.
const char *ovo_last_error(void);

// Like `ovo_last_error`, if this thread's latest failure was a call with this client.
//
// Parameters:
// - `client`: the client of the call, also one that was closed since; stays the caller's.
//
// Returns: the text in UTF-8; an empty text if the latest failure was about something else.
//
// Memory: valid on this thread until its next failing call of this library.
const char *ovo_client_error(const ovo_client *client);

// Tells what this thread's latest failed call was about, beside `ovo_last_error`. A call that
// succeeds does not erase it.
//
// Parameters:
// - `facts`: gets the code, the field, the payment, and when to try again.
//
// Returns: `OVO_OK` or a common code.
//
// Memory: the result is a copy.
int32_t ovo_last_error_facts(ovo_error_facts *facts);

// Tells what became of a payment: what happened and when, where the money is, why, what comes next
// and when, and what cashier and operator should do. It asks OVO nothing and holds nothing about
// the person who paid.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `form`: an `ovo_explanation`.
// - `language`: an `ovo_language`; JSON has both.
// - `text`: gets the explanation, in UTF-8; NULL to ask for its size only.
// - `capacity`: size of the text's buffer. 32768 bytes are enough for all but the longest histories.
// - `needed`: gets the size that the text needs, NUL included; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_BUFFER_TOO_SMALL`: nothing of it is written, see `needed`; it may have
// grown by the next call. `OVO_ERR_NOT_FOUND`; `OVO_ERR_INVALID_INPUT`: no such form or language;
// `OVO_ERR_JOURNAL`: call an operator; or a common code.
//
// Memory: nothing is kept; the text is a copy in the caller's buffer.
int32_t ovo_explain(ovo_client *client,
                    const char *invoice,
                    int32_t form,
                    int32_t language,
                    char *text,
                    size_t capacity,
                    size_t *needed);

// Names a finding in a word or two of English, the same in every release: for files and logs.
//
// Parameters:
// - `finding`: an `ovo_finding`; any other number is fine.
//
// Returns: the name; `unknown` for a number that is none.
//
// Memory: the text is constant and never freed.
const char *ovo_finding_name(int32_t finding);

// Writes a copy of the client's journal, whole and synced, while payments go on. Any other way of
// copying an open journal can copy half of it.
//
// The copy is for reading, and for the day on which the disk is lost: whoever opens it as a journal
// is told that it is one, and it is doubted then, because it does not know what came after it.
// Journals that were set aside are copied beside it; one that cannot be read is left out, and told as
// a critical line of the log.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `to`: the copy's file, which must not exist; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: there is a file already, or it cannot be written, and
// nothing is left of it; or a common code.
//
// Memory: nothing is kept. The file is the caller's.
int32_t ovo_backup(ovo_client *client,
                   const char *to);

// Moves payments that are over (settled, acknowledged, with no look behind due, their phones
// forgotten) out of the client's journal into a file of the same schema, while payments go on. Their
// numbers and invoices stay known in the journal and are never given again; `ovo_pay` with one of
// them says so. The archive is for reading: `ovo-ptp payments -j` and `explain -j`; no client opens it.
//
// At every moment each payment is in the journal, in the archive, or in both. Whatever breaks this
// off, a power cut or `ovo_client_close`, the same call finishes it; called once more it changes
// nothing.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `before_ms`: payments that were begun before this, in milliseconds since 1970 UTC; not in the
//   future.
// - `to`: the archive's file, which must not exist or be the one that was begun; stays the caller's.
// - `payments`: gets how many payments the archive has: 0 if none was over, and then no file was made;
//   NULL if it is not wanted.
// - `moved`: gets how many of them this call took out of the journal; NULL if it is not wanted.
// - `left`: gets how many were changed meanwhile and stay in the journal; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: a time in the future; `OVO_ERR_JOURNAL`: another file is
// at `to`, another archive is not finished, the journal is doubted, one that was set aside beside it
// is in use, or a disk refuses; `OVO_ERR_JOURNAL_LOCKED`: somebody archives it already;
// `OVO_ERR_CLOSED`: the client was closed meanwhile; or a common code.
//
// Memory: nothing is kept. The file is the caller's.
int32_t ovo_archive(ovo_client *client,
                    int64_t before_ms,
                    const char *to,
                    int64_t *payments,
                    int64_t *moved,
                    int64_t *left);

// Ends the doubt about a journal that was found to be a copy, or to have lost something (a critical
// line of the log said so at opening, and `ovo_doctor` says it): you have seen that no other copy is
// in use, and have compared your books with OVO's settlement file.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `who_and_why`: 1 to 200 characters, kept in the journal; stays the caller's.
// - `ended`: gets 1 if there was a doubt, 0 if there was none; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no reason, or a longer one; `OVO_ERR_JOURNAL`: the
// doubt stays; or a common code.
//
// Memory: nothing is kept.
int32_t ovo_vouch(ovo_client *client,
                  const char *who_and_why,
                  int32_t *ended);

// Writes a copy of a journal beside whatever other process has it open, as `ovo_backup` does for
// an open client of this one.
//
// Parameters:
// - `path`: the journal; stays the caller's.
// - `to`: the copy's file, which must not exist; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: there is no journal, or it cannot be read, or there is a file
// at `to`, or it cannot be written; `OVO_ERR_JOURNAL_LOCKED`: this process has it open (use
// `ovo_backup`), or it was not at rest for a moment, call again; or a common code.
//
// Memory: nothing is kept. The file is the caller's.
int32_t ovo_journal_backup(const char *path,
                           const char *to);

// Moves a journal to another directory, disk or name of this machine, with all that belongs to it.
// Copied or moved in any other way it would be doubted, or refused.
//
// Until the end the journal at `from` is the journal: behind a power cut call it again, and it
// finishes what it began.
//
// Where the library has the feature `postgres`, `to` may be the address of an empty, migrated journal
// in PostgreSQL on which no node runs (`postgresql://owner@host/database?schema=ovo`), as the role that
// owns the schema: all payments go there, those that are not settled too, and the file is refused from then on.
//
// Parameters:
// - `from`: the journal, which no client has open; stays the caller's.
// - `to`: its new name, which must not exist, or a database's address; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL_LOCKED`: a client has it open; `OVO_ERR_JOURNAL`: nothing is at
// `from`, something is at `to`, or the disk refuses; or a common code.
//
// Memory: nothing is kept.
int32_t ovo_journal_move(const char *from,
                         const char *to);

// Takes a journal out of the way, all of its files as one, so that the next one can begin at its
// place: the only way to begin anew that loses nothing. The next journal there begins above its
// numbers, knows its invoices and settles what it owes, as long as it lies beside it.
//
// Nothing in it changes; behind a power cut call it again.
//
// Parameters:
// - `path`: the journal, which no client has open; stays the caller's.
// - `number`: gets the number in its new name, which is `path` with `.aside-` and the number behind
//   it (beside the file itself, if `path` is a symbolic link); NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL_LOCKED`: a client has it open; `OVO_ERR_JOURNAL`: nothing is
// there, or the disk refuses; or a common code.
//
// Memory: nothing is kept.
int32_t ovo_journal_set_aside(const char *path, int32_t *number);

// Lists payments, one page of them: in the order in which they were begun, or newest first. The next
// page is `after` the last `id` of this one.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `filter`: which payments; NULL for all (the first 1,000). Stays the caller's.
// - `list`: gets the list.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
//
// Memory: on success the caller frees `*list` with `ovo_list_free`; else it is NULL.
int32_t ovo_list_payments(ovo_client *client,
                          const ovo_filter *filter,
                          ovo_list **list);

// Lists the payments that have an outcome which was not acknowledged: after a restart, what the
// crash swallowed.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `list`: gets the list.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
//
// Memory: on success the caller frees `*list` with `ovo_list_free`; else it is NULL.
int32_t ovo_unacknowledged(ovo_client *client, ovo_list **list);

// Runs every reversal, check and void that is due now. Call it from the idle loop unless the
// client settles in the background: refunds wait for it.
//
// Blocks while requests are under way, some seconds when a host is slow.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `changed`: gets the list of payments that changed; NULL if it is not wanted.
//
// Returns: `OVO_OK`, also when OVO could not be reached (what is due stays due);
// `OVO_ERR_JOURNAL`: call an operator. Reversals may have left by then; settlement starts no payment
// and no void, and goes on from the journal where it was. Or a common code.
//
// Memory: on success the caller frees `*changed` with `ovo_list_free`; else it is NULL.
int32_t ovo_settle(ovo_client *client,
                   ovo_list **changed);

// How many payments a list holds.
//
// Parameters:
// - `list`: a list; stays the caller's.
// - `length`: gets the number.
//
// Returns: `OVO_OK` or a common code.
//
// Memory: nothing is kept or freed.
int32_t ovo_list_length(const ovo_list *list, size_t *length);

// Copies one payment of a list.
//
// Parameters:
// - `list`: a list; stays the caller's.
// - `index`: from 0 to the length less 1.
// - `record`: gets the payment; NULL if it is not wanted.
// - `outcome`: gets its outcome; NULL if it is not wanted. A wallet is never in it.
//
// Returns: `OVO_OK`; `OVO_ERR_OUT_OF_RANGE`: ask for the length; or a common code.
//
// Memory: both results are copies that outlive the list.
int32_t ovo_list_get(const ovo_list *list,
                     size_t index,
                     ovo_record *record,
                     ovo_outcome *outcome);

// Frees a list.
//
// Parameters:
// - `list`: a list, the library's from now on. NULL is fine; a second time is a code.
//
// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not a list any more.
//
// Memory: copies made of it stay good.
int32_t ovo_list_free(ovo_list *list);

// Looks a response code up.
//
// Parameters:
// - `code`: the code as OVO sent it, for example `17`; stays the caller's.
// - `result`: gets what is known.
//
// Returns: `OVO_OK`, also for a code that is not in the table (`known` is then 0);
// `OVO_ERR_INVALID_INPUT` or `OVO_ERR_TOO_LONG`: it is no response code; or a common code.
//
// Memory: the result is a copy.
int32_t ovo_response_code_lookup(const char *code, ovo_response_code *result);

// Goes through the table of response codes.
//
// Parameters:
// - `index`: from 0 on.
// - `result`: gets what is known of the code at this place.
//
// Returns: `OVO_OK`; `OVO_ERR_OUT_OF_RANGE` behind the last one; or a common code.
//
// Memory: the result is a copy.
int32_t ovo_response_code_at(uint32_t index, ovo_response_code *result);

// What the till shows the customer for a response code.
//
// Parameters:
// - `code`: the code as OVO sent it; stays the caller's.
// - `language`: an `ovo_language`.
//
// Returns: the text in UTF-8, the general one for codes without a text of their own; an empty
// text if an argument is wrong.
//
// Memory: the text is constant and never freed.
const char *ovo_response_code_text(const char *code, int32_t language);

// Tells what a dashboard shows and an alarm watches, as text in Prometheus' format (0.0.4): payments
// by outcome, exchanges by operation and result with how long they took, alerts, what is open and how
// old it is, the journal's health. Counters (`..._total`) begin at 0 with each client; what the journal
// knows outlives it. It asks OVO nothing, no payment waits for it, and nothing of a person and no
// invoice is in it. The manual's section "Metrics" says what each means.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `text`: gets the metrics, in UTF-8; NULL to ask for their size only.
// - `capacity`: size of the text's buffer. 24576 bytes are enough.
// - `needed`: gets the size that the text needs, NUL included; NULL if it is not wanted.
//
// Returns: `OVO_OK`, also if the journal cannot be read (`ovo_ptp_journal_readable 0` says so);
// `OVO_ERR_BUFFER_TOO_SMALL`: nothing of it is written, see `needed`; it may have grown by the next
// call; or a common code.
//
// Memory: nothing is kept; the text is a copy in the caller's buffer.
int32_t ovo_metrics_text(ovo_client *client,
                         char *text,
                         size_t capacity,
                         size_t *needed);

// Confirms that the caller has stored a payment's outcome: it is no longer among the
// `ovo_unacknowledged`.
// Not to be called for `OVO_INTERRUPTED`, which is no outcome: another process may bring one this
// very moment, and nobody would have heard it.
// Of a payment that an operator ruled paid, the outcome told before was another one: it is confirmed
// only once this client has shown the new one, in a list, a report or an outcome. So it is where one told
// as paid waits for an operator since: what is told of it now, a list or a record has.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_REFUSED`: there is no outcome yet, or it was never shown;
// `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: call again later; or a common code.
//
// Memory: nothing is kept.
int32_t ovo_acknowledge(ovo_client *client,
                        const char *invoice);

// Looks one payment up in the journal.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `record`: gets the payment; NULL if it is not wanted.
// - `outcome`: gets its outcome, `OVO_PENDING` while there is none; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
//
// Memory: both results are copies.
int32_t ovo_find(ovo_client *client,
                 const char *invoice,
                 ovo_record *record,
                 ovo_outcome *outcome);

// Asks OVO for a payment's status now. The answer also takes part in its settlement.
//
// Refused until 60 seconds behind the push's last byte. As long as the journal was not told when that
// left (until this payment's check at 60.5 seconds, a cancel or an outcome; for good, if the process
// that pushed it died before), until 85 seconds behind the payment's beginning. Behind a restart of the
// machine: for 60 seconds from the restart on, or from the moment at which the payment was taken up.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `phone`: the phone of the payment, for one so old that the journal has forgotten it; else
//   NULL. Stays the caller's.
// - `at_ovo`: gets an `ovo_status`.
// - `record`: gets the payment as it is afterwards; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_OUTSIDE_WINDOW`: earlier than that, or later than 7 days after the push;
// `OVO_ERR_REFUSED`: the push never left; `OVO_ERR_NO_ANSWER`: ask again;
// `OVO_ERR_NOT_FOUND`; `OVO_ERR_INVALID_INPUT`: it was another phone; or a common code.
//
// Memory: nothing is kept; the record is a copy.
int32_t ovo_check(ovo_client *client,
                  const char *invoice,
                  const char *phone,
                  int32_t *at_ovo,
                  ovo_record *record);

// Returns the whole amount of a paid payment, on the day (WIB) of the payment.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `result`: gets how it stands. `OVO_VOID_PENDING` if the answer was lost, or could not be kept:
//   settlement asks for it, and `ovo_check_void` tells.
//
// Returns: `OVO_OK`, also for a void done earlier. A code means that nothing was sent:
// `OVO_ERR_REFUSED`: not paid, or the day is over (23:58 by OVO's clock), or a void is under way;
// `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
//
// Memory: nothing is kept; the result is a copy.
int32_t ovo_void(ovo_client *client, const char *invoice, ovo_void_result *result);

// Asks what became of a void whose answer was lost, now instead of on schedule; of one that was left to an
// operator before, too: of that `OVO_VOID_NEEDS_OPERATOR` says that OVO was asked just now and shows none.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `result`: gets how it stands.
//
// Returns: `OVO_OK`; `OVO_ERR_REFUSED`: no void was asked for; `OVO_ERR_NOT_FOUND`;
// `OVO_ERR_JOURNAL`; or a common code. Of a void that was left to an operator before, who may have to refund by hand:
// `OVO_ERR_NO_ANSWER`: OVO gave no usable answer, ask again first; `OVO_ERR_OUTSIDE_WINDOW`: it can tell
// nothing any more, or the journal has forgotten the phone, look the void up at OVO first.
//
// Memory: nothing is kept; the result is a copy.
int32_t ovo_check_void(ovo_client *client,
                       const char *invoice,
                       ovo_void_result *result);

// Tells how long it is until `ovo_settle` has something to do: how long an idle loop may sleep.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `milliseconds`: gets the time, 0 for now, -1 for never.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
//
// Memory: nothing.
int32_t ovo_next_settlement(ovo_client *client, int64_t *milliseconds);

// Ends a payment that waits for an operator with the operator's decision.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `decision`: an `ovo_ruling`.
// - `reason`: 1 to 200 characters, kept in the journal; stays the caller's.
// - `record`: gets the payment as it is afterwards; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_REFUSED`: nothing about it waits for this decision, or it is too
// early to close it; `OVO_ERR_INVALID_INPUT`: no such decision, or no reason; `OVO_ERR_NOT_FOUND`;
// `OVO_ERR_JOURNAL`; or a common code.
//
// Memory: nothing is kept; the record is a copy.
int32_t ovo_rule(ovo_client *client,
                 const char *invoice,
                 int32_t decision,
                 const char *reason,
                 ovo_record *record);

// Tells the library that OVO's settlement file shows a payment as paid. If the journal has it as
// not paid, its settlement opens again and the money goes back.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `record`: gets the payment as it is afterwards; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`; or a common code.
//
// Memory: nothing is kept; the record is a copy.
int32_t ovo_report_paid(ovo_client *client, const char *invoice, ovo_record *record);

// Names an outcome in one or two words of English, for logs.
//
// Parameters:
// - `kind`: an `ovo_outcome_kind`; any other number is fine.
//
// Returns: the name; `unknown` for a number that is none.
//
// Memory: the text is constant and never freed.
const char *ovo_outcome_name(int32_t kind);

// What the till shows the customer at the end of a payment.
//
// Parameters:
// - `outcome`: an outcome that this library filled; stays the caller's.
// - `language`: an `ovo_language`.
//
// Returns: the text in UTF-8; an empty text if an argument is wrong or there is no outcome yet.
//
// Memory: the text is constant and never freed.
const char *ovo_customer_text(const ovo_outcome *outcome, int32_t language);

// Pushes a payment to the customer's phone and waits for its outcome: at most about 65 seconds
// after the push has left, plus up to 20 of connecting.
//
// Called again with the same invoice, amount and phone it never pushes again: it waits for,
// resumes or returns the payment that is there, and `was_known` in the outcome says so. Store the
// outcome, then `ovo_acknowledge` it.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `charge`: what to push; stays the caller's.
// - `outcome`: gets the outcome. `OVO_INTERRUPTED` if another thread closed the client, the journal
//   did not come back, or the library ran into a defect: nothing is decided then.
//
// Returns: `OVO_OK` with any outcome. An error means that **this call started nothing**:
// `OVO_ERR_INVALID_INPUT`, `OVO_ERR_TOO_LONG`, `OVO_ERR_NOT_UTF8`: correct the charge;
// `OVO_ERR_INVOICE_REUSED`: take a new invoice; `OVO_ERR_UNSETTLED_CUSTOMER`: wait for the
// customer's other payment; `OVO_ERR_JOURNAL`: call an operator; or a common code.
//
// Memory: nothing is kept; the outcome is a copy.
int32_t ovo_pay(ovo_client *client, const ovo_charge *charge, ovo_outcome *outcome);

// Like `ovo_pay`, with a say for a till without threads: `watch` is called on this thread about once
// a second, shows its countdown, and gives the payment up by returning `OVO_CANCEL`.
//
// Where giving it up is refused (see `ovo_cancel`) the payment goes on, and so do the calls. **Without
// Check Payment in the contract it always is, once the push may have left**: nobody listens on for
// OVO's answer then.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `charge`: what to push; stays the caller's.
// - `watch`: the function; NULL for none.
// - `userdata`: handed back to it, may be NULL.
// - `outcome`: gets the outcome, as `ovo_pay`; of a payment that was given up see `ovo_cancel`.
//
// Returns: as `ovo_pay`.
//
// Memory: nothing is kept; the outcome is a copy.
int32_t ovo_pay_with(ovo_client *client,
                     const ovo_charge *charge,
                     ovo_watch_fn watch,
                     void *userdata,
                     ovo_outcome *outcome);

// Gives up a payment that has no outcome yet, from any thread or process, and tells the outcome
// that is durable now. Whoever waits for the payment hears the same within about a second.
//
// The prompt on the customer's phone cannot be taken back: OVO may show the payment as paid for some
// minutes. Hand over nothing. Settlement returns whatever was deducted, and `was_debited` tells
// afterwards whether anything was. Another push to the same customer is refused until OVO has
// acknowledged the reversal, or, where none could be sent, shows that nobody was debited.
//
// A started payment's thread goes on listening; better leave the client open until OVO's time is over
// (65 s behind the push). Closed before, the money goes back only once a status check shows the debit,
// and without Check Payment an operator decides.
//
// Parameters:
// - `client`: an open client; stays the caller's.
// - `invoice`: the payment's; stays the caller's.
// - `outcome`: gets the outcome: `OVO_NOT_SENT` if not one byte of the push had left, else
//   `OVO_NOT_COMPLETED` with `cancelled`; or whatever came first, perhaps `OVO_PAID`.
//
// Returns: `OVO_OK` with any outcome; `OVO_ERR_REFUSED`: it could not be returned by itself, go on
// waiting: OVO called its numbers duplicate, or the contract has no Check Payment and nobody vouches
// for them or goes on listening for the answer. **Without Check Payment `ovo_pay` and `ovo_pay_with`
// can never be cancelled once the push may have left; a payment of `ovo_start` can**, whose thread
// listens. `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: it is not known to be cancelled, nothing
// more is sent than would have been, call again; or a common code.
//
// Memory: nothing is kept; the outcome is a copy.
int32_t ovo_cancel(ovo_client *client,
                   const char *invoice,
                   ovo_outcome *outcome);

// Starts a payment on a thread of its own and returns as soon as it is durably in the journal.
//
// As long as the handle lives somebody cares for the outcome: a success that only the status check
// reports is then accepted.
//
// Parameters:
// - `client`: a client opened with threads; stays the caller's.
// - `charge`: what to push; stays the caller's.
// - `payment`: gets the payment.
//
// Returns: `OVO_OK`; `OVO_ERR_NO_THREADS`: ask for them with `ovo_config_set_threads`, or use
// `ovo_pay`; `OVO_ERR_CONFIGURATION`: no thread can be started, nothing was pushed; else as
// `ovo_pay`.
//
// Memory: on success the caller frees `*payment` with `ovo_payment_free`; else it is NULL.
int32_t ovo_start(ovo_client *client, const ovo_charge *charge, ovo_payment **payment);

// Tells a started payment's outcome, if there is one. Does not wait.
//
// Parameters:
// - `payment`: a payment; stays the caller's.
// - `outcome`: gets the outcome; its kind is `OVO_PENDING` if there is none yet.
//
// Returns: `OVO_OK` or a common code.
//
// Memory: the outcome is a copy.
int32_t ovo_poll(ovo_payment *payment, ovo_outcome *outcome);

// Waits for a started payment's outcome. Giving up waiting never gives up the payment.
//
// Parameters:
// - `payment`: a payment; stays the caller's. Freed by another thread meanwhile, this call goes
//   on.
// - `timeout_ms`: how long at most; below 0: until there is an outcome, 90 seconds at the most.
// - `outcome`: gets the outcome; its kind is `OVO_PENDING` if there is none by then, and
//   `OVO_INTERRUPTED` as for `ovo_pay`.
//
// Returns: `OVO_OK` or a common code.
//
// Memory: the outcome is a copy.
int32_t ovo_wait(ovo_payment *payment, int32_t timeout_ms, ovo_outcome *outcome);

// Gives a started payment up, as `ovo_cancel` does. Its thread goes on listening until OVO's time is
// over: a decline that still comes spares the reversal.
//
// Parameters:
// - `payment`: a payment; stays the caller's.
// - `outcome`: gets the outcome, as `ovo_cancel`.
//
// Returns: as `ovo_cancel`; `OVO_ERR_CLOSED`: the client is closed.
//
// Memory: the outcome is a copy.
int32_t ovo_payment_cancel(ovo_payment *payment,
                           ovo_outcome *outcome);

// Frees a started payment's handle. The payment itself goes on; if it ends as paid with nobody
// waiting, `ovo_unacknowledged` lists it.
//
// Parameters:
// - `payment`: a payment, the library's from now on. NULL is fine; a second time is a code.
//
// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not a payment any more. In a callback, too.
//
// Memory: outcomes copied from it stay good.
int32_t ovo_payment_free(ovo_payment *payment);

// Begins to hold OVO's settlement report against a journal. It changes nothing, and holds bits for
// each payment that it has seen, however long the report is: give it each line (`ovo_reconcile_line`),
// then ask what the report should have had and had not (`ovo_reconcile_missing`).
//
// Parameters:
// - `journal`: the journal's file, which is read as it is now, beside whatever other process has it open
//   (a private copy takes room in the directory for temporary files until it is freed); stays the
//   caller's. NULL: each call names an open client of this process, and its journal is asked.
// - `books`: gets the reconciliation.
//
// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: there is no journal, or it cannot be read;
// `OVO_ERR_JOURNAL_LOCKED`: this process has it open (give NULL, and the client), or it was not at rest
// for a moment, call again; or a common code.
//
// Memory: on success the caller frees `*books` with `ovo_reconcile_free`; else it is NULL.
int32_t ovo_reconcile_new(const char *journal,
                          ovo_reconciliation **books);

// As `ovo_reconcile_new`, for one merchant: a journal or an archive of another one's is refused, and
// nothing is told of it.
//
// Parameters:
// - `journal`: the journal's file, or an archive of one; stays the caller's.
// - `merchant_id`: whose it must be; stays the caller's.
// - `books`: gets the reconciliation.
//
// Returns: as `ovo_reconcile_new`; `OVO_ERR_JOURNAL`, too, if it is another merchant's: `ovo_last_error`
// names both.
//
// Memory: as `ovo_reconcile_new`.
int32_t ovo_reconcile_new_for(const char *journal,
                              const char *merchant_id,
                              ovo_reconciliation **books);

// Compares a line of the report with the payment of its invoice. It asks OVO nothing. Of a line that says
// that no money moved, and of another till's, the finding is `OVO_FINDING_NONE`: what they come to is known
// at the end (`ovo_reconcile_missing`).
//
// Parameters:
// - `books`: a reconciliation; stays the caller's.
// - `client`: an open client, if the reconciliation was begun without a journal's file, else NULL; stays
//   the caller's.
// - `line`: the line; stays the caller's.
// - `language`: an `ovo_language`, of the text.
// - `found`: gets what it comes to.
//
// Returns: `OVO_OK`, whatever it comes to; `OVO_ERR_INVALID_INPUT`: the amount is none, the line says
// nothing, or client and file do not fit; `OVO_ERR_JOURNAL`: call an operator; or a common code. The line counts only with
// `OVO_OK`.
//
// Memory: nothing is kept of the line.
int32_t ovo_reconcile_line(ovo_reconciliation *books,
                           ovo_client *client,
                           const ovo_settlement_line *line,
                           int32_t language,
                           ovo_reconciled *found);

// Tells what only the end of the report shows, one after the other: `OVO_FINDING_FAILED_THERE`,
// `OVO_FINDING_OTHER_DAY`, then each payment that is paid here, was begun within the report's days, and has
// had no line. Behind the last one the finding is `OVO_FINDING_NONE`, until it is asked about other days.
// Walk through the days once, behind the last line: what is told is counted.
//
// Parameters:
// - `books`, `client`: as of `ovo_reconcile_line`.
// - `since_ms`: the report's first moment, in milliseconds since 1970 UTC; midnight in Jakarta is 17:00 UTC.
// - `until_ms`: the first moment behind the report. Both 0: the days of the lines decide, and if these have
//   none, payments without a line are not looked for.
// - `language`: an `ovo_language`, of the text.
// - `found`: gets the payment.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: client and file do not fit; `OVO_ERR_JOURNAL`: call an
// operator; or a common code.
//
// Memory: nothing is kept of the arguments.
int32_t ovo_reconcile_missing(ovo_reconciliation *books,
                              ovo_client *client,
                              int64_t since_ms,
                              int64_t until_ms,
                              int32_t language,
                              ovo_reconciled *found);

// Tells the next extra debit of the lines so far that no refund's line took out again: give it to
// `ovo_report_paid`, which returns the money. Behind the last line, because the refund may stand on any. It
// counts nothing. Behind the last one the finding is `OVO_FINDING_NONE`, and the next call begins anew.
//
// Parameters:
// - `books`, `client`: as of `ovo_reconcile_line`.
// - `language`: an `ovo_language`, of the text.
// - `found`: gets the payment.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: client and file do not fit; `OVO_ERR_JOURNAL`: call an
// operator; or a common code.
//
// Memory: nothing is kept of the arguments.
int32_t ovo_reconcile_extra_debit(ovo_reconciliation *books,
                                  ovo_client *client,
                                  int32_t language,
                                  ovo_reconciled *found);

// Tells how often there was a finding so far.
//
// Parameters:
// - `books`: a reconciliation; stays the caller's.
// - `finding`: an `ovo_finding`.
// - `lines`: gets how many lines, or payments without one; NULL if it is not wanted.
// - `rupiah`: gets their amounts together, the report's, or of what it has not the journal's; NULL if it
//   is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such finding; or a common code.
//
// Memory: nothing is kept or freed.
int32_t ovo_reconcile_count(const ovo_reconciliation *books,
                            int32_t finding,
                            int64_t *lines,
                            int64_t *rupiah);

// Frees a reconciliation.
//
// Parameters:
// - `books`: a reconciliation, the library's from now on. NULL is fine; a second time is a code.
//
// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not one any more.
//
// Memory: results that were copied out of it stay good; the private copy of the journal is removed.
int32_t ovo_reconcile_free(ovo_reconciliation *books);

// Asks, while there is no connection yet, whether the request is still wanted: the cashier cancels or
// the client closes, and nobody shall wait until a modem has dialled. To be asked again and again,
// about five times a second, until the connection is ready; costs a look at the journal once a second
// and runs the countdown. A transport that never asks waits until it connects or gives up by itself.
//
// Parameters:
// - `exchange`: the transport's; stays the library's.
//
// Returns: `OVO_OK`: go on; `OVO_ERR_STOPPED`: nobody wants it any more, hang up, write nothing and
// return `OVO_EXCHANGE_NOT_SENT`; `OVO_ERR_WRONG_THREAD`; or a common code. Behind
// `ovo_exchange_begin` it is always `OVO_OK`.
//
// Memory: nothing.
int32_t ovo_exchange_connecting(ovo_exchange *exchange);

// Asks, with the connection ready, whether the request may be written now, and signs it: `random` and
// `hmac` of the request point to these headers from here on.
//
// Parameters:
// - `exchange`: the transport's; stays the library's.
//
// Returns: `OVO_OK`: write it; `OVO_ERR_STOPPED`: it is too late for it, write nothing and return
// `OVO_EXCHANGE_NOT_SENT`; `OVO_ERR_WRONG_THREAD`; or a common code.
//
// Memory: nothing.
int32_t ovo_exchange_begin(ovo_exchange *exchange);

// Tells that the last byte of the request is out.
//
// Parameters:
// - `exchange`: the transport's; stays the library's.
//
// Returns: `OVO_OK`, `OVO_ERR_WRONG_THREAD` or a common code.
//
// Memory: nothing.
int32_t ovo_exchange_sent(ovo_exchange *exchange);

// Asks how long to wait for the answer before asking again. Runs the countdown and, when its time
// has come, the status check, for which it calls the transport function again.
//
// Parameters:
// - `exchange`: the transport's; stays the library's.
// - `milliseconds`: gets the time to wait at most, at least 1.
//
// Returns: `OVO_OK`: wait; `OVO_ERR_STOPPED`: the answer is not wanted any more, return
// `OVO_EXCHANGE_NO_ANSWER`; `OVO_ERR_WRONG_THREAD`; or a common code.
//
// Memory: nothing.
int32_t ovo_exchange_wait(ovo_exchange *exchange, uint32_t *milliseconds);

// Hands the whole answer over.
//
// Parameters:
// - `exchange`: the transport's; stays the library's.
// - `status`: the HTTP status, 100 to 599. An answer of any status counts.
// - `body`: the body, at most 65536 bytes; stays the caller's. NULL for an empty one.
// - `length`: length of the body in bytes.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such status; `OVO_ERR_TOO_LONG`: return
// `OVO_EXCHANGE_NO_ANSWER`; `OVO_ERR_WRONG_THREAD`; or a common code.
//
// Memory: the body is copied.
int32_t ovo_exchange_answer(ovo_exchange *exchange,
                            int32_t status,
                            const uint8_t *body,
                            size_t length);

// Tells two headers of the answer: the server's clock decides whether a void is still in time, and
// a pause that the server asks for is kept.
//
// Parameters:
// - `exchange`: the transport's; stays the library's.
// - `date`: the `Date` header in seconds since 1970 UTC; 0 if there was none. One before 1970 or behind
//   the year 9999 counts as none.
// - `retry_after`: the `Retry-After` header in seconds; 0 if there was none.
//
// Returns: `OVO_OK`, `OVO_ERR_WRONG_THREAD` or a common code.
//
// Memory: nothing.
int32_t ovo_exchange_headers(ovo_exchange *exchange,
                             int64_t date,
                             uint32_t retry_after);

// Explains a failed exchange, for the log.
//
// Parameters:
// - `exchange`: the transport's; stays the library's.
// - `message`: one line in UTF-8, at most 1024 bytes of which 200 are kept; stays the caller's.
//   Must not hold bytes of a header or a body.
//
// Returns: `OVO_OK`, `OVO_ERR_WRONG_THREAD`, `OVO_ERR_TOO_LONG`, `OVO_ERR_NOT_UTF8` or a common
// code.
//
// Memory: the message is copied.
int32_t ovo_exchange_explain(ovo_exchange *exchange, const char *message);

// Checks an invoice: 1 to 50 characters out of `A-Z a-z 0-9 - _ . /`.
//
// Parameters:
// - `invoice`: the text; stays the caller's.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`, `OVO_ERR_TOO_LONG` or `OVO_ERR_NOT_UTF8`: take
// another one; or a common code.
//
// Memory: nothing is kept.
int32_t ovo_invoice_check(const char *invoice);

// Turns what a person typed as a phone number into the form that OVO wants, for example
// `081234567890`.
//
// Parameters:
// - `typed`: the text; stays the caller's. Spaces, dashes, dots, brackets, `+62`, `62`, `0062`
//   or a bare `8` in front are fine.
// - `buffer`: gets the number; 16 bytes are enough.
// - `capacity`: size of the buffer.
// - `needed`: gets the size that is needed, NUL included; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`, `OVO_ERR_TOO_LONG` or `OVO_ERR_NOT_UTF8`: let the
// customer correct it (the detail names the rule and never the number);
// `OVO_ERR_BUFFER_TOO_SMALL`; or a common code.
//
// Memory: nothing is kept. If the buffer is too small nothing of the number is in it.
int32_t ovo_phone_normalise(const char *typed, char *buffer, size_t capacity, size_t *needed);

// Masks a phone number for a screen or a log, for example `0812****7890`.
//
// Parameters:
// - `typed`: the number as for `ovo_phone_normalise`; stays the caller's.
// - `buffer`: gets the masked text; 16 bytes are enough.
// - `capacity`: size of the buffer.
// - `needed`: gets the size that is needed, NUL included; NULL if it is not wanted.
//
// Returns: as `ovo_phone_normalise`.
//
// Memory: nothing is kept.
int32_t ovo_phone_mask(const char *typed, char *buffer, size_t capacity, size_t *needed);

// Prints an amount as Indonesians write it, for example `Rp12.500`.
//
// Parameters:
// - `amount`: rupiah, at least 1.
// - `buffer`: gets the text; 32 bytes are enough.
// - `capacity`: size of the buffer.
// - `needed`: gets the size that is needed, NUL included; NULL if it is not wanted.
//
// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: below 1; `OVO_ERR_BUFFER_TOO_SMALL`; or a common
// code.
//
// Memory: nothing is kept.
int32_t ovo_rupiah_print(int64_t amount, char *buffer, size_t capacity, size_t *needed);

// The version of the library that runs, for example `0.2.0`. `OVO_VERSION` is the header's.
//
// Returns: the text.
//
// Memory: the text is constant and never freed.
const char *ovo_version(void);

// The version of the library that runs as a number: major * 1000000 + minor * 1000 + patch.
// `OVO_VERSION_NUMBER` is the header's.
//
// Returns: the number.
//
// Memory: nothing.
int32_t ovo_version_number(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* How the structs begin. Every field is named, so that compilers do not warn. */
#define OVO_CHARGE_INIT { (uint32_t)sizeof(ovo_charge), 0, 0, NULL, NULL, NULL, NULL, NULL }
#define OVO_OUTCOME_INIT \
  { (uint32_t)sizeof(ovo_outcome), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
    "", "", "", "", "", "", "", { "", "", "", "", "", "", "", "" } }
#define OVO_RECORD_INIT \
  { (uint32_t)sizeof(ovo_record), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", "", "", "", "" }
#define OVO_FILTER_INIT { (uint32_t)sizeof(ovo_filter), 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL }
#define OVO_RESPONSE_CODE_INIT \
  { (uint32_t)sizeof(ovo_response_code), 0, 0, 0, 0, 0, "", "", "" }
#define OVO_VOID_RESULT_INIT { (uint32_t)sizeof(ovo_void_result), 0, "" }
#define OVO_DIAGNOSIS_INIT { (uint32_t)sizeof(ovo_diagnosis), 0, 0, 0, 0, 0, 0, 0, 0, "", "", 0, 0, 0, 0 }
#define OVO_ERROR_FACTS_INIT { (uint32_t)sizeof(ovo_error_facts), 0, 0, "", "" }
#define OVO_SETTLEMENT_LINE_INIT { (uint32_t)sizeof(ovo_settlement_line), 0, 0, 0, NULL }
#define OVO_RECONCILED_INIT { (uint32_t)sizeof(ovo_reconciled), 0, 0, 0, 0, 0, "", "" }
#define OVO_CLOCK_INIT { (uint32_t)sizeof(ovo_clock), 0, NULL, NULL, NULL, NULL, NULL }

/* The sizes that the library was compiled with: a compiler that lays a struct out otherwise (a
   packing pragma around the include) stops here. */
#if defined(__cplusplus)
#define OVO_ASSERT_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type)
#elif __STDC_VERSION__ >= 201112L
#define OVO_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#else
#define OVO_ASSERT_SIZE(type, bytes) typedef char type##_has_another_size[sizeof(type) == (bytes) ? 1 : -1]
#endif
OVO_ASSERT_SIZE(ovo_wallet, 352);
OVO_ASSERT_SIZE(ovo_outcome, 768);
OVO_ASSERT_SIZE(ovo_record, 232);
OVO_ASSERT_SIZE(ovo_filter, 48 + 2 * sizeof(void *));
OVO_ASSERT_SIZE(ovo_response_code, 288);
OVO_ASSERT_SIZE(ovo_void_result, 16);
OVO_ASSERT_SIZE(ovo_diagnosis, 80);
OVO_ASSERT_SIZE(ovo_error_facts, 104);
OVO_ASSERT_SIZE(ovo_reconciled, 600);
OVO_ASSERT_SIZE(ovo_settlement_line, (24 + sizeof(void *) + 7) / 8 * 8);
OVO_ASSERT_SIZE(ovo_charge, (16 + 5 * sizeof(void *) + 7) / 8 * 8);
OVO_ASSERT_SIZE(ovo_clock, 8 + 5 * sizeof(void *));
#undef OVO_ASSERT_SIZE

#endif  /* OVO_PTP_H */
