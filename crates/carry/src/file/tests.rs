//! The file as text; that it is read as it was meant is for the server's tests.

use serde_json::{Value, json};

use super::*;

const ID: &str = "11111111-1111-4111-8111-111111111111";

fn account(fields: Value) -> Account {
    let list = |name: &str| fields[name].as_array().cloned().unwrap_or_default();
    Account {
        id: "0123456789abcdef0123456789abcdef".into(),
        organization: fields.get("organization").cloned(),
        identity_providers: list("identity_providers"),
        service_tokens: list("service_tokens"),
        groups: list("groups"),
        policies: list("policies"),
        apps: list("apps"),
        custom_pages: list("custom_pages"),
        certificates: list("certificates"),
        hostname_settings: list("hostname_settings"),
        lists: list("lists"),
        ..Account::default()
    }
}

fn app(more: Value) -> Value {
    let mut app = json!({ "id": ID, "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "policies": [] });
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app
}

fn text(fields: Value) -> String {
    carried(&account(fields), Mode::Production).text
}

/// The lines that say something, without comments.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn an_account_reads_as_a_person_would_have_written_it() {
    let fields = json!({
        "organization": {
            "auth_domain": "acme.cloudflareaccess.com", "name": "Acme", "session_duration": "12h",
            "login_design": { "header_text": "Acme", "background_color": "#123456" },
            "deny_unmatched_requests": false, "mfa_required_for_all_apps": true,
        },
        "identity_providers": [
            { "id": "22222222-2222-4222-8222-222222222222", "name": "Okta", "type": "okta",
              "config": { "client_id": "doorward", "okta_account": "https://acme.okta.com", "claims": ["team"] } },
            { "id": "33333333-3333-4333-8333-333333333333", "name": "PIN", "type": "onetimepin", "config": {} },
        ],
        "service_tokens": [{
            "id": "44444444-4444-4444-8444-444444444444", "name": "CI runner", "duration": "8760h",
            "client_id": "0123456789abcdef0123456789abcdef.access", "expires_at": "2027-01-01T00:00:00Z", "enabled": true,
        }],
        "groups": [{
            "id": "55555555-5555-4555-8555-555555555555", "name": "Staff", "exclude": [], "require": [],
            "include": [{ "email_domain": { "domain": "example.com" } }, { "okta": {
                "name": "Admins", "identity_provider_id": "22222222-2222-4222-8222-222222222222" } }],
        }],
        "apps": [app(json!({
            "aud": "ab".repeat(32), "session_duration": "24h", "tags": ["docs"], "app_launcher_visible": true,
            "self_hosted_domains": ["wiki.test", "docs.test/handbook"], "allow_authenticate_via_warp": true,
            "allowed_idps": ["22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"],
            "policies": [
                { "id": "66666666-6666-4666-8666-666666666666", "name": "Staff", "decision": "allow", "precedence": 1,
                  "include": [{ "group": { "id": "55555555-5555-4555-8555-555555555555" } }],
                  "exclude": [{ "login_method": { "id": "33333333-3333-4333-8333-333333333333" } }],
                  "session_duration": "24h" },
            ],
        }))],
    });
    insta::assert_snapshot!(text(fields));
}

#[test]
fn names_of_others_end_no_line_and_read_no_variable() {
    let name = "Wiki\nmode = \"emulator\"\u{202e} ${HOME} \"quoted\" \\";
    let text = text(json!({ "apps": [
        app(json!({ "name": name, "scim_config": { "enabled": true }, "custom_deny_message": "${HOME}" })),
    ] }));
    let read: toml::Table = text.parse().unwrap();
    assert_eq!(read["mode"].as_str(), Some("production"));
    let app = &read["app"][0];
    assert_eq!(app["name"].as_str(), Some(name.replace("${", "$${").as_str()));
    assert_eq!(app["custom_deny_message"].as_str(), Some("$${HOME}"));
    assert!(text.contains("#   scim_config of the application \"Wiki\u{fffd}mode"), "{text}");
    assert_eq!(plain("a\u{1b}[31mb\u{2028}c"), "a\u{fffd}[31mb\u{fffd}c");
}

#[test]
fn names_that_repeat_are_told_apart_and_references_hold() {
    let other = "22222222-2222-4222-8222-222222222222";
    let staff = |id: &str| json!({ "id": id, "name": "Staff", "include": [{ "everyone": {} }] });
    let policy = json!({ "name": "P", "decision": "allow", "include": [{ "group": { "id": other.to_uppercase() } }] });
    let carried = carried(
        &account(json!({ "groups": [staff(ID), staff(other)], "apps": [app(json!({ "policies": [policy] }))] })),
        Mode::Production,
    );
    let read: toml::Table = carried.text.parse().unwrap();
    assert_eq!(
        (read["group"][0]["name"].as_str(), read["group"][1]["name"].as_str()),
        (Some("Staff"), Some("Staff (2)"))
    );
    let include = &read["app"][0]["policies"][0]["include"][0];
    assert_eq!(include["group"]["id"].as_str(), Some("Staff (2)"));
    assert!(carried.left.iter().any(|left| left.why.contains("\"Staff (2)\"")), "{:?}", carried.left);
}

#[test]
fn an_application_with_both_kinds_of_policies_shares_them_all() {
    let shared = json!({ "id": ID, "name": "Staff", "decision": "allow", "include": [{ "everyone": {} }] });
    let mut linked = shared.clone();
    linked["precedence"] = json!(2);
    let own = json!({
        "id": "22222222-2222-4222-8222-222222222222", "name": "Hooks", "decision": "bypass", "precedence": 1,
        "include": [{ "everyone": {} }],
    });
    let text = text(json!({ "policies": [shared], "apps": [app(json!({ "policies": [own, linked] }))] }));
    let read: toml::Table = text.parse().unwrap();
    let names: Vec<_> =
        read["policy"].as_array().unwrap().iter().map(|policy| policy["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Staff", "Wiki: Hooks"]);
    let links = read["app"][0]["policies"].as_array().unwrap();
    assert_eq!(links[0]["id"].as_str(), Some("Wiki: Hooks"));
    assert_eq!((links[1]["id"].as_str(), links[1]["precedence"].as_integer()), (Some("Staff"), Some(2)));
}

#[test]
fn the_usual_duration_of_a_policy_makes_no_session_longer() {
    for (app_duration, policy_duration, expected) in
        [("30m", "24h", None), ("24h", "24h", None), ("168h", "24h", Some("24h")), ("30m", "8h", Some("8h"))]
    {
        let policy = json!({
            "name": "P", "decision": "allow", "include": [{ "everyone": {} }], "session_duration": policy_duration,
        });
        let app = app(json!({ "session_duration": app_duration, "policies": [policy] }));
        let read: toml::Table = text(json!({ "apps": [app] })).parse().unwrap();
        let written = read["app"][0]["policies"][0].get("session_duration").and_then(toml::Value::as_str);
        assert_eq!(written, expected, "{app_duration} {policy_duration}");
    }
}

#[test]
fn what_a_policy_asks_of_people_is_asked_here_too_or_the_policy_is_closed() {
    let policy = |more: Value| {
        let mut policy = json!({ "name": "P", "decision": "allow", "include": [{ "everyone": {} }] });
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let read: toml::Table = text(json!({ "apps": [app(json!({ "policies": [policy] }))] })).parse().unwrap();
        read["app"][0]["policies"][0].clone()
    };
    let asks = policy(json!({ "purpose_justification_required": true, "purpose_justification_prompt": "Why ${x}?" }));
    assert_eq!(asks["purpose_justification_required"].as_bool(), Some(true));
    assert_eq!(asks["purpose_justification_prompt"].as_str(), Some("Why $${x}?"));
    assert!(asks.get("require").is_none());
    for closed in [
        json!({ "isolation_required": true }),
        json!({ "mfa_config": { "allowed_authenticators": ["totp"] } }),
        json!({ "approval_required": true }),
        json!({ "purpose_justification_required": true, "decision": "bypass" }),
        json!({ "purpose_justification_required": true, "mfa_config": { "session_duration": "1h" } }),
    ] {
        let policy = policy(closed.clone());
        let undecided = policy.get("require").is_some_and(|require| require[0].get("device_posture").is_some());
        // Nobody is blocked where machines pass: an Allow may still let people in.
        let bypass = closed.get("decision").is_some();
        assert_eq!((policy["decision"].as_str() == Some("deny"), undecided), (!bypass, bypass), "{closed}: {policy}");
    }
}

#[test]
fn what_has_to_be_approved_is_approved_here_too_or_the_policy_is_closed() {
    let list = json!({ "id": ID, "name": "Leads", "type": "EMAIL", "items": [{ "value": "lead@corp.test" }] });
    let policy = |groups: Value, lists: Value| {
        let policy = json!({
            "name": "P", "decision": "allow", "include": [{ "everyone": {} }], "purpose_justification_required": true,
            "approval_required": true, "approval_groups": groups,
        });
        let read = text(json!({ "lists": lists, "apps": [app(json!({ "policies": [policy] }))] }));
        read.parse::<toml::Table>().unwrap()["app"][0]["policies"][0].clone()
    };
    let named = json!([
        { "approvals_needed": 1, "email_addresses": ["root@corp.test", "${x}@corp.test"], "email_list_uuid": null },
        { "approvals_needed": 2, "email_list_uuid": ID.to_uppercase() },
    ]);
    let asks = policy(named.clone(), json!([list]));
    assert!(asks.get("require").is_none(), "{asks}");
    assert_eq!(asks["approval_required"].as_bool(), Some(true));
    let groups = asks["approval_groups"].as_array().unwrap();
    assert_eq!(groups[0]["email_addresses"][1].as_str(), Some("$${x}@corp.test"));
    assert_eq!((groups[0].get("email_list_uuid"), groups[0]["approvals_needed"].as_integer()), (None, Some(1)));
    let second = (groups[1]["email_list_uuid"].as_str(), groups[1]["approvals_needed"].as_integer());
    assert_eq!(second, (Some("Leads"), Some(2)));
    for (groups, lists) in [
        (named, json!([])),
        (json!([]), json!([])),
        (json!([{ "approvals_needed": 2, "email_addresses": ["root@corp.test"] }]), json!([])),
        (json!([{ "approvals_needed": 1, "email_addresses": ["nobody"] }]), json!([])),
    ] {
        let closed = policy(groups.clone(), lists);
        assert_eq!(closed["decision"].as_str(), Some("deny"), "{groups}: {closed}");
        assert!(closed.get("approval_required").is_none(), "what is written half is asked of nobody: {closed}");
    }
}

#[test]
fn nobody_gets_by_a_question_through_a_rule_that_cannot_be_decided() {
    let other = "22222222-2222-4222-8222-222222222222";
    let group = |id: &str, rule: Value| json!({ "id": id, "name": id, "include": [rule] });
    let inner = group(ID, json!({ "device_posture": { "integration_uid": "x" } }));
    let outer = group(other, json!({ "group": { "id": ID } }));
    for (rule, decision) in [
        (json!({ "email": { "email": "a@b.test" } }), "allow"),
        (json!({ "nobody_knows": {} }), "deny"),
        (json!({ "group": { "id": other } }), "deny"),
    ] {
        let policy = |more: Value| {
            let mut policy = json!({ "name": "P", "decision": "allow", "include": [rule] });
            policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let apps = json!([app(json!({ "policies": [policy] }))]);
            let text = text(json!({ "groups": [outer, inner], "apps": apps }));
            text.parse::<toml::Table>().unwrap()["app"][0]["policies"][0].clone()
        };
        let asks = policy(json!({ "purpose_justification_required": true }));
        assert_eq!(asks["decision"].as_str(), Some(decision), "{rule}");
        assert_eq!(policy(json!({}))["decision"].as_str(), Some("allow"), "nobody is asked: {rule}");
    }
}

/// What cannot be decided closes wherever it stands; what nobody can meet is no reason to.
#[test]
fn a_lost_rule_is_undecided_unless_nobody_can_meet_it() {
    let pin = json!({ "id": ID, "name": "PIN", "type": "onetimepin", "config": {} });
    for (rule, stands_for) in [
        (json!({ "nobody_knows": {} }), "device_posture"),
        (json!({ "email": { "email": "a@b.test" }, "everyone": {} }), "device_posture"),
        (json!({ "group": { "id": ID } }), "device_posture"),
        (json!({ "ip_list": { "id": ID } }), "device_posture"),
        (json!({ "service_token": { "token_id": ID } }), "device_posture"),
        (json!({ "ip": { "ip": "::ffff:10.0.0.0/104" } }), "device_posture"),
        (json!({ "certificate": {} }), "device_posture"),
        (json!({ "common_name": { "common_name": "press" } }), "device_posture"),
        (json!({ "login_method": { "id": ID } }), "email"),
        (json!({ "okta": { "name": "Admins", "identity_provider_id": ID } }), "email"),
        (json!({ "everyone": {} }), "everyone"),
    ] {
        for list in ["include", "require", "exclude"] {
            let mut group = json!({ "id": ID, "name": "G", "include": [{ "everyone": {} }] });
            group[list] = json!([rule]);
            let mut others = group.clone();
            // A rule about itself would be found.
            others["id"] = json!("22222222-2222-4222-8222-222222222222");
            let text = text(json!({ "groups": [others], "identity_providers": [pin] }));
            let read: toml::Table = text.parse().unwrap();
            let written = &read["group"][0][list][0];
            assert!(written.get(stands_for).is_some(), "{rule} in {list}: {written}");
        }
    }
}

#[test]
fn the_launcher_and_its_links_are_carried_over_without_a_route() {
    let people = json!({ "name": "P", "decision": "allow", "include": [{ "everyone": {} }] });
    let other = |number: u32, kind: &str, domain: &str, policies: Value| {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        json!({ "id": id, "name": kind, "type": kind, "domain": domain, "policies": policies, "tags": ["t"] })
    };
    let carried = carried(
        &account(json!({ "apps": [
            other(1, "app_launcher", "acme.cloudflareaccess.com", json!([people])),
            other(2, "bookmark", "https://mail.example.com/inbox", json!([])),
            other(3, "bookmark", "javascript:alert(1)", json!([])),
            other(4, "saas", "acme.cloudflareaccess.com/cdn-cgi/access/sso", json!([people])),
        ] })),
        Mode::Emulator,
    );
    let read: toml::Table = carried.text.parse().unwrap();
    let apps = read["app"].as_array().unwrap();
    assert_eq!(apps.iter().map(|app| app["type"].as_str().unwrap()).collect::<Vec<_>>(), ["app_launcher", "bookmark"]);
    assert_eq!((apps[0].get("domain"), apps[0]["policies"][0]["name"].as_str()), (None, Some("P")));
    assert_eq!((apps[1]["domain"].as_str(), apps[1].get("policies")), (Some("https://mail.example.com/inbox"), None));
    assert_eq!(read.get("route"), None);
    assert_eq!(carried.left.len(), 2, "{:?}", carried.left);
}

#[test]
fn a_launcher_looks_as_it_did_and_shows_a_link_to_whom_it_did() {
    let admins = json!({ "name": "Admins", "decision": "allow", "include": [{ "email": { "email": "a@b.test" } }] });
    let launcher = json!({
        "id": ID, "name": "Launcher", "type": "app_launcher", "policies": [], "app_launcher_logo_url": "https://a.test/l",
        "bg_color": "#123456", "header_bg_color": "red; x", "skip_app_launcher_login_page": true, "footer_links": [
            { "name": "Help ${x}", "url": "https://help.test" }, { "name": "Odd", "url": "javascript:alert(1)" },
        ],
        "landing_page_design": { "title": "Hello", "button_color": "#abcdef", "image_url": "http://a.test/i" },
    });
    let link = json!({
        "id": "22222222-2222-4222-8222-222222222222", "name": "Mail", "type": "bookmark", "domain": "mail.test",
        "policies": [admins],
    });
    let carried = carried(&account(json!({ "apps": [launcher, link] })), Mode::Emulator);
    let read: toml::Table = carried.text.parse().unwrap();
    let launcher = &read["app"][0];
    assert_eq!(launcher["app_launcher_logo_url"].as_str(), Some("https://a.test/l"));
    assert_eq!(launcher["bg_color"].as_str(), Some("#123456"));
    let greeting = &launcher["landing_page_design"];
    assert_eq!((greeting["title"].as_str(), greeting["button_color"].as_str()), (Some("Hello"), Some("#abcdef")));
    assert_eq!(launcher["skip_app_launcher_login_page"].as_bool(), Some(true));
    let links = launcher["footer_links"].as_array().unwrap();
    assert_eq!((links.len(), links[0]["name"].as_str()), (1, Some("Help $${x}")));
    assert_eq!(read["app"][1]["policies"][0]["name"].as_str(), Some("Admins"), "{}", carried.text);
    let left: Vec<&str> = carried.left.iter().map(|left| left.what.as_str()).collect();
    let what = "the application \"Launcher\"";
    let expected = [
        format!("header_bg_color of {what}"),
        format!("the link \"Odd\" below {what}"),
        format!("image_url of landing_page_design of {what}"),
    ];
    assert_eq!(left, expected);
}

#[test]
fn an_emulator_needs_nothing_of_productions_own() {
    let fields = json!({ "organization": { "auth_domain": "acme.cloudflareaccess.com" }, "apps": [app(json!({}))] });
    let carried = carried(&account(fields), Mode::Emulator);
    let names: Vec<&str> = carried.placeholders.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["ORIGIN_WIKI_TEST"]);
    assert!(lines(&carried.text).starts_with(&["mode = \"emulator\"", "[listen]"]), "{}", carried.text);
}

#[test]
fn a_token_without_a_known_end_is_off() {
    let token = json!({
        "id": ID, "name": "t", "client_id": "0123456789abcdef0123456789abcdef.access", "duration": "8760h",
    });
    let mut forever = token.clone();
    forever["duration"] = json!("forever");
    for (token, off) in [(token, true), (forever, false)] {
        let read: toml::Table = text(json!({ "service_tokens": [token] })).parse().unwrap();
        assert_eq!(read["service_token"][0].get("enabled").and_then(toml::Value::as_bool), off.then_some(false));
    }
}
