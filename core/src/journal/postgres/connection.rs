//! The thread that speaks with the server, and one connection.
//!
//! The runtime runs in a thread of the journal's own: an embedder's own tokio task can call the journal,
//! and whoever waits for an answer waits at most so long, whatever the server does. Nothing that was sent
//! is ever cancelled: a cancelled commit may be told as done and be lost with the server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Row};
use zeroize::Zeroizing;

use super::dsn::{Dsn, Host};
use super::failed;
use super::tls::Tls;
use crate::journal::{JournalError, JournalErrorKind};

/// How long a host may take to let one in.
const CONNECT: Duration = Duration::from_millis(1_500);
/// When a connection of which nothing is heard is given up by the system.
const SILENT: Duration = Duration::from_secs(10);

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The thread. Dropped, it ends by itself, and nobody waits for it: a server that says nothing would hold
/// whoever closes a journal.
pub(super) struct Runner {
    jobs: Option<mpsc::UnboundedSender<Job>>,
}

impl Runner {
    pub(super) fn start() -> Result<Runner, JournalError> {
        let unstarted = |error: std::io::Error| {
            JournalError::new(
                JournalErrorKind::Unreachable,
                format!("its thread cannot be started ({error})"),
            )
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            // Of those that look up names and ask for passwords.
            .thread_name("ovo-postgres-ask")
            .enable_io()
            .enable_time()
            .build()
            .map_err(unstarted)?;
        let (jobs, mut next) = mpsc::unbounded_channel::<Job>();
        std::thread::Builder::new()
            .name("ovo-postgres".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    while let Some(job) = next.recv().await {
                        tokio::spawn(job);
                    }
                });
                // Not dropped: that would wait for a name that is being looked up.
                runtime.shutdown_background();
            })
            .map_err(unstarted)?;
        Ok(Runner { jobs: Some(jobs) })
    }

    /// Has it done on the thread, and waits at most so long for its end. It goes on behind that.
    pub(super) fn run<T: Send + 'static>(
        &self,
        longest: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (done, end) = std_mpsc::sync_channel(1);
        self.start_job(async move {
            let _ = done.send(work.await);
        });
        end.recv_timeout(longest).ok()
    }

    pub(super) fn start_job(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Box::pin(work));
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.jobs = None;
    }
}

/// What the journal says of the time that it is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Epoch {
    pub(super) number: i64,
    pub(super) nonce: String,
    pub(super) state: String,
}

/// One connection.
pub(super) struct Session {
    pub(super) client: Client,
    listener: AbortHandle,
    /// Warnings that the server has sent: behind a commit they say that nobody knows whether it lasts.
    warnings: Arc<AtomicU64>,
}

impl Drop for Session {
    /// Whoever was let in too late, or says nothing, does not stay behind. What was sent goes on there: this is
    /// no wish to cancel it.
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// A value of a statement; its type is sent with it, so that no question about types precedes it.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Ints(Vec<i64>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Value::Text(text) => (text, Type::TEXT),
            Value::Int(number) => (number, Type::INT8),
            Value::Ints(numbers) => (numbers, Type::INT8_ARRAY),
        }
    }
}

impl Session {
    /// Connects to the host that may be written to; of several the one whose journal is in the newest
    /// epoch, and never an older one than `known`.
    pub(super) async fn connect(
        dsn: &Dsn,
        known: Option<i64>,
        any: bool,
        open: &Arc<AtomicUsize>,
    ) -> Result<Session, JournalError> {
        let mut tries = Vec::new();
        for host in dsn.hosts.clone() {
            let (dsn, open) = (dsn.clone(), Arc::clone(open));
            tries.push(tokio::spawn(async move {
                // It has a time of its own.
                let password = dsn.password_now(&host).await?;
                let tried = Session::connect_to(&dsn, &host, password, any, open);
                let tried = tokio::time::timeout(CONNECT, tried).await;
                tried.unwrap_or_else(|_| {
                    Err(JournalError::new(
                        JournalErrorKind::Unreachable,
                        format!("{host}: no answer within {} ms", CONNECT.as_millis()),
                    ))
                })
            }));
        }
        let mut newest: Option<(i64, Session)> = None;
        let mut why = Vec::new();
        for tried in tries {
            match tried.await {
                Ok(Ok((number, session))) => {
                    if newest.as_ref().is_none_or(|(newest, _)| number > *newest) {
                        newest = Some((number, session));
                    }
                }
                Ok(Err(error)) => why.push(error),
                Err(_) => {}
            }
        }
        match newest {
            Some((number, _)) if known.is_some_and(|known| number < known) => {
                Err(JournalError::new(
                    JournalErrorKind::Unreachable,
                    "only a server of an older time answers: one that was left behind by a failover, and it is not \
                     used; let the address lead to the newest server. If this is it, as a failover lost the \
                     judgement of the one before, restart all nodes: they judge it anew",
                ))
            }
            Some((_, session)) => Ok(session),
            None => {
                let kind = why.first().map_or(JournalErrorKind::Unreachable, |error| error.kind);
                let why: Vec<String> = why.into_iter().map(|error| error.message).collect();
                Err(JournalError::new(kind, why.join("; ")))
            }
        }
    }

    /// With the number of its journal's epoch; 0 if `any` server will do.
    async fn connect_to(
        dsn: &Dsn,
        host: &Host,
        password: Option<Zeroizing<String>>,
        any: bool,
        open: Arc<AtomicUsize>,
    ) -> Result<(i64, Session), JournalError> {
        let mut config = Config::new();
        config.user(&dsn.user).dbname(&dsn.database);
        match host {
            Host::Tcp(name, port) => config.host(name).port(*port),
            Host::Socket(directory, port) => config.host_path(directory).port(*port),
        };
        if let Some(password) = password {
            config.password(password.as_bytes());
        }
        config
            .keepalives(true)
            .keepalives_idle(SILENT / 2)
            .keepalives_interval(SILENT / 5)
            .keepalives_retries(2);
        #[cfg(target_os = "linux")]
        config.tcp_user_timeout(SILENT);
        let unreachable = |error: tokio_postgres::Error| {
            let mut failed = failed("connect", &error);
            failed.message = format!("{host}: {}", failed.message);
            failed
        };
        let warnings = Arc::new(AtomicU64::new(0));
        let (client, listener) = if dsn.encrypted && !matches!(host, Host::Socket(..)) {
            config.ssl_mode(tokio_postgres::config::SslMode::Require);
            let (client, connection) = config.connect(Tls::new(dsn)?).await.map_err(unreachable)?;
            let listener = tokio::spawn(listen(connection, Arc::clone(&warnings), open));
            (client, listener.abort_handle())
        } else {
            config.ssl_mode(tokio_postgres::config::SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(unreachable)?;
            let listener = tokio::spawn(listen(connection, Arc::clone(&warnings), open));
            (client, listener.abort_handle())
        };
        let session = Session { client, listener, warnings };
        let in_recovery: bool = session.one("SELECT pg_is_in_recovery()", &[]).await?;
        if in_recovery {
            return Err(JournalError::new(
                JournalErrorKind::Unreachable,
                format!("{host}: is a standby"),
            ));
        }
        let number = if any { 0 } else { session.epoch(&dsn.schema).await?.number };
        Ok((number, session))
    }

    pub(super) async fn epoch(&self, schema: &str) -> Result<Epoch, JournalError> {
        let sql = format!("SELECT number, nonce, state FROM {schema}.epoch WHERE one = 1");
        let rows = self.ask(&sql, &[]).await.map_err(|error| {
            let none = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME];
            if !error.code().is_some_and(|code| none.contains(code)) {
                return failed("ask", &error);
            }
            JournalError::new(
                JournalErrorKind::Version,
                format!("schema {schema} has no journal; run `ovo-ptp journal migrate`"),
            )
        })?;
        let row = rows.first().ok_or_else(|| {
            JournalError::new(
                JournalErrorKind::Corrupt,
                "the journal does not say in which epoch it is",
            )
        })?;
        Ok(Epoch { number: row.get(0), nonce: row.get(1), state: row.get(2) })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The rows of a statement without a name: a pooler may hand the next one to another server process.
    pub(super) async fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, JournalError> {
        self.ask(sql, values).await.map_err(|error| failed("ask", &error))
    }

    pub(super) async fn ask(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let typed: Vec<_> = values.iter().map(Value::typed).collect();
        self.client.query_typed(sql, &typed).await
    }

    /// The first column of the first row.
    pub(super) async fn maybe<T: for<'a> FromSql<'a>>(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<T>, JournalError> {
        let rows = self.rows(sql, values).await?;
        match rows.first() {
            Some(row) => row.try_get(0).map(Some).map_err(|error| failed("ask", &error)),
            None => Ok(None),
        }
    }

    pub(super) async fn one<T: for<'a> FromSql<'a>>(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<T, JournalError> {
        self.maybe(sql, values).await?.ok_or_else(|| {
            JournalError::new(JournalErrorKind::Corrupt, "the server answers nothing")
        })
    }

    /// Ends a connection on which only was read, whatever it still waits for.
    pub(super) fn give_up(&self) {
        self.listener.abort();
    }

    pub(super) fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::Acquire)
    }
}

/// A connection that is open, whatever ends it.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn count(all: Arc<AtomicUsize>) -> Open {
        all.fetch_add(1, Ordering::AcqRel);
        Open(all)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Reads until the connection ends, and counts what the server warns of.
async fn listen<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    warnings: Arc<AtomicU64>,
    open: Arc<AtomicUsize>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let _open = Open::count(open);
    while let Some(Ok(message)) =
        std::future::poll_fn(|context| connection.poll_message(context)).await
    {
        if let AsyncMessage::Notice(notice) = message {
            if notice.parsed_severity() == Some(tokio_postgres::error::Severity::Warning)
                || notice.severity() == "WARNING"
            {
                warnings.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}
