//! The wire: requests, responses, the response-code table and the signature ([protocol 1],
//! [protocol 2], [protocol 3]).
//!
//! [protocol 1]: crate::manual::protocol#1-transport-and-authentication
//! [protocol 2]: crate::manual::protocol#2-operations
//! [protocol 3]: crate::manual::protocol#3-outcomes

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

/// The longest response body that is read, in bytes ([protocol 1.4]). OVO's are below 1 KiB.
///
/// [protocol 1.4]: crate::manual::protocol#14-how-it-is-carried
pub const MAX_RESPONSE_BODY: usize = 64 * 1024;
