//! Hosts and paths: each belongs to one application and to one route, and
//! every application has an origin behind it.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use doorward_model::host::HostPattern;
use doorward_model::route::Service;

use super::super::document::At;
use super::super::problem::Findings;
use super::super::raw::RawFile;
use super::super::resolved::{Mode, UNNAMED_TEAM};

pub(super) fn check(raw: &RawFile, findings: &Findings) {
    twice(raw, findings);
    apps_without_route(raw, findings);
    routes_without_app(raw, findings);
    routes_to_themselves(raw, findings);
    team_host(raw, findings);
    listeners(raw, findings);
    if !raw.mode.is_emulator() {
        for route in &raw.routes {
            if let Some(At { value: Service::Demo, line }) = &route.service {
                findings.error(*line, "the demo application is part of the emulator; name an origin as service");
            }
        }
    }
}

/// One host and path twice would leave the choice to chance.
fn twice(raw: &RawFile, findings: &Findings) {
    let mut apps: HashMap<String, usize> = HashMap::new();
    for domain in raw.apps.iter().flat_map(|app| &app.domains) {
        let address = domain.value.to_string();
        match apps.get(&address) {
            Some(first) => findings.error(
                domain.line,
                format!("{address} belongs to the application of line {first} already; remove one of them"),
            ),
            None => drop(apps.insert(address, domain.line)),
        }
    }
    let mut routes: HashMap<String, usize> = HashMap::new();
    for route in &raw.routes {
        let Some(hostname) = &route.hostname else { continue };
        let path = route.path.as_ref().map_or("", |path| path.value.as_str());
        let address = format!("{}{path}", hostname.value);
        match routes.get(&address) {
            Some(first) => findings.error(
                hostname.line,
                format!("{address} is routed by the [[route]] of line {first} already; remove one of them"),
            ),
            None => drop(routes.insert(address, hostname.line)),
        }
    }
}

fn apps_without_route(raw: &RawFile, findings: &Findings) {
    let routes = Patterns::of(raw.routes.iter().filter_map(|route| route.hostname.as_ref()).map(|at| &at.value));
    let mut said = HashSet::new();
    for domain in raw.apps.iter().flat_map(|app| &app.domains) {
        let host = &domain.value.host;
        if !routes.meet(host) && said.insert(host.clone()) {
            let mend = format!("add one with hostname = \"{host}\" and the service behind it");
            findings.error(domain.line, format!("no [[route]] serves {host}; {mend}"));
        }
    }
}

fn routes_without_app(raw: &RawFile, findings: &Findings) {
    let apps = Patterns::of(raw.apps.iter().flat_map(|app| &app.domains).map(|at| &at.value.host));
    for hostname in raw.routes.iter().filter_map(|route| route.hostname.as_ref()) {
        if !apps.meet(&hostname.value) {
            let text = format!("no [[app]] covers {}, so every request to it is refused; add one", hostname.value);
            findings.warning(hostname.line, text);
        }
    }
}

/// A name that is served here leads back here, unless this machine's own
/// resolver knows better.
fn routes_to_themselves(raw: &RawFile, findings: &Findings) {
    let served: HashSet<&str> =
        raw.routes.iter().filter_map(|route| route.hostname.as_ref()).map(|at| at.value.as_str()).collect();
    for service in raw.routes.iter().filter_map(|route| route.service.as_ref()) {
        let Service::Http { host, .. } = &service.value else { continue };
        if served.contains(host.as_str()) {
            let text = format!(
                "{host} is served by this gateway itself, so requests would come back to it; \
                 name the origin by an address of its own"
            );
            findings.warning(service.line, text);
        }
    }
}

/// Many host patterns, of which mostly the very one is there that is sought.
struct Patterns<'a> {
    same: HashSet<&'a HostPattern>,
    wild: Vec<&'a HostPattern>,
}

impl<'a> Patterns<'a> {
    fn of(patterns: impl Iterator<Item = &'a HostPattern>) -> Self {
        let same: HashSet<_> = patterns.collect();
        Self { wild: same.iter().copied().filter(|pattern| !pattern.is_exact()).collect(), same }
    }

    /// Whether some host fits one of them and `other`. Two exact names that differ have none.
    fn meet(&self, other: &HostPattern) -> bool {
        self.same.contains(other)
            || self.wild.iter().any(|pattern| meet(pattern, other))
            || (!other.is_exact() && self.same.iter().any(|pattern| meet(pattern, other)))
    }
}

/// Whether some host fits both patterns, as far as one star in each tells.
fn meet(one: &HostPattern, other: &HostPattern) -> bool {
    let sample = |pattern: &HostPattern| pattern.as_str().replace('*', "x");
    one == other || one.matches(&sample(other)) || other.matches(&sample(one))
}

/// The team's host answers for the team alone.
fn team_host(raw: &RawFile, findings: &Findings) {
    let Some(host) = reached_at(raw) else { return };
    for domain in raw.apps.iter().flat_map(|app| &app.domains) {
        if domain.value.host.is_exact() && domain.value.host.as_str() == host {
            findings.error(domain.line, format!("{host} is the team's own host; give the application another one"));
        }
    }
}

/// The host under which the team is reached, as far as the file says it.
pub(super) fn reached_at(raw: &RawFile) -> Option<String> {
    let team = &raw.team;
    if let Some(url) = &team.url {
        return url.value.host_str().map(str::to_owned);
    }
    let name = if team.is_named { team.name.as_ref().map(|name| name.value.as_str())? } else { UNNAMED_TEAM };
    match (&team.domain, raw.mode) {
        (_, Mode::Emulator) => Some(format!("{name}.localhost")),
        (Some(domain), Mode::Production) => Some(domain.value.clone()),
        (None, Mode::Production) => Some(format!("{name}.cloudflareaccess.com")),
    }
}

/// Port 0 picks a free port, so two of those never meet.
fn listeners(raw: &RawFile, findings: &Findings) {
    let (Some(public), Some(admin)) = (&raw.listen.public, &raw.listen.admin) else { return };
    let same_ip = |a: SocketAddr, b: SocketAddr| a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    if public.value.port() != 0 && public.value.port() == admin.value.port() && same_ip(public.value, admin.value) {
        findings.error(admin.line, "admin and public would listen on the same port; give admin another one");
    }
}
