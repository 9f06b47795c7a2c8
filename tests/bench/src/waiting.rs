//! Payments that wait for their customers: what each costs in memory is read from outside.

use std::io::Read;

use ovo_ptp::{Charge, Client, PaymentHandle, Rupiah};

use crate::{Failed, merchant, pay};

/// One payment first, so that what is loaded once is in memory; then "ready", a line from the
/// driver, `count` payments, "started"; then until the driver ends it.
pub(crate) fn many(client: &Client, count: u32) -> Result<(), Failed> {
    // Each waiting payment holds a descriptor.
    let _ = rlimit::increase_nofile_limit(65_536);
    pay::approved(client, "FIRST", merchant::QUICK_PHONE)?;
    println!("ready");
    std::io::stdin().read_exact(&mut [0])?;
    let started: Result<Vec<PaymentHandle>, Failed> = (0..count)
        .map(|number| {
            let phone = format!("0813{number:08}").parse()?;
            let charge =
                Charge::new(format!("WAIT-{number}"), Rupiah::new(merchant::AMOUNT)?, phone)?;
            Ok(client.start(&charge)?)
        })
        .collect();
    let started = started?;
    println!("started");
    let paid = started.iter().filter(|handle| handle.outcome().name() == "Paid").count();
    println!("{paid} paid");
    Ok(())
}
