//! Files of a journal that people lose, keep, swap and copy between its runs: nothing is lost without a
//! word, and nothing is said where nobody touched a file.

use ovo_simulation::people;

/// `HISTORIES` in the environment overrides both, for a long night.
const HISTORIES: u64 = 3_000;
const SMALL_DOSE: u64 = 500;

#[test]
fn j10_j12_j20_j21_j23_whatever_people_do_with_its_files_a_journal_loses_nothing_without_a_word() {
    let histories = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok());
    let small = std::env::var_os("SMALL_DOSES").is_some();
    let histories = histories.unwrap_or(if small { SMALL_DOSE } else { HISTORIES });
    let wrong: Vec<String> = (1..=histories)
        .filter_map(|seed| people(seed, false).err().map(|broken| format!("seed {seed}: {broken}")))
        .take(8)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_journal_that_raises_no_doubt_is_noticed() {
    let noticed = (1..=200).find(|seed| people(*seed, true).is_err());
    assert!(noticed.is_some());
}
