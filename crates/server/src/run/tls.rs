//! TLS of the public listener, from PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsFiles;

/// Why the public listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the {what} {} cannot be used: {why}; check listen.tls", path.display())]
    File { what: &'static str, path: PathBuf, why: String },
    #[error("the certificate {} and the key {} do not belong together: {source}", cert.display(), key.display())]
    Pair { cert: PathBuf, key: PathBuf, source: rustls::Error },
}

/// HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3 with the certificate of these files.
pub(super) fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refused("certificate", &files.cert, &error))?;
    if chain.is_empty() {
        return Err(refused("certificate", &files.cert, &pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| refused("private key", &files.key, &error))?;
    warn_of_readers(&files.key);
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| TlsError::Pair { cert: files.cert.clone(), key: files.key.clone(), source })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn refused(what: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    let why = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it holds no PEM section of this kind".into(),
        other => format!("it is not a PEM file ({other})"),
    };
    TlsError::File { what, path: path.to_owned(), why }
}

/// A key that everybody on the machine can read is hardly a secret.
fn warn_of_readers(key: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(key).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
        tracing::warn!("everybody on this machine can read {}; change its mode to 600", key.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l_06_a_missing_or_empty_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let missing = folder.path().join("missing.pem");
        for cert in [empty, missing] {
            let files = TlsFiles { cert: cert.clone(), key: cert.clone() };
            let error = server_config(&files).unwrap_err().to_string();
            assert!(error.contains(&cert.display().to_string()), "{error}");
        }
    }
}
