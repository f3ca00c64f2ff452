//! What is particular to SQLite: the file, and that one process alone has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::error::StoreError;

/// The lock that keeps other processes off the file for as long as it lives.
///
/// SQLite itself would let several processes write. But each holds its
/// revocations in memory, and one would not see what another revoked.
pub(crate) struct Held {
    pub(crate) path: PathBuf,
    _lock: File,
}

/// Takes the file for this process, creates it when it is not there, and
/// switches it to write-ahead logging.
pub(crate) async fn hold(path: &Path) -> Result<Held, StoreError> {
    let path = located(path)?;
    let lock = locked(&path)?;
    created(&path)?;
    let options = SqliteConnectOptions::new().filename(&path).journal_mode(SqliteJournalMode::Wal);
    let opened = async { options.connect().await?.close().await }.await;
    opened
        .map_err(|error| StoreError::Invalid(format!("cannot use {} as a SQLite database: {error}", path.display())))?;
    Ok(Held { path, _lock: lock })
}

/// Every commit reaches the disk before it is acknowledged. Writers
/// queue for the file, hence few connections.
pub(crate) fn pool_options() -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(5)).after_connect(|connection, _| {
        Box::pin(async move {
            let settings = "PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON";
            connection.execute(settings).await.map(|_| ())
        })
    })
}

/// The one path of the file, whichever links lead to it: the lock lies beside it.
fn located(path: &Path) -> Result<PathBuf, StoreError> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .ok_or_else(|| StoreError::Invalid(format!("store.url names {}, which is not a file", path.display())))?;
    match parent.canonicalize() {
        Ok(parent) => Ok(parent.join(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Invalid(format!(
            "the folder {} of store.url does not exist; create it, or set store.url to another place",
            parent.display()
        ))),
        Err(error) => Err(unusable(parent, &error)),
    }
}

fn locked(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = private().open(&name).map_err(|error| unusable(folder(path), &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(folder(path), &error)),
    }
}

/// SQLite would make the file readable for everybody whom the umask lets in.
fn created(path: &Path) -> Result<(), StoreError> {
    private().open(path).map(|_| ()).map_err(|error| {
        StoreError::Invalid(format!("cannot write {}: {error}; give the process access to it", path.display()))
    })
}

fn private() -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn unusable(folder: &Path, error: &io::Error) -> StoreError {
    StoreError::Invalid(format!(
        "cannot write to the folder {} of store.url: {error}; give the process write access to it, \
         or set store.url to another place",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    #[tokio::test]
    async fn r_06_commits_reach_the_disk_before_they_are_acknowledged() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let held = hold(&folder.path().join("door.db")).await.unwrap();
        let pool =
            pool_options().connect_with(Location::Sqlite(held.path.clone()).any_options().unwrap()).await.unwrap();
        for (setting, value) in [("PRAGMA synchronous", 2), ("PRAGMA busy_timeout", 5000), ("PRAGMA foreign_keys", 1)] {
            let found: i64 = sqlx::query_scalar(setting).fetch_one(&pool).await.unwrap();
            assert_eq!(found, value, "{setting}");
        }
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&pool).await.unwrap();
        assert_eq!(mode, "wal");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn i11_other_people_on_the_machine_cannot_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let held = hold(&folder.path().join("door.db")).await.unwrap();
        assert_eq!(held.path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_link_to_the_file_does_not_get_round_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let held = hold(&folder.path().join("door.db")).await.unwrap();
        let link = folder.path().join("link.db");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&held.path, &link).unwrap();
        #[cfg(unix)]
        assert!(matches!(hold(&link).await, Err(StoreError::InUse(path)) if path == held.path));
    }
}
