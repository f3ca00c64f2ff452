//! In which country an address is: looked up in a database in MaxMind's format
//! that the operator supplies, and that is read again when it may be newer.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use arc_swap::ArcSwapOption;
use maxminddb::{MaxMindDbError, PathElement, Reader};

/// The database in use; none knows no country.
#[derive(Default)]
pub struct Countries(ArcSwapOption<Reader<Vec<u8>>>);

/// A database that was read.
pub struct Database(Reader<Vec<u8>>);

/// The place of the country's code in a record (GeoIP docs, "GeoIP2 Country").
const CODE: [PathElement<'static>; 2] = [PathElement::Key("country"), PathElement::Key("iso_code")];

impl Database {
    /// Reads the whole file: whoever replaces it while it is used harms nobody.
    ///
    /// # Errors
    /// When it cannot be read or is no such database.
    pub fn read(path: &Path) -> Result<Self, MaxMindDbError> {
        Reader::open_readfile(path).map(Self)
    }
}

impl Countries {
    /// Uses this database for every request from now on.
    pub fn replace(&self, database: Option<Database>) {
        self.0.store(database.map(|database| database.0.into()));
    }

    /// ISO 3166-1 alpha-2, in upper case.
    pub(crate) fn of(&self, address: IpAddr) -> Option<String> {
        let database = self.0.load();
        let found = database.as_ref()?.lookup(address).ok()?;
        let code = found.decode_path::<String>(&CODE).ok()??;
        (code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic())).then(|| code.to_ascii_uppercase())
    }
}

impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Countries")
    }
}
