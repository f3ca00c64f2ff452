//! Identity providers. The file has those that speak OpenID Connect; several
//! types of Access do, under names of their own.

use doorward_model::id::IdpId;
use serde_json::{Map, Value, json};

use super::names::Names;
use super::section::{Section, inline, inline_table, quoted};
use crate::account::{Account, is_set, name, says_something, text};
use crate::report::{Like, Report};

/// How people sign in with a provider here.
pub(super) struct Way {
    issuer: Option<String>,
    /// The endpoints, where they are known one by one.
    endpoints: Map<String, Value>,
    scopes: Option<&'static [&'static str]>,
}

/// The types that have a way here.
const USABLE: [&str; 6] = ["oidc", "google", "azureAD", "okta", "onelogin", "pingone"];
/// What every provider gives, and groups.
const WITH_GROUPS: &[&str] = &["openid", "email", "profile", "groups"];
const PLAIN: &[&str] = &["openid", "email", "profile"];

impl Way {
    /// The error says why there is none.
    pub(super) fn of(provider: &Value) -> Result<Self, String> {
        let config = &provider["config"];
        let needed = |field: &str| {
            let found = text(config, field).map(|text| text.trim_end_matches('/').to_owned());
            found.ok_or_else(|| format!("its config has no {field}"))
        };
        let kind = text(provider, "type").unwrap_or_default();
        if USABLE.contains(&kind) {
            needed("client_id")?;
        }
        match kind {
            "oidc" => {
                let mut endpoints = Map::new();
                for field in ["auth_url", "token_url", "certs_url"] {
                    endpoints.insert(field.to_owned(), json!(needed(field)?));
                }
                Ok(Self { issuer: None, endpoints, scopes: None })
            }
            "google" => Ok(Self::discovered("https://accounts.google.com".into(), PLAIN)),
            "azureAD" => {
                let tenant = needed("directory_id")?;
                Ok(Self::discovered(format!("https://login.microsoftonline.com/{tenant}/v2.0"), PLAIN))
            }
            "okta" => {
                let server = text(config, "authorization_server_id").map(|id| format!("/oauth2/{id}"));
                let account = with_scheme(needed("okta_account")?);
                Ok(Self::discovered(format!("{account}{}", server.unwrap_or_default()), WITH_GROUPS))
            }
            "onelogin" => {
                Ok(Self::discovered(format!("{}/oidc/2", with_scheme(needed("onelogin_account")?)), WITH_GROUPS))
            }
            "pingone" => {
                let environment = needed("ping_env_id")?;
                Ok(Self::discovered(format!("https://auth.pingone.com/{environment}/as"), PLAIN))
            }
            "google-apps" => Err("it lets in one Workspace alone, which OpenID Connect does not say".into()),
            other => Err(format!("people cannot sign in with a provider of type {other} here")),
        }
    }

    fn discovered(issuer: String, scopes: &'static [&'static str]) -> Self {
        Self { issuer: Some(issuer), endpoints: Map::new(), scopes: Some(scopes) }
    }
}

fn with_scheme(account: String) -> String {
    if account.contains("://") { account } else { format!("https://{account}") }
}

pub(super) fn sections(account: &Account, names: &Names, report: &mut Report) -> String {
    account.identity_providers.iter().map(|provider| section(provider, names, report)).collect()
}

/// What of the config the file has under the same name.
const KEPT: [&str; 4] = ["scopes", "claims", "email_claim_name", "pkce_enabled"];
/// What is said in another way, or says nothing here.
const SAID: [&str; 14] = [
    "client_id",
    "client_secret",
    "redirect_url",
    "auth_url",
    "token_url",
    "certs_url",
    "directory_id",
    "okta_account",
    "authorization_server_id",
    "onelogin_account",
    "ping_env_id",
    "support_groups",
    "conditional_access_enabled",
    "read_only",
];

fn section(provider: &Value, names: &Names, report: &mut Report) -> String {
    let what = format!("the identity provider \"{}\"", name(provider));
    let way = match Way::of(provider) {
        Ok(way) => way,
        Err(why) => {
            report.left(what, why);
            return String::new();
        }
    };
    let id = text(provider, "id").unwrap_or_default();
    let config = &provider["config"];
    let secret = report.placeholder(
        &["idp", name(provider), "client_secret"],
        format!("the client secret of {what}; its redirect URI here is <team.url>/cdn-cgi/access/callback"),
        Like::Secret,
    );
    let mut section = Section::one_of("identity_provider");
    let kind = text(provider, "type").unwrap_or_default();
    if kind != "oidc" {
        section.note(&format!(
            "Of type {kind} in Access, which is OpenID Connect by another name. Rules about its groups"
        ));
        section.note("read the claim \"groups\": let the provider put it into the ID token.");
    }
    if kind == "azureAD" {
        section.note(
            "Entra does not say that addresses are verified; in a tenant of your own: trust_unverified_email = true",
        );
    }
    section.text("name", names.identity_providers.of_id(id).unwrap_or_default());
    section.maybe("id", Some(id).filter(|id| id.parse::<IdpId>().is_ok()));
    section.text("type", "oidc");
    section.maybe("issuer", way.issuer.as_deref());
    let mut pairs = vec![("client_id", quoted(text(config, "client_id").unwrap_or_default()))];
    pairs.push(("client_secret", format!("\"${{{secret}}}\"")));
    let endpoints: Vec<(&str, String)> = way.endpoints.iter().map(|(name, url)| (name.as_str(), inline(url))).collect();
    pairs.extend(endpoints);
    for field in KEPT {
        let value = config.get(field).filter(|value| says_something(value) || value.is_boolean()).cloned();
        let usual = || (field == "scopes").then_some(way.scopes).flatten().map(|scopes| json!(scopes));
        pairs.extend(value.or_else(usual).map(|value| (field, inline(&value))));
    }
    section.written("config", &inline_table(&pairs));
    left_behind(&what, provider, report);
    section.into_text()
}

fn left_behind(what: &str, provider: &Value, report: &mut Report) {
    for (field, value) in provider["config"].as_object().into_iter().flatten() {
        if says_something(value) && !KEPT.contains(&field.as_str()) && !SAID.contains(&field.as_str()) {
            report.left(format!("{field} of {what}"), "the file has no such setting of a provider");
        }
    }
    if is_set(&provider["scim_config"], "enabled") {
        report.left(format!("SCIM of {what}"), "accounts are not provisioned by SCIM here");
    }
}
