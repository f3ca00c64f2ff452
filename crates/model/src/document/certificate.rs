//! A root of client certificates. The certificate itself is kept beside the
//! document: the API takes it and never shows it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::certificate::RootCertificate;
use crate::id::CertificateId;

/// `…/access/certificates/{id}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateDocument {
    pub id: CertificateId,
    pub name: String,
    #[serde(default)]
    pub associated_hostnames: Vec<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateExtension {
    /// The certificate, DER in base64.
    pub certificate: String,
    /// Those of its hostnames whose origins are told of the client's certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_certificate_forwarding: Vec<String>,
}

impl CertificateDocument {
    /// The root that vouches for clients.
    ///
    /// # Errors
    /// When what is kept is no certificate.
    pub fn root(self, extension: CertificateExtension) -> Result<RootCertificate, &'static str> {
        let der = STANDARD.decode(&extension.certificate).map_err(|_| "its certificate is not base64")?;
        let mut root = RootCertificate::of_der(self.id, self.name, &der).ok_or("its certificate is none")?;
        let lower = |names: Vec<String>| names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        root.associated_hostnames = lower(self.associated_hostnames);
        root.forwarding_hostnames = lower(extension.client_certificate_forwarding);
        Ok(root)
    }
}

impl From<&RootCertificate> for CertificateDocument {
    fn from(root: &RootCertificate) -> Self {
        Self {
            id: root.id,
            name: root.name.clone(),
            associated_hostnames: root.associated_hostnames.clone(),
            expires_on: Some(root.not_after.to_rfc3339()),
            more: Map::new(),
        }
    }
}

impl From<&RootCertificate> for CertificateExtension {
    fn from(root: &RootCertificate) -> Self {
        Self {
            certificate: STANDARD.encode(&root.der),
            client_certificate_forwarding: root.forwarding_hostnames.clone(),
        }
    }
}
