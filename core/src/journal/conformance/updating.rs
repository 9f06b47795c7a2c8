//! Compare-and-set, and what it must never write.

use std::time::Duration;

use super::{Behaviour, MORNING, charge, fresh, invoice, refuse, stored, valid, write};
use crate::Rupiah;
use crate::journal::{Begun, Journal, JournalErrorKind, SealedPhone, Update};
use crate::message::ResponseCode;
use crate::numbering::BatchMethod;
use crate::payment::history::{Entry, What};
use crate::payment::{
    Boottime, Closer, DeclineReason, Evidence, History, ListedFor, PaidWith, Payment, PaymentId,
    Reversal, Settlement, Source, State, Tries, Verdict, Void,
};
use crate::wib::WallTime;

pub(super) const ALL: &[Behaviour] = &[
    the_first_writer_wins_and_the_other_gets_its_row,
    a_row_reads_back_as_it_was_written,
    a_history_rides_along_and_only_grows,
    the_history_of_who_lost_a_race_is_not_written,
    a_verdict_is_written_once,
    only_an_abandoned_or_declined_payment_is_reversed,
    only_an_accepted_payment_is_voided,
    a_payment_without_a_verdict_is_not_closed,
    what_was_asked_never_changes,
    numbers_do_not_become_attested,
    a_forgotten_phone_is_gone_for_good,
    a_settled_payment_can_be_opened_again,
    only_an_abandoned_payment_was_cancelled,
    a_payment_that_is_not_there_cannot_be_written,
];

fn code(text: &str) -> ResponseCode {
    ResponseCode::new(text).expect("a response code")
}

/// Every verdict there is.
pub(in crate::journal) fn verdicts() -> [Verdict; 8] {
    [
        Verdict::Accepted(Source::Push),
        Verdict::Accepted(Source::Status),
        Verdict::Accepted(Source::Operator),
        Verdict::Declined(DeclineReason::Code(ResponseCode::UNDELIVERABLE)),
        Verdict::Declined(DeclineReason::ForeignSale),
        Verdict::Abandoned,
        Verdict::NotSent,
        Verdict::Quarantined,
    ]
}

fn decided(journal: &dyn Journal, number: u32, verdict: Verdict) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    payment.state.verdict = Some(verdict);
    write(journal, payment)
}

fn the_first_writer_wins_and_the_other_gets_its_row(journal: &dyn Journal) {
    let payment = fresh(journal, &charge(1));
    let mut accepted = payment.clone();
    accepted.state.verdict = Some(Verdict::Accepted(Source::Push));
    let mut abandoned = payment;
    abandoned.state.verdict = Some(Verdict::Abandoned);
    abandoned.state.settlement = Settlement::Open(Reversal::Needed);
    let winner = write(journal, accepted.clone());
    assert_eq!(winner.version, 2);
    let loses = |late: &Payment| match journal.update(late) {
        Ok(Update::Lost(row)) => *row == winner,
        Ok(Update::Won(_)) => false,
        Err(error) => panic!("the row was written before: {error}"),
    };
    assert!(loses(&abandoned));
    // Where an answer is late once, an equal row may be taken for the own one.
    assert!((0..8).any(|_| loses(&accepted)), "whose a row is does not follow from what it says");
    assert_eq!(stored(journal, &winner), winner);
    let mut ahead = winner.clone();
    ahead.version += 1;
    assert!(matches!(journal.update(&ahead), Ok(Update::Lost(row)) if *row == winner));
}

fn a_row_reads_back_as_it_was_written(journal: &dyn Journal) {
    let end = Boottime(u64::MAX);
    let mut number = 0;
    let mut check = |state: &dyn Fn(&mut State)| {
        number += 1;
        let mut payment = fresh(journal, &charge(number));
        state(&mut payment.state);
        payment.boot = number;
        payment.written = WallTime::from_unix_millis(i64::from(number));
        write(journal, payment);
    };
    for verdict in verdicts() {
        check(&|state| state.verdict = Some(verdict));
    }
    for reversal in
        [Reversal::Needed, Reversal::Acknowledged(Boottime(0)), Reversal::Acknowledged(end)]
    {
        check(&|state| {
            state.verdict = Some(Verdict::Abandoned);
            state.settlement = Settlement::Open(reversal);
            state.reversals = Tries { count: u16::MAX, not_before: end };
        });
    }
    for void in [
        Void::Sent,
        Void::Unknown,
        Void::Voided,
        Void::Questioned(code("9")),
        Void::Rejected(code("9")),
        Void::Expired,
    ] {
        check(&|state| {
            state.verdict = Some(Verdict::Accepted(Source::Status));
            state.void = void;
        });
    }
    // Each flag by itself, so that no two are exchanged.
    let flags: [fn(&mut State) -> &mut bool; 11] = [
        |state| &mut state.attested,
        |state| &mut state.seen,
        |state| &mut state.duplicate_hint,
        |state| &mut state.check_refused,
        |state| &mut state.check_unavailable,
        |state| &mut state.late_paid,
        |state| &mut state.doubted,
        |state| &mut state.asked_in_vain,
        |state| &mut state.void_resent,
        |state| &mut state.phone_forgotten,
        |state| &mut state.acknowledged,
    ];
    for flag in flags {
        check(&|state| {
            let flag = flag(state);
            *flag = !*flag;
        });
    }
    for listed in
        [ListedFor::Overdue, ListedFor::Report, ListedFor::Contradiction, ListedFor::RuledPaid]
    {
        check(&|state| state.listed = listed);
    }
    check(&|state| {
        (state.begun, state.window, state.settling_since) =
            (Boottime(11), Boottime(12), Boottime(13));
        (state.touched, state.due) = (Boottime(14), Some(Boottime(15)));
        (state.settled_before_ms, state.overdue_alerts) = (16, 17);
        state.reversals.not_before = Boottime(18);
        state.checks = Tries { count: 19, not_before: Boottime(20) };
    });
    check(&|state| {
        state.verdict = Some(Verdict::NotSent);
        (state.begun, state.window, state.settling_since) = (end, end, end);
        (state.touched, state.due, state.settled_before_ms) = (end, Some(end), u64::MAX);
        state.settlement = Settlement::Closed { at: end, by: Closer::Operator, looks: u8::MAX };
        state.checks = Tries { count: u16::MAX, not_before: end };
        state.overdue_alerts = u8::MAX;
    });
    let mut payment = fresh(journal, &charge(0));
    payment.evidence = Evidence {
        code: Some(ResponseCode::APPROVED),
        approval_code: Some("123456".to_owned()),
        trace_number: Some("000789".to_owned()),
        host_date: Some("0105".to_owned()),
        host_time: Some("100003".to_owned()),
        void_date: Some("2026-01-05 11:00:00.000".to_owned()),
        ruling: Some("ticket 17: OVO confirmed by mail".to_owned()),
        paid_with: PaidWith {
            cash: Some("12000".to_owned()),
            points: None,
            points_earned: Some("12".to_owned()),
        },
    };
    write(journal, payment);
}

fn step_of(minute: u64, what: What) -> Entry {
    let since = Duration::from_secs(60 * minute);
    let wall = WallTime::from_unix_millis(MORNING + 60_000 * minute as i64 + 7);
    Entry::new(wall, since, 4_711, what)
}

fn a_history_rides_along_and_only_grows(journal: &dyn Journal) {
    let mut payment = fresh(journal, &charge(1));
    assert!(payment.history.is_empty(), "of a payment that has just begun nothing else is known");
    payment.history.add(&step_of(1, What::Cancelled { heard: true }));
    payment.history.add(&step_of(2, What::Time));
    payment = write(journal, payment);
    payment.history.add(&step_of(3, What::Time));
    payment = write(journal, payment);
    assert_eq!(payment.history.entries().len(), 2, "what repeats is counted");
    assert_eq!(payment.history.entries()[1].count, 2);
    // Whoever brings another past keeps this one, and gets the rest written all the same.
    for past in [History::default(), {
        let mut other = History::default();
        other.add(&step_of(1, What::Restarted));
        other
    }] {
        let known = payment.history.clone();
        payment.history = past;
        payment.state.seen = !payment.state.seen;
        let seen = payment.state.seen;
        assert!(
            matches!(journal.update(&payment), Ok(Update::Won(_))),
            "no outcome may fail for it"
        );
        payment = stored(journal, &payment);
        assert_eq!((&payment.history, payment.state.seen), (&known, seen));
    }
}

fn the_history_of_who_lost_a_race_is_not_written(journal: &dyn Journal) {
    let before = fresh(journal, &charge(1));
    let mut winner = before.clone();
    winner.history.add(&step_of(1, What::Restarted));
    let winner = write(journal, winner);
    let mut loser = before;
    loser.history.add(&step_of(1, What::ReportedPaid));
    assert!(matches!(journal.update(&loser), Ok(Update::Lost(row)) if *row == winner));
    assert_eq!(stored(journal, &winner), winner);
}

fn a_verdict_is_written_once(journal: &dyn Journal) {
    for (index, first) in verdicts().into_iter().enumerate() {
        let payment = decided(journal, index as u32, first);
        for second in verdicts().into_iter().map(Some).chain([None]) {
            let ruled = first == Verdict::Quarantined
                && matches!(second, Some(Verdict::Abandoned | Verdict::Accepted(Source::Operator)));
            if second != Some(first) && !ruled {
                refuse(journal, &payment, |changed| changed.state.verdict = second);
            }
        }
        write(journal, payment);
    }
    // Rule 19, both ways.
    for (number, ruling) in [(100, Verdict::Abandoned), (101, Verdict::Accepted(Source::Operator))]
    {
        let mut payment = decided(journal, number, Verdict::Quarantined);
        payment.state.verdict = Some(ruling);
        let ruled = write(journal, payment);
        refuse(journal, &ruled, |changed| changed.state.verdict = Some(Verdict::Quarantined));
    }
    // The code is part of a decline.
    let declined =
        decided(journal, 102, Verdict::Declined(DeclineReason::Code(ResponseCode::UNDELIVERABLE)));
    refuse(journal, &declined, |changed| {
        changed.state.verdict = Some(Verdict::Declined(DeclineReason::Code(code("17"))));
    });
}

fn only_an_abandoned_or_declined_payment_is_reversed(journal: &dyn Journal) {
    let open = fresh(journal, &charge(50));
    let reversals: [fn(&mut Payment); 3] = [
        |row| row.state.settlement = Settlement::Open(Reversal::Needed),
        |row| row.state.settlement = Settlement::Open(Reversal::Acknowledged(Boottime(5))),
        |row| row.state.reversals.count = 1,
    ];
    for reverse in reversals {
        refuse(journal, &open, reverse);
    }
    for (index, verdict) in verdicts().into_iter().enumerate() {
        let payment = decided(journal, index as u32, verdict);
        for reverse in reversals {
            if matches!(verdict, Verdict::Abandoned | Verdict::Declined(_)) {
                let mut changed = stored(journal, &payment);
                reverse(&mut changed);
                write(journal, changed);
            } else {
                refuse(journal, &payment, reverse);
            }
        }
    }
}

fn only_an_accepted_payment_is_voided(journal: &dyn Journal) {
    let open = fresh(journal, &charge(50));
    refuse(journal, &open, |changed| changed.state.void = Void::Sent);
    for (index, verdict) in verdicts().into_iter().enumerate() {
        let payment = decided(journal, index as u32, verdict);
        for void in [Void::Sent, Void::Voided] {
            if matches!(verdict, Verdict::Accepted(_)) {
                let mut changed = stored(journal, &payment);
                changed.state.void = void;
                write(journal, changed);
            } else {
                refuse(journal, &payment, |changed| changed.state.void = void);
            }
        }
    }
}

fn a_payment_without_a_verdict_is_not_closed(journal: &dyn Journal) {
    let open = fresh(journal, &charge(1));
    refuse(journal, &open, |changed| changed.state.settlement = Settlement::closed(Boottime(1)));
}

fn what_was_asked_never_changes(journal: &dyn Journal) {
    let payment = fresh(journal, &charge(1));
    refuse(journal, &payment, |changed| changed.intent.invoice = invoice(2));
    refuse(journal, &payment, |changed| changed.intent.amount = valid(Rupiah::new(1)));
    refuse(journal, &payment, |changed| changed.intent.merchant_id = "M00043".to_owned());
    refuse(journal, &payment, |changed| {
        changed.intent.wall = WallTime::from_unix_millis(changed.intent.wall.unix_millis() + 1);
    });
    refuse(journal, &payment, |changed| changed.state.seed ^= 1);
    // A caller that lost or never had the phone neither changes nor forgets it.
    for phone in [None, Some(charge(7).phone)] {
        let mut changed = stored(journal, &payment);
        changed.intent.phone = phone;
        assert!(matches!(journal.update(&changed), Ok(Update::Won(_))));
        assert_eq!(stored(journal, &payment).intent, payment.intent);
    }
}

fn numbers_do_not_become_attested(journal: &dyn Journal) {
    let mut payment = fresh(journal, &charge(1));
    payment.state.attested = false;
    let doubted = write(journal, payment);
    refuse(journal, &doubted, |changed| changed.state.attested = true);
}

fn a_forgotten_phone_is_gone_for_good(journal: &dyn Journal) {
    let mut payment = fresh(journal, &charge(1));
    // What step() does with a push that never left: the verdict and the phone in one commit.
    payment.state.verdict = Some(Verdict::NotSent);
    payment.state.settlement = Settlement::closed(Boottime(5));
    payment.state.phone_forgotten = true;
    payment.state.due = None;
    let kept = payment.intent.phone.clone();
    let forgotten = write(journal, payment);
    assert_eq!(forgotten.intent.phone, None);
    refuse(journal, &forgotten, |changed| changed.state.phone_forgotten = false);
    refuse(journal, &forgotten, |changed| {
        changed.state.phone_forgotten = false;
        changed.intent.phone = kept;
    });
    // Forgotten with a reversal still open (an operator's case): nobody can be recognised by it.
    let mut handed_over = decided(journal, 2, Verdict::Abandoned);
    handed_over.state.settlement = Settlement::Open(Reversal::Needed);
    handed_over.state.phone_forgotten = true;
    write(journal, handed_over);
    let mut again = charge(3);
    again.phone = SealedPhone { sealed: vec![3], tag: charge(2).phone.tag };
    again.refuse_unsettled_customer = true;
    assert!(matches!(journal.begin(&again, BatchMethod::Continuous), Ok(Begun::Fresh(_))));
}

fn a_settled_payment_can_be_opened_again(journal: &dyn Journal) {
    let mut payment = decided(journal, 1, Verdict::Abandoned);
    payment.state.reversals.count = 3;
    payment.state.settlement = Settlement::closed(Boottime(6));
    let mut closed = write(journal, payment);
    closed.state.settlement = Settlement::Open(Reversal::Needed);
    closed.state.acknowledged = true;
    let mut open = write(journal, closed);
    open.state.acknowledged = false;
    write(journal, open);
}

fn only_an_abandoned_payment_was_cancelled(journal: &dyn Journal) {
    for (number, verdict) in (1..).zip(verdicts()) {
        let payment = decided(journal, number, verdict);
        if verdict == Verdict::Abandoned {
            refuse(journal, &payment, |changed| changed.state.unheard = true);
            let mut changed = payment;
            (changed.state.cancelled, changed.state.unheard) = (true, true);
            write(journal, changed);
        } else {
            refuse(journal, &payment, |changed| changed.state.cancelled = true);
        }
    }
}

fn a_payment_that_is_not_there_cannot_be_written(journal: &dyn Journal) {
    let mut payment = fresh(journal, &charge(1));
    payment.id = PaymentId(2);
    let error = journal.update(&payment).expect_err("there is no payment 2");
    assert_eq!(error.kind, JournalErrorKind::Corrupt);
}
