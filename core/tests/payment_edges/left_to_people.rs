//! What an operator decides about (rule 21, and evidence that contradicts itself) stays an operator's, whatever is
//! asked, read or looked at behind that.

use std::time::Duration;

use ovo_ptp::payment::{
    Alert, Input, ListedFor, PushAnswer, Refusal, Request, Reversal, ReversalAnswer, Ruling,
    Settlement, StatusAnswer, Verdict, Void, VoidAnswer,
};

use crate::{Case, code};

/// Given up as any other, and then in a journal that cannot vouch for itself, as it leaves a row.
fn doubted(mut case: Case) -> Case {
    if case.state.owes_reversal() {
        case.state.settlement = Settlement::Open(Reversal::NotNeeded);
    }
    case.state.doubted = true;
    if matches!(case.state.settlement, Settlement::Open(_)) {
        case.state.due = Some(case.now);
    }
    case
}

/// Open, with an operator, and closed by the policy when the journal was copied.
fn each_kind() -> [Case; 3] {
    let mut open = Case::sent();
    open.until(66.0, StatusAnswer::NoAnswer, ReversalAnswer::Acknowledged);
    assert!(open.state.owes_reversal());
    let mut waits = Case::sent();
    waits.until(66.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    waits.until(600.0, StatusAnswer::Doubtful, ReversalAnswer::Acknowledged);
    assert_eq!(waits.state.settlement, Settlement::WithOperator);
    let mut closed = Case::sent();
    closed.until(600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(closed.state.is_closed());
    [open, waits, closed].map(|case| {
        let mut case = doubted(case);
        (case.sent, case.alerts) = (Vec::new(), Vec::new());
        case
    })
}

/// Money that was returned by hand behind the copy would go back twice.
#[test]
fn rule_21_what_a_copy_knows_is_reversed_by_nobody_but_an_operator() {
    let evidence = |case: &Case| {
        let checked = |answer| Input::Checked { issued: case.now, answer, waiting: false };
        [checked(StatusAnswer::Paid), Input::ReportedPaid, Input::Answered(PushAnswer::Approved)]
    };
    for kind in 0..3 {
        for which in 0..3 {
            for asked in [StatusAnswer::Paid, StatusAnswer::NotFound, StatusAnswer::NoAnswer] {
                let mut kinds = each_kind();
                let case = &mut kinds[kind];
                case.now = case.now.plus(Duration::from_secs(700));
                let input = evidence(case)[which];
                assert_eq!(case.does(input).alert, Some(Alert::Doubtful), "{kind} {input:?}");
                assert!(case.state.needs_operator() && case.state.doubted);
                // Once more, asked, and a day of whatever OVO says.
                for input in evidence(case) {
                    case.does(input);
                }
                case.until(case.seconds() + 86_400.0, asked, ReversalAnswer::Acknowledged);
                assert_eq!(case.count(Request::Reversal), 0, "{kind} {input:?}");
                assert!(case.state.needs_operator());
                // The file alone had named numbers that a check has seen since.
                assert_eq!(
                    case.does(Input::Ruled(Ruling::Paid)).refused,
                    Some(Refusal::NothingToRule)
                );
                assert_eq!(case.does(Input::Ruled(Ruling::Refund)).refused, None);
                case.until(case.seconds() + 3_600.0, asked, ReversalAnswer::Acknowledged);
                assert!(case.count(Request::Reversal) > 0, "a person knows");
            }
        }
    }
}

#[test]
fn rule_21_a_look_that_finds_a_debit_in_a_copy_is_an_operators_case() {
    let [_, _, mut closed] = each_kind();
    closed.does(Input::Acknowledged);
    closed.until(2.0 * 86_400.0, StatusAnswer::Paid, ReversalAnswer::Acknowledged);
    assert_eq!(closed.sent.first().map(|(request, _)| *request), Some(Request::CheckPayment));
    assert_eq!(closed.count(Request::Reversal), 0);
    assert_eq!(closed.state.settlement, Settlement::WithOperator);
    assert!(!closed.state.acknowledged, "told as settled before");
}

/// OVO showed the debit; "not found" behind that is no return.
#[test]
fn rule_21_a_debit_that_was_seen_before_the_doubt_is_not_closed_on_not_found() {
    for acknowledged in [false, true] {
        let [mut open, ..] = each_kind();
        open.state.late_paid = true;
        if acknowledged {
            open.state.settlement = Settlement::Open(Reversal::Acknowledged(open.now));
        }
        open.until(3_600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
        assert_eq!(open.state.is_closed(), acknowledged, "unless a reversal of it is known");
        assert_eq!(open.state.needs_operator(), !acknowledged);
    }
}

/// Told as not completed, it is not paid any more, whoever rules.
#[test]
fn rule_21_what_ended_without_a_debit_is_never_ruled_paid() {
    let mut case = Case::sent();
    (case.state.verdict, case.state.attested) = (Some(Verdict::Quarantined), false);
    let mut case = doubted(case);
    case.until(3_600.0, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert_eq!(case.state.verdict, Some(Verdict::Abandoned));
    assert!(case.state.is_closed() && case.state.is_confirmed());
    let (issued, answer) = (case.now, StatusAnswer::Paid);
    case.does(Input::Checked { issued, answer, waiting: false });
    assert_eq!(case.state.settlement, Settlement::WithOperator);
    let paid = case.does(Input::Ruled(Ruling::Paid));
    assert_eq!(paid.refused, Some(Refusal::NothingToRule));
    assert_eq!(case.does(Input::Ruled(Ruling::Refund)).refused, None);
}

/// OVO's word that the numbers are another sale's bars a reversal that a person rules, too (I10).
#[test]
fn rule_21_what_names_another_sale_in_a_copy_is_not_refunded() {
    let [mut open, ..] = each_kind();
    open.until(600.0, StatusAnswer::ForeignSale, ReversalAnswer::Acknowledged);
    assert_eq!(open.state.settlement, Settlement::WithOperator);
    let refund = open.does(Input::Ruled(Ruling::Refund));
    assert_eq!(refund.refused, Some(Refusal::NumbersDoubted));
}

/// A reversal that is acknowledged for a debit which only the file shows has perhaps moved nothing.
#[test]
fn op4_a_refund_ruled_because_of_the_file_is_not_returned_before_the_record_says_so() {
    let mut contradictory = Case::sent();
    contradictory.at(60.5);
    let (issued, answer) = (contradictory.now, StatusAnswer::Doubtful);
    contradictory.does(Input::Checked { issued, answer, waiting: false });
    assert_eq!(contradictory.state.verdict, Some(Verdict::Quarantined));
    let [open, waits, closed] = each_kind();
    for case in [contradictory, open, waits, closed] {
        for (answer, is_left) in [(StatusAnswer::NotFound, true), (StatusAnswer::Reversed, false)] {
            let mut case = Case { sent: Vec::new(), alerts: Vec::new(), ..case };
            case.now = case.now.plus(Duration::from_secs(700));
            case.does(Input::ReportedPaid);
            assert_eq!(case.state.listed, ListedFor::Report);
            assert_eq!(case.does(Input::ReportedPaid).alert, None, "no news");
            assert_eq!(case.does(Input::Ruled(Ruling::Refund)).refused, None);
            case.until(case.seconds() + 3_600.0, answer, ReversalAnswer::Acknowledged);
            assert!(case.state.is_closed());
            assert_eq!(case.state.needs_operator(), is_left, "{answer:?}");
            assert_eq!(case.state.late_paid, !is_left, "{answer:?}");
        }
    }
}

/// Whatever became of OVO in between.
#[test]
fn op4_a_file_that_the_record_contradicts_is_told_behind_a_day_without_ovo_too() {
    let day = 24.0 * 3_600.0;
    let mut case = Case::sent();
    case.until(200.0, StatusAnswer::NoAnswer, ReversalAnswer::Acknowledged);
    case.does(Input::ReportedPaid);
    case.until(2.0 * day, StatusAnswer::NoAnswer, ReversalAnswer::Acknowledged);
    assert!(case.alerts.contains(&Alert::OverdueForADay));
    case.alerts.clear();
    case.until(2.2 * day, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed() && case.state.needs_operator());
    assert_eq!(case.alerts.last(), Some(&Alert::Doubtful));
}

/// Told once of a day, an opening that takes another one is listed again, and as slow.
#[test]
fn what_takes_a_day_again_is_listed_again() {
    let day = 24.0 * 3_600.0;
    let mut case = Case::sent();
    case.until(1.5 * day, StatusAnswer::NoAnswer, ReversalAnswer::Acknowledged);
    case.until(1.6 * day, StatusAnswer::NotFound, ReversalAnswer::Acknowledged);
    assert!(case.state.is_closed() && !case.state.needs_operator());
    let (issued, answer) = (case.now, StatusAnswer::Paid);
    case.does(Input::Checked { issued, answer, waiting: false });
    case.alerts.clear();
    case.until(case.seconds() + 0.9 * day, StatusAnswer::NoAnswer, ReversalAnswer::Again(None));
    assert!(!case.state.needs_operator() && case.alerts.is_empty());
    case.until(case.seconds() + 0.3 * day, StatusAnswer::NoAnswer, ReversalAnswer::Again(None));
    assert_eq!(case.state.listed, ListedFor::Overdue);
    assert_eq!(case.alerts, [Alert::OverdueForADay]);
}

fn paid() -> Case {
    let mut case = Case::sent();
    case.does(Input::Answered(PushAnswer::Approved));
    case.now = case.now.plus(Duration::from_secs(600));
    case
}

fn checked(case: &mut Case, answer: StatusAnswer) -> Option<Alert> {
    case.does(Input::Checked { issued: case.now, answer, waiting: false }).alert
}

/// What its record goes on not to show is no news, whatever became of a void.
#[test]
fn rule_19_that_it_is_paid_was_ruled_and_a_refused_void_does_not_forget_it() {
    for refusal in ["61", "25"] {
        let mut case = paid();
        assert_eq!(checked(&mut case, StatusAnswer::NotFound), Some(Alert::Doubtful));
        assert_eq!(case.does(Input::Ruled(Ruling::Paid)).refused, None);
        case.does(Input::VoidAsked { in_time: true });
        case.does(Input::VoidAnswered(VoidAnswer::Rejected(code(refusal))));
        case.now = case.now.plus(Duration::from_secs(90));
        let (issued, answer) = (case.now, StatusAnswer::NotFound);
        let ended = case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!(ended.alert, None);
        assert!(matches!(case.state.void, Void::Rejected(_)) && !case.state.needs_operator());
        assert_eq!(checked(&mut case, StatusAnswer::NotFound), None);
        assert_eq!(checked(&mut case, StatusAnswer::Reversed), Some(Alert::VoidedAfterAll));
    }
}

/// The money is back, whichever copy did it: nothing is sent or found out any more.
#[test]
fn rule_18_reversed_ends_a_void_that_is_open() {
    for answer in [
        None,
        Some(VoidAnswer::Unknown),
        Some(VoidAnswer::Rejected(code("61"))),
        Some(VoidAnswer::Rejected(code("25"))),
    ] {
        let mut case = paid();
        case.does(Input::VoidAsked { in_time: true });
        case.does(Input::Acknowledged);
        if let Some(answer) = answer {
            case.does(Input::VoidAnswered(answer));
        }
        assert_eq!(checked(&mut case, StatusAnswer::Reversed), None);
        assert_eq!((case.state.void, case.state.acknowledged), (Void::Voided, false));
        // Its own answer comes to what has ended.
        let late = case.does(Input::VoidAnswered(VoidAnswer::Rejected(code("61"))));
        assert_eq!((late.alert, late.state.void), (None, Void::Voided));
    }
}

/// A copy does not know whether the void was sent twice: not once more, and no refusal of it is certain.
#[test]
fn rule_18_a_void_of_a_copy_has_no_further_copy() {
    for answer in [VoidAnswer::NotSent, VoidAnswer::Rejected(code("61")), VoidAnswer::Unknown] {
        let mut case = paid();
        case.does(Input::VoidAsked { in_time: true });
        case.state.doubted = true;
        case.does(Input::VoidAnswered(answer));
        assert_eq!(case.state.void, Void::Unknown, "{answer:?}");
        case.sent.clear();
        let (issued, answer) = (case.now, StatusAnswer::NotFound);
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert_eq!(case.count(Request::Void), 0);
        let (issued, answer) = (case.now, StatusAnswer::Paid);
        case.does(Input::VoidChecked { issued, answer, in_time: true });
        assert!(case.state.void == Void::Voided && !case.state.doubted);
    }
}

/// Whoever asked for it waits for its own answer, and for no other.
#[test]
fn rule_18_a_void_that_another_process_found_carried_out_is_told() {
    let mut case = paid();
    case.does(Input::VoidAsked { in_time: true });
    case.does(Input::Acknowledged);
    let (issued, answer) = (case.now, StatusAnswer::Paid);
    case.does(Input::VoidChecked { issued, answer, in_time: true });
    assert_eq!((case.state.void, case.state.acknowledged), (Void::Voided, false));
}
