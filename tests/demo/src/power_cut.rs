//! A till in a process of its own that is killed while its customer decides.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use ovo_sandbox::Sandbox;

use crate::books;
use crate::till::{Sale, Shop};

/// Kills the till, and waits until the customer has confirmed to nobody.
pub(crate) fn strike(sale: &Sale, shop: &Shop, sandbox: &Sandbox) -> Result<(), Box<dyn Error>> {
    let mut till = Command::new(std::env::current_exe()?)
        .arg("--till")
        .arg(&shop.address)
        .arg(&shop.authority)
        .arg(&shop.journal)
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(output) = till.stdout.take() {
        // It says one line, when the payment has begun.
        BufReader::new(output).lines().next().transpose()?;
    }
    books::wait_until("the customer never got the prompt", || {
        books::pushes(sandbox, sale.invoice) > 0
    })?;
    till.kill()?;
    till.wait()?;
    books::wait_until("the customer never confirmed", || books::net(sandbox, sale.invoice) > 0)
}

/// The sale that is cut off. Its customer decides a little later than the till lives.
pub(crate) const SALE: Sale = Sale::of("SATE-0005", "Sate", 45_000, "081200000108");

/// The life of the process that is killed.
pub(crate) fn doomed_till(shop: &Shop) -> Result<(), Box<dyn Error>> {
    let client = shop.open()?;
    let payment = client.start(&SALE.charge()?)?;
    println!("begun");
    payment.outcome();
    Ok(())
}
