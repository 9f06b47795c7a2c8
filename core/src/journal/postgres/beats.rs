//! A node's clock in the journal: joined when the journal is opened, published every two seconds, and closed
//! with its last word. By each beat a node learns what the others show, and whether the server is still the
//! one that it knew.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::clocks::Clocks;
use super::judgement::fresh_name;
use super::store::{Ask, Function, random};
use super::writing::Trial;
use super::{LONGEST, PostgresJournal, Shared, silent, unreachable};
use crate::journal::codes::of_boottime;
use crate::journal::{Finding, JournalError, JournalErrorKind};
use crate::lock::lock;
use crate::numbering::starting_batch;
use crate::wib::WallTime;

/// How often the own clock is published.
const BEAT: Duration = Duration::from_secs(2);

impl PostgresJournal {
    /// A clock of its own for whoever opens the journal; the same as long as the name is the last one.
    pub(super) fn join(&self, name: &str) -> Result<u32, JournalError> {
        {
            let clocks = lock(&self.shared.clocks);
            if self.boot() > 0 && clocks.name == name {
                return Ok(self.boot());
            }
        }
        self.judge_before_joining()?;
        let own = self.join_anew(name)?;
        self.shared.told.store(u32::try_from(own).unwrap_or(0), Ordering::Release);
        self.beat(false)?;
        // What this cannot see now, whoever takes payments up does.
        let _ = self.look_for_damaged();
        Ok(self.boot())
    }

    /// A clock that nobody had before; also where a failover has lost the one before.
    fn join_anew(&self, name: &str) -> Result<i64, JournalError> {
        self.refuse_after_fork()?;
        let name_of_its_own = fresh_name(
            &mut |chance| self.shared.store.chance(chance),
            &[name.as_bytes(), &std::process::id().to_le_bytes()],
        );
        let token = random(&*self.shared.store);
        let shared = Arc::clone(&self.shared);
        let joined = self.run(LONGEST, async move {
            let mut line = shared.tender.lock().await;
            let nonce = lock(&shared.epoch).nonce.clone();
            let told = json!({
                "nonce": nonce,
                "name": name_of_its_own,
                "token": token,
                "ms": of_boottime(shared.clock.boottime()),
                "start": starting_batch(shared.clock.wall()).unwrap_or(0),
            });
            let ask = Ask::Call(Function::Join, told);
            let mut told = shared.once(&mut line, &ask).await;
            if let Err(Trial::Unknown(_)) = told {
                told = shared.once(&mut line, &ask).await;
            }
            told.map_err(Trial::into_error)
        });
        let joined = joined.unwrap_or_else(|| Err(silent("join")))?;
        if let Some(last) = joined["restarted"].as_i64() {
            let last = WallTime::from_unix_millis(last).wib_text();
            lock(&self.findings).push(Finding {
                critical: false,
                message: format!(
                    "no node was running, and the database server was restarted since one was heard of last \
                     ({last} WIB): behind a power cut all is well; if the server was put back from a copy, stop \
                     the nodes, and run `ovo-ptp journal migrate --restored` before one pays"
                ),
            });
        }
        let own = joined["clock"].as_i64().filter(|own| u32::try_from(*own).is_ok());
        let own = own.ok_or_else(|| unreachable("join: no clock was given"))?;
        {
            let mut clocks = lock(&self.shared.clocks);
            *clocks = Clocks { name: name.to_owned(), token, live: 1, ..Clocks::default() };
            self.shared.own.store(own, Ordering::Release);
        }
        lock(&self.shared.memory).beats = 1;
        Ok(own)
    }

    /// Publishes the own clock and those of nodes that are gone, and learns what the others show. When to
    /// come again.
    pub(super) fn tend_clocks(&self) -> Result<Option<Duration>, JournalError> {
        if self.boot() == 0 {
            return Ok(None);
        }
        self.refuse_after_fork()?;
        let now = self.shared.clock.boottime();
        let last = lock(&self.shared.clocks).last;
        let is_refused = lock(&self.shared.memory).is_refused;
        if let Some(last) = last.filter(|last| now.since(*last) < BEAT && !is_refused) {
            return Ok(Some(BEAT.saturating_sub(now.since(last))));
        }
        let told = self.beat(false);
        // Also behind a failure: a server that is away is not asked without end.
        lock(&self.shared.clocks).last = Some(now);
        match told {
            Ok(state) => {
                lock(&self.shared.memory).is_refused = false;
                if lock(&self.shared.memory).beats == 0 {
                    let name = lock(&self.shared.clocks).name.clone();
                    self.join_anew(&name)?;
                }
                self.go_on_judging(&state)?;
            }
            Err(error) if error.kind == JournalErrorKind::Frozen => self.judge(&error)?,
            Err(error) => return Err(error),
        }
        Ok(Some(BEAT))
    }

    /// One beat; what the journal says of its epoch.
    pub(super) fn beat(&self, closes: bool) -> Result<String, JournalError> {
        let shared = Arc::clone(&self.shared);
        let longest = if closes { Duration::from_secs(1) } else { LONGEST };
        let beaten = self.run(longest, async move { shared.beat(closes).await });
        beaten.unwrap_or_else(|| Err(silent("beat")))
    }
}

impl Shared {
    async fn beat(&self, closes: bool) -> Result<String, JournalError> {
        // One that has no answer yet is not overtaken.
        let Ok(mut line) = self.tender.try_lock() else { return Err(silent("beat")) };
        let own = self.own.load(Ordering::Acquire);
        let known = self.known();
        if line.is_none() {
            *line = Some(self.connect().await?);
        }
        let told = {
            // Before it is sent: what is published was shown, and what is learnt is seen behind the answer.
            let now = self.clock.boottime();
            let at = of_boottime(now);
            let clocks = lock(&self.clocks);
            let others: Vec<Json> = clocks
                .readings
                .keys()
                .filter(|clock| **clock != own && !clocks.is_lively(**clock, now))
                .filter_map(|clock| {
                    let (base, difference) = clocks.newest(*clock)?;
                    Some(json!([clock, base, at.saturating_add(difference)]))
                })
                .collect();
            json!({ "known": known, "own": [own, clocks.token, at, closes], "clocks": others })
        };
        let ask = Ask::Call(Function::Beat, told);
        let answer = self.once(&mut line, &ask).await.map_err(Trial::into_error)?;
        let now = self.clock.boottime();
        let mut clocks = lock(&self.clocks);
        for told in answer["clocks"].as_array().into_iter().flatten() {
            let number = |index: usize| told[index].as_i64();
            let (Some(clock), Some(base), Some(value), Some(beats)) =
                (number(0), number(1), number(2), number(3))
            else {
                continue;
            };
            if clock == own {
                continue;
            }
            clocks.learn(clock, base, value, of_boottime(now));
            let closed = told[4].as_bool().unwrap_or(true);
            let heard = clocks.heard.entry(clock).or_insert((beats, now, closed));
            if (heard.0, heard.2) != (beats, closed) {
                *heard = (beats, now, closed);
            }
        }
        clocks.live =
            answer["live"].as_u64().and_then(|live| u32::try_from(live).ok()).unwrap_or(1);
        drop(clocks);
        let mut memory = lock(&self.memory);
        // A clock that is not there was lost.
        memory.beats = answer["beats"].as_i64().unwrap_or(0);
        if !memory.reached(answer["lsn"].as_str().unwrap_or("")) {
            return Err(JournalError::new(
                JournalErrorKind::Frozen,
                "the database server went back behind what it had told",
            ));
        }
        Ok(answer["state"].as_str().unwrap_or("open").to_owned())
    }
}

impl Drop for PostgresJournal {
    fn drop(&mut self) {
        // The last word of its clock lets the others take over at once. A forked child has none to say.
        if self.boot() > 0 && std::process::id() == self.process {
            let _ = self.beat(true);
        }
        self.shared.store.closes();
    }
}
