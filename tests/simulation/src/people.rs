//! Tills between whose runs people lose, keep, swap and copy the journal's files.
//!
//! After each opening one question is asked: either everything that a till ever committed is there, or
//! the journal said that it cannot vouch for it: by an error that names it, or by an alert. And where
//! nobody touched a file it must say nothing, however its processes and its power ended. What was set
//! aside is opened with it, as a client does: what that one knows is asked after, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use ovo_checkout::Life;
use ovo_ptp::BatchMethod;
use ovo_ptp::journal::conformance::{charge, invoice};
use ovo_ptp::journal::files::Files;
use ovo_ptp::journal::{
    Begun, Filter, Finding, Journal, JournalError, JournalErrorKind, SqliteOptions, Succession,
    Update, set_aside_on,
};
use ovo_ptp::payment::{Payment, Reversal, Settlement, Source, State, Verdict};

use crate::disk::{Cut, Mount, MountedFiles, SimDisk};
use crate::random::Chance;

const DATABASE: &str = "ovo.db";
const LOG: &str = "ovo.db-wal";
const MARK: &str = "ovo.db.mark";
const FILES: [&str; 4] = [DATABASE, LOG, MARK, "ovo.db.lock"];

/// What a person kept of the files at some time.
type Kept = BTreeMap<&'static str, Arc<Vec<u8>>>;

/// What people have done between two openings.
#[derive(Default)]
struct Gap {
    touched: bool,
    /// The mark is another one than the journal's last, or none.
    mark: bool,
    /// The database is gone, or an older copy was put over it.
    database: bool,
    /// An older copy of this very generation of the log was put in its place.
    log: bool,
    /// An older log of any kind was, which may hold no whole commit.
    any_log: bool,
    /// The log was deleted.
    no_log: bool,
    /// And then a process died while it opened the journal: it may have begun another log, and only
    /// the mark says that it found none.
    died_without_log: bool,
}

impl Gap {
    /// Whether nothing is left to tell a loss by ([operations 3.6]).
    ///
    /// [operations 3.6]: ovo_ptp::manual::operations#36-copies-and-backups
    fn leaves_no_trace(&self) -> bool {
        self.log || (self.mark && (self.database || self.any_log || self.died_without_log))
    }
}

struct Till {
    disk: Arc<SimDisk>,
    chance: Chance,
    /// What is durable, by the number in the invoice.
    known: BTreeMap<u32, Payment>,
    kept: Vec<Kept>,
    /// What people have done to the files since the last opening.
    gap: Gap,
    /// A doubt was told, and the process died before somebody could end it.
    unvouched: bool,
    /// How many journals were set aside.
    aside: u32,
    sold: u32,
    /// A journal that never says anything: the oracle must notice it.
    silent: bool,
    story: Vec<String>,
}

/// One history. Returns what was wrong, with the story; `silent` for the mutant that raises no doubt.
///
/// # Errors
/// The rule that was broken, and what led there.
pub fn people(seed: u64, silent: bool) -> Result<(), String> {
    let mut chance = Chance::of(seed ^ 0x009e_091e);
    let mut till = Till {
        disk: SimDisk::new(chance.fork()),
        chance,
        known: BTreeMap::new(),
        kept: Vec::new(),
        gap: Gap::default(),
        unvouched: false,
        aside: 0,
        sold: 0,
        silent,
        story: Vec::new(),
    };
    for _ in 0..till.chance.between(3, 8) {
        let lived = till.lives();
        lived.map_err(|broken| format!("{broken}\n  {}", till.story.join("\n  ")))?;
        if till.chance.once_in(2) {
            for _ in 0..till.chance.between(1, 3) {
                till.somebody_touches_the_files();
            }
        }
    }
    Ok(())
}

impl Till {
    fn opens(&self, life: &Arc<Life>) -> Result<Succession, JournalError> {
        let mount = Mount::new(&self.disk, life);
        let path = mount.path(DATABASE);
        let options = SqliteOptions { first_batch: Some(1), ..SqliteOptions::default() };
        Succession::open_on(Arc::new(MountedFiles(mount)), path, &options)
    }

    /// A process: it opens the journal, sells, and ends in some way.
    fn lives(&mut self) -> Result<(), String> {
        let life = Arc::new(Life::default());
        let dies_early = self.chance.once_in(6);
        if dies_early {
            life.ends_after(self.chance.below(40));
        }
        match self.opens(&life) {
            Ok(journal) => {
                self.compares(&journal, &life)?;
                if self.chance.once_in(3) {
                    life.ends_after(self.chance.below(60));
                }
                for _ in 0..self.chance.below(6) {
                    self.trades(&journal);
                }
                if self.chance.once_in(2) {
                    self.story.push("killed".to_owned());
                    life.is_ended();
                }
                drop(journal);
            }
            Err(_) if life.is_over() => {
                self.story.push("died while opening".to_owned());
                self.gap.died_without_log |= self.gap.no_log;
            }
            Err(error) => self.is_refused(&error)?,
        }
        self.disk.process_ended();
        if self.chance.once_in(5) {
            let cut = *self.chance.one_of(&[Cut::LosesAll, Cut::KeepsAll, Cut::Mixes]);
            self.story.push(format!("the power goes: {cut:?}"));
            self.disk.loses_power(cut);
            // It is not synced.
            self.gap.mark = true;
        }
        Ok(())
    }

    fn compares(&mut self, journal: &Succession, life: &Life) -> Result<(), String> {
        let critical = |found: &Finding| found.critical && !self.silent;
        let said = journal.findings().iter().any(critical);
        // What lies aside and cannot be opened is said for as long as it lies there.
        let lies_there = |found: &Finding| self.aside > 0 && found.message.contains(".aside-");
        let doubted = journal.findings().iter().any(|it| critical(it) && !lies_there(it));
        let lacks: Vec<u32> = self
            .known
            .iter()
            .filter(|(number, known)| {
                let found = journal.find(&invoice(**number)).ok().flatten();
                !found.is_some_and(|found| {
                    found.version > known.version || found.state.verdict == known.state.verdict
                })
            })
            .map(|(number, _)| *number)
            .collect();
        self.story.push(format!("opened; lacks {lacks:?}, said: {:?}", journal.findings()));
        if life.is_over() {
            self.gap.died_without_log |= self.gap.no_log;
            return Ok(());
        }
        if !lacks.is_empty() && !said && !self.gap.leaves_no_trace() {
            return Err(format!("payments {lacks:?} are lost, and the journal said nothing"));
        }
        let is_rewound = doubted && !lacks.is_empty() && self.aside == 0;
        if is_rewound && !self.gap.leaves_no_trace() {
            let found =
                (1..=self.sold).filter_map(|number| journal.find(&invoice(number)).ok().flatten());
            if let Some(trusted) = found.map(|it| it.state).find(State::may_be_closed_since) {
                return Err(format!("reversed by itself, whatever was lost: {trusted:?}"));
            }
        }
        if doubted && !self.gap.touched && !self.unvouched {
            return Err("the journal doubts itself, and nobody touched a file".to_owned());
        }
        // Also those of a journal that was set aside since: their numbers are others now.
        self.knows_what_is_there(journal);
        let unsettled = Filter { unsettled: true, limit: 1_000, ..Filter::default() };
        if let (false, Ok(owed)) = (said, journal.list(&unsettled)) {
            let is_open = |known: &&Payment| known.state.verdict.is_none();
            let is_owed = |known: &Payment| owed.iter().any(|it| it.id == known.id);
            if let Some(left) = self.known.values().filter(is_open).find(|it| !is_owed(it)) {
                let found = journal.find(&left.intent.invoice);
                let invoice = &left.intent.invoice;
                return Err(format!("{invoice} is open, and nobody settles it: {found:?}"));
            }
        }
        self.unvouched = said && journal.vouch("somebody compared the books").is_err();
        self.gap = Gap::default();
        Ok(())
    }

    /// Whoever was told compares the books and goes on with what is there.
    fn knows_what_is_there(&mut self, journal: &Succession) {
        self.known = (1..=self.sold)
            .filter_map(|number| Some((number, journal.find(&invoice(number)).ok().flatten()?)))
            .collect();
    }

    fn trades(&mut self, journal: &Succession) {
        if self.chance.once_in(2) {
            self.sold += 1;
            let new = charge(self.sold);
            if let Ok(Begun::Fresh(payment)) = journal.begin(&new, BatchMethod::Continuous) {
                self.story.push(format!("{} begun", self.sold));
                self.known.insert(self.sold, payment);
            }
            return;
        }
        let open = self.known.iter().find(|(_, known)| known.state.verdict.is_none());
        let Some((number, open)) = open.map(|(number, open)| (*number, open.clone())) else {
            return;
        };
        let mut decided = open;
        let state = &mut decided.state;
        (state.verdict, state.settlement) = match self.chance.below(4) {
            0 => (Some(Verdict::Abandoned), Settlement::Open(Reversal::Needed)),
            1 => (Some(Verdict::Abandoned), Settlement::closed(state.touched)),
            _ => (Some(Verdict::Accepted(Source::Status)), Settlement::closed(state.touched)),
        };
        if matches!(state.verdict, Some(Verdict::Accepted(_))) {
            state.due = None;
        }
        if let Ok(Update::Won(version)) = journal.update(&decided) {
            self.story.push(format!("{number}: {:?}", decided.state.verdict));
            decided.version = version;
            self.known.insert(number, decided);
        }
    }

    /// The error names what is wrong; somebody does what it says.
    fn is_refused(&mut self, error: &JournalError) -> Result<(), String> {
        self.story.push(format!("refused: {error}"));
        if !self.gap.touched {
            return Err(format!("refused, and nobody touched a file: {error}"));
        }
        match error.kind {
            JournalErrorKind::Misplaced if error.message.contains("is not this journal's") => {
                self.disk.renames(LOG, &format!("stray-{}", self.story.len()));
            }
            JournalErrorKind::Misplaced | JournalErrorKind::Corrupt => {
                let mount = Mount::new(&self.disk, &Arc::default());
                let path = mount.path(DATABASE);
                let files: Arc<dyn Files> = Arc::new(MountedFiles(mount));
                let aside = set_aside_on(&files, &path);
                self.story.push(format!("set aside: {}", aside.is_ok()));
                self.aside += 1;
            }
            _ => return Err(format!("refused for no reason of the files: {error}")),
        }
        Ok(())
    }

    fn somebody_touches_the_files(&mut self) {
        let file = *self.chance.one_of(&FILES);
        match self.chance.below(8) {
            0 | 1 => {
                self.story.push("somebody keeps the files".to_owned());
                let kept = FILES.iter().filter_map(|name| Some((*name, self.disk.bytes(name)?)));
                self.kept.push(kept.collect());
                return;
            }
            2 | 3 => {
                self.story.push(format!("somebody deletes {file}"));
                self.gap.database |= file == DATABASE;
                self.gap.mark |= file == MARK;
                self.gap.no_log |= file == LOG;
                self.disk.deletes(file);
            }
            4 => {
                self.story.push("somebody copies the whole directory".to_owned());
                self.disk.is_copied();
            }
            5 => {
                self.story.push(format!("somebody moves {file} away and back"));
                self.disk.renames(file, "elsewhere");
                self.disk.renames("elsewhere", file);
            }
            kind => {
                let over = kind == 6;
                if self.kept.is_empty() {
                    return;
                }
                let kept = self.chance.one_of(&self.kept).clone();
                let Some(bytes) = kept.get(file) else { return };
                let how = if over { "over it" } else { "as another file" };
                self.story.push(format!("somebody puts an older {file} back, {how}"));
                let header = |bytes: &[u8]| bytes.get(..32).map(<[u8]>::to_vec);
                let now = self.disk.bytes(LOG).and_then(|log| header(&log));
                self.gap.log |= file == LOG && now == header(bytes);
                self.gap.any_log |= file == LOG;
                self.gap.database |= file == DATABASE && over;
                self.gap.mark |= file == MARK;
                self.disk.puts(file, bytes, over);
            }
        }
        self.gap.touched = true;
    }
}
