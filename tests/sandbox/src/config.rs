//! What the host is told before it starts, and may be told while it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::signature::Signing;
use crate::sloppy::Sloppiness;

/// The app id of the demo merchant. Public, fixed, and worthless outside this sandbox.
pub const DEMO_APP_ID: &str = "sandbox";
/// The app key of the demo merchant. Public, fixed, and worthless outside this sandbox.
pub const DEMO_APP_KEY: &str = "5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c5a4e0b0c";
/// The merchant number of the demo merchant.
pub const DEMO_MERCHANT_ID: &str = "100001";
/// The store code of the demo terminal.
pub const DEMO_STORE_CODE: &str = "DEMO01";
/// The terminal id of the demo terminal.
pub const DEMO_TID: &str = "00000001";
/// The merchant (acceptor) id of the demo terminal.
pub const DEMO_MID: &str = "000000000000001";

/// A till, as OVO registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminal {
    /// `tid`
    pub tid: String,
    /// `mid`
    pub mid: String,
    /// `storeCode`
    pub store_code: String,
    /// Whether OVO has blocked it: every call answers EB.
    #[serde(default)]
    pub blocked: bool,
}

/// A merchant with its credentials and tills.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merchant {
    /// `app-id`
    pub app_id: String,
    /// The HMAC key: text, not hexadecimal bytes (protocol 1.3).
    pub app_key: String,
    /// `merchantId`
    pub merchant_id: String,
    /// The tills. A call from any other answers EB.
    pub terminals: Vec<Terminal>,
    /// Whether the credentials were revoked: every call answers 63.
    #[serde(default)]
    pub revoked: bool,
}

impl std::fmt::Debug for Merchant {
    /// Without the key: logs never print one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merchant")
            .field("app_id", &self.app_id)
            .field("merchant_id", &self.merchant_id)
            .field("terminals", &self.terminals)
            .finish_non_exhaustive()
    }
}

impl Merchant {
    /// The demo merchant with its one till.
    pub fn demo() -> Merchant {
        Merchant {
            app_id: DEMO_APP_ID.to_owned(),
            app_key: DEMO_APP_KEY.to_owned(),
            merchant_id: DEMO_MERCHANT_ID.to_owned(),
            terminals: vec![Terminal {
                tid: DEMO_TID.to_owned(),
                mid: DEMO_MID.to_owned(),
                store_code: DEMO_STORE_CODE.to_owned(),
                blocked: false,
            }],
            revoked: false,
        }
    }
}

/// What a session that nobody answered looks like to the merchant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// HTTP 404 with an empty body (protocol 3.1, several implementations).
    #[default]
    Empty404,
    /// No answer at all (FAQ).
    Silence,
}

/// Which fields name the payment of a reversal, void or check. OVO has not published it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchBy {
    /// Terminal, batch, reference, invoice and amount must all be the payment's.
    #[default]
    Everything,
    /// Terminal, batch and reference alone: a check may then tell of another sale, and a reversal
    /// would hit it (OV5).
    Numbers,
    /// The invoice alone.
    Invoice,
}

/// What the `date` of a payment check must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckDate {
    /// Exactly the push's date text (FAQ); anything else finds nothing.
    #[default]
    Original,
    /// Not looked at: what every public implementation relies on (protocol 2.2).
    Any,
}

/// Codes for situations that OVO has not published a code for. All invented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// A push with used numbers or a used invoice: 94 (1.7 era) or 40 (1.6).
    pub duplicate: String,
    /// The customer's balance does not suffice.
    pub insufficient: String,
    /// A check while the customer has not decided: 25, or 68.
    pub check_undecided: String,
    /// A payment check of a voided payment.
    pub check_voided: String,
    /// A void of something that is not a paid payment.
    pub void_not_found: String,
    /// A void of another amount than the whole.
    pub void_amount: String,
    /// A void on another WIB day or after 23:59:59.
    pub void_too_late: String,
    /// A second void.
    pub void_again: String,
    /// A push whose numbers a reversal has already named (only with tombstones).
    pub push_after_tombstone: String,
}

impl Default for Choices {
    fn default() -> Self {
        let code = |text: &str| text.to_owned();
        Choices {
            duplicate: code("94"),
            insufficient: code("51"),
            check_undecided: code("25"),
            check_voided: code("25"),
            void_not_found: code("25"),
            void_amount: code("13"),
            void_too_late: code("40"),
            void_again: code("94"),
            push_after_tombstone: code("94"),
        }
    }
}

/// The whole configuration of a [`Host`](crate::Host). All times are the host's own milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// Who may call.
    pub merchants: Vec<Merchant>,
    /// The path of the one endpoint (protocol 1.1).
    pub path: String,
    /// What the HMAC must cover.
    pub signing: Signing,
    /// How far `random` may be from the host's clock, in seconds; 0 = not looked at. Invented.
    pub clock_window_s: u64,
    /// How far the `date` of a push, reversal, void or inquiry may be from the host's clock, in
    /// seconds; 0 = not looked at. Invented: it shows a merchant that sends UTC.
    pub date_window_s: u64,
    /// Numbers may come as JSON strings and the reverse (protocol 2.1: seen in the field, so
    /// it is the default). Off, such a request answers BR.
    pub lenient_types: bool,
    /// How long the prompt can be answered (FAQ: 55 s).
    pub window_ms: u64,
    /// When the session ends (FAQ: 5 s later).
    pub session_ms: u64,
    /// How the session's end looks when nobody answered.
    pub expiry: Expiry,
    /// How long customers outside the phone table take to approve.
    pub approve_after_ms: u64,
    /// Whether customers who have not been told otherwise, whatever their number, decide by hand.
    pub by_hand: bool,
    /// What a customer who is seen for the first time owns, rupiah.
    pub default_balance: i64,
    /// Whether a reversal leaves a mark: it then ends the session of a payment that is still open,
    /// forbids its late confirmation, and refuses a push that arrives after its own reversal.
    /// Without (the default: nothing is published), such a push opens a session and can debit.
    pub tombstones: bool,
    /// Whether a client that hangs up ends its session. Not published; off.
    pub drop_cancels_session: bool,
    /// Whether each terminal counts batches and references for itself; otherwise the merchant does.
    pub numbers_per_terminal: bool,
    /// Which fields name a payment.
    pub match_by: MatchBy,
    /// What date a payment check must carry.
    pub check_date: CheckDate,
    /// A check of a payment that a code ended (17, 26 ...) answers with that code again instead of 25:
    /// one that belongs to no status (OV21).
    pub check_repeats_decline: bool,
    /// Reversals are answered 00 and never carried out: a check goes on to say 00
    /// (OV18).
    pub reversals_ignored: bool,
    /// How answers repeat what they were asked (OV17).
    pub sloppy: Vec<Sloppiness>,
    /// Whether both checks are in the contract; otherwise they answer 58.
    pub check_contracted: bool,
    /// Whether the void is in the contract; otherwise it answers 58.
    pub void_contracted: bool,
    /// Whether the inquiry is in the contract; otherwise it answers 58.
    pub inquiry_contracted: bool,
    /// How many requests the log keeps; older ones are forgotten.
    pub log_limit: usize,
    /// Of how many requests the bodies are kept, for whoever watches.
    pub bodies_limit: usize,
    /// How many payments the books keep, at least; the oldest that are over are forgotten, with their
    /// numbers.
    pub ledger_limit: usize,
    /// Codes for what is not published.
    pub choices: Choices,
    /// HTTP statuses by code that differ from the sandbox's own table.
    pub http_statuses: BTreeMap<String, u16>,
}

impl Default for HostConfig {
    fn default() -> Self {
        HostConfig {
            merchants: vec![Merchant::demo()],
            path: "/pos".to_owned(),
            signing: Signing::Either,
            clock_window_s: 300,
            date_window_s: 3600,
            lenient_types: true,
            window_ms: 55_000,
            session_ms: 60_000,
            expiry: Expiry::Empty404,
            approve_after_ms: 0,
            by_hand: false,
            default_balance: 1_000_000_000,
            tombstones: false,
            drop_cancels_session: false,
            numbers_per_terminal: true,
            match_by: MatchBy::Everything,
            check_date: CheckDate::Original,
            check_repeats_decline: false,
            reversals_ignored: false,
            sloppy: Vec::new(),
            check_contracted: true,
            void_contracted: true,
            inquiry_contracted: true,
            log_limit: 20_000,
            bodies_limit: 300,
            ledger_limit: 50_000,
            choices: Choices::default(),
            http_statuses: BTreeMap::new(),
        }
    }
}

impl HostConfig {
    /// The configuration with the fields of `patch`, a JSON object, replaced.
    pub fn patched(&self, patch: serde_json::Value) -> Result<HostConfig, String> {
        let mut whole = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let (Some(fields), serde_json::Value::Object(changes)) = (whole.as_object_mut(), patch)
        else {
            return Err("a JSON object is wanted".to_owned());
        };
        for (name, value) in changes {
            match (fields.get_mut(&name), value) {
                // `choices` may be given in part.
                (Some(serde_json::Value::Object(old)), serde_json::Value::Object(new)) => {
                    old.extend(new);
                }
                (_, value) => {
                    fields.insert(name, value);
                }
            }
        }
        serde_json::from_value(whole).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_what_it_names_and_refuses_unknown_names() {
        let patch = serde_json::json!({"tombstones": true, "choices": {"duplicate": "40"}});
        let patched = HostConfig::default().patched(patch).unwrap();
        assert!(patched.tombstones);
        assert_eq!(patched.choices.duplicate, "40");
        assert_eq!(patched.choices.insufficient, "51");
        assert!(HostConfig::default().patched(serde_json::json!({"tombstone": true})).is_err());
    }

    #[test]
    fn a_printed_configuration_shows_no_key() {
        assert!(!format!("{:?}", HostConfig::default()).contains(DEMO_APP_KEY));
    }
}
