//! The pipeline every request takes, in the order it takes it: place, strip,
//! match, caller, verdict, origin. No way leads round a stage.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::route::Service;
use doorward_model::site::{ACCESS_PREFIX, CERTS};
use doorward_policy::{Grant, Permit, Refusal};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::arrive::{self, Unreadable, Visit};
use crate::assertion::{Assertion, Given};
use crate::body::Body;
use crate::caller::{self, Caller};
use crate::record::Record;
use crate::upstream::download::Download;
use crate::upstream::exchange::{Trouble, exchange};
use crate::upstream::pool::PoolKey;
use crate::upstream::upload::Upload;
use crate::upstream::{answer, request, tcp, upgrade, upload};
use crate::watch::flow::Failure;
use crate::watch::stay::Stay;
use crate::{
    Edge, Entrance, Worker, certificate, cookies, cors, emulation, headers, holding, linked, machine, metadata,
    refusal, respond,
};

/// One request, from its head to its answer.
pub(crate) async fn gate(entrance: &Arc<Entrance>, request: Request<Incoming>, record: &mut Record) -> Response<Body> {
    let edge = &entrance.worker.edge;
    let (mut head, body) = request.into_parts();
    let mut visit = match arrive::read(&head, entrance.socket, &edge.trust, record.ray, record.now) {
        Ok(visit) => visit,
        Err(why) => {
            record.unreadable();
            return respond::unreadable(why);
        }
    };
    let mut claims = headers::strip(&mut head.headers);
    let catalog = edge.catalog.snapshot();
    let app = catalog.answering(&visit.arrival.host, &visit.path).cloned();
    if is_for_another_connection(entrance, &mut visit, app.as_deref(), &catalog) {
        record.unreadable();
        return respond::unreadable(Unreadable::Misdirected);
    }
    visit.arrival.app.clone_from(&app);
    record.arrived(&visit.arrival);
    if has_two_readings(&visit, app.as_ref(), &catalog) {
        record.unreadable();
        return respond::unreadable(Unreadable::Path);
    }
    if let Some(door) = door(edge, &visit, &catalog) {
        let body = Upload::of(body, &entrance.worker.watch, None, 0);
        return dispatch(edge, door, &visit, head, body).await;
    }
    if let Some(answer) = metadata::resource(&visit, &catalog) {
        return answer;
    }
    let Some(app) = app else {
        record.unmatched();
        emulation::tell_unmatched(edge, &visit, &head.method);
        return refusal::unmatched(edge, &visit, &catalog);
    };
    // What lets hosts of nobody pass is no application.
    if claims.asks_metadata && catalog.app(app.id).is_some() {
        return metadata::answer(edge, &app, &visit, &catalog).await;
    }
    claims.single = machine::single::taken(&mut head.headers, &app);
    visit.sends_service_token = claims.sends_service_token();
    // Read before the caller is looked at: a revocation in between is then a change.
    let revocations = edge.store.revocations().version();
    let preflight = refusal::is_preflight(&head);
    if let (true, Some(cors)) = (preflight, &app.cors_headers) {
        return cors::preflight(cors, &head.headers, &visit);
    }
    let caller = match preflight {
        true => Caller::Nobody,
        false => caller::find(edge, &claims, &head.headers, &app, &visit.arrival, &catalog).await,
    };
    record.found(&caller);
    let verdict = verdict(edge, &caller, &app, &visit, preflight, &catalog);
    emulation::tell(edge, (&app, &catalog), &visit, &head.method, &caller, verdict.as_ref());
    match verdict {
        Ok(permit) => {
            record.admitted(&permit);
            let stay = Stay { permit, caller, visit, generation: catalog.generation(), revocations, preflight };
            forward(entrance, &Arc::new(stay), head, body, &claims.destinations, &catalog, record).await
        }
        Err(refusal) => {
            record.refused(&caller, &refusal);
            refusal::respond(edge, &refusal, &caller, &app, &visit, &head, &catalog).await
        }
    }
}

/// Whether the handshake was for another host; where it was for this one, the
/// client's certificate is known from here on.
fn is_for_another_connection(entrance: &Entrance, visit: &mut Visit, app: Option<&App>, catalog: &Catalog) -> bool {
    let (told, arrival) = (&entrance.told, &mut visit.arrival);
    let by_trusted_proxy = entrance.worker.edge.trust.covers(entrance.socket.peer);
    if certificate::is_misdirected(told, &arrival.host, app, catalog, by_trusted_proxy) {
        return true;
    }
    arrival.certificate = certificate::presented(told, &arrival.host, catalog, arrival.now);
    visit.tells_certificate =
        arrival.certificate.valid().is_some() && certificate::is_forwarded(&arrival.host, catalog);
    false
}

/// Whether an origin that knows path parameters would see another
/// application's path here than we do (C-13).
fn has_two_readings(visit: &Visit, app: Option<&Arc<App>>, catalog: &Catalog) -> bool {
    visit.path.without_parameters().is_some_and(|other| {
        let other = catalog.answering(&visit.arrival.host, &other);
        other.map(|app| app.id) != app.map(|app| app.id)
    })
}

/// The team domain, and what Access serves itself on every host it protects.
fn door(edge: &Edge, visit: &Visit, catalog: &Catalog) -> Option<axum::Router> {
    let host = &visit.arrival.host;
    if host.name() == catalog.team().host.name() {
        return Some(edge.team.clone());
    }
    if let Some(site) = emulation::host(edge, host) {
        return Some(site);
    }
    if emulation::behind(edge, visit).is_some() {
        return None;
    }
    let served = visit.path.as_str().starts_with(ACCESS_PREFIX) && catalog.serves_host(host);
    (served || is_local_certs(edge, visit)).then(|| edge.access.clone())
}

/// In emulator mode the keys are also at this machine's own addresses: many
/// resolvers do not know names below `localhost`, which validators would need.
fn is_local_certs(edge: &Edge, visit: &Visit) -> bool {
    let name = visit.arrival.host.name();
    let local =
        || name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    edge.emulator && visit.path.as_str() == CERTS && local()
}

/// Hands a request to a router, away from the workers: it may wait for the store.
async fn dispatch(edge: &Edge, door: axum::Router, visit: &Visit, mut head: Parts, body: Upload) -> Response<Body> {
    use tower::ServiceExt as _;

    head.uri = request::origin_form(&head.uri, &visit.path);
    head.extensions.insert(visit.arrival.clone());
    let request = Request::from_parts(head, axum::body::Body::new(body));
    let Ok(place) = Arc::clone(&edge.doors).try_acquire_owned() else { return respond::busy(visit) };
    let response = edge.off_path(holding(place, async move { door.oneshot(request).await })).await;
    response.unwrap_or_else(|never| match never {}).map(Body::Router)
}

/// Asks the policies, unless the same question was answered a moment ago.
fn verdict(
    edge: &Edge,
    caller: &Caller,
    app: &Arc<App>,
    visit: &Visit,
    preflight: bool,
    catalog: &Catalog,
) -> Result<Permit, Refusal> {
    let arrival = &visit.arrival;
    if let Caller::Person { person, .. } = caller
        && let Some(permit) = person.permit(edge, catalog, arrival)
    {
        return Ok(permit);
    }
    if preflight && let Some(permit) = doorward_policy::preflight(app) {
        return Ok(permit);
    }
    let revocations = edge.store.revocations().version();
    let permit = doorward_policy::decide(app, catalog, &caller.facts(arrival))?;
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
    entrance: &Arc<Entrance>,
    stay: &Arc<Stay>,
    mut head: Parts,
    body: Incoming,
    destinations: &[HeaderValue],
    catalog: &Catalog,
    record: &mut Record,
) -> Response<Body> {
    let Worker { edge, watch, .. } = &*entrance.worker;
    let visit = &stay.visit;
    let (assertion, given) = assertion(edge, stay, catalog);
    // A machine that shows its certificate may go on with the cookie it has.
    let given = given.filter(|given| !cookies::tokens(&head.headers).any(|sent| given.token == sent));
    let assertion = match emulation::bend(edge, &stay.permit, visit, assertion).await {
        Ok(assertion) => assertion,
        Err(answer) => return answer,
    };
    if let Some(site) = emulation::behind(edge, visit) {
        assertion.write(&mut head.headers);
        return dispatch(edge, site, visit, head, Upload::of(body, watch, None, 0)).await;
    }
    let Some(route) = catalog.route_at(&visit.arrival.host, &visit.path) else {
        return answer::trouble(&Trouble::Unreachable("no route serves this host".into()), visit);
    };
    let mut response = match &route.service {
        service @ (Service::Tcp(_) | Service::Bastion(_)) => {
            tcp::open(entrance, stay, service, head, destinations, record).await
        }
        service => over_http(entrance, stay, service, &assertion, head, body, record).await,
    };
    if let Some(given) = given {
        given.write(response.headers_mut(), edge, stay.permit.app(), visit);
        answer::keep_from_caches(response.headers_mut());
    }
    response.headers_mut().insert(request::CF_RAY, respond::header(visit.arrival.ray.as_str()));
    response
}

/// The answer of an origin that speaks HTTP.
async fn over_http(
    entrance: &Arc<Entrance>,
    stay: &Arc<Stay>,
    service: &Service,
    assertion: &Assertion,
    mut head: Parts,
    body: Incoming,
    record: &mut Record,
) -> Response<Body> {
    let Worker { edge, watch, .. } = &*entrance.worker;
    if upload::is_too_large(&body, edge.limits.max_body_size) {
        return answer::trouble(&Trouble::Upload(Failure::TooLarge), &stay.visit);
    }
    let websocket = upgrade::is_websocket(&head);
    let exclusive = answer::authenticates_connections(head.headers.get(AUTHORIZATION));
    let client = head.extensions.remove::<OnUpgrade>().filter(|_| websocket);
    let upload = |body| Upload::of(body, watch, Some(stay), edge.limits.max_body_size);
    let mut request = request::build(stay, assertion, head, body, client.is_some(), upload);
    record.calls_origin(request.headers_mut());
    record.uploads(request.body().flow());
    if let Service::Demo = service {
        let answer = demo(edge, &stay.visit, request).await;
        record.origin_answered(None);
        return answer;
    }
    from_origin(entrance, stay, service, request, client, exclusive, record).await
}

/// The origin's answer, or a page that says why there is none.
async fn from_origin(
    entrance: &Arc<Entrance>,
    stay: &Arc<Stay>,
    service: &Service,
    request: Request<Upload>,
    client: Option<OnUpgrade>,
    exclusive: bool,
    record: &mut Record,
) -> Response<Body> {
    let worker = &entrance.worker;
    let key = PoolKey { app: stay.permit.app().id, service: service.clone() };
    let answered = exchange(worker, key, request, record).await;
    // It may have been waited for: it is for nobody whose session ended meanwhile.
    let answered = stay.holds(&worker.edge).map_err(Trouble::Cut).and(answered);
    record.origin_answered(answered.as_ref().err());
    let download = |body, lease| Download::of(body, lease, stay);
    match (answered, client) {
        (Ok((response, lease)), Some(client)) if upgrade::is_accepted(&response) => {
            upgrade::tunnel(entrance, stay, client, response, lease, record.of_tunnel())
        }
        (Ok((response, lease)), _) => answer::handed_through(response, lease, &stay.visit, exclusive, download),
        (Err(trouble), _) => answer::trouble(&trouble, &stay.visit),
    }
}

/// What the origin is told about the caller, and the token that goes back with the answer.
fn assertion(edge: &Edge, stay: &Stay, catalog: &Catalog) -> (Assertion, Option<Given>) {
    let Stay { permit, caller, visit, .. } = stay;
    match (permit.grant(), caller, visit.arrival.certificate.valid()) {
        (Grant::Identity, Caller::Person { person, renewed }, _) => {
            (Assertion::of_person(person), renewed.then(|| Given::of_person(person)))
        }
        (Grant::Service(_), Caller::Machine(machine), _) => machine::assertion(edge, machine, permit, visit, catalog),
        (Grant::Linked, Caller::Linked(person), _) => {
            (Assertion::of_person(&linked::counterpart(edge, person, permit, visit, catalog)), None)
        }
        // Access sets its cookie here, too (Access docs, "mutual TLS").
        (Grant::Certificate, _, Some(certificate)) => {
            let made = machine::certified(edge, certificate, permit, visit, catalog);
            (Assertion::of_machine(made.assertion.clone()), Some(Given::of_machine(&made)))
        }
        _ => (Assertion::default(), None),
    }
}

/// The demonstration application, which is an origin like any other.
async fn demo(edge: &Edge, visit: &Visit, request: Request<Upload>) -> Response<Body> {
    use tower::ServiceExt as _;

    let Some(demo) = edge.demo.clone() else {
        return answer::trouble(&Trouble::Unreachable("there is no demo application".into()), visit);
    };
    let request = request.map(axum::body::Body::new);
    let response = edge.off_path(async move { demo.oneshot(request).await }).await;
    response.unwrap_or_else(|never| match never {}).map(Body::Router)
}
