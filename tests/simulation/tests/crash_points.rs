//! Every moment of every flow as a crash point: a change of the disk, a request, an answer.
//!
//! Complete by construction: the tests strike at moment 1, 2, 3 and so on, until a flow ends
//! without having reached that moment.

mod flows;

use flows::{flows, moments, survives};
use ovo_simulation::disk::{Cut, Fault};
use ovo_simulation::{Blow, Scenario};

const CUTS: [Cut; 4] = [Cut::LosesAll, Cut::KeepsAll, Cut::Mixes, Cut::Mixes];

/// Strikes at 1, 2, 3 ... and returns how many points there were.
fn at_every_point(name: &str, flow: &Scenario, blow: impl Fn(u64) -> Blow) -> u64 {
    for point in moments(1) {
        let mut scenario = flow.struck([blow(point)]);
        scenario.seed = point;
        if !survives(name, &scenario) {
            return point - 1;
        }
    }
    panic!("{name} never ends");
}

#[test]
fn every_flow_settles_when_nothing_strikes() {
    for (name, flow) in flows() {
        survives(name, &flow);
    }
}

#[test]
fn c1_c2_c3_c5_c6_c7_c8_c17_a_process_that_dies_at_any_moment_of_any_flow_leaves_every_rupiah_right()
 {
    for (name, flow) in flows() {
        let points = at_every_point(name, &flow, Blow::Death);
        assert!(points > 10, "{name} has {points} moments only: it is not the flow it says it is");
    }
}

#[test]
fn c14_a_power_cut_at_any_moment_of_any_flow_leaves_every_rupiah_right() {
    for (name, flow) in flows() {
        for cut in CUTS {
            at_every_point(name, &flow, |moment| Blow::PowerCut(moment, cut));
        }
    }
}

#[test]
fn c10_a_second_death_in_the_recovery_from_the_first_leaves_every_rupiah_right() {
    for (name, flow) in flows() {
        // Every moment of the recovery, from every seventh of the flow.
        for first in moments(7) {
            let mut second = 1;
            while survives(name, &flow.struck([Blow::Death(first), Blow::Death(second)])) {
                second += 1;
            }
            if second == 1 && !survives(name, &flow.struck([Blow::Death(first)])) {
                break;
            }
        }
    }
}

#[test]
fn c10_c14_a_power_cut_in_the_recovery_from_a_power_cut_leaves_every_rupiah_right() {
    for (name, flow) in flows() {
        for first in moments(23) {
            let cut = |moment| Blow::PowerCut(moment, Cut::Mixes);
            let mut second = 1;
            while survives(name, &flow.struck([cut(first), cut(second)])) {
                second += 1;
            }
            if second == 1 && !survives(name, &flow.struck([cut(first)])) {
                break;
            }
        }
    }
}

#[test]
fn j2_j3_j6_an_error_of_any_disk_operation_of_any_flow_leaves_every_rupiah_right() {
    for (name, flow) in flows() {
        for lasting in [false, true] {
            let blow = |at| Blow::DiskFails { fault: Fault::Io, at, lasting };
            let points = at_every_point(name, &flow, blow);
            assert!(points > 10, "{name} has {points} operations only");
        }
    }
}

#[test]
fn j3_j6_a_full_disk_behind_a_failed_sync_leaves_every_rupiah_right() {
    let fails = |fault, at| Blow::DiskFails { fault, at, lasting: false };
    for (name, flow) in flows() {
        // Every operation of the recovery, from every third of the flow: a sync is among them.
        for first in moments(3) {
            let mut flow = flow.clone();
            flow.seed = first;
            let mut second = 1;
            let both = |second| [fails(Fault::Io, first), fails(Fault::Full, second)];
            while survives(name, &flow.struck(both(second))) {
                second += 1;
            }
            if second == 1 && !survives(name, &flow.struck([fails(Fault::Io, first)])) {
                break;
            }
        }
    }
}

#[test]
fn j1_j2_j3_a_disk_that_is_full_at_any_operation_of_any_flow_leaves_every_rupiah_right() {
    for (name, flow) in flows() {
        for lasting in [false, true] {
            let blow = |at| Blow::DiskFails { fault: Fault::Full, at, lasting };
            at_every_point(name, &flow, blow);
        }
    }
}

#[test]
fn j4_a_disk_that_turns_read_only_at_any_operation_of_any_flow_leaves_every_rupiah_right() {
    for (name, flow) in flows() {
        let blow = |at| Blow::DiskFails { fault: Fault::ReadOnly, at, lasting: true };
        at_every_point(name, &flow, blow);
    }
}
