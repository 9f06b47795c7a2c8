//! The control endpoints: plain HTTP on a port of their own, for tests of any language.

use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::http::HttpRequest;
use crate::behaviour::Behaviour;
use crate::customer::Customer;
use crate::host::Sale;
use crate::phones;
use crate::reply::Reply;
use crate::script::Script;

/// A change to an account; what is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerChange {
    phone: String,
    cash: Option<i64>,
    points: Option<i64>,
    name: Option<String>,
    behaviour: Option<Behaviour>,
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

/// Carries out one control request.
pub(super) fn respond(shared: &Shared, request: &HttpRequest) -> Reply {
    let body = &request.body;
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/health") => done(Ok(json!({ "ok": true }))),
        ("GET", "/ledger") => done(Ok(ledger(shared))),
        ("GET", "/requests") => {
            done(Ok(json!({ "requests": to_value(shared.host_now().requests()) })))
        }
        ("GET", "/phones") => done(Ok(phones::table_json())),
        ("GET", "/connections") => done(Ok(to_value(shared.counters()))),
        ("GET", "/script") => done(Ok(to_value(shared.host().pending_script()))),
        ("POST", "/script") => done(Script::from_json(body).map(|script| {
            let mut host = shared.host_now();
            host.script(script);
            json!({ "steps": host.pending_script().steps.len(),
                    "connections": host.pending_script().connections.len() })
        })),
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
        ("POST", "/clock") => done(read(body).map(|wall: WallClock| {
            shared.clock.set_wall_offset(wall.offset_ms);
            json!({})
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
            "/health"
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
    let taken: i64 = host.ledger().iter().map(crate::ledger::Entry::net).sum();
    let customers: Vec<&Customer> = host.customers().collect();
    json!({ "entries": entries, "customers": to_value(customers), "taken": taken,
            "now_ms": shared.clock.now().ms })
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
        customer.behaviour = change.behaviour.or(customer.behaviour);
        host.put_customer(customer);
    }
    json!({ "customers": count })
}
