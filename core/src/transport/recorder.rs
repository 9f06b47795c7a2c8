//! What went over the wire, as evidence: OVO admits nobody to production without "backend logs (JSON
//! request and response)".

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::{Exchange, Failure, HttpRequest, Route, Transport, Watch};
use crate::error::Error;
use crate::lock::lock;
use crate::wib::WallTime;

/// The fields that [the protocol](crate::manual::protocol) knows and that say nothing about the person
/// who pays, each with one value of one form. Whatever else a host writes is not known to be harmless, nor is
/// free text (`message`): its name stays, its value goes.
const HARMLESS: [(&str, Form); 24] = [
    ("type", Form::Figures),
    ("processingCode", Form::Figures),
    ("amount", Form::Figures),
    ("date", Form::Figures),
    ("referenceNumber", Form::Figures),
    ("tid", Form::Text),
    ("mid", Form::Text),
    ("merchantId", Form::Text),
    ("storeCode", Form::Text),
    ("appSource", Form::Code),
    ("batchNo", Form::Figures),
    ("merchantInvoice", Form::Text),
    ("traceNumber", Form::Figures),
    ("hostTime", Form::Figures),
    ("hostDate", Form::Figures),
    ("responseCode", Form::Code),
    ("approvalCode", Form::Code),
    ("storeName", Form::Text),
    ("storeAddress1", Form::Text),
    ("storeAddress2", Form::Text),
    ("cashUsed", Form::Figures),
    ("ovoPointsUsed", Form::Figures),
    ("ovoPointsEarned", Form::Figures),
    ("paymentType", Form::Text),
];

/// How a harmless value looks: in another form it says something else than its name does.
#[derive(Clone, Copy)]
enum Form {
    /// A number, a day or a time.
    Figures,
    /// A few letters and digits.
    Code,
    Text,
}

impl Form {
    fn fits(self, text: &str) -> bool {
        match self {
            Form::Figures => {
                text.len() <= 32
                    && text.chars().all(|it| it.is_ascii_digit() || " .,:+-TZ".contains(it))
            }
            Form::Code => text.len() <= 12 && text.chars().all(|it| it.is_ascii_alphanumeric()),
            Form::Text => true,
        }
    }
}
/// The fields that hold others.
const PARTS: [&str; 2] = ["transactionRequestData", "transactionResponseData"];
const PHONE: &str = "phone";
const MASK: &str = "***";
/// Whose words are looked for one by one.
const NAME: &str = "fullName";
/// Shorter texts would be found in codes and amounts.
const TELLING: usize = 4;
/// And fewer digits in numbers and days.
const TELLING_DIGITS: usize = 8;
/// What each line begins with: its fields stand in the order of the alphabet.
const BEGINNING: &[u8] = br#"{"at":"#;

/// Carries requests by another transport, and writes each pair of request and answer as one line of
/// JSON: bodies only, the person's values masked, wherever in them a host repeats one. No header, so no
/// signature and no key; nor where a host repeats the signature or the app id.
pub(crate) struct Recorder {
    inner: Arc<dyn Transport>,
    file: Mutex<File>,
    /// Lines that could not be written: a full disk must not stop a payment.
    lost: AtomicU64,
}

impl Recorder {
    /// Appends to the file at `path`, which is made for its owner alone. A pipe or a terminal whose
    /// reader stands still would hold every payment: only a regular file is taken. What is none of its
    /// own is not appended to: it may be another till's journal, which would not go on behind that.
    pub(crate) fn new(inner: Arc<dyn Transport>, path: &Path) -> Result<Recorder, Error> {
        let regular = |is_file: bool| match is_file {
            true => Ok(()),
            false => Err(Error::invalid("record", "is no regular file")),
        };
        // Opening a pipe that nobody reads would wait.
        if let Ok(found) = std::fs::metadata(path) {
            regular(found.is_file())?;
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let refused = |error: std::io::Error| {
            Error::invalid("record", format!("cannot be written ({})", error.kind()))
        };
        let mut file = options.open(path).map_err(refused)?;
        regular(file.metadata().is_ok_and(|found| found.is_file()))?;
        let mut beginning = Vec::new();
        let most = BEGINNING.len() as u64;
        Read::by_ref(&mut file).take(most).read_to_end(&mut beginning).map_err(refused)?;
        // A full disk may have kept half of it.
        if !BEGINNING.starts_with(beginning.trim_ascii_start()) {
            return Err(Error::invalid(
                "record",
                "is a file of something else, and is not touched",
            ));
        }
        Ok(Recorder { inner, file: Mutex::new(file), lost: AtomicU64::new(0) })
    }

    fn write(&self, mut line: Map<String, Value>) {
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            line.insert("lost_before".to_owned(), lost.into());
        }
        // A disk that was full kept half a line: what follows begins anew, not behind it.
        let anew = if lost > 0 { "\n" } else { "" };
        let text = format!("{anew}{}\n", Value::Object(line));
        match lock(&self.file).write_all(text.as_bytes()) {
            Ok(()) => self.lost.fetch_sub(lost, Ordering::Relaxed),
            Err(_) => self.lost.fetch_add(1, Ordering::Relaxed),
        };
    }
}

impl Transport for Recorder {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let at = WallTime::now();
        let began = Instant::now();
        let signed = Mutex::new(vec![request.app_id.to_owned()]);
        let sign = || {
            let signature = (request.sign)();
            lock(&signed).push(signature.hmac.clone());
            signature
        };
        let noted = HttpRequest {
            operation: request.operation,
            body: request.body,
            app_id: request.app_id,
            sign: &sign,
            send_budget: request.send_budget,
            total_budget: request.total_budget,
        };
        let exchange = self.inner.exchange(&noted, watch);
        let secrets = std::mem::take(&mut *lock(&signed));
        self.write(line(request, &exchange, secrets, at, began.elapsed()));
        exchange
    }

    fn inspect(&self, budget: Duration, watch: &Arc<dyn Watch>) -> Option<Route> {
        self.inner.inspect(budget, watch)
    }
}

fn line(
    request: &HttpRequest<'_>,
    exchange: &Exchange,
    secrets: Vec<String>,
    at: WallTime,
    took: Duration,
) -> Map<String, Value> {
    let sent = serde_json::from_slice::<Value>(request.body).unwrap_or_default();
    let phone = phone_in(&sent).unwrap_or_default().to_owned();
    let mut known = Known { phone, texts: secrets };
    let because = |failure: &Failure| json!({ "why": failure.message });
    let (ended, status, answer) = match exchange {
        Exchange::NotSent(failure) => ("not sent", None, because(failure)),
        Exchange::NoAnswer(failure) => ("no answer", None, because(failure)),
        Exchange::Answered(answer) => {
            let body = match serde_json::from_slice::<Value>(&answer.body) {
                Ok(body) => {
                    known.learn(&body, &sent.to_string());
                    known.masked(body)
                }
                Err(_) => json!({ "not JSON": answer.body.len() }),
            };
            ("answered", Some(answer.status), body)
        }
    };
    let mut line = Map::new();
    line.insert("at".to_owned(), at.wib_text().into());
    line.insert("operation".to_owned(), request.operation.name().into());
    line.insert("ended".to_owned(), ended.into());
    line.insert("http_status".to_owned(), status.into());
    line.insert("took_ms".to_owned(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into());
    line.insert("request".to_owned(), known.masked(sent));
    line.insert("response".to_owned(), answer);
    line
}

/// The phone of a request, wherever in it the operation has it.
fn phone_in(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get(PHONE).and_then(Value::as_str);
            own.or_else(|| fields.values().find_map(phone_in))
        }
        Value::Array(values) => values.iter().find_map(phone_in),
        _ => None,
    }
}

/// What must not be read in a line, under whatever name it stands there.
struct Known {
    phone: String,
    /// The signature, the app id, and what a host told of the person.
    texts: Vec<String>,
}

impl Known {
    /// What an answer tells in fields that are not harmless, the person's name and OVO id among it. What the
    /// merchant itself had said in the request is no secret.
    fn learn(&mut self, value: &Value, sent: &str) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::Object(_) | Value::Array(_) => self.learn(value, sent),
                        _ if form_of(name).is_some() => {}
                        Value::String(text) => {
                            self.keep_from(text.trim(), sent);
                            if name.eq_ignore_ascii_case(NAME) {
                                text.split_whitespace().for_each(|word| self.keep_from(word, sent));
                            }
                        }
                        other => self.keep_from(&other.to_string(), sent),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.learn(value, sent)),
            Value::String(text) => self.keep_from(text.trim(), sent),
            _ => {}
        }
    }

    fn keep_from(&mut self, text: &str, sent: &str) {
        let length = text.chars().count();
        let is_telling = match text.chars().any(char::is_alphabetic) {
            true => length >= TELLING,
            false => length >= TELLING_DIGITS,
        };
        if is_telling && !sent.contains(text) {
            self.texts.push(text.to_owned());
        }
    }

    /// Whether a text has any of it.
    fn is_in(&self, text: &str) -> bool {
        repeats(text, &self.phone) || self.texts.iter().any(|known| text.contains(known.as_str()))
    }

    /// An object without the person: of a field that is harmless the value, if it looks like one and repeats
    /// nothing; of others, and of values without a name, only that they were there.
    fn masked(&self, value: Value) -> Value {
        let Value::Object(fields) = value else { return hidden(value) };
        let fields = fields.into_iter().map(|(name, value)| {
            let is_shown = |text: &str| {
                form_of(&name).is_some_and(|form| form.fits(text)) && !self.is_in(text)
            };
            let value = match &value {
                _ if name.eq_ignore_ascii_case(PHONE) && !value.is_null() => {
                    Value::from(shortened(value.as_str().unwrap_or_default()))
                }
                Value::Object(_) if PARTS.iter().any(|it| it.eq_ignore_ascii_case(&name)) => {
                    self.masked(value)
                }
                Value::String(text) if is_shown(text) => value,
                Value::Number(number) if is_shown(&number.to_string()) => value,
                _ => hidden(value),
            };
            (if self.is_in(&name) { MASK.to_owned() } else { name }, value)
        });
        Value::Object(fields.collect())
    }
}

/// How the value of a harmless field looks.
fn form_of(name: &str) -> Option<Form> {
    HARMLESS.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, form)| *form)
}

/// The shape of a value of which nobody knows what it says.
fn hidden(value: Value) -> Value {
    match value {
        Value::Object(_) | Value::Array(_) | Value::String(_) | Value::Number(_) => MASK.into(),
        other => other,
    }
}

/// Whether a text has the phone in it: as 08..., as 628..., with blanks and dashes between its digits.
fn repeats(text: &str, phone: &str) -> bool {
    let national = phone.trim_start_matches('0');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // Shorter ones would be found in amounts and dates.
    national.len() >= 8 && digits.contains(national)
}

/// First and last digits, as everywhere in this library.
fn shortened(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().collect();
    if digits.len() < 9 {
        return "****".to_owned();
    }
    let ends = |part: &[char]| part.iter().collect::<String>();
    format!("{}****{}", ends(&digits[..4]), ends(&digits[digits.len() - 4..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Operation, Signature};
    use crate::transport::{FailureKind, HttpAnswer, Unwatched};

    const HMAC: &str = "5b2cd7a3acc68c1b686095a368315b37bc95ab0f68a3e4e2f7b3977b68af6b7b";

    struct Answers(Exchange);

    impl Transport for Answers {
        fn exchange(&self, request: &HttpRequest<'_>, _: &Arc<dyn Watch>) -> Exchange {
            assert_eq!((request.sign)().hmac, HMAC);
            self.0.clone()
        }
    }

    fn recorded(path: &Path, exchange: Exchange) -> Value {
        let body = br#"{"amount":12500,"transactionRequestData":{"merchantInvoice":"INV-1","phone":"081234567890"}}"#;
        let recorder = Recorder::new(Arc::new(Answers(exchange)), path).expect("a file");
        let sign = || Signature { random: "1785549600".to_owned(), hmac: HMAC.to_owned() };
        let request = HttpRequest {
            operation: Operation::PushToPay,
            body,
            app_id: "the-app",
            sign: &sign,
            send_budget: Duration::from_secs(1),
            total_budget: Duration::from_secs(1),
        };
        let watch: Arc<dyn Watch> = Arc::new(Unwatched);
        recorder.exchange(&request, &watch);
        let text = std::fs::read_to_string(path).expect("a record");
        assert!(!text.contains("081234567890") && !text.contains("81234567890"), "{text}");
        assert!(!text.contains("the-app") && !text.contains(HMAC), "{text}");
        serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
    }

    fn answered(body: &str) -> Exchange {
        Exchange::Answered(HttpAnswer {
            status: 200,
            body: body.as_bytes().to_vec(),
            server_date: None,
            retry_after: None,
        })
    }

    #[test]
    fn a_pair_is_kept_without_the_person() {
        let path = std::env::temp_dir().join(format!("record-{}.jsonl", std::process::id()));
        let body = r#"{"responseCode":"00","phone":"081234567890","message":"to +62 812-3456-7890",
            "traceNumber":6281234567890,"amount":12500,"customerName":"SITI","081234567890":null,
            "transactionResponseData":{"fullName":"SITI","OVOID":"****1234","cashBalance":"5",
            "cashUsed":"12500"},"Customer":{"type":"SITI"}}"#;
        let texts = r#"{"message":"Dear SITI","approvalCode":["SITI"],"storeName":{"type":"SITI"},
            "transactionResponseData":["SITI",{"fullName":"SITI"}],"hostTime":"100501"}"#;
        for bare in [texts, r#"["SITI",[{"type":"SITI"}]]"#, r#""SITI""#] {
            let response = &recorded(&path, answered(bare))["response"];
            assert!(!response.to_string().contains("SITI"), "{response}");
            assert!(bare != texts || response["hostTime"] == "100501", "{response}");
        }
        let line = recorded(&path, answered(body));
        assert_eq!(line["operation"], Operation::PushToPay.name());
        assert_eq!(line["http_status"], 200);
        let request = &line["request"]["transactionRequestData"];
        assert_eq!(
            (&request["phone"], &request["merchantInvoice"]),
            (&json!("0812****7890"), &json!("INV-1"))
        );
        for field in ["message", "traceNumber", "customerName", "Customer"] {
            assert_eq!(line["response"][field], "***", "{field}");
        }
        assert_eq!(line["response"]["amount"], 12500);
        let data = &line["response"]["transactionResponseData"];
        assert_eq!((&data["fullName"], &data["OVOID"]), (&json!("***"), &json!("***")));
        assert_eq!((&data["cashBalance"], &data["cashUsed"]), (&json!("***"), &json!("12500")));

        let silent = Failure { kind: FailureKind::Timeout, message: "time ran out".to_owned() };
        let line = recorded(&path, Exchange::NoAnswer(silent));
        assert_eq!(line["ended"], "no answer");
        assert_eq!(line["response"]["why"], "time ran out");
        let line = recorded(&path, answered("<html>SITI 081234567890</html>"));
        assert_eq!(line["response"]["not JSON"], 30);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("a record").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::remove_file(&path).expect("a record");
    }

    #[test]
    fn what_a_host_hides_in_a_harmless_field_is_not_kept() {
        let path = std::env::temp_dir().join(format!("record-told-{}.jsonl", std::process::id()));
        let answer = |field: &str, value: Value| {
            let mut body = json!({"responseCode": "00", "merchantInvoice": "INV-1", "storeName": "Demo",
                "transactionResponseData": {"fullName": "SITI AMINAH", "ovoid": "********5555", "ovoAccount": 8170000555511u64,
                "cashUsed": "12500", "cashBalance": "87500"}});
            body[field] = value;
            recorded(&path, answered(&body.to_string()))["response"].clone()
        };
        for (field, told) in [
            ("responseCode", json!(HMAC)),
            ("storeName", json!(format!("to {HMAC}"))),
            ("date", json!(HMAC)),
            ("batchNo", json!(HMAC)),
            ("merchantInvoice", json!("the-app")),
            ("storeName", json!("of SITI AMINAH")),
            ("storeAddress1", json!("AMINAH")),
            ("merchantInvoice", json!("********5555")),
            ("traceNumber", json!(8170000555511u64)),
            ("referenceNumber", json!("8170000555511")),
            ("merchantInvoice", json!("+62 812-3456-7890")),
            // Not told elsewhere; but a day has no letters, nor has what was paid.
            ("hostDate", json!("BUDI")),
            ("ovoPointsUsed", json!("BUDI")),
            ("approvalCode", json!("BUDI SANTOSO")),
        ] {
            let response = answer(field, told.clone());
            assert_eq!(response[field], "***", "{field}: {told}");
            assert_eq!(response["transactionResponseData"]["cashUsed"], "12500");
        }
        for (field, told) in [
            ("hostDate", json!("0131")),
            ("hostDate", json!(131)),
            ("date", json!("2026-01-31 09:08:07.006")),
            ("approvalCode", json!("100200")),
            ("amount", json!("12500.00")),
            ("paymentType", json!("PUSH TO PAY")),
            // The merchant's own, whatever else has it.
            ("orderNumber", json!("INV-1")),
            ("merchantInvoice", json!("INV-2")),
        ] {
            let response = answer(field, told.clone());
            let same = if field == "orderNumber" { json!("***") } else { told };
            assert_eq!(response[field], same, "{field}");
            let own = if field == "merchantInvoice" { "INV-2" } else { "INV-1" };
            assert_eq!(response["merchantInvoice"], own);
        }
        std::fs::remove_file(&path).expect("a record");
    }

    #[cfg(unix)]
    #[test]
    fn what_can_stand_still_is_no_record() {
        let folder = std::env::temp_dir().join(format!("record-pipe-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let pipe = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        for path in [&pipe, &folder, Path::new("/dev/null")] {
            let (send, opened) = std::sync::mpsc::channel();
            let path = path.to_owned();
            let inner = Arc::new(Answers(answered("{}")));
            std::thread::spawn(move || send.send(Recorder::new(inner, &path).map(drop)));
            let opened = opened.recv_timeout(Duration::from_secs(60)).expect("it does not wait");
            assert_eq!(opened.expect_err("refused").field(), Some("record"));
        }
        std::fs::remove_dir_all(&folder).expect("a folder");
    }

    #[test]
    fn a_file_of_something_else_is_not_written_to() {
        let path = std::env::temp_dir().join(format!("record-other-{}.db", std::process::id()));
        let opened = || Recorder::new(Arc::new(Answers(answered("{}"))), &path).map(drop);
        for foreign in [&b"SQLite format 3\0"[..], b"\0", b"[1]"] {
            std::fs::write(&path, foreign).expect("a file");
            assert_eq!(opened().expect_err("refused").field(), Some("record"));
            assert_eq!(std::fs::read(&path).expect("a file"), foreign);
        }
        for own in [&b""[..], br#"{"a"#, br#"{"at":"2026-11-27 10:00:00","#] {
            std::fs::write(&path, own).expect("a file");
            opened().expect("a record goes on");
        }
        std::fs::remove_file(&path).expect("a file");
    }

    #[test]
    fn what_follows_half_a_line_of_a_full_disk_is_a_line_of_its_own() {
        let path = std::env::temp_dir().join(format!("record-cut-{}.jsonl", std::process::id()));
        std::fs::write(&path, r#"{"at":"2026-11"#).expect("a file");
        let nobody = Arc::new(Answers(answered("{}")));
        let recorder = Recorder::new(nobody, &path).expect("a file");
        recorder.lost.store(1, Ordering::Relaxed);
        recorder.write(Map::new());
        recorder.write(Map::new());
        let text = std::fs::read_to_string(&path).expect("a record");
        assert_eq!(text, "{\"at\":\"2026-11\n{\"lost_before\":1}\n{}\n");
        std::fs::remove_file(&path).expect("a record");
    }
}
