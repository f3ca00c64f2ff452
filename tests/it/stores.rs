//! The main flow on both databases, and what survives an end of the process.

use serde_json::json;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config};
use crate::support::gateway::{Gateway, run};
use crate::support::origin::Origin;
use crate::support::postgres;
use crate::support::reserved::Reserved;
use crate::support::token;

/// A SQLite file that outlives its gateway, and a Postgres database.
async fn stores() -> (tempfile::TempDir, [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}/kept.db", folder.path().display());
    (folder, [sqlite, postgres::database().await])
}

#[tokio::test]
async fn signing_in_and_out_works_on_sqlite_and_on_postgres() {
    let (_folder, stores) = stores().await;
    let origin = Origin::start().await;
    for store in stores {
        origin.forget();
        let gateway = Gateway::serve(&Config::standard(&origin).on_store(&store)).await;
        let mut alice = Client::new(&gateway);
        let reply = alice.sign_in(&gateway.at(APP, "/in"), ALICE).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok"), "{store}");
        let claims = token::claims(origin.only().assertion().unwrap());
        assert_eq!(claims["email"], ALICE, "{store}");
        let copy = alice.clone();
        assert_eq!(alice.get(&gateway.at(APP, "/cdn-cgi/access/logout")).await.status, 200);
        assert!(copy.clone().get(&gateway.at(APP, "/")).await.sends_to_sign_in(), "{store}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let (_folder, stores) = stores().await;
    let origin = Origin::start().await;
    for store in stores {
        // The issuer holds the port: the next process must be reached as the same team.
        let kept = Reserved::port();
        let listen = format!("public = \"{}\"", kept.address);
        let config = Config::standard(&origin).on_store(&store).with("public = \"127.0.0.1:0\"", &listen);
        let mut gateway = Gateway::serve(&config).await;
        let mut alice = Client::new(&gateway);
        assert_eq!(alice.sign_in(&gateway.at(APP, "/"), ALICE).await.status, 200);
        let revoked = gateway.token(json!({ "app": "App", "email": "root@corp.test" })).await;
        gateway.control("POST", "/revocations", json!({ "email": "root@corp.test" })).await;
        let certs = Client::new(&gateway).get(&gateway.certs_url()).await.json();
        gateway.kill().await;

        let gateway = Gateway::serve(&config).await;
        assert_eq!(Client::new(&gateway).get(&gateway.certs_url()).await.json(), certs, "the keys are the same");
        assert_eq!(alice.get(&gateway.at(APP, "/again")).await.status, 200, "{store}: the session lives on");
        let mut root = Client::holding(&gateway, APP, &revoked);
        assert!(root.get(&gateway.at(APP, "/")).await.sends_to_sign_in(), "{store}: the revocation holds");
    }
}

#[tokio::test]
async fn two_nodes_on_one_database_share_keys_and_sessions() {
    let origin = Origin::start().await;
    let config = Config::standard(&origin).on_store(&postgres::database().await);
    let (one, two) = (Gateway::serve(&config).await, Gateway::serve(&config).await);
    let certs = async |node: &Gateway| Client::new(node).get(&node.certs_url()).await.json();
    assert_eq!(certs(&one).await, certs(&two).await);
    one.control("POST", "/keys/rotate", json!({})).await;
    let rotated = certs(&one).await;
    let seen = async || (certs(&two).await == rotated).then_some(());
    crate::support::deadline::eventually("the other node publishes the new key", seen).await;
    let user =
        async |node: &Gateway| token::claims(&node.token(json!({ "app": "App", "email": ALICE })).await)["sub"].clone();
    assert_eq!(user(&one).await, user(&two).await, "one person is one user on every node");
}

#[tokio::test]
async fn l_06_another_encryption_key_refuses_to_start_and_makes_no_new_keys() {
    let (_folder, stores) = stores().await;
    let origin = Origin::start().await;
    let key = |letter: &str| format!("[keys]\nencryption_key = \"{}\"\n\n[team]", letter.repeat(32));
    for store in stores {
        let config = |letter: &str| Config::standard(&origin).with("[team]", &key(letter)).on_store(&store);
        let mut gateway = Gateway::serve(&config("a")).await;
        let certs = Client::new(&gateway).get(&gateway.certs_url()).await.json();
        gateway.signal("TERM");
        gateway.exit().await;

        let wrong = tempfile::tempdir().unwrap();
        let path = wrong.path().join("doorward.toml");
        std::fs::write(&path, config("b").text(wrong.path())).unwrap();
        let (code, _, errors) = run(&["serve", "--config", path.to_str().unwrap(), "--ready-json"]).await;
        assert_eq!(code, 1, "{store}");
        assert!(errors.contains("encryption"), "{errors}");

        let gateway = Gateway::serve(&config("a")).await;
        assert_eq!(Client::new(&gateway).get(&gateway.certs_url()).await.json(), certs, "{store}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_an_error_that_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let gone = Reserved::port();
    let origin = Origin::start().await;
    let store = format!("postgres://door:hunter2@{}/doorward", gone.address);
    let path = folder.path().join("doorward.toml");
    std::fs::write(&path, Config::standard(&origin).on_store(&store).text(folder.path())).unwrap();
    let (code, _, errors) = run(&["serve", "--config", path.to_str().unwrap(), "--ready-json"]).await;
    assert_eq!(code, 1);
    assert!(errors.contains("store") || errors.contains("database"), "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
}
