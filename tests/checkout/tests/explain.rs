//! What an explanation says must agree with OVO's ledger: for every outcome and every kind of fault,
//! at the outcome, while the money is on its way, and when all is over.

use std::sync::Arc;

use ovo_checkout::{Fault, Life, Link, Shop, days, hours, invoice, minutes, seconds};
use ovo_ptp::explain::{Happened, Money, NextStep};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::history::What;
use ovo_ptp::{
    Explanation, Finding, Language, Listed, Reconciliation, Ruling, Rupiah, SettlementLine,
};
use ovo_sandbox::{HostConfig, Step};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const AMOUNT: i64 = 10_000;

fn on(operation: Operation) -> Step {
    Step::on(operation)
}

fn explained(shop: &Shop) -> Explanation {
    let found = shop.client().explain(&invoice("INV-1")).expect("the journal answers");
    found.expect("the payment is there")
}

/// Holds what is said against the ledger, and looks that it is said whole, in both languages.
fn agrees(shop: &Shop, when: &str) -> Explanation {
    let it = explained(shop);
    let net = shop.net("INV-1");
    match it.money {
        Money::Merchant => assert_eq!(net, AMOUNT, "{when}: said to be the shop's"),
        Money::NotDebited | Money::Returned | Money::Voided => {
            assert_eq!(net, 0, "{when}: said not to be taken: {:?}", it.money);
        }
        // Nothing is claimed: then it must not be over, or an operator must know.
        Money::Waiting
        | Money::SaidNotDebited
        | Money::Unsettled
        | Money::BeingReturned
        | Money::Voiding
        | Money::Unclear => {
            assert!(!it.settled && (it.next.is_some() || it.needs_operator), "{when}: {it:?}");
        }
        other => assert_eq!(other, Money::ByHand, "{when}"),
    }
    let paid = it.outcome.as_ref().is_some_and(ovo_ptp::Outcome::is_paid);
    if it.money == Money::Merchant {
        assert!(paid, "{when}: only what was told as paid is the shop's");
    }
    for language in [Language::Indonesian, Language::English] {
        let text = it.text(language);
        for part in [it.money_text(language), it.why(language), it.cashier(language)] {
            assert!(!part.is_empty() && text.contains(part), "{when}: {text}");
        }
        assert!(text.lines().count() >= 8 + it.story.len(), "{when}: {text}");
        let goods = ["Barang milik pelanggan", "The goods are the customer's"];
        let hands_over = goods.iter().any(|words| it.cashier(language).contains(words));
        assert!(!hands_over || paid, "{when}: goods are handed over only for what is paid");
        let again = ["coba lagi", "try again", "Try again"];
        let invites = again.iter().any(|words| it.cashier(language).contains(words));
        assert!(!invites || (it.settled && net == 0), "{when}: nothing invites a second debit");
        let page = it.html(language);
        assert!(page.starts_with("<!doctype html>") && page.contains("INV-1"));
    }
    it
}

/// One way in which a payment can go.
struct Way {
    name: &'static str,
    phone: &'static str,
    host: fn(&mut HostConfig),
    fault: fn(&Shop),
}

const fn customer(name: &'static str, phone: &'static str) -> Way {
    Way { name, phone, host: |_| {}, fault: |_| {} }
}

const fn fault(name: &'static str, phone: &'static str, fault: fn(&Shop)) -> Way {
    Way { name, phone, host: |_| {}, fault }
}

const PAYS_AT_30: &str = "081200000130";

const WAYS: &[Way] = &[
    customer("approves", APPROVES),
    customer("pays after half a minute", PAYS_AT_30),
    customer("cancels in the app", "081200001730"),
    customer("has no account", "081200001401"),
    customer("cannot be reached", "081200002601"),
    customer("fails", "081200004001"),
    customer("has too little", "081200005101"),
    customer("ignores the prompt", IGNORES),
    customer("ignores it, and no answer comes", "081200009100"),
    customer("pays unheard", "081200009210"),
    customer("is answered behind the check", "081200009303"),
    customer("is called a duplicate", "081200009400"),
    customer("is debited behind the session", "081200009503"),
    customer("is declined and debited", "081200009601"),
    customer("meets a system error", "081200009701"),
    customer("meets a system error and is debited", "081200009801"),
    customer("is debited and cut off", "081200009901"),
    customer("stays pending", "081200006800"),
    customer("is pending, then debited", "081200006930"),
    fault("no connection", APPROVES, |shop| {
        shop.wire.fail(Operation::PushToPay, Fault::Unreachable);
    }),
    fault("lost on the way", APPROVES, |shop| {
        shop.wire.fail(Operation::PushToPay, Fault::LostOnTheWay);
    }),
    fault("broken behind the request", APPROVES, |shop| {
        shop.wire.fail(Operation::PushToPay, Fault::BrokenAfterSend);
    }),
    fault("the answer is lost", APPROVES, |shop| {
        shop.wire.fail(Operation::PushToPay, Fault::AnswerLost);
    }),
    fault("a paused process", APPROVES, |shop| {
        shop.wire.fail(Operation::PushToPay, Fault::PausedBeforeLook(seconds(40.0)));
    }),
    fault("a process paused at the last moment", APPROVES, |shop| {
        shop.wire.fail(Operation::PushToPay, Fault::PausedBeforeSend(seconds(100.0)));
    }),
    fault("a slow connection", APPROVES, |shop| {
        shop.wire.fail(Operation::PushToPay, Fault::SlowConnect(seconds(9.0)));
    }),
    fault("the network goes down", PAYS_AT_30, |shop| {
        shop.later(seconds(10.0), |outside| outside.wire.set_link(Link::Down));
        shop.later(hours(2), |outside| outside.wire.set_link(Link::Up));
    }),
    fault("the network swallows", IGNORES, |shop| {
        shop.later(seconds(10.0), |outside| outside.wire.set_link(Link::BlackHole));
        shop.later(hours(30), |outside| outside.wire.set_link(Link::Up));
    }),
    fault("answers never come back", PAYS_AT_30, |shop| {
        shop.later(seconds(10.0), |outside| outside.wire.set_link(Link::Mute));
        shop.later(minutes(20), |outside| outside.wire.set_link(Link::Up));
    }),
    fault("the credentials are revoked", IGNORES, |shop| {
        shop.later(seconds(30.0), |outside| outside.revoke_credentials(true));
        shop.later(hours(3), |outside| outside.revoke_credentials(false));
    }),
    fault("the shop cancels", PAYS_AT_30, |shop| {
        let client = Arc::clone(shop.client());
        shop.later(seconds(20.0), move |_| drop(client.cancel(&invoice("INV-1"))));
    }),
    Way {
        name: "reversals without effect",
        phone: "081200009503",
        host: |host| host.reversals_ignored = true,
        fault: |_| {},
    },
    Way {
        name: "a check that repeats the decline",
        phone: "081200001730",
        host: |host| host.check_repeats_decline = true,
        fault: |_| {},
    },
    Way {
        name: "no checks in the contract",
        phone: IGNORES,
        host: |host| host.check_contracted = false,
        fault: |_| {},
    },
];

#[test]
fn what_is_said_agrees_with_the_ledger_in_every_fault_and_at_every_time() {
    let mut seen = Vec::new();
    for Way { name, phone, host, fault } in WAYS {
        let mut config = HostConfig::default();
        host(&mut config);
        let shop = Shop::with(config, |builder| builder);
        fault(&shop);
        shop.pay("INV-1", phone);
        seen.push(agrees(&shop, name).money);
        for (wait, when) in [
            (minutes(1), "a minute later"),
            (minutes(3), "settled"),
            (minutes(30), "looked behind"),
            (hours(6), "hours later"),
            (days(3), "over"),
        ] {
            shop.settle_for(wait);
            let it = agrees(&shop, &format!("{name}, {when}"));
            seen.push(it.money);
            // What is over has an end that anybody can book.
            if when == "over" && !it.needs_operator {
                assert!(it.settled && it.next.is_none(), "{name}: {it:?}");
            }
        }
    }
    for money in [
        Money::Merchant,
        Money::NotDebited,
        Money::Returned,
        Money::SaidNotDebited,
        Money::Unsettled,
        Money::BeingReturned,
    ] {
        assert!(seen.contains(&money), "{money:?} never came up: these faults are too tame");
    }
}

#[test]
fn a_payment_that_is_under_way_says_so_and_when_it_ends() {
    let shop = Shop::open();
    let client = Arc::clone(shop.client());
    shop.later(seconds(20.0), move |outside| {
        let it = client.explain(&invoice("INV-1")).unwrap().unwrap();
        assert_eq!((it.money, it.outcome.is_none()), (Money::Waiting, true));
        let next = it.next.unwrap();
        assert_eq!(next.step, NextStep::Check);
        let wait = next.at.unix_millis() - it.asked.unix_millis();
        assert!((0..70_000).contains(&wait), "{wait} ms, at the latest");
        assert_eq!(outside.net("INV-1"), 0);
    });
    assert!(shop.pay("INV-1", PAYS_AT_30).is_paid());
}

#[test]
fn vd1_a_void_is_told_from_its_wish_to_its_end() {
    let shop = Shop::open();
    shop.pay("INV-1", APPROVES);
    shop.wire.fail(Operation::Void, Fault::AnswerLost);
    shop.wire.fail(Operation::CheckVoid, Fault::AnswerLost);
    let _ = shop.client().void(&invoice("INV-1"));
    let under_way = agrees(&shop, "the void's answer is lost");
    assert_eq!(under_way.money, Money::Voiding);
    assert_eq!(under_way.next.map(|next| next.step), Some(NextStep::VoidCheck));
    shop.settle_for(minutes(10));
    assert_eq!(agrees(&shop, "asked again").money, Money::Voided);
}

#[test]
fn what_an_operator_decided_is_told_with_the_reason() {
    let shop = Shop::open();
    shop.later(seconds(30.0), |outside| outside.wire.set_link(Link::Down));
    shop.pay("INV-1", IGNORES);
    shop.settle_for(minutes(10));
    let late = agrees(&shop, "overdue");
    assert_eq!(late.money, Money::Unsettled);
    let reason = "support <b>ticket</b> 4711 & \"co\"";
    shop.client().rule(&invoice("INV-1"), Ruling::Close, reason).unwrap();
    let it = agrees(&shop, "closed by hand");
    assert_eq!((it.money, it.next), (Money::ByHand, None));
    assert!(it.text(Language::English).contains(reason));
    let page = it.html(Language::English);
    assert!(
        !page.contains("<b>")
            && page.contains("&lt;b&gt;ticket&lt;/b&gt; 4711 &amp; &quot;co&quot;")
    );
}

#[test]
fn what_ovo_took_back_of_a_paid_payment_is_not_the_shops_again_because_an_operator_closed_it() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([on(Operation::CheckPayment).times(0).code("73")]);
    shop.settle_for(minutes(5));
    let _ = shop.client().check(&invoice("INV-1"));
    assert_eq!(agrees(&shop, "reversed at OVO").money, Money::Unclear);
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "the customer paid cash").unwrap();
    let it = agrees(&shop, "dealt with by hand");
    assert_eq!((it.money, it.next, it.needs_operator), (Money::ByHand, None, false));
    // Whoever ruled knew that; said again it is no news.
    let _ = shop.client().check(&invoice("INV-1"));
    assert_eq!(agrees(&shop, "reversed at OVO, again").money, Money::ByHand);
}

#[test]
fn a_refused_void_that_was_refunded_by_hand_is_not_told_as_the_shops_money() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    // The void happens, and OVO says that there is nothing to void.
    shop.script([on(Operation::Void).times(0).pretend().code("25")]);
    let _ = shop.client().void(&invoice("INV-1"));
    shop.settle_for(minutes(10));
    assert!(shop.report("INV-1").needs_operator);
    assert_eq!(agrees(&shop, "the void was refused").money, Money::Unclear);
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "refunded by hand").unwrap();
    let it = agrees(&shop, "refunded by hand");
    assert_eq!((it.money, it.needs_operator), (Money::ByHand, false));
    assert_eq!(shop.report("INV-1").settlement, "closed by an operator");
}

/// What a line of OVO's report that says paid comes to.
fn listed_as_paid(shop: &Shop) -> Finding {
    let amount = Rupiah::new(AMOUNT).expect("an amount");
    let says = Listed::Paid(amount);
    let line = SettlementLine { invoice: "INV-1".to_owned(), says, day: None };
    let found = Reconciliation::new().line(&**shop.client(), &line).expect("the journal answers");
    found.expect("a line about money").finding
}

#[test]
fn a_debit_behind_an_operators_ruling_is_told_by_the_report_and_is_theirs_to_return() {
    let shop = Shop::open();
    shop.later(seconds(30.0), |outside| outside.wire.set_link(Link::Down));
    shop.pay("INV-1", IGNORES);
    shop.settle_for(minutes(10));
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "not debited at OVO").unwrap();
    assert_eq!(listed_as_paid(&shop), Finding::ExtraDebit);
    assert_eq!(agrees(&shop, "closed").operator(Language::English), "Nothing.");
    shop.client().report_paid(&invoice("INV-1")).unwrap();
    // Read again it changes nothing more, and the books still differ.
    assert_eq!(listed_as_paid(&shop), Finding::Contradicted);
    let it = agrees(&shop, "debited behind the ruling");
    assert!(it.operator(Language::English).contains("return it by hand"));
}

#[test]
fn a_debit_that_an_operator_knew_of_when_they_closed_it_is_no_news_in_the_report() {
    let host = HostConfig { reversals_ignored: true, ..HostConfig::default() };
    let shop = Shop::with(host, |builder| builder);
    shop.pay("INV-1", "081200009503");
    shop.settle_for(days(2));
    assert_eq!(agrees(&shop, "reversals without effect").money, Money::BeingReturned);
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "returned by bank transfer").unwrap();
    assert_eq!(agrees(&shop, "returned by hand").money, Money::ByHand);
    assert_eq!(listed_as_paid(&shop), Finding::ByHand);
}

#[test]
fn a_contradiction_sends_the_cashier_to_support_and_the_operator_to_ovo() {
    // Another sale answers under the same numbers: see the questions about identity.
    let host = HostConfig { check_contracted: false, ..HostConfig::default() };
    let shop = Shop::with(host, |builder| builder.check_payment(false));
    shop.pay("INV-1", "081200009400");
    let it = agrees(&shop, "a duplicate without checks");
    assert_eq!(it.money, Money::Unclear);
    assert!(it.cashier(Language::English).contains("call support"));
    assert!(it.operator(Language::English).contains("Look it up at OVO"));
}

#[test]
fn a_decline_that_no_check_confirmed_says_so() {
    let confirmed = "no status check has confirmed that";
    for checks in [false, true] {
        let host = HostConfig { check_contracted: checks, ..HostConfig::default() };
        let shop = Shop::with(host, move |builder| builder.check_payment(checks));
        shop.pay("INV-1", "081200001700");
        shop.settle_for(minutes(10));
        let it = agrees(&shop, "declined and closed");
        assert_eq!(it.money, Money::NotDebited);
        assert_eq!(it.text(Language::English).contains(confirmed), !checks, "checks: {checks}");
    }
}

#[test]
fn c4_a_restart_and_another_process_are_part_of_the_story() {
    let mut shop = Shop::open();
    shop.dies_after(seconds(20.0));
    assert!(Life::until_death(|| shop.pay("INV-1", IGNORES)).is_none());
    shop.reopen();
    let bare = agrees(&shop, "nothing was written before it died");
    assert_eq!(bare.story.len(), 1);
    assert!(bare.text(Language::Indonesian).contains("tidak ada riwayat"));
    shop.pay("INV-1", IGNORES);
    shop.clock.pass(minutes(1));
    shop.reopen();
    shop.settle_all();
    let it = agrees(&shop, "settled by another process");
    assert!(it.story.iter().any(|moment| moment.what == Happened::TakenUp), "{it:#?}");
    shop.reboot();
    shop.settle_for(days(2));
    let it = agrees(&shop, "looked at behind a restart");
    let restarted =
        |what: &Happened| matches!(what, Happened::Step(step) if step.what == What::Restarted);
    assert!(it.story.iter().any(|moment| restarted(&moment.what)));
}

#[test]
fn b7_nothing_that_is_said_names_the_customer_or_a_secret() {
    for phone in [APPROVES, "081200009601", IGNORES] {
        let shop = Shop::open();
        shop.pay("INV-1", phone);
        shop.settle_for(hours(1));
        let it = explained(&shop);
        let mut said = vec![it.json(), format!("{it:?}")];
        for language in [Language::Indonesian, Language::English] {
            said.extend([it.text(language), it.html(language)]);
        }
        for text in said {
            for secret in [phone, &phone[1..], "7890", ovo_sandbox::DEMO_APP_KEY] {
                let is_number = secret == "7890" && phone != APPROVES;
                assert!(is_number || !text.contains(secret), "{secret} in {text}");
            }
        }
    }
}

#[test]
fn a_program_reads_the_same_as_a_person() {
    let shop = Shop::open();
    shop.pay("INV-1", IGNORES);
    shop.settle_all();
    let it = explained(&shop);
    let json: serde_json::Value = serde_json::from_str(&it.json()).unwrap();
    assert_eq!(json["invoice"], "INV-1");
    assert_eq!(json["amount"], AMOUNT);
    assert_eq!(json["money"], it.money.name());
    assert_eq!(json["outcome"], "not completed");
    let story = json["story"].as_array().unwrap();
    assert_eq!(story.len(), it.story.len());
    let rules: Vec<&str> = story.iter().filter_map(|step| step["rule"].as_str()).collect();
    assert!(rules.contains(&"13") && rules.contains(&"14"), "{rules:?}");
    let reversal = story.iter().find(|step| step["operation"] == "reversal").unwrap();
    assert_eq!((&reversal["code"], &reversal["http_status"]), (&"00".into(), &200.into()));
    assert_eq!(json["says"]["money"]["en"], it.money_text(Language::English));
}
