// Moving, self-moving, closing and destroying at awkward moments, under the address sanitizer: what
// an object that was moved from says, and whose functions a client calls as long as it lives (F17).
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <thread>
#include <ovo_ptp.hpp>

ovo::Config sandbox(const char* journal);

static int failures = 0;

#define EXPECT(what)                                                  \
  do {                                                                \
    if (!(what)) {                                                    \
      std::cerr << "line " << __LINE__ << ": not " << #what << '\n';  \
      failures++;                                                     \
    }                                                                 \
  } while (0)

static std::string journal;

/// With a journal of its own, whose numbers are nobody else's: all of them are one terminal's.
static ovo::Config till(const char* name) {
  ovo::Config config = sandbox((journal + "." + name).c_str());
  config.first_batch(static_cast<std::uint32_t>(*name));
  return config;
}

/// A client that counts its seconds in a text of its own, longer than what an object can hold.
static ovo::Client counting(const char* name, std::atomic<int>& seconds) {
  return till(name)
      .threads(true)
      .progress([&seconds, text = std::string(256, *name)](std::string_view, ovo::Phase,
                                                           std::uint32_t) {
        if (text.back() == text.front()) seconds++;
      })
      .open()
      .or_throw();
}

/// Nobody answers this push: its countdown goes on until the client is closed.
static ovo::Charge unanswered(const char* invoice) { return {invoice, 1000, "081200009101"}; }

static void until(const std::atomic<int>& number, int least) {
  while (number < least) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// The client that is assigned over is closed first, and counts until then.
static void move_assignment() {
  std::atomic<int> first{0}, second{0};
  ovo::Client client = counting("a", first);
  ovo::Payment payment = client.start(unanswered("INV-F17-A")).or_throw();
  until(first, 1);
  client = counting("b", second);
  EXPECT(std::holds_alternative<ovo::Interrupted>(payment.wait().or_throw()));
  const int counted = first;
  ovo::Payment other = client.start(unanswered("INV-F17-B")).or_throw();
  until(second, 1);
  EXPECT(first == counted);
  // Onto itself: nothing happens.
  ovo::Client& self = client;
  client = std::move(self);
  EXPECT(client.find("INV-F17-B").ok());
  EXPECT(client.close().ok());
}

static void moved_from() {
  ovo::Config config = till("c");
  ovo::Config taken = std::move(config);
  config.log([](ovo::Level, std::string_view, std::string_view) {})
      .progress([](std::string_view, ovo::Phase, std::uint32_t) {})
      .transport([](const ovo::Request&, ovo::Exchange&) { return ovo::ExchangeEnd::NoAnswer; })
      .environment("staging")
      .threads(true);
  auto nothing = config.open();
  EXPECT(!nothing && nothing.error().code == ovo::Code::Null);

  ovo::Client client = taken.threads(true).open().or_throw();
  ovo::Payment payment = client.start(unanswered("INV-F17-C")).or_throw();
  ovo::Payment kept = std::move(payment);
  EXPECT(!payment.poll() && payment.poll().error().code == ovo::Code::Null);
  EXPECT(kept.poll().ok());
  ovo::Client holder = std::move(client);
  EXPECT(!client.settle() && client.settle().error().code == ovo::Code::Null);
  EXPECT(client.close().ok());
  EXPECT(holder.close().ok());
  EXPECT(!holder.close() && holder.close().error().code == ovo::Code::BadHandle);
  EXPECT(!holder.settle() && holder.settle().error().code == ovo::Code::BadHandle);
  // Back from where it was moved to.
  client = std::move(holder);
  config = std::move(taken);
  EXPECT(config.journal(journal + ".d").open().ok());
}

/// In a callback a client cannot be closed: it stays, and is closed afterwards.
static void close_in_a_callback() {
  ovo::Client* inside = nullptr;
  int refused = 0;
  ovo::Client client = till("e")
                           .log([&](ovo::Level, std::string_view, std::string_view) {
                             if (inside == nullptr) return;
                             auto closed = inside->close();
                             if (!closed && closed.error().code == ovo::Code::Reentrant) refused++;
                           })
                           .open()
                           .or_throw();
  inside = &client;
  auto paid = client.pay({"INV-F17-E", 1000, "081200000000"});
  EXPECT(paid && std::holds_alternative<ovo::Paid>(*paid));
  EXPECT(refused > 0);
  EXPECT(client.find("INV-F17-E").ok());
  inside = nullptr;
  EXPECT(client.close().ok());
  // Closed indeed: the journal can be opened again.
  EXPECT(till("e").open().ok());
}

/// One that is destroyed there goes on, with its functions.
static void destroy_in_a_callback() {
  static std::atomic<int> seconds{0};
  auto other = std::make_unique<ovo::Client>(counting("f", seconds));
  auto payment = std::make_unique<ovo::Payment>(other->start(unanswered("INV-F17-F")).or_throw());
  ovo::Client client = till("g")
                           .log([&](ovo::Level, std::string_view, std::string_view) {
                             other.reset();
                           })
                           .open()
                           .or_throw();
  EXPECT(client.pay({"INV-F17-G", 1000, "081200000000"}).ok());
  EXPECT(other == nullptr);
  const int counted = seconds;
  until(seconds, counted + 1);
  EXPECT(std::holds_alternative<ovo::Pending>(payment->poll().or_throw()));
}

/// What is set behind open() is for the next client.
static void functions_set_later() {
  std::atomic<int> first{0}, second{0};
  ovo::Config config = till("h");
  config.threads(true).progress([&](std::string_view, ovo::Phase, std::uint32_t) { first++; });
  ovo::Client client = config.open().or_throw();
  ovo::Payment payment = client.start(unanswered("INV-F17-H")).or_throw();
  for (int turn = 0; turn < 200; turn++)
    config.progress([&, text = std::string(256, 'x')](std::string_view, ovo::Phase,
                                                      std::uint32_t) { second += !text.empty(); });
  until(first, 1);
  EXPECT(client.close().ok());
  EXPECT(second == 0);
  ovo::Client next = config.open().or_throw();
  EXPECT(next.start({"INV-F17-I", 1000, "081200000001"}).or_throw().wait().ok());
  EXPECT(second > 0);
}

/// A transport's request moves to the headers that were signed with the connection ready.
static void signed_when_connected() {
  std::string_view early, late;
  bool good = false;
  ovo::Client client = till("k")
                           .transport([&](const ovo::Request& request, ovo::Exchange& exchange) {
                             early = request.hmac;
                             if (!exchange.begin()) return ovo::ExchangeEnd::NotSent;
                             late = request.hmac;
                             good = early.size() == 64 && late.size() == 64 &&
                                    request.random.size() == 10;
                             return ovo::ExchangeEnd::NoAnswer;
                           })
                           .open()
                           .or_throw();
  EXPECT(!client.inquire("081200000000"));
  EXPECT(good && early.data() != late.data());
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  journal = argv[1];
  try {
    move_assignment();
    moved_from();
    close_in_a_callback();
    destroy_in_a_callback();
    functions_set_later();
    signed_when_connected();
  } catch (const ovo::Exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
  return failures;
}
