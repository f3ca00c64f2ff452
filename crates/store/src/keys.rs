//! Signing keys: one current, one next, and the previous ones while validators
//! may still hold tokens of theirs. When to rotate is decided elsewhere; that
//! a rotation has one winner is decided here.

use std::fmt;

use doorward_model::audit::AuditEntry;
use doorward_model::time::Timestamp;
use zeroize::Zeroizing;

use crate::Store;
use crate::audit_log::logged;
use crate::database::{Step, also, must};
use crate::error::{KeyMismatch, LostKeys, StoreError};
use crate::postgres::Topic;
use crate::statement::{Row, number, optional_number, query, text, unreadable};

/// What a key is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published ahead of time, signs nothing yet.
    Next,
    /// Signs.
    Current,
    /// Signs no more; what it signed is accepted until it retires.
    Previous,
}

/// A key to be kept. No `Debug`: it is the private key itself.
pub struct NewKey {
    pub kid: String,
    pub pkcs8: Zeroizing<Vec<u8>>,
    pub certificate_pem: String,
}

/// A kept key, opened.
#[derive(Clone)]
pub struct StoredKey {
    pub kid: String,
    pub pkcs8: Zeroizing<Vec<u8>>,
    pub certificate_pem: String,
    pub state: KeyState,
    pub created_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When nothing it signed is accepted any more.
    pub retires_at: Option<Timestamp>,
}

impl Store {
    /// All keys, the oldest first. None means that this installation never had any.
    ///
    /// # Errors
    /// [`StoreError::MissingKey`] when there were keys and they are gone.
    pub async fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let rows = self
            .database()
            .rows(|| {
                query(
                    "SELECT kid, state, pkcs8_sealed, certificate_pem, created_at, activated_at, retires_at \
                     FROM signing_keys ORDER BY created_at, kid",
                )
            })
            .await?;
        if rows.is_empty() && self.had_keys().await? {
            return Err(StoreError::MissingKey(LostKeys::SigningKeys));
        }
        rows.iter().map(|row| self.opened(row)).collect()
    }

    /// Keeps a new key as the next or the current one. `false`: another node
    /// was faster, and its key is to be used.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_key(&self, new: &NewKey, state: KeyState, now: Timestamp) -> Result<bool, StoreError> {
        let insert = query(
            "INSERT INTO signing_keys (kid, state, pkcs8_sealed, certificate_pem, created_at, activated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(new.kid.clone())
        .bind(state.as_str())
        .bind(self.sealer().seal(&sealed_as(&new.kid), &new.pkcs8))
        .bind(new.certificate_pem.clone())
        .bind(now.0)
        .bind((state == KeyState::Current).then_some(now.0));
        let mark = query("INSERT INTO installation (name, value) VALUES ('keys', 'made') ON CONFLICT DO NOTHING");
        self.change_keys(vec![must(insert), also(mark)]).await.map(|rows| rows > 0)
    }

    /// Makes the next key the current one, and the current one previous until
    /// `retires_at`, with the lines of the audit log that tell of it. `false`:
    /// `current_kid` is not the current key (any more), or there is no next one;
    /// nothing was changed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn promote_next(
        &self,
        current_kid: &str,
        retires_at: Timestamp,
        told: &[AuditEntry],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let demote =
            query("UPDATE signing_keys SET state = 'previous', retires_at = $1 WHERE kid = $2 AND state = 'current'")
                .bind(retires_at.0)
                .bind(current_kid.to_owned());
        let promote =
            query("UPDATE signing_keys SET state = 'current', activated_at = $1 WHERE state = 'next'").bind(now.0);
        let steps = [must(demote), must(promote)].into_iter().chain(logged(told));
        self.change_keys(steps.collect()).await.map(|rows| rows > 0)
    }

    /// Deletes the previous keys whose time is over, and says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retire_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM signing_keys WHERE state = 'previous' AND retires_at <= $1";
        self.change_keys(vec![must(query(statement).bind(now.0))]).await
    }

    /// Deletes all previous keys at once: what they signed is refused from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn drop_previous(&self) -> Result<u64, StoreError> {
        self.change_keys(vec![must(query("DELETE FROM signing_keys WHERE state = 'previous'"))]).await
    }

    /// Which keys there are in which state: changes whenever the keys change.
    pub(crate) async fn key_fingerprint(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.watching().rows(|| query("SELECT kid, state FROM signing_keys ORDER BY kid")).await?;
        rows.iter().map(|row| Ok((text(row, "kid")?, text(row, "state")?))).collect()
    }

    /// Changes keys and tells everybody. Gives the rows that the first step
    /// changed: none, when nothing was changed.
    async fn change_keys(&self, steps: Vec<Step>) -> Result<u64, StoreError> {
        let changed = self.database().all_or_nothing(self.announced(Topic::Keys, steps)).await?;
        if changed.is_some() {
            self.0.keys_changed.notify_one();
        }
        Ok(changed.unwrap_or(0))
    }

    async fn had_keys(&self) -> Result<bool, StoreError> {
        let rows = self.database().rows(|| query("SELECT value FROM installation WHERE name = 'keys'")).await?;
        Ok(!rows.is_empty())
    }

    fn opened(&self, row: &Row) -> Result<StoredKey, StoreError> {
        let kid = text(row, "kid")?;
        let pkcs8 = self
            .sealer()
            .open(&sealed_as(&kid), &text(row, "pkcs8_sealed")?)
            .ok_or(StoreError::WrongKey(KeyMismatch::DamagedValue))?;
        let state = text(row, "state")?;
        Ok(StoredKey {
            kid,
            pkcs8: Zeroizing::new(pkcs8),
            certificate_pem: text(row, "certificate_pem")?,
            state: KeyState::from_text(&state).ok_or_else(|| unreadable("state", state))?,
            created_at: Timestamp(number(row, "created_at")?),
            activated_at: optional_number(row, "activated_at")?.map(Timestamp),
            retires_at: optional_number(row, "retires_at")?.map(Timestamp),
        })
    }
}

/// The purpose names the key, so that a sealed key moved to another row does not open.
fn sealed_as(kid: &str) -> String {
    format!("signing key {kid}")
}

impl KeyState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        [Self::Next, Self::Current, Self::Previous].into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey").field("kid", &self.kid).field("state", &self.state).finish_non_exhaustive()
    }
}
