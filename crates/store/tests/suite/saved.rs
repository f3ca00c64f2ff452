//! What a snapshot keeps, and how it comes back.

use doorward_model::session::{Bearings, Revoked};
use doorward_model::time::Lifetime;

use crate::bench::{Bench, NOW, aud, email, session_of};

crate::on_both_databases! {
    what_was_saved_is_all_there_is_after_it_came_back
    what_cannot_come_back_changes_nothing
}

crate::in_memory_too! {
    what_was_saved_is_all_there_is_after_it_came_back
    what_cannot_come_back_changes_nothing
}

async fn what_was_saved_is_all_there_is_after_it_came_back(bench: Bench) {
    let store = bench.node().await;
    let (kept, ended, later) =
        (session_of("alice@corp.test"), session_of("bob@corp.test"), session_of("carol@corp.test"));
    let user = store.user(&email("alice@corp.test"), kept.identity.user_uuid, NOW).await.unwrap();
    for session in [&kept, &ended] {
        store.open_session(session).await.unwrap();
    }
    store.revoke(&Revoked::Session(ended.nonce.clone()), NOW).await.unwrap();
    let saved = store.saved().await.unwrap();
    let text = serde_json::to_string(&saved).unwrap();

    store.open_session(&later).await.unwrap();
    let after = NOW.plus(Lifetime::from_hours(1));
    store.revoke(&Revoked::App(aud()), after).await.unwrap();
    store.revoke(&Revoked::User(user), after).await.unwrap();
    store.restore(serde_json::from_str(&text).unwrap()).await.unwrap();

    assert_eq!(store.session(&kept.nonce).await.unwrap().as_ref(), Some(&kept));
    assert_eq!(store.session(&ended.nonce).await.unwrap(), None);
    assert_eq!(store.session(&later.nonce).await.unwrap(), None);
    assert_eq!(store.saved().await.unwrap(), saved);
    let bearings = |session: &doorward_model::session::Session| Bearings {
        session: Some(session.nonce.clone()),
        user: Some(session.identity.user_uuid),
        app: Some(aud()),
        iat: NOW.secs() - 1,
    };
    assert!(!store.revocations().is_revoked(&bearings(&kept)), "what was revoked since is not revoked any more");
    assert!(store.revocations().is_revoked(&bearings(&ended)));
    let another = store.user(&email("alice@corp.test"), doorward_model::id::UserId::random(), NOW).await.unwrap();
    assert_eq!(another, user, "people keep their ids");
}

async fn what_cannot_come_back_changes_nothing(bench: Bench) {
    let store = bench.node().await;
    let session = session_of("alice@corp.test");
    store.open_session(&session).await.unwrap();
    let mut twice = serde_json::to_value(store.saved().await.unwrap()).unwrap();
    let row = twice["sessions"][0].clone();
    twice["sessions"].as_array_mut().unwrap().push(row);
    assert!(store.restore(serde_json::from_value(twice).unwrap()).await.is_err());
    assert_eq!(store.session(&session.nonce).await.unwrap(), Some(session));
}
