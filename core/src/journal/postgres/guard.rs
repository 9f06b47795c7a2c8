//! What becomes of a journal behind a failover, a restore or a disk that went back.
//!
//! The server refuses every write and every barrier while its timeline or its system is not the epoch's.
//! A node that sees that judges: the numbers jump, and for ten seconds nothing is written but what the
//! nodes remember: each compares what it was told with what is there. If one row is missing or is another,
//! something was lost, and every payment without a verdict is doubted ([`doubted`]): it is asked about and
//! never reversed unseen.
//!
//! [`doubted`]: crate::manual::policy

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::judgement::Judgement;
use super::store::{Ask, Function, Which};
use super::writing::Trial;
use super::{LONGEST, PostgresJournal, Shared, epoch_of, silent};
use crate::journal::{Finding, JournalError, JournalErrorKind};
use crate::lock::lock;
use crate::payment::{Boottime, Payment};

/// How long all nodes have to say what they were told.
const TO_COMPARE: Duration = Duration::from_secs(10);
/// How long a node waits for a judgement before it joins.
const TO_JOIN: Duration = Duration::from_secs(13);
/// Payments of which a node remembers what it was told.
const MOST_REMEMBERED: usize = 4_096;

/// What this node was told.
#[derive(Default)]
pub(super) struct Memory {
    /// By id: the version and its token.
    acknowledged: HashMap<i64, (i64, i64)>,
    /// The ids, in the order in which they came.
    ids: VecDeque<i64>,
    /// The end of the server's log, as far as it is known.
    lsn: u64,
    /// The last batch.
    batch: u32,
    /// How often the own clock was published, as the server said; 0 if the server need not know it.
    pub(super) beats: i64,
    /// A call was refused because of the epoch: the next look is due at once.
    pub(super) is_refused: bool,
    /// Since when a judgement is seen to go on, and of which epoch.
    judging: Option<(String, Boottime)>,
}

impl Memory {
    pub(super) fn acknowledged(&mut self, id: i64, version: i64, token: i64) {
        match self.acknowledged.get_mut(&id) {
            Some(known) if known.0 > version => {}
            Some(known) => *known = (version, token),
            None => {
                if self.ids.len() == MOST_REMEMBERED {
                    let oldest = self.ids.pop_front();
                    oldest.and_then(|oldest| self.acknowledged.remove(&oldest));
                }
                self.ids.push_back(id);
                self.acknowledged.insert(id, (version, token));
            }
        }
    }

    /// A row that was read behind a barrier, or that is new.
    pub(super) fn told(&mut self, payment: &Payment, token: i64) {
        let version = i64::try_from(payment.version).unwrap_or(i64::MAX);
        self.acknowledged(payment.id.0, version, token);
        self.batch = self.batch.max(payment.intent.numbers.batch());
    }

    /// The server's log reaches to here; `false` if it reached further before.
    pub(super) fn reached(&mut self, lsn: &str) -> bool {
        let Some(lsn) = number_of(lsn) else { return true };
        let goes_on = lsn >= self.lsn;
        if goes_on {
            self.lsn = lsn;
        }
        goes_on
    }
}

pub(super) fn text_of(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff)
}

/// `16/B374D848` as a number.
pub(super) fn number_of(lsn: &str) -> Option<u64> {
    let (high, low) = lsn.split_once('/')?;
    Some(u64::from_str_radix(high, 16).ok()? << 32 | u64::from_str_radix(low, 16).ok()?)
}

impl Shared {
    /// What this node was told last, by which a server that went back is known.
    pub(super) fn known(&self) -> Json {
        let nonce = lock(&self.epoch).nonce.clone();
        let clock = self.own.load(Ordering::Acquire);
        let memory = lock(&self.memory);
        json!({ "nonce": nonce, "lsn": text_of(memory.lsn), "clock": clock, "beats": memory.beats })
    }

    /// Remembers that the epoch is to be looked at.
    pub(super) fn note_refusal(&self, error: &JournalError) {
        let is_epochs =
            error.kind == JournalErrorKind::Frozen || error.message.ends_with("(OV005)");
        if is_epochs {
            lock(&self.memory).is_refused = true;
        }
    }
}

impl PostgresJournal {
    /// The answer of a function of the journal's, on the connection for looking after it.
    pub(super) fn function(&self, function: Function, told: Json) -> Result<Json, JournalError> {
        self.refuse_after_fork()?;
        let shared = Arc::clone(&self.shared);
        let mut told = told;
        told["known"] = shared.known();
        let ask = Ask::Call(function, told);
        let doing = ask.doing();
        let answer = self.run(LONGEST, async move {
            let mut line = shared.tender.lock().await;
            shared.once(&mut line, &ask).await.map_err(Trial::into_error)
        });
        answer.unwrap_or_else(|| Err(silent(doing)))
    }

    /// The server says that it is another one, or in another epoch, than this node knows.
    pub(super) fn judge(&self, why: &JournalError) -> Result<(), JournalError> {
        if why.message.ends_with("(OV006)") {
            return Err(why.clone());
        }
        if why.message.ends_with("(OV004)") {
            return self.follow();
        }
        let told = {
            let batch = lock(&self.shared.memory).batch;
            let chance = &mut |bytes: &mut [u8]| self.shared.store.chance(bytes);
            Judgement::new(batch, self.shared.clock.wall(), chance)
        };
        let answer = self.function(Function::Judge, told.json())?;
        if answer.as_str() == Some("same") {
            // It is the same server, in the state that it was in: what differed is over.
            let mut memory = lock(&self.shared.memory);
            (memory.lsn, memory.beats) = (0, 0);
            return Ok(());
        }
        self.follow()
    }

    /// Takes up the epoch that was judged behind the one that this node knows, if it is one.
    fn follow(&self) -> Result<(), JournalError> {
        let known = lock(&self.shared.epoch).clone();
        let shared = Arc::clone(&self.shared);
        let mine = known.nonce.clone();
        let looked = self.run(LONGEST, async move {
            let mut line = shared.tender.lock().await;
            let epoch = shared.once(&mut line, &Ask::Epoch).await;
            let epoch = epoch_of(&epoch.map_err(Trial::into_error)?)?;
            let follows = shared.once(&mut line, &Ask::Follows(mine)).await;
            Ok((epoch, follows.map_err(Trial::into_error)?.as_bool().unwrap_or(false)))
        });
        let (epoch, follows) = looked.unwrap_or_else(|| Err(silent("look")))?;
        if !follows || epoch.number < known.number {
            return Err(JournalError::new(
                JournalErrorKind::Frozen,
                "another journal answers, or one from before a failover: nothing is told from it; see which \
                 server is the right one, and start again",
            ));
        }
        *lock(&self.shared.epoch) = epoch.clone();
        let rows = {
            let mut memory = lock(&self.shared.memory);
            (memory.lsn, memory.beats) = (0, 0);
            let rows = memory.acknowledged.iter();
            rows.map(|(id, (version, token))| (*id, *version, *token)).collect::<Vec<_>>()
        };
        lock(&self.findings).push(Finding {
            critical: true,
            message: format!(
                "the database server was replaced or restored (epoch {}): numbers jump, and the nodes compare \
                 what they were told",
                epoch.number
            ),
        });
        let missing = self.function(Function::Reassert, json!({ "rows": rows }))?;
        let missing = missing.as_array().map_or(0, Vec::len);
        if missing > 0 {
            lock(&self.findings).push(Finding {
                critical: true,
                message: format!(
                    "the database server lost {missing} writes that it had told this node: every payment \
                     without an outcome is doubted; reconcile with OVO's settlement file, then `ovo-ptp \
                     journal vouch`"
                ),
            });
        }
        self.go_on_judging(&epoch.state)
    }

    /// Ends a judgement whose time is over, and doubts what must be doubted.
    pub(super) fn go_on_judging(&self, state: &str) -> Result<(), JournalError> {
        if state == "open" {
            lock(&self.shared.memory).judging = None;
            return Ok(());
        }
        let nonce = lock(&self.shared.epoch).nonce.clone();
        let now = self.shared.clock.boottime();
        let since = {
            let mut memory = lock(&self.shared.memory);
            match &memory.judging {
                Some((of, since)) if *of == nonce => *since,
                _ => {
                    memory.judging = Some((nonce.clone(), now));
                    now
                }
            }
        };
        if state == "judging" && now.since(since) < TO_COMPARE {
            return Ok(());
        }
        if self.concludes()? == "open" {
            lock(&self.shared.memory).judging = None;
        }
        Ok(())
    }

    /// Doubts what is to be doubted, as a copy of a journal on a disk leaves it: asked about, never reversed
    /// unseen. The state that the journal is in then.
    fn concludes(&self) -> Result<String, JournalError> {
        // Nobody can doubt what nobody can read; it is named, and nothing is told of it or sent for it.
        let mut damaged = BTreeSet::new();
        loop {
            let nonce = lock(&self.shared.epoch).nonce.clone();
            let told = json!({ "nonce": nonce, "damaged": damaged });
            let told = self.function(Function::Conclude, told)?;
            let waiting = told["waiting"].as_array().into_iter().flatten();
            let waiting: Vec<i64> = waiting.filter_map(Json::as_i64).collect();
            let state = told["state"].as_str().unwrap_or("judging").to_owned();
            if state != "doubting" || waiting.is_empty() {
                return Ok(state);
            }
            let known = damaged.len();
            let mut goes_on = false;
            for (id, row) in self.rows(Which::Ids(waiting), false)? {
                match row {
                    Err(_) => {
                        damaged.insert(id);
                    }
                    Ok(mut payment) => {
                        if payment.state.rests_on_what_came_last() {
                            payment.leave_to_checks();
                            // Another node may have done it.
                            self.doubt_payment(&payment)?;
                            goes_on = true;
                        }
                    }
                }
            }
            if !goes_on && damaged.len() == known {
                return Ok(state);
            }
        }
    }

    /// Whoever joins first behind a failover judges it, too.
    pub(super) fn judge_before_joining(&self) -> Result<(), JournalError> {
        let clock = &self.shared.clock;
        let since = clock.boottime();
        loop {
            let told = self.beat(false);
            let state = match told {
                Ok(state) => state,
                Err(error) if error.kind == JournalErrorKind::Frozen => {
                    self.judge(&error)?;
                    "judging".to_owned()
                }
                Err(error) => return Err(error),
            };
            if state == "open" {
                return Ok(());
            }
            self.go_on_judging(&state)?;
            if clock.boottime().since(since) > TO_JOIN {
                return Err(JournalError::new(
                    JournalErrorKind::Frozen,
                    "the database server was replaced or restored, and is being judged; try again in some seconds",
                ));
            }
            clock.sleep(Duration::from_millis(500));
        }
    }
}
