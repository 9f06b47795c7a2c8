//! A way through the model as a reader sees it: when, who, what.

use std::fmt::Write as _;

use ovo_ptp::payment::{Closer, DeclineReason, Reversal, Settlement, Source, State, Verdict, Void};
use stateright::Path;

use crate::action::{Action, What};
use crate::audit::{INVARIANTS, outcome_bit, outcome_name};
use crate::clock;
use crate::row::{self, NONE, Row};
use crate::world::{Ask, Moment, News, Place};

/// Tells the way, one line an action, and at its end what is broken there.
pub fn tell<const N: usize>(path: Path<Moment<N>, Action>) -> String {
    let ways = path.into_vec();
    let mut story = String::new();
    for (step, next) in ways.iter().zip(ways.iter().skip(1)) {
        let (before, Some(action)) = step else { continue };
        let (who, what) = scene(before, *action, &next.0);
        // A passing of time is told by the instant that it brings.
        let now = clock::name(next.0.now);
        let payment = match N {
            1 => String::new(),
            _ => format!("payment {}: ", action.payment + 1),
        };
        let _ = writeln!(story, "{now:>8}  {who:<9}  {payment}{what}");
    }
    let broken = ways.last().map_or(0, |(moment, _)| moment.broken);
    for (_, name) in INVARIANTS.iter().filter(|(bit, _)| broken & bit != 0) {
        let _ = writeln!(story, "{:>8}  broken     {name}", "");
    }
    story
}

/// Who acts, and what they do.
fn scene<const N: usize>(
    before: &Moment<N>,
    action: Action,
    after: &Moment<N>,
) -> (&'static str, String) {
    let (i, p) = (usize::from(action.payment), usize::from(action.process));
    let process = ["process A", "process B"][p.min(1)];
    let (was, is) = (&before.payments[i], &after.payments[i]);
    let (thread, later) = (&was.threads[p], &is.threads[p]);
    let hears = |what: &str| format!("{what}; {}", committed(was.row, is.row, later.ask));
    let plain = |who, what: &str| (who, what.to_owned());
    match action.what {
        What::TimePasses => plain("clock", "time passes"),
        What::Crash => plain(process, "dies"),
        What::Restart => plain(process, "starts again"),
        What::Reboot => plain("machine", "is restarted, and all processes with it"),
        What::Copy => plain("somebody", "copies the journal"),
        What::PutBack => plain("somebody", "puts the copy back in its place"),
        What::DiskSyncs => plain("disk", "keeps what was committed"),
        What::Pay => plain(process, "is asked for a payment and makes its Intent"),
        What::Resume => plain(process, "is asked again for the payment and reads its row"),
        What::Settle => plain(process, "finds the row due"),
        What::ReadOutcome => {
            let told = outcome_name(outcome_bit(row::unpack(was.row).verdict));
            (process, format!("lists the outcome: {told}"))
        }
        What::AskStatus => plain(process, "is asked for the status by hand"),
        What::AskVoid => plain(process, "is asked for a void"),
        What::Cancel if thread.place == Place::Connecting => {
            plain(process, "is told to give up, before the first byte")
        }
        What::Cancel if thread.place == Place::Idle => {
            plain(process, "is told to give the payment up, and reads its row")
        }
        What::Cancel => (process, hears("is told to give the payment up")),
        What::HandInFile => plain("merchant", "hands in the settlement file: it is paid"),
        What::Rule(news) => plain(
            "operator",
            match news {
                News::RuledPaid => "rules: it is paid",
                News::RuledRefund => "rules: refund it",
                _ => "rules: close it",
            },
        ),
        What::Commit if thread.place == Place::Beginning => {
            plain(process, "commits the Intent and its numbers")
        }
        What::Commit => {
            let change = committed(was.row, is.row, later.ask);
            let lost = was.row == is.row && later.place == Place::Committing;
            let change = if lost { "finds the row changed and reads it again" } else { &change };
            (process, change.to_owned())
        }
        What::Look if later.place == Place::Cleared => {
            plain(process, "looks at clock and journal: the push may leave")
        }
        What::Look => plain(process, "looks at clock and journal: it is too late to push"),
        What::ConnectFails => plain(process, "gets no connection; not one byte left"),
        What::WritePush => plain(process, "writes the push"),
        What::Wake => (process, hears("notices that the row is due")),
        What::HearPush => (process, hears(&format!("hears {}", heard(was.answer)))),
        What::ConnectionBreaks => (process, hears("loses the connection of the push")),
        What::HearOut => (process, hears("has listened to the end")),
        What::HearWord => plain("caller", "reads that OVO has told somebody else"),
        What::Leave => plain("caller", "stops to wait"),
        What::Tell => {
            let told = outcome_name(outcome_bit(row::unpack(thread.local).verdict));
            let what = if thread.waiting { "tells" } else { "knows, with nobody to tell" };
            (process, format!("{what}: {told}"))
        }
        What::Send => (process, format!("sends {}", request(thread.ask))),
        What::RequestLost => ("network", format!("loses {}", request(thread.ask))),
        What::RequestNotSent => (process, format!("cannot send {}", request(thread.ask))),
        What::RequestLate => {
            ("network", format!("holds {} back until nobody waits", request(thread.ask)))
        }
        What::RequestRepeated => ("network", format!("repeats {}", request(thread.ask))),
        What::AnswerLost => {
            ("network", format!("delivers {}, and loses the answer", request(thread.ask)))
        }
        What::TellEarly => plain(process, "tells before the commit: paid"),
        What::ReverseEarly => plain(process, "sends a reversal before the commit"),
        What::OvoAnswers(news) => {
            ("OVO", format!("answers {}: {}", request(thread.ask), heard(news)))
        }
        What::OvoPretends(news) => {
            ("OVO", format!("answers {}: {}, and does nothing", request(thread.ask), heard(news)))
        }
        What::PushArrives => plain("OVO", "takes the push and asks the customer"),
        What::PushRefused(News::Nothing) => plain("OVO", "takes the push again, unheard"),
        What::PushRefused(news) => {
            ("OVO", format!("takes the push, has its numbers already: {}", heard(news)))
        }
        What::PushLost => plain("network", "loses the push"),
        What::PushRepeated => plain("network", "repeats the push"),
        What::CustomerPays => plain("customer", "pays"),
        What::CustomerPaysSloppily => {
            plain("customer", "pays, and OVO's answer repeats something else")
        }
        What::CustomerDeclines => plain("customer", "declines"),
        What::OvoLies => plain("OVO", "answers a decline, though the customer can still pay"),
        What::SessionExpires => plain("OVO", "gives the session up"),
        What::OvoReverses => plain("OVO", "debits the customer and reverses by itself"),
        What::StrayReversalArrives => plain("OVO", "takes a reversal whose sender is gone"),
        What::StrayVoidArrives => plain("OVO", "takes a void whose sender is gone"),
    }
}

fn request(ask: Ask) -> &'static str {
    match ask {
        Ask::Nothing => "nothing",
        Ask::Reversal => "the reversal",
        Ask::Check => "a status check",
        Ask::Void => "the void",
        Ask::CheckVoid => "a check of the void",
    }
}

fn heard(news: News) -> &'static str {
    match news {
        News::Approved => "approved",
        News::Declined => "declined",
        News::Duplicate => "duplicate (94)",
        News::WrongEcho => "approved, with another sale's values",
        News::Paid => "paid",
        News::ForeignSale => "paid, but another sale",
        News::Doubtful => "paid, but whose cannot be told",
        News::NotFound | News::VoidNotFound => "not found (25)",
        News::Reversed => "reversed (73)",
        News::CheckRefused | News::VoidCheckRefused => "no checks here",
        News::Acknowledged | News::Voided | News::VoidFound => "done (00)",
        News::VoidRejected => "rejected",
        _ => "nothing usable",
    }
}

/// What a commit changed, and what follows from it.
fn committed(before: Row, after: Row, ask: Ask) -> String {
    let next = match ask {
        Ask::Nothing => String::new(),
        ask => format!("; {} is next", request(ask)),
    };
    if before == after || after == NONE {
        return format!("nothing to commit{next}");
    }
    let (was, is) = (row::unpack(before), row::unpack(after));
    let mut changes: Vec<String> = Vec::new();
    if was.verdict != is.verdict {
        changes.push(verdict(&is).to_owned());
    }
    if was.settlement != is.settlement {
        changes.push(
            match is.settlement {
                Settlement::Open(Reversal::NotNeeded) => "no reversal",
                Settlement::Open(Reversal::Needed) => "to be reversed",
                Settlement::Open(Reversal::Acknowledged(_)) => "reversal acknowledged",
                Settlement::WithOperator => "left to an operator",
                Settlement::Closed { by: Closer::Operator, .. } => "closed by the operator",
                Settlement::Closed { looks: 0, .. } => "closed",
                Settlement::Closed { .. } => "looked again behind its end",
            }
            .to_owned(),
        );
    }
    if was.void != is.void {
        changes.push(
            match is.void {
                Void::None => "no void",
                Void::Sent => "void begun",
                Void::Unknown => "void unknown",
                Void::Voided => "voided",
                Void::Questioned(_) => "void refused, to be asked about",
                Void::Rejected(_) => "void rejected",
                Void::Expired => "void expired",
            }
            .to_owned(),
        );
    }
    let flags = [
        (was.cancelled, is.cancelled, "cancelled", ""),
        (was.unheard, is.unheard, "nobody listens", ""),
        (was.is_listed(), is.is_listed(), "listed for an operator", "ruled"),
        (was.duplicate_hint, is.duplicate_hint, "numbers doubted", ""),
        (was.doubted, is.doubted, "left to checks", "ruled"),
        (was.seen, is.seen, "seen", "not seen after all"),
        (was.asked_in_vain, is.asked_in_vain, "asked in vain", ""),
        (was.late_paid, is.late_paid, "a late debit", ""),
        (was.check_refused, is.check_refused, "a check refused", ""),
        (was.check_unavailable, is.check_unavailable, "no checks", ""),
    ];
    for (had, has, gained, lost) in flags {
        if had != has {
            changes.push(if has { gained } else { lost }.to_owned());
        }
    }
    if changes.is_empty() {
        changes.push(if ask == Ask::Nothing { "when to look again" } else { "the attempt" }.into());
    }
    format!("commits: {}{next}", changes.join(", "))
}

fn verdict(state: &State) -> &'static str {
    match state.verdict {
        None => "no verdict",
        Some(Verdict::Accepted(Source::Push)) => "Accepted",
        Some(Verdict::Accepted(Source::Status)) => "Accepted, by the status",
        Some(Verdict::Accepted(Source::Operator)) => "Accepted, by the operator",
        Some(Verdict::Declined(DeclineReason::Code(_))) => "Declined",
        Some(Verdict::Declined(DeclineReason::ForeignSale)) => "Declined: another sale",
        Some(Verdict::Abandoned) => "Abandoned",
        Some(Verdict::NotSent) => "NotSent",
        Some(Verdict::Quarantined) => "Quarantined",
    }
}
