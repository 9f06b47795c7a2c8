//! Two journals of one place of which one is a copy of the other: a backup that was put back where the
//! journal itself lies set aside ([fault J21]). A payment that both know has one truth: it is answered,
//! listed, ruled on and settled in the one that knows more of it.
//!
//! Copies give a payment the same id and the same numbers, up to the last one that they share; behind
//! it each has payments of its own. Of the shared ones those that are settled in all of them are told by
//! the one that knows more, and among equals by the less doubted one. Of the others each is compared, and
//! whoever knows less of it closes it for good: what is owed must not be paid twice, and nobody is kept
//! waiting for what nobody settles.
//!
//! Only what both can read, under the same invoice and the same numbers, is one payment: a damaged row
//! proves nothing, and hides nothing.
//!
//! [fault J21]: crate::manual::faults#j-disk-and-journal

use std::collections::{BTreeSet, HashMap};

use super::parts::Name;
use super::rules;
use super::sqlite::SqliteJournal;
use crate::invoice::MerchantInvoice;
use crate::journal::{Journal, JournalError};
use crate::payment::{Closer, ListedFor, Payment, PaymentId, Settlement, Source, Verdict, Void};

/// A journal of the place: 0 for the present one, else the number in the name of a former one.
type Number = i64;

/// Which of the journals answers for a payment that several of them know.
#[derive(Debug, Default)]
pub(super) struct Twins {
    copies: HashMap<Number, Shared>,
    /// How many payments that are still owed one journal has left to another.
    left: HashMap<(Number, Number), i64>,
    /// Told as paid by one journal, and given back by another: found at this opening.
    pub(super) contradicted: Vec<MerchantInvoice>,
}

/// What a journal has in common with others.
#[derive(Debug, Default)]
struct Shared {
    with: Vec<With>,
    /// Who answers for those that were not settled in all of them.
    compared: HashMap<i64, Number>,
}

/// Another journal that knows the same payments.
#[derive(Debug)]
struct With {
    other: Number,
    /// Up to this one.
    last: i64,
    /// Of what both know alike, the other one answers.
    other_first: bool,
}

impl Twins {
    /// Compares the journals of a place, and closes what another one settles.
    ///
    /// # Errors
    /// [`JournalError`]
    pub(super) fn among(journals: &[(Number, &SqliteJournal)]) -> Result<Twins, JournalError> {
        let mut twins = Twins::default();
        let mut families: HashMap<_, Vec<Member<'_>>> = HashMap::new();
        for (number, journal) in journals {
            let (incarnation, doubts) = journal.descent()?;
            let member = Member { number: *number, doubts, journal };
            families.entry(incarnation).or_default().push(member);
        }
        for mut family in families.into_values().filter(|family| family.len() > 1) {
            // The present one is the last to be asked.
            family.sort_by_key(|it| (it.doubts, it.number == 0, it.number));
            twins.compare(&family)?;
        }
        Ok(twins)
    }

    fn compare(&mut self, family: &[Member<'_>]) -> Result<(), JournalError> {
        let mut common = HashMap::new();
        for (index, less) in family.iter().enumerate().skip(1) {
            for more in &family[..index] {
                let last = last_in_common(more, less)?;
                common.insert((more.number, less.number), last);
                for (own, other, other_first) in [(less, more, true), (more, less, false)] {
                    let with = With { other: other.number, last, other_first };
                    self.copies.entry(own.number).or_default().with.push(with);
                }
            }
        }
        let mut ids = BTreeSet::new();
        for member in family {
            ids.extend(member.journal.unfinished()?);
        }
        for id in ids {
            let mut left: Vec<&Member<'_>> = family.iter().collect();
            while let Some((first, others)) = left.split_first() {
                let (same, rest): (Vec<&Member<'_>>, Vec<&Member<'_>>) =
                    others.iter().partition(|it| id <= common[&(first.number, it.number)]);
                self.compare_payment(id, &[&[*first], &*same].concat())?;
                left = rest;
            }
        }
        Ok(())
    }

    fn compare_payment(&mut self, id: i64, family: &[&Member<'_>]) -> Result<(), JournalError> {
        if family.len() < 2 {
            return Ok(());
        }
        // Whoever archived it knows that it was over; a copy that was made before need not.
        let mut archived = None;
        for member in family {
            if archived.is_none() {
                let name = member.journal.archived_under(PaymentId(id))?;
                archived = name.map(|name| (member.number, name));
            }
        }
        if let Some((winner, name)) = archived {
            return self.leave_to_the_archive(id, winner, &name, family);
        }
        let mut known = Vec::new();
        for member in family {
            // A damaged row answers for nothing.
            if let Ok(Some(payment)) = member.journal.payment(PaymentId(id)) {
                let is_left = member.journal.is_superseded(id)?;
                known.push(Known { member, payment, is_left });
            }
        }
        if let Some(first) = known.first().map(|it| it.payment.clone()) {
            known.retain(|it| is_one(&it.payment, &first));
        }
        let is_told_paid = known.iter().any(|it| it.is_accepted());
        // Whoever closed it by hand has moved the money: nothing is sent for it any more.
        let standing = |it: &Known<'_>| (it.is_ruled() && !is_told_paid, !it.is_left);
        // The first of equals is the less doubted journal's.
        let best = known.iter().rev().max_by_key(|it| (standing(it), knows(&it.payment)));
        let Some(winner) = best else { return Ok(()) };
        let (number, truth) = (winner.member.number, &winner.payment);
        let is_owed = rules::is_owed(&truth.state);
        let mut is_contradicted = false;
        for it in &known {
            let own = it.member.number;
            self.copies.entry(own).or_default().compared.insert(id, number);
            if own == number {
                continue;
            }
            *self.left.entry((own, number)).or_default() += i64::from(is_owed);
            // Nobody but this one knows of its void: it asks what became of it, until that is known or
            // OVO tells it no more.
            if it.payment.state.void.is_open() && truth.state.void == Void::None {
                continue;
            }
            let closed = closed_by(&it.payment, truth);
            if closed.state != it.payment.state {
                is_contradicted |= winner.is_accepted() && it.gave_it_back();
                it.member.journal.supersede(&closed, is_owed)?;
            }
        }
        if is_contradicted {
            let mut listed = truth.clone();
            listed.state.listed = ListedFor::Contradiction;
            winner.member.journal.update(&listed)?;
            self.contradicted.push(truth.intent.invoice.clone());
        }
        Ok(())
    }

    /// A payment that one of them archived: the others close it, whatever they know of it. Whoever has
    /// another one under its number goes on with that.
    fn leave_to_the_archive(
        &mut self,
        id: i64,
        winner: Number,
        name: &Name,
        family: &[&Member<'_>],
    ) -> Result<(), JournalError> {
        for member in family {
            let own = member.journal.payment(PaymentId(id)).ok().flatten();
            if own.as_ref().is_some_and(|own| Name::of(own) != *name) {
                continue;
            }
            let shared = self.copies.entry(member.number).or_default();
            shared.compared.insert(id, winner);
            let Some(payment) = own else { continue };
            let closed = closed_by(&payment, &payment);
            if member.number != winner && closed.state != payment.state {
                member.journal.supersede(&closed, false)?;
            }
        }
        Ok(())
    }

    /// Whether the journal answers for its payment. `read`: another one's row of that number, if that one
    /// can be asked and can read it.
    pub(super) fn answers(
        &self,
        journal: Number,
        payment: &Payment,
        read: impl Fn(Number) -> Option<Payment>,
    ) -> bool {
        let Some(shared) = self.copies.get(&journal) else { return true };
        let id = payment.id.0;
        let theirs = |other| read(other).filter(|theirs| is_one(theirs, payment));
        if let Some(winner) = shared.compared.get(&id) {
            return *winner == journal || theirs(*winner).is_none();
        }
        let is_theirs = |with: &With| {
            let order = theirs(with.other).map(|theirs| knows(&theirs).cmp(&knows(payment)));
            order.is_some_and(|it| it.is_gt() || (it.is_eq() && with.other_first))
        };
        !shared.with.iter().any(|with| id <= with.last && is_theirs(with))
    }

    /// Whether another one tells a payment that is damaged in this one. `tells`: whether that one has its
    /// row and can read it, or has archived it.
    pub(super) fn is_whole_elsewhere(
        &self,
        journal: Number,
        id: PaymentId,
        tells: impl Fn(Number) -> bool,
    ) -> bool {
        let Some(shared) = self.copies.get(&journal) else { return false };
        shared.with.iter().any(|with| id.0 <= with.last && tells(with.other))
    }

    /// The journals that have payments in common with this one, as copies of one journal.
    pub(super) fn copies_of(&self, journal: Number) -> impl Iterator<Item = Number> + '_ {
        self.copies.get(&journal).into_iter().flat_map(|it| &it.with).map(|with| with.other)
    }

    /// The same, each with the last payment that both know.
    pub(super) fn shares(&self, journal: Number) -> impl Iterator<Item = (Number, i64)> + '_ {
        self.copies.get(&journal).into_iter().flat_map(|it| &it.with).map(|it| (it.other, it.last))
    }

    /// Whether another journal may answer for payments of this one.
    pub(super) fn has_copies(&self, journal: Number) -> bool {
        self.copies.contains_key(&journal)
    }

    /// Whether another one answers for this payment, or this one for another's.
    pub(super) fn has_compared(&self, journal: Number, id: i64) -> bool {
        self.copies.get(&journal).is_some_and(|shared| shared.compared.contains_key(&id))
    }

    /// To which journals this one has left payments, and how many of them are owed.
    pub(super) fn left_by(&self, journal: Number) -> impl Iterator<Item = (Number, i64)> + '_ {
        let by = self.left.iter().filter(move |((loser, _), _)| *loser == journal);
        by.map(|((_, winner), payments)| (*winner, *payments))
    }

    /// Whether another journal leaves payments to this one.
    pub(super) fn rest_on(&self, journal: Number) -> bool {
        self.copies.iter().any(|(number, shared)| {
            *number != journal
                && (shared
                    .with
                    .iter()
                    .any(|it| it.other_first && it.last > 0 && it.other == journal)
                    || shared.compared.values().any(|winner| *winner == journal))
        })
    }
}

struct Member<'a> {
    number: Number,
    doubts: i64,
    journal: &'a SqliteJournal,
}

/// A payment as one of them knows it.
struct Known<'a> {
    member: &'a Member<'a>,
    payment: Payment,
    /// It was closed because another one answers for it.
    is_left: bool,
}

impl Known<'_> {
    fn is_accepted(&self) -> bool {
        matches!(self.payment.state.verdict, Some(Verdict::Accepted(_)))
    }

    /// Whether a person closed it.
    fn is_ruled(&self) -> bool {
        !self.is_left && self.payment.state.is_closed_by_operator()
    }

    /// Whether the money of one that was not accepted went back, or is going, as far as this journal knows.
    fn gave_it_back(&self) -> bool {
        let state = &self.payment.state;
        let is_reversed = state.is_reversible() && (state.reversals.count > 0 || state.late_paid);
        !self.is_accepted() && (self.is_ruled() || is_reversed)
    }
}

/// The last payment that both know, 0 if they have none in common.
fn last_in_common(one: &Member<'_>, other: &Member<'_>) -> Result<i64, JournalError> {
    // One that is damaged in one of them proves nothing: its next neighbour decides.
    let name = |member: &Member<'_>, id| match member.journal.payment(PaymentId(id)) {
        Ok(Some(payment)) => Some(Name::of(&payment)),
        Ok(None) => member.journal.archived_under(PaymentId(id)).ok().flatten(),
        Err(_) => None,
    };
    let is_common = |id| Some(name(one, id)? == name(other, id)?);
    let (mut low, mut high) = (0, one.journal.last_id()?.min(other.journal.last_id()?));
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let mut near = (low + 1..=middle).rev().chain(middle + 1..=high);
        match near.find_map(|id| is_common(id).map(|is_common| (id, is_common))) {
            Some((id, true)) => low = id,
            Some((id, false)) => high = id - 1,
            None => break,
        }
    }
    Ok(low)
}

/// Whether two journals' rows of one number are one payment.
fn is_one(one: &Payment, other: &Payment) -> bool {
    Name::of(one) == Name::of(other)
}

/// Of two copies of a payment the greater one answers: what it knows, and how often that changed.
fn knows(payment: &Payment) -> (u8, u64) {
    (knowledge(payment), payment.version)
}

/// How much a journal knows of a payment.
fn knowledge(payment: &Payment) -> u8 {
    let state = &payment.state;
    match (state.verdict, state.settlement) {
        // Told as Paid: nothing may return that money unasked. A doubted journal only asks what became of
        // its void.
        (Some(Verdict::Accepted(_)), _) if state.void.is_open() && state.doubted => 5,
        (Some(Verdict::Accepted(_)), _) => 6,
        // It does not even know whether it missed the verdict.
        (Some(Verdict::Quarantined), Settlement::Open(_)) => 0,
        // Nor did any check tell it: a journal that vouches for itself can still settle the payment.
        (Some(Verdict::Quarantined), Settlement::WithOperator) => 1,
        (None, _) => 2,
        // Nor whether the payment was settled since.
        (Some(_), _) if state.doubted => 3,
        (Some(_), _) => 4,
    }
}

/// The payment with nothing left to do, to be heard of or to be asked, and as near to the `truth` as
/// a verdict that is written once can come.
fn closed_by(payment: &Payment, truth: &Payment) -> Payment {
    let mut closed = payment.clone();
    let state = &mut closed.state;
    state.verdict = match (state.verdict, truth.state.verdict) {
        (None, verdict) => Some(verdict.unwrap_or(Verdict::Quarantined)),
        (Some(Verdict::Quarantined), Some(Verdict::Accepted(_))) => {
            Some(Verdict::Accepted(Source::Operator))
        }
        (Some(Verdict::Quarantined), Some(Verdict::Abandoned)) => Some(Verdict::Abandoned),
        (own, _) => own,
    };
    // Asked about by two, it could be sent twice.
    if state.void.is_open() {
        state.void = Void::Expired;
    }
    if !state.is_closed() {
        let at = state.touched;
        state.settlement = Settlement::Closed { at, by: Closer::Operator, looks: 0 };
    }
    (state.due, state.listed, state.acknowledged) = (None, ListedFor::Nothing, true);
    state.phone_forgotten = true;
    closed.intent.phone = None;
    closed.note_doubt();
    closed
}

/// A payment that was [closed](closed_by) because another journal settled it, which is gone now: nobody
/// knows whether it did, and a person has to look.
pub(super) fn left_alone(payment: &Payment) -> Payment {
    let mut alone = payment.clone();
    let state = &mut alone.state;
    if !matches!(state.verdict, Some(Verdict::Accepted(_))) {
        state.settlement = Settlement::WithOperator;
        // The other one may have seen to its return.
        state.doubted = true;
    }
    if !matches!(state.verdict, Some(Verdict::Accepted(_))) || state.void == Void::Expired {
        state.listed = ListedFor::Contradiction;
    }
    state.acknowledged = false;
    alone.note_doubt();
    alone
}

/// Of several payments under one invoice the one that is told: two tills' that did not know each
/// other, or one that was pushed again while its journal was out of sight.
pub(super) fn most_known(payments: impl IntoIterator<Item = Payment>) -> Option<Payment> {
    payments.into_iter().reduce(|first, next| match knowledge(&next) > knowledge(&first) {
        true => next,
        false => first,
    })
}
