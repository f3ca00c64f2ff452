//! Which tokens were made after more was given than who somebody is. They are
//! kept by digest, so that nobody who reads the database can use them.

use doorward_model::purpose::Entry;
use doorward_model::secret::sha256_hex;
use doorward_model::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::{query, text};

impl Store {
    /// Keeps what was given for the entry that this token is for, as long as
    /// the token lives. To be done before anybody gets the token.
    ///
    /// # Errors
    /// When the database does not answer. Then the token is not to be handed out.
    pub async fn keep_entry(&self, token: &str, entry: &Entry, expires_at: Timestamp) -> Result<(), StoreError> {
        self.database()
            .change(
                query("INSERT INTO entries (digest, entry, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                    .bind(sha256_hex(token))
                    .bind(serde_json::to_string(entry).expect("an entry has text keys only"))
                    .bind(expires_at.0),
            )
            .await
            .map(|_| ())
    }

    /// What was given for the entry that this token is for; nothing, too,
    /// where a newer version wrote it in a form of its own.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn entry(&self, token: &str) -> Result<Option<Entry>, StoreError> {
        let digest = sha256_hex(token);
        let rows =
            self.database().rows(|| query("SELECT entry FROM entries WHERE digest = $1").bind(digest.clone())).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(serde_json::from_str(&text(row, "entry")?)
            .inspect_err(|error| tracing::warn!(%error, "an entry cannot be read; its person is asked again"))
            .ok())
    }
}
