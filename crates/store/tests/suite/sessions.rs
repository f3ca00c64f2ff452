//! People and their sign-ins.

use doorward_model::id::{IdentityNonce, ServiceTokenId, UserId};
use doorward_model::identity::Identity;
use doorward_model::session::{Bearings, Revoked, Session};
use doorward_model::time::Lifetime;
use doorward_store::Store;

use crate::bench::{Bench, NOW, aud, email, session_of};

crate::on_both_databases! {
    a_person_keeps_the_id_of_their_first_sign_in
    a_session_is_found_as_it_was_opened
    an_identity_is_amended_only_while_it_is_what_it_was
    the_newest_session_of_a_person_is_found
    the_sessions_of_a_person_are_listed_until_they_end
    a_service_token_was_last_seen_at_its_latest_use
    g_10_an_ended_session_is_not_found
    g_10_revoking_a_person_ends_all_their_sessions_and_nobody_elses
    revoking_an_application_ends_no_session
    r_13_a_session_in_a_form_of_tomorrow_is_none
}

crate::in_memory_too! {
    a_person_keeps_the_id_of_their_first_sign_in
    a_session_is_found_as_it_was_opened
    an_identity_is_amended_only_while_it_is_what_it_was
    the_newest_session_of_a_person_is_found
    the_sessions_of_a_person_are_listed_until_they_end
    a_service_token_was_last_seen_at_its_latest_use
    g_10_an_ended_session_is_not_found
    revoking_an_application_ends_no_session
}

async fn a_person_keeps_the_id_of_their_first_sign_in(bench: Bench) {
    let store = bench.node().await;
    let (first, second) = (UserId::random(), UserId::random());
    let alice = email("alice@corp.test");
    assert_eq!(store.user(&alice, first, NOW).await.unwrap(), first);
    assert_eq!(store.user(&alice, second, NOW.plus(Lifetime::from_hours(1))).await.unwrap(), first);
    assert_eq!(store.user(&email("bob@corp.test"), second, NOW).await.unwrap(), second);
    store.record_identity(&session_of("alice@corp.test").identity, NOW).await.unwrap();
}

async fn a_session_is_found_as_it_was_opened(bench: Bench) {
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    store.open_session(&session).await.unwrap();
    assert_eq!(store.session(&session.nonce).await.unwrap(), Some(session));
    assert_eq!(store.session(&IdentityNonce::random()).await.unwrap(), None);
}

async fn the_sessions_of_a_person_are_listed_until_they_end(bench: Bench) {
    let store = bench.node().await;
    let first = session_of("alice@corp.test");
    let user = first.identity.user_uuid;
    let mut second = session_of("alice@corp.test");
    second.identity.user_uuid = user;
    second.created_at = NOW.plus(Lifetime::from_secs(1));
    let other = session_of("bob@corp.test");
    for session in [&first, &second, &other] {
        store.open_session(session).await.unwrap();
    }
    let nonces = async |now| {
        let sessions = store.active_sessions(user, now).await.unwrap();
        sessions.into_iter().map(|session| session.nonce).collect::<Vec<_>>()
    };
    assert_eq!(nonces(NOW).await, [second.nonce.clone(), first.nonce.clone()]);
    store.revoke(&Revoked::Session(second.nonce.clone()), NOW).await.unwrap();
    assert_eq!(nonces(NOW).await, std::slice::from_ref(&first.nonce));
    assert_eq!(nonces(first.expires_at).await, []);
}

async fn a_service_token_was_last_seen_at_its_latest_use(bench: Bench) {
    let store = bench.node().await;
    let token = ServiceTokenId::random();
    assert_eq!(store.service_tokens_last_seen().await.unwrap(), []);
    for seconds in [60, 120, 0] {
        store.service_token_seen(token, NOW.plus(Lifetime::from_secs(seconds))).await.unwrap();
    }
    let last = NOW.plus(Lifetime::from_secs(120));
    assert_eq!(store.service_tokens_last_seen().await.unwrap(), [(token, last)]);
}

async fn the_newest_session_of_a_person_is_found(bench: Bench) {
    let store = bench.node().await;
    let old = session_of("alice@corp.test");
    let new = Session { created_at: NOW.plus(Lifetime::from_secs(1)), ..session_of("alice@corp.test") };
    for session in [&new, &old, &session_of("bob@corp.test")] {
        store.open_session(session).await.unwrap();
    }
    assert_eq!(store.last_session(&email("alice@corp.test")).await.unwrap(), Some(new));
    assert_eq!(store.last_session(&email("eve@corp.test")).await.unwrap(), None);
}

async fn g_10_an_ended_session_is_not_found(bench: Bench) {
    let store = bench.node().await;
    let (ended, other) = (session_of("alice@corp.test"), session_of("alice@corp.test"));
    store.open_session(&ended).await.unwrap();
    store.open_session(&other).await.unwrap();
    store.revoke(&Revoked::Session(ended.nonce.clone()), NOW).await.unwrap();
    assert_eq!(store.session(&ended.nonce).await.unwrap(), None);
    assert_eq!(store.session(&other.nonce).await.unwrap(), Some(other.clone()));
    assert_eq!(store.last_session(&email("alice@corp.test")).await.unwrap(), Some(other));
}

async fn g_10_revoking_a_person_ends_all_their_sessions_and_nobody_elses(bench: Bench) {
    let store = bench.node().await;
    let [one, two, other] = ["alice@corp.test", "alice@corp.test", "bob@corp.test"].map(session_of);
    for session in [&one, &two, &other] {
        store.open_session(session).await.unwrap();
    }
    store.revoke(&Revoked::User(one.identity.user_uuid), NOW).await.unwrap();
    assert_eq!(store.session(&one.nonce).await.unwrap(), None);
    assert_eq!(store.session(&two.nonce).await.unwrap(), None);
    assert_eq!(store.session(&other.nonce).await.unwrap(), Some(other.clone()));

    // Also tokens that a node whose clock is ahead dated after the revocation, and after a restart.
    let late = |session: &Session| Bearings {
        session: Some(session.nonce.clone()),
        user: Some(session.identity.user_uuid),
        app: Some(aud()),
        iat: NOW.secs() + 5,
    };
    let assert_ended = |node: &Store| {
        assert!(node.revocations().is_revoked(&late(&one)) && node.revocations().is_revoked(&late(&two)));
        assert!(!node.revocations().is_revoked(&late(&other)));
    };
    assert_ended(&store);
    drop(store);
    assert_ended(&bench.node().await);
}

async fn revoking_an_application_ends_no_session(bench: Bench) {
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    store.open_session(&session).await.unwrap();
    store.revoke(&Revoked::App(aud()), NOW).await.unwrap();
    assert_eq!(store.session(&session.nonce).await.unwrap(), Some(session));
}

async fn r_13_a_session_in_a_form_of_tomorrow_is_none(bench: Bench) {
    let store = bench.node().await;
    let (old, new) = (session_of("alice@corp.test"), session_of("bob@corp.test"));
    store.open_session(&old).await.unwrap();
    store.open_session(&new).await.unwrap();
    bench.meddle("UPDATE sessions SET format = 2, identity = 'not even JSON' WHERE email = 'bob@corp.test'").await;
    assert_eq!(store.session(&new.nonce).await.unwrap(), None, "its person signs in again");
    assert_eq!(store.last_session(&email("bob@corp.test")).await.unwrap(), None);
    assert_eq!(store.session(&old.nonce).await.unwrap(), Some(old));
}

async fn an_identity_is_amended_only_while_it_is_what_it_was(bench: Bench) {
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    store.open_session(&session).await.unwrap();
    let amended = Identity { name: Some("Alice Again".into()), ..session.identity.clone() };
    assert!(store.amend_session(&session, &amended).await.unwrap());
    assert_eq!(store.session(&session.nonce).await.unwrap().unwrap().identity, amended);
    assert!(!store.amend_session(&session, &session.identity).await.unwrap(), "somebody else was faster");
    // One that ended stays as it was.
    let live = store.session(&session.nonce).await.unwrap().unwrap();
    store.revoke(&Revoked::Session(session.nonce.clone()), NOW).await.unwrap();
    assert!(!store.amend_session(&live, &session.identity).await.unwrap());
}
