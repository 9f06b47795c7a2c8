//! The control endpoints: plain HTTP on a port of their own, for tests of any language.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Shared;
use super::clock::MOST_OFFSET_MS;
use super::http::HttpRequest;
use crate::behaviour::Behaviour;
use crate::customer::Customer;
use crate::host::{Decision, Sale};
use crate::phones;
use crate::reply::Reply;
use crate::script::Script;
use crate::settlement::settlement_report;

/// So many steps may wait: more is a mistake, and every request looks through them.
const MOST_STEPS: usize = 10_000;

/// A change to an account; what is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerChange {
    phone: String,
    cash: Option<i64>,
    points: Option<i64>,
    name: Option<String>,
    /// `null` is not the same as nothing: the customer is again what the phone number says.
    #[serde(default, deserialize_with = "named")]
    behaviour: Option<Option<Behaviour>>,
}

fn named<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Option<Behaviour>>, D::Error> {
    Option::deserialize(reader).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    id: Option<u64>,
    invoice: Option<String>,
    decision: Decision,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WallClock {
    offset_ms: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorReversal {
    invoice: String,
}

fn json_reply(status: u16, value: &Value) -> Reply {
    let mut reply = Reply::empty(status);
    reply.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    reply.body = serde_json::to_vec(value).unwrap_or_default();
    reply
}

fn done(result: Result<Value, String>) -> Reply {
    match result {
        Ok(value) => json_reply(200, &value),
        Err(error) => json_reply(400, &json!({ "error": error })),
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn to_value<T: serde::Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn text_reply(kind: &str, body: String) -> Reply {
    let mut reply = Reply::empty(200);
    reply.headers.push(("Content-Type".to_owned(), format!("{kind}; charset=utf-8")));
    reply.body = body.into_bytes();
    reply
}

/// Why a request may not come in, as an answer.
pub(super) fn turned_away(shared: &Shared, request: &HttpRequest) -> Option<Reply> {
    let why = shared.door.refusal(request)?;
    Some(json_reply(403, &json!({ "error": why })))
}

/// Carries out one control request.
pub(super) fn respond(shared: &Shared, request: &HttpRequest) -> Reply {
    let mut reply = carried_out(shared, request);
    for (name, value) in [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")] {
        reply.headers.push((name.to_owned(), value.to_owned()));
    }
    reply
}

fn carried_out(shared: &Shared, request: &HttpRequest) -> Reply {
    let body = &request.body;
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => page(shared),
        ("GET", "/health") => done(Ok(json!({ "ok": true }))),
        ("GET", "/ledger") => done(Ok(ledger(shared))),
        ("GET", "/requests") => {
            done(Ok(json!({ "requests": to_value(shared.host_now().requests()) })))
        }
        ("GET", "/phones") => done(Ok(phones::table_json())),
        ("GET", "/ca.pem") => {
            text_reply("application/x-pem-file", shared.certificates.authority_pem.clone())
        }
        ("GET", "/settlement.csv") => {
            let report = settlement_report(shared.host_now().ledger(), request.query("date"));
            match report {
                Ok(report) => {
                    let mut reply = text_reply("text/csv", report);
                    let name = "attachment; filename=\"settlement.csv\"".to_owned();
                    reply.headers.push(("Content-Disposition".to_owned(), name));
                    reply
                }
                Err(error) => done(Err(error)),
            }
        }
        ("GET", "/connections") => done(Ok(to_value(shared.counters()))),
        ("GET", "/script") => done(Ok(to_value(shared.host().pending_script()))),
        ("POST", "/script") => done(Script::from_json(body).and_then(|script| add(shared, script))),
        ("DELETE", "/script") => {
            *shared.host_now().script_mut() = Script::default();
            done(Ok(json!({})))
        }
        ("DELETE", "/script/connections") => {
            shared.host_now().script_mut().connections.clear();
            done(Ok(json!({})))
        }
        ("POST", "/customers") => done(read(body).map(|change| customers(shared, change))),
        ("POST", "/config") => done(read::<Value>(body).and_then(|patch| {
            let mut host = shared.host_now();
            let patched = host.config().patched(patch)?;
            *host.config_mut() = patched;
            Ok(json!({}))
        })),
        ("POST", "/decide") => done(read(body).and_then(|by_hand| decide(shared, &by_hand))),
        ("POST", "/clock") => done(read(body).and_then(|wall: WallClock| {
            if !(-MOST_OFFSET_MS..=MOST_OFFSET_MS).contains(&wall.offset_ms) {
                return Err("offset_ms is more than a hundred years".to_owned());
            }
            shared.clock.set_wall_offset(wall.offset_ms);
            Ok(json!({}))
        })),
        ("POST", "/sales") => done(read(body).map(|sale: Sale| {
            let now = shared.clock.now();
            json!({ "id": shared.host().book_sale(now, &sale) })
        })),
        ("POST", "/reverse") => done(read(body).map(|reversal: OperatorReversal| {
            let now = shared.clock.now();
            let reversed = shared.host().reverse_by_operator(now, &reversal.invoice);
            json!({ "reversed": reversed })
        })),
        ("POST", "/cut") => {
            shared.cut_all.store(true, Ordering::Release);
            done(Ok(json!({})))
        }
        ("POST", "/reset") => {
            shared.host_now().reset();
            done(Ok(json!({})))
        }
        (
            _,
            "/"
            | "/feed"
            | "/ca.pem"
            | "/settlement.csv"
            | "/decide"
            | "/health"
            | "/ledger"
            | "/requests"
            | "/phones"
            | "/connections"
            | "/script"
            | "/script/connections"
            | "/customers"
            | "/config"
            | "/clock"
            | "/sales"
            | "/reverse"
            | "/cut"
            | "/reset",
        ) => json_reply(405, &json!({ "error": "this endpoint has another method" })),
        _ => json_reply(404, &json!({ "error": "no such endpoint" })),
    }
}

fn page(shared: &Shared) -> Reply {
    let mut reply = text_reply("text/html", shared.page.html.clone());
    reply.headers.push(("Content-Security-Policy".to_owned(), shared.page.policy.clone()));
    reply.headers.push(("Referrer-Policy".to_owned(), "no-referrer".to_owned()));
    if let Some(cookie) = shared.door.cookie() {
        reply.headers.push(("Set-Cookie".to_owned(), cookie));
    }
    reply
}

fn add(shared: &Shared, script: Script) -> Result<Value, String> {
    let mut host = shared.host_now();
    let pending = host.pending_script();
    let steps = pending.steps.len() + script.steps.len();
    let connections = pending.connections.len() + script.connections.len();
    if steps.max(connections) > MOST_STEPS {
        return Err(format!("more than {MOST_STEPS} steps would wait"));
    }
    host.script(script);
    Ok(json!({ "steps": steps, "connections": connections }))
}

fn decide(shared: &Shared, by_hand: &ByHand) -> Result<Value, String> {
    let now = shared.clock.now();
    let mut host = shared.host_now();
    let id = match (by_hand.id, &by_hand.invoice) {
        (Some(id), None) => id,
        (None, Some(invoice)) => host
            .ledger()
            .iter()
            .rev()
            .find(|entry| entry.invoice == *invoice)
            .map(|entry| entry.id)
            .ok_or("no payment has this invoice")?,
        _ => return Err("either id or invoice is wanted".to_owned()),
    };
    host.decide(now, id, by_hand.decision)?;
    Ok(json!({}))
}

fn ledger(shared: &Shared) -> Value {
    let host = shared.host_now();
    let entries: Vec<Value> = host
        .ledger()
        .iter()
        .map(|entry| {
            let mut value = to_value(entry);
            value["net"] = json!(entry.net());
            value
        })
        .collect();
    let customers: Vec<&Customer> = host.customers().collect();
    json!({ "entries": entries, "customers": to_value(customers), "taken": host.taken(),
            "forgotten": host.forgotten(), "now_ms": shared.clock.now().ms })
}

fn customers(shared: &Shared, changes: OneOrMany<CustomerChange>) -> Value {
    let changes = match changes {
        OneOrMany::One(change) => vec![change],
        OneOrMany::Many(changes) => changes,
    };
    let mut host = shared.host_now();
    let count = changes.len();
    for change in changes {
        host.balance(&change.phone);
        let known = host.customers().find(|customer| customer.phone == change.phone).cloned();
        let Some(mut customer) = known else { continue };
        customer.cash = change.cash.unwrap_or(customer.cash);
        customer.points = change.points.unwrap_or(customer.points);
        customer.name = change.name.unwrap_or(customer.name);
        customer.behaviour = change.behaviour.unwrap_or(customer.behaviour);
        host.put_customer(customer);
    }
    json!({ "customers": count })
}
