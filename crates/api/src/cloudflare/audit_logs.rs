//! The audit log, in the shape of Cloudflare's first one: who changed what,
//! before and after. It can be read, and changed by nobody.

use axum::extract::State;
use doorward_model::audit::{AuditEntry, Interface};
use doorward_model::time::Timestamp;
use doorward_store::AuditQuery;
use serde_json::{Value, json};

use super::Api;
use super::paging::{Page, Wanted};
use super::refusal::Refusal;

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let (page, per_page) = wanted.place(100)?;
    let query = query(&wanted, page, per_page)?;
    let lines = api.0.store.audit_log(&query).await?;
    let total = api.0.store.audit_log_count(&query).await?;
    Ok(Page { page, per_page, total, items: lines.iter().map(|line| shown(&api, line)).collect() })
}

fn query(wanted: &Wanted, page: usize, per_page: usize) -> Result<AuditQuery, Refusal> {
    let text = |name: &str| wanted.text(name).map(str::to_owned);
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(AuditQuery {
        since: moment(wanted, "since")?,
        until: moment(wanted, "before")?,
        id: text("id"),
        action: text("action.type"),
        author_name: text("actor.email"),
        author_ip: text("actor.ip"),
        oldest_first: match wanted.text("direction") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(Refusal::invalid("/direction", "direction is asc or desc")),
        },
        offset: number((page - 1).saturating_mul(per_page)),
        limit: number(per_page),
    })
}

/// A day stands for its beginning.
fn moment(wanted: &Wanted, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = wanted.text(name) else { return Ok(None) };
    let moment = Timestamp::from_rfc3339(text).or_else(|| Timestamp::from_rfc3339(&format!("{text}T00:00:00Z")));
    let wrong =
        || Refusal::invalid(format!("/{name}"), format!("{name} is a moment like 2027-01-31T00:00:00Z, or a day"));
    moment.map(Some).ok_or_else(wrong)
}

/// A value is there as text and as what the text says; nothing is an empty text.
fn shown(api: &Api, line: &AuditEntry) -> Value {
    let text = |document: &Option<Value>| document.as_ref().map(Value::to_string).unwrap_or_default();
    let author = &line.author;
    let mut actor = json!({ "type": if author.by == Interface::Api { "user" } else { "admin" } });
    if !author.id.is_empty() {
        actor["id"] = json!(author.id);
    }
    if let Some(ip) = author.ip {
        actor["ip"] = json!(ip);
    }
    let mut metadata = line.more.clone();
    metadata["name"] = json!(author.name);
    let (kind, id) = &line.resource;
    json!({
        "id": line.id,
        "when": line.at.to_rfc3339(),
        "interface": author.by.as_str(),
        "owner": { "id": api.0.account.as_str() },
        "actor": actor,
        "action": { "type": line.action, "result": line.done },
        "resource": { "type": kind, "id": id },
        "oldValue": text(&line.before),
        "newValue": text(&line.after),
        "oldValueJson": line.before,
        "newValueJson": line.after,
        "metadata": metadata,
    })
}
