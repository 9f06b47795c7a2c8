//! The payment policy: what is done when no answer comes.
//!
//! One pure function, [`step`], takes a payment's durable [`State`], an [`Input`] and the time, and
//! says what the state becomes, which request may then be sent, and what an operator must hear. It
//! has no I/O and no clock of its own. The production client, the simulator and the model checker
//! all run this function.
//!
//! Whoever runs it keeps one rule: **commit the new state durably, by compare-and-set, before
//! sending the request and before telling anybody the outcome** ([policy 2.4], P1-P5). If the
//! compare-and-set loses, the input is stepped again on the row that won.
//!
//! The rule numbers in the code are those of [policy 2.3]. A file has one concept: `open`, `settlement`,
//! `accepted`, `refused_check`, `look`, `doubted`, `operator`, `void` and `reboot` decide, `pace` says when a
//! request may leave, `postcondition` what must hold of each step, and `step` in which order to read.
//!
//! [policy 2.3]: crate::manual::policy#23-rules
//! [policy 2.4]: crate::manual::policy#24-commit-first

mod accepted;
mod alert;
mod answer;
mod doubted;
pub mod history;
mod input;
mod look;
#[cfg(all(ovo_mutants, debug_assertions))]
mod mutant;
mod open;
mod operator;
mod outcome;
mod pace;
#[doc(hidden)]
pub mod postcondition;
mod reboot;
mod record;
mod refused_check;
mod rule;
mod settlement;
mod state;
mod step;
mod timers;
mod void;

pub use alert::Alert;
pub use answer::{Asked, PushAnswer, ReversalAnswer, StatusAnswer, VoidAnswer};
pub use history::History;
pub use input::{Input, Ruling};
#[cfg(all(ovo_mutants, debug_assertions))]
#[doc(hidden)]
pub use mutant::Mutant;
pub(crate) use outcome::settlement_name;
pub use outcome::{
    CLOSED_BY_OPERATOR, Decline, Interrupted, LEFT_TO_CHECKS, NeedsOperator, NotCompleted, NotSent,
    NotSentReason, Outcome, Receipt, VOID_DOUBTED, VOID_UNDER_WAY, VOID_UNKNOWN,
    WAITS_FOR_OPERATOR,
};
pub use record::{Evidence, Intent, PaidWith, Payment, PaymentId};
pub use rule::Rule;
pub use state::{
    Boottime, Closer, DeclineReason, ListedFor, Reversal, Settlement, Source, State, Tries,
    Verdict, Void,
};
pub use step::{Refusal, Request, Step, step};
pub use timers::{LateSuccess, Policy, Timers};
