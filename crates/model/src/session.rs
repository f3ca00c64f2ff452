//! The session that a sign-in opens on the team domain, and the marks that end
//! sessions before their time.

use crate::id::{Aud, IdentityNonce, UserId};
use crate::identity::Identity;
use crate::time::Timestamp;

/// One sign-in: who, until when. Every token that comes from it carries its nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub nonce: IdentityNonce,
    pub identity: Identity,
    pub created_at: Timestamp,
    /// When the organisation session ends; tokens may outlive it.
    pub expires_at: Timestamp,
}

impl Session {
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// What a revocation ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// One sign-in: a sign-out.
    Session(IdentityNonce),
    /// Everything of one person.
    User(UserId),
    /// Every token of one application.
    App(Aud),
}

/// The things a token belongs to; it is revoked when any of them was revoked
/// at or after the second in which the token was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearings {
    /// Absent in service tokens.
    pub session: Option<IdentityNonce>,
    pub user: Option<UserId>,
    /// Absent in organisation tokens.
    pub app: Option<Aud>,
    /// Seconds since the epoch.
    pub iat: i64,
}
