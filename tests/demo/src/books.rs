//! OVO's books held against the shop's.

use std::error::Error;
use std::time::{Duration, Instant};

use ovo_ptp::journal::Filter;
use ovo_ptp::{Client, Outcome, PaymentReport};
use ovo_sandbox::Sandbox;

use crate::till::money;

/// Rupiah that OVO has finally taken for an invoice.
pub(crate) fn net(sandbox: &Sandbox, invoice: &str) -> i64 {
    sandbox.ledger().iter().filter(|entry| entry.invoice == invoice).map(|entry| entry.net()).sum()
}

/// Pushes that reached OVO for one invoice.
pub(crate) fn pushes(sandbox: &Sandbox, invoice: &str) -> usize {
    sandbox.ledger().iter().filter(|entry| entry.invoice == invoice).count()
}

/// Whether OVO took the customer's money and gave it back.
pub(crate) fn was_returned(sandbox: &Sandbox, invoice: &str) -> bool {
    sandbox.ledger().iter().any(|entry| entry.invoice == invoice && entry.refunds > 0)
}

/// Waits until something has happened at OVO's side, on a machine that may be busy.
pub(crate) fn wait_until(
    otherwise: &'static str,
    happened: impl Fn() -> bool,
) -> Result<(), Box<dyn Error>> {
    let patience = Instant::now() + Duration::from_secs(20);
    while !happened() {
        if Instant::now() > patience {
            return Err(otherwise.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Waits until nothing is left to do at OVO. `watch` gets the open payments whenever one is done.
pub(crate) fn wait_until_settled(
    client: &Client,
    at_most: Duration,
    watch: impl Fn(&[PaymentReport]),
) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + at_most;
    let unsettled = Filter { unsettled: true, ..Filter::default() };
    let mut shown = usize::MAX;
    loop {
        let open = client.payments(&unsettled)?;
        if open.len() != shown {
            shown = open.len();
            watch(&open);
        }
        if open.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("settlement takes too long".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How the shop calls what became of a payment.
pub(crate) fn told(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Paid(receipt)) if receipt.is_voided() => "paid, voided",
        Some(Outcome::Paid(receipt)) if receipt.is_late() => "paid, late",
        Some(outcome) => outcome.name(),
        None => "(open)",
    }
}

/// One row a payment, and both columns added up. True if both sides agree on every one and neither
/// has a payment more.
pub(crate) fn compare(client: &Client, sandbox: &Sandbox) -> Result<bool, Box<dyn Error>> {
    let journal = client.payments(&Filter::default())?;
    let row = |invoice: &str, told: &str, shop: &str, ovo: &str, remark: &str| {
        let line = format!("    {invoice:<12} {told:<15} {shop:>12} {ovo:>12}  {remark}");
        println!("{}", line.trim_end());
    };
    row("invoice", "the shop says", "shop has", "OVO took", "");
    let (mut agree, mut shop_has, mut ovo_took) = (true, 0, 0);
    for report in &journal {
        let kept = match &report.outcome {
            Some(Outcome::Paid(receipt)) if !receipt.is_voided() => report.amount.get(),
            _ => 0,
        };
        let taken = net(sandbox, report.invoice.as_str());
        let same = kept == taken && report.settled;
        agree &= same;
        shop_has += kept;
        ovo_took += taken;
        let told = told(report.outcome.as_ref());
        let remark = if same { "" } else { "<-- DIFFERS" };
        row(report.invoice.as_str(), told, &money(kept), &money(taken), remark);
    }
    for entry in sandbox.ledger() {
        if !journal.iter().any(|report| report.invoice.as_str() == entry.invoice) {
            agree = false;
            ovo_took += entry.net();
            row(&entry.invoice, "(unknown)", "", &money(entry.net()), "<-- DIFFERS");
        }
    }
    row("", "", "-----------", "-----------", "");
    row("", "together", &money(shop_has), &money(ovo_took), "");
    Ok(agree)
}
