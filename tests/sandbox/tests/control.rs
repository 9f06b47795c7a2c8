//! The control endpoints and the program, as a test in any language uses them.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod till;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use ovo_ptp::message::Operation;
use ovo_sandbox::{DEMO_APP_KEY, Sandbox, SandboxConfig};
use serde_json::Value;
use till::*;

const PHONE: &str = "081234567890";

#[test]
fn customers_scripts_and_books_are_reached_over_http() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let url = sandbox.control_url();
    assert_eq!(control(&url, "GET", "/health", "").json()["ok"], true);
    let customer = format!(r#"{{"phone":"{PHONE}","cash":20000,"name":"SITI"}}"#);
    assert_eq!(control(&url, "POST", "/customers", &customer).status, 200);
    let script = r#"[{"on":"push_to_pay","behave":{"decline":{"code":"26"}}}]"#;
    assert_eq!(control(&url, "POST", "/script", script).json()["steps"], 1);
    assert_eq!(exchange(&sandbox, &push(1, PHONE)).unwrap().code(), "26");
    assert_eq!(exchange(&sandbox, &push(2, PHONE)).unwrap().code(), "00");
    let ledger = control(&url, "GET", "/ledger", "").json();
    assert_eq!(ledger["taken"], 12_500);
    assert_eq!(ledger["entries"][0]["state"], "not_debited");
    assert_eq!(ledger["entries"][1]["state"], "debited");
    assert_eq!(ledger["entries"][1]["net"], 12_500);
    assert_eq!(ledger["customers"][0]["cash"], 7_500);
    let requests = control(&url, "GET", "/requests", "").json();
    assert_eq!(requests["requests"][1]["phone"], "0812****7890");
    assert_eq!(requests["requests"][1]["signature"], "without_body");
    assert_eq!(control(&url, "POST", "/reset", "").status, 200);
    assert_eq!(control(&url, "GET", "/ledger", "").json()["taken"], 0);
}

#[test]
fn configuration_clock_and_operator_are_reached_over_http() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let url = sandbox.control_url();
    let date = now_text();
    let first = request(&body(Operation::PushToPay, 1, PHONE, &date), "");
    assert_eq!(exchange(&sandbox, &first).unwrap().code(), "00");
    control(&url, "POST", "/reverse", r#"{"invoice":"INV-1"}"#);
    let check = || request(&body(Operation::CheckPayment, 1, PHONE, &date), "");
    assert_eq!(exchange(&sandbox, &check()).unwrap().code(), "73");
    control(&url, "POST", "/config", r#"{"clock_window_s":0}"#);
    control(&url, "POST", "/clock", r#"{"offset_ms":691200000}"#);
    assert_eq!(exchange(&sandbox, &check()).unwrap().code(), "54");
    assert_eq!(control(&url, "POST", "/config", r#"{"no_such":1}"#).status, 400);
    assert_eq!(control(&url, "POST", "/script", r#"[{"on":"refund"}]"#).status, 400);
    assert_eq!(control(&url, "PUT", "/ledger", "").status, 405);
    assert_eq!(control(&url, "GET", "/nothing", "").status, 404);
    assert!(!control(&url, "GET", "/phones", "").json().as_array().unwrap().is_empty());
}

struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Program {
    fn start(arguments: &[&str]) -> (Program, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ovo-sandbox"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        (Program { child, lines }, first)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_program_announces_itself_logs_without_secrets_and_ends_on_a_signal() {
    let directory = std::env::temp_dir().join(format!("ovo-sandbox-test-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let authority = directory.join("ca.pem");
    let seed = directory.join("seed.json");
    std::fs::write(&seed, format!(r#"[{{"phone":"{PHONE}","cash":12500}}]"#)).unwrap();
    let (mut program, first) = Program::start(&[
        "--http",
        "--ca-file",
        authority.to_str().unwrap(),
        "--seed",
        seed.to_str().unwrap(),
        "--sign",
        "without-body",
    ]);
    assert_eq!(first["demo"]["app_key"], DEMO_APP_KEY);
    assert!(std::fs::read_to_string(&authority).unwrap().contains("BEGIN CERTIFICATE"));
    let address = first["base_url"].as_str().unwrap().strip_prefix("http://").unwrap();
    let mut wire = std::net::TcpStream::connect(address).unwrap();
    for (number, code) in [(1, "00"), (2, "51")] {
        std::io::Write::write_all(&mut wire, &push(number, PHONE)).unwrap();
        assert_eq!(read_answer(&mut wire).unwrap().code(), code);
        let line = program.lines.next().unwrap().unwrap();
        assert!(line.contains("push_to_pay") && line.contains("0812****7890"), "{line}");
        assert!(!line.contains(PHONE) && !line.contains(DEMO_APP_KEY), "{line}");
    }
    let pid = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(program.child.wait().unwrap().success());
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_program_prints_its_phones_and_refuses_what_it_does_not_know() {
    let run = |argument: &str| {
        Command::new(env!("CARGO_BIN_EXE_ovo-sandbox")).arg(argument).output().unwrap()
    };
    let phones = String::from_utf8(run("--phones").stdout).unwrap();
    assert_eq!(phones, ovo_sandbox::table_text());
    let help = String::from_utf8(run("--help").stdout).unwrap();
    assert!(help.contains("--time-scale") && help.contains("0812000017NN"));
    assert!(!run("--colour").status.success());
}
