//! What happens on native threads, kept until a Python thread comes for it.
//!
//! Nothing native waits for the interpreter: a full mailbox drops events and counts them, and
//! answers are as few as the calls that wait for them. Events and answers are fetched by a thread
//! each, because events go to the caller's functions, which may take their time, and answers to
//! event loops, which must not wait for those.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ovo_ptp::journal::postgres::NoPassword;
use ovo_ptp::{Event, Phase};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::answer::Answer;
use crate::client::Hidden;
use crate::error::Failure;
use crate::password::Questions;

/// Events kept for a reader that does not come.
const MOST_EVENTS: usize = 10_000;
/// Events wait a little for company, so that a busy shop is not one wake-up an event.
const LINGER: Duration = Duration::from_millis(100);

/// The newest countdown of one payment.
#[derive(Clone, Copy)]
pub(crate) struct Countdown {
    pub(crate) number: u64,
    pub(crate) phase: &'static str,
    pub(crate) remaining: Duration,
}

/// Somebody looks at a payment's countdown.
#[derive(Default)]
struct Watched {
    watchers: usize,
    /// Whether the countdown is also put among the events.
    posted: usize,
    countdown: Option<Countdown>,
}

/// Events in the order in which they happened, the oldest dropped where there is no room.
#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    first: Option<Instant>,
}

impl Queue {
    /// Returns whether one was dropped for it.
    fn push(&mut self, event: Event) -> bool {
        let full = self.events.len() >= MOST_EVENTS;
        if full {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.first.get_or_insert_with(Instant::now);
        full
    }

    /// How long the events still wait for company; `None` if there are none.
    fn lingers(&self) -> Option<Duration> {
        self.first.map(|first| LINGER.saturating_sub(first.elapsed()))
    }

    fn take(&mut self) -> VecDeque<Event> {
        self.first = None;
        std::mem::take(&mut self.events)
    }
}

#[derive(Default)]
struct Post {
    /// For the log and the caller's function.
    events: Queue,
    /// For event loops; fetched with the answers, so that the last countdown comes before the outcome.
    countdowns: Queue,
    answers: Vec<(u64, Result<Answer, Failure>)>,
    stopped: bool,
    watched: HashMap<String, Watched>,
    counts: Counts,
    level: i32,
}

#[derive(Clone, Default)]
struct Counts {
    outcomes: HashMap<&'static str, u64>,
    requests: HashMap<&'static str, u64>,
    unanswered: u64,
    settled: u64,
    alerts: u64,
    critical_alerts: u64,
    journal_failures: u64,
    dropped_events: u64,
}

/// The part that native threads hold.
#[derive(Default)]
pub(crate) struct Letters {
    post: Mutex<Post>,
    /// Whoever fetches events sleeps here, whoever fetches answers there.
    events_rung: Condvar,
    answers_rung: Condvar,
    /// For whoever answers them.
    pub(crate) questions: Questions,
}

/// Python's levels of log messages.
fn level(event: &Event) -> i32 {
    match event {
        Event::Alert { alert, .. } if alert.is_critical() => 50,
        Event::JournalFound(found) if found.critical => 50,
        Event::JournalFound(_) => 30,
        Event::JournalFailed { .. } => 40,
        Event::Alert { .. } => 30,
        Event::Decided { .. } | Event::Settled { .. } | Event::Ruled { .. } => 20,
        _ => 10,
    }
}

pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Sending => "sending",
        Phase::WaitingForCustomer => "waiting_for_customer",
        Phase::Checking => "checking",
    }
}

impl Letters {
    fn post(&self) -> MutexGuard<'_, Post> {
        // Whole at every moment: nothing panics while it is held.
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client's observer.
    pub(crate) fn observe(&self, event: &Event) {
        let mut post = self.post();
        post.counts.count(event);
        let is_countdown = matches!(event, Event::Progress { .. });
        if let Event::Progress { invoice, phase, remaining } = event {
            let Some(watched) = post.watched.get_mut(invoice.as_str()) else { return };
            let number = watched.countdown.map_or(1, |last| last.number + 1);
            let countdown = Countdown { number, phase: phase_name(*phase), remaining: *remaining };
            watched.countdown = Some(countdown);
            if watched.posted == 0 {
                return;
            }
        } else if level(event) < post.level {
            return;
        }
        if post.stopped {
            return;
        }
        let queue = if is_countdown { &mut post.countdowns } else { &mut post.events };
        let was_empty = queue.first.is_none();
        let dropped = queue.push(event.clone());
        post.counts.dropped_events += u64::from(dropped);
        drop(post);
        if was_empty {
            // Whoever sleeps over an empty queue must learn how long it may go on.
            if is_countdown {
                self.answers_rung.notify_all()
            } else {
                self.events_rung.notify_all()
            }
        }
    }

    /// The answer to a call that waits under this number.
    pub(crate) fn answer(&self, number: u64, answer: Result<Answer, Failure>) {
        let mut post = self.post();
        if post.stopped {
            return;
        }
        post.answers.push((number, answer));
        drop(post);
        self.answers_rung.notify_all();
    }

    pub(crate) fn countdown(&self, invoice: &str) -> Option<Countdown> {
        self.post().watched.get(invoice).and_then(|watched| watched.countdown)
    }

    /// Waits on `rung` until `lingers` says that there is nothing more to wait for; false once stopped.
    fn wait(&self, rung: &Condvar, lingers: impl Fn(&Post) -> Option<Duration>) -> bool {
        let mut post = self.post();
        while !post.stopped {
            post = match lingers(&post) {
                Some(left) if left.is_zero() => return true,
                Some(left) => match rung.wait_timeout(post, left) {
                    Ok((post, _)) => post,
                    Err(poisoned) => poisoned.into_inner().0,
                },
                None => rung.wait(post).unwrap_or_else(PoisonError::into_inner),
            };
        }
        false
    }
}

/// Somebody looks at a payment's countdown; until this is dropped it is kept.
pub(crate) struct Watching {
    letters: Arc<Letters>,
    invoice: String,
    process: u32,
}

impl Watching {
    pub(crate) fn new(letters: &Arc<Letters>, invoice: &str) -> Watching {
        letters.post().watched.entry(invoice.to_owned()).or_default().watchers += 1;
        let letters = Arc::clone(letters);
        Watching { letters, invoice: invoice.to_owned(), process: std::process::id() }
    }

    pub(crate) fn letters(&self) -> &Arc<Letters> {
        &self.letters
    }

    pub(crate) fn invoice(&self) -> &str {
        &self.invoice
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            return; // a thread that is not here may have held the lock at the fork
        }
        let mut post = self.letters.post();
        if let Some(watched) = post.watched.get_mut(&self.invoice) {
            watched.watchers = watched.watchers.saturating_sub(1);
            if watched.watchers == 0 {
                post.watched.remove(&self.invoice);
            }
        }
    }
}

impl Counts {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Exchanged { operation, result, .. } => {
                *self.requests.entry(operation.name()).or_default() += 1;
                self.unanswered += u64::from(!result.starts_with("HTTP"));
            }
            Event::Decided { outcome, .. } => *self.outcomes.entry(outcome).or_default() += 1,
            Event::Settled { .. } => self.settled += 1,
            Event::Alert { alert, .. } => {
                self.alerts += 1;
                self.critical_alerts += u64::from(alert.is_critical());
            }
            Event::JournalFound(found) => {
                self.alerts += 1;
                self.critical_alerts += u64::from(found.critical);
            }
            Event::JournalFailed { .. } => self.journal_failures += 1,
            _ => {}
        }
    }
}

/// Events and answers of one client, for the Python thread that empties it.
#[pyclass(frozen, module = "ovo_ptp._native")]
pub(crate) struct Mailbox {
    pub(crate) letters: Arc<Letters>,
    process: u32,
}

#[pymethods]
impl Mailbox {
    #[new]
    fn new() -> Mailbox {
        Mailbox { letters: Arc::default(), process: std::process::id() }
    }

    /// Waits until there are events to take; `False` once it is stopped.
    fn wait_events(&self, py: Python<'_>) -> bool {
        py.detach(|| self.letters.wait(&self.letters.events_rung, |post| post.events.lingers()))
    }

    /// Waits until there are countdowns or answers to take; `False` once it is stopped.
    fn wait_answers(&self, py: Python<'_>) -> bool {
        let lingers = |post: &Post| match post.answers.is_empty() {
            true => post.countdowns.lingers(),
            false => Some(Duration::ZERO),
        };
        py.detach(|| self.letters.wait(&self.letters.answers_rung, lingers))
    }

    /// Takes the events, as dictionaries.
    fn take_events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = self.letters.post().events.take();
        described(py, &events)
    }

    /// Takes the countdowns, as dictionaries, and the answers as (number, value, exception): one
    /// of the two is `None`.
    fn take_answers<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let (countdowns, answers) = {
            let mut post = self.letters.post();
            (post.countdowns.take(), std::mem::take(&mut post.answers))
        };
        let answered = PyList::empty(py);
        for (number, answer) in answers {
            match answer.map_err(|it| it.raise(py)).and_then(|it| it.into_python(py)) {
                Ok(value) => answered.append((number, value, None::<Py<PyAny>>))?,
                Err(error) => answered.append((number, None::<Py<PyAny>>, error.into_value(py)))?,
            }
        }
        Ok((described(py, &countdowns)?, answered))
    }

    /// The lowest level of events that are kept. In a forked child nobody can ask for any.
    fn listen(&self, level: i32) {
        if std::process::id() == self.process {
            self.letters.post().level = level;
        }
    }

    /// Whether a payment's countdown is put among the events.
    fn post_countdown(&self, invoice: &str, posted: bool) {
        if let Some(watched) = self.letters.post().watched.get_mut(invoice) {
            let change = if posted { 1 } else { -1 };
            watched.posted = watched.posted.saturating_add_signed(change);
        }
    }

    /// Ends all waiting for good. In a forked child there is nobody to stop.
    fn stop(&self) {
        if std::process::id() != self.process {
            return;
        }
        self.letters.post().stopped = true;
        self.letters.events_rung.notify_all();
        self.letters.answers_rung.notify_all();
        self.letters.questions.stop();
    }

    /// Waits until the journal asks for its password: for which host, port and role. `None` once it is
    /// stopped.
    fn wait_question(&self, py: Python<'_>) -> Option<(String, u16, String)> {
        let login = py.detach(|| self.letters.questions.wait())?;
        Some((login.host, login.port, login.user))
    }

    /// Tells the password, or why there is none.
    fn answer_question(&self, password: Option<Hidden>, why: String) {
        let told = password.map(|password| password.value);
        self.letters.questions.answer(told.ok_or_else(|| NoPassword::told(why)));
    }

    /// What has happened since the client was opened.
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.letters.post().counts.clone();
        let dict = PyDict::new(py);
        dict.set_item("outcomes", counts.outcomes)?;
        dict.set_item("requests", counts.requests)?;
        dict.set_item("unanswered", counts.unanswered)?;
        dict.set_item("settled", counts.settled)?;
        dict.set_item("alerts", counts.alerts)?;
        dict.set_item("critical_alerts", counts.critical_alerts)?;
        dict.set_item("journal_failures", counts.journal_failures)?;
        dict.set_item("dropped_events", counts.dropped_events)?;
        Ok(dict)
    }
}

fn described<'py>(py: Python<'py>, events: &VecDeque<Event>) -> PyResult<Bound<'py, PyList>> {
    let told = PyList::empty(py);
    for event in events {
        told.append(describe(py, event)?)?;
    }
    Ok(told)
}

fn describe<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let (kind, invoice, numbers) = match event {
        Event::Progress { invoice, phase, remaining } => {
            dict.set_item("phase", phase_name(*phase))?;
            dict.set_item("remaining", remaining.as_secs_f64())?;
            ("progress", Some(invoice), None)
        }
        Event::Exchanged { numbers, .. } => ("exchanged", None, *numbers),
        Event::Decided { invoice, .. } => ("decided", Some(invoice), None),
        Event::Settled { invoice } => ("settled", Some(invoice), None),
        Event::Alert { invoice, numbers, .. } => ("alert", Some(invoice), Some(*numbers)),
        Event::Ruled { invoice, .. } => ("ruled", Some(invoice), None),
        Event::JournalFound(_) => ("journal_found", None, None),
        Event::JournalFailed { .. } => ("journal_failed", None, None),
        _ => ("other", None, None),
    };
    dict.set_item("kind", kind)?;
    dict.set_item("level", level(event))?;
    dict.set_item("message", event.to_string())?;
    dict.set_item("invoice", invoice.map(|invoice| invoice.as_str()))?;
    dict.set_item("batch", numbers.map(|numbers| numbers.batch()))?;
    dict.set_item("reference", numbers.map(|numbers| numbers.reference()))?;
    Ok(dict)
}
