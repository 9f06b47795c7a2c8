//! Facts that stand twice.

use std::fs;

use ovo_ptp::message::response_code::markdown_table;

use crate::pages::{Page, read, root};

#[test]
fn the_manual_prints_the_one_table_of_response_codes() {
    let path = "core/src/manual/response_codes.md";
    let text = read(path);
    let (begin, end) = ("<!-- response codes: begin -->\n", "<!-- response codes: end -->");
    let start = text.find(begin).expect("the begin marker") + begin.len();
    let stop = text.find(end).expect("the end marker");
    let table = markdown_table();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        let updated = format!("{}{}{}", &text[..start], table, &text[stop..]);
        fs::write(root().join(path), updated).unwrap();
        return;
    }
    assert_eq!(&text[start..stop], table, "run `make response-codes`");
}

#[test]
fn the_manual_and_the_catalogue_hold_the_same_faults() {
    let page = Page::named("faults");
    let in_the_manual: Vec<(&str, &str)> = page
        .rows()
        .iter()
        .filter(|row| row[0] != "Id")
        .map(|row| {
            assert_eq!(row.len(), 3, "{row:?}");
            (row[0], row[1])
        })
        .collect();
    let catalogue = read("tests/faults/catalogue.tsv");
    let listed: Vec<(&str, &str)> = catalogue
        .lines()
        .map(|line| {
            let mut cells = line.split('\t');
            (cells.next().unwrap(), cells.next().expect("a fault"))
        })
        .collect();
    assert_eq!(in_the_manual, listed);
}

/// What stands between `start` and the next `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} behind {start}")).0
}

#[test]
fn the_manual_explains_every_alert_and_says_which_are_critical() {
    let source = read("core/src/payment/alert.rs");
    let critical = between(&source, "fn is_critical", "\n    }");
    let mut alerts: Vec<(String, bool)> = between(&source, "pub enum Alert {", "\n}")
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|line| line.split(['(', ',', ' ', '{']).next().unwrap())
        .map(|name| {
            let named = |end: &str| critical.contains(&format!("Alert::{name}{end}"));
            (name.to_owned(), named("\n") || named("(") || named(" ") || named(")"))
        })
        .collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    let operations = Page::named("operations");
    let section = between(&operations.text, "# 2 Alerts", "\n# 3 ").to_owned();
    let section = Page { name: "alerts".into(), text: section };
    let mut explained: Vec<(String, bool)> = section
        .rows()
        .iter()
        .filter_map(|row| {
            let name = row[0].strip_prefix('`')?.strip_suffix('`')?;
            assert!(row.len() == 4 && !row[2].is_empty() && !row[3].is_empty(), "{row:?}");
            Some((name.to_owned(), row[1] == "yes"))
        })
        .collect();
    alerts.sort();
    explained.sort();
    assert_eq!(explained, alerts);
}

#[test]
fn the_documents_name_every_environment_variable() {
    let operations = Page::named("operations");
    for variable in ovo_ptp::ENVIRONMENT_VARIABLES {
        assert!(operations.text.contains(variable), "{variable}");
    }
}

#[test]
fn the_readme_can_be_read_in_one_sitting() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 220, "README.md has {lines} lines: what is long belongs to the manual");
}
