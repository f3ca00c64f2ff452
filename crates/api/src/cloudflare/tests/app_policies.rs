//! The policies of an application, its own and linked ones.

use serde_json::{Value, json};

use super::door::{Door, uuid};

fn policy(name: &str, more: Value) -> Value {
    let mut policy = json!({ "name": name, "decision": "allow", "include": [{"everyone": {}}] });
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy
}

async fn app(door: &Door, policies: Value) -> (String, Value) {
    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "policies": policies });
    let made = door.done(201, "POST", "/access/apps", app).await;
    (format!("/access/apps/{}", made["id"].as_str().unwrap()), made)
}

async fn reusable(door: &Door, name: &str) -> Value {
    door.done(201, "POST", "/access/policies", policy(name, json!({}))).await["id"].clone()
}

/// Name, place and kind of each.
fn outline(policies: &Value) -> Vec<(String, u64, bool)> {
    let policies = policies.as_array().unwrap_or_else(|| panic!("a list: {policies}"));
    let outline = policies.iter().map(|policy| {
        let name = policy["name"].as_str().unwrap_or_else(|| panic!("a whole policy: {policy}")).to_owned();
        (name, policy["precedence"].as_u64().unwrap(), policy.get("reusable").is_some())
    });
    outline.collect()
}

fn expected(policies: &[(&str, u64, bool)]) -> Vec<(String, u64, bool)> {
    policies.iter().map(|(name, place, reusable)| ((*name).to_owned(), *place, *reusable)).collect()
}

/// The policies that decide, in their order.
fn deciding(door: &Door) -> Vec<String> {
    let catalog = door.catalog();
    let app = catalog.app_at(&"wiki.test".parse().unwrap(), &"/".parse().unwrap()).unwrap();
    app.policies.iter().map(|policy| policy.name.clone()).collect()
}

#[tokio::test]
async fn each_way_to_write_a_policy_is_taken_and_shown_whole_in_its_place() {
    let door = Door::open().await;
    let (one, two) = (reusable(&door, "One").await, reusable(&door, "Two").await);
    let sent = json!([policy("Last", json!({ "precedence": 9 })), { "id": one, "precedence": 4 }, two, policy("Own", json!({ "precedence": 2 }))]);
    let (path, made) = app(&door, sent).await;
    let whole = expected(&[("Own", 2, false), ("One", 4, true), ("Two", 5, true), ("Last", 9, false)]);
    assert_eq!(outline(&made["policies"]), whole);
    assert_eq!(outline(&door.get(&format!("{path}/policies")).await.body["result"]), whole);
    assert_eq!(deciding(&door), ["Own", "One", "Two", "Last"]);
    assert_eq!(door.get("/access/policies").await.body["result"][0]["app_count"], 1);
    let id = one.as_str().unwrap();
    assert!(
        door.call("DELETE", &format!("/access/policies/{id}"), Value::Null).await.refused(409, 12132).contains("Wiki")
    );
}

#[tokio::test]
async fn policies_left_out_of_an_update_stay_and_an_empty_list_detaches_all() {
    let door = Door::open().await;
    let one = reusable(&door, "One").await;
    let (path, made) = app(&door, json!([policy("Own", json!({})), one])).await;
    let whole = expected(&[("Own", 1, false), ("One", 2, true)]);
    let plain = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test" });
    for policies in [Value::Null, made["policies"].clone()] {
        let mut body = plain.clone();
        body["policies"] = policies;
        let same = door.done(200, "PUT", &path, body).await;
        assert_eq!(outline(&same["policies"])[0], whole[0]);
        assert_eq!(same["policies"][0]["id"], made["policies"][0]["id"], "a policy keeps its id");
    }
    let mut body = plain.clone();
    body["policies"] = json!([{ "id": one }]);
    assert_eq!(outline(&door.done(200, "PUT", &path, body).await["policies"]), expected(&[("One", 1, true)]));
    let mut body = plain;
    body["policies"] = json!([]);
    assert_eq!(door.done(200, "PUT", &path, body).await["policies"], json!([]));
    assert!(deciding(&door).is_empty());
    door.done(200, "GET", &format!("/access/policies/{}", one.as_str().unwrap()), Value::Null).await;
}

#[tokio::test]
async fn an_own_policy_lives_from_its_creation_to_its_removal() {
    let door = Door::open().await;
    let one = reusable(&door, "One").await;
    let (path, _) = app(&door, json!([one])).await;
    let path = format!("{path}/policies");
    let made = door.done(201, "POST", &path, policy("Own", json!({ "session_duration": "1h" }))).await;
    assert_eq!((&made["precedence"], &made["session_duration"], made.get("reusable")), (&json!(2), &json!("1h"), None));
    let own = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(door.get(&own).await.body["result"], made);
    assert_eq!(deciding(&door), ["One", "Own"]);

    door.call("POST", &path, policy("Second", json!({ "precedence": 1 }))).await.invalid("/precedence");
    door.call("POST", &path, policy("Second", json!({ "decision": "x" }))).await.invalid("/decision");
    let renamed = door.done(200, "PUT", &own, policy("Renamed", json!({}))).await;
    assert_eq!(
        (&renamed["id"], &renamed["precedence"]),
        (&made["id"], &json!(2)),
        "its place stays where none is given"
    );
    let linked = format!("{path}/{}", one.as_str().unwrap());
    let refused = door.call("PUT", &linked, policy("x", json!({}))).await.invalid("");
    assert!(refused.contains("can not update reusable policies through this endpoint"));

    door.done(202, "DELETE", &linked, Value::Null).await;
    assert_eq!(deciding(&door), ["Renamed"]);
    door.done(200, "GET", &format!("/access/policies/{}", one.as_str().unwrap()), Value::Null).await;
    assert_eq!(door.done(202, "DELETE", &own, Value::Null).await, json!({ "id": made["id"] }));
    for path in [own, format!("{path}/{}", uuid()), format!("{path}/x")] {
        door.get(&path).await.refused(404, 12135);
    }
    door.get(&format!("/access/apps/{}/policies", uuid())).await.refused(404, 11021);
}

#[tokio::test]
async fn an_own_policy_becomes_a_reusable_one_in_its_place() {
    let door = Door::open().await;
    let (path, made) = app(&door, json!([policy("Own", json!({ "precedence": 3 }))])).await;
    let id = made["policies"][0]["id"].as_str().unwrap();
    let make = format!("{path}/policies/{id}/make_reusable");
    let reusable = door.done(200, "PUT", &make, Value::Null).await;
    assert_eq!((&reusable["id"], &reusable["reusable"], &reusable["app_count"]), (&json!(id), &json!(true), &json!(1)));
    assert_eq!(outline(&door.get(&path).await.body["result"]["policies"]), expected(&[("Own", 3, true)]));
    assert_eq!(deciding(&door), ["Own"]);
    let changed = policy("Changed", json!({}));
    door.done(200, "PUT", &format!("/access/policies/{id}"), changed).await;
    assert_eq!(deciding(&door), ["Changed"], "a change of it counts where it is linked");
    door.call("PUT", &make, Value::Null).await.invalid("");
}
