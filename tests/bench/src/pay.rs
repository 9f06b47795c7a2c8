//! Whole payments: Intent, push, verdict, acknowledgement; three durable commits each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ovo_ptp::{Charge, Client, MerchantInvoice, Outcome, Rupiah};

use crate::{Failed, merchant};

/// One approved payment, as a till makes it: pay, book the receipt, confirm.
pub(crate) fn approved(client: &Client, invoice: &str, phone: &str) -> Result<(), Failed> {
    let invoice: MerchantInvoice = invoice.parse()?;
    let charge = Charge::new(invoice.as_str(), Rupiah::new(merchant::AMOUNT)?, phone.parse()?)?;
    match client.pay(&charge)? {
        Outcome::Paid(_) => Ok(client.acknowledge(&invoice)?),
        other => Err(format!("{invoice}: not paid but {}", other.name()).into()),
    }
}

pub(crate) fn one_by_one(client: &Client, count: u32) -> Result<(), Failed> {
    for number in 1..=count {
        approved(client, &format!("PAY-{number:06}"), merchant::QUICK_PHONE)?;
    }
    Ok(())
}

/// Each thread is a till of its own with its own customers, on the one client and journal.
pub(crate) fn from_many_threads(client: &Client, threads: u32, seconds: f64) -> Result<(), Failed> {
    let paid = AtomicU64::new(0);
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    std::thread::scope(|scope| {
        let tills: Vec<_> = (0..threads)
            .map(|till| {
                let paid = &paid;
                scope.spawn(move || -> Result<(), Failed> {
                    // Outside the sandbox's table: customers of the default kind approve at once.
                    let phone = format!("0813{till:08}");
                    for number in 0.. {
                        if Instant::now() >= end {
                            break;
                        }
                        approved(client, &format!("MANY-{till}-{number}"), &phone)?;
                        paid.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        tills.into_iter().try_for_each(|till| till.join().map_err(|_| "a till panicked")?)
    })?;
    let rate = paid.into_inner() as f64 / begun.elapsed().as_secs_f64();
    println!("{{\"payments_per_second\": {rate:.1}}}");
    Ok(())
}
