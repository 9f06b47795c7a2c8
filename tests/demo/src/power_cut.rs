//! A till in a process of its own that is killed while its customer decides.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
        // It says one line, when the prompt is on the customer's phone.
        BufReader::new(output).lines().next().transpose()?;
    }
    till.kill()?;
    till.wait()?;
    let patience = Instant::now() + Duration::from_secs(5);
    while books::net(sandbox, sale.invoice) == 0 {
        if Instant::now() > patience {
            return Err("the customer never confirmed".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The sale that is cut off. Its customer decides a little later than the till lives.
pub(crate) const SALE: Sale = Sale::of("SATE-0005", "Sate", 45_000, "081200000108");

/// The life of the process that is killed.
pub(crate) fn doomed_till(shop: &Shop) -> Result<(), Box<dyn Error>> {
    let client = shop.open()?;
    let payment = client.start(&SALE.charge()?)?;
    std::thread::sleep(Duration::from_millis(120));
    println!("the customer looks at the prompt");
    payment.outcome();
    Ok(())
}
