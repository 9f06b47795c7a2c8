//! Voids whose answer is lost, refused, late, doubled or untrue (VD1 to VD6, VI1
//! to VI4).

use std::sync::Arc;

use ovo_checkout::{
    Fault, Life, Link, Shop, SimClock, SimWire, days, hours, invoice, minutes, seconds, settled,
};
use ovo_ptp::message::{Language, Operation, ResponseCode};
use ovo_ptp::payment::history::{Entry, What};
use ovo_ptp::payment::{Alert, Ruling, StatusAnswer};
use ovo_ptp::transport::{Exchange, HttpRequest, Transport, Watch};
use ovo_ptp::{ErrorKind, Outcome, VoidOutcome};
use ovo_sandbox::{AnswerOf, AnswerPlan, Delivery, HostConfig, Step};

const APPROVES: &str = "081234567890";

fn void() -> Step {
    Step::on(Operation::Void)
}

fn check_void() -> Step {
    Step::on(Operation::CheckVoid)
}

/// A shop with one paid payment, INV-1.
fn paid() -> Shop {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop
}

fn voided(shop: &Shop) -> VoidOutcome {
    shop.client().void(&invoice("INV-1")).expect("the void begins")
}

fn void_refused(shop: &Shop, text: &str) -> ErrorKind {
    shop.client().void(&invoice(text)).expect_err("refused").kind()
}

fn void_outcome(shop: &Shop) -> VoidOutcome {
    shop.client().check_void(&invoice("INV-1")).expect("a void was asked for")
}

fn is_voided(shop: &Shop) -> bool {
    matches!(shop.report("INV-1").outcome, Some(Outcome::Paid(receipt)) if receipt.is_voided())
}

#[test]
fn vd1_only_a_paid_payment_is_voided() {
    let shop = Shop::open();
    shop.pay("INV-DECLINED", "081200001700");
    shop.pay("INV-IGNORED", "081200009000");
    shop.wire.fail(Operation::PushToPay, Fault::Unreachable);
    shop.pay("INV-UNSENT", APPROVES);
    shop.script([Step::on(Operation::CheckPayment).skip(0).invoice("INV-OLD").code("54")]);
    assert_eq!(shop.pay("INV-OLD", "081200009202").name(), "needs operator");
    for text in ["INV-DECLINED", "INV-IGNORED", "INV-UNSENT", "INV-OLD"] {
        assert_eq!(void_refused(&shop, text), ErrorKind::Refused, "{text}");
    }
    assert_eq!(void_refused(&shop, "INV-NEVER"), ErrorKind::NotFound);
    shop.settle_all();
    for text in ["INV-DECLINED", "INV-IGNORED", "INV-UNSENT", "INV-OLD"] {
        assert_eq!(void_refused(&shop, text), ErrorKind::Refused, "{text}");
    }
    assert_eq!(shop.heard(Operation::Void), 0);
    shop.assert_every_rupiah_agrees_except(&["INV-OLD"]);
}

#[test]
fn vd1_a_payment_under_way_is_not_voided() {
    let shop = Shop::open();
    for at in [5.0, 30.0, 59.0, 62.0, 64.9] {
        let client = Arc::clone(shop.client());
        shop.later(seconds(at), move |_| {
            let refused = client.void(&invoice("INV-1")).expect_err("under way");
            assert_eq!(refused.kind(), ErrorKind::Refused, "{at}");
        });
    }
    assert_eq!(shop.pay("INV-1", "081200009000").name(), "not completed");
    // By another process of the same host: it sees the row, not the thread.
    let other = shop.second_client();
    shop.later(seconds(20.0), move |_| {
        let refused = other.void(&invoice("INV-2")).expect_err("under way");
        assert_eq!(refused.kind(), ErrorKind::Refused);
    });
    assert!(shop.pay("INV-2", "081200000140").is_paid());
    settled(&shop);
    assert_eq!(shop.heard(Operation::Void), 0);
}

#[test]
fn a_void_gives_the_whole_amount_back_once() {
    let shop = paid();
    assert_eq!(voided(&shop), VoidOutcome::Voided);
    assert_eq!(shop.net("INV-1"), 0);
    assert_eq!(voided(&shop), VoidOutcome::Voided, "asked again, told again, not sent again");
    assert!(is_voided(&shop));
    settled(&shop);
    assert_eq!(shop.heard(Operation::Void), 1);
}

/// A process that stands still for 40 s between its commit and its request.
struct StandsStill(Arc<SimWire>, Arc<SimClock>);

impl Transport for StandsStill {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        self.1.pass(seconds(40.0));
        self.0.exchange(request, watch)
    }
}

#[test]
fn vd2_a_void_that_another_process_took_up_meanwhile_is_not_written() {
    let shop = paid();
    let still = shop.client_with(|builder| {
        builder.transport(Arc::new(StandsStill(shop.wire.clone(), shop.clock.clone())))
    });
    let other = shop.second_client();
    shop.later(seconds(35.0), move |outside| {
        other.settle().expect("the journal works");
        // Not found, so sent again.
        assert_eq!(outside.heard(Operation::Void), 1);
    });
    let told = still.void(&invoice("INV-1")).expect("the void begins");
    assert_eq!(told, VoidOutcome::Voided, "the other one's word");
    assert_eq!(shop.heard(Operation::Void), 1, "whoever stood still looks again before it writes");
    settled(&shop);
}

#[test]
fn vd2_a_void_that_worked_and_whose_answer_is_lost_is_found_by_its_check() {
    let lost = [
        void().deliver(Delivery::Hang),
        void().deliver(Delivery::Reset),
        void().answer(AnswerPlan { empty: Some(404), ..AnswerPlan::default() }),
        void().answer(AnswerPlan { html: Some(502), ..AnswerPlan::default() }),
        void().answer(AnswerPlan { delay_ms: 20_000, ..AnswerPlan::default() }),
        void().set("referenceNumber", 999_998),
        void().set("transactionRequestData.merchantInvoice", "INV-2"),
        void().set("responseCode", "ER"),
    ];
    for (number, fault) in lost.into_iter().enumerate() {
        let shop = paid();
        shop.script([fault]);
        assert_eq!(voided(&shop), VoidOutcome::Voided, "fault {number}");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Void), 1, "fault {number}: sent once");
        assert_eq!(shop.heard(Operation::CheckVoid), 1, "fault {number}");
    }
}

#[test]
fn vd2_a_void_that_never_arrived_is_sent_once_more_and_never_a_third_time() {
    let shop = paid();
    shop.script([void().unheard()]);
    assert_eq!(voided(&shop), VoidOutcome::Voided);
    settled(&shop);
    assert_eq!(shop.heard(Operation::Void), 2);

    let shop = paid();
    shop.script([void().times(0).unheard()]);
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    shop.settle_for(hours(20));
    assert_eq!(shop.heard(Operation::Void), 2, "at most one resend");
    assert!(shop.alerted(|alert| *alert == Alert::VoidUnresolved));
    assert!(shop.report("INV-1").needs_operator);
    assert_eq!(shop.client().check_void(&invoice("INV-1")).unwrap(), VoidOutcome::NeedsOperator);
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    assert_eq!(shop.net("INV-1"), 10_000, "told as it is: paid, the void unresolved");
}

/// Whoever is to refund by hand asks OVO first, and hears that it was done.
#[test]
fn vd5_a_void_that_is_left_to_an_operator_is_asked_about_before_it_is_refunded_by_hand() {
    for closed in [false, true] {
        let shop = paid();
        shop.script([void().deliver(Delivery::Hang), check_void().pretend().code("54")]);
        assert_eq!(voided(&shop), VoidOutcome::NeedsOperator);
        if closed {
            shop.client().rule(&invoice("INV-1"), Ruling::Close, "refunded by hand").unwrap();
        }
        assert_eq!(void_outcome(&shop), VoidOutcome::Voided);
        assert!(shop.alerted(|alert| *alert == Alert::VoidedAfterAll), "closed: {closed}");
        assert!(is_voided(&shop) && !shop.report("INV-1").needs_operator);
        settled(&shop);
    }
}

/// What an operator has dealt with needs none, and what OVO never tells is not to be asked again for ever.
#[test]
fn vd5_a_void_that_was_closed_or_that_ovo_never_tells_is_not_called_an_operators() {
    let asked = |shop: &Shop| shop.client().check_void(&invoice("INV-1")).map_err(|e| e.kind());
    let shop = paid();
    let lost = || void().deliver(Delivery::Hang).pretend();
    shop.script([lost(), check_void().pretend().code("54")]);
    assert_eq!(voided(&shop), VoidOutcome::NeedsOperator);
    assert_eq!(asked(&shop), Ok(VoidOutcome::NeedsOperator));
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "refunded in cash").unwrap();
    assert_eq!(asked(&shop), Err(ErrorKind::Refused));

    let host = HostConfig { check_contracted: false, ..HostConfig::default() };
    let shop = Shop::with(host, |builder| builder.check_payment(false));
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([void().deliver(Delivery::Hang)]);
    assert_eq!(voided(&shop), VoidOutcome::NeedsOperator);
    assert_eq!(asked(&shop), Err(ErrorKind::OutsideWindow), "no contract tells it later");
}

/// Silence is no answer: whoever takes it for one refunds what OVO has returned.
#[test]
fn vd5_a_void_that_nobody_could_be_asked_about_is_not_told_as_not_carried_out() {
    let shop = paid();
    let lost = void().deliver(Delivery::Hang);
    shop.script([lost, check_void().pretend().code("54")]);
    assert_eq!(voided(&shop), VoidOutcome::NeedsOperator);
    let asked = || shop.client().check_void(&invoice("INV-1")).map_err(|error| error.kind());
    for (link, kind) in [(Link::Down, ErrorKind::NoAnswer), (Link::Mute, ErrorKind::NoAnswer)] {
        shop.wire.set_link(link);
        assert_eq!(asked(), Err(kind), "{link:?}");
    }
    shop.wire.set_link(Link::Up);
    for (code, kind) in [
        ("54", ErrorKind::OutsideWindow),
        ("58", ErrorKind::NoAnswer),
        ("63", ErrorKind::NoAnswer),
        ("ER", ErrorKind::NoAnswer),
    ] {
        shop.script([check_void().pretend().code(code)]);
        assert_eq!(asked(), Err(kind), "{code}");
    }
    shop.script([check_void().pretend().code("25")]);
    assert_eq!(asked(), Ok(VoidOutcome::NeedsOperator), "OVO was asked, and shows none");
    // The phone is forgotten: nobody can be asked.
    let before = shop.heard(Operation::CheckVoid);
    shop.settle_for(days(3));
    assert_eq!(asked(), Err(ErrorKind::OutsideWindow));
    assert_eq!(shop.heard(Operation::CheckVoid), before);
}

#[test]
fn vd2_neither_void_nor_check_is_answered_for_hours() {
    for heard in [true, false] {
        let shop = paid();
        let link = if heard { Link::Mute } else { Link::BlackHole };
        shop.script([void().deliver(Delivery::Hang)]);
        if !heard {
            shop.wire.fail(Operation::Void, Fault::LostOnTheWay);
        }
        shop.later(seconds(1.0), move |outside| outside.wire.set_link(link));
        assert_eq!(voided(&shop), VoidOutcome::Pending);
        shop.settle_for(hours(2));
        assert_eq!(shop.client().check_void(&invoice("INV-1")).unwrap(), VoidOutcome::Pending);
        shop.wire.set_link(Link::Up);
        settled(&shop);
        assert!(is_voided(&shop), "heard: {heard}");
    }
}

#[test]
fn vd2_a_void_that_could_not_leave_may_be_asked_for_again() {
    let shop = paid();
    shop.wire.set_link(Link::Down);
    assert_eq!(voided(&shop), VoidOutcome::NotSent);
    assert!(!is_voided(&shop));
    shop.settle_for(hours(1));
    shop.assert_every_rupiah_agrees();
    shop.wire.set_link(Link::Up);
    assert_eq!(voided(&shop), VoidOutcome::Voided);
    settled(&shop);
    assert_eq!(shop.heard(Operation::Void), 1);
}

#[test]
fn vd2_a_refused_void_leaves_the_payment_paid() {
    for code in ["13", "58", "63", "EB", "BR", "25"] {
        let shop = paid();
        shop.script([void().unheard().code(code)]);
        assert_eq!(voided(&shop), VoidOutcome::Pending, "OVO may show it some seconds later");
        shop.settle_for(minutes(2));
        assert_eq!(void_outcome(&shop), VoidOutcome::Rejected(ResponseCode::new(code).unwrap()));
        assert!(!is_voided(&shop));
        // At once, a minute behind it, and by whoever asked just now.
        assert_eq!((shop.heard(Operation::Void), shop.heard(Operation::CheckVoid)), (1, 3));
        // OVO knows nothing of a sale that it approved: people find out whose the money is.
        assert_eq!(shop.report("INV-1").needs_operator, code == "25");
        shop.assert_every_rupiah_agrees_except(if code == "25" { &["INV-1"] } else { &[] });
    }
    // Refused for good by the contract.
    let shop = Shop::with(HostConfig { void_contracted: false, ..HostConfig::default() }, |b| b);
    shop.pay("INV-1", APPROVES);
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    settled(&shop);
    assert!(matches!(void_outcome(&shop), VoidOutcome::Rejected(_)));
}

#[test]
fn vd2_n8_a_void_that_was_carried_out_and_refused_is_voided() {
    // The network makes two of it: OVO carries out the first, and the second one's answer is heard.
    for code in ["25", "17", "13"] {
        let mut host = HostConfig::default();
        host.choices.void_again = code.into();
        let shop = Shop::with(host, |builder| builder);
        assert!(shop.pay("INV-1", APPROVES).is_paid());
        shop.script([void().duplicate(50, AnswerOf::Second)]);
        assert_eq!(voided(&shop), VoidOutcome::Voided, "{code}");
        settled(&shop);
        assert!(is_voided(&shop));
        assert_eq!((shop.net("INV-1"), shop.heard(Operation::CheckVoid)), (0, 1));
    }
}

#[test]
fn vd2_a_refused_void_is_pending_until_ovo_says_that_there_is_none() {
    let shop = paid();
    shop.script([void().pretend().code("17"), check_void().times(3).unheard()]);
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    assert_eq!(void_refused(&shop, "INV-1"), ErrorKind::Refused, "one at a time");
    assert_eq!(shop.report("INV-1").settlement, "void under way");
    assert_eq!(shop.unsettled().len(), 1, "OVO is still to be asked");
    settled(&shop);
    assert!(shop.unsettled().is_empty());
    let refused = shop.client().check_void(&invoice("INV-1")).unwrap();
    assert!(matches!(refused, VoidOutcome::Rejected(code) if code.as_str() == "17"));
    assert!(!is_voided(&shop) && shop.report("INV-1").settled);
    // Refused for good, it is asked about no more; a contract that tells nothing of voids has the
    // refusal stand as well.
    assert_eq!(shop.heard(Operation::CheckVoid), 4, "its phone is forgotten");
    for (checks, asked) in [(true, 10), (false, 1)] {
        let host = HostConfig { check_contracted: false, ..HostConfig::default() };
        let shop = Shop::with(host, move |builder| builder.check_payment(checks));
        assert!(shop.pay("INV-1", APPROVES).is_paid());
        shop.script([void().pretend().code("17")]);
        voided(&shop);
        settled(&shop);
        assert!(matches!(void_outcome(&shop), VoidOutcome::Rejected(_)));
        assert_eq!(shop.heard(Operation::CheckVoid), asked);
    }
}

/// One copy is refused, and the other carried out behind the minute in which the refusal comes to count.
#[test]
fn vd2_a_void_that_was_refused_and_carried_out_later_is_voided_to_whoever_asks() {
    let shop = paid();
    shop.script([void().code("61"), check_void().times(2).pretend().code("25")]);
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    shop.settle_for(minutes(2));
    assert_eq!(shop.report("INV-1").settlement, "settled, void rejected");
    assert_eq!(void_outcome(&shop), VoidOutcome::Voided);
    assert!(shop.alerted(|alert| *alert == Alert::VoidedAfterAll));
    assert!(is_voided(&shop) && !shop.report("INV-1").needs_operator);
    assert_eq!(shop.net("INV-1"), 0);
}

#[test]
fn vd2_a_void_that_ovo_refused_carried_out_and_shows_late_is_voided() {
    // Nothing that OVO says of a void in the second of its refusal says that there is none.
    for first in ["25", "58", "63", "96", "EB"] {
        for refusal in ["61", "63"] {
            let shop = paid();
            shop.script([void().code(refusal), check_void().pretend().code(first)]);
            assert_eq!(voided(&shop), VoidOutcome::Pending, "{first}");
            settled(&shop);
            assert_eq!(void_outcome(&shop), VoidOutcome::Voided, "{refusal}, then {first}");
            assert_eq!(shop.net("INV-1"), 0);
        }
    }
    let shop = paid();
    shop.script([void().code("61"), check_void().pretend().code("54")]);
    assert_eq!(voided(&shop), VoidOutcome::NeedsOperator, "OVO can tell nothing any more");
}

#[test]
fn vd2_a_resend_that_is_refused_because_the_first_one_worked_is_voided() {
    // The first void is heard late, behind the check that does not find it yet; the resend is then
    // refused as a second void.
    for queue_ms in [15_500, 16_000, 20_000, 60_000] {
        let shop = paid();
        shop.script([void().queue_ms(queue_ms)]);
        let told = voided(&shop);
        assert!(matches!(told, VoidOutcome::Voided | VoidOutcome::Pending), "{told:?}");
        settled(&shop);
        assert!(is_voided(&shop), "{queue_ms}");
        assert!(shop.heard(Operation::Void) <= 2);
    }
}

#[test]
fn vd3_a_void_just_before_the_cut_off_is_settled_after_midnight_by_its_status() {
    let shop = paid();
    shop.clock.pass_until_wib(23, 57, 50);
    shop.script([void().deliver(Delivery::Hang)]);
    shop.later(seconds(5.0), |outside| outside.wire.set_link(Link::Down));
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    shop.settle_for(minutes(6));
    shop.wire.set_link(Link::Up);
    settled(&shop);
    assert!(is_voided(&shop));
    assert_eq!(shop.heard(Operation::Void), 1);
}

#[test]
fn vd3_a_void_that_did_not_arrive_before_midnight_is_never_sent_the_next_day() {
    for (hour, minute, second) in [(23, 57, 30), (23, 57, 50), (23, 57, 59)] {
        let shop = paid();
        shop.clock.pass_until_wib(hour, minute, second);
        shop.wire.fail(Operation::Void, Fault::LostOnTheWay);
        shop.later(seconds(5.0), |outside| outside.wire.set_link(Link::Down));
        assert_eq!(voided(&shop), VoidOutcome::Pending);
        shop.settle_for(minutes(6));
        shop.wire.set_link(Link::Up);
        shop.settle_for(hours(12));
        assert_eq!(shop.heard(Operation::Void), 0, "the one that left was lost");
        assert!(shop.alerted(|alert| *alert == Alert::VoidUnresolved));
        shop.assert_every_rupiah_agrees_except(&["INV-1"]);
        assert_eq!(shop.net("INV-1"), 10_000);
        assert_eq!(void_refused(&shop, "INV-1"), ErrorKind::Refused, "the day is over");
    }
}

#[test]
fn vd3_a_client_that_does_not_know_ovos_time_lets_ovo_decide() {
    for (hour, minute, second, voids) in [(23, 59, 30, true), (23, 59, 59, false), (0, 0, 1, false)]
    {
        let mut shop = paid();
        shop.clock.pass_until_wib(hour, minute, second);
        shop.reopen();
        match shop.client().void(&invoice("INV-1")) {
            Ok(VoidOutcome::Voided) => assert!(voids),
            Ok(_) => assert!(!voids, "{hour}:{minute}:{second}"),
            Err(error) => panic!("{error}"),
        }
        shop.settle_for(hours(1));
        let stuck: &[&str] = if voids { &[] } else { &["INV-1"] };
        shop.assert_every_rupiah_agrees_except(stuck);
        assert_eq!(shop.net("INV-1"), if voids { 0 } else { 10_000 });
    }
}

#[test]
fn vd4_no_process_ever_reverses_a_payment_that_is_being_voided() {
    let shop = paid();
    let peers: Vec<_> = (0..3).map(|_| shop.second_client()).collect();
    shop.script([void().deliver(Delivery::Hang), check_void().times(5).unheard()]);
    for at in 1..20 {
        let peers = peers.clone();
        shop.later(seconds(f64::from(at)), move |_| {
            for peer in &peers {
                peer.settle().expect("settles");
                let _ = peer.report_paid(&invoice("INV-1"));
                let _ = peer.void(&invoice("INV-1"));
            }
        });
    }
    voided(&shop);
    settled(&shop);
    assert!(is_voided(&shop));
    assert_eq!(shop.heard(Operation::Reversal), 0);
    assert_eq!(shop.heard(Operation::Void), 1);
}

#[test]
fn vd5_a_second_void_while_the_first_is_unknown_is_refused() {
    let shop = paid();
    shop.script([void().deliver(Delivery::Hang), check_void().times(4).unheard()]);
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    assert_eq!(void_refused(&shop, "INV-1"), ErrorKind::Refused);
    let other = shop.second_client();
    assert_eq!(other.void(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Refused);
    settled(&shop);
    assert!(is_voided(&shop));
    assert_eq!(shop.heard(Operation::Void), 1);
}

#[test]
fn vd5_two_processes_that_void_at_once_send_one_void() {
    let shop = paid();
    let other = shop.second_client();
    shop.script([void().at_ms(5_000)]);
    shop.later(seconds(1.0), move |_| {
        assert_eq!(other.void(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Refused);
    });
    assert_eq!(voided(&shop), VoidOutcome::Voided);
    settled(&shop);
    assert_eq!(shop.heard(Operation::Void), 1);
}

#[test]
fn vd2_vi2_a_process_that_dies_of_a_void_at_any_moment_ends_voided_or_paid() {
    for mute in [false, true] {
        for moment in 0.. {
            let mut shop = paid();
            if mute {
                shop.script([void().deliver(Delivery::Hang)]);
            }
            shop.life.ends_after(moment);
            let told = Life::until_death(|| voided(&shop));
            let died = told.is_none();
            shop.clock.pass(seconds(20.0));
            if moment % 2 == 0 {
                shop.reboot()
            } else {
                shop.reopen()
            }
            settled(&shop);
            assert!(died || is_voided(&shop));
            assert!(shop.heard(Operation::Void) <= 2);
            assert_eq!(shop.heard(Operation::Reversal), 0);
            if !died {
                assert!(moment > 4, "the moments were not met");
                break;
            }
        }
    }
}

#[test]
fn a_void_is_shown_to_the_one_who_asks_again_for_the_payment() {
    let shop = paid();
    voided(&shop);
    let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("it was paid") };
    assert!(receipt.is_voided());
    assert_eq!(shop.heard(Operation::PushToPay), 1);
    settled(&shop);
}

#[test]
fn a_void_of_nothing_is_not_checked() {
    let shop = paid();
    let error = shop.client().check_void(&invoice("INV-1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(voided(&shop), VoidOutcome::Voided);
    assert_eq!(shop.client().check_void(&invoice("INV-1")).unwrap(), VoidOutcome::Voided);
    assert_eq!(shop.heard(Operation::CheckVoid), 0);
}

#[test]
fn j18_a_void_whose_answer_the_journal_cannot_take_is_pending_and_never_an_error() {
    for (written, heard) in [(false, true), (true, true), (false, false), (true, false)] {
        let shop = paid();
        if !heard {
            shop.wire.fail(Operation::Void, Fault::AnswerLost);
        }
        // The void is durable; then nothing is for a while.
        shop.disk.fails(1, 1_000, written);
        assert_eq!(voided(&shop), VoidOutcome::Pending, "{written}, {heard}");
        assert_eq!(shop.net("INV-1"), 0, "OVO has voided it");
        shop.disk.is_mended();
        settled(&shop);
        assert!(is_voided(&shop), "and that is found: {written}, {heard}");
        assert_eq!(shop.heard(Operation::Void), 1);
    }
}

#[test]
fn j18_a_void_that_may_be_in_the_journal_is_pending_and_one_that_is_not_an_error() {
    let shop = paid();
    shop.disk.fails(0, 1, false);
    let error = shop.client().void(&invoice("INV-1")).unwrap_err();
    assert!(error.is_journal(), "nothing was written, nothing will be sent: {error}");
    assert_eq!(shop.client().check_void(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Refused);
    shop.settle_for(minutes(10));
    assert!(!is_voided(&shop));
    // Nobody knows how this commit ended; the row has it, and so it is sent.
    shop.disk.fails(0, 1, true);
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    settled(&shop);
    assert!(is_voided(&shop));
    assert_eq!(shop.heard(Operation::Void), 1);
}

#[test]
fn vd6_a_void_that_ovo_acknowledges_and_does_not_carry_out_is_an_operators_case() {
    let shop = paid();
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    shop.clock.pass(minutes(5));
    shop.script([void().pretend()]);
    assert_eq!(voided(&shop), VoidOutcome::Voided);
    let at_ovo = || shop.client().check(&invoice("INV-1")).unwrap().at_ovo;
    let early = shop.client().check(&invoice("INV-1")).unwrap();
    assert_eq!(early.at_ovo, StatusAnswer::Paid);
    assert!(!shop.report("INV-1").needs_operator, "OVO's record may lag behind its answer");
    let wait = early.ask_again.expect("it does not count yet");
    assert!(seconds(50.0) < wait && wait <= seconds(60.0), "{wait:?}");
    let heard = shop.history("INV-1");
    let asked =
        |it: &Entry| matches!(it.what, What::Exchange { operation: Operation::CheckPayment, .. });
    assert!(heard.iter().any(asked), "and it is written down: {heard:#?}");
    shop.clock.pass(seconds(61.0));
    assert_eq!(at_ovo(), StatusAnswer::Paid);
    assert!(shop.alerted(|alert| *alert == Alert::VoidWithoutEffect && alert.is_critical()));
    let report = shop.report("INV-1");
    assert_eq!((report.settlement, report.needs_operator), ("waits for an operator", true));
    assert_eq!(shop.client().unacknowledged().unwrap().len(), 1, "the caller hears of it again");
    assert!(is_voided(&shop), "it is no sale");
    let shown = report.outcome.map(|outcome| outcome.customer_text(Language::English));
    assert_eq!(shown, Some("Staff deal with this payment. Ask the cashier."));
    // Nothing is sent for it, and nobody is told any more that the money went back.
    assert_eq!(void_refused(&shop, "INV-1"), ErrorKind::Refused);
    assert_eq!(void_outcome(&shop), VoidOutcome::NeedsOperator);
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    shop.settle_for(days(3));
    assert_eq!((shop.heard(Operation::Void), shop.heard(Operation::Reversal)), (1, 0));
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "returned by OVO, case 4711").unwrap();
    let closed = shop.report("INV-1");
    assert_eq!((closed.settlement, closed.needs_operator), ("closed by an operator", false));
}

#[test]
fn vd2_who_asks_again_for_a_sale_whose_void_is_open_or_unknown_is_told_so() {
    let shop = paid();
    let again = || {
        let outcome = shop.pay("INV-1", APPROVES);
        let shown = outcome.customer_text(Language::English);
        let Outcome::Paid(receipt) = outcome else { panic!("told as paid stays so") };
        (receipt.void_doubt(), shown)
    };
    assert_eq!(again(), (None, "Payment received."));
    // Carried out or not: no check of it is answered.
    shop.script([void().unheard(), check_void().times(1_000).unheard()]);
    assert_eq!(voided(&shop), VoidOutcome::Pending);
    let (doubt, shown) = again();
    assert!(doubt.is_some_and(|why| why.contains("under way")), "{doubt:?}");
    assert!(shown.contains("please wait"), "{shown}");
    shop.settle_for(days(8));
    assert!(shop.report("INV-1").needs_operator && !is_voided(&shop));
    let (doubt, shown) = again();
    assert!(doubt.is_some_and(|why| why.contains("an operator finds out")), "{doubt:?}");
    assert_eq!(shown, "Staff deal with this payment. Ask the cashier.");
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "OVO refunded it, case 4711").unwrap();
    let (doubt, shown) = again();
    assert!(doubt.is_some_and(|why| why.contains("dealt with by hand")), "{doubt:?}");
    assert_eq!(shown, "Staff deal with this payment. Ask the cashier.");
}

#[test]
fn vd6_a_late_acknowledgement_swallows_nothing_that_was_found_since() {
    for contradiction in ["73", "a void without effect"] {
        let shop = paid();
        let told = invoice("INV-1");
        if contradiction == "73" {
            shop.script([Step::on(Operation::CheckPayment).code("73")]);
        } else {
            shop.script([void().pretend()]);
            assert_eq!(voided(&shop), VoidOutcome::Voided);
        }
        shop.clock.pass(minutes(2));
        // The operator's command line finds it; the till books what it was told two minutes ago.
        shop.second_client().check(&told).unwrap();
        let refused = shop.client().acknowledge(&told).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{contradiction}");
        let [waiting] = &shop.client().unacknowledged().unwrap()[..] else { panic!("listed") };
        assert!(waiting.needs_operator, "{contradiction}");
        shop.client().acknowledge(&told).unwrap();
        assert!(shop.client().unacknowledged().unwrap().is_empty());
        shop.client().acknowledge(&told).unwrap();
    }
}

#[test]
fn vd6_a_record_that_lags_behind_a_void_troubles_nobody() {
    let shop = paid();
    shop.clock.pass(minutes(5));
    assert_eq!(voided(&shop), VoidOutcome::Voided);
    shop.clock.pass(seconds(5.0));
    shop.script([Step::on(Operation::CheckPayment).lag_ms(20_000)]);
    assert_eq!(shop.client().check(&invoice("INV-1")).unwrap().at_ovo, StatusAnswer::Paid);
    assert!(!shop.report("INV-1").needs_operator);
    shop.clock.pass(minutes(2));
    assert_eq!(shop.client().check(&invoice("INV-1")).unwrap().at_ovo, StatusAnswer::NotFound);
    assert!(is_voided(&shop));
    settled(&shop);
}
