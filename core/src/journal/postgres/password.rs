//! A password that is asked for at every connection: a token that expires.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::dsn::Host;
use super::failure::unreachable;
use crate::journal::JournalError;

/// How long whoever is asked may take, waiting for its turn included. A host has its own time behind it, and
/// both fit into a call.
const LONGEST: Duration = Duration::from_secs(3);
/// Longest password, in bytes. Tokens have some two thousand.
pub const MAX_PASSWORD: usize = 8_191;

/// Whom a password is for: one host of the address.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Login {
    /// The host's name or address, or the directory of its socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The role.
    pub user: String,
}

impl Login {
    pub(super) fn new(host: &Host, user: &str) -> Login {
        let (host, port) = match host {
            Host::Tcp(name, port) => (name.clone(), *port),
            Host::Socket(directory, port) => (directory.display().to_string(), *port),
        };
        Login { host, port, user: user.to_owned() }
    }
}

/// Why there is no password. It is told and logged: a text of the program's own, which can hold no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoPassword(Cow<'static, str>);

impl From<&'static str> for NoPassword {
    fn from(why: &'static str) -> NoPassword {
        NoPassword(Cow::Borrowed(why))
    }
}

impl NoPassword {
    /// For bindings, whose programs return a number or raise an error of some name.
    #[doc(hidden)]
    #[must_use]
    pub fn told(why: String) -> NoPassword {
        NoPassword(Cow::Owned(why))
    }
}

/// Who is asked.
pub(crate) type Ask = dyn Fn(&Login) -> Result<String, NoPassword> + Send + Sync;

/// Who is asked, by one connection at a time.
#[derive(Clone)]
pub(super) struct Source {
    ask: Arc<Ask>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Source {
    pub(super) fn new(ask: Arc<Ask>) -> Source {
        Source { ask, turn: Arc::default() }
    }

    /// Asked on a thread of its own: it may take its time, and the connections' thread has none.
    pub(super) async fn password(&self, login: Login) -> Result<Zeroizing<String>, JournalError> {
        let failed =
            |host: &str, why: &str| unreachable(format!("{host}: the password callback {why}"));
        let named = login.host.clone();
        let (ask, turn) = (Arc::clone(&self.ask), Arc::clone(&self.turn));
        let asked = tokio::time::timeout(LONGEST, async {
            let turn = turn.lock_owned().await;
            tokio::task::spawn_blocking(move || {
                // Also of one that nobody waits for any more: two would be there at once.
                let _turn = turn;
                ask(&login).map(Zeroizing::new)
            })
            .await
        });
        let told = match asked.await {
            Ok(Ok(Ok(told))) => told,
            Ok(Ok(Err(NoPassword(why)))) => {
                return Err(failed(&named, &format!("has none: {why}")));
            }
            Ok(Err(_)) => return Err(failed(&named, "panicked")),
            Err(_) => {
                let why = format!("did not return within {} s", LONGEST.as_secs());
                return Err(failed(&named, &why));
            }
        };
        match told.len() {
            0 => Err(failed(&named, "returned nothing")),
            length if length > MAX_PASSWORD => {
                Err(failed(&named, "returned more than 8,191 bytes"))
            }
            _ if told.contains('\0') => Err(failed(&named, "returned a text with a zero in it")),
            _ => Ok(told),
        }
    }
}
