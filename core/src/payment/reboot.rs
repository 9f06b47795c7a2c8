//! A row of an earlier boot of the machine: whoever takes it up begins its waits again.

use std::time::Duration;

use crate::payment::state::{Boottime, Reversal, Settlement, State, Tries, Verdict};
use crate::payment::step::Step;
use crate::payment::timers::Policy;

/// After a reboot elapsed time is unknown: windows begin again in full, never shortened by the
/// wall clock (policy 2.5). Only times of a quarter of an hour and more are moved by it.
pub(super) fn rebooted(policy: &Policy, mut state: State, away: Duration, now: Boottime) -> Step {
    let left = state.due.map(|due| due.since(state.touched));
    let open = matches!(state.settlement, Settlement::Open(_)) && state.verdict.is_some();
    // How long it took so far is not forgotten: a closed one may open again.
    state.settled_before_ms = match state.settlement {
        _ if state.void.is_open() => state.open_ms(state.touched),
        Settlement::Closed { at, .. } => state.open_ms(at),
        Settlement::Open(_) | Settlement::WithOperator if state.verdict.is_some() => {
            state.open_ms(state.touched)
        }
        Settlement::Open(_) | Settlement::WithOperator => state.settled_before_ms,
    };
    state.begun = Boottime(0);
    state.window = now;
    state.settling_since = now;
    state.asked_in_vain = false;
    // The new window is pause enough, and shorter ones would mean nothing.
    for tries in [&mut state.reversals, &mut state.checks] {
        *tries = Tries { not_before: now, ..*tries };
    }
    // What was told before the restart is as old as the restart at least: a check may contradict it.
    let is_told = matches!(state.verdict, Some(Verdict::Accepted(_)));
    if is_told && !state.void.is_open() {
        state.settling_since = Boottime(0);
    }
    match &mut state.settlement {
        Settlement::Closed { at, .. } if is_told => *at = Boottime(0),
        Settlement::Open(Reversal::Acknowledged(at)) | Settlement::Closed { at, .. } => *at = now,
        Settlement::Open(_) | Settlement::WithOperator => {}
    }
    state.due = match state.verdict {
        None => {
            state.checks.count = 0;
            Some(state.open_due(policy))
        }
        Some(Verdict::Abandoned | Verdict::Declined(_) | Verdict::Quarantined) if open => {
            state.checks.count = 0;
            Some(now)
        }
        Some(Verdict::Accepted(_)) if state.void.is_open() => {
            // A void has no window of its own that would be pause enough.
            state.checks.not_before = now.plus(policy.timers.pause());
            Some(state.checks.not_before)
        }
        Some(_) => left.map(|left| now.plus(left.saturating_sub(away))),
    };
    Step::to(state)
}
