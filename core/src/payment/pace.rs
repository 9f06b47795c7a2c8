//! When a request may leave, when it may be repeated, and how long settlement may take ([policy
//! 2.5]).
//!
//! Every request behind the verdict leaves through [`try_now`], which looks at the payment's
//! [`Tries`] first: whatever OVO answers, nothing is repeated without a pause, and the pauses grow.
//!
//! [policy 2.5]: crate::manual::policy#25-timers

use std::time::Duration;

use crate::payment::Alert;
use crate::payment::answer::{ReversalAnswer, StatusAnswer};
use crate::payment::input::Input;
use crate::payment::state::{Boottime, ListedFor, Settlement, State, Tries};
use crate::payment::step::{Request, Step};
use crate::payment::timers::Policy;

/// So many alerts about overdue settlement have told of a day.
const OVERDUE_FOR_A_DAY: u8 = 3;

/// Sends a reversal or a check as its next try, or waits until its pause is over.
pub(super) fn try_now(policy: &Policy, mut state: State, request: Request, now: Boottime) -> Step {
    let Tries { count, not_before } = *state.tries(request);
    if now < not_before {
        state.due = Some(not_before);
        return overdue(policy, state, now);
    }
    let count = count.saturating_add(1);
    let mut next = now.plus(state.pause_after(policy, count));
    // The growing pauses must not delay the look behind which rule 14b allows a reversal unseen.
    let escape = state.settling_since.plus(policy.timers.gate_escape);
    if request == Request::CheckPayment && state.owes_reversal() && now < escape {
        next = next.min(escape).max(now.plus(policy.timers.pause()));
    }
    *state.tries(request) = Tries { count, not_before: next };
    state.due = Some(next);
    overdue(policy, state, now).sending(request)
}

impl State {
    /// A void is sent once and asked about: what is counted of it is its checks.
    fn tries(&mut self, request: Request) -> &mut Tries {
        match request {
            Request::Reversal => &mut self.reversals,
            Request::CheckPayment | Request::Void | Request::CheckVoid => &mut self.checks,
        }
    }

    /// The pause behind the try that makes it `count`: ever longer, and hourly once an operator has
    /// been told that it takes more than a day.
    fn pause_after(&self, policy: &Policy, count: u16) -> Duration {
        let pause = policy.timers.backoff(count, self.seed);
        let is_slow =
            self.listed == ListedFor::Overdue || (self.is_listed() && self.check_unavailable);
        if is_slow { pause.max(policy.timers.hour()) } else { pause }
    }

    /// A check that never left is no try, and asked soon again.
    pub(super) fn check_was_not_sent(mut self, policy: &Policy, now: Boottime) -> State {
        self.checks.count = self.checks.count.saturating_sub(1);
        self.checks.not_before = now.plus(policy.timers.early_retry(self.seed));
        self.due = Some(self.checks.not_before);
        self
    }

    /// Another opening of the settlement, or of a void, counts from `now`; how long it took before is kept.
    pub(super) fn counts_anew(&mut self, now: Boottime) {
        self.settled_before_ms = self.open_ms(now);
        self.settling_since = now;
    }

    /// How long settlement has been open at `now`, all its openings together, in milliseconds.
    pub(super) fn open_ms(&self, now: Boottime) -> u64 {
        let last = u64::try_from(now.since(self.settling_since).as_millis()).unwrap_or(u64::MAX);
        self.settled_before_ms.saturating_add(last)
    }
}

/// A request's pause counts from the commit before it. What took long to leave (a slow connection)
/// must not eat it up: behind the answer there is one, too.
pub(super) fn spread(policy: &Policy, input: Input, state: &mut State, now: Boottime) {
    if !matches!(state.settlement, Settlement::Open(_)) && !state.void.is_open() {
        return;
    }
    let tries = match input {
        Input::Checked { answer: StatusAnswer::NotSent, .. }
        | Input::VoidChecked { answer: StatusAnswer::NotSent, .. }
        | Input::Reversed { answer: ReversalAnswer::NotSent, .. } => return,
        Input::Checked { .. } | Input::VoidChecked { .. } => &mut state.checks,
        Input::Reversed { .. } => &mut state.reversals,
        _ => return,
    };
    tries.not_before = tries.not_before.max(now.plus(policy.timers.pause()));
}

/// Alerts once after five minutes, once after an hour and once, critical, after a day of unfinished
/// settlement (policy 2.5). From the first on an operator may end it; from the last on it is listed,
/// and goes on hourly.
fn overdue(policy: &Policy, mut state: State, now: Boottime) -> Step {
    if state.is_closed() && !state.void.is_open() {
        return Step::to(state);
    }
    let minutes = policy.timers.gate_escape;
    let limit = |alerts| match alerts {
        0 => Some(minutes),
        1 => Some(minutes * 12),
        2 => Some(minutes * 288),
        _ => None,
    };
    // A reversal is overdue from the decision on, everything else from the moment it may be done.
    let since = if state.owes_reversal() {
        state.settling_since
    } else {
        state.settling_since.max(state.close_at(policy))
    };
    let before = Duration::from_millis(state.settled_before_ms);
    let late = before.saturating_add(now.since(since));
    let reached = limit(state.overdue_alerts).filter(|limit| late >= *limit);
    // Told once of a day, it is told again where an opening by itself takes one.
    let once_more = state.overdue_alerts >= OVERDUE_FOR_A_DAY
        && !state.is_listed()
        && now.since(since) >= minutes * 288;
    state.overdue_alerts += u8::from(reached.is_some());
    // The pauses between tries grow: they must not delay an alert.
    if let Some(limit) = limit(state.overdue_alerts).filter(|limit| *limit > late) {
        let then = now.plus(limit - late);
        state.due = state.due.map(|due| due.min(then));
    }
    if reached.is_none() && !once_more {
        return Step::to(state);
    }
    if state.overdue_alerts < OVERDUE_FOR_A_DAY {
        return Step::to(state).alerting(Alert::Overdue(late));
    }
    // What it is listed for already is not over with this.
    if !state.is_listed() {
        state.listed = ListedFor::Overdue;
    }
    Step::to(state).alerting(Alert::OverdueForADay)
}
