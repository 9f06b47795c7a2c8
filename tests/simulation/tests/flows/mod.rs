//! What is sold, and how it ends, when nothing strikes.

use std::time::Duration;

use ovo_checkout::Fault as Wire;
use ovo_ptp::message::Operation;
use ovo_sandbox::Behaviour;
use ovo_simulation::{History, Manner, Scenario};

fn lost_void() -> Scenario {
    Scenario {
        voids: vec![(5_000, 0)],
        wire: vec![(Operation::Void, Wire::AnswerLost)],
        ..Scenario::one(Behaviour::Approve { after_ms: 0 })
    }
}

/// Every flow that the client has.
pub(crate) fn flows() -> Vec<(&'static str, Scenario)> {
    let declines = Behaviour::Decline { code: "17".to_owned(), after_ms: 4_000 };
    let lies = Behaviour::DeclineButDebited { code: "17".to_owned(), after_ms: 4_000 };
    let several = [
        (1_000, Behaviour::Approve { after_ms: 3_000 }),
        (2_000, declines.clone()),
        (2_500, Behaviour::AnswerLost { after_ms: 9_000, cut: false }),
        (70_000, Behaviour::Approve { after_ms: 0 }),
    ];
    let voided =
        Scenario { voids: vec![(5_000, 0)], ..Scenario::one(Behaviour::Approve { after_ms: 0 }) };
    let asked = Scenario {
        inquiries: vec![(500, 0)],
        asks_again: true,
        ..Scenario::one(Behaviour::Approve { after_ms: 8_000 })
    };
    let first =
        Scenario { fresh_journal: true, ..Scenario::one(Behaviour::Approve { after_ms: 2_000 }) };
    let approves = Behaviour::Approve { after_ms: 25_000 };
    let before_the_first_byte = Scenario {
        wire: vec![(Operation::PushToPay, Wire::SlowConnect(Duration::from_secs(3)))],
        cancels: vec![(2_500, 0)],
        ..Scenario::one(approves.clone())
    };
    let given_up = Scenario { cancels: vec![(12_000, 0)], ..Scenario::one(approves.clone()) };
    let declined =
        Scenario { manner: Manner::Starts(Some(2_000)), ..Scenario::one(declines.clone()) };
    let countdown = Scenario { manner: Manner::Cancels(12_000), ..Scenario::one(approves.clone()) };
    vec![
        ("approved", Scenario::one(Behaviour::Approve { after_ms: 2_000 })),
        ("declined", Scenario::one(declines)),
        ("declined, yet debited", Scenario::one(lies)),
        ("timed out and reversed", Scenario::one(Behaviour::IgnoreSilently {})),
        ("late success", Scenario::one(Behaviour::AnswerLost { after_ms: 9_000, cut: false })),
        ("confirmed late", Scenario::one(Behaviour::ConfirmLate { after_ms: 63_000 })),
        ("voided", voided),
        ("void unknown", lost_void()),
        ("inquired, asked again", asked),
        ("several payments", Scenario { customers: several.to_vec(), ..Scenario::default() }),
        ("the first of a new journal", first),
        ("cancelled before its first byte", before_the_first_byte),
        ("cancelled, then confirmed", given_up),
        ("started, cancelled, then declined", declined),
        ("cancelled from the countdown", countdown),
    ]
}

/// Every `step`-th moment of a flow; with `SMALL_DOSES` in the environment one in eleven of these. `make
/// proof` strikes at all of them.
pub(crate) fn moments(step: usize) -> impl Iterator<Item = u64> {
    let dose = if std::env::var_os("SMALL_DOSES").is_some() { 11 } else { 1 };
    (1..100_000).step_by(step * dose)
}

/// Runs a struck flow; whether the blow came before the flow ended.
pub(crate) fn survives(name: &str, scenario: &Scenario) -> bool {
    let verdict = History::scene(scenario, false);
    if !verdict.broken.is_empty() {
        let story = History::scene(scenario, true).story;
        panic!("{name}, {:?}: {}\n{story}", scenario, verdict.broken.join("; "));
    }
    verdict.struck
}
