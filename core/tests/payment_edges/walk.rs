//! Hundreds of thousands of random steps, each of which must keep the postconditions.

use std::time::Duration;

use ovo_ptp::payment::{
    Boottime, Input, Policy, PushAnswer, Request, ReversalAnswer, Ruling, State, StatusAnswer,
    VoidAnswer, postcondition, step,
};

use crate::code;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn status(dice: &mut Dice) -> StatusAnswer {
    [
        StatusAnswer::Paid,
        StatusAnswer::ForeignSale,
        StatusAnswer::Doubtful,
        StatusAnswer::NotFound,
        StatusAnswer::Reversed,
        StatusAnswer::TooOld,
        StatusAnswer::Unavailable,
        StatusAnswer::Misconfigured(code("63")),
        StatusAnswer::NotSent,
        StatusAnswer::NoAnswer,
    ][dice.roll(10) as usize]
}

fn reversal(dice: &mut Dice) -> ReversalAnswer {
    [
        ReversalAnswer::Acknowledged,
        ReversalAnswer::Again(None),
        ReversalAnswer::Again(Some(Duration::from_secs(3))),
        ReversalAnswer::NotSent,
        ReversalAnswer::Misconfigured(code("EB")),
    ][dice.roll(5) as usize]
}

fn happening(dice: &mut Dice, now: Boottime) -> Input {
    match dice.roll(24) {
        0 => Input::Cancelled { heard: dice.roll(2) == 0 },
        1 => Input::Answered(PushAnswer::Approved),
        2 => Input::Answered(PushAnswer::Declined(code(["17", "26"][dice.roll(2) as usize]))),
        3 => Input::Answered(PushAnswer::Duplicate(code("94"))),
        4 => [Input::Answered(PushAnswer::Unknown), Input::HeardOut][dice.roll(2) as usize],
        5 => Input::ReportedPaid,
        6 => Input::Ruled([Ruling::Paid, Ruling::Refund, Ruling::Close][dice.roll(3) as usize]),
        7 => Input::VoidAsked { in_time: dice.roll(2) == 0 },
        8 => Input::Acknowledged,
        9 if dice.roll(4) == 0 => Input::Rebooted { away: Duration::from_secs(dice.roll(100_000)) },
        10 => Input::Checked { issued: now, answer: status(dice), waiting: dice.roll(2) == 0 },
        11 => Input::Awaited,
        12 => Input::VoidChecked { issued: now, answer: status(dice), in_time: dice.roll(2) == 0 },
        _ => Input::Due,
    }
}

/// Whatever happens in whatever order, each step keeps the postconditions, a payment asks OVO only
/// so often in any ten minutes, and an operator can end what is overdue.
#[test]
fn no_order_of_events_breaks_a_postcondition_or_the_pace() {
    let mut dice = Dice(11);
    let mut requests = 0;
    for walk in 0..4_000 {
        let policy = Policy {
            check_payment: dice.roll(3) > 0,
            verify_declines: dice.roll(3) > 0,
            ..Policy::default()
        };
        let mut now = Boottime(1_000_000 + dice.roll(1_000));
        let mut state = State::intent(&policy, now, dice.roll(3) > 0, dice.roll(65_536) as u16);
        let mut sent: Vec<(Request, Boottime)> = Vec::new();
        let mut queue: Vec<Input> = vec![Input::Sent];
        for _ in 0..120 {
            let input = queue.pop().unwrap_or_else(|| happening(&mut dice, now));
            if matches!(input, Input::Rebooted { .. }) {
                now = Boottime(dice.roll(60_000));
                sent.clear();
            } else if input == Input::Due {
                // Mostly to the next due thing, sometimes a little or far beyond it.
                let due = state.due.unwrap_or(now).max(now);
                now = match dice.roll(6) {
                    0 => now.plus(Duration::from_millis(dice.roll(2_000))),
                    1 => due.plus(Duration::from_secs(dice.roll(90_000))),
                    _ => due,
                };
            } else {
                now = now.plus(Duration::from_millis(dice.roll(300)));
            }
            let step = step(&policy, &state, input, now);
            let broken = postcondition::broken(&policy, &state, input, &step, now);
            assert_eq!(broken, None, "walk {walk}: {input:?} on {state:?}");
            state = step.state;
            if let Some(request) = step.send {
                requests += 1;
                let answer = match request {
                    Request::CheckPayment => {
                        let answer = status(&mut dice);
                        Input::Checked { issued: now, answer, waiting: dice.roll(2) == 0 }
                    }
                    Request::Reversal => {
                        Input::Reversed { issued: now, answer: reversal(&mut dice) }
                    }
                    Request::Void => Input::VoidAnswered(
                        [
                            VoidAnswer::Voided,
                            VoidAnswer::Rejected(code("17")),
                            VoidAnswer::NotSent,
                            VoidAnswer::Unknown,
                        ][dice.roll(4) as usize],
                    ),
                    Request::CheckVoid => {
                        let answer = status(&mut dice);
                        Input::VoidChecked { issued: now, answer, in_time: true }
                    }
                };
                let never_left = matches!(
                    answer,
                    Input::Checked { answer: StatusAnswer::NotSent, .. }
                        | Input::Reversed { answer: ReversalAnswer::NotSent, .. }
                );
                if !never_left {
                    sent.push((request, now));
                }
                // Some answers are never heard.
                if dice.roll(8) > 0 {
                    queue.push(answer);
                }
                let ten_minutes = |(_, at): &&(Request, Boottime)| now.since(*at).as_secs() < 600;
                for (kind, most) in [(Request::Reversal, 40), (Request::CheckPayment, 40)] {
                    let lately = sent.iter().filter(ten_minutes).filter(|(sent, _)| *sent == kind);
                    assert!(lately.count() <= most, "walk {walk}: {kind:?} too often");
                }
            }
            if state.may_be_ruled() {
                let much_later = now.plus(Duration::from_secs(300));
                let ruled = ovo_ptp::payment::step(
                    &policy,
                    &state,
                    Input::Ruled(Ruling::Close),
                    much_later,
                );
                assert_eq!(ruled.refused, None, "walk {walk}: an operator can end {state:?}");
                assert!(ruled.state.is_closed());
            }
        }
    }
    assert!(requests > 20_000, "{requests} requests: the walk has gone blind");
}
