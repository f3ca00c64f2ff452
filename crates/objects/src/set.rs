//! All objects in memory: what plans of changes look at, and what the
//! management API gives back. A new state shares with the one before it the
//! objects that did not change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use doorward_model::document::{Key, Kind, Object};
use doorward_store::ObjectChange;

/// The objects at one moment.
#[derive(Clone, Debug, Default)]
pub struct Set {
    seq: i64,
    kinds: BTreeMap<Kind, Arc<HashMap<Key, Arc<Object>>>>,
}

impl Set {
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.kinds.get(&key.kind)?.get(key)
    }

    /// All objects of a kind, in no particular order.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Arc<Object>> {
        self.kinds.get(&kind).into_iter().flat_map(|objects| objects.values())
    }

    /// Everything, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.kinds.values().flat_map(|objects| objects.values())
    }

    /// The number of the change that made it.
    pub(crate) const fn seq(&self) -> i64 {
        self.seq
    }

    /// The state after these changes.
    pub(crate) fn with(&self, changes: Vec<ObjectChange>, seq: i64) -> Self {
        let mut kinds = self.kinds.clone();
        for change in changes {
            let key = key_of(&change).clone();
            let objects = Arc::make_mut(kinds.entry(key.kind).or_default());
            match change {
                ObjectChange::Put(object) => drop(objects.insert(key, Arc::new(object))),
                ObjectChange::Remove(_) => drop(objects.remove(&key)),
            }
        }
        Self { seq, kinds }
    }

    /// Those of the changes that make a difference.
    pub(crate) fn different(&self, changes: Vec<ObjectChange>) -> Vec<ObjectChange> {
        let differs = |change: &ObjectChange| match change {
            ObjectChange::Put(object) => self.get(&object.key).is_none_or(|known| **known != *object),
            ObjectChange::Remove(key) => self.get(key).is_some(),
        };
        changes.into_iter().filter(differs).collect()
    }
}

pub(crate) const fn key_of(change: &ObjectChange) -> &Key {
    match change {
        ObjectChange::Put(object) => &object.key,
        ObjectChange::Remove(key) => key,
    }
}
