//! The image of the Dockerfile: what it says, and what it would run, run here.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod till;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use till::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ovo-sandbox");

/// The instructions of the Dockerfile with what follows them.
fn instructions() -> Vec<(String, String)> {
    let text = include_str!("../Dockerfile");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parts = lines.map(|line| line.split_once(' ').unwrap());
    parts.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
}

fn one(name: &str) -> String {
    let mut found: Vec<String> = instructions()
        .into_iter()
        .filter(|(instruction, _)| instruction == name)
        .map(|(_, rest)| rest)
        .collect();
    assert_eq!(found.len(), 1, "{name}");
    found.remove(0)
}

fn get(address: &str, path: &str) -> Answer {
    let mut wire = TcpStream::connect(address).unwrap();
    write!(wire, "GET {path} HTTP/1.1\r\nHost: ovo:7080\r\nConnection: close\r\n\r\n").unwrap();
    read_answer(&mut wire).unwrap()
}

#[test]
fn the_image_only_copies_the_built_program() {
    let known = ["FROM", "COPY", "USER", "EXPOSE", "ENTRYPOINT"];
    assert!(instructions().iter().all(|(name, _)| known.contains(&name.as_str())));
    let copied = one("COPY");
    let (from, to) = copied.split_once(' ').unwrap();
    let name = Path::new(PROGRAM).file_name().unwrap();
    assert_eq!(Path::new(from).file_name(), Some(name), "built under this name");
    assert_eq!(Path::new(from).parent(), Some(Path::new("target/release")));
    let command: Vec<String> = serde_json::from_str(&one("ENTRYPOINT")).unwrap();
    assert_eq!(command[0], to);
    assert_eq!(one("FROM"), "debian:stable-slim", "which has no more than the libraries below");
    assert_ne!(one("USER"), "root");
    let exposed = one("EXPOSE");
    for port in exposed.split(' ') {
        assert!(command.iter().any(|argument| argument == port), "{port}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_program_needs_what_the_image_has() {
    let Ok(output) = Command::new("ldd").arg(PROGRAM).output() else {
        eprintln!("SKIPPED: ldd is not installed");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        let name = line.split_whitespace().next().unwrap().rsplit('/').next().unwrap();
        let known = ["linux-vdso.so", "libc.so", "libm.so", "libgcc_s.so", "ld-linux"];
        assert!(known.iter().any(|known| name.starts_with(known)), "{line}");
    }
}

#[test]
fn what_the_image_runs_serves_tills_and_asks_others_for_the_key() {
    let command: Vec<String> = serde_json::from_str(&one("ENTRYPOINT")).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(&command[1..])
        // What stands later counts: the ports of the image may be taken on this machine.
        .args(["--port", "0", "--control-port", "0", "--name", "ovo", "--key", "shop"])
        // As in the container: nothing of this machine's environment or folder.
        .env_clear()
        .current_dir("/")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let address = |name: &str| {
        let url = first[name].as_str().unwrap();
        url.split("//").nth(1).unwrap().split('/').next().unwrap().to_owned()
    };
    let control = address("control_url");
    assert_eq!(get(&control, "/health").status, 403);
    assert_eq!(get(&control, "/health?key=shop").status, 200);
    assert!(first["page_url"].as_str().unwrap().ends_with("/?key=shop"));
    let page = get(&control, "/?key=shop");
    assert!(page.head.contains("Set-Cookie: ovo-sandbox-key=shop; HttpOnly; SameSite=Strict"));
    let authority = get(&control, "/ca.pem?key=shop");
    assert_eq!(authority.body, std::fs::read(first["ca_file"].as_str().unwrap()).unwrap());
    // A till in another container calls it by its name, and trusts the certificate.
    let config = trusting_pem(&authority.body);
    let mut wire = tls_to(&config, &address("base_url"), "ovo").unwrap();
    wire.write_all(&push(1, "081234567890")).unwrap();
    assert_eq!(read_answer(&mut wire).unwrap().code(), "00");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    for line in lines {
        rest.push_str(&line.unwrap());
    }
    assert!(rest.contains("push_to_pay") && !rest.contains("081234567890"), "{rest}");
    let _ = Read::read(&mut wire, &mut [0]);
}
