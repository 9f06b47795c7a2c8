//! Every function of the header, with everything wrong in every position. The program that does it
//! is written from the header itself, so that a new function is in it from its first day.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::collections::HashSet;
use std::fmt::Write as _;

use support::{Build, Stage, command, compile_paths, text};

struct Parameter {
    kind: String,
    name: String,
    /// Its description says that NULL is fine.
    nullable: bool,
}

struct Function {
    name: String,
    returns_code: bool,
    parameters: Vec<Parameter>,
}

impl Parameter {
    fn is_pointer(&self) -> bool {
        self.kind.ends_with('*')
    }

    fn handle(&self) -> Option<&'static str> {
        let bare = self.kind.trim_start_matches("const ");
        ["config", "client", "payment", "list", "exchange", "reconciliation"]
            .into_iter()
            .find(|handle| bare == format!("ovo_{handle} *"))
    }

    /// An expression that is right in this place.
    fn right(&self) -> String {
        if let Some(handle) = self.handle() {
            return handle.to_owned();
        }
        match (self.kind.as_str(), self.name.as_str()) {
            ("const char *", "environment") => "\"https://127.0.0.1:9\"",
            ("const char *", "code") => "\"17\"",
            ("const char *", "phone" | "typed") => "\"081200000000\"",
            ("const char *", "app_key" | "app_keys") => {
                "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
            }
            ("const char *", "merchant_id") => "\"100001\"",
            ("const char *", "path") => "\"/nonexistent/file.toml\"",
            ("const char *", _) => "\"INV-1\"",
            ("const uint8_t *", _) => "(const uint8_t *)\"x\"",
            ("char *", _) => "buffer",
            ("size_t", "capacity") => "sizeof buffer",
            ("size_t", _) => "0",
            ("double", _) => "0.5",
            ("int32_t", "header") => "OVO_VERSION_NUMBER",
            ("int32_t", "language" | "kind" | "method" | "signing") => "0",
            ("int32_t", "status") => "200",
            ("int32_t", _) => "1",
            ("uint32_t", "index") => "0",
            ("uint32_t" | "int64_t", _) => "1",
            ("int32_t *" | "int64_t *" | "uint32_t *" | "size_t *", _) => "&number",
            ("void *", _)
            | (
                "ovo_log_fn"
                | "ovo_progress_fn"
                | "ovo_watch_fn"
                | "ovo_transport_fn"
                | "ovo_journal_password_fn",
                _,
            ) => "NULL",
            (kind, _) if kind.ends_with("**") => "&handle",
            (kind, _) => {
                return format!(
                    "&{}",
                    kind.trim_start_matches("const ")
                        .trim_end_matches(" *")
                        .trim_start_matches("ovo_")
                );
            }
        }
        .to_owned()
    }

    /// With the cast that one variable for all results needs.
    fn argument(&self, expression: &str) -> String {
        match expression {
            "&number" | "&handle" => format!("({})(void *){expression}", self.kind),
            other => other.to_owned(),
        }
    }
}

fn functions() -> Vec<Function> {
    let header = std::fs::read_to_string(support::workspace().join("include/ovo_ptp.h")).unwrap();
    let mut functions = Vec::new();
    let mut comment = String::new();
    let mut lines = header.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("//") {
            comment.push_str(line.trim_start_matches("//").trim_start());
            comment.push('\n');
            continue;
        }
        let returns_code = line.starts_with("int32_t ovo_");
        if !returns_code && !line.starts_with("const char *ovo_") {
            comment.clear();
            continue;
        }
        let mut declaration = line.to_owned();
        while !declaration.ends_with(';') {
            declaration.push_str(lines.next().unwrap().trim());
        }
        let (head, rest) = declaration.split_once('(').unwrap();
        let name = head.rsplit([' ', '*']).next().unwrap().to_owned();
        let parameters = rest.trim_end_matches(");").split(',').filter(|p| *p != "void").map(|p| {
            let p = p.trim();
            let at = p.rfind([' ', '*']).unwrap() + 1;
            let name = p[at..].to_owned();
            let described = comment
                .split("\n- ")
                .find(|part| part.starts_with('`') && part.contains(&format!("`{name}`")))
                .and_then(|part| part.split("\n\n").next())
                .unwrap_or_else(|| panic!("{head}: {name} has no description"));
            let nullable = described.split("\n\n").next().unwrap().contains("NULL");
            Parameter { kind: p[..at].trim().replace("struct ", ""), name, nullable }
        });
        functions.push(Function { parameters: parameters.collect(), name, returns_code });
        comment.clear();
    }
    functions
}

/// Ends or makes a handle: called with wrong arguments only.
fn changes_handles(function: &Function) -> bool {
    ["_free", "_close", "_open", "_new"].iter().any(|end| function.name.ends_with(end))
}

/// One call with `wrong` in the place of one argument.
fn call(function: &Function, at: usize, wrong: &str, wanted: &str, lines: &mut String) {
    let arguments: Vec<String> = function
        .parameters
        .iter()
        .enumerate()
        .map(|(place, parameter)| match place == at {
            true if parameter.is_pointer() => format!("({})(void *){wrong}", parameter.kind),
            true => wrong.to_owned(),
            false => parameter.argument(&parameter.right()),
        })
        .collect();
    let name = &function.name;
    let parameter = &function.parameters[at].name;
    let arguments = arguments.join(", ");
    if function.returns_code {
        writeln!(
            lines,
            "    said(\"{name}\", \"{parameter}\", \"{wrong}\", {name}({arguments}), {wanted});"
        )
    } else {
        writeln!(lines, "    text({name}({arguments}));")
    }
    .unwrap();
}

fn program() -> String {
    let mut lines = String::new();
    for function in functions() {
        for (at, parameter) in function.parameters.iter().enumerate() {
            if parameter.is_pointer() {
                // A function's own NULL check comes before or after the handle's; never a crash.
                // An exchange outside of its transport is a bad handle whatever else is wrong.
                let exchange = function.parameters[0].handle() == Some("exchange");
                let wanted = match parameter.nullable {
                    true => "ANYTHING",
                    false if exchange && at > 0 => "NOT_OK",
                    false => "OVO_ERR_NULL",
                };
                if !(parameter.nullable && changes_handles(&function)) {
                    call(&function, at, "NULL", wanted, &mut lines);
                }
            }
            if parameter.handle().is_some() {
                let wanted = match function.name.as_str() {
                    "ovo_client_error" => "ANYTHING",
                    _ => "OVO_ERR_BAD_HANDLE",
                };
                for wrong in ["foreign", "odd", "closed"] {
                    call(&function, at, wrong, wanted, &mut lines);
                }
            }
            if parameter.kind == "const char *" {
                let exchange = function.parameters[0].handle() == Some("exchange");
                let wanted = if exchange { "NOT_OK" } else { "OVO_ERR_NOT_UTF8" };
                call(&function, at, "not_utf8", wanted, &mut lines);
                let wanted = if exchange { "NOT_OK" } else { "OVO_ERR_TOO_LONG" };
                call(&function, at, "huge", wanted, &mut lines);
            }
        }
    }
    format!(
        r#"/* Written by ffi/tests/arguments.rs from include/ovo_ptp.h. */
#include "till.h"
#define ANYTHING -1
#define NOT_OK -2

static int wrong;

static void said(const char *function, const char *parameter, const char *value, int32_t code,
                 int32_t wanted)
{{
    printf("%s %s %.8s %s\n", function, parameter, value, ovo_code_name(code));
    if (wanted == ANYTHING || (wanted == NOT_OK && code != OVO_OK) || wanted == code)
        return;
    fprintf(stderr, "%s, %s = %.8s: %s\n", function, parameter, value, ovo_code_name(code));
    wrong++;
}}

static void text(const char *text)
{{
    if (text == NULL)
        wrong++;
    else
        printf("%s\n", text);
}}

static int32_t nowhere(void *userdata, const ovo_request *request, ovo_exchange *exchange)
{{
    (void)userdata;
    (void)request;
    (void)exchange;
    return OVO_EXCHANGE_NOT_SENT;
}}

static ovo_config *config;
static ovo_client *client;
static ovo_payment *payment;
static ovo_list *list;
static ovo_reconciliation *reconciliation;
static char *huge, *foreign, *odd, not_utf8[] = "\xff\xfe";
static void *closed, *exchange;

static void calls(void)
{{
    char buffer[64];
    int64_t number = 0;
    void *handle = NULL;
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_outcome outcome = OVO_OUTCOME_INIT;
    ovo_record record = OVO_RECORD_INIT;
    ovo_filter filter = OVO_FILTER_INIT;
    ovo_clock clock = OVO_CLOCK_INIT;
    ovo_response_code response_code = OVO_RESPONSE_CODE_INIT;
    ovo_void_result void_result = OVO_VOID_RESULT_INIT;
    ovo_diagnosis diagnosis = OVO_DIAGNOSIS_INIT;
    ovo_error_facts error_facts = OVO_ERROR_FACTS_INIT;
    ovo_settlement_line settlement_line = OVO_SETTLEMENT_LINE_INIT;
    ovo_reconciled reconciled = OVO_RECONCILED_INIT;
    settlement_line.invoice = "INV-1";
    settlement_line.amount = 1000;
    settlement_line.says = OVO_LISTED_PAID;
    charge.invoice = "INV-1";
    charge.amount = 1000;
    charge.phone = "081200000000";
{lines}    (void)reconciled;
    (void)handle;
    (void)error_facts;
}}

int main(int argc, char **argv)
{{
    ovo_charge charge = OVO_CHARGE_INIT;
    ovo_list *gone = NULL;
    if (argc < 2)
        return 2;
    huge = malloc(1 << 20);
    foreign = malloc(64);
    odd = foreign + 1;
    memset(huge, 'A', (1 << 20) - 1);
    huge[(1 << 20) - 1] = 0;
    config = sandbox_config(argv[1]);
    must(ovo_config_set_transport(config, nowhere, NULL), "transport");
    must(ovo_config_set_threads(config, 1), "threads");
    must(ovo_client_open(config, &client), "opening");
    charge.invoice = "INV-1";
    charge.amount = 1000;
    charge.phone = "081200000000";
    must(ovo_start(client, &charge, &payment), "starting");
    must(ovo_list_payments(client, NULL, &gone), "listing");
    closed = gone;
    exchange = gone;
    must(ovo_list_payments(client, NULL, &list), "listing");
    must(ovo_list_free(gone), "freeing");
    must(ovo_reconcile_new(NULL, &reconciliation), "books");
    calls();
    must(ovo_payment_free(payment), "freeing");
    must(ovo_list_free(list), "freeing");
    must(ovo_reconcile_free(reconciliation), "freeing");
    must(ovo_client_close(client), "closing");
    must(ovo_config_free(config), "freeing");
    free(huge);
    free(foreign);
    return wrong == 0 ? 0 : 1;
}}
"#
    )
}

#[test]
fn f1_f2_f3_every_wrong_argument_in_every_position_is_a_code() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("arguments.c");
    std::fs::write(&source, program()).unwrap();
    std::fs::copy(support::workspace().join("tests/c/till.h"), directory.path().join("till.h"))
        .unwrap();
    let program = compile_paths(&[source], Build::Address);
    let stage = Stage::at(0.02);
    let output = stage.play(command(&program), &[]);
    let said = text(&output);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}:\n{told}\n{said}", output.status);
    let called: HashSet<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    for function in functions().iter().filter(|function| function.returns_code) {
        let takes_pointers = function.parameters.iter().any(Parameter::is_pointer);
        assert!(!takes_pointers || called.contains(function.name.as_str()), "{}", function.name);
    }
    assert!(said.lines().count() > 250, "only {} calls were made", said.lines().count());
}

/// Random calls in random order, with OVO_FUZZ_SECONDS seconds (default 10) and OVO_FUZZ_SEED.
#[test]
fn f1_f2_random_calls_in_random_order_never_crash() {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
    let (seconds, seed) = (setting("OVO_FUZZ_SECONDS", "10"), setting("OVO_FUZZ_SEED", "1"));
    let program = support::compile(&["c/fuzz.c"], Build::Address);
    let stage = Stage::at(1.0);
    let said = stage.succeeds(command(&program), &[&seconds, &seed]);
    let calls: u64 = said.split(' ').next().unwrap().parse().unwrap();
    assert!(calls > 200, "{said}");
}
