//! Who calls, and what they may do. It is asked once, for every path and
//! before anything looks at the request: whoever is known may read, and only
//! some may change. What they then do is told in the audit log, here where no
//! route can be forgotten, unless the change has told of itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_model::audit::{AuditEntry, Author, Interface};
use doorward_model::document::{ApiTokenDocument, ApiTokenExtension, Kind, Scope};
use doorward_model::secret::SecretDigest;
use doorward_model::time::Timestamp;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::Api;
use super::refusal::{Refusal, Refused};

/// Somebody with a token of this account.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) id: String,
    name: String,
    scope: Scope,
    ip: Option<IpAddr>,
    deed: Deed,
    /// Whether the audit log knows of the call already.
    told: Arc<AtomicBool>,
}

/// What a call wants, as far as its method and path say it.
#[derive(Clone, Debug, Default)]
struct Deed {
    /// The path's own word, like `rotate`, or none.
    word: Option<String>,
    /// What its method says.
    usual: &'static str,
    /// The word for what it is done to.
    kind: String,
    id: String,
}

/// The one of the configuration file.
const OF_THE_FILE: &str = "the configuration file's token";
/// What paths say beyond what is done by their method.
const VERBS: [&str; 8] = [
    "make_reusable",
    "refresh",
    "refresh_scim_secret",
    "revoke_tokens",
    "revoke_user",
    "rotate",
    "sync",
    "batch_delete",
];

pub(super) async fn check(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let Some(caller) = known(&api, request.headers()) else { return Refusal::unauthenticated().into_response() };
    if percent_encoding::percent_decode_str(request.uri().path()).decode_utf8().is_err() {
        return Refusal::unreadable("the path is not UTF-8").into_response();
    }
    if [Method::GET, Method::HEAD].contains(request.method()) {
        request.extensions_mut().insert(caller);
        return next.run(request).await;
    }
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let ip = address.map(|ConnectInfo(address)| address.ip().to_canonical());
    let deed = Deed::of(request.method(), request.uri().path());
    let caller = Caller { deed, ip, ..caller };
    let response = match caller.scope {
        Scope::Edit => {
            request.extensions_mut().insert(caller.clone());
            next.run(request).await
        }
        Scope::Read => Refusal::forbidden().into_response(),
    };
    caller.tell(&api, response).await
}

impl Deed {
    /// Of `…/accounts/{account}/access/service_tokens/{id}/rotate`: `rotate`, `service_token`, the id.
    fn of(method: &Method, path: &str) -> Self {
        const ABOVE: [&str; 4] = ["access", "doorward", "gateway", "infrastructure"];
        let below = path.trim_start_matches("/client/v4").split('/').skip(3);
        let parts: Vec<&str> = below.skip_while(|part| ABOVE.contains(part)).collect();
        let decoded = |text: &str| {
            let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
            text.replace(char::is_control, "\u{fffd}")
        };
        let word = parts.last().filter(|part| VERBS.contains(part)).map(|part| (*part).to_owned());
        let kind = parts.first().copied().unwrap_or_default();
        let singular = kind.strip_suffix("ies").map(|stem| format!("{stem}y"));
        let singular = singular.or_else(|| kind.strip_suffix('s').map(str::to_owned));
        let id = parts.get(1).filter(|part| Some(**part) != word.as_deref()).copied().unwrap_or_default();
        let usual = match *method {
            Method::POST => "create",
            Method::DELETE => "delete",
            _ => "update",
        };
        Self { word, usual, kind: singular.unwrap_or_else(|| kind.to_owned()), id: decoded(id) }
    }

    fn as_str(&self) -> &str {
        self.word.as_deref().unwrap_or(self.usual)
    }
}

impl Caller {
    fn new(id: String, name: &str, scope: Scope) -> Self {
        Self { id, name: name.to_owned(), scope, ip: None, deed: Deed::default(), told: Arc::default() }
    }

    /// As whom they change what is configured. The change tells of itself.
    pub(super) fn author(&self) -> Author {
        self.told.store(true, Ordering::Relaxed);
        Author {
            by: Interface::Api,
            id: self.id.clone(),
            name: self.name.clone(),
            ip: self.ip,
            deed: self.deed.word.clone(),
        }
    }

    /// The line of the audit log about a deed that changes no object, to be
    /// written with it.
    pub(super) fn deed(&self, kind: &str, id: &str, now: Timestamp) -> AuditEntry {
        let author = self.author();
        let word = self.deed.as_str();
        tracing::info!(
            caller.id = author.id,
            caller.name = author.name,
            "{:?} did {word} the {kind} {id:?}",
            author.name
        );
        AuditEntry::of_deed(&author, word, (kind, id), now)
    }

    /// Tells of what nothing has told of: deeds that do not tell of themselves,
    /// and what the caller had no right to or what contradicts what is there.
    /// Calls that made no sense changed nothing either, and are not kept.
    async fn tell(&self, api: &Api, response: Response) -> Response {
        let refused = response.extensions().get::<Refused>();
        let worth_telling = match response.status().as_u16() {
            200..300 => !self.told.load(Ordering::Relaxed),
            status => [403, 409].contains(&status),
        };
        if !worth_telling {
            return response;
        }
        let entry =
            AuditEntry::of_deed(&self.author(), self.deed.as_str(), (&self.deed.kind, &self.deed.id), api.now());
        let entry = match refused {
            Some(Refused(why)) => entry.refused(why),
            None => entry,
        };
        if let Err(error) = api.0.store.log_audit(&entry).await {
            tracing::error!(%error, "what a caller did is not in the audit log");
        }
        response
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
        caller = Some(Caller::new(id, OF_THE_FILE, Scope::Edit));
    }
    for object in api.set().of(Kind::ApiToken) {
        let read = (object.document::<ApiTokenDocument>(), object.extension::<ApiTokenExtension>());
        let (Ok(document), Ok(extension)) = read else { continue };
        if SecretDigest::from_hex(&extension.digest).is_some_and(is) && document.in_force(now) {
            caller = Some(Caller::new(object.key.id.replace('-', ""), &document.name, document.scope));
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

#[cfg(test)]
mod tests {
    use super::{Deed, Method};

    #[test]
    fn a_path_says_what_is_wanted_of_what() {
        for (path, word, kind, id) in [
            ("/access/groups", None, "group", ""),
            ("/access/groups/7", None, "group", "7"),
            ("/access/policies/7", None, "policy", "7"),
            ("/access/identity_providers/a%20b", None, "identity_provider", "a b"),
            ("/access/tags/a%00b", None, "tag", "a\u{fffd}b"),
            ("/access/service_tokens/7/rotate", Some("rotate"), "service_token", "7"),
            ("/access/keys/rotate", Some("rotate"), "key", ""),
            ("/access/organizations/revoke_user", Some("revoke_user"), "organization", ""),
            ("/access/apps/7/policies/8/make_reusable", Some("make_reusable"), "app", "7"),
            ("/access/apps/7/settings", None, "app", "7"),
            ("/gateway/lists/7/items", None, "list", "7"),
            ("/doorward/api_tokens/ci", None, "api_token", "ci"),
        ] {
            for above in ["/client/v4/accounts/0123", "/client/v4/zones/0123"] {
                let deed = Deed::of(&Method::PUT, &format!("{above}{path}"));
                let read = (deed.word.as_deref(), deed.kind.as_str(), deed.id.as_str());
                assert_eq!(read, (word, kind, id), "{above}{path}");
            }
        }
    }
}
