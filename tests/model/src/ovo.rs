//! OVO, the customer and the network: whatever they may do at any time.

use crate::action::{Action, What};
use crate::driver::is_accepted;
use crate::model::{CRASHES, DUPLICATES, LOSSES, PushToPay};
use crate::setting::Checks;
use crate::world::{Ask, Errand, Moment, News, Payment, Place, Record};

/// Copies of one request that may be on their way at once.
const COPIES: u8 = 2;

impl<const N: usize> PushToPay<N> {
    pub(crate) fn ovo_actions(&self, moment: &Moment<N>, i: usize, actions: &mut Vec<Action>) {
        let payment = &moment.payments[i];
        let payment_number = u8::try_from(i).unwrap_or(0);
        let mut may = |what| actions.push(Action { what, payment: payment_number, process: 0 });
        if payment.pushes > 0 {
            match payment.record {
                Record::None => may(What::PushArrives),
                Record::Foreign | Record::ForeignReversed => {
                    may(What::PushRefused(News::Duplicate));
                    may(What::PushRefused(News::WrongEcho));
                }
                _ => {
                    may(What::PushRefused(News::Duplicate));
                    // The second copy's answer may find nobody.
                    if is_heard(self.payer_thread(payment, i)) && payment.answer == News::Nothing {
                        may(What::PushRefused(News::Nothing));
                    }
                }
            }
            if moment.left[LOSSES] > 0 {
                may(What::PushLost);
            }
            if moment.left[DUPLICATES] > 0 && payment.pushes < COPIES {
                may(What::PushRepeated);
            }
        }
        match payment.record {
            Record::Pending => {
                may(What::CustomerPays);
                if self.setting.sloppy {
                    may(What::CustomerPaysSloppily);
                }
                may(What::CustomerDeclines);
                may(What::SessionExpires);
                if self.setting.lying_declines {
                    may(What::OvoLies);
                }
                if self.setting.reversed_by_ovo {
                    may(What::OvoReverses);
                }
            }
            Record::PendingLie => {
                may(What::CustomerPays);
                may(What::SessionExpires);
            }
            _ => {}
        }
        if payment.stray_reversals > 0 {
            may(What::StrayReversalArrives);
        }
        if payment.stray_voids > 0 {
            may(What::StrayVoidArrives);
        }
    }

    /// What OVO may answer to a thread's request.
    pub(crate) fn answers(&self, payment: &Payment, ask: Ask, mut may: impl FnMut(News)) {
        match ask {
            Ask::Check => {
                if self.setting.checks != Checks::Told {
                    may(News::CheckRefused);
                }
                if self.setting.checks == Checks::NotContracted {
                    return;
                }
                match payment.record {
                    Record::None | Record::Refused | Record::Voided => may(News::NotFound),
                    Record::Pending | Record::PendingLie => {
                        may(News::NotFound);
                        may(News::CheckSilence);
                    }
                    Record::Paid => may(News::Paid),
                    Record::Reversed => may(News::Reversed),
                    Record::Foreign | Record::ForeignReversed => {
                        may(News::ForeignSale);
                        may(News::Doubtful);
                        if self.setting.other_day {
                            may(News::NotFound);
                        }
                    }
                }
                if self.setting.sloppy {
                    may(News::CheckSilence);
                    if matches!(payment.record, Record::Paid | Record::Reversed) {
                        may(News::Doubtful);
                    }
                    if payment.record == Record::Paid && is_accepted(payment) {
                        may(News::NotFound);
                        may(News::ForeignSale);
                    }
                }
            }
            // It is always 00 (FAQ), whatever OVO has.
            Ask::Reversal => may(News::Acknowledged),
            Ask::Void if payment.record == Record::Paid => may(News::Voided),
            Ask::Void => may(News::VoidRejected),
            Ask::CheckVoid => {
                if self.setting.checks == Checks::MayBeRefused {
                    may(News::VoidCheckRefused);
                }
                let voided = payment.record == Record::Voided;
                may(if voided { News::VoidFound } else { News::VoidNotFound });
            }
            Ask::Nothing => {}
        }
        // Done, or refused, in words that nobody can read as that.
        if self.setting.sloppy && matches!(ask, Ask::Reversal | Ask::Void | Ask::CheckVoid) {
            may(ask.silence());
        }
    }

    /// What the request does to OVO's record. A reversal of a payment that OVO does not have, or
    /// that is still being asked for, leaves no trace: the worst that OVO may do.
    pub(crate) fn take_request(payment: &mut Payment, ask: Ask) {
        payment.record = match (ask, payment.record) {
            (Ask::Reversal, Record::Paid) => Record::Reversed,
            (Ask::Reversal, Record::Foreign) => Record::ForeignReversed,
            (Ask::Void, Record::Paid) => Record::Voided,
            (_, record) => record,
        };
    }

    pub(crate) fn ovo_acts(&self, moment: &mut Moment<N>, action: Action) {
        let i = usize::from(action.payment);
        let heard = is_heard(self.payer_thread(&moment.payments[i], i));
        let payment = &mut moment.payments[i];
        let answer = |payment: &mut Payment, news| {
            if heard && payment.answer == News::Nothing {
                payment.answer = news;
            }
        };
        match action.what {
            What::PushArrives => {
                payment.pushes -= 1;
                payment.record = Record::Pending;
            }
            What::PushRefused(news) => {
                payment.pushes -= 1;
                answer(payment, news);
            }
            What::PushLost => {
                payment.pushes -= 1;
                moment.left[LOSSES] -= 1;
            }
            What::PushRepeated => {
                payment.pushes += 1;
                moment.left[DUPLICATES] -= 1;
            }
            What::CustomerPaysSloppily => {
                answer(payment, News::WrongEcho);
                payment.record = Record::Paid;
            }
            What::CustomerPays => {
                if payment.record == Record::Pending {
                    answer(payment, News::Approved);
                }
                payment.record = Record::Paid;
            }
            What::CustomerDeclines => {
                payment.record = Record::Refused;
                answer(payment, News::Declined);
            }
            What::OvoLies => {
                payment.record = Record::PendingLie;
                let undelivered = self.setting.undelivered;
                answer(payment, if undelivered { News::Undelivered } else { News::Declined });
            }
            What::SessionExpires => {
                if payment.record == Record::Pending {
                    answer(payment, News::Silence);
                }
                payment.record = Record::Refused;
            }
            What::OvoReverses => {
                payment.record = Record::Reversed;
                answer(payment, News::Silence);
            }
            What::StrayReversalArrives => {
                payment.stray_reversals -= 1;
                Self::take_request(payment, Ask::Reversal);
            }
            What::StrayVoidArrives => {
                payment.stray_voids -= 1;
                Self::take_request(payment, Ask::Void);
            }
            _ => {}
        }
    }

    /// The bound on delays: what was not executed by now never will be.
    pub(crate) fn drain(&self, moment: &mut Moment<N>) {
        moment.drained = true;
        for i in 0..N {
            let heard = is_heard(self.payer_thread(&moment.payments[i], i));
            let payment = &mut moment.payments[i];
            payment.pushes = 0;
            if matches!(payment.record, Record::Pending | Record::PendingLie) {
                if payment.record == Record::Pending && heard && payment.answer == News::Nothing {
                    payment.answer = News::Silence;
                }
                payment.record = Record::Refused;
            }
        }
    }

    /// A process dies; what it sent stays on its way.
    pub(crate) fn crash(&self, moment: &mut Moment<N>, process: u8) {
        moment.alive &= !(1 << process);
        for i in 0..N {
            let was_heard = is_heard(self.payer_thread(&moment.payments[i], i));
            let payment = &mut moment.payments[i];
            let thread = payment.threads[usize::from(process)];
            if thread.place == Place::InFlight {
                stray(payment, thread.ask);
            }
            payment.threads[usize::from(process)] = crate::world::Thread::IDLE;
            if was_heard && !is_heard(self.payer_thread(payment, i)) {
                payment.answer = News::Nothing;
            }
        }
    }

    pub(crate) fn spend_crash(moment: &mut Moment<N>) {
        moment.left[CRASHES] -= 1;
    }
}

/// A request for which nobody waits any more. Checks change nothing at OVO: they need not arrive.
pub(crate) fn stray(payment: &mut Payment, ask: Ask) {
    match ask {
        Ask::Reversal => payment.stray_reversals = COPIES.min(payment.stray_reversals + 1),
        Ask::Void => payment.stray_voids = COPIES.min(payment.stray_voids + 1),
        Ask::Nothing | Ask::Check | Ask::CheckVoid => {}
    }
}

/// Whether the push's connection is open.
fn is_heard(thread: &crate::world::Thread) -> bool {
    thread.errand == Errand::Exchange
        && matches!(
            thread.place,
            Place::Waiting
                | Place::Committing
                | Place::Sending
                | Place::InFlight
                | Place::Beginning
        )
}
