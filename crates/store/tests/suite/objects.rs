//! What is configured: kept, changed on one state alone, and heard of.

use doorward_model::document::{Content, Key, Kind, Object, Owner};
use doorward_model::secret::Secret;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{KeyMismatch, ObjectChange, Store, StoreError};
use sqlx::postgres::PgListener;

use crate::bench::{Bench, NOW, eventually, winners_of_16};

crate::on_both_databases! {
    objects_come_back_as_they_were_put
    a_change_made_for_an_older_state_is_refused_whole
    of_many_changes_to_one_state_one_is_made
    what_changed_since_a_number_is_found_and_removals_too
    thousands_are_written_in_one_change
    a_removal_is_forgotten_after_a_day_and_its_number_is_not
    i11_an_objects_secret_is_sealed_and_tied_to_its_object
    a_reset_takes_out_what_the_api_made_alone
    kinds_of_a_newer_version_are_left_alone
}

crate::in_memory_too! {
    of_many_changes_to_one_state_one_is_made
    what_changed_since_a_number_is_found_and_removals_too
    thousands_are_written_in_one_change
    a_removal_is_forgotten_after_a_day_and_its_number_is_not
    a_reset_takes_out_what_the_api_made_alone
}

fn object(id: &str, owner: Owner, secret: Option<&str>) -> Object {
    let content = Content {
        document: format!(r#"{{"name":"Ålice's {id}"}}"#).into(),
        extension: r#"{"place":1}"#.into(),
        secret: secret.map(|text| Secret::new(text.into())),
    };
    Object { key: Key::new(Kind::App, id), owner, content, created_at: NOW, updated_at: NOW }
}

fn put(id: &str) -> ObjectChange {
    ObjectChange::Put(object(id, Owner::Api, None))
}

fn removed(id: &str) -> ObjectChange {
    ObjectChange::Remove(Key::new(Kind::App, id))
}

/// The ids of what is there, in order.
async fn ids(store: &Store, since: i64) -> Vec<String> {
    let read = store.objects_since(since).await.unwrap();
    let mut ids: Vec<String> = read
        .changes
        .into_iter()
        .map(|change| match change {
            ObjectChange::Put(object) => object.key.id.to_string(),
            ObjectChange::Remove(key) => format!("no {}", key.id),
        })
        .collect();
    ids.sort();
    ids
}

async fn objects_come_back_as_they_were_put(bench: Bench) {
    let store = bench.node().await;
    let object = object("a", Owner::File, Some("hunter2"));
    assert!(store.change_objects(0, &[ObjectChange::Put(object.clone())], &[], NOW).await.unwrap());
    store.close().await;
    let read = bench.node().await.objects_since(0).await.unwrap();
    assert_eq!((read.seq, read.changes), (1, vec![ObjectChange::Put(object.clone())]));
    let later = Timestamp(NOW.0 + 1);
    let changed = Object { owner: Owner::Api, updated_at: later, ..object };
    let store = bench.node().await;
    assert!(store.change_objects(1, &[ObjectChange::Put(changed.clone())], &[], later).await.unwrap());
    assert_eq!(store.objects_since(1).await.unwrap().changes, [ObjectChange::Put(changed)]);
}

async fn a_change_made_for_an_older_state_is_refused_whole(bench: Bench) {
    let store = bench.node().await;
    assert!(store.change_objects(0, &[put("a")], &[], NOW).await.unwrap());
    assert!(!store.change_objects(0, &[put("b"), removed("a")], &[], NOW).await.unwrap());
    assert!(!store.change_objects(2, &[put("b")], &[], NOW).await.unwrap(), "nor one for a state that never was");
    assert_eq!(ids(&store, 0).await, ["a"]);
    bench.meddle("ALTER TABLE objects RENAME TO elsewhere").await;
    assert!(matches!(store.change_objects(1, &[put("b")], &[], NOW).await, Err(StoreError::Unavailable { .. })));
    bench.meddle("ALTER TABLE elsewhere RENAME TO objects").await;
    assert_eq!(store.objects_since(0).await.unwrap().seq, 1, "all or nothing");
}

async fn of_many_changes_to_one_state_one_is_made(bench: Bench) {
    let store = bench.node().await;
    let winners = winners_of_16(|index| {
        let store = store.clone();
        async move { store.change_objects(0, &[put(&index.to_string())], &[], NOW).await.unwrap() }
    });
    assert_eq!(winners.await, 1);
    assert_eq!(ids(&store, 0).await.len(), 1);
}

async fn what_changed_since_a_number_is_found_and_removals_too(bench: Bench) {
    let store = bench.node().await;
    assert!(store.change_objects(0, &[put("a"), put("b")], &[], NOW).await.unwrap());
    assert!(store.change_objects(1, &[put("c"), removed("a")], &[], NOW).await.unwrap());
    assert_eq!(ids(&store, 1).await, ["c", "no a"]);
    assert_eq!(ids(&store, 2).await, [""; 0]);
    assert_eq!(store.objects_since(2).await.unwrap().seq, 2);
    assert!(store.change_objects(2, &[put("a")], &[], NOW).await.unwrap());
    assert_eq!(ids(&store, 0).await, ["a", "b", "c"], "it may come back");
}

async fn thousands_are_written_in_one_change(bench: Bench) {
    let store = bench.node().await;
    let changes: Vec<ObjectChange> = (0..1001).map(|number| put(&number.to_string())).collect();
    assert!(store.change_objects(0, &changes, &[], NOW).await.unwrap());
    assert_eq!(store.objects_since(0).await.unwrap().changes.len(), 1001);
}

async fn a_removal_is_forgotten_after_a_day_and_its_number_is_not(bench: Bench) {
    let store = bench.node().await;
    assert!(store.change_objects(0, &[put("a")], &[], NOW).await.unwrap());
    assert!(store.change_objects(1, &[removed("a")], &[], NOW).await.unwrap());
    assert_eq!(store.sweep(NOW.plus(Lifetime::from_hours(23))).await.unwrap(), 0);
    assert_eq!(store.sweep(NOW.plus(Lifetime::from_hours(24))).await.unwrap(), 1);
    let read = store.objects_since(0).await.unwrap();
    assert_eq!((read.seq, read.changes), (2, vec![]));
    assert!(store.change_objects(2, &[put("b")], &[], NOW).await.unwrap(), "the next change follows on");
    assert_eq!(store.sweep(NOW.plus(Lifetime::from_days(99))).await.unwrap(), 0, "what is there stays");
}

async fn i11_an_objects_secret_is_sealed_and_tied_to_its_object(bench: Bench) {
    let store = bench.node().await;
    let with_secret = ObjectChange::Put(object("a", Owner::Api, Some("hunter2")));
    assert!(store.change_objects(0, &[with_secret], &[], NOW).await.unwrap());
    let sealed = bench.column("SELECT sealed FROM objects").await.remove(0);
    assert!(sealed.starts_with("v1.") && !sealed.contains("hunter2"));
    bench.meddle("UPDATE objects SET id = 'b'").await;
    let refusal = store.objects_since(0).await.unwrap_err();
    assert!(matches!(refusal, StoreError::WrongKey(KeyMismatch::DamagedValue)), "{refusal}");
}

async fn a_reset_takes_out_what_the_api_made_alone(bench: Bench) {
    let store = bench.node().await;
    let of_a_file = ObjectChange::Put(object("declared", Owner::File, None));
    assert!(store.change_objects(0, &[put("made"), of_a_file], &[], NOW).await.unwrap());
    store.reset().await.unwrap();
    assert_eq!(ids(&store, 1).await, ["no made"]);
    assert_eq!(ids(&store, 0).await, ["declared", "no made"]);
}

async fn kinds_of_a_newer_version_are_left_alone(bench: Bench) {
    let store = bench.node().await;
    assert!(store.change_objects(0, &[put("a")], &[], NOW).await.unwrap());
    bench.meddle("UPDATE objects SET kind = 'kind of tomorrow'").await;
    assert!(store.change_objects(1, &[put("a")], &[], NOW).await.unwrap());
    assert_eq!(ids(&store, 0).await, ["a"]);
    assert_eq!(bench.column("SELECT kind FROM objects ORDER BY kind").await, ["app", "kind of tomorrow"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_announced_when_it_is_done_and_wakes_the_other_node() {
    let bench = Bench::postgres();
    let (here, there) = (bench.node().await, bench.node().await);
    let mut listener = PgListener::connect(&bench.url).await.unwrap();
    listener.listen("doorward").await.unwrap();
    let watching = tokio::spawn({
        let there = there.clone();
        async move { there.watch().await }
    });
    there.objects_changed().notified().await;
    assert!(!here.change_objects(7, &[put("a")], &[], NOW).await.unwrap());
    assert!(here.change_objects(0, &[put("a")], &[], NOW).await.unwrap());
    assert_eq!(listener.recv().await.unwrap().payload(), "objects", "nothing is announced that did not happen");
    there.objects_changed().notified().await;
    here.reset().await.unwrap();
    there.objects_changed().notified().await;
    watching.abort();
    eventually("the watch ends", || watching.is_finished()).await;
}
