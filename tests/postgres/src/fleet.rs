//! The kill campaign's place: a schema that every desk reaches through a proxy of its own, on a server with a
//! synchronous replica; connections are cut, kept silent, and once a round the primary dies.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ovo_crash::Dice;
use ovo_crash::campaign::Place;
use ovo_ptp::journal::postgres::{Dsn, Migration, migrate};

use crate::server::{APPLICATION, DATABASE, OWNER, PASSWORD, Server};
use crate::{Cut, Proxy};

/// Where a round's nodes find their journal.
pub struct Fleet {
    primary: Server,
    /// Taken when it is promoted.
    replica: Option<Server>,
    /// For each desk: the way to the primary, and the way to the replica.
    ways: Vec<[Proxy; 2]>,
    silent: Option<(usize, Instant)>,
    promotes: Instant,
}

/// Primaries that died so far, in all rounds.
static PROMOTIONS: AtomicU64 = AtomicU64::new(0);

impl Fleet {
    /// Starts the servers, and makes the schema. Every other round has a replica, which is promoted.
    ///
    /// # Errors
    /// What `migrate` says.
    pub fn start(round: u64, desks: u64) -> Result<Fleet, String> {
        let primary = Server::start();
        migrates(&primary)?;
        let replica = (round % 2 == 0).then(|| primary.replica(true));
        let other = replica.as_ref().map_or(primary.port(), Server::port);
        let ways = (0..desks.max(1)).map(|_| [Proxy::start(primary.port()), Proxy::start(other)]);
        Ok(Fleet {
            ways: ways.collect(),
            primary,
            replica,
            silent: None,
            promotes: Instant::now() + Duration::from_secs(5),
        })
    }

    /// How many primaries died and were followed by their replicas, in all rounds of this process.
    pub fn promotions() -> u64 {
        PROMOTIONS.load(Ordering::Relaxed)
    }

    fn ends_the_silence(&mut self) {
        if let Some((desk, _)) = self.silent.take() {
            for way in &self.ways[desk] {
                way.is_silent(false);
            }
        }
    }
}

/// A migration for [`APPLICATION`] that says nothing more.
pub const AS_IT_IS: Migration<'static> =
    Migration { app_role: APPLICATION, print: false, loss_possible: false, restored: false };

/// Makes the schema of a journal on a server, for [`APPLICATION`].
///
/// # Errors
/// What the library says.
pub fn migrates(server: &Server) -> Result<(), String> {
    let dsn = Dsn::parse(&server.dsn(OWNER)).map_err(|error| error.to_string())?;
    migrate(&dsn, &AS_IT_IS).map_err(|error| error.to_string())?;
    Ok(())
}

impl Place for Fleet {
    fn database(&self, desk: u64) -> Option<String> {
        let index = usize::try_from(desk).ok()? % self.ways.len();
        let [first, second] = &self.ways[index];
        let (first, second) = (first.port(), second.port());
        Some(format!(
            "postgresql://{APPLICATION}:{PASSWORD}@127.0.0.1:{first},127.0.0.1:{second}/{DATABASE}?sslmode=disable"
        ))
    }

    fn has_a_bad_moment(&mut self, dice: &mut Dice) -> Result<(), String> {
        if self.silent.is_some_and(|(_, until)| Instant::now() >= until) {
            self.ends_the_silence();
        }
        if Instant::now() >= self.promotes {
            if let Some(replica) = self.replica.take() {
                self.primary.kill();
                replica.promote();
                replica.sql("ALTER SYSTEM SET synchronous_standby_names = ''");
                replica.sql("SELECT pg_reload_conf()");
                self.primary = replica;
                PROMOTIONS.fetch_add(1, Ordering::Relaxed);
            }
        }
        let desk = usize::try_from(dice.below(self.ways.len() as u64)).unwrap_or(0);
        let cut = Cut::ALL[usize::try_from(dice.below(Cut::ALL.len() as u64)).unwrap_or(0)];
        match dice.below(40) {
            0 => self.ways[desk].iter().for_each(Proxy::breaks_all),
            1..=4 => self.ways[desk].iter().for_each(|way| way.cuts(cut, ".write(", dice.below(4))),
            5 => self.ways[desk].iter().for_each(|way| way.cuts(cut, ".beat(", 0)),
            6 if self.silent.is_none() => {
                self.silent =
                    Some((desk, Instant::now() + Duration::from_millis(dice.below(7_000))));
                self.ways[desk].iter().for_each(|way| way.is_silent(true));
            }
            7 if dice.one_in(8) => self.primary.restart(),
            _ => {}
        }
        Ok(())
    }

    fn recovers(&mut self) -> Result<(), String> {
        self.ends_the_silence();
        for way in self.ways.iter().flatten() {
            way.cuts_nothing();
        }
        Ok(())
    }
}
