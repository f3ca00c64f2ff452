//! What was given for entries.

use doorward_model::id::{AppId, IdentityNonce, PolicyId};
use doorward_model::purpose::Entry;
use doorward_model::time::Lifetime;

use crate::bench::{Bench, NOW};

crate::on_both_databases! {
    what_was_given_is_found_by_its_token_and_by_no_other
    it_goes_with_its_token_and_comes_back_with_a_snapshot
}

crate::in_memory_too! {
    what_was_given_is_found_by_its_token_and_by_no_other
    it_goes_with_its_token_and_comes_back_with_a_snapshot
}

fn entry() -> Entry {
    let approved_until = Some(NOW.plus(Lifetime::from_hours(1)));
    Entry { session: IdentityNonce::random(), app: AppId::random(), policy: PolicyId::random(), approved_until }
}

async fn what_was_given_is_found_by_its_token_and_by_no_other(bench: Bench) {
    let store = bench.node().await;
    let given = entry();
    store.keep_entry("a.b.c", &given, NOW).await.unwrap();
    assert_eq!(store.entry("a.b.c").await.unwrap(), Some(given));
    assert_eq!(store.entry("a.b.d").await.unwrap(), None);
}

async fn it_goes_with_its_token_and_comes_back_with_a_snapshot(bench: Bench) {
    let store = bench.node().await;
    let given = entry();
    store.keep_entry("a.b.c", &given, NOW.plus(Lifetime::from_secs(1))).await.unwrap();
    store.sweep(NOW).await.unwrap();
    let saved = store.saved().await.unwrap();
    assert!(!serde_json::to_string(&saved).unwrap().contains("a.b.c"), "nobody can use what is kept");
    store.sweep(NOW.plus(Lifetime::from_secs(1))).await.unwrap();
    assert_eq!(store.entry("a.b.c").await.unwrap(), None);
    store.restore(saved).await.unwrap();
    assert_eq!(store.entry("a.b.c").await.unwrap(), Some(given));
    store.reset().await.unwrap();
    assert_eq!(store.entry("a.b.c").await.unwrap(), None);
}
