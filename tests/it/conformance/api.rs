//! Rows whose behaviour is seen by changing something through the management
//! API and asking at the door.

use serde_json::{Value, json};

use super::{HOST, changed};
use crate::support::client::Client;
use crate::support::config::{ALICE, APP, OTHER, ROOT};
use crate::support::token::claims;
use crate::support::world::World;

/// A call of the account's API that must succeed; the `result`.
async fn call(world: &World, method: &str, path: &str, body: Value) -> Value {
    let account = world.gateway.ready["account_id"].as_str().expect("the ready line names the account");
    let path = format!("/client/v4/accounts/{account}/access{path}");
    let (status, answer) = world.gateway.admin_call(method, &path, Some(body)).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer["result"].clone()
}

fn everybody(name: &str) -> Value {
    json!({ "name": name, "decision": "allow", "include": [{ "everyone": {} }] })
}

#[tokio::test]
async fn row_055_a_policy_that_becomes_reusable_keeps_its_id_and_its_place() {
    let world = changed(|config| config, "").await;
    let app = json!({ "name": "Made", "type": "self_hosted", "domain": HOST, "policies": [everybody("Own")] });
    let app = call(&world, "POST", "/apps", app).await;
    let (id, policy) = (app["id"].as_str().unwrap(), app["policies"][0]["id"].as_str().unwrap());
    call(&world, "PUT", &format!("/apps/{id}/policies/{policy}/make_reusable"), json!({})).await;
    assert_eq!(call(&world, "GET", &format!("/policies/{policy}"), Value::Null).await["name"], "Own");
    let closed = json!({ "name": "Own", "decision": "deny", "include": [{ "everyone": {} }] });
    let token = world.gateway.token(json!({ "app": "Made", "email": ALICE })).await;
    let mut alice = Client::holding(&world.gateway, HOST, &token);
    assert_eq!(alice.get(&world.gateway.at(HOST, "/")).await.status, 200);
    call(&world, "PUT", &format!("/policies/{policy}"), closed).await;
    assert_eq!(alice.get(&world.gateway.at(HOST, "/")).await.status, 403, "the application uses it still");
}

#[tokio::test]
async fn row_137_row_138_what_the_api_revokes_is_over_with_the_answer() {
    let world = World::start().await;
    let opens = async |host: &str, token: &str| {
        Client::holding(&world.gateway, host, token).get(&world.gateway.at(host, "/")).await.status == 200
    };
    let (alice, other) = (world.token(ALICE, "App").await, world.token(ALICE, "Other").await);
    let root = world.token(ROOT, "App").await;
    assert!(opens(APP, &alice).await && opens(OTHER, &other).await && opens(APP, &root).await);
    call(&world, "POST", &format!("/apps/{}/revoke_tokens", world.gateway.app_id("App")), json!({})).await;
    assert!(!opens(APP, &alice).await && !opens(APP, &root).await && opens(OTHER, &other).await);
    call(&world, "POST", "/organizations/revoke_user", json!({ "email": ALICE })).await;
    assert!(!opens(OTHER, &other).await);
    let refused = world.stranger().sign_in(&world.app("/"), ALICE).await;
    assert!(refused.status == 403 && refused.body.contains("You cannot sign in right now"), "{}", refused.body);
}

#[tokio::test]
async fn row_149_row_150_a_put_is_the_whole_application_and_settings_are_two_fields() {
    let world = changed(|config| config, "").await;
    let app = json!({
        "name": "Made", "type": "self_hosted", "domain": HOST, "policies": [everybody("All")],
        "http_only_cookie_attribute": false, "same_site_cookie_attribute": "lax", "session_duration": "1h",
    });
    let made = call(&world, "POST", "/apps", app).await;
    let path = format!("/apps/{}", made["id"].as_str().unwrap());
    let cookie = async || {
        let mut alice = world.stranger();
        assert_eq!(alice.sign_in(&world.gateway.at(HOST, "/"), ALICE).await.status, 200);
        let mut given = alice.given.into_iter().rev();
        let (_, cookie) = given.find(|(host, cookie)| host == HOST && cookie.name == "CF_Authorization").unwrap();
        let told = claims(&cookie.value);
        let hours = (told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap()) / 3600;
        (cookie.has("httponly"), cookie.attribute("samesite").unwrap().to_owned(), hours)
    };
    assert_eq!(cookie().await, (false, "Lax".into(), 1));
    call(&world, "PATCH", &format!("{path}/settings"), json!({ "allow_iframe": true })).await;
    assert_eq!(cookie().await, (false, "Lax".into(), 1), "settings leave the rest alone");
    let whole = json!({ "name": "Made", "type": "self_hosted", "domain": HOST });
    let after = call(&world, "PUT", &path, whole).await;
    assert_eq!(cookie().await, (true, "None".into(), 24), "what was left out is as at the beginning");
    assert_eq!((&after["aud"], after["allow_iframe"] == true), (&made["aud"], false));
}
