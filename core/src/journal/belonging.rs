//! Whose a journal is ([faults J26, J27]): the kind of environment and the merchant, which never
//! change; the host, the proxy, the terminal and the app key, which may.
//!
//! A payment of staging must not answer for one of production, and what one host owes must not be
//! settled against another.
//!
//! [faults J26, J27]: crate::manual::faults#j-disk-and-journal

use rusqlite::{Connection, OptionalExtension};

use super::engine::Water;
use super::version::Incarnation;
use super::{failure, meta, owing, restored};
use crate::journal::{Finding, JournalError, JournalErrorKind};
use crate::payment::{Payment, PaymentId};

/// What a client that opens a journal is set up for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setup {
    /// The kind of environment: `production`, `staging`, `loopback`, or a host of one's own.
    pub class: String,
    /// The host's base address.
    pub host: String,
    /// The merchant's number.
    pub merchant_id: String,
    /// The proxy on the way to it, without what it is opened with, or `none`; `None` where the transport
    /// does not tell.
    pub proxy: Option<String>,
    /// Terminal and merchant number at the acquirer.
    pub terminal: String,
    /// Names of app keys, which say nothing about them: the present one and those that the client
    /// knows beside it.
    pub key: String,
    /// See `key`.
    pub other_keys: Vec<String>,
}

/// What a journal answers to a [`Setup`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Belonging {
    /// What changed since the last opening.
    pub findings: Vec<Finding>,
    /// Former keys for phones, each sealed with the key that followed; opaque to the journal.
    pub key_ring: Vec<Vec<u8>>,
    /// The app key that the journal knows, if it is not the present one.
    pub another_key: Option<String>,
    /// The terminal is another one than the journal's: what that one's numbers name is unknown here.
    pub another_terminal: bool,
    /// Of a journal that knows no app key (release 0.1.0's): a payment whose phone the right key opens.
    pub unproven: Option<Box<Payment>>,
}

const CLASS: &str = "class";
const HOST: &str = "host";
const PROXY: &str = "proxy";
const MERCHANT: &str = "merchant";
const TERMINAL: &str = "terminal";
const KEY: &str = "key";

/// What the names of the key ring's entries begin with; a number follows.
pub(super) const RING: &str = "key ring ";

fn ring(number: usize) -> String {
    format!("{RING}{number}")
}

/// Compares, refuses what is another's, and writes down what may change, inside the caller's
/// transaction.
pub(super) fn compare(connection: &Connection, setup: &Setup) -> Result<Belonging, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let known = |key| meta::get::<String>(connection, key).map_err(failed);
    let foreign = |what: &str, theirs: &str, ours: &str| {
        Err(JournalError::new(
            JournalErrorKind::Foreign,
            format!(
                "the journal belongs to {what} {theirs}, and this client is set up for {ours}; give \
                 it another journal, or `ovo-ptp journal set-aside` this one"
            ),
        ))
    };
    if let Some(class) = known(CLASS)?.filter(|class| !is_same_class(class, &setup.class)) {
        return foreign(
            "the environment",
            &class,
            &format!(
                "{} (if that is another address of the same environment, say so with \
                 environment_class, at the command line --environment-class)",
                setup.class
            ),
        );
    }
    // Release 0.1.0 wrote down neither, but each of its payments has both.
    let last =
        if known(MERCHANT)?.is_none() { last_payments(connection).map_err(failed)? } else { None };
    let (merchant, terminal) = last.unzip();
    if let Some(merchant) =
        known(MERCHANT)?.or(merchant).filter(|merchant| *merchant != setup.merchant_id)
    {
        return foreign("merchant", &merchant, &setup.merchant_id);
    }
    let mut belonging = Belonging::default();
    if known(CLASS)?.is_none() && last_payments(connection).map_err(failed)?.is_some() {
        belonging.findings.push(Finding {
            critical: false,
            message: format!(
                "the journal is of release 0.1.0, which did not write down of which environment it is: from \
                 now on, with the payments in it, it is taken for one of {}. If it was used in another one, \
                 set it aside now (`ovo-ptp journal set-aside`): a payment of that one would answer for one \
                 of this",
                setup.class
            ),
        });
    }
    for (key, what, now) in [(HOST, "host", &setup.host), (TERMINAL, "terminal", &setup.terminal)] {
        let jumps = key == TERMINAL;
        let before = known(key)?.or_else(|| terminal.clone().filter(|_| jumps));
        if let Some(before) = before.filter(|before| before != now) {
            belonging.another_terminal |= jumps;
            let and = if jumps { "; the numbers jump above those of its last till" } else { "" };
            belonging.findings.push(Finding {
                critical: false,
                message: format!("the journal's {what} was {before} and is {now} from now on{and}"),
            });
        }
    }
    if let Some(now) = &setup.proxy {
        let before = known(PROXY)?.filter(|before| before != now);
        belonging.findings.extend(before.map(|before| Finding {
            critical: false,
            message: format!("the proxy on the way to OVO was {before} and is {now} from now on"),
        }));
        meta::put(connection, PROXY, now.as_str()).map_err(failed)?;
    }
    for (key, now) in [
        (CLASS, &setup.class),
        (HOST, &setup.host),
        (MERCHANT, &setup.merchant_id),
        (TERMINAL, &setup.terminal),
    ] {
        if known(key)?.as_ref() != Some(now) {
            meta::put(connection, key, now).map_err(failed)?;
        }
    }
    match known(KEY)? {
        // Whether it is this client's key a phone tells.
        None if with_a_phone(connection).map_err(failed)?.is_some() => {}
        None => meta::put(connection, KEY, &setup.key).map_err(failed)?,
        Some(key) if key == setup.key => {}
        Some(key) => {
            if !setup.other_keys.contains(&key) {
                belonging.findings.push(unknown_key());
            }
            belonging.another_key = Some(key);
        }
    }
    belonging.key_ring = key_ring(connection).map_err(failed)?;
    Ok(belonging)
}

/// The former keys that the journal holds, sealed.
fn key_ring(connection: &Connection) -> rusqlite::Result<Vec<Vec<u8>>> {
    (1..).map_while(|number| meta::get(connection, &ring(number)).transpose()).collect()
}

/// The name of the app key that the journal knows.
pub(super) fn key(connection: &Connection) -> Result<Option<String>, JournalError> {
    meta::get(connection, KEY).map_err(|error| failure::sqlite("read", &error))
}

/// The terminal of the client that opened the journal last.
pub(super) fn terminal(connection: &Connection) -> rusqlite::Result<Option<String>> {
    meta::get(connection, TERMINAL)
}

/// What is told of an app key that the journal does not know.
pub(crate) fn unknown_key() -> Finding {
    Finding {
        critical: true,
        message: "the app key is another one than the journal's: phones of older payments cannot be \
                  read, and those payments are settled without them; give the old key as a previous \
                  app key. The new one is adopted once OVO accepts it"
            .to_owned(),
    }
}

/// Whose a journal is, as far as it says so by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Owner {
    class: Option<String>,
    merchant: Option<String>,
}

impl Owner {
    pub(super) fn read(connection: &Connection) -> Result<Owner, JournalError> {
        let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
        let known = |key| meta::get::<String>(connection, key).map_err(failed);
        Ok(Owner { class: known(CLASS)?, merchant: known(MERCHANT)? })
    }

    /// As a journal in a database says it of itself, or a client that opens one.
    pub(super) fn of(class: Option<&String>, merchant: Option<&String>) -> Owner {
        Owner { class: class.cloned(), merchant: merchant.cloned() }
    }

    /// In words for people, and whether it says both.
    #[cfg(feature = "postgres")]
    pub(super) fn words(&self) -> (String, bool) {
        let or_nobody = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let words = format!(
            "merchant {}, environment {}",
            or_nobody(&self.merchant),
            or_nobody(&self.class)
        );
        (words, self.class.is_some() && self.merchant.is_some())
    }

    /// Of a client.
    pub(super) fn set_up(setup: &Setup) -> Owner {
        Owner::of(Some(&setup.class), Some(&setup.merchant_id))
    }

    /// Whether only a client can tell if this one is another's: a new journal is nobody's yet.
    pub(super) fn may_be_another_than(&self, other: &Owner) -> bool {
        self.is_another_than(other) || (other.is_nobody() && !self.is_nobody())
    }

    /// Whether it has never belonged to anybody.
    pub(super) fn is_nobody(&self) -> bool {
        self.class.is_none() && self.merchant.is_none()
    }

    pub(super) fn is_another_than(&self, other: &Owner) -> bool {
        let is_another_class = self
            .class
            .as_ref()
            .zip(other.class.as_ref())
            .is_some_and(|(a, b)| !is_same_class(a, b));
        let is_another_merchant =
            self.merchant.as_ref().zip(other.merchant.as_ref()).is_some_and(|(a, b)| a != b);
        is_another_class || is_another_merchant
    }
}

/// The same environment, written in another way: a scheme and a host have no case, a port that goes
/// without saying may be said, and no path makes another gateway of a host.
fn is_same_class(one: &str, other: &str) -> bool {
    fn gateway(class: &str) -> String {
        let class = class.to_ascii_lowercase();
        let Some((scheme, rest)) = class.split_once("://") else { return class };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let usual = if scheme == "https" { ":443" } else { ":80" };
        format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(authority))
    }
    gateway(one) == gateway(other)
}

/// What a journal tells of itself to whoever can only read it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) owner: Owner,
    /// The last batch that it, or another copy of it, may have handed out.
    pub(super) batch: u32,
    /// Its name, and how often it was doubted; `None` if somebody vouched for it.
    pub(super) doubt: Option<(String, i64)>,
    pub(super) key: Option<String>,
    pub(super) key_ring: Vec<Vec<u8>>,
}

impl Seen {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Seen> {
        let water = Water::read(connection)?;
        let name = || meta::get::<Incarnation>(connection, "incarnation");
        let doubt = match name()?.filter(|_| water.doubted) {
            Some(name) => Some((owing::name(&name), restored::doubts(connection)?)),
            None => None,
        };
        let class = meta::get(connection, CLASS)?;
        Ok(Seen {
            owner: Owner { class, merchant: merchant(connection)? },
            batch: water.stands_at(),
            doubt,
            key: meta::get(connection, KEY)?,
            key_ring: key_ring(connection)?,
        })
    }
}

/// Whose the journal is, or the archive; `None` as long as that is nobody's.
pub(super) fn merchant(connection: &Connection) -> rusqlite::Result<Option<String>> {
    match meta::get(connection, MERCHANT)? {
        Some(merchant) => Ok(Some(merchant)),
        None => Ok(last_payments(connection)?.map(|(merchant, _)| merchant)),
    }
}

/// Merchant and terminal of the last payment.
fn last_payments(connection: &Connection) -> rusqlite::Result<Option<(String, String)>> {
    connection
        .query_row(
            "SELECT merchant_id, tid || '/' || mid FROM payment ORDER BY id DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
}

/// The last payment that still has its phone, where the journal knows no app key.
pub(super) fn with_a_phone(connection: &Connection) -> rusqlite::Result<Option<PaymentId>> {
    if meta::get::<String>(connection, KEY)?.is_some() {
        return Ok(None);
    }
    let last = "SELECT id FROM payment WHERE phone_tag IS NOT NULL ORDER BY id DESC LIMIT 1";
    connection.query_row(last, [], |row| row.get(0).map(PaymentId)).optional()
}

/// Makes `key` the journal's key, with the former ones sealed by it, inside the caller's transaction.
pub(super) fn adopt(
    connection: &Connection,
    key: &str,
    key_ring: &[Vec<u8>],
) -> rusqlite::Result<()> {
    meta::put(connection, KEY, key)?;
    for (number, sealed) in (1..).zip(key_ring) {
        meta::put(connection, &ring(number), sealed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j26_the_same_gateway_written_in_another_way_is_the_same_environment() {
        for same in [
            "https://PAY.example",
            "HTTPS://pay.example:443",
            "https://pay.example/ovo",
            "https://pay.example:443/ovo?x",
        ] {
            assert!(is_same_class("https://pay.example", same), "{same}");
        }
        for other in [
            "http://pay.example",
            "https://pay.example:8443",
            "https://pay.example:80",
            "https://pay.example.org",
            "https://shop.example",
            "production",
        ] {
            assert!(!is_same_class("https://pay.example", other), "{other}");
        }
        assert!(is_same_class("staging", "Staging"));
    }
}
