//! The organisation's settings.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::organization::{LoginDesign, Organization, OrganizationPages};
use crate::time::InvalidLifetime;

/// The one object of its kind has this in the place of an id.
pub const ORGANIZATION: &str = "organization";

/// `…/access/organizations`, as far as objects say it: where the team is
/// reached is said elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrganizationDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<String>,
    #[serde(default)]
    pub auto_redirect_to_identity: bool,
    /// Absent: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_unmatched_requests: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny_unmatched_requests_exempted_zone_names: Vec<String>,
    /// Absent: strict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict_service_token_auth: Option<bool>,
    #[serde(default)]
    pub login_design: LoginDesign,
    #[serde(default)]
    pub custom_pages: OrganizationPages,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl TryFrom<OrganizationDocument> for Organization {
    type Error = InvalidLifetime;

    fn try_from(document: OrganizationDocument) -> Result<Self, InvalidLifetime> {
        let usual = Self::default();
        let session_duration = document.session_duration.as_deref();
        Ok(Self {
            name: document.name,
            session_duration: session_duration.map_or(Ok(usual.session_duration), str::parse)?,
            auto_redirect_to_identity: document.auto_redirect_to_identity,
            deny_unmatched_requests: document.deny_unmatched_requests.unwrap_or(usual.deny_unmatched_requests),
            deny_unmatched_requests_exempted_zone_names: document.deny_unmatched_requests_exempted_zone_names,
            strict_service_token_auth: document.strict_service_token_auth.unwrap_or(usual.strict_service_token_auth),
            login_design: document.login_design,
            custom_pages: document.custom_pages,
        })
    }
}

impl From<&Organization> for OrganizationDocument {
    fn from(organization: &Organization) -> Self {
        Self {
            name: organization.name.clone(),
            session_duration: Some(organization.session_duration.to_string()),
            auto_redirect_to_identity: organization.auto_redirect_to_identity,
            deny_unmatched_requests: Some(organization.deny_unmatched_requests),
            deny_unmatched_requests_exempted_zone_names: organization
                .deny_unmatched_requests_exempted_zone_names
                .clone(),
            strict_service_token_auth: Some(organization.strict_service_token_auth),
            login_design: organization.login_design.clone(),
            custom_pages: organization.custom_pages,
            more: Map::new(),
        }
    }
}
