//! The organisation.

use doorward_model::id::{AccountId, UserId};
use doorward_model::session::Bearings;
use serde_json::json;

use super::door::{Door, START};

const REVOKE: &str = "/access/organizations/revoke_user";

#[tokio::test]
async fn revoking_a_person_ends_everything_of_theirs() {
    let door = Door::open().await;
    let user = UserId::derived(&AccountId::derived("acme"), "alice@corp.test");
    let token = Bearings { session: None, user: Some(user), app: None, iat: START.secs() };
    assert!(!door.store.revocations().is_revoked(&token));
    assert_eq!(door.done(200, "POST", REVOKE, json!({ "email": "Alice@corp.test" })).await, json!(true));
    assert!(door.store.revocations().is_revoked(&token), "in force when the call has answered");
    for body in [json!({}), json!({ "email": "" }), json!({ "email": "nobody" }), json!({ "email": 1 })] {
        door.call("POST", REVOKE, body).await.invalid("/email");
    }
    let devices = door.call("POST", REVOKE, json!({ "email": "bob@corp.test", "devices": true })).await;
    assert!(devices.body["messages"].to_string().contains("devices is kept"), "{}", devices.body);
}
