//! An account as its API tells it: documents in Cloudflare's JSON, unread but
//! for what every kind has.

use serde_json::Value;

/// What is configured in an account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub id: String,
    /// None where there is none yet, or the API has none to tell.
    pub organization: Option<Value>,
    pub identity_providers: Vec<Value>,
    pub service_tokens: Vec<Value>,
    pub groups: Vec<Value>,
    /// The ones that applications share.
    pub policies: Vec<Value>,
    /// With all their policies whole.
    pub apps: Vec<Value>,
    pub tags: Vec<Value>,
    /// With their text.
    pub custom_pages: Vec<Value>,
    pub certificates: Vec<Value>,
    pub hostname_settings: Vec<Value>,
    /// Those that rules look into, with their items.
    pub lists: Vec<Value>,
    /// What the account does not let itself be asked for, and why.
    pub unread: Vec<(String, String)>,
}

impl Account {
    /// The ids of the lists that rules, and groups of approvers, refer to.
    #[must_use]
    pub fn lists_in_rules(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for object in self.groups.iter().chain(&self.policies).chain(&self.apps) {
            collect_lists(object, &mut ids);
        }
        ids.sort();
        ids.dedup();
        ids
    }
}

/// Wherever a rule stands in a document, it looks the same.
fn collect_lists(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_lists(item, ids)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if ["email_list", "ip_list"].contains(&name.as_str())
                    && let Some(id) = text(value, "id")
                {
                    ids.push(id.to_owned());
                }
                if name == "email_list_uuid" {
                    ids.extend(value.as_str().map(str::to_owned));
                }
                collect_lists(value, ids);
            }
        }
        _ => {}
    }
}

/// A text of a document that says something.
pub(crate) fn text<'a>(document: &'a Value, field: &str) -> Option<&'a str> {
    document.get(field)?.as_str().filter(|text| !text.is_empty())
}

pub(crate) fn is_set(document: &Value, field: &str) -> bool {
    document.get(field) == Some(&Value::Bool(true))
}

pub(crate) fn items<'a>(document: &'a Value, field: &str) -> &'a [Value] {
    document.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn texts<'a>(document: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    items(document, field).iter().filter_map(Value::as_str)
}

/// What messages call a document.
pub(crate) fn name(document: &Value) -> &str {
    text(document, "name").or_else(|| text(document, "id")).unwrap_or("without a name")
}

/// Whether a value is more than "nothing is set".
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(says_something),
        Value::Bool(true) | Value::Number(_) => true,
    }
}
