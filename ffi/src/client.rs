//! Opening and closing a client.

use std::sync::Arc;
use std::time::Duration;

use ptp::{Client, ClientBuilder};

use crate::argument::{Out, Text};
use crate::code::Failure;
use crate::config::{self, ovo_config};
use crate::fork;
use crate::guard::outside;
use crate::handle;
use crate::values;
use crate::vocabulary::is_registered;

/// A client: one merchant's journal and connection to OVO. Any thread may use it, several at once.
pub struct ovo_client {
    _opaque: [u8; 0],
}

/// What a client's handle stands for.
pub(crate) struct ClientBody {
    pub(crate) client: Client,
    /// Whether payments may have threads of their own.
    pub(crate) threads: bool,
    /// Whom the journal asks for its password.
    #[cfg(feature = "postgres")]
    pub(crate) asked: Option<Arc<crate::password::Asked>>,
}

impl ClientBody {
    pub(crate) fn get(client: *const ovo_client) -> Result<Arc<ClientBody>, Failure> {
        handle::get::<ClientBody, _>(client)
    }
}

/// Opens a client: reads the trusted certificates, opens the journal, and connects to nothing yet.
///
/// Afterwards ask `ovo_unacknowledged` for what an earlier run left, and let the client settle
/// (`ovo_config_set_background`, or `ovo_settle` from the idle loop).
///
/// Parameters:
/// - `config`: what the client shall be; stays the caller's, can be used again or freed at once.
/// - `client`: gets the client.
///
/// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: something is missing or does not fit, the detail
/// says what; the code of a setting that has failed and was not made again: its detail is told
/// again; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS, give it a transport;
/// `OVO_ERR_JOURNAL`: the file cannot be used, call an operator and keep it;
/// `OVO_ERR_JOURNAL_LOCKED`: another process has it, try later; or a common code.
///
/// Memory: on success the caller closes `*client` with `ovo_client_close`; else it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_client_open(config: *const ovo_config, client: Out<*mut ovo_client>) -> i32 {
    outside(config.addr(), &[&client.required("client")], || {
        let config = config::get(config)?;
        let opening = {
            let config = config::lock(&config);
            Opening {
                builder: config.builder()?,
                threads: config.threads(),
                #[cfg(feature = "postgres")]
                asked: config.asked(),
            }
        };
        fork::is_watched();
        // Before the client, which may settle from its first moment on.
        let handle = handle::reserve()?;
        client.write(handle.open(Arc::new(opening.open()?)));
        Ok(())
    })
}

/// What a client is made of, without the configuration's lock.
struct Opening {
    builder: ClientBuilder,
    threads: bool,
    #[cfg(feature = "postgres")]
    asked: Option<Arc<crate::password::Asked>>,
}

impl Opening {
    #[cfg(not(feature = "postgres"))]
    fn open(self) -> Result<ClientBody, Failure> {
        Ok(ClientBody { client: self.builder.open()?, threads: self.threads })
    }

    #[cfg(feature = "postgres")]
    fn open(mut self) -> Result<ClientBody, Failure> {
        if let Some(asked) = self.asked.clone() {
            self.builder = self.builder.journal_password(move |login| asked.password(login));
        }
        let opened = self.builder.open();
        if let (Err(_), Some(asked)) = (&opened, &self.asked) {
            // What is behind its userdata may be gone from here on.
            asked.end();
        }
        Ok(ClientBody { client: opened?, threads: self.threads, asked: self.asked })
    }
}

/// Closes a client. Waiting calls of other threads return `OVO_INTERRUPTED` within about a second
/// (a terminal's own transport that connects may take longer to give up); their payments stay in the journal
/// and are taken up by whoever opens it next. Returns when no call is left in the client, so that
/// the journal can be opened again and callbacks' data freed.
///
/// Parameters:
/// - `client`: a client, the library's from now on. NULL is fine; a second time is a code.
///
/// Returns: `OVO_OK`; `OVO_ERR_BAD_HANDLE` for what is not a client any more;
/// `OVO_ERR_REENTRANT` in a callback: close it afterwards; `OVO_ERR_FORKED` in a child: it is the
/// parent's to close.
///
/// Memory: everything of the client is freed; payments started with it and lists stay good and are
/// freed by themselves.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_client_close(client: *mut ovo_client) -> i32 {
    outside(client.addr(), &[], || {
        if client.is_null() {
            return Ok(());
        }
        end(client)
    })
}

/// Closes a client with a grace: new payments are refused at once (`OVO_ERR_CLOSED`), payments that
/// somebody waits for may end within it, and then it closes like `ovo_client_close`: a restart at noon
/// does not turn sales into refunds. Acknowledge their outcomes with the client that is opened next.
///
/// Parameters:
/// - `client`: a client, the library's when the grace is over. NULL is fine; a second time is a
///   code.
/// - `grace_ms`: how long at most; 90000 are enough for all payments. It returns as soon as nobody
///   waits any more.
///
/// Returns: as `ovo_client_close`.
///
/// Memory: as `ovo_client_close`.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_client_close_within(client: *mut ovo_client, grace_ms: u32) -> i32 {
    outside(client.addr(), &[], || {
        if client.is_null() {
            return Ok(());
        }
        // The handle stays good until then, for those who store what they hear. One that saw a defect
        // has nothing to wait for.
        if let Ok(body) = ClientBody::get(client) {
            body.client.close_within(Duration::from_millis(grace_ms.into()));
        }
        end(client)
    })
}

/// From here on the handle is bad, and no new call can come in.
fn end(client: *mut ovo_client) -> Result<(), Failure> {
    let body = handle::close::<ClientBody, _>(client)?;
    body.client.close();
    // Calls that do not wait for a payment end in their own time. There is no condition to wait on
    // without counting every call, and closing is rare.
    while Arc::strong_count(&body) > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    #[cfg(feature = "postgres")]
    if let Some(asked) = &body.asked {
        asked.end();
    }
    Ok(())
}

/// Asks whether a phone number has an OVO account. OVO recommends it before a push.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `phone`: the number as typed; stays the caller's.
/// - `registered`: gets 1 if it has an account, 0 if not.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: let the customer correct the number;
/// `OVO_ERR_NO_ANSWER`: ask again, or push all the same; `OVO_ERR_CONFIGURATION`: OVO refuses the
/// set-up, run `ovo_doctor`; or a common code.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_inquire(client: *mut ovo_client, phone: Text, registered: Out<i32>) -> i32 {
    outside(client.addr(), &[&registered.required("registered")], || {
        let body = ClientBody::get(client)?;
        registered.write(is_registered(body.client.inquire(&values::phone(&phone)?)?));
        Ok(())
    })
}
