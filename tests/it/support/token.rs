//! Looking into a JWT without believing it, and bending it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token, unverified.
pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, number: usize) -> Value {
    let text = token.split('.').nth(number).expect("three parts");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}

fn encode(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The same signature over another header.
pub(crate) fn with_header(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').expect("three parts");
    format!("{}.{rest}", encode(header))
}

/// The same signature over a header of this very text.
pub(crate) fn with_header_text(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').expect("three parts");
    format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header))
}

/// The same signature over other claims.
pub(crate) fn with_claims(token: &str, claims: &Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], encode(claims), parts[2])
}

/// A token without a signature, its algorithm named `alg`.
pub(crate) fn unsigned(token: &str, alg: &str) -> String {
    let mut header = header(token);
    header["alg"] = alg.into();
    format!("{}.{}.", encode(&header), encode(&claims(token)))
}
