//! The snapshot in force: replaced whole by whoever reads the configuration,
//! read without a lock by every request.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::catalog::Catalog;

/// A handle to the catalog in force. Clones share it.
#[derive(Clone, Debug)]
pub struct LiveCatalog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    current: ArcSwap<Catalog>,
    /// Held by whoever writes, so that a view never shows an older snapshot
    /// than the one it is a view of.
    views: Mutex<Vec<View>>,
}

struct View {
    of: Box<dyn Fn(&Catalog) -> Catalog + Send + Sync>,
    live: LiveCatalog,
}

impl LiveCatalog {
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self(Arc::new(Shared { current: ArcSwap::from_pointee(catalog), views: Mutex::default() }))
    }

    /// The same catalog as others see it, following every change of this one.
    #[must_use]
    pub fn seen_as(&self, of: impl Fn(&Catalog) -> Catalog + Send + Sync + 'static) -> Self {
        let mut views = self.views();
        let live = Self::new(of(&self.load()));
        views.push(View { of: Box::new(of), live: live.clone() });
        live
    }

    /// The snapshot in force now. Keep it for one request, not longer.
    #[must_use]
    pub fn load(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.0.current.load()
    }

    /// The same as an owned handle, for work that crosses threads.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Catalog> {
        self.0.current.load_full()
    }

    /// Changes a part of what is in force, whatever was put in force meanwhile.
    pub fn update(&self, change: impl FnOnce(&Catalog) -> Catalog) {
        let views = self.views();
        let changed = change(&self.load());
        self.put(changed, &views);
    }

    pub fn replace(&self, catalog: Catalog) {
        let views = self.views();
        self.put(catalog, &views);
    }

    fn put(&self, catalog: Catalog, views: &[View]) {
        for view in views {
            view.live.replace((view.of)(&catalog));
        }
        self.0.current.store(Arc::new(catalog));
    }

    fn views(&self) -> MutexGuard<'_, Vec<View>> {
        self.0.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Parts;
    use crate::id::AccountId;
    use crate::site::Team;
    use crate::time::Lifetime;

    fn catalog(generation: u64) -> Catalog {
        let team = Team {
            account: AccountId::derived("acme"),
            name: "acme".into(),
            domain: "acme.cloudflareaccess.com".into(),
            url: "http://acme.localhost".into(),
            host: "acme.localhost".parse().unwrap(),
            session_duration: Lifetime::from_hours(1),
        };
        let nothing =
            Parts { team, apps: vec![], groups: vec![], idps: vec![], service_tokens: vec![], routes: vec![] };
        Catalog::new(nothing, generation)
    }

    #[test]
    fn a_view_follows_every_change_of_what_it_shows() {
        let live = LiveCatalog::new(catalog(1));
        let view = live.seen_as(|catalog| catalog.with_team(Team { domain: "seen".into(), ..catalog.team().clone() }));
        let seen = || (view.load().generation(), view.load().team().domain.clone());
        assert_eq!(seen(), (1, "seen".to_owned()));
        live.replace(catalog(2));
        assert_eq!(seen(), (2, "seen".to_owned()));
        live.clone().update(|_| catalog(3));
        assert_eq!(seen(), (3, "seen".to_owned()));
        assert_eq!(live.load().team().domain, "acme.cloudflareaccess.com");
    }
}
