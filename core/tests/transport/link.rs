//! A link that fails behind the write (fault N24), with the system's own TCP: each case is a process
//! in a network of its own, whose one interface goes down and up.

use std::io::Write;
use std::process::Command;
use std::sync::Mutex;

use crate::host::Host;
use crate::*;

fn link(state: &str) {
    let done = Command::new("ip").args(["link", "set", "lo", state]).status().unwrap();
    assert!(done.success());
}

/// Takes the link away with the connection ready, immediately before the write.
struct LinkGoes {
    /// How long the answer is waited for.
    patience: Duration,
    sent: Mutex<Option<Instant>>,
}

impl Watch for LinkGoes {
    fn may_send(&self) -> bool {
        link("down");
        true
    }

    fn sent(&self) {
        *self.sent.lock().unwrap() = Some(Instant::now());
    }

    fn wait(&self) -> Option<Duration> {
        let sent = self.sent.lock().unwrap().expect("asked behind the write");
        (sent.elapsed() < self.patience).then_some(Duration::from_millis(200))
    }
}

fn patient() -> HttpRequest<'static> {
    HttpRequest { total_budget: Duration::from_secs(60), ..request(&signature) }
}

/// Runs `case` of the test below in a network of its own.
fn in_its_own_network(case: &str) {
    let program = std::env::current_exe().unwrap();
    let run = |command: &mut Command| command.output().ok().filter(|out| out.status.success());
    let own_network = ["--map-root-user", "--net"];
    if run(Command::new("unshare").args(own_network).args(["ip", "link"])).is_none() {
        eprintln!("SKIPPED: no network of its own for a process on this system");
        return;
    }
    let output = Command::new("unshare")
        .args(own_network)
        .arg(program)
        .args(["--exact", "link::with_a_link_that_fails", "--ignored", "--nocapture"])
        .env("LINK_CASE", case)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{why}");
}

#[test]
#[ignore = "run by the tests below, in a network of its own"]
fn with_a_link_that_fails() {
    link("up");
    let host = Host::http(|peer| {
        peer.read_request()?;
        std::thread::sleep(Duration::from_secs(30));
        peer.write_all(ok("{}").as_bytes())
    });
    let transport = host.transport();
    let gone = |patience| Arc::new(LinkGoes { patience, sent: Mutex::default() });
    match std::env::var("LINK_CASE").as_deref() {
        Ok("given up by us") => {
            let watch: Arc<dyn Watch> = gone(Duration::from_secs(2));
            no_answer(transport.exchange(&patient(), &watch));
            link("up");
            std::thread::sleep(Duration::from_secs(12));
            assert_eq!(host.requests().len(), 0, "delivered behind the end of the exchange");
        }
        Ok("given up by the system") => {
            let watch: Arc<dyn Watch> = gone(Duration::from_secs(60));
            let began = Instant::now();
            no_answer(transport.exchange(&patient(), &watch));
            let took = began.elapsed().as_secs();
            assert!((14..18).contains(&took), "{took}");
            link("up");
            std::thread::sleep(Duration::from_secs(12));
            assert_eq!(host.requests().len(), 0, "delivered though nobody waits");
        }
        Ok("acknowledged") => {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_secs(3));
                link("down");
                std::thread::sleep(Duration::from_secs(25));
                link("up");
            });
            let watch: Arc<dyn Watch> = Arc::new(Unwatched);
            answered(transport.exchange(&patient(), &watch));
        }
        other => panic!("no such case: {other:?}"),
    }
}

#[test]
fn n24_a_push_that_was_given_up_is_not_delivered_when_the_link_returns() {
    in_its_own_network("given up by us");
}

#[test]
fn n24_a_push_that_nobody_acknowledges_is_given_up_by_the_system_within_18_s() {
    in_its_own_network("given up by the system");
}

#[test]
fn n24_a_push_that_was_acknowledged_waits_through_a_link_that_is_down_for_25_s() {
    in_its_own_network("acknowledged");
}
