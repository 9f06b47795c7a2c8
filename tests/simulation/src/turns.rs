//! Actors that take turns: every thread of every simulated process, on one real thread.
//!
//! An actor runs until it waits for time; then whoever is due first runs. Nothing else switches, so
//! one seed is one order of events. A process that dies takes its actors with it: each unwinds at
//! its next turn, which comes at once.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use ovo_checkout::Life;

use crate::memory::{self, Account};

/// Room for SQLite, the client and the sandbox, unoptimised.
const STACK: usize = 1 << 20;

struct Turn {
    yielder: NonNull<Yielder<(), u64>>,
    life: Arc<Life>,
}

thread_local! {
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// Gives the turn away until OVO's clock shows `ms`; `false` outside of an actor.
pub(crate) fn wait_until(ms: u64) -> bool {
    let Some(turn) = TURN.take() else { return false };
    // SAFETY: The yielder lives on the actor's stack for as long as the actor does, and this is
    // that actor: `TURN` is set only while it runs.
    unsafe { turn.yielder.as_ref() }.suspend(ms);
    let life = Arc::clone(&turn.life);
    TURN.set(Some(turn));
    life.goes_on();
    true
}

struct Actor {
    wake: u64,
    life: Arc<Life>,
    account: Account,
    body: Coroutine<(), u64, (), DefaultStack>,
}

/// All actors.
#[derive(Default)]
pub(crate) struct Turns {
    actors: Vec<Option<Actor>>,
    /// What the library panicked of.
    defects: Vec<String>,
}

/// Which actor.
pub(crate) type ActorId = usize;

impl Turns {
    /// A new actor of a process; it begins at `wake`.
    pub(crate) fn spawn(
        &mut self,
        life: &Arc<Life>,
        wake: u64,
        body: impl FnOnce() + 'static,
    ) -> ActorId {
        let stack = STACKS.with_borrow_mut(Vec::pop);
        let stack = stack.unwrap_or_else(|| DefaultStack::new(STACK).expect("memory for a stack"));
        let own = Arc::clone(life);
        let body = Coroutine::with_stack(stack, move |yielder: &Yielder<(), u64>, ()| {
            TURN.set(Some(Turn { yielder: NonNull::from(yielder), life: Arc::clone(&own) }));
            Life::until_death(move || {
                own.goes_on();
                body();
            });
            TURN.set(None);
        });
        let actor = Actor { wake, life: Arc::clone(life), account: Account::default(), body };
        self.actors.push(Some(actor));
        self.actors.len() - 1
    }

    /// Who is due first, and when: the dead at once.
    pub(crate) fn next(&self) -> Option<(u64, ActorId)> {
        let due = |(id, actor): (ActorId, &Option<Actor>)| {
            let actor = actor.as_ref()?;
            Some((if actor.life.is_over() { 0 } else { actor.wake }, id))
        };
        self.actors.iter().enumerate().filter_map(due).min()
    }

    /// Lets an actor run until it waits or ends.
    pub(crate) fn run(&mut self, id: ActorId) {
        let Some(Some(actor)) = self.actors.get_mut(id) else { return };
        memory::enter(&mut actor.account);
        let result = catch_unwind(AssertUnwindSafe(|| actor.body.resume(())));
        memory::leave(&mut actor.account);
        TURN.set(None);
        match result {
            Ok(CoroutineResult::Yield(wake)) => actor.wake = wake,
            Err(panic) => {
                // As a program that panics does, the process ends.
                actor.life.is_ended();
                self.actors[id] = None;
                self.defects.push(message(panic.as_ref()));
            }
            Ok(CoroutineResult::Return(())) => {
                if let Some(actor) = self.actors[id].take() {
                    STACKS.with_borrow_mut(|stacks| stacks.push(actor.body.into_stack()));
                }
            }
        }
    }

    /// What panicked since the last question.
    pub(crate) fn defects(&mut self) -> Vec<String> {
        std::mem::take(&mut self.defects)
    }

    /// An actor runs at this time at the latest.
    pub(crate) fn wake(&mut self, id: ActorId, at: u64) {
        if let Some(Some(actor)) = self.actors.get_mut(id) {
            actor.wake = actor.wake.min(at);
        }
    }

    /// Actors of a process run at this time at the earliest: it is suspended.
    pub(crate) fn suspend(&mut self, life: &Arc<Life>, until: u64) {
        for actor in self.actors.iter_mut().flatten() {
            if Arc::ptr_eq(&actor.life, life) {
                actor.wake = actor.wake.max(until);
            }
        }
    }

    /// How many actors a process has.
    pub(crate) fn of(&self, life: &Arc<Life>) -> usize {
        self.actors.iter().flatten().filter(|actor| Arc::ptr_eq(&actor.life, life)).count()
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").replace('\n', " ")
}
