//! Nodes whose clocks differ: a little is borne, more is said, and nobody goes in circles.

use serde_json::json;

use super::{at_app, opens, standard_three};
use crate::support::client::Client;
use crate::support::config::{ALICE, APP};
use crate::support::deadline::eventually;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;

/// Three nodes, of which the last is ahead.
async fn with_one_ahead(origin: &Origin, by: &str) -> [Gateway; 3] {
    let nodes = standard_three(origin, |config| config).await;
    nodes[2].control("PUT", "/clock", json!({ "advance": by })).await;
    nodes
}

/// A browser that signed in to the team, as one whom every node believes.
async fn member(nodes: &[Gateway]) -> Client {
    let ordered = json!({ "kind": "org", "email": ALICE });
    let token = nodes[0].token(ordered).await;
    let mut browser = Client::across(nodes);
    browser.jar.set("acme.localhost", "CF_Authorization", &token);
    browser
}

#[tokio::test]
async fn r_09_clocks_that_differ_by_20_seconds_are_not_noticed() {
    let origin = Origin::start().await;
    let nodes = with_one_ahead(&origin, "20s").await;
    let mut alice = member(&nodes).await;
    for turn in 0..3 {
        alice.jar.remove(APP, "CF_Authorization");
        alice = alice.at_turn(turn);
        assert_eq!(alice.open(&at_app("/")).await.status, 200);
        for _ in &nodes {
            assert_eq!(alice.get(&at_app("/again")).await.status, 200);
        }
    }
}

#[tokio::test]
async fn r_09_clocks_that_differ_by_120_seconds_give_an_error_and_no_endless_redirect() {
    let origin = Origin::start().await;
    let nodes = with_one_ahead(&origin, "120s").await;
    let mut alice = member(&nodes).await;
    for rounds in 0..=3 {
        // The application is asked on a node that is behind, all else on the one that is ahead.
        alice = alice.at_turn(0);
        let reply = alice.get(&at_app("/")).await;
        if !reply.sends_to_sign_in() {
            assert_eq!(reply.status, 503, "after {rounds} rounds: {}", reply.body);
            assert!(reply.header("retry-after").is_some());
            assert!(reply.header("cache-control").is_some_and(|value| value.contains("no-store")));
            assert!(reply.cookie("CF_Authorization").is_none());
            nodes[0].logs("the clocks of the nodes differ").await;
            origin.assert_untouched("a token from ahead");
            return;
        }
        let mut next = reply.location();
        while next.as_str() != at_app("/") {
            alice = alice.at_turn(2);
            let step = alice.get(next.as_str()).await;
            assert!(step.is_redirect(), "{next}: {} {}", step.status, step.body);
            next = step.location();
        }
    }
    panic!("the browser goes in circles: {:#?}", alice.history);
}

#[tokio::test]
async fn r_09_what_a_node_behind_revokes_ends_the_tokens_of_one_that_is_ahead() {
    let origin = Origin::start().await;
    let nodes = with_one_ahead(&origin, "20s").await;
    let token = nodes[2].token(json!({ "app": APP, "email": ALICE })).await;
    for node in &nodes {
        assert!(opens(node, &token).await, "the token is good everywhere");
    }
    let app = nodes[0].app_id("App").to_owned();
    let path = format!(
        "/client/v4/accounts/{}/access/apps/{app}/revoke_tokens",
        nodes[0].ready["account_id"].as_str().unwrap()
    );
    assert_eq!(nodes[0].admin_call("POST", &path, None).await.0, 202);
    for node in &nodes {
        eventually("the token is worth nothing", async || (!opens(node, &token).await).then_some(())).await;
    }
    let mut alice = member(&nodes).await;
    for turn in 0..3 {
        alice.jar.remove(APP, "CF_Authorization");
        alice = alice.at_turn(turn);
        assert_eq!(alice.open(&at_app("/")).await.status, 200, "whoever is signed in gets another one at once");
        for _ in &nodes {
            assert_eq!(alice.get(&at_app("/again")).await.status, 200);
        }
    }
}
