//! Values and messages: nothing secret is ever printed, WIB is WIB whatever the host thinks, and
//! phones and dates hold against slow, independent oracles.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::fmt::Debug;
use std::process::Command;

use ovo_ptp::journal::{HighWater, next_numbers, starting_batch};
use ovo_ptp::message::{
    PaymentRef, RequestBody, Response, ResponseCode, Signer, SigningMode, inquiry,
};
use ovo_ptp::{
    AppKey, Credentials, Error, ErrorKind, MerchantInvoice, Numbers, PhoneNumber, Rupiah, Terminal,
    WallTime,
};

/// A key that would be recognised anywhere.
const KEY: &str = "feedfacecafebeef0123456789abcdeffeedfacecafebeef0123456789abcdef";
const PHONE: &str = "081298765432";
const NAME: &str = "Siti Rahasia";

/// Everything an error shows, in every way it can be shown.
fn shown(error: &Error) -> String {
    format!("{error}\n{error:?}\n{error:#?}\n{}", std::error::Error::source(error).is_some())
}

/// Refused with a message that names the field and holds no part of the planted value.
fn refused_silently<T>(result: Result<T, Error>, field: &str, planted: &[&str]) {
    let error = result.err().unwrap_or_else(|| panic!("{field}: {planted:?} must be refused"));
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{field}");
    let shown = shown(&error);
    assert!(shown.starts_with(&format!("{field}: ")), "{shown:?} must name {field}");
    assert!(!error.to_string().contains(['\r', '\n', '\0']), "{field}: more than one line");
    for planted in planted {
        assert!(!shown.contains(planted), "{shown:?} repeats {planted:?}");
    }
}

#[test]
fn b1_control_characters_are_refused_in_every_value_that_reaches_a_header_or_the_body() {
    for bad in ["\r\nX-Planted: 1", "\r", "\n", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\",\"a\":\""]
    {
        for value in [format!("PLANTED{bad}"), format!("{bad}PLANTED"), format!("PL{bad}ANTED")] {
            let planted = ["PLANTED", "Planted", "ANTED"];
            let text = value.as_str();
            refused_silently(text.parse::<MerchantInvoice>(), "invoice", &planted);
            refused_silently(Terminal::new(text, "1", "1"), "tid", &planted);
            refused_silently(Terminal::new("1", text, "1"), "mid", &planted);
            refused_silently(Terminal::new("1", "1", text), "store code", &planted);
            let terminal = || Terminal::new("1", "1", "1").unwrap();
            let key = || AppKey::new(KEY).unwrap();
            refused_silently(Credentials::new("1", terminal(), text, key()), "app id", &planted);
            refused_silently(
                Credentials::new(text, terminal(), "a", key()),
                "merchant id",
                &planted,
            );
        }
    }
}

#[test]
fn b1_lengths_of_issued_codes_are_bounded() {
    let of = |length: usize| "7".repeat(length);
    assert!(Terminal::new(&of(16), &of(24), &of(20)).is_ok());
    refused_silently(Terminal::new(&of(17), "1", "1"), "tid", &["77777"]);
    refused_silently(Terminal::new("1", &of(25), "1"), "mid", &["77777"]);
    refused_silently(Terminal::new("1", "1", &of(21)), "store code", &["77777"]);
    for (tid, mid, store, field) in
        [("", "1", "1", "tid"), ("1", "", "1", "mid"), ("1", "1", "", "store code")]
    {
        refused_silently(Terminal::new(tid, mid, store), field, &[]);
    }
    let credentials = |merchant: &str, app: &str| {
        let terminal = Terminal::new("1", "1", "1").unwrap();
        Credentials::new(merchant, terminal, app, AppKey::new(KEY).unwrap())
    };
    assert!(credentials(&of(20), &of(64)).is_ok());
    refused_silently(credentials(&of(21), "a"), "merchant id", &["77777"]);
    refused_silently(credentials("1", &of(65)), "app id", &["77777"]);
    refused_silently(credentials("", "a"), "merchant id", &[]);
    refused_silently(credentials("1", ""), "app id", &[]);
    refused_silently(credentials("12a", "a"), "merchant id", &["12a"]);
    refused_silently(credentials("\u{661}\u{662}", "a"), "merchant id", &["\u{661}"]);
}

#[test]
fn b2_no_message_about_a_phone_holds_the_phone() {
    for typed in [
        "081298765432x",
        "\u{200f}081298765432",
        "+65 8129 8765",
        "0298765432",
        "0812987654321987",
        "081298765432\r\nX: 1",
        "081298765432081298765432081298765432081298765432",
        "ext 081298765432",
    ] {
        let planted = ["81298", "98765", "5432", "8129", typed];
        refused_silently(typed.parse::<PhoneNumber>(), "phone", &planted);
    }
}

#[test]
fn b3_no_message_about_a_number_holds_the_number() {
    for rupiah in [0, -987_654, i64::MIN] {
        let planted = ["987654", "9223372036854775808"];
        refused_silently(Rupiah::new(rupiah), "amount", &planted);
    }
    for number in [0, 1_000_000, 4_294_967_295] {
        let planted = ["1000000", "4294967295"];
        refused_silently(Numbers::new(number, 1), "batch", &planted);
        refused_silently(Numbers::new(1, number), "reference", &planted);
    }
}

#[test]
fn b10_a_key_that_is_not_exactly_64_hexadecimal_digits_is_refused_unseen() {
    assert!(AppKey::new(KEY).is_ok());
    assert!(AppKey::new(&KEY.to_uppercase()).is_ok());
    let cut = &KEY[..63];
    let wide = format!("{cut}\u{ff11}");
    for bad in [
        format!("{KEY}\n"),
        format!("{KEY}\r\n"),
        format!(" {KEY}"),
        format!("{KEY} "),
        format!("\u{feff}{KEY}"),
        format!("{KEY}\0"),
        format!("\"{KEY}\""),
        format!("0x{KEY}"),
        format!("0x{}", &KEY[..62]),
        format!("{KEY}{KEY}"),
        format!("{KEY}0"),
        format!("{cut}g"),
        format!("{cut}\n"),
        cut.to_owned(),
        wide,
        // The bytes of 64 characters, not 64 characters: 62 digits and one of two bytes.
        format!("{}\u{e9}", &KEY[..62]),
        String::new(),
        KEY[..32].to_owned(),
    ] {
        refused_silently(AppKey::new(&bad), "app key", &["feedface", "cafebeef", "abcdef"]);
    }
}

fn credentials() -> Credentials {
    let terminal = Terminal::new("00000001", "000000000000001", "DEMO01").unwrap();
    Credentials::new("100001", terminal, "demo-app", AppKey::new(KEY).unwrap()).unwrap()
}

/// Everything `{:?}` and `{:#?}` show.
fn debug(value: &dyn Debug) -> String {
    format!("{value:?}\n{value:#?}")
}

#[test]
fn b7_debug_shows_no_key_no_signature_and_no_person() {
    let phone: PhoneNumber = PHONE.parse().unwrap();
    let invoice: MerchantInvoice = "DEMO-1".parse().unwrap();
    let credentials = credentials();
    let payment = PaymentRef {
        merchant_id: credentials.merchant_id(),
        terminal: credentials.terminal(),
        numbers: Numbers::new(4, 123).unwrap(),
        invoice: &invoice,
        amount: Rupiah::new(12_500).unwrap(),
        phone: Some(&phone),
    };
    let push = payment.push_to_pay("2026-01-31 09:08:07.006");
    let question = inquiry("100001", credentials.terminal(), &phone, "2026-01-31 09:08:07.006");
    let signer = Signer::new("demo-app", credentials.app_key(), SigningMode::WithBody);
    let signature = signer.sign(push.bytes(), WallTime::from_unix_millis(1_769_825_287_000));
    let response = Response::read(
        format!(
            r#"{{"responseCode":"00","approvalCode":"100200","transactionRequestData":{{"phone":"{PHONE}"}},
            "transactionResponseData":{{"fullName":"{NAME}","ovoid":"********5432","cashBalance":"777888999"}}}}"#
        )
        .as_bytes(),
    )
    .unwrap();
    let wallet = response.wallet.clone().unwrap();
    assert_eq!(wallet.full_name.as_deref(), Some(NAME), "the name is there to be hidden");
    assert_eq!(response.phone.as_deref(), Some(PHONE));
    assert!(String::from_utf8_lossy(push.bytes()).contains(PHONE));

    // The halves of the digest and the key too: a part of a secret is a secret.
    let (head, tail) = signature.hmac.split_at(32);
    let secrets =
        [KEY, "feedface", "cafebeef", head, tail, PHONE, "98765", NAME, "Rahasia", "777888999"];
    let bytes: Vec<String> =
        secrets.iter().map(|secret| format!("{:?}", secret.as_bytes())).collect();
    let values: [(&str, &dyn Debug); 13] = [
        ("PhoneNumber", &phone),
        ("Option<PhoneNumber>", &Some(&phone)),
        ("AppKey", credentials.app_key()),
        ("Credentials", &credentials),
        ("PaymentRef", &payment),
        ("RequestBody", &push),
        ("RequestBody", &question),
        ("Signer", &signer),
        ("Signature", &signature),
        ("Response", &response),
        ("Result<Response>", &Ok::<_, ()>(&response)),
        ("WalletDetails", &wallet),
        ("Receipt's part", &(&response.wallet, &response.code)),
    ];
    for (name, value) in values {
        let shown = debug(value);
        for secret in
            secrets.iter().copied().chain(bytes.iter().map(|list| &list[1..40.min(list.len() - 1)]))
        {
            assert!(!shown.contains(secret), "{name} shows {secret:?}: {shown}");
        }
    }
    // And yet they say what they are.
    assert!(debug(&phone).contains("0812****5432"));
    assert!(debug(&credentials).contains("demo-app"));
    assert!(debug(&push).contains("push to pay"));
    assert!(debug(&response).contains("00"));
    assert!(debug(&signer).contains("WithBody"));
}

#[test]
fn b7_a_padded_phone_is_still_masked() {
    let phone: PhoneNumber = PHONE.parse().unwrap();
    for shown in [format!("{phone:>20}"), format!("{phone:<20?}"), format!("{phone:.30}")] {
        assert!(!shown.contains("9876"), "{shown}");
    }
}

#[test]
fn errors_name_their_kind_for_programs_and_stay_one_line_for_people() {
    let water =
        HighWater { last: Some(Numbers::new(999_999, 999_999).unwrap()), first_batch: 1, day: 0 };
    let used_up = next_numbers(&water, Default::default(), WallTime::default()).unwrap_err();
    let dead_clock = starting_batch(WallTime::default()).unwrap_err();
    assert_eq!(used_up.kind(), ErrorKind::Journal);
    assert_eq!(dead_clock.kind(), ErrorKind::Configuration);
    for error in [used_up, dead_clock] {
        assert!(!error.to_string().contains('\n'));
        assert!(!error.is_retryable());
        assert!(!error.is_outcome_unknown());
    }
}

#[test]
fn a_response_code_prints_as_received() {
    for text in ["00", "8", "BR", "z9"] {
        let code = ResponseCode::new(text).unwrap();
        assert_eq!(code.to_string(), text);
        assert_eq!(format!("{code:?}"), text);
    }
}

// --- WIB -----------------------------------------------------------------------------------------

/// The Gregorian calendar as a child learns it: from 1 January of year 1, a day at a time.
struct SlowCalendar {
    year: i64,
    month: u32,
    day: u32,
}

impl SlowCalendar {
    fn is_leap(&self) -> bool {
        if self.year % 400 == 0 {
            return true;
        }
        if self.year % 100 == 0 {
            return false;
        }
        self.year % 4 == 0
    }

    fn next_day(&mut self) {
        let last = match self.month {
            2 => 28 + u32::from(self.is_leap()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        self.day += 1;
        if self.day > last {
            self.day = 1;
            self.month += 1;
        }
        if self.month > 12 {
            self.month = 1;
            self.year += 1;
        }
    }
}

/// Days from 0001-01-01 to 1970-01-01: 1969 years with 492 - 19 + 4 leap days.
const DAYS_TO_1970: i64 = 1969 * 365 + 492 - 19 + 4;
const DAY_MS: i64 = 86_400_000;
const WIB_MS: i64 = 7 * 3_600_000;

#[test]
fn t6_every_day_of_ten_thousand_years_has_its_date() {
    let mut calendar = SlowCalendar { year: 1, month: 1, day: 1 };
    let mut day = -DAYS_TO_1970;
    while calendar.year < 10_000 {
        let SlowCalendar { year, month, day: of_month } = calendar;
        // Year 1 and 9999 begin and end in the clamp of `from_unix_millis`.
        let inside =
            (year, month, of_month) > (1, 1, 2) && (year, month, of_month) < (9999, 12, 30);
        if inside {
            let midnight = day * DAY_MS - WIB_MS;
            for wall in [midnight, midnight + DAY_MS - 1].map(WallTime::from_unix_millis) {
                assert_eq!(wall.wib_date(), (year, month, of_month), "{wall:?}");
                assert_eq!(wall.wib_day(), day);
            }
            if day % 61 == 0 {
                let text = format!("{year:04}-{month:02}-{of_month:02} 12:34:56.078");
                let millis = midnight + ((12 * 60 + 34) * 60 + 56) * 1000 + 78;
                assert_eq!(WallTime::from_unix_millis(millis).wib_text(), text);
            }
        }
        calendar.next_day();
        day += 1;
    }
    assert_eq!(day, 2_932_897, "10000-01-01 by another calendar");
}

#[test]
fn t6_every_millisecond_of_a_day_counts_up() {
    let mut before = String::new();
    // A prime step visits every part of the day without visiting every millisecond.
    for millis in (0..DAY_MS).step_by(1_009) {
        let wall = WallTime::from_unix_millis(1_769_878_800_000 + millis);
        let text = wall.wib_text();
        assert!(text > before, "{text} after {before}");
        assert_eq!(text.len(), 23);
        let part = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
        let back = ((part(11, 13) * 60 + part(14, 16)) * 60 + part(17, 19)) * 1000 + part(20, 23);
        assert_eq!((&text[..10], back), ("2026-02-01", millis));
        assert_eq!(wall.wib_millis_of_day(), millis);
        before = text;
    }
}

#[test]
fn t6_absurd_clocks_neither_panic_nor_grow_the_text() {
    for millis in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
        let wall = WallTime::from_unix_millis(millis);
        assert_eq!(wall.wib_text().len(), 23, "{millis}");
        assert!(wall.wib_millis_of_day() < DAY_MS);
        let _ = starting_batch(wall);
    }
}

const CHILD: &str = "wib_in_a_child_process";

/// Runs in a child whose `TZ` the parent chose: fixed instants, then the clock.
#[test]
#[ignore = "run by t4_wib_is_wib_in_every_zone_of_the_host"]
fn wib_in_a_child_process() {
    for millis in [0, 1_468_914_526_000, 1_772_953_200_000, 1_793_512_800_000, 1_769_878_799_999] {
        println!("= {}", WallTime::from_unix_millis(millis).wib_text());
    }
    let now = WallTime::now();
    println!("= {} {}", now.unix_millis(), now.wib_text());
}

#[test]
fn t4_wib_is_wib_in_every_zone_of_the_host() {
    let zones = [
        None,
        Some(""),
        Some("UTC"),
        Some("America/New_York"),
        Some("Asia/Jakarta"),
        Some("Asia/Jayapura"),
        Some("Pacific/Kiritimati"),
        Some("right/Europe/London"),
        // POSIX counts westward: this is seven hours west of Greenwich.
        Some("GMT+7"),
        Some("EST5EDT,M3.2.0,M11.1.0"),
        Some(":::/../nonsense \u{1}%n"),
        Some("/dev/null"),
    ];
    for zone in zones {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", CHILD, "--ignored", "--nocapture", "--test-threads=1"]);
        child.env_remove("TZ");
        if let Some(zone) = zone {
            child.env("TZ", zone);
        }
        let before = WallTime::now().unix_millis();
        let output = child.output().unwrap();
        let after = WallTime::now().unix_millis();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "TZ={zone:?}: {text}");
        // The test harness may write in front of the first line.
        let lines: Vec<&str> =
            text.lines().filter_map(|line| Some(line.split_once("= ")?.1)).collect();
        let [fixed @ .., now] = lines.as_slice() else { panic!("TZ={zone:?}: {text}") };
        assert_eq!(
            fixed,
            [
                "1970-01-01 07:00:00.000",
                "2016-07-19 14:48:46.000",
                "2026-03-08 14:00:00.000",
                "2026-11-01 13:00:00.000",
                "2026-01-31 23:59:59.999",
            ],
            "TZ={zone:?}"
        );
        let (millis, now) = now.split_once(' ').unwrap();
        let millis: i64 = millis.parse().unwrap();
        assert!((before..=after).contains(&millis), "TZ={zone:?}: the clock is UTC");
        let seconds = (millis + WIB_MS).rem_euclid(DAY_MS) / 1000;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = format!("{hour:02}:{minute:02}:{second:02}.{:03}", millis % 1000);
        assert!(now.ends_with(&time), "TZ={zone:?}: {now} must end with {time}");
    }
}

// --- Phones --------------------------------------------------------------------------------------

/// Numbers without a pattern, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's MMIX constants; the high half is the random one.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

#[test]
fn b2_every_way_to_write_a_number_is_the_same_number() {
    let mut dice = Dice(20_260_131);
    for _ in 0..20_000 {
        let length = 9 + dice.roll(4);
        let mut subscriber = format!("8{}", 1 + dice.roll(9));
        while subscriber.len() < length {
            subscriber.push(char::from(b'0' + dice.roll(10) as u8));
        }
        let prefix = dice.pick(&["", "0", "62", "+62", "0062", "620", "+620", "00620", "+62 (0)"]);
        let mut typed = String::new();
        // Separators as people use them, and never so many that the text grows too long.
        for digit in prefix.chars().chain(subscriber.chars()) {
            typed.push(digit);
            if typed.len() < 20 && dice.roll(4) == 0 {
                typed.push_str(dice.pick(&[" ", "-", ".", "(", ")"]));
            }
        }
        if typed.strip_suffix(".0").is_some_and(|rest| rest.parse::<u64>().is_ok()) {
            // A lone dot before a last zero is how a spreadsheet spoils a number: refused.
            typed = typed.replace('.', "-");
        }
        let around = dice.pick(&["", " ", "\t", "\n"]);
        let typed = format!("{around}{typed}{around}");
        let phone =
            typed.parse::<PhoneNumber>().unwrap_or_else(|error| panic!("{typed:?}: {error}"));
        assert_eq!(phone.digits(), format!("0{subscriber}"), "{typed:?}");
        assert_eq!(phone.digits().parse::<PhoneNumber>().as_ref(), Ok(&phone), "idempotent");
        let printed = phone.to_string();
        assert_eq!((printed.len(), &printed[4..8]), (12, "****"));
    }
}

#[test]
fn b2_any_text_becomes_a_valid_number_or_a_silent_refusal() {
    let mut dice = Dice(7);
    let likely = ["0", "8", "1", "62", "00", "812", "99999", " ", "-", "(", ")", "."];
    let foreign = [
        "+",
        "x",
        "\0",
        "\r\n",
        "\u{200f}",
        "\u{202e}",
        "\u{ff10}",
        "\u{660}",
        "\u{1f600}",
        "e",
        ",",
        "\t",
        "\u{a0}",
        "+62",
    ];
    let mut accepted = 0;
    for _ in 0..50_000 {
        let length = 4 + dice.roll(8);
        let piece = |_| {
            let pieces: &[&str] = if dice.roll(12) == 0 { &foreign } else { &likely };
            dice.pick(pieces)
        };
        let typed: String = (0..length).map(piece).collect();
        match typed.parse::<PhoneNumber>() {
            Ok(phone) => {
                accepted += 1;
                let digits = phone.digits();
                assert!(digits.starts_with("08") && digits.as_bytes()[2] != b'0', "{typed:?}");
                assert!((10..=13).contains(&digits.len()), "{typed:?}");
                assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{typed:?}");
                // No digit is lost, changed or moved.
                let all: String = typed.chars().filter(char::is_ascii_digit).collect();
                assert!(all.ends_with(&digits[1..]), "{typed:?} became {digits}");
            }
            Err(error) => {
                assert!(error.to_string().starts_with("phone: "), "{error}");
                let shown = shown(&error);
                assert!(!shown.contains("99999") && !shown.contains('\0'), "{shown}");
            }
        }
    }
    assert!(accepted > 100, "only {accepted} texts were accepted: the test has lost its bite");
}

/// What is sent is what the values hold: an unusual but valid value needs no escaping.
#[test]
fn b1_no_valid_value_is_escaped_in_a_body() {
    let invoice: MerchantInvoice = "AZaz09-_./".parse().unwrap();
    let terminal = Terminal::new("T-1.a_B2", "M_2-x.Y9", "S.t-O_r3").unwrap();
    let payment = PaymentRef {
        merchant_id: "1",
        terminal: &terminal,
        numbers: Numbers::new(1, 1).unwrap(),
        invoice: &invoice,
        amount: Rupiah::new(1).unwrap(),
        phone: None,
    };
    let body: RequestBody = payment.reversal(&WallTime::default().wib_text());
    assert!(body.bytes().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '));
    assert!(!body.bytes().contains(&b'\\'));
}
