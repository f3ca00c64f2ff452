//! SCIM of identity providers: an object whose secret is told once.

use doorward_model::document::{IdentityProviderExtension, Key, Kind};
use doorward_model::secret::Secret;
use serde_json::{Value, json};

use super::door::Door;

const PATH: &str = "/access/identity_providers";

fn github(scim_config: Value) -> Value {
    json!({ "name": "GitHub", "type": "github", "config": { "client_id": "a", "client_secret": "hunter2" },
        "scim_config": scim_config })
}

/// The digest that a provider's secret is compared with.
fn digest(door: &Door, id: &str) -> Option<String> {
    let set = door.objects.current();
    let object = set.get(&Key::new(Kind::IdentityProvider, id)).unwrap();
    object.extension::<IdentityProviderExtension>().unwrap().scim_secret
}

fn is_of(secret: &Value, digest: Option<&String>) -> bool {
    let secret = secret.as_str().map(|text| Secret::new(text.to_owned()).digest().to_hex());
    secret.is_some() && secret.as_ref() == digest
}

#[tokio::test]
async fn the_secret_is_told_by_the_call_that_turns_scim_on_and_never_again() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, github(json!({ "enabled": false, "user_deprovision": true }))).await;
    let off = json!({ "enabled": false, "user_deprovision": true, "identity_update_behavior": "no_action" });
    assert_eq!(made["scim_config"], off, "no secret and no address while it is off");
    let id = made["id"].as_str().unwrap();
    let path = format!("{PATH}/{id}");
    let refresh = format!("{path}/refresh_scim_secret");
    assert!(door.call("POST", &refresh, Value::Null).await.refused(409, 12132).contains("not enabled"));

    let answer = door.call("PUT", &path, github(json!({ "enabled": true }))).await;
    assert!(answer.body["messages"].to_string().contains("nothing answers at scim_base_url"), "{}", answer.body);
    let on = answer.body["result"]["scim_config"].clone();
    assert_eq!(on["scim_base_url"], format!("https://acme.cloudflareaccess.com/populations/{id}/scim/v2"));
    let first = digest(&door, id);
    assert!(is_of(&on["secret"], first.as_ref()));
    let shown =
        json!({ "enabled": true, "identity_update_behavior": "no_action", "scim_base_url": on["scim_base_url"] });
    let read = door.get(&path).await.body["result"].clone();
    assert_eq!(read["scim_config"], shown);
    for written in [read.clone(), github(on.clone())] {
        let same = door.done(200, "PUT", &path, written).await;
        assert_eq!((&same["scim_config"], &digest(&door, id)), (&shown, &first), "another change makes no other one");
    }

    let refreshed = door.done(200, "POST", &refresh, Value::Null).await;
    let second = digest(&door, id);
    assert!(is_of(&refreshed["scim_config"]["secret"], second.as_ref()) && second != first);
    assert_eq!(door.get(&path).await.body["result"]["scim_config"], shown);
    for (filter, count) in [("true", 1), ("false", 0)] {
        let found = door.get(&format!("{PATH}?scim_enabled={filter}")).await.body["result"].clone();
        assert_eq!(found.as_array().unwrap().len(), count, "{filter}");
    }
    let log = door.get("/audit_logs").await.body["result"].clone();
    for secret in [&on["secret"], &refreshed["scim_config"]["secret"]] {
        assert!(!log.to_string().contains(secret.as_str().unwrap()));
    }
    let done = json!({ "type": "refresh_scim_secret", "result": true });
    let line = log.as_array().unwrap().iter().find(|line| line["action"] == done).unwrap();
    assert_eq!(line["metadata"]["secret"], "changed", "{line}");

    door.done(200, "PUT", &path, github(Value::Null)).await;
    assert_eq!(digest(&door, id), None, "what is turned off has no secret");
    assert!(door.get(&path).await.body["result"].get("scim_config").is_none());
}

#[tokio::test]
async fn scim_that_cannot_be_is_refused_where_it_cannot() {
    let door = Door::open().await;
    for (config, pointer) in [
        (json!({ "enabled": "yes" }), "/scim_config/enabled"),
        (json!({ "enabled": true, "seat_deprovision": true }), "/scim_config/seat_deprovision"),
        (json!({ "identity_update_behavior": "sometimes" }), "/scim_config/identity_update_behavior"),
    ] {
        door.call("POST", PATH, github(config)).await.invalid(pointer);
    }
    let pin = |enabled: bool| json!({ "name": "PIN", "type": "onetimepin", "config": {}, "scim_config": { "enabled": enabled } });
    door.call("POST", PATH, pin(true)).await.invalid("/scim_config/enabled");
    door.done(201, "POST", PATH, pin(false)).await;
}
