//! A defect of this library behind the first byte of an operation, with OVO's ledger beside it
//! (F4, C18): an outcome, never a code, because a code says that nothing was started.
//!
//! The network and OVO are real; the defect is a panic behind an exchange that is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
};
use ovo_sandbox::{Sandbox, SandboxConfig};
use ptp::message::Operation;
use ptp::payment::{Boottime, Timers};
use ptp::transport::{Exchange, HttpRequest, HttpsOptions, HttpsTransport, Transport, Watch};
use ptp::{AppKey, Client, Clock, Credentials, Environment, SystemClock, Terminal, WallTime};

use crate::argument::{In, Out, OutStruct, Text};
use crate::client::{ClientBody, ovo_client};
use crate::code::ovo_code;
use crate::handle;
use crate::operator::{ovo_check_void, ovo_void, ovo_void_result};
use crate::outcome::ovo_outcome;
use crate::payment::{
    ovo_cancel, ovo_charge, ovo_pay, ovo_payment, ovo_payment_cancel, ovo_payment_free, ovo_poll,
    ovo_start, ovo_wait,
};
use crate::vocabulary::{ovo_outcome_kind, ovo_void_state};

const SCALE: f64 = 0.02;
const INVOICE: &std::ffi::CStr = c"INV-C18";

/// Carries every request, and panics when the answer to this one is there.
struct Defective {
    network: HttpsTransport,
    on: Operation,
    panics: AtomicUsize,
}

impl Transport for Defective {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let ended = self.network.exchange(request, watch);
        if request.operation == self.on {
            self.panics.fetch_add(1, Ordering::Relaxed);
            panic!("planted behind an exchange");
        }
        ended
    }
}

/// A shop whose library has a defect, and OVO.
struct Shop {
    ovo: Sandbox,
    transport: Arc<Defective>,
    client: *mut ovo_client,
    _journal: tempfile::TempDir,
}

impl Shop {
    fn with_a_defect_behind(on: Operation) -> Shop {
        Shop::open(on, Arc::new(SystemClock))
    }

    fn open(on: Operation, clock: Arc<dyn Clock>) -> Shop {
        let ovo = Sandbox::start(SandboxConfig::http().time_scale(SCALE)).unwrap();
        let environment = Environment::custom(&ovo.base_url());
        let network = HttpsTransport::new(&environment.url(), HttpsOptions::default()).unwrap();
        let transport = Arc::new(Defective { network, on, panics: AtomicUsize::new(0) });
        let terminal = Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE).unwrap();
        let key = AppKey::new(DEMO_APP_KEY).unwrap();
        let credentials = Credentials::new(DEMO_MERCHANT_ID, terminal, DEMO_APP_ID, key).unwrap();
        let journal = tempfile::tempdir().unwrap();
        let client = Client::builder(environment, credentials)
            .journal(journal.path().join("ovo.db"))
            .transport(Arc::clone(&transport) as Arc<dyn Transport>)
            .clock(clock)
            .timers(Timers::scaled(SCALE))
            .threads(true)
            .background(false)
            .open()
            .unwrap();
        let body = ClientBody {
            client,
            threads: true,
            #[cfg(feature = "postgres")]
            asked: None,
        };
        let client = handle::open(Arc::new(body)).unwrap();
        Shop { ovo, transport, client, _journal: journal }
    }

    fn pay(&self) -> (i32, ovo_outcome) {
        let (charge, mut outcome) = (charge(), told_paid());
        let code = ovo_pay(self.client, In::of(&charge), OutStruct::of(&mut outcome));
        (code, outcome)
    }

    fn debits(&self) -> Vec<(u32, u32)> {
        self.ovo.ledger().iter().map(|entry| (entry.debits, entry.refunds)).collect()
    }
}

fn charge() -> ovo_charge {
    let mut charge = ovo_charge::EMPTY;
    charge.invoice = Text::of(INVOICE);
    charge.amount = 25_000;
    charge.phone = Text::of(c"081200000000");
    charge
}

/// What an earlier call has left in the caller's struct.
fn told_paid() -> ovo_outcome {
    let mut outcome = ovo_outcome::empty(&"INV-EARLIER".parse().unwrap());
    outcome.kind = ovo_outcome_kind::OVO_PAID as i32;
    outcome
}

#[test]
fn f4_c18_a_defect_behind_a_push_is_interrupted() {
    let shop = Shop::with_a_defect_behind(Operation::PushToPay);
    let (code, outcome) = shop.pay();
    assert_eq!(shop.transport.panics.load(Ordering::Relaxed), 1);
    assert_eq!(shop.debits(), [(1, 0)], "the customer was debited");
    assert_eq!(code, ovo_code::OVO_OK as i32, "a code would say that nothing was started");
    assert_eq!(outcome.kind, ovo_outcome_kind::OVO_INTERRUPTED as i32);
    // What this client would say from now on cannot be trusted.
    assert_eq!(shop.pay().0, ovo_code::OVO_ERR_INTERNAL as i32);
}

#[test]
fn f4_c18_a_defect_behind_a_started_push_is_interrupted() {
    let shop = Shop::with_a_defect_behind(Operation::PushToPay);
    let mut payment: *mut ovo_payment = std::ptr::null_mut();
    let mut outcome = told_paid();
    let started = ovo_start(shop.client, In::of(&charge()), Out::of(&mut payment));
    assert_eq!(started, ovo_code::OVO_OK as i32);
    let waited = ovo_wait(payment, -1, OutStruct::of(&mut outcome));
    assert_eq!((waited, outcome.kind), (0, ovo_outcome_kind::OVO_INTERRUPTED as i32));
    assert_eq!(shop.debits(), [(1, 0)]);
    assert_eq!(ovo_payment_free(payment), 0);
}

/// A clock that fails while a payment is started, somewhere in the core.
struct Broken(AtomicUsize);

impl Clock for Broken {
    fn boottime(&self) -> Boottime {
        SystemClock.boottime()
    }
    fn boot_id(&self) -> String {
        SystemClock.boot_id()
    }
    fn wall(&self) -> WallTime {
        assert!(self.0.load(Ordering::Relaxed) == 0, "planted");
        SystemClock.wall()
    }
    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration);
    }
}

#[test]
fn f4_c18_a_defect_while_a_payment_is_started_is_interrupted() {
    let clock = Arc::new(Broken(AtomicUsize::new(0)));
    let shop = Shop::open(Operation::PushToPay, Arc::clone(&clock) as Arc<dyn Clock>);
    clock.0.store(1, Ordering::Relaxed);
    let mut payment: *mut ovo_payment = std::ptr::null_mut();
    let started = ovo_start(shop.client, In::of(&charge()), Out::of(&mut payment));
    assert_eq!(started, ovo_code::OVO_OK as i32);
    for ask in [0, 1] {
        let mut outcome = told_paid();
        let code = match ask {
            0 => ovo_poll(payment, OutStruct::of(&mut outcome)),
            _ => ovo_wait(payment, -1, OutStruct::of(&mut outcome)),
        };
        assert_eq!((code, outcome.kind), (0, ovo_outcome_kind::OVO_INTERRUPTED as i32));
        assert_eq!(outcome.amount, 0);
    }
    assert_eq!(ovo_payment_free(payment), 0);
    assert!(shop.debits().is_empty());
}

#[test]
fn c17_c18_a_defect_while_a_payment_is_given_up_is_interrupted() {
    for by_handle in [false, true] {
        let clock = Arc::new(Broken(AtomicUsize::new(0)));
        // Its answers are not what fails here.
        let shop = Shop::open(Operation::Inquiry, Arc::clone(&clock) as Arc<dyn Clock>);
        let mut charge = charge();
        charge.phone = Text::of(c"081200009503");
        let mut payment: *mut ovo_payment = std::ptr::null_mut();
        let started = ovo_start(shop.client, In::of(&charge), Out::of(&mut payment));
        assert_eq!(started, ovo_code::OVO_OK as i32);
        while shop.ovo.requests().is_empty() {
            std::thread::yield_now();
        }
        clock.0.store(1, Ordering::Relaxed);
        let mut outcome = told_paid();
        let code = if by_handle {
            ovo_payment_cancel(payment, OutStruct::of(&mut outcome))
        } else {
            ovo_cancel(shop.client, Text::of(INVOICE), OutStruct::of(&mut outcome))
        };
        // Not "refused", which would mean that the payment goes on.
        assert_eq!((code, outcome.kind), (0, ovo_outcome_kind::OVO_INTERRUPTED as i32));
        assert_eq!(outcome.amount, 0);
        assert_eq!(ovo_payment_free(payment), 0);
    }
}

#[test]
fn e4_c18_a_defect_behind_a_void_is_pending() {
    let shop = Shop::with_a_defect_behind(Operation::Void);
    let (code, outcome) = shop.pay();
    assert_eq!((code, outcome.kind), (0, ovo_outcome_kind::OVO_PAID as i32));
    let mut result = ovo_void_result::EMPTY;
    let code = ovo_void(shop.client, Text::of(INVOICE), OutStruct::of(&mut result));
    assert_eq!(shop.debits(), [(1, 1)], "the money went back");
    assert_eq!((code, result.state), (0, ovo_void_state::OVO_VOID_PENDING as i32));
}

#[test]
fn e4_c18_a_defect_behind_the_check_of_a_void_is_pending() {
    let shop = Shop::with_a_defect_behind(Operation::CheckVoid);
    assert_eq!(shop.pay().0, 0);
    // The void's answer is lost, so that its check follows at once: inside ovo_void already.
    shop.ovo.script([ovo_sandbox::Step::on(Operation::Void).deliver(ovo_sandbox::Delivery::Hang)]);
    let mut result = ovo_void_result::EMPTY;
    let code = ovo_void(shop.client, Text::of(INVOICE), OutStruct::of(&mut result));
    assert_eq!((code, result.state), (0, ovo_void_state::OVO_VOID_PENDING as i32));
    let checked = ovo_check_void(shop.client, Text::of(INVOICE), OutStruct::of(&mut result));
    // The client is not to be trusted any more; the void goes on with the next one.
    assert_eq!(checked, ovo_code::OVO_ERR_INTERNAL as i32);
    assert_eq!(result.state, 0, "F15: nothing of the earlier call is left");
}
