//! Namespaces: teams beside the process's own, each with keys, people, clock,
//! applications, recorder, faults and sign-ins of its own, made and ended by a
//! call. Here is the book of them and the calls that keep it; how a team is
//! put together is its [`Founder`]'s business.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use doorward_model::id::AccountId;
use doorward_model::secret::random_hex;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tower::ServiceExt as _;

use crate::control;

/// Namespaces at once.
pub const MOST_NAMESPACES: usize = 1000;

/// Where the management API keeps accounts.
const ACCOUNTS: &str = "/client/v4/accounts/";

/// A team of its own, as long as it lasts.
pub trait Namespace: Send + Sync {
    /// Everything that a client has to know of it.
    fn told(&self) -> Value;
    /// Its control API, with paths that begin with `/emulator/v1`.
    fn control(&self) -> Router;
    /// Its management API, with paths that begin with `/client/v4`.
    fn api(&self) -> Router;
    fn account(&self) -> &AccountId;
    /// How long nobody has asked its hosts for anything.
    fn idle(&self) -> Duration;
    /// What has to be done now and then: keys that are due, rows that expired.
    fn tend(&self) -> BoxFuture<'_, ()>;
    /// Makes its hosts unknown and ends what they still send.
    fn end(&self);
}

/// Makes namespaces.
pub trait Founder: Send + Sync {
    fn found(&self, order: Order) -> BoxFuture<'_, Result<Arc<dyn Namespace>, NotFounded>>;
    /// How many could be made without a wait for keys. Asking sees to it that there are more.
    fn ready(&self) -> usize;
}

/// What a namespace is to be.
#[derive(Clone, Debug)]
pub struct Order {
    pub name: String,
    /// What its keys follow from; else they are made by chance.
    pub seed: Option<String>,
    pub start: Start,
}

/// What is configured in it.
#[derive(Clone, Debug)]
pub enum Start {
    /// What is configured for the process's own team at this moment.
    Copy,
    /// Tables of a configuration file.
    Tables(Map<String, Value>),
}

/// Why there is no such namespace. The texts are for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFounded {
    /// Its hosts are somebody else's.
    Taken(String),
    /// What was asked for makes no team.
    Unusable(String),
    /// The log says why.
    Failed,
}

/// All namespaces of a process.
pub struct Namespaces {
    founder: Arc<dyn Founder>,
    book: Mutex<HashMap<String, Page>>,
}

/// What is known under a name.
enum Page {
    /// It is being made.
    Reserved,
    There(There),
}

#[derive(Clone)]
struct There {
    namespace: Arc<dyn Namespace>,
    /// How long it stays when nobody asks it for anything.
    stays: Option<Duration>,
    /// When a call last named it.
    called: Instant,
}

/// Why a name is not to be had.
pub(crate) enum NoPlace {
    Taken,
    /// There are as many as there may be.
    Full,
    NotFounded(NotFounded),
}

impl Namespaces {
    #[must_use]
    pub fn new(founder: Arc<dyn Founder>) -> Arc<Self> {
        Arc::new(Self { founder, book: Mutex::default() })
    }

    /// The calls about namespaces, and below each of them its control API.
    pub fn router(self: &Arc<Self>) -> Router {
        control::namespaces::router(Arc::clone(self))
    }

    /// Leads calls of the management API to the account that they name.
    pub fn with_accounts(self: &Arc<Self>, api: Router) -> Router {
        let namespaces = Arc::clone(self);
        api.layer(middleware::from_fn(move |request: Request, next: Next| {
            let own = namespaces.of_account(request.uri().path());
            async move {
                match own {
                    Some(namespace) => answered(namespace.api(), request).await,
                    None => next.run(request).await,
                }
            }
        }))
    }

    /// What has to be done now and then.
    pub async fn tend(&self) {
        self.sweep();
        for namespace in self.all() {
            namespace.tend().await;
        }
    }

    /// Ends those that nobody has asked for anything for as long as they stay.
    fn sweep(&self) {
        let over = |there: &There| {
            let idle = there.namespace.idle().min(there.called.elapsed());
            there.stays.is_some_and(|stays| idle >= stays)
        };
        let mut book = self.book();
        let names: Vec<String> = book.iter().filter(|(_, page)| page.there().is_some_and(over)).map(named).collect();
        let gone: Vec<Page> = names.iter().filter_map(|name| book.remove(name)).collect();
        drop(book);
        for (name, page) in names.iter().zip(gone) {
            tracing::info!(namespace = name, "nobody used the namespace {name} any more; it was dropped");
            page.end();
        }
    }

    /// Ends all of them.
    pub fn end(&self) {
        let pages: Vec<Page> = self.book().drain().map(|(_, page)| page).collect();
        pages.iter().for_each(Page::end);
    }

    pub(crate) fn ready(&self) -> usize {
        self.founder.ready()
    }

    /// A namespace of this name, or of one that is free.
    pub(crate) async fn found(
        &self,
        name: Option<String>,
        seed: Option<String>,
        start: Start,
        stays: Option<Duration>,
    ) -> Result<Arc<dyn Namespace>, NoPlace> {
        let name = self.reserved(name)?;
        // Given back however this ends: a caller may leave in the middle.
        let mut place = Place { namespaces: self, name: &name, kept: false };
        let order = Order { name: name.clone(), seed, start };
        let namespace = self.founder.found(order).await.map_err(NoPlace::NotFounded)?;
        let there = There { namespace: Arc::clone(&namespace), stays, called: Instant::now() };
        self.book().insert(name.clone(), Page::There(there));
        place.kept = true;
        Ok(namespace)
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn Namespace>> {
        let book = self.book();
        let mut all: Vec<_> = book.iter().filter_map(|(name, page)| Some((name, &page.there()?.namespace))).collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter().map(|(_, namespace)| Arc::clone(namespace)).collect()
    }

    /// The one of this name, which is used from now on.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<dyn Namespace>> {
        match self.book().get_mut(name)? {
            Page::Reserved => None,
            Page::There(there) => {
                there.called = Instant::now();
                Some(Arc::clone(&there.namespace))
            }
        }
    }

    /// Says whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let mut book = self.book();
        let Entry::Occupied(known) = book.entry(name.to_owned()) else { return false };
        if known.get().there().is_none() {
            return false;
        }
        let page = known.remove();
        drop(book);
        page.end();
        true
    }

    fn reserved(&self, name: Option<String>) -> Result<String, NoPlace> {
        let mut book = self.book();
        if book.len() >= MOST_NAMESPACES {
            return Err(NoPlace::Full);
        }
        let name = name.unwrap_or_else(|| format!("ns-{}", random_hex::<5>()));
        if book.contains_key(&name) {
            return Err(NoPlace::Taken);
        }
        book.insert(name.clone(), Page::Reserved);
        Ok(name)
    }

    fn of_account(&self, path: &str) -> Option<Arc<dyn Namespace>> {
        let account = path.strip_prefix(ACCOUNTS)?.split('/').next()?;
        let mut book = self.book();
        let there = book.values_mut().filter_map(|page| match page {
            Page::There(there) => Some(there),
            Page::Reserved => None,
        });
        let found = there.into_iter().find(|there| there.namespace.account().as_str() == account)?;
        found.called = Instant::now();
        Some(Arc::clone(&found.namespace))
    }

    fn book(&self) -> MutexGuard<'_, HashMap<String, Page>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    const fn there(&self) -> Option<&There> {
        match self {
            Self::Reserved => None,
            Self::There(there) => Some(there),
        }
    }

    fn end(&self) {
        if let Some(there) = self.there() {
            there.namespace.end();
        }
    }
}

fn named((name, _): (&String, &Page)) -> String {
    name.clone()
}

/// A name that is held while its namespace is made.
struct Place<'a> {
    namespaces: &'a Namespaces,
    name: &'a str,
    kept: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.namespaces.book().remove(self.name);
        }
    }
}

/// Asks a site of its own, which is to know nothing of the way to it.
pub(crate) async fn answered(site: Router, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut own = Request::new(body);
    *own.method_mut() = parts.method;
    *own.uri_mut() = parts.uri;
    *own.version_mut() = parts.version;
    *own.headers_mut() = parts.headers;
    let Ok(response) = site.oneshot(own).await;
    response
}

#[cfg(test)]
mod tests;
