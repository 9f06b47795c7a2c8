//! The report of the day after: what OVO pays out to the merchant. OVO publishes no format for Push To
//! Pay; that reports of its other products carry the merchant's reference as `MerchantInvoice` is
//! known, every other column is invented.

use crate::ledger::{Entry, State};
use crate::record::masked;
use crate::wib;

/// The columns, in order.
pub const SETTLEMENT_COLUMNS: [&str; 14] = [
    "TransactionDate",
    "TransactionTime",
    "MerchantId",
    "StoreCode",
    "TID",
    "MID",
    "BatchNo",
    "ReferenceNumber",
    "MerchantInvoice",
    "ApprovalCode",
    "Phone",
    "Amount",
    "Status",
    "NetAmount",
];

/// The report as CSV: every payment that was debited and not reversed, once, in the order of the
/// pushes; what was voided with the status `VOIDED` and nothing to pay out. `day` is a WIB date,
/// `2026-01-31`; without one, all days.
///
/// # Errors
/// If `day` is not a date.
pub fn settlement_report(entries: &[Entry], day: Option<&str>) -> Result<String, String> {
    let wanted = match day {
        None => None,
        Some(text) => {
            let midnight = wib::read_date(&format!("{text} 00:00:00.000"))
                .ok_or_else(|| "date is not yyyy-MM-dd".to_owned())?;
            Some(wib::day(midnight))
        }
    };
    let mut report = SETTLEMENT_COLUMNS.join(",");
    report.push_str("\r\n");
    for entry in entries {
        let Some(paid_at) = entry.debited_wall else { continue };
        let status = match entry.state {
            State::Debited => "PAID",
            State::Voided => "VOIDED",
            State::Open | State::NotDebited | State::Reversed => continue,
        };
        if wanted.is_some_and(|day| day != wib::day(paid_at)) {
            continue;
        }
        let stamp = wib::date_text(paid_at);
        let (date, time) = stamp.split_at(10);
        let cells = [
            date.to_owned(),
            time[1..9].to_owned(),
            entry.merchant_id.clone(),
            entry.store_code.clone(),
            entry.tid.clone(),
            entry.mid.clone(),
            entry.batch_text.clone(),
            format!("{:06}", entry.reference),
            entry.invoice.clone(),
            entry.approval_code.clone().unwrap_or_default(),
            masked(&entry.phone),
            entry.amount.to_string(),
            status.to_owned(),
            entry.net().to_string(),
        ];
        report.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        report.push_str("\r\n");
    }
    Ok(report)
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
