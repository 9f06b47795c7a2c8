//! Whether OVO answers this node, and what a node that hears nothing leaves to the others.
//!
//! A payment belongs to whoever wrote it last, and the others take it when it is overdue ([fleet 1]). A
//! node that reaches the journal and not OVO would keep its payments as long as it lives: it takes each
//! when it is due, nobody answers, and it is due again later. So it comes last: what is due is left to the
//! others for a while, who then find it overdue. Nothing else changes. Whoever takes a payment commits that
//! before it sends, as always; a wait is only made longer; and where the others hear nothing either, each
//! node goes on with its own, ten seconds later.
//!
//! [fleet 1]: crate::manual::fleet#1-when

use std::sync::Mutex;
use std::time::Duration;

use crate::client::Inner;
use crate::journal::Finding;
use crate::lock::lock;
use crate::message::{Class, Operation, Response};
use crate::payment::Boottime;
use crate::transport::{Exchange, FailureKind};

/// Requests in a row without an answer, from which on a node comes last. One alone may be lost anywhere;
/// behind three, with OVO's pauses between them, a customer's money would be away for minutes.
const FEW: u32 = 2;
/// For how long it leaves what is due to the others: they take what is 3 s overdue, and look every 2 s.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(10);

/// What this node has heard of OVO lately.
#[derive(Default)]
pub(super) struct Reach(Mutex<Unanswered>);

#[derive(Clone, Copy, Default)]
struct Unanswered {
    /// Requests in a row.
    count: u32,
    /// When the first of them ended.
    since: Option<Boottime>,
    /// Whether a person was told.
    told: bool,
}

impl Reach {
    /// Requests in a row that OVO left without an answer.
    pub(super) fn unanswered(&self) -> u32 {
        lock(&self.0).count
    }

    fn failed(&self, now: Boottime) -> Unanswered {
        let mut unanswered = lock(&self.0);
        unanswered.count = unanswered.count.saturating_add(1);
        unanswered.since.get_or_insert(now);
        *unanswered
    }
}

/// Whether OVO did what it was asked for. A set-up that it refuses (63, as of a clock that is an hour wrong) is
/// this node's own, and the others' may be sound.
fn is_useful(response: Option<&Response>) -> bool {
    response.is_some_and(|response| response.code.class() != Class::Misconfigured)
}

/// Whether an end says something about the way to OVO, and what: `None` if it says nothing.
fn is_answer(
    operation: Operation,
    exchange: &Exchange,
    is_useful: bool,
    is_given_up: bool,
) -> Option<bool> {
    match exchange {
        Exchange::Answered(_) if is_useful => Some(true),
        Exchange::NotSent(failure) => (failure.kind != FailureKind::Stopped).then_some(false),
        // OVO may be silent about a prompt that nobody touched.
        _ if operation == Operation::PushToPay => None,
        // Somebody in between answers, a proxy for example; or OVO refuses whatever this node asks.
        Exchange::Answered(_) => Some(false),
        Exchange::NoAnswer(_) => (!is_given_up).then_some(false),
    }
}

impl Inner {
    /// An exchange has ended that took so long.
    pub(super) fn note_reach(
        &self,
        operation: Operation,
        exchange: &Exchange,
        response: Option<&Response>,
        took: Duration,
    ) {
        // Before its time was over: the client closes, or another node has brought what it was to bring.
        let is_given_up = self.is_closing() || took < self.policy.timers.check_budget / 2;
        let is_given_up = is_given_up
            && matches!(exchange, Exchange::NoAnswer(failure) if failure.kind == FailureKind::Stopped);
        match is_answer(operation, exchange, is_useful(response), is_given_up) {
            Some(true) => {
                let was_told = std::mem::take(&mut *lock(&self.reach.0)).told;
                if was_told {
                    self.found(Finding {
                        critical: false,
                        message: "OVO answers this node again".to_owned(),
                    });
                }
            }
            Some(false) => self.tell_of_silence(),
            None => {}
        }
    }

    fn tell_of_silence(&self) {
        let now = self.clock.boottime();
        let Unanswered { count, since, told } = self.reach.failed(now);
        // A minute, in the same scale as everything else.
        let minute = self.policy.timers.retry * 4;
        let is_long = since.is_some_and(|since| now.since(since) >= minute);
        if told || !is_long || self.comes_behind().is_zero() {
            return;
        }
        lock(&self.reach.0).told = true;
        self.found(Finding {
            critical: false,
            message: format!(
                "this node cannot reach OVO, or OVO refuses its set-up (clock, keys): none of its last {count} \
                 requests was of use; its payments are settled by the other nodes, if OVO answers those. Mend \
                 its way to OVO, and send it no customers meanwhile"
            ),
        });
    }

    /// How long this node leaves to the others what is due.
    fn comes_behind(&self) -> Duration {
        let is_alone = self.journal.live_nodes() < 2;
        if is_alone || self.reach.unanswered() < FEW { Duration::ZERO } else { LEFT_TO_OTHERS }
    }

    /// What is due by then is this node's to settle.
    pub(super) fn due_by(&self) -> Boottime {
        let behind = u64::try_from(self.comes_behind().as_millis()).unwrap_or(0);
        Boottime(self.clock.boottime().0.saturating_sub(behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Failure, HttpAnswer};

    #[test]
    fn only_what_ovo_should_have_answered_says_that_it_is_out_of_reach() {
        let failure = |kind| Failure { kind, message: String::new() };
        let answer =
            HttpAnswer { status: 502, body: Vec::new(), server_date: None, retry_after: None };
        let answered = Exchange::Answered(answer);
        let unreachable = Exchange::NotSent(failure(FailureKind::Connect));
        let forbidden = Exchange::NotSent(failure(FailureKind::Stopped));
        let silence = Exchange::NoAnswer(failure(FailureKind::Timeout));
        let (push, reversal) = (Operation::PushToPay, Operation::Reversal);
        for (operation, exchange, is_useful, is_given_up, says) in [
            (push, &answered, true, false, Some(true)),
            (reversal, &answered, true, false, Some(true)),
            // A proxy, and a prompt whose time is over.
            (reversal, &answered, false, false, Some(false)),
            (push, &answered, false, false, None),
            (push, &unreachable, false, false, Some(false)),
            (reversal, &unreachable, false, false, Some(false)),
            (push, &forbidden, false, false, None),
            (reversal, &forbidden, false, false, None),
            // A customer who did nothing.
            (push, &silence, false, false, None),
            (reversal, &silence, false, false, Some(false)),
            (reversal, &silence, false, true, None),
        ] {
            let said = is_answer(operation, exchange, is_useful, is_given_up);
            assert_eq!(said, says, "{operation:?} {exchange:?}");
        }
    }

    #[test]
    fn who_is_refused_for_its_set_up_is_as_good_as_cut_off() {
        for (code, useful) in [("63", false), ("BR", false), ("00", true), ("25", true)] {
            let body = format!(r#"{{"responseCode":"{code}"}}"#);
            let response = Response::read(body.as_bytes()).ok();
            assert!(response.is_some());
            assert_eq!(is_useful(response.as_ref()), useful, "{code}");
        }
        assert!(!is_useful(None));
    }
}
