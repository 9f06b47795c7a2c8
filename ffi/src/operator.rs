//! After the payment: acknowledging, looking up, checking, voiding, ruling.

use std::ffi::c_char;

use ptp::{VoidOutcome, message::ResponseCode};

use crate::argument::{Out, OutStruct, Sized32, Text, place};
use crate::client::{ClientBody, ovo_client};
use crate::code::{Failure, ovo_code};
use crate::guard::{caught, outside};
use crate::outcome::ovo_outcome;
use crate::record::ovo_record;
use crate::values;
use crate::vocabulary::{ruling, status, void_state};

/// Longest text of an operator's reason, in bytes: 200 characters.
pub(crate) const REASON: usize = 800;

/// How a void stands. Begin with `OVO_VOID_RESULT_INIT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_void_result {
    /// Size of this struct in bytes, set by `OVO_VOID_RESULT_INIT`.
    pub size: u32,
    /// An `ovo_void_state`.
    pub state: i32,
    /// OVO's code if it refused, else empty.
    pub response_code: [c_char; 8],
}

// SAFETY: repr(C), its size in front, numbers and characters only.
unsafe impl Sized32 for ovo_void_result {
    const SIZES: &'static [usize] = &[16];
}

impl ovo_void_result {
    pub(crate) const EMPTY: ovo_void_result = ovo_void_result {
        size: size_of::<ovo_void_result>() as u32,
        state: 0,
        response_code: [0; 8],
    };

    fn of(outcome: VoidOutcome) -> ovo_void_result {
        let mut result = ovo_void_result { state: void_state(outcome), ..ovo_void_result::EMPTY };
        if let VoidOutcome::Rejected(code) = outcome {
            let code: ResponseCode = code;
            place(&mut result.response_code, code.as_str());
        }
        result
    }
}

/// A void of which a byte may have left before a defect showed is pending: settlement asks what
/// became of it (E4, C18).
fn may_have_left(
    outcome: Option<Result<VoidOutcome, ptp::Error>>,
) -> Result<VoidOutcome, ptp::Error> {
    outcome.unwrap_or(Ok(VoidOutcome::Pending))
}

/// Confirms that the caller has stored a payment's outcome: it is no longer among the
/// `ovo_unacknowledged`.
/// Not to be called for `OVO_INTERRUPTED`, which is no outcome: another process may bring one this
/// very moment, and nobody would have heard it.
/// Of a payment that an operator ruled paid, the outcome told before was another one: it is confirmed
/// only once this client has shown the new one, in a list, a report or an outcome. So it is where one told
/// as paid waits for an operator since: what is told of it now, a list or a record has.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_REFUSED`: there is no outcome yet, or it was never shown;
/// `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: call again later; or a common code.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_acknowledge(client: *mut ovo_client, invoice: Text) -> i32 {
    outside(client.addr(), &[], || {
        Ok(ClientBody::get(client)?.client.acknowledge(&values::invoice(&invoice)?)?)
    })
}

/// Looks one payment up in the journal.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `record`: gets the payment; NULL if it is not wanted.
/// - `outcome`: gets its outcome, `OVO_PENDING` while there is none; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
///
/// Memory: both results are copies.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_find(
    client: *mut ovo_client,
    invoice: Text,
    record: OutStruct<ovo_record>,
    outcome: OutStruct<ovo_outcome>,
) -> i32 {
    outside(client.addr(), &[&record.optional("record"), &outcome.optional("outcome")], || {
        let invoice = values::invoice(&invoice)?;
        let report = ClientBody::get(client)?.client.payment(&invoice)?.ok_or_else(|| {
            let detail = format!("invoice {invoice}: no such payment in the journal");
            let mut failure = Failure::new(ovo_code::OVO_ERR_NOT_FOUND, detail);
            failure.invoice = Some(invoice.clone());
            failure
        })?;
        record.write(&ovo_record::of(&report));
        outcome.write(&ovo_record::outcome_of(&report));
        Ok(())
    })
}

/// Asks OVO for a payment's status now. The answer also takes part in its settlement.
///
/// Refused until 60 seconds behind the push's last byte. As long as the journal was not told when that
/// left (until this payment's check at 60.5 seconds, a cancel or an outcome; for good, if the process
/// that pushed it died before), until 85 seconds behind the payment's beginning. Behind a restart of the
/// machine: for 60 seconds from the restart on, or from the moment at which the payment was taken up.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `phone`: the phone of the payment, for one so old that the journal has forgotten it; else
///   NULL. Stays the caller's.
/// - `at_ovo`: gets an `ovo_status`.
/// - `record`: gets the payment as it is afterwards; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_OUTSIDE_WINDOW`: earlier than that, or later than 7 days after the push;
/// `OVO_ERR_REFUSED`: the push never left; `OVO_ERR_NO_ANSWER`: ask again;
/// `OVO_ERR_NOT_FOUND`; `OVO_ERR_INVALID_INPUT`: it was another phone; or a common code.
///
/// Memory: nothing is kept; the record is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_check(
    client: *mut ovo_client,
    invoice: Text,
    phone: Text,
    at_ovo: Out<i32>,
    record: OutStruct<ovo_record>,
) -> i32 {
    outside(client.addr(), &[&at_ovo.required("at_ovo"), &record.optional("record")], || {
        let invoice = values::invoice(&invoice)?;
        let body = ClientBody::get(client)?;
        let found = match phone.is_null() {
            true => body.client.check(&invoice)?,
            false => body.client.check_with_phone(&invoice, &values::phone(&phone)?)?,
        };
        let Some(answer) = status(found.at_ovo) else {
            return Err(Failure::new(
                ovo_code::OVO_ERR_NO_ANSWER,
                "check: the host gave no usable answer",
            ));
        };
        at_ovo.write(answer);
        record.write(&ovo_record::of(&found.payment));
        Ok(())
    })
}

/// Returns the whole amount of a paid payment, on the day (WIB) of the payment.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `result`: gets how it stands. `OVO_VOID_PENDING` if the answer was lost, or could not be kept:
///   settlement asks for it, and `ovo_check_void` tells.
///
/// Returns: `OVO_OK`, also for a void done earlier. A code means that nothing was sent:
/// `OVO_ERR_REFUSED`: not paid, or the day is over (23:58 by OVO's clock), or a void is under way;
/// `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
///
/// Memory: nothing is kept; the result is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_void(
    client: *mut ovo_client,
    invoice: Text,
    result: OutStruct<ovo_void_result>,
) -> i32 {
    outside(client.addr(), &[&result.required("result")], || {
        let invoice = values::invoice(&invoice)?;
        let body = ClientBody::get(client)?;
        let outcome = caught(client.addr(), || body.client.void(&invoice));
        result.write(&ovo_void_result::of(may_have_left(outcome)?));
        Ok(())
    })
}

/// Asks what became of a void whose answer was lost, now instead of on schedule; of one that was left to an
/// operator before, too: of that `OVO_VOID_NEEDS_OPERATOR` says that OVO was asked just now and shows none.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `result`: gets how it stands.
///
/// Returns: `OVO_OK`; `OVO_ERR_REFUSED`: no void was asked for; `OVO_ERR_NOT_FOUND`;
/// `OVO_ERR_JOURNAL`; or a common code. Of a void that was left to an operator before, who may have to refund by hand:
/// `OVO_ERR_NO_ANSWER`: OVO gave no usable answer, ask again first; `OVO_ERR_OUTSIDE_WINDOW`: it can tell
/// nothing any more, or the journal has forgotten the phone, look the void up at OVO first.
///
/// Memory: nothing is kept; the result is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_check_void(
    client: *mut ovo_client,
    invoice: Text,
    result: OutStruct<ovo_void_result>,
) -> i32 {
    outside(client.addr(), &[&result.required("result")], || {
        let invoice = values::invoice(&invoice)?;
        let body = ClientBody::get(client)?;
        let outcome = caught(client.addr(), || body.client.check_void(&invoice));
        result.write(&ovo_void_result::of(may_have_left(outcome)?));
        Ok(())
    })
}

/// Tells how long it is until `ovo_settle` has something to do: how long an idle loop may sleep.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `milliseconds`: gets the time, 0 for now, -1 for never.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_next_settlement(client: *mut ovo_client, milliseconds: Out<i64>) -> i32 {
    outside(client.addr(), &[&milliseconds.required("milliseconds")], || {
        let next = ClientBody::get(client)?.client.next_settlement()?;
        // Rounded up: an early call would find nothing due and ask again at once.
        milliseconds.write(next.map_or(-1, |next| {
            i64::try_from(next.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
        }));
        Ok(())
    })
}

/// Ends a payment that waits for an operator with the operator's decision.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `decision`: an `ovo_ruling`.
/// - `reason`: 1 to 200 characters, kept in the journal; stays the caller's.
/// - `record`: gets the payment as it is afterwards; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_REFUSED`: nothing about it waits for this decision, or it is too
/// early to close it; `OVO_ERR_INVALID_INPUT`: no such decision, or no reason; `OVO_ERR_NOT_FOUND`;
/// `OVO_ERR_JOURNAL`; or a common code.
///
/// Memory: nothing is kept; the record is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_rule(
    client: *mut ovo_client,
    invoice: Text,
    decision: i32,
    reason: Text,
    record: OutStruct<ovo_record>,
) -> i32 {
    outside(client.addr(), &[&record.optional("record")], || {
        let invoice = values::invoice(&invoice)?;
        let decision = ruling(decision)?;
        let reason = reason.read("reason", REASON)?;
        let report = ClientBody::get(client)?.client.rule(&invoice, decision, reason)?;
        record.write(&ovo_record::of(&report));
        Ok(())
    })
}

/// Tells the library that OVO's settlement file shows a payment as paid. If the journal has it as
/// not paid, its settlement opens again and the money goes back.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `record`: gets the payment as it is afterwards; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_NOT_FOUND`; `OVO_ERR_JOURNAL`; or a common code.
///
/// Memory: nothing is kept; the record is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_report_paid(
    client: *mut ovo_client,
    invoice: Text,
    record: OutStruct<ovo_record>,
) -> i32 {
    outside(client.addr(), &[&record.optional("record")], || {
        let invoice = values::invoice(&invoice)?;
        let report = ClientBody::get(client)?.client.report_paid(&invoice)?;
        record.write(&ovo_record::of(&report));
        Ok(())
    })
}
