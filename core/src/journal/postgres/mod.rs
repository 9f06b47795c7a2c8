//! The journal in PostgreSQL, for several nodes: any of them takes a payment, any settles it.
//!
//! Every write is one statement: a function with all that a group of callers writes, and a random token
//! for each. When an answer is lost the same is sent again: the token tells whether it was written. The
//! server's wall clock decides nothing (see `clocks`), and a server that was promoted or restored is
//! refused until the nodes have compared what they were told with what it has (see `guard`).

mod arriving;
mod asking;
mod beats;
mod clocks;
mod connection;
mod damaged;
mod dsn;
mod dues;
mod failure;
mod guard;
mod judgement;
mod letting_go;
mod migrate;
mod moving;
mod password;
mod reading;
mod remembering;
mod rows;
mod server;
#[doc(hidden)]
pub mod store;
mod tls;
#[doc(hidden)]
pub mod twin;
mod waiting;
mod writing;

pub use clocks::FarClock;
pub use dsn::Dsn;
pub use migrate::{Migration, migrate, migrate_telling};
pub use moving::{MoveProgress, MoveStep, Moved, move_to_postgres};
pub(crate) use password::Ask as AskPassword;
pub use password::{Login, MAX_PASSWORD, NoPassword};

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value as Json;

use self::clocks::Clocks;
use self::connection::Epoch;
use self::failure::{failed, is_lost, kind_of, mixed_up, silent, unreachable, unsure};
use self::guard::Memory;
use self::reading::asked;
use self::remembering::{Decision, compare, unhex};
use self::server::Servers;
use self::store::{Ask, Line, Store, Which};
use self::writing::{Answer, Op};
use super::archiving::{self, Shelves};
use super::belonging::{Belonging, RING, Setup};
use super::group::Group;
use super::parts::{self, Progress};
use super::version::Incarnation;
use super::{probed, rules, schema};
use crate::clock::{Clock, SystemClock};
use crate::invoice::MerchantInvoice;
use crate::journal::{
    ArchivePlace, ArchiveProgress, Archived, Begun, Figures, Filter, Finding, Health, Journal,
    JournalError, JournalErrorKind, NewPayment, Tally, Update,
};
use crate::lock::lock;
use crate::numbering::{BatchMethod, MAX_NUMBER, starting_batch};
use crate::payment::{Boottime, Payment, PaymentId};
use crate::wib::WallTime;

/// How long a call may take, whatever the server does.
const LONGEST: Duration = Duration::from_millis(4_800);
/// How long one is tried again inside a call.
const TRIES: Duration = Duration::from_millis(4_200);
/// Pause before the next try.
const PAUSE: Duration = Duration::from_millis(50);

/// How a journal in PostgreSQL is opened.
#[derive(Clone, Default)]
pub struct PostgresOptions {
    /// The batch of the first push of a journal that never pushed; from the wall clock if none is given.
    pub first_batch: Option<u32>,
    /// The clock of this node; the machine's if none is given.
    pub clock: Option<Arc<dyn Clock>>,
}

/// A journal in PostgreSQL.
pub struct PostgresJournal {
    shared: Arc<Shared>,
    group: Group<Op, Result<Answer, JournalError>>,
    incarnation: Incarnation,
    first_batch: Option<u32>,
    process: u32,
    findings: Mutex<Vec<Finding>>,
    /// Rows that cannot be read, and were named.
    damaged: Mutex<BTreeSet<i64>>,
    /// Those whose numbers this journal is known to hand out; empty until a client says which is its own.
    terminals: Mutex<BTreeSet<String>>,
    /// Held by whoever archives.
    archiving: Mutex<()>,
}

/// What the calls and the work behind them have in common.
struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Where is written: the second only while the first has no answer.
    writers: [tokio::sync::Mutex<Option<Arc<dyn Line>>>; 2],
    reader: tokio::sync::Mutex<Option<Arc<dyn Line>>>,
    tender: tokio::sync::Mutex<Option<Arc<dyn Line>>>,
    epoch: Mutex<Epoch>,
    /// The clock that this handle has joined; 0 before that.
    own: AtomicI64,
    /// The number under which the client knows it, whatever was lost meanwhile.
    told: AtomicU32,
    clocks: Mutex<Clocks>,
    memory: Mutex<Memory>,
}

impl std::fmt::Debug for PostgresJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresJournal({})", self.shared.store.name())
    }
}

impl PostgresJournal {
    /// Opens the journal that `dsn` names. Nothing is made and nothing is changed: `migrate` does that.
    ///
    /// # Errors
    /// `Unreachable`; `Version` if the schema is missing or of another version; `Corrupt` if its guards
    /// were altered.
    pub fn open(dsn: &Dsn, options: &PostgresOptions) -> Result<PostgresJournal, JournalError> {
        check_first_batch(options)?;
        let (store, line) = Servers::open(dsn)?;
        PostgresJournal::over(Arc::new(store), line, options)
    }

    /// Opens the journal of another database than a server's: a simulator's.
    ///
    /// # Errors
    /// As above.
    #[doc(hidden)]
    pub fn open_on(
        store: Arc<dyn Store>,
        options: &PostgresOptions,
    ) -> Result<PostgresJournal, JournalError> {
        check_first_batch(options)?;
        let connecting = Arc::clone(&store);
        let line = store::run(&*store, LONGEST, async move { connecting.connect(0).await });
        PostgresJournal::over(store, line.unwrap_or_else(|| Err(silent("open")))?, options)
    }

    fn over(
        store: Arc<dyn Store>,
        line: Arc<dyn Line>,
        options: &PostgresOptions,
    ) -> Result<PostgresJournal, JournalError> {
        let first = Arc::clone(&line);
        let opened = store::run(&*store, LONGEST, async move {
            let epoch = asked(&*first, &Ask::Epoch).await?;
            Ok::<_, JournalError>((epoch, asked(&*first, &Ask::Meta).await?))
        });
        let (epoch, meta) = opened.unwrap_or_else(|| Err(silent("open")))?;
        let incarnation = meta["incarnation"].as_str().unwrap_or_default();
        let incarnation = u128::from_str_radix(incarnation, 16)
            .map_err(|_| JournalError::new(JournalErrorKind::Corrupt, "the journal has no name"))?
            .to_be_bytes();
        let clock = options.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let shared = Shared {
            store,
            clock,
            writers: Default::default(),
            reader: tokio::sync::Mutex::new(Some(line)),
            tender: Default::default(),
            epoch: Mutex::new(epoch_of(&epoch)?),
            own: AtomicI64::new(0),
            told: AtomicU32::new(0),
            clocks: Mutex::default(),
            memory: Mutex::default(),
        };
        Ok(PostgresJournal {
            shared: Arc::new(shared),
            group: Group::new(),
            incarnation,
            first_batch: options.first_batch,
            process: std::process::id(),
            findings: Mutex::default(),
            damaged: Mutex::default(),
            terminals: Mutex::default(),
            archiving: Mutex::default(),
        })
    }

    fn refuse_after_fork(&self) -> Result<(), JournalError> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(JournalError::new(
            JournalErrorKind::Forked,
            "the process forked after opening; open the journal anew in the child",
        ))
    }

    fn run<T: Send + 'static>(
        &self,
        longest: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        store::run(&*self.shared.store, longest, work)
    }
}

const PROBED: &str = "probed";
const JUMPED: &str = "jumped";

/// Bytes as a journal in PostgreSQL keeps them among what it knows of itself.
pub(super) fn hex(bytes: &[u8]) -> String {
    rows::hex(bytes)
}

/// The conditions of lists, made once.
fn conditions() -> &'static [String; 2] {
    static MADE: OnceLock<[String; 2]> = OnceLock::new();
    MADE.get_or_init(|| [schema::is_unsettled(), schema::needs_operator()])
}

impl Journal for PostgresJournal {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.join(boot_id)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.serve(&new.terminal, new.wall)?;
        self.begin_payment(new, method)
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.update_payment(payment)
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.payments(Which::Id(id.0), true)?.pop().transpose()
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        let which = Which::Invoice(invoice.as_str().to_owned());
        self.payments(which, true)?.pop().transpose()
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.due_payments(boot, now, limit)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.next_due_time(boot)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        // Outcomes that nobody has acknowledged are told.
        let listed = self.payments(Which::Listed(filter.clone()), filter.unacknowledged)?;
        Ok(listed.into_iter().flatten().collect())
    }

    fn health(&self) -> Result<Health, JournalError> {
        let told = self.look(Ask::Health)?;
        let count = |index: usize| told[index].as_u64().ok_or_else(mixed_up);
        let mut problems = Vec::new();
        for (index, setting) in [(2, "fsync"), (3, "full_page_writes")] {
            if told[index] != "on" {
                problems.push(format!(
                    "the server's {setting} is off: a power cut loses what was told; switch it on"
                ));
            }
        }
        let missing = told[4].as_i64().unwrap_or(0);
        if missing > 0 {
            problems.push(format!("{missing} payments are missing"));
        }
        problems.extend(self.doubt()?);
        let open = self.parts()?.into_iter().filter(|part| part.progress == Progress::Open);
        let notes = open.map(|part| parts::is_not_finished(&part)).collect();
        let (payments, unsettled) = (count(0)?, count(1)?);
        let mut health = Health { payments, unsettled, problems, notes };
        self.report_damaged(&mut health)?;
        Ok(health)
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        let told = self.look(Ask::Figures)?;
        let tally = |list: usize| {
            let told = &told[list];
            let oldest = told[2].as_i64().map(WallTime::from_unix_millis);
            match (told[0].as_u64(), told[1].as_i64()) {
                (Some(payments), Some(rupiah)) => Ok(Tally { payments, rupiah, oldest }),
                _ => Err(mixed_up()),
            }
        };
        Ok(Figures {
            begun: u64::try_from(self.water()?.begun).ok(),
            undecided: tally(0)?,
            unsettled: tally(1)?,
            needs_operator: tally(2)?,
            unacknowledged: tally(3)?,
            doubted: self.doubt()?.is_some(),
            ..Figures::default()
        })
    }

    fn belong_to(&self, setup: &Setup) -> Result<Belonging, JournalError> {
        // Several terminals share the journal: none of them is another one's successor.
        let terminal = format!("terminal {}", setup.terminal);
        self.decide(|known| {
            let mut seen = known.clone();
            let is_first = !known.keys().any(|key| key.starts_with("terminal "));
            let is_known = known.contains_key(&terminal);
            seen.remove("terminal");
            if known.contains_key("terminal") {
                seen.insert("terminal".to_owned(), setup.terminal.clone());
            }
            let (belonging, mut is) = compare(&seen, setup)?;
            if !is_known {
                is.insert(terminal.clone(), "known".to_owned());
            }
            // Another journal may have served that terminal before.
            let floor =
                (!is_known && !is_first).then(|| self.above(WallTime::now())).transpose()?;
            Ok(Decision { told: belonging, is, floor })
        })
        .inspect(|_| {
            lock(&self.terminals).insert(setup.terminal.clone());
        })
    }

    fn key(&self) -> Result<Option<String>, JournalError> {
        Ok(self.meta()?.remove("key"))
    }

    fn adopt_key(&self, key: &str, key_ring: &[Vec<u8>]) -> Result<(), JournalError> {
        self.decide(|_| {
            let mut is = BTreeMap::from([("key".to_owned(), key.to_owned())]);
            for (number, sealed) in (1..).zip(key_ring) {
                is.insert(format!("{RING}{number}"), rows::hex(sealed));
            }
            Ok(Decision { told: (), is, floor: None })
        })
    }

    fn jump(&self, wall: WallTime) -> Result<Option<Finding>, JournalError> {
        if self.look(Ask::IsAnswered)?.as_bool().unwrap_or(true) {
            return Ok(None);
        }
        let quarter = starting_batch(wall).unwrap_or(0).to_string();
        self.decide(|known| {
            let nothing = Decision { told: None, is: BTreeMap::new(), floor: None };
            if known.get(JUMPED) == Some(&quarter) {
                return Ok(nothing);
            }
            let floor = self.above(wall)?;
            let told = Finding {
                critical: false,
                message: format!(
                    "OVO says that numbers or an invoice were used before, and has accepted nothing of this \
                     journal yet: another journal of this terminal may have handed out the same. The next payments \
                     begin with batch {floor:06}; the one that got this answer is checked and told as not completed"
                ),
            };
            let is = BTreeMap::from([(JUMPED.to_owned(), quarter.clone())]);
            Ok(Decision { told: Some(told), is, floor: Some(floor) })
        })
    }

    fn note_probe(&self, wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        self.decide(|known| {
            let last = known.get(PROBED).and_then(|last| last.parse().ok());
            let (remembered, told) = probed::judge(last, wall);
            let is = BTreeMap::from([(PROBED.to_owned(), remembered.to_string())]);
            Ok(Decision { told, is, floor: None })
        })
    }

    fn vouch(&self, who_and_why: &str) -> Result<bool, JournalError> {
        if self.doubt()?.is_none() {
            return Ok(false);
        }
        let number = self.water()?.doubted.to_string();
        let at = WallTime::now().wib_text();
        self.decide(|_| {
            let is = BTreeMap::from([
                ("vouched".to_owned(), number.clone()),
                (format!("vouch {number}"), format!("{at} WIB: {who_and_why}")),
            ]);
            Ok(Decision { told: true, is, floor: None })
        })
    }

    fn findings(&self) -> Vec<Finding> {
        let doubt = self.doubt().ok().flatten();
        doubt.into_iter().map(|message| Finding { critical: true, message }).collect()
    }

    fn found_since(&self) -> Vec<Finding> {
        std::mem::take(&mut *lock(&self.findings))
    }

    fn tend(&self) -> Result<Option<Duration>, JournalError> {
        self.tend_clocks()
    }

    fn live_nodes(&self) -> u32 {
        lock(&self.shared.clocks).live.max(1)
    }

    fn backup(&self, _to: &std::path::Path) -> Result<(), JournalError> {
        Err(JournalError::new(
            JournalErrorKind::Misplaced,
            "a journal in PostgreSQL is backed up with the server: pg_basebackup, or archiving of its log",
        ))
    }

    fn archive(
        &self,
        before: WallTime,
        to: &std::path::Path,
        tell: &mut dyn FnMut(ArchiveProgress) -> ControlFlow<()>,
    ) -> Result<Archived, JournalError> {
        archiving::archive(self, before, to, tell)
    }

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, JournalError> {
        self.archive_of(invoice.as_str())
    }
}

impl PostgresJournal {
    /// Why the journal cannot vouch for itself, if it cannot and nobody has answered for it.
    fn doubt(&self) -> Result<Option<String>, JournalError> {
        let why = self.look(Ask::Doubt)?;
        Ok(why.as_str().map(|why| {
            format!(
                "the journal is doubted ({why}, and something was lost); payments go on with numbers that jumped, \
                 and nothing is reversed unseen; reconcile with OVO's settlement file, then \
                 `ovo-ptp journal vouch`"
            )
        }))
    }
}

fn epoch_of(told: &Json) -> Result<Epoch, JournalError> {
    let text = |index: usize| told[index].as_str().map(str::to_owned);
    match (told[0].as_i64(), text(1), text(2)) {
        (Some(number), Some(nonce), Some(state)) => Ok(Epoch { number, nonce, state }),
        _ => Err(JournalError::new(
            JournalErrorKind::Corrupt,
            "the journal does not say in which epoch it is",
        )),
    }
}

fn check_first_batch(options: &PostgresOptions) -> Result<(), JournalError> {
    if options.first_batch.is_some_and(|batch| !(1..=MAX_NUMBER).contains(&batch)) {
        return Err(JournalError::new(
            JournalErrorKind::Numbers,
            "first batch: must be 1 to 999999",
        ));
    }
    Ok(())
}

impl Shared {
    fn is_joined(&self) -> bool {
        self.own.load(Ordering::Acquire) > 0
    }

    fn known_epoch(&self) -> i64 {
        lock(&self.epoch).number
    }

    async fn connect(&self) -> Result<Arc<dyn Line>, JournalError> {
        self.store.connect(self.known_epoch()).await
    }

    async fn reading(&self) -> Result<Arc<dyn Line>, JournalError> {
        let mut reader = self.reader.lock().await;
        if let Some(line) = reader.as_ref().filter(|line| !line.is_closed()) {
            return Ok(Arc::clone(line));
        }
        let line = self.connect().await?;
        *reader = Some(Arc::clone(&line));
        Ok(line)
    }
}

/// Whether `open` keeps `new` from beginning.
fn blocks(open: &Payment, new: &NewPayment, boot: u32) -> bool {
    rules::blocks(open, new, boot)
}
