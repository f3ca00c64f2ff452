//! The rule trees of refusals, for a log: whoever was refused names a ray, and
//! whoever looks it up there sees every rule and its answer. Strangers make
//! refusals as they like, so both the number and the length are bounded.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::policy::Decision;
use doorward_model::time::Timestamp;

use crate::explain::{Explanation, explain};
use crate::facts::Facts;
use crate::trace::{Outcome, PolicyTrace, RuleTrace, RuleTree};

/// A longer tree is cut: a line of a log has to stay one that can be read.
const LONGEST: usize = 4_096;

/// Gives so many trees in each second.
#[derive(Debug)]
pub struct RuleTrees {
    most_per_second: u32,
    /// The second in which trees were given last, and how many.
    given: Mutex<(i64, u32)>,
}

impl RuleTrees {
    /// With 0 it gives none.
    #[must_use]
    pub const fn new(most_per_second: u32) -> Self {
        Self { most_per_second, given: Mutex::new((0, 0)) }
    }

    /// How the policies come to their verdict on these facts, on one line;
    /// none when this second has had its share.
    #[must_use]
    pub fn of(&self, app: &Arc<App>, catalog: &Catalog, facts: &Facts<'_>, now: Timestamp) -> Option<String> {
        self.is_within_share(now).then(|| explain(app, catalog, facts).on_one_line(LONGEST))
    }

    fn is_within_share(&self, now: Timestamp) -> bool {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.0 != now.secs() {
            *given = (now.secs(), 0);
        }
        let has_room = given.1 < self.most_per_second;
        given.1 += u32::from(has_room);
        has_room
    }
}

impl Explanation {
    /// The tree on one line of at most so many bytes, the policies in the
    /// order in which they were asked:
    /// `Corp (allow) does not apply: include not met email_domain corp.test | …`
    #[must_use]
    pub fn on_one_line(&self, longest: usize) -> String {
        if self.trace.is_empty() {
            return "it has no policies".to_owned();
        }
        let mut line = String::new();
        for policy in &self.trace {
            if line.len() > longest {
                break;
            }
            line.push_str(if line.is_empty() { "" } else { " | " });
            policy_on(&mut line, policy);
        }
        if line.len() > longest {
            line.truncate(line.floor_char_boundary(longest));
            line.push('…');
        }
        line
    }
}

fn policy_on(line: &mut String, policy: &PolicyTrace) {
    let decision = match policy.decision {
        Decision::Allow => "allow",
        Decision::Deny => "block",
        Decision::Bypass => "bypass",
        Decision::NonIdentity => "service auth",
    };
    // Writing to a String cannot fail.
    let _ = write!(line, "{} ({decision}) ", policy.policy);
    if policy.outcome == Outcome::NotReached {
        line.push_str("was not asked");
        return;
    }
    let _ = write!(line, "{}: ", policy.outcome);
    tree_on(line, &policy.rules);
}

fn tree_on(line: &mut String, rules: &RuleTree) {
    let parts = [("include", &rules.include), ("require", &rules.require), ("exclude", &rules.exclude)];
    let parts = parts.into_iter().filter(|(_, rules)| !rules.is_empty());
    for (number, (part, rules)) in parts.enumerate() {
        let _ = write!(line, "{}{part} ", if number == 0 { "" } else { "; " });
        for (number, rule) in rules.iter().enumerate() {
            line.push_str(if number == 0 { "" } else { ", " });
            rule_on(line, rule);
        }
    }
}

fn rule_on(line: &mut String, rule: &RuleTrace) {
    let _ = write!(line, "{} {}", rule.met, rule.rule);
    if let Some(why) = rule.why {
        let _ = write!(line, " ({why})");
    }
    if let Some(group) = &rule.group {
        line.push_str(" {");
        tree_on(line, group);
        line.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::met::Met;

    fn rule(text: &str, met: Met) -> RuleTrace {
        RuleTrace { rule: text.to_owned(), met, why: None, group: None }
    }

    fn policy(name: &str, outcome: Outcome, rules: RuleTree) -> PolicyTrace {
        PolicyTrace { policy: name.to_owned(), decision: Decision::Allow, precedence: 1, met: None, outcome, rules }
    }

    fn explanation(trace: Vec<PolicyTrace>) -> Explanation {
        Explanation { verdict: crate::Verdict::Deny, app: None, policy: None, rule: None, trace }
    }

    #[test]
    fn a_tree_is_one_line_with_every_rule_and_its_answer() {
        let inside = RuleTree { include: vec![rule("email a@b.test", Met::False)], ..RuleTree::default() };
        let staff = RuleTrace { group: Some(inside), ..rule("group Staff", Met::False) };
        let country = RuleTrace { why: Some("it is not known"), ..rule("geo PT", Met::Unknown) };
        let rules =
            RuleTree { include: vec![staff, rule("everyone", Met::True)], require: vec![], exclude: vec![country] };
        let explained = explanation(vec![
            policy("Corp", Outcome::DoesNotApply, rules),
            policy("Late", Outcome::NotReached, RuleTree::default()),
        ]);
        let expected = "Corp (allow) does not apply: include not met group Staff {include not met email a@b.test}, met \
                        everyone; exclude unknown geo PT (it is not known) | Late (allow) was not asked";
        assert_eq!(explained.on_one_line(1_000), expected);
        assert_eq!(explanation(vec![]).on_one_line(1_000), "it has no policies");
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        let rules = || RuleTree { include: vec![rule("okta ÄÄÄÄ", Met::False)], ..RuleTree::default() };
        let explained = explanation(vec![policy("P", Outcome::DoesNotApply, rules()); 100]);
        let whole = explained.on_one_line(usize::MAX);
        for longest in 0..200 {
            let line = explained.on_one_line(longest);
            assert!(line.ends_with('…') && line.len() <= longest + '…'.len_utf8(), "{line}");
            assert!(whole.starts_with(line.trim_end_matches('…')));
        }
    }

    #[test]
    fn a_second_has_its_share_and_the_next_one_its_own() {
        let (trees, second) = (RuleTrees::new(2), Timestamp::from_secs(1_800_000_000));
        let next = Timestamp::from_secs(1_800_000_001);
        let within = [second, second, second, next, next, next].map(|now| trees.is_within_share(now));
        assert_eq!(within, [true, true, false, true, true, false]);
        assert!(!RuleTrees::new(0).is_within_share(second));
    }
}
