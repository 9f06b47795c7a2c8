//! Kills of nodes at random moments, with cuts, a silent way and a primary that dies. Two thousand of them:
//! `make kill-campaign-fleet`.

use ovo_crash::campaign::Campaign;
use ovo_postgres::{Fleet, are_installed};

#[test]
fn j13_c3_c4_c5_mp2_mp5_forty_killed_nodes_lose_no_rupiah_and_no_word() {
    if !are_installed() {
        return;
    }
    // Half of them with `SMALL_DOSES` in the environment.
    let kills = if std::env::var_os("SMALL_DOSES").is_some() { 20 } else { 40 };
    let campaign = Campaign {
        program: env!("CARGO_BIN_EXE_ovo-postgres").into(),
        kills,
        pauses: 0,
        per_round: kills / 2,
        desks: 4,
        lives: 4,
        // Another one each day, and said when something is found.
        seed: std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs()
            / 86_400,
    };
    let done = campaign
        .run_at(|round| Ok(Box::new(Fleet::start(round, 4)?)), |_| ())
        .unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(done.kills, kills);
    assert!(done.mix.of("payments") > kills / 4, "{}", done.mix);
}
