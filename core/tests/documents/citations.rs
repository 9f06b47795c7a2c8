//! Comments cite the manual by section (`policy 2.5`), rule, invariant and fault. Each must be there.

use crate::pages::{Page, texts};

/// Studies that the manual replaced; pages of the manual may bear the same names.
const OLD_PAPERS: [&str; 6] = ["safety", "protocol", "faults", "design", "identity", "fleet"];

fn lines() -> Vec<(String, String)> {
    texts()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("core/tests/documents/"))
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .map(|(number, line)| (format!("{path}:{}", number + 1), line.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The words of a comment or of a Markdown line; nothing of a line of code.
fn comment(place: &str, line: &str) -> Option<String> {
    if place.contains(".md:") {
        return Some(line.to_owned());
    }
    let code = [".rs:", ".h:", ".hpp:", ".c:", ".cpp:"];
    if code.iter().any(|extension| place.contains(extension)) {
        let start = line.find("//").or_else(|| line.trim_start().starts_with('*').then_some(0))?;
        return Some(line[start..].to_owned());
    }
    line.find('#').map(|start| line[start..].to_owned())
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn no_citation_names_a_paper_that_is_not_in_the_repository() {
    let mut lost = Vec::new();
    for (place, line) in lines() {
        let included = line.contains("include_str!");
        let elsewhere = line.replace("manual/", "manual/the page ");
        for paper in OLD_PAPERS {
            let named = elsewhere.replace(&format!("the page {paper}.md"), "");
            if !included && named.contains(&format!("{paper}.md")) {
                lost.push(format!("{place}: {}", line.trim()));
            }
        }
    }
    assert!(lost.is_empty(), "cite the manual instead:\n{}", lost.join("\n"));
}

#[test]
fn every_section_that_is_cited_is_in_the_manual() {
    let pages = Page::all();
    let (mut lost, mut cited) = (Vec::new(), 0);
    for (place, line) in lines() {
        let Some(text) = comment(&place, &line) else { continue };
        for page in pages.iter().filter(|page| !page.sections().is_empty()) {
            for cited_here in text.split(&format!("{} ", page.name)).skip(1) {
                let end = cited_here.find(|c: char| !c.is_ascii_digit() && c != '.');
                let number = cited_here[..end.unwrap_or(cited_here.len())].trim_end_matches('.');
                if number.is_empty() {
                    continue;
                }
                cited += 1;
                if !page.sections().contains(&number) {
                    lost.push(format!("{place}: {} {number}", page.name));
                }
            }
        }
    }
    assert!(lost.is_empty(), "sections that are not there:\n{}", lost.join("\n"));
    assert!(cited > 20, "only {cited} citations were found");
}

#[test]
fn every_link_to_a_section_of_the_manual_has_an_anchor_there() {
    let pages = Page::all();
    let (mut lost, mut followed) = (Vec::new(), 0);
    for (place, line) in lines() {
        for link in line.split("manual::").skip(1) {
            let end = link.find([')', ' ', ']', '`', '"']).unwrap_or(link.len());
            let Some((name, anchor)) = link[..end].split_once('#') else { continue };
            followed += 1;
            let page = pages.iter().find(|page| page.name == name);
            if !page.is_some_and(|page| page.anchors().iter().any(|there| there == anchor)) {
                lost.push(format!("{place}: {name}#{anchor}"));
            }
        }
    }
    assert!(lost.is_empty(), "links that lead nowhere:\n{}", lost.join("\n"));
    assert!(followed > 5, "only {followed} links were found");
}

#[test]
fn every_rule_order_and_invariant_that_is_cited_is_in_the_policy() {
    let policy = Page::named("policy");
    let known = policy.first_cells();
    let mut lost = Vec::new();
    for (place, line) in lines() {
        let Some(text) = comment(&place, &line) else { continue };
        let words = words(&text);
        for pair in words.windows(2).filter(|pair| ["rule", "Rule"].contains(&pair[0])) {
            let number = pair[1].starts_with(|first: char| first.is_ascii_digit());
            if number && !known.contains(&pair[1]) {
                lost.push(format!("{place}: rule {}", pair[1]));
            }
        }
        let name = |word: &&&str| {
            ["VI", "I", "P", "Q"].iter().any(|letters| {
                word.strip_prefix(letters).is_some_and(|digits| {
                    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
                })
            })
        };
        for word in words.iter().filter(name) {
            if !known.contains(word) {
                lost.push(format!("{place}: {word}"));
            }
        }
    }
    assert!(lost.is_empty(), "not in the policy:\n{}", lost.join("\n"));
}

#[test]
fn every_fault_that_is_cited_is_in_the_catalogue() {
    let faults = Page::named("faults");
    let known = faults.first_cells();
    let mut lost = Vec::new();
    for (place, line) in lines() {
        let Some(text) = comment(&place, &line) else { continue };
        let fault = |word: &&&str| {
            let digits = word.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
            let letters = &word[..word.len() - digits.len()];
            let group = ["N", "OV", "C", "J", "MP", "T", "B", "F", "VD", "OP"].contains(&letters);
            group && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        };
        // C99 is the language.
        for word in words(&text).iter().filter(fault) {
            if !known.contains(word) && *word != "C99" {
                lost.push(format!("{place}: {word}"));
            }
        }
    }
    assert!(lost.is_empty(), "not in the catalogue:\n{}", lost.join("\n"));
}
