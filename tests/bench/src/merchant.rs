//! The sandbox's demo merchant.

use ovo_ptp::transport::Trust;
use ovo_ptp::{AppKey, Client, Credentials, Environment, Terminal};

use crate::Failed;

/// Public, the same in every copy of the sandbox, worth nothing elsewhere.
pub(crate) const APP_ID: &str = "sandbox";
const APP_KEY: &str = "5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c";
pub(crate) const MERCHANT_ID: &str = "100001";
/// What every measured payment costs.
pub(crate) const AMOUNT: i64 = 12_500;
/// Approves at once.
pub(crate) const QUICK_PHONE: &str = "081200000000";

pub(crate) fn terminal() -> Result<Terminal, Failed> {
    Ok(Terminal::new("00000001", "000000000000001", "DEMO01")?)
}

pub(crate) fn app_key() -> Result<AppKey, Failed> {
    Ok(AppKey::new(APP_KEY)?)
}

/// A client with default settings towards the sandbox at `url`, the address of all six operations.
pub(crate) fn open(url: &str, ca: &str, journal: &str, background: bool) -> Result<Client, Failed> {
    let credentials = Credentials::new(MERCHANT_ID, terminal()?, APP_ID, app_key()?)?;
    let base = url.strip_suffix("/pos").unwrap_or(url);
    let client = Client::builder(Environment::custom(base), credentials)
        .trust(Trust::PemFile(ca.into()))
        .journal(journal)
        .background(background)
        .open()?;
    Ok(client)
}
