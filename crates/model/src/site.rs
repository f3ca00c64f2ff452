//! Every public URL we make, in one place, and the team they belong to.

use crate::host::Host;
use crate::id::AccountId;
use crate::redirect::ReturnPath;
use crate::time::Lifetime;

/// Everything Access serves itself is below this path, on every host.
pub const ACCESS_PREFIX: &str = "/cdn-cgi/access/";

/// Where the keys are published, on the team domain and on every host of an application.
pub const CERTS: &str = "/cdn-cgi/access/certs";

/// The team: its name, where its domain is reached, and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub account: AccountId,
    pub name: String,
    /// What `auth_domain` says: `acme.cloudflareaccess.com`.
    pub domain: String,
    /// Scheme and authority under which browsers and validators reach the
    /// team domain, without a trailing slash. It is the `iss` of every token.
    pub url: String,
    /// The host of `url`.
    pub host: Host,
    /// Life of the organisation session.
    pub session_duration: Lifetime,
}

impl Team {
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.url
    }

    #[must_use]
    pub fn certs(&self) -> String {
        format!("{}{CERTS}", self.url)
    }

    /// The redirect URI that every identity provider knows.
    #[must_use]
    pub fn callback(&self) -> String {
        format!("{}/cdn-cgi/access/callback", self.url)
    }

    #[must_use]
    pub fn logout(&self) -> String {
        format!("{}/cdn-cgi/access/logout", self.url)
    }

    /// The sign-in page for an application's host.
    #[must_use]
    pub fn login(&self, host: &Host) -> String {
        format!("{}/cdn-cgi/access/login/{host}", self.url)
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }
}

/// The address of a page on an application's own origin.
#[must_use]
pub fn app_url(origin: &str, path: &ReturnPath) -> String {
    format!("{origin}{path}")
}

/// Scheme and authority of an application as its visitor sees it.
#[must_use]
pub fn origin(https: bool, host: &Host) -> String {
    format!("{}://{host}", if https { "https" } else { "http" })
}
