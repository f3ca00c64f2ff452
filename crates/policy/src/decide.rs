//! The decision itself: which policies come first, what an unknown answer
//! means for each kind of them, and which of the three refusals is due. What a
//! single rule says is left to the selectors.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::policy::{Decision, Policy};
use doorward_model::purpose::Entry;

use crate::describe;
use crate::evaluate::{Evaluation, Finding};
use crate::facts::{Facts, Seen};
use crate::met::Met;
use crate::precedence::{Order, Round};
use crate::reach;
use crate::trace::{Outcome, Silent, Trace};
use crate::verdict::{Grant, Permit, Refusal, RefusalKind};

/// Whether the request that these facts describe may enter the application.
///
/// # Errors
/// A [`Refusal`], which is also the answer when no policy matches.
pub fn decide(app: &Arc<App>, catalog: &Catalog, facts: &Facts<'_>) -> Result<Permit, Refusal> {
    traced(app, catalog, facts, &mut Silent)
}

/// The permit of a CORS preflight that the application asked to have passed on
/// unchecked (`options_preflight_bypass`): browsers send no credentials with it.
#[must_use]
pub fn preflight(app: &Arc<App>) -> Option<Permit> {
    app.options_preflight_bypass.then(|| Permit::unchecked_preflight(app))
}

/// The policies whose answer a verdict needs and that cannot be decided yet.
pub(crate) fn undecided<'a>(app: &'a Arc<App>, catalog: &'a Catalog, facts: &'a Facts<'a>) -> Vec<&'a Policy> {
    let case = Case { app, catalog, facts, order: Order::of(&app.policies) };
    if case.machines(&mut Silent).is_some() {
        return Vec::new();
    }
    let mut evaluation = Evaluation::new(catalog, Seen::by_people_policies(facts, app, catalog));
    let mut found = Vec::new();
    for (_, policy) in case.order.round(Round::People) {
        match evaluation.rule_set(policy.into(), &mut Silent).met {
            Met::True => break,
            Met::Unknown => found.push(policy),
            Met::False => {}
        }
    }
    found
}

/// [`decide`], telling `trace` what was asked and answered on the way.
pub(crate) fn traced<T: Trace>(
    app: &Arc<App>,
    catalog: &Catalog,
    facts: &Facts<'_>,
    trace: &mut T,
) -> Result<Permit, Refusal> {
    let case = Case { app, catalog, facts, order: Order::of(&app.policies) };
    match case.machines(trace) {
        Some(permit) => Ok(permit),
        None => case.people(trace),
    }
}

struct Case<'a> {
    app: &'a Arc<App>,
    catalog: &'a Catalog,
    facts: &'a Facts<'a>,
    order: Order<'a>,
}

impl Case<'_> {
    /// Bypass and Service Auth: what passes without anybody signing in.
    fn machines<T: Trace>(&self, trace: &mut T) -> Option<Permit> {
        let mut evaluation = Evaluation::new(self.catalog, Seen::by_machine_policies(self.facts));
        for (index, policy) in self.order.round(Round::Machines) {
            let grant = match policy.decision {
                Decision::Bypass => Some(Grant::Bypass),
                _ => self.credential(policy),
            };
            if grant.is_none() && !T::COMPLETE {
                continue;
            }
            let finding = evaluation.rule_set(policy.into(), trace);
            let outcome = match (finding.met, grant) {
                (Met::True, Some(_)) => Outcome::Opens,
                (Met::True, None) => Outcome::NeedsServiceToken,
                _ => Outcome::DoesNotApply,
            };
            trace.policy(policy, finding.met, outcome);
            if let (Outcome::Opens, Some(grant)) = (outcome, grant) {
                return Some(self.permit(index, &finding, grant));
            }
        }
        None
    }

    /// As what Service Auth admits who calls. It admits machines that prove
    /// themselves: `everyone` there means every such machine, not everybody.
    /// Service tokens are the team's, and certificates those of roots that were
    /// given to this host; another application's token is proof only where the
    /// policy includes it, or every application would open every other one.
    fn credential(&self, policy: &Policy) -> Option<Grant> {
        let Facts { service_token, linked_app, certificate, .. } = *self.facts;
        let linked = |app| reach::includes_link(policy, self.catalog, app).then_some(Grant::Linked);
        service_token
            .map(Grant::Service)
            .or_else(|| linked_app.and_then(linked))
            .or(certificate.map(|_| Grant::Certificate))
    }

    /// Allow and Block. Allow means "an identity was proven *and* the rules
    /// match", so before the sign-in even `everyone` only promises.
    fn people<T: Trace>(&self, trace: &mut T) -> Result<Permit, Refusal> {
        let seen = Seen::by_people_policies(self.facts, self.app, self.catalog);
        let signed_in = seen.identity.is_ok();
        let mut evaluation = Evaluation::new(self.catalog, seen);
        let mut sign_in_could_help = false;
        for (index, policy) in self.order.round(Round::People) {
            let finding = evaluation.rule_set(policy.into(), trace);
            let outcome = match outcome(policy.decision, finding.met, signed_in) {
                Outcome::Opens if !is_answered(policy, self.facts.entry) => Outcome::AsksPurpose,
                outcome => outcome,
            };
            trace.policy(policy, finding.met, outcome);
            match outcome {
                Outcome::Opens => return Ok(self.permit(index, &finding, Grant::Identity)),
                Outcome::AsksPurpose => return Err(self.asks(policy, &finding)),
                Outcome::Blocks if sign_in_could_help => break,
                Outcome::Blocks => return Err(self.blocked(policy, &finding, signed_in)),
                Outcome::AwaitsSignIn => sign_in_could_help |= policy.decision == Decision::Allow,
                Outcome::DoesNotApply | Outcome::NeedsServiceToken | Outcome::NotReached => {}
            }
        }
        let kind = match (signed_in, sign_in_could_help) {
            (true, _) => RefusalKind::Denied,
            (false, true) => RefusalKind::NeedsLogin,
            (false, false) => RefusalKind::Forbidden,
        };
        Err(Refusal { kind, policy: None, rule: None, asks: None })
    }

    fn permit(&self, policy: usize, finding: &Finding, grant: Grant) -> Permit {
        let rule = describe::place(&self.app.policies[policy], finding, self.catalog).unwrap_or_default();
        Permit::new(Arc::clone(self.app), policy, rule, grant)
    }

    fn blocked(&self, policy: &Policy, finding: &Finding, signed_in: bool) -> Refusal {
        Refusal {
            kind: if signed_in { RefusalKind::Denied } else { RefusalKind::Forbidden },
            policy: Some(policy.name.clone()),
            rule: describe::place(policy, finding, self.catalog),
            asks: None,
        }
    }

    fn asks(&self, policy: &Policy, finding: &Finding) -> Refusal {
        Refusal {
            kind: RefusalKind::NeedsPurpose,
            policy: Some(policy.name.clone()),
            rule: describe::place(policy, finding, self.catalog),
            asks: Some(policy.id),
        }
    }
}

/// Whether everything was given that the policy asks for now. What was given
/// to another policy was an answer to another question.
fn is_answered(policy: &Policy, entry: Option<&Entry>) -> bool {
    let Some(purpose) = &policy.purpose else { return true };
    let answered = entry.filter(|entry| entry.policy == policy.id);
    answered.is_some_and(|entry| !purpose.needs_approval() || entry.approved_until.is_some())
}

/// What follows from one Allow or Block policy.
const fn outcome(decision: Decision, met: Met, signed_in: bool) -> Outcome {
    match (decision, met) {
        (Decision::Deny, Met::True) => Outcome::Blocks,
        // An unknown Block closes (I2). Before the sign-in it may wait: nobody
        // passes yet, and it is asked again when somebody has signed in.
        (Decision::Deny, Met::Unknown) if signed_in => Outcome::Blocks,
        (Decision::Allow, Met::True) if signed_in => Outcome::Opens,
        (Decision::Deny, Met::Unknown) | (Decision::Allow, Met::True | Met::Unknown) if !signed_in => {
            Outcome::AwaitsSignIn
        }
        _ => Outcome::DoesNotApply,
    }
}
