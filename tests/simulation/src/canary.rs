//! Where a wrong policy or a wrong driver is put in place of the real one.
//!
//! Wrong policies go in through the builder's own switch. Wrong drivers are decorators: of the
//! journal, of the transport, or of the disk's syncs. "Before it is durable" is a write that the
//! disk holds back until the next one: a process that dies in between has never written it.

use std::sync::Arc;
use std::time::Duration;

use ovo_mutants::{DriverFault, Mutant};
use ovo_ptp::journal::{Begun, Filter, Health, Journal, JournalError, NewPayment, Update};
use ovo_ptp::payment::{Boottime, Payment, PaymentId, Timers, Verdict};
use ovo_ptp::transport::{Exchange, HttpRequest, Transport, Watch};
use ovo_ptp::{BatchMethod, ClientBuilder, MerchantInvoice};

use crate::disk::SimDisk;

/// Nothing, or one mutant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Canary(pub Option<Mutant>);

impl Canary {
    fn fault(self) -> Option<DriverFault> {
        self.0.and_then(Mutant::driver)
    }

    /// Whether this simulation has a way to show it.
    pub fn is_simulated(self) -> bool {
        // The numbers are chosen inside SQLite's transaction: no decorator can choose them before.
        // And every journal here vouches for its numbers: none is a restored copy of another.
        // The others break what only shows inside the policy's answer, or in orders of events that
        // histories hardly ever come upon; the model has them all.
        !matches!(
            self.0,
            None | Some(
                Mutant::NumbersChosenEarly
                    | Mutant::NumbersAlwaysTrusted
                    | Mutant::RefusedAndChanged
                    | Mutant::OverdueForgotten
                    | Mutant::ForeignSaleForgotten
                    | Mutant::SeenBeforeDuplicate
                    | Mutant::UnsentCheckCounts
                    | Mutant::CancelToldEarly
                    | Mutant::HeardOutUnread
                    | Mutant::CancelUndone
                    | Mutant::CancelReversedAtOnce
                    | Mutant::VoidRefusedAtOnce
                    | Mutant::ContradictionHidden
                    | Mutant::ContradictionUndated
                    | Mutant::DoubtForgotten
                    | Mutant::DoubtEndsWithOperator
                    | Mutant::HollowVoidHidden
                    | Mutant::VoidCheckUndated
            )
        )
    }

    pub(crate) fn journal(self, kept: Arc<dyn Journal>, disk: &Arc<SimDisk>) -> Arc<dyn Journal> {
        match self.fault() {
            Some(DriverFault::CommitNotSynced) => {
                disk.lies();
                kept
            }
            Some(fault) => Arc::new(WrongJournal { kept, fault, disk: Arc::clone(disk) }),
            None => kept,
        }
    }

    pub(crate) fn transport(self, transport: Arc<dyn Transport>) -> Arc<dyn Transport> {
        match self.fault() {
            Some(DriverFault::NoSendDeadline) => Arc::new(NoDeadline(transport)),
            _ => transport,
        }
    }

    pub(crate) fn policy(self, builder: ClientBuilder) -> ClientBuilder {
        match self.0.and_then(Mutant::policy) {
            Some(policy) => builder.mutant(policy),
            None => builder,
        }
    }
}

struct WrongJournal {
    kept: Arc<dyn Journal>,
    fault: DriverFault,
    disk: Arc<SimDisk>,
}

impl WrongJournal {
    fn holds_back(&self, verdict: Verdict) -> bool {
        matches!(
            (self.fault, verdict),
            (DriverFault::TellBeforePersist, Verdict::Accepted(_))
                | (DriverFault::ReverseBeforeDurable, Verdict::Abandoned)
        )
    }
}

impl Journal for WrongJournal {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.kept.enter_boot(boot_id)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.disk.lets_go();
        if self.fault == DriverFault::SendBeforePersist {
            self.disk.holds_back();
        }
        match self.kept.begin(new, method)? {
            Begun::Existing(payment)
                if self.fault == DriverFault::PushedAgain && payment.state.verdict.is_none() =>
            {
                Ok(Begun::Fresh(payment))
            }
            other => Ok(other),
        }
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        // A verdict to reverse is kept back until the reversal has been answered.
        let reversing =
            self.fault == DriverFault::ReverseBeforeDurable && payment.state.owes_reversal();
        if !reversing {
            self.disk.lets_go();
        }
        if payment.state.verdict.is_some_and(|verdict| self.holds_back(verdict)) {
            let before = self.kept.payment(payment.id)?;
            if before.is_some_and(|before| before.state.verdict.is_none()) {
                self.disk.holds_back();
            }
        }
        match (self.kept.update(payment)?, self.fault) {
            (Update::Lost(theirs), DriverFault::VerdictOverwritten) => {
                let forced = Payment { version: theirs.version, ..payment.clone() };
                self.kept.update(&forced)
            }
            (Update::Lost(theirs), DriverFault::LoserIgnoresWinner) => {
                Ok(Update::Won(theirs.version))
            }
            (update, _) => Ok(update),
        }
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.kept.payment(id)
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.kept.find(invoice)
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.kept.due(boot, now, limit)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.kept.next_due(boot)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.kept.list(filter)
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.kept.health()
    }
}

/// M9: nobody looks at the clock before the push is written.
struct NoDeadline(Arc<dyn Transport>);

struct Careless(Arc<dyn Watch>);

impl Watch for Careless {
    fn connected(&self) {
        self.0.connected();
    }

    fn sent(&self) {
        self.0.sent();
    }

    fn wait(&self) -> Option<Duration> {
        self.0.wait()
    }
}

impl Transport for NoDeadline {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let careless: Arc<dyn Watch> = Arc::new(Careless(Arc::clone(watch)));
        let send_budget = Timers::OVO.send_budget;
        self.0.exchange(&HttpRequest { send_budget, ..*request }, &careless)
    }
}
