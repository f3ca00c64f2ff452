//! What the gateway knows of the caller: the whole identity behind a token
//! (Access docs, "get-identity"), and the front page of the team domain.

use axum::response::Response;
use doorward_model::identity::Identity;
use doorward_model::session::Session;
use doorward_model::time::Lifetime;
use doorward_pages::{Action, Notice, SIGN_IN_TITLE};
use doorward_signer::Subject;
use doorward_signer::claims::MtlsAuth;
use http::StatusCode;
use serde_json::{Value, json};

use crate::respond::{Stop, page, private_json};
use crate::session::Presented;
use crate::visit::Visit;

/// The identity behind the token in the cookie, as JSON.
pub(crate) async fn identity(visit: Visit) -> Response {
    match visit.known().await {
        Ok(Some(known)) => private_json(StatusCode::OK, known.to_string()),
        Ok(None) => private_json(StatusCode::BAD_REQUEST, json!({"err": "no app token set"}).to_string()),
        Err(stop) => stop.respond(&visit),
    }
}

/// The front page of the team domain: the launcher, where there is one.
pub(crate) async fn welcome(visit: Visit) -> Response {
    if let Some(launcher) = visit.catalog.launcher() {
        return visit.launch(launcher).await.unwrap_or_else(|stop| stop.respond(&visit));
    }
    let session = match visit.org_session().await {
        Ok(session) => session,
        Err(stop) => return stop.respond(&visit),
    };
    let team = visit.catalog.team();
    let heading = format!("{} sign-in", team.name);
    let (text, action) = match &session {
        Some(Session { identity, .. }) => {
            (format!("You are signed in as {}.", identity.email), Some(Action::new("Sign out", team.logout())))
        }
        None => ("You are not signed in. Go to one of your applications to sign in to it.".to_owned(), None),
    };
    page(StatusCode::OK, &Notice { title: SIGN_IN_TITLE, heading: &heading, text: &text, action, ..Notice::default() })
}

impl Visit {
    async fn known(&self) -> Result<Option<Value>, Stop> {
        for token in self.presented(Lifetime::ZERO) {
            if self.is_revoked(&token.bearings())? {
                continue;
            }
            let nonce = match token {
                Presented::App(token) => match token.subject {
                    Subject::Service { common_name } => return Ok(Some(self.service(&common_name))),
                    Subject::User { nonce, .. } => nonce,
                },
                Presented::Org(token) => token.nonce,
            };
            // An application's token may outlive the organisation's session;
            // its identity is told for as long as it is kept.
            if let Some(session) = self.login.store.session(&nonce).await? {
                return Ok(Some(self.told(&session.identity)));
            }
        }
        Ok(None)
    }

    /// All tokens this host may speak about: on the team domain every
    /// application's and the organisation's, elsewhere its own applications'.
    pub(crate) fn presented(&self, grace: Lifetime) -> Vec<Presented> {
        let on_team = self.arrival.host.name() == self.catalog.team().host.name();
        let org = if on_team { self.org_tokens() } else { vec![] };
        let app = self.app_tokens(grace, |app| on_team || self.is_here(app));
        org.into_iter().map(Presented::Org).chain(app.into_iter().map(Presented::App)).collect()
    }

    pub(crate) fn told(&self, identity: &Identity) -> Value {
        let own = self.arrival.certificate.valid().map(|own| own.common_name.as_str()).unwrap_or_default();
        identity.told(&self.catalog.team().account, own, &self.mtls_auth())
    }

    fn service(&self, common_name: &str) -> Value {
        let token = self.catalog.service_tokens().find(|token| token.client_id.as_str() == common_name);
        json!({
            "common_name": common_name,
            "service_token_id": token.map(|token| token.id),
            "service_token_status": true,
            "account_id": self.catalog.team().account,
            "auth_status": "NONE",
            "mtls_auth": self.mtls_auth(),
            "version": 2,
        })
    }

    /// The client certificate of this very request.
    fn mtls_auth(&self) -> Value {
        let told = MtlsAuth::of(&self.arrival.certificate);
        json!({
            "auth_status": told.auth_status,
            "cert_issuer_dn": told.cert_issuer_dn,
            "cert_issuer_ski": told.cert_issuer_ski,
            "cert_presented": told.cert_presented,
            "cert_serial": told.cert_serial,
        })
    }
}
