//! The control endpoints and the program, as a test in any language uses them.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod till;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use ovo_ptp::message::Operation;
use ovo_sandbox::{DEMO_APP_KEY, Decision, HostConfig, Sandbox, SandboxConfig};
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

#[test]
fn the_clock_and_every_delay_may_be_absurd_and_the_sandbox_lives() {
    let sandbox = Sandbox::start(SandboxConfig::http().time_scale(0.001)).unwrap();
    let url = sandbox.control_url();
    let most = i64::MAX;
    for offset in [most, i64::MIN, most / 2] {
        let body = format!(r#"{{"offset_ms":{offset}}}"#);
        let answer = control(&url, "POST", "/clock", &body);
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"].as_str().unwrap().contains("offset_ms"));
    }
    sandbox.set_wall_offset(i64::MAX);
    assert_eq!(control(&url, "GET", "/health", "").status, 200);
    sandbox.set_wall_offset(0);
    let never = u64::MAX;
    let customer = format!(r#"{{"phone":"{PHONE}","cash":{most},"points":{most}}}"#);
    assert_eq!(control(&url, "POST", "/customers", &customer).status, 200);
    for step in [
        format!(r#"{{"act":{{"queue_ms":{never}}},"deliver":{{"cut_ms":20}}}}"#),
        format!(r#"{{"act":{{"duplicate":{{"gap_ms":{never}}}}}}}"#),
        format!(r#"{{"act":{{"lag_ms":{never}}},"answer":{{"at_ms":0}}}}"#),
        format!(r#"{{"answer":{{"delay_ms":{never},"at_ms":{never}}},"deliver":{{"cut_ms":20}}}}"#),
        format!(r#"{{"behave":{{"approve":{{"after_ms":{never}}}}},"deliver":{{"cut_ms":20}}}}"#),
        format!(r#"{{"behave":{{"confirm_late":{{"after_ms":{never}}}}},"deliver":"reset"}}"#),
        format!(r#"{{"answer":{{"mangle":{{"deep":{never}}}}},"deliver":"drop"}}"#),
        format!(r#"{{"answer":{{"mangle":{{"many_keys":{never}}}}},"deliver":"drop"}}"#),
        format!(r#"{{"deliver":{{"length_too_long":{never}}}}}"#),
        format!(r#"{{"deliver":{{"huge_body":{{"bytes":{never}}}}}}}"#),
        format!(r#"{{"answer":{{"sloppy":[{{"field":"amount","how":{{"cut":{never}}}}}]}}}}"#),
    ] {
        assert_eq!(control(&url, "POST", "/script", &format!("[{step}]")).status, 200, "{step}");
    }
    for number in 1..=11 {
        let mut wire = tcp(&sandbox);
        std::io::Write::write_all(&mut wire, &push(number, PHONE)).unwrap();
        let mut first = [0_u8; 1];
        let _ = std::io::Read::read(&mut wire, &mut first);
    }
    let sale = format!(
        r#"{{"merchant_id":"100001","tid":"00000001","mid":"000000000000001","batch":1,
            "reference":99,"invoice":"BIG","amount":{most},"phone":"{PHONE}"}}"#
    );
    assert_eq!(control(&url, "POST", "/sales", &sale).status, 200);
    assert_eq!(control(&url, "GET", "/ledger", "").status, 200);
    assert_eq!(control(&url, "GET", "/health", "").status, 200);
}

#[test]
fn another_page_cannot_script_the_sandbox() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let address = sandbox.control_url().strip_prefix("http://").unwrap().to_owned();
    let ask = |head: &str| {
        let mut wire = std::net::TcpStream::connect(&address).unwrap();
        let text = format!("{head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut wire, text.as_bytes()).unwrap();
        read_answer(&mut wire).unwrap()
    };
    for head in [
        format!("POST /reset HTTP/1.1\r\nHost: {address}\r\nOrigin: http://evil.example"),
        "POST /reset HTTP/1.1\r\nHost: evil.example".to_owned(),
        "GET /ledger HTTP/1.1\r\nHost: evil.example".to_owned(),
        "GET /feed HTTP/1.1\r\nHost: evil.example".to_owned(),
    ] {
        let answer = ask(&head);
        assert_eq!(answer.status, 403, "{head}");
        assert!(answer.json()["error"].is_string());
    }
    let own = format!("GET / HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}");
    let page = ask(&own);
    assert_eq!(page.status, 200);
    assert!(page.head.contains("Content-Security-Policy: default-src 'none'"), "{}", page.head);
}

#[test]
fn a_payment_whose_customer_still_decides_is_not_forgotten() {
    let host = HostConfig { ledger_limit: 40, log_limit: 30, ..HostConfig::default() };
    let sandbox = Sandbox::start(SandboxConfig::http().host(host)).unwrap();
    let mut wire = tcp(&sandbox);
    std::io::Write::write_all(&mut wire, &push(1, "081200000155")).unwrap();
    for number in 2..=200 {
        assert_eq!(exchange(&sandbox, &push(number, PHONE)).unwrap().code(), "00");
    }
    // The first customer still decides: nothing behind the first payment may be forgotten either.
    assert_eq!(sandbox.ledger().len(), 200);
    sandbox.decide("INV-1", Decision::Pay).unwrap();
    assert_eq!(read_answer(&mut wire).unwrap().code(), "00");
    assert!(sandbox.decide("INV-1", Decision::Pay).is_err(), "the prompt is gone");
}

#[test]
fn payments_that_are_over_are_forgotten_beyond_the_limit() {
    let host = HostConfig { ledger_limit: 40, log_limit: 30, ..HostConfig::default() };
    let sandbox = Sandbox::start(SandboxConfig::http().host(host)).unwrap();
    for number in 1..=200 {
        assert_eq!(exchange(&sandbox, &push(number, PHONE)).unwrap().code(), "00");
    }
    assert!(sandbox.ledger().len() <= 51, "{}", sandbox.ledger().len());
    assert_eq!(sandbox.requests().len(), 30);
    let ledger = control(&sandbox.control_url(), "GET", "/ledger", "").json();
    assert_eq!(ledger["taken"], 200 * 12_500);
    let kept = ledger["entries"].as_array().unwrap().len() as u64;
    assert_eq!(ledger["forgotten"]["entries"].as_u64().unwrap() + kept, 200);
    // What is kept is still known by its numbers and its invoice; what is forgotten is not.
    let newest = request(&body(Operation::Reversal, 200, PHONE, &now_text()), "");
    assert_eq!(exchange(&sandbox, &newest).unwrap().code(), "00");
    assert_eq!(sandbox.net("INV-200"), 0);
    assert_eq!(exchange(&sandbox, &push(200, PHONE)).unwrap().code(), "94");
    assert_eq!(exchange(&sandbox, &push(1, PHONE)).unwrap().code(), "00");
}

#[test]
fn the_settlement_report_lists_what_was_paid_once() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let url = sandbox.control_url();
    for number in 1..=3 {
        assert_eq!(exchange(&sandbox, &push(number, PHONE)).unwrap().code(), "00");
    }
    exchange(&sandbox, &push(4, "081200001700")).unwrap();
    for (operation, number) in [(Operation::Reversal, 2), (Operation::Void, 3)] {
        let request = request(&body(operation, number, PHONE, &now_text()), "");
        let code = exchange(&sandbox, &request).unwrap().code();
        // A void in the last second of a day is too late.
        assert!(code == "00" || operation == Operation::Void);
    }
    let answer = control(&url, "GET", "/settlement.csv", "");
    assert!(answer.head.contains("Content-Type: text/csv"));
    let text = String::from_utf8(answer.body).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ovo_sandbox::SETTLEMENT_COLUMNS);
    assert_eq!(rows.len(), 3, "neither the reversed nor the declined one:\n{text}");
    let column = |name: &str| rows[0].iter().position(|known| *known == name).unwrap();
    assert_eq!(rows[1][column("MerchantInvoice")], "INV-1");
    assert_eq!(rows[1][column("Amount")], "12500");
    assert_eq!(rows[1][column("Phone")], "0812****7890");
    assert_eq!(rows[2][column("MerchantInvoice")], "INV-3");
    let wrong = control(&url, "GET", "/settlement.csv?date=31.1.2026", "");
    assert_eq!(wrong.status, 400);
    let other_day = control(&url, "GET", "/settlement.csv?date=2020-01-31", "");
    assert_eq!(String::from_utf8(other_day.body).unwrap().lines().count(), 1);
}

#[test]
fn whoever_watches_is_told_what_changes() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let url = sandbox.control_url();
    let mut wire = std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    wire.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    std::io::Write::write_all(&mut wire, b"GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(wire).lines();
    let mut next = || loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(news) = line.strip_prefix("data: ") {
            return serde_json::from_str::<Value>(news).unwrap();
        }
    };
    let first = next();
    assert_eq!(first["fresh"], true);
    assert_eq!(first["host"]["window_ms"], 55_000);
    let mut till = tcp(&sandbox);
    std::io::Write::write_all(&mut till, &push(1, "081200000200")).unwrap();
    let prompt = next();
    assert_eq!(prompt["fresh"], false);
    assert_eq!(prompt["payments"][0]["state"], "open");
    let id = prompt["payments"][0]["id"].as_u64().unwrap();
    assert!(prompt["requests"][0]["asked"].as_str().unwrap().contains("INV-1"));
    let decision = format!(r#"{{"id":{id},"decision":"cancel"}}"#);
    assert_eq!(control(&url, "POST", "/decide", &decision).status, 200);
    assert_eq!(read_answer(&mut till).unwrap().code(), "17");
    let cancelled = next();
    assert_eq!(cancelled["payments"][0]["state"], "not_debited");
    assert!(cancelled["requests"][0]["answered"].as_str().unwrap().contains("\"17\""));
    assert_eq!(control(&url, "POST", "/decide", &decision).status, 400);
    assert_eq!(control(&url, "POST", "/reset", "").status, 200);
    let mut news = next();
    while news["fresh"] != true {
        news = next();
    }
    assert!(news["payments"].as_array().unwrap().is_empty());
}
