//! Verified tokens by their whole text. Failures are never kept: a flood of
//! them must not push good tokens out.

use std::sync::Arc;

use bytes::Bytes;

use super::Person;

/// Tokens remembered at most; beyond it the least useful are forgotten and verified again.
const MOST_REMEMBERED: usize = 65_536;

pub(crate) struct Remembered(quick_cache::sync::Cache<Bytes, Arc<Person>>);

impl Remembered {
    pub(crate) fn new() -> Self {
        Self(quick_cache::sync::Cache::new(MOST_REMEMBERED))
    }

    pub(super) fn of(&self, token: &str) -> Option<Arc<Person>> {
        self.0.get(token.as_bytes())
    }

    pub(crate) fn keep(&self, person: &Arc<Person>) {
        self.0.insert(person.token.clone(), Arc::clone(person));
    }

    pub(super) fn forget(&self, token: &str) {
        self.0.remove(token.as_bytes());
    }

    pub(crate) fn forget_all(&self) {
        self.0.clear();
    }
}
