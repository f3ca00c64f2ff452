//! The return from a provider: is this the browser that left, who is it now,
//! and may they enter what they came for.

use std::sync::Arc;

use axum::response::Response;
use doorward_model::app::{App, AppKind};
use doorward_model::id::{Aud, IdentityNonce, IdpId, UserId};
use doorward_model::identity::{Identity, IdpRef};
use doorward_model::idp::IdentityProvider;
use doorward_model::login::{AtProvider, Handoff, LOGIN_LIFETIME};
use doorward_model::session::{Bearings, Session};
use doorward_model::site;
use doorward_model::time::Timestamp;
use doorward_policy::{RefusalKind, decide};
use doorward_signer::claims;

use crate::begin::STATE;
use crate::cookie;
use crate::metrics::Outcome;
use crate::provider::{Answer, ClaimProblem, Person, ProviderError};
use crate::respond::{Stop, Trouble, redirect};
use crate::visit::Visit;

/// How long after a revocation its person cannot sign in (Access docs, "session
/// management"): whoever took the account over has time to be locked out elsewhere.
const LOCKED_OUT: i64 = 60;

/// Longer words of a provider are cut: they are a stranger's.
const LONGEST_WORDS: usize = 300;

/// `GET /cdn-cgi/access/callback`, the one redirect URI of all providers.
pub(crate) async fn callback(visit: Visit) -> Response {
    match visit.callback().await {
        Ok(answer) => answer,
        Err(stop) => stop.respond(&visit),
    }
}

impl Visit {
    async fn callback(&self) -> Result<Response, Stop> {
        let attempt = self.returned().ok_or(Trouble::InvalidSession)?;
        let back = site::app_url(&attempt.target.origin, &attempt.target.return_to);
        cookie::forget_attempt(&self.cookies, &attempt, self.catalog.team());
        if !self.login.store.use_attempt(&attempt.attempt, attempt.expires_at).await? {
            return Err(Trouble::UsedLogin.back_to(back));
        }
        // The configuration may have changed while the person was away.
        let app = self.catalog.entered(attempt.target.app).cloned().ok_or(Trouble::UnknownApp)?;
        let idp = self.catalog.idp(attempt.idp).filter(|idp| app.allows_idp(idp.id)).cloned();
        let idp = idp.ok_or_else(|| Trouble::UsedLogin.back_to(&back))?;
        let answer = self.answer().map_err(|trouble| self.failed(&idp, "it said so", trouble, &back))?;
        let callback = self.catalog.team().callback();
        let person = self.login.providers.person(&idp, &attempt, answer, &callback).await;
        let person = person.map_err(|error| self.failed(&idp, &error.to_string(), trouble(&error), &back))?;
        match attempt.approval {
            Some(_) => self.arrive_to_decide(&app, &idp, attempt, person).await,
            None => self.arrive(&app, &idp, attempt, person).await,
        }
    }

    /// The sign-in that this browser left for: sealed by us, in time, and
    /// begun by this very browser (I-01, I-02).
    fn returned(&self) -> Option<AtProvider> {
        if !cookie::is_named(&self.headers) {
            return None;
        }
        let sealed = self.login.store.sealer().open(STATE, &self.parameter("state")?)?;
        let attempt: AtProvider = serde_json::from_slice(&sealed).ok()?;
        let secrets = cookie::attempt_secrets(&self.headers, &attempt, self.catalog.team());
        secrets.iter().find_map(|browser| attempt.clone().returned(browser, self.arrival.now))
    }

    /// What the provider sent with the browser, or what it said instead (I-10).
    fn answer(&self) -> Result<Answer, Trouble> {
        if let Some(error) = self.parameter("error") {
            let said = self.parameter("error_description").unwrap_or(error);
            return Err(Trouble::ProviderSaid(said.chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect()));
        }
        let code = self.parameter("code").filter(|code| !code.is_empty()).ok_or(Trouble::ProviderFailed)?;
        Ok(Answer { code, iss: self.parameter("iss") })
    }

    fn failed(&self, idp: &IdentityProvider, why: &str, trouble: Trouble, back: &str) -> Stop {
        tracing::warn!(idp.name = idp.name, why, ray.id = %self.arrival.ray, "a sign-in failed at the provider");
        self.login.metrics.count(&idp.name, Outcome::Failed);
        trouble.back_to(back)
    }

    /// Somebody is proven: opens a session if the policies let them in. If they
    /// do not, it is only known who was here.
    async fn arrive(
        &self,
        app: &Arc<App>,
        idp: &IdentityProvider,
        attempt: AtProvider,
        person: Person,
    ) -> Result<Response, Stop> {
        let now = self.arrival.now;
        let user = self.user(app, &attempt, &person).await?;
        let certificate = attempt.target.certificate.as_deref();
        let identity = self.evaluated(app, self.identity(user, idp, person), certificate).await;
        let facts = self.facts(Some(&identity), certificate);
        let asks = match decide(app, &self.catalog, &facts) {
            Ok(permit) => {
                self.log_permit("signed in", &identity, &permit);
                // Nothing is handed over to the launcher: this is the entry.
                if app.kind == AppKind::AppLauncher {
                    self.record_launched(&identity, &permit).await;
                }
                None
            }
            Err(refusal) if refusal.kind == RefusalKind::NeedsPurpose => Some(refusal.asks),
            Err(refusal) => {
                self.log_refusal("denied", app, &facts, &refusal);
                self.record_refusal(app, &identity, &refusal).await;
                self.see(&identity).await;
                self.login.metrics.count(&idp.name, Outcome::Denied);
                return Ok(self.denied(app, &attempt.target, identity.email.as_str()));
            }
        };
        self.login.metrics.count(&idp.name, Outcome::Permitted);
        let session = self.open_session(identity).await?;
        match asks {
            Some(policy) => Ok(self.ask_what_for(app, &session, attempt.target, policy, false)),
            None => self.hand_over(Handoff::begun(attempt.target, session.nonce, now), false).await,
        }
    }

    /// Somebody is proven who came to decide about another's request. Nothing
    /// is kept of them unless they may.
    async fn arrive_to_decide(
        &self,
        app: &Arc<App>,
        idp: &IdentityProvider,
        attempt: AtProvider,
        person: Person,
    ) -> Result<Response, Stop> {
        if let Some(refused) = self.refuse_as_approver(&attempt, &person.email).await? {
            self.login.metrics.count(&idp.name, Outcome::Denied);
            return Ok(refused);
        }
        let user = self.user(app, &attempt, &person).await?;
        self.login.metrics.count(&idp.name, Outcome::Permitted);
        self.open_session(self.identity(user, idp, person)).await?;
        Ok(redirect(&site::app_url(&attempt.target.origin, &attempt.target.return_to)))
    }

    /// Who somebody is to us, unless everything of theirs was just revoked.
    async fn user(&self, app: &App, attempt: &AtProvider, person: &Person) -> Result<UserId, Stop> {
        let candidate = UserId::derived(&self.catalog.team().account, person.email.as_str());
        let user = self.login.store.user(&person.email, candidate, self.arrival.now).await?;
        self.refuse_if_revoked_meanwhile(app, user, attempt)?;
        self.refuse_if_just_revoked(app, user)?;
        Ok(user)
    }

    /// A revocation ends a sign-in that was under way when it came (G-10).
    /// One that began in the same second may as well have begun after it.
    fn refuse_if_revoked_meanwhile(&self, app: &App, user: UserId, attempt: &AtProvider) -> Result<(), Stop> {
        let begun = attempt.expires_at.minus(LOGIN_LIFETIME).secs();
        let bearings = Bearings { session: None, user: Some(user), app: None, iat: begun + 1 };
        if self.is_revoked(&bearings)? {
            tracing::info!(
                ray.id = %self.arrival.ray, app.name = app.name, user.id = %user, client.ip = %self.arrival.client_ip,
                "denied: revoked during the sign-in"
            );
            return Err(Trouble::UsedLogin.back_to(site::app_url(&attempt.target.origin, &attempt.target.return_to)));
        }
        Ok(())
    }

    fn refuse_if_just_revoked(&self, app: &App, user: UserId) -> Result<(), Stop> {
        let bearings = Bearings { session: None, user: Some(user), app: None, iat: 0 };
        let revoked = self.login.store.revocations().not_before(&bearings);
        if revoked.is_some_and(|second| self.arrival.now.secs() < second.saturating_add(LOCKED_OUT)) {
            tracing::info!(
                ray.id = %self.arrival.ray, app.name = app.name, user.id = %user, client.ip = %self.arrival.client_ip,
                "denied: revoked less than a minute ago"
            );
            return Err(Trouble::JustRevoked.into());
        }
        Ok(())
    }

    fn identity(&self, user_uuid: UserId, idp: &IdentityProvider, person: Person) -> Identity {
        // People of the emulator sign in from where it was said that they do.
        let is_built_in = self.login.emulator && idp.id == IdpId::built_in(&self.catalog.team().account);
        let country = person.country.filter(|_| is_built_in).or_else(|| self.arrival.country.clone());
        Identity {
            user_uuid,
            id: person.subject,
            email: person.email,
            name: person.name,
            groups: person.groups,
            amr: person.amr,
            idp: IdpRef { id: idp.id, kind: idp.type_name().to_owned() },
            ip: self.arrival.client_ip,
            country,
            oidc_fields: person.oidc_fields,
            saml_attributes: serde_json::Map::new(),
            evaluations: Vec::new(),
            iat: self.arrival.now.secs(),
        }
    }

    /// Keeps who was here and refused. Their page does not wait for a store that is away.
    async fn see(&self, identity: &Identity) {
        if let Err(error) = self.login.store.record_refused(identity, self.arrival.now).await {
            tracing::error!(ray.id = %self.arrival.ray, %error, "who was refused could not be kept");
        }
    }

    /// Opens the organisation session and gives its token to the browser, which
    /// has another name from here on.
    async fn open_session(&self, identity: Identity) -> Result<Session, Stop> {
        let (now, team, store) = (self.arrival.now, self.catalog.team(), &self.login.store);
        let nonce = IdentityNonce::random();
        let aud = Aud::of_team(&team.account);
        // After a revocation in this very second, the first moment that it does not cover.
        let iat = store.revocations().earliest_iat(Some(&nonce), Some(&identity.user_uuid), &aud, now);
        let created_at = now.max(Timestamp::from_secs(iat));
        let lifetime = team.session_duration.min(doorward_signer::MAX_LIFETIME);
        let session = Session { nonce, identity, created_at, expires_at: created_at.plus(lifetime) };
        store.record_identity(&session.identity, now).await?;
        store.open_session(&session).await?;
        let exp = session.expires_at.secs();
        let claims = claims::org(&session.identity, &session.nonce, &aud, team.issuer(), iat, exp);
        cookie::give_org_token(&self.cookies, self.login.signer.load().sign(&claims), now, session.expires_at);
        cookie::rename_browser(&self.cookies, now);
        cookie::name_device(&self.cookies, &self.headers, now);
        Ok(session)
    }
}

/// What a person is told about what went wrong with a provider.
pub(crate) fn trouble(error: &ProviderError) -> Trouble {
    match error {
        ProviderError::Unreachable(_) => Trouble::ProviderUnreachable,
        ProviderError::Refused(_) | ProviderError::Untrusted(_) => Trouble::ProviderFailed,
        ProviderError::UserInfo(_) => Trouble::UserInfoFailed,
        ProviderError::Claims(problem) => Trouble::Nobody(
            match problem {
                ClaimProblem::NoSubject => "It gave no identifier for your account.",
                ClaimProblem::NoEmail => "It gave no e-mail address for your account.",
                ClaimProblem::MalformedEmail => "The e-mail address of your account is malformed.",
                ClaimProblem::UnverifiedEmail => {
                    "The e-mail address of your account is not verified. Verify it with the provider, then try again."
                }
            }
            .to_owned(),
        ),
    }
}
