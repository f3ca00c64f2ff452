//! What the organisation decides for all its applications (Access docs,
//! "access settings"): how its own pages look, and what becomes of requests
//! that no application answers for.

use serde::{Deserialize, Serialize};

use crate::colour::Colour;
use crate::host::Host;
use crate::id::CustomPageId;
use crate::time::Lifetime;

/// The settings of the team that touch requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// What people read; none is the team's name.
    pub name: Option<String>,
    /// Life of the organisation session.
    pub session_duration: Lifetime,
    /// Straight to the provider wherever an application allows only one.
    pub auto_redirect_to_identity: bool,
    /// Requests to a host or path of no application are refused; else they
    /// pass, unseen, wherever a route leads.
    pub deny_unmatched_requests: bool,
    /// Zones whose hosts pass all the same: names, which cover what is below them.
    pub deny_unmatched_requests_exempted_zone_names: Vec<String>,
    /// A service token that does not hold is answered at once and never redirected.
    pub strict_service_token_auth: bool,
    pub login_design: LoginDesign,
    pub custom_pages: OrganizationPages,
}

/// Cloudflare's default.
const DAY: Lifetime = Lifetime::from_hours(24);

impl Default for Organization {
    fn default() -> Self {
        Self {
            name: None,
            session_duration: DAY,
            auto_redirect_to_identity: false,
            deny_unmatched_requests: true,
            deny_unmatched_requests_exempted_zone_names: Vec::new(),
            strict_service_token_auth: true,
            login_design: LoginDesign::default(),
            custom_pages: OrganizationPages::default(),
        }
    }
}

impl Organization {
    /// Whether a request to this host may pass although no application answers for it.
    #[must_use]
    pub fn passes_unmatched(&self, host: &Host) -> bool {
        let below = |zone: &String| {
            let rest = host.name().strip_suffix(zone.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        !self.deny_unmatched_requests || self.deny_unmatched_requests_exempted_zone_names.iter().any(below)
    }

    /// Whether any request may pass so.
    #[must_use]
    pub const fn passes_some(&self) -> bool {
        !self.deny_unmatched_requests || !self.deny_unmatched_requests_exempted_zone_names.is_empty()
    }
}

/// How the sign-in page looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginDesign {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_color: Option<Colour>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_color: Option<Colour>,
    /// Above the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_text: Option<String>,
    /// Below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer_text: Option<String>,
    /// Where the logo is: an `https:` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_path: Option<String>,
}

/// Pages of the organisation's own, where an application has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationPages {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<CustomPageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_denied: Option<CustomPageId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_nobody_are_refused_unless_all_of_them_or_their_zone_may_pass() {
        let strict = Organization::default();
        let exempted = vec!["open.test".to_owned()];
        let some = Organization { deny_unmatched_requests_exempted_zone_names: exempted, ..Organization::default() };
        let all = Organization { deny_unmatched_requests: false, ..Organization::default() };
        for (host, passes) in [
            ("open.test", [false, true, true]),
            ("a.open.test", [false, true, true]),
            ("xopen.test", [false, false, true]),
            ("open.test.evil.test", [false, false, true]),
        ] {
            let host = host.parse().unwrap();
            assert_eq!([&strict, &some, &all].map(|org| org.passes_unmatched(&host)), passes, "{host}");
        }
    }
}
