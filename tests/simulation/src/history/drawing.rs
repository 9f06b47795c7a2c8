//! What a plan lays out before its history begins: customers and what they do with the prompt, deaths, power
//! cuts, outages, clocks, disks, operators. All of it is drawn from the seed, in this order.

use ovo_checkout::{Link, lock};
use ovo_sandbox::{Behaviour, DEMO_MERCHANT_ID, DEMO_MID, DEMO_TID, Sale};

use super::{Happening, History, MINUTE, SECOND};
use crate::disk::{Cut, Fault};
use crate::operator::Task;
use crate::plan::Plan;
use crate::process::Request;
use crate::random::Chance;
use crate::till::Manner;

impl History {
    /// Lays out the first phase.
    pub(super) fn draw(&mut self) {
        let plan = self.world.plan.clone();
        let mut chance = self.chance.fork();
        let chance = &mut chance;
        let processes = plan.processes as u64;
        let which = |chance: &mut Chance| usize::try_from(chance.below(processes)).unwrap_or(0);
        for seat in 0..plan.processes {
            let after = if seat == 0 { 0 } else { chance.below(20 * SECOND) };
            self.plan(after, Happening::Starts(seat));
        }
        for number in 1..=plan.payments {
            let request = self.customer(number, chance);
            let after = chance.below(plan.length * 2 / 3);
            self.requests.push(request.clone());
            if processes > 1 && chance.once_in(4) {
                // The same sale at two tills (MP12).
                let (seat, later) = (which(chance), after + chance.below(5 * SECOND));
                self.plan(later, Happening::Pays(seat, request.clone()));
            }
            self.plan(after, Happening::Pays(which(chance), request));
        }
        for _ in 0..plan.cut_off {
            let now = self.now();
            let pays = self.agenda.iter().filter_map(|((at, _), happening)| match happening {
                Happening::Pays(seat, _) => Some((*at - now, *seat)),
                _ => None,
            });
            let (after, seat) = *chance.one_of(&pays.collect::<Vec<_>>());
            let link = *chance.one_of(&[Link::Down, Link::BlackHole]);
            self.plan(after + chance.below(40 * SECOND), Happening::Link(seat, link));
        }
        for number in 0..plan.foreign {
            // Numbering begins with batch 1, reference 1.
            let sale = Sale {
                merchant_id: DEMO_MERCHANT_ID.to_owned(),
                tid: DEMO_TID.to_owned(),
                mid: DEMO_MID.to_owned(),
                batch: 1,
                reference: u32::try_from(1 + number).unwrap_or(1),
                invoice: format!("OTHER-{number}"),
                amount: if chance.once_in(2) { 10_000 } else { 77_000 },
                phone: "081377700000".to_owned(),
            };
            lock(&self.world.host).book_sale(self.world.clock.world(), &sale);
        }
        for _ in 0..plan.kills {
            let (after, seat) = (chance.below(plan.length), which(chance));
            let happening = if chance.once_in(2) {
                Happening::Dies(seat)
            } else {
                Happening::WillDie(seat, chance.below(120))
            };
            self.plan(after, happening);
        }
        for _ in 0..plan.power_cuts {
            let cut = *chance.one_of(&[Cut::LosesAll, Cut::KeepsAll, Cut::Mixes, Cut::Mixes]);
            self.plan(chance.below(plan.length), Happening::LosesPower(cut));
        }
        for _ in 0..plan.outages {
            let (after, seat) = (chance.below(plan.length), which(chance));
            let link = *chance.one_of(&[Link::Down, Link::BlackHole, Link::Mute]);
            self.plan(after, Happening::Link(seat, link));
            self.plan(after + chance.between(SECOND, 6 * MINUTE), Happening::Link(seat, Link::Up));
        }
        for _ in 0..plan.suspends {
            let (after, seat) = (chance.below(plan.length), which(chance));
            self.plan(after, Happening::Suspended(seat, chance.between(SECOND, 15 * MINUTE)));
        }
        for _ in 0..plan.jumps {
            let hour = 3_600_000;
            let jumps =
                [-24 * hour, -2 * hour, -1_000, 1_000, 2 * hour, 24 * hour, 365 * 24 * hour];
            let jump = *chance.one_of(&jumps);
            self.plan(chance.below(plan.length), Happening::WallClock(jump));
        }
        for _ in 0..plan.disk_errors {
            let (at, lasting) = (chance.between(1, 60), chance.once_in(3));
            let after = chance.below(plan.length);
            self.plan(after, Happening::DiskFails(Fault::Io, at, lasting));
            self.plan(after + chance.between(SECOND, 3 * MINUTE), Happening::DiskMended);
        }
        for _ in 0..plan.full_disks {
            let after = chance.below(plan.length);
            let happening = if chance.once_in(2) {
                Happening::DiskFills(usize::try_from(chance.below(40_000)).unwrap_or(0))
            } else {
                Happening::DiskFails(Fault::Full, chance.between(1, 30), chance.once_in(2))
            };
            self.plan(after, happening);
            self.plan(after + chance.between(SECOND, 5 * MINUTE), Happening::DiskMended);
        }
        for _ in 0..plan.reversed_by_ovo {
            let invoice = chance.one_of(&self.requests).invoice.clone();
            self.plan(chance.below(plan.length), Happening::OvoReverses(invoice));
        }
        for _ in 0..plan.cancels {
            let invoice = chance.one_of(&self.requests).invoice.clone();
            self.plan(chance.below(plan.length), Happening::Cancels(which(chance), invoice));
        }
        for _ in 0..plan.closes {
            let grace = *chance.one_of(&[0, 5 * SECOND, 80 * SECOND]);
            self.plan(chance.below(plan.length), Happening::Closes(which(chance), grace));
        }
        for _ in 0..plan.operations {
            let name = chance.one_of(&self.requests).clone();
            let task = match chance.below(8) {
                0 | 1 => Task::Void(name.invoice),
                2 => Task::CheckVoid(name.invoice),
                3 => Task::Check(name.invoice),
                4 => Task::Acknowledge,
                5 => Task::ReportPaid(name.invoice),
                6 => Task::Rule,
                _ => Task::Inquire(name.phone),
            };
            let after = chance.below(plan.length);
            if processes > 1 && chance.once_in(4) {
                // The same at two desks.
                let (seat, later) = (which(chance), after + chance.below(5 * SECOND));
                self.plan(later, Happening::Operator(seat, task.clone()));
            }
            self.plan(after, Happening::Operator(which(chance), task));
        }
        for _ in 0..plan.void_closes {
            self.draws_a_closed_void(&plan, chance);
        }
        self.draws_the_databases_troubles(&plan, chance);
    }

    fn draws_the_databases_troubles(&mut self, plan: &Plan, chance: &mut Chance) {
        let Some(troubles) = plan.fleet else { return };
        for _ in 0..troubles.outages {
            let after = chance.below(plan.length);
            self.plan(after, Happening::DatabaseAway(true));
            let over = after + chance.between(SECOND, 90 * SECOND);
            self.plan(over, Happening::DatabaseAway(false));
        }
        for _ in 0..troubles.separations {
            let (after, seat) =
                (chance.below(plan.length), chance.below(plan.processes as u64) as usize);
            self.plan(after, Happening::Reaches(seat, false));
            let over = after + chance.between(SECOND, 3 * MINUTE);
            self.plan(over, Happening::Reaches(seat, true));
        }
        // The one that loses something comes first: a server that has lost another one's judgement is
        // refused by every node that knows of it, until people have restarted them all.
        let mut first = 0;
        if troubles.loses {
            let (commits, is_other) = (chance.between(1, 12), !chance.once_in(4));
            let commits = usize::try_from(commits).unwrap_or(1);
            // At best while something is under way.
            first = chance.below(plan.length * 2 / 3);
            self.plan(first, Happening::DatabaseLoses(commits, is_other));
        }
        for _ in 0..troubles.failovers {
            let after = chance.between(first, plan.length);
            self.plan(after, Happening::DatabaseLoses(0, true));
        }
    }

    /// OVO carries out a void, and no answer comes back until an operator has closed the payment.
    fn draws_a_closed_void(&mut self, plan: &Plan, chance: &mut Chance) {
        let invoice = chance.one_of(&self.requests).invoice.clone();
        let which = |chance: &mut Chance| chance.below(plan.processes as u64) as usize;
        let begins = chance.between(plan.length / 3, plan.length - 560 * SECOND);
        let closes = begins + chance.between(330 * SECOND, 480 * SECOND);
        let ends = closes + chance.below(MINUTE);
        for seat in 0..plan.processes {
            self.plan(begins, Happening::Link(seat, Link::Mute));
            self.plan(ends, Happening::Link(seat, Link::Up));
        }
        let void = Task::Void(invoice.clone());
        self.plan(begins + SECOND, Happening::Operator(which(chance), void));
        let close = Task::CloseVoid(invoice.clone());
        self.plan(closes, Happening::Operator(which(chance), close));
        if chance.once_in(2) {
            let asks = Task::CheckVoid(invoice);
            self.plan(ends + chance.below(20 * SECOND), Happening::Operator(which(chance), asks));
        }
    }

    /// A customer for a payment, and what they will do with the prompt.
    fn customer(&mut self, number: u64, chance: &mut Chance) -> Request {
        let same = number > 1 && chance.once_in(6);
        let phone = format!("0813777{:05}", if same { 1 } else { number });
        let ms = |chance: &mut Chance, most: u64| chance.below(most * SECOND);
        let behaviour = if self.world.plan.strange_customers {
            match chance.below(8) {
                0 => Behaviour::Approve { after_ms: ms(chance, 57) },
                1 => Behaviour::IgnoreSilently {},
                2 => Behaviour::Pending {
                    answer_after_ms: ms(chance, 20),
                    paid_after_ms: chance.once_in(2).then(|| ms(chance, 120)),
                },
                3 => Behaviour::AnswerLost { after_ms: ms(chance, 59), cut: chance.once_in(2) },
                4 => {
                    let after_ms = ms(chance, 59);
                    let answer_after_ms = after_ms + ms(chance, 20);
                    Behaviour::AnswerLate { after_ms, answer_after_ms }
                }
                5 => Behaviour::ConfirmLate { after_ms: 60 * SECOND + ms(chance, 60) },
                6 => {
                    let code = (*chance.one_of(&["17", "26", "14"])).to_owned();
                    Behaviour::DeclineButDebited { code, after_ms: ms(chance, 50) }
                }
                _ => Behaviour::Ignore {},
            }
        } else {
            match chance.below(6) {
                0 => Behaviour::Ignore {},
                1 => {
                    let codes = ["17", "26", "14", "51", "61", "63", "EB"];
                    let code = (*chance.one_of(&codes)).to_owned();
                    Behaviour::Decline { code, after_ms: ms(chance, 50) }
                }
                _ => Behaviour::Approve { after_ms: ms(chance, 40) },
            }
        };
        lock(&self.world.host).set_behaviour(&phone, behaviour);
        let cancels = self.world.plan.cancels > 0;
        Request {
            invoice: format!("INV-{number}"),
            phone,
            amount: i64::try_from(1 + number).unwrap_or(1) * 5_000,
            second_push: chance.once_in(2),
            manner: Manner::of(&mut Chance::of(self.world.plan.seed ^ number << 32), cancels),
        }
    }
}
