//! Who calls, and what they may do. It is asked once, for every path and
//! before anything looks at the request: whoever is known may read, and only
//! some may change.

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_model::document::{ApiTokenDocument, ApiTokenExtension, Key, Kind, Scope};
use doorward_model::secret::SecretDigest;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::Api;
use super::refusal::Refusal;

/// Somebody with a token of this account.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) id: String,
    name: String,
    scope: Scope,
}

/// The one of the configuration file.
const OF_THE_FILE: &str = "the configuration file's token";

pub(super) async fn check(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let Some(caller) = known(&api, request.headers()) else { return Refusal::unauthenticated().into_response() };
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if !reads && caller.scope != Scope::Edit {
        return Refusal::forbidden().into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

impl Caller {
    /// The audit of a change: who, and what.
    pub(super) fn log(&self, what: &str, key: &Key) {
        tracing::info!(
            caller.id = self.id,
            caller.name = self.name,
            object.kind = key.kind.as_str(),
            object.id = &*key.id,
            "{} {what} the {} {}",
            self.name,
            key.kind,
            key.id
        );
    }

    /// The same for what concerns no object.
    pub(super) fn log_deed(&self, what: &str) {
        tracing::info!(caller.id = self.id, caller.name = self.name, "{} {what}", self.name);
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // It is there, since nothing is reached but through the check above.
        parts.extensions.get().cloned().ok_or_else(Refusal::unauthenticated)
    }
}

/// Of several credentials, as Terraform sends them, one has to be right. Every
/// digest is compared, so that the time taken says nothing about which.
fn known(api: &Api, headers: &HeaderMap) -> Option<Caller> {
    let presented: Vec<SecretDigest> = [bearer(headers), key(headers)].into_iter().flatten().collect();
    let is = |digest: SecretDigest| presented.iter().fold(false, |found, one| found | (*one == digest));
    let (mut caller, now) = (None, api.now());
    if api.0.token.as_ref().is_some_and(|token| is(token.digest())) {
        let id = format!("{:.32}", api.0.account.as_str());
        caller = Some(Caller { id, name: OF_THE_FILE.into(), scope: Scope::Edit });
    }
    for object in api.set().of(Kind::ApiToken) {
        let read = (object.document::<ApiTokenDocument>(), object.extension::<ApiTokenExtension>());
        let (Ok(document), Ok(extension)) = read else { continue };
        if SecretDigest::from_hex(&extension.digest).is_some_and(is) && document.in_force(now) {
            caller = Some(Caller { id: object.key.id.replace('-', ""), name: document.name, scope: document.scope });
        }
    }
    caller
}

/// `Authorization: Bearer …`, once (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<SecretDigest> {
    let (scheme, token) = once(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SecretDigest::of(token.trim_start().as_bytes()))
}

/// `X-Auth-Email` and `X-Auth-Key`: whose address it is makes no difference, that there is one does.
fn key(headers: &HeaderMap) -> Option<SecretDigest> {
    once(headers, "x-auth-email").filter(|email| email.contains('@'))?;
    once(headers, "x-auth-key").map(|key| SecretDigest::of(key.as_bytes()))
}

fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()
}
