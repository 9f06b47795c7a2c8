//! Several machines on one database that cuts, delays, fails over and once forgets.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ovo_checkout::SimClock;
use ovo_ptp::journal::postgres::twin::{ShortWay, Twin};
use ovo_ptp::journal::postgres::{FarClock, PostgresJournal, PostgresOptions};
use ovo_ptp::journal::{Journal, Setup, conformance};
use ovo_ptp::{Clock, SystemClock, Terminal, WallTime};
use ovo_simulation::{Canary, History, Plan, WrongFleet};

/// The rules of the server's functions, without a server.
#[test]
fn the_kit_passes_over_the_twin_of_the_database() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    conformance::run(&|| {
        let twin = Twin::new(Arc::clone(&clock), false);
        let store = twin.store(Arc::clone(&clock), Arc::new(ShortWay));
        let opened = PostgresJournal::open_on(store, &PostgresOptions::default());
        Box::new(opened.expect("an empty journal opens"))
    });
}

/// MP6: no node was running when a server took over, and whoever comes first has something to write down
/// before it joins.
#[test]
fn mp6_who_opens_first_behind_a_failover_judges_it_before_it_says_whose_it_is() {
    let sim = Arc::new(SimClock::default());
    let clock: Arc<dyn Clock> = FarClock::of(sim);
    let twin = Twin::new(Arc::clone(&clock), false);
    assert_eq!(twin.fails_over(0), []);
    let store = twin.store(Arc::clone(&clock), Arc::new(ShortWay));
    let options = PostgresOptions { clock: Some(clock), ..PostgresOptions::default() };
    let journal = PostgresJournal::open_on(store, &options).expect("it opens");
    assert_eq!(journal.note_probe(WallTime::now()).expect("it is judged"), None);
    assert!(journal.enter_boot("boot").expect("it joins") > 0);
}

/// J21, J27: the key that another node has made the journal's is known, and a charge of a terminal that no
/// client has as its own gives none of another journal's numbers.
#[test]
fn j21_j27_a_fleets_journal_knows_its_key_and_jumps_for_another_tills_terminal() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let twin = Twin::new(Arc::clone(&clock), false);
    let store = twin.store(clock, Arc::new(ShortWay));
    let journal = PostgresJournal::open_on(store, &PostgresOptions::default()).expect("it opens");
    journal.enter_boot("boot").expect("it joins");
    let mut new = conformance::charge(1);
    let setup = Setup {
        class: "loopback".to_owned(),
        host: "https://127.0.0.1:1".to_owned(),
        proxy: None,
        merchant_id: new.merchant_id.clone(),
        terminal: format!("{}/{}", new.terminal.tid(), new.terminal.mid()),
        key: "k".to_owned(),
        other_keys: Vec::new(),
    };
    journal.belong_to(&setup).expect("its first client");
    assert_eq!(journal.key().expect("it is there").as_deref(), Some("k"));
    journal.adopt_key("another", &[]).expect("it is taken");
    assert_eq!(journal.key().expect("it is there").as_deref(), Some("another"));
    let own = conformance::fresh(&journal, &new).intent.numbers;
    assert_eq!(journal.found_since(), []);
    for number in [2, 3] {
        new = conformance::charge(number);
        new.terminal = Terminal::new("2", "M1", "S1").expect("a terminal");
        let theirs = conformance::fresh(&journal, &new).intent.numbers;
        assert!(theirs.batch() > own.batch(), "{theirs:?} behind {own:?}");
        assert_eq!(journal.found_since().len(), if number == 2 { 1 } else { 0 });
    }
}

/// `HISTORIES` in the environment overrides both.
const HISTORIES: u64 = 2_000;
const SMALL_DOSE: u64 = 400;

#[test]
fn j13_mp5_mp6_mp7_mp10_mp12_whatever_becomes_of_the_database_a_customer_is_debited_exactly_when_told_paid()
 {
    let histories = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok());
    let small = std::env::var_os("SMALL_DOSES").is_some();
    let histories = histories.unwrap_or(if small { SMALL_DOSE } else { HISTORIES });
    let (next, wrong) = (AtomicU64::new(1), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let seed @ 1.. = next.fetch_add(1, Ordering::Relaxed) {
                    if seed > histories || wrong.lock().unwrap().len() >= 10 {
                        return;
                    }
                    let verdict = History::with(Plan::fleet(seed), Canary::default(), false);
                    if !verdict.broken.is_empty() {
                        let broken = format!("seed {seed}: {}", verdict.broken.join("; "));
                        wrong.lock().unwrap().push(broken);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "`make simulate-fleet SEED=n` tells these:\n{}", wrong.join("\n"));
}

/// MP10: a machine dies for good or for a while, and the others close what it has left within the window
/// and a minute.
#[test]
fn mp10_what_a_dead_machine_left_has_an_outcome_within_its_window_and_a_minute() {
    for seed in 1..=100 {
        let verdict = History::with(Plan::dead_machine(seed), Canary::default(), false);
        assert_eq!(verdict.broken, [""; 0], "seed {seed}");
    }
}

/// MP18: a machine that OVO does not answer leaves what is due to the others, and a customer has the money
/// back within the window and a minute.
#[test]
fn mp18_what_a_machine_owes_that_is_cut_from_ovo_is_refunded_by_the_others_within_its_window_and_a_minute()
 {
    for seed in 1..=300 {
        let verdict = History::with(Plan::cut_machine(seed), Canary::default(), false);
        assert_eq!(verdict.broken, [""; 0], "seed {seed}");
    }
}

#[test]
fn the_same_seed_is_the_same_history_of_a_fleet_byte_for_byte() {
    for seed in 1..=20 {
        let run = || History::with(Plan::fleet(seed), Canary::default(), true).story;
        assert_eq!(run(), run(), "seed {seed}");
    }
}

/// A fleet whose engine is wrong, and that is told apart from a right one in the same history.
#[test]
fn a_wrong_fleet_is_noticed_within_five_hundred_histories() {
    for wrong in [
        WrongFleet::BelievesTheUnknown,
        WrongFleet::TakesOverEarly,
        WrongFleet::LooksAfterItsOwn,
        WrongFleet::LeavesNothing,
        WrongFleet::NoticesNoFailover,
    ] {
        let is_noticed = (1..=500).any(|seed| {
            let broken = |wrong: WrongFleet| {
                let plan = Plan::wrong_fleet(seed, wrong);
                !History::with(plan, Canary::default(), false).broken.is_empty()
            };
            broken(wrong) && !broken(WrongFleet::Nothing)
        });
        assert!(is_noticed, "{wrong:?}");
    }
}
