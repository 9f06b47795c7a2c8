//! OVO's settlement report beside the journal, line by line.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::amount::Rupiah;
use crate::client::Ledger;
use crate::error::Error;
use crate::explain::{Explanation, Money, was_debited_behind_ruling};
use crate::invoice::MerchantInvoice;
use crate::journal::Filter;
use crate::message::Language;
use crate::payment::history::What;
use crate::payment::{Payment, PaymentId, Verdict};
use crate::wib::WallTime;

/// A push may be paid for so long behind its beginning: with it, into the next day's report.
const PAID_WITHIN: Duration = Duration::from_secs(70);

/// A line of OVO's settlement report, which lists what OVO pays out the day after. OVO publishes no
/// format for Push To Pay; whoever reads the file knows its columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementLine {
    /// The merchant's invoice as the report has it. Reports list other payments, too: one that could
    /// not be an invoice of this library is missing here, and no error.
    pub invoice: String,
    /// The amount of the payment, before fees.
    pub amount: Rupiah,
    /// Whether the line says that the customer has the money back.
    pub refunded: bool,
}

/// What a line of the report, or a payment that has none, comes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// Paid there and here.
    Matched,
    /// Refunded there, and not the shop's money here.
    Refunded,
    /// Paid there; here there is no outcome yet, or a void is under way.
    Open,
    /// Paid there; here an operator closed it, having known of the debit and dealt with it by hand.
    ByHand,
    /// Paid here at the end of the day: it may stand in the next day's report.
    PerhapsNextDay,
    /// Paid there, and the cashier was told otherwise, or nobody knew: to be given to
    /// [`Client::report_paid`](crate::Client::report_paid), which returns the money. Where an operator
    /// closed it without knowing of a debit, that tells them to return it by hand; where it is archived
    /// nothing returns it but a hand.
    ExtraDebit,
    /// Paid there; here the money went back, or is on its way. A later line or report must show it: the
    /// refund's own line takes this finding out of the counts again.
    ReturnedHere,
    /// Refunded there, and paid here.
    RefundedThere,
    /// The same invoice with another amount.
    OtherAmount,
    /// A second line for the same invoice.
    Twice,
    /// The journal does not know the invoice, or its payment was archived: the text says where.
    MissingHere,
    /// Paid here, and not in the report of its day.
    MissingAtOvo,
    /// Here its evidence contradicts itself: an operator rules, and this line is evidence to him.
    WithOperator,
    /// Paid there, reported before, and OVO's status checks know of no debit.
    Contradicted,
}

impl Finding {
    /// All, in the order of a summary: what agrees, what will be seen, what differs.
    pub const ALL: [Finding; 14] = [
        Finding::Matched,
        Finding::Refunded,
        Finding::Open,
        Finding::ByHand,
        Finding::PerhapsNextDay,
        Finding::ExtraDebit,
        Finding::ReturnedHere,
        Finding::RefundedThere,
        Finding::OtherAmount,
        Finding::Twice,
        Finding::MissingHere,
        Finding::MissingAtOvo,
        Finding::WithOperator,
        Finding::Contradicted,
    ];

    /// In a word or two, the same in every language and release.
    pub fn name(self) -> &'static str {
        match self {
            Finding::Matched => "matched",
            Finding::Refunded => "refunded",
            Finding::Open => "open",
            Finding::ByHand => "by hand",
            Finding::PerhapsNextDay => "perhaps next day",
            Finding::ExtraDebit => "extra debit",
            Finding::ReturnedHere => "returned here",
            Finding::RefundedThere => "refunded there",
            Finding::OtherAmount => "other amount",
            Finding::Twice => "twice",
            Finding::MissingHere => "missing here",
            Finding::MissingAtOvo => "missing at OVO",
            Finding::WithOperator => "with operator",
            Finding::Contradicted => "contradicted",
        }
    }

    /// Whether the two books differ, so that somebody must look.
    pub fn is_difference(self) -> bool {
        self >= Finding::ExtraDebit
    }

    /// What it means, and what to do, in a sentence.
    pub fn text(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Finding::Matched => ("lunas di OVO dan di sini", "paid at OVO and here"),
            Finding::Refunded => (
                "dikembalikan di OVO, dan di sini bukan uang toko",
                "refunded at OVO, and not the shop's money here",
            ),
            Finding::Open => (
                "lunas di OVO; di sini belum ada hasil, atau void sedang berjalan",
                "paid at OVO; here there is no outcome yet, or a void is under way",
            ),
            Finding::ByHand => (
                "lunas di OVO; di sini operator menutupnya setelah diselesaikan dengan tangan",
                "paid at OVO; here an operator closed it, having dealt with it by hand",
            ),
            Finding::PerhapsNextDay => (
                "lunas di sini pada akhir hari: mungkin ada di laporan hari berikutnya",
                "paid here at the end of the day: it may stand in the next day's report",
            ),
            Finding::ExtraDebit => (
                "OVO memotong saldo pelanggan, tetapi kasir diberi tahu lain: laporkan (report_paid), dana kembali",
                "OVO debited the customer, and the cashier was told otherwise: report it (report_paid), and the money goes back",
            ),
            Finding::ReturnedHere => (
                "lunas di OVO; di sini dananya sudah atau sedang dikembalikan: baris atau laporan berikutnya harus menunjukkannya",
                "paid at OVO; here the money went back or is on its way: a later line or report must show it",
            ),
            Finding::RefundedThere => (
                "OVO mengembalikan dana yang di sini lunas: tanyakan kepada OVO",
                "OVO returned money that counts as paid here: ask OVO",
            ),
            Finding::OtherAmount => (
                "jumlahnya berbeda di OVO: tanyakan kepada OVO",
                "the amount is another one at OVO: ask OVO",
            ),
            Finding::Twice => (
                "invoice yang sama dua kali di laporan: tanyakan kepada OVO",
                "the same invoice twice in the report: ask OVO",
            ),
            Finding::MissingHere => (
                "jurnal ini tidak mengenal invoice ini: kasir lain, jurnal lain, atau produk OVO lain",
                "this journal does not know the invoice: another till's, another journal's, or another product of OVO's",
            ),
            Finding::MissingAtOvo => (
                "lunas di sini, tetapi tidak ada di laporan hari itu: tanyakan kepada OVO",
                "paid here, and not in the report of its day: ask OVO",
            ),
            Finding::WithOperator => (
                "di sini buktinya bertentangan: operator memutuskan, dan baris laporan ini adalah bukti",
                "here its evidence contradicts itself: an operator rules, and this line is evidence",
            ),
            Finding::Contradicted => (
                "laporan ini sudah diteruskan, dan menurut status OVO tidak ada potongan: tanyakan kepada OVO",
                "it was reported before, and OVO's status checks know of no debit: ask OVO",
            ),
        };
        match language {
            Language::Indonesian => indonesian,
            Language::English => english,
        }
    }

    fn of(line: &SettlementLine, money: Money, reported: bool) -> Finding {
        match (line.refunded, money) {
            (false, Money::NotDebited) if reported => Finding::Contradicted,
            // It was told, and settlement goes on: telling it once more would begin it anew.
            (false, Money::Unsettled | Money::SaidNotDebited) if reported => Finding::ReturnedHere,
            (_, Money::Waiting) | (false, Money::Voiding) => Finding::Open,
            // What the evidence makes of it is for an operator, not for a report.
            (_, Money::Unclear) => Finding::WithOperator,
            (false, Money::Merchant) => Finding::Matched,
            (false, Money::Voided | Money::Returned | Money::BeingReturned) => {
                Finding::ReturnedHere
            }
            (false, Money::ByHand) => Finding::ByHand,
            (false, Money::NotDebited | Money::SaidNotDebited | Money::Unsettled) => {
                Finding::ExtraDebit
            }
            (true, Money::Merchant) => Finding::RefundedThere,
            (true, _) => Finding::Refunded,
        }
    }
}

/// A line of the report, or a payment without one, and what it comes to.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Reconciled {
    /// What it comes to.
    pub finding: Finding,
    /// The invoice, as the report or the journal has it.
    pub invoice: String,
    /// The report's amount; `None` if no line has this payment.
    pub listed: Option<Rupiah>,
    /// The payment, if the journal knows it and this is not [`Finding::Matched`].
    pub payment: Option<Box<Explanation>>,
    archived: Option<Archived>,
}

/// Where the payment is of which nothing can be done here any more.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Archived {
    /// In the archive that is read.
    Here,
    /// In the archive that was made there.
    At(PathBuf),
}

impl Archived {
    /// Instead of what sends people to commands that an archive refuses, or to another till.
    fn text(&self, payment: Option<&Explanation>, language: Language) -> Option<String> {
        let text = match (self, language) {
            (Archived::Here, language) => {
                let numbers = payment?.numbers;
                let (batch, reference) = (numbers.batch(), numbers.reference());
                match language {
                    Language::Indonesian => format!(
                        "OVO memotong saldo pelanggan, tetapi kasir diberi tahu lain; pembayaran ini sudah \
                         diarsipkan dan dananya tidak kembali dari sini: kembalikan dengan tangan, atau tanyakan \
                         kepada OVO dengan batch {batch:06} dan reference {reference:06}"
                    ),
                    Language::English => format!(
                        "OVO debited the customer, and the cashier was told otherwise; it is archived, and \
                         nothing returns the money from here: return it by hand, or ask OVO with batch \
                         {batch:06} and reference {reference:06}"
                    ),
                }
            }
            (Archived::At(path), Language::Indonesian) => format!(
                "pembayarannya sudah diarsipkan ke {}: cocokkan laporan ini dengan arsip itu (-j)",
                path.display()
            ),
            (Archived::At(path), Language::English) => format!(
                "its payment was archived into {}: hold the report against that (-j)",
                path.display()
            ),
        };
        Some(text)
    }
}

impl Reconciled {
    /// What it means, what to do, and why the payment stands as it does: one line.
    pub fn text(&self, language: Language) -> String {
        let closed = self.payment.as_ref().is_some_and(|payment| payment.money == Money::ByHand);
        let meaning = match (self.finding, language) {
            // Behind a ruling nothing goes back by itself.
            (Finding::ExtraDebit | Finding::Contradicted, Language::Indonesian) if closed => {
                "lunas di OVO, padahal di sini operator menutupnya tanpa bukti potongan: kembalikan dengan tangan jika belum"
            }
            (Finding::ExtraDebit | Finding::Contradicted, Language::English) if closed => {
                "paid at OVO, and an operator closed it here without evidence of a debit: return it by hand unless that was done"
            }
            (finding, language) => finding.text(language),
        };
        let archived = self.archived.as_ref().filter(|_| !closed);
        let meaning = archived
            .and_then(|archived| archived.text(self.payment.as_deref(), language))
            .unwrap_or_else(|| meaning.to_owned());
        match &self.payment {
            Some(payment) => format!("{meaning}. {}", payment.why(language)),
            None => meaning,
        }
    }
}

/// A settlement report beside a journal. Give it each line, then ask what the report should have had
/// and had not. It holds three bits for each payment that it has seen, whatever the report's length, and
/// changes nothing. A report may write a sale and its refund as two lines, in either order. Beside another process it reads with a [`JournalReader`](crate::JournalReader); the
/// process that has the journal open asks its [`Client`](crate::Client).
///
/// ```no_run
/// use ovo_ptp::{JournalReader, Reconciliation, Rupiah, SettlementLine};
///
/// let journal = JournalReader::open("ovo.db")?;
/// let mut books = Reconciliation::new();
/// let amount = Rupiah::new(12_500)?;
/// let line = SettlementLine { invoice: "INV-1".to_owned(), amount, refunded: false };
/// println!("{}", books.line(&journal, &line)?.finding.name());
/// # Ok::<(), ovo_ptp::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Reconciliation {
    /// Which payments have had a line that says paid.
    paid: Payments,
    /// Which have had one that says refunded.
    refunded: Payments,
    /// Which were paid there and had gone back here, and still lack their refund's line.
    returned: Payments,
    counts: HashMap<Finding, Count>,
    /// Whether the journal is an archive: asked for once.
    is_archive: Option<bool>,
}

/// How many there are of a finding, and their sum.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Count {
    /// Lines, or payments without one.
    pub payments: u64,
    /// Their amounts: the report's, or of what the report has not, the journal's.
    pub rupiah: i64,
}

impl Reconciliation {
    /// Nothing read yet.
    pub fn new() -> Reconciliation {
        Reconciliation::default()
    }

    /// Compares a line with the payment of that invoice.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn line(
        &mut self,
        journal: &impl Ledger,
        line: &SettlementLine,
    ) -> Result<Reconciled, Error> {
        let invoice = line.invoice.parse::<MerchantInvoice>().ok();
        let found = match &invoice {
            Some(invoice) => journal.found(invoice)?,
            None => None,
        };
        let finding = match &found {
            None => Finding::MissingHere,
            Some(payment) if !self.is_first(payment.id, line.refunded) => Finding::Twice,
            Some(payment) if payment.intent.amount != line.amount => Finding::OtherAmount,
            Some(payment) => {
                let money = Money::of(&payment.state);
                let alone = match Finding::of(line, money, was_reported(payment)) {
                    Finding::ByHand if !was_known_at_closing(payment) => {
                        match was_reported(payment) {
                            true => Finding::Contradicted,
                            false => Finding::ExtraDebit,
                        }
                    }
                    alone => alone,
                };
                self.beside_the_other_line(alone, payment.id, line.amount)
            }
        };
        let archived = match (finding, &invoice) {
            (Finding::MissingHere, Some(invoice)) => journal.archived(invoice)?.map(Archived::At),
            (Finding::ExtraDebit, _) if self.reads_an_archive(journal)? => Some(Archived::Here),
            _ => None,
        };
        let name = line.invoice.clone();
        Ok(self.counted(finding, name, Some(line.amount), found.as_ref(), archived))
    }

    fn reads_an_archive(&mut self, journal: &impl Ledger) -> Result<bool, Error> {
        if let Some(known) = self.is_archive {
            return Ok(known);
        }
        let is_archive = journal.is_archive()?;
        self.is_archive = Some(is_archive);
        Ok(is_archive)
    }

    /// A sale that went back, and its refund, are one payment on two lines of a report.
    fn beside_the_other_line(&mut self, alone: Finding, id: PaymentId, amount: Rupiah) -> Finding {
        match alone {
            Finding::ReturnedHere if self.refunded.has(id) => Finding::Refunded,
            Finding::ReturnedHere => {
                self.returned.add(id);
                Finding::ReturnedHere
            }
            Finding::Refunded if self.returned.take(id) => {
                self.taken_back(Finding::ReturnedHere, amount);
                Finding::Refunded
            }
            other => other,
        }
    }

    /// The payments that were told Paid, were begun from `since` on and before `until` (the days of the
    /// report), and have had no line: one page of them behind `after`, and what to ask behind next.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn missing(
        &mut self,
        journal: &impl Ledger,
        since: WallTime,
        until: WallTime,
        after: Option<PaymentId>,
    ) -> Result<(Vec<Reconciled>, Option<PaymentId>), Error> {
        let filter = Filter {
            since: Some(since),
            until: Some(until),
            after,
            limit: 500,
            ..Filter::default()
        };
        let page = journal.listed(&filter)?;
        let next = (page.len() == filter.limit).then(|| page.last().map(|last| last.id)).flatten();
        let late = i64::try_from(PAID_WITHIN.as_millis()).unwrap_or(i64::MAX);
        let mut missing = Vec::new();
        for payment in &page {
            // Neither line is missing of what is told as refunded there.
            if self.paid.has(payment.id) || self.refunded.has(payment.id) {
                continue;
            }
            let at_the_end =
                payment.intent.wall.unix_millis() >= until.unix_millis().saturating_sub(late);
            let told_paid = matches!(payment.state.verdict, Some(Verdict::Accepted(_)));
            let finding = match Money::of(&payment.state) {
                Money::Merchant if at_the_end => Finding::PerhapsNextDay,
                Money::Merchant => Finding::MissingAtOvo,
                // OVO took it back, or a void's end is unknown.
                Money::Unclear if told_paid => Finding::WithOperator,
                _ => continue,
            };
            let invoice = payment.intent.invoice.as_str().to_owned();
            missing.push(self.counted(finding, invoice, None, Some(payment), None));
        }
        Ok((missing, next))
    }

    /// How many there were of a finding so far.
    pub fn count(&self, finding: Finding) -> Count {
        self.counts.get(&finding).copied().unwrap_or_default()
    }

    /// Whether the two books agree so far.
    pub fn agrees(&self) -> bool {
        let differing =
            |(finding, count): (&Finding, &Count)| finding.is_difference() && count.payments > 0;
        !self.counts.iter().any(differing)
    }

    fn counted(
        &mut self,
        finding: Finding,
        invoice: String,
        listed: Option<Rupiah>,
        payment: Option<&Payment>,
        archived: Option<Archived>,
    ) -> Reconciled {
        let amount = listed.or(payment.map(|payment| payment.intent.amount));
        let count = self.counts.entry(finding).or_default();
        count.payments += 1;
        count.rupiah = count.rupiah.saturating_add(amount.map_or(0, Rupiah::get));
        let explained = payment.filter(|_| finding != Finding::Matched);
        let payment = explained.map(|payment| Box::new(Explanation::of(payment, WallTime::now())));
        Reconciled { finding, invoice, listed, payment, archived }
    }

    /// A line of a payment that was counted as `finding` is explained by another one.
    fn taken_back(&mut self, finding: Finding, amount: Rupiah) {
        if let Some(count) = self.counts.get_mut(&finding) {
            count.payments = count.payments.saturating_sub(1);
            count.rupiah = count.rupiah.saturating_sub(amount.get());
        }
    }

    /// Remembers the line, and says whether it is the payment's first of its kind.
    fn is_first(&mut self, id: PaymentId, refunded: bool) -> bool {
        match refunded {
            true => self.refunded.add(id),
            false => self.paid.add(id),
        }
    }
}

/// A set of payments: a bit for each, 64 of them in a word.
#[derive(Debug, Default)]
struct Payments(HashMap<i64, u64>);

impl Payments {
    /// Whether it was not there before.
    fn add(&mut self, id: PaymentId) -> bool {
        let (word, bit) = place(id);
        let word = self.0.entry(word).or_default();
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    fn has(&self, id: PaymentId) -> bool {
        let (word, bit) = place(id);
        self.0.get(&word).is_some_and(|word| word & bit != 0)
    }

    /// Whether it was there; it is no longer.
    fn take(&mut self, id: PaymentId) -> bool {
        let was_there = self.has(id);
        let (word, bit) = place(id);
        if let Some(word) = self.0.get_mut(&word) {
            *word &= !bit;
        }
        was_there
    }
}

/// Whether an operator who closed it knew that the customer was debited: it was told as Paid, or OVO
/// had shown the debit, and none came behind the ruling. Else the report is the first to say so.
fn was_known_at_closing(payment: &Payment) -> bool {
    let state = &payment.state;
    let told_paid = matches!(state.verdict, Some(Verdict::Accepted(_)));
    told_paid || (state.late_paid && !was_debited_behind_ruling(payment))
}

/// Whether a report named this payment before.
fn was_reported(payment: &Payment) -> bool {
    payment.history.entries().iter().any(|entry| entry.what == What::ReportedPaid)
}

fn place(id: PaymentId) -> (i64, u64) {
    (id.0 >> 6, 1 << (id.0 & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_PLACE: [Money; 11] = [
        Money::Waiting,
        Money::Merchant,
        Money::NotDebited,
        Money::Returned,
        Money::SaidNotDebited,
        Money::Unsettled,
        Money::BeingReturned,
        Money::Voiding,
        Money::Voided,
        Money::Unclear,
        Money::ByHand,
    ];

    fn finding(refunded: bool, money: Money) -> Finding {
        found(refunded, money, false)
    }

    fn found(refunded: bool, money: Money, reported: bool) -> Finding {
        let amount = Rupiah::new(12_500).expect("an amount");
        let line = SettlementLine { invoice: "INV-1".to_owned(), amount, refunded };
        Finding::of(&line, money, reported)
    }

    #[test]
    fn what_ovo_pays_out_matches_the_shops_money_and_nothing_else() {
        for money in EVERY_PLACE {
            assert_eq!(
                finding(false, money) == Finding::Matched,
                money == Money::Merchant,
                "{money:?}"
            );
            assert_ne!(finding(true, money), Finding::Matched, "{money:?}");
        }
    }

    #[test]
    fn a_debit_is_reported_where_the_journal_does_not_know_of_it_and_nowhere_else() {
        let unknown = [Money::NotDebited, Money::SaidNotDebited, Money::Unsettled];
        for money in EVERY_PLACE {
            assert_eq!(
                finding(false, money) == Finding::ExtraDebit,
                unknown.contains(&money),
                "{money:?}"
            );
        }
    }

    #[test]
    fn a_debit_that_was_reported_is_not_reported_again_while_it_is_settled() {
        for money in EVERY_PLACE {
            assert_ne!(found(false, money, true), Finding::ExtraDebit, "{money:?}");
        }
    }

    #[test]
    fn what_waits_for_an_operator_is_ruled_and_neither_reported_nor_returned() {
        for refunded in [false, true] {
            assert_eq!(finding(refunded, Money::Unclear), Finding::WithOperator);
        }
        assert!(Finding::WithOperator.is_difference());
    }

    #[test]
    fn a_refund_of_the_shops_money_is_a_difference() {
        assert_eq!(finding(true, Money::Merchant), Finding::RefundedThere);
        assert_eq!(finding(true, Money::Voided), Finding::Refunded);
        assert_eq!(finding(true, Money::Returned), Finding::Refunded);
        assert!(Finding::RefundedThere.is_difference());
        assert!(!Finding::Refunded.is_difference());
    }

    #[test]
    fn each_finding_has_its_name_and_says_what_it_means_in_both_languages() {
        for (index, finding) in Finding::ALL.iter().enumerate() {
            let others = &Finding::ALL[index + 1..];
            assert!(others.iter().all(|other| other.name() != finding.name()));
            let texts = [Language::Indonesian, Language::English].map(|it| finding.text(it));
            assert_ne!(texts[0], texts[1]);
        }
    }

    #[test]
    fn a_payment_is_seen_once_wherever_its_number_lies() {
        let mut seen = Payments::default();
        for id in [0, 1, 63, 64, 1_000_000, (7 << 48) + 1].map(PaymentId) {
            assert!(!seen.has(id) && !seen.take(id));
            assert!(seen.add(id));
            assert!(!seen.add(id));
            assert!(seen.has(id) && seen.take(id));
            assert!(!seen.has(id));
        }
    }

    /// A sale that was returned here, line by line: the findings, and whether the books agree.
    fn two_lines(refunded: [bool; 2]) -> ([Finding; 2], bool) {
        let mut books = Reconciliation::new();
        let amount = Rupiah::new(9_000).expect("an amount");
        let findings = refunded.map(|refunded| {
            assert!(books.is_first(PaymentId(7), refunded));
            let alone = finding(refunded, Money::Voided);
            let found = books.beside_the_other_line(alone, PaymentId(7), amount);
            books.counted(found, "INV-7".to_owned(), Some(amount), None, None).finding
        });
        assert_eq!(books.count(Finding::ReturnedHere), Count::default());
        (findings, books.agrees())
    }

    #[test]
    fn a_sale_and_its_void_on_two_lines_agree_in_either_order() {
        let sale_first = [Finding::ReturnedHere, Finding::Refunded];
        assert_eq!(two_lines([false, true]), (sale_first, true));
        assert_eq!(two_lines([true, false]), ([Finding::Refunded; 2], true));
    }
}
