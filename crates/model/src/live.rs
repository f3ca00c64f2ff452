//! The snapshot in force: replaced whole by whoever reads the configuration,
//! read without a lock by every request.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::catalog::Catalog;

/// A handle to the catalog in force. Clones share it.
#[derive(Clone, Debug)]
pub struct LiveCatalog(Arc<ArcSwap<Catalog>>);

impl LiveCatalog {
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(catalog)))
    }

    /// The snapshot in force now. Keep it for one request, not longer.
    #[must_use]
    pub fn load(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.0.load()
    }

    /// The same as an owned handle, for work that crosses threads.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Catalog> {
        self.0.load_full()
    }

    /// Changes a part of what is in force, whatever was put in force meanwhile.
    /// `change` may run more than once.
    pub fn update(&self, change: impl Fn(&Catalog) -> Catalog) {
        self.0.rcu(|catalog| Arc::new(change(catalog)));
    }

    pub fn replace(&self, catalog: Catalog) {
        self.0.store(Arc::new(catalog));
    }
}
