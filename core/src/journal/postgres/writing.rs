//! Writes: in groups, in one statement, sent again with the same token until their fate is known.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::store::{Ask, Failure, Function, Later, Line, Reply, random};
use super::{
    LONGEST, PAUSE, PostgresJournal, Shared, TRIES, blocks, mixed_up, rows, silent, unreachable,
};
use crate::journal::group::Writer;
use crate::journal::version::first_version;
use crate::journal::{Begun, Journal, JournalError, JournalErrorKind, NewPayment, Update, rules};
use crate::lock::lock;
use crate::numbering::{BatchMethod, Numbers, starting_batch};
use crate::payment::{Payment, PaymentId};

/// When somebody else is asked why there is no answer.
const SILENT: Duration = Duration::from_secs(10);
/// How often a customer's other payments may change under a new one.
const MOST_LOOKS: usize = 8;

/// One write of one caller, as the server takes it.
pub(super) enum Op {
    Begin(Json),
    /// The row, with its id, its version and its token.
    Update(Json, (i64, i64, i64)),
    /// The same, of a row that is doubted while the journal is judged.
    Doubt(Json, (i64, i64, i64)),
}

/// What came of it.
pub(super) enum Answer {
    Fresh {
        id: i64,
        batch: i64,
        reference: i64,
        attested: bool,
    },
    Existing(i64),
    /// It is in an archive of the file that this journal came from.
    Archived(i64),
    Blocked(Vec<i64>),
    NoNumbers(String),
    Update(String),
}

impl PostgresJournal {
    fn submit(&self, op: Op) -> Result<Answer, JournalError> {
        self.refuse_after_fork()?;
        self.group.submit(op, self)
    }

    /// Rule 1.
    pub(super) fn begin_payment(
        &self,
        new: &NewPayment,
        method: BatchMethod,
    ) -> Result<Begun, JournalError> {
        let boot = self.boot();
        let any = Numbers::new(1, 1).map_err(|_| mixed_up())?;
        let mut first = first_version(new, 1, any, boot, true, &self.incarnation);
        first.boot = self.shared.outward(boot);
        // Nothing of it follows from the numbers, which the server gives.
        let token = random(&*self.shared.store);
        first.state.seed = token as u16;
        rules::check_begin(&first)?;
        let mut tags = vec![rows::hex(&new.phone.tag)];
        tags.extend(new.former_tags.iter().map(|tag| rows::hex(tag)));
        let mut ignoring: Vec<(i64, u64)> = Vec::new();
        for _ in 0..MOST_LOOKS {
            let op = json!({
                "row": rows::encode(&first, &self.incarnation)?,
                "token": token,
                "sealed": rows::hex(&new.phone.sealed),
                "tags": tags,
                "careful": new.refuse_unsettled_customer,
                "ignoring": ignoring,
                "daily": method == BatchMethod::Daily,
                "first": self.first_batch,
                "start": starting_batch(new.wall).ok(),
            });
            match self.submit(Op::Begin(op))? {
                Answer::Fresh { id, batch, reference, attested } => {
                    let number = |number: i64| u32::try_from(number).unwrap_or(0);
                    first.intent.numbers =
                        Numbers::new(number(batch), number(reference)).map_err(|_| mixed_up())?;
                    first.id = PaymentId(id);
                    first.state.attested = attested;
                    first.boot = boot;
                    lock(&self.shared.memory).told(&first, token);
                    return Ok(Begun::Fresh(first));
                }
                Answer::Existing(id) => {
                    if let Some(known) = self.payment(PaymentId(id))? {
                        return Ok(Begun::Existing(known));
                    }
                    // It was archived in between, and the journal says so from here on.
                    if self.archived(&new.invoice)?.is_none() {
                        return Err(missing(id));
                    }
                }
                Answer::Archived(id) => return Ok(Begun::Archived(PaymentId(id))),
                Answer::Blocked(ids) => {
                    for id in ids {
                        let open = self.there(id)?;
                        if blocks(&open, new, boot) {
                            return Ok(Begun::UnsettledCustomer(open));
                        }
                        ignoring.push((id, open.version));
                    }
                }
                Answer::NoNumbers(why) => {
                    return Err(JournalError::new(JournalErrorKind::Numbers, why));
                }
                Answer::Update(_) => return Err(mixed_up()),
            }
        }
        Err(unreachable("begin: the customer's payments change too often; try again"))
    }

    /// A row that is there.
    fn there(&self, id: i64) -> Result<Payment, JournalError> {
        self.payment(PaymentId(id))?.ok_or_else(|| missing(id))
    }

    /// Compare-and-set of a whole row.
    pub(super) fn update_payment(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.put(payment, Op::Update)
    }

    /// The same while the journal is judged.
    pub(super) fn doubt_payment(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.put(payment, Op::Doubt)
    }

    fn put(
        &self,
        payment: &Payment,
        op: fn(Json, (i64, i64, i64)) -> Op,
    ) -> Result<Update, JournalError> {
        let mut after = payment.clone();
        after.version += 1;
        after.boot = self.shared.outward(after.boot);
        let token = random(&*self.shared.store);
        let row = rows::encode(&after, &self.incarnation)?;
        let version = i64::try_from(after.version).unwrap_or(i64::MAX);
        let key = (after.id.0, version, token);
        let Answer::Update(told) = self.submit(op(json!({ "row": row, "token": token }), key))?
        else {
            return Err(mixed_up());
        };
        let id = payment.id.0;
        match told.as_str() {
            "won" => {
                lock(&self.shared.memory).acknowledged(id, version, token);
                Ok(Update::Won(after.version))
            }
            "lost" => Ok(Update::Lost(Box::new(self.there(id)?))),
            "missing" if self.archived(&payment.intent.invoice)?.is_some() => {
                Err(JournalError::new(
                    JournalErrorKind::Forbidden,
                    format!("payment {id} was archived"),
                ))
            }
            "missing" => Err(missing(id)),
            "intent" => {
                Err(JournalError::new(JournalErrorKind::Forbidden, "an intent never changes"))
            }
            _ => Err(JournalError::new(
                JournalErrorKind::Frozen,
                format!(
                    "payment {id} is another one than it was: the server lost what it had told"
                ),
            )),
        }
    }
}

fn missing(id: i64) -> JournalError {
    JournalError::new(JournalErrorKind::Corrupt, format!("payment {id} is missing"))
}

impl Writer<Op, Result<Answer, JournalError>> for PostgresJournal {
    fn write(&self, group: Vec<Op>) -> Vec<Result<Answer, JournalError>> {
        let all: Vec<usize> = (0..group.len()).collect();
        match self.write_some(&group, &all) {
            Ok(answers) => answers,
            // One that the database refuses is refused alone.
            Err(error) if error.kind == JournalErrorKind::Forbidden && group.len() > 1 => all
                .iter()
                .map(|one| {
                    let mut answers = self.write_some(&group, &[*one])?;
                    answers.pop().unwrap_or_else(|| Err(mixed_up()))
                })
                .collect(),
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn tidy(&self, _idle: bool) {}

    fn lets_others_go_on(&self) -> bool {
        self.shared.store.lets_others_go_on()
    }

    fn lost(&self) -> Result<Answer, JournalError> {
        Err(unreachable("the commit was broken off"))
    }
}

impl PostgresJournal {
    fn write_some(
        &self,
        group: &[Op],
        which: &[usize],
    ) -> Result<Vec<Result<Answer, JournalError>>, JournalError> {
        // Everywhere in one order, or two nodes wait for each other.
        let mut updates: Vec<usize> = Vec::new();
        let mut begins: Vec<usize> = Vec::new();
        let mut doubting = false;
        for index in which {
            match &group[*index] {
                Op::Begin(_) => begins.push(*index),
                Op::Update(..) => updates.push(*index),
                Op::Doubt(..) => {
                    doubting = true;
                    updates.push(*index);
                }
            }
        }
        updates.sort_by_key(|index| match &group[*index] {
            Op::Update(_, key) | Op::Doubt(_, key) => *key,
            Op::Begin(_) => (0, 0, 0),
        });
        let text = |index: &usize| match &group[*index] {
            Op::Begin(op) | Op::Update(op, _) | Op::Doubt(op, _) => op.clone(),
        };
        let told = json!({
            "known": self.shared.known(),
            "doubting": doubting,
            "updates": updates.iter().map(text).collect::<Vec<_>>(),
            "begins": begins.iter().map(text).collect::<Vec<_>>(),
        });
        let shared = Arc::clone(&self.shared);
        let answer = self.run(LONGEST, async move { shared.write(told).await });
        let answer = answer.unwrap_or_else(|| Err(silent("write"))).inspect_err(|error| {
            self.shared.note_refusal(error);
        })?;
        lock(&self.shared.memory).reached(answer["lsn"].as_str().unwrap_or(""));
        let mut answers: Vec<(usize, Result<Answer, JournalError>)> = Vec::new();
        for (index, told) in updates.iter().zip(answer["updates"].as_array().into_iter().flatten())
        {
            let told = told.as_str().unwrap_or_default().to_owned();
            answers.push((*index, Ok(Answer::Update(told))));
        }
        for (index, told) in begins.iter().zip(answer["begins"].as_array().into_iter().flatten()) {
            answers.push((*index, began(told)));
        }
        if answers.len() != which.len() {
            return Err(mixed_up());
        }
        answers.sort_by_key(|(index, _)| *index);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

fn began(told: &Json) -> Result<Answer, JournalError> {
    let number = |index: usize| told[index].as_i64().ok_or_else(mixed_up);
    match told[0].as_str() {
        Some("fresh") => Ok(Answer::Fresh {
            id: number(1)?,
            batch: number(2)?,
            reference: number(3)?,
            attested: number(4)? == 1,
        }),
        Some("existing") => Ok(Answer::Existing(number(1)?)),
        Some("archived") => Ok(Answer::Archived(number(1)?)),
        Some("blocked") => {
            let ids = told[1].as_array().into_iter().flatten();
            Ok(Answer::Blocked(ids.filter_map(Json::as_i64).collect()))
        }
        Some("no batch") => Ok(Answer::NoNumbers(
            "the clock is outside 2025 to 2053, so no unused batch can be chosen for a new journal; set \
             the clock or give the first batch"
                .to_owned(),
        )),
        Some("used up") => Ok(Answer::NoNumbers("batch 999999 is used up".to_owned())),
        _ => Err(mixed_up()),
    }
}

impl Shared {
    /// Sends a write until its fate is known. It is sent on a connection that has no earlier write without
    /// an answer: there are two, so that at most one is given up and one is tried.
    async fn write(&self, told: Json) -> Result<Json, JournalError> {
        let until = self.store.now() + TRIES;
        let mut line = None;
        for writer in &self.writers {
            if let Ok(free) = writer.try_lock() {
                line = Some(free);
                break;
            }
        }
        let mut line =
            line.ok_or_else(|| unreachable("write: an earlier write has no answer yet"))?;
        let ask = Ask::Call(Function::Write, told);
        loop {
            let error = match self.once(&mut line, &ask).await {
                Ok(answer) => return Ok(answer),
                Err(Trial::Refused(error)) => return Err(error),
                Err(Trial::Unknown(error)) => error,
            };
            if self.store.now() >= until {
                return Err(error);
            }
            self.store.sleep(PAUSE).await;
        }
    }

    /// One try of a question that is answered in JSON.
    pub(super) async fn once(
        &self,
        line: &mut Option<Arc<dyn Line>>,
        ask: &Ask,
    ) -> Result<Json, Trial> {
        if line.as_ref().is_none_or(|line| line.is_closed()) {
            *line = None;
            *line = Some(self.connect().await.map_err(|error| match error.kind {
                JournalErrorKind::Unreachable => Trial::Unknown(error),
                _ => Trial::Refused(error),
            })?);
        }
        let Some(open) = line.as_ref().map(Arc::clone) else {
            return Err(Trial::Unknown(silent(ask.doing())));
        };
        match self.heard(&*open, ask).await {
            Ok(Reply::Told(told)) => Ok(told),
            Ok(Reply::Payments(_)) => Err(Trial::Refused(mixed_up())),
            Err(Failure::Lost(error)) => {
                *line = None;
                Err(Trial::Unknown(error))
            }
            Err(Failure::Passes(error)) => Err(Trial::Unknown(error)),
            Err(Failure::Refused(error)) => Err(Trial::Refused(error)),
        }
    }
}

impl Shared {
    /// The answer, however long the server is at work. Behind something that keeps connections alive and
    /// forgets what it carries (a proxy, a load balancer) none would ever come, nor an end: where nothing was
    /// heard for long, and a new connection tells that nobody is at work, this one is given up.
    async fn heard(&self, open: &dyn Line, ask: &Ask) -> Result<Reply, Failure> {
        let mut answer = open.ask(ask);
        loop {
            if let Some(heard) = within(&mut answer, self.store.sleep(SILENT)).await {
                return heard;
            }
            if !self.is_at_work().await {
                open.give_up();
                return Err(Failure::Lost(silent(ask.doing())));
            }
        }
    }

    /// Whether the server works on something of a node's, or cannot be asked. A write that waits for the
    /// standby is not given up: its session would stay, and the next one's, until the server has no more.
    async fn is_at_work(&self) -> bool {
        let Ok(line) = self.connect().await else { return true };
        let told = within(&mut line.ask(&Ask::IsAtWork), self.store.sleep(TRIES)).await;
        line.give_up();
        !matches!(told, Some(Ok(Reply::Told(Json::Bool(false)))))
    }
}

/// What `work` comes to before `end`.
async fn within<T>(work: &mut Later<'_, T>, mut end: Later<'static, ()>) -> Option<T> {
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// How a try failed.
pub(super) enum Trial {
    /// Nothing was written, and nothing will be.
    Refused(JournalError),
    /// It may have been, or it may be if it is tried again.
    Unknown(JournalError),
}

impl Trial {
    pub(super) fn into_error(self) -> JournalError {
        match self {
            Trial::Refused(error) | Trial::Unknown(error) => error,
        }
    }
}
