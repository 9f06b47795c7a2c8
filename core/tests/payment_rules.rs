//! The policy, rule by rule: policy 2.3 as sentences. Pure: no clock, no journal, no network.

use std::time::Duration;

use ovo_ptp::message::ResponseCode;
use ovo_ptp::payment::{
    Alert, Boottime, DeclineReason, Input, LateSuccess, Policy, PushAnswer, Refusal, Request,
    Reversal, ReversalAnswer, Rule, Ruling, Settlement, Source, State, StatusAnswer, Step, Timers,
    Verdict, Void, VoidAnswer, step,
};

/// A payment under test: steps events and keeps the state, as a journal would.
#[derive(Clone)]
struct Case {
    policy: Policy,
    state: State,
    now: Boottime,
}

const SECOND: u64 = 1000;

fn code(text: &str) -> ResponseCode {
    ResponseCode::new(text).expect("a code")
}

impl Case {
    /// An Intent at time zero whose push left at once.
    fn sent() -> Case {
        Case::with(Policy::default())
    }

    fn with(policy: Policy) -> Case {
        let now = Boottime(1_000_000);
        let mut case = Case { policy, state: State::intent(&policy, now, true, 7), now };
        case.does(Input::Sent);
        case
    }

    fn without_checks() -> Case {
        Case::with(Policy { check_payment: false, ..Policy::default() })
    }

    fn does(&mut self, input: Input) -> Step {
        let step = step(&self.policy, &self.state, input, self.now);
        self.state = step.state;
        step
    }

    /// Moves to `seconds` after the push's last byte and lets what is due happen.
    fn at(&mut self, seconds: f64) -> Step {
        self.now = self.state.window.plus(Duration::from_secs_f64(seconds));
        self.does(Input::Due)
    }

    /// Lets the next due thing happen, whenever that is. What only waits for its pause is none.
    fn next(&mut self) -> Step {
        loop {
            let before = self.state;
            self.now = self.now.max(self.state.due.expect("something is due"));
            let step = self.does(Input::Due);
            let waits = State { due: before.due, touched: before.touched, ..self.state } == before;
            if !waits || step.send.is_some() || step.alert.is_some() {
                return step;
            }
        }
    }

    /// The next request, past the alerts that come before it.
    fn next_request(&mut self) -> Option<Request> {
        (0..10).find_map(|_| self.next().send)
    }

    fn checked(&mut self, answer: StatusAnswer) -> Step {
        let issued = self.now;
        self.now = self.now.plus(Duration::from_millis(40));
        self.does(Input::Checked { issued, answer, waiting: true })
    }

    fn reversed(&mut self, answer: ReversalAnswer) -> Step {
        let issued = self.now;
        self.now = self.now.plus(Duration::from_millis(40));
        self.does(Input::Reversed { issued, answer })
    }

    /// Ignored by the customer, checked as not found, decided and reversed.
    fn reversed_once(mut self) -> Case {
        assert_eq!(self.at(60.5).send, Some(Request::CheckPayment));
        self.checked(StatusAnswer::NotFound);
        self.at(65.0);
        assert_eq!(self.state.verdict, Some(Verdict::Abandoned));
        assert_eq!(self.next().send, Some(Request::Reversal));
        self.reversed(ReversalAnswer::Acknowledged);
        assert!(matches!(self.state.settlement, Settlement::Open(Reversal::Acknowledged(_))));
        self
    }

    /// Called duplicate or vouched for by nobody: not found twice, and left alone until the check that
    /// closes.
    fn left_alone(mut self) -> Case {
        self.at(60.5);
        self.checked(StatusAnswer::NotFound);
        self.at(65.0);
        assert_eq!(self.state.verdict, Some(Verdict::Abandoned));
        assert_eq!(self.next().send, Some(Request::CheckPayment));
        self.checked(StatusAnswer::NotFound);
        assert_eq!(self.state.settlement, Settlement::Open(Reversal::NotNeeded));
        assert_eq!(self.next().send, Some(Request::CheckPayment), "the one that closes");
        assert_eq!(self.seconds_after_push(self.now), 180);
        self
    }

    fn seconds_after_push(&self, instant: Boottime) -> u64 {
        instant.since(self.state.window).as_secs()
    }
}

#[test]
fn rule_02_and_04_a_push_that_wrote_no_byte_is_not_sent_and_over() {
    let mut case = Case::sent();
    case.does(Input::NotSent);
    assert_eq!(case.state.verdict, Some(Verdict::NotSent));
    assert!(case.state.is_closed());
    assert!(case.state.phone_forgotten);
    assert_eq!(case.state.due, None, "no status or reversal traffic");
}

#[test]
fn rule_03_a_push_may_be_written_for_twenty_seconds_and_for_five_of_a_ready_connection() {
    let policy = Policy::default();
    let intent = State::intent(&policy, Boottime(0), true, 0);
    let at = Boottime;
    assert!(intent.may_send(&policy, at(0), at(5 * SECOND)));
    assert!(!intent.may_send(&policy, at(0), at(5 * SECOND + 1)), "it stood still, connected");
    assert!(intent.may_send(&policy, at(15 * SECOND), at(20 * SECOND)));
    assert!(!intent.may_send(&policy, at(20 * SECOND), at(20 * SECOND + 1)));
}

#[test]
fn rule_03_a_push_may_be_written_only_undecided() {
    let policy = Policy::default();
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    assert!(!case.state.may_send(&policy, case.now, case.now));
}

#[test]
fn rule_05_an_approved_push_is_accepted_and_closed() {
    let mut case = Case::sent();
    let step = case.does(Input::Answered(PushAnswer::Approved));
    assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Push)));
    assert_eq!(step.send, None);
    assert!(case.state.is_closed());
}

#[test]
fn rule_06_a_decline_is_told_and_verified_by_a_late_check() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    assert_eq!(case.state.verdict, Some(Verdict::Declined(DeclineReason::Code(code("17")))));
    assert_eq!(case.seconds_after_push(case.state.due.unwrap()), 180);
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::NotFound);
    assert!(case.state.is_closed());
}

#[test]
fn rule_06_code_26_is_verified_even_where_declines_are_trusted() {
    let trusting = Policy { verify_declines: false, ..Policy::default() };
    let mut case = Case::with(trusting);
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    assert!(case.state.is_closed());
    let mut case = Case::with(trusting);
    case.does(Input::Answered(PushAnswer::Declined(code("26"))));
    assert!(!case.state.is_closed());
}

#[test]
fn rule_07_a_duplicate_code_is_no_decline() {
    let mut case = Case::sent();
    let step = case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    assert_eq!(case.state.verdict, None);
    assert!(case.state.duplicate_hint);
    assert_eq!(step.alert, Some(Alert::DuplicateNumbers(code("94"))));
}

#[test]
fn rule_08_anything_unclear_waits_for_the_clock() {
    for answer in [PushAnswer::Unknown, PushAnswer::WrongEcho(ovo_ptp::message::Mismatch::Amount)] {
        let mut case = Case::sent();
        case.does(Input::Answered(answer));
        assert_eq!(case.state.verdict, None);
        assert_eq!(case.at(59.0).send, None);
    }
}

#[test]
fn rule_09_one_status_check_at_60_5_seconds_and_no_second_before_the_decision() {
    let mut case = Case::sent();
    assert_eq!(case.at(60.4).send, None);
    assert_eq!(case.at(60.5).send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::NoAnswer);
    assert_eq!(case.at(64.9).send, None);
    assert_eq!(case.state.verdict, None);
}

#[test]
fn rule_10_a_success_found_by_the_check_is_accepted_while_the_caller_waits() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::Paid);
    assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Status)));
}

#[test]
fn rule_10_a_success_nobody_waits_for_is_refunded() {
    let mut case = Case::sent();
    case.at(60.5);
    let issued = case.now;
    case.does(Input::Checked { issued, answer: StatusAnswer::Paid, waiting: false });
    assert_eq!(case.state.verdict, None);
    case.at(65.0);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    assert_eq!(case.next().send, Some(Request::Reversal));
}

#[test]
fn rule_10_a_merchant_may_reject_late_successes() {
    let mut case = Case::with(Policy { late_success: LateSuccess::Reverse, ..Policy::default() });
    case.at(60.5);
    case.checked(StatusAnswer::Paid);
    assert_eq!(case.state.verdict, None, "still to be decided at 65 s, never before (I8)");
    case.at(65.0);
    assert_eq!(case.next().send, Some(Request::Reversal));
    // A late answer of the push itself is another matter: it came before the decision.
    let mut case = Case::with(Policy { late_success: LateSuccess::Reverse, ..Policy::default() });
    case.at(60.5);
    case.does(Input::Answered(PushAnswer::Approved));
    assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Push)));
}

#[test]
fn rule_11_numbers_of_another_sale_are_declined_and_never_reversed() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    case.at(60.5);
    let step = case.checked(StatusAnswer::ForeignSale);
    assert_eq!(case.state.verdict, Some(Verdict::Declined(DeclineReason::ForeignSale)));
    assert_eq!(step.alert, Some(Alert::ForeignSale));
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::ForeignSale);
    assert!(case.state.is_closed());
    assert_eq!(case.state.reversals.count, 0);
}

#[test]
fn rule_11_without_a_duplicate_code_another_sale_is_an_operators_case() {
    // Our push may have been executed under numbers that name another sale as well.
    let mut case = Case::sent();
    case.at(60.5);
    let step = case.checked(StatusAnswer::ForeignSale);
    assert_eq!(case.state.verdict, Some(Verdict::Quarantined));
    assert_eq!(step.alert, Some(Alert::Doubtful), "it may be debited: somebody is woken");
    assert!(case.state.may_still_debit(), "no second push to this customer");
    assert_eq!(case.next().send, None);
}

#[test]
fn rule_11_a_doubtful_identity_is_quarantined_and_moves_no_money() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::Doubtful);
    assert_eq!(case.state.verdict, Some(Verdict::Quarantined));
    assert!(case.state.needs_operator());
    let step = case.next();
    assert_eq!(step.send, None);
    assert!(case.state.phone_forgotten);
}

#[test]
fn rule_12_a_payment_that_ovo_already_reversed_is_abandoned_without_a_reversal_of_ours() {
    let mut case = Case::sent();
    case.at(60.5);
    let step = case.checked(StatusAnswer::Reversed);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    assert_eq!(step.alert, Some(Alert::ForeignReversal));
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    assert_eq!(case.seconds_after_push(case.now), 180);
}

#[test]
fn rule_13_at_65_seconds_without_an_answer_the_payment_is_abandoned() {
    let mut case = Case::sent();
    case.at(60.5);
    let step = case.at(65.0);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    assert_eq!(step.send, None, "the verdict is a commit of its own before any reversal (P3)");
}

#[test]
fn rule_14_reversals_go_on_without_end_and_ever_more_slowly() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::NotFound);
    case.at(65.0);
    let mut last = case.now;
    let mut waits = Vec::new();
    for _ in 0..40 {
        assert_eq!(case.next_request(), Some(Request::Reversal));
        waits.push(case.now.since(last).as_secs());
        last = case.now;
        case.reversed(ReversalAnswer::Again(None));
    }
    assert_eq!(waits[0], 0, "the first at once");
    assert!((12..=18).contains(&waits[1]) && (12..=18).contains(&waits[2]), "{waits:?}");
    assert!(waits[39] >= 720 && waits[39] <= 1080, "15 min +- 20 %: {waits:?}");
}

#[test]
fn rule_14b_no_reversal_before_the_numbers_were_seen_to_be_ours() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::NoAnswer);
    case.at(65.0);
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::NotFound);
    assert_eq!(case.next().send, Some(Request::Reversal));
}

#[test]
fn rule_14b_a_foreign_sale_seen_at_the_gate_is_never_reversed() {
    let mut case = Case::sent();
    // OVO did not execute our push.
    case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    case.at(60.5);
    case.at(65.0);
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::ForeignSale);
    assert_eq!(case.state.settlement, Settlement::Open(Reversal::NotNeeded));
    case.next();
    assert_eq!(case.next().send, Some(Request::CheckPayment), "the closing check");
    case.checked(StatusAnswer::ForeignSale);
    assert!(case.state.is_closed());
}

#[test]
fn rule_11_a_foreign_sale_seen_behind_the_decision_is_for_an_operator() {
    let mut case = Case::sent();
    case.at(60.5);
    case.at(65.0);
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    let step = case.checked(StatusAnswer::ForeignSale);
    assert_eq!((step.send, step.alert), (None, Some(Alert::Doubtful)));
    assert_eq!(case.state.settlement, Settlement::WithOperator);
    // Whoever knows that the customer is debited does not know what a reversal would hit (I10).
    let step = case.does(Input::Ruled(Ruling::Refund));
    assert_eq!((step.refused, step.send), (Some(Refusal::NumbersDoubted), None));
    case.at(600.0);
    assert_eq!(case.does(Input::Ruled(Ruling::Close)).refused, None);
    assert!(case.state.is_closed() && case.state.reversals.count == 0);
}

/// Of two sales under one pair of numbers a void by number may return the other one's money.
#[test]
fn rule_18_no_void_leaves_under_numbers_that_may_be_another_sales() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::ForeignSale);
    case.at(600.0);
    assert_eq!(case.does(Input::Ruled(Ruling::Paid)).refused, None);
    let step = case.does(Input::VoidAsked { in_time: true });
    assert_eq!((step.refused, step.send), (Some(Refusal::NumbersDoubted), None));
}

/// Behind a reversal of ours it may be that sale that was returned.
#[test]
fn rule_15_another_sale_behind_our_reversal_is_an_operators_case() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    case.at(60.5);
    case.at(65.0);
    case.does(Input::Answered(PushAnswer::Approved));
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    case.checked(StatusAnswer::Paid);
    assert_eq!(case.next_request(), Some(Request::Reversal));
    case.reversed(ReversalAnswer::Acknowledged);
    assert_eq!(case.next_request(), Some(Request::CheckPayment), "the closing check");
    let step = case.checked(StatusAnswer::ForeignSale);
    assert_eq!((step.alert, step.send), (Some(Alert::Doubtful), None));
    assert!(case.state.needs_operator());
}

#[test]
fn rule_18_a_void_whose_end_is_never_known_is_not_sent_again() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    // For an hour it may be a passing error.
    for _ in 0..10 {
        assert_eq!(case.state.void, Void::Unknown);
        assert_eq!(case.next_request(), Some(Request::CheckVoid));
        let (issued, answer) = (case.now, StatusAnswer::Unavailable);
        case.does(Input::VoidChecked { issued, answer, in_time: true });
    }
    assert_eq!(case.state.void, Void::Expired);
    let again = Input::VoidAsked { in_time: true };
    assert_eq!(case.does(again).refused, Some(Refusal::OperatorRefunds));
    case.does(Input::Ruled(Ruling::Close));
    assert_eq!(case.does(again).refused, Some(Refusal::OperatorRefunds));
}

#[test]
fn rule_15_one_refused_check_is_a_passing_error_whatever_was_asked_before_it() {
    for before in [StatusAnswer::NoAnswer, StatusAnswer::Misconfigured(code("ER"))] {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Declined(code("17"))));
        for answer in [before, StatusAnswer::Unavailable, before] {
            assert_eq!(case.next_request(), Some(Request::CheckPayment));
            case.checked(answer);
            assert!(!case.state.is_closed() && !case.state.check_unavailable, "{answer:?}");
        }
        assert_eq!(case.next_request(), Some(Request::CheckPayment));
        assert_eq!(
            case.checked(StatusAnswer::Paid).alert,
            Some(Alert::LyingDecline(DeclineReason::Code(code("17"))))
        );
    }
}

/// Who is told "unavailable" asks again at once: that is one restart of a gateway, asked twice.
#[test]
fn rule_15_checks_that_somebody_asks_for_one_behind_the_other_end_no_verification() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.at(62.0);
    for _ in 0..3 {
        case.checked(StatusAnswer::Unavailable);
        assert!(!case.state.check_unavailable);
    }
    assert_eq!(case.next_request(), Some(Request::CheckPayment), "the one that closes");
    let reason = DeclineReason::Code(code("17"));
    assert_eq!(case.checked(StatusAnswer::Paid).alert, Some(Alert::LyingDecline(reason)));
}

/// The report is the operator's own means: it must not take the payment out of the operator's hands.
#[test]
fn rule_11_a_report_about_numbers_that_name_another_sale_leaves_the_payment_with_the_operator() {
    let mut case = Case::sent();
    case.at(60.5);
    case.at(65.0);
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    case.checked(StatusAnswer::ForeignSale);
    assert_eq!(case.state.settlement, Settlement::WithOperator);
    // The next day's file says the same again.
    for alert in [Some(Alert::Doubtful), None] {
        let step = case.does(Input::ReportedPaid);
        assert_eq!((step.alert, step.send), (alert, None));
        case.checked(StatusAnswer::ForeignSale);
        assert_eq!(case.state.settlement, Settlement::WithOperator);
    }
    let step = case.does(Input::Ruled(Ruling::Refund));
    assert_eq!((step.refused, step.send), (Some(Refusal::NumbersDoubted), None));
}

/// The next day's file says the same again.
#[test]
fn rule_17_a_debit_of_a_push_that_never_left_is_told_once() {
    let mut case = Case::sent();
    case.state = State::intent(&case.policy, case.now, true, 7);
    case.does(Input::NotSent);
    assert_eq!(case.does(Input::ReportedPaid).alert, Some(Alert::PaidButNotSent));
    assert!(case.state.needs_operator());
    assert_eq!(case.does(Input::ReportedPaid).alert, None);
    assert_eq!(case.does(Input::Ruled(Ruling::Close)).refused, None);
    assert_eq!(case.does(Input::ReportedPaid).alert, None);
    assert!(!case.state.needs_operator());
}

/// A payment told as paid, with the void that `answer` ended in a refusal.
fn refused_void() -> Case {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.now = case.now.plus(Duration::from_secs(600));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Rejected(code("61"))));
    case
}

/// OVO's record may show a void up to a minute behind it.
#[test]
fn rule_18_a_refusal_stands_only_to_a_question_that_left_a_minute_behind_it() {
    let mut case = refused_void();
    let refused = case.now;
    let mut asked = 0;
    while matches!(case.state.void, Void::Questioned(_)) {
        assert_eq!(case.next_request(), Some(Request::CheckVoid));
        asked += 1;
        let (issued, answer) = (case.now, StatusAnswer::NotFound);
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        // Whoever asks in between learns nothing either.
        case.does(Input::VoidChecked { issued: refused, answer, in_time: true });
    }
    assert_eq!(asked, 2, "at once, and when OVO's record must show it");
    assert_eq!(case.now.since(refused), Duration::from_secs(60));
    assert_eq!(case.state.void, Void::Rejected(code("61")));
}

/// Whoever asked was told that it is pending.
#[test]
fn rule_18_the_end_of_a_void_that_was_pending_is_told() {
    for (answer, end) in
        [(StatusAnswer::Paid, Void::Voided), (StatusAnswer::NotFound, Void::Rejected(code("61")))]
    {
        let mut case = refused_void();
        case.does(Input::Acknowledged);
        case.now = case.now.plus(Duration::from_secs(90));
        case.does(Input::VoidChecked { issued: case.now, answer, in_time: true });
        assert_eq!((case.state.void, case.state.acknowledged), (end, false));
    }
    // The answer to its first copy is the caller's.
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::Acknowledged);
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Voided));
    assert!(case.state.void == Void::Voided && case.state.acknowledged);
}

/// What OVO's record says against a payment while its void is open may be the void itself.
#[test]
fn rule_17_what_ovo_says_during_a_void_counts_when_the_void_is_not_done() {
    for voided in [false, true] {
        let mut case = refused_void();
        case.does(Input::Acknowledged);
        assert_eq!(case.checked(StatusAnswer::NotFound).alert, None);
        assert!(!case.state.needs_operator());
        case.now = case.now.plus(Duration::from_secs(90));
        let said = if voided { StatusAnswer::Paid } else { StatusAnswer::NotFound };
        let step = case.does(Input::VoidChecked { issued: case.now, answer: said, in_time: true });
        assert_eq!(step.alert, (!voided).then_some(Alert::Doubtful));
        assert_eq!(case.state.needs_operator(), !voided);
        assert!(!case.state.acknowledged, "the caller hears of it too");
        assert!(!case.state.late_paid);
    }
}

/// Of a void whose answer was lost "reversed" is an answer: it is neither sent again nor left to an
/// operator, who would refund what is back.
#[test]
fn rule_18_reversed_of_a_void_whose_answer_was_lost_is_its_end() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, None);
    assert!(case.state.void == Void::Voided && !case.state.needs_operator());
    let (issued, answer) = (case.now, StatusAnswer::NotFound);
    assert_eq!(case.does(Input::VoidChecked { issued, answer, in_time: true }).send, None);
    assert_eq!(case.state.void, Void::Voided);
}

/// That is the answer that the operator was left without.
#[test]
fn rule_18_reversed_of_a_void_that_was_left_to_an_operator_says_that_it_was_carried_out() {
    for ruled in [false, true] {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Approved));
        case.does(Input::VoidAsked { in_time: true });
        case.does(Input::VoidAnswered(VoidAnswer::Unknown));
        let (issued, answer) = (case.now, StatusAnswer::TooOld);
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!(case.state.void, Void::Expired);
        if ruled {
            case.does(Input::Ruled(Ruling::Close));
        }
        assert_eq!(case.checked(StatusAnswer::Reversed).alert, Some(Alert::VoidedAfterAll));
        assert!(case.state.void == Void::Voided && !case.state.needs_operator());
        assert_eq!(case.checked(StatusAnswer::Reversed).alert, None);
    }
}

#[test]
fn rule_17_what_an_operator_closed_is_told_no_more() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.now = case.now.plus(Duration::from_secs(600));
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, Some(Alert::PaidButReversed));
    assert_eq!(case.does(Input::Ruled(Ruling::Close)).refused, None);
    let step = case.checked(StatusAnswer::Reversed);
    assert_eq!((step.alert, step.state.needs_operator()), (None, false));
    // Who closed it for something else hears of it.
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    case.state.overdue_alerts = 1;
    assert_eq!(case.does(Input::Ruled(Ruling::Close)).refused, None);
    case.state.void = Void::Rejected(code("17"));
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, Some(Alert::VoidedAfterAll));
}

#[test]
fn rule_18_a_refused_void_that_no_check_ever_answered_is_looked_at_by_a_person() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Rejected(code("17"))));
    let mut last = None;
    while matches!(case.state.void, Void::Questioned(_)) {
        let step = case.next();
        last = step.alert;
        if step.send.is_some() {
            let (issued, answer) = (case.now, StatusAnswer::NoAnswer);
            case.does(Input::VoidChecked { issued, answer, in_time: false });
        }
    }
    assert_eq!(last, Some(Alert::VoidUnresolved));
    assert_eq!(case.state.void, Void::Expired);
    assert!(case.state.needs_operator());
}

#[test]
fn rule_18_one_refused_check_behind_an_hour_of_silence_ends_no_void() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    for answer in [StatusAnswer::NoAnswer; 12].into_iter().chain([StatusAnswer::Unavailable]) {
        assert_eq!(case.next_request(), Some(Request::CheckVoid));
        let issued = case.now;
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!(case.state.void, Void::Unknown);
    }
    assert_eq!(case.next_request(), Some(Request::CheckVoid));
    let (issued, answer) = (case.now, StatusAnswer::Paid);
    case.does(Input::VoidChecked { issued, answer, in_time: true });
    assert_eq!(case.state.void, Void::Voided);
}

/// Two refusals within a second are one restart of a gateway, however long nobody answered before.
#[test]
fn rule_18_two_refusals_within_a_second_behind_an_hour_of_silence_end_no_void() {
    let refusal = VoidAnswer::Rejected(code("14"));
    for (answer, open) in
        [(VoidAnswer::Unknown, Void::Unknown), (refusal, Void::Questioned(code("14")))]
    {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Approved));
        case.does(Input::VoidAsked { in_time: true });
        case.does(Input::VoidAnswered(answer));
        let says = |case: &mut Case, answer| {
            let issued = case.now;
            case.now = case.now.plus(Duration::from_millis(300));
            case.does(Input::VoidChecked { issued, answer, in_time: true });
        };
        for _ in 0..12 {
            assert_eq!(case.next_request(), Some(Request::CheckVoid));
            says(&mut case, StatusAnswer::NoAnswer);
        }
        // An operator asks, twice; what was on schedule in between is asked, too.
        says(&mut case, StatusAnswer::Unavailable);
        says(&mut case, StatusAnswer::Unavailable);
        assert_eq!(case.next_request(), Some(Request::CheckVoid));
        says(&mut case, StatusAnswer::Unavailable);
        says(&mut case, StatusAnswer::Unavailable);
        assert_eq!(case.state.void, open);
        assert_eq!(case.next_request(), Some(Request::CheckVoid));
        says(&mut case, StatusAnswer::Unavailable);
        assert!(!case.state.void.is_open(), "refused for half an hour, on schedule");
    }
}

/// Somebody asks while the void's own answer is awaited: OVO's word that it is done is the end.
#[test]
fn rule_18_a_void_that_a_check_shows_while_its_answer_is_awaited_is_voided() {
    let answers = [
        (StatusAnswer::Paid, Void::Voided),
        (StatusAnswer::NotFound, Void::Sent),
        (StatusAnswer::NoAnswer, Void::Sent),
        (StatusAnswer::TooOld, Void::Sent),
        (StatusAnswer::Unavailable, Void::Sent),
    ];
    for (answer, void) in answers {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Approved));
        case.does(Input::VoidAsked { in_time: true });
        let issued = case.now;
        let step = case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!((step.state.void, step.send), (void, None), "{answer:?}");
        case.does(Input::VoidAnswered(VoidAnswer::Voided));
        assert_eq!(case.state.void, Void::Voided, "{answer:?}");
    }
}

/// What was refused about a void's first copy says nothing of the second one.
#[test]
fn rule_18_a_refusal_from_before_the_void_was_sent_again_ends_no_void() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    let says = |case: &mut Case, answer| {
        let issued = case.now;
        case.does(Input::VoidChecked { issued, answer, in_time: true }).send
    };
    assert_eq!(case.next_request(), Some(Request::CheckVoid));
    says(&mut case, StatusAnswer::Unavailable);
    assert_eq!(case.next_request(), Some(Request::CheckVoid));
    assert_eq!(says(&mut case, StatusAnswer::NotFound), Some(Request::Void));
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    for _ in 0..12 {
        assert_eq!(case.next_request(), Some(Request::CheckVoid));
        says(&mut case, StatusAnswer::NoAnswer);
    }
    says(&mut case, StatusAnswer::Unavailable);
    assert_eq!(case.state.void, Void::Unknown);
}

/// Behind two checks that were lost, too: what counts is what was asked behind the first refusal.
#[test]
fn rule_15_a_refusal_counts_at_the_second_check_on_schedule_behind_the_first() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    for _ in 0..2 {
        assert_eq!(case.next_request(), Some(Request::CheckPayment));
        case.checked(StatusAnswer::NoAnswer);
    }
    let mut alerts = Vec::new();
    for asked in 0..3 {
        if asked > 0 {
            assert_eq!(case.next_request(), Some(Request::CheckPayment));
        }
        // Each but the last is followed by an operator's, within a second.
        for _ in 0..if asked < 2 { 2 } else { 1 } {
            assert!(!case.state.check_unavailable, "on schedule: {asked}");
            alerts.extend(case.checked(StatusAnswer::Unavailable).alert);
        }
    }
    assert!(case.state.check_unavailable, "refused twice on schedule, behind the first refusal");
    assert_eq!(alerts.first(), Some(&Alert::CheckUnavailable));
    case.next();
    assert!(case.state.is_closed(), "a decline, where nobody can be asked");
}

/// A customer's payment that is reversed anew each day is told as overdue in the end, on a till that is
/// switched off each night, too.
#[test]
fn rule_16_a_restart_behind_a_closed_payment_forgets_no_time() {
    let mut case = Case::sent();
    case.at(65.0);
    case.at(66.0);
    case.checked(StatusAnswer::Paid);
    assert_eq!(case.next_request(), Some(Request::Reversal));
    case.now = case.now.plus(Duration::from_secs(600));
    case.reversed(ReversalAnswer::Acknowledged);
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    case.checked(StatusAnswer::Reversed);
    assert!(case.state.is_closed());
    let open_for = |case: &Case| {
        let at = case.state.closed_at().expect("it is closed");
        let last = at.since(case.state.settling_since);
        case.state.settled_before_ms + u64::try_from(last.as_millis()).unwrap()
    };
    let before = open_for(&case);
    assert!(before >= 600 * SECOND);
    for _ in 0..2 {
        case.now = Boottime(1_000_000);
        case.does(Input::Rebooted { away: Duration::from_secs(3600) });
        assert_eq!(open_for(&case), before, "closed, it takes no time, and forgets none");
    }
    case.now = case.now.plus(Duration::from_secs(1800));
    case.checked(StatusAnswer::Paid);
    assert!(case.state.owes_reversal());
    assert_eq!(case.state.settled_before_ms, before);
}

#[test]
fn rule_18_a_void_is_overdue_and_ends_on_a_till_that_is_switched_off_each_night() {
    let half_a_day = Duration::from_secs(12 * 3600);
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    let mut alerts = Vec::new();
    for _ in 0..20 {
        let evening = case.now.plus(half_a_day);
        while case.state.void.is_open() && case.state.due.is_some_and(|due| due < evening) {
            let step = case.next();
            alerts.extend(step.alert);
            if step.send.is_some() {
                let (issued, answer) = (case.now, StatusAnswer::NoAnswer);
                case.does(Input::VoidChecked { issued, answer, in_time: false });
            }
        }
        case.now = Boottime(1_000_000);
        case.does(Input::Rebooted { away: half_a_day });
    }
    assert!(alerts.contains(&Alert::OverdueForADay), "{alerts:?}");
    assert_eq!(alerts.last(), Some(&Alert::VoidUnresolved));
    assert!(case.state.needs_operator());
}

#[test]
fn rule_18_a_void_that_was_left_to_an_operator_and_was_carried_out_is_told() {
    let carried_out: [fn(Boottime) -> Input; 2] = [
        |_| Input::VoidAnswered(VoidAnswer::Voided),
        |issued| Input::VoidChecked { issued, answer: StatusAnswer::Paid, in_time: false },
    ];
    for (closed, late) in [false, true].into_iter().zip(carried_out) {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Approved));
        case.does(Input::VoidAsked { in_time: true });
        case.does(Input::VoidAnswered(VoidAnswer::Unknown));
        assert_eq!(case.next_request(), Some(Request::CheckVoid));
        let (issued, answer) = (case.now, StatusAnswer::TooOld);
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!(case.state.void, Void::Expired);
        if closed {
            case.does(Input::Ruled(Ruling::Close));
        }
        let answer = StatusAnswer::NotFound;
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!(case.state.void, Void::Expired, "it is not sent again");
        let step = case.does(late(case.now));
        assert_eq!((step.alert, step.send), (Some(Alert::VoidedAfterAll), None));
        assert!(Alert::VoidedAfterAll.is_critical());
        assert_eq!(case.state.void, Void::Voided);
        assert!(!case.state.needs_operator());
    }
}

/// Of two copies one is refused, and the other lies in a queue for longer than the refusal takes to count.
#[test]
fn rule_18_a_void_that_was_refused_and_carried_out_later_is_told_as_voided() {
    let carried_out: [fn(Boottime) -> Input; 3] = [
        |_| Input::VoidAnswered(VoidAnswer::Voided),
        |issued| Input::VoidChecked { issued, answer: StatusAnswer::Paid, in_time: false },
        |issued| Input::Checked { issued, answer: StatusAnswer::Reversed, waiting: false },
    ];
    for late in carried_out {
        let mut case = refused_void();
        case.now = case.now.plus(Duration::from_secs(60));
        let (issued, answer) = (case.now, StatusAnswer::NotFound);
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!(case.state.void, Void::Rejected(code("61")));
        case.does(Input::Acknowledged);
        case.now = case.now.plus(Duration::from_secs(35));
        let step = case.does(Input::VoidChecked { issued: case.now, answer, in_time: true });
        assert_eq!((step.alert, case.state.void), (None, Void::Rejected(code("61"))));
        let step = case.does(late(case.now));
        assert_eq!((step.alert, step.send), (Some(Alert::VoidedAfterAll), None));
        assert_eq!(case.state.void, Void::Voided);
        assert!(!case.state.needs_operator() && !case.state.acknowledged);
    }
}

/// OVO may show the second one some seconds late, as it may the first.
#[test]
fn rule_18_what_was_asked_about_the_first_void_does_not_count_for_the_second() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    assert_eq!(case.next_request(), Some(Request::CheckVoid));
    let not_found = |case: &mut Case, in_time| {
        let (issued, answer) = (case.now, StatusAnswer::NotFound);
        case.does(Input::VoidChecked { issued, answer, in_time })
    };
    assert_eq!(not_found(&mut case, true).send, Some(Request::Void));
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    assert_eq!(case.next_request(), Some(Request::CheckVoid));
    not_found(&mut case, false);
    assert_eq!(case.state.void, Void::Unknown, "its day is over, and it was asked about once");
    assert_eq!(case.next_request(), Some(Request::CheckVoid));
    assert_eq!(not_found(&mut case, false).alert, Some(Alert::VoidUnresolved));
}

#[test]
fn rule_14b_after_five_silent_minutes_certain_numbers_are_reversed_unseen() {
    let mut case = Case::sent();
    case.at(60.5);
    case.at(65.0);
    let decided = case.now;
    loop {
        match case.next_request() {
            Some(Request::CheckPayment) => case.checked(StatusAnswer::NoAnswer),
            Some(Request::Reversal) => break,
            other => panic!("{other:?}"),
        };
    }
    assert!(case.now.since(decided) >= Duration::from_secs(300));
}

#[test]
fn rule_14b_doubtful_numbers_are_never_reversed_unseen() {
    let mut duplicate = Case::sent();
    duplicate.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    let mut unattested = Case::sent();
    unattested.state.attested = false;
    for mut case in [duplicate, unattested] {
        case.at(60.5);
        case.at(65.0);
        for _ in 0..30 {
            assert_eq!(case.next_request(), Some(Request::CheckPayment));
            case.checked(StatusAnswer::NoAnswer);
        }
    }
}

#[test]
fn rule_14b_a_duplicate_code_that_comes_after_the_decision_forbids_a_blind_reversal_too() {
    let mut case = Case::without_checks();
    case.at(65.0);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    let late = case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    assert_eq!(late.alert, Some(Alert::DuplicateNumbers(code("94"))));
    let step = case.next();
    assert_eq!((step.send, step.alert), (None, Some(Alert::Doubtful)));
    assert!(case.state.needs_operator());
}

#[test]
fn rule_14b_a_duplicate_code_takes_back_what_not_found_had_allowed() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::NotFound);
    case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    case.at(65.0);
    assert_eq!(case.next_request(), Some(Request::CheckPayment), "perhaps a sale of another day");
    case.checked(StatusAnswer::NotFound);
    assert_eq!(case.state.reversals.count, 0);
}

#[test]
fn rule_14b_not_found_is_no_licence_to_reverse_doubtful_numbers() {
    // OVO may find payments by date and reverse them without: 25 today says nothing about a sale of
    // yesterday that has the same numbers.
    let mut duplicate = Case::sent();
    duplicate.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    let mut unattested = Case::sent();
    unattested.state.attested = false;
    for case in [duplicate, unattested] {
        let mut nothing = case.clone().left_alone();
        nothing.checked(StatusAnswer::NotFound);
        assert!(nothing.state.is_closed());

        let mut ours_after_all = case.left_alone();
        let step = ours_after_all.checked(StatusAnswer::Paid);
        assert_eq!(step.alert, Some(Alert::LateSuccess), "nothing was reversed before");
        assert_eq!(ours_after_all.next().send, Some(Request::Reversal));
    }
}

/// "Not found" at 62 s says nothing of a push that is still on its way; what would, OVO refuses.
#[test]
fn rule_15_who_answered_checks_and_refuses_the_one_that_closes_leaves_a_word() {
    let closed = |answered: Option<StatusAnswer>| {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Declined(code("17"))));
        case.at(62.0);
        if let Some(answer) = answered {
            case.checked(answer);
        }
        let mut alerts = Vec::new();
        while !case.state.is_closed() {
            let step = case.next();
            alerts.extend(step.alert);
            if step.send == Some(Request::CheckPayment) {
                alerts.extend(case.checked(StatusAnswer::Unavailable).alert);
            }
        }
        assert!(!case.state.needs_operator());
        alerts.last().copied()
    };
    assert_eq!(closed(Some(StatusAnswer::NotFound)), Some(Alert::Unverified));
    assert_eq!(closed(None), Some(Alert::CheckUnavailable), "a contract without checks");
}

/// What a check had confirmed stays confirmed when the looks behind it are refused.
#[test]
fn rule_16_a_refused_look_takes_nothing_back() {
    let mut case = Case::sent().reversed_once();
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::NotFound);
    assert!(case.state.is_closed() && case.state.is_confirmed());
    while !case.state.check_unavailable {
        assert_eq!(case.next_request(), Some(Request::CheckPayment));
        case.checked(StatusAnswer::Unavailable);
        assert!(case.state.is_confirmed());
    }
    case.next();
    assert!(case.state.phone_forgotten && case.state.is_confirmed());
    // Closed by an acknowledged reversal alone, it is not, whoever asks behind that and is refused.
    let mut case = Case::sent().reversed_once();
    while !case.state.is_closed() {
        match case.next_request() {
            Some(Request::CheckPayment) => case.checked(StatusAnswer::Unavailable),
            _ => case.reversed(ReversalAnswer::Acknowledged),
        };
    }
    assert!(!case.state.is_confirmed());
    case.checked(StatusAnswer::Unavailable);
    assert!(!case.state.is_confirmed());
}

#[test]
fn rule_15_the_closing_check_comes_at_180_seconds_and_not_before() {
    let mut case = Case::sent().reversed_once();
    assert_eq!(case.seconds_after_push(case.state.due.unwrap()), 180);
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::Reversed);
    assert!(case.state.is_closed());
}

/// OVO approved it, and its own record says otherwise: the goods may be gone without money.
#[test]
fn rule_17_a_paid_payment_that_ovos_record_contradicts_is_an_operators_case() {
    for answer in [StatusAnswer::NotFound, StatusAnswer::ForeignSale, StatusAnswer::Doubtful] {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Approved));
        case.does(Input::Acknowledged);
        case.at(120.0);
        let step = case.checked(answer);
        assert_eq!(step.alert, Some(Alert::Doubtful), "{answer:?}");
        assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Push)), "told stays told");
        assert!(case.state.needs_operator() && !case.state.acknowledged);
        assert_eq!(case.checked(answer).alert, None, "once");
        let void = case.does(Input::VoidAsked { in_time: true });
        assert_eq!((void.refused, void.send), (Some(Refusal::OperatorRefunds), None));
        // Behind a void that was refused, too: another one might hit the other sale.
        let mut again = case.clone();
        again.state.void = Void::Rejected(code("17"));
        let void = again.does(Input::VoidAsked { in_time: true });
        assert_eq!((void.refused, void.send), (Some(Refusal::OperatorRefunds), None));
        assert_eq!(case.does(Input::Ruled(Ruling::Close)).refused, None);
        assert!(!case.state.needs_operator());
        assert_eq!(case.checked(answer).alert, None, "who closed it knew what OVO shows");
        assert!(!case.state.needs_operator());
        // Who ruled that it is paid knew what OVO shows.
        let mut ruled = Case::sent();
        ruled.at(60.5);
        ruled.checked(StatusAnswer::ForeignSale);
        ruled.does(Input::Ruled(Ruling::Paid));
        assert_eq!(ruled.checked(answer).alert, None);
        assert!(!ruled.state.needs_operator());
    }
}

/// OVO's record did not show a sale, and does.
#[test]
fn rule_17_a_doubt_ends_when_ovos_record_shows_the_payment_as_paid() {
    for answer in [StatusAnswer::NotFound, StatusAnswer::ForeignSale, StatusAnswer::Doubtful] {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Approved));
        case.at(119.0);
        let before = case.now;
        case.at(130.0);
        assert_eq!(case.checked(answer).alert, Some(Alert::Doubtful));
        case.does(Input::Acknowledged);
        case.at(140.0);
        // Asked before that, and heard behind it.
        let paid = StatusAnswer::Paid;
        case.does(Input::Checked { issued: before, answer: paid, waiting: false });
        assert!(case.state.needs_operator());
        assert_eq!(case.checked(paid).alert, None);
        assert!(!case.state.needs_operator() && !case.state.acknowledged, "{answer:?}");
        let mut again = case.clone();
        assert_eq!(again.does(Input::VoidAsked { in_time: true }).send, Some(Request::Void));
        assert_eq!(case.checked(answer).alert, Some(Alert::Doubtful), "another time is news");
    }
    // That the money went back is not taken back.
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.at(130.0);
    case.checked(StatusAnswer::Reversed);
    case.at(140.0);
    case.checked(StatusAnswer::Paid);
    assert!(case.state.needs_operator());
    let ruled = case.does(Input::Ruled(Ruling::Paid)).refused;
    assert_eq!(ruled, Some(Refusal::NothingToRule));
}

/// What OVO says while people find out is theirs to read.
#[test]
fn rule_17_what_ovo_says_of_an_operators_case_is_written_down_and_told_if_it_is_something_else() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.at(130.0);
    assert_eq!(case.checked(StatusAnswer::NotFound).alert, Some(Alert::Doubtful));
    case.at(140.0);
    assert_eq!(case.checked(StatusAnswer::NotFound).alert, None);
    assert_eq!(case.state.touched, case.now, "a commit, with a line in the history");
    case.at(150.0);
    case.does(Input::Acknowledged);
    let mut closed = case.clone();
    for _ in 0..2 {
        let step = case.checked(StatusAnswer::Reversed);
        assert_eq!((step.send, step.state.touched), (None, case.now));
        assert!(case.state.needs_operator() && !case.state.acknowledged);
        case.at(160.0);
    }
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, None, "once");
    closed.at(190.0);
    assert_eq!(closed.does(Input::Ruled(Ruling::Close)).refused, None);
    assert_eq!(closed.checked(StatusAnswer::Reversed).alert, Some(Alert::PaidButReversed));
    // Of one that is not told as paid: a debit.
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::ForeignSale);
    assert_eq!(case.state.verdict, Some(Verdict::Quarantined));
    case.at(70.0);
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, None);
    assert_eq!(case.state.touched, case.now);
    let step = case.checked(StatusAnswer::Paid);
    assert_eq!((step.alert, step.send), (Some(Alert::Doubtful), None));
    assert_eq!(case.checked(StatusAnswer::Paid).alert, None, "once");
    case.at(80.0);
    assert_eq!(case.does(Input::ReportedPaid).alert, None);
    // Silence says nothing.
    let before = case.state;
    case.checked(StatusAnswer::NoAnswer);
    assert_eq!(case.state, before);
}

#[test]
fn rule_19_what_was_told_as_paid_and_ovos_record_does_not_show_can_be_ruled_paid() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.at(130.0);
    case.checked(StatusAnswer::NotFound);
    case.does(Input::Acknowledged);
    assert_eq!(case.does(Input::Ruled(Ruling::Paid)).refused, None);
    assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Push)), "written once");
    assert!(!case.state.needs_operator() && !case.state.acknowledged);
    case.at(140.0);
    assert_eq!(case.checked(StatusAnswer::NotFound).alert, None, "who ruled knew");
    let mut voided = case.clone();
    assert_eq!(voided.does(Input::VoidAsked { in_time: true }).send, Some(Request::Void));
    voided.does(Input::VoidAnswered(VoidAnswer::Rejected(code("61"))));
    voided.now = voided.now.plus(Duration::from_secs(60));
    let (issued, answer) = (voided.now, StatusAnswer::NotFound);
    let step = voided.does(Input::VoidChecked { issued, answer, in_time: true });
    assert_eq!((step.alert, voided.state.needs_operator()), (None, false));
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, Some(Alert::PaidButReversed));
}

/// Another process asked while the customer was still to confirm, and hears of it late.
#[test]
fn rule_17_a_check_from_before_the_approval_contradicts_nothing() {
    let mut case = Case::sent();
    case.at(61.0);
    let issued = case.now;
    case.at(62.0);
    case.does(Input::Answered(PushAnswer::Approved));
    case.at(63.0);
    for answer in [StatusAnswer::NotFound, StatusAnswer::ForeignSale, StatusAnswer::Doubtful] {
        let step = case.does(Input::Checked { issued, answer, waiting: false });
        assert_eq!(step.alert, None, "{answer:?}");
        assert!(!case.state.needs_operator());
    }
}

/// OVO's record may lag behind its answer: what was asked within the minute is no contradiction.
#[test]
fn rule_17_a_check_just_behind_the_approval_contradicts_nothing() {
    for (seconds, alert) in [(119.0, None), (120.0, Some(Alert::Doubtful))] {
        let mut case = Case::sent();
        case.at(60.0);
        case.does(Input::Answered(PushAnswer::Approved));
        case.at(seconds);
        assert_eq!(case.checked(StatusAnswer::NotFound).alert, alert, "{seconds}");
        assert_eq!(case.state.needs_operator(), alert.is_some());
    }
}

/// A paid payment that OVO says is voided, five minutes behind the push.
fn voided() -> Case {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::Acknowledged);
    case.at(290.0);
    case.does(Input::VoidAsked { in_time: true });
    case.at(300.0);
    case.does(Input::VoidAnswered(VoidAnswer::Voided));
    assert_eq!(case.state.void, Void::Voided);
    case
}

#[test]
fn rule_18_a_void_that_ovos_record_does_not_show_is_an_operators_case() {
    let mut case = voided();
    case.at(360.0);
    let step = case.checked(StatusAnswer::Paid);
    assert_eq!((step.alert, step.send), (Some(Alert::VoidWithoutEffect), None));
    assert!(Alert::VoidWithoutEffect.is_critical());
    assert_eq!(step.rule, Some(Rule::Void));
    assert!(case.state.needs_operator() && !case.state.acknowledged);
    assert_eq!(case.state.void, Void::Voided, "OVO acknowledged it");
    case.at(500.0);
    let again = case.checked(StatusAnswer::Paid);
    assert_eq!((again.alert, again.send), (None, None), "once");
    let void = case.does(Input::VoidAsked { in_time: true });
    assert_eq!((void.refused, void.send), (Some(Refusal::OperatorRefunds), None));
    assert_eq!(case.does(Input::Ruled(Ruling::Close)).refused, None);
    assert_eq!(case.checked(StatusAnswer::Paid).alert, None, "who closed it knew");
    assert!(!case.state.needs_operator());
}

#[test]
fn rule_18_a_check_from_before_a_void_or_just_behind_it_says_nothing_of_it() {
    for issued in [100.0, 295.0, 300.0, 305.0, 359.0] {
        let mut case = voided();
        case.at(400.0);
        let issued = case.state.window.plus(Duration::from_secs_f64(issued));
        let answer = StatusAnswer::Paid;
        let step = case.does(Input::Checked { issued, answer, waiting: false });
        assert_eq!((step.alert, case.state.needs_operator()), (None, false), "{issued:?}");
        assert!(case.state.acknowledged);
    }
    // A settlement file may have been made before the void.
    let mut case = voided();
    case.at(4_000.0);
    let before = case.state;
    let step = case.does(Input::ReportedPaid);
    assert_eq!((step.alert, case.state), (None, before));
    // A record that shows the void, or nothing, is as it must be.
    for answer in [StatusAnswer::NotFound, StatusAnswer::Reversed] {
        assert_eq!(case.checked(answer).alert, None, "{answer:?}");
    }
    // Behind a restart nobody knows how long ago it was, but longer than the restart.
    let mut case = voided();
    case.now = Boottime(5_000);
    case.does(Input::Rebooted { away: Duration::from_secs(3_600) });
    case.now = Boottime(59_000);
    assert_eq!(case.checked(StatusAnswer::Paid).alert, None);
    case.now = Boottime(60_000);
    assert_eq!(case.checked(StatusAnswer::Paid).alert, Some(Alert::VoidWithoutEffect));
}

#[test]
fn rule_18_what_ovo_says_went_back_is_not_voided_on_top() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.at(120.0);
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, Some(Alert::PaidButReversed));
    let step = case.does(Input::VoidAsked { in_time: true });
    assert_eq!((step.refused, step.send), (Some(Refusal::OperatorRefunds), None));
}

#[test]
fn rule_15_a_debit_found_by_the_closing_check_opens_the_reversal_again() {
    let mut case = Case::sent().reversed_once();
    case.next();
    let step = case.checked(StatusAnswer::Paid);
    assert_eq!(step.alert, Some(Alert::LateDebit));
    assert_eq!(case.next().send, Some(Request::Reversal));
    case.reversed(ReversalAnswer::Acknowledged);
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    case.checked(StatusAnswer::Reversed);
    assert!(case.state.is_closed());
}

#[test]
fn rule_15_a_record_that_lags_behind_a_reversal_that_worked_troubles_nobody() {
    let mut case = Case::sent().reversed_once();
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::Paid).alert, Some(Alert::LateDebit));
    assert_eq!(case.next().send, Some(Request::Reversal));
    case.reversed(ReversalAnswer::Acknowledged);
    let acknowledged = case.now;
    assert_eq!(case.next().send, Some(Request::CheckPayment), "asked at once");
    let step = case.checked(StatusAnswer::Paid);
    assert_eq!((step.alert, case.state.owes_reversal()), (None, false), "too early to say so");
    // By hand, half a minute behind it: the same.
    case.now = acknowledged.plus(Duration::from_secs(30));
    let step = case.checked(StatusAnswer::Paid);
    assert_eq!((step.alert, step.send, case.state.owes_reversal()), (None, None, false));
    let mut contradicted = case.clone();
    for (case, answer) in
        [(&mut case, StatusAnswer::Reversed), (&mut contradicted, StatusAnswer::Paid)]
    {
        assert_eq!(case.next().send, Some(Request::CheckPayment));
        assert_eq!(
            case.now,
            acknowledged.plus(Duration::from_secs(60)),
            "when its record must show it"
        );
        let step = case.checked(answer);
        match answer {
            StatusAnswer::Reversed => assert!(step.alert.is_none() && case.state.is_closed()),
            _ => assert_eq!(step.alert, Some(Alert::ReversalWithoutEffect)),
        }
    }
    assert_eq!(contradicted.next().send, Some(Request::Reversal), "and reversed again");
}

#[test]
fn rule_15_a_debit_that_is_news_is_reversed_again_at_once_however_many_went_before() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::NotFound);
    case.at(65.0);
    for answer in [ReversalAnswer::Again(None), ReversalAnswer::Acknowledged] {
        assert_eq!(case.next_request(), Some(Request::Reversal));
        case.reversed(answer);
    }
    assert_eq!(case.state.reversals.count, 2);
    let acknowledged = case.now;
    case.now = acknowledged.plus(Duration::from_secs(5));
    // The push may have lain in a queue longer than the reversals.
    assert_eq!(case.checked(StatusAnswer::Paid).alert, Some(Alert::LateDebit));
    assert_eq!(case.next_request(), Some(Request::Reversal));
    assert!(case.now < acknowledged.plus(Duration::from_secs(21)));
}

#[test]
fn rule_15_a_check_issued_before_the_acknowledgement_closes_nothing() {
    let mut case = Case::sent().reversed_once();
    case.at(180.0);
    let Settlement::Open(Reversal::Acknowledged(at)) = case.state.settlement else { panic!() };
    let before = Boottime(at.0 - 1);
    case.does(Input::Checked { issued: before, answer: StatusAnswer::NotFound, waiting: false });
    assert!(!case.state.is_closed());
}

#[test]
fn rule_15_an_old_payment_goes_to_the_operator() {
    let mut case = Case::sent().reversed_once();
    case.next();
    let step = case.checked(StatusAnswer::TooOld);
    assert_eq!(step.alert, Some(Alert::TooOld));
    assert!(case.state.needs_operator() && !case.state.is_closed());
}

#[test]
fn rule_16_two_sweeps_look_behind_a_closed_payment_and_then_the_phone_goes() {
    let mut case = Case::sent().reversed_once();
    case.next();
    case.checked(StatusAnswer::Reversed);
    let closed = case.state.closed_at().unwrap();
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    assert_eq!(case.now.since(closed).as_secs(), 15 * 60);
    case.checked(StatusAnswer::Reversed);
    assert_eq!(case.next().send, Some(Request::CheckPayment));
    assert_eq!(case.now.since(closed).as_secs(), 24 * 3600);
    case.checked(StatusAnswer::Reversed);
    assert_eq!(case.next().send, None);
    assert!(case.state.phone_forgotten);
    assert_eq!(case.state.due, None);
}

#[test]
fn rule_16_a_closed_payment_that_ovo_no_longer_knows_is_over() {
    let mut case = Case::sent().reversed_once();
    case.next();
    case.checked(StatusAnswer::Reversed);
    // Switched off for longer than OVO answers for.
    case.at(8.0 * 86_400.0);
    let step = case.checked(StatusAnswer::TooOld);
    assert_eq!((step.alert, step.send), (None, None));
    assert!(case.state.is_closed() && !case.state.needs_operator());
    assert!(case.state.phone_forgotten && case.state.due.is_none());
}

/// What was said about an older sale under the same numbers hides no late debit of ours.
#[test]
fn rule_16_a_nonsense_54_ends_no_look_and_is_told() {
    let closed = |declined: bool| {
        let mut case = Case::sent();
        if declined {
            case.does(Input::Answered(PushAnswer::Declined(code("17"))));
        } else {
            case = case.reversed_once();
        }
        case.next();
        case.checked(StatusAnswer::NotFound);
        assert!(case.state.is_closed());
        case
    };
    for declined in [false, true] {
        // To the look at 15 minutes; the one at 24 hours is still to come, and finds the debit.
        let mut case = closed(declined);
        assert_eq!(case.next_request(), Some(Request::CheckPayment));
        assert_eq!(case.checked(StatusAnswer::TooOld).alert, Some(Alert::TooOld));
        assert!(case.state.needs_operator() && !case.state.phone_forgotten);
        assert_eq!(case.next_request(), Some(Request::CheckPayment));
        assert_eq!(case.checked(StatusAnswer::Paid).alert, Some(Alert::DelayBoundBroken));
        assert!(case.state.owes_reversal());
        // To somebody's question before it: both looks are still to come.
        let mut case = closed(declined);
        case.now = case.now.plus(Duration::from_secs(60));
        assert_eq!(case.checked(StatusAnswer::TooOld).alert, Some(Alert::TooOld));
        for _ in 0..2 {
            assert_eq!(case.next_request(), Some(Request::CheckPayment));
            assert_eq!(case.checked(StatusAnswer::NotFound).alert, None);
        }
    }
    // Behind a restart it may be true: it troubles nobody, and the second look is still taken.
    let mut case = closed(false);
    case.does(Input::Rebooted { away: Duration::from_secs(3600) });
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::TooOld).alert, None);
    assert!(!case.state.needs_operator() && !case.state.phone_forgotten);
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::TooOld).alert, None);
    assert_eq!(case.next().send, None);
    assert!(case.state.phone_forgotten);
}

#[test]
fn rule_16_a_look_that_is_answered_with_another_sale_is_told() {
    let mut case = Case::sent().reversed_once();
    case.next();
    case.checked(StatusAnswer::NotFound);
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::ForeignSale).alert, Some(Alert::Doubtful));
    assert!(case.state.needs_operator() && case.state.is_closed());
    assert_eq!(case.next_request(), Some(Request::CheckPayment), "the second look");
    assert_eq!(case.checked(StatusAnswer::ForeignSale).alert, None, "once");
    // OVO had declined it: the other sale is told, and left alone.
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.next();
    case.checked(StatusAnswer::NotFound);
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::ForeignSale).alert, Some(Alert::ForeignSale));
    assert!(!case.state.needs_operator());
    // OVO had called the numbers duplicate: nothing of it is news.
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    case.at(65.0);
    while !case.state.is_closed() {
        case.next_request();
        case.checked(StatusAnswer::ForeignSale);
    }
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::ForeignSale).alert, None);
    assert!(!case.state.needs_operator());
}

/// Nothing of it was reversed here: it had been debited, or somebody else reverses.
#[test]
fn rule_16_a_decline_that_ovo_says_was_reversed_is_told() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.next();
    let step = case.checked(StatusAnswer::Reversed);
    assert_eq!(step.alert, Some(Alert::ForeignReversal));
    assert!(case.state.is_closed());
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, None, "once");
    // The look is the first to say so.
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.next();
    case.checked(StatusAnswer::NotFound);
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, Some(Alert::ForeignReversal));
    // Behind a reversal of ours it is what is expected.
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.next();
    case.checked(StatusAnswer::Paid);
    while !case.state.is_closed() {
        match case.next_request() {
            Some(Request::Reversal) => case.reversed(ReversalAnswer::Acknowledged),
            _ => case.checked(StatusAnswer::Reversed),
        };
    }
    assert_eq!(case.next_request(), Some(Request::CheckPayment));
    assert_eq!(case.checked(StatusAnswer::Reversed).alert, None);
}

#[test]
fn rule_16_a_sweep_that_finds_a_debit_settles_everything_again() {
    let mut case = Case::sent().reversed_once();
    case.next();
    case.checked(StatusAnswer::NotFound);
    case.next();
    let step = case.checked(StatusAnswer::Paid);
    assert_eq!(step.alert, Some(Alert::DelayBoundBroken));
    assert!(Alert::DelayBoundBroken.is_critical());
    assert_eq!(case.next().send, Some(Request::Reversal));
}

#[test]
fn rule_16_an_answer_that_lay_unread_is_no_late_debit_where_the_debit_was_known() {
    let behind = |closing: [StatusAnswer; 2]| {
        let mut case = Case::sent();
        case.at(65.0);
        case.next();
        case.checked(closing[0]);
        while !case.state.is_closed() {
            match case.next_request() {
                Some(Request::Reversal) => case.reversed(ReversalAnswer::Acknowledged),
                _ => case.checked(closing[1]),
            };
        }
        let step = case.does(Input::Answered(PushAnswer::Approved));
        assert!(case.state.owes_reversal(), "settled all over again");
        step.alert
    };
    let known = behind([StatusAnswer::Paid, StatusAnswer::Reversed]);
    assert_eq!(known, Some(Alert::LateSuccess));
    let unknown = behind([StatusAnswer::NotFound, StatusAnswer::NotFound]);
    assert_eq!(unknown, Some(Alert::DelayBoundBroken));
}

#[test]
fn rule_17_an_accepted_payment_is_never_reversed_whatever_comes() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    for input in [
        Input::Answered(PushAnswer::Unknown),
        Input::NotSent,
        Input::ReportedPaid,
        Input::Checked { issued: case.now, answer: StatusAnswer::NotFound, waiting: false },
        Input::Checked { issued: case.now, answer: StatusAnswer::Reversed, waiting: false },
        Input::Reversed { issued: case.now, answer: ReversalAnswer::Acknowledged },
        Input::Ruled(Ruling::Refund),
        Input::Rebooted { away: Duration::from_secs(9) },
        Input::Due,
    ] {
        let step = case.does(input);
        assert_ne!(step.send, Some(Request::Reversal), "{input:?}");
        assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Push)), "{input:?}");
        assert!(!case.state.owes_reversal(), "{input:?}");
    }
    assert!(!case.state.acknowledged, "only the caller acknowledges (P10)");
    case.does(Input::Acknowledged);
    assert!(case.state.acknowledged);
}

#[test]
fn rule_18_only_an_accepted_payment_can_be_voided_and_only_once_at_a_time() {
    let mut case = Case::sent();
    let asked = Input::VoidAsked { in_time: true };
    assert_eq!(case.does(asked).refused, Some(Refusal::NotPaid));
    case.does(Input::Answered(PushAnswer::Approved));
    let late = case.does(Input::VoidAsked { in_time: false });
    assert_eq!(late.refused, Some(Refusal::VoidTooLate));
    let step = case.does(asked);
    assert_eq!((step.send, case.state.void), (Some(Request::Void), Void::Sent));
    assert_eq!(case.does(asked).refused, Some(Refusal::VoidInProgress));
    case.does(Input::VoidAnswered(VoidAnswer::Voided));
    assert_eq!(case.state.void, Void::Voided);
    assert_eq!(case.does(asked).refused, Some(Refusal::AlreadyVoided));
}

#[test]
fn rule_18_an_unknown_void_is_checked_then_resent_once_the_same_day() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    assert_eq!(case.next().send, Some(Request::CheckVoid));
    let not_found = |in_time| Input::VoidChecked {
        issued: Boottime(0),
        answer: StatusAnswer::NotFound,
        in_time,
    };
    assert_eq!(case.does(not_found(true)).send, Some(Request::Void));
    case.does(Input::VoidAnswered(VoidAnswer::Unknown));
    assert_eq!(case.next().send, Some(Request::CheckVoid));
    assert_eq!(case.does(not_found(true)).send, None, "never a third time");
    assert_eq!(case.next().send, Some(Request::CheckVoid));
    assert_eq!(
        case.does(not_found(false)).alert,
        None,
        "OVO's record may lag behind the second copy"
    );
    let lag = Duration::from_secs(60);
    let asked = case.next();
    assert_eq!(asked.send, Some(Request::CheckVoid));
    assert!(case.now >= case.state.settling_since.plus(lag), "a minute behind it");
    let issued = case.now;
    let answer = StatusAnswer::NotFound;
    let step = case.does(Input::VoidChecked { issued, answer, in_time: false });
    assert_eq!(step.alert, Some(Alert::VoidUnresolved));
    assert_eq!(case.state.void, Void::Expired);
    assert!(case.state.needs_operator());
}

#[test]
fn rule_18_a_late_refusal_is_asked_about_as_often_as_an_early_one() {
    for refused_after in [1.0, 40.0] {
        let mut case = Case::sent();
        case.does(Input::Answered(PushAnswer::Approved));
        case.does(Input::VoidAsked { in_time: true });
        case.now = case.now.plus(Duration::from_secs_f64(refused_after));
        case.does(Input::VoidAnswered(VoidAnswer::Rejected(code("17"))));
        assert_eq!(case.next().send, Some(Request::CheckVoid));
        let not_found =
            |issued| Input::VoidChecked { issued, answer: StatusAnswer::NotFound, in_time: true };
        // Asked at once, and answered a quarter of a minute later.
        let asked = case.now;
        case.now = case.now.plus(Duration::from_secs(15));
        case.does(not_found(asked));
        assert_eq!(case.state.void, Void::Questioned(code("17")), "{refused_after} s");
        assert_eq!(case.next().send, Some(Request::CheckVoid));
        let asked = case.now;
        case.does(not_found(asked));
        assert_eq!(case.state.void, Void::Rejected(code("17")), "{refused_after} s");
    }
}

#[test]
fn rule_18_a_void_that_crashed_is_asked_for_before_anything_else() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::Rebooted { away: Duration::from_secs(60) });
    assert_eq!(case.next().send, Some(Request::CheckVoid));
    let (issued, answer) = (case.now, StatusAnswer::Paid);
    case.does(Input::VoidChecked { issued, answer, in_time: true });
    assert_eq!(case.state.void, Void::Voided);
}

#[test]
fn rule_19_an_operator_ends_a_quarantine_either_way() {
    let quarantined = || {
        let mut case = Case::sent();
        case.at(60.5);
        case.checked(StatusAnswer::Doubtful);
        case
    };
    let mut case = quarantined();
    case.does(Input::Ruled(Ruling::Paid));
    assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Operator)));
    let mut case = quarantined();
    case.does(Input::Ruled(Ruling::Refund));
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    assert_eq!(case.at(64.9).send, None, "not before the session can be over (I8)");
    assert_eq!(case.at(65.0).send, Some(Request::Reversal));
    let mut case = quarantined();
    case.at(179.9);
    let step = case.does(Input::Ruled(Ruling::Close));
    assert_eq!(step.refused, Some(Refusal::CloseTooEarly), "a late push can still be confirmed");
    assert!(!case.state.is_closed() && case.state.needs_operator());
    case.at(180.0);
    case.does(Input::Ruled(Ruling::Close));
    assert!(case.state.is_closed() && !case.state.needs_operator());
    let mut case = Case::sent();
    assert_eq!(case.does(Input::Ruled(Ruling::Paid)).refused, Some(Refusal::NothingToRule));
}

#[test]
fn a_reversal_or_void_is_written_only_if_nothing_it_rests_on_has_changed() {
    let mut case = Case::sent();
    case.at(65.0);
    let decided = case.state;
    type Change = fn(&mut State);
    let others: [Change; 7] = [
        |state| {
            state.settlement = Settlement::Open(Reversal::Acknowledged(Boottime(70_000)));
        },
        |state| state.settlement = Settlement::closed(Boottime(70_000)),
        |state| state.settlement = Settlement::WithOperator,
        |state| state.duplicate_hint = true,
        |state| state.attested = false,
        |state| state.void = Void::Unknown,
        |state| state.void_resent = true,
    ];
    for (number, change) in others.into_iter().enumerate() {
        let mut current = decided;
        change(&mut current);
        assert!(!current.still_calls_for(&decided), "change {number}");
    }
    let same: [Change; 4] = [
        |state| state.reversals.count += 1,
        |state| state.due = None,
        |state| state.acknowledged = true,
        |state| state.overdue_alerts = 2,
    ];
    for (number, change) in same.into_iter().enumerate() {
        let mut current = decided;
        change(&mut current);
        assert!(current.still_calls_for(&decided), "change {number}");
    }
}

#[test]
fn without_check_payment_a_second_reversal_behind_180_seconds_closes() {
    let mut case = Case::without_checks();
    assert_eq!(case.at(60.5).send, None);
    case.at(65.0);
    assert_eq!(case.next().send, Some(Request::Reversal));
    case.reversed(ReversalAnswer::Acknowledged);
    assert!(!case.state.is_closed());
    case.next();
    assert_eq!(case.seconds_after_push(case.now), 180);
    assert_eq!(case.state.reversals.count, 2);
    case.reversed(ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed());
}

#[test]
fn without_check_payment_a_decline_is_verified_by_a_reversal() {
    let mut case = Case::without_checks();
    case.does(Input::Answered(PushAnswer::Declined(code("26"))));
    assert_eq!(case.next().send, Some(Request::Reversal));
    assert_eq!(case.seconds_after_push(case.now), 180);
    case.reversed(ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed());
}

#[test]
fn without_check_payment_doubtful_numbers_go_to_the_operator() {
    let mut case = Case::without_checks();
    case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    case.at(65.0);
    assert_eq!(case.state.verdict, Some(Verdict::Quarantined));
}

#[test]
fn ov16_a_refused_set_up_is_alerted_by_checks_too_and_nothing_closes() {
    let refused = StatusAnswer::Misconfigured(code("63"));
    let alert = Some(Alert::Misconfigured(code("63")));
    let mut case = Case::sent();
    case.at(60.5);
    assert_eq!(case.checked(refused).alert, alert);
    assert_eq!(case.state.verdict, None);
    case.at(65.0);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    for _ in 0..5 {
        assert_eq!(case.next().send, Some(Request::CheckPayment), "asked again");
        assert_eq!(case.checked(refused).alert, alert);
        assert_eq!(case.state.closed_at(), None);
    }
}

#[test]
fn a_contract_that_turns_out_to_have_no_check_payment_is_handled_alike() {
    let mut case = Case::sent();
    case.at(60.5);
    let step = case.checked(StatusAnswer::Unavailable);
    assert_eq!(step.alert, Some(Alert::CheckUnavailable));
    case.at(65.0);
    // Said once it may be a passing error; it counts at the second check behind that.
    for _ in 0..3 {
        assert_eq!(case.next().send, Some(Request::CheckPayment));
        case.checked(StatusAnswer::Unavailable);
    }
    assert_eq!(case.next().send, Some(Request::Reversal));
}

#[test]
fn race_a_success_after_the_decision_is_evidence_and_the_decision_stands() {
    let mut case = Case::sent();
    case.at(60.5);
    case.at(65.0);
    let step = case.does(Input::Answered(PushAnswer::Approved));
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    assert!(case.state.late_paid);
    assert_eq!(step.alert, Some(Alert::LateSuccess));
}

#[test]
fn race_a_success_after_closing_settles_everything_again() {
    let mut case = Case::sent().reversed_once();
    case.next();
    case.checked(StatusAnswer::NotFound);
    assert!(case.state.is_closed());
    case.does(Input::Answered(PushAnswer::Approved));
    assert!(!case.state.is_closed());
    assert_eq!(case.next().send, Some(Request::Reversal));
}

#[test]
fn a_lying_decline_is_refunded() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.next();
    let step = case.checked(StatusAnswer::Paid);
    assert!(matches!(step.alert, Some(Alert::LyingDecline(_))));
    assert_eq!(case.next().send, Some(Request::Reversal));
}

#[test]
fn a_reboot_begins_the_window_again_in_full() {
    let mut case = Case::sent();
    case.at(64.0);
    case.now = Boottime(3 * SECOND);
    case.does(Input::Rebooted { away: Duration::from_secs(3600) });
    assert_eq!(case.at(60.4).send, None);
    assert_eq!(case.at(60.5).send, Some(Request::CheckPayment));
    case.at(64.9);
    assert_eq!(case.state.verdict, None);
    case.at(65.0);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
}

#[test]
fn a_crash_before_the_last_byte_counts_from_the_intent_and_the_send_budget() {
    let policy = Policy::default();
    let state = State::intent(&policy, Boottime(0), true, 0);
    assert_eq!(state.due, Some(Boottime(25 * SECOND + 60_500)));
}

#[test]
fn a_missing_network_is_tried_again_every_fifteen_seconds() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::NotFound);
    case.at(65.0);
    for _ in 0..100 {
        let before = case.now;
        assert_eq!(case.next().send, Some(Request::Reversal));
        assert!(case.now.since(before) <= Duration::from_secs(18));
        case.reversed(ReversalAnswer::NotSent);
    }
}

#[test]
fn a_pause_that_the_host_asks_for_is_kept_up_to_fifteen_minutes() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::NotFound);
    case.at(65.0);
    case.next();
    case.reversed(ReversalAnswer::Again(Some(Duration::from_secs(600))));
    assert!(case.state.due.unwrap().since(case.now) >= Duration::from_secs(599));
    case.next();
    case.reversed(ReversalAnswer::Again(Some(Duration::from_secs(1_000_000))));
    assert!(case.state.due.unwrap().since(case.now) <= Duration::from_secs(900));
}

#[test]
fn unfinished_settlement_alerts_after_five_minutes_and_after_an_hour() {
    let mut case = Case::sent();
    case.at(60.5);
    case.checked(StatusAnswer::NotFound);
    case.at(65.0);
    let decided = case.now;
    let mut alerts = Vec::new();
    while case.now.since(decided) < Duration::from_secs(3 * 3600) {
        if let Some(Alert::Overdue(late)) = case.next().alert {
            alerts.push(late.as_secs());
        }
        case.reversed(ReversalAnswer::Again(None));
    }
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    assert!(alerts[0] >= 300 && alerts[1] >= 3600);
}

#[test]
fn timers_shorter_than_ovos_are_refused_for_ovo() {
    assert!(Timers::OVO.validate_for_ovo().is_ok());
    assert!(Timers::scaled(0.5).validate_for_ovo().is_err());
    let longer = Timers { delay_bound: Duration::from_secs(600), ..Timers::OVO };
    assert!(longer.validate_for_ovo().is_ok());
    let hasty = Timers { decide: Duration::from_secs(61), ..Timers::OVO };
    assert!(hasty.validate_for_ovo().is_err());
    // Not one of the waits can be made shorter, those of the looks behind a settled payment included.
    let second = Duration::from_secs(1);
    for shortened in [
        Timers { first_sweep: second, ..Timers::OVO },
        Timers { second_sweep: second, ..Timers::OVO },
        Timers { keep_phone: second, ..Timers::OVO },
        Timers { exchange_budget: second, ..Timers::OVO },
    ] {
        assert!(shortened.validate_for_ovo().is_err(), "{shortened:?}");
    }
}

/// Random events in random order: whatever happens, the invariants that need no history hold.
#[test]
fn no_sequence_of_events_breaks_an_invariant() {
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut roll = |sides: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % sides
    };
    for round in 0..20_000 {
        let policy = Policy {
            check_payment: roll(4) != 0,
            verify_declines: roll(2) == 0,
            late_success: if roll(2) == 0 { LateSuccess::Accept } else { LateSuccess::Reverse },
            ..Policy::default()
        };
        let mut case = Case::with(policy);
        case.state.attested = roll(5) != 0;
        for _ in 0..40 {
            let before = case.state;
            let issued = Boottime(case.now.0 - roll(100_000).min(case.now.0));
            let statuses = [
                StatusAnswer::Paid,
                StatusAnswer::ForeignSale,
                StatusAnswer::Doubtful,
                StatusAnswer::NotFound,
                StatusAnswer::Reversed,
                StatusAnswer::TooOld,
                StatusAnswer::Unavailable,
                StatusAnswer::Misconfigured(code("63")),
                StatusAnswer::NoAnswer,
            ];
            let answer = statuses[roll(9) as usize];
            let input = match roll(16) {
                0 => Input::Answered(PushAnswer::Approved),
                1 => Input::Answered(PushAnswer::Declined(code("17"))),
                2 => Input::Answered(PushAnswer::Duplicate(code("94"))),
                3 => Input::Answered(PushAnswer::Unknown),
                4 | 5 => Input::Checked { issued, answer, waiting: roll(2) == 0 },
                6 => Input::Reversed { issued, answer: ReversalAnswer::Acknowledged },
                7 => Input::Reversed { issued, answer: ReversalAnswer::Again(None) },
                8 => Input::VoidAsked { in_time: roll(2) == 0 },
                9 => Input::VoidAnswered(
                    [VoidAnswer::Voided, VoidAnswer::Unknown, VoidAnswer::NotSent]
                        [roll(3) as usize],
                ),
                10 => Input::VoidChecked { issued, answer, in_time: roll(2) == 0 },
                11 => Input::Ruled([Ruling::Paid, Ruling::Refund, Ruling::Close][roll(3) as usize]),
                12 => Input::ReportedPaid,
                13 => Input::Acknowledged,
                _ => Input::Due,
            };
            case.now = Boottime(case.now.0 + [0, 40, 5_000, 61_000, 400_000][roll(5) as usize]);
            let step = case.does(input);
            let state = &case.state;
            let context = format!("round {round}: {input:?}\n{before:?}\n{state:?}");
            match (before.verdict, state.verdict) {
                (None, _) => {}
                (Some(Verdict::Quarantined), _) => {}
                (was, is) => assert_eq!(was, is, "I4 {context}"),
            }
            if matches!(state.verdict, Some(Verdict::Accepted(_) | Verdict::NotSent)) {
                assert!(!state.owes_reversal() && state.reversals.count == 0, "I2 {context}");
                assert_ne!(step.send, Some(Request::Reversal), "I2 {context}");
            }
            if step.send == Some(Request::Reversal) {
                assert!(
                    matches!(before.verdict, Some(Verdict::Abandoned | Verdict::Declined(_))),
                    "I3: the verdict was durable before this step {context}"
                );
                let after_push = case.now.since(state.window);
                assert!(after_push >= policy.timers.decide, "I8 {context}");
                assert!(state.seen || (state.attested && !state.duplicate_hint), "I10 {context}");
            }
            if matches!(step.send, Some(Request::Void | Request::CheckVoid)) {
                assert!(matches!(state.verdict, Some(Verdict::Accepted(_))), "VI1 {context}");
            }
            if state.due.is_none() {
                assert!(state.phone_forgotten, "I11: nothing due, nothing kept {context}");
            }
            if state.verdict.is_none() {
                assert!(state.due.is_some(), "I11 {context}");
            }
        }
    }
}
