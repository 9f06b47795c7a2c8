//! The README repeats facts of the code; here they are compared. `UPDATE_README=1` writes them.

use std::fs;
use std::path::PathBuf;

use ovo_ptp::message::response_code::markdown_table;

fn readme() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md")
}

#[test]
fn the_readme_prints_the_one_table_of_response_codes() {
    let text = fs::read_to_string(readme()).unwrap();
    let (begin, end) = ("<!-- response codes: begin -->\n", "<!-- response codes: end -->");
    let start = text.find(begin).expect("the begin marker") + begin.len();
    let stop = text.find(end).expect("the end marker");
    let table = markdown_table();
    if std::env::var_os("UPDATE_README").is_some() {
        let updated = format!("{}{}{}", &text[..start], table, &text[stop..]);
        fs::write(readme(), updated).unwrap();
        return;
    }
    assert_eq!(&text[start..stop], table, "run `make response-codes`");
}

#[test]
fn the_readme_names_every_environment_variable() {
    let text = fs::read_to_string(readme()).unwrap();
    for variable in ovo_ptp::ENVIRONMENT_VARIABLES {
        assert!(text.contains(variable), "{variable}");
    }
}
