//! B7: what a process still has in its memory when its client is closed. Whoever gets a core file or a
//! swapped page of a till shall find neither the app key, nor the proxy's password, nor the customer's
//! phone as it was sent.
//!
//! A child of this test makes a payment and an inquiry, through a proxy, and then reads all of its own
//! memory: heap, stacks and freed places. The planted values are computed, never written down, so that
//! nothing but the library can have left them there.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod tls;

use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ovo_ptp::message::Operation;
use ovo_ptp::transport::{Proxy, Trust};
use ovo_ptp::{Credentials, Outcome};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID, HostConfig, Merchant, Step,
};
use tls::*;

const ADDRESS: &str = "OVO_MEMORY_ADDRESS";
const FOLDER: &str = "OVO_MEMORY_FOLDER";
const PROXY: &str = "OVO_MEMORY_PROXY";
const SCALE: f64 = 0.03;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Planted {
    AppKey,
    Password,
    Phone,
    OtherPhone,
}

impl Planted {
    const ALL: [Planted; 4] =
        [Planted::AppKey, Planted::Password, Planted::Phone, Planted::OtherPhone];

    fn length(self) -> usize {
        match self {
            Planted::AppKey => 64,
            Planted::Password => 24,
            Planted::Phone | Planted::OtherPhone => 12,
        }
    }

    /// One character of it: the search must not hold what it looks for.
    #[inline(never)]
    fn at(self, place: usize) -> u8 {
        let seed = (self as usize as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ place as u64).wrapping_mul(0xd134_2543_de82_ef95) >> 40;
        match self {
            Planted::AppKey => b"0123456789abcdef"[mixed as usize % 16],
            Planted::Password => b'a' + (mixed % 26) as u8,
            Planted::Phone | Planted::OtherPhone => match place {
                0 => b'0',
                1 => b'8',
                2 => b'1',
                _ => b'0' + (mixed % 10) as u8,
            },
        }
    }

    fn text(self) -> Wiped {
        Wiped((0..self.length()).map(|place| self.at(place)).collect())
    }

    /// How often `memory` holds it.
    fn count(self, memory: &[u8]) -> usize {
        let is_here =
            |part: &[u8]| part.iter().enumerate().all(|(place, byte)| *byte == self.at(place));
        memory.windows(self.length()).filter(|part| is_here(part)).count()
    }
}

/// The test's own copy of a value, which it wipes as a caller should.
struct Wiped(Vec<u8>);

impl Wiped {
    fn str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap()
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

/// A proxy that leads wherever it is asked, for whoever has the password.
fn proxy() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut till in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    till.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                assert!(head.contains("Proxy-Authorization: Basic "), "{head}");
                let there = head.split(' ').nth(1).unwrap();
                let mut host = TcpStream::connect(there).unwrap();
                till.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").unwrap();
                let (mut from, mut to) = (till.try_clone().unwrap(), host.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let _ = std::io::copy(&mut host, &mut till);
            });
        }
    });
    address
}

/// In the child: a payment and a question, and nothing of them is alive any more.
fn work(address: &str, proxy: &str, folder: &Path) {
    let credentials = Credentials::from_file(folder.join("ovo.toml")).unwrap();
    let url = {
        let password = Planted::Password.text();
        let mut url = Wiped(Vec::with_capacity(200));
        for part in ["http://till:", password.str(), "@", proxy] {
            url.0.extend_from_slice(part.as_bytes());
        }
        url
    };
    let way = Proxy::new(url.str()).unwrap();
    drop(url);
    let trust = Trust::PemFile(folder.join("ca.pem"));
    let configure = |builder: ovo_ptp::ClientBuilder| builder.proxy(way);
    let mut till = Till::with_credentials(credentials, address, trust, roomy(SCALE), configure);
    let (phone, other) = (Planted::Phone.text(), Planted::OtherPhone.text());
    assert!(matches!(till.pay("INV-1", phone.str()), Outcome::Paid(_)));
    assert!(till.client().inquire(&other.str().parse().unwrap()).is_ok());
    drop((phone, other));
    till.leave();
}

/// Everything that this process can write to, its stacks with it, one piece after the other.
fn found() -> Vec<(Planted, String)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut memory = std::fs::File::open("/proc/self/mem").unwrap();
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, mode) = (fields.next().unwrap(), fields.next().unwrap());
        let name = fields.nth(3).unwrap_or("anonymous");
        if !mode.starts_with("rw") || name == "[vvar]" {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut piece = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).unwrap();
        if memory.read_exact(&mut piece).is_err() {
            continue;
        }
        for planted in Planted::ALL {
            for _ in 0..planted.count(&piece) {
                found.push((planted, format!("{range} {name}")));
            }
        }
        piece.fill(0);
    }
    found
}

#[test]
fn b7_no_secret_stays_in_the_memory_of_a_closed_client() {
    if let Ok(address) = std::env::var(ADDRESS) {
        let folder = std::env::var(FOLDER).unwrap();
        work(&address, &std::env::var(PROXY).unwrap(), Path::new(&folder));
        let found = found();
        assert!(found.is_empty(), "still in memory: {found:#?}");
        // The search finds what is there.
        let planted = Planted::Phone.text();
        assert!(self::found().iter().any(|(what, _)| *what == Planted::Phone));
        drop(planted);
        return;
    }
    let app_key = Planted::AppKey.text().str().to_owned();
    let merchant = Merchant { app_key: app_key.clone(), ..Merchant::demo() };
    let ovo = ovo_with(SCALE, HostConfig { merchants: vec![merchant], ..HostConfig::default() });
    // What an answer repeats is the TLS library's to leave behind (SECURITY.md).
    let silent = |operation| {
        Step::on(operation).set("transactionRequestData.phone", serde_json::Value::Null)
    };
    ovo.script(vec![silent(Operation::PushToPay), silent(Operation::Inquiry)]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ovo.toml");
    let text = format!(
        "merchant_id = \"{DEMO_MERCHANT_ID}\"\nstore_code = \"{DEMO_STORE_CODE}\"\n\
         tid = \"{DEMO_TID}\"\nmid = \"{DEMO_MID}\"\napp_id = \"{DEMO_APP_ID}\"\n\
         app_key = \"{app_key}\"\n"
    );
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(folder.path().join("ca.pem"), ovo.ca_pem()).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "b7_no_secret_stays_in_the_memory_of_a_closed_client", "--nocapture"])
        .env(ADDRESS, ovo.base_url())
        .env(PROXY, proxy().to_string())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
