//! The story: every way a payment can end, and the books.

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ovo_ptp::{Client, Inquiry, Language, Outcome, PhoneNumber, VoidOutcome, WallTime};
use ovo_sandbox::{Sandbox, SandboxConfig};

use crate::backstage::Backstage;
use crate::books;
use crate::power_cut;
use crate::till::{self, Sale, Shop, money};

const COFFEE: Sale = Sale::of("KOPI-0001", "Kopi susu", 25_000, "081200000105");
const RICE: Sale = Sale::of("NASI-0002", "Nasi goreng", 32_000, "081200001703");
const TEA: Sale = Sale::of("TEH-0003", "Teh botol", 8_000, "081200002601");
const BREAD: Sale = Sale::of("ROTI-0004", "Roti bakar", 15_500, "081234567804");
const SALAD: Sale = Sale::of("GADO-0009", "Gado-gado", 20_000, "081200000120");
const ICE: Sale = Sale::of("ES-0006", "Es campur", 12_000, "081200009000");
const MEATBALLS: Sale = Sale::of("BAKSO-0007", "Bakso", 28_000, "081200009207");
const JUICE: Sale = Sale::of("JUS-0008", "Jus alpukat", 18_000, "081200009209");

fn title(time: &str, text: impl Display) {
    println!("\n{time}  {text}");
}

fn say(text: impl Display) {
    println!("    {text}");
}

/// A line about the line above it.
fn add(text: impl Display) {
    println!("        {text}");
}

/// What the cashier sees, and what the customer reads if it is not the receipt.
fn show(at: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Paid(receipt) => {
            let code = receipt.approval_code().unwrap_or("-");
            let late = if receipt.is_late() { ", found by asking OVO" } else { "" };
            say(format_args!("{at}PAID {}, approval code {code}{late}", receipt.amount()));
        }
        Outcome::Declined(decline) => {
            say(format_args!("{at}DECLINED: {}", decline.meaning()));
            add(format_args!("the customer reads: {}", quoted(outcome)));
        }
        _ => {
            say(format_args!("{at}{}", outcome.name().to_uppercase()));
            add(format_args!("the customer reads: {}", quoted(outcome)));
        }
    }
}

fn quoted(outcome: &Outcome) -> String {
    format!("\u{201c}{}\u{201d}", outcome.customer_text(Language::Indonesian))
}

/// Alerts about a sale, and with `-v` its requests, under the line that is about it.
fn behind(client: &Client, shop: &Shop, sale: &Sale) -> Result<(), ovo_ptp::Error> {
    if let Some(report) = client.payment(&sale.invoice.parse()?)? {
        for line in shop.backstage.take(report.numbers) {
            add(line);
        }
    }
    Ok(())
}

/// Sells, and tells how it ended.
fn sell(client: &Client, shop: &Shop, sale: &Sale) -> Result<(), ovo_ptp::Error> {
    show("", &client.pay(&sale.charge()?)?);
    behind(client, shop, sale)
}

/// Its morning lasts seconds, and one of its sales is voided: OVO does that until 23:58 WIB of the same
/// day only, and the sandbox's clock is the machine's.
fn wait_for_the_day(now: WallTime) {
    let wait = until_the_day(now);
    if !wait.is_zero() {
        println!(
            "In Jakarta this day ends in {} s, and OVO voids no payment of it any more: the morning begins with the next one.",
            wait.as_secs()
        );
        std::thread::sleep(wait);
    }
}

fn until_the_day(now: WallTime) -> Duration {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    const LAST_BEGINNING: i64 = DAY - 4 * 60 * 1_000;
    let of_day = now.wib_millis_of_day();
    let wait = if of_day >= LAST_BEGINNING { DAY + 1_000 - of_day } else { 0 };
    Duration::from_millis(wait.unsigned_abs())
}

/// The whole morning. True if every rupiah agrees at the end.
pub(crate) fn run(verbose: bool) -> Result<bool, Box<dyn Error>> {
    let started = Instant::now();
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::start(SandboxConfig::https().time_scale(crate::SCALE))?;
    let shop = Shop {
        address: sandbox.base_url(),
        authority: sandbox.ca_pem_path().to_owned(),
        journal: folder.path().join("ovo.db"),
        backstage: Arc::new(Backstage::new(verbose)),
    };
    println!(
        "A shop's morning. A sandbox stands in for OVO, over TLS; time runs {:.0} times faster.",
        1.0 / crate::SCALE
    );
    wait_for_the_day(WallTime::now());
    let client = shop.open()?;
    before_opening(&client, verbose)?;
    ordinary_sales(&client, &shop, &sandbox)?;
    client.close();
    drop(client);
    let client = darkness(&shop, &sandbox)?;
    no_answer(&client, &shop, &sandbox)?;
    book(&client)?;

    println!("\nThe books: what the shop has, and what OVO took from its customers");
    let agree = books::compare(&client, &sandbox)?;
    println!(
        "\n{} in {:.1} s.",
        if agree { "Every rupiah agrees" } else { "NOT every rupiah agrees" },
        started.elapsed().as_secs_f64()
    );
    if agree && !verbose {
        println!("(With -v the requests to OVO are shown, too.)");
    }
    Ok(agree)
}

fn before_opening(client: &Client, verbose: bool) -> Result<(), Box<dyn Error>> {
    title("08:00", "Is everything set up?");
    let diagnosis = client.doctor()?.to_string();
    let lines: Vec<&str> = diagnosis.lines().collect();
    let shown = if verbose { 0 } else { lines.len().saturating_sub(1) };
    for line in &lines[shown..] {
        say(line);
    }
    title("08:05", "Does the customer have an OVO account?");
    for phone in ["081234567801", "081200001400"] {
        let phone: PhoneNumber = phone.parse()?;
        match client.inquire(&phone)? {
            Inquiry::Registered => say(format_args!("{phone}: yes")),
            Inquiry::NotRegistered => say(format_args!("{phone}: no, ask for another number")),
        }
    }
    Ok(())
}

fn ordinary_sales(client: &Client, shop: &Shop, sandbox: &Sandbox) -> Result<(), Box<dyn Error>> {
    title("08:10", format_args!("{}: the customer confirms after 5 seconds", COFFEE.title()));
    sell(client, shop, &COFFEE)?;
    client.acknowledge(&COFFEE.invoice.parse()?)?;

    title("08:15", "The cashier presses the button again, with the same invoice");
    sell(client, shop, &COFFEE)?;
    say(format_args!("prompts that OVO showed for it: {}", books::pushes(sandbox, COFFEE.invoice)));

    title("08:20", format_args!("{}: the customer presses cancel", RICE.title()));
    sell(client, shop, &RICE)?;

    title("08:25", format_args!("{}: OVO cannot reach the customer's app", TEA.title()));
    sell(client, shop, &TEA)?;

    title("08:30", format_args!("{}: paid, and it was the wrong item", BREAD.title()));
    sell(client, shop, &BREAD)?;
    match client.void(&BREAD.invoice.parse()?)? {
        VoidOutcome::Voided => say("VOIDED: the customer has the money back"),
        other => say(format_args!("void: {other:?}")),
    }
    behind(client, shop, &BREAD)?;

    title(
        "08:35",
        format_args!("{}: the customer pays cash instead, the cashier cancels", SALAD.title()),
    );
    let payment = client.start(&SALAD.charge()?)?;
    books::wait_until("the customer never got the prompt", || {
        books::pushes(sandbox, SALAD.invoice) > 0
    })?;
    show("", &payment.cancel()?);
    say("the customer confirms all the same, to be on the safe side");
    behind(client, shop, &SALAD)?;
    // The till goes on listening, while it sells on.
    std::thread::sleep(Duration::from_secs_f64(62.0 * crate::SCALE));
    Ok(())
}

fn darkness(shop: &Shop, sandbox: &Sandbox) -> Result<Client, Box<dyn Error>> {
    let sale = power_cut::SALE;
    title("08:40", format_args!("{}: a power cut while the customer decides", sale.title()));
    power_cut::strike(&sale, shop, sandbox)?;
    say("the till is dark; the customer has confirmed, and nobody at the shop knows");
    say("power is back: the till opens its journal and asks for the same invoice");
    let client = shop.open()?;
    sell(&client, shop, &sale)?;
    say(format_args!("prompts that OVO showed for it: {}", books::pushes(sandbox, sale.invoice)));
    Ok(client)
}

fn no_answer(client: &Client, shop: &Shop, sandbox: &Sandbox) -> Result<(), Box<dyn Error>> {
    title("08:50", "Three tills at once, and no answer reaches any of them");
    let tills = [
        ("till 1", ICE, "the customer ignores the prompt"),
        ("till 2", MEATBALLS, "the customer pays, and waits"),
        ("till 3", JUICE, "the customer pays, and has left; nobody waits"),
    ];
    let mut waiting = Vec::new();
    for (till, sale, customer) in &tills {
        say(format_args!("{till}: {}: {customer}", sale.title()));
        waiting.push(client.start(&sale.charge()?)?);
    }
    // Giving up waiting does not give up the payment.
    waiting.pop();
    till::countdown(&waiting[1]);
    say("a minute later:");
    for (payment, (till, sale, _)) in waiting.iter().zip(&tills) {
        show(&format!("{till}: "), &payment.outcome());
        behind(client, shop, sale)?;
    }

    title("09:00", "In the background: check, reverse, verify, close");
    let verbose = shop.backstage.is_verbose();
    books::wait_until_settled(client, Duration::from_secs_f64(400.0 * crate::SCALE), |open| {
        for report in open.iter().filter(|_| verbose) {
            add(format_args!(". {:<12} {}", report.invoice, report.settlement));
        }
    })?;
    let done = [
        ("", RICE, "the decline was true"),
        ("", TEA, "the decline was true"),
        ("", SALAD, "not paid"),
        ("till 1: ", ICE, "not paid"),
        ("till 3: ", JUICE, "not paid"),
    ];
    for (till, sale, otherwise) in done {
        let amount = client.payment(&sale.invoice.parse()?)?.map_or(0, |it| it.amount.get());
        if books::was_returned(sandbox, sale.invoice) {
            say(format_args!("{till}{}: {} taken and given back", sale.goods, money(amount)));
        } else {
            say(format_args!("{till}{}: {otherwise}, nothing was taken", sale.goods));
        }
        behind(client, shop, &sale)?;
    }
    say("nothing is left to do at OVO");
    Ok(())
}

fn book(client: &Client) -> Result<(), Box<dyn Error>> {
    title("09:10", "What the shop's own books do not have yet (after a crash: its receipts)");
    for report in client.unacknowledged()? {
        let outcome = books::told(report.outcome.as_ref());
        say(format_args!("{:<12} {:<15} {:>12}", report.invoice, outcome, report.amount));
        client.acknowledge(&report.invoice)?;
    }
    say("all booked");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_morning_begins_where_its_sales_can_be_voided() {
        let at = |hour: i64, minute: i64| {
            let of_day = (hour * 60 + minute) * 60_000;
            until_the_day(WallTime::from_unix_millis(20_000 * 86_400_000 - 7 * 3_600_000 + of_day))
        };
        assert_eq!(at(8, 0), Duration::ZERO);
        assert_eq!(at(23, 55), Duration::ZERO);
        assert_eq!(at(23, 57), Duration::from_secs(3 * 60 + 1));
        assert_eq!(at(24, 0), Duration::ZERO);
    }
}
