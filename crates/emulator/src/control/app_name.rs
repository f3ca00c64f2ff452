//! How a call names an application: by an address it covers, or by its name,
//! its domain as configured, or its audience tag.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::host::Host;

use super::refusal::Refusal;

/// The application, and the host by which it is reached, where one is known:
/// a name may stand for a whole wildcard.
pub(super) struct Named {
    pub(super) app: Arc<App>,
    pub(super) host: Option<Host>,
}

pub(super) fn named(text: &str, catalog: &Catalog) -> Result<Named, Refusal> {
    if let Some(app) = catalog.apps().find(|app| is_called(app, text)) {
        return Ok(Named { host: own_host(app), app: Arc::clone(app) });
    }
    at_address(text, catalog).ok_or_else(|| {
        let mut known: Vec<String> = catalog.apps().map(|app| app.domain()).collect();
        known.sort();
        let hint = if known.is_empty() { "there are none".into() } else { format!("there are {}", known.join(", ")) };
        Refusal::not_found(&format!("there is no application \"{text}\"")).hint(&hint)
    })
}

fn is_called(app: &App, text: &str) -> bool {
    app.name == text || app.aud.as_str() == text || app.domains.iter().any(|domain| domain.to_string() == text)
}

fn own_host(app: &App) -> Option<Host> {
    let exact = app.domains.iter().find(|domain| domain.host.is_exact())?;
    exact.host.as_str().parse().ok()
}

fn at_address(text: &str, catalog: &Catalog) -> Option<Named> {
    let address = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    let host: Host = host.parse().ok()?;
    let path = if path.is_empty() { "/" } else { path };
    let app = catalog.app_at(&host, &path.parse().ok()?)?;
    Some(Named { app: Arc::clone(app), host: Some(host) })
}
