//! What is configured, on its one way into force: documents in the store, a
//! copy of them in memory, and the catalog that decides about requests.
//!
//! Whoever changes something plans the change on a state, and the store takes
//! it only if that is still the state; so every check was made on exactly what
//! is changed. A change is in force here when the call returns, and on the
//! other nodes as soon as they hear of it. Nothing is ever half in force: what
//! cannot become a catalog is not written, and not taken over.

mod audit;
mod declared;
mod entries;
mod follow;
mod set;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use doorward_model::app::Refresh;
use doorward_model::audit::Author;
use doorward_model::catalog::{Catalog, Change, Parts};
use doorward_model::document::{Content, KEY_CONFIGURATION, Key, KeyConfigurationDocument, Kind, Unreadable};
use doorward_model::idp::IdentityProvider;
use doorward_model::live::LiveCatalog;
use doorward_model::site::Team;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{ObjectChange, Store, StoreError};

pub use crate::set::Set;

/// What of a catalog no object says.
#[derive(Clone, Debug)]
pub struct Setting {
    pub team: Team,
    /// Who renews tokens where an application does not say.
    pub refresh: Refresh,
}

/// A configuration file's objects.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The name under which messages speak of the file.
    pub file: String,
    pub objects: Vec<(Key, Content)>,
    /// The emulator's own provider, which each process has for itself.
    pub built_in: Option<IdentityProvider>,
}

/// Why a change was not made. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The file wants what something else has already.
    #[error("{0}")]
    Conflict(String),
    #[error("what is configured is being changed from elsewhere without a pause; try again")]
    Contended,
}

/// What is configured. Clones are handles to the same.
#[derive(Clone)]
pub struct Objects(Arc<Inner>);

struct Inner {
    store: Store,
    setting: Setting,
    set: ArcSwap<Set>,
    catalog: LiveCatalog,
    /// One change of this process at a time; what others do is the store's to order.
    changing: tokio::sync::Mutex<()>,
    declared: Mutex<Option<Declared>>,
    follow: follow::Follow,
}

/// The generation of a catalog that holds nothing yet.
const NOTHING: u64 = 0;
/// How often a change is planned anew because another node was faster.
const ATTEMPTS: usize = 20;

impl Objects {
    /// Reads what is configured, and puts a file's objects in force as
    /// [`Objects::declare`] does.
    ///
    /// # Errors
    /// When the database does not answer, an object cannot be read, or the
    /// file contradicts what the API configured.
    pub async fn open(
        store: Store,
        setting: Setting,
        declared: Declared,
        now: Timestamp,
    ) -> Result<Self, ObjectsError> {
        let read = store.objects_since(0).await?;
        let set = Set::default().with(read.changes, read.seq);
        // Nobody sees this one: the first to be seen has the file's objects in it.
        let empty = Catalog::new(nothing(&setting.team), NOTHING);
        let objects = Self(Arc::new(Inner {
            store,
            setting,
            set: ArcSwap::from_pointee(set),
            catalog: LiveCatalog::new(empty),
            changing: tokio::sync::Mutex::default(),
            declared: Mutex::default(),
            follow: follow::Follow::default(),
        }));
        objects.declare(declared, now).await?;
        Ok(objects)
    }

    /// The snapshot that decides.
    #[must_use]
    pub fn catalog(&self) -> &LiveCatalog {
        &self.0.catalog
    }

    /// All objects as they are now.
    #[must_use]
    pub fn current(&self) -> Arc<Set> {
        self.0.set.load_full()
    }

    /// The name of this process's configuration file, which owns what it declares.
    #[must_use]
    pub fn file(&self) -> String {
        self.declared().as_ref().map(|declared| declared.file.clone()).unwrap_or_default()
    }

    /// How long one signing key signs, where somebody decided it.
    #[must_use]
    pub fn key_rotation_interval(&self) -> Option<Lifetime> {
        let set = self.current();
        let decided = set.get(&Key::new(Kind::KeyConfiguration, KEY_CONFIGURATION))?;
        let days = decided.document::<KeyConfigurationDocument>().ok()?.key_rotation_interval_days;
        Some(Lifetime::from_days(i64::from(days)))
    }

    /// Makes a file's objects those that files declare: on every node, until
    /// another file is put in force. What the API made stays.
    ///
    /// # Errors
    /// When it could not be stored, or contradicts what the API configured.
    pub async fn declare(&self, declared: Declared, now: Timestamp) -> Result<(), ObjectsError> {
        let _alone = self.0.changing.lock().await;
        let built_in = [Change::BuiltIn(declared.built_in.clone().map(Arc::new))];
        let author = Author::file(&declared.file);
        for _ in 0..ATTEMPTS {
            let set = self.current();
            let changes = declared.changes(&set, now)?;
            if self.write(&author, &set, changes, &built_in, now).await? {
                *self.declared() = Some(declared);
                self.0.follow.is_ours();
                return Ok(());
            }
            self.catch_up(Look::SinceLast).await?;
        }
        Err(ObjectsError::Contended)
    }

    /// Makes a change of somebody's that `plan` derives from the state it is
    /// shown. It may be asked several times, each time with a newer state. What
    /// was changed is in the audit log when it is made.
    ///
    /// # Errors
    /// The plan's own, and ours.
    pub async fn change<T, E: From<ObjectsError>>(
        &self,
        author: &Author,
        now: Timestamp,
        plan: impl Fn(&Set) -> Result<(Vec<ObjectChange>, T), E>,
    ) -> Result<T, E> {
        let _alone = self.0.changing.lock().await;
        for _ in 0..ATTEMPTS {
            let set = self.current();
            let (changes, outcome) = plan(&set)?;
            if changes.is_empty() || self.write(author, &set, changes, &[], now).await? {
                return Ok(outcome);
            }
            self.catch_up(Look::SinceLast).await.map_err(E::from)?;
        }
        Err(ObjectsError::Contended.into())
    }

    /// `false`: the objects are no longer as in `set`.
    async fn write(
        &self,
        author: &Author,
        set: &Set,
        changes: Vec<ObjectChange>,
        more: &[Change],
        now: Timestamp,
    ) -> Result<bool, ObjectsError> {
        let something = !changes.is_empty();
        let after = set.with(changes.clone(), set.seq() + i64::from(something));
        let mut entries = self.entries(&after, &changes)?;
        entries.extend_from_slice(more);
        let told = audit::entries(author, set, &changes, now);
        if something && !self.0.store.change_objects(set.seq(), &changes, &told, now).await? {
            return Ok(false);
        }
        audit::log(&told);
        self.0.set.store(Arc::new(after));
        self.show(entries);
        Ok(true)
    }

    /// What a state means to the catalog in force, which holds nothing at first.
    fn entries(&self, after: &Set, changes: &[ObjectChange]) -> Result<Vec<Change>, Unreadable> {
        match self.0.catalog.load().generation() {
            NOTHING => entries::all(after, &self.0.setting),
            _ => entries::changed(after, changes, &self.0.setting),
        }
    }

    /// From now on requests are decided by it.
    fn show(&self, entries: Vec<Change>) {
        self.0.catalog.update(|catalog| catalog.with(entries.clone(), catalog.generation() + 1));
    }

    fn declared(&self) -> std::sync::MutexGuard<'_, Option<Declared>> {
        self.0.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far back a look at the store goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    SinceLast,
    /// At everything, whatever was seen before.
    Whole,
}

/// The catalog of a file's objects alone, without a store.
///
/// # Errors
/// When an object cannot be read, which a file that was checked does not cause.
pub fn catalog_of(setting: &Setting, declared: Declared, generation: u64) -> Result<Catalog, ObjectsError> {
    let changes = declared.changes(&Set::default(), Timestamp::from_secs(0))?;
    let mut entries = entries::all(&Set::default().with(changes, 0), setting)?;
    entries.push(Change::BuiltIn(declared.built_in.map(Arc::new)));
    Ok(Catalog::new(nothing(&setting.team), NOTHING).with(entries, generation))
}

fn nothing(team: &Team) -> Parts {
    let (apps, groups, idps, service_tokens, routes) = Default::default();
    Parts { team: team.clone(), apps, groups, idps, service_tokens, routes }
}
