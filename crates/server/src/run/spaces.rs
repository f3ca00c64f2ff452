//! Namespaces put together: each a team with a store in memory, keys from the
//! stock, a clock, a catalog and doors of its own. What the process has once
//! (listeners, threads, the client for requests of its own) they share.

mod hosts;
mod space;
mod tables;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use doorward_edge::{AccessLog, Countries, Edge, Limits};
use doorward_emulator::namespaces::{Founder, Namespace, NotFounded, Order, Start};
use doorward_emulator::{Emulator, Person, Seed, Stock};
use doorward_login::Outbound;
use doorward_mail::Smtp;
use doorward_model::document::Kind;
use doorward_model::id::{AccountId, IdpId};
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::Clock;
use doorward_objects::{Declared, Objects, ObjectsError, Setting};
use doorward_store::{Seal, Store, StoreError};
use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use self::space::{Parts, Site, Space};
use super::wire::{self, Foundation, Listeners, View};
use crate::chores::Retention;
use crate::config::Config;
use crate::keys::{Keys, KeysError, Maker, Source, refill};
use crate::ready::Ready;
use crate::telemetry::traces::Traces;

/// Namespaces that are made at once: making one is work for a processor, not a wait.
const AT_ONCE: usize = 4;

/// What namespaces stand on: the process and its own team.
pub(super) struct Ground {
    config: Config,
    team: Team,
    objects: Objects,
    countries: Arc<Countries>,
    access_log: Option<Arc<AccessLog>>,
    traces: Option<Traces>,
    outbound: Outbound,
    smtp: Option<Smtp>,
    admin: SocketAddr,
    limits: Limits,
    emulator: Arc<Emulator>,
    /// The public listener's, and the one behind the proxy.
    edges: Vec<Arc<Edge>>,
    guests: Listeners,
    /// What was told of the process's own team.
    ready: Arc<OnceLock<Ready>>,
}

impl Ground {
    pub(super) fn of(
        on: Foundation<'_>,
        limits: Limits,
        emulator: &Arc<Emulator>,
        edges: &[Arc<Edge>],
        guests: &Listeners,
        ready: &Arc<OnceLock<Ready>>,
    ) -> Self {
        Self {
            config: on.config.clone(),
            team: on.team.clone(),
            objects: on.objects.clone(),
            countries: Arc::clone(on.countries),
            access_log: on.access_log.cloned(),
            traces: on.traces.cloned(),
            outbound: on.outbound.clone(),
            smtp: on.smtp.cloned(),
            admin: on.admin,
            limits,
            emulator: Arc::clone(emulator),
            edges: edges.to_vec(),
            guests: guests.clone(),
            ready: Arc::clone(ready),
        }
    }
}

/// Makes namespaces.
pub(super) struct Spaces {
    ground: Ground,
    stock: Arc<Stock>,
    at_once: Semaphore,
}

/// What is configured in a namespace, and who there is to sign in as.
struct Plan {
    declared: Declared,
    people: Vec<Person>,
}

/// Why a namespace could not be made, beside what was wrong with its order.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
}

impl Founder for Spaces {
    fn found(&self, order: Order) -> BoxFuture<'_, Result<Arc<dyn Namespace>, NotFounded>> {
        Box::pin(async move {
            let _place = self.at_once.acquire().await;
            let team = self.team(&order.name)?;
            let secret = Secret::random();
            let plan = self.plan(&order.start, &team, &secret)?;
            match self.space(&order, team, plan, secret).await {
                Ok(Some(space)) => Ok(Arc::new(space) as Arc<dyn Namespace>),
                Ok(None) => Err(NotFounded::Taken(format!("another namespace has the hosts of \"{}\"", order.name))),
                Err(error) => {
                    tracing::error!(%error, namespace = order.name, "a namespace could not be made");
                    Err(NotFounded::Failed)
                }
            }
        })
    }

    fn ready(&self) -> usize {
        refill(&self.stock);
        // One key signs, and one is there for the next rotation.
        self.stock.len() / 2
    }
}

impl Spaces {
    pub(super) fn new(ground: Ground) -> Self {
        Self { ground, stock: Arc::default(), at_once: Semaphore::new(AT_ONCE) }
    }

    /// The team of this name, unless its hosts are those of the process's own.
    fn team(&self, name: &str) -> Result<Team, NotFounded> {
        let own = &self.ground.team;
        let scheme = if self.ground.config.listen.tls.is_some() { "https" } else { "http" };
        let host = own_port(&self.ground, &format!("{name}.localhost"));
        let team = Team {
            account: AccountId::derived(name),
            name: name.to_owned(),
            domain: format!("{name}.cloudflareaccess.com"),
            url: format!("{scheme}://{host}"),
            host: host.parse().map_err(|_| NotFounded::Unusable(format!("\"{name}\" makes no host name")))?,
            session_duration: own.session_duration,
        };
        let catalog = self.ground.objects.catalog().load();
        let names = [team.host.name(), &team.domain];
        let is_own = names.contains(&own.host.name()) || team.domain == own.domain || team.account == own.account;
        let below = format!(".{}", team.host.name());
        let patterns = catalog.apps().flat_map(|app| app.domains.iter().map(|domain| &domain.host));
        let taken = patterns.chain(catalog.routes().map(|route| &route.hostname));
        let mut taken = taken.filter(|host| host.matches(team.host.name()) || host.as_str().ends_with(&below));
        match (is_own, taken.next()) {
            (true, _) => Err(NotFounded::Taken(format!("\"{name}\" is the name of this process's own team"))),
            (false, Some(host)) => {
                let text = format!("\"{name}\" would answer for {host}, which the process's own team serves");
                Err(NotFounded::Taken(text))
            }
            (false, None) => Ok(team),
        }
    }

    fn plan(&self, start: &Start, team: &Team, secret: &Secret) -> Result<Plan, NotFounded> {
        let file = format!("the namespace {}", team.name);
        let plan = match start {
            Start::Copy => self.copy(file, team, secret),
            Start::Tables(tables) => {
                let config = tables::config(tables, team).map_err(NotFounded::Unusable)?;
                let built_in = wire::built_in_provider(&config, team, Some(secret));
                let declared = config.declared(built_in);
                Plan { declared: Declared { file, ..declared }, people: config.users }
            }
        };
        let objects = plan.declared.objects.into_iter().map(|object| hosts::moved(object, team));
        let objects = objects.collect::<Result<_, _>>().map_err(NotFounded::Unusable)?;
        Ok(Plan { declared: Declared { objects, ..plan.declared }, people: plan.people })
    }

    /// What is configured for the process's own team now, with the people of its file.
    fn copy(&self, file: String, team: &Team, secret: &Secret) -> Plan {
        let own = &self.ground;
        let provider = [&own.team.account, &team.account].map(IdpId::built_in);
        let has_built_in = own.objects.catalog().load().idp(provider[0]).is_some();
        let current = own.objects.current();
        // Tokens for the management API are the process's own team's.
        let objects = current.all().filter(|object| object.key.kind != Kind::ApiToken);
        let objects = objects.map(|object| hosts::of_account(object, provider.map(|id| id.to_string()), team));
        let people = own.config.users.clone();
        let built_in = has_built_in.then(|| Emulator::provider(team, secret, doorward_emulator::claim_names(&people)));
        Plan { declared: Declared { file, objects: objects.collect(), built_in }, people }
    }

    /// The team put together. `None`: its hosts were taken meanwhile.
    async fn space(&self, order: &Order, team: Team, plan: Plan, secret: Secret) -> Result<Option<Space>, Failure> {
        let ground = &self.ground;
        let (clock, store) = (Clock::movable(), Store::in_memory(Seal::for_emulator())?);
        let keys = Keys::open(store.clone(), clock.clone(), self.maker(order, &team)).await?;
        let setting = Setting { team: team.clone(), refresh: ground.config.refresh() };
        let objects = Objects::open(store.clone(), setting, plan.declared, clock.now()).await?;
        let traces = ground.traces.as_ref().map(|traces| traces.of_namespace(&team.name));
        let on = Foundation {
            config: &ground.config,
            team: &team,
            clock: &clock,
            store: &store,
            keys: &keys,
            countries: &ground.countries,
            objects: &objects,
            access_log: ground.access_log.as_ref(),
            traces: traces.as_ref(),
            admin: ground.admin,
            outbound: &ground.outbound,
            people: &plan.people,
            smtp: ground.smtp.as_ref(),
        };
        let (catalog, issuers) = (objects.catalog(), ground.config.issuers(&team));
        let emulator = wire::emulator(on, catalog, &issuers, secret, Some(Arc::clone(&ground.emulator)));
        let [own, ..] = ground.edges.as_slice() else { return Ok(None) };
        let view = View { catalog, issuers: &issuers, limits: ground.limits, guests: None, beside: Some(own) };
        let mut registry = Registry::default();
        let edge = wire::edge(on, view, Some(&emulator), &mut registry);
        let named = ground.edges.get(1).and_then(|_| wire::by_domain(on, view, Some(&emulator)));
        let edges: Vec<Arc<Edge>> = std::iter::once(edge).chain(named).collect();
        wire::forget_with_keys(&keys, edges.iter());
        let listeners = [&ground.guests.public, &ground.guests.by_domain];
        let domains = [team.host.name(), team.domain.as_str()];
        let guests: Option<Vec<_>> =
            listeners.iter().zip(&edges).map(|(guests, edge)| guests.admit(&domains, edge)).collect();
        let Some(guests) = guests else { return Ok(None) };
        let api = wire::cloudflare(on, hosts::leading_to(&team));
        // Its table of routes is long, and most namespaces are never asked for it.
        let api = Site::new(Box::new(move || doorward_api::cloudflare::router(api)));
        let parts = Parts {
            objects,
            keys,
            store,
            clock,
            emulator,
            edges,
            guests,
            api,
            metrics: Arc::new(registry),
            retention: Retention::of(&ground.config),
        };
        Ok(Some(Space::new(team, parts, Arc::clone(&ground.ready))))
    }

    fn maker(&self, order: &Order, team: &Team) -> Maker {
        // Of one seed, each name has keys of its own.
        let seeded = |seed| Source::Seed(Seed::new(format!("{seed}\nnamespace {}", team.name)));
        Maker {
            team_domain: team.domain.clone(),
            emulator: true,
            source: order.seed.as_ref().map_or_else(|| Source::Stock(Arc::clone(&self.stock)), seeded),
            made: std::sync::atomic::AtomicU32::new(0),
        }
    }
}

/// A name at the port of the public listener.
fn own_port(ground: &Ground, name: &str) -> String {
    let public = ground.ready.get().and_then(|ready| url::Url::parse(&ready.public).ok());
    match public.and_then(|url| url.port_or_known_default()) {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}
