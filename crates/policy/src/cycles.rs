//! Groups that include themselves, for whoever checks a configuration. A
//! verdict never trusts that the check was made.

use std::collections::{HashMap, HashSet, VecDeque};

use doorward_model::group::Group;
use doorward_model::id::GroupId;
use doorward_model::rule::Rule;

use crate::evaluate::RuleSet;

/// The groups that include themselves, by name: each list is one way round,
/// `[A, B]` for "A uses B, which uses A". Empty when all is well.
#[must_use]
pub fn group_cycles(groups: &[Group]) -> Vec<Vec<String>> {
    let by_id: HashMap<GroupId, usize> = groups.iter().zip(0..).map(|(group, at)| (group.id, at)).collect();
    let used: Vec<Vec<usize>> = groups.iter().map(|group| uses(group, &by_id)).collect();
    let mut named = HashSet::new();
    let mut cycles = vec![];
    for start in 0..groups.len() {
        if named.contains(&start) {
            continue;
        }
        if let Some(cycle) = way_round(start, &used) {
            cycles.push(cycle.iter().map(|&at| groups[at].name.clone()).collect());
            named.extend(cycle);
        }
    }
    cycles
}

fn uses(group: &Group, by_id: &HashMap<GroupId, usize>) -> Vec<usize> {
    let group_rules = RuleSet::from(group).all().filter_map(|rule| match rule {
        Rule::Group(rule) => by_id.get(&rule.id.parse().ok()?).copied(),
        _ => None,
    });
    group_rules.collect()
}

/// The shortest way from a group back to itself.
fn way_round(start: usize, used: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for &next in &used[at] {
            if next == start {
                let mut way: Vec<usize> = std::iter::successors(Some(at), |at| came_from.get(at).copied()).collect();
                way.reverse();
                return Some(way);
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(at);
                queue.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sample::{group, group_rule};
    use serde_json::json;

    #[test]
    fn every_group_that_includes_itself_is_named_with_its_way_round() {
        let groups = [
            group("Fine", json!({"include": [group_rule("Leaf"), group_rule("Leaf")]})),
            group("Leaf", json!({"include": [{"everyone": {}}]})),
            group("Self", json!({"include": [], "require": [group_rule("Self")]})),
            group("A", json!({"include": [group_rule("Fine"), group_rule("B")]})),
            group("B", json!({"include": [group_rule("Gone")], "exclude": [group_rule("C")]})),
            group("C", json!({"include": [group_rule("A")]})),
            group("Outside", json!({"include": [group_rule("A")]})),
        ];
        assert_eq!(group_cycles(&groups), [vec!["Self"], vec!["A", "B", "C"]]);
        assert!(group_cycles(&groups[..2]).is_empty());
    }
}
