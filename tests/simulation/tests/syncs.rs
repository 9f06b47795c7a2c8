//! What a history costs the disk: it rides in the commits that a payment makes anyway.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::sync::Arc;

use ovo_checkout::{Shop, invoice};
use ovo_ptp::journal::conformance::{charge, fresh, write};
use ovo_ptp::journal::{SqliteJournal, SqliteOptions};
use ovo_ptp::payment::history::Entry;
use ovo_ptp::payment::{Boottime, Settlement, Source, Verdict};
use ovo_simulation::disk::{Mount, MountedFiles, SimDisk};
use ovo_simulation::random::Chance;

/// Of a plain approval, acknowledged: commits, and syncs of the disk.
fn commits_and_syncs(history: &[Entry]) -> (u64, u64) {
    let disk = SimDisk::new(Chance::of(1));
    let mount = Mount::new(&disk, &Arc::default());
    let path = mount.path("ovo.db");
    let journal =
        SqliteJournal::open_on(Arc::new(MountedFiles(mount)), path, &SqliteOptions::default())
            .unwrap();
    fresh(&journal, &charge(1));
    let before = disk.syncs();
    let mut payment = fresh(&journal, &charge(2));
    let last = history.len().saturating_sub(1);
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(1));
    history[..last].iter().for_each(|entry| payment.history.add(entry));
    let mut payment = write(&journal, payment);
    payment.state.acknowledged = true;
    history[last..].iter().for_each(|entry| payment.history.add(entry));
    let payment = write(&journal, payment);
    assert_eq!(payment.history.entries().len(), history.len(), "all of it is kept");
    (payment.version, disk.syncs() - before)
}

#[test]
fn a_history_costs_no_further_commit_and_no_further_sync() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", "081234567890").is_paid());
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    let history = shop.history("INV-1");
    assert_eq!(history.len(), 3);
    assert_eq!(shop.commits("INV-1"), 3, "a real client's: intent, verdict, acknowledgement");
    assert_eq!(commits_and_syncs(&history), (3, 3));
    assert_eq!(commits_and_syncs(&[]), (3, 3));
}
