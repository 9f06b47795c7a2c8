//! A copied journal, or one that lies aside and cannot be opened, and an app key that changed meanwhile: no
//! customer is pushed twice, nothing is given back unseen, and OVO is asked under the payment's own terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::belonging::Says;
use crate::client::{Charge, Client};
use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::lock::lock;
use crate::message::Operation;
use crate::payment::Timers;
use crate::transport::{Exchange, HttpRequest, Transport, Watch};
use crate::{AppKey, Credentials, Rupiah, Terminal};

/// What was sent, each with its body.
type Sent = Arc<Mutex<Vec<(Operation, Value)>>>;

/// A host that hears everything, and answers with one code or not at all.
struct Hears {
    sent: Sent,
    says: Option<&'static str>,
}

impl Transport for Hears {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let body = serde_json::from_slice(request.body).unwrap();
        lock(&self.sent).push((request.operation, body));
        Says(self.says).exchange(request, watch)
    }
}

/// Which terminal has which app keys, and what OVO says to it.
#[derive(Clone, Copy)]
struct Till {
    tid: &'static str,
    present: char,
    former: &'static str,
    says: Option<&'static str>,
}

const TILL: Till = Till { tid: "80001001", present: 'a', former: "", says: None };

struct Shop {
    directory: PathBuf,
    sent: Sent,
}

impl Shop {
    fn new() -> Shop {
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).unwrap();
        let name = format!("ovo-ptp-{:016x}", u64::from_le_bytes(unique));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        Shop { directory, sent: Arc::default() }
    }

    fn journal(&self) -> PathBuf {
        self.directory.join("ovo.db")
    }

    /// A client at `journal` with the app key of this digit, and former ones that are given.
    fn opens(&self, journal: &Path, till: &Till) -> Client {
        let key = |digit: char| AppKey::new(&digit.to_string().repeat(64)).unwrap();
        let Till { tid, present, former, says } = *till;
        let terminal = Terminal::new(tid, "800010010000001", "STORE1").unwrap();
        let credentials = Credentials::new("1234", terminal, "app", key(present)).unwrap();
        Client::builder(
            Environment::custom("http://127.0.0.1:9"),
            credentials.with_previous_app_keys(former.chars().map(key)),
        )
        .journal(journal)
        .background(false)
        .timers(Timers::scaled(0.01))
        .transport(Arc::new(Hears { sent: Arc::clone(&self.sent), says }))
        .open()
        .unwrap()
    }

    /// What was sent since this was asked last.
    fn sent(&self) -> Vec<(Operation, Value)> {
        std::mem::take(&mut *lock(&self.sent))
    }
}

fn charge(invoice: &str, phone: &str) -> Charge {
    Charge::new(invoice, Rupiah::new(12_500).unwrap(), phone.parse().unwrap()).unwrap()
}

const CUSTOMER: &str = "081234567890";

fn copied(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

#[test]
fn j21_j27_a_copy_under_another_key_and_terminal_pushes_nobody_twice_and_reverses_nothing_unseen() {
    let shop = Shop::new();
    let till = shop.directory.join("till");
    fs::create_dir(&till).unwrap();
    let client = shop.opens(&till.join("ovo.db"), &TILL);
    client.pay(&charge("INV-1", CUSTOMER)).unwrap();
    drop(client);
    for (number, (former, says)) in
        [("", None), ("a", None), ("", Some("BR")), ("", Some("63")), ("a", Some("14"))]
            .into_iter()
            .enumerate()
    {
        let clone = shop.directory.join(format!("clone-{number}"));
        copied(&till, &clone);
        shop.sent();
        let other = Till { tid: "80001002", present: 'b', former, says };
        let client = shop.opens(&clone.join("ovo.db"), &other);
        let case = format!("former {former:?}, OVO says {says:?}");
        let second = client.pay(&charge("INV-2", CUSTOMER));
        let kind = second.as_ref().err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::UnsettledCustomer), "{case}: {second:?}");
        let again = client.pay(&charge("INV-1", CUSTOMER)).unwrap();
        assert_eq!(again.name(), "not completed", "{case}");
        for _ in 0..5 {
            client.settle().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(400));
        }
        let sent = shop.sent();
        assert!(sent.len() > 1, "{case}: it is asked about");
        for (operation, body) in sent {
            assert!(
                !matches!(operation, Operation::PushToPay | Operation::Reversal),
                "{case}: {body}"
            );
            assert_eq!(body["tid"], "80001001", "{case}");
        }
    }
}

/// What is set aside is refused for its mode only, and knows its customers by the key before.
#[test]
fn j20_j27_the_customers_of_what_cannot_be_opened_are_not_pushed_twice_under_another_key() {
    let shop = Shop::new();
    let path = shop.journal();
    let client = shop.opens(&path, &TILL);
    client.pay(&charge("INV-1", CUSTOMER)).unwrap();
    drop(client);
    let aside = crate::journal::set_aside(&path).unwrap();
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o644)).unwrap();
    for former in ["", "a"] {
        let client = shop.opens(&path, &Till { present: 'b', former, ..TILL });
        shop.sent();
        let second = client.pay(&charge("INV-2", CUSTOMER));
        assert!(second.is_err(), "{former:?}: {second:?}");
        assert_eq!(shop.sent().len(), 0, "{former:?}");
        // With the key that they are known by the others are told from them.
        let other = client.pay(&charge("INV-3", "081299999999"));
        assert_eq!(other.is_ok(), former == "a", "{other:?}");
    }
}
