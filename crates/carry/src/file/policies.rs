//! Policies: an application's own ones in its table, the ones that are shared
//! in tables of theirs.

use doorward_model::document::PolicyDocument;
use doorward_model::id::PolicyId;
use doorward_model::time::Lifetime;
use serde_json::Value;

use super::names::Names;
use super::rules::{Rules, nobody, undecided};
use super::section::{Section, inline_table, quoted};
use crate::account::{name, says_something, text};
use crate::report::Report;

/// What the API shows where a policy says nothing of its own.
const USUAL: &str = "24h";

/// A policy as the file has it.
pub(super) struct Written {
    name: String,
    id: Option<String>,
    decision: &'static str,
    rules: Rules,
    session_duration: Option<String>,
}

/// `shortest` is the session duration of the application, or the shortest of all that share the policy.
pub(super) fn written(
    owner: &str,
    policy: &Value,
    called: &str,
    shortest: Option<Lifetime>,
    names: &Names,
    report: &mut Report,
) -> Written {
    let what = format!("{owner}the policy \"{}\"", name(policy));
    let decision = decision(&what, policy, report);
    let mut rules = Rules::of(&what, policy, names, report);
    if rules.include.is_empty() {
        // An undecided rule would block everybody, where this policy blocks nobody.
        rules.include.push(if decision == "deny" { nobody() } else { undecided("an empty include") });
    }
    if decision != "deny" {
        restrict(&what, policy, &mut rules, report);
    }
    let id = text(policy, "id").filter(|id| id.parse::<PolicyId>().is_ok());
    Written {
        name: called.to_owned(),
        id: id.map(str::to_owned),
        decision,
        rules,
        session_duration: session_duration(policy, shortest),
    }
}

impl Written {
    /// In the `policies` of an application.
    pub(super) fn inline(self, precedence: Option<u64>) -> String {
        let mut pairs = vec![("name", quoted(&self.name))];
        pairs.extend(self.id.as_deref().map(|id| ("id", quoted(id))));
        pairs.push(("decision", quoted(self.decision)));
        pairs.extend(precedence.map(|number| ("precedence", number.to_string())));
        pairs.extend(self.rules.pairs().map(|(list, rules)| (list, format!("[{}]", rules.join(", ")))));
        pairs.extend(self.session_duration.as_deref().map(|duration| ("session_duration", quoted(duration))));
        inline_table(&pairs)
    }

    /// `[[policy]]`
    pub(super) fn section(self) -> String {
        let mut section = Section::one_of("policy");
        section.text("name", &self.name);
        section.maybe("id", self.id.as_deref());
        section.text("decision", self.decision);
        self.rules.pairs().for_each(|(list, rules)| section.list(list, rules));
        section.maybe("session_duration", self.session_duration.as_deref());
        section.into_text()
    }
}

/// One that nobody here knows may have been one that blocks.
fn decision(what: &str, policy: &Value, report: &mut Report) -> &'static str {
    let written = text(policy, "decision").unwrap_or_default();
    ["allow", "deny", "bypass", "non_identity"].into_iter().find(|known| *known == written).unwrap_or_else(|| {
        report.left(
            format!("the decision \"{written}\" of {what}"),
            "there is none of this name here; the policy blocks in its place",
        );
        "deny"
    })
}

/// What makes the policy open less, and is not there in the file.
fn restrict(what: &str, policy: &Value, rules: &mut Rules, report: &mut Report) {
    let fields = policy.as_object().cloned().unwrap_or_default();
    for restriction in PolicyDocument::RESTRICTIONS {
        if PolicyDocument::restricts(&fields, restriction) {
            report.left(
                format!("{restriction} of {what}"),
                "it is not there; the policy lets nobody in until you take out the rule in its place",
            );
            rules.require.push(undecided(restriction));
        }
    }
    if fields.get("connection_rules").is_some_and(says_something) {
        report.left(format!("connection_rules of {what}"), "they are about terminals in the browser");
    }
}

/// The API shows the usual duration where nothing was said. It is taken at its
/// word only where that makes no session longer.
fn session_duration(policy: &Value, shortest: Option<Lifetime>) -> Option<String> {
    let written = text(policy, "session_duration")?;
    let usual: Lifetime = USUAL.parse().ok()?;
    let said = written != USUAL || shortest.is_none_or(|shortest| usual < shortest);
    said.then(|| written.to_owned())
}
