//! A program of somebody who has the crate from its package: one payment at the sandbox.

use ovo_ptp::{Charge, Client, Credentials, Environment, Outcome, Rupiah, Trust};

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let journal = std::env::args().nth(1).ok_or("payment JOURNAL")?;
    let client = Client::builder(
        Environment::custom(&setting("SANDBOX_URL")),
        Credentials::from_environment()?,
    )
    .trust(Trust::PemFile(setting("SANDBOX_CA").into()))
    .journal(journal)
    .open()?;
    let charge = Charge::new("INV-CRATE-1", Rupiah::new(12_500)?, "081200000000".parse()?)?;
    let outcome = client.pay(&charge)?;
    let Outcome::Paid(receipt) = &outcome else { return Err(format!("{outcome:?}").into()) };
    println!("paid, approval code {}", receipt.approval_code().ok_or("none")?);
    client.acknowledge(outcome.invoice())?;
    Ok(())
}
