//! Short-lived SSH certificates (Access docs, "short-lived certificates"): a
//! command line brings a public key and the token of an application, and gets
//! the key signed by the application's authority. The certificate lets in as
//! the user whose name stands before the `@` of the person's address.
//!
//! What it opens is no longer asked here, so everything is asked before: the
//! token, revocations, the sign-in behind it, and the policies of today.

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use doorward_model::app::App;
use doorward_model::identity::Identity;
use doorward_model::secret::{random_bytes, random_hex};
use doorward_model::ssh_ca::SshCa;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_policy::Facts;
use doorward_signer::{AppToken, CannotCertify, SshCaKey, Subject, Vouched, claimed_aud};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::respond::{Stop, private_json};
use crate::visit::Visit;

/// How long a certificate lets in: connections outlive it, nothing else does.
const LIFE: Lifetime = Lifetime::from_secs(180);
/// How far a server's clock may be behind ours.
const SKEW: Lifetime = Lifetime::from_secs(60);

#[derive(Deserialize)]
struct Wish {
    public_key: String,
    jwt: String,
    issuer: Option<String>,
}

/// Why there is no certificate: a status, and the words for whoever ran the command.
enum Unsigned {
    Refused(StatusCode, String),
    Stop(Stop),
}

impl From<Stop> for Unsigned {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

fn refused(status: StatusCode, why: &str) -> Unsigned {
    Unsigned::Refused(status, why.to_owned())
}

fn forbidden(why: &str) -> Unsigned {
    refused(StatusCode::FORBIDDEN, why)
}

pub(crate) async fn sign(visit: Visit, body: Bytes) -> Response {
    match visit.certificate(&body).await {
        Ok(made) => private_json(StatusCode::OK, made),
        Err(Unsigned::Refused(status, message)) => {
            tracing::info!(ray.id = %visit.arrival.ray, client.ip = %visit.arrival.client_ip, "no SSH certificate: {message}");
            private_json(status, json!({ "status": status.as_u16(), "message": message }).to_string())
        }
        Err(Unsigned::Stop(stop)) => stop.respond(&visit),
    }
}

impl Visit {
    async fn certificate(&self, body: &[u8]) -> Result<String, Unsigned> {
        let bad = |why| refused(StatusCode::BAD_REQUEST, why);
        let wish: Wish =
            serde_json::from_slice(body).map_err(|_| bad("Bad Request. Send public_key, jwt and issuer"))?;
        if wish.issuer.as_ref().is_some_and(|issuer| !self.login.issuers.contains(issuer)) {
            return Err(bad("Bad Request. This issuer is another team's"));
        }
        let (app, token) = self.token_for_ssh(&wish.jwt)?;
        let identity = self.identity_for_ssh(app, &token, &wish.jwt).await?;
        let ca = self.catalog.ssh_ca(app.id);
        // In the words of the real service.
        let ca = ca.ok_or_else(|| bad("Bad Request. Please create a ca for application"))?;
        self.certified(&wish.public_key, app, ca, &identity, Timestamp::from_secs(token.exp))
    }

    /// The token, if it is one of an application's that holds without more.
    fn token_for_ssh(&self, jwt: &str) -> Result<(&Arc<App>, AppToken), Unsigned> {
        let nobody = || forbidden("The token does not hold. Sign in again: cloudflared access login");
        let aud = claimed_aud(jwt).ok_or_else(nobody)?;
        let app = self.catalog.app_by_aud(&aud).ok_or_else(nobody)?;
        let keyring = self.login.signer.keyring();
        let token = keyring.verify_app(jwt, &self.login.issuers, &aud, self.arrival.now, Lifetime::ZERO);
        let token = token.map_err(|_| nobody())?;
        if self.is_revoked(&token.bearings())? {
            return Err(nobody());
        }
        if app.enable_binding_cookie {
            return Err(forbidden(
                "Tokens of this application count beside their binding cookie alone, which nobody can send here",
            ));
        }
        Ok((app, token))
    }

    /// Who it is, if the policies let them in as things are.
    async fn identity_for_ssh(&self, app: &Arc<App>, token: &AppToken, jwt: &str) -> Result<Identity, Unsigned> {
        let Subject::User { nonce, .. } = &token.subject else {
            return Err(forbidden("A service token has no user to sign in as"));
        };
        let session = self.login.store.session(nonce).await.map_err(Stop::from)?;
        let session = session.ok_or_else(|| forbidden("The sign-in behind the token is over"))?;
        let entry = match app.asks_purpose() {
            true => self.login.store.entry(jwt).await.map_err(Stop::from)?,
            false => None,
        };
        let entry = entry.filter(|entry| entry.holds(nonce, app.id, self.arrival.now));
        let facts = Facts { entry: entry.as_ref(), ..self.facts(Some(&session.identity), None) };
        match doorward_policy::decide(app, &self.catalog, &facts) {
            Ok(_) => Ok(session.identity),
            Err(_) => Err(forbidden("That account does not have access to this application")),
        }
    }

    fn certified(
        &self,
        public_key: &str,
        app: &App,
        ca: &SshCa,
        identity: &Identity,
        token_ends: Timestamp,
    ) -> Result<String, Unsigned> {
        let broken = |error: &dyn std::fmt::Display| {
            tracing::error!(ray.id = %self.arrival.ray, app.name = app.name, %error, "an SSH certificate could not be made");
            refused(StatusCode::INTERNAL_SERVER_ERROR, "The certificate could not be made")
        };
        let key =
            SshCaKey::from_stored(&ca.private_key).ok_or_else(|| broken(&"the authority's key cannot be read"))?;
        // Servers compare it with the time of their own machines, which an emulator's clock does not move.
        let now = Clock::system().now();
        let until = now.plus(LIFE.min(token_ends.since(self.arrival.now)));
        let serial = u64::from_be_bytes(random_bytes());
        let (key_id, principal) = (identity.email.as_str(), identity.email.local());
        let made = key.certify(public_key, Vouched { serial, key_id, principal, from: now.minus(SKEW), until });
        let certificate = made.map_err(|error| match error {
            CannotCertify::PublicKey => Unsigned::Refused(StatusCode::BAD_REQUEST, format!("Bad Request. {error}")),
            CannotCertify::Certificate(_) => broken(&error),
        })?;
        tracing::info!(
            ray.id = %self.arrival.ray, app.name = app.name, user.email = key_id, client.ip = %self.arrival.client_ip,
            ssh.principal = principal, ssh.serial = serial, until = %until, "signed an SSH certificate"
        );
        let made = json!({ "id": random_hex::<16>(), "certificate": certificate, "expires_at": until.to_rfc3339() });
        Ok(made.to_string())
    }
}
