//! A certificate of OpenSSH: whose a key is, signed by an application's authority.

use aws_lc_rs::rand::SystemRandom;
use doorward_model::secret::random_bytes;
use doorward_model::time::Timestamp;
use signature::Signer;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Algorithm, EcdsaCurve, PublicKey, Signature};

use super::SshCaKey;

/// What `ssh-keygen` lets the holder do when it is told nothing else. What a
/// server does not offer, no certificate brings.
const EXTENSIONS: [&str; 5] =
    ["permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty", "permit-user-rc"];

/// What a certificate says of its holder.
#[derive(Clone, Copy, Debug)]
pub struct Vouched<'a> {
    pub serial: u64,
    /// What servers write into their logs.
    pub key_id: &'a str,
    /// The one user as whom it lets in.
    pub principal: &'a str,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCertify {
    #[error("public_key is no public key in OpenSSH's format")]
    PublicKey,
    /// What is vouched for cannot be said in a certificate.
    #[error("the certificate cannot be written: {0}")]
    Certificate(String),
}

impl From<ssh_key::Error> for CannotCertify {
    fn from(error: ssh_key::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

impl SshCaKey {
    /// A certificate for the key in this line, as `…-cert.pub` has it. The line's comment is left out.
    ///
    /// # Errors
    /// When the line is no public key, or what is vouched for cannot be said.
    pub fn certify(&self, public_key: &str, vouched: Vouched<'_>) -> Result<String, CannotCertify> {
        // One key: what follows a first line would be taken for its comment.
        let line = Some(public_key.trim_end()).filter(|line| !line.contains(['\n', '\r']));
        let holder = line.and_then(|line| PublicKey::from_openssh(line).ok()).ok_or(CannotCertify::PublicKey)?;
        let seconds = |time: Timestamp| u64::try_from(time.secs()).unwrap_or_default();
        let nonce = random_bytes::<16>();
        let (from, until) = (seconds(vouched.from), seconds(vouched.until));
        let mut certificate = Builder::new(nonce, holder.key_data().clone(), from, until)?;
        certificate
            .serial(vouched.serial)?
            .cert_type(CertType::User)?
            .key_id(vouched.key_id)?
            // Without a principal a certificate would be everybody's.
            .valid_principal(vouched.principal)?;
        for extension in EXTENSIONS {
            certificate.extension(extension, "")?;
        }
        Ok(certificate.sign(self)?.to_openssh()?)
    }
}

impl From<&SshCaKey> for KeyData {
    fn from(key: &SshCaKey) -> Self {
        let point = key.uncompressed_point();
        Self::Ecdsa(EcdsaPublicKey::from_sec1_bytes(point).expect("a P-256 key has an uncompressed point"))
    }
}

impl Signer<Signature> for SshCaKey {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        let signed = self.pair.sign(&SystemRandom::new(), message).map_err(|_| signature::Error::new())?;
        let (r, s) = signed.as_ref().split_at(signed.as_ref().len() / 2);
        let algorithm = Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 };
        Signature::new(algorithm, [mpint(r), mpint(s)].concat()).map_err(|_| signature::Error::new())
    }
}

/// A positive number of these bytes as SSH writes it (RFC 4251 §5).
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let zero: &[u8] = if bytes.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    // A number of this curve has 33 bytes at most.
    let length = (zero.len() + bytes.len()) as u32;
    [&length.to_be_bytes(), zero, bytes].concat()
}

#[cfg(test)]
mod tests {
    use ssh_key::Certificate;

    use super::*;

    const HOLDER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti alice@laptop";

    fn vouched() -> Vouched<'static> {
        let at = Timestamp::from_secs;
        let (from, until) = (at(1_800_000_000), at(1_800_000_180));
        Vouched { serial: 7, key_id: "alice@corp.test", principal: "alice", from, until }
    }

    #[test]
    fn a_certificate_says_what_is_vouched_for_and_nothing_of_the_keys_comment() {
        let key = SshCaKey::generate();
        let line = key.certify(HOLDER, vouched()).unwrap();
        let certificate: Certificate = line.parse().unwrap();
        assert_eq!(certificate.cert_type(), CertType::User);
        assert_eq!((certificate.serial(), certificate.key_id()), (7, "alice@corp.test"));
        assert_eq!(certificate.valid_principals(), ["alice"]);
        assert_eq!((certificate.valid_after(), certificate.valid_before()), (1_800_000_000, 1_800_000_180));
        assert_eq!(certificate.critical_options().iter().count(), 0);
        assert!(certificate.extensions().keys().map(String::as_str).eq(EXTENSIONS));
        let authority = PublicKey::from_openssh(&key.public_key()).unwrap();
        assert_eq!(certificate.signature_key(), authority.key_data());
        assert!(!line.contains("laptop"));
    }

    #[test]
    fn what_is_no_public_key_is_not_certified() {
        let key = SshCaKey::generate();
        let certified = key.certify(HOLDER, vouched()).unwrap();
        for line in ["", "nonsense", "ssh-ed25519 AAAA", &certified, &format!("{HOLDER}\n{HOLDER}")] {
            assert_eq!(key.certify(line, vouched()), Err(CannotCertify::PublicKey), "{line}");
        }
    }

    #[test]
    fn numbers_are_written_without_a_sign_and_without_zeros_before_them() {
        assert_eq!(mpint(&[0, 0, 1]), [0, 0, 0, 1, 1]);
        assert_eq!(mpint(&[0x80, 0]), [0, 0, 0, 3, 0, 0x80, 0]);
        assert_eq!(mpint(&[0, 0]), [0, 0, 0, 0]);
    }
}
