//! An access policy: an action and the rules under which it applies.

use serde::{Deserialize, Serialize};

use crate::id::PolicyId;
use crate::purpose::Purpose;
use crate::rule::Rule;
use crate::time::Lifetime;

/// One policy of an application. It applies when any `include` rule is met,
/// every `require` rule is met and no `exclude` rule is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub id: PolicyId,
    pub name: String,
    pub decision: Decision,
    /// Position among the application's policies, ascending, from 1.
    pub precedence: u32,
    pub include: Vec<Rule>,
    #[serde(default)]
    pub require: Vec<Rule>,
    #[serde(default)]
    pub exclude: Vec<Rule>,
    /// Life of the application tokens this policy lets be made; none: as the application says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<Lifetime>,
    /// What people are asked each time that it lets them in; only Allow policies ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
}

/// What a policy does, in the words of Cloudflare's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// "Allow": a proven identity may pass.
    Allow,
    /// "Block".
    Deny,
    /// "Bypass": everything passes, unseen and unlogged.
    Bypass,
    /// "Service Auth": a machine's credential may pass, nobody is sent to sign in.
    NonIdentity,
}

impl Decision {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Bypass => "bypass",
            Self::NonIdentity => "non_identity",
        }
    }
}
