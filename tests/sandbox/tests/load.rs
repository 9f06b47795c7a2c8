//! Many sessions at once.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod till;

use std::io::Write;
use std::time::Instant;

use ovo_sandbox::{Sandbox, SandboxConfig};
use till::*;

/// Opens `count` TLS sessions that wait for their customers, all at the same time, and sees each
/// of them answered.
fn wait_together(count: u32, scale: f64) {
    let sandbox = Sandbox::start(SandboxConfig::https().time_scale(scale)).unwrap();
    let config = trusting(&sandbox);
    let started = Instant::now();
    let mut wires: Vec<_> = (1..=count)
        .map(|number| {
            let mut wire = tls(&config, &sandbox).unwrap();
            wire.write_all(&push(number, "081200000155")).unwrap();
            wire
        })
        .collect();
    println!("{count} sessions opened in {:?}", started.elapsed());
    while sandbox.ledger().len() < count as usize {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let waiting = sandbox.ledger().iter().filter(|entry| entry.debits == 0).count();
    assert_eq!(waiting, count as usize, "all sessions must wait together");
    assert_eq!(sandbox.counters().open, u64::from(count));
    for wire in &mut wires {
        wire.sock.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        assert_eq!(read_answer(wire).unwrap().code(), "00");
    }
    println!("all answered after {:?}", started.elapsed());
}

#[test]
fn hundreds_of_sessions_wait_on_one_thread() {
    wait_together(400, 0.1);
}

#[test]
#[ignore = "takes half a minute and 10,000 descriptors"]
fn five_thousand_sessions_wait_on_one_thread() {
    rlimit::increase_nofile_limit(16_384).unwrap();
    wait_together(5_000, 0.5);
}
