//! What providers told by SCIM: nothing, since none can be told to. Clients
//! that look find empty lists, of providers that are there.

use axum::extract::{Path, State};
use doorward_model::document::Kind;

use super::answer::Answer;
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::{Api, At};

pub(super) async fn list(State(api): State<Api>, Path(At { id }): Path<At>, wanted: Wanted) -> Result<Page, Refusal> {
    match api.has_provider(&api.set(), &id) {
        true => wanted.page(Vec::new(), 100),
        false => Err(Refusal::not_found(Kind::IdentityProvider)),
    }
}

/// There is no secret to be made anew.
pub(super) async fn refresh_secret(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    match api.has_provider(&api.set(), &id) {
        true => Err(Refusal::conflict("SCIM is not enabled for this identity provider")),
        false => Err(Refusal::not_found(Kind::IdentityProvider)),
    }
}
