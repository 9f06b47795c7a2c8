//! OVO's books, the journal and what cashiers were told, held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use ovo_ptp::journal::Filter;
use ovo_ptp::{Client, JournalReader, Outcome, PaymentReport};
use ovo_sandbox::Sandbox;

use crate::merchant;
use crate::shop::Shop;
use crate::told::{Told, ToldLog, read_all};

/// How long settlement may take on a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(180);

/// How the names of a shop's archives end.
pub const ARCHIVE: &str = "archive";

/// How many payments ended how.
#[derive(Clone, Debug, Default)]
pub struct Mix(pub BTreeMap<String, u64>);

impl Mix {
    fn add(&mut self, word: &str) {
        self.count(word, 1);
    }

    fn count(&mut self, word: &str, times: u64) {
        *self.0.entry(word.to_owned()).or_default() += times;
    }

    /// How often `word` came up.
    pub fn of(&self, word: &str) -> u64 {
        self.0.get(word).copied().unwrap_or(0)
    }

    /// Adds another mix to this one.
    pub fn merge(&mut self, other: &Mix) {
        for (word, times) in &other.0 {
            self.count(word, *times);
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.0.iter().map(|(word, times)| format!("{word} {times}")).collect();
        f.write_str(&parts.join(", "))
    }
}

/// Every row of the journal.
///
/// # Errors
/// The journal's, as text.
pub fn reports(client: &Client) -> Result<Vec<PaymentReport>, String> {
    let all = Filter { limit: usize::MAX, ..Filter::default() };
    client.payments(&all).map_err(|error| error.to_string())
}

/// Every payment that was archived: what the archives of the shop's folder tell.
///
/// # Errors
/// One of them cannot be read, as text.
fn archived(shop: &Shop) -> Result<Vec<PaymentReport>, String> {
    let all = Filter { limit: usize::MAX, ..Filter::default() };
    let mut rows = Vec::new();
    for file in std::fs::read_dir(&shop.folder).map_err(|error| error.to_string())? {
        let path = file.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|it| it == ARCHIVE) {
            let archive = JournalReader::open(&path).map_err(|error| error.to_string())?;
            rows.extend(archive.payments(&all).map_err(|error| error.to_string())?);
        }
    }
    Ok(rows)
}

/// Waits until nothing is left to do at OVO for any payment.
///
/// # Errors
/// If that takes for ever.
pub fn settle(client: &Client) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let open: Vec<_> = reports(client)?.into_iter().filter(|report| !report.settled).collect();
        if open.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            let named = open.iter().take(5).map(|it| format!("{}: {}", it.invoice, it.settlement));
            return Err(format!("not settled: {}", named.collect::<Vec<_>>().join(", ")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Settles everything, tells what nobody was told yet, and compares row by row. All tills are gone.
///
/// # Errors
/// Every difference, one a line.
pub fn close(shop: &Shop, ovo: &Sandbox) -> Result<Mix, String> {
    close_shop(shop, ovo, false)
}

/// The same where a till was stopped in the middle of sending: a push that left later than D is
/// found by the sweep behind the closing, so the sweeps get their time.
///
/// # Errors
/// Every difference, one a line.
pub fn close_after_the_sweep(shop: &Shop, ovo: &Sandbox) -> Result<Mix, String> {
    close_shop(shop, ovo, true)
}

fn close_shop(shop: &Shop, ovo: &Sandbox, sweep: bool) -> Result<Mix, String> {
    let before = read_all(&shop.folder).map_err(|error| error.to_string())?;
    let client = merchant::open(shop).map_err(|error| error.to_string())?;
    let mut faults = Vec::new();
    let archived = archived(shop)?;
    let everything = || Ok::<_, String>([archived.clone(), reports(&client)?].concat());
    nothing_is_acknowledged_untold(&everything()?, &before, &mut faults);
    settle(&client)?;
    if sweep {
        let begun = Instant::now();
        while !every_rupiah_agrees(&everything()?, ovo) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
        }
        settle(&client)?;
    }
    let log = ToldLog::open(&shop.told("closing")).map_err(|error| error.to_string())?;
    for report in client.each_payment(&Filter { unacknowledged: true, ..Filter::default() }) {
        let report = report.map_err(|error| error.to_string())?;
        log.report(&report).map_err(|error| error.to_string())?;
        client.acknowledge(&report.invoice).map_err(|error| error.to_string())?;
    }
    let told = read_all(&shop.folder).map_err(|error| error.to_string())?;
    let rows = everything()?;
    let mix = compare(ovo, &rows, &told, &mut faults);
    if faults.is_empty() { Ok(mix) } else { Err(faults.join("\n")) }
}

/// Whether a word is an outcome: not an error, an interruption, a wish or a later void.
fn decides(word: &str) -> bool {
    !matches!(word, "error" | "interrupted" | "cancels" | "voided")
}

/// A payment is acknowledged after its outcome is in a cashier's log, so one without a line there
/// was lost.
fn nothing_is_acknowledged_untold(rows: &[PaymentReport], told: &[Told], faults: &mut Vec<String>) {
    let heard: BTreeSet<&str> =
        told.iter().filter(|told| decides(&told.word)).map(|told| told.invoice.as_str()).collect();
    for row in rows.iter().filter(|row| row.acknowledged) {
        if !heard.contains(row.invoice.as_str()) {
            faults.push(format!("{}: acknowledged, and told to nobody", row.invoice));
        }
    }
}

fn kept(row: &PaymentReport) -> i64 {
    match &row.outcome {
        Some(Outcome::Paid(receipt)) if !receipt.is_voided() => row.amount.get(),
        _ => 0,
    }
}

fn every_rupiah_agrees(rows: &[PaymentReport], ovo: &Sandbox) -> bool {
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    for entry in ovo.ledger() {
        *taken.entry(entry.invoice.clone()).or_default() += entry.net();
    }
    let net = |row: &PaymentReport| taken.get(row.invoice.as_str()).copied().unwrap_or(0);
    rows.iter().all(|row| net(row) == kept(row))
}

struct Account {
    net: i64,
    reversals: u32,
    pushes: u32,
}

fn compare(ovo: &Sandbox, rows: &[PaymentReport], told: &[Told], faults: &mut Vec<String>) -> Mix {
    let mut mix = Mix::default();
    let mut words: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for told in told {
        match told.word.as_str() {
            "error" => {
                let kind = told.remark.split(' ').next().unwrap_or_default();
                mix.add(&format!("({})", kind.trim_end_matches(':')));
                if kind == "Internal" || told.remark.contains("damaged") {
                    faults.push(format!("{}: {}", told.invoice, told.remark));
                }
            }
            word => {
                words.entry(&told.invoice).or_default().insert(word);
            }
        }
    }
    let invoices: BTreeSet<_> = rows.iter().map(|row| row.invoice.as_str()).collect();
    if invoices.len() != rows.len() {
        faults.push("a payment is told twice".to_owned());
    }
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    for entry in ovo.ledger() {
        let account = accounts.entry(entry.invoice.clone()).or_insert(Account {
            net: 0,
            reversals: 0,
            pushes: 0,
        });
        account.net += entry.net();
        account.reversals += entry.reversals;
        account.pushes += 1;
    }
    let nothing = BTreeSet::new();
    for row in rows {
        let invoice = row.invoice.as_str();
        let words = words.remove(invoice).unwrap_or(nothing.clone());
        let account = accounts.remove(invoice);
        compare_row(row, &words, account.as_ref(), &mut mix, faults);
    }
    for invoice in accounts.keys() {
        faults.push(format!("{invoice}: in OVO's books only"));
    }
    for (invoice, words) in words {
        faults.push(format!("{invoice}: told {words:?}, and not in the journal"));
    }
    let numbers: BTreeSet<_> = rows.iter().map(|row| row.numbers).collect();
    if numbers.len() != rows.len() {
        faults.push("numbers were given out twice".to_owned());
    }
    mix
}

fn compare_row(
    row: &PaymentReport,
    words: &BTreeSet<&str>,
    account: Option<&Account>,
    mix: &mut Mix,
    faults: &mut Vec<String>,
) {
    let invoice = &row.invoice;
    let mut fault = |text: String| faults.push(format!("{invoice}: {text}"));
    let Some(outcome) = &row.outcome else {
        return fault("settled without an outcome".to_owned());
    };
    // Every cashier who asked was told the same, and somebody was told.
    let decided: Vec<&str> = words.iter().copied().filter(|word| decides(word)).collect();
    if decided != [outcome.name()] {
        fault(format!("cashiers were told {words:?}, the journal says {}", outcome.name()));
    }
    let cancelled = matches!(outcome, Outcome::NotCompleted(open) if open.is_cancelled());
    if cancelled && !words.contains("cancels") {
        fault("cancelled, and no cashier wanted that".to_owned());
    }
    let voided = matches!(outcome, Outcome::Paid(receipt) if receipt.is_voided());
    if words.contains("voided") && !voided {
        fault("a cashier was told of a void that the journal does not have".to_owned());
    }
    let (net, reversals, pushes) =
        account.map_or((0, 0, 0), |it| (it.net, it.reversals, it.pushes));
    // The sentence that everything serves.
    let kept = kept(row);
    if net != kept {
        fault(format!("told {words:?}, OVO took {net}, the shop has {kept}"));
    }
    if outcome.is_paid() && reversals > 0 {
        fault("paid, yet reversed".to_owned());
    }
    if pushes > 1 {
        fault(format!("pushed {pushes} times"));
    }
    if matches!(outcome, Outcome::NotSent(_)) && pushes > 0 {
        fault("not sent, yet OVO has it".to_owned());
    }
    mix.add("payments");
    mix.add(match outcome {
        _ if voided => "voided",
        Outcome::Paid(receipt) if receipt.is_late() => "paid late",
        Outcome::NotCompleted(open) if cancelled && open.was_debited() => "cancelled, refunded",
        _ if cancelled => "cancelled",
        Outcome::NotCompleted(open) if open.was_debited() => "refunded",
        other => other.name(),
    });
    // Whatever came first.
    mix.count("given up by a cashier", words.contains("cancels").into());
    mix.count("reversals", reversals.into());
}
