//! What the journal keeps of a payment's past: all that happened, in order, and nothing more often
//! than it has to be told.

use ovo_checkout::{Fault, Life, Link, Shop, days, hours, invoice, minutes, seconds};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::history::{Ended, Entry, Meaning, Trouble, What};
use ovo_ptp::payment::{Alert, Closer, Request, Rule, Ruling, Settlement, Source, Verdict};
use ovo_sandbox::HostConfig;

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
/// Pays at 10 s, and nobody hears of it.
const PAYS_UNHEARD: &str = "081200009210";

fn exchanges(history: &[Entry], asked: Operation) -> impl Iterator<Item = &Entry> {
    let is_it = move |entry: &&Entry| matches!(entry.what, What::Exchange { operation, .. } if operation == asked);
    history.iter().filter(is_it)
}

fn closes(entry: &Entry) -> bool {
    matches!(entry.settlement, Some(Settlement::Closed { by: Closer::Policy, .. }))
}

#[test]
fn a_plain_payment_has_three_steps_and_each_names_its_rule() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    let history = shop.history("INV-1");
    let [sent, answered, acknowledged] = history.as_slice() else { panic!("{history:#?}") };
    assert_eq!((&sent.what, sent.rule), (&What::Sent, Some(Rule::Sent)));
    let What::Exchange { operation, ended, meaning, took } = answered.what else { panic!() };
    assert_eq!((operation, meaning), (Operation::PushToPay, Meaning::Success));
    assert!(
        matches!(ended, Ended::Answered { status: 200, code: Some(code) } if code.as_str() == "00")
    );
    assert!(sent.since <= took && took <= answered.since, "{sent:?} {answered:?}");
    assert_eq!(answered.verdict, Some(Verdict::Accepted(Source::Push)));
    assert_eq!((answered.rule, answered.alert), (Some(Rule::Approved), None));
    assert_eq!(acknowledged.what, What::Acknowledged);
    assert!(history.iter().all(|entry| entry.client == sent.client && entry.count == 1));
}

#[test]
fn a_receipt_can_be_printed_again_without_anything_about_the_person() {
    let mut shop = Shop::open();
    let outcome = shop.pay("INV-1", APPROVES);
    let ovo_ptp::Outcome::Paid(told) = outcome else { panic!("{outcome:?}") };
    let wallet = told.wallet().expect("the paying call hears of it").clone();
    shop.reopen();
    let Some(ovo_ptp::Outcome::Paid(again)) = shop.report("INV-1").outcome else { panic!() };
    assert_eq!(again.paid_with(), told.paid_with());
    let kept = again.paid_with();
    assert_eq!((&kept.cash, &kept.points), (&wallet.cash_used, &wallet.points_used));
    assert_eq!(kept.points_earned, wallet.points_earned);
    assert!(kept.cash.is_some() && again.wallet().is_none());
}

#[test]
fn a_lost_answer_that_a_check_finds_is_told_with_its_rules() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", PAYS_UNHEARD).is_paid());
    let history = shop.history("INV-1");
    let asked = history.iter().find(|entry| entry.asks == Some(Request::CheckPayment)).unwrap();
    assert_eq!(asked.rule, Some(Rule::Check));
    let after_sent = asked.since - history[0].since;
    assert!(after_sent >= seconds(60.5) && after_sent < seconds(61.5), "{after_sent:?}");
    let found = exchanges(&history, Operation::CheckPayment).next().unwrap();
    assert_eq!(found.rule, Some(Rule::FoundPaid));
    assert_eq!(found.verdict, Some(Verdict::Accepted(Source::Status)));
}

#[test]
fn a_payment_that_nobody_answers_tells_how_its_money_was_settled() {
    let shop = Shop::open();
    assert_eq!(shop.pay("INV-1", IGNORES).name(), "not completed");
    shop.settle_all();
    shop.settle_for(days(3));
    let history = shop.history("INV-1");
    let rules: Vec<&str> = history.iter().filter_map(|it| it.rule).map(Rule::citation).collect();
    for rule in ["3", "9", "13", "14", "15", "16"] {
        assert!(rules.contains(&rule), "rule {rule} of {rules:?}");
    }
    let decided = history.iter().position(|it| it.verdict == Some(Verdict::Abandoned)).unwrap();
    let reversed = exchanges(&history, Operation::Reversal).next().unwrap();
    assert_eq!(history[decided].rule, Some(Rule::TimeUp));
    assert!(history[decided].since <= reversed.since, "decided before it was reversed");
    assert!(history.iter().any(closes));
    // As often as OVO was asked, and in order.
    for operation in [Operation::PushToPay, Operation::CheckPayment, Operation::Reversal] {
        let told: u32 = exchanges(&history, operation)
            .filter(|it| !matches!(it.what, What::Exchange { ended: Ended::NotSent(_), .. }))
            .map(|it| it.count)
            .sum();
        // The push's own exchange may end with the decision, which ends the waiting.
        let least = u32::from(operation != Operation::PushToPay) * shop.heard(operation) as u32;
        assert!(told >= least && told <= shop.heard(operation) as u32, "{operation:?}: {told}");
    }
    assert!(history.windows(2).all(|two| two[0].since <= two[1].since), "{history:#?}");
}

#[test]
fn n18_a_day_without_a_network_is_counted_and_not_listed() {
    let shop = Shop::open();
    shop.later(seconds(30.0), |outside| outside.wire.set_link(Link::BlackHole));
    assert_eq!(shop.pay("INV-1", IGNORES).name(), "not completed");
    shop.settle_for(hours(26));
    let stormy = shop.history("INV-1");
    assert!(stormy.len() < 25, "{} entries", stormy.len());
    let tries: u32 = exchanges(&stormy, Operation::CheckPayment).map(|it| it.count).sum();
    assert!(tries > 50, "{tries} tries");
    let last = exchanges(&stormy, Operation::CheckPayment).filter_map(|it| it.last).max().unwrap();
    assert!(last.0 > hours(20), "and when the last one was");
    assert!(exchanges(&stormy, Operation::CheckPayment).any(|it| matches!(
        it.what,
        What::Exchange { ended: Ended::NotSent(Trouble::Timeout | Trouble::Connect), .. }
    )));
    let alerts = stormy.iter().filter(|it| it.alert.is_some()).count();
    assert!(alerts >= 3, "five minutes, an hour and a day");
    shop.wire.set_link(Link::Up);
    shop.settle_all();
    assert!(shop.history("INV-1").iter().any(closes));
    shop.assert_every_rupiah_agrees();
}

#[test]
fn c4_another_process_that_takes_a_payment_up_is_seen() {
    let mut shop = Shop::open();
    shop.dies_after(seconds(20.0));
    assert!(Life::until_death(|| shop.pay("INV-1", IGNORES)).is_none());
    assert!(shop.history("INV-1").is_empty(), "what was not committed died with its process");
    shop.clock.pass(seconds(1.5));
    shop.reopen();
    assert_eq!(shop.pay("INV-1", IGNORES).name(), "not completed");
    let first = shop.history("INV-1")[0].client;
    shop.clock.pass(minutes(1));
    shop.reopen();
    shop.settle_all();
    let history = shop.history("INV-1");
    assert!(history.iter().any(|entry| entry.client != first), "{history:#?}");
    shop.reboot();
    shop.settle_for(days(2));
    assert!(shop.history("INV-1").iter().any(|entry| entry.what == What::Restarted));
}

#[test]
fn c17_a_cancel_keeps_what_the_waiting_thread_knew() {
    let shop = Shop::open();
    let client = std::sync::Arc::clone(shop.client());
    shop.later(seconds(20.0), move |_| drop(client.cancel(&invoice("INV-1"))));
    assert_eq!(shop.pay("INV-1", IGNORES).name(), "not completed");
    let history = shop.history("INV-1");
    let whats: Vec<&What> = history.iter().map(|entry| &entry.what).collect();
    assert!(matches!(whats[..2], [What::Sent, What::Cancelled { .. }]), "{whats:?}");
    assert_eq!(history[1].rule, Some(Rule::Cancel));
    assert_eq!(whats.iter().filter(|what| ***what == What::Sent).count(), 1);
}

#[test]
fn c3_a_push_that_never_left_says_why() {
    let shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::Unreachable);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not sent");
    let history = shop.history("INV-1");
    let ended = Ended::NotSent(Trouble::Connect);
    assert!(
        matches!(&history[..], [Entry { what: What::Exchange { ended: it, .. }, .. }] if *it == ended)
    );
    assert_eq!(
        (history[0].verdict, history[0].rule),
        (Some(Verdict::NotSent), Some(Rule::NotSent))
    );
}

#[test]
fn op6_a_ruling_is_kept_with_its_reason_and_a_refused_one_is_not() {
    let shop = Shop::open();
    shop.later(seconds(30.0), |outside| outside.wire.set_link(Link::Down));
    shop.pay("INV-1", IGNORES);
    let (client, number) = (shop.client(), invoice("INV-1"));
    assert!(client.rule(&number, Ruling::Close, "too early").is_err());
    shop.settle_for(minutes(10));
    client.rule(&number, Ruling::Close, "OVO support, ticket 4711: not debited").unwrap();
    let history = shop.history("INV-1");
    let ruled: Vec<&Entry> =
        history.iter().filter(|it| matches!(it.what, What::Ruled { .. })).collect();
    let [ruled] = ruled[..] else { panic!("{history:#?}") };
    let What::Ruled { ruling, reason } = &ruled.what else { panic!() };
    assert_eq!(*ruling, Ruling::Close);
    assert_eq!(reason, "OVO support, ticket 4711: not debited");
    assert!(matches!(ruled.settlement, Some(Settlement::Closed { by: Closer::Operator, .. })));
}

#[test]
fn ov18_reversals_without_effect_for_days_are_counted() {
    let config = HostConfig { reversals_ignored: true, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed");
    shop.settle_for(days(4));
    let history = shop.history("INV-1");
    assert!(history.len() < 32 && shop.heard(Operation::Reversal) > 64, "{history:#?}");
    let told: u32 = exchanges(&history, Operation::Reversal).map(|it| it.count).sum();
    assert_eq!(told as usize, shop.heard(Operation::Reversal));
    assert!(history.iter().any(|it| it.alert == Some(Alert::ReversalWithoutEffect)));
}
