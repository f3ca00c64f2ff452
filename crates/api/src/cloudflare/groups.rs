//! Rule groups.

use axum::extract::{Path, State};
use doorward_model::document::{Content, GroupDocument, Key, Kind, NoExtension, Object};
use doorward_model::group::Group;
use doorward_model::id::GroupId;
use doorward_model::rule::Rule;
use doorward_objects::Set;
use serde_json::{Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, document, field, kept, needed, notes, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::rules::LISTS;
use super::written::Written;
use super::{Api, At, found, in_order, rules, usage};

pub(super) const FIELDS: &[Field] = &[
    field("name", Shape::Name),
    field("include", Shape::List),
    field("exclude", Shape::List),
    field("require", Shape::List),
    kept("is_default", Shape::Flag),
];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let groups = in_order(&api.set(), Kind::Group).into_iter().map(|group| shown(&group));
    let matching = groups.filter(|group| {
        let name = group["name"].as_str().unwrap_or_default();
        wanted.is("name", name) && wanted.searched([name])
    });
    wanted.page(matching.collect(), 1000)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    found(&api.set(), &Key::new(Kind::Group, id)).map(|group| Answer::ok(shown(group)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Group, GroupId::random());
    let group = api.create(&caller, &key, |set| content(&api, set, &key, &written)).await?;
    Ok(Answer::created(shown(&group)).noting(said(&api, &written)))
}

pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Group, id);
    let group = api.replace(&caller, &key, |set, _| content(&api, set, &key, &written)).await?;
    Ok(Answer::ok(shown(&group)).noting(said(&api, &written)))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Group, &id);
    api.remove(&caller, &key, usage::unused).await.map(|_| Answer::removed(&id))
}

fn content(api: &Api, set: &Set, key: &Key, written: &Written) -> Result<Content, Refusal> {
    let mut fields = shaped(written, FIELDS)?;
    needed(&fields, "name")?;
    needed(&fields, "include")?;
    rules::checked(api, set, &mut fields)?;
    fields.insert("id".into(), json!(*key.id));
    let group: GroupDocument = document(fields)?;
    no_cycle(set, key, &group)?;
    Ok(Content::new(&group, &NoExtension {}, None))
}

/// A group that contains itself could never be decided.
fn no_cycle(set: &Set, key: &Key, group: &GroupDocument) -> Result<(), Refusal> {
    let others = set.of(Kind::Group).filter(|other| other.key != *key);
    let others: Vec<Group> =
        others.filter_map(|other| other.document::<GroupDocument>().ok()).map(Group::from).collect();
    let cycle_by = |rule: &Rule| {
        let only =
            Group { include: vec![rule.clone()], require: Vec::new(), exclude: Vec::new(), ..group.clone().into() };
        let groups: Vec<Group> = others.iter().cloned().chain([only]).collect();
        doorward_policy::group_cycles(&groups).into_iter().find(|cycle| cycle.contains(&group.name))
    };
    for (list, rules) in LISTS.into_iter().zip([&group.include, &group.exclude, &group.require]) {
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| matches!(rule, Rule::Group(_))) {
            if let Some(cycle) = cycle_by(rule) {
                let detail = format!("a group contains itself ({})", cycle.join(" → "));
                return Err(Refusal::invalid(format!("/{list}/{index}/group/id"), detail));
            }
        }
    }
    Ok(())
}

fn said(api: &Api, written: &Written) -> Vec<String> {
    let Ok(mut fields) = shaped(written, FIELDS) else { return Vec::new() };
    let of_rules = rules::checked(api, &api.set(), &mut fields).unwrap_or_default();
    [notes(&fields, FIELDS), of_rules].concat()
}

fn shown(group: &Object) -> Value {
    let mut shown = group.document::<Value>().unwrap_or_default();
    shown["created_at"] = json!(group.created_at.to_rfc3339());
    shown["updated_at"] = json!(group.updated_at.to_rfc3339());
    shown
}
