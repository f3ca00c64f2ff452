//! Renewing in place, beyond what Access does: where an application says
//! `refresh = "edge"`, a token near or past its end is replaced while the
//! sign-in behind it lives, after the policies were asked again. A single-page
//! application so never meets a cross-origin redirect.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::catalog::Catalog;
use doorward_model::session::Session;
use doorward_model::time::Lifetime;
use doorward_policy::Facts;
use doorward_signer::Subject;
use tokio::sync::OnceCell;

use crate::Edge;
use crate::caller::{Person, Unavailable};

/// How long after its end a token can still be renewed. The sign-in's own end
/// is the real bound; this one keeps very old cookies from costing a look-up.
const GRACE: Lifetime = Lifetime::from_hours(24);

type Successor = Arc<OnceCell<Arc<Person>>>;

/// What replaced which token: requests that were under way with the old one
/// get the same new one, and only the first of them does the work.
pub(crate) struct Renewals(quick_cache::sync::Cache<Box<str>, Successor>);

impl Renewals {
    pub(crate) fn new() -> Self {
        Self(quick_cache::sync::Cache::new(16_384))
    }

    pub(crate) fn forget_all(&self) {
        self.0.clear();
    }
}

/// The token that replaces this one, or `None` when its sign-in is over or the
/// policies say no.
pub(crate) async fn renewed(
    edge: &Edge,
    token: &str,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Result<Option<Arc<Person>>, Unavailable> {
    let ring = edge.signer.keyring();
    // The signature is checked before anything is remembered about the token.
    let Ok(old) = ring.verify_app(token, &edge.issuers, &app.aud, arrival.now, GRACE) else { return Ok(None) };
    let Subject::User { nonce, .. } = &old.subject else { return Ok(None) };
    if edge.store.revocations().is_revoked(&old.bearings()) {
        return Ok(None);
    }
    let successor = match edge.renewals.0.get(token) {
        Some(known) if known.get().is_none_or(|person| person.is_current(edge, app, arrival.now)) => known,
        _ => {
            let fresh = Successor::default();
            edge.renewals.0.insert(token.into(), Arc::clone(&fresh));
            fresh
        }
    };
    let store = edge.store.clone();
    let nonce = nonce.clone();
    let person = successor
        .get_or_try_init(|| async move {
            let session =
                edge.off_path(async move { store.session(&nonce).await }).await.map_err(|_| Refused::Unavailable)?;
            let live = session.filter(|session| session.is_live(arrival.now)).ok_or(Refused::No)?;
            next(edge, live, app, arrival, catalog).ok_or(Refused::No)
        })
        .await;
    match person {
        Ok(person) => Ok(Some(Arc::clone(person))),
        Err(Refused::No) => Ok(None),
        Err(Refused::Unavailable) => Err(Unavailable),
    }
}

enum Refused {
    No,
    Unavailable,
}

/// Asks the policies again, with who they are as of their last sign-in, and makes the next token.
fn next(edge: &Edge, session: Session, app: &Arc<App>, arrival: &Arrival, catalog: &Catalog) -> Option<Arc<Person>> {
    let identity = &session.identity;
    let facts = Facts {
        identity: Some(identity),
        service_token: None,
        client_ip: arrival.client_ip,
        country: arrival.country.as_deref(),
    };
    let permit = doorward_policy::decide(app, catalog, &facts).ok()?;
    let user = &identity.user_uuid;
    let iat = edge.store.revocations().earliest_iat(Some(&session.nonce), Some(user), &app.aud, arrival.now);
    let minted = edge.signer.load().mint_app(&session, app, catalog, iat, permit.session_duration());
    // A revocation that came while the store and the policies were asked: it
    // put the new token's date past its own second, or ended the session.
    if edge.store.revocations().is_revoked(&minted.bearings) || iat > arrival.now.secs() {
        return None;
    }
    tracing::info!(
        ray.id = %arrival.ray, app.name = app.name, user.email = %identity.email, policy = permit.policy(), rule = permit.rule(),
        "renewed a token in place"
    );
    let person = Arc::new(Person::new(app, session.identity, minted.bearings, minted.expires, &minted.token));
    edge.remembered.keep(&person);
    edge.metrics.renewals.inc();
    Some(person)
}
