//! HCL that is exported, held against what Cloudflare's provider takes: every
//! attribute is one of its own, and none that it needs is missing.

use serde_json::{Value, json};

use crate::support::carrying::TOKEN;
use crate::support::elsewhere::{ACCOUNT, Elsewhere, Told, page};
use crate::support::gateway::run_with;
use crate::support::node;

/// An id for each object.
fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A rule of every kind that a group or a policy can have.
fn rules() -> Value {
    json!([
        { "email": { "email": "a@corp.test" } },
        { "email_domain": { "domain": "corp.test" } },
        { "email_list": { "id": id(50) } },
        { "everyone": {} },
        { "ip": { "ip": "10.0.0.0/8" } },
        { "ip_list": { "id": id(50) } },
        { "geo": { "country_code": "DE" } },
        { "common_name": { "common_name": "press" } },
        { "certificate": {} },
        { "service_token": { "token_id": id(30) } },
        { "any_valid_service_token": {} },
        { "linked_app_token": { "app_uid": id(1) } },
        { "login_method": { "id": id(20) } },
        { "auth_method": { "auth_method": "mfa" } },
        { "auth_context": { "id": "c1", "ac_id": "c1", "identity_provider_id": id(20) } },
        { "azureAD": { "id": "g", "identity_provider_id": id(20) } },
        { "gsuite": { "email": "g@corp.test", "identity_provider_id": id(20) } },
        { "github-organization": { "name": "acme", "team": "core", "identity_provider_id": id(20) } },
        { "okta": { "name": "Staff", "identity_provider_id": id(20) } },
        { "saml": { "attribute_name": "a", "attribute_value": "b", "identity_provider_id": id(20) } },
        { "oidc": { "claim_name": "a", "claim_value": "b", "identity_provider_id": id(20) } },
        { "group": { "id": id(40) } },
        { "external_evaluation": { "evaluate_url": "https://e.test", "keys_url": "https://e.test/keys" } },
        { "device_posture": { "integration_uid": id(99) } },
    ])
}

/// What the provider takes in groups and in policies of their own, and not in those of an application.
fn rules_of_their_own() -> Value {
    let mut rules = rules();
    let more = [
        json!({ "user_risk_score": { "user_risk_score": ["low"] } }),
        json!({ "cloudflare_account_member": { "account_id": ACCOUNT } }),
    ];
    rules.as_array_mut().unwrap().extend(more);
    rules
}

fn app(number: u32, kind: &str, more: Value) -> Value {
    let mut app =
        json!({ "id": id(number), "uid": id(number), "name": format!("App {number}"), "type": kind, "policies": [] });
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app
}

fn apps() -> Value {
    let mfa = json!({ "allowed_authenticators": ["totp"], "mfa_disabled": true, "session_duration": "1h" });
    let ssh = json!({ "ssh": { "usernames": ["root"], "allow_email_alias": true } });
    let own = json!({
        "id": id(100), "name": "Own", "decision": "allow", "precedence": 1, "include": rules(), "exclude": rules(),
        "require": rules(), "mfa_config": mfa,
    });
    let odd =
        json!({ "id": id(101), "name": "Odd", "decision": "deny", "precedence": 2, "include": rules_of_their_own() });
    let source = json!({ "name": "n", "name_by_idp": [{ "idp_id": id(20), "source_name": "s" }] });
    json!([
        app(
            1,
            "self_hosted",
            json!({
                "domain": "a.test", "self_hosted_domains": ["a.test", "b.test"], "allow_authenticate_via_warp": true,
                "allow_iframe": true, "allowed_idps": [id(20)], "app_launcher_visible": false, "tags": ["docs"],
                "auto_redirect_to_identity": true, "cors_headers": {
                    "allow_all_headers": true, "allow_all_methods": true, "allow_all_origins": true, "allow_credentials": true,
                    "allowed_headers": ["x"], "allowed_methods": ["GET"], "allowed_origins": ["https://a.test"], "max_age": 60,
                },
                "custom_deny_message": "No", "custom_deny_url": "https://a.test", "custom_non_identity_deny_url": "https://b.test",
                "custom_pages": [id(60)], "enable_binding_cookie": true, "http_only_cookie_attribute": false,
                "logo_url": "https://a.test/l", "mfa_config": mfa, "options_preflight_bypass": true,
                "path_cookie_attribute": true, "read_service_tokens_from_header": "Authorization",
                "same_site_cookie_attribute": "lax", "service_auth_401_redirect": true, "session_duration": "2h",
                "skip_interstitial": true, "use_clientless_isolation_app_launcher_url": true, "policies": [own],
                "oauth_configuration": {
                    "enabled": true, "grant": { "access_token_lifetime": "5m", "session_duration": "1h" },
                    "dynamic_client_registration": {
                        "enabled": true, "allow_any_on_localhost": true, "allow_any_on_loopback": true, "allowed_uris": ["https://a.test"],
                    },
                },
            })
        ),
        app(
            2,
            "self_hosted",
            json!({ "policies": [odd], "destinations": [
            { "type": "public", "uri": "c.test" }, { "type": "via_mcp_server_portal", "mcp_server_id": "m" },
            { "type": "private", "cidr": "10.0.0.0/8", "hostname": "h", "l4_protocol": "tcp", "port_range": "80", "vnet_id": id(98) },
        ] })
        ),
        app(
            3,
            "app_launcher",
            json!({
                "app_launcher_logo_url": "https://a.test/l", "bg_color": "#123456", "header_bg_color": "#123456",
                "footer_links": [{ "name": "Help", "url": "https://a.test" }], "skip_app_launcher_login_page": true,
                "landing_page_design": {
                    "button_color": "#000000", "button_text_color": "#ffffff", "image_url": "https://a.test/i", "message": "Hi", "title": "T",
                },
            })
        ),
        app(
            4,
            "infrastructure",
            json!({
                "target_criteria": [{ "port": 22, "protocol": "SSH", "target_attributes": { "hostname": ["h"] } }],
                "policies": [{
                    "id": id(102), "name": "Ssh", "decision": "allow", "include": [{ "everyone": {} }], "connection_rules": ssh,
                }],
            })
        ),
        app(
            5,
            "saas",
            json!({ "saas_app": {
            "auth_type": "saml", "consumer_service_url": "https://sp.test/acs", "sp_entity_id": "sp", "idp_entity_id": "made",
            "public_key": "made", "sso_endpoint": "https://made.test", "name_id_format": "email", "default_relay_state": "r",
            "name_id_transform_jsonata": "x", "saml_attribute_transform_jsonata": "y", "created_at": "2026-01-01T00:00:00Z",
            "custom_attributes": [
                { "friendly_name": "f", "name": "n", "name_format": "urn:x", "required": true, "source": source },
            ],
        } })
        ),
        app(
            6,
            "saas",
            json!({ "saas_app": {
            "auth_type": "oidc", "client_id": "made", "redirect_uris": ["https://sp.test/cb"], "scopes": ["openid"],
            "grant_types": ["authorization_code"], "access_token_lifetime": "5m", "allow_pkce_without_client_secret": true,
            "app_launcher_url": "https://sp.test", "group_filter_regex": ".*", "refresh_token_options": { "lifetime": "30d" },
            "custom_claims": [{ "name": "c", "required": true, "scope": "profile", "source": { "name": "n", "name_by_idp": { id(20): "s" } } }],
            "hybrid_and_implicit_options": {
                "return_access_token_from_authorization_endpoint": true, "return_id_token_from_authorization_endpoint": true,
            },
        } })
        ),
        app(7, "bookmark", json!({ "domain": "https://mail.test" })),
    ])
}

fn providers() -> Value {
    let config = json!({
        "client_id": "c", "auth_url": "https://a.test", "token_url": "https://a.test", "certs_url": "https://a.test",
        "scopes": ["openid"], "claims": ["groups"], "email_claim_name": "mail", "pkce_enabled": true, "apps_domain": "d",
        "attributes": ["a"], "authorization_server_id": "s", "centrify_account": "a", "centrify_app_id": "i",
        "conditional_access_enabled": true, "directory_id": "d", "email_attribute_name": "e", "enable_encryption": true,
        "header_attributes": [{ "attribute_name": "a", "header_name": "h" }], "idp_public_certs": ["c"], "issuer_url": "u",
        "okta_account": "https://a.test", "onelogin_account": "https://a.test", "ping_env_id": "p", "prompt": "login",
        "restrict_to_account_members": true, "support_groups": true, "sign_request": true, "sso_target_url": "https://a.test",
        "force_authn": true, "max_sso_url_length": 2048, "use_login_hint": true, "redirect_url": "https://made.test",
    });
    let scim = json!({
        "enabled": true, "identity_update_behavior": "automatic", "seat_deprovision": true, "user_deprovision": true,
        "scim_base_url": "https://made.test",
    });
    json!([{ "id": id(20), "name": "All of them", "type": "oidc", "config": config, "scim_config": scim }])
}

fn organization() -> Value {
    json!({
        "name": "Acme", "auth_domain": "acme.cloudflareaccess.com", "session_duration": "12h", "auto_redirect_to_identity": true,
        "allow_authenticate_via_warp": true, "warp_auth_session_duration": "1h", "deny_unmatched_requests": true,
        "deny_unmatched_requests_exempted_zone_names": ["a.test"], "is_ui_read_only": true, "ui_read_only_toggle_reason": "r",
        "user_seat_expiration_inactive_time": "730h", "mfa_required_for_all_apps": true, "strict_service_token_auth": false,
        "service_token_inactivity": { "action": "disable", "enabled": true, "inactivity_threshold_days": 30 },
        "custom_pages": { "forbidden": id(60), "identity_denied": id(60) },
        "login_design": {
            "background_color": "#123456", "text_color": "#123456", "header_text": "h", "footer_text": "f", "logo_path": "https://a.test",
        },
        "mfa_config": {
            "allowed_authenticators": ["totp"], "amr_matching_session_duration": "1h", "required_aaguids": "x", "session_duration": "1h",
        },
        "mfa_ssh_piv_key_requirements": {
            "pin_policy": "always", "require_fips_device": true, "ssh_key_size": [2048], "ssh_key_type": ["rsa"], "touch_policy": "always",
        },
    })
}

fn policies() -> Value {
    json!([{
        "id": id(70), "name": "Shared", "decision": "allow", "session_duration": "8h", "include": rules_of_their_own(),
        "exclude": rules_of_their_own(), "require": rules_of_their_own(), "isolation_required": true,
        "purpose_justification_required": true, "purpose_justification_prompt": "Why?", "approval_required": true,
        "approval_groups": [{ "approvals_needed": 1, "email_addresses": ["a@corp.test"], "email_list_uuid": id(50) }],
        "mfa_config": { "allowed_authenticators": ["totp"], "mfa_disabled": false, "session_duration": "1h" },
        "connection_rules": { "rdp": {
            "allowed_clipboard_local_to_remote_formats": ["text"], "allowed_clipboard_remote_to_local_formats": ["text"],
        } },
    }])
}

/// An account that says everything there is to say.
fn account(path: &str, number: usize, _: usize) -> Told {
    let custom =
        json!({ "uid": id(60), "name": "Page", "type": "forbidden", "custom_html": "<p>", "contract_version": 1 });
    page(match path {
        "access/organizations" => organization(),
        _ if path.starts_with("access/custom_pages/") => custom,
        _ if number > 1 => json!([]),
        "access/identity_providers" => providers(),
        "access/groups" => json!([{
            "id": id(40), "name": "Staff", "is_default": true, "include": rules_of_their_own(),
            "exclude": rules_of_their_own(), "require": rules_of_their_own(),
        }]),
        "access/service_tokens" => json!([{
            "id": id(30), "name": "Robot", "duration": "720h", "enabled": false, "client_id": "x.access",
        }]),
        "access/policies" => policies(),
        "access/apps" => apps(),
        "access/tags" => json!([{ "name": "docs" }]),
        "access/custom_pages" => json!([custom]),
        "access/certificates" => json!([{ "id": id(80), "name": "Root", "associated_hostnames": ["a.test"] }]),
        "access/certificates/settings" => json!([{
            "hostname": "a.test", "client_certificate_forwarding": true, "china_network": false,
        }]),
        "gateway/lists" => json!([{ "id": id(50), "name": "L", "type": "EMAIL", "description": "d" }]),
        _ if path.ends_with("/items") => json!([[{ "value": "a@corp.test", "description": "d" }]]),
        _ => json!([]),
    })
}

/// What is written and is not in the schema, and what the schema needs and is not written.
fn differences(at: &str, written: &Value, schema: &Value, found: &mut Vec<String>) {
    match written {
        Value::Array(items) => items.iter().for_each(|item| differences(at, item, schema, found)),
        Value::Object(fields) => {
            let letters = |name: &str| name.replace('_', "").to_lowercase();
            // Lists may have the `s` of a plural there.
            let of = |name: &str| schema.get(letters(name)).or_else(|| schema.get(letters(name) + "s"));
            for (name, value) in fields {
                match of(name) {
                    None => found.push(format!("{at}.{name} is no attribute")),
                    Some(attribute) if attribute["of"].is_null() => {}
                    Some(attribute) => differences(&format!("{at}.{name}"), value, &attribute["of"], found),
                }
            }
            for (name, attribute) in schema.as_object().into_iter().flatten() {
                let is_there =
                    fields.keys().map(|field| letters(field)).any(|field| *name == field || *name == field + "s");
                if attribute["required"] == true && !is_there {
                    found.push(format!("{at} has no {name}"));
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_attribute_that_is_exported_is_one_of_the_providers() {
    let elsewhere = Elsewhere::start(account).await;
    let (folder, base) = (tempfile::tempdir().unwrap(), elsewhere.url());
    let file = folder.path().join("main.tf");
    let environment = [("CLOUDFLARE_BASE_URL", base.as_str()), ("CLOUDFLARE_API_TOKEN", TOKEN)];
    let words = ["export", "terraform", "--account", ACCOUNT, "--out", file.to_str().unwrap()];
    let (code, _, errors) = run_with(&words, &environment).await;
    assert_eq!(code, 0, "{errors}");
    let hcl = node::hcl(&file).await;
    let resources = hcl["resource"].as_object().unwrap();
    assert_eq!(resources.len(), 11, "of every kind: {:?}", resources.keys());
    let kinds: Vec<&str> = resources.keys().map(String::as_str).collect();
    let schema = node::provider_schema(&kinds).await;
    let mut found = Vec::new();
    for (kind, named) in resources {
        for (name, written) in named.as_object().unwrap() {
            differences(&format!("{kind}.{name}"), written, &schema[kind], &mut found);
        }
    }
    // Left out, a rule that blocks would block nobody; so Terraform refuses it, and it is told.
    let odd = ["user_risk_score", "cloudflare_account_member"];
    let policy = "cloudflare_zero_trust_access_application.app_2.policies.include";
    assert_eq!(found, odd.map(|rule| format!("{policy}.{rule} is no attribute")), "{errors}");
    for rule in odd {
        assert!(errors.contains(&format!("{rule} of the application \"App 2\", the policy \"Odd\"")), "{errors}");
    }
    let told = "not carried over: use_clientless_isolation_app_launcher_url of the application \"App 1\"";
    assert!(errors.contains(told), "{errors}");
}
