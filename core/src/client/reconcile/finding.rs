//! What a line of a report comes to, in a word and in a sentence.

use crate::explain::Money;
use crate::message::Language;

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
    /// [`Client::report_paid`](crate::Client::report_paid), which returns the money, behind the last line
    /// ([`Reconciliation::extra_debit`](crate::Reconciliation::extra_debit)): the refund's own line takes
    /// it out of the counts again. Where an operator
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
    /// No money moved, says the report, no line has it as paid, and it is paid here. Told at the end.
    FailedThere,
    /// Paid there and here, and begun on another day than the line's, outside of those in which the
    /// missing ones are looked for: days and months that are taken for each other match, too. Told at
    /// the end, the first payment for all of the same two days.
    OtherDay,
}

impl Finding {
    /// All, in the order of a summary: what agrees, what will be seen, what differs.
    pub const ALL: [Finding; 16] = [
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
        Finding::FailedThere,
        Finding::OtherDay,
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
            Finding::FailedThere => "failed there",
            Finding::OtherDay => "other day",
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
                "di sini belum jelas (buktinya bertentangan, atau jurnal ini tidak bisa dipercaya sepenuhnya): operator memutuskan, dan baris laporan ini adalah bukti",
                "here it is not clear (its evidence contradicts itself, or the journal cannot vouch for itself): an operator rules, and this line is evidence",
            ),
            Finding::Contradicted => (
                "laporan ini sudah diteruskan, dan menurut status OVO tidak ada potongan: tanyakan kepada OVO",
                "it was reported before, and OVO's status checks know of no debit: ask OVO",
            ),
            Finding::FailedThere => (
                "menurut laporan tidak ada dana berpindah, tetapi di sini lunas: tanyakan kepada OVO",
                "the report says that no money moved, and it is paid here: ask OVO",
            ),
            Finding::OtherDay => (
                "lunas di OVO dan di sini, tetapi pada hari lain: periksa kolom tanggal",
                "paid at OVO and here, on another day: look at the column of dates",
            ),
        };
        match language {
            Language::Indonesian => indonesian,
            Language::English => english,
        }
    }

    /// What a line about a payment comes to that is alone in its report.
    pub(super) fn of(refunded: bool, money: Money, reported: bool) -> Finding {
        match (refunded, money) {
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
        Finding::of(refunded, money, false)
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
            assert_ne!(Finding::of(false, money, true), Finding::ExtraDebit, "{money:?}");
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
}
