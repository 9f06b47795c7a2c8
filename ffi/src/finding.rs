//! What a settlement report comes to, in numbers and words.

use std::ffi::c_char;

use ptp::Finding;

use crate::guard::value;
use crate::texts;
use crate::vocabulary::one_of;

/// What a line of the report, or a payment that has none, comes to. Up to `OVO_FINDING_PERHAPS_NEXT_DAY`
/// the books agree, from `OVO_FINDING_EXTRA_DEBIT` on somebody must look.
#[repr(i32)]
pub enum ovo_finding {
    /// Nothing is left.
    OVO_FINDING_NONE = 0,
    /// Paid there and here.
    OVO_FINDING_MATCHED = 1,
    /// Refunded there, and not the shop's money here.
    OVO_FINDING_REFUNDED = 2,
    /// Paid there; here there is no outcome yet, or a void is under way.
    OVO_FINDING_OPEN = 3,
    /// Paid there; here an operator closed it, having dealt with it by hand.
    OVO_FINDING_BY_HAND = 4,
    /// Paid here at the end of the day: it may stand in the next day's report.
    OVO_FINDING_PERHAPS_NEXT_DAY = 5,
    /// Paid there, and the cashier was told otherwise, or nobody knew: behind the last line
    /// (`ovo_reconcile_extra_debit`) give it to `ovo_report_paid`, which returns the money. The refund's own
    /// line takes it out of the counts again.
    OVO_FINDING_EXTRA_DEBIT = 6,
    /// Paid there; here the money went back, or is on its way. A later line or report must show it.
    OVO_FINDING_RETURNED_HERE = 7,
    /// Refunded there, and paid here: ask OVO.
    OVO_FINDING_REFUNDED_THERE = 8,
    /// The same invoice with another amount: ask OVO.
    OVO_FINDING_OTHER_AMOUNT = 9,
    /// A second line for the same invoice: ask OVO.
    OVO_FINDING_TWICE = 10,
    /// The journal does not know the invoice.
    OVO_FINDING_MISSING_HERE = 11,
    /// Paid here, and not in the report of its day: ask OVO.
    OVO_FINDING_MISSING_AT_OVO = 12,
    /// Here its evidence contradicts itself: an operator rules (`ovo_rule`), and this line is evidence.
    OVO_FINDING_WITH_OPERATOR = 13,
    /// Paid there, reported before, and OVO's status checks know of no debit: ask OVO.
    OVO_FINDING_CONTRADICTED = 14,
    /// No money moved, says the report, no line has it as paid, and it is paid here: ask OVO. From
    /// `ovo_reconcile_missing`.
    OVO_FINDING_FAILED_THERE = 15,
    /// Paid there and here, and begun on another day than the line's, outside of those in which the
    /// missing ones are looked for: look at the report's column of dates. From `ovo_reconcile_missing`, the
    /// first payment for all of the same two days; the text says how many.
    OVO_FINDING_OTHER_DAY = 16,
}

/// The findings in the core's order: a test holds the numbers and the words against it.
pub(crate) const FINDINGS: [(i32, Finding); 16] = [
    (ovo_finding::OVO_FINDING_MATCHED as i32, Finding::Matched),
    (ovo_finding::OVO_FINDING_REFUNDED as i32, Finding::Refunded),
    (ovo_finding::OVO_FINDING_OPEN as i32, Finding::Open),
    (ovo_finding::OVO_FINDING_BY_HAND as i32, Finding::ByHand),
    (ovo_finding::OVO_FINDING_PERHAPS_NEXT_DAY as i32, Finding::PerhapsNextDay),
    (ovo_finding::OVO_FINDING_EXTRA_DEBIT as i32, Finding::ExtraDebit),
    (ovo_finding::OVO_FINDING_RETURNED_HERE as i32, Finding::ReturnedHere),
    (ovo_finding::OVO_FINDING_REFUNDED_THERE as i32, Finding::RefundedThere),
    (ovo_finding::OVO_FINDING_OTHER_AMOUNT as i32, Finding::OtherAmount),
    (ovo_finding::OVO_FINDING_TWICE as i32, Finding::Twice),
    (ovo_finding::OVO_FINDING_MISSING_HERE as i32, Finding::MissingHere),
    (ovo_finding::OVO_FINDING_MISSING_AT_OVO as i32, Finding::MissingAtOvo),
    (ovo_finding::OVO_FINDING_WITH_OPERATOR as i32, Finding::WithOperator),
    (ovo_finding::OVO_FINDING_CONTRADICTED as i32, Finding::Contradicted),
    (ovo_finding::OVO_FINDING_FAILED_THERE as i32, Finding::FailedThere),
    (ovo_finding::OVO_FINDING_OTHER_DAY as i32, Finding::OtherDay),
];

/// Names a finding in a word or two of English, the same in every release: for files and logs.
///
/// Parameters:
/// - `finding`: an `ovo_finding`; any other number is fine.
///
/// Returns: the name; `unknown` for a number that is none.
///
/// Memory: the text is constant and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_finding_name(finding: i32) -> *const c_char {
    value(texts::EMPTY, || {
        (match one_of("finding", finding, &FINDINGS) {
            Ok(Finding::Matched) => c"matched",
            Ok(Finding::Refunded) => c"refunded",
            Ok(Finding::Open) => c"open",
            Ok(Finding::ByHand) => c"by hand",
            Ok(Finding::PerhapsNextDay) => c"perhaps next day",
            Ok(Finding::ExtraDebit) => c"extra debit",
            Ok(Finding::ReturnedHere) => c"returned here",
            Ok(Finding::RefundedThere) => c"refunded there",
            Ok(Finding::OtherAmount) => c"other amount",
            Ok(Finding::Twice) => c"twice",
            Ok(Finding::MissingHere) => c"missing here",
            Ok(Finding::MissingAtOvo) => c"missing at OVO",
            Ok(Finding::WithOperator) => c"with operator",
            Ok(Finding::Contradicted) => c"contradicted",
            Ok(Finding::FailedThere) => c"failed there",
            Ok(Finding::OtherDay) => c"other day",
            _ => c"unknown",
        })
        .as_ptr()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_of_the_core_has_its_number_and_its_name() {
        assert_eq!(FINDINGS.map(|(_, finding)| finding), Finding::ALL);
        for (place, (number, finding)) in (1..).zip(FINDINGS) {
            assert_eq!(number, place);
            // SAFETY: a constant text.
            let name = unsafe { std::ffi::CStr::from_ptr(ovo_finding_name(number)) };
            assert_eq!(name.to_str(), Ok(finding.name()));
        }
        let look = ovo_finding::OVO_FINDING_EXTRA_DEBIT as i32;
        assert!(FINDINGS.iter().all(|(number, it)| (*number >= look) == it.is_difference()));
    }

    #[test]
    fn the_longest_text_of_a_finding_leaves_room_for_why_the_payment_stands_as_it_does() {
        for finding in Finding::ALL {
            for language in [ptp::Language::Indonesian, ptp::Language::English] {
                assert!(finding.text(language).len() < 200, "{}", finding.name());
            }
        }
    }
}
