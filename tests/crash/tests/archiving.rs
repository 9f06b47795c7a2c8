//! Archiving beside tills that sell, in a process that is killed at random moments ([fault OP7]).
//!
//! [fault OP7]: ovo_ptp::manual::faults#op-operations

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod street;

use std::time::{Duration, Instant};

use ovo_crash::Dice;
use ovo_crash::books::ARCHIVE;
use ovo_crash::process::{PATIENCE, Process};
use ovo_ptp::{JournalReader, WallTime};
use street::*;

/// Real time over OVO's time.
const SCALE: f64 = 0.01;

#[test]
fn op7_mp2_archiving_that_is_killed_beside_tills_that_sell_loses_no_payment_and_tells_none_twice() {
    let (kills, wanted) =
        if std::env::var_os("SMALL_DOSES").is_some() { (8, 20) } else { (24, 60) };
    let street = Street::forgetting(SCALE);
    let mut dice = Dice::new(WallTime::now().unix_millis().unsigned_abs() / 86_400_000);
    // Each at a desk of its own.
    let sells = |life: u64| street.till(&["sell", &format!("D{life}"), "0"]);
    let mut tills: Vec<Process> = (0..2).map(sells).collect();
    let (mut killed, mut archived, mut part, mut lives) = (0, 0, 0, 1);
    let begun = Instant::now();
    while killed < kills || archived < wanted {
        assert!(begun.elapsed() < 2 * PATIENCE, "{killed} kills, {archived} payments archived");
        std::thread::sleep(Duration::from_millis(500));
        let before = WallTime::now().unix_millis().to_string();
        let name = format!("part-{part}.{ARCHIVE}");
        // Broken off at any moment, and called again with the same words.
        for _ in 0..4 {
            let mut archiving = street.till(&["archive", &before, &name]);
            archiving.says("open");
            std::thread::sleep(Duration::from_millis(dice.below([4, 20, 80, 300][killed % 4])));
            archiving.kill();
            killed += 1;
        }
        // A till dies beside it, too.
        lives += 1;
        tills.remove(0).kill();
        tills.push(sells(lives));
        let mut archiving = street.till(&["archive", &before, &name]);
        let payments: usize = archiving.says("archived").parse().unwrap();
        assert!(archiving.ends().success());
        if payments > 0 {
            let told = JournalReader::open(street.shop.folder.join(&name)).unwrap();
            assert_eq!(told.health().unwrap().problems, [""; 0], "it is whole");
            archived += payments;
            part += 1;
        }
    }
    tills.into_iter().for_each(Process::kill);
    let mix = street.close();
    assert!(mix.of("payments") >= archived as u64, "{mix}");
}
