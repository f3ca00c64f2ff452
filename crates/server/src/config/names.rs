//! Names for ids: wherever Cloudflare's API takes an id, the file may say the
//! name. What names nothing is a problem, never a rule that quietly fails.

use std::collections::HashMap;
use std::net::IpAddr;

use doorward_model::email::Email;
use doorward_model::id::{AccountId, AppId, CustomPageId, GroupId, IdpId, ListId, PolicyId, ServiceTokenId};
use doorward_model::idp::IdentityProvider;
use doorward_model::list;
use doorward_model::rule::Rule;
use ipnet::IpNet;
use serde_json::Value;

use super::document::At;
use super::problem::{Findings, suggestion};
use super::raw::{RawFile, RawList};

/// The objects that can be referred to.
pub(super) struct Names {
    pub(super) apps: Directory<AppId>,
    pub(super) groups: Directory<GroupId>,
    pub(super) idps: Directory<IdpId>,
    pub(super) service_tokens: Directory<ServiceTokenId>,
    pub(super) policies: Directory<PolicyId>,
    /// For URLs that the gateway is to call: clear text, and ports that are its own.
    allow_http: bool,
    off_limits: Vec<u16>,
    email_lists: Directory<ListId>,
    ip_lists: Directory<ListId>,
    pub(super) custom_pages: Directory<CustomPageId>,
}

/// The objects of one kind, by name.
pub(super) struct Directory<Id> {
    kind: &'static str,
    by_name: HashMap<String, Id>,
}

impl Names {
    pub(super) fn of(raw: &RawFile, account: &AccountId) -> Self {
        Self {
            apps: Directory::new("application", raw.apps.iter().map(|app| (&app.name, &app.id)), |name| {
                AppId::derived(account, name)
            }),
            groups: Directory::new("group", raw.groups.iter().map(|group| (&group.name, &group.id)), |name| {
                GroupId::derived(account, name)
            }),
            idps: Directory::new("identity provider", raw.idps.iter().map(|idp| (&idp.name, &idp.id)), |name| {
                IdpId::derived(account, name)
            }),
            service_tokens: Directory::new(
                "service token",
                raw.service_tokens.iter().map(|token| (&token.name, &token.id)),
                |name| ServiceTokenId::derived(account, name),
            ),
            allow_http: raw.mode.is_emulator(),
            off_limits: raw.listen.admin.iter().map(|at| at.value.port()).filter(|port| *port != 0).collect(),
            policies: Directory::new(
                "reusable policy",
                raw.policies.iter().map(|policy| (&policy.name, &policy.id)),
                |name| reusable_policy(account, name),
            ),
            email_lists: Directory::new("list of type EMAIL", lists(raw, list::EMAIL), |name| {
                ListId::derived(account, name)
            }),
            ip_lists: Directory::new("list of type IP", lists(raw, list::IP), |name| ListId::derived(account, name)),
            custom_pages: Directory::new(
                "custom page",
                raw.custom_pages.iter().map(|page| (&page.name, &page.id)),
                |name| CustomPageId::derived(account, name),
            ),
        }
    }

    /// A provider that is not in the file.
    pub(super) fn add_provider(&mut self, provider: &IdentityProvider) {
        self.idps.by_name.entry(provider.name.clone()).or_insert(provider.id);
    }

    /// The list of addresses that a reference stands for.
    pub(super) fn email_list(&self, reference: &str, line: usize, findings: &Findings) -> Option<ListId> {
        self.email_lists.id(reference, line, findings)
    }

    /// The rule that a file's JSON stands for, with ids in it.
    pub(super) fn rule(&self, written: At<Value>, findings: &Findings) -> Option<Rule> {
        let line = written.line;
        let mut value = written.value;
        let selector = selector(&value).map_err(|text| findings.error(line, text)).ok()?;
        if let Some(uid) = value.pointer_mut("/linked_app_token/app_uid") {
            let id = self.apps.id(uid.as_str().unwrap_or_default(), line, findings)?;
            *uid = Value::String(id.to_string());
        }
        let mut rule: Rule = serde_json::from_value(value.clone())
            .map_err(|error| findings.error(line, unreadable(&selector, &value, &error)))
            .ok()?;
        if let Some(text) = mapped_network(&rule) {
            findings.error(line, text);
        }
        if let Some(text) = never_met(&rule) {
            findings.warning(line, text);
        }
        match &mut rule {
            Rule::Group(group) => group.id = self.groups.id(&group.id, line, findings)?.to_string(),
            Rule::ExternalEvaluation(rule) => {
                for url in [&rule.evaluate_url, &rule.keys_url] {
                    let checked = doorward_login::check_url(url, self.allow_http, &self.off_limits);
                    checked.map_err(|error| findings.error(line, format!("{selector}: {error}"))).ok()?;
                }
            }
            Rule::EmailList(list) => list.id = self.email_lists.id(&list.id, line, findings)?.to_string(),
            Rule::IpList(list) => list.id = self.ip_lists.id(&list.id, line, findings)?.to_string(),
            Rule::ServiceToken(token) => {
                token.token_id = self.service_tokens.id(&token.token_id, line, findings)?.to_string();
            }
            other => {
                if let Some(provider) = other.identity_provider_mut() {
                    *provider = self.idps.id(provider, line, findings)?.to_string();
                }
            }
        }
        Some(rule)
    }
}

/// The id of a policy that applications share. Their own ones are named after them.
pub(super) fn reusable_policy(account: &AccountId, name: &str) -> PolicyId {
    PolicyId::derived(account, &format!("reusable:{name}"))
}

type Named<'a, Id> = (&'a Option<At<String>>, &'a Option<At<Id>>);

fn lists<'a>(raw: &'a RawFile, kind: &'a str) -> impl Iterator<Item = Named<'a, ListId>> {
    let of_kind = move |list: &&RawList| list.kind.as_ref().is_some_and(|at| at.value == kind);
    raw.lists.iter().filter(of_kind).map(|list| (&list.name, &list.id))
}

impl<Id: Copy + PartialEq + std::str::FromStr> Directory<Id> {
    fn new<'a>(kind: &'static str, entries: impl Iterator<Item = Named<'a, Id>>, derived: impl Fn(&str) -> Id) -> Self
    where
        Id: 'a,
    {
        let by_name = entries
            .filter_map(|(name, id)| {
                let name = &name.as_ref()?.value;
                Some((name.clone(), id.as_ref().map_or_else(|| derived(name), |id| id.value)))
            })
            .collect();
        Self { kind, by_name }
    }

    /// The id of an object of this file.
    pub(super) fn of_name(&self, name: &str) -> Option<Id> {
        self.by_name.get(name).copied()
    }

    /// The id that a reference, by name or by id, stands for.
    pub(super) fn id(&self, reference: &str, line: usize, findings: &Findings) -> Option<Id> {
        let found = self.of_name(reference).or_else(|| {
            let id = reference.parse().ok()?;
            self.by_name.values().copied().find(|known| *known == id)
        });
        if found.is_none() {
            let meant = suggestion(reference, self.by_name.keys().map(String::as_str));
            let mend = if meant.is_empty() { "; declare it in this file, or remove the reference" } else { &meant };
            findings.error(line, format!("there is no {} \"{reference}\"{mend}", self.kind));
        }
        found
    }
}

/// Addresses are compared in their short form: an IPv4 address is never the
/// IPv6 address that it is mapped to (RFC 4291 §2.5.5.2).
fn mapped_network(rule: &Rule) -> Option<String> {
    let Rule::Ip(rule) = rule else { return None };
    let written = rule.ip.to_string();
    let (address, length) = match written.parse::<IpNet>() {
        Ok(net) => (net.addr(), net.prefix_len()),
        Err(_) => (written.parse().ok()?, 128),
    };
    let IpAddr::V6(v6) = address else { return None };
    let mapped = v6.to_ipv4_mapped()?;
    let network = if length == 128 { mapped.to_string() } else { format!("{mapped}/{}", length.checked_sub(96)?) };
    Some(format!("ip: no address is ever in {written}; write {network}"))
}

/// The selector of a rule that asks who somebody is, or how they signed in.
pub(super) fn selector_of_people(rule: &Value) -> Option<&'static str> {
    let written = rule.as_object()?.keys().next()?;
    SELECTORS_OF_PEOPLE.into_iter().find(|selector| selector == written)
}

/// Why a rule that can be read lets nobody in.
fn never_met(rule: &Rule) -> Option<String> {
    match rule {
        Rule::Email(rule) if rule.email.parse::<Email>().is_err() => {
            Some(format!("\"{}\" is nobody's e-mail address; write it like alice@example.com", rule.email))
        }
        Rule::EmailDomain(rule) if rule.domain.contains('@') => {
            Some(format!("\"{}\" is no domain; leave out the @ and what is before it", rule.domain))
        }
        rule if !doorward_policy::decides(rule) => {
            let selector = rule.selector();
            Some(format!("{selector} cannot be decided here, so it lets nobody in; use another selector"))
        }
        _ => None,
    }
}

/// What is wrong with a rule, in the file's words: whoever writes one has not
/// seen what it is read into.
fn unreadable(selector: &str, written: &Value, error: &serde_json::Error) -> String {
    if written[selector].is_object() {
        return format!("{selector}: {error}");
    }
    // What an empty table lacks is what belongs into it.
    let empty = serde_json::from_value::<Rule>(serde_json::json!({ selector: {} }));
    let lacking = empty.map_or_else(|error| error.to_string(), |_| String::new());
    let inside = lacking.split('`').nth(1).map_or_else(String::new, |field| format!(" {field} = \"…\" "));
    format!("{selector} takes a table; write it like {{ {selector} = {{{inside}}} }}")
}

/// The one member of a rule.
fn selector(rule: &Value) -> Result<String, String> {
    let members: Vec<&String> = rule.as_object().map(|object| object.keys().collect()).unwrap_or_default();
    let [selector] = members.as_slice() else {
        return Err("a rule is a table with one selector, as in { email = { email = \"alice@example.com\" } }".into());
    };
    if SELECTORS.contains(&selector.as_str()) {
        return Ok((*selector).clone());
    }
    let meant = suggestion(selector, SELECTORS);
    let mend = if meant.is_empty() { "; see the list of selectors in the Access documentation" } else { &meant };
    Err(format!("there is no selector \"{selector}\"{mend}"))
}

const SELECTORS_OF_PEOPLE: [&str; 12] = [
    "email",
    "email_domain",
    "email_list",
    "login_method",
    "auth_method",
    "azureAD",
    "gsuite",
    "github-organization",
    "okta",
    "saml",
    "oidc",
    "external_evaluation",
];

const SELECTORS: [&str; 26] = [
    "email",
    "email_domain",
    "email_list",
    "everyone",
    "ip",
    "ip_list",
    "geo",
    "common_name",
    "certificate",
    "service_token",
    "any_valid_service_token",
    "linked_app_token",
    "login_method",
    "auth_method",
    "auth_context",
    "azureAD",
    "gsuite",
    "github-organization",
    "okta",
    "saml",
    "oidc",
    "group",
    "external_evaluation",
    "device_posture",
    "user_risk_score",
    "cloudflare_account_member",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_of_the_list_is_one_that_rules_have() {
        for selector in SELECTORS {
            let error = serde_json::from_value::<Rule>(serde_json::json!({ selector: 1 })).unwrap_err();
            assert!(!error.to_string().contains("unknown variant"), "{selector}: {error}");
        }
    }
}
