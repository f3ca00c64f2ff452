//! Something to be told to somebody by mail.

use crate::email::Email;

/// A mail, before anybody has decided how it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub to: Email,
    pub subject: String,
    /// Plain text.
    pub text: String,
}
