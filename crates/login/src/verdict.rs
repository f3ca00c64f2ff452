//! What the log says of verdicts: one line each, with the policy and the rule
//! that decided, by the same field names as the lines of the public listener.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::identity::Identity;
use doorward_model::policy::Decision;
use doorward_policy::{Facts, Met, Permit, Refusal, explain};

use crate::visit::Visit;

impl Visit {
    /// Somebody may enter; `how` is the line.
    pub(crate) fn log_permit(&self, how: &str, identity: &Identity, permit: &Permit) {
        tracing::info!(
            ray.id = %self.arrival.ray, app.name = permit.app().name, user.email = %identity.email,
            client.ip = %self.arrival.client_ip, policy = permit.policy(), rule = permit.rule(), "{how}"
        );
    }

    /// Nobody may enter under these circumstances; `how` begins the line.
    pub(crate) fn log_refusal(&self, how: &str, app: &Arc<App>, facts: &Facts<'_>, refusal: &Refusal) {
        let (why, policy, rule) = match &refusal.policy {
            Some(policy) => ("a policy blocks", policy.clone(), refusal.rule.clone().unwrap_or_default()),
            None => match self.exclusion(app, facts) {
                Some((policy, rule)) => ("a policy that lets others in excludes this", policy, rule),
                None => ("no policy lets this in", String::new(), String::new()),
            },
        };
        let rules = self.login.rule_trees.of(app, &self.catalog, facts, self.arrival.now);
        let email = facts.identity.map_or("", |identity| identity.email.as_str());
        tracing::info!(
            ray.id = %self.arrival.ray, app.name = app.name, user.email = email, client.ip = %self.arrival.client_ip,
            policy, rule, rules, "{how}: {why}"
        );
    }

    /// The first Allow policy that only an `exclude` kept from letting them in, and that rule.
    fn exclusion(&self, app: &Arc<App>, facts: &Facts<'_>) -> Option<(String, String)> {
        let trace = explain(app, &self.catalog, facts).trace;
        trace.into_iter().filter(|policy| policy.decision == Decision::Allow).find_map(|policy| {
            let rules = policy.rules;
            let included = rules.include.iter().any(|rule| rule.met == Met::True);
            let meets = included && rules.require.iter().all(|rule| rule.met == Met::True);
            let index = rules.exclude.iter().position(|rule| rule.met != Met::False).filter(|_| meets)?;
            Some((policy.policy, format!("exclude[{index}] {}", rules.exclude[index].rule)))
        })
    }
}
