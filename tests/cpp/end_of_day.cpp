// The end of the day in C++, with exceptions for those who want them; compiled from two files.
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <thread>
#include <ovo_ptp.hpp>

ovo::Config sandbox(const char* journal);

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  try {
    ovo::Client client = sandbox(argv[1]).threads(true).open().or_throw();
    ovo::Payment first = client.start({"INV-DAY-1", 10000, "081200000105"}).or_throw();
    std::thread other([&] { (void)first.wait(); });
    const auto paid = first.wait().or_throw();
    other.join();
    if (!std::holds_alternative<ovo::Paid>(paid)) return 1;

    const auto voided = client.void_payment("INV-DAY-1").or_throw();
    std::cout << "voided: " << (voided.state == ovo::VoidState::Voided ? "yes" : "no") << '\n';
    try {
      (void)client.void_payment("INV-DAY-2").or_throw();
    } catch (const ovo::Exception& error) {
      std::cout << error.what() << '\n';
      if (error.error().code != ovo::Code::NotFound) return 1;
    }
    for (const auto& [record, outcome] : client.payments().or_throw()) {
      // A receipt is printed again without the wallet, which is in no journal.
      const auto* paid = std::get_if<ovo::Paid>(&outcome);
      if (paid != nullptr && (paid->wallet || paid->cash_used.empty())) return 1;
      std::cout << record.invoice << ' ' << record.settlement << ' ' << ovo::name(outcome) << '\n';
    }

    // The shop gives a payment up: from its countdown, and from any thread.
    const auto given_up = client.pay_with({"INV-DAY-3", 5000, "081200000131"},
                                          [](ovo::Phase phase, std::uint32_t) {
                                            return phase == ovo::Phase::Waiting;
                                          }).or_throw();
    const auto* open = std::get_if<ovo::NotCompleted>(&given_up);
    const auto again = client.cancel("INV-DAY-3").or_throw();
    if (open == nullptr || !open->cancelled || again.index() != given_up.index()) return 1;

    const auto story =
        client.explain("INV-DAY-3", ovo::Explanation::Text, ovo::Language::English).or_throw();
    if (story.find("NOT COMPLETED") == std::string::npos ||
        story.find("the shop cancelled") == std::string::npos)
      return 1;

    const auto metrics = client.metrics_text().or_throw();
    if (metrics.find("ovo_ptp_payments_decided_total{outcome=\"not_completed\"} 1\n") ==
        std::string::npos)
      return 1;

    // OVO's report of the day: the voided payment is in it, and an invoice of another till.
    auto books = client.reconcile().or_throw();
    const auto refunded = books.line({"INV-DAY-1", 10000, ovo::Listed::Refunded}).or_throw();
    const auto foreign = books.line({"ANOTHER-TILL/9", 1000}, ovo::Language::English).or_throw();
    if (!refunded || refunded->finding != ovo::Finding::Refunded || refunded->is_difference ||
        !foreign || foreign->finding != ovo::Finding::MissingHere ||
        foreign->text.find("this journal does not know") == std::string::npos)
      return 1;
    // What did not move money comes to something at the end only.
    if (books.line({"INV-DAY-3", 5000, ovo::Listed::Nothing}).or_throw() ||
        books.extra_debit().or_throw())
      return 1;
    const std::int64_t now = static_cast<std::int64_t>(std::time(nullptr)) * 1000;
    // What was paid today keeps its phone, so it is not over and stays here.
    const auto archived = client.archive(now, std::string(argv[1]) + ".archive").or_throw();
    if (archived.payments != 0 || archived.moved != 0 || archived.left != 0) return 1;
    if (books.missing(now - 86400000, now + 86400000).or_throw()) return 1;
    if (books.count(ovo::Finding::Refunded).or_throw().rupiah != 10000) return 1;

    const auto diagnosis = client.doctor().or_throw();
    std::cout << diagnosis.report << '\n';

    // A page for people, a backup, and a journal that nobody doubts.
    ovo::Filter newest;
    newest.newest_first = true;
    newest.limit = 1;
    const auto page = client.payments(newest).or_throw();
    if (page.size() != 1 || page[0].record.invoice != "INV-DAY-3") return 1;
    const std::string journal = argv[1];
    (void)client.backup(journal + ".backup").or_throw();
    if (client.vouch("shop 7: nothing to doubt").or_throw()) return 1;
    if (auto open = ovo::move_journal(journal, journal + ".elsewhere");
        open || open.error().code != ovo::Code::JournalLocked)
      return 1;

    // Moving hands the client over; what is left behind answers with a code.
    ovo::Client moved = std::move(client);
    auto left = client.unacknowledged();
    if (left || left.error().code != ovo::Code::Null) return 1;
    if (auto closed = moved.close(); !closed) return 1;

    (void)ovo::backup_journal(journal, journal + ".kept").or_throw();
    (void)ovo::move_journal(journal, journal + ".elsewhere").or_throw();
    if (ovo::set_aside_journal(journal + ".elsewhere").or_throw() != 1) return 1;
    return voided.state == ovo::VoidState::Voided && diagnosis.problems == 0 ? 0 : 1;
  } catch (const ovo::Exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
