//! The case files of `tests/vectors`; their `README.md` says what is in them.

use serde_json::Value;

use super::workspace;

/// One of the files.
pub(crate) fn file(name: &str) -> Value {
    let path = workspace().join("tests/vectors").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A section's cases: at least so many.
pub(crate) fn cases<'a>(json: &'a Value, section: &str, floor: usize) -> &'a [Value] {
    let list = json[section].as_array().unwrap();
    assert!(list.len() >= floor, "{section}: {} cases", list.len());
    list
}

/// A text of a case.
pub(crate) fn string<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{case}: {key}"))
}

/// The bytes of an answer.
pub(crate) fn bytes_of(case: &Value) -> Vec<u8> {
    if let Some(body) = case["body"].as_str() {
        return body.as_bytes().to_vec();
    }
    if let Some(hex) = case["body_hex"].as_str() {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        return (0..hex.len()).step_by(2).map(digit).collect();
    }
    let parts = case["body_parts"].as_array().unwrap();
    let repeated = |part: &Value| {
        string(part, "text").repeat(usize::try_from(part["times"].as_u64().unwrap()).unwrap())
    };
    parts.iter().flat_map(|part| repeated(part).into_bytes()).collect()
}

/// The moment of a text like `2026-01-31 09:08:07.006`, which is WIB (UTC+7).
pub(crate) fn unix_millis(date: &str) -> i64 {
    let number = |from: usize, to: usize| date[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years: i64 = (1970..year).map(|year| 365 + i64::from(leap(year))).sum();
    let february = 28 + i64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = lengths[..usize::try_from(month - 1).unwrap()].iter().sum();
    let hours = (years + months + day - 1) * 24 + number(11, 13) - 7;
    ((hours * 60 + number(14, 16)) * 60 + number(17, 19)) * 1_000 + number(20, 23)
}
