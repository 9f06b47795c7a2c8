//! Whole clients: round trips of an approval, payments a second, memory of a payment that waits.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ovo_postgres::{APPLICATION, Proxy, Server};
use ovo_ptp::transport::Trust;
use ovo_ptp::{
    AppKey, Charge, Client, ClientBuilder, Credentials, Environment, Event, Outcome, Phase, Rupiah,
    Terminal,
};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID, HostConfig,
    Sandbox, SandboxConfig,
};
use serde_json::json;

use crate::Failed;

/// Approves at once, whatever the sandbox's others do.
const QUICK: &str = "081200000000";

fn builder(url: &str, ca: &str, journal: &str) -> Result<ClientBuilder, Failed> {
    let terminal = Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE)?;
    let key = AppKey::new(DEMO_APP_KEY)?;
    let credentials = Credentials::new(DEMO_MERCHANT_ID, terminal, DEMO_APP_ID, key)?;
    let builder = Client::builder(Environment::custom(url), credentials);
    Ok(builder.trust(Trust::PemFile(ca.into())).journal(journal))
}

fn pays(client: &Client, invoice: &str, phone: &str) -> Result<(), Failed> {
    let charge = Charge::new(invoice, Rupiah::new(12_500)?, phone.parse()?)?;
    match client.pay(&charge)? {
        Outcome::Paid(_) => Ok(()),
        other => Err(format!("{invoice}: {}", other.name()).into()),
    }
}

/// Statements of an approval, as the server gets them.
pub(crate) fn trips() -> Result<(), Failed> {
    const PAYMENTS: u32 = 20;
    let server = Server::migrated().ok_or("PostgreSQL is not installed")?;
    let proxy = Proxy::start(server.port());
    let ovo = Sandbox::start(SandboxConfig::https())?;
    let ca = ovo.ca_pem_path().display().to_string();
    // Its own thread would send statements of its own between them.
    let client = builder(&ovo.base_url(), &ca, &server.plain_dsn(APPLICATION, proxy.port()))?
        .background(false)
        .open()?;
    pays(&client, "FIRST", "081300000000")?;
    let mut statements = BTreeMap::<String, u32>::new();
    for number in 0..PAYMENTS {
        let before = proxy.statements().len();
        pays(&client, &format!("TRIP-{number}"), &format!("0813{:08}", number + 1))?;
        let paid = proxy.statements().len();
        client.acknowledge(&format!("TRIP-{number}").parse()?)?;
        let all = proxy.statements();
        for (index, statement) in all.iter().enumerate().skip(before) {
            let step = if index < paid { "pay" } else { "acknowledge" };
            let kind = ["write(", "barrier(", "beat(", "remember(", ".meta"];
            let kind = kind.iter().find(|kind| statement.contains(*kind)).unwrap_or(&"other");
            *statements.entry(format!("{step}: {}", kind.trim_matches(['(', '.']))).or_default() +=
                1;
        }
    }
    let each: BTreeMap<_, f64> = statements
        .into_iter()
        .map(|(kind, count)| (kind, f64::from(count) / f64::from(PAYMENTS)))
        .collect();
    println!("{}", json!({"statements": each, "all": each.values().sum::<f64>()}));
    Ok(())
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Payments with their acknowledgements, a second.
fn rate(clients: &[Client], threads: usize, seconds: f64) -> Result<f64, Failed> {
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    let paid = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let client = &clients[thread % clients.len()];
                scope.spawn(move || -> Result<u32, Failed> {
                    let mut paid = 0;
                    while Instant::now() < end {
                        let number = NEXT.fetch_add(1, Ordering::Relaxed);
                        let invoice = format!("PAID-{number}");
                        pays(client, &invoice, &format!("0813{number:08}"))?;
                        client.acknowledge(&invoice.parse()?)?;
                        paid += 1;
                    }
                    Ok(paid)
                })
            })
            .collect();
        let mut all = 0;
        for worker in workers {
            all += worker.join().map_err(|_| "a thread panicked")??;
        }
        Ok::<_, Failed>(all)
    })?;
    Ok(f64::from(paid) / begun.elapsed().as_secs_f64())
}

/// Whole payments through one client on a file, one on a server, and four on a server; by turns.
pub(crate) fn payments(seconds: f64) -> Result<(), Failed> {
    const THREADS: usize = 32;
    let server = Server::migrated().ok_or("PostgreSQL is not installed")?;
    let folder = tempfile::tempdir()?;
    // Two journals of one terminal would give the same numbers out.
    let (ovo, ovos) = (OvoProcess::start("0")?, OvoProcess::start("0")?);
    let file = folder.path().join("a.db").display().to_string();
    let address = server.plain_dsn(APPLICATION, server.port());
    let till = [builder(&ovo.url, &ovo.ca, &file)?.open()?];
    let node = || -> Result<Client, Failed> { Ok(builder(&ovos.url, &ovos.ca, &address)?.open()?) };
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..3 {
        // As many nodes as are measured run.
        found[0].push(rate(&till, THREADS, seconds)?);
        let mut nodes = vec![node()?];
        found[1].push(rate(&nodes, THREADS, seconds)?);
        for _ in 0..3 {
            nodes.push(node()?);
        }
        found[2].push(rate(&nodes, THREADS, seconds)?);
    }
    for (how, rates) in
        ["a file", "PostgreSQL, one node", "PostgreSQL, four nodes"].iter().zip(found)
    {
        println!("{}", json!({"how": how, "rates": rates}));
    }
    Ok(())
}

/// OVO in a process of its own: nothing of it is counted.
struct OvoProcess {
    process: std::process::Child,
    url: String,
    ca: String,
}

impl OvoProcess {
    fn start(approve_after_ms: &str) -> Result<OvoProcess, Failed> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["ovo", approve_after_ms])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no pipe")?).lines();
        let mut line = || lines.next().ok_or("it ended").map_err(Failed::from);
        let (url, ca) = (line()??, line()??);
        Ok(OvoProcess { process, url, ca })
    }
}

impl Drop for OvoProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// That process.
pub(crate) fn ovo(approve_after_ms: u64) -> Result<(), Failed> {
    let _ = rlimit::increase_nofile_limit(65_536);
    let host = HostConfig { approve_after_ms, ..HostConfig::default() };
    let ovo = Sandbox::start(SandboxConfig { host, ..SandboxConfig::https() })?;
    println!("{}\n{}", ovo.base_url(), ovo.ca_pem_path().display());
    // Until whoever started it is gone.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Resident memory of this process, in bytes.
fn resident() -> Result<u64, Failed> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).ok_or("no such number")?.parse()?;
    Ok(pages * 4_096)
}

/// Memory of payments that wait, on either engine.
pub(crate) fn memory(count: &str) -> Result<(), Failed> {
    let server = Server::migrated().ok_or("PostgreSQL is not installed")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a.db").display().to_string();
    let address = server.plain_dsn(APPLICATION, server.port());
    for (how, journal) in [("a file", file), ("PostgreSQL", address)] {
        let ovo = OvoProcess::start("54000")?;
        let mut wait = Command::new(std::env::current_exe()?);
        let output = wait.args(["wait", &ovo.url, &ovo.ca, &journal, count]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let bytes: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
        println!("{}", json!({"how": how, "waiting": count, "kilobytes": bytes / 1_024.0}));
    }
    Ok(())
}

/// Threads that start payments.
const STARTERS: u32 = 32;

/// Its growth from one finished payment until all wait, for each of them.
pub(crate) fn wait(url: &str, ca: &str, journal: &str, count: u32) -> Result<(), Failed> {
    let _ = rlimit::increase_nofile_limit(65_536);
    let waiting: Arc<Mutex<std::collections::HashSet<String>>> = Arc::default();
    let seen = Arc::clone(&waiting);
    let builder = builder(url, ca, journal)?.observer(move |event| {
        if let Event::Progress { invoice, phase: Phase::WaitingForCustomer, .. } = event {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(invoice.as_str().to_owned());
        }
    });
    let client = builder.open()?;
    pays(&client, "FIRST", QUICK)?;
    let before = resident()?;
    let begun = Instant::now();
    let handles = std::thread::scope(|scope| {
        // Together, or the first would be paid before the last has begun.
        let workers: Vec<_> = (0..STARTERS)
            .map(|starter| {
                let client = &client;
                scope.spawn(move || -> Result<Vec<_>, Failed> {
                    (starter..count)
                        .step_by(STARTERS as usize)
                        .map(|number| {
                            let phone = format!("0813{number:08}").parse()?;
                            let amount = Rupiah::new(12_500)?;
                            let charge = Charge::new(format!("WAIT-{number}"), amount, phone)?;
                            Ok(client.start(&charge)?)
                        })
                        .collect()
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a thread panicked")??);
        }
        Ok::<_, Failed>(all)
    })?;
    while waiting.lock().unwrap_or_else(PoisonError::into_inner).len() < count as usize {
        if begun.elapsed() > Duration::from_secs(50) {
            return Err("not all wait".into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let grown = resident()? - before;
    if handles.iter().any(|handle| handle.poll().is_some()) {
        return Err("the first is paid before the last waits".into());
    }
    println!("{}", grown as f64 / f64::from(count));
    // Nobody waits for the customers.
    std::process::exit(0)
}
