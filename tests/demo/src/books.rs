//! OVO's ledger held against the shop's journal.

use std::error::Error;
use std::time::{Duration, Instant};

use ovo_ptp::journal::Filter;
use ovo_ptp::{Client, Outcome};
use ovo_sandbox::Sandbox;

/// Rupiah that OVO has finally taken for an invoice.
pub(crate) fn net(sandbox: &Sandbox, invoice: &str) -> i64 {
    sandbox.ledger().iter().filter(|entry| entry.invoice == invoice).map(|entry| entry.net()).sum()
}

/// Pushes that reached OVO.
pub(crate) fn pushes(sandbox: &Sandbox) -> usize {
    sandbox.ledger().len()
}

/// Pushes that reached OVO for one invoice.
pub(crate) fn pushes_for(sandbox: &Sandbox, invoice: &str) -> usize {
    sandbox.ledger().iter().filter(|entry| entry.invoice == invoice).count()
}

/// Waits until nothing is left to do at OVO.
pub(crate) fn wait_until_settled(client: &Client, at_most: Duration) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + at_most;
    let unsettled = Filter { unsettled: true, ..Filter::default() };
    let mut shown = usize::MAX;
    loop {
        let open = client.payments(&unsettled)?;
        if open.is_empty() {
            println!("    all payments are settled");
            return Ok(());
        }
        if open.len() != shown {
            shown = open.len();
            for report in &open {
                println!("    {:<12} {}", report.invoice, report.settlement);
            }
            println!("    --");
        }
        if Instant::now() > deadline {
            return Err("settlement takes too long".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One row a payment. True if both sides agree on every one and neither has a payment more.
pub(crate) fn compare(client: &Client, sandbox: &Sandbox) -> Result<bool, Box<dyn Error>> {
    let journal = client.payments(&Filter::default())?;
    println!("    {:<12} {:<15} {:>12} {:>12}", "invoice", "the shop says", "shop has", "OVO took");
    let (mut agree, mut total) = (true, 0);
    for report in &journal {
        let kept = match &report.outcome {
            Some(Outcome::Paid(receipt)) if !receipt.is_voided() => report.amount.get(),
            _ => 0,
        };
        let taken = net(sandbox, report.invoice.as_str());
        let name = match &report.outcome {
            Some(Outcome::Paid(receipt)) if receipt.is_voided() => "paid, voided",
            Some(outcome) => outcome.name(),
            None => "(open)",
        };
        let same = kept == taken && report.settled;
        agree &= same;
        total += taken;
        println!(
            "    {:<12} {:<15} {:>12} {:>12}  {}",
            report.invoice,
            name,
            kept,
            taken,
            if same { "" } else { "<-- DIFFERS" }
        );
    }
    let unknown: Vec<String> = sandbox
        .ledger()
        .iter()
        .filter(|entry| !journal.iter().any(|report| report.invoice.as_str() == entry.invoice))
        .map(|entry| entry.invoice.clone())
        .collect();
    for invoice in &unknown {
        println!("    {invoice:<12} is in OVO's ledger and not in the journal  <-- DIFFERS");
    }
    println!("    {:<12} {:<15} {:>12} {:>12}", "", "", "", total);
    Ok(agree && unknown.is_empty())
}
