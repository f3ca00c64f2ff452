//! Client certificates: the roots that vouch for them, each on the hosts it is
//! associated with, and what is known of one that was presented. That a chain
//! of signatures leads to a root is for others to check.

mod x509;

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::id::CertificateId;
use crate::service_token::ClientId;
use crate::time::Timestamp;

pub use self::x509::{InvalidPem, from_pem};

/// A certificate authority whose certificates count on some hosts (Access
/// docs, "mutual TLS").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootCertificate {
    pub id: CertificateId,
    pub name: String,
    /// The certificate, DER.
    pub der: Arc<[u8]>,
    pub not_after: Timestamp,
    /// Exact names of hosts, in lower case.
    pub associated_hostnames: Vec<String>,
    /// Those of them whose origins are told of the client's certificate.
    pub forwarding_hostnames: Vec<String>,
}

impl RootCertificate {
    /// A root for no host yet; `None` when the bytes are no certificate.
    #[must_use]
    pub fn of_der(id: CertificateId, name: String, der: &[u8]) -> Option<Self> {
        let not_after = x509::read(der)?.not_after;
        let (associated_hostnames, forwarding_hostnames) = Default::default();
        Some(Self { id, name, der: der.into(), not_after, associated_hostnames, forwarding_hostnames })
    }

    /// Whether origins of this host are told of the client's certificate.
    #[must_use]
    pub fn forwards_on(&self, host: &str) -> bool {
        self.forwarding_hostnames.iter().any(|name| name == host)
    }
}

/// A certificate whose key the client holds and that a root vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Empty when the subject has none, or several.
    pub common_name: String,
    pub issuer_dn: String,
    /// In hex, as the issuer numbered it.
    pub serial: String,
    /// The issuer's key, in hex, where the certificate names it.
    pub issuer_ski: String,
    pub not_after: Timestamp,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// The certificate, DER.
    pub der: Arc<[u8]>,
    /// Who vouched for it.
    pub root: Arc<RootCertificate>,
}

impl ClientCertificate {
    /// What a certificate says that `root` vouches for.
    #[must_use]
    pub fn of_der(der: &[u8], root: &Arc<RootCertificate>) -> Option<Self> {
        let read = x509::read(der)?;
        Some(Self {
            common_name: read.common_name,
            issuer_dn: read.issuer_dn,
            serial: read.serial,
            issuer_ski: read.issuer_ski,
            not_after: read.not_after,
            fingerprint: Sha256::digest(der).into(),
            der: der.into(),
            root: Arc::clone(root),
        })
    }

    /// Whether its common name could be taken for a service token's client
    /// id: nothing else tells the two apart for an origin.
    #[must_use]
    pub fn poses_as_service_token(&self) -> bool {
        ClientId::try_from(self.common_name.clone()).is_ok()
    }
}

/// The client certificate of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Presented {
    #[default]
    Nothing,
    /// Nobody who counts on this host vouches for it, or not any more.
    Invalid,
    Valid(Arc<ClientCertificate>),
}

impl Presented {
    #[must_use]
    pub const fn valid(&self) -> Option<&Arc<ClientCertificate>> {
        match self {
            Self::Valid(certificate) => Some(certificate),
            Self::Nothing | Self::Invalid => None,
        }
    }
}
