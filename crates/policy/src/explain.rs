//! A verdict with everything that led to it, as data and as a tree that a
//! person can read.

use std::fmt;
use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::policy::Decision;
use serde::Serialize;

use crate::decide::traced;
use crate::facts::Facts;
use crate::precedence::{Order, Round};
use crate::trace::{Outcome, PolicyTrace, Recorder, RuleTrace, RuleTree};
use crate::verdict::{Grant, Permit, Refusal, RefusalKind};

/// What [`decide`](crate::decide()) says, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub verdict: Verdict,
    pub app: Option<String>,
    /// The policy that decided; none when no policy did.
    pub policy: Option<String>,
    /// The rule of that policy that decided.
    #[serde(skip)]
    pub rule: Option<String>,
    /// The policies in the order in which they are asked.
    pub trace: Vec<PolicyTrace>,
}

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allow,
    Deny,
    Bypass,
    ServiceAuth,
    /// Somebody has to pass the sign-in pages first: to say who they are, or what for.
    Login,
}

/// Decides as [`decide`](crate::decide()) does, on the same path, and keeps the answers.
#[must_use]
pub fn explain(app: &Arc<App>, catalog: &Catalog, facts: &Facts<'_>) -> Explanation {
    let mut recorder = Recorder::default();
    let decided = traced(app, catalog, facts, &mut recorder);
    let mut trace = recorder.policies;
    let order = Order::of(&app.policies);
    let all = order.round(Round::Machines).chain(order.round(Round::People));
    let not_reached = all
        .skip(trace.len())
        .map(|(_, policy)| PolicyTrace::new(policy, None, Outcome::NotReached, RuleTree::default()))
        .collect::<Vec<_>>();
    trace.extend(not_reached);
    let verdict = Verdict::from(&decided);
    let (policy, rule) = match decided {
        Ok(permit) => (Some(permit.policy().to_owned()), Some(permit.rule().to_owned())),
        Err(refusal) => (refusal.policy, refusal.rule),
    };
    Explanation { verdict, app: Some(app.name.clone()), policy, rule, trace }
}

impl From<&Result<Permit, Refusal>> for Verdict {
    fn from(decided: &Result<Permit, Refusal>) -> Self {
        match decided {
            Ok(permit) => match permit.grant() {
                Grant::Bypass => Self::Bypass,
                Grant::Service(_) | Grant::Certificate | Grant::Linked => Self::ServiceAuth,
                Grant::Identity => Self::Allow,
            },
            Err(refusal) => match refusal.kind {
                RefusalKind::NeedsLogin | RefusalKind::NeedsPurpose => Self::Login,
                RefusalKind::Forbidden | RefusalKind::Denied => Self::Deny,
            },
        }
    }
}

impl Verdict {
    /// As in the JSON form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Bypass => "bypass",
            Self::ServiceAuth => "service_auth",
            Self::Login => "login",
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict.as_str())?;
        if let Some(app) = &self.app {
            write!(f, ": {app}")?;
        }
        match (&self.policy, &self.rule, self.verdict) {
            (Some(policy), Some(rule), _) => writeln!(f, ", by policy \"{policy}\", {rule}")?,
            (Some(policy), None, _) => writeln!(f, ", by policy \"{policy}\"")?,
            (None, _, Verdict::Login) => writeln!(f, ", a policy could let in somebody who has signed in")?,
            (None, ..) if self.trace.is_empty() => writeln!(f, ", it has no policies")?,
            (None, ..) => writeln!(f, ", no policy lets this request in")?,
        }
        self.trace.iter().try_for_each(|policy| write!(f, "\n{policy}"))
    }
}

impl fmt::Display for PolicyTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.decision {
            Decision::Allow => "Allow",
            Decision::Deny => "Block",
            Decision::Bypass => "Bypass",
            Decision::NonIdentity => "Service Auth",
        };
        writeln!(f, "{}. {} ({kind}): {}", self.precedence, self.policy, self.outcome)?;
        tree(f, &self.rules, 1)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opens => "lets the request in",
            Self::Blocks => "blocks",
            Self::DoesNotApply => "does not apply",
            Self::AwaitsSignIn => "could apply once somebody has signed in",
            Self::AsksPurpose => "lets them in once they have given what it asks for",
            Self::NeedsServiceToken => "would let in a machine that proves itself, and none did",
            Self::NotReached => "not asked, a policy before it decided",
        })
    }
}

fn tree(f: &mut fmt::Formatter<'_>, rules: &RuleTree, depth: usize) -> fmt::Result {
    for (part, rules) in [
        ("include (any of)", &rules.include),
        ("require (all of)", &rules.require),
        ("exclude (none of)", &rules.exclude),
    ] {
        if !rules.is_empty() {
            writeln!(f, "{:indent$}{part}", "", indent = depth * 3)?;
        }
        for rule in rules {
            line(f, rule, depth)?;
        }
    }
    Ok(())
}

fn line(f: &mut fmt::Formatter<'_>, rule: &RuleTrace, depth: usize) -> fmt::Result {
    write!(f, "{:indent$}{:<7}  {}", "", rule.met, rule.rule, indent = depth * 3 + 2)?;
    match rule.why {
        Some(why) => writeln!(f, " ({why})")?,
        None => writeln!(f)?,
    }
    match &rule.group {
        Some(group) => tree(f, group, depth + 3),
        None => Ok(()),
    }
}
