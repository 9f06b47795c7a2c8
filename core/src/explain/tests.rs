//! Times and sentences; that they agree with OVO's ledger is tested with the sandbox.

use super::text::{clock, took};
use super::*;
use crate::payment::Alert;
use crate::payment::history::{Ended, Entry, History, Meaning, Trouble, What};
use crate::payment::{
    Boottime, Evidence, Intent, ListedFor, PaymentId, Policy, Reversal, State, Verdict,
};
use crate::terminal::Terminal;
use std::time::Duration;

const BEGUN: i64 = 1_767_582_000_000;

fn payment() -> Payment {
    Payment {
        id: PaymentId(1),
        version: 1,
        boot: 1,
        written: WallTime::from_unix_millis(BEGUN),
        intent: Intent {
            invoice: "INV-1".parse().unwrap(),
            amount: Rupiah::new(12_500).unwrap(),
            merchant_id: "M00042".to_owned(),
            terminal: Terminal::new("12345678", "201904085000000", "STORE-7").unwrap(),
            numbers: Numbers::new(36_000, 7).unwrap(),
            phone: None,
            wall: WallTime::from_unix_millis(BEGUN),
        },
        state: State::intent(&Policy::default(), Boottime(5_000), true, 0),
        evidence: Evidence::default(),
        history: History::default(),
    }
}

fn now() -> WallTime {
    WallTime::from_unix_millis(BEGUN + 70_000)
}

#[test]
fn a_plan_needs_no_clock_but_the_row() {
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Abandoned);
    payment.state.settlement = crate::payment::Settlement::Open(Reversal::Needed);
    payment.state.seen = true;
    payment.written = WallTime::from_unix_millis(BEGUN + 65_000);
    payment.state.touched = Boottime(70_000);
    payment.state.due = Some(Boottime(85_000));
    let it = Explanation::of(&payment, now());
    let at = WallTime::from_unix_millis(BEGUN + 80_000);
    assert_eq!(it.next, Some(Next { step: NextStep::Reversal, at }));
    assert!(it.next_text(Language::English).ends_with("by 2026-01-05 10:01:20 WIB"));
    // Nobody settles: the shop is closed, or it has no network.
    let later = Explanation::of(&payment, WallTime::from_unix_millis(BEGUN + 3_600_000));
    assert!(later.next_text(Language::English).contains("due already"));
    assert!(later.next_text(Language::Indonesian).contains("sudah waktunya"));
}

#[test]
fn a_doubted_payment_calls_nobody_before_ovo_was_asked() {
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Quarantined);
    payment.state.settlement = crate::payment::Settlement::Open(Reversal::NotNeeded);
    (payment.state.listed, payment.state.doubted) = (ListedFor::Nothing, true);
    let it = Explanation::of(&payment, now());
    assert_eq!((it.money, it.needs_operator), (Money::Unclear, false));
    assert!(it.money_text(Language::English).contains("OVO is asked first"));
    assert!(it.operator(Language::English).starts_with("Nothing yet"));
    payment.state.overdue_alerts = 1;
    let it = Explanation::of(&payment, now());
    assert!(it.operator(Language::English).contains("`close` once it is clear"), "it may be ruled");
    payment.state.listed = ListedFor::Contradiction;
    let it = Explanation::of(&payment, now());
    assert!(it.needs_operator);
    assert!(it.money_text(Language::English).contains("An operator must find out"));
    assert!(it.operator(Language::English).contains("Look it up at OVO"));
}

#[test]
fn whoever_asked_for_a_void_is_not_told_to_hand_over_the_goods_while_its_end_is_unknown() {
    use crate::payment::{Closer, Settlement, Source, Void};
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.void = Void::Expired;
    payment.state.listed = ListedFor::Contradiction;
    let it = Explanation::of(&payment, now());
    assert!(it.money_text(Language::English).contains("whether its void was carried out"));
    assert!(it.cashier(Language::English).starts_with("Hand over nothing"));
    payment.state.listed = ListedFor::Nothing;
    payment.state.settlement =
        Settlement::Closed { at: Boottime(9_000), by: Closer::Operator, looks: 2 };
    let it = Explanation::of(&payment, now());
    assert_eq!(it.money, Money::ByHand);
    assert!(it.cashier(Language::Indonesian).starts_with("Jangan serahkan barang"));
    // Nobody finds out any more.
    assert!(!it.cashier(Language::English).contains("finds out"));
    assert!(it.cashier(Language::English).contains("dealt with it by hand"));
    assert_eq!(it.operator(Language::English), "Nothing.");
}

/// From the first alert about it on they may end it.
#[test]
fn an_operator_is_told_what_to_do_about_a_void_that_takes_long() {
    use crate::payment::{Settlement, Source, Void};
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(9_000));
    payment.state.void = Void::Unknown;
    assert_eq!(Explanation::of(&payment, now()).operator(Language::English), "Nothing.");
    payment.state.overdue_alerts = 1;
    let it = Explanation::of(&payment, now());
    assert!(it.operator(Language::English).contains("rule `close`"));
}

/// They took the goods back, or never gave them.
#[test]
fn whoever_asked_for_a_void_that_was_refused_is_told_what_is_left_to_do() {
    use crate::payment::{Settlement, Source, Void};
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(9_000));
    payment.state.void = Void::Rejected(crate::message::ResponseCode::new("61").unwrap());
    let it = Explanation::of(&payment, now());
    assert_eq!((it.money, it.needs_operator), (Money::Merchant, false));
    assert!(it.money_text(Language::English).contains("refused the void"));
    assert!(it.cashier(Language::English).contains("the customer has no money back"));
    assert!(it.cashier(Language::Indonesian).contains("uang tidak kembali"));
    assert!(it.operator(Language::English).contains("gets the goods, or the money"));
}

#[test]
fn nothing_promises_that_a_void_returned_the_money_where_ovo_still_shows_the_debit() {
    use crate::payment::{Closer, Outcome, Settlement, Source, Void};
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(9_000));
    (payment.state.void, payment.state.late_paid, payment.state.listed) =
        (Void::Voided, true, ListedFor::Contradiction);
    let it = Explanation::of(&payment, now());
    assert_eq!((it.money, it.needs_operator), (Money::Unclear, true));
    assert!(it.money_text(Language::English).contains("said that it was voided"));
    assert!(it.cashier(Language::English).starts_with("Hand over nothing"));
    assert!(it.operator(Language::English).starts_with("Ask OVO"));
    let Some(outcome) = Outcome::of(&payment) else { panic!("an outcome") };
    assert!(!outcome.customer_text(Language::English).contains("returned"));
    assert!(!outcome.customer_text(Language::Indonesian).contains("dikembalikan"));
    let Outcome::Paid(receipt) = &outcome else { panic!("{outcome:?}") };
    assert!(receipt.is_voided() && receipt.void_doubt().is_some());
    payment.state.listed = ListedFor::Nothing;
    payment.state.settlement =
        Settlement::Closed { at: Boottime(9_000), by: Closer::Operator, looks: 2 };
    assert_eq!(Explanation::of(&payment, now()).money, Money::ByHand);
    payment.state.late_paid = false;
    assert_eq!(Explanation::of(&payment, now()).money, Money::Voided, "carried out behind that");
}

#[test]
fn an_answer_to_a_reversal_is_no_proof_that_nothing_was_debited() {
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Abandoned);
    payment.state.settlement = crate::payment::Settlement::closed(Boottime(9_000));
    let said = |payment: &Payment| {
        Explanation::of(payment, now()).money_text(Language::English).to_owned()
    };
    assert!(said(&payment).contains("no status check has confirmed"), "{}", said(&payment));
    payment.state.seen = true;
    assert_eq!(said(&payment), "The customer is not debited.");
}

#[test]
fn every_step_has_a_line_in_both_languages_and_no_two_are_mixed_up() {
    let whats = [
        What::Sent,
        What::HeldBack,
        What::Time,
        What::Cancelled { heard: true },
        What::Acknowledged,
        What::ReportedPaid,
        What::VoidAsked,
        What::Restarted,
        What::Doubted,
    ];
    let mut history = History::default();
    for (second, what) in whats.iter().enumerate() {
        let since = Duration::from_secs(second as u64);
        let wall = WallTime::from_unix_millis(BEGUN + 1_000 * second as i64);
        history.add(&Entry::new(wall, since, 7, what.clone()));
    }
    let payment = Payment { history, ..payment() };
    let it = Explanation::of(&payment, now());
    for language in [Language::Indonesian, Language::English] {
        let mut lines: Vec<String> = it.story.iter().map(|moment| moment.text(language)).collect();
        assert_eq!(lines.len(), whats.len() + 1);
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), whats.len() + 1, "{lines:#?}");
    }
}

#[test]
fn a_request_tells_how_far_it_came_and_what_it_means() {
    let mut history = History::default();
    let what = What::Exchange {
        operation: crate::message::Operation::CheckPayment,
        ended: Ended::NoAnswer(Trouble::Timeout),
        meaning: Meaning::Nothing,
        took: Duration::from_millis(15_000),
    };
    for round in 0..3 {
        let since = Duration::from_secs(60 + 60 * round);
        let wall = WallTime::from_unix_millis(BEGUN + 60_000 + 60_000 * round as i64);
        let mut entry = Entry::new(wall, since, 7, what.clone());
        entry.alert = Some(Alert::CheckUnavailable);
        history.add(&entry);
    }
    let it = Explanation::of(&Payment { history, ..payment() }, now());
    assert_eq!(
        it.story[1].text(Language::English),
        "check payment: no answer in 15.0 s (time ran out) -> alert: OVO refuses status checks \
         (3 times, last at +3 min)"
    );
    assert_eq!(
        it.story[1].text(Language::Indonesian),
        "cek status pembayaran: tidak ada jawaban dalam 15.0 dtk (waktu habis) -> peringatan: OVO \
         menolak cek status (3 kali, terakhir +3 mnt)"
    );
}

#[test]
fn a_page_loads_nothing_and_shows_no_markup_of_anybody_else() {
    let page = Explanation::of(&payment(), now()).html(Language::Indonesian);
    for loads in ["<script", "<img", "<link", "http://", "https://", "url(", "@import"] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert!(page.contains("default-src 'none'") && page.contains("lang=\"id\""));
    assert_eq!(page.matches('<').count(), page.matches('>').count());
}

#[test]
fn times_are_for_people() {
    let words = Words(Language::English);
    let says = |millis| took(Duration::from_millis(millis), words);
    let said = [180, 12_300, 65_000, 900_000, 7_200_000, 172_800_000].map(says);
    assert_eq!(said, ["0.18 s", "12.3 s", "65.0 s", "15 min", "2 h", "2 d"]);
    let day = WallTime::from_unix_millis(BEGUN);
    assert_eq!(clock(WallTime::from_unix_millis(BEGUN + 1), day), "10:00:00.001");
    let next = WallTime::from_unix_millis(BEGUN + 86_400_000);
    assert_eq!(clock(next, day), "2026-01-06 10:00:00.000");
}

/// What no check has confirmed is not told as known.
#[test]
fn what_no_status_check_has_confirmed_is_not_told_as_known() {
    use crate::message::ResponseCode;
    use crate::payment::{DeclineReason, Settlement, Source, Void};
    let code = |text| ResponseCode::new(text).unwrap();
    let said = |payment: &Payment| Explanation::of(payment, now()).money_text(Language::English);
    for verdict in [Verdict::Abandoned, Verdict::Declined(DeclineReason::Code(code("17")))] {
        let mut payment = payment();
        payment.state.verdict = Some(verdict);
        payment.state.settlement = Settlement::closed(Boottime(300_000));
        payment.state.seen = true;
        assert_eq!(said(&payment), "The customer is not debited.");
        payment.state.check_unavailable = true;
        assert!(said(&payment).contains("no status check has confirmed"), "{verdict:?}");
    }
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(2_000));
    payment.state.void = Void::Rejected(code("63"));
    assert!(!said(&payment).contains("no status check"));
    payment.state.check_unavailable = true;
    assert!(said(&payment).contains("no status check has confirmed that it was not carried out"));
}

/// What is advised can be ruled.
#[test]
fn an_operator_is_told_to_rule_only_what_the_verdict_allows() {
    use crate::payment::{Input, Ruling, Settlement, step};
    let verdicts = [Verdict::Abandoned, Verdict::NotSent, Verdict::Quarantined];
    for verdict in verdicts {
        let mut payment = payment();
        payment.state.verdict = Some(verdict);
        payment.state.settlement = match verdict {
            Verdict::NotSent => Settlement::closed(Boottime(5_000)),
            _ => Settlement::WithOperator,
        };
        payment.state.listed = ListedFor::Contradiction;
        let advice = Explanation::of(&payment, now()).operator(Language::English);
        for (ruling, name) in
            [(Ruling::Paid, "`paid`"), (Ruling::Refund, "`refund`"), (Ruling::Close, "`close`")]
        {
            let policy = Policy::default();
            let ruled = step(&policy, &payment.state, Input::Ruled(ruling), Boottime(900_000));
            let refused = ruled.refused.is_some();
            assert_eq!(advice.contains(name), !refused, "{verdict:?} {name}: {advice}");
        }
    }
}

/// What nothing returns by itself is not promised, neither by the explanation nor by the outcome.
#[test]
fn the_customer_is_promised_nothing_that_waits_for_an_operator_or_was_closed_by_one() {
    use crate::payment::{Closer, Settlement};
    let by = Closer::Operator;
    let closed = Settlement::Closed { at: Boottime(300_000), by, looks: 0 };
    for verdict in [Verdict::Abandoned, Verdict::Quarantined] {
        for (settlement, listed) in [
            (closed, ListedFor::Nothing),
            (Settlement::WithOperator, ListedFor::Nothing),
            (Settlement::closed(Boottime(300_000)), ListedFor::Contradiction),
        ] {
            for cancelled in [false, true] {
                let mut payment = payment();
                payment.state.verdict = Some(verdict);
                (payment.state.settlement, payment.state.listed) = (settlement, listed);
                payment.state.cancelled = cancelled;
                let outcome = Outcome::of(&payment).expect("an outcome");
                let text = outcome.customer_text(Language::English);
                assert!(!text.contains("returned"), "{verdict:?} {settlement:?}: {text}");
                let waits = text.contains("wait");
                assert!(!waits || settlement != closed, "nobody checks it any more: {text}");
                let reason = match &outcome {
                    Outcome::NotCompleted(open) => open.reason().expect("a reason"),
                    Outcome::NeedsOperator(operator) => operator.reason(),
                    _ => panic!("{outcome:?}"),
                };
                assert_eq!(reason.contains("closed"), settlement == closed);
            }
        }
    }
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Abandoned);
    payment.state.settlement = Settlement::Open(Reversal::Needed);
    let Some(Outcome::NotCompleted(open)) = Outcome::of(&payment) else { panic!() };
    assert_eq!(open.reason(), None);
}

#[test]
fn why_a_payment_goes_back_is_the_ruling_where_an_operator_ruled() {
    use crate::payment::{Ruling, Settlement};
    let mut payment = payment();
    payment.state.verdict = Some(Verdict::Abandoned);
    payment.state.settlement = Settlement::Open(Reversal::Needed);
    let why = |payment: &Payment| advice::why(payment, Words(Language::English));
    assert!(why(&payment).contains("No usable answer"));
    let reason = "seen at OVO".to_owned();
    let ruled = What::Ruled { ruling: Ruling::Refund, reason };
    let mut entry = Entry::new(now(), Duration::from_secs(90), 0, ruled);
    // Overdue, and ruled: it is still abandoned for its silence.
    let mut overdue = payment.clone();
    overdue.history.add(&entry);
    assert!(why(&overdue).contains("No usable answer"));
    entry.verdict = Some(Verdict::Abandoned);
    payment.history.add(&entry);
    assert!(why(&payment).contains("an operator ruled"));
    // Nothing goes back by itself any more.
    payment.history = History::default();
    payment.state.cancelled = true;
    assert!(why(&payment).contains("goes back"));
    payment.state.settlement = Settlement::WithOperator;
    assert!(!why(&payment).contains("goes back"));
}
