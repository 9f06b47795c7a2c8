//! What must hold of every step, whatever the rules say: checked in debug builds, by the model
//! checker and in every simulated history.

use crate::payment::Alert;
use crate::payment::answer::{PushAnswer, StatusAnswer, VoidAnswer};
use crate::payment::input::{Input, Ruling};
use crate::payment::state::{
    Boottime, Closer, ListedFor, Reversal, Settlement, Source, State, Verdict, Void,
};
use crate::payment::step::{Request, Step};
use crate::payment::timers::Policy;

/// The first postcondition that `step`, the answer of the policy to `input`, breaks.
///
/// * A refused input changes nothing.
/// * What an operator closed stays closed, and sends nothing more.
/// * What is overdue can be ended by an operator, as soon as no push of it can be alive.
/// * No request of a payment is repeated without a pause, and each schedules the next one's pause.
///   With 10 s as the shortest no kind of request leaves more than 60 times in any ten minutes; how
///   few they are in truth, because the pauses grow, is counted by the simulation.
/// * No check leaves before 60 s, no reversal before 65 s behind the push (I8).
/// * What is left to people (contradictory, or of a journal that cannot vouch for itself) is asked about, and
///   stays theirs until an operator rules: no reversal is owed, and nothing but checks is sent.
/// * A reversal leaves only for a payment whose verdict allows it and which owes one (I2, I3), and
///   unseen only under numbers that somebody vouches for (I10).
/// * What OVO showed as debited, and was not accepted, is not closed by the policy without a reversal.
/// * A payment told as Paid that OVO's record contradicts in a check issued a minute behind the
///   approval is listed for an operator; so is one that it shows as paid in a check issued a minute
///   behind its void, with an alert.
/// * That doubt ends by itself only where a check issued behind it shows the payment as paid, and none showed
///   that the money went back.
/// * A debit that was seen before a reversal was acknowledged is reversed again where a check shows it that was
///   issued a minute behind that, and calls for nothing where it was issued sooner. One that is news is at once.
/// * Numbers that OVO called used, or under which it showed another sale, are doubted from then on (I10): no void
///   leaves under them, and no ruling reverses what OVO never showed as ours.
/// * A void of which copies may be lost has no further copy.
/// * A decline of which OVO says that it was reversed, and that was never reversed here, is told.
/// * "Older than 7 days" about a payment of this week ends no look behind it.
/// * A void that was refused is asked about before that is its end.
/// * A void that was refused or left to an operator is told as voided, with an alert, as soon as OVO says so.
/// * What is due does something, or is due later: a driver that has nothing to do waits.
/// * OVO refuses checks only if it said so twice, and not twice to one restart of a gateway: behind the
///   first refusal it was asked twice on schedule.
/// * The same of a void's checks, behind an hour of asking.
/// * Whoever cancels vouches for nothing until the push's answer was listened for.
/// * How long settlement takes is never forgotten: the alerts about it come in the end.
pub fn broken(
    policy: &Policy,
    before: &State,
    input: Input,
    step: &Step,
    now: Boottime,
) -> Option<&'static str> {
    let it = Transition { policy, before, input, step, now };
    it.by_whom()
        .or_else(|| it.of_a_debit())
        .or_else(|| it.of_what_was_told())
        .or_else(|| it.of_a_void())
        .or_else(|| it.of_refused_checks())
        .or_else(|| it.of_requests())
        .or_else(|| it.of_time())
}

/// An input, and what the policy makes of it.
#[derive(Clone, Copy)]
struct Transition<'a> {
    policy: &'a Policy,
    before: &'a State,
    input: Input,
    step: &'a Step,
    now: Boottime,
}

impl Transition<'_> {
    /// What was refused, is closed or left to people, and what only these end.
    fn by_whom(self) -> Option<&'static str> {
        let Transition { policy, before, input, step, now } = self;
        let after = &step.state;
        if step.refused.is_some() && (after != before || step.send.is_some()) {
            return Some("a refused input changes nothing");
        }
        if before.is_closed_by_operator() && (!after.is_closed_by_operator() || step.send.is_some())
        {
            return Some("what an operator closed sends nothing more");
        }
        let is_ruled = matches!(input, Input::Ruled(_));
        let is_asked = matches!(step.send, None | Some(Request::CheckPayment));
        let stays_theirs = after.is_left_to_people() && !after.owes_reversal();
        if before.is_left_to_people() && !is_ruled && !(stays_theirs && is_asked) {
            return Some(
                "what is left to people is asked about, and reversed by nobody but an operator",
            );
        }
        if after.cancelled && !before.cancelled && !after.unheard {
            return Some("who cancels vouches for nothing");
        }
        let overdue = before.overdue_alerts > 0 && is_unsettled(before);
        if overdue && input == Input::Ruled(Ruling::Close) && now >= before.close_at(policy) {
            let ended =
                step.refused.is_none() && after.is_closed_by_operator() && !is_unsettled(after);
            if !ended {
                return Some("an operator can end what is overdue");
            }
        }
        None
    }

    /// What OVO showed of a payment that is not paid.
    fn of_a_debit(self) -> Option<&'static str> {
        let Transition { policy, before, input, step, now } = self;
        let after = &step.state;
        let reversible = after.is_reversible();
        let closes = before.settlement == Settlement::Open(Reversal::NotNeeded)
            && matches!(after.settlement, Settlement::Closed { by: Closer::Policy, .. });
        let is_not_found = matches!(input, Input::Checked { answer: StatusAnswer::NotFound, .. });
        if reversible && before.late_paid && closes && (!before.doubted || is_not_found) {
            return Some("what was seen debited is reversed before it is closed");
        }
        if let (Settlement::Open(Reversal::Acknowledged(at)), Input::Checked { answer, issued, .. }) =
            (before.settlement, input)
            && answer == StatusAnswer::Paid
            && reversible
            && !before.doubted
            && issued >= at
        {
            let must_show = before.is_asked_behind_its_reversal(policy, issued);
            if (must_show || !before.late_paid) != after.owes_reversal() {
                return Some(
                    "a reversal is repeated when OVO's record must show it, or shows what is news",
                );
            }
            if !must_show && step.alert == Some(Alert::ReversalWithoutEffect) {
                return Some("within a minute OVO's record contradicts no reversal");
            }
        }
        let checked = |answer: StatusAnswer| matches!(input, Input::Checked { answer: it, .. } if it == answer);
        let is_unreversed = matches!(before.verdict, Some(Verdict::Declined(_)))
            && before.settlement == Settlement::Open(Reversal::NotNeeded)
            && before.reversals.count == 0
            && !before.doubted;
        if checked(StatusAnswer::Reversed) && is_unreversed && step.alert.is_none() {
            return Some("who reversed a declined payment is asked");
        }
        let is_looked_at =
            matches!(before.settlement, Settlement::Closed { by: Closer::Policy, .. })
                && matches!(
                    before.verdict,
                    Some(Verdict::Declined(_) | Verdict::Abandoned | Verdict::Quarantined)
                );
        let is_of_this_week = now.since(before.window) < policy.timers.status_window;
        let forgets = after.phone_forgotten && !before.phone_forgotten;
        if checked(StatusAnswer::TooOld) && is_looked_at && is_of_this_week && forgets {
            return Some("a nonsense 54 ends no look");
        }
        None
    }

    /// What OVO says of a payment that was told as paid.
    fn of_what_was_told(self) -> Option<&'static str> {
        let Transition { policy, before, input, step, .. } = self;
        let after = &step.state;
        let told_paid =
            matches!(before.verdict, Some(Verdict::Accepted(Source::Push | Source::Status)));
        let contradicts = match input {
            Input::Checked { answer: StatusAnswer::Reversed, .. } => {
                !before.is_closed_by_operator() || !before.late_paid
            }
            Input::Checked {
                answer: StatusAnswer::NotFound | StatusAnswer::ForeignSale | StatusAnswer::Doubtful,
                issued,
                ..
            } => {
                let is_ruled = before.listed == ListedFor::RuledPaid;
                before.is_asked_behind_its_end(policy, issued)
                    && !before.is_closed_by_operator()
                    && !is_ruled
            }
            _ => false,
        };
        let is_told = match before.void {
            Void::Sent | Void::Unknown | Void::Questioned(_) => {
                after.late_paid || after.void == Void::Voided
            }
            Void::Voided => true,
            Void::None => after.needs_operator(),
            Void::Rejected(_) | Void::Expired => {
                after.needs_operator() || after.void == Void::Voided
            }
        };
        if told_paid && contradicts && !is_told {
            return Some(
                "a payment told as paid that OVO's record contradicts is an operator's case",
            );
        }
        let is_undoubted = told_paid
            && matches!(before.void, Void::None | Void::Rejected(_))
            && before.void == after.void
            && before.is_listed()
            && !after.is_listed();
        if let Input::Checked { answer, issued, .. } = input
            && is_undoubted
            && (answer != StatusAnswer::Paid || !before.is_doubt_over(policy, issued))
        {
            return Some("a doubt ends by a check behind it that shows the payment as paid");
        }
        None
    }

    /// What becomes of a void.
    fn of_a_void(self) -> Option<&'static str> {
        let Transition { policy, before, input, step, .. } = self;
        let after = &step.state;
        let is_not_done = matches!(after.void, Void::None | Void::Rejected(_) | Void::Expired);
        let was_contradicted = before.void.is_open() && before.late_paid;
        if was_contradicted
            && is_not_done
            && !after.is_closed_by_operator()
            && !after.needs_operator()
        {
            return Some(
                "what OVO's record said during a void that was not done is an operator's case",
            );
        }
        if let Input::VoidChecked { answer: StatusAnswer::NotFound, issued, .. } = input
            && matches!(before.void, Void::Questioned(_))
            && matches!(after.void, Void::Rejected(_))
            && issued.since(before.settling_since) < policy.timers.record_lag()
        {
            return Some(
                "a refused void is not found by a question that left a minute behind the refusal",
            );
        }
        let denies_its_void = matches!(input, Input::Checked { answer: StatusAnswer::Paid, issued, .. }
            if before.is_asked_behind_its_void(policy, issued) && !before.late_paid);
        if denies_its_void
            && (!after.needs_operator() || after.acknowledged || step.alert.is_none())
        {
            return Some("a void that OVO's record does not show is an operator's case");
        }
        if matches!(before.void, Void::Sent | Void::Unknown)
            && matches!(after.void, Void::Rejected(_))
        {
            return Some("a refused void is asked about");
        }
        let is_voided = matches!(
            input,
            Input::VoidAnswered(VoidAnswer::Voided)
                | Input::VoidChecked { answer: StatusAnswer::Paid, .. }
        );
        let is_left = matches!(before.void, Void::Expired | Void::Rejected(_));
        if is_voided && is_left && (after.void != Void::Voided || step.alert.is_none()) {
            return Some(
                "a void that was refused, or left to an operator, and was carried out is told",
            );
        }
        None
    }

    /// What OVO refuses to tell (58, 96).
    fn of_refused_checks(self) -> Option<&'static str> {
        let Transition { policy, before, input, step, .. } = self;
        let after = &step.state;
        let refused = matches!(input, Input::Checked { answer: StatusAnswer::Unavailable, .. });
        let is_the_end = refused && after.check_unavailable && !before.check_unavailable;
        // Counted from the first refusal on.
        let is_first = after.check_refused && !before.check_refused;
        let hour_is_over = before.has_asked_for_an_hour() && !after.has_asked_for_an_hour();
        let counts_anew = after.checks.count == 0 || hour_is_over || after.verdict.is_none();
        if refused && is_first && !counts_anew {
            return Some("what was asked before the first refusal of a check does not count");
        }
        if is_the_end && (!before.check_refused || before.checks.count < 2) {
            return Some("one refusal of a check may be a passing error");
        }
        let about_void =
            matches!(input, Input::VoidChecked { answer: StatusAnswer::Unavailable, .. });
        if about_void && policy.check_payment && before.void.is_open() {
            if is_first && !after.leaves_two_checks_of_the_hour() {
                return Some("behind the first refusal a void is asked about twice on schedule");
            }
            let for_good = before.check_refused && before.has_asked_for_an_hour();
            if !after.void.is_open() && !for_good {
                return Some("refused within an hour, the checks of a void go on");
            }
        }
        if after.checks.count > before.checks.count && step.send.is_none() {
            return Some("what somebody asks in between is no check on schedule");
        }
        None
    }

    /// What is sent, and when.
    fn of_requests(self) -> Option<&'static str> {
        let Transition { policy, before, input, step, now } = self;
        let after = &step.state;
        let stands = State { touched: before.touched, ..*after } == *before;
        if input == Input::Due
            && stands
            && step.send.is_none()
            && before.due.is_some_and(|it| it <= now)
        {
            return Some("what is due does something, or is due later");
        }
        let is_duplicate = matches!(input, Input::Answered(PushAnswer::Duplicate(_)));
        let names_another = is_duplicate
            || matches!(input, Input::Checked { answer: StatusAnswer::ForeignSale, .. });
        let is_known = before.verdict == Some(Verdict::NotSent) || after.duplicate_hint;
        if names_another && !is_known {
            return Some(
                "numbers that OVO called used, or another sale's, are doubted from then on",
            );
        }
        let is_asked_for = matches!(input, Input::VoidAsked { .. });
        if before.doubted && step.send == Some(Request::Void) && !is_asked_for {
            return Some("a void of which copies may be lost has no further copy");
        }
        if before.duplicate_hint {
            if step.send == Some(Request::Void) {
                return Some("no void under numbers that may be another sale's");
            }
            let refunds = input == Input::Ruled(Ruling::Refund) && step.refused.is_none();
            if refunds && !before.late_paid {
                return Some("no ruling reverses numbers that may be another sale's");
            }
        }
        let pause = policy.timers.pause();
        let decide = after.window.plus(policy.timers.decide);
        let session = after.window.plus(policy.timers.session);
        match step.send {
            Some(Request::Reversal) => {
                let owes = matches!(
                    after.settlement,
                    Settlement::Open(Reversal::Needed | Reversal::Acknowledged(_))
                );
                if !after.is_reversible() || !owes {
                    return Some("only what was decided, is open and owes one is reversed");
                }
                if now < decide {
                    return Some("no reversal before 65 s");
                }
                if !after.seen && !after.is_certainly_ours() {
                    return Some("what nobody vouches for is seen before it is reversed");
                }
                if now < before.reversals.not_before || after.reversals.not_before < now.plus(pause)
                {
                    return Some("no reversal is repeated without a pause");
                }
            }
            Some(Request::CheckPayment) => {
                if now < session {
                    return Some("no check before 60 s");
                }
                if now < before.checks.not_before || after.checks.not_before < now.plus(pause) {
                    return Some("no check is repeated without a pause");
                }
            }
            Some(Request::CheckVoid) => {
                if now < before.checks.not_before || after.checks.not_before < now.plus(pause) {
                    return Some("no check of a void is repeated without a pause");
                }
            }
            Some(Request::Void) | None => {}
        }
        None
    }

    /// How long settlement takes.
    fn of_time(self) -> Option<&'static str> {
        let Transition { before, input, step, .. } = self;
        let after = &step.state;
        let begins_anew =
            before.verdict != after.verdict || matches!(input, Input::VoidAsked { .. });
        if !begins_anew
            && (after.overdue_alerts < before.overdue_alerts
                || after.settled_before_ms < before.settled_before_ms)
        {
            return Some("how long settlement takes is never forgotten");
        }
        let is_restart = matches!(input, Input::Rebooted { .. });
        let ended = before.closed_at().filter(|_| !before.void.is_open()).unwrap_or(before.touched);
        let is_decided = before.verdict.is_some();
        if is_restart && is_decided && after.settled_before_ms < before.open_ms(ended) {
            return Some("no restart forgets how long settlement takes");
        }
        None
    }
}

/// Whether the policy still has something to do at OVO for what is decided.
fn is_unsettled(state: &State) -> bool {
    state.void.is_open() || (state.verdict.is_some() && !state.is_closed())
}
