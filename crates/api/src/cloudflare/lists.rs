//! Lists that rules refer to (Zero Trust docs, "lists"). Rules look into
//! addresses and networks; the other types are kept and no more.

use axum::extract::{Path, State};
use doorward_model::document::{Content, Key, Kind, ListDocument, ListItem, NoExtension, Object};
use doorward_model::id::ListId;
use doorward_model::list::{EMAIL, IP};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found, in_order, usage};

pub(super) const FIELDS: &[Field] = &[
    field("name", Shape::Name),
    field("type", Shape::Text),
    field("description", Shape::Text),
    field("items", Shape::List),
];
pub(super) const CHANGE: &[Field] = &[field("append", Shape::List), field("remove", Shape::Texts)];
const ITEM: &[Field] = &[field("value", Shape::Name), field("description", Shape::Text)];

const TYPES: [&str; 9] = ["SERIAL", "URL", "DOMAIN", EMAIL, IP, "CATEGORY", "LOCATION", "DEVICE", "AAGUID"];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let lists = in_order(&api.set(), Kind::List);
    let shown = lists.iter().map(|list| shown(list, false)).filter(|list| {
        let [name, kind, about] = ["name", "type", "description"].map(|field| list[field].as_str().unwrap_or_default());
        wanted.is("type", kind) && wanted.searched([name, about])
    });
    wanted.page(shown.collect(), 1000)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    found(&api.set(), &Key::new(Kind::List, id)).map(|list| Answer::ok(shown(list, true)))
}

pub(super) async fn items(State(api): State<Api>, Path(At { id }): Path<At>, wanted: Wanted) -> Result<Page, Refusal> {
    let set = api.set();
    let items = kept(found(&set, &Key::new(Kind::List, id))?)?.items;
    wanted.page(items.iter().map(|item| json!(item)).collect(), 50)
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    needed(&fields, "name")?;
    needed(&fields, "type")?;
    let (id, kind) = (ListId::random(), kind(&fields)?);
    let empty = ListDocument { id, name: String::new(), kind, items: Vec::new(), more: Map::new() };
    let list = named(empty, &fields);
    let items = items_of(&list, &fields, "items", &api.now().to_rfc3339())?;
    let content = Content::new(&ListDocument { items, ..list }, &NoExtension {}, None);
    let list = api.create(&caller, &Key::new(Kind::List, id), |_| Ok(content.clone())).await?;
    Ok(Answer::created(shown(&list, true)).noting(said(&list)))
}

/// The list anew, but for its items where none are written.
pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    needed(&fields, "name")?;
    let now = api.now().to_rfc3339();
    let key = Key::new(Kind::List, id);
    let list = api.replace(&caller, &key, |_, before| {
        let mut list = named(kept(before)?, &fields);
        if fields.contains_key("type") && kind(&fields)? != list.kind {
            return Err(Refusal::invalid("/type", "the type of a list cannot change; make another one"));
        }
        if fields.contains_key("items") {
            list.items = items_of(&list, &fields, "items", &now)?;
        }
        Ok(Content::new(&list, &NoExtension {}, None))
    });
    list.await.map(|list| Answer::ok(shown(&list, true)))
}

/// Some items more and some less. What is there already, or is not there, is no mistake.
pub(super) async fn change(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let fields = shaped(&written, CHANGE)?;
    let now = api.now().to_rfc3339();
    let removed: Vec<&str> =
        fields.get("remove").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let key = Key::new(Kind::List, id);
    let list = api.replace(&caller, &key, |_, before| {
        let mut list = kept(before)?;
        let appended = items_of(&list, &fields, "append", &now)?;
        list.items.retain(|item| !removed.contains(&item.value.as_str()));
        list.items.retain(|item| appended.iter().all(|new| new.value != item.value));
        list.items.extend(appended);
        Ok(Content::new(&list, &NoExtension {}, None))
    });
    list.await.map(|list| Answer::ok(shown(&list, true)))
}

/// 200, unlike other kinds.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    api.remove(&caller, &Key::new(Kind::List, &id), usage::unused).await.map(|_| Answer::ok(json!({ "id": id })))
}

fn kept(list: &Object) -> Result<ListDocument, Refusal> {
    list.document().map_err(|error| Refusal::conflict(error.to_string()))
}

fn kind(fields: &Map<String, Value>) -> Result<String, Refusal> {
    let written = fields["type"].as_str().unwrap_or_default();
    let known = TYPES.into_iter().find(|kind| *kind == written);
    known.map(str::to_owned).ok_or_else(|| Refusal::invalid("/type", format!("\"{written}\" is no type of list")))
}

fn named(mut list: ListDocument, fields: &Map<String, Value>) -> ListDocument {
    if let Some(name) = fields.get("name").and_then(Value::as_str) {
        name.clone_into(&mut list.name);
    }
    match fields.get("description") {
        Some(description) => drop(list.more.insert("description".into(), description.clone())),
        None => drop(list.more.remove("description")),
    }
    list
}

/// The items that were written, each one of the list's type and there once.
fn items_of(list: &ListDocument, fields: &Map<String, Value>, name: &str, now: &str) -> Result<Vec<ListItem>, Refusal> {
    let mut items: Vec<ListItem> = Vec::new();
    for (written, index) in fields.get(name).and_then(Value::as_array).into_iter().flatten().zip(0..) {
        let pointer = format!("/{name}/{index}");
        let item = written.as_object().cloned();
        let item = item.ok_or_else(|| Refusal::invalid(&pointer, "an item is an object with a value"))?;
        let item = shaped(&Written { fields: item, nulls: Default::default() }, ITEM);
        let item = item.map_err(|refusal| refusal.below(&pointer))?;
        needed(&item, "value").map_err(|refusal| refusal.below(&pointer))?;
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut more = Map::new();
        more.insert("created_at".into(), json!(now));
        let item = ListItem { value: text("value").unwrap_or_default(), description: text("description"), more };
        let alone = ListDocument { items: vec![item.clone()], ..list.clone() };
        alone.list().map_err(|why| Refusal::invalid(format!("{pointer}/value"), why))?;
        if items.iter().any(|known| known.value == item.value) {
            return Err(Refusal::invalid(format!("{pointer}/value"), format!("{} is there twice", item.value)));
        }
        items.push(item);
    }
    Ok(items)
}

fn said(list: &Object) -> Vec<String> {
    let unused = kept(list).ok().filter(|list| ![EMAIL, IP].contains(&list.kind.as_str()));
    unused.map(|list| format!("no rule looks into a list of type {}", list.kind)).into_iter().collect()
}

fn shown(list: &Object, whole: bool) -> Value {
    let mut shown = list.document::<Value>().unwrap_or_default();
    shown["count"] = json!(shown["items"].as_array().map_or(0, Vec::len));
    if !whole {
        shown.as_object_mut().map(|fields| fields.remove("items"));
    }
    shown["created_at"] = json!(list.created_at.to_rfc3339());
    shown["updated_at"] = json!(list.updated_at.to_rfc3339());
    shown
}
