//! Service tokens.

use doorward_model::secret::Secret;
use doorward_model::service_token::{ClientId, ServiceToken};
use doorward_model::time::Lifetime;
use serde_json::{Value, json};

use super::door::{Door, START};

const PATH: &str = "/access/service_tokens";

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}"))
}

fn token(door: &Door, made: &Value) -> Option<ServiceToken> {
    let client_id = ClientId::try_from(text(made, "client_id").to_owned()).unwrap();
    door.catalog().service_token(&client_id).map(|token| (**token).clone())
}

fn accepts(door: &Door, made: &Value, secret: &str) -> bool {
    token(door, made).is_some_and(|token| token.accepts(&Secret::new(secret.into()), door.clock.now()))
}

#[tokio::test]
async fn a_secret_is_shown_once_and_works_at_once() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, json!({ "name": "CI" })).await;
    let secret = text(&made, "client_secret");
    assert!(secret.len() == 54 && secret.starts_with("cfast_") && text(&made, "client_id").ends_with(".access"));
    assert_eq!(
        (text(&made, "duration"), &made["client_secret_version"], &made["enabled"]),
        ("8760h", &json!(1), &json!(true))
    );
    assert_eq!(text(&made, "expires_at"), START.plus(Lifetime::from_days(365)).to_rfc3339());
    assert!(accepts(&door, &made, secret) && !accepts(&door, &made, "wrong"));
    let path = format!("{PATH}/{}", text(&made, "id"));
    for shown in [door.get(&path).await.body, door.get(PATH).await.body] {
        assert!(!shown.to_string().contains("secret"), "{shown}");
    }
    let kept = door.objects.current();
    assert!(kept.all().all(|object| !format!("{object:?}").contains(secret)), "only its digest is kept");

    let removed = door.done(200, "DELETE", &path, Value::Null).await;
    assert_eq!((&removed["id"], &removed["name"]), (&made["id"], &json!("CI")), "the whole token, not its id alone");
    assert!(token(&door, &made).is_none());
    door.get(&path).await.refused(404, 12135);
}

#[tokio::test]
async fn the_end_of_a_token_is_counted_from_its_duration() {
    let door = Door::open().await;
    let forever = door.done(201, "POST", PATH, json!({ "name": "a", "duration": "forever" })).await;
    assert!(forever.get("expires_at").is_none() && token(&door, &forever).unwrap().expires_at.is_none());
    let hour = door.done(201, "POST", PATH, json!({ "name": "b", "duration": "60m" })).await;
    assert_eq!(text(&hour, "duration"), "60m", "as sent");
    let secret = text(&hour, "client_secret").to_owned();
    assert!(door.clock.advance(Lifetime::from_secs(3599)) && accepts(&door, &hour, &secret));
    let path = format!("{PATH}/{}", text(&hour, "id"));
    let refreshed = door.done(200, "POST", &format!("{path}/refresh"), Value::Null).await;
    assert!(refreshed.get("client_secret").is_none());
    assert!(door.clock.advance(Lifetime::from_secs(3599)) && accepts(&door, &hour, &secret));
    let renamed = door.done(200, "PUT", &path, json!({ "name": "c" })).await;
    assert_eq!(
        (text(&renamed, "name"), &renamed["expires_at"]),
        ("c", &refreshed["expires_at"]),
        "no longer than before"
    );
    assert!(door.clock.advance(Lifetime::from_secs(1)) && !accepts(&door, &hour, &secret));
    for (duration, pointer) in
        [("1 year", "/duration"), ("999999h", "/duration"), ("0", "/duration"), ("", "/duration")]
    {
        door.call("POST", PATH, json!({ "name": "d", "duration": duration })).await.invalid(pointer);
    }
    door.call("POST", PATH, json!({})).await.invalid("/name");
}

#[tokio::test]
async fn a_rotated_secret_works_until_its_grace_ends() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, json!({ "name": "CI" })).await;
    let path = format!("{PATH}/{}", text(&made, "id"));
    let first = text(&made, "client_secret");
    let until = START.plus(Lifetime::from_hours(1)).to_rfc3339();
    let grace = json!({ "previous_client_secret_expires_at": until });
    let rotated = door.done(200, "POST", &format!("{path}/rotate"), grace).await;
    let second = text(&rotated, "client_secret");
    assert_ne!(first, second);
    assert_eq!((&rotated["client_id"], &rotated["client_secret_version"]), (&made["client_id"], &json!(2)));
    assert!(accepts(&door, &made, first) && accepts(&door, &made, second));
    assert!(door.clock.advance(Lifetime::from_hours(1)));
    assert!(!accepts(&door, &made, first) && accepts(&door, &made, second));

    let third = door.done(200, "POST", &format!("{path}/rotate"), Value::Null).await;
    assert!(!accepts(&door, &made, second), "without a grace it ends at once");
    assert!(accepts(&door, &made, text(&third, "client_secret")));
    let bad = json!({ "previous_client_secret_expires_at": "tomorrow" });
    door.call("POST", &format!("{path}/rotate"), bad).await.invalid("/previous_client_secret_expires_at");
}

/// What Terraform does in place of a call to rotate.
#[tokio::test]
async fn a_higher_version_of_the_secret_rotates_it() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, json!({ "name": "CI", "client_secret_version": 2 })).await;
    let path = format!("{PATH}/{}", text(&made, "id"));
    let first = text(&made, "client_secret");
    for version in [json!(2), json!(1), Value::Null] {
        let body = json!({ "name": "CI", "client_secret_version": version });
        let same = door.done(200, "PUT", &path, body).await;
        assert!(same.get("client_secret").is_none(), "{version}");
    }
    let body = json!({ "name": "CI", "client_secret_version": 3,
        "previous_client_secret_expires_at": START.plus(Lifetime::from_hours(1)).to_rfc3339() });
    let rotated = door.done(200, "PUT", &path, body).await;
    assert!(accepts(&door, &made, first) && accepts(&door, &made, text(&rotated, "client_secret")));
}

#[tokio::test]
async fn a_disabled_token_is_refused_until_it_is_enabled_again() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, json!({ "name": "CI" })).await;
    let path = format!("{PATH}/{}", text(&made, "id"));
    let secret = text(&made, "client_secret");
    door.done(200, "PUT", &path, json!({ "name": "CI", "enabled": false })).await;
    assert!(!accepts(&door, &made, secret));
    door.done(200, "PUT", &path, json!({ "enabled": true })).await;
    assert!(accepts(&door, &made, secret));
}

#[tokio::test]
async fn a_token_that_a_rule_names_stays() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PATH, json!({ "name": "CI" })).await;
    let group = json!({ "name": "Robots", "include": [{"service_token": {"token_id": made["id"]}}] });
    let group = door.done(201, "POST", "/access/groups", group).await;
    let path = format!("{PATH}/{}", text(&made, "id"));
    assert!(door.call("DELETE", &path, Value::Null).await.refused(409, 12132).contains("Robots"));
    door.done(202, "DELETE", &format!("/access/groups/{}", text(&group, "id")), Value::Null).await;
    door.done(200, "DELETE", &path, Value::Null).await;
}
