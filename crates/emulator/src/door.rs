//! What an emulator does at the doors of Access itself: counts who fetches
//! keys and identities, and lets them fail as it was asked to.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use doorward_model::arrival::Arrival;
use doorward_model::site::CERTS;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use crate::Emulator;
use crate::faults::{Instead, Profile};
use crate::recorder::Fetch;

const IDENTITY: &str = "/cdn-cgi/access/get-identity";

impl Emulator {
    /// The same site, watched, and failing where it is to fail.
    pub fn watched(self: &Arc<Self>, site: Router) -> Router {
        let emulator = Arc::clone(self);
        site.layer(middleware::from_fn(move |request: Request, next: Next| {
            let emulator = Arc::clone(&emulator);
            async move { emulator.through(request, next).await }
        }))
    }

    async fn through(&self, request: Request, next: Next) -> Response {
        let path = request.uri().path();
        let (is_keys, is_identity) = (path == CERTS, path == IDENTITY);
        let app = request.extensions().get::<Arrival>().and_then(|arrival| arrival.app.as_ref()).map(|app| app.id);
        let bent = self.faults.at_the_door(app, path);
        pause(bent.delay).await;
        if is_identity {
            let _before = self.recorder.fetched(Fetch::Identity);
        }
        let turn = if is_keys { self.recorder.fetched(Fetch::Certs) } else { 0 };
        match bent.instead {
            Some(Instead::Status(status)) => return (status, "This fails on purpose.\n").into_response(),
            Some(Instead::Reset) => return reset(),
            None => {}
        }
        match is_keys.then(|| self.faults.at_the_keys()).flatten() {
            Some((profile, delay)) => self.wrong_keys(profile, delay, turn, next.run(request).await).await,
            None => next.run(request).await,
        }
    }

    async fn wrong_keys(&self, profile: Profile, delay: Duration, turn: u64, answer: Response) -> Response {
        if profile == Profile::Slow {
            pause(delay).await;
        }
        let stranger = profile.needs_stranger().then(|| self.stranger.keyring());
        let ring = self.signer.keyring();
        let (status, body) = profile.answer(ring.published(), stranger.as_ref().map(|ring| ring.published()), turn);
        let (mut head, _) = answer.into_parts();
        head.status = status;
        head.headers.remove(CONTENT_LENGTH);
        // What is wrong now must not outlive the fault in a cache.
        head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Response::from_parts(head, Body::from(body))
    }
}

async fn pause(delay: Duration) {
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
}

/// An answer whose body fails before its first byte: the connection ends, and
/// nothing of the answer is seen.
pub(crate) fn reset() -> Response {
    let failing = futures_util::stream::once(async {
        Err::<Bytes, _>(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "on purpose"))
    });
    let mut response = Response::new(Body::from_stream(failing));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
