//! The life of the signing keys: made when there are none, always one ahead,
//! rotated in time, the same on every node. What a key is, and when it is due,
//! is the signer's to know; keeping them sealed is the store's.

mod shared;

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use doorward_emulator::{Seed, Stock};
use doorward_model::audit::AuditEntry;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_signer::{KeyError, Keyring, Signer, SigningKey, rotation};
use doorward_store::{KeyState, NewKey, Store, StoreError, StoredKey};
use tokio::sync::Mutex;

const CERTIFICATE_LIFE: Lifetime = Lifetime::from_days(365);

/// Why the keys could not be loaded, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the signing key {kid} in the store cannot be read ({source}); restore the store from a backup")]
    Unreadable { kid: String, source: KeyError },
    #[error("the store holds signing keys, but none that signs; restore it from a backup")]
    NoneSigns,
    #[error("a signing key could not be made: the work was ended")]
    Ended,
}

/// The keys of one installation, seen from this node.
pub(crate) struct Keys {
    store: Store,
    signer: Arc<Signer>,
    clock: Clock,
    maker: Arc<Maker>,
    /// Two rotations at once on one node would waste a key.
    changing: Mutex<()>,
    changed: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Since when the current key signs.
    since: AtomicI64,
    interval: OnceLock<Box<dyn Fn() -> Option<Lifetime> + Send + Sync>>,
}

impl Keys {
    /// The keys of the store; a fresh store is given its first two.
    pub(crate) async fn open(store: Store, clock: Clock, maker: Maker) -> Result<Arc<Self>, KeysError> {
        let maker = Arc::new(maker);
        let mut stored = store.keys().await?;
        if stored.is_empty() {
            let now = clock.now();
            let (current, next) = tokio::join!(maker.key(now), maker.key(now));
            // Another node may have been first; then its keys are everybody's.
            store.add_key(&new_key(&current?), KeyState::Current, now).await?;
            store.add_key(&new_key(&next?), KeyState::Next, now).await?;
            stored = store.keys().await?;
        }
        let signer = Arc::new(Signer::new(maker.keyring(&stored)?));
        Ok(Arc::new(Self {
            store,
            signer,
            clock,
            maker,
            changing: Mutex::new(()),
            changed: OnceLock::new(),
            since: AtomicI64::new(since(&stored).0),
            interval: OnceLock::new(),
        }))
    }

    pub(crate) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.signer)
    }

    /// How many seconds the current key has signed, and in how many it is
    /// rotated, which may be overdue.
    pub(crate) fn age(&self, now: Timestamp) -> (i64, i64) {
        let since = self.since();
        (now.since(since).secs(), since.plus(self.interval()).secs() - now.secs())
    }

    /// Since when the current key signs.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp(self.since.load(Ordering::Relaxed))
    }

    /// How long one key signs. `None` is the usual time. Told once, by whoever wires.
    pub(crate) fn rotate_every(&self, interval: impl Fn() -> Option<Lifetime> + Send + Sync + 'static) {
        let _already_told = self.interval.set(Box::new(interval));
    }

    fn interval(&self) -> Lifetime {
        self.interval.get().and_then(|interval| interval()).unwrap_or(rotation::INTERVAL)
    }

    /// What to do whenever the keys in force have changed: what was verified with
    /// a key that is gone must be verified again. Told once, by whoever wires.
    pub(crate) fn on_change(&self, changed: impl Fn() + Send + Sync + 'static) {
        let _already_told = self.changed.set(Box::new(changed));
    }

    /// Takes over what the store holds: another node may have changed it.
    pub(crate) async fn reload(&self) -> Result<(), KeysError> {
        let stored = self.store.keys().await?;
        self.signer.replace(self.maker.keyring(&stored)?);
        self.since.store(since(&stored).0, Ordering::Relaxed);
        if let Some(changed) = self.changed.get() {
            changed();
        }
        Ok(())
    }

    /// What is due: a rotation, a key for the next one, the end of old keys.
    pub(crate) async fn tend(&self) -> Result<(), KeysError> {
        let now = self.clock.now();
        let stored = self.store.keys().await?;
        let current = stored.iter().find(|key| key.state == KeyState::Current).ok_or(KeysError::NoneSigns)?;
        if rotation::due(current.activated_at.unwrap_or(current.created_at), self.interval(), now) {
            return self.replace(&current.kid, false, &[]).await;
        }
        let retired = self.store.retire_keys(now).await?;
        let made = self.ensure_next(&stored).await?;
        if retired > 0 || made {
            self.reload().await?;
        }
        Ok(())
    }

    /// Lets the next key sign from now on. Tokens of the key before it stay
    /// valid for the overlap, unless it is dropped at once. `told` are the lines
    /// of the audit log about it.
    pub(crate) async fn rotate(&self, drop_previous: bool, told: &[AuditEntry]) -> Result<(), KeysError> {
        let stored = self.store.keys().await?;
        let current = stored.iter().find(|key| key.state == KeyState::Current).ok_or(KeysError::NoneSigns)?;
        self.replace(&current.kid, drop_previous, told).await
    }

    /// Lets the next key sign in the place of this one. When another node did so
    /// in the meantime, its rotation is everybody's: a key that was due is
    /// replaced once, however many nodes saw that it was.
    async fn replace(&self, kid: &str, drop_previous: bool, told: &[AuditEntry]) -> Result<(), KeysError> {
        let _alone = self.changing.lock().await;
        self.ensure_next(&self.store.keys().await?).await?;
        let now = self.clock.now();
        let promoted = self.store.promote_next(kid, now.plus(rotation::OVERLAP), told, now).await?;
        if !promoted {
            // The change was another's, the deed was done all the same.
            for line in told {
                self.store.log_audit(line).await?;
            }
        }
        if drop_previous {
            self.store.drop_previous().await?;
        }
        self.ensure_next(&self.store.keys().await?).await?;
        self.reload().await?;
        if promoted {
            tracing::info!(key.id = self.signer.load().current_kid(), "the signing key was rotated");
        }
        Ok(())
    }

    /// Makes the next key ahead of its time, so that validators and other
    /// nodes can know it before it signs. Says whether one was missing.
    async fn ensure_next(&self, stored: &[StoredKey]) -> Result<bool, KeysError> {
        if stored.iter().any(|key| key.state == KeyState::Next) {
            return Ok(false);
        }
        let now = self.clock.now();
        // A seed, as other emulators do, gives a key again that the store has had before.
        let tries = if matches!(self.maker.source, Source::Seed(_) | Source::Shared) { stored.len() + 1 } else { 1 };
        for _ in 0..tries {
            let next = self.maker.key(now).await?;
            if self.store.add_key(&new_key(&next), KeyState::Next, now).await? {
                break;
            }
        }
        Ok(true)
    }
}

/// How keys are made, and made anew from the store.
pub(crate) struct Maker {
    /// Certificates are made out to it.
    pub(crate) team_domain: String,
    /// An emulator's keys are known by their names.
    pub(crate) emulator: bool,
    pub(crate) source: Source,
    /// How many were made.
    pub(crate) made: AtomicU32,
}

/// Where keys come from.
pub(crate) enum Source {
    Chance,
    /// What an emulator's keys follow from.
    Seed(Seed),
    /// Those of an emulator's namespaces.
    Stock(Arc<Stock>),
    /// Those of the other emulators in this process.
    Shared,
}

impl Source {
    pub(crate) fn of(seed: Option<String>) -> Self {
        seed.map_or(Self::Chance, |seed| Self::Seed(Seed::new(seed)))
    }
}

impl Maker {
    /// A new key pair. It takes a good part of a second, so it gets a thread of its own.
    /// Which of a seed's keys it is, the order of the calls decides.
    fn key(self: &Arc<Self>, now: Timestamp) -> impl Future<Output = Result<SigningKey, KeysError>> + use<> {
        let (maker, number) = (Arc::clone(self), self.made.fetch_add(1, Ordering::Relaxed));
        let made = move || match &maker.source {
            Source::Seed(seed) => seed.signing_key(number, &maker.team_domain),
            Source::Chance => SigningKey::generate(&maker.team_domain, now),
            Source::Stock(stock) => from_stock(stock, &maker.team_domain, now),
            Source::Shared => shared::key(number, &maker.team_domain, now),
        };
        let maker = Arc::clone(self);
        async move {
            let made = tokio::task::spawn_blocking(made).await.map_err(|_| KeysError::Ended)?;
            maker.refill();
            Ok(maker.named(made))
        }
    }

    /// Sees to it that the next ones need not be waited for.
    fn refill(&self) {
        if let Source::Stock(stock) = &self.source {
            refill(stock);
        }
    }

    fn named(&self, key: SigningKey) -> SigningKey {
        if self.emulator { key.marked() } else { key }
    }

    /// The keys in force. As Access does, two are published: the current one and
    /// the previous one or, while there is none, the next one. The next one is
    /// accepted in any case: a node that has not yet heard of a rotation must
    /// believe what the others sign now.
    fn keyring(&self, stored: &[StoredKey]) -> Result<Keyring, KeysError> {
        let keys = stored.iter().map(|stored| Ok((stored.state, read(stored)?)));
        let keys: Vec<(KeyState, Arc<SigningKey>)> = keys.collect::<Result<_, KeysError>>()?;
        let named = |key: &Arc<SigningKey>| if self.emulator { Arc::new(key.marked()) } else { Arc::clone(key) };
        let of_state = |wanted: KeyState| keys.iter().filter(move |(state, _)| *state == wanted);
        let of_state = |wanted| of_state(wanted).map(|(_, key)| named(key));
        let current = of_state(KeyState::Current).next().ok_or(KeysError::NoneSigns)?;
        let next: Vec<_> = of_state(KeyState::Next).collect();
        let previous: Vec<_> = of_state(KeyState::Previous).collect();
        let others = if previous.is_empty() { next.clone() } else { previous };
        // An emulator's older versions signed with its keys under their own names, before
        // they were marked; nobody is to sign in again.
        let own_names = keys.iter().filter(|_| self.emulator).map(|(_, key)| Arc::clone(key));
        let accepted = next.into_iter().chain(own_names).collect();
        Ok(Keyring::new(current, others).also_accepting(accepted))
    }
}

/// Makes keys ahead of their use, where few lie ready.
pub(crate) fn refill(stock: &Arc<Stock>) {
    if stock.runs_low() {
        let stock = Arc::clone(stock);
        tokio::task::spawn_blocking(move || stock.fill());
    }
}

fn from_stock(stock: &Stock, team_domain: &str, now: Timestamp) -> SigningKey {
    let key = stock.ready().unwrap_or_else(|| stock.made());
    SigningKey::from_pkcs8(&key, team_domain, now, CERTIFICATE_LIFE).expect("a stock has RSA keys of 2048 bits")
}

fn read(stored: &StoredKey) -> Result<Arc<SigningKey>, KeysError> {
    SigningKey::from_stored(&stored.pkcs8, &stored.certificate_pem)
        .map(Arc::new)
        .map_err(|source| KeysError::Unreadable { kid: stored.kid.clone(), source })
}

/// Since when the key that signs does so.
fn since(stored: &[StoredKey]) -> Timestamp {
    let current = stored.iter().find(|key| key.state == KeyState::Current);
    current.map_or(Timestamp(0), |key| key.activated_at.unwrap_or(key.created_at))
}

fn new_key(key: &SigningKey) -> NewKey {
    NewKey { kid: key.kid().to_owned(), pkcs8: key.to_pkcs8(), certificate_pem: key.certificate_pem().to_owned() }
}
