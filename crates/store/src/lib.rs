//! The only SQL: people, sessions, one-use things, keys, revocations and what is
//! configured, kept in SQLite or Postgres with one statement set. What the values mean is the
//! business of the crates that ask for them.
//!
//! Two habits run through it. A state change is one conditional statement (or
//! one transaction that begins with it) and a look at the rows affected, so
//! that of any number of racing callers exactly one wins on both databases.
//! And nothing is read from the database on the way of a request that is
//! already signed in: revocations are held in memory, see [`Revocations`].

mod access_requests;
mod approvals;
mod audit_log;
mod binding;
mod database;
mod entries;
mod error;
mod installation;
mod keys;
mod location;
mod memory;
mod metrics;
mod objects;
mod once;
mod patience;
mod patterns;
mod people;
mod policy_tests;
mod postgres;
mod renewals;
mod revocations;
mod revoking;
mod saved;
mod schema;
mod seal;
mod service_tokens;
mod sessions;
mod sqlite;
mod statement;
mod upkeep;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;

pub use crate::access_requests::{AccessQuery, EmailFilter, Filter};
pub use crate::audit_log::AuditQuery;
pub use crate::error::{KeyMismatch, LostKeys, StoreError};
pub use crate::keys::{KeyState, NewKey, StoredKey};
pub use crate::objects::{ObjectChange, ObjectsRead};
pub use crate::patience::Patience;
pub use crate::people::{PeopleQuery, Person};
pub use crate::policy_tests::{KnownUser, PolicyTest, Progress, TestStatus, TestedUser};
pub use crate::renewals::Successor;
pub use crate::revocations::Revocations;
pub use crate::saved::Saved;
pub use crate::seal::Seal;

use crate::database::Database;
use crate::location::Location;
use crate::memory::Memory;
use crate::statement::query;

/// The database of an installation. Clones share one pool of connections.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    /// The watch's own connections: however many callers wait for a slow
    /// database, what was revoked is heard of.
    watching: Database,
    location: Location,
    seal: Seal,
    revocations: Arc<Revocations>,
    keys_changed: Arc<Notify>,
    objects_changed: Arc<Notify>,
    propagation: Histogram,
    /// Released last, when no connection to the file is left.
    held: Mutex<Option<sqlite::Held>>,
}

/// Whether a database could be opened by this URL, without a look at it.
///
/// # Errors
/// When it names neither a SQLite file nor a Postgres database.
pub fn check_url(url: &str) -> Result<(), StoreError> {
    Location::parse(url).map(|_| ())
}

impl Store {
    /// Opens the database that `url` names, without a look at its schema. A
    /// Postgres server that is not up yet is waited for, as long as `wait`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn connect(url: &str, seal: Seal, wait: Duration) -> Result<Self, StoreError> {
        Self::open(url, seal, Patience { start: wait, ..Patience::default() }).await
    }

    /// Opens the database that `url` names, without a look at its schema. A
    /// SQLite file is created when it is not there, and held against other
    /// processes until the last clone is dropped or [`Store::close`] is called.
    ///
    /// # Errors
    /// When the database stays away, refuses us, or is held by another process.
    pub async fn open(url: &str, seal: Seal, patience: Patience) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let mut location = Location::parse(url)?;
        let mut held = None;
        let breaks = Arc::default();
        let (pool_options, watch_options) = match &location {
            Location::Sqlite(path) => {
                let file = sqlite::hold(path).await?;
                location = Location::Sqlite(file.path.clone());
                held = Some(file);
                (sqlite::pool_options(), sqlite::pool_options())
            }
            Location::Memory => return Self::in_memory(seal),
            Location::Postgres { options, .. } => {
                postgres::wait_until_up(options, &location.to_string(), patience.start).await?;
                (postgres::pool_options(&breaks), postgres::pool_options(&breaks))
            }
        };
        let pool = pool_options.connect_lazy_with(location.any_options()?);
        let watch_pool = watch::pool_options(watch_options).connect_lazy_with(location.any_options()?);
        Ok(Self(Arc::new(Inner {
            database: Database::new(pool, location.to_string(), Arc::clone(&breaks)),
            watching: Database::new(watch_pool, location.to_string(), breaks),
            location,
            seal,
            revocations: Arc::new(Revocations::believed_for(patience.freshness)),
            keys_changed: Arc::default(),
            objects_changed: Arc::default(),
            propagation: watch::propagation(),
            held: Mutex::new(held),
        })))
    }

    /// A database of this process alone, which is gone when the last clone is
    /// dropped. It takes no file and no thread, and less than a millisecond.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory(seal: Seal) -> Result<Self, StoreError> {
        let memory = Memory::new(schema::template()?)?;
        Ok(Self(Arc::new(Inner {
            database: Database::in_memory(memory.clone()),
            watching: Database::in_memory(memory),
            location: Location::Memory,
            seal,
            revocations: Arc::new(Revocations::of_one_process()),
            keys_changed: Arc::default(),
            objects_changed: Arc::default(),
            propagation: watch::propagation(),
            held: Mutex::default(),
        })))
    }

    /// Whether several nodes may share this database.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.0.location, Location::Postgres { .. })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database().rows(|| query("SELECT 1")).await.map(|_| ())
    }

    /// Statements run for callers so far. The hot path adds nothing to it;
    /// what [`Store::watch`] asks in the background is not counted.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.database().queries()
    }

    /// Shows what the store measures among the metrics.
    pub fn register(&self, registry: &mut Registry) {
        self.database().waits.register(registry);
        registry.register_collector(Box::new(metrics::Looked(self.clone())));
        registry.register(
            "doorward_revocation_propagation_seconds",
            "Time from a revocation on another node to its being in force on this one, as far as their clocks agree",
            self.0.propagation.clone(),
        );
    }

    /// The seal under which this installation's secrets are kept.
    #[must_use]
    pub fn sealer(&self) -> &Seal {
        &self.0.seal
    }

    /// Whatever was revoked, in memory.
    #[must_use]
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.0.revocations
    }

    /// Notified when any node, this one included, changed the signing keys.
    /// Meant for one waiting task: a change while nobody waits is kept for the next wait.
    #[must_use]
    pub fn keys_changed(&self) -> Arc<Notify> {
        Arc::clone(&self.0.keys_changed)
    }

    /// The same for what is configured: there is something to read with
    /// [`Store::objects_since`]. Announcements can be lost, so look now and then too.
    #[must_use]
    pub fn objects_changed(&self) -> Arc<Notify> {
        Arc::clone(&self.0.objects_changed)
    }

    /// Closes all connections, and lets another process have the SQLite file.
    /// Every later call fails.
    pub async fn close(&self) {
        tokio::join!(self.database().close(), self.watching().close());
        drop(self.0.held.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn database(&self) -> &Database {
        &self.0.database
    }

    fn watching(&self) -> &Database {
        &self.0.watching
    }
}
