//! Signing out: the whole session ends, for all applications (Access docs,
//! "session management"), and nobody is told so before it is stored.

use axum::response::Response;
use doorward_model::cookie::cleared_app_cookies;
use doorward_model::host::Host;
use doorward_model::path::NormPath;
use doorward_model::redirect::ReturnPath;
use doorward_model::session::Revoked;
use doorward_model::site;
use doorward_pages::{Action, Notice};
use http::StatusCode;
use http::header::{HeaderValue, SET_COOKIE};
use url::Url;

use crate::cookie;
use crate::respond::{Stop, page, redirect};
use crate::visit::Visit;

const TITLE: &str = "Signed out ・ Cloudflare Access";

pub(crate) async fn on_team_domain(visit: Visit) -> Response {
    if let Err(stop) = visit.end_sessions().await {
        return stop.respond(&visit);
    }
    cookie::take_org_token(&visit.cookies);
    visit.signed_out(None)
}

pub(crate) async fn on_app_host(visit: Visit) -> Response {
    if let Err(stop) = visit.end_sessions().await {
        return stop.respond(&visit);
    }
    let mut answer = visit.signed_out(Some(Action::new("Sign in again", "/")));
    for cleared in visit.cleared_here() {
        let cleared = HeaderValue::try_from(cleared).expect("a cookie without a value is plain text");
        answer.headers_mut().append(SET_COOKIE, cleared);
    }
    answer
}

/// Clearing more cookies than this would make an answer that clients refuse.
const MOST_CLEARED: usize = 40;

/// Says at the landing that somebody has signed out; applications take it off themselves.
const LOGGED_OUT: &str = "logged_out";
/// The same for somebody who was refused.
pub(crate) const UNAUTHORIZED: &str = "unauthorized";

/// The address with the mark that Access leaves on it.
pub(crate) fn with_message(url: &str, message: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}__cf_access_message={message}")
}

impl Visit {
    /// Revokes every session that the cookies speak of, ended tokens included:
    /// whoever signs out wants none of them to come back (G-10, R-03).
    async fn end_sessions(&self) -> Result<(), Stop> {
        let mut ended = Vec::new();
        for token in self.presented(doorward_signer::MAX_LIFETIME) {
            let bearings = token.bearings();
            // Over already: writing it down once more would only be work, for every node.
            let revocations = self.login.store.revocations();
            if revocations.is_fresh() && revocations.is_revoked(&bearings) {
                continue;
            }
            let Some(nonce) = bearings.session.filter(|nonce| !ended.contains(nonce)) else { continue };
            let session = self.login.store.session(&nonce).await?;
            self.login.store.revoke(&Revoked::Session(nonce.clone()), self.arrival.now).await?;
            if let Some(session) = session {
                self.record_sign_out(&session.identity).await;
            }
            let user = bearings.user.map(|user| user.to_string()).unwrap_or_default();
            tracing::info!(user.id = user, ray.id = %self.arrival.ray, "signed out");
            ended.push(nonce);
        }
        Ok(())
    }

    /// What takes away the cookie of this host's application; of all of them
    /// where each has its own below its path.
    fn cleared_here(&self) -> Vec<String> {
        let host = &self.arrival.host;
        let first = self.arrival.app.clone().or_else(|| self.catalog.apps().find(|app| self.is_here(app)).cloned());
        let by_path = self.catalog.apps().filter(|app| app.path_cookie_attribute && self.is_here(app)).cloned();
        let mut cleared: Vec<String> = Vec::new();
        for app in first.into_iter().chain(by_path) {
            for path in app.cookie_paths(host) {
                for cookie in cleared_app_cookies(&app, path) {
                    if !cleared.contains(&cookie) && cleared.len() < MOST_CLEARED {
                        cleared.push(cookie);
                    }
                }
            }
        }
        cleared
    }

    fn signed_out(&self, action: Option<Action>) -> Response {
        match self.parameter("returnTo").and_then(|wanted| self.own_address(&wanted)) {
            Some(location) => redirect(&with_message(&location, LOGGED_OUT)),
            None => {
                let heading = "You are signed out";
                let text = "Your session has ended for all applications. Your identity provider may still know you.";
                page(StatusCode::OK, &Notice { title: TITLE, heading, text, action, ..Notice::default() })
            }
        }
    }

    /// Where `returnTo` may lead: an address of one of our applications or of
    /// the team domain, by the scheme and port of this request (H-01, H-02).
    pub(crate) fn own_address(&self, wanted: &str) -> Option<String> {
        if wanted.starts_with('/') {
            return Some(site::app_url(&self.arrival.origin(), &ReturnPath::from_parameter(wanted)));
        }
        let plain = wanted.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let url =
            Url::parse(wanted).ok().filter(|url| plain && url.username().is_empty() && url.password().is_none())?;
        let scheme = if self.arrival.https { "https" } else { "http" };
        let host: Host = url[url::Position::BeforeHost..url::Position::AfterPort].parse().ok()?;
        if url.scheme() != scheme || host.port() != self.arrival.host.port() {
            return None;
        }
        let path: NormPath = url.path().parse().ok()?;
        let ours = host.name() == self.catalog.team().host.name() || self.catalog.app_at(&host, &path).is_some();
        let place = ReturnPath::from_parameter(&url[url::Position::BeforePath..url::Position::AfterQuery]);
        ours.then(|| site::app_url(&site::origin(self.arrival.https, &host), &place))
    }
}
