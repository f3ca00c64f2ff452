//! Lists that rules refer to.

use serde_json::{Value, json};

use super::door::{Door, uuid};

const LISTS: &str = "/gateway/lists";

async fn made(door: &Door, kind: &str, values: &[&str]) -> Value {
    let items: Vec<Value> = values.iter().map(|value| json!({ "value": value })).collect();
    door.done(201, "POST", LISTS, json!({ "name": "Staff", "type": kind, "items": items })).await
}

fn path(list: &Value) -> String {
    format!("{LISTS}/{}", list["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_list_holds_what_was_put_in_and_rules_look_into_it_at_once() {
    let door = Door::open().await;
    let list = made(&door, "EMAIL", &["a@corp.test", "b@corp.test"]).await;
    assert_eq!((&list["count"], &list["items"][0]["value"]), (&json!(2), &json!("a@corp.test")));
    let id = list["id"].as_str().unwrap().parse().unwrap();
    let size = || match &door.catalog().list(id).unwrap().items {
        doorward_model::list::Items::Emails(emails) => emails.len(),
        doorward_model::list::Items::Networks(_) => 0,
    };
    assert_eq!(size(), 2);
    let change = json!({ "append": [{ "value": "c@corp.test", "description": "new" }, { "value": "b@corp.test" }], "remove": ["a@corp.test", "z@corp.test"] });
    let changed = door.done(200, "PATCH", &path(&list), change).await;
    assert_eq!((changed["count"].as_u64(), size()), (Some(2), 2), "{changed}");
    let renamed = door.done(200, "PUT", &path(&list), json!({ "name": "Others", "description": "who they are" })).await;
    assert_eq!(
        (&renamed["name"], &renamed["count"]),
        (&json!("Others"), &json!(2)),
        "items that are not mentioned stay"
    );
    let items = door.get(&format!("{}/items?per_page=1&page=2", path(&list))).await;
    assert_eq!(
        (&items.body["result"].as_array().unwrap().len(), &items.body["result_info"]["total_count"]),
        (&1, &json!(2))
    );
    let listed = door.done(200, "GET", &format!("{LISTS}?type=EMAIL&search=WHO"), Value::Null).await;
    assert!(listed[0].get("items").is_none() && listed[0]["count"] == 2, "{listed}");
    assert_eq!(door.done(200, "GET", &format!("{LISTS}?type=IP"), Value::Null).await, json!([]));
    door.done(200, "PUT", &path(&list), json!({ "name": "Others", "items": [] })).await;
    assert_eq!(size(), 0, "an empty list of items is one");
}

#[tokio::test]
async fn a_list_that_a_rule_names_stays_and_has_the_rules_type() {
    let door = Door::open().await;
    let (emails, networks) = (made(&door, "EMAIL", &["a@corp.test"]).await, made(&door, "IP", &["10.0.0.0/8"]).await);
    let group = |selector: &str, id: &Value| json!({ "name": "Staff", "include": [{ selector: { "id": id } }] });
    let made = door.done(201, "POST", "/access/groups", group("email_list", &emails["id"])).await;
    door.call("POST", "/access/groups", group("email_list", &networks["id"])).await.invalid("/include/0/email_list/id");
    door.call("POST", "/access/groups", group("ip_list", &json!(uuid()))).await.invalid("/include/0/ip_list/id");
    door.call("DELETE", &path(&emails), Value::Null).await.refused(409, 12132);
    door.done(202, "DELETE", &format!("/access/groups/{}", made["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(door.done(200, "DELETE", &path(&emails), Value::Null).await, json!({ "id": emails["id"] }));
    door.get(&path(&emails)).await.refused(404, 12135);
}

#[tokio::test]
async fn what_cannot_be_in_a_list_is_refused_at_its_place() {
    let door = Door::open().await;
    let list = |kind: &str, items: Value| json!({ "name": "x", "type": kind, "items": items });
    for (body, pointer) in [
        (list("NOTHING", json!([])), "/type"),
        (json!({ "name": "x" }), "/type"),
        (json!({ "type": "IP" }), "/name"),
        (list("EMAIL", json!([{ "value": "a@b.test" }, { "value": "nobody" }])), "/items/1/value"),
        (list("IP", json!([{ "value": "10.0.0.0/33" }])), "/items/0/value"),
        (list("IP", json!(["10.0.0.1"])), "/items/0"),
        (list("IP", json!([{}])), "/items/0/value"),
        (list("EMAIL", json!([{ "value": "a@b.test" }, { "value": "a@b.test" }])), "/items/1/value"),
    ] {
        door.call("POST", LISTS, body).await.invalid(pointer);
    }
    let other = made(&door, "DOMAIN", &["a.test"]).await;
    door.call("PUT", &path(&other), json!({ "name": "x", "type": "IP" })).await.invalid("/type");
    door.call("PATCH", &path(&made(&door, "IP", &[]).await), json!({ "append": [{ "value": "x" }] }))
        .await
        .invalid("/append/0/value");
}
