//! How high the numbers of those stand that were set aside at a place ([fault J28]): the present journal
//! hands out none of them again, whatever became of their marks, and jumps over what nobody can read. Numbers
//! of another merchant are other numbers: they are nothing to it.
//!
//! [fault J28]: crate::manual::faults#j-disk-and-journal

use std::path::Path;

use super::asked::Asked;
use super::{Closed, Succession};
use crate::journal::belonging::{Belonging, Owner, Setup};
use crate::journal::engine::Water;
use crate::journal::files::Files;
use crate::journal::jump::Unread;
use crate::journal::whereabouts::Whereabouts;
use crate::journal::{Finding, JournalError, aside, log, mark, place};
use crate::lock::lock;

/// How high the numbers of one stand, and whose it says that it is.
#[derive(Debug)]
pub(super) struct Height {
    owner: Owner,
    batch: u32,
    /// Nobody knows whether that is all.
    unread: Option<Unread>,
}

impl Unread {
    fn at(files: &dyn Files, number: i64, path: &Path, at_least: u32) -> Unread {
        Unread { number, name: path.display().to_string(), file: file(files, path), at_least }
    }
}

/// What a damaged one may still tell, which nobody else may have open.
fn said(files: &dyn Files, aside: &Path) -> Option<u32> {
    place::refuse_if_open_here(files, aside).ok()?;
    Water::read(&log::without_log(files, aside)?).ok().map(|water| water.stands_at())
}

/// A word for the file that lies there.
fn file(files: &dyn Files, path: &Path) -> String {
    let Ok(look) = files.look(path) else { return String::new() };
    let Whereabouts { inode, born, .. } = Whereabouts::of(look, path);
    format!("{} {}", inode.unwrap_or(0), born.unwrap_or(0))
}

impl Succession {
    /// Before anything is sold.
    pub(super) fn begin_above_the_former(&mut self, files: &dyn Files) -> Result<(), JournalError> {
        let mut heights = Vec::new();
        for former in &self.former {
            let owner = former.or_nothing(former.journal.owner().map(Some)).unwrap_or_default();
            let batch = former.or_later(former.journal.stands_at())?;
            heights.push(Height { owner, batch, unread: None });
        }
        for closed in &self.closed {
            let owner = closed.owner().cloned().unwrap_or_default();
            let batch = closed.at_least(files);
            let unread = || Unread::at(files, closed.number, &closed.aside, batch);
            heights.push(Height { owner, batch, unread: (!closed.is_read()).then(unread) });
        }
        for (number, aside, log) in aside::left_logs(files, &self.path) {
            let batch = mark::read(files, &aside).map_or(0, |mark| mark.numbers.0);
            let unread = Some(Unread::at(files, i64::from(number), &log, batch));
            heights.push(Height { owner: Owner::default(), batch, unread });
        }
        for (number, link) in aside::dead_links(files, &self.path) {
            let unread = Some(Unread::at(files, i64::from(number), &link, 0));
            heights.push(Height { owner: Owner::default(), batch: 0, unread });
        }
        let own = self.present.owner()?;
        heights.retain(|height| !height.owner.is_another_than(&own));
        // Of a new journal only its client knows whose it is.
        let (later, now) = heights.into_iter().partition(|it| it.owner.may_be_another_than(&own));
        *lock(&self.later) = later;
        self.findings.extend(self.begin_above(&now)?);
        Ok(())
    }

    /// What to tell of it.
    fn begin_above(&self, heights: &[Height]) -> Result<Option<Finding>, JournalError> {
        let last = heights.iter().map(|it| it.batch).max().unwrap_or(0);
        if last > 0 {
            self.present.begin_above(last)?;
        }
        let unread: Vec<Unread> = heights.iter().filter_map(|it| it.unread.clone()).collect();
        if unread.is_empty() { Ok(None) } else { self.present.jump_over(unread) }
    }

    /// Once it is known whose the present one is.
    pub(super) fn begin_above_their_own(
        &self,
        own: &Owner,
    ) -> Result<Option<Finding>, JournalError> {
        let mut later = lock(&self.later);
        later.retain(|height| !height.owner.is_another_than(own));
        let found = self.begin_above(&later)?;
        later.clear();
        Ok(found)
    }

    /// Before a payment of somebody who did not say whose it is.
    pub(super) fn begin_above_whomever(&self) -> Result<(), JournalError> {
        let found = self.begin_above_their_own(&Owner::default())?;
        lock(&self.news).extend(found);
        Ok(())
    }

    /// Those that cannot be opened, where at least a copy tells whose they are.
    pub(super) fn closed_belong_to(
        &self,
        setup: &Setup,
        belonging: &mut Belonging,
    ) -> Result<(), JournalError> {
        let own = Owner::set_up(setup);
        for closed in &self.closed {
            let (Some(seen), Some(asked)) = (closed.seen(), &closed.asked) else { continue };
            if seen.owner.is_another_than(&own) {
                asked.is_anothers();
                belonging.findings.push(Finding {
                    critical: false,
                    message: format!(
                        "{} is left alone: it is another merchant's or another environment's",
                        closed.aside.display()
                    ),
                });
                continue;
            }
            belonging.findings.extend(self.doubt_with_closed(closed)?);
            belonging.key_ring.extend(seen.key_ring.iter().cloned());
            let is_known = |key: &String| *key == setup.key || setup.other_keys.contains(key);
            if !seen.key.as_ref().is_none_or(is_known) {
                asked.has_an_unknown_key();
            }
        }
        Ok(())
    }
}

impl Closed {
    /// The highest batch that it is known to have handed out.
    fn at_least(&self, files: &dyn Files) -> u32 {
        let seen = self.seen().map(|seen| seen.batch);
        let said = || said(files, &self.aside).filter(|_| self.asked.is_none());
        self.mark.map(|mark| mark.numbers.0).max(seen.or_else(said)).unwrap_or(0)
    }

    /// Whether its numbers are known for good: whoever has it locked may go on.
    fn is_read(&self) -> bool {
        self.asked.as_ref().is_some_and(Asked::is_whole)
    }
}
