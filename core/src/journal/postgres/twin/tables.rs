//! The tables, and what is read from them.

mod functions;

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::types::Value;
use serde_json::{Map, Value as Json, json};

use super::super::store::{Ask, Reply, StoredRow, Which};
use super::super::unhex;
use crate::journal::row::{COLUMNS, PHONE, TYPES};
use crate::journal::{DEFAULT_LIMIT, Filter, rules};
use crate::payment::{Payment, Verdict};

/// The part of an id that is counted within an epoch.
const COUNTED: i64 = (1 << 40) - 1;

/// Why a statement was refused: SQLSTATE and text.
pub(super) struct Refusal(pub(super) &'static str, pub(super) String);

/// The server that has the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Machine {
    pub(super) timeline: u32,
    pub(super) system: i64,
    /// Its wall clock, in milliseconds since 1970.
    pub(super) wall: i64,
}

#[derive(Clone)]
struct Stored {
    row: Map<String, Json>,
    token: i64,
    payment: Payment,
}

/// What is kept of a payment that was archived.
#[derive(Clone)]
struct Gone {
    invoice: String,
    numbers: (i64, i64),
    place: String,
    part: i64,
}

#[derive(Clone)]
struct ClockRow {
    name: String,
    token: i64,
    base: i64,
    ms: i64,
    beats: i64,
    seen: i64,
    moved: i64,
    closed: bool,
}

impl ClockRow {
    /// A value that is wrong once would be wrong for ever: the server's wall clock bounds it.
    fn most(&self, wall: i64) -> i64 {
        self.ms.max(self.base) + (wall - self.moved).max(0) + 60_000
    }
}

#[derive(Clone)]
struct EpochRow {
    number: i64,
    timeline: u32,
    system: i64,
    nonce: String,
    state: &'static str,
    lost: bool,
    witnessed: bool,
    loss_possible: bool,
}

#[derive(Clone, Default)]
struct WaterRow {
    begun: i64,
    last_id: i64,
    batch: i64,
    reference: i64,
    day: i64,
    floor: i64,
    doubted: i64,
}

#[derive(Clone)]
pub(super) struct Tables {
    meta: BTreeMap<String, String>,
    clocks: BTreeMap<i64, ClockRow>,
    epoch: EpochRow,
    /// By number: nonce, and why.
    failovers: BTreeMap<i64, (String, String)>,
    water: WaterRow,
    payments: BTreeMap<i64, Arc<Stored>>,
    phones: BTreeMap<i64, String>,
    archived: BTreeMap<i64, Gone>,
    /// The end of the log.
    pub(super) lsn: u64,
}

fn number(json: &Json) -> i64 {
    json.as_i64().unwrap_or(0)
}

fn columns(row: &Map<String, Json>, phone: Option<&String>) -> Vec<Value> {
    let all = COLUMNS.iter().zip(TYPES).enumerate();
    all.map(|(index, (name, kind))| {
        if index == PHONE {
            return phone.map_or(Value::Null, |sealed| Value::Blob(unhex(sealed)));
        }
        match &row.get(*name).unwrap_or(&Json::Null) {
            Json::String(text) if kind.starts_with("BLOB") => Value::Blob(unhex(text)),
            Json::String(text) => Value::Text(text.clone()),
            Json::Number(number) => Value::Integer(number.as_i64().unwrap_or(0)),
            _ => Value::Null,
        }
    })
    .collect()
}

impl Tables {
    pub(super) fn new(machine: Machine, loss_possible: bool, name: &str) -> Tables {
        let nonce = format!("{name} 1");
        Tables {
            meta: BTreeMap::from([("incarnation".to_owned(), name.to_owned())]),
            clocks: BTreeMap::new(),
            epoch: EpochRow {
                number: 1,
                timeline: machine.timeline,
                system: machine.system,
                nonce: nonce.clone(),
                state: "open",
                lost: false,
                witnessed: true,
                loss_possible,
            },
            failovers: BTreeMap::from([(1, (nonce, "made".to_owned()))]),
            water: WaterRow::default(),
            payments: BTreeMap::new(),
            phones: BTreeMap::new(),
            archived: BTreeMap::new(),
            lsn: 1 << 24,
        }
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch.number
    }

    pub(super) fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values().map(|stored| &stored.payment)
    }

    /// One statement.
    pub(super) fn answer(&mut self, machine: Machine, ask: &Ask) -> Result<Reply, Refusal> {
        let told = match ask {
            Ask::Call(function, told) => self.call(machine, *function, told)?,
            Ask::Payments(which, known) => {
                let found = self.found(which);
                if let (Some(known), false) = (known, found.is_empty()) {
                    self.guard_told(machine, known)?;
                    self.lsn += 8;
                }
                let rows = found.iter().map(|stored| self.stored(stored));
                return Ok(Reply::Payments(rows.collect()));
            }
            Ask::Dues => {
                let mut dues: BTreeMap<i64, i64> = BTreeMap::new();
                for stored in self.payments.values().filter(|stored| stored.due().is_some()) {
                    let due = stored.due().unwrap_or(0);
                    let first = dues.entry(stored.integer("boot")).or_insert(due);
                    *first = due.min(*first);
                }
                dues.into_iter().map(|(clock, due)| json!([clock, due])).collect()
            }
            Ask::Meta => json!(self.meta),
            Ask::Water => {
                let WaterRow { begun, batch, floor, doubted, .. } = self.water;
                json!([begun, batch, floor, doubted])
            }
            Ask::Health => {
                let unsettled = self.payments().filter(|one| rules::is_unsettled(&one.state));
                let of_epoch: Vec<i64> = self
                    .payments
                    .keys()
                    .chain(self.archived.keys())
                    .filter(|id| **id >> 40 == self.epoch.number - 1)
                    .map(|id| *id & COUNTED)
                    .collect();
                let last = of_epoch.iter().max().copied().unwrap_or(0);
                let missing = last - of_epoch.len() as i64;
                json!([self.payments.len(), unsettled.count(), "on", "on", missing])
            }
            Ask::Figures => {
                let lists = [
                    |one: &Payment| one.state.verdict.is_none(),
                    |one: &Payment| rules::is_unsettled(&one.state),
                    |one: &Payment| one.state.needs_operator(),
                    |one: &Payment| one.state.verdict.is_some() && !one.state.acknowledged,
                ];
                let tally = |is_listed: fn(&Payment) -> bool| {
                    let listed = || self.payments().filter(|one| is_listed(one));
                    let rupiah: i64 = listed().map(|one| one.intent.amount.get()).sum();
                    let oldest = listed().map(|one| one.intent.wall.unix_millis()).min();
                    json!([listed().count(), rupiah, oldest])
                };
                lists.into_iter().map(tally).collect()
            }
            Ask::Archived(invoice) => {
                json!(
                    self.archived
                        .values()
                        .find(|gone| gone.invoice == *invoice)
                        .map(|it| json!([it.part, it.place]))
                )
            }
            Ask::Taken(number) => {
                let part = i64::from(*number);
                json!(self.archived.values().filter(|gone| gone.part == part).count())
            }
            Ask::Archives => self.archives(),
            Ask::Doubt => {
                let doubted = self.water.doubted;
                let why = self.failovers.get(&doubted).filter(|_| doubted > self.vouched());
                json!(why.map(|(_, why)| why))
            }
            Ask::IsAnswered => json!(
                self.payments().any(|one| matches!(
                    one.state.verdict,
                    Some(Verdict::Accepted(_) | Verdict::Declined(_))
                )) || !self.archived.is_empty()
            ),
            // Something may be on its way to it.
            Ask::IsAtWork => json!(true),
            Ask::Epoch => json!([self.epoch.number, self.epoch.nonce, self.epoch.state]),
            Ask::Follows(nonce) => json!(self.failovers.values().any(|(of, _)| of == nonce)),
        };
        Ok(Reply::Told(told))
    }

    fn stored(&self, stored: &Stored) -> StoredRow {
        let phone = self.phones.get(&stored.payment.id.0);
        let phone = phone.filter(|_| stored.row.get("phone_tag").is_some_and(Json::is_string));
        StoredRow { columns: columns(&stored.row, phone), token: Some(stored.token) }
    }

    fn found(&self, which: &Which) -> Vec<Arc<Stored>> {
        let all = self.payments.values();
        let at_most = |limit: i64| usize::try_from(limit).unwrap_or(0);
        match which {
            Which::Id(id) => self.payments.get(id).cloned().into_iter().collect(),
            Which::Invoice(invoice) => {
                all.filter(|one| one.payment.intent.invoice.as_str() == invoice).cloned().collect()
            }
            Which::Listed(filter) => self.listed(filter),
            Which::Ids(ids) => ids.iter().filter_map(|id| self.payments.get(id).cloned()).collect(),
            Which::Over { above, before, limit } => self
                .payments
                .range(above + 1..)
                .map(|(_, one)| one)
                .filter(|one| one.integer("wall") < *before && rules::is_over(&one.payment.state))
                .take(at_most(*limit))
                .cloned()
                .collect(),
            Which::DueBefore { boot, due, late, limit } => {
                let until = (i64::from(*boot), *due);
                let mut found: Vec<_> = all
                    .filter(|one| one.payment.state.late_paid == *late)
                    .filter_map(|one| Some(((one.integer("boot"), one.due()?), one)))
                    .filter(|(at, _)| *at <= until)
                    .collect();
                found.sort_by_key(|(at, _)| *at);
                found.into_iter().take(at_most(*limit)).map(|(_, one)| Arc::clone(one)).collect()
            }
            Which::Due { own, clocks, until, late, among, limit } => {
                let mut found = Vec::new();
                for (clock, until) in clocks.iter().zip(until) {
                    let mut of_clock: Vec<_> = self
                        .payments
                        .values()
                        .filter(|one| one.integer("boot") == *clock)
                        .filter(|one| one.payment.state.late_paid == *late)
                        .filter_map(|one| Some((one.due().filter(|due| due <= until)?, one)))
                        .collect();
                    of_clock.sort_by_key(|(due, _)| *due);
                    found.extend(of_clock.into_iter().take(at_most(*among)).map(|(due, one)| {
                        // In different orders at different times.
                        let mixed = (one.payment.id.0 as u64 ^ self.lsn)
                            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                            >> 32;
                        let order = if clock == own { due } else { mixed as i64 };
                        ((clock != own, order), Arc::clone(one))
                    }));
                }
                found.sort_by_key(|(order, _)| *order);
                found.into_iter().take(at_most(*limit)).map(|(_, one)| one).collect()
            }
        }
    }

    fn listed(&self, filter: &Filter) -> Vec<Arc<Stored>> {
        let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit };
        let listed = |one: &&Arc<Stored>| rules::is_listed(&one.payment, filter);
        if filter.newest_first {
            let before = filter.after.map_or(i64::MAX, |after| after.0);
            let behind = self.payments.range(..before).rev().map(|(_, one)| one);
            return behind.filter(listed).take(limit).cloned().collect();
        }
        let after = filter.after.map_or(0, |after| after.0.max(0)).saturating_add(1);
        let behind = self.payments.range(after..).map(|(_, one)| one);
        behind.filter(listed).take(limit).cloned().collect()
    }

    fn archives(&self) -> Json {
        let mut told: BTreeMap<i64, (i64, i64, usize, &str)> = BTreeMap::new();
        for (id, gone) in &self.archived {
            let known = told.entry(gone.part).or_insert((*id, *id, 0, &gone.place));
            *known = (known.0, *id, known.2 + 1, known.3);
        }
        let wall = |one: Option<(&i64, &Arc<Stored>)>| one.map(|(_, one)| one.integer("wall"));
        told.into_iter()
            .map(|(part, (first, last, payments, place))| {
                let before = wall(self.payments.range(..first).next_back());
                let behind = wall(self.payments.range(last..).next());
                json!([part, payments, before, behind, place])
            })
            .collect()
    }

    fn vouched(&self) -> i64 {
        self.meta.get("vouched").and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

impl Stored {
    fn integer(&self, column: &str) -> i64 {
        self.row.get(column).map_or(0, number)
    }

    fn due(&self) -> Option<i64> {
        self.row.get("due").and_then(Json::as_i64)
    }
}
