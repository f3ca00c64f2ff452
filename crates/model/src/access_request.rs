//! One line of the authentication log: a decision about entering, not a page
//! that was looked at (Access docs, "authentication logs").

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::id::{AppId, IdpId, UserId};
use crate::purpose::Justification;
use crate::time::Timestamp;

/// A decision as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    pub at: Timestamp,
    pub action: Action,
    pub allowed: bool,
    /// Empty where nobody is known: a machine has no address.
    pub user_email: String,
    pub user_id: Option<UserId>,
    pub ip_address: IpAddr,
    /// ISO 3166-1 alpha-2, where it is known.
    pub country: Option<String>,
    /// None for a sign-out, which ends everything.
    pub app_uid: Option<AppId>,
    pub app_domain: String,
    /// The type of the identity provider, in the words of the API.
    pub connection: String,
    /// None where no provider told anything.
    pub idp_id: Option<IdpId>,
    pub ray_id: String,
    /// A machine's credential decided, not a person's identity.
    pub non_identity: bool,
    pub detail: Detail,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Login,
    Logout,
}

impl Action {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
        }
    }
}

/// What else is known about a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The policy that decided; empty where none did.
    pub policy: String,
    /// The rule of that policy that decided.
    pub rule: String,
    /// The nonce of the sign-in with which an application was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose_justification_prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose_justification_response: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub temporary_access_approvers: Vec<String>,
    /// Seconds for which the approvers let them in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporary_access_duration: Option<i64>,
}

impl From<Justification> for Detail {
    fn from(said: Justification) -> Self {
        Self {
            purpose_justification_prompt: Some(said.prompt),
            purpose_justification_response: Some(said.response),
            temporary_access_approvers: said.approvers,
            temporary_access_duration: said.approved_secs,
            ..Self::default()
        }
    }
}
