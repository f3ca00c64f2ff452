//! Rules in Cloudflare's JSON, asked about people who should not be let in by mistake.

use std::sync::Arc;

use doorward_edge::fuzzing::STRANGER;
use doorward_model::app::App;
use doorward_model::policy::{Decision, Policy};
use doorward_model::rule::Rule;
use doorward_policy::{Facts, decide};

use crate::world::{CATALOG, app};

/// A rule survives its own JSON, and no rule opens what another shuts: excluding
/// what is included lets nobody in, and neither does requiring what is not met.
pub(crate) fn rule(input: &[u8]) {
    let Ok(rule) = serde_json::from_slice::<Rule>(input) else { return };
    let written = serde_json::to_value(&rule).expect("a rule has a JSON form");
    let again: Rule = serde_json::from_value(written).expect("its own JSON is a rule");
    assert_eq!(again, rule);
    for decision in [Decision::Allow, Decision::Bypass, Decision::NonIdentity] {
        let opens = |include: &[&Rule], require: &[&Rule], exclude: &[&Rule]| {
            decide(&with(decision, include, require, exclude), &CATALOG, &NOBODY).is_ok()
        };
        let included = opens(&[&rule], &[], &[]);
        assert!(!opens(&[&rule], &[], &[&rule]), "{rule:?} is met and not met: {decision:?}");
        let everyone: Rule = serde_json::from_str(r#"{"everyone":{}}"#).expect("a rule");
        assert!(!opens(&[&rule], &[], &[&everyone]), "{rule:?} beats an exclusion of everyone: {decision:?}");
        let required = opens(&[&everyone], &[&rule], &[]);
        assert!(included || !required, "{rule:?} is required without being met: {decision:?}");
        if decision == Decision::Allow {
            assert!(!included, "{rule:?} lets nobody in without a sign-in");
        }
    }
}

/// Somebody who has not signed in, from an address of nobody's.
const NOBODY: Facts<'_> = Facts::of_nobody(STRANGER);

fn with(decision: Decision, include: &[&Rule], require: &[&Rule], exclude: &[&Rule]) -> Arc<App> {
    let base = app("App");
    let copies = |rules: &[&Rule]| rules.iter().map(|&rule| rule.clone()).collect();
    let policy = Policy {
        decision,
        include: copies(include),
        require: copies(require),
        exclude: copies(exclude),
        ..base.policies[0].clone()
    };
    Arc::new(App { policies: vec![policy], ..(*base).clone() })
}
