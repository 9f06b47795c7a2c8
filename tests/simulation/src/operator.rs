//! What the operator of a process does: voids and asks about voids, reports what OVO's settlement file
//! shows, and rules on payments with OVO's books in hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ovo_checkout::lock;
use ovo_ptp::journal::Filter;
use ovo_ptp::payment::Ruling;
use ovo_ptp::{Client, Error, ErrorKind, Outcome, PaymentReport, VoidOutcome};

use crate::process::{Process, Request, invoice};

/// Something for the operator of a process to do.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Void(String),
    CheckVoid(String),
    /// Closes a paid payment whose void takes too long.
    CloseVoid(String),
    Check(String),
    Acknowledge,
    ReportPaid(String),
    /// Decides what OVO's books say.
    Rule,
    /// Pays again what is not known to be decided.
    Ask(Request),
    Inquire(String),
}

impl Process {
    pub(crate) fn does(&self, client: &Arc<Client>, task: Task) {
        self.tell(|| format!("operator: {task:?}"));
        let note = |result: Result<(), Error>| {
            if let Err(error) = result {
                self.world.refused(&self.name, &error);
            }
        };
        let is_flying = |name: &str| lock(&self.flying).contains(name);
        match task {
            Task::Void(name) if !is_flying(&name) => {
                note(client.void(&invoice(&name)).map(|outcome| {
                    self.tell(|| format!("  void of {name}: {outcome:?}"));
                }));
            }
            Task::CheckVoid(name) if !is_flying(&name) => {
                note(self.asks_about_a_void(client, &name));
            }
            Task::CloseVoid(name) if !is_flying(&name) => note(self.closes_a_void(client, &name)),
            Task::Check(name) => note({
                lock(&self.world.asked_by_hand).insert(name.clone());
                client.check(&invoice(&name)).map(|status| {
                    self.tell(|| format!("  OVO says of {name}: {:?}", status.at_ovo));
                })
            }),
            Task::Acknowledge => {
                for report in client.unacknowledged().unwrap_or_default() {
                    note(client.acknowledge(&report.invoice));
                }
            }
            Task::ReportPaid(name) => {
                // Only what OVO's settlement file could show.
                if self.world.net(&name) > 0 {
                    note(client.report_paid(&invoice(&name)).map(|_| ()));
                }
            }
            Task::Rule => self.rules(client),
            Task::Ask(request) if !is_flying(&request.invoice) => {
                lock(&self.world.asked).insert(request.invoice.clone());
                self.pays(client, &request);
            }
            Task::Inquire(phone) => {
                note(client.inquire(&phone.parse().expect("a valid phone")).map(|_| ()));
            }
            Task::Void(_) | Task::CheckVoid(_) | Task::CloseVoid(_) | Task::Ask(_) => {}
        }
    }

    /// Where nothing goes wrong any more, whoever was to refund a void by hand hears that OVO did.
    fn asks_about_a_void(&self, client: &Client, name: &str) -> Result<(), Error> {
        let world = &self.world;
        let left = client.payment(&invoice(name))?.is_some_and(|report| is_left_to_people(&report));
        let voided = {
            let host = lock(&world.host);
            host.ledger().iter().any(|entry| entry.invoice == name && entry.voided_ms.is_some())
        };
        let result = client.check_void(&invoice(name));
        let is_told = matches!(result, Ok(VoidOutcome::Voided))
            && lock(&world.voided_after_all).contains(name);
        // What OVO cannot be asked, or says in words that nobody can read, tells nobody.
        let could_tell = world.calm.load(Ordering::Relaxed)
            && world.plan.host.check_contracted
            && world.plan.foreign == 0
            && world.plan.host.sloppy.is_empty();
        let kind = result.as_ref().map_err(Error::kind).err();
        let is_asked = !matches!(kind, Some(ErrorKind::Refused | ErrorKind::OutsideWindow));
        if left && voided && could_tell && is_asked && !is_told {
            world.story.breaks(format!(
                "{name}: voided, and whoever was to refund it by hand was not told: {result:?}"
            ));
        }
        result.map(|outcome| self.tell(|| format!("  void of {name}: {outcome:?}")))
    }

    fn closes_a_void(&self, client: &Client, name: &str) -> Result<(), Error> {
        let report = client.payment(&invoice(name))?;
        if !report.is_some_and(|report| matches!(report.outcome, Some(Outcome::Paid(_)))) {
            return Ok(());
        }
        // Noted first: its process may die of it.
        let is_new = lock(&self.world.by_hand).insert(name.to_owned());
        let ruled = client.rule(&invoice(name), Ruling::Close, "refunded by hand");
        let is_refused = ruled.as_ref().map_err(Error::kind).err() == Some(ErrorKind::Refused);
        if is_new && is_refused {
            lock(&self.world.by_hand).remove(name);
        }
        ruled.map(|_| ())
    }

    /// An operator with OVO's books in hand.
    fn rules(&self, client: &Client) {
        let filter = Filter { needs_operator: true, ..Filter::default() };
        for report in client.payments(&filter).unwrap_or_default() {
            let debited = self.world.net(report.invoice.as_str()) > 0;
            let decided = matches!(report.outcome, Some(Outcome::Paid(_)));
            if decided {
                // Also if whoever was to be alerted died before: the journal's list has it.
                lock(&self.world.by_hand).insert(report.invoice.as_str().to_owned());
            }
            let ruling = match report.outcome {
                _ if !debited || decided => Ruling::Close,
                Some(Outcome::NeedsOperator(_)) if lock(&self.chance).once_in(2) => Ruling::Paid,
                _ => Ruling::Refund,
            };
            let _awaited = self.world.awaits(report.invoice.as_str());
            let result = client.rule(&report.invoice, ruling, "as OVO's books say");
            self.tell(|| format!("  rules on {}: {ruling:?}", report.invoice));
            let Err(error) = result else { continue };
            // A reversal could return another sale's money: OVO returns it, and the next ruling closes.
            if ruling == Ruling::Refund && error.kind() == ErrorKind::Refused {
                let (name, now) = (report.invoice.as_str(), self.world.clock.world());
                if lock(&self.world.host).reverse_by_operator(now, name) {
                    lock(&self.world.taken_back).insert(name.to_owned(), now.ms);
                }
            }
            self.world.refused(&self.name, &error);
        }
    }
}

/// Whether people are to return the money of a paid payment, perhaps because of a void.
pub(crate) fn is_left_to_people(report: &PaymentReport) -> bool {
    matches!(report.outcome, Some(Outcome::Paid(_)))
        && matches!(report.settlement, "waits for an operator" | "closed by an operator")
}
