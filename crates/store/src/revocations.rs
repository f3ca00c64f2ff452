//! What was revoked, in memory: the one question that every request asks and
//! that must not cost a look into the database.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use doorward_model::id::{Aud, IdentityNonce, UserId};
use doorward_model::session::{Bearings, Revoked};
use doorward_model::time::Timestamp;

/// Without news from the database for longer than this, and for longer than was
/// configured, nothing that is in memory is believed (I10).
pub(crate) const FRESH_FOR: Duration = Duration::from_secs(30);

/// Tokens issued further in the future than this are refused by our own
/// verifier, in seconds; they need no revocation.
const REACH_OF_VERIFIERS: i64 = 30;

/// How much later than a mark a token may be dated that was there before it:
/// twice what verifiers bear, for nodes of which one is behind and one ahead.
/// What is dated later still is of a clock that was moved.
const REACH_OF_CLOCKS: i64 = 2 * REACH_OF_VERIFIERS;

/// Subjects of tokens of which is remembered when the last one was dated; from
/// so many on, those are forgotten that no mark can come for any more.
const MOST_ISSUED: usize = 4096;

/// The "not before" marks in force. What was issued in or before the second of
/// a mark that concerns it is revoked.
#[derive(Debug)]
pub struct Revocations {
    marks: RwLock<Marks>,
    version: AtomicU64,
    /// The number of the last change that is in memory.
    heard: AtomicI64,
    /// How long they are believed without news.
    fresh_for: Duration,
    began: Instant,
    /// Milliseconds after `began`, plus one; zero: never.
    refreshed: AtomicU64,
    /// The latest second, beyond its own, that a token was told to carry as `iat`.
    furthest_iat: AtomicI64,
    issued: Mutex<Issued>,
    /// Marks that were heard of after this node had issued tokens that are
    /// dated later, moved behind those, until the database has them.
    owed: Mutex<Vec<Mark>>,
}

/// When the last tokens were dated that this node issued, by whom and what they are for.
#[derive(Debug, Default)]
struct Issued {
    users: HashMap<UserId, i64>,
    apps: HashMap<Aud, i64>,
    tidied: usize,
}

/// One mark as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) what: Revoked,
    /// Seconds since the epoch.
    pub(crate) not_before: i64,
    pub(crate) expires_at: Timestamp,
    /// When the revocation was written that it is of, if the node said so.
    pub(crate) written_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Marks {
    sessions: HashMap<IdentityNonce, Bound>,
    users: HashMap<UserId, Bound>,
    apps: HashMap<Aud, Bound>,
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    not_before: i64,
    expires_at: Timestamp,
    /// Of which revocation.
    written_at: Option<Timestamp>,
}

impl Revocations {
    /// No marks yet, to be believed for so long after each news from the database.
    pub(crate) fn believed_for(time: Duration) -> Self {
        Self { fresh_for: time.min(FRESH_FOR), ..Self::default() }
    }

    /// No marks yet, and none will come from elsewhere: what this process knows is all there is.
    pub(crate) fn of_one_process() -> Self {
        let revocations = Self { fresh_for: Duration::MAX, ..Self::default() };
        revocations.refreshed_at(Instant::now());
        revocations
    }

    /// Whether a token with these bearings was revoked. Ask [`Self::is_fresh`] too.
    #[must_use]
    pub fn is_revoked(&self, bearings: &Bearings) -> bool {
        self.has_ended(bearings.session.as_ref()) || self.not_before(bearings).is_some_and(|mark| bearings.iat <= mark)
    }

    /// The latest mark that concerns these bearings, in seconds since the epoch.
    #[must_use]
    pub fn not_before(&self, bearings: &Bearings) -> Option<i64> {
        self.latest(bearings.session.as_ref(), bearings.user.as_ref(), bearings.app.as_ref())
    }

    /// The `iat` that a token minted now must carry: this second, or the first
    /// one that no mark covers.
    #[must_use]
    pub fn earliest_iat(
        &self,
        session: Option<&IdentityNonce>,
        user: Option<&UserId>,
        app: &Aud,
        now: Timestamp,
    ) -> i64 {
        let free = self.latest(session, user, Some(app)).map_or(i64::MIN, |mark| mark.saturating_add(1));
        if free > now.secs() {
            self.furthest_iat.fetch_max(free, Ordering::AcqRel);
        }
        let iat = now.secs().max(free);
        self.issued().note(user, app, iat);
        iat
    }

    /// The second that a revocation made now must cover: this one, or a later
    /// one that a token minted right after an earlier revocation carries
    /// already. Seconds out of a verifier's reach are of a clock that was moved.
    pub(crate) fn second_to_cover(&self, now: Timestamp) -> i64 {
        let furthest = self.furthest_iat.load(Ordering::Acquire);
        if furthest <= now.secs().saturating_add(REACH_OF_VERIFIERS) { now.secs().max(furthest) } else { now.secs() }
    }

    /// Whether the marks are recent enough to be relied upon; whoever asks
    /// fails closed when they are not. The machine's clock counts, not the one
    /// that can be moved.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.is_fresh_at(Instant::now())
    }

    /// Grows with each change: while it stays the same, an answer given before still holds.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Adds a mark of this node's own.
    pub(crate) fn add(&self, own: Mark) {
        self.change(|marks| marks.add(own));
    }

    /// Adds marks. One that is there already is only ever moved forward. Tells
    /// when the revocations were written that are news here.
    ///
    /// A node whose clock is ahead has tokens that are dated after the mark of
    /// one whose clock is behind, and it alone knows of them. So it moves the
    /// mark behind them: here at once, and elsewhere through [`Self::owed`].
    /// It does so once for each revocation, or nodes that go on issuing tokens
    /// would move it for ever.
    pub(crate) fn absorb(&self, new: Vec<Mark>) -> Vec<Timestamp> {
        let mut written = Vec::new();
        self.change(|marks| {
            let mut changed = false;
            for mark in new {
                let news = mark.written_at.filter(|_| !marks.knows(&mark));
                written.extend(news);
                let outlived = news.and_then(|_| self.issued().beyond(&mark));
                changed |= marks.add(mark);
                if let Some(moved) = outlived {
                    changed |= marks.add(moved.clone());
                    self.owing().push(moved);
                }
            }
            changed
        });
        written
    }

    /// Marks that the database does not have yet.
    pub(crate) fn owed(&self) -> Vec<Mark> {
        self.owing().clone()
    }

    /// The database has these now.
    pub(crate) fn paid(&self, marks: &[Mark]) {
        self.owing().retain(|mark| !marks.contains(mark));
    }

    /// Puts other marks into the place of all.
    pub(crate) fn replace(&self, new: Vec<Mark>) {
        self.change(|marks| {
            *marks = Marks::default();
            for mark in new {
                marks.add(mark);
            }
            true
        });
    }

    /// Forgets the marks that no living token can be older than.
    pub(crate) fn forget_expired(&self, now: Timestamp) {
        self.change(|marks| {
            let before = marks.len();
            marks.sessions.retain(|_, bound| now < bound.expires_at);
            marks.users.retain(|_, bound| now < bound.expires_at);
            marks.apps.retain(|_, bound| now < bound.expires_at);
            marks.len() != before
        });
    }

    /// The number of the last change that is in memory.
    pub(crate) fn heard(&self) -> i64 {
        self.heard.load(Ordering::Acquire)
    }

    /// Everything up to this number is in memory. It may be smaller than what
    /// was said before: a replica that took over counts on from what it has.
    pub(crate) fn heard_up_to(&self, number: i64) {
        self.heard.store(number, Ordering::Release);
    }

    /// Whether the marks were read at all.
    pub(crate) fn are_loaded(&self) -> bool {
        self.refreshed.load(Ordering::Acquire) > 0
    }

    /// How long ago they were read; `None` when they never were.
    pub(crate) fn age(&self) -> Option<Duration> {
        let refreshed = self.refreshed.load(Ordering::Acquire).checked_sub(1)?;
        Some(Duration::from_millis(self.millis(Instant::now()).saturating_sub(refreshed)))
    }

    /// All that was committed before `asked` is in memory now.
    pub(crate) fn refreshed_at(&self, asked: Instant) {
        self.refreshed.fetch_max(self.millis(asked).saturating_add(1), Ordering::Release);
    }

    fn is_fresh_at(&self, now: Instant) -> bool {
        let refreshed = self.refreshed.load(Ordering::Acquire);
        refreshed > 0 && u128::from(self.millis(now).saturating_sub(refreshed - 1)) <= self.fresh_for.as_millis()
    }

    /// A session never comes back, so its mark counts whenever its tokens say
    /// that they were issued: clocks of nodes differ.
    fn has_ended(&self, session: Option<&IdentityNonce>) -> bool {
        session.is_some_and(|nonce| self.read().sessions.contains_key(nonce))
    }

    fn latest(&self, session: Option<&IdentityNonce>, user: Option<&UserId>, app: Option<&Aud>) -> Option<i64> {
        let marks = self.read();
        let session = session.and_then(|nonce| marks.sessions.get(nonce));
        let user = user.and_then(|id| marks.users.get(id));
        let app = app.and_then(|aud| marks.apps.get(aud));
        [session, user, app].into_iter().flatten().map(|bound| bound.not_before).max()
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owing(&self) -> MutexGuard<'_, Vec<Mark>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Marks> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Marks) -> bool) {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        if change(&mut marks) {
            // While the lock is held: who sees the new version sees the new marks.
            self.version.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn millis(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self {
            marks: RwLock::default(),
            version: AtomicU64::new(0),
            heard: AtomicI64::new(0),
            fresh_for: FRESH_FOR,
            began: Instant::now(),
            refreshed: AtomicU64::new(0),
            furthest_iat: AtomicI64::new(i64::MIN),
            issued: Mutex::default(),
            owed: Mutex::default(),
        }
    }
}

impl Issued {
    fn note(&mut self, user: Option<&UserId>, app: &Aud, iat: i64) {
        if let Some(user) = user {
            self.users.insert(*user, iat);
        }
        if self.apps.get(app) != Some(&iat) {
            self.apps.insert(app.clone(), iat);
        }
        if self.users.len() + self.apps.len() >= (2 * self.tidied).max(MOST_ISSUED) {
            let too_old = iat.saturating_sub(2 * REACH_OF_CLOCKS);
            self.users.retain(|_, last| *last > too_old);
            self.apps.retain(|_, last| *last > too_old);
            self.tidied = self.users.len() + self.apps.len();
        }
    }

    /// The mark, moved behind what was issued already.
    fn beyond(&self, mark: &Mark) -> Option<Mark> {
        let last = match &mark.what {
            // An ended session stays ended, whatever its tokens say.
            Revoked::Session(_) => None,
            Revoked::User(user) => self.users.get(user),
            Revoked::App(app) => self.apps.get(app),
        };
        let reach = mark.not_before.saturating_add(REACH_OF_CLOCKS);
        let last = *last.filter(|&&last| mark.not_before < last && last <= reach)?;
        Some(Mark { not_before: last, ..mark.clone() })
    }
}

impl Marks {
    /// Whether this revocation was heard of before.
    fn knows(&self, mark: &Mark) -> bool {
        let bound = match &mark.what {
            Revoked::Session(nonce) => self.sessions.get(nonce),
            Revoked::User(id) => self.users.get(id),
            Revoked::App(aud) => self.apps.get(aud),
        };
        bound.is_some_and(|bound| bound.written_at == mark.written_at)
    }

    fn add(&mut self, mark: Mark) -> bool {
        let Mark { not_before, expires_at, written_at, .. } = mark;
        let bound = Bound { not_before, expires_at, written_at };
        match mark.what {
            Revoked::Session(nonce) => raise(&mut self.sessions, nonce, bound),
            Revoked::User(id) => raise(&mut self.users, id, bound),
            Revoked::App(aud) => raise(&mut self.apps, aud, bound),
        }
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.users.len() + self.apps.len()
    }
}

fn raise<K: Eq + Hash>(marks: &mut HashMap<K, Bound>, key: K, new: Bound) -> bool {
    let mut raised = false;
    let bound = marks.entry(key).or_insert_with(|| {
        raised = true;
        new
    });
    raised |= bound.not_before < new.not_before;
    bound.not_before = bound.not_before.max(new.not_before);
    bound.expires_at = bound.expires_at.max(new.expires_at);
    bound.written_at = new.written_at;
    raised
}

#[cfg(test)]
mod tests;
