//! What a script changes in an answer before it travels: another code, a wrong echo, another body.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mangle::Mangle;
use crate::reply::Reply;
use crate::sloppy::Sloppiness;

/// A redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// 301, 302, 307 or 308.
    pub status: u16,
    /// The `Location`.
    pub to: String,
}

/// Changes to one answer. The books are not touched: what OVO did stays done.
///
/// The order in which they are applied is the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerPlan {
    /// The response code is this, with the shape that goes with it.
    pub code: Option<String>,
    /// The echoes are sloppy in these ways, behind those of the configuration.
    pub sloppy: Vec<Sloppiness>,
    /// These fields get these values; a dot leads into an object, as in
    /// `transactionRequestData.merchantInvoice`. A wrong echo, an unknown field, a code as number.
    pub set: BTreeMap<String, Value>,
    /// These fields are left out.
    pub remove: Vec<String>,
    /// The text of the body is spoilt.
    pub mangle: Option<Mangle>,
    /// The whole body is this text instead.
    pub body: Option<String>,
    /// An HTML error page with this status instead.
    pub html: Option<u16>,
    /// This status with an empty body instead.
    pub empty: Option<u16>,
    /// A redirect with an empty body instead.
    pub redirect: Option<Redirect>,
    /// The HTTP status is this.
    pub status: Option<u16>,
    /// More headers, for example `Retry-After`.
    pub headers: BTreeMap<String, String>,
    /// The answer leaves no earlier than this many milliseconds after the request was heard.
    pub at_ms: Option<u64>,
    /// The answer leaves this much later than it would.
    pub delay_ms: u64,
}

impl AnswerPlan {
    /// Whether there is anything to say on behalf of a host that has not acted.
    pub(crate) fn speaks_for_itself(&self) -> bool {
        self.code.is_some()
            || self.body.is_some()
            || self.html.is_some()
            || self.empty.is_some()
            || self.redirect.is_some()
            || self.status.is_some()
    }

    /// Applies everything but the code, the sloppy echoes and the times.
    pub(crate) fn apply(&self, reply: &mut Reply) {
        if !self.set.is_empty() || !self.remove.is_empty() {
            if let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) {
                for (path, value) in &self.set {
                    set(&mut body, path, value.clone());
                }
                for path in &self.remove {
                    remove(&mut body, path);
                }
                reply.body = serde_json::to_vec(&body).unwrap_or_default();
            }
        }
        if let Some(mangle) = &self.mangle {
            reply.body = mangle.apply(&reply.body);
        }
        if let Some(body) = &self.body {
            reply.body = body.clone().into_bytes();
        }
        if let Some(status) = self.html {
            reply.status = status;
            reply.headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
            reply.body = b"<html><body><h1>Bad Gateway</h1></body></html>\n".to_vec();
        }
        if let Some(status) = self.empty {
            *reply = Reply { delivery: reply.delivery.clone(), ..Reply::empty(status) };
        }
        if let Some(redirect) = &self.redirect {
            *reply = Reply { delivery: reply.delivery.clone(), ..Reply::empty(redirect.status) };
            reply.headers.push(("Location".to_owned(), redirect.to.clone()));
        }
        if let Some(status) = self.status {
            reply.status = status;
        }
        for (name, value) in &self.headers {
            // A header with a line break would be a second header by accident, not by script.
            let clean = |text: &str| text.replace(['\r', '\n'], " ");
            reply.headers.push((clean(name), clean(value)));
        }
    }
}

fn set(body: &mut Value, path: &str, value: Value) {
    let (outer, inner) = match path.split_once('.') {
        Some((outer, inner)) => (outer, Some(inner)),
        None => (path, None),
    };
    let Some(fields) = body.as_object_mut() else { return };
    match inner {
        None => {
            fields.insert(outer.to_owned(), value);
        }
        Some(inner) => {
            let nested = fields.entry(outer).or_insert_with(|| Value::Object(Default::default()));
            set(nested, inner, value);
        }
    }
}

fn remove(body: &mut Value, path: &str) {
    let Some(fields) = body.as_object_mut() else { return };
    match path.split_once('.') {
        None => {
            fields.remove(path);
        }
        Some((outer, inner)) => {
            if let Some(nested) = fields.get_mut(outer) {
                remove(nested, inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(plan: &str) -> Reply {
        let plan: AnswerPlan = serde_json::from_str(plan).unwrap();
        let mut reply = Reply::empty(200);
        reply.body = br#"{"responseCode":"00","a":{"b":1,"c":2}}"#.to_vec();
        plan.apply(&mut reply);
        reply
    }

    #[test]
    fn fields_are_set_and_removed_by_path() {
        let reply = applied(r#"{"set":{"a.b":"x","d.e":1},"remove":["a.c","responseCode"]}"#);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body, serde_json::json!({"a": {"b": "x"}, "d": {"e": 1}}));
    }

    #[test]
    fn pages_redirects_and_statuses_replace_the_answer() {
        assert!(applied(r#"{"html":502}"#).body.starts_with(b"<html>"));
        let redirect = applied(r#"{"redirect":{"status":307,"to":"https://other.invalid/"}}"#);
        assert_eq!(redirect.status, 307);
        assert!(redirect.body.is_empty());
        let busy = applied(r#"{"empty":503,"headers":{"Retry-After":"30"}}"#);
        assert_eq!(busy.headers, [("Retry-After".to_owned(), "30".to_owned())]);
        assert_eq!(applied(r#"{"status":404}"#).body.first(), Some(&b'{'));
    }
}
