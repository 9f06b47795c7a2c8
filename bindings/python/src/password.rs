//! The question for a journal's password, kept until the Python thread that answers it comes.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ovo_ptp::journal::postgres::{Login, NoPassword};

type Told = Result<String, NoPassword>;

#[derive(Default)]
struct State {
    /// The journal asks one at a time.
    asked: Option<Login>,
    asking: Option<SyncSender<Told>>,
    stopped: bool,
}

/// What the journal asks, and who waits for it.
#[derive(Default)]
pub(crate) struct Questions {
    state: Mutex<State>,
    rung: Condvar,
}

impl Questions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asked by the journal, on a thread that has time.
    pub(crate) fn ask(&self, login: &Login) -> Told {
        let (asking, told) = sync_channel(1);
        {
            let mut state = self.state();
            if state.stopped {
                return Err("the client is closed".into());
            }
            state.asked = Some(login.clone());
            state.asking = Some(asking);
        }
        self.rung.notify_all();
        told.recv().unwrap_or_else(|_| Err("the client is closed".into()))
    }

    /// Waits for a question; `None` once it is stopped.
    pub(crate) fn wait(&self) -> Option<Login> {
        let mut state = self.state();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(login) = state.asked.take() {
                return Some(login);
            }
            state = self.rung.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn answer(&self, told: Told) {
        if let Some(asking) = self.state().asking.take() {
            let _ = asking.send(told);
        }
    }

    /// Nobody answers any more.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        *state = State { stopped: true, ..State::default() };
        self.rung.notify_all();
    }
}
