//! What a dead node owes is drained at the fleet's rate, beside new payments. Ten thousand rows of it:
//! `make drain-fleet`.

use std::path::Path;

use ovo_postgres::{are_installed, drains};

#[test]
fn mp2_what_a_dead_node_owes_is_drained_at_the_fleets_rate_and_new_payments_do_not_wait() {
    if !are_installed() {
        return;
    }
    let drained = drains(Path::new(env!("CARGO_BIN_EXE_ovo-postgres")), 200, 1);
    println!("{drained:?}");
    drained.is_right();
}
