//! Group commit without a thread of its own.
//!
//! A caller queues its write. Whoever finds nobody at work becomes the leader: it takes all that
//! is queued, has it written in one transaction with one sync, hands everybody their result, and
//! passes the lead to the first of those who queued up meanwhile. One caller alone pays one sync;
//! thirty-two callers share one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

use crate::lock::{lock, wait};

/// How many writes one transaction takes at most: bounds the memory and the time of one commit.
const LARGEST_GROUP: usize = 256;

/// The queue in front of a single writer.
#[derive(Debug)]
pub(super) struct Group<Op, Out> {
    queue: Mutex<Queue<Op, Out>>,
}

#[derive(Debug)]
struct Queue<Op, Out> {
    waiting: VecDeque<(Op, Arc<Seat<Out>>)>,
    /// Whether somebody leads. If nobody does, the queue is empty.
    led: bool,
}

/// Where one caller waits.
#[derive(Debug)]
struct Seat<Out> {
    turn: Mutex<Turn<Out>>,
    changed: Condvar,
}

#[derive(Debug)]
enum Turn<Out> {
    Wait,
    Lead,
    Done(Out),
}

/// What writes a group.
pub(super) trait Writer<Op, Out> {
    /// Writes all of it and returns as many results, in the same order.
    fn write(&self, group: Vec<Op>) -> Vec<Out>;

    /// What can wait until the results are handed out. `idle`: nobody is queued.
    fn tidy(&self, idle: bool);

    /// Lets others go on where threads only take turns; `false` where they run.
    fn lets_others_go_on(&self) -> bool {
        false
    }

    /// The result of a write whose leader died of a panic.
    fn lost(&self) -> Out;
}

impl<Op, Out> Group<Op, Out> {
    pub(super) fn new() -> Self {
        Group { queue: Mutex::new(Queue { waiting: VecDeque::new(), led: false }) }
    }

    /// Has `op` written, alone or with others, and returns its result once it is durable.
    pub(super) fn submit(&self, op: Op, writer: &impl Writer<Op, Out>) -> Out {
        let seat = Arc::new(Seat { turn: Mutex::new(Turn::Wait), changed: Condvar::new() });
        let leads = {
            let mut queue = lock(&self.queue);
            queue.waiting.push_back((op, Arc::clone(&seat)));
            !std::mem::replace(&mut queue.led, true)
        };
        if !leads {
            if let Some(out) = seat.wait(writer) {
                return out;
            }
        }
        self.lead(writer);
        // A leader's own write is the first of its group.
        seat.wait(writer).unwrap_or_else(|| writer.lost())
    }

    fn lead(&self, writer: &impl Writer<Op, Out>) {
        let (ops, seats): (Vec<_>, Vec<_>) = {
            let mut queue = lock(&self.queue);
            let size = queue.waiting.len().min(LARGEST_GROUP);
            queue.waiting.drain(..size).unzip()
        };
        // From here on a panic must not leave anybody waiting for ever.
        let lead = Lead { group: self, seats, lost: || writer.lost() };
        for (seat, out) in lead.seats.iter().zip(writer.write(ops)) {
            seat.set(Turn::Done(out));
        }
        let idle = lock(&self.queue).waiting.is_empty();
        writer.tidy(idle);
    }
}

struct Lead<'a, Op, Out, Lost: Fn() -> Out> {
    group: &'a Group<Op, Out>,
    seats: Vec<Arc<Seat<Out>>>,
    lost: Lost,
}

impl<Op, Out, Lost: Fn() -> Out> Drop for Lead<'_, Op, Out, Lost> {
    fn drop(&mut self) {
        for seat in &self.seats {
            seat.give_up(&self.lost);
        }
        let mut queue = lock(&self.group.queue);
        match queue.waiting.front() {
            Some((_, next)) => next.set(Turn::Lead),
            None => queue.led = false,
        }
    }
}

impl<Out> Seat<Out> {
    fn set(&self, turn: Turn<Out>) {
        *lock(&self.turn) = turn;
        self.changed.notify_one();
    }

    /// The result, or `None` if it is this caller's turn to lead.
    fn wait<Op>(&self, writer: &impl Writer<Op, Out>) -> Option<Out> {
        let mut turn = lock(&self.turn);
        loop {
            match std::mem::replace(&mut *turn, Turn::Wait) {
                Turn::Done(out) => return Some(out),
                Turn::Lead => return None,
                Turn::Wait => {
                    drop(turn);
                    let went_on = writer.lets_others_go_on();
                    turn = lock(&self.turn);
                    if !went_on && matches!(*turn, Turn::Wait) {
                        turn = wait(&self.changed, turn);
                    }
                }
            }
        }
    }

    /// Ends the waiting of a caller that has no result. One that has taken its result already is
    /// gone; setting another is harmless.
    fn give_up(&self, lost: &impl Fn() -> Out) {
        let mut turn = lock(&self.turn);
        if matches!(*turn, Turn::Wait) {
            *turn = Turn::Done(lost());
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Doubles numbers, slowly; dies of 13.
    #[derive(Default)]
    struct Doubler {
        groups: AtomicUsize,
    }

    impl Writer<u32, Option<u32>> for Doubler {
        fn write(&self, group: Vec<u32>) -> Vec<Option<u32>> {
            self.groups.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(2));
            assert!(!group.contains(&13), "unlucky");
            group.into_iter().map(|number| Some(2 * number)).collect()
        }

        fn tidy(&self, _: bool) {}

        fn lost(&self) -> Option<u32> {
            None
        }
    }

    #[test]
    fn everybody_gets_their_own_result_and_groups_are_shared() {
        let (group, writer) = (Group::new(), Doubler::default());
        std::thread::scope(|scope| {
            for number in 100..132 {
                let (group, writer) = (&group, &writer);
                scope.spawn(move || {
                    for round in 0..20 {
                        let op = number * 100 + round;
                        assert_eq!(group.submit(op, writer), Some(2 * op));
                    }
                });
            }
        });
        let groups = writer.groups.load(Ordering::Relaxed);
        assert!(groups < 32 * 20 / 4, "{groups} groups for 640 writes");
    }

    #[test]
    fn a_leader_that_dies_leaves_nobody_waiting() {
        let (group, writer) = (Group::new(), Doubler::default());
        std::thread::scope(|scope| {
            for number in 0..32 {
                let (group, writer) = (&group, &writer);
                scope.spawn(move || {
                    let out = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        group.submit(number, writer)
                    }));
                    if let Ok(Some(out)) = out {
                        assert_eq!(out, 2 * number);
                    }
                });
            }
        });
        assert_eq!(group.submit(5, &writer), Some(10), "the queue goes on");
    }
}
