//! What can go wrong with the store, as far as callers act differently on it.
//! No message ever holds the password of the database's URL.

use std::path::PathBuf;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or not in time. Nothing was promised;
    /// the same call may succeed later.
    #[error("the database {place} is not available: {why}")]
    Unavailable { place: String, why: String },
    /// What is sealed in the database does not open.
    #[error("{0}")]
    WrongKey(KeyMismatch),
    /// Keys that were there before are gone. New ones are not made in silence:
    /// every token in use would be refused, and nobody would know why (L-06).
    #[error("{0}")]
    MissingKey(LostKeys),
    /// Another process holds the SQLite file.
    #[error(
        "{} is in use by another doorward process. Stop that one first (`doorward migrate` too needs the file for \
         itself; `serve` migrates on its own), or set store.url to a postgres:// database: \
         SQLite serves one process only, Postgres as many nodes as you like",
        .0.display()
    )]
    InUse(PathBuf),
    /// The URL, the folder or the schema cannot be worked with.
    #[error("{0}")]
    Invalid(String),
}

/// In which way the key and the database do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyMismatch {
    #[error(
        "the database was sealed with another encryption key. Set keys.encryption_key to the one it was made with; \
         if that one is lost, start with an empty database: everybody signs in again, and validators fetch new keys"
    )]
    OtherKey,
    #[error(
        "the database was made in emulator mode, where what it holds is not secret. \
         Set store.url to another database, or mode = \"emulator\""
    )]
    EmulatorData,
    #[error(
        "the database belongs to a production installation, which the emulator does not touch. \
         Set store.url to another database, or mode = \"production\" with its keys.encryption_key"
    )]
    ProductionData,
    #[error(
        "a sealed value in the database does not open, though the encryption key is the right one: the row was damaged \
         or changed from outside. Restore the database from a backup"
    )]
    DamagedValue,
}

/// What is gone, and what is still there to show that it existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LostKeys {
    #[error(
        "the database holds no signing keys, although it had some. Restore the table signing_keys from a backup, \
         or start with an empty database: everybody signs in again, and validators fetch new keys"
    )]
    SigningKeys,
    #[error(
        "the database holds sealed values, but the row that proves the encryption key is gone. \
         Restore the table installation from a backup, or start with an empty database"
    )]
    Proof,
}
