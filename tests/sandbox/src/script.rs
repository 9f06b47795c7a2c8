//! What goes wrong, in order: steps that wait for the request they are meant for.

use std::collections::VecDeque;

use ovo_ptp::message::Operation;
use serde::{Deserialize, Serialize};

use crate::answer::AnswerPlan;
use crate::behaviour::Behaviour;
use crate::delivery::Delivery;
use crate::operation::{On, named};
use crate::request::Glance;
use crate::sloppy::{AnswerTo, Echo, How, Sloppiness};

/// Which of the two copies of a duplicated request is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerOf {
    /// The first; the second's answer is lost.
    #[default]
    First,
    /// The second; the first's answer is lost.
    Second,
}

/// A request that reaches OVO twice (a proxy's retry, N8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Duplicate {
    /// Milliseconds between the two.
    pub gap_ms: u64,
    /// Whose answer leaves.
    pub answer: AnswerOf,
}

/// What OVO does with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Act {
    /// OVO never hears it. Without an answer or a delivery of the step's own, the connection is
    /// closed without a byte.
    pub unheard: bool,
    /// OVO answers as if it had acted, and has not: a reversal that is ignored, a paid push
    /// without a debit.
    pub pretend: bool,
    /// OVO hears it this much later, even if the connection is gone by then.
    pub queue_ms: u64,
    /// OVO hears it twice.
    pub duplicate: Option<Duplicate>,
    /// A check tells of the books as they stood this long ago.
    pub lag_ms: u64,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Which operation it is meant for.
    pub on: On,
    /// Only for this invoice.
    pub invoice: Option<String>,
    /// Only for this phone.
    pub phone: Option<String>,
    /// So many matching requests are let through first.
    pub skip: u32,
    /// How many requests it is for; 0 = all.
    pub times: u32,
    /// What the customer does, instead of what the phone number says.
    pub behave: Option<Behaviour>,
    /// What OVO does with the request.
    pub act: Act,
    /// What the answer says.
    pub answer: AnswerPlan,
    /// How the answer travels.
    pub deliver: Delivery,
}

impl Default for Step {
    fn default() -> Self {
        Step {
            on: On::Any,
            invoice: None,
            phone: None,
            skip: 0,
            times: 1,
            behave: None,
            act: Act::default(),
            answer: AnswerPlan::default(),
            deliver: Delivery::Plain,
        }
    }
}

impl Step {
    /// A step for the next request of this operation. Set the other fields by struct update or
    /// with the methods below.
    pub fn on(operation: Operation) -> Step {
        Step { on: On::Only(operation), ..Step::default() }
    }

    /// A step for the next request, whatever it is.
    pub fn any() -> Step {
        Step::default()
    }

    /// Only for this invoice.
    pub fn invoice(self, invoice: &str) -> Step {
        Step { invoice: Some(invoice.to_owned()), ..self }
    }

    /// So many matching requests are let through first.
    pub fn skip(self, skip: u32) -> Step {
        Step { skip, ..self }
    }

    /// For so many requests; 0 = all.
    pub fn times(self, times: u32) -> Step {
        Step { times, ..self }
    }

    /// The customer does this.
    pub fn behave(self, behaviour: Behaviour) -> Step {
        Step { behave: Some(behaviour), ..self }
    }

    /// OVO never hears the request.
    pub fn unheard(mut self) -> Step {
        self.act.unheard = true;
        self
    }

    /// OVO answers as if it had acted.
    pub fn pretend(mut self) -> Step {
        self.act.pretend = true;
        self
    }

    /// OVO hears the request later.
    pub fn queue_ms(mut self, delay: u64) -> Step {
        self.act.queue_ms = delay;
        self
    }

    /// OVO hears the request twice.
    pub fn duplicate(mut self, gap_ms: u64, answer: AnswerOf) -> Step {
        self.act.duplicate = Some(Duplicate { gap_ms, answer });
        self
    }

    /// A check tells of the past.
    pub fn lag_ms(mut self, lag: u64) -> Step {
        self.act.lag_ms = lag;
        self
    }

    /// The answer's code.
    pub fn code(mut self, code: &str) -> Step {
        self.answer.code = Some(code.to_owned());
        self
    }

    /// A field of the answer is repeated sloppily.
    pub fn sloppy(mut self, field: Echo, how: How) -> Step {
        self.answer.sloppy.push(Sloppiness::new(AnswerTo::Any, field, how));
        self
    }

    /// A field of the answer.
    pub fn set(mut self, path: &str, value: impl Into<serde_json::Value>) -> Step {
        self.answer.set.insert(path.to_owned(), value.into());
        self
    }

    /// The answer.
    pub fn answer(self, answer: AnswerPlan) -> Step {
        Step { answer, ..self }
    }

    /// When the answer leaves at the earliest, counted from the request.
    pub fn at_ms(mut self, at: u64) -> Step {
        self.answer.at_ms = Some(at);
        self
    }

    /// The way of the answer.
    pub fn deliver(self, deliver: Delivery) -> Step {
        Step { deliver, ..self }
    }

    fn matches(&self, glance: &Glance) -> bool {
        let text = |wanted: &Option<String>, got: &Option<String>| {
            wanted.is_none() || wanted.as_deref() == got.as_deref()
        };
        self.on.matches(glance.operation)
            && text(&self.invoice, &glance.invoice)
            && text(&self.phone, &glance.phone)
    }
}

/// What goes wrong with a connection, before any request on it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionFault {
    /// Accepted and reset at once.
    ResetAtAccept,
    /// Accepted and closed at once.
    CloseAtAccept,
    /// Accepted, and never a byte: neither of TLS nor of HTTP.
    Stall,
    /// The TLS hello is answered with the alert of a host that knows only TLS 1.1.
    OldTls,
    /// The certificate has expired.
    ExpiredCertificate,
    /// The certificate is for another host.
    WrongHostCertificate,
    /// The certificate is signed by an authority that nobody knows.
    UnknownAuthority,
    /// The certificate is good for three days more.
    EndingCertificate,
    /// An answer 00 lies on the connection before the request does; the request is then served.
    SpeaksFirst,
    /// Reset as soon as the request's headers have been read; OVO never hears it.
    ResetAfterHead,
    /// Reset as soon as the whole request has been read; OVO never hears it.
    ResetAfterRequest,
}

/// A fault for connections to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionStep {
    /// The fault.
    pub fault: ConnectionFault,
    /// So many connections are let through first.
    #[serde(default)]
    pub skip: u32,
    /// For how many connections; 0 = all.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// All steps that are still to come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Steps for requests.
    pub steps: VecDeque<Step>,
    /// Steps for connections.
    pub connections: VecDeque<ConnectionStep>,
}

impl Script {
    /// Reads a script: an object with `steps` and `connections`, or an array of steps.
    pub fn from_json(text: &[u8]) -> Result<Script, String> {
        let array = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let read = if array {
            serde_json::from_slice(text).map(|steps| Script { steps, connections: VecDeque::new() })
        } else {
            serde_json::from_slice(text)
        };
        read.map_err(|error| error.to_string())
    }

    pub(crate) fn append(&mut self, more: Script) {
        self.steps.extend(more.steps);
        self.connections.extend(more.connections);
    }

    /// The step for a request: the first that matches. A step that still lets requests through
    /// counts this one and leaves it to the steps after it.
    pub(crate) fn take(&mut self, glance: &Glance) -> Option<Step> {
        for place in 0..self.steps.len() {
            let step = &mut self.steps[place];
            if !step.matches(glance) {
                continue;
            }
            if step.skip > 0 {
                step.skip -= 1;
                continue;
            }
            let taken = step.clone();
            match step.times {
                0 => {}
                1 => {
                    self.steps.remove(place);
                }
                _ => step.times -= 1,
            }
            return Some(taken);
        }
        None
    }

    /// The fault for a new connection, by the same rule.
    pub(crate) fn take_connection(&mut self) -> Option<ConnectionFault> {
        for place in 0..self.connections.len() {
            let step = &mut self.connections[place];
            if step.skip > 0 {
                step.skip -= 1;
                continue;
            }
            let fault = step.fault;
            match step.times {
                0 => {}
                1 => {
                    self.connections.remove(place);
                }
                _ => step.times -= 1,
            }
            return Some(fault);
        }
        None
    }
}

impl From<Step> for Script {
    fn from(step: Step) -> Script {
        Script::from([step])
    }
}

impl<const N: usize> From<[Step; N]> for Script {
    fn from(steps: [Step; N]) -> Script {
        Script { steps: steps.into(), ..Script::default() }
    }
}

impl From<Vec<Step>> for Script {
    fn from(steps: Vec<Step>) -> Script {
        Script { steps: steps.into(), ..Script::default() }
    }
}

/// What a step is called in the request log.
pub(crate) fn label(step: &Step) -> String {
    let mut words = Vec::new();
    if step.act.unheard {
        words.push("unheard".to_owned());
    }
    if step.act.pretend {
        words.push("pretend".to_owned());
    }
    if step.act.queue_ms > 0 {
        words.push(format!("queue {} ms", step.act.queue_ms));
    }
    if step.act.duplicate.is_some() {
        words.push("duplicate".to_owned());
    }
    if step.act.lag_ms > 0 {
        words.push(format!("lag {} ms", step.act.lag_ms));
    }
    if step.answer != AnswerPlan::default() {
        words.push("answer changed".to_owned());
    }
    if !step.deliver.is_plain() {
        words.push(step.deliver.name());
    }
    if step.behave.is_some() {
        words.push(format!("behaviour for {}", named(&step.on)));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance(operation: Operation) -> Glance {
        Glance { operation: Some(operation), ..Glance::default() }
    }

    #[test]
    fn steps_are_used_in_order_by_the_requests_they_match() {
        let mut script = Script::from_json(
            br#"[{"on":"reversal","deliver":"reset"},
                 {"on":"reversal","answer":{"code":"ER"},"times":2},
                 {"on":"push_to_pay","behave":{"ignore":{}}}]"#,
        )
        .unwrap();
        let mut next = |operation| script.take(&glance(operation));
        assert_eq!(next(Operation::PushToPay).unwrap().behave, Some(Behaviour::Ignore {}));
        assert_eq!(next(Operation::Reversal).unwrap().deliver, Delivery::Reset);
        for _ in 0..2 {
            assert_eq!(next(Operation::Reversal).unwrap().answer.code.as_deref(), Some("ER"));
        }
        assert_eq!(next(Operation::Reversal), None);
    }

    #[test]
    fn a_skipped_request_goes_to_the_steps_after() {
        let mut script = Script::default();
        script.steps.push_back(Step::any().skip(1).code("ER"));
        script.steps.push_back(Step::any().times(0).code("68"));
        let codes: Vec<Option<String>> =
            (0..3).map(|_| script.take(&glance(Operation::Void)).unwrap().answer.code).collect();
        let codes: Vec<&str> = codes.iter().flatten().map(String::as_str).collect();
        assert_eq!(codes, ["68", "ER", "68"]);
    }

    #[test]
    fn a_misspelt_step_is_refused() {
        assert!(Script::from_json(br#"[{"on":"refund"}]"#).is_err());
        assert!(Script::from_json(br#"[{"deliver":"rest"}]"#).is_err());
        assert!(Script::from_json(br#"{"steps":[{"act":{"queue":1}}]}"#).is_err());
        assert!(Script::from_json(br#"{"connections":[{"fault":"old_tls"}]}"#).is_ok());
    }
}
