//! What was asked and answered, word for word, for whoever watches: the newest only.

use std::collections::VecDeque;

/// More than any request or honest answer; what is longer is cut.
const LONGEST: usize = 4 * 1024;

/// The bodies of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    seq: u64,
    pub(crate) asked: String,
    /// As it was made; whether it arrived is another matter.
    pub(crate) answered: Option<String>,
}

/// The newest exchanges' bodies.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyLog {
    kept: VecDeque<Bodies>,
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(LONGEST)]).into_owned()
}

impl BodyLog {
    pub(crate) fn asked(&mut self, seq: u64, body: &[u8], limit: usize) {
        if limit > 0 {
            self.kept.push_back(Bodies { seq, asked: text(body), answered: None });
        }
        while self.kept.len() > limit {
            self.kept.pop_front();
        }
    }

    pub(crate) fn answered(&mut self, seq: u64, body: &[u8]) {
        if let Some(place) = self.place(seq) {
            self.kept[place].answered = Some(text(body));
        }
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Bodies> {
        self.place(seq).map(|place| &self.kept[place])
    }

    /// Sequence numbers grow: the newest is last.
    fn place(&self, seq: u64) -> Option<usize> {
        self.kept.binary_search_by_key(&seq, |bodies| bodies.seq).ok()
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }
}
