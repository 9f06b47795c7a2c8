//! Facts that are stated twice are compared: symbols, codes, link lines, versions, printed programs.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use support::{Build, Stage, command, compile_paths, pkg_config, prefix, text, workspace};

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names that a library shows to a linker.
fn symbols(library: &str, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("nm")
        .args(arguments)
        .arg(prefix().join("lib").join(library))
        .output()
        .unwrap();
    let mut names: Vec<String> = text(&output)
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn exported_symbols_are_the_listed_ones_and_those_of_the_header() {
    let listed: Vec<String> = read("include/symbols-in-versions")
        .lines()
        .map(|line| line.split_once(' ').unwrap().0.to_owned())
        .collect();
    assert_eq!(symbols("libovo_ptp.so", &["-D", "--defined-only"]), listed);
    let in_archive: Vec<String> = symbols("libovo_ptp.a", &["-g", "--defined-only"])
        .into_iter()
        .filter(|name| name.starts_with("ovo_"))
        .collect();
    assert_eq!(in_archive, listed);
    let header = read("include/ovo_ptp.h");
    let mut declared: Vec<String> = header
        .lines()
        .filter(|line| line.starts_with("int32_t ovo_") || line.starts_with("const char *ovo_"))
        .map(|line| line.split('(').next().unwrap().rsplit([' ', '*']).next().unwrap().to_owned())
        .collect();
    declared.sort_unstable();
    assert_eq!(declared, listed);
}

/// `NAME = number` of the header's codes.
fn codes() -> BTreeMap<i32, String> {
    read("include/ovo_ptp.h")
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .filter(|(name, _)| *name == "OVO_OK" || name.starts_with("OVO_ERR_"))
        .map(|(name, number)| (number.parse().unwrap(), name.to_owned()))
        .collect()
}

#[test]
fn every_code_has_a_string_a_cpp_name_and_a_row_in_the_readme() {
    let (readme, cpp, rust) =
        (read("ffi/README.md"), read("include/ovo_ptp.hpp"), read("ffi/src/code.rs"));
    let codes = codes();
    assert!(codes.len() >= 28);
    for (number, name) in &codes {
        assert!(cpp.contains(&format!(" = {name},")), "{name} has no C++ name");
        let in_cpp = cpp.split(&format!(" = {name},")).next().unwrap().rsplit([' ', '\n']).next();
        let text =
            rust.split(&format!("    {name}: \"")).nth(1).unwrap().split('"').next().unwrap();
        let row = format!("| `{name}` | {number} | `{}` | {text} |", in_cpp.unwrap());
        assert!(readme.contains(&row), "ffi/README.md lacks {row}");
    }
    let rows = readme.lines().filter(|line| line.starts_with("| `OVO_")).count();
    assert_eq!(rows, codes.len());
}

#[test]
fn link_lines_are_what_rustc_prints() {
    prefix();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["rustc", "--package", "ovo-ptp-ffi", "--lib", "--crate-type", "staticlib"])
        .args(["--", "--print", "native-static-libs"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Some are printed twice, once for each crate that needs them.
    let printed = said
        .lines()
        .find_map(|line| line.split_once("native-static-libs: "))
        .unwrap_or_else(|| panic!("{said}"))
        .1;
    let set = |libraries: &str, separator: char| -> BTreeSet<String> {
        let names = libraries.split(separator).map(|name| name.trim().trim_start_matches("-l"));
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let wanted = set(printed, ' ');
    let line = |file: &str, start: &str, end: &str| -> String {
        let text = read(file);
        let rest = text.split(start).nth(1).unwrap_or_else(|| panic!("{file} lacks {start:?}"));
        rest.split(end).next().unwrap().to_owned()
    };
    assert_eq!(set(&line("include/ovo_ptp.h", "-l:libovo_ptp.a ", "\n"), ' '), wanted);
    assert_eq!(set(&line("ffi/packaging/ovo_ptp.pc.in", "Libs.private: ", "\n"), ' '), wanted);
    let cmake = line("ffi/packaging/ovo_ptp-config.cmake.in", "INTERFACE_LINK_LIBRARIES \"", "\"");
    assert_eq!(set(&cmake, ';'), wanted);
}

#[test]
fn the_installed_copy_knows_its_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(pkg_config(&["--modversion"]), [version]);
    assert!(read("include/ovo_ptp.h").contains(&format!("#define OVO_VERSION \"{version}\"")));
    let lib = prefix().join("lib");
    let major = version.split('.').next().unwrap();
    assert!(lib.join(format!("libovo_ptp.so.{version}")).exists());
    assert!(lib.join(format!("libovo_ptp.so.{major}")).exists());
    let dynamic =
        Command::new("readelf").arg("-d").arg(lib.join("libovo_ptp.so")).output().unwrap();
    let dynamic = text(&dynamic);
    assert!(dynamic.contains(&format!("[libovo_ptp.so.{major}]")), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "F13: dlclose would unmap running code");
}

/// The README's quick starts, compiled and run as printed.
#[test]
fn the_readme_s_programs_run_as_printed() {
    let readme = read("ffi/README.md");
    let directory = tempfile::tempdir().unwrap();
    for (language, name) in [("c", "quick.c"), ("cpp", "quick.cpp")] {
        let code = readme.split(&format!("```{language}\n")).nth(1).unwrap();
        let source = directory.path().join(name);
        std::fs::write(&source, code.split("```").next().unwrap()).unwrap();
        let program = compile_paths(&[source], Build::Shared);
        // As printed: no scaled time.
        let stage = Stage::at(1.0);
        let settings: BTreeMap<String, String> = stage.sandbox.settings().into_iter().collect();
        let output = command(&program)
            .envs(&settings)
            .args([&settings["SANDBOX_URL"], &settings["SANDBOX_CA"]])
            .arg(directory.path().join(format!("{name}.db")))
            .output()
            .unwrap();
        let said = text(&output);
        assert!(said.starts_with("paid, approval code "), "{name}: {said}{output:?}");
        assert_eq!(stage.sandbox.net("INV-2026-0001"), 12_500);
    }
}
