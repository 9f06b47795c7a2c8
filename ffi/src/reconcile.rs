//! OVO's settlement report beside the journal, line by line.

use std::ffi::c_char;
use std::mem::size_of;
use std::sync::{Arc, Mutex, PoisonError};

use ptp::payment::PaymentId;
use ptp::{
    Finding, JournalReader, Listed, Reconciled, Reconciliation, Rupiah, SettlementLine, WallTime,
};

use crate::argument::{In, Out, OutStruct, Sized32, Text, place};
use crate::client::{ClientBody, ovo_client};
use crate::code::{Failure, ovo_code};
use crate::config::PATH;
use crate::finding::{FINDINGS, ovo_finding};
use crate::fork;
use crate::guard::outside;
use crate::handle;
use crate::vocabulary::{language, one_of};

/// Longest invoice of a report: it lists payments of other products, too.
const LISTED: usize = 255;

/// A settlement report beside a journal. One thread at a time works with it; others wait.
pub struct ovo_reconciliation {
    _opaque: [u8; 0],
}

/// What its handle stands for.
pub(crate) struct BooksBody {
    books: Reconciliation,
    /// `None`: each call names a client.
    reader: Option<JournalReader>,
    /// The last extra debit that was told; `None` before the first.
    debit: Option<PaymentId>,
}

/// What a line of a report says of the customer's money.
#[repr(i32)]
pub enum ovo_listed {
    /// The customer paid.
    OVO_LISTED_PAID = 1,
    /// The customer has the money back.
    OVO_LISTED_REFUNDED = 2,
    /// No money moved (FAILED, PENDING).
    OVO_LISTED_NOTHING = 3,
    /// It is another till's, or a sum: of it nothing but the day counts.
    OVO_LISTED_ELSEWHERE = 4,
}

/// A line of OVO's settlement report, as your program reads it: OVO publishes no format for Push To Pay.
/// Begin with `OVO_SETTLEMENT_LINE_INIT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_settlement_line {
    /// Size of this struct in bytes, set by `OVO_SETTLEMENT_LINE_INIT`.
    pub size: u32,
    /// An `ovo_listed`: what it says.
    pub says: i32,
    /// The amount of the payment in rupiah, before fees; above 0, also of a refund. 0 if a line that says
    /// that no money moved has none.
    pub amount: i64,
    /// A moment of the transaction's day (in WIB), in milliseconds since 1970 UTC; 0 if the report does not
    /// tell.
    pub day_ms: i64,
    /// The merchant's invoice as the report has it, up to 255 bytes. One that could not be an invoice of
    /// this library is missing here, and no error.
    pub invoice: Text,
}

// SAFETY: repr(C), its size in front; a NULL text is a value.
unsafe impl Sized32 for ovo_settlement_line {
    const SIZES: &'static [usize] = &[24 + size_of::<usize>().next_multiple_of(8)];
}

impl ovo_settlement_line {
    /// What it says, with its amount.
    fn listed(&self) -> Result<Listed, Failure> {
        const PAID: i32 = ovo_listed::OVO_LISTED_PAID as i32;
        const REFUNDED: i32 = ovo_listed::OVO_LISTED_REFUNDED as i32;
        const NOTHING: i32 = ovo_listed::OVO_LISTED_NOTHING as i32;
        const ELSEWHERE: i32 = ovo_listed::OVO_LISTED_ELSEWHERE as i32;
        Ok(match self.says {
            PAID => Listed::Paid(Rupiah::new(self.amount)?),
            REFUNDED => Listed::Refunded(Rupiah::new(self.amount)?),
            NOTHING if self.amount == 0 => Listed::Nothing(None),
            NOTHING => Listed::Nothing(Some(Rupiah::new(self.amount)?)),
            ELSEWHERE => Listed::Elsewhere,
            _ => {
                let (code, why) = (ovo_code::OVO_ERR_INVALID_INPUT, "must be an ovo_listed");
                return Err(Failure::of_field(code, "says", why));
            }
        })
    }
}

/// What a line, or a payment without one, comes to. Begin with `OVO_RECONCILED_INIT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_reconciled {
    /// Size of this struct in bytes, set by `OVO_RECONCILED_INIT`.
    pub size: u32,
    /// An `ovo_finding`.
    pub finding: i32,
    /// 1 if the two books differ, so that somebody must look.
    pub is_difference: i32,
    /// Always 0.
    pub reserved: i32,
    /// The report's amount in rupiah; 0 if no line has this payment.
    pub listed: i64,
    /// The journal's amount in rupiah; 0 if the journal does not know the invoice.
    pub amount: i64,
    /// The invoice, as the report or the journal has it; cut if it is longer than any of this library's.
    pub invoice: [c_char; 56],
    /// What it means, what to do, and why the payment stands as it does: one line of UTF-8.
    pub text: [c_char; 512],
}

// SAFETY: repr(C), its size in front, numbers and characters only.
unsafe impl Sized32 for ovo_reconciled {
    const SIZES: &'static [usize] = &[600];
}

impl ovo_reconciled {
    fn none() -> ovo_reconciled {
        ovo_reconciled {
            size: size_of::<ovo_reconciled>() as u32,
            finding: ovo_finding::OVO_FINDING_NONE as i32,
            is_difference: 0,
            reserved: 0,
            listed: 0,
            amount: 0,
            invoice: [0; 56],
            text: [0; 512],
        }
    }

    fn of(it: &Reconciled, language: ptp::Language) -> ovo_reconciled {
        let number = FINDINGS.iter().find(|(_, finding)| *finding == it.finding);
        let listed = it.listed.map_or(0, Rupiah::get);
        // Of what agrees no explanation is made: its amount is the report's.
        let amount = match &it.payment {
            Some(payment) => payment.amount.get(),
            None if matches!(it.finding, Finding::Matched | Finding::OtherDay) => listed,
            None => 0,
        };
        let mut flat = ovo_reconciled {
            finding: number.map_or(0, |(number, _)| *number),
            is_difference: it.finding.is_difference().into(),
            listed,
            amount,
            ..ovo_reconciled::none()
        };
        place(&mut flat.invoice, &it.invoice);
        place(&mut flat.text, &it.text(language));
        flat
    }
}

impl BooksBody {
    /// Works with the books, and with the journal that they are held against.
    fn with<T>(
        &mut self,
        client: *mut ovo_client,
        work: impl FnOnce(&mut Reconciliation, &Journal<'_>) -> Result<T, ptp::Error>,
    ) -> Result<T, Failure> {
        let BooksBody { books, reader, .. } = self;
        match reader {
            Some(reader) if client.is_null() => Ok(work(books, &Journal::Beside(reader))?),
            Some(_) => Err(Failure::of_field(
                ovo_code::OVO_ERR_INVALID_INPUT,
                "client",
                "must be NULL: this reconciliation has a journal of its own",
            )),
            None => {
                let body = ClientBody::get(client)?;
                Ok(work(books, &Journal::Own(&body.client))?)
            }
        }
    }
}

/// The journal of a call.
enum Journal<'a> {
    Own(&'a ptp::Client),
    Beside(&'a JournalReader),
}

fn get(books: *const ovo_reconciliation) -> Result<Arc<Mutex<BooksBody>>, Failure> {
    handle::get::<Mutex<BooksBody>, _>(books)
}

/// Begins to hold OVO's settlement report against a journal. It changes nothing, and holds bits for
/// each payment that it has seen, however long the report is: give it each line (`ovo_reconcile_line`),
/// then ask what the report should have had and had not (`ovo_reconcile_missing`).
///
/// Parameters:
/// - `journal`: the journal's file, which is read as it is now, beside whatever other process has it open
///   (a private copy takes room in the directory for temporary files until it is freed); stays the
///   caller's. NULL: each call names an open client of this process, and its journal is asked.
/// - `books`: gets the reconciliation.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: there is no journal, or it cannot be read;
/// `OVO_ERR_JOURNAL_LOCKED`: this process has it open (give NULL, and the client), or it was not at rest
/// for a moment, call again; or a common code.
///
/// Memory: on success the caller frees `*books` with `ovo_reconcile_free`; else it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_reconcile_new(journal: Text, books: Out<*mut ovo_reconciliation>) -> i32 {
    outside(0, &[&books.required("books")], || {
        let reader = match journal.read_if_any("journal", PATH)? {
            Some(path) => {
                fork::is_watched();
                Some(JournalReader::open(path)?)
            }
            None => None,
        };
        books.write(begun(reader)?);
        Ok(())
    })
}

/// As `ovo_reconcile_new`, for one merchant: a journal or an archive of another one's is refused, and
/// nothing is told of it.
///
/// Parameters:
/// - `journal`: the journal's file, or an archive of one; stays the caller's.
/// - `merchant_id`: whose it must be; stays the caller's.
/// - `books`: gets the reconciliation.
///
/// Returns: as `ovo_reconcile_new`; `OVO_ERR_JOURNAL`, too, if it is another merchant's: `ovo_last_error`
/// names both.
///
/// Memory: as `ovo_reconcile_new`.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_reconcile_new_for(
    journal: Text,
    merchant_id: Text,
    books: Out<*mut ovo_reconciliation>,
) -> i32 {
    outside(0, &[&books.required("books")], || {
        let path = journal.read("journal", PATH)?;
        let merchant = merchant_id.read("merchant_id", 64)?;
        fork::is_watched();
        books.write(begun(Some(JournalReader::open_of(path, merchant)?))?);
        Ok(())
    })
}

fn begun(reader: Option<JournalReader>) -> Result<*mut ovo_reconciliation, Failure> {
    let body = BooksBody { books: Reconciliation::new(), reader, debit: None };
    handle::open(Arc::new(Mutex::new(body)))
}

/// Compares a line of the report with the payment of its invoice. It asks OVO nothing. Of a line that says
/// that no money moved, and of another till's, the finding is `OVO_FINDING_NONE`: what they come to is known
/// at the end (`ovo_reconcile_missing`).
///
/// Parameters:
/// - `books`: a reconciliation; stays the caller's.
/// - `client`: an open client, if the reconciliation was begun without a journal's file, else NULL; stays
///   the caller's.
/// - `line`: the line; stays the caller's.
/// - `language`: an `ovo_language`, of the text.
/// - `found`: gets what it comes to.
///
/// Returns: `OVO_OK`, whatever it comes to; `OVO_ERR_INVALID_INPUT`: the amount is none, the line says
/// nothing, or client and file do not fit; `OVO_ERR_JOURNAL`: call an operator; or a common code. The line counts only with
/// `OVO_OK`.
///
/// Memory: nothing is kept of the line.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_reconcile_line(
    books: *mut ovo_reconciliation,
    client: *mut ovo_client,
    line: In<ovo_settlement_line>,
    language: i32,
    found: OutStruct<ovo_reconciled>,
) -> i32 {
    outside(books.addr(), &[&found.required("found")], || {
        let given = line.read("line")?;
        let listed = SettlementLine {
            invoice: given.invoice.read("invoice", LISTED)?.to_owned(),
            says: given.listed()?,
            day: (given.day_ms != 0).then(|| WallTime::from_unix_millis(given.day_ms)),
        };
        let language = self::language(language)?;
        let body = get(books)?;
        let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
        let it = body.with(client, |books, journal| match journal {
            Journal::Own(client) => books.line(*client, &listed),
            Journal::Beside(reader) => books.line(*reader, &listed),
        })?;
        let none = ovo_reconciled::none();
        found.write(&it.map_or(none, |it| ovo_reconciled::of(&it, language)));
        Ok(())
    })
}

/// Tells what only the end of the report shows, one after the other: `OVO_FINDING_FAILED_THERE`,
/// `OVO_FINDING_OTHER_DAY`, then each payment that is paid here, was begun within the report's days, and has
/// had no line. Behind the last one the finding is `OVO_FINDING_NONE`, until it is asked about other days.
/// Walk through the days once, behind the last line: what is told is counted.
///
/// Parameters:
/// - `books`, `client`: as of `ovo_reconcile_line`.
/// - `since_ms`: the report's first moment, in milliseconds since 1970 UTC; midnight in Jakarta is 17:00 UTC.
/// - `until_ms`: the first moment behind the report. Both 0: the days of the lines decide, and if these have
///   none, payments without a line are not looked for.
/// - `language`: an `ovo_language`, of the text.
/// - `found`: gets the payment.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: client and file do not fit; `OVO_ERR_JOURNAL`: call an
/// operator; or a common code.
///
/// Memory: nothing is kept of the arguments.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_reconcile_missing(
    books: *mut ovo_reconciliation,
    client: *mut ovo_client,
    since_ms: i64,
    until_ms: i64,
    language: i32,
    found: OutStruct<ovo_reconciled>,
) -> i32 {
    outside(books.addr(), &[&found.required("found")], || {
        let language = self::language(language)?;
        let days = (WallTime::from_unix_millis(since_ms), WallTime::from_unix_millis(until_ms));
        let days = (since_ms != 0 || until_ms != 0).then_some(days);
        let body = get(books)?;
        let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
        let it = body.with(client, |books, journal| match journal {
            Journal::Own(client) => books.missing(*client, days),
            Journal::Beside(reader) => books.missing(*reader, days),
        })?;
        let none = ovo_reconciled::none();
        found.write(&it.map_or(none, |it| ovo_reconciled::of(&it, language)));
        Ok(())
    })
}

/// Tells the next extra debit of the lines so far that no refund's line took out again: give it to
/// `ovo_report_paid`, which returns the money. Behind the last line, because the refund may stand on any. It
/// counts nothing. Behind the last one the finding is `OVO_FINDING_NONE`, and the next call begins anew.
///
/// Parameters:
/// - `books`, `client`: as of `ovo_reconcile_line`.
/// - `language`: an `ovo_language`, of the text.
/// - `found`: gets the payment.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: client and file do not fit; `OVO_ERR_JOURNAL`: call an
/// operator; or a common code.
///
/// Memory: nothing is kept of the arguments.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_reconcile_extra_debit(
    books: *mut ovo_reconciliation,
    client: *mut ovo_client,
    language: i32,
    found: OutStruct<ovo_reconciled>,
) -> i32 {
    outside(books.addr(), &[&found.required("found")], || {
        let language = self::language(language)?;
        let body = get(books)?;
        let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
        let last = body.debit;
        let next = body.with(client, |books, journal| match journal {
            Journal::Own(client) => books.extra_debit(*client, last),
            Journal::Beside(reader) => books.extra_debit(*reader, last),
        })?;
        body.debit = next.as_ref().map(|(id, _)| *id);
        let none = ovo_reconciled::none();
        found.write(&next.map_or(none, |(_, it)| ovo_reconciled::of(&it, language)));
        Ok(())
    })
}

/// Tells how often there was a finding so far.
///
/// Parameters:
/// - `books`: a reconciliation; stays the caller's.
/// - `finding`: an `ovo_finding`.
/// - `lines`: gets how many lines, or payments without one; NULL if it is not wanted.
/// - `rupiah`: gets their amounts together, the report's, or of what it has not the journal's; NULL if it
///   is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such finding; or a common code.
///
/// Memory: nothing is kept or freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_reconcile_count(
    books: *const ovo_reconciliation,
    finding: i32,
    lines: Out<i64>,
    rupiah: Out<i64>,
) -> i32 {
    outside(books.addr(), &[&lines.optional("lines"), &rupiah.optional("rupiah")], || {
        let finding = one_of("finding", finding, &FINDINGS)?;
        let body = get(books)?;
        let count = body.lock().unwrap_or_else(PoisonError::into_inner).books.count(finding);
        lines.write(i64::try_from(count.payments).unwrap_or(i64::MAX));
        rupiah.write(count.rupiah);
        Ok(())
    })
}

/// Frees a reconciliation.
///
/// Parameters:
/// - `books`: a reconciliation, the library's from now on. NULL is fine; a second time is a code.
///
/// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not one any more.
///
/// Memory: results that were copied out of it stay good; the private copy of the journal is removed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_reconcile_free(books: *mut ovo_reconciliation) -> i32 {
    outside(books.addr(), &[], || {
        if !books.is_null() {
            drop(handle::close::<Mutex<BooksBody>, _>(books)?);
        }
        Ok(())
    })
}
