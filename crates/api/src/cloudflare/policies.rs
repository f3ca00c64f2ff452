//! Reusable policies, and what every policy has in common.

use axum::extract::{Path, State};
use doorward_model::document::{Content, Key, Kind, NoExtension, Object, PolicyDocument};
use doorward_model::id::PolicyId;
use doorward_model::purpose::Purpose;
use doorward_objects::Set;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, document, field, kept, needed, notes, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found, in_order, rules, usage};

/// What policies may say. Those that restrict and cannot be acted on yet make
/// a policy that lets nobody in, see `PolicyDocument::policy`.
pub(super) const FIELDS: &[Field] = &[
    field("name", Shape::Name),
    field("decision", Shape::Text),
    field("include", Shape::List),
    field("exclude", Shape::List),
    field("require", Shape::List),
    field("session_duration", Shape::Session),
    field("approval_groups", Shape::List),
    field("approval_required", Shape::Flag),
    field("isolation_required", Shape::Flag),
    field("purpose_justification_required", Shape::Flag),
    field("purpose_justification_prompt", Shape::Text),
    field("mfa_config", Shape::Object),
    kept("connection_rules", Shape::Object),
];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let set = api.set();
    let policies = in_order(&set, Kind::Policy).into_iter().map(|policy| shown(&api, &set, &policy));
    wanted.page(policies.collect(), 100)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    let set = api.set();
    found(&set, &Key::new(Kind::Policy, id)).map(|policy| Answer::ok(shown(&api, &set, policy)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Policy, PolicyId::random());
    let policy = api.create(&caller, &key, |set| content(&api, set, &key, &written)).await?;
    Ok(Answer::created(shown(&api, &api.set(), &policy)).noting(said(&api, &written)))
}

pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Policy, id);
    let policy = api.replace(&caller, &key, |set, _| content(&api, set, &key, &written)).await?;
    Ok(Answer::ok(shown(&api, &api.set(), &policy)).noting(said(&api, &written)))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Policy, &id);
    api.remove(&caller, &key, usage::unused).await.map(|_| Answer::removed(&id))
}

fn content(api: &Api, set: &Set, key: &Key, written: &Written) -> Result<Content, Refusal> {
    let mut fields = shaped(written, FIELDS)?;
    checked(api, set, &mut fields)?;
    fields.insert("id".into(), json!(*key.id));
    let policy: PolicyDocument = document(fields)?;
    Ok(Content::new(&policy, &NoExtension {}, None))
}

/// What every policy must say, and may only say as it is meant.
pub(super) fn checked(api: &Api, set: &Set, fields: &mut Map<String, Value>) -> Result<Vec<String>, Refusal> {
    needed(fields, "name")?;
    needed(fields, "decision")?;
    let known = ["allow", "deny", "non_identity", "bypass"];
    if !fields["decision"].as_str().is_some_and(|decision| known.contains(&decision)) {
        return Err(Refusal::invalid("/decision", "unrecognized policy decision"));
    }
    purpose(set, fields)?;
    rules::checked(api, set, fields)
}

/// What people are asked has to be something that can be answered.
fn purpose(set: &Set, fields: &Map<String, Value>) -> Result<(), Refusal> {
    // One of the four decisions, as was just looked at.
    let Some(decision) = fields.get("decision").and_then(|decision| serde_json::from_value(decision.clone()).ok())
    else {
        return Ok(());
    };
    let purpose =
        Purpose::of_fields(decision, fields).map_err(|invalid| Refusal::invalid(invalid.pointer, invalid.why))?;
    for (index, group) in purpose.iter().flat_map(|purpose| &purpose.approval_groups).enumerate() {
        let missing = group.list.filter(|list| set.get(&Key::new(Kind::List, list)).is_none());
        if let Some(list) = missing {
            let pointer = format!("/approval_groups/{index}/email_list_uuid");
            return Err(Refusal::invalid(pointer, format!("there is no list {list}")));
        }
    }
    Ok(())
}

fn said(api: &Api, written: &Written) -> Vec<String> {
    let Ok(mut fields) = shaped(written, FIELDS) else { return Vec::new() };
    let of_rules = rules::checked(api, &api.set(), &mut fields).unwrap_or_default();
    [notes(&fields, FIELDS), of_rules, restrictions(&fields)].concat()
}

/// What makes a policy let nobody in, in words.
pub(super) fn restrictions(fields: &Map<String, Value>) -> Vec<String> {
    let restrictions = PolicyDocument::RESTRICTIONS.into_iter().filter(|name| PolicyDocument::restricts(fields, name));
    let text = "so that the policy lets nobody in, and keeps out those whom it would allow";
    restrictions.map(|name| format!("this version cannot act on {name}, {text}")).collect()
}

/// As the API shows a reusable policy, wherever it does.
pub(super) fn shown(api: &Api, set: &Set, policy: &Object) -> Value {
    let mut shown = presented(policy.document::<Value>().unwrap_or_default());
    shown["account_id"] = json!(api.0.account.as_str());
    shown["app_count"] = json!(usage::users(set, &policy.key).count());
    shown["reusable"] = json!(true);
    shown["created_at"] = json!(policy.created_at.to_rfc3339());
    shown["updated_at"] = json!(policy.updated_at.to_rfc3339());
    shown
}

/// Flags that are not set are not there; a duration always is.
pub(super) fn presented(mut policy: Value) -> Value {
    if let Some(fields) = policy.as_object_mut() {
        fields.retain(|_, value| *value != Value::Bool(false));
        fields.entry("session_duration").or_insert_with(|| json!("24h"));
    }
    policy
}
