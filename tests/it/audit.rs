//! Deeds that change no object, and a database that does not take their line of
//! the audit log: then they are not done either.

use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _};

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::postgres;

/// Does something to the database behind the gateway's back.
async fn meddle(url: &str, sql: &'static str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("the database answers");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("the database takes it");
    connection.close().await.expect("the connection ends");
}

async fn call(gateway: &Gateway, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let account = gateway.ready["account_id"].as_str().expect("the ready line names the account");
    gateway.admin_call(method, &format!("/client/v4/accounts/{account}{path}"), body).await
}

#[tokio::test]
async fn what_cannot_be_told_in_the_audit_log_is_not_done() {
    for store in ["sqlite://FOLDER/audit.db".to_owned(), postgres::database().await] {
        let gateway = Gateway::serve(&Config::bare().on_store(&store)).await;
        let url = store.replace("FOLDER", gateway.folder().to_str().unwrap());
        let bob = json!({ "email": "bob@corp.test", "name": "Bob" });
        let (status, made) = call(&gateway, "POST", "/access/users", Some(bob)).await;
        assert_eq!(status, 201, "{made}");
        let person = made["result"]["id"].as_str().unwrap();
        let path = format!("/access/users/{person}");
        let test = json!({ "policies": [{ "name": "All", "decision": "allow", "include": [{ "everyone": {} }] }] });
        let deeds = [
            ("POST", "/access/users", Some(json!({ "email": "carol@corp.test" })), 201),
            ("PUT", path.as_str(), Some(json!({ "email": "bob@corp.test", "name": "Robert" })), 200),
            (
                "PATCH",
                "/access/seats",
                Some(json!([{ "seat_uid": person, "access_seat": false, "gateway_seat": false }])),
                200,
            ),
            ("POST", "/access/keys/rotate", None, 200),
            ("POST", "/access/policy-tests", Some(test), 200),
            ("POST", "/access/organizations/revoke_user", Some(json!({ "email": "bob@corp.test" })), 200),
            ("DELETE", path.as_str(), None, 202),
        ];
        let shown = async || {
            let mut shown = Vec::new();
            for path in ["/access/users", "/access/keys"] {
                shown.push(call(&gateway, "GET", path, None).await.1["result"].clone());
            }
            shown
        };
        let before = shown().await;

        meddle(&url, "ALTER TABLE audit_log RENAME TO audit_log_that_is_away").await;
        for (method, path, body, _) in deeds.clone() {
            let (status, answer) = call(&gateway, method, path, body).await;
            assert_eq!(status, 503, "{method} {path}: {answer}");
        }
        assert_eq!(shown().await, before, "nothing was done");
        meddle(&url, "ALTER TABLE audit_log_that_is_away RENAME TO audit_log").await;

        let lines = async || call(&gateway, "GET", "/audit_logs", None).await.1["result_info"]["total_count"].as_u64();
        for (method, path, body, expected) in deeds {
            let before = lines().await.unwrap();
            let (status, answer) = call(&gateway, method, path, body).await;
            assert_eq!(status, expected, "{method} {path}: {answer}");
            assert_eq!(lines().await, Some(before + 1), "{method} {path}");
        }
    }
}
