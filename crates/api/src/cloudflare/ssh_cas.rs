//! Certificate authorities for SSH, one for an application (Access docs,
//! "short-lived certificates"). The private key is made here and never shown.
//! A file cannot declare one, so an application of the file may have one too.

use axum::extract::{Path, State};
use doorward_model::document::{Content, Key, Kind, NoExtension, Object, SshCaDocument};
use doorward_model::id::SshCaId;
use doorward_objects::Set;
use doorward_signer::SshCaKey;
use serde_json::Value;

use super::answer::Answer;
use super::apps::kept_app;
use super::caller::Caller;
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::{Api, At, found, in_order};

/// Those of applications that are there: one that a file left out takes its own with it.
pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let set = api.set();
    let has_app = |ca: &Object| set.get(&Key::new(Kind::App, &ca.key.id)).is_some();
    let cas = in_order(&set, Kind::SshCa).into_iter().filter(|ca| has_app(ca)).map(|ca| shown(&ca));
    wanted.page(cas.collect(), 100)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    let set = api.set();
    found(&set, &Key::new(Kind::App, &id))?;
    found(&set, &Key::new(Kind::SshCa, id)).map(|ca| Answer::ok(shown(ca)))
}

pub(super) async fn create(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let (ca, key) = (Key::new(Kind::SshCa, &id), SshCaKey::generate());
    let ca_id = SshCaId::random();
    let made = api.create(&caller, &ca, |set: &Set| {
        let app = kept_app(found(set, &Key::new(Kind::App, &id))?)?;
        if set.get(&ca).is_some() {
            return Err(Refusal::conflict(
                "the application has a certificate authority already; delete that one first",
            ));
        }
        let document = SshCaDocument { id: ca_id, aud: app.aud, public_key: key.public_key() };
        Ok(Content::new(&document, &NoExtension {}, Some(key.to_stored())))
    });
    made.await.map(|ca| Answer::ok(shown(&ca)))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let removed = api.remove(&caller, &Key::new(Kind::SshCa, id), |_, _| Ok(())).await?;
    Ok(Answer::removed(shown(&removed)["id"].as_str().unwrap_or_default()))
}

fn shown(ca: &Object) -> Value {
    ca.document().unwrap_or_default()
}
