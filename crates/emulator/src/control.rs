//! The control API: moves people, time, keys and sessions while everything
//! runs. JSON in, JSON out; a call has taken effect when it answers.
//!
//! Who may call is the admin listener's business; nothing here checks it.

mod app_name;
mod clock;
mod faults;
mod keys;
mod mail;
pub(crate) mod namespaces;
mod refusal;
mod requests;
mod reset;
mod revocations;
pub(crate) mod snapshot;
mod storage_state;
mod tokens;
mod users;
mod wanted;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, delete, get, post};
use http::Uri;

use self::refusal::Refusal;
use crate::Emulator;

pub(crate) fn router(emulator: Arc<Emulator>) -> Router {
    let control = Router::new()
        .route("/tokens", post(tokens::mint))
        .route("/users", get(users::list).put(users::put_many).delete(users::remove_all))
        .route("/users/{email}", get(users::show).put(users::put).delete(users::remove))
        .route("/clock", get(clock::show).put(clock::change))
        .route("/keys/rotate", post(keys::rotate))
        .route("/revocations", post(revocations::revoke))
        .route("/reset", post(reset::reset))
        .route("/mail", get(mail::show).delete(mail::clear))
        .route("/requests", get(requests::show).delete(requests::clear))
        .route("/faults", get(faults::show).put(faults::put).delete(faults::remove_all))
        .route("/faults/{name}", delete(faults::remove))
        .route("/snapshot", get(snapshot::take).post(snapshot::restore))
        .route("/", any(unknown))
        .route("/{*path}", any(unknown))
        .method_not_allowed_fallback(wrong_method)
        .with_state(emulator);
    Router::new().nest("/emulator/v1", control).route("/emulator/v1/", any(unknown))
}

async fn unknown(uri: Uri) -> Refusal {
    let hint = "there are tokens, users, clock, keys/rotate, revocations, mail, requests, faults, snapshot, reset and namespaces, below /emulator/v1/";
    Refusal::not_found(&format!("there is nothing at {}", uri.path())).hint(hint)
}

async fn wrong_method(uri: Uri) -> Refusal {
    Refusal::wrong_method(&format!("{} does not take this method", uri.path()))
        .hint("the Allow header names those it takes")
}

#[cfg(test)]
mod tests;
