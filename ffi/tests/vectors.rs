//! The shared cases of `tests/vectors` through the C ABI: a C program is written from them.
//!
//! Run here: phones, invoices, amounts and response codes, which are values that C hands over or asks
//! for. `exchanges.rs` runs requests and answers. Signatures, dates and numbers have no function of
//! their own in C; the core runs their files, and the requests hold some of each.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::fmt::Write as _;

use support::vectors::{cases, file, string};
use support::{Build, Stage, command, compile_paths, text, workspace};

/// A C string literal, byte by byte; `None` for a text with a NUL, which no C string can hold.
fn literal(text: &str) -> Option<String> {
    if text.contains('\0') {
        return None;
    }
    let bytes: String = text.bytes().map(|byte| format!("\\{byte:03o}")).collect();
    Some(format!("\"{bytes}\""))
}

#[test]
fn shared_values_mean_the_same_in_c() {
    let mut lines = String::new();
    let mut add = |line: String| writeln!(lines, "    {line}").unwrap();

    let phones = file("phones.json");
    for case in cases(&phones, "accepted", 10) {
        let name = string(case, "name");
        let Some(typed) = literal(string(case, "typed")) else { continue };
        for (function, key) in [("ovo_phone_normalise", "normalised"), ("ovo_phone_mask", "masked")]
        {
            let wanted = literal(string(case, key)).unwrap();
            add(format!(
                "gives(\"{name}\", {function}({typed}, buffer, sizeof buffer, NULL), {wanted});"
            ));
        }
    }
    for case in cases(&phones, "refused", 10) {
        let (name, rule) = (string(case, "name"), literal(string(case, "rule")).unwrap());
        let Some(typed) = literal(string(case, "typed")) else { continue };
        add(format!(
            "refuses(\"{name}\", ovo_phone_normalise({typed}, buffer, sizeof buffer, NULL), \"phone: \", {rule});"
        ));
    }
    let invoices = file("invoices.json");
    for case in cases(&invoices, "accepted", 8) {
        let invoice = literal(string(case, "text")).unwrap();
        add(format!("accepts(\"{}\", ovo_invoice_check({invoice}));", string(case, "name")));
    }
    for case in cases(&invoices, "refused", 8) {
        let (name, rule) = (string(case, "name"), literal(string(case, "rule")).unwrap());
        let Some(invoice) = case["text"].as_str().and_then(literal) else { continue };
        add(format!("refuses(\"{name}\", ovo_invoice_check({invoice}), \"invoice: \", {rule});"));
    }
    let amounts = file("amounts.json");
    for case in cases(&amounts, "accepted", 6) {
        let wanted = literal(string(case, "printed")).unwrap();
        add(format!(
            "gives(\"{}\", ovo_rupiah_print(INT64_C({}), buffer, sizeof buffer, NULL), {wanted});",
            string(case, "name"),
            string(case, "rupiah")
        ));
    }
    for case in cases(&amounts, "refused", 2) {
        // What is no 64-bit integer cannot be written in C.
        let Some(rule) = case["rule"].as_str().and_then(literal) else { continue };
        let Ok(rupiah) = string(case, "rupiah").parse::<i64>() else { continue };
        add(format!(
            "refuses(\"{}\", ovo_rupiah_print((int64_t)UINT64_C({}), buffer, sizeof buffer, NULL), \"amount: \", {rule});",
            string(case, "name"),
            rupiah.cast_unsigned_portable()
        ));
    }
    let codes = file("response_codes.json");
    let table = cases(&codes, "cases", 20);
    for case in cases(&codes, "unknown", 1) {
        let code = string(case, "code");
        let generic = &codes["texts"]["generic"];
        let text = |language: &str| literal(generic[language].as_str().unwrap()).unwrap();
        add(format!(
            "code(\"{code}\", OVO_CLASS_UNKNOWN, 0, ANY_ATTEMPT, 0, {}, {});",
            text("id"),
            text("en")
        ));
    }
    let class = |name: &str| format!("OVO_CLASS_{}", name.to_uppercase());
    for case in table {
        let code = string(case, "code");
        let texts = &codes["texts"][string(case, "text")];
        add(format!(
            "code(\"{code}\", {}, {}, {}, 1, {}, {});",
            class(string(case, "class")),
            i32::from(case["shown"].as_bool().unwrap()),
            i32::from(case["new_attempt"].as_bool().unwrap()),
            literal(texts["id"].as_str().unwrap()).unwrap(),
            literal(texts["en"].as_str().unwrap()).unwrap(),
        ));
    }
    add(format!("table_length({});", table.len()));

    let program = format!(
        r#"/* Written by ffi/tests/vectors.rs from tests/vectors. */
#include "till.h"
#define ANY_ATTEMPT -1
static int cases, wrong;
static char buffer[64];
static void failed(const char *name)
{{
    fprintf(stderr, "%s: %s\n", name, ovo_last_error());
    wrong++;
}}
static void gives(const char *name, int32_t code, const char *wanted)
{{
    cases++;
    if (code != OVO_OK || strcmp(buffer, wanted) != 0)
        failed(name);
}}
static void accepts(const char *name, int32_t code)
{{
    cases++;
    if (code != OVO_OK)
        failed(name);
}}
static void refuses(const char *name, int32_t code, const char *field, const char *rule)
{{
    cases++;
    /* Longer than any value of its field: refused by its length before the rule is looked at. */
    if (code == OVO_ERR_TOO_LONG)
        return;
    if (code != OVO_ERR_INVALID_INPUT || strncmp(ovo_last_error(), field, strlen(field)) != 0 ||
        strstr(ovo_last_error(), rule) == NULL)
        failed(name);
}}
static void code(const char *text, int32_t class_of_push, int32_t shown, int32_t new_attempt,
                 int32_t known, const char *indonesian, const char *english)
{{
    ovo_response_code found = OVO_RESPONSE_CODE_INIT;
    cases++;
    if (ovo_response_code_lookup(text, &found) != OVO_OK || strcmp(found.code, text) != 0 ||
        found.class_of_push != class_of_push || found.shown != shown ||
        (new_attempt != ANY_ATTEMPT && found.new_attempt != new_attempt) || found.known != known ||
        strcmp(ovo_response_code_text(text, OVO_INDONESIAN), indonesian) != 0 ||
        strcmp(ovo_response_code_text(text, OVO_ENGLISH), english) != 0)
        failed(text);
}}
static void table_length(uint32_t length)
{{
    ovo_response_code found = OVO_RESPONSE_CODE_INIT;
    if (ovo_response_code_at(length - 1, &found) != OVO_OK ||
        ovo_response_code_at(length, &found) != OVO_ERR_OUT_OF_RANGE)
        failed("the table's length");
}}
int main(void)
{{
{lines}    printf("%d cases\n", cases);
    return wrong == 0 ? 0 : 1;
}}
"#
    );
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("vectors.c");
    std::fs::write(&source, program).unwrap();
    std::fs::copy(workspace().join("tests/c/till.h"), directory.path().join("till.h")).unwrap();
    let program = compile_paths(&[source], Build::Static);
    let output = Stage::at(1.0).play(command(&program), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = text(&output);
    let run: usize = said.split(' ').next().unwrap().parse().unwrap();
    assert!(run > 80, "{said}");
}

/// `i64::cast_unsigned` is newer than the oldest compiler.
trait CastUnsigned {
    fn cast_unsigned_portable(self) -> u64;
}

impl CastUnsigned for i64 {
    fn cast_unsigned_portable(self) -> u64 {
        u64::from_ne_bytes(self.to_ne_bytes())
    }
}
