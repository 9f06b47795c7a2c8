//! A merchant who cancels, and a process that closes, at every step of every flow: behind every turn
//! of any thread (C17).
//!
//! Complete by construction: a flow is run with the deed behind turn 1, 2, 3 and so on, until it
//! ends without having had so many turns.

mod flows;

use flows::{flows, moments, survives};
use ovo_simulation::{Deed, Manner, Scenario};

/// How a till may wait for a payment that is given up by somebody else.
const MANNERS: [Manner; 2] = [Manner::Waits, Manner::Starts(None)];

/// Does it behind turn 1, 2, 3 ... and returns how many there were.
fn at_every_turn(name: &str, flow: &Scenario, deed: impl Fn(u64) -> Deed) -> u64 {
    for turn in moments(1) {
        let mut scenario = flow.with(deed(turn));
        scenario.seed = turn;
        if !survives(name, &scenario) {
            return turn - 1;
        }
    }
    panic!("{name} never ends");
}

fn with_manners() -> impl Iterator<Item = (&'static str, Scenario)> {
    flows().into_iter().flat_map(|(name, flow)| {
        MANNERS.map(|manner| {
            // Who cancels by himself already is left to do it.
            let manner = if flow.manner == Manner::Waits { manner } else { flow.manner };
            (name, Scenario { manner, ..flow.clone() })
        })
    })
}

#[test]
fn c17_a_payment_cancelled_at_any_step_of_any_flow_has_one_outcome_and_every_rupiah_agrees() {
    for (name, flow) in with_manners() {
        let turns = at_every_turn(name, &flow, |turn| Deed::Cancel(turn, 0, 0));
        assert!(turns > 5, "{name} has {turns} turns only");
    }
}

#[test]
fn c17_a_payment_cancelled_by_another_process_at_any_step_has_one_outcome() {
    for (name, flow) in with_manners() {
        let flow = Scenario { second_process: true, ..flow };
        at_every_turn(name, &flow, |turn| Deed::Cancel(turn, 0, 1));
    }
}

#[test]
fn c11_a_process_that_closes_at_any_step_of_any_flow_leaves_every_rupiah_right() {
    for (name, flow) in with_manners() {
        for grace in [0, 80_000] {
            at_every_turn(name, &flow, |turn| Deed::Close(turn, grace));
        }
    }
}
