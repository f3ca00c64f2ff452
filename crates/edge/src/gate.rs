//! The pipeline every request takes, in the order it takes it: place, strip,
//! match, caller, verdict, origin. No way leads round a stage.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::route::Service;
use doorward_model::site::{ACCESS_PREFIX, CERTS};
use doorward_policy::{Facts, Grant, Permit, Refusal};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::arrive::{self, Socket, Unreadable, Visit};
use crate::assertion::{self, Assertion};
use crate::body::Body;
use crate::caller::{self, Caller};
use crate::record::{Record, Told};
use crate::upstream::exchange::{Trouble, exchange};
use crate::upstream::pool::PoolKey;
use crate::upstream::{answer, request, upgrade};
use crate::{Edge, Worker, headers, machine, refusal, respond};

/// One request, from its head to its answer, and told when that ends.
pub(crate) async fn gate(worker: &Worker, socket: Socket, request: Request<Incoming>) -> Response<Told> {
    let mut record = Record::begun(worker, &request);
    let response = stages(worker, socket, request, &mut record).await;
    record.answered(response)
}

async fn stages(worker: &Worker, socket: Socket, request: Request<Incoming>, record: &mut Record) -> Response<Body> {
    let edge = &worker.edge;
    let (mut head, body) = request.into_parts();
    let mut visit = match arrive::read(&head, socket, &edge.trust, record.ray, record.now) {
        Ok(visit) => visit,
        Err(why) => {
            record.unreadable();
            return respond::unreadable(why);
        }
    };
    let claims = headers::strip(&mut head.headers);
    let catalog = edge.catalog.snapshot();
    let app = catalog.app_at(&visit.arrival.host, &visit.path).cloned();
    if has_two_readings(&visit, app.as_ref(), &catalog) {
        record.unreadable();
        return respond::unreadable(Unreadable::Path);
    }
    record.belongs_to(app.as_ref());
    visit.arrival.app.clone_from(&app);
    if let Some(door) = door(edge, &visit, &catalog) {
        return dispatch(edge, door, &visit, head, body).await;
    }
    let Some(app) = app else {
        record.unmatched();
        return refusal::unmatched(edge, &visit, &catalog);
    };
    let caller = match refusal::is_preflight(&head) {
        true => Caller::Nobody,
        false => caller::find(edge, &claims, &head.headers, &app, &visit.arrival, &catalog).await,
    };
    record.found(&caller);
    match verdict(edge, &caller, &app, &visit, &head, &catalog) {
        Ok(permit) => {
            record.admitted(&permit);
            forward(worker, &permit, &caller, &visit, Request::from_parts(head, body), &catalog, record).await
        }
        Err(refusal) => {
            record.refused(&caller, &refusal);
            refusal::respond(edge, &refusal, &caller, &app, &visit, &head, &catalog).await
        }
    }
}

/// Whether an origin that knows path parameters would see another
/// application's path here than we do (C-13).
fn has_two_readings(visit: &Visit, app: Option<&Arc<App>>, catalog: &Catalog) -> bool {
    visit.path.without_parameters().is_some_and(|other| {
        let other = catalog.app_at(&visit.arrival.host, &other);
        other.map(|app| app.id) != app.map(|app| app.id)
    })
}

/// The team domain, and what Access serves itself on every host it protects.
fn door(edge: &Edge, visit: &Visit, catalog: &Catalog) -> Option<axum::Router> {
    let host = &visit.arrival.host;
    if host.name() == catalog.team().host.name() {
        return Some(edge.team.clone());
    }
    let served = visit.path.as_str().starts_with(ACCESS_PREFIX) && catalog.serves_host(host);
    (served || is_local_certs(edge, visit)).then(|| edge.access.clone())
}

/// In emulator mode the keys are also at this machine's own addresses: many
/// resolvers do not know names below `localhost`, which validators would need.
fn is_local_certs(edge: &Edge, visit: &Visit) -> bool {
    let name = visit.arrival.host.name();
    let local = name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    edge.emulator && local && visit.path.as_str() == CERTS
}

/// Hands a request to a router, away from the workers: it may wait for the store.
async fn dispatch(edge: &Edge, door: axum::Router, visit: &Visit, mut head: Parts, body: Incoming) -> Response<Body> {
    use tower::ServiceExt as _;

    head.uri = request::origin_form(&head.uri, &visit.path);
    head.extensions.insert(visit.arrival.clone());
    let request = Request::from_parts(head, axum::body::Body::new(body));
    let response = edge.off_path(async move { door.oneshot(request).await }).await;
    response.unwrap_or_else(|never| match never {}).map(Body::Router)
}

/// Asks the policies, unless the same question was answered a moment ago.
fn verdict(
    edge: &Edge,
    caller: &Caller,
    app: &Arc<App>,
    visit: &Visit,
    head: &Parts,
    catalog: &Catalog,
) -> Result<Permit, Refusal> {
    let arrival = &visit.arrival;
    if let Caller::Person { person, .. } = caller
        && let Some(permit) = person.permit(edge, catalog, arrival)
    {
        return Ok(permit);
    }
    let revocations = edge.store.revocations().version();
    let facts = Facts {
        identity: match caller {
            Caller::Person { person, .. } => Some(&person.identity),
            _ => None,
        },
        service_token: match caller {
            Caller::Machine(machine) => Some(machine.token.id),
            _ => None,
        },
        client_ip: arrival.client_ip,
        country: arrival.country.as_deref(),
    };
    if refusal::is_preflight(head)
        && let Some(permit) = doorward_policy::preflight(app)
    {
        return Ok(permit);
    }
    let permit = doorward_policy::decide(app, catalog, &facts)?;
    if let Caller::Person { person, .. } = caller {
        person.remember(&permit, edge, catalog, arrival, revocations);
    }
    // What is bypassed is not logged (Access docs, "policies").
    if let (Caller::Person { person, .. }, Grant::Identity) = (caller, permit.grant()) {
        tracing::info!(
            ray.id = %arrival.ray, app.name = app.name, user.email = %person.identity.email, client.ip = %arrival.client_ip,
            policy = permit.policy(), rule = permit.rule(), "admitted"
        );
    }
    Ok(permit)
}

/// Sends what may pass to its origin.
async fn forward(
    worker: &Worker,
    permit: &Permit,
    caller: &Caller,
    visit: &Visit,
    request: Request<Incoming>,
    catalog: &Catalog,
    record: &mut Record,
) -> Response<Body> {
    let edge = &worker.edge;
    let (mut head, body) = request.into_parts();
    let (assertion, renewed) = match (permit.grant(), caller) {
        (Grant::Identity, Caller::Person { person, renewed }) => {
            (Assertion::of_person(person), renewed.then_some(person))
        }
        (Grant::Service(_), Caller::Machine(machine)) => {
            (machine::assertion(edge, machine, permit, visit, catalog.team(), catalog.generation()), None)
        }
        _ => (Assertion::default(), None),
    };
    let Some(route) = catalog.route_at(&visit.arrival.host, &visit.path) else {
        return answer::trouble(&Trouble::Unreachable("no route serves this host".into()), visit);
    };
    let websocket = upgrade::is_websocket(&head);
    let exclusive = answer::authenticates_connections(head.headers.get(AUTHORIZATION));
    let client = head.extensions.remove::<hyper::upgrade::OnUpgrade>().filter(|_| websocket);
    let request = request::build(permit, &assertion, visit, head, body, client.is_some());
    record.uploads(request.body().progress());
    let mut response = match &route.service {
        Service::Demo => {
            let answer = demo(edge, visit, request).await;
            record.origin_answered(None);
            answer
        }
        service => {
            let key = PoolKey { app: permit.app().id, service: service.clone() };
            let answered = exchange(worker, key, request, record).await;
            record.origin_answered(answered.as_ref().err());
            match answered {
                Ok((response, lease)) => match client {
                    Some(client) if upgrade::is_accepted(&response) => {
                        upgrade::tunnel(worker, client, response, lease, record.of_tunnel())
                    }
                    _ => answer::handed_through(response, lease, visit, exclusive),
                },
                Err(trouble) => answer::trouble(&trouble, visit),
            }
        }
    };
    if let Some(person) = renewed {
        assertion::renew_cookie(response.headers_mut(), permit.app(), person, visit.arrival.now);
        answer::keep_from_caches(response.headers_mut());
    }
    response.headers_mut().insert(request::CF_RAY, respond::header(visit.arrival.ray.as_str()));
    response
}

/// The demonstration application, which is an origin like any other.
async fn demo(edge: &Edge, visit: &Visit, request: Request<crate::body::Upload>) -> Response<Body> {
    use tower::ServiceExt as _;

    let Some(demo) = edge.demo.clone() else {
        return answer::trouble(&Trouble::Unreachable("there is no demo application".into()), visit);
    };
    let request = request.map(axum::body::Body::new);
    let response = edge.off_path(async move { demo.oneshot(request).await }).await;
    response.unwrap_or_else(|never| match never {}).map(Body::Router)
}
