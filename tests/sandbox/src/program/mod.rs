//! The program `ovo-sandbox`, as a function: `ovo-ptp sandbox` of the Python package is the same.

mod browser;
mod options;

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use self::options::{Command, HELP};
use crate::config::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
};
use crate::record::RequestRecord;
use crate::server::Sandbox;

/// Runs the program with these arguments (without its own name) until SIGINT or SIGTERM. `false` if
/// it could not; why stands on standard error.
pub fn program(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let run = run(arguments.into_iter().collect());
    if let Err(error) = &run {
        eprintln!("ovo-sandbox: {error}");
    }
    run.is_ok()
}

fn run(arguments: Vec<OsString>) -> Result<(), Box<dyn std::error::Error>> {
    let options = match options::read(lexopt::Parser::from_args(arguments))? {
        Command::Help => {
            return say(&format!("{HELP}\n{}", crate::phones::table_text()));
        }
        Command::Phones => {
            return say(&crate::phones::table_text());
        }
        Command::Serve(options) => options,
    };
    // Each waiting session costs a descriptor, and the usual soft limit is 1,024. Failing to raise
    // it only lowers how many can wait.
    let _ = rlimit::increase_nofile_limit(65_536);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let mut config = options.config;
    if !options.quiet {
        config.on_answer = Some(Box::new(log));
    }
    let seed = options.customers;
    let sandbox = Sandbox::start(config).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            format!("{error}. Is another sandbox running? End it, or choose another port (--help)")
        }
        _ => error.to_string(),
    })?;
    sandbox.with_host(|host| seed.into_iter().for_each(|customer| host.put_customer(customer)));
    let in_words = std::io::stdout().is_terminal() && !options.json;
    if in_words {
        introduce(&sandbox)?;
    } else {
        announce(&sandbox)?;
    }
    if options.open {
        browser::show(sandbox.page_url());
    }
    signals.forever().next();
    if in_words {
        let payments = sandbox.with_host(|host| host.ledger().len() + host.forgotten().entries);
        // The terminal shows ^C at the start of this line.
        say(&format!("\nThe sandbox has ended; its {payments} payments are forgotten.\n"))?;
    }
    Ok(())
}

/// For a person: where it is and what to do there.
fn introduce(sandbox: &Sandbox) -> Result<(), Box<dyn std::error::Error>> {
    let scale = sandbox.time_scale();
    let speed = if scale == 1.0 {
        "as in life".to_owned()
    } else {
        format!("a second of OVO's takes {scale} s (--time-scale)")
    };
    say(&format!(
        "\
This is OVO Push To Pay for tests. Nothing here reaches OVO, and no money moves.

  Be the customer   {page}
  Tills call        {base}
  They trust        {authority}
{shown}  As merchant       app id {DEMO_APP_ID}, merchant {DEMO_MERCHANT_ID}, store {DEMO_STORE_CODE}, \
tid {DEMO_TID}, mid {DEMO_MID}
  With the key      {DEMO_APP_KEY} (public; worth nothing elsewhere)
  Time              {speed}

081200000200 asks you on the page; 081234567890 pays at once; --phones lists the others.
Requests follow as they come. Ctrl-C ends it.

",
        page = sandbox.page_url(),
        base = sandbox.base_url(),
        authority = sandbox.ca_pem_path().display(),
        shown = sandbox.client_pem_path().map_or(String::new(), |file| format!(
            "  They show         {}\n",
            file.display()
        )),
    ))
}

/// Text for a person, who may have seen enough: a closed pipe is no error.
fn say(text: &str) -> Result<(), Box<dyn std::error::Error>> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The first line: everything that a test needs, as JSON.
fn announce(sandbox: &Sandbox) -> std::io::Result<()> {
    let first = serde_json::json!({
        "base_url": sandbox.base_url(),
        "http_url": sandbox.http_url(),
        "https_url": sandbox.https_url(),
        "control_url": sandbox.control_url(),
        "page_url": sandbox.page_url(),
        "control_key": sandbox.control_key(),
        "ca_file": sandbox.ca_pem_path(),
        "client_file": sandbox.client_pem_path(),
        "pid": std::process::id(),
        // Demo credentials: public, the same in every copy, worth nothing elsewhere.
        "demo": {
            "app_id": DEMO_APP_ID,
            "app_key": DEMO_APP_KEY,
            "merchant_id": DEMO_MERCHANT_ID,
            "store_code": DEMO_STORE_CODE,
            "tid": DEMO_TID,
            "mid": DEMO_MID,
        },
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{first}")?;
    out.flush()
}

/// One line for each request: no key, no hmac, no whole phone number.
fn log(record: &RequestRecord) {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let answer = match (&record.code, record.status) {
        (Some(code), Some(status)) => format!("{code} (HTTP {status})"),
        (None, Some(status)) => format!("no code (HTTP {status})"),
        _ => "no answer".to_owned(),
    };
    let mut line = format!(
        "{:>6} ms  {:<13} {}/{} {} {} -> {answer}",
        record.answered_ms.unwrap_or(record.at_ms),
        record.operation.unwrap_or("?"),
        text(&record.batch),
        text(&record.reference),
        text(&record.invoice),
        text(&record.phone),
    );
    for (what, why) in [("refused", &record.refusal), ("sent", &record.delivery)] {
        if let Some(why) = why.as_deref().filter(|why| *why != "plain") {
            line.push_str(&format!("  [{what}: {why}]"));
        }
    }
    // A closed pipe is the reader's choice; serving goes on.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
