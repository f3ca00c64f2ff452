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
    a_key_that_was_made_up_costs_the_database_nothing
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
        entry: None,
        justification: None,
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
    let left = Arc::new(handoff());
    let key = store.leave_handoff(&left).await.unwrap();
    let other = store.leave_handoff(&handoff()).await.unwrap();
    assert!(store.collect_handoff(&other, NOW).await.unwrap().is_some_and(|got| got != *left));
    let winners = winners_of_16(|_| {
        let (store, key, left) = (store.clone(), key.clone(), Arc::clone(&left));
        async move { store.collect_handoff(&key, NOW).await.unwrap().inspect(|got| assert_eq!(*got, *left)).is_some() }
    });
    assert_eq!(winners.await, 1);
}

async fn a_key_that_was_made_up_costs_the_database_nothing(bench: Bench) {
    let store = bench.node().await;
    let key = store.leave_handoff(&handoff()).await.unwrap();
    let before = store.queries();
    let made_up = [Secret::random(), Secret::new(String::new()), Secret::new(format!("{}A", key.expose()))];
    for made_up in made_up {
        assert!(store.collect_handoff(&made_up, NOW).await.unwrap().is_none());
    }
    assert_eq!(store.queries(), before);
    assert!(store.collect_handoff(&key, NOW).await.unwrap().is_some());
    assert!(store.queries() > before);
}

async fn a_handoff_that_came_too_late_is_gone(bench: Bench) {
    let store = bench.node().await;
    let left = handoff();
    let key = store.leave_handoff(&left).await.unwrap();
    assert!(store.collect_handoff(&key, left.expires_at).await.unwrap().is_none());
    assert!(store.collect_handoff(&key, NOW).await.unwrap().is_none(), "the late caller used it up");
}

async fn i11_the_key_of_a_handoff_and_an_attempt_are_not_in_the_database(bench: Bench) {
    let store = bench.node().await;
    let key = store.leave_handoff(&handoff()).await.unwrap();
    store.use_attempt("the attempt", NOW).await.unwrap();
    let digests = bench.column("SELECT digest FROM handoffs UNION ALL SELECT digest FROM attempts").await;
    assert_eq!(digests.len(), 2);
    assert!(digests.iter().all(|digest| digest.len() == 64 && digest != key.expose()), "{digests:?}");
}
