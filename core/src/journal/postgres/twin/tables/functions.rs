//! What the schema's functions do: `functions.sql`, one by one, with the triggers' and constraints' rules
//! as `rules.rs` states them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::super::super::guard::{number_of, text_of};
use super::super::super::rows;
use super::super::super::store::{Function, StoredRow};
use super::{ClockRow, EpochRow, Gone, Machine, Refusal, Stored, Tables, columns, number};
use crate::journal::row::{COLUMNS, INTENT, PHONE};
use crate::journal::rules;
use crate::numbering::MAX_NUMBER;
use crate::payment::Payment;

const WIB_MS: i64 = 25_200_000;
const DAY_MS: i64 = 86_400_000;
/// A clock that was published within this time is live, in milliseconds.
const LIVE: i64 = 10_000;

fn refusal(code: &'static str, why: &str) -> Refusal {
    Refusal(code, why.to_owned())
}

impl Tables {
    pub(super) fn call(
        &mut self,
        machine: Machine,
        function: Function,
        told: &Json,
    ) -> Result<Json, Refusal> {
        match function {
            Function::Write => self.write(machine, told),
            Function::Join => self.join(machine, told),
            Function::Beat => self.beat(machine, told),
            Function::Remember => self.remember(machine, told),
            Function::Archive => self.archive(machine, told),
            Function::Judge => Ok(json!(self.judge(machine, told))),
            Function::Reassert => self.reassert(machine, told),
            Function::Conclude => self.conclude(machine, told),
        }
    }

    fn guard(&self, machine: Machine, nonce: &Json) -> Result<(), Refusal> {
        if (self.epoch.timeline, self.epoch.system) != (machine.timeline, machine.system) {
            return Err(refusal(
                "OV001",
                "this server was promoted or restored, and nobody has judged what it lost",
            ));
        }
        if nonce.as_str() != Some(&self.epoch.nonce) {
            return Err(refusal("OV004", "the journal was judged anew"));
        }
        Ok(())
    }

    pub(super) fn guard_told(&self, machine: Machine, known: &Json) -> Result<(), Refusal> {
        self.guard(machine, &known["nonce"])?;
        let lsn = known["lsn"].as_str().and_then(number_of).unwrap_or(0);
        let beats = number(&known["beats"]);
        let clock = self.clocks.get(&number(&known["clock"]));
        if self.lsn < lsn || (beats > 0 && clock.is_none_or(|clock| clock.beats < beats)) {
            return Err(refusal("OV003", "the server went back behind what it had told"));
        }
        Ok(())
    }

    fn write(&mut self, machine: Machine, p: &Json) -> Result<Json, Refusal> {
        self.guard_told(machine, &p["known"])?;
        let doubting = self.epoch.state == "doubting" && p["doubting"].as_bool().unwrap_or(false);
        if self.epoch.state != "open" && !doubting {
            return Err(refusal("OV005", "the journal is being judged"));
        }
        let all = |key: &str| p[key].as_array().cloned().unwrap_or_default();
        let mut updates = Vec::new();
        for one in all("updates") {
            updates.push(self.update(&one)?);
        }
        let mut begins = Vec::new();
        for one in all("begins") {
            begins.push(self.begin(&one)?);
        }
        // What only was read is told behind a barrier.
        self.lsn += 64;
        Ok(json!({ "updates": updates, "begins": begins, "lsn": text_of(self.lsn) }))
    }

    fn update(&mut self, one: &Json) -> Result<&'static str, Refusal> {
        let Some(row) = one["row"].as_object() else { return Ok("missing") };
        let token = number(&one["token"]);
        let id = number(&one["row"]["id"]);
        let Some(before) = self.payments.get(&id).cloned() else { return Ok("missing") };
        let (was, becomes) = (before.integer("version"), number(&one["row"]["version"]));
        let is_same = |name: &&str| before.row.get(*name) == row.get(*name);
        if !COLUMNS[1..INTENT].iter().chain(&["seed"]).all(is_same) {
            return Ok(if was + 1 == becomes { "intent" } else { "another" });
        }
        if (was, before.token) == (becomes, token) {
            // The answer to the same write was lost.
            return Ok("won");
        }
        if was + 1 != becomes {
            return Ok("lost");
        }
        let mut after = before.row.clone();
        for name in &COLUMNS[PHONE + 1..] {
            after.insert((*name).to_owned(), row.get(*name).cloned().unwrap_or(Json::Null));
        }
        let text = |row: &Map<String, Json>, name: &str| {
            row.get(name).and_then(Json::as_str).unwrap_or("\\x").to_owned()
        };
        if !text(row, "history").starts_with(&text(&before.row, "history"))
            || text(row, "repeated").len() < text(&before.row, "repeated").len()
        {
            // What happened before stays, and no outcome may fail for its history.
            for kept in ["history", "repeated"] {
                after.insert(kept.to_owned(), before.row.get(kept).cloned().unwrap_or(Json::Null));
            }
        }
        let is_forgotten = number(&one["row"]["phone_forgotten"]) != 0;
        let tag = if is_forgotten { None } else { before.row.get("phone_tag").cloned() };
        after.insert("phone_tag".to_owned(), tag.unwrap_or(Json::Null));
        let payment = self.checked(&after, self.phones.get(&id))?;
        rules::check_update(&before.payment, &payment)
            .map_err(|error| Refusal("23514", error.message))?;
        if is_forgotten {
            self.phones.insert(id, String::new());
        }
        self.payments.insert(id, Arc::new(Stored { row: after, token, payment }));
        Ok("won")
    }

    fn checked(&self, row: &Map<String, Json>, phone: Option<&String>) -> Result<Payment, Refusal> {
        let phone = phone.filter(|_| row.get("phone_tag").is_some_and(Json::is_string));
        rows::unchecked(&StoredRow { columns: columns(row, phone), token: None })
            .ok_or_else(|| refusal("23514", "a column does not hold what it should"))
    }

    fn begin(&mut self, one: &Json) -> Result<Json, Refusal> {
        let Some(row) = one["row"].as_object() else { return Ok(Json::Null) };
        let token = number(&one["token"]);
        let invoice = one["row"]["invoice"].as_str().unwrap_or_default();
        let there = self.payments.values();
        if let Some(x) = there.clone().find(|x| x.payment.intent.invoice.as_str() == invoice) {
            let id = x.payment.id.0;
            return Ok(if x.token == token && x.integer("version") == 1 {
                let (batch, reference) = (x.integer("batch"), x.integer("reference"));
                json!(["fresh", id, batch, reference, x.integer("attested")])
            } else {
                json!(["existing", id])
            });
        }
        if let Some((id, _)) = self.archived.iter().find(|(_, gone)| gone.invoice == invoice) {
            return Ok(json!(["archived", id]));
        }
        if one["careful"].as_bool().unwrap_or(false) {
            let tags = one["tags"].as_array().cloned().unwrap_or_default();
            let ignoring = one["ignoring"].as_array().cloned().unwrap_or_default();
            let blocking: Vec<i64> = there
                .filter(|c| c.row.get("phone_tag").is_some_and(|tag| tags.contains(tag)))
                .filter(|c| c.payment.state.may_still_debit())
                .filter(|c| !ignoring.contains(&json!([c.payment.id.0, c.integer("version")])))
                .map(|c| c.payment.id.0)
                .take(16)
                .collect();
            if !blocking.is_empty() {
                return Ok(json!(["blocked", blocking]));
            }
        }
        let w = &self.water;
        let start = one["start"].as_i64();
        let day = (number(&one["row"]["wall"]) + WIB_MS).div_euclid(DAY_MS);
        let (mut batch, mut reference) = if w.batch == 0 {
            (one["first"].as_i64().or(start), 1)
        } else if one["daily"].as_bool().unwrap_or(false) && day > w.day {
            (Some((w.batch + 1).max(start.unwrap_or(0))), 1)
        } else if w.reference < i64::from(MAX_NUMBER) {
            (Some(w.batch), w.reference + 1)
        } else {
            (Some(w.batch + 1), 1)
        };
        if batch.is_some_and(|batch| batch < w.floor) {
            (batch, reference) = (Some(w.floor.max(start.unwrap_or(0))), 1);
        }
        let Some(batch) = batch else { return Ok(json!(["no batch"])) };
        if batch > i64::from(MAX_NUMBER) {
            return Ok(json!(["used up"]));
        }
        let id = ((self.epoch.number - 1) << 40) + w.last_id + 1;
        let attested = i64::from(w.doubted <= self.vouched());
        let mut row = row.clone();
        for (name, value) in
            [("id", id), ("batch", batch), ("reference", reference), ("attested", attested)]
        {
            row.insert(name.to_owned(), json!(value));
        }
        let sealed = one["sealed"].as_str().unwrap_or_default().to_owned();
        let payment = self.checked(&row, Some(&sealed))?;
        rules::check_begin(&payment).map_err(|error| Refusal("OV002", error.message))?;
        self.phones.insert(id, sealed);
        self.payments.insert(id, Arc::new(Stored { row, token, payment }));
        let w = &mut self.water;
        (w.begun, w.last_id, w.batch, w.reference, w.day) =
            (w.begun + 1, w.last_id + 1, batch, reference, day);
        Ok(json!(["fresh", id, batch, reference, attested]))
    }

    fn join(&mut self, machine: Machine, p: &Json) -> Result<Json, Refusal> {
        self.guard(machine, &p["nonce"])?;
        let (name, token) = (p["name"].as_str().unwrap_or_default(), number(&p["token"]));
        self.lsn += 64;
        let known = self.clocks.iter().find(|(_, c)| c.name == name && c.token == token);
        if let Some((id, _)) = known {
            return Ok(json!({ "clock": id }));
        }
        // If nobody was here, nobody remembers what a copy that was put back meanwhile does not know.
        if self.live(machine) == 0 && self.water.batch > 0 {
            let start = number(&p["start"]);
            let next = if start > self.water.batch { start } else { self.water.batch + 1 };
            self.water.floor = self.water.floor.max(next).min(i64::from(MAX_NUMBER));
        }
        let last = self.clocks.keys().max().copied().unwrap_or(0);
        let id = last.max((self.epoch.number - 1) << 20) + 1;
        let (ms, wall) = (number(&p["ms"]), machine.wall);
        let clock = ClockRow {
            name: name.to_owned(),
            token,
            base: ms,
            ms,
            beats: 1,
            seen: wall,
            moved: wall,
            closed: false,
        };
        self.clocks.insert(id, clock);
        Ok(json!({ "clock": id }))
    }

    fn live(&self, machine: Machine) -> usize {
        let live = |clock: &&ClockRow| clock.seen > machine.wall - LIVE && !clock.closed;
        self.clocks.values().filter(live).count()
    }

    fn beat(&mut self, machine: Machine, p: &Json) -> Result<Json, Refusal> {
        self.guard_told(machine, &p["known"])?;
        self.lsn += 64;
        let (own, wall) = (&p["own"], machine.wall);
        for told in p["clocks"].as_array().into_iter().flatten() {
            let (id, base, ms) = (number(&told[0]), number(&told[1]), number(&told[2]));
            let Some(clock) = self.clocks.get_mut(&id).filter(|_| id != number(&own[0])) else {
                continue;
            };
            let is_news = base > clock.base || (base == clock.base && ms > clock.ms);
            if base <= ms && ms <= clock.most(wall) && is_news {
                (clock.base, clock.ms, clock.moved) = (base, ms, wall);
            }
        }
        let mut beats = None;
        if let Some(clock) = self.clocks.get_mut(&number(&own[0])) {
            if clock.token != number(&own[1]) {
                return Err(refusal("OV006", "another publishes this clock"));
            }
            let shown = number(&own[2]).min(clock.most(wall)).max(clock.base);
            (clock.base, clock.ms, clock.beats) = (shown, shown, clock.beats + 1);
            (clock.seen, clock.moved) = (wall, wall);
            clock.closed = own[3].as_bool().unwrap_or(false);
            beats = Some(clock.beats);
        }
        let mut touched: BTreeMap<i64, i64> = BTreeMap::new();
        for one in self.payments.values().filter(|one| one.due().is_some()) {
            let last = touched.entry(one.integer("boot")).or_insert(i64::MIN);
            *last = one.integer("touched").max(*last);
        }
        let told: Vec<Json> = touched
            .into_iter()
            .map(|(id, touched)| match self.clocks.get(&id) {
                Some(k) if touched > k.base => {
                    json!([id, touched, touched, k.beats, k.closed])
                }
                Some(k) => json!([id, k.base, k.ms, k.beats, k.closed]),
                None => json!([id, touched, touched, 0, true]),
            })
            .collect();
        Ok(json!({
            "clocks": told,
            "beats": beats,
            "lsn": text_of(self.lsn),
            "state": self.epoch.state,
            "live": self.live(machine),
        }))
    }

    fn remember(&mut self, machine: Machine, p: &Json) -> Result<Json, Refusal> {
        self.guard_told(machine, &p["known"])?;
        self.lsn += 64;
        for (key, was) in p["was"].as_object().into_iter().flatten() {
            if self.meta.get(key).map(String::as_str) != was.as_str() {
                return Ok(json!(false));
            }
        }
        for (key, is) in p["is"].as_object().into_iter().flatten() {
            if ["incarnation", "created", "schema", "constraints"].contains(&key.as_str()) {
                return Err(refusal("OV002", "what names a journal never changes"));
            }
            self.meta.insert(key.clone(), is.as_str().unwrap_or_default().to_owned());
        }
        self.water.floor = self.water.floor.max(number(&p["floor"]));
        Ok(json!(true))
    }

    fn archive(&mut self, machine: Machine, p: &Json) -> Result<Json, Refusal> {
        self.guard_told(machine, &p["known"])?;
        if self.epoch.state != "open" {
            return Err(refusal("OV005", "the journal is being judged"));
        }
        self.lsn += 64;
        let said = |known: &BTreeMap<String, String>, wanted: &dyn Fn(&str) -> bool| {
            let mut parts = known.iter().filter(|(key, _)| key.starts_with("archive "));
            parts.find(|(_, said)| wanted(said)).and_then(|(key, _)| key[8..].parse::<i64>().ok())
        };
        if let Some(token) = p["begin"][0].as_str() {
            if let Some(number) = said(&self.meta, &|it| it.split(' ').nth(1) == Some(token)) {
                return Ok(json!({ "number": number }));
            }
            if let Some(open) = said(&self.meta, &|it| it.starts_with("open ")) {
                if self.archived.values().any(|gone| gone.part == open) {
                    return Ok(json!({ "in_the_way": open }));
                }
                if let Some(part) = self.meta.get_mut(&format!("archive {open}")) {
                    *part = part.replacen("open", "given-up", 1);
                }
            }
            let known = self.meta.get("archives").and_then(|last| last.parse::<i64>().ok());
            let number = known.unwrap_or(0) + 1;
            self.meta.insert("archives".to_owned(), number.to_string());
            let said = p["begin"][1].as_str().unwrap_or_default().to_owned();
            self.meta.insert(format!("archive {number}"), said);
            return Ok(json!({ "number": number }));
        }
        if let (Some(key), Some(said)) = (p["end"][0].as_str(), p["end"][1].as_str()) {
            self.meta.insert(key.to_owned(), said.to_owned());
            return Ok(json!({}));
        }
        let part = number(&p["take"]["number"]);
        let said = self.meta.get(&format!("archive {part}")).cloned().unwrap_or_default();
        let mut words = said.splitn(3, ' ');
        let (Some("open"), Some(place)) = (words.next(), words.nth(1)) else {
            return Ok(json!({ "overtaken": true }));
        };
        let (mut stay, mut strange) = (Vec::new(), Vec::new());
        for told in p["take"]["rows"].as_array().into_iter().flatten() {
            let id = number(&told[0]);
            let name = (told[3].as_str(), (number(&told[4]), number(&told[5])));
            match self.payments.get(&id) {
                None => {
                    let known = self.archived.get(&id);
                    if known.is_none_or(|gone| (Some(gone.invoice.as_str()), gone.numbers) != name)
                    {
                        strange.push(id);
                    }
                }
                Some(x)
                    if (x.integer("version"), Some(x.token))
                        == (number(&told[1]), told[2].as_i64())
                        && rules::is_over(&x.payment.state) =>
                {
                    let gone = Gone {
                        invoice: x.payment.intent.invoice.as_str().to_owned(),
                        numbers: (x.integer("batch"), x.integer("reference")),
                        place: place.to_owned(),
                        part,
                    };
                    self.archived.insert(id, gone);
                    self.payments.remove(&id);
                    self.phones.remove(&id);
                }
                Some(_) => stay.push(id),
            }
        }
        Ok(json!({ "stay": stay, "strange": strange }))
    }

    fn judge(&mut self, machine: Machine, p: &Json) -> &'static str {
        let e = &self.epoch;
        let told = &p["known"];
        if told["nonce"].as_str() != Some(&e.nonce) {
            return "judged";
        }
        let is_other = (e.timeline, e.system) != (machine.timeline, machine.system);
        let lsn = told["lsn"].as_str().and_then(number_of).unwrap_or(0);
        let clock = number(&told["clock"]);
        let known = self.clocks.get(&clock);
        // An end of the log, or a beat, that this node was told, and that the server does not know.
        let is_back = (e.system == machine.system && self.lsn < lsn)
            || known.is_some_and(|known| known.beats < number(&told["beats"]))
            || (clock > 0 && known.is_none());
        if !is_other && !is_back {
            return "same";
        }
        // What the judgement before this one found is not forgotten.
        let has_lost = is_back || e.loss_possible || (e.state != "open" && e.lost);
        let why = if is_other { "another server answers" } else { "the server went back" };
        let next = p["next"].as_str().unwrap_or_default().to_owned();
        let number_of_epoch = e.number + 1;
        self.epoch = EpochRow {
            number: number_of_epoch,
            timeline: machine.timeline,
            system: machine.system,
            nonce: next.clone(),
            state: "judging",
            lost: has_lost,
            witnessed: false,
            loss_possible: e.loss_possible,
        };
        self.failovers.insert(number_of_epoch, (next, why.to_owned()));
        let w = &mut self.water;
        w.last_id = 0;
        w.doubted = w.doubted.max(if has_lost { number_of_epoch } else { 0 });
        let floor = w.floor.max(w.batch + 1).max(number(&p["batch"]) + 1).max(number(&p["start"]));
        w.floor = (floor + number(&p["spread"])).min(i64::from(MAX_NUMBER));
        self.lsn += 64;
        "judging"
    }

    fn reassert(&mut self, machine: Machine, p: &Json) -> Result<Json, Refusal> {
        self.guard(machine, &p["known"]["nonce"])?;
        self.lsn += 64;
        let mut missing: Vec<i64> = p["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|told| {
                let (id, version, token) = (number(&told[0]), number(&told[1]), number(&told[2]));
                let is_there = self.payments.get(&id).is_some_and(|x| {
                    let is = x.integer("version");
                    is > version || (is == version && x.token == token)
                });
                // What was archived since was there.
                (!is_there && !self.archived.contains_key(&id)).then_some(id)
            })
            .collect();
        missing.sort_unstable();
        if !missing.is_empty() && !self.epoch.lost {
            self.epoch.lost = true;
            if self.epoch.state != "judging" {
                self.epoch.state = "doubting";
            }
            self.water.doubted = self.water.doubted.max(self.epoch.number);
        }
        // Only who was here before can say that nothing is missing.
        self.epoch.witnessed |= number(&p["known"]["clock"]) > 0;
        Ok(json!(missing))
    }

    fn conclude(&mut self, machine: Machine, p: &Json) -> Result<Json, Refusal> {
        self.guard(machine, &p["nonce"])?;
        self.lsn += 64;
        let e = &mut self.epoch;
        if e.state == "judging" {
            e.lost |= !e.witnessed;
            e.state = if e.lost { "doubting" } else { "open" };
            if e.lost {
                self.water.doubted = self.water.doubted.max(e.number);
            }
        }
        let mut waiting: Vec<i64> = Vec::new();
        if e.state == "doubting" {
            let damaged: Vec<i64> =
                p["damaged"].as_array().into_iter().flatten().map(number).collect();
            let all = self.payments.iter();
            let rests = all.filter(|(_, one)| one.payment.state.rests_on_what_came_last());
            waiting.extend(rests.map(|(id, _)| *id).filter(|id| !damaged.contains(id)).take(500));
            if waiting.is_empty() {
                e.state = "open";
            }
        }
        Ok(json!({ "state": e.state, "waiting": waiting }))
    }
}
