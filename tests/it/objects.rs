//! What is configured is one thing on all nodes: whoever reloads a file
//! changes it everywhere, and a bad file changes it nowhere.

use std::time::Duration;

use sqlx::{AnyConnection, Connection};

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, OTHER, app};
use crate::support::deadline::eventually;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::postgres;

const OPEN: &str = r#"policies = [{ name = "Open", decision = "bypass", include = [{ everyone = {} }] }]"#;

/// Two nodes on one Postgres, with one file.
async fn pair(origin: &Origin) -> (Config, [Gateway; 2]) {
    let config = Config::standard(origin).on_store(&postgres::database().await);
    let nodes = [Gateway::serve(&config).await, Gateway::serve(&config).await];
    (config, nodes)
}

async fn status(node: &Gateway, host: &str, path: &str) -> u16 {
    Client::new(node).get(&node.at(host, path)).await.status
}

/// The propagation that is promised, and not a moment more.
async fn within_a_second(what: &str, is_so: impl AsyncFnMut() -> Option<()>) {
    let began = std::time::Instant::now();
    eventually(what, is_so).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{what}: it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_file_reloaded_on_one_node_decides_on_the_other_within_a_second() {
    let origin = Origin::start().await;
    let (config, [one, two]) = pair(&origin).await;
    assert_eq!(status(&two, APP, "/new").await, 302);
    one.rewrite(&config.clone().and(&app("New", "app.localhost/new", OPEN)));
    one.signal("HUP");
    one.logs("was reloaded").await;
    within_a_second("the new app is open on the other node", async || {
        (status(&two, APP, "/new").await == 200).then_some(())
    })
    .await;
    two.logs("what is in force is no longer what").await;

    // Both nodes have the same file again, which no longer has the app.
    for node in [&one, &two] {
        node.rewrite(&config);
        node.signal("HUP");
        node.logs("was reloaded").await;
    }
    for node in [&one, &two] {
        within_a_second("the app is gone", async || (status(node, APP, "/new").await == 302).then_some(())).await;
    }
}

#[tokio::test]
async fn a_policy_tightened_on_one_node_ends_what_a_token_opens_on_the_other() {
    let origin = Origin::start().await;
    let (config, [one, two]) = pair(&origin).await;
    let token = two.token(serde_json::json!({ "app": "App", "email": ALICE })).await;
    let mut alice = Client::holding(&two, APP, &token);
    assert_eq!(alice.get(&two.at(APP, "/")).await.status, 200);
    one.rewrite(&config.with("corp.test\" }", "elsewhere.test\" }"));
    one.signal("HUP");
    one.logs("was reloaded").await;
    within_a_second("alice is out", async || (alice.get(&two.at(APP, "/")).await.status == 403).then_some(())).await;
}

#[tokio::test]
async fn r_10_a_bad_file_on_one_node_changes_nothing_on_any() {
    let origin = Origin::start().await;
    let (config, [one, two]) = pair(&origin).await;
    let bad = config.clone().and(&app("New", "app.localhost/new", OPEN)).and(&app("Twice", "app.localhost/new", OPEN));
    one.rewrite(&bad);
    one.signal("HUP");
    one.logs("was not reloaded").await;
    // Something good after it, so that there is something to wait for.
    two.rewrite(&config.and(&app("Good", "app.localhost/good", OPEN)));
    two.signal("HUP");
    two.logs("was reloaded").await;
    within_a_second("the good file counts", async || (status(&one, APP, "/good").await == 200).then_some(())).await;
    for node in [&one, &two] {
        assert_eq!(status(node, APP, "/new").await, 302, "nothing of the bad file is in force");
    }
}

#[tokio::test]
async fn a_node_that_was_away_comes_back_to_what_is_configured_now() {
    let origin = Origin::start().await;
    let (config, [one, mut two]) = pair(&origin).await;
    two.signal("STOP");
    let without_other = config.clone().with("domain = \"other.localhost\"", "domain = \"elsewhere.localhost\"");
    let without_other = without_other.with("hostname = \"other.localhost\"", "hostname = \"elsewhere.localhost\"");
    one.rewrite(&without_other);
    one.signal("HUP");
    one.logs("was reloaded").await;
    two.signal("CONT");
    let gone = async || (status(&two, OTHER, "/").await != 302).then_some(());
    within_a_second("the app that was removed meanwhile is gone", gone).await;
    two.kill().await;
    let two = Gateway::serve(&without_other).await;
    assert_ne!(status(&two, OTHER, "/").await, 302, "and after a restart");
    assert_eq!(status(&two, "elsewhere.localhost", "/").await, 302);
}

#[tokio::test]
async fn a_reload_that_cannot_be_stored_changes_nothing_and_says_so() {
    let origin = Origin::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.db");
    let config = Config::standard(&origin).on_store(&format!("sqlite://{}", file.display()));
    let gateway = Gateway::serve(&config).await;
    // Another writer holds the file for as long as this test needs.
    let lock = std::process::Command::new("python3")
        .arg("-c")
        .arg(
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); \
             c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()",
        )
        .arg(&file)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut lock = lock.expect("python3 is there");
    let mut held = [0; 5];
    std::io::Read::read_exact(lock.stdout.as_mut().unwrap(), &mut held).unwrap();
    gateway.rewrite(&config.clone().and(&app("New", "app.localhost/new", OPEN)));
    gateway.signal("HUP");
    gateway.logs("was not reloaded").await;
    assert_eq!(status(&gateway, APP, "/new").await, 302);
    drop(lock.stdin.take());
    lock.wait().unwrap();
    gateway.signal("HUP");
    gateway.logs("was reloaded").await;
    assert_eq!(status(&gateway, APP, "/new").await, 200);
}

/// The emulator's built-in people have a provider on each node that the store
/// does not hold; it stays when the rest is changed from elsewhere.
#[tokio::test]
async fn the_built_in_people_stay_when_another_node_configures() {
    let origin = Origin::start().await;
    let (config, [one, two]) = pair(&origin).await;
    one.rewrite(&config.and(&app("New", "app.localhost/new", OPEN)));
    one.signal("HUP");
    let open = async || (status(&two, APP, "/new").await == 200).then_some(());
    eventually("the change is in force on the other node", open).await;
    let mut alice = Client::new(&two);
    assert_eq!(alice.sign_in(&two.at(APP, "/"), ALICE).await.status, 200);
}

#[tokio::test]
async fn a_node_that_cannot_read_what_is_configured_is_not_ready() {
    let (origin, database) = (Origin::start().await, postgres::database().await);
    let node = Gateway::serve(&Config::standard(&origin).on_store(&database)).await;
    let is_ready = async || node.admin_call("GET", "/readyz", None).await.0 == 200;
    assert!(is_ready().await);
    // As a newer version might write it.
    meddle(
        &database,
        "UPDATE sequences SET value = value + 1 WHERE name = 'objects'; \
         INSERT INTO objects (kind, id, owner, document, extension, removed, seq, created_at, updated_at) \
         SELECT 'group', 'not an id', 'api', '{\"name\": 1}', '{}', 0, value, 0, 0 FROM sequences WHERE name = 'objects'",
    )
    .await;
    eventually("it says that it fell behind", async || (!is_ready().await).then_some(())).await;
    let (_, checks) = node.admin_call("GET", "/readyz", None).await;
    assert!(checks.to_string().contains("what is configured cannot be taken over"), "{checks}");
    assert_eq!(status(&node, APP, "/").await, 302, "what was in force stays");
    meddle(&database, "DELETE FROM objects WHERE id = 'not an id'").await;
    eventually("it is ready again", async || is_ready().await.then_some(())).await;
}

async fn meddle(database: &str, sql: &'static str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(database).await.expect("the database is there");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("the statements are SQL");
    connection.close().await.expect("nothing is under way");
}
