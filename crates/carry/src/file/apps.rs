//! Applications. One that covers an address is always written: left out, its
//! paths would belong to whatever wider application covers them.

use std::collections::HashSet;

use doorward_model::app::{AppDomain, Cors, FieldName};
use doorward_model::document::{PolicyDocument, link};
use doorward_model::id::{AppId, Aud};
use serde_json::{Value, json};

use super::launcher;
use super::names::Names;
use super::policies::written;
use super::section::{Section, inline, quoted};
use super::shared::session_duration;
use super::web_url;
use crate::account::{Account, is_set, items, name, says_something, text, texts};
use crate::report::{Report, unique};

/// The list of applications on the team domain, and a link in it.
const LAUNCHER: &str = "app_launcher";
const BOOKMARK: &str = "bookmark";

/// Types that stand before an address people can reach.
const WITH_ADDRESS: [&str; 6] = ["self_hosted", "ssh", "vnc", "rdp", "mcp", "mcp_portal"];

/// The addresses that an application covers, as written.
fn addresses(app: &Value) -> Vec<&str> {
    let public = |one: &&Value| matches!(text(one, "type"), None | Some("public"));
    let destinations = items(app, "destinations").iter().filter(public).filter_map(|one| text(one, "uri"));
    let all = text(app, "domain").into_iter().chain(texts(app, "self_hosted_domains")).chain(destinations);
    let mut seen = HashSet::new();
    all.filter(|address| seen.insert(address.to_lowercase())).collect()
}

/// Those of them that can be covered here.
fn covered(app: &Value) -> Vec<AppDomain> {
    let mut domains: Vec<AppDomain> = Vec::new();
    for domain in addresses(app).into_iter().filter_map(|address| address.parse().ok()) {
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    domains
}

/// Whether it stands before an origin here.
fn is_served(app: &Value) -> bool {
    WITH_ADDRESS.contains(&text(app, "type").unwrap_or_default()) && !covered(app).is_empty()
}

pub(super) fn is_written(app: &Value) -> bool {
    match text(app, "type") {
        Some(LAUNCHER) => true,
        Some(BOOKMARK) => text(app, "domain").and_then(link).is_some(),
        _ => is_served(app),
    }
}

/// Every host that an application covers, once.
pub(super) fn hosts(account: &Account) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for app in account.apps.iter().filter(|app| is_served(app)) {
        for domain in covered(app) {
            let host = domain.host.to_string();
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    hosts
}

pub(super) fn sections(account: &Account, names: &mut Names, report: &mut Report) -> String {
    account.apps.iter().map(|app| Writing { app, names, report }.section()).collect()
}

/// Flags that are off unless they are set.
const FLAGS: [&str; 8] = [
    "auto_redirect_to_identity",
    "enable_binding_cookie",
    "path_cookie_attribute",
    "options_preflight_bypass",
    "allow_iframe",
    "service_auth_401_redirect",
    "skip_interstitial",
    "eager_redirect_cookie_setting",
];
/// Flags that are on unless they are taken back.
const USUALLY: [&str; 2] = ["http_only_cookie_attribute", "app_launcher_visible"];
const URLS: [&str; 3] = ["custom_deny_url", "custom_non_identity_deny_url", "logo_url"];
/// What is said in another way.
const SAID: [&str; 22] = [
    "id",
    "uid",
    "aud",
    "name",
    "type",
    "domain",
    "domain_type",
    "self_hosted_domains",
    "destinations",
    "created_at",
    "updated_at",
    "policies",
    "allowed_idps",
    "session_duration",
    "same_site_cookie_attribute",
    "custom_deny_message",
    "custom_pages",
    "tags",
    "cors_headers",
    "read_service_tokens_from_header",
    "mfa_config",
    "is_ui_read_only",
];

struct Writing<'a> {
    app: &'a Value,
    names: &'a mut Names,
    report: &'a mut Report,
}

impl Writing<'_> {
    fn section(mut self) -> String {
        let kind = text(self.app, "type").unwrap_or_default();
        self.addresses_left(kind);
        if !is_written(self.app) {
            let why = match kind {
                BOOKMARK => "it leads to no http:// or https:// address".to_owned(),
                kind if WITH_ADDRESS.contains(&kind) => "it has no public address".to_owned(),
                kind => format!("applications of type {kind} do not stand before an origin"),
            };
            self.report.left(self.what(), why);
            return String::new();
        }
        if kind == BOOKMARK {
            return self.bookmark();
        }
        if is_served(self.app) && kind != "self_hosted" {
            let why = "its address is kept by its policies, and what is behind it is served as an origin";
            self.report.left(format!("the type {kind} of {}", self.what()), why);
        }
        let mut section = Section::one_of("app");
        self.identity(&mut section);
        section.maybe("session_duration", text(self.app, "session_duration").filter(|text| *text != "24h"));
        let closed = self.providers(&mut section);
        self.settings(&mut section);
        if kind == LAUNCHER {
            launcher::design(&self.what(), self.app, &mut section, self.report);
        }
        let (policies, shared) = self.policies(closed.or_else(|| self.mfa()));
        section.list("policies", &policies);
        self.rest();
        shared + &section.into_text()
    }

    /// Its policies decide who is shown the link, and not what is behind it.
    fn bookmark(mut self) -> String {
        let mut section = Section::one_of("app");
        self.identity(&mut section);
        section.maybe("logo_url", text(self.app, "logo_url").filter(|url| web_url(url, true).is_ok()));
        if self.app.get("app_launcher_visible") == Some(&Value::Bool(false)) {
            section.value("app_launcher_visible", &json!(false));
        }
        let tags: Vec<String> = texts(self.app, "tags").map(quoted).collect();
        if !tags.is_empty() {
            section.list("tags", &tags);
        }
        let (policies, shared) = self.policies(None);
        if !policies.is_empty() {
            section.list("policies", &policies);
        }
        shared + &section.into_text()
    }

    fn what(&self) -> String {
        format!("the application \"{}\"", name(self.app))
    }

    fn addresses_left(&mut self, kind: &str) {
        if !WITH_ADDRESS.contains(&kind) {
            return;
        }
        for address in addresses(self.app) {
            if let Err(error) = address.parse::<AppDomain>() {
                self.report.left(format!("the address {address} of {}", self.what()), error.to_string());
            }
        }
        let private = |one: &&Value| !matches!(text(one, "type"), None | Some("public"));
        for one in items(self.app, "destinations").iter().filter(private) {
            let place = ["uri", "hostname", "cidr", "mcp_server_id"].into_iter().find_map(|field| text(one, field));
            let what = format!("the private destination {} of {}", place.unwrap_or("without a name"), self.what());
            self.report.left(what, "only what browsers reach by a public name is served");
        }
    }

    fn identity(&self, section: &mut Section) {
        let id = text(self.app, "id").unwrap_or_default();
        section.text("name", self.names.apps.of_id(id).unwrap_or_default());
        section.maybe("id", Some(id).filter(|id| id.parse::<AppId>().is_ok()));
        section.maybe("aud", text(self.app, "aud").filter(|aud| Aud::try_from((*aud).to_owned()).is_ok()));
        if !is_served(self.app) {
            section.maybe("type", text(self.app, "type"));
            section.maybe("domain", text(self.app, "domain").filter(|_| text(self.app, "type") == Some(BOOKMARK)));
            return;
        }
        section.text("type", "self_hosted");
        let domains = covered(self.app);
        let texts: Vec<String> = domains.iter().map(|domain| quoted(&domain.to_string())).collect();
        if let Some((first, more)) = texts.split_first() {
            section.written("domain", first);
            if !more.is_empty() {
                section.list("self_hosted_domains", more);
            }
        }
    }

    /// An empty list means every provider, so one that lost its last entry has
    /// to be closed in another way; says why.
    fn providers(&mut self, section: &mut Section) -> Option<String> {
        let mut allowed = Vec::new();
        for id in texts(self.app, "allowed_idps") {
            match self.names.identity_providers.of_id(id) {
                Some(name) => allowed.push(quoted(name)),
                None => self.report.left(
                    format!("the identity provider {id} among those of {}", self.what()),
                    "it is not carried over itself; nobody signs in with it",
                ),
            }
        }
        if !allowed.is_empty() {
            section.list("allowed_idps", &allowed);
            return None;
        }
        let closed = texts(self.app, "allowed_idps").next().is_some();
        closed.then(|| "none of the identity providers it allows is carried over".to_owned())
    }

    fn mfa(&self) -> Option<String> {
        let restricts = PolicyDocument::restricts(self.app.as_object()?, "mfa_config");
        restricts.then(|| "its mfa_config is not carried over".to_owned())
    }

    fn settings(&mut self, section: &mut Section) {
        let what = self.what();
        let cors = self.app.get("cors_headers").filter(|cors| says_something(cors));
        let cors = cors.filter(|cors| match serde_json::from_value::<Cors>((*cors).clone()) {
            Ok(_) => true,
            Err(error) => {
                self.report.left(format!("cors_headers of {what}"), error.to_string());
                false
            }
        });
        for flag in FLAGS.into_iter().filter(|flag| is_set(self.app, flag)) {
            // They contradict each other, and Access takes only one of them.
            if flag != "options_preflight_bypass" || cors.is_none() {
                section.value(flag, &json!(true));
            }
        }
        if self.app.get("eager_redirect_cookie_setting") == Some(&Value::Bool(false)) {
            section.value("eager_redirect_cookie_setting", &json!(false));
        }
        for flag in USUALLY.into_iter().filter(|flag| self.app.get(flag) == Some(&Value::Bool(false))) {
            section.value(flag, &json!(false));
        }
        section.maybe(
            "same_site_cookie_attribute",
            text(self.app, "same_site_cookie_attribute").filter(|word| ["lax", "strict"].contains(word)),
        );
        if let Some(cors) = cors {
            section.written("cors_headers", &inline(cors));
        }
        self.header(section);
        section.maybe("custom_deny_message", text(self.app, "custom_deny_message"));
        for field in URLS {
            let Some(url) = text(self.app, field) else { continue };
            match web_url(url, field == "logo_url") {
                Ok(()) => section.text(field, url),
                Err(why) => self.report.left(format!("{field} of {what}"), why),
            }
        }
        let pages = texts(self.app, "custom_pages").filter_map(|id| self.names.custom_pages.of_id(id)).map(quoted);
        let pages: Vec<String> = pages.collect();
        let tags: Vec<String> = texts(self.app, "tags").map(quoted).collect();
        for (key, list) in [("custom_pages", pages), ("tags", tags)] {
            if !list.is_empty() {
                section.list(key, &list);
            }
        }
    }

    fn header(&mut self, section: &mut Section) {
        let Some(header) = text(self.app, "read_service_tokens_from_header") else { return };
        match FieldName::try_from(header.to_owned()) {
            Ok(name) if name.may_carry_a_service_token() => section.text("read_service_tokens_from_header", header),
            _ => self.report.left(
                format!("read_service_tokens_from_header of {}", self.what()),
                format!("the header {header} has a meaning of its own here"),
            ),
        }
    }

    /// Its `policies`, and the tables of those that have to be shared: an
    /// application of the file has either its own ones or shared ones.
    fn policies(&mut self, closed: Option<String>) -> (Vec<String>, String) {
        let shared_id = |policy: &&Value| text(policy, "id").and_then(|id| self.names.policies.of_id(id)).is_some();
        let mixed = items(self.app, "policies").iter().any(|policy| shared_id(&policy));
        let (mut entries, mut sections) = (Vec::new(), String::new());
        if let Some(why) = closed {
            self.report.left(format!("the people of {}", self.what()), format!("{why}; a policy keeps everybody out"));
            let deny = json!({
                "name": "Nobody, until it is decided who", "decision": "deny", "include": [{ "everyone": {} }],
            });
            self.entry(&deny, Some(0), mixed, &mut HashSet::new(), &mut entries, &mut sections);
        }
        let mut called = HashSet::from(["Nobody, until it is decided who".to_owned()]);
        for policy in items(self.app, "policies") {
            let precedence = policy.get("precedence").and_then(Value::as_u64);
            self.entry(policy, precedence, mixed, &mut called, &mut entries, &mut sections);
        }
        (entries, sections)
    }

    fn entry(
        &mut self,
        policy: &Value,
        precedence: Option<u64>,
        mixed: bool,
        called: &mut HashSet<String>,
        entries: &mut Vec<String>,
        sections: &mut String,
    ) {
        let owner = format!("{}, ", self.what());
        let known = text(policy, "id").and_then(|id| self.names.policies.of_id(id)).map(str::to_owned);
        let link = match (known, mixed) {
            (Some(shared), _) => shared,
            (None, true) => {
                let wanted = format!("{}: {}", name(self.app), name(policy));
                let name = self.names.policies.add(text(policy, "id").unwrap_or(&wanted), &wanted);
                let duration = session_duration(self.app);
                sections.push_str(&written(&owner, policy, &name, duration, self.names, self.report).section());
                name
            }
            (None, false) => {
                let name = unique(called, name(policy), |name, number| format!("{name} ({number})"));
                let duration = session_duration(self.app);
                entries.push(written(&owner, policy, &name, duration, self.names, self.report).inline(precedence));
                return;
            }
        };
        entries.push(match precedence {
            Some(number) => format!("{{ id = {}, precedence = {number} }}", quoted(&link)),
            None => quoted(&link),
        });
    }

    /// Every other setting that says something.
    fn rest(&mut self) {
        let known = |field: &str| [&FLAGS[..], &USUALLY, &URLS, &SAID].iter().any(|list| list.contains(&field));
        let is_design = |field: &str| text(self.app, "type") == Some(LAUNCHER) && launcher::DESIGN.contains(&field);
        for (field, value) in self.app.as_object().into_iter().flatten() {
            if !known(field) && !is_design(field) && says_something(value) {
                self.report
                    .left(format!("{field} of {}", self.what()), "the file has no such setting of an application");
            }
        }
    }
}
