//! Ends what somebody, or everybody at one application, holds.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use doorward_model::email::Email;
use doorward_model::id::{Aud, UserId};
use doorward_model::session::Revoked;
use doorward_model::time::Timestamp;
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
            let now = emulator.past_tokens_of_app(&app.aud, now);
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
        let now = self.past_tokens_of_user(user, now);
        Ok(self.store.revoke(&Revoked::User(user), now).await?)
    }

    /// A token minted in the second of a revocation is issued one second
    /// later, and time that stands still stays in that second: a revocation
    /// reaches as far as any token that could have been minted by now.
    fn past_tokens_of_user(&self, user: UserId, now: Timestamp) -> Timestamp {
        let catalog = self.catalog.load();
        let team = Aud::of_team(&catalog.team().account);
        let auds = catalog.apps().map(|app| &app.aud).chain([&team]);
        self.newest(auds.map(|aud| (user, aud)), now)
    }

    fn past_tokens_of_app(&self, aud: &Aud, now: Timestamp) -> Timestamp {
        let account = self.catalog.load().team().account.clone();
        let people = self.people.all();
        self.newest(people.iter().map(|person| (UserId::derived(&account, person.email.as_str()), aud)), now)
    }

    fn newest<'a>(&self, tokens: impl Iterator<Item = (UserId, &'a Aud)>, now: Timestamp) -> Timestamp {
        let revocations = self.store.revocations();
        let issued = tokens.map(|(user, aud)| revocations.earliest_iat(None, Some(&user), aud, now)).max();
        Timestamp::from_secs(issued.unwrap_or_default()).max(now)
    }
}
