//! A revocation beats a valid signature, at once, and nobody else notices.

use std::time::Duration;

use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, OTHER, ROOT};
use crate::support::deadline::within;
use crate::support::gateway::Gateway;
use crate::support::world::World;

async fn opens(gateway: &Gateway, host: &str, token: &str) -> bool {
    Client::holding(gateway, host, token).get(&gateway.at(host, "/")).await.status == 200
}

#[tokio::test]
async fn a_person_who_is_revoked_is_out_everywhere_and_nobody_else_is() {
    let world = World::start().await;
    let (app, other) = (world.token(ALICE, "App").await, world.token(ALICE, "Other").await);
    let root = world.token(ROOT, "App").await;
    assert!(opens(&world.gateway, APP, &app).await && opens(&world.gateway, OTHER, &other).await);
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert!(!opens(&world.gateway, APP, &app).await && !opens(&world.gateway, OTHER, &other).await);
    assert!(opens(&world.gateway, APP, &root).await);
}

#[tokio::test]
async fn an_app_whose_tokens_are_revoked_asks_everybody_again_and_the_team_does_not() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    let (old, other) = (alice.jar.value(APP, "CF_Authorization").unwrap().to_owned(), world.token(ROOT, "Other").await);
    world.gateway.control("POST", "/revocations", json!({ "app": "App" })).await;
    assert!(!opens(&world.gateway, APP, &old).await);
    assert!(opens(&world.gateway, OTHER, &other).await);
    let reply = alice.open(&world.app("/")).await;
    assert_eq!(reply.status, 200, "the organisation session gets her a new one");
    assert_ne!(alice.jar.value(APP, "CF_Authorization"), Some(old.as_str()));
}

#[tokio::test]
async fn g_10_nobody_signs_in_within_a_minute_after_their_revocation_and_everybody_does_then() {
    let world = World::start().await;
    let mut alice = world.signed_in(ALICE).await;
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let before = alice.jar.value(&world.gateway.team_host(), "CF_Authorization").map(str::to_owned);
    let refused = alice.sign_in(&world.app("/"), ALICE).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("You cannot sign in right now"), "{}", refused.body);
    let after = alice.jar.value(&world.gateway.team_host(), "CF_Authorization").map(str::to_owned);
    assert_eq!(after, before, "no new session is opened");
    assert_eq!(world.stranger().sign_in(&world.app("/"), ROOT).await.status, 200, "others do");
    world.gateway.control("PUT", "/clock", json!({ "advance": "61s" })).await;
    let reply = alice.sign_in(&world.app("/"), ALICE).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(alice.get(&world.app("/again")).await.status, 200);
}

#[tokio::test]
async fn somebody_who_is_removed_from_the_provider_is_out() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    world.gateway.control("DELETE", &format!("/users/{ALICE}"), json!({})).await;
    assert!(!opens(&world.gateway, APP, &token).await);
}

#[tokio::test]
async fn a_token_of_a_key_that_was_dropped_is_worth_nothing() {
    let world = World::start().await;
    let old = world.token(ALICE, "App").await;
    world.gateway.control("POST", "/keys/rotate", json!({})).await;
    assert!(opens(&world.gateway, APP, &old).await, "the previous key is still accepted");
    let new = world.token(ALICE, "App").await;
    world.gateway.control("POST", "/keys/rotate", json!({ "drop_previous": true })).await;
    assert!(!opens(&world.gateway, APP, &old).await);
    assert!(!opens(&world.gateway, APP, &new).await);
    assert!(opens(&world.gateway, APP, &world.token(ALICE, "App").await).await);
}

#[tokio::test]
async fn a_revocation_on_one_node_holds_on_the_other_within_a_second() {
    let origin = crate::support::origin::Origin::start().await;
    let store = crate::support::postgres::database().await;
    let config = crate::support::config::Config::standard(&origin).on_store(&store);
    let (one, two) = (Gateway::serve(&config).await, Gateway::serve(&config).await);
    // The issuer names the node's own port; validators that share a team's URL would see one issuer.
    let token = two.token(json!({ "app": "App", "email": ALICE })).await;
    assert!(opens(&two, APP, &token).await);
    one.control("POST", "/revocations", json!({ "email": ALICE })).await;
    let out = async || (!opens(&two, APP, &token).await).then_some(());
    within(Duration::from_secs(1), "the other node refuses the token", out).await;
}
