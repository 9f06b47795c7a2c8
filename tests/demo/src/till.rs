//! A till: a client set up for the sandbox.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use ovo_ptp::message::Operation;
use ovo_ptp::transport::Trust;
use ovo_ptp::{
    AppKey, Client, Credentials, Environment, Error, Event, PaymentHandle, Terminal,
    payment::Timers,
};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
};

/// Where a till finds OVO and its own journal.
pub(crate) struct Shop {
    pub(crate) address: String,
    pub(crate) authority: PathBuf,
    pub(crate) journal: PathBuf,
}

impl Shop {
    pub(crate) fn at(address: &str, authority: &str, journal: &str) -> Shop {
        Shop { address: address.to_owned(), authority: authority.into(), journal: journal.into() }
    }
}

pub(crate) fn open(shop: &Shop) -> Result<Client, Error> {
    let credentials = Credentials::new(
        DEMO_MERCHANT_ID,
        Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE)?,
        DEMO_APP_ID,
        AppKey::new(DEMO_APP_KEY)?,
    )?;
    Client::builder(Environment::custom(&shop.address), credentials)
        .trust(Trust::PemFile(shop.authority.clone()))
        .journal(&shop.journal)
        .timers(Timers::scaled(crate::SCALE))
        .settle_rate(50)
        .observer(|event| match event {
            // What happens behind the cashier's back.
            Event::Alert { .. } => println!("      ! {event}"),
            Event::Exchanged {
                operation: Operation::CheckPayment | Operation::Reversal, ..
            } => println!("      > {event}"),
            _ => {}
        })
        .open()
}

/// What a customer display would show: seconds of OVO's time.
pub(crate) fn countdown(payment: &PaymentHandle) {
    let second = Duration::from_secs_f64(crate::SCALE);
    // A terminal shows a running line; a log gets one line every ten seconds.
    let live = std::io::stdout().is_terminal();
    for passed in 1.. {
        if payment.wait(second).is_some() {
            break;
        }
        if live {
            print!("\r    {passed:>3} s ...");
            let _ = std::io::stdout().flush();
        } else if passed % 20 == 0 {
            println!("    {passed:>3} s ...");
        }
    }
    if live {
        print!("\r             \r");
    }
}
