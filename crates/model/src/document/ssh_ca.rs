//! An application's certificate authority for SSH: the private key is kept
//! sealed, beside the document. The object has the application's id.

use serde::{Deserialize, Serialize};

use crate::id::{AppId, Aud, SshCaId};
use crate::secret::Secret;
use crate::ssh_ca::SshCa;

/// `…/access/apps/{id}/ca`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshCaDocument {
    pub id: SshCaId,
    /// The audience of its application.
    pub aud: Aud,
    pub public_key: String,
}

impl SshCaDocument {
    /// The authority of an application.
    ///
    /// # Errors
    /// When its key is gone: nothing could be signed with it.
    pub fn ca(self, app: AppId, private_key: Option<Secret>) -> Result<SshCa, &'static str> {
        let private_key = private_key.ok_or("its private key is missing")?;
        Ok(SshCa { app, public_key: self.public_key, private_key })
    }
}
