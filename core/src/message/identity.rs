//! Whose answer is it? What an answer repeats, held field by field against what was asked.
//!
//! OVO repeats the fields of a request beside its code. A host, or a gateway in front of it, may
//! pad them, cut them, write them as the other JSON type or leave them out; and an answer may
//! belong to another sale. [`Identity`] tells the one from the other: each field is the same,
//! *loosely* the same, absent, or another, and what follows from how many are others is decided by
//! [`payment`](crate::payment)'s answers.

use crate::message::{Mismatch, Operation, PaymentRef, Response};
use crate::phone::PhoneNumber;

/// How a field of the answer compares with what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Echo {
    /// The same value.
    Equal,
    /// The same without surrounding blanks and control characters, ASCII case and leading zeros, or
    /// another form of the same phone.
    Loose,
    /// Not there, empty, or masked with `*`.
    Absent,
    /// Another value: one difference.
    Other,
}

/// What `type` and `processingCode` say the answer is an answer to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answers {
    /// The operation that was asked.
    Asked,
    /// Nothing contradicts that; one of the two is missing.
    Untold,
    /// A sale (0210 with 040000): some hosts answer a check or a reversal of one so.
    Sale,
    /// Something else.
    Other(Mismatch),
}

/// An answer's identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// What it answers.
    pub answers: Answers,
    /// `transactionRequestData.merchantInvoice`
    pub invoice: Echo,
    /// The other fields that name a sale, in the order of [`Identity::FIELDS`].
    pub fields: [Echo; 6],
}

impl Identity {
    /// The fields of [`Identity::fields`].
    pub const FIELDS: [Mismatch; 6] = [
        Mismatch::Tid,
        Mismatch::Mid,
        Mismatch::Batch,
        Mismatch::Reference,
        Mismatch::Amount,
        Mismatch::Phone,
    ];

    /// Compares `response`, the answer to `operation` about `payment`. `is_another` tells whether a
    /// text is the invoice of another payment of this journal: `ORDER-55` must not stand for a cut
    /// `ORDER-55-2`.
    pub fn of(
        response: &Response,
        operation: Operation,
        payment: &PaymentRef<'_>,
        is_another: &dyn Fn(&str) -> bool,
    ) -> Identity {
        let numbers = payment.numbers;
        Identity {
            answers: answers(response, operation),
            invoice: invoice(response.invoice.as_deref(), payment.invoice.as_str(), is_another),
            fields: [
                text(response.tid.as_deref(), payment.terminal.tid()),
                text(response.mid.as_deref(), payment.terminal.mid()),
                number(response.batch.as_deref(), numbers.batch().into()),
                number(response.reference.as_deref(), numbers.reference().into()),
                number(response.amount.as_deref(), payment.amount.get()),
                phone(response.phone.as_deref(), payment.phone),
            ],
        }
    }

    /// How many fields name another sale.
    pub fn differences(&self) -> usize {
        self.echoes().filter(|(_, echo)| *echo == Echo::Other).count()
    }

    /// The first field that names another sale.
    pub fn first_difference(&self) -> Option<Mismatch> {
        self.echoes().find(|(_, echo)| *echo == Echo::Other).map(|(field, _)| field)
    }

    /// A field that was accepted although it is not what was sent: worth a word to the operator,
    /// once.
    pub fn sloppy_field(&self) -> Option<Mismatch> {
        if self.invoice != Echo::Equal {
            return Some(Mismatch::Invoice);
        }
        let named =
            |field: &Mismatch| matches!(field, Mismatch::Tid | Mismatch::Mid | Mismatch::Phone);
        self.echoes().find(|(field, echo)| *echo == Echo::Loose && named(field)).map(|(f, _)| f)
    }

    /// Whether the answer names the payment: by its invoice, or, where the invoice is missing or
    /// only loosely there, by numbers that are `vouched` for.
    pub fn names(&self, vouched: bool) -> bool {
        let there = |field| matches!(self.field(field), Echo::Equal | Echo::Loose);
        match self.invoice {
            Echo::Equal => true,
            Echo::Other => false,
            Echo::Loose | Echo::Absent => {
                vouched
                    && there(Mismatch::Batch)
                    && there(Mismatch::Reference)
                    && there(Mismatch::Amount)
            }
        }
    }

    /// Whether the answer repeats the customer's phone.
    pub fn repeats_phone(&self) -> bool {
        matches!(self.field(Mismatch::Phone), Echo::Equal | Echo::Loose)
    }

    fn field(&self, field: Mismatch) -> Echo {
        self.echoes().find(|(other, _)| *other == field).map_or(Echo::Absent, |(_, echo)| echo)
    }

    fn echoes(&self) -> impl Iterator<Item = (Mismatch, Echo)> + '_ {
        let invoice = std::iter::once((Mismatch::Invoice, self.invoice));
        invoice.chain(Identity::FIELDS.into_iter().zip(self.fields))
    }
}

/// Without surrounding blanks and control characters; `None` if nothing is left or it is masked.
fn bare(field: Option<&str>) -> Option<&str> {
    let text = field?.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    (!text.is_empty() && !text.contains('*')).then_some(text)
}

fn unpadded(text: &str) -> &str {
    text.trim_start_matches('0')
}

fn text(field: Option<&str>, expected: &str) -> Echo {
    match bare(field) {
        None => Echo::Absent,
        Some(_) if field == Some(expected) => Echo::Equal,
        Some(text) if unpadded(text).eq_ignore_ascii_case(unpadded(expected)) => Echo::Loose,
        Some(_) => Echo::Other,
    }
}

fn number(field: Option<&str>, expected: i64) -> Echo {
    let Some(text) = bare(field) else { return Echo::Absent };
    let digits = text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(number) if digits && number == expected => Echo::Equal,
        _ => Echo::Other,
    }
}

/// A beginning of an invoice names it only if it is at least this long: no record shows a longer
/// invoice repeated by OVO, and short ones are whole.
const SHORTEST_CUT: usize = 20;

/// An invoice is the merchant's own text: `007` and `7` are two invoices.
fn invoice(field: Option<&str>, expected: &str, is_another: &dyn Fn(&str) -> bool) -> Echo {
    let Some(text) = bare(field) else { return Echo::Absent };
    if field == Some(expected) {
        return Echo::Equal;
    }
    let cut = text.len() >= SHORTEST_CUT
        && expected.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    if text == expected || ((cut || text.eq_ignore_ascii_case(expected)) && !is_another(text)) {
        Echo::Loose
    } else {
        Echo::Other
    }
}

/// OVO may write 62... for 08...; what is no phone at all names nobody.
fn phone(field: Option<&str>, expected: Option<&PhoneNumber>) -> Echo {
    let (Some(text), Some(expected)) = (bare(field), expected) else { return Echo::Absent };
    match text.parse::<PhoneNumber>() {
        Err(_) => Echo::Absent,
        Ok(_) if field == Some(expected.digits()) => Echo::Equal,
        Ok(phone) if phone == *expected => Echo::Loose,
        Ok(_) => Echo::Other,
    }
}

fn answers(response: &Response, operation: Operation) -> Answers {
    let message_type = response.message_type.as_deref();
    let code = response.processing_code.as_deref();
    let same = |field, expected| !matches!(text(field, expected), Echo::Other);
    if same(message_type, operation.response_type()) && same(code, operation.processing_code()) {
        let told = bare(message_type).is_some() && bare(code).is_some();
        return if told { Answers::Asked } else { Answers::Untold };
    }
    let sale = Operation::PushToPay;
    let about_a_sale = operation.processing_code() == sale.processing_code();
    if about_a_sale
        && same(message_type, sale.response_type())
        && same(code, sale.processing_code())
    {
        return Answers::Sale;
    }
    Answers::Other(if same(message_type, operation.response_type()) {
        Mismatch::ProcessingCode
    } else {
        Mismatch::MessageType
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_compared_without_blanks_case_and_leading_zeros() {
        assert_eq!(text(Some("00300001"), "00300001"), Echo::Equal);
        for loose in [" 00300001", "300001", "00300001\n", "\u{0}00300001 "] {
            assert_eq!(text(Some(loose), "00300001"), Echo::Loose, "{loose:?}");
        }
        for absent in [None, Some(""), Some("  "), Some("****0001")] {
            assert_eq!(text(absent, "00300001"), Echo::Absent);
        }
        assert_eq!(text(Some("00300002"), "00300001"), Echo::Other);
    }

    #[test]
    fn a_cut_invoice_is_long_and_nobody_else_s() {
        let ours = "SHOP-2026-11-26-000123-2";
        let echo = |text: &str, another: &str| invoice(Some(text), ours, &|text| text == another);
        assert_eq!(echo(ours, ""), Echo::Equal);
        assert_eq!(echo("shop-2026-11-26-000123-2", ""), Echo::Loose);
        assert_eq!(echo(&ours[..22], ""), Echo::Loose);
        assert_eq!(echo(&ours[..22], &ours[..22]), Echo::Other, "another payment of this journal");
        assert_eq!(echo(&ours[..19], ""), Echo::Other, "too short to name anything");
        assert_eq!(invoice(Some("7"), "007", &|_| false), Echo::Other);
        assert_eq!(invoice(Some(" 007 "), "007", &|_| false), Echo::Loose);
    }

    #[test]
    fn a_phone_is_the_same_in_each_of_its_forms() {
        let ours: PhoneNumber = "081234567890".parse().unwrap();
        assert_eq!(phone(Some("081234567890"), Some(&ours)), Echo::Equal);
        assert_eq!(phone(Some("+6281234567890"), Some(&ours)), Echo::Loose);
        assert_eq!(phone(Some("0812****7890"), Some(&ours)), Echo::Absent);
        assert_eq!(phone(Some("081234567891"), Some(&ours)), Echo::Other);
        assert_eq!(phone(Some("081234567891"), None), Echo::Absent);
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        for same in ["123", "000123", " 123\n"] {
            assert_eq!(number(Some(same), 123), Echo::Equal);
        }
        for other in ["124", "12x", "-123", "123.5", "99999999999999999999"] {
            assert_eq!(number(Some(other), 123), Echo::Other);
        }
    }
}
