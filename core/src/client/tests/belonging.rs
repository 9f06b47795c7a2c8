//! Whose a journal is: boots without a name, another environment, merchant or app key.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::{Client, ClientBuilder};
use crate::clock::{Clock, SystemClock};
use crate::credentials::{AppKey, Credentials};
use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::event::Event;
use crate::journal::{SqliteOptions, Succession};
use crate::payment::{Boottime, Timers};
use crate::terminal::Terminal;
use crate::transport::{Exchange, Failure, FailureKind, HttpAnswer, HttpRequest, Transport, Watch};
use crate::wib::WallTime;

/// A machine that does not name its boots, as some containers and all of macOS.
struct Nameless;

impl Clock for Nameless {
    fn boottime(&self) -> Boottime {
        SystemClock.boottime()
    }

    fn boot_id(&self) -> String {
        "of this process".to_owned()
    }

    fn names_the_machines_boot(&self) -> bool {
        false
    }

    fn wall(&self) -> WallTime {
        SystemClock.wall()
    }

    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration);
    }
}

#[test]
fn mp15_a_journal_is_not_shared_where_boots_have_no_name() {
    let terminal = Terminal::new("80001001", "800010010000001", "STORE1").unwrap();
    let key = AppKey::new(&"a".repeat(64)).unwrap();
    let credentials = Credentials::new("1234", terminal, "app", key).unwrap();
    // In a directory that is not there: with one process the journal is what fails.
    let open = |shared| {
        Client::builder(Environment::custom("http://127.0.0.1:9"), credentials.clone())
            .journal("/no such directory/ovo.db")
            .journal_options(SqliteOptions { shared, ..SqliteOptions::default() })
            .clock(Arc::new(Nameless))
            .open()
            .expect_err("must not be opened")
    };
    assert_eq!(open(false).kind(), ErrorKind::Journal);
    let refused = open(true);
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("boot"), "{refused}");
}

fn credentials(merchant: &str, key: &str, tid: &str) -> Credentials {
    let terminal = Terminal::new(tid, "800010010000001", "STORE1").unwrap();
    Credentials::new(merchant, terminal, "app", AppKey::new(&key.repeat(64)).unwrap()).unwrap()
}

/// A host that answers everything with one code, and nothing where there is none.
pub(super) struct Says(pub(super) Option<&'static str>);

impl Transport for Says {
    fn exchange(&self, _: &HttpRequest<'_>, _: &Arc<dyn Watch>) -> Exchange {
        match self.0 {
            Some(code) => Exchange::Answered(HttpAnswer {
                status: 200,
                body: format!("{{\"responseCode\":\"{code}\"}}").into_bytes(),
                server_date: None,
                retry_after: None,
            }),
            None => Exchange::NoAnswer(Failure {
                kind: FailureKind::Timeout,
                message: "silence".to_owned(),
            }),
        }
    }
}

struct Shop(std::path::PathBuf);

impl Shop {
    fn new() -> Shop {
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).unwrap();
        let name = format!("ovo-ptp-{:016x}", u64::from_le_bytes(unique));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        Shop(directory)
    }

    fn builder(&self, environment: Environment, credentials: Credentials) -> ClientBuilder {
        Client::builder(environment, credentials).journal(self.0.join("ovo.db")).background(false)
    }

    /// What the client says at opening, and the client.
    fn opens(&self, builder: ClientBuilder) -> (Vec<String>, Client) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let client = builder
            .observer(move |event| {
                if let Event::JournalFound(found) = event {
                    crate::lock::lock(&hears).push(found.message.clone());
                }
            })
            .open()
            .unwrap();
        let said = crate::lock::lock(&told).clone();
        (said, client)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn j26_a_journal_is_refused_by_another_kind_of_environment_and_another_merchant() {
    let shop = Shop::new();
    let ours = || credentials("1234", "a", "80001001");
    drop(shop.opens(shop.builder(Environment::Staging, ours())));
    for (environment, credentials, theirs, wanted) in [
        (Environment::Production, ours(), "staging", "production"),
        (Environment::custom("http://127.0.0.1:9"), ours(), "staging", "loopback"),
        (Environment::custom("https://pay.example"), ours(), "staging", "https://pay.example"),
        (Environment::Staging, credentials("5678", "a", "80001001"), "1234", "5678"),
    ] {
        let error = shop.builder(environment, credentials).open().expect_err("another's");
        assert_eq!(error.kind(), ErrorKind::Journal);
        let said = error.to_string();
        for word in [theirs, wanted, "set-aside"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    // Another host of the same kind, and another terminal, are said.
    let (said, client) =
        shop.opens(shop.builder(Environment::StagingOldHost, credentials("1234", "a", "80001002")));
    assert!(said.iter().any(|line| line.contains("byte-stack.net")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("80001002")), "{said:?}");
    drop(client);
    let gateway = shop
        .builder(Environment::custom("https://pay.example"), credentials("1234", "a", "80001002"))
        .environment_class("staging");
    let (said, client) = shop.opens(gateway);
    assert!(said.iter().any(|line| line.contains("pay.example")), "{said:?}");
    drop(client);
}

/// At go-live a config's host is changed, and the class beside it forgotten.
#[test]
fn j26_ovo_s_own_hosts_are_of_no_other_class_than_theirs() {
    let shop = Shop::new();
    let ours = || credentials("1234", "a", "80001001");
    drop(shop.opens(shop.builder(Environment::Staging, ours())));
    for (environment, class) in [
        (Environment::Production, "staging"),
        (Environment::ProductionOldHost, "Staging"),
        (Environment::custom("https://apigw.ovo.id"), "staging"),
        (Environment::custom("https://APIGW.ovo.id.:443/pos"), "staging"),
        (Environment::Production, "loopback"),
        (Environment::Staging, "production"),
    ] {
        let client = shop.builder(environment.clone(), ours()).environment_class(class);
        let error = client.open().expect_err("one of the two is wrong");
        assert_eq!(error.field(), Some("environment_class"), "{environment:?} {class}: {error}");
        let recorded = shop.builder(environment, ours()).environment_class(class);
        assert!(recorded.record(shop.0.join("evidence.jsonl")).open().is_err());
    }
    // Said twice is said once, and a gateway says what it stands for.
    for environment in [Environment::Staging, Environment::custom("https://pay.example")] {
        drop(shop.opens(shop.builder(environment, ours()).environment_class("staging")));
    }
    for no_class in ["", " ", "staging ", "staging\n", "sta\0ging", &"s".repeat(256)] {
        let gateway = shop.builder(Environment::custom("https://pay.example"), ours());
        let error = gateway.environment_class(no_class).open().expect_err("is no class");
        assert_eq!(error.field(), Some("environment_class"), "{no_class:?}");
    }
}

/// A sidecar or stunnel on this machine, said to stand for OVO: nothing is scaled, and no journal is in
/// memory.
#[test]
fn j26_what_stands_for_ovo_on_this_machine_is_no_sandbox() {
    let shop = Shop::new();
    let stunnel = || {
        shop.builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials("1234", "a", "80001001"),
        )
    };
    for class in ["production", "Staging"] {
        let scaled = stunnel().environment_class(class).timers(Timers::scaled(0.02));
        let refused = scaled.open().expect_err("OVO's minute is OVO's");
        assert_eq!(refused.kind(), ErrorKind::Configuration, "{class}: {refused}");
        if std::path::Path::new("/dev/shm").is_dir() {
            let memory = stunnel().environment_class(class).journal("/dev/shm/ovo-ptp-refused.db");
            let refused = memory.open().expect_err("a power cut takes it").to_string();
            assert!(refused.contains("memory"), "{class}: {refused}");
        }
    }
    drop(shop.opens(stunnel().environment_class("tests").timers(Timers::scaled(0.02))));
}

#[test]
fn j26_what_was_set_aside_in_another_environment_answers_for_nothing() {
    let shop = Shop::new();
    let sandbox = || Environment::custom("http://127.0.0.1:9");
    let ours = || credentials("1234", "a", "80001001");
    let (_, client) = shop.opens(
        shop.builder(sandbox(), ours())
            .timers(Timers::scaled(0.001))
            .transport(Arc::new(Says(None))),
    );
    let charge = crate::Charge::new(
        "INV-1",
        crate::Rupiah::new(12_500).unwrap(),
        "081234567890".parse().unwrap(),
    )
    .unwrap();
    client.pay(&charge).unwrap();
    drop(client);
    crate::journal::set_aside(shop.0.join("ovo.db")).unwrap();
    let (_, client) = shop.opens(shop.builder(sandbox(), ours()));
    assert!(client.payment(&"INV-1".parse().unwrap()).unwrap().is_some(), "the same sandbox");
    drop(client);
    crate::journal::set_aside(shop.0.join("ovo.db")).unwrap();
    let (said, client) = shop.opens(shop.builder(Environment::Staging, ours()));
    assert!(said.iter().any(|line| line.contains("left alone")), "{said:?}");
    assert!(client.payment(&"INV-1".parse().unwrap()).unwrap().is_none());
}

#[test]
fn j27_an_unknown_app_key_opens_claims_nothing_and_is_adopted_once_ovo_takes_it() {
    let shop = Shop::new();
    let sandbox = |key: &str, says| {
        shop.builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials("1234", key, "80001001"),
        )
        .timers(Timers::scaled(0.001))
        .transport(Arc::new(Says(says)))
    };
    let charge = |invoice: &str, phone: &str| {
        crate::Charge::new(invoice, crate::Rupiah::new(12_500).unwrap(), phone.parse().unwrap())
            .unwrap()
    };
    let (said, client) = shop.opens(sandbox("a", None));
    assert_eq!(said, [""; 0]);
    client.pay(&charge("INV-1", "081234567890")).unwrap();
    drop(client);
    // Nobody gave the old key, and OVO does not know the new one either.
    for _ in 0..2 {
        let (said, client) = shop.opens(sandbox("b", Some("63")));
        assert!(said.len() == 1 && said[0].contains("app key"), "{said:?}");
        let again = client.pay(&charge("INV-1", "081299999999")).unwrap();
        assert_eq!(again.name(), "not completed", "never pushed again, and no other phone claimed");
        assert!(client.inquire(&"081234567890".parse().unwrap()).is_err());
    }
    let (_, client) = shop.opens(sandbox("b", Some("14")));
    client.inquire(&"081234567890".parse().unwrap()).unwrap();
    drop(client);
    let (said, client) = shop.opens(sandbox("b", None));
    let is_adopted = said.len() == 1 && said[0].contains("phones of 1 payments");
    assert!(is_adopted, "adopted, and what the former one sealed is told on: {said:?}");
    drop(client);
}

/// An operator's command opened first, and its one line was lost; or a wrong key was set for some minutes.
#[test]
fn j27_phones_that_no_key_here_opens_are_told_until_the_key_is_given_and_are_no_refused_set_up() {
    let shop = Shop::new();
    let key = |digit: &str| AppKey::new(&digit.repeat(64)).unwrap();
    let alerts = Arc::new(Mutex::new(Vec::new()));
    let opens = |present: &str, previous: &[AppKey], says| {
        let credentials = credentials("1234", present, "80001001");
        let builder = shop.builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials.with_previous_app_keys(previous.iter().cloned()),
        );
        let (told, hears) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&alerts));
        let found = Arc::clone(&told);
        let client = builder
            .timers(Timers::scaled(0.001))
            .transport(Arc::new(Says(says)))
            .observer(move |event| match event {
                Event::JournalFound(it) => crate::lock::lock(&found).push(it.message.clone()),
                Event::Alert { alert, .. } => crate::lock::lock(&hears).push(alert.to_string()),
                _ => {}
            })
            .open()
            .unwrap();
        let said = crate::lock::lock(&told).clone();
        (said, client)
    };
    let (phone, invoice) = ("081234567890".parse().unwrap(), "INV-1".parse().unwrap());
    let charge = crate::Charge::new("INV-1", crate::Rupiah::new(12_500).unwrap(), phone).unwrap();
    opens("a", &[], None).1.pay(&charge).unwrap();
    // A form that OVO cannot read says nothing of the key.
    let (_, client) = opens("b", &[], Some("BR"));
    client.check(&invoice).unwrap_err();
    assert_eq!(*crate::lock::lock(&alerts), [""; 0], "the set-up is right");
    drop(client);
    let (said, client) = opens("b", &[], Some("14"));
    assert!(said.len() == 1 && said[0].contains("than the journal's"), "{said:?}");
    client.inquire(&charge.phone).unwrap();
    drop(client);
    for _ in 0..2 {
        let (said, client) = opens("b", &[], Some("BR"));
        assert!(said.len() == 1 && said[0].contains("first INV-1"), "{said:?}");
        let problems = client.doctor().unwrap().problems().join("; ");
        assert!(problems.contains("as a previous app key"), "{problems}");
    }
    let (said, client) = opens("b", &[key("a")], Some("BR"));
    assert_eq!(said, [""; 0]);
    assert!(!client.doctor().unwrap().to_string().contains("previous app key"));
    client.check(&invoice).unwrap_err();
    let alerts = crate::lock::lock(&alerts).clone();
    assert!(alerts.iter().any(|it| it.contains("(code BR)")), "with its phone: {alerts:?}");
}

#[test]
fn j27_a_former_key_that_is_given_late_is_kept_and_a_wrong_one_loses_none() {
    let shop = Shop::new();
    let key = |digit: &str| AppKey::new(&digit.repeat(64)).unwrap();
    let opens = |present: &str, previous: &[AppKey], says| {
        let credentials = credentials("1234", present, "80001001");
        let builder = shop.builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials.with_previous_app_keys(previous.iter().cloned()),
        );
        shop.opens(builder.timers(Timers::scaled(0.001)).transport(Arc::new(Says(says)))).1
    };
    let phone = |digits: &str| digits.parse().unwrap();
    let charge = |digits: &str| {
        crate::Charge::new("INV-1", crate::Rupiah::new(12_500).unwrap(), phone(digits)).unwrap()
    };
    let reads = |client: Client| {
        client.pay(&charge("081299999999")).err().map(|error| error.kind())
            == Some(ErrorKind::InvoiceReused)
    };
    let is_accepted = |client: Client| {
        client.inquire(&phone("081234567890")).unwrap();
    };
    opens("a", &[], None).pay(&charge("081234567890")).unwrap();
    // A Saturday: only the new key is at hand, and OVO takes it.
    is_accepted(opens("b", &[], Some("14")));
    assert!(!reads(opens("b", &[], None)));
    // Monday: the former key is given, once.
    assert!(reads(opens("b", &[key("a")], None)));
    assert!(reads(opens("b", &[], None)), "the journal keeps it");
    // The next change, with a former key that is none of this journal's.
    is_accepted(opens("c", &[key("e")], Some("14")));
    assert!(!reads(opens("c", &[], None)));
    assert!(reads(opens("c", &[key("b")], None)), "what only the one before opens is still there");
    assert!(reads(opens("c", &[], None)));
}

#[test]
fn j27_with_the_previous_key_guards_and_comparisons_hold() {
    let shop = Shop::new();
    let sandbox = |key: &str, previous: &[AppKey]| {
        let credentials = credentials("1234", key, "80001001");
        shop.builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials.with_previous_app_keys(previous.iter().cloned()),
        )
        .timers(Timers::scaled(0.001))
        .transport(Arc::new(Says(None)))
    };
    let charge = |invoice: &str, phone: &str| {
        crate::Charge::new(invoice, crate::Rupiah::new(12_500).unwrap(), phone.parse().unwrap())
            .unwrap()
    };
    let (_, client) = shop.opens(sandbox("a", &[]));
    client.pay(&charge("INV-1", "081234567890")).unwrap();
    drop(client);
    let previous = AppKey::new(&"a".repeat(64)).unwrap();
    // Once with the key before; then the journal holds what it needs of it.
    for builder in [sandbox("b", &[previous]), sandbox("b", &[])] {
        let (said, client) = shop.opens(builder);
        assert_eq!(said, [""; 0]);
        let reused = client.pay(&charge("INV-1", "081299999999")).unwrap_err();
        assert_eq!(reused.kind(), ErrorKind::InvoiceReused);
        let unsettled = client.pay(&charge("INV-2", "081234567890")).unwrap_err();
        assert_eq!(unsettled.kind(), ErrorKind::UnsettledCustomer);
        drop(client);
    }
}

/// A worker that was forgotten starts once more with the former key, and OVO takes it for a while.
#[test]
fn j27_a_key_that_opens_what_the_journal_holds_of_the_other_is_no_unknown_one() {
    let shop = Shop::new();
    let sandbox = |key: &str, previous: &[AppKey], says| {
        let credentials = credentials("1234", key, "80001001");
        shop.builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials.with_previous_app_keys(previous.iter().cloned()),
        )
        .timers(Timers::scaled(0.001))
        .transport(Arc::new(Says(says)))
    };
    let charge = |phone: &str| {
        crate::Charge::new("INV-1", crate::Rupiah::new(12_500).unwrap(), phone.parse().unwrap())
            .unwrap()
    };
    shop.opens(sandbox("a", &[], None)).1.pay(&charge("081234567890")).unwrap();
    let first = AppKey::new(&"a".repeat(64)).unwrap();
    drop(shop.opens(sandbox("b", &[first], None)));
    let (_, late) = shop.opens(sandbox("a", &[], Some("14")));
    late.inquire(&"081234567890".parse().unwrap()).unwrap();
    drop(late);
    let (said, client) = shop.opens(sandbox("b", &[], None));
    assert_eq!(said, [""; 0], "every phone can be read");
    let reused = client.pay(&charge("081299999999")).unwrap_err();
    assert_eq!(reused.kind(), ErrorKind::InvoiceReused);
}

/// A rolling restart: one process has the new key already, and sells; the other still has the old one.
#[test]
fn j27_a_process_with_the_former_key_pushes_to_nobody_beside_a_payment_that_it_cannot_read() {
    let shop = Shop::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    // Of one process, which has the file once; the clients do not know that.
    let options = SqliteOptions { shared: true, ..SqliteOptions::default() };
    let journal = Arc::new(Succession::open(shop.0.join("ovo.db"), &options).unwrap());
    let opens = |key: &str, previous: &[AppKey]| {
        let credentials = credentials("1234", key, "80001001");
        let hears = Arc::clone(&hears);
        shop.builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials.with_previous_app_keys(previous.iter().cloned()),
        )
        .journal_engine(journal.clone())
        .timers(Timers::scaled(0.001))
        .transport(Arc::new(Says(None)))
        .observer(move |event| {
            if let Event::JournalFound(found) = event {
                crate::lock::lock(&hears).push(found.clone());
            }
        })
        .open()
        .unwrap()
    };
    let charge = |invoice: &str, phone: &str| {
        crate::Charge::new(invoice, crate::Rupiah::new(12_500).unwrap(), phone.parse().unwrap())
            .unwrap()
    };
    let old = opens("a", &[]);
    assert_eq!(old.pay(&charge("INV-1", "081234567890")).unwrap().name(), "not completed");
    let new = opens("b", &[AppKey::new(&"a".repeat(64)).unwrap()]);
    assert_eq!(*crate::lock::lock(&told), []);
    assert_eq!(new.pay(&charge("INV-2", "081234567891")).unwrap().name(), "not completed");
    for _ in 0..2 {
        let refused = old.pay(&charge("INV-3", "081234567891")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::UnsettledCustomer, "{refused}");
    }
    let found = crate::lock::lock(&told);
    assert_eq!(found.len(), 1, "once: {found:?}");
    assert!(found[0].critical && found[0].message.contains("app key"), "{found:?}");
}

/// A journal as release 0.1.0 leaves it, which wrote down whose payments it has, and not whose it is.
fn forgets_whose_it_is(shop: &Shop) {
    let journal = rusqlite::Connection::open(shop.0.join("ovo.db")).unwrap();
    // The journal forbids it to everybody, so its rule is taken away for the moment.
    let rule = "FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%DELETE ON meta%'";
    let (name, sql): (String, String) = journal
        .query_row(&format!("SELECT name, sql {rule}"), [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let known = "('class', 'host', 'merchant', 'terminal', 'key')";
    journal.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    assert_eq!(journal.execute(&format!("DELETE FROM meta WHERE k IN {known}"), []), Ok(5));
    journal.execute_batch(&sql).unwrap();
}

#[test]
fn j26_j27_a_journal_of_release_0_1_0_belongs_to_whom_its_payments_belong() {
    let shop = Shop::new();
    let opened_by = |merchant: &str, key: &str, tid: &str, says| {
        shop.builder(Environment::custom("http://127.0.0.1:9"), credentials(merchant, key, tid))
            .timers(Timers::scaled(0.001))
            .transport(Arc::new(Says(says)))
    };
    let charge = crate::Charge::new(
        "INV-1",
        crate::Rupiah::new(12_500).unwrap(),
        "081234567890".parse().unwrap(),
    )
    .unwrap();
    let (_, client) = shop.opens(opened_by("1234", "a", "80001001", None));
    client.pay(&charge).unwrap();
    drop(client);
    forgets_whose_it_is(&shop);
    let refused = opened_by("5678", "a", "80001001", None).open().expect_err("another merchant's");
    assert!(refused.to_string().contains("merchant 1234"), "{refused}");
    // Another terminal and another key are said, and the key is not taken for the journal's.
    for is_first in [true, false] {
        let (mut said, client) = shop.opens(opened_by("1234", "b", "80001001", None));
        if is_first {
            let assumed = said.remove(0);
            assert!(assumed.contains("taken for one of loopback"), "{assumed}");
        }
        assert!(said.len() == 1 && said[0].contains("app key"), "{said:?}");
        drop(client);
    }
    let (said, client) = shop.opens(opened_by("1234", "a", "80001001", None));
    assert_eq!(said, [""; 0], "its own");
    drop(client);
    let (said, client) = shop.opens(opened_by("1234", "b", "80001001", None));
    assert!(said[0].contains("app key"), "from now on it knows: {said:?}");
    drop(client);
    forgets_whose_it_is(&shop);
    let (said, client) = shop.opens(opened_by("1234", "a", "80001002", None));
    assert!(said.len() == 2 && said[1].contains("80001001"), "{said:?}");
    drop(client);
    // With a key that nobody can prove it is adopted once OVO takes it.
    forgets_whose_it_is(&shop);
    let (_, client) = shop.opens(opened_by("1234", "b", "80001002", Some("14")));
    client.inquire(&"081234567890".parse().unwrap()).unwrap();
    drop(client);
    let (said, _) = shop.opens(opened_by("1234", "b", "80001002", None));
    assert!(said.len() == 1 && said[0].contains("phones of 1 payments"), "{said:?}");
}

#[test]
fn j26_the_same_gateway_written_in_another_way_opens_its_journal() {
    let shop = Shop::new();
    let ours = || credentials("1234", "a", "80001001");
    for gateway in ["https://pay.example", "https://PAY.example:443", "https://pay.example/ovo"] {
        drop(shop.opens(shop.builder(Environment::custom(gateway), ours())));
    }
    let another = shop.builder(Environment::custom("https://pay.example:8443"), ours());
    let refused = another.open().expect_err("another port, another gateway").to_string();
    assert!(refused.find("environment_class") < refused.find("set-aside"), "{refused}");
}

#[test]
fn j28_a_94_on_a_new_journal_makes_its_numbers_jump_and_it_is_said() {
    let shop = Shop::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let client = shop
        .builder(Environment::custom("http://127.0.0.1:9"), credentials("1234", "a", "80001001"))
        .timers(Timers::scaled(0.001))
        .transport(Arc::new(Says(Some("94"))))
        .observer(move |event| {
            if let Event::JournalFound(found) = event {
                crate::lock::lock(&hears).push(found.message.clone());
            }
        })
        .open()
        .unwrap();
    let batch = |invoice: &str| {
        let charge = crate::Charge::new(
            invoice,
            crate::Rupiah::new(12_500).unwrap(),
            "081234567890".parse().unwrap(),
        );
        client.pay(&charge.unwrap().allow_second_push()).unwrap();
        client.payment(&invoice.parse().unwrap()).unwrap().unwrap().numbers.batch()
    };
    let (first, second, third) = (batch("INV-1"), batch("INV-2"), batch("INV-3"));
    let said = crate::lock::lock(&told).clone();
    assert!(second > first, "{said:?}");
    assert_eq!(third, second, "once in a quarter of an hour");
    assert!(said.len() == 1 && said[0].contains(&format!("{second:06}")), "{said:?}");
}

#[cfg(feature = "https")]
#[test]
fn j26_another_proxy_is_recorded_and_said_without_its_password() {
    let shop = Shop::new();
    let opens = |proxy: Option<&str>| {
        let ours = credentials("1234", "a", "80001001");
        let mut builder = shop.builder(Environment::Staging, ours);
        if let Some(url) = proxy {
            builder = builder.proxy(crate::transport::Proxy::new(url).unwrap());
        }
        shop.opens(builder).0
    };
    assert_eq!(opens(None), [""; 0]);
    for _ in 0..2 {
        let said = opens(Some("http://till:s3cret@proxy.shop.internal:3128"));
        let _ = opens(Some("http://till:s3cret@proxy.shop.internal:3128"));
        assert!(said.len() == 1 && said[0].contains("was none"), "{said:?}");
        assert!(said[0].contains("proxy.shop.internal:3128"), "{said:?}");
        let said = opens(None);
        assert!(said.len() == 1 && said[0].contains("is none"), "{said:?}");
    }
    assert_eq!(opens(None), [""; 0], "once");
}
