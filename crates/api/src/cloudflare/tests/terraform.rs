//! The course of Terraform's provider through its resources, without the
//! provider: bodies as it writes them, and its own rules for what counts as a
//! difference afterwards. A plan after each step has to be empty.
//!
//! What is written first leaves out what is not set; what is written later
//! says `null` for what was set and is no longer. After a write only what the
//! API decides is taken from the answer, after a read everything.

mod provider;
mod saas;
mod scim;
mod small;
mod zones;

use serde_json::{Value, json};

use self::provider::{APPLICATION, GROUP, IDENTITY_PROVIDER, Managed, ORGANIZATION, POLICY, SERVICE_TOKEN, TAG};
use super::door::{Door, uuid};

fn app(more: Value) -> Value {
    let mut app = json!({ "name": "Wiki", "type": "self_hosted", "policies": [] });
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app
}

fn public(uris: &[&str]) -> Value {
    uris.iter().map(|uri| json!({ "type": "public", "uri": uri })).collect()
}

const UNSET: [&str; 9] = [
    "skip_interstitial",
    "allow_iframe",
    "path_cookie_attribute",
    "same_site_cookie_attribute",
    "logo_url",
    "custom_deny_url",
    "cors_headers",
    "scim_config",
    "allow_authenticate_via_warp",
];

#[tokio::test]
async fn an_application_with_its_domain_alone_is_planned_empty_and_imported_as_it_is() {
    let door = Door::open().await;
    let mut made = Managed::create(&door, &APPLICATION, app(json!({ "domain": "a.test" }))).await;
    made.imported(&UNSET).await;
    let read = door.get(&made.path()).await.body["result"].clone();
    assert_eq!((&read["destinations"], &read["self_hosted_domains"]), (&public(&["a.test"]), &json!(["a.test"])));
    made.update(app(json!({ "domain": "b.test", "session_duration": "12h" }))).await;
    made.destroy().await;
}

#[tokio::test]
async fn each_view_of_the_addresses_is_kept_as_it_was_written_and_the_others_follow() {
    let door = Door::open().await;
    let private = json!({ "type": "private", "cidr": "10.5.0.0/24", "port_range": "80-90" });
    let mut mixed = public(&["b.test", "*.c.test"]);
    mixed.as_array_mut().unwrap().insert(0, private);
    let mut made = Managed::create(&door, &APPLICATION, app(json!({ "destinations": mixed }))).await;
    assert_eq!(door.get(&made.path()).await.body["result"]["domain"], "b.test");
    made.update(app(json!({ "destinations": public(&["d.test/x", "b.test"]) }))).await;
    made.destroy().await;
    let of_domains = app(json!({ "domain": "e.test", "self_hosted_domains": ["e.test", "f.test/y"] }));
    let mut made = Managed::create(&door, &APPLICATION, of_domains).await;
    made.update(app(json!({ "domain": "f.test/y", "self_hosted_domains": ["f.test/y"] }))).await;
    made.destroy().await;
}

#[tokio::test]
async fn flags_that_are_false_stay_false_and_those_that_are_taken_back_are_unset() {
    let door = Door::open().await;
    let flags = |value: bool| {
        app(
            json!({ "domain": "a.test", "allow_iframe": value, "skip_interstitial": value, "path_cookie_attribute": value,
            "enable_binding_cookie": value, "auto_redirect_to_identity": value, "service_auth_401_redirect": value,
            "options_preflight_bypass": value, "http_only_cookie_attribute": value, "app_launcher_visible": value }),
        )
    };
    let mut made = Managed::create(&door, &APPLICATION, flags(true)).await;
    made.update(flags(false)).await;
    let read = door.get(&made.path()).await.body["result"].clone();
    assert_eq!(read["allow_iframe"], false, "what is written as false is there as false");
    made.update(app(json!({ "domain": "a.test" }))).await;
    made.imported(&UNSET).await;
    made.update(flags(true)).await;
    made.destroy().await;
}

#[tokio::test]
async fn what_an_application_looks_like_and_answers_comes_back_as_it_was_written() {
    let door = Door::open().await;
    for (set, unset) in [
        (
            json!({ "cors_headers": { "allowed_methods": ["PUT", "GET"], "allowed_origins": ["https://a.test"],
            "allow_credentials": true, "max_age": 10 } }),
            "cors_headers",
        ),
        (
            json!({ "cors_headers": { "allow_all_origins": true, "allow_all_methods": true, "allow_all_headers": true } }),
            "cors_headers",
        ),
        (json!({ "same_site_cookie_attribute": "strict" }), "same_site_cookie_attribute"),
        (
            json!({ "custom_deny_message": "No.", "custom_deny_url": "https://no.test/",
            "custom_non_identity_deny_url": "https://no.test/machines" }),
            "custom_deny_url",
        ),
        (json!({ "logo_url": "https://a.test/logo.png" }), "logo_url"),
    ] {
        let mut with = json!({ "domain": "a.test" });
        with.as_object_mut().unwrap().extend(set.as_object().unwrap().clone());
        let mut made = Managed::create(&door, &APPLICATION, app(with.clone())).await;
        made.update(app(json!({ "domain": "a.test" }))).await;
        made.imported(&[unset]).await;
        made.update(app(with)).await;
        made.destroy().await;
    }
}

#[tokio::test]
async fn policies_keep_their_places_whether_reusable_or_the_applications_own() {
    let door = Door::open().await;
    let policy = async |name: &str| {
        let config = json!({ "name": name, "decision": "allow", "include": [{ "everyone": {} }] });
        Managed::create(&door, &POLICY, config).await
    };
    let (one, two) = (policy("One").await, policy("Two").await);
    let link =
        |managed: &Managed<'_>, precedence: Value| json!({ "id": managed.state["id"], "precedence": precedence });
    let inline = |name: &str, precedence: Value| json!({ "name": name, "decision": "allow", "include": [{ "email": { "email": "a@b.test" } }], "precedence": precedence });
    let plain = |policies: Value| app(json!({ "domain": "a.test", "policies": policies }));
    let without = |mut entry: Value| {
        entry.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        entry
    };
    let both = json!([link(&one, json!(1)), link(&two, json!(2))]);
    let mut made = Managed::create(&door, &APPLICATION, plain(both)).await;
    made.update(plain(json!([link(&two, json!(1)), link(&one, json!(2))]))).await;
    let mixed = json!([inline("Own", json!(2)), link(&one, json!(4)), without(inline("Last", Value::Null))]);
    made.update(plain(mixed)).await;
    let read = door.get(&made.path()).await.body["result"]["policies"].clone();
    let places: Vec<&Value> = read.as_array().unwrap().iter().map(|policy| &policy["precedence"]).collect();
    assert_eq!(places, [2, 4, 5]);
    made.update(plain(json!([]))).await;
    one.plan_is_empty("after it was detached").await;
    made.destroy().await;
    two.destroy().await;
    one.destroy().await;
}

#[tokio::test]
async fn providers_keep_their_order_and_tags_need_none() {
    let door = Door::open().await;
    let provider = async |name: &str| {
        let config = json!({ "client_id": "door", "client_secret": "hunter2", "auth_url": "https://kc.test/a",
            "token_url": "https://kc.test/t", "certs_url": "https://kc.test/c" });
        Managed::create(&door, &IDENTITY_PROVIDER, json!({ "name": name, "type": "oidc", "config": config })).await
    };
    let (one, two) = (provider("One").await, provider("Two").await);
    let (b, a) = (
        Managed::create(&door, &TAG, json!({ "name": "b" })).await,
        Managed::create(&door, &TAG, json!({ "name": "a" })).await,
    );
    let with = |idps: [&Managed<'_>; 2], tags: [&str; 2]| {
        let idps: Vec<&Value> = idps.iter().map(|idp| &idp.state["id"]).collect();
        app(json!({ "domain": "a.test", "allowed_idps": idps, "tags": tags }))
    };
    let mut made = Managed::create(&door, &APPLICATION, with([&one, &two], ["b", "a"])).await;
    made.update(with([&two, &one], ["a", "b"])).await;
    made.update(app(json!({ "domain": "a.test" }))).await;
    made.destroy().await;
    for managed in [one, two, b, a] {
        managed.destroy().await;
    }
}

#[tokio::test]
async fn the_launcher_and_bookmarks_have_defaults_of_their_own() {
    let door = Door::open().await;
    let launcher = |more: Value| {
        let mut launcher = json!({ "name": "App Launcher", "type": "app_launcher", "policies": [] });
        launcher.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        launcher
    };
    let custom = launcher(json!({ "app_launcher_logo_url": "https://a.test/l.png", "bg_color": "#102a43",
        "header_bg_color": "#000000", "footer_links": [{ "name": "Help", "url": "https://help.test" }],
        "landing_page_design": { "title": "Welcome!", "message": "Hello" }, "skip_app_launcher_login_page": true }));
    let mut made = Managed::create(&door, &APPLICATION, custom).await;
    made.update(launcher(json!({}))).await;
    made.imported(&["app_launcher_visible", "http_only_cookie_attribute", "footer_links", "bg_color"]).await;
    made.destroy().await;
    let bookmark = json!({ "name": "Mail", "type": "bookmark", "domain": "https://mail.test", "policies": [] });
    let made = Managed::create(&door, &APPLICATION, bookmark).await;
    made.imported(&["session_duration", "http_only_cookie_attribute"]).await;
    made.destroy().await;
}

#[tokio::test]
async fn every_part_of_a_policy_is_kept_and_every_flag_that_is_off_is_not_shown() {
    let door = Door::open().await;
    let group = Managed::create(&door, &GROUP, json!({ "name": "G", "include": [{ "everyone": {} }] })).await;
    let robot = Managed::create(&door, &SERVICE_TOKEN, json!({ "name": "R" })).await;
    let policy = |more: Value| {
        let mut policy = json!({ "name": "P", "decision": "allow", "include": [{ "everyone": {} }] });
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        policy
    };
    let mut made = Managed::create(&door, &POLICY, policy(json!({}))).await;
    for more in [
        json!({ "include": [{ "group": { "id": group.state["id"] } }, { "email_domain": { "domain": "b.test" } }] }),
        json!({ "include": [{ "any_valid_service_token": {} }, { "service_token": { "token_id": robot.state["id"] } }],
            "decision": "non_identity" }),
        json!({ "exclude": [{ "ip": { "ip": "10.0.0.0/8" } }], "require": [{ "geo": { "country_code": "DE" } }] }),
        json!({ "decision": "deny" }),
        json!({ "decision": "bypass" }),
        json!({ "session_duration": "0s" }),
        json!({ "isolation_required": true, "connection_rules": { "ssh": { "usernames": ["root"], "allow_email_alias": true } } }),
        json!({ "isolation_required": false, "approval_required": false, "purpose_justification_required": false }),
        json!({ "purpose_justification_required": true, "purpose_justification_prompt": "Why?" }),
        json!({}),
    ] {
        made.update(policy(more)).await;
    }
    made.imported(&["isolation_required", "approval_required", "purpose_justification_required", "approval_groups"])
        .await;
    made.destroy().await;
    group.destroy().await;
    robot.destroy().await;
}

#[tokio::test]
async fn rules_of_a_group_keep_their_order_and_empty_lists_are_none() {
    let door = Door::open().await;
    let group = |more: Value| {
        let mut group = json!({ "name": "G" });
        group.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        group
    };
    let names = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({ "common_name": { "common_name": name } })).collect()
    };
    let mut made = Managed::create(&door, &GROUP, group(json!({ "include": names(&["one"]) }))).await;
    made.update(group(json!({ "include": names(&["z", "a", "m"]), "exclude": [{ "certificate": {} }] }))).await;
    made.update(group(json!({ "include": names(&["m", "z"]), "exclude": [], "require": [] }))).await;
    let all = json!([{ "email": { "email": "a@b.test" } }, { "email_domain": { "domain": "b.test" } }, { "ip": { "ip": "192.0.2.1" } },
        { "everyone": {} }, { "certificate": {} }, { "any_valid_service_token": {} }, { "geo": { "country_code": "US" } },
        { "auth_method": { "auth_method": "hwk" } }, { "device_posture": { "integration_uid": uuid() } },
        { "external_evaluation": { "evaluate_url": "https://e.test", "keys_url": "https://k.test" } }]);
    made.update(group(json!({ "include": all, "require": all }))).await;
    made.imported(&["is_default"]).await;
    made.destroy().await;
}

#[tokio::test]
async fn a_service_tokens_secret_comes_with_its_version_and_never_again() {
    let door = Door::open().await;
    let mut made = Managed::create(&door, &SERVICE_TOKEN, json!({ "name": "R", "duration": "17520h" })).await;
    made.imported(SERVICE_TOKEN.not_read).await;
    let secret = async |made: &mut Managed<'_>, version: u64, more: Value| {
        let mut body = json!({ "name": "R", "duration": "17520h", "client_secret_version": version });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = door.done(200, "PUT", &made.path(), body.clone()).await;
        made.plan_is_empty("after the rotation").await;
        answer.get("client_secret").and_then(Value::as_str).map(str::to_owned)
    };
    let renamed = secret(&mut made, 1, json!({})).await;
    assert_eq!(renamed, None, "the version is the same");
    let second = secret(&mut made, 2, json!({ "previous_client_secret_expires_at": "2028-01-01T00:00:00Z" })).await;
    assert!(second.is_some_and(|secret| secret.starts_with("cfast_") || secret.len() == 64));
    assert_eq!(secret(&mut made, 2, json!({})).await, None, "applied twice is applied once");
    made.destroy().await;
    let early = json!({ "name": "R2", "client_secret_version": 2, "previous_client_secret_expires_at": "2028-01-01T00:00:00Z" });
    Managed::create(&door, &SERVICE_TOKEN, early).await.destroy().await;
    Managed::create(&door, &SERVICE_TOKEN, json!({ "name": "R3", "duration": "forever" })).await.destroy().await;
}

#[tokio::test]
async fn a_providers_secret_is_never_read_and_an_update_without_it_keeps_it() {
    let door = Door::open().await;
    let pin = json!({ "name": "PIN", "type": "onetimepin", "config": {} });
    let made = Managed::create(&door, &IDENTITY_PROVIDER, pin).await;
    let redirect = door.get(&made.path()).await.body["result"]["config"]["redirect_url"].clone();
    assert!(redirect.as_str().unwrap().ends_with(".cloudflareaccess.com/cdn-cgi/access/callback"), "{redirect}");
    made.imported(&["scim_config"]).await;
    made.destroy().await;
    let oidc = |secret: Value| {
        json!({ "name": "OIDC", "type": "oidc", "config": { "client_id": "door", "client_secret": secret, "auth_url": "https://kc.test/a",
            "token_url": "https://kc.test/t", "certs_url": "https://kc.test/c", "scopes": ["openid"], "pkce_enabled": false } })
    };
    let mut made = Managed::create(&door, &IDENTITY_PROVIDER, oidc(json!("hunter2"))).await;
    made.update(oidc(Value::Null)).await;
    made.update(oidc(json!("hunter3"))).await;
    made.destroy().await;
    for (kind, config) in [
        (
            "saml",
            json!({ "issuer_url": "https://idp.test", "sso_target_url": "https://idp.test/sso", "attributes": ["email"],
            "email_attribute_name": "email", "sign_request": false, "idp_public_certs": ["MIIB"] }),
        ),
        (
            "azureAD",
            json!({ "client_id": "a", "client_secret": "hunter2", "directory_id": "d", "support_groups": true }),
        ),
        ("github", json!({ "client_id": "a", "client_secret": "hunter2" })),
    ] {
        let mut made =
            Managed::create(&door, &IDENTITY_PROVIDER, json!({ "name": kind, "type": kind, "config": config })).await;
        made.update(json!({ "name": "Else", "type": kind, "config": config })).await;
        made.destroy().await;
    }
}

#[tokio::test]
async fn a_filter_of_a_data_source_finds_exactly_one() {
    let door = Door::open().await;
    let one = Managed::create(&door, &APPLICATION, app(json!({ "domain": "a.test" }))).await;
    let other = json!({ "name": "Wiki two", "type": "self_hosted", "domain": "a.test/two", "policies": [] });
    let two = Managed::create(&door, &APPLICATION, other).await;
    for (query, wanted) in [
        ("name=Wiki", &one),
        ("name=Wiki&exact=true", &one),
        ("domain=a.test", &one),
        ("domain=a.test/two", &two),
        ("search=two", &two),
        (&format!("aud={}", two.state["aud"].as_str().unwrap()), &two),
    ] {
        let found = door.get(&format!("/access/apps?{query}")).await.body["result"].clone();
        let ids: Vec<&Value> = found.as_array().unwrap().iter().map(|app| &app["id"]).collect();
        assert_eq!(ids, [&wanted.state["id"]], "{query}");
    }
}

#[tokio::test]
async fn the_organisation_is_made_by_a_change_and_what_is_taken_back_is_gone() {
    let door = Door::open().await;
    let organization = |more: Value| {
        let mut organization = json!({ "name": "Acme", "auth_domain": "acme.cloudflareaccess.com",
            "session_duration": "12h", "deny_unmatched_requests": true });
        organization.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        organization
    };
    let mut made = Managed::create(&door, &ORGANIZATION, organization(json!({}))).await;
    let design = json!({ "background_color": "#102a43", "text_color": "#f0f4f8", "header_text": "Acme",
        "footer_text": "Call 4000.", "logo_path": "https://a.test/logo.png" });
    for more in [
        json!({ "login_design": design }),
        json!({ "login_design": { "header_text": "Acme" }, "auto_redirect_to_identity": true }),
        json!({ "is_ui_read_only": true, "ui_read_only_toggle_reason": "by Terraform" }),
        json!({ "user_seat_expiration_inactive_time": "1460h" }),
        json!({ "deny_unmatched_requests": false }),
        json!({ "deny_unmatched_requests_exempted_zone_names": ["open.test"] }),
        json!({ "name": "Else", "session_duration": "6h" }),
        json!({}),
    ] {
        made.update(organization(more)).await;
    }
    let bare = json!({ "name": "Acme", "auth_domain": "acme.cloudflareaccess.com", "session_duration": "12h" });
    made.update(bare).await;
    made.imported(&["deny_unmatched_requests"]).await;
    made.imported(&["login_design", "user_seat_expiration_inactive_time", "ui_read_only_toggle_reason"]).await;
}
