//! Where the database is: reading `store.url`, and naming the place without
//! ever showing the password in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::any::AnyConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::error::StoreError;

/// The place that `store.url` names. No `Debug`: the URL holds a password.
#[derive(Clone)]
pub(crate) enum Location {
    Sqlite(PathBuf),
    Postgres {
        url: String,
        options: Box<PgConnectOptions>,
    },
    /// Of this process: no URL leads there.
    Memory,
}

impl Location {
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => sqlite(url),
            Some("postgres" | "postgresql") => match PgConnectOptions::from_str(url) {
                Ok(options) => Ok(Self::Postgres { url: url.to_owned(), options: Box::new(options) }),
                Err(error) => Err(StoreError::Invalid(format!(
                    "store.url is not a Postgres URL ({error}); write it like postgres://user:password@host:5432/name, \
                     with special characters in the password percent-encoded"
                ))),
            },
            _ => {
                Err(StoreError::Invalid("store.url begins with sqlite:// or postgres://; this one does not".to_owned()))
            }
        }
    }

    /// What the connection pool is given.
    pub(crate) fn any_options(&self) -> Result<AnyConnectOptions, StoreError> {
        let url = match self {
            Self::Sqlite(path) => sqlite_url(path)?,
            Self::Postgres { url, .. } => url.clone(),
            Self::Memory => return Err(StoreError::Invalid("a database in memory has no URL".to_owned())),
        };
        url.parse().map_err(|error| StoreError::Invalid(format!("store.url cannot be read: {error}")))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Memory => f.write_str("in memory"),
            Self::Postgres { options, .. } => {
                let database = options.get_database().unwrap_or_else(|| options.get_username());
                match options.get_socket() {
                    Some(socket) => write!(f, "{database} at {}", socket.display()),
                    None => write!(f, "{database} at {}:{}", options.get_host(), options.get_port()),
                }
            }
        }
    }
}

fn sqlite(url: &str) -> Result<Location, StoreError> {
    let parameters = url.split_once('?').map(|(_, parameters)| parameters);
    if url.contains(":memory:") || parameters.is_some_and(|p| !matches!(p, "mode=rwc" | "mode=rw")) {
        return Err(StoreError::Invalid(
            "store.url names the SQLite file and nothing else, like sqlite:///var/lib/doorward/doorward.db; \
             databases in memory and other parameters are not supported"
                .to_owned(),
        ));
    }
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| StoreError::Invalid(format!("store.url is not a SQLite URL: {error}")))?;
    let path = options.get_filename();
    if path.as_os_str().is_empty() {
        return Err(StoreError::Invalid("store.url names no file after sqlite://".to_owned()));
    }
    Ok(Location::Sqlite(path.to_owned()))
}

/// sqlx percent-decodes the path, so that what has a meaning in URLs must be encoded.
fn sqlite_url(path: &Path) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| {
        StoreError::Invalid(format!("the path {} is not UTF-8; choose another in store.url", path.display()))
    })?;
    let encoded = text.replace('%', "%25").replace('?', "%3F").replace('#', "%23").replace('\\', "%5C");
    Ok(format!("sqlite://{encoded}?mode=rw"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> String {
        Location::parse(url).map(|location| location.to_string()).unwrap_or_else(|error| format!("refused: {error}"))
    }

    #[test]
    fn each_form_of_a_sqlite_url_names_its_file() {
        for (url, file) in [
            ("sqlite:///var/lib/doorward.db", "/var/lib/doorward.db"),
            ("sqlite://Relative/Doorward.db", "Relative/Doorward.db"),
            ("sqlite:doorward.db", "doorward.db"),
            ("sqlite:///a%20b/x%3Fy.db?mode=rwc", "/a b/x?y.db"),
        ] {
            assert_eq!(place(url), file, "{url}");
        }
    }

    #[test]
    fn a_sqlite_url_that_would_lose_data_is_refused() {
        for url in ["sqlite::memory:", "sqlite://", "sqlite:///x.db?mode=memory", "sqlite:///x.db?immutable=1"] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn no_place_and_no_error_shows_the_password() {
        for url in [
            "postgres://door:hunter2@db.test:5433/doorward",
            "postgres://door:hunter2@db.test:notaport/doorward",
            "postgres://db.test/doorward?user=door&password=hunter2",
            "postgres://door:hunter2@%2Frun%2Fpostgresql/doorward",
            "postgre://door:hunter2@db.test/doorward",
            "postgres://door:hunter2#@db.test/doorward",
        ] {
            assert!(!place(url).contains("hunter2"), "{url} shows {}", place(url));
        }
        assert_eq!(place("postgres://door:hunter2@db.test:5433/doorward"), "doorward at db.test:5433");
    }
}
