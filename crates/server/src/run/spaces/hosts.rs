//! The hosts of a namespace's objects: all below its own name, so that the
//! same configuration can be in force many times side by side. `wiki.localhost`
//! is `wiki.t1.localhost` in the namespace `t1`, and `wiki.example.com` is
//! `wiki.example.com.t1.localhost`.

use doorward_api::cloudflare::LeadsHere;
use doorward_model::document::{Content, Key, Kind, Object, RouteDocument, RouteId};
use doorward_model::id::{AppId, Aud};
use doorward_model::route::Route;
use doorward_model::site::Team;
use serde_json::Value;

const LOCALHOST: &str = ".localhost";

/// An object of the process's own team as one of another: audiences are the
/// account's, and so is the built-in provider, which is known by both ids.
pub(super) fn of_account(object: &Object, [provider, own]: [String; 2], team: &Team) -> (Key, Content) {
    let Object { key, content, .. } = object;
    let renamed = |text: &str| text.replace(&provider, &own);
    let mut document = renamed(&content.document);
    if let (Kind::App, Ok(id)) = (key.kind, key.id.parse::<AppId>())
        && let Ok(Value::Object(mut app)) = serde_json::from_str(&document)
    {
        app.insert("aud".to_owned(), Value::String(Aud::of_app(&team.account, id).to_string()));
        document = Value::Object(app).to_string();
    }
    let extension = renamed(&content.extension).into();
    (key.clone(), Content { document: document.into(), extension, secret: content.secret.clone() })
}

/// The object with its hosts below the team's.
pub(super) fn moved((key, content): (Key, Content), team: &Team) -> Result<(Key, Content), String> {
    let unreadable = |why: String| format!("the {} {}: {why}", key.kind, key.id);
    let within = |text: &str| below(text, team.host.name());
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| unreadable(error.to_string()));
    match key.kind {
        Kind::App => {
            let mut app = read(&content.document)?;
            each_text(&mut app, &["domain", "self_hosted_domains"], &within);
            let destinations = app.get_mut("destinations").and_then(Value::as_array_mut).into_iter().flatten();
            destinations.for_each(|destination| each_text(destination, &["uri"], &within));
            Ok((key, Content { document: app.to_string().into(), ..content }))
        }
        Kind::Route => {
            let mut route = read(&content.document)?;
            each_text(&mut route, &["hostname"], &within);
            let document: RouteDocument =
                serde_json::from_value(route).map_err(|error| unreadable(error.to_string()))?;
            let route = Route::try_from(document).map_err(|error| unreadable(error.to_string()))?;
            let document = serde_json::to_string(&RouteDocument::from(&route));
            let document = document.map_err(|error| unreadable(error.to_string()))?;
            Ok((Key::new(Kind::Route, RouteId::from(&route)), Content { document: document.into(), ..content }))
        }
        Kind::Certificate => {
            let (mut document, mut extension) = (read(&content.document)?, read(&content.extension)?);
            each_text(&mut document, &["associated_hostnames"], &within);
            each_text(&mut extension, &["client_certificate_forwarding"], &within);
            let (document, extension) = (document.to_string().into(), extension.to_string().into());
            Ok((key, Content { document, extension, ..content }))
        }
        Kind::Organization => {
            let mut document = read(&content.document)?;
            each_text(&mut document, &["deny_unmatched_requests_exempted_zone_names"], &within);
            Ok((key, Content { document: document.to_string().into(), ..content }))
        }
        _ => Ok((key, content)),
    }
}

/// Whether a host is one of the team's: what its management API may be told of.
pub(super) fn leading_to(team: &Team) -> LeadsHere {
    let (host, domain) = (team.host.name().to_owned(), team.domain.clone());
    Box::new(move |name| {
        let is_below = |own: &str| name.strip_suffix(own).is_some_and(|rest| rest.ends_with('.'));
        match is_below(&host) || is_below(&domain) {
            true => Ok(()),
            false => {
                let own = below(name, &host);
                Err(format!("{name} does not lead to this namespace, which answers below {host}; write {own}"))
            }
        }
    })
}

/// A host or an address below the team's host.
fn below(address: &str, team: &str) -> String {
    let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    let inside = host.strip_suffix(team).is_some_and(|rest| rest.ends_with('.'));
    match host.strip_suffix(LOCALHOST) {
        _ if inside => address.to_owned(),
        Some(label) => format!("{label}.{team}{path}"),
        None => format!("{host}.{team}{path}"),
    }
}

/// Changes the texts under these members, alone or in lists.
fn each_text(value: &mut Value, members: &[&str], change: &impl Fn(&str) -> String) {
    for member in members {
        match value.get_mut(member) {
            Some(Value::String(text)) => *text = change(text),
            Some(Value::Array(list)) => {
                for text in list {
                    if let Value::String(text) = text {
                        *text = change(text);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_below_the_namespaces_and_none_is_moved_twice() {
        for (address, expected) in [
            ("wiki.localhost", "wiki.t1.localhost"),
            ("wiki.localhost/docs/*", "wiki.t1.localhost/docs/*"),
            ("*.preview.example.com", "*.preview.example.com.t1.localhost"),
            ("wiki.t1.localhost", "wiki.t1.localhost"),
            ("t1.localhost", "t1.t1.localhost"),
            ("not1.localhost", "not1.t1.localhost"),
        ] {
            assert_eq!(below(address, "t1.localhost"), expected);
        }
    }
}
