//! What cashiers were told: on the disk before anything else happens, so that the comparison at
//! the end knows it even of tills that were killed a moment later.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ovo_ptp::{Outcome, PaymentReport};

/// A till's log of what its cashiers were told.
#[derive(Debug)]
pub struct ToldLog(Mutex<File>);

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The invoice.
    pub invoice: String,
    /// `paid`, `declined`, `voided` and so on; `cancels` of a payment that is about to be given up;
    /// `error` if the call began nothing.
    pub word: String,
    /// More for a reader.
    pub remark: String,
}

impl ToldLog {
    /// Opens the log at `path`, which may have lines from earlier lives.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(path: &Path) -> io::Result<ToldLog> {
        Ok(ToldLog(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// Tells the cashier; what was told is on the disk when this returns.
    ///
    /// # Errors
    /// The file system's.
    pub fn tell(&self, invoice: &str, word: &str, remark: &str) -> io::Result<()> {
        let line = format!("{invoice}\t{word}\t{}\n", remark.replace(['\t', '\n'], " "));
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }

    /// Tells a payment's outcome.
    ///
    /// # Errors
    /// The file system's.
    pub fn outcome(&self, outcome: &Outcome) -> io::Result<()> {
        let late = matches!(outcome, Outcome::Paid(receipt) if receipt.is_late());
        self.tell(outcome.invoice().as_str(), outcome.name(), if late { "late" } else { "" })
    }

    /// Tells what a report says, if it has an outcome.
    ///
    /// # Errors
    /// The file system's.
    pub fn report(&self, report: &PaymentReport) -> io::Result<()> {
        match &report.outcome {
            Some(outcome) => self.outcome(outcome),
            None => Ok(()),
        }
    }
}

/// Every line of every log in a folder.
///
/// # Errors
/// The file system's.
pub fn read_all(folder: &Path) -> io::Result<Vec<Told>> {
    let mut lines = Vec::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "told")) {
        let text = std::fs::read_to_string(file)?;
        // A line without its end was being written when the till was killed: told to nobody.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let mut fields = line.splitn(3, '\t').map(str::to_owned);
            let mut next = || fields.next().unwrap_or_default();
            lines.push(Told { invoice: next(), word: next(), remark: next() });
        }
    }
    Ok(lines)
}
