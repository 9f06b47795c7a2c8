// A first payment in C++: every outcome has a type, and std::visit wants all of them.
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

struct Show {
  void operator()(const ovo::Paid& paid) const {
    std::cout << paid.invoice << ": paid " << *ovo::print_rupiah(paid.amount) << ", approval code "
              << paid.approval_code << (paid.late ? ", late" : "") << '\n';
  }
  void operator()(const ovo::Declined& declined) const {
    std::cout << declined.invoice << ": "
              << ovo::customer_text(ovo::Outcome(declined), ovo::Language::Indonesian) << " ("
              << declined.response_code << ", " << declined.reason << ")\n";
  }
  template <class Other>
  void operator()(const Other& other) const {
    const ovo::Outcome outcome(other);
    std::cout << other.invoice << ": " << ovo::name(outcome) << '\n';
  }
};

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  int seconds = 0;
  auto client = ovo::Config()
                    .environment(setting("SANDBOX_URL"))
                    .credentials_from_environment()
                    .journal(argv[1])
                    .trust_file(setting("SANDBOX_CA"))
                    .time_scale(std::atof(setting("SANDBOX_TIME_SCALE").c_str()))
                    .progress([&](std::string_view, ovo::Phase, std::uint32_t) { seconds++; })
                    .open();
  if (!client) return report(client.error());

  auto outcome = client->pay({"INV-CPP-1", 12500, "0812-0000-0110"});
  if (!outcome) return report(outcome.error());
  std::visit(Show(), *outcome);
  if (auto done = client->acknowledge(ovo::invoice(*outcome)); !done) return report(done.error());

  auto refused = client->pay({"INV-CPP-2", 12500, "081200001401"});
  if (!refused) return report(refused.error());
  std::visit(Show(), *refused);

  auto wrong = client->pay({"INV-CPP-3", -1, "081200000000"});
  std::cout << (wrong ? "accepted" : wrong.error().detail) << '\n';

  auto open = client->unacknowledged();
  if (!open) return report(open.error());
  std::cout << open->size() << " to acknowledge\n";
  return std::holds_alternative<ovo::Paid>(*outcome) && seconds > 0 && open->size() == 1 ? 0 : 1;
}
