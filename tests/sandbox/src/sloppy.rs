//! A host that repeats fields carelessly: padded, cut, masked, without zeros, of the other JSON type, of
//! another sale, or not at all (OV17, OV19, OV23). The books are not touched: only what
//! an answer says of the request changes.

use ovo_ptp::message::Operation;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const REQUEST_DATA: &str = "transactionRequestData";
/// An invoice that no test gives to a sale of its own.
const ANOTHER_INVOICE: &str = "ANOTHER-SALE-0001";

/// Which answers are sloppy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerTo {
    /// All.
    #[default]
    Any,
    /// Every answer whose code is not 00, to whatever operation.
    Failure,
    /// 00 to a push.
    PushToPay,
    /// Every other code to a push.
    Decline,
    /// Answers to a reversal.
    Reversal,
    /// Answers to a void.
    Void,
    /// Answers to a payment check, whatever the code.
    CheckPayment,
    /// Answers to a void check, whatever the code.
    CheckVoid,
    /// Answers to an inquiry.
    Inquiry,
}

impl AnswerTo {
    /// Each kind of answer by itself.
    pub const EACH: &[AnswerTo] = &[
        AnswerTo::PushToPay,
        AnswerTo::Decline,
        AnswerTo::Reversal,
        AnswerTo::Void,
        AnswerTo::CheckPayment,
        AnswerTo::CheckVoid,
        AnswerTo::Inquiry,
    ];

    fn covers(self, operation: Operation, code: &str) -> bool {
        let of_a_push = match code {
            "00" => AnswerTo::PushToPay,
            _ => AnswerTo::Decline,
        };
        let kind = match operation {
            Operation::PushToPay => of_a_push,
            Operation::Reversal => AnswerTo::Reversal,
            Operation::Void => AnswerTo::Void,
            Operation::CheckPayment => AnswerTo::CheckPayment,
            Operation::CheckVoid => AnswerTo::CheckVoid,
            Operation::Inquiry => AnswerTo::Inquiry,
        };
        self == AnswerTo::Any || self == kind || (self == AnswerTo::Failure && code != "00")
    }
}

/// A field that an answer repeats, or dates itself with. In JSON by its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Echo {
    /// `type`
    Type,
    /// `processingCode`
    ProcessingCode,
    /// `tid`
    Tid,
    /// `mid`
    Mid,
    /// `batchNo`
    BatchNo,
    /// `referenceNumber`
    ReferenceNumber,
    /// `amount`
    Amount,
    /// `merchantInvoice`
    MerchantInvoice,
    /// `phone`
    Phone,
    /// `transactionRequestData` as a whole: [`How::Absent`] and its like take the object, [`How::OtherType`]
    /// makes a text of it, all else befalls each field in it.
    #[serde(rename = "transactionRequestData")]
    RequestData,
    /// Every field: [`How::Absent`] leaves the bare response code, all else befalls each echo.
    Everything,
    /// `date`
    Date,
    /// `hostDate`; of the other type it is a number without its leading zero, 131.
    HostDate,
    /// `hostTime`
    HostTime,
}

impl Echo {
    /// The fields by which an answer shows whose it is.
    pub const IDENTITY: &[Echo] = &[
        Echo::Type,
        Echo::ProcessingCode,
        Echo::Tid,
        Echo::Mid,
        Echo::BatchNo,
        Echo::ReferenceNumber,
        Echo::Amount,
        Echo::MerchantInvoice,
        Echo::Phone,
    ];

    const NESTED: &[Echo] = &[Echo::MerchantInvoice, Echo::BatchNo, Echo::Phone];

    /// The field's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Echo::Type => "type",
            Echo::ProcessingCode => "processingCode",
            Echo::Tid => "tid",
            Echo::Mid => "mid",
            Echo::BatchNo => "batchNo",
            Echo::ReferenceNumber => "referenceNumber",
            Echo::Amount => "amount",
            Echo::MerchantInvoice => "merchantInvoice",
            Echo::Phone => "phone",
            Echo::RequestData => REQUEST_DATA,
            Echo::Everything => "everything",
            Echo::Date => "date",
            Echo::HostDate => "hostDate",
            Echo::HostTime => "hostTime",
        }
    }
}

/// What becomes of a field. What cannot befall it (the case of a number) leaves it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Not there.
    Absent,
    /// JSON `null`.
    Null,
    /// An empty text, or an empty object.
    Empty,
    /// The middle is stars, `0812****7890`; a text of less than six characters is nothing but stars.
    Masked,
    /// Two blanks before.
    BlanksBefore,
    /// Two blanks behind.
    BlanksBehind,
    /// A line break behind.
    Newline,
    /// A tab before; a zero byte and a carriage return behind.
    ControlCharacters,
    /// Upper case for lower and lower for upper.
    OtherCase,
    /// Two more zeros before.
    WithZeros,
    /// The leading zeros are gone.
    WithoutZeros,
    /// The number as a text, or digits as a number (leading zeros are lost).
    OtherType,
    /// A phone as `62812...`.
    CountryCode,
    /// A phone as `+62812...`.
    PlusCountryCode,
    /// The first so many characters.
    Cut(usize),
    /// Of another sale; `type` and `processingCode` of another operation: a push's 0210 in place of a
    /// check's or reversal's, the payment's 040000 in place of the void's, an inquiry's 050000 in
    /// place of the payment's.
    OtherSale,
    /// This value.
    Exactly(Value),
}

impl How {
    /// A reader is left without the value.
    pub const ABSENT: &[How] = &[How::Absent, How::Null, How::Empty, How::Masked];

    /// A reader still knows the value. [`How::Cut`] is not among them: of an invoice, 20 characters or
    /// more still tell it.
    pub const LOOSE: &[How] = &[
        How::BlanksBefore,
        How::BlanksBehind,
        How::Newline,
        How::ControlCharacters,
        How::OtherCase,
        How::WithZeros,
        How::WithoutZeros,
        How::OtherType,
        How::CountryCode,
        How::PlusCountryCode,
    ];
}

/// One habit of a sloppy host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sloppiness {
    /// In which answers.
    #[serde(default)]
    pub operation: AnswerTo,
    /// Which field.
    pub field: Echo,
    /// What becomes of it.
    pub how: How,
}

impl Sloppiness {
    /// In the answers to this.
    pub fn new(operation: AnswerTo, field: Echo, how: How) -> Sloppiness {
        Sloppiness { operation, field, how }
    }

    /// A failure says its code and nothing else.
    pub fn bare_failures() -> Sloppiness {
        Sloppiness::new(AnswerTo::Failure, Echo::Everything, How::Absent)
    }

    fn apply(&self, answer: &mut Map<String, Value>) {
        match (self.field, &self.how) {
            (Echo::Everything, How::Absent | How::Null | How::Empty) => {
                answer.retain(|name, _| name == "responseCode");
            }
            (Echo::Everything, how) => {
                Echo::IDENTITY.iter().for_each(|field| change(answer, *field, how));
            }
            (field, how) => change(answer, field, how),
        }
    }
}

/// An answer's text after all habits that concern it, in their order.
pub(crate) fn apply<'a>(
    habits: impl IntoIterator<Item = &'a Sloppiness>,
    operation: Operation,
    code: &str,
    body: &mut Vec<u8>,
) {
    let mut concerned =
        habits.into_iter().filter(|habit| habit.operation.covers(operation, code)).peekable();
    if concerned.peek().is_none() {
        return;
    }
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(body) else { return };
    concerned.for_each(|habit| habit.apply(&mut answer));
    *body = serde_json::to_vec(&answer).unwrap_or_default();
}

fn change(answer: &mut Map<String, Value>, field: Echo, how: &How) {
    if field == Echo::RequestData {
        return change_request_data(answer, how);
    }
    let holder = if Echo::NESTED.contains(&field) {
        // Where the object is gone or a text, so are its fields.
        match answer.get_mut(REQUEST_DATA).and_then(Value::as_object_mut) {
            Some(inner) => inner,
            None => return,
        }
    } else {
        answer
    };
    let Some(value) = holder.get(field.name()) else { return };
    match changed(value, field, how) {
        Some(value) => holder.insert(field.name().to_owned(), value),
        None => holder.remove(field.name()),
    };
}

fn change_request_data(answer: &mut Map<String, Value>, how: &How) {
    let whole = match how {
        How::Absent => {
            answer.remove(REQUEST_DATA);
            return;
        }
        How::Null => Value::Null,
        How::Empty => Value::Object(Map::new()),
        How::OtherType => {
            Value::String(answer.get(REQUEST_DATA).map(Value::to_string).unwrap_or_default())
        }
        How::Exactly(value) => value.clone(),
        how => return Echo::NESTED.iter().for_each(|field| change(answer, *field, how)),
    };
    answer.insert(REQUEST_DATA.to_owned(), whole);
}

/// The field's new value; `None` if there is none.
fn changed(value: &Value, field: Echo, how: &How) -> Option<Value> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let again = |text: String| match value {
        // A number stays one as long as its digits do.
        Value::Number(number) if number.to_string() == text => value.clone(),
        _ => Value::String(text),
    };
    Some(match how {
        How::Absent => return None,
        How::Null => Value::Null,
        How::Empty => Value::String(String::new()),
        How::Masked => Value::String(starred(&text)),
        How::BlanksBefore => Value::String(format!("  {text}")),
        How::BlanksBehind => Value::String(format!("{text}  ")),
        How::Newline => Value::String(format!("{text}\n")),
        How::ControlCharacters => Value::String(format!("\t{text}\0\r")),
        How::OtherCase => again(text.chars().map(other_case).collect()),
        How::WithZeros => Value::String(format!("00{text}")),
        How::WithoutZeros => again(match text.trim_start_matches('0') {
            "" => "0".to_owned(),
            rest => rest.to_owned(),
        }),
        How::OtherType => other_type(value),
        How::CountryCode => again(with_country_code(field, &text, "62")),
        How::PlusCountryCode => again(with_country_code(field, &text, "+62")),
        How::Cut(characters) => again(text.chars().take(*characters).collect()),
        How::OtherSale => match value {
            Value::Number(number) => {
                number.as_i64().map_or(Value::Null, |number| number.wrapping_add(1).into())
            }
            _ => Value::String(of_another_sale(field, &text)),
        },
        How::Exactly(value) => value.clone(),
    })
}

fn starred(text: &str) -> String {
    let length = text.chars().count();
    let shown = if length < 6 { 0 } else { (length / 3).min(4) };
    let seen = |place| place < shown || place >= length - shown;
    text.chars().enumerate().map(|(place, letter)| if seen(place) { letter } else { '*' }).collect()
}

fn other_case(letter: char) -> char {
    if letter.is_ascii_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    }
}

fn other_type(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text)
            if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            // 20 digits and more are no integer for anybody: such a text stays one.
            text.parse::<u64>().map_or_else(|_| value.clone(), Value::from)
        }
        other => other.clone(),
    }
}

fn with_country_code(field: Echo, text: &str, code: &str) -> String {
    match text.strip_prefix('0') {
        Some(rest) if field == Echo::Phone => format!("{code}{rest}"),
        _ => text.to_owned(),
    }
}

fn of_another_sale(field: Echo, text: &str) -> String {
    let other = |first: &str, second: &str| if text == first { second } else { first }.to_owned();
    match field {
        Echo::Type => other("0210", "0110"),
        Echo::ProcessingCode if text == "020040" => "040000".to_owned(),
        Echo::ProcessingCode => other("050000", "040000"),
        Echo::Date => other("2019-07-01 09:08:07.006", "2019-07-02 09:08:07.006"),
        Echo::HostDate => other("0701", "0702"),
        Echo::HostTime => other("010203", "010204"),
        _ => next_number(text).unwrap_or_else(|| ANOTHER_INVOICE.to_owned()),
    }
}

/// The next number of the same width, if a text is one; behind the last comes the first.
fn next_number(text: &str) -> Option<String> {
    let number: u64 = text.parse().ok()?;
    let width = text.len();
    let next = format!("{:0width$}", number.wrapping_add(1));
    Some(if next.len() > width { format!("{:0width$}", 1) } else { next })
}
