//! What a certificate says (RFC 5280), as far as rules and logs ask for it.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::time::Timestamp;

/// The parts of a certificate that anybody asks for.
pub(super) struct Read {
    pub(super) common_name: String,
    pub(super) issuer_dn: String,
    pub(super) serial: String,
    pub(super) issuer_ski: String,
    pub(super) not_after: Timestamp,
}

/// `None` when the bytes are not one certificate, whole.
pub(super) fn read(der: &[u8]) -> Option<Read> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    // Of two names, two readers could each take another one.
    let mut names = certificate.subject().iter_common_name();
    let name = names.next().filter(|_| names.next().is_none()).and_then(|name| name.as_str().ok());
    let issuer_key = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(issuer) => issuer.key_identifier.as_ref().map(|key| hex::encode(key.0)),
        _ => None,
    });
    Some(Read {
        common_name: name.unwrap_or_default().to_owned(),
        issuer_dn: certificate.issuer().to_string(),
        serial: hex::encode(certificate.tbs_certificate.raw_serial()),
        issuer_ski: issuer_key.unwrap_or_default(),
        not_after: Timestamp::from_secs(certificate.validity().not_after.timestamp()),
    })
}

/// The text does not hold exactly one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPem {
    #[error("there is no PEM certificate in it; it begins with -----BEGIN CERTIFICATE-----")]
    Nothing,
    #[error("it holds several certificates; give each root its own entry")]
    Several,
    #[error("its PEM section is not a certificate")]
    Malformed,
}

/// The one certificate of a PEM text, DER.
///
/// # Errors
/// When there is none, or not only one.
pub fn from_pem(text: &str) -> Result<Vec<u8>, InvalidPem> {
    let mut found = CertificateDer::pem_slice_iter(text.as_bytes());
    let first = found.next().ok_or(InvalidPem::Nothing)?.map_err(|_| InvalidPem::Malformed)?;
    if found.next().is_some() {
        return Err(InvalidPem::Several);
    }
    read(&first).ok_or(InvalidPem::Malformed)?;
    Ok(first.to_vec())
}
