//! The fault catalogue's groups F and B, through the C ABI. `tests/c/faults.c` and
//! `tests/c/bad_input.c` hold the cases; a test here names the catalogue's entries.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use support::{Build, Stage, command, compile, has, under_valgrind};

/// Slow enough for a sanitizer on a busy machine, fast enough for a test.
const SCALE: f64 = 0.03;

fn fault(case: &str, build: Build) {
    let program = compile(&["c/faults.c"], build);
    let stage = Stage::at(SCALE);
    stage.succeeds(command(&program), &[case]);
}

#[test]
fn f2_a_dead_double_freed_or_foreign_handle_is_a_code() {
    fault("dead_handles", Build::Shared);
}

#[test]
fn f2_dead_handles_under_the_address_sanitizer() {
    fault("dead_handles", Build::Address);
}

#[test]
fn f3_f4_broken_texts_and_small_buffers_are_codes() {
    fault("broken_texts", Build::Static);
}

#[test]
fn f3_f4_no_byte_is_read_or_written_beyond_its_end() {
    fault("broken_texts", Build::Address);
}

#[test]
fn f6_reentry_from_a_callback_is_a_code() {
    fault("reentry", Build::Address);
}

#[test]
fn f6_a_transport_that_contradicts_itself_never_costs_money() {
    fault("transports", Build::Address);
}

#[test]
fn n26_a_request_of_a_slow_terminal_is_signed_behind_its_connecting() {
    fault("signed_behind_connecting", Build::Address);
}

#[test]
fn f6_a_modem_that_dials_hears_of_a_cancel_and_of_a_closing_client() {
    fault("given_up_while_dialling", Build::Address);
}

#[test]
fn f7_closing_while_other_threads_wait_ends_their_calls() {
    fault("close_while_waiting", Build::Static);
}

#[test]
fn f7_closing_while_other_threads_wait_under_the_address_sanitizer() {
    fault("close_while_waiting", Build::Address);
}

/// Slow enough for the payment to outlast the call that closes.
#[test]
fn f7_closing_with_a_grace_turns_no_sale_into_a_refund() {
    let program = compile(&["c/faults.c"], Build::Address);
    let stage = Stage::at(0.2);
    stage.succeeds(command(&program), &["close_with_a_grace"]);
    assert_eq!(stage.sandbox.net("INV-F7-LUNCH"), 1_000);
}

#[test]
fn f7_closing_under_load_never_crashes() {
    fault("close_under_load", Build::Address);
}

#[test]
fn f7_closing_under_load_under_the_thread_sanitizer() {
    fault("close_under_load", Build::Threads);
}

#[test]
fn f8_a_storm_of_signals_neither_ends_nor_spins_a_wait() {
    let program = compile(&["c/faults.c"], Build::Static);
    let stage = Stage::at(SCALE);
    let said = stage.succeeds(command(&program), &["signal_storm"]);
    // "N signals, M ms of CPU": a wait of more than a second must not be busy.
    let busy: u64 = said.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(busy < 600, "{said}");
}

#[test]
fn mp11_a_forked_child_gets_a_code_and_may_open_its_own() {
    fault("forked", Build::Shared);
}

#[test]
fn a_failure_names_the_field_the_payment_in_the_way_and_the_time_to_wait() {
    fault("facts_of_failures", Build::Static);
}

#[test]
fn a_setting_that_failed_is_told_again_by_opening() {
    fault("failed_settings", Build::Static);
}

#[test]
fn f7_f14_headers_and_libraries_of_other_versions_are_told_apart() {
    fault("other_versions", Build::Address);
}

#[test]
fn ov22_a_probed_host_says_whether_it_checks_signatures_once_a_day() {
    let program = compile(&["c/faults.c"], Build::Static);
    for (host, case) in [
        (r#"{}"#, "probes_a_careful_host"),
        (r#"{"signing": "unchecked"}"#, "probes_a_careless_host"),
    ] {
        let stage = Stage::at(SCALE);
        stage.sandbox.control("POST", "/config", host);
        stage.succeeds(command(&program), &[case]);
        let inquiries = stage.sandbox.control("GET", "/requests", "");
        let inquiries = inquiries["requests"].as_array().unwrap();
        let wrong = inquiries.iter().filter(|request| request["signature"] == "wrong").count();
        assert_eq!(wrong, 1, "{inquiries:?}");
    }
}

#[test]
fn starting_a_payment_without_threads_is_a_code() {
    fault("no_threads", Build::Static);
}

#[test]
fn f2_f3_f6_under_valgrind() {
    if !has("valgrind") {
        return;
    }
    let program = compile(&["c/faults.c"], Build::Shared);
    for case in ["broken_texts", "transports"] {
        let stage = Stage::at(0.1);
        stage.succeeds(under_valgrind(&program), &[case]);
    }
}

/// The shared library is asked to go while one of its threads works: it stays.
#[test]
fn f13_unloading_with_a_live_worker_is_refused() {
    let program = compile(&["c/unload.c"], Build::Static);
    let stage = Stage::at(SCALE);
    let mut unload = command(&program);
    unload.env("LIBRARY", support::prefix().join("lib/libovo_ptp.so"));
    let said = stage.succeeds(unload, &[]);
    assert!(said.contains("still loaded"), "{said}");
    assert_eq!(stage.sandbox.net("INV-F13"), 1_000, "and the payment went on");
}

#[test]
fn f17_moving_closing_and_destroying_in_cpp_at_awkward_moments_is_defined() {
    let program = compile(&["cpp/moves.cpp", "cpp/sandbox.cpp"], Build::Address);
    // Its payments must outlast a busy machine, and none of them is waited for.
    let stage = Stage::at(0.5);
    stage.succeeds(command(&program), &[]);
}

/// Runs a case of `bad_input.c` with everything said to it searched for what must not be there.
fn bad_input(case: &str, script: Option<&str>) -> Stage {
    let program = compile(&["c/bad_input.c"], Build::Address);
    let stage = Stage::at(SCALE);
    if let Some(script) = script {
        stage.sandbox.control("POST", "/script", script);
    }
    let mut run = command(&program);
    run.env("SSLKEYLOGFILE", stage.directory.path().join("keys"))
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("https_proxy", "http://127.0.0.1:9")
        .env("ALL_PROXY", "http://127.0.0.1:9");
    let output = stage.play(run, &[case]);
    let said = format!("{}{}", support::text(&output), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {said}", output.status);
    for secret in ["5a4e0b0c", "81200000001", "021555", "SANDBOX CUSTOMER"] {
        assert!(!said.contains(secret), "{case}: {secret} in {said}");
    }
    assert!(!stage.directory.path().join("keys").exists(), "B5: a key log was written");
    stage
}

#[test]
fn b1_b2_b3_b10_values_that_break_a_rule_are_named_and_never_repeated() {
    let stage = bad_input("values", None);
    let requests = stage.sandbox.control("GET", "/requests", "");
    assert_eq!(requests["requests"].as_array().map(Vec::len), Some(0), "{requests}");
}

#[test]
fn b4_b5_a_certificate_that_is_not_ovos_means_not_sent() {
    for fault in ["expired_certificate", "wrong_host_certificate", "unknown_authority", "old_tls"] {
        let script =
            format!(r#"{{"steps":[],"connections":[{{"fault":"{fault}","times":0,"skip":0}}]}}"#);
        let stage = bad_input("not_sent", Some(&script));
        assert_eq!(stage.sandbox.net("INV-B"), 0);
    }
}

/// Answers are not signed. A forgery that repeats another payment is not believed; a perfect one is,
/// and only OVO's own record shows it (the residual risk of B6).
#[test]
fn b6_a_forged_success_is_held_against_the_push_and_a_perfect_one_against_ovo() {
    let forged = |invoice: &str, set: &str| {
        format!(
            r#"{{"on":"push_to_pay","invoice":"{invoice}","act":{{"pretend":true}},"answer":{{"set":{{{set}}}}}}}"#
        )
    };
    let steps = [
        forged("INV-AMOUNT", r#""amount":1"#),
        forged("INV-INVOICE", r#""transactionRequestData.merchantInvoice":"X""#),
        forged("INV-REFERENCE", r#""referenceNumber":999999"#),
        forged("INV-TID", r#""tid":"00000002""#),
        forged("INV-PHONE", r#""transactionRequestData.phone":"081299999999""#),
        forged("INV-TYPE", r#""type":"0410""#),
        forged("INV-PERFECT", ""),
    ];
    let stage = bad_input("forgeries", Some(&format!("[{}]", steps.join(","))));
    for invoice in ["INV-AMOUNT", "INV-PHONE", "INV-PERFECT"] {
        assert_eq!(stage.sandbox.net(invoice), 0, "{invoice}: nobody was debited");
    }
}

#[test]
fn b8_whoever_steals_the_journal_reads_no_phone_name_or_key_in_it() {
    let stage = bad_input("stolen", None);
    let mut files = 0;
    for entry in std::fs::read_dir(stage.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |wanted: &str| bytes.windows(wanted.len()).any(|at| at == wanted.as_bytes());
        // The phones with and without their zero, the name, the key and half of it.
        for secret in ["81200000010", "81200009110", "SANDBOX CUSTOMER", "5a4e0b0c"] {
            assert!(!holds(secret), "{}: {secret}", path.display());
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let rows = name == "ovo.db" || name == "ovo.db-wal";
        files += usize::from(rows && holds("INV-B8-PAID") && holds("INV-B8-OPEN"));
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{name} is for its owner only");
    }
    assert!(files > 0, "the rows are in no file: the search would prove nothing");
}

#[test]
fn b7_b9_neither_log_nor_error_shows_a_person_or_a_key_and_no_proxy_is_used() {
    let stage = bad_input("paid", None);
    assert_eq!(stage.sandbox.net("INV-B"), 1_000);
}

#[test]
fn b11_b12_bombs_in_answers_end_as_not_completed() {
    for step in [
        r#"[{"on":"push_to_pay","answer":{"mangle":{"many_keys":1000000}}}]"#,
        r#"[{"on":"push_to_pay","answer":{"mangle":{"deep":10000}}}]"#,
        r#"[{"on":"push_to_pay","deliver":{"huge_header":{"bytes":1000000}}}]"#,
        r#"[{"on":"push_to_pay","deliver":{"huge_body":{"bytes":10000000}}}]"#,
    ] {
        // Behind the bomb the customer has paid, and the status check finds it; or it is returned.
        bad_input("any_outcome", Some(step));
    }
}
