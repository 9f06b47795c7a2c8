//! A disk that says it has synced and has not (J7): the limit of what a journal can promise.

use std::sync::Arc;

use ovo_ptp::journal::conformance::{charge, fresh, invoice, write};
use ovo_ptp::journal::{Journal, SqliteJournal, SqliteOptions};
use ovo_ptp::payment::{Boottime, Payment, Settlement, Source, Verdict};
use ovo_simulation::disk::{Cut, Mount, MountedFiles, SimDisk};
use ovo_simulation::random::Chance;

fn opened(disk: &Arc<SimDisk>) -> SqliteJournal {
    let mount = Mount::new(disk, &Arc::default());
    let path = mount.path("ovo.db");
    let options = SqliteOptions { first_batch: Some(1), ..SqliteOptions::default() };
    let journal = SqliteJournal::open_on(Arc::new(MountedFiles(mount)), path, &options);
    journal.expect("a journal that opens")
}

fn paid(journal: &SqliteJournal, number: u32) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(2_000));
    write(journal, payment)
}

#[test]
fn j7_what_a_disk_lied_about_is_lost_and_nothing_else_is() {
    let disk = SimDisk::new(Chance::of(7));
    let journal = opened(&disk);
    let kept = paid(&journal, 1);
    disk.lies();
    let lost = paid(&journal, 2);
    drop(journal);
    disk.process_ended();
    disk.loses_power(Cut::LosesAll);

    // No journal can tell that there was more. What it shows is whole, and older.
    let journal = opened(&disk);
    assert_eq!(journal.health().expect("health").problems, [""; 0]);
    assert_eq!(journal.find(&invoice(1)).expect("a read"), Some(kept));
    assert_eq!(journal.find(&invoice(2)).expect("a read"), None);
    // The lost numbers are given out again. So a duplicate code, and a sale that a check shows under
    // our numbers, are never taken for ours (OV5), and OVO's settlement file has the last word.
    assert_eq!(fresh(&journal, &charge(3)).intent.numbers, lost.intent.numbers);
}
