//! The work nobody waits for: rotating keys, hearing of revocations and of
//! what is configured elsewhere, sweeping out what has expired. A chore that
//! fails says so and is tried again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use doorward_emulator::namespaces::Namespaces;
use doorward_model::time::{Clock, Lifetime};
use doorward_objects::Objects;
use doorward_store::{Store, StoreError};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::config::Config;
use crate::keys::Keys;

/// How often keys are looked after and leftovers swept out.
const ROUND: Duration = Duration::from_secs(60);
/// The pause before keys that changed are read once more.
const KEYS_RETRY: Duration = Duration::from_secs(1);

/// How long logs are kept.
#[derive(Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) access: Lifetime,
    pub(crate) audit: Lifetime,
}

impl Retention {
    pub(crate) const fn of(config: &Config) -> Self {
        Self { access: config.log_retention, audit: config.audit_retention }
    }
}

/// Starts all chores. They end when the set is dropped.
pub(crate) fn start(
    store: &Store,
    keys: &Arc<Keys>,
    objects: &Objects,
    clock: &Clock,
    retention: Retention,
    namespaces: Option<&Arc<Namespaces>>,
) -> JoinSet<()> {
    let mut chores = JoinSet::new();
    if let Some(namespaces) = namespaces {
        let namespaces = Arc::clone(namespaces);
        chores.spawn(every_round(move || {
            let namespaces = Arc::clone(&namespaces);
            async move { namespaces.tend().await }
        }));
    }
    chores.spawn({
        let store = store.clone();
        async move { store.watch().await }
    });
    chores.spawn({
        let objects = objects.clone();
        async move { objects.follow().await }
    });
    chores.spawn(follow_key_changes(store.clone(), Arc::clone(keys)));
    chores.spawn(every_round({
        let keys = Arc::clone(keys);
        move || {
            let keys = Arc::clone(&keys);
            async move { tend_keys(&keys).await }
        }
    }));
    chores.spawn(every_round({
        let (store, clock) = (store.clone(), clock.clone());
        move || {
            let (store, clock) = (store.clone(), clock.clone());
            async move { sweep(&store, &clock, retention).await }
        }
    }));
    chores
}

pub(crate) async fn tend_keys(keys: &Keys) {
    if let Err(error) = keys.tend().await {
        tracing::warn!(%error, "the signing keys could not be looked after");
    }
}

/// Takes out of the store what is over.
pub(crate) async fn sweep(store: &Store, clock: &Clock, retention: Retention) {
    let now = clock.now();
    let swept = async {
        Ok::<_, StoreError>(
            store.sweep(now).await?
                + store.forget_access_requests(now.minus(retention.access)).await?
                + store.forget_audit_log(now.minus(retention.audit)).await?,
        )
    };
    match swept.await {
        Ok(0) => {}
        Ok(swept) => tracing::debug!(swept, "expired rows were removed"),
        Err(error) => tracing::warn!(%error, "expired rows could not be removed"),
    }
}

/// A rotation on another node counts here too.
async fn follow_key_changes(store: Store, keys: Arc<Keys>) {
    let changed = store.keys_changed();
    loop {
        changed.notified().await;
        // A key that was dropped elsewhere stays accepted here until this succeeds.
        while let Err(error) = keys.reload().await {
            tracing::warn!(%error, "the signing keys could not be read again");
            tokio::time::sleep(KEYS_RETRY).await;
        }
    }
}

async fn every_round<F: Future<Output = ()>>(chore: impl Fn() -> F) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        chore().await;
    }
}
