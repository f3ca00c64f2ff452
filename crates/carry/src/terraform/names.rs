//! What resources are called, and how others refer to them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::hcl::Expr;
use crate::account::{Account, name, text};
use crate::report::unique;

pub(super) const APPLICATION: &str = "cloudflare_zero_trust_access_application";
pub(super) const POLICY: &str = "cloudflare_zero_trust_access_policy";
pub(super) const GROUP: &str = "cloudflare_zero_trust_access_group";
pub(super) const PROVIDER: &str = "cloudflare_zero_trust_access_identity_provider";
pub(super) const TOKEN: &str = "cloudflare_zero_trust_access_service_token";
pub(super) const TAG: &str = "cloudflare_zero_trust_access_tag";
pub(super) const PAGE: &str = "cloudflare_zero_trust_access_custom_page";
pub(super) const CERTIFICATE: &str = "cloudflare_zero_trust_access_mtls_certificate";
pub(super) const LIST: &str = "cloudflare_zero_trust_list";

/// The resources of an account.
pub(super) struct Names {
    /// By type and id: the name, and its number among those of its type.
    names: HashMap<(&'static str, String), (String, usize)>,
}

impl Names {
    pub(super) fn of(account: &Account) -> Self {
        let mut names = HashMap::new();
        for (kind, documents, id) in [
            (APPLICATION, &account.apps, "id"),
            (POLICY, &account.policies, "id"),
            (GROUP, &account.groups, "id"),
            (PROVIDER, &account.identity_providers, "id"),
            (TOKEN, &account.service_tokens, "id"),
            (TAG, &account.tags, "name"),
            (PAGE, &account.custom_pages, "uid"),
            (CERTIFICATE, &account.certificates, "id"),
            (LIST, &account.lists, "id"),
        ] {
            let mut taken = HashSet::new();
            for (number, document) in documents.iter().enumerate() {
                let given = unique(&mut taken, &word(name(document)), |name, number| format!("{name}_{number}"));
                names.insert((kind, identity(document, id).to_lowercase()), (given, number));
            }
        }
        Self { names }
    }

    pub(super) fn name(&self, kind: &'static str, id: &str) -> Option<&str> {
        self.names.get(&(kind, id.to_lowercase())).map(|(name, _)| name.as_str())
    }

    /// The place among the resources of its type.
    pub(super) fn place(&self, kind: &'static str, id: &str) -> Option<usize> {
        self.names.get(&(kind, id.to_lowercase())).map(|(_, place)| *place)
    }

    /// A reference, or the id of what is not written.
    pub(super) fn reference(&self, kind: &'static str, id: &str) -> Expr {
        match self.name(kind, id) {
            Some(name) => Expr::Bare(format!("{kind}.{name}.id")),
            None => Expr::text(id),
        }
    }
}

pub(super) fn identity<'a>(document: &'a Value, id: &str) -> &'a str {
    text(document, id).unwrap_or_default()
}

/// A name in the letters that Terraform takes.
pub(super) fn word(text: &str) -> String {
    let mut word = String::new();
    for character in text.chars() {
        match character.is_ascii_alphanumeric() {
            true => word.push(character.to_ascii_lowercase()),
            false if !word.ends_with('_') => word.push('_'),
            false => {}
        }
    }
    let word = word.trim_matches('_');
    match word.bytes().next() {
        Some(first) if first.is_ascii_alphabetic() => word.to_owned(),
        _ => format!("_{word}"),
    }
}
