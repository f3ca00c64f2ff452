//! The local certificate authority's place on this machine: a folder of the
//! user's own, where its key is made once and read by nobody else, and the
//! files that clients are pointed at.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_emulator::names::Authority;
use doorward_model::secret::{random_hex, sha256_hex};

/// Why there is no authority to be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("there is no folder for the certificate authority; set HOME or XDG_DATA_HOME")]
    NoFolder,
    #[error("the certificate authority in {} cannot be used: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("{} is not the key of a certificate authority; remove it, and trust the new one that is then made", path.display())]
    Key { path: PathBuf },
}

/// The authority, and the files that show it.
pub(crate) struct Kept {
    pub(crate) authority: Arc<Authority>,
    /// Its certificate alone.
    pub(crate) certificate: PathBuf,
    /// The system's roots and its certificate: for clients that take the one for the other.
    pub(crate) bundle: PathBuf,
}

/// The authority of this user, made if there is none; with a seed, the one
/// that the seed gives.
///
/// # Errors
/// When its folder cannot be used.
pub(crate) fn kept(seed: Option<&str>) -> Result<Kept, AuthorityError> {
    kept_in(&folder().ok_or(AuthorityError::NoFolder)?, seed)
}

pub(crate) fn kept_in(folder: &Path, seed: Option<&str>) -> Result<Kept, AuthorityError> {
    let folder = match seed {
        Some(seed) => folder.join(format!("seed-{}", &sha256_hex(seed)[..12])),
        None => folder.to_owned(),
    };
    let trouble = |source| AuthorityError::Folder { folder: folder.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(trouble)?;
    let authority = match seed {
        Some(seed) => Authority::seeded(seed),
        None => of_key(&folder.join("authority.key"))?,
    };
    let (certificate, bundle) = (folder.join("ca.pem"), folder.join("ca-bundle.pem"));
    written(&certificate, authority.pem()).map_err(trouble)?;
    written(&bundle, &bundled(&authority)).map_err(trouble)?;
    Ok(Kept { authority: Arc::new(authority), certificate, bundle })
}

/// The system's roots and the authority's certificate, as one PEM file.
pub(crate) fn bundled(authority: &Authority) -> String {
    let own = authority.pem().trim_end();
    let found = rustls_native_certs::load_native_certs();
    let roots = found.certs.iter().map(|certificate| pem(certificate)).filter(|pem| pem.trim_end() != own);
    let mut bundle: String = roots.collect();
    bundle.push_str(own);
    bundle.push('\n');
    bundle
}

/// The key of the file. Of two processes that make it at once, one does.
fn of_key(path: &Path) -> Result<Authority, AuthorityError> {
    let trouble = |source| AuthorityError::Folder { folder: path.parent().unwrap_or(path).to_owned(), source };
    if !path.exists() {
        let beside = path.with_extension(format!("{}.new", random_hex::<8>()));
        let made = private(&beside, &Authority::random().key_pem()).and_then(|()| std::fs::hard_link(&beside, path));
        let _gone = std::fs::remove_file(&beside);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(trouble(error)),
            _ => {}
        }
    }
    let pem = std::fs::read_to_string(path).map_err(trouble)?;
    Authority::from_key_pem(&pem).map_err(|_| AuthorityError::Key { path: path.to_owned() })
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// A file that somebody may be reading is replaced, and only if it says something else.
fn written(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let beside = path.with_extension(format!("{}.new", random_hex::<8>()));
    let moved = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if moved.is_err() {
        let _gone = std::fs::remove_file(&beside);
    }
    moved
}

fn pem(certificate: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Where the user's own data is (XDG base directories).
pub(crate) fn folder() -> Option<PathBuf> {
    let set = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("doorward"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_authority_is_made_once_and_its_key_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = kept_in(folder.path(), None).unwrap();
        let again = kept_in(folder.path(), None).unwrap();
        assert_eq!(first.authority.pem(), again.authority.pem());
        let mode = std::fs::metadata(folder.path().join("authority.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        assert_eq!(std::fs::read_to_string(&first.certificate).unwrap(), first.authority.pem());
        assert!(std::fs::read_to_string(&first.bundle).unwrap().ends_with(first.authority.pem()));
    }

    #[test]
    fn a_seed_leaves_no_key_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (kept_in(folder.path(), Some("a")).unwrap(), kept_in(folder.path(), Some("b")).unwrap());
        assert_ne!(one.certificate, other.certificate);
        let mut files: Vec<_> = std::fs::read_dir(one.certificate.parent().unwrap()).unwrap().flatten().collect();
        files.sort_by_key(std::fs::DirEntry::file_name);
        assert_eq!(files.iter().map(|file| file.file_name()).collect::<Vec<_>>(), ["ca-bundle.pem", "ca.pem"]);
    }

    #[test]
    fn a_key_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authority.key"), "nothing").unwrap();
        let error = kept_in(folder.path(), None).err().unwrap().to_string();
        assert!(error.contains("authority.key is not the key"), "{error}");
    }
}
