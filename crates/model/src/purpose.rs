//! What a policy asks of people beyond who they are (Access docs, "purpose
//! justification" and "temporary authentication"), and what somebody gave for
//! one entry to an application.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::email::Email;
use crate::id::{AppId, ApprovalId, IdentityNonce, ListId, PolicyId};
use crate::list::Items;
use crate::time::Timestamp;

/// What a person has to say to enter, and who has to agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// What the person reads above the field; none: a question of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Each of them has to approve; nobody has to where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval_groups: Vec<ApprovalGroup>,
}

/// What people are asked where the policy has no words of its own.
const QUESTION: &str = "What do you need access for?";

impl Purpose {
    /// The question as people read it.
    #[must_use]
    pub fn question(&self) -> &str {
        self.prompt.as_deref().map(str::trim).filter(|prompt| !prompt.is_empty()).unwrap_or(QUESTION)
    }

    /// Whether somebody has to agree.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        !self.approval_groups.is_empty()
    }
}

/// People of whom some have to approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalGroup {
    /// How many of them; at least one.
    pub approvals_needed: u32,
    #[serde(default)]
    pub emails: Vec<Email>,
    /// A list of addresses whose people belong to the group too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListId>,
}

impl ApprovalGroup {
    /// Everybody in it, as its list is now. A list that is gone adds nobody.
    #[must_use]
    pub fn members<'a>(&'a self, catalog: &'a Catalog) -> BTreeSet<&'a Email> {
        let list = self.list.and_then(|id| catalog.list(id)).and_then(|list| match &list.items {
            Items::Emails(emails) => Some(emails),
            Items::Networks(_) => None,
        });
        self.emails.iter().chain(list.into_iter().flatten()).collect()
    }
}

/// What was given for one entry: it lets the token pass that was made for it,
/// and no other one. It counts for the policy that asked, whose words may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub session: IdentityNonce,
    pub app: AppId,
    pub policy: PolicyId,
    /// The end of what was approved; none where nobody had to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_until: Option<Timestamp>,
}

impl Entry {
    /// Whether it was given in this sign-in, for this application, and is in time.
    #[must_use]
    pub fn holds(&self, session: &IdentityNonce, app: AppId, now: Timestamp) -> bool {
        self.session == *session && self.app == app && self.approved_until.is_none_or(|until| now < until)
    }
}

/// What was said for an entry, and who approved it: for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Justification {
    pub prompt: String,
    pub response: String,
    /// The approved request that this entry uses up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// Addresses of those who approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Seconds that they approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_secs: Option<i64>,
}
