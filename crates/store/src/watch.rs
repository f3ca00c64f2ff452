//! Hearing of what other nodes changed: a short poll that never depends on
//! anything, and Postgres' notifications that make it quick.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use sqlx::Executor as _;
use sqlx::any::AnyPoolOptions;
use sqlx::postgres::PgListener;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Store;
use crate::error::StoreError;
use crate::location::Location;
use crate::postgres::{CHANNEL, Topic};

const POLL: Duration = Duration::from_secs(1);
/// Rounds of the poll after which the keys are compared.
const KEY_ROUNDS: u64 = 10;
/// Rounds after which everything is read again, whatever was heard: a
/// database restored from a backup or a replica that took over may have counted otherwise.
const FULL_ROUNDS: u64 = 300;
/// Silence after which the listening connection is asked whether it still lives.
const QUIET: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(5);
/// How long the watch waits for a connection: shorter than callers do, because it asks again soon.
const CONNECTION: Duration = Duration::from_secs(3);

/// One connection for the poll, one for what is read after an announcement and
/// one for what is configured, so that none waits behind callers of a slow database.
pub(crate) fn pool_options(like_callers: AnyPoolOptions) -> AnyPoolOptions {
    like_callers.max_connections(3).acquire_timeout(CONNECTION)
}

/// From a revocation on another node to its being in force here, in seconds.
/// A notification takes milliseconds, the poll a second; 30 s is the promise.
pub(crate) fn propagation() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

impl Store {
    /// Keeps the revocations in memory fresh and tells of changed keys. Runs
    /// for ever, through every outage of the database.
    pub async fn watch(&self) {
        tokio::join!(self.poll(), self.listen());
    }

    async fn poll(&self) {
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        let mut keys = None;
        let mut round: u64 = 0;
        loop {
            ticks.tick().await;
            let full = failing || round.is_multiple_of(FULL_ROUNDS);
            let with_keys = full || round.is_multiple_of(KEY_ROUNDS);
            let outcome = self.poll_once(full, with_keys, &mut keys).await;
            self.log_change(failing, outcome.as_ref().err());
            failing = outcome.is_err();
            round = round.wrapping_add(1);
        }
    }

    async fn poll_once(
        &self,
        full: bool,
        with_keys: bool,
        known_keys: &mut Option<Vec<(String, String)>>,
    ) -> Result<(), StoreError> {
        match full {
            true => {
                self.refuse_what_is_too_new().await?;
                self.refresh_revocations().await?;
            }
            false => self.catch_up_with_revocations().await?,
        }
        if with_keys {
            let found = self.key_fingerprint().await?;
            if known_keys.as_ref().is_some_and(|known| *known != found) {
                self.0.keys_changed.notify_one();
            }
            *known_keys = Some(found);
        }
        Ok(())
    }

    /// Listening fails whenever polling does, and the poll says so; here it is
    /// only tried again.
    async fn listen(&self) {
        let Location::Postgres { url, .. } = &self.0.location else { return };
        loop {
            if let Err(error) = self.hear(url).await {
                tracing::debug!(error = %error, "the connection that listens for changes is lost; trying again");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn hear(&self, url: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut listener = timeout(ANSWER, PgListener::connect(url)).await??;
        listener.eager_reconnect(false);
        timeout(ANSWER, listener.listen(CHANNEL)).await??;
        // What was announced while nobody listened is lost, hence a look at everything.
        self.refresh_revocations().await?;
        self.0.keys_changed.notify_one();
        self.0.objects_changed.notify_one();
        loop {
            match timeout(QUIET, listener.try_recv()).await {
                Ok(received) => {
                    let Some(first) = received? else { return Ok(()) };
                    let mut topics = vec![first];
                    topics.extend(std::iter::from_fn(|| listener.next_buffered()));
                    let heard = |topic| topics.iter().any(|one| Topic::from_payload(one.payload()) == Some(topic));
                    if heard(Topic::Reset) {
                        self.reload_revocations().await?;
                    } else if heard(Topic::Revocations) {
                        self.catch_up_with_revocations().await?;
                    }
                    if heard(Topic::Objects) || heard(Topic::Reset) {
                        self.0.objects_changed.notify_one();
                    }
                    if heard(Topic::Keys) {
                        self.0.keys_changed.notify_one();
                    }
                }
                Err(_) => timeout(ANSWER, listener.execute("SELECT 1")).await?.map(|_| ())?,
            }
        }
    }

    fn log_change(&self, was_failing: bool, error: Option<&StoreError>) {
        match (was_failing, error) {
            (false, Some(error)) => tracing::error!(
                store.place = %self.0.location, error = %error,
                "revocations cannot be read; soon nothing that needs them is let through"
            ),
            (true, None) => tracing::info!(store.place = %self.0.location, "revocations are read again"),
            _ => {}
        }
    }
}
