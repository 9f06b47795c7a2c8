//! The binary interface: held against the last release's kept dump, and what a call costs.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::process::Command;

use support::{Build, Stage, command, compile, has, workspace};

/// A library whose functions do nothing, written from the header: its debugging information is the
/// interface as C sees it, without the thousands of types behind it. That the real library has the
/// same symbols is another test's business (`shipping.rs`).
fn hollow_library() -> (tempfile::TempDir, std::path::PathBuf) {
    let header = std::fs::read_to_string(workspace().join("include/ovo_ptp.h")).unwrap();
    let mut source = String::from("#include <ovo_ptp.h>\n");
    let mut lines = header.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("int32_t ovo_") || line.starts_with("const char *ovo_") {
            let mut declaration = line.to_owned();
            while !declaration.ends_with(';') {
                declaration.push_str(lines.next().unwrap());
            }
            source.push_str(&format!("{} {{ return 0; }}\n", declaration.trim_end_matches(';')));
        }
    }
    // Enumerations travel as int32_t: what their names stand for is part of the interface all the same.
    for name in header.lines().filter_map(|line| line.strip_prefix("enum ovo_")) {
        source.push_str(&format!("void names_{name}(enum ovo_{name} value) {{ (void)value; }}\n"));
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hollow.c"), source).unwrap();
    let soname = support::soname();
    let library = directory.path().join(&soname);
    let output = Command::new("cc")
        .current_dir(directory.path())
        .args(["-g", "-shared", "-fPIC", &format!("-Wl,-soname,{soname}"), "hollow.c", "-o"])
        .arg(&library)
        .arg(format!("-I{}", workspace().join("include").display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (directory, library)
}

/// `UPDATE_ABI=1` keeps a new dump: at a release, and only with a new version.
#[test]
fn f14_the_interface_is_compatible_with_the_last_release() {
    if !has("abidiff") {
        return;
    }
    let (directory, library) = hollow_library();
    let kept = workspace().join("include/ovo_ptp.abi");
    if std::env::var_os("UPDATE_ABI").is_some() {
        let output = Command::new("abidw")
            .args(["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs"])
            .arg(&library)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(&kept, output.stdout).unwrap();
    }
    // Whoever changes the interface changes the series, and with it the name that programs ask for.
    let dump = std::fs::read_to_string(&kept).unwrap();
    let soname = support::soname();
    assert!(dump.contains(&format!("soname='{soname}'")), "keep a new dump for {soname}");
    // A changed struct counts as much as a removed function: it is a change that somebody decides
    // on, together with the version, by keeping a new dump. New functions are no change.
    let output =
        Command::new("abidiff").arg("--no-added-syms").arg(&kept).arg(&library).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "abidiff: {}\n{said}", output.status);
    drop(directory);
}

#[test]
fn the_boundary_costs_below_two_microseconds_a_call() {
    let program = compile(&["c/overhead.c"], Build::Shared);
    let said = Stage::at(0.05).succeeds(command(&program), &[]);
    println!("{said}");
    let cost = |place: usize| said.split(' ').nth(place).unwrap().parse::<u64>().unwrap();
    assert!(cost(0) < 2_000, "{said}");
}
