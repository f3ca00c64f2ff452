//! Identity providers.

use doorward_model::idp::{IdpKind, OidcEndpoints};
use doorward_model::secret::Secret;
use serde_json::{Value, json};

use super::door::{Door, uuid};

const PATH: &str = "/access/identity_providers";

fn oidc(more: Value) -> Value {
    let mut config = json!({ "client_id": "door", "client_secret": "hunter2", "auth_url": "https://kc.test/auth",
        "token_url": "https://kc.test/token", "certs_url": "https://kc.test/certs" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "name": "Keycloak", "type": "oidc", "config": config })
}

#[tokio::test]
async fn a_provider_that_is_there_told_nothing_by_scim() {
    let door = Door::open().await;
    let pin = json!({ "name": "PIN", "type": "onetimepin", "config": {} });
    let pin = door.done(201, "POST", "/access/identity_providers", pin).await;
    let path = |id: &str, rest: &str| format!("/access/identity_providers/{id}/{rest}");
    let id = pin["id"].as_str().unwrap();
    for rest in ["scim/users", "scim/groups"] {
        assert_eq!(door.done(200, "GET", &path(id, rest), Value::Null).await, json!([]));
        door.get(&path(&uuid(), rest)).await.refused(404, 12135);
    }
    assert!(
        door.call("POST", &path(id, "refresh_scim_secret"), Value::Null).await.refused(409, 12132).contains("SCIM")
    );
    door.call("POST", &path(&uuid(), "refresh_scim_secret"), Value::Null).await.refused(404, 12135);
}

#[tokio::test]
async fn a_provider_can_be_signed_in_with_at_once_and_never_shows_its_secret() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, oidc(json!({ "claims": ["groups"], "scopes": ["openid"] }))).await;
    let id = made["id"].as_str().unwrap();
    let config = json!({ "client_id": "door", "auth_url": "https://kc.test/auth", "token_url": "https://kc.test/token",
        "certs_url": "https://kc.test/certs", "claims": ["groups"], "scopes": ["openid"],
        "redirect_url": "https://acme.cloudflareaccess.com/cdn-cgi/access/callback" });
    assert_eq!(made, json!({ "id": id, "name": "Keycloak", "type": "oidc", "config": config }));
    let provider = |door: &Door| {
        let catalog = door.catalog();
        let IdpKind::Oidc(oidc) = &catalog.idps().find(|idp| idp.id.to_string() == id).unwrap().kind;
        oidc.clone()
    };
    assert_eq!(provider(&door).client_secret, Secret::new("hunter2".into()));
    assert!(matches!(provider(&door).endpoints, OidcEndpoints::Explicit { .. }));

    let path = format!("{PATH}/{id}");
    let mut same = door.get(&path).await.body["result"].clone();
    assert_eq!(same, made);
    same["name"] = json!("Renamed");
    let renamed = door.done(200, "PUT", &path, same).await;
    assert_eq!((&renamed["name"], &renamed["config"]), (&json!("Renamed"), &made["config"]));
    assert_eq!(provider(&door).client_secret, Secret::new("hunter2".into()), "a secret that is not written stays");
    door.done(200, "PUT", &path, oidc(json!({ "client_secret": "another" }))).await;
    assert_eq!(provider(&door).client_secret, Secret::new("another".into()));

    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "allowed_idps": [id] });
    let app = door.done(201, "POST", "/access/apps", app).await;
    assert!(door.call("DELETE", &path, Value::Null).await.refused(409, 12132).contains("Wiki"));
    door.done(202, "DELETE", &format!("/access/apps/{}", app["id"].as_str().unwrap()), Value::Null).await;
    door.done(202, "DELETE", &path, Value::Null).await;
    assert_eq!(door.catalog().idps().count(), 0);
    door.get(&path).await.refused(404, 12135);
}

#[tokio::test]
async fn p_08_a_provider_that_cannot_be_one_is_refused_where_it_cannot() {
    let door = Door::open().await;
    for (more, pointer) in [
        (json!({ "client_id": "" }), "/config/client_id"),
        (json!({ "client_secret": "" }), "/config/client_secret"),
        (json!({ "client_secret": null }), "/config/client_secret"),
        (json!({ "auth_url": null }), "/config/auth_url"),
        (json!({ "auth_url": "http://kc.test/auth" }), "/config/auth_url"),
        (json!({ "token_url": "https://169.254.169.254/token" }), "/config/token_url"),
        (json!({ "token_url": "https://localhost:8081/token" }), "/config/token_url"),
        (json!({ "certs_url": "file:///etc/passwd" }), "/config/certs_url"),
        (json!({ "certs_url": "https://[::ffff:169.254.169.254]/" }), "/config/certs_url"),
        (json!({ "scopes": "openid" }), "/config/scopes"),
        (json!({ "pkce_enabled": "yes" }), "/config/pkce_enabled"),
    ] {
        door.call("POST", PATH, oidc(more)).await.invalid(pointer);
    }
    door.call("POST", PATH, json!({ "name": "x", "type": "myspace", "config": {} })).await.invalid("/type");
    door.call("POST", PATH, json!({ "name": "x", "type": "saml" })).await.invalid("/config");
    assert_eq!(door.objects.current().all().count(), 0);
}

#[tokio::test]
async fn a_second_one_time_pin_is_refused_and_other_types_say_that_they_do_nothing_yet() {
    let door = Door::open().await;
    let pin = json!({ "name": "PIN", "type": "onetimepin", "config": {} });
    let answer = door.call("POST", PATH, pin.clone()).await;
    assert_eq!(answer.status, 201);
    assert!(answer.body["messages"].to_string().contains("cannot sign anybody in with a provider of type onetimepin"));
    assert!(
        door.call("POST", PATH, pin.clone())
            .await
            .refused(409, 12132)
            .contains("a onetimepin connection already exists")
    );
    let path = format!("{PATH}/{}", answer.body["result"]["id"].as_str().unwrap());
    door.done(200, "PUT", &path, pin).await;
    door.call("PUT", &path, oidc(json!({}))).await.invalid("/type");
    assert_eq!(door.catalog().idps().count(), 0, "nobody can choose it");
}
