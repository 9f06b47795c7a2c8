//! "A code means that nothing was started", as a test: every function behind which a byte leaves that
//! moves money, with everything that can fail behind that byte, and OVO's ledger beside it. The
//! program is `tests/c/answers.c`; a defect of this library behind the byte is in `src/defects.rs`.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Output;

use support::{Build, Stage, command, compile, text};

const SCALE: f64 = 0.02;

/// What a call of the program's said: `OVO_OK outcome 1 void 0 left 1`.
struct Said {
    code: String,
    outcome: i32,
    void: i32,
    left: bool,
}

impl Said {
    /// None if the process ended before it could say anything.
    fn of(output: &Output) -> Option<Said> {
        let said = text(output);
        let words: Vec<&str> = said.lines().next()?.split(' ').collect();
        let number = |at: usize| words[at].parse::<i32>().unwrap();
        let code = words[0].to_owned();
        Some(Said { code, outcome: number(2), void: number(4), left: number(6) == 1 })
    }
}

struct Till {
    program: PathBuf,
    stage: Stage,
    function: &'static str,
}

impl Till {
    fn prepared_for(function: &'static str) -> Till {
        let program = compile(&["c/answers.c"], Build::Shared);
        let till = Till { program, stage: Stage::at(SCALE), function };
        if function == "check_void" {
            // Neither the void nor the question about it arrives: it is pending, and not done.
            let script = r#"[{"on":"void","act":{"unheard":true},"deliver":"reset"},
                             {"on":"check_void","deliver":"reset"}]"#;
            till.stage.sandbox.control("POST", "/script", script);
        }
        if function == "settle" {
            // A check that is answered before the decision would make it Paid, and nothing would be owed.
            let script = r#"[{"on":"check_payment","act":{"unheard":true},"deliver":"reset"}]"#;
            till.stage.sandbox.control("POST", "/script", script);
        }
        let prepared = till.run(&["prepare", function]);
        assert!(prepared.status.success(), "{function}: {prepared:?}");
        till
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.stage.play(command(&self.program), arguments)
    }

    /// How many requests OVO has heard that move money.
    fn money_requests(&self) -> usize {
        let all = self.stage.sandbox.control("GET", "/requests", "");
        let moves = |operation: &serde_json::Value| {
            ["push_to_pay", "void", "reversal"].iter().any(|moving| operation == moving)
        };
        all["requests"].as_array().unwrap().iter().filter(|r| moves(&r["operation"])).count()
    }

    fn act(&self, failure: &str) -> (Output, usize) {
        let before = self.money_requests();
        let output = self.run(&["act", self.function, failure]);
        (output, self.money_requests() - before)
    }

    /// What the next run of the till makes of it, held against the ledger.
    fn recovers(&self, failure: &str) -> String {
        let recovered = self.run(&["recover", self.function]);
        let said = text(&recovered);
        let (function, net) = (self.function, self.stage.sandbox.net("INV-A"));
        assert!(recovered.status.success(), "{function}, {failure}: {recovered:?}");
        let paid = said.starts_with("recovered paid") && !said.contains("voided");
        assert_eq!(net, if paid { 1_000 } else { 0 }, "{function}, {failure}: {said}");
        said
    }
}

/// The table's row of one function: what it says when nothing fails, and what it may say when.
fn whatever_fails(function: &'static str, says: impl Fn(&Said) -> bool) {
    let till = Till::prepared_for(function);
    let (output, sent) = till.act("nothing");
    let said = Said::of(&output).unwrap_or_else(|| panic!("{output:?}"));
    assert!(says(&said) && said.left && sent > 0, "{function}: the test would prove nothing");
    till.recovers("nothing");

    for failure in ["table", "journal", "close", "signal", "cancel", "memory"] {
        let till = Till::prepared_for(function);
        let (output, sent) = till.act(failure);
        let place = format!("{function}, {failure} behind the first byte: {output:?}");
        let Some(said) = Said::of(&output) else {
            // Rust ends a process without memory, as a power cut does.
            assert_eq!((failure, output.status.signal()), ("memory", Some(6)), "{place}");
            till.recovers(failure);
            continue;
        };
        assert!(output.status.success(), "{place}");
        let cancels = ["pay_with", "cancel", "payment_cancel"].contains(&function);
        let left = failure != "table" || cancels;
        assert_eq!(said.left, left, "{place}: it failed at another moment");
        if said.code != "OVO_OK" {
            // Settlement starts nothing: what the journal owes stays owed. Nor does a cancel, behind
            // somebody else's push.
            let starts_nothing = function == "settle" || (cancels && function != "pay_with");
            let may_have_left = starts_nothing && said.left;
            assert!(sent == 0 || may_have_left, "{place}: a code, and {sent} requests left");
            assert_eq!((said.outcome, said.void), (0, 0), "{place}");
        }
        if failure == "cancel" {
            assert!(text(&output).contains("cancelled behind the call"), "{place}");
        }
        let recovered = till.recovers(failure);
        // What was told is durable, whatever failed.
        let told = match said.outcome {
            PAID => "paid",
            NOT_COMPLETED => "not completed",
            _ => "",
        };
        assert!(recovered.starts_with(&format!("recovered {told}")), "{place}: {recovered}");
        let told_voided = said.void == VOIDED;
        assert!(!told_voided || recovered.contains("voided"), "{place}: {recovered}");
    }
}

const PAID: i32 = 1;
const NOT_COMPLETED: i32 = 3;
const VOIDED: i32 = 1;

#[test]
fn c18_f1_f18_whatever_fails_behind_a_push_is_an_outcome() {
    whatever_fails("pay", |said| said.outcome == PAID);
}

#[test]
fn c18_f1_f18_whatever_fails_behind_a_started_push_is_an_outcome() {
    whatever_fails("start", |said| said.outcome == PAID);
}

#[test]
fn c17_c18_f18_whatever_fails_while_the_countdown_gives_a_payment_up_is_an_outcome() {
    whatever_fails("pay_with", |said| said.outcome == NOT_COMPLETED);
}

#[test]
fn c17_c18_f18_whatever_fails_while_a_payment_is_given_up_what_is_told_is_durable() {
    whatever_fails("cancel", |said| said.outcome == NOT_COMPLETED);
}

#[test]
fn c17_c18_f18_whatever_fails_while_a_started_payment_is_given_up_what_is_told_is_durable() {
    whatever_fails("payment_cancel", |said| said.outcome == NOT_COMPLETED);
}

#[test]
fn c18_j18_f18_whatever_fails_behind_a_void_is_a_result() {
    whatever_fails("void", |said| said.void == VOIDED);
}

#[test]
fn c18_j18_f18_whatever_fails_behind_the_check_of_a_void_is_a_result() {
    whatever_fails("check_void", |said| said.void == VOIDED);
}

#[test]
fn c18_f1_f18_whatever_fails_behind_a_reversal_is_settled_later() {
    whatever_fails("settle", |said| said.code == "OVO_OK");
}

/// What its transport forgets to tell costs a customer waiting, and never money.
#[test]
fn f16_a_transport_that_forgets_to_tell_what_it_did_is_not_known() {
    let program = compile(&["c/answers.c"], Build::Shared);
    for variant in ["0", "1", "2", "3", "4"] {
        let stage = Stage::at(SCALE);
        let said = stage.succeeds(command(&program), &["forgetful", variant]);
        // Its other requests it does not carry: the check and the reversal come later.
        assert_eq!(said, "not completed\n", "variant {variant}");
        let debited = if variant == "0" { 0 } else { 1_000 };
        assert_eq!(stage.sandbox.net("INV-A"), debited, "variant {variant}: the premise");
    }
}

#[test]
fn f15_what_an_earlier_call_has_told_is_gone_after_a_failure() {
    let program = compile(&["c/answers.c"], Build::Shared);
    let stage = Stage::at(SCALE);
    stage.succeeds(command(&program), &["cleared"]);
}

#[test]
fn f15_a_cleared_struct_says_nothing_about_money() {
    let header = std::fs::read_to_string(support::workspace().join("include/ovo_ptp.h")).unwrap();
    let speaks_of_money =
        ["ovo_operation", "ovo_status", "ovo_void_state", "ovo_ruling", "ovo_late_success"];
    let mut zeroes = Vec::new();
    for block in header.split("\nenum ovo_").skip(1) {
        let name = format!("ovo_{}", block.split_whitespace().next().unwrap());
        let values = block.split("};").next().unwrap();
        let zero = values.lines().find_map(|line| line.trim().strip_suffix(" = 0,"));
        assert!(!speaks_of_money.contains(&name.as_str()) || zero.is_none(), "{name}: {zero:?}");
        zeroes.extend(zero.map(str::to_owned));
    }
    // Everything that a zero says in this interface.
    let harmless = [
        "OVO_OK",
        "OVO_PENDING",
        "OVO_CLASS_UNKNOWN",
        "OVO_INDONESIAN",
        "OVO_PHASE_SENDING",
        "OVO_LEVEL_INFO",
        "OVO_EXCHANGE_NO_ANSWER",
        "OVO_GO_ON",
        "OVO_NOT_SENT_UNTOLD",
        "OVO_BATCH_CONTINUOUS",
        "OVO_SIGN_WITHOUT_BODY",
        "OVO_PROBE_NO_ANSWER",
        "OVO_FINDING_NONE",
    ];
    zeroes.sort();
    let mut expected = harmless.map(str::to_owned);
    expected.sort();
    assert_eq!(zeroes, expected);
}
