//! Machines: service tokens in their two headers, or the token they were given
//! for them, and client certificates. A service token that does not hold is
//! refused at once, never redirected (Access docs, "strict service token
//! authentication").

pub(crate) mod single;

use std::sync::Arc;

use doorward_model::access_request::{AccessRequest, Action, Detail};
use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::certificate::ClientCertificate;
use doorward_model::id::{AppId, ServiceTokenId};
use doorward_model::secret::{Secret, SecretDigest};
use doorward_model::service_token::{self, ClientId, ServiceToken};
use doorward_model::time::{Lifetime, Timestamp};
use doorward_policy::Permit;
use doorward_signer::claims::{self, AudShape};
use doorward_signer::mint;
use http::HeaderValue;

use crate::arrive::Visit;
use crate::assertion::{Assertion, Given};
use crate::caller::Caller;
use crate::headers::ClientClaims;
use crate::{Edge, respond};

/// A machine whose credential holds.
pub(crate) struct Machine {
    pub(crate) token: Arc<ServiceToken>,
    proof: Proof,
}

/// By what it proved itself.
enum Proof {
    Secret(SecretDigest),
    /// The token that it was given for its credential before.
    Assertion(HeaderValue),
}

impl Machine {
    /// Whether it could still prove itself as it did.
    pub(crate) fn is_known(&self, catalog: &Catalog, now: Timestamp) -> bool {
        catalog.service_token(&self.token.client_id).is_some_and(|known| self.proves(known, now))
    }

    /// Whether its credential has not come to its end.
    pub(crate) fn is_in_time(&self, now: Timestamp) -> bool {
        self.proves(&self.token, now)
    }

    fn proves(&self, token: &ServiceToken, now: Timestamp) -> bool {
        match self.proof {
            Proof::Secret(secret) => token.accepts_digest(secret, now),
            Proof::Assertion(_) => token.in_force(now),
        }
    }
}

/// What a request says in place of a person's token.
pub(crate) enum Presented {
    Absent,
    Holds(Machine),
    /// Unknown, wrong, expired, disabled, or not to be read.
    DoesNotHold,
}

/// The machine behind the two headers, or behind the application's own one.
pub(crate) fn presented(claims: &ClientClaims, catalog: &Catalog, now: Timestamp) -> Presented {
    if !claims.sends_service_token() {
        return Presented::Absent;
    }
    let machine = sent(claims).and_then(|(id, secret)| authenticated(id, &secret, catalog, now));
    machine.map_or(Presented::DoesNotHold, Presented::Holds)
}

/// The one pair of a client id and a secret; two of either are none (M-02).
fn sent(claims: &ClientClaims) -> Option<(String, Secret)> {
    match (claims.client_ids.as_slice(), claims.client_secrets.as_slice(), &claims.single) {
        ([id], [secret], None) => Some((id.to_str().ok()?.to_owned(), Secret::new(secret.to_str().ok()?.to_owned()))),
        ([], [], Some(Ok(pair))) => Some((pair.id.clone(), pair.secret.clone())),
        _ => None,
    }
}

fn authenticated(id: String, secret: &Secret, catalog: &Catalog, now: Timestamp) -> Option<Machine> {
    let secret = secret.digest();
    let known = ClientId::try_from(id).ok().and_then(|id| catalog.service_token(&id));
    // The same work for an unknown id, so that time does not tell them apart (M-05).
    let holds = known.map_or_else(|| service_token::accepts_nothing(secret), |token| token.accepts_digest(secret, now));
    known.filter(|_| holds).map(|token| Machine { token: Arc::clone(token), proof: Proof::Secret(secret) })
}

/// The machine a verified service assertion was made for.
pub(crate) fn from_assertion(common_name: &str, token: &str, app: &App, catalog: &Catalog, now: Timestamp) -> Caller {
    let id = ClientId::try_from(common_name.to_owned()).ok();
    let known = id.and_then(|id| catalog.service_token(&id));
    match known {
        // Where every policy asks for service credentials, they are asked for each time.
        Some(known) if known.in_force(now) && app.lets_people_in() => {
            Caller::Machine(Machine { token: Arc::clone(known), proof: Proof::Assertion(respond::header(token)) })
        }
        _ => Caller::Nobody,
    }
}

/// By what a machine is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Credential {
    Token(ServiceTokenId),
    /// By its fingerprint.
    Certificate([u8; 32]),
}

/// For whom, for what, and on which of its hosts.
type MintedKey = (Credential, AppId, Box<str>);

/// Assertions made for machines, so that a signature is made once and not for each request.
pub(crate) struct Minted(quick_cache::sync::Cache<MintedKey, Arc<Made>>);

/// What origins are told about a machine, until it is made anew.
pub(crate) struct Made {
    pub(crate) assertion: HeaderValue,
    pub(crate) expires: Timestamp,
    renew_at: Timestamp,
    life: Lifetime,
    generation: u64,
    revocations: u64,
    signed_by: String,
}

impl Minted {
    pub(crate) fn new() -> Self {
        Self(quick_cache::sync::Cache::new(4096))
    }

    pub(crate) fn forget_all(&self) {
        self.0.clear();
    }
}

/// What the origin is told about a machine that may pass by a service token,
/// and the token that it may come back with instead of that: in legacy mode,
/// where people are let in too (Access docs, "service tokens").
pub(crate) fn assertion(
    edge: &Edge,
    machine: &Machine,
    permit: &Permit,
    visit: &Visit,
    catalog: &Catalog,
) -> (Assertion, Option<Given>) {
    if let Proof::Assertion(presented) = &machine.proof {
        return (Assertion::of_machine(presented.clone()), None);
    }
    let token = &machine.token;
    let known = Known {
        credential: Credential::Token(token.id),
        common_name: token.client_id.as_str(),
        name: &token.name,
        until: None,
    };
    let made = made(edge, &known, permit, visit, catalog);
    let legacy = !catalog.organization().strict_service_token_auth && permit.app().lets_people_in();
    (Assertion::of_machine(made.assertion.clone()), legacy.then(|| Given::of_machine(&made)))
}

/// The same for one that may pass by its client certificate, which it must outlive.
pub(crate) fn certified(
    edge: &Edge,
    certificate: &ClientCertificate,
    permit: &Permit,
    visit: &Visit,
    catalog: &Catalog,
) -> Arc<Made> {
    let known = Known {
        credential: Credential::Certificate(certificate.fingerprint),
        common_name: &certificate.common_name,
        name: &certificate.common_name,
        until: Some(certificate.not_after),
    };
    made(edge, &known, permit, visit, catalog)
}

/// A machine whose credential holds.
struct Known<'a> {
    credential: Credential,
    /// As its token says it.
    common_name: &'a str,
    /// As the log says it.
    name: &'a str,
    /// The end of the credential itself.
    until: Option<Timestamp>,
}

fn made(edge: &Edge, known: &Known<'_>, permit: &Permit, visit: &Visit, catalog: &Catalog) -> Arc<Made> {
    let app = permit.app();
    let now = visit.arrival.now;
    let life = mint::lifetime(permit.session_duration());
    let key = (known.credential, app.id, visit.arrival.host.name().into());
    let ring = edge.signer.load();
    let revocations = edge.store.revocations().version();
    if let Some(made) = edge.minted.0.get(&key) {
        let holds = now < made.renew_at
            && made.life == life
            && made.generation == catalog.generation()
            && made.revocations == revocations
            && made.signed_by == ring.current_kid();
        if holds {
            return made;
        }
    }
    let iat = edge.store.revocations().earliest_iat(None, None, &app.aud, now);
    let end = Timestamp::from_secs(iat).plus(life);
    let expires = known.until.map_or(end, |until| end.min(until));
    let claims = claims::service(
        known.common_name,
        &app.aud,
        catalog.team().issuer(),
        visit.arrival.host.name(),
        iat,
        expires.secs(),
        AudShape::String,
    );
    tracing::info!(
        ray.id = %visit.arrival.ray, app.name = app.name, machine = known.name,
        client.ip = %visit.arrival.client_ip, policy = permit.policy(), rule = permit.rule(), "admitted a machine"
    );
    record(edge, known, permit, visit);
    let half = Lifetime::from_millis(expires.since(now).millis() / 2);
    let made = Arc::new(Made {
        assertion: respond::header(&ring.sign(&claims)),
        expires,
        renew_at: now.plus(half),
        life,
        generation: catalog.generation(),
        revocations,
        signed_by: ring.current_kid().to_owned(),
    });
    edge.minted.0.insert(key, Arc::clone(&made));
    made
}

/// A line of the authentication log, written while the request goes on: once
/// for each assertion that is made, not for each request that carries it.
fn record(edge: &Edge, known: &Known<'_>, permit: &Permit, visit: &Visit) {
    let arrival = &visit.arrival;
    let request = AccessRequest {
        at: arrival.now,
        action: Action::Login,
        allowed: true,
        user_email: String::new(),
        user_id: None,
        ip_address: arrival.client_ip,
        country: arrival.country.clone(),
        app_uid: Some(permit.app().id),
        app_domain: permit.app().domain(),
        connection: known.name.to_owned(),
        idp_id: None,
        ray_id: arrival.ray.as_str().to_owned(),
        non_identity: true,
        detail: Detail { policy: permit.policy().to_owned(), rule: permit.rule().to_owned(), ..Detail::default() },
    };
    let store = edge.store.clone();
    edge.control.spawn(async move {
        if let Err(error) = store.log_access(&request).await {
            tracing::error!(ray.id = request.ray_id, %error, "a line of the authentication log could not be written");
        }
    });
}
