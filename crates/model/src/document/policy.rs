//! A policy, reusable or an application's own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::PolicyId;
use crate::policy::{Decision, Policy};
use crate::purpose::Purpose;
use crate::rule::Rule;
use crate::time::{InvalidLifetime, Lifetime};

/// `…/access/policies/{id}`, or a member of an application's `policies`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyDocument {
    pub id: PolicyId,
    pub name: String,
    pub decision: Decision,
    /// An application's own policies have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precedence: Option<u32>,
    #[serde(default)]
    pub include: Vec<Rule>,
    #[serde(default)]
    pub exclude: Vec<Rule>,
    #[serde(default)]
    pub require: Vec<Rule>,
    /// As written; absent: as the application says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl PolicyDocument {
    /// What makes a policy open less, and cannot be acted on in this version.
    pub const RESTRICTIONS: [&'static str; 2] = ["isolation_required", "mfa_config"];

    /// Whether the field is there and restricts.
    #[must_use]
    pub fn restricts(fields: &Map<String, Value>, name: &str) -> bool {
        match fields.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Object(fields)) => fields.get("mfa_disabled") != Some(&Value::Bool(true)),
            Some(_) => true,
        }
    }

    /// The policy at its place among those of an application. One that opens
    /// under a restriction which cannot be acted on, or asks for something that
    /// nobody could give, opens nothing. Where it is an Allow, those it is for
    /// are kept out: passed over, it would leave them to a later policy that
    /// restricts nothing.
    ///
    /// # Errors
    /// When its session duration is none.
    pub fn policy(self, precedence: u32) -> Result<Policy, InvalidLifetime> {
        let opens = self.decision != Decision::Deny;
        let restricted = Self::RESTRICTIONS.iter().any(|name| Self::restricts(&self.more, name));
        let purpose = if opens { Purpose::of_fields(self.decision, &self.more) } else { Ok(None) };
        let is_unmet = opens && (restricted || purpose.is_err());
        let (decision, include) = match (self.decision, is_unmet) {
            (Decision::Allow, true) => (Decision::Deny, self.include),
            (decision, true) => (decision, Vec::new()),
            (decision, false) => (decision, self.include),
        };
        Ok(Policy {
            id: self.id,
            name: self.name,
            decision,
            precedence,
            include,
            require: self.require,
            exclude: self.exclude,
            session_duration: self.session_duration.as_deref().map(str::parse::<Lifetime>).transpose()?,
            purpose: purpose.unwrap_or_default().filter(|_| !is_unmet),
        })
    }
}

impl From<&Policy> for PolicyDocument {
    fn from(policy: &Policy) -> Self {
        let mut more = Map::new();
        if let Some(purpose) = &policy.purpose {
            purpose.write(&mut more);
        }
        Self {
            id: policy.id,
            name: policy.name.clone(),
            decision: policy.decision,
            precedence: Some(policy.precedence),
            include: policy.include.clone(),
            exclude: policy.exclude.clone(),
            require: policy.require.clone(),
            session_duration: policy.session_duration.map(|duration| duration.to_string()),
            more,
        }
    }
}
