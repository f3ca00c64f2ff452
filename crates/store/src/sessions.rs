//! People and their sign-ins.

use doorward_model::email::Email;
use doorward_model::id::{IdentityNonce, UserId};
use doorward_model::identity::Identity;
use doorward_model::session::Session;
use doorward_model::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::people::searched;
use crate::statement::{Row, number, query, text, unreadable};

/// How a sign-in is written by this version. Who changes the meaning of what
/// is written counts it up; a node of the version before then lets its people
/// sign in again rather than misread it.
const FORMAT: i64 = 1;

impl Store {
    /// The id of the person with this address: `id_if_new` at the first
    /// sign-in, the same ever after.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn user(&self, email: &Email, id_if_new: UserId, now: Timestamp) -> Result<UserId, StoreError> {
        // The update is what makes RETURNING give the row that was there before.
        let rows = self
            .database()
            .change_returning(
                query(
                    "INSERT INTO users (id, email, search_text, created_at, last_seen_at) VALUES ($1, $2, $2, $3, $3) \
                     ON CONFLICT (email) DO UPDATE SET last_seen_at = excluded.last_seen_at RETURNING id",
                )
                .bind(id_if_new.to_string())
                .bind(email.as_str().to_owned())
                .bind(now.0),
            )
            .await?;
        let row = rows.first().ok_or_else(|| unreadable("id", "no row came back"))?;
        text(row, "id")?.parse().map_err(|error| unreadable("id", error))
    }

    /// Keeps what was last known about a person, who has just signed in. A
    /// name that the provider does not tell stays what it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_identity(&self, identity: &Identity, now: Timestamp) -> Result<(), StoreError> {
        self.keep_identity(identity, true, now).await
    }

    /// The same of somebody who proved who they are and was refused: that is no
    /// sign-in, and takes no seat.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_refused(&self, identity: &Identity, now: Timestamp) -> Result<(), StoreError> {
        self.keep_identity(identity, false, now).await
    }

    async fn keep_identity(&self, identity: &Identity, signed_in: bool, now: Timestamp) -> Result<(), StoreError> {
        self.database()
            .change(
                query(
                    "UPDATE users SET identity = $1, last_seen_at = $2, updated_at = $2, \
                     signed_in_at = CASE WHEN $6 = 1 THEN $2 ELSE signed_in_at END, \
                     name = COALESCE($4, name), search_text = CASE WHEN $4 IS NULL THEN search_text ELSE $5 END \
                     WHERE id = $3",
                )
                .bind(json(identity))
                .bind(now.0)
                .bind(identity.user_uuid.to_string())
                .bind(identity.name.clone())
                .bind(searched(&identity.email, identity.name.as_deref()))
                .bind(i64::from(signed_in)),
            )
            .await
            .map(|_| ())
    }

    /// Keeps a new sign-in.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_session(&self, session: &Session) -> Result<(), StoreError> {
        self.database()
            .change(
                query(
                    "INSERT INTO sessions (nonce, user_id, email, identity, created_at, expires_at, format) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                )
                .bind(session.nonce.as_str().to_owned())
                .bind(session.identity.user_uuid.to_string())
                .bind(session.identity.email.as_str().to_owned())
                .bind(json(&session.identity))
                .bind(session.created_at.0)
                .bind(session.expires_at.0)
                .bind(FORMAT),
            )
            .await
            .map(|_| ())
    }

    /// Keeps another identity with a sign-in, if that has not ended and its
    /// identity is still the one of `session`; says whether.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn amend_session(&self, session: &Session, identity: &Identity) -> Result<bool, StoreError> {
        self.database()
            .change(
                query("UPDATE sessions SET identity = $1 WHERE nonce = $2 AND identity = $3 AND ended_at IS NULL")
                    .bind(json(identity))
                    .bind(session.nonce.as_str().to_owned())
                    .bind(json(&session.identity)),
            )
            .await
            .map(|rows| rows == 1)
    }

    /// The sign-in with this nonce, unless it was ended or is written in a form
    /// that only a newer version knows. It is there for some time after its
    /// expiry, because tokens may outlive the organisation session; whether it
    /// is live is the caller's question ([`Session::is_live`]).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session(&self, nonce: &IdentityNonce) -> Result<Option<Session>, StoreError> {
        let rows = self
            .database()
            .rows(|| {
                query(
                    "SELECT nonce, identity, created_at, expires_at FROM sessions \
                     WHERE nonce = $1 AND ended_at IS NULL AND format <= $2",
                )
                .bind(nonce.as_str().to_owned())
                .bind(FORMAT)
            })
            .await?;
        rows.first().map(session).transpose()
    }

    /// The newest sign-in of a person that was not ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_session(&self, email: &Email) -> Result<Option<Session>, StoreError> {
        let rows = self
            .database()
            .rows(|| {
                query(
                    "SELECT nonce, identity, created_at, expires_at FROM sessions \
                     WHERE email = $1 AND ended_at IS NULL AND format <= $2 \
                     ORDER BY created_at DESC, expires_at DESC LIMIT 1",
                )
                .bind(email.as_str().to_owned())
                .bind(FORMAT)
            })
            .await?;
        rows.first().map(session).transpose()
    }
}

impl Store {
    /// The sign-ins of a person that have not ended, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn active_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let rows = self
            .database()
            .rows(|| {
                query(
                    "SELECT nonce, identity, created_at, expires_at FROM sessions \
                     WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND format <= $3 \
                     ORDER BY created_at DESC, nonce",
                )
                .bind(user.to_string())
                .bind(now.0)
                .bind(FORMAT)
            })
            .await?;
        rows.iter().map(session).collect()
    }
}

fn session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        nonce: IdentityNonce::from_text(&text(row, "nonce")?),
        identity: serde_json::from_str(&text(row, "identity")?).map_err(|error| unreadable("identity", error))?,
        created_at: Timestamp(number(row, "created_at")?),
        expires_at: Timestamp(number(row, "expires_at")?),
    })
}

fn json(identity: &Identity) -> String {
    // JSON knows U+0000, Postgres' text does not, and serde_json writes it as the escape \u0000, which both take.
    serde_json::to_string(identity).expect("an identity has text keys only")
}
