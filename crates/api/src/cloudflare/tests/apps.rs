//! Applications.

use doorward_model::app::SameSite;
use doorward_model::document::{AppDocument, AppExtension, Content, Key, Kind};
use doorward_model::id::AccountId;
use doorward_model::session::Bearings;
use serde_json::{Value, json};

use super::door::{Door, START, uuid};

const PATH: &str = "/access/apps";

fn wiki(more: Value) -> Value {
    let mut app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test" });
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app
}

fn everyone(more: Value) -> Value {
    let mut policy = json!({ "name": "All", "decision": "allow", "include": [{"everyone": {}}] });
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy
}

fn path_of(app: &Value) -> String {
    format!("{PATH}/{}", app["id"].as_str().unwrap())
}

/// The application that decides about this address.
fn at(door: &Door, host: &str, path: &str) -> Option<String> {
    let catalog = door.catalog();
    catalog.app_at(&host.parse().unwrap(), &path.parse().unwrap()).map(|app| app.id.to_string())
}

#[tokio::test]
async fn an_application_lives_from_its_creation_to_its_removal() {
    let door = Door::open().await;
    let read_only = json!({ "id": uuid(), "aud": "a".repeat(64), "uid": 1, "created_at": "x", "unheard_of": {},
        "logo_url": null, "cors_headers": null, "policies": null, "tags": [], "allowed_idps": null });
    let made = door.done(201, "POST", PATH, wiki(read_only)).await;
    let id = made["id"].as_str().unwrap();
    let now = START.to_rfc3339();
    let whole = json!({
        "id": id, "uid": id, "aud": made["aud"], "name": "Wiki", "type": "self_hosted", "domain": "wiki.test",
        "self_hosted_domains": ["wiki.test"], "destinations": [{ "type": "public", "uri": "wiki.test" }],
        "session_duration": "24h", "policies": [], "allowed_idps": [], "tags": [], "auto_redirect_to_identity": false,
        "app_launcher_visible": true, "enable_binding_cookie": false, "http_only_cookie_attribute": true,
        "options_preflight_bypass": false, "service_auth_401_redirect": false, "created_at": now, "updated_at": now,
    });
    assert_eq!(made, whole, "the defaults, and nothing for what was not set");
    assert!(made["aud"].as_str().unwrap().len() == 64 && made["aud"] != "a".repeat(64) && id != uuid());
    assert_eq!(door.get(&path_of(&made)).await.body["result"], whole);
    assert_eq!(at(&door, "wiki.test", "/").as_deref(), Some(id), "it decides when the call has answered");

    let settings = json!({ "domain": "docs.test/hand*", "session_duration": "90m", "same_site_cookie_attribute": "none",
        "http_only_cookie_attribute": false, "custom_deny_url": "https://no.test/", "app_launcher_visible": false,
        "allow_iframe": false, "cors_headers": { "allowed_origins": ["https://a.test"], "allowed_methods": ["GET"], "allow_credentials": false, "max_age": 5 } });
    let changed = door.done(200, "PUT", &path_of(&made), wiki(settings.clone())).await;
    for (name, value) in settings.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name} comes back as it was sent");
    }
    assert_eq!((&changed["aud"], &changed["created_at"]), (&made["aud"], &made["created_at"]), "these never change");
    assert_eq!(changed["destinations"], json!([{ "type": "public", "uri": "docs.test/hand*" }]));
    assert_eq!((at(&door, "wiki.test", "/"), at(&door, "docs.test", "/handbook").as_deref()), (None, Some(id)));
    let catalog = door.catalog();
    let app = catalog.app(id.parse().unwrap()).unwrap();
    assert_eq!((app.same_site_cookie_attribute, app.http_only_cookie_attribute), (SameSite::None, false));
    assert_eq!(app.session_duration.to_string(), "1h30m");

    let reset = door.done(200, "PUT", &path_of(&made), wiki(json!({ "allow_iframe": null }))).await;
    for name in ["allow_iframe", "cors_headers", "same_site_cookie_attribute", "custom_deny_url"] {
        assert!(reset.get(name).is_none(), "{name} is unset when it is left out or null");
    }
    assert_eq!(reset["http_only_cookie_attribute"], true, "back to the default");

    assert_eq!(door.done(202, "DELETE", &path_of(&made), Value::Null).await, json!({ "id": id }));
    assert_eq!(at(&door, "wiki.test", "/"), None);
    door.get(&path_of(&made)).await.refused(404, 11021);
    door.call("PUT", &path_of(&made), wiki(json!({}))).await.refused(404, 11021);
}

#[tokio::test]
async fn of_the_three_views_of_its_addresses_the_others_follow() {
    let door = Door::open().await;
    let public = |uri: &str| json!({ "type": "public", "uri": uri });
    for (number, (sent, domain, destinations)) in [
        (json!({ "domain": "a1.test" }), "a1.test", json!([public("a1.test")])),
        (
            json!({ "domain": null, "self_hosted_domains": ["a2.test/x", "b2.test"] }),
            "a2.test/x",
            json!([public("a2.test/x"), public("b2.test")]),
        ),
        (
            json!({ "domain": "b3.test", "destinations": [{ "uri": "a3.test" }, { "type": "public", "uri": "b3.test" }],
                "self_hosted_domains": ["ignored.test"] }),
            "b3.test",
            json!([public("a3.test"), public("b3.test")]),
        ),
        (
            json!({ "domain": null, "destinations": [{ "type": "private", "cidr": "10.0.0.0/8" }, public("*.a4.test")] }),
            "*.a4.test",
            json!([{ "type": "private", "cidr": "10.0.0.0/8" }, public("*.a4.test")]),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let made = door.done(201, "POST", PATH, wiki(sent)).await;
        assert_eq!((&made["domain"], &made["destinations"]), (&json!(domain), &destinations), "{number}");
        let uris: Vec<&Value> = destinations.as_array().unwrap().iter().filter_map(|one| one.get("uri")).collect();
        assert_eq!(made["self_hosted_domains"], json!(uris));
        let again = door.done(200, "PUT", &path_of(&made), made.clone()).await;
        assert_eq!(again, made, "sending back what was shown changes nothing");
    }
    assert_eq!(at(&door, "ignored.test", "/"), None);
}

#[tokio::test]
async fn p_06_an_application_that_cannot_be_one_is_refused_where_it_cannot() {
    let door = Door::open().await;
    for (more, pointer) in [
        (json!({ "type": null }), "/type"),
        (json!({ "type": "self-hosted" }), "/type"),
        (json!({ "name": null }), "/name"),
        (json!({ "domain": null }), "/domain"),
        (json!({ "domain": "*" }), "/destinations/0/uri"),
        (json!({ "domain": "wiki.test/../x" }), "/destinations/0/uri"),
        (json!({ "domain": "https://wiki.test" }), "/destinations/0/uri"),
        (json!({ "domain": "wiki.test?x" }), "/destinations/0/uri"),
        (json!({ "domain": "acme.cloudflareaccess.com" }), "/domain"),
        (json!({ "destinations": [{ "uri": "other.test" }] }), "/domain"),
        (json!({ "destinations": [{ "uri": "wiki.test" }, { "uri": "WIKI.test" }] }), "/destinations/1/uri"),
        (json!({ "destinations": [{ "type": "public" }] }), "/destinations/0"),
        (json!({ "destinations": [{ "type": "elsewhere", "uri": "wiki.test" }] }), "/destinations/0"),
        (json!({ "session_duration": "999999h" }), "/session_duration"),
        (json!({ "allowed_idps": [uuid()] }), "/allowed_idps/0"),
        (json!({ "allowed_idps": "all" }), "/allowed_idps"),
        (json!({ "same_site_cookie_attribute": "loose" }), "/same_site_cookie_attribute"),
        (json!({ "logo_url": "javascript:alert(1)" }), "/logo_url"),
        (json!({ "logo_url": "http://wiki.test/logo.png" }), "/logo_url"),
        (json!({ "custom_deny_url": "javascript:alert(1)" }), "/custom_deny_url"),
        (json!({ "custom_deny_url": "https://a:b@no.test/" }), "/custom_deny_url"),
        (json!({ "options_preflight_bypass": true, "cors_headers": {} }), "/options_preflight_bypass"),
        (json!({ "cors_headers": { "allowed_origins": ["*"], "allow_credentials": true } }), "/cors_headers"),
        (json!({ "read_service_tokens_from_header": "Cookie" }), "/read_service_tokens_from_header"),
        (json!({ "policies": [uuid()] }), "/policies/0"),
        (json!({ "policies": [{ "id": uuid(), "precedence": 1 }] }), "/policies/0"),
        (json!({ "policies": [7] }), "/policies/0"),
        (json!({ "policies": [everyone(json!({ "include": [{"emial": {}}] }))] }), "/policies/0/include/0"),
        (json!({ "policies": [everyone(json!({ "precedence": 0 }))] }), "/policies/0/precedence"),
        (
            json!({ "policies": [everyone(json!({ "precedence": 2 })), everyone(json!({ "precedence": 2 }))] }),
            "/policies/1",
        ),
    ] {
        let what = more.to_string();
        let answer = door.call("POST", PATH, wiki(more)).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.body);
        answer.invalid(pointer);
    }
    let missing = door.call("POST", PATH, wiki(json!({ "type": null }))).await.invalid("/type");
    assert!(missing.contains("app type is missing or invalid"));
    assert_eq!(door.objects.current().all().count(), 0, "nothing of it was kept");
}

#[tokio::test]
async fn an_address_belongs_to_one_application() {
    let door = Door::open().await;
    let made = door
        .done(201, "POST", PATH, wiki(json!({ "destinations": [{ "uri": "wiki.test" }, { "uri": "b.test/x" }] })))
        .await;
    for domain in ["wiki.test", "WIKI.test", "b.test/x"] {
        let second = json!({ "name": "Second", "type": "self_hosted", "domain": domain });
        door.call("POST", PATH, second).await.refused(409, 11010);
    }
    let second = json!({ "name": "Second", "type": "self_hosted", "domain": "wiki.test/sub" });
    let second = door.done(201, "POST", PATH, second).await;
    let taken = json!({ "name": "Second", "type": "self_hosted", "domain": "b.test/x" });
    door.call("PUT", &path_of(&second), taken).await.refused(409, 11010);
    door.done(200, "PUT", &path_of(&made), wiki(json!({}))).await;
    let freed = json!({ "name": "Second", "type": "self_hosted", "domain": "b.test/x" });
    door.done(200, "PUT", &path_of(&second), freed).await;
}

#[tokio::test]
async fn applications_are_found_by_what_is_known_of_them() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, wiki(json!({}))).await;
    door.done(201, "POST", PATH, json!({ "name": "Wiki two", "type": "self_hosted", "domain": "two.test" })).await;
    for (query, count) in [
        ("name=Wiki".to_owned(), 1),
        ("name=Wiki&exact=false".to_owned(), 2),
        ("domain=two.test".to_owned(), 1),
        (format!("aud={}", made["aud"].as_str().unwrap()), 1),
        ("search=TWO".to_owned(), 1),
        ("name=None".to_owned(), 0),
        ("page=2".to_owned(), 0),
    ] {
        let answer = door.get(&format!("{PATH}?{query}")).await;
        assert_eq!(answer.body["result"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn types_without_an_origin_have_their_own_defaults_and_decide_nothing() {
    let door = Door::open().await;
    let bookmark = json!({ "name": "Mail", "type": "bookmark", "domain": "https://mail.test/inbox" });
    let bookmark = door.done(201, "POST", PATH, bookmark).await;
    assert_eq!(
        (&bookmark["domain"], &bookmark["app_launcher_visible"]),
        (&json!("https://mail.test/inbox"), &json!(true))
    );
    let launcher = door.done(201, "POST", PATH, json!({ "name": "Launcher", "type": "app_launcher" })).await;
    assert_eq!(launcher["skip_app_launcher_login_page"], false);
    for (app, absent) in
        [(&bookmark, "session_duration"), (&bookmark, "destinations"), (&launcher, "app_launcher_visible")]
    {
        assert!(app.get(absent).is_none(), "{absent}: {app}");
    }
    assert_eq!(door.catalog().apps().count(), 0);
}

#[tokio::test]
async fn what_is_only_kept_and_what_stands_in_the_way_is_said() {
    let door = Door::open().await;
    let sent = json!({ "allow_authenticate_via_warp": true, "allow_iframe": false,
        "policies": [everyone(json!({ "isolation_required": true }))] });
    let answer = door.call("POST", PATH, wiki(sent)).await;
    let said = answer.body["messages"].to_string();
    for text in ["allow_authenticate_via_warp is kept", "cannot act on isolation_required", "no [[route]]"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(!said.contains("allow_iframe"), "{said}");
}

#[tokio::test]
async fn revoking_an_applications_tokens_ends_them_and_changes_nothing_else() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, wiki(json!({}))).await;
    let aud = doorward_model::id::Aud::try_from(made["aud"].as_str().unwrap().to_owned()).unwrap();
    let token = Bearings { session: None, user: None, app: Some(aud), iat: START.secs() };
    assert!(!door.store.revocations().is_revoked(&token));
    assert_eq!(door.done(202, "POST", &format!("{}/revoke_tokens", path_of(&made)), Value::Null).await, json!({}));
    assert!(door.store.revocations().is_revoked(&token));
    assert_eq!(door.get(&path_of(&made)).await.body["result"], made);
    door.call("POST", &format!("{PATH}/{}/revoke_tokens", uuid()), Value::Null).await.refused(404, 11021);
}

#[tokio::test]
async fn settings_are_set_whole_or_one_by_one() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, wiki(json!({}))).await;
    let path = format!("{}/settings", path_of(&made));
    let both = |frame: bool, skip: bool| json!({ "allow_iframe": frame, "skip_interstitial": skip });
    assert_eq!(door.done(202, "PUT", &path, both(true, true)).await, both(true, true));
    assert_eq!(door.done(202, "PATCH", &path, json!({ "allow_iframe": false })).await, both(false, true));
    assert_eq!(door.done(202, "PUT", &path, json!({ "allow_iframe": true })).await, both(true, false));
    let shown = door.get(&path_of(&made)).await.body["result"].clone();
    assert_eq!((&shown["allow_iframe"], shown.get("skip_interstitial")), (&json!(true), None));
    door.call("PUT", &path, json!({ "allow_iframe": "yes" })).await.invalid("/allow_iframe");
}

#[tokio::test]
async fn an_application_of_the_file_is_read_only_but_for_its_tokens() {
    let account = AccountId::derived("acme");
    let app = doorward_model::app::App::new(&account, "Of the file", vec!["file.test".parse().unwrap()], vec![]);
    let content = Content::new(&AppDocument::from(&app), &AppExtension::default(), None);
    let door = Door::declaring(vec![(Key::new(Kind::App, app.id), content)]).await;
    let path = format!("{PATH}/{}", app.id);
    assert_eq!(door.get(&path).await.body["result"]["name"], "Of the file");
    for (method, path, body) in [
        ("PUT", path.clone(), wiki(json!({}))),
        ("DELETE", path.clone(), Value::Null),
        ("PUT", format!("{path}/settings"), json!({})),
        ("PATCH", format!("{path}/settings"), json!({})),
        ("POST", format!("{path}/policies"), everyone(json!({}))),
    ] {
        let message = door.call(method, &path, body).await.refused(409, 12132);
        assert!(message.contains("/etc/doorward.toml"), "{method} {path}: {message}");
    }
    door.call("POST", PATH, wiki(json!({ "domain": "file.test" }))).await.refused(409, 11010);
    door.done(202, "POST", &format!("{path}/revoke_tokens"), Value::Null).await;
}

#[tokio::test]
async fn applications_of_other_types_are_kept_to_the_letter_and_let_nobody_in() {
    let door = Door::open().await;
    let everybody = json!([{ "name": "All", "decision": "bypass", "include": [{ "everyone": {} }] }]);
    let criteria = json!([{ "port": 22, "protocol": "SSH", "target_attributes": { "hostname": ["a"] } }]);
    for (mut app, absent) in [
        (json!({ "type": "ssh", "domain": "ssh.test" }), "skip_app_launcher_login_page"),
        (json!({ "type": "vnc", "domain": "vnc.test" }), "saas_app"),
        (json!({ "type": "rdp", "destinations": [{ "type": "public", "uri": "rdp.test" }] }), "saas_app"),
        (json!({ "type": "infrastructure", "target_criteria": criteria }), "session_duration"),
        (json!({ "type": "warp", "domain": "acme.cloudflareaccess.com/warp" }), "app_launcher_visible"),
        (json!({ "type": "biso", "domain": "acme.cloudflareaccess.com/browser" }), "session_duration"),
        (json!({ "type": "dash_sso" }), "app_launcher_visible"),
        (
            json!({ "type": "mcp", "destinations": [{ "type": "via_mcp_server_portal", "mcp_server_id": "one" }] }),
            "domain",
        ),
        (json!({ "type": "mcp_portal", "domain": "mcp.test" }), "app_launcher_visible"),
        (json!({ "type": "end_user", "domain": "customers.test" }), "app_launcher_visible"),
        (json!({ "type": "proxy_endpoint", "domain": "x.proxy.cloudflare-gateway.com" }), "app_launcher_visible"),
    ] {
        app["name"] = json!("Other");
        app["policies"] = everybody.clone();
        let answer = door.call("POST", PATH, app.clone()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert!(answer.body["messages"].to_string().contains("nobody is let in"), "{}", answer.body);
        let made = &answer.body["result"];
        for (field, value) in app.as_object().unwrap().iter().filter(|(field, _)| *field != "policies") {
            assert_eq!(&made[field], value, "{field}");
        }
        assert!(made.get(absent).is_none(), "{absent}: {made}");
        assert_eq!(made["policies"][0]["decision"], "bypass", "kept");
        let id = made["id"].as_str().unwrap();
        assert_eq!(&door.done(200, "GET", &format!("{PATH}/{id}"), Value::Null).await, made);
        let in_force = door.catalog().app(id.parse().unwrap()).cloned();
        assert!(in_force.is_none_or(|app| app.policies.is_empty()), "{}", app["type"]);
    }
    for host in ["ssh.test", "rdp.test"] {
        let covered = door.catalog().serves_host(&host.parse().unwrap());
        assert!(covered, "{host} is somebody's, so that it never passes as a host of nobody");
        let second = json!({ "name": "Second", "type": "self_hosted", "domain": host });
        door.call("POST", PATH, second).await.refused(409, 11010);
    }
}

#[tokio::test]
async fn what_an_application_of_its_type_needs_has_to_be_there() {
    let door = Door::open().await;
    for (app, pointer) in [
        (json!({ "name": "x", "type": "saas" }), "/saas_app"),
        (json!({ "name": "x", "type": "infrastructure" }), "/target_criteria"),
        (json!({ "name": "x", "type": "ssh" }), "/domain"),
        (json!({ "name": "x", "type": "spaceship" }), "/type"),
    ] {
        door.call("POST", PATH, app).await.invalid(pointer);
    }
}

#[tokio::test]
async fn a_second_factor_that_nobody_asks_for_cannot_be_demanded_and_can_be_disabled() {
    let door = Door::open().await;
    let with = |config: Value| wiki(json!({ "mfa_config": config }));
    for demanded in [
        json!({ "allowed_authenticators": ["totp"] }),
        json!({ "session_duration": "12h" }),
        json!({ "allowed_authenticators": ["totp"], "mfa_disabled": false }),
    ] {
        let message = door.call("POST", PATH, with(demanded)).await.refused(501, 9999);
        assert!(message.contains("mfa_config is not there in this version; leave it out"), "{message}");
    }
    let unheard_of = with(json!({ "allowed_authenticators": ["totp", "telepathy"] }));
    let message = door.call("POST", PATH, unheard_of).await.invalid("/mfa_config/allowed_authenticators/1");
    assert!(message.contains("invalid mfa authenticator type"), "{message}");
    let made = door.done(201, "POST", PATH, with(Value::Null)).await;
    assert!(made.get("mfa_config").is_none());
    for kept in [
        json!({}),
        json!({ "mfa_disabled": false, "allowed_authenticators": [] }),
        json!({ "mfa_disabled": true }),
        json!({ "mfa_disabled": true, "allowed_authenticators": ["totp"], "session_duration": "12h" }),
    ] {
        assert_eq!(door.done(200, "PUT", &path_of(&made), with(kept.clone())).await["mfa_config"], kept);
    }
    let shell = json!({ "name": "Shell", "type": "ssh", "domain": "ssh.test", "mfa_config": { "allowed_authenticators": ["piv_key"] } });
    door.done(201, "POST", PATH, shell).await;
}
