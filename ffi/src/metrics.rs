//! Metrics as text for Prometheus.

use crate::argument::{Buffer, Out};
use crate::client::{ClientBody, ovo_client};
use crate::guard::outside;

/// Tells what a dashboard shows and an alarm watches, as text in Prometheus' format (0.0.4): payments
/// by outcome, exchanges by operation and result with how long they took, alerts, what is open and how
/// old it is, the journal's health. Counters (`..._total`) begin at 0 with each client; what the journal
/// knows outlives it. It asks OVO nothing, no payment waits for it, and nothing of a person and no
/// invoice is in it. The manual's section "Metrics" says what each means.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `text`: gets the metrics, in UTF-8; NULL to ask for their size only.
/// - `capacity`: size of the text's buffer. 24576 bytes are enough.
/// - `needed`: gets the size that the text needs, NUL included; NULL if it is not wanted.
///
/// Returns: `OVO_OK`, also if the journal cannot be read (`ovo_ptp_journal_readable 0` says so);
/// `OVO_ERR_BUFFER_TOO_SMALL`: nothing of it is written, see `needed`; it may have grown by the next
/// call; or a common code.
///
/// Memory: nothing is kept; the text is a copy in the caller's buffer.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_metrics_text(
    client: *mut ovo_client,
    text: Buffer,
    capacity: usize,
    needed: Out<usize>,
) -> i32 {
    outside(client.addr(), &[&text.room(capacity), &needed.optional("needed")], || {
        let written = ClientBody::get(client)?.client.metrics_text()?;
        if text.is_null() {
            needed.write(written.len() + 1);
            return Ok(());
        }
        text.write(capacity, &needed, &written)
    })
}
