//! OVO's side of Push To Pay, for tests: customers, books, answers, silences and faults, over real
//! HTTP and TLS or in memory.
//!
//! [`Host`] is the engine: no sockets, no clock, fully deterministic. [`Sandbox`] puts it behind
//! sockets in this process; the program `ovo-sandbox` does the same for tests of any language. The
//! ledger knows what happened to the customer's money even when no answer arrived, which makes it
//! the oracle of a test.
//!
//! It shares the operations with `ovo-ptp` and nothing else: reading, checking and signing are
//! written anew, because a host that shares the client's code cannot disagree with it.
//!
//! ```
//! use ovo_ptp::message::Operation;
//! use ovo_sandbox::{Delivery, Sandbox, SandboxConfig, Step};
//!
//! let sandbox = Sandbox::start(SandboxConfig::https())?;
//! sandbox.script([Step::on(Operation::PushToPay).deliver(Delivery::Hang)]);
//! assert!(sandbox.base_url().starts_with("https://127.0.0.1:"));
//! assert!(sandbox.ledger().is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

mod answer;
mod behaviour;
mod bodies;
mod config;
mod customer;
mod delivery;
mod host;
mod ledger;
mod mangle;
mod now;
mod operation;
mod page;
mod phones;
mod program;
mod record;
mod reply;
mod request;
mod script;
mod server;
mod settlement;
mod signature;
mod sloppy;
mod status;
mod wib;

pub use answer::{AnswerPlan, Redirect};
pub use behaviour::Behaviour;
pub use config::{
    CheckDate, Choices, DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE,
    DEMO_TID, Expiry, HostConfig, MatchBy, Merchant, Terminal,
};
pub use customer::Customer;
pub use delivery::{Delivery, Part, Then, parts};
pub use host::{Decision, Head, Host, Progress, Sale, Ticket};
pub use ledger::{Entry, Forgotten, State};
pub use mangle::Mangle;
pub use now::Now;
pub use operation::On;
pub use phones::{PHONES, PREFIX, PhoneRow, table_json, table_text};
pub use program::program;
pub use record::{RequestRecord, masked};
pub use reply::Reply;
pub use script::{Act, AnswerOf, ConnectionFault, ConnectionStep, Duplicate, Script, Step};
pub use server::{Counters, Sandbox, SandboxConfig, Security};
pub use settlement::{SETTLEMENT_COLUMNS, settlement_report};
pub use signature::{Signed, Signing, sign};
pub use sloppy::{AnswerTo, Echo, How, Sloppiness};
pub use status::{OTHER_FAILURES, STATUSES};
pub use wib::date_text;
