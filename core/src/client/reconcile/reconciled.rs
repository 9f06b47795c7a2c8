//! What a line comes to, with the payment's own story.

use crate::amount::Rupiah;
use crate::client::reconcile::Finding;
use crate::explain::{Explanation, Money};
use crate::journal::ArchivePlace;
use crate::message::Language;
use crate::wib::WallTime;

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
    /// The payment, if the journal knows it and the two do not agree about it.
    pub payment: Option<Box<Explanation>>,
    pub(super) note: Option<Note>,
}

/// What is said in place of the finding's own sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Note {
    /// It is in the archive that is read: of it nothing can be done here any more.
    Archived,
    /// It is in the archive that was made there.
    ArchivedAt(ArchivePlace),
    /// The report's day and that on which it was begun, and how many have both.
    Days { listed: WallTime, begun: WallTime, payments: u64 },
}

impl Note {
    /// Instead of what sends people to commands that an archive refuses, or to another till.
    fn text(&self, payment: Option<&Explanation>, language: Language) -> Option<String> {
        let text = match (self, language) {
            (Note::Archived, language) => {
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
            (Note::ArchivedAt(place), Language::Indonesian) => {
                let machine = place.machine.as_ref();
                let machine = machine.map_or_else(String::new, |it| format!(" di mesin {it}"));
                format!(
                    "pembayarannya sudah diarsipkan ke {}{machine}: cocokkan laporan ini dengan arsip itu (-j)",
                    place.path.display()
                )
            }
            (Note::ArchivedAt(place), Language::English) => {
                format!("its payment was archived into {place}: hold the report against that (-j)")
            }
            (Note::Days { listed, begun, payments }, language) => {
                let (listed, begun) = (day(*listed), day(*begun));
                match language {
                    Language::Indonesian => format!(
                        "laporan menyebut {listed}, di sini dimulai {begun} ({payments} pembayaran): periksa \
                         kolom tanggal, atau beri harinya (since, until)"
                    ),
                    Language::English => format!(
                        "the report has it on {listed}, and it was begun on {begun} ({payments} payments): \
                         look at its column of dates, or name the days (since, until)"
                    ),
                }
            }
        };
        Some(text)
    }
}

fn day(of: WallTime) -> String {
    let (year, month, day) = of.wib_date();
    format!("{year:04}-{month:02}-{day:02}")
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
        let note = self.note.as_ref().filter(|_| !closed);
        let meaning = note
            .and_then(|note| note.text(self.payment.as_deref(), language))
            .unwrap_or_else(|| meaning.to_owned());
        match &self.payment {
            Some(payment) => format!("{meaning}. {}", payment.why(language)),
            None => meaning,
        }
    }
}
