//! Payments in a process of their own, for what a whole process inherits: its environment.

use std::process::Command;

use ovo_ptp::Outcome;
use ovo_ptp::transport::Trust;
use ovo_sandbox::Sandbox;

use super::{Till, roomy};

const ADDRESS: &str = "OVO_CHECKOUT_ADDRESS";
const AUTHORITY: &str = "OVO_CHECKOUT_AUTHORITY";
const SCALE: f64 = 0.03;

/// In the child: pays INV-1 and says how it went. `false` in the parent, which goes on.
pub(crate) fn is_child() -> bool {
    let Ok(address) = std::env::var(ADDRESS) else { return false };
    let trust = match std::env::var(AUTHORITY) {
        Ok(pem) => Trust::Pem(pem.into_bytes()),
        Err(_) => Trust::Platform,
    };
    let till = Till::open(&address, trust, roomy(SCALE), |it| it);
    println!("outcome: {}", till.pay("INV-1", "081200000000").name());
    if matches!(till.report("INV-1").outcome, Some(Outcome::NotSent(_))) {
        println!("why: {:?}", till.results(ovo_ptp::message::Operation::PushToPay));
    }
    true
}

/// In the parent: runs the test named `test` once more as a child with this environment, and
/// returns what it printed.
pub(crate) fn run(
    test: &str,
    ovo: &Sandbox,
    authority: Option<&str>,
    environment: &[(&str, String)],
) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    command.env(ADDRESS, ovo.base_url());
    if let Some(pem) = authority {
        command.env(AUTHORITY, pem);
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
