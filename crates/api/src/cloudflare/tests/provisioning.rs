//! `scim_config` of applications: an object with secrets that never come out.

use doorward_model::document::{Key, Kind, Object};
use serde_json::{Value, json};

use super::door::{Door, uuid};

const PATH: &str = "/access/apps";
const MASKED: &str = "********";

async fn provider(door: &Door) -> String {
    let pin = json!({ "name": "PIN", "type": "onetimepin", "config": {} });
    let made = door.done(201, "POST", "/access/identity_providers", pin).await;
    made["id"].as_str().unwrap().to_owned()
}

fn app(scim_config: Value) -> Value {
    json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "scim_config": scim_config })
}

fn config(idp: &str, authentication: Value) -> Value {
    json!({ "enabled": true, "idp_uid": idp, "remote_uri": "https://wiki.test/scim", "authentication": authentication })
}

fn basic(password: &str) -> Value {
    json!({ "scheme": "httpbasic", "user": "door", "password": password })
}

fn kept(door: &Door, app: &Value) -> Object {
    let key = Key::new(Kind::App, app["id"].as_str().unwrap());
    (**door.objects.current().get(&key).unwrap()).clone()
}

fn secrets(door: &Door, app: &Value) -> Option<String> {
    kept(door, app).content.secret.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn what_would_be_provisioned_is_kept_to_the_letter_and_its_secrets_behind_a_mask() {
    let door = Door::open().await;
    let idp = provider(&door).await;
    let mut written = config(
        &idp,
        json!([basic("hunter2"), { "scheme": "access_service_token", "client_id": "a", "client_secret": "hunter3" }]),
    );
    written["deactivate_on_delete"] = json!(false);
    written["mappings"] = json!([{ "schema": "urn:ietf:params:scim:schemas:core:2.0:User", "enabled": true,
        "filter": "title pr", "transform_jsonata": "$", "strictness": "passthrough",
        "operations": { "create": true, "update": false, "delete": true } }]);
    let answer = door.call("POST", PATH, app(written.clone())).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert!(answer.body["messages"].to_string().contains("scim_config is kept, but this version does not act on it"));
    let made = answer.body["result"].clone();
    let mut shown = written;
    shown["authentication"][0]["password"] = json!(MASKED);
    shown["authentication"][1]["client_secret"] = json!(MASKED);
    assert_eq!(made["scim_config"], shown);
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    assert_eq!(door.get(&path).await.body["result"], made);
    assert!(!kept(&door, &made).content.document.contains("hunter"));
    assert_eq!(secrets(&door, &made).as_deref(), Some(r#"["hunter2","hunter3"]"#));
    assert!(!door.get("/audit_logs").await.body.to_string().contains("hunter"));

    let used = door.call("DELETE", &format!("/access/identity_providers/{idp}"), Value::Null).await;
    assert!(used.refused(409, 12132).contains("Wiki"), "its provider stays");
    let taken_back = door.done(200, "PUT", &path, app(Value::Null)).await;
    assert_eq!((taken_back.get("scim_config"), secrets(&door, &made)), (None, None));
}

#[tokio::test]
async fn a_mask_that_is_sent_back_stands_for_the_secret_unless_it_would_go_elsewhere() {
    let door = Door::open().await;
    let idp = provider(&door).await;
    let made = door.done(201, "POST", PATH, app(config(&idp, basic("hunter2")))).await;
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let mut same = made.clone();
    same["name"] = json!("Renamed");
    assert_eq!(door.done(200, "PUT", &path, same).await["scim_config"], made["scim_config"]);
    assert_eq!(secrets(&door, &made).as_deref(), Some(r#"["hunter2"]"#));
    door.done(202, "PATCH", &format!("{path}/settings"), json!({ "allow_iframe": true })).await;
    assert_eq!(secrets(&door, &made).as_deref(), Some(r#"["hunter2"]"#), "what changes something else leaves it");

    let mut elsewhere = made.clone();
    elsewhere["scim_config"]["remote_uri"] = json!("https://thief.test/scim");
    let mut other_user = made.clone();
    other_user["scim_config"]["authentication"]["user"] = json!("root");
    let bearer = app(config(&idp, json!({ "scheme": "oauthbearertoken", "token": MASKED })));
    for wrong in [elsewhere, other_user, bearer] {
        door.call("PUT", &path, wrong).await.invalid("/scim_config/authentication");
    }
    let new = json!({ "name": "x", "type": "saas", "saas_app": {}, "scim_config": config(&idp, basic(MASKED)) });
    door.call("POST", PATH, new).await.invalid("/scim_config/authentication");
    door.done(200, "PUT", &path, app(config(&idp, json!({ "scheme": "oauthbearertoken", "token": "hunter4" })))).await;
    assert_eq!(secrets(&door, &made).as_deref(), Some(r#"["hunter4"]"#));
}

#[tokio::test]
async fn p_06_p_08_provisioning_that_could_not_be_is_refused_where_it_could_not() {
    let door = Door::open().await;
    let idp = provider(&door).await;
    let oauth2 = json!({ "scheme": "oauth2", "client_id": "a", "client_secret": "hunter2",
        "authorization_url": "https://a.test", "scopes": ["a"] });
    let with = |name: &str, value: Value| {
        let mut config = config(&idp, basic("hunter2"));
        config[name] = value;
        config
    };
    for (config, pointer, text) in [
        (with("idp_uid", Value::Null), "/idp_uid", "idp_uid is a required field"),
        (with("idp_uid", json!(uuid())), "/idp_uid", "no identity provider"),
        (with("remote_uri", Value::Null), "/remote_uri", "remote_uri is a required field"),
        (with("remote_uri", json!("https://169.254.169.254/")), "/remote_uri", "of this machine"),
        (with("remote_uri", json!("localhost")), "/remote_uri", "of this machine"),
        (with("authentication", json!("none")), "/authentication/scheme", "httpbasic"),
        (with("authentication", json!({ "scheme": "digest" })), "/authentication/scheme", "httpbasic"),
        (
            with("authentication", json!({ "scheme": "httpbasic", "user": "a" })),
            "/authentication/password",
            "password is a required field",
        ),
        (
            with("authentication", json!([basic("a"), { "scheme": "oauthbearertoken" }])),
            "/authentication/1/token",
            "token is a required field",
        ),
        (with("authentication", oauth2), "/authentication/token_url", "token_url is a required field"),
        (
            with("mappings", json!([{ "schema": "urn:ietf:params:scim:schemas:core:2.0:Device" }])),
            "/mappings/0/schema",
            "invalid SCIM schema in mappings",
        ),
        (
            with("mappings", json!([{ "schema": "urn:ietf:params:scim:schemas:core:2.0:Group", "strictness": "lax" }])),
            "/mappings/0/strictness",
            "passthrough",
        ),
        (
            with(
                "mappings",
                json!([{ "schema": "urn:ietf:params:scim:schemas:core:2.0:Group", "operations": { "create": 1 } }]),
            ),
            "/mappings/0/operations/create",
            "true or false",
        ),
    ] {
        let message = door.call("POST", PATH, app(config)).await.invalid(&format!("/scim_config{pointer}"));
        assert!(message.contains(text), "{message}");
    }
    assert_eq!(door.get(PATH).await.body["result"], json!([]));
}
