//! Edges beside the one that a listener is for, each with domains of its own:
//! an emulator's namespaces. They are served by the listener's threads and on
//! its connections; which of them a request is for, its host decides. What is
//! a guest's alone (bodies, tunnels, connections to origins) goes with it.
//!
//! Production has none: there the question is one look at an empty place.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use doorward_model::host::Host;
use http::Request;

use crate::metrics::Together;
use crate::upstream::pool::Pool;
use crate::watch::{self, Decided, Watch};
use crate::{Edge, Entrance, Worker, arrive};

/// Looks of the watch between two through the connections to origins.
const POOL_TICKS: u32 = 5;

/// The guests of one listener.
pub struct Guests {
    /// By the domain that is theirs, with everything below it.
    domains: RwLock<HashMap<Box<str>, Arc<Room>>>,
    began: Instant,
    /// What those counted that are gone. Whoever changes both locks this first.
    gone: Mutex<Together>,
}

/// One guest's share. Unlike the host's workers it has one for all threads:
/// what is in it may be used from each of them.
struct Room {
    worker: Arc<Worker>,
    /// When it was last asked for, in milliseconds after the guests' beginning.
    used: AtomicU64,
}

/// An edge that answers for its domains until this is dropped.
pub struct Guest {
    guests: Arc<Guests>,
    domains: Vec<Box<str>>,
    room: Arc<Room>,
}

impl Guests {
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { domains: RwLock::default(), began: Instant::now(), gone: Mutex::default() })
    }

    /// Lets an edge answer for these domains and all names below them. `None`:
    /// another one does already.
    #[must_use]
    pub fn admit(self: &Arc<Self>, domains: &[&str], edge: &Arc<Edge>) -> Option<Guest> {
        let pool = Pool::new(edge.limits);
        let (shard, watch) = (edge.metrics.shard(&pool), Watch::new(&edge.limits));
        let worker = Arc::new(Worker { edge: Arc::clone(edge), pool, shard, watch });
        let room = Arc::new(Room { worker, used: AtomicU64::new(self.millis()) });
        let mut taken = self.write();
        if domains.iter().any(|domain| taken.contains_key(*domain)) {
            return None;
        }
        let domains: Vec<Box<str>> = domains.iter().map(|domain| (*domain).into()).collect();
        taken.extend(domains.iter().map(|domain| (domain.clone(), Arc::clone(&room))));
        drop(taken);
        Some(Guest { guests: Arc::clone(self), domains, room })
    }

    /// Whether one of them serves this host.
    #[must_use]
    pub fn serve(&self, host: &Host) -> bool {
        self.of(host.name()).is_some_and(|worker| {
            let catalog = worker.edge.catalog.load();
            catalog.team().host.name() == host.name() || catalog.serves_host(host)
        })
    }

    /// Whether any answers for anything: hosts need not be read otherwise.
    fn are_there(&self) -> bool {
        !self.read().is_empty()
    }

    /// Whose host it is: the nearest domain above it decides.
    fn of(&self, host: &str) -> Option<Arc<Worker>> {
        let domains = self.read();
        let mut name = host;
        loop {
            if let Some(room) = domains.get(name) {
                room.used.store(self.millis(), Ordering::Relaxed);
                return Some(Arc::clone(&room.worker));
            }
            name = name.split_once('.')?.1;
        }
    }

    /// Does for all guests what each worker does for its host, as long as the listener lives.
    pub(crate) async fn keep(&self) {
        let mut ticks = watch::ticks();
        let mut decided: HashMap<Box<str>, Decided> = HashMap::new();
        let mut count: u32 = 0;
        loop {
            ticks.tick().await;
            count = count.wrapping_add(1);
            let mut before = std::mem::take(&mut decided);
            for (domain, worker) in self.workers() {
                let mut known = before.remove(&domain).unwrap_or_default();
                worker.watch.look(&worker.edge, &mut known).await;
                if count.is_multiple_of(POOL_TICKS) {
                    worker.pool.expire();
                }
                decided.insert(domain, known);
            }
        }
    }

    /// The process is about to end.
    pub(crate) fn stop(&self) {
        self.workers().iter().for_each(|(_, worker)| worker.watch.stop());
    }

    /// Adds what guests ever counted, and says how many there are now.
    pub(crate) fn counted(&self, sums: &mut Together) -> usize {
        let gone = self.gone();
        let there = self.workers();
        sums.add_sums(&gone);
        there.iter().for_each(|(_, worker)| sums.add(&worker.shard));
        there.len()
    }

    /// Every guest once, by one of its domains.
    fn workers(&self) -> Vec<(Box<str>, Arc<Worker>)> {
        let domains = self.read();
        let mut workers: Vec<_> = domains.iter().map(|(name, room)| (name.clone(), Arc::clone(&room.worker))).collect();
        workers.sort_by_key(|(name, worker)| (Arc::as_ptr(worker), name.clone()));
        workers.dedup_by_key(|(_, worker)| Arc::as_ptr(worker));
        workers
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn gone(&self) -> MutexGuard<'_, Together> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Box<str>, Arc<Room>>> {
        self.domains.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Box<str>, Arc<Room>>> {
        self.domains.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// How long nobody has asked it for anything.
    #[must_use]
    pub fn idle(&self) -> Duration {
        let used = self.room.used.load(Ordering::Relaxed);
        Duration::from_millis(self.guests.millis().saturating_sub(used))
    }
}

impl Drop for Guest {
    /// From here on its hosts are unknown. What it was still sending ends at once.
    fn drop(&mut self) {
        let worker = &self.room.worker;
        let mut gone = self.guests.gone();
        let mut taken = self.guests.write();
        self.domains.iter().for_each(|domain| drop(taken.remove(domain)));
        drop(taken);
        gone.add(&worker.shard);
        drop(gone);
        worker.watch.end(worker.edge.clock.now());
        worker.pool.close();
    }
}

impl Edge {
    /// The worker of whoever answers for a host in the place of this edge.
    pub(crate) fn guest(&self, host: &str) -> Option<Arc<Worker>> {
        self.guests.as_ref()?.of(host)
    }
}

impl Entrance {
    /// The way in to whoever answers for the request: this one, but where an emulator has guests.
    pub(crate) fn to<B>(self: &Arc<Self>, request: &Request<B>) -> Arc<Self> {
        let guests = self.worker.edge.guests.as_ref();
        let Some(guests) = guests.filter(|guests| guests.are_there()) else { return Arc::clone(self) };
        // What has no readable host is the listener's own to refuse.
        let host = arrive::authority(request.headers(), request.uri(), request.version());
        let Some(worker) = host.ok().and_then(|host| guests.of(host.name())) else { return Arc::clone(self) };
        Arc::new(Self { worker, ..(**self).clone() })
    }
}
