//! Idle connections to origins, kept by application and origin so that they
//! never cross trust (invariant I6). Each worker has its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use doorward_model::id::AppId;
use doorward_model::route::Service;
use hyper::client::conn::http1::SendRequest;

use crate::limits::Limits;
use crate::metrics::Level;
use crate::upstream::upload::Upload;

/// A connection to an origin that can take one request at a time.
pub(crate) type Sender = SendRequest<Upload>;

/// What separates one trust from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PoolKey {
    pub(crate) app: AppId,
    pub(crate) service: Service,
}

pub(crate) struct Pool {
    limits: Limits,
    in_use: Arc<Level>,
    idle: Mutex<HashMap<PoolKey, Vec<Idle>>>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, in_use: Arc::default(), idle: Mutex::default() })
    }

    /// The connection used last that is still open and young enough.
    pub(crate) fn take(&self, key: &PoolKey) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = idle.get_mut(key)?;
        while let Some(Idle { sender, since }) = entries.pop() {
            if since.elapsed() >= self.limits.upstream_idle_timeout.as_std() {
                // Everything below it is older still.
                entries.clear();
            } else if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    fn put(&self, key: PoolKey, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = idle.entry(key).or_default();
        if entries.len() < self.limits.upstream_idle_connections {
            entries.push(Idle { sender, since: Instant::now() });
        }
    }

    /// How many a request or a tunnel is using at this moment.
    pub(crate) fn in_use(&self) -> i64 {
        self.in_use.get()
    }

    /// How many are kept at this moment.
    pub(crate) fn idle(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).values().map(Vec::len).sum()
    }

    /// Closes all that nobody uses.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Closes connections nobody asked for in time.
    pub(crate) fn expire(&self) {
        let oldest = self.limits.upstream_idle_timeout.as_std();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, entries| {
            entries.retain(|entry| entry.since.elapsed() < oldest && !entry.sender.is_closed());
            !entries.is_empty()
        });
    }
}

/// A connection in use. Dropping it closes the connection; only a body that
/// ended as its framing said gives it back.
pub(crate) struct Lease {
    pub(crate) sender: Sender,
    key: PoolKey,
    pool: Arc<Pool>,
    /// Close it after this answer.
    once: bool,
    _in_use: InUse,
}

/// Counts a lease as long as it lives.
struct InUse(Arc<Level>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Lease {
    pub(crate) fn new(pool: &Arc<Pool>, key: PoolKey, sender: Sender) -> Self {
        pool.in_use.enter();
        Self { sender, key, pool: Arc::clone(pool), once: false, _in_use: InUse(Arc::clone(&pool.in_use)) }
    }

    /// What a replacement connection is for.
    pub(crate) fn into_key(self) -> PoolKey {
        self.key
    }

    /// The same, never to be given back.
    pub(crate) fn for_one_answer(self) -> Self {
        Self { once: true, ..self }
    }

    pub(crate) fn give_back(self) {
        if !self.once && !self.sender.is_closed() {
            self.pool.put(self.key, self.sender);
        }
    }
}
