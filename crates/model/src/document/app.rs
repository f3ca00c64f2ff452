//! An application: its own policies are part of it, reusable ones are linked.

mod launcher;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::PolicyDocument;
use crate::app::{App, AppDomain, AppKind, Cors, FieldName, InvalidAppDomain, LauncherDesign, Refresh, SameSite};
use crate::host::Host;
use crate::id::{AppId, Aud, CustomPageId, IdpId, PolicyId};
use crate::policy::{Decision, Policy};
use crate::time::{InvalidLifetime, Lifetime};

/// Cloudflare's word for an application that stands in front of an origin.
const SELF_HOSTED: &str = "self_hosted";
/// Its words for the list of applications, and for a link in it.
const APP_LAUNCHER: &str = "app_launcher";
const BOOKMARK: &str = "bookmark";
/// Those that cover addresses as self-hosted ones do, and are served by
/// nothing here: they let nobody in.
const CLOSED: [&str; 5] = ["ssh", "vnc", "rdp", "mcp_portal", "end_user"];
/// Life of application tokens when nothing says otherwise.
const DAY: Lifetime = Lifetime::from_hours(24);

/// `…/access/apps/{id}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppDocument {
    pub id: AppId,
    pub aud: Aud,
    pub name: String,
    /// `self_hosted` ones are served, a launcher and bookmarks are shown on the
    /// team domain; the others are objects and no more.
    #[serde(rename = "type")]
    pub kind: String,
    /// Three views of one thing: what the application covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_hosted_domains: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Destination>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<String>,
    #[serde(default)]
    pub policies: Vec<AppPolicy>,
    #[serde(default)]
    pub allowed_idps: Vec<IdpId>,
    #[serde(default)]
    pub auto_redirect_to_identity: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_only_cookie_attribute: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site_cookie_attribute: Option<SameSite>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_binding_cookie: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_cookie_attribute: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eager_redirect_cookie_setting: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors_headers: Option<Cors>,
    #[serde(default)]
    pub options_preflight_bypass: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_iframe: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_service_tokens_from_header: Option<String>,
    #[serde(default)]
    pub service_auth_401_redirect: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_deny_message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_deny_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_non_identity_deny_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_pages: Option<Vec<CustomPageId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Absent: shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_launcher_visible: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_interstitial: Option<bool>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One address of an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    #[serde(rename = "type", default = "public")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn public() -> String {
    "public".to_owned()
}

/// One of an application's policies: a whole one, or the id of a reusable one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AppPolicy {
    Own(PolicyDocument),
    Link(PolicyLink),
}

/// What decides is what a policy must say. Trying one after the other would
/// take a policy that cannot be read for a link.
impl<'de> Deserialize<'de> for AppPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let read = match value.get("decision") {
            Some(_) => serde_json::from_value(value).map(Self::Own),
            None => serde_json::from_value(value).map(Self::Link),
        };
        read.map_err(D::Error::custom)
    }
}

/// A reusable policy at its place in an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLink {
    pub id: PolicyId,
    pub precedence: u32,
}

/// What an application has beyond Access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppExtension {
    /// Absent: as the mode of the process says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Refresh>,
    /// SHA-256 of the secret of a SaaS application's client, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saas_client_secret: Option<String>,
}

/// Why an application's document is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApp {
    #[error(transparent)]
    Address(#[from] InvalidAppDomain),
    #[error(transparent)]
    Duration(#[from] InvalidLifetime),
}

impl AppDocument {
    /// What it covers, in the order in which Access reads the three views.
    ///
    /// # Errors
    /// When an address is none.
    pub fn domains(&self) -> Result<Vec<AppDomain>, InvalidAppDomain> {
        let public = self.destinations.iter().filter(|destination| destination.kind == "public");
        let written =
            self.domain.iter().chain(&self.self_hosted_domains).chain(public.filter_map(|one| one.uri.as_ref()));
        let mut domains: Vec<AppDomain> = Vec::new();
        for domain in written {
            let domain = domain.parse()?;
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        Ok(domains)
    }

    /// Whether it stands in front of an origin.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.kind == SELF_HOSTED
    }

    /// Whether requests to its addresses are its to decide.
    #[must_use]
    pub fn covers_addresses(&self) -> bool {
        self.is_served() || CLOSED.contains(&self.kind.as_str())
    }

    /// Whether it is the list of applications on the team domain.
    #[must_use]
    pub fn is_launcher(&self) -> bool {
        self.kind == APP_LAUNCHER
    }

    /// What it is, of what there is here.
    fn app_kind(&self) -> Option<AppKind> {
        match self.kind.as_str() {
            SELF_HOSTED => Some(AppKind::SelfHosted),
            kind if CLOSED.contains(&kind) => Some(AppKind::SelfHosted),
            APP_LAUNCHER => Some(AppKind::AppLauncher),
            BOOKMARK => Some(AppKind::Bookmark { link: link(self.domain.as_deref()?)? }),
            _ => None,
        }
    }

    /// The application that decides about requests or is shown on the team
    /// domain; `None` for a type that has neither. `reusable` finds a policy by its id.
    ///
    /// One whose policy is not there lets nobody in (invariant I15): the
    /// missing one may have been the one that refuses.
    ///
    /// # Errors
    /// When an address or a duration is none.
    pub fn app(
        self,
        refresh: Refresh,
        reusable: impl Fn(PolicyId) -> Option<PolicyDocument>,
    ) -> Result<Option<App>, InvalidApp> {
        let Some(kind) = self.app_kind() else { return Ok(None) };
        let domains = if kind == AppKind::SelfHosted { self.domains()? } else { Vec::new() };
        // What protects such an application elsewhere is not there, so its policies open nothing.
        let is_closed = kind == AppKind::SelfHosted && !self.is_served();
        let whole: Option<Vec<(u32, PolicyDocument)>> = self
            .policies
            .into_iter()
            .map(|policy| match policy {
                AppPolicy::Own(own) => Some((own.precedence.unwrap_or_default(), own)),
                AppPolicy::Link(link) => Some((link.precedence, reusable(link.id)?)),
            })
            .collect();
        // A bookmark without policies is everybody's, and this one has some.
        if whole.is_none() && matches!(kind, AppKind::Bookmark { .. }) {
            return Ok(None);
        }
        let policies = whole.unwrap_or_default().into_iter().map(|(precedence, document)| document.policy(precedence));
        let mut policies: Vec<Policy> = policies.collect::<Result<_, _>>()?;
        policies.sort_by_key(|policy| policy.precedence);
        let launcher_design =
            if kind == AppKind::AppLauncher { launcher::design(self.more) } else { LauncherDesign::default() };
        // The list is somebody's, and nothing is asked before it: what admits
        // nobody in particular, or wants to know what for, admits nobody.
        let is_for_people =
            |policy: &Policy| policy.purpose.is_none() && matches!(policy.decision, Decision::Allow | Decision::Deny);
        if kind == AppKind::AppLauncher && !policies.iter().all(is_for_people) {
            policies.clear();
        }
        if is_closed {
            policies.clear();
        }
        Ok(Some(App {
            id: self.id,
            aud: self.aud,
            name: self.name,
            kind,
            domains,
            session_duration: self.session_duration.as_deref().map_or(Ok(DAY), str::parse)?,
            policies,
            allowed_idps: self.allowed_idps,
            auto_redirect_to_identity: self.auto_redirect_to_identity,
            refresh,
            http_only_cookie_attribute: self.http_only_cookie_attribute.unwrap_or(true),
            same_site_cookie_attribute: self.same_site_cookie_attribute.unwrap_or_default(),
            enable_binding_cookie: self.enable_binding_cookie.unwrap_or_default(),
            path_cookie_attribute: self.path_cookie_attribute.unwrap_or_default(),
            eager_redirect_cookie_setting: self.eager_redirect_cookie_setting,
            cors_headers: self.cors_headers,
            options_preflight_bypass: self.options_preflight_bypass,
            allow_iframe: self.allow_iframe.unwrap_or_default(),
            // One that is none is never read: nothing opens by it.
            read_service_tokens_from_header: self
                .read_service_tokens_from_header
                .and_then(|name| FieldName::try_from(name).ok())
                .filter(FieldName::may_carry_a_service_token),
            service_auth_401_redirect: self.service_auth_401_redirect,
            custom_deny_message: self.custom_deny_message,
            custom_deny_url: self.custom_deny_url,
            custom_non_identity_deny_url: self.custom_non_identity_deny_url,
            custom_pages: self.custom_pages.unwrap_or_default(),
            logo_url: self.logo_url,
            app_launcher_visible: self.app_launcher_visible.unwrap_or(true),
            tags: self.tags.unwrap_or_default(),
            launcher_design,
            skip_interstitial: self.skip_interstitial.unwrap_or_default(),
        }))
    }
}

impl From<&App> for AppDocument {
    fn from(app: &App) -> Self {
        let domains: Vec<String> = app.domains.iter().map(ToString::to_string).collect();
        let destination = |uri: &String| Destination { kind: public(), uri: Some(uri.clone()), more: Map::new() };
        let same_site = app.same_site_cookie_attribute;
        let (kind, domain) = match &app.kind {
            AppKind::SelfHosted => (SELF_HOSTED, domains.first().cloned()),
            AppKind::AppLauncher => (APP_LAUNCHER, None),
            AppKind::Bookmark { link } => (BOOKMARK, Some(link.clone())),
        };
        Self {
            id: app.id,
            aud: app.aud.clone(),
            name: app.name.clone(),
            kind: kind.to_owned(),
            domain,
            destinations: domains.iter().map(destination).collect(),
            self_hosted_domains: domains,
            session_duration: Some(app.session_duration.to_string()),
            policies: app.policies.iter().map(|policy| AppPolicy::Own(policy.into())).collect(),
            allowed_idps: app.allowed_idps.clone(),
            auto_redirect_to_identity: app.auto_redirect_to_identity,
            http_only_cookie_attribute: Some(app.http_only_cookie_attribute),
            same_site_cookie_attribute: (same_site != SameSite::None).then_some(same_site),
            enable_binding_cookie: app.enable_binding_cookie.then_some(true),
            path_cookie_attribute: app.path_cookie_attribute.then_some(true),
            eager_redirect_cookie_setting: app.eager_redirect_cookie_setting,
            cors_headers: app.cors_headers.clone(),
            options_preflight_bypass: app.options_preflight_bypass,
            allow_iframe: app.allow_iframe.then_some(true),
            read_service_tokens_from_header: app.read_service_tokens_from_header.clone().map(String::from),
            service_auth_401_redirect: app.service_auth_401_redirect,
            custom_deny_message: app.custom_deny_message.clone(),
            custom_deny_url: app.custom_deny_url.clone(),
            custom_non_identity_deny_url: app.custom_non_identity_deny_url.clone(),
            custom_pages: (!app.custom_pages.is_empty()).then(|| app.custom_pages.clone()),
            logo_url: app.logo_url.clone(),
            app_launcher_visible: (!app.app_launcher_visible).then_some(false),
            tags: (!app.tags.is_empty()).then(|| app.tags.clone()),
            skip_interstitial: app.skip_interstitial.then_some(true),
            more: match serde_json::to_value(&app.launcher_design) {
                Ok(Value::Object(design)) => design,
                _ => Map::new(),
            },
        }
    }
}

/// Where a bookmark leads: a host and what follows it, by `https` unless it says
/// otherwise. What could lead a browser elsewhere than it reads is none.
#[must_use]
pub fn link(domain: &str) -> Option<String> {
    let (scheme, rest) = domain.split_once("://").unwrap_or(("https", domain));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    let leads = matches!(scheme, "https" | "http") && host.parse::<Host>().is_ok() && is_plain;
    leads.then(|| format!("{scheme}://{rest}"))
}
