//! What the edge counts. Each worker counts for itself, on memory that no
//! other worker writes to; a scrape adds it all up. Series are made for
//! applications of the catalog alone, so that strangers cannot make any.

mod guests;
mod histogram;
mod shown;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use doorward_model::live::LiveCatalog;
use doorward_policy::{Grant, RefusalKind};
use opentelemetry::global::BoxedTracer;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub use self::guests::GuestMetrics;
pub(crate) use self::guests::Together;
pub(crate) use self::histogram::Histogram;
use self::shown::Shown;
use crate::access_log::{AccessLog, Teller};
use crate::caller::Caller;
use crate::upstream::exchange::Trouble;
use crate::upstream::pool::Pool;
use crate::watch::signal::Cut;

/// What is counted once for the whole public listener.
pub(crate) struct Metrics {
    connections: Gauge,
    tunnels: Gauge,
    pub(crate) renewals: Counter,
    cuts: Family<Word, Counter>,
    pub(crate) crowded: Counter,
    pub(crate) shed: Counter,
    pub(crate) panics: Counter,
    shards: Arc<Mutex<Vec<Arc<Shard>>>>,
    listeners: Listeners,
}

/// Who is told of each request, besides the numbers.
pub(crate) struct Listeners {
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) tracer: Option<Arc<BoxedTracer>>,
}

impl Metrics {
    pub(crate) fn registered(registry: &mut Registry, catalog: LiveCatalog, listeners: Listeners) -> Self {
        let metrics = Self {
            connections: Gauge::default(),
            tunnels: Gauge::default(),
            renewals: Counter::default(),
            cuts: Family::default(),
            crowded: Counter::default(),
            shed: Counter::default(),
            panics: Counter::default(),
            shards: Arc::default(),
            listeners,
        };
        if let Some(log) = &metrics.listeners.access_log {
            log.register(registry);
        }
        registry.register("doorward_connections", "Open client connections", metrics.connections.clone());
        registry.register("doorward_tunnels", "Open WebSockets", metrics.tunnels.clone());
        registry.register("doorward_tokens_renewed", "Application tokens renewed in place", metrics.renewals.clone());
        let cuts = "Connections and streams ended before their own end, by reason";
        registry.register("doorward_cut_off", cuts, metrics.cuts.clone());
        let crowded = "Connections closed because their client had as many as it may";
        registry.register("doorward_connections_crowded", crowded, metrics.crowded.clone());
        let shed = "Requests answered 503 because too many were being served";
        registry.register("doorward_requests_shed", shed, metrics.shed.clone());
        let panics = "Requests answered 500 because of a fault in Doorward";
        registry.register("doorward_panics", panics, metrics.panics.clone());
        registry.register_collector(Box::new(Shown { shards: Arc::clone(&metrics.shards), catalog }));
        metrics
    }

    /// One more connection, until what is returned is dropped.
    pub(crate) fn connection(&self) -> Counted {
        Counted::new(&self.connections)
    }

    /// One more tunnel, until what is returned is dropped.
    pub(crate) fn tunnel(&self) -> Counted {
        Counted::new(&self.tunnels)
    }

    pub(crate) fn cut(&self, cut: Cut) {
        self.cuts.get_or_create(&Word { reason: cut.as_str() }).inc();
    }

    /// The share of a new worker.
    pub(crate) fn shard(&self, pool: &Arc<Pool>) -> Arc<Shard> {
        let shard = Arc::new(Shard::new(Arc::downgrade(pool), &self.listeners));
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&shard));
        shard
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Word {
    reason: &'static str,
}

/// Counts something as long as it is there.
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What one worker counts.
pub(crate) struct Shard {
    /// Where this worker's requests are told, if anywhere.
    pub(crate) teller: Option<Teller>,
    /// What makes spans of them, if somebody collects any.
    pub(crate) tracer: Option<Arc<BoxedTracer>>,
    pub(crate) in_flight: Level,
    pub(crate) unreadable: Count,
    pub(crate) unmatched: Count,
    stages: [Histogram; Stage::ALL.len()],
    /// Requests that belong to no application.
    nobody: Arc<Tally>,
    apps: Mutex<HashMap<Box<str>, Arc<Tally>>>,
    pool: Weak<Pool>,
}

impl Shard {
    fn new(pool: Weak<Pool>, listeners: &Listeners) -> Self {
        Self {
            teller: listeners.access_log.as_deref().map(AccessLog::teller),
            tracer: listeners.tracer.clone(),
            in_flight: Level::default(),
            unreadable: Count::default(),
            unmatched: Count::default(),
            stages: Default::default(),
            nobody: Arc::default(),
            apps: Mutex::default(),
            pool,
        }
    }

    /// Whether anybody is told more of a request than numbers.
    pub(crate) const fn has_listeners(&self) -> bool {
        self.teller.is_some() || self.tracer.is_some()
    }

    pub(crate) fn stage(&self, stage: Stage) -> &Histogram {
        &self.stages[stage as usize]
    }

    pub(crate) fn nobody(&self) -> Arc<Tally> {
        Arc::clone(&self.nobody)
    }

    /// Of every application, and of none.
    fn tallies(&self) -> Vec<Arc<Tally>> {
        let apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.nobody).chain(apps.values()).cloned().collect()
    }

    /// What is counted for the application with this name.
    pub(crate) fn app(&self, name: &str) -> Arc<Tally> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = apps.get(name) {
            return Arc::clone(tally);
        }
        let tally = Arc::<Tally>::default();
        apps.insert(name.into(), Arc::clone(&tally));
        tally
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn inc(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are at this moment.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicI64);

impl Level {
    pub(crate) fn enter(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker counts for one application.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    forwarded: Count,
    bypassed: Count,
    refused: [Count; Reason::ALL.len()],
    answered: [Count; CLASSES.len()],
    trouble: [Count; TROUBLES.len()],
    pub(crate) aborted: Count,
    pub(crate) connects: Count,
    pub(crate) connect_failures: Count,
    pub(crate) received: Count,
    pub(crate) sent: Count,
    pub(crate) duration: Histogram,
}

impl Tally {
    pub(crate) fn admitted(&self, grant: Grant) {
        match grant {
            Grant::Bypass => self.bypassed.inc(),
            Grant::Identity | Grant::Linked | Grant::Service(_) | Grant::Certificate => self.forwarded.inc(),
        }
    }

    pub(crate) fn refused(&self, reason: Reason) {
        self.refused[reason as usize].inc();
    }

    pub(crate) fn answered(&self, status: http::StatusCode) {
        if let Some(count) = self.answered.get(usize::from(status.as_u16() / 100).wrapping_sub(1)) {
            count.inc();
        }
    }

    pub(crate) fn trouble(&self, trouble: &Trouble) {
        self.trouble[trouble.place()].inc();
    }
}

impl Trouble {
    /// The word for traces and metrics.
    pub(crate) const fn as_str(&self) -> &'static str {
        TROUBLES[self.place()]
    }

    const fn place(&self) -> usize {
        match self {
            Self::Unreachable(_) => 0,
            Self::Slow => 1,
            Self::Broken(_) => 2,
            Self::Upload(_) => 3,
            Self::Cut(_) => 4,
        }
    }
}

/// The classes of HTTP statuses, as the label is written.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The labels of [`Tally::trouble`].
const TROUBLES: [&str; 5] = ["unreachable", "slow", "broken", "upload", "cut_off"];

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    NeedsLogin,
    Policy,
    ServiceToken,
    Conflict,
    Unavailable,
}

impl Reason {
    const ALL: [Self; 5] = [Self::NeedsLogin, Self::Policy, Self::ServiceToken, Self::Conflict, Self::Unavailable];

    pub(crate) const fn of(caller: &Caller, kind: RefusalKind) -> Self {
        match (caller, kind) {
            (Caller::Unavailable, _) => Self::Unavailable,
            (Caller::BadServiceToken, _) => Self::ServiceToken,
            (Caller::Conflict, _) => Self::Conflict,
            (Caller::Nobody, RefusalKind::NeedsLogin) | (Caller::Person { .. }, RefusalKind::NeedsPurpose) => {
                Self::NeedsLogin
            }
            _ => Self::Policy,
        }
    }

    /// The word for logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsLogin => "needs_login",
            Self::Policy => "policy",
            Self::ServiceToken => "service_token",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What a request spends its time on, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// From its head to knowing who calls.
    Caller,
    /// What the policies say.
    Verdict,
    /// From there to the head of the origin's answer.
    Origin,
    /// Making an answer of our own: a refusal, a sign-in page.
    Own,
    /// From the answer's head to its end, at the client's pace.
    Body,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Caller, Self::Verdict, Self::Origin, Self::Own, Self::Body];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Verdict => "verdict",
            Self::Origin => "origin",
            Self::Own => "own",
            Self::Body => "body",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_stage_is_at_its_own_place() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{reason:?}");
        }
        for (place, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, place, "{stage:?}");
        }
    }
}
