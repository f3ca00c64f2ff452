//! One snapshot out of another: the parts that changed are made anew, the rest
//! is shared. With thousands of applications, changing one costs one.

use std::collections::HashMap;
use std::sync::Arc;

use super::Catalog;
use crate::app::{App, AppKind};
use crate::certificate::RootCertificate;
use crate::custom_page::CustomPage;
use crate::document::RouteId;
use crate::group::Group;
use crate::id::{AppId, CertificateId, CustomPageId, GroupId, ListId, PolicyId, ServiceTokenId};
use crate::idp::IdentityProvider;
use crate::list::List;
use crate::organization::Organization;
use crate::policy::{Decision, Policy};
use crate::route::Route;
use crate::rule::{Nothing, Rule};
use crate::service_token::ServiceToken;
use crate::site::Team;
use crate::ssh_ca::SshCa;
use crate::time::Lifetime;

/// The name, in logs, of what no application answers for.
const OPEN: &str = "deny_unmatched_requests = false";

/// One thing that is different from now on.
#[derive(Clone, Debug)]
pub enum Change {
    App(Arc<App>),
    NoApp(AppId),
    Group(Arc<Group>),
    NoGroup(GroupId),
    /// All providers, in the order in which people choose; there are few.
    Idps(Vec<Arc<IdentityProvider>>),
    /// The emulator's own provider.
    BuiltIn(Option<Arc<IdentityProvider>>),
    ServiceToken(Arc<ServiceToken>),
    NoServiceToken(ServiceTokenId),
    Route(Arc<Route>),
    NoRoute(RouteId),
    List(Arc<List>),
    NoList(ListId),
    Root(Arc<RootCertificate>),
    NoRoot(CertificateId),
    CustomPage(Arc<CustomPage>),
    NoCustomPage(CustomPageId),
    SshCa(Arc<SshCa>),
    NoSshCa(AppId),
    Organization(Arc<Organization>),
    /// What the organisation says of the team.
    Team {
        name: String,
        session_duration: Lifetime,
    },
}

impl Catalog {
    /// The snapshot after these changes.
    #[must_use]
    pub fn with(&self, changes: impl IntoIterator<Item = Change>, generation: u64) -> Self {
        let mut changed = Self { generation, ..self.clone() };
        changes.into_iter().for_each(|change| changed.apply(change));
        changed
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::App(app) if app.kind == AppKind::SelfHosted => {
                self.unlist(app.id);
                self.put_app(app);
            }
            Change::App(app) => {
                self.remove_app(app.id);
                Arc::make_mut(&mut self.listed).insert(app.id, app);
            }
            Change::NoApp(id) => {
                self.remove_app(id);
                self.unlist(id);
            }
            Change::Group(group) => drop(Arc::make_mut(&mut self.groups).insert(group.id, group)),
            Change::NoGroup(id) => drop(Arc::make_mut(&mut self.groups).remove(&id)),
            Change::Idps(idps) => self.idps = idps,
            Change::BuiltIn(idp) => self.built_in = idp,
            Change::ServiceToken(token) => {
                self.remove_service_token(token.id);
                Arc::make_mut(&mut self.service_tokens).insert(token.client_id.clone(), token);
            }
            Change::NoServiceToken(id) => self.remove_service_token(id),
            Change::Route(route) => {
                let routes = Arc::make_mut(&mut self.routes);
                routes.remove(&route.hostname, &route.path, |_| true);
                routes.insert(&route.hostname, &route.path, Arc::clone(&route));
            }
            Change::NoRoute(id) => {
                let address = id.address();
                Arc::make_mut(&mut self.routes).remove(&address.host, &address.path, |_| true);
            }
            Change::List(list) => drop(Arc::make_mut(&mut self.lists).insert(list.id, list)),
            Change::NoList(id) => drop(Arc::make_mut(&mut self.lists).remove(&id)),
            Change::Root(root) => {
                Arc::make_mut(&mut self.roots).insert(root.id, root);
                self.index_roots();
            }
            Change::NoRoot(id) => {
                Arc::make_mut(&mut self.roots).remove(&id);
                self.index_roots();
            }
            Change::CustomPage(page) => drop(Arc::make_mut(&mut self.custom_pages).insert(page.id, page)),
            Change::NoCustomPage(id) => drop(Arc::make_mut(&mut self.custom_pages).remove(&id)),
            Change::SshCa(ca) => drop(Arc::make_mut(&mut self.ssh_cas).insert(ca.app, ca)),
            Change::NoSshCa(app) => drop(Arc::make_mut(&mut self.ssh_cas).remove(&app)),
            Change::Organization(organization) => {
                self.open = organization.passes_some().then(|| Arc::new(self.open_app()));
                self.organization = organization;
            }
            Change::Team { name, session_duration } => self.team = Team { name, session_duration, ..self.team.clone() },
        }
    }

    /// What answers where no application does. It is in no list, and no token is for it.
    fn open_app(&self) -> App {
        let account = &self.team.account;
        let everybody = Policy {
            id: PolicyId::derived(account, OPEN),
            name: OPEN.to_owned(),
            decision: Decision::Bypass,
            precedence: 1,
            include: vec![Rule::Everyone(Nothing {})],
            require: Vec::new(),
            exclude: Vec::new(),
            session_duration: None,
            purpose: None,
        };
        App::new(account, OPEN, Vec::new(), vec![everybody])
    }

    fn put_app(&mut self, app: Arc<App>) {
        let before = self.apps.get(&app.id).cloned();
        if before.as_ref().is_none_or(|before| before.domains != app.domains) {
            let by_host = Arc::make_mut(&mut self.by_host);
            for domain in before.iter().flat_map(|before| &before.domains) {
                by_host.remove(&domain.host, &domain.path, |id| *id == app.id);
            }
            for domain in &app.domains {
                by_host.insert(&domain.host, &domain.path, app.id);
            }
        }
        if before.as_ref().is_none_or(|before| before.aud != app.aud) {
            let by_aud = Arc::make_mut(&mut self.by_aud);
            if let Some(before) = before {
                by_aud.remove(&before.aud);
            }
            by_aud.insert(app.aud.clone(), app.id);
        }
        Arc::make_mut(&mut self.apps).insert(app.id, app);
    }

    /// Copies the list only where something leaves it.
    fn unlist(&mut self, id: AppId) {
        if self.listed.contains_key(&id) {
            Arc::make_mut(&mut self.listed).remove(&id);
        }
    }

    fn remove_app(&mut self, id: AppId) {
        let Some(app) = self.apps.get(&id).cloned() else { return };
        let by_host = Arc::make_mut(&mut self.by_host);
        for domain in &app.domains {
            by_host.remove(&domain.host, &domain.path, |other| *other == id);
        }
        Arc::make_mut(&mut self.by_aud).remove(&app.aud);
        Arc::make_mut(&mut self.apps).remove(&id);
    }

    /// All anew: there are few.
    fn index_roots(&mut self) {
        let mut by_host: HashMap<String, Vec<Arc<RootCertificate>>> = HashMap::new();
        for root in self.roots.values() {
            for host in &root.associated_hostnames {
                by_host.entry(host.clone()).or_default().push(Arc::clone(root));
            }
        }
        self.roots_by_host = Arc::new(by_host);
    }

    fn remove_service_token(&mut self, id: ServiceTokenId) {
        let known = self.service_token_by_id(id).map(|token| token.client_id.clone());
        if let Some(client_id) = known {
            Arc::make_mut(&mut self.service_tokens).remove(&client_id);
        }
    }
}
