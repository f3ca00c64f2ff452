//! Accounts and zones.

use serde_json::{Value, json};

use super::door::{Answer, Door, TOKEN, uuid};

/// A call of anything below `/client/v4`.
async fn ask(door: &Door, method: &str, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    door.send(method, &format!("/client/v4{path}"), &headers, &body).await
}

async fn result(door: &Door, path: &str) -> Value {
    let answer = ask(door, "GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body["result"].clone()
}

fn app(domain: &str) -> Value {
    json!({ "name": "Wiki", "type": "self_hosted", "domain": domain })
}

#[tokio::test]
async fn zones_are_the_domains_of_what_is_configured_and_always_have_the_same_ids() {
    let door = Door::open().await;
    assert_eq!(result(&door, "/zones").await, json!([]));
    for domain in ["wiki.b.test", "*.a.b.test/x", "c.test", "localhost", "wiki.corp.co.uk", "*.other.co.uk", "co.uk"] {
        door.done(201, "POST", "/access/apps", app(domain)).await;
    }
    let zones = result(&door, "/zones").await;
    let names: Vec<&str> = zones.as_array().unwrap().iter().map(|zone| zone["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["b.test", "c.test", "corp.co.uk", "other.co.uk"], "what somebody can register");
    let uk = door.of_zone("corp.co.uk").await;
    uk.call("POST", "/access/apps", app("x.other.co.uk")).await.invalid("/domain");
    let other = Door::open().await;
    other.done(201, "POST", "/access/apps", app("elsewhere.b.test")).await;
    assert_eq!(result(&other, "/zones?name=b.test").await[0]["id"], zones[0]["id"]);
    assert_eq!(result(&door, "/zones?name=nothing.test").await, json!([]));
    assert_eq!(result(&door, &format!("/zones/{}", zones[0]["id"].as_str().unwrap())).await, zones[0]);
    let accounts = result(&door, "/accounts").await;
    let path = door.path("");
    let own = path.trim_start_matches("/client/v4");
    assert_eq!(result(&door, own).await, accounts[0]);
    assert_eq!(result(&door, "/memberships").await[0]["account"], accounts[0]);
    ask(&door, "GET", "/accounts/023e105f4ecef8ad9ca31a8372d0c353", Value::Null).await.refused(404, 7003);
}

#[tokio::test]
async fn a_zone_is_another_way_to_what_the_account_has() {
    let door = Door::open().await;
    let made = door.done(201, "POST", "/access/apps", app("wiki.b.test")).await;
    let zone = result(&door, "/zones?name=b.test").await[0]["id"].as_str().unwrap().to_owned();
    let below = |path: &str| format!("/zones/{zone}/access{path}");
    assert_eq!(result(&door, &below("/apps")).await, json!([made]));
    let group = json!({ "name": "Staff", "include": [{ "everyone": {} }] });
    let group = ask(&door, "POST", &below("/groups"), group).await;
    assert_eq!(group.status, 201, "{}", group.body);
    assert_eq!(door.done(200, "GET", "/access/groups", Value::Null).await, json!([group.body["result"]]));

    let second = ask(&door, "POST", &below("/apps"), app("second.b.test")).await;
    assert_eq!(second.status, 201, "{}", second.body);
    let elsewhere = ask(&door, "POST", &below("/apps"), app("xb.test")).await.invalid("/domain");
    assert!(elsewhere.contains("domain does not belong to zone"), "{elsewhere}");
    let path = below(&format!("/apps/{}", made["id"].as_str().unwrap()));
    ask(&door, "PUT", &path, app("wiki.c.test")).await.invalid("/domain");
    assert_eq!(ask(&door, "PUT", &path, app("b.test")).await.status, 200, "the domain itself is in it");

    let nowhere = format!("/zones/{}/access/apps", "0".repeat(32));
    ask(&door, "GET", &nowhere, Value::Null).await.refused(404, 7003);
    let rotate = below(&format!("/service_tokens/{}/rotate", uuid()));
    ask(&door, "POST", &rotate, json!({})).await.refused(404, 7003);
}
