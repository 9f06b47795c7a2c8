//! Setting a client up.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::event::{Event, Observer};
#[cfg(feature = "postgres")]
use crate::journal::postgres::{AskPassword, Login, NoPassword};
use crate::journal::{Journal, SqliteOptions};
use crate::message::SigningMode;
use crate::numbering::BatchMethod;
use crate::payment::{LateSuccess, Policy, Timers};
use crate::transport::Transport;
#[cfg(feature = "https")]
use crate::transport::{ClientCertificate, Proxy, Trust};

pub(super) enum JournalChoice {
    Missing,
    File(PathBuf),
    Own(Arc<dyn Journal>),
}

/// Everything a client can be told before it is opened. Each setting has a safe default.
pub struct ClientBuilder {
    pub(super) environment: Environment,
    pub(super) credentials: Credentials,
    pub(super) journal: JournalChoice,
    pub(super) journal_options: SqliteOptions,
    #[cfg(feature = "postgres")]
    pub(super) journal_password: Option<Arc<AskPassword>>,
    pub(super) transport: Option<Arc<dyn Transport>>,
    #[cfg(feature = "https")]
    pub(super) trust: Trust,
    #[cfg(feature = "https")]
    pub(super) proxy: Option<Proxy>,
    #[cfg(feature = "https")]
    pub(super) client_certificate: Option<ClientCertificate>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: Policy,
    pub(super) batch_method: BatchMethod,
    pub(super) signing: SigningMode,
    pub(super) phone_in_reversal: bool,
    pub(super) background: bool,
    pub(super) threads: bool,
    #[cfg(all(ovo_mutants, debug_assertions))]
    pub(super) spawner: Option<crate::client::threads::Spawner>,
    pub(super) settle_rate: u32,
    pub(super) observer: Option<Observer>,
    pub(super) environment_class: Option<String>,
    pub(super) record: Option<PathBuf>,
}

impl ClientBuilder {
    pub(super) fn new(environment: Environment, credentials: Credentials) -> Self {
        ClientBuilder {
            environment,
            credentials,
            journal: JournalChoice::Missing,
            journal_options: SqliteOptions::default(),
            #[cfg(feature = "postgres")]
            journal_password: None,
            transport: None,
            #[cfg(feature = "https")]
            trust: Trust::Platform,
            #[cfg(feature = "https")]
            proxy: None,
            #[cfg(feature = "https")]
            client_certificate: None,
            clock: Arc::new(SystemClock),
            policy: Policy::default(),
            batch_method: BatchMethod::default(),
            signing: SigningMode::default(),
            phone_in_reversal: false,
            background: true,
            threads: true,
            #[cfg(all(ovo_mutants, debug_assertions))]
            spawner: None,
            settle_rate: 10,
            observer: None,
            environment_class: None,
            record: None,
        }
    }

    /// What kind of environment a host of one's own is, for example `production` for a gateway in
    /// front of OVO's: 1 to 255 bytes of text. A journal belongs to one kind, and is refused by clients
    /// of another. Default: [`Environment::class`]. Of OVO's own hosts no other kind can be said:
    /// [`open`](Self::open) refuses it.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// // A gateway of our own that stands in front of OVO's production.
    /// let client = builder.environment_class("production").open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn environment_class(mut self, class: &str) -> Self {
        self.environment_class = Some(class.to_owned());
        self
    }

    /// The journal's file, made if it does not exist (mode 0600). Required, unless a
    /// [`journal_engine`](Self::journal_engine) is given. One journal serves one set of tid and
    /// mid: batch and reference numbers are counted in it.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// let client = builder.journal("/var/lib/shop/ovo.db").open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn journal(mut self, path: impl AsRef<Path>) -> Self {
        self.journal = JournalChoice::File(path.as_ref().to_owned());
        self
    }

    /// How the journal's file is opened: shared between processes, another first batch.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::journal::SqliteOptions;
    ///
    /// // Several processes of this machine, one journal.
    /// let options = SqliteOptions { shared: true, ..SqliteOptions::default() };
    /// let client = builder.journal("/var/lib/shop/ovo.db").journal_options(options).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn journal_options(mut self, options: SqliteOptions) -> Self {
        self.journal_options = options;
        self
    }

    /// Asks for the password of a journal in PostgreSQL before every connection to it, where it is a token
    /// that expires. When and on which thread it is called, and what it must not do:
    /// [`Dsn::with_password_from`](crate::journal::postgres::Dsn::with_password_from). At
    /// [`open`](Self::open) it is refused beside an address with a password, and for a journal in a file.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder, token: fn(&str, u16, &str) -> Option<String>) -> Result<(), ovo_ptp::Error> {
    /// let client = builder
    ///     .journal("postgresql://shop_till@db1,db2/shop")
    ///     .journal_password(move |login| {
    ///         Ok(token(&login.host, login.port, &login.user).ok_or("the token service is away")?)
    ///     })
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn journal_password(
        mut self,
        ask: impl Fn(&Login) -> Result<String, NoPassword> + Send + Sync + 'static,
    ) -> Self {
        self.journal_password = Some(Arc::new(ask));
        self
    }

    /// Another journal engine.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use std::sync::Arc;
    /// use ovo_ptp::journal::MemoryJournal;
    ///
    /// // For tests: what is in memory is gone with the process, and with it every promise.
    /// let client = builder.journal_engine(Arc::new(MemoryJournal::new())).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn journal_engine(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = JournalChoice::Own(journal);
        self
    }

    /// Another transport, for example a terminal's own modem. The environment's address and the
    /// trust store are then that transport's business.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder, modem: std::sync::Arc<dyn ovo_ptp::transport::Transport>) -> Result<(), ovo_ptp::Error> {
    /// // The terminal's own modem carries the requests.
    /// let client = builder.transport(modem).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Appends every request and its answer to a file, a line of JSON each: the evidence that OVO asks
    /// for before production. Bodies only, with phone, name, OVO id and balances masked; no header, so no
    /// signature and no key. For staging and for a sandbox on this machine: towards anything else it is
    /// refused at [`open`](Self::open). The file is made for its owner alone. A line that finds no room is
    /// left out (the next one says how many were), and stops nothing.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// let client = builder.record("/var/lib/shop/uat.jsonl").open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn record(mut self, path: impl AsRef<Path>) -> Self {
        self.record = Some(path.as_ref().to_owned());
        self
    }

    /// Which certificate authorities are trusted: the platform's (default), or a PEM file for
    /// terminals without a trust store. Verification itself cannot be switched off.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::transport::Trust;
    ///
    /// let client = builder.trust(Trust::PemFile("/etc/till/authorities.pem".into())).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "https")]
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// A proxy to go through: the merchant's own way out, whose address OVO admits. None is ever
    /// taken from the environment. Its handshake belongs to the time in which nothing is sent yet.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Proxy;
    ///
    /// let proxy = Proxy::new("http://till:s3cret@proxy.shop.internal:3128")?;
    /// let client = builder.proxy(proxy).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "https")]
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// The certificate with which this merchant shows itself to a host that asks for one: an acquirer
    /// in front of OVO that terminates mutual TLS. OVO's own hosts ask for none.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::ClientCertificate;
    ///
    /// let ours = ClientCertificate::from_files("/etc/shop/till.pem", "/etc/shop/till.key")?;
    /// let client = builder.client_certificate(ours).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "https")]
    #[must_use]
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.client_certificate = Some(certificate);
        self
    }

    /// Another clock, for simulations.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder, clock: std::sync::Arc<dyn ovo_ptp::Clock>) -> Result<(), ovo_ptp::Error> {
    /// // A system whose clocks this library does not know.
    /// let client = builder.clock(clock).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The waits. Refused at [`open`](Self::open) if shorter than OVO's, unless the environment
    /// is a sandbox on this machine. Default [`Timers::OVO`].
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::payment::Timers;
    ///
    /// // A sandbox on this machine, fifty times faster. Towards OVO this is refused.
    /// let client = builder.timers(Timers::scaled(0.02)).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn timers(mut self, timers: Timers) -> Self {
        self.policy.timers = timers;
        self
    }

    /// What to do with a success that only the status check reported. Default: accept, because
    /// the customer has paid and still stands there.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::payment::LateSuccess;
    ///
    /// // Seats are sold to others after a minute: a success that comes late is given back.
    /// let client = builder.late_success(LateSuccess::Reverse).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn late_success(mut self, late_success: LateSuccess) -> Self {
        self.policy.late_success = late_success;
        self
    }

    /// Whether the contract has Check Payment. Default: yes; OVO recommends it, and without it
    /// doubtful payments need an operator.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// // The contract with OVO has no Check Payment.
    /// let client = builder.check_payment(false).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn check_payment(mut self, contracted: bool) -> Self {
        self.policy.check_payment = contracted;
        self
    }

    /// Whether every decline is verified by a late check. Default: yes; it costs three requests
    /// and closes the hole of a decline that hides a debit.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// // Every decline is believed, and costs no later check.
    /// let client = builder.verify_declines(false).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn verify_declines(mut self, verify: bool) -> Self {
        self.policy.verify_declines = verify;
        self
    }

    /// A wrong policy in place of the real one: the canaries of the proofs.
    #[cfg(all(ovo_mutants, debug_assertions))]
    #[doc(hidden)]
    #[must_use]
    pub fn mutant(mut self, mutant: crate::payment::Mutant) -> Self {
        self.policy.mutant = Some(mutant);
        self
    }

    /// Whoever starts payments' threads in place of the system: a simulation, in which they take
    /// turns.
    #[cfg(all(ovo_mutants, debug_assertions))]
    #[doc(hidden)]
    #[must_use]
    pub fn spawner(
        mut self,
        spawner: impl Fn(Box<dyn FnOnce() + Send>) + Send + Sync + 'static,
    ) -> Self {
        self.spawner = Some(Arc::new(spawner));
        self
    }

    /// When a new batch begins. Default: continuous, because it depends on no clock.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::BatchMethod;
    ///
    /// let client = builder.batch_method(BatchMethod::Daily).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn batch_method(mut self, method: BatchMethod) -> Self {
        self.batch_method = method;
        self
    }

    /// What the signature covers. Default: not the body, which is OVO's published vector;
    /// [`Client::doctor`](crate::Client::doctor) tells which one the host accepts.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::message::SigningMode;
    ///
    /// // If `doctor` says that this host wants it.
    /// let client = builder.signing(SigningMode::WithBody).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn signing(mut self, signing: SigningMode) -> Self {
        self.signing = signing;
        self
    }

    /// Whether reversals carry the phone. Default: no, as in OVO's 1.6 documents.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// let client = builder.phone_in_reversal(true).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn phone_in_reversal(mut self, carry: bool) -> Self {
        self.phone_in_reversal = carry;
        self
    }

    /// Whether the client settles by itself, on one thread of its own. Default: yes. Without it,
    /// call [`Client::settle`](crate::Client::settle) from an idle loop: refunds wait for that call.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// // A till without threads settles by itself, in its idle loop.
    /// let client = builder.background(false).threads(false).open()?;
    /// client.settle()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// Whether the client may start threads. Default: yes. Without them nothing settles in the
    /// background, [`Client::start`](crate::Client::start) is refused, and host names are looked up by the calling
    /// thread, however long the system's resolver takes (an address needs no look-up).
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// let client = builder.background(false).threads(false).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn threads(mut self, threads: bool) -> Self {
        self.threads = threads;
        self
    }

    /// At most so many settlement requests a second, so that a backlog after an outage does not
    /// crowd out new payments. Default 10.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// // After an outage: at most five requests a second.
    /// let client = builder.settle_rate(5).open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn settle_rate(mut self, per_second: u32) -> Self {
        self.settle_rate = per_second.max(1);
        self
    }

    /// Who hears the client's events: countdowns, exchanges, alerts.
    ///
    /// ```
    /// # fn example(builder: ovo_ptp::ClientBuilder) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Event;
    ///
    /// let client = builder
    ///     .observer(|event| match event {
    ///         Event::Alert { alert, .. } if alert.is_critical() => eprintln!("WAKE SOMEBODY: {event}"),
    ///         Event::Progress { remaining, .. } => println!("{} s left", remaining.as_secs()),
    ///         other => println!("{other}"),
    ///     })
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }
}
