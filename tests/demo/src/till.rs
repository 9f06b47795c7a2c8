//! A till: a client set up for the sandbox, and what is sold at it.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ovo_ptp::transport::Trust;
use ovo_ptp::{
    AppKey, Charge, Client, Credentials, Environment, Error, PaymentHandle, Rupiah, Terminal,
    payment::Timers,
};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
};

use crate::backstage::Backstage;

/// One sale: what the customer buys, and how to reach the customer.
#[derive(Clone, Copy)]
pub(crate) struct Sale {
    pub(crate) invoice: &'static str,
    pub(crate) goods: &'static str,
    rupiah: i64,
    phone: &'static str,
}

impl Sale {
    pub(crate) const fn of(
        invoice: &'static str,
        goods: &'static str,
        rupiah: i64,
        phone: &'static str,
    ) -> Sale {
        Sale { invoice, goods, rupiah, phone }
    }

    pub(crate) fn charge(&self) -> Result<Charge, Error> {
        Charge::new(self.invoice, Rupiah::new(self.rupiah)?, self.phone.parse()?)
    }

    /// `Kopi susu, Rp25.000`.
    pub(crate) fn title(&self) -> String {
        format!("{}, {}", self.goods, money(self.rupiah))
    }
}

/// Rupiah as Indonesians write them; none are `Rp0`.
pub(crate) fn money(rupiah: i64) -> String {
    Rupiah::new(rupiah).map_or_else(|_| "Rp0".to_owned(), |amount| amount.to_string())
}

/// Where a till finds OVO and its own journal, and who listens.
pub(crate) struct Shop {
    pub(crate) address: String,
    pub(crate) authority: PathBuf,
    pub(crate) journal: PathBuf,
    pub(crate) backstage: Arc<Backstage>,
}

impl Shop {
    pub(crate) fn at(address: &str, authority: &str, journal: &str) -> Shop {
        Shop {
            address: address.to_owned(),
            authority: authority.into(),
            journal: journal.into(),
            backstage: Arc::new(Backstage::new(false)),
        }
    }

    pub(crate) fn open(&self) -> Result<Client, Error> {
        let credentials = Credentials::new(
            DEMO_MERCHANT_ID,
            Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE)?,
            DEMO_APP_ID,
            AppKey::new(DEMO_APP_KEY)?,
        )?;
        let backstage = Arc::clone(&self.backstage);
        Client::builder(Environment::custom(&self.address), credentials)
            .trust(Trust::PemFile(self.authority.clone()))
            .journal(&self.journal)
            .timers(Timers::scaled(crate::SCALE))
            .settle_rate(50)
            .observer(move |event| backstage.hear(event))
            .open()
    }
}

/// What a customer display would show: seconds of OVO's time. A log gets none.
pub(crate) fn countdown(payment: &PaymentHandle) {
    let second = Duration::from_secs_f64(crate::SCALE);
    if !std::io::stdout().is_terminal() {
        payment.outcome();
        return;
    }
    for passed in 1.. {
        if payment.wait(second).is_some() {
            break;
        }
        print!("\r    {passed:>3} s ...");
        let _ = std::io::stdout().flush();
    }
    print!("\r             \r");
}
