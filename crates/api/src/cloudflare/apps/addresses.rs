//! What an application covers: `domain`, `self_hosted_domains` and
//! `destinations` are three views of it. Whichever is given, the others follow.

use doorward_model::app::AppDomain;
use doorward_model::document::{AppDocument, Object};
use doorward_model::host::Host;
use serde_json::{Map, Value, json};

use super::super::Api;
use super::super::refusal::Refusal;
use super::kept_app;

/// The types that have all three.
const COVERING: [&str; 6] = ["self_hosted", "ssh", "vnc", "rdp", "mcp_portal", "end_user"];

/// Fills in the views that are missing.
pub(super) fn derive(fields: &mut Map<String, Value>, kind: &str) -> Result<(), Refusal> {
    if !COVERING.contains(&kind) {
        return Ok(());
    }
    let destinations = match (fields.remove("destinations"), fields.get("self_hosted_domains"), fields.get("domain")) {
        (Some(Value::Array(destinations)), ..) if !destinations.is_empty() => destinations,
        (_, Some(Value::Array(domains)), _) if !domains.is_empty() => domains.iter().map(public).collect(),
        (_, _, Some(domain)) => vec![public(domain)],
        _ => return Err(Refusal::invalid("/domain", "domain is a required field, unless destinations are given")),
    };
    let mut domains = Vec::new();
    let mut typed = Vec::new();
    for (destination, index) in destinations.into_iter().zip(0..) {
        let destination = with_type(destination, index)?;
        if destination["type"] == "public" {
            let uri = destination["uri"].as_str().unwrap_or_default();
            let address: AppDomain = parsed(uri, &format!("/destinations/{index}/uri"))?;
            if domains.iter().any(|(known, _)| *known == address) {
                return Err(Refusal::invalid(format!("/destinations/{index}/uri"), format!("{uri} is there twice")));
            }
            domains.push((address, uri.to_owned()));
        }
        typed.push(destination);
    }
    let first = domains.first().map(|(_, uri)| uri.clone());
    match fields.get("domain").and_then(Value::as_str) {
        Some(domain) => {
            let address = parsed(domain, "/domain")?;
            if !domains.iter().any(|(known, _)| *known == address) {
                return Err(Refusal::invalid("/domain", "domain not included in destinations"));
            }
        }
        None => drop(first.map(|domain| fields.insert("domain".into(), json!(domain)))),
    }
    fields.insert("self_hosted_domains".into(), domains.into_iter().map(|(_, uri)| uri).collect());
    fields.insert("destinations".into(), Value::Array(typed));
    Ok(())
}

fn public(uri: &Value) -> Value {
    json!({ "type": "public", "uri": uri })
}

fn with_type(mut destination: Value, index: usize) -> Result<Value, Refusal> {
    let wrong = |detail: &str| Refusal::invalid(format!("/destinations/{index}"), detail);
    let fields = destination.as_object_mut().ok_or_else(|| wrong("a destination is an object"))?;
    let addressed = fields.get("uri").is_some_and(Value::is_string);
    match fields.entry("type").or_insert_with(|| json!("public")).as_str() {
        Some("public") if addressed => Ok(destination),
        Some("public") => Err(wrong("a public destination has a uri")),
        Some("private" | "via_mcp_server_portal") => Ok(destination),
        _ => Err(wrong("a destination is public or private")),
    }
}

fn parsed(text: &str, pointer: &str) -> Result<AppDomain, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(pointer, error))
}

/// Whether the addresses belong to nobody else. The catalog is the one of the
/// state that is changed: both are put in force together.
pub(super) fn free(api: &Api, app: &AppDocument) -> Result<(), Refusal> {
    if !app.covers_addresses() {
        return Ok(());
    }
    let catalog = api.0.objects.catalog().load();
    let domains = app.domains().map_err(|error| Refusal::invalid("/domain", error))?;
    for domain in domains {
        if let Err(why) = (api.0.leads_here)(domain.host.as_str()) {
            return Err(Refusal::invalid(pointer_to(app, &domain), why));
        }
        if domain.host.matches(catalog.team().host.name()) && domain.host.is_exact() {
            return Err(Refusal::invalid("/domain", format!("{} is the team's own host", domain.host)));
        }
        if catalog.app_covering(&domain).is_some_and(|other| other != app.id) {
            return Err(Refusal::application_already_exists(pointer_to(app, &domain), &domain.to_string()));
        }
    }
    Ok(())
}

/// Where an application names an address.
fn pointer_to(app: &AppDocument, address: &AppDomain) -> String {
    let is = |uri: &Option<String>| uri.as_deref().is_some_and(|uri| uri.parse().as_ref() == Ok(address));
    let index = app.destinations.iter().position(|destination| is(&destination.uri));
    index.map_or_else(|| "/domain".to_owned(), |index| format!("/destinations/{index}/uri"))
}

/// What stands in the way of reaching it.
pub(super) fn said(api: &Api, app: &Object) -> Vec<String> {
    let Ok(app) = kept_app(app) else { return Vec::new() };
    let private = app.destinations.iter().any(|destination| destination.kind != "public");
    let private = private.then(|| "private destinations are kept, but this version does not serve them".to_owned());
    let catalog = api.0.objects.catalog().load();
    let domains = if app.is_served() { app.domains().unwrap_or_default() } else { Vec::new() };
    let unrouted = domains.iter().filter(|domain| domain.host.is_exact()).filter_map(|domain| {
        let host: Host = domain.host.as_str().parse().ok()?;
        let path = if domain.path.as_str().contains('*') { "/" } else { domain.path.as_str() };
        let path = if path.is_empty() { "/" } else { path }.parse().ok()?;
        catalog.route_at(&host, &path).is_none().then(|| {
            format!(
                "no [[route]] of the configuration file serves {host}, so that nothing is behind the application yet"
            )
        })
    });
    private.into_iter().chain(unrouted).collect()
}
