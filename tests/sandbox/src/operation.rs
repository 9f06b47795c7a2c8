//! The six operations by name, as scripts and logs write them.

use ovo_ptp::message::Operation;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NAMES: [(&str, Operation); 6] = [
    ("push_to_pay", Operation::PushToPay),
    ("reversal", Operation::Reversal),
    ("void", Operation::Void),
    ("check_payment", Operation::CheckPayment),
    ("check_void", Operation::CheckVoid),
    ("inquiry", Operation::Inquiry),
];

/// The requests that a script step is meant for: `"any"` or one of `"push_to_pay"`, `"reversal"`,
/// `"void"`, `"check_payment"`, `"check_void"`, `"inquiry"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Every request, even one that names no operation.
    Any,
    /// Requests of this operation.
    Only(Operation),
}

impl On {
    pub(crate) fn matches(self, operation: Option<Operation>) -> bool {
        match self {
            On::Any => true,
            On::Only(wanted) => operation == Some(wanted),
        }
    }
}

/// The name of an operation in scripts and logs.
pub(crate) fn name(operation: Operation) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == operation).map_or("", |(name, _)| name)
}

pub(crate) fn named(on: &On) -> &'static str {
    match on {
        On::Any => "any",
        On::Only(operation) => name(*operation),
    }
}

impl Serialize for On {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(named(self))
    }
}

impl<'de> Deserialize<'de> for On {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "any" {
            return Ok(On::Any);
        }
        NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, operation)| On::Only(*operation))
            .ok_or_else(|| serde::de::Error::custom(format!("no operation is called {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol 2, written out again: the enum is the core's, the numbers are OVO's.
    #[test]
    fn types_and_processing_codes_are_those_of_the_fact_sheet() {
        let table = [
            ("push_to_pay", "0200", "0210", "040000"),
            ("reversal", "0400", "0410", "040000"),
            ("void", "0200", "0210", "020040"),
            ("check_payment", "0100", "0110", "040000"),
            ("check_void", "0100", "0110", "020040"),
            ("inquiry", "0100", "0110", "050000"),
        ];
        assert_eq!(table.len(), Operation::ALL.len());
        for (text, request, response, processing) in table {
            let operation = Operation::from_request(request, processing).unwrap();
            assert_eq!(name(operation), text);
            assert_eq!(operation.response_type(), response);
        }
    }
}
