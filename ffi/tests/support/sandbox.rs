//! OVO's side, as a program: started for one test, asked for its books, ended with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A sandbox of one's own: batches and references are counted by journals, and two fresh journals
/// of one terminal would meet in a sandbox that they share.
pub(crate) struct Sandbox {
    program: Child,
    about: Value,
    scale: f64,
}

impl Sandbox {
    /// `scale`: real time over OVO's; `arguments`: what else it shall be.
    pub(crate) fn start(scale: f64, arguments: &[&str]) -> Sandbox {
        let mut program = Command::new(super::sandbox_program())
            .args(["--https", "--http", "--quiet", "--time-scale", &scale.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let about = serde_json::from_str(&line).unwrap();
        Sandbox { program, about, scale }
    }

    fn about(&self, name: &str) -> &str {
        self.about[name].as_str().unwrap()
    }

    /// What the example programs read from their environment.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = vec![
            ("SANDBOX_URL".to_owned(), self.about("https_url").to_owned()),
            ("SANDBOX_HTTP_URL".to_owned(), self.about("http_url").to_owned()),
            ("SANDBOX_CA".to_owned(), self.about("ca_file").to_owned()),
            ("SANDBOX_TIME_SCALE".to_owned(), self.scale.to_string()),
        ];
        if let Some(file) = self.about["client_file"].as_str() {
            settings.push(("SANDBOX_CLIENT".to_owned(), file.to_owned()));
        }
        for (name, value) in self.about["demo"].as_object().unwrap() {
            let value = value.as_str().unwrap().to_owned();
            settings.push((format!("OVO_{}", name.to_uppercase()), value));
        }
        settings
    }

    /// One of the control endpoints.
    pub(crate) fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let address = self.about("control_url").trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// What an invoice's customer has lost, in rupiah.
    pub(crate) fn net(&self, invoice: &str) -> i64 {
        let ledger = self.control("GET", "/ledger", "");
        ledger["entries"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["invoice"] == invoice)
            .map(|entry| entry["net"].as_i64().unwrap())
            .sum()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        for file in ["ca_file", "client_file"] {
            let _ = std::fs::remove_file(self.about[file].as_str().unwrap_or(""));
        }
    }
}
