//! A payment as the journal knows it.

use std::ffi::c_char;
use std::mem::size_of;

use ptp::PaymentReport;

use crate::argument::{Sized32, place};
use crate::outcome::ovo_outcome;
use crate::vocabulary::kind_of;

/// A payment as the journal knows it. Begin with `OVO_RECORD_INIT`. Holds nothing about the person
/// who paid, and no pointer.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_record {
    /// Size of this struct in bytes, set by `OVO_RECORD_INIT`.
    pub size: u32,
    /// An `ovo_outcome_kind`; `OVO_PENDING` while there is no outcome.
    pub outcome: i32,
    /// The journal's number of the payment, for paging with `ovo_filter.after`.
    pub id: i64,
    /// The amount in rupiah.
    pub amount: i64,
    /// When it was begun, in milliseconds since 1970-01-01 UTC by the wall clock of that time.
    pub begun_ms: i64,
    /// The batch.
    pub batch: u32,
    /// The reference.
    pub reference: u32,
    /// 1 if the caller has acknowledged the outcome.
    pub acknowledged: i32,
    /// 1 if nothing is left to do at OVO.
    pub settled: i32,
    /// 1 if an operator must decide.
    pub needs_operator: i32,
    /// Always 0.
    pub reserved: i32,
    /// The invoice.
    pub invoice: [c_char; 56],
    /// Where settlement stands, in English.
    pub settlement: [c_char; 40],
    /// Terminal id.
    pub tid: [c_char; 24],
    /// Merchant id in the card sense.
    pub mid: [c_char; 32],
    /// Store code.
    pub store_code: [c_char; 24],
}

// SAFETY: repr(C), its size in front, numbers and characters only.
unsafe impl Sized32 for ovo_record {
    const SIZES: &'static [usize] = &[232];
}

impl ovo_record {
    pub(crate) fn of(report: &PaymentReport) -> ovo_record {
        let mut record = ovo_record {
            size: size_of::<ovo_record>() as u32,
            outcome: kind_of(report.outcome.as_ref()),
            id: report.id.0,
            amount: report.amount.get(),
            begun_ms: report.begun.unix_millis(),
            batch: report.numbers.batch(),
            reference: report.numbers.reference(),
            acknowledged: report.acknowledged.into(),
            settled: report.settled.into(),
            needs_operator: report.needs_operator.into(),
            reserved: 0,
            invoice: [0; 56],
            settlement: [0; 40],
            tid: [0; 24],
            mid: [0; 32],
            store_code: [0; 24],
        };
        place(&mut record.invoice, report.invoice.as_str());
        place(&mut record.settlement, report.settlement);
        place(&mut record.tid, report.terminal.tid());
        place(&mut record.mid, report.terminal.mid());
        place(&mut record.store_code, report.terminal.store_code());
        record
    }

    pub(crate) fn outcome_of(report: &PaymentReport) -> ovo_outcome {
        ovo_outcome::of(&report.invoice, report.outcome.as_ref())
    }
}
