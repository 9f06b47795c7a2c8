//! One flow, told exactly, with one blow (or two) at one exact point of it.
//!
//! For enumerations: every moment of a flow is a number, and a test strikes at 1, 2, 3 and so on
//! until a flow ends without having reached the number. A new operation gets its number by itself.

use std::collections::VecDeque;

use ovo_checkout::Fault as WireFault;
use ovo_ptp::message::Operation;
use ovo_ptp::payment::LateSuccess;
use ovo_sandbox::{Behaviour, HostConfig};

use crate::disk::{Cut, Fault};
use crate::plan::{Odds, Plan};
use crate::till::Manner;

/// What strikes, counted from the beginning of a process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The process dies at this moment: a change of the disk, a request, an answer.
    Death(u64),
    /// The machine loses its power at this moment.
    PowerCut(u64, Cut),
    /// This operation of the disk fails, and all later ones if `lasting`.
    DiskFails {
        /// How.
        fault: Fault,
        /// Which operation.
        at: u64,
        /// For how long.
        lasting: bool,
    },
}

/// What somebody does at one exact point of a flow: behind this many turns of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Gives up the payment of that customer, in that process.
    Cancel(u64, usize, usize),
    /// Closes the first process, within so many milliseconds.
    Close(u64, u64),
}

impl Deed {
    pub(crate) fn turn(self) -> u64 {
        match self {
            Deed::Cancel(turn, ..) | Deed::Close(turn, _) => turn,
        }
    }
}

/// A flow.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// When which customer is asked to pay, in milliseconds, and what they do. Their invoices are
    /// `INV-1`, `INV-2` and so on.
    pub customers: Vec<(u64, Behaviour)>,
    /// How tills wait for them.
    pub manner: Manner,
    /// When which payment is given up, by somebody who does not wait for it.
    pub cancels: Vec<(u64, usize)>,
    /// What is done at one exact point.
    pub deed: Option<Deed>,
    /// A second process of the shop, which has no till.
    pub second_process: bool,
    /// When which invoice is voided.
    pub voids: Vec<(u64, usize)>,
    /// When whose number is asked about.
    pub inquiries: Vec<(u64, usize)>,
    /// What the wire does to requests, in their order.
    pub wire: Vec<(Operation, WireFault)>,
    /// Whether the till asks again for what it has not heard, once the process is back.
    pub asks_again: bool,
    /// Whether the journal is made in this flow.
    pub fresh_journal: bool,
    /// What strikes the first life, the second and so on.
    pub blows: VecDeque<Blow>,
    /// For what is left to chance: which unsynced writes a power cut keeps.
    pub seed: u64,
}

impl Scenario {
    /// One customer who does this.
    pub fn one(behaviour: Behaviour) -> Scenario {
        Scenario { customers: vec![(1_000, behaviour)], ..Scenario::default() }
    }

    /// The same with these blows.
    pub fn struck(&self, blows: impl IntoIterator<Item = Blow>) -> Scenario {
        Scenario { blows: blows.into_iter().collect(), ..self.clone() }
    }

    /// The same with this deed.
    pub fn with(&self, deed: Deed) -> Scenario {
        Scenario { deed: Some(deed), ..self.clone() }
    }

    /// A plan in which nothing else goes wrong.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            seed: self.seed,
            processes: 1 + usize::from(self.second_process),
            payments: 0,
            length: 400_000,
            odds: Odds::default(),
            outages: 0,
            kills: 0,
            power_cuts: 0,
            suspends: 0,
            jumps: 0,
            disk_errors: 0,
            full_disks: 0,
            operations: 0,
            foreign: 0,
            reversed_by_ovo: 0,
            nameless_checks: false,
            hollow: 0,
            void_closes: 0,
            cancels: 0,
            closes: 0,
            longest_queue: 0,
            looks_behind: true,
            slow_disk: false,
            strange_customers: true,
            late_success: LateSuccess::Accept,
            fresh_journal: self.fresh_journal,
            host: HostConfig::default(),
            fleet: None,
            cut_off: 0,
            refunded_within: None,
            is_bounded: false,
        }
    }
}
