//! Signing keys and the installation's secrets.

use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{KeyMismatch, KeyState, LostKeys, Store, StoreError};

use crate::bench::{Bench, NOW, key, winners_of_16};

crate::on_both_databases! {
    a_key_is_found_as_it_was_kept
    of_16_first_keys_one_is_kept
    of_16_rotations_one_happens
    a_rotation_without_a_next_key_changes_nothing
    a_previous_key_retires_at_its_time_and_not_before
    l_06_lost_signing_keys_are_not_replaced_in_silence
    i11_a_private_key_is_sealed_in_the_database_and_tied_to_its_row
    an_installation_secret_is_made_once
    changed_keys_are_told
}

crate::in_memory_too! {
    a_key_is_found_as_it_was_kept
    of_16_first_keys_one_is_kept
    of_16_rotations_one_happens
    a_rotation_without_a_next_key_changes_nothing
    a_previous_key_retires_at_its_time_and_not_before
    changed_keys_are_told
}

const LATER: Timestamp = NOW.plus(Lifetime::from_days(7));

async fn states(store: &Store) -> Vec<(String, KeyState)> {
    store.keys().await.unwrap().into_iter().map(|key| (key.kid, key.state)).collect()
}

async fn a_key_is_found_as_it_was_kept(bench: Bench) {
    let store = bench.node().await;
    assert!(store.keys().await.unwrap().is_empty(), "a new installation has none");
    assert!(store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap());
    let kept = store.keys().await.unwrap().remove(0);
    assert_eq!((kept.kid.as_str(), kept.state), ("a", KeyState::Current));
    assert_eq!((kept.pkcs8, kept.certificate_pem), (key("a").pkcs8, key("a").certificate_pem));
    assert_eq!((kept.created_at, kept.activated_at, kept.retires_at), (NOW, Some(NOW), None));
}

async fn of_16_first_keys_one_is_kept(bench: Bench) {
    let store = bench.node().await;
    let winners = winners_of_16(|index| {
        let store = store.clone();
        async move { store.add_key(&key(&format!("key {index}")), KeyState::Current, NOW).await.unwrap() }
    });
    assert_eq!(winners.await, 1);
    assert_eq!(store.keys().await.unwrap().len(), 1);
}

async fn of_16_rotations_one_happens(bench: Bench) {
    let store = bench.node().await;
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    store.add_key(&key("b"), KeyState::Next, NOW).await.unwrap();
    assert!(!store.add_key(&key("c"), KeyState::Next, NOW).await.unwrap(), "one comes next");
    let winners = winners_of_16(|_| {
        let store = store.clone();
        async move { store.promote_next("a", LATER, &[], NOW.plus(Lifetime::from_secs(1))).await.unwrap() }
    });
    assert_eq!(winners.await, 1);
    assert_eq!(states(&store).await, [("a".into(), KeyState::Previous), ("b".into(), KeyState::Current)]);
    let keys = store.keys().await.unwrap();
    assert_eq!((keys[0].retires_at, keys[1].activated_at), (Some(LATER), Some(NOW.plus(Lifetime::from_secs(1)))));
}

async fn a_rotation_without_a_next_key_changes_nothing(bench: Bench) {
    let store = bench.node().await;
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    assert!(!store.promote_next("a", LATER, &[], NOW).await.unwrap());
    assert_eq!(states(&store).await, [("a".into(), KeyState::Current)]);
    store.add_key(&key("b"), KeyState::Next, NOW).await.unwrap();
    assert!(!store.promote_next("b", LATER, &[], NOW).await.unwrap(), "b is not the current key");
}

async fn a_previous_key_retires_at_its_time_and_not_before(bench: Bench) {
    let store = bench.node().await;
    for (current, next) in [("a", "b"), ("b", "c")] {
        store.add_key(&key(current), KeyState::Current, NOW).await.unwrap();
        store.add_key(&key(next), KeyState::Next, NOW).await.unwrap();
        assert!(store.promote_next(current, LATER, &[], NOW).await.unwrap());
        assert_eq!(store.retire_keys(Timestamp(LATER.0 - 1)).await.unwrap(), 0);
        if current == "a" {
            assert_eq!(store.retire_keys(LATER).await.unwrap(), 1);
        }
    }
    assert_eq!(store.drop_previous().await.unwrap(), 1);
    assert_eq!(store.drop_previous().await.unwrap(), 0);
    assert_eq!(states(&store).await, [("c".into(), KeyState::Current)]);
}

async fn l_06_lost_signing_keys_are_not_replaced_in_silence(bench: Bench) {
    let store = bench.node().await;
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    bench.meddle("DELETE FROM signing_keys").await;
    assert!(matches!(store.keys().await, Err(StoreError::MissingKey(LostKeys::SigningKeys))));
}

async fn i11_a_private_key_is_sealed_in_the_database_and_tied_to_its_row(bench: Bench) {
    let store = bench.node().await;
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    let sealed = bench.column("SELECT pkcs8_sealed FROM signing_keys").await.remove(0);
    assert!(sealed.starts_with("v1.") && !sealed.contains("private"));
    bench.meddle("UPDATE signing_keys SET kid = 'b'").await;
    assert!(matches!(store.keys().await, Err(StoreError::WrongKey(KeyMismatch::DamagedValue))));
}

async fn an_installation_secret_is_made_once(bench: Bench) {
    let store = bench.node().await;
    let winners = winners_of_16(|_| {
        let store = store.clone();
        async move {
            let secret = store.installation_secret("cookies").await.unwrap();
            secret == store.installation_secret("cookies").await.unwrap() && !secret.is_empty()
        }
    });
    assert_eq!(winners.await, 16, "everybody has the same for ever");
    let cookies = store.installation_secret("cookies").await.unwrap();
    assert!(store.installation_secret("other").await.unwrap() != cookies);
    store.close().await;
    assert!(bench.node().await.installation_secret("cookies").await.unwrap() == cookies, "after a restart too");
}

async fn changed_keys_are_told(bench: Bench) {
    let store = bench.node().await;
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    store.keys_changed().notified().await;
    store.add_key(&key("b"), KeyState::Next, NOW).await.unwrap();
    store.keys_changed().notified().await;
    store.promote_next("a", NOW, &[], NOW).await.unwrap();
    store.keys_changed().notified().await;
    store.retire_keys(NOW).await.unwrap();
    store.keys_changed().notified().await;
}
