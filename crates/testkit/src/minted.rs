//! Tokens without a browser.

use serde::Deserialize;
use serde_json::Value;

/// A signed token, and the forms in which clients carry it.
#[derive(Clone, Debug, Deserialize)]
pub struct Minted {
    pub token: String,
    /// The value of a `Cookie` header.
    pub cookie: String,
    /// A browser that is signed in, as Playwright and its like load it.
    pub storage_state: Value,
    /// RFC 3339, by the gateway's clock.
    pub expires_at: String,
}
