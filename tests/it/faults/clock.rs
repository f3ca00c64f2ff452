//! Clocks that jump.

use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, ROOT};
use crate::support::origin::Answer;
use crate::support::raw::Raw;
use crate::support::world::World;

async fn set(world: &World, change: serde_json::Value) -> u16 {
    world.gateway.admin_call("PUT", "/emulator/v1/clock", Some(change)).await.0
}

async fn now(world: &World) -> String {
    let shown = world.gateway.control("GET", "/clock", json!(null)).await;
    shown["now"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn r_08_wherever_the_clock_jumps_people_sign_in_and_the_revoked_stay_out() {
    let world = World::start().await;
    let revoked = world.token(ROOT, "App").await;
    world.gateway.control("POST", "/revocations", json!({ "email": ROOT })).await;
    let signed_out = world.token(ROOT, "App").await;
    let mut root = Client::holding(&world.gateway, APP, &signed_out);
    assert_eq!(root.get(&world.app("/cdn-cgi/access/logout")).await.status, 200);
    let start = now(&world).await;
    let long_ago = "2001-09-09T01:46:40Z";
    for jump in [&*start, "2039-01-19T04:00:00Z", "2049-06-01T00:00:00Z", long_ago, "1971-01-01T00:00:00Z", &*start] {
        assert_eq!(set(&world, json!({ "set": jump })).await, 200, "{jump}");
        let mut alice = world.stranger();
        let reply = alice.sign_in(&world.app("/"), ALICE).await;
        assert_eq!(reply.status, 200, "{jump}: {}", reply.body);
        assert_eq!(alice.get(&world.app("/again")).await.status, 200, "{jump}");
        for token in [&revoked, &signed_out] {
            let reply = Client::holding(&world.gateway, APP, token).get(&world.app("/")).await;
            assert!(reply.sends_to_sign_in(), "{jump}: {}", reply.status);
        }
        assert_eq!(world.gateway.admin_call("GET", "/readyz", None).await.0, 200, "{jump}");
    }
    assert_eq!(set(&world, json!({ "set": "1969-12-31T23:59:59Z" })).await, 422, "JWTs cannot say it");
}

#[tokio::test]
async fn r_08_an_hour_back_brings_nothing_back_that_was_over_for_longer_or_revoked() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let revoked = world.token(ROOT, "App").await;
    world.gateway.control("POST", "/revocations", json!({ "email": ROOT })).await;
    let start = now(&world).await;
    for (step, what) in [("26h", "two hours after its end"), ("25h", "an hour back")] {
        assert_eq!(set(&world, json!({ "set": start, "advance": step })).await, 200);
        assert!(alice.get(&world.app("/")).await.sends_to_sign_in(), "{what}");
        let mut root = Client::holding(&world.gateway, APP, &revoked);
        assert!(root.get(&world.app("/")).await.sends_to_sign_in(), "{what}");
    }
    assert_eq!(set(&world, json!({ "set": start })).await, 200);
    let mut root = Client::holding(&world.gateway, APP, &revoked);
    assert!(root.get(&world.app("/")).await.sends_to_sign_in(), "what was revoked stays so at any time");
}

#[tokio::test]
async fn r_08_a_request_under_way_survives_a_jump() {
    let world = World::start().await;
    world.origin.answer(Answer::Events);
    let mut raw = Raw::connect(world.public()).await;
    raw.send(format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n")).await;
    assert_eq!(raw.head().await.unwrap().status(), 200);
    for jump in ["2036-01-01T00:00:00Z", "2001-01-01T00:00:00Z"] {
        assert_eq!(set(&world, json!({ "set": jump })).await, 200);
        world.origin.emit(jump).await;
        assert_eq!(raw.chunk().await.unwrap(), format!("data: {jump}\n\n").into_bytes());
    }
}
