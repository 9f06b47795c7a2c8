//! What a caller who takes payments may rely on (README, "How a payment ends"): one invoice is one
//! payment, waiting may end at any time, closing loses nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ovo_checkout::{Fault, Shop, charge, invoice, seconds, settled};
use ovo_ptp::journal::{
    Begun, Filter, Health, Journal, JournalError, MemoryJournal, NewPayment, Update,
};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Boottime, Payment, PaymentId, Ruling};
use ovo_ptp::{
    BatchMethod, Charge, Client, ErrorKind, Language, MerchantInvoice, Outcome, Rupiah, Terminal,
    VoidOutcome,
};
use ovo_sandbox::{Behaviour, HostConfig, Step};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";
const PAYS_BEHIND_THE_CHECK: &str = "081200009503";

fn refused(result: Result<Outcome, ovo_ptp::Error>) -> ErrorKind {
    result.expect_err("refused").kind()
}

#[test]
fn the_same_invoice_returns_the_same_outcome_and_pushes_once() {
    for phone in [APPROVES, "081200001700", IGNORES, PAYS_MUTELY_AT_10, "081200009400"] {
        let shop = Shop::open();
        let first = shop.pay("INV-1", phone).name();
        for wait in [0, 1, 3600, 86_400, 30 * 86_400] {
            shop.settle_for(Duration::from_secs(wait));
            assert_eq!(shop.pay("INV-1", phone).name(), first, "{phone} after {wait} s");
        }
        settled(&shop);
        assert_eq!(shop.heard(Operation::PushToPay), 1);
    }
    let shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::Unreachable);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not sent");
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not sent", "a new attempt, a new invoice");
    assert!(shop.pay("INV-2", APPROVES).is_paid());
    settled(&shop);
}

#[test]
fn the_same_invoice_with_other_details_is_an_error() {
    let other_terminal = || Terminal::new("00000002", "000000000000001", "DEMO01").unwrap();
    let ours = || Terminal::new("00000001", "000000000000001", "DEMO01").unwrap();
    for phone in [APPROVES, "081200001700", IGNORES] {
        let shop = Shop::open();
        shop.pay("INV-1", phone);
        let client = shop.client();
        let amount =
            Charge::new("INV-1", Rupiah::new(10_001).unwrap(), phone.parse().unwrap()).unwrap();
        assert_eq!(refused(client.pay(&amount)), ErrorKind::InvoiceReused);
        let another = charge("INV-1", "081399999999");
        assert_eq!(refused(client.pay(&another)), ErrorKind::InvoiceReused);
        assert_eq!(client.start(&another).unwrap_err().kind(), ErrorKind::InvoiceReused);
        let elsewhere = charge("INV-1", phone).terminal(other_terminal());
        assert_eq!(refused(client.pay(&elsewhere)), ErrorKind::InvoiceReused);
        // The default terminal, named: the same details.
        assert!(client.pay(&charge("INV-1", phone).terminal(ours())).is_ok());
        settled(&shop);
        assert_eq!(shop.heard(Operation::PushToPay), 1);
    }
}

#[test]
fn other_details_are_refused_while_the_payment_is_under_way() {
    let shop = Shop::open();
    let client = Arc::clone(shop.client());
    shop.later(seconds(5.0), move |_| {
        let amount =
            Charge::new("INV-1", Rupiah::new(1).unwrap(), APPROVES.parse().unwrap()).unwrap();
        assert_eq!(refused(client.pay(&amount)), ErrorKind::InvoiceReused);
        assert_eq!(refused(client.pay(&charge("INV-1", IGNORES))), ErrorKind::InvoiceReused);
    });
    assert_eq!(shop.pay("INV-1", "081200001740").name(), "declined");
    settled(&shop);
}

#[test]
fn an_invalid_invoice_makes_no_charge() {
    for text in ["", " ", "INV 1", "INV-1\r\nhmac: x", "ü", &"X".repeat(51), "INV\0"] {
        let charge = Charge::new(text, Rupiah::new(10_000).unwrap(), APPROVES.parse().unwrap());
        let error = charge.expect_err("no invoice");
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("invoice")));
    }
}

#[test]
fn a_customer_with_an_unsettled_payment_is_refused_until_the_reversal_is_acknowledged() {
    let shop = Shop::open();
    shop.script([Step::on(Operation::Reversal).times(2).unheard()]);
    assert_eq!(shop.pay("INV-1", PAYS_BEHIND_THE_CHECK).name(), "not completed");
    let client = shop.client();
    let second = charge("INV-2", PAYS_BEHIND_THE_CHECK);
    let error = client.pay(&second).unwrap_err();
    assert!(error.is_unsettled_customer() && error.is_retryable(), "{error:?}");
    assert_eq!(error.invoice(), Some(&invoice("INV-1")), "the payment in the way");
    let due = client.next_settlement().unwrap();
    assert_eq!(error.retry_after(), due.map(|due| due.max(seconds(1.0))), "its next reversal");
    assert!(!error.to_string().contains("second push"), "{error}");
    assert!(client.payment(&invoice("INV-2")).unwrap().is_none(), "nothing was written");
    // Another customer, and the same one where the merchant says so.
    assert!(shop.pay("INV-3", APPROVES).is_paid());
    assert!(client.pay(&charge("INV-4", PAYS_BEHIND_THE_CHECK).allow_second_push()).is_ok());
    shop.settle_all();
    assert!(client.pay(&second).is_ok(), "settled: welcome again");
    settled(&shop);
}

#[test]
fn a_customer_is_welcome_again_once_the_reversal_is_acknowledged_before_it_is_verified() {
    let shop = Shop::open();
    shop.pay("INV-1", PAYS_MUTELY_AT_10.replace("10", "00").as_str());
    shop.pay("INV-2", IGNORES);
    shop.settle_for(seconds(5.0));
    assert_eq!(shop.unsettled().len(), 1, "acknowledged, to be verified");
    assert_eq!(shop.pay("INV-3", IGNORES).name(), "not completed");
    settled(&shop);
}

#[test]
fn a_declined_customer_may_try_again_at_once() {
    let shop = Shop::open();
    shop.host().set_behaviour(APPROVES, Behaviour::decline("17"));
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "declined");
    shop.host().set_behaviour(APPROVES, Behaviour::Approve { after_ms: 1_000 });
    assert!(shop.pay("INV-2", APPROVES).is_paid());
    settled(&shop);
}

/// Starts a payment and holds simulated time at `at` until the returned sender speaks.
fn started(shop: &Shop, phone: &str, at: f64) -> (ovo_ptp::PaymentHandle, mpsc::Sender<()>) {
    let (go_on, waits) = mpsc::channel::<()>();
    shop.later(seconds(at), move |_| {
        let _ = waits.recv();
    });
    (shop.client().start(&charge("INV-1", phone)).expect("starts"), go_on)
}

#[test]
fn a_handle_that_is_kept_accepts_a_late_success() {
    let shop = Shop::open();
    let (handle, go_on) = started(&shop, PAYS_MUTELY_AT_10, 20.0);
    assert_eq!(handle.poll(), None);
    drop(go_on);
    let Outcome::Paid(receipt) = handle.outcome() else { panic!("somebody waits") };
    assert!(receipt.is_late());
    assert_eq!(handle.poll().map(|outcome| outcome.is_paid()), Some(true));
    settled(&shop);
}

#[test]
fn giving_up_waiting_never_gives_up_the_payment() {
    let shop = Shop::open();
    let (handle, go_on) = started(&shop, PAYS_MUTELY_AT_10, 20.0);
    for _ in 0..3 {
        assert_eq!(handle.wait(Duration::from_millis(5)), None);
    }
    assert_eq!(shop.reports().len(), 1);
    drop(go_on);
    assert!(handle.wait(Duration::from_secs(30)).is_some_and(|outcome| outcome.is_paid()));
    settled(&shop);
    assert_eq!(shop.heard(Operation::PushToPay), 1);
}

#[test]
fn starting_twice_is_one_payment_with_two_handles() {
    let shop = Shop::open();
    let (first, go_on) = started(&shop, PAYS_MUTELY_AT_10, 20.0);
    let second = shop.client().start(&charge("INV-1", PAYS_MUTELY_AT_10)).unwrap();
    drop(first); // the second still waits
    drop(go_on);
    assert!(second.outcome().is_paid());
    settled(&shop);
    assert_eq!(shop.heard(Operation::PushToPay), 1);
    // Started again when it is over: told at once.
    let third = shop.client().start(&charge("INV-1", PAYS_MUTELY_AT_10)).unwrap();
    assert!(third.poll().is_some_and(|outcome| outcome.is_paid()));
}

#[test]
fn whoever_cannot_wait_is_told_the_outcome_once() {
    let shop = Shop::open();
    let (handle, go_on) = started(&shop, PAYS_MUTELY_AT_10, 20.0);
    let (tell, told) = mpsc::channel();
    let again = tell.clone();
    handle.on_outcome(|_| panic!("a listener's panic ends nothing"));
    handle.on_outcome(move |outcome| tell.send(outcome.clone()).unwrap());
    assert!(told.try_recv().is_err());
    assert_eq!(shop.client().under_way(), 1);
    drop(go_on);
    let outcome = told.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(outcome.is_paid());
    // Known already: told at once.
    handle.on_outcome(move |outcome| again.send(outcome.clone()).unwrap());
    assert_eq!(told.try_recv(), Ok(outcome));
    assert!(told.recv().is_err(), "nobody is told twice");
    settled(&shop);
}

#[test]
fn a_listener_does_not_count_as_somebody_who_waits() {
    let shop = Shop::open();
    let (handle, go_on) = started(&shop, PAYS_MUTELY_AT_10, 20.0);
    let (tell, told) = mpsc::channel();
    handle.on_outcome(move |outcome| tell.send(outcome.name()).unwrap());
    drop(handle);
    drop(go_on);
    assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok("not completed"));
    settled(&shop);
}

#[test]
fn many_threads_pay_at_once_and_every_rupiah_agrees() {
    let phones = ["0813000000", "0812000092", "0812000090", "0812000095", "0812000017"];
    for round in 0..5 {
        let shop = Shop::open();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (shop, stop) = (&shop, &stop);
            let payers: Vec<_> = (0..20)
                .map(|thread: usize| {
                    scope.spawn(move || {
                        for number in 0..4 {
                            let invoice = format!("INV-{thread}-{number}");
                            let phone = format!("{}{:02}", phones[(thread + number) % 5], thread);
                            let charge = charge(&invoice, &phone).allow_second_push();
                            shop.pay_with(shop.client(), &charge);
                        }
                    })
                })
                .collect();
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    shop.client().settle().expect("settles");
                    std::thread::yield_now();
                }
            });
            for payer in payers {
                payer.join().expect("no panic");
            }
            stop.store(true, Ordering::Relaxed);
        });
        settled(&shop);
        assert_eq!(shop.reports().len(), 80, "round {round}");
    }
}

#[test]
fn many_threads_with_one_invoice_push_once_and_hear_the_same() {
    for phone in [APPROVES, "081200009310", PAYS_MUTELY_AT_10, IGNORES, "081200001705"] {
        let shop = Shop::open();
        let names: Vec<&str> = std::thread::scope(|scope| {
            let shop = &shop;
            let threads: Vec<_> =
                (0..12).map(|_| scope.spawn(move || shop.pay("INV-1", phone).name())).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        settled(&shop);
        assert!(shop.heard(Operation::PushToPay) <= 1);
    }
}

/// A journal whose next Intent takes its time, or fails in the end.
struct SlowIntent {
    kept: MemoryJournal,
    gate: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<bool>)>>,
}

impl Journal for SlowIntent {
    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        let gate = self.gate.lock().expect("no panic").take();
        if let Some((reached, opens)) = gate {
            reached.send(()).expect("the test listens");
            if !opens.recv().expect("the test decides") {
                return Err(JournalError::new(
                    ovo_ptp::journal::JournalErrorKind::Full,
                    "the disk is full",
                ));
            }
        }
        self.kept.begin(new, method)
    }

    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.kept.enter_boot(boot_id)
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.kept.update(payment)
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.kept.payment(id)
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.kept.find(invoice)
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.kept.due(boot, now, limit)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.kept.next_due(boot)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.kept.list(filter)
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.kept.health()
    }
}

#[test]
fn other_details_are_refused_even_while_the_intent_is_being_written() {
    for written in [true, false] {
        let ((reached, is_reached), (opens, gate)) = (mpsc::channel(), mpsc::channel());
        let journal =
            SlowIntent { kept: MemoryJournal::new(), gate: Mutex::new(Some((reached, gate))) };
        let shop = Shop::with_journal(Arc::new(journal), HostConfig::default(), |b| b);
        let other =
            Charge::new("INV-1", Rupiah::new(5).unwrap(), APPROVES.parse().unwrap()).unwrap();
        std::thread::scope(|scope| {
            let shop = &shop;
            let first = scope.spawn(|| shop.try_pay(shop.client(), &charge("INV-1", APPROVES)));
            is_reached.recv().expect("the first is in its commit");
            let second = scope.spawn(|| shop.try_pay(shop.client(), &other));
            std::thread::sleep(Duration::from_millis(30));
            opens.send(written).expect("it waits");
            let (first, second) = (first.join().unwrap(), second.join().unwrap());
            if written {
                assert!(first.is_ok_and(|outcome| outcome.is_paid()));
                assert_eq!(refused(second), ErrorKind::InvoiceReused);
            } else {
                // Whoever waited for that commit is refused with it, and may ask again.
                assert_eq!([refused(first), refused(second)], [ErrorKind::Journal; 2]);
                let again = shop.try_pay(shop.client(), &other);
                assert!(again.is_ok_and(|outcome| outcome.is_paid()), "now it is its turn");
            }
        });
        settled(&shop);
        assert_eq!(shop.heard(Operation::PushToPay), 1);
    }
}

#[test]
fn mp12_a_caller_with_other_details_takes_no_outcome_away_from_one_with_the_right_ones() {
    for phone in [APPROVES, "081200001700", IGNORES] {
        let journal = Arc::new(SlowIntent { kept: MemoryJournal::new(), gate: Mutex::default() });
        let shop = Shop::with_journal(journal.clone(), HostConfig::default(), |b| b);
        let name = shop.pay("INV-1", phone).name();
        // The payment is over. A till with a wrong amount asks and will be refused; another, with
        // the right one, asks before it is.
        let ((reached, is_reached), (opens, gate)) = (mpsc::channel(), mpsc::channel());
        *journal.gate.lock().expect("no panic") = Some((reached, gate));
        let other = Charge::new("INV-1", Rupiah::new(5).unwrap(), phone.parse().unwrap()).unwrap();
        std::thread::scope(|scope| {
            let (shop, other) = (&shop, &other);
            let wrong = scope.spawn(move || shop.try_pay(shop.client(), other));
            is_reached.recv().expect("the first looks into the journal");
            let right = scope.spawn(|| shop.try_pay(shop.client(), &charge("INV-1", phone)));
            let handle = scope.spawn(|| shop.client().start(&charge("INV-1", phone)));
            std::thread::sleep(Duration::from_millis(30));
            opens.send(true).expect("it waits");
            assert_eq!(refused(wrong.join().unwrap()), ErrorKind::InvoiceReused);
            let told = right.join().unwrap().expect("the same details");
            assert_eq!(told.name(), name, "the decided payment's outcome, not an interruption");
            let handle = handle.join().unwrap().expect("the same details");
            assert_eq!(handle.outcome().name(), name);
        });
        settled(&shop);
        assert_eq!(shop.heard(Operation::PushToPay), 1);
    }
}

/// Closes a client from another thread and waits until it says so.
fn close_elsewhere(client: &Arc<Client>) {
    let closing = Arc::clone(client);
    std::thread::spawn(move || closing.close());
    while !format!("{client:?}").contains("closed: true") {
        std::thread::yield_now();
    }
}

#[test]
fn c11_closing_while_a_payment_waits_interrupts_it_within_a_second_and_loses_nothing() {
    for at in [0.02, 5.0, 30.0, 60.2, 60.52, 63.0] {
        for (phone, pays) in [(PAYS_MUTELY_AT_10, true), (IGNORES, false)] {
            let mut shop = Shop::open();
            let began = shop.world().ms;
            let client = Arc::clone(shop.client());
            shop.later(seconds(at), move |_| close_elsewhere(&client));
            shop.script([Step::on(Operation::CheckPayment).at_ms(500)]);
            let outcome = shop.pay("INV-1", phone);
            let took = (shop.world().ms - began) as f64 / 1000.0;
            // Before the push has left there is nothing to wait for; behind the check's answer the
            // payment may be decided. Everything else is interrupted.
            let expected: &[&str] = match at {
                0.02 => &["not sent"],
                60.52 => &["paid", "interrupted"],
                _ => &["interrupted", "paid"],
            };
            assert!(expected.contains(&outcome.name()), "{at} {phone}: {outcome:?}");
            assert!(took < at + 4.1, "{at}: {took}");
            if (5.0..60.0).contains(&at) {
                assert_eq!(outcome.name(), "interrupted");
                assert!(took < at + 1.1, "{at}: {took}");
            }
            shop.reopen();
            if outcome.name() == "interrupted" {
                assert_eq!(shop.pay("INV-1", phone).is_paid(), pays, "{at}: resumed");
            }
            settled(&shop);
            assert!(shop.heard(Operation::PushToPay) <= 1);
        }
    }
}

/// E5: as long as the customer may be debited, nothing that he reads asks him to pay again.
#[test]
fn e5_what_nobody_knows_yet_invites_nobody_to_pay_again() {
    let interrupted = || {
        let shop = Shop::open();
        let client = Arc::clone(shop.client());
        shop.later(seconds(5.0), move |_| close_elsewhere(&client));
        shop.pay("INV-1", PAYS_MUTELY_AT_10)
    };
    let for_an_operator = || {
        let shop = Shop::open();
        shop.script([Step::on(Operation::CheckPayment).set("amount", 1)]);
        shop.pay("INV-1", PAYS_MUTELY_AT_10)
    };
    let cancelled = || {
        let shop = Shop::open();
        let client = Arc::clone(shop.client());
        shop.later(seconds(5.0), move |_| {
            client.cancel(&invoice("INV-1")).expect("is cancelled");
        });
        shop.pay("INV-1", PAYS_MUTELY_AT_10)
    };
    let ended = || Shop::open().pay("INV-1", IGNORES);
    let told = [
        (interrupted(), "interrupted"),
        (for_an_operator(), "needs operator"),
        (cancelled(), "not completed"),
        (ended(), "not completed"),
    ];
    for (outcome, name) in told {
        assert_eq!(outcome.name(), name);
        for language in [Language::Indonesian, Language::English] {
            let text = outcome.customer_text(language).to_lowercase();
            for invitation in
                ["coba lagi", "try again", "another method", "metode lain", "nothing is charged"]
            {
                assert!(!text.contains(invitation), "{name}: {text}");
            }
        }
        let is_open = matches!(outcome, Outcome::Interrupted(_) | Outcome::NeedsOperator(_));
        let text = outcome.customer_text(Language::English);
        assert_eq!(text.contains("Do not pay again"), is_open, "{name}: {text}");
    }
}

#[test]
fn every_call_on_a_closed_client_is_an_error() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    let client = shop.second_client();
    client.close();
    client.close();
    let id = invoice("INV-1");
    let phone = APPROVES.parse().unwrap();
    let errors = [
        client.pay(&charge("INV-1", APPROVES)).unwrap_err(),
        client.start(&charge("INV-2", APPROVES)).unwrap_err(),
        client.inquire(&phone).unwrap_err(),
        client.check(&id).unwrap_err(),
        client.check_with_phone(&id, &phone).unwrap_err(),
        client.void(&id).unwrap_err(),
        client.check_void(&id).unwrap_err(),
        client.settle().unwrap_err(),
        client.next_settlement().unwrap_err(),
        client.unacknowledged().unwrap_err(),
        client.acknowledge(&id).unwrap_err(),
        client.payments(&Filter::default()).unwrap_err(),
        client.payment(&id).unwrap_err(),
        client.rule(&id, Ruling::Close, "why").unwrap_err(),
        client.report_paid(&id).unwrap_err(),
        client.doctor().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
    settled(&shop);
}

#[test]
fn a_second_void_of_the_same_payment_is_told_and_not_sent() {
    let shop = Shop::open();
    shop.pay("INV-1", APPROVES);
    for _ in 0..3 {
        assert_eq!(shop.client().void(&invoice("INV-1")).unwrap(), VoidOutcome::Voided);
    }
    settled(&shop);
    assert_eq!(shop.heard(Operation::Void), 1);
}
