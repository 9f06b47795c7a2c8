//! Reading a journal beside whoever has it open, whatever its mode, and changing nothing
//! ([fault J30]).
//!
//! A process that has a journal for itself keeps the log's index in its memory, so SQLite lets no
//! second one read. So what is read is a private copy of the file and its log, made between two
//! looks that show that nobody moved the log into the file meanwhile. Frames that are appended in
//! between do no harm: the copy ends with the last whole one.
//!
//! [fault J30]: crate::manual::faults#j-disk-and-journal

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::files::{Files, SystemFiles};
use super::sqlite::SqliteJournal;
use super::succession::{SetAside, Succession};
use super::{
    archive, aside, belonging, copies, failure, fork, handover, notes, opening, place, schema,
};
use crate::invoice::MerchantInvoice;
use crate::journal::{
    Figures, Filter, Health, Journal, JournalError, JournalErrorKind, KnownArchive, NewPayment,
};
use crate::payment::Payment;

/// Looks that must find the file at rest, before a journal is called too busy to be copied.
const TRIES: u32 = 100;
/// The name of the present journal's copy.
const PRESENT: &str = "journal";
const PAUSE: Duration = Duration::from_millis(20);
/// A file system's clock may stand still for so long: a write soon after the last one may not show.
const COARSE: Duration = Duration::from_millis(20);
/// Where the log names itself: its magic number, its salts and its checksum.
const LOG_HEADER: usize = 32;

/// A journal as it was when this was made, with those that were set aside at its place. For reports;
/// knows no key and shows no phone.
#[derive(Debug)]
pub struct JournalCopy {
    // Dropped in this order: nobody may have the copy open when it is removed.
    journal: Succession,
    /// It was moved away: what is read here may be another day's. A backup of it may be all there is.
    moved: Option<JournalError>,
    _folder: Folder,
}

impl JournalCopy {
    /// Copies the journal at `path` and opens the copy. Takes room for it in the directory for
    /// temporary files, as long as it lives.
    ///
    /// # Errors
    /// `Misplaced` if no journal is there (and, of everything but a backup, if it was moved away), `Locked` if this process has it open (ask its client),
    /// `ReadOnly` if it cannot be read, `Full`, `Corrupt`, `Version`.
    pub fn open(path: impl AsRef<Path>) -> Result<JournalCopy, JournalError> {
        let _inside = fork::inside();
        let files: Arc<dyn Files> = Arc::new(SystemFiles);
        let path = opening::resolve(&*files, path.as_ref())?;
        let mut former = aside::former(&*files, &path);
        let place = path.clone();
        let present = if files.look(&path).is_err_and(|it| it.kind() == io::ErrorKind::NotFound) {
            place::refuse_left_log(&*files, &path)?;
            notes::refuse_to_begin(&*files, &path)?;
            // Set aside, and the next one is not begun: the last one tells what there is.
            former.pop().map(|(_, aside)| aside).ok_or_else(|| {
                JournalError::new(
                    JournalErrorKind::Misplaced,
                    format!("there is none at {}", path.display()),
                )
            })?
        } else {
            path
        };
        let folder = Folder::new(&*files)?;
        let mut moved = None;
        let mut copied = |from: &Path, name: &str, kinds: &[i32]| {
            // Closing a second descriptor of the file would drop this process's own locks on it
            // (J22).
            place::refuse_if_open_here(&*files, from)?;
            let copy = folder.0.join(name);
            copy_at_rest(from, &copy)?;
            let engine = opening::open_copy(&files, &copy, kinds)
                .map_err(|error| failure::named(from, error))?;
            let own = handover::refuse_moved_away(&engine.connection).err();
            moved = moved.take().or(own.filter(|_| name == PRESENT));
            Ok(SqliteJournal::over(engine))
        };
        // An archive is read as a journal is, and follows none.
        let any = [schema::APPLICATION_ID, schema::ARCHIVE_ID];
        let present = copied(&present, PRESENT, &any)?;
        let mut set_aside = SetAside::default();
        for (number, aside) in former {
            let former = copied(&aside, &format!("aside-{number}"), &[schema::APPLICATION_ID]);
            set_aside.add(&*files, number, &aside, former);
        }
        let journal = Succession::join(&*files, place, present, set_aside)?;
        journal.leave_out_what_is_anothers()?;
        journal.take_back_what_nobody_settles()?;
        Ok(JournalCopy { journal, moved, _folder: folder })
    }

    fn journal(&self) -> Result<&Succession, JournalError> {
        self.moved.clone().map_or(Ok(&self.journal), Err)
    }

    /// See [`Journal::list`].
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.journal()?.list(filter)
    }

    /// See [`Journal::find`].
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.journal()?.find(invoice)
    }

    /// See [`Journal::archived`].
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<PathBuf>, JournalError> {
        self.journal()?.archived(invoice)
    }

    /// See [`SqliteJournal::archives`]; also of the journals that were set aside there.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn archives(&self) -> Result<Vec<KnownArchive>, JournalError> {
        self.journal()?.archives()
    }

    /// Whether this is an [archive](SqliteJournal::archive), and no journal.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn is_archive(&self) -> Result<bool, JournalError> {
        self.journal()?.present().is_archive()
    }

    /// The random name that the journal knows this archive by; `None` of a journal.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn archive_name(&self) -> Result<Option<String>, JournalError> {
        self.journal()?.present().read(|engine| {
            archive::name(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Whose it is: a merchant's number. `None` of one in which nothing ever was.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn merchant(&self) -> Result<Option<String>, JournalError> {
        self.journal()?.present().read(|engine| {
            belonging::merchant(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// See [`Journal::figures`]. The room is that beside the journal itself.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn figures(&self) -> Result<Figures, JournalError> {
        let room = SystemFiles.room(self.journal.path()).map(|room| room.own);
        Ok(Figures { room, ..self.journal()?.figures()? })
    }

    /// Writes a backup of the journal as it was, beside whoever has it open; see
    /// [`SqliteJournal::backup`]. Of what was set aside there, too.
    ///
    /// # Errors
    /// [`JournalError`]; nothing is left.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<(), JournalError> {
        // What is copied here is a copy itself, which knows other names.
        let to = opening::resolve(&SystemFiles, to.as_ref())?;
        copies::refuse_part_of(self.journal.path(), &to)?;
        self.journal.backup(&to)
    }

    /// Whether a payment of the same customer refuses this one.
    pub(super) fn blocks(&self, new: &NewPayment) -> Result<bool, JournalError> {
        self.journal()?.present().blocking(new).map(|open| open.is_some())
    }

    /// See [`Journal::health`].
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn health(&self) -> Result<Health, JournalError> {
        self.journal()?.health()
    }
}

/// A directory of the owner's alone, removed with what is in it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new(files: &dyn Files) -> Result<Folder, JournalError> {
        let mut unique = [0; 8];
        let directory = std::env::temp_dir();
        let in_folder = |error: io::Error| {
            let there = directory.display();
            failure::file(&format!("copy for reading in {there} (TMPDIR names another)"), &error)
        };
        files.random(&mut unique).map_err(in_folder)?;
        let name = format!("ovo-ptp-{:016x}", u64::from_le_bytes(unique));
        let path = directory.join(name);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(in_folder)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is a private copy of sealed rows; the system clears it away.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What tells that nobody moved the log into the file, or began the log anew.
#[derive(PartialEq, Eq)]
struct AtRest {
    length: u64,
    changed: SystemTime,
    log: Option<Vec<u8>>,
}

impl AtRest {
    /// `None` if the last change is so new that the next one might look the same.
    fn look(path: &Path) -> io::Result<Option<AtRest>> {
        let file = fs::metadata(path)?;
        let changed = file.modified()?;
        let log = match fs::File::open(place::with_suffix(path, "-wal")) {
            Ok(log) => {
                let mut header = Vec::with_capacity(LOG_HEADER);
                log.take(LOG_HEADER as u64).read_to_end(&mut header)?;
                Some(header)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let is_new = SystemTime::now().duration_since(changed).is_ok_and(|age| age < COARSE);
        Ok((!is_new).then_some(AtRest { length: file.len(), changed, log }))
    }
}

fn copy_at_rest(from: &Path, to: &Path) -> Result<(), JournalError> {
    let once = || -> io::Result<bool> {
        let Some(before) = AtRest::look(from)? else { return Ok(false) };
        fs::copy(from, to)?;
        let log = place::with_suffix(to, "-wal");
        match fs::copy(place::with_suffix(from, "-wal"), &log) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Of the try before.
                if log.exists() {
                    fs::remove_file(&log)?;
                }
            }
            other => drop(other?),
        }
        Ok(AtRest::look(from)?.is_some_and(|after| after == before))
    };
    for _ in 0..TRIES {
        let copied = once().map_err(|error| {
            let (from, to) = (from.display(), to.display());
            let doing =
                format!("copy for reading from {from} to {to} (TMPDIR names another place)");
            failure::file(&doing, &error)
        });
        if copied? {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(JournalError::new(
        JournalErrorKind::Locked,
        "it is written to so often that it cannot be read from outside; try again, or ask the program \
         that has it open",
    ))
}
