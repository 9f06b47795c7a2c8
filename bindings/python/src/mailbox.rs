//! What happens on native threads, kept until a Python thread comes for it.
//!
//! Nothing native waits for the interpreter: a full mailbox drops events and counts them, and
//! answers are as few as the calls that wait for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ovo_ptp::{Error, Event, Phase};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::answer::Answer;
use crate::error;

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

#[derive(Default)]
struct Post {
    events: VecDeque<Event>,
    first_event: Option<Instant>,
    answers: Vec<(u64, Result<Answer, Error>)>,
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
    rung: Condvar,
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
        if post.events.len() >= MOST_EVENTS {
            post.events.pop_front();
            post.counts.dropped_events += 1;
        }
        post.events.push_back(event.clone());
        if post.first_event.is_none() {
            post.first_event = Some(Instant::now());
            drop(post);
            self.rung.notify_all();
        }
    }

    /// The answer to a call that waits under this number.
    pub(crate) fn answer(&self, number: u64, answer: Result<Answer, Error>) {
        let mut post = self.post();
        if post.stopped {
            return;
        }
        post.answers.push((number, answer));
        drop(post);
        self.rung.notify_all();
    }

    pub(crate) fn watch(&self, invoice: &str) {
        self.post().watched.entry(invoice.to_owned()).or_default().watchers += 1;
    }

    pub(crate) fn unwatch(&self, invoice: &str) {
        let mut post = self.post();
        if let Some(watched) = post.watched.get_mut(invoice) {
            watched.watchers = watched.watchers.saturating_sub(1);
            if watched.watchers == 0 {
                post.watched.remove(invoice);
            }
        }
    }

    pub(crate) fn countdown(&self, invoice: &str) -> Option<Countdown> {
        self.post().watched.get(invoice).and_then(|watched| watched.countdown)
    }

    fn wait(&self) -> bool {
        let mut post = self.post();
        loop {
            if post.stopped || !post.answers.is_empty() {
                return !post.stopped;
            }
            let lingers = post.first_event.map(|first| LINGER.saturating_sub(first.elapsed()));
            post = match lingers {
                Some(left) if left.is_zero() => return true,
                Some(left) => match self.rung.wait_timeout(post, left) {
                    Ok((post, _)) => post,
                    Err(poisoned) => poisoned.into_inner().0,
                },
                None => self.rung.wait(post).unwrap_or_else(PoisonError::into_inner),
            };
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

    /// Waits until there is something to take; `False` once it is stopped.
    fn wait(&self, py: Python<'_>) -> bool {
        py.detach(|| self.letters.wait())
    }

    /// Takes everything: the events as dictionaries and the answers as (number, error code or
    /// `None`, value or message).
    fn take<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let (events, answers) = {
            let mut post = self.letters.post();
            post.first_event = None;
            (std::mem::take(&mut post.events), std::mem::take(&mut post.answers))
        };
        let told = PyList::empty(py);
        for event in &events {
            told.append(describe(py, event)?)?;
        }
        let answered = PyList::empty(py);
        for (number, answer) in answers {
            match answer {
                Ok(answer) => {
                    let value = answer.into_python(py)?;
                    answered.append((number, None::<&str>, value))?;
                }
                Err(error) => {
                    let code = error::code(error.kind());
                    answered.append((number, Some(code), error.to_string()))?;
                }
            }
        }
        Ok((told, answered))
    }

    /// The lowest level of events that are kept.
    fn listen(&self, level: i32) {
        self.letters.post().level = level;
    }

    /// Whether a payment's countdown is put among the events.
    fn post_countdown(&self, invoice: &str, posted: bool) {
        if let Some(watched) = self.letters.post().watched.get_mut(invoice) {
            let change = if posted { 1 } else { -1 };
            watched.posted = watched.posted.saturating_add_signed(change);
        }
    }

    /// Ends [`wait`](Self::wait) for good. In a forked child there is nobody to stop.
    fn stop(&self) {
        if std::process::id() != self.process {
            return;
        }
        self.letters.post().stopped = true;
        self.letters.rung.notify_all();
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
