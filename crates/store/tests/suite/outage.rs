//! A Postgres server that is away, and comes back.

use std::time::Duration;

use doorward_model::session::{Bearings, Revoked};
use doorward_store::{Store, StoreError};
use tokio::net::TcpListener;

use crate::bench::{Bench, NOW, eventually, seal, session_of};
use crate::postgres::Cluster;

/// New connections take no writes, as on a primary that became a replica.
const READ_ONLY: &str = "DO $$ BEGIN EXECUTE \
     format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$";
const WRITABLE: &str = "BEGIN READ WRITE; DO $$ BEGIN EXECUTE \
     format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$; COMMIT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_01_a_server_that_comes_back_is_used_again_without_a_restart() {
    let mut cluster = Cluster::start();
    let bench = Bench::on(&cluster);
    let (here, there) = (bench.node().await, bench.node().await);
    let session = session_of("alice@corp.test");
    here.open_session(&session).await.unwrap();
    let watching = tokio::spawn({
        let there = there.clone();
        async move { there.watch().await }
    });
    there.keys_changed().notified().await;

    cluster.stop();
    let what = Revoked::Session(session.nonce.clone());
    assert!(matches!(here.revoke(&what, NOW).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(here.session(&session.nonce).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(here.ping().await, Err(StoreError::Unavailable { .. })));

    cluster.resume();
    assert_eq!(here.session(&session.nonce).await.unwrap(), Some(session.clone()), "nothing acknowledged is lost");
    here.revoke(&what, NOW).await.unwrap();
    let token = Bearings { session: Some(session.nonce), user: None, app: None, iat: NOW.secs() };
    eventually("the other node hears again", || there.revocations().is_revoked(&token)).await;
    watching.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_between_two_requests_is_not_noticed() {
    let mut cluster = Cluster::start();
    let bench = Bench::on(&cluster);
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    store.open_session(&session).await.unwrap();
    cluster.stop();
    cluster.resume();
    assert_eq!(store.session(&session.nonce).await.unwrap(), Some(session));
}

/// More connections than a store keeps.
const LARGEST_POOL: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_04_a_connection_that_takes_no_writes_any_more_is_replaced() {
    let bench = Bench::postgres();
    bench.node().await.close().await;
    bench.meddle(READ_ONLY).await;
    let store = bench.open(seal()).await;
    assert!(store.use_attempt("attempt", NOW).await.is_err(), "a replica takes no writes");
    store.ping().await.unwrap();
    bench.meddle(WRITABLE).await;
    // Connections from the time before are met once each, and there are only so many.
    let ended = Revoked::Session(session_of("alice@corp.test").nonce);
    for _ in 0..LARGEST_POOL {
        if store.revoke(&ended, NOW).await.is_ok() {
            return;
        }
    }
    panic!("writes do not come back");
}

#[tokio::test]
async fn a_server_that_stays_away_is_an_error_after_the_wait_without_the_password() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("postgres://door:hunter2@{nobody}/doorward");
    let refusal = Store::connect(&url, seal(), Duration::from_millis(300)).await.err().unwrap();
    assert!(matches!(refusal, StoreError::Unavailable { .. }), "{refusal}");
    let text = refusal.to_string();
    assert!(text.contains(&format!("doorward at {nobody}")) && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_says_nothing_is_given_up_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://door:hunter2@{}/doorward", listener.local_addr().unwrap());
    let refusal = Store::connect(&url, seal(), Duration::from_millis(100)).await.err().unwrap();
    assert!(refusal.to_string().contains("no answer"), "{refusal}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_an_error_at_once() {
    let url = Bench::postgres().url.replace("/test_", "/nothing_");
    let refusal = Store::connect(&url, seal(), Duration::from_secs(3600)).await.err().unwrap();
    assert!(refusal.to_string().contains("check store.url"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_the_server_is_its_message_alone() {
    let missing = Bench::postgres().url.replace("/test_", "/missing_");
    let Err(error) = Store::connect(&missing, seal(), Duration::from_secs(1)).await else { panic!("it is not there") };
    assert!(error.to_string().contains("does not exist; check store.url"), "{error}");

    let taken = Bench::postgres();
    taken.meddle("CREATE TABLE users (something TEXT)").await;
    let error = taken.open(seal()).await.migrate().await.unwrap_err().to_string();
    assert!(error.contains("already exists") && !error.contains("at line"), "{error}");
}
