//! The HCL as text; that Terraform's own parser reads it is for the tests of the whole.

use serde_json::json;

use super::*;

const WIKI: &str = "11111111-1111-4111-8111-111111111111";
const OKTA: &str = "22222222-2222-4222-8222-222222222222";
const STAFF: &str = "33333333-3333-4333-8333-333333333333";
const SHARED: &str = "44444444-4444-4444-8444-444444444444";
const ROBOT: &str = "55555555-5555-4555-8555-555555555555";
const HOOKS: &str = "66666666-6666-4666-8666-666666666666";

fn app(id: &str, name: &str, policies: Value) -> Value {
    json!({
        "id": id, "uid": id, "aud": "ab".repeat(32), "name": name, "type": "self_hosted", "domain": "wiki.test",
        "self_hosted_domains": ["wiki.test"], "destinations": [{ "type": "public", "uri": "wiki.test" }],
        "policies": policies, "allowed_idps": [], "tags": [], "session_duration": "24h",
        "auto_redirect_to_identity": false, "http_only_cookie_attribute": true, "app_launcher_visible": false,
        "created_at": "2026-01-01T00:00:00Z",
    })
}

fn linked(app: &str) -> Value {
    json!({
        "name": "Linked", "decision": "non_identity", "precedence": 2,
        "include": [{ "linked_app_token": { "app_uid": app } }],
    })
}

#[test]
fn resources_refer_to_each_other_and_take_over_what_there_is() {
    let policy = json!({
        "id": SHARED, "name": "Staff & machines", "decision": "allow", "session_duration": "24h", "reusable": true,
        "include": [
            { "group": { "id": STAFF } }, { "service_token": { "token_id": ROBOT } },
            { "azureAD": { "id": STAFF, "identity_provider_id": OKTA } },
            { "github-organization": { "name": "acme", "identity_provider_id": "gone", "team": null } },
        ],
        "exclude": [], "require": [],
    });
    let mut shared = policy.clone();
    shared["precedence"] = json!(1);
    let mut wiki = app(WIKI, "Wiki", json!([shared, linked(HOOKS)]));
    wiki["allowed_idps"] = json!([OKTA]);
    wiki["eager_redirect_cookie_setting"] = json!(true);
    wiki["custom_deny_message"] = json!("Not ${you}");
    let account = Account {
        id: "0123456789abcdef0123456789abcdef".into(),
        identity_providers: vec![json!({
            "id": OKTA, "name": "Okta", "type": "okta",
            "config": { "client_id": "c", "okta_account": "https://acme.okta.com", "redirect_url": "https://x" },
        })],
        service_tokens: vec![json!({ "id": ROBOT, "name": "CI runner", "duration": "8760h", "client_id": "x.access" })],
        groups: vec![json!({ "id": STAFF, "name": "Staff", "include": [{ "everyone": {} }], "exclude": [] })],
        policies: vec![policy],
        apps: vec![wiki, app(HOOKS, "Wiki", json!([linked(WIKI), linked(HOOKS)]))],
        ..Account::default()
    };
    insta::assert_snapshot!(terraform(&account).text);
}

#[test]
fn whatever_an_object_is_called_its_resource_has_a_name() {
    for (text, expected) in [
        ("Staff & machines", "staff_machines"),
        ("  CI-runner  ", "ci_runner"),
        ("9 lives", "_9_lives"),
        ("日本", "_"),
        ("", "_"),
        ("x\"\n}", "x"),
    ] {
        assert_eq!(names::word(text), expected, "{text}");
    }
    let group = |id: &str, name: &str| json!({ "id": id, "name": name, "include": [{ "everyone": {} }] });
    let groups = vec![group(WIKI, "日本"), group(OKTA, "中国"), group(STAFF, "_2")];
    let text = terraform(&Account { groups, ..Account::default() }).text;
    let named = |name: &str| text.matches(&format!("resource \"{}\" \"{name}\"", names::GROUP)).count();
    assert_eq!((named("_"), named("__2"), named("_2")), (1, 1, 1), "{text}");
}
