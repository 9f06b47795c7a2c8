//! What a group of callers writes in one transaction, and what comes of each.

use std::path::PathBuf;

use rusqlite::params_from_iter;

use super::{Engine, MaybeDamaged, Water, superseded};
use crate::journal::belonging::{self, Belonging, Setup};
use crate::journal::jump::Unread;
use crate::journal::owing::{self, Debt};
use crate::journal::parts::{self, Part};
use crate::journal::row::{self, PHONE};
use crate::journal::version::{allocate, first_version, next_version};
use crate::journal::{
    ArchivePlace, Begun, Finding, JournalError, JournalErrorKind, NewPayment, Update, failure,
    jump, meta, probed, restored, rules,
};
use crate::numbering::BatchMethod;
use crate::payment::{Payment, PaymentId};
use crate::wib::WallTime;

/// One write of one caller.
#[derive(Debug)]
pub(in crate::journal) enum Write {
    Begin(Box<NewPayment>, BatchMethod),
    Update(Box<Payment>),
    /// The same, of a payment that another journal of this place settles from here on, or not any more.
    Supersede(Box<Payment>, i64),
    EnterBoot(String),
    /// By whom and why.
    Vouch(String),
    /// Why, for the sake of another journal.
    Doubt(String),
    /// Why, whether it is doubted already or not.
    DoubtAnew(String),
    /// Who follows it at the place where it was set aside.
    Follower(String),
    Belong(Box<Setup>),
    AdoptKey(String, Vec<Vec<u8>>),
    /// What one that was set aside here owes; and who answers for it if it is gone.
    Owing(Debt, Option<String>),
    /// The last batch of one that was set aside here.
    BeginAbove(u32),
    Jump(WallTime),
    /// Those that were set aside here, and whose numbers cannot be read.
    JumpOver(Vec<Unread>),
    /// What it has heard of another one, by a name, and the number of it.
    Heard(String, i64),
    Probe(WallTime),
    /// The random name and the place of an archive that is begun.
    BeginPart(String, PathBuf),
    /// Rows that an archive has: they go, their numbers and invoices stay known.
    TakeOut(u32, Vec<Payment>),
    /// What became of an archive.
    EndPart(Part),
    /// Shows that it can be written to.
    Nothing,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::journal) enum Written {
    Begun(Box<Begun>),
    Update(Update),
    Boot(u32),
    /// Whether there was a doubt to end.
    Vouched(bool),
    /// If it was not doubted before.
    Doubted(Option<Finding>),
    Belonging(Box<Belonging>),
    Adopted,
    Noted,
    Jumped(Option<Finding>),
    Probed(Option<WallTime>),
    Part(Part),
    /// How many went, and those that stay because they are not what the archive has.
    TakenOut(u64, Vec<PaymentId>),
}

impl Engine {
    pub(super) fn apply(&mut self, write: &Write) -> Result<Written, JournalError> {
        match write {
            Write::Begin(new, method) => {
                self.begin(new, *method).map(|begun| Written::Begun(Box::new(begun)))
            }
            Write::Update(payment) => self.update(payment).map(Written::Update),
            Write::Supersede(payment, note) => {
                let updated = self.update(payment)?;
                if matches!(updated, Update::Won(_)) {
                    meta::put(&self.connection, &superseded(payment.id), *note)
                        .map_err(|error| failure::sqlite("supersede", &error))?;
                }
                Ok(Written::Update(updated))
            }
            Write::EnterBoot(id) => self.enter_boot(id).map(Written::Boot),
            Write::Belong(setup) => {
                let mut belonging = belonging::compare(&self.connection, setup)?;
                let unproven = belonging::with_a_phone(&self.connection)
                    .map_err(|error| failure::sqlite("open", &error))?;
                // A damaged row proves nothing.
                let unproven = unproven.and_then(|id| self.payment(id).ok().flatten());
                belonging.unproven = unproven.map(Box::new);
                if belonging.another_terminal {
                    jump::jump_to_another_terminal(&**self.place.files(), &self.connection)?;
                }
                Ok(Written::Belonging(Box::new(belonging)))
            }
            Write::AdoptKey(key, ring) => belonging::adopt(&self.connection, key, ring)
                .map(|()| Written::Adopted)
                .map_err(|error| failure::sqlite("adopt key", &error)),
            Write::Owing(debt, None) => owing::note(&self.connection, debt)
                .map(|()| Written::Noted)
                .map_err(|error| failure::sqlite("open", &error)),
            Write::Owing(debt, Some(who_and_why)) => {
                owing::answer_for(&self.connection, debt, who_and_why)
                    .map(|()| Written::Noted)
                    .map_err(|error| failure::sqlite("vouch", &error))
            }
            Write::BeginAbove(batch) => {
                restored::begin_above(&self.connection, *batch).map(|()| Written::Noted)
            }
            Write::Jump(wall) => {
                jump::jump(&**self.place.files(), &self.connection, *wall).map(Written::Jumped)
            }
            Write::JumpOver(unread) => {
                let files = &**self.place.files();
                jump::over_the_unread(files, &self.connection, self.first_batch, unread)
                    .map(Written::Jumped)
            }
            Write::Heard(name, number) => meta::put(&self.connection, name, *number)
                .map(|()| Written::Noted)
                .map_err(|error| failure::sqlite("open", &error)),
            Write::BeginPart(token, path) => {
                parts::begin(&self.connection, token, path).map(Written::Part)
            }
            Write::TakeOut(number, rows) => {
                self.execute("SAVEPOINT archive")?;
                let gone = parts::take_out(self, *number, rows);
                if gone.is_err() && !self.connection.is_autocommit() {
                    self.execute("ROLLBACK TO archive")?;
                }
                if !self.connection.is_autocommit() {
                    self.execute("RELEASE archive")?;
                }
                gone.map(|(gone, stay)| Written::TakenOut(gone, stay))
            }
            Write::EndPart(part) => parts::put(&self.connection, part).map(|()| Written::Noted),
            Write::Nothing => Ok(Written::Noted),
            Write::Probe(wall) => probed::note(&self.connection, *wall).map(Written::Probed),
            Write::Doubt(why) => {
                restored::doubt_beside(&**self.place.files(), &self.connection, why)
                    .map(Written::Doubted)
            }
            Write::DoubtAnew(why) => {
                restored::doubt_anew(&**self.place.files(), &self.connection, why)
                    .map(|found| Written::Doubted(Some(found)))
            }
            Write::Follower(follower) => {
                meta::put(&self.connection, owing::FOLLOWED_BY, follower.as_str())
                    .map(|()| Written::Noted)
                    .map_err(|error| failure::sqlite("open", &error))
            }
            Write::Vouch(who_and_why) => Water::read(&self.connection)
                .and_then(|water| restored::vouch(&self.connection, &water, who_and_why))
                .map(Written::Vouched)
                .map_err(|error| failure::sqlite("vouch", &error)),
        }
    }

    /// Rule 1.
    fn begin(&mut self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        let doing = "begin";
        if let Some(existing) = self.find(new.invoice.as_str())? {
            return Ok(Begun::Existing(existing));
        }
        if let Some((id, _)) = self.archived(new.invoice.as_str())? {
            return Ok(Begun::Archived(id));
        }
        if new.refuse_unsettled_customer {
            if let Some(open) = self.blocking(new)?.transpose()? {
                return Ok(Begun::UnsettledCustomer(open));
            }
        }
        let (files, terminal) = (&**self.place.files(), &new.terminal);
        let found = jump::jump_for_a_charge(files, &self.connection, terminal, new.wall)?;
        self.found_since.extend(found);
        let water =
            Water::read(&self.connection).map_err(|error| failure::sqlite(doing, &error))?;
        let numbers =
            allocate(water.last(), water.day, self.first_batch, water.floor, method, new.wall)?;
        let id = water.last_id + 1;
        let attested = !water.doubted;
        let payment = first_version(new, id, numbers, self.boot, attested, &self.incarnation);
        let columns = row::encode(&payment, &self.incarnation)?;
        self.execute("SAVEPOINT intent")?;
        let insert = || {
            let phone = "INSERT INTO phone (id, sealed) VALUES (?, ?)";
            self.change(doing, phone, params_from_iter([&columns[0], &columns[PHONE]]))?;
            let rest = columns[..PHONE].iter().chain(&columns[PHONE + 1..]);
            self.change(doing, &self.statements.insert, params_from_iter(rest))
        };
        let inserted = insert();
        if inserted.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK TO intent")?;
        }
        if !self.connection.is_autocommit() {
            self.execute("RELEASE intent")?;
        }
        inserted.map(|()| Begun::Fresh(payment))
    }

    /// The number of an invoice's payment that was archived, and where its archive was made.
    pub(in crate::journal) fn archived(
        &self,
        invoice: &str,
    ) -> Result<Option<(PaymentId, ArchivePlace)>, JournalError> {
        parts::of_invoice(&self.connection, invoice)
            .map_err(|error| failure::sqlite("find", &error))
    }

    /// The customer's first payment that could still be debited beside a new one, or that is damaged.
    pub(in crate::journal) fn blocking(
        &self,
        new: &NewPayment,
    ) -> Result<MaybeDamaged, JournalError> {
        let doing = "begin";
        let failed = |error: rusqlite::Error| failure::sqlite(doing, &error);
        let mut ids =
            self.connection.prepare_cached(&self.statements.ids_by_customer).map_err(failed)?;
        for tag in [&new.phone.tag].into_iter().chain(&new.former_tags) {
            let ids = ids.query_map([tag.as_slice()], |row| row.get(0)).map_err(failed)?;
            for id in ids {
                match self.row(PaymentId(id.map_err(failed)?))? {
                    Some(Ok(open)) if !rules::blocks(&open, new, self.boot) => {}
                    Some(open) => return Ok(Some(open)),
                    None => {}
                }
            }
        }
        Ok(None)
    }

    /// Compare-and-set of a whole row.
    pub(in crate::journal) fn update(&mut self, update: &Payment) -> Result<Update, JournalError> {
        let doing = "update";
        let Some(before) = self.payment(update.id)? else {
            if parts::archived(&self.connection, update.id)
                .map_err(|error| failure::sqlite(doing, &error))?
                .is_some()
            {
                return Err(JournalError::new(
                    JournalErrorKind::Forbidden,
                    format!("payment {} was archived meanwhile", update.id.0),
                ));
            }
            return Err(JournalError::new(
                JournalErrorKind::Corrupt,
                format!("payment {} is missing", update.id.0),
            ));
        };
        if before.version != update.version {
            return Ok(Update::Lost(Box::new(before)));
        }
        let mut after = next_version(&before, update)?;
        if self.sheds {
            after.history.clone_from(&before.history);
        }
        let columns = row::encode(&after, &self.incarnation)?;
        let [id, ..] = &columns;
        let values = columns[PHONE + 1..].iter().chain([id]);
        self.change(doing, &self.statements.update, params_from_iter(values))?;
        self.forgotten += u32::from(before.intent.phone.is_some() && after.intent.phone.is_none());
        Ok(Update::Won(after.version))
    }

    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        let doing = "enter boot";
        let failed = |error: rusqlite::Error| failure::sqlite(doing, &error);
        let known: String = self.meta("boot_id").map_err(failed)?;
        let mut boot: u32 = self.meta("boot").map_err(failed)?;
        if known != boot_id {
            boot += 1;
            let both = "UPDATE meta SET v = CASE k WHEN 'boot' THEN ?1 ELSE ?2 END \
                        WHERE k IN ('boot', 'boot_id')";
            self.change(doing, both, (boot, boot_id))?;
        }
        Ok(boot)
    }
}
