//! Whose answer is it? Every cell of the table of identities: each field that OVO repeats, in each
//! form, in the answer to each operation, with and without a journal that vouches for the numbers.

use ovo_ptp::message::{PaymentRef, Response};
use ovo_ptp::payment::{Asked, PushAnswer, ReversalAnswer, StatusAnswer, VoidAnswer};
use ovo_ptp::{MerchantInvoice, Numbers, PhoneNumber, Rupiah, Terminal};
use serde_json::{Value, json};

const INVOICE: &str = "SHOP-2026-11-26-000123-2";

/// What a form of a field is, by the table's own words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    Equal,
    Loose,
    Absent,
    Other,
}

struct Form {
    field: &'static str,
    value: Option<Value>,
    is: Is,
}

fn forms() -> Vec<Form> {
    let mut all = Vec::new();
    let mut of = |field: &'static str, is: Is, values: &[Value]| {
        all.extend(values.iter().map(|value| Form { field, value: Some(value.clone()), is }));
    };
    of("tid", Is::Loose, &[json!(" 0030000A"), json!("30000a"), json!("0030000A\n")]);
    of("tid", Is::Absent, &[json!(""), json!("****000A"), Value::Null]);
    of("tid", Is::Other, &[json!("0030000B")]);
    of("mid", Is::Loose, &[json!("0010000000mm001 "), json!("10000000MM001")]);
    of("mid", Is::Absent, &[json!("  "), Value::Null]);
    of("mid", Is::Other, &[json!("0010000000MM002")]);
    of("batchNo", Is::Equal, &[json!(4), json!("4"), json!("000004"), json!(" 4")]);
    of("batchNo", Is::Absent, &[json!(""), Value::Null]);
    of("batchNo", Is::Other, &[json!("000005"), json!("four")]);
    of("referenceNumber", Is::Equal, &[json!("000123"), json!("123\n")]);
    of("referenceNumber", Is::Absent, &[json!(""), Value::Null]);
    of("referenceNumber", Is::Other, &[json!(124)]);
    of("amount", Is::Equal, &[json!("12500"), json!(12500.0)]);
    of("amount", Is::Absent, &[json!(""), Value::Null]);
    of("amount", Is::Other, &[json!(12501), json!("12500,00")]);
    of("phone", Is::Loose, &[json!("6281200000000"), json!("+62 812-0000-0000")]);
    of("phone", Is::Absent, &[json!(""), json!("0812****0000"), json!("loyal customer")]);
    of("phone", Is::Other, &[json!("081200000001")]);
    let upper = INVOICE.to_lowercase();
    of(
        "merchantInvoice",
        Is::Loose,
        &[
            json!(format!(" {INVOICE}")),
            json!(format!("{INVOICE}\n")),
            json!(upper),
            json!(&INVOICE[..21]),
        ],
    );
    of("merchantInvoice", Is::Absent, &[json!(""), json!("SHOP-****"), Value::Null]);
    of("merchantInvoice", Is::Other, &[json!(&INVOICE[..19]), json!("SHOP-2026-11-26-000123-3")]);
    for field in ["tid", "mid", "batchNo", "referenceNumber", "amount", "phone", "merchantInvoice"]
    {
        all.push(Form { field, value: None, is: Is::Absent });
    }
    all
}

/// The whole answer of a faithful host, with one or two fields in another form.
fn answer(message_type: &str, processing_code: &str, code: &str, changes: &[&Form]) -> Response {
    let mut body = json!({
        "type": message_type, "processingCode": processing_code, "responseCode": code,
        "amount": 12500, "referenceNumber": 123, "tid": "0030000A", "mid": "0010000000MM001",
        "transactionRequestData":
            {"merchantInvoice": INVOICE, "batchNo": "000004", "phone": "081200000000"},
    });
    for change in changes {
        let place = match change.field {
            "batchNo" | "merchantInvoice" | "phone" => &mut body["transactionRequestData"],
            _ => &mut body,
        };
        let place = place.as_object_mut().expect("an object");
        match &change.value {
            Some(value) => place.insert(change.field.to_owned(), value.clone()),
            None => place.remove(change.field),
        };
    }
    Response::read(body.to_string().as_bytes()).expect("readable")
}

fn with_asked<T>(vouched: bool, check_follows: bool, read: impl FnOnce(&Asked<'_>) -> T) -> T {
    let terminal = Terminal::new("0030000A", "0010000000MM001", "SHOP01").expect("a terminal");
    let invoice: MerchantInvoice = INVOICE.parse().expect("an invoice");
    let phone: PhoneNumber = "081200000000".parse().expect("a phone");
    let payment = PaymentRef {
        merchant_id: "100001",
        terminal: &terminal,
        numbers: Numbers::new(4, 123).expect("numbers"),
        invoice: &invoice,
        amount: Rupiah::new(12_500).expect("an amount"),
        phone: Some(&phone),
    };
    read(&Asked {
        payment: &payment,
        vouched,
        unheard: false,
        duplicate_hint: false,
        shown: false,
        check_follows,
        same_time: None,
        is_another: &|_| false,
    })
}

/// Whether the forms leave the payment named, by the table: a missing or loose invoice needs
/// vouched numbers and the amount.
fn is_named(forms: &[&Form], vouched: bool) -> bool {
    let unnamed = |field| forms.iter().any(|form| form.field == field && form.is == Is::Absent);
    let invoice_is_there =
        !forms.iter().any(|form| form.field == "merchantInvoice" && form.is != Is::Equal);
    invoice_is_there
        || (vouched && !unnamed("batchNo") && !unnamed("referenceNumber") && !unnamed("amount"))
}

fn each(check: impl Fn(&[&Form], usize, bool, &str)) {
    let forms = forms();
    for vouched in [true, false] {
        for (at, one) in forms.iter().enumerate() {
            let single = [one];
            let name = |forms: &[&Form]| {
                let texts: Vec<String> =
                    forms.iter().map(|form| format!("{} = {:?}", form.field, form.value)).collect();
                format!("{} (vouched: {vouched})", texts.join(", "))
            };
            check(&single, usize::from(one.is == Is::Other), vouched, &name(&single));
            for other in forms[at + 1..].iter().filter(|other| other.field != one.field) {
                let pair = [one, other];
                let differences = pair.iter().filter(|form| form.is == Is::Other).count();
                check(&pair, differences, vouched, &name(&pair));
            }
        }
    }
}

#[test]
fn ov17_a_push_is_approved_or_declined_only_if_nothing_names_another_sale() {
    each(|forms, differences, vouched, name| {
        let approved = with_asked(vouched, true, |asked| {
            PushAnswer::classify(&answer("0210", "040000", "00", forms), asked)
        });
        let ours = differences == 0 && is_named(forms, vouched);
        assert_eq!(approved == PushAnswer::Approved, ours, "{name}: {approved:?}");
        let declined = with_asked(vouched, true, |asked| {
            PushAnswer::classify(&answer("0210", "040000", "17", forms), asked)
        });
        assert_eq!(matches!(declined, PushAnswer::Declined(_)), differences == 0, "{name}");
    });
}

#[test]
fn ov17_a_status_is_ours_doubtful_or_another_s() {
    each(|forms, differences, vouched, name| {
        for (code, ours) in [("00", StatusAnswer::Paid), ("73", StatusAnswer::Reversed)] {
            let status = with_asked(vouched, true, |asked| {
                StatusAnswer::classify(&answer("0110", "040000", code, forms), asked)
            });
            let invoice_is_ours = forms.iter().all(|form| form.field != "merchantInvoice");
            let expected = match differences {
                0 if is_named(forms, vouched) => ours,
                0 | 1 => StatusAnswer::Doubtful,
                // Ours by its invoice and another's by two other fields: a contradiction.
                _ if invoice_is_ours => StatusAnswer::Doubtful,
                _ => StatusAnswer::ForeignSale,
            };
            assert_eq!(status, expected, "{code}: {name}");
        }
        let unknown = with_asked(vouched, true, |asked| {
            StatusAnswer::classify(&answer("0110", "040000", "25", forms), asked)
        });
        let expected =
            if differences < 2 { StatusAnswer::NotFound } else { StatusAnswer::NoAnswer };
        assert_eq!(unknown, expected, "25: {name}");
    });
}

#[test]
fn ov17_ov19_a_reversal_is_acknowledged_where_a_check_follows_or_nothing_is_amiss() {
    each(|forms, differences, vouched, name| {
        for check_follows in [true, false] {
            let reversed = with_asked(vouched, check_follows, |asked| {
                ReversalAnswer::classify(&answer("0410", "040000", "00", forms), asked)
            });
            let whole = differences == 0 && is_named(forms, vouched);
            let expected = whole || (check_follows && differences < 2);
            let acknowledged = reversed == ReversalAnswer::Acknowledged;
            assert_eq!(acknowledged, expected, "check follows {check_follows}: {name}");
        }
    });
}

#[test]
fn ov17_a_void_is_done_only_if_its_answer_is_whole() {
    each(|forms, differences, vouched, name| {
        let whole = differences == 0 && is_named(forms, vouched);
        let void = with_asked(vouched, true, |asked| {
            VoidAnswer::classify(&answer("0210", "020040", "00", forms), asked)
        });
        assert_eq!(void, if whole { VoidAnswer::Voided } else { VoidAnswer::Unknown }, "{name}");
        let checked = with_asked(vouched, true, |asked| {
            StatusAnswer::classify_void(&answer("0110", "020040", "00", forms), asked)
        });
        let expected = if whole { StatusAnswer::Paid } else { StatusAnswer::NoAnswer };
        assert_eq!(checked, expected, "check void: {name}");
    });
}

#[test]
fn ov19_an_answer_to_another_question_counts_only_where_nothing_can_be_confused() {
    let sale = |code| answer("0210", "040000", code, &[]);
    with_asked(true, true, |asked| {
        assert_eq!(StatusAnswer::classify(&sale("00"), asked), StatusAnswer::Paid);
        assert_eq!(ReversalAnswer::classify(&sale("00"), asked), ReversalAnswer::Acknowledged);
        assert_eq!(StatusAnswer::classify_void(&sale("00"), asked), StatusAnswer::NoAnswer);
        assert_eq!(VoidAnswer::classify(&sale("00"), asked), VoidAnswer::Unknown);
        let inquiry = answer("0110", "050000", "00", &[]);
        assert_eq!(StatusAnswer::classify(&inquiry, asked), StatusAnswer::NoAnswer);
        assert_eq!(StatusAnswer::classify_void(&inquiry, asked), StatusAnswer::NoAnswer);
        assert_ne!(PushAnswer::classify(&inquiry, asked), PushAnswer::Approved);
    });
    with_asked(true, false, |asked| {
        // The acknowledgement would be the last word.
        assert_eq!(ReversalAnswer::classify(&sale("00"), asked), ReversalAnswer::Again(None));
    });
    let bare = Response::read(br#"{"responseCode":"00"}"#).expect("readable");
    with_asked(true, true, |asked| {
        assert_eq!(ReversalAnswer::classify(&bare, asked), ReversalAnswer::Acknowledged);
        assert_eq!(StatusAnswer::classify(&bare, asked), StatusAnswer::Doubtful);
        assert_eq!(VoidAnswer::classify(&bare, asked), VoidAnswer::Unknown);
        assert_ne!(PushAnswer::classify(&bare, asked), PushAnswer::Approved);
    });
}

#[test]
fn a_push_whose_numbers_nobody_vouches_for_is_named_by_phone_and_time() {
    let without = Form { field: "merchantInvoice", value: None, is: Is::Absent };
    let response = answer("0210", "040000", "00", &[&without]);
    for (same_time, approved) in [(Some(true), true), (Some(false), false), (None, false)] {
        let read = with_asked(false, true, |asked| {
            PushAnswer::classify(&response, &Asked { same_time, ..*asked })
        });
        assert_eq!(read == PushAnswer::Approved, approved, "{same_time:?}");
    }
}
