//! The demo is shown to merchants: what it says must be fit for them.

use std::process::Command;

#[test]
fn the_morning_ends_with_both_columns_of_the_books_adding_up_to_the_same() {
    let output = Command::new(env!("CARGO_BIN_EXE_ovo-demo")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("Every rupiah agrees"), "{said}");
    let together = said.lines().find(|line| line.contains("together")).expect("the sums");
    let sums: Vec<&str> = together.split_whitespace().skip(1).collect();
    assert_eq!(sums, ["Rp98.000", "Rp98.000"], "{said}");
    assert!(said.contains("Gado-gado: Rp20.000 taken and given back"), "{said}");
    // Requests are for those who ask for them, phones for nobody.
    assert!(!said.lines().any(|line| line.trim_start().starts_with('>')), "{said}");
    assert!(!said.contains("08120"), "{said}");
}
