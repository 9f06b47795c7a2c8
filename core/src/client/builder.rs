//! Setting a client up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::client::seal::PhoneSeal;
use crate::client::{Client, Inner, THREAD_STACK};
use crate::clock::{Clock, SystemClock};
use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Observer};
use crate::journal::file_system::refuse_in_memory;
use crate::journal::{Journal, Setup, SqliteOptions, Succession};
use crate::message::{Signer, SigningMode};
use crate::numbering::BatchMethod;
use crate::payment::{LateSuccess, Policy, Timers};
use crate::transport::Transport;
#[cfg(feature = "https")]
use crate::transport::{HttpsOptions, HttpsTransport, Proxy, Trust};

enum JournalChoice {
    Missing,
    File(PathBuf),
    Own(Arc<dyn Journal>),
}

/// Everything a client can be told before it is opened. Each setting has a safe default.
pub struct ClientBuilder {
    environment: Environment,
    credentials: Credentials,
    journal: JournalChoice,
    journal_options: SqliteOptions,
    transport: Option<Arc<dyn Transport>>,
    #[cfg(feature = "https")]
    trust: Trust,
    #[cfg(feature = "https")]
    proxy: Option<Proxy>,
    clock: Arc<dyn Clock>,
    policy: Policy,
    batch_method: BatchMethod,
    signing: SigningMode,
    phone_in_reversal: bool,
    background: bool,
    threads: bool,
    settle_rate: u32,
    observer: Option<Observer>,
    environment_class: Option<String>,
}

impl ClientBuilder {
    pub(super) fn new(environment: Environment, credentials: Credentials) -> Self {
        ClientBuilder {
            environment,
            credentials,
            journal: JournalChoice::Missing,
            journal_options: SqliteOptions::default(),
            transport: None,
            #[cfg(feature = "https")]
            trust: Trust::Platform,
            #[cfg(feature = "https")]
            proxy: None,
            clock: Arc::new(SystemClock),
            policy: Policy::default(),
            batch_method: BatchMethod::default(),
            signing: SigningMode::default(),
            phone_in_reversal: false,
            background: true,
            threads: true,
            settle_rate: 10,
            observer: None,
            environment_class: None,
        }
    }

    /// What kind of environment a host of one's own is, for example `production` for a gateway in
    /// front of OVO's. A journal belongs to one kind, and is refused by clients of another. Default:
    /// [`Environment::class`].
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
    /// use ovo_ptp::transport::Proxy;
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
    #[cfg(feature = "mutants")]
    #[doc(hidden)]
    #[must_use]
    pub fn mutant(mut self, mutant: crate::payment::Mutant) -> Self {
        self.policy.mutant = Some(mutant);
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
    /// [`Client::doctor`] tells which one the host accepts.
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
    /// call [`Client::settle`] from an idle loop: refunds wait for that call.
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
    /// background, [`Client::start`] is refused, and host names are looked up by the calling
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
        self.policy.timers.validate()?;
        if !self.environment.is_loopback() {
            self.policy.timers.validate_for_ovo()?;
        }
        let transport: Arc<dyn Transport> = match self.transport {
            Some(transport) => transport,
            #[cfg(feature = "https")]
            None => Arc::new(HttpsTransport::new(
                &self.environment.url(),
                HttpsOptions {
                    trust: self.trust,
                    proxy: self.proxy,
                    without_threads: !self.threads,
                },
            )?),
            #[cfg(not(feature = "https"))]
            None => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    "transport: this build has none of its own; bring one",
                ));
            }
        };
        let journal: Arc<dyn Journal> = match self.journal {
            JournalChoice::Own(journal) => journal,
            JournalChoice::File(path) => {
                if !self.environment.is_loopback() {
                    refuse_in_memory(&path)?;
                }
                if self.journal_options.shared && !self.clock.names_the_machines_boot() {
                    // Each process would take the others' payments for those of an earlier boot,
                    // and begin their windows anew, for ever (MP15).
                    return Err(Error::new(
                        ErrorKind::Configuration,
                        "journal: it cannot be shared where the system does not name its boots \
                         (/proc/sys/kernel/random/boot_id); use one process, or a journal and a \
                         terminal for each",
                    ));
                }
                Arc::new(Succession::open(&path, &self.journal_options)?)
            }
            JournalChoice::Missing => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    "journal: a file is required; without one a power cut could cost a customer money",
                ));
            }
        };
        let mut seal =
            PhoneSeal::new(self.credentials.app_key(), self.credentials.previous_app_keys());
        let terminal = self.credentials.terminal();
        let belonging = journal.belong_to(&Setup {
            class: self.environment_class.unwrap_or_else(|| self.environment.class().to_owned()),
            host: self.environment.base_url().to_owned(),
            merchant_id: self.credentials.merchant_id().to_owned(),
            terminal: format!("{}/{}", terminal.tid(), terminal.mid()),
            key: seal.key(),
            other_keys: seal.former_keys(),
        })?;
        seal.take_up(&belonging.key_ring);
        let unknown_key = match belonging.another_key {
            Some(former) if !seal.former_keys().contains(&former) => true,
            Some(_) => {
                journal.adopt_key(&seal.key(), &seal.ring()?)?;
                false
            }
            None => false,
        };
        let boot = journal.enter_boot(&self.clock.boot_id())?;
        let scale = self.policy.timers.session.as_secs_f64() / Timers::OVO.session.as_secs_f64();
        let inner = Arc::new(Inner {
            signer: Signer::new(
                self.credentials.app_id(),
                self.credentials.app_key(),
                self.signing,
            ),
            seal,
            unknown_key: AtomicBool::new(unknown_key),
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
            under_way: Arc::default(),
            server_clock: Default::default(),
            closing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            sloppy_fields: AtomicU32::new(0),
            refused_set_up: Mutex::default(),
            work: Mutex::default(),
            set_aside: Mutex::default(),
            next_turn: Mutex::default(),
            threads: self.threads,
            alarm: (Mutex::new(false), Condvar::new()),
            process: std::process::id(),
        });
        for found in inner.journal.findings().into_iter().chain(belonging.findings) {
            inner.tell(|| Event::JournalFound(found));
        }
        start(inner, self.background && self.threads)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::AppKey;
    use crate::payment::Boottime;
    use crate::terminal::Terminal;
    use crate::transport::{Exchange, Failure, FailureKind, HttpAnswer, Request, Watch};
    use crate::wib::WallTime;

    /// A machine that does not name its boots, as some containers and all of macOS.
    struct Nameless;

    impl Clock for Nameless {
        fn boottime(&self) -> Boottime {
            SystemClock.boottime()
        }

        fn boot_id(&self) -> String {
            "of this process".to_owned()
        }

        fn names_the_machines_boot(&self) -> bool {
            false
        }

        fn wall(&self) -> WallTime {
            SystemClock.wall()
        }

        fn sleep(&self, duration: Duration) {
            SystemClock.sleep(duration);
        }
    }

    #[test]
    fn mp15_a_journal_is_not_shared_where_boots_have_no_name() {
        let terminal = Terminal::new("80001001", "800010010000001", "STORE1").unwrap();
        let key = AppKey::new(&"a".repeat(64)).unwrap();
        let credentials = Credentials::new("1234", terminal, "app", key).unwrap();
        // In a directory that is not there: with one process the journal is what fails.
        let open = |shared| {
            Client::builder(Environment::custom("http://127.0.0.1:9"), credentials.clone())
                .journal("/no such directory/ovo.db")
                .journal_options(SqliteOptions { shared, ..SqliteOptions::default() })
                .clock(Arc::new(Nameless))
                .open()
                .expect_err("must not be opened")
        };
        assert_eq!(open(false).kind(), ErrorKind::Journal);
        let refused = open(true);
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        assert!(refused.to_string().contains("boot"), "{refused}");
    }

    fn credentials(merchant: &str, key: &str, tid: &str) -> Credentials {
        let terminal = Terminal::new(tid, "800010010000001", "STORE1").unwrap();
        Credentials::new(merchant, terminal, "app", AppKey::new(&key.repeat(64)).unwrap()).unwrap()
    }

    /// A host that answers everything with one code, and nothing where there is none.
    struct Says(Option<&'static str>);

    impl Transport for Says {
        fn exchange(&self, _: &Request<'_>, _: &Arc<dyn Watch>) -> Exchange {
            match self.0 {
                Some(code) => Exchange::Answered(HttpAnswer {
                    status: 200,
                    body: format!("{{\"responseCode\":\"{code}\"}}").into_bytes(),
                    server_date: None,
                    retry_after: None,
                }),
                None => Exchange::NoAnswer(Failure {
                    kind: FailureKind::Timeout,
                    message: "silence".to_owned(),
                }),
            }
        }
    }

    struct Shop(std::path::PathBuf);

    impl Shop {
        fn new() -> Shop {
            let mut unique = [0; 8];
            getrandom::fill(&mut unique).unwrap();
            let name = format!("ovo-ptp-{:016x}", u64::from_le_bytes(unique));
            let directory = std::env::temp_dir().join(name);
            std::fs::create_dir(&directory).unwrap();
            Shop(directory)
        }

        fn builder(&self, environment: Environment, credentials: Credentials) -> ClientBuilder {
            Client::builder(environment, credentials)
                .journal(self.0.join("ovo.db"))
                .background(false)
        }

        /// What the client says at opening, and the client.
        fn opens(&self, builder: ClientBuilder) -> (Vec<String>, Client) {
            let told = Arc::new(Mutex::new(Vec::new()));
            let hears = Arc::clone(&told);
            let client = builder
                .observer(move |event| {
                    if let Event::JournalFound(found) = event {
                        crate::lock::lock(&hears).push(found.message.clone());
                    }
                })
                .open()
                .unwrap();
            let said = crate::lock::lock(&told).clone();
            (said, client)
        }
    }

    impl Drop for Shop {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn j26_a_journal_is_refused_by_another_kind_of_environment_and_another_merchant() {
        let shop = Shop::new();
        let ours = || credentials("1234", "a", "80001001");
        drop(shop.opens(shop.builder(Environment::Staging, ours())));
        for (environment, credentials, theirs, wanted) in [
            (Environment::Production, ours(), "staging", "production"),
            (Environment::custom("http://127.0.0.1:9"), ours(), "staging", "loopback"),
            (Environment::custom("https://pay.example"), ours(), "staging", "https://pay.example"),
            (Environment::Staging, credentials("5678", "a", "80001001"), "1234", "5678"),
        ] {
            let error = shop.builder(environment, credentials).open().expect_err("another's");
            assert_eq!(error.kind(), ErrorKind::Journal);
            let said = error.to_string();
            for word in [theirs, wanted, "set-aside"] {
                assert!(said.contains(word), "{word}: {said}");
            }
        }
        // Another host of the same kind, and another terminal, are said.
        let (said, client) = shop
            .opens(shop.builder(Environment::StagingOldHost, credentials("1234", "a", "80001002")));
        assert!(said.iter().any(|line| line.contains("byte-stack.net")), "{said:?}");
        assert!(said.iter().any(|line| line.contains("80001002")), "{said:?}");
        drop(client);
        let gateway = shop
            .builder(
                Environment::custom("https://pay.example"),
                credentials("1234", "a", "80001002"),
            )
            .environment_class("staging");
        let (said, client) = shop.opens(gateway);
        assert!(said.iter().any(|line| line.contains("pay.example")), "{said:?}");
        drop(client);
    }

    #[test]
    fn j26_what_was_set_aside_in_another_environment_answers_for_nothing() {
        let shop = Shop::new();
        let sandbox = || Environment::custom("http://127.0.0.1:9");
        let ours = || credentials("1234", "a", "80001001");
        let (_, client) = shop.opens(
            shop.builder(sandbox(), ours())
                .timers(Timers::scaled(0.001))
                .transport(Arc::new(Says(None))),
        );
        let charge = crate::Charge::new(
            "INV-1",
            crate::Rupiah::new(12_500).unwrap(),
            "081234567890".parse().unwrap(),
        )
        .unwrap();
        client.pay(&charge).unwrap();
        drop(client);
        crate::journal::set_aside(shop.0.join("ovo.db")).unwrap();
        let (_, client) = shop.opens(shop.builder(sandbox(), ours()));
        assert!(client.payment(&"INV-1".parse().unwrap()).unwrap().is_some(), "the same sandbox");
        drop(client);
        crate::journal::set_aside(shop.0.join("ovo.db")).unwrap();
        let (said, client) = shop.opens(shop.builder(Environment::Staging, ours()));
        assert!(said.iter().any(|line| line.contains("left alone")), "{said:?}");
        assert!(client.payment(&"INV-1".parse().unwrap()).unwrap().is_none());
    }

    #[test]
    fn j27_an_unknown_app_key_opens_claims_nothing_and_is_adopted_once_ovo_takes_it() {
        let shop = Shop::new();
        let sandbox = |key: &str, says| {
            shop.builder(
                Environment::custom("http://127.0.0.1:9"),
                credentials("1234", key, "80001001"),
            )
            .timers(Timers::scaled(0.001))
            .transport(Arc::new(Says(says)))
        };
        let charge = |invoice: &str, phone: &str| {
            crate::Charge::new(invoice, crate::Rupiah::new(12_500).unwrap(), phone.parse().unwrap())
                .unwrap()
        };
        let (said, client) = shop.opens(sandbox("a", None));
        assert_eq!(said, [""; 0]);
        client.pay(&charge("INV-1", "081234567890")).unwrap();
        drop(client);
        // Nobody gave the old key, and OVO does not know the new one either.
        for _ in 0..2 {
            let (said, client) = shop.opens(sandbox("b", Some("63")));
            assert!(said.len() == 1 && said[0].contains("app key"), "{said:?}");
            let again = client.pay(&charge("INV-1", "081299999999")).unwrap();
            assert_eq!(
                again.name(),
                "not completed",
                "never pushed again, and no other phone claimed"
            );
            assert!(client.inquire(&"081234567890".parse().unwrap()).is_err());
        }
        let (_, client) = shop.opens(sandbox("b", Some("14")));
        client.inquire(&"081234567890".parse().unwrap()).unwrap();
        drop(client);
        let (said, client) = shop.opens(sandbox("b", None));
        assert_eq!(said, [""; 0], "adopted");
        drop(client);
    }

    #[test]
    fn j27_with_the_previous_key_guards_and_comparisons_hold() {
        let shop = Shop::new();
        let sandbox = |key: &str, previous: &[AppKey]| {
            let credentials = credentials("1234", key, "80001001");
            shop.builder(
                Environment::custom("http://127.0.0.1:9"),
                credentials.with_previous_app_keys(previous.iter().cloned()),
            )
            .timers(Timers::scaled(0.001))
            .transport(Arc::new(Says(None)))
        };
        let charge = |invoice: &str, phone: &str| {
            crate::Charge::new(invoice, crate::Rupiah::new(12_500).unwrap(), phone.parse().unwrap())
                .unwrap()
        };
        let (_, client) = shop.opens(sandbox("a", &[]));
        client.pay(&charge("INV-1", "081234567890")).unwrap();
        drop(client);
        let previous = AppKey::new(&"a".repeat(64)).unwrap();
        // Once with the key before; then the journal holds what it needs of it.
        for builder in [sandbox("b", &[previous]), sandbox("b", &[])] {
            let (said, client) = shop.opens(builder);
            assert_eq!(said, [""; 0]);
            let reused = client.pay(&charge("INV-1", "081299999999")).unwrap_err();
            assert_eq!(reused.kind(), ErrorKind::InvoiceReused);
            let unsettled = client.pay(&charge("INV-2", "081234567890")).unwrap_err();
            assert_eq!(unsettled.kind(), ErrorKind::UnsettledCustomer);
            drop(client);
        }
    }
}
