//! How a call waits: on the caller's thread, in slices that notice Ctrl-C, or not at all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ovo_ptp::{Client, Error};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::error::{Failure, exception};
use crate::mailbox::Letters;

/// How long Ctrl-C can go unnoticed: it is to be answered within 250 ms.
pub(crate) const SLICE: Duration = Duration::from_millis(50);
/// A thread that makes a TLS connection needs up to 56 KB (`README.md`).
const STACK: usize = 256 * 1024;

/// Who waits, as Python says it with one number.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// The calling thread, without the interpreter's lock. -1
    Here,
    /// The main thread, which alone hears of signals: it looks up after each slice. -2
    Watchful,
    /// Nobody: the answer goes to the mailbox under this number. 0 and above
    Posted(u64),
}

impl From<i64> for Wait {
    fn from(number: i64) -> Wait {
        match u64::try_from(number) {
            Ok(number) => Wait::Posted(number),
            Err(_) if number == -2 => Wait::Watchful,
            Err(_) => Wait::Here,
        }
    }
}

/// Counts the calls that are inside the core, so that closing can wait for the last one to be back
/// in Python: a thread that comes back after the interpreter's end would take the process down.
#[derive(Default)]
pub(crate) struct Calls {
    inside: Mutex<usize>,
    left: Condvar,
}

impl Calls {
    /// Waits until nobody is inside, at most so long.
    pub(crate) fn wait_empty(&self, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        while *inside > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            inside = match self.left.wait_timeout(inside, left) {
                Ok((inside, _)) => inside,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

/// The core, held by one call.
pub(crate) struct Inside {
    /// Always there, but in `drop`.
    core: Option<Arc<Client>>,
    calls: Arc<Calls>,
}

impl Inside {
    pub(crate) fn new(core: Arc<Client>, calls: &Arc<Calls>) -> Inside {
        *calls.inside.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Inside { core: Some(core), calls: Arc::clone(calls) }
    }

    pub(crate) fn core(&self) -> &Client {
        self.core.as_ref().unwrap_or_else(|| unreachable!("it is taken by drop only"))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // First: whoever waits for the last call may open the journal again.
        self.core = None;
        *self.calls.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.calls.left.notify_all();
    }
}

type Work = Box<dyn FnOnce(&Client) -> Result<Answer, Error> + Send>;

/// What a call does. One that may have sent something when it panics says what is answered then:
/// an exception would mean that it started nothing.
pub(crate) struct Job {
    work: Work,
    panicked: Option<Answer>,
}

pub(crate) type Done = Result<Answer, Failure>;

impl Job {
    pub(crate) fn new(work: impl FnOnce(&Client) -> Result<Answer, Error> + Send + 'static) -> Job {
        Job { work: Box::new(work), panicked: None }
    }

    pub(crate) fn or_if_it_panics(self, answer: Answer) -> Job {
        Job { panicked: Some(answer), ..self }
    }

    fn run(self, core: &Client) -> Done {
        let Job { work, panicked } = self;
        contained(|| work(core), panicked)
    }
}

/// What is answered, also if the work panics.
pub(crate) fn contained(
    work: impl FnOnce() -> Result<Answer, Error>,
    panicked: Option<Answer>,
) -> Done {
    let work = || {
        let done = work();
        #[cfg(feature = "faults")]
        crate::fault::strike();
        done
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(Failure::Core),
        Err(_) => panicked.ok_or(Failure::Panicked),
    }
}

fn tell(py: Python<'_>, done: Done) -> PyResult<Py<PyAny>> {
    done.map_err(|failure| failure.raise(py)).and_then(|answer| answer.into_python(py))
}

/// Does a job in one of the three ways.
pub(crate) fn run(
    py: Python<'_>,
    inside: Inside,
    letters: &Arc<Letters>,
    wait: Wait,
    job: Job,
) -> PyResult<Py<PyAny>> {
    waited_for(py, letters, wait, move || {
        let done = job.run(inside.core());
        (done, inside)
    })
}

/// Has `work` done in one of the three ways. What it returns beside its answer it holds until it is
/// over: closing waits for those inside and then ends the mailbox.
pub(crate) fn waited_for<Held: Send + 'static>(
    py: Python<'_>,
    letters: &Arc<Letters>,
    wait: Wait,
    work: impl FnOnce() -> (Done, Held) + Send + 'static,
) -> PyResult<Py<PyAny>> {
    match wait {
        Wait::Here => {
            let (done, held) = py.detach(work);
            drop(held);
            tell(py, done)
        }
        Wait::Watchful => {
            let (answer, mut answered) = channel();
            spawn(py, move || {
                let (done, held) = work();
                drop(held);
                // Nobody listens any more after Ctrl-C.
                let _ = answer.send(done);
            })?;
            loop {
                let told;
                (told, answered) = py.detach(move || (answered.recv_timeout(SLICE), answered));
                match told {
                    Ok(done) => return tell(py, done),
                    Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                    Err(RecvTimeoutError::Disconnected) => return tell(py, Err(Failure::Panicked)),
                }
            }
        }
        Wait::Posted(number) => {
            let letters = Arc::clone(letters);
            spawn(py, move || {
                let (done, held) = work();
                letters.answer(number, done);
                drop(held);
            })?;
            Ok(py.None())
        }
    }
}

/// Starts a thread that never calls into Python.
fn spawn(py: Python<'_>, work: impl FnOnce() + Send + 'static) -> PyResult<()> {
    let thread = std::thread::Builder::new().name("ovo-call".to_owned()).stack_size(STACK);
    thread.spawn(work).map(drop).map_err(|error| {
        let message = format!("no thread can be started for the call ({})", error.kind());
        exception(py, "configuration", &message)
    })
}
