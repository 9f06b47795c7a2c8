//! Who has the journal: a lock that no other descriptor of the same process can drop.
//!
//! SQLite holds POSIX record locks, and POSIX drops *all* locks of a process on a file when it
//! closes any descriptor of it: a service that merely reads its own journal, for a backup, lets
//! everybody in ([fault J22]). So the right to be at a journal is a `flock` on a file of its
//! own beside it, `<journal>.lock`, held alone or, by the processes that share a journal, together.
//! Those take turns at writing by another one, `<journal>.turn`. SQLite's locks stand behind both,
//! and alone where a file system has no such locks.
//!
//! [fault J22]: crate::manual::faults#j-disk-and-journal

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::files::{Files, Hold, OpenFile};
use super::place::Stamp;
use super::{companion, place};
use crate::journal::{JournalError, JournalErrorKind};
use crate::lock::lock;

/// How long a note about the database is, at the most: three numbers.
const LONGEST_NOTE: usize = 64;
/// The lock file holds the number of the process that took it last, and that of its container, for
/// messages only.
const LONGEST_PID: usize = 32;

type Held = Arc<Mutex<Option<Box<dyn OpenFile>>>>;

/// The lock files that this process has open. A forked child inherits them, and with them their
/// locks, which would then outlive the parent; so it closes its copies.
static HELD: Mutex<Vec<(u32, Held)>> = Mutex::new(Vec::new());

/// In a forked child: what the parent holds is the parent's alone.
pub(super) fn let_go_of_the_parents() {
    let own = std::process::id();
    lock(&HELD).retain(|(pid, held)| {
        if *pid != own {
            drop(lock(held).take());
        }
        *pid == own
    });
}

/// The right to be at a journal, for as long as it is open.
pub(super) struct Lock {
    files: Arc<dyn Files>,
    path: PathBuf,
    shared: bool,
    /// `None` inside where the file system has no such locks, or no room for the file.
    file: Held,
    /// Of a shared journal: for turns at writing.
    turn: Held,
    /// Whether nobody else had the journal open when this process came.
    alone: bool,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("path", &self.path).field("shared", &self.shared).finish()
    }
}

/// How many times somebody who is about to change a hold is waited for, 10 ms each.
const TRIES: usize = 100;

impl Lock {
    /// Takes the right, at once or not at all. With it comes, for a shared journal, the turn:
    /// opening is a matter of one process at a time.
    ///
    /// # Errors
    /// `Locked`, naming the process that has it.
    pub(super) fn take(
        files: &Arc<dyn Files>,
        journal: &Path,
        shared: bool,
        patience: Duration,
    ) -> Result<Lock, JournalError> {
        let turn = place::with_suffix(journal, ".turn");
        let turn = if shared { companion::open(&**files, &turn).ok() } else { None };
        let mut taken = Lock {
            files: Arc::clone(files),
            path: place::with_suffix(journal, ".lock"),
            shared,
            file: Arc::default(),
            turn: Arc::new(Mutex::new(turn)),
            alone: false,
        };
        for held in [&taken.file, &taken.turn] {
            lock(&HELD).push((std::process::id(), Arc::clone(held)));
        }
        taken.wait_for_turn(patience)?;
        *lock(&taken.file) = taken.hold()?;
        if shared {
            taken.alone = taken.finds_itself_alone()?;
        }
        Ok(taken)
    }

    /// Whether it is a lock at all.
    pub(super) fn is_held(&self) -> bool {
        lock(&self.file).is_some()
    }

    /// Why it is none, where that can be mended.
    pub(super) fn obstacle(&self) -> Option<String> {
        if self.is_held() {
            return None;
        }
        let error = companion::open(&*self.files, &self.path).err()?;
        (error.kind() == io::ErrorKind::PermissionDenied).then(|| {
            format!(
                "the lock {} is not this program's to open, so it keeps nobody out: give it to the \
                 user that the shop runs as",
                self.path.display()
            )
        })
    }

    /// Whether others had the shared journal open when this process came.
    pub(super) fn found_others(&self) -> bool {
        self.shared && self.is_held() && !self.alone
    }

    /// Before closing: whether nobody else has the journal open. If somebody has, the right is gone
    /// from here on.
    pub(super) fn is_last(&self) -> bool {
        match &mut *lock(&self.file) {
            Some(file) if self.shared => file.hold(Hold::Alone).unwrap_or(false),
            _ => true,
        }
    }

    fn finds_itself_alone(&self) -> Result<bool, JournalError> {
        let mut file = lock(&self.file);
        let Some(held) = &mut *file else { return Ok(false) };
        let alone = held.hold(Hold::Alone).unwrap_or(false);
        // Linux drops the old hold before it tries the new one.
        for _ in 0..TRIES {
            match held.hold(Hold::Shared) {
                Ok(false) => std::thread::sleep(Duration::from_millis(10)),
                _ => return Ok(alone),
            }
        }
        Err(refusal(&*self.files, &self.path))
    }

    /// Looks whether the lock is still one: a lock file that was deleted keeps nobody out. It is
    /// then made and taken anew, unless somebody else was faster.
    ///
    /// # Errors
    /// `Gone`: somebody else was.
    pub(super) fn keep(&self) -> Result<(), JournalError> {
        let own = match &*lock(&self.file) {
            Some(file) => file.identity(),
            None => return Ok(()),
        };
        let there = self.files.look(&self.path).map(|look| look.identity);
        match (own, there) {
            (Ok(own), Ok(there)) if own == there => return Ok(()),
            (Err(_), _) => return Ok(()),
            _ => {}
        }
        match self.hold() {
            // Where nobody can make one, SQLite's locks are what is left.
            Ok(file) => {
                *lock(&self.file) = file;
                Ok(())
            }
            Err(_) => Err(JournalError::new(
                JournalErrorKind::Gone,
                "the lock file beside the journal was deleted, and another process took the journal",
            )),
        }
    }

    /// Waits for this process's turn at writing to a shared journal.
    ///
    /// # Errors
    /// `Locked` if it does not come within `patience`.
    pub(super) fn wait_for_turn(&self, patience: Duration) -> Result<(), JournalError> {
        let mut file = lock(&self.turn);
        let Some(turn) = &mut *file else { return Ok(()) };
        let began = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            match turn.hold(Hold::Alone) {
                Ok(false) if began.elapsed() < patience => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(25));
                }
                Ok(false) => {
                    return Err(JournalError::new(
                        JournalErrorKind::Locked,
                        "another process has been writing for too long",
                    ));
                }
                Ok(true) => return Ok(()),
                // SQLite's locks are what is left.
                Err(_) => {
                    *file = None;
                    return Ok(());
                }
            }
        }
    }

    pub(super) fn end_turn(&self) {
        if let Some(turn) = &mut *lock(&self.turn) {
            let _ = turn.hold(Hold::Not);
        }
    }

    /// What was noted of the database by whoever wrote it last; `None` if nothing is known. In one's turn
    /// only.
    pub(super) fn noted(&self) -> Option<Stamp> {
        let mut turn = lock(&self.turn);
        let note = turn.as_mut()?.read(0, LONGEST_NOTE).ok()?;
        Stamp::read(&note)
    }

    /// Tells those who share the journal how the database looks, or that it is being written to: whoever
    /// is killed then leaves nothing that anybody could miss.
    ///
    /// # Errors
    /// Something else is noted, and cannot be taken back.
    pub(super) fn note(&self, written: Option<Stamp>) -> io::Result<()> {
        let mut turn = lock(&self.turn);
        let Some(turn) = turn.as_mut() else { return Ok(()) };
        let words = written.and_then(|it| it.in_words()).unwrap_or_default();
        turn.write(0, format!("{words:<LONGEST_NOTE$}").as_bytes())
            // On a full disk the first note has no room.
            .or_else(|_| turn.set_length(0))
    }

    /// Holds the file, made if need be; `None` if it cannot be made, or held by anybody.
    fn hold(&self) -> Result<Option<Box<dyn OpenFile>>, JournalError> {
        for _ in 0..TRIES {
            let Ok(mut file) = companion::open(&*self.files, &self.path) else { return Ok(None) };
            match file.hold(if self.shared { Hold::Shared } else { Hold::Alone }) {
                Ok(true) => match (file.identity(), self.files.look(&self.path)) {
                    (Ok(own), Ok(there)) if own == there.identity => {
                        let pid = format!("{:<10} {}\n", std::process::id(), container());
                        // For messages; a full disk changes nothing else.
                        let _ = file.write(0, pid.as_bytes());
                        return Ok(Some(file));
                    }
                    // Deleted by hand between the opening and the hold.
                    _ => {}
                },
                // Whoever shares a journal may be asking just now whether it is alone.
                Ok(false) if self.shared => std::thread::sleep(Duration::from_millis(10)),
                Ok(false) => break,
                Err(_) => return Ok(None),
            }
        }
        Err(refusal(&*self.files, &self.path))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let own = std::process::id();
        for held in [&self.turn, &self.file] {
            lock(&HELD).retain(|(pid, other)| *pid != own || !Arc::ptr_eq(held, other));
            if let Some(mut file) = lock(held).take() {
                // Not left to closing: a child that was forked unseen has the file open too.
                let _ = file.hold(Hold::Not);
            }
        }
    }
}

fn refusal(files: &dyn Files, path: &Path) -> JournalError {
    let text = files.read(path, LONGEST_PID).ok().and_then(|text| String::from_utf8(text).ok());
    let who = holder(text.as_deref().unwrap_or_default(), std::process::id(), &container());
    JournalError::new(
        JournalErrorKind::Locked,
        format!(
            "another process{who} has the journal open; stop that one, or open it shared in all of \
             them"
        ),
    )
}

/// Within what the number of a process names it: two containers have a process 1 each. Empty where there
/// is no such thing.
fn container() -> String {
    let name = std::fs::read_link("/proc/self/ns/pid").ok();
    let name = name.and_then(|name| name.into_os_string().into_string().ok()).unwrap_or_default();
    name.chars().filter(char::is_ascii_digit).take(LONGEST_PID - 12).collect()
}

/// Who it is that holds the lock, by what it has written there.
fn holder(text: &str, own: u32, own_container: &str) -> String {
    let mut words = text.split_ascii_whitespace();
    let Some(pid) = words.next().and_then(|pid| pid.parse::<u32>().ok()) else {
        return String::new();
    };
    match words.next().unwrap_or(own_container) {
        // Written by a release that did not tell its container.
        container if container == own_container && pid == own => {
            " (in another container on this volume)".to_owned()
        }
        container if container == own_container => format!(" (pid {pid})"),
        _ => format!(" (pid {pid} in another container on this volume)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j11_a_process_of_another_container_is_not_named_by_a_number_that_is_ones_own() {
        assert_eq!(holder("17         4026531836\n", 1, "4026531836"), " (pid 17)");
        let other = holder("1          4026532001\n", 1, "4026531836");
        assert!(other.contains("pid 1 in another container"), "{other}");
        // As release 0.1.0 wrote it.
        assert_eq!(holder("17        \n", 1, "4026531836"), " (pid 17)");
        let other = holder("1         \n", 1, "4026531836");
        assert!(!other.contains("pid") && other.contains("another container"), "{other}");
        assert_eq!(holder("17        \n", 1, ""), " (pid 17)");
        assert_eq!(holder("", 1, ""), "");
        assert!(container().len() <= LONGEST_PID - 12);
    }
}
