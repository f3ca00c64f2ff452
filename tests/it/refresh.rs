//! What happens when an app's token runs out while the sign-in behind it lives.

use reqwest::Method;
use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP};
use crate::support::token;
use crate::support::world::World;

/// The standard topology in which tokens of `App` live for an hour and are renewed so.
async fn world(refresh: &str) -> World {
    let lines = format!("session_duration = \"1h\"\nrefresh = \"{refresh}\"");
    World::with(|config| config.with("session_duration = \"24h\"", &lines)).await
}

async fn advance(world: &World, by: &str) {
    world.gateway.control("PUT", "/clock", json!({ "advance": by })).await;
}

async fn script(browser: &mut Client, url: &str) -> crate::support::client::Reply {
    browser.request(Method::GET, url, &[("X-Requested-With", "XMLHttpRequest")], None).await
}

#[tokio::test]
async fn a_navigation_passes_the_team_domain_and_comes_back_with_a_new_token() {
    let world = world("access").await;
    let mut alice = world.signed_in(ALICE).await;
    let old = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
    advance(&world, "61m").await;
    let before = alice.history.len();
    let reply = alice.open(&world.app("/deep/page?x=1")).await;
    assert_eq!((reply.status, reply.url.as_str()), (200, world.app("/deep/page?x=1").as_str()));
    let visited: Vec<&str> = alice.history[before..].iter().map(url::Url::path).collect();
    assert_eq!(visited.len(), 4, "the app, the team, the hand-over, the app: {visited:?}");
    assert!(visited[1].starts_with("/cdn-cgi/access/login/") && visited[2] == "/cdn-cgi/access/authorized");
    let new = world.origin.last().assertion().unwrap().to_owned();
    assert_ne!(new, old);
    assert_eq!(token::claims(&new)["identity_nonce"], token::claims(&old)["identity_nonce"], "the same session");
}

#[tokio::test]
async fn strictly_like_access_a_script_is_told_that_its_token_ran_out() {
    let world = world("access").await;
    let mut alice = world.signed_in(ALICE).await;
    advance(&world, "61m").await;
    assert_eq!(script(&mut alice, &world.app("/data")).await.status, 401);
    world.origin.assert_untouched("a token that ran out");
}

#[tokio::test]
async fn in_emulator_mode_an_app_that_says_nothing_behaves_like_access() {
    let world = World::with(|config| config.with("session_duration = \"24h\"", "session_duration = \"1h\"")).await;
    let mut alice = world.signed_in(ALICE).await;
    advance(&world, "61m").await;
    assert_eq!(script(&mut alice, &world.app("/data")).await.status, 401);
}

#[tokio::test]
async fn at_the_edge_a_script_gets_its_answer_and_the_browser_the_next_token() {
    let world = world("edge").await;
    let mut alice = world.signed_in(ALICE).await;
    let old = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();

    advance(&world, "30m").await;
    assert!(script(&mut alice, &world.app("/early")).await.cookie("CF_Authorization").is_none());

    for after in ["28m", "70m"] {
        advance(&world, after).await;
        let before = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
        world.origin.forget();
        let reply = script(&mut alice, &world.app("/data")).await;
        assert_eq!(reply.status, 200, "after {after}");
        let renewed = reply.cookie("CF_Authorization").unwrap_or_else(|| panic!("a new token after {after}")).value;
        assert_ne!(renewed, before);
        assert_eq!(world.origin.only().assertion(), Some(renewed.as_str()), "the origin sees the new token at once");
        let (new, old) = (token::claims(&renewed), token::claims(&old));
        assert_eq!(new["identity_nonce"], old["identity_nonce"]);
        assert!(new["exp"].as_i64() > old["exp"].as_i64());
    }
}

#[tokio::test]
async fn requests_under_way_at_once_are_renewed_once() {
    let world = world("edge").await;
    let alice = world.signed_in(ALICE).await;
    advance(&world, "59m").await;
    let requests = (0..16).map(|number| {
        let (mut tab, url) = (alice.clone(), world.app(&format!("/{number}")));
        async move { tab.get(&url).await.cookie("CF_Authorization").expect("a new token").value }
    });
    let mut tokens = futures_util::future::join_all(requests).await;
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "one renewal serves them all");
}

#[tokio::test]
async fn at_the_edge_the_policies_are_asked_again() {
    let world = world("edge").await;
    let alice = world.signed_in(ALICE).await;
    advance(&world, "61m").await;
    let shut = crate::support::config::Config::standard(&world.origin).with("corp.test\" }", "elsewhere.test\" }");
    world.gateway.rewrite(&shut);
    world.gateway.signal("HUP");
    world.gateway.logs("was reloaded").await;
    let reply = alice.clone().get(&world.app("/")).await;
    assert_ne!(reply.status, 200);
    assert!(reply.cookie("CF_Authorization").is_none_or(|cookie| cookie.removes()));
    world.origin.assert_untouched("somebody whom the new policies refuse");
}

#[tokio::test]
async fn at_the_edge_nothing_outlives_the_sign_in_or_a_revocation() {
    let world = world("edge").await;
    let alice = world.signed_in(ALICE).await;
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    advance(&world, "61m").await;
    let reply = alice.clone().get(&world.app("/")).await;
    world.assert_asked_to_sign_in(&reply, "App", "somebody who was revoked");

    let root = world.signed_in(crate::support::config::ROOT).await;
    advance(&world, "25h").await;
    let reply = root.clone().get(&world.app("/")).await;
    world.assert_asked_to_sign_in(&reply, "App", "a sign-in of yesterday");
}
