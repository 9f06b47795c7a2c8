//! The example programs of `tests/c` and `tests/cpp`, run against the sandbox over TLS: linked in
//! every way, watched by sanitizers and valgrind, found by pkg-config and CMake.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use support::{Build, Stage, command, compile, has, prefix, text, under_valgrind, workspace};

/// OVO's minute in 1.2 seconds; slower where a checker slows the program down.
const FAST: f64 = 0.02;
const WATCHED: f64 = 0.05;

fn scale_of(build: Build) -> f64 {
    if matches!(build, Build::Shared | Build::Static) { FAST } else { WATCHED }
}

fn first_payment(build: Build) {
    let program = compile(&["c/first_payment.c"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-FIRST-1: paid Rp12.500, approval code "), "{said}");
    assert!(said.contains("INV-FIRST-2: declined: You cancelled the payment in OVO."), "{said}");
    assert!(said.contains("OVO_ERR_INVALID_INPUT: phone: "), "{said}");
    assert_eq!(stage.sandbox.net("INV-FIRST-1"), 12_500);
    assert_eq!(stage.sandbox.net("INV-FIRST-2"), 0);
}

#[test]
fn a_first_payment_shared() {
    first_payment(Build::Shared);
}

#[test]
fn n25_a_first_payment_through_a_real_proxy() {
    if !has("tinyproxy") {
        return;
    }
    let stage = Stage::at(FAST);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (settings, log) =
        (stage.directory.path().join("proxy.conf"), stage.directory.path().join("proxy.log"));
    let lines = format!(
        "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth till s3cret-word\n\
         LogFile \"{}\"\nLogLevel Connect\n",
        log.display()
    );
    std::fs::write(&settings, lines).unwrap();
    let mut proxy = Command::new("tinyproxy").arg("-d").arg("-c").arg(settings).spawn().unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut program = command(&compile(&["c/first_payment.c"], Build::Shared));
    program.env("SANDBOX_PROXY", format!("http://till:s3cret-word@127.0.0.1:{port}"));
    let said = stage.succeeds(program, &[]);
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    assert!(said.contains("INV-FIRST-1: paid Rp12.500, approval code "), "{said}");
    assert_eq!(stage.sandbox.net("INV-FIRST-1"), 12_500);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("CONNECT"), "{log}");
    assert!(!said.contains("s3cret-word") && !log.contains("s3cret-word"));
}

#[test]
fn n25_a_first_payment_through_a_real_socks_server() {
    if !has("microsocks") {
        return;
    }
    let stage = Stage::at(FAST);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let served = ["-i", "127.0.0.1", "-p", &port, "-u", "till", "-P", "s3cret-word"];
    let mut server = Command::new("microsocks").args(served).spawn().unwrap();
    while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let program = compile(&["c/first_payment.c"], Build::Shared);
    let mut through = command(&program);
    through.env("SANDBOX_PROXY", format!("socks5://till:s3cret-word@127.0.0.1:{port}"));
    let said = stage.succeeds(through, &[]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(said.contains("INV-FIRST-1: paid Rp12.500, approval code "), "{said}");
    assert_eq!(stage.sandbox.net("INV-FIRST-1"), 12_500);
    // Without it nothing leads to OVO: the way was through it.
    let stage = Stage::at(FAST);
    let mut without = command(&program);
    without.env("SANDBOX_PROXY", format!("socks5://till:s3cret-word@127.0.0.1:{port}"));
    let output = without
        .envs(stage.sandbox.settings())
        .arg(stage.directory.path().join("ovo.db"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(stage.sandbox.net("INV-FIRST-1"), 0);
}

#[test]
fn n27_a_first_payment_at_a_host_that_wants_a_certificate() {
    let stage = Stage::with(FAST, &["--client-certificate"]);
    let program = compile(&["c/first_payment.c"], Build::Shared);
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-FIRST-1: paid Rp12.500, approval code "), "{said}");
    assert_eq!(stage.sandbox.net("INV-FIRST-1"), 12_500);

    // With another authority's.
    let strict = Stage::with(FAST, &["--client-certificate"]);
    let settings = stage.sandbox.settings();
    let (_, foreign) = settings.iter().find(|(name, _)| name == "SANDBOX_CLIENT").unwrap();
    let output = command(&program)
        .envs(strict.sandbox.settings())
        .env("SANDBOX_CLIENT", foreign)
        .arg(strict.directory.path().join("ovo.db"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("no usable answer"), "{said}");
    assert_eq!(strict.sandbox.net("INV-FIRST-1"), 0);
}

#[test]
fn a_first_payment_static() {
    first_payment(Build::Static);
}

#[test]
fn a_first_payment_under_the_address_sanitizer() {
    first_payment(Build::Address);
}

#[test]
fn a_first_payment_under_valgrind() {
    if !has("valgrind") {
        return;
    }
    let program = compile(&["c/first_payment.c"], Build::Shared);
    let stage = Stage::at(0.5);
    let said = stage.succeeds(under_valgrind(&program), &[]);
    assert!(said.contains("INV-FIRST-1: paid Rp12.500"), "{said}");
}

/// No file of the system's at all: what a firmware image carries.
#[test]
fn a_first_payment_in_a_fully_static_program() {
    let program = prefix().join("fully-static");
    let status = Command::new("cc")
        .args(["-std=c99", "-static", "-o"])
        .arg(&program)
        .arg(workspace().join("tests/c/first_payment.c"))
        .arg(format!("-I{}", prefix().join("include").display()))
        .arg(format!("-L{}", prefix().join("lib").display()))
        .args(["-lovo_ptp", "-lm", "-ldl", "-lpthread"])
        // The system's resolver warns that it loads its modules at run time.
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let stage = Stage::at(FAST);
    let said = stage.succeeds(Command::new(program), &[]);
    assert!(said.contains("INV-FIRST-1: paid Rp12.500"), "{said}");
}

fn countdown(build: Build) {
    let program = compile(&["c/countdown.c"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-COUNT-1: paid Rp25.000"), "{said}");
    assert!(said.contains("INV-COUNT-2: paid Rp25.000"), "{said}");
    assert!(said.contains("waited by turns, counted down"), "{said}");
}

#[test]
fn a_countdown_on_a_terminal() {
    countdown(Build::Static);
}

#[test]
fn a_countdown_under_the_address_sanitizer() {
    countdown(Build::Address);
}

fn recovery(build: Build) {
    let program = compile(&["c/recovery.c"], build);
    let stage = Stage::at(scale_of(build));
    let crash = stage.play(command(&program), &["crash"]);
    assert_eq!(crash.status.code(), Some(9), "{}", String::from_utf8_lossy(&crash.stderr));
    let said = stage.succeeds(command(&program), &["recover"]);
    assert!(said.contains("1 payment under way"), "{said}");
    // A program that was away for a moment may still find the success by the status check.
    let paid = said.contains("INV-CRASH-1: paid Rp40.000");
    let returned = said.contains("INV-CRASH-1: not completed");
    assert!(paid != returned, "{said}");
    assert_eq!(stage.sandbox.net("INV-CRASH-1"), if paid { 40_000 } else { 0 });
}

#[test]
fn a_till_that_lost_its_power_recovers() {
    recovery(Build::Shared);
}

#[test]
fn a_recovery_under_the_address_sanitizer() {
    recovery(Build::Address);
}

fn end_of_day(build: Build) {
    let program = compile(&["c/end_of_day.c"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-DAY-1: voided"), "{said}");
    assert_eq!(said.matches("INV-DAY-9: no payment with this invoice").count(), 2, "{said}");
    assert!(said.contains("a page of a void\ntoo small: yes, empty"), "{said}");
    assert!(said.contains("paid: counted\ntoo small: yes, empty"), "{said}");
    assert!(said.contains("no such form: 1"), "{said}");
    assert!(said.contains("total 32000"), "{said}");
    assert_eq!(stage.sandbox.net("INV-DAY-1"), 0);
    assert_eq!(stage.sandbox.net("INV-DAY-2"), 32_000);
}

#[test]
fn a_void_at_the_end_of_the_day() {
    end_of_day(Build::Static);
}

#[test]
fn a_void_under_the_address_sanitizer() {
    end_of_day(Build::Address);
}

fn reconciliation(build: Build) {
    let program = compile(&["c/reconcile.c"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    for line in [
        "INV-REC-1: matched",
        "INV-REC-2: extra debit",
        "INV-REC-4: other amount",
        "INV-REC-1: twice",
        "INV-REC-1: refunded there",
        "ANOTHER-TILL/9: missing here",
        "INV-REC-3: missing at OVO of 7000: paid here, and not in the report of its day",
        "1 missing at OVO, 7000 rupiah",
        "INV-REC-5: failed there of 2000: the report says that no money moved, and it is paid here",
        "1 failed there, 2000 rupiah",
        "INV-REC-6: extra debit",
        "INV-REC-6: refunded",
        "1 extra debit, 5000 rupiah",
        "INV-REC-2 goes back",
        "of another till: 1",
        "INV-REC-4 other day: the report has it on",
        "(1 payments)",
        "says nothing: 1",
        "no line: 1",
        "own journal: 1",
        "another merchant's: 1",
        "INV-REC-1 beside: matched",
        "a client too: 1",
        "no amount: 1",
        "counted: 2",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(!said.contains("INV-REC-6 goes back"), "OVO has returned it: {said}");
    let evidence = std::fs::read_to_string(stage.directory.path().join("ovo.db.jsonl")).unwrap();
    assert!(evidence.lines().count() >= 4, "each exchange is a line");
    assert!(!evidence.contains("081200001700"), "phones are masked");
}

#[test]
fn ovos_report_is_held_against_the_journal_in_c() {
    reconciliation(Build::Static);
}

#[test]
fn ovos_report_under_the_address_sanitizer() {
    reconciliation(Build::Address);
}

fn own_transport(build: Build) {
    let program = compile(&["c/own_transport.c"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-MODEM-1: paid Rp15.000"), "{said}");
    assert!(said.contains("found by the status check: yes"), "{said}");
    assert_eq!(stage.sandbox.net("INV-MODEM-1"), 15_000);
    assert_eq!(stage.sandbox.net("INV-MODEM-2"), 15_000);
}

#[test]
fn a_transport_of_the_terminal_s_own() {
    own_transport(Build::Shared);
}

#[test]
fn a_transport_under_the_address_sanitizer() {
    own_transport(Build::Address);
}

#[test]
fn a_transport_under_valgrind() {
    if !has("valgrind") {
        return;
    }
    let program = compile(&["c/own_transport.c"], Build::Shared);
    let stage = Stage::at(0.2);
    let said = stage.succeeds(under_valgrind(&program), &[]);
    assert!(said.contains("INV-MODEM-1: paid Rp15.000"), "{said}");
}

#[test]
fn t8_a_tick_of_32_bits_wraps_in_the_middle_of_a_payment() {
    let program = compile(&["c/clock.c"], Build::Shared);
    // 65 seconds are 6.5: the tick wraps after 3, and a busy machine has 2 for the push.
    let stage = Stage::at(0.1);
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-TICK-1: not completed"), "{said}");
    assert_eq!(stage.sandbox.net("INV-TICK-1"), 0);
}

fn cancel(build: Build) {
    let program = compile(&["c/cancel.c"], build);
    // The customer of the first payment confirms three seconds behind the push.
    let stage = Stage::at(0.1);
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-CANCEL-1: not completed: Cancelled by the shop."), "{said}");
    for invoice in ["INV-CANCEL-1", "INV-CANCEL-2", "INV-CANCEL-3"] {
        assert_eq!(stage.sandbox.net(invoice), 0, "{invoice}: {said}");
    }
    assert_eq!(stage.sandbox.net("INV-CANCEL-4"), 45_000, "{said}");
}

#[test]
fn c17_a_payment_is_given_up_from_a_thread_and_from_a_countdown() {
    cancel(Build::Shared);
}

#[test]
fn c17_a_payment_is_given_up_under_the_address_sanitizer() {
    cancel(Build::Address);
}

fn journal(build: Build) {
    let program = compile(&["c/journal.c"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    for number in 1..=4 {
        assert_eq!(stage.sandbox.net(&format!("INV-FILE-{number}")), 15_000, "{said}");
    }
    assert_eq!(stage.sandbox.net("INV-KEY-1"), 0, "OVO does not know that key");
}

#[test]
fn j20_j21_j22_j27_j29_a_journal_in_people_s_hands() {
    journal(Build::Shared);
}

#[test]
fn j20_j21_j22_j27_j29_a_journal_in_people_s_hands_under_the_address_sanitizer() {
    journal(Build::Address);
}

fn idle_loop(build: Build) {
    let program = compile(&["c/idle_loop.c"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-IDLE-1: not completed"), "{said}");
    assert!(said.contains("settled: settled, it had been debited"), "{said}");
    assert_eq!(stage.sandbox.net("INV-IDLE-1"), 0, "the customer has the money back");
}

#[test]
fn an_idle_loop_settles_without_threads() {
    idle_loop(Build::Static);
}

#[test]
fn an_idle_loop_under_the_address_sanitizer() {
    idle_loop(Build::Address);
}

/// The library starts no thread unless asked: the kernel would count it.
#[test]
fn no_thread_is_started_unless_asked() {
    if !has("strace") {
        return;
    }
    let program = compile(&["c/idle_loop.c"], Build::Shared);
    let stage = Stage::at(WATCHED);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-e", "trace=clone,clone3,fork,vfork", "-o"]);
    traced.arg(stage.directory.path().join("trace"));
    traced.env("LD_LIBRARY_PATH", prefix().join("lib")).arg(program);
    stage.succeeds(traced, &[]);
    let trace = std::fs::read_to_string(stage.directory.path().join("trace")).unwrap();
    assert!(!trace.contains("clone") && !trace.contains("fork"), "{trace}");
}

fn cpp_first_payment(build: Build) {
    let program = compile(&["cpp/first_payment.cpp"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-CPP-1: paid Rp12.500"), "{said}");
    assert!(said.contains("INV-CPP-2: Nomor ini belum terdaftar di OVO."), "{said}");
    assert!(said.contains("amount: must be at least 1 rupiah"), "{said}");
    assert_eq!(stage.sandbox.net("INV-CPP-1"), 12_500);
}

#[test]
fn a_first_payment_in_cpp_shared() {
    cpp_first_payment(Build::Shared);
}

#[test]
fn a_first_payment_in_cpp_under_the_address_sanitizer() {
    cpp_first_payment(Build::Address);
}

fn cpp_end_of_day(build: Build) {
    let program = compile(&["cpp/end_of_day.cpp", "cpp/sandbox.cpp"], build);
    let stage = Stage::at(scale_of(build));
    let said = stage.succeeds(command(&program), &[]);
    assert!(said.contains("INV-DAY-1 voided paid"), "{said}");
    assert!(said.contains("all is well"), "{said}");
    assert_eq!(stage.sandbox.net("INV-DAY-1"), 0);
}

#[test]
fn the_end_of_the_day_in_cpp_from_two_files() {
    cpp_end_of_day(Build::Static);
}

#[test]
fn the_end_of_the_day_in_cpp_under_the_address_sanitizer() {
    cpp_end_of_day(Build::Address);
}

#[test]
fn the_cpp_header_needs_no_exceptions() {
    let header = prefix().join("include");
    for arguments in [&["-fno-exceptions", "-fno-rtti"][..], &["-std=c++20"][..]] {
        let output = Command::new("c++")
            .args(["-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"])
            .args(arguments)
            .arg(format!("-I{}", header.display()))
            .arg(workspace().join("tests/cpp/sandbox.cpp"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// An installed copy as CMake finds it, shared and static, with the version checked.
#[test]
fn a_first_payment_through_cmake() {
    if !has("cmake") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let build = |arguments: &[&str]| {
        let output = Command::new("cmake").args(arguments).output().unwrap();
        let said = format!("{}{}", text(&output), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), said)
    };
    let source = workspace().join("tests/c/cmake");
    let (source, binary) = (source.to_str().unwrap(), directory.path().to_str().unwrap());
    let prefix_path = format!("-DCMAKE_PREFIX_PATH={}", prefix().display());
    let (configured, said) = build(&["-S", source, "-B", binary, &prefix_path]);
    assert!(configured, "{said}");
    let (built, said) = build(&["--build", binary]);
    assert!(built, "{said}");
    for program in ["shared_payment", "static_payment", "cpp_payment"] {
        let stage = Stage::at(FAST);
        let said = stage.succeeds(command(&directory.path().join(program)), &[]);
        assert!(said.contains("paid Rp12.500"), "{program}: {said}");
    }
    let too_new = tempfile::tempdir().unwrap();
    let (configured, said) = build(&[
        "-S",
        source,
        "-B",
        too_new.path().to_str().unwrap(),
        &prefix_path,
        "-DWANTED=99.0",
    ]);
    assert!(!configured, "a version that is not there was found: {said}");
}

/// J26: fresh, known with its outcome, and another process's while it is under way.
fn known(source: &str) {
    let program = compile(&[source], Build::Shared);
    let stage = Stage::at(WATCHED);
    let approves = "081200000100";
    assert_eq!(
        stage.succeeds(command(&program), &["INV-1", approves, "pay"]),
        "INV-1: paid, begun here\n"
    );
    assert_eq!(
        stage.succeeds(command(&program), &["INV-1", approves, "pay"]),
        "INV-1: paid, known\n"
    );
    assert_eq!(
        stage.succeeds(command(&program), &["INV-1", approves]),
        "INV-1: paid, known\nINV-1: paid, known\n"
    );
    // Two processes wait for one payment, which one of them began.
    let after_50 = "081200000150";
    let mut first = command(&program)
        .envs(stage.sandbox.settings())
        .arg(stage.directory.path().join("ovo.db"))
        .args(["INV-2", after_50])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "INV-2: pending, begun here");
    assert_eq!(
        stage.succeeds(command(&program), &["INV-2", after_50]),
        "INV-2: pending, known\nINV-2: paid, known\n"
    );
    assert_eq!(lines.next().unwrap().unwrap(), "INV-2: paid, begun here");
    assert!(first.wait().unwrap().success());
    assert_eq!(stage.sandbox.net("INV-2"), 12_500);
}

#[test]
fn j26_a_payment_that_was_known_says_so_in_c() {
    known("c/known.c");
}

#[test]
fn j26_a_payment_that_was_known_says_so_in_cpp() {
    known("cpp/known.cpp");
}
