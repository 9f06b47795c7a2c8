//! `make demo`: a shop's morning. Everything is real but the host: HTTPS, a SQLite journal, a
//! process that is killed. Times run 25 times faster than OVO's, on both sides.
#![forbid(unsafe_code)]

mod books;
mod till;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ovo_ptp::{Charge, Inquiry, Language, Outcome, PhoneNumber, Rupiah, VoidOutcome};
use ovo_sandbox::{Sandbox, SandboxConfig};

use till::{Shop, open};

/// Real time over OVO's time.
const SCALE: f64 = 0.04;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => morning(),
        [flag, address, authority, journal] if flag == "--till" => {
            doomed_till(&Shop::at(address, authority, journal)).map(|()| true)
        }
        _ => {
            eprintln!("usage: ovo-demo");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("\nThe ledger and the journal disagree.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("\nThe demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn title(text: &str) {
    println!("\n{text}");
}

fn say(text: impl std::fmt::Display) {
    println!("    {text}");
}

fn charge(invoice: &str, rupiah: i64, phone: &str) -> Result<Charge, ovo_ptp::Error> {
    Ok(Charge::new(invoice, Rupiah::new(rupiah)?, phone.parse()?))
}

fn show(outcome: &Outcome) {
    match outcome {
        Outcome::Paid(receipt) => {
            let late = if receipt.is_late() { ", found by the status check" } else { "" };
            say(format_args!(
                "PAID {} (approval code {}, numbers {}{late})",
                receipt.amount(),
                receipt.approval_code().unwrap_or("-"),
                receipt.numbers(),
            ));
        }
        Outcome::Declined(decline) => {
            say(format_args!("DECLINED: {}", decline.meaning()));
            say(format_args!(
                "the till shows: \u{201c}{}\u{201d}",
                decline.customer_text(Language::Indonesian)
            ));
        }
        other => {
            say(other.name().to_uppercase());
            say(format_args!(
                "the till shows: \u{201c}{}\u{201d}",
                other.customer_text(Language::Indonesian)
            ));
        }
    }
}

fn morning() -> Result<bool, Box<dyn Error>> {
    let started = Instant::now();
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::start(SandboxConfig::https().time_scale(SCALE))?;
    let shop = Shop {
        address: sandbox.base_url(),
        authority: sandbox.ca_pem_path().to_owned(),
        journal: folder.path().join("ovo.db"),
    };
    println!(
        "OVO sandbox at {} (TLS), journal ovo.db, time runs {:.0} x faster",
        shop.address,
        1.0 / SCALE
    );

    let client = open(&shop)?;

    title("08:00  Is everything set up?");
    for line in client.doctor()?.to_string().lines() {
        say(line);
    }

    title("08:05  Does the customer have an OVO account?");
    for phone in ["081234567801", "081200001400"] {
        let phone: PhoneNumber = phone.parse()?;
        match client.inquire(&phone)? {
            Inquiry::Registered => say(format_args!("{phone}: yes")),
            Inquiry::NotRegistered => say(format_args!("{phone}: no, ask for another number")),
        }
    }

    title("08:10  Kopi susu: the customer confirms after 5 seconds");
    let coffee = charge("KOPI-0001", 25_000, "081200000105")?;
    show(&client.pay(&coffee)?);
    client.acknowledge(&"KOPI-0001".parse()?)?;

    title("08:15  The cashier presses the button again: same invoice, no second push");
    show(&client.pay(&coffee)?);
    say(format_args!("pushes that OVO saw so far: {}", books::pushes(&sandbox)));

    title("08:20  Nasi goreng: the customer presses cancel");
    show(&client.pay(&charge("NASI-0002", 32_000, "081200001703")?)?);

    title("08:25  Teh botol: the app cannot be reached");
    show(&client.pay(&charge("TEH-0003", 8_000, "081200002601")?)?);

    title("08:30  Wrong item: paid, then voided");
    show(&client.pay(&charge("ROTI-0004", 15_500, "081234567804")?)?);
    match client.void(&"ROTI-0004".parse()?)? {
        VoidOutcome::Voided => say("VOIDED: the whole amount is back with the customer"),
        other => say(format_args!("void: {other:?}")),
    }

    title("08:40  Power cut while a customer pays");
    client.close();
    drop(client);
    power_cut(&shop, &sandbox)?;
    let client = open(&shop)?;
    say("power is back: the till opens the same journal and asks for the same invoice");
    show(&client.pay(&charge("SATE-0005", 45_000, "081200000108")?)?);
    say(format_args!("pushes that OVO saw for it: {}", books::pushes_for(&sandbox, "SATE-0005")));

    title("08:50  Three tills at once, and nobody gets an answer");
    say("till 1: the customer ignores the prompt");
    say("till 2: the customer pays, but the answer is lost");
    say("till 3: the same, and the shop has given up: nobody waits any more");
    let ignored = client.start(&charge("ES-0006", 12_000, "081200009000")?)?;
    let lost = client.start(&charge("BAKSO-0007", 28_000, "081200009207")?)?;
    let unwanted = client.start(&charge("JUS-0008", 18_000, "081200009209")?)?;
    drop(unwanted);
    till::countdown(&lost);
    say("till 1:");
    show(&ignored.outcome());
    say("till 2:");
    show(&lost.outcome());

    title("09:00  In the background: check, reverse, verify, close");
    books::wait_until_settled(&client, Duration::from_secs_f64(400.0 * SCALE))?;
    if let Some(report) = client.payment(&"JUS-0008".parse()?)? {
        say("till 3:");
        if let Some(outcome) = &report.outcome {
            show(outcome);
        }
    }

    title("09:10  What the shop has not confirmed yet (after a crash, its receipts)");
    for report in client.unacknowledged()? {
        let outcome = report.outcome.as_ref().map_or("-", Outcome::name);
        say(format_args!("{:<12} {:<14} {}", report.invoice, outcome, report.amount));
        client.acknowledge(&report.invoice)?;
    }

    title("The books: OVO's ledger against the shop's journal");
    let agree = books::compare(&client, &sandbox)?;
    println!(
        "\n{} in {:.1} s.",
        if agree { "Every rupiah agrees" } else { "NOT every rupiah agrees" },
        started.elapsed().as_secs_f64()
    );
    Ok(agree)
}

/// Another process, with the same journal, is killed while its customer decides.
fn power_cut(shop: &Shop, sandbox: &Sandbox) -> Result<(), Box<dyn Error>> {
    let mut till = Command::new(std::env::current_exe()?)
        .arg("--till")
        .arg(&shop.address)
        .arg(&shop.authority)
        .arg(&shop.journal)
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(output) = till.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            say(format_args!("till process: {line}"));
            if line.starts_with("waiting") {
                break;
            }
        }
    }
    till.kill()?;
    till.wait()?;
    say("till process: killed");
    // The customer confirms at the till that went dark.
    let confirmed = Instant::now() + Duration::from_secs(5);
    while books::net(sandbox, "SATE-0005") == 0 {
        if Instant::now() > confirmed {
            return Err("the customer never confirmed".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    say("the customer has confirmed: debited Rp45.000, and no till knows");
    Ok(())
}

/// The life of the process that is killed.
fn doomed_till(shop: &Shop) -> Result<(), Box<dyn Error>> {
    let client = open(shop)?;
    let payment = client.start(&charge("SATE-0005", 45_000, "081200000108")?)?;
    println!("pushed SATE-0005");
    std::thread::sleep(Duration::from_millis(120));
    println!("waiting for the customer");
    payment.outcome();
    Ok(())
}
