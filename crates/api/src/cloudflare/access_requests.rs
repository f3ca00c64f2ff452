//! The authentication log: who was let in, who was refused, who signed out.

use axum::extract::State;
use doorward_model::access_request::{AccessRequest, Detail};
use doorward_model::catalog::Catalog;
use doorward_model::time::Timestamp;
use doorward_store::{AccessQuery, EmailFilter, Filter};
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::Answer;
use super::paging::Wanted;
use super::refusal::Refusal;

/// Lines of one answer when nobody says how many.
const USUAL: usize = 25;
/// Only these decide about requests, so only these are in the log.
const SERVED: &str = "self_hosted";

/// All lines in the end, without counting them: a plain list, as SDKs read it.
pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Answer, Refusal> {
    let Some(query) = query(&wanted)? else { return Ok(Answer::ok(json!([]))) };
    let fields: Option<Vec<&str>> = wanted.text("fields").map(|names| names.split(',').map(str::trim).collect());
    let lines = api.0.store.access_requests(&query).await?;
    let catalog = api.0.objects.catalog().load();
    let shown = lines.iter().map(|line| {
        let mut shown = shown(&catalog, line);
        if let Some(fields) = &fields {
            shown.retain(|name, _| fields.contains(&name.as_str()));
        }
        Value::Object(shown)
    });
    Ok(Answer::ok(shown.collect()))
}

/// `None`: what is asked for cannot be.
fn query(wanted: &Wanted) -> Result<Option<AccessQuery>, Refusal> {
    let (page, size) = wanted.place(USUAL)?;
    let size = wanted.number("limit", size)?.min(size.max(1));
    let mut of_app = None;
    if let Some(Filter { value, negated }) = filter(wanted, "app_type", "app_typeOp")? {
        if (value == SERVED) == negated {
            return Ok(None);
        }
        of_app = Some(true);
    }
    let email = filter(wanted, "email", "emailOp")?;
    let exact = flag(wanted, "email_exact", None)?.unwrap_or(false);
    Ok(Some(AccessQuery {
        since: moment(wanted, "since")?,
        until: moment(wanted, "until")?,
        email: email.map(|Filter { value, negated }| EmailFilter { text: value.to_lowercase(), exact, negated }),
        user_id: id(wanted, "user_id", "user_idOp")?,
        app_uid: id(wanted, "app_uid", "app_uidOp")?,
        idp_id: match id(wanted, "idp_id", "idpOp")? {
            Some(idp) => Some(idp),
            None => id(wanted, "idp", "idpOp")?,
        },
        country: filter(wanted, "country_code", "country_codeOp")?
            .map(|filter| Filter { value: filter.value.to_uppercase(), ..filter }),
        ray_id: filter(wanted, "ray_id", "ray_idOp")?,
        allowed: flag(wanted, "allowed", Some("allowedOp"))?,
        non_identity: flag(wanted, "non_identity", Some("non_identityOp"))?,
        of_app,
        action: None,
        oldest_first: match wanted.text("direction") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(Refusal::invalid("/direction", "direction is asc or desc")),
        },
        offset: u32::try_from((page - 1).saturating_mul(size)).unwrap_or(u32::MAX),
        limit: u32::try_from(size).unwrap_or(u32::MAX),
    }))
}

/// A value and whether it is the others that are asked for.
fn filter(wanted: &Wanted, name: &str, operator: &str) -> Result<Option<Filter<String>>, Refusal> {
    let negated = match wanted.text(operator) {
        None | Some("eq" | "contains") => false,
        Some("neq") => true,
        Some(_) => return Err(Refusal::invalid(format!("/{operator}"), format!("{operator} is eq or neq"))),
    };
    Ok(wanted.text(name).map(|value| Filter { value: value.to_owned(), negated }))
}

fn id<Id: std::str::FromStr>(wanted: &Wanted, name: &str, operator: &str) -> Result<Option<Filter<Id>>, Refusal> {
    let Some(Filter { value, negated }) = filter(wanted, name, operator)? else { return Ok(None) };
    let wrong = |_| Refusal::invalid(format!("/{name}"), format!("{name} is a UUID"));
    value.parse().map_err(wrong).map(|value| Some(Filter { value, negated }))
}

fn flag(wanted: &Wanted, name: &str, operator: Option<&str>) -> Result<Option<bool>, Refusal> {
    let Some(Filter { value, negated }) = filter(wanted, name, operator.unwrap_or_default())? else { return Ok(None) };
    match value.as_str() {
        "true" => Ok(Some(!negated)),
        "false" => Ok(Some(negated)),
        _ => Err(Refusal::invalid(format!("/{name}"), format!("{name} is true or false"))),
    }
}

fn moment(wanted: &Wanted, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = wanted.text(name) else { return Ok(None) };
    let wrong = || Refusal::invalid(format!("/{name}"), format!("{name} is a moment like 2027-01-31T00:00:00Z"));
    Timestamp::from_rfc3339(text).map(Some).ok_or_else(wrong)
}

fn shown(catalog: &Catalog, line: &AccessRequest) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    put("action", json!(line.action));
    put("allowed", json!(line.allowed));
    put("app_domain", json!(line.app_domain));
    put("connection", json!(line.connection));
    put("created_at", json!(line.at.to_rfc3339()));
    put("ip_address", json!(line.ip_address));
    put("non_identity", json!(line.non_identity));
    put("ray_id", json!(line.ray_id));
    put("user_email", json!(line.user_email));
    if let Some(id) = line.app_uid {
        put("app_uid", json!(id));
        put("app_type", json!(SERVED));
        put("app_name", json!(catalog.app(id).map(|app| app.name.clone()).unwrap_or_default()));
    }
    let known = [
        ("user_id", line.user_id.map(|id| json!(id))),
        ("idp_id", line.idp_id.map(|id| json!(id))),
        ("country", line.country.as_ref().map(|country| json!(country))),
    ];
    for (name, value) in known {
        value.into_iter().for_each(|value| put(name, value));
    }
    // The policy that decided, and why somebody said they needed to get in.
    let told = Detail { session: None, ..line.detail.clone() };
    if let Ok(Value::Object(detail)) = serde_json::to_value(&told) {
        detail.into_iter().for_each(|(name, value)| put(&name, value));
    }
    shown
}
