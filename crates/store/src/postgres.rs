//! What is particular to Postgres: waiting for the server at start, and
//! telling the other nodes about a change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::any::AnyPoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::database::{LastBreak, reason};
use crate::error::StoreError;
use crate::statement::{Statement, query};

/// The channel on which nodes tell each other what changed.
pub(crate) const CHANNEL: &str = "doorward";

/// What changed; the payload of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Revocations,
    Keys,
    /// What is configured.
    Objects,
    /// Everything was deleted: what is in memory counts no more.
    Reset,
}

impl Topic {
    /// Part of the change's own transaction: sent when it is committed, not sent when it is not.
    pub(crate) fn announcement(self) -> Statement {
        query(match self {
            Self::Revocations => "NOTIFY doorward, 'revocations'",
            Self::Keys => "NOTIFY doorward, 'keys'",
            Self::Objects => "NOTIFY doorward, 'objects'",
            Self::Reset => "NOTIFY doorward, 'reset'",
        })
    }

    pub(crate) fn from_payload(payload: &str) -> Option<Self> {
        match payload {
            "revocations" => Some(Self::Revocations),
            "keys" => Some(Self::Keys),
            "objects" => Some(Self::Objects),
            "reset" => Some(Self::Reset),
            _ => None,
        }
    }
}

/// Testing each connection before each use would cost a third of a read. One
/// that was used a moment ago is taken as it is; one that rested, or that was
/// not used since another broke, is tested, so that a restart of the server is
/// not met by a row of failing requests.
pub(crate) fn pool_options(breaks: &Arc<LastBreak>) -> AnyPoolOptions {
    let breaks = Arc::clone(breaks);
    AnyPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let doubtful = meta.idle_for > Duration::from_secs(1) || breaks.came_within(meta.idle_for);
            Box::pin(async move {
                if doubtful {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

/// Returns when the server takes connections, or says after `wait` why it does not.
pub(crate) async fn wait_until_up(options: &PgConnectOptions, place: &str, wait: Duration) -> Result<(), StoreError> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        // A server that swallows connections must not hold us beyond the wait.
        let left = wait.saturating_sub(started.elapsed()).max(Duration::from_millis(500));
        let why = match tokio::time::timeout(left, options.connect()).await {
            Ok(Ok(connection)) => {
                let _ = connection.close().await;
                return Ok(());
            }
            Ok(Err(error)) if is_final(&error) => {
                let why = reason(&error);
                return Err(StoreError::Invalid(format!("the database {place} refuses: {why}; check store.url")));
            }
            Ok(Err(error)) => reason(&error),
            Err(_) => "no answer".to_owned(),
        };
        if started.elapsed() + pause >= wait {
            let why = format!("{why} (waited {} s)", wait.as_secs());
            return Err(StoreError::Unavailable { place: place.to_owned(), why });
        }
        if pause < Duration::from_millis(100) {
            tracing::warn!(store.place = place, error = why, "the database does not answer yet; waiting");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Waiting does not help against a wrong password or a database that is not there.
fn is_final(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("28") || code == "3D000" || code == "42501")
        }
        sqlx::Error::Configuration(_) => true,
        _ => false,
    }
}
