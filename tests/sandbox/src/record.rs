//! The log of requests: what came, what was answered, without secrets.

use std::collections::VecDeque;

use serde::Serialize;

use crate::signature::Signed;

/// One request as the host saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestRecord {
    /// Counts from 1.
    pub seq: u64,
    /// When it was heard: the engine's milliseconds.
    pub at_ms: u64,
    /// When it was heard: Unix milliseconds.
    pub wall: i64,
    /// `push_to_pay`, `reversal` and so on, if it names one.
    pub operation: Option<&'static str>,
    /// `batchNo`
    pub batch: Option<String>,
    /// `referenceNumber`
    pub reference: Option<String>,
    /// `merchantInvoice`
    pub invoice: Option<String>,
    /// The phone, masked; absent if the request had none.
    pub phone: Option<String>,
    /// `amount`
    pub amount: Option<i64>,
    /// `date`
    pub date: Option<String>,
    /// `tid`
    pub tid: Option<String>,
    /// `mid`
    pub mid: Option<String>,
    /// The `random` header.
    pub random: Option<String>,
    /// What the signature turned out to be.
    pub signature: Signed,
    /// Which connection it came on; 0 in memory.
    pub connection: u64,
    /// The how-manieth request on its connection it is, from 1; 0 in memory.
    pub nth: u32,
    /// Whether OVO's books heard it (a script can make it unheard).
    pub heard: bool,
    /// The second hearing of this record's request, if a script duplicated it.
    pub copy_of: Option<u64>,
    /// What the script did to it, in words; empty if nothing.
    pub script: String,
    /// The response code as it was sent or would have been; absent if there is none (yet).
    pub code: Option<String>,
    /// The HTTP status, once an answer was due.
    pub status: Option<u16>,
    /// How the answer travels: `plain`, `reset` ...; `none` if there never is one.
    pub delivery: Option<String>,
    /// When the answer was due: the engine's milliseconds.
    pub answered_ms: Option<u64>,
    /// Whether the client went away before its answer.
    pub client_gone: bool,
    /// Why it was refused, naming field and rule but no value.
    pub refusal: Option<String>,
}

/// `0812****7890`: the first and the last four characters.
pub fn masked(phone: &str) -> String {
    let characters: Vec<char> = phone.chars().collect();
    if characters.len() < 10 {
        return "****".to_owned();
    }
    let first: String = characters[..4].iter().collect();
    let last: String = characters[characters.len() - 4..].iter().collect();
    format!("{first}****{last}")
}

/// The newest records.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLog {
    records: VecDeque<RequestRecord>,
    next_seq: u64,
}

impl RequestLog {
    pub(crate) fn push(&mut self, mut record: RequestRecord, limit: usize) -> u64 {
        self.next_seq += 1;
        record.seq = self.next_seq;
        self.records.push_back(record);
        while self.records.len() > limit {
            self.records.pop_front();
        }
        self.next_seq
    }

    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut RequestRecord> {
        let first = self.records.front()?.seq;
        self.records.get_mut(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&RequestRecord> {
        let first = self.records.front()?.seq;
        self.records.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    pub(crate) fn all(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn newest(&self, most: usize) -> impl Iterator<Item = &RequestRecord> {
        self.records.iter().skip(self.records.len().saturating_sub(most))
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_masked_in_its_middle() {
        assert_eq!(masked("081234567890"), "0812****7890");
        assert_eq!(masked("12345"), "****");
        assert_eq!(masked("héllo-wörld"), "héll****örld");
    }
}
