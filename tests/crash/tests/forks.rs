//! A process that forks with an open client (MP11).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod street;

use ovo_ptp::message::Operation;
use ovo_sandbox::HostConfig;
use street::*;

#[test]
fn mp11_a_forked_child_can_do_nothing_and_its_parents_payment_does_not_notice() {
    for shared in [false, true] {
        let street = Street::with(0.05, HostConfig::default(), shared);
        // The customer takes forty seconds of OVO's: two of ours.
        let mut parent = street.till(&["fork", "INV-1", "081200000140"]);
        parent.says("begun");
        until("the push arrives", || street.heard(Operation::PushToPay, "INV-1") == 1);
        parent.hears("fork now");
        assert_eq!(parent.says("told"), "paid");
        assert_eq!(parent.says("then"), "paid");
        assert!(parent.ends().success());
        assert_eq!(street.ovo.ledger().len(), 2);
        street.close();
    }
}
