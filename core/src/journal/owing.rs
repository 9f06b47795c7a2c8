//! What a journal remembers of those that were set aside at its place: how many payments each still
//! owes ([fault J20]). One that is taken away before that is missed, and one whose database is gone
//! beside its log is named.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::files::Files;
use super::notes::Note;
use super::version::Incarnation;
use super::{aside, meta, place};
use crate::hex::hex;
use crate::wib::WallTime;

/// In a journal: what a former one owes, by its name and the number in that of its file. Copies of one
/// journal share the first.
const OWING: &str = "owing ";
const UNCOUNTED: &str = "?";
/// In a journal that was set aside: which one followed it, and the name of the file in which it did.
pub(super) const FOLLOWED_BY: &str = "followed by";
/// By whom and why that was answered for.
const ANSWERED: &str = "answered for ";

/// Behind a journal's name: what it left to another copy of itself ([`super::twins`]).
const COPY: &str = "-copy";

/// What a journal that was set aside owed when it was last seen. Only its being settled, or a person's
/// word, ends that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Debt {
    /// The journal's own name; or, of one that nobody could ever read, the one of its file.
    pub(super) of: String,
    /// The number in its name; 0 for the one that lay at the place itself.
    pub(super) number: i64,
    /// `None` where it could never be counted.
    pub(super) payments: Option<i64>,
    /// Since when it is missed, as told to people.
    pub(super) missed: Option<String>,
}

impl Debt {
    pub(super) fn new(of: &Incarnation, number: i64, payments: i64) -> Debt {
        Debt { of: name(of), number, payments: Some(payments), missed: None }
    }

    /// Of one that cannot be read: `of` if at least its mark tells who it is.
    pub(super) fn unknown(of: Option<String>, number: i64) -> Debt {
        let of = of.unwrap_or_else(|| file_name(number));
        Debt { of, number, payments: None, missed: None }
    }

    /// Of payments that `of` has left to a copy of itself.
    pub(super) fn of_a_copy(of: &Incarnation, number: i64, payments: i64) -> Debt {
        Debt { of: format!("{}{COPY}", name(of)), ..Debt::new(of, number, payments) }
    }

    /// Whether both are about the same journal, and the same copy of it.
    pub(super) fn is_of(&self, other: &Debt) -> bool {
        (&self.of, self.number) == (&other.of, other.number)
    }

    /// The same, once nothing of it is owed any more.
    pub(super) fn struck_off(&self) -> Debt {
        Debt { payments: Some(0), missed: None, ..self.clone() }
    }

    pub(super) fn is_owed(&self) -> bool {
        self.payments != Some(0)
    }

    /// Whether one of two copies of the journal `of` owes it.
    pub(super) fn is_of_a_copy_of(&self, of: &str) -> bool {
        self.of.strip_suffix(COPY) == Some(of)
    }

    /// What to tell of one that lies where nobody settles it.
    pub(super) fn is_of_another_merchant(&self) -> String {
        let owed = match self.payments {
            Some(payments) => format!("owes {payments} payments"),
            None => "may owe payments".to_owned(),
        };
        format!(
            "which was set aside, {owed} and is left alone: it is another merchant's or another \
             environment's, and nobody settles it here; move it to a place of its own \
             (`ovo-ptp journal move`), and open it there with its own credentials"
        )
    }

    /// The same, as it is told from now on.
    pub(super) fn missed_from_now_on(&self) -> Debt {
        Debt { missed: Some(WallTime::now().wib_text()), ..self.clone() }
    }

    /// What to tell a person if the journal is gone.
    pub(super) fn is_missed(&self, here: &Here<'_>) -> String {
        let gone = match self.number {
            0 => here.path.to_owned(),
            number => place::with_suffix(here.path, &format!(".aside-{number}")),
        };
        let which = match self.of.ends_with(COPY) {
            true => "the copy that answered for payments of another one",
            false => "which was set aside",
        };
        let owed = match self.payments {
            Some(payments) => format!("owed {payments} payments when it was last open"),
            None => "could not be read, so that nobody knows what it owed".to_owned(),
        };
        let since = match &self.missed {
            Some(since) => format!(" (missed since {since} WIB)"),
            None => String::new(),
        };
        let gone_where = gone.display();
        let has_another = || here.files.look(&gone).is_ok();
        if self.number != 0 && self.of == here.own && has_another() {
            return format!(
                "the journal {gone_where}, {which} and {owed}, is not there{since}, but another one: what \
                 lies at {} is it, or a copy of it, which settles and knows only what stood in it when it \
                 was copied; if names were mixed up, stop the shop and give each file its own; put the \
                 journal itself back, or compare OVO's settlement file with your books, then `ovo-ptp \
                 journal vouch`",
                here.path.display()
            );
        }
        let put_it_back = put_back(here.files, &gone);
        format!(
            "the journal {gone_where}, {which} and {owed}, is gone{since}: nothing of that is settled, and its \
             invoices are unknown; {put_it_back}, or compare OVO's settlement file with your books, then \
             `ovo-ptp journal vouch`",
        )
    }

    /// What to tell of one that was moved to a place of its own.
    pub(super) fn is_at(&self, path: &Path, to: &Path) -> String {
        is_at(path, u32::try_from(self.number).unwrap_or(0), to)
    }

    /// As [`is_missed`](Self::is_missed), where it is told for the first time: nobody can have answered for it yet.
    pub(super) fn is_missed_now(&self, here: &Here<'_>) -> String {
        let said = self.is_missed(here);
        if self.missed.is_some() { said } else { format!("{said} ({FIRST_SAID})") }
    }
}

/// The place at which something is missed, and the name of the journal that lies there now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) path: &'a Path,
    pub(super) own: &'a str,
}

/// How to put one back that lay at `aside`: from where an earlier release put it that set it aside once
/// more, if it lies there.
pub(super) fn put_back(files: &dyn Files, aside: &Path) -> String {
    match aside::set_aside_twice(files, aside) {
        None => "put it back".to_owned(),
        Some(twice) => format!(
            "it was set aside once more, and {} may be it: stop the shop, and give that one its name \
             {} back, and its log, if there is one",
            twice.display(),
            aside.display()
        ),
    }
}

/// What to tell of the one of that number, which was moved to a place of its own.
pub(super) fn is_at(path: &Path, number: u32, to: &Path) -> String {
    format!(
        "the journal {}, which was set aside, was moved to {}: what it owes is settled there and nowhere \
         else, and its invoices are unknown here",
        aside::numbered(path, number).display(),
        to.display()
    )
}

/// Ends what is told for the first time, and what a person can therefore not have looked into.
pub(super) const FIRST_SAID: &str = "found at this opening";

pub(super) fn name(of: &Incarnation) -> String {
    hex(of)
}

/// Stands for the name of a journal that could never be read.
pub(super) fn file_name(number: i64) -> String {
    format!("aside-{number}")
}

/// All debts, inside or outside a transaction.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Debt>> {
    let mut statement =
        connection.prepare_cached("SELECT k, v FROM meta WHERE k >= ?1 AND k < ?1 || 'g'")?;
    let found = statement.query_map([OWING], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let read = |(key, value): (String, String)| {
        let mut words = value.splitn(2, ' ');
        let (of, number) = key.strip_prefix(OWING)?.rsplit_once(' ')?;
        let (of, number) = (of.to_owned(), number.parse().ok()?);
        let payments = match words.next()? {
            UNCOUNTED => None,
            counted => Some(counted.parse().ok()?),
        };
        Some(Debt { of, number, payments, missed: words.next().map(str::to_owned) })
    };
    Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter_map(read).collect())
}

/// Remembers a debt, inside the caller's transaction.
pub(super) fn note(connection: &Connection, debt: &Debt) -> rusqlite::Result<()> {
    let mut value = match debt.payments {
        Some(payments) => payments.to_string(),
        None => UNCOUNTED.to_owned(),
    };
    if let Some(since) = &debt.missed {
        value = format!("{value} {since}");
    }
    meta::put(connection, &format!("{OWING}{} {}", debt.of, debt.number), value)
}

/// Somebody answers for it, inside the caller's transaction.
pub(super) fn answer_for(
    connection: &Connection,
    debt: &Debt,
    who_and_why: &str,
) -> rusqlite::Result<()> {
    note(connection, &debt.struck_off())?;
    let at = WallTime::now().wib_text();
    let said = format!("{at} WIB: {who_and_why}");
    meta::put(connection, &format!("{ANSWERED}{} {}", debt.of, debt.number), said)
}

/// Before a journal writes its mark over that of the one before it, which told of that one: what was set
/// aside here is missed from now on, whatever becomes of this opening. Inside the caller's transaction.
pub(super) fn expect_the_former(
    files: &dyn Files,
    connection: &Connection,
    path: &Path,
) -> rusqlite::Result<()> {
    let known = all(connection)?;
    for (number, _) in aside::former(files, path) {
        let number = i64::from(number);
        if known.iter().all(|debt| debt.number != number) {
            note(connection, &Debt::unknown(None, number))?;
        }
    }
    Ok(())
}

/// What is gone, and what was moved away.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pub(super) missing: Vec<Debt>,
    /// With where it is now.
    pub(super) moved: Vec<(Debt, PathBuf)>,
    /// Found under another number: noted under that one from here on.
    pub(super) renamed: Vec<Debt>,
}

/// Whose list of debts.
#[derive(Debug)]
pub(super) struct Knowing {
    /// The number of a journal that was set aside; 0 of the present one.
    pub(super) place: i64,
    pub(super) debts: Vec<Debt>,
}

/// Compares what is known to owe something with what is there. `lists`: the present journal's first,
/// then the others', the newest first. `there`: what was set aside here, by name and number.
pub(super) fn gone(
    files: &dyn Files,
    path: &Path,
    own: &str,
    is_doubted: bool,
    lists: &[Knowing],
    there: &[Debt],
) -> Gone {
    let mut known: Vec<(i64, &Debt)> = Vec::new();
    for list in lists {
        for debt in &list.debts {
            // The present one, to which one that it was set aside for looks back: it is here.
            let is_this = list.place != 0 && debt.of == own && !is_doubted;
            if !is_this && known.iter().all(|(_, other)| !other.is_of(debt)) {
                known.push((list.place, debt));
            }
        }
    }
    let names: Vec<&str> = there.iter().map(|it| it.of.as_str()).chain([own]).collect();
    let mut gone = Gone::default();
    let mut taken: Vec<&Debt> = Vec::new();
    for (noted_in, debt) in known.iter().filter(|(_, debt)| debt.is_owed()) {
        let is_at_its_place = |it: &Debt| {
            // One whose name nobody can read is the one of its file.
            let unread = file_name(it.number);
            (it.of == debt.of || debt.of == unread || it.of == unread) && it.number == debt.number
        };
        let has_copies = names.iter().filter(|of| debt.is_of_a_copy_of(of)).count() > 1;
        if has_copies || there.iter().any(is_at_its_place) {
            continue;
        }
        // Under another number: unless that is a copy's, which counts for itself, as does the one that
        // has it noted.
        let is_it_elsewhere = |it: &&Debt| {
            it.of == debt.of
                && it.number != *noted_in
                && known.iter().all(|(_, other)| !other.is_of(it))
                && taken.iter().all(|other| !other.is_of(it))
        };
        let moved_to = || {
            let number = u32::try_from(debt.number).ok().filter(|number| *number > 0)?;
            Note::Moved.read(files, &aside::numbered(path, number)).ok()?
        };
        if let Some(it) = there.iter().find(is_it_elsewhere) {
            taken.push(it);
            gone.renamed.push((*debt).clone());
        } else if let Some(to) = moved_to() {
            gone.moved.push(((*debt).clone(), to));
        } else {
            gone.missing.push((*debt).clone());
        }
    }
    gone
}

/// What to tell of logs whose journal, set aside at `path`, is not beside them any more.
pub(super) fn left_logs(files: &dyn Files, path: &Path) -> Vec<String> {
    let left = aside::left_logs(files, path).into_iter();
    left.map(|(_, aside, log)| {
        format!(
            "{} lies there without the journal {}, which was set aside, and may hold its latest \
             payments: put that one back beside it; or move the log elsewhere, keep it, and compare \
             OVO's settlement file with your books",
            log.display(),
            aside.display()
        )
    })
    .collect()
}
