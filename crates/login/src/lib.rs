//! The team domain's door: sign-in, the hand-over to applications, sign-out,
//! and what is published about tokens; with its counterpart below
//! `/cdn-cgi/access/` on the applications' own hosts.
//!
//! Which host a request is for, and where it comes from, the edge has found
//! out before ([`Arrival`](doorward_model::arrival::Arrival)). Who may pass is
//! the word of `policy`, what tokens say that of `signer`.

mod access_log;
mod approval;
mod approving;
mod begin;
mod callback;
mod cert_sign;
mod certs;
mod chain;
mod cookie;
mod evaluation;
mod form;
mod handoff;
mod launcher;
mod metrics;
mod outbound;
mod own_pages;
mod provider;
mod purpose;
mod respond;
mod session;
mod sign_out;
mod verdict;
mod visit;
mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use doorward_model::letter::Letter;
use doorward_model::live::LiveCatalog;
use doorward_model::time::Clock;
use doorward_policy::RuleTrees;
use doorward_signer::Signer;
use doorward_store::Store;
use prometheus_client::registry::Registry;
use tower_cookies::CookieManagerLayer;

pub use crate::outbound::{InProcess, Outbound, OutboundError, OutboundOptions, check_url};

use crate::metrics::Metrics;
use crate::provider::Providers;

/// Hands a mail over to be sent. It never waits: whether the mail arrives is
/// another's business, and nobody's sign-in depends on it.
pub type Post = Arc<dyn Fn(Letter) + Send + Sync>;

/// The login door.
pub struct Login {
    catalog: LiveCatalog,
    signer: Arc<Signer>,
    store: Store,
    providers: Providers,
    outbound: Outbound,
    /// Issuers whose tokens are ours.
    issuers: Vec<String>,
    emulator: bool,
    rule_trees: Arc<RuleTrees>,
    post: Option<Post>,
    metrics: Metrics,
}

/// What the login door is made of.
pub struct Parts<'a> {
    pub clock: Clock,
    pub catalog: LiveCatalog,
    pub signer: Arc<Signer>,
    pub store: Store,
    pub outbound: Outbound,
    pub issuers: Vec<String>,
    pub emulator: bool,
    /// Tells the log how refusals came about.
    pub rule_trees: Arc<RuleTrees>,
    /// None where no mail can be sent.
    pub post: Option<Post>,
    pub registry: &'a mut Registry,
}

impl Login {
    #[must_use]
    pub fn new(parts: Parts<'_>) -> Arc<Self> {
        Arc::new(Self {
            catalog: parts.catalog,
            signer: parts.signer,
            store: parts.store,
            providers: Providers::new(parts.outbound.clone(), parts.clock),
            outbound: parts.outbound,
            issuers: parts.issuers,
            emulator: parts.emulator,
            rule_trees: parts.rule_trees,
            post: parts.post,
            metrics: Metrics::registered(parts.registry),
        })
    }

    /// Everything the team domain answers. `get` answers HEAD too, which
    /// cloudflared uses for the whole chain.
    pub fn team_router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(whoami::welcome))
            .route("/cdn-cgi/access/login/{host}", get(begin::begin))
            .route("/cdn-cgi/access/callback", get(callback::callback))
            .route(purpose::PATH, get(purpose::show).post(purpose::answer))
            .route(approving::ROUTE, get(approving::show).post(approving::decide))
            .route("/cdn-cgi/access/cert_sign", post(cert_sign::sign))
            .route("/cdn-cgi/access/certs", get(certs::certs))
            .route("/cdn-cgi/access/get-identity", get(whoami::identity))
            .route("/cdn-cgi/access/logout", get(sign_out::on_team_domain))
            .layer(DefaultBodyLimit::max(form::LARGEST))
            .fallback(respond::not_found)
            .layer(CookieManagerLayer::new())
            .with_state(self.clone())
    }

    /// What is below `/cdn-cgi/access/` on every application's host.
    pub fn app_router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/cdn-cgi/access/authorized", get(handoff::authorized))
            .route("/cdn-cgi/access/certs", get(certs::certs))
            .route("/cdn-cgi/access/get-identity", get(whoami::identity))
            .route("/cdn-cgi/access/logout", get(sign_out::on_app_host))
            .fallback(respond::not_found)
            .layer(CookieManagerLayer::new())
            .with_state(self.clone())
    }
}

#[cfg(test)]
mod tests;
