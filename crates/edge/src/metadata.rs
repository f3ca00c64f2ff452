//! What a command line asks before it signs in: which application is at an
//! address, and which team it belongs to, signed by the team.
//!
//! It is asked with a header, of any address of an application, and answered
//! before any policy: what is told is on every redirect to the sign-in page too.
//! So it is with the metadata of a resource, which is at an address of its own.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::path::NormPath;
use doorward_model::time::Clock;
use doorward_signer::claims;
use http::{HeaderName, Response, StatusCode};
use serde_json::json;

use crate::arrive::Visit;
use crate::body::Body;
use crate::respond::header;
use crate::{Edge, respond};

/// Below it, each path of a host has its resource metadata (RFC 9728).
const PROTECTED_RESOURCE: &str = "/.well-known/cloudflare-access-protected-resource";

const METADATA: HeaderName = HeaderName::from_static("cf-access-metadata");

/// The answer to a metadata request: no body, one signed header.
pub(crate) async fn answer(edge: &Arc<Edge>, app: &App, visit: &Visit, catalog: &Catalog) -> Response<Body> {
    let Ok(_place) = edge.challenges.try_acquire() else { return respond::busy(visit) };
    let host = visit.arrival.host.name();
    let pattern = app.domains.iter().find(|domain| domain.host.matches(host));
    let pattern = pattern.map_or(host, |domain| domain.host.as_str());
    // Whoever asks compares it with the time of their own machine.
    let now = Clock::system().now().secs();
    let claims = claims::metadata(&app.aud, host, pattern, &catalog.team().domain, now);
    let signer = Arc::clone(&edge.signer);
    let signed = edge.off_path(async move { signer.load().sign(&claims) }).await;
    let mut response = respond::empty(visit);
    response.headers_mut().insert(METADATA, header(&signed));
    response
}

/// How the resource at this address is protected, if that is what was asked.
/// It is there whatever the policies say: the challenge names it.
pub(crate) fn resource(visit: &Visit, catalog: &Catalog) -> Option<Response<Body>> {
    let rest = visit.path.as_str().strip_prefix(PROTECTED_RESOURCE)?;
    let place = if rest.is_empty() { "/" } else { rest };
    let path: NormPath = place.parse().ok()?;
    if !catalog.serves_host(&visit.arrival.host) {
        return None;
    }
    let is_protected = catalog.app_at(&visit.arrival.host, &path).is_some();
    let metadata = json!({
        "resource": format!("{}{rest}", visit.arrival.origin()),
        "protected": is_protected,
        "team_domain": catalog.team().domain,
        "authorization_servers": [catalog.team().issuer()],
        "authentication_methods": [{ "name": "cloudflared" }],
    });
    Some(respond::json(StatusCode::OK, metadata.to_string(), visit))
}
