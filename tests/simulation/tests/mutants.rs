//! The canaries: a simulation that does not notice these has gone blind.

use ovo_mutants::Mutant;
use ovo_simulation::hunt;

/// Those that fall quickly; `make simulate-mutants` hunts all of them, the README has the table.
const QUICK: &[Mutant] = &[
    Mutant::M1,
    Mutant::M2,
    Mutant::M3,
    Mutant::M4,
    Mutant::M5,
    Mutant::M6,
    Mutant::M7,
    Mutant::M8,
    Mutant::M9,
    Mutant::M10,
    Mutant::M11,
    Mutant::M13,
    Mutant::M14,
    Mutant::M15,
    Mutant::M15b,
    Mutant::M16,
    Mutant::SilenceIsDeclined,
    Mutant::SilenceIsNotSent,
    Mutant::TimeoutWithoutReversal,
    Mutant::EchoIgnored,
    Mutant::DuplicateForgotten,
    Mutant::ForeignSaleIsOurs,
    Mutant::DoubtfulIsOurs,
    Mutant::ReversedIsPaid,
    Mutant::DebitAtClosingIgnored,
    Mutant::UnconfirmedPaidReversed,
    Mutant::NoSecondLook,
    Mutant::ReopenedReversedAtOnce,
    Mutant::AcceptedWithoutCaller,
    Mutant::AnythingVoided,
    Mutant::SilentVoidDone,
    Mutant::SilentVoidReversed,
    Mutant::VoidedTwiceAtOnce,
    Mutant::VoidResentUnasked,
    Mutant::ClosedByHandEarly,
    Mutant::NoPauseBetweenReversals,
    Mutant::NoPauseBetweenChecks,
    Mutant::PaddedIsAnother,
    Mutant::DeclineReversed,
    Mutant::UndeliverableTrusted,
    Mutant::VoidedAfterAllDropped,
];

#[test]
fn every_quick_mutant_is_noticed_within_two_thousand_histories() {
    let blind: Vec<&str> = QUICK
        .iter()
        .filter(|mutant| hunt(**mutant, 2_000).is_none())
        .map(|mutant| mutant.name())
        .collect();
    assert!(blind.is_empty(), "not noticed: {blind:?}");
}
