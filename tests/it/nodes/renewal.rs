//! A token that ends is renewed in place once, whatever node is asked.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use serde_json::json;

use super::{at_app, metric, standard_three};
use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config};
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;

const RENEWED: &str = "doorward_tokens_renewed_total";

fn renewing(config: Config) -> Config {
    config.with("session_duration = \"24h\"", "session_duration = \"1h\"\nrefresh = \"edge\"")
}

async fn advance(nodes: &[Gateway], by: &str) {
    for node in nodes {
        node.control("PUT", "/clock", json!({ "advance": by })).await;
    }
}

/// The new tokens that these many requests with the old one were given, all under way at once.
async fn storm(nodes: &[Gateway], old: &str, count: usize) -> BTreeSet<String> {
    let mut browser = Client::across(nodes);
    browser.jar.set(APP, "CF_Authorization", old);
    let requests = futures_util::stream::iter(0..count).map(|number| {
        let mut tab = browser.clone().at_turn(number);
        async move {
            let reply = tab.get(&at_app(&format!("/{number}"))).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            reply.cookie("CF_Authorization").expect("a new token").value
        }
    });
    requests.buffer_unordered(count).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_1000_requests_over_three_nodes_renews_an_ended_token_once() {
    let origin = Origin::start().await;
    let nodes = standard_three(&origin, renewing).await;
    let old = nodes[0].token(json!({ "app": "App", "email": ALICE })).await;
    advance(&nodes, "61m").await;
    let given = storm(&nodes, &old, 1000).await;
    assert_eq!(given.len(), 1, "one new token for all");
    assert!(!given.contains(&old));
    let mut counted = 0.0;
    for node in &nodes {
        counted += metric(node, RENEWED).await;
    }
    assert_eq!(counted, 1.0, "counted once over all nodes");
}

#[tokio::test]
async fn a_token_is_renewed_again_when_its_successor_is_long_out() {
    let origin = Origin::start().await;
    let nodes = standard_three(&origin, renewing).await;
    let old = nodes[0].token(json!({ "app": "App", "email": ALICE })).await;
    advance(&nodes, "61m").await;
    let first = storm(&nodes, &old, 3).await;
    advance(&nodes, "61m").await;
    let second = storm(&nodes, &old, 3).await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
}

#[tokio::test]
async fn g_10_a_revocation_on_another_node_beats_the_renewal() {
    let origin = Origin::start().await;
    let nodes = standard_three(&origin, renewing).await;
    let old = nodes[0].token(json!({ "app": "App", "email": ALICE })).await;
    advance(&nodes, "61m").await;
    let given = storm(&nodes[..1], &old, 1).await.pop_first().unwrap();
    nodes[2].control("POST", "/revocations", json!({ "email": ALICE })).await;
    for token in [&old, &given] {
        let mut browser = Client::holding(&nodes[2], APP, token);
        let reply = browser.get(&at_app("/")).await;
        assert!(reply.sends_to_sign_in(), "{}", reply.status);
        assert!(reply.cookie("CF_Authorization").is_none());
    }
    for node in &nodes[..2] {
        let out = async || {
            let replies = [&old, &given].map(|token| Client::holding(node, APP, token));
            let [mut old, mut given] = replies;
            let url = at_app("/");
            (old.get(&url).await.sends_to_sign_in() && given.get(&url).await.sends_to_sign_in()).then_some(())
        };
        crate::support::deadline::eventually("every node refuses both tokens", out).await;
    }
}
