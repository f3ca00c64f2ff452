//! The public listener's certificate: read from PEM files, and read again
//! while connections are served with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::TlsFiles;

/// Why the public listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the {what} {} cannot be used: {why}; check listen.tls", path.display())]
    File { what: &'static str, path: PathBuf, why: String },
    #[error("the certificate {} and the key {} do not belong together: {source}", cert.display(), key.display())]
    Pair { cert: PathBuf, key: PathBuf, source: rustls::Error },
}

/// The certificate in use. Connections that are open keep the one they began with.
#[derive(Debug)]
pub(crate) struct Certificate(ArcSwap<CertifiedKey>);

impl Certificate {
    pub(crate) fn read(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(ArcSwap::from_pointee(pair(files)?))))
    }

    /// Reads it again; with an error the one in use stays. Says whether it is another one.
    pub(crate) fn renew(&self, files: &TlsFiles) -> Result<bool, TlsError> {
        let read = pair(files)?;
        let before = self.0.load().cert.first().cloned();
        let is_other = read.cert.first() != before.as_ref();
        self.0.store(Arc::new(read));
        Ok(is_other)
    }

    /// HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3.
    pub(crate) fn server_config(self: &Arc<Self>) -> Arc<ServerConfig> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The certificate chain and the key of these files, which belong together.
pub(crate) fn pair(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refused("certificate", &files.cert, &error))?;
    if chain.is_empty() {
        return Err(refused("certificate", &files.cert, &pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| refused("private key", &files.key, &error))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|source| TlsError::Pair {
        cert: files.cert.clone(),
        key: files.key.clone(),
        source,
    })
}

/// Whether a browser takes the certificate for this host.
pub(crate) fn is_for(pair: &CertifiedKey, host: &str) -> bool {
    let Some(Ok(certificate)) = pair.cert.first().map(ParsedCertificate::try_from) else { return false };
    ServerName::try_from(host).is_ok_and(|name| verify_server_name(&certificate, &name).is_ok())
}

/// A key that everybody on the machine can read is hardly a secret.
pub(crate) fn is_open_to_all(key: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(key).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

fn refused(what: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    let why = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("it holds no {what} in PEM; are cert and key the right way round?"),
        other => format!("it is not a PEM file ({other})"),
    };
    TlsError::File { what, path: path.to_owned(), why }
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
            let error = pair(&files).unwrap_err().to_string();
            assert!(error.contains(&cert.display().to_string()), "{error}");
        }
    }
}
