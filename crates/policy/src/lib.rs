//! The verdict: a pure function from an application and the facts to a permit
//! or a refusal.
//!
//! [`decide()`] is the only maker of a [`Permit`], and nothing is forwarded
//! without one. [`explain()`] takes the same path and keeps every rule's answer
//! on the way. Gathering the facts, and what a refusal looks like to a
//! browser, is left to the doors.

mod cycles;
mod decide;
mod describe;
mod evaluate;
mod explain;
mod facts;
mod met;
mod precedence;
mod reach;
mod rule_trees;
mod selector;
mod trace;
mod verdict;

pub use cycles::group_cycles;
pub use decide::{decide, preflight};
pub use explain::{Explanation, Verdict, explain};
pub use facts::Facts;
pub use met::Met;
pub use reach::{evaluates, links, wanted};
pub use rule_trees::RuleTrees;
pub use selector::decides;
pub use trace::{Outcome, PolicyTrace, RuleTrace, RuleTree};
pub use verdict::{Grant, Permit, Refusal, RefusalKind};

#[cfg(test)]
mod tests;
