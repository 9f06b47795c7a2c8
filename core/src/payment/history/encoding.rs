//! A history as bytes: some ten for each step, so that it costs a commit next to nothing.
//!
//! Numbers are LEB128; times are milliseconds since the Intent, and a wall time is how much further
//! than in the entry before the two clocks are apart. A number that was ever written keeps its meaning; what a
//! reader does not know ends its list.

use std::time::Duration;

use super::entry::{Ended, Entry, Meaning, Trouble, What};
use crate::message::{Mismatch, Operation, ResponseCode};
use crate::payment::state::{
    Boottime, Closer, DeclineReason, Reversal, Settlement, Source, Verdict, Void,
};
use crate::payment::{Alert, Request, Rule, Ruling};
use crate::wib::WallTime;

// What of an entry is there, behind its kind.
const RULE: u8 = 1;
const VERDICT: u8 = 2;
const SETTLEMENT: u8 = 4;
const VOID: u8 = 8;
const ASKS: u8 = 16;
const ALERT: u8 = 32;
const CLIENT: u8 = 64;

/// Appends `entry`, which comes behind `before`.
pub(super) fn write(to: &mut Vec<u8>, entry: &Entry, before: Option<&Entry>) {
    let kind = kind(&entry.what);
    let mut flags = 0;
    let mut flag = |bit, is: bool| flags |= if is { bit } else { 0 };
    flag(RULE, entry.rule.is_some());
    flag(VERDICT, entry.verdict.is_some());
    flag(SETTLEMENT, entry.settlement.is_some());
    flag(VOID, entry.void.is_some());
    flag(ASKS, entry.asks.is_some());
    flag(ALERT, entry.alert.is_some());
    flag(CLIENT, before.is_none_or(|before| before.client != entry.client));
    to.extend([kind, flags]);
    time(to, entry.since, entry.wall, before.map_or(0, apart));
    if flags & CLIENT != 0 {
        to.extend(entry.client.to_le_bytes());
    }
    match &entry.what {
        What::Exchange { operation, ended, meaning, took } => {
            to.push(self::operation(*operation));
            write_ended(to, *ended);
            to.push(*meaning as u8);
            number(to, millis(*took));
        }
        What::Cancelled { heard } => to.push((*heard).into()),
        What::Ruled { ruling, reason } => {
            to.push(match ruling {
                Ruling::Paid => 1,
                Ruling::Refund => 2,
                Ruling::Close => 3,
            });
            number(to, reason.len() as u64);
            to.extend(reason.as_bytes());
        }
        _ => {}
    }
    to.extend(entry.rule.map(|rule| rule as u8));
    if let Some(verdict) = entry.verdict {
        write_verdict(to, verdict);
    }
    to.extend(entry.settlement.map(settlement));
    match entry.void {
        Some(Void::None) => to.push(1),
        Some(Void::Sent) => to.push(2),
        Some(Void::Unknown) => to.push(3),
        Some(Void::Voided) => to.push(4),
        Some(Void::Rejected(code)) => {
            to.push(5);
            write_code(to, Some(code));
        }
        Some(Void::Expired) => to.push(6),
        Some(Void::Questioned(code)) => {
            to.push(7);
            write_code(to, Some(code));
        }
        None => {}
    }
    to.extend(entry.asks.map(|asks| match asks {
        Request::Reversal => 1,
        Request::CheckPayment => 2,
        Request::Void => 3,
        Request::CheckVoid => 4,
    }));
    if let Some(alert) = entry.alert {
        write_alert(to, alert);
    }
}

/// What a journal kept, oldest first.
pub(super) fn entries(written: &[u8], repeated: &[u8]) -> Vec<Entry> {
    let mut reader = Reader(written);
    let mut entries: Vec<Entry> = Vec::new();
    while !reader.0.is_empty() {
        let Some(entry) = reader.entry(entries.last()) else { break };
        entries.push(entry);
    }
    for repeat in Repeats::read(repeated).all {
        if let Some(entry) = entries.get_mut(repeat.at) {
            entry.count = repeat.count.saturating_add(1);
            entry.last = Some((repeat.since, repeat.wall));
        }
    }
    entries
}

/// How often which entry came again.
#[derive(Default)]
pub(super) struct Repeats {
    all: Vec<Repeat>,
    pub(super) left_out: u32,
}

struct Repeat {
    at: usize,
    count: u32,
    since: Duration,
    wall: WallTime,
}

impl Repeats {
    pub(super) fn read(bytes: &[u8]) -> Repeats {
        let mut reader = Reader(bytes);
        let mut repeats = Repeats::default();
        if bytes.is_empty() {
            return repeats;
        }
        let mut read = || {
            repeats.left_out = u32::try_from(reader.number()?).ok()?;
            while !reader.0.is_empty() {
                let at = usize::try_from(reader.number()?).ok()?;
                let count = u32::try_from(reader.number()?).ok()?;
                let (since, wall) = reader.time(0)?;
                repeats.all.push(Repeat { at, count, since, wall });
            }
            Some(())
        };
        // What cannot be read is not counted: nothing depends on it.
        let _ = read();
        repeats
    }

    pub(super) fn count(&mut self, at: usize, again: &Entry) {
        let (since, wall) = (again.since, again.wall);
        match self.all.iter_mut().find(|repeat| repeat.at == at) {
            Some(repeat) => {
                let count = repeat.count.saturating_add(again.count);
                *repeat = Repeat { at, count, since, wall };
            }
            None => self.all.push(Repeat { at, count: again.count, since, wall }),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut to = Vec::new();
        number(&mut to, self.left_out.into());
        for repeat in &self.all {
            number(&mut to, repeat.at as u64);
            number(&mut to, repeat.count.into());
            time(&mut to, repeat.since, repeat.wall, 0);
        }
        to
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn number(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn time(to: &mut Vec<u8>, since: Duration, wall: WallTime, base: i64) {
    number(to, millis(since));
    let further = clocks_apart(since, wall).wrapping_sub(base);
    // The sign last, so that small differences of either sign are short.
    number(to, ((further << 1) ^ (further >> 63)) as u64);
}

/// What the wall clock shows more than the time since the Intent.
fn apart(entry: &Entry) -> i64 {
    clocks_apart(entry.since, entry.wall)
}

fn clocks_apart(since: Duration, wall: WallTime) -> i64 {
    wall.unix_millis().wrapping_sub(millis(since) as i64)
}

fn kind(what: &What) -> u8 {
    match what {
        What::Sent => 1,
        What::HeldBack => 2,
        What::Exchange { .. } => 3,
        What::Time => 4,
        What::Cancelled { .. } => 5,
        What::Acknowledged => 6,
        What::Ruled { .. } => 7,
        What::ReportedPaid => 8,
        What::VoidAsked => 9,
        What::Restarted => 10,
        What::Doubted => 11,
    }
}

fn operation(operation: Operation) -> u8 {
    match operation {
        Operation::PushToPay => 1,
        Operation::Reversal => 2,
        Operation::Void => 3,
        Operation::CheckPayment => 4,
        Operation::CheckVoid => 5,
        Operation::Inquiry => 6,
    }
}

fn write_ended(to: &mut Vec<u8>, ended: Ended) {
    match ended {
        Ended::NotSent(trouble) => to.extend([1, trouble as u8]),
        Ended::NoAnswer(trouble) => to.extend([2, trouble as u8]),
        Ended::Answered { status, code } => {
            to.push(3);
            to.extend(status.to_le_bytes());
            write_code(to, code);
        }
    }
}

/// Two bytes: what no code has stands for none, and for the second letter of a short one.
fn write_code(to: &mut Vec<u8>, code: Option<ResponseCode>) {
    let code = code.as_ref().map_or(&[][..], |code| code.as_str().as_bytes());
    to.extend([0, 1].map(|at| code.get(at).copied().unwrap_or(0)));
}

fn write_verdict(to: &mut Vec<u8>, verdict: Verdict) {
    match verdict {
        Verdict::Accepted(Source::Push) => to.push(1),
        Verdict::Accepted(Source::Status) => to.push(2),
        Verdict::Accepted(Source::Operator) => to.push(3),
        Verdict::Declined(reason) => {
            to.push(4);
            write_reason(to, reason);
        }
        Verdict::Abandoned => to.push(5),
        Verdict::NotSent => to.push(6),
        Verdict::Quarantined => to.push(7),
    }
}

fn write_reason(to: &mut Vec<u8>, reason: DeclineReason) {
    write_code(
        to,
        match reason {
            DeclineReason::Code(code) => Some(code),
            DeclineReason::ForeignSale => None,
        },
    );
}

/// What is left to do, without its times.
pub(super) fn settlement(settlement: Settlement) -> u8 {
    match settlement {
        Settlement::Open(Reversal::NotNeeded) => 1,
        Settlement::Open(Reversal::Needed) => 2,
        Settlement::Open(Reversal::Acknowledged(_)) => 3,
        Settlement::WithOperator => 4,
        Settlement::Closed { by: Closer::Policy, .. } => 5,
        Settlement::Closed { by: Closer::Operator, .. } => 6,
    }
}

fn write_alert(to: &mut Vec<u8>, alert: Alert) {
    to.push(match alert {
        Alert::DuplicateNumbers(_) => 1,
        Alert::ForeignSale => 2,
        Alert::Doubtful => 3,
        Alert::ForeignReversal => 4,
        Alert::LateSuccess => 5,
        Alert::LyingDecline(_) => 6,
        Alert::LateDebit => 7,
        Alert::ReversalWithoutEffect => 8,
        Alert::DelayBoundBroken => 9,
        Alert::DebitAfterClose => 10,
        Alert::WrongEcho(_) => 11,
        Alert::SloppyEcho(_) => 12,
        Alert::Misconfigured(_) => 13,
        Alert::CheckUnavailable => 14,
        Alert::TooOld => 15,
        Alert::PaidButReversed => 16,
        Alert::PaidButNotSent => 17,
        Alert::Overdue(_) => 18,
        Alert::OverdueForADay => 19,
        Alert::VoidUnresolved => 20,
        Alert::VoidedAfterAll => 21,
        Alert::Unverified => 22,
        Alert::VoidWithoutEffect => 23,
    });
    match alert {
        Alert::DuplicateNumbers(code) | Alert::Misconfigured(code) => write_code(to, Some(code)),
        Alert::LyingDecline(reason) => write_reason(to, reason),
        Alert::WrongEcho(field) | Alert::SloppyEcho(field) => to.push(field as u8),
        Alert::Overdue(late) => number(to, millis(late)),
        _ => {}
    }
}

const FIELDS: [Mismatch; 9] = [
    Mismatch::MessageType,
    Mismatch::ProcessingCode,
    Mismatch::Tid,
    Mismatch::Mid,
    Mismatch::Batch,
    Mismatch::Reference,
    Mismatch::Invoice,
    Mismatch::Amount,
    Mismatch::Phone,
];

/// Each of its answers is `None` if the bytes do not say what they should.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn entry(&mut self, before: Option<&Entry>) -> Option<Entry> {
        let [kind, flags] = [self.byte()?, self.byte()?];
        if flags & 128 != 0 {
            return None;
        }
        let has = |bit| flags & bit != 0;
        let (since, wall) = self.time(before.map_or(0, apart))?;
        let client = match before {
            Some(before) if !has(CLIENT) => before.client,
            _ => u16::from_le_bytes([self.byte()?, self.byte()?]),
        };
        let what = self.what(kind)?;
        let mut entry = Entry::new(wall, since, client, what);
        if has(RULE) {
            entry.rule = Some(Rule::from_number(self.byte()?)?);
        }
        if has(VERDICT) {
            entry.verdict = Some(self.verdict()?);
        }
        if has(SETTLEMENT) {
            entry.settlement = Some(self.settlement()?);
        }
        if has(VOID) {
            entry.void = Some(self.void()?);
        }
        if has(ASKS) {
            entry.asks = Some(match self.byte()? {
                1 => Request::Reversal,
                2 => Request::CheckPayment,
                3 => Request::Void,
                4 => Request::CheckVoid,
                _ => return None,
            });
        }
        if has(ALERT) {
            entry.alert = Some(self.alert()?);
        }
        Some(entry)
    }

    fn what(&mut self, kind: u8) -> Option<What> {
        Some(match kind {
            1 => What::Sent,
            2 => What::HeldBack,
            3 => {
                let number = self.byte()?;
                let is_it = |it: &Operation| operation(*it) == number;
                What::Exchange {
                    operation: Operation::ALL.into_iter().find(is_it)?,
                    ended: self.ended()?,
                    meaning: {
                        let number = self.byte()?;
                        Meaning::ALL.into_iter().find(|it| *it as u8 == number)?
                    },
                    took: Duration::from_millis(self.number()?),
                }
            }
            4 => What::Time,
            5 => What::Cancelled { heard: self.byte()? == 1 },
            6 => What::Acknowledged,
            7 => {
                let ruling = match self.byte()? {
                    1 => Ruling::Paid,
                    2 => Ruling::Refund,
                    3 => Ruling::Close,
                    _ => return None,
                };
                let length = usize::try_from(self.number()?).ok()?;
                What::Ruled {
                    ruling,
                    reason: String::from_utf8(self.bytes(length)?.to_vec()).ok()?,
                }
            }
            8 => What::ReportedPaid,
            9 => What::VoidAsked,
            10 => What::Restarted,
            11 => What::Doubted,
            _ => return None,
        })
    }

    fn ended(&mut self) -> Option<Ended> {
        let kind = self.byte()?;
        if kind == 3 {
            let status = u16::from_le_bytes([self.byte()?, self.byte()?]);
            return Some(Ended::Answered { status, code: self.code()? });
        }
        let number = self.byte()?;
        let trouble = Trouble::ALL.into_iter().find(|it| *it as u8 == number)?;
        match kind {
            1 => Some(Ended::NotSent(trouble)),
            2 => Some(Ended::NoAnswer(trouble)),
            _ => None,
        }
    }

    fn code(&mut self) -> Option<Option<ResponseCode>> {
        let bytes = self.bytes(2)?;
        let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
        if text.is_empty() { Some(None) } else { Some(Some(ResponseCode::new(text)?)) }
    }

    fn reason(&mut self) -> Option<DeclineReason> {
        Some(self.code()?.map_or(DeclineReason::ForeignSale, DeclineReason::Code))
    }

    fn verdict(&mut self) -> Option<Verdict> {
        Some(match self.byte()? {
            1 => Verdict::Accepted(Source::Push),
            2 => Verdict::Accepted(Source::Status),
            3 => Verdict::Accepted(Source::Operator),
            4 => Verdict::Declined(self.reason()?),
            5 => Verdict::Abandoned,
            6 => Verdict::NotSent,
            7 => Verdict::Quarantined,
            _ => return None,
        })
    }

    fn settlement(&mut self) -> Option<Settlement> {
        let at = Boottime(0);
        let closed = |by| Settlement::Closed { at, by, looks: 0 };
        Some(match self.byte()? {
            1 => Settlement::Open(Reversal::NotNeeded),
            2 => Settlement::Open(Reversal::Needed),
            3 => Settlement::Open(Reversal::Acknowledged(at)),
            4 => Settlement::WithOperator,
            5 => closed(Closer::Policy),
            6 => closed(Closer::Operator),
            _ => return None,
        })
    }

    fn void(&mut self) -> Option<Void> {
        Some(match self.byte()? {
            1 => Void::None,
            2 => Void::Sent,
            3 => Void::Unknown,
            4 => Void::Voided,
            5 => Void::Rejected(self.code()??),
            6 => Void::Expired,
            7 => Void::Questioned(self.code()??),
            _ => return None,
        })
    }

    fn alert(&mut self) -> Option<Alert> {
        let field = |reader: &mut Self| FIELDS.get(usize::from(reader.byte()?)).copied();
        Some(match self.byte()? {
            1 => Alert::DuplicateNumbers(self.code()??),
            2 => Alert::ForeignSale,
            3 => Alert::Doubtful,
            4 => Alert::ForeignReversal,
            5 => Alert::LateSuccess,
            6 => Alert::LyingDecline(self.reason()?),
            7 => Alert::LateDebit,
            8 => Alert::ReversalWithoutEffect,
            9 => Alert::DelayBoundBroken,
            10 => Alert::DebitAfterClose,
            11 => Alert::WrongEcho(field(self)?),
            12 => Alert::SloppyEcho(field(self)?),
            13 => Alert::Misconfigured(self.code()??),
            14 => Alert::CheckUnavailable,
            15 => Alert::TooOld,
            16 => Alert::PaidButReversed,
            17 => Alert::PaidButNotSent,
            18 => Alert::Overdue(Duration::from_millis(self.number()?)),
            19 => Alert::OverdueForADay,
            20 => Alert::VoidUnresolved,
            21 => Alert::VoidedAfterAll,
            22 => Alert::Unverified,
            23 => Alert::VoidWithoutEffect,
            _ => return None,
        })
    }

    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn time(&mut self, base: i64) -> Option<(Duration, WallTime)> {
        let since = Duration::from_millis(self.number()?);
        let further = self.number()?;
        let further = (further >> 1) as i64 ^ -((further & 1) as i64);
        let wall = further.wrapping_add(base).wrapping_add(millis(since) as i64);
        Some((since, WallTime::from_unix_millis(wall)))
    }
}
