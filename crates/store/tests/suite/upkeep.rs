//! Sweeping, and the emulator's reset.

use doorward_model::secret::Secret;
use doorward_model::session::{Bearings, Revoked};
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::KeyState;

use crate::bench::{Bench, NOW, email, key, session_of};

crate::on_both_databases! {
    what_is_over_is_swept_and_nothing_else
    a_session_stays_as_long_as_its_tokens_may_live
    a_reset_leaves_keys_and_secrets_alone
    what_is_asked_of_memory_costs_no_query
}

crate::in_memory_too! {
    what_is_over_is_swept_and_nothing_else
    a_reset_leaves_keys_and_secrets_alone
    what_is_asked_of_memory_costs_no_query
}

async fn what_is_over_is_swept_and_nothing_else(bench: Bench) {
    let store = bench.node().await;
    let end = NOW.plus(Lifetime::from_hours(1));
    store.use_attempt("attempt", end).await.unwrap();
    assert_eq!(store.sweep(Timestamp(end.0 - 1)).await.unwrap(), 0);
    assert!(!store.use_attempt("attempt", end).await.unwrap());
    assert_eq!(store.sweep(end).await.unwrap(), 1);
    let session = session_of("alice@corp.test");
    store.revoke(&Revoked::Session(session.nonce.clone()), NOW).await.unwrap();
    let token = Bearings { session: Some(session.nonce), user: None, app: None, iat: NOW.secs() };
    assert_eq!(store.sweep(NOW.plus(Lifetime::from_days(31))).await.unwrap(), 0);
    assert!(store.revocations().is_revoked(&token), "a token may live for 31 days");
    assert_eq!(store.sweep(NOW.plus(Lifetime::from_days(32))).await.unwrap(), 1);
    assert!(!store.revocations().is_revoked(&token));
}

async fn a_session_stays_as_long_as_its_tokens_may_live(bench: Bench) {
    let store = bench.node().await;
    let [over, ended] = ["alice@corp.test", "bob@corp.test"].map(session_of);
    store.open_session(&over).await.unwrap();
    store.open_session(&ended).await.unwrap();
    store.revoke(&Revoked::Session(ended.nonce.clone()), NOW).await.unwrap();
    store.sweep(over.expires_at.plus(Lifetime::from_days(31))).await.unwrap();
    assert_eq!(store.session(&over.nonce).await.unwrap().as_ref(), Some(&over));
    assert_eq!(bench.column("SELECT nonce FROM sessions").await, [over.nonce.as_str()]);
    store.sweep(over.expires_at.plus(Lifetime::from_days(32))).await.unwrap();
    assert_eq!(store.session(&over.nonce).await.unwrap(), None);
}

async fn a_reset_leaves_keys_and_secrets_alone(bench: Bench) {
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    let alice = email("alice@corp.test");
    let first = store.user(&alice, session.identity.user_uuid, NOW).await.unwrap();
    store.open_session(&session).await.unwrap();
    store.use_attempt("attempt", NOW).await.unwrap();
    store.revoke(&Revoked::User(first), NOW).await.unwrap();
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    let secret = store.installation_secret("cookies").await.unwrap();
    let version = store.revocations().version();

    store.reset().await.unwrap();

    let token = Bearings { session: None, user: Some(first), app: None, iat: NOW.secs() };
    assert!(!store.revocations().is_revoked(&token));
    assert!(store.revocations().version() > version, "answers given before are asked again");
    assert!(store.use_attempt("attempt", NOW).await.unwrap());
    assert_eq!(store.session(&session.nonce).await.unwrap(), None);
    let second = doorward_model::id::UserId::random();
    assert_eq!(store.user(&alice, second, NOW).await.unwrap(), second);
    assert_eq!(store.keys().await.unwrap().len(), 1);
    assert!(store.installation_secret("cookies").await.unwrap() == secret);
}

async fn what_is_asked_of_memory_costs_no_query(bench: Bench) {
    let store = bench.node().await;
    store.ping().await.unwrap();
    let before = store.queries();
    assert!(before > 0);
    let token = Bearings { session: None, user: None, app: None, iat: NOW.secs() };
    let sealed = store.sealer().seal("state", Secret::random().expose().as_bytes());
    assert!(!store.revocations().is_revoked(&token) && store.revocations().is_fresh());
    assert!(store.sealer().open("state", &sealed).is_some());
    store.refresh_revocations().await.unwrap();
    assert_eq!(store.queries(), before, "background reads are not counted");
    store.ping().await.unwrap();
    assert_eq!(store.queries(), before + 1);
}
