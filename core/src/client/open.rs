//! Opening a client: what was set is held against each other and against the journal.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::client::builder::JournalChoice;
use crate::client::seal::PhoneSeal;
use crate::client::{Client, ClientBuilder, Inner, THREAD_STACK};
use crate::error::{Error, ErrorKind};
use crate::journal::belonging::unknown_key;
use crate::journal::file_system::refuse_in_memory;
#[cfg(feature = "postgres")]
use crate::journal::postgres::{Dsn, FarClock, PostgresJournal, PostgresOptions};
use crate::journal::{self, Belonging, Finding, Journal, Setup, Succession, is_address};
use crate::message::Signer;
use crate::payment::Timers;
#[cfg(feature = "https")]
use crate::transport::{HttpsOptions, HttpsTransport};
use crate::transport::{Recorder, Transport};

/// In bytes; a journal's row and a line for people.
const LONGEST_CLASS: usize = 255;

impl ClientBuilder {
    /// Opens the journal and, unless told otherwise, starts settling what an earlier run left.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::ErrorKind;
    ///
    /// match builder.journal("/var/lib/shop/ovo.db").open() {
    ///     Ok(client) => println!("{} outcomes to book", client.unacknowledged()?.len()),
    ///     Err(error) if error.kind() == ErrorKind::JournalLocked => eprintln!("already running"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], [`ErrorKind::Journal`] or [`ErrorKind::JournalLocked`]; in
    /// all cases nothing was sent.
    pub fn open(self) -> Result<Client, Error> {
        #[cfg(feature = "postgres")]
        return self.with_the_fleets_clock().open_as_it_is();
        #[cfg(not(feature = "postgres"))]
        self.open_as_it_is()
    }

    #[cfg(feature = "postgres")]
    fn with_the_fleets_clock(mut self) -> Self {
        if matches!(&self.journal, JournalChoice::File(place) if is_address(place)) {
            self.clock = FarClock::of(self.clock);
        }
        self
    }

    fn open_as_it_is(self) -> Result<Client, Error> {
        self.policy.timers.validate()?;
        self.refuse_another_class_than_ovos()?;
        if !self.is_sandbox() {
            self.policy.timers.validate_for_ovo()?;
        }
        let transport = self.recorded(self.make_transport()?)?;
        let journal = self.open_journal()?;
        let mut seal =
            PhoneSeal::new(self.credentials.app_key(), self.credentials.previous_app_keys());
        let mut belonging = journal.belong_to(&self.setup(&seal))?;
        let unknown_key = take_up_keys(&*journal, &mut seal, &mut belonging)?;
        let shares_its_journal = match &self.journal {
            JournalChoice::File(place) => self.journal_options.shared || is_address(place),
            _ => true,
        };
        let boot = journal.enter_boot(&self.clock.boot_id())?;
        let scale = self.policy.timers.session.as_secs_f64() / Timers::OVO.session.as_secs_f64();
        // Two that open in the same millisecond of their machine's uptime are told apart by their
        // process; nothing but a history's words depends on it.
        let opened = self.clock.boottime().0 as u16;
        let name = opened.wrapping_add((std::process::id() as u16).wrapping_mul(0x9e37));
        let is_sandbox = self.is_sandbox();
        let inner = Arc::new(Inner {
            name,
            is_sandbox,
            signer: Signer::new(
                self.credentials.app_id(),
                self.credentials.app_key(),
                self.signing,
            ),
            seal,
            unknown_key: AtomicBool::new(unknown_key),
            shown: Mutex::default(),
            unreadable: Mutex::default(),
            shares_its_journal,
            key_is_former: AtomicBool::new(false),
            credentials: self.credentials,
            policy: self.policy,
            batch_method: self.batch_method,
            phone_in_reversal: self.phone_in_reversal,
            settle_pause: Duration::from_secs(1).mul_f64(scale.min(1.0)) / self.settle_rate,
            look_up: Inner::LOOK_UP.mul_f64(scale.clamp(0.001, 1.0)),
            journal,
            transport,
            clock: self.clock,
            boot,
            observer: self.observer,
            counters: Default::default(),
            under_way: Arc::default(),
            unwritten: Mutex::default(),
            server_clock: Default::default(),
            closing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            checks_are_told: AtomicBool::new(false),
            sloppy_fields: AtomicU32::new(0),
            refused_set_up: Mutex::default(),
            refused_checks: Mutex::default(),
            work: Mutex::default(),
            set_aside: Mutex::default(),
            next_turn: Mutex::default(),
            #[cfg(feature = "postgres")]
            reach: Default::default(),
            threads: self.threads,
            #[cfg(all(ovo_mutants, debug_assertions))]
            spawner: self.spawner,
            alarm: (Mutex::new(false), Condvar::new()),
            process: std::process::id(),
        });
        inner.note_unreadable()?;
        // Of an unknown key that is told already.
        if !unknown_key {
            let message = inner.tell_of_unreadable()?;
            belonging.findings.extend(message.map(|message| Finding { critical: true, message }));
        }
        for found in inner.journal.findings().into_iter().chain(belonging.findings) {
            inner.found(found);
        }
        inner.tell_what_was_found();
        start(inner, self.background && self.threads)
    }

    fn make_transport(&self) -> Result<Arc<dyn Transport>, Error> {
        if let Some(transport) = &self.transport {
            return Ok(Arc::clone(transport));
        }
        #[cfg(feature = "https")]
        return Ok(Arc::new(HttpsTransport::new(
            &self.environment.url(),
            HttpsOptions {
                trust: self.trust.clone(),
                proxy: self.proxy.clone(),
                client_certificate: self.client_certificate.clone(),
                without_threads: !self.threads,
            },
        )?));
        #[cfg(not(feature = "https"))]
        Err(Error::new(
            ErrorKind::Configuration,
            "transport: this build has none of its own; bring one",
        ))
    }

    /// The transport, with every exchange written down if that is wished and allowed.
    fn recorded(&self, transport: Arc<dyn Transport>) -> Result<Arc<dyn Transport>, Error> {
        let Some(path) = &self.record else { return Ok(transport) };
        // A host of one's own may stand in front of OVO's production.
        if !["staging", "loopback"].contains(&self.class()) {
            return Err(Error::new(
                ErrorKind::Configuration,
                "record: only towards staging or a sandbox on this machine; answers to real customers are not kept",
            ));
        }
        if let JournalChoice::File(journal) = &self.journal {
            let [record, journal] = [path, journal].map(std::path::absolute);
            let both = record.and_then(|record| Ok((record, journal?)));
            let is_the_journals =
                |(record, journal): (PathBuf, PathBuf)| journal::is_the_journals(&journal, &record);
            if both.is_ok_and(is_the_journals) {
                return Err(Error::invalid("record", "is the journal, or a file of its own"));
            }
        }
        Ok(Arc::new(Recorder::new(transport, path)?))
    }

    /// OVO's own hosts are what they are: with the former class beside a new host, a journal of staging
    /// would answer for production ([J26]).
    ///
    /// [J26]: crate::manual::faults#j-disk-and-journal
    fn refuse_another_class_than_ovos(&self) -> Result<(), Error> {
        let Some(class) = &self.environment_class else { return Ok(()) };
        let is_text = !class.chars().any(char::is_control) && class.trim() == class;
        if class.is_empty() || class.len() > LONGEST_CLASS || !is_text {
            return Err(Error::invalid(
                "environment_class",
                "must be 1 to 255 bytes of text on one line, without blanks around it",
            ));
        }
        match self.environment.ovos_class() {
            Some(ovos) if !ovos.eq_ignore_ascii_case(class) => Err(Error::invalid(
                "environment_class",
                format!(
                    "{} is OVO's own host, of {ovos}; a class is for a host of one's own",
                    self.environment.base_url()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Whether what is sent moves nobody's money: to this machine, and to nothing on it that was said to
    /// stand for OVO (a sidecar, stunnel).
    fn is_sandbox(&self) -> bool {
        let stands_for_ovo =
            ["production", "staging"].iter().any(|ovos| ovos.eq_ignore_ascii_case(self.class()));
        self.environment.is_loopback() && !stands_for_ovo
    }

    /// What kind of environment this is.
    fn class(&self) -> &str {
        self.environment_class.as_deref().unwrap_or_else(|| self.environment.class())
    }

    fn open_journal(&self) -> Result<Arc<dyn Journal>, Error> {
        #[cfg(feature = "postgres")]
        if self.journal_password.is_some()
            && !matches!(&self.journal, JournalChoice::File(place) if is_address(place))
        {
            return Err(Error::invalid("journal_password", "is for a journal in PostgreSQL"));
        }
        let path = match &self.journal {
            JournalChoice::Own(journal) => return Ok(Arc::clone(journal)),
            JournalChoice::File(path) => path,
            JournalChoice::Missing => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    "journal: a file is required; without one a power cut could cost a customer money",
                ));
            }
        };
        #[cfg(feature = "postgres")]
        if is_address(path) {
            let options = PostgresOptions {
                first_batch: self.journal_options.first_batch,
                clock: Some(Arc::clone(&self.clock)),
            };
            let mut dsn = Dsn::parse(path.to_str().unwrap_or_default())?;
            if let Some(ask) = &self.journal_password {
                dsn = dsn.asking(Arc::clone(ask))?;
            }
            return Ok(Arc::new(PostgresJournal::open(&dsn, &options)?));
        }
        #[cfg(not(feature = "postgres"))]
        if is_address(path) {
            // Not told as a file that is missing: the address may hold a password.
            return Err(Error::invalid("journal", "this build has no PostgreSQL"));
        }
        if !self.is_sandbox() {
            refuse_in_memory(path)?;
        }
        if self.journal_options.shared && !self.clock.names_the_machines_boot() {
            // Each process would take the others' payments for those of an earlier boot, and begin
            // their windows anew, for ever (MP15).
            return Err(Error::new(
                ErrorKind::Configuration,
                "journal: it cannot be shared where the system does not name its boots \
                 (/proc/sys/kernel/random/boot_id), or in a container with a clock of its own \
                 (/proc/self/timens_offsets); use one process, or a journal and a terminal for each",
            ));
        }
        Ok(Arc::new(Succession::open(path, &self.journal_options)?))
    }

    /// The proxy as the journal records it.
    fn way_out(&self) -> Option<String> {
        #[cfg(feature = "https")]
        if self.transport.is_none() {
            let proxy = self.proxy.as_ref();
            return Some(proxy.map_or_else(|| "none".to_owned(), ToString::to_string));
        }
        None
    }

    /// Whom the journal is to belong to.
    fn setup(&self, seal: &PhoneSeal) -> Setup {
        let terminal = self.credentials.terminal();
        Setup {
            class: self.class().to_owned(),
            host: self.environment.base_url().to_owned(),
            proxy: self.way_out(),
            merchant_id: self.credentials.merchant_id().to_owned(),
            terminal: terminal.name(),
            key: seal.key(),
            other_keys: seal.former_keys(),
        }
    }
}

/// Takes up the keys that the journal's phones are sealed with. Whether the app key is one that the
/// journal does not know: then OVO's answer decides about it, and until then nothing is claimed.
fn take_up_keys(
    journal: &dyn Journal,
    seal: &mut PhoneSeal,
    belonging: &mut Belonging,
) -> Result<bool, Error> {
    let holds_all = seal.take_up(&belonging.key_ring);
    let another = belonging.another_key.as_ref();
    if another.is_some_and(|former| !seal.former_keys().contains(former)) {
        return Ok(true);
    }
    // The journal knew it by what it holds of former keys, though nobody gave it.
    belonging.findings.retain(|found| *found != unknown_key());
    if let Some(payment) = belonging.unproven.take() {
        let intent = &payment.intent;
        let is_readable =
            intent.phone.as_ref().is_none_or(|phone| seal.open(phone, &intent.invoice).is_some());
        if !is_readable {
            belonging.findings.push(unknown_key());
            return Ok(true);
        }
        journal.adopt_key(&seal.key(), &seal.ring()?)?;
        return Ok(false);
    }
    // Also a former key that is given only now, behind a change without it.
    if another.is_some() || !holds_all {
        journal.adopt_key(&seal.key(), &seal.ring()?)?;
    }
    Ok(false)
}

/// The client, with its settling thread if it settles by itself.
fn start(inner: Arc<Inner>, background: bool) -> Result<Client, Error> {
    let settler = if background {
        let inner = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name("ovo-settler".to_owned())
            .stack_size(THREAD_STACK)
            .spawn(move || inner.settle_in_background())
            .map_err(|error| {
                Error::new(
                    ErrorKind::Configuration,
                    format!("the settling thread cannot be started ({})", error.kind()),
                )
            })?;
        Some(thread)
    } else {
        None
    };
    Ok(Client { inner, settler: Mutex::new(settler) })
}
