//! Tokens without a browser. A person's token stands on a session that is
//! opened for it, so that the edge and `get-identity` take it as they take one
//! from a sign-in. Whether the policies let its holder in is for the edge to
//! say, at each request.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use doorward_model::app::{App, SameSite};
use doorward_model::catalog::Catalog;
use doorward_model::cookie::{AUTHORIZATION, BINDING};
use doorward_model::email::Email;
use doorward_model::host::Host;
use doorward_model::id::{Aud, IdentityNonce, IdpId, UserId};
use doorward_model::identity::{Identity, IdentityGroup, IdpRef};
use doorward_model::purpose::Entry;
use doorward_model::session::Session;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_policy::{Facts, decide};
use doorward_signer::{MAX_LIFETIME, claims};
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::order::{Kind, Order};
use super::app_name::{Named, named};
use super::refusal::Refusal;
use super::storage_state::{Jar, storage_state};
use super::wanted::Wanted;
use crate::people::Person;
use crate::{Emulator, idp, provider_id};

mod order;

/// What will be signed, and where a browser would keep it.
struct Unsigned {
    claims: Map<String, Value>,
    host: String,
    http_only: bool,
    same_site: SameSite,
    path: String,
    binds: bool,
    /// What a browser would have given to enter.
    entry: Option<Entry>,
}

impl Unsigned {
    /// As the application's sign-in leaves it in a browser.
    fn of(app: &App, host: &Host, claims: Map<String, Value>) -> Self {
        Self {
            claims,
            host: host.name().to_owned(),
            http_only: app.http_only_cookie_attribute,
            same_site: app.same_site_cookie_attribute,
            path: app.cookie_paths(host).next().unwrap_or("/").to_owned(),
            binds: app.enable_binding_cookie,
            entry: None,
        }
    }
}

pub(super) async fn mint(
    State(emulator): State<Arc<Emulator>>,
    Wanted(order): Wanted<Order>,
) -> Result<Json<Value>, Refusal> {
    let now = emulator.clock.now();
    let catalog = emulator.catalog.snapshot();
    order.check()?;
    let defect = order.defect.as_deref().map(super::faults::defect).transpose()?;
    let mut unsigned = match order.kind() {
        Kind::App => emulator.app_claims(&order, &catalog, now).await?,
        Kind::Org => emulator.org_claims(&order, &catalog, now).await?,
        Kind::Service => emulator.service_claims(&order, &catalog, now)?,
    };
    order.lay_over(&mut unsigned.claims)?;
    let mut token = emulator.signer.load().sign(&unsigned.claims);
    if let Some(defect) = defect {
        if defect.needs_stranger() {
            emulator.know_stranger().await;
        }
        token = emulator.spoiled(&token, defect).unwrap_or(token);
    }
    if let Some(entry) = &unsigned.entry {
        emulator.store.keep_entry(&token, entry, now.plus(MAX_LIFETIME)).await?;
    }
    let exp = unsigned.claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
    let binding = unsigned.binds.then(|| emulator.store.sealer().binding(&token));
    let jar = Jar {
        host: &unsigned.host,
        http_only: unsigned.http_only,
        same_site: unsigned.same_site,
        path: &unsigned.path,
        binding: binding.as_deref(),
    };
    let bound = binding.as_ref().map(|binding| format!("; {BINDING}={binding}")).unwrap_or_default();
    // A browser lives by the machine's clock, wherever ours was moved to.
    let browser_expires = Clock::system().now().secs().saturating_add(exp.saturating_sub(now.secs()));
    Ok(Json(json!({
        "token": token,
        "cookie": format!("{AUTHORIZATION}={token}{bound}"),
        "storage_state": storage_state(&jar, &token, browser_expires),
        "expires_at": Timestamp::from_secs(exp).to_rfc3339(),
    })))
}

impl Emulator {
    async fn app_claims(&self, order: &Order, catalog: &Catalog, now: Timestamp) -> Result<Unsigned, Refusal> {
        let Named { app, host } = named(order.app()?, catalog)?;
        let host = host.ok_or_else(|| wildcard(order))?;
        let life = life(order, app.session_duration)?;
        let (session, iat) =
            self.opened_session(order.email()?, Some(&app), &app.aud, catalog.team().session_duration, now).await?;
        let custom = claims::custom(&session.identity, catalog.claims_of(session.identity.idp.id));
        let exp = iat.saturating_add(life.secs());
        let issuer = order.issuer(catalog.team());
        let shape = order.aud_shape.map_or(claims::AudShape::Array, Into::into);
        let claims = claims::app(&session.identity, &session.nonce, &app.aud, issuer, iat, exp, shape, &custom);
        let entry = given(&app, catalog, &session, Timestamp::from_secs(exp));
        Ok(Unsigned { entry, ..Unsigned::of(&app, &host, members(&claims)) })
    }

    async fn org_claims(&self, order: &Order, catalog: &Catalog, now: Timestamp) -> Result<Unsigned, Refusal> {
        let team = catalog.team();
        let life = life(order, team.session_duration)?;
        let aud = Aud::of_team(&team.account);
        let (session, iat) = self.opened_session(order.email()?, None, &aud, life, now).await?;
        let exp = iat.saturating_add(life.secs());
        let claims = claims::org(&session.identity, &session.nonce, &aud, order.issuer(team), iat, exp);
        let mut claims = members(&claims);
        if order.aud_shape == Some(order::AudShape::String) {
            claims.insert("aud".into(), json!(aud));
        }
        Ok(Unsigned {
            claims,
            host: team.host.name().to_owned(),
            http_only: true,
            same_site: SameSite::None,
            path: "/".to_owned(),
            binds: false,
            entry: None,
        })
    }

    fn service_claims(&self, order: &Order, catalog: &Catalog, now: Timestamp) -> Result<Unsigned, Refusal> {
        let Named { app, host } = named(order.app()?, catalog)?;
        let host = host.ok_or_else(|| wildcard(order))?;
        let service = order.service(catalog)?;
        let life = life(order, app.session_duration)?;
        let iat = self.store.revocations().earliest_iat(None, None, &app.aud, now);
        let exp = iat.saturating_add(life.secs());
        let shape = order.aud_shape.map_or(claims::AudShape::String, Into::into);
        let issuer = order.issuer(catalog.team());
        let claims = claims::service(service.client_id.as_str(), &app.aud, issuer, host.name(), iat, exp, shape);
        Ok(Unsigned::of(&app, &host, members(&claims)))
    }

    /// A sign-in as the built-in provider would have vouched for it, and the
    /// `iat` of its first token.
    async fn opened_session(
        &self,
        email: &Email,
        app: Option<&App>,
        aud: &Aud,
        life: Lifetime,
        now: Timestamp,
    ) -> Result<(Session, i64), Refusal> {
        let user = self.user_id(email, now).await?;
        let nonce = IdentityNonce::random();
        // After a revocation in this very second, the first moment that it does not cover.
        let iat = self.store.revocations().earliest_iat(Some(&nonce), Some(&user), aud, now);
        let created_at = now.max(Timestamp::from_secs(iat));
        let identity = self.identity(email, user, app, created_at);
        let session = Session { nonce, identity, created_at, expires_at: created_at.plus(life) };
        self.store.record_identity(&session.identity, now).await?;
        self.store.open_session(&session).await?;
        Ok((session, iat))
    }

    fn identity(&self, email: &Email, user: UserId, app: Option<&App>, signed_in: Timestamp) -> Identity {
        let catalog = self.catalog.load();
        let person = self.people.person(email).unwrap_or_else(|| Person::known_by(email.clone()));
        Identity {
            user_uuid: user,
            id: idp::subject(&person, catalog.team()),
            email: email.clone(),
            amr: person.methods(),
            name: person.name,
            groups: person.groups.into_iter().map(IdentityGroup::Name).collect(),
            idp: IdpRef { id: vouching(&catalog, app), kind: "oidc".into() },
            ip: std::net::Ipv4Addr::LOCALHOST.into(),
            country: person.country,
            oidc_fields: person.claims,
            saml_attributes: serde_json::Map::new(),
            evaluations: Vec::new(),
            iat: signed_in.secs(),
        }
    }

    /// The id behind an address, made when nobody has had the address before.
    pub(super) async fn user_id(&self, email: &Email, now: Timestamp) -> Result<UserId, Refusal> {
        let account = self.catalog.load().team().account.clone();
        Ok(self.store.user(email, UserId::derived(&account, email.as_str()), now).await?)
    }
}

/// What the holder would have given on the pages of the sign-in, had there been
/// any: a policy that asks, or wants approval, is not in the way of tests.
fn given(app: &Arc<App>, catalog: &Catalog, session: &Session, until: Timestamp) -> Option<Entry> {
    let identity = &session.identity;
    let facts = Facts { identity: Some(identity), ..Facts::of_nobody(identity.ip) };
    let policy = decide(app, catalog, &facts).err()?.asks?;
    Some(Entry { session: session.nonce.clone(), app: app.id, policy, approved_until: Some(until) })
}

/// What is asked for, within what a verifier takes.
fn life(order: &Order, usual: Lifetime) -> Result<Lifetime, Refusal> {
    let life = order.ttl.unwrap_or(usual);
    if life > MAX_LIFETIME {
        return Err(Refusal::unusable(&format!("ttl: no token lives longer than {MAX_LIFETIME}")));
    }
    Ok(life)
}

/// The provider a minted sign-in is said to come from: the built-in one, or
/// the first that the application allows. The policies take nobody's word from
/// a provider that is not there.
fn vouching(catalog: &Catalog, app: Option<&App>) -> IdpId {
    let built_in = provider_id(catalog.team());
    let mut allowed =
        catalog.idps().map(|idp| idp.id).filter(|id| app.is_none_or(|app| app.allows_idp(*id))).peekable();
    let first = allowed.peek().copied();
    if allowed.any(|id| id == built_in) { built_in } else { first.unwrap_or(built_in) }
}

fn wildcard(order: &Order) -> Refusal {
    let app = order.app.as_deref().unwrap_or_default();
    Refusal::unusable(&format!("\"{app}\" covers many hosts")).hint("name one of them, such as app.example.com")
}

fn members(claims: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("claims are structs of texts, numbers and lists"),
    }
}
