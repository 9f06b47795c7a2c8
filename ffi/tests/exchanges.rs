//! The shared requests and answers of `tests/vectors` through the C ABI: `tests/c/vector.c` brings
//! about one payment after another, with a transport and clocks of its own.
//!
//! Every operation is run, both ways: the bytes and headers that leave, in both signing modes, and
//! what C is told about each answer. What no C program can bring about in a test's time or at all is
//! skipped by `Scene::of` and `may_be_told`, which say why; the core runs it.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::vectors::{bytes_of, cases, file, string, unix_millis};
use support::{Build, command, compile_paths, text, workspace};

/// The moment of the pushes in `requests.json`, which the answers in `responses.json` tell of too.
const PUSHED: &str = "2026-01-31 09:08:07.006";

/// `ovo_operation` from 1 on, by the names of the case files.
const OPERATIONS: [&str; 6] =
    ["push to pay", "reversal", "void", "check payment", "check void", "inquiry"];

const APP: [(&str, &str); 2] = [
    ("OVO_APP_ID", "demo-app"),
    ("OVO_APP_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
];

/// The program, and where its files are.
struct Bench {
    program: PathBuf,
    directory: tempfile::TempDir,
    kept: RefCell<HashMap<PathBuf, HashMap<PathBuf, Vec<u8>>>>,
}

/// A journal's own and those beside it.
fn files_of(journal: &Path) -> Vec<PathBuf> {
    let name = journal.file_name().unwrap().to_string_lossy().into_owned();
    let all = std::fs::read_dir(journal.parent().unwrap()).unwrap();
    all.map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&name))
        .collect()
}

/// A payment that can be brought about through the C ABI.
struct Scene {
    batch: u64,
    used: u64,
    arguments: Vec<String>,
    credentials: Vec<(&'static str, String)>,
}

impl Scene {
    /// The payment of a case; its operation is for the caller to add.
    ///
    /// None for the last reference of a batch: a client gets there with its millionth payment.
    fn of(payment: &Value) -> Option<Scene> {
        let reference = payment["reference"].as_u64().unwrap_or(1);
        if reference > 1_000 {
            return None;
        }
        let mut scene = Scene {
            batch: payment["batch"].as_u64().unwrap_or(1),
            used: reference - 1,
            arguments: Vec::new(),
            credentials: [
                ("OVO_MERCHANT_ID", "merchant_id"),
                ("OVO_STORE_CODE", "store_code"),
                ("OVO_TID", "tid"),
                ("OVO_MID", "mid"),
            ]
            .map(|(variable, key)| (variable, string(payment, key).to_owned()))
            .to_vec(),
        };
        scene.credentials.extend(APP.map(|(variable, value)| (variable, value.to_owned())));
        scene.set("batch", scene.batch);
        scene.set("invoice", payment["invoice"].as_str().unwrap_or("-"));
        scene.set("amount", payment["amount"].as_i64().unwrap_or(0));
        // Nobody can push without a phone; the journal can have forgotten it since.
        scene.set("phone", payment["phone"].as_str().unwrap_or("081200000000"));
        Some(scene)
    }

    fn set(&mut self, name: &str, value: impl ToString) {
        self.arguments.push(format!("{name}={}", value.to_string()));
    }

    /// The request that the case is about, at its moment, with what must be before it.
    fn ask(&mut self, operation: &str, bench: &Bench, at: i64) {
        let place = OPERATIONS.iter().position(|name| *name == operation).unwrap();
        self.set("operation", place + 1);
        self.set("at", at);
        if operation.contains("void") {
            self.approved(bench);
        }
        if operation == "reversal" {
            let found = bench.answer_of("check_payment_00_no_duplicate_time_unknown");
            self.set("found", found.display());
        }
    }

    /// The push was answered as documented.
    fn approved(&mut self, bench: &Bench) {
        self.set("approval", bench.answer_of("success_as_documented").display());
    }
}

impl Bench {
    fn new() -> Bench {
        Bench {
            program: compile_paths(&[workspace().join("tests/c/vector.c")], Build::Static),
            directory: tempfile::tempdir().unwrap(),
            kept: RefCell::default(),
        }
    }

    /// A file with the answer of this case of `responses.json`.
    fn answer_of(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        if !path.exists() {
            let answers = file("responses.json");
            let mut all = cases(&answers, "cases", 600).iter();
            let documented = all.find(|case| case["name"] == name).unwrap();
            std::fs::write(&path, bytes_of(documented)).unwrap();
        }
        path
    }

    /// A journal with this scene's first numbers used up, as it was then: its files get their bytes
    /// back. A copy of them is not what the journal takes for itself.
    fn journal(&self, scene: &Scene) -> PathBuf {
        let (batch, used) = (scene.batch, scene.used);
        // A journal belongs to its merchant.
        let merchant = &scene.credentials[0].1;
        let journal = self.directory.path().join(format!("{batch}-{used}-{merchant}.db"));
        let mut kept = self.kept.borrow_mut();
        let files = kept.entry(journal.clone()).or_insert_with(|| {
            let arguments = [format!("batch={batch}"), format!("used={used}")];
            // Numbers are the journal's: whose payments used them up does not matter here.
            self.run(&journal, &scene.credentials, &arguments, unix_millis(PUSHED) - 1_000);
            let files = files_of(&journal).into_iter();
            files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
        });
        for path in files_of(&journal) {
            match files.get(&path) {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
        }
        journal
    }

    fn play(&self, scene: &Scene, pushed: i64) -> String {
        self.run(&self.journal(scene), &scene.credentials, &scene.arguments, pushed)
    }

    fn run(
        &self,
        journal: &Path,
        credentials: &[(&str, String)],
        arguments: &[String],
        pushed: i64,
    ) -> String {
        let mut program = command(&self.program);
        program.arg(journal).arg(format!("pushed={pushed}")).args(arguments);
        let output = program.envs(credentials.iter().cloned()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        text(&output)
    }
}

#[test]
fn shared_requests_leave_c_byte_for_byte() {
    let bench = Bench::new();
    let (mut ran, mut signed) = (0, 0);
    for case in cases(&file("requests.json"), "cases", 20) {
        let name = string(case, "name");
        let operation = string(case, "operation");
        let date = unix_millis(string(case, "date"));
        // The last millisecond of the second of signing.
        let signing = string(case, "random").parse::<i64>().unwrap() * 1_000 + 999;
        // One reading of the clock dates and signs, unless the date is that of an earlier request.
        let is_check = operation.starts_with("check");
        let at = if is_check { signing } else { date };
        for (mode, key) in [("0", "hmac_without_body"), ("1", "hmac_with_body")] {
            let Some(mut scene) = Scene::of(case) else { continue };
            scene.set("signing", mode);
            scene.ask(operation, &bench, at);
            let pushed = match operation {
                "push to pay" | "check payment" | "inquiry" => date,
                _ => unix_millis(PUSHED),
            };
            if operation == "check void" {
                scene.set("voided_at", date);
            }
            if operation == "reversal" && case["phone"].is_string() {
                scene.set("phone_in_reversal", 1);
            }
            if operation != "reversal" && case["phone"].is_null() {
                if operation == "check payment" {
                    scene.approved(&bench);
                }
                scene.set("forgotten", 1);
            }
            let said = bench.play(&scene, pushed);
            let request = said.lines().find_map(|line| line.strip_prefix("request "));
            let request = request.unwrap_or_else(|| panic!("{name}: {said}"));
            let mut parts = request.splitn(3, ' ');
            let (random, hmac, body) = (parts.next(), parts.next(), parts.next());
            assert_eq!(body, case["body"].as_str(), "{name}");
            ran += 1;
            // The second inquiry's date is six seconds behind its signing: no clock does that.
            if is_check || date / 1_000 == signing / 1_000 {
                assert_eq!((random, hmac), (case["random"].as_str(), case[key].as_str()), "{name}");
                signed += 1;
            }
        }
    }
    assert!(ran >= 38 && signed >= 36, "{ran} requests, {signed} signatures");
}

#[test]
fn shared_answers_to_a_push_mean_the_same_in_c() {
    answers_mean_the_same(&["push to pay"], 410);
}

#[test]
fn shared_answers_to_later_requests_mean_the_same_in_c() {
    answers_mean_the_same(&["reversal", "void", "check payment", "check void", "inquiry"], 230);
}

fn answers_mean_the_same(operations: &[&str], floor: usize) {
    let bench = Bench::new();
    let answers = file("responses.json");
    let asked = unix_millis("2026-01-31 09:20:00.000");
    let (mut ran, mut wrong) = (0, Vec::new());
    for case in cases(&answers, "cases", 600) {
        let (name, operation) = (string(case, "name"), string(case, "operation"));
        if !operations.contains(&operation) || !may_be_told(case) {
            continue;
        }
        let payment = &answers["payments"][case["payment"].as_str().unwrap_or("demo")];
        let Some(mut scene) = Scene::of(payment) else { continue };
        let mut pushed = unix_millis(PUSHED);
        if operation == "check void" {
            scene.set("voided_at", asked - 60_000);
        }
        if payment["phone"].is_null() {
            scene.approved(&bench);
            scene.set("forgotten", 1);
        }
        if case["duplicate_hint"] == true {
            let duplicate = bench.directory.path().join("duplicate");
            std::fs::write(&duplicate, DUPLICATE).unwrap();
            scene.set("approval", duplicate.display());
        }
        if case["same_time"] == false {
            // The sale that the host tells of was long before this push.
            pushed += 3_600_000;
        }
        scene.ask(operation, &bench, asked.max(pushed + 600_000));
        if operation == "void" && case["answer"].as_str().unwrap_or("").starts_with("rejected") {
            // A refusal counts once OVO has said twice that there is none: not at once.
            let none = bench.directory.path().join("none");
            std::fs::write(&none, NO_VOID).unwrap();
            scene.set("found", none.display());
        }
        let answer = bench.directory.path().join("answer");
        std::fs::write(&answer, bytes_of(case)).unwrap();
        scene.set("answer", answer.display());
        let said = bench.play(&scene, pushed);
        if let Err(expected) = told(operation, case, &said) {
            wrong.push(format!("{name}: expected {expected}\n{said}"));
        }
        ran += 1;
    }
    assert!(wrong.is_empty(), "{} deviations:\n{}", wrong.len(), wrong.join("\n"));
    assert!(ran >= floor, "{ran} cases");
}

/// OVO knows of no void.
const NO_VOID: &str = r#"{"responseCode":"25"}"#;

/// OVO says that the numbers were used before, and not by whom.
const DUPLICATE: &str = r#"{"responseCode":"94"}"#;

/// What cannot be brought about: a push without a phone, and a host's time that is not known although
/// the body has it (`same_time` null behind a duplicate).
fn may_be_told(case: &Value) -> bool {
    let pushes_without_phone = case["payment"] == "no_phone" && case["operation"] == "push to pay";
    let unknown_time = case["duplicate_hint"] == true && case["same_time"].is_null();
    !pushes_without_phone && !unknown_time
}

/// Holds what C was told against the case's answer.
fn told(operation: &str, case: &Value, said: &str) -> Result<(), String> {
    let answer = case["answer"].as_str().unwrap_or("");
    let (kind, code) = match answer.rsplit_once(' ') {
        Some(("declined", code)) => ("declined", code),
        Some(("duplicate", code)) => ("duplicate", code),
        Some(("misconfigured", code)) => ("misconfigured", code),
        Some(("rejected", code)) => ("rejected", code),
        Some(("wrong echo", field)) => ("wrong echo", field),
        _ => (answer, ""),
    };
    let mut expected = Vec::new();
    let mut alerts = Vec::new();
    match (operation, kind) {
        ("push to pay", "approved") => expected.push("outcome paid []".to_owned()),
        ("push to pay", "declined") => expected.push(format!("outcome declined [{code}]")),
        ("push to pay", other) => {
            // Nothing usable: a check, which this host does not answer, and the end at 65 seconds.
            expected.push("outcome not completed []".to_owned());
            match other {
                "wrong echo" => alerts.push(format!("the answer repeats another {code}")),
                "duplicate" => {
                    alerts.push(format!("OVO says the numbers were used before (code {code})"));
                }
                _ => {}
            }
        }
        ("reversal", "acknowledged") => {
            expected.push("reversal: reversed, to be verified".to_owned());
            expected.push("then 4".to_owned());
        }
        ("reversal", other) => {
            expected.push("reversal: reversal under way".to_owned());
            expected.push("then 2".to_owned());
            if other == "misconfigured" {
                alerts.push(format!("OVO refuses the set-up (code {code})"));
            }
        }
        ("void", "voided") | ("check void", "paid") => expected.push("void 1 []".to_owned()),
        ("check void", "doubtful" | "too old") => {
            expected.push("void 5 []".to_owned());
            alerts.push("the void's end is unknown; an operator refunds".to_owned());
        }
        ("void" | "check void", other) => {
            expected.push("void 4 []".to_owned());
            match other {
                // Sent once more.
                "not found" => expected.push("then 3".to_owned()),
                "misconfigured" => {
                    let code = string(case, "code");
                    alerts.push(format!("OVO refuses the set-up (code {code})"));
                }
                _ => {}
            }
        }
        ("check payment", other) => {
            let statuses = [
                "paid",
                "not found",
                "reversed",
                "foreign sale",
                "doubtful",
                "too old",
                "unavailable",
            ];
            expected.push(match statuses.iter().position(|status| *status == other) {
                Some(place) => format!("check OVO_OK {} ", place + 1),
                None if other == "misconfigured" => "refuses the set-up".to_owned(),
                None => "gave no usable answer".to_owned(),
            });
        }
        _ => expected.push(format!(
            "inquiry {}",
            match case["code"].as_str() {
                Some("00") => "OVO_OK 1",
                Some("14") => "OVO_OK 0",
                Some("63" | "EB" | "BR") => "OVO_ERR_CONFIGURATION 0",
                _ => "OVO_ERR_NO_ANSWER 0",
            }
        )),
    }
    let lines: Vec<&str> = said.lines().collect();
    let holds = |wanted: &String| lines.iter().any(|line| line.contains(wanted.as_str()));
    if let Some(missing) = expected.iter().chain(&alerts).find(|wanted| !holds(wanted)) {
        return Err(missing.clone());
    }
    // A check tells what it found by itself; elsewhere no alert is raised that the case does not say,
    // but for those about the host's ways, the new journal's numbers and the set-up.
    let about_the_host = |alert: &str| match kind {
        "approved" => alert.ends_with("in another form, or not at all; it is accepted"),
        "duplicate" => alert.starts_with("alert: OVO says that numbers or an invoice"),
        "declined" => alert.ends_with(&format!("OVO refuses the set-up (code {code})")),
        _ => false,
    };
    let unexpected = lines.iter().filter_map(|line| line.strip_prefix("heard ")).find(|alert| {
        !about_the_host(alert) && !alerts.iter().any(|wanted| alert.ends_with(wanted))
    });
    match unexpected {
        Some(alert) if operation != "check payment" => Err(format!("no alert, not {alert:?}")),
        _ => Ok(()),
    }
}
