//! Who is calling: a person with a token, a machine with a service token, or
//! nobody. A verified token is remembered whole, so that the next request with
//! it costs a look-up instead of a signature.

mod remembered;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use doorward_model::app::{App, Refresh};
use doorward_model::arrival::Arrival;
use doorward_model::catalog::Catalog;
use doorward_model::cookie::BINDING;
use doorward_model::email::Email;
use doorward_model::id::{AppId, IdentityNonce};
use doorward_model::identity::Identity;
use doorward_model::purpose::Entry;
use doorward_model::session::{Bearings, Session};
use doorward_model::time::{Lifetime, Timestamp};
use doorward_policy::{Facts, Permit};
use doorward_signer::{Rejection, Subject};
use doorward_store::StoreError;
use http::header::{HeaderMap, HeaderValue};

use crate::headers::ClientClaims;
use crate::machine::{self, Machine, Presented};
use crate::{Edge, cookies, last_seen, linked, renewal, respond};

pub(crate) use self::remembered::Remembered;

/// Tokens looked at that come in headers; one is usual.
pub(crate) const MOST_HEADER_TOKENS: usize = 10;

/// Who a request comes from, before any policy has been asked.
pub(crate) enum Caller {
    Nobody,
    /// `renewed` when the token replaces the one that was sent.
    Person {
        person: Arc<Person>,
        renewed: bool,
    },
    Machine(Machine),
    /// Somebody whose token is another application's.
    Linked(Arc<Person>),
    /// A service token was presented that does not hold. Strict mode: never a redirect.
    BadServiceToken,
    /// Two valid tokens of two people: somebody planted one (G-02).
    Conflict,
    /// It cannot be said now: the store is away, or revocations are out of date.
    Unavailable,
}

impl Caller {
    /// What the policies are told about a request of theirs.
    pub(crate) fn facts<'a>(&'a self, arrival: &'a Arrival) -> Facts<'a> {
        let certificate = arrival.certificate.valid().map(|certificate| certificate.common_name.as_str());
        let known = Facts { certificate, country: arrival.country.as_deref(), ..Facts::of_nobody(arrival.client_ip) };
        match self {
            Self::Nobody => known,
            Self::Person { person, .. } => {
                Facts { identity: Some(&person.identity), entry: person.entry.as_ref(), ..known }
            }
            Self::Machine(machine) => Facts { service_token: Some(machine.token.id), ..known },
            Self::Linked(person) => Facts { linked_app: Some(person.app), ..known },
            // What was presented beside a credential that does not hold makes up for nothing.
            Self::BadServiceToken | Self::Conflict | Self::Unavailable => Facts { certificate: None, ..known },
        }
    }

    /// Who it is, for the log: an e-mail address, or the name of a service token.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Person { person, .. } | Self::Linked(person) => Some(person.identity.email.as_str()),
            Self::Machine(machine) => Some(machine.token.name.as_str()),
            _ => None,
        }
    }
}

/// The store could not be asked.
#[derive(Debug)]
pub(crate) struct Unavailable;

/// A person whose token was verified, with everything a request needs made ready.
pub(crate) struct Person {
    pub(crate) app: AppId,
    pub(crate) identity: Identity,
    /// What was given for the entry that the token is for.
    entry: Option<Entry>,
    pub(crate) bearings: Bearings,
    pub(crate) expires: Timestamp,
    /// What it is remembered by; the assertion is the same piece of memory.
    pub(crate) token: Bytes,
    pub(crate) assertion: HeaderValue,
    pub(crate) email: HeaderValue,
    last_verdict: Mutex<Option<Arc<Verdict>>>,
}

/// A permit and everything that decided it: when any of that changes, it is asked for again.
struct Verdict {
    generation: u64,
    revocations: u64,
    client_ip: std::net::IpAddr,
    country: Option<String>,
    certificate: Option<[u8; 32]>,
    permit: Permit,
}

impl Person {
    pub(crate) fn new(app: &App, identity: Identity, bearings: Bearings, expires: Timestamp, token: &str) -> Self {
        let token = Bytes::copy_from_slice(token.as_bytes());
        Self {
            app: app.id,
            email: respond::header(identity.email.as_str()),
            assertion: HeaderValue::from_maybe_shared(token.clone()).unwrap_or_else(|_| HeaderValue::from_static("")),
            token,
            entry: None,
            identity,
            bearings,
            expires,
            last_verdict: Mutex::new(None),
        }
    }

    /// The same, who gave this to enter.
    fn having_given(self, entry: Option<Entry>) -> Self {
        let holds = |entry: &Entry| {
            let session = self.bearings.session.as_ref();
            session.is_some_and(|session| entry.session == *session) && entry.app == self.app
        };
        Self { entry: entry.filter(holds), ..self }
    }

    fn email(&self) -> &Email {
        &self.identity.email
    }

    /// Whether the token still holds for this application: in time, for its
    /// audience, not revoked.
    pub(crate) fn is_current(&self, edge: &Edge, app: &App, now: Timestamp) -> bool {
        self.app == app.id
            && self.is_for(app)
            && now < self.expires
            && !edge.store.revocations().is_revoked(&self.bearings)
    }

    /// Whether the token names this application as its audience.
    fn is_for(&self, app: &App) -> bool {
        self.bearings.app.as_ref() == Some(&app.aud)
    }

    /// Whether the key that signed the token is one of those in force still.
    pub(crate) fn has_its_key(&self, edge: &Edge) -> bool {
        std::str::from_utf8(&self.token).is_ok_and(|token| edge.signer.load().still_accepts(token))
    }

    /// The permit given before under exactly these circumstances.
    pub(crate) fn permit(&self, edge: &Edge, catalog: &Catalog, arrival: &Arrival) -> Option<Permit> {
        let verdict = self.last_verdict.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = verdict.as_ref()?;
        let holds = verdict.generation == catalog.generation()
            && verdict.revocations == edge.store.revocations().version()
            && verdict.client_ip == arrival.client_ip
            && verdict.country == arrival.country
            && verdict.certificate == fingerprint(arrival);
        holds.then(|| verdict.permit.clone())
    }

    pub(crate) fn remember(
        &self,
        permit: &Permit,
        edge: &Edge,
        catalog: &Catalog,
        arrival: &Arrival,
        revocations: u64,
    ) {
        debug_assert!(revocations <= edge.store.revocations().version(), "versions only grow");
        let verdict = Verdict {
            generation: catalog.generation(),
            revocations,
            client_ip: arrival.client_ip,
            country: arrival.country.clone(),
            certificate: fingerprint(arrival),
            permit: permit.clone(),
        };
        *self.last_verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(verdict));
    }

    /// Close enough to its end to be renewed on the way: its last tenth, five minutes at most.
    fn ends_soon(&self, now: Timestamp) -> bool {
        let life = self.expires.since(Timestamp::from_secs(self.bearings.iat));
        let soon = Lifetime::from_millis((life.millis() / 10).min(Lifetime::from_secs(300).millis()));
        self.expires.minus(soon) <= now
    }
}

fn fingerprint(arrival: &Arrival) -> Option<[u8; 32]> {
    arrival.certificate.valid().map(|certificate| certificate.fingerprint)
}

/// Finds the caller among everything the request presents.
pub(crate) async fn find(
    edge: &Edge,
    claims: &ClientClaims,
    headers: &HeaderMap,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Caller {
    match machine::presented(claims, catalog, arrival.now) {
        Presented::Holds(machine) => {
            last_seen::note(edge, machine.token.id, arrival.now);
            return Caller::Machine(machine);
        }
        Presented::DoesNotHold if catalog.organization().strict_service_token_auth => return Caller::BadServiceToken,
        // In legacy mode it counts for nothing, as if it had not been sent.
        Presented::DoesNotHold | Presented::Absent => {}
    }
    let mut candidates: Vec<(&str, Carrier)> = Vec::new();
    candidates.extend(
        claims
            .tokens
            .iter()
            .take(MOST_HEADER_TOKENS)
            .filter_map(|value| value.to_str().ok())
            .map(|token| (token, Carrier::Header)),
    );
    candidates.extend(cookies::tokens(headers).map(|token| (token, Carrier::Cookie)));
    if candidates.is_empty() {
        return Caller::Nobody;
    }
    if !edge.store.revocations().is_fresh() {
        return Caller::Unavailable;
    }
    let bindings: Vec<&str> = cookies::values(headers, BINDING).collect();
    let mut found = (Caller::Nobody, true);
    for (token, carrier) in candidates {
        let bound = is_bound(edge, token, &bindings, app);
        let renewable = bound && carrier == Carrier::Cookie && app.refresh == Refresh::Edge;
        let caller = match from_token(edge, token, renewable, app, arrival, catalog).await {
            Ok(caller) => caller,
            Err(Unavailable) => return Caller::Unavailable,
        };
        found = match (found, caller) {
            (found, Caller::Nobody) => found,
            ((Caller::Person { person: a, .. }, _), Caller::Person { person: b, .. }) if a.email() != b.email() => {
                return Caller::Conflict;
            }
            ((Caller::Nobody, _) | (_, false), caller) => (caller, bound),
            (found, _) => found,
        };
    }
    match found {
        // Taken from the browser that it was given to (G-09).
        (Caller::Person { .. } | Caller::Machine(_), false) => Caller::Nobody,
        (Caller::Nobody, _) => linked::find(edge, claims, app, arrival, catalog).await.unwrap_or(Caller::Unavailable),
        (caller, _) => caller,
    }
}

/// The person whom a token of this application proves, and no renewal.
pub(crate) async fn person(
    edge: &Edge,
    token: &str,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Result<Option<Arc<Person>>, Unavailable> {
    if let Some(person) = edge.remembered.of(token).filter(|person| person.is_current(edge, app, arrival.now)) {
        return Ok(Some(person));
    }
    match verified(edge, token, app, arrival, catalog).await? {
        Proof::Of(Caller::Person { person, .. }) => Ok(Some(person)),
        Proof::Of(_) | Proof::Ended => Ok(None),
    }
}

/// Whether the token came with what ties it to its browser, where the
/// application asks for that. However it is sent: a header must not be the way round it.
fn is_bound(edge: &Edge, token: &str, bindings: &[&str], app: &App) -> bool {
    !app.enable_binding_cookie || bindings.iter().any(|binding| edge.store.sealer().binds(binding, token))
}

/// How a token came to us. Only what a cookie carries can be renewed: nobody
/// reads `Set-Cookie` who sent a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Cookie,
    Header,
}

async fn from_token(
    edge: &Edge,
    token: &str,
    renewable: bool,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Result<Caller, Unavailable> {
    let known = match edge.remembered.of(token) {
        Some(person) if person.is_current(edge, app, arrival.now) => {
            Proof::Of(Caller::Person { person, renewed: false })
        }
        // It was verified, and is made for another application: here it proves nothing.
        Some(person) if !person.is_for(app) => Proof::Of(Caller::Nobody),
        _ => verified(edge, token, app, arrival, catalog).await?,
    };
    let renewal = match &known {
        Proof::Of(Caller::Person { person, .. }) if renewable && person.ends_soon(arrival.now) => {
            renewal::ahead_of_time(edge, token, app, arrival, catalog).await
        }
        Proof::Ended if renewable => renewal::renewed(edge, token, app, arrival, catalog).await?,
        _ => None,
    };
    Ok(match (renewal, known) {
        (Some(person), _) => Caller::Person { person, renewed: true },
        (None, Proof::Of(caller)) => caller,
        (None, Proof::Ended) => Caller::Nobody,
    })
}

/// What a token proves.
enum Proof {
    Of(Caller),
    /// Nothing any more: its time is over. Whether it ever did is not known yet.
    Ended,
}

/// Whoever the token itself proves, kept for its next use.
async fn verified(
    edge: &Edge,
    token: &str,
    app: &Arc<App>,
    arrival: &Arrival,
    catalog: &Catalog,
) -> Result<Proof, Unavailable> {
    let ring = edge.signer.keyring();
    let verified = match ring.verify_app(token, &edge.issuers, &app.aud, arrival.now, Lifetime::ZERO) {
        Ok(verified) => verified,
        Err(Rejection::Expired) => return Ok(Proof::Ended),
        Err(Rejection::NotYetValid) if edge.skew.goes_in_circles(edge, token, app, arrival) => return Err(Unavailable),
        Err(_) => return Ok(Proof::Of(Caller::Nobody)),
    };
    if edge.store.revocations().is_revoked(&verified.bearings()) {
        return Ok(Proof::Of(Caller::Nobody));
    }
    let nonce = match &verified.subject {
        Subject::Service { common_name } => {
            return Ok(Proof::Of(machine::from_assertion(common_name, token, app, catalog, arrival.now)));
        }
        Subject::User { nonce, .. } => nonce.clone(),
    };
    let Some((session, entry)) = behind(edge, nonce, token, app).await? else { return Ok(Proof::Of(Caller::Nobody)) };
    let expires = Timestamp::from_secs(verified.exp);
    let person = Person::new(app, session.identity, verified.bearings(), expires, token).having_given(entry);
    let person = Arc::new(person);
    edge.remembered.keep(&person);
    // While the store was asked, the session may have been revoked, and the key dropped.
    if !person.is_current(edge, app, arrival.now) || !person.has_its_key(edge) {
        edge.remembered.forget(token);
        return Ok(Proof::Of(Caller::Nobody));
    }
    Ok(Proof::Of(Caller::Person { person, renewed: false }))
}

/// The sign-in that a token stands on, and what was given for its entry where
/// the application asks for something.
async fn behind(
    edge: &Edge,
    nonce: IdentityNonce,
    token: &str,
    app: &App,
) -> Result<Option<(Session, Option<Entry>)>, Unavailable> {
    let (store, token) = (edge.store.clone(), app.asks_purpose().then(|| token.to_owned()));
    let look = async move {
        let Some(session) = store.session(&nonce).await? else { return Ok::<_, StoreError>(None) };
        let entry = match token {
            Some(token) => store.entry(&token).await?,
            None => None,
        };
        Ok(Some((session, entry)))
    };
    edge.off_path(look).await.map_err(|_| Unavailable)
}
