//! Bodies that are almost, or not at all, JSON (OV14, B11).

use serde::{Deserialize, Serialize};

/// A way of spoiling a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mangle {
    /// A byte order mark first.
    ByteOrderMark,
    /// `responseCode` stands a second time, at the end, with this value.
    DuplicateCode(String),
    /// Something follows the object.
    TrailingGarbage,
    /// A field with `NaN`.
    NotANumber,
    /// A field with `1e400`.
    HugeNumber,
    /// A field with this many nested arrays, at most a million.
    Deep(usize),
    /// This many more fields, at most a million.
    ManyKeys(usize),
    /// The last third is missing, and the length says so truthfully.
    Truncated,
    /// Bytes that are not UTF-8 in a field.
    InvalidUtf8,
    /// UTF-16 with its own byte order mark.
    Utf16,
    /// Nothing but blanks.
    Blank,
}

/// A script may not ask for more memory than there is.
const MOST: usize = 1_000_000;

impl Mangle {
    pub(crate) fn apply(&self, body: &[u8]) -> Vec<u8> {
        match self {
            Mangle::ByteOrderMark => [b"\xef\xbb\xbf", body].concat(),
            Mangle::DuplicateCode(code) => {
                let code = serde_json::Value::String(code.clone());
                with_field(body, format!("\"responseCode\":{code}").as_bytes())
            }
            Mangle::TrailingGarbage => [body, b"}OK"].concat(),
            Mangle::NotANumber => with_field(body, b"\"extra\":NaN"),
            Mangle::HugeNumber => with_field(body, b"\"extra\":1e400"),
            Mangle::Deep(levels) => {
                let levels = (*levels).min(MOST);
                let nested =
                    [b"\"extra\":".to_vec(), vec![b'['; levels], vec![b']'; levels]].concat();
                with_field(body, &nested)
            }
            Mangle::ManyKeys(count) => {
                let keys: Vec<String> =
                    (0..(*count).min(MOST)).map(|number| format!("\"k{number}\":0")).collect();
                with_field(body, keys.join(",").as_bytes())
            }
            Mangle::Truncated => body[..body.len() - body.len().div_ceil(3)].to_vec(),
            Mangle::InvalidUtf8 => with_field(body, b"\"extra\":\"\xff\xfe\xc0\""),
            Mangle::Utf16 => {
                let text = String::from_utf8_lossy(body);
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                units.flat_map(u16::to_le_bytes).collect()
            }
            Mangle::Blank => b"  \r\n".to_vec(),
        }
    }
}

/// The object with one more field as its last.
fn with_field(body: &[u8], field: &[u8]) -> Vec<u8> {
    match body.strip_suffix(b"}") {
        Some(open) if open != b"{" && !field.is_empty() => [open, b",", field, b"}"].concat(),
        _ => body.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"responseCode":"17"}"#;

    #[test]
    fn a_second_code_stands_last() {
        assert_eq!(
            Mangle::DuplicateCode("00".to_owned()).apply(BODY),
            br#"{"responseCode":"17","responseCode":"00"}"#
        );
    }

    #[test]
    fn what_is_meant_to_be_no_json_is_none() {
        for mangle in [
            Mangle::ByteOrderMark,
            Mangle::TrailingGarbage,
            Mangle::NotANumber,
            Mangle::HugeNumber,
            Mangle::Deep(10_000),
            Mangle::Truncated,
            Mangle::InvalidUtf8,
            Mangle::Utf16,
            Mangle::Blank,
        ] {
            let body = mangle.apply(BODY);
            assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err(), "{mangle:?}");
        }
    }
}
