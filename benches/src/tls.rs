//! A certificate for every TLS server of a run, and clients that trust it alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_rustls::TlsConnector;

use crate::Outcome;

/// Where the certificate and its key lie.
pub(crate) struct Certificate {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    /// Both in one file, as haproxy wants them.
    pub(crate) both: PathBuf,
}

/// A self-signed certificate for these hosts.
pub(crate) fn certificate(folder: &Path, hosts: &[&str]) -> Outcome<Certificate> {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(hosts)?;
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let files = Certificate { cert: folder.join("tls.crt"), key: folder.join("tls.key"), both: folder.join("tls.pem") };
    fs::write(&files.cert, &cert)?;
    fs::write(&files.key, &key)?;
    fs::write(&files.both, cert + &key)?;
    Ok(files)
}

/// A client that believes this certificate and offers one protocol.
pub(crate) fn connector(cert: &Path, protocol: &[u8]) -> Outcome<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cert)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
