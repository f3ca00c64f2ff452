//! A disk without room.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, ROOT};
use crate::support::deadline::within;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::tmpfs::Tmpfs;

#[tokio::test]
async fn r_07_on_a_full_disk_known_people_go_on_and_what_cannot_be_written_is_an_error() {
    let (disk, origin) = (Tmpfs::of_megabytes(4), Origin::start().await);
    let file = disk.path().join("doorward.db");
    let store = format!("sqlite://{}", file.display());
    let mut gateway = Gateway::serve(&Config::standard(&origin).on_store(&store)).await;
    let order = |email: &str| json!({ "app": "App", "email": email });
    let seen = gateway.token(order(ALICE)).await;
    let unseen = gateway.token(order(ROOT)).await;
    let url = gateway.at(APP, "/");
    let opens = async |gateway: &Gateway, token: &str| Client::holding(gateway, APP, token).get(&url).await.status;
    assert_eq!(opens(&gateway, &seen).await, 200);

    disk.fill();
    // What is left in the write-ahead log takes a few writes more.
    let full = async || {
        let (status, answer) = gateway.admin_call("POST", "/emulator/v1/tokens", Some(order("x@corp.test"))).await;
        assert!(status == 200 || status == 503, "{status} {answer}");
        (status == 503).then_some(())
    };
    within(Duration::from_secs(20), "the disk is full", full).await;
    for _ in 0..5 {
        assert_eq!(opens(&gateway, &seen).await, 200, "a known sign-in");
        assert_eq!(opens(&gateway, &unseen).await, 200, "and one that is looked up");
        let revocation = json!({ "email": ROOT });
        let (status, _) = gateway.admin_call("POST", "/emulator/v1/revocations", Some(revocation)).await;
        assert_eq!(status, 503);
    }

    disk.free();
    let works = async || {
        let (status, _) = gateway.admin_call("POST", "/emulator/v1/tokens", Some(order("y@corp.test"))).await;
        (status == 200).then_some(())
    };
    within(Duration::from_secs(5), "what is written is kept again", works).await;
    gateway.control("POST", "/revocations", json!({ "email": ROOT })).await;
    assert_eq!((opens(&gateway, &seen).await, opens(&gateway, &unseen).await), (200, 302));

    gateway.kill().await;
    let mut database = SqliteConnection::connect(&store).await.unwrap();
    let verdict: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut database).await.unwrap();
    assert_eq!(verdict, "ok");
    database.close().await.unwrap();
}
