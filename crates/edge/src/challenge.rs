//! Sending a browser to sign in: the redirect, the note it carries to the team
//! domain, and the cookie that will recognise the browser when it returns.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::cookie::{self, APP_SESSION};
use doorward_model::redirect::ReturnPath;
use doorward_model::secret::{random_hex, sha256_hex};
use doorward_model::time::Lifetime;
use doorward_signer::claims::{self, Challenge};
use http::Response;
use http::header::{EXPIRES, HeaderMap, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::arrive::Visit;
use crate::body::Body;
use crate::respond::header;
use crate::{Edge, cookies, holding, respond};

const APP_SESSION_LIFETIME: Lifetime = Lifetime::from_hours(24);

/// The 302 every client of Access knows a challenge by: exactly this status,
/// exactly this path on the team domain.
pub(crate) async fn redirect(
    edge: &Arc<Edge>,
    app: &Arc<App>,
    visit: &Visit,
    head: &Parts,
    catalog: &Catalog,
    service_token: bool,
) -> Response<Body> {
    let arrival = &visit.arrival;
    let Ok(place) = Arc::clone(&edge.challenges).try_acquire_owned() else { return respond::busy(visit) };
    let app_session = app_session(&head.headers);
    let return_to = return_path(visit, head);
    let meta = claims::meta(
        &Challenge {
            aud: &app.aud,
            hostname: &arrival.host.to_string(),
            redirect_url: return_to.as_str(),
            app_session_hash: &sha256_hex(&app_session),
            service_token_status: service_token,
            // Only in legacy mode is somebody sent here whose service token does not hold.
            auth_status: if visit.sends_service_token && !service_token { "SERVICE_TOKEN_INVALID" } else { "NONE" },
            certificate: &arrival.certificate,
            country: arrival.country.as_deref(),
        },
        arrival.now.secs(),
    );
    // Signing takes longer than everything else together; a flood of strangers
    // must not hold up those who are signed in.
    let signer = Arc::clone(&edge.signer);
    let meta = edge.off_path(holding(place, async move { signer.load().sign(&meta) })).await;
    let location = format!(
        "{}?kid={}&meta={meta}&redirect_url={}",
        catalog.team().login(&arrival.host),
        app.aud,
        utf8_percent_encode(return_to.as_str(), NON_ALPHANUMERIC)
    );
    let mut response = respond::redirect(&location, visit);
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, resource_metadata(visit));
    headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
    headers.insert(EXPIRES, HeaderValue::from_static("Thu, 01 Jan 1970 00:00:01 GMT"));
    let expires = cookie::http_date(arrival.now.plus(APP_SESSION_LIFETIME));
    let set = format!(
        "{APP_SESSION}={app_session}; Expires={expires}; Max-Age={}; Path=/; Secure; HttpOnly; SameSite=None",
        APP_SESSION_LIFETIME.secs()
    );
    headers.append(SET_COOKIE, header(&set));
    response
}

/// Where command line clients read how this resource is protected (RFC 9728).
pub(crate) fn resource_metadata(visit: &Visit) -> HeaderValue {
    header(&format!(
        "Cloudflare-Access resource_metadata=\"{}/.well-known/cloudflare-access-protected-resource{}\"",
        visit.arrival.origin(),
        visit.path
    ))
}

/// The browser's own value if it has one, so that sign-ins in two tabs do not
/// undo each other (I-03); a new one otherwise.
fn app_session(headers: &HeaderMap) -> String {
    let known = cookies::values(headers, APP_SESSION)
        .find(|value| value.len() == 33 && value.starts_with('n') && value[1..].bytes().all(|b| b.is_ascii_hexdigit()));
    known.map_or_else(|| format!("n{}", random_hex::<16>()), ToOwned::to_owned)
}

fn return_path(visit: &Visit, head: &Parts) -> ReturnPath {
    // What was said at the last landing is not true of the next one.
    let is_message = |pair: &&str| pair.split('=').next() == Some("__cf_access_message");
    let pairs: Vec<&str> = head.uri.query().into_iter().flat_map(|query| query.split('&')).collect();
    let kept: Vec<&str> = pairs.iter().copied().filter(|pair| !is_message(pair)).collect();
    match (pairs.is_empty(), kept.is_empty()) {
        (false, false) => ReturnPath::from_parameter(&format!("{}?{}", visit.path, kept.join("&"))),
        _ => ReturnPath::from_parameter(visit.path.as_str()),
    }
}
