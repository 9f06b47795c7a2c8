//! Facts that stand twice.

use std::fs;
use std::time::Duration;

use ovo_ptp::message::Class;
use ovo_ptp::message::response_code::{TABLE, markdown_table};
use ovo_ptp::payment::Timers;

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
    let kinds = ovo_ptp::Alert::KINDS.map(|(name, critical)| (name.to_owned(), critical));
    assert_eq!(alerts, kinds, "what metrics are labelled with");
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

/// `60.5 s`, `5 min`, `24 h`.
fn in_words(duration: Duration) -> String {
    let millis = duration.as_millis();
    match (millis % 3_600_000, millis % 60_000, millis % 1_000) {
        (0, ..) if millis >= 24 * 3_600_000 => format!("{} h", millis / 3_600_000),
        (_, 0, _) if millis >= 300_000 => format!("{} min", millis / 60_000),
        (.., 0) => format!("{} s", millis / 1_000),
        _ => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
    }
}

#[test]
fn the_policy_prints_the_timers_that_run() {
    let policy = Page::named("policy");
    let section = between(&policy.text, "## 2.5 Timers", "\n## 2.6").to_owned();
    let section = Page { name: "timers".into(), text: section };
    let rows = section.rows();
    let printed = |timer: &str| {
        let row = rows.iter().find(|row| row[0] == timer).unwrap_or_else(|| panic!("no {timer}"));
        row[2].to_owned()
    };
    let timers = Timers::OVO;
    let says = |timer: &str, durations: &[Duration]| {
        for duration in durations {
            let words = in_words(*duration);
            assert!(printed(timer).contains(&words), "{timer}: {words}: {}", printed(timer));
        }
    };
    says("send", &[timers.connected_check, timers.send_check]);
    says("send budget", &[timers.send_budget]);
    says("session", &[timers.session]);
    says("check", &[timers.check, timers.check_budget]);
    says("decision", &[timers.decide]);
    says("reversal", &[timers.retry * 2, timers.retry * 60]);
    says("unseen", &[timers.gate_escape]);
    says("closing check", &[timers.session + timers.delay_bound]);
    says("OVO's record", &[timers.retry * 4]);
    says("looks behind", &[timers.first_sweep, timers.second_sweep]);
    assert_eq!(printed("phone"), "overwritten 2 days later");
    assert_eq!(timers.keep_phone, Duration::from_secs(2 * 24 * 3_600));
    let readme = read("README.md");
    for duration in [timers.check, timers.decide, timers.session + timers.delay_bound] {
        assert!(readme.contains(&format!("{} ", in_words(duration))), "{}", in_words(duration));
    }
}

#[test]
fn who_waits_for_a_payment_reads_everywhere_how_long_at_most() {
    let timers = Timers::OVO;
    let longest = (timers.send_budget + timers.decide).as_secs();
    let (seconds, short) = (format!("{longest} seconds"), format!("{longest} s"));
    for (path, said) in [
        ("bindings/python/README.md", &[&short, &seconds, &format!("grace={longest}")][..]),
        ("bindings/python/python/ovo_ptp/client.py", &[&short]),
        ("bindings/python/python/ovo_ptp/started.py", &[&seconds]),
        ("core/src/client/close.rs", &[&seconds]),
        ("core/src/client/handle.rs", &[&seconds]),
        ("include/ovo_ptp.h", &[&seconds, &format!("{longest}000 are enough")]),
        ("include/ovo_ptp.hpp", &[&format!("{longest},000 milliseconds")]),
    ] {
        let text = read(path);
        for said in said {
            assert!(text.contains(said.as_str()), "{path}: a wait lasts {said} at most");
        }
    }
}

#[test]
fn the_policy_prints_the_classes_of_the_table_of_codes() {
    let policy = Page::named("policy");
    let section = between(&policy.text, "## 2.6 ", "\n## 2.7").to_owned();
    let section = Page { name: "classes".into(), text: section };
    let classes = [
        ("approved", Class::Approved),
        ("declined", Class::Declined),
        ("misconfigured", Class::Misconfigured),
        ("duplicate", Class::Duplicate),
        ("unknown", Class::Unknown),
    ];
    for (name, class) in classes {
        let row = section.rows().into_iter().find(|row| row[0] == name).expect(name)[1].to_owned();
        let mut printed: Vec<&str> = row
            .split([' ', ',', ';'])
            .filter(|word| word.len() == 2 && *word == word.to_uppercase())
            .collect();
        let codes = TABLE.iter().filter(|entry| entry.class == class);
        let mut codes: Vec<&str> = codes.map(|entry| entry.code).collect();
        printed.sort_unstable();
        codes.sort_unstable();
        assert_eq!(printed, codes, "{name}");
    }
}

#[test]
fn the_readme_explains_every_outcome_and_no_other() {
    let source = read("core/src/payment/outcome/mod.rs");
    let mut outcomes: Vec<&str> = between(&source, "pub enum Outcome {", "\n}")
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|line| line.split(['(', ',']).next().unwrap())
        .collect();
    let readme = Page { name: "README".into(), text: read("README.md") };
    let section = between(&readme.text, "## How a payment ends", "\n## ").to_owned();
    let section = Page { name: "outcomes".into(), text: section };
    let mut explained: Vec<String> =
        section.first_cells().iter().skip(1).map(|cell| cell.replace('`', "")).collect();
    outcomes.sort_unstable();
    explained.sort();
    assert_eq!(explained, outcomes);
}
