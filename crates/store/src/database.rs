//! Running statements: bounded in time, counted, and on connections that work.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool, Connection as _};

use crate::error::StoreError;
use crate::memory::Memory;
use crate::metrics::Waits;
use crate::statement::{Row, Statement};

/// Longer than SQLite waits for its lock. A connection that died without a
/// word would otherwise hold its caller until TCP gives up, a quarter of an hour later.
const STATEMENT_LIMIT: Duration = Duration::from_secs(6);

/// One step of a change of several statements.
pub(crate) struct Step {
    pub(crate) statement: Statement,
    pub(crate) required: bool,
}

/// A step that must change at least one row; otherwise the whole change is undone.
pub(crate) fn must(statement: Statement) -> Step {
    Step { statement, required: true }
}

/// A step that may find nothing to change.
pub(crate) fn also(statement: Statement) -> Step {
    Step { statement, required: false }
}

/// The database, and the manner in which it is used.
pub(crate) struct Database {
    backend: Backend,
    queries: AtomicU64,
    pub(crate) waits: Waits,
}

enum Backend {
    Pool(Pool),
    Memory(Memory),
}

/// Connections that can break.
pub(crate) struct Pool {
    pool: AnyPool,
    place: String,
    breaks: Arc<LastBreak>,
}

/// When a connection last turned out to be broken: the others may be, too.
#[derive(Default)]
pub(crate) struct LastBreak(Mutex<Option<Instant>>);

impl Database {
    pub(crate) fn new(pool: AnyPool, place: String, breaks: Arc<LastBreak>) -> Self {
        Self::of(Backend::Pool(Pool { pool, place, breaks }))
    }

    pub(crate) fn in_memory(memory: Memory) -> Self {
        Self::of(Backend::Memory(memory))
    }

    fn of(backend: Backend) -> Self {
        Self { backend, queries: AtomicU64::new(0), waits: Waits::default() }
    }

    /// Statements run so far.
    pub(crate) fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// Connections that are open, and those of them that nobody uses.
    pub(crate) fn connections(&self) -> (u64, u64) {
        match &self.backend {
            Backend::Pool(Pool { pool, .. }) => (u64::from(pool.size()), pool.num_idle() as u64),
            Backend::Memory(_) => (0, 0),
        }
    }

    pub(crate) async fn close(&self) {
        if let Backend::Pool(Pool { pool, .. }) = &self.backend {
            pool.close().await;
        }
    }

    /// The rows of a statement that changes nothing. It is asked once more
    /// when the connection turns out to be broken.
    pub(crate) async fn rows(&self, statement: impl Fn() -> Statement) -> Result<Vec<Row>, StoreError> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        let pool = match &self.backend {
            Backend::Pool(pool) => pool,
            Backend::Memory(memory) => return memory.rows(&statement()),
        };
        match pool.fetch(&self.waits, statement()).await {
            Err(error) if is_broken(&error) => pool.fetch(&self.waits, statement()).await,
            outcome => outcome,
        }
        .map(pooled)
        .map_err(|error| pool.unavailable(&error))
    }

    /// The rows that a changing statement returns. Never repeated: the first may have succeeded unseen.
    pub(crate) async fn change_returning(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        match &self.backend {
            Backend::Pool(pool) => {
                let fetched = pool.fetch(&self.waits, statement).await;
                fetched.map(pooled).map_err(|error| pool.unavailable(&error))
            }
            Backend::Memory(memory) => memory.rows(&statement),
        }
    }

    /// Changes rows and says how many.
    pub(crate) async fn change(&self, statement: Statement) -> Result<u64, StoreError> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        let pool = match &self.backend {
            Backend::Pool(pool) => pool,
            Backend::Memory(memory) => return memory.change(&statement),
        };
        let changed = pool.on_a_connection(&self.waits, async |connection| {
            Ok(statement.for_pool().execute(connection).await?.rows_affected())
        });
        changed.await.map_err(|error| pool.unavailable(&error))
    }

    /// Runs all steps in one transaction, and says how many rows the first one
    /// changed. `None`: a required step found nothing to change, and nothing
    /// was changed at all.
    ///
    /// The first step must write: SQLite then takes its lock at once, while a
    /// read that turns into a write fails when somebody else wrote in between.
    pub(crate) async fn all_or_nothing(&self, steps: Vec<Step>) -> Result<Option<u64>, StoreError> {
        self.queries.fetch_add(steps.len() as u64, Ordering::Relaxed);
        let pool = match &self.backend {
            Backend::Pool(pool) => pool,
            Backend::Memory(memory) => return memory.all_or_nothing(&steps),
        };
        let changed = pool.on_a_connection(&self.waits, async |connection| {
            let mut transaction = connection.begin().await?;
            let mut first = None;
            for step in steps {
                let affected = step.statement.for_pool().execute(&mut *transaction).await?.rows_affected();
                if step.required && affected == 0 {
                    transaction.rollback().await?;
                    return Ok(None);
                }
                first.get_or_insert(affected);
            }
            transaction.commit().await?;
            Ok(first)
        });
        changed.await.map_err(|error| pool.unavailable(&error))
    }

    pub(crate) fn unavailable(&self, error: &sqlx::Error) -> StoreError {
        match &self.backend {
            Backend::Pool(pool) => pool.unavailable(error),
            Backend::Memory(_) => StoreError::Unavailable { place: "in memory".to_owned(), why: reason(error) },
        }
    }
}

impl Pool {
    fn unavailable(&self, error: &sqlx::Error) -> StoreError {
        let why = match error {
            sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
            error => reason(error),
        };
        StoreError::Unavailable { place: self.place.clone(), why }
    }

    async fn fetch(&self, waits: &Waits, statement: Statement) -> Result<Vec<AnyRow>, sqlx::Error> {
        self.on_a_connection(waits, async |connection| statement.for_pool().fetch_all(connection).await).await
    }

    async fn on_a_connection<T>(
        &self,
        waits: &Waits,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let began = Instant::now();
        let outcome = self.bounded(work).await;
        waits.observe(began.elapsed(), outcome.is_ok());
        outcome
    }

    async fn bounded<T>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let outcome = tokio::time::timeout(STATEMENT_LIMIT, work(&mut connection))
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer within 6 s"))));
        if outcome.as_ref().is_err_and(|error| is_broken(error) || is_timeout(error)) {
            self.breaks.note();
            connection.close_on_drop();
        }
        outcome
    }
}

impl LastBreak {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn came_within(&self, time: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|last| last.elapsed() <= time)
    }
}

/// The error without the line of the server's own source that it comes from.
pub(crate) fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    }
}

fn pooled(rows: Vec<AnyRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Pooled).collect()
}

/// The connection cannot be used again: it is cut, the server goes down, or it
/// has become a replica that takes no writes.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => !is_timeout(error),
        sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| matches!(&*code, "57P01" | "57P02" | "57P03" | "25006"))
        }
        _ => false,
    }
}

fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}
