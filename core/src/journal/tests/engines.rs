//! Every engine does what a journal must do.

use super::temporary;
use crate::journal::{MemoryJournal, SqliteOptions, conformance};

#[test]
fn the_journal_in_memory_does_what_a_journal_must_do() {
    conformance::run(&|| Box::new(MemoryJournal::new()));
}

#[test]
fn the_journal_on_disk_does_what_a_journal_must_do() {
    conformance::run(&|| temporary(&SqliteOptions::default()));
}

#[test]
fn the_journal_shared_by_processes_does_what_a_journal_must_do() {
    let options = SqliteOptions { shared: true, ..SqliteOptions::default() };
    conformance::run(&|| temporary(&options));
}
