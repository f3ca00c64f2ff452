//! Tags.

use serde_json::{Value, json};

use super::door::{Door, START};

#[tokio::test]
async fn a_tag_is_its_name_and_stays_while_an_application_has_it() {
    let door = Door::open().await;
    let now = START.to_rfc3339();
    for name in ["ops", "a b/c"] {
        let made = door.done(201, "POST", "/access/tags", json!({ "name": name })).await;
        assert_eq!(made, json!({ "name": name, "app_count": 0, "created_at": now, "updated_at": now }));
    }
    door.call("POST", "/access/tags", json!({ "name": "ops" })).await.refused(409, 12132);
    door.call("POST", "/access/tags", json!({ "name": " " })).await.invalid("/name");
    let listed = door.get("/access/tags").await.body["result"].clone();
    assert_eq!((&listed[0]["name"], &listed[1]["name"]), (&json!("a b/c"), &json!("ops")), "in order");
    assert_eq!(door.get("/access/tags/a%20b%2Fc").await.body["result"]["name"], "a b/c");

    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "tags": ["ops", "a b/c"] });
    let made = door.done(201, "POST", "/access/apps", app).await;
    assert_eq!(made["tags"], json!(["a b/c", "ops"]), "in alphabetical order");
    assert_eq!(door.get("/access/tags/ops").await.body["result"]["app_count"], 1);
    assert!(door.call("DELETE", "/access/tags/ops", Value::Null).await.refused(409, 12132).contains("Wiki"));
    let unknown = json!({ "name": "Blog", "type": "self_hosted", "domain": "blog.test", "tags": ["ops", "oops"] });
    assert!(door.call("POST", "/access/apps", unknown).await.invalid("/tags/1").contains("unknown tag oops"));

    door.done(200, "PUT", "/access/tags/ops", json!({ "name": "ops" })).await;
    door.call("PUT", "/access/tags/ops", json!({ "name": "dev" })).await.invalid("/name");
    door.done(202, "DELETE", &format!("/access/apps/{}", made["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(door.done(202, "DELETE", "/access/tags/ops", Value::Null).await, json!({ "name": "ops" }));
    door.get("/access/tags/ops").await.refused(404, 12135);
}
