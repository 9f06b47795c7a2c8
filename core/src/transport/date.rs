//! The `Date` header (RFC 9110 5.6.7), to tell how far the terminal's clock is off.

/// Unix seconds of an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT`. The two obsolete forms
/// are not read: no host has sent them for decades, and no date is better than a guessed one.
pub(super) fn parse_imf_fixdate(text: &[u8]) -> Option<i64> {
    const DAYS: [&[u8]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    const MASK: &[u8; 29] = b"aaa, 00 aaa 0000 00:00:00 GMT";

    if text.len() != MASK.len() {
        return None;
    }
    for (byte, mask) in text.iter().zip(MASK) {
        let fits = match mask {
            b'a' => byte.is_ascii_alphabetic(),
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        };
        if !fits {
            return None;
        }
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0'))
    };
    let month = MONTHS.iter().position(|name| *name == &text[8..11])?;
    let (day, year) = (number(5, 7), number(12, 16));
    let (hour, minute, second) = (number(17, 19), number(20, 22), number(23, 25));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 => 28 + i64::from(leap),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    // 60 is a leap second.
    if year < 1970 || day < 1 || day > length || hour > 23 || minute > 59 || second > 60 {
        return None;
    }

    // Days since 1970-01-01, counting years from 1 March so that the leap day comes last.
    let shifted_year = if month < 2 { year - 1 } else { year };
    let shifted_month = i64::try_from((month + 10) % 12).ok()?;
    let days = 365 * shifted_year + shifted_year / 4 - shifted_year / 100
        + shifted_year / 400
        + (153 * shifted_month + 2) / 5
        + (day - 1)
        - 719_468;
    let weekday = usize::try_from(days % 7).ok()?;
    (DAYS[weekday] == &text[..3]).then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::parse_imf_fixdate;

    #[test]
    fn known_dates_are_read() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
            ("Wed, 31 Dec 2025 23:59:60 GMT", 1_767_225_600),
            ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
            ("Mon, 01 Jan 2035 00:00:00 GMT", 2_051_222_400),
        ] {
            assert_eq!(parse_imf_fixdate(text.as_bytes()), Some(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Wed, 29 Feb 2023 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Mon, 31 Apr 2024 00:00:00 GMT",
            "Sun, 06 Xyz 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(parse_imf_fixdate(text.as_bytes()), None, "{text}");
        }
    }
}
