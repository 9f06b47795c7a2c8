//! The client with a clock that moves when somebody waits, a journal in memory and a host of a few
//! lines: what a change of the client breaks is seen in seconds.

mod belonging;
mod closing;
#[cfg(unix)]
mod copies;
mod metrics;
mod reconciling;
mod set_up;
mod settling;
mod waiting;

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Charge, Client, ClientBuilder};
use crate::clock::Clock;
use crate::journal::{Journal, MemoryJournal};
use crate::lock::{lock, wait};
use crate::message::Operation;
use crate::payment::Boottime;
use crate::transport::{Exchange, Failure, FailureKind, HttpAnswer, HttpRequest, Transport, Watch};
use crate::{AppKey, Credentials, Environment, MerchantInvoice, Rupiah, Terminal, WallTime};

/// What happens when so much time has passed.
type Planned = (Duration, Box<dyn FnOnce() + Send>);

/// Time stands still until somebody sleeps.
#[derive(Default)]
struct TestClock {
    now: Mutex<Duration>,
    planned: Mutex<Option<Planned>>,
}

impl TestClock {
    fn now(&self) -> Duration {
        *lock(&self.now)
    }

    /// Plans what happens at a time, on the thread that lets it come.
    fn at(&self, time: Duration, act: impl FnOnce() + Send + 'static) {
        *lock(&self.planned) = Some((time, Box::new(act)));
    }
}

impl Clock for TestClock {
    fn boottime(&self) -> Boottime {
        Boottime(1_000_000).plus(self.now())
    }

    fn boot_id(&self) -> String {
        "the only boot".to_owned()
    }

    fn wall(&self) -> WallTime {
        let elapsed = i64::try_from(self.now().as_millis()).unwrap();
        WallTime::from_unix_millis(1_772_420_400_000 + elapsed)
    }

    fn sleep(&self, duration: Duration) {
        *lock(&self.now) += duration.max(Duration::from_millis(1));
        let now = self.now();
        let planned = lock(&self.planned).take_if(|(time, _)| *time <= now);
        if let Some((_, act)) = planned {
            act();
        }
    }
}

/// What the host does with a request.
enum Reply {
    /// Answers with this code, and repeats what it was asked.
    Code(&'static str),
    /// Hears it and never answers.
    Silence,
    /// The same over a line that stays open, by a transport that has no deadline of its own.
    OpenLine,
    /// Hears it, and the process that asked dies.
    Death,
}

type Answers = dyn Fn(Operation, &str) -> Reply + Send + Sync;

/// OVO, as far as these tests need it: it answers by operation and invoice, and keeps no books.
struct TestHost {
    clock: Arc<TestClock>,
    answers: Mutex<Arc<Answers>>,
    heard: Mutex<Vec<(Operation, String)>>,
}

impl TestHost {
    fn answers(&self, answers: impl Fn(Operation, &str) -> Reply + Send + Sync + 'static) {
        *lock(&self.answers) = Arc::new(answers);
    }

    fn heard(&self, operation: Operation, invoice: &str) -> usize {
        lock(&self.heard).iter().filter(|(op, of)| *op == operation && of == invoice).count()
    }
}

impl Transport for TestHost {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let failure = |kind| Failure { kind, message: "of the test".to_owned() };
        let mut body: Value = serde_json::from_slice(request.body).unwrap();
        let invoice = body["transactionRequestData"]["merchantInvoice"].as_str().unwrap_or("");
        let (operation, invoice) = (request.operation, invoice.to_owned());
        let answers = Arc::clone(&lock(&self.answers));
        // Asked before anything is sent: an answer that blocks is a connection being made.
        let reply = answers(operation, &invoice);
        if !watch.may_send() {
            return Exchange::NotSent(failure(FailureKind::Stopped));
        }
        lock(&self.heard).push((operation, invoice));
        watch.sent();
        assert!(!matches!(reply, Reply::Death), "the process dies");
        let Reply::Code(code) = reply else {
            let budget = match reply {
                Reply::OpenLine => Duration::from_secs(86_400),
                _ => request.total_budget,
            };
            let deadline = self.clock.now() + budget;
            while let Some(slice) = watch.wait() {
                if self.clock.now() >= deadline {
                    return Exchange::NoAnswer(failure(FailureKind::Timeout));
                }
                self.clock.sleep(slice);
            }
            return Exchange::NoAnswer(failure(FailureKind::Stopped));
        };
        body["responseCode"] = json!(code);
        body["type"] = json!(operation.response_type());
        Exchange::Answered(HttpAnswer {
            status: 200,
            body: serde_json::to_vec(&body).unwrap(),
            server_date: None,
            retry_after: None,
        })
    }
}

/// A shop's surroundings, which outlive its clients.
struct Shop {
    clock: Arc<TestClock>,
    host: Arc<TestHost>,
    journal: Arc<dyn Journal>,
}

impl Shop {
    fn new() -> Shop {
        Shop::on(Arc::new(MemoryJournal::new()))
    }

    fn on(journal: Arc<dyn Journal>) -> Shop {
        let clock = Arc::new(TestClock::default());
        let host = TestHost {
            clock: Arc::clone(&clock),
            answers: Mutex::new(Arc::new(|_, _| Reply::Silence)),
            heard: Mutex::default(),
        };
        Shop { clock, host: Arc::new(host), journal }
    }

    fn client(&self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        self.open(Environment::Staging, change).unwrap()
    }

    fn open(
        &self,
        environment: Environment,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, crate::Error> {
        let terminal = Terminal::new("00000001", "000000000000001", "STORE01").unwrap();
        let key = AppKey::new(&"a".repeat(64)).unwrap();
        let credentials = Credentials::new("100001", terminal, "app", key).unwrap();
        let builder = Client::builder(environment, credentials)
            .journal_engine(Arc::clone(&self.journal))
            .transport(self.host.clone())
            .clock(self.clock.clone())
            .background(false);
        change(builder).open()
    }

    /// A client that settles when it is told to.
    fn till(&self) -> Client {
        self.client(|builder| builder)
    }
}

/// A charge of Rp10.000 to a customer of the invoice's own.
fn charge(invoice: &str) -> Charge {
    let number =
        invoice.bytes().fold(10_000_000_u64, |sum, byte| sum * 7 % 89_999_999 + u64::from(byte));
    let phone = format!("0812{:08}", number % 100_000_000).parse().unwrap();
    Charge::new(invoice, Rupiah::new(10_000).unwrap(), phone).unwrap()
}

fn invoice(text: &str) -> MerchantInvoice {
    text.parse().unwrap()
}

/// A door that stays shut until somebody opens it.
#[derive(Default)]
struct Door(Mutex<bool>, Condvar);

impl Door {
    fn open(&self) {
        *lock(&self.0) = true;
        self.1.notify_all();
    }

    fn pass(&self) {
        let mut is_open = lock(&self.0);
        while !*is_open {
            is_open = wait(&self.1, is_open);
        }
    }
}

/// Waits, in real time, for what another thread does; nothing is measured by it.
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}
