//! OVO's settlement file (OP4) beside OVO's own record: what they make of a payment together.

use std::time::Duration;

use ovo_ptp::payment::{
    Alert, Input, PushAnswer, Request, ReversalAnswer, Ruling, Settlement, StatusAnswer,
};

use crate::{Case, code};

/// A payment that OVO called a duplicate, and that is closed; its invoice then stands in OVO's file.
fn closed_duplicate() -> Case {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Duplicate(code("94"))));
    case.until(600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed() && case.count(Request::Reversal) == 0);
    case
}

#[test]
fn op4_what_a_file_shows_is_asked_about_before_anything_is_reversed() {
    let mut ours = Case::sent();
    ours.until(1_200.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(ours.state.is_closed());
    let (not_found, paid) = (StatusAnswer::NotFound, StatusAnswer::Paid);
    for (mut case, answer, reverses) in [
        // Numbers that are ours hit nobody else, whatever OVO finds.
        (ours, not_found, true),
        // The file names an invoice: under numbers that OVO called duplicate there may be another
        // customer's sale.
        (closed_duplicate(), not_found, false),
        (closed_duplicate(), paid, true),
    ] {
        let (asked, reversed) = (case.sent.len(), case.count(Request::Reversal));
        case.now = case.now.plus(Duration::from_secs(10_000));
        case.does(Input::ReportedPaid);
        let hour = case.seconds() + 3_600.0;
        case.until(hour, answer, ReversalAnswer::Acknowledged);
        assert_eq!(case.sent[asked].0, Request::CheckPayment, "before a reversal");
        assert_eq!(case.count(Request::Reversal) > reversed, reverses, "{answer:?}");
        // A file and a record that contradict each other are nobody's proof.
        if answer == not_found {
            assert!(case.state.is_closed() && case.state.needs_operator());
        }
    }
}

/// Not told as paid, and not settled: its checks are not answered.
fn unanswered() -> Case {
    let mut case = Case::sent();
    case.until(200.0, StatusAnswer::NoAnswer, ReversalAnswer::Acknowledged);
    assert!(case.state.owes_reversal() && !case.state.needs_operator());
    case
}

/// The check that closes it names another amount.
fn doubtful() -> Case {
    let mut case = Case::sent();
    case.until(66.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    case.until(600.0, StatusAnswer::Doubtful, ReversalAnswer::Acknowledged);
    assert_eq!(case.state.settlement, Settlement::WithOperator);
    case
}

#[test]
fn op4_a_file_that_the_record_never_confirms_stays_an_operators_case_whenever_it_is_read() {
    for mut case in [unanswered(), doubtful()] {
        case.does(Input::ReportedPaid);
        case.alerts.clear();
        case.until(case.seconds() + 1_200.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        assert!(case.state.is_closed() && case.state.needs_operator());
        let doubts = case.alerts.iter().filter(|alert| **alert == Alert::Doubtful);
        assert_eq!(doubts.count(), 1);
        case.does(Input::Ruled(Ruling::Close));
        assert!(!case.state.needs_operator());
    }
}

#[test]
fn op4_a_file_that_is_read_once_more_changes_nothing_and_alerts_nobody() {
    for mut case in [unanswered(), doubtful(), closed_duplicate()] {
        case.now = case.now.plus(Duration::from_secs(10_000));
        for seconds in [0.0, 3_600.0] {
            if seconds > 0.0 {
                let later = case.seconds() + seconds;
                case.until(later, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
                assert!(case.state.is_closed() && case.state.needs_operator());
            } else {
                assert!(case.does(Input::ReportedPaid).alert.is_some());
            }
            let before = case.state;
            let again = case.does(Input::ReportedPaid);
            assert_eq!((again.alert, again.send), (None, None));
            let touched = before.touched;
            assert_eq!(ovo_ptp::payment::State { touched, ..case.state }, before);
        }
        // What OVO shows itself is news.
        let (issued, answer) = (case.now, StatusAnswer::Paid);
        let alert = case.does(Input::Checked { issued, answer, waiting: false }).alert;
        assert_eq!(alert, Some(Alert::DelayBoundBroken));
    }
}

#[test]
fn op4_what_the_record_confirms_goes_back_and_troubles_nobody() {
    for mut case in [unanswered(), doubtful()] {
        case.does(Input::ReportedPaid);
        let reversals = case.count(Request::Reversal);
        // OVO shows the debit until it is reversed.
        while case.count(Request::Reversal) == reversals {
            let soon = case.seconds() + 5.0;
            case.until(soon, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
        }
        let much_later = case.seconds() + 1_200.0;
        case.until(much_later, StatusAnswer::Reversed, ReversalAnswer::Acknowledged);
        assert!(case.state.is_closed() && !case.state.needs_operator() && case.state.late_paid);
    }
}

#[test]
fn op4_a_refund_that_was_ruled_is_confirmed_by_the_record_or_remains_an_operators_case() {
    let contradicted = || {
        let mut case = Case::sent();
        case.until(1_200.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        case.now = case.now.plus(Duration::from_secs(10_000));
        case.does(Input::ReportedPaid);
        let hour = case.seconds() + 3_600.0;
        case.until(hour, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        assert!(case.state.is_closed() && case.state.needs_operator());
        case
    };
    for (answer, is_left) in [(StatusAnswer::NotFound, true), (StatusAnswer::Reversed, false)] {
        let mut case = contradicted();
        let reversals = case.count(Request::Reversal);
        assert_eq!(case.does(Input::Ruled(Ruling::Refund)).refused, None);
        let hour = case.seconds() + 3_600.0;
        case.until(hour, answer, ReversalAnswer::Acknowledged);
        assert!(case.count(Request::Reversal) > reversals && case.state.is_closed());
        assert_eq!(case.state.needs_operator(), is_left, "{answer:?}");
        assert_eq!(case.state.late_paid, !is_left, "{answer:?}");
    }
}

#[test]
fn the_pushs_own_success_of_a_payment_that_an_operator_has_is_told_to_them_and_returned_by_nobody()
{
    let mut case = Case::sent();
    case.at(60.5);
    let issued = case.now;
    case.does(Input::Checked { issued, answer: StatusAnswer::Doubtful, waiting: false });
    assert_eq!(case.state.settlement, Settlement::WithOperator);
    let step = case.does(Input::Answered(PushAnswer::Approved));
    assert_eq!((step.alert, step.send), (Some(Alert::Doubtful), None));
    assert!(case.state.needs_operator() && case.state.late_paid);
    case.at(200.0);
    case.does(Input::Ruled(Ruling::Close));
    let step = case.does(Input::Answered(PushAnswer::Approved));
    assert_eq!(step.alert, Some(Alert::DebitAfterClose));
}

#[test]
fn op4_a_file_that_the_record_contradicts_is_told_of_one_that_took_more_than_a_day_before_too() {
    let day = 24.0 * 3_600.0;
    let mut case = Case::sent();
    case.until(2.0 * day, StatusAnswer::NoAnswer, ReversalAnswer::Acknowledged);
    assert!(case.alerts.contains(&Alert::OverdueForADay) && case.state.needs_operator());
    // Read while it still takes long, and behind its end.
    for is_closed in [false, true] {
        let mut case = Case { alerts: Vec::new(), sent: Vec::new(), ..case };
        if is_closed {
            case.until(2.2 * day, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
            assert!(case.state.is_closed() && !case.state.needs_operator());
            case.sent.clear();
        }
        case.does(Input::ReportedPaid);
        case.until(case.seconds() + day, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        assert!(case.state.is_closed() && case.state.needs_operator());
        assert!(case.alerts.contains(&Alert::Doubtful));
        let first = case.sent.iter().find(|(request, _)| *request != Request::CheckPayment);
        let asked = case.sent.iter().position(|(request, _)| *request == Request::CheckPayment);
        assert_eq!(first.map(|(request, _)| *request), Some(Request::Reversal));
        assert_eq!(asked, Some(0), "OVO is asked before anything is reversed");
    }
}

#[test]
fn op4_a_debit_that_only_a_file_showed_and_no_check_saw_returned_is_told_as_unverified() {
    let mut case = Case::sent();
    let days = 72.0 * 3_600.0;
    case.until(days, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed() && case.state.phone_forgotten);
    case.now = case.state.window.plus(Duration::from_secs_f64(days));
    case.does(Input::ReportedPaid);
    case.until(2.0 * days, StatusAnswer::NoAnswer, ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed() && case.state.late_paid);
    assert_eq!(case.alerts.last(), Some(&Alert::Unverified));
}
