//! Which token replaced which: of any number of nodes that renew one token at
//! once, one gives its successor to all.

use doorward_model::secret::sha256_hex;
use doorward_model::time::Timestamp;

use crate::Store;
use crate::error::{KeyMismatch, StoreError};
use crate::statement::{query, text};

/// What replaces a token. No `Debug`: it lets its bearer in.
pub struct Successor {
    pub token: String,
    /// Whether it is what the caller offered: nobody was faster.
    pub is_ours: bool,
}

impl Store {
    /// The token that replaces `old` until `until`: `new`, unless somebody on
    /// some node was faster a moment ago; then theirs.
    ///
    /// The old token is kept by its digest and its successor sealed, so that
    /// nobody who reads the database can use them.
    ///
    /// # Errors
    /// When the database does not answer; nothing may then be handed out.
    pub async fn successor(
        &self,
        old: &str,
        new: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Successor, StoreError> {
        let digest = sha256_hex(old);
        // The purpose names the old token: a successor moved to another row does not open.
        let purpose = format!("renewal {digest}");
        let offered = self.sealer().seal(&purpose, new.as_bytes());
        let rows = self
            .database()
            .change_returning(
                query(
                    "INSERT INTO renewals (digest, successor, expires_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (digest) DO UPDATE SET \
                     successor = CASE WHEN renewals.expires_at <= $4 \
                     THEN excluded.successor ELSE renewals.successor END, \
                     expires_at = CASE WHEN renewals.expires_at <= $4 \
                     THEN excluded.expires_at ELSE renewals.expires_at END \
                     RETURNING successor",
                )
                .bind(digest)
                .bind(offered.clone())
                .bind(until.0)
                .bind(now.0),
            )
            .await?;
        let sealed = rows.first().map(|row| text(row, "successor")).transpose()?.unwrap_or_default();
        let token = self.sealer().open(&purpose, &sealed).and_then(|plain| String::from_utf8(plain).ok());
        // Two nodes that sign the same claims make the same token; what is sealed is never alike.
        let is_ours = sealed == offered;
        Ok(Successor { token: token.ok_or(StoreError::WrongKey(KeyMismatch::DamagedValue))?, is_ours })
    }
}
