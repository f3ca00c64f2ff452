//! Reading the signed header as a customer's application does: against the
//! published keys, for this application's own audience tag, and for nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::arrival::Arrival;
use doorward_model::host::Host;
use doorward_model::id::IdentityNonce;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_signer::{AppToken, Subject};
use http::header::HOST;
use http::{HeaderMap, Request};
use serde_json::{Map, Value};

use crate::Emulator;

/// The header in which the edge hands over the token.
pub(crate) const ASSERTION: &str = "cf-access-jwt-assertion";

/// A request whose token was verified.
pub(crate) struct Visit {
    pub(super) token: AppToken,
    pub(super) kid: String,
    pub(super) claims: Map<String, Value>,
}

impl Visit {
    /// `None`: the request proves nothing.
    pub(crate) fn of<B>(request: &Request<B>, emulator: &Emulator) -> Option<Self> {
        let mut assertions = request.headers().get_all(ASSERTION).iter();
        let (text, None) = (assertions.next()?.to_str().ok()?, assertions.next()) else { return None };
        let place = Place::of(request, emulator)?;
        let keyring = emulator.signer.load();
        let now = emulator.clock.now();
        let token = keyring.verify_app(text, &emulator.issuers, &place.aud, now, Lifetime::ZERO).ok()?;
        let mut parts = text.split('.').map(members);
        let kid = parts.next()??.get("kid")?.as_str()?.to_owned();
        Some(Self { token, kid, claims: parts.next()?? })
    }

    /// The sign-in it came from; a machine has none.
    pub(crate) fn session(&self) -> Option<IdentityNonce> {
        match &self.token.subject {
            Subject::User { nonce, .. } => Some(nonce.clone()),
            Subject::Service { .. } => None,
        }
    }

    pub(super) fn issued(&self) -> Timestamp {
        Timestamp::from_secs(self.token.iat)
    }

    pub(super) fn expires(&self) -> Timestamp {
        Timestamp::from_secs(self.token.exp)
    }
}

/// Where the demonstration was called, and which application it is there.
pub(super) struct Place {
    pub(super) aud: doorward_model::id::Aud,
    pub(super) app: String,
    pub(super) host: Host,
    pub(super) https: bool,
}

impl Place {
    pub(super) fn of<B>(request: &Request<B>, emulator: &Emulator) -> Option<Self> {
        let arrival = request.extensions().get::<Arrival>();
        let host = match arrival {
            Some(arrival) => arrival.host.clone(),
            None => request.headers().get(HOST)?.to_str().ok()?.parse().ok()?,
        };
        let catalog = emulator.catalog.load();
        let app = catalog.app_at(&host, &request.uri().path().parse().ok()?)?;
        let https = arrival.map_or_else(|| forwarded_https(request.headers()), |arrival| arrival.https);
        Some(Self { aud: app.aud.clone(), app: app.name.clone(), https, host })
    }
}

fn forwarded_https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
}

/// A part of a token whose signature was checked.
fn members(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
