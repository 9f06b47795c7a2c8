//! Runs the case files of `tests/vectors`, which the C and Python faces run as well.
//!
//! Every test collects all deviations of its file before it fails, each named `file: case`. The
//! counts are floors: an emptied or cut file fails, a longer one does not.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::path::Path;

use ovo_ptp::journal::{HighWater, next_numbers, starting_batch};
use ovo_ptp::message::response_code::{CustomerText, TABLE};
use ovo_ptp::message::{
    Answers, Class, Echo, Identity, Language, Mismatch, Operation, PaymentRef, RequestBody,
    Response, ResponseCode, Signer, SigningMode, Unreadable, inquiry,
};
use ovo_ptp::payment::{Asked, PushAnswer, ReversalAnswer, StatusAnswer, VoidAnswer};
use ovo_ptp::{
    AppKey, BatchMethod, Error, ErrorKind, MerchantInvoice, Numbers, PhoneNumber, Rupiah, Terminal,
    WallTime,
};
use serde_json::Value;

/// One case file.
struct Vectors {
    file: &'static str,
    json: Value,
}

/// One case, with the name of its file for messages.
#[derive(Clone, Copy)]
struct Case<'a> {
    file: &'static str,
    name: &'a str,
    json: &'a Value,
}

/// What did not come out as its file says.
#[derive(Default)]
struct Deviations(Vec<String>);

impl Vectors {
    fn read(file: &'static str) -> Vectors {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        Vectors { file, json }
    }

    /// The cases of a section: at least `floor`, each with a name of its own.
    fn cases<'a>(&'a self, section: &str, floor: usize) -> Vec<Case<'a>> {
        let file = self.file;
        let list = self.json[section]
            .as_array()
            .unwrap_or_else(|| panic!("{file}: no section {section:?}"));
        assert!(
            list.len() >= floor,
            "{file}: section {section:?} has {} cases, at least {floor} are expected",
            list.len()
        );
        let mut seen = BTreeSet::new();
        let named = |json: &'a Value| {
            let name = json["name"]
                .as_str()
                .unwrap_or_else(|| panic!("{file}: a case of {section:?} without a name"));
            assert!(seen.insert(name), "{file}: two cases named {name:?}");
            Case { file, name, json }
        };
        list.iter().map(named).collect()
    }
}

impl<'a> Case<'a> {
    fn broken(&self, key: &str, wanted: &str) -> ! {
        panic!("{}: {}: {key:?} must be {wanted}", self.file, self.name)
    }

    fn text(&self, key: &str) -> &'a str {
        self.json[key].as_str().unwrap_or_else(|| self.broken(key, "text"))
    }

    fn maybe_text(&self, key: &str) -> Option<&'a str> {
        match &self.json[key] {
            Value::Null => None,
            Value::String(text) => Some(text),
            _ => self.broken(key, "text or null"),
        }
    }

    fn integer(&self, key: &str) -> i64 {
        self.json[key].as_i64().unwrap_or_else(|| self.broken(key, "a 64-bit integer"))
    }

    fn number(&self, key: &str) -> u32 {
        u32::try_from(self.integer(key)).unwrap_or_else(|_| self.broken(key, "a 32-bit number"))
    }

    fn flag(&self, key: &str) -> bool {
        self.json[key].as_bool().unwrap_or_else(|| self.broken(key, "true or false"))
    }

    fn operation(&self) -> Operation {
        let name = self.text("operation");
        Operation::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
            .unwrap_or_else(|| self.broken("operation", "the name of an operation"))
    }

    fn terminal(&self) -> Terminal {
        Terminal::new(self.text("tid"), self.text("mid"), self.text("store_code")).unwrap()
    }
}

impl Deviations {
    fn note(&mut self, case: &Case<'_>, what: impl Display) {
        self.0.push(format!("{}: {}: {what}", case.file, case.name));
    }

    fn same<T: PartialEq + Debug>(&mut self, case: &Case<'_>, what: &str, found: T, expected: T) {
        if found != expected {
            self.note(case, format!("{what} is {found:?}, the file says {expected:?}"));
        }
    }

    /// The error must name the field and the rule.
    fn refused(&mut self, case: &Case<'_>, error: Option<Error>, field: &str) {
        let Some(error) = error else {
            return self.note(case, "accepted, must be refused");
        };
        self.same(case, "the kind", error.kind(), ErrorKind::InvalidInput);
        let (message, rule) = (error.to_string(), case.text("rule"));
        if !message.starts_with(&format!("{field}: ")) || !message.contains(rule) {
            self.note(case, format!("says {message:?}, must name {field} and {rule:?}"));
        }
    }

    fn finish(self) {
        assert!(self.0.is_empty(), "{} deviations:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// The fields of a payment, as `requests.json` and `responses.json` write them.
struct Payment {
    merchant_id: String,
    terminal: Terminal,
    numbers: Numbers,
    invoice: MerchantInvoice,
    amount: Rupiah,
    phone: Option<PhoneNumber>,
}

impl Payment {
    fn of(case: &Case<'_>) -> Payment {
        Payment {
            merchant_id: case.text("merchant_id").to_owned(),
            terminal: case.terminal(),
            numbers: Numbers::new(case.number("batch"), case.number("reference")).unwrap(),
            invoice: case.text("invoice").parse().unwrap(),
            amount: Rupiah::new(case.integer("amount")).unwrap(),
            phone: case.maybe_text("phone").map(|phone| phone.parse().unwrap()),
        }
    }

    fn named(&self) -> PaymentRef<'_> {
        PaymentRef {
            merchant_id: &self.merchant_id,
            terminal: &self.terminal,
            numbers: self.numbers,
            invoice: &self.invoice,
            amount: self.amount,
            phone: self.phone.as_ref(),
        }
    }
}

#[test]
fn requests_are_byte_for_byte_as_the_file_says() {
    let vectors = Vectors::read("requests.json");
    let mut deviations = Deviations::default();
    let mut operations = BTreeSet::new();
    for case in vectors.cases("cases", 20) {
        let operation = case.operation();
        operations.insert(operation);
        let body = request(operation, &case);
        let text = String::from_utf8_lossy(body.bytes());
        deviations.same(&case, "the operation", body.operation(), operation);
        deviations.same(&case, "the body", text.as_ref(), case.text("body"));
        let key = AppKey::new(case.text("app_key")).unwrap();
        // The last millisecond of the second: `random` is rounded down.
        let seconds: i64 = case.text("random").parse().unwrap();
        let wall = WallTime::from_unix_millis(seconds * 1000 + 999);
        for (mode, expected) in [
            (SigningMode::WithoutBody, "hmac_without_body"),
            (SigningMode::WithBody, "hmac_with_body"),
        ] {
            let signature = Signer::new(case.text("app_id"), &key, mode).sign(body.bytes(), wall);
            deviations.same(&case, "random", signature.random.as_str(), case.text("random"));
            deviations.same(&case, expected, signature.hmac.as_str(), case.text(expected));
        }
    }
    deviations.finish();
    assert_eq!(operations.len(), Operation::ALL.len(), "requests.json: an operation has no case");
}

fn request(operation: Operation, case: &Case<'_>) -> RequestBody {
    let date = case.text("date");
    if operation == Operation::Inquiry {
        let phone = case.text("phone").parse().unwrap();
        return inquiry(case.text("merchant_id"), &case.terminal(), &phone, date);
    }
    let payment = Payment::of(case);
    match operation {
        Operation::PushToPay => payment.named().push_to_pay(date),
        Operation::Reversal => payment.named().reversal(date),
        Operation::Void => payment.named().void(date),
        Operation::CheckPayment => payment.named().check_payment(date),
        _ => payment.named().check_void(date),
    }
}

#[test]
fn signatures_match_the_published_vector_and_both_modes() {
    let vectors = Vectors::read("signatures.json");
    let mut deviations = Deviations::default();
    let cases = vectors.cases("cases", 12);
    for case in &cases {
        let mode = match case.text("mode") {
            "without body" => SigningMode::WithoutBody,
            "with body" => SigningMode::WithBody,
            _ => case.broken("mode", "one of two"),
        };
        let key = AppKey::new(case.text("app_key")).unwrap();
        let signer = Signer::new(case.text("app_id"), &key, mode);
        let (body, random) = (case.text("body").as_bytes(), case.text("random"));
        let signature = signer.sign_text(body, random.to_owned());
        deviations.same(case, "random", signature.random.as_str(), random);
        deviations.same(case, "hmac", signature.hmac.as_str(), case.text("hmac"));
        // The mode of a signer can be changed without the key.
        let turned = Signer::new(case.text("app_id"), &key, SigningMode::default()).with_mode(mode);
        let again = turned.sign_text(body, random.to_owned());
        deviations.same(case, "hmac after with_mode", again.hmac.clone(), signature.hmac.clone());
    }
    deviations.finish();
    // The vectors of protocol 1.3, once more where no edit of the file can change them.
    for (name, hmac) in [
        ("published_vector", "8087f83ffc6a6564b8161e6dce1ee9a82dfc514c83de341587f16abd512fcfd6"),
        ("body_mode", "a3acc68c1b686095a368315b37bc95ab0f68a3e4e2f7b3977b68af6b7b7f5982"),
        (
            "body_mode_13_digit_random",
            "a55d7356dce7c0a73e332e5e2da7e80bce9742e5ad72935f805e416236d74fb0",
        ),
    ] {
        let case = cases.iter().find(|case| case.name == name);
        assert_eq!(case.map(|case| case.text("hmac")), Some(hmac), "signatures.json: {name}");
    }
}

#[test]
fn ov2_ov3_ov13_ov14_responses_are_read_as_the_file_says() {
    let vectors = Vectors::read("responses.json");
    let payments: BTreeMap<&str, Payment> = vectors.json["payments"]
        .as_object()
        .expect("responses.json: payments")
        .iter()
        .map(|(name, json)| (name.as_str(), Payment::of(&Case { file: vectors.file, name, json })))
        .collect();
    let mut deviations = Deviations::default();
    let mut covered = BTreeMap::<&str, usize>::new();
    let mut successes = 0;
    for case in vectors.cases("cases", 650) {
        for entry in case.json["covers"].as_array().into_iter().flatten() {
            *covered.entry(entry.as_str().unwrap_or("")).or_default() += 1;
        }
        let read = Response::read(&body_of(&case));
        match (&read, case.maybe_text("unreadable")) {
            (Err(found), Some(expected)) => {
                deviations.same(&case, "the reading", unreadable_name(*found), expected);
            }
            (Err(found), None) => {
                deviations.note(&case, format!("unreadable ({})", unreadable_name(*found)));
            }
            (Ok(found), Some(expected)) => {
                let code = found.code;
                deviations.note(&case, format!("read as code {code}, must be {expected}"));
            }
            (Ok(response), None) => compare_fields(&mut deviations, &case, response),
        }
        let operation = case.operation();
        if operation == Operation::Inquiry {
            continue;
        }
        let payment = payments
            .get(case.text("payment"))
            .unwrap_or_else(|| case.broken("payment", "one of the file's payments"))
            .named();
        if let (Ok(response), None) = (&read, case.maybe_text("unreadable")) {
            compare_identity(&mut deviations, &case, response, operation, &payment);
        }
        let (answer, success) = answer(operation, read.as_ref().ok(), &payment, &case);
        deviations.same(&case, "the answer", answer.as_str(), case.text("answer"));
        deviations.same(&case, "success", success, case.flag("success"));
        successes += usize::from(success);
    }
    deviations.finish();
    assert!(successes >= 80, "responses.json: only {successes} successes");
    for (entry, floor) in [("OV2", 100), ("OV3", 20), ("OV13", 70), ("OV14", 100), ("B11", 5)] {
        let cases = covered.get(entry).copied().unwrap_or(0);
        assert!(cases >= floor, "responses.json: {cases} cases for {entry}, expected {floor}");
    }
}

fn body_of(case: &Case<'_>) -> Vec<u8> {
    if let Some(text) = case.maybe_text("body") {
        return text.as_bytes().to_vec();
    }
    if let Some(hex) = case.maybe_text("body_hex") {
        let byte = |pair| {
            let pair = std::str::from_utf8(pair).unwrap();
            u8::from_str_radix(pair, 16).unwrap_or_else(|_| case.broken("body_hex", "hex"))
        };
        return hex.as_bytes().chunks(2).map(byte).collect();
    }
    let mut body = Vec::new();
    let parts = case.json["body_parts"].as_array();
    for json in parts.unwrap_or_else(|| case.broken("body_parts", "there")) {
        let part = Case { json, ..*case };
        for _ in 0..part.number("times") {
            body.extend_from_slice(part.text("text").as_bytes());
        }
    }
    body
}

fn unreadable_name(kind: Unreadable) -> &'static str {
    match kind {
        Unreadable::Empty => "empty",
        Unreadable::TooLong => "too_long",
        Unreadable::NotJson => "not_json",
        Unreadable::NoResponseCode => "no_response_code",
    }
}

fn compare_fields(deviations: &mut Deviations, case: &Case<'_>, response: &Response) {
    deviations.same(case, "the code", response.code.as_str(), case.text("code"));
    if !case.json["wallet"].is_null() {
        deviations.same(case, "wallet", response.wallet.is_some(), case.flag("wallet"));
    }
    let wallet = response.wallet.clone().unwrap_or_default();
    for (name, expected) in case.json["fields"].as_object().into_iter().flatten() {
        let found = match name.as_str() {
            "type" => &response.message_type,
            "processingCode" => &response.processing_code,
            "amount" => &response.amount,
            "date" => &response.date,
            "traceNumber" => &response.trace_number,
            "hostTime" => &response.host_time,
            "hostDate" => &response.host_date,
            "referenceNumber" => &response.reference,
            "approvalCode" => &response.approval_code,
            "tid" => &response.tid,
            "mid" => &response.mid,
            "batchNo" => &response.batch,
            "merchantInvoice" => &response.invoice,
            "phone" => &response.phone,
            "ovoid" => &wallet.ovo_id,
            "fullName" => &wallet.full_name,
            "cashUsed" => &wallet.cash_used,
            "cashBalance" => &wallet.cash_balance,
            "ovoPointsUsed" => &wallet.points_used,
            "ovoPointsBalance" => &wallet.points_balance,
            "ovoPointsEarned" => &wallet.points_earned,
            "paymentType" => &wallet.payment_type,
            _ => case.broken("fields", "made of known names"),
        };
        deviations.same(case, name, found.as_deref(), expected.as_str());
    }
}

/// What an answer repeats of the payment: what it answers, and which fields name another sale.
fn compare_identity(
    deviations: &mut Deviations,
    case: &Case<'_>,
    response: &Response,
    operation: Operation,
    payment: &PaymentRef<'_>,
) {
    let identity = Identity::of(response, operation, payment, &|_| false);
    if case.json.get("answers").is_some() {
        let answers = match identity.answers {
            Answers::Asked => "asked",
            Answers::Untold => "untold",
            Answers::Sale => "sale",
            Answers::Other(_) => "other",
        };
        deviations.same(case, "answers", answers, case.text("answers"));
    }
    if case.json.get("differences").is_some() {
        let mut found: Vec<String> = Identity::FIELDS
            .iter()
            .zip(identity.fields)
            .filter(|(_, echo)| *echo == Echo::Other)
            .map(|(field, _)| field.to_string())
            .collect();
        if identity.invoice == Echo::Other {
            found.push(Mismatch::Invoice.to_string());
        }
        deviations.same(case, "differences", found.join(" ").as_str(), case.text("differences"));
    }
}

/// The answer's name and whether it is a success. An unreadable body is the operation's "nothing
/// usable came" (protocol 3.1).
fn answer(
    operation: Operation,
    response: Option<&Response>,
    payment: &PaymentRef<'_>,
    case: &Case<'_>,
) -> (String, bool) {
    let flag = |name: &str| case.json[name].as_bool();
    let duplicate_hint = flag("duplicate_hint").unwrap_or(false);
    let asked = &Asked {
        payment,
        vouched: flag("vouched").unwrap_or(true) && !duplicate_hint,
        unheard: false,
        duplicate_hint,
        shown: flag("shown").unwrap_or(false),
        check_follows: flag("check_follows").unwrap_or(true),
        same_time: flag("same_time"),
        is_another: &|text| Some(text) == case.json["another"].as_str(),
    };
    match operation {
        Operation::PushToPay => {
            let answer = response
                .map_or(PushAnswer::Unknown, |response| PushAnswer::classify(response, asked));
            let name = match answer {
                PushAnswer::Approved => "approved".to_owned(),
                PushAnswer::Declined(code) => format!("declined {code}"),
                PushAnswer::Duplicate(code) => format!("duplicate {code}"),
                PushAnswer::WrongEcho(field) => format!("wrong echo {field}"),
                PushAnswer::Unknown => "unknown".to_owned(),
            };
            (name, answer == PushAnswer::Approved)
        }
        Operation::CheckPayment => status_name(
            response
                .map_or(StatusAnswer::NoAnswer, |response| StatusAnswer::classify(response, asked)),
        ),
        Operation::CheckVoid => status_name(response.map_or(StatusAnswer::NoAnswer, |response| {
            StatusAnswer::classify_void(response, asked)
        })),
        Operation::Reversal => {
            let answer = response.map_or(ReversalAnswer::Again(None), |response| {
                ReversalAnswer::classify(response, asked)
            });
            let name = match answer {
                ReversalAnswer::Acknowledged => "acknowledged".to_owned(),
                ReversalAnswer::Misconfigured(code) => format!("misconfigured {code}"),
                ReversalAnswer::NotSent => "not sent".to_owned(),
                ReversalAnswer::Again(_) => "again".to_owned(),
            };
            (name, answer == ReversalAnswer::Acknowledged)
        }
        Operation::Void => {
            let answer = response
                .map_or(VoidAnswer::Unknown, |response| VoidAnswer::classify(response, asked));
            let name = match answer {
                VoidAnswer::Voided => "voided".to_owned(),
                VoidAnswer::Rejected(code) => format!("rejected {code}"),
                VoidAnswer::NotSent => "not sent".to_owned(),
                VoidAnswer::Unknown => "unknown".to_owned(),
            };
            (name, answer == VoidAnswer::Voided)
        }
        Operation::Inquiry => case.broken("operation", "one with an answer"),
    }
}

fn status_name(answer: StatusAnswer) -> (String, bool) {
    let name = match answer {
        StatusAnswer::Paid => "paid",
        StatusAnswer::ForeignSale => "foreign sale",
        StatusAnswer::Doubtful => "doubtful",
        StatusAnswer::NotFound => "not found",
        StatusAnswer::Reversed => "reversed",
        StatusAnswer::TooOld => "too old",
        StatusAnswer::Unavailable => "unavailable",
        StatusAnswer::Misconfigured(_) => "misconfigured",
        StatusAnswer::NotSent => "not sent",
        StatusAnswer::NoAnswer => "no answer",
    };
    (name.to_owned(), answer == StatusAnswer::Paid)
}

#[test]
fn b2_phones_are_normalised_or_refused_by_the_named_rule() {
    let vectors = Vectors::read("phones.json");
    let mut deviations = Deviations::default();
    for case in vectors.cases("accepted", 35) {
        match case.text("typed").parse::<PhoneNumber>() {
            Ok(phone) => {
                let masked = case.text("masked");
                deviations.same(&case, "the number", phone.digits(), case.text("normalised"));
                deviations.same(&case, "printed", phone.to_string().as_str(), masked);
                deviations.same(&case, "debug", format!("{phone:?}").as_str(), masked);
            }
            Err(error) => deviations.note(&case, format!("refused: {error}")),
        }
    }
    for case in vectors.cases("refused", 70) {
        let typed = case.text("typed");
        let error = typed.parse::<PhoneNumber>().err();
        if error.as_ref().is_some_and(|error| repeats(error, typed)) {
            deviations.note(&case, "the message repeats what was typed");
        }
        deviations.refused(&case, error, "phone");
    }
    deviations.finish();
}

/// Whether the error holds what was typed, or five of its digits in a row.
fn repeats(error: &Error, typed: &str) -> bool {
    let messages = format!("{error}\n{error:?}");
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let whole = typed.trim().len() > 4 && messages.contains(typed.trim());
    whole || (5..=digits.len()).any(|end| messages.contains(&digits[end - 5..end]))
}

#[test]
fn b1_invoices_are_kept_or_refused_by_the_named_rule() {
    let vectors = Vectors::read("invoices.json");
    let mut deviations = Deviations::default();
    for case in vectors.cases("accepted", 13) {
        let text = case.text("text");
        match text.parse::<MerchantInvoice>() {
            Ok(invoice) => {
                deviations.same(&case, "the invoice", invoice.as_str(), text);
                deviations.same(&case, "printed", invoice.to_string().as_str(), text);
            }
            Err(error) => deviations.note(&case, format!("refused: {error}")),
        }
    }
    for case in vectors.cases("refused", 30) {
        let error = case.text("text").parse::<MerchantInvoice>().err();
        deviations.refused(&case, error, "invoice");
    }
    deviations.finish();
}

#[test]
fn b3_amounts_are_whole_positive_and_64_bits_wide() {
    let vectors = Vectors::read("amounts.json");
    let mut deviations = Deviations::default();
    for case in vectors.cases("accepted", 14) {
        let rupiah: i64 = case.text("rupiah").parse().unwrap();
        match Rupiah::new(rupiah) {
            Ok(amount) => {
                let printed = case.text("printed");
                deviations.same(&case, "the amount", amount.get(), rupiah);
                deviations.same(&case, "printed", amount.to_string().as_str(), printed);
            }
            Err(error) => deviations.note(&case, format!("refused: {error}")),
        }
    }
    for case in vectors.cases("refused", 9) {
        match (case.text("by"), case.text("rupiah").parse::<i64>()) {
            ("rule", Ok(rupiah)) => deviations.refused(&case, Rupiah::new(rupiah).err(), "amount"),
            // No such number can reach `Rupiah::new`.
            ("range", Err(_)) => {}
            _ => case.broken("by", "rule for a 64-bit integer, range for another number"),
        }
    }
    // None of these has the type that `Rupiah::new` takes.
    for case in vectors.cases("not_integers", 9) {
        deviations.same(&case, "an integer", case.json["value"].as_i64(), None);
    }
    deviations.finish();
}

#[test]
fn t4_t5_t6_dates_are_wib() {
    let vectors = Vectors::read("dates.json");
    let mut deviations = Deviations::default();
    for case in vectors.cases("cases", 90) {
        let wall = WallTime::from_unix_millis(case.integer("unix_millis"));
        let date = (case.integer("year"), case.number("month"), case.number("day"));
        deviations.same(&case, "the text", wall.wib_text().as_str(), case.text("wib"));
        deviations.same(&case, "the date", wall.wib_date(), date);
        for (key, found) in [
            ("unix_millis", wall.unix_millis()),
            ("unix_seconds", wall.unix_seconds()),
            ("wib_day", wall.wib_day()),
            ("millis_of_day", wall.wib_millis_of_day()),
        ] {
            deviations.same(&case, key, found, case.integer(key));
        }
    }
    deviations.finish();
}

#[test]
fn op2_t5_numbers_follow_the_high_water_mark() {
    let vectors = Vectors::read("numbers.json");
    let mut deviations = Deviations::default();
    for case in vectors.cases("starting", 14) {
        let wall = WallTime::from_unix_millis(case.integer("wall_millis"));
        let found = starting_batch(wall).map_err(kind_name);
        let expected = match case.maybe_text("error") {
            Some(kind) => Err(kind),
            None => Ok(case.number("batch")),
        };
        deviations.same(&case, "the batch", found, expected);
    }
    for case in vectors.cases("next", 45) {
        let method = match case.text("method") {
            "continuous" => BatchMethod::Continuous,
            "daily" => BatchMethod::Daily,
            _ => case.broken("method", "continuous or daily"),
        };
        let last = case.json["last"].as_array().map(|pair| {
            let [batch, reference] = [0, 1].map(|at| pair[at].as_u64().unwrap() as u32);
            Numbers::new(batch, reference).unwrap()
        });
        let first_batch = case.number("first_batch");
        let water = HighWater { last, first_batch, day: case.integer("day") };
        let wall = WallTime::from_unix_millis(case.integer("wall_millis"));
        let found = next_numbers(&water, method, wall).map_err(kind_name);
        let expected = match case.maybe_text("error") {
            Some(kind) => Err(kind),
            None => Ok(Numbers::new(case.number("batch"), case.number("reference")).unwrap()),
        };
        deviations.same(&case, "the numbers", found, expected);
        if let (Ok(next), Some(last)) = (found, last) {
            deviations.same(&case, "above the high-water mark", next > last, true);
        }
    }
    deviations.finish();
}

fn kind_name(error: Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidInput => "invalid input",
        ErrorKind::Configuration => "configuration",
        ErrorKind::Journal => "journal",
        _ => "another kind",
    }
}

#[test]
fn the_table_of_response_codes_is_the_file_and_the_file_is_the_table() {
    let vectors = Vectors::read("response_codes.json");
    let mut deviations = Deviations::default();
    let texts = &vectors.json["texts"];
    let customer_texts = [
        ("paid", CustomerText::Paid),
        ("voided", CustomerText::Voided),
        ("unregistered", CustomerText::Unregistered),
        ("cancelled", CustomerText::Cancelled),
        ("undeliverable", CustomerText::Undeliverable),
        ("timed out", CustomerText::TimedOut),
        ("given up", CustomerText::GivenUp),
        ("unclear", CustomerText::Unclear),
        ("by hand", CustomerText::ByHand),
        ("generic", CustomerText::Generic),
    ];
    let languages = [(Language::Indonesian, "id"), (Language::English, "en")];
    assert_eq!(texts.as_object().map(|texts| texts.len()), Some(customer_texts.len()));
    for (name, text) in customer_texts {
        for (language, key) in languages {
            let expected = texts[name][key].as_str();
            assert_eq!(Some(text.in_language(language)), expected, "text {name:?} in {key}");
        }
    }
    let cases = vectors.cases("cases", 23);
    for case in &cases {
        let code = ResponseCode::new(case.text("code")).unwrap();
        let Some(entry) = code.entry() else {
            deviations.note(case, "is not in the table");
            continue;
        };
        let operations: Vec<Value> =
            entry.operations.iter().map(|operation| operation.name().into()).collect();
        let text = customer_texts.iter().find(|(_, text)| *text == entry.text);
        deviations.same(case, "the code", entry.code, case.text("code"));
        deviations.same(case, "the meaning", entry.meaning, case.text("meaning"));
        deviations.same(
            case,
            "operations",
            Value::from(operations),
            case.json["operations"].clone(),
        );
        deviations.same(case, "the class", entry.class.name(), case.text("class"));
        deviations.same(case, "the class of the code", code.class(), entry.class);
        deviations.same(case, "the text", text.map(|text| text.0), case.maybe_text("text"));
        deviations.same(case, "shown", entry.shown, case.flag("shown"));
        deviations.same(case, "new attempt", entry.new_attempt, case.flag("new_attempt"));
        deviations.same(case, "the action", entry.action, case.text("action"));
        for (language, key) in languages {
            let expected = texts[case.text("text")][key].as_str();
            deviations.same(case, key, Some(code.customer_text(language)), expected);
        }
    }
    let listed: Vec<&str> = cases.iter().map(|case| case.text("code")).collect();
    let rows: Vec<&str> = TABLE.iter().map(|entry| entry.code).collect();
    assert_eq!(rows, listed, "the codes of the table and of response_codes.json");
    for case in vectors.cases("unknown", 20) {
        let code = ResponseCode::new(case.text("code")).unwrap();
        deviations.same(&case, "a row", code.entry().is_some(), false);
        deviations.same(&case, "the class", code.class(), Class::Unknown);
        for (language, key) in languages {
            let generic = texts["generic"][key].as_str();
            deviations.same(&case, key, Some(code.customer_text(language)), generic);
        }
    }
    for case in vectors.cases("not_codes", 19) {
        deviations.same(&case, "a code", ResponseCode::new(case.text("text")), None);
    }
    deviations.finish();
}
