//! Where a till finds OVO, its journal and its log; handed to its processes in the environment.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ovo_ptp::journal::SqliteOptions;
use ovo_ptp::payment::Timers;
use ovo_ptp::transport::Trust;
use ovo_ptp::{AppKey, Client, ClientBuilder, Credentials, Environment, Error, Terminal};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
};

/// A shop with one terminal number and as many processes as there are cashiers' desks.
#[derive(Clone, Debug)]
pub struct Shop {
    /// OVO's address.
    pub address: String,
    /// Its certificate authority.
    pub authority: PathBuf,
    /// Where the logs are, and the journal's file.
    pub folder: PathBuf,
    /// The address of a journal in a database, in place of a file.
    pub database: Option<String>,
    /// Real time over OVO's time.
    pub scale: f64,
    /// Whether several processes use the journal at once.
    pub shared: bool,
    /// Whether phones are forgotten some seconds behind a payment's end, so that it is over in time for a
    /// test: OVO's shops keep them for two days. A void needs the phone, and comes at once here.
    pub forgets: bool,
    /// Real time that this machine gets beside the usual for whatever it does itself: for a test that asks how a
    /// payment ends, and not only whether all accounts agree, on a machine that does a lot beside.
    pub room: Duration,
}

const ADDRESS: &str = "OVO_CRASH_ADDRESS";
const AUTHORITY: &str = "OVO_CRASH_AUTHORITY";
const FOLDER: &str = "OVO_CRASH_FOLDER";
const DATABASE: &str = "OVO_CRASH_DATABASE";
const SCALE: &str = "OVO_CRASH_SCALE";
const SHARED: &str = "OVO_CRASH_SHARED";
const FORGETS: &str = "OVO_CRASH_FORGETS";
const ROOM: &str = "OVO_CRASH_ROOM_MS";

impl Shop {
    /// The shop that this process was started for.
    pub fn from_environment() -> Option<Shop> {
        Some(Shop {
            address: std::env::var(ADDRESS).ok()?,
            authority: std::env::var_os(AUTHORITY)?.into(),
            folder: std::env::var_os(FOLDER)?.into(),
            database: std::env::var(DATABASE).ok(),
            scale: std::env::var(SCALE).ok()?.parse().ok()?,
            shared: std::env::var(SHARED).is_ok_and(|it| it == "true"),
            forgets: std::env::var(FORGETS).is_ok_and(|it| it == "true"),
            room: Duration::from_millis(std::env::var(ROOM).ok()?.parse().ok()?),
        })
    }

    /// Starts a process for this shop.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env(ADDRESS, &self.address)
            .env(AUTHORITY, &self.authority)
            .env(FOLDER, &self.folder)
            .env(SCALE, self.scale.to_string())
            .env(SHARED, self.shared.to_string())
            .env(FORGETS, self.forgets.to_string())
            .env(ROOM, self.room.as_millis().to_string());
        if let Some(database) = &self.database {
            command.env(DATABASE, database);
        }
        command
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.database.as_ref().map_or_else(|| self.folder.join("ovo.db"), PathBuf::from)
    }

    /// The log of one desk.
    pub fn told(&self, desk: &str) -> PathBuf {
        self.folder.join(format!("{desk}.told"))
    }

    /// The waits.
    ///
    /// OVO's own are scaled. What protects against a slow network, and D, are real seconds: a
    /// machine that stalls while it runs six tills must not look like a network that breaks the
    /// one assumption of the policy.
    pub fn timers(&self) -> Timers {
        let ovo = Timers::scaled(self.scale);
        let check_budget = Duration::from_millis(1_500) + self.room;
        let check = ovo.check + self.room;
        Timers {
            send_check: Duration::from_secs(2) + self.room,
            connected_check: Duration::from_secs(2) + self.room,
            send_budget: Duration::from_millis(2_500) + self.room,
            exchange_budget: Duration::from_secs(3) + self.room,
            check,
            check_budget,
            decide: check + check_budget,
            delay_bound: Duration::from_secs(3),
            gate_escape: Duration::from_secs(60),
            first_sweep: Duration::from_secs(12),
            keep_phone: if self.forgets { Duration::from_secs(5) } else { ovo.keep_phone },
            ..ovo
        }
    }

    /// Everything that a client of this shop is told before it is opened.
    ///
    /// # Errors
    /// None with the demo credentials.
    pub fn builder(&self) -> Result<ClientBuilder, Error> {
        let credentials = Credentials::new(
            DEMO_MERCHANT_ID,
            Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE)?,
            DEMO_APP_ID,
            AppKey::new(DEMO_APP_KEY)?,
        )?;
        Ok(Client::builder(Environment::custom(&self.address), credentials)
            .trust(Trust::PemFile(self.authority.clone()))
            .journal(self.journal())
            .journal_options(SqliteOptions { shared: self.shared, ..SqliteOptions::default() })
            .timers(self.timers())
            .settle_rate(200))
    }

    /// Opens a client.
    ///
    /// # Errors
    /// The client's.
    pub fn open(&self) -> Result<Client, Error> {
        self.builder()?.open()
    }
}
