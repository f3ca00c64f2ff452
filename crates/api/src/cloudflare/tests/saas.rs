//! SaaS applications: what the team makes for them, and what they may hold.

use doorward_model::document::{AppExtension, Key, Kind, Object};
use doorward_model::secret::Secret;
use serde_json::{Value, json};

use super::door::{CERTIFICATE, Door};

const PATH: &str = "/access/apps";

fn saas(saas_app: Value) -> Value {
    json!({ "name": "Tracker", "type": "saas", "saas_app": saas_app })
}

fn oidc(more: Value) -> Value {
    let mut saas_app = json!({ "auth_type": "oidc", "redirect_uris": ["https://saas.test/cb"], "scopes": ["openid"] });
    saas_app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    saas(saas_app)
}

fn path_of(app: &Value) -> String {
    format!("{PATH}/{}", app["id"].as_str().unwrap())
}

fn is_hex(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn kept(door: &Door, app: &Value) -> Object {
    let key = Key::new(Kind::App, app["id"].as_str().unwrap());
    (**door.objects.current().get(&key).unwrap()).clone()
}

#[tokio::test]
async fn the_client_of_an_oidc_application_is_made_once_and_its_secret_told_once() {
    let door = Door::open().await;
    let written = oidc(json!({ "client_id": "mine", "client_secret": "mine", "public_key": "mine", "unheard_of": 1 }));
    let made = door.done(201, "POST", PATH, written).await;
    let (id, secret) = (made["saas_app"]["client_id"].clone(), made["saas_app"]["client_secret"].clone());
    assert!(is_hex(&id) && is_hex(&secret) && id != secret, "{made}");
    let shown = json!({
        "auth_type": "oidc", "redirect_uris": ["https://saas.test/cb"], "scopes": ["openid"], "client_id": id,
        "public_key": CERTIFICATE, "access_token_lifetime": "5m", "allow_pkce_without_client_secret": false,
    });
    let read = door.get(&path_of(&made)).await.body["result"].clone();
    assert_eq!(read["saas_app"], shown, "with its defaults, and without its secret");
    assert_eq!(door.get(PATH).await.body["result"][0], read);

    let object = kept(&door, &made);
    let secret = secret.as_str().unwrap().to_owned();
    let digest = object.extension::<AppExtension>().unwrap().saas_client_secret;
    assert_eq!(digest, Some(Secret::new(secret.clone()).digest().to_hex()));
    assert!(!object.content.document.contains(&secret) && !object.content.extension.contains(&secret));

    let same = door.done(200, "PUT", &path_of(&made), made.clone()).await;
    assert_eq!(same["saas_app"], shown, "what was shown can be sent back: nothing is made anew or told again");
    let changed = door.done(200, "PUT", &path_of(&made), oidc(json!({ "scopes": ["openid", "email"] }))).await;
    assert_eq!((&changed["saas_app"]["client_id"], changed["saas_app"].get("client_secret")), (&id, None));
    assert_eq!(kept(&door, &made).extension::<AppExtension>().unwrap().saas_client_secret, digest);

    let log = door.get("/audit_logs").await.body["result"].clone();
    assert!(!log.to_string().contains(&secret), "{log}");
    let created = log.as_array().unwrap().iter().find(|line| line["action"]["type"] == "create").unwrap();
    assert_eq!(created["metadata"]["secret"], "set", "{created}");
}

#[tokio::test]
async fn a_saml_application_is_told_where_to_send_people_and_who_signs() {
    let door = Door::open().await;
    let written = json!({ "sp_entity_id": "tracker", "consumer_service_url": "https://saas.test/acs",
        "name_id_format": "email", "sso_endpoint": "https://elsewhere.test", "custom_attributes": [{ "name": "rank",
        "friendly_name": "Rank", "required": true, "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
        "source": { "name": "rank", "name_by_idp": [{ "idp_id": "one", "source_name": "r" }] } }] });
    let made = door.done(201, "POST", PATH, saas(written.clone())).await;
    let aud = made["aud"].as_str().unwrap();
    let sign_on = format!("https://acme.cloudflareaccess.com/cdn-cgi/access/sso/saml/{aud}");
    let mut shown = written;
    for (name, value) in
        [("auth_type", "saml"), ("public_key", CERTIFICATE), ("sso_endpoint", &sign_on), ("idp_entity_id", &sign_on)]
    {
        shown[name] = json!(value);
    }
    assert_eq!(made["saas_app"], shown);
    assert_eq!(door.get(&path_of(&made)).await.body["result"]["saas_app"], shown);

    let turned = door.done(200, "PUT", &path_of(&made), oidc(json!({}))).await;
    let client = |app: &Value| (app["saas_app"]["client_id"].clone(), app["saas_app"]["client_secret"].clone());
    assert!(is_hex(&client(&turned).1), "one that becomes an OIDC application gets its client then: {turned}");
    door.done(200, "PUT", &path_of(&made), saas(json!({ "sp_entity_id": "tracker" }))).await;
    assert_eq!(kept(&door, &made).extension::<AppExtension>().unwrap(), AppExtension::default());
    let again = door.done(200, "PUT", &path_of(&made), oidc(json!({}))).await;
    assert!(client(&again).0 != client(&turned).0 && client(&again).1 != client(&turned).1, "it is another one");
}

#[tokio::test]
async fn p_06_p_10_a_saas_application_that_cannot_be_one_is_refused_where_it_cannot() {
    let door = Door::open().await;
    for (more, pointer) in [
        (json!({ "auth_type": "ldap" }), "/saas_app/auth_type"),
        (json!({ "redirect_uris": "https://saas.test/cb" }), "/saas_app/redirect_uris"),
        (json!({ "redirect_uris": ["https://saas.test/cb", "/cb"] }), "/saas_app/redirect_uris/1"),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "/saas_app/redirect_uris/0"),
        (json!({ "redirect_uris": ["https://saas.test/cb#here"] }), "/saas_app/redirect_uris/0"),
        (json!({ "redirect_uris": ["https://a:b@saas.test/cb"] }), "/saas_app/redirect_uris/0"),
        (json!({ "scopes": ["openid", "offline_access"] }), "/saas_app/scopes/1"),
        (json!({ "grant_types": ["password"] }), "/saas_app/grant_types/0"),
        (json!({ "grant_types": ["refresh_tokens", "hybrid"] }), "/saas_app/grant_types"),
        (json!({ "access_token_lifetime": "0m" }), "/saas_app/access_token_lifetime"),
        (json!({ "access_token_lifetime": "25h" }), "/saas_app/access_token_lifetime"),
        (json!({ "access_token_lifetime": "1d" }), "/saas_app/access_token_lifetime"),
        (json!({ "refresh_token_options": { "lifetime": "1m" } }), "/saas_app/refresh_token_options/lifetime"),
        (json!({ "app_launcher_url": "javascript:alert(1)" }), "/saas_app/app_launcher_url"),
        (json!({ "consumer_service_url": "file:///etc/passwd" }), "/saas_app/consumer_service_url"),
        (json!({ "name_id_format": "phone" }), "/saas_app/name_id_format"),
        (json!({ "custom_claims": [{ "scope": "profile" }] }), "/saas_app/custom_claims/0/name"),
        (json!({ "custom_claims": [{ "name": "a", "scope": "all" }] }), "/saas_app/custom_claims/0/scope"),
        (json!({ "custom_claims": ["rank"] }), "/saas_app/custom_claims/0"),
        (
            json!({ "custom_claims": [{ "name": "a", "source": { "name_by_idp": [] } }] }),
            "/saas_app/custom_claims/0/source/name_by_idp",
        ),
        (
            json!({ "custom_attributes": [{ "name": "a", "name_format": "x" }] }),
            "/saas_app/custom_attributes/0/name_format",
        ),
        (
            json!({ "hybrid_and_implicit_options": { "return_id_token_from_authorization_endpoint": "yes" } }),
            "/saas_app/hybrid_and_implicit_options/return_id_token_from_authorization_endpoint",
        ),
    ] {
        door.call("POST", PATH, oidc(more)).await.invalid(pointer);
    }
    let other = json!({ "name": "x", "type": "self_hosted", "domain": "x.test", "saas_app": {} });
    door.call("POST", PATH, other).await.invalid("/saas_app");
    assert_eq!(door.objects.current().all().count(), 0);
    door.done(201, "POST", PATH, oidc(json!({ "redirect_uris": ["cursor://login/cb", "http://127.0.0.1:9/cb"] })))
        .await;
}
