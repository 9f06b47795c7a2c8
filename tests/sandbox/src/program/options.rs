//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::config::{Expiry, HostConfig};
use crate::customer::Customer;
use crate::server::{SandboxConfig, Security};
use crate::signature::Signing;

/// What `--help` prints before the phone table.
pub(crate) const HELP: &str = "\
ovo-sandbox: a host that behaves as OVO Push To Pay does, on the loopback interface

  --open                 open its page in a browser: be the customer, break things, see the books
  --https                HTTPS (default); the authority's certificate is written to a file
  --http                 plain HTTP; with --https, both
  --port N               the merchants' port (default: any free one)
  --control-port N       the page's and the control endpoints' port (default: any free one)
  --listen ADDRESS       listen at this address of the machine instead of loopback, so that a real
                         phone can open the page; page and control endpoints then ask for a key
  --name NAME            one more name or address by which it is called (several times)
  --key KEY              the key of page and control endpoints (default, beyond loopback: random)
  --ca-file PATH         where the authority's certificate is written, PEM
  --client-certificate   merchants must show a certificate; one is written, with its key, beside the
                         authority's (.client.pem)
  --time-scale X         real time over the host's: with 0.02, 55 s take 1.1 s (default 1)
  --sign MODE            without-body, with-body or either (default: either)
  --expiry MODE          an ignored prompt ends in: empty-404 or silence (default: empty-404)
  --tombstones           a reversal bars a payment that is not paid yet
  --approve-after MS     how long customers outside the table take (default 0)
  --host-config FILE     JSON with fields of the engine's configuration
  --seed FILE            JSON array of customers: phone, cash, points, name, behaviour
  --phones               print the table of phone numbers and end
  --json                 the first line is JSON on a terminal, too
  --quiet                print only where it is, no requests
  --help                 print this and end

On a terminal it says in words where it is; else (and with --json) the first line is JSON: urls,
certificate file, demo credentials. Ctrl-C and SIGTERM end it. Phone numbers with a behaviour:
";

/// What the command line asks for.
pub(crate) enum Command {
    Help,
    Phones,
    Serve(Box<Options>),
}

/// A server to be started.
pub(crate) struct Options {
    pub(crate) config: SandboxConfig,
    pub(crate) customers: Vec<Customer>,
    pub(crate) quiet: bool,
    pub(crate) json: bool,
    pub(crate) open: bool,
}

pub(crate) fn read(mut parser: lexopt::Parser) -> Result<Command, Box<dyn std::error::Error>> {
    let (mut http, mut https) = (false, false);
    let mut options = Options {
        config: SandboxConfig::https(),
        customers: Vec::new(),
        quiet: false,
        json: false,
        open: false,
    };
    while let Some(argument) = parser.next()? {
        let config = &mut options.config;
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("phones") => return Ok(Command::Phones),
            Long("http") => http = true,
            Long("https") => https = true,
            Long("port") => config.port = parser.value()?.parse()?,
            Long("open") => options.open = true,
            Long("json") => options.json = true,
            Long("listen") => {
                let text = parser.value()?.string()?;
                let wrong = || format!("--listen takes an address of this machine, not {text:?}");
                config.listen = text.parse().map_err(|_| wrong())?;
            }
            Long("name") => config.names.push(parser.value()?.string()?),
            Long("key") => {
                let key = parser.value()?.string()?;
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                if key.is_empty() || !key.bytes().all(plain) {
                    return Err("--key takes letters, digits, - and _".into());
                }
                config.key = Some(key);
            }
            Long("control-port") => config.control_port = parser.value()?.parse()?,
            Long("ca-file") => config.ca_file = Some(PathBuf::from(parser.value()?)),
            Long("client-certificate") => config.client_certificate = true,
            Long("time-scale") => {
                let scale: f64 = parser.value()?.parse()?;
                if !(scale.is_finite() && scale > 0.0) {
                    return Err("--time-scale must be greater than 0".into());
                }
                config.time_scale = scale;
            }
            Long("sign") => {
                config.host.signing = match parser.value()?.string()?.as_str() {
                    "without-body" => Signing::WithoutBody,
                    "with-body" => Signing::WithBody,
                    "either" => Signing::Either,
                    _ => return Err("--sign takes without-body, with-body or either".into()),
                }
            }
            Long("expiry") => {
                config.host.expiry = match parser.value()?.string()?.as_str() {
                    "empty-404" => Expiry::Empty404,
                    "silence" => Expiry::Silence,
                    _ => return Err("--expiry takes empty-404 or silence".into()),
                }
            }
            Long("tombstones") => config.host.tombstones = true,
            Long("approve-after") => config.host.approve_after_ms = parser.value()?.parse()?,
            Long("host-config") => {
                let text = std::fs::read(PathBuf::from(parser.value()?))?;
                config.host = HostConfig::patched(&config.host, serde_json::from_slice(&text)?)?;
            }
            Long("seed") => {
                let text = std::fs::read(PathBuf::from(parser.value()?))?;
                options.customers = serde_json::from_slice(&text)?;
            }
            Long("quiet") | Short('q') => options.quiet = true,
            other => return Err(other.unexpected().into()),
        }
    }
    options.config.security = match (http, https) {
        (true, true) => Security::Both,
        (true, false) => Security::Http,
        (false, _) => Security::Https,
    };
    Ok(Command::Serve(Box::new(options)))
}
