//! Faults: which there are, which are in force, and what a correct
//! application does about each.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Json;
use axum::extract::{Path, State};
use doorward_model::catalog::Catalog;
use doorward_model::path::PathPattern;
use doorward_model::time::Lifetime;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::app_name::named;
use super::refusal::Refusal;
use super::wanted::{self, Wanted};
use crate::Emulator;
use crate::faults::{Defect, Fault, Kind, Profile, Traffic};

/// Longer than any client waits, short enough for a mistake to be noticed.
const LONGEST_DELAY: Lifetime = Lifetime::from_secs(600);
const USUAL_LATENCY: Lifetime = Lifetime::from_secs(1);
/// Longer than the time limit of every known validator.
const USUAL_SLOWNESS: Lifetime = Lifetime::from_secs(15);

/// A fault as a call asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    fault: String,
    app: Option<String>,
    path: Option<PathPattern>,
    share: Option<f64>,
    #[serde(default)]
    once: bool,
    delay: Option<Lifetime>,
    status: Option<u16>,
}

pub(super) async fn show(State(emulator): State<Arc<Emulator>>) -> Json<Value> {
    shown(&emulator)
}

/// Makes these, one or a list, the faults in force.
pub(super) async fn put(
    State(emulator): State<Arc<Emulator>>,
    Wanted(body): Wanted<Value>,
) -> Result<Json<Value>, Refusal> {
    let bodies = match body {
        Value::Array(list) => list,
        one => vec![one],
    };
    let faults = read(bodies, &emulator.catalog.snapshot())?;
    if faults.iter().any(|fault| needs_stranger(fault.kind)) {
        emulator.know_stranger().await;
    }
    emulator.faults.replace(faults);
    Ok(shown(&emulator))
}

pub(super) async fn remove_all(State(emulator): State<Arc<Emulator>>) -> Json<Value> {
    emulator.faults.replace(vec![]);
    shown(&emulator)
}

/// Ends the faults of this name, and lets the others go on as they are.
pub(super) async fn remove(
    State(emulator): State<Arc<Emulator>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let kind = kind(&name)?;
    emulator.faults.end(kind);
    Ok(shown(&emulator))
}

/// The faults that these ask for; one that cannot be is refused with all.
pub(super) fn read(bodies: Vec<Value>, catalog: &Catalog) -> Result<Vec<Fault>, Refusal> {
    bodies.into_iter().map(|body| wanted::from::<Draft, _>(body)?.fault(catalog)).collect()
}

impl Draft {
    fn fault(self, catalog: &Catalog) -> Result<Fault, Refusal> {
        let kind = kind(&self.fault)?;
        self.check(kind)?;
        let app = match &self.app {
            Some(text) => Some((named(text, catalog)?.app.id, text.clone())),
            None => None,
        };
        let status = self.status.map(StatusCode::from_u16).transpose();
        let status = status.ok().filter(|status| status.is_none_or(|status| status.is_server_error()));
        let status = status.ok_or_else(|| Refusal::unusable("status: write one from 500 to 599"))?;
        let usual = if kind == Kind::Jwks(Profile::Slow) { USUAL_SLOWNESS } else { USUAL_LATENCY };
        Ok(Fault {
            kind,
            app,
            path: self.path,
            share: self.share.unwrap_or(1.0),
            once: self.once,
            delay: self.delay.unwrap_or(usual),
            status: status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            seen: AtomicU64::new(0),
            struck: AtomicU64::new(0),
        })
    }

    /// A field that would be ignored is a mistake.
    fn check(&self, kind: Kind) -> Result<(), Refusal> {
        let name = &self.fault;
        if self.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err(Refusal::unusable("share: write a part from 0 to 1, such as 0.25"));
        }
        if self.delay.is_some_and(|delay| delay > LONGEST_DELAY) {
            return Err(Refusal::unusable(&format!("delay: at most {LONGEST_DELAY}")));
        }
        if self.delay.is_some() && !kind.has_delay() {
            return Err(Refusal::unusable(&format!("{name} has no delay")).hint("only latency and jwks-slow have one"));
        }
        if self.status.is_some() && kind != Kind::Traffic(Traffic::Error) {
            return Err(Refusal::unusable(&format!("{name} has no status")).hint("only error has one"));
        }
        if matches!(kind, Kind::Jwks(_)) && (self.app.is_some() || self.path.is_some()) {
            return Err(Refusal::unusable("the keys are published for all applications").hint("leave out app and path"));
        }
        Ok(())
    }
}

fn kind(name: &str) -> Result<Kind, Refusal> {
    Kind::named(name).ok_or_else(|| {
        Refusal::unusable(&format!("there is no fault \"{name}\""))
            .hint("GET /emulator/v1/faults lists those there are")
    })
}

const fn needs_stranger(kind: Kind) -> bool {
    match kind {
        Kind::Jwks(profile) => profile.needs_stranger(),
        Kind::Token(defect) => defect.needs_stranger(),
        Kind::Traffic(_) => false,
    }
}

fn shown(emulator: &Emulator) -> Json<Value> {
    let available: Vec<Value> = crate::faults::ALL
        .iter()
        .map(|listed| json!({ "fault": listed.name, "what": listed.what, "a_correct_app": listed.a_correct_app }))
        .collect();
    let active: Vec<Value> = emulator.faults.all().iter().map(|fault| fault.shown()).collect();
    Json(json!({ "active": active, "available": available }))
}

/// The defect that an order for a token asks for.
pub(super) fn defect(name: &str) -> Result<Defect, Refusal> {
    match Kind::named(name) {
        Some(Kind::Token(defect)) if defect != Defect::Missing => Ok(defect),
        _ => {
            let names: Vec<&str> = crate::faults::ALL
                .iter()
                .filter(|listed| matches!(listed.kind, Kind::Token(defect) if defect != Defect::Missing))
                .map(|listed| listed.name)
                .collect();
            Err(Refusal::unusable(&format!("defect: there is no \"{name}\""))
                .hint(&format!("there are {}", names.join(", "))))
        }
    }
}
