//! Rules in the provider's spelling, with references in the place of ids.

use serde_json::Value;

use super::hcl::Expr;
use super::names::{APPLICATION, GROUP, LIST, Names, PROVIDER, TOKEN};
use crate::account::items;

/// Which application's rules these are: a resource may refer only to those
/// before it, or two of them could wait for each other.
pub(super) type Before = Option<usize>;

/// The lists of rules that say something.
pub(super) fn pairs(document: &Value, names: &Names, before: Before) -> Vec<(String, Expr)> {
    let lists = ["include", "exclude", "require"].into_iter().filter(|list| !items(document, list).is_empty());
    let rules = |list| items(document, list).iter().map(|one| rule(one, names, before)).collect();
    lists.map(|list| (list.to_owned(), Expr::List(rules(list)))).collect()
}

fn rule(rule: &Value, names: &Names, before: Before) -> Expr {
    let selectors = rule.as_object().into_iter().flatten();
    Expr::Object(selectors.map(|(name, value)| (spelled(name), value_of(name, value, names, before))).collect())
}

/// Cloudflare's JSON is older than the provider's habits.
fn spelled(selector: &str) -> String {
    match selector {
        "azureAD" => "azure_ad".to_owned(),
        other => other.replace('-', "_"),
    }
}

fn value_of(selector: &str, value: &Value, names: &Names, before: Before) -> Expr {
    let Some(fields) = value.as_object() else { return Expr::of(value) };
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let field = |(name, value): (&String, &Value)| {
        let kind = value.as_str().and_then(|id| Some((referred(selector, name)?, id)));
        let value = match kind {
            Some((APPLICATION, id)) if names.place(APPLICATION, id) >= before => Expr::of(value),
            Some((kind, id)) => names.reference(kind, id),
            None => Expr::of(value),
        };
        (name.clone(), value)
    };
    Expr::Object(fields.map(field).collect())
}

/// What an id in a rule is the id of.
fn referred(selector: &str, field: &str) -> Option<&'static str> {
    match (selector, field) {
        ("group", "id") => Some(GROUP),
        ("service_token", "token_id") => Some(TOKEN),
        ("email_list" | "ip_list", "id") => Some(LIST),
        ("linked_app_token", "app_uid") => Some(APPLICATION),
        ("login_method", "id") | (_, "identity_provider_id") => Some(PROVIDER),
        _ => None,
    }
}
