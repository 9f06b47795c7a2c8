//! ovo-ptp: the merchant side of OVO Push To Pay.
#![forbid(unsafe_code)]

mod amount;
mod clock;
mod credentials;
mod error;
mod invoice;
pub mod journal;
pub mod message;
mod numbering;
pub mod payment;
mod phone;
mod terminal;
pub mod transport;
mod wib;

pub use amount::Rupiah;
pub use clock::{Clock, SystemClock};
pub use credentials::{AppKey, Credentials, ENVIRONMENT_VARIABLES};
pub use error::{Error, ErrorKind};
pub use invoice::MerchantInvoice;
pub use message::Language;
pub use numbering::{BatchMethod, HighWater, MAX_NUMBER, Numbers, next_numbers, starting_batch};
pub use payment::{Decline, NeedsOperator, NotCompleted, Outcome, Receipt};
pub use phone::PhoneNumber;
pub use terminal::Terminal;
pub use wib::WallTime;
