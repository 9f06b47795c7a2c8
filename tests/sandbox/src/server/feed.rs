//! What a page that watches is told: everything once, then what has changed, as server-sent events.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Shared;
use crate::host::Host;
use crate::phones::PAGE_PHONE;
use crate::script::label;

/// The shortest time between two messages: a rush is told in pieces.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest: the page sees by it that the sandbox is there.
const SILENCE: Duration = Duration::from_secs(5);
/// So many payments and requests are shown.
const MOST_SHOWN: usize = 200;

/// The head of a feed's answer.
pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";

/// One watcher, and what it knows.
pub(super) struct Feed {
    resets: Option<u64>,
    /// Things by kind and name, each with a hash of how it was last told.
    known: HashMap<(&'static str, String), u64>,
    next: Instant,
    spoke: Instant,
}

impl Feed {
    pub(super) fn new() -> Feed {
        let now = Instant::now();
        Feed { resets: None, known: HashMap::new(), next: now, spoke: now }
    }

    /// The next message if it is time for one, and when to ask again.
    pub(super) fn message(&mut self, shared: &Shared) -> (Option<String>, Instant) {
        let now = Instant::now();
        if now < self.next {
            return (None, self.next);
        }
        let (news, next_event) = {
            let host = shared.host_now();
            (self.news(&host, shared), host.next_event())
        };
        let message = match news {
            Some(news) => Some(format!("data: {news}\n\n")),
            None if now >= self.spoke + SILENCE => Some(":\n\n".to_owned()),
            None => None,
        };
        if message.is_some() {
            self.spoke = now;
        }
        self.next = now + PAUSE;
        let by_itself = next_event.map_or(now + SILENCE, |at| shared.clock.instant(at));
        (message, by_itself.min(self.spoke + SILENCE).max(self.next))
    }

    fn news(&mut self, host: &Host, shared: &Shared) -> Option<Value> {
        let fresh = self.resets != Some(host.resets());
        if fresh {
            self.known.clear();
            self.resets = Some(host.resets());
        }
        let before = std::mem::take(&mut self.known);
        let mut after = HashMap::with_capacity(before.len());
        let mut only_new = |kind: &'static str, things: Vec<(String, Value)>| -> Vec<Value> {
            let mut news = Vec::new();
            for (name, value) in things {
                let mut hasher = DefaultHasher::new();
                value.to_string().hash(&mut hasher);
                let hash = hasher.finish();
                let key = (kind, name);
                if before.get(&key) != Some(&hash) {
                    news.push(value);
                }
                after.insert(key, hash);
            }
            news
        };
        let payments = only_new("payment", payments(host));
        let requests = only_new("request", requests(host));
        let customers = only_new("customer", customers(host));
        let host_now = only_new("host", vec![(String::new(), settings(host, shared))]);
        self.known = after;
        let nothing = payments.is_empty()
            && requests.is_empty()
            && customers.is_empty()
            && host_now.is_empty();
        if nothing && !fresh {
            return None;
        }
        Some(json!({
            "fresh": fresh, "now_ms": shared.clock.now().ms, "payments": payments,
            "requests": requests, "customers": customers, "host": host_now.first(),
        }))
    }
}

fn to_value(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn newest(host: &Host) -> &[crate::ledger::Entry] {
    let all = host.ledger();
    &all[all.len().saturating_sub(MOST_SHOWN)..]
}

fn payments(host: &Host) -> Vec<(String, Value)> {
    let told = newest(host).iter().map(|entry| {
        let mut value = to_value(entry);
        value["net"] = json!(entry.net());
        (entry.id.to_string(), value)
    });
    told.collect()
}

fn requests(host: &Host) -> Vec<(String, Value)> {
    let told = host.newest_requests(MOST_SHOWN).map(|record| {
        let mut value = to_value(record);
        let bodies = host.bodies(record.seq);
        value["asked"] = json!(bodies.map(|bodies| &bodies.asked));
        value["answered"] = json!(bodies.and_then(|bodies| bodies.answered.as_ref()));
        (record.seq.to_string(), value)
    });
    told.collect()
}

/// Whoever decides on the page, those of the payments shown, and others up to as many.
fn customers(host: &Host) -> Vec<(String, Value)> {
    let shown: BTreeSet<&str> = newest(host).iter().map(|entry| entry.phone.as_str()).collect();
    let others = host.customers().map(|customer| customer.phone.as_str()).take(MOST_SHOWN);
    let phones: BTreeSet<&str> = others.chain(shown).chain([PAGE_PHONE]).collect();
    let told = phones.into_iter().map(|phone| {
        let customer = host.customer(phone);
        let mut value = to_value(&customer);
        value["own"] = json!(customer.behaviour.is_some());
        value["behaviour"] = to_value(host.behaviour(phone));
        (phone.to_owned(), value)
    });
    told.collect()
}

/// What is set and what is still to come.
fn settings(host: &Host, shared: &Shared) -> Value {
    let config = host.config();
    let steps: Vec<Value> = host
        .pending_script()
        .steps
        .iter()
        .take(50)
        .map(|step| json!({"on": step.on, "what": label(step), "times": step.times}))
        .collect();
    json!({
        "scale": shared.clock.scale(),
        "command": shared.command,
        "window_ms": config.window_ms,
        "session_ms": config.session_ms,
        "by_hand": config.by_hand,
        "tombstones": config.tombstones,
        "reversals_ignored": config.reversals_ignored,
        "check_contracted": config.check_contracted,
        "sloppy": config.sloppy,
        "steps": steps,
        "steps_in_all": host.pending_script().steps.len(),
        "connections": host.pending_script().connections,
        "taken": host.taken(),
        "forgotten": host.forgotten(),
    })
}
