//! Facts that stand twice.

use std::fs;

use ovo_ptp::message::response_code::markdown_table;

use crate::pages::{Page, read, root, texts};

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

#[test]
fn the_manual_explains_every_alert_and_no_other() {
    let (path, text) = texts()
        .into_iter()
        .find(|(path, text)| {
            path.starts_with("core/src/payment/") && text.contains("\npub enum Alert {")
        })
        .expect("the alerts");
    let start = text.find("pub enum Alert {").unwrap();
    let body = &text[start..start + text[start..].find("\n}").unwrap()];
    let mut variants: Vec<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|line| line.split(['(', ',', ' ', '{']).next().unwrap().to_owned())
        .collect();
    assert!(variants.len() > 10, "{path}: {variants:?}");
    let operations = Page::named("operations");
    let start = operations.text.find("# 2 Alerts").unwrap();
    let stop = operations.text.find("# 3 ").unwrap();
    let section = Page { name: "alerts".into(), text: operations.text[start..stop].to_owned() };
    let mut explained: Vec<String> = section
        .first_cells()
        .iter()
        .filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
        .map(str::to_owned)
        .collect();
    variants.sort();
    explained.sort();
    assert_eq!(explained, variants);
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
