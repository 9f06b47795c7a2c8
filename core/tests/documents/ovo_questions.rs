//! Every question of OVO's page has its answer in both languages, with the function that does it.
//! `ovo_questions.tsv` holds the questions in OVO's words: number, question, function (or `-`).

use crate::pages::Page;

struct Question<'a> {
    number: &'a str,
    text: &'a str,
    function: &'a str,
}

fn questions() -> Vec<Question<'static>> {
    include_str!("ovo_questions.tsv")
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [number, text, function] = cells[..] else { panic!("three cells: {line}") };
            Question { number, text, function }
        })
        .collect()
}

/// The answers of a page: what stands between a heading of the second level and the next one.
fn answers(page: &Page) -> Vec<(&str, &str, &str)> {
    page.text
        .split("\n## ")
        .skip(1)
        .map(|section| {
            let (heading, answer) = section.split_once('\n').expect("an answer");
            let (number, question) = heading.split_once(' ').expect("a number");
            let answer = answer.split("\n# ").next().unwrap_or(answer);
            (number, question, answer.split("`]: crate::").next().unwrap_or(answer).trim())
        })
        .collect()
}

#[test]
fn every_question_of_ovo_is_answered_in_two_languages_with_the_function_that_does_it() {
    let questions = questions();
    assert!(questions.len() >= 58, "only {} questions", questions.len());
    for page in [Page::named("ovo_questions"), Page::named("pertanyaan_ovo")] {
        let answers = answers(&page);
        let numbers: Vec<&str> = answers.iter().map(|(number, ..)| *number).collect();
        let asked: Vec<&str> = questions.iter().map(|question| question.number).collect();
        assert_eq!(numbers, asked, "{}", page.name);
        for (question, (number, heading, answer)) in questions.iter().zip(&answers) {
            let place = format!("{} {number}", page.name);
            assert!(!answer.is_empty(), "{place}: no answer");
            // That the function exists is checked where its link is resolved: by rustdoc.
            let link = format!("[`{}`]", question.function);
            assert!(question.function == "-" || answer.contains(&link), "{place}: without {link}");
            let asked = if page.name == "ovo_questions" { question.text } else { heading };
            assert_eq!(heading, &asked, "{place}");
        }
    }
}

#[test]
fn the_two_languages_name_the_same_functions() {
    let links = |page: &Page| {
        let mut links: Vec<String> = page
            .text
            .lines()
            .filter(|line| line.contains("`]: crate::"))
            .map(str::to_owned)
            .collect();
        links.sort();
        links
    };
    let (english, indonesian) = (Page::named("ovo_questions"), Page::named("pertanyaan_ovo"));
    assert_eq!(links(&english), links(&indonesian));
    assert!(links(&english).len() > 10);
}
