//! The policies of one application, seen one by one. Its own ones are part of
//! its document, so that a change of one is a change of the application.

use axum::extract::{Path, State};
use doorward_model::document::{
    AppDocument, AppPolicy, Content, Key, Kind, NoExtension, Object, Owner, PolicyDocument, PolicyLink,
};
use doorward_model::id::PolicyId;
use doorward_objects::Set;
use doorward_store::ObjectChange;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::apps::written_policies::{Times, free_precedence, id_of, own, precedence, precedence_of, unique};
use super::apps::{kept_app, rewritten, whole as shown};
use super::caller::Caller;
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found, policies};

/// A policy of an application, by both ids.
#[derive(Deserialize)]
pub(super) struct AtPolicy {
    id: String,
    policy: String,
}

pub(super) async fn list(State(api): State<Api>, Path(At { id }): Path<At>, wanted: Wanted) -> Result<Page, Refusal> {
    let set = api.set();
    let object = found(&set, &Key::new(Kind::App, id))?;
    let policies = kept_app(object)?.policies;
    wanted.page(policies.iter().map(|policy| shown(&api, &set, object, policy)).collect(), 200)
}

pub(super) async fn show(State(api): State<Api>, Path(at): Path<AtPolicy>) -> Result<Answer, Refusal> {
    let set = api.set();
    let object = found(&set, &Key::new(Kind::App, &at.id))?;
    let app = kept_app(object)?;
    let policy = &app.policies[position(&app, &at.policy)?];
    Ok(Answer::ok(shown(&api, &set, object, policy)))
}

pub(super) async fn create(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let policy_id = PolicyId::random();
    let now = api.now().to_rfc3339();
    let object = change(&api, &caller, &id, |set, app| {
        let place = precedence(&json!(written.fields), "")?.unwrap_or_else(|| free_precedence(&app.policies));
        let times = Times { created: now.clone(), updated: now.clone() };
        app.policies.push(AppPolicy::Own(own(&api, set, &written.fields, policy_id, place, &times)?));
        Ok(())
    });
    answer(&api, &object.await?, policy_id).map(Answer::created)
}

pub(super) async fn update(
    State(api): State<Api>,
    Path(at): Path<AtPolicy>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let now = api.now().to_rfc3339();
    let object = change(&api, &caller, &at.id, |set, app| {
        let position = position(app, &at.policy)?;
        let before = own_at(app, position, "can not update reusable policies through this endpoint")?;
        let place = precedence(&json!(written.fields), "")?.unwrap_or(before.precedence.unwrap_or_default());
        let created = before.more.get("created_at").and_then(Value::as_str).unwrap_or(&now).to_owned();
        let times = Times { created, updated: now.clone() };
        let id = before.id;
        app.policies[position] = AppPolicy::Own(own(&api, set, &written.fields, id, place, &times)?);
        Ok(())
    });
    let object = object.await?;
    let id = at.policy.parse().map_err(|_| Refusal::not_found(Kind::Policy))?;
    answer(&api, &object, id).map(Answer::ok)
}

/// An application's own policy ends; a reusable one is detached.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(at): Path<AtPolicy>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let object = change(&api, &caller, &at.id, |_, app| {
        let position = position(app, &at.policy)?;
        app.policies.remove(position);
        Ok(())
    });
    object.await.map(|_| Answer::removed(&at.policy))
}

/// The policy keeps its id and its place; from now on others may link it too.
pub(super) async fn make_reusable(
    State(api): State<Api>,
    Path(at): Path<AtPolicy>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::App, &at.id);
    let now = api.now();
    let plan = |set: &Set| {
        let before = api.writable(set, &key)?;
        let mut app = kept_app(before)?;
        let position = position(&app, &at.policy)?;
        let mut policy = own_at(&app, position, "the policy is reusable already")?.clone();
        let precedence = policy.precedence.take().unwrap_or_default();
        app.policies[position] = AppPolicy::Link(PolicyLink { id: policy.id, precedence });
        for name in ["created_at", "updated_at"] {
            policy.more.remove(name);
        }
        let content = Content::new(&policy, &NoExtension {}, None);
        let key = Key::new(Kind::Policy, policy.id);
        let reusable = Object { key, owner: Owner::Api, content, created_at: now, updated_at: now };
        let app = Object { content: rewritten(before, &app), updated_at: now, ..(**before).clone() };
        Ok::<_, Refusal>((vec![ObjectChange::Put(reusable.clone()), ObjectChange::Put(app)], reusable))
    };
    let reusable = api.0.objects.change(&caller.author(), now, plan).await?;
    Ok(Answer::ok(policies::shown(&api, &api.set(), &reusable)))
}

/// Changes an application's policies, which stay in order and apart.
async fn change(
    api: &Api,
    caller: &Caller,
    id: &str,
    change: impl Fn(&Set, &mut AppDocument) -> Result<(), Refusal> + Send + Sync,
) -> Result<Object, Refusal> {
    let key = Key::new(Kind::App, id);
    api.replace(caller, &key, |set, before| {
        let mut app = kept_app(before)?;
        change(set, &mut app)?;
        unique(&app.policies).map_err(|_| Refusal::invalid("/precedence", "policy precedences must be unique"))?;
        app.policies.sort_by_key(precedence_of);
        Ok(rewritten(before, &app))
    })
    .await
}

fn position(app: &AppDocument, id: &str) -> Result<usize, Refusal> {
    let id: PolicyId = id.parse().map_err(|_| Refusal::not_found(Kind::Policy))?;
    app.policies.iter().position(|policy| id_of(policy) == id).ok_or_else(|| Refusal::not_found(Kind::Policy))
}

fn own_at<'a>(app: &'a AppDocument, position: usize, otherwise: &str) -> Result<&'a PolicyDocument, Refusal> {
    match &app.policies[position] {
        AppPolicy::Own(own) => Ok(own),
        AppPolicy::Link(_) => Err(Refusal::invalid("", otherwise)),
    }
}

fn answer(api: &Api, app: &Object, id: PolicyId) -> Result<Value, Refusal> {
    let policies = kept_app(app)?.policies;
    let policy = policies.iter().find(|policy| id_of(policy) == id).ok_or_else(|| Refusal::not_found(Kind::Policy))?;
    Ok(shown(api, &api.set(), app, policy))
}
