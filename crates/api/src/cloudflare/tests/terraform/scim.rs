//! Providers that tell of people by SCIM.

use serde_json::{Value, json};

use super::super::door::Door;
use super::provider::{IDENTITY_PROVIDER, Managed};

/// As the provider plans it, with its own default.
fn entra(more: Value) -> Value {
    let mut scim = json!({ "identity_update_behavior": "no_action" });
    scim.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "name": "Entra", "type": "azureAD", "scim_config": scim,
        "config": { "client_id": "a", "client_secret": "hunter2", "directory_id": "d", "support_groups": true } })
}

#[tokio::test]
async fn scim_that_is_on_from_the_start_is_planned_empty_and_its_secret_is_not_made_again() {
    let door = Door::open().await;
    let whole = json!({ "enabled": true, "seat_deprovision": true, "user_deprovision": true });
    let told = door.done(201, "POST", "/access/identity_providers", entra(whole.clone())).await;
    assert!(told["scim_config"]["secret"].is_string(), "{told}");
    let mut made = Managed::create(&door, &IDENTITY_PROVIDER, entra(whole.clone())).await;
    let read = door.get(&made.path()).await.body["result"]["scim_config"].clone();
    assert!(read.get("secret").is_none() && read["scim_base_url"].is_string(), "{read}");
    let mut renamed = entra(whole);
    renamed["name"] = json!("Else");
    made.update(renamed.clone()).await;
    let again = door.done(200, "PUT", &made.path(), renamed).await;
    assert!(again["scim_config"].get("secret").is_none(), "{again}");
    made.update(entra(json!({ "enabled": true, "seat_deprovision": null, "user_deprovision": null,
        "identity_update_behavior": "automatic" })))
        .await;
    made.update(json!({ "name": "Entra", "type": "azureAD", "config": entra(json!({}))["config"] })).await;
    made.imported(&["scim_config"]).await;
    made.destroy().await;
}

#[tokio::test]
async fn scim_that_is_turned_on_later_tells_its_secret_then() {
    let door = Door::open().await;
    let mut made = Managed::create(&door, &IDENTITY_PROVIDER, entra(json!({ "enabled": false }))).await;
    let read = door.get(&made.path()).await.body["result"]["scim_config"].clone();
    assert_eq!(read, json!({ "enabled": false, "identity_update_behavior": "no_action" }));
    let turned_on = door.done(200, "PUT", &made.path(), entra(json!({ "enabled": true }))).await;
    assert!(turned_on["scim_config"]["secret"].is_string(), "{turned_on}");
    made.update(entra(json!({ "enabled": true }))).await;
    made.destroy().await;
}
