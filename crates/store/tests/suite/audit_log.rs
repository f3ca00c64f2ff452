//! The audit log.

use doorward_model::audit::{AuditEntry, Author, Interface};
use doorward_model::document::{Content, Key, Kind, NoExtension, Object, Owner};
use doorward_model::id::UserId;
use doorward_model::session::Revoked;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{AuditQuery, KeyState, ObjectChange};
use serde_json::json;

use crate::bench::{Bench, NOW, email, key, session_of};

crate::on_both_databases! {
    a_line_is_read_as_it_was_written
    a_change_and_its_line_are_there_together_or_not_at_all
    no_deed_is_done_without_its_line
    old_lines_are_forgotten
}

crate::in_memory_too! {
    a_line_is_read_as_it_was_written
    a_change_and_its_line_are_there_together_or_not_at_all
    no_deed_is_done_without_its_line
    old_lines_are_forgotten
}

fn all() -> AuditQuery {
    AuditQuery { limit: 100, ..AuditQuery::default() }
}

fn object() -> Object {
    let content = Content::new(&json!({ "name": "it's \"quoted\"" }), &NoExtension {}, None);
    Object { key: Key::new(Kind::Tag, "a"), owner: Owner::Api, content, created_at: NOW, updated_at: NOW }
}

fn line(at: Timestamp) -> AuditEntry {
    let author = Author {
        by: Interface::Api,
        id: "7".into(),
        name: "ci".into(),
        ip: Some("2001:db8::7".parse().unwrap()),
        deed: None,
    };
    AuditEntry::of_change(&author, &object().key, None, Some(&object()), at)
}

async fn a_line_is_read_as_it_was_written(bench: Bench) {
    let store = bench.node().await;
    let later = NOW.plus(Lifetime::from_secs(1));
    let bare = AuditEntry::of_deed(&Author::file("doorward.toml"), "rotate", ("key", ""), NOW).refused("no");
    store.log_audit(&line(later)).await.unwrap();
    store.log_audit(&bare).await.unwrap();
    let read = store.audit_log(&all()).await.unwrap();
    assert_eq!(read, [AuditEntry { id: read[0].id.clone(), ..line(later) }, bare]);
    let by_name = AuditQuery { author_name: Some("ci".into()), oldest_first: true, ..all() };
    assert_eq!(store.audit_log(&by_name).await.unwrap(), read[..1]);
    assert_eq!((store.audit_log_count(&by_name).await.unwrap(), store.audit_log_count(&all()).await.unwrap()), (1, 2));
}

async fn a_change_and_its_line_are_there_together_or_not_at_all(bench: Bench) {
    let store = bench.node().await;
    let change = [ObjectChange::Put(object())];
    assert!(!store.change_objects(7, &change, &[line(NOW)], NOW).await.unwrap(), "a state that never was");
    assert_eq!(store.audit_log(&all()).await.unwrap(), []);
    // The same id twice is a line that cannot be written.
    let twice = line(NOW);
    assert!(store.change_objects(0, &change, &[twice.clone(), twice.clone()], NOW).await.is_err());
    assert_eq!(
        (store.audit_log(&all()).await.unwrap(), store.objects_since(0).await.unwrap().changes.len()),
        (vec![], 0)
    );
    assert!(store.change_objects(0, &change, std::slice::from_ref(&twice), NOW).await.unwrap());
    assert_eq!(store.audit_log(&all()).await.unwrap(), std::slice::from_ref(&twice));

    let person = Revoked::User(UserId::random());
    assert!(store.revoke_telling(&person, &[twice], NOW).await.is_err(), "there is a line with its id");
    store.revoke_telling(&person, &[line(NOW)], NOW).await.unwrap();
    assert_eq!(store.audit_log_count(&all()).await.unwrap(), 2);
}

/// Deeds that change no object: what a line cannot be written of was not done,
/// and it can be done with a line that can.
async fn no_deed_is_done_without_its_line(bench: Bench) {
    let store = bench.node().await;
    let taken = line(NOW);
    store.log_audit(&taken).await.unwrap();
    let bad = std::slice::from_ref(&taken);
    let (id, bob) = (UserId::random(), email("bob@corp.test"));
    let session = session_of("alice@corp.test");
    let alice = store.user(&session.identity.email, session.identity.user_uuid, NOW).await.unwrap();
    store.open_session(&session).await.unwrap();
    for (name, state) in [("a", KeyState::Current), ("b", KeyState::Next)] {
        assert!(store.add_key(&key(name), state, NOW).await.unwrap());
    }
    let person = store.person(alice).await.unwrap().unwrap();

    assert!(store.add_person(id, &bob, None, bad, NOW).await.is_err());
    assert_eq!(store.person(id).await.unwrap(), None);
    assert!(store.rename_person(&person, "Al", bad, NOW).await.is_err());
    assert!(store.set_seats(&[(alice, false)], bad, NOW).await.is_err());
    assert!(store.remove_person(alice, bad, NOW).await.is_err());
    assert_eq!(store.person(alice).await.unwrap(), Some(person.clone()));
    assert!(store.session(&session.nonce).await.unwrap().is_some(), "nor was anything of theirs ended");
    assert!(store.promote_next("a", NOW, bad, NOW).await.is_err());
    let current = store.keys().await.unwrap().into_iter().find(|key| key.state == KeyState::Current);
    assert_eq!(current.map(|key| key.kid).as_deref(), Some("a"));
    assert!(store.begin_policy_test("t", bad, NOW).await.is_err());
    assert!(store.policy_test("t", NOW).await.unwrap().is_none());
    assert_eq!(store.audit_log_count(&all()).await.unwrap(), 1);

    assert!(store.add_person(id, &bob, None, &[line(NOW)], NOW).await.unwrap());
    assert!(store.rename_person(&person, "Al", &[line(NOW)], NOW).await.unwrap());
    assert!(store.set_seats(&[(alice, false), (id, false)], &[line(NOW), line(NOW)], NOW).await.unwrap());
    assert!(store.promote_next("a", NOW, &[line(NOW)], NOW).await.unwrap());
    assert!(store.begin_policy_test("t", &[line(NOW)], NOW).await.unwrap());
    assert!(store.remove_person(alice, &[line(NOW)], NOW).await.unwrap());
    assert!(store.session(&session.nonce).await.unwrap().is_none(), "what is theirs ends with them");
    assert_eq!(store.audit_log_count(&all()).await.unwrap(), 8);
    assert!(!store.add_person(id, &bob, None, &[line(NOW)], NOW).await.unwrap());
    assert!(!store.remove_person(alice, &[line(NOW)], NOW).await.unwrap());
    assert_eq!(store.audit_log_count(&all()).await.unwrap(), 8, "what was not done is not told as done");
}

async fn old_lines_are_forgotten(bench: Bench) {
    let store = bench.node().await;
    let later = NOW.plus(Lifetime::from_secs(60));
    let many: Vec<AuditEntry> = (0..250).map(|_| line(NOW)).collect();
    assert!(store.change_objects(0, &[ObjectChange::Put(object())], &many, NOW).await.unwrap());
    store.log_audit(&line(later)).await.unwrap();
    assert_eq!(store.forget_audit_log(later).await.unwrap(), 250);
    assert_eq!(store.audit_log(&all()).await.unwrap().len(), 1);
    store.reset().await.unwrap();
    assert_eq!(store.audit_log_count(&all()).await.unwrap(), 0, "an emulator begins anew");
}
