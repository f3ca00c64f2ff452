//! The compact serialization of a JWS (RFC 7515 §7.1), as narrow as we write
//! it: three parts, one algorithm, a header that says nothing else. What the
//! claims mean is left to `verify`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::id::Aud;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use crate::key::SigningKey;
use crate::rejection::Rejection;
use crate::strict_json;

/// The longest token that is looked at, in bytes. Nothing we mint comes near
/// it, and beyond it no byte is decoded (K-11).
pub const MAX_TOKEN_LENGTH: usize = 8 * 1024;

/// A token whose signature has not been checked: nothing in it is true yet.
pub(crate) struct Unverified<'a> {
    /// Header and payload as they were signed.
    signed: &'a str,
    signature: &'a str,
    pub(crate) kid: String,
    pub(crate) payload: Vec<u8>,
}

/// All that a header of ours says. Anything more is refused: `crit` by
/// RFC 7515 §4.1.11, and `jwk`, `jku`, `x5u` and `x5c` because a token must not
/// bring its own key (RFC 8725 §3.10).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: Option<String>,
}

impl<'a> Unverified<'a> {
    pub(crate) fn read(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(Rejection::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Rejection::Malformed)?;
        let header: Header = strict_json::object(&decoded(header)?).ok_or(Rejection::Malformed)?;
        if header.alg != "RS256" || header.typ.is_some_and(|typ| typ != "JWT") {
            return Err(Rejection::Malformed);
        }
        Ok(Self { signed, signature, kid: header.kid, payload: decoded(payload)? })
    }

    /// Whether this key signed it. The algorithm is ours, not the header's (RFC 8725 §3.1).
    pub(crate) fn is_signed_by(&self, key: &DecodingKey) -> bool {
        jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, Algorithm::RS256).unwrap_or(false)
    }
}

/// The audience that a token claims, which nobody has checked: it says only
/// what the token is to be verified against.
#[must_use]
pub fn claimed_aud(token: &str) -> Option<Aud> {
    #[derive(Deserialize)]
    struct Claims {
        aud: OneOrMany,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(Aud),
        Many([Aud; 1]),
    }
    if token.len() > MAX_TOKEN_LENGTH {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    Some(match serde_json::from_slice::<Claims>(&payload).ok()?.aud {
        OneOrMany::One(aud) | OneOrMany::Many([aud]) => aud,
    })
}

/// The first part of every token that the key signs.
pub(crate) fn encoded_header(kid: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"JWT"}}"#))
}

/// Header and payload with their signature.
pub(crate) fn signed(encoded_header: &str, payload: &[u8], key: &SigningKey) -> String {
    let mut token = String::with_capacity(encoded_header.len() + payload.len() * 4 / 3 + 348);
    token.push_str(encoded_header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

/// Strict base64url: no padding, no white space, no bits left over. A part
/// with a dot in it is refused here too.
fn decoded(part: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)
}

#[cfg(test)]
mod tests;
