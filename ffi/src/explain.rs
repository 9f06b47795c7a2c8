//! What became of one payment, as a text for people or for programs.

use crate::argument::{Buffer, Out, Text};
use crate::client::{ClientBody, ovo_client};
use crate::code::{Failure, ovo_code};
use crate::guard::outside;
use crate::values;
use crate::vocabulary::{language, one_of};

/// The form of an explanation.
#[allow(clippy::upper_case_acronyms)]
#[repr(i32)]
pub enum ovo_explanation {
    /// Plain text, some ten lines and the timeline.
    OVO_EXPLAIN_TEXT = 1,
    /// One JSON object on one line, both languages in it. Keys are only ever added.
    OVO_EXPLAIN_JSON = 2,
    /// One self-contained HTML page, without scripts, that can be sent to support.
    OVO_EXPLAIN_HTML = 3,
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
    Html,
}

fn form(number: i32) -> Result<Form, Failure> {
    let values = [
        (ovo_explanation::OVO_EXPLAIN_TEXT as i32, Form::Text),
        (ovo_explanation::OVO_EXPLAIN_JSON as i32, Form::Json),
        (ovo_explanation::OVO_EXPLAIN_HTML as i32, Form::Html),
    ];
    one_of("form", number, &values)
}

/// Tells what became of a payment: what happened and when, where the money is, why, what comes next
/// and when, and what cashier and operator should do. It asks OVO nothing and holds nothing about
/// the person who paid.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `invoice`: the payment's; stays the caller's.
/// - `form`: an `ovo_explanation`.
/// - `language`: an `ovo_language`; JSON has both.
/// - `text`: gets the explanation, in UTF-8; NULL to ask for its size only.
/// - `capacity`: size of the text's buffer. 32768 bytes are enough for all but the longest histories.
/// - `needed`: gets the size that the text needs, NUL included; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_BUFFER_TOO_SMALL`: nothing of it is written, see `needed`; it may have
/// grown by the next call. `OVO_ERR_NOT_FOUND`; `OVO_ERR_INVALID_INPUT`: no such form or language;
/// `OVO_ERR_JOURNAL`: call an operator; or a common code.
///
/// Memory: nothing is kept; the text is a copy in the caller's buffer.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_explain(
    client: *mut ovo_client,
    invoice: Text,
    form: i32,
    language: i32,
    text: Buffer,
    capacity: usize,
    needed: Out<usize>,
) -> i32 {
    outside(client.addr(), &[&text.room(capacity), &needed.optional("needed")], || {
        let invoice = values::invoice(&invoice)?;
        let (form, language) = (self::form(form)?, self::language(language)?);
        let explanation = ClientBody::get(client)?.client.explain(&invoice)?.ok_or_else(|| {
            let detail = format!("invoice {invoice}: no such payment in the journal");
            let mut failure = Failure::new(ovo_code::OVO_ERR_NOT_FOUND, detail);
            failure.invoice = Some(invoice.clone());
            failure
        })?;
        let written = match form {
            Form::Text => explanation.text(language),
            Form::Json => explanation.json(),
            Form::Html => explanation.html(language),
        };
        if text.is_null() {
            needed.write(written.len() + 1);
            return Ok(());
        }
        text.write(capacity, &needed, &written)
    })
}
