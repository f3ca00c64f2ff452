//! Rules, with names in the place of ids. One that cannot be carried over is
//! written as a rule that can never be decided: it lets nobody in where it
//! would include, and lets nobody past where it would exclude or block. Only
//! where nobody can meet it, it is written as a rule that nobody meets.

use std::net::IpAddr;

use doorward_model::rule::Rule;
use serde_json::{Value, json};

use super::names::Names;
use super::section::inline;
use crate::account::items;
use crate::report::{Report, plain};

/// The three lists of rules of a group or policy, as TOML.
pub(super) struct Rules {
    pub(super) include: Vec<String>,
    pub(super) require: Vec<String>,
    pub(super) exclude: Vec<String>,
    /// Whether each can be decided here.
    pub(super) decided: bool,
}

const LISTS: [&str; 3] = ["include", "require", "exclude"];

impl Rules {
    pub(super) fn of(owner: &str, document: &Value, names: &Names, report: &mut Report) -> Self {
        let mut rules = |list: &str| -> Vec<String> {
            items(document, list).iter().map(|rule| self::rule(owner, rule, names, report)).collect()
        };
        let [include, require, exclude] = LISTS.map(&mut rules);
        Self { include, require, exclude, decided: decided(document, names) }
    }

    /// The lists that say something, in the order in which people write them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let all = [("include", &self.include), ("require", &self.require), ("exclude", &self.exclude)];
        all.into_iter().filter(|(_, rules)| !rules.is_empty())
    }
}

/// Whether each rule of a document can be decided here.
pub(super) fn decided(document: &Value, names: &Names) -> bool {
    LISTS.into_iter().flat_map(|list| items(document, list)).all(|rule| match named(rule, names) {
        Ok(Rule::Group(_)) => {
            let id = rule.pointer("/group/id").and_then(Value::as_str).unwrap_or_default();
            !names.undecided_groups.contains(&id.to_lowercase())
        }
        Ok(
            Rule::DevicePosture(_) | Rule::UserRiskScore(_) | Rule::CloudflareAccountMember(_) | Rule::AuthContext(_),
        ) => false,
        Ok(_) | Err(Lost::NobodyMeets(_)) => true,
        Err(Lost::Undecided(..)) => false,
    })
}

/// A rule about a device is read and never decided.
pub(super) fn undecided(what: &str) -> String {
    inline(&json!({ "device_posture": { "integration_uid": format!("not carried over: {}", plain(what)) } }))
}

/// A rule that nobody ever meets, where an undecided one would close more than was meant.
pub(super) fn nobody() -> String {
    inline(&json!({ "email": { "email": "nobody" } }))
}

/// Why a rule is not carried over.
enum Lost {
    /// With a provider that is not there nobody signs in, so that nobody meets the rule.
    NobodyMeets(String),
    /// What it is about, and why it cannot be a rule here.
    Undecided(String, String),
}

fn rule(owner: &str, written: &Value, names: &Names, report: &mut Report) -> String {
    match named(written, names) {
        Ok(rule) => inline(&json!(rule)),
        Err(Lost::NobodyMeets(what)) => {
            report.left(
                format!("a rule of {owner} on {what}"),
                "its identity provider is not carried over, so nobody signs in with it; a rule that nobody meets is in \
                 its place, to be written anew with the provider",
            );
            nobody()
        }
        Err(Lost::Undecided(what, why)) => {
            report.left(
                format!("a rule of {owner} on {what}"),
                format!("{why}; a rule that lets nobody in is in its place"),
            );
            undecided(&what)
        }
    }
}

/// The rule with names in it.
fn named(written: &Value, names: &Names) -> Result<Rule, Lost> {
    let selector = written.as_object().and_then(|rule| rule.keys().next()).map_or("nothing", String::as_str);
    let unread = |error: serde_json::Error| match error.to_string() {
        // It goes on with the name of every rule that there is.
        unknown if unknown.starts_with("unknown variant") => "there are no such rules here".to_owned(),
        other => other,
    };
    let mut rule: Rule =
        serde_json::from_value(written.clone()).map_err(|error| Lost::Undecided(selector.to_owned(), unread(error)))?;
    let known = |name: Option<&str>, kind: &str, id: &str| {
        let lost = || Lost::Undecided(format!("{selector} {id}"), format!("there is no such {kind} here"));
        name.map(str::to_owned).ok_or_else(lost)
    };
    match &mut rule {
        Rule::Group(rule) => rule.id = known(names.groups.of_id(&rule.id), "group", &rule.id)?,
        Rule::EmailList(rule) => rule.id = known(names.email_lists.of_id(&rule.id), "list of type EMAIL", &rule.id)?,
        Rule::IpList(rule) => rule.id = known(names.ip_lists.of_id(&rule.id), "list of type IP", &rule.id)?,
        Rule::ServiceToken(rule) => {
            rule.token_id = known(names.service_tokens.of_id(&rule.token_id), "service token", &rule.token_id)?;
        }
        // It stays an id, which applications keep.
        Rule::LinkedAppToken(rule) => {
            let id = rule.app_uid.to_string();
            known(names.apps.of_id(&id), "application", &id)?;
        }
        // Who is not asked for a certificate has none, so an exclude would let them in.
        Rule::Certificate(_) | Rule::CommonName(_) if names.certificates.is_empty() => {
            return Err(Lost::Undecided(
                selector.to_owned(),
                "there is no root of client certificates here".to_owned(),
            ));
        }
        Rule::Ip(rule) if is_mapped(&rule.ip.to_string()) => {
            let why = "no address is ever in a network of mapped ones".to_owned();
            return Err(Lost::Undecided(format!("ip {}", rule.ip), why));
        }
        other => {
            if let Some(provider) = other.identity_provider_mut() {
                let lost = || Lost::NobodyMeets(format!("{selector} {provider}"));
                *provider = names.identity_providers.of_id(provider).map(str::to_owned).ok_or_else(lost)?;
            }
        }
    }
    Ok(rule)
}

/// An IPv4 address is never the IPv6 address that it is mapped to (RFC 4291 §2.5.5.2).
fn is_mapped(network: &str) -> bool {
    let address = network.split('/').next().unwrap_or_default().parse();
    matches!(address, Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some())
}
