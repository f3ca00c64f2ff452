//! The token that an origin receives is verified by libraries that are not ours, through the certs endpoint.

use serde_json::json;

use crate::support::config::ALICE;
use crate::support::node::{jose, pyjwt};
use crate::support::token;
use crate::support::world::World;

#[tokio::test]
async fn the_token_that_the_origin_received_is_verified_by_jose_and_by_pyjwt() {
    let world = World::start().await;
    world.stranger().sign_in(&world.app("/"), ALICE).await;
    let received = world.origin.only().assertion().expect("an assertion").to_owned();
    let (certs, issuer, aud) = (world.gateway.certs_url(), world.gateway.team_url(), world.gateway.aud("App"));
    for verdict in [jose(&received, &certs, issuer, &aud).await, pyjwt(&received, &certs, issuer, &aud).await] {
        let verdict = verdict.unwrap_or_else(|error| panic!("verified: {error}"));
        assert_eq!((&verdict["claims"]["email"], &verdict["header"]["alg"]), (&json!(ALICE), &json!("RS256")));
    }
}

#[tokio::test]
async fn they_refuse_what_is_for_another_app_or_was_altered() {
    let world = World::start().await;
    let good = world.token(ALICE, "App").await;
    let mut claims = token::claims(&good);
    claims["email"] = json!("root@corp.test");
    let altered = token::with_claims(&good, &claims);
    let (certs, issuer) = (world.gateway.certs_url(), world.gateway.team_url());
    let (app, other) = (world.gateway.aud("App"), world.gateway.aud("Other"));
    for (token, issuer, aud) in
        [(&good, issuer, &other), (&good, "http://evil.localhost", &app), (&altered, issuer, &app)]
    {
        assert!(jose(token, &certs, issuer, aud).await.is_err());
        assert!(pyjwt(token, &certs, issuer, aud).await.is_err());
    }
}

#[tokio::test]
async fn tokens_of_both_keys_verify_after_a_rotation() {
    let world = World::start().await;
    let old = world.token(ALICE, "App").await;
    world.gateway.control("POST", "/keys/rotate", json!({})).await;
    let new = world.token(ALICE, "App").await;
    let (certs, issuer, aud) = (world.gateway.certs_url(), world.gateway.team_url(), world.gateway.aud("App"));
    for token in [old, new] {
        jose(&token, &certs, issuer, &aud).await.unwrap();
        pyjwt(&token, &certs, issuer, &aud).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_tokens_token_verifies_too() {
    let world = World::start().await;
    let url = world.gateway.at(crate::support::config::API, "/");
    world.stranger().request(reqwest::Method::GET, &url, &crate::support::config::ROBOT, None).await;
    let received = world.origin.only().assertion().expect("an assertion").to_owned();
    let (certs, issuer, aud) = (world.gateway.certs_url(), world.gateway.team_url(), world.gateway.aud("Api"));
    for verdict in [jose(&received, &certs, issuer, &aud).await, pyjwt(&received, &certs, issuer, &aud).await] {
        let claims = verdict.unwrap()["claims"].clone();
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(""), &json!(aud)));
        assert_eq!(claims["common_name"], crate::support::config::ROBOT[0].1);
    }
}
