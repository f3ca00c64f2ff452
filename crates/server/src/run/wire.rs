//! The doors and what they share, put together. Production wires nothing of
//! the emulator.

mod emulated;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use axum::Router;
use doorward_api::cloudflare::LeadsHere;
use doorward_api::{Check, Readiness};
use doorward_edge::{AccessLog, Countries, Edge, Emulation, GuestMetrics, Guests, Limits};
use doorward_emulator::namespaces::Namespaces;
use doorward_emulator::{Emulator, IDP_PATH, Person};
use doorward_login::{Login, Outbound, OutboundOptions};
use doorward_mail::Smtp;
use doorward_model::idp::IdentityProvider;
use doorward_model::live::LiveCatalog;
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::Clock;
use doorward_objects::Objects;
use doorward_policy::RuleTrees;
use doorward_store::{Store, StoreError};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(super) use self::emulated::{control, emulator};
use self::emulated::{in_process, told};
use super::descriptors::room_for_connections;
use super::mail;
use super::process::Process;
use super::spaces::{Ground, Spaces};
use super::store_queries::StoreQueries;
use super::watching::Watching;
use crate::config::Config;
use crate::keys::Keys;
use crate::ready::Ready;
use crate::telemetry::LINES;
use crate::telemetry::traces::Traces;

/// How long a probe waits for the store.
const PROBE: Duration = Duration::from_secs(1);

/// What the doors stand on.
#[derive(Clone, Copy)]
pub(super) struct Foundation<'a> {
    pub(super) config: &'a Config,
    pub(super) team: &'a Team,
    pub(super) clock: &'a Clock,
    pub(super) store: &'a Store,
    pub(super) keys: &'a Arc<Keys>,
    pub(super) countries: &'a Arc<Countries>,
    pub(super) objects: &'a Objects,
    pub(super) access_log: Option<&'a Arc<AccessLog>>,
    pub(super) traces: Option<&'a Traces>,
    /// The address of the admin listener.
    pub(super) admin: SocketAddr,
    /// What makes requests of the gateway's own.
    pub(super) outbound: &'a Outbound,
    pub(super) people: &'a [Person],
    /// Who takes mail, where that is a server.
    pub(super) smtp: Option<&'a Smtp>,
}

/// One of the team's names, and what is served under it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) catalog: &'a LiveCatalog,
    pub(super) issuers: &'a [String],
    pub(super) limits: Limits,
    /// Other teams' edges at the same listener.
    pub(super) guests: Option<&'a Arc<Guests>>,
    pub(super) beside: Option<&'a Edge>,
}

/// Everything that answers requests.
pub(super) struct Doors {
    pub(super) edge: Arc<Edge>,
    pub(super) admin: Router,
    /// Set when the process is about to end.
    pub(super) draining: Arc<AtomicBool>,
    /// Told once everything is known.
    pub(super) ready: Arc<OnceLock<Ready>>,
    /// The edge that knows the team by its domain, where it is also reached by another name.
    pub(super) by_domain: Option<Arc<Edge>>,
    /// Emulator mode only.
    pub(super) namespaces: Option<Arc<Namespaces>>,
    pub(super) guests: Option<Listeners>,
    emulator: Option<(Arc<Emulator>, Secret)>,
}

/// The guests of the listeners: of the public one, and of the one behind the proxy.
#[derive(Clone)]
pub(super) struct Listeners {
    pub(super) public: Arc<Guests>,
    pub(super) by_domain: Arc<Guests>,
}

impl Doors {
    /// Lets nobody wait any longer for what a browser may still bring.
    pub(super) fn stop_waiting(&self) {
        if let Some((emulator, _)) = &self.emulator {
            emulator.stop_waiting();
        }
    }

    /// The built-in provider as a snapshot made now needs it.
    pub(super) fn built_in_provider(&self, team: &Team, wanted: bool) -> Option<IdentityProvider> {
        let (emulator, secret) = self.emulator.as_ref().filter(|_| wanted)?;
        Some(Emulator::provider(team, secret, emulator.claim_names()))
    }
}

/// The secret that the gateway shows its built-in provider; production has none.
pub(super) async fn client_secret(config: &Config, store: &Store) -> Result<Option<Secret>, StoreError> {
    match config.mode.is_emulator() {
        true => store.installation_secret(doorward_emulator::CLIENT_SECRET).await.map(Some),
        false => Ok(None),
    }
}

/// The built-in provider as it is before there is an emulator.
pub(super) fn built_in_provider(config: &Config, team: &Team, secret: Option<&Secret>) -> Option<IdentityProvider> {
    let secret = secret.filter(|_| config.has_built_in_provider())?;
    Some(Emulator::provider(team, secret, doorward_emulator::claim_names(&config.users)))
}

/// `client_secret` is the one the catalog's built-in provider was given.
pub(super) fn doors(on: Foundation<'_>, client_secret: Option<Secret>) -> Doors {
    let Foundation { config, team, .. } = on;
    let issuers = config.issuers(team);
    let catalog = on.objects.catalog();
    let emulator = client_secret.map(|secret| (emulator(on, catalog, &issuers, secret.clone(), None), secret));
    let guests = emulator.is_some().then(|| Listeners { public: Guests::new(), by_domain: Guests::new() });

    let mut registry = registry();
    if let Some(Listeners { public, by_domain }) = &guests {
        registry.register_collector(Box::new(GuestMetrics(vec![Arc::clone(public), Arc::clone(by_domain)])));
    }
    registry.register_collector(Box::new(StoreQueries(on.store.clone())));
    on.store.register(&mut registry);
    LINES.register(&mut registry);
    let started = Clock::system().now();
    registry.register_collector(Box::new(Process { started, keys: Arc::clone(on.keys), clock: on.clock.clone() }));
    let emulates = emulator.as_ref().map(|(emulator, _)| emulator);
    let max_connections = room_for_connections(config.limits.max_connections);
    // Over HTTP/2 one connection brings many requests, and each takes a descriptor towards its origin.
    let max_requests = config.limits.max_requests.min(max_connections);
    let limits = Limits { max_connections, max_requests, ..config.limits };
    let view = View { catalog, issuers: &issuers, limits, guests: guests.as_ref().map(|g| &g.public), beside: None };
    let edge = edge(on, view, emulates, &mut registry);
    let view = View { guests: guests.as_ref().map(|g| &g.by_domain), beside: Some(&edge), ..view };
    let by_domain = by_domain(on, view, emulates);
    forget_with_keys(on.keys, std::iter::once(&edge).chain(&by_domain));
    let draining = Arc::new(AtomicBool::new(false));
    let ready = Arc::new(OnceLock::new());
    let edges: Vec<_> = std::iter::once(&edge).chain(&by_domain).cloned().collect();
    let namespaces = emulates.zip(guests.as_ref()).map(|(emulator, guests)| {
        let ground = Ground::of(on, limits, emulator, &edges, guests, &ready);
        Namespaces::new(Arc::new(Spaces::new(ground)))
    });
    let control_site =
        emulates.zip(namespaces.as_ref()).zip(config.api_token.as_ref()).map(|((emulator, own), token)| {
            let site = control(emulator, edges, on.objects.clone()).merge(told(&ready)).merge(own.router());
            doorward_api::require_token(site, token)
        });
    let cloudflare = doorward_api::cloudflare::router(cloudflare(on, Box::new(|_| Ok(()))));
    let cloudflare = match &namespaces {
        Some(namespaces) => namespaces.with_accounts(cloudflare),
        None => cloudflare,
    };
    let admin = doorward_api::router(doorward_api::Parts {
        registry: Arc::new(registry),
        readiness: readiness(on.store.clone(), on.objects.clone(), Arc::clone(&draining)),
        hosts: [vec![config.listen.admin.ip().to_string()], config.listen.admin_hosts.clone()].concat(),
        nested: std::iter::once(cloudflare).chain(control_site).collect(),
    });
    Doors { edge, admin, draining, ready, by_domain, namespaces, guests, emulator }
}

/// The edge that knows the team by its domain, where that is another name than the one it has.
pub(super) fn by_domain(on: Foundation<'_>, view: View<'_>, emulates: Option<&Arc<Emulator>>) -> Option<Arc<Edge>> {
    let named = on.config.other_name(on.team)?;
    let catalog = view.catalog.seen_as(move |catalog| Emulator::named(catalog, &named));
    // The metrics are those of the first; this one is for tests and for one person.
    Some(edge(on, View { catalog: &catalog, ..view }, emulates, &mut Registry::default()))
}

/// What was verified with a key that is gone is verified again. The edges stand
/// on the keys; keys that held them in turn would never be let go.
pub(super) fn forget_with_keys<'a>(keys: &Keys, edges: impl Iterator<Item = &'a Arc<Edge>>) {
    let edges: Vec<Weak<Edge>> = edges.map(Arc::downgrade).collect();
    keys.on_change(move || edges.iter().filter_map(Weak::upgrade).for_each(|edge| edge.forget_callers()));
}

/// What the management API is made of.
pub(super) fn cloudflare(on: Foundation<'_>, leads_here: LeadsHere) -> doorward_api::cloudflare::Parts {
    on.keys.rotate_every({
        let objects = on.objects.clone();
        move || objects.key_rotation_interval()
    });
    let (keys, rotating, signer) = (Arc::clone(on.keys), Arc::clone(on.keys), on.keys.signer());
    let signing_keys = doorward_api::cloudflare::SigningKeys {
        since: Box::new(move || keys.since()),
        certificate: Box::new(move || signer.load().certificate_pem().to_owned()),
        rotate: Box::new(move |told| {
            let keys = Arc::clone(&rotating);
            Box::pin(async move { keys.rotate(false, &told).await.map_err(|error| error.to_string()) })
        }),
    };
    doorward_api::cloudflare::Parts {
        objects: on.objects.clone(),
        store: on.store.clone(),
        clock: on.clock.clone(),
        account: on.team.account.clone(),
        token: on.config.api_token.clone(),
        allow_http: on.config.mode.is_emulator(),
        signing_keys,
        can_vouch: doorward_edge::can_vouch,
        leads_here,
        log_retention: on.config.log_retention,
    }
}

/// The edge and the login door behind it, of the team as this catalog names it.
pub(super) fn edge(
    on: Foundation<'_>,
    view: View<'_>,
    emulator: Option<&Arc<Emulator>>,
    registry: &mut Registry,
) -> Arc<Edge> {
    let View { catalog, issuers, limits, .. } = view;
    let config = on.config;
    let rule_trees = Arc::new(RuleTrees::new(config.log.rule_trees));
    let people = emulator.map(|emulator| Router::new().nest(IDP_PATH, emulator.idp_router(catalog)));
    let watched = |site: Router| match emulator {
        Some(emulator) => emulator.watched(site),
        None => site,
    };
    let login = Login::new(doorward_login::Parts {
        clock: on.clock.clone(),
        catalog: catalog.clone(),
        signer: on.keys.signer(),
        store: on.store.clone(),
        outbound: on.outbound.answered_by(in_process(catalog.load().team(), people.as_ref())),
        issuers: issuers.to_vec(),
        emulator: config.mode.is_emulator(),
        rule_trees: Arc::clone(&rule_trees),
        post: mail::post(config, on.smtp, emulator),
        registry,
    });
    Edge::new(doorward_edge::Parts {
        clock: on.clock.clone(),
        catalog: catalog.clone(),
        signer: on.keys.signer(),
        store: on.store.clone(),
        issuers: issuers.to_vec(),
        emulator: config.mode.is_emulator(),
        emulation: emulator.map(|emulator| Arc::new(Watching::new(emulator, catalog)) as Arc<dyn Emulation>),
        team: watched(login.team_router().merge(people.unwrap_or_default())),
        access: watched(login.app_router()),
        demo: emulator.map(|emulator| emulator.demo_router(catalog)),
        control: tokio::runtime::Handle::current(),
        limits,
        trusted_proxies: config.listen.trusted_proxies.clone(),
        countries: Arc::clone(on.countries),
        access_log: on.access_log.cloned(),
        rule_trees,
        tracer: on.traces.map(Traces::tracer),
        registry,
        guests: view.guests.cloned(),
        beside: view.beside,
    })
}

/// What makes requests of the gateway's own.
pub(super) fn outbound(config: &Config, admin: SocketAddr) -> Outbound {
    let allow_http = config.mode.is_emulator();
    Outbound::new(OutboundOptions { allow_http, off_limits: vec![admin.port()], in_process: None })
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("doorward_build", "The version that runs", version);
    registry
}

/// Able to serve: the store answers, revocations are fresh, what is configured
/// is in force, and nobody asked us to stop.
fn readiness(store: Store, objects: Objects, draining: Arc<AtomicBool>) -> Readiness {
    Readiness::new(move || {
        let (store, draining) = (store.clone(), draining.load(Ordering::Relaxed));
        let configured = match objects.is_up_to_date() {
            true => Check::passed("configuration"),
            false => Check::failed("configuration", "what is configured cannot be taken over; the log says why"),
        };
        async move {
            let answers = tokio::time::timeout(PROBE, store.ping()).await;
            let store_check = match answers {
                Ok(Ok(())) => Check::passed("store"),
                // The error names the database, and this answer is for everybody.
                Ok(Err(_)) | Err(_) => Check::failed("store", "the database does not answer"),
            };
            let revocations = match store.revocations().is_fresh() {
                true => Check::passed("revocations"),
                false => Check::failed("revocations", "revocations were not read for too long"),
            };
            let running = match draining {
                false => Check::passed("running"),
                true => Check::failed("running", "the process is stopping"),
            };
            // A process without keys never gets as far as answering this.
            vec![store_check, Check::passed("keys"), revocations, configured, running]
        }
    })
}
