//! The model: every order in which the actions can come.

use stateright::{Model, Property};

use ovo_mutants::DriverFault;

use crate::action::{Action, What};
use crate::audit;
use crate::clock::{BEYOND_DELAY, LAST};
use crate::row::{self, NONE};
use crate::setting::{Delay, Setting};
use crate::world::{Moment, News, Payment, Place, Record, Thread, happened};

/// Places in [`Moment::left`].
pub(crate) const CRASHES: usize = 0;
pub(crate) const LOSSES: usize = 1;
pub(crate) const DUPLICATES: usize = 2;
pub(crate) const REBOOTS: usize = 3;
pub(crate) const COPIES: usize = 4;
/// Places in [`Moment::wishes`].
pub(crate) const VOIDS: usize = 0;
pub(crate) const MANUAL_CHECKS: usize = 1;
pub(crate) const CANCELS: usize = 2;

/// `N` payments that share a journal, in a world where what `setting` allows may happen.
#[derive(Clone, Debug)]
pub struct PushToPay<const N: usize> {
    /// The world.
    pub setting: Setting,
}

impl<const N: usize> PushToPay<N> {
    /// The process whose caller pays.
    pub(crate) fn payer(&self, payment: usize) -> u8 {
        u8::try_from(payment).unwrap_or(0) % self.setting.processes
    }

    pub(crate) fn payer_thread<'a>(&self, payment: &'a Payment, i: usize) -> &'a Thread {
        &payment.threads[usize::from(self.payer(i))]
    }

    fn world_actions(&self, moment: &Moment<N>, actions: &mut Vec<Action>) {
        let mut may = |what, payment, process| actions.push(Action { what, payment, process });
        for process in 0..self.setting.processes {
            if moment.alive & (1 << process) == 0 {
                may(What::Restart, 0, process);
            } else if moment.left[CRASHES] > 0 {
                may(What::Crash, 0, process);
            }
        }
        if self.may_pass(moment) {
            may(What::TimePasses, 0, 0);
        }
        if moment.left[REBOOTS] > 0 {
            may(What::Reboot, 0, 0);
        }
        if moment.left[COPIES] > 0 {
            let is_copied = moment.payments.iter().any(|payment| payment.kept != NONE);
            let is_begun = moment.payments.iter().any(|payment| payment.row != NONE);
            if is_copied {
                may(What::PutBack, 0, 0);
            } else if is_begun {
                may(What::Copy, 0, 0);
            }
        }
        if self.setting.fault == Some(DriverFault::CommitNotSynced) {
            for (i, payment) in moment.payments.iter().enumerate() {
                if payment.kept != payment.row {
                    may(What::DiskSyncs, u8::try_from(i).unwrap_or(0), 0);
                }
            }
        }
    }

    /// Time waits for two things only. A push that was allowed is written within the bound D, our
    /// own pause included (policy 2.1). And after a restart of the machine the policy counts
    /// from the first look at the row, so that nothing happens before it.
    fn may_pass(&self, moment: &Moment<N>) -> bool {
        let paused =
            |payment: &Payment| payment.threads.iter().any(|thread| thread.place == Place::Cleared);
        let bounded = self.setting.delay == Delay::Bounded
            && self.setting.fault != Some(DriverFault::NoSendDeadline);
        moment.now < LAST
            && !(bounded && moment.now + 1 == BEYOND_DELAY && moment.payments.iter().any(paused))
            && !moment.payments.iter().any(|payment| {
                payment.old_boot && payment.row != NONE && !row::is_never_due(payment.row)
            })
    }

    fn time_passes(&self, moment: &mut Moment<N>) {
        moment.now += 1;
        if moment.now == BEYOND_DELAY && self.setting.delay == Delay::Bounded {
            self.drain(moment);
        }
        for payment in &mut moment.payments {
            payment.row = row::grown_old(payment.row, moment.now);
            for thread in &mut payment.threads {
                thread.local = row::grown_old(thread.local, moment.now);
            }
        }
    }

    /// What the journal has lost, it cannot know: what could rest on that is left to checks.
    fn put_back(&self, moment: &mut Moment<N>) {
        moment.left[COPIES] -= 1;
        let alive = moment.alive;
        for process in 0..self.setting.processes {
            self.crash(moment, process);
        }
        moment.alive = alive;
        for payment in &mut moment.payments {
            let (kept, now) = (std::mem::replace(&mut payment.kept, NONE), moment.now);
            if kept == NONE {
                continue;
            }
            let mut state = row::unpack(row::grown_old(kept, now));
            if state.verdict.is_none() {
                // What was told is not known any more, but by whoever was told Paid.
                let is_known = payment.told & audit::PAID != 0 || payment.told == 0;
                payment.told = if is_known { payment.told } else { audit::FORGOTTEN };
            }
            if state.rests_on_what_came_last() || state.may_be_closed_since() {
                state.leave_to_checks();
            }
            payment.history &= !happened::RULED;
            payment.row = row::pack(&state, now);
        }
    }

    fn reboot(&self, moment: &mut Moment<N>) {
        moment.left[REBOOTS] -= 1;
        for process in 0..self.setting.processes {
            self.crash(moment, process);
        }
        moment.now = 0;
        for payment in &mut moment.payments {
            if self.setting.fault == Some(DriverFault::CommitNotSynced) {
                payment.row = payment.kept;
            }
            payment.old_boot = payment.row != NONE;
            payment.flushed = 0;
        }
    }
}

macro_rules! properties {
    ($model:ty, $($bit:ident),*) => {
        vec![$(Property::<$model>::always(name_of(audit::$bit), |_, moment| {
            moment.broken & audit::$bit == 0
        })),*]
    };
}

/// The name of an invariant's bit.
pub fn name_of(bit: u32) -> &'static str {
    audit::INVARIANTS.iter().find(|(other, _)| *other == bit).map_or("?", |(_, name)| *name)
}

impl<const N: usize> Model for PushToPay<N> {
    type State = Moment<N>;
    type Action = Action;

    fn init_states(&self) -> Vec<Moment<N>> {
        let payment = Payment {
            row: NONE,
            kept: NONE,
            threads: [Thread::IDLE; 2],
            old_boot: false,
            number: 0,
            written: 0,
            flushed: 0,
            pushes: 0,
            answer: News::Nothing,
            stray_reversals: 0,
            stray_voids: 0,
            record: if self.setting.foreign_sale { Record::Foreign } else { Record::None },
            told: 0,
            history: 0,
        };
        let setting = &self.setting;
        vec![Moment {
            now: 0,
            alive: (1 << setting.processes) - 1,
            left: [
                setting.crashes,
                setting.losses,
                setting.duplicates,
                setting.reboots,
                setting.copies,
            ],
            wishes: [setting.voids, setting.manual_checks, setting.cancels],
            drained: false,
            broken: 0,
            payments: [payment; N],
        }]
    }

    fn actions(&self, moment: &Moment<N>, actions: &mut Vec<Action>) {
        if moment.broken != 0 {
            return;
        }
        self.world_actions(moment, actions);
        for (i, payment) in moment.payments.iter().enumerate() {
            if payment.history & happened::BEGUN != 0 {
                self.ovo_actions(moment, i, actions);
            }
            for process in 0..self.setting.processes {
                if moment.alive & (1 << process) != 0 {
                    self.client_actions(moment, i, process, actions);
                }
            }
        }
    }

    fn next_state(&self, last: &Moment<N>, action: Action) -> Option<Moment<N>> {
        let mut moment = *last;
        match action.what {
            What::TimePasses => self.time_passes(&mut moment),
            What::Crash => {
                Self::spend_crash(&mut moment);
                self.crash(&mut moment, action.process);
            }
            What::Restart => moment.alive |= 1 << action.process,
            What::Reboot => self.reboot(&mut moment),
            What::DiskSyncs => {
                let payment = &mut moment.payments[usize::from(action.payment)];
                payment.kept = payment.row;
            }
            What::Copy => {
                for payment in &mut moment.payments {
                    payment.kept = payment.row;
                }
            }
            What::PutBack => self.put_back(&mut moment),
            What::PushArrives
            | What::PushRefused(_)
            | What::PushLost
            | What::PushRepeated
            | What::CustomerPays
            | What::CustomerPaysSloppily
            | What::CustomerDeclines
            | What::OvoLies
            | What::SessionExpires
            | What::OvoReverses
            | What::StrayReversalArrives
            | What::StrayVoidArrives => self.ovo_acts(&mut moment, action),
            _ => self.client_acts(&mut moment, action),
        }
        self.forget_stale(&mut moment);
        self.audit(&mut moment);
        // An action that changes nothing is none.
        (moment != *last).then_some(moment)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties!(
            Self, I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, I12, VI1, VI2, VI3, VI4, R10, R14,
            E9, P
        )
    }
}
