//! The head of the file: where the gateway listens, which team it is, what
//! the organisation decides for all applications, and where requests go.

use doorward_model::colour::Colour;
use doorward_model::host::Host;
use doorward_model::id::AccountId;
use doorward_model::time::Lifetime;
use serde_json::{Value, json};

use super::apps::hosts;
use super::names::Names;
use super::section::{Section, inline_table, quoted};
use super::{Mode, web_url};
use crate::account::{Account, is_set, says_something, text, texts};
use crate::report::{Like, Report};

/// The domain below which Access has its teams.
const OF_ACCESS: &str = ".cloudflareaccess.com";

pub(super) fn sections(account: &Account, mode: Mode, names: &Names, report: &mut Report) -> String {
    let mut head = vec![listen(account), team(account, mode, names, report)];
    if mode == Mode::Production {
        let mut store = Section::table("store");
        store.text("url", "sqlite:///var/lib/doorward/doorward.db");
        let mut keys = Section::table("keys");
        let key = "seals secrets in the store; make it with: openssl rand -hex 32";
        keys.placeholder("encryption_key", &report.placeholder(&["doorward", "encryption_key"], key, Like::Secret));
        head.extend([store, keys]);
    }
    let mut api = Section::table("api");
    if mode == Mode::Production {
        let token = "what callers of the management API present; make it with: openssl rand -hex 32";
        api.placeholder("token", &report.placeholder(&["doorward", "api_token"], token, Like::Secret));
    }
    if AccountId::try_from(account.id.clone()).is_ok() {
        api.text("account_id", &account.id);
    }
    head.push(api);
    head.extend(routes(account, report));
    head.into_iter().map(Section::into_text).collect()
}

fn listen(account: &Account) -> Section {
    let mut listen = Section::table("listen");
    listen.text("public", "127.0.0.1:8080");
    listen.text("admin", "127.0.0.1:8081");
    if !account.certificates.is_empty() {
        listen.note("Client certificates need tls = { cert = \"…\", key = \"…\" } here.");
    }
    listen
}

fn team(account: &Account, mode: Mode, names: &Names, report: &mut Report) -> Section {
    let organization = account.organization.clone().unwrap_or_default();
    let mut team = Section::table("team");
    let domain = text(&organization, "auth_domain").filter(|domain| domain.parse::<Host>().is_ok());
    let label = |domain: &str| domain.split('.').next().filter(|label| is_label(label)).map(str::to_owned);
    match domain.and_then(label) {
        Some(name) => team.text("name", &name),
        None => {
            let what = "the team's name: lower-case letters, digits and hyphens";
            team.placeholder("name", &report.placeholder(&["doorward", "team_name"], what, Like::Word));
        }
    }
    team.maybe("domain", domain);
    if mode == Mode::Production {
        let elsewhere = match domain {
            Some(domain) if domain.ends_with(OF_ACCESS) => "; the domain itself leads to Cloudflare",
            _ => "",
        };
        let what = format!("where browsers reach the sign-in here, like https://login.example.com{elsewhere}");
        team.placeholder("url", &report.placeholder(&["doorward", "team_url"], what, Like::Url));
    }
    settings(&organization, &mut team, names, report);
    team
}

fn is_label(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

const SAID: [&str; 14] = [
    "auth_domain",
    "name",
    "created_at",
    "updated_at",
    "session_duration",
    "auto_redirect_to_identity",
    "deny_unmatched_requests",
    "deny_unmatched_requests_exempted_zone_names",
    "strict_service_token_auth",
    "login_design",
    "custom_pages",
    "is_ui_read_only",
    "ui_read_only_toggle_reason",
    "mfa_configuration_allowed",
];

fn settings(organization: &Value, team: &mut Section, names: &Names, report: &mut Report) {
    let duration = text(organization, "session_duration");
    team.maybe("session_duration", duration.filter(|text| text.parse::<Lifetime>().is_ok()));
    if is_set(organization, "auto_redirect_to_identity") {
        team.value("auto_redirect_to_identity", &json!(true));
    }
    match organization.get("deny_unmatched_requests") {
        Some(Value::Bool(true)) => team.value("deny_unmatched_requests", &json!(true)),
        Some(Value::Bool(false)) => {
            team.note("In Access, what no application covers passed to its origin. Here it is refused, unless you say");
            team.note("deny_unmatched_requests = false");
        }
        _ => {}
    }
    let zones: Vec<String> = texts(organization, "deny_unmatched_requests_exempted_zone_names").map(quoted).collect();
    if !zones.is_empty() {
        team.list("deny_unmatched_requests_exempted_zone_names", &zones);
    }
    if organization.get("strict_service_token_auth") == Some(&Value::Bool(false)) {
        team.value("strict_service_token_auth", &json!(false));
    }
    let design = login_design(&organization["login_design"], report);
    if !design.is_empty() {
        team.written("login_design", &inline_table(&design));
    }
    let page = |kind| Some((kind, quoted(names.custom_pages.of_id(text(&organization["custom_pages"], kind)?)?)));
    let pages: Vec<(&str, String)> = ["forbidden", "identity_denied"].into_iter().filter_map(page).collect();
    if !pages.is_empty() {
        team.written("custom_pages", &inline_table(&pages));
    }
    for (field, value) in organization.as_object().into_iter().flatten() {
        if says_something(value) && !SAID.contains(&field.as_str()) {
            report.left(format!("{field} of the organisation"), "the file has no such setting of a team");
        }
    }
}

fn login_design(design: &Value, report: &mut Report) -> Vec<(&'static str, String)> {
    let mut pairs = Vec::new();
    for field in ["background_color", "text_color", "header_text", "footer_text", "logo_path"] {
        let Some(written) = text(design, field) else { continue };
        let usable = match field {
            "background_color" | "text_color" => {
                Colour::try_from(written.to_owned()).map(|_| ()).map_err(|error| error.to_string())
            }
            "logo_path" => web_url(written, true),
            _ => Ok(()),
        };
        match usable {
            Ok(()) => pairs.push((field, quoted(written))),
            Err(why) => report.left(format!("{field} of the sign-in page"), why),
        }
    }
    pairs
}

/// Access does not know the origins: each host has a place for its own.
fn routes(account: &Account, report: &mut Report) -> Vec<Section> {
    let route = |host: String| {
        let what = format!("the origin behind {host}, like http://127.0.0.1:3000");
        let mut route = Section::one_of("route");
        route.text("hostname", &host);
        route.placeholder("service", &report.placeholder(&["origin", &host], what, Like::Url));
        route
    };
    hosts(account).into_iter().map(route).collect()
}
