//! Names: each object has its own, and no group contains itself.

use std::collections::HashMap;
use std::hash::Hash;

use doorward_model::app::AppKind;

use super::super::document::At;
use super::super::problem::Findings;
use super::super::raw::RawFile;
use super::super::resolved::Config;

/// Where groups are declared, for checks that know only their names.
pub(in crate::config) struct Lines(HashMap<String, usize>);

impl Lines {
    pub(in crate::config) fn of_groups(raw: &RawFile) -> Self {
        let named = |group: &super::super::raw::RawGroup| Some((group.name.as_ref()?.value.clone(), group.line));
        Self(raw.groups.iter().filter_map(named).collect())
    }
}

pub(super) fn check(raw: &RawFile, findings: &Findings) {
    once("a [[group]] named", raw.groups.iter().map(|group| &group.name), findings);
    once("an [[app]] named", raw.apps.iter().map(|app| &app.name), findings);
    once("an [[identity_provider]] named", raw.idps.iter().map(|idp| &idp.name), findings);
    once("a [[policy]] named", raw.policies.iter().map(|policy| &policy.name), findings);
    once("a [[list]] named", raw.lists.iter().map(|list| &list.name), findings);
    once("a [[certificate]] named", raw.certificates.iter().map(|root| &root.name), findings);
    once("a [[service_token]] named", raw.service_tokens.iter().map(|token| &token.name), findings);
    once("a [[custom_page]] named", raw.custom_pages.iter().map(|page| &page.name), findings);
    let mut launchers = raw.apps.iter().filter(|app| app.kind == AppKind::AppLauncher);
    if let (Some(first), Some(second)) = (launchers.next(), launchers.next()) {
        let text = format!("the App Launcher is in line {} already; there is one, with all its policies", first.line);
        findings.error(second.line, text);
    }
    for app in &raw.apps {
        once("a policy named", app.policies.iter().map(|policy| &policy.name), findings);
    }
    let plain = |at: &Option<At<_>>| at.as_ref().map(|at: &At<doorward_model::email::Email>| at.value.to_string());
    let emails = raw.users.iter().map(|user| plain(&user.email).map(|email| At::new(email, user.line)));
    once("a [[user]] with the address", emails.collect::<Vec<_>>().iter(), findings);
    let auds = raw.apps.iter().map(|app| app.aud.as_ref().map(|at| At::new(at.value.to_string(), at.line)));
    once("an [[app]] with the aud", auds.collect::<Vec<_>>().iter(), findings);
    let ids = raw.apps.iter().map(|app| app.id.as_ref().map(|at| At::new(at.value.to_string(), at.line)));
    once("an [[app]] with the id", ids.collect::<Vec<_>>().iter(), findings);
    let clients = raw
        .service_tokens
        .iter()
        .map(|token| token.client_id.as_ref().map(|at| At::new(at.value.as_str().to_owned(), at.line)));
    once("a [[service_token]] with the client_id", clients.collect::<Vec<_>>().iter(), findings);
}

pub(super) fn check_cycles(config: &Config, lines: &Lines, findings: &Findings) {
    for cycle in doorward_policy::group_cycles(&config.groups) {
        let line = cycle.first().and_then(|name| lines.0.get(name)).copied().unwrap_or_default();
        let path = cycle.join(" → ");
        findings.error(line, format!("a group contains itself ({path}); remove one of these references"));
    }
}

fn once<'a, T: std::fmt::Display + Eq + Hash + 'a>(
    what: &str,
    values: impl Iterator<Item = &'a Option<At<T>>>,
    findings: &Findings,
) {
    let mut first: HashMap<&T, usize> = HashMap::new();
    for At { value, line } in values.flatten() {
        match first.get(value) {
            Some(first) => findings.error(
                *line,
                format!("there is {what} \"{value}\" in line {first} already; change or remove one of them"),
            ),
            None => drop(first.insert(value, *line)),
        }
    }
}
