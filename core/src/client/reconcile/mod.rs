//! OVO's settlement report beside the journal, line by line.

mod counts;
mod end;
mod finding;
mod line;
mod other_days;
mod reconciled;
mod seen;

use std::collections::HashMap;

pub use counts::Count;
use counts::Counts;
use end::Walk;
pub use finding::Finding;
pub use line::{Listed, SettlementLine};
use other_days::OtherDays;
use reconciled::Note;
pub use reconciled::Reconciled;
use seen::Payments;

use crate::amount::Rupiah;
use crate::client::Ledger;
use crate::error::Error;
use crate::explain::{Explanation, Money, was_debited_behind_ruling};
use crate::invoice::MerchantInvoice;
use crate::journal::Filter;
use crate::payment::history::What;
use crate::payment::{Payment, PaymentId, Verdict};
use crate::wib::WallTime;

/// A push may be paid for so long behind its beginning: with it, into the next day's report.
const PAID_WITHIN_MS: i64 = 70_000;

/// A settlement report beside a journal. Give it each line, then ask what only its end shows
/// ([`missing`](Reconciliation::missing)): what the report should have had and had not. It holds a few
/// bits for each payment that it has seen, whatever the report's length, and changes nothing. A report
/// may write a sale and its refund as two lines, in either order. Beside another process it reads with a
/// [`JournalReader`](crate::JournalReader); the process that has the journal open asks its
/// [`Client`](crate::Client).
///
/// ```no_run
/// use ovo_ptp::{JournalReader, Listed, Reconciliation, Rupiah, SettlementLine};
///
/// let journal = JournalReader::open("ovo.db")?;
/// let mut books = Reconciliation::new();
/// let says = Listed::Paid(Rupiah::new(12_500)?);
/// let line = SettlementLine { invoice: "INV-1".to_owned(), says, day: None };
/// if let Some(it) = books.line(&journal, &line)? {
///     println!("{}", it.finding.name());
/// }
/// while let Some(it) = books.missing(&journal, None)? {
///     println!("{}: {}", it.invoice, it.finding.name());
/// }
/// # Ok::<(), ovo_ptp::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Reconciliation {
    /// Which payments have had a line that says paid.
    paid: Payments,
    /// Which have had one that says refunded.
    refunded: Payments,
    /// Of which a line says that no money moved.
    failed: Payments,
    /// The amounts of such lines that are not the journal's.
    failed_otherwise: HashMap<PaymentId, Option<Rupiah>>,
    /// Which were told as failed there.
    failed_told: Payments,
    /// Whose refund's line was found to agree.
    returned: Payments,
    /// Which were paid there and are not the shop's money here, and still lack that line.
    unreturned: Unreturned,
    other_days: OtherDays,
    counts: Counts,
    /// The first day and the last of the lines, in days of WIB.
    days: Option<(i64, i64)>,
    /// Whether the journal is an archive: asked for once.
    is_archive: Option<bool>,
    walk: Option<Walk>,
    looked_for_missing: bool,
}

/// By the finding that the refund's line takes back.
#[derive(Debug, Default)]
struct Unreturned {
    returned_here: Payments,
    extra_debit: Payments,
    contradicted: Payments,
}

impl Unreturned {
    const FINDINGS: [Finding; 3] =
        [Finding::ReturnedHere, Finding::ExtraDebit, Finding::Contradicted];

    fn of(&mut self, finding: Finding) -> Option<&mut Payments> {
        match finding {
            Finding::ReturnedHere => Some(&mut self.returned_here),
            Finding::ExtraDebit => Some(&mut self.extra_debit),
            Finding::Contradicted => Some(&mut self.contradicted),
            _ => None,
        }
    }
}

impl Reconciliation {
    /// Nothing read yet.
    pub fn new() -> Reconciliation {
        Reconciliation::default()
    }

    /// Compares a line with the payment of that invoice. `None` of a line that says that no money moved
    /// (what it comes to is known at the end, [`missing`](Reconciliation::missing): another line may
    /// have the payment as paid), and of another till's.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn line(
        &mut self,
        journal: &impl Ledger,
        line: &SettlementLine,
    ) -> Result<Option<Reconciled>, Error> {
        let (amount, refunded) = match line.says {
            Listed::Paid(amount) => (amount, false),
            Listed::Refunded(amount) => (amount, true),
            Listed::Nothing(amount) => {
                if let Some(payment) = find(journal, &line.invoice)?.1 {
                    self.note_failed(&payment, amount);
                }
                self.note_day(line);
                return Ok(None);
            }
            Listed::Elsewhere => {
                self.note_day(line);
                return Ok(None);
            }
        };
        let (invoice, found) = find(journal, &line.invoice)?;
        let is_archive = self.reads_an_archive(journal)?;
        let archived_at = match (&invoice, &found) {
            (Some(invoice), None) => journal.archived(invoice)?.map(Note::ArchivedAt),
            _ => None,
        };
        // From here on nothing fails: a line that failed is none, and may be given again.
        self.note_day(line);
        let finding = match &found {
            None => Finding::MissingHere,
            Some(payment) if !self.is_first(payment.id, refunded) => Finding::Twice,
            Some(payment) if payment.intent.amount != amount => Finding::OtherAmount,
            Some(payment) => {
                let alone = alone(payment, refunded);
                self.beside_the_other_line(alone, payment.id, amount)
            }
        };
        if let (Finding::Matched, Some(payment), Some(day)) = (finding, &found, line.day) {
            self.other_days.note(&line.invoice, amount, day, payment.intent.wall);
        }
        let note = match finding {
            Finding::ExtraDebit if is_archive => Some(Note::Archived),
            _ => archived_at,
        };
        let name = line.invoice.clone();
        Ok(Some(self.counted(told(finding, name, Some(amount), found.as_ref(), note))))
    }

    /// The days of the lines so far, also of those that say that no money moved or are another till's:
    /// midnight in WIB before the first and behind the last. `None` if no line has a day.
    pub fn days(&self) -> Option<(WallTime, WallTime)> {
        let (first, last) = self.days?;
        Some((WallTime::of_wib_day(first), WallTime::of_wib_day(last + 1)))
    }

    /// The first of the extra debits so far, in the journal's order, behind `after` that no refund's line
    /// took out again, to be given to [`Client::report_paid`](crate::Client::report_paid), and what to ask
    /// behind next. It counts nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn extra_debit(
        &mut self,
        journal: &impl Ledger,
        after: Option<PaymentId>,
    ) -> Result<Option<(PaymentId, Reconciled)>, Error> {
        let note = self.reads_an_archive(journal)?.then_some(Note::Archived);
        let mut after = after;
        while let Some(id) = self.unreturned.extra_debit.behind(after) {
            // One that was archived meanwhile is over.
            if let Some(payment) = by_number(journal, id)? {
                let listed = Some(payment.intent.amount);
                let it = told(Finding::ExtraDebit, name(&payment), listed, Some(&payment), note);
                return Ok(Some((id, it)));
            }
            after = Some(id);
        }
        Ok(None)
    }

    /// How many there were of a finding so far.
    pub fn count(&self, finding: Finding) -> Count {
        self.counts.of(finding)
    }

    /// Whether a finding so far is a difference.
    pub fn differs(&self) -> bool {
        self.counts.differ()
    }

    /// Whether [`missing`](Reconciliation::missing) was asked about days to their end.
    pub fn looked_for_missing(&self) -> bool {
        self.looked_for_missing
    }

    /// Whether the two books agree: nothing differs, and of what is paid here none is missing. As long as
    /// nobody looked for what is missing, they are not known to.
    pub fn agrees(&self) -> bool {
        self.looked_for_missing && !self.differs()
    }

    fn reads_an_archive(&mut self, journal: &impl Ledger) -> Result<bool, Error> {
        if let Some(known) = self.is_archive {
            return Ok(known);
        }
        let is_archive = journal.is_archive()?;
        self.is_archive = Some(is_archive);
        Ok(is_archive)
    }

    fn note_day(&mut self, line: &SettlementLine) {
        let Some(day) = line.day.map(WallTime::wib_day) else { return };
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((first.min(day), last.max(day)));
    }

    fn note_failed(&mut self, payment: &Payment, listed: Option<Rupiah>) {
        let may_be_paid = payment.state.verdict.is_none() || was_told_paid(payment);
        if may_be_paid && self.failed.add(payment.id) && listed != Some(payment.intent.amount) {
            self.failed_otherwise.insert(payment.id, listed);
        }
    }

    /// A sale that went back, or that nobody knew of, and its refund are one payment on two lines of a
    /// report: the customer has the money, and a reversal would be one too many.
    fn beside_the_other_line(&mut self, alone: Finding, id: PaymentId, amount: Rupiah) -> Finding {
        if alone == Finding::Refunded {
            self.returned.add(id);
            for finding in Unreturned::FINDINGS {
                if self.unreturned.of(finding).is_some_and(|those| those.take(id)) {
                    self.counts.take_back(finding, amount.get());
                }
            }
            return alone;
        }
        match self.unreturned.of(alone) {
            Some(_) if self.returned.has(id) => Finding::Refunded,
            Some(those) => {
                those.add(id);
                alone
            }
            None => alone,
        }
    }

    /// Counts what is told, with the journal's amount where no line has one.
    fn counted(&mut self, it: Reconciled) -> Reconciled {
        let amount = it.listed.or(it.payment.as_ref().map(|payment| payment.amount));
        let rupiah = amount.map_or(0, Rupiah::get);
        self.counts.add(it.finding, Count { payments: 1, rupiah });
        it
    }

    /// Remembers the line, and says whether it is the payment's first of its kind.
    fn is_first(&mut self, id: PaymentId, refunded: bool) -> bool {
        match refunded {
            true => self.refunded.add(id),
            false => self.paid.add(id),
        }
    }
}

fn told(
    finding: Finding,
    invoice: String,
    listed: Option<Rupiah>,
    payment: Option<&Payment>,
    note: Option<Note>,
) -> Reconciled {
    let explained = payment.filter(|_| finding != Finding::Matched);
    let payment = explained.map(|payment| Box::new(Explanation::of(payment, WallTime::now())));
    Reconciled { finding, invoice, listed, payment, note }
}

fn name(payment: &Payment) -> String {
    payment.intent.invoice.as_str().to_owned()
}

/// The invoice of a line, if it could be one of this library, and its payment.
fn find(
    journal: &impl Ledger,
    listed: &str,
) -> Result<(Option<MerchantInvoice>, Option<Payment>), Error> {
    let Ok(invoice) = listed.parse::<MerchantInvoice>() else { return Ok((None, None)) };
    let found = journal.found(&invoice)?;
    Ok((Some(invoice), found))
}

fn by_number(journal: &impl Ledger, id: PaymentId) -> Result<Option<Payment>, Error> {
    let behind = id.0.checked_sub(1).map(PaymentId);
    let filter = Filter { after: behind, limit: 1, ..Filter::default() };
    Ok(journal.listed(&filter)?.pop().filter(|payment| payment.id == id))
}

/// What a line about a payment comes to that is alone in its report.
fn alone(payment: &Payment, refunded: bool) -> Finding {
    let reported = was_reported(payment);
    match Finding::of(refunded, Money::of(&payment.state), reported) {
        Finding::ByHand if was_known_at_closing(payment) => Finding::ByHand,
        Finding::ByHand if reported => Finding::Contradicted,
        Finding::ByHand => Finding::ExtraDebit,
        alone => alone,
    }
}

fn was_told_paid(payment: &Payment) -> bool {
    matches!(payment.state.verdict, Some(Verdict::Accepted(_)))
}

/// Whether an operator who closed it knew that the customer was debited: it was told as Paid, or OVO
/// had shown the debit, and none came behind the ruling. Else the report is the first to say so.
fn was_known_at_closing(payment: &Payment) -> bool {
    was_told_paid(payment) || (payment.state.late_paid && !was_debited_behind_ruling(payment))
}

/// Whether a report named this payment before.
fn was_reported(payment: &Payment) -> bool {
    payment.history.entries().iter().any(|entry| entry.what == What::ReportedPaid)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines about one payment: the findings, and whether nothing differs.
    fn two_lines(money: Money, refunded: [bool; 2]) -> ([Finding; 2], bool) {
        let mut books = Reconciliation::new();
        let amount = Rupiah::new(9_000).expect("an amount");
        let findings = refunded.map(|refunded| {
            assert!(books.is_first(PaymentId(7), refunded));
            let alone = Finding::of(refunded, money, false);
            let found = books.beside_the_other_line(alone, PaymentId(7), amount);
            books.counted(told(found, "INV-7".to_owned(), Some(amount), None, None)).finding
        });
        for finding in Unreturned::FINDINGS {
            assert_eq!(books.count(finding), Count::default());
        }
        assert_eq!(books.unreturned.extra_debit.behind(None), None);
        (findings, !books.differs())
    }

    #[test]
    fn a_sale_and_its_void_on_two_lines_agree_in_either_order() {
        let sale_first = [Finding::ReturnedHere, Finding::Refunded];
        assert_eq!(two_lines(Money::Voided, [false, true]), (sale_first, true));
        assert_eq!(two_lines(Money::Voided, [true, false]), ([Finding::Refunded; 2], true));
    }

    #[test]
    fn a_debit_that_nobody_knew_of_and_its_refund_are_no_extra_debit_in_either_order() {
        for unknown in [Money::NotDebited, Money::SaidNotDebited, Money::Unsettled] {
            let sale_first = [Finding::ExtraDebit, Finding::Refunded];
            assert_eq!(two_lines(unknown, [false, true]), (sale_first, true));
            assert_eq!(two_lines(unknown, [true, false]), ([Finding::Refunded; 2], true));
        }
    }
}
