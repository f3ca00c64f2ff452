//! Somebody who is known to another application, which hands their token on in
//! `Cf-Access-Token` with a request of its own (Access docs, "linked apps").
//! Who they are is told to the origin here as it was there.

use std::sync::Arc;

use bytes::Bytes;
use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::catalog::Catalog;
use doorward_model::id::AppId;
use doorward_model::session::Session;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_policy::Permit;

use crate::Edge;
use crate::arrive::Visit;
use crate::caller::{self, Caller, MOST_HEADER_TOKENS, Person, Unavailable};
use crate::headers::ClientClaims;

/// The tokens made for people who are known elsewhere, so that each is signed
/// once: by the token they are known by, the application, and the snapshot.
pub(crate) struct Counterparts(quick_cache::sync::Cache<(Bytes, AppId, u64), Arc<Person>>);

impl Counterparts {
    pub(crate) fn new() -> Self {
        Self(quick_cache::sync::Cache::new(4096))
    }

    pub(crate) fn forget_all(&self) {
        self.0.clear();
    }
}

/// The person behind the first token of an application that this one takes tokens of.
pub(crate) async fn find(
    edge: &Edge,
    claims: &ClientClaims,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Result<Caller, Unavailable> {
    for token in claims.tokens.iter().take(MOST_HEADER_TOKENS).filter_map(|value| value.to_str().ok()) {
        let aud = doorward_signer::claimed_aud(token);
        let other = aud.and_then(|aud| catalog.app_by_aud(&aud)).filter(|other| other.id != app.id);
        let Some(other) = other.filter(|other| doorward_policy::links(app, catalog, other.id)) else { continue };
        if let Some(person) = caller::person(edge, token, other, arrival, catalog).await? {
            return Ok(Caller::Linked(person));
        }
    }
    Ok(Caller::Nobody)
}

/// The same person with a token for the application that they may enter.
pub(crate) fn counterpart(
    edge: &Edge,
    person: &Arc<Person>,
    permit: &Permit,
    visit: &Visit,
    catalog: &Catalog,
) -> Arc<Person> {
    let (app, now) = (permit.app(), visit.arrival.now);
    let key = (person.token.clone(), app.id, catalog.generation());
    if let Some(made) = edge.counterparts.0.get(&key).filter(|made| made.is_current(edge, app, now)) {
        return made;
    }
    let left = person.expires.since(now);
    let life = if left < permit.session_duration() { left } else { permit.session_duration() };
    let bearings = &person.bearings;
    let iat = edge.store.revocations().earliest_iat(bearings.session.as_ref(), bearings.user.as_ref(), &app.aud, now);
    let session = Session {
        nonce: bearings.session.clone().expect("a person's token names their sign-in"),
        identity: person.identity.clone(),
        created_at: Timestamp::from_secs(bearings.iat),
        expires_at: person.expires,
    };
    let minted = edge.signer.load().mint_app(&session, app, catalog, iat, life.max(Lifetime::from_secs(1)));
    tracing::info!(
        ray.id = %visit.arrival.ray, app.name = app.name, user.email = %person.identity.email,
        client.ip = %visit.arrival.client_ip, policy = permit.policy(), rule = permit.rule(),
        "admitted somebody whom another application vouches for"
    );
    let made = Arc::new(Person::new(app, session.identity, minted.bearings, minted.expires, &minted.token));
    edge.counterparts.0.insert(key, Arc::clone(&made));
    made
}
