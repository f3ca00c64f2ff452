//! Rule groups.

use doorward_model::document::{Content, GroupDocument, Key, Kind, NoExtension};
use doorward_model::id::GroupId;
use serde_json::{Value, json};

use super::door::{Door, START, uuid};

fn group(include: Value) -> Value {
    json!({ "name": "Staff", "include": include })
}

#[tokio::test]
async fn a_group_lives_from_its_creation_to_its_removal() {
    let door = Door::open().await;
    let rules = json!([{"email_domain": {"domain": "example.com"}}, {"everyone": {}}]);
    let sent = json!({ "name": "Staff", "include": rules, "exclude": null, "require": [{"geo": {"country_code": "DE"}}],
        "id": uuid(), "created_at": "1999-01-01T00:00:00Z", "unheard_of": 1, "is_default": null });
    let made = door.done(201, "POST", "/access/groups", sent).await;
    let id = made["id"].as_str().unwrap();
    let now = START.to_rfc3339();
    let whole = json!({ "id": id, "name": "Staff", "include": rules, "exclude": [],
        "require": [{"geo": {"country_code": "DE"}}], "created_at": now, "updated_at": now });
    assert_eq!(made, whole, "as sent, with the defaults and nothing else");
    let path = format!("/access/groups/{id}");
    assert_eq!(door.get(&path).await.body["result"], whole);
    let in_force = |door: &Door| door.catalog().group(id.parse::<GroupId>().unwrap()).map(|group| group.include.len());
    assert_eq!(in_force(&door), Some(2), "it decides when the call has answered");

    assert!(door.clock.advance(doorward_model::time::Lifetime::from_secs(60)));
    let changed = door.done(200, "PUT", &path, group(json!([{"everyone": {}}]))).await;
    assert_eq!((&changed["require"], &changed["created_at"]), (&json!([]), &json!(now)), "what is left out is unset");
    assert_ne!(changed["updated_at"], now);
    assert_eq!(in_force(&door), Some(1));

    assert_eq!(door.done(202, "DELETE", &path, Value::Null).await, json!({ "id": id }));
    assert_eq!(in_force(&door), None);
    door.get(&path).await.refused(404, 12152);
    door.call("PUT", &path, group(json!([{"everyone": {}}]))).await.refused(404, 12152);
    door.call("DELETE", &path, json!({})).await.refused(404, 12152);
    door.get("/access/groups/not-an-id").await.refused(404, 12152);
}

#[tokio::test]
async fn a_group_that_cannot_be_one_is_refused_where_it_cannot() {
    let door = Door::open().await;
    let nobody = uuid();
    let second =
        json!({ "name": "S", "include": [{"everyone": {}}], "exclude": [{"everyone": {}}, {"ip": {"ip": "x"}}] });
    door.call("POST", "/access/groups", second).await.invalid("/exclude/1/ip/ip");
    let missing = door.call("POST", "/access/groups", group(json!([{"group": {"id": nobody}}]))).await;
    assert!(missing.refused(400, 11020).contains("failed_to_load_group"));
    for (body, pointer) in [
        (json!({ "include": [] }), "/name"),
        (json!({ "name": "  ", "include": [] }), "/name"),
        (json!({ "name": 1, "include": [] }), "/name"),
        (json!({ "name": "Staff" }), "/include"),
        (json!({ "name": "Staff", "include": {} }), "/include"),
    ] {
        door.call("POST", "/access/groups", body).await.invalid(pointer);
    }
    assert_eq!(door.objects.current().all().count(), 0, "nothing of it was kept");
}

#[tokio::test]
async fn every_selector_that_needs_no_object_is_given_back_as_it_was_sent() {
    let door = Door::open().await;
    let rules = json!([
        {"any_valid_service_token": {}}, {"auth_method": {"auth_method": "mfa"}}, {"certificate": {}},
        {"common_name": {"common_name": "cn"}}, {"geo": {"country_code": "US"}},
        {"device_posture": {"integration_uid": "x"}}, {"email_domain": {"domain": "b.com"}},
        {"email": {"email": "a@b.test"}}, {"everyone": {}}, {"ip": {"ip": "10.0.0.1"}}, {"ip": {"ip": "2001:db8::/32"}},
        {"external_evaluation": {"evaluate_url": "https://e.test/", "keys_url": "https://k.test/"}},
        {"user_risk_score": {"user_risk_score": ["low"]}}, {"cloudflare_account_member": {}},
    ]);
    let answer = door.call("POST", "/access/groups", group(rules.clone())).await;
    assert_eq!((answer.status, &answer.body["result"]["include"]), (201, &rules));
    let notes = answer.body["messages"].to_string();
    assert!(notes.contains("cannot decide device_posture") && !notes.contains("decide email"), "{notes}");
}

#[tokio::test]
async fn a_group_that_would_contain_itself_is_refused() {
    let door = Door::open().await;
    let inner = door.done(201, "POST", "/access/groups", group(json!([{"everyone": {}}]))).await["id"].clone();
    let outer = json!({ "name": "Outer", "include": [{"group": {"id": inner}}] });
    let outer = door.done(201, "POST", "/access/groups", outer).await["id"].clone();
    let path = format!("/access/groups/{}", inner.as_str().unwrap());
    for id in [&outer, &inner] {
        let answer = door.call("PUT", &path, group(json!([{"group": {"id": id}}]))).await;
        assert!(answer.invalid("/include/0/group/id").contains("contains itself"));
    }
    let used = door.call("DELETE", &path, Value::Null).await.refused(409, 12132);
    assert!(used.contains("Outer"), "{used}");
    door.done(202, "DELETE", &format!("/access/groups/{}", outer.as_str().unwrap()), Value::Null).await;
    door.done(202, "DELETE", &path, Value::Null).await;
}

#[tokio::test]
async fn what_the_file_declares_can_be_read_and_not_changed() {
    let id = GroupId::random();
    let declared: GroupDocument =
        serde_json::from_value(json!({ "id": id, "name": "Of the file", "include": [{"everyone": {}}] })).unwrap();
    let content = Content::new(&declared, &NoExtension {}, None);
    let door = Door::declaring(vec![(Key::new(Kind::Group, id), content)]).await;
    let path = format!("/access/groups/{id}");
    assert_eq!(door.get(&path).await.body["result"]["name"], "Of the file");
    for (method, body) in [("PUT", group(json!([{"everyone": {}}]))), ("DELETE", Value::Null)] {
        let message = door.call(method, &path, body).await.refused(409, 12132);
        assert!(message.contains("/etc/doorward.toml"), "{message}");
    }
    let user = json!({ "name": "Uses it", "include": [{"group": {"id": id}}] });
    door.done(201, "POST", "/access/groups", user).await;
}
