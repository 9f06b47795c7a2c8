//! ovo-ptp: the merchant side of OVO Push To Pay.
#![forbid(unsafe_code)]

mod amount;
mod credentials;
mod error;
mod invoice;
pub mod message;
mod numbering;
mod phone;
mod terminal;
mod wib;

pub use amount::Rupiah;
pub use credentials::{AppKey, Credentials, ENVIRONMENT_VARIABLES};
pub use error::{Error, ErrorKind};
pub use invoice::MerchantInvoice;
pub use message::Language;
pub use numbering::{BatchMethod, HighWater, MAX_NUMBER, Numbers, next_numbers, starting_batch};
pub use phone::PhoneNumber;
pub use terminal::Terminal;
pub use wib::WallTime;
