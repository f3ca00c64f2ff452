//! Reusable policies.

use serde_json::{Value, json};

use super::door::{Door, START};

fn policy(more: Value) -> Value {
    let mut policy =
        json!({ "name": "Staff", "decision": "allow", "include": [{"email_domain": {"domain": "corp.test"}}] });
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy
}

#[tokio::test]
async fn a_policy_lives_from_its_creation_to_its_removal() {
    let door = Door::open().await;
    let sent = policy(json!({ "approval_required": false, "isolation_required": null, "precedence": 7 }));
    let made = door.done(201, "POST", "/access/policies", sent).await;
    let id = made["id"].as_str().unwrap();
    let now = START.to_rfc3339();
    let whole = json!({ "id": id, "account_id": door.path("")["/client/v4/accounts/".len()..], "app_count": 0,
        "name": "Staff", "decision": "allow", "include": [{"email_domain": {"domain": "corp.test"}}], "exclude": [],
        "require": [], "session_duration": "24h", "reusable": true, "created_at": now, "updated_at": now });
    assert_eq!(made, whole, "flags that are not set are not there");
    let path = format!("/access/policies/{id}");
    assert_eq!(door.get(&path).await.body["result"], whole);
    assert_eq!(door.get("/access/policies").await.body["result"], json!([whole]));
    let changed = json!({ "session_duration": "30m", "decision": "deny", "purpose_justification_prompt": "why?" });
    let changed = door.done(200, "PUT", &path, policy(changed)).await;
    assert_eq!((&changed["session_duration"], &changed["decision"]), (&json!("30m"), &json!("deny")));
    assert_eq!(door.done(202, "DELETE", &path, Value::Null).await, json!({ "id": id }));
    door.get(&path).await.refused(404, 12135);
}

#[tokio::test]
async fn a_policy_that_makes_no_sense_is_refused_where_it_does_not() {
    let door = Door::open().await;
    for (more, pointer) in [
        (json!({ "decision": "maybe" }), "/decision"),
        (json!({ "decision": null }), "/decision"),
        (json!({ "name": "" }), "/name"),
        (json!({ "session_duration": "1 day" }), "/session_duration"),
        (json!({ "session_duration": "999999h" }), "/session_duration"),
        (json!({ "approval_required": "yes" }), "/approval_required"),
        (json!({ "require": [{"ip": {"ip": "x"}}] }), "/require/0/ip/ip"),
        (json!({ "purpose_justification_required": true, "decision": "bypass" }), "/purpose_justification_required"),
        (json!({ "purpose_justification_required": true, "decision": "deny" }), "/purpose_justification_required"),
        (json!({ "approval_required": true, "approval_groups": [] }), "/approval_required"),
    ] {
        door.call("POST", "/access/policies", policy(more)).await.invalid(pointer);
    }
    let decision = door.call("POST", "/access/policies", policy(json!({ "decision": "x" }))).await;
    assert!(decision.invalid("/decision").contains("unrecognized policy decision"));
}

#[tokio::test]
async fn what_cannot_be_acted_on_is_said() {
    let door = Door::open().await;
    let isolated = json!({ "isolation_required": true, "connection_rules": {"ssh": {"usernames": ["root"]}} });
    let answer = door.call("POST", "/access/policies", policy(isolated)).await;
    assert_eq!((answer.status, &answer.body["result"]["isolation_required"]), (201, &json!(true)));
    let notes = answer.body["messages"].to_string();
    assert!(notes.contains("cannot act on isolation_required, so that the policy lets nobody in"), "{notes}");
    assert!(notes.contains("connection_rules is kept"), "{notes}");
}

#[tokio::test]
async fn what_people_are_asked_is_given_back_as_it_was_written_and_said_to_be_acted_on() {
    let door = Door::open().await;
    let asks = json!({ "purpose_justification_required": true, "purpose_justification_prompt": "Which ticket?" });
    let answer = door.call("POST", "/access/policies", policy(asks.clone())).await;
    assert_eq!(answer.status, 201);
    for (name, value) in asks.as_object().unwrap() {
        assert_eq!(&answer.body["result"][name], value);
    }
    assert_eq!(answer.body["messages"], json!([]), "nothing is left out");
}
