//! What people do with the journal of an open client: copy it, and answer for it.

use std::path::Path;

use crate::client::Client;
use crate::error::{Error, ErrorKind};

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
