//! People, sign-ins and revocations as one value, to go back to: what the
//! emulator's snapshots keep. Rows are kept as they are; what is in them is
//! for the other modules to understand.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::database::{Step, must};
use crate::error::StoreError;
use crate::postgres::Topic;
use crate::statement::{Row, number, optional_number, optional_text, query, text};
use crate::upkeep::people_forgotten;

/// What was saved. Made by a store of this schema, for a store of this schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    users: Vec<User>,
    sessions: Vec<SignIn>,
    revocations: Vec<Revocation>,
    /// Older snapshots have none.
    #[serde(default)]
    entries: Vec<KeptEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    id: String,
    email: String,
    identity: Option<String>,
    created_at: i64,
    last_seen_at: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    search_text: Option<String>,
    #[serde(default)]
    updated_at: Option<i64>,
    #[serde(default)]
    signed_in_at: Option<i64>,
    #[serde(default)]
    seat_removed_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    nonce: String,
    user_id: String,
    email: String,
    identity: String,
    created_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    format: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    kind: String,
    subject: String,
    not_before: i64,
    expires_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptEntry {
    digest: String,
    entry: String,
    expires_at: i64,
}

impl Store {
    /// Everything that a snapshot keeps.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn saved(&self) -> Result<Saved, StoreError> {
        let database = self.database();
        let users = || {
            query(
                "SELECT id, email, identity, created_at, last_seen_at, name, search_text, updated_at, signed_in_at, \
                 seat_removed_at FROM users ORDER BY email",
            )
        };
        let sessions = || {
            query(
                "SELECT nonce, user_id, email, identity, created_at, expires_at, ended_at, format FROM sessions \
                 ORDER BY created_at, nonce",
            )
        };
        let revocations =
            || query("SELECT kind, subject, not_before, expires_at FROM revocations ORDER BY kind, subject");
        let entries = || query("SELECT digest, entry, expires_at FROM entries ORDER BY digest");
        Ok(Saved {
            users: database.rows(users).await?.iter().map(User::read).collect::<Result<_, _>>()?,
            sessions: database.rows(sessions).await?.iter().map(SignIn::read).collect::<Result<_, _>>()?,
            revocations: database.rows(revocations).await?.iter().map(Revocation::read).collect::<Result<_, _>>()?,
            entries: database.rows(entries).await?.iter().map(KeptEntry::read).collect::<Result<_, _>>()?,
        })
    }

    /// Makes what was saved all there is, on all nodes. For the emulator alone:
    /// what was revoked since is not revoked any more.
    ///
    /// # Errors
    /// When the database does not answer, or does not take what was saved; then
    /// nothing was changed.
    pub async fn restore(&self, saved: Saved) -> Result<(), StoreError> {
        let mut steps = people_forgotten();
        steps.extend(saved.users.into_iter().map(User::kept));
        steps.extend(saved.sessions.into_iter().map(SignIn::kept));
        steps.extend(saved.revocations.into_iter().map(Revocation::kept));
        steps.extend(saved.entries.into_iter().map(KeptEntry::kept));
        self.database().all_or_nothing(self.announced(Topic::Reset, steps)).await?;
        self.0.revocations.replace(Vec::new());
        self.refresh_revocations().await
    }
}

impl User {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: text(row, "id")?,
            email: text(row, "email")?,
            identity: optional_text(row, "identity")?,
            created_at: number(row, "created_at")?,
            last_seen_at: number(row, "last_seen_at")?,
            name: optional_text(row, "name")?,
            search_text: optional_text(row, "search_text")?,
            updated_at: optional_number(row, "updated_at")?,
            signed_in_at: optional_number(row, "signed_in_at")?,
            seat_removed_at: optional_number(row, "seat_removed_at")?,
        })
    }

    fn kept(self) -> Step {
        must(
            query(
                "INSERT INTO users (id, email, identity, created_at, last_seen_at, name, search_text, updated_at, \
                 signed_in_at, seat_removed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(self.id)
            .bind(self.email)
            .bind(self.identity)
            .bind(self.created_at)
            .bind(self.last_seen_at)
            .bind(self.name)
            .bind(self.search_text)
            .bind(self.updated_at)
            .bind(self.signed_in_at)
            .bind(self.seat_removed_at),
        )
    }
}

impl SignIn {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            nonce: text(row, "nonce")?,
            user_id: text(row, "user_id")?,
            email: text(row, "email")?,
            identity: text(row, "identity")?,
            created_at: number(row, "created_at")?,
            expires_at: number(row, "expires_at")?,
            ended_at: optional_number(row, "ended_at")?,
            format: number(row, "format")?,
        })
    }

    fn kept(self) -> Step {
        must(
            query(
                "INSERT INTO sessions (nonce, user_id, email, identity, created_at, expires_at, ended_at, format) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(self.nonce)
            .bind(self.user_id)
            .bind(self.email)
            .bind(self.identity)
            .bind(self.created_at)
            .bind(self.expires_at)
            .bind(self.ended_at)
            .bind(self.format),
        )
    }
}

impl Revocation {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            kind: text(row, "kind")?,
            subject: text(row, "subject")?,
            not_before: number(row, "not_before")?,
            expires_at: number(row, "expires_at")?,
        })
    }

    /// Its number is a new one: whoever reads what came after the last one has to see it.
    fn kept(self) -> Step {
        must(
            query(
                "INSERT INTO revocations (kind, subject, not_before, expires_at, seq) \
                 VALUES ($1, $2, $3, $4, (SELECT value FROM sequences WHERE name = 'revocations'))",
            )
            .bind(self.kind)
            .bind(self.subject)
            .bind(self.not_before)
            .bind(self.expires_at),
        )
    }
}

impl KeptEntry {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { digest: text(row, "digest")?, entry: text(row, "entry")?, expires_at: number(row, "expires_at")? })
    }

    fn kept(self) -> Step {
        must(
            query("INSERT INTO entries (digest, entry, expires_at) VALUES ($1, $2, $3)")
                .bind(self.digest)
                .bind(self.entry)
                .bind(self.expires_at),
        )
    }
}
