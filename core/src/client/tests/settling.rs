//! Settlement side by side: one payment's trouble is its own.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::journal::{
    Begun, Figures, Filter, Health, JournalError, JournalErrorKind, NewPayment, Update,
};
use crate::numbering::BatchMethod;
use crate::payment::{Payment, PaymentId};

/// A journal that never takes a step of one payment; and that cannot be counted.
pub(super) struct Refusing(
    pub(super) MemoryJournal,
    pub(super) &'static str,
    pub(super) Arc<AtomicU64>,
);

impl Journal for Refusing {
    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        if payment.intent.invoice.as_str() == self.1 && payment.state.verdict.is_some() {
            self.2.fetch_add(1, Ordering::Relaxed);
            return Err(JournalError::new(JournalErrorKind::Forbidden, "a row nobody may write"));
        }
        self.0.update(payment)
    }

    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.0.enter_boot(boot_id)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.0.begin(new, method)
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.0.payment(id)
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.0.find(invoice)
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.0.due(boot, now, limit)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.0.next_due(boot)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.0.list(filter)
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        Err(JournalError::new(JournalErrorKind::Io, "a disk that cannot be read"))
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.0.health()
    }
}

/// Payments that nobody answered, each waiting for its reversal.
fn abandoned(shop: &Shop, invoices: &[&str]) {
    let till = shop.till();
    for text in invoices {
        assert_eq!(till.pay(&charge(text)).unwrap().name(), "not completed");
    }
    // Time enough for every pause between two requests: whatever is to be done is due.
    shop.clock.sleep(Duration::from_secs(3_600));
}

fn is_reversed(client: &Client, text: &str) -> bool {
    let report = client.payment(&invoice(text)).unwrap().unwrap();
    matches!(report.settlement, "reversed, to be verified" | "settled")
}

/// Nothing is at OVO, and reversals are acknowledged.
fn settles(operation: Operation, _: &str) -> Reply {
    match operation {
        Operation::CheckPayment => Reply::Code("25"),
        _ => Reply::Code("00"),
    }
}

#[test]
fn a_host_that_is_silent_about_one_payment_holds_up_no_other() {
    let shop = Shop::new();
    abandoned(&shop, &["INV-1", "INV-2", "INV-3"]);
    let door = Arc::new(Door::default());
    let shut = Arc::clone(&door);
    shop.host.answers(move |operation, invoice| {
        if invoice == "INV-1" {
            shut.pass();
        }
        settles(operation, invoice)
    });
    let client = shop.client(|builder| builder.background(true));
    until("the others are reversed", || {
        is_reversed(&client, "INV-2") && is_reversed(&client, "INV-3")
    });
    assert!(!is_reversed(&client, "INV-1"));
    door.open();
    until("the first is, too", || is_reversed(&client, "INV-1"));
}

#[test]
fn j19_a_row_that_the_journal_refuses_for_ever_does_not_stop_the_others() {
    let journal = MemoryJournal::new();
    let shop = Shop::on(Arc::new(journal.clone()));
    abandoned(&shop, &["INV-1", "INV-2", "INV-3"]);
    let refusals = Arc::new(AtomicU64::new(0));
    let refusing = Refusing(journal, "INV-1", Arc::clone(&refusals));
    let shop = Shop { journal: Arc::new(refusing), ..shop };
    shop.host.answers(settles);
    let till = shop.till();
    for _ in 0..100 {
        till.settle().ok();
        if is_reversed(&till, "INV-2") && is_reversed(&till, "INV-3") {
            break;
        }
        let next = till.next_settlement().unwrap().expect("something is due");
        shop.clock.sleep(next);
    }
    assert!(is_reversed(&till, "INV-2") && is_reversed(&till, "INV-3"));
    assert!(!is_reversed(&till, "INV-1"));
    // It is tried again, but not without a pause.
    let (began, tried) = (shop.clock.now(), refusals.load(Ordering::Relaxed));
    for _ in 0..1_000 {
        let next = till.next_settlement().unwrap().expect("it stays due");
        shop.clock.sleep(next);
        till.settle().ok();
    }
    let tried = refusals.load(Ordering::Relaxed) - tried;
    let took = (shop.clock.now() - began).as_secs();
    assert!(tried > 1 && tried <= took / 15 + 1, "{tried} tries in {took} s");
}

#[test]
fn rows_settle_within_the_rate_however_many_threads_there_are() {
    let shop = Shop::new();
    let invoices: Vec<String> = (0..20).map(|number| format!("INV-{number}")).collect();
    abandoned(&shop, &invoices.iter().map(String::as_str).collect::<Vec<_>>());
    shop.host.answers(settles);
    let (began, sent) = (shop.clock.now(), lock(&shop.host.heard).len());
    let client = shop.client(|builder| builder.background(true).settle_rate(10));
    until("all are reversed", || invoices.iter().all(|text| is_reversed(&client, text)));
    client.close();
    let sent = u32::try_from(lock(&shop.host.heard).len() - sent).unwrap();
    let took = shop.clock.now() - began;
    assert!(took >= Duration::from_millis(100) * (sent - 1), "{sent} requests in {took:?}");
}
