//! Ends what somebody, or everybody at one application, holds.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use doorward_model::email::Email;
use doorward_model::session::Revoked;
use serde::Deserialize;
use serde_json::{Value, json};

use super::app_name::named;
use super::refusal::Refusal;
use super::wanted::Wanted;
use crate::Emulator;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revocation {
    email: Option<Email>,
    app: Option<String>,
}

pub(super) async fn revoke(
    State(emulator): State<Arc<Emulator>>,
    Wanted(revocation): Wanted<Revocation>,
) -> Result<Json<Value>, Refusal> {
    let now = emulator.clock.now();
    match (revocation.email, revocation.app) {
        (Some(email), None) => {
            emulator.revoke_person(&email).await?;
            Ok(Json(json!({ "revoked": { "email": email } })))
        }
        (None, Some(text)) => {
            let app = named(&text, &emulator.catalog.load())?.app;
            emulator.store.revoke(&Revoked::App(app.aud.clone()), now).await?;
            Ok(Json(json!({ "revoked": { "app": app.name, "aud": app.aud } })))
        }
        _ => Err(Refusal::unusable("say either whose or which application's tokens to revoke")
            .hint("send {\"email\":\"alice@example.com\"} or {\"app\":\"wiki.example.com\"}")),
    }
}

impl Emulator {
    /// Ends every session and token of this address, known here or not.
    pub(super) async fn revoke_person(&self, email: &Email) -> Result<(), Refusal> {
        let now = self.clock.now();
        let user = self.user_id(email, now).await?;
        Ok(self.store.revoke(&Revoked::User(user), now).await?)
    }
}
