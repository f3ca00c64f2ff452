//! What machines show: ids derived, secrets looked at and digested.

use doorward_model::id::ServiceTokenId;
use doorward_model::secret::{Secret, sha256_hex};
use doorward_model::service_token::{self, ClientId, ReplacedSecret, ServiceToken};
use doorward_model::time::Timestamp;

use super::Resolving;
use crate::config::document::At;
use crate::config::raw::RawServiceToken;

/// Shorter secrets could be guessed by somebody patient.
const SECRET_LENGTH: usize = 32;

impl Resolving<'_> {
    pub(super) fn service_token(&self, raw: RawServiceToken) -> Option<ServiceToken> {
        let expires_at = self.expiry(&raw);
        let previous = self.previous_secret(&raw);
        let (name, secret) = (raw.name?.value, raw.client_secret?);
        self.check_secret("client_secret", &secret);
        Some(ServiceToken {
            id: raw.id.map_or_else(|| ServiceTokenId::derived(self.account, &name), |at| at.value),
            client_id: raw.client_id.map_or_else(|| self.client_id(&name), |at| at.value),
            client_secret: secret.value.digest(),
            previous,
            enabled: raw.enabled,
            expires_at,
            name,
        })
    }

    fn previous_secret(&self, raw: &RawServiceToken) -> Option<ReplacedSecret> {
        let secret = raw.previous_client_secret.as_ref();
        match (secret, &raw.previous_client_secret_expires_at) {
            (Some(secret), Some(until)) => {
                self.check_secret("previous_client_secret", secret);
                Some(ReplacedSecret { client_secret: secret.value.digest(), until: until.value })
            }
            (Some(At { line, .. }), None) => {
                let text = "previous_client_secret needs an end; add previous_client_secret_expires_at";
                self.findings.error(*line, text);
                None
            }
            (None, Some(At { line, .. })) => {
                let text = "previous_client_secret_expires_at is of no use without previous_client_secret; remove it";
                self.findings.error(*line, text);
                None
            }
            (None, None) => None,
        }
    }

    fn check_secret(&self, key: &str, secret: &At<Secret>) {
        if secret.value.expose().len() < SECRET_LENGTH {
            let text = format!("{key} is shorter than {SECRET_LENGTH} characters; make one with: openssl rand -hex 32");
            self.findings.error(secret.line, text);
        } else if !service_token::is_intact(&secret.value) {
            let text =
                format!("{key} has not the checksum that ours have; look at it again, unless Cloudflare made it");
            self.findings.warning(secret.line, text);
        }
    }

    /// The public half follows from the name when it is not given.
    fn client_id(&self, name: &str) -> ClientId {
        let digest = sha256_hex(&format!("client_id:{}:{name}", self.account.as_str()));
        ClientId::try_from(format!("{}.access", &digest[..32])).expect("32 hex characters and .access are a client id")
    }

    fn expiry(&self, raw: &RawServiceToken) -> Option<Timestamp> {
        match (&raw.expires_at, &raw.duration) {
            (Some(end), None) => Some(end.value),
            (Some(_), Some(duration)) => {
                self.findings.error(duration.line, "expires_at and duration say the same twice; keep one of them");
                None
            }
            (None, Some(At { value: Some(duration), line })) => {
                let Some(created) = &raw.created_at else {
                    // Counted from the start of the process it would never end.
                    self.findings.error(*line, "duration counts from created_at; add it, or write expires_at instead");
                    return None;
                };
                Some(created.value.plus(*duration))
            }
            (None, _) => None,
        }
    }
}
