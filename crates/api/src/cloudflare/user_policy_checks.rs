//! Whether one person may enter one application, as they were last seen: the
//! verdict of the edge, and what each policy said.

use axum::extract::{Path, State};
use doorward_model::document::{Key, Kind};
use doorward_model::identity::Identity;
use doorward_policy::explain;
use doorward_store::KnownUser;
use http::HeaderMap;
use serde_json::{Value, json};

use super::answer::Answer;
use super::apps::kept_app;
use super::paging::Wanted;
use super::policy_tests::{facts, status};
use super::refusal::Refusal;
use super::{Api, At, found};

pub(super) async fn show(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    headers: HeaderMap,
    wanted: Wanted,
) -> Result<Answer, Refusal> {
    let set = api.set();
    let document = kept_app(found(&set, &Key::new(Kind::App, id))?)?;
    let catalog = api.0.objects.catalog().snapshot();
    let Some(app) = catalog.app(document.id) else {
        let text = format!("an application of type {} lets nobody in or out", document.kind);
        return Err(Refusal::invalid("", text));
    };
    let (user, note) = whose(&api, &headers, &wanted).await?;
    let Some((identity, facts)) = user.identity.as_ref().zip(facts(&user)) else {
        return Err(Refusal::absent("sign-in of this person"));
    };
    let explanation = explain(app, &catalog, &facts);
    let state = json!({
        "app_uid": app.id,
        "aud": app.aud,
        "hostname": app.domains.first().map(ToString::to_string).unwrap_or_default(),
        "name": app.name,
        "policies": explanation.trace,
        "status": status(&user, app, &catalog).as_str(),
    });
    let shown = json!({ "app_state": state, "user_identity": self::identity(&api, identity) });
    Ok(Answer::ok(shown).noting(note.into_iter().collect()))
}

/// Access asks about whoever the caller's token belongs to. Ours belong to
/// nobody, so callers say whom they mean.
async fn whose(api: &Api, headers: &HeaderMap, wanted: &Wanted) -> Result<(KnownUser, Option<String>), Refusal> {
    let store = &api.0.store;
    let nobody = || Refusal::absent("person who was here");
    if let Some(who) = wanted.text("user_id").or(wanted.text("email")) {
        return Ok((store.known_user(who).await?.ok_or_else(nobody)?, None));
    }
    if let Some(caller) = headers.get("x-auth-email").and_then(|email| email.to_str().ok())
        && let Some(user) = store.known_user(caller).await?
    {
        return Ok((user, None));
    }
    let user = store.newest_user().await?.ok_or_else(nobody)?;
    let note = format!("this is about {}, who was here last; say whom you mean with ?email= or ?user_id=", user.email);
    Ok((user, Some(note)))
}

fn identity(api: &Api, identity: &Identity) -> Value {
    json!({
        "id": identity.id,
        "account_id": api.0.account.as_str(),
        "device_sessions": {},
        "email": identity.email,
        "geo": { "country": identity.country.clone().unwrap_or_default() },
        "iat": identity.iat,
        "is_gateway": false,
        "is_warp": false,
        "name": identity.name.clone().unwrap_or_default(),
        "user_uuid": identity.user_uuid,
        "version": 2,
    })
}
