//! Revoking, and bringing what other nodes revoked into memory.

use std::time::Instant;

use doorward_model::audit::AuditEntry;
use doorward_model::id::{Aud, IdentityNonce};
use doorward_model::session::Revoked;
use doorward_model::time::{Clock, Lifetime, Timestamp};

use crate::Store;
use crate::approvals::ended_approvals;
use crate::audit_log::logged;
use crate::database::{Step, also, must};
use crate::error::StoreError;
use crate::postgres::Topic;
use crate::revocations::Mark;
use crate::statement::{Row, Statement, number, optional_number, optional_text, query, text, unreadable};

/// No token lives longer than 31 days; a day more covers clocks that differ
/// and tokens that are renewed a little after their end.
pub(crate) const LONGEST_TOKEN: Lifetime = Lifetime::from_days(32);

impl Store {
    /// Ends a session, everything of a person, or every token of an
    /// application. When this returns it is durable and in force on this node;
    /// on the others it is within a moment.
    ///
    /// # Errors
    /// When it could not be stored. Then it is not to be reported as done.
    pub async fn revoke(&self, what: &Revoked, now: Timestamp) -> Result<(), StoreError> {
        self.revoke_telling(what, &[], now).await
    }

    /// The same, with lines of the audit log that tell of it.
    ///
    /// # Errors
    /// When it could not be stored, the lines included.
    pub async fn revoke_telling(&self, what: &Revoked, told: &[AuditEntry], now: Timestamp) -> Result<(), StoreError> {
        let revoked = self.revoke_with(what, Vec::new(), told, now).await?;
        if revoked { Ok(()) } else { Err(no_number()) }
    }

    /// The same after steps that have to succeed, all in one: `false` when one does not.
    pub(crate) async fn revoke_with(
        &self,
        what: &Revoked,
        before: Vec<Step>,
        told: &[AuditEntry],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let not_before = self.0.revocations.second_to_cover(now);
        let expires_at = now.plus(LONGEST_TOKEN);
        let written_at = Some(Clock::system().now());
        let mark = Mark { what: what.clone(), not_before, expires_at, written_at };
        let mut steps = before;
        steps.extend([must(next_number()), must(recorded(&mark))]);
        steps.extend(marked_sessions(&mark));
        steps.extend(ended_sessions(what, now));
        if let Revoked::User(user) = what {
            steps.push(ended_approvals(*user));
        }
        steps.extend(logged(told));
        if self.database().all_or_nothing(self.announced(Topic::Revocations, steps)).await?.is_none() {
            return Ok(false);
        }
        self.0.revocations.add(mark);
        if let Revoked::User(_) = what {
            // The marks of the person's sessions. What was revoked stays so if they
            // cannot be read now; the watch reads them again.
            let _read_later = self.catch_up_with_revocations().await;
        }
        Ok(true)
    }

    /// Reads all revocations. To be done before the first request is served;
    /// [`Store::watch`] does it from then on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refresh_revocations(&self) -> Result<(), StoreError> {
        self.learn(0).await
    }

    /// Reads the revocations made since the last read.
    ///
    /// A number is taken under a lock that is held until the commit (see
    /// `next_number`), so that nothing smaller than a number seen can still appear.
    pub(crate) async fn catch_up_with_revocations(&self) -> Result<(), StoreError> {
        self.learn(self.0.revocations.heard()).await
    }

    /// Forgets what is in memory for what the database holds.
    pub(crate) async fn reload_revocations(&self) -> Result<(), StoreError> {
        let asked = Instant::now();
        let read = self.read_marks(0).await?;
        self.0.revocations.replace(read.marks);
        self.0.revocations.heard_up_to(read.counted);
        self.0.revocations.refreshed_at(asked);
        Ok(())
    }

    /// The steps, and a word to the other nodes when there can be any.
    pub(crate) fn announced(&self, topic: Topic, mut steps: Vec<Step>) -> Vec<Step> {
        if self.is_postgres() {
            steps.push(also(topic.announcement()));
        }
        steps
    }

    /// Takes over the marks after this number. They count as fresh when they
    /// are in force, and as of the moment they were asked for.
    async fn learn(&self, after: i64) -> Result<(), StoreError> {
        let (asked, first) = (Instant::now(), !self.0.revocations.are_loaded());
        let mut read = self.read_marks(after).await?;
        if read.counted < after {
            // Numbers that were heard are given once more: after a failover that lost
            // commits, or from a backup. What is in memory stays.
            read = self.read_marks(0).await?;
        }
        let written = self.0.revocations.absorb(read.marks);
        self.0.revocations.heard_up_to(read.counted);
        self.0.revocations.refreshed_at(asked);
        // What a node finds when it starts was not late.
        if !first {
            let now = Clock::system().now();
            written.into_iter().for_each(|at| self.0.propagation.observe(now.since(at).as_std().as_secs_f64()));
        }
        self.move_marks().await
    }

    /// Tells the other nodes of marks that this one had to move behind its own
    /// tokens. What cannot be told now is told with the next look.
    async fn move_marks(&self) -> Result<(), StoreError> {
        let owed = self.0.revocations.owed();
        if owed.is_empty() {
            return Ok(());
        }
        let mut steps = vec![must(next_number())];
        steps.extend(owed.iter().map(|mark| must(recorded(mark))));
        if self.watching().all_or_nothing(self.announced(Topic::Revocations, steps)).await?.is_none() {
            return Err(no_number());
        }
        self.0.revocations.paid(&owed);
        Ok(())
    }

    /// One statement, so that the marks are all there are up to the number.
    async fn read_marks(&self, after: i64) -> Result<Read, StoreError> {
        let columns = "SELECT sequences.value AS counted, kind, subject, not_before, expires_at, written_at \
                       FROM sequences LEFT JOIN revocations ON revocations.seq > $1 \
                       WHERE sequences.name = 'revocations'";
        let rows = self.watching().rows(|| query(columns).bind(after)).await?;
        let Some(first) = rows.first() else { return Err(no_number()) };
        let counted = number(first, "counted")?;
        let marks = rows.iter().filter_map(|row| mark(row).transpose()).collect::<Result<_, _>>()?;
        Ok(Read { marks, counted })
    }
}

/// What the database says of revocations.
struct Read {
    marks: Vec<Mark>,
    /// The number of the last one.
    counted: i64,
}

fn no_number() -> StoreError {
    unreadable("sequences.value", "the row revocations is gone")
}

fn next_number() -> Statement {
    query("UPDATE sequences SET value = value + 1 WHERE name = 'revocations'")
}

/// A mark that is there already is only ever moved forward: a node whose clock
/// is behind must not bring tokens back to life.
fn recorded(mark: &Mark) -> Statement {
    let (kind, subject) = columns(&mark.what);
    query(
        "INSERT INTO revocations (kind, subject, not_before, expires_at, written_at, seq) \
         VALUES ($1, $2, $3, $4, $5, (SELECT value FROM sequences WHERE name = 'revocations')) \
         ON CONFLICT (kind, subject) DO UPDATE SET seq = excluded.seq, written_at = excluded.written_at, \
         not_before = CASE WHEN excluded.not_before > revocations.not_before \
         THEN excluded.not_before ELSE revocations.not_before END, \
         expires_at = CASE WHEN excluded.expires_at > revocations.expires_at \
         THEN excluded.expires_at ELSE revocations.expires_at END",
    )
    .bind(kind)
    .bind(subject)
    .bind(mark.not_before)
    .bind(mark.expires_at.0)
    .bind(mark.written_at.map(|at| at.0))
}

/// A person's open sessions are marked one by one as well: their tokens end
/// whatever second another node's clock dated them to.
fn marked_sessions(mark: &Mark) -> Option<Step> {
    let Revoked::User(user) = &mark.what else { return None };
    let statement = query(
        "INSERT INTO revocations (kind, subject, not_before, expires_at, seq) \
         SELECT 'session', nonce, $1, $2, (SELECT value FROM sequences WHERE name = 'revocations') \
         FROM sessions WHERE user_id = $3 AND ended_at IS NULL \
         ON CONFLICT (kind, subject) DO NOTHING",
    );
    Some(also(statement.bind(mark.not_before).bind(mark.expires_at.0).bind(user.to_string())))
}

fn ended_sessions(what: &Revoked, now: Timestamp) -> Option<Step> {
    let statement = match what {
        Revoked::Session(_) => "UPDATE sessions SET ended_at = $1 WHERE nonce = $2 AND ended_at IS NULL",
        Revoked::User(_) => "UPDATE sessions SET ended_at = $1 WHERE user_id = $2 AND ended_at IS NULL",
        Revoked::App(_) => return None,
    };
    let (_, subject) = columns(what);
    Some(also(query(statement).bind(now.0).bind(subject)))
}

fn columns(what: &Revoked) -> (&'static str, String) {
    match what {
        Revoked::Session(nonce) => ("session", nonce.as_str().to_owned()),
        Revoked::User(id) => ("user", id.to_string()),
        Revoked::App(aud) => ("app", aud.as_str().to_owned()),
    }
}

/// `None`: the row is there for the number alone.
fn mark(row: &Row) -> Result<Option<Mark>, StoreError> {
    let Some(kind) = optional_text(row, "kind")? else { return Ok(None) };
    let subject = text(row, "subject")?;
    let what = match kind.as_str() {
        "session" => Revoked::Session(IdentityNonce::from_text(&subject)),
        "user" => Revoked::User(subject.parse().map_err(|error| unreadable("subject", error))?),
        "app" => Revoked::App(Aud::try_from(subject).map_err(|error| unreadable("subject", error))?),
        kind => return Err(unreadable("kind", kind)),
    };
    Ok(Some(Mark {
        what,
        not_before: number(row, "not_before")?,
        expires_at: Timestamp(number(row, "expires_at")?),
        written_at: optional_number(row, "written_at")?.map(Timestamp),
    }))
}
