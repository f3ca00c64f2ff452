//! Tags: words that applications are found by. The name is the id.

use axum::extract::{Path, State};
use doorward_model::document::{AppDocument, Content, Key, Kind, NoExtension, Object};
use doorward_objects::Set;
use serde_json::{Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found};

pub(super) const FIELDS: &[Field] = &[field("name", Shape::Name)];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let set = api.set();
    let mut tags: Vec<_> = set.of(Kind::Tag).cloned().collect();
    tags.sort_by(|one, other| one.key.id.cmp(&other.key.id));
    wanted.page(tags.iter().map(|tag| shown(&set, tag)).collect(), 50)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    let set = api.set();
    found(&set, &Key::new(Kind::Tag, id)).map(|tag| Answer::ok(shown(&set, tag)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let name = name(&written)?;
    let key = Key::new(Kind::Tag, &name);
    let tag = api.create(&caller, &key, |set| {
        if set.get(&key).is_some() {
            return Err(Refusal::conflict(format!("the tag {name} exists already")));
        }
        Ok(Content::new(&json!({ "name": name }), &NoExtension {}, None))
    });
    tag.await.map(|tag| Answer::created(shown(&api.set(), &tag)))
}

/// A tag is its name and nothing more: it cannot become another one.
pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Tag, &id);
    let name = name(&written)?;
    let tag = api.replace(&caller, &key, |_, before| {
        if name != id {
            return Err(Refusal::invalid("/name", "the name of a tag is its id and cannot change"));
        }
        Ok(before.content.clone())
    });
    tag.await.map(|tag| Answer::ok(shown(&api.set(), &tag)))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::Tag, &id);
    let unused = |set: &Set, tag: &Object| match tagged(set, &tag.key.id).next() {
        Some(app) => {
            Err(Refusal::conflict(format!("the application \"{}\" has this tag; take it off first", app.name)))
        }
        None => Ok(()),
    };
    api.remove(&caller, &key, unused).await.map(|_| Answer::named(&id))
}

/// The applications that have the tag.
fn tagged<'a>(set: &'a Set, name: &'a str) -> impl Iterator<Item = AppDocument> + 'a {
    let apps = set.of(Kind::App).filter_map(|app| app.document::<AppDocument>().ok());
    apps.filter(move |app| app.tags.iter().flatten().any(|tag| tag == name))
}

fn name(written: &Written) -> Result<String, Refusal> {
    let fields = shaped(written, FIELDS)?;
    needed(&fields, "name")?;
    if [".", ".."].contains(&fields["name"].as_str().unwrap_or_default()) {
        return Err(Refusal::invalid("/name", "no path could end in this name"));
    }
    Ok(fields["name"].as_str().unwrap_or_default().to_owned())
}

fn shown(set: &Set, tag: &Object) -> Value {
    let (created, updated) = (tag.created_at.to_rfc3339(), tag.updated_at.to_rfc3339());
    let count = tagged(set, &tag.key.id).count();
    json!({ "name": *tag.key.id, "app_count": count, "created_at": created, "updated_at": updated })
}
