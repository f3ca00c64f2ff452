//! Namespaces by call: made, listed, shown, ended; and everything else of the
//! control API once more below each of them.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use doorward_model::time::Lifetime;
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::wanted::Wanted;
use super::wrong_method;
use crate::namespaces::{MOST_NAMESPACES, Namespaces, NoPlace, NotFounded, Start, answered};

const BASE: &str = "/emulator/v1/namespaces/";
/// How long a namespace stays that nobody uses, where the call does not say.
const STAYS: Lifetime = Lifetime::from_hours(1);
/// A team's name, as it stands in front of `.localhost`.
const LONGEST_NAME: usize = 63;

pub(crate) fn router(namespaces: Arc<Namespaces>) -> Router {
    Router::new()
        .route("/emulator/v1/namespaces", get(list).post(found))
        .route("/emulator/v1/namespaces/{name}", get(show).delete(remove))
        .route("/emulator/v1/namespaces/{name}/{*path}", any(below))
        .method_not_allowed_fallback(wrong_method)
        .with_state(namespaces)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    name: Option<String>,
    seed: Option<String>,
    /// `main`, the process's own team, is what is copied unless `config` says something else.
    from: Option<String>,
    /// Tables of a configuration file: `{"app": [ … ], "user": [ … ]}`.
    config: Option<Map<String, Value>>,
    idle: Option<Lifetime>,
}

async fn found(
    State(namespaces): State<Arc<Namespaces>>,
    Wanted(wish): Wanted<Wish>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let name = wish.name.map(checked).transpose()?;
    if wish.seed.as_ref().is_some_and(String::is_empty) {
        return Err(Refusal::unusable("the seed is empty").hint("leave it out for keys made by chance"));
    }
    let start = start(wish.from, wish.config)?;
    // Zero is for ever.
    let stays = Some(wish.idle.unwrap_or(STAYS)).filter(|stays| *stays > Lifetime::ZERO);
    let named = name.clone().unwrap_or_default();
    let founded = namespaces.found(name, wish.seed, start, stays.map(Lifetime::as_std)).await;
    let namespace = founded.map_err(|why| refused(why, &named))?;
    Ok((StatusCode::CREATED, Json(namespace.told())))
}

async fn list(State(namespaces): State<Arc<Namespaces>>) -> Json<Value> {
    let all: Vec<Value> = namespaces.all().iter().map(|namespace| namespace.told()).collect();
    Json(json!({ "namespaces": all, "ready": namespaces.ready() }))
}

async fn show(State(namespaces): State<Arc<Namespaces>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    namespaces.of(&name).map(|namespace| Json(namespace.told())).ok_or_else(|| unknown(&name))
}

async fn remove(State(namespaces): State<Arc<Namespaces>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    match namespaces.remove(&name) {
        true => Ok(Json(json!({ "deleted": [name] }))),
        false => Err(unknown(&name)),
    }
}

/// The control API of a namespace is asked as if it were the process's own.
async fn below(
    State(namespaces): State<Arc<Namespaces>>,
    OriginalUri(uri): OriginalUri,
    mut request: Request,
) -> Response {
    let rest = uri.path().strip_prefix(BASE).unwrap_or_default();
    let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let Some(namespace) = namespaces.of(name) else { return unknown(name).into_response() };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match format!("/emulator/v1/{rest}{query}").parse::<Uri>() {
        Ok(own) => *request.uri_mut() = own,
        Err(_) => return Refusal::not_found(&format!("there is nothing at {}", uri.path())).into_response(),
    }
    answered(namespace.control(), request).await
}

fn start(from: Option<String>, config: Option<Map<String, Value>>) -> Result<Start, Refusal> {
    match (from.as_deref(), config) {
        (None | Some("main"), None) => Ok(Start::Copy),
        (None, Some(tables)) => Ok(Start::Tables(tables)),
        (Some(_), Some(_)) => {
            Err(Refusal::unusable("from and config say twice what is configured").hint("keep one of them"))
        }
        (Some(other), None) => Err(Refusal::unusable(&format!("from: there is no configuration \"{other}\""))
            .hint("write \"main\" for the process's own, or send tables as config")),
    }
}

/// A name that can be part of a host's.
fn checked(name: String) -> Result<String, Refusal> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let valid = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed);
    if valid && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(name);
    }
    Err(Refusal::unusable(&format!("\"{name}\" cannot be the name of a namespace"))
        .hint("use lower-case letters, digits and hyphens, as in worker-1; it becomes a host name"))
}

fn refused(why: NoPlace, name: &str) -> Refusal {
    match why {
        NoPlace::Taken => Refusal::conflict(&format!("there is a namespace \"{name}\" already"))
            .hint(&format!("DELETE {BASE}{name} ends it; without a name, one that is free is chosen")),
        NoPlace::Full => Refusal::conflict(&format!("there are {MOST_NAMESPACES} namespaces, and no more can be made"))
            .hint("end those that are not needed, or give them an idle time after which they go"),
        NoPlace::NotFounded(NotFounded::Taken(text)) => Refusal::conflict(&text).hint("choose another name"),
        NoPlace::NotFounded(NotFounded::Unusable(text)) => {
            Refusal::unusable(&text).hint("config takes the tables of a configuration file, as JSON")
        }
        NoPlace::NotFounded(NotFounded::Failed) => {
            Refusal::unavailable("the namespace could not be made").hint("the log says why; the call may be repeated")
        }
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::not_found(&format!("there is no namespace \"{name}\""))
        .hint("GET /emulator/v1/namespaces lists them; POST there makes one")
}
