//! Revoking, and how other nodes hear of it.

use doorward_model::id::IdentityNonce;
use doorward_model::session::{Bearings, Revoked, Session};
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{KeyState, Store, StoreError};
use prometheus_client::registry::Registry;
use sqlx::postgres::PgListener;

use crate::bench::{Bench, NOW, aud, eventually, key, session_of, winners_of_16};

crate::on_both_databases! {
    i10_a_revocation_is_in_force_when_the_call_returns_and_after_a_restart
    r_03_a_revocation_that_was_not_stored_is_an_error_and_not_in_force
    r_08_a_clock_that_is_behind_does_not_bring_tokens_back
    r_08_moments_before_1970_and_after_2038_are_kept_as_they_are
    revocations_at_once_all_count
    marks_written_by_others_are_found_by_the_poll
    i10_numbers_that_went_back_are_noticed_at_the_next_look
}

crate::in_memory_too! {
    r_08_moments_before_1970_and_after_2038_are_kept_as_they_are
}

/// Tokens of three sign-ins, and what revokes each.
fn revocable() -> [(Revoked, Bearings); 3] {
    let session = session_of("alice@corp.test");
    let (nonce, user, app) = (session.nonce, session.identity.user_uuid, aud());
    let none = Bearings { session: None, user: None, app: None, iat: NOW.secs() };
    [
        (Revoked::Session(nonce.clone()), Bearings { session: Some(nonce), ..none.clone() }),
        (Revoked::User(user), Bearings { user: Some(user), ..none.clone() }),
        (Revoked::App(app.clone()), Bearings { app: Some(app), ..none }),
    ]
}

async fn i10_a_revocation_is_in_force_when_the_call_returns_and_after_a_restart(bench: Bench) {
    let store = bench.node().await;
    assert!(store.revocations().is_fresh());
    let revocable = revocable();
    for (what, token) in &revocable {
        let version = store.revocations().version();
        assert!(!store.revocations().is_revoked(token));
        store.revoke(what, NOW).await.unwrap();
        assert!(store.revocations().is_revoked(token));
        assert!(store.revocations().version() > version);
    }
    store.close().await;
    let store = bench.node().await;
    assert!(revocable.iter().all(|(_, token)| store.revocations().is_revoked(token)));
}

async fn r_03_a_revocation_that_was_not_stored_is_an_error_and_not_in_force(bench: Bench) {
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    store.open_session(&session).await.unwrap();
    bench.meddle("ALTER TABLE revocations RENAME TO elsewhere").await;
    let what = Revoked::Session(session.nonce.clone());
    let token = Bearings { session: Some(session.nonce.clone()), user: None, app: None, iat: NOW.secs() };
    assert!(matches!(store.revoke(&what, NOW).await, Err(StoreError::Unavailable { .. })));
    assert!(!store.revocations().is_revoked(&token));
    assert!(store.session(&session.nonce).await.unwrap().is_some(), "all or nothing");
    bench.meddle("ALTER TABLE elsewhere RENAME TO revocations").await;
    store.revoke(&what, NOW).await.unwrap();
    assert!(store.revocations().is_revoked(&token), "a later retry works");
}

async fn r_08_a_clock_that_is_behind_does_not_bring_tokens_back(bench: Bench) {
    let store = bench.node().await;
    let [(what, token), ..] = revocable();
    store.revoke(&what, NOW).await.unwrap();
    store.revoke(&what, NOW.minus(Lifetime::from_hours(1))).await.unwrap();
    assert!(store.revocations().is_revoked(&token));
    store.close().await;
    assert!(bench.node().await.revocations().is_revoked(&token));
}

async fn r_08_moments_before_1970_and_after_2038_are_kept_as_they_are(bench: Bench) {
    let store = bench.node().await;
    for secs in [-1, -86_400, 0, 1 << 31, 1 << 40] {
        let now = Timestamp::from_secs(secs);
        let session =
            Session { created_at: now, expires_at: now.plus(Lifetime::from_hours(1)), ..session_of("a@b.test") };
        store.open_session(&session).await.unwrap();
        assert_eq!(store.session(&session.nonce).await.unwrap().as_ref(), Some(&session), "{secs}");
        let what = Revoked::Session(session.nonce.clone());
        let token = Bearings { session: Some(session.nonce), user: None, app: None, iat: secs };
        assert!(!store.revocations().is_revoked(&token), "{secs}");
        store.revoke(&what, now).await.unwrap();
        assert!(store.revocations().is_revoked(&token), "{secs}");
        store.successor("old", "new", now, now).await.unwrap();
    }
    store.sweep(Timestamp(i64::MIN)).await.unwrap();
    store.sweep(Timestamp(i64::MAX)).await.unwrap();
}

async fn revocations_at_once_all_count(bench: Bench) {
    let store = bench.node().await;
    let tokens: Vec<_> = (0..16).map(|_| revocable()[0].clone()).collect();
    let done = winners_of_16(|index| {
        let (store, what) = (store.clone(), tokens[index].0.clone());
        async move { store.revoke(&what, NOW).await.is_ok() }
    });
    assert_eq!(done.await, 16);
    store.close().await;
    let store = bench.node().await;
    assert!(tokens.iter().all(|(_, token)| store.revocations().is_revoked(token)));
}

async fn marks_written_by_others_are_found_by_the_poll(bench: Bench) {
    let store = bench.node().await;
    let watching = tokio::spawn({
        let store = store.clone();
        async move { store.watch().await }
    });
    let (_, token) = &revocable()[0];
    let token = Bearings { session: Some(IdentityNonce::from_text("n")), ..token.clone() };
    // Written without an announcement, as when it was lost. In one transaction, as nodes do: a poll
    // between the two would take the number for heard.
    bench
        .meddle(
            "BEGIN; UPDATE sequences SET value = value + 1 WHERE name = 'revocations'; \
             INSERT INTO revocations (kind, subject, not_before, seq, expires_at) \
             SELECT 'session', 'n', 1800000000, value, 1900000000000 FROM sequences WHERE name = 'revocations'; COMMIT",
        )
        .await;
    eventually("the poll finds the mark", || store.revocations().is_revoked(&token)).await;
    watching.abort();
}

async fn i10_numbers_that_went_back_are_noticed_at_the_next_look(bench: Bench) {
    let store = bench.node().await;
    let watching = tokio::spawn({
        let store = store.clone();
        async move { store.watch().await }
    });
    let token = |nonce| Bearings {
        session: Some(IdentityNonce::from_text(nonce)),
        ..revocable().into_iter().next().unwrap().1
    };
    bench
        .meddle(
            "BEGIN; UPDATE sequences SET value = 40 WHERE name = 'revocations'; \
             INSERT INTO revocations (kind, subject, not_before, seq, expires_at) \
             VALUES ('session', 'before', 1800000000, 40, 1900000000000); COMMIT",
        )
        .await;
    eventually("the poll finds the mark", || store.revocations().is_revoked(&token("before"))).await;
    // What a replica that had not heard of the last ones does when it takes over.
    bench
        .meddle(
            "BEGIN; DELETE FROM revocations; UPDATE sequences SET value = 20 WHERE name = 'revocations'; \
             INSERT INTO revocations (kind, subject, not_before, seq, expires_at) \
             VALUES ('session', 'after', 1800000000, 20, 1900000000000); COMMIT",
        )
        .await;
    eventually("a mark with a smaller number counts", || store.revocations().is_revoked(&token("after"))).await;
    assert!(store.revocations().is_revoked(&token("before")), "what was heard stays revoked");
    watching.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g_10_what_one_node_revokes_is_revoked_on_the_other() {
    let bench = Bench::postgres();
    let (here, there) = (bench.node().await, bench.node().await);
    let watching = tokio::spawn({
        let there = there.clone();
        async move { there.watch().await }
    });
    for (what, token) in revocable() {
        here.revoke(&what, NOW).await.unwrap();
        eventually("the other node hears of it", || there.revocations().is_revoked(&token)).await;
    }
    assert!(propagated(&there) >= 3, "the marks of the other node are measured");
    here.reset().await.unwrap();
    let (_, token) = &revocable()[0];
    eventually("the other node forgets", || !there.revocations().is_revoked(token)).await;
    watching.abort();
}

/// How many marks of other nodes were measured on their way here.
fn propagated(store: &Store) -> u64 {
    let (mut registry, mut text) = (Registry::default(), String::new());
    store.register(&mut registry);
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let count = text.lines().find_map(|line| line.strip_prefix("doorward_revocation_propagation_seconds_count "));
    count.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_finds_when_it_starts_was_not_late() {
    let bench = Bench::postgres();
    bench.node().await.revoke(&revocable()[0].0, NOW).await.unwrap();
    assert_eq!(propagated(&bench.node().await), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_changed_on_one_node_wakes_the_other() {
    let bench = Bench::postgres();
    let (here, there) = (bench.node().await, bench.node().await);
    let watching = tokio::spawn({
        let there = there.clone();
        async move { there.watch().await }
    });
    there.keys_changed().notified().await;
    here.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    there.keys_changed().notified().await;
    watching.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_announced_when_it_is_done() {
    let bench = Bench::postgres();
    let store = bench.node().await;
    let mut listener = PgListener::connect(&bench.url).await.unwrap();
    listener.listen("doorward").await.unwrap();
    store.revoke(&revocable()[0].0, NOW).await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "revocations");
    store.add_key(&key("a"), KeyState::Current, NOW).await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "keys");
    assert!(!store.add_key(&key("b"), KeyState::Current, NOW).await.unwrap());
    store.reset().await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "reset", "nothing is announced that did not happen");
}
