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
