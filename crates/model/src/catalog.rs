//! An immutable snapshot of everything configured, swapped whole: a request
//! never sees half a change.

mod change;
mod index;

use std::collections::HashMap;
use std::sync::Arc;

use crate::app::{App, AppDomain, AppKind};
use crate::catalog::index::HostIndex;
use crate::certificate::RootCertificate;
use crate::custom_page::{CustomPage, PageKind};
use crate::group::Group;
use crate::host::Host;
use crate::id::{AppId, Aud, CertificateId, CustomPageId, GroupId, IdpId, ListId, ServiceTokenId};
use crate::idp::{IdentityProvider, IdpKind};
use crate::list::List;
use crate::organization::Organization;
use crate::path::{NormPath, PathPattern};
use crate::route::Route;
use crate::service_token::{ClientId, ServiceToken};
use crate::site::{ACCESS_PREFIX, Team};
use crate::ssh_ca::SshCa;

pub use self::change::Change;

/// What is configured, as parts.
#[derive(Clone, Debug)]
pub struct Parts {
    pub team: Team,
    pub apps: Vec<App>,
    pub groups: Vec<Group>,
    pub idps: Vec<IdentityProvider>,
    pub service_tokens: Vec<ServiceToken>,
    pub routes: Vec<Route>,
}

/// The snapshot, indexed for look-up. A changed snapshot shares with the one
/// before it whatever did not change, so that a change costs what it changes.
#[derive(Clone, Debug)]
pub struct Catalog {
    generation: u64,
    team: Team,
    apps: Arc<HashMap<AppId, Arc<App>>>,
    by_aud: Arc<HashMap<Aud, AppId>>,
    /// Launchers and bookmarks, which cover no address.
    listed: Arc<HashMap<AppId, Arc<App>>>,
    by_host: Arc<HostIndex<AppId>>,
    groups: Arc<HashMap<GroupId, Arc<Group>>>,
    /// The emulator's own provider, which comes first wherever people choose.
    built_in: Option<Arc<IdentityProvider>>,
    idps: Vec<Arc<IdentityProvider>>,
    service_tokens: Arc<HashMap<ClientId, Arc<ServiceToken>>>,
    routes: Arc<HostIndex<Arc<Route>>>,
    lists: Arc<HashMap<ListId, Arc<List>>>,
    roots: Arc<HashMap<CertificateId, Arc<RootCertificate>>>,
    roots_by_host: Arc<HashMap<String, Vec<Arc<RootCertificate>>>>,
    custom_pages: Arc<HashMap<CustomPageId, Arc<CustomPage>>>,
    ssh_cas: Arc<HashMap<AppId, Arc<SshCa>>>,
    organization: Arc<Organization>,
    /// In the place of an application where none is needed; none where one always is.
    open: Option<Arc<App>>,
}

impl Catalog {
    /// `generation` names the snapshot: what was decided under another
    /// generation must be decided again.
    #[must_use]
    pub fn new(parts: Parts, generation: u64) -> Self {
        let (served, listed): (Vec<App>, Vec<App>) =
            parts.apps.into_iter().partition(|app| app.kind == AppKind::SelfHosted);
        let mut by_host = HostIndex::default();
        for app in &served {
            for domain in &app.domains {
                by_host.insert(&domain.host, &domain.path, app.id);
            }
        }
        let mut routes = HostIndex::default();
        for route in parts.routes {
            routes.insert(&route.hostname.clone(), &route.path.clone(), Arc::new(route));
        }
        let tokens = parts.service_tokens.into_iter().map(|token| (token.client_id.clone(), Arc::new(token)));
        Self {
            generation,
            team: parts.team,
            by_aud: Arc::new(served.iter().map(|app| (app.aud.clone(), app.id)).collect()),
            apps: Arc::new(served.into_iter().map(|app| (app.id, Arc::new(app))).collect()),
            listed: Arc::new(listed.into_iter().map(|app| (app.id, Arc::new(app))).collect()),
            by_host: Arc::new(by_host),
            groups: Arc::new(parts.groups.into_iter().map(|group| (group.id, Arc::new(group))).collect()),
            built_in: None,
            idps: parts.idps.into_iter().map(Arc::new).collect(),
            service_tokens: Arc::new(tokens.collect()),
            routes: Arc::new(routes),
            lists: Arc::default(),
            roots: Arc::default(),
            roots_by_host: Arc::default(),
            custom_pages: Arc::default(),
            ssh_cas: Arc::default(),
            organization: Arc::default(),
            open: None,
        }
    }

    /// The same snapshot with the provider of this id replaced, where there is
    /// one. It keeps its generation: rules name a provider by its id, so
    /// whatever was decided stays decided.
    #[must_use]
    pub fn with_idp(&self, idp: IdentityProvider) -> Self {
        let mut changed = self.clone();
        let known = changed.built_in.iter_mut().chain(&mut changed.idps).find(|known| known.id == idp.id);
        if let Some(place) = known {
            *place = Arc::new(idp);
        }
        changed
    }

    /// The same snapshot of a team that is reached elsewhere.
    #[must_use]
    pub fn with_team(&self, team: Team) -> Self {
        let (name, session_duration) = (self.team.name.clone(), self.team.session_duration);
        Self { team: Team { name, session_duration, ..team }, ..self.clone() }
    }

    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    #[must_use]
    pub const fn team(&self) -> &Team {
        &self.team
    }

    /// The application a request belongs to: the most specific one alone,
    /// without inheritance (Access docs, "application paths").
    #[must_use]
    pub fn app_at(&self, host: &Host, path: &NormPath) -> Option<&Arc<App>> {
        self.apps.get(self.by_host.find(host.name(), path)?)
    }

    /// The application that has exactly this address.
    #[must_use]
    pub fn app_covering(&self, domain: &AppDomain) -> Option<AppId> {
        self.by_host.at(&domain.host, &domain.path).copied()
    }

    /// What answers for a request: its application, or, where the organisation
    /// lets hosts of nobody pass, one without a name that bypasses everybody.
    #[must_use]
    pub fn answering(&self, host: &Host, path: &NormPath) -> Option<&Arc<App>> {
        let open = self
            .open
            .as_ref()
            .filter(|_| self.organization.passes_unmatched(host) && !path.as_str().starts_with(ACCESS_PREFIX));
        self.app_at(host, path).or(open)
    }

    /// Whether any application covers a part of this host.
    #[must_use]
    pub fn serves_host(&self, host: &Host) -> bool {
        self.by_host.knows(host.name())
    }

    /// Where a request that may pass is sent.
    #[must_use]
    pub fn route_at(&self, host: &Host, path: &NormPath) -> Option<&Arc<Route>> {
        self.routes.find(host.name(), path)
    }

    #[must_use]
    pub fn app(&self, id: AppId) -> Option<&Arc<App>> {
        self.apps.get(&id)
    }

    #[must_use]
    pub fn app_by_aud(&self, aud: &Aud) -> Option<&Arc<App>> {
        self.apps.get(self.by_aud.get(aud)?)
    }

    /// The list of applications on the team domain, where there is one that
    /// lets anybody in (Access docs, "App Launcher"). Of several, every node takes the same.
    #[must_use]
    pub fn launcher(&self) -> Option<&Arc<App>> {
        let launchers = self.listed.values().filter(|app| app.kind == AppKind::AppLauncher);
        launchers.filter(|app| !app.policies.is_empty()).min_by_key(|app| app.id)
    }

    /// Links in that list, in no particular order.
    pub fn bookmarks(&self) -> impl Iterator<Item = &Arc<App>> {
        self.listed.values().filter(|app| matches!(app.kind, AppKind::Bookmark { .. }))
    }

    /// What somebody signs in to: an application, or the launcher.
    #[must_use]
    pub fn entered(&self, id: AppId) -> Option<&Arc<App>> {
        self.app(id).or_else(|| self.launcher().filter(|launcher| launcher.id == id))
    }

    /// The same by its audience.
    #[must_use]
    pub fn entered_by_aud(&self, aud: &Aud) -> Option<&Arc<App>> {
        self.app_by_aud(aud).or_else(|| self.launcher().filter(|launcher| launcher.aud == *aud))
    }

    /// All self-hosted applications, in no particular order.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values()
    }

    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id).map(Arc::as_ref)
    }

    #[must_use]
    pub fn idp(&self, id: IdpId) -> Option<&Arc<IdentityProvider>> {
        self.idps().find(|idp| idp.id == id)
    }

    /// The providers an application lets people choose from, as configured.
    pub fn idps_for<'a>(&'a self, app: &'a App) -> impl Iterator<Item = &'a Arc<IdentityProvider>> {
        self.idps().filter(|idp| app.allows_idp(idp.id))
    }

    /// The claims that a provider's tokens carry on; none of a provider that is gone.
    #[must_use]
    pub fn claims_of(&self, id: IdpId) -> &[String] {
        self.idp(id).map_or(&[], |idp| match &idp.kind {
            IdpKind::Oidc(provider) => &provider.claims,
        })
    }

    pub fn idps(&self) -> impl Iterator<Item = &Arc<IdentityProvider>> {
        self.built_in.iter().chain(&self.idps)
    }

    #[must_use]
    pub fn service_token(&self, client_id: &ClientId) -> Option<&Arc<ServiceToken>> {
        self.service_tokens.get(client_id)
    }

    pub fn service_tokens(&self) -> impl Iterator<Item = &Arc<ServiceToken>> {
        self.service_tokens.values()
    }

    #[must_use]
    pub fn service_token_by_id(&self, id: ServiceTokenId) -> Option<&Arc<ServiceToken>> {
        self.service_tokens.values().find(|token| token.id == id)
    }

    #[must_use]
    pub fn list(&self, id: ListId) -> Option<&Arc<List>> {
        self.lists.get(&id)
    }

    /// The roots whose client certificates count on a host, by its name in lower case.
    #[must_use]
    pub fn roots_of(&self, host: &str) -> &[Arc<RootCertificate>] {
        self.roots_by_host.get(host).map_or(&[], Vec::as_slice)
    }

    #[must_use]
    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    /// The operator's own page of this kind: the application's, else the organisation's.
    #[must_use]
    pub fn custom_page(&self, app: &App, kind: PageKind) -> Option<&Arc<CustomPage>> {
        let of_kind = |id: &CustomPageId| self.custom_pages.get(id).filter(|page| page.kind == kind);
        let pages = &self.organization.custom_pages;
        let organizations = match kind {
            PageKind::Forbidden => pages.forbidden.as_ref(),
            PageKind::IdentityDenied => pages.identity_denied.as_ref(),
            PageKind::Login | PageKind::Interstitial => None,
        };
        app.custom_pages.iter().find_map(of_kind).or_else(|| organizations.and_then(of_kind))
    }

    /// Who vouches for people at the servers behind an application, if anybody does.
    #[must_use]
    pub fn ssh_ca(&self, app: AppId) -> Option<&Arc<SshCa>> {
        self.ssh_cas.get(&app)
    }

    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.values()
    }
}

/// How specific a path pattern is: longer literal text first, then fewer stars.
fn specificity(path: &PathPattern) -> (usize, std::cmp::Reverse<usize>) {
    (path.literal_length(), std::cmp::Reverse(path.stars()))
}

#[cfg(test)]
mod tests;
