//! A till made of bare sockets: no code of the core, so that host and client are tested apart.
// Each test file is a crate of its own and uses its own part.
#![allow(dead_code, unreachable_pub)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ovo_ptp::message::Operation;
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID, Sandbox,
    date_text, sign,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

/// A client's end of a connection.
pub trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub fn code(&self) -> String {
        self.json()["responseCode"].as_str().expect("a response code").to_owned()
    }
}

pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A push's or its followers' body.
pub fn body(operation: Operation, number: u32, phone: &str, date: &str) -> Value {
    json!({
        "type": operation.request_type(), "processingCode": operation.processing_code(),
        "amount": 12500, "date": date, "referenceNumber": format!("{number:06}"),
        "tid": DEMO_TID, "mid": DEMO_MID, "merchantId": DEMO_MERCHANT_ID,
        "storeCode": DEMO_STORE_CODE, "appSource": "POS",
        "transactionRequestData": {
            "batchNo": "000001", "merchantInvoice": format!("INV-{number}"), "phone": phone
        }
    })
}

pub fn now_text() -> String {
    date_text(wall_ms())
}

/// The bytes of a signed request.
pub fn request(body: &Value, extra: &str) -> Vec<u8> {
    let text = body.to_string();
    let random = (wall_ms() / 1000).to_string();
    let hmac = sign(DEMO_APP_ID, DEMO_APP_KEY, &random, None);
    format!(
        "POST /pos HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         app-id: {DEMO_APP_ID}\r\nrandom: {random}\r\nhmac: {hmac}\r\n{extra}\
         Content-Length: {}\r\n\r\n{text}",
        text.len()
    )
    .into_bytes()
}

pub fn push(number: u32, phone: &str) -> Vec<u8> {
    request(&body(Operation::PushToPay, number, phone, &now_text()), "")
}

pub fn tcp(sandbox: &Sandbox) -> TcpStream {
    let stream = TcpStream::connect(sandbox.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// A client that trusts the sandbox's authority.
pub fn trusting(sandbox: &Sandbox) -> Arc<ClientConfig> {
    trusting_pem(&std::fs::read(sandbox.ca_pem_path()).unwrap())
}

pub fn trusting_pem(pem: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

pub fn tls(
    config: &Arc<ClientConfig>,
    sandbox: &Sandbox,
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    tls_to(config, &sandbox.address().to_string(), "localhost")
}

/// Calls an address by a name.
pub fn tls_to(
    config: &Arc<ClientConfig>,
    address: &str,
    name: &str,
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let wire = TcpStream::connect(address)?;
    wire.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut stream = StreamOwned::new(client, wire);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Reads until `done` or the end; an error after some bytes ends it too.
fn read_until(wire: &mut dyn Wire, done: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut all = Vec::new();
    let mut block = [0_u8; 4096];
    while !done(&all) {
        match wire.read(&mut block) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&block[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    all
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn announced(head: &str) -> usize {
    head.lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .map_or(0, |length| length.parse().unwrap())
}

/// Reads one answer with a length.
pub fn read_answer(wire: &mut dyn Wire) -> Option<Answer> {
    let bytes = read_until(wire, |bytes| {
        head_end(bytes).is_some_and(|end| {
            bytes.len() >= end + announced(&String::from_utf8_lossy(&bytes[..end]))
        })
    });
    let end = head_end(&bytes)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: bytes[end..].to_vec() })
}

/// Reads everything up to the end of the connection, and how it ended.
pub fn read_to_end(wire: &mut dyn Wire) -> (Vec<u8>, Option<ErrorKind>) {
    let mut all = Vec::new();
    let mut block = [0_u8; 64 * 1024];
    loop {
        match wire.read(&mut block) {
            Ok(0) => return (all, None),
            Ok(count) => all.extend_from_slice(&block[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (all, Some(error.kind())),
        }
    }
}

/// One request on a connection of its own.
pub fn exchange(sandbox: &Sandbox, request: &[u8]) -> Option<Answer> {
    let mut wire = tcp(sandbox);
    wire.write_all(request).unwrap();
    read_answer(&mut wire)
}

/// One call of a control endpoint.
pub fn control(url: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut wire = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    wire.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    wire.write_all(text.as_bytes()).unwrap();
    read_answer(&mut wire).expect("an answer of the control endpoint")
}
