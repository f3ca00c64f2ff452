//! Attempts and hand-overs.

use std::sync::Arc;

use doorward_model::id::{AppId, IdentityNonce};
use doorward_model::login::{Handoff, Target};
use doorward_model::redirect::ReturnPath;
use doorward_model::secret::Secret;
use doorward_model::time::Lifetime;

use crate::bench::{Bench, NOW, winners_of_16};

crate::on_both_databases! {
    an_attempt_is_used_by_one_of_16_callers
    another_attempt_is_not_touched_by_it
    a_handoff_is_collected_by_one_of_16_callers_as_it_was_left
    a_handoff_that_came_too_late_is_gone
    i11_the_key_of_a_handoff_and_an_attempt_are_not_in_the_database
}

crate::in_memory_too! {
    an_attempt_is_used_by_one_of_16_callers
    another_attempt_is_not_touched_by_it
    a_handoff_is_collected_by_one_of_16_callers_as_it_was_left
    a_handoff_that_came_too_late_is_gone
}

fn handoff() -> Handoff {
    Handoff {
        target: Target {
            certificate: None,
            app: AppId::random(),
            origin: "https://wiki.example.com".into(),
            return_to: ReturnPath::root(),
            app_session: Some("digest".into()),
        },
        session: IdentityNonce::random(),
        expires_at: NOW.plus(Lifetime::from_secs(60)),
        chain: None,
    }
}

async fn an_attempt_is_used_by_one_of_16_callers(bench: Bench) {
    let store = bench.node().await;
    let winners = winners_of_16(|_| {
        let store = store.clone();
        async move { store.use_attempt("attempt", NOW).await.unwrap() }
    });
    assert_eq!(winners.await, 1);
    assert!(!store.use_attempt("attempt", NOW.plus(Lifetime::from_hours(1))).await.unwrap());
}

async fn another_attempt_is_not_touched_by_it(bench: Bench) {
    let store = bench.node().await;
    assert!(store.use_attempt("one", NOW).await.unwrap());
    assert!(store.use_attempt("two", NOW).await.unwrap());
}

async fn a_handoff_is_collected_by_one_of_16_callers_as_it_was_left(bench: Bench) {
    let store = bench.node().await;
    let (key, left) = (Secret::random(), Arc::new(handoff()));
    store.leave_handoff(&key, &left).await.unwrap();
    assert!(store.collect_handoff(&Secret::random(), NOW).await.unwrap().is_none(), "another key opens nothing");
    let winners = winners_of_16(|_| {
        let (store, key, left) = (store.clone(), key.clone(), Arc::clone(&left));
        async move { store.collect_handoff(&key, NOW).await.unwrap().inspect(|got| assert_eq!(*got, *left)).is_some() }
    });
    assert_eq!(winners.await, 1);
}

async fn a_handoff_that_came_too_late_is_gone(bench: Bench) {
    let store = bench.node().await;
    let (key, left) = (Secret::random(), handoff());
    store.leave_handoff(&key, &left).await.unwrap();
    assert!(store.collect_handoff(&key, left.expires_at).await.unwrap().is_none());
    assert!(store.collect_handoff(&key, NOW).await.unwrap().is_none(), "the late caller used it up");
}

async fn i11_the_key_of_a_handoff_and_an_attempt_are_not_in_the_database(bench: Bench) {
    let store = bench.node().await;
    let key = Secret::random();
    store.leave_handoff(&key, &handoff()).await.unwrap();
    store.use_attempt("the attempt", NOW).await.unwrap();
    let digests = bench.column("SELECT digest FROM handoffs UNION ALL SELECT digest FROM attempts").await;
    assert_eq!(digests.len(), 2);
    assert!(digests.iter().all(|digest| digest.len() == 64 && digest != key.expose()), "{digests:?}");
}
