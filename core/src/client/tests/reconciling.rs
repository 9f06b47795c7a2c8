//! A report of OVO's beside the client that has the journal open: what several of its lines, or its end,
//! show together.

use super::*;
use crate::message::Language;
use crate::{Count, Finding, Listed, Reconciliation, SettlementLine};

const DAY: i64 = 86_400_000;

fn rupiah(amount: i64) -> Rupiah {
    Rupiah::new(amount).unwrap()
}

/// A shop that sold what it is told to, and declined what ends in `NO`.
fn sold(invoices: &[&str]) -> (Shop, Client) {
    let shop = Shop::new();
    shop.host.answers(|operation, invoice| match operation {
        Operation::PushToPay if invoice.ends_with("NO") => Reply::Code("17"),
        Operation::CheckPayment => Reply::Code("25"),
        _ => Reply::Code("00"),
    });
    let till = shop.till();
    for invoice in invoices {
        let told = till.pay(&charge(invoice)).unwrap();
        assert_eq!(told.name() == "paid", !invoice.ends_with("NO"), "{invoice}: {told:?}");
    }
    (shop, till)
}

struct Report<'a> {
    till: &'a Client,
    books: Reconciliation,
}

impl Report<'_> {
    fn of(till: &Client) -> Report<'_> {
        Report { till, books: Reconciliation::new() }
    }

    fn line(&mut self, invoice: &str, says: Listed, day: Option<WallTime>) -> Option<Finding> {
        let line = SettlementLine { invoice: invoice.to_owned(), says, day };
        self.books.line(self.till, &line).unwrap().map(|it| it.finding)
    }

    /// Everything that its end shows, with what English says.
    fn end(&mut self, days: Option<(WallTime, WallTime)>) -> Vec<(String, Finding, String)> {
        let all = std::iter::from_fn(|| self.books.missing(self.till, days).unwrap());
        all.map(|it| (it.invoice.clone(), it.finding, it.text(Language::English))).collect()
    }
}

fn findings(told: &[(String, Finding, String)]) -> Vec<(&str, Finding)> {
    told.iter().map(|(invoice, finding, _)| (invoice.as_str(), *finding)).collect()
}

#[test]
fn what_a_report_calls_failed_differs_if_it_is_paid_here_and_no_line_says_so() {
    let (shop, till) = sold(&["A", "B", "C-NO", "D"]);
    let today = Some(shop.clock.wall());
    let mut report = Report::of(&till);
    for (invoice, amount) in [("A", Some(rupiah(10_000))), ("B", None), ("C-NO", None), ("D", None)]
    {
        assert_eq!(report.line(invoice, Listed::Nothing(amount), today), None);
    }
    assert_eq!(report.line("another till's/#1", Listed::Nothing(None), None), None);
    // The next file has this one as paid.
    assert_eq!(report.line("D", Listed::Paid(rupiah(10_000)), today), Some(Finding::Matched));
    assert!(!report.books.agrees(), "nobody knows before its end");
    let told = report.end(None);
    assert_eq!(findings(&told), [("A", Finding::FailedThere), ("B", Finding::FailedThere)]);
    assert!(told[0].2.starts_with("the report says that no money moved, and it is paid here"));
    let count = report.books.count(Finding::FailedThere);
    assert_eq!(count, Count { payments: 2, rupiah: 20_000 });
    assert_eq!(report.books.count(Finding::MissingAtOvo), Count::default());
    assert!(report.books.looked_for_missing() && !report.books.agrees());
    assert_eq!(findings(&report.end(Some(until_tomorrow(&shop)))), [], "each is told once");
}

/// From the day before to the day behind.
fn until_tomorrow(shop: &Shop) -> (WallTime, WallTime) {
    let now = shop.clock.wall().unix_millis();
    (WallTime::from_unix_millis(now - DAY), WallTime::from_unix_millis(now + DAY))
}

#[test]
fn lines_that_match_on_another_day_differ_unless_the_days_are_named() {
    let (shop, till) = sold(&["A", "B", "C"]);
    let today = shop.clock.wall();
    let before = WallTime::from_unix_millis(today.unix_millis() - 90 * DAY);
    let mut report = Report::of(&till);
    for invoice in ["A", "B"] {
        let found = report.line(invoice, Listed::Paid(rupiah(10_000)), Some(before));
        assert_eq!(found, Some(Finding::Matched));
    }
    let told = report.end(None);
    assert_eq!(findings(&told), [("A", Finding::OtherDay)], "one line for both");
    assert!(told[0].2.contains("(2 payments)"), "{}", told[0].2);
    let count = report.books.count(Finding::OtherDay);
    assert_eq!(count, Count { payments: 2, rupiah: 20_000 });

    let mut named = Report::of(&till);
    for invoice in ["A", "B"] {
        named.line(invoice, Listed::Paid(rupiah(10_000)), Some(before));
    }
    let told = named.end(Some(until_tomorrow(&shop)));
    assert_eq!(findings(&told), [("C", Finding::MissingAtOvo)]);

    // Within the minute that a push may take into the next day both days are its own.
    let mut right = Report::of(&till);
    for invoice in ["A", "B", "C"] {
        right.line(invoice, Listed::Paid(rupiah(10_000)), Some(today));
    }
    assert_eq!(right.end(None), []);
    assert!(right.books.agrees());
}

#[test]
fn an_extra_debit_is_to_be_reported_only_as_long_as_no_line_refunds_it() {
    let (_shop, till) = sold(&["A-NO", "B-NO", "C-NO"]);
    let (paid, refunded) = (Listed::Paid(rupiah(10_000)), Listed::Refunded(rupiah(10_000)));
    let mut report = Report::of(&till);
    assert_eq!(report.line("A-NO", paid, None), Some(Finding::ExtraDebit));
    assert_eq!(report.line("B-NO", refunded, None), Some(Finding::Refunded));
    assert_eq!(report.line("C-NO", paid, None), Some(Finding::ExtraDebit));
    assert_eq!(report.line("A-NO", refunded, None), Some(Finding::Refunded));
    assert_eq!(report.line("B-NO", paid, None), Some(Finding::Refunded), "in either order");
    let count = report.books.count(Finding::ExtraDebit);
    assert_eq!(count, Count { payments: 1, rupiah: 10_000 });
    let (id, extra) = report.books.extra_debit(&till, None).unwrap().unwrap();
    assert_eq!((extra.invoice.as_str(), extra.finding), ("C-NO", Finding::ExtraDebit));
    assert_eq!(report.books.extra_debit(&till, Some(id)).unwrap(), None);
    assert_eq!(report.books.count(Finding::ExtraDebit), count, "asking counts nothing");
}

#[test]
fn another_tills_lines_count_for_the_days_of_the_report_and_for_nothing_else() {
    let (shop, till) = sold(&["A"]);
    let mut report = Report::of(&till);
    assert_eq!(report.end(None), []);
    assert!(!report.books.looked_for_missing(), "it names no day");
    assert_eq!(report.line("OTHER", Listed::Elsewhere, Some(shop.clock.wall())), None);
    assert_eq!(findings(&report.end(None)), [("A", Finding::MissingAtOvo)]);
}
