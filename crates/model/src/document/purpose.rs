//! What a policy asks of people, in the fields of Cloudflare's API:
//! `purpose_justification_*` and `approval_*`.

use serde_json::{Map, Value, json};

use crate::email::Email;
use crate::id::ListId;
use crate::policy::Decision;
use crate::purpose::{ApprovalGroup, Purpose};

const REQUIRED: &str = "purpose_justification_required";
const PROMPT: &str = "purpose_justification_prompt";
const APPROVAL: &str = "approval_required";
const GROUPS: &str = "approval_groups";

/// Longer prompts are no question any more.
const LONGEST_PROMPT: usize = 2000;

/// Why the fields ask nothing that could be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidPurpose {
    /// The field, as a JSON pointer.
    pub pointer: String,
    pub why: String,
}

impl Purpose {
    /// Reads the fields of a policy that decides so.
    ///
    /// # Errors
    /// When what is asked could not be answered, or nobody would ask it.
    pub fn of_fields(decision: Decision, fields: &Map<String, Value>) -> Result<Option<Self>, InvalidPurpose> {
        let is_set = |name: &str| fields.get(name) == Some(&Value::Bool(true));
        let (asks, needs_approval) = (is_set(REQUIRED), is_set(APPROVAL));
        if !asks && !needs_approval {
            return Ok(None);
        }
        let asking = if asks { REQUIRED } else { APPROVAL };
        if decision != Decision::Allow {
            return Err(invalid(asking, "only a policy that allows can ask people for something"));
        }
        if !asks {
            let why = "whoever approves has to read what for: set purpose_justification_required, too";
            return Err(invalid(APPROVAL, why));
        }
        let prompt = match fields.get(PROMPT) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.chars().count() > LONGEST_PROMPT => {
                return Err(invalid(PROMPT, &format!("a prompt has at most {LONGEST_PROMPT} characters")));
            }
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            Some(_) => return Err(invalid(PROMPT, "a prompt is a text")),
        };
        let approval_groups = if needs_approval { groups(fields.get(GROUPS))? } else { Vec::new() };
        Ok(Some(Self { prompt, approval_groups }))
    }

    /// The fields that say it.
    pub(crate) fn write(&self, fields: &mut Map<String, Value>) {
        fields.insert(REQUIRED.into(), json!(true));
        if let Some(prompt) = &self.prompt {
            fields.insert(PROMPT.into(), json!(prompt));
        }
        if self.needs_approval() {
            fields.insert(APPROVAL.into(), json!(true));
            fields.insert(GROUPS.into(), self.approval_groups.iter().map(written).collect());
        }
    }
}

fn written(group: &ApprovalGroup) -> Value {
    let mut fields = json!({ "approvals_needed": group.approvals_needed, "email_addresses": group.emails });
    if let Some(list) = group.list {
        fields["email_list_uuid"] = json!(list);
    }
    fields
}

fn groups(value: Option<&Value>) -> Result<Vec<ApprovalGroup>, InvalidPurpose> {
    let groups = value.and_then(Value::as_array).filter(|groups| !groups.is_empty());
    let groups = groups.ok_or_else(|| invalid(GROUPS, "name at least one group of people who may approve"))?;
    groups.iter().enumerate().map(|(index, group)| self::group(index, group)).collect()
}

fn group(index: usize, value: &Value) -> Result<ApprovalGroup, InvalidPurpose> {
    let wrong = |field: &str, why: &str| {
        let field = if field.is_empty() { String::new() } else { format!("/{field}") };
        Err(invalid(&format!("{GROUPS}/{index}{field}"), why))
    };
    let Some(fields) = value.as_object() else { return wrong("", "a group of people who may approve is an object") };
    // Terraform writes whole numbers with a point.
    let needed = fields.get("approvals_needed").and_then(Value::as_f64).filter(|needed| needed.fract() == 0.0);
    let Some(approvals_needed) = needed.and_then(|needed| format!("{needed}").parse::<u32>().ok()).filter(|n| *n > 0)
    else {
        return wrong("approvals_needed", "approvals_needed is a whole number, at least 1");
    };
    let mut emails: Vec<Email> = Vec::new();
    let addresses = match fields.get("email_addresses") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(addresses)) => addresses.as_slice(),
        Some(_) => return wrong("email_addresses", "email_addresses is a list of addresses"),
    };
    for (at, address) in addresses.iter().enumerate() {
        let Some(email) = address.as_str().and_then(|text| text.parse().ok()) else {
            return wrong(&format!("email_addresses/{at}"), "an address is written like alice@example.com");
        };
        if !emails.contains(&email) {
            emails.push(email);
        }
    }
    let list: Option<ListId> = match fields.get("email_list_uuid") {
        None | Some(Value::Null) => None,
        Some(id) => match id.as_str().and_then(|text| text.parse().ok()) {
            Some(id) => Some(id),
            None => return wrong("email_list_uuid", "email_list_uuid is the id of a list of e-mail addresses"),
        },
    };
    if emails.is_empty() && list.is_none() {
        return wrong("", "name people in email_addresses, or a list of them in email_list_uuid");
    }
    if list.is_none() && u32::try_from(emails.len()).unwrap_or(u32::MAX) < approvals_needed {
        return wrong("approvals_needed", "more approvals are needed than there are people to give them");
    }
    Ok(ApprovalGroup { approvals_needed, emails, list })
}

fn invalid(field: &str, why: &str) -> InvalidPurpose {
    InvalidPurpose { pointer: format!("/{field}"), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &Value) -> Result<Option<Purpose>, InvalidPurpose> {
        Purpose::of_fields(Decision::Allow, fields.as_object().unwrap())
    }

    #[test]
    fn what_is_asked_survives_being_written() {
        let asked = json!({ "purpose_justification_required": true, "purpose_justification_prompt": "Why?",
            "approval_required": true, "approval_groups": [
                { "approvals_needed": 2.0, "email_addresses": ["Root@Corp.test", "root@corp.test", "eve@corp.test"] },
                { "approvals_needed": 1, "email_list_uuid": ListId::random() },
            ] });
        let purpose = read(&asked).unwrap().unwrap();
        assert_eq!(purpose.approval_groups[0].emails.len(), 2, "one person is one approver");
        let mut again = Map::new();
        purpose.write(&mut again);
        assert_eq!(read(&Value::Object(again)).unwrap(), Some(purpose));
    }

    #[test]
    fn nothing_is_asked_unless_a_flag_says_so() {
        for fields in [
            json!({}),
            json!({ "purpose_justification_required": false, "purpose_justification_prompt": "Why?" }),
            json!({ "approval_required": null, "approval_groups": [{ "approvals_needed": 1 }] }),
        ] {
            assert_eq!(read(&fields), Ok(None), "{fields}");
        }
    }

    #[test]
    fn what_could_not_be_answered_is_refused_where_it_stands() {
        let with = |group: Value| {
            json!({ "purpose_justification_required": true, "approval_required": true,
            "approval_groups": [group] })
        };
        for (fields, pointer) in [
            (json!({ "approval_required": true }), "/approval_required"),
            (
                json!({ "purpose_justification_required": true, "approval_required": true, "approval_groups": [] }),
                "/approval_groups",
            ),
            (
                json!({ "purpose_justification_required": true, "purpose_justification_prompt": "x".repeat(2001) }),
                "/purpose_justification_prompt",
            ),
            (with(json!("root@corp.test")), "/approval_groups/0"),
            (with(json!({ "approvals_needed": 1 })), "/approval_groups/0"),
            (
                with(json!({ "approvals_needed": 0, "email_addresses": ["a@b.test"] })),
                "/approval_groups/0/approvals_needed",
            ),
            (
                with(json!({ "approvals_needed": 2, "email_addresses": ["a@b.test"] })),
                "/approval_groups/0/approvals_needed",
            ),
            (
                with(json!({ "approvals_needed": 1.5, "email_addresses": ["a@b.test"] })),
                "/approval_groups/0/approvals_needed",
            ),
            (
                with(json!({ "approvals_needed": 1, "email_addresses": ["nobody"] })),
                "/approval_groups/0/email_addresses/0",
            ),
            (with(json!({ "approvals_needed": 1, "email_list_uuid": "x" })), "/approval_groups/0/email_list_uuid"),
        ] {
            assert_eq!(read(&fields).unwrap_err().pointer, pointer, "{fields}");
        }
        let asks = json!({ "purpose_justification_required": true });
        for decision in [Decision::Bypass, Decision::NonIdentity, Decision::Deny] {
            assert!(Purpose::of_fields(decision, asks.as_object().unwrap()).is_err(), "{decision:?} asks nobody");
        }
    }
}
