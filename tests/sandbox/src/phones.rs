//! Customers by phone number: ONE table. The program's `--phones`, `GET /phones`, the README and
//! the engine all read it.

use serde_json::{Value, json};

use crate::behaviour::Behaviour;

/// The first eight digits of every number in the table. Two digits follow that choose the row, and
/// two more (`NN`) that are its parameter.
pub const PREFIX: &str = "08120000";

/// The customer whom the page shows first: somebody who decides on it.
pub(crate) const PAGE_PHONE: &str = "081200000200";

/// One row: the numbers `08120000` + `block` + `NN`.
#[derive(Clone, Copy, Debug)]
pub struct PhoneRow {
    /// The two digits that choose the row.
    pub block: u8,
    /// What the customer does; `NN` stands for the last two digits.
    pub meaning: &'static str,
    behaviour: fn(u64) -> Behaviour,
}

impl PhoneRow {
    /// The numbers of this row as a pattern, for example `0812000017NN`.
    pub fn pattern(&self) -> String {
        format!("{PREFIX}{:02}NN", self.block)
    }

    /// The behaviour for the last two digits.
    pub fn behaviour(&self, last_two_digits: u64) -> Behaviour {
        (self.behaviour)(last_two_digits)
    }
}

const fn seconds(number: u64) -> u64 {
    number * 1000
}

fn coded(code: &str, after: u64) -> Behaviour {
    Behaviour::Decline { code: code.to_owned(), after_ms: seconds(after) }
}

/// The table, by block. Where OVO has a code for it, the block is the code.
pub const PHONES: &[PhoneRow] = &[
    PhoneRow {
        block: 0,
        meaning: "approves at once",
        behaviour: |_| Behaviour::Approve { after_ms: 0 },
    },
    PhoneRow {
        block: 1,
        meaning: "approves after NN seconds (from 56 on: never, the prompt is gone)",
        behaviour: |n| Behaviour::Approve { after_ms: seconds(n) },
    },
    PhoneRow {
        block: 2,
        meaning: "is you: decides on the sandbox's page, or by `POST /decide`",
        behaviour: |_| Behaviour::ByHand {},
    },
    PhoneRow { block: 13, meaning: "13 amount invalid, at once", behaviour: |_| coded("13", 0) },
    PhoneRow {
        block: 14,
        meaning: "14 no OVO account, at once; the inquiry says so too",
        behaviour: |_| coded("14", 0),
    },
    PhoneRow {
        block: 17,
        meaning: "17 cancels in the app after NN seconds",
        behaviour: |n| coded("17", n),
    },
    PhoneRow {
        block: 26,
        meaning: "26 prompt cannot be delivered, after NN seconds",
        behaviour: |n| coded("26", n),
    },
    PhoneRow { block: 40, meaning: "40 failed, after NN seconds", behaviour: |n| coded("40", n) },
    PhoneRow {
        block: 51,
        meaning: "51 insufficient funds, after NN seconds",
        behaviour: |n| coded("51", n),
    },
    PhoneRow { block: 56, meaning: "56 card blocked, at once", behaviour: |_| coded("56", 0) },
    PhoneRow {
        block: 61,
        meaning: "61 the customer's own limit, at once",
        behaviour: |_| coded("61", 0),
    },
    PhoneRow { block: 64, meaning: "64 account blocked, at once", behaviour: |_| coded("64", 0) },
    PhoneRow {
        block: 65,
        meaning: "65 the system's limit, at once",
        behaviour: |_| coded("65", 0),
    },
    PhoneRow {
        block: 67,
        meaning: "67 below the minimum payment, at once",
        behaviour: |_| coded("67", 0),
    },
    PhoneRow {
        block: 68,
        meaning: "68 pending after NN seconds, never paid",
        behaviour: |n| Behaviour::Pending { answer_after_ms: seconds(n), paid_after_ms: None },
    },
    PhoneRow {
        block: 69,
        meaning: "68 pending after 10 seconds, debited after NN seconds",
        behaviour: |n| Behaviour::Pending {
            answer_after_ms: 10_000,
            paid_after_ms: Some(seconds(n)),
        },
    },
    PhoneRow {
        block: 90,
        meaning: "ignores the prompt: HTTP 404 with an empty body at 60 seconds",
        behaviour: |_| Behaviour::Ignore {},
    },
    PhoneRow {
        block: 91,
        meaning: "ignores the prompt, and no answer ever comes",
        behaviour: |_| Behaviour::IgnoreSilently {},
    },
    PhoneRow {
        block: 92,
        meaning: "debited after NN seconds, and no answer ever comes",
        behaviour: |n| Behaviour::AnswerLost { after_ms: seconds(n), cut: false },
    },
    PhoneRow {
        block: 93,
        meaning: "debited after 50 seconds, answered 00 at 60 + NN seconds",
        behaviour: |n| Behaviour::AnswerLate { after_ms: 50_000, answer_after_ms: seconds(60 + n) },
    },
    PhoneRow {
        block: 94,
        meaning: "94 duplicate, at once, although the numbers are new",
        behaviour: |_| coded("94", 0),
    },
    PhoneRow {
        block: 95,
        meaning: "404 empty at 60 seconds, yet debited at 60 + NN seconds",
        behaviour: |n| Behaviour::ConfirmLate { after_ms: seconds(60 + n) },
    },
    PhoneRow {
        block: 96,
        meaning: "17 after NN seconds, yet debited: a decline that lies",
        behaviour: |n| Behaviour::DeclineButDebited { code: "17".to_owned(), after_ms: seconds(n) },
    },
    PhoneRow {
        block: 97,
        meaning: "ER system error after NN seconds, not debited",
        behaviour: |n| coded("ER", n),
    },
    PhoneRow {
        block: 98,
        meaning: "ER system error after NN seconds, yet debited",
        behaviour: |n| Behaviour::DeclineButDebited { code: "ER".to_owned(), after_ms: seconds(n) },
    },
    PhoneRow {
        block: 99,
        meaning: "debited after NN seconds, and the connection closes without a byte",
        behaviour: |n| Behaviour::AnswerLost { after_ms: seconds(n), cut: true },
    },
];

/// What the table says of a phone number. Numbers outside it approve.
pub(crate) fn behaviour_of(phone: &str) -> Option<Behaviour> {
    let rest = phone.strip_prefix(PREFIX)?;
    if rest.len() != 4 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let block: u8 = rest[..2].parse().ok()?;
    let row = PHONES.iter().find(|row| row.block == block)?;
    Some(row.behaviour(rest[2..].parse().ok()?))
}

/// The table as plain text, one number pattern a line.
pub fn table_text() -> String {
    let mut text = String::new();
    for row in PHONES {
        text.push_str(&format!("{}  {}\n", row.pattern(), row.meaning));
    }
    text.push_str("any other 08...  approves (at once, unless configured otherwise)\n");
    text
}

/// The table as JSON, for tests of any language.
pub fn table_json() -> Value {
    PHONES
        .iter()
        .map(|row| {
            json!({
                "pattern": row.pattern(),
                "meaning": row.meaning,
                "example": format!("{PREFIX}{:02}05", row.block),
                "behaviour_of_example": row.behaviour(5),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_unique_and_ordered() {
        assert!(PHONES.windows(2).all(|pair| pair[0].block < pair[1].block));
    }

    #[test]
    fn the_last_two_digits_are_the_row_s_parameter() {
        assert_eq!(behaviour_of("081200000107"), Some(Behaviour::Approve { after_ms: 7_000 }));
        assert_eq!(behaviour_of("081200001400"), Some(Behaviour::decline("14")));
        assert_eq!(behaviour_of("081200009501"), Some(Behaviour::ConfirmLate { after_ms: 61_000 }));
    }

    #[test]
    fn numbers_outside_the_table_have_no_behaviour_of_their_own() {
        for phone in ["081234567890", "0812000014", "08120000140", "081200000399"] {
            assert_eq!(behaviour_of(phone), None, "{phone}");
        }
    }

    #[test]
    fn the_readme_repeats_the_table_word_for_word() {
        let readme = include_str!("../README.md");
        for row in PHONES {
            let line = format!("| `{}` | {} |", row.pattern(), row.meaning);
            assert!(readme.contains(&line), "README.md lacks: {line}");
        }
    }
}
