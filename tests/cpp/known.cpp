// Whether a payment was begun here or known before, told at once and with its outcome.
//
//   known JOURNAL INVOICE PHONE          starts it and waits, on a journal that others may share
//   known JOURNAL INVOICE PHONE pay      the same in one call
#include <cstdlib>
#include <iostream>
#include <ovo_ptp.hpp>

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int report(const ovo::Error& error) {
  std::cerr << error.meaning() << ": " << error.detail << '\n';
  return 2;
}

void say(const ovo::Outcome& outcome) {
  std::cout << ovo::invoice(outcome) << ": " << ovo::name(outcome) << ", "
            << (ovo::was_known(outcome) ? "known" : "begun here") << std::endl;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  auto client = ovo::Config()
                    .environment(setting("SANDBOX_URL"))
                    .credentials_from_environment()
                    .journal(argv[1])
                    .journal_shared(true)
                    .threads(true)
                    .trust_file(setting("SANDBOX_CA"))
                    .time_scale(std::atof(setting("SANDBOX_TIME_SCALE").c_str()))
                    .open();
  if (!client) return report(client.error());
  const ovo::Charge charge{argv[2], 12500, argv[3]};
  if (argc > 4) {
    auto outcome = client->pay(charge);
    if (!outcome) return report(outcome.error());
    say(*outcome);
  } else {
    auto payment = client->start(charge);
    if (!payment) return report(payment.error());
    auto now = payment->poll();
    if (!now) return report(now.error());
    say(*now);
    auto outcome = payment->wait();
    if (!outcome) return report(outcome.error());
    say(*outcome);
  }
  // Whoever looks it up is told from the journal.
  auto found = client->find(charge.invoice);
  if (!found) return report(found.error());
  return ovo::was_known(found->outcome) ? 0 : 1;
}
