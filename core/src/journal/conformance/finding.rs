//! What is due, what is listed, what is counted.

use super::{Behaviour, MORNING, charge, fresh, valid, write};
use crate::journal::{Filter, Health, Journal, Tally};
use crate::payment::{Boottime, Payment, PaymentId, Reversal, Settlement, Source, Verdict, Void};
use crate::terminal::Terminal;
use crate::wib::WallTime;

pub(super) const ALL: &[Behaviour] = &[
    what_is_due_comes_earliest_first,
    evidence_of_a_debit_overtakes_what_was_due_before,
    what_an_earlier_boot_left_is_due_at_once,
    the_next_due_says_how_long_to_sleep,
    an_outcome_is_listed_until_it_is_acknowledged,
    open_payments_and_operators_cases_are_listed,
    a_list_can_be_read_page_by_page,
    the_newest_payments_are_listed_first_where_people_look,
    a_list_can_be_cut_by_time,
    a_list_can_be_one_terminal_s,
    a_sound_journal_reports_its_counts,
    figures_say_what_the_lists_would,
];

fn due_at(journal: &dyn Journal, number: u32, boot: u32, due: Option<u64>) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    payment.boot = boot;
    payment.state.due = due.map(Boottime);
    write(journal, payment)
}

fn due(journal: &dyn Journal, boot: u32, now: u64, limit: usize) -> Vec<i64> {
    let due = valid(journal.due(boot, Boottime(now), limit));
    due.iter().map(|payment| payment.id.0).collect()
}

fn what_is_due_comes_earliest_first(journal: &dyn Journal) {
    for (number, at) in [(1, Some(500)), (2, Some(100)), (3, None), (4, Some(900)), (5, Some(300))]
    {
        due_at(journal, number, 1, at);
    }
    assert_eq!(due(journal, 1, 99, 10), [0_i64; 0]);
    assert_eq!(due(journal, 1, 100, 10), [2]);
    assert_eq!(due(journal, 1, 899, 10), [2, 5, 1]);
    assert_eq!(due(journal, 1, u64::MAX, 10), [2, 5, 1, 4]);
    assert_eq!(due(journal, 1, 900, 2), [2, 5]);
    assert_eq!(due(journal, 1, 900, 0), [0_i64; 0]);
    let mut second = valid(journal.payment(PaymentId(2))).expect("payment 2");
    second.state.due = Some(Boottime(901));
    let mut second = write(journal, second);
    assert_eq!(due(journal, 1, 900, 10), [5, 1, 4]);
    second.state.due = None;
    write(journal, second);
    assert_eq!(due(journal, 1, u64::MAX, 10), [5, 1, 4]);
}

fn evidence_of_a_debit_overtakes_what_was_due_before(journal: &dyn Journal) {
    let mut rows: Vec<Payment> = [(1, 3, 500), (2, 2, 100), (3, 3, 700), (4, 3, 900)]
        .into_iter()
        .map(|(number, boot, at)| due_at(journal, number, boot, Some(at)))
        .collect();
    for index in [0, 2, 3] {
        rows[index].state.late_paid = true;
        rows[index] = write(journal, rows[index].clone());
    }
    assert_eq!(due(journal, 3, 800, 10), [1, 3, 2]);
    assert_eq!(due(journal, 3, 800, 1), [1]);
    assert_eq!(valid(journal.next_due(3)), Some(Boottime(0)), "waking up knows no order but time");
    rows[2].state.due = None;
    write(journal, rows[2].clone());
    assert_eq!(due(journal, 3, 900, 10), [1, 4, 2]);
}

fn what_an_earlier_boot_left_is_due_at_once(journal: &dyn Journal) {
    due_at(journal, 1, 3, Some(50));
    due_at(journal, 2, 1, Some(1_000_000));
    due_at(journal, 3, 2, Some(70));
    due_at(journal, 4, 2, None);
    due_at(journal, 5, 3, Some(5_000));
    assert_eq!(due(journal, 3, 100, 10), [2, 3, 1]);
    assert_eq!(due(journal, 3, 100, 2), [2, 3]);
    let mut left = valid(journal.payment(PaymentId(2))).expect("payment 2");
    (left.boot, left.state.due) = (3, Some(Boottime(60)));
    write(journal, left);
    assert_eq!(due(journal, 3, 100, 10), [3, 1, 2], "once moved to this boot its time counts");
}

fn the_next_due_says_how_long_to_sleep(journal: &dyn Journal) {
    assert_eq!(valid(journal.next_due(1)), None);
    due_at(journal, 1, 2, None);
    assert_eq!(valid(journal.next_due(2)), None);
    due_at(journal, 2, 2, Some(800));
    due_at(journal, 3, 2, Some(700));
    assert_eq!(valid(journal.next_due(2)), Some(Boottime(700)));
    due_at(journal, 4, 1, Some(900));
    assert_eq!(valid(journal.next_due(2)), Some(Boottime(0)), "an earlier boot's row is due now");
}

fn listed(journal: &dyn Journal, filter: &Filter) -> Vec<i64> {
    valid(journal.list(filter)).iter().map(|payment| payment.id.0).collect()
}

fn an_outcome_is_listed_until_it_is_acknowledged(journal: &dyn Journal) {
    let waiting = Filter { unacknowledged: true, ..Filter::default() };
    let mut payment = fresh(journal, &charge(1));
    fresh(journal, &charge(2));
    assert_eq!(listed(journal, &waiting), [0_i64; 0], "an intent has no outcome");
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(1));
    let mut payment = write(journal, payment);
    assert_eq!(listed(journal, &waiting), [1]);
    payment.state.acknowledged = true;
    write(journal, payment);
    assert_eq!(listed(journal, &waiting), [0_i64; 0]);
    assert_eq!(listed(journal, &Filter::default()), [1, 2]);
}

/// Six payments: 1 intent, 2 paid, 3 being reversed, 4 reversed and closed, 5 in quarantine, 6 paid
/// with a void under way.
fn a_day_of_payments(journal: &dyn Journal) {
    for number in 1..=6 {
        let mut payment = fresh(journal, &charge(number));
        let state = &mut payment.state;
        match number {
            1 => continue,
            2 | 6 => state.verdict = Some(Verdict::Accepted(Source::Push)),
            3 | 4 => state.verdict = Some(Verdict::Abandoned),
            _ => state.verdict = Some(Verdict::Quarantined),
        }
        match number {
            3 => state.settlement = Settlement::Open(Reversal::Needed),
            4 => state.settlement = Settlement::Open(Reversal::Acknowledged(Boottime(1))),
            5 => state.settlement = Settlement::WithOperator,
            6 => state.void = Void::Sent,
            _ => {}
        }
        if matches!(number, 2 | 4 | 6) {
            state.settlement = Settlement::closed(Boottime(2));
        }
        write(journal, payment);
    }
}

fn open_payments_and_operators_cases_are_listed(journal: &dyn Journal) {
    a_day_of_payments(journal);
    let unsettled = Filter { unsettled: true, ..Filter::default() };
    assert_eq!(listed(journal, &unsettled), [1, 3, 5, 6]);
    let operator = Filter { needs_operator: true, ..Filter::default() };
    assert_eq!(listed(journal, &operator), [5]);
    let both = Filter { unacknowledged: true, unsettled: true, ..Filter::default() };
    assert_eq!(listed(journal, &both), [3, 5, 6]);
}

fn a_list_can_be_read_page_by_page(journal: &dyn Journal) {
    for number in 1..=25 {
        fresh(journal, &charge(number));
    }
    for unsettled in [false, true] {
        let mut filter = Filter { limit: 7, unsettled, ..Filter::default() };
        let mut all = Vec::new();
        loop {
            let page = listed(journal, &filter);
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 7);
            filter.after = Some(PaymentId(*last));
            all.extend(page);
        }
        assert_eq!(all, (1..=25).collect::<Vec<_>>());
    }
    assert_eq!(listed(journal, &Filter { limit: 0, ..Filter::default() }).len(), 25);
}

fn the_newest_payments_are_listed_first_where_people_look(journal: &dyn Journal) {
    let newest = |limit, unsettled, after: Option<i64>| {
        let after = after.map(PaymentId);
        let filter = Filter { limit, unsettled, after, newest_first: true, ..Filter::default() };
        listed(journal, &filter)
    };
    assert_eq!(newest(0, false, None), [0_i64; 0]);
    for number in 1..=25 {
        fresh(journal, &charge(number));
    }
    assert_eq!(newest(3, false, None), [25, 24, 23]);
    assert_eq!(newest(3, false, Some(1)), [0_i64; 0]);
    assert_eq!(newest(3, false, Some(i64::MAX)), [25, 24, 23]);
    for unsettled in [false, true] {
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let page = newest(7, unsettled, last);
            assert!(page.len() <= 7);
            let Some(id) = page.last() else { break };
            last = Some(*id);
            all.extend(page);
        }
        assert_eq!(all, (1..=25).rev().collect::<Vec<_>>());
    }
}

fn a_list_can_be_cut_by_time(journal: &dyn Journal) {
    for number in 1..=5 {
        let mut new = charge(number);
        new.wall = WallTime::from_unix_millis(MORNING + i64::from(number) * 1_000);
        fresh(journal, &new);
    }
    let at = |second: i64| Some(WallTime::from_unix_millis(MORNING + second * 1_000));
    let cut = |since, until| listed(journal, &Filter { since, until, ..Filter::default() });
    assert_eq!(cut(at(2), at(4)), [2, 3]);
    assert_eq!(cut(at(4), None), [4, 5]);
    assert_eq!(cut(None, at(2)), [1]);
    let newest = Filter { since: at(2), newest_first: true, limit: 3, ..Filter::default() };
    assert_eq!(listed(journal, &newest), [5, 4, 3]);
}

fn a_list_can_be_one_terminal_s(journal: &dyn Journal) {
    for number in 1..=6 {
        let mut new = charge(number);
        let tid = if number % 2 == 0 { "TILL-2" } else { "TILL-1" };
        let mid = if number < 4 { "OUTLET-A" } else { "OUTLET-B" };
        new.terminal = valid(Terminal::new(tid, mid, "STORE"));
        fresh(journal, &new);
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let of = |tid: &str, mid: &str, newest_first| {
        let filter =
            Filter { tid: some(tid), mid: some(mid), newest_first, limit: 2, ..Filter::default() };
        listed(journal, &filter)
    };
    assert_eq!(of("TILL-2", "", false), [2, 4]);
    assert_eq!(of("TILL-1", "", true), [5, 3]);
    assert_eq!(of("", "OUTLET-B", true), [6, 5]);
    assert_eq!(of("TILL-1", "OUTLET-A", false), [1, 3]);
    assert_eq!(of("TILL-1", "outlet-a", false), [0_i64; 0]);
}

fn a_sound_journal_reports_its_counts(journal: &dyn Journal) {
    let empty = Health { payments: 0, unsettled: 0, problems: Vec::new(), notes: Vec::new() };
    assert_eq!(valid(journal.health()), empty);
    a_day_of_payments(journal);
    let expected = Health { payments: 6, unsettled: 4, problems: Vec::new(), notes: Vec::new() };
    assert_eq!(valid(journal.health()), expected);
}

fn figures_say_what_the_lists_would(journal: &dyn Journal) {
    let figures = valid(journal.figures());
    assert_eq!(figures.unsettled, Tally::default(), "an empty journal");
    a_day_of_payments(journal);
    let mut late = charge(7);
    late.wall = WallTime::from_unix_millis(MORNING - 60_000);
    fresh(journal, &late);
    let figures = valid(journal.figures());
    let tally = |numbers: &[i64], oldest| {
        let rupiah = numbers.iter().map(|number| 12_500 + number).sum();
        let oldest = Some(WallTime::from_unix_millis(oldest));
        Tally { payments: numbers.len() as u64, rupiah, oldest }
    };
    assert_eq!(figures.undecided, tally(&[1, 7], MORNING - 60_000), "a clock may go back");
    assert_eq!(figures.unsettled, tally(&[1, 3, 5, 6, 7], MORNING - 60_000));
    assert_eq!(figures.needs_operator, tally(&[5], MORNING));
    assert_eq!(figures.unacknowledged, tally(&[2, 3, 4, 5, 6], MORNING));
    assert!(!figures.doubted);
    assert!(figures.begun.is_none_or(|begun| begun == 7), "{figures:?}");
}
