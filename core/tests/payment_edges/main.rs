//! The policy where adversaries broke it: cancel, paces that must not be lost, operators, evidence
//! that contradicts itself.

mod left_to_people;
mod settlement_file;
mod walk;

use std::time::Duration;

use ovo_ptp::message::ResponseCode;
use ovo_ptp::payment::{
    Alert, Boottime, Closer, Input, Policy, PushAnswer, Refusal, Request, ReversalAnswer, Ruling,
    Settlement, Source, State, StatusAnswer, Step, Verdict, VoidAnswer, step,
};

struct Case {
    policy: Policy,
    state: State,
    now: Boottime,
    /// Everything that was sent, and when.
    sent: Vec<(Request, Boottime)>,
    alerts: Vec<Alert>,
}

fn code(text: &str) -> ResponseCode {
    ResponseCode::new(text).expect("a code")
}

impl Case {
    fn with(policy: Policy) -> Case {
        let now = Boottime(1_000_000);
        let state = State::intent(&policy, now, true, 7);
        let mut case = Case { policy, state, now, sent: Vec::new(), alerts: Vec::new() };
        case.does(Input::Sent);
        case
    }

    fn sent() -> Case {
        Case::with(Policy::default())
    }

    fn without_checks() -> Case {
        Case::with(Policy { check_payment: false, ..Policy::default() })
    }

    fn does(&mut self, input: Input) -> Step {
        let step = step(&self.policy, &self.state, input, self.now);
        self.state = step.state;
        self.sent.extend(step.send.map(|request| (request, self.now)));
        self.alerts.extend(step.alert);
        step
    }

    fn at(&mut self, seconds: f64) -> Step {
        self.now = self.state.window.plus(Duration::from_secs_f64(seconds));
        self.does(Input::Due)
    }

    fn seconds(&self) -> f64 {
        self.now.since(self.state.window).as_secs_f64()
    }

    /// Lets time pass until `seconds` after the push, OVO answering every check and every reversal
    /// like this.
    fn until(&mut self, seconds: f64, status: StatusAnswer, reversal: ReversalAnswer) {
        let end = self.state.window.plus(Duration::from_secs_f64(seconds));
        while let Some(due) = self.state.due.filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let mut send = self.does(Input::Due).send;
            while let Some(request) = send {
                let issued = self.now;
                self.now = self.now.plus(Duration::from_millis(40));
                let input = match request {
                    Request::CheckPayment => {
                        Input::Checked { issued, answer: status, waiting: false }
                    }
                    Request::Reversal => Input::Reversed { issued, answer: reversal },
                    Request::Void => Input::VoidAnswered(VoidAnswer::Unknown),
                    Request::CheckVoid => {
                        Input::VoidChecked { issued, answer: status, in_time: true }
                    }
                };
                send = self.does(input).send;
            }
        }
        self.now = self.now.max(end);
    }

    fn count(&self, request: Request) -> usize {
        self.sent.iter().filter(|(sent, _)| *sent == request).count()
    }

    fn first(&self, request: Request) -> Option<f64> {
        let (_, at) = self.sent.iter().find(|(sent, _)| *sent == request)?;
        Some(at.since(self.state.window).as_secs_f64())
    }
}

// Cancel.

#[test]
fn c17_a_cancelled_payment_is_abandoned_at_once_and_reversed_from_65_seconds_on() {
    let mut case = Case::sent();
    case.at(12.0);
    let step = case.does(Input::Cancelled { heard: true });
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    assert!(case.state.cancelled && step.send.is_none());
    assert!(case.state.may_still_debit(), "a second push to that phone waits");
    case.until(64.9, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(case.state.may_still_debit(), "and waits while the answer is listened for");
    case.at(65.0);
    assert_eq!(case.count(Request::Reversal), 0);
    case.does(Input::HeardOut);
    case.until(600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    let reversed = case.first(Request::Reversal).expect("a reversal");
    assert!((65.0..66.0).contains(&reversed), "{reversed}");
    assert!(case.first(Request::CheckPayment).is_some_and(|at| at >= 60.5));
    assert!(case.state.is_closed());
}

#[test]
fn c17_who_is_never_heard_out_vouches_for_nothing() {
    // Its process was closed or killed behind the cancel: no check, or none answered.
    for (mut case, answer) in [
        (Case::sent(), StatusAnswer::NotFound),
        (Case::sent(), StatusAnswer::NoAnswer),
        (Case::sent(), StatusAnswer::Unavailable),
        (Case::without_checks(), StatusAnswer::NoAnswer),
    ] {
        case.at(12.0);
        case.does(Input::Cancelled { heard: true });
        case.until(3_600.0, answer, ReversalAnswer::Acknowledged);
        assert_eq!(case.count(Request::Reversal), 0, "{answer:?}");
        assert!(case.state.is_closed() == (answer == StatusAnswer::NotFound), "{answer:?}");
        let told = case.state.needs_operator() || case.alerts.contains(&Alert::Doubtful);
        assert!(told || answer == StatusAnswer::NotFound || case.state.overdue_alerts > 0);
    }
}

#[test]
fn c17_heard_out_behind_a_cancel_the_numbers_are_vouched_for_again() {
    for (mut case, answer, at) in [
        (Case::without_checks(), StatusAnswer::NoAnswer, 65.0..66.0),
        // One 58 or 96 may be a passing error: the second one counts.
        (Case::sent(), StatusAnswer::Unavailable, 70.0..120.0),
        (Case::sent(), StatusAnswer::NoAnswer, 300.0..400.0),
    ] {
        case.at(12.0);
        case.does(Input::Cancelled { heard: true });
        case.until(65.0, answer, ReversalAnswer::Acknowledged);
        case.does(Input::HeardOut);
        case.until(600.0, answer, ReversalAnswer::Acknowledged);
        let reversed = case.first(Request::Reversal).expect("a reversal");
        assert!(at.contains(&reversed), "{answer:?}: {reversed}");
    }
}

#[test]
fn c17_code_26_behind_a_cancel_and_a_check_that_found_nothing_is_reversed() {
    let mut case = Case::sent();
    case.at(12.0);
    case.does(Input::Cancelled { heard: true });
    case.until(62.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    case.does(Input::Answered(PushAnswer::Declined(code("26"))));
    assert!(case.state.may_still_debit(), "the prompt may still be found");
    case.until(600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 1);
}

#[test]
fn c17_a_late_success_of_a_cancelled_payment_is_evidence_and_returned() {
    let mut case = Case::sent();
    case.at(12.0);
    case.does(Input::Cancelled { heard: true });
    case.at(20.0);
    let step = case.does(Input::Answered(PushAnswer::Approved));
    assert_eq!(step.alert, Some(Alert::LateSuccess));
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned), "cash may have changed hands");
    assert!(case.state.late_paid);
    case.until(70.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 1);
}

#[test]
fn c17_a_definite_decline_ends_a_cancelled_payment_without_a_reversal() {
    for checks in [true, false] {
        let mut case = Case::with(Policy { check_payment: checks, ..Policy::default() });
        case.at(12.0);
        case.does(Input::Cancelled { heard: true });
        case.at(20.0);
        case.does(Input::Answered(PushAnswer::Declined(code("17"))));
        case.until(900.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        assert_eq!(case.count(Request::Reversal), 0);
        assert_eq!(case.state.verdict, Some(Verdict::Abandoned), "what was told stands");
        assert!(case.state.is_closed());
    }
}

#[test]
fn c17_a_verdict_that_came_first_stands_and_cancel_changes_nothing() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    let before = case.state;
    let step = case.does(Input::Cancelled { heard: true });
    assert_eq!((case.state, step.refused), (before, None));
    assert_eq!(case.state.verdict, Some(Verdict::Accepted(Source::Push)));
}

#[test]
fn c17_what_could_not_be_reversed_cannot_be_cancelled() {
    let mut duplicate = Case::sent();
    duplicate.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    let mut unvouched = Case::without_checks();
    unvouched.state.attested = false;
    for mut case in [duplicate, unvouched] {
        let before = case.state;
        let step = case.does(Input::Cancelled { heard: true });
        assert_eq!(step.refused, Some(Refusal::CannotBeReversed));
        assert_eq!(case.state, before);
    }
}

#[test]
fn what_was_shown_as_debited_is_reversed_although_checks_do_not_find_it() {
    // The push's own answer, under numbers that nobody vouches for.
    for (decided, at) in [(false, 30.0), (true, 65.1)] {
        let mut case = Case::sent();
        case.state.attested = false;
        case.at(12.0);
        if !decided {
            case.does(Input::Cancelled { heard: false });
        }
        case.at(at);
        case.does(Input::Answered(PushAnswer::Approved));
        case.until(600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        assert!(case.count(Request::Reversal) > 0, "at {at}");
        assert!(case.state.late_paid && case.state.is_closed());
    }
}

#[test]
fn a_closing_check_that_says_reversed_tells_that_our_reversal_returned_a_debit() {
    for (closing, debited) in [(StatusAnswer::Reversed, true), (StatusAnswer::NotFound, false)] {
        let mut case = Case::sent();
        // The check of 60.5 s lags.
        case.until(120.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        assert!(case.count(Request::Reversal) == 1 && !case.state.late_paid);
        case.until(600.0, closing, ReversalAnswer::Acknowledged);
        assert!(case.state.is_closed());
        assert_eq!(case.state.late_paid, debited, "{closing:?}");
    }
}

#[test]
fn a_success_that_is_heard_behind_the_acknowledged_reversal_is_reversed_again() {
    let mut case = Case::sent();
    case.until(66.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 1);
    case.does(Input::Answered(PushAnswer::Approved));
    assert!(case.state.may_still_debit());
    case.until(600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 2);
}

// Pace.

#[test]
fn a_check_by_hand_just_before_the_policys_own_leaves_nothing_due_that_does_nothing() {
    let mut case = Case::sent();
    case.at(60.1);
    let issued = case.now;
    case.does(Input::Checked { issued, answer: StatusAnswer::NotFound, waiting: true });
    case.at(60.6);
    let due = case.state.due.expect("the decision, at the latest");
    assert!(due > case.now, "due at {due:?}, and it is {:?}", case.now);
    case.at(65.0);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
}

#[test]
fn ov18_an_acknowledged_reversal_without_effect_is_repeated_ever_more_slowly_and_alerted() {
    let mut case = Case::sent();
    case.at(60.5);
    case.until(780.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    let in_ten_minutes = case.count(Request::Reversal);
    assert!((3..=8).contains(&in_ten_minutes), "{in_ten_minutes} reversals in twelve minutes");
    assert!(case.count(Request::CheckPayment) <= 12);
    assert!(case.alerts.contains(&Alert::ReversalWithoutEffect));
    case.until(3600.0 * 30.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert!(case.alerts.contains(&Alert::OverdueForADay), "and an operator is told");
    assert!(case.state.needs_operator() && !case.state.is_closed());
    let before = case.count(Request::Reversal);
    case.until(3600.0 * 40.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    let in_ten_hours = case.count(Request::Reversal) - before;
    assert!((8..=11).contains(&in_ten_hours), "hourly: {in_ten_hours}");
    case.does(Input::Ruled(Ruling::Close));
    let before = case.sent.len();
    case.until(3600.0 * 24.0 * 9.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert_eq!(case.sent.len(), before, "closed by an operator: nothing more is sent");
}

#[test]
fn a_first_reversal_on_new_evidence_is_not_held_back() {
    let mut case = Case::sent();
    case.at(60.5);
    // OVO answers no reversal for an hour: the pauses have grown to a quarter of an hour.
    case.until(4_000.0, StatusAnswer::NotFound, ReversalAnswer::Again(None));
    let before = case.count(Request::Reversal);
    let issued = case.now;
    case.does(Input::Checked { issued, answer: StatusAnswer::Paid, waiting: false });
    let seconds = case.seconds() + 15.1;
    case.until(seconds, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), before + 1, "within OVO's 15 s");
}

#[test]
fn n13_tries_that_never_left_are_not_counted() {
    let mut case = Case::sent();
    case.at(60.5);
    case.does(Input::Checked { issued: case.now, answer: StatusAnswer::NotFound, waiting: false });
    case.until(3_600.0, StatusAnswer::NotSent, ReversalAnswer::NotSent);
    assert_eq!(case.state.reversals.count, 0);
    let due = case.state.due.expect("due");
    assert!(due.since(case.now) <= Duration::from_secs(15), "used within 15 s of its return");
}

// Operators.

#[test]
fn op5_what_an_operator_closed_sends_nothing_more_whatever_is_heard() {
    let mut case = Case::sent();
    case.until(66.0, StatusAnswer::NoAnswer, ReversalAnswer::Again(None));
    case.until(200.0, StatusAnswer::Doubtful, ReversalAnswer::Again(None));
    assert_eq!(case.state.settlement, Settlement::WithOperator);
    case.does(Input::Ruled(Ruling::Close));
    let closed = Settlement::Closed { at: case.now, by: Closer::Operator, looks: 0 };
    assert_eq!(case.state.settlement, closed);
    assert!(!case.state.may_still_debit(), "the customer can pay again");
    let sent = case.sent.len();
    for evidence in [
        Input::ReportedPaid,
        Input::Checked { issued: case.now, answer: StatusAnswer::Paid, waiting: false },
        Input::Answered(PushAnswer::Approved),
    ] {
        let step = case.does(evidence);
        assert_eq!(step.alert, Some(Alert::DebitAfterClose));
        assert!(case.state.late_paid, "recorded");
    }
    case.until(3600.0 * 24.0 * 8.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert_eq!(case.sent.len(), sent);
    assert!(case.state.phone_forgotten);
}

#[test]
fn op6_a_refused_ruling_void_or_acknowledgement_changes_nothing() {
    let mut paid = Case::sent();
    paid.does(Input::Answered(PushAnswer::Approved));
    let issued = paid.now;
    paid.does(Input::Checked { issued, answer: StatusAnswer::Reversed, waiting: false });
    paid.does(Input::Acknowledged);
    for refused in [Input::Ruled(Ruling::Refund), Input::Ruled(Ruling::Paid)] {
        let before = paid.state;
        let step = paid.does(refused);
        assert_eq!((step.refused, paid.state), (Some(Refusal::NothingToRule), before));
    }
    let mut open = Case::sent();
    for (input, refusal) in [
        (Input::Ruled(Ruling::Close), Refusal::NothingToRule),
        (Input::Acknowledged, Refusal::NoOutcome),
        (Input::VoidAsked { in_time: true }, Refusal::NotPaid),
    ] {
        let before = open.state;
        assert_eq!(open.does(input).refused, Some(refusal));
        assert_eq!(open.state, before);
    }
}

#[test]
fn every_unsettled_payment_can_be_ended_by_an_operator_once_it_is_overdue() {
    for (status, reversal) in [
        (StatusAnswer::NoAnswer, ReversalAnswer::Again(None)),
        (StatusAnswer::Paid, ReversalAnswer::Again(None)),
        (StatusAnswer::Paid, ReversalAnswer::Acknowledged),
        (StatusAnswer::Misconfigured(code("63")), ReversalAnswer::Misconfigured(code("63"))),
        (StatusAnswer::NotFound, ReversalAnswer::Again(None)),
    ] {
        let mut case = Case::sent();
        case.until(60.0 * 10.0, status, reversal);
        assert!(!case.state.is_closed() && case.state.may_be_ruled(), "{status:?} {reversal:?}");
        assert_eq!(case.does(Input::Ruled(Ruling::Close)).refused, None);
        assert!(case.state.is_closed());
    }
}

#[test]
fn ov15_code_54_lists_a_payment_and_the_reversal_it_owes_goes_on_hourly() {
    let mut case = Case::sent();
    case.at(60.5);
    let week = 3600.0 * 24.0 * 6.6;
    case.until(week, StatusAnswer::NotFound, ReversalAnswer::Again(None));
    let issued = case.now;
    let step = case.does(Input::Checked { issued, answer: StatusAnswer::TooOld, waiting: false });
    assert_eq!(step.alert, Some(Alert::TooOld));
    assert!(case.state.needs_operator() && case.state.owes_reversal());
    let before = case.count(Request::Reversal);
    case.until(week + 3600.0 * 10.0, StatusAnswer::TooOld, ReversalAnswer::Again(None));
    assert!((9..=11).contains(&(case.count(Request::Reversal) - before)));
    case.until(week + 3600.0 * 12.0, StatusAnswer::TooOld, ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed() && case.state.needs_operator(), "nobody verified it");
}

#[test]
fn code_54_about_a_payment_of_this_week_is_about_an_older_sale_and_reverses_nothing() {
    let mut case = Case::sent();
    case.at(60.5);
    case.until(3600.0, StatusAnswer::TooOld, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 0);
    assert!(case.state.needs_operator());
}

#[test]
fn t9_eight_days_switched_off_trouble_nobody_about_settled_payments() {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.until(200.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed());
    case.now = Boottime(5_000);
    case.does(Input::Rebooted { away: Duration::from_secs(8 * 86_400) });
    case.until(4.0 * 86_400.0, StatusAnswer::TooOld, ReversalAnswer::Acknowledged);
    assert!(case.alerts.is_empty() && !case.state.needs_operator(), "{:?}", case.alerts);
    assert!(case.state.phone_forgotten);
}

// Evidence.

#[test]
fn ov20_not_found_and_then_another_sale_sends_no_reversal() {
    let mut case = Case::sent();
    case.at(60.5);
    case.does(Input::Checked { issued: case.now, answer: StatusAnswer::NotFound, waiting: false });
    case.at(65.0);
    assert!(case.state.seen && case.state.owes_reversal());
    let issued = case.now;
    case.does(Input::Checked { issued, answer: StatusAnswer::ForeignSale, waiting: false });
    case.until(3600.0, StatusAnswer::ForeignSale, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 0);
}

#[test]
fn a_customers_own_decline_is_never_reversed_without_evidence_of_a_debit() {
    let mut case = Case::without_checks();
    case.does(Input::Answered(PushAnswer::Declined(code("17"))));
    case.until(3600.0 * 24.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert!(case.sent.is_empty(), "{:?}", case.sent);
    // A file that shows it as paid is evidence.
    case.does(Input::ReportedPaid);
    case.until(3600.0 * 25.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 1);
}

#[test]
fn an_undelivered_prompt_blocks_the_phone_and_without_checks_is_reversed_once() {
    let mut case = Case::without_checks();
    case.does(Input::Answered(PushAnswer::Declined(code("26"))));
    assert!(case.state.may_still_debit(), "the customer can log in, find the prompt and confirm");
    case.until(179.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert!(case.sent.is_empty());
    case.until(3600.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert_eq!(case.count(Request::Reversal), 1);
    assert!(case.state.is_closed() && !case.state.may_still_debit());

    let policy = Policy { check_payment: false, trust_undelivered: true, ..Policy::default() };
    let mut trusting = Case::with(policy);
    trusting.does(Input::Answered(PushAnswer::Declined(code("26"))));
    trusting.until(3600.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert!(trusting.sent.is_empty() && trusting.state.is_closed());
}

#[test]
fn rule_14b_checks_that_stay_unanswered_reverse_unseen_only_behind_five_minutes_of_asking() {
    let unanswered = |answer: StatusAnswer| {
        let mut case = Case::sent();
        case.until(500.0, answer, ReversalAnswer::Acknowledged);
        case.first(Request::Reversal)
    };
    let at = unanswered(StatusAnswer::NoAnswer).expect("a reversal");
    assert!((365.0..400.0).contains(&at), "{at}");
    let at = unanswered(StatusAnswer::Misconfigured(code("BR"))).expect("a reversal");
    assert!((365.0..400.0).contains(&at), "a refused set-up is no answer: {at}");
    assert_eq!(unanswered(StatusAnswer::NotSent), None, "what never left was not asked");
}

#[test]
fn a_doubtful_or_contradicting_payment_blocks_a_second_push_until_it_is_ruled_on() {
    let mut case = Case::sent();
    case.at(60.5);
    case.does(Input::Checked { issued: case.now, answer: StatusAnswer::Doubtful, waiting: true });
    assert_eq!(case.state.verdict, Some(Verdict::Quarantined));
    assert!(case.state.may_still_debit() && case.state.blocks_for_a_time());
    case.at(200.0);
    case.does(Input::Ruled(Ruling::Close));
    assert!(!case.state.may_still_debit());
}
