//! `group`: a rule group, which may use other groups.
//!
//! Every group is settled once for each view of the facts, however many rules
//! use it. One that includes itself, or is nested too deep to follow, is
//! unknown as a whole: whatever its other rules say, it never opens.

use doorward_model::catalog::Catalog;
use doorward_model::group::Group;
use doorward_model::id::GroupId;
use doorward_model::rule::{GroupRule, Rule};

use crate::evaluate::{Evaluation, RuleSet};
use crate::met::{Answer, Why};
use crate::trace::{Silent, Trace};

/// Groups in groups are followed this far.
const DEEPEST: usize = 32;

/// What is known already about the groups that came up.
#[derive(Default)]
pub(crate) struct Groups(Vec<(GroupId, State)>);

#[derive(Clone, Copy)]
enum State {
    /// Its own groups are being settled; meeting it again is a cycle.
    Open,
    Settled(Settled),
    Endless,
}

#[derive(Clone, Copy)]
struct Settled {
    answer: Answer,
    /// How deep groups are nested in it; 0 when it uses none.
    height: usize,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn group<T: Trace>(&mut self, rule: &GroupRule, trace: &mut T) -> Answer {
        let Some(group) = named(rule, self.catalog) else { return Answer::unknown(Why::GroupMissing) };
        let Some(settled) = self.settle(group, 0) else { return Answer::unknown(Why::GroupEndless) };
        if trace.expands(group.id) {
            self.rule_set(group.into(), trace);
        }
        settled.answer
    }

    /// What the group comes to; `None` when it is endless. The groups in it are
    /// settled first and all of them, so that the answer does not depend on
    /// which rule happens to be asked first.
    fn settle(&mut self, group: &'a Group, depth: usize) -> Option<Settled> {
        match self.groups.state(group.id) {
            Some(State::Settled(settled)) => return (depth + settled.height <= DEEPEST).then_some(settled),
            Some(State::Open | State::Endless) => return None,
            None if depth > DEEPEST => return None,
            None => {}
        }
        let slot = self.groups.open(group.id);
        let mut height = 0;
        for nested in nested(group, self.catalog) {
            let Some(settled) = self.settle(nested, depth + 1) else {
                if depth == 0 {
                    self.groups.abandon(slot);
                }
                return None;
            };
            height = height.max(settled.height + 1);
        }
        let finding = self.rule_set(group.into(), &mut Silent);
        let settled = Settled { answer: Answer { met: finding.met, why: finding.why }, height };
        self.groups.0[slot].1 = State::Settled(settled);
        Some(settled)
    }
}

impl Groups {
    fn state(&self, id: GroupId) -> Option<State> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, state)| *state)
    }

    fn open(&mut self, id: GroupId) -> usize {
        self.0.push((id, State::Open));
        self.0.len() - 1
    }

    /// The group turned out to be endless. What was met below it is forgotten:
    /// asked by itself it may have an end.
    fn abandon(&mut self, slot: usize) {
        self.0.truncate(slot + 1);
        self.0[slot].1 = State::Endless;
    }
}

fn named<'a>(rule: &GroupRule, catalog: &'a Catalog) -> Option<&'a Group> {
    catalog.group(rule.id.parse().ok()?)
}

fn nested<'a>(group: &'a Group, catalog: &'a Catalog) -> impl Iterator<Item = &'a Group> {
    RuleSet::from(group).all().filter_map(move |rule| match rule {
        Rule::Group(rule) => named(rule, catalog),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::met::Met::{False, True, Unknown};
    use crate::tests::sample::{Sample, group_rule, nobody, person, rule};
    use serde_json::json;

    #[test]
    fn a_group_is_met_as_its_rules_are() {
        let sample = Sample::default()
            .group(
                "Staff",
                json!({"include": [{"email_domain": {"domain": "corp.test"}}],
                                   "require": [{"geo": {"country_code": "PT"}}],
                                   "exclude": [{"email": {"email": "intern@corp.test"}}]}),
            )
            .group("All", json!({"include": [{"email": {"email": "guest@x.test"}}, group_rule("Staff")]}))
            .group("Empty", json!({"include": []}));
        for (group, email, country, expected) in [
            ("Staff", "alice@corp.test", Some("PT"), True),
            ("Staff", "alice@corp.test", Some("US"), False),
            ("Staff", "alice@corp.test", None, Unknown),
            ("Staff", "intern@corp.test", Some("PT"), False),
            ("Staff", "guest@x.test", Some("PT"), False),
            ("All", "alice@corp.test", Some("PT"), True),
            ("All", "guest@x.test", None, True),
            ("All", "intern@corp.test", Some("PT"), False),
            ("Empty", "alice@corp.test", Some("PT"), False),
        ] {
            let person = person(email);
            let facts = crate::Facts { country, ..person.facts() };
            assert_eq!(sample.met(&rule(group_rule(group)), &facts), expected, "{group} {email} {country:?}");
        }
        assert_eq!(sample.met(&rule(group_rule("Staff")), &crate::Facts { country: Some("PT"), ..nobody() }), Unknown);
    }

    #[test]
    fn j_09_a_group_that_is_not_there_is_unknown() {
        assert_eq!(Sample::default().met(&rule(group_rule("Deleted")), &nobody()), Unknown);
        assert_eq!(Sample::default().met(&rule(json!({"group": {"id": "Staff"}})), &nobody()), Unknown);
    }

    #[test]
    fn a_group_that_leads_to_a_cycle_is_unknown_whatever_else_it_includes() {
        let everyone = json!({"everyone": {}});
        let sample = Sample::default()
            .group("Self", json!({"include": [everyone, group_rule("Self")]}))
            .group("A", json!({"include": [everyone, group_rule("B")]}))
            .group("B", json!({"include": [everyone], "exclude": [group_rule("A")]}))
            .group("Outside", json!({"include": [everyone, group_rule("A")]}))
            .group("Sound", json!({"include": [everyone]}));
        let alice = person("alice@corp.test");
        for (group, expected) in
            [("Self", Unknown), ("A", Unknown), ("B", Unknown), ("Outside", Unknown), ("Sound", True)]
        {
            assert_eq!(sample.met(&rule(group_rule(group)), &alice.facts()), expected, "{group}");
        }
    }

    #[test]
    fn nesting_is_followed_so_far_and_no_further_whichever_group_comes_first() {
        let mut sample = Sample::default().group("0", json!({"include": [{"everyone": {}}]}));
        for n in 1..=40 {
            let below = group_rule(&(n - 1).to_string());
            sample = sample.group(&n.to_string(), json!({"include": [below.clone(), below]}));
        }
        let alice = person("alice@corp.test");
        let orders: [&[(&str, crate::Met)]; 2] =
            [&[("40", Unknown), ("32", True), ("33", Unknown)], &[("32", True), ("40", Unknown), ("33", Unknown)]];
        for order in orders {
            let rules: Vec<_> = order.iter().map(|(name, _)| rule(group_rule(name))).collect();
            let expected: Vec<_> = order.iter().map(|(_, met)| *met).collect();
            assert_eq!(sample.met_in_turn(&rules, &alice.facts()), expected);
        }
    }
}
