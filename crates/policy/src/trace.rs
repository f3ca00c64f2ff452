//! What was asked and answered on the way to a verdict. A decision tells its
//! trace; the silent one costs nothing, the recording one keeps the rule tree.

use doorward_model::catalog::Catalog;
use doorward_model::id::GroupId;
use doorward_model::policy::{Decision, Policy};
use doorward_model::rule::Rule;
use serde::Serialize;

use crate::describe;
use crate::evaluate::Part;
use crate::met::{Answer, Met};

/// Somebody who listens to a decision. It cannot change what is decided.
pub(crate) trait Trace {
    /// Whether rules are asked although the answer is settled.
    const COMPLETE: bool;

    /// The rules of a policy or group follow.
    fn enter(&mut self) {}
    fn rule(&mut self, _part: Part, _rule: &Rule, _answer: Answer, _catalog: &Catalog) {}
    fn leave(&mut self) {}

    /// Whether the rules inside this group are wanted too.
    fn expands(&mut self, _group: GroupId) -> bool {
        false
    }

    /// The rules entered and left last were this policy's.
    fn policy(&mut self, _policy: &Policy, _met: Met, _outcome: Outcome) {}
}

/// Nobody listens.
pub(crate) struct Silent;

impl Trace for Silent {
    const COMPLETE: bool = false;
}

/// One policy in the order in which it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyTrace {
    pub policy: String,
    pub decision: Decision,
    pub precedence: u32,
    /// `None` for a policy that was not asked.
    pub met: Option<Met>,
    pub outcome: Outcome,
    #[serde(flatten)]
    pub rules: RuleTree,
}

/// What followed from a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It lets the request pass.
    Opens,
    /// It refuses the request.
    Blocks,
    DoesNotApply,
    /// It could apply once somebody has signed in.
    AwaitsSignIn,
    /// It lets the person in once they have given what it asks for.
    AsksPurpose,
    /// It would open to a service token, and none was presented.
    NeedsServiceToken,
    /// A policy before it has decided.
    NotReached,
}

/// The rules of a policy or group with their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleTree {
    pub include: Vec<RuleTrace>,
    pub require: Vec<RuleTrace>,
    pub exclude: Vec<RuleTrace>,
}

/// One rule and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleTrace {
    /// `email_domain corp.test`
    pub rule: String,
    pub met: Met,
    /// Why it was not met or is not known, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// The rules of the group that it names, the first time a policy comes to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<RuleTree>,
}

/// Keeps everything.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) policies: Vec<PolicyTrace>,
    /// The sets of rules being evaluated, the outermost first.
    open: Vec<RuleTree>,
    /// The set that was left last, until the rule or policy it belongs to is told.
    left: Option<RuleTree>,
    /// Groups shown already in this policy: showing them again could grow
    /// without bound where groups share groups.
    shown: Vec<GroupId>,
}

impl Trace for Recorder {
    const COMPLETE: bool = true;

    fn enter(&mut self) {
        self.open.push(RuleTree::default());
    }

    fn rule(&mut self, part: Part, rule: &Rule, answer: Answer, catalog: &Catalog) {
        let told = RuleTrace {
            rule: describe::rule(rule, catalog),
            met: answer.met,
            why: answer.why.map(crate::met::Why::as_str),
            group: self.left.take(),
        };
        let tree = self.open.last_mut().expect("a rule is told between enter and leave");
        match part {
            Part::Include => tree.include.push(told),
            Part::Require => tree.require.push(told),
            Part::Exclude => tree.exclude.push(told),
        }
    }

    fn leave(&mut self) {
        self.left = self.open.pop();
    }

    fn expands(&mut self, group: GroupId) -> bool {
        let new = !self.shown.contains(&group);
        if new {
            self.shown.push(group);
        }
        new
    }

    fn policy(&mut self, policy: &Policy, met: Met, outcome: Outcome) {
        self.shown.clear();
        let rules = self.left.take().unwrap_or_default();
        self.policies.push(PolicyTrace::new(policy, Some(met), outcome, rules));
    }
}

impl PolicyTrace {
    pub(crate) fn new(policy: &Policy, met: Option<Met>, outcome: Outcome, rules: RuleTree) -> Self {
        let Policy { name, decision, precedence, .. } = policy;
        Self { policy: name.clone(), decision: *decision, precedence: *precedence, met, outcome, rules }
    }
}
