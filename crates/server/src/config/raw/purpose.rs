//! What a policy asks of people beyond who they are: `purpose_justification_*`
//! and `approval_*`; and what it cannot ask yet.

use serde_json::Value;

use super::super::document::{At, Table};

/// The fields as written; whether they ask something is for the model to say.
#[derive(Default)]
pub(in crate::config) struct RawPurpose {
    pub(in crate::config) required: Option<At<bool>>,
    pub(in crate::config) prompt: Option<At<String>>,
    pub(in crate::config) approval: Option<At<bool>>,
    pub(in crate::config) groups: Vec<At<Value>>,
}

impl RawPurpose {
    pub(super) fn read(table: &Table<'_>) -> Self {
        refuse_what_is_not_there(table);
        Self {
            required: table.flag("purpose_justification_required"),
            prompt: table.text("purpose_justification_prompt"),
            approval: table.flag("approval_required"),
            groups: table.json_list("approval_groups").map(|list| list.value).unwrap_or_default(),
        }
    }
}

/// Restrictions that this version cannot act on. Leaving one out in silence
/// would open more than was meant.
fn refuse_what_is_not_there(table: &Table<'_>) {
    if let Some(isolation) = table.flag("isolation_required").filter(|isolation| isolation.value) {
        let text = "isolation_required needs Cloudflare's remote browsers, which are not here; remove it";
        table.findings().error(isolation.line, text);
    }
    if let Some(mfa) = table.json_object("mfa_config")
        && mfa.get("mfa_disabled") != Some(&Value::Bool(true))
    {
        let text = "mfa_config: this version asks for no second factor of its own; remove it, and require one from \
                    the identity provider with require = [{ auth_method = { auth_method = \"mfa\" } }]";
        table.findings().error(table.line, text);
    }
}
