//! The store that a configuration names, opened.

use std::time::Duration;

use doorward_store::{Patience, Seal, Store};
use tempfile::TempDir;

use super::StartError;
use crate::config::Config;

/// The store of the configuration, at this version's schema; an emulator
/// without one gets a folder that goes away with it.
pub(crate) async fn open_store(config: &Config, wait: Duration) -> Result<(Store, Option<TempDir>), StartError> {
    let seal = match (&config.encryption_key, config.mode.is_emulator()) {
        (Some(key), _) => Seal::from_key(key),
        (None, true) => Seal::for_emulator(),
        (None, false) => return Err(StartError::NoEncryptionKey),
    };
    let (url, folder) = match &config.store_url {
        Some(url) => (url.expose().to_owned(), None),
        None => {
            let folder = tempfile::Builder::new().prefix("doorward-").tempdir().map_err(StartError::NoFolder)?;
            (sqlite_url(&folder.path().join("doorward.db")), Some(folder))
        }
    };
    let patience = Patience { start: wait, freshness: config.revocation_freshness.as_std() };
    let store = Store::open(&url, seal, patience).await?;
    store.migrate().await?;
    Ok((store, folder))
}

/// The URL of a SQLite file, with what has a meaning in URLs encoded.
pub(crate) fn sqlite_url(path: &std::path::Path) -> String {
    let path = path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}")
}
