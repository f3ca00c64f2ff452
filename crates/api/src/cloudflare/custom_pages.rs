//! Pages of the operator's own. Their text is shown where it is asked for by
//! id, and in no list.

use axum::extract::{Path, State};
use doorward_model::custom_page::PageKind;
use doorward_model::document::{Content, CustomPageDocument, Key, Kind, NoExtension, Object};
use doorward_model::id::CustomPageId;
use serde_json::{Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, document, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found, in_order, usage};

pub(super) const FIELDS: &[Field] = &[
    field("name", Shape::Name),
    field("type", Shape::Text),
    field("custom_html", Shape::Text),
    field("contract_version", Shape::Number),
];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let pages = in_order(&api.set(), Kind::CustomPage);
    wanted.page(pages.iter().map(|page| without_text(page)).collect(), 50)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    found(&api.set(), &Key::new(Kind::CustomPage, id)).map(|page| Answer::ok(shown(page)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::CustomPage, CustomPageId::random());
    let content = content(&key, &written)?;
    let page = api.create(&caller, &key, |_| Ok(content.clone())).await?;
    Ok(Answer::created(without_text(&page)))
}

pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::CustomPage, id);
    found(&api.set(), &key)?;
    let content = content(&key, &written)?;
    let page = api.replace(&caller, &key, |_, _| Ok(content.clone())).await?;
    Ok(Answer::ok(without_text(&page)))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    api.remove(&caller, &Key::new(Kind::CustomPage, &id), usage::unused).await.map(|_| Answer::removed(&id))
}

fn content(key: &Key, written: &Written) -> Result<Content, Refusal> {
    let mut fields = shaped(written, FIELDS)?;
    ["name", "type", "custom_html"].into_iter().try_for_each(|name| needed(&fields, name))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if !PageKind::ALL.contains(&text("type")) {
        let kinds = PageKind::ALL.join(", ");
        return Err(Refusal::invalid("/type", format!("a custom page is one of {kinds}")));
    }
    let is_template = fields.get("contract_version").and_then(Value::as_u64).is_some_and(|version| version > 0);
    if is_template {
        let checked = doorward_pages::check_template(text("custom_html"));
        checked
            .map_err(|error| Refusal::invalid("/custom_html", format!("the template cannot be filled in: {error}")))?;
    }
    fields.insert("uid".into(), json!(*key.id));
    let page: CustomPageDocument = document(fields)?;
    Ok(Content::new(&page, &NoExtension {}, None))
}

fn shown(page: &Object) -> Value {
    let mut shown = page.document::<Value>().unwrap_or_default();
    shown["created_at"] = json!(page.created_at.to_rfc3339());
    shown["updated_at"] = json!(page.updated_at.to_rfc3339());
    shown
}

fn without_text(page: &Object) -> Value {
    let mut shown = shown(page);
    shown.as_object_mut().map(|fields| fields.remove("custom_html"));
    shown
}
