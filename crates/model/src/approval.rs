//! Requests to be let in for a while ("temporary authentication"): who asks,
//! what was said to it, and what that comes to.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::email::Email;
use crate::id::{AppId, ApprovalId, PolicyId, UserId};
use crate::purpose::Purpose;
use crate::time::{Lifetime, Timestamp};

/// How long a request can be decided.
pub const REQUEST_LIFETIME: Lifetime = Lifetime::from_hours(24);
/// The longest that somebody can be let in by one request (Access docs, "temporary authentication").
pub const LONGEST_APPROVAL: Lifetime = Lifetime::from_hours(24);

/// Somebody's request, for one application under one of its policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub id: ApprovalId,
    pub user: UserId,
    pub email: Email,
    pub app: AppId,
    pub policy: PolicyId,
    /// What was asked, and what was answered.
    pub prompt: String,
    pub response: String,
    pub state: ApprovalState,
    pub created_at: Timestamp,
    /// Nobody can decide it later.
    pub expires_at: Timestamp,
    /// Until when they may be in, once it is approved.
    pub approved_until: Option<Timestamp>,
}

impl Approval {
    /// Whether it is still to be decided, or decided and not used yet.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.state {
            ApprovalState::Waiting => now < self.expires_at,
            ApprovalState::Approved => self.approved_until.is_some_and(|until| now < until),
            ApprovalState::Denied | ApprovalState::Used | ApprovalState::Ended => false,
        }
    }
}

/// Where a request is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalState {
    Waiting,
    Approved,
    Denied,
    /// The one entry that it was for was made.
    Used,
    /// Over without having been used: by a revocation, or by time.
    Ended,
}

impl ApprovalState {
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Approved, Self::Denied, Self::Used, Self::Ended];

    /// As it is kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Used => "used",
            Self::Ended => "ended",
        }
    }
}

/// What one approver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalDecision {
    pub approver: Email,
    pub approver_id: UserId,
    /// How long they let them in; none: they do not.
    pub allows: Option<Lifetime>,
    pub at: Timestamp,
}

/// What the decisions come to under a policy as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Waiting,
    Approved { until: Timestamp, by: Vec<Email>, life: Lifetime },
    Denied,
}

/// Everybody who can decide about requests under this policy.
#[must_use]
pub fn approvers<'a>(purpose: &'a Purpose, catalog: &'a Catalog) -> BTreeSet<&'a Email> {
    purpose.approval_groups.iter().flat_map(|group| group.members(catalog)).collect()
}

/// Whether this person has a say: in one of the groups, and not about themselves.
#[must_use]
pub fn has_a_say(approver: &Email, request: &Approval, purpose: &Purpose, catalog: &Catalog) -> bool {
    *approver != request.email && approvers(purpose, catalog).contains(approver)
}

/// What was decided. One no of anybody who has a say is a no; a yes is one
/// when each group gave as many as it has to. The shortest time that somebody
/// allowed counts, from the last word on.
#[must_use]
pub fn standing(request: &Approval, decisions: &[ApprovalDecision], purpose: &Purpose, catalog: &Catalog) -> Standing {
    let counts = |decision: &&ApprovalDecision| has_a_say(&decision.approver, request, purpose, catalog);
    let said: Vec<&ApprovalDecision> = decisions.iter().filter(counts).collect();
    if said.iter().any(|decision| decision.allows.is_none()) {
        return Standing::Denied;
    }
    let is_complete = purpose.approval_groups.iter().all(|group| {
        let members = group.members(catalog);
        let given = said.iter().filter(|decision| members.contains(&decision.approver)).count();
        u32::try_from(given).unwrap_or(u32::MAX) >= group.approvals_needed
    });
    let last = said.iter().map(|decision| decision.at).max();
    let shortest = said.iter().filter_map(|decision| decision.allows).min();
    // A policy without groups approves nothing by itself.
    match (is_complete && purpose.needs_approval(), last, shortest) {
        (true, Some(last), Some(shortest)) => {
            let life = shortest.min(LONGEST_APPROVAL);
            let by = said.iter().map(|decision| decision.approver.clone()).collect();
            Standing::Approved { until: last.plus(life), by, life }
        }
        _ => Standing::Waiting,
    }
}

#[cfg(test)]
mod tests;
