//! What an emulator may see of requests and do to them: it is told of every
//! decision, and lets requests fail that may pass. It admits nobody: what it
//! can change is what comes after a permit. Production has none.

use std::sync::Arc;
use std::time::Duration;

use doorward_model::app::App;
use doorward_model::arrival::Arrival;
use doorward_model::catalog::Catalog;
use doorward_model::host::Host;
use doorward_model::path::NormPath;
use doorward_policy::{Grant, Permit, Refusal, RefusalKind, explain};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::arrive::Visit;
use crate::assertion::Assertion;
use crate::body::Body;
use crate::caller::Caller;
use crate::{Edge, respond};

const EMULATED: HeaderName = HeaderName::from_static("x-emulated-access");

/// Ten thousand decisions are remembered.
const LONGEST_RULES: usize = 1_024;

/// An emulator, as the edge knows it.
pub trait Emulation: Send + Sync {
    /// Is told of each decision, once.
    fn decided(&self, decision: &Decided<'_>);

    /// What is to go wrong with a request that may pass; `token` is what the
    /// origin would be told.
    fn bent(&self, app: &App, path: &NormPath, token: Option<&str>) -> Option<Bent>;

    /// Its own site under this name, which is neither the team's nor an application's.
    fn host(&self, name: &str) -> Option<axum::Router>;

    /// What it serves at this path of every application to those who may enter.
    fn behind(&self, path: &str) -> Option<axum::Router>;
}

/// A decision.
pub struct Decided<'a> {
    pub arrival: &'a Arrival,
    pub method: &'a Method,
    pub path: &'a NormPath,
    /// `allow`, `service_auth`, `bypass`, `login`, `deny` or `unmatched`.
    pub verdict: &'static str,
    pub policy: Option<&'a str>,
    pub rule: Option<&'a str>,
    /// How the policies came to a refusal, rule by rule.
    pub rules: Option<String>,
    pub caller: Who<'a>,
}

/// Who a decision was about.
pub enum Who<'a> {
    Nobody,
    /// By their e-mail address.
    Person(&'a str),
    /// A service token, by its name.
    Service(&'a str),
    /// Credentials that do not hold.
    Unproven,
}

/// What goes wrong.
#[derive(Default)]
pub struct Bent {
    pub delay: Duration,
    /// An answer in place of the origin's.
    pub instead: Option<Instead>,
    /// What the origin is told in place of its token.
    pub token: Option<Option<String>>,
}

/// An answer that the origin did not give.
pub enum Instead {
    Status(StatusCode),
    /// None: the connection ends.
    Reset,
}

/// Tells of a verdict, if anybody wants to know.
pub(crate) fn tell(
    edge: &Edge,
    (app, catalog): (&Arc<App>, &Catalog),
    visit: &Visit,
    method: &Method,
    caller: &Caller,
    verdict: Result<&Permit, &Refusal>,
) {
    let Some(emulation) = &edge.emulation else { return };
    let rules = || explain(app, catalog, &caller.facts(&visit.arrival)).on_one_line(LONGEST_RULES);
    let rules = verdict.is_err().then(rules);
    let (word, policy, rule) = match verdict {
        Ok(permit) => {
            let word = match permit.grant() {
                Grant::Identity => "allow",
                Grant::Service(_) | Grant::Certificate | Grant::Linked => "service_auth",
                Grant::Bypass => "bypass",
            };
            (word, Some(permit.policy()).filter(|name| !name.is_empty()), Some(permit.rule()))
        }
        Err(refusal) => {
            let word = match (refusal.kind, caller) {
                (
                    RefusalKind::NeedsLogin | RefusalKind::NeedsPurpose,
                    Caller::Nobody | Caller::Linked(_) | Caller::Person { .. },
                ) => "login",
                _ => "deny",
            };
            (word, refusal.policy.as_deref(), refusal.rule.as_deref())
        }
    };
    let caller = match caller {
        Caller::Nobody => Who::Nobody,
        Caller::Person { person, .. } | Caller::Linked(person) => Who::Person(person.identity.email.as_str()),
        Caller::Machine(machine) => Who::Service(&machine.token.name),
        Caller::BadServiceToken | Caller::Conflict | Caller::Unavailable => Who::Unproven,
    };
    let (arrival, path) = (&visit.arrival, &visit.path);
    emulation.decided(&Decided { arrival, method, path, verdict: word, policy, rule, rules, caller });
}

/// Tells of a request for what no application covers.
pub(crate) fn tell_unmatched(edge: &Edge, visit: &Visit, method: &Method) {
    let Some(emulation) = &edge.emulation else { return };
    let (arrival, path) = (&visit.arrival, &visit.path);
    let (policy, rule, rules, caller) = (None, None, None, Who::Nobody);
    emulation.decided(&Decided { arrival, method, path, verdict: "unmatched", policy, rule, rules, caller });
}

/// Lets go wrong what is to go wrong: what the origin is told, or the answer
/// that comes in its place.
pub(crate) async fn bend(
    edge: &Edge,
    permit: &Permit,
    visit: &Visit,
    assertion: Assertion,
) -> Result<Assertion, Response<Body>> {
    let Some(emulation) = &edge.emulation else { return Ok(assertion) };
    let Some(bent) = emulation.bent(permit.app(), &visit.path, assertion.token()) else { return Ok(assertion) };
    if bent.delay > Duration::ZERO {
        tokio::time::sleep(bent.delay).await;
    }
    match bent.instead {
        Some(Instead::Status(status)) => Err(respond::notice(
            status,
            "This fails on purpose",
            "A fault of the emulator strikes this request: GET /emulator/v1/faults shows which.",
            visit,
        )),
        Some(Instead::Reset) => Err(Response::new(Body::Router(axum::body::Body::from_stream(failing())))),
        None => Ok(match bent.token {
            Some(token) => assertion.saying(token.as_deref()),
            None => assertion,
        }),
    }
}

/// A site of the emulator's own under this name.
pub(crate) fn host(edge: &Edge, host: &Host) -> Option<axum::Router> {
    edge.emulation.as_ref()?.host(host.name())
}

/// What the emulator serves here in the place of the origin.
pub(crate) fn behind(edge: &Edge, visit: &Visit) -> Option<axum::Router> {
    edge.emulation.as_ref()?.behind(visit.path.as_str())
}

/// Says on every answer that it is an imitation's.
pub(crate) fn mark<B>(edge: &Edge, response: &mut Response<B>) {
    if edge.emulator {
        response.headers_mut().insert(EMULATED, HeaderValue::from_static("1"));
    }
}

/// It fails before its first byte, so that nothing of the answer is sent.
fn failing() -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static {
    futures_util::stream::once(std::future::ready(Err(std::io::ErrorKind::ConnectionReset.into())))
}
