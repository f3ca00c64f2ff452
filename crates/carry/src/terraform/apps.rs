//! Applications: shared policies are referred to, an application's own ones
//! are written in it, as the provider has them.

use serde_json::Value;

use super::hcl::Expr;
use super::names::{APPLICATION, Names, PAGE, POLICY, PROVIDER, TAG, identity};
use super::rules;
use super::{Writing, said};
use crate::account::{items, name, says_something, text, texts};
use crate::report::Report;

/// Written as they are; those of the second list where they are false, too.
const FIELDS: [&str; 30] = [
    "domain",
    "session_duration",
    "app_launcher_visible",
    "logo_url",
    "auto_redirect_to_identity",
    "allow_authenticate_via_warp",
    "allow_iframe",
    "cors_headers",
    "custom_deny_message",
    "custom_deny_url",
    "custom_non_identity_deny_url",
    "enable_binding_cookie",
    "http_only_cookie_attribute",
    "mfa_config",
    "oauth_configuration",
    "options_preflight_bypass",
    "path_cookie_attribute",
    "read_service_tokens_from_header",
    "same_site_cookie_attribute",
    "service_auth_401_redirect",
    "skip_app_launcher_login_page",
    "skip_interstitial",
    "target_criteria",
    "app_launcher_logo_url",
    "bg_color",
    "header_bg_color",
    "footer_links",
    "landing_page_design",
    "destinations",
    "saas_app",
];
const FALSE_TOO: [&str; 2] = ["app_launcher_visible", "http_only_cookie_attribute"];
/// What the API makes itself.
const MADE: [&str; 14] = [
    "id",
    "uid",
    "aud",
    "name",
    "type",
    "created_at",
    "updated_at",
    "policies",
    "allowed_idps",
    "custom_pages",
    "tags",
    "self_hosted_domains",
    "domain_type",
    "is_ui_read_only",
];
/// Rules that the provider does not have in the policies of an application.
const REUSABLE_ONLY: [&str; 2] = ["cloudflare_account_member", "user_risk_score"];
/// Of an application that signs people in elsewhere: made by the API, or shown once.
const MADE_IN_SAAS: [&str; 7] =
    ["client_id", "client_secret", "public_key", "idp_entity_id", "sso_endpoint", "created_at", "updated_at"];

pub(super) fn write(app: &Value, writing: &mut Writing<'_>) {
    let what = format!("the application \"{}\"", name(app));
    let id = identity(app, "id");
    let mut fields = vec![("name".to_owned(), Expr::text(name(app)))];
    fields.extend(text(app, "type").map(|kind| ("type".to_owned(), Expr::text(kind))));
    for field in FIELDS {
        let Some(value) = app.get(field) else { continue };
        let false_too = FALSE_TOO.contains(&field) && *value == Value::Bool(false);
        if says_something(value) || false_too {
            fields.push((field.to_owned(), Expr::of(&without(value, field))));
        }
    }
    // The three views of its addresses say the same.
    let domains: Vec<Expr> = texts(app, "self_hosted_domains").map(Expr::text).collect();
    if items(app, "destinations").is_empty() && domains.len() > 1 {
        fields.push(("self_hosted_domains".to_owned(), Expr::List(domains)));
    }
    for (field, kind) in [("allowed_idps", PROVIDER), ("custom_pages", PAGE), ("tags", TAG)] {
        let references: Vec<Expr> = texts(app, field).map(|id| writing.names.reference(kind, id)).collect();
        if !references.is_empty() {
            fields.push((field.to_owned(), Expr::List(references)));
        }
    }
    let policies = items(app, "policies").iter();
    let before = writing.names.place(APPLICATION, id);
    let policies: Vec<Expr> =
        policies.map(|policy| self::policy(&what, policy, before, writing.names, &mut writing.report)).collect();
    if !policies.is_empty() {
        fields.push(("policies".to_owned(), Expr::List(policies)));
    }
    let known = |field: &str| FIELDS.contains(&field) || MADE.contains(&field);
    writing.left_of(&what, app, known);
    writing.resource(APPLICATION, id, &format!("accounts/{}/{id}", writing.account), fields);
}

fn without(value: &Value, field: &str) -> Value {
    let mut value = value.clone();
    if let (Some(fields), "saas_app") = (value.as_object_mut(), field) {
        fields.retain(|name, _| !MADE_IN_SAAS.contains(&name.as_str()));
    }
    value
}

fn policy(what: &str, policy: &Value, before: rules::Before, names: &Names, report: &mut Report) -> Expr {
    let precedence = policy.get("precedence").filter(|number| number.is_u64());
    let precedence = precedence.map(|number| ("precedence".to_owned(), Expr::of(number)));
    let id = identity(policy, "id");
    if names.name(POLICY, id).is_some() {
        let link = ("id".to_owned(), names.reference(POLICY, id));
        return Expr::Object([link].into_iter().chain(precedence).collect());
    }
    let mut fields = said(policy, &["name", "decision"]);
    fields.extend(precedence);
    fields.extend(rules::pairs(policy, names, before));
    fields.extend(said(policy, &["connection_rules", "mfa_config"]));
    for rule in ["include", "exclude", "require"].into_iter().flat_map(|list| items(policy, list)) {
        let selector = rule.as_object().and_then(|rule| rule.keys().next()).map_or("", String::as_str);
        if REUSABLE_ONLY.contains(&selector) {
            // Without the rule the policy could open more, so Terraform is left to refuse it.
            let what = format!("{selector} of {what}, the policy \"{}\"", name(policy));
            report
                .left(what, "the provider has such rules in policies of their own alone; make this one reusable first");
        }
    }
    for field in ["approval_required", "isolation_required", "purpose_justification_required"] {
        if policy.get(field).is_some_and(says_something) {
            report.left(
                format!("{field} of {what}, the policy \"{}\"", name(policy)),
                "the provider has it in policies of their own alone; make this one reusable first",
            );
        }
    }
    if let Some(duration) = text(policy, "session_duration").filter(|duration| *duration != "24h") {
        report.left(
            format!("session_duration {duration} of {what}, the policy \"{}\"", name(policy)),
            "the provider has it in policies of their own alone; make this one reusable first",
        );
    }
    Expr::Object(fields)
}
