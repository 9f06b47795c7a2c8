//! Every engine does what a journal must do.

use crate::journal::{MemoryJournal, conformance};

#[test]
fn the_journal_in_memory_does_what_a_journal_must_do() {
    conformance::run(&|| Box::new(MemoryJournal::new()));
}
