//! A sign-in on its way: what was asked for, and the hand-over at its end.
//!
//! Each step consumes the one before, so that a step cannot be taken twice or
//! out of order in code; that it cannot be taken twice by a browser is the
//! store's work.

use serde::{Deserialize, Serialize};

use crate::id::{AppId, ApprovalId, IdentityNonce, IdpId, PolicyId};
use crate::purpose::{Entry, Justification, Purpose};
use crate::redirect::ReturnPath;
use crate::secret::{Secret, SecretDigest, sha256_hex};
use crate::time::{Lifetime, Timestamp};

/// How long a person may take at their identity provider.
pub const LOGIN_LIFETIME: Lifetime = Lifetime::from_secs(600);
/// How long the hand-over between the two domains may take.
pub const HANDOFF_LIFETIME: Lifetime = Lifetime::from_secs(60);

/// What a sign-in is for: the application, the host by which it was reached
/// and the place to return to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub app: AppId,
    /// Scheme and authority of the application as the browser sees it, `https://wiki.example.com`.
    pub origin: String,
    pub return_to: ReturnPath,
    /// Digest of the browser's `CF_AppSession` cookie on the application's
    /// host. Without it the hand-over sets no cookie but starts anew.
    pub app_session: Option<String>,
    /// The common name of the client certificate that was valid on the
    /// application's host, where the sign-in was sent from; on the team's host
    /// none can be presented. The hand-over looks at the certificate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// A browser was sent to an identity provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AtProvider {
    /// Names this attempt; used up by the first callback that presents it.
    pub attempt: String,
    pub target: Target,
    pub idp: IdpId,
    /// The OpenID `nonce` the ID token must carry.
    pub nonce: String,
    /// The PKCE code verifier (RFC 7636).
    pub pkce_verifier: Option<String>,
    /// Digest of the browser's `CF_Session` cookie.
    pub browser: String,
    pub expires_at: Timestamp,
    /// The request that somebody signs in to decide about, and not to enter
    /// the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

impl AtProvider {
    #[must_use]
    pub fn begun(target: Target, idp: IdpId, pkce_verifier: Option<String>, browser: &Secret, now: Timestamp) -> Self {
        Self {
            attempt: Secret::random().expose().to_owned(),
            target,
            idp,
            nonce: Secret::random().expose().to_owned(),
            pkce_verifier,
            browser: browser.digest().to_hex(),
            expires_at: now.plus(LOGIN_LIFETIME),
            approval: None,
        }
    }

    /// The browser came back: what it wanted, if it is the one that left and is in time.
    #[must_use]
    pub fn returned(self, browser: &Secret, now: Timestamp) -> Option<Self> {
        let same = SecretDigest::from_hex(&self.browser) == Some(browser.digest());
        (same & (now < self.expires_at)).then_some(self)
    }
}

/// Somebody who signed in is asked what for, before they are handed over.
///
/// It is bound to the sign-in, and so to the browser that holds it and to the
/// provider that vouched for it; to what is entered, and to what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// Names this question; used up by the first answer.
    pub attempt: String,
    pub target: Target,
    pub session: IdentityNonce,
    pub policy: PolicyId,
    /// Digest of what the policy asked: an answer is to the words that were read.
    pub asked: String,
    pub is_sso: bool,
    pub expires_at: Timestamp,
}

impl Asking {
    #[must_use]
    pub fn begun(
        target: Target,
        session: IdentityNonce,
        policy: PolicyId,
        purpose: &Purpose,
        is_sso: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            attempt: Secret::random().expose().to_owned(),
            target,
            session,
            policy,
            asked: Self::digest_of(purpose),
            is_sso,
            expires_at: now.plus(LOGIN_LIFETIME),
        }
    }

    /// Whether this is what was asked.
    #[must_use]
    pub fn is_about(&self, policy: PolicyId, purpose: &Purpose) -> bool {
        self.policy == policy && self.asked == Self::digest_of(purpose)
    }

    /// What tells one question from another.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn digest_of(purpose: &Purpose) -> String {
        sha256_hex(&serde_json::to_string(purpose).expect("texts and numbers always serialize"))
    }
}

/// A finished sign-in waits to be collected on the application's host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    pub target: Target,
    pub session: IdentityNonce,
    pub expires_at: Timestamp,
    /// The hosts that the browser is led past, this one first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// What was given beyond who they are, where the policy asked for something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// What of it the log is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<Justification>,
}

impl Handoff {
    /// The hand-over of this sign-in, from now on.
    #[must_use]
    pub fn begun(target: Target, session: IdentityNonce, now: Timestamp) -> Self {
        let expires_at = now.plus(HANDOFF_LIFETIME);
        Self { target, session, expires_at, chain: None, entry: None, justification: None }
    }
}

/// A browser is led past the hosts of an application, to get its cookie at each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    pub app: AppId,
    /// What is left of the way, the next one first.
    pub hosts: Vec<String>,
    /// Where the person wanted to go, on the host where they began.
    pub end: String,
    pub expires_at: Timestamp,
    /// What was given at the first host: it is one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
}

impl Chain {
    /// The way from the next host on.
    #[must_use]
    pub fn after_this(&self) -> Self {
        Self { hosts: self.hosts.iter().skip(1).cloned().collect(), ..self.clone() }
    }
}
