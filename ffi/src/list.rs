//! Lists of payments, and the calls that return one.

use std::sync::Arc;

use ptp::journal::Filter;
use ptp::payment::PaymentId;
use ptp::{PaymentReport, WallTime};

use crate::argument::{In, Out, OutStruct, Sized32, Text, flag};
use crate::client::{ClientBody, ovo_client};
use crate::code::{Failure, ovo_code};
use crate::guard::{anywhere, outside};
use crate::handle;
use crate::outcome::ovo_outcome;
use crate::record::ovo_record;

/// A list of payments, as they were when it was made. Any thread may read it, several at once.
pub struct ovo_list {
    _opaque: [u8; 0],
}

/// What a list's handle stands for.
#[derive(Default)]
pub(crate) struct ListBody(Vec<PaymentReport>);

/// Makes a list of what `find` finds. Its handle is reserved first: a list that there is no handle
/// for is not asked for.
fn publish(
    list: &Out<*mut ovo_list>,
    find: impl FnOnce() -> Result<Vec<PaymentReport>, Failure>,
) -> Result<(), Failure> {
    let handle = handle::reserve()?;
    list.write(handle.open(Arc::new(ListBody(find()?))));
    Ok(())
}

/// Which payments to list. Begin with `OVO_FILTER_INIT`, which lists all of them.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_filter {
    /// Size of this struct in bytes, set by `OVO_FILTER_INIT`.
    pub size: u32,
    /// 1: only payments whose outcome has not been acknowledged.
    pub unacknowledged: i32,
    /// 1: only payments that are not settled.
    pub unsettled: i32,
    /// 1: only payments that wait for an operator.
    pub needs_operator: i32,
    /// Only payments begun at or after this time, in milliseconds since 1970 UTC; 0 for all.
    pub since_ms: i64,
    /// Only payments begun before this time; 0 for all.
    pub until_ms: i64,
    /// Only payments behind this one, the last of the page before, in the order of the list: its `id`.
    /// 0 for all.
    pub after: i64,
    /// At most so many; 0 means 1,000.
    pub limit: u32,
    /// 1: newest first, for people; else in the order in which they were begun.
    pub newest_first: i32,
    /// Only payments of this terminal (`tid`); NULL for all. Stays the caller's, as `mid` does.
    pub tid: Text,
    /// Only payments of this merchant id (`mid`); NULL for all.
    pub mid: Text,
}

// SAFETY: repr(C), its size in front; zeroes are NULL pointers.
unsafe impl Sized32 for ovo_filter {
    const SIZES: &'static [usize] = &[48, 48 + 2 * size_of::<*const ()>()];
}

impl ovo_filter {
    fn read(&self) -> Result<Filter, Failure> {
        let time = |millis: i64| (millis != 0).then(|| WallTime::from_unix_millis(millis));
        Ok(Filter {
            unacknowledged: flag("unacknowledged", self.unacknowledged)?,
            unsettled: flag("unsettled", self.unsettled)?,
            needs_operator: flag("needs operator", self.needs_operator)?,
            since: time(self.since_ms),
            until: time(self.until_ms),
            after: (self.after != 0).then_some(PaymentId(self.after)),
            limit: self.limit as usize,
            tid: self.tid.read_if_any("tid", 64)?.map(str::to_owned),
            mid: self.mid.read_if_any("mid", 64)?.map(str::to_owned),
            newest_first: flag("newest first", self.newest_first)?,
        })
    }
}

/// Lists payments, one page of them: in the order in which they were begun, or newest first. The next
/// page is `after` the last `id` of this one.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `filter`: which payments; NULL for all (the first 1,000). Stays the caller's.
/// - `list`: gets the list.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
///
/// Memory: on success the caller frees `*list` with `ovo_list_free`; else it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_list_payments(
    client: *mut ovo_client,
    filter: In<ovo_filter>,
    list: Out<*mut ovo_list>,
) -> i32 {
    outside(client.addr(), &[&list.required("list")], || {
        let filter = match filter.is_null() {
            true => Filter::default(),
            false => filter.read("filter")?.read()?,
        };
        let body = ClientBody::get(client)?;
        publish(&list, || Ok(body.client.payments(&filter)?))
    })
}

/// Lists the payments that have an outcome which was not acknowledged: after a restart, what the
/// crash swallowed.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `list`: gets the list.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: call an operator; or a common code.
///
/// Memory: on success the caller frees `*list` with `ovo_list_free`; else it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_unacknowledged(client: *mut ovo_client, list: Out<*mut ovo_list>) -> i32 {
    outside(client.addr(), &[&list.required("list")], || {
        let body = ClientBody::get(client)?;
        publish(&list, || Ok(body.client.unacknowledged()?))
    })
}

/// Runs every reversal, check and void that is due now. Call it from the idle loop unless the
/// client settles in the background: refunds wait for it.
///
/// Blocks while requests are under way, some seconds when a host is slow.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `changed`: gets the list of payments that changed; NULL if it is not wanted.
///
/// Returns: `OVO_OK`, also when OVO could not be reached (what is due stays due);
/// `OVO_ERR_JOURNAL`: call an operator. Reversals may have left by then; settlement starts no payment
/// and no void, and goes on from the journal where it was. Or a common code.
///
/// Memory: on success the caller frees `*changed` with `ovo_list_free`; else it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_settle(client: *mut ovo_client, changed: Out<*mut ovo_list>) -> i32 {
    outside(client.addr(), &[&changed.optional("changed")], || {
        let body = ClientBody::get(client)?;
        if changed.is_null() {
            body.client.settle()?;
            return Ok(());
        }
        publish(&changed, || Ok(body.client.settle()?))
    })
}

/// How many payments a list holds.
///
/// Parameters:
/// - `list`: a list; stays the caller's.
/// - `length`: gets the number.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: nothing is kept or freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_list_length(list: *const ovo_list, length: Out<usize>) -> i32 {
    anywhere(list.addr(), &[&length.required("length")], || {
        length.write(handle::get::<ListBody, _>(list)?.0.len());
        Ok(())
    })
}

/// Copies one payment of a list.
///
/// Parameters:
/// - `list`: a list; stays the caller's.
/// - `index`: from 0 to the length less 1.
/// - `record`: gets the payment; NULL if it is not wanted.
/// - `outcome`: gets its outcome; NULL if it is not wanted. A wallet is never in it.
///
/// Returns: `OVO_OK`; `OVO_ERR_OUT_OF_RANGE`: ask for the length; or a common code.
///
/// Memory: both results are copies that outlive the list.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_list_get(
    list: *const ovo_list,
    index: usize,
    record: OutStruct<ovo_record>,
    outcome: OutStruct<ovo_outcome>,
) -> i32 {
    anywhere(list.addr(), &[&record.optional("record"), &outcome.optional("outcome")], || {
        let body = handle::get::<ListBody, _>(list)?;
        let report = body.0.get(index).ok_or_else(|| {
            Failure::new(
                ovo_code::OVO_ERR_OUT_OF_RANGE,
                format!("index: the list has {} payments", body.0.len()),
            )
        })?;
        record.write(&ovo_record::of(report));
        outcome.write(&ovo_record::outcome_of(report));
        Ok(())
    })
}

/// Frees a list.
///
/// Parameters:
/// - `list`: a list, the library's from now on. NULL is fine; a second time is a code.
///
/// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not a list any more.
///
/// Memory: copies made of it stay good.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_list_free(list: *mut ovo_list) -> i32 {
    anywhere(list.addr(), &[], || {
        if !list.is_null() {
            drop(handle::close::<ListBody, _>(list)?);
        }
        Ok(())
    })
}
