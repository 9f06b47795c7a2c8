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

use super::belonging::Seen;
use super::files::{Files, Hold, Look, OpenFile, SystemFiles};
use super::opening::CopyFor;
use super::sqlite::SqliteJournal;
use super::succession::{SetAside, Succession};
use super::{
    archive, aside, belonging, copies, failure, fork, handover, notes, opening, place, schema,
};
use crate::invoice::MerchantInvoice;
use crate::journal::{
    ArchivePlace, Figures, Filter, Health, Journal, JournalError, JournalErrorKind, KnownArchive,
    NewPayment,
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
        JournalCopy::copied(path.as_ref(), place::refuse_if_readable_by_others, CopyFor::Telling)
    }

    /// The same of one that its own shop does not open, because others may read it for example.
    pub(super) fn of_what_is_refused(path: &Path) -> Result<JournalCopy, JournalError> {
        JournalCopy::copied(path, |_| Ok(()), CopyFor::Asking)
    }

    fn copied(
        path: &Path,
        may_be_read: fn(Look) -> Result<(), JournalError>,
        purpose: CopyFor,
    ) -> Result<JournalCopy, JournalError> {
        let _inside = fork::inside();
        let files: Arc<dyn Files> = Arc::new(SystemFiles);
        let path = opening::resolve(&*files, path)?;
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
            files
                .look(from)
                .map_err(|error| failure::at(from, &error))
                .and_then(may_be_read)
                .map_err(|error| failure::named(from, error))?;
            let copy = folder.path.join(name);
            copy_at_rest(from, &copy)?;
            let engine = opening::open_copy(&files, &copy, from, kinds, purpose)
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
    pub fn archived(
        &self,
        invoice: &MerchantInvoice,
    ) -> Result<Option<ArchivePlace>, JournalError> {
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

    /// What it tells of itself.
    pub(super) fn seen(&self) -> Result<Seen, JournalError> {
        self.journal.present().read(|engine| {
            Seen::read(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Whether it, or its archive, has the invoice; also of one that was moved away since.
    pub(super) fn knows(&self, invoice: &MerchantInvoice) -> Result<bool, JournalError> {
        // A damaged row under this very invoice is one that is known (J8).
        Ok(self.journal.present().find_row(invoice)?.is_some()
            || Journal::archived(&self.journal, invoice)?.is_some())
    }

    /// Whether a payment of the same customer refuses this one.
    pub(super) fn blocks(&self, new: &NewPayment) -> Result<bool, JournalError> {
        self.journal.present().blocking(new).map(|open| open.is_some())
    }

    /// Whether any payment may still be debited, so soon after it began that its customer may be the one who
    /// pays now: whose it is nobody can tell.
    pub(super) fn may_debit_anybody(&self, new: &NewPayment) -> Result<bool, JournalError> {
        let unsettled = Filter { unsettled: true, newest_first: true, ..Filter::default() };
        let open = self.journal.present().list(&unsettled)?;
        Ok(open.iter().any(|it| {
            let age = new.wall.unix_millis().saturating_sub(it.intent.wall.unix_millis());
            it.intent.phone.is_some()
                && it.state.may_still_debit()
                && u64::try_from(age).map_or(0, |age| age) < millis(new.timers.first_sweep)
        }))
    }

    /// See [`Journal::health`].
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn health(&self) -> Result<Health, JournalError> {
        self.journal()?.health()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A directory of the owner's alone, removed with what is in it: by whoever made it or, if that was killed,
/// by the next one who reads.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// Held for as long as the folder is used; `None` where a file system has no such locks.
    held: Option<Box<dyn OpenFile>>,
}

impl Folder {
    const NAME: &str = "ovo-ptp-reading-";
    const HELD: &str = "in use";
    /// One without a lock is just being made, or where there are none.
    const LONGEST_USE: Duration = Duration::from_secs(24 * 60 * 60);

    fn new(files: &dyn Files) -> Result<Folder, JournalError> {
        Folder::within(files, &std::env::temp_dir())
    }

    fn within(files: &dyn Files, directory: &Path) -> Result<Folder, JournalError> {
        let mut unique = [0; 8];
        let in_folder = |error: io::Error| {
            let there = directory.display();
            failure::file(&format!("copy for reading in {there} (TMPDIR names another)"), &error)
        };
        files.random(&mut unique).map_err(in_folder)?;
        let name = format!("{}{:016x}", Folder::NAME, u64::from_le_bytes(unique));
        let path = directory.join(name);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(in_folder)?;
        let held = Folder::hold(files, &path);
        let folder = Folder { path, held };
        folder.sweep(files, directory);
        Ok(folder)
    }

    /// The file that says so is held before it has its name: one that nobody holds is a sign that its reader
    /// was killed.
    fn hold(files: &dyn Files, path: &Path) -> Option<Box<dyn OpenFile>> {
        let unnamed = path.join("to be held");
        let mut held = files.create(&unnamed).ok()?;
        let is_held = held.hold(Hold::Alone).is_ok_and(|it| it);
        (is_held && fs::rename(unnamed, path.join(Folder::HELD)).is_ok()).then_some(held)
    }

    /// Removes what killed readers have left there. What another user left is not this one's to remove.
    fn sweep(&self, files: &dyn Files, directory: &Path) {
        let Ok(own) = fs::symlink_metadata(&self.path) else { return };
        let is_copy = |name: &str| {
            let unique = name.strip_prefix(Folder::NAME);
            unique.is_some_and(|it| it.len() == 16 && it.bytes().all(|it| it.is_ascii_hexdigit()))
        };
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == self.path || !entry.file_name().to_str().is_some_and(is_copy) {
                continue;
            }
            let Ok(look) = entry.metadata() else { continue };
            if !look.is_dir() || !is_same_users(&look, &own) {
                continue;
            }
            let is_left = match files.open_own(&path.join(Folder::HELD)) {
                Ok(mut held) => held.hold(Hold::Alone).is_ok_and(|it| it),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let age = look.modified().ok().and_then(|made| made.elapsed().ok());
                    age.is_some_and(|age| age > Folder::LONGEST_USE)
                }
                Err(_) => false,
            };
            if is_left {
                let _ = fs::remove_dir_all(path);
            }
        }
    }
}

fn is_same_users(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::uid(one) == std::os::unix::fs::MetadataExt::uid(other);
    #[cfg(not(unix))]
    return one.is_dir() && other.is_dir();
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is a private copy of sealed rows; the next reader clears it away.
        let _ = fs::remove_dir_all(&self.path);
        drop(self.held.take());
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

/// Whatever the mode of the original, the copy is its reader's to write and nobody else's to read.
fn copy_privately(from: &Path, to: &Path) -> io::Result<u64> {
    let mut from = fs::File::open(from)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::copy(&mut from, &mut options.open(to)?)
}

fn copy_at_rest(from: &Path, to: &Path) -> Result<(), JournalError> {
    let once = || -> io::Result<bool> {
        let Some(before) = AtRest::look(from)? else { return Ok(false) };
        copy_privately(from, to)?;
        let log = place::with_suffix(to, "-wal");
        match copy_privately(&place::with_suffix(from, "-wal"), &log) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j30_what_a_killed_reader_left_is_removed_and_what_another_one_uses_stays() {
        let scratch = crate::journal::tests::Scratch::new();
        let journal = scratch.journal();
        let there = journal.parent().unwrap();
        let names = || {
            let all = fs::read_dir(there).unwrap().map(|it| it.unwrap().file_name());
            let mut all: Vec<_> = all.map(|it| it.into_string().unwrap()).collect();
            all.sort();
            all
        };
        let (left, alone) = ("ovo-ptp-reading-0123456789abcdef", "ovo-ptp-0123456789abcdef");
        for (folder, file) in [(left, Folder::HELD), (alone, "mine")] {
            fs::create_dir(there.join(folder)).unwrap();
            fs::write(there.join(folder).join(file), "").unwrap();
        }
        // One that is just being made.
        let young = "ovo-ptp-reading-00000000000000aa";
        fs::create_dir(there.join(young)).unwrap();
        fs::write(there.join(left).join("journal"), "rows").unwrap();
        let first = Folder::within(&SystemFiles, there).unwrap();
        let second = Folder::within(&SystemFiles, there).unwrap();
        let name = |it: &Folder| it.path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected = vec![alone.to_owned(), young.to_owned(), name(&first), name(&second)];
        expected.sort();
        assert_eq!(names(), expected);
        drop((first, second));
        assert_eq!(names(), [alone, young]);
        // Of yesterday.
        let yesterday = SystemTime::now() - Folder::LONGEST_USE * 2;
        fs::File::open(there.join(young)).unwrap().set_modified(yesterday).unwrap();
        drop(Folder::within(&SystemFiles, there).unwrap());
        assert_eq!(names(), [alone]);
    }

    #[test]
    fn j30_many_readers_at_once_leave_each_other_their_copies() {
        let scratch = crate::journal::tests::Scratch::new();
        let journal = scratch.journal();
        let there = journal.parent().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let folder = Folder::within(&SystemFiles, there).unwrap();
                        assert!(folder.held.is_some() && folder.path.join(Folder::HELD).exists());
                    }
                });
            }
        });
    }
}
