//! Where a fleet's journal is: `postgresql://user@host1,host2:5433/database?schema=ovo`.
//!
//! A password is a secret like the app key: neither `Debug` nor an error shows it, and an error names
//! the part and the rule, never the text.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::password::{Ask, Login, NoPassword, Source};
use crate::error::{Error, ErrorKind};
use crate::journal::{JournalError, JournalErrorKind};
use crate::secret_file;

/// Longest address that is read, in bytes.
const MAX_LENGTH: usize = 4_096;
/// PostgreSQL's port.
const PORT: u16 = 5_432;
/// Longest name of a schema, a role or a database: PostgreSQL cuts longer ones without a word.
const MAX_NAME: usize = 63;

/// Who is connected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Host {
    /// By name or address, and port.
    Tcp(String, u16),
    /// The directory of a socket, and port.
    Socket(PathBuf, u16),
}

/// The address of a journal in PostgreSQL.
///
/// `postgresql://[user[:password]@]host[:port][,host[:port]...]/database[?parameter=value&...]`, with
/// these parameters:
///
/// * `schema`: the merchant's schema; `ovo` if none is given.
/// * `sslmode`: `verify-full` (the default), or `disable`, to this machine only.
/// * `sslrootcert`: a PEM file of the authorities that may vouch for the server, in place of the
///   operating system's.
/// * `passfile`: a password file as PostgreSQL's own tools read it
///   (`host:port:database:user:password`), of mode 0600.
/// * `host`: the directory of a socket, where no host is given.
///
/// The password is that of the address, else that of the variable `PGPASSWORD`, else that of
/// `passfile` or of the variable `PGPASSFILE`. A password that expires comes from a function:
/// [`with_password_from`](Self::with_password_from).
#[derive(Clone)]
pub struct Dsn {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) schema: String,
    pub(super) encrypted: bool,
    pub(super) roots: Option<PathBuf>,
    password: Option<Zeroizing<String>>,
    passfile: Option<PathBuf>,
    source: Option<Source>,
}

fn invalid(part: &str, rule: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("journal: {part}: {rule}"))
}

impl Dsn {
    /// Reads an address.
    ///
    /// ```
    /// use ovo_ptp::journal::postgres::Dsn;
    ///
    /// let dsn = Dsn::parse("postgresql://shop:secret@db1,db2:5433/shop?schema=ovo")?;
    /// assert!(!format!("{dsn:?} {dsn}").contains("secret"));
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], with the part and the rule.
    pub fn parse(text: &str) -> Result<Dsn, Error> {
        if text.len() > MAX_LENGTH {
            return Err(invalid("address", "has more than 4,096 bytes"));
        }
        let rest = text
            .strip_prefix("postgresql://")
            .or_else(|| text.strip_prefix("postgres://"))
            .ok_or_else(|| invalid("address", "must begin with postgresql://"))?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, named) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (login, hosts),
            None => ("", authority),
        };
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let mut dsn = Dsn {
            hosts: Vec::new(),
            user: decoded("user", user)?,
            database: decoded("database", database)?,
            schema: "ovo".to_owned(),
            encrypted: true,
            roots: None,
            password: password
                .map(|password| decoded("password", password).map(Zeroizing::new))
                .transpose()?,
            passfile: None,
            source: None,
        };
        let mut hosts: Vec<String> = hosts_of(named).map(str::to_owned).collect();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter
                .split_once('=')
                .ok_or_else(|| invalid("parameters", "each must be name=value"))?;
            let value = decoded("parameters", value)?;
            match name {
                "schema" => dsn.schema = value,
                "user" => dsn.user = value,
                "host" => hosts = hosts_of(&value).map(str::to_owned).collect(),
                "sslrootcert" => dsn.roots = Some(PathBuf::from(value)),
                "passfile" => dsn.passfile = Some(PathBuf::from(value)),
                "sslmode" => match value.as_str() {
                    "verify-full" => dsn.encrypted = true,
                    "disable" => dsn.encrypted = false,
                    _ => {
                        return Err(invalid(
                            "sslmode",
                            "must be verify-full, or disable to this machine: other modes do not say who answers",
                        ));
                    }
                },
                "password" => {
                    return Err(invalid(
                        "password",
                        "stands before the host, in PGPASSWORD or in a passfile",
                    ));
                }
                _ => {
                    return Err(invalid(
                        "parameters",
                        "known are schema, sslmode, sslrootcert, passfile, host and user",
                    ));
                }
            }
        }
        for host in &hosts {
            dsn.hosts.push(host_of(host)?);
        }
        dsn.check()?;
        Ok(dsn)
    }

    fn check(&self) -> Result<(), Error> {
        if self.hosts.is_empty() {
            return Err(invalid("host", "is missing"));
        }
        if self.hosts.len() > 8 {
            return Err(invalid("host", "at most eight are tried"));
        }
        for (part, name) in [("user", &self.user), ("database", &self.database)] {
            if name.is_empty() {
                return Err(invalid(part, "is missing"));
            }
            if name.len() > MAX_NAME || name.contains('\0') {
                return Err(invalid(part, "has more than 63 bytes, or a zero among them"));
            }
        }
        let mut letters = self.schema.bytes();
        let is_name = letters.next().is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|l| l.is_ascii_lowercase() || l.is_ascii_digit() || l == b'_')
            && self.schema.len() <= MAX_NAME
            && !self.schema.starts_with("pg_")
            && self.schema != "public";
        if !is_name {
            return Err(invalid(
                "schema",
                "must be 1 to 63 of a-z, 0-9 and _, begin with a letter, and be one of its own (not public)",
            ));
        }
        if !self.encrypted && !self.hosts.iter().all(Host::is_on_this_machine) {
            return Err(invalid(
                "sslmode",
                "disable is for this machine only (a socket, localhost, 127.0.0.0/8 or ::1): phones and amounts would cross the network for everybody to read",
            ));
        }
        Ok(())
    }

    /// Has the password asked of `ask` before every connection, in place of `PGPASSWORD` and password
    /// files: a token that expires. A connection that is open goes on; the next one takes the new password.
    ///
    /// It is called on a thread of the journal's own, never twice at once for one journal, and for each
    /// host of the address. It should answer from memory or soon: behind 3 s the connection is given up,
    /// and tried again like one to a server that is away. It must not call the client whose journal this
    /// is: that waits for it. Why there is no password is told and logged, so it is a text of the
    /// program's own. What it returned, at most [`MAX_PASSWORD`](super::MAX_PASSWORD) bytes, is wiped
    /// behind the connection's beginning, but for the copy that the protocol's library makes.
    ///
    /// ```
    /// use ovo_ptp::journal::postgres::Dsn;
    ///
    /// let dsn = Dsn::parse("postgresql://shop_till@db1,db2/shop")?.with_password_from(|login| {
    ///     std::fs::read_to_string(format!("/run/tokens/{}", login.host))
    ///         .map_err(|_| "the token is not there yet".into())
    /// })?;
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the address has a password of its own.
    pub fn with_password_from(
        self,
        ask: impl Fn(&Login) -> Result<String, NoPassword> + Send + Sync + 'static,
    ) -> Result<Dsn, Error> {
        self.asking(Arc::new(ask))
    }

    pub(crate) fn asking(mut self, ask: Arc<Ask>) -> Result<Dsn, Error> {
        if self.password.is_some() {
            return Err(invalid("password", "stands in the address, or is asked for: not both"));
        }
        self.source = Some(Source::new(ask));
        Ok(self)
    }

    /// What the server is given if it asks, as of now.
    pub(super) async fn password_now(
        &self,
        host: &Host,
    ) -> Result<Option<Zeroizing<String>>, JournalError> {
        if let Some(source) = &self.source {
            return source.password(Login::new(host, &self.user)).await.map(Some);
        }
        self.password(host).map_err(|error| {
            let why = error.to_string();
            JournalError::new(JournalErrorKind::Unreachable, why.trim_start_matches("journal: "))
        })
    }

    fn password(&self, host: &Host) -> Result<Option<Zeroizing<String>>, Error> {
        if self.password.is_some() {
            return Ok(self.password.clone());
        }
        if let Some(password) = std::env::var("PGPASSWORD").ok().filter(|text| !text.is_empty()) {
            return Ok(Some(Zeroizing::new(password)));
        }
        let variable = || std::env::var_os("PGPASSFILE").map(PathBuf::from);
        let Some(path) = self.passfile.clone().or_else(variable) else { return Ok(None) };
        let named = |rule: String| invalid("passfile", &format!("{}: {rule}", path.display()));
        let text = secret_file::read_own(&path).map_err(named)?;
        let text = Zeroizing::new(
            String::from_utf8(text.to_vec()).map_err(|_| named("is not UTF-8".to_owned()))?,
        );
        let (name, port) = match host {
            Host::Tcp(name, port) => (name.clone(), *port),
            Host::Socket(_, port) => ("localhost".to_owned(), *port),
        };
        let asked = [name, port.to_string(), self.database.clone(), self.user.clone()];
        Ok(text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let fields = fields_of(line);
            let is_ours = fields.len() == 5
                && fields
                    .iter()
                    .zip(&asked)
                    .all(|(field, asked)| **field == "*" || **field == *asked);
            is_ours.then(|| fields[4].clone())
        }))
    }
}

/// The fields of a line of a password file: colons between them, a backslash before what is meant as it
/// stands.
fn fields_of(line: &str) -> Vec<Zeroizing<String>> {
    let mut fields = vec![Zeroizing::new(String::new())];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' if fields.len() < 5 => fields.push(Zeroizing::new(String::new())),
            letter => {
                let letter = if letter == '\\' { letters.next().unwrap_or('\\') } else { letter };
                if let Some(field) = fields.last_mut() {
                    field.push(letter);
                }
            }
        }
    }
    fields
}

fn hosts_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|host| !host.is_empty())
}

fn host_of(text: &str) -> Result<Host, Error> {
    let text = decoded("host", text)?;
    let (name, port) = match text.rsplit_once(':') {
        // An address of version 6 stands in brackets.
        Some((name, port)) if !port.ends_with(']') && !name.contains('/') => {
            let port = port.parse().map_err(|_| invalid("port", "must be 1 to 65535"))?;
            (name, port)
        }
        Some((name, port)) if name.starts_with('/') && !port.contains('/') => {
            (name, port.parse().map_err(|_| invalid("port", "must be 1 to 65535"))?)
        }
        _ => (text.as_str(), PORT),
    };
    if port == 0 {
        return Err(invalid("port", "must be 1 to 65535"));
    }
    if name.starts_with('/') {
        return Ok(Host::Socket(PathBuf::from(name), port));
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let is_name =
        !name.is_empty() && name.bytes().all(|l| l.is_ascii_alphanumeric() || b"-._:".contains(&l));
    if !is_name {
        return Err(invalid("host", "must be a name, an address or the directory of a socket"));
    }
    Ok(Host::Tcp(name.to_owned(), port))
}

impl Host {
    fn is_on_this_machine(&self) -> bool {
        match self {
            Host::Socket(..) => true,
            Host::Tcp(name, _) => {
                name.eq_ignore_ascii_case("localhost")
                    || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Tcp(name, port) => write!(f, "{name}:{port}"),
            Host::Socket(directory, port) => write!(f, "{}:{port}", directory.display()),
        }
    }
}

/// Percent signs and two digits stand for a byte.
fn decoded(part: &str, text: &str) -> Result<String, Error> {
    let bad = || invalid(part, "its percent signs do not stand for UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = char::from(rest.next().ok_or_else(bad)?).to_digit(16).ok_or_else(bad)?;
            u8::try_from(digit).map_err(|_| bad())
        };
        bytes.push(digit()? << 4 | digit()?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

impl Dsn {
    /// Where the journal is, whoever comes: for people, and for a file whose journal went there.
    pub(super) fn place(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        format!("postgresql://{}/{}?schema={}", hosts.join(","), self.database, self.schema)
    }
}

impl fmt::Display for Dsn {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        let (hosts, database, schema) = (hosts.join(","), &self.database, &self.schema);
        write!(f, "postgresql://{}@{hosts}/{database}?schema={schema}", self.user)
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Dsn::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn an_address_names_hosts_a_schema_and_who_comes() {
        let dsn = Dsn::parse("postgresql://till:p%40ss@db1,[::1]:5433/shop?schema=ovo_1").unwrap();
        assert_eq!(dsn.hosts, [Host::Tcp("db1".into(), 5432), Host::Tcp("::1".into(), 5433)]);
        assert_eq!((dsn.user.as_str(), dsn.database.as_str()), ("till", "shop"));
        assert_eq!((dsn.schema.as_str(), dsn.encrypted), ("ovo_1", true));
        let password = dsn.password(&dsn.hosts[0]).unwrap();
        assert_eq!(password.as_deref().map(String::as_str), Some("p@ss"));
        let socket = Dsn::parse("postgres://till@%2Frun%2Fpg:5433/shop?sslmode=disable").unwrap();
        assert_eq!(socket.hosts, [Host::Socket("/run/pg".into(), 5433)]);
        let socket =
            Dsn::parse("postgresql:///shop?host=/run/pg&user=till&sslmode=disable").unwrap();
        assert_eq!(socket.hosts, [Host::Socket("/run/pg".into(), 5432)]);
    }

    #[test]
    fn what_is_wrong_is_named_and_the_secret_is_not() {
        let secret = "hunter2";
        for (text, part) in [
            ("mysql://till:hunter2@db/shop", "address"),
            ("postgresql://till:hunter2@/shop", "host"),
            ("postgresql://till:hunter2@db", "database"),
            ("postgresql://:hunter2@db/shop", "user"),
            ("postgresql://till:hunter2@db:0/shop", "port"),
            ("postgresql://till:hunter2@db:many/shop", "port"),
            ("postgresql://till:hunter2@db/shop?schema=public", "schema"),
            ("postgresql://till:hunter2@db/shop?schema=Ovo", "schema"),
            ("postgresql://till:hunter2@db/shop?sslmode=require", "sslmode"),
            ("postgresql://till:hunter2@db/shop?sslmode=disable", "sslmode"),
            ("postgresql://till:hunter2@localhost,db/shop?sslmode=disable", "sslmode"),
            ("postgresql://till:hunter2%zz@db/shop", "password"),
            ("postgresql://till@db/shop?password=hunter2", "password"),
            ("postgresql://till@db/shop?hunter2=1", "parameters"),
        ] {
            let said = refused(text);
            assert!(said.contains(&format!("journal: {part}: ")), "{text}: {said}");
            assert!(!said.contains(secret), "{said}");
        }
        let dsn = Dsn::parse("postgresql://till:hunter2@localhost/shop?sslmode=disable").unwrap();
        assert!(!format!("{dsn} {dsn:?}").contains(secret));
    }

    #[test]
    fn a_password_file_answers_for_its_own_lines_only() {
        let path = std::env::temp_dir().join(format!("ovo-passfile-{}", std::process::id()));
        std::fs::write(&path, "# tills\nother:*:*:till:no\ndb:5432:*:till:a\\:b\\\\c:d\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let text = format!("postgresql://till@db,db2/shop?passfile={}", path.display());
        let dsn = Dsn::parse(&text).unwrap();
        let told = |host: &Host| dsn.password(host).unwrap().map(|found| found.to_string());
        assert_eq!(told(&dsn.hosts[0]).as_deref(), Some("a:b\\c:d"));
        assert_eq!(told(&dsn.hosts[1]), None);
        std::fs::remove_file(&path).unwrap();
    }
}
