//! The hand-over between the two domains: the team domain leaves a finished
//! sign-in under a one-use name, the application's host collects it and gives
//! the browser the application's token. The token itself is never in a URL (H-07).

use std::str::FromStr;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::app::App;
use doorward_model::cookie::{APP_SESSION, app_cookie, binding_cookie};
use doorward_model::login::Handoff;
use doorward_model::path::NormPath;
use doorward_model::purpose::{Entry, Purpose};
use doorward_model::secret::{Secret, SecretDigest};
use doorward_model::session::Session;
use doorward_model::site;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_policy::{Facts, Permit, RefusalKind, decide};
use http::header::{HeaderValue, SET_COOKIE};
use serde_json::json;

use crate::begin::Covers;
use crate::cookie;
use crate::respond::{Stop, Trouble, redirect};
use crate::visit::Visit;

/// No token lives shorter: it has to outlive the redirect that carries it.
const SHORTEST_ENTRY: Lifetime = Lifetime::from_secs(10);

/// `GET /cdn-cgi/access/authorized?nonce&state` on an application's host.
pub(crate) async fn authorized(visit: Visit) -> Response {
    match visit.authorized().await {
        Ok(answer) => answer,
        Err(stop) => stop.respond(&visit),
    }
}

impl Visit {
    /// Leaves the sign-in for the application's host and sends the browser there.
    pub(crate) async fn hand_over(&self, handoff: Handoff, is_sso: bool) -> Result<Response, Stop> {
        let target = &handoff.target;
        // The launcher is on this very host, and asks the organisation session.
        if self.catalog.launcher().is_some_and(|launcher| launcher.id == target.app) {
            return Ok(redirect(&site::app_url(&target.origin, &target.return_to)));
        }
        let state = json!({
            "hostname": target.origin.split_once("://").map_or("", |(_, host)| host),
            "authDomain": self.catalog.team().domain,
            "redirectURL": target.return_to,
            "isSSO": is_sso,
        });
        let state = URL_SAFE_NO_PAD.encode(state.to_string());
        let key = self.login.store.leave_handoff(&handoff).await?;
        let authorized = format!("{}{}authorized", target.origin, site::ACCESS_PREFIX);
        Ok(redirect(&format!("{authorized}?nonce={}&state={state}", key.expose())))
    }

    async fn authorized(&self) -> Result<Response, Stop> {
        if let (None, Some(chain)) = (self.parameter("nonce"), self.chain()) {
            return Ok(self.step(&chain));
        }
        let invalid = || Trouble::UsedLogin.back_to("/");
        let key = self.parameter("nonce").filter(|nonce| !nonce.is_empty()).map(Secret::new).ok_or_else(invalid)?;
        let handoff = self.login.store.collect_handoff(&key, self.arrival.now).await?.ok_or_else(invalid)?;
        let (target, chain, justification) = (handoff.target, handoff.chain, handoff.justification);
        let app = self.catalog.app(target.app).cloned().ok_or_else(invalid)?;
        let here =
            target.origin == self.arrival.origin() && self.catalog.is_of(&app, &self.arrival.host, &target.return_to);
        if !here {
            return Err(invalid());
        }
        let location = site::app_url(&target.origin, &target.return_to);
        let place = NormPath::from_str(target.return_to.as_str().split('?').next().unwrap_or("/"));
        let path = place.map_or("/", |place| app.cookie_path(&self.arrival.host, &place)).to_owned();
        match &target.app_session {
            // Nothing says which browser on this host began; the edge asks again, and then it does.
            None => return Ok(redirect(&location)),
            Some(digest) if self.began(digest) => {}
            Some(_) => return Err(invalid()),
        }
        let session = self.live_session(&handoff.session).await?.ok_or_else(invalid)?;
        let identity = &session.identity;
        let certificate = self.arrival.certificate.valid().map(|certificate| certificate.common_name.as_str());
        // What was approved for less than the life of the shortest token is over.
        let soon = self.arrival.now.plus(SHORTEST_ENTRY);
        let entry = handoff.entry.filter(|entry| entry.holds(&session.nonce, app.id, soon));
        let facts = Facts { entry: entry.as_ref(), ..self.facts(Some(identity), certificate) };
        let permit = match decide(&app, &self.catalog, &facts) {
            Ok(permit) => permit,
            // What is asked now is not what was given: back to the start, which asks.
            Err(refusal) if refusal.kind == RefusalKind::NeedsPurpose => return Ok(redirect(&location)),
            Err(refusal) => {
                self.log_refusal("denied", &app, &facts, &refusal);
                self.record_refusal(&app, identity, &refusal).await;
                return Err(Trouble::Forbidden(app).into());
            }
        };
        let approval = justification.as_ref().and_then(|said| said.approval);
        if let Some(approval) = approval.filter(|_| permit.purpose().is_some_and(Purpose::needs_approval))
            && !self.login.store.use_approval(approval, self.arrival.now).await?
        {
            return Ok(redirect(&location));
        }
        let entry = entry.filter(|_| permit.purpose().is_some());
        let cookies = self.app_cookies(&app, &path, &session, &permit, entry.as_ref()).await?;
        self.log_permit("let in", identity, &permit);
        // At the other hosts it is the same entry.
        if chain.is_none() {
            self.record_entry(&session, &permit, justification).await;
        }
        let chain = chain.map(|chain| chain.after_this()).or_else(|| self.eager(&app, &target, &permit, entry));
        let mut answer = redirect(&chain.map_or(location, |chain| self.onward(&chain)));
        for cookie in cookies {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(answer)
    }

    /// Whether this browser is the one that the edge sent to sign in (H-07).
    fn began(&self, digest: &str) -> bool {
        let expected = SecretDigest::from_hex(digest);
        expected.is_some()
            && cookie::values(&self.headers, APP_SESSION)
                .any(|value| Some(SecretDigest::of(value.as_bytes())) == expected)
    }

    /// The token for the browser, and what ties it to it where the application
    /// asks for that. What was given for the entry is known before the token is.
    async fn app_cookies(
        &self,
        app: &App,
        path: &str,
        session: &Session,
        permit: &Permit,
        entry: Option<&Entry>,
    ) -> Result<Vec<HeaderValue>, Stop> {
        let (now, user) = (self.arrival.now, &session.identity.user_uuid);
        let iat = self.login.store.revocations().earliest_iat(Some(&session.nonce), Some(user), &app.aud, now);
        let ring = self.login.signer.load();
        let minted = ring.mint_app(session, app, &self.catalog, iat, life(permit, entry, iat));
        if let Some(entry) = entry {
            self.login.store.keep_entry(&minted.token, entry, minted.expires).await?;
        }
        let mut cookies = vec![app_cookie(app, path, &minted.token, now, minted.expires)];
        if app.enable_binding_cookie {
            let binding = self.login.store.sealer().binding(&minted.token);
            cookies.push(binding_cookie(path, &binding, now, minted.expires));
        }
        let value = |cookie| HeaderValue::try_from(cookie).expect("a token is base64url and dots, a path is plain");
        Ok(cookies.into_iter().map(value).collect())
    }
}

/// How long a token lives that is issued at `iat`: no longer than what was approved.
fn life(permit: &Permit, entry: Option<&Entry>, iat: i64) -> Lifetime {
    let usual = permit.session_duration();
    let approved = entry.and_then(|entry| entry.approved_until).map(|until| until.since(Timestamp::from_secs(iat)));
    approved.map_or(usual, |approved| approved.min(usual))
}
