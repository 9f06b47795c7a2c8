//! Room for payments under way, and whose it is.

use std::sync::{Arc, Mutex};

use super::faulty::Faulty;
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, write};
use crate::journal::files::Room;
use crate::journal::{Begun, Journal, JournalErrorKind, SqliteJournal, SqliteOptions};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Settlement, Source, Verdict};

const MEBIBYTE: u64 = 1 << 20;
/// Nothing for the shop, and so much that only root can write.
const fn full(kept: u64) -> Room {
    Room { own: 0, kept, all: 1_000 * MEBIBYTE }
}

#[test]
fn j2_j3_where_root_has_filled_the_disk_no_payment_begins_that_its_reserve_could_not_end() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let room = Arc::new(Mutex::new(Room { own: MEBIBYTE, ..full(50 * MEBIBYTE) }));
    let files = Faulty::with_room(&room);
    let open_on = || SqliteJournal::open_on(Arc::clone(&files), &path, &SqliteOptions::default());
    let journal = open_on().unwrap();
    let mut under_way = fresh(&journal, &charge(1));
    let problems = journal.health().unwrap().problems;
    assert!(problems.iter().any(|it| it.contains("1024 KiB left")), "{problems:?}");
    // The shop has filled it by itself: what the reserve frees is the shop's.
    *room.lock().unwrap() = full(50 * MEBIBYTE);
    fresh(&journal, &charge(2));
    // Root has, into its own share.
    *room.lock().unwrap() = full(30 * MEBIBYTE);
    let refused = journal.begin(&charge(3), BatchMethod::Continuous).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Full, "{refused}");
    let known = journal.begin(&charge(1), BatchMethod::Continuous);
    assert!(matches!(known, Ok(Begun::Existing(_))), "whoever asks again hears of it: {known:?}");
    under_way.state.verdict = Some(Verdict::Accepted(Source::Push));
    under_way.state.settlement = Settlement::closed(Boottime(1));
    write(&journal, under_way);
    let problems = journal.health().unwrap().problems;
    assert!(problems.iter().any(|it| it.contains("keeps for root")), "{problems:?}");
    assert_eq!(journal.figures().unwrap().reserve_spent, Some(true));
    drop(journal);
    // Opened then, it is told at once, whether or not there is any left of root's share.
    let journal = open_on().unwrap();
    let told = journal.findings();
    assert!(told.iter().any(|it| it.critical && it.message.contains("for root")), "{told:?}");
    assert!(journal.begin(&charge(3), BatchMethod::Continuous).is_err());
    *room.lock().unwrap() = Room { own: MEBIBYTE, ..full(50 * MEBIBYTE) };
    fresh(&journal, &charge(3));
    *room.lock().unwrap() = full(0);
    assert!(journal.begin(&charge(4), BatchMethod::Continuous).is_err(), "root took it all");
    drop(journal);
    // Where nothing is kept for root a full disk is the reserve's, as ever.
    let journal = open_on().unwrap();
    fresh(&journal, &charge(4));
    drop(journal);
    assert_eq!(open(&path).findings(), []);
}

#[test]
fn e16_doctor_calls_a_journal_in_memory_a_problem() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_memory = |at: &&str| mounts.lines().any(|it| it.contains(&format!(" {at} tmpfs ")));
    let Some(memory) = ["/dev/shm", "/run", "/tmp"].into_iter().find(is_memory) else {
        eprintln!("SKIPPED: no file system in memory here");
        return;
    };
    let path = std::path::Path::new(memory).join(format!("ovo-ptp-{}.db", std::process::id()));
    let journal = SqliteJournal::open(&path, &SqliteOptions::default()).unwrap();
    let problems = journal.health().unwrap().problems;
    drop(journal);
    for suffix in ["", "-wal", ".mark", ".reserve", ".lock"] {
        let _ = std::fs::remove_file(super::hands::beside(&path, suffix));
    }
    assert!(problems.iter().any(|it| it.contains("tmpfs")), "{problems:?}");
}
