//! A till's process: a few cashiers who sell until it is killed.

use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ovo_ptp::journal::Filter;
use ovo_ptp::{Client, ErrorKind, Outcome, VoidOutcome};

use crate::dice::Dice;
use crate::order::Order;
use crate::shop::Shop;
use crate::told::ToldLog;

/// Cashiers at one desk, each on a thread: a kill finds payments in several phases.
const CASHIERS: u64 = 3;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Desk {
    client: Client,
    log: ToldLog,
    name: String,
    orders: AtomicU64,
}

/// Sells at the desk `desk`, in its life number `life`, until the process is killed or its parent
/// is gone.
///
/// # Errors
/// What no kill explains.
pub fn sell(shop: &Shop, desk: &str, life: &str) -> Result<()> {
    ends_with_its_parent();
    let desk = Arc::new(Desk {
        log: ToldLog::open(&shop.told(desk))?,
        client: open(shop)?,
        name: format!("{desk}-{life}"),
        orders: AtomicU64::new(0),
    });
    let cashiers: Vec<_> = (0..CASHIERS)
        .map(|cashier| {
            let desk = Arc::clone(&desk);
            std::thread::spawn(move || desk.work(cashier))
        })
        .collect();
    for cashier in cashiers {
        cashier.join().map_err(|_| "a cashier's thread panicked")??;
    }
    Ok(())
}

/// How long a database may be away before a till does not open.
const PATIENCE: Duration = Duration::from_secs(60);

/// A reader of a shared journal may hold an opening up, and a database may be away: then it is opened again.
///
/// # Errors
/// The client's.
pub fn open(shop: &Shop) -> Result<Client> {
    let begun = Instant::now();
    loop {
        match shop.open() {
            Err(error) if error.kind() == ErrorKind::JournalLocked => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error)
                if error.kind() == ErrorKind::Journal
                    && shop.database.is_some()
                    && begun.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(100));
            }
            result => return Ok(result?),
        }
    }
}

/// Nobody would kill a till whose campaign was interrupted.
pub fn ends_with_its_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

impl Desk {
    fn work(&self, cashier: u64) -> Result<()> {
        let mut dice = Dice::of(&format!("{} {cashier}", self.name));
        // What an earlier life, or another desk, did not get to tell.
        if cashier == 0 {
            self.tell_what_is_open()?;
        }
        // The customer still stands there.
        if cashier == 1 && dice.one_in(2) {
            let unsettled = Filter { unsettled: true, ..Filter::default() };
            let open = self.client.payments(&unsettled).unwrap_or_default();
            if let Some(report) = open.iter().rev().find(|report| report.outcome.is_none()) {
                self.sell(&Order::of(report.invoice.as_str()))?;
            }
        }
        loop {
            match dice.below(14) {
                0 => self.tell_what_is_open()?,
                1 => self.gives_up_waiting()?,
                2 => self.gives_up_a_payment()?,
                3 => self.gives_up_what_somebody_waits_for(&mut dice)?,
                // Two desks, one order: whoever is first pushes it.
                4 => self.sell(&Order::of(&format!("COMMON-{}", self.moment()?)))?,
                _ => self.sell(&Order::of(&self.next_invoice()))?,
            }
        }
    }

    fn next_invoice(&self) -> String {
        format!("{}-{}", self.name, self.orders.fetch_add(1, Ordering::Relaxed))
    }

    /// The same for all desks within a fifth of a second.
    fn moment(&self) -> Result<u128> {
        Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() / 200)
    }

    fn sell(&self, order: &Order) -> Result<()> {
        match self.client.pay(&order.charge()?) {
            Ok(outcome @ Outcome::Interrupted(_)) => {
                // No outcome, so nothing to acknowledge: a peer may bring one this very moment, and
                // then somebody finds it on the list.
                self.log.outcome(&outcome)?;
            }
            Ok(outcome) => {
                self.log.outcome(&outcome)?;
                if let Err(error) = self.client.acknowledge(outcome.invoice()) {
                    self.log.tell(
                        &order.invoice,
                        "error",
                        &format!("{:?} {error}", error.kind()),
                    )?;
                }
                if outcome.is_paid() && order.regretted {
                    self.void(order)?;
                }
            }
            Err(error) => {
                self.log.tell(&order.invoice, "error", &format!("{:?} {error}", error.kind()))?;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }

    fn void(&self, order: &Order) -> Result<()> {
        let invoice = order.invoice.parse()?;
        match self.client.void(&invoice) {
            Ok(VoidOutcome::Voided) => self.log.tell(&order.invoice, "voided", "")?,
            Ok(other) => self.log.tell(&order.invoice, "error", &format!("void: {other:?}"))?,
            Err(error) => {
                self.log.tell(&order.invoice, "error", &format!("{:?} {error}", error.kind()))?
            }
        }
        Ok(())
    }

    /// The customer changes their mind at some moment of the payment, or before it has begun: the
    /// cashier gives it up, by its handle or by its invoice.
    fn gives_up_a_payment(&self) -> Result<()> {
        let order = Order::of(&self.next_invoice());
        let mut dice = Dice::of(&order.invoice);
        if let Ok(handle) = self.client.start(&order.charge()?) {
            // Now and then before its first byte. OVO's minute takes 600 ms; what is decided by
            // then, the cancel returns.
            if !dice.one_in(4) {
                let _ = handle.wait(Duration::from_millis(dice.below(800)));
            }
            self.log.tell(&order.invoice, "cancels", "")?;
            let invoice = order.invoice.parse()?;
            let cancelled =
                if dice.one_in(2) { handle.cancel() } else { self.client.cancel(&invoice) };
            self.hears_of_the_cancel(&order.invoice, cancelled)?;
        }
        Ok(())
    }

    /// A payment that another cashier waits for, at this desk or in another process, is given up.
    fn gives_up_what_somebody_waits_for(&self, dice: &mut Dice) -> Result<()> {
        let unsettled = Filter { unsettled: true, ..Filter::default() };
        let mut open = self.client.payments(&unsettled).unwrap_or_default();
        open.retain(|report| report.outcome.is_none());
        let Some(last) = (open.len() as u64).checked_sub(1) else { return Ok(()) };
        let invoice = open.swap_remove(usize::try_from(dice.below(last + 1))?).invoice;
        self.log.tell(invoice.as_str(), "cancels", "")?;
        self.hears_of_the_cancel(invoice.as_str(), self.client.cancel(&invoice))
    }

    /// What a cancel says is durable, and what everybody is told: the books hold it against the
    /// journal. Not acknowledged, so that it is listed and told once more.
    fn hears_of_the_cancel(
        &self,
        invoice: &str,
        cancelled: std::result::Result<Outcome, ovo_ptp::Error>,
    ) -> Result<()> {
        match cancelled {
            Ok(outcome) => self.log.outcome(&outcome)?,
            Err(error) => {
                self.log.tell(invoice, "error", &format!("cancel: {:?} {error}", error.kind()))?;
            }
        }
        Ok(())
    }

    /// The cashier turns to the next customer: nobody waits, the payment goes on.
    fn gives_up_waiting(&self) -> Result<()> {
        let order = Order::of(&self.next_invoice());
        if let Ok(handle) = self.client.start(&order.charge()?) {
            let waited = Duration::from_millis(Dice::of(&order.invoice).below(300));
            if let Some(outcome) = handle.wait(waited) {
                self.log.outcome(&outcome)?;
                // Not acknowledged: somebody finds it on the list, and tells it once more.
            }
        }
        Ok(())
    }

    fn tell_what_is_open(&self) -> Result<()> {
        for report in self.client.unacknowledged().unwrap_or_default() {
            self.log.report(&report)?;
            if let Err(error) = self.client.acknowledge(&report.invoice) {
                self.log.tell(
                    report.invoice.as_str(),
                    "error",
                    &format!("{:?} {error}", error.kind()),
                )?;
            }
        }
        Ok(())
    }
}
