//! What policies ask of people, with lists by their ids.

use doorward_model::policy::Decision;
use doorward_model::purpose::Purpose;
use serde_json::{Map, Value, json};

use super::Resolving;
use crate::config::document::At;
use crate::config::problem::suggestion;
use crate::config::raw::RawPurpose;

/// The members that a group of approvers may have.
const OF_GROUP: [&str; 3] = ["approvals_needed", "email_addresses", "email_list_uuid"];

impl Resolving<'_> {
    pub(super) fn purpose(&self, raw: RawPurpose, decision: Decision, line: usize) -> Option<Purpose> {
        let lines: Vec<usize> = raw.groups.iter().map(|group| group.line).collect();
        let at = |flag: &Option<At<bool>>| flag.as_ref().map_or(line, |flag| flag.line);
        let (required, approval) = (at(&raw.required), at(&raw.approval));
        let prompt = raw.prompt.as_ref().map_or(line, |prompt| prompt.line);
        let mut fields = Map::new();
        fields.insert("purpose_justification_required".into(), json!(raw.required.is_some_and(|at| at.value)));
        fields.insert("purpose_justification_prompt".into(), json!(raw.prompt.map(|at| at.value)));
        fields.insert("approval_required".into(), json!(raw.approval.is_some_and(|at| at.value)));
        let groups: Option<Vec<Value>> = raw.groups.into_iter().map(|group| self.approvers(group)).collect();
        fields.insert("approval_groups".into(), Value::Array(groups?));
        let wrong = |invalid: doorward_model::document::InvalidPurpose| {
            let mut path = invalid.pointer.trim_start_matches('/').split('/');
            let line =
                match (path.next().unwrap_or_default(), path.next().and_then(|index| index.parse::<usize>().ok())) {
                    (_, Some(index)) => lines.get(index).copied().unwrap_or(line),
                    ("purpose_justification_prompt", _) => prompt,
                    ("purpose_justification_required", _) => required,
                    _ => approval,
                };
            self.findings.error(line, format!("{}: {}", invalid.pointer.trim_start_matches('/'), invalid.why));
        };
        Purpose::of_fields(decision, &fields).map_err(wrong).ok()?
    }

    /// One of `approval_groups`; its list may be named.
    fn approvers(&self, group: At<Value>) -> Option<Value> {
        let At { mut value, line } = group;
        let Some(fields) = value.as_object_mut() else { return Some(value) };
        if let Some(key) = fields.keys().find(|key| !OF_GROUP.contains(&key.as_str())) {
            let meant = suggestion(key, OF_GROUP);
            let mend = if meant.is_empty() { "; remove it" } else { &meant };
            self.findings.error(line, format!("a group of approval_groups has no key \"{key}\"{mend}"));
        }
        if let Some(list) = fields.get_mut("email_list_uuid") {
            let id = self.names.email_list(list.as_str().unwrap_or_default(), line, self.findings)?;
            *list = Value::String(id.to_string());
        }
        Some(value)
    }
}
