//! What the disk allows: records appended to a file, grouped as the journal groups its commits, and
//! synced with fdatasync. No index, no lookup, no check: the mark that a journal is measured
//! against.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use crate::{Failed, commits};

/// About what a row of the journal holds.
const RECORD: [u8; 384] = [0x5a; 384];

/// What was handed in since the last group was taken.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    waiting: Vec<(u64, Thread)>,
    /// Records handed in so far; each knows its own number.
    handed_in: u64,
    /// Whether somebody writes.
    led: bool,
}

/// Whoever finds nobody writing takes all that is queued, writes and syncs it, and passes the lead
/// to the first of those who queued up meanwhile.
struct Appender {
    file: File,
    queue: Mutex<Queue>,
    /// Records on the disk.
    durable: AtomicU64,
    /// The record whose owner leads next.
    leader: AtomicU64,
}

impl Appender {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the record is on the disk.
    fn append(&self) -> std::io::Result<()> {
        let mut queue = self.queue();
        queue.bytes.extend_from_slice(&RECORD);
        queue.handed_in += 1;
        let mine = queue.handed_in;
        queue.waiting.push((mine, std::thread::current()));
        let leads = !std::mem::replace(&mut queue.led, true);
        drop(queue);
        if leads {
            return self.lead();
        }
        while self.durable.load(Ordering::Acquire) < mine {
            if self.leader.load(Ordering::Acquire) == mine {
                return self.lead();
            }
            std::thread::park();
        }
        Ok(())
    }

    fn lead(&self) -> std::io::Result<()> {
        let mut queue = self.queue();
        let bytes = std::mem::take(&mut queue.bytes);
        let waiting = std::mem::take(&mut queue.waiting);
        let last = queue.handed_in;
        drop(queue);
        (&self.file).write_all(&bytes)?;
        self.file.sync_data()?;
        self.durable.store(last, Ordering::Release);
        waiting.iter().for_each(|(_, thread)| thread.unpark());
        let mut queue = self.queue();
        match queue.waiting.first() {
            Some((next, thread)) => {
                self.leader.store(*next, Ordering::Release);
                thread.unpark();
            }
            None => queue.led = false,
        }
        Ok(())
    }
}

pub(crate) fn grouped(file: &str, threads: u32, seconds: f64) -> Result<(), Failed> {
    let appender = Appender {
        file: File::create(file)?,
        queue: Mutex::default(),
        durable: AtomicU64::new(0),
        leader: AtomicU64::new(0),
    };
    commits::measure(threads, seconds, |_, _| {
        appender.append()?;
        Ok(1)
    })
}
