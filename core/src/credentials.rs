//! What OVO issues to a merchant, and where it is read from.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::secret_file;
use crate::terminal::{Terminal, issued_by_ovo};

/// Length of an app key: 64 hexadecimal digits, as in OVO's published vector.
const APP_KEY_LENGTH: usize = 64;

/// The app key: the HMAC key, used as text. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct AppKey(Zeroizing<String>);

impl AppKey {
    /// Takes the key's text.
    ///
    /// ```
    /// use ovo_ptp::AppKey;
    ///
    /// assert!(AppKey::new("too short").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] unless it is exactly 64 hexadecimal digits: a trailing newline
    /// or a cut key would fail every request with code 63.
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.len() != APP_KEY_LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid(
                "app_key",
                "must be exactly 64 hexadecimal digits, without spaces or a newline",
            ));
        }
        Ok(AppKey(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(..)")
    }
}

/// Everything OVO issues for one environment: merchant id, store code, tid, mid, app id, app key
/// (FAQ).
#[derive(Clone, Debug)]
pub struct Credentials {
    merchant_id: String,
    terminal: Terminal,
    app_id: String,
    app_key: AppKey,
    previous_app_keys: Vec<AppKey>,
}

/// The environment variable with the app keys before the present one, if there are any, parted by
/// commas. See [`Credentials::with_previous_app_keys`].
pub const PREVIOUS_APP_KEYS_VARIABLE: &str = "OVO_PREVIOUS_APP_KEYS";

/// The environment variables read by [`Credentials::from_environment`], in the order merchant id,
/// store code, tid, mid, app id, app key.
pub const ENVIRONMENT_VARIABLES: [&str; 6] =
    ["OVO_MERCHANT_ID", "OVO_STORE_CODE", "OVO_TID", "OVO_MID", "OVO_APP_ID", "OVO_APP_KEY"];

/// The file form: the same six names in TOML or JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsFile {
    merchant_id: Zeroizing<String>,
    store_code: Zeroizing<String>,
    tid: Zeroizing<String>,
    mid: Zeroizing<String>,
    app_id: Zeroizing<String>,
    app_key: Zeroizing<String>,
    #[serde(default)]
    previous_app_keys: Vec<Zeroizing<String>>,
}

impl Credentials {
    /// From values in the program.
    ///
    /// ```
    /// use ovo_ptp::{AppKey, Credentials, Terminal};
    ///
    /// # let from_a_vault = || "0123456789abcdef".repeat(4);
    /// let terminal = Terminal::new("00000001", "000000000000001", "STORE01")?;
    /// let credentials = Credentials::new("100001", terminal, "yourapp", AppKey::new(&from_a_vault())?)?;
    /// assert_eq!(credentials.app_id(), "yourapp");
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], naming the field and its rule.
    pub fn new(
        merchant_id: &str,
        terminal: Terminal,
        app_id: &str,
        app_key: AppKey,
    ) -> Result<Self, Error> {
        if merchant_id.is_empty()
            || merchant_id.len() > 20
            || !merchant_id.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(Error::invalid("merchant_id", "must be 1 to 20 digits"));
        }
        let app_id = issued_by_ovo("app_id", app_id, 64)?;
        Ok(Credentials {
            merchant_id: merchant_id.to_owned(),
            terminal,
            app_id,
            app_key,
            previous_app_keys: Vec::new(),
        })
    }

    /// With the app keys that this merchant had before the present one. A journal needs a former
    /// key once, to read the phones of older payments: from then on it holds what it needs of it,
    /// sealed with the present one, and the key can be left out here.
    #[must_use]
    pub fn with_previous_app_keys(mut self, keys: impl IntoIterator<Item = AppKey>) -> Self {
        self.previous_app_keys = keys.into_iter().collect();
        self
    }

    /// From the six [`ENVIRONMENT_VARIABLES`], and [`PREVIOUS_APP_KEYS_VARIABLE`] if it is set.
    ///
    /// ```no_run
    /// use ovo_ptp::Credentials;
    ///
    /// let credentials = Credentials::from_environment()?; // OVO_MERCHANT_ID, OVO_APP_KEY, ...
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if one is missing, [`ErrorKind::InvalidInput`] if one breaks
    /// its rule.
    pub fn from_environment() -> Result<Self, Error> {
        let mut values = ENVIRONMENT_VARIABLES.map(|name| (name, Zeroizing::new(String::new())));
        for (name, value) in &mut values {
            *value = std::env::var(*name).map(Zeroizing::new).map_err(|_| {
                Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "credentials: the environment variable {name} is not set (or not text)"
                    ),
                )
            })?;
        }
        let [merchant_id, store_code, tid, mid, app_id, app_key] = values.map(|(_, value)| value);
        let previous = std::env::var(PREVIOUS_APP_KEYS_VARIABLE).map(Zeroizing::new);
        let previous_app_keys = previous.map_or_else(
            |_| Vec::new(),
            |keys| keys.split(',').map(|key| Zeroizing::new(key.to_owned())).collect(),
        );
        CredentialsFile { merchant_id, store_code, tid, mid, app_id, app_key, previous_app_keys }
            .checked()
    }

    /// From a file: TOML if its name ends in `.toml`, JSON if in `.json`, with the keys
    /// `merchant_id`, `store_code`, `tid`, `mid`, `app_id` and `app_key`, all text, and if the app key
    /// was changed `previous_app_keys`, a list of texts.
    ///
    /// ```no_run
    /// use ovo_ptp::Credentials;
    ///
    /// let credentials = Credentials::from_file("/etc/shop/ovo.toml")?; // mode 0600
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the file cannot be read, is longer than 64 KiB, is readable
    /// or writable by other users of the machine (mode `o+r`, `o+w`), or does not have exactly
    /// these keys;
    /// [`ErrorKind::InvalidInput`] if a value breaks its rule. No message repeats file content.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let refuse = |what: &str| {
            Error::new(
                ErrorKind::Configuration,
                format!("credentials file {}: {what}", path.display()),
            )
        };
        let content = secret_file::read_own(path).map_err(|rule| refuse(&rule))?;
        let text = std::str::from_utf8(&content).map_err(|_| refuse("cannot be read as text"))?;
        // The parsers' own messages quote the line at fault, which may hold the key.
        let parsed = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => toml::from_str::<CredentialsFile>(text).ok(),
            // Without its names a list would do as well, value by position.
            Some("json") if !text.trim_start().starts_with('{') => None,
            Some("json") => serde_json::from_str::<CredentialsFile>(text).ok(),
            _ => return Err(refuse("its name must end in .toml or .json")),
        };
        parsed
            .ok_or_else(|| {
                refuse("must hold exactly merchant_id, store_code, tid, mid, app_id and app_key, all as text")
            })?
            .checked()
    }

    /// The merchant number (`merchantId`).
    pub fn merchant_id(&self) -> &str {
        &self.merchant_id
    }

    /// The default terminal.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// The app id.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// The app key.
    pub fn app_key(&self) -> &AppKey {
        &self.app_key
    }

    /// The app keys before the present one.
    pub fn previous_app_keys(&self) -> &[AppKey] {
        &self.previous_app_keys
    }
}

impl CredentialsFile {
    fn checked(&self) -> Result<Credentials, Error> {
        let terminal = Terminal::new(&self.tid, &self.mid, &self.store_code)?;
        let previous: Result<Vec<AppKey>, Error> =
            self.previous_app_keys.iter().map(|key| AppKey::new(key)).collect();
        Credentials::new(&self.merchant_id, terminal, &self.app_id, AppKey::new(&self.app_key)?)
            .and_then(|credentials| Ok(credentials.with_previous_app_keys(previous?)))
    }
}
