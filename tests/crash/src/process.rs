//! One process under the hands of a test: listened to, stopped, continued, killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Longest time that any single step may take, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A process that was started and is killed at the latest when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// If it cannot be started, as all that follows would be in vain.
    pub fn start(command: &mut Command) -> Process {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the process does not start: {error}"));
        let (said, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if said.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Process { child, lines }
    }

    /// Waits for a line that begins with `wanted`, and returns the rest of it.
    ///
    /// # Panics
    /// If the process ends or keeps silent instead.
    pub fn says(&mut self, wanted: &str) -> String {
        self.may_say(&[wanted]).unwrap_or_else(|| {
            panic!("ended without saying {wanted:?}: {:?}", self.child.wait());
        })
    }

    /// Waits for a line that begins with one of `wanted`, and returns the rest of it; `None` if it ends without.
    ///
    /// # Panics
    /// If the process keeps silent instead.
    pub fn may_say(&mut self, wanted: &[&str]) -> Option<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = wanted.iter().find_map(|begin| line.strip_prefix(begin)) {
                        return Some(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("waited in vain for {wanted:?}"),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    /// If it is no child of this process any more.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("a process id");
        send(pid, signal).unwrap_or_else(|error| panic!("signal {signal}: {error}"));
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// If it does not listen any more.
    pub fn hears(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its input is ours");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it listens");
    }

    /// Waits until it stands still: stopped by a signal, every thread of it.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stands_still(&self) {
        let begun = Instant::now();
        while state(self.child.id()) != Some('T') {
            assert!(begun.elapsed() < PATIENCE, "it does not stop");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills it with SIGKILL.
    ///
    /// # Panics
    /// If even that fails.
    pub fn kill(mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("a process can be killed");
    }

    /// Waits for its own end.
    ///
    /// # Panics
    /// If it goes on for ever.
    pub fn ends(mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// The system's: it is gone, or not ours.
pub fn send(pid: libc::pid_t, signal: libc::c_int) -> std::io::Result<()> {
    // SAFETY: kill takes two numbers and touches no memory of this process.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Its state as the kernel says it: `T` is stopped.
fn state(pid: u32) -> Option<char> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in brackets and may hold anything.
    text.rsplit_once(')')?.1.trim_start().chars().next()
}
