//! The client's side, step by step: what `core/src/client/{apply,drive,settle}.rs` do, cut at every
//! point where a process may die or another may come between.
//!
//! There are no leases in the client: the commit that schedules the next attempt is the claim, and
//! whoever loses it follows the winner.

use ovo_mutants::DriverFault;
use ovo_ptp::payment::{Boottime, Input, Refusal, Ruling, Settlement, State, Verdict, Void, step};

use crate::action::{Action, What};
use crate::audit::{Committed, OPERATOR, PAID, outcome_bit};
use crate::clock::{LADDER, LAST, LATER};
use crate::model::{CANCELS, DUPLICATES, LOSSES, MANUAL_CHECKS, PushToPay, VOIDS};
use crate::ovo::stray;
use crate::row::{self, NONE};
use crate::setting::{Delay, Setting};
use crate::world::{Ask, Errand, Moment, News, Payment, Place, Record, Thread, happened};

/// Marks what is left of a row that is known to be old: see `forget_stale`.
const STALE: u64 = 1 << 63;

/// Whether somebody who gave the payment up is told what became of it.
fn is_cancel(thread: &Thread) -> bool {
    thread.errand == Errand::Hand && thread.news == News::Cancelled
}

const CHECK_NEWS: [News; 8] = [
    News::Paid,
    News::ForeignSale,
    News::Doubtful,
    News::NotFound,
    News::Reversed,
    News::CheckRefused,
    News::CheckNotSent,
    News::CheckSilence,
];
const REVERSAL_NEWS: [News; 3] = [News::Acknowledged, News::ReversalNotSent, News::ReversalSilence];
const VOID_NEWS: [News; 4] =
    [News::Voided, News::VoidRejected, News::VoidNotSent, News::VoidSilence];
const CHECK_VOID_NEWS: [News; 4] =
    [News::VoidFound, News::VoidNotFound, News::VoidCheckSilence, News::VoidCheckRefused];

impl<const N: usize> PushToPay<N> {
    pub(crate) fn client_actions(
        &self,
        moment: &Moment<N>,
        i: usize,
        process: u8,
        actions: &mut Vec<Action>,
    ) {
        let payment = &moment.payments[i];
        let thread = &payment.threads[usize::from(process)];
        let number = u8::try_from(i).unwrap_or(0);
        let lossy = moment.left[LOSSES] > 0;
        let mut may = |what| actions.push(Action { what, payment: number, process });
        match thread.place {
            Place::Idle => self.begin_actions(moment, payment, i, process, &mut may),
            Place::Beginning => may(What::Commit),
            Place::Connecting => {
                may(What::Look);
                if lossy {
                    may(What::ConnectFails);
                }
                if moment.wishes[CANCELS] > 0 {
                    may(What::Cancel);
                }
            }
            Place::Cleared => may(What::WritePush),
            Place::Waiting => {
                let state = row::unpack(thread.local);
                if thread.errand == Errand::Exchange && payment.answer != News::Nothing {
                    may(What::HearPush);
                }
                self.fault_actions(moment, payment, thread, &mut may);
                if state.verdict.is_some() {
                    may(What::Tell);
                    if self.is_heard_out(moment, payment, thread, &state) {
                        may(What::HearOut);
                    }
                } else {
                    let due = thread.old_boot || row::is_due(thread.local, moment.now);
                    if due && self.may_be_much_later(payment, thread.local) {
                        may(What::Wake);
                    }
                    if thread.errand == Errand::Exchange && lossy {
                        may(What::ConnectionBreaks);
                    }
                    if self.setting.impatient && thread.waiting {
                        may(What::Leave);
                    }
                    if thread.waiting && self.has_word(payment, moment.now) {
                        may(What::HearWord);
                    }
                    if moment.wishes[CANCELS] > 0 {
                        may(What::Cancel);
                    }
                }
            }
            Place::Committing => {
                may(What::Commit);
                self.fault_actions(moment, payment, thread, &mut may);
            }
            Place::Sending => {
                may(What::Send);
                if lossy {
                    may(What::RequestNotSent);
                }
            }
            Place::InFlight => {
                self.answers(payment, thread.ask, |news| may(What::OvoAnswers(news)));
                let acts = matches!(thread.ask, Ask::Reversal | Ask::Void);
                if lossy {
                    may(What::RequestLost);
                    if acts {
                        may(What::AnswerLost);
                        may(What::RequestLate);
                    }
                }
                if acts && moment.left[DUPLICATES] > 0 {
                    may(What::RequestRepeated);
                }
                if self.setting.hollow && thread.ask == Ask::Reversal {
                    may(What::OvoPretends(News::Acknowledged));
                }
                if self.setting.hollow && thread.ask == Ask::Void {
                    may(What::OvoPretends(News::Voided));
                }
            }
        }
    }

    /// Whether nobody listens for OVO's word about the numbers of a cancelled payment any longer,
    /// because it came or its time is over.
    fn is_heard_out(
        &self,
        moment: &Moment<N>,
        payment: &Payment,
        thread: &Thread,
        state: &State,
    ) -> bool {
        let over =
            LADDER[usize::from(moment.now)] >= state.window.plus(self.setting.policy.timers.decide);
        let deaf = self.setting.fault == Some(DriverFault::HeardOutUnread);
        let in_silence =
            thread.errand == Errand::Exchange && over && (payment.answer == News::Nothing || deaf);
        self.setting.started && state.unheard && (thread.heard_out || in_silence)
    }

    /// What a process may begin that does not work on the payment yet.
    fn begin_actions(
        &self,
        moment: &Moment<N>,
        payment: &Payment,
        i: usize,
        process: u8,
        may: &mut impl FnMut(What),
    ) {
        let row = payment.row;
        if row == NONE {
            let begun = payment.history & happened::BEGUN != 0;
            if !begun && moment.now == 0 && process == self.payer(i) {
                may(What::Pay);
            }
            return;
        }
        let state = row::unpack(row);
        let due = payment.old_boot && !row::is_never_due(row) || row::is_due(row, moment.now);
        if due && self.may_be_much_later(payment, row) {
            may(What::Settle);
        }
        match state.verdict {
            None if self.setting.second_caller || process == self.payer(i) => may(What::Resume),
            None => {}
            Some(_) => {
                let first = moment.alive.trailing_zeros() == u32::from(process);
                if first && payment.told & outcome_bit(state.verdict) == 0 {
                    may(What::ReadOutcome);
                }
            }
        }
        if moment.wishes[CANCELS] > 0 && state.verdict.is_none() {
            may(What::Cancel);
        }
        if moment.wishes[VOIDS] > 0 && state.verdict.is_some() {
            may(What::AskVoid);
        }
        let since = LADDER[usize::from(moment.now)].since(state.window);
        if moment.wishes[MANUAL_CHECKS] > 0
            && !payment.old_boot
            && state.verdict != Some(Verdict::NotSent)
            && since >= self.setting.policy.timers.session
        {
            may(What::AskStatus);
        }
        // The file comes a day later, when no exchange of today can be open any more.
        let idle = payment.threads.iter().all(|thread| thread.place == Place::Idle);
        if moment.now == LAST && idle && self.can_report(payment) {
            may(What::HandInFile);
        }
        let ruled = payment.history & happened::RULED != 0;
        if self.setting.operator && state.may_be_ruled() && !ruled {
            self.rulings(moment, payment, &state, may);
        }
    }

    /// The operator knows the truth of the moment, from OVO's portal or its support, and comes again
    /// if the ruling is refused.
    fn rulings(
        &self,
        moment: &Moment<N>,
        payment: &Payment,
        state: &State,
        may: &mut impl FnMut(What),
    ) {
        let accepted = outcome_bit(state.verdict) == PAID;
        let debited = payment.record == Record::Paid && !accepted;
        if debited {
            // Whoever knows what was told, and sent, says the same.
            let is_known_paid = payment.told & PAID != 0;
            if !is_known_paid {
                may(What::Rule(News::RuledRefund));
            }
            let is_known_otherwise = payment.told & !(PAID | OPERATOR) != 0
                || payment.history & happened::REVERSAL_SENT != 0;
            if state.verdict == Some(Verdict::Quarantined) && !is_known_otherwise {
                may(What::Rule(News::RuledPaid));
            }
        }
        if !debited || self.setting.outside {
            let now = LADDER[usize::from(moment.now)];
            let closing = step(&self.setting.policy, state, Input::Ruled(Ruling::Close), now);
            // What is refused for any other reason, he tries.
            if closing.refused != Some(Refusal::CloseTooEarly) {
                may(What::Rule(News::RuledClose));
            }
        }
    }

    fn fault_actions(
        &self,
        moment: &Moment<N>,
        payment: &Payment,
        thread: &Thread,
        may: &mut impl FnMut(What),
    ) {
        let Some(fault) = self.setting.fault else { return };
        let undecided = row::unpack(thread.local).verdict.is_none();
        if !undecided {
            return;
        }
        let approved = thread.errand == Errand::Exchange && payment.answer == News::Approved;
        if fault == DriverFault::TellBeforePersist && approved && payment.told & PAID == 0 {
            may(What::TellEarly);
        }
        let deciding = matches!(thread.news, News::Nothing | News::Due) && {
            let now = LADDER[usize::from(moment.now)];
            let next = step(&self.setting.policy, &row::unpack(thread.local), Input::Due, now);
            next.state.verdict == Some(Verdict::Abandoned)
        };
        if fault == DriverFault::ReverseBeforeDurable && deciding && payment.stray_reversals == 0 {
            may(What::ReverseEarly);
        }
    }

    pub(crate) fn client_acts(&self, moment: &mut Moment<N>, action: Action) {
        let i = usize::from(action.payment);
        let p = usize::from(action.process);
        let now = moment.now;
        let payment = &mut moment.payments[i];
        let mut thread = payment.threads[p];
        // What a thread reads when it takes the payment up.
        let reader =
            Thread { local: payment.row, fresh: true, old_boot: payment.old_boot, ..Thread::IDLE };
        let hears = |thread: Thread, news| Thread { news, place: Place::Committing, ..thread };
        match action.what {
            What::Pay => {
                let Setting { policy, attested, .. } = &self.setting;
                let begun = State::intent(policy, LADDER[usize::from(now)], *attested, 0);
                let early = self.setting.fault == Some(DriverFault::SendBeforePersist);
                thread = Thread {
                    local: row::pack(&begun, now),
                    place: if early { Place::Cleared } else { Place::Beginning },
                    errand: Errand::Drive,
                    waiting: true,
                    ..Thread::IDLE
                };
                payment.history |= happened::BEGUN;
                if self.setting.fault == Some(DriverFault::NumbersChosenEarly) {
                    let number = self.next_number(moment);
                    moment.payments[i].number = number;
                }
            }
            What::Resume => {
                let again = self.setting.fault == Some(DriverFault::PushedAgain);
                let place = if again { Place::Cleared } else { Place::Waiting };
                thread = Thread { place, errand: Errand::Drive, waiting: true, ..reader };
            }
            What::Settle => {
                thread = hears(reader, News::Due);
                if row::is_due_later(reader.local) && now == LAST {
                    self.much_later(moment);
                }
            }
            What::ReadOutcome => {
                let bit = outcome_bit(row::unpack(payment.row).verdict);
                self.tell(moment, i, bit);
            }
            What::AskVoid => {
                moment.wishes[VOIDS] -= 1;
                thread = hears(Thread { errand: Errand::Hand, ..reader }, News::VoidAsked);
            }
            What::AskStatus => {
                moment.wishes[MANUAL_CHECKS] -= 1;
                thread = Thread {
                    errand: Errand::Hand,
                    place: Place::Sending,
                    ask: Ask::Check,
                    ..reader
                };
            }
            What::Cancel => {
                moment.wishes[CANCELS] -= 1;
                if self.setting.fault == Some(DriverFault::CancelToldEarly) {
                    self.tell(moment, i, outcome_bit(Some(Verdict::Abandoned)));
                }
                thread = match thread.place {
                    Place::Idle => {
                        hears(Thread { errand: Errand::Hand, ..reader }, News::Cancelled)
                    }
                    // Nothing left, and nothing will.
                    Place::Connecting => hears(thread, News::NotSent),
                    _ if self.setting.started
                        && (thread.errand == Errand::Exchange || thread.heard_out) =>
                    {
                        self.commit(moment, i, p, hears(thread, News::CancelledHeard))
                    }
                    _ => self.commit(moment, i, p, hears(thread, News::Cancelled)),
                };
            }
            What::HandInFile => {
                payment.history |= happened::REPORTED;
                thread = hears(Thread { errand: Errand::Hand, ..reader }, News::ReportedPaid);
            }
            What::Rule(news) => {
                payment.history |= happened::RULED;
                thread = hears(Thread { errand: Errand::Hand, ..reader }, news);
            }
            What::Commit => {
                if thread.errand == Errand::Hand && thread.ask == Ask::Check {
                    // A check by hand is applied to the row as it is then.
                    thread = Thread { news: thread.news, ask: Ask::Check, ..reader };
                    thread.errand = Errand::Hand;
                    let asked = payment.threads[p];
                    (thread.issued, thread.behind) = (asked.issued, asked.behind);
                }
                thread = self.commit(moment, i, p, thread);
            }
            What::Look => {
                let hasty = self.setting.fault == Some(DriverFault::NoSendDeadline);
                let allowed = thread.fresh && {
                    // Connected at the Intent: how long connecting takes is not modelled.
                    let state = row::unpack(payment.row);
                    state.may_send(&self.setting.policy, state.begun, LADDER[usize::from(now)])
                };
                if allowed || hasty {
                    thread.place = Place::Cleared;
                } else {
                    thread = hears(thread, News::NotSent);
                }
            }
            What::ConnectFails => {
                moment.left[LOSSES] -= 1;
                thread = hears(thread, News::NotSent);
            }
            What::WritePush => {
                payment.pushes += 1;
                payment.written += 1;
                payment.flushed = now;
                let at = LADDER[usize::from(now)];
                let known = row::unpack(thread.local);
                let next = step(&self.setting.policy, &known, Input::Sent, at);
                thread.local = row::pack(&next.state, now);
                thread.errand = Errand::Exchange;
                let durable = payment.row != NONE;
                thread.place = if durable { Place::Waiting } else { Place::Beginning };
            }
            What::Wake => {
                if row::is_due_later(thread.local) && now == LAST {
                    self.much_later(moment);
                }
                thread = self.commit(moment, i, p, hears(thread, News::Due));
            }
            What::HearPush | What::ConnectionBreaks => {
                let news = if action.what == What::HearPush {
                    // An answer without a code ends the session, if its time is over.
                    let session = self.setting.policy.timers.session;
                    let window = row::unpack(thread.local).window;
                    let whole = payment.answer != News::Silence
                        || LADDER[usize::from(now)] >= window.plus(session);
                    thread.heard_out = whole && payment.answer != News::WrongEcho;
                    payment.answer
                } else {
                    moment.left[LOSSES] -= 1;
                    News::Silence
                };
                payment.answer = News::Nothing;
                thread = hears(Thread { errand: Errand::Drive, ..thread }, news);
                thread = self.commit(moment, i, p, thread);
            }
            What::HearOut => {
                // What lies on the connection was said to us.
                if payment.answer == News::Duplicate {
                    payment.history |= happened::NUMBERS_DOUBTED;
                }
                payment.answer = News::Nothing;
                let listened = Thread { errand: Errand::Drive, heard_out: true, ..thread };
                thread = self.commit(moment, i, p, hears(listened, News::HeardOut));
            }
            What::Leave => thread.waiting = false,
            What::HearWord => {
                let row = Thread { local: payment.row, fresh: true, ..thread };
                thread = self.commit(moment, i, p, hears(row, News::Awaited));
            }
            What::Tell => {
                let known = row::unpack(thread.local);
                // Whoever cancelled is told at once; the connection stays open for what OVO says.
                let listens =
                    thread.waiting && known.cancelled && thread.errand == Errand::Exchange;
                if !listens {
                    payment.answer = News::Nothing;
                }
                if thread.waiting {
                    self.tell(moment, i, outcome_bit(known.verdict));
                }
                thread = if listens { Thread { waiting: false, ..thread } } else { Thread::IDLE };
            }
            What::TellEarly => self.tell(moment, i, PAID),
            What::ReverseEarly => {
                payment.stray_reversals = 1;
                self.audit_reversal(moment, i);
            }
            What::Send => {
                thread.place = Place::InFlight;
                thread.issued = now;
                thread.behind = match thread.ask {
                    Ask::Check => is_accepted(payment),
                    Ask::CheckVoid => is_void_refused(payment),
                    _ => false,
                };
                match thread.ask {
                    Ask::Reversal => self.audit_reversal(moment, i),
                    Ask::Check => self.audit_check(moment, i),
                    Ask::Void => self.audit_void(moment, i),
                    Ask::CheckVoid | Ask::Nothing => {}
                }
            }
            What::RequestNotSent => {
                moment.left[LOSSES] -= 1;
                thread.issued = now;
                thread = hears(thread, thread.ask.not_sent());
            }
            What::RequestLost => {
                moment.left[LOSSES] -= 1;
                note_silence(payment, thread.ask.silence());
                thread = hears(thread, thread.ask.silence());
            }
            What::AnswerLost => {
                moment.left[LOSSES] -= 1;
                Self::take_request(payment, thread.ask);
                thread = hears(thread, thread.ask.silence());
            }
            What::RequestLate => {
                moment.left[LOSSES] -= 1;
                stray(payment, thread.ask);
                thread = hears(thread, thread.ask.silence());
            }
            What::RequestRepeated => {
                moment.left[DUPLICATES] -= 1;
                stray(payment, thread.ask);
            }
            What::OvoAnswers(news) => {
                Self::take_request(payment, thread.ask);
                note_silence(payment, news);
                thread = hears(thread, news);
            }
            What::OvoPretends(news) => thread = hears(thread, news),
            _ => {}
        }
        let payment = &mut moment.payments[i];
        // A commit made the other thread's copy old; it must not be undone here.
        payment.threads[p] = thread;
    }

    /// Whether OVO has said to somebody that did not wait that it is paid, in time for who does.
    fn has_word(&self, payment: &Payment, now: u8) -> bool {
        let state = row::unpack(payment.row);
        let at = LADDER[usize::from(now)];
        let next = step(&self.setting.policy, &state, Input::Awaited, at);
        !payment.old_boot && payment.row != NONE && next.state.verdict != state.verdict
    }

    /// The last instant moves on by itself: pushes beyond the bound are gone then.
    fn much_later(&self, moment: &mut Moment<N>) {
        if self.setting.delay == Delay::BeyondBound {
            self.drain(moment);
        }
    }

    /// A process that pauses before its push is part of the delay: it wakes before it is over.
    fn may_be_much_later(&self, payment: &Payment, row: row::Row) -> bool {
        self.setting.delay != Delay::BeyondBound
            || !row::is_due_later(row)
            || payment.threads.iter().all(|thread| thread.place != Place::Cleared)
    }

    fn next_number(&self, moment: &Moment<N>) -> u8 {
        let used = moment.payments.iter().filter(|payment| payment.row != NONE);
        used.map(|payment| payment.number).max().unwrap_or(0) + 1
    }

    /// One turn of the loop in `apply.rs`.
    fn commit(&self, moment: &mut Moment<N>, i: usize, p: usize, mut thread: Thread) -> Thread {
        let now = moment.now;
        if thread.place == Place::Beginning {
            return self.begin(moment, i, thread);
        }
        let row = moment.payments[i].row;
        let fault = self.setting.fault;
        let overwrites = fault == Some(DriverFault::VerdictOverwritten);
        let follows =
            Thread { local: row, fresh: true, old_boot: moment.payments[i].old_boot, ..thread };
        if thread.local & STALE != 0 {
            // Whether the input would have changed the row that this thread knew.
            if thread.local >> (thread.news as u64) & 1 == 1 {
                return follows;
            }
            if is_cancel(&thread) {
                self.tell(moment, i, outcome_bit(row::unpack(row).verdict));
            }
            return done(thread, Ask::Nothing);
        }
        let known = thread.known();
        let late = thread.news == News::Due && now == LAST && row::is_due_later(thread.local);
        let at = if late { LATER } else { LADDER[usize::from(now)] };
        let rebasing = thread.old_boot;
        let input = if rebasing {
            Input::Rebooted { away: std::time::Duration::ZERO }
        } else {
            let issued = LADDER[usize::from(thread.issued)];
            thread.news.input(issued, thread.waiting, now < LAST)
        };
        let next = step(&self.setting.policy, &known, input, at);
        self.audit_step(moment, &known, input, &next, at);
        if next.state == known && !rebasing {
            // Nothing to commit, and so nothing to send: every request counts as an attempt.
            debug_assert!(next.send.is_none());
            if matches!(thread.news, News::Duplicate | News::ForeignSale | News::Doubtful) {
                moment.payments[i].history |= happened::NUMBERS_DOUBTED;
            }
            if is_cancel(&thread) {
                self.tell(moment, i, outcome_bit(known.verdict));
            }
            return done(thread, Ask::from(next.send));
        }
        if !thread.fresh && !overwrites {
            if fault == Some(DriverFault::LoserIgnoresWinner) && !rebasing {
                thread.local = row::pack(&next.state, now);
                return done(thread, Ask::from(next.send));
            }
            return follows;
        }
        let ask = Ask::from(next.send);
        let committed = Committed {
            news: if rebasing { News::Nothing } else { thread.news },
            waiting: thread.waiting,
            reverses: ask == Ask::Reversal,
            voids: ask == Ask::Void,
            now: at,
        };
        let before = row::unpack(row);
        let payment = &mut moment.payments[i];
        payment.row = row::pack(&next.state, now);
        payment.old_boot = false;
        let is_voided = before.void != Void::Voided && next.state.void == Void::Voided;
        for (other, thread) in payment.threads.iter_mut().enumerate() {
            thread.fresh &= other == p;
            thread.behind &= !is_voided;
        }
        thread.local = payment.row;
        thread.fresh = true;
        thread.old_boot = false;
        self.audit_commit(moment, i, &before, &next.state, &committed);
        if rebasing {
            return thread;
        }
        if is_cancel(&thread) {
            self.tell(moment, i, outcome_bit(next.state.verdict));
        }
        done(thread, ask)
    }

    /// What a thread of the settler knows of a row that another has written since can only matter
    /// in one way: an input that would not have changed it ends there, any other loses its commit
    /// and follows the winner. So one bit for each possible input is all that is kept of it.
    pub(crate) fn forget_stale(&self, moment: &mut Moment<N>) {
        let now = moment.now;
        for payment in &mut moment.payments {
            for thread in &mut payment.threads {
                // What is still to be sent has no time of its own yet, by which its answer will count.
                let asks = matches!(thread.errand, Errand::Settle | Errand::Hand)
                    && matches!(thread.place, Place::Committing | Place::InFlight);
                if !asks || thread.fresh || thread.old_boot || thread.local & STALE != 0 {
                    continue;
                }
                let known = thread.known();
                let at = LADDER[usize::from(now)];
                let issued = LADDER[usize::from(thread.issued)];
                let mut bits = STALE;
                let heard: &[News] = match (thread.place, thread.ask) {
                    (Place::Committing, _) => &[thread.news],
                    (_, Ask::Check) => &CHECK_NEWS,
                    (_, Ask::Reversal) => &REVERSAL_NEWS,
                    (_, Ask::Void) => &VOID_NEWS,
                    (_, Ask::CheckVoid) => &CHECK_VOID_NEWS,
                    (_, Ask::Nothing) => &[],
                };
                for news in heard {
                    let input = news.input(issued, thread.waiting, now < LAST);
                    let next = step(&self.setting.policy, &known, input, at);
                    if next.state != known {
                        bits |= 1 << (*news as u64);
                    }
                }
                thread.local = bits;
            }
        }
    }

    /// Rule 1: the numbers and the Intent in one commit.
    fn begin(&self, moment: &mut Moment<N>, i: usize, thread: Thread) -> Thread {
        if self.setting.fault != Some(DriverFault::NumbersChosenEarly) {
            moment.payments[i].number = self.next_number(moment);
        }
        let payment = &mut moment.payments[i];
        // What is known of the push's last byte stays in memory until the next commit.
        let begun = thread.local;
        payment.row = begun;
        let sent = thread.errand == Errand::Exchange;
        let place = if sent { Place::Waiting } else { Place::Connecting };
        Thread { place, fresh: true, ..thread }
    }
}

/// Whether the journal has the payment as paid.
pub(crate) fn is_accepted(payment: &Payment) -> bool {
    payment.row != NONE && outcome_bit(row::unpack(payment.row).verdict) == PAID
}

/// Whether the journal has its void as refused, and to be asked about.
fn is_void_refused(payment: &Payment) -> bool {
    payment.row != NONE && matches!(row::unpack(payment.row).void, Void::Questioned(_))
}

impl Thread {
    /// The row as this thread knows it. All that is ever asked of the moment at which a payment was
    /// approved, or its void refused or known to be carried out, is whether a check was issued behind it, so
    /// it is placed by that.
    fn known(&self) -> State {
        let mut state = row::unpack(self.local);
        let moment = if self.behind { Boottime(0) } else { LADDER[usize::from(self.issued)] };
        if let (Some(Verdict::Accepted(_)), Settlement::Closed { at, .. }) =
            (state.verdict, &mut state.settlement)
        {
            *at = moment;
        }
        if matches!(state.void, Void::Voided | Void::Questioned(_)) {
            state.settling_since = moment;
        }
        state
    }
}

/// A status check that was written, and got no answer.
fn note_silence(payment: &mut Payment, news: News) {
    if news == News::CheckSilence {
        payment.history |= happened::ASKED_IN_VAIN;
    }
}

/// The input is dealt with: send what it asks for, or go back to what the thread is for.
fn done(thread: Thread, ask: Ask) -> Thread {
    let settled = Thread { news: News::Nothing, issued: 0, behind: false, ask, ..thread };
    match (ask, thread.errand) {
        (Ask::Nothing, Errand::Settle | Errand::Hand) => Thread::IDLE,
        (Ask::Nothing, Errand::Exchange | Errand::Drive) => {
            Thread { place: Place::Waiting, ..settled }
        }
        _ => Thread { place: Place::Sending, ..settled },
    }
}

// Rulings and voids are named here so that a new one in the policy is noticed.
const _: fn(Ruling, Void) -> bool = |ruling, void| {
    matches!(ruling, Ruling::Paid | Ruling::Refund | Ruling::Close)
        && matches!(
            void,
            Void::None
                | Void::Sent
                | Void::Unknown
                | Void::Voided
                | Void::Questioned(_)
                | Void::Rejected(_)
                | Void::Expired
        )
};
