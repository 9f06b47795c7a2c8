//! The C library with the feature `postgres`, whose build no other test has: a password that expires.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ovo_postgres::{APPLICATION, PASSWORD, Server, Street};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
};

fn runs(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}

/// The program, and where the library is that it loads. In a directory of its own: with other features the
/// library has the same name.
fn program() -> (PathBuf, PathBuf) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = workspace.join("target/ffi-postgres");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    runs(
        Command::new(cargo)
            .args(["build", "--quiet", "--profile", "demo", "--package", "ovo-ptp-ffi"])
            .args(["--features", "postgres"])
            .arg("--target-dir")
            .arg(&target)
            .current_dir(&workspace),
    );
    let library = target.join("demo");
    let version: Vec<&str> = env!("CARGO_PKG_VERSION").split('.').collect();
    let name = library.join(format!("libovo_ptp.so.{}.{}", version[0], version[1]));
    let _ = std::fs::remove_file(&name);
    std::os::unix::fs::symlink("libovo_ptp.so", &name).expect("own directory");
    let program = library.join("journal_password");
    runs(
        Command::new("cc")
            .args(["-std=c99", "-g", "-O1", "-pthread", "-Wall", "-Wextra", "-pedantic", "-Werror"])
            .arg("-I")
            .arg(workspace.join("include"))
            .arg(workspace.join("tests/c/journal_password.c"))
            .arg("-L")
            .arg(&library)
            .args(["-lovo_ptp", "-o"])
            .arg(&program),
    );
    (program, library)
}

#[test]
fn a_c_program_is_asked_for_a_password_that_expires() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::at(1.0);
    let (program, library) = program();
    let folder = tempfile::tempdir().expect("a directory");
    let token = folder.path().join("token");
    let rolls = |password: &str| {
        server.sql(&format!("ALTER ROLE {APPLICATION} PASSWORD '{password}'"));
        server.sql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{APPLICATION}'"
        ));
    };
    std::fs::write(&token, format!("{PASSWORD}\n")).expect("own file");
    let mut till = street
        .shop(&server.dsn(APPLICATION))
        .command(&program)
        .env("LD_LIBRARY_PATH", &library)
        .env("SANDBOX_URL", street.ovo.base_url())
        .env("SANDBOX_CA", street.ovo.ca_pem_path())
        .env("SANDBOX_TIME_SCALE", "1")
        .envs([
            ("OVO_MERCHANT_ID", DEMO_MERCHANT_ID),
            ("OVO_STORE_CODE", DEMO_STORE_CODE),
            ("OVO_TID", DEMO_TID),
            ("OVO_MID", DEMO_MID),
            ("OVO_APP_ID", DEMO_APP_ID),
            ("OVO_APP_KEY", DEMO_APP_KEY),
        ])
        .arg(server.dsn(APPLICATION).replace(&format!(":{PASSWORD}@"), "@"))
        .arg(&token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut wishes = till.stdin.take().expect("it is piped");
    let mut lines = BufReader::new(till.stdout.take().expect("it is piped")).lines();
    let mut says = || lines.next().expect("it says something").expect("it can be read");
    let unterminated = says();
    assert!(
        unterminated.starts_with("OVO_ERR_JOURNAL: ")
            && unterminated.contains("password callback has none: its text has no terminating NUL"),
        "{unterminated}"
    );
    assert_eq!(says(), "open, inside: OVO_ERR_REENTRANT");
    let mut pays = |invoice: &str| {
        writeln!(wishes, "{invoice}").expect("it listens");
        says()
    };
    // On a busy machine the server may not answer in time: then nothing was started.
    let pays_in_the_end = |invoice: &str, pays: &mut dyn FnMut(&str) -> String| {
        let told = (0..20).map(|_| pays(invoice)).find(|told| !told.contains("OVO_ERR_JOURNAL"));
        told.expect("the server answers")
    };
    assert_eq!(pays_in_the_end("FIRST", &mut pays), "FIRST: paid");
    rolls("hunter2-of-the-next-hour");
    let old = pays("OLD");
    assert!(
        old.contains("OVO_ERR_JOURNAL: ") && old.contains("password authentication failed"),
        "{old}"
    );
    std::fs::remove_file(&token).expect("own file");
    let none = pays("NONE");
    assert!(none.contains("password callback has none: its function returned 7"), "{none}");
    assert!(!format!("{old} {none}").contains("hunter2"), "{old} {none}");
    std::fs::write(&token, "hunter2-of-the-next-hour").expect("own file");
    assert_eq!(pays_in_the_end("SECOND", &mut pays), "SECOND: paid");
    drop(wishes);
    assert_eq!(says(), "closed");
    assert!(till.wait().expect("it ends").success());
    let pushed = ["FIRST", "OLD", "NONE", "SECOND"].map(|invoice| street.pushes(invoice));
    assert_eq!(pushed, [1, 0, 0, 1]);
}
