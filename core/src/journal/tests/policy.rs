//! Whatever the policy decides, the journal writes: its rules forbid defects, not payments.

use std::time::Duration;

use super::guards::Dice;
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, write};
use crate::journal::{Journal, MemoryJournal};
use crate::message::ResponseCode;
use crate::payment::{
    Boottime, Input, LateSuccess, Policy, PushAnswer, ReversalAnswer, Ruling, State, StatusAnswer,
    VoidAnswer, step,
};

fn happens(dice: &mut Dice, state: &State, now: Boottime) -> Input {
    let code = ResponseCode::UNDELIVERABLE;
    let status = [
        StatusAnswer::Paid,
        StatusAnswer::ForeignSale,
        StatusAnswer::Doubtful,
        StatusAnswer::NotFound,
        StatusAnswer::Reversed,
        StatusAnswer::TooOld,
        StatusAnswer::Unavailable,
        StatusAnswer::Misconfigured(code),
        StatusAnswer::NoAnswer,
    ][dice.roll(9) as usize];
    let yes = dice.roll(2) == 0;
    let issued = Boottime(now.0.saturating_sub(dice.roll(20_000)).max(state.begun.0));
    match dice.roll(20) {
        0 => Input::Sent,
        1 => Input::NotSent,
        2 => Input::Answered(PushAnswer::Approved),
        3 => Input::Answered(PushAnswer::Declined(code)),
        4 => Input::Answered(PushAnswer::Duplicate(code)),
        5 => Input::Acknowledged,
        6 => Input::Rebooted { away: Duration::from_secs(dice.roll(100_000)) },
        7 => Input::VoidAsked { in_time: yes },
        8 => Input::VoidAnswered(
            [
                VoidAnswer::Voided,
                VoidAnswer::Rejected(code),
                VoidAnswer::NotSent,
                VoidAnswer::Unknown,
            ][dice.roll(4) as usize],
        ),
        9 => Input::VoidChecked { issued, answer: status, in_time: yes },
        10 => Input::ReportedPaid,
        11 => Input::Ruled([Ruling::Paid, Ruling::Refund, Ruling::Close][dice.roll(3) as usize]),
        12 | 13 => Input::Reversed { issued, answer: ReversalAnswer::Acknowledged },
        14 => Input::Reversed { issued, answer: ReversalAnswer::NotSent },
        15 | 16 => Input::Checked { issued, answer: status, waiting: yes },
        _ => Input::Due,
    }
}

fn walk(journal: &dyn Journal, histories: u32) {
    let mut dice = Dice(11);
    for number in 0..histories {
        let policy = Policy {
            late_success: [LateSuccess::Accept, LateSuccess::Reverse][dice.roll(2) as usize],
            check_payment: dice.roll(4) > 0,
            verify_declines: dice.roll(2) == 0,
            ..Policy::default()
        };
        let mut new = charge(number);
        let mut now = Boottime(1_000);
        new.state = State::intent(&policy, now, false, 0);
        let mut payment = fresh(journal, &new);
        for _ in 0..30 {
            now = match payment.state.due {
                Some(due) if dice.roll(2) == 0 => due.max(now),
                _ => now.plus(Duration::from_millis(dice.roll(40_000))),
            };
            let input = happens(&mut dice, &payment.state, now);
            let step = step(&policy, &payment.state, input, now);
            if step.state != payment.state {
                payment.state = step.state;
                payment = write(journal, payment);
            }
        }
    }
}

#[test]
fn whatever_the_policy_decides_is_written_in_memory() {
    walk(&MemoryJournal::new(), 20_000);
}

#[test]
fn whatever_the_policy_decides_is_written_on_disk() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    journal.without_syncs();
    walk(&journal, 300);
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
}
