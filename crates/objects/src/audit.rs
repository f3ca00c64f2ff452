//! What a change is to the audit log, and to the log of this process.

use doorward_model::audit::{AuditEntry, Author, Interface};
use doorward_model::time::Timestamp;
use doorward_store::ObjectChange;
use serde_json::Value;

use crate::set::{Set, key_of};

/// A line for each object that becomes another.
pub(crate) fn entries(author: &Author, set: &Set, changes: &[ObjectChange], now: Timestamp) -> Vec<AuditEntry> {
    let entry = |change: &ObjectChange| {
        let key = key_of(change);
        let after = match change {
            ObjectChange::Put(object) => Some(object),
            ObjectChange::Remove(_) => None,
        };
        AuditEntry::of_change(author, key, set.get(key).map(AsRef::as_ref), after, now)
    };
    changes.iter().map(entry).collect()
}

/// The same for whoever reads along. A file's objects are many, and one line
/// says already that it is in force.
pub(crate) fn log(entries: &[AuditEntry]) {
    for entry in entries.iter().filter(|entry| entry.author.by != Interface::File) {
        let document = |document: &Option<Value>| document.as_ref().map(Value::to_string).unwrap_or_default();
        let (name, (kind, id)) = (&entry.author.name, &entry.resource);
        tracing::info!(
            caller.id = entry.author.id,
            caller.name = name,
            object.kind = kind,
            object.id = id,
            object.before = document(&entry.before),
            object.after = document(&entry.after),
            audit.id = entry.id,
            // Names are callers' words, and a line stays one.
            "{name:?} did {} the {kind} {id:?}",
            entry.action,
        );
    }
}
