//! The rules that a policy comes to, those in its groups among them: whose
//! tokens it includes, and what has to be asked elsewhere before it can
//! be decided. Nothing is decided here.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::id::{AppId, GroupId};
use doorward_model::policy::{Decision, Policy};
use doorward_model::rule::{ExternalEvaluationRule, Rule};

use crate::decide::undecided;
use crate::evaluate::{Part, RuleSet};
use crate::facts::Facts;

/// Whether the application lets in somebody who is known to another one, by
/// the token of that one.
#[must_use]
pub fn links(app: &App, catalog: &Catalog, other: AppId) -> bool {
    let machines = app.policies.iter().filter(|policy| !is_for_people(policy));
    machines.into_iter().any(|policy| includes_link(policy, catalog, other))
}

/// Whether any of its policies asks a service about people.
#[must_use]
pub fn evaluates(app: &App, catalog: &Catalog) -> bool {
    app.policies.iter().filter(|policy| is_for_people(policy)).any(|policy| !questions(policy, catalog).is_empty())
}

/// What services have to be asked before [`decide`](crate::decide()) can say
/// whether this person may enter; nothing where that is settled without them.
/// The identity must be without the answers that are to be asked for anew.
#[must_use]
pub fn wanted(app: &Arc<App>, catalog: &Catalog, facts: &Facts<'_>) -> Vec<ExternalEvaluationRule> {
    let mut wanted: Vec<ExternalEvaluationRule> = Vec::new();
    for policy in undecided(app, catalog, facts) {
        for question in questions(policy, catalog) {
            if !wanted.contains(question) {
                wanted.push(question.clone());
            }
        }
    }
    wanted
}

/// Whether such a token is among what lets somebody in. One that is only
/// required is no proof: a further condition must never open what was shut.
pub(crate) fn includes_link(policy: &Policy, catalog: &Catalog, app: AppId) -> bool {
    let mut found = false;
    walk(policy.into(), catalog, &[Part::Include], &mut Vec::new(), &mut |rule| {
        found |= matches!(rule, Rule::LinkedAppToken(rule) if rule.app_uid == app);
    });
    found
}

fn questions<'a>(policy: &'a Policy, catalog: &'a Catalog) -> Vec<&'a ExternalEvaluationRule> {
    let mut found = Vec::new();
    let parts = [Part::Include, Part::Require, Part::Exclude];
    walk(policy.into(), catalog, &parts, &mut Vec::new(), &mut |rule| {
        if let Rule::ExternalEvaluation(rule) = rule {
            found.push(rule);
        }
    });
    found
}

/// Each group once, however often it is used, and whether or not it includes itself.
fn walk<'a>(
    rules: RuleSet<'a>,
    catalog: &'a Catalog,
    parts: &[Part],
    seen: &mut Vec<GroupId>,
    each: &mut dyn FnMut(&'a Rule),
) {
    for rule in parts.iter().flat_map(|part| rules.part(*part)) {
        each(rule);
        let Rule::Group(named) = rule else { continue };
        let group = named.id.parse().ok().and_then(|id| catalog.group(id));
        if let Some(group) = group.filter(|group| !seen.contains(&group.id)) {
            seen.push(group.id);
            walk(group.into(), catalog, parts, seen, each);
        }
    }
}

const fn is_for_people(policy: &Policy) -> bool {
    matches!(policy.decision, Decision::Allow | Decision::Deny)
}
