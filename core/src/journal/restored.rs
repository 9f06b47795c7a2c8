//! A journal that cannot vouch for itself: it is a copy ([fault J21]), it was replaced by an
//! older copy of itself or by another (J12), or its log was lost (J23).
//!
//! What is missing in it cannot be known, and the other copy may live on and count as well. So its
//! numbers jump above everything that was handed out, no new payment is attested, and no payment
//! without a verdict is reversed by itself: in the lost rows it may have been told as Paid. Selling
//! goes on. A person who knows what happened ends the doubt, in so many words (`vouch`).
//!
//! [fault J21]: crate::manual::faults#j-disk-and-journal

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::copies::BACKUP;
use super::engine::{Engine, Water};
use super::failure;
use super::files::Files;
use super::mark::Mark;
use super::whereabouts::Whereabouts;
use super::{aside, meta, owing, parts, place};
use crate::journal::codes::{VOID_SENT, VOID_UNKNOWN};
use crate::journal::{Finding, JournalError, JournalErrorKind};
use crate::numbering::{MAX_NUMBER, starting_batch};
use crate::payment::{Payment, PaymentId};
use crate::wib::WallTime;

/// How often the journal was doubted, and how many of those a person has answered for.
const DOUBTS: &str = "doubts";
const VOUCHED: &str = "vouched";
/// What is known of a journal that was here before and is gone; empty once a person has answered.
const LOST: &str = "lost";
/// 1 in a journal that was never opened, where the one before it is gone with its mark.
const FOLLOWS: &str = "follows a lost one";
/// A copy begins up to so many batches above the quarter-hour count, by chance: two copies that are
/// opened at the same time must not meet.
const SPREAD: u32 = 32;

/// What lies beside a journal, and what does not.
pub(super) struct Beside<'a> {
    pub(super) path: &'a Path,
    pub(super) mark: Option<Mark>,
    /// How often the journal was opened before.
    pub(super) openings: u32,
    /// It was open, and its log is not there.
    pub(super) lost_its_log: bool,
    /// It says that it is open, and was closed since.
    pub(super) was_closed: bool,
}

/// Whether a journal was here, and its mark went with it: a reserve is made behind the journal. One that
/// was set aside leaves its reserve, too; whether another followed it, it knows itself.
pub(super) fn has_left_only_its_reserve(files: &dyn Files, path: &Path) -> bool {
    let is_there = |suffix| files.look(&place::with_suffix(path, suffix)).is_ok();
    is_there(".reserve") && !is_there(".mark") && aside::former(files, path).is_empty()
}

/// Notes in a journal that is being made that the one before it is gone with its mark: its first opening
/// tells it, whichever that is.
pub(super) fn follows_a_lost_one(draft: &Connection) -> rusqlite::Result<()> {
    meta::put(draft, FOLLOWS, 1)
}

/// Compares what lies beside the journal, and what it remembers of itself, with what it is, inside
/// the transaction that opens it.
pub(super) fn judge(
    files: &dyn Files,
    engine: &mut Engine,
    mut water: Water,
    beside: &Beside<'_>,
    now: &Whereabouts,
    remembered: Option<&Whereabouts>,
) -> Result<Water, JournalError> {
    let mut reasons = Vec::new();
    let mut is_lost_now = false;
    let mut floor = water.floor;
    if remembered.is_none() && water.last().is_some() {
        // Of 0.1.0, which did not write down which file it is: this may be one of several copies.
        floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
        let open =
            undecided(&engine.connection).map_err(|error| failure::sqlite("open", &error))?;
        if open > 0 {
            reasons.push(format!(
                "release 0.1.0 did not write down which file it is: this may be a copy, and what became \
                 of {open} payments without an outcome may stand in another one"
            ));
        }
    }
    if beside.lost_its_log {
        floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
        reasons.push(
            "it was open when it was last used, and its log, with the latest payments and verdicts, is \
             gone: deleted, left behind by a copy, or taken in by another program"
                .to_owned(),
        );
    }
    let is_own = |mark: &&Mark| mark.incarnation == engine.incarnation;
    if beside.mark.as_ref().filter(is_own).is_some_and(|mark| mark.openings > beside.openings) {
        floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
        reasons.push(
            "an older copy of it was put in its place: its mark knows of later openings".to_owned(),
        );
    }
    if beside.was_closed {
        floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
        reasons.push(
            "a copy of it was put in its place that was made while it was open, before it was closed; \
             verdicts and payments behind that are missing"
                .to_owned(),
        );
    }
    if let Some(mark) = beside.mark {
        if mark.incarnation != engine.incarnation
            && water.last().is_none()
            && !aside::has(files, beside.path, &mark)
        {
            // A journal that has handed out nothing yet, and the one before it is not here any more.
            match aside::moved_away(files, beside.path, &mark) {
                Some((number, to)) => engine.findings.push(Finding {
                    critical: false,
                    message: owing::is_at(beside.path, number, &to),
                }),
                None => {
                    lost(&engine.connection, mark.numbers, &put_back(files, beside.path))
                        .map_err(|error| failure::sqlite("open", &error))?;
                    is_lost_now = true;
                }
            }
        }
    }
    let follows: Option<i64> =
        meta::get(&engine.connection, FOLLOWS).map_err(|error| failure::sqlite("open", &error))?;
    if follows == Some(1) {
        // Which numbers it handed out cannot be told: as if it sold on.
        floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
        lost(&engine.connection, (0, 0), &put_back(files, beside.path))
            .and_then(|()| meta::put(&engine.connection, FOLLOWS, 0))
            .map_err(|error| failure::sqlite("open", &error))?;
        is_lost_now = true;
    }
    let committed = beside.mark.filter(|mark| is_own(&mark)).and_then(|mark| mark.committed);
    if let Some((id, version)) = committed {
        let known = version_of(&engine.connection, id);
        let known = known.map_err(|error| failure::sqlite("open", &error))?;
        if known.is_none_or(|known| known < version) {
            floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
            reasons.push(format!(
                "its latest commits are missing: its mark knows of version {version} of payment {}, it {}; \
                 the end of its log was damaged, cut off or lost, or an older copy was put in its place",
                id.0,
                known.map_or("knows of none".to_owned(), |known| format!("of version {known}")),
            ));
        }
    }
    if let Some(mark) = beside.mark.filter(|mark| mark.numbers != (0, 0)) {
        let (batch, reference) = mark.numbers;
        let same = mark.incarnation == engine.incarnation;
        let is_behind = mark.numbers > (water.batch, water.reference);
        if is_behind || !same {
            // Batch by batch: the mark is not synced and may lag by some references, not by a batch
            // that a quarter-hour count does not cover.
            floor = floor.max(above(batch.max(water.batch))?);
        }
        if same && is_behind {
            reasons.push(format!(
                "payments are missing in it: its mark knows of numbers up to {batch:06}/{reference:06}, \
                 it knows of {:06}/{:06}; its log was lost, or an older copy was put in its place",
                water.batch, water.reference
            ));
        }
        // A journal that has handed out nothing yet is the successor of a lost one. Above the lost
        // one's mark its numbers are nobody else's.
        let own = Mark::open(engine.incarnation, (water.batch, water.reference), beside.openings);
        let is_put_back =
            aside::has(files, beside.path, &mark) && aside::is_put_back(files, beside.path, &own);
        if !same && water.last().is_some() && !is_put_back {
            reasons
                .push("another journal was put in the place of the one that was here".to_owned());
        }
    }
    if let Some(remembered) = remembered.filter(|remembered| now.is_another_than(remembered)) {
        floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
        reasons.push(format!(
            "its file is a copy: it was made anew since it was last opened at {}; a restored backup, \
             a cloned machine, or a move without `ovo-ptp journal move`",
            remembered.path.display()
        ));
    }
    let backup: Option<String> = meta::get(&engine.connection, BACKUP)
        .map_err(|error| failure::sqlite("open", &error))?
        .filter(|made: &String| !made.is_empty());
    if let Some(made) = backup {
        floor = floor.max(above_a_twin(files, &water, WallTime::now())?);
        reasons.push(format!("it is a backup, made at {made}, and does not know what came after"));
        meta::put(&engine.connection, BACKUP, "")
            .map_err(|error| failure::sqlite("open", &error))?;
    }
    if reasons.is_empty() {
        // Whoever heard of it may have died before anybody else did.
        let known = reason(&engine.connection, &water);
        let known = known.map_err(|error| failure::sqlite("open", &error))?;
        let first = if is_lost_now { format!(" ({})", owing::FIRST_SAID) } else { String::new() };
        engine.findings.extend(known.map(|known| {
            let message = format!("{known}{first}");
            Finding { critical: true, message }
        }));
    }
    if floor == water.floor && reasons.is_empty() {
        return Ok(water);
    }
    water.floor = floor;
    if !reasons.is_empty() {
        doubt(&engine.connection, &water, &reasons.join("; "))
            .map_err(|error| failure::sqlite("open", &error))?;
        water.doubted = true;
        leave_open_payments_to_checks(engine)?;
        engine.findings.push(Finding {
            critical: true,
            message: format!(
                "the journal is doubted: {}; {}",
                reasons.join("; "),
                cure(&engine.connection)
            ),
        });
    }
    engine
        .connection
        .execute(
            "UPDATE high_water SET floor = ?1, doubted = max(doubted, ?2)",
            (water.floor, water.doubted),
        )
        .map_err(|error| failure::sqlite("open", &error))?;
    Ok(water)
}

/// The version of a payment that it has; of one that was archived, the last that there is.
fn version_of(connection: &Connection, id: PaymentId) -> rusqlite::Result<Option<u64>> {
    let known: Option<i64> = connection
        .query_row("SELECT version FROM payment WHERE id = ?1", [id.0], |row| row.get(0))
        .optional()?;
    match known {
        Some(known) => Ok(Some(u64::try_from(known).unwrap_or(0))),
        None => Ok(parts::archived(connection, id)?.map(|_| u64::MAX)),
    }
}

/// How to put the one back that was here.
fn put_back(files: &dyn Files, path: &Path) -> String {
    let twice =
        aside::gone_from(files, path).find(|aside| aside::set_aside_twice(files, aside).is_some());
    owing::put_back(files, twice.as_deref().unwrap_or(path))
}

/// Notes that a journal was here and is gone. Its mark may lag, and so know of no number that it has
/// handed out.
fn lost(connection: &Connection, numbers: (u32, u32), put_it_back: &str) -> rusqlite::Result<()> {
    let which = match numbers {
        (0, 0) => "that may have handed out numbers".to_owned(),
        (batch, reference) => {
            format!("that had handed out numbers up to {batch:06}/{reference:06}")
        }
    };
    let lost = format!(
        "a journal {which} was here and is gone; this is a new one, which knows none of its payments \
         and settles nothing of what it owes: {put_it_back}, or reconcile with OVO's settlement file, \
         then `ovo-ptp journal vouch`"
    );
    meta::put(connection, LOST, lost)
}

/// Whether it knows that one before it is gone, and nobody has answered for that.
pub(super) fn misses(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(meta::get::<String>(connection, LOST)?.is_some_and(|lost| !lost.is_empty()))
}

/// What to do about a doubt, with the file that is meant: a shop may have several.
fn cure(connection: &Connection) -> String {
    let file = connection.path().map(|path| format!(" -j {path}")).unwrap_or_default();
    format!(
        "payments go on with numbers that jumped, and nothing that is in it is reversed by itself; see that the other \
         copy is not used any more, reconcile with OVO's settlement file, then `ovo-ptp journal \
         vouch{file}`"
    )
}

fn above(batch: u32) -> Result<u32, JournalError> {
    match batch + 1 {
        above @ ..=MAX_NUMBER => Ok(above),
        _ => Err(JournalError::new(
            JournalErrorKind::Numbers,
            "batch 999999 was used by the journal that lay here before: the numbers of this terminal are used up. \
             Put that one back, which sells on in its last batch, or have OVO give you another terminal, and \
             give that a journal at another place",
        )),
    }
}

/// Raises the numbers above those of another journal of this terminal, inside the caller's
/// transaction.
pub(super) fn begin_above(connection: &Connection, batch: u32) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let water = Water::read(connection).map_err(failed)?;
    if water.batch.max(water.floor) <= batch {
        let floor = above(batch)?;
        connection.execute("UPDATE high_water SET floor = ?1", [floor]).map_err(failed)?;
    }
    Ok(())
}

/// The other copy may go on, and begin a batch at any time.
pub(super) fn above_a_twin(
    files: &dyn Files,
    water: &Water,
    wall: WallTime,
) -> Result<u32, JournalError> {
    let mut chance = [0; 1];
    // Without chance two copies are apart if they are opened a quarter of an hour apart.
    let _ = files.random(&mut chance);
    let spread = u32::from(chance[0]) % SPREAD;
    let floor = water.batch.max(water.floor).max(starting_batch(wall).unwrap_or(0));
    above((floor + spread).min(MAX_NUMBER - 1).max(water.batch))
}

/// How often the journal was doubted.
pub(super) fn doubts(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(meta::get(connection, DOUBTS)?.unwrap_or(0))
}

fn doubt(connection: &Connection, water: &Water, reason: &str) -> rusqlite::Result<()> {
    let known: Option<i64> = meta::get(connection, DOUBTS)?;
    // Journals of 0.1.0 did not count.
    let number = known.unwrap_or(i64::from(water.doubted)) + 1;
    meta::put(connection, DOUBTS, number)?;
    let at = WallTime::now().wib_text();
    meta::put(connection, &format!("doubt {number}"), format!("{at} WIB: {reason}"))
}

/// Doubts a journal because one that it follows is doubted, inside the caller's transaction: the
/// other copy of that one may go on at the same terminal. What is to be told; `None` if this one is
/// doubted already.
pub(super) fn doubt_beside(
    files: &dyn Files,
    connection: &Connection,
    why: &str,
) -> Result<Option<Finding>, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let water = Water::read(connection).map_err(failed)?;
    if water.doubted { Ok(None) } else { doubt_anew(files, connection, why).map(Some) }
}

/// The same whether it is doubted already or not: its numbers jump (again).
pub(super) fn doubt_anew(
    files: &dyn Files,
    connection: &Connection,
    why: &str,
) -> Result<Finding, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let water = Water::read(connection).map_err(failed)?;
    let floor = above_a_twin(files, &water, WallTime::now())?;
    doubt(connection, &water, why).map_err(failed)?;
    connection.execute("UPDATE high_water SET floor = ?1, doubted = 1", [floor]).map_err(failed)?;
    let message = format!("the journal is doubted: {why}; {}", cure(connection));
    Ok(Finding { critical: true, message })
}

/// Why the journal is doubted, if it is.
pub(super) fn reason(connection: &Connection, water: &Water) -> rusqlite::Result<Option<String>> {
    if !water.doubted {
        return Ok(meta::get::<String>(connection, LOST)?.filter(|lost| !lost.is_empty()));
    }
    let number: i64 = meta::get(connection, DOUBTS)?.unwrap_or(1);
    let known: Option<String> = meta::get(connection, &format!("doubt {number}"))?;
    let why = known.unwrap_or_else(|| "it was replaced by an older copy or another one".to_owned());
    Ok(Some(format!("the journal is doubted ({why}); {}", cure(connection))))
}

/// Ends the doubt, inside the caller's transaction. `false` if there is none.
pub(super) fn vouch(
    connection: &Connection,
    water: &Water,
    who_and_why: &str,
) -> rusqlite::Result<bool> {
    let lost = misses(connection)?;
    if lost {
        meta::put(connection, LOST, "")?;
    }
    if !water.doubted && !lost {
        return Ok(false);
    }
    let mut number = 0;
    if water.doubted {
        number = meta::get::<i64>(connection, DOUBTS)?.unwrap_or(1);
        meta::put(connection, VOUCHED, number)?;
    }
    let at = WallTime::now().wib_text();
    meta::put(connection, &format!("vouch {number}"), format!("{at} WIB: {who_and_why}"))?;
    Ok(true)
}

fn undecided(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM payment WHERE verdict IS NULL", [], |row| row.get(0))
}

fn leave_open_payments_to_checks(engine: &mut Engine) -> Result<(), JournalError> {
    let mut open: Vec<Payment> = Vec::new();
    // Row by row: behind a lost log an index may not have what its table has.
    let rest = format!(
        "WHERE closed IS NULL OR due IS NOT NULL OR +void IN ({VOID_SENT}, {VOID_UNKNOWN}) ORDER BY id"
    );
    engine.rows("open", &rest, [], |_, payment| {
        // A damaged row cannot be written; it is never acted upon either.
        open.extend(payment.ok().filter(|Payment { state, .. }| {
            state.rests_on_what_came_last() || state.may_be_closed_since()
        }));
        true
    })?;
    for mut payment in open {
        payment.leave_to_checks();
        engine.update(&payment)?;
    }
    Ok(())
}
