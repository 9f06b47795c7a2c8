//! Credentials from the program, the environment and files; and what is refused without being
//! repeated.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use ovo_ptp::{AppKey, Credentials, ENVIRONMENT_VARIABLES, Error, ErrorKind, Terminal};

const KEY: &str = "feedfacecafebeef0123456789abcdeffeedfacecafebeef0123456789abcdef";

/// The six values in the order of `ENVIRONMENT_VARIABLES`, with their names in a file.
const VALUES: [(&str, &str); 6] = [
    ("merchant_id", "100001"),
    ("store_code", "DEMO01"),
    ("tid", "00000001"),
    ("mid", "000000000000001"),
    ("app_id", "demo-app"),
    ("app_key", KEY),
];

/// A directory of its own for one test, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ovo-ptp-credentials-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    /// A file that only its owner can read.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        path
    }

    fn read(&self, name: &str, content: impl AsRef<[u8]>) -> Result<Credentials, Error> {
        Credentials::from_file(self.file(name, content))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

/// A file with one value changed, left out (`None`) or as it stands.
fn toml(key: &str, value: Option<&str>) -> String {
    changed(key, value).iter().map(|(key, value)| format!("{key} = {value:?}\n")).collect()
}

fn json(key: &str, value: Option<&str>) -> String {
    let members: Vec<String> =
        changed(key, value).iter().map(|(key, value)| format!("{key:?}: {value:?}")).collect();
    format!("{{{}}}", members.join(", "))
}

fn changed(key: &str, value: Option<&str>) -> Vec<(String, String)> {
    VALUES
        .iter()
        .filter_map(|(name, good)| {
            let value = if *name == key { value? } else { good };
            Some(((*name).to_owned(), value.to_owned()))
        })
        .collect()
}

fn good_toml() -> String {
    toml("", None)
}

fn good_json() -> String {
    json("", None)
}

fn assert_complete(credentials: &Credentials) {
    assert_eq!(credentials.merchant_id(), "100001");
    assert_eq!(credentials.terminal().store_code(), "DEMO01");
    assert_eq!(credentials.terminal().tid(), "00000001");
    assert_eq!(credentials.terminal().mid(), "000000000000001");
    assert_eq!(credentials.app_id(), "demo-app");
    // The key does not come out; that it got in shows in what it signs.
    let signs = |key: &AppKey| {
        let mode = ovo_ptp::message::SigningMode::WithoutBody;
        ovo_ptp::message::Signer::new("demo-app", key, mode)
            .sign_text(b"", "1".to_owned())
            .hmac
            .clone()
    };
    assert_eq!(signs(credentials.app_key()), signs(&AppKey::new(KEY).unwrap()));
}

/// Refused, in one line that has the wanted words and none of the six values.
fn assert_refused(result: Result<Credentials, Error>, kind: ErrorKind, words: &str) {
    let error = match result {
        Ok(_) => panic!("must be refused: {words}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), kind, "{error}");
    let shown = format!("{error}\n{error:?}\n{error:#?}");
    assert!(shown.contains(words), "{shown:?} must say {words:?}");
    assert!(!error.to_string().contains('\n'), "{error:?}");
    for secret in ["feedface", "cafebeef", "abcdef", "000000000000001", "demo-app", "PLANTED"] {
        assert!(!shown.contains(secret), "{shown:?} repeats {secret:?}");
    }
}

#[test]
fn a_toml_file_and_a_json_file_give_the_same_credentials() {
    let directory = Directory::new();
    assert_complete(&directory.read("ovo.toml", good_toml()).unwrap());
    assert_complete(&directory.read("ovo.json", good_json()).unwrap());
    let commented = format!("# issued in January\n\n{}\n# end\n", good_toml().replace('=', "  ="));
    assert_complete(&directory.read("commented.toml", commented).unwrap());
    let spaced = format!("\n  {}\n\n", good_json().replace(", ", ",\r\n\t"));
    assert_complete(&directory.read("spaced.json", spaced).unwrap());
}

#[test]
fn a_missing_key_is_refused() {
    let directory = Directory::new();
    for (key, _) in VALUES {
        let without = (toml(key, None), json(key, None));
        let words = "must hold exactly";
        assert_refused(directory.read("ovo.toml", without.0), ErrorKind::Configuration, words);
        assert_refused(directory.read("ovo.json", without.1), ErrorKind::Configuration, words);
    }
    for (name, content) in
        [("ovo.toml", ""), ("ovo.json", "{}"), ("ovo.json", ""), ("ovo.json", "null")]
    {
        let read = directory.read(name, content);
        assert_refused(read, ErrorKind::Configuration, "must hold exactly");
    }
}

#[test]
fn an_unknown_key_is_refused() {
    let directory = Directory::new();
    let toml = format!("{}PLANTED = \"x\"\n", good_toml());
    let table = format!("{}[PLANTED]\nx = 1\n", good_toml());
    let json = good_json().replacen('{', "{\"PLANTED\": 1, ", 1);
    // The likeliest mistake: a name in another style.
    let renamed = good_json().replace("app_key", "appKey");
    for (name, content) in
        [("a.toml", toml), ("b.toml", table), ("c.json", json), ("d.json", renamed)]
    {
        let read = directory.read(name, content);
        assert_refused(read, ErrorKind::Configuration, "must hold exactly");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let directory = Directory::new();
    let toml = format!("{}tid = \"00000002\"\n", good_toml());
    let json = good_json().replacen('{', "{\"tid\": \"00000002\", ", 1);
    assert_refused(directory.read("a.toml", toml), ErrorKind::Configuration, "must hold exactly");
    assert_refused(directory.read("b.json", json), ErrorKind::Configuration, "must hold exactly");
}

/// Numbers would lose the zeros that a tid begins with.
#[test]
fn a_value_that_is_not_text_is_refused() {
    let directory = Directory::new();
    for (key, good) in VALUES.into_iter().filter(|(key, _)| !matches!(*key, "app_id" | "app_key")) {
        for value in ["1", "1.5", "true", "[\"1\"]", "{}"] {
            let (from, to) = (format!("{key} = {good:?}"), format!("{key} = {value}"));
            let toml = good_toml().replace(&from, &to);
            let (from, to) = (format!("{key:?}: {good:?}"), format!("{key:?}: {value}"));
            let json = good_json().replace(&from, &to);
            assert_ne!((&toml, &json), (&good_toml(), &good_json()));
            let words = "must hold exactly";
            assert_refused(directory.read("a.toml", toml), ErrorKind::Configuration, words);
            assert_refused(directory.read("b.json", json), ErrorKind::Configuration, words);
        }
    }
}

#[test]
fn values_by_position_are_refused() {
    let directory = Directory::new();
    // In the order of the library's own structure, which no file may depend on.
    let list: Vec<String> = VALUES.iter().map(|(_, value)| format!("{value:?}")).collect();
    let content = format!("[{}]", list.join(", "));
    let read = directory.read("a.json", content);
    assert_refused(read, ErrorKind::Configuration, "must hold exactly");
    let wrapped = format!("[{}]", good_json());
    let read = directory.read("b.json", wrapped);
    assert_refused(read, ErrorKind::Configuration, "must hold exactly");
}

/// Parsers quote the line at fault; that line may hold the key.
#[test]
fn b7_a_syntax_error_in_the_line_of_the_key_does_not_print_the_key() {
    let directory = Directory::new();
    for (name, content) in [
        ("a.toml", good_toml().replace(&format!("{KEY:?}"), KEY)),
        ("b.toml", good_toml().replace(&format!("{KEY:?}"), &format!("\"{KEY}"))),
        ("c.toml", format!("{}{KEY}\n", good_toml())),
        ("d.toml", good_json()),
        ("e.json", good_json().replace(&format!("{KEY:?}"), KEY)),
        ("f.json", good_json().replace(&format!("{KEY:?}"), &format!("\"{KEY}"))),
        ("g.json", format!("{}{KEY}", good_json())),
        ("h.json", good_toml()),
        ("i.json", format!("\u{feff}{}", good_json())),
        ("j.json", good_json().replace(", ", ",, ")),
    ] {
        let read = directory.read(name, content);
        assert_refused(read, ErrorKind::Configuration, "must hold exactly");
    }
}

#[test]
fn b10_a_key_with_a_trailing_newline_or_of_the_wrong_length_is_refused() {
    let directory = Directory::new();
    let wrong = [
        format!("{KEY}\n"),
        format!("{KEY}\r\n"),
        format!("{KEY} "),
        format!(" {KEY}"),
        KEY[..63].to_owned(),
        format!("{KEY}0"),
        format!("{}g", &KEY[..63]),
        String::new(),
    ];
    for key in wrong {
        for (name, content) in
            [("a.toml", toml("app_key", Some(&key))), ("b.json", json("app_key", Some(&key)))]
        {
            assert_refused(directory.read(name, content), ErrorKind::InvalidInput, "app key");
        }
    }
}

#[test]
fn b1_a_value_in_a_file_obeys_the_rules_of_its_field() {
    let directory = Directory::new();
    let fields = [
        ("merchant_id", "merchant id"),
        ("store_code", "store code"),
        ("tid", "tid"),
        ("mid", "mid"),
        ("app_id", "app id"),
    ];
    for (key, words) in fields {
        for bad in ["", "PLANTED\r\nX-Evil: 1", "PLANTED 1", "PLANTED\"", "PLANTED\u{e9}"] {
            let json = serde_json::json!({ "value": bad })["value"].to_string();
            let content = json_with(key, &json);
            assert_refused(directory.read("b.json", content), ErrorKind::InvalidInput, words);
        }
        let nul = json_with(key, "\"PLANTED\\u0000\"");
        assert_refused(directory.read("c.json", nul), ErrorKind::InvalidInput, words);
        let toml = toml(key, Some("PLANTED\r\nX-Evil: 1"));
        assert_refused(directory.read("a.toml", toml), ErrorKind::InvalidInput, words);
    }
}

/// A JSON file with one value given as JSON.
fn json_with(key: &str, value: &str) -> String {
    json(key, Some("REPLACED")).replace("\"REPLACED\"", value)
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_or_write_is_refused_and_a_group_may_read() {
    let directory = Directory::new();
    for (name, content) in [("ovo.toml", good_toml()), ("ovo.json", good_json())] {
        let path = directory.file(name, content);
        for mode in [0o644, 0o604, 0o602, 0o606, 0o666, 0o777, 0o664, 0o646] {
            set_mode(&path, mode);
            let read = Credentials::from_file(&path);
            assert_refused(read, ErrorKind::Configuration, "run chmod 600");
        }
        for mode in [0o600, 0o400, 0o640, 0o660, 0o700, 0o601] {
            set_mode(&path, mode);
            assert_complete(&Credentials::from_file(&path).unwrap());
        }
    }
}

/// The file that is checked is the file that is read, also behind a symbolic link.
#[cfg(unix)]
#[test]
fn a_public_file_behind_a_symbolic_link_is_refused() {
    let directory = Directory::new();
    let private = directory.file("private.toml", good_toml());
    let public = directory.file("public.toml", good_toml());
    set_mode(&public, 0o644);
    let link = |target: &Path, name: &str| {
        let link = directory.0.join(name);
        std::os::unix::fs::symlink(target, &link).unwrap();
        link
    };
    assert_complete(&Credentials::from_file(link(&private, "a.toml")).unwrap());
    let read = Credentials::from_file(link(&public, "b.toml"));
    assert_refused(read, ErrorKind::Configuration, "run chmod 600");
    let dangling = Credentials::from_file(link(&directory.0.join("none.toml"), "c.toml"));
    assert_refused(dangling, ErrorKind::Configuration, "cannot be opened");
}

#[test]
fn only_the_endings_toml_and_json_are_read() {
    let directory = Directory::new();
    for name in ["ovo", "ovo.txt", "ovo.TOML", "ovo.json.bak", ".toml", "toml", "ovo.yaml"] {
        let read = directory.read(name, good_toml());
        assert_refused(read, ErrorKind::Configuration, "must end in .toml or .json");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let directory = Directory::new();
    let path = directory.0.join("nowhere.toml");
    assert_refused(Credentials::from_file(&path), ErrorKind::Configuration, "nowhere.toml");
}

#[test]
fn a_directory_is_refused() {
    let directory = Directory::new();
    let path = directory.0.join("ovo.toml");
    fs::create_dir(&path).unwrap();
    set_mode(&path, 0o700);
    assert_refused(Credentials::from_file(&path), ErrorKind::Configuration, "ovo.toml");
}

#[test]
fn a_file_that_is_not_utf_8_is_refused() {
    let directory = Directory::new();
    let mut latin = good_toml().into_bytes();
    latin.extend_from_slice(b"# PLANTED caf\xe9\n");
    let mut wide: Vec<u8> = vec![0xff, 0xfe];
    wide.extend(good_json().encode_utf16().flat_map(u16::to_le_bytes));
    for (name, content) in [("a.toml", latin), ("b.json", wide), ("c.toml", vec![0xff; 100])] {
        let read = directory.read(name, content);
        assert_refused(read, ErrorKind::Configuration, "cannot be read as text");
    }
}

#[test]
fn a_huge_file_is_refused_whatever_its_first_64_kib_say() {
    let directory = Directory::new();
    const LIMIT: usize = 64 * 1024;
    let filled = |content: String, filler: &str, length: usize| {
        let missing = length - content.len();
        content + &filler.repeat(missing / filler.len() + 1)[..missing]
    };
    // Up to the limit the file is read whole.
    let full = filled(good_toml(), "# comment\n", LIMIT);
    assert_complete(&directory.read("full.toml", full).unwrap());
    assert_complete(&directory.read("full.json", filled(good_json(), " ", LIMIT)).unwrap());
    // Beyond it, what was not read could say anything, for example another tid.
    for (name, content) in [
        ("a.toml", filled(good_toml(), "# comment\n", LIMIT + 1)),
        ("b.toml", filled(good_toml(), "# comment\n", LIMIT) + "\nPLANTED = 1\n"),
        ("c.json", filled(good_json(), " ", LIMIT + 1)),
        ("d.json", filled(good_json(), " ", LIMIT) + "PLANTED"),
        ("e.toml", "x".repeat(8 << 20)),
        ("f.json", "[".repeat(8 << 20)),
    ] {
        let read = directory.read(name, content);
        assert_refused(read, ErrorKind::Configuration, "longer than 64 KiB");
    }
}

#[test]
fn b11_a_deep_file_is_refused_without_a_crash() {
    let directory = Directory::new();
    for (name, content) in [
        ("a.json", "[".repeat(60_000)),
        ("b.json", "{\"tid\":".repeat(9_000)),
        ("c.json", json_with("tid", &format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)))),
        ("d.toml", format!("{}x = {}", good_toml(), "[".repeat(60_000))),
        ("e.toml", format!("{}x = {}", good_toml(), "{a=".repeat(20_000))),
        ("f.toml", format!("{}[{}a]\n", good_toml(), "a.".repeat(30_000))),
    ] {
        let read = directory.read(name, content);
        assert_refused(read, ErrorKind::Configuration, "must hold exactly");
    }
}

#[test]
fn b7_debug_shows_no_key_however_the_credentials_were_read() {
    let directory = Directory::new();
    let credentials = directory.read("ovo.toml", good_toml()).unwrap();
    let copy = credentials.clone();
    drop(credentials);
    for shown in [format!("{copy:?}"), format!("{copy:#?}"), format!("{:?}", copy.app_key())] {
        assert!(!shown.contains("feedface") && !shown.contains("abcdef"), "{shown}");
    }
    assert_complete(&copy);
}

#[test]
fn credentials_from_values_obey_the_same_rules() {
    let terminal = || Terminal::new("00000001", "000000000000001", "DEMO01").unwrap();
    let key = || AppKey::new(KEY).unwrap();
    assert_complete(&Credentials::new("100001", terminal(), "demo-app", key()).unwrap());
    let wrong = Credentials::new("PLANTED", terminal(), "demo-app", key());
    assert_refused(wrong, ErrorKind::InvalidInput, "merchant id");
    let wrong = Credentials::new("100001", terminal(), "PLANTED\r\n", key());
    assert_refused(wrong, ErrorKind::InvalidInput, "app id");
}

// --- The environment -----------------------------------------------------------------------------

const CHILD: &str = "environment_in_a_child_process";

/// Runs in a child whose environment the parent chose, and says what it read.
#[test]
#[ignore = "run by the tests about the environment"]
fn environment_in_a_child_process() {
    match Credentials::from_environment() {
        Ok(credentials) => {
            assert_complete(&credentials);
            println!("= complete {credentials:?}");
        }
        Err(error) => println!("= {error:?} | {error}"),
    }
}

/// What a child says that has the six variables, one of them changed or left out.
fn child_with(changed: &str, value: Option<&std::ffi::OsStr>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", CHILD, "--ignored", "--nocapture", "--test-threads=1"]);
    for (name, (_, good)) in ENVIRONMENT_VARIABLES.into_iter().zip(VALUES) {
        child.env(name, good);
    }
    match value {
        Some(value) => child.env(changed, value),
        None => child.env_remove(changed),
    };
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find_map(|line| Some(line.split_once("= ")?.1.to_owned()));
    let line = line.unwrap_or_else(|| panic!("the child said nothing: {said}"));
    for secret in ["feedface", "cafebeef", "PLANTED"] {
        let all = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(!all.contains(secret), "{changed}: {all}");
    }
    line
}

#[test]
fn the_environment_gives_the_same_credentials() {
    assert!(child_with("UNRELATED", Some("x".as_ref())).starts_with("complete "));
}

#[test]
fn a_missing_variable_is_named() {
    for name in ENVIRONMENT_VARIABLES {
        let said = child_with(name, None);
        assert!(said.starts_with("Configuration: ") && said.contains(name), "{said}");
    }
}

#[test]
fn b1_b10_a_variable_obeys_the_rules_of_its_field() {
    let fields = ["merchant id", "store code", "tid", "mid", "app id", "app key"];
    for (name, field) in ENVIRONMENT_VARIABLES.into_iter().zip(fields) {
        for bad in ["", "PLANTED\r\nX-Evil: 1", " PLANTED"] {
            let said = child_with(name, Some(bad.as_ref()));
            assert!(said.starts_with(&format!("InvalidInput: {field}: ")), "{name}: {said}");
        }
    }
    // What `export OVO_APP_KEY="$(cat key; echo)x"` and its kind leave behind.
    for bad in [format!("{KEY}\n"), format!("{KEY}\r"), format!("\"{KEY}\"")] {
        let said = child_with("OVO_APP_KEY", Some(bad.as_ref()));
        assert!(said.starts_with("InvalidInput: app key: "), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    for name in ENVIRONMENT_VARIABLES {
        let said = child_with(name, Some(std::ffi::OsStr::from_bytes(b"PLANTED\xff")));
        assert!(said.starts_with("Configuration: ") && said.contains(name), "{said}");
    }
}
