//! The policies of an application as callers write them: the id of a reusable
//! one, an object with that id and a place, or a whole policy.

use std::collections::HashSet;

use doorward_model::document::{AppDocument, AppPolicy, Key, Kind, PolicyDocument, PolicyLink};
use doorward_model::id::PolicyId;
use doorward_model::time::Timestamp;
use doorward_objects::Set;
use serde_json::{Map, Value, json};

use super::super::fields::{document, shaped};
use super::super::refusal::Refusal;
use super::super::written::Written;
use super::super::{Api, policies};

/// In ascending precedence; without one, a policy comes after the one before it.
pub(super) fn read(
    api: &Api,
    set: &Set,
    entries: &[Value],
    before: Option<&AppDocument>,
    now: Timestamp,
) -> Result<Vec<AppPolicy>, Refusal> {
    let mut read = Vec::new();
    let mut last = 0;
    for (entry, index) in entries.iter().zip(0..) {
        let pointer = format!("/policies/{index}");
        let precedence = precedence(entry, &pointer)?.unwrap_or(last + 1);
        last = precedence;
        read.push(match entry {
            Value::String(id) => AppPolicy::Link(link(set, id, precedence, &pointer)?),
            Value::Object(fields) if fields.contains_key("decision") => {
                let id = known(before, fields).unwrap_or_else(PolicyId::random);
                let created = before.and_then(|app| created_at(app, id));
                let times = Times { created: created.unwrap_or_else(|| now.to_rfc3339()), updated: now.to_rfc3339() };
                AppPolicy::Own(
                    own(api, set, fields, id, precedence, &times).map_err(|refusal| refusal.below(&pointer))?,
                )
            }
            Value::Object(fields) => {
                let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
                AppPolicy::Link(link(set, id, precedence, &pointer)?)
            }
            _ => return Err(Refusal::invalid(pointer, "a policy is an id or an object")),
        });
    }
    unique(&read)?;
    read.sort_by_key(precedence_of);
    Ok(read)
}

/// When a policy was made and changed.
pub(in crate::cloudflare) struct Times {
    pub(in crate::cloudflare) created: String,
    pub(in crate::cloudflare) updated: String,
}

/// A whole policy of the application's own.
pub(in crate::cloudflare) fn own(
    api: &Api,
    set: &Set,
    fields: &Map<String, Value>,
    id: PolicyId,
    precedence: u32,
    times: &Times,
) -> Result<PolicyDocument, Refusal> {
    let written = Written { fields: fields.clone(), nulls: Default::default() };
    let mut fields = shaped(&written, policies::FIELDS)?;
    policies::checked(api, set, &mut fields)?;
    fields.insert("id".into(), json!(id));
    fields.insert("precedence".into(), json!(precedence));
    fields.insert("created_at".into(), json!(times.created));
    fields.insert("updated_at".into(), json!(times.updated));
    document(fields)
}

pub(in crate::cloudflare) fn unique(policies: &[AppPolicy]) -> Result<(), Refusal> {
    let (mut places, mut ids) = (HashSet::new(), HashSet::new());
    for (policy, index) in policies.iter().zip(0..) {
        if !places.insert(precedence_of(policy)) {
            return Err(Refusal::invalid(format!("/policies/{index}"), "policy precedences must be unique"));
        }
        if !ids.insert(id_of(policy)) {
            return Err(Refusal::invalid(format!("/policies/{index}"), "a policy is there twice"));
        }
    }
    Ok(())
}

/// The place after all others.
pub(in crate::cloudflare) fn free_precedence(policies: &[AppPolicy]) -> u32 {
    policies.iter().map(precedence_of).max().unwrap_or_default().saturating_add(1)
}

/// The place that a policy is given, if any.
pub(in crate::cloudflare) fn precedence(entry: &Value, pointer: &str) -> Result<Option<u32>, Refusal> {
    let Some(written) = entry.get("precedence") else { return Ok(None) };
    let number = written.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let wrong = || Refusal::invalid(format!("{pointer}/precedence"), "precedence is a number from 1 on");
    number.map(Some).ok_or_else(wrong)
}

pub(in crate::cloudflare) fn id_of(policy: &AppPolicy) -> PolicyId {
    match policy {
        AppPolicy::Own(own) => own.id,
        AppPolicy::Link(link) => link.id,
    }
}

pub(in crate::cloudflare) fn precedence_of(policy: &AppPolicy) -> u32 {
    match policy {
        AppPolicy::Own(own) => own.precedence.unwrap_or_default(),
        AppPolicy::Link(link) => link.precedence,
    }
}

fn link(set: &Set, id: &str, precedence: u32, pointer: &str) -> Result<PolicyLink, Refusal> {
    let known = id.parse().ok().filter(|id: &PolicyId| set.get(&Key::new(Kind::Policy, id)).is_some());
    let missing = || Refusal::invalid(pointer, format!("there is no reusable policy \"{id}\""));
    known.map(|id| PolicyLink { id, precedence }).ok_or_else(missing)
}

/// The id of a policy that the application has already; any other is not taken.
fn known(before: Option<&AppDocument>, fields: &Map<String, Value>) -> Option<PolicyId> {
    let id = fields.get("id")?.as_str()?.parse().ok()?;
    before?.policies.iter().any(|policy| matches!(policy, AppPolicy::Own(own) if own.id == id)).then_some(id)
}

fn created_at(app: &AppDocument, id: PolicyId) -> Option<String> {
    app.policies.iter().find_map(|policy| match policy {
        AppPolicy::Own(own) if own.id == id => Some(own.more.get("created_at")?.as_str()?.to_owned()),
        _ => None,
    })
}
