//! Each wrong policy, driver or network is caught; a checker that misses one proves nothing.

use ovo_model::canary::hunt;
use ovo_model::explore::thousands;
use ovo_mutants::Mutant;

#[test]
fn every_mutant_is_caught() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        match hunt(mutant) {
            Some(caught) => println!(
                "| {} | {} | {} | {} |",
                mutant.name(),
                caught.id(),
                caught.length,
                thousands(caught.states)
            ),
            None => missed.push(mutant.name()),
        }
    }
    assert!(missed.is_empty(), "the model has gone blind for: {}", missed.join(", "));
}

#[test]
fn a_counterexample_reads_as_a_story() {
    let caught = hunt(Mutant::M1).expect("M1 is caught");
    // Among stories of the same length threads decide which is found first: they differ in when a
    // thing happens, not in what.
    let told = |story: &str| {
        let mut happenings: Vec<String> =
            story.lines().map(|line| line.chars().skip(9).collect()).collect();
        happenings.sort();
        happenings
    };
    assert_eq!(told(&caught.story), told(include_str!("m1.story")), "{}", caught.story);
}
