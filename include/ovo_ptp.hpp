/*
 * ovo_ptp.hpp: the C++17 face of ovo_ptp.h. Header only; link what ovo_ptp.h says.
 *
 *   auto client = ovo::Config()
 *                     .environment("staging")
 *                     .credentials_from_file("/etc/till/ovo.toml")
 *                     .journal("/var/lib/till/ovo.db")
 *                     .open();
 *   if (!client) return report(client.error());
 *   auto outcome = client->pay({"INV-2026-0001", 12500, "0812-3456-7890"});
 *   if (!outcome) return report(outcome.error());
 *   if (auto paid = std::get_if<ovo::Paid>(&*outcome)) print(paid->approval_code);
 *   else show(ovo::customer_text(*outcome, ovo::Language::Indonesian));
 *
 * Rules, beside those of ovo_ptp.h:
 *
 * - Nothing throws and nothing needs exceptions: a call returns a Result, which is a value or an
 *   Error. With exceptions on, Result::or_throw() turns the Error into one.
 * - Config, Client and Payment own what they stand for; they move and do not copy. A moved-from one
 *   answers with Code::Null. A Client closes itself, which waits until no call is left in it. In a
 *   callback it cannot: close() says Code::Reentrant there and the client stays open, to be closed
 *   afterwards; one that is destroyed or moved into there stays open for the program's life, and so
 *   does a Reconciliation that is destroyed there. A Payment and a Config may end there.
 * - A Client has the functions that its Config had when it was opened, whatever is set later.
 * - Texts go in as std::string_view (a NUL inside is an Error) and come out as std::string.
 * - An exception that leaves a log or progress function is swallowed, one that leaves a transport
 *   ends the exchange as ExchangeEnd::NoAnswer: none may cross the library.
 */
#ifndef OVO_PTP_HPP
#define OVO_PTP_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
#if defined(__cpp_exceptions)
#include <stdexcept>
#endif

#include "ovo_ptp.h"

#if OVO_VERSION_MAJOR != 0 || OVO_VERSION_MINOR != 2
#error "ovo_ptp.hpp and ovo_ptp.h are of different versions"
#endif

namespace ovo {

/// The codes of ovo_ptp.h. A newer library may return numbers that have no name here.
enum class Code : std::int32_t {
  Ok = OVO_OK,
  Null = OVO_ERR_NULL,
  BadHandle = OVO_ERR_BAD_HANDLE,
  InvalidInput = OVO_ERR_INVALID_INPUT,
  NotUtf8 = OVO_ERR_NOT_UTF8,
  TooLong = OVO_ERR_TOO_LONG,
  StructSize = OVO_ERR_STRUCT_SIZE,
  Version = OVO_ERR_VERSION,
  Reentrant = OVO_ERR_REENTRANT,
  Forked = OVO_ERR_FORKED,
  NoThreads = OVO_ERR_NO_THREADS,
  BufferTooSmall = OVO_ERR_BUFFER_TOO_SMALL,
  OutOfRange = OVO_ERR_OUT_OF_RANGE,
  WrongThread = OVO_ERR_WRONG_THREAD,
  TooManyHandles = OVO_ERR_TOO_MANY_HANDLES,
  Configuration = OVO_ERR_CONFIGURATION,
  Unsupported = OVO_ERR_UNSUPPORTED,
  Journal = OVO_ERR_JOURNAL,
  JournalLocked = OVO_ERR_JOURNAL_LOCKED,
  InvoiceReused = OVO_ERR_INVOICE_REUSED,
  UnsettledCustomer = OVO_ERR_UNSETTLED_CUSTOMER,
  NotFound = OVO_ERR_NOT_FOUND,
  Refused = OVO_ERR_REFUSED,
  OutsideWindow = OVO_ERR_OUTSIDE_WINDOW,
  NoAnswer = OVO_ERR_NO_ANSWER,
  Stopped = OVO_ERR_STOPPED,
  Closed = OVO_ERR_CLOSED,
  Internal = OVO_ERR_INTERNAL,
};

enum class Language : std::int32_t { Indonesian = OVO_INDONESIAN, English = OVO_ENGLISH };
enum class Phase : std::int32_t {
  Sending = OVO_PHASE_SENDING,
  Waiting = OVO_PHASE_WAITING,
  Checking = OVO_PHASE_CHECKING,
};
enum class Level : std::int32_t {
  Info = OVO_LEVEL_INFO,
  Alert = OVO_LEVEL_ALERT,
  Critical = OVO_LEVEL_CRITICAL,
};
enum class Operation : std::int32_t {
  PushToPay = OVO_OP_PUSH_TO_PAY,
  Reversal = OVO_OP_REVERSAL,
  Void = OVO_OP_VOID,
  CheckPayment = OVO_OP_CHECK_PAYMENT,
  CheckVoid = OVO_OP_CHECK_VOID,
  Inquiry = OVO_OP_INQUIRY,
};
enum class ExchangeEnd : std::int32_t {
  NotSent = OVO_EXCHANGE_NOT_SENT,
  NoAnswer = OVO_EXCHANGE_NO_ANSWER,
  Answered = OVO_EXCHANGE_ANSWERED,
};
enum class NotSentReason : std::int32_t {
  Untold = OVO_NOT_SENT_UNTOLD,
  UnknownHost = OVO_NOT_SENT_UNKNOWN_HOST,
  NoConnection = OVO_NOT_SENT_NO_CONNECTION,
  NotTrusted = OVO_NOT_SENT_NOT_TRUSTED,
  TooSlow = OVO_NOT_SENT_TOO_SLOW,
  Cancelled = OVO_NOT_SENT_CANCELLED,
  Closed = OVO_NOT_SENT_CLOSED,
  Stopped = OVO_NOT_SENT_STOPPED,
};
enum class Class : std::int32_t {
  Unknown = OVO_CLASS_UNKNOWN,
  Approved = OVO_CLASS_APPROVED,
  Declined = OVO_CLASS_DECLINED,
  Misconfigured = OVO_CLASS_MISCONFIGURED,
  Duplicate = OVO_CLASS_DUPLICATE,
};
enum class Status : std::int32_t {
  Paid = OVO_STATUS_PAID,
  NotFound = OVO_STATUS_NOT_FOUND,
  Reversed = OVO_STATUS_REVERSED,
  ForeignSale = OVO_STATUS_FOREIGN_SALE,
  Doubtful = OVO_STATUS_DOUBTFUL,
  TooOld = OVO_STATUS_TOO_OLD,
  Unavailable = OVO_STATUS_UNAVAILABLE,
};
enum class VoidState : std::int32_t {
  Voided = OVO_VOIDED,
  Rejected = OVO_VOID_REJECTED,
  NotSent = OVO_VOID_NOT_SENT,
  Pending = OVO_VOID_PENDING,
  NeedsOperator = OVO_VOID_NEEDS_OPERATOR,
};
enum class Ruling : std::int32_t {
  Paid = OVO_RULE_PAID,
  Refund = OVO_RULE_REFUND,
  Close = OVO_RULE_CLOSE,
};
enum class Explanation : std::int32_t {
  Text = OVO_EXPLAIN_TEXT,
  Json = OVO_EXPLAIN_JSON,
  Html = OVO_EXPLAIN_HTML,
};
/// What a line of OVO's settlement report, or a payment that has none, comes to.
enum class Finding : std::int32_t {
  Matched = OVO_FINDING_MATCHED,
  Refunded = OVO_FINDING_REFUNDED,
  Open = OVO_FINDING_OPEN,
  ByHand = OVO_FINDING_BY_HAND,
  PerhapsNextDay = OVO_FINDING_PERHAPS_NEXT_DAY,
  ExtraDebit = OVO_FINDING_EXTRA_DEBIT,
  ReturnedHere = OVO_FINDING_RETURNED_HERE,
  RefundedThere = OVO_FINDING_REFUNDED_THERE,
  OtherAmount = OVO_FINDING_OTHER_AMOUNT,
  Twice = OVO_FINDING_TWICE,
  MissingHere = OVO_FINDING_MISSING_HERE,
  MissingAtOvo = OVO_FINDING_MISSING_AT_OVO,
  WithOperator = OVO_FINDING_WITH_OPERATOR,
  Contradicted = OVO_FINDING_CONTRADICTED,
  FailedThere = OVO_FINDING_FAILED_THERE,
  OtherDay = OVO_FINDING_OTHER_DAY,
};
enum class Listed : std::int32_t {
  Paid = OVO_LISTED_PAID,
  Refunded = OVO_LISTED_REFUNDED,
  Nothing = OVO_LISTED_NOTHING,
  Elsewhere = OVO_LISTED_ELSEWHERE,
};
enum class LateSuccess : std::int32_t { Accept = OVO_LATE_ACCEPT, Reverse = OVO_LATE_REVERSE };
enum class BatchMethod : std::int32_t { Continuous = OVO_BATCH_CONTINUOUS, Daily = OVO_BATCH_DAILY };
enum class Signing : std::int32_t {
  WithoutBody = OVO_SIGN_WITHOUT_BODY,
  WithBody = OVO_SIGN_WITH_BODY,
};
enum class ProbeResult : std::int32_t {
  NoAnswer = OVO_PROBE_NO_ANSWER,
  Accepted = OVO_PROBE_ACCEPTED,
  Refused = OVO_PROBE_REFUSED,
};

/// Why a call started nothing.
struct Error {
  Code code = Code::Internal;
  /// One line without secrets or personal data.
  std::string detail;
  /// The field or argument that is wrong, or empty.
  std::string field = {};
  /// The payment that it is about, or empty; for an unsettled customer the one to wait for.
  std::string invoice = {};
  /// How long to wait before the same call is worth another try; 0 if that is not known.
  std::int64_t retry_after_ms = 0;

  /// What the code means, in English.
  [[nodiscard]] std::string_view meaning() const noexcept {
    return ovo_strerror(static_cast<std::int32_t>(code));
  }
  /// Whether the same call may succeed later without a change of input or set-up.
  [[nodiscard]] bool is_retryable() const noexcept {
    return ovo_is_retryable(static_cast<std::int32_t>(code)) != 0;
  }
  /// Whether the state of something at OVO is unknown. No error leaves a debit in doubt.
  [[nodiscard]] bool is_outcome_unknown() const noexcept {
    return ovo_is_outcome_unknown(static_cast<std::int32_t>(code)) != 0;
  }
};

#if defined(__cpp_exceptions)
/// What Result::or_throw() throws.
class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error)
      : std::runtime_error(std::string(error.meaning()) + ": " + error.detail),
        error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};
#endif

/// A value, or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return held_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return ok(); }
  /// The value; only if ok().
  [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&held_); }
  [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&held_); }
  [[nodiscard]] T&& operator*() && noexcept { return std::move(*std::get_if<0>(&held_)); }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&held_); }
  [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&held_); }
  /// The reason; only if not ok().
  [[nodiscard]] const Error& error() const noexcept { return *std::get_if<1>(&held_); }
#if defined(__cpp_exceptions)
  /// The value, or an Exception.
  [[nodiscard]] T or_throw() && {
    if (!ok()) throw Exception(error());
    return std::move(*std::get_if<0>(&held_));
  }
#endif

 private:
  std::variant<T, Error> held_;
};

/// Done, or the reason why not.
using Done = Result<std::monostate>;

/// One payment to push to a customer's phone.
struct Charge {
  /// Your own name of this attempt, never used before: 1 to 50 of `A-Z a-z 0-9 - _ . /`.
  std::string_view invoice;
  /// Whole rupiah.
  std::int64_t amount = 0;
  /// The customer's phone as typed.
  std::string_view phone;
  /// Push even if this customer has a payment that is not settled. Both could be debited.
  bool allow_second_push = false;
  /// Another terminal than that of the credentials: all three, or none.
  std::string_view tid = {};
  std::string_view mid = {};
  std::string_view store_code = {};
};

/// The customer's wallet. Personal data: neither store nor log it.
struct Wallet {
  std::string ovo_id, full_name, cash_used, cash_balance, points_used, points_balance,
      points_earned, payment_type;
};

/// There is no outcome yet.
struct Pending {
  std::string invoice;
  /// See was_known().
  bool was_known = false;
};
/// The customer is debited and stays debited. Hand over the goods.
struct Paid {
  std::string invoice;
  std::int64_t amount = 0;
  std::uint32_t batch = 0, reference = 0;
  /// Empty if a status check reported the success without one.
  std::string approval_code;
  std::string trace_number, host_date, host_time;
  /// A status check or an operator reported the success.
  bool late = false;
  /// Voided since, as OVO acknowledged; it stays so where `void_doubt` says something else.
  bool voided = false;
  /// Only in the outcome of the paying call itself.
  std::optional<Wallet> wallet;
  /// See was_known().
  bool was_known = false;
  /// Of the receipt, and kept with the payment, so that it can be printed again. Empty where OVO told none.
  std::string cash_used, points_used, points_earned;
  /// Empty, or why it is not known whether a void returned the money: under way, left to an operator, closed
  /// by one, or acknowledged and not shown by OVO's record. Hand over nothing then.
  std::string void_doubt;
};
/// OVO refused. Show the customer's text.
struct Declined {
  std::string invoice;
  /// Empty if the numbers turned out to belong to another sale.
  std::string response_code;
  Class response_class = Class::Unknown;
  /// A new attempt, with a new invoice, can succeed.
  bool new_attempt = false;
  /// In English, for the log.
  std::string reason;
  /// See was_known().
  bool was_known = false;
};
/// No usable answer in time. Any deduction is returned.
struct NotCompleted {
  std::string invoice;
  /// OVO's record is settled: the customer is certainly not debited.
  bool refund_settled = false;
  bool was_debited = false;
  /// The merchant gave the payment up, before its time was over.
  bool cancelled = false;
  /// See was_known().
  bool was_known = false;
  /// Empty; or that it waits for an operator, or that one closed it: nothing goes back by itself any more.
  std::string reason;
};
/// Not one byte of the push left. Try again, with a new invoice.
struct NotSent {
  std::string invoice;
  /// Told by the paying call alone.
  NotSentReason reason = NotSentReason::Untold;
  /// In English, for the log.
  std::string detail;
  /// See was_known().
  bool was_known = false;
};
/// The evidence contradicts itself. Call support.
struct NeedsOperator {
  std::string invoice;
  std::uint32_t batch = 0, reference = 0;
  std::string reason;
  /// See was_known().
  bool was_known = false;
};
/// The client was closed meanwhile. Open it again and ask with the same invoice.
struct Interrupted {
  std::string invoice;
  /// See was_known().
  bool was_known = false;
};

/// How a payment ended: for std::visit.
using Outcome =
    std::variant<Pending, Paid, Declined, NotCompleted, NotSent, NeedsOperator, Interrupted>;

/// A payment as the journal knows it. Holds nothing about the person who paid.
struct Record {
  std::int64_t id = 0;
  std::string invoice;
  std::int64_t amount = 0;
  std::int64_t begun_ms = 0;
  std::uint32_t batch = 0, reference = 0;
  bool acknowledged = false, settled = false, needs_operator = false;
  std::string settlement, tid, mid, store_code;
};

/// A payment of a list.
struct Entry {
  Record record;
  Outcome outcome;
};

/// Which payments to list.
struct Filter {
  bool unacknowledged = false, unsettled = false, needs_operator = false;
  std::int64_t since_ms = 0, until_ms = 0, after = 0;
  std::uint32_t limit = 0;
  /// For people; else in the order in which they were begun.
  bool newest_first = false;
  /// Only payments of this terminal and of this merchant id; empty for all.
  std::string tid, mid;
};

/// What came of archiving.
struct Archived {
  /// Payments that the archive has; 0 if none was over, and then no file was made.
  std::int64_t payments = 0;
  /// How many of them this call took out of the journal.
  std::int64_t moved = 0;
  /// Payments that were changed meanwhile and stay in the journal.
  std::int64_t left = 0;
};

/// How a void stands.
struct Voided {
  VoidState state = VoidState::NeedsOperator;
  std::string response_code;
};

/// What a check found.
struct Checked {
  Status at_ovo = Status::NotFound;
  Record record;
};

/// What the doctor found.
struct Diagnosis {
  std::uint32_t problems = 0;
  Signing signing = Signing::WithoutBody;
  ProbeResult without_body = ProbeResult::NoAnswer, with_body = ProbeResult::NoAnswer;
  std::optional<std::int64_t> clock_ahead_seconds;
  std::uint64_t payments = 0, unsettled = 0;
  /// Whole days that the certificates are still good; below 0: ended.
  std::optional<std::int32_t> host_certificate_days, client_certificate_days;
  /// The same in English, several lines.
  std::string report;
};

/// What is known about a response code.
struct ResponseCode {
  std::string code;
  Class class_of_push = Class::Unknown;
  bool known = false, shown = false, new_attempt = false;
  std::string meaning, action;
};

namespace detail {

inline Error failed(std::int32_t code) {
  ovo_error_facts facts = OVO_ERROR_FACTS_INIT;
  ovo_last_error_facts(&facts);
  return Error{static_cast<Code>(code), std::string(ovo_last_error()), facts.field, facts.invoice,
               facts.retry_after_ms};
}

/// A view as C wants it. A NUL inside would cut the text short, so it is refused.
class Text {
 public:
  explicit Text(std::string_view text)
      : text_(text), broken_(text.find('\0') != std::string_view::npos) {}
  [[nodiscard]] const char* get() const noexcept { return text_.c_str(); }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  static Error error() { return Error{Code::InvalidInput, "text: must not hold a NUL", "text"}; }

 private:
  std::string text_;
  bool broken_;
};

template <class... Texts>
bool broken(const Texts&... texts) {
  return (texts.broken() || ...);
}

inline Outcome outcome(const ovo_outcome& flat) {
  const bool known = flat.was_known != 0;
  switch (flat.kind) {
    case OVO_PAID: {
      Paid paid{flat.invoice,       flat.amount,    flat.batch,     flat.reference,
                flat.approval_code, flat.trace_number, flat.host_date, flat.host_time,
                flat.late != 0,     flat.voided != 0,  std::nullopt,   known,
                flat.wallet.cash_used, flat.wallet.points_used, flat.wallet.points_earned,
                flat.reason};
      if (flat.has_wallet != 0) {
        const ovo_wallet& w = flat.wallet;
        paid.wallet = Wallet{w.ovo_id,      w.full_name,      w.cash_used,     w.cash_balance,
                             w.points_used, w.points_balance, w.points_earned, w.payment_type};
      }
      return paid;
    }
    case OVO_DECLINED:
      return Declined{flat.invoice, flat.response_code, static_cast<Class>(flat.response_class),
                      flat.new_attempt != 0, flat.reason, known};
    case OVO_NOT_COMPLETED:
      return NotCompleted{flat.invoice, flat.refund_settled != 0, flat.was_debited != 0,
                          flat.cancelled != 0, known, flat.reason};
    case OVO_NOT_SENT:
      return NotSent{flat.invoice, static_cast<NotSentReason>(flat.not_sent_reason), flat.reason,
                     known};
    case OVO_INTERRUPTED:
      return Interrupted{flat.invoice, known};
    case OVO_PENDING:
      return Pending{flat.invoice, known};
    default:
      // Also what a newer library may add: nobody is told more than is known here.
      return NeedsOperator{flat.invoice, flat.batch, flat.reference, flat.reason, known};
  }
}

inline Record record(const ovo_record& flat) {
  return Record{flat.id,           flat.invoice,      flat.amount,       flat.begun_ms,
                flat.batch,        flat.reference,    flat.acknowledged != 0,
                flat.settled != 0, flat.needs_operator != 0,
                flat.settlement,   flat.tid,          flat.mid,          flat.store_code};
}

struct Close {
  void operator()(ovo_config* config) const noexcept { ovo_config_free(config); }
  void operator()(ovo_payment* payment) const noexcept { ovo_payment_free(payment); }
  void operator()(ovo_list* list) const noexcept { ovo_list_free(list); }
  void operator()(ovo_reconciliation* books) const noexcept { ovo_reconcile_free(books); }
};
template <class T>
using Owned = std::unique_ptr<T, Close>;

/// Calls a caller's function with nothing leaving it.
template <class Function>
void contained(Function&& function) noexcept {
#if defined(__cpp_exceptions)
  try {
    function();
  } catch (...) {
  }
#else
  function();
#endif
}

inline Result<std::vector<Entry>> entries(ovo_list* handle) {
  Owned<ovo_list> list(handle);
  std::size_t length = 0;
  if (auto code = ovo_list_length(handle, &length); code != OVO_OK) return failed(code);
  std::vector<Entry> entries;
  entries.reserve(length);
  for (std::size_t index = 0; index < length; index++) {
    ovo_record flat = OVO_RECORD_INIT;
    ovo_outcome ended = OVO_OUTCOME_INIT;
    if (auto code = ovo_list_get(handle, index, &flat, &ended); code != OVO_OK)
      return failed(code);
    entries.push_back(Entry{record(flat), outcome(ended)});
  }
  return entries;
}

}  // namespace detail

/// One request for a transport of one's own to carry; see ovo_request and ovo_transport_fn.
struct Request {
  Operation operation = Operation::Inquiry;
  std::uint32_t send_budget_ms = 0, total_budget_ms = 0;
  std::string_view url, app_id, random, hmac, body;
};

/// The exchange under way: on the transport's thread, until it returns.
class Exchange {
 public:
  explicit Exchange(ovo_exchange* exchange, const ovo_request* shown = nullptr,
                    Request* seen = nullptr) noexcept
      : exchange_(exchange), shown_(shown), seen_(seen) {}
  /// While there is no connection yet, about five times a second. False: nobody wants the request any
  /// more; hang up, return NotSent.
  [[nodiscard]] bool connecting() noexcept { return ovo_exchange_connecting(exchange_) == OVO_OK; }
  /// Immediately before the first byte. False: write nothing, return NotSent. The request is signed
  /// anew: read its random and hmac behind this.
  [[nodiscard]] bool begin() noexcept {
    const bool may = ovo_exchange_begin(exchange_) == OVO_OK;
    if (shown_ != nullptr && seen_ != nullptr) {
      seen_->random = shown_->random;
      seen_->hmac = shown_->hmac;
    }
    return may;
  }
  /// The last byte is out.
  void sent() noexcept { ovo_exchange_sent(exchange_); }
  /// How many milliseconds to wait at most. Nothing: stop, return NoAnswer.
  [[nodiscard]] std::optional<std::uint32_t> wait() noexcept {
    std::uint32_t milliseconds = 0;
    if (ovo_exchange_wait(exchange_, &milliseconds) != OVO_OK) return std::nullopt;
    return milliseconds;
  }
  /// The whole answer. False: it cannot be one, return NoAnswer.
  [[nodiscard]] bool answer(int status, std::string_view body) noexcept {
    return ovo_exchange_answer(exchange_, status,
                               reinterpret_cast<const std::uint8_t*>(body.data()),
                               body.size()) == OVO_OK;
  }
  /// The answer's Date in Unix seconds and its Retry-After in seconds; 0 for none.
  void headers(std::int64_t date, std::uint32_t retry_after) noexcept {
    ovo_exchange_headers(exchange_, date, retry_after);
  }
  /// Why it failed, for the log.
  void explain(std::string_view message) {
    detail::Text text(message);
    ovo_exchange_explain(exchange_, text.get());
  }

 private:
  ovo_exchange* exchange_;
  const ovo_request* shown_;
  Request* seen_;
};

using Log = std::function<void(Level, std::string_view invoice, std::string_view message)>;
using Progress = std::function<void(std::string_view invoice, Phase, std::uint32_t remaining_ms)>;
/// True gives the payment up.
using Watch = std::function<bool(Phase, std::uint32_t remaining_ms)>;
using Transport = std::function<ExchangeEnd(const Request&, Exchange&)>;
/// The password for a connection to a journal in PostgreSQL, as of now; nothing if there is none. Duties as
/// for `ovo_journal_password_fn`.
using JournalPassword = std::function<std::optional<std::string>(
    std::string_view host, std::uint32_t port, std::string_view user)>;

/// A line of OVO's settlement report, as your program reads it.
struct SettlementLine {
  /// As the report has it, up to 255 bytes.
  std::string_view invoice;
  /// In rupiah, before fees; above 0, also of a refund.
  std::int64_t amount = 0;
  Listed says = Listed::Paid;
  /// A moment of the transaction's day, in milliseconds since 1970 UTC; 0 if the report does not tell.
  std::int64_t day_ms = 0;
};

/// What a line, or a payment without one, comes to.
struct Reconciled {
  Finding finding = Finding::Matched;
  /// The two books differ, so that somebody must look.
  bool is_difference = false;
  /// The report's amount; 0 if no line has this payment.
  std::int64_t listed = 0;
  /// The journal's amount; 0 if the journal does not know the invoice.
  std::int64_t amount = 0;
  std::string invoice;
  /// What it means, what to do, and why the payment stands as it does.
  std::string text;
};

/// How often there was a finding, and the rupiah of it.
struct Found {
  std::int64_t lines = 0, rupiah = 0;
};

/// OVO's settlement report beside a journal: each line, then what the report should have had and had
/// not. From Client::reconcile(), or reconcile_beside() for another process's journal. It changes nothing.
class Reconciliation {
 public:
  Reconciliation(ovo_reconciliation* books, ovo_client* client) noexcept
      : books_(books), client_(client) {}
  /// Compares a line with the payment of its invoice; none of what is known at the end (missing()).
  [[nodiscard]] Result<std::optional<Reconciled>> line(const SettlementLine& line,
                                        Language language = Language::Indonesian) {
    const detail::Text invoice(line.invoice);
    if (invoice.broken()) return detail::Text::error();
    ovo_settlement_line flat = OVO_SETTLEMENT_LINE_INIT;
    flat.invoice = invoice.get();
    flat.amount = line.amount;
    flat.says = static_cast<std::int32_t>(line.says);
    flat.day_ms = line.day_ms;
    ovo_reconciled found = OVO_RECONCILED_INIT;
    const auto code = ovo_reconcile_line(books_.get(), client_, &flat,
                                         static_cast<std::int32_t>(language), &found);
    return told(code, found);
  }
  /// The next one of what only the end of the report shows: failed there, other day, then what is paid
  /// here, was begun within these days (both 0: those of the lines) and has had no line; none behind the
  /// last one. Walk through the days once, behind the last line.
  [[nodiscard]] Result<std::optional<Reconciled>> missing(std::int64_t since_ms,
                                                          std::int64_t until_ms,
                                                          Language language = Language::Indonesian) {
    ovo_reconciled found = OVO_RECONCILED_INIT;
    const auto code = ovo_reconcile_missing(books_.get(), client_, since_ms, until_ms,
                                            static_cast<std::int32_t>(language), &found);
    return told(code, found);
  }
  /// The next extra debit that no refund's line took out again, behind the last line; none behind the last
  /// one, and then from the first again.
  [[nodiscard]] Result<std::optional<Reconciled>> extra_debit(
      Language language = Language::Indonesian) {
    ovo_reconciled found = OVO_RECONCILED_INIT;
    const auto code = ovo_reconcile_extra_debit(books_.get(), client_,
                                                static_cast<std::int32_t>(language), &found);
    return told(code, found);
  }
  /// How often there was a finding so far.
  [[nodiscard]] Result<Found> count(Finding finding) const {
    Found found;
    const auto code = ovo_reconcile_count(books_.get(), static_cast<std::int32_t>(finding),
                                          &found.lines, &found.rupiah);
    if (code != OVO_OK) return detail::failed(code);
    return found;
  }

 private:
  static Result<std::optional<Reconciled>> told(std::int32_t code, const ovo_reconciled& flat) {
    if (code != OVO_OK) return detail::failed(code);
    if (flat.finding == OVO_FINDING_NONE) return std::optional<Reconciled>();
    return std::optional<Reconciled>(made(flat));
  }
  static Reconciled made(const ovo_reconciled& flat) {
    return Reconciled{static_cast<Finding>(flat.finding), flat.is_difference != 0, flat.listed,
                      flat.amount, flat.invoice, flat.text};
  }
  detail::Owned<ovo_reconciliation> books_;
  /// A handle: behind the client's end it is dead, and says so.
  ovo_client* client_;
};

/// A payment under way on a thread of its own.
class Payment {
 public:
  explicit Payment(ovo_payment* payment) noexcept : payment_(payment) {}
  /// The outcome, or Pending. Does not wait.
  [[nodiscard]] Result<Outcome> poll() const {
    ovo_outcome flat = OVO_OUTCOME_INIT;
    const auto code = ovo_poll(payment_.get(), &flat);
    if (code != OVO_OK) return detail::failed(code);
    return detail::outcome(flat);
  }
  /// Waits at most so long; below 0: until there is an outcome. Pending if there is none by then.
  [[nodiscard]] Result<Outcome> wait(std::int32_t timeout_ms = -1) const {
    ovo_outcome flat = OVO_OUTCOME_INIT;
    const auto code = ovo_wait(payment_.get(), timeout_ms, &flat);
    if (code != OVO_OK) return detail::failed(code);
    return detail::outcome(flat);
  }
  /// Gives the payment up, as Client::cancel does.
  [[nodiscard]] Result<Outcome> cancel() const {
    ovo_outcome flat = OVO_OUTCOME_INIT;
    const auto code = ovo_payment_cancel(payment_.get(), &flat);
    if (code != OVO_OK) return detail::failed(code);
    return detail::outcome(flat);
  }

 private:
  detail::Owned<ovo_payment> payment_;
};

namespace detail {
/// The caller's functions. They do not change: a client's threads may be in them.
struct Functions {
  Log log;
  Progress progress;
  Transport transport;
  JournalPassword journal_password;
  /// Themselves, for good, if the client that calls them could not be closed.
  std::shared_ptr<Functions> kept;
};
}  // namespace detail

/// A client. Any thread may use and close it, several at once; moving and destroying it is for one.
class Client {
 public:
  Client(ovo_client* client, std::shared_ptr<detail::Functions> functions) noexcept
      : functions_(std::move(functions)), client_(client) {}
  Client(Client&& other) noexcept
      : functions_(std::move(other.functions_)), client_(std::exchange(other.client_, nullptr)) {}
  /// Closes the client that was here, while it still has its functions.
  Client& operator=(Client&& other) noexcept {
    if (this != &other) {
      end();
      functions_ = std::move(other.functions_);
      client_ = std::exchange(other.client_, nullptr);
    }
    return *this;
  }
  ~Client() { end(); }

  /// Pushes a payment and waits for its outcome. An Error means that this call started nothing.
  [[nodiscard]] Result<Outcome> pay(const Charge& charge) {
    ovo_outcome flat = OVO_OUTCOME_INIT;
    return charged(charge, [&](const ovo_charge& c) -> Result<Outcome> {
      if (auto code = ovo_pay(client_, &c, &flat); code != OVO_OK) return detail::failed(code);
      return detail::outcome(flat);
    });
  }
  /// Like pay(), for a till without threads: `watch` is called about once a second, and true gives the
  /// payment up. An exception that leaves it counts as false.
  [[nodiscard]] Result<Outcome> pay_with(const Charge& charge, const Watch& watch) {
    ovo_outcome flat = OVO_OUTCOME_INIT;
    return charged(charge, [&](const ovo_charge& c) -> Result<Outcome> {
      void* data = const_cast<Watch*>(&watch);
      if (auto code = ovo_pay_with(client_, &c, watch ? watched : nullptr, data, &flat);
          code != OVO_OK)
        return detail::failed(code);
      return detail::outcome(flat);
    });
  }
  /// Gives up a payment that has no outcome yet, from any thread. The outcome that is durable now.
  [[nodiscard]] Result<Outcome> cancel(std::string_view invoice) {
    ovo_outcome flat = OVO_OUTCOME_INIT;
    auto done = named(invoice, [&](const char* i) { return ovo_cancel(client_, i, &flat); });
    if (!done) return done.error();
    return detail::outcome(flat);
  }
  /// Starts a payment on a thread of its own; needs Config::threads(true).
  [[nodiscard]] Result<Payment> start(const Charge& charge) {
    return charged(charge, [&](const ovo_charge& c) -> Result<Payment> {
      ovo_payment* payment = nullptr;
      if (auto code = ovo_start(client_, &c, &payment); code != OVO_OK)
        return detail::failed(code);
      return Payment(payment);
    });
  }
  /// Whether a phone number has an OVO account.
  [[nodiscard]] Result<bool> inquire(std::string_view phone) {
    const detail::Text text(phone);
    if (text.broken()) return detail::Text::error();
    std::int32_t registered = 0;
    if (auto code = ovo_inquire(client_, text.get(), &registered); code != OVO_OK)
      return detail::failed(code);
    return registered != 0;
  }
  /// Confirms that the outcome is stored.
  Done acknowledge(std::string_view invoice) {
    return named(invoice, [&](const char* i) { return ovo_acknowledge(client_, i); });
  }
  /// One payment of the journal.
  [[nodiscard]] Result<Entry> find(std::string_view invoice) {
    ovo_record flat = OVO_RECORD_INIT;
    ovo_outcome ended = OVO_OUTCOME_INIT;
    auto done = named(invoice,
                      [&](const char* i) { return ovo_find(client_, i, &flat, &ended); });
    if (!done) return done.error();
    return Entry{detail::record(flat), detail::outcome(ended)};
  }
  /// Asks OVO for the status now. `phone` only for a payment whose phone the journal has forgotten.
  [[nodiscard]] Result<Checked> check(std::string_view invoice, std::string_view phone = {}) {
    ovo_record flat = OVO_RECORD_INIT;
    std::int32_t at_ovo = 0;
    const detail::Text text(phone);
    if (text.broken()) return detail::Text::error();
    auto done = named(invoice, [&](const char* i) {
      return ovo_check(client_, i, phone.empty() ? nullptr : text.get(), &at_ovo, &flat);
    });
    if (!done) return done.error();
    return Checked{static_cast<Status>(at_ovo), detail::record(flat)};
  }
  /// Returns the whole amount, on the day of the payment.
  [[nodiscard]] Result<Voided> void_payment(std::string_view invoice) {
    ovo_void_result flat = OVO_VOID_RESULT_INIT;
    auto done = named(invoice, [&](const char* i) { return ovo_void(client_, i, &flat); });
    if (!done) return done.error();
    return Voided{static_cast<VoidState>(flat.state), flat.response_code};
  }
  /// Asks what became of a void. Of one that was left to an operator before `NeedsOperator` says that
  /// OVO was asked just now and shows none; `NoAnswer` and `OutsideWindow` that nobody knows: ask OVO before you
  /// refund by hand.
  [[nodiscard]] Result<Voided> check_void(std::string_view invoice) {
    ovo_void_result flat = OVO_VOID_RESULT_INIT;
    auto done =
        named(invoice, [&](const char* i) { return ovo_check_void(client_, i, &flat); });
    if (!done) return done.error();
    return Voided{static_cast<VoidState>(flat.state), flat.response_code};
  }
  /// An operator's decision.
  [[nodiscard]] Result<Record> rule(std::string_view invoice, Ruling ruling,
                                    std::string_view reason) {
    ovo_record flat = OVO_RECORD_INIT;
    const detail::Text text(reason);
    if (text.broken()) return detail::Text::error();
    auto done = named(invoice, [&](const char* i) {
      return ovo_rule(client_, i, static_cast<std::int32_t>(ruling), text.get(), &flat);
    });
    if (!done) return done.error();
    return detail::record(flat);
  }
  /// OVO's settlement file shows the payment as paid.
  [[nodiscard]] Result<Record> report_paid(std::string_view invoice) {
    ovo_record flat = OVO_RECORD_INIT;
    auto done =
        named(invoice, [&](const char* i) { return ovo_report_paid(client_, i, &flat); });
    if (!done) return done.error();
    return detail::record(flat);
  }
  /// Runs what is due now and returns what changed.
  Result<std::vector<Entry>> settle() {
    return listed([&](ovo_list** list) { return ovo_settle(client_, list); });
  }
  /// Milliseconds until settle() has something to do; nothing if never.
  [[nodiscard]] Result<std::optional<std::int64_t>> next_settlement() {
    std::int64_t milliseconds = 0;
    if (auto code = ovo_next_settlement(client_, &milliseconds); code != OVO_OK)
      return detail::failed(code);
    if (milliseconds < 0) return std::optional<std::int64_t>();
    return std::optional<std::int64_t>(milliseconds);
  }
  /// Outcomes that were not acknowledged.
  [[nodiscard]] Result<std::vector<Entry>> unacknowledged() {
    return listed([&](ovo_list** list) { return ovo_unacknowledged(client_, list); });
  }
  /// One page of payments; the next one is `after` the last id of this one.
  [[nodiscard]] Result<std::vector<Entry>> payments(const Filter& filter = {}) {
    ovo_filter flat = OVO_FILTER_INIT;
    flat.unacknowledged = filter.unacknowledged ? 1 : 0;
    flat.unsettled = filter.unsettled ? 1 : 0;
    flat.needs_operator = filter.needs_operator ? 1 : 0;
    flat.since_ms = filter.since_ms;
    flat.until_ms = filter.until_ms;
    flat.after = filter.after;
    flat.limit = filter.limit;
    flat.newest_first = filter.newest_first ? 1 : 0;
    flat.tid = filter.tid.empty() ? nullptr : filter.tid.c_str();
    flat.mid = filter.mid.empty() ? nullptr : filter.mid.c_str();
    return listed([&](ovo_list** list) { return ovo_list_payments(client_, &flat, list); });
  }
  /// Writes a copy of the journal, whole and synced, while payments go on.
  Done backup(std::string_view to) {
    return named(to, [&](const char* path) { return ovo_backup(client_, path); });
  }
  /// Moves payments that were begun before `before_ms` (milliseconds since 1970 UTC) and are over into
  /// an archive, while payments go on. Broken off, the same call finishes it.
  [[nodiscard]] Result<Archived> archive(std::int64_t before_ms, std::string_view to) {
    Archived done;
    auto moved = named(to, [&](const char* path) {
      return ovo_archive(client_, before_ms, path, &done.payments, &done.moved, &done.left);
    });
    if (!moved) return moved.error();
    return done;
  }
  /// Ends the doubt about a journal that was found to be a copy. False if there was none.
  [[nodiscard]] Result<bool> vouch(std::string_view who_and_why) {
    std::int32_t ended = 0;
    auto done = named(who_and_why, [&](const char* why) { return ovo_vouch(client_, why, &ended); });
    if (!done) return done.error();
    return ended != 0;
  }
  /// What became of a payment, for people, for programs or for support.
  [[nodiscard]] Result<std::string> explain(std::string_view invoice,
                                            Explanation form = Explanation::Text,
                                            Language language = Language::Indonesian) {
    std::string text(32768, '\0');
    for (;;) {
      std::size_t needed = 0;
      std::int32_t code = OVO_OK;
      auto done = named(invoice, [&](const char* i) {
        return code = ovo_explain(client_, i, static_cast<std::int32_t>(form),
                                  static_cast<std::int32_t>(language), &text[0], text.size(),
                                  &needed);
      });
      if (code == OVO_ERR_BUFFER_TOO_SMALL) {
        // It may grow while nobody holds it.
        text.resize(needed + 1024);
        continue;
      }
      if (!done) return done.error();
      text.resize(needed - 1);
      return text;
    }
  }
  /// Begins to hold OVO's settlement report against the journal of this client.
  [[nodiscard]] Result<Reconciliation> reconcile() {
    ovo_reconciliation* books = nullptr;
    if (auto code = ovo_reconcile_new(nullptr, &books); code != OVO_OK) return detail::failed(code);
    return Reconciliation(books, client_);
  }
  /// What a dashboard shows and an alarm watches, as text in Prometheus' format: the body of an answer
  /// to GET /metrics. Counters begin at 0 with each client; what the journal knows outlives it.
  [[nodiscard]] Result<std::string> metrics_text() {
    std::string text(24576, '\0');
    for (;;) {
      std::size_t needed = 0;
      const auto code = ovo_metrics_text(client_, &text[0], text.size(), &needed);
      if (code == OVO_ERR_BUFFER_TOO_SMALL) {
        // It may grow while nobody holds it.
        text.resize(needed + 1024);
        continue;
      }
      if (code != OVO_OK) return detail::failed(code);
      text.resize(needed - 1);
      return text;
    }
  }
  /// Examines the set-up.
  [[nodiscard]] Result<Diagnosis> doctor() {
    ovo_diagnosis flat = OVO_DIAGNOSIS_INIT;
    std::string report(8192, '\0');
    std::size_t needed = 0;
    const auto code = ovo_doctor(client_, &flat, &report[0], report.size(), &needed);
    if (code != OVO_OK && code != OVO_ERR_BUFFER_TOO_SMALL) return detail::failed(code);
    report.resize(code == OVO_OK ? needed - 1 : 0);
    Diagnosis found{flat.problems, static_cast<Signing>(flat.signing),
                    static_cast<ProbeResult>(flat.without_body),
                    static_cast<ProbeResult>(flat.with_body), std::nullopt, flat.payments,
                    flat.unsettled, std::nullopt, std::nullopt, std::move(report)};
    if (flat.host_certificate_known != 0)
      found.host_certificate_days = flat.host_certificate_days;
    if (flat.client_certificate_known != 0)
      found.client_certificate_days = flat.client_certificate_days;
    if (flat.clock_known != 0) found.clock_ahead_seconds = flat.clock_ahead_seconds;
    return found;
  }
  /// Examines the set-up, and signs one more harmless inquiry wrongly: at most once in 24 hours, because
  /// a wrong signature may lock an app id out. NoAnswer also if none was sent.
  [[nodiscard]] Result<ProbeResult> probe_signature() {
    std::int32_t wrong = 0;
    const auto code = ovo_probe_signature(client_, &wrong, nullptr, 0, nullptr);
    if (code != OVO_OK) return detail::failed(code);
    return static_cast<ProbeResult>(wrong);
  }
  /// Closes the client now; waiting calls of other threads return Interrupted, and later calls answer
  /// with Code::BadHandle. In a callback it is Code::Reentrant, and the client stays open.
  Done close() {
    // The handle stays: other threads may be reading it, and a closed one is dead for ever.
    if (auto code = ovo_client_close(client_); code != OVO_OK) return detail::failed(code);
    return std::monostate();
  }
  /// Closes it with a grace: new payments are refused at once, those that somebody waits for may end
  /// within it (90,000 milliseconds are enough for all).
  Done close_within(std::uint32_t grace_ms) {
    if (auto code = ovo_client_close_within(client_, grace_ms); code != OVO_OK)
      return detail::failed(code);
    return std::monostate();
  }
  /// For calls of ovo_ptp.h that this class lacks. Stays the client's.
  [[nodiscard]] ovo_client* get() const noexcept { return client_; }

 private:
  template <class Call>
  auto charged(const Charge& charge, Call&& call) -> decltype(call(std::declval<ovo_charge&>())) {
    const detail::Text invoice(charge.invoice), phone(charge.phone), tid(charge.tid),
        mid(charge.mid), store_code(charge.store_code);
    if (detail::broken(invoice, phone, tid, mid, store_code)) return detail::Text::error();
    const bool elsewhere = !(charge.tid.empty() && charge.mid.empty() && charge.store_code.empty());
    ovo_charge flat = OVO_CHARGE_INIT;
    flat.invoice = invoice.get();
    flat.amount = charge.amount;
    flat.phone = phone.get();
    flat.allow_second_push = charge.allow_second_push ? 1 : 0;
    if (elsewhere) {
      flat.tid = tid.get();
      flat.mid = mid.get();
      flat.store_code = store_code.get();
    }
    return call(flat);
  }
  template <class Call>
  Done named(std::string_view name, Call&& call) {
    const detail::Text text(name);
    if (text.broken()) return detail::Text::error();
    if (auto code = call(text.get()); code != OVO_OK) return detail::failed(code);
    return std::monostate();
  }
  template <class Call>
  Result<std::vector<Entry>> listed(Call&& call) {
    ovo_list* list = nullptr;
    if (auto code = call(&list); code != OVO_OK) return detail::failed(code);
    return detail::entries(list);
  }

  static std::int32_t watched(void* userdata, std::int32_t phase, std::uint32_t remaining_ms) {
    bool given_up = false;
    detail::contained([&] {
      given_up = (*static_cast<const Watch*>(userdata))(static_cast<Phase>(phase), remaining_ms);
    });
    return given_up ? OVO_CANCEL : OVO_GO_ON;
  }
  void end() noexcept {
    // In a callback the client cannot be closed and goes on calling its functions: they stay.
    if (ovo_client_close(client_) == OVO_ERR_REENTRANT && functions_) functions_->kept = functions_;
  }

  std::shared_ptr<detail::Functions> functions_;
  ovo_client* client_;
};

/// What a client shall be. Settings return the configuration; the first that fails is the Error of
/// open(). A moved-from one answers with Code::Null.
class Config {
 public:
  Config() : functions_(std::make_shared<detail::Functions>()) {
    ovo_config* config = nullptr;
    keep(ovo_config_new(OVO_VERSION_NUMBER, &config));
    config_.reset(config);
  }

  Config& environment(std::string_view text) { return with(text, ovo_config_set_environment); }
  Config& credentials(std::string_view merchant_id, std::string_view store_code,
                      std::string_view tid, std::string_view mid, std::string_view app_id,
                      std::string_view app_key) {
    const detail::Text a(merchant_id), b(store_code), c(tid), d(mid), e(app_id), f(app_key);
    if (detail::broken(a, b, c, d, e, f)) return broken();
    return keep(ovo_config_set_credentials(config_.get(), a.get(), b.get(), c.get(), d.get(),
                                           e.get(), f.get()));
  }
  Config& credentials_from_environment() {
    return keep(ovo_config_set_credentials_from_environment(config_.get()));
  }
  Config& credentials_from_file(std::string_view path) {
    return with(path, ovo_config_set_credentials_from_file);
  }
  /// The app keys before the present one, parted by commas.
  Config& previous_app_keys(std::string_view app_keys) {
    return with(app_keys, ovo_config_set_previous_app_keys);
  }
  Config& environment_class(std::string_view text) {
    return with(text, ovo_config_set_environment_class);
  }
  Config& journal(std::string_view path) { return with(path, ovo_config_set_journal); }
  Config& journal_shared(bool on) { return flag(on, ovo_config_set_journal_shared); }
  Config& journal_set_aside_unusable(bool on) {
    return flag(on, ovo_config_set_journal_set_aside_unusable);
  }
  Config& first_batch(std::uint32_t batch) {
    return keep(ovo_config_set_first_batch(config_.get(), batch));
  }
  Config& trust_file(std::string_view path) { return with(path, ovo_config_set_trust_file); }
  /// Appends every exchange to a file, masked: OVO's evidence. Refused towards production.
  Config& record(std::string_view path) { return with(path, ovo_config_set_record); }
  Config& proxy(std::string_view url) { return with(url, ovo_config_set_proxy); }
  Config& proxy_trust_file(std::string_view path) {
    return with(path, ovo_config_set_proxy_trust_file);
  }
  /// PEM files; the key may be in the certificate's.
  Config& client_certificate_file(std::string_view certificate, std::string_view key) {
    const detail::Text a(certificate), b(key);
    if (detail::broken(a, b)) return broken();
    return keep(ovo_config_set_client_certificate_file(config_.get(), a.get(), b.get()));
  }
  Config& client_certificate_file(std::string_view certificate_and_key) {
    return client_certificate_file(certificate_and_key, certificate_and_key);
  }
  Config& client_certificate_pem(std::string_view certificate, std::string_view key) {
    return keep(ovo_config_set_client_certificate_pem(
        config_.get(), reinterpret_cast<const std::uint8_t*>(certificate.data()),
        certificate.size(), reinterpret_cast<const std::uint8_t*>(key.data()), key.size()));
  }
  Config& trust_pem(std::string_view pem) {
    return keep(ovo_config_set_trust_pem(
        config_.get(), reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size()));
  }
  Config& threads(bool on) { return flag(on, ovo_config_set_threads); }
  Config& background(bool on) { return flag(on, ovo_config_set_background); }
  Config& late_success(LateSuccess value) { return choice(value, ovo_config_set_late_success); }
  Config& check_payment(bool on) { return flag(on, ovo_config_set_check_payment); }
  Config& verify_declines(bool on) { return flag(on, ovo_config_set_verify_declines); }
  Config& batch_method(BatchMethod value) { return choice(value, ovo_config_set_batch_method); }
  Config& signing(Signing value) { return choice(value, ovo_config_set_signing); }
  Config& phone_in_reversal(bool on) { return flag(on, ovo_config_set_phone_in_reversal); }
  Config& settle_rate(std::uint32_t per_second) {
    return keep(ovo_config_set_settle_rate(config_.get(), per_second));
  }
  Config& time_scale(double factor) {
    return keep(ovo_config_set_time_scale(config_.get(), factor));
  }
  /// The clock's functions and data must live as long as the client.
  Config& clock(const ovo_clock& clock) { return keep(ovo_config_set_clock(config_.get(), &clock)); }
  Config& log(Log function) {
    return given([&](detail::Functions& functions) { functions.log = std::move(function); });
  }
  Config& progress(Progress function) {
    return given([&](detail::Functions& functions) { functions.progress = std::move(function); });
  }
  Config& transport(Transport function) {
    return given([&](detail::Functions& functions) { functions.transport = std::move(function); });
  }
  /// Asked before every connection to a journal in PostgreSQL: a token that expires.
  Config& journal_password(JournalPassword function) {
    return given(
        [&](detail::Functions& functions) { functions.journal_password = std::move(function); });
  }

  /// Opens a client. The configuration can be used again.
  [[nodiscard]] Result<Client> open() const {
    if (first_) return *first_;
    ovo_client* client = nullptr;
    if (auto code = ovo_client_open(config_.get(), &client); code != OVO_OK)
      return detail::failed(code);
    return Client(client, functions_);
  }

 private:
  Config& keep(std::int32_t code) {
    if (code != OVO_OK && !first_) first_ = detail::failed(code);
    return *this;
  }
  Config& broken() {
    if (!first_) first_ = detail::Text::error();
    return *this;
  }
  Config& with(std::string_view text, std::int32_t (*set)(ovo_config*, const char*)) {
    const detail::Text copy(text);
    return copy.broken() ? broken() : keep(set(config_.get(), copy.get()));
  }
  Config& flag(bool on, std::int32_t (*set)(ovo_config*, std::int32_t)) {
    return keep(set(config_.get(), on ? 1 : 0));
  }
  template <class Value>
  Config& choice(Value value, std::int32_t (*set)(ovo_config*, std::int32_t)) {
    return keep(set(config_.get(), static_cast<std::int32_t>(value)));
  }

  /// New functions for the clients to come: those of the clients that are open stay as they are.
  template <class Change>
  Config& given(Change&& change) {
    auto next = functions_ ? std::make_shared<detail::Functions>(*functions_)
                           : std::make_shared<detail::Functions>();
    change(*next);
    void* data = next.get();
    // Also refuses a moved-from configuration, whose functions nobody would call.
    keep(ovo_config_set_log(config_.get(), next->log ? heard : nullptr, data));
    keep(ovo_config_set_progress(config_.get(), next->progress ? counted : nullptr, data));
    keep(ovo_config_set_transport(config_.get(), next->transport ? carried : nullptr, data));
    keep(ovo_config_set_journal_password(config_.get(), next->journal_password ? asked : nullptr,
                                         data));
    functions_ = std::move(next);
    return *this;
  }

  static void heard(void* userdata, std::int32_t level, const char* invoice, const char* message) {
    const auto* functions = static_cast<const detail::Functions*>(userdata);
    detail::contained([&] {
      functions->log(static_cast<Level>(level), invoice == nullptr ? "" : invoice, message);
    });
  }
  static void counted(void* userdata, const char* invoice, std::int32_t phase,
                      std::uint32_t remaining_ms) {
    const auto* functions = static_cast<const detail::Functions*>(userdata);
    detail::contained(
        [&] { functions->progress(invoice, static_cast<Phase>(phase), remaining_ms); });
  }
  static std::int32_t asked(void* userdata, const char* host, std::uint32_t port, const char* user,
                            char* password, std::size_t capacity) {
    const auto* functions = static_cast<const detail::Functions*>(userdata);
    std::int32_t none = 1;
    detail::contained([&] {
      auto told = functions->journal_password(host, port, user);
      if (!told) return;
      if (told->size() < capacity) {
        password[told->copy(password, capacity - 1)] = '\0';
        none = 0;
      } else {
        none = 2;
      }
      // Through a pointer that the compiler must follow.
      for (volatile char* at = told->data(); at != told->data() + told->size(); ++at) *at = 0;
    });
    return none;
  }
  static std::int32_t carried(void* userdata, const ovo_request* request, ovo_exchange* exchange) {
    const auto* functions = static_cast<const detail::Functions*>(userdata);
    auto end = ExchangeEnd::NoAnswer;
    detail::contained([&] {
      Request seen{
          static_cast<Operation>(request->operation),
          request->send_budget_ms,
          request->total_budget_ms,
          request->url,
          request->app_id,
          request->random,
          request->hmac,
          std::string_view(reinterpret_cast<const char*>(request->body), request->body_length)};
      Exchange wrapped(exchange, request, &seen);
      end = functions->transport(seen, wrapped);
    });
    return static_cast<std::int32_t>(end);
  }

  std::shared_ptr<detail::Functions> functions_;
  detail::Owned<ovo_config> config_;
  std::optional<Error> first_;
};

/// What the till shows the customer for a response code.
[[nodiscard]] inline std::string customer_text(std::string_view response_code, Language language) {
  const detail::Text text(response_code);
  return ovo_response_code_text(text.get(), static_cast<std::int32_t>(language));
}

/// What the till shows the customer at the end of a payment; empty while it is pending.
[[nodiscard]] inline std::string customer_text(const Outcome& outcome, Language language) {
  ovo_outcome flat = OVO_OUTCOME_INIT;
  // The alternatives stand in the order of ovo_outcome_kind.
  static_assert(std::is_same_v<std::variant_alternative_t<OVO_INTERRUPTED, Outcome>, Interrupted>);
  flat.kind = static_cast<std::int32_t>(outcome.index());
  if (const auto* declined = std::get_if<Declined>(&outcome))
    declined->response_code.copy(flat.response_code, sizeof flat.response_code - 1);
  const auto because = [&](const std::string& reason) {
    reason.copy(flat.reason, sizeof flat.reason - 1);
  };
  if (const auto* paid = std::get_if<Paid>(&outcome)) {
    flat.voided = paid->voided;
    because(paid->void_doubt);
  }
  if (const auto* open = std::get_if<NotCompleted>(&outcome)) {
    flat.cancelled = open->cancelled;
    because(open->reason);
  }
  if (const auto* operators = std::get_if<NeedsOperator>(&outcome)) because(operators->reason);
  return ovo_customer_text(&flat, static_cast<std::int32_t>(language));
}

/// An outcome in one or two words of English.
[[nodiscard]] inline std::string_view name(const Outcome& outcome) noexcept {
  return ovo_outcome_name(static_cast<std::int32_t>(outcome.index()));
}

/// The invoice of an outcome.
[[nodiscard]] inline const std::string& invoice(const Outcome& outcome) {
  return std::visit([](const auto& o) -> const std::string& { return o.invoice; }, outcome);
}

/// Whether the payment was in the journal before the call that told this: that call pushed nothing.
/// False only of pay() and pay_with() that began the payment themselves, and of the handle of such a start().
[[nodiscard]] inline bool was_known(const Outcome& outcome) {
  return std::visit([](const auto& o) { return o.was_known; }, outcome);
}

/// What is known about a response code.
[[nodiscard]] inline Result<ResponseCode> response_code(std::string_view code) {
  const detail::Text text(code);
  if (text.broken()) return detail::Text::error();
  ovo_response_code flat = OVO_RESPONSE_CODE_INIT;
  if (auto failed = ovo_response_code_lookup(text.get(), &flat); failed != OVO_OK)
    return detail::failed(failed);
  return ResponseCode{flat.code,       static_cast<Class>(flat.class_of_push),
                      flat.known != 0, flat.shown != 0,
                      flat.new_attempt != 0, flat.meaning, flat.action};
}

namespace detail {
template <class Call>
Result<std::string> printed(Call&& call) {
  char buffer[64];
  std::size_t needed = 0;
  if (auto code = call(buffer, sizeof buffer, &needed); code != OVO_OK) return failed(code);
  return std::string(buffer, needed - 1);
}
}  // namespace detail

/// The form that OVO wants of what a person typed as a phone number.
[[nodiscard]] inline Result<std::string> normalise_phone(std::string_view typed) {
  const detail::Text text(typed);
  if (text.broken()) return detail::Text::error();
  return detail::printed([&](char* buffer, std::size_t capacity, std::size_t* needed) {
    return ovo_phone_normalise(text.get(), buffer, capacity, needed);
  });
}

/// A phone number for a screen or a log, for example `0812****7890`.
[[nodiscard]] inline Result<std::string> mask_phone(std::string_view typed) {
  const detail::Text text(typed);
  if (text.broken()) return detail::Text::error();
  return detail::printed([&](char* buffer, std::size_t capacity, std::size_t* needed) {
    return ovo_phone_mask(text.get(), buffer, capacity, needed);
  });
}

/// An amount as Indonesians write it, for example `Rp12.500`.
[[nodiscard]] inline Result<std::string> print_rupiah(std::int64_t amount) {
  return detail::printed([&](char* buffer, std::size_t capacity, std::size_t* needed) {
    return ovo_rupiah_print(amount, buffer, capacity, needed);
  });
}

/// Checks an invoice before it is used.
inline Done check_invoice(std::string_view invoice) {
  const detail::Text text(invoice);
  if (text.broken()) return detail::Text::error();
  if (auto code = ovo_invoice_check(text.get()); code != OVO_OK) return detail::failed(code);
  return std::monostate();
}

/// Writes a copy of a journal beside whatever other process has it open; Client::backup() for one's own.
inline Done backup_journal(std::string_view path, std::string_view to) {
  const detail::Text from(path), copy(to);
  if (detail::broken(from, copy)) return detail::Text::error();
  if (auto code = ovo_journal_backup(from.get(), copy.get()); code != OVO_OK)
    return detail::failed(code);
  return std::monostate();
}

/// Begins to hold OVO's settlement report against a journal as it is now, beside whatever other process
/// has it open; Client::reconcile() for one's own. With a merchant's number, another one's is refused.
[[nodiscard]] inline Result<Reconciliation> reconcile_beside(std::string_view journal,
                                                             std::string_view merchant_id = {}) {
  const detail::Text path(journal), merchant(merchant_id);
  if (detail::broken(path, merchant)) return detail::Text::error();
  ovo_reconciliation* books = nullptr;
  const auto code = merchant_id.empty()
                        ? ovo_reconcile_new(path.get(), &books)
                        : ovo_reconcile_new_for(path.get(), merchant.get(), &books);
  if (code != OVO_OK) return detail::failed(code);
  return Reconciliation(books, nullptr);
}

/// Moves a journal that no client has open, with all that belongs to it.
inline Done move_journal(std::string_view from, std::string_view to) {
  const detail::Text old_name(from), new_name(to);
  if (detail::broken(old_name, new_name)) return detail::Text::error();
  if (auto code = ovo_journal_move(old_name.get(), new_name.get()); code != OVO_OK)
    return detail::failed(code);
  return std::monostate();
}

/// Takes a journal that no client has open out of the way; the next one at its place settles what it
/// owes. Its new name ends in `.aside-` and this number.
inline Result<std::int32_t> set_aside_journal(std::string_view path) {
  const detail::Text text(path);
  if (text.broken()) return detail::Text::error();
  std::int32_t number = 0;
  if (auto code = ovo_journal_set_aside(text.get(), &number); code != OVO_OK)
    return detail::failed(code);
  return number;
}

/// The version of the library that runs.
[[nodiscard]] inline std::string_view version() noexcept { return ovo_version(); }

}  // namespace ovo

#endif
