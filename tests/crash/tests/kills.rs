//! Kills at random moments (C3 to C8, C10). Ten thousand of them: `make kill-campaign`.

use ovo_crash::campaign::Campaign;

#[test]
fn c3_c4_c5_c6_c7_c8_c10_c17_mp2_two_hundred_killed_tills_lose_no_rupiah_and_no_word() {
    // A quarter of them with `SMALL_DOSES` in the environment.
    let kills = if std::env::var_os("SMALL_DOSES").is_some() { 50 } else { 200 };
    let campaign = Campaign {
        program: env!("CARGO_BIN_EXE_ovo-crash").into(),
        kills,
        pauses: 0,
        per_round: 100,
        desks: 6,
        lives: 1,
        // Another one each day, and said when something is found.
        seed: std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs()
            / 86_400,
    };
    let done = campaign.run(|_| ()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(done.kills, kills);
    assert!(done.mix.of("payments") > kills / 4, "{}", done.mix);
    assert!(done.mix.of("given up by a cashier") > 0, "{}", done.mix);
}
