//! Routes, groups, applications and their policies, in Cloudflare's field names.

use std::convert::Infallible;
use std::sync::Arc;

use doorward_model::app::{AppDomain, AppKind, Cors, FieldName, LauncherDesign, Refresh, SameSite};
use doorward_model::host::{HostPattern, InvalidHostPattern};
use doorward_model::id::{AppId, Aud, GroupId, PolicyId};
use doorward_model::path::PathPattern;
use doorward_model::policy::Decision;
use doorward_model::route::{Allowed, Destinations, Service};
use doorward_model::time::Lifetime;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::super::document::{At, Table, TextOrTable};
use super::super::problem::suggestion;
use super::{RawPurpose, launcher, naming, web_url};

/// `[[route]]`
pub(in crate::config) struct RawRoute {
    pub(in crate::config) hostname: Option<At<HostPattern>>,
    pub(in crate::config) path: Option<At<PathPattern>>,
    pub(in crate::config) service: Option<At<Service>>,
}

impl RawRoute {
    pub(super) fn read(table: Table<'_>) -> Self {
        let route = Self {
            hostname: table.needed_as("hostname", host_pattern),
            path: table.read("path", |text| naming(text, text.parse())),
            service: route_service(&table),
        };
        table.close();
        route
    }
}

/// What has no URL is named: the demo application, which is part of the
/// program, and a bastion, whose clients say where they want to go.
fn route_service(table: &Table<'_>) -> Option<At<Service>> {
    let allowed = table.list::<Allowed, _>("allowed_destinations", str::parse);
    let is_listed = allowed.is_some();
    let allowed = allowed.map(|list| list.value.into_iter().map(|at| at.value).collect());
    let allowed = allowed.and_then(Destinations::new).map(Arc::new);
    let found = table.needed_as("service", |text| match text {
        "demo" => Ok(Service::Demo),
        "bastion" => allowed.map(Service::Bastion).ok_or_else(|| {
            "a bastion leads nowhere of itself; list the places, like allowed_destinations = [\"10.0.0.5:22\"]"
                .to_owned()
        }),
        _ => service(text),
    })?;
    if is_listed && !matches!(found.value, Service::Bastion(_)) {
        let text = "allowed_destinations belongs to service = \"bastion\"; this route has one destination of its own";
        table.findings().error(found.line, text);
    }
    Some(found)
}

/// The three lists of rules that groups and policies have.
#[derive(Default)]
pub(in crate::config) struct RawRules {
    pub(in crate::config) include: Vec<At<Value>>,
    pub(in crate::config) require: Vec<At<Value>>,
    pub(in crate::config) exclude: Vec<At<Value>>,
}

impl RawRules {
    fn read(table: &Table<'_>) -> Self {
        let rules = |key| table.json_list(key).map(|list| list.value).unwrap_or_default();
        let rules = Self { include: rules("include"), require: rules("require"), exclude: rules("exclude") };
        if rules.include.is_empty() {
            let text = "include needs at least one rule; for everyone write include = [{ everyone = {} }]";
            table.findings().error(table.line, text);
        }
        rules
    }
}

/// `[[group]]`
pub(in crate::config) struct RawGroup {
    pub(in crate::config) line: usize,
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<GroupId>>,
    pub(in crate::config) rules: RawRules,
}

impl RawGroup {
    pub(super) fn read(table: Table<'_>) -> Self {
        let group = Self {
            line: table.line,
            name: table.needed("name"),
            id: table.read("id", uuid),
            rules: RawRules::read(&table),
        };
        table.close();
        group
    }
}

/// `[[app]]`
pub(in crate::config) struct RawApp {
    pub(in crate::config) line: usize,
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<AppId>>,
    pub(in crate::config) aud: Option<At<Aud>>,
    pub(in crate::config) kind: AppKind,
    /// `domain`, `self_hosted_domains` and the public `destinations`, in this order.
    pub(in crate::config) domains: Vec<At<AppDomain>>,
    /// Whether the file gives it an address, well or badly.
    pub(in crate::config) has_address: bool,
    pub(in crate::config) session_duration: Option<Lifetime>,
    pub(in crate::config) policies: Vec<RawPolicy>,
    /// Reusable ones, by name or id.
    pub(in crate::config) links: Vec<RawPolicyLink>,
    pub(in crate::config) allowed_idps: Vec<At<String>>,
    pub(in crate::config) auto_redirect_to_identity: bool,
    pub(in crate::config) refresh: Option<Refresh>,
    pub(in crate::config) http_only_cookie_attribute: bool,
    pub(in crate::config) same_site_cookie_attribute: SameSite,
    pub(in crate::config) enable_binding_cookie: bool,
    pub(in crate::config) path_cookie_attribute: bool,
    pub(in crate::config) eager_redirect_cookie_setting: Option<bool>,
    pub(in crate::config) cors_headers: Option<Cors>,
    pub(in crate::config) options_preflight_bypass: bool,
    pub(in crate::config) allow_iframe: bool,
    pub(in crate::config) read_service_tokens_from_header: Option<FieldName>,
    pub(in crate::config) service_auth_401_redirect: bool,
    pub(in crate::config) custom_deny_message: Option<String>,
    pub(in crate::config) custom_deny_url: Option<Url>,
    pub(in crate::config) custom_non_identity_deny_url: Option<Url>,
    pub(in crate::config) custom_pages: Vec<At<String>>,
    pub(in crate::config) logo_url: Option<Url>,
    pub(in crate::config) app_launcher_visible: bool,
    pub(in crate::config) tags: Vec<String>,
    pub(in crate::config) launcher_design: LauncherDesign,
    pub(in crate::config) skip_interstitial: bool,
}

impl RawApp {
    pub(super) fn read(table: Table<'_>) -> Self {
        let kind = kind(&table);
        let is_served = kind == AppKind::SelfHosted;
        let launcher_design =
            if kind == AppKind::AppLauncher { launcher::design(&table) } else { LauncherDesign::default() };
        let (policies, links) = policies(&table);
        let flag = |key| table.flag(key).map(|at| at.value);
        let url = |key| table.read(key, web_url).map(|at| at.value);
        let app = Self {
            line: table.line,
            name: table.needed("name"),
            id: table.read("id", uuid),
            aud: table.read("aud", |text| naming(text, Aud::try_from(text.to_owned()))),
            domains: if is_served { domains(&table) } else { Vec::new() },
            has_address: !is_served
                || ["domain", "self_hosted_domains", "destinations"].iter().any(|key| table.has(key)),
            session_duration: table.read("session_duration", str::parse).map(|at| at.value),
            kind,
            policies,
            links,
            allowed_idps: names(&table, "allowed_idps"),
            auto_redirect_to_identity: flag("auto_redirect_to_identity").unwrap_or_default(),
            refresh: table.read("refresh", |text| word::<Refresh>(text, &["edge", "access"])).map(|at| at.value),
            http_only_cookie_attribute: flag("http_only_cookie_attribute").unwrap_or(true),
            same_site_cookie_attribute: table
                .read("same_site_cookie_attribute", |text| word(text, &["none", "lax", "strict"]))
                .map_or(SameSite::None, |at| at.value),
            enable_binding_cookie: flag("enable_binding_cookie").unwrap_or_default(),
            path_cookie_attribute: flag("path_cookie_attribute").unwrap_or_default(),
            eager_redirect_cookie_setting: flag("eager_redirect_cookie_setting"),
            cors_headers: table.shaped("cors_headers").map(|at| at.value),
            options_preflight_bypass: preflight_bypass(&table),
            allow_iframe: flag("allow_iframe").unwrap_or_default(),
            read_service_tokens_from_header: table
                .read("read_service_tokens_from_header", service_token_header)
                .map(|at| at.value),
            service_auth_401_redirect: flag("service_auth_401_redirect").unwrap_or_default(),
            custom_deny_message: table.text("custom_deny_message").map(|at| at.value),
            custom_deny_url: url("custom_deny_url"),
            custom_non_identity_deny_url: url("custom_non_identity_deny_url"),
            custom_pages: super::organization::page_names(&table),
            logo_url: table.read("logo_url", https_url).map(|at| at.value),
            app_launcher_visible: flag("app_launcher_visible").unwrap_or(true),
            tags: names(&table, "tags").into_iter().map(|at| at.value).collect(),
            launcher_design,
            skip_interstitial: flag("skip_interstitial").unwrap_or_default(),
        };
        table.close();
        app
    }
}

/// What the application is. A bookmark's `domain` is where it leads.
fn kind(table: &Table<'_>) -> AppKind {
    let known = ["self_hosted", "app_launcher", "bookmark"];
    let written = table.read("type", |text| match known.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "applications of type \"{text}\" are not served; write self_hosted, app_launcher or bookmark{}",
            suggestion(text, known)
        )),
    });
    match written.as_ref().map(|at| at.value.as_str()) {
        Some("app_launcher") => AppKind::AppLauncher,
        Some("bookmark") => {
            let link = |text: &str| {
                doorward_model::document::link(text)
                    .ok_or_else(|| format!("\"{text}\" is no link; write it like https://mail.example.com/inbox"))
            };
            AppKind::Bookmark { link: table.needed_as("domain", link).map(|at| at.value).unwrap_or_default() }
        }
        _ => AppKind::SelfHosted,
    }
}

/// Preflights are either answered or handed through (Access docs, "CORS").
fn preflight_bypass(table: &Table<'_>) -> bool {
    let Some(bypass) = table.flag("options_preflight_bypass") else { return false };
    if bypass.value && table.has("cors_headers") {
        let text =
            "options_preflight_bypass hands preflights to the origin, cors_headers answers them; keep one of them";
        table.findings().error(bypass.line, text);
    }
    bypass.value
}

/// A header that is ours to take out of the request.
fn service_token_header(text: &str) -> Result<FieldName, String> {
    let name: FieldName = naming(text, text.to_owned().try_into())?;
    if !name.may_carry_a_service_token() {
        return Err(format!("\"{text}\" has a meaning of its own; name another header, such as Authorization"));
    }
    Ok(name)
}

fn domains(table: &Table<'_>) -> Vec<At<AppDomain>> {
    let mut domains: Vec<At<AppDomain>> = table.read("domain", str::parse).into_iter().collect();
    domains.extend(table.list("self_hosted_domains", str::parse).map(|list| list.value).unwrap_or_default());
    for destination in table.tables("destinations") {
        destination.read("type", |text| match text {
            "public" => Ok(()),
            other => Err(format!("destinations of type \"{other}\" cannot be served; write public")),
        });
        domains.extend(destination.needed_as("uri", str::parse));
        destination.close();
    }
    // Cloudflare repeats the domain among the destinations; once is enough.
    let mut seen = std::collections::HashSet::new();
    domains.retain(|domain| seen.insert(domain.value.clone()));
    domains
}

/// An application's `policies`: whole ones, and names or ids of reusable ones.
fn policies(table: &Table<'_>) -> (Vec<RawPolicy>, Vec<RawPolicyLink>) {
    let (mut policies, mut links) = (Vec::new(), Vec::new());
    for written in table.texts_and_tables("policies") {
        match written {
            TextOrTable::Text(reference) => links.push(RawPolicyLink { reference, precedence: None }),
            TextOrTable::Table(table) if table.has("id") && !table.has("decision") && !table.has("include") => {
                links.extend(RawPolicyLink::read(table));
            }
            TextOrTable::Table(table) => policies.push(RawPolicy::read(table)),
        }
    }
    (policies, links)
}

/// A reusable policy at its place in an application.
pub(in crate::config) struct RawPolicyLink {
    pub(in crate::config) reference: At<String>,
    pub(in crate::config) precedence: Option<At<u32>>,
}

impl RawPolicyLink {
    fn read(table: Table<'_>) -> Option<Self> {
        let (reference, precedence) = (table.needed("id"), table.number("precedence"));
        table.close();
        Some(Self { reference: reference?, precedence })
    }
}

/// One of an application's `policies`, or a `[[policy]]` that applications share.
pub(in crate::config) struct RawPolicy {
    pub(in crate::config) line: usize,
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<PolicyId>>,
    pub(in crate::config) decision: Option<At<Decision>>,
    pub(in crate::config) precedence: Option<At<u32>>,
    pub(in crate::config) rules: RawRules,
    pub(in crate::config) session_duration: Option<Lifetime>,
    pub(in crate::config) purpose: RawPurpose,
}

impl RawPolicy {
    /// `[[policy]]`: its place is each application's business.
    pub(super) fn reusable(table: Table<'_>) -> Self {
        if table.has("precedence") {
            let text = "a policy that applications share has no precedence of its own; put it where it is linked";
            table.findings().error(table.line, text);
        }
        Self::read(table)
    }

    fn read(table: Table<'_>) -> Self {
        let policy = Self {
            line: table.line,
            name: table.needed("name"),
            id: table.read("id", uuid),
            decision: table
                .needed_as("decision", |text| word::<Decision>(text, &["allow", "deny", "bypass", "non_identity"])),
            precedence: table.number("precedence"),
            rules: RawRules::read(&table),
            session_duration: table.read("session_duration", str::parse).map(|at| at.value),
            purpose: RawPurpose::read(&table),
        };
        table.close();
        policy
    }
}

pub(super) fn names(table: &Table<'_>, key: &'static str) -> Vec<At<String>> {
    table.list(key, |text| Ok::<_, Infallible>(text.to_owned())).map(|list| list.value).unwrap_or_default()
}

pub(super) fn uuid<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is not an id; write a UUID, or leave it out and it follows from the name"))
}

/// One of a few words, as the model spells them.
pub(super) fn word<T: DeserializeOwned>(text: &str, words: &[&str]) -> Result<T, String> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|_| {
        let meant = super::super::problem::suggestion(text, words.iter().copied());
        format!("\"{text}\" is none of {}{meant}", words.join(", "))
    })
}

fn host_pattern(text: &str) -> Result<HostPattern, String> {
    text.parse().map_err(|error| match error {
        InvalidHostPattern::Name if text.ends_with('.') => {
            format!("\"{text}\" ends in a dot; leave it out, it is understood")
        }
        InvalidHostPattern::Name => format!("\"{text}\" is not a host name; write it like wiki.example.com"),
        error => format!("\"{text}\": {error}"),
    })
}

/// An origin; a host and a port alone read as a URL of an odd scheme.
pub(crate) fn service(text: &str) -> Result<Service, String> {
    text.parse::<Service>().map_err(|error| {
        let meant = format!("http://{text}");
        let likely = !text.contains("://") && meant.parse::<Service>().is_ok();
        if likely { format!("{error}; did you mean {meant}?") } else { error.to_string() }
    })
}

pub(super) fn https_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.scheme() == "https" {
        Ok(url)
    } else {
        Err("a page over https cannot show it; write an https:// URL".into())
    }
}
