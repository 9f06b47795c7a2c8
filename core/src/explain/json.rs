//! The explanation as one JSON object: for programs, and for the other languages' faces.

use serde_json::{Map, Value, json};

use super::Explanation;
use super::story::{Happened, Moment};
use super::text::{Words, outcome};
use crate::message::Language;
use crate::payment::Ruling;
use crate::payment::history::{Ended, Entry, What};
use crate::wib::WallTime;

/// ISO 8601, in WIB.
fn time(at: WallTime) -> String {
    at.wib_text().replace(' ', "T") + "+07:00"
}

fn both(say: impl Fn(Language) -> String) -> Value {
    json!({ "id": say(Language::Indonesian), "en": say(Language::English) })
}

fn word(value: impl std::fmt::Debug) -> String {
    // The name of a variant, without what it holds: `DuplicateNumbers(94)`.
    let text = format!("{value:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

impl Explanation {
    /// As a JSON object on one line. Times are ISO 8601 in WIB, texts stand under `id` and `en`;
    /// keys are only ever added.
    pub fn json(&self) -> String {
        let text =
            |say: &dyn Fn(&Explanation, Language) -> String| both(|language| say(self, language));
        json!({
            "invoice": self.invoice.as_str(),
            "amount": self.amount.get(),
            "batch": self.numbers.batch(),
            "reference": self.numbers.reference(),
            "begun": time(self.begun),
            "asked": time(self.asked),
            "outcome": self.outcome.as_ref().map(|outcome| outcome.name()),
            "acknowledged": self.acknowledged,
            "settled": self.settled,
            "needs_operator": self.needs_operator,
            "money": self.money.name(),
            "next": self.next.map(|next| json!({
                "step": next.step.name(),
                "at": time(next.at),
            })),
            "story": self.story.iter().map(moment).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "says": {
                "outcome": both(|language| outcome(self.outcome.as_ref(), Words(language)).to_owned()),
                "money": text(&|it, language| it.money_text(language).to_owned()),
                "why": text(&|it, language| it.why(language).to_owned()),
                "next": text(&|it, language| it.next_text(language)),
                "cashier": text(&|it, language| it.cashier(language).to_owned()),
                "operator": text(&|it, language| it.operator(language).to_owned()),
            },
        })
        .to_string()
    }
}

fn moment(moment: &Moment) -> Value {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    put("at", json!(time(moment.at)));
    put("since_ms", json!(u64::try_from(moment.since.as_millis()).unwrap_or(u64::MAX)));
    put("text", both(|language| moment.text(language)));
    match &moment.what {
        Happened::Begun => put("what", json!("begun")),
        Happened::TakenUp => put("what", json!("taken up")),
        Happened::Step(entry) => step(entry, put),
    }
    Value::Object(fields)
}

fn step(entry: &Entry, mut put: impl FnMut(&str, Value)) {
    let what = match &entry.what {
        What::Sent => "sent",
        What::HeldBack => "held back",
        What::Exchange { .. } => "exchange",
        What::Time => "time",
        What::Cancelled { .. } => "cancelled",
        What::Acknowledged => "acknowledged",
        What::Ruled { .. } => "ruled",
        What::ReportedPaid => "reported paid",
        What::VoidAsked => "void asked",
        What::Restarted => "restarted",
        What::Doubted => "doubted",
    };
    put("what", json!(what));
    put("count", json!(entry.count));
    if let Some((_, last)) = entry.last {
        put("last", json!(time(last)));
    }
    match &entry.what {
        What::Exchange { operation, ended, meaning, took } => {
            put("operation", json!(operation.name()));
            put("took_ms", json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
            put("meaning", json!(word(meaning)));
            match ended {
                Ended::NotSent(trouble) => put("not_sent", json!(word(trouble))),
                Ended::NoAnswer(trouble) => put("no_answer", json!(word(trouble))),
                Ended::Answered { status, code } => {
                    put("http_status", json!(status));
                    put("code", json!(code.map(|code| code.to_string())));
                }
            }
        }
        What::Ruled { ruling, reason } => {
            let ruling = match ruling {
                Ruling::Paid => "paid",
                Ruling::Refund => "refund",
                Ruling::Close => "close",
            };
            put("ruling", json!(ruling));
            put("reason", json!(reason));
        }
        _ => {}
    }
    if let Some(rule) = entry.rule {
        put("rule", json!(rule.citation()));
    }
    if let Some(verdict) = entry.verdict {
        put("verdict", json!(word(verdict)));
    }
    if let Some(void) = entry.void {
        put("void", json!(word(void)));
    }
    if let Some(asks) = entry.asks {
        put("asks", json!(word(asks)));
    }
    if let Some(alert) = entry.alert {
        put("alert", json!(word(alert)));
        put("critical", json!(alert.is_critical()));
    }
}
