//! Taking a payment.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use ptp::{Charge, MerchantInvoice, Outcome, PaymentHandle, Rupiah, Terminal};

use crate::argument::{In, Out, OutStruct, Sized32, Text, flag};
use crate::callback::{self, ovo_watch_fn};
use crate::client::{ClientBody, ovo_client};
use crate::code::{Failure, ovo_code};
use crate::guard::{anywhere, caught, outside};
use crate::handle;
use crate::outcome::ovo_outcome;
use crate::values;

/// One payment to push to a customer's phone. Begin with `OVO_CHARGE_INIT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_charge {
    /// Size of this struct in bytes, set by `OVO_CHARGE_INIT`.
    pub size: u32,
    /// 1: push even if this customer has a payment that is not settled. Both could be debited.
    pub allow_second_push: i32,
    /// Whole rupiah, at least 1.
    pub amount: i64,
    /// Your own name of this attempt, never used before: 1 to 50 characters out of
    /// `A-Z a-z 0-9 - _ . /`. The key of the payment: the same invoice never pushes twice.
    pub invoice: Text,
    /// The customer's phone as typed.
    pub phone: Text,
    /// Another terminal than that of the credentials: all of these three, or NULL.
    pub tid: Text,
    /// See `tid`.
    pub mid: Text,
    /// See `tid`.
    pub store_code: Text,
}

// SAFETY: repr(C), its size in front; zeroes are NULL pointers.
unsafe impl Sized32 for ovo_charge {
    const SIZES: &'static [usize] = &[(16 + 5 * size_of::<*const ()>()).next_multiple_of(8)];
}

impl ovo_charge {
    #[cfg(test)]
    pub(crate) const EMPTY: ovo_charge = ovo_charge {
        size: size_of::<ovo_charge>() as u32,
        allow_second_push: 0,
        amount: 0,
        invoice: Text::NULL,
        phone: Text::NULL,
        tid: Text::NULL,
        mid: Text::NULL,
        store_code: Text::NULL,
    };

    fn read(&self) -> Result<(MerchantInvoice, Charge), Failure> {
        let invoice = values::invoice(&self.invoice)?;
        let phone = values::phone(&self.phone)?;
        let mut charge = Charge::new(invoice.as_str(), Rupiah::new(self.amount)?, phone)?;
        if !(self.tid.is_null() && self.mid.is_null() && self.store_code.is_null()) {
            charge = charge.terminal(Terminal::new(
                self.tid.read("tid", 64)?,
                self.mid.read("mid", 64)?,
                self.store_code.read("store_code", 64)?,
            )?);
        }
        if flag("allow_second_push", self.allow_second_push)? {
            charge = charge.allow_second_push();
        }
        Ok((invoice, charge))
    }
}

/// A payment under way on a thread of its own. Any thread may use it, several at once.
pub struct ovo_payment {
    _opaque: [u8; 0],
}

/// What a payment's handle stands for.
pub(crate) enum PaymentBody {
    /// A payment of the core's.
    Started(PaymentHandle),
    /// The core ran into a defect while it started this one: what the journal has of it is not known
    /// here.
    Lost(MerchantInvoice),
}

impl PaymentBody {
    fn invoice(&self) -> &MerchantInvoice {
        match self {
            PaymentBody::Started(payment) => payment.invoice(),
            PaymentBody::Lost(invoice) => invoice,
        }
    }

    /// Tells `outcome` what `ask` gets out of the payment; a defect on the way decides nothing.
    fn tell(
        &self,
        handle: *mut ovo_payment,
        outcome: &OutStruct<ovo_outcome>,
        ask: impl FnOnce(&PaymentHandle) -> Option<Outcome>,
    ) {
        let known = match self {
            PaymentBody::Started(payment) => caught(handle.addr(), || ask(payment)),
            PaymentBody::Lost(_) => None,
        };
        let known = known.unwrap_or_else(|| Some(Outcome::interrupted(self.invoice().clone())));
        let mut flat = ovo_outcome::of(self.invoice(), known.as_ref());
        if let (None, PaymentBody::Started(payment)) = (&known, self) {
            flat.was_known = payment.was_known().into();
        }
        outcome.write(&flat);
    }
}

/// Pushes a payment to the customer's phone and waits for its outcome: at most about 65 seconds
/// after the push has left, plus up to 20 of connecting.
///
/// Called again with the same invoice, amount and phone it never pushes again: it waits for,
/// resumes or returns the payment that is there, and `was_known` in the outcome says so. Store the
/// outcome, then `ovo_acknowledge` it.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `charge`: what to push; stays the caller's.
/// - `outcome`: gets the outcome. `OVO_INTERRUPTED` if another thread closed the client, the journal
///   did not come back, or the library ran into a defect: nothing is decided then.
///
/// Returns: `OVO_OK` with any outcome. An error means that **this call started nothing**:
/// `OVO_ERR_INVALID_INPUT`, `OVO_ERR_TOO_LONG`, `OVO_ERR_NOT_UTF8`: correct the charge;
/// `OVO_ERR_INVOICE_REUSED`: take a new invoice; `OVO_ERR_UNSETTLED_CUSTOMER`: wait for the
/// customer's other payment; `OVO_ERR_JOURNAL`: call an operator; or a common code.
///
/// Memory: nothing is kept; the outcome is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_pay(
    client: *mut ovo_client,
    charge: In<ovo_charge>,
    outcome: OutStruct<ovo_outcome>,
) -> i32 {
    outside(client.addr(), &[&outcome.required("outcome")], || {
        let body = ClientBody::get(client)?;
        let (invoice, charge) = charge.read("charge")?.read()?;
        let ended = match caught(client.addr(), || body.client.pay(&charge)) {
            Some(ended) => ended?,
            // A defect, and the push may have left: nothing is decided, and the journal has it.
            None => Outcome::interrupted(invoice.clone()),
        };
        outcome.write(&ovo_outcome::of(&invoice, Some(&ended)));
        Ok(())
    })
}

/// Like `ovo_pay`, with a say for a till without threads: `watch` is called on this thread about once
/// a second, shows its countdown, and gives the payment up by returning `OVO_CANCEL`.
///
/// Where giving it up is refused (see `ovo_cancel`) the payment goes on, and so do the calls. **Without
/// Check Payment in the contract it always is, once the push may have left**: nobody listens on for
/// OVO's answer then.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `charge`: what to push; stays the caller's.
/// - `watch`: the function; NULL for none.
/// - `userdata`: handed back to it, may be NULL.
/// - `outcome`: gets the outcome, as `ovo_pay`; of a payment that was given up see `ovo_cancel`.
///
/// Returns: as `ovo_pay`.
///
/// Memory: nothing is kept; the outcome is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_pay_with(
    client: *mut ovo_client,
    charge: In<ovo_charge>,
    watch: ovo_watch_fn,
    userdata: *mut c_void,
    outcome: OutStruct<ovo_outcome>,
) -> i32 {
    outside(client.addr(), &[&outcome.required("outcome")], || {
        let body = ClientBody::get(client)?;
        let (invoice, charge) = charge.read("charge")?.read()?;
        let watch = callback::watch(watch, userdata);
        let ended = match caught(client.addr(), || body.client.pay_with(&charge, watch)) {
            Some(ended) => ended?,
            // As in ovo_pay.
            None => Outcome::interrupted(invoice.clone()),
        };
        outcome.write(&ovo_outcome::of(&invoice, Some(&ended)));
        Ok(())
    })
}

/// Gives up a payment that has no outcome yet, from any thread or process, and tells the outcome
/// that is durable now. Whoever waits for the payment hears the same within about a second.
///
/// The prompt on the customer's phone cannot be taken back: OVO may show the payment as paid for some
/// minutes. Hand over nothing. Settlement returns whatever was deducted, and `was_debited` tells
/// afterwards whether anything was. Another push to the same customer is refused until OVO has
/// acknowledged the reversal, or, where none could be sent, shows that nobody was debited.
///
/// A started payment's thread goes on listening; better leave the client open until OVO's time is over
/// (65 s behind the push). Closed before, the money goes back only once a status check shows the debit,
/// and without Check Payment an operator decides.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `outcome`: gets the outcome: `OVO_NOT_SENT` if not one byte of the push had left, else
///   `OVO_NOT_COMPLETED` with `cancelled`; or whatever came first, perhaps `OVO_PAID`.
///
/// Returns: `OVO_OK` with any outcome; `OVO_ERR_REFUSED`: it could not be returned by itself, go on
/// waiting: OVO called its numbers duplicate, or the contract has no Check Payment and nobody vouches
/// for them or goes on listening for the answer. **Without Check Payment `ovo_pay` and `ovo_pay_with`
/// can never be cancelled once the push may have left; a payment of `ovo_start` can**, whose thread
/// listens. `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: it is not known to be cancelled, nothing
/// more is sent than would have been, call again; or a common code.
///
/// Memory: nothing is kept; the outcome is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_cancel(
    client: *mut ovo_client,
    invoice: Text,
    outcome: OutStruct<ovo_outcome>,
) -> i32 {
    outside(client.addr(), &[&outcome.required("outcome")], || {
        let body = ClientBody::get(client)?;
        let invoice = values::invoice(&invoice)?;
        let ended = match caught(client.addr(), || body.client.cancel(&invoice)) {
            Some(ended) => ended?,
            // A defect, and it may be cancelled: ask with the same invoice.
            None => Outcome::interrupted(invoice.clone()),
        };
        outcome.write(&ovo_outcome::of(&invoice, Some(&ended)));
        Ok(())
    })
}

/// Starts a payment on a thread of its own and returns as soon as it is durably in the journal.
///
/// As long as the handle lives somebody cares for the outcome: a success that only the status check
/// reports is then accepted.
///
/// Parameters:
/// - `client`: a client opened with threads; stays the caller's.
/// - `charge`: what to push; stays the caller's.
/// - `payment`: gets the payment.
///
/// Returns: `OVO_OK`; `OVO_ERR_NO_THREADS`: ask for them with `ovo_config_set_threads`, or use
/// `ovo_pay`; `OVO_ERR_CONFIGURATION`: no thread can be started, nothing was pushed; else as
/// `ovo_pay`.
///
/// Memory: on success the caller frees `*payment` with `ovo_payment_free`; else it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_start(
    client: *mut ovo_client,
    charge: In<ovo_charge>,
    payment: Out<*mut ovo_payment>,
) -> i32 {
    outside(client.addr(), &[&payment.required("payment")], || {
        let body = ClientBody::get(client)?;
        let (invoice, charge) = charge.read("charge")?.read()?;
        if !body.threads {
            return Err(Failure::new(
                ovo_code::OVO_ERR_NO_THREADS,
                "client: opened without threads; ovo_pay waits on the caller's own",
            ));
        }
        // Behind the push it is too late to find the table full.
        let handle = handle::reserve()?;
        let started = match caught(client.addr(), || body.client.start(&charge)) {
            Some(started) => PaymentBody::Started(started?),
            None => PaymentBody::Lost(invoice),
        };
        payment.write(handle.open(Arc::new(started)));
        Ok(())
    })
}

/// Tells a started payment's outcome, if there is one. Does not wait.
///
/// Parameters:
/// - `payment`: a payment; stays the caller's.
/// - `outcome`: gets the outcome; its kind is `OVO_PENDING` if there is none yet.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: the outcome is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_poll(payment: *mut ovo_payment, outcome: OutStruct<ovo_outcome>) -> i32 {
    outside(payment.addr(), &[&outcome.required("outcome")], || {
        let body = handle::get::<PaymentBody, _>(payment)?;
        body.tell(payment, &outcome, PaymentHandle::poll);
        Ok(())
    })
}

/// Waits for a started payment's outcome. Giving up waiting never gives up the payment.
///
/// Parameters:
/// - `payment`: a payment; stays the caller's. Freed by another thread meanwhile, this call goes
///   on.
/// - `timeout_ms`: how long at most; below 0: until there is an outcome, 90 seconds at the most.
/// - `outcome`: gets the outcome; its kind is `OVO_PENDING` if there is none by then, and
///   `OVO_INTERRUPTED` as for `ovo_pay`.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: the outcome is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_wait(
    payment: *mut ovo_payment,
    timeout_ms: i32,
    outcome: OutStruct<ovo_outcome>,
) -> i32 {
    outside(payment.addr(), &[&outcome.required("outcome")], || {
        let body = handle::get::<PaymentBody, _>(payment)?;
        body.tell(payment, &outcome, |payment| match u64::try_from(timeout_ms) {
            Ok(millis) => payment.wait(Duration::from_millis(millis)),
            Err(_) => Some(payment.outcome()),
        });
        Ok(())
    })
}

/// Gives a started payment up, as `ovo_cancel` does. Its thread goes on listening until OVO's time is
/// over: a decline that still comes spares the reversal.
///
/// Parameters:
/// - `payment`: a payment; stays the caller's.
/// - `outcome`: gets the outcome, as `ovo_cancel`.
///
/// Returns: as `ovo_cancel`; `OVO_ERR_CLOSED`: the client is closed.
///
/// Memory: the outcome is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_payment_cancel(
    payment: *mut ovo_payment,
    outcome: OutStruct<ovo_outcome>,
) -> i32 {
    outside(payment.addr(), &[&outcome.required("outcome")], || {
        let body = handle::get::<PaymentBody, _>(payment)?;
        let ended = match &*body {
            PaymentBody::Started(started) => caught(payment.addr(), || started.cancel()),
            PaymentBody::Lost(_) => None,
        };
        let ended = match ended {
            Some(ended) => ended?,
            None => Outcome::interrupted(body.invoice().clone()),
        };
        outcome.write(&ovo_outcome::of(body.invoice(), Some(&ended)));
        Ok(())
    })
}

/// Frees a started payment's handle. The payment itself goes on; if it ends as paid with nobody
/// waiting, `ovo_unacknowledged` lists it.
///
/// Parameters:
/// - `payment`: a payment, the library's from now on. NULL is fine; a second time is a code.
///
/// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not a payment any more. In a callback, too.
///
/// Memory: outcomes copied from it stay good.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_payment_free(payment: *mut ovo_payment) -> i32 {
    anywhere(payment.addr(), &[], || {
        // Nobody's lock is held by who drops it, so that a callback may.
        if !payment.is_null() {
            drop(handle::close::<PaymentBody, _>(payment)?);
        }
        Ok(())
    })
}
