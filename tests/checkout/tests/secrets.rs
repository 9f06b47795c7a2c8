//! B7 and B8, I13: known secrets are planted, payments of every kind are
//! made with everything listening, and then all that was written or said is searched.
//!
//! OVO's own side is exempt: the sandbox hears phones and signatures on the wire, as OVO does.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod tls;

use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ovo_ptp::message::{Operation, Signer, SigningMode};
use ovo_ptp::payment::Ruling;
use ovo_ptp::transport::{HttpsOptions, HttpsTransport};
use ovo_ptp::{
    AppKey, Charge, Client, Credentials, Environment, Event, Outcome, PhoneNumber, Rupiah,
    Terminal, WallTime,
};
use ovo_sandbox::{
    AnswerOf, AnswerPlan, Behaviour, ConnectionFault, Customer, DEMO_MERCHANT_ID, DEMO_MID,
    DEMO_STORE_CODE, DEMO_TID, Delivery, HostConfig, Mangle, Merchant, Step, Then,
};
use tls::*;

const SCALE: f64 = 0.03;

const APP_ID: &str = "planted-app-id";
const APP_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const FULL_NAME: &str = "Raden Planted Kusumawardhani";
const OVO_ID: &str = "8155550007771234";
const BALANCE: i64 = 777_333_111;
/// Every customer's number begins so; four digits follow.
const PHONES: &str = "08577366";

fn phone(number: u32) -> String {
    format!("{PHONES}{number:04}")
}

/// All that could carry a secret out of the process or onto its disk.
struct Evidence {
    log: Vec<String>,
    said: Vec<String>,
    panics: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
    /// When it began and ended, Unix seconds: every signature lies between.
    seconds: (i64, i64),
}

/// Takes every line of the process-wide log, however chatty.
struct Log;

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // OVO's side has one thread of its own.
        if std::thread::current().name() != Some("ovo-sandbox") {
            let line = format!("{} {} {}", record.target(), record.level(), record.args());
            lock(&LOG).push(line);
        }
    }

    fn flush(&self) {}
}

/// What a caller's own log would hold: every way of printing.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<String>>>);

impl Ear {
    fn debug(&self, value: &impl Debug) {
        lock(&self.0).extend([format!("{value:?}"), format!("{value:#?}")]);
    }

    fn hear(&self, value: &(impl Debug + Display)) {
        self.debug(value);
        lock(&self.0).push(value.to_string());
    }

    fn outcome(&self, outcome: &Outcome) {
        self.debug(outcome);
        if let Outcome::Paid(receipt) = outcome {
            self.debug(&receipt.wallet());
        }
    }

    fn error(&self, error: &(impl std::error::Error + 'static)) {
        self.hear(error);
        let mut source = error.source();
        while let Some(cause) = source {
            self.hear(&cause);
            source = cause.source();
        }
    }
}

fn own_credentials() -> Credentials {
    let terminal = Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE).unwrap();
    Credentials::new(DEMO_MERCHANT_ID, terminal, APP_ID, AppKey::new(APP_KEY).unwrap()).unwrap()
}

fn charge(invoice: &str, number: u32) -> Charge {
    Charge::new(invoice, Rupiah::new(AMOUNT).unwrap(), phone(number).parse().unwrap()).unwrap()
}

/// Payments of every kind: what the push meets, and what the check meets.
fn payments() -> Vec<(&'static str, Vec<Step>)> {
    let push = || Step::on(Operation::PushToPay);
    let check = || Step::on(Operation::CheckPayment);
    let name_everywhere = format!("{FULL_NAME} {} {OVO_ID}", phone(1));
    let body = |text: String| AnswerPlan { body: Some(text), ..AnswerPlan::default() };
    let mangle = |mangle| AnswerPlan { mangle: Some(mangle), ..AnswerPlan::default() };
    let headers = AnswerPlan {
        headers: [
            ("X-Customer".to_owned(), name_everywhere.clone()),
            ("Location".to_owned(), format!("https://127.0.0.1/{OVO_ID}")),
            ("Content-Encoding".to_owned(), format!("planted-{OVO_ID}")),
        ]
        .into(),
        ..AnswerPlan::default()
    };
    let lost = || Behaviour::AnswerLost { after_ms: 1_000, cut: false };
    vec![
        ("PAID", vec![]),
        ("DECLINED", vec![push().behave(Behaviour::decline("17"))]),
        (
            "LYING",
            vec![
                push().behave(Behaviour::DeclineButDebited { code: "17".to_owned(), after_ms: 0 }),
            ],
        ),
        ("UNREGISTERED", vec![push().behave(Behaviour::decline("14"))]),
        ("REFUSED", vec![push().unheard().code("63")]),
        ("IGNORED", vec![push().behave(Behaviour::Ignore {})]),
        ("LATE", vec![push().behave(lost())]),
        ("REFUNDED", vec![push().behave(lost()), check().unheard()]),
        ("RESET", vec![push().deliver(Delivery::Reset), check().unheard()]),
        ("CUT", vec![push().deliver(Delivery::HalfBody { then: Then::Close })]),
        ("GARBAGE", vec![push().deliver(Delivery::Garbage)]),
        ("NOT-JSON", vec![push().answer(body(name_everywhere.clone()))]),
        ("BROKEN-JSON", vec![push().answer(mangle(Mangle::TrailingGarbage))]),
        ("NOT-UTF8", vec![push().answer(mangle(Mangle::InvalidUtf8))]),
        ("OTHER-JSON", vec![push().answer(body(format!(r#"{{"fullName":"{FULL_NAME}"}}"#)))]),
        ("WRONG-TYPE", vec![push().set("responseCode", name_everywhere.clone())]),
        ("HEADERS", vec![push().answer(headers)]),
        ("WRONG-PHONE", vec![push().set("transactionRequestData.phone", phone(9_999))]),
        (
            "WRONG-INVOICE",
            vec![push().set("transactionRequestData.merchantInvoice", name_everywhere.clone())],
        ),
        (
            "CHECK-PHONE",
            vec![push().behave(lost()), check().set("transactionRequestData.phone", phone(9_998))],
        ),
        ("DOUBLED", vec![push().duplicate(200, AnswerOf::Second), check().unheard()]),
        ("TOO-OLD", vec![push().behave(lost()), check().code("54")]),
        (
            "FOREIGN",
            vec![
                push().unheard().code("94"),
                check().code("00").set("transactionRequestData.merchantInvoice", "OTHER"),
            ],
        ),
    ]
}

/// Makes every kind of payment and every other call, and keeps what was said meanwhile.
fn run() -> Evidence {
    log::set_logger(&Log).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    std::panic::set_hook(Box::new(|info| {
        lock(&PANICS).extend([info.to_string(), format!("{info:?}")]);
    }));
    let begun = WallTime::now().unix_seconds();
    let ear = Ear::default();

    let merchant =
        Merchant { app_id: APP_ID.to_owned(), app_key: APP_KEY.to_owned(), ..Merchant::demo() };
    let host = HostConfig { merchants: vec![merchant], ..HostConfig::default() };
    let ovo = ovo_with(SCALE, host);
    let everyone = (0..100).map(|number| Customer {
        phone: phone(number),
        name: FULL_NAME.to_owned(),
        cash: BALANCE,
        points: 0,
        behaviour: None,
    });
    ovo.with_host(|host| everyone.for_each(|customer| host.put_customer(customer)));

    let listener = ear.clone();
    let configure = move |builder: ovo_ptp::ClientBuilder| {
        builder.phone_in_reversal(true).observer(move |event: &Event| {
            listener.hear(event);
            assert!(!event.to_string().starts_with("PANIC"), "the observer is broken: {event}");
        })
    };
    let mut till = Till::with_credentials(
        own_credentials(),
        &ovo.base_url(),
        trust(&ovo),
        roomy(SCALE),
        configure,
    );

    std::thread::scope(|scope| {
        for (number, (invoice, steps)) in (1..).zip(payments()) {
            ovo.script(steps.into_iter().map(|step| step.invoice(invoice)).collect::<Vec<_>>());
            let (client, ear) = (till.client(), &ear);
            std::thread::sleep(Duration::from_millis(5));
            scope.spawn(move || {
                let handle = client.start(&charge(invoice, number)).unwrap();
                ear.debug(&handle);
                ear.outcome(&handle.outcome());
                // Told again, from the journal.
                ear.outcome(&client.pay(&charge(invoice, number)).unwrap());
            });
        }
    });
    // What only a direct call shows: with the wallet in the outcome.
    ear.outcome(&till.client().pay(&charge("PANIC", 40)).unwrap());
    // For every connection: the settler may be at work, and would take a single fault.
    ovo.script(connections(ConnectionFault::WrongHostCertificate, 0));
    ear.outcome(&till.client().pay(&charge("NOT-SENT", 41)).unwrap());
    ovo.with_host(|host| host.script_mut().connections.clear());
    other_calls(&ear, &till, &ovo);
    mistakes(&ear, &till, &ovo);

    until("all is settled or waits for an operator", || {
        till.reports().iter().all(|report| report.settled || report.needs_operator)
    });
    for report in till.reports() {
        ear.debug(&report);
        if report.needs_operator {
            // Whatever the ruling does, its words must be clean as well.
            match till.client().rule(&report.invoice, Ruling::Close, "reviewed at the counter") {
                Ok(ruled) => ear.debug(&ruled),
                Err(error) => ear.error(&error),
            }
        }
    }
    ear.debug(till.client());
    let mut files = contents(&till, "open");
    till.leave();
    files.extend(contents(&till, "closed"));
    let _ = std::panic::take_hook();
    let said = lock(&ear.0).clone();
    let seconds = (begun, WallTime::now().unix_seconds());
    Evidence { log: lock(&LOG).clone(), said, panics: lock(&PANICS).clone(), files, seconds }
}

/// Inquiry, void, checks, lists, diagnosis.
fn other_calls(ear: &Ear, till: &Till, ovo: &ovo_sandbox::Sandbox) {
    let client = till.client();
    let invoice = |text: &str| text.parse::<ovo_ptp::MerchantInvoice>().unwrap();
    let number = |of| phone(of).parse::<PhoneNumber>().unwrap();
    ear.debug(&client.inquire(&number(50)));
    ovo.script(Step::on(Operation::Inquiry).deliver(Delivery::Reset));
    ear.debug(&client.inquire(&number(51)));
    ear.debug(&client.inquire(&"081200001400".parse().unwrap()));
    ovo.script(Step::on(Operation::Void).deliver(Delivery::Reset));
    ear.debug(&client.void(&invoice("PAID")));
    ear.debug(&client.void(&invoice("PAID")));
    ear.debug(&client.check_void(&invoice("PAID")));
    ear.debug(&client.check(&invoice("LATE")));
    ear.debug(&client.check_with_phone(&invoice("LATE"), &number(7)));
    ear.debug(&client.check_with_phone(&invoice("NOT-SENT"), &number(7)));
    ear.debug(&client.settle());
    ear.debug(&client.unacknowledged());
    let diagnosis = client.doctor().unwrap();
    ear.hear(&diagnosis);
    ear.debug(&diagnosis.problems());
}

/// Everything that is refused, and every type that holds a secret.
fn mistakes(ear: &Ear, till: &Till, ovo: &ovo_sandbox::Sandbox) {
    let client = till.client();
    let other_amount =
        Charge::new("PAID", Rupiah::new(AMOUNT + 1).unwrap(), phone(1).parse().unwrap()).unwrap();
    ear.error(&client.pay(&other_amount).unwrap_err());
    ear.error(&client.pay(&charge("PAID", 60)).unwrap_err());
    let amount = Rupiah::new(1).unwrap();
    let no_invoice = Charge::new(phone(60) + "\n", amount, phone(60).parse().unwrap());
    ear.error(&no_invoice.unwrap_err());
    // The same customer while a payment is open.
    ovo.script(Step::on(Operation::PushToPay).behave(Behaviour::Approve { after_ms: 54_000 }));
    let open = client.start(&charge("OPEN", 61)).unwrap();
    ear.error(&client.pay(&charge("SECOND", 61)).unwrap_err());
    ear.outcome(&open.outcome());
    for text in [phone(62) + "x", format!("+1{}", phone(62)), phone(62).repeat(4)] {
        ear.error(&text.parse::<PhoneNumber>().unwrap_err());
    }
    for text in [format!("{APP_KEY}\n"), APP_KEY[1..].to_owned(), format!(" {APP_KEY}")] {
        ear.error(&AppKey::new(&text).unwrap_err());
    }
    ear.debug(&AppKey::new(APP_KEY).unwrap());
    ear.debug(&own_credentials());
    ear.hear(&phone(63).parse::<PhoneNumber>().unwrap());
    ear.debug(&charge("CHARGE", 63));
    let signer = Signer::new(APP_ID, &AppKey::new(APP_KEY).unwrap(), SigningMode::WithoutBody);
    ear.debug(&signer);
    ear.debug(&signer.sign(b"{}", WallTime::now()));
    let options = HttpsOptions::with_trust(trust(ovo));
    ear.debug(&HttpsTransport::new(&ovo.base_url(), options).unwrap());
    // A client that finds its journal in use.
    let second = Client::builder(Environment::custom(&ovo.base_url()), own_credentials())
        .journal(till.folder())
        .trust(trust(ovo))
        .timers(roomy(SCALE))
        .open();
    if let Err(error) = second {
        ear.error(&error);
    }
}

/// Every file beside the journal, its own included.
fn contents(till: &Till, when: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(till.folder()).unwrap().flatten();
    let read = |entry: std::fs::DirEntry| {
        let name = format!("{} ({when})", entry.file_name().to_string_lossy());
        (name, std::fs::read(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

/// One run serves all tests of this file.
fn evidence() -> &'static Evidence {
    static EVIDENCE: OnceLock<Evidence> = OnceLock::new();
    EVIDENCE.get_or_init(run)
}

/// What must be nowhere, by name: as text, and as what it may be turned into.
fn secrets(evidence: &Evidence) -> Vec<(String, Vec<u8>)> {
    let mut secrets = Vec::new();
    let mut plant = |name: &str, text: &str| {
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        secrets.push((format!("{name} as UTF-16"), wide));
        secrets.push((name.to_owned(), text.as_bytes().to_vec()));
    };
    plant("app key", APP_KEY);
    plant("app key", &APP_KEY.to_uppercase());
    plant("half an app key", &APP_KEY[..32]);
    for word in FULL_NAME.split(' ') {
        plant("name", word);
    }
    plant("OVO id", OVO_ID);
    plant("phone", PHONES);
    plant("phone, international", &format!("62{}", &PHONES[1..]));
    plant("phone without its zero", &PHONES[1..]);
    plant("balance", &BALANCE.to_string());
    plant("balance after the payment", &(BALANCE - AMOUNT).to_string());
    let signer = Signer::new(APP_ID, &AppKey::new(APP_KEY).unwrap(), SigningMode::WithoutBody);
    for second in evidence.seconds.0 - 2..=evidence.seconds.1 + 2 {
        let hmac = signer.sign_text(b"", second.to_string()).hmac.clone();
        secrets.push((format!("raw hmac of {second}"), bytes_of(&hmac)));
        secrets.push((format!("hmac of {second}"), hmac.into_bytes()));
    }
    secrets.push(("raw app key".to_owned(), bytes_of(APP_KEY)));
    secrets
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

fn found(secret: &[u8], place: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = place[from..].iter().position(|byte| *byte == secret[0]) {
        if place[from + at..].starts_with(secret) {
            return true;
        }
        from += at + 1;
    }
    false
}

fn nothing_in<'a>(what: &str, places: impl Iterator<Item = &'a [u8]> + Clone) {
    for (name, secret) in secrets(evidence()) {
        for place in places.clone() {
            assert!(!found(&secret, place), "{what}: {name} in {}", String::from_utf8_lossy(place));
        }
    }
}

fn lines(texts: &[String]) -> impl Iterator<Item = &[u8]> + Clone {
    texts.iter().map(String::as_bytes)
}

#[test]
fn b7_no_secret_is_in_the_process_wide_log_at_trace_level() {
    let evidence = evidence();
    assert!(evidence.log.iter().any(|line| line.starts_with("rustls")), "the log was heard");
    nothing_in("log", lines(&evidence.log));
}

#[test]
fn b7_no_secret_is_in_an_event_an_outcome_a_report_or_an_error() {
    let evidence = evidence();
    let heard = |word: &str| evidence.said.iter().any(|line| line.contains(word));
    for word in [
        "Paid(",
        "Declined(",
        "NotCompleted(",
        "NotSent(",
        "NeedsOperator(",
        "Exchanged {",
        "Alert {",
        "Settled {",
        "PaymentReport {",
        "already used with another amount",
        "Diagnosis {",
        "WalletDetails(..)",
        "0857****",
    ] {
        assert!(heard(word), "{word} was never said: the search would prove nothing");
    }
    nothing_in("said", lines(&evidence.said));
}

#[test]
fn b7_no_secret_is_in_a_panic_message() {
    let evidence = evidence();
    assert!(evidence.panics.iter().any(|text| text.contains("the observer is broken")));
    nothing_in("panic", lines(&evidence.panics));
}

#[test]
fn b8_no_secret_is_in_any_file_of_the_journal() {
    let evidence = evidence();
    // The engine for production keeps its rows in files; what is searched must be those.
    for (invoice, _) in payments() {
        let kept = |(_, bytes): &(String, Vec<u8>)| found(invoice.as_bytes(), bytes);
        assert!(evidence.files.iter().any(kept), "{invoice} is in no file");
    }
    for (name, bytes) in &evidence.files {
        for (secret, wanted) in secrets(evidence) {
            assert!(!found(&wanted, bytes), "{name}: {secret}");
        }
    }
}

#[test]
fn b7_the_search_finds_what_is_planted() {
    let secrets = secrets(evidence());
    let place = format!("{{\"phone\":\"{}\",\"hmac\":\"{APP_KEY}\"}}", phone(1));
    let hits = secrets.iter().filter(|(_, secret)| found(secret, place.as_bytes())).count();
    // The key, half of it, the number with and without its zero.
    assert_eq!(hits, 4);
    assert!(found(b"aab", b"aaab") && !found(b"aab", b"aaa"));
}
