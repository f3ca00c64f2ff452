//! Look-up by host and path in a time that does not grow with the number of
//! entries: one hash probe for the exact host, one for each label of it for
//! wildcard hosts. A copy shares the entries of every host.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::specificity;
use crate::host::HostPattern;
use crate::path::{NormPath, PathPattern};

#[derive(Clone, Debug)]
pub(super) struct HostIndex<T> {
    exact: HashMap<Arc<str>, Arc<Vec<Exact<T>>>>,
    /// Keyed by the labels after the last one that has a star, so that a host
    /// meets only patterns that end as it does.
    wildcard: HashMap<Arc<str>, Arc<Vec<Wildcard<T>>>>,
}

type Exact<T> = (PathPattern, T);
type Wildcard<T> = (HostPattern, PathPattern, T);

impl<T> Default for HostIndex<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), wildcard: HashMap::new() }
    }
}

impl<T: Clone> HostIndex<T> {
    pub(super) fn insert(&mut self, host: &HostPattern, path: &PathPattern, value: T) {
        if host.is_exact() {
            let entries = Arc::make_mut(self.exact.entry(host.as_str().into()).or_default());
            entries.push((path.clone(), value));
            entries.sort_by_key(|(path, _)| Reverse(specificity(path)));
        } else {
            let entries = Arc::make_mut(self.wildcard.entry(fixed_suffix(host.as_str()).into()).or_default());
            entries.push((host.clone(), path.clone(), value));
        }
    }

    /// Takes out what is there for exactly this host and path, where `is_it` says so.
    pub(super) fn remove(&mut self, host: &HostPattern, path: &PathPattern, is_it: impl Fn(&T) -> bool) {
        if host.is_exact() {
            retain(&mut self.exact, host.as_str(), |(known, value)| known != path || !is_it(value));
        } else {
            retain(&mut self.wildcard, fixed_suffix(host.as_str()), |(pattern, known, value)| {
                pattern != host || known != path || !is_it(value)
            });
        }
    }
}

fn retain<E: Clone>(entries: &mut HashMap<Arc<str>, Arc<Vec<E>>>, key: &str, keep: impl FnMut(&E) -> bool) {
    let Some(list) = entries.get_mut(key) else { return };
    Arc::make_mut(list).retain(keep);
    if list.is_empty() {
        entries.remove(key);
    }
}

impl<T> HostIndex<T> {
    /// All entries, in no particular order.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        let exact = self.exact.values().flat_map(|entries| entries.iter().map(|(_, value)| value));
        exact.chain(self.wildcard.values().flat_map(|entries| entries.iter().map(|(_, _, value)| value)))
    }

    /// What is there for exactly this host and path.
    pub(super) fn at(&self, host: &HostPattern, path: &PathPattern) -> Option<&T> {
        if host.is_exact() {
            let entries = self.exact.get(host.as_str())?;
            return entries.iter().find(|(known, _)| known == path).map(|(_, value)| value);
        }
        let entries = self.wildcard.get(fixed_suffix(host.as_str()))?;
        entries.iter().find(|(pattern, known, _)| pattern == host && known == path).map(|(_, _, value)| value)
    }

    /// Whether any entry is for this host, whatever its path.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.exact.contains_key(name)
            || suffixes(name)
                .filter_map(|suffix| self.wildcard.get(suffix))
                .flat_map(|entries| entries.iter())
                .any(|(host, _, _)| host.matches(name))
    }

    /// The exact host before any wildcard; among wildcards the one with more
    /// fixed labels; then the longer literal path, then fewer stars.
    pub(super) fn find(&self, name: &str, path: &NormPath) -> Option<&T> {
        let exact = self.exact.get(name).and_then(|entries| entries.iter().find(|(pattern, _)| pattern.matches(path)));
        if let Some((_, value)) = exact {
            return Some(value);
        }
        if self.wildcard.is_empty() {
            return None;
        }
        suffixes(name)
            .filter_map(|suffix| self.wildcard.get(suffix))
            .flat_map(|entries| entries.iter())
            .filter(|(host, pattern, _)| host.matches(name) && pattern.matches(path))
            .max_by_key(|(host, pattern, _)| (host.fixed_labels(), specificity(pattern), Reverse(host.as_str().len())))
            .map(|(_, _, value)| value)
    }
}

/// `a.*.example.com` → `example.com`; `*test` → the empty text.
fn fixed_suffix(pattern: &str) -> &str {
    let after_star = &pattern[pattern.rfind('*').map_or(0, |at| at + 1)..];
    after_star.split_once('.').map_or("", |(_, suffix)| suffix)
}

/// Every proper suffix of whole labels: of `a.b.c` these are `b.c`, `c` and the empty one.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    name.char_indices().filter(|(_, c)| *c == '.').map(|(at, _)| &name[at + 1..]).chain(std::iter::once(""))
}
