//! Older and newer versions on one database, one after the other: nobody has to sign in again.

use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};

use super::{TEAM, at_app, of_one_team, opens};
use crate::support::client::Client;
use crate::support::config::{APP, Config};
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::postgres;

/// Databases as the first version left them, and the tokens that it gave out.
const FIRST: [(&str, &str, &str); 2] = [
    ("sqlite", include_str!("../fixtures/schema_0001/sqlite.sql"), include_str!("../fixtures/schema_0001/sqlite.json")),
    (
        "postgres",
        include_str!("../fixtures/schema_0001/postgres.sql"),
        include_str!("../fixtures/schema_0001/postgres.json"),
    ),
];

async fn filled(url: &str, sql: &'static str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("the database is there");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("the file is SQL");
    connection.close().await.expect("nothing is under way");
}

#[tokio::test]
async fn r_13_what_the_first_version_left_goes_on_with_this_one() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), Origin::start().await);
    for (database, sql, about) in FIRST {
        let file = format!("sqlite://{}/first.db", folder.path().display());
        let store = if database == "sqlite" { file } else { postgres::database().await };
        let fresh = if database == "sqlite" { format!("{store}?mode=rwc") } else { store.clone() };
        filled(&fresh, sql).await;
        let about: Value = serde_json::from_str(about).unwrap();
        let text = |name: &str| about[name].as_str().unwrap().to_owned();

        let key = "[keys]\nencryption_key = \"0123456789abcdef0123456789abcdef\"\n\n[team]";
        let config = of_one_team(Config::standard(&origin)).with("[team]", key).on_store(&store);
        let node = Gateway::serve(&config).await;
        node.control("PUT", "/clock", json!({ "set": "2040-01-01T01:00:00Z" })).await;
        let certs = Client::new(&node).get(&format!("{TEAM}/cdn-cgi/access/certs")).await.json();
        // Emulators mark the beginning of their keys' names.
        let kids = |keys: &Value| -> Vec<String> {
            let kid = |key: &Value| key.as_str().unwrap_or_else(|| key["kid"].as_str().expect("a kid"))[8..].to_owned();
            keys.as_array().unwrap().iter().map(kid).collect()
        };
        assert_eq!(kids(&certs["keys"]), kids(&about["kids"]), "{database}: the keys are those of before");
        for name in ["signed_before_the_rotation", "signed_after_it"] {
            assert!(opens(&node, &text(name)).await, "{database}: {name} is good for its whole life");
        }
        let mut root = Client::holding(&node, APP, &text("revoked"));
        assert!(root.get(&at_app("/")).await.sends_to_sign_in(), "{database}: what was revoked stays so");
    }
}
