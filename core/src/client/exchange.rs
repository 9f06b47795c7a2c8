//! One request for one payment: built, signed, sent, and its answer classified. No decisions here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::client::Inner;
use crate::client::server_clock::host_time_fits;
use crate::event::Event;
use crate::message::{Class, Operation, RequestBody, Response};
use crate::numbering::Numbers;
use crate::payment::history::{Ended, Trouble};
use crate::payment::{
    Alert, Asked, Boottime, Evidence, Input, NotSentReason, PaidWith, Payment, PaymentId,
    PushAnswer, Request, ReversalAnswer, State, StatusAnswer, Void, VoidAnswer,
};
use crate::phone::PhoneNumber;
use crate::transport::{self, Exchange, Failure, FailureKind, Watch};

/// How often an exchange that nobody waits for looks whether the client closes.
const SLICE: Duration = Duration::from_millis(250);

/// Whether a request may leave, and whether its answer is still waited for.
struct Watcher {
    inner: Arc<Inner>,
    /// The row that a reversal or a void was decided on.
    decided: Option<(PaymentId, State)>,
    /// How long the answer may take once there is a connection.
    budget: Duration,
    /// When nobody waits for it any more, in milliseconds of boottime: whatever a transport tells of its
    /// connection, there is an end.
    until: AtomicU64,
    /// Whether it is still wanted of a client that closes.
    is_wanted: bool,
    /// Somebody waits for what this request is to bring: it is given up as soon as the journal has it
    /// from another process.
    brings: Option<Brings>,
    /// When the journal was looked at for that, in milliseconds of boottime.
    looked: AtomicU64,
}

/// A payment, and whether what a request about it is to bring is known.
type Brings = (PaymentId, fn(&State) -> bool);

/// The outcome of a payment, or that it is paid.
fn is_decided(state: &State) -> bool {
    state.verdict.is_some() || state.late_paid
}

/// That a void was carried out. (Whatever else somebody wrote of it, this answer may still say so.)
fn is_voided(state: &State) -> bool {
    state.void == Void::Voided
}

impl Watch for Watcher {
    fn connecting(&self) -> bool {
        !self.inner.is_closed()
    }

    fn connected(&self) {
        let answered = self.inner.clock.boottime().plus(self.budget);
        self.until.fetch_min(answered.0, Ordering::AcqRel);
    }

    /// The last look before a reversal or a void leaves: this process may have stood still since
    /// it committed, and OVO cannot tell that another one has moved on ([operations 3.4]).
    ///
    /// [operations 3.4]: crate::manual::operations#34-who-may-act
    fn may_send(&self) -> bool {
        let Some((id, decided)) = &self.decided else { return true };
        let current = self.inner.journal.payment(*id);
        matches!(current, Ok(Some(current)) if current.state.still_calls_for(decided))
    }

    /// A client that closes waits for no answer: whoever opens the journal next asks again.
    fn wait(&self) -> Option<Duration> {
        let until = Boottime(self.until.load(Ordering::Acquire));
        let left = until.since(self.inner.clock.boottime());
        let is_over =
            left.is_zero() || (self.inner.is_closed() && !self.is_wanted) || self.is_known();
        (!is_over).then_some(left.min(SLICE))
    }
}

impl Watcher {
    /// Whether another process has brought what this request is to bring.
    fn is_known(&self) -> bool {
        let Some((id, is_known)) = self.brings else { return false };
        let now = self.inner.clock.boottime();
        let looked = Boottime(self.looked.load(Ordering::Acquire));
        if now.since(looked) < self.inner.look_up {
            return false;
        }
        self.looked.store(now.0, Ordering::Release);
        matches!(self.inner.journal.payment(id), Ok(Some(row)) if is_known(&row.state))
    }
}

/// A classified answer, what of it is kept as evidence if it decides, and what of it is history.
pub(super) struct Heard {
    pub(super) input: Input,
    pub(super) response: Option<Response>,
    pub(super) ended: Ended,
    pub(super) took: Duration,
}

/// Why not one byte of a push left, and what the network said.
pub(super) type WhyNotSent = (NotSentReason, String);

impl Inner {
    /// Sends the request that the policy asked for and reads the answer into the input to step. `waiting`:
    /// somebody waits for what it is to bring.
    pub(super) fn perform(
        self: &Arc<Self>,
        payment: &Payment,
        request: Request,
        waiting: bool,
    ) -> Heard {
        let issued = self.clock.boottime();
        let intent = &payment.intent;
        let phone = self.phone_of(payment);
        let now = || self.clock.wall().wib_text();
        let voided: Option<Brings> = waiting.then_some((payment.id, is_voided));
        let (exchange, response, input) = match request {
            Request::CheckPayment => {
                let body = intent.reference(phone.as_ref()).check_payment(&intent.date());
                let numbers = Some(intent.numbers);
                let (exchange, response) = if payment.state.verdict.is_none() {
                    // A sale hangs on this answer, and it is asked for once: a client that closes
                    // waits for it, too.
                    let timers = &self.policy.timers;
                    let (send, total) = (timers.send_budget, timers.check_budget);
                    let brings: Option<Brings> = waiting.then_some((payment.id, is_decided));
                    let watch = self.watcher(None, total, issued.plus(total), true, brings);
                    self.send(&body, numbers, send.min(total), total, &watch)
                } else {
                    self.ask(&body, numbers)
                };
                let answer = match (&exchange, &response) {
                    (_, Some(response)) => self.read_check(payment, phone.as_ref(), response),
                    (Exchange::NotSent(_), _) => StatusAnswer::NotSent,
                    _ => StatusAnswer::NoAnswer,
                };
                (exchange, response, Input::Checked { issued, answer, waiting })
            }
            Request::Reversal => {
                let carried = if self.phone_in_reversal { phone.as_ref() } else { None };
                let body = intent.reference(carried).reversal(&now());
                let (exchange, response) = self.move_money(&body, payment, None);
                let answer = match (&exchange, &response) {
                    (Exchange::NotSent(_), _) => ReversalAnswer::NotSent,
                    (_, Some(response)) => {
                        self.read(payment, phone.as_ref(), response, ReversalAnswer::classify)
                    }
                    _ => ReversalAnswer::Again(None),
                };
                // Whatever the code says, a pause that the host asks for counts (N20).
                let answer = match (answer, &exchange) {
                    (ReversalAnswer::Again(None), Exchange::Answered(http)) => {
                        ReversalAnswer::Again(
                            http.retry_after.map(|seconds| Duration::from_secs(seconds.into())),
                        )
                    }
                    (answer, _) => answer,
                };
                (exchange, response, Input::Reversed { issued, answer })
            }
            Request::Void => {
                let date = payment.evidence.void_date.clone().unwrap_or_else(now);
                let body = intent.reference(phone.as_ref()).void(&date);
                let (exchange, response) = self.move_money(&body, payment, voided);
                let answer = match (&exchange, &response) {
                    (_, Some(response)) => {
                        self.read(payment, phone.as_ref(), response, VoidAnswer::classify)
                    }
                    (Exchange::NotSent(_), _) => VoidAnswer::NotSent,
                    _ => VoidAnswer::Unknown,
                };
                (exchange, response, Input::VoidAnswered(answer))
            }
            Request::CheckVoid => {
                let date = payment.evidence.void_date.clone().unwrap_or_else(now);
                let body = intent.reference(phone.as_ref()).check_void(&date);
                let numbers = Some(intent.numbers);
                let (exchange, response) = self.send_patiently(&body, numbers, None, voided);
                let answer = match (&exchange, &response) {
                    (_, Some(response)) => {
                        self.read(payment, phone.as_ref(), response, StatusAnswer::classify_void)
                    }
                    (Exchange::NotSent(_), _) => StatusAnswer::NotSent,
                    _ => StatusAnswer::NoAnswer,
                };
                let (now, wall) = (self.clock.boottime(), self.clock.wall());
                let in_time = self.server_clock.void_again_in_time(payment, now, wall);
                (exchange, response, Input::VoidChecked { issued, answer, in_time })
            }
        };
        let took = self.clock.boottime().since(issued);
        Heard { input, ended: ended(&exchange, response.as_ref()), response, took }
    }

    /// Pushes: the one request whose watch is the caller's. It ends the wait at the verdict.
    pub(super) fn push(
        &self,
        payment: &Payment,
        phone: &PhoneNumber,
        watch: &Arc<dyn Watch>,
    ) -> (Heard, Option<WhyNotSent>) {
        let intent = &payment.intent;
        let reference = intent.reference(Some(phone));
        let body = reference.push_to_pay(&intent.date());
        let timers = &self.policy.timers;
        // Counted from the Intent: what is not written then is not written any more (rule 4), and by
        // the end of the send budget a crash assumes that the last byte has left.
        let written_by = payment.state.begun.plus(timers.send_check.min(timers.send_budget));
        let began = self.clock.boottime();
        let send_budget = written_by.since(began);
        // The watch ends the wait at the verdict; this is the backstop behind it.
        let total = timers.send_budget + timers.decide + timers.exchange_budget;
        let (exchange, response) =
            self.send(&body, Some(intent.numbers), send_budget, total, watch);
        let input = match (&exchange, &response) {
            (Exchange::NotSent(_), _) => Input::NotSent,
            (_, Some(response)) => {
                let answer = self.read(payment, Some(phone), response, PushAnswer::classify);
                self.note_sloppy_fields(payment, phone, response, answer);
                Input::Answered(answer)
            }
            _ => Input::Answered(PushAnswer::Unknown),
        };
        let took = self.clock.boottime().since(began);
        let ended = ended(&exchange, response.as_ref());
        let why = match exchange {
            Exchange::NotSent(failure) => Some(self.why_not_sent(failure)),
            _ => None,
        };
        (Heard { input, response, ended, took }, why)
    }

    fn why_not_sent(&self, failure: Failure) -> WhyNotSent {
        let reason = match failure.kind {
            FailureKind::Resolve => NotSentReason::UnknownHost,
            FailureKind::Tls => NotSentReason::NotTrusted,
            FailureKind::Timeout => NotSentReason::TooSlow,
            FailureKind::Stopped if self.is_closed() => NotSentReason::Closed,
            FailureKind::Stopped => NotSentReason::Stopped,
            _ => NotSentReason::NoConnection,
        };
        (reason, failure.message)
    }

    /// Reads an answer with what is known about the payment beside its fields.
    fn read<A>(
        &self,
        payment: &Payment,
        phone: Option<&PhoneNumber>,
        response: &Response,
        read: impl FnOnce(&Response, &Asked<'_>) -> A,
    ) -> A {
        let intent = &payment.intent;
        let state = &payment.state;
        // A journal that cannot be asked may hold any invoice.
        let is_another = |text: &str| match text.parse() {
            Ok(invoice) => {
                let is_unknown = || {
                    matches!(self.journal.find(&invoice), Ok(None))
                        && matches!(self.journal.archived(&invoice), Ok(None))
                };
                invoice != intent.invoice && !is_unknown()
            }
            Err(_) => false,
        };
        let asked = Asked {
            payment: &intent.reference(phone),
            vouched: state.attested && !state.duplicate_hint,
            unheard: state.unheard,
            shown: state.late_paid && state.is_certainly_ours(),
            duplicate_hint: state.duplicate_hint,
            check_follows: !state.check_unavailable,
            same_time: host_time_fits(response, intent.wall),
            is_another: &is_another,
        };
        read(response, &asked)
    }

    /// Reads the answer to a status check. 58 and 96 mean a contract without checks where none was
    /// ever answered; where one was, they are a passing error and no answer, for an hour of asking.
    fn read_check(
        &self,
        payment: &Payment,
        phone: Option<&PhoneNumber>,
        response: &Response,
    ) -> StatusAnswer {
        let answer = self.read(payment, phone, response, StatusAnswer::classify);
        match answer {
            StatusAnswer::Unavailable
                if self.checks_are_told.load(Ordering::Relaxed)
                    && !payment.state.has_asked_for_an_hour() =>
            {
                if self.may_tell(&self.refused_checks) {
                    self.alert(payment, Alert::CheckUnavailable);
                }
                StatusAnswer::NoAnswer
            }
            StatusAnswer::Paid | StatusAnswer::NotFound | StatusAnswer::Reversed => {
                self.checks_are_told.store(true, Ordering::Relaxed);
                answer
            }
            _ => answer,
        }
    }

    /// A host that writes fields in its own way is accepted, and the operator hears of it: once for
    /// each field.
    fn note_sloppy_fields(
        &self,
        payment: &Payment,
        phone: &PhoneNumber,
        response: &Response,
        answer: PushAnswer,
    ) {
        if answer != PushAnswer::Approved {
            return;
        }
        let identity = self.read(payment, Some(phone), response, |response, asked| {
            asked.identity(Operation::PushToPay, response)
        });
        let Some(field) = identity.sloppy_field() else { return };
        let bit = 1 << field as u32;
        if self.sloppy_fields.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.alert(payment, Alert::SloppyEcho(field));
        }
    }

    /// A push that was refused for the set-up is a decline like any other to its customer. The
    /// operator hears of it, or a wrong key would turn every customer away unnoticed (K11).
    pub(super) fn note_refused_set_up(&self, payment: &Payment, response: Option<&Response>) {
        let Some(code) = response.map(|response| response.code) else { return };
        let alert = Alert::Misconfigured(code);
        if code.class() == Class::Misconfigured && self.is_news(&alert) {
            self.alert(payment, alert);
        }
    }

    /// A reversal or a void, written only if the journal still says so.
    fn move_money(
        self: &Arc<Self>,
        body: &RequestBody,
        payment: &Payment,
        brings: Option<Brings>,
    ) -> (Exchange, Option<Response>) {
        let decided = Some((payment.id, payment.state));
        self.send_patiently(body, Some(payment.intent.numbers), decided, brings)
    }

    /// A request that moves no money.
    pub(super) fn ask(
        self: &Arc<Self>,
        body: &RequestBody,
        numbers: Option<Numbers>,
    ) -> (Exchange, Option<Response>) {
        self.send_patiently(body, numbers, None, None)
    }

    /// Connecting takes as long as it may take a push: on a way that lets pushes out, what takes them
    /// back gets out, too. The exchange's own budget is for the rest.
    fn send_patiently(
        self: &Arc<Self>,
        body: &RequestBody,
        numbers: Option<Numbers>,
        decided: Option<(PaymentId, State)>,
        brings: Option<Brings>,
    ) -> (Exchange, Option<Response>) {
        let timers = &self.policy.timers;
        let (send_budget, budget) = (timers.send_budget, timers.exchange_budget);
        let until = self.clock.boottime().plus(send_budget + budget);
        let watch = self.watcher(decided, budget, until, false, brings);
        self.send(body, numbers, send_budget, send_budget + budget, &watch)
    }

    /// Who gives a request up when the client closes.
    pub(super) fn watch(self: &Arc<Self>, budget: Duration) -> Arc<dyn Watch> {
        let connected = self.clock.boottime().plus(self.policy.timers.send_budget);
        self.watcher(None, budget, connected.plus(budget), false, None)
    }

    fn watcher(
        self: &Arc<Self>,
        decided: Option<(PaymentId, State)>,
        budget: Duration,
        until: Boottime,
        is_wanted: bool,
        brings: Option<Brings>,
    ) -> Arc<dyn Watch> {
        let (inner, until) = (Arc::clone(self), until.0.into());
        let looked = self.clock.boottime().0.into();
        Arc::new(Watcher { inner, decided, budget, until, is_wanted, brings, looked })
    }

    fn send(
        &self,
        body: &RequestBody,
        numbers: Option<Numbers>,
        send_budget: Duration,
        total_budget: Duration,
        watch: &Arc<dyn Watch>,
    ) -> (Exchange, Option<Response>) {
        // Signed anew for every attempt, from one reading of the clock (protocol 1.3).
        let sign = || self.signer.sign(body.bytes(), self.clock.wall());
        let request = transport::HttpRequest {
            operation: body.operation(),
            body: body.bytes(),
            app_id: self.signer.app_id(),
            sign: &sign,
            send_budget,
            total_budget,
        };
        let began = self.clock.boottime();
        let exchange = self.transport.exchange(&request, watch);
        let took = self.clock.boottime().since(began);
        let response = match &exchange {
            Exchange::Answered(answer) => {
                if let Some(date) = answer.date() {
                    self.server_clock.learn(date.unix_seconds(), self.clock.boottime());
                }
                answer.response()
            }
            _ => None,
        };
        self.tell(|| Event::Exchanged {
            numbers,
            operation: body.operation(),
            result: result_line(&exchange, response.as_ref()),
        });
        let code = response.as_ref().map(|response| response.code);
        self.counters.exchanged(body.operation(), &exchange, code, took);
        #[cfg(feature = "postgres")]
        self.note_reach(body.operation(), &exchange, response.as_ref(), took);
        self.adopt_accepted_key(response.as_ref());
        (exchange, response)
    }

    /// An app key that the journal does not know becomes its key once OVO answers something other
    /// than that it does not know it either. Of a form that it cannot read (BR) it may not have looked at the
    /// signature.
    fn adopt_accepted_key(&self, response: Option<&Response>) {
        let code = response.map(|response| response.code);
        let accepted =
            code.is_some_and(|code| !matches!(code.as_str(), "63" | "BR") && !code.is_outage());
        if accepted && self.unknown_key.swap(false, Ordering::Relaxed) {
            let ring = self.seal.ring().unwrap_or_default();
            if let Err(error) = self.journal.adopt_key(&self.seal.key(), &ring) {
                self.unknown_key.store(true, Ordering::Relaxed);
                self.tell(|| Event::JournalFailed { message: error.to_string() });
            }
        }
    }

    pub(super) fn phone_of(&self, payment: &Payment) -> Option<PhoneNumber> {
        let sealed = payment.intent.phone.as_ref()?;
        self.seal.open(sealed, &payment.intent.invoice)
    }
}

/// What an answer leaves behind as proof: codes and times, nothing about a person.
pub(super) fn keep(evidence: &mut Evidence, response: &Response) {
    let short = |text: &Option<String>| {
        text.as_ref()
            .filter(|text| text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_graphic()))
            .cloned()
    };
    evidence.code = Some(response.code);
    evidence.approval_code = short(&response.approval_code);
    evidence.trace_number = short(&response.trace_number);
    evidence.host_date = short(&response.host_date);
    evidence.host_time = short(&response.host_time);
    let digits = |text: &Option<String>| {
        let few = |text: &&String| text.len() <= 12 && text.bytes().all(|it| it.is_ascii_digit());
        text.as_ref().filter(few).cloned()
    };
    if let Some(wallet) = &response.wallet {
        evidence.paid_with = PaidWith {
            cash: digits(&wallet.cash_used),
            points: digits(&wallet.points_used),
            points_earned: digits(&wallet.points_earned),
        };
    }
}

fn ended(exchange: &Exchange, response: Option<&Response>) -> Ended {
    match exchange {
        Exchange::NotSent(failure) => Ended::NotSent(trouble(failure.kind)),
        Exchange::NoAnswer(failure) => Ended::NoAnswer(trouble(failure.kind)),
        Exchange::Answered(answer) => {
            Ended::Answered { status: answer.status, code: response.map(|response| response.code) }
        }
    }
}

fn trouble(kind: FailureKind) -> Trouble {
    match kind {
        FailureKind::Resolve => Trouble::Resolve,
        FailureKind::Connect => Trouble::Connect,
        FailureKind::Tls => Trouble::Tls,
        FailureKind::Stopped => Trouble::Stopped,
        FailureKind::Timeout => Trouble::Timeout,
        FailureKind::Broken => Trouble::Broken,
        FailureKind::Malformed => Trouble::Malformed,
    }
}

fn result_line(exchange: &Exchange, response: Option<&Response>) -> String {
    match (exchange, response) {
        (Exchange::Answered(answer), Some(response)) => {
            format!("HTTP {}, code {}", answer.status, response.code)
        }
        (Exchange::Answered(answer), None) => {
            format!("HTTP {}, no readable answer", answer.status)
        }
        (Exchange::NotSent(failure), _) => format!("not sent: {}", failure.message),
        (Exchange::NoAnswer(failure), _) => format!("no answer: {}", failure.message),
    }
}
