//! `include/ovo_ptp.h` is what cbindgen makes of the sources; compilers take it without a word.
//!
//! `UPDATE_HEADER=1` writes it again (`make header`).

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::path::{Path, PathBuf};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = here().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn generated() -> String {
    let mut config = cbindgen::Config::from_file(here().join("cbindgen.toml")).unwrap();
    let front = read("header/front.h");
    config.header = Some(format!("{}\n#ifndef OVO_PTP_H\n#define OVO_PTP_H", front.trim_end()));
    let version = env!("CARGO_PKG_VERSION");
    let part = |part: &str| part.parse::<u32>().unwrap();
    let (major, minor, patch) = (
        part(env!("CARGO_PKG_VERSION_MAJOR")),
        part(env!("CARGO_PKG_VERSION_MINOR")),
        part(env!("CARGO_PKG_VERSION_PATCH")),
    );
    config.after_includes = Some(format!(
        "\n/* The version of this header; ovo_version() is the library's. */\n\
         #define OVO_VERSION \"{version}\"\n\
         #define OVO_VERSION_MAJOR {major}\n\
         #define OVO_VERSION_MINOR {minor}\n\
         #define OVO_VERSION_PATCH {patch}\n\
         #define OVO_VERSION_NUMBER {}",
        major * 1_000_000 + minor * 1_000 + patch
    ));
    config.trailer = Some(format!("{}\n\n#endif  /* OVO_PTP_H */", read("header/tail.h").trim()));
    let mut bytes = Vec::new();
    cbindgen::Builder::new()
        .with_crate(here())
        .with_config(config)
        .generate()
        .unwrap()
        .write(&mut bytes);
    with_plain_pointers(&String::from_utf8(bytes).unwrap())
}

/// The argument types of the sources (`argument.rs`) are pointers to C: their typedefs are taken
/// out, with their comments, and what they stand for is put where they are used.
fn with_plain_pointers(header: &str) -> String {
    let ours = |name: &str| {
        ["Text", "Bytes", "Buffer"].contains(&name)
            || ["In_", "Out_", "OutStruct_"].iter().any(|prefix| name.starts_with(prefix))
    };
    let mut pointers = Vec::new();
    let mut kept: Vec<&str> = Vec::new();
    for line in header.lines() {
        let typedef = line.strip_prefix("typedef ").and_then(|rest| rest.strip_suffix(';'));
        let (kind, name) = typedef.and_then(|rest| rest.rsplit_once('*')).unwrap_or(("", ""));
        if !ours(name) {
            kept.push(line);
            continue;
        }
        pointers.push((format!("{name} "), format!("{}*", kind.replace("struct ovo_", "ovo_"))));
        while kept.last().is_some_and(|line| line.starts_with("//")) {
            kept.pop();
        }
        while kept.last().is_some_and(|line| line.is_empty()) {
            kept.pop();
        }
    }
    // Longer names first: `Out_i32` is no `Out_i3` with a `2` behind it.
    pointers.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let kept: Vec<String> = kept
        .into_iter()
        .map(|line| match line.starts_with("typedef struct") {
            true => line.to_owned(),
            // Every struct has a typedef of its name.
            false => line.replace("struct ovo_", "ovo_"),
        })
        .collect();
    let mut text = kept.join("\n") + "\n";
    for (name, pointer) in &pointers {
        for before in ["(", " "] {
            text = text.replace(&format!("{before}{name}"), &format!("{before}{pointer}"));
        }
    }
    text
}

fn header() -> PathBuf {
    here().join("../include/ovo_ptp.h")
}

#[test]
fn the_header_is_what_the_sources_say() {
    let generated = generated();
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(header(), &generated).unwrap();
    }
    let committed = std::fs::read_to_string(header()).unwrap_or_default();
    assert!(committed == generated, "include/ovo_ptp.h is stale: run make header");
}

/// Compiles an empty program around the header, strictly. Included twice: that is what other headers
/// which need it do.
fn compiles(compiler: &str, language: &str, standard: &str, header: &str) {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("only.source");
    let include = format!("#include \"{header}\"\n");
    std::fs::write(&source, format!("{include}{include}int main(void) {{ return 0; }}\n")).unwrap();
    let output = std::process::Command::new(compiler)
        .args(["-x", language, &format!("-std={standard}"), "-fsyntax-only"])
        .args(["-Wall", "-Wextra", "-pedantic", "-Werror"])
        .arg("-I")
        .arg(here().join("../include"))
        .arg(&source)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} -std={standard}: {said}");
}

#[test]
fn the_header_compiles_cleanly_as_c_and_as_cpp() {
    for standard in ["c99", "c11", "c17"] {
        compiles("cc", "c", standard, "ovo_ptp.h");
    }
    for standard in ["c++11", "c++17", "c++20"] {
        compiles("c++", "c++", standard, "ovo_ptp.h");
    }
}

#[test]
fn every_item_of_the_header_is_documented() {
    let header = read("../include/ovo_ptp.h");
    let lines: Vec<&str> = header.lines().collect();
    let mut functions = 0;
    for (at, line) in lines.iter().enumerate() {
        let starts = ["int32_t ovo_", "const char *ovo_"].iter().any(|s| line.starts_with(s));
        if !starts {
            continue;
        }
        functions += 1;
        let mut comment: Vec<&str> = Vec::new();
        for line in lines[..at].iter().rev().take_while(|line| line.starts_with("//")) {
            comment.push(line);
        }
        let comment = comment.join("\n");
        let takes = !line.contains("(void)");
        for part in ["// Returns: ", "// Memory: "] {
            assert!(comment.contains(part), "{line} lacks {part:?}");
        }
        assert_eq!(comment.contains("// Parameters:"), takes, "{line}");
        let mut end = at;
        while !lines[end].contains(';') {
            end += 1;
        }
        let declaration = lines[at..=end].join(" ");
        let inside = declaration.split_once('(').unwrap().1.rsplit_once(')').unwrap().0;
        for parameter in inside.split(',').filter(|parameter| *parameter != "void") {
            let name = parameter.rsplit([' ', '*']).next().unwrap();
            assert!(comment.contains(&format!("`{name}`")), "{line}: {name} is not described");
        }
    }
    assert!(functions > 60, "only {functions} functions were found");
}
