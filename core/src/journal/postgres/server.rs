//! The seam's database, on servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::asking::SchemaLine;
use super::connection::{Runner, Session};
use super::dsn::Dsn;
use super::store::{Job, Later, Line, Store};
use super::{LONGEST, migrate, silent, unreachable};
use crate::journal::JournalError;

/// Connections that may be open at once, those that say nothing any more included.
const MOST_CONNECTIONS: usize = 6;

pub(super) struct Servers {
    dsn: Dsn,
    runner: Runner,
    /// Connections that are open.
    open: Arc<AtomicUsize>,
    since: Instant,
}

impl Servers {
    /// With a first line, behind which the schema is what the library made.
    pub(super) fn open(dsn: &Dsn) -> Result<(Servers, Arc<dyn Line>), JournalError> {
        let store = Servers {
            dsn: dsn.clone(),
            runner: Runner::start()?,
            open: Arc::default(),
            since: Instant::now(),
        };
        let (to, open) = (dsn.clone(), Arc::clone(&store.open));
        let opened = store.runner.run(LONGEST, async move {
            let session = Session::connect(&to, None, false, &open).await?;
            migrate::check(&session, &to.schema).await?;
            Ok::<_, JournalError>(session)
        });
        let session = opened.unwrap_or_else(|| Err(silent("open")))?;
        let line = Arc::new(SchemaLine { session, schema: dsn.schema.clone() });
        Ok((store, line))
    }
}

impl Store for Servers {
    /// A connection, unless too many are open already: one that says nothing any more counts, or a network
    /// that fails would fill the server.
    fn connect(&self, known: i64) -> Later<'_, Result<Arc<dyn Line>, JournalError>> {
        Box::pin(async move {
            if self.open.load(Ordering::Acquire) >= MOST_CONNECTIONS {
                return Err(unreachable("the database server does not answer on any connection"));
            }
            let session = Session::connect(&self.dsn, Some(known), false, &self.open).await?;
            let line: Arc<dyn Line> =
                Arc::new(SchemaLine { session, schema: self.dsn.schema.clone() });
            Ok(line)
        })
    }

    fn carry_out(&self, longest: Duration, job: Job) {
        let _ = self.runner.run(longest, job);
    }

    fn start(&self, job: Job) {
        self.runner.start_job(job);
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }

    fn sleep(&self, time: Duration) -> Later<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn chance(&self, bytes: &mut [u8]) {
        let _ = getrandom::fill(bytes);
    }

    fn name(&self) -> String {
        self.dsn.to_string()
    }
}
