//! A password that is asked for at every connection: a token that expires.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use zeroize::Zeroizing;

use super::dsn::Host;
use super::failure::unreachable;
use crate::journal::JournalError;
use crate::lock::lock;

/// How long a connection waits for its password. A host has its own time behind it, and both fit into a call.
const LONGEST: Duration = Duration::from_secs(3);
/// How long a password that came too late for whoever asked serves the next connections to the same host: a
/// client makes three, and the hosts of an address have to wait for each other.
const KEPT: Duration = Duration::from_secs(10);
/// Longest password, in bytes. Tokens have some two thousand.
pub const MAX_PASSWORD: usize = 8_191;

/// Whom a password is for: one host of the address.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Login {
    /// The host's name or address, or the directory of its socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The role.
    pub user: String,
}

impl Login {
    pub(super) fn new(host: &Host, user: &str) -> Login {
        let (host, port) = match host {
            Host::Tcp(name, port) => (name.clone(), *port),
            Host::Socket(directory, port) => (directory.display().to_string(), *port),
        };
        Login { host, port, user: user.to_owned() }
    }
}

/// Why there is no password. It is told and logged: a text of the program's own, which can hold no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoPassword(Cow<'static, str>);

impl From<&'static str> for NoPassword {
    fn from(why: &'static str) -> NoPassword {
        NoPassword(Cow::Borrowed(why))
    }
}

impl NoPassword {
    /// For bindings, whose programs return a number or raise an error of some name.
    #[doc(hidden)]
    #[must_use]
    pub fn told(why: String) -> NoPassword {
        NoPassword(Cow::Owned(why))
    }
}

/// Who is asked.
pub(crate) type Ask = dyn Fn(&Login) -> Result<String, NoPassword> + Send + Sync;

type Answer = Result<Zeroizing<String>, NoPassword>;

/// A question that waits for its turn, is asked, or was answered when nobody waited any more.
struct Question {
    login: Login,
    answer: watch::Receiver<Option<(Answer, Instant)>>,
    /// Somebody gave it up.
    is_late: bool,
}

impl Question {
    /// Not answered yet, or of use still.
    fn is_fresh(&self) -> bool {
        match &*self.answer.borrow() {
            Some((told, at)) => told.is_ok() && at.elapsed() < KEPT,
            // Whoever asks has panicked.
            None => self.answer.has_changed().is_ok(),
        }
    }
}

/// Who is asked, once at a time, and once for all the connections to a host that wait for it.
#[derive(Clone)]
pub(super) struct Source {
    ask: Arc<Ask>,
    turn: Arc<Mutex<()>>,
    questions: Arc<Mutex<Vec<Question>>>,
    longest: Duration,
}

impl Source {
    pub(super) fn new(ask: Arc<Ask>) -> Source {
        Source { ask, turn: Arc::default(), questions: Arc::default(), longest: LONGEST }
    }

    /// The password of `login`, within [`LONGEST`].
    pub(super) async fn password(&self, login: Login) -> Result<Zeroizing<String>, JournalError> {
        let failed =
            |why: &str| unreachable(format!("{}: the password callback {why}", login.host));
        let mut answer = self.asks(&login);
        let told = match tokio::time::timeout(self.longest, answer.wait_for(Option::is_some)).await
        {
            Ok(Ok(told)) => told.as_ref().map(|(told, _)| told.clone()),
            Ok(Err(_)) => None,
            Err(_) => {
                for late in lock(&self.questions).iter_mut().filter(|it| it.login == login) {
                    late.is_late = true;
                }
                let why = format!("did not return within {} s", self.longest.as_secs());
                return Err(failed(&why));
            }
        };
        // Whoever waited for the same answer has it, too; the next connection asks anew.
        lock(&self.questions).retain(|it| it.login != login || it.is_late);
        let told = match told {
            Some(Ok(told)) => told,
            Some(Err(NoPassword(why))) => return Err(failed(&format!("has none: {why}"))),
            None => return Err(failed("panicked, or has no thread")),
        };
        match told.len() {
            0 => Err(failed("returned nothing")),
            length if length > MAX_PASSWORD => Err(failed("returned more than 8,191 bytes")),
            _ if told.contains('\0') => Err(failed("returned a text with a zero in it")),
            _ => Ok(told),
        }
    }

    /// The question about `login` that is open, or a new one. It is asked on a thread of its own: it may
    /// take its time, and the connections' thread has none.
    fn asks(&self, login: &Login) -> watch::Receiver<Option<(Answer, Instant)>> {
        let mut questions = lock(&self.questions);
        questions.retain(Question::is_fresh);
        if let Some(open) = questions.iter().find(|it| it.login == *login) {
            return open.answer.clone();
        }
        let (tell, answer) = watch::channel(None);
        questions.push(Question { login: login.clone(), answer: answer.clone(), is_late: false });
        let (ask, turn, login) = (Arc::clone(&self.ask), Arc::clone(&self.turn), login.clone());
        // Not one of the connections': whoever opens a journal in vain takes those along.
        let thread = std::thread::Builder::new().name("ovo-ptp password".to_owned());
        let asked = thread.spawn(move || {
            // Also of one that nobody waits for any more: two would be there at once.
            let _turn = lock(&turn);
            tell.send_replace(Some((ask(&login).map(Zeroizing::new), Instant::now())));
        });
        if asked.is_err() {
            questions.pop();
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn login(host: &str) -> Login {
        Login { host: host.to_owned(), port: 5432, user: "till".to_owned() }
    }

    /// A function that answers when it is told to, and how often it was asked.
    struct Slow {
        source: Source,
        answers: mpsc::Sender<()>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Slow {
        fn new(longest: Duration) -> Slow {
            let (answers, told) = mpsc::channel();
            let (told, asked) = (Mutex::new(told), Arc::<Mutex<Vec<String>>>::default());
            let noted = Arc::clone(&asked);
            let source = Source::new(Arc::new(move |login: &Login| {
                lock(&noted).push(login.host.clone());
                lock(&told).recv().map_err(|_| NoPassword::from("the test is over"))?;
                Ok(format!("of {}", login.host))
            }));
            Slow { source: Source { longest, ..source }, answers, asked }
        }

        fn asked(&self) -> Vec<String> {
            lock(&self.asked).clone()
        }
    }

    fn runs(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(test);
    }

    #[test]
    fn connections_that_wait_for_the_same_password_ask_once_and_the_next_one_asks_anew() {
        runs(async {
            let slow = Slow::new(Duration::from_secs(60));
            let waits = || {
                let source = slow.source.clone();
                tokio::spawn(async move { source.password(login("db1")).await })
            };
            let all = [waits(), waits(), waits()];
            tokio::task::yield_now().await;
            slow.answers.send(()).expect("asked");
            for one in all {
                let told = one.await.expect("no panic").expect("a password");
                assert_eq!(told.as_str(), "of db1");
            }
            assert_eq!(slow.asked(), ["db1"]);
            slow.answers.send(()).expect("asked");
            slow.source.password(login("db1")).await.expect("a password");
            assert_eq!(slow.asked(), ["db1", "db1"]);
        });
    }

    #[test]
    fn a_password_that_came_too_late_serves_the_next_connections_to_the_same_host() {
        runs(async {
            let slow = Slow::new(Duration::from_millis(20));
            for host in ["db1", "db2"] {
                let late = slow.source.password(login(host)).await.expect_err("too late");
                assert!(late.message.contains("did not return"), "{}", late.message);
            }
            slow.answers.send(()).expect("asked");
            slow.answers.send(()).expect("asked");
            while slow.asked().len() < 2 || Arc::strong_count(&slow.source.turn) > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            for host in ["db2", "db1", "db2", "db2"] {
                let told = slow.source.password(login(host)).await.expect("a password");
                assert_eq!(told.as_str(), format!("of {host}"));
            }
            assert_eq!(slow.asked(), ["db1", "db2"], "each was asked for once");
        });
    }
}
