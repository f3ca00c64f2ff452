//! The application door: the pipeline every request to an application takes,
//! from the accepted connection to the origin's answer. It reads like its file
//! names: `listen`, `arrive`, `headers`, `gate`, `caller`, `refusal`,
//! `upstream`.
//!
//! Signing in belongs to the routers it is given; it knows them only as
//! routers. What the policies say belongs to the policy crate: without its
//! permit nothing here can be forwarded.

mod access_log;
mod arrive;
mod assertion;
mod body;
mod caller;
mod certificate;
mod challenge;
mod cookies;
mod cors;
mod countries;
mod emulation;
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod guests;
mod headers;
mod last_seen;
mod limits;
mod linked;
mod listen;
mod machine;
mod metadata;
mod metrics;
mod record;
mod refusal;
mod renewal;
mod respond;
mod skew;
mod trace;
mod upstream;
mod watch;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use doorward_model::id::Rays;
use doorward_model::live::LiveCatalog;
use doorward_model::time::Clock;
use doorward_policy::RuleTrees;
use doorward_signer::Signer;
use doorward_store::Store;
use ipnet::IpNet;
use opentelemetry::global::BoxedTracer;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsConnector;

pub use access_log::{AccessLog, Destination, LineFormat};
pub use countries::{Countries, Database};
pub use emulation::{Bent, Decided, Emulation, Instead, Who};
pub use guests::{Guest, Guests};
pub use limits::Limits;
pub use listen::{PublicListener, Running, can_vouch, serve};
pub use metrics::GuestMetrics;
pub use refusal::REFUSALS;

use crate::arrive::{Socket, Trust};
use crate::caller::Remembered;
use crate::last_seen::LastSeen;
use crate::linked::Counterparts;
use crate::listen::clients::{Clients, Place};
use crate::listen::handshake::Told;
use crate::machine::Minted;
use crate::metrics::{Listeners, Metrics, Shard};
use crate::renewal::Renewals;
use crate::skew::Skew;
use crate::upstream::pool::Pool;
use crate::watch::Watch;
use crate::watch::connection::Connection;

/// Challenges signed at once. More strangers than that are asked to come back:
/// the same threads serve the store, on which those who are signed in depend.
const MOST_CHALLENGES: usize = 64;

/// Pages of ours made at once, for the same reason.
const MOST_AT_DOORS: usize = 512;

/// What the edge is made of.
pub struct Parts<'a> {
    pub clock: Clock,
    pub catalog: LiveCatalog,
    pub signer: Arc<Signer>,
    pub store: Store,
    /// The issuers whose tokens are accepted: one in production.
    pub issuers: Vec<String>,
    /// Helpful pages and test headers that production has no use for.
    pub emulator: bool,
    /// An emulator that wants to know, and lets requests fail.
    pub emulation: Option<Arc<dyn Emulation>>,
    /// Serves the team domain.
    pub team: axum::Router,
    /// Serves `/cdn-cgi/access/` on the hosts of applications.
    pub access: axum::Router,
    /// The demonstration application.
    pub demo: Option<axum::Router>,
    /// Where everything runs that may wait for the store.
    pub control: Handle,
    pub limits: Limits,
    /// Peers whose `X-Forwarded-*` headers are believed; none by default.
    pub trusted_proxies: Vec<IpNet>,
    /// Where addresses are, unless a trusted proxy says it.
    pub countries: Arc<Countries>,
    pub access_log: Option<Arc<AccessLog>>,
    /// Tells the log how refusals came about.
    pub rule_trees: Arc<RuleTrees>,
    /// Makes spans of requests, where somebody collects them.
    pub tracer: Option<BoxedTracer>,
    pub registry: &'a mut Registry,
    /// Other edges on the same listener: an emulator's, or none.
    pub guests: Option<Arc<Guests>>,
    /// An edge of the same process, with which this one shares bounds on what
    /// strangers can ask for, and the TLS settings for origins.
    pub beside: Option<&'a Edge>,
}

/// What all workers share.
pub struct Edge {
    clock: Clock,
    catalog: LiveCatalog,
    signer: Arc<Signer>,
    store: Store,
    issuers: Vec<String>,
    emulator: bool,
    emulation: Option<Arc<dyn Emulation>>,
    team: axum::Router,
    access: axum::Router,
    demo: Option<axum::Router>,
    control: Handle,
    limits: Limits,
    trust: Trust,
    tls: TlsConnector,
    metrics: Metrics,
    rule_trees: Arc<RuleTrees>,
    rays: Rays,
    remembered: Remembered,
    minted: Minted,
    counterparts: Counterparts,
    last_seen: LastSeen,
    renewals: Renewals,
    skew: Skew,
    /// Challenges that may be signed at once.
    challenges: Arc<Semaphore>,
    /// Requests to pages of ours that may be worked on at once.
    doors: Arc<Semaphore>,
    /// Connections of each client address.
    clients: Clients,
    /// Requests being served.
    requests: AtomicUsize,
    guests: Option<Arc<Guests>>,
}

impl Edge {
    #[must_use]
    pub fn new(parts: Parts<'_>) -> Arc<Self> {
        let listeners = Listeners { access_log: parts.access_log, tracer: parts.tracer.map(Arc::new) };
        let metrics = Metrics::registered(parts.registry, parts.catalog.clone(), listeners);
        Arc::new(Self {
            clock: parts.clock,
            catalog: parts.catalog,
            signer: parts.signer,
            store: parts.store,
            issuers: parts.issuers,
            emulator: parts.emulator,
            emulation: parts.emulation,
            team: parts.team,
            access: parts.access,
            demo: parts.demo,
            control: parts.control,
            limits: parts.limits,
            trust: Trust {
                proxies: parts.trusted_proxies,
                country_from_anybody: parts.emulator,
                countries: parts.countries,
            },
            tls: parts.beside.map_or_else(upstream::connect::tls_client, |other| other.tls.clone()),
            metrics,
            rule_trees: parts.rule_trees,
            rays: Rays::new(),
            remembered: Remembered::new(),
            minted: Minted::new(),
            counterparts: Counterparts::new(),
            last_seen: LastSeen::new(),
            renewals: Renewals::new(),
            skew: Skew::new(),
            challenges: parts.beside.map_or_else(|| bound(MOST_CHALLENGES), |other| Arc::clone(&other.challenges)),
            doors: parts.beside.map_or_else(|| bound(MOST_AT_DOORS), |other| Arc::clone(&other.doors)),
            clients: Clients::default(),
            requests: AtomicUsize::new(0),
            guests: parts.guests,
        })
    }

    /// Forgets every verified token, so that each is checked against the store
    /// again. For whoever emptied the store or dropped keys.
    pub fn forget_callers(&self) {
        self.remembered.forget_all();
        self.minted.forget_all();
        self.counterparts.forget_all();
        self.renewals.forget_all();
    }

    /// Runs something away from the workers, which must never wait.
    async fn off_path<F>(&self, work: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self.control.spawn(work).await {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The control runtime is shutting down; so is this request.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

fn bound(most: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(most))
}

/// Work that keeps its place to its end, also when nobody waits for it any
/// more: a client that leaves and comes back must not have twice as much done.
async fn holding<T>(place: OwnedSemaphorePermit, work: impl Future<Output = T>) -> T {
    let done = work.await;
    drop(place);
    done
}

/// One thread's share: the edge, and connections to origins of its own.
struct Worker {
    edge: Arc<Edge>,
    pool: Arc<Pool>,
    shard: Arc<Shard>,
    watch: Arc<Watch>,
}

/// Where requests come in: one client connection of one worker.
#[derive(Clone)]
struct Entrance {
    worker: Arc<Worker>,
    connection: Arc<Connection>,
    socket: Socket,
    told: Told,
    /// Among the client's other connections; none for proxies that are trusted.
    place: Option<Arc<Place>>,
    /// Its place among all connections. What a connection turns into keeps it.
    _slot: Arc<OwnedSemaphorePermit>,
}
