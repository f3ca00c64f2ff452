//! Things that work once: a sign-in's way back from its provider, and the
//! hand-over of a finished sign-in. Both are kept by digest, so that nobody
//! who reads the database can use them.

use doorward_model::login::Handoff;
use doorward_model::secret::{Secret, random_bytes, sha256_hex};
use doorward_model::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::{query, text};

/// What the keys of hand-overs are sealed for, so that they are known as ours.
const HANDOFF: &str = "key of a hand-over";

impl Store {
    /// Uses an attempt up. `true` for exactly one caller, on all nodes together.
    ///
    /// # Errors
    /// When the database does not answer; the attempt may then be used up.
    pub async fn use_attempt(&self, attempt: &str, expires_at: Timestamp) -> Result<bool, StoreError> {
        self.database()
            .change(
                query("INSERT INTO attempts (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(sha256_hex(attempt))
                    .bind(expires_at.0),
            )
            .await
            .map(|rows| rows == 1)
    }

    /// Leaves a finished sign-in to be collected by whoever knows the key,
    /// which is URL-safe text.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn leave_handoff(&self, handoff: &Handoff) -> Result<Secret, StoreError> {
        let key = Secret::new(self.sealer().seal(HANDOFF, &random_bytes::<16>()));
        self.database()
            .change(
                query("INSERT INTO handoffs (digest, handoff, expires_at) VALUES ($1, $2, $3)")
                    .bind(key.digest().to_hex())
                    .bind(serde_json::to_string(handoff).expect("a hand-over has text keys only"))
                    .bind(handoff.expires_at.0),
            )
            .await?;
        Ok(key)
    }

    /// Takes a finished sign-in away. Exactly one caller gets it, on all
    /// nodes together, and nobody once it is out of time. One that a newer
    /// version left in a form of its own is nobody's: its person signs in again.
    ///
    /// # Errors
    /// When the database does not answer; the hand-over may then be gone.
    pub async fn collect_handoff(&self, key: &Secret, now: Timestamp) -> Result<Option<Handoff>, StoreError> {
        // Keys that a stranger made up cost the database nothing.
        if self.sealer().open(HANDOFF, key.expose()).is_none() {
            return Ok(None);
        }
        let rows = self
            .database()
            .change_returning(
                query("DELETE FROM handoffs WHERE digest = $1 RETURNING handoff").bind(key.digest().to_hex()),
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let handoff: Option<Handoff> = serde_json::from_str(&text(row, "handoff")?)
            .inspect_err(|error| tracing::warn!(%error, "a hand-over cannot be read; its person signs in again"))
            .ok();
        Ok(handoff.filter(|handoff| now < handoff.expires_at))
    }
}
