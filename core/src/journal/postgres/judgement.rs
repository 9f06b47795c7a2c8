//! What a server is judged with, whoever asks for it: a node that sees that it is another one, or the person who
//! put it back from a copy.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::numbering::{BATCH_EPOCH, BATCH_STEP, MAX_NUMBER, starting_batch};
use crate::wib::WallTime;

/// By how many batches at most two copies of one journal jump apart.
const SPREAD: u8 = 32;

/// What the function `judge` is told, but for what the asker knows of the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Judgement {
    /// No node was told a batch above this one.
    batch: u32,
    /// The name of the epoch that begins.
    next: String,
    /// The batch of this quarter of an hour; 0 if the clock has none.
    start: u32,
    /// By so many batches more than needed the numbers jump: a copy of a copy begins elsewhere.
    spread: u8,
}

impl Judgement {
    pub(super) fn new(batch: u32, wall: WallTime, chance: &mut dyn FnMut(&mut [u8])) -> Judgement {
        let next = fresh_name(chance, &[b"epoch"]);
        let mut drawn = [0; 1];
        chance(&mut drawn);
        Judgement {
            batch,
            next,
            start: starting_batch(wall).unwrap_or(0),
            spread: drawn[0] % SPREAD,
        }
    }

    pub(super) fn json(&self) -> Json {
        json!({
            "restored": false,
            "batch": self.batch,
            "next": self.next,
            "start": self.start,
            "spread": self.spread,
        })
    }
}

/// The statement by which the owner of `schema` judges it, whoever put it back: nothing in it need show that. Whatever
/// tells one time from another is drawn where and when it is run: who prints it may run it later, and twice.
pub(super) fn by_owner(schema: &str) -> String {
    let start = format!(
        "(SELECT CASE WHEN q.batch BETWEEN 1 AND {MAX_NUMBER} THEN q.batch ELSE 0 END FROM (SELECT \
         floor((extract(epoch FROM clock_timestamp()) - {BATCH_EPOCH}) / {BATCH_STEP})::bigint AS batch) AS q)"
    );
    // Its own name, and nothing that a node was told.
    format!(
        "SELECT {schema}.judge(jsonb_build_object('restored', true, 'batch', 0, 'next', \
         md5(random()::text || clock_timestamp()::text || txid_current()::text), 'start', {start}, \
         'spread', floor(random() * {SPREAD})::int, 'known', \
         jsonb_build_object('nonce', nonce, 'lsn', '0/0', 'clock', 0, 'beats', 0))) FROM {schema}.epoch;\n"
    )
}

/// A name for something that nobody else names.
pub(super) fn fresh_name(chance: &mut dyn FnMut(&mut [u8]), parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    let mut drawn = [0; 16];
    chance(&mut drawn);
    digest.update(drawn);
    for part in parts {
        digest.update(part);
    }
    hex(&digest.finalize()[..16])
}
