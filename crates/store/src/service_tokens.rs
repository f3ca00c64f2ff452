//! When service tokens were last used. Which there are is said elsewhere.

use doorward_model::id::ServiceTokenId;
use doorward_model::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::{number, query, text, unreadable};

impl Store {
    /// Keeps that a service token proved itself; the latest moment stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn service_token_seen(&self, token: ServiceTokenId, now: Timestamp) -> Result<(), StoreError> {
        self.database()
            .change(
                query(
                    "INSERT INTO service_token_uses (id, last_seen_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE \
                     SET last_seen_at = excluded.last_seen_at WHERE service_token_uses.last_seen_at < excluded.last_seen_at",
                )
                .bind(token.to_string())
                .bind(now.0),
            )
            .await
            .map(|_| ())
    }

    /// When each service token that was ever used was last seen, to the minute.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn service_tokens_last_seen(&self) -> Result<Vec<(ServiceTokenId, Timestamp)>, StoreError> {
        let rows = self.database().rows(|| query("SELECT id, last_seen_at FROM service_token_uses")).await?;
        let seen = rows.iter().map(|row| {
            let id = text(row, "id")?.parse().map_err(|error| unreadable("id", error))?;
            Ok((id, Timestamp(number(row, "last_seen_at")?)))
        });
        seen.collect()
    }
}
