//! An Access application: which addresses it covers and who decides about them.

mod cors;
mod field_name;
mod launcher;

use serde::{Deserialize, Serialize};

use crate::host::{Host, HostPattern};
use crate::id::{AccountId, AppId, Aud, CustomPageId, IdpId};
use crate::path::{NormPath, PathPattern};
use crate::policy::{Decision, Policy};
use crate::time::Lifetime;

pub use self::cors::{Allowed, Cors, InvalidCors};
pub use self::field_name::{FieldName, InvalidFieldName};
pub use self::launcher::{FooterLink, LandingPage, LauncherDesign};

/// Hosts that are walked through after a sign-in where nothing is said about it
/// (Access docs, "eager redirect cookie").
const EAGER_BY_DEFAULT: usize = 5;

/// An application, resolved: every reference is an id, the policies are in
/// ascending precedence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub id: AppId,
    pub aud: Aud,
    pub name: String,
    #[serde(default)]
    pub kind: AppKind,
    /// What it covers; the first is the primary one ("domain"). Only a
    /// self-hosted one covers anything.
    pub domains: Vec<AppDomain>,
    /// Life of application tokens, unless the policy says otherwise.
    pub session_duration: Lifetime,
    pub policies: Vec<Policy>,
    /// Providers that may be used; empty means all.
    #[serde(default)]
    pub allowed_idps: Vec<IdpId>,
    /// Go straight to the provider when only one is allowed ("Instant Auth").
    #[serde(default)]
    pub auto_redirect_to_identity: bool,
    #[serde(default)]
    pub refresh: Refresh,
    #[serde(default = "yes")]
    pub http_only_cookie_attribute: bool,
    #[serde(default)]
    pub same_site_cookie_attribute: SameSite,
    /// A second cookie that a stolen token does not hold without.
    #[serde(default)]
    pub enable_binding_cookie: bool,
    /// The cookie is for the application's path alone, not for its whole host.
    #[serde(default)]
    pub path_cookie_attribute: bool,
    /// Whether a sign-in gives every one of its hosts its cookie; `None`: if there are few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eager_redirect_cookie_setting: Option<bool>,
    /// Preflights that are answered in the origin's place; without this they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors_headers: Option<Cors>,
    /// `OPTIONS` goes to the origin without a check; otherwise preflights are refused.
    #[serde(default)]
    pub options_preflight_bypass: bool,
    /// Our own answers on the application's host may be shown in frames.
    #[serde(default)]
    pub allow_iframe: bool,
    /// A header that may carry a service token whole, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_service_tokens_from_header: Option<FieldName>,
    /// Answer 401 instead of 403 where only service credentials could pass.
    #[serde(default)]
    pub service_auth_401_redirect: bool,
    /// What a person reads whom the policies refuse after sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_deny_message: Option<String>,
    /// Where a person is sent whom the policies refuse after sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_deny_url: Option<String>,
    /// Where a caller is sent who could not pass even with an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_non_identity_deny_url: Option<String>,
    /// Pages of the operator's own, at most one of each kind.
    #[serde(default)]
    pub custom_pages: Vec<CustomPageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Whether lists of applications show it; it can be entered all the same.
    #[serde(default = "yes")]
    pub app_launcher_visible: bool,
    /// By which lists of applications can be filtered.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Of a launcher alone.
    #[serde(default)]
    pub launcher_design: LauncherDesign,
    /// Command-line sign-ins need no click of approval.
    #[serde(default)]
    pub skip_interstitial: bool,
}

/// What an application is (Access docs, "application types").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// It stands in front of an origin.
    #[default]
    SelfHosted,
    /// The list of applications on the team domain. Only people enter it.
    AppLauncher,
    /// A link in that list. Its policies say who sees it, and protect nothing.
    Bookmark { link: String },
}

const fn yes() -> bool {
    true
}

impl App {
    /// The application that a name, its domains and its policies make, with
    /// the defaults of Access for everything else.
    #[must_use]
    pub fn new(account: &AccountId, name: &str, domains: Vec<AppDomain>, policies: Vec<Policy>) -> Self {
        let id = AppId::derived(account, name);
        Self {
            id,
            aud: Aud::of_app(account, id),
            name: name.to_owned(),
            kind: AppKind::SelfHosted,
            domains,
            session_duration: Lifetime::from_hours(24),
            policies,
            allowed_idps: Vec::new(),
            auto_redirect_to_identity: false,
            refresh: Refresh::Access,
            http_only_cookie_attribute: true,
            same_site_cookie_attribute: SameSite::None,
            enable_binding_cookie: false,
            path_cookie_attribute: false,
            eager_redirect_cookie_setting: None,
            cors_headers: None,
            options_preflight_bypass: false,
            allow_iframe: false,
            read_service_tokens_from_header: None,
            service_auth_401_redirect: false,
            custom_deny_message: None,
            custom_deny_url: None,
            custom_non_identity_deny_url: None,
            custom_pages: Vec::new(),
            logo_url: None,
            app_launcher_visible: true,
            tags: Vec::new(),
            launcher_design: LauncherDesign::default(),
            skip_interstitial: false,
        }
    }

    /// The host pattern and path as configured: what `CF-Access-Domain` says.
    #[must_use]
    pub fn domain(&self) -> String {
        self.domains.first().map(ToString::to_string).unwrap_or_default()
    }

    /// Whether signing in with this provider may lead to this application.
    #[must_use]
    pub fn allows_idp(&self, idp: IdpId) -> bool {
        self.allowed_idps.is_empty() || self.allowed_idps.contains(&idp)
    }

    /// Whether people may enter, so that machines are not alone with it.
    #[must_use]
    pub fn lets_people_in(&self) -> bool {
        self.policies.iter().any(|policy| policy.decision == Decision::Allow)
    }

    /// Whether any of its policies asks people for more than who they are.
    #[must_use]
    pub fn asks_purpose(&self) -> bool {
        self.policies.iter().any(|policy| policy.purpose.is_some())
    }

    /// Below which path of a host a browser keeps the application's cookie for
    /// a request there: everywhere, unless the setting says otherwise.
    #[must_use]
    pub fn cookie_path(&self, host: &Host, path: &NormPath) -> &str {
        let covering =
            self.domains.iter().filter(|domain| domain.host.matches(host.name()) && domain.path.matches(path));
        let closest = covering.max_by_key(|domain| domain.path.literal_length());
        closest.filter(|_| self.path_cookie_attribute).map_or("/", |domain| domain.cookie_path())
    }

    /// Every path below which its cookie may lie on a host.
    pub fn cookie_paths(&self, host: &Host) -> impl Iterator<Item = &str> {
        let here = self.domains.iter().filter(|domain| domain.host.matches(host.name()));
        here.map(|domain| if self.path_cookie_attribute { domain.cookie_path() } else { "/" })
    }

    /// The hosts that get their cookie with a sign-in at any of them. Wildcards
    /// cannot be visited.
    #[must_use]
    pub fn eager_hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = Vec::new();
        for domain in self.domains.iter().filter(|domain| domain.host.is_exact()) {
            if !hosts.contains(&domain.host.as_str()) {
                hosts.push(domain.host.as_str());
            }
        }
        let eager = self.eager_redirect_cookie_setting.unwrap_or(self.domains.len() <= EAGER_BY_DEFAULT);
        if eager { hosts } else { Vec::new() }
    }
}

/// One address pattern of an application: a host, and a path below which it applies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppDomain {
    pub host: HostPattern,
    pub path: PathPattern,
}

impl AppDomain {
    /// The literal folder that its path begins with.
    fn cookie_path(&self) -> &str {
        let path = self.path.as_str();
        let folder = match path.split_once('*') {
            Some((head, _)) => &head[..head.rfind('/').map_or(0, |slash| slash + 1)],
            None => path,
        };
        if folder.is_empty() { "/" } else { folder }
    }
}

/// Why a text is not an application's domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an application domain: {why}")]
pub struct InvalidAppDomain {
    text: String,
    why: String,
}

impl std::str::FromStr for AppDomain {
    type Err = InvalidAppDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why: String| InvalidAppDomain { text: text.to_owned(), why };
        if text.contains("://") {
            return Err(invalid("leave out the scheme".into()));
        }
        if text.contains(['?', '#']) {
            return Err(invalid("a query or fragment cannot be part of it".into()));
        }
        let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        Ok(Self {
            host: host.parse().map_err(|error| invalid(format!("{error}")))?,
            path: path.parse().map_err(|error| invalid(format!("{error}")))?,
        })
    }
}

impl TryFrom<String> for AppDomain {
    type Error = InvalidAppDomain;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AppDomain> for String {
    fn from(domain: AppDomain) -> Self {
        domain.to_string()
    }
}

impl std::fmt::Display for AppDomain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.host, self.path)
    }
}

/// Who renews an application token that is about to end while the sign-in still lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// As Access does: the browser is sent through the team domain.
    #[default]
    Access,
    /// Beyond Access: the edge checks the policies again and renews in place,
    /// so that a `fetch` never meets a cross-origin redirect.
    Edge,
}

/// The `SameSite` attribute of the application's cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameSite {
    #[default]
    None,
    Lax,
    Strict,
}

impl SameSite {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}

#[cfg(test)]
mod tests;
