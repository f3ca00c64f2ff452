//! Which token replaced which.

use std::sync::Arc;

use doorward_model::time::Lifetime;
use doorward_store::StoreError;
use tokio::sync::Mutex;

use crate::bench::{Bench, NOW, winners_of_16};

crate::on_both_databases! {
    of_16_that_renew_one_token_at_once_one_gives_its_successor_to_all
    a_successor_is_replaced_when_its_time_is_over
    m_06_neither_the_old_token_nor_the_new_one_is_in_the_database
    a_successor_in_the_place_of_another_does_not_open
}

async fn of_16_that_renew_one_token_at_once_one_gives_its_successor_to_all(bench: Bench) {
    let store = bench.node().await;
    let (given, until) = (Arc::new(Mutex::new(Vec::new())), NOW.plus(Lifetime::from_secs(60)));
    let winners = winners_of_16(|index| {
        let (store, given) = (store.clone(), Arc::clone(&given));
        async move {
            let ours = format!("new {index}");
            let theirs = store.successor("old", &ours, until, NOW).await.unwrap();
            given.lock().await.push(theirs.clone());
            theirs == ours
        }
    });
    assert_eq!(winners.await, 1);
    let given = given.lock().await;
    assert!(given.len() == 16 && given.iter().all(|token| *token == given[0]), "{given:?}");
    let other = store.successor("another", "its own", until, NOW).await.unwrap();
    assert_eq!(other, "its own");
}

async fn a_successor_is_replaced_when_its_time_is_over(bench: Bench) {
    let store = bench.node().await;
    let until = NOW.plus(Lifetime::from_secs(60));
    let later = until.plus(Lifetime::from_secs(60));
    assert_eq!(store.successor("old", "first", until, NOW).await.unwrap(), "first");
    assert_eq!(store.successor("old", "second", later, NOW).await.unwrap(), "first");
    assert_eq!(store.successor("old", "third", later, until).await.unwrap(), "third");
    assert_eq!(store.successor("old", "fourth", later, until).await.unwrap(), "third");
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
            Ok(token) => opened += usize::from(token == format!("{old} next")),
            Err(error) => assert!(matches!(error, StoreError::WrongKey(_)), "{error}"),
        }
    }
    assert_eq!(opened, 1, "the one that stayed in its place");
}
