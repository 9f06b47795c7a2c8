//! What people do with the journal of an open client: copy it, and answer for it.

use std::ops::ControlFlow;
use std::path::Path;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::journal::file_system::{refuse_in_memory, risk_of_archive};
use crate::journal::{ArchiveProgress, Archived, Finding};
use crate::wib::WallTime;

impl Client {
    /// Writes a copy of the journal to `to`, whole and synced, while payments go on. Any other way of
    /// copying an open journal can copy half of it. Whoever opens the copy as a journal is told that
    /// it is one, and it is doubted then, because it does not know what came after it. Journals that
    /// were set aside are copied beside it; one that cannot be read is left out, and told as a critical
    /// [`Event::JournalFound`](crate::Event::JournalFound).
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// client.backup("/mnt/backup/ovo-2026-11-26.db")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Journal`] if there is a file already, or it cannot be written.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<(), Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.backup(to.as_ref())?)
    }

    /// Moves payments that were begun before `before` and are over into a file of the same schema at
    /// `to`, while payments go on: those that are settled and acknowledged, of which no look behind is
    /// due and whose phone is forgotten (two days behind its end). A [`JournalReader`]
    /// and every reading command take that file as they take a journal; here their numbers and their
    /// invoices stay known, and are never given again.
    ///
    /// At every moment each payment is in the journal, in the archive, or in both, and told by one of
    /// them. Whatever breaks this off, the same call finishes it; called once more it changes nothing.
    /// `progress` is told now and then, by the calling thread. An archive where it may not last, as in a container's
    /// own layer, is told as an [`Event::JournalFound`](crate::Event::JournalFound).
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::WallTime;
    ///
    /// let new_year = WallTime::from_unix_millis(1_767_200_400_000); // 2026-01-01, WIB
    /// let done = client.archive(new_year, "/var/lib/shop/ovo-2025.db", |_| {})?;
    /// println!("{} payments moved, {} stay", done.moved, done.left);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`JournalReader`]: crate::JournalReader
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if `before` is in the future; [`ErrorKind::Journal`] if another file is
    /// at `to`, another archive is not finished, the journal is doubted, or a journal that was set aside
    /// at its place is in use, or `to` is in memory and the host is no sandbox; [`ErrorKind::JournalLocked`] if somebody archives it already;
    /// [`ErrorKind::Closed`] if the client was closed meanwhile.
    pub fn archive(
        &self,
        before: WallTime,
        to: impl AsRef<Path>,
        mut progress: impl FnMut(ArchiveProgress),
    ) -> Result<Archived, Error> {
        self.inner.ready()?;
        if before > self.inner.clock.wall() {
            return Err(Error::new(ErrorKind::InvalidInput, "before: must not be in the future")
                .about_field("before"));
        }
        let to = to.as_ref();
        if !self.inner.is_sandbox {
            refuse_in_memory(to)?;
        }
        let mut tell = |at| {
            progress(at);
            match self.inner.ready() {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let done = self.inner.journal.archive(before, to, &mut tell);
        let done =
            done.map_err(|error| self.inner.ready().err().unwrap_or_else(|| error.into()))?;
        if let Some(message) = risk_of_archive(to).filter(|_| done.payments > 0) {
            self.inner.found(Finding { critical: false, message });
        }
        Ok(done)
    }

    /// Ends the doubt about a journal that was found to be a copy, or to have lost something: whoever
    /// calls this has seen that no other copy is in use and has compared the books with OVO's
    /// settlement file. `who_and_why` (1 to 200 characters) is kept in the journal. `false` if there
    /// was no doubt.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// if client.vouch("head office: the old till is scrapped, report of 25 Nov compared")? {
    ///     println!("the journal is trusted again");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without a reason, [`ErrorKind::Journal`].
    pub fn vouch(&self, who_and_why: &str) -> Result<bool, Error> {
        self.inner.ready()?;
        if who_and_why.trim().is_empty() || who_and_why.chars().count() > 200 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "who and why: must have 1 to 200 characters",
            ));
        }
        Ok(self.inner.journal.vouch(who_and_why)?)
    }
}
