//! The X.509 certificate that is published beside a key, for validators that
//! read `public_certs` instead of the JWKS. Self-signed: whoever trusts it got
//! it from the team domain, as they would have got the bare key.

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use doorward_model::time::{Lifetime, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, SignatureAlgorithm};
use rsa::pkcs8::der::asn1::AnyRef;
use rsa::pkcs8::der::{self, Decode, Reader, SliceReader};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;

/// A certificate of this very key for the team domain, as PEM.
pub(crate) fn issue(pair: &KeyPair, team_domain: &str, since: Timestamp, life: Lifetime) -> String {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, team_domain);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.not_before = OffsetDateTime::from_unix_timestamp(since.secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_after = params.not_before.saturating_add(time::Duration::seconds(life.secs()));
    params.self_signed(&Subject(pair)).expect("an RSA key signs a certificate of fixed shape").pem()
}

/// The SubjectPublicKeyInfo (RFC 5280 §4.1) that a PEM certificate vouches for.
pub(crate) fn certified_key(pem: &str) -> Option<Vec<u8>> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    subject_public_key_info(&certificate).ok().map(<[u8]>::to_vec)
}

fn subject_public_key_info(certificate: &[u8]) -> der::Result<&[u8]> {
    let mut parts = SliceReader::new(AnyRef::from_der(certificate)?.value())?;
    let to_be_signed: AnyRef<'_> = parts.decode()?;
    let mut fields = SliceReader::new(to_be_signed.value())?;
    // In the way: version, serial number, signature, issuer, validity, subject.
    for _ in 0..6 {
        fields.tlv_bytes()?;
    }
    fields.tlv_bytes()
}

/// Lends a key to rcgen, which would otherwise keep a copy of its private part
/// that nobody wipes.
struct Subject<'a>(&'a KeyPair);

impl rcgen::PublicKeyData for Subject<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for Subject<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(crate::key::rs256(self.0, message))
    }
}
