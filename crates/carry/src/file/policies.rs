//! Policies: an application's own ones in its table, the ones that are shared
//! in tables of theirs.

use doorward_model::document::PolicyDocument;
use doorward_model::id::PolicyId;
use doorward_model::policy::Decision;
use doorward_model::purpose::Purpose;
use doorward_model::time::Lifetime;
use serde_json::{Map, Value};

use super::names::Names;
use super::rules::{Rules, nobody, undecided};
use super::section::{Section, inline, inline_table, quoted};
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
    /// What people are asked before they are let in.
    asks: Vec<(&'static str, String)>,
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
    let mut decision = decision(&what, policy, report);
    let mut rules = Rules::of(&what, policy, names, report);
    if rules.include.is_empty() {
        // An undecided rule would block everybody, where this policy blocks nobody.
        rules.include.push(if decision == "deny" { nobody() } else { undecided("an empty include") });
    }
    let asks = match decision {
        "deny" => Vec::new(),
        _ => restricted(&what, policy, &mut decision, &mut rules, names, report),
    };
    let id = text(policy, "id").filter(|id| id.parse::<PolicyId>().is_ok());
    Written {
        name: called.to_owned(),
        id: id.map(str::to_owned),
        decision,
        rules,
        asks,
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
        pairs.extend(self.asks);
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
        self.asks.iter().for_each(|(field, value)| section.written(field, value));
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

/// What makes a policy open less.
const RESTRICTIONS: [&str; 4] =
    ["purpose_justification_required", "approval_required", "isolation_required", "mfa_config"];

/// What the policy asks of people, as the file says it. One that lets people in
/// under a restriction that is not there in the file keeps them out: passed
/// over, it would leave them to a later policy that restricts nothing.
fn restricted(
    what: &str,
    policy: &Value,
    decision: &mut &'static str,
    rules: &mut Rules,
    names: &Names,
    report: &mut Report,
) -> Vec<(&'static str, String)> {
    let fields = policy.as_object().cloned().unwrap_or_default();
    if fields.get("connection_rules").is_some_and(says_something) {
        report.left(format!("connection_rules of {what}"), "they are about terminals in the browser");
    }
    let set = RESTRICTIONS.into_iter().filter(|name| PolicyDocument::restricts(&fields, name));
    let set: Vec<&str> = set.collect();
    let asked = asked(decision, &fields, names);
    let there = |name: &str| {
        !PolicyDocument::RESTRICTIONS.contains(&name) && asked.as_ref().is_some_and(|(kept, _)| kept.contains(&name))
    };
    let lost: Vec<&str> = set.iter().copied().filter(|name| !there(name)).collect();
    for name in &lost {
        let why = match *decision {
            "allow" => "it is not there; the policy keeps out whom it let in, until you write allow again",
            _ => "it is not there; the policy lets nobody past until you take out the rule in its place",
        };
        report.left(format!("{name} of {what}"), why);
    }
    let gets_by = lost.is_empty() && !set.is_empty() && !rules.decided;
    if gets_by {
        let why = "one of its rules cannot be decided here, so a later policy could let people in who are not asked; it \
                   keeps out whom it let in, until you write allow again";
        report.left(format!("{} of {what}", set.join(" and ")), why);
    }
    match *decision {
        _ if lost.is_empty() && !gets_by => return asked.map(|(_, pairs)| pairs).unwrap_or_default(),
        "allow" => *decision = "deny",
        _ => rules.require.extend(lost.into_iter().map(undecided)),
    }
    Vec::new()
}

type Asked = (Vec<&'static str>, Vec<(&'static str, String)>);

/// What is asked before the policy lets somebody in: which fields say it, and
/// their TOML. None where nobody could answer.
fn asked(decision: &str, fields: &Map<String, Value>, names: &Names) -> Option<Asked> {
    let decision: Decision = serde_json::from_value(decision.into()).ok()?;
    let purpose = Purpose::of_fields(decision, fields).ok()??;
    let (mut kept, mut pairs) = (vec!["purpose_justification_required"], Vec::new());
    pairs.push(("purpose_justification_required", "true".to_owned()));
    pairs.extend(purpose.prompt.as_deref().map(|prompt| ("purpose_justification_prompt", quoted(prompt))));
    if !purpose.approval_groups.is_empty() {
        let groups = fields.get("approval_groups")?.as_array()?.iter().map(|group| approvers(group, names));
        kept.push("approval_required");
        pairs.push(("approval_required", "true".to_owned()));
        pairs.push(("approval_groups", format!("[{}]", groups.collect::<Option<Vec<_>>>()?.join(", "))));
    }
    Some((kept, pairs))
}

/// One of `approval_groups`, its list by name.
fn approvers(group: &Value, names: &Names) -> Option<String> {
    let said = ["approvals_needed", "email_addresses"].into_iter().filter_map(|field| Some((field, group.get(field)?)));
    let mut pairs: Vec<(&str, String)> = said.map(|(field, value)| (field, inline(value))).collect();
    if let Some(list) = text(group, "email_list_uuid") {
        pairs.push(("email_list_uuid", quoted(names.email_lists.of_id(list)?)));
    }
    Some(inline_table(&pairs))
}

/// The API shows the usual duration where nothing was said. It is taken at its
/// word only where that makes no session longer.
fn session_duration(policy: &Value, shortest: Option<Lifetime>) -> Option<String> {
    let written = text(policy, "session_duration")?;
    let usual: Lifetime = USUAL.parse().ok()?;
    let said = written != USUAL || shortest.is_none_or(|shortest| usual < shortest);
    said.then(|| written.to_owned())
}
