//! Secrets that belong to the installation and are the same on all its nodes.

use doorward_model::secret::Secret;

use crate::Store;
use crate::error::{KeyMismatch, StoreError};
use crate::statement::{query, text};

impl Store {
    /// The installation's secret for a purpose: made by whoever asks first,
    /// kept sealed, and the same for everybody ever after.
    ///
    /// # Errors
    /// When the database does not answer, or the kept secret does not open.
    pub async fn installation_secret(&self, purpose: &str) -> Result<Secret, StoreError> {
        let name = format!("secret {purpose}");
        if let Some(secret) = self.kept_secret(&name).await? {
            return Ok(secret);
        }
        let sealed = self.sealer().seal(&name, Secret::random().expose().as_bytes());
        self.database()
            .change(
                query("INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(name.clone())
                    .bind(sealed),
            )
            .await?;
        self.kept_secret(&name).await?.ok_or(StoreError::WrongKey(KeyMismatch::DamagedValue))
    }

    async fn kept_secret(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        let rows = self
            .database()
            .rows(|| query("SELECT value FROM installation WHERE name = $1").bind(name.to_owned()))
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        self.sealer()
            .open(name, &text(row, "value")?)
            .and_then(|plain| String::from_utf8(plain).ok())
            .map(|plain| Some(Secret::new(plain)))
            .ok_or(StoreError::WrongKey(KeyMismatch::DamagedValue))
    }
}
