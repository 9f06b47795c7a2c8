//! What every journal engine must do, as code: each engine passes [`run`] in its tests, also on a busy machine:
//! where it says that nobody knows what became of a call, it is asked again.

mod archiving;
mod beginning;
mod finding;
mod patient;
mod sharing;
mod updating;

#[cfg(test)]
pub(in crate::journal) use updating::verdicts;

use self::patient::Patient;
use crate::journal::{Begun, Journal, JournalErrorKind, NewPayment, SealedPhone, Update};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, Policy, State, Timers};
use crate::terminal::Terminal;
use crate::wib::WallTime;
use crate::{MerchantInvoice, Rupiah};

/// Puts an engine to the test. `make` makes an empty journal each time.
///
/// # Panics
/// With the first behaviour that is missing.
pub fn run(make: &dyn Fn() -> Box<dyn Journal>) {
    for behaviour in beginning::ALL
        .iter()
        .chain(updating::ALL)
        .chain(finding::ALL)
        .chain(sharing::ALL)
        .chain(archiving::ALL)
    {
        let journal = make();
        behaviour(&Patient(&*journal));
    }
}

type Behaviour = fn(&dyn Journal);

/// 2026-01-05 10:00:00 WIB.
const MORNING: i64 = 1_767_582_000_000;
const DAY: i64 = 86_400_000;

/// A charge of its own invoice and its own customer.
#[must_use]
pub fn charge(number: u32) -> NewPayment {
    let mut tag = [0; 16];
    tag[..4].copy_from_slice(&number.to_be_bytes());
    NewPayment {
        invoice: invoice(number),
        amount: valid(Rupiah::new(12_500 + i64::from(number))),
        merchant_id: "M00042".to_owned(),
        terminal: valid(Terminal::new("12345678", "201904085000000", "STORE-7")),
        phone: SealedPhone { sealed: format!("sealed phone of customer {number:08}").into(), tag },
        former_tags: Vec::new(),
        wall: WallTime::from_unix_millis(MORNING),
        state: State::intent(&Policy::default(), Boottime(1_000), false, 0),
        refuse_unsettled_customer: false,
        timers: Timers::OVO,
    }
}

/// The invoice of [`charge`].
#[must_use]
pub fn invoice(number: u32) -> MerchantInvoice {
    valid(format!("INV-{number}").parse())
}

fn valid<T, E: std::fmt::Debug>(value: Result<T, E>) -> T {
    value.expect("a valid value")
}

/// Begins a payment that must be new.
///
/// # Panics
/// If it is not, or the journal fails.
pub fn fresh(journal: &dyn Journal, new: &NewPayment) -> Payment {
    fresh_by(journal, new, BatchMethod::Continuous)
}

fn fresh_by(journal: &dyn Journal, new: &NewPayment, method: BatchMethod) -> Payment {
    match Patient(journal).begin(new, method) {
        Ok(Begun::Fresh(payment)) => payment,
        other => panic!("{} should be fresh: {other:?}", new.invoice),
    }
}

/// Writes `payment`, which must win, and returns the row as it is then.
///
/// # Panics
/// If it does not win, or what is read back is not what was written.
pub fn write(journal: &dyn Journal, mut payment: Payment) -> Payment {
    match Patient(journal).update(&payment) {
        Ok(Update::Won(version)) => {
            assert_eq!(version, payment.version + 1, "a version grows by one");
            payment.version = version;
        }
        other => panic!("the update of {payment} should win: {other:?}"),
    }
    if payment.state.phone_forgotten {
        payment.intent.phone = None;
    }
    let stored = stored(journal, &payment);
    assert_eq!(stored, payment, "what was written is what is read");
    stored
}

fn stored(journal: &dyn Journal, payment: &Payment) -> Payment {
    valid(Patient(journal).payment(payment.id)).expect("the row of a payment stays")
}

/// Tries an update that must be refused and must leave the row as it is.
fn refuse(journal: &dyn Journal, before: &Payment, change: impl FnOnce(&mut Payment)) {
    let mut changed = before.clone();
    change(&mut changed);
    match journal.update(&changed) {
        Err(error) if error.kind == JournalErrorKind::Forbidden => {}
        other => panic!("must be forbidden, was {other:?}: {:?}", changed.state),
    }
    assert_eq!(&stored(journal, before), before, "a refused update writes nothing");
}
