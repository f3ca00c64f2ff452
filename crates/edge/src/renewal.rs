//! Renewing in place, beyond what Access does: where an application says
//! `refresh = "edge"`, a token near or past its end is replaced while the
//! sign-in behind it lives, after the policies were asked again. A single-page
//! application so never meets a cross-origin redirect.

use std::sync::Arc;
use std::time::Duration;

use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::catalog::Catalog;
use doorward_model::session::Session;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_policy::{Facts, Permit};
use doorward_signer::Subject;
use doorward_signer::mint::Minted;
use doorward_store::StoreError;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use crate::Edge;
use crate::caller::{Person, Unavailable};

/// How long after its end a token can still be renewed. The sign-in's own end
/// is the real bound; this one keeps very old cookies from costing a look-up.
const GRACE: Lifetime = Lifetime::from_hours(24);
/// How long all nodes keep to the successor that was made first. Requests that
/// were under way with the old token have long arrived by then.
const KEPT: Lifetime = Lifetime::from_secs(300);
/// How long a request waits for a renewal that it could do without.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long one is not tried again that failed or took too long.
const REST: Duration = Duration::from_secs(5);
/// How many tokens are remembered, of either kind.
const CAPACITY: usize = 16_384;

type Successor = Arc<OnceCell<Arc<Person>>>;

/// What replaced which token on this node: requests that are under way with the
/// old one get the same new one, and only the first of them does the work. That
/// it is one on all nodes is the store's doing.
pub(crate) struct Renewals {
    successors: quick_cache::sync::Cache<Box<str>, Successor>,
    /// When renewing a token that still holds came to nothing.
    rests: quick_cache::sync::Cache<Box<str>, Instant>,
}

impl Renewals {
    pub(crate) fn new() -> Self {
        let (successors, rests) = (quick_cache::sync::Cache::new(CAPACITY), quick_cache::sync::Cache::new(CAPACITY));
        Self { successors, rests }
    }

    pub(crate) fn forget_all(&self) {
        self.successors.clear();
        self.rests.clear();
    }

    fn rests(&self, token: &str) -> bool {
        self.rests.get(token).is_some_and(|since| since.elapsed() < REST)
    }
}

/// The token that replaces one which still holds. That one is good enough as
/// long as the store is slow, or the answer is no.
pub(crate) async fn ahead_of_time(
    edge: &Edge,
    token: &str,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Option<Arc<Person>> {
    if edge.renewals.rests(token) {
        return None;
    }
    let renewal = timeout(PATIENCE, renewed(edge, token, app, arrival, catalog)).await;
    let person = renewal.unwrap_or(Err(Unavailable)).unwrap_or_default();
    if person.is_none() {
        edge.renewals.rests.insert(token.into(), Instant::now());
    }
    person
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
    let successor = match edge.renewals.successors.get(token) {
        Some(known) if known.get().is_none_or(|person| person.is_current(edge, app, arrival.now)) => known,
        _ => {
            let fresh = Successor::default();
            edge.renewals.successors.insert(token.into(), Arc::clone(&fresh));
            fresh
        }
    };
    let store = edge.store.clone();
    let nonce = nonce.clone();
    let person = successor
        .get_or_try_init(|| async move {
            let session = edge.off_path(async move { store.session(&nonce).await }).await?;
            let live = session.filter(|session| session.is_live(arrival.now)).ok_or(Refused::No)?;
            let (permit, minted) = next(edge, &live, app, arrival, catalog).ok_or(Refused::No)?;
            agreed(edge, token, live, &permit, minted, app, arrival).await
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

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a token could not be renewed");
        Self::Unavailable
    }
}

/// Asks the policies again, with who they are as of their last sign-in, and makes the next token.
fn next(
    edge: &Edge,
    session: &Session,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Option<(Permit, Minted)> {
    let identity = &session.identity;
    // Services are asked at sign-ins alone; this door asks nobody.
    if doorward_policy::evaluates(app, catalog) {
        return None;
    }
    let facts = Facts {
        identity: Some(identity),
        certificate: arrival.certificate.valid().map(|certificate| certificate.common_name.as_str()),
        country: arrival.country.as_deref(),
        ..Facts::of_nobody(arrival.client_ip)
    };
    let permit = doorward_policy::decide(app, catalog, &facts).ok()?;
    let user = &identity.user_uuid;
    let iat = edge.store.revocations().earliest_iat(Some(&session.nonce), Some(user), &app.aud, arrival.now);
    // A revocation came while the store was asked, and put the new token's date past its own second.
    if iat > arrival.now.secs() {
        return None;
    }
    let minted = edge.signer.load().mint_app(session, app, catalog, iat, permit.session_duration());
    Some((permit, minted))
}

/// The token that all nodes agree on: ours when it is the first, else the one
/// that is there. Only the first is counted and logged.
async fn agreed(
    edge: &Edge,
    old: &str,
    session: Session,
    permit: &Permit,
    minted: Minted,
    app: &Arc<App>,
    arrival: &Arrival,
) -> Result<Arc<Person>, Refused> {
    let until = minted.expires.min(arrival.now.plus(KEPT));
    let successor = {
        let (store, old, ours, now) = (edge.store.clone(), old.to_owned(), minted.token.clone(), arrival.now);
        edge.off_path(async move { store.successor(&old, &ours, until, now).await }).await?
    };
    let (bearings, expires) = match successor.is_ours {
        true => (minted.bearings, minted.expires),
        false => {
            let ring = edge.signer.keyring();
            let theirs = ring.verify_app(&successor.token, &edge.issuers, &app.aud, arrival.now, Lifetime::ZERO);
            let theirs = theirs.map_err(|_| Refused::No)?;
            (theirs.bearings(), Timestamp::from_secs(theirs.exp))
        }
    };
    // A revocation that came meanwhile, here or on the node that was first, wins.
    if bearings.session.as_ref() != Some(&session.nonce) || edge.store.revocations().is_revoked(&bearings) {
        return Err(Refused::No);
    }
    if successor.is_ours {
        tracing::info!(
            ray.id = %arrival.ray, app.name = app.name, user.email = %session.identity.email,
            policy = permit.policy(), rule = permit.rule(), "renewed a token in place"
        );
        edge.metrics.renewals.inc();
    }
    let person = Arc::new(Person::new(app, session.identity, bearings, expires, &successor.token));
    edge.remembered.keep(&person);
    Ok(person)
}
