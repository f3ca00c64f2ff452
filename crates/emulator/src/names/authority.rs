//! The local certificate authority: one P-256 key, and the certificate that
//! follows from it. Nothing but the key is kept: the same key always gives the
//! same certificate, byte for byte.

use doorward_model::secret::{random_bytes, sha256_hex};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, PublicKeyData, SerialNumber, SignatureAlgorithm,
};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// 2025-01-01 to 2050-01-01. Fixed, so that the certificate depends on its key alone.
const NOT_BEFORE: i64 = 1_735_689_600;
const NOT_AFTER: i64 = 2_524_608_000;

/// Apple's systems refuse longer ones, whoever signed them.
const LEAF_LIFE: time::Duration = time::Duration::days(397);

/// A certificate authority. Whoever holds its key can be any site to those who
/// trust it.
pub struct Authority {
    key: Key,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// The text is not the private key of an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds no P-256 private key in PEM (PKCS#8)")]
pub struct AuthorityError;

impl Authority {
    /// One that nobody else can have.
    #[must_use]
    pub fn random() -> Self {
        loop {
            if let Some(authority) = Self::of(&random_bytes::<32>()) {
                return authority;
            }
        }
    }

    /// The same for the same seed, on every machine: whoever knows the seed has
    /// the key, so it is for containers and tests alone.
    #[must_use]
    pub fn seeded(seed: &str) -> Self {
        let mut turn = 0_u32;
        loop {
            let digest = Sha256::digest(format!("doorward certificate authority {turn}\n{seed}").as_bytes());
            if let Some(authority) = Self::of(&digest) {
                return authority;
            }
            turn += 1;
        }
    }

    /// The one of a key file.
    ///
    /// # Errors
    /// When the file is something else.
    pub fn from_key_pem(pem: &str) -> Result<Self, AuthorityError> {
        SigningKey::from_pkcs8_pem(pem).map(Self::with).map_err(|_| AuthorityError)
    }

    /// The private key, for a file that its owner alone can read.
    ///
    /// # Panics
    /// Never: a key that exists can be written.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key.pair.to_pkcs8_pem(LineEnding::LF).expect("a P-256 key has a PKCS#8 form")
    }

    /// The certificate to trust, as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of the certificate in hex, as tools show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.certificate))
    }

    /// A certificate for a name and a public key, and the chain to this authority.
    pub(super) fn certify(
        &self,
        host: &str,
        key: &impl PublicKeyData,
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, rcgen::Error> {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = named(host);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.serial_number = Some(SerialNumber::from_slice(&random_bytes::<16>()));
        // A clock that is a little behind must not find it too new.
        params.not_before = now.saturating_sub(time::Duration::days(1));
        params.not_after = params.not_before.saturating_add(LEAF_LIFE);
        let issuer = Issuer::new(self.params(), &self.key);
        Ok(vec![params.signed_by(key, &issuer)?.der().clone(), self.certificate.clone()])
    }

    fn of(scalar: &[u8]) -> Option<Self> {
        SigningKey::from_slice(scalar).ok().map(Self::with)
    }

    fn with(pair: SigningKey) -> Self {
        let key = Key { point: pair.verifying_key().to_sec1_point(false).as_bytes().to_vec(), pair };
        let params = params(&key);
        let certificate: Certificate =
            params.self_signed(&key).expect("a P-256 key signs a certificate of fixed shape");
        Self { pem: certificate.pem(), certificate: certificate.der().clone(), key }
    }

    fn params(&self) -> CertificateParams {
        params(&self.key)
    }
}

fn params(key: &Key) -> CertificateParams {
    let digest = sha256_hex(&hex::encode(&key.point));
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("Doorward local authority {}", &digest[..8]));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from_slice(&Sha256::digest(&key.point)[..16]));
    params.not_before = OffsetDateTime::from_unix_timestamp(NOT_BEFORE).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_after = OffsetDateTime::from_unix_timestamp(NOT_AFTER).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// The authority's key. It signs without chance (RFC 6979), which the random
/// signatures of TLS libraries would not.
struct Key {
    pair: SigningKey,
    point: Vec<u8>,
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: DerSignature = self.pair.sign(message);
        Ok(signature.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_certificate_and_another_gives_another() {
        assert_eq!(Authority::seeded("ci").pem(), Authority::seeded("ci").pem());
        assert_ne!(Authority::seeded("ci").pem(), Authority::seeded("cj").pem());
        assert_ne!(Authority::random().pem(), Authority::random().pem());
    }

    /// A change here breaks images and trust stores that hold the old one.
    #[test]
    fn a_seeded_authority_is_the_same_in_every_version() {
        insta::assert_snapshot!(Authority::seeded("doorward").fingerprint());
    }

    #[test]
    fn an_authority_comes_back_from_its_key() {
        let authority = Authority::random();
        assert_eq!(Authority::from_key_pem(&authority.key_pem()).unwrap().pem(), authority.pem());
        assert_eq!(Authority::from_key_pem("-----BEGIN").err(), Some(AuthorityError));
    }
}
