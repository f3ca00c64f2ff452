//! `doorward api-token`: with a gateway that runs, and without one.

use crate::support::config::{Config, app, route};
use crate::support::deadline::eventually;
use crate::support::gateway::{Gateway, run};
use crate::support::origin::Origin;
use crate::support::postgres;
use crate::support::reserved::Reserved;

/// The answer of the API to this token.
async fn status(gateway: &Gateway, method: &str, token: &str) -> u16 {
    let account = gateway.ready["account_id"].as_str().unwrap();
    let url = format!("http://{}/client/v4/accounts/{account}/access/tags", gateway.admin());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method.parse().unwrap(), url).bearer_auth(token);
    request.header("content-type", "application/json").body("{}").send().await.unwrap().status().as_u16()
}

/// A command on the configuration file of this gateway: what it prints, or says is wrong.
async fn command(words: &[&str], config: &str) -> Result<String, String> {
    let (code, output, errors) = run(&[&["api-token"], words, &["--config", config]].concat()).await;
    if code == 0 { Ok(output.trim().to_owned()) } else { Err(errors) }
}

/// As it runs in production, the admin port known beforehand.
fn config(origin: &Origin, admin: &Reserved) -> Config {
    let listen = format!("admin = \"{}\"", admin.address);
    let config = Config::bare().and(&route("app.localhost", &origin.url())).and(&app("App", "app.localhost", ""));
    let config = config.with("admin = \"127.0.0.1:0\"", &listen);
    config.with("[team]", "[api]\ntoken = \"the-token-of-the-file-0123456789\"\n\n[team]")
}

#[tokio::test]
async fn a_token_is_made_listed_and_revoked_while_the_gateway_runs() {
    let origin = Origin::start().await;
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}/kept.db", folder.path().display());
    for store in [sqlite, postgres::database().await] {
        let admin = Reserved::port();
        let gateway = Gateway::serve(&config(&origin, &admin).on_store(&store)).await;
        let path = gateway.folder().join("doorward.toml");
        let path = path.to_str().unwrap();
        let edit = command(&["create", "ci", "--scope", "edit"], path).await.unwrap();
        let read = command(&["create", "dash board", "--scope", "read", "--expires-in", "1h"], path).await.unwrap();
        assert!(command(&["create", "ci", "--scope", "read"], path).await.unwrap_err().contains("already"), "{store}");
        let counts = async || (status(&gateway, "GET", &read).await == 200).then_some(());
        eventually("the tokens count", counts).await;
        assert_eq!(
            (status(&gateway, "POST", &edit).await, status(&gateway, "POST", &read).await),
            (400, 403),
            "{store}"
        );
        let list = command(&["list"], path).await.unwrap();
        assert!(list.contains("ci") && list.contains("dash board") && !list.contains(&edit), "{list}");
        command(&["revoke", "dash board"], path).await.unwrap();
        eventually("it is over", async || (status(&gateway, "GET", &read).await == 401).then_some(())).await;
        assert!(command(&["revoke", "dash board"], path).await.is_err());
        assert_eq!(status(&gateway, "GET", &edit).await, 200, "{store}");
    }
}

#[tokio::test]
async fn a_token_made_before_the_gateway_starts_counts_from_its_start() {
    let origin = Origin::start().await;
    let folder = tempfile::tempdir().unwrap();
    let admin = Reserved::port();
    let config = config(&origin, &admin).on_store(&format!("sqlite://{}/kept.db", folder.path().display()));
    let path = folder.path().join("doorward.toml");
    std::fs::write(&path, config.text(folder.path())).unwrap();
    let token = command(&["create", "ci", "--scope", "edit"], path.to_str().unwrap()).await.unwrap();
    let gateway = Gateway::serve(&config).await;
    assert_eq!(status(&gateway, "GET", &token).await, 200);

    let account = gateway.ready["account_id"].as_str().unwrap();
    let url = format!("http://{}/client/v4/accounts/{account}/audit_logs?direction=asc", gateway.admin());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let log: serde_json::Value = client.get(url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
    let first = &log["result"][0];
    assert_eq!((&first["interface"], &first["newValueJson"]["name"]), (&"command line".into(), &"ci".into()), "{log}");
    let more = log["result"].as_array().unwrap()[1..].iter();
    assert!(more.clone().count() > 0 && more.clone().all(|line| line["interface"] == "configuration file"), "{log}");
    assert!(!log.to_string().contains(&token), "and no secret is in it");
}
