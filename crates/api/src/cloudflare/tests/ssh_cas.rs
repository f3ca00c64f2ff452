//! Certificate authorities for SSH.

use doorward_model::id::AppId;
use doorward_signer::SshCaKey;
use serde_json::{Value, json};

use super::door::{Door, uuid};

async fn app(door: &Door, host: &str) -> Value {
    let app = json!({ "name": host, "type": "self_hosted", "domain": host });
    door.done(201, "POST", "/access/apps", app).await
}

fn id(app: &Value) -> AppId {
    app["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_application_is_given_a_key_that_vouches_for_people_and_is_never_shown() {
    let door = Door::open().await;
    let (ssh, other) = (app(&door, "ssh.test").await, app(&door, "other.test").await);
    let path = format!("/access/apps/{}/ca", id(&ssh));
    door.get(&path).await.refused(404, 12135);
    let ca = door.done(200, "POST", &path, Value::Null).await;
    assert_eq!(ca["aud"], ssh["aud"]);
    assert_eq!(ca.as_object().unwrap().len(), 3, "no private key: {ca}");
    assert!(door.call("POST", &path, Value::Null).await.refused(409, 12132).contains("already"));

    let in_force = door.catalog().ssh_ca(id(&ssh)).cloned().unwrap();
    let key = SshCaKey::from_stored(&in_force.private_key).unwrap();
    assert_eq!(ca["public_key"], json!(key.public_key()), "what signs is what was shown");
    assert!(door.catalog().ssh_ca(id(&other)).is_none(), "each application has its own, or none");

    assert_eq!(door.done(200, "GET", &path, Value::Null).await, ca);
    assert_eq!(door.done(200, "GET", "/access/apps/ca", Value::Null).await, json!([ca]));
    assert_eq!(door.done(202, "DELETE", &path, Value::Null).await, json!({ "id": ca["id"] }));
    assert!(door.catalog().ssh_ca(id(&ssh)).is_none(), "in force when the call has answered");
    door.call("DELETE", &path, Value::Null).await.refused(404, 12135);
    door.call("POST", &format!("/access/apps/{}/ca", uuid()), Value::Null).await.refused(404, 11021);
}

#[tokio::test]
async fn an_authority_goes_with_its_application() {
    let door = Door::open().await;
    let ssh = app(&door, "ssh.test").await;
    let path = format!("/access/apps/{}", id(&ssh));
    door.done(200, "POST", &format!("{path}/ca"), Value::Null).await;
    door.done(202, "DELETE", &path, Value::Null).await;
    assert!(door.catalog().ssh_ca(id(&ssh)).is_none());
    assert_eq!(door.done(200, "GET", "/access/apps/ca", Value::Null).await, json!([]));
}
