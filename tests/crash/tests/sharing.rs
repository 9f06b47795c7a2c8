//! Several real processes on one journal (MP1, MP2, MP9, MP12, MP13).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod street;

use ovo_crash::process::Process;
use ovo_ptp::message::Operation;
use ovo_sandbox::HostConfig;
use street::*;

const SCALE: f64 = 0.01;

#[test]
fn mp1_a_second_process_is_locked_out_of_an_exclusive_journal_until_the_first_is_gone() {
    let street = Street::with(SCALE, HostConfig::default(), false);
    let mut first = street.till(&["settle"]);
    first.says("open");
    for _ in 0..3 {
        let mut second = street.till(&["pay", "D2", "INV-1", APPROVES]);
        assert_eq!(second.says("error"), "JournalLocked");
        assert!(second.ends().success());
    }
    assert!(street.ovo.requests().is_empty(), "nothing was sent");
    // Locked for as long as the first lives, and no longer: the lock dies with it.
    first.kill();
    let mut third = street.till(&["pay", "D2", "INV-1", APPROVES]);
    assert_eq!(third.says("told"), "paid");
    assert!(third.ends().success());
    street.close();
}

#[test]
fn mp2_eight_processes_recover_one_journal_and_settle_every_row_once() {
    let street = Street::new(SCALE);
    // Debited or not, no answer ever comes; OVO acknowledges some reversals without doing them.
    let phones: Vec<String> =
        (0..40).map(|it| format!("08120000{}{it:02}", ["91", "92", "95"][it % 3])).collect();
    let mut words = vec!["rush"];
    words.extend(phones.iter().map(String::as_str));
    let mut rush = street.till(&words);
    rush.says("begun");
    until("all pushes arrive", || street.ovo.ledger().len() == phones.len());
    rush.kill();
    for number in (0..phones.len()).step_by(5) {
        let step = ovo_sandbox::Step::on(Operation::Reversal);
        street.ovo.script(step.invoice(&format!("RUSH-{number}")).pretend());
    }
    let tills: Vec<Process> = (0..8).map(|_| street.till(&["settle"])).collect();
    let client = street.shop.open().unwrap();
    ovo_crash::books::settle(&client).unwrap();
    drop(client);
    tills.into_iter().for_each(Process::kill);
    let mix = street.close();
    assert_eq!(mix.of("payments"), 40, "{mix}");
    for number in 0..phones.len() {
        street.nobody_was_early(&format!("RUSH-{number}"));
    }
}

#[test]
fn mp9_a_process_whose_wall_clock_is_an_hour_off_takes_nothing_over_early() {
    for offset in ["-3600000", "3600000"] {
        let host = HostConfig { clock_window_s: 0, date_window_s: 0, ..HostConfig::default() };
        let street = Street::with(0.05, host, true);
        let mut peer = street.till(&["settle", &format!("wall-ahead-ms={offset}")]);
        peer.says("open");
        // The customer takes fifty of the fifty-five seconds.
        let mut owner = street.till(&["pay", "D1", "INV-1", "081200000150"]);
        assert_eq!(owner.says("told"), "paid", "{offset}");
        assert!(owner.ends().success());
        // Nobody looks at this one but the peer.
        let mut rush = street.till(&["rush", PAID_UNHEARD]);
        rush.says("begun");
        street.debited("RUSH-0");
        rush.kill();
        until("the peer settles", || street.heard(Operation::Reversal, "RUSH-0") > 0);
        street.nobody_was_early("RUSH-0");
        peer.kill();
        street.close();
        street.nobody_was_early("INV-1");
    }
}

#[test]
fn mp12_one_invoice_in_four_processes_is_one_push_and_one_outcome() {
    let street = Street::new(SCALE);
    for (invoice, phone) in
        [("INV-1", "081200000140"), ("INV-2", "081200001740"), ("INV-3", PAID_UNHEARD)]
    {
        let mut tills: Vec<Process> =
            (0..4).map(|desk| street.till(&["pay", &format!("D{desk}"), invoice, phone])).collect();
        let told: Vec<String> = tills.iter_mut().map(|till| till.says("told")).collect();
        assert!(told.iter().all(|word| *word == told[0]), "{invoice}: {told:?}");
        assert!(tills.into_iter().all(|till| till.ends().success()));
        assert_eq!(street.heard(Operation::PushToPay, invoice), 1);
    }
    street.close();
}

#[test]
fn mp13_a_customer_with_an_open_payment_in_another_process_is_refused() {
    let street = Street::new(0.05);
    // No answer: open until the check, three seconds later, and on the journal before the push.
    let mut first = street.till(&["rush", PAID_UNHEARD]);
    first.says("begun");
    first.kill();
    let mut second = street.till(&["pay", "D2", "INV-2", PAID_UNHEARD]);
    assert_eq!(second.says("error"), "UnsettledCustomer");
    assert!(second.ends().success());
    street.close();
}
