//! The signing keys.

use doorward_model::time::Lifetime;
use serde_json::{Value, json};

use super::door::{Door, START};

const KEYS: &str = "/access/keys";

#[tokio::test]
async fn a_key_signs_for_as_long_as_was_decided() {
    let door = Door::open().await;
    let usual = door.done(200, "GET", KEYS, Value::Null).await;
    let expected = |days: i64, left: i64| {
        let since = START.to_rfc3339();
        json!({ "key_rotation_interval_days": days, "days_until_next_rotation": left, "last_key_rotation_at": since })
    };
    assert_eq!(usual, expected(42, 42));
    let body = json!({ "key_rotation_interval_days": 60 });
    assert_eq!(door.done(200, "PUT", KEYS, body).await, expected(60, 60));
    assert_eq!(door.objects.key_rotation_interval(), Some(Lifetime::from_days(60)), "what the keys are kept by");
    assert!(door.clock.advance(Lifetime::from_secs(1)));
    assert_eq!(door.done(200, "GET", KEYS, Value::Null).await, expected(60, 60), "a day that has begun is one");
    assert!(door.clock.advance(Lifetime::from_days(70)));
    assert_eq!(door.done(200, "GET", KEYS, Value::Null).await, expected(60, 0), "overdue is due");

    let rotated = door.done(200, "POST", &format!("{KEYS}/rotate"), Value::Null).await;
    assert_eq!(rotated["last_key_rotation_at"], json!(door.clock.now().to_rfc3339()));
    assert_eq!(rotated["days_until_next_rotation"], json!(60));
}

#[tokio::test]
async fn an_interval_that_cannot_be_is_refused() {
    let door = Door::open().await;
    for days in [json!(20), json!(366), json!(0), json!("60"), json!(-1), json!(30.5), Value::Null] {
        let body = json!({ "key_rotation_interval_days": days });
        door.call("PUT", KEYS, body).await.invalid("/key_rotation_interval_days");
    }
    for days in [21, 365] {
        let set = door.done(200, "PUT", KEYS, json!({ "key_rotation_interval_days": days })).await;
        assert_eq!(set["key_rotation_interval_days"], json!(days));
    }
}
