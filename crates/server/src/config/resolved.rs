//! The configuration as the rest of the program sees it: every value valid,
//! every reference an id, every default filled in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use doorward_edge::{Destination, Limits, LineFormat};
use doorward_emulator::Person;
use doorward_model::app::{App, Refresh};
use doorward_model::catalog::Catalog;
use doorward_model::certificate::RootCertificate;
use doorward_model::custom_page::CustomPage;
use doorward_model::document::{
    AppDocument, AppExtension, AppPolicy, CertificateDocument, CertificateExtension, Content, CustomPageDocument,
    GroupDocument, IdentityProviderDocument, Key, Kind, ListDocument, NoExtension, ORGANIZATION, OrganizationDocument,
    PolicyDocument, PolicyLink, RouteDocument, RouteId, ServiceTokenDocument, ServiceTokenExtension,
};
use doorward_model::group::Group;
use doorward_model::id::AccountId;
use doorward_model::idp::IdentityProvider;
use doorward_model::organization::Organization;
use doorward_model::policy::Policy;
use doorward_model::route::Route;
use doorward_model::secret::Secret;
use doorward_model::service_token::ServiceToken;
use doorward_model::site::Team;
use doorward_model::time::Lifetime;
use doorward_objects::{Declared, Setting};
use ipnet::IpNet;
use url::Url;

use super::problem::Problem;

/// What this process is: a gateway that protects, or a stand-in that imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing that only helps tests is wired in, and unsafe settings refuse to start.
    Production,
    /// Built-in identity provider, movable clock, control API.
    Emulator,
}

impl Mode {
    #[must_use]
    pub const fn is_emulator(self) -> bool {
        matches!(self, Self::Emulator)
    }

    /// Who renews tokens where an application does not say.
    pub(super) const fn refresh(self) -> Refresh {
        match self {
            Self::Production => Refresh::Edge,
            Self::Emulator => Refresh::Access,
        }
    }
}

/// One configuration file, read and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name under which messages speak of the file.
    pub file: String,
    pub mode: Mode,
    pub listen: Listen,
    pub limits: Limits,
    pub log: LogSettings,
    pub telemetry: TelemetrySettings,
    /// Who takes mail. Absent: nobody does; in emulator mode it goes to the mailbox.
    pub smtp: Option<doorward_mail::Settings>,
    pub team: TeamSettings,
    /// Holds a password at times. Absent only in emulator mode: a temporary folder.
    pub store_url: Option<Secret>,
    /// How long revocations are believed without news from the store.
    pub revocation_freshness: Lifetime,
    /// How long the authentication log is kept.
    pub log_retention: Lifetime,
    /// How long the log of changes is kept.
    pub audit_retention: Lifetime,
    pub encryption_key: Option<Secret>,
    pub api_token: Option<Secret>,
    pub apps: Vec<App>,
    pub groups: Vec<Group>,
    pub idps: Vec<IdentityProvider>,
    pub service_tokens: Vec<ServiceToken>,
    pub routes: Vec<Route>,
    /// Where countries are looked up.
    pub geo_database: Option<PathBuf>,
    /// Policies that applications share; those that link one have it with its place.
    pub policies: Vec<Policy>,
    pub lists: Vec<ListDocument>,
    pub roots: Vec<RootCertificate>,
    pub custom_pages: Vec<CustomPage>,
    /// None where the file decides nothing of it.
    pub organization: Option<Organization>,
    /// People of the built-in identity provider (emulator mode).
    pub users: Vec<Person>,
    /// What keys and the local certificate authority are derived from (emulator mode).
    pub seed: Option<String>,
    /// What was taken, but is hardly meant.
    pub warnings: Vec<Problem>,
}

/// Where connections are accepted, and from whom forwarded facts are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    pub public: SocketAddr,
    pub admin: SocketAddr,
    /// Names, beside `localhost`, by which the admin listener is called.
    pub admin_hosts: Vec<String>,
    /// The CONNECT proxy (emulator mode).
    pub proxy: Option<SocketAddr>,
    pub trusted_proxies: Vec<IpNet>,
    pub tls: Option<TlsFiles>,
}

/// What is told of each request, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// None is off.
    pub access: Option<Destination>,
    pub access_format: LineFormat,
    /// Refusals of each second that are told with their rule tree.
    pub rule_trees: u32,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { access: None, access_format: LineFormat::default(), rule_trees: 20 }
    }
}

/// Who collects traces. What is absent is OpenTelemetry's own to decide, by
/// its environment variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TelemetrySettings {
    /// The collector, without the path of spans; none is off.
    pub otlp_endpoint: Option<Url>,
    /// The share of requests that begin a trace here which is kept.
    pub sample_ratio: Option<f64>,
    pub service_name: Option<String>,
}

/// The public listener's certificate chain and private key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// The team as configured; its URL may depend on the port that was bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamSettings {
    pub account: AccountId,
    pub name: String,
    pub domain: String,
    pub url: Option<Url>,
}

impl TeamSettings {
    /// The team, once it is known on which address the public listener accepts.
    ///
    /// In production its URL is `https://<domain>` unless the file says
    /// otherwise. An emulator is reached on this machine: under a name below
    /// `localhost`, which every browser takes to the loopback address.
    #[must_use]
    pub fn reached_at(&self, public: SocketAddr, mode: Mode, tls: bool) -> Team {
        let url = match (&self.url, mode) {
            (Some(url), _) => url.clone(),
            (None, Mode::Production) => written(&format!("https://{}", self.domain)),
            (None, Mode::Emulator) => {
                let scheme = if tls { "https" } else { "http" };
                written(&format!("{scheme}://{}.localhost:0", self.name))
            }
        };
        let url = with_port(url, public.port());
        let host = url.split_once("://").map_or("", |(_, host)| host);
        Team {
            account: self.account.clone(),
            name: self.name.clone(),
            domain: self.domain.clone(),
            host: host.parse().expect("the team's URL was checked to hold a host"),
            url,
            session_duration: Organization::default().session_duration,
        }
    }
}

impl Config {
    /// The team, once it is known on which address the public listener accepts.
    #[must_use]
    pub fn team(&self, public: SocketAddr) -> Team {
        self.team.reached_at(public, self.mode, self.listen.tls.is_some())
    }

    /// The issuers whose tokens are accepted, the one that signs first:
    /// exactly one in production; in an emulator the team's two names.
    #[must_use]
    pub fn issuers(&self, team: &Team) -> Vec<String> {
        let mut issuers = vec![team.url.clone()];
        let domain = format!("https://{}", team.domain);
        if self.mode.is_emulator() && domain != team.url {
            issuers.push(domain);
        }
        issuers
    }

    /// The team as clients of the proxy reach it: by its domain, where browsers
    /// on this machine know it by another name.
    #[must_use]
    pub fn other_name(&self, team: &Team) -> Option<Team> {
        let url = format!("https://{}", team.domain);
        let host = team.domain.parse().ok()?;
        let differs = self.mode.is_emulator() && self.listen.proxy.is_some() && url != team.url;
        differs.then(|| Team { url, host, ..team.clone() })
    }

    /// Whether the built-in identity provider is one of the team's: in an
    /// emulator, unless the file brings providers and names nobody for it.
    #[must_use]
    pub fn has_built_in_provider(&self) -> bool {
        self.mode.is_emulator() && (self.idps.is_empty() || !self.users.is_empty())
    }

    /// Who renews tokens where nothing says otherwise: browsers are spared
    /// redirects, unless they are to see what Access does.
    #[must_use]
    pub const fn refresh(&self) -> Refresh {
        self.mode.refresh()
    }

    /// The file's objects as documents, the built-in provider beside them.
    #[must_use]
    pub fn declared(&self, built_in: Option<IdentityProvider>) -> Declared {
        let apps = self.apps.iter().map(|app| {
            let extension = AppExtension { refresh: Some(app.refresh), ..AppExtension::default() };
            (Key::new(Kind::App, app.id), Content::new(&self.app_document(app), &extension, None))
        });
        let policies = self.policies.iter().map(|policy| {
            let document = PolicyDocument { precedence: None, ..policy.into() };
            (Key::new(Kind::Policy, policy.id), Content::new(&document, &NoExtension {}, None))
        });
        let lists =
            self.lists.iter().map(|list| (Key::new(Kind::List, list.id), Content::new(list, &NoExtension {}, None)));
        let roots = self.roots.iter().map(|root| {
            let (document, extension) = (CertificateDocument::from(root), CertificateExtension::from(root));
            (Key::new(Kind::Certificate, root.id), Content::new(&document, &extension, None))
        });
        let groups = self.groups.iter().map(|group| {
            (Key::new(Kind::Group, group.id), Content::new(&GroupDocument::from(group), &NoExtension {}, None))
        });
        let idps = self.idps.iter().enumerate().map(|(place, idp)| {
            let (document, extension, secret) = IdentityProviderDocument::of(idp, place);
            (Key::new(Kind::IdentityProvider, idp.id), Content::new(&document, &extension, Some(secret)))
        });
        let tokens = self.service_tokens.iter().map(|token| {
            let (document, extension) = (ServiceTokenDocument::from(token), ServiceTokenExtension::from(token));
            (Key::new(Kind::ServiceToken, token.id), Content::new(&document, &extension, None))
        });
        let routes = self.routes.iter().map(|route| {
            let content = Content::new(&RouteDocument::from(route), &NoExtension {}, None);
            (Key::new(Kind::Route, RouteId::from(route)), content)
        });
        let shared = policies.chain(lists).chain(roots);
        let pages = self.custom_pages.iter().map(|page| {
            let content = Content::new(&CustomPageDocument::from(page), &NoExtension {}, None);
            (Key::new(Kind::CustomPage, page.id), content)
        });
        let organization = self.organization.iter().map(|organization| {
            let content = Content::new(&OrganizationDocument::from(organization), &NoExtension {}, None);
            (Key::new(Kind::Organization, ORGANIZATION), content)
        });
        let file = apps.chain(groups).chain(idps).chain(tokens).chain(routes);
        let objects = file.chain(shared).chain(pages).chain(organization).collect();
        Declared { file: self.file.clone(), objects, built_in }
    }

    /// With links in the place of what is shared.
    fn app_document(&self, app: &App) -> AppDocument {
        let is_shared = |id| self.policies.iter().any(|policy| policy.id == id);
        let place = |policy: &Policy| match is_shared(policy.id) {
            true => AppPolicy::Link(PolicyLink { id: policy.id, precedence: policy.precedence }),
            false => AppPolicy::Own(policy.into()),
        };
        AppDocument { policies: app.policies.iter().map(place).collect(), ..app.into() }
    }

    /// The snapshot of the file alone, for whoever has no store.
    ///
    /// # Panics
    /// Never: a file's objects were checked when it was read.
    #[must_use]
    pub fn catalog(&self, team: Team, generation: u64, built_in: Option<IdentityProvider>) -> Catalog {
        let setting = Setting { team, refresh: self.refresh() };
        doorward_objects::catalog_of(&setting, self.declared(built_in), generation)
            .expect("what a checked file declares can be read again")
    }
}

fn written(url: &str) -> Url {
    Url::parse(url).expect("a scheme and a checked host name make a URL")
}

/// The URL's scheme and authority; port 0 stands for the port that was bound,
/// and is left out while none is.
fn with_port(mut url: Url, bound: u16) -> String {
    if url.port() == Some(0) {
        url.set_port((bound != 0).then_some(bound)).expect("a URL with a host can have a port");
    }
    url.origin().ascii_serialization()
}

/// Whether only this machine can be meant, so that plain HTTP shows nothing to anybody.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The team of an emulator whose file does not name it.
pub(super) const UNNAMED_TEAM: &str = "dev";

/// Where the listeners are when the file does not say.
pub(super) const fn default_listener(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// An address under which a wildcard listener is reached from this machine.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
