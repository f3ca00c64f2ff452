//! Which token replaced which.

use std::sync::Arc;

use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{Store, StoreError};
use tokio::sync::Mutex;

use crate::bench::{Bench, NOW, winners_of_16};

crate::on_both_databases! {
    of_16_that_renew_one_token_at_once_one_gives_its_successor_to_all
    a_successor_is_replaced_when_its_time_is_over
    m_06_neither_the_old_token_nor_the_new_one_is_in_the_database
    a_successor_in_the_place_of_another_does_not_open
}

crate::in_memory_too! {
    of_16_that_renew_one_token_at_once_one_gives_its_successor_to_all
    a_successor_is_replaced_when_its_time_is_over
}

async fn token(store: &Store, old: &str, new: &str, until: Timestamp, now: Timestamp) -> String {
    store.successor(old, new, until, now).await.unwrap().token
}

async fn of_16_that_renew_one_token_at_once_one_gives_its_successor_to_all(bench: Bench) {
    let store = bench.node().await;
    let (given, until) = (Arc::new(Mutex::new(Vec::new())), NOW.plus(Lifetime::from_secs(60)));
    let winners = winners_of_16(|index| {
        let (store, given) = (store.clone(), Arc::clone(&given));
        async move {
            // Some offer the very same, as nodes do that sign in the same second.
            let ours = format!("new {}", index / 4);
            let successor = store.successor("old", &ours, until, NOW).await.unwrap();
            given.lock().await.push(successor.token);
            successor.is_ours
        }
    });
    assert_eq!(winners.await, 1);
    let given = given.lock().await;
    assert!(given.len() == 16 && given.iter().all(|token| *token == given[0]), "{given:?}");
    assert_eq!(token(&store, "another", "its own", until, NOW).await, "its own");
}

async fn a_successor_is_replaced_when_its_time_is_over(bench: Bench) {
    let store = bench.node().await;
    let until = NOW.plus(Lifetime::from_secs(60));
    let later = until.plus(Lifetime::from_secs(60));
    assert_eq!(token(&store, "old", "first", until, NOW).await, "first");
    assert_eq!(token(&store, "old", "second", later, NOW).await, "first");
    assert_eq!(token(&store, "old", "third", later, until).await, "third");
    assert_eq!(token(&store, "old", "fourth", later, until).await, "third");
    assert_eq!(store.sweep(later).await.unwrap(), 1);
}

async fn m_06_neither_the_old_token_nor_the_new_one_is_in_the_database(bench: Bench) {
    let store = bench.node().await;
    store.successor("the old token", "the new token", NOW, NOW).await.unwrap();
    let kept = bench.column("SELECT digest FROM renewals UNION ALL SELECT successor FROM renewals").await;
    assert!(kept.len() == 2 && kept.iter().all(|text| !text.contains("token")), "{kept:?}");
}

async fn a_successor_in_the_place_of_another_does_not_open(bench: Bench) {
    let store = bench.node().await;
    let until = NOW.plus(Lifetime::from_secs(60));
    store.successor("mallory's", "mallory's next", until, NOW).await.unwrap();
    store.successor("alice's", "alice's next", until, NOW).await.unwrap();
    bench.meddle("UPDATE renewals SET successor = (SELECT MIN(successor) FROM renewals)").await;
    let mut opened = 0;
    for old in ["alice's", "mallory's"] {
        match store.successor(old, "unused", until, NOW).await {
            Ok(successor) => opened += usize::from(successor.token == format!("{old} next")),
            Err(error) => assert!(matches!(error, StoreError::WrongKey(_)), "{error}"),
        }
    }
    assert_eq!(opened, 1, "the one that stayed in its place");
}
