use super::*;
use crate::config;

#[path = "../../../store/tests/suite/postgres.rs"]
mod postgres;

fn config(text: &str) -> Config {
    let text = format!("mode = \"emulator\"\n{text}");
    config::parse(&text, "doorward.toml", &|_| None).unwrap_or_else(|problems| panic!("{problems}"))
}

const FREE_PORTS: &str = "[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n";
const DEMO: &str = "[[route]]\nhostname = \"demo.localhost\"\nservice = \"demo\"\n\
                    [[app]]\nname = \"Demo\"\ndomain = \"demo.localhost\"\n";

fn options() -> RunOptions {
    RunOptions { workers: 1, ..RunOptions::default() }
}

#[test]
fn only_what_was_read_once_needs_a_restart() {
    let old = config(FREE_PORTS);
    assert_eq!(needing_restart(&old, &config(&format!("{FREE_PORTS}{DEMO}"))), [""; 0]);
    let other = "[listen]\nadmin = \"127.0.0.1:1\"\n[limits]\ndrain = \"1s\"\n[team]\nname = \"x\"\n\
                 [store]\nurl = \"sqlite:///x.db\"\n[api]\ntoken = \"t\"\n[[user]]\nemail = \"a@b.test\"\n";
    let expected = ["[listen]", "[limits]", "[team]", "[store]", "[api]", "[[user]]"];
    assert_eq!(needing_restart(&old, &config(other)), expected);
}

#[tokio::test]
async fn a_reload_takes_the_applications_and_keeps_what_needs_a_restart() {
    let mut running = start(config(FREE_PORTS), options()).await.unwrap();
    assert_eq!(running.ready.apps, []);
    let changed = config(&format!("{FREE_PORTS}{DEMO}[team]\nname = \"other\"\n"));
    let kept = running.reload(changed).await.unwrap();
    assert_eq!(kept, ["[team]"]);
    let catalog = running.objects.catalog().snapshot();
    assert_eq!((catalog.apps().count(), catalog.generation()), (1, 2));
    assert_eq!(catalog.team().name, "dev");
    assert_eq!(catalog.idps().count(), 1, "the built-in people stay");
    running.shutdown().await;
}

#[tokio::test]
async fn the_keys_of_a_store_survive_a_restart_and_nobody_else_may_open_it_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{FREE_PORTS}[store]\nurl = \"{}\"\n", sqlite_url(&folder.path().join("d.db")));
    let first = start(config(&text), options()).await.unwrap();
    let published = first.keys.signer().load().published().to_owned();
    let second = start(config(&text), options()).await.err().map(|error| error.to_string());
    assert!(second.is_some_and(|error| error.contains("in use")));
    first.shutdown().await;

    let again = start(config(&text), options()).await.unwrap();
    assert_eq!(again.keys.signer().load().published(), published);
    again.shutdown().await;
}

#[tokio::test]
async fn l_06_another_encryption_key_does_not_start_and_makes_no_new_keys() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder.path().join("d.db"));
    let text = |key: &str| format!("{FREE_PORTS}[store]\nurl = \"{url}\"\n[keys]\nencryption_key = \"{key}\"\n");
    start(config(&text("one")), options()).await.unwrap().shutdown().await;
    let error = start(config(&text("two")), options()).await.err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("encryption")));
    start(config(&text("one")), options()).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_rotation_publishes_the_new_key_and_the_one_before_it() {
    let running = start(config(FREE_PORTS), options()).await.unwrap();
    let signer = running.keys.signer();
    let before = signer.load().current_kid().to_owned();
    running.rotate_keys(false).await.unwrap();
    let (after, published) = (signer.load().current_kid().to_owned(), signer.load().published().to_owned());
    assert_ne!(after, before);
    assert!(published.contains(&before) && published.contains(&after));
    assert_eq!(published.matches("\"kty\"").count(), 2);

    running.rotate_keys(true).await.unwrap();
    assert!(!signer.load().published().contains(&before) && !signer.load().published().contains(&after));
    assert_eq!(signer.load().published().matches("\"kty\"").count(), 2, "the next key is there ahead of time");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_key_is_due_at_once_rotate_once_and_publish_the_same() {
    let text = format!("{FREE_PORTS}[store]\nurl = \"{}\"\n", postgres::database_url());
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(start(config(&text), options()).await.unwrap());
    }
    let published = |node: &Running| node.keys.signer().load().published().to_owned();
    let before = nodes[0].keys.signer().load().current_kid().to_owned();
    assert!(nodes.iter().all(|node| published(node) == published(&nodes[0])));
    for node in &nodes {
        assert!(node.clock().advance(doorward_signer::rotation::INTERVAL));
    }
    let tended = tokio::join!(nodes[0].keys.tend(), nodes[1].keys.tend(), nodes[2].keys.tend());
    assert!(matches!(tended, (Ok(()), Ok(()), Ok(()))));
    for node in &nodes {
        node.keys.reload().await.unwrap();
    }
    let stored = nodes[0].store.keys().await.unwrap();
    assert_eq!(stored.len(), 3, "one before, one that signs, one that comes next");
    assert!(nodes.iter().all(|node| published(node) == published(&nodes[0])));
    assert!(published(&nodes[0]).contains(&before), "rotated once: the key before it is still believed");
    for node in nodes {
        node.shutdown().await;
    }
}

#[tokio::test]
async fn a_key_that_signed_for_six_weeks_is_replaced() {
    let running = start(config(FREE_PORTS), options()).await.unwrap();
    let signer = running.keys.signer();
    let before = signer.load().current_kid().to_owned();
    running.keys.tend().await.unwrap();
    assert_eq!(signer.load().current_kid(), before, "not before its time");
    assert!(running.clock().advance(doorward_signer::rotation::INTERVAL));
    running.keys.tend().await.unwrap();
    assert_ne!(signer.load().current_kid(), before);
    assert!(signer.load().published().contains(&before), "its tokens are still believed");
    assert!(running.clock().advance(doorward_signer::rotation::OVERLAP));
    running.keys.tend().await.unwrap();
    assert!(!signer.load().published().contains(&before));
    running.shutdown().await;
}

#[tokio::test]
async fn a_key_signs_for_as_long_as_the_api_says() {
    use doorward_model::document::{Content, KEY_CONFIGURATION, Key, Kind, NoExtension, Object, Owner};

    let running = start(config(FREE_PORTS), options()).await.unwrap();
    let signer = running.keys.signer();
    let before = signer.load().current_kid().to_owned();
    let now = running.clock().now();
    let document = doorward_model::document::KeyConfigurationDocument { key_rotation_interval_days: 21 };
    let object = Object {
        key: Key::new(Kind::KeyConfiguration, KEY_CONFIGURATION),
        owner: Owner::Api,
        content: Content::new(&document, &NoExtension {}, None),
        created_at: now,
        updated_at: now,
    };
    let put = |_: &doorward_objects::Set| {
        Ok::<_, doorward_objects::ObjectsError>((vec![doorward_store::ObjectChange::Put(object.clone())], ()))
    };
    running.objects.change(&doorward_model::audit::Author::file("doorward.toml"), now, put).await.unwrap();
    assert!(running.clock().advance(doorward_model::time::Lifetime::from_days(20)));
    running.keys.tend().await.unwrap();
    assert_eq!(signer.load().current_kid(), before, "not before its time");
    assert!(running.clock().advance(doorward_model::time::Lifetime::from_days(1)));
    running.keys.tend().await.unwrap();
    assert_ne!(signer.load().current_kid(), before);
    running.shutdown().await;
}
