//! Save and restore.

use doorward_model::time::Lifetime;

use super::*;

#[tokio::test]
async fn a_snapshot_brings_back_who_was_signed_in_who_was_there_and_what_time_it_was() {
    let world = World::new().await;
    let token = world.alices_token().await;
    world.control("PUT", "/users/zoe@example.com", json!({ "claims": { "level": 7 } })).await;
    world.control("PUT", "/faults", json!([{ "fault": "error", "status": 502, "path": "/api/*", "share": 0.5 }])).await;
    let saved = world.control("GET", "/snapshot", json!({})).await.json();

    world.control("POST", "/revocations", json!({ "email": "alice@example.com" })).await;
    world.control("DELETE", "/users/zoe@example.com", json!({})).await;
    world.control("PUT", "/faults", json!([])).await;
    world.control("PUT", "/clock", json!({ "advance": "1h" })).await;
    assert!(world.bearings(&token).is_none());

    for whole in [false, true] {
        let body = if whole { saved.clone() } else { json!({ "id": saved["id"] }) };
        let restored = world.control("POST", "/snapshot", body).await;
        assert_eq!(restored.status, StatusCode::OK, "{}", restored.body);
        let nonce = world.bearings(&token).expect("her token counts again").session.unwrap();
        let session = world.emulator.store.session(&nonce).await.unwrap();
        assert!(session.is_some_and(|session| session.is_live(START)));
        assert_eq!(world.control("GET", "/users/zoe@example.com", json!({})).await.json()["claims"]["level"], 7);
        assert_eq!(world.emulator.claim_names(), ["department", "level"]);
        let active = world.control("GET", "/faults", json!({})).await.json()["active"].clone();
        assert_eq!(
            (&active[0]["status"], &active[0]["path"], &active[0]["share"]),
            (&json!(502), &json!("/api/*"), &json!(0.5))
        );
        assert_eq!((world.emulator.clock.now(), world.emulator.clock.is_frozen()), (START, true));
        world.control("POST", "/reset", json!({})).await;
        assert!(world.emulator.store.session(&nonce).await.unwrap().is_none(), "it is gone for the next turn");
    }
}

#[tokio::test]
async fn what_was_revoked_when_it_was_taken_stays_revoked() {
    let world = World::new().await;
    let token = world.alices_token().await;
    world.control("POST", "/revocations", json!({ "app": "Wiki" })).await;
    let saved = world.control("GET", "/snapshot", json!({})).await.json();
    world.control("POST", "/reset", json!({})).await;
    world.control("POST", "/snapshot", json!({ "id": saved["id"] })).await;
    assert!(world.bearings(&token).is_none());
}

#[tokio::test]
async fn a_clock_that_runs_keeps_its_distance_from_the_machines() {
    let world = World::new().await;
    world.control("PUT", "/clock", json!({ "freeze": false })).await;
    let ahead = || world.emulator.clock.now().0 - Clock::system().now().0;
    let before = ahead();
    let saved = world.control("GET", "/snapshot", json!({})).await.json();
    world.control("PUT", "/clock", json!({ "advance": "25h", "freeze": true })).await;
    world.control("POST", "/snapshot", json!({ "id": saved["id"] })).await;
    assert!(!world.emulator.clock.is_frozen());
    assert!((ahead() - before).abs() < Lifetime::from_secs(5).millis());
}

#[tokio::test]
async fn what_is_no_snapshot_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let token = world.alices_token().await;
    let saved = world.control("GET", "/snapshot", json!({})).await.json();
    let with = |name: &str, value: Value| {
        let mut changed = saved.clone();
        changed[name] = value;
        changed
    };
    for (body, words) in [
        (json!({}), "missing field `id`"),
        (json!({ "id": "none" }), "there is no snapshot"),
        (with("people", json!([{ "name": "nobody" }])), "missing field `email`"),
        (with("faults", json!([{ "fault": "flood" }])), "there is no fault"),
        (with("clock", json!({ "ahead_ms": 0, "frozen_at": "soon" })), "is not a moment"),
        (with("store", json!({})), "missing field"),
    ] {
        let answer = world.control("POST", "/snapshot", body).await;
        assert!(answer.status.is_client_error(), "{}", answer.body);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(words), "{error:?} does not say {words:?}");
    }
    assert!(world.bearings(&token).is_some());
}
