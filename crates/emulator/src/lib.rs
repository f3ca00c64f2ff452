//! What only emulator mode has: people to sign in as and the OpenID provider
//! that vouches for them, the control API that moves time, keys and sessions,
//! and the demonstration application. Production mode never wires it in.
//!
//! What it makes is real: the provider is an ordinary one to the login door,
//! a minted token stands on an ordinary session, and the demonstration reads
//! its token as any application would.

mod control;
mod demo;
mod door;
mod faults;
mod idp;
mod mailbox;
pub mod names;
pub mod namespaces;
mod people;
mod primes;
mod recorder;
mod seed;
mod stock;
mod transfer;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::id::IdpId;
use doorward_model::idp::{IdentityProvider, IdpKind, OidcEndpoints, OidcProvider};
use doorward_model::letter::Letter;
use doorward_model::live::LiveCatalog;
use doorward_model::path::NormPath;
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::Clock;
use doorward_signer::Signer;
use doorward_store::Store;

pub use crate::faults::{Bent, Defect, Instead};
pub use crate::idp::IDP_PATH;
pub use crate::people::Person;
pub use crate::primes::Pkcs8;
pub use crate::recorder::{Caller, Decision};
pub use crate::seed::Seed;
pub use crate::stock::Stock;
pub use crate::transfer::CLI_PATH;

/// The name under which the store keeps the secret that the gateway shows its
/// built-in provider.
pub const CLIENT_SECRET: &str = "built-in identity provider";

/// What the built-in provider is called where people choose one.
pub const PROVIDER_NAME: &str = "Built-in people";

/// Where the forms of the emulator's pages may lead. Browsers hold a form to
/// this through every redirect, and a sign-in goes on to an application, from
/// there wherever the application sends it, or to a `custom_deny_url`: no list
/// would be complete. What the pages show is theirs to show alone, so there is
/// nothing that a form could carry away.
pub(crate) const FORM_ACTION: &str = "'self' http: https:";

/// Rotates the signing keys; `true` drops the previous ones at once. Resolves
/// when the new key signs on this node.
pub type Rotate = Arc<dyn Fn(bool) -> Pin<Box<dyn Future<Output = Result<(), RotationFailed>> + Send>> + Send + Sync>;

/// The keys are as they were; the text is for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the signing keys could not be rotated: {0}")]
pub struct RotationFailed(pub String);

/// What the emulator is made of.
pub struct Parts {
    pub clock: Clock,
    pub catalog: LiveCatalog,
    pub signer: Arc<Signer>,
    pub store: Store,
    /// The issuers this installation accepts: its own names.
    pub issuers: Vec<String>,
    /// The team as it is reached by another name, where it has one.
    pub other_name: Option<Team>,
    /// The people it starts with, and goes back to.
    pub people: Vec<Person>,
    /// The same that [`Emulator::provider`] was given.
    pub client_secret: Secret,
    pub rotate: Rotate,
    /// Where the control API is reached from this machine, for the commands
    /// that the demonstration shows.
    pub admin_url: String,
    /// The emulator of the process's own team: command lines pick up at one host
    /// for all of them.
    pub beside: Option<Arc<Emulator>>,
}

/// The emulator: its state, and the three sites that show it.
pub struct Emulator {
    clock: Clock,
    catalog: LiveCatalog,
    signer: Arc<Signer>,
    store: Store,
    issuers: Vec<String>,
    rotate: Rotate,
    admin_url: String,
    people: people::People,
    provider: idp::Provider,
    faults: faults::Faults,
    recorder: recorder::Recorder,
    mailbox: mailbox::Mailbox,
    stranger: Arc<faults::Stranger>,
    snapshots: control::snapshot::Snapshots,
    parked: Arc<transfer::Parked>,
}

impl Emulator {
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let catalog = parts.catalog.load();
        let teams: Vec<&Team> = std::iter::once(catalog.team()).chain(&parts.other_name).collect();
        let gateway = idp::Client::gateway(&teams, &parts.client_secret);
        drop(catalog);
        Arc::new(Self {
            clock: parts.clock,
            catalog: parts.catalog,
            signer: parts.signer,
            store: parts.store,
            issuers: parts.issuers,
            rotate: parts.rotate,
            admin_url: parts.admin_url,
            people: people::People::new(parts.people),
            provider: idp::Provider::new(vec![gateway]),
            faults: faults::Faults::default(),
            recorder: recorder::Recorder::default(),
            mailbox: mailbox::Mailbox::default(),
            stranger: parts.beside.as_ref().map(|other| Arc::clone(&other.stranger)).unwrap_or_default(),
            snapshots: control::snapshot::Snapshots::default(),
            parked: parts.beside.as_ref().map(|other| Arc::clone(&other.parked)).unwrap_or_default(),
        })
    }

    /// The catalog's entry for the built-in provider. A catalog that is made
    /// anew while the emulator runs takes [`Emulator::claim_names`] with it.
    #[must_use]
    pub fn provider(team: &Team, client_secret: &Secret, claims: Vec<String>) -> IdentityProvider {
        IdentityProvider {
            id: provider_id(team),
            name: PROVIDER_NAME.into(),
            kind: IdpKind::Oidc(OidcProvider {
                client_id: idp::GATEWAY_CLIENT_ID.into(),
                client_secret: client_secret.clone(),
                endpoints: OidcEndpoints::Discovered { issuer: idp::issuer(team) },
                scopes: ["openid", "email", "profile", "groups"].map(str::to_owned).to_vec(),
                claims,
                email_claim_name: None,
                pkce_enabled: true,
                trust_unverified_email: false,
            }),
        }
    }

    /// The names of all claims that people of the built-in provider have now.
    #[must_use]
    pub fn claim_names(&self) -> Vec<String> {
        self.people.claim_names()
    }

    /// The OpenID provider, to be nested at [`IDP_PATH`] on the team host
    /// under the name that this catalog knows.
    pub fn idp_router(self: &Arc<Self>, catalog: &LiveCatalog) -> Router {
        idp::router(self.site(catalog))
    }

    /// The control API with its whole paths, `/emulator/v1/…`, for the admin
    /// listener, which guards it: token, Host, Origin and content type.
    pub fn control_router(self: &Arc<Self>) -> Router {
        control::router(Arc::clone(self))
    }

    /// The demonstration application, to be put behind the edge that this catalog is of.
    pub fn demo_router(self: &Arc<Self>, catalog: &LiveCatalog) -> Router {
        demo::router(self.site(catalog))
    }

    /// Where a browser brings its sign-in for a command line, to be put behind the edge.
    pub fn cli_router(self: &Arc<Self>, catalog: &LiveCatalog) -> Router {
        transfer::cli_router(self.site(catalog))
    }

    /// Where command lines pick it up: a host of its own.
    pub fn transfer_router(self: &Arc<Self>) -> Router {
        transfer::transfer_router(Arc::clone(self))
    }

    /// Ends every poll: the process is about to end.
    pub fn stop_waiting(&self) {
        self.parked.close();
    }

    fn site(self: &Arc<Self>, catalog: &LiveCatalog) -> Site {
        Site { emulator: Arc::clone(self), catalog: catalog.clone() }
    }

    /// A catalog as those see it who reach the team under another name: its
    /// built-in provider has that name too.
    #[must_use]
    pub fn named(catalog: &Catalog, team: &Team) -> Catalog {
        let named = catalog.with_team(team.clone());
        let Some(entry) = named.idp(provider_id(team)) else { return named };
        let IdpKind::Oidc(oidc) = &entry.kind;
        let oidc = OidcProvider { endpoints: OidcEndpoints::Discovered { issuer: idp::issuer(team) }, ..oidc.clone() };
        named.with_idp(IdentityProvider { kind: IdpKind::Oidc(oidc), ..(**entry).clone() })
    }

    /// Keeps a decision for whoever asks what happened.
    pub fn decided(&self, decision: Decision) {
        self.recorder.decided(decision);
    }

    /// Keeps a letter in the place of sending it.
    pub fn deliver(&self, letter: Letter) {
        self.mailbox.deliver(letter, self.clock.now());
    }

    /// What is to go wrong with a request that may go on to an application.
    #[must_use]
    pub fn bent(&self, app: &App, path: &NormPath) -> Option<Bent> {
        self.faults.on_the_way(app, path)
    }

    /// A good token with a defect; none where the defect is that there is none.
    #[must_use]
    pub fn spoiled(&self, token: &str, defect: Defect) -> Option<String> {
        defect.applied(token, &self.signer.load(), &self.stranger, self.clock.now())
    }

    /// Makes the key that nobody knows ahead of its use, away from the threads
    /// that serve.
    async fn know_stranger(&self) {
        let stranger = Arc::clone(&self.stranger);
        // Whoever needs it makes it, if this did not.
        let _made = tokio::task::spawn_blocking(move || stranger.keyring()).await;
    }

    /// Makes the login door copy what people have: a claim that a provider's
    /// entry does not list never reaches an identity.
    fn publish_claim_names(&self) {
        let names = self.people.claim_names();
        self.catalog.update(|catalog| {
            let Some(entry) = catalog.idp(provider_id(catalog.team())) else { return catalog.clone() };
            let IdpKind::Oidc(oidc) = &entry.kind;
            let oidc = OidcProvider { claims: names.clone(), ..oidc.clone() };
            catalog.with_idp(IdentityProvider { kind: IdpKind::Oidc(oidc), ..(**entry).clone() })
        });
    }
}

/// The emulator under one of the team's names.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) emulator: Arc<Emulator>,
    pub(crate) catalog: LiveCatalog,
}

impl FromRef<Site> for Arc<Emulator> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.emulator)
    }
}

fn provider_id(team: &Team) -> IdpId {
    IdpId::built_in(&team.account)
}

/// The claim names of the people that a configuration declares, for
/// [`Emulator::provider`] before there is an emulator.
#[must_use]
pub fn claim_names(people: &[Person]) -> Vec<String> {
    people::claim_names(people.iter())
}

#[cfg(test)]
mod testing;
