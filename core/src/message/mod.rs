//! The wire: requests, responses, the response-code table and the signature (`protocol.md` 1-3).

mod identity;
mod operation;
mod request;
mod response;
pub mod response_code;
mod signature;

pub use identity::{Answers, Echo, Identity};
pub use operation::Operation;
pub use request::{PaymentRef, RequestBody, inquiry};
pub use response::{Mismatch, Response, Unreadable, WalletDetails};
pub use response_code::{Class, Language, ResponseCode};
pub use signature::{Signature, Signer, SigningMode};

/// The longest response body that is read, in bytes (`design.md` 5). OVO's are below 1 KiB.
pub const MAX_RESPONSE_BODY: usize = 64 * 1024;
