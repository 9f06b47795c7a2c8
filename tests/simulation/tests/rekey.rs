//! A change of the app key, broken off at every moment: either the old key reads what the journal
//! knows, or the new one does, and done again it is done ([faults J27]).
//!
//! [faults J27]: ovo_ptp::manual::faults#j-disk-and-journal

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::sync::{Arc, Mutex};

use ovo_checkout::{Life, SimClock, SimWire};
use ovo_ptp::journal::{SqliteOptions, Succession, set_aside_on};
use ovo_ptp::{
    AppKey, Charge, Client, Credentials, Environment, Error, ErrorKind, Rupiah, Terminal,
};
use ovo_sandbox::{
    Behaviour, DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
    Host, HostConfig,
};
use ovo_simulation::disk::{Cut, Fault, Mount, MountedFiles, SimDisk};
use ovo_simulation::random::Chance;

/// The key before the last change, the one before this change, and the next one.
const FIRST: char = 'a';
const OLD: char = 'b';
const NEW: char = 'c';

/// OVO knows the old key only: what is at stake here is what the journal knows.
fn app_key(name: char) -> AppKey {
    let text = if name == OLD { DEMO_APP_KEY.to_owned() } else { name.to_string().repeat(64) };
    AppKey::new(&text).unwrap()
}

fn charge(invoice: &str, phone: &str) -> Charge {
    Charge::new(invoice, Rupiah::new(10_000).unwrap(), phone.parse().unwrap()).unwrap()
}

/// A till's machine: a disk that outlives processes and power cuts, a clock, and OVO.
struct Till {
    disk: Arc<SimDisk>,
    clock: Arc<SimClock>,
    host: Arc<Mutex<Host>>,
}

const PHONE: &str = "081377700001";
const ANOTHER: &str = "081377700002";

impl Till {
    /// With a declined payment under the first key and one under the old one; the first one in a
    /// journal that was set aside, if so wanted.
    fn new(aside: bool) -> Till {
        let mut host = Host::new(HostConfig::default());
        host.set_behaviour(PHONE, Behaviour::Decline { code: "17".to_owned(), after_ms: 0 });
        let till = Till {
            disk: SimDisk::new(Chance::of(1)),
            clock: Arc::default(),
            host: Arc::new(Mutex::new(host)),
        };
        let pays = |client: &Client, invoice| {
            assert_eq!(client.pay(&charge(invoice, PHONE)).unwrap().name(), "declined");
        };
        pays(&till.opens(&till.disk, FIRST, &[], &Arc::default()).unwrap(), "INV-1");
        if aside {
            let mount = Mount::new(&till.disk, &Arc::default());
            let path = mount.path("ovo.db");
            set_aside_on(&(Arc::new(MountedFiles(mount)) as _), &path).unwrap();
        }
        let client = till.opens(&till.disk, OLD, &[FIRST], &Arc::default()).unwrap();
        pays(&client, "INV-2");
        drop(client);
        till
    }

    fn opens(
        &self,
        disk: &Arc<SimDisk>,
        key: char,
        previous: &[char],
        life: &Arc<Life>,
    ) -> Result<Client, Error> {
        let mount = Mount::new(disk, life);
        let path = mount.path("ovo.db");
        let options = SqliteOptions { first_batch: Some(1), ..SqliteOptions::default() };
        let journal = Succession::open_on(Arc::new(MountedFiles(mount)), path, &options)?;
        let terminal = Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE)?;
        let credentials = Credentials::new(DEMO_MERCHANT_ID, terminal, DEMO_APP_ID, app_key(key))?
            .with_previous_app_keys(previous.iter().map(|name| app_key(*name)));
        let wire = SimWire::new(Arc::clone(&self.clock), Arc::clone(&self.host), Arc::clone(life));
        Client::builder(Environment::Staging, credentials)
            .journal_engine(Arc::new(journal))
            .transport(Arc::new(wire))
            .clock(Arc::clone(&self.clock) as _)
            .background(false)
            .open()
    }

    /// Whether a client with this key alone reads the phones of all payments: it knows then that
    /// another phone is another one. Looked at in a copy.
    fn reads_all(&self, key: char) -> bool {
        let disk = self.disk.copy(Chance::of(2));
        let client = self.opens(&disk, key, &[], &Arc::default()).unwrap();
        ["INV-1", "INV-2"].iter().all(|invoice| {
            let reused = client.pay(&charge(invoice, ANOTHER)).map_err(|error| error.kind());
            let same = client.pay(&charge(invoice, PHONE)).map(|outcome| outcome.name());
            assert_eq!(same.unwrap(), "declined", "{invoice}: pushed again");
            reused == Err(ErrorKind::InvoiceReused)
        })
    }

    /// The change, and then the new key alone: everything is read.
    fn changes_the_key(&self) {
        drop(self.opens(&self.disk, NEW, &[OLD], &Arc::default()).unwrap());
        assert!(self.reads_all(NEW));
    }
}

/// Strikes at 1, 2, 3 and so on, until the change is done without having been struck. `strike` says
/// whether it was.
fn at_every_point(strike: impl Fn(&Till, u64) -> bool) {
    for aside in [false, true] {
        for point in 1.. {
            let till = Till::new(aside);
            assert!(till.reads_all(OLD) && !till.reads_all(NEW));
            let struck = strike(&till, point);
            assert!(
                till.reads_all(OLD) || till.reads_all(NEW),
                "at {point}, set aside: {aside}: phones that nobody can read"
            );
            till.changes_the_key();
            if !struck {
                assert!(point > 10, "a change of the key has {point} points only");
                break;
            }
        }
    }
}

fn dies(till: &Till, point: u64) -> bool {
    let life = Arc::new(Life::default());
    life.ends_after(point - 1);
    drop(till.opens(&till.disk, NEW, &[OLD], &life));
    till.disk.process_ended();
    life.is_over()
}

#[test]
fn j27_a_change_of_the_key_that_is_killed_at_any_moment_leaves_phones_that_one_of_the_keys_reads() {
    at_every_point(dies);
}

#[test]
fn j27_a_power_cut_at_any_moment_of_a_change_of_the_key_leaves_phones_that_one_of_the_keys_reads() {
    for cut in [Cut::LosesAll, Cut::KeepsAll, Cut::Mixes] {
        at_every_point(|till, point| {
            let struck = dies(till, point);
            till.disk.loses_power(cut);
            till.clock.reboot();
            struck
        });
    }
}

#[test]
fn j27_a_disk_that_fails_at_any_operation_of_a_change_of_the_key_leaves_phones_that_one_of_the_keys_reads()
 {
    for (fault, lasting) in [(Fault::Io, false), (Fault::Io, true), (Fault::Full, true)] {
        at_every_point(|till, point| {
            let failures = till.disk.failures();
            till.disk.fails(fault, point, lasting);
            drop(till.opens(&till.disk, NEW, &[OLD], &Arc::default()));
            let struck = till.disk.failures() > failures;
            till.disk.is_mended();
            struck
        });
    }
}
