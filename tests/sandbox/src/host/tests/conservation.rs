//! Whatever merchants, customers and scripts do: money is neither made nor lost, and nobody pays
//! twice.

use super::*;
use crate::phones::PHONES;
use crate::script::{Act, Duplicate};

/// A small generator: the same seed is the same history.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn any_step(dice: &mut Dice) -> Step {
    let delivery = [Delivery::Plain, Delivery::Drop, Delivery::Hang, Delivery::CutMs(500)];
    Step {
        act: Act {
            unheard: dice.throw(8) == 0,
            pretend: dice.throw(8) == 0,
            queue_ms: if dice.throw(3) == 0 { dice.throw(120_000) } else { 0 },
            duplicate: (dice.throw(4) == 0).then(|| Duplicate {
                gap_ms: dice.throw(90_000),
                answer: if dice.throw(2) == 0 { AnswerOf::First } else { AnswerOf::Second },
            }),
            lag_ms: dice.throw(2) * 10_000,
        },
        deliver: delivery[dice.throw(4) as usize].clone(),
        ..Step::any()
    }
}

#[test]
fn money_is_conserved_in_every_history() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut till = Till::new(HostConfig {
            tombstones: dice.throw(2) == 0,
            drop_cancels_session: dice.throw(2) == 0,
            check_date: CheckDate::Any,
            default_balance: 100_000,
            ..HostConfig::default()
        });
        let mut open = Vec::new();
        for _ in 0..60 {
            if dice.throw(3) == 0 {
                till.host.script(any_step(&mut dice));
            }
            let row = &PHONES[dice.throw(PHONES.len() as u64) as usize];
            till.phone = format!("08120000{:02}{:02}", row.block, dice.throw(60));
            let operation = Operation::ALL[dice.throw(6) as usize];
            let number = 1 + dice.throw(12) as u32;
            open.push(till.start(operation, number));
            till.wait(dice.throw(40_000));
            let ticket = open[dice.throw(open.len() as u64) as usize];
            if dice.throw(4) == 0 {
                till.host.gone(ticket, till.now);
            } else {
                till.host.progress(ticket, till.now);
            }
        }
        till.wait(600_000);
        for ticket in open {
            assert!(!matches!(till.host.progress(ticket, till.now), Progress::WaitUntil(_)));
        }
        assert_eq!(till.host.next_event(), None);
        assert!(till.host.calls.is_empty(), "seed {seed}: a request is kept for nobody");
        for entry in till.host.ledger() {
            assert!(entry.debits <= 1 && entry.refunds <= entry.debits, "seed {seed}: {entry:?}");
            assert_eq!(entry.net() == 0, entry.state != State::Debited, "seed {seed}: {entry:?}");
            assert_ne!(entry.state, State::Open, "seed {seed}: {entry:?}");
        }
        let taken: i64 = till.host.ledger().iter().map(Entry::net).sum();
        let owned: i64 = till.host.customers().map(|customer| customer.cash).sum();
        let accounts = till.host.customers().count() as i64;
        assert_eq!(owned + taken, accounts * 100_000, "seed {seed}");
    }
}
