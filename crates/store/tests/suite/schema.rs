//! Opening a database, and the proof of its key.

use std::time::Duration;

use doorward_model::secret::Secret;
use doorward_model::session::Revoked;
use doorward_store::{KeyMismatch, KeyState, LostKeys, Seal, Store, StoreError};

use crate::bench::{Bench, NOW, key, seal, session_of};

crate::on_both_databases! {
    every_call_can_be_made_from_a_task_that_moves_between_threads
    migrating_twice_changes_nothing
    l_06_another_encryption_key_is_refused
    l_06_the_emulators_data_and_productions_do_not_mix
    l_06_sealed_values_without_their_proof_are_refused
    r_13_a_database_that_a_newer_version_added_to_is_opened
    r_13_a_database_that_a_newer_version_changed_beyond_this_one_is_refused
}

async fn refusal(bench: &Bench, seal: Seal) -> StoreError {
    let store = bench.open(seal).await;
    let refusal = store.migrate().await.unwrap_err();
    store.close().await;
    refusal
}

async fn every_call_can_be_made_from_a_task_that_moves_between_threads(bench: Bench) {
    let url = bench.url.clone();
    let calls = async move {
        let store = Store::connect(&url, seal(), Duration::from_secs(5)).await?;
        store.migrate().await?;
        let (session, secret) = (session_of("alice@corp.test"), Secret::random());
        store.user(&session.identity.email, session.identity.user_uuid, NOW).await?;
        store.record_identity(&session.identity, NOW).await?;
        store.open_session(&session).await?;
        store.session(&session.nonce).await?;
        store.last_session(&session.identity.email).await?;
        store.use_attempt("attempt", NOW).await?;
        store.collect_handoff(&secret, NOW).await?;
        store.installation_secret("cookies").await?;
        store.add_key(&key("a"), KeyState::Current, NOW).await?;
        store.promote_next("a", NOW, &[], NOW).await?;
        store.retire_keys(NOW).await?;
        store.drop_previous().await?;
        store.keys().await?;
        store.revoke(&Revoked::Session(session.nonce), NOW).await?;
        store.refresh_revocations().await?;
        store.change_objects(0, &[], &[], NOW).await?;
        store.objects_since(0).await?;
        store.sweep(NOW).await?;
        store.reset().await?;
        store.ping().await?;
        store.close().await;
        Ok::<(), StoreError>(())
    };
    tokio::spawn(calls).await.unwrap().unwrap();
}

async fn migrating_twice_changes_nothing(bench: Bench) {
    let store = bench.node().await;
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    assert_eq!(bench.node().await.keys().await.unwrap().len(), 1);
}

async fn l_06_another_encryption_key_is_refused(bench: Bench) {
    bench.node().await.close().await;
    let other = Seal::from_key(&Secret::new("another key".into()));
    let refusal = refusal(&bench, other).await;
    assert!(matches!(refusal, StoreError::WrongKey(KeyMismatch::OtherKey)), "{refusal}");
    assert!(refusal.to_string().contains("keys.encryption_key"));
    bench.node().await;
}

async fn l_06_the_emulators_data_and_productions_do_not_mix(bench: Bench) {
    bench.node().await.close().await;
    let refused = refusal(&bench, Seal::for_emulator()).await;
    assert!(matches!(refused, StoreError::WrongKey(KeyMismatch::ProductionData)), "{refused}");
    bench.meddle("DELETE FROM installation").await;
    let emulator = bench.open(Seal::for_emulator()).await;
    emulator.migrate().await.unwrap();
    emulator.close().await;
    let refused = refusal(&bench, seal()).await;
    assert!(matches!(refused, StoreError::WrongKey(KeyMismatch::EmulatorData)), "{refused}");
}

async fn l_06_sealed_values_without_their_proof_are_refused(bench: Bench) {
    let store = bench.node().await;
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    store.close().await;
    bench.meddle("DELETE FROM installation").await;
    let refused = refusal(&bench, seal()).await;
    assert!(matches!(refused, StoreError::MissingKey(LostKeys::Proof)), "{refused}");
}

async fn r_13_a_database_that_a_newer_version_added_to_is_opened(bench: Bench) {
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    store.open_session(&session).await.unwrap();
    store.close().await;
    bench
        .meddle(
            "ALTER TABLE sessions ADD COLUMN of_tomorrow TEXT; \
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    assert_eq!(bench.node().await.session(&session.nonce).await.unwrap(), Some(session));
}

async fn r_13_a_database_that_a_newer_version_changed_beyond_this_one_is_refused(bench: Bench) {
    bench.node().await.close().await;
    bench.meddle("UPDATE compatibility SET oldest = 9999").await;
    let refusal = refusal(&bench, seal()).await;
    assert!(refusal.to_string().contains("run the newer version"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_on_a_new_postgres_all_work() {
    let bench = Bench::postgres();
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let url = bench.url.clone();
            tokio::spawn(async move {
                let store = Store::connect(&url, seal(), Duration::from_secs(5)).await?;
                store.migrate().await?;
                store.installation_secret("cookies").await
            })
        })
        .collect();
    let mut secrets = Vec::new();
    for node in nodes {
        secrets.push(node.await.unwrap().unwrap());
    }
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_processes_that_start_together_on_a_new_sqlite_file_one_works_and_the_others_say_why() {
    let bench = Bench::sqlite();
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let url = bench.url.clone();
            tokio::spawn(async move { Store::connect(&url, seal(), Duration::ZERO).await })
        })
        .collect();
    let mut working = Vec::new();
    for start in starts {
        match start.await.unwrap() {
            Ok(store) => working.push(store),
            Err(refusal) => assert!(refusal.to_string().contains("store.url"), "{refusal}"),
        }
    }
    assert_eq!(working.len(), 1);
    working[0].migrate().await.unwrap();
    let second = Store::connect(&bench.url, seal(), Duration::ZERO).await;
    assert!(matches!(second, Err(StoreError::InUse(_))));
    drop(working);
    bench.node().await;
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("not there");
    let url = format!("sqlite://{}/door.db", missing.display());
    let refusal = Store::connect(&url, seal(), Duration::ZERO).await.err().unwrap().to_string();
    assert!(refusal.contains(missing.to_str().unwrap()) && refusal.contains("does not exist"), "{refusal}");
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "shopping list, long enough for a header\n".repeat(100)).unwrap();
    let refusal = Store::connect(&format!("sqlite://{}", file.display()), seal(), Duration::ZERO).await.err().unwrap();
    assert!(refusal.to_string().contains("notes.txt"), "{refusal}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("shopping list"));
}
