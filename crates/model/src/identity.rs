//! Who somebody is, as their identity provider told it at the last sign-in.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::email::Email;
use crate::id::{AccountId, IdpId, UserId};
use crate::rule::ExternalEvaluationRule;

/// A proven identity. Kept with the session; policies read it, `get-identity`
/// shows it, tokens carry a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The `sub` of our tokens.
    pub user_uuid: UserId,
    /// The provider's own subject for this person.
    pub id: String,
    pub email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default)]
    pub groups: Vec<IdentityGroup>,
    /// How they proved it (RFC 8176), where the provider says so.
    #[serde(default)]
    pub amr: Vec<String>,
    pub idp: IdpRef,
    /// Where the sign-in came from.
    pub ip: IpAddr,
    /// ISO country of the sign-in, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The claims that the provider's `claims` setting lists, in its order.
    #[serde(default)]
    pub oidc_fields: Map<String, Value>,
    /// What a SAML provider's assertion said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub saml_attributes: Map<String, Value>,
    /// What services said that policies had asked about this person, at the
    /// last sign-in to an application with such a policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluations: Vec<Evaluation>,
    /// Seconds since the epoch of the sign-in.
    pub iat: i64,
}

impl Identity {
    /// As `get-identity` and the management API tell it, beside a client
    /// certificate's name and what else is known of that. Every member that
    /// clients read is there, with its type, also where there is nothing to
    /// tell: Go clients decode into structs, Python ones index.
    #[must_use]
    pub fn told(&self, account: &AccountId, common_name: &str, mtls_auth: &Value) -> Value {
        json!({
            "id": self.id,
            "name": self.name.clone().unwrap_or_default(),
            "email": self.email,
            "amr": self.amr,
            "groups": self.groups,
            "idp": {"id": self.idp.id, "type": self.idp.kind},
            "geo": {"country": self.country.clone().unwrap_or_default()},
            "user_uuid": self.user_uuid,
            "account_id": account,
            "iat": self.iat,
            "ip": self.ip,
            "auth_status": "NONE",
            "common_name": common_name,
            "service_token_id": "",
            "service_token_status": false,
            "mtls_auth": mtls_auth,
            "is_warp": false,
            "is_gateway": false,
            "gateway_account_id": "",
            "device_id": "",
            "device_sessions": {},
            "devicePosture": {},
            "oidc_fields": self.oidc_fields,
            "version": 2,
        })
    }
}

/// A service's verified answer to a rule of external evaluation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    #[serde(flatten)]
    pub asked: ExternalEvaluationRule,
    pub success: bool,
}

/// The provider an identity came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdpRef {
    pub id: IdpId,
    #[serde(rename = "type")]
    pub kind: String,
}

/// A group as the provider gave it: some give names, some give objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IdentityGroup {
    Name(String),
    Object {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
    },
}

impl IdentityGroup {
    /// Whether this is the group: the exact name or id, never a part of it.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Name(name) => name == wanted,
            Self::Object { id, name, .. } => id == wanted || name.as_deref() == Some(wanted),
        }
    }
}
