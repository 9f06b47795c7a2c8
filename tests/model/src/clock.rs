//! Time as a ladder of instants, so that the production timers apply to a finite model.
//!
//! The policy compares times only: with the push's last byte + 60, 60.5, 65 and 180 s, with a
//! `due`, with a five minutes' wait. Between two instants at which one of those comparisons changes
//! nothing new can happen, so one instant for every such stretch is enough. The window counts
//! either from the last byte or, after a crash, from the Intent + 25 s; the ladder has an instant
//! before and after every threshold of both.
//!
//! The last instant stands for all later times: there every wait of the payment's first ten
//! minutes is over, and all that is left is whatever `due` the policy asks for (a retry, a look
//! behind a closed payment). There a `due` in the future is simply reached: see [`LATER`].

use ovo_ptp::payment::Boottime;

/// The machine has been up for a while when the payment begins.
pub const START: u64 = 1_000_000;

const fn second(after_start: u64) -> Boottime {
    Boottime(START + after_start * 1_000)
}

/// The instants: the push leaves at the first; at the second it may not leave any more; checks
/// and decisions are due at 61 and 66, or 86 and 91 s if the window counts from the Intent; at
/// 206 s neither a push nor its session can be alive; at 600 s the identity gate has been waited at
/// for five minutes, however late the decision.
pub const LADDER: [Boottime; 8] = [
    second(0),
    second(20),
    second(61),
    second(66),
    second(86),
    second(91),
    second(206),
    second(600),
];

/// The instant from which no push and no session of one is alive any more: 60 s + D, and room.
pub const BEYOND_DELAY: u8 = 6;
/// The last instant, which stands for all later times.
pub const LAST: u8 = 7;

/// Where a `due` stands that the ladder does not reach. Longer after the last instant than any
/// retry (18 min), the identity gate (5 min) and the first look behind a closed payment (15 min);
/// the second look and the end of the phone read no clock when they are due.
pub const LATER: Boottime = second(600 + 20 * 60);

/// The instant's number at which a time is reached; `None` if only after the ladder.
pub fn reached_at(time: Boottime) -> Option<u8> {
    LADDER.iter().zip(0..).find(|(instant, _)| **instant >= time).map(|(_, at)| at)
}

/// An instant as a reader sees it.
pub fn name(at: u8) -> String {
    match at {
        LAST => "10 min+".to_owned(),
        _ => format!("{} s", (LADDER[usize::from(at)].0 - START) / 1_000),
    }
}
