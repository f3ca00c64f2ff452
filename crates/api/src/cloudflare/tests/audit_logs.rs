//! The audit log: whatever was changed, refused or done is in it, and no secret.

use doorward_model::document::{Content, GroupDocument, Key, Kind, NoExtension, Scope};
use doorward_model::id::GroupId;
use serde_json::{Value, json};

use super::door::{Answer, Door, START, TOKEN};

const PATH: &str = "/audit_logs";

fn group(name: &str) -> Value {
    json!({ "name": name, "include": [{"everyone": {}}] })
}

async fn lines(door: &Door, query: &str) -> Vec<Value> {
    let answer = door.get(&format!("{PATH}{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["result"].as_array().unwrap().clone()
}

/// Action, kind, whether it was done.
fn told(line: &Value) -> (&str, &str, bool) {
    let text = |value: &'static str| line.pointer(value).unwrap().as_str().unwrap();
    (text("/action/type"), text("/resource/type"), line["action"]["result"].as_bool().unwrap())
}

#[tokio::test]
async fn a_change_is_told_with_who_made_it_and_what_it_was_before_and_after() {
    let door = Door::open().await;
    let id = door.done(201, "POST", "/access/groups", group("Staff")).await["id"].as_str().unwrap().to_owned();
    let path = format!("/access/groups/{id}");
    assert!(door.clock.advance(doorward_model::time::Lifetime::from_secs(1)));
    door.done(200, "PUT", &path, group("Crew")).await;
    assert!(door.clock.advance(doorward_model::time::Lifetime::from_secs(1)));
    door.done(202, "DELETE", &path, Value::Null).await;
    let lines = lines(&door, "").await;
    let words: Vec<_> = lines.iter().map(told).collect();
    assert_eq!(words, [("delete", "group", true), ("update", "group", true), ("create", "group", true)]);
    let update = &lines[1];
    assert_eq!((&update["oldValueJson"]["name"], &update["newValueJson"]["name"]), (&json!("Staff"), &json!("Crew")));
    assert_eq!(serde_json::from_str::<Value>(update["newValue"].as_str().unwrap()).unwrap(), update["newValueJson"]);
    assert_eq!(update["resource"]["id"], json!(id));
    assert_eq!(update["metadata"], json!({ "name": "the configuration file's token" }));
    assert_eq!((&lines[2]["oldValue"], &lines[2]["oldValueJson"]), (&json!(""), &Value::Null));
    assert_eq!((&lines[0]["newValue"], &lines[0]["when"]), (&json!(""), &json!("2027-01-15T08:00:02Z")));
}

#[tokio::test]
async fn what_was_refused_is_told_and_what_made_no_sense_is_not() {
    let id = GroupId::random();
    let declared: GroupDocument = serde_json::from_value(json!({ "id": id, "name": "Of the file" })).unwrap();
    let content = Content::new(&declared, &NoExtension {}, None);
    let door = Door::declaring(vec![(Key::new(Kind::Group, id), content)]).await;
    let before = lines(&door, "").await;
    assert_eq!(before.len(), 1);
    assert_eq!((&before[0]["interface"], &before[0]["actor"]["type"]), (&json!("configuration file"), &json!("admin")));
    assert_eq!(before[0]["metadata"]["name"], "/etc/doorward.toml");

    let path = door.path(&format!("/access/groups/{id}"));
    let reader = format!("Bearer {}", door.token(Scope::Read, None).await);
    let writer = format!("Bearer {TOKEN}");
    let body = group("Mine").to_string();
    let json = ("content-type", "application/json");
    door.send("PUT", &path, &[json, ("authorization", &reader)], &body).await.refused(403, 10000);
    door.send("PUT", &path, &[json, ("authorization", &writer)], &body).await.refused(409, 12132);
    for (target, status) in [(&path, "{"), (&door.path("/access/nothing"), "{}")].map(|(path, body)| (path, body)) {
        let answer: Answer = door.send("POST", target, &[json, ("authorization", &writer)], status).await;
        assert!([400, 404, 405].contains(&answer.status), "{}", answer.body);
    }
    door.call("POST", "/access/groups", json!({})).await.invalid("/name");
    door.send("PUT", &path, &[json, ("authorization", "Bearer wrong")], &body).await.refused(401, 10000);
    let refused = lines(&door, "?action.type=update").await;
    assert_eq!(refused.iter().map(told).collect::<Vec<_>>(), [("update", "group", false); 2]);
    assert!(refused.iter().all(|line| line["resource"]["id"] == json!(id)));
    let why: Vec<&str> = refused.iter().map(|line| line["metadata"]["refused"].as_str().unwrap()).collect();
    assert!(
        why.contains(&"Authentication error") && why.iter().any(|why| why.contains("/etc/doorward.toml")),
        "{why:?}"
    );
    assert_eq!(lines(&door, "").await.len(), 4, "the token that may read was made, too");
}

#[tokio::test]
async fn a_deed_that_changes_no_object_is_told_in_its_own_word() {
    let door = Door::open().await;
    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test" });
    let app = door.done(201, "POST", "/access/apps", app).await["id"].as_str().unwrap().to_owned();
    door.done(202, "POST", &format!("/access/apps/{app}/revoke_tokens"), Value::Null).await;
    door.done(200, "POST", "/access/organizations/revoke_user", json!({ "email": "a@b.test" })).await;
    for (word, kind, id) in [("revoke_tokens", "app", app.as_str()), ("revoke_user", "user", "a@b.test")] {
        let lines = lines(&door, &format!("?action.type={word}")).await;
        assert_eq!(lines.iter().map(told).collect::<Vec<_>>(), [(word, kind, true)]);
        assert_eq!(lines[0]["resource"]["id"], id);
    }
}

#[tokio::test]
async fn what_is_done_to_people_seats_and_keys_is_told_once_and_of_whom() {
    let door = Door::open().await;
    let bob = door.done(201, "POST", "/access/users", json!({ "email": "bob@b.test", "name": "Bob" })).await;
    let id = bob["id"].as_str().unwrap();
    let path = format!("/access/users/{id}");
    door.done(200, "PUT", &path, json!({ "email": "bob@b.test", "name": "Robert" })).await;
    let seat = json!([{ "seat_uid": id, "access_seat": false, "gateway_seat": false }]);
    door.done(200, "PATCH", "/access/seats", seat).await;
    door.done(202, "DELETE", &path, Value::Null).await;
    door.done(200, "POST", "/access/keys/rotate", Value::Null).await;
    let test = json!({ "policies": [{ "name": "All", "decision": "allow", "include": [{ "everyone": {} }] }] });
    let test = door.done(200, "POST", "/access/policy-tests", test).await;
    let mut told: Vec<_> = lines(&door, "").await;
    told.sort_by_key(|line| format!("{}{}", line["resource"]["type"], line["action"]["type"]));
    let of = |line: &Value| json!([line["resource"]["type"], line["action"]["type"], line["resource"]["id"]]);
    let person = |name: &str| json!({ "email": "bob@b.test", "name": name });
    let seated = |seated: bool| json!({ "email": "bob@b.test", "access_seat": seated });
    let expected = [
        (json!(["key", "rotate", ""]), Value::Null, Value::Null),
        (json!(["policy-test", "create", test["id"]]), Value::Null, Value::Null),
        (json!(["seat", "update", id]), seated(false), seated(false)),
        (json!(["user", "create", id]), Value::Null, person("Bob")),
        (json!(["user", "delete", id]), person("Robert"), Value::Null),
        (json!(["user", "update", id]), person("Bob"), person("Robert")),
    ];
    let told: Vec<_> =
        told.iter().map(|line| (of(line), line["oldValueJson"].clone(), line["newValueJson"].clone())).collect();
    assert_eq!(told, expected);
    door.call("POST", "/access/users", json!({ "email": 1 })).await.invalid("/email");
    assert_eq!(lines(&door, "").await.len(), 6, "what made no sense is not told");
}

#[tokio::test]
async fn no_secret_is_in_the_log_whatever_was_done_with_it() {
    let door = Door::open().await;
    let idp = json!({ "name": "Provider", "type": "oidc", "config": { "client_id": "door", "client_secret": "hunter2",
        "auth_url": "https://kc.test/a", "token_url": "https://kc.test/t", "certs_url": "https://kc.test/c" } });
    let mut idp = idp;
    let id = door.done(201, "POST", "/access/identity_providers", idp.clone()).await["id"].as_str().unwrap().to_owned();
    idp["config"]["client_secret"] = json!("hunter2-the-second");
    door.done(200, "PUT", &format!("/access/identity_providers/{id}"), idp).await;
    let robot = door.done(201, "POST", "/access/service_tokens", json!({ "name": "Robot" })).await;
    let path = format!("/access/service_tokens/{}", robot["id"].as_str().unwrap());
    let rotated = door.done(200, "POST", &format!("{path}/rotate"), json!({})).await;
    let own = door.done(201, "POST", "/doorward/api_tokens", json!({ "name": "ci", "scope": "edit" })).await;
    let lines = lines(&door, "?direction=asc").await;
    let secrets: Vec<_> = lines.iter().map(|line| (told(line).0, line["metadata"]["secret"].as_str())).collect();
    let wanted =
        [("create", "set"), ("update", "changed"), ("create", "set"), ("rotate", "changed"), ("create", "set")];
    let mut secrets_sorted: Vec<_> = secrets.iter().map(|(word, secret)| (*word, secret.unwrap_or("-"))).collect();
    let mut wanted = wanted.to_vec();
    secrets_sorted.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(secrets_sorted, wanted);
    let text = json!(lines).to_string();
    for secret in [&robot["client_secret"], &rotated["client_secret"], &own["value"], &json!("hunter2")] {
        assert!(!text.contains(secret.as_str().unwrap()), "{secret}");
    }
}

#[tokio::test]
async fn lines_are_found_by_what_is_known_of_them_and_read_page_by_page() {
    let door = Door::open().await;
    for name in ["One", "Two", "Three"] {
        door.done(201, "POST", "/access/groups", group(name)).await;
        assert!(door.clock.advance(doorward_model::time::Lifetime::from_secs(60)));
    }
    let names = async |query: &str| {
        let lines = lines(&door, query).await;
        lines.iter().map(|line| line["newValueJson"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let minute = START.plus(doorward_model::time::Lifetime::from_secs(60)).to_rfc3339();
    let id = lines(&door, "?direction=asc").await[0]["id"].as_str().unwrap().to_owned();
    for (query, wanted) in [
        ("", "Three Two One"),
        ("?direction=asc", "One Two Three"),
        ("?per_page=2", "Three Two"),
        ("?per_page=2&page=2", "One"),
        ("?page=3", ""),
        (&format!("?since={minute}"), "Three Two"),
        (&format!("?before={minute}"), "One"),
        ("?since=2027-01-15&before=2027-01-16", "Three Two One"),
        ("?since=2027-01-16", ""),
        (&format!("?id={id}"), "One"),
        ("?action.type=delete", ""),
        ("?actor.email=somebody@else.test", ""),
        ("?actor.ip=192.0.2.1", ""),
    ] {
        assert_eq!(names(query).await, wanted, "{query}");
    }
    let info = door.get(&format!("{PATH}?per_page=2")).await.body["result_info"].clone();
    assert_eq!(info, json!({ "page": 1, "per_page": 2, "count": 2, "total_count": 3, "total_pages": 2 }));
    for (query, pointer) in [("since=then", "/since"), ("direction=up", "/direction"), ("before=2027-13-01", "/before")]
    {
        door.get(&format!("{PATH}?{query}")).await.invalid(pointer);
    }
}
