//! Facts that are stated twice are compared: symbols, codes, link lines, versions, printed programs.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use support::{
    Build, Stage, command, compile_paths, has, pkg_config, prefix, run, soname, text, workspace,
};

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

/// ureq and rustls would tell a log more than a till should keep: what is shipped cannot write one.
/// `ffi/sizes` looks at the firmware's library in the same way.
#[test]
fn b7_a_library_that_is_built_for_release_can_write_no_log() {
    let sizes = read("ffi/sizes");
    let name = sizes.split("LOGGED = b\"").nth(1).unwrap().split('"').next().unwrap();
    let library = std::fs::read(prefix().join("lib/libovo_ptp.so")).unwrap();
    let found = library.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    // One that is built for tests can: they search the log for secrets.
    assert_eq!(found, cfg!(debug_assertions), "{name}");
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
    let inside = line("ffi/packaging/ovo_ptp-static.pc.in", "/libovo_ptp.a ", "\n");
    assert_eq!(set(&inside, ' '), wanted);
    // A fully static program takes what the compiler does not add by itself.
    let fully = line("include/ovo_ptp.h", "cc -static till.c -lovo_ptp ", "\n");
    assert_eq!(line("ffi/packaging/ovo_ptp.pc.in", "Libs.private: ", "\n"), fully);
    let cmake = line("ffi/packaging/ovo_ptp-config.cmake.in", "INTERFACE_LINK_LIBRARIES \"", "\"");
    assert_eq!(set(&cmake, ';'), wanted);
}

#[test]
fn the_installed_copy_knows_its_version() {
    let version = env!("CARGO_PKG_VERSION");
    for package in ["ovo_ptp", "ovo_ptp-static"] {
        assert_eq!(pkg_config(&["--modversion"], package), [version]);
    }
    assert!(read("include/ovo_ptp.h").contains(&format!("#define OVO_VERSION \"{version}\"")));
    let lib = prefix().join("lib");
    assert!(lib.join(format!("libovo_ptp.so.{version}")).exists());
    assert!(lib.join(soname()).exists());
    let dynamic =
        Command::new("readelf").arg("-d").arg(lib.join("libovo_ptp.so")).output().unwrap();
    let dynamic = text(&dynamic);
    assert!(dynamic.contains(&format!("[{}]", soname())), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "F13: dlclose would unmap running code");
}

/// Each line of the header's page about linking, as a shell runs it, and what the program then needs.
#[test]
fn every_printed_way_to_link_links_as_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let till = "#include <ovo_ptp.h>\nint main(void) { return ovo_version_number() == 0; }\n";
    std::fs::write(directory.path().join("till.c"), till).unwrap();
    let header = read("include/ovo_ptp.h");
    let page = header.split("* LINKING").nth(1).unwrap().split("CMake").next().unwrap();
    let (mut way, mut lines) = ("", 0);
    for line in page.lines().map(|line| line.trim_start_matches([' ', '*'])) {
        let Some(at) = line.find("cc ") else { continue };
        if at > 0 {
            way = line[..at].trim();
        }
        lines += 1;
        let output = Command::new("sh")
            .args(["-c", &line[at..]])
            .current_dir(directory.path())
            .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"))
            .env("CPATH", prefix().join("include"))
            .env("LIBRARY_PATH", prefix().join("lib"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let program = directory.path().join("a.out");
        assert!(command(&program).status().unwrap().success(), "{line}");
        let ldd = command(std::path::Path::new("ldd")).arg(&program).output().unwrap();
        let needs = format!("{}{}", text(&ldd), String::from_utf8_lossy(&ldd.stderr));
        assert_eq!(needs.contains("libovo_ptp"), way == "shared", "{line}: {needs}");
        assert_eq!(needs.contains("libc.so"), way != "fully static", "{line}: {needs}");
    }
    assert_eq!(lines, 6, "{page}");
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

/// The archive and the Debian packages of `make release`, unpacked into clean prefixes: an archive
/// somewhere, the packages as if at the root of a system, where libraries lie one directory deeper.
#[test]
fn what_a_release_has_for_c_installs_and_pays() {
    if !has("dpkg-deb") || !has("cmake") {
        return;
    }
    let (arch, version) = (std::env::consts::ARCH, env!("CARGO_PKG_VERSION"));
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    run(Command::new(workspace().join("tests/release/c-library"))
        .args(["--quick", "--target", &format!("{arch}-unknown-linux-gnu")])
        .arg("--from")
        .arg(prefix().join("lib"))
        .arg("--out")
        .arg(place("made")));
    let made: BTreeSet<String> = std::fs::read_dir(place("made"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(made.len(), 3, "{made:?}");

    let name = format!("libovo_ptp-{version}-{arch}-linux-gnu");
    run(Command::new("tar")
        .arg("xzf")
        .arg(place("made").join(format!("{name}.tar.gz")))
        .arg("-C")
        .arg(directory.path()));
    let flags = run(Command::new("pkg-config")
        .env("PKG_CONFIG_PATH", place(&name).join("lib/pkgconfig"))
        .args(["--cflags", "--libs", "ovo_ptp"]));
    let source = workspace().join("tests/c/first_payment.c");
    let program = place("by-pkg-config");
    run(Command::new("cc")
        .arg(source)
        .args(text(&flags).split_whitespace())
        .arg("-o")
        .arg(&program));
    let pays = |program: &std::path::Path, libraries: &std::path::Path| {
        let mut paying = Command::new(program);
        paying.env("LD_LIBRARY_PATH", libraries);
        let stage = Stage::at(0.05);
        let said = stage.succeeds(paying, &[]);
        assert!(said.contains("INV-FIRST-1: paid Rp12.500, approval code "), "{said}");
        assert_eq!(stage.sandbox.net("INV-FIRST-1"), 12_500);
    };
    pays(&program, &place(&name).join("lib"));

    let system = place("system");
    for package in made.iter().filter(|file| file.ends_with(".deb")) {
        run(Command::new("dpkg-deb").arg("-x").arg(place("made").join(package)).arg(&system));
    }
    let build = place("by-cmake");
    run(Command::new("cmake")
        .arg("-S")
        .arg(workspace().join("tests/c/cmake"))
        .arg("-B")
        .arg(&build)
        .arg(format!("-DCMAKE_PREFIX_PATH={}", system.join("usr").display())));
    run(Command::new("cmake").arg("--build").arg(&build).args(["--target", "shared_payment"]));
    pays(&build.join("shared_payment"), &system.join(format!("usr/lib/{arch}-linux-gnu")));
}
