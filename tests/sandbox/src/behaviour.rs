//! What a customer does with a prompt.

use serde::{Deserialize, Serialize};

/// A customer's conduct for one push. Times count from the moment at which OVO hears the push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Confirms; is debited and answered 00 at that time. After the customer window (55 s) the
    /// prompt is gone, so a later time is the same as [`Behaviour::Ignore`].
    Approve {
        /// Milliseconds until the confirmation.
        #[serde(default)]
        after_ms: u64,
    },
    /// Ends the push with a failure code and no debit: 17 cancelled, 14 unregistered, 26
    /// undeliverable, or any other.
    Decline {
        /// The response code.
        code: String,
        /// Milliseconds until the answer.
        #[serde(default)]
        after_ms: u64,
    },
    /// Somebody decides by hand while the prompt is shown ([`Host::decide`](crate::Host::decide), the
    /// page); until then as [`Behaviour::Ignore`].
    ByHand {},
    /// Lets the prompt run out: HTTP 404 with an empty body at the session's end
    /// (protocol 3.1), or no answer, as the host is configured.
    Ignore {},
    /// Lets the prompt run out and the host answers nothing at all.
    IgnoreSilently {},
    /// The wallet answers OVO's switch too late: code 68 (protocol 3.2), and the money moves
    /// afterwards or never.
    Pending {
        /// Milliseconds until the answer 68.
        answer_after_ms: u64,
        /// Milliseconds until the debit, if there is one.
        #[serde(default)]
        paid_after_ms: Option<u64>,
    },
    /// Confirms and is debited, but no answer comes back.
    AnswerLost {
        /// Milliseconds until the debit.
        #[serde(default)]
        after_ms: u64,
        /// Whether the connection is closed at the debit; otherwise it stays open and mute.
        #[serde(default)]
        cut: bool,
    },
    /// Confirms and is debited; the answer 00, made at the debit, arrives later.
    AnswerLate {
        /// Milliseconds until the debit.
        #[serde(default)]
        after_ms: u64,
        /// Milliseconds until the answer.
        answer_after_ms: u64,
    },
    /// The session ends unanswered as with [`Behaviour::Ignore`], and the confirmation, already
    /// under way or late, debits the customer all the same.
    ConfirmLate {
        /// Milliseconds until the debit.
        after_ms: u64,
    },
    /// A code that says "not paid" although the customer is debited (OV1).
    DeclineButDebited {
        /// The response code.
        code: String,
        /// Milliseconds until debit and answer.
        #[serde(default)]
        after_ms: u64,
    },
}

/// A behaviour laid out in time: when money is asked for and when what is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) debit_after: Option<u64>,
    pub(crate) say: Say,
    pub(crate) say_after: u64,
}

/// The answer at the end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// What the debit came to: 00, or the code for a balance that does not suffice.
    Outcome,
    /// This code, whatever the books say.
    Code(String),
    /// The session's end without an outcome.
    Expired,
    /// Never a byte.
    Nothing,
    /// The connection closes without a byte.
    Cut,
}

impl Behaviour {
    /// A decline with `code` at once.
    pub fn decline(code: &str) -> Behaviour {
        Behaviour::Decline { code: code.to_owned(), after_ms: 0 }
    }

    /// Whether the phone number has no OVO account, which the inquiry tells too.
    pub(crate) fn is_unregistered(&self) -> bool {
        matches!(self, Behaviour::Decline { code, .. } if code == "14")
    }

    /// The course of a session with this behaviour.
    pub(crate) fn course(&self, window_ms: u64, session_ms: u64) -> Course {
        let expired = Course { debit_after: None, say: Say::Expired, say_after: session_ms };
        match self {
            // Nobody can answer a prompt that is no longer shown (FAQ: 55 s).
            Behaviour::Approve { after_ms } | Behaviour::Decline { after_ms, .. }
                if *after_ms > window_ms =>
            {
                expired
            }
            Behaviour::Approve { after_ms } => {
                Course { debit_after: Some(*after_ms), say: Say::Outcome, say_after: *after_ms }
            }
            Behaviour::Decline { code, after_ms } => {
                Course { debit_after: None, say: Say::Code(code.clone()), say_after: *after_ms }
            }
            Behaviour::Ignore {} | Behaviour::ByHand {} => expired,
            Behaviour::IgnoreSilently {} => Course { say: Say::Nothing, ..expired },
            Behaviour::Pending { answer_after_ms, paid_after_ms } => Course {
                debit_after: *paid_after_ms,
                say: Say::Code("68".to_owned()),
                say_after: *answer_after_ms,
            },
            Behaviour::AnswerLost { after_ms, cut } => Course {
                debit_after: Some(*after_ms),
                say: if *cut { Say::Cut } else { Say::Nothing },
                say_after: if *cut { *after_ms } else { session_ms },
            },
            Behaviour::AnswerLate { after_ms, answer_after_ms } => Course {
                debit_after: Some(*after_ms),
                say: Say::Outcome,
                say_after: (*answer_after_ms).max(*after_ms),
            },
            Behaviour::ConfirmLate { after_ms } => {
                Course { debit_after: Some(*after_ms), ..expired }
            }
            Behaviour::DeclineButDebited { code, after_ms } => Course {
                debit_after: Some(*after_ms),
                say: Say::Code(code.clone()),
                say_after: *after_ms,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_after_the_window_is_no_confirmation() {
        let inside = Behaviour::Approve { after_ms: 55_000 }.course(55_000, 60_000);
        assert_eq!(inside.debit_after, Some(55_000));
        let outside = Behaviour::Approve { after_ms: 55_001 }.course(55_000, 60_000);
        assert_eq!(outside, Behaviour::Ignore {}.course(55_000, 60_000));
    }

    #[test]
    fn a_behaviour_reads_from_json_and_refuses_what_it_does_not_know() {
        let read = |text| serde_json::from_str::<Behaviour>(text);
        assert_eq!(read(r#"{"approve":{}}"#).unwrap(), Behaviour::Approve { after_ms: 0 });
        assert_eq!(read(r#"{"ignore":{}}"#).unwrap(), Behaviour::Ignore {});
        assert!(read(r#"{"approve":{"after":3}}"#).is_err());
        assert!(read(r#"{"agree":{}}"#).is_err());
    }
}
