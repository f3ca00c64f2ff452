//! An application's certificate authority for SSH (Access docs, "short-lived
//! certificates"). What its key can do is the signer's to know.

use crate::id::AppId;
use crate::secret::Secret;

/// Who vouches for people at the servers behind an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshCa {
    pub app: AppId,
    /// As `TrustedUserCAKeys` takes it.
    pub public_key: String,
    /// PKCS#8, in base64.
    pub private_key: Secret,
}
