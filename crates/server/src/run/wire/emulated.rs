//! The emulator put together, and what leads to it. Production wires none of it.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;
use axum::routing::get;
use doorward_edge::Edge;
use doorward_emulator::{Emulator, IDP_PATH, RotationFailed};
use doorward_login::InProcess;
use doorward_model::live::LiveCatalog;
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_objects::Objects;
use tower::ServiceExt as _;

use super::Foundation;
use crate::config::reachable;
use crate::ready::Ready;

pub(in crate::run) fn emulator(
    on: Foundation<'_>,
    catalog: &LiveCatalog,
    issuers: &[String],
    client_secret: Secret,
    beside: Option<Arc<Emulator>>,
) -> Arc<Emulator> {
    let keys = Arc::clone(on.keys);
    Emulator::new(doorward_emulator::Parts {
        clock: on.clock.clone(),
        catalog: catalog.clone(),
        signer: on.keys.signer(),
        store: on.store.clone(),
        issuers: issuers.to_vec(),
        other_name: on.config.other_name(on.team),
        people: on.people.to_vec(),
        client_secret,
        rotate: Arc::new(move |drop_previous| {
            let keys = Arc::clone(&keys);
            Box::pin(
                async move { keys.rotate(drop_previous, &[]).await.map_err(|error| RotationFailed(error.to_string())) },
            )
        }),
        admin_url: match &beside {
            None => format!("http://{}", reachable(on.admin)),
            Some(_) => format!("http://{}/emulator/v1/namespaces/{}", reachable(on.admin), on.team.name),
        },
        beside,
    })
}

/// The control API. What it changes counts for the very next request: nothing
/// that was verified before is remembered after it, and what a reset took out
/// of the store is out of force.
pub(in crate::run) fn control(emulator: &Arc<Emulator>, edges: Vec<Arc<Edge>>, objects: Objects) -> Router {
    let forget = move |request: Request, next: Next| {
        let (edges, objects) = (edges.clone(), objects.clone());
        async move {
            let reads = request.method().is_safe();
            let response = next.run(request).await;
            if !reads {
                // What failed changed nothing, and may have failed because the store is away.
                if response.status().is_success()
                    && let Err(error) = objects.hear().await
                {
                    tracing::warn!(%error, "what a control call changed is in force later");
                }
                edges.iter().for_each(|edge| edge.forget_callers());
            }
            response
        }
    };
    emulator.control_router().layer(middleware::from_fn(forget))
}

/// What a script was told that started this process, for those that did not.
pub(super) fn told(ready: &Arc<OnceLock<Ready>>) -> Router {
    let ready = Arc::clone(ready);
    let answer = || async move {
        match ready.get() {
            Some(ready) => axum::Json(ready.clone()).into_response(),
            None => http::StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    };
    Router::new().route("/emulator/v1/ready", get(answer))
}

/// The gateway asks its built-in provider within the process: a certificate of
/// the public listener that only browsers know, or a name that DNS does not
/// know, is no obstacle.
pub(super) fn in_process(team: &Team, people: Option<&Router>) -> Option<(String, InProcess)> {
    let people = people?.clone();
    let answer: InProcess = Arc::new(move |request| Box::pin(within(people.clone(), request)));
    Some((format!("{}{IDP_PATH}/", team.url), answer))
}

async fn within(site: Router, request: http::Request<Vec<u8>>) -> http::Response<Vec<u8>> {
    let Ok(response) = site.oneshot(request.map(Body::from)).await;
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map(Vec::from).unwrap_or_default();
    http::Response::from_parts(head, body)
}
