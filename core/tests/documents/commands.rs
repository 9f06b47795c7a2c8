//! Commands that a document names are there.

use std::collections::BTreeSet;

use crate::pages::{read, texts};

/// What a document or comment shows as something to type: spans in backticks, and the lines of
/// code blocks of a shell. (place, command).
fn typed() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, text) in texts() {
        if path.starts_with("core/tests/documents/") {
            continue;
        }
        let document = path.ends_with(".md");
        let mut block = false;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", number + 1);
            if document && line.starts_with("```") {
                block = !block;
                continue;
            }
            if block || (document && line.starts_with("    ")) {
                let command = line.trim().trim_start_matches("$ ");
                found.push((place, until_remark(command).to_owned()));
            } else {
                let spans = line.split('`').skip(1).step_by(2);
                found.extend(spans.map(|span| (place.clone(), span.to_owned())));
            }
        }
    }
    found
}

/// The command without what is said about it: behind a `#`, or in a second column.
fn until_remark(command: &str) -> &str {
    let end = [" #", "  "].iter().filter_map(|mark| command.find(mark)).min();
    &command[..end.unwrap_or(command.len())]
}

/// The words behind `program` of every command that begins with it.
fn calls(program: &str) -> Vec<(String, Vec<String>)> {
    let start = format!("{program} ");
    typed()
        .into_iter()
        .filter_map(|(place, command)| {
            let rest = command.strip_prefix(&start)?;
            Some((place, rest.split_whitespace().map(str::to_owned).collect()))
        })
        .collect()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[test]
fn every_make_target_that_a_document_names_is_in_the_makefile() {
    let makefile = read("Makefile");
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', ' ', '#', '.']))
        .filter_map(|line| line.split_once(':'))
        .flat_map(|(names, _)| names.split_whitespace())
        .collect();
    let calls = calls("make");
    let mut lost: Vec<String> = Vec::new();
    for (place, words) in &calls {
        for word in words.iter().take_while(|word| is_name(word) || word.contains('=')) {
            let target = word.trim_end_matches([',', ';', '.']);
            if is_name(target) && !targets.contains(target) {
                lost.push(format!("{place}: make {target}"));
            }
        }
    }
    assert!(lost.is_empty(), "not in the Makefile:\n{}", lost.join("\n"));
    assert!(calls.len() > 10, "only {} commands were found", calls.len());
}

#[test]
fn every_target_of_the_makefile_is_in_its_help() {
    let makefile = read("Makefile");
    let phony: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.strip_prefix(".PHONY:"))
        .flat_map(str::split_whitespace)
        .collect();
    for target in phony.iter().filter(|target| !["help", "clean", "lint-python"].contains(*target))
    {
        let line = format!("\"make {target} ");
        assert!(makefile.contains(&line), "make help lacks {target}");
    }
}

#[test]
fn every_command_of_the_program_that_a_document_names_is_there() {
    let options: String = texts()
        .into_iter()
        .filter(|(path, _)| path.starts_with("bindings/python/python/ovo_ptp/cli/"))
        .map(|(_, text)| text)
        .collect();
    let sandbox = read("tests/sandbox/src/program/options.rs");
    let mut lost = Vec::new();
    let calls = calls("ovo-ptp");
    for (place, words) in &calls {
        let command = words[0].as_str();
        if is_name(command) && !options.contains(&format!("\"{command}\"")) {
            lost.push(format!("{place}: ovo-ptp {command}"));
        }
        for option in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
            let option = option.split('=').next().unwrap_or(option);
            let known = ["--help", "--version"].contains(&option)
                || options.contains(&format!("\"{option}\""))
                || (command == "sandbox" && sandbox.contains(&format!("  {option} ")));
            if !known {
                lost.push(format!("{place}: ovo-ptp {command} {option}"));
            }
        }
    }
    assert!(lost.is_empty(), "not in the program:\n{}", lost.join("\n"));
    assert!(calls.len() > 5, "only {} commands were found", calls.len());
}

#[test]
fn every_package_and_test_that_a_document_gives_to_cargo_is_there() {
    let workspace = read("Cargo.toml");
    let members: Vec<String> = workspace
        .split_once("members = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .expect("the members")
        .0
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    let packages: Vec<(String, String)> = members
        .into_iter()
        .map(|folder| {
            let manifest = read(&format!("{folder}/Cargo.toml"));
            let name = manifest.split_once("name = \"").expect("a name").1;
            (name.split('"').next().unwrap().to_owned(), folder)
        })
        .collect();
    let mut lost = Vec::new();
    let calls = calls("cargo");
    for (place, words) in &calls {
        let words: Vec<&str> = words.iter().map(|word| word.trim_end_matches([';', ','])).collect();
        let mut folder = None;
        for pair in words.windows(2) {
            if ["-p", "--package"].contains(&pair[0]) {
                match packages.iter().find(|(name, _)| name == pair[1]) {
                    Some((_, there)) => folder = Some(there),
                    None if is_name(pair[1]) => lost.push(format!("{place}: package {}", pair[1])),
                    None => {}
                }
            }
            if let ("--test", Some(folder)) = (pair[0], folder) {
                let file = crate::pages::root().join(folder).join("tests").join(pair[1]);
                if is_name(pair[1]) && !file.with_extension("rs").exists() && !file.is_dir() {
                    lost.push(format!("{place}: test {}", pair[1]));
                }
            }
        }
    }
    assert!(lost.is_empty(), "not there:\n{}", lost.join("\n"));
    assert!(calls.len() > 3, "only {} commands were found", calls.len());
}

#[test]
fn every_c_function_that_the_manual_names_is_in_the_header() {
    let header = read("include/ovo_ptp.h");
    let mut lost = Vec::new();
    let mut named = 0;
    for (place, span) in typed() {
        if !place.starts_with("core/src/manual/") && !place.starts_with("README.md") {
            continue;
        }
        let name: String =
            span.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let function = span.starts_with("ovo_") && !span.contains([':', '.', '=', ' ']);
        // Metrics begin with the library's name; tests/python/test_metrics.py has theirs.
        let package = ["ovo_", "ovo_ptp", "ovo_id", "ovo_questions"].contains(&name.as_str())
            || name.starts_with("ovo_ptp_");
        if function && !package {
            named += 1;
            if !header.contains(&format!("{name}(")) {
                lost.push(format!("{place}: {name}"));
            }
        }
    }
    assert!(lost.is_empty(), "not in ovo_ptp.h: {}", lost.join(", "));
    assert!(named > 5, "only {named} functions were found");
}
