//! The merchant side of OVO Push To Pay: protocol, retry and reversal policy, durable journal.
//!
//! **A customer is debited exactly when the merchant was told Paid.**
//!
//! [`Client::pay`] pushes a payment to a customer's phone and returns its [`Outcome`];
//! [`Client::start`] does the same in the background. What happens when no answer comes is decided
//! by one pure function, [`payment::step`], over a durable [`journal`]. The [`message`] module
//! speaks OVO's wire format, the [`transport`] module carries it.
//!
//! ```no_run
//! use ovo_ptp::{Charge, Client, Credentials, Environment, Outcome, Rupiah};
//!
//! let credentials = Credentials::from_environment()?;
//! let client = Client::builder(Environment::Staging, credentials).journal("ovo.db").open()?;
//! let charge = Charge::new("INV-2026-0001", Rupiah::new(12_500)?, "081234567890".parse()?)?;
//! match client.pay(&charge)? {
//!     Outcome::Paid(receipt) => println!("approval code {:?}", receipt.approval_code()),
//!     other => println!("{}", other.name()),
//! }
//! # Ok::<(), ovo_ptp::Error>(())
//! ```
//!
//! The rules and the reasons stand in the [`manual`]; comments cite its sections.
//!
//! # Two tiers
//!
//! What a merchant's program calls stands on the root, complete, and follows semantic versioning.
//! The modules [`journal`], [`payment`], [`explain`], [`transport`] and [`message`] are for whoever brings an
//! engine, a modem, a clock or a simulator of their own: their traits grow with the policy, and **a
//! minor version may change them**.
#![forbid(unsafe_code)]

mod amount;
mod client;
mod clock;
mod credentials;
mod environment;
mod error;
mod event;
pub mod explain;
mod hex;
mod invoice;
pub mod journal;
mod lock;
pub mod manual;
pub mod message;
mod numbering;
pub mod payment;
mod phone;
mod secret_file;
mod terminal;
pub mod transport;
mod wib;

pub use amount::Rupiah;
pub use client::{
    Charge, Client, ClientBuilder, Count, Diagnosis, EachPayment, Finding, Inquiry, JournalReader,
    Ledger, Listed, PaymentHandle, PaymentReport, Probe, Progress, Reconciled, Reconciliation,
    SettlementLine, Status, VoidOutcome,
};
pub use clock::{Clock, SystemClock};
pub use credentials::{AppKey, Credentials, ENVIRONMENT_VARIABLES, PREVIOUS_APP_KEYS_VARIABLE};
pub use environment::Environment;
pub use error::{Error, ErrorKind};
pub use event::{Event, Observer, Phase};
pub use explain::Explanation;
pub use invoice::MerchantInvoice;
pub use journal::{
    ArchivePlace, ArchiveProgress, Archived, Filter, JournalErrorKind, KnownArchive, SqliteOptions,
};
pub use message::{Class, Language, ResponseCode, SigningMode, WalletDetails};
pub use numbering::{BatchMethod, Numbers};
pub use payment::{Alert, LateSuccess, Ruling, StatusAnswer, Timers};
pub use payment::{
    Decline, Interrupted, NeedsOperator, NotCompleted, NotSent, NotSentReason, Outcome, PaidWith,
    Receipt,
};
pub use phone::PhoneNumber;
pub use terminal::Terminal;
#[cfg(feature = "https")]
pub use transport::{ClientCertificate, Proxy, Trust};
pub use wib::WallTime;

/// The README's examples are compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
