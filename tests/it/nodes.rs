//! Several nodes on one Postgres, behind a balancer that sends every request to
//! another one: nothing is sticky, and nobody can tell that there are several.

mod chaos;
mod history;
pub(crate) mod load;
mod renewal;
mod skew;
mod versions;

use std::time::Duration;

use serde_json::{Value, json};

use crate::independent_provider::{POLICIES, sign_in};
use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, ROOT, app, route};
use crate::support::deadline::{eventually, within};
use crate::support::gateway::{Gateway, run};
use crate::support::metrics::Metrics;
use crate::support::node::Provider;
use crate::support::origin::Origin;
use crate::support::postgres;
use crate::support::token;

/// The name under which all nodes are reached.
const TEAM: &str = "http://acme.localhost";

/// A URL of the application `App`, on whatever node.
fn at_app(path: &str) -> String {
    format!("http://{APP}{path}")
}

/// The same configuration as the nodes of one team have it.
pub(crate) fn of_one_team(config: Config) -> Config {
    config.with("[team]", &format!("[team]\nurl = \"{TEAM}\""))
}

/// Three nodes of one team on one database, started together.
async fn three(config: &Config) -> [Gateway; 3] {
    let (one, two, three) = tokio::join!(Gateway::serve(config), Gateway::serve(config), Gateway::serve(config));
    [one, two, three]
}

/// Three nodes with the standard topology.
async fn standard_three(origin: &Origin, change: impl FnOnce(Config) -> Config) -> [Gateway; 3] {
    let config = of_one_team(Config::standard(origin)).on_store(&postgres::database().await);
    three(&change(config)).await
}

async fn certs(node: &Gateway) -> Value {
    Client::new(node).get(&format!("{TEAM}/cdn-cgi/access/certs")).await.json()
}

/// A counter among the metrics of a node.
async fn metric(node: &Gateway, name: &str) -> f64 {
    Metrics::of(node).await.get(name)
}

async fn opens(node: &Gateway, token: &str) -> bool {
    Client::holding(node, APP, token).get(&at_app("/")).await.status == 200
}

#[tokio::test]
async fn a_sign_in_that_begins_on_one_node_ends_on_another_and_its_sign_out_is_heard_by_all() {
    let (provider, origin) = (Provider::start().await, Origin::start().await);
    let tables = route(APP, &origin.url()) + &provider.config("Foreign") + &app("App", APP, POLICIES);
    let key = "[keys]\nencryption_key = \"0123456789abcdef0123456789abcdef\"\n\n[team]";
    let production = of_one_team(Config::bare().in_production()).with("[team]", key);
    let nodes = three(&production.and(&tables).on_store(&postgres::database().await)).await;
    for turn in 0..3 {
        let mut alice = Client::across(&nodes).at_turn(turn);
        let reply = sign_in(&mut alice, &at_app("/wanted?x=1"), ALICE).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok"), "{} {:#?}", reply.url, alice.history);
        assert_eq!(origin.last().head.target(), "/wanted?x=1");
        for _ in &nodes {
            assert_eq!(alice.get(&at_app("/again")).await.status, 200);
        }
        let held = alice.jar.value(APP, "CF_Authorization").unwrap().to_owned();
        assert_eq!(alice.get(&at_app("/cdn-cgi/access/logout")).await.status, 200);
        for node in &nodes {
            let out = async || (!opens(node, &held).await).then_some(());
            within(Duration::from_secs(1), "every node has heard of the sign-out", out).await;
        }
    }
}

#[tokio::test]
async fn nodes_that_start_together_on_an_empty_database_have_the_same_keys_and_people() {
    let origin = Origin::start().await;
    let nodes = standard_three(&origin, |config| config).await;
    let published = certs(&nodes[0]).await;
    let mut people = Vec::new();
    for node in &nodes {
        let same = async || (certs(node).await == published).then_some(());
        eventually("every node publishes the same keys", same).await;
        let token = node.token(json!({ "app": "App", "email": ALICE })).await;
        people.push(token::claims(&token)["sub"].clone());
        for other in &nodes {
            assert!(opens(other, &token).await, "what one node signs is believed by all");
        }
    }
    assert!(people.iter().all(|id| *id == people[0]), "one person is one user on every node");
}

#[tokio::test]
async fn nodes_that_rotate_at_once_agree_on_the_keys_and_no_token_is_lost() {
    let origin = Origin::start().await;
    let nodes = standard_three(&origin, |config| config).await;
    let before = nodes[0].token(json!({ "app": "App", "email": ALICE })).await;
    for _ in 0..3 {
        let rotate = |node| Gateway::control(node, "POST", "/keys/rotate", json!({}));
        tokio::join!(rotate(&nodes[0]), rotate(&nodes[1]), rotate(&nodes[2]));
    }
    let same = async || {
        let [one, two, three] = [certs(&nodes[0]).await, certs(&nodes[1]).await, certs(&nodes[2]).await];
        (one == two && two == three).then_some(one)
    };
    eventually("every node publishes the same keys", same).await;
    for node in &nodes {
        let after = node.token(json!({ "app": "App", "email": ALICE })).await;
        for other in &nodes {
            assert!(opens(other, &before).await && opens(other, &after).await);
        }
    }
}

#[tokio::test]
async fn g_10_a_revocation_reaches_every_node_and_the_time_it_took_is_measured() {
    const MEASURED: &str = "doorward_revocation_propagation_seconds_count";
    let origin = Origin::start().await;
    let nodes = standard_three(&origin, |config| config).await;
    let token = nodes[2].token(json!({ "app": "App", "email": ALICE })).await;
    let root = nodes[2].token(json!({ "app": "App", "email": ROOT })).await;
    for node in &nodes {
        assert!(opens(node, &token).await);
        assert_eq!(metric(node, MEASURED).await, 0.0);
    }
    nodes[0].control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert!(!opens(&nodes[0], &token).await, "at once on the node that was told");
    for node in &nodes[1..] {
        let out = async || (!opens(node, &token).await).then_some(());
        within(Duration::from_secs(1), "every node refuses the token", out).await;
        assert!(opens(node, &root).await, "nobody else is out");
        let measured = async || (metric(node, MEASURED).await == 1.0).then_some(());
        eventually("the way of the mark was measured, once", measured).await;
    }
}

#[tokio::test]
async fn a_second_process_on_one_sqlite_file_is_refused_and_told_what_to_use() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), Origin::start().await);
    let config = Config::standard(&origin).on_store(&format!("sqlite://{}/one.db", folder.path().display()));
    let first = Gateway::serve(&config).await;
    let path = folder.path().join("second.toml");
    std::fs::write(&path, config.text(folder.path())).unwrap();
    let (code, _, errors) = run(&["serve", "--config", path.to_str().unwrap(), "--ready-json"]).await;
    assert_eq!(code, 1);
    assert!(errors.contains("one.db is in use by another doorward process"), "{errors}");
    assert!(errors.contains("set store.url to a postgres:// database"), "{errors}");
    let token = first.token(json!({ "app": "App", "email": ALICE })).await;
    assert_eq!(Client::holding(&first, APP, &token).get(&first.at(APP, "/")).await.status, 200);
}
