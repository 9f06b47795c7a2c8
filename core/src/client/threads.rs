//! Threads that outlive the call which starts them: a payment's own, and the settling workers.

use std::sync::Arc;

use crate::client::{Inner, THREAD_STACK};

/// Takes over the threads of a client, for a simulation in which they take turns.
#[cfg(all(ovo_mutants, debug_assertions))]
pub(super) type Spawner = Arc<dyn Fn(Box<dyn FnOnce() + Send>) + Send + Sync>;

impl Inner {
    /// Works on a thread of its own, which closing waits for.
    pub(super) fn on_a_thread(
        self: &Arc<Self>,
        name: &str,
        work: impl FnOnce(&Arc<Inner>) + Send + 'static,
    ) -> std::io::Result<()> {
        let (inner, lingering) = (Arc::clone(self), self.under_way.linger());
        let life = move || {
            work(&inner);
            // In this order: whoever waits for the thread may open the journal again.
            drop(inner);
            drop(lingering);
        };
        #[cfg(all(ovo_mutants, debug_assertions))]
        if let Some(spawner) = &self.spawner {
            spawner(Box::new(life));
            return Ok(());
        }
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(THREAD_STACK)
            .spawn(life)
            .map(drop)
    }
}
