//! What takes too long, or has lost its right to go on. Each worker looks
//! through its connections and streams a few times each second, instead of
//! setting a timer for each step of each request; what has to end is told so
//! and ends itself.

pub(crate) mod connection;
pub(crate) mod flow;
pub(crate) mod pace;
pub(crate) mod served;
pub(crate) mod signal;
pub(crate) mod stay;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_model::time::{Lifetime, Timestamp};
use doorward_signer::Keyring;
use futures_util::FutureExt as _;
use slab::Slab;

use crate::Edge;
use crate::limits::Limits;
use crate::watch::connection::Connection;
use crate::watch::flow::Flow;
use crate::watch::signal::{Cut, Signal};

/// How often everything is looked through: the precision of every bound kept here.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// Streams that are looked at before requests get their turn again: policies may have to be asked for each.
const AT_ONCE: usize = 64;

/// The connections and streams of one worker.
pub(crate) struct Watch {
    limits: Bounds,
    now: AtomicU32,
    /// The process ends: what begins now is told so at once.
    stopping: AtomicBool,
    /// The edge is over, though the process is not.
    ended: AtomicBool,
    connections: Mutex<Slab<Arc<Connection>>>,
    flows: Mutex<Slab<Arc<Flow>>>,
}

/// Moments and spans are counted in ticks since the worker began.
pub(crate) type Ticks = u32;

/// The limits that are kept here, as ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) head: Ticks,
    pub(crate) idle: Ticks,
    pub(crate) stall: Ticks,
    /// Bytes in each tick.
    pub(crate) rate: u64,
    pub(crate) answer: Ticks,
    pub(crate) tunnel: Ticks,
}

impl Bounds {
    fn of(limits: &Limits) -> Self {
        Self {
            head: of_span(limits.header_read_timeout),
            idle: of_span(limits.client_idle_timeout),
            stall: of_span(limits.client_stall_timeout),
            rate: limits.client_min_rate * u64::try_from(TICK.as_millis()).unwrap_or(1) / 1000,
            answer: of_span(limits.upstream_body_timeout),
            tunnel: of_span(limits.tunnel_idle_timeout),
        }
    }
}

/// When to look.
pub(crate) fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// As many as pass for certain within the span; the first one may be almost over.
fn of_span(span: Lifetime) -> Ticks {
    let ticks = span.as_std().as_millis().div_ceil(TICK.as_millis()).max(1);
    Ticks::try_from(ticks).unwrap_or(Ticks::MAX)
}

impl Watch {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limits: Bounds::of(limits),
            now: AtomicU32::new(0),
            stopping: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            connections: Mutex::default(),
            flows: Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> Ticks {
        self.now.load(Ordering::Relaxed)
    }

    /// Watches a connection until what is returned is dropped.
    pub(crate) fn connection(self: &Arc<Self>, http2: bool) -> Watched<Connection> {
        let connection = Arc::new(Connection::new(Arc::clone(self), http2));
        let key = lock(&self.connections).insert(Arc::clone(&connection));
        self.tell(&connection.signal);
        let forget = |watch: &Self, key| drop(lock(&watch.connections).try_remove(key));
        Watched { watch: Arc::clone(self), key, what: connection, forget }
    }

    /// Watches a body or a tunnel until what is returned is dropped.
    pub(crate) fn flow(self: &Arc<Self>, flow: Flow) -> Watched<Flow> {
        let flow = Arc::new(flow);
        let key = lock(&self.flows).insert(Arc::clone(&flow));
        self.tell(&flow.signal);
        let forget = |watch: &Self, key| drop(lock(&watch.flows).try_remove(key));
        Watched { watch: Arc::clone(self), key, what: flow, forget }
    }

    /// Tells everything that the process is about to end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        lock(&self.connections).iter().for_each(|(_, connection)| connection.signal.stop());
        lock(&self.flows).iter().for_each(|(_, flow)| flow.signal.stop());
    }

    /// Ends everything at once: the edge itself is over. What begins now ends with its beginning.
    pub(crate) fn end(&self, now: Timestamp) {
        self.ended.store(true, Ordering::Release);
        lock(&self.flows).iter().for_each(|(_, flow)| flow.end(Cut::Ended, now));
    }

    fn tell(&self, signal: &Signal) {
        if self.ended.load(Ordering::Acquire) {
            signal.cut(Cut::Ended);
        }
        if self.stopping.load(Ordering::Acquire) {
            signal.stop();
        }
    }

    /// Looks through everything, for as long as the worker lives.
    pub(crate) async fn keep(&self, edge: &Edge) {
        let (mut ticks, mut decided) = (ticks(), Decided::default());
        loop {
            ticks.tick().await;
            self.look(edge, &mut decided).await;
        }
    }

    /// Looks through everything once, at each tick.
    pub(crate) async fn look(&self, edge: &Edge, decided: &mut Decided) {
        self.now.fetch_add(1, Ordering::Relaxed);
        let state = State::of(edge);
        let changed = decided.0.as_ref().is_none_or(|before| *before != state);
        // A fault in one look, which asks policies too, must not be the last look of this worker.
        let look = AssertUnwindSafe(async {
            self.end_late_connections(edge);
            self.end_flows(edge, changed).await;
        });
        match look.catch_unwind().await {
            Ok(()) => decided.0 = Some(state),
            Err(_panic) => {
                edge.metrics.panics.inc();
                tracing::error!("a look at open connections met a fault of the gateway; its message stands above");
            }
        }
    }

    fn end_late_connections(&self, edge: &Edge) {
        for (_, connection) in lock(&self.connections).iter() {
            if let Some(cut) = connection.overdue(self.now(), &self.limits) {
                edge.metrics.cut(cut);
                connection.signal.cut(cut);
            }
        }
    }

    async fn end_flows(&self, edge: &Edge, changed: bool) {
        let flows: Vec<Arc<Flow>> = lock(&self.flows).iter().map(|(_, flow)| Arc::clone(flow)).collect();
        let now = edge.clock.now();
        for some in flows.chunks(AT_ONCE) {
            for flow in some {
                if let Some(cut) = flow.verdict(edge, changed, now, self.now(), &self.limits) {
                    edge.metrics.cut(cut);
                    flow.end(cut, now);
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Under what state of things everything was last looked through.
#[derive(Default)]
pub(crate) struct Decided(Option<State>);

/// Everything on which a permit rests, but time: while it stays the same, only
/// the ends of tokens have to be looked for.
#[derive(Clone, Debug)]
struct State {
    generation: u64,
    revocations: u64,
    fresh: bool,
    keys: Arc<Keyring>,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        (self.generation, self.revocations, self.fresh) == (other.generation, other.revocations, other.fresh)
            && Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl State {
    fn of(edge: &Edge) -> Self {
        let revocations = edge.store.revocations();
        Self {
            generation: edge.catalog.load().generation(),
            revocations: revocations.version(),
            fresh: revocations.is_fresh(),
            keys: edge.signer.keyring(),
        }
    }
}

/// Something that is looked through while this lives.
pub(crate) struct Watched<T> {
    watch: Arc<Watch>,
    key: usize,
    what: Arc<T>,
    forget: fn(&Watch, usize),
}

impl<T> Watched<T> {
    pub(crate) const fn shared(&self) -> &Arc<T> {
        &self.what
    }
}

impl<T> std::ops::Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        (self.forget)(&self.watch, self.key);
    }
}

/// Whether a moment is longer ago than that.
pub(crate) const fn passed(since: Ticks, now: Ticks, limit: Ticks) -> bool {
    now.saturating_sub(since) > limit
}

fn lock<T>(slab: &Mutex<Slab<T>>) -> MutexGuard<'_, Slab<T>> {
    slab.lock().unwrap_or_else(PoisonError::into_inner)
}
