//! The order in which policies are asked: Bypass and Service Auth first, then
//! Allow and Block, each by precedence (Access docs, "order of execution").

use doorward_model::policy::{Decision, Policy};

/// One of the two passes over an application's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// Bypass and Service Auth.
    Machines,
    /// Allow and Block.
    People,
}

impl Round {
    const fn of(decision: Decision) -> Self {
        match decision {
            Decision::Bypass | Decision::NonIdentity => Self::Machines,
            Decision::Allow | Decision::Deny => Self::People,
        }
    }
}

/// An application's policies in the order of their precedence.
pub(crate) struct Order<'a> {
    policies: &'a [Policy],
    /// Only where they are not listed that way: a snapshot promises that they
    /// are, but an Allow that overtakes a Block would open what was closed.
    sorted: Option<Vec<usize>>,
}

impl<'a> Order<'a> {
    pub(crate) fn of(policies: &'a [Policy]) -> Self {
        let sorted = (!policies.is_sorted_by_key(|policy| policy.precedence)).then(|| {
            let mut indices: Vec<usize> = (0..policies.len()).collect();
            indices.sort_by_key(|&index| policies[index].precedence);
            indices
        });
        Self { policies, sorted }
    }

    /// The policies of one round, each with its index among all of them.
    pub(crate) fn round(&self, round: Round) -> impl Iterator<Item = (usize, &'a Policy)> {
        (0..self.policies.len())
            .map(|position| self.sorted.as_ref().map_or(position, |sorted| sorted[position]))
            .map(|index| (index, &self.policies[index]))
            .filter(move |(_, policy)| Round::of(policy.decision) == round)
    }
}
