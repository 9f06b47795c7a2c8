//! What a server is judged with, whoever asks for it: a node that sees that it is another one, or the person who
//! put it back from a copy.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::numbering::starting_batch;
use crate::wib::WallTime;

/// By how many batches at most two copies of one journal jump apart.
const SPREAD: u8 = 32;

/// Why it is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Grounds {
    /// A node was told other than what the server says, and no batch above this one.
    Told { batch: u32 },
    /// Whoever put it back says so: nothing in it need show that.
    Restored,
}

/// What the function `judge` is told, but for what the asker knows of the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Judgement {
    grounds: Grounds,
    /// The name of the epoch that begins.
    next: String,
    /// The batch of this quarter of an hour; 0 if the clock has none.
    start: u32,
    /// By so many batches more than needed the numbers jump: a copy of a copy begins elsewhere.
    spread: u8,
}

impl Judgement {
    pub(super) fn new(
        grounds: Grounds,
        wall: WallTime,
        chance: &mut dyn FnMut(&mut [u8]),
    ) -> Judgement {
        let next = fresh_name(chance, &[b"epoch"]);
        let mut drawn = [0; 1];
        chance(&mut drawn);
        Judgement {
            grounds,
            next,
            start: starting_batch(wall).unwrap_or(0),
            spread: drawn[0] % SPREAD,
        }
    }

    pub(super) fn json(&self) -> Json {
        let (restored, batch) = match self.grounds {
            Grounds::Told { batch } => (false, batch),
            Grounds::Restored => (true, 0),
        };
        json!({
            "restored": restored,
            "batch": batch,
            "next": self.next,
            "start": self.start,
            "spread": self.spread,
        })
    }

    /// The statement by which the owner of `schema` judges it.
    pub(super) fn statement(&self, schema: &str) -> String {
        // Its own name, and nothing that a node was told.
        format!(
            "SELECT {schema}.judge('{}'::jsonb || jsonb_build_object('known', \
             jsonb_build_object('nonce', nonce, 'lsn', '0/0', 'clock', 0, 'beats', 0))) FROM {schema}.epoch;\n",
            self.json()
        )
    }
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
