//! The audit log.

use doorward_model::audit::{AuditEntry, Author, Interface};
use doorward_model::document::{Content, Key, Kind, NoExtension, Object, Owner};
use doorward_model::id::UserId;
use doorward_model::session::Revoked;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{AuditQuery, ObjectChange};
use serde_json::json;

use crate::bench::{Bench, NOW};

crate::on_both_databases! {
    a_line_is_read_as_it_was_written
    a_change_and_its_line_are_there_together_or_not_at_all
    old_lines_are_forgotten
}

crate::in_memory_too! {
    a_line_is_read_as_it_was_written
    a_change_and_its_line_are_there_together_or_not_at_all
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
