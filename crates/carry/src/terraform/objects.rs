//! Every object but the applications, those first that others refer to.

use serde_json::Value;

use super::hcl::Expr;
use super::names::{CERTIFICATE, GROUP, LIST, PAGE, POLICY, PROVIDER, TAG, TOKEN, identity};
use super::{Writing, rules, said};
use crate::account::{Account, is_set, items, name, text};
use crate::report::Like;

pub(super) fn write(account: &Account, writing: &mut Writing<'_>) {
    account.identity_providers.iter().for_each(|provider| identity_provider(provider, writing));
    account.service_tokens.iter().for_each(|token| service_token(token, writing));
    account.certificates.iter().for_each(|root| certificate(root, writing));
    hostname_settings(account, writing);
    account.lists.iter().for_each(|list| self::list(list, writing));
    account.groups.iter().for_each(|group| self::group(group, writing));
    account.policies.iter().for_each(|policy| self::policy(policy, writing));
    account.custom_pages.iter().for_each(|page| custom_page(page, writing));
    account.tags.iter().for_each(|tag| self::tag(tag, writing));
    if let Some(organization) = &account.organization {
        self::organization(organization, writing);
    }
}

/// In the places below an account or a zone.
fn in_account(writing: &Writing<'_>, id: &str) -> String {
    format!("accounts/{}/{id}", writing.account)
}

/// Where only accounts have such objects.
fn of_account(writing: &Writing<'_>, id: &str) -> String {
    format!("{}/{id}", writing.account)
}

const CONFIG: [&str; 26] = [
    "client_id",
    "auth_url",
    "token_url",
    "certs_url",
    "scopes",
    "claims",
    "email_claim_name",
    "pkce_enabled",
    "apps_domain",
    "attributes",
    "authorization_server_id",
    "centrify_account",
    "centrify_app_id",
    "conditional_access_enabled",
    "directory_id",
    "email_attribute_name",
    "enable_encryption",
    "header_attributes",
    "idp_public_certs",
    "issuer_url",
    "okta_account",
    "onelogin_account",
    "ping_env_id",
    "prompt",
    "restrict_to_account_members",
    "support_groups",
];
/// The others, which would make the list above too long to be read.
const MORE_CONFIG: [&str; 5] =
    ["sign_request", "sso_target_url", "force_authn", "max_sso_url_length", "use_login_hint"];

fn identity_provider(provider: &Value, writing: &mut Writing<'_>) {
    let what = format!("the identity provider \"{}\"", name(provider));
    let config = &provider["config"];
    let mut written = said(config, &[&CONFIG[..], &MORE_CONFIG].concat());
    if text(config, "client_id").is_some() {
        let described = format!("The client secret of {what}.");
        let secret = writing.variable(&[name(provider), "client_secret"], &described, Like::Secret);
        written.push(("client_secret".to_owned(), secret));
    }
    writing.left_of(&what, config, |field| {
        CONFIG.contains(&field) || MORE_CONFIG.contains(&field) || ["redirect_url", "client_secret"].contains(&field)
    });
    let mut fields = said(provider, &["name", "type"]);
    fields.push(("config".to_owned(), Expr::Object(written)));
    let scim = &provider["scim_config"];
    if is_set(scim, "enabled") {
        let scim = said(scim, &["enabled", "identity_update_behavior", "seat_deprovision", "user_deprovision"]);
        fields.push(("scim_config".to_owned(), Expr::Object(scim)));
    }
    let id = identity(provider, "id");
    writing.resource(PROVIDER, id, &in_account(writing, id), fields);
}

fn service_token(token: &Value, writing: &mut Writing<'_>) {
    let id = identity(token, "id");
    let mut fields = said(token, &["name", "duration"]);
    fields.extend(off(token, "enabled"));
    writing.resource(TOKEN, id, &in_account(writing, id), fields);
}

/// What is on where nothing is said.
fn off(document: &Value, flag: &str) -> Option<(String, Expr)> {
    let is_off = document.get(flag) == Some(&Value::Bool(false));
    is_off.then(|| (flag.to_owned(), Expr::Bare("false".to_owned())))
}

fn certificate(root: &Value, writing: &mut Writing<'_>) {
    let id = identity(root, "id");
    let described = format!("The certificate \"{}\" in PEM.", name(root));
    let pem = writing.variable(&[name(root), "certificate"], &described, Like::Certificate);
    let mut fields = said(root, &["name", "associated_hostnames"]);
    fields.push(("certificate".to_owned(), pem));
    writing.resource(CERTIFICATE, id, &in_account(writing, id), fields);
}

fn hostname_settings(account: &Account, writing: &mut Writing<'_>) {
    let setting = |setting: &Value| {
        let flag = |name: &str| (name.to_owned(), Expr::Bare(is_set(setting, name).to_string()));
        let hostname = ("hostname".to_owned(), Expr::text(text(setting, "hostname").unwrap_or_default()));
        Expr::Object(vec![hostname, flag("client_certificate_forwarding"), flag("china_network")])
    };
    if !account.hostname_settings.is_empty() {
        let settings = account.hostname_settings.iter().map(setting).collect();
        let kind = "cloudflare_zero_trust_access_mtls_hostname_settings";
        writing.new_resource(kind, "access", vec![("settings".to_owned(), Expr::List(settings))]);
    }
}

fn list(list: &Value, writing: &mut Writing<'_>) {
    let id = identity(list, "id");
    let mut fields = said(list, &["name", "type", "description"]);
    let items = items(list, "items").iter().map(|item| Expr::Object(said(item, &["value", "description"])));
    fields.push(("items".to_owned(), Expr::List(items.collect())));
    writing.resource(LIST, id, &of_account(writing, id), fields);
}

fn group(group: &Value, writing: &mut Writing<'_>) {
    let id = identity(group, "id");
    let mut fields = said(group, &["name", "is_default"]);
    fields.extend(rules::pairs(group, writing.names, None));
    writing.resource(GROUP, id, &in_account(writing, id), fields);
}

fn policy(policy: &Value, writing: &mut Writing<'_>) {
    let id = identity(policy, "id");
    let mut fields = said(policy, &["name", "decision", "session_duration"]);
    fields.extend(rules::pairs(policy, writing.names, None));
    fields.extend(said(
        policy,
        &[
            "approval_groups",
            "approval_required",
            "isolation_required",
            "purpose_justification_prompt",
            "purpose_justification_required",
            "connection_rules",
            "mfa_config",
        ],
    ));
    writing.resource(POLICY, id, &of_account(writing, id), fields);
}

fn custom_page(page: &Value, writing: &mut Writing<'_>) {
    let id = identity(page, "uid");
    let fields = said(page, &["name", "type", "custom_html", "contract_version"]);
    writing.resource(PAGE, id, &of_account(writing, id), fields);
}

fn tag(tag: &Value, writing: &mut Writing<'_>) {
    let id = identity(tag, "name");
    writing.resource(TAG, id, &of_account(writing, id), said(tag, &["name"]));
}

const ORGANIZATION: [&str; 17] = [
    "name",
    "auth_domain",
    "session_duration",
    "auto_redirect_to_identity",
    "allow_authenticate_via_warp",
    "warp_auth_session_duration",
    "deny_unmatched_requests",
    "deny_unmatched_requests_exempted_zone_names",
    "is_ui_read_only",
    "ui_read_only_toggle_reason",
    "user_seat_expiration_inactive_time",
    "login_design",
    "mfa_config",
    "mfa_required_for_all_apps",
    "mfa_ssh_piv_key_requirements",
    "strict_service_token_auth",
    "service_token_inactivity",
];

/// It cannot be taken over: creating it writes over what there is.
fn organization(organization: &Value, writing: &mut Writing<'_>) {
    let mut fields = said(organization, &ORGANIZATION);
    fields.extend(off(organization, "strict_service_token_auth"));
    let page = |kind: &str| {
        let id = text(&organization["custom_pages"], kind)?;
        Some((kind.to_owned(), writing.names.reference(PAGE, id)))
    };
    let pages: Vec<(String, Expr)> = ["forbidden", "identity_denied"].into_iter().filter_map(page).collect();
    if !pages.is_empty() {
        fields.push(("custom_pages".to_owned(), Expr::Object(pages)));
    }
    let made = ["custom_pages", "created_at", "updated_at", "mfa_configuration_allowed"];
    writing.left_of("the organisation", organization, |field| ORGANIZATION.contains(&field) || made.contains(&field));
    writing.new_resource("cloudflare_zero_trust_organization", "access", fields);
}
