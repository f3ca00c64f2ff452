//! One namespace while it lasts.

use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use doorward_edge::{Edge, Guest};
use doorward_emulator::Emulator;
use doorward_emulator::namespaces::Namespace;
use doorward_model::id::AccountId;
use doorward_model::site::Team;
use doorward_model::time::Clock;
use doorward_objects::Objects;
use doorward_store::Store;
use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde_json::Value;

use crate::chores::{self, Retention};
use crate::keys::Keys;
use crate::ready::{self, Ready, ReadyTeam};
use crate::run::wire;

pub(super) struct Space {
    told: Told,
    account: AccountId,
    parts: Parts,
    /// Empty once it has ended.
    guests: Mutex<Vec<Guest>>,
    control: OnceLock<Router>,
}

/// A site that is made when it is first asked for.
pub(super) type Site = LazyLock<Router, Box<dyn FnOnce() -> Router + Send>>;

/// What it is made of.
pub(super) struct Parts {
    pub(super) objects: Objects,
    pub(super) keys: Arc<Keys>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) emulator: Arc<Emulator>,
    pub(super) edges: Vec<Arc<Edge>>,
    pub(super) guests: Vec<Guest>,
    pub(super) api: Site,
    /// What its edge and its sign-ins count.
    pub(super) metrics: Arc<Registry>,
    /// How long its logs are kept.
    pub(super) retention: Retention,
}

/// What is said of it. What the process said of itself is part of that.
#[derive(Clone)]
struct Told {
    team: Team,
    objects: Objects,
    process: Arc<OnceLock<Ready>>,
}

/// The shape is a promise: that of the process, and more.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    #[serde(flatten)]
    ready: Ready,
    /// Where its public keys are.
    certs: String,
    /// Where its control API is.
    control: String,
}

impl Space {
    pub(super) fn new(team: Team, mut parts: Parts, process: Arc<OnceLock<Ready>>) -> Self {
        let account = team.account.clone();
        Self {
            guests: Mutex::new(std::mem::take(&mut parts.guests)),
            told: Told { team, objects: parts.objects.clone(), process },
            account,
            parts,
            control: OnceLock::new(),
        }
    }
}

impl Namespace for Space {
    fn told(&self) -> Value {
        self.told.shown()
    }

    fn control(&self) -> Router {
        let made = || {
            let told = self.told.clone();
            let ready = get(move || std::future::ready(axum::Json(told.shown())));
            let Parts { emulator, edges, objects, metrics, .. } = &self.parts;
            wire::control(emulator, edges.clone(), objects.clone())
                .merge(Router::new().route("/emulator/v1/ready", ready))
                .merge(doorward_api::metrics_at("/emulator/v1/metrics", Arc::clone(metrics)))
        };
        self.control.get_or_init(made).clone()
    }

    fn api(&self) -> Router {
        LazyLock::force(&self.parts.api).clone()
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn idle(&self) -> Duration {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.iter().map(Guest::idle).min().unwrap_or_default()
    }

    fn tend(&self) -> BoxFuture<'_, ()> {
        let Parts { store, keys, clock, retention, .. } = &self.parts;
        Box::pin(async move {
            chores::tend_keys(keys).await;
            chores::sweep(store, clock, *retention).await;
        })
    }

    fn end(&self) {
        let guests = std::mem::take(&mut *self.guests.lock().unwrap_or_else(PoisonError::into_inner));
        drop(guests);
    }
}

impl Told {
    fn shown(&self) -> Value {
        let Self { team, objects, process } = self;
        let Some(process) = process.get().cloned() else { return Value::Null };
        let shown = Shown {
            name: &team.name,
            certs: team.certs(),
            control: format!("{}/emulator/v1/namespaces/{}", process.admin, team.name),
            ready: Ready {
                apps: ready::apps(&objects.catalog().load(), &process.public),
                team: ReadyTeam::of(team),
                account_id: team.account.as_str().to_owned(),
                ..process
            },
        };
        serde_json::to_value(shown).expect("texts have a JSON form")
    }
}
